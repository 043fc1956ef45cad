//! Assets, entries, accounts, epochs and totals: the pure data that a proof of liabilities speaks about.
//!
//! Nothing here reads files, hashes or proves. Every other crate takes these definitions from here, so that a
//! symbol, an amount or an entry key means the same thing in the reader, the circuit and the verifier.
#![no_std]

extern crate alloc;

mod amount;
mod asset;
pub mod coverage;
mod entry;
mod epoch;
mod product;
mod totals;
mod uid;
mod wide;

pub use amount::{Amount, AmountError, DecimalError, format_decimal, parse_decimal, parse_total};
pub use asset::{
    Asset, AssetTable, AssetTableError, HaircutTier, Price, ProductHaircuts, Symbol, SymbolError,
};
pub use entry::{Entry, EntryKey, EntryKeyError, Kind, KindError};
pub use epoch::{Entity, Epoch, EpochError};
pub use product::{MAX_PRODUCTS, Product, ProductError, ProductName, Products, Role};
pub use totals::{Total, Totals, TotalsError};
pub use uid::{MAX_UID_BYTES, Uid, UidError};

/// Bits of an amount in base units.
pub const AMOUNT_BITS: u32 = 90;

/// Assets that one asset table can hold; with [`Kind::COUNT`] kinds each, every [`EntryKey`] stays below `2^13`.
pub const MAX_ASSETS: usize = 1_023;
