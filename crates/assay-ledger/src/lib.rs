#![doc = include_str!("../README.md")]

mod assets;
mod batch;
mod check;
mod coverage;
mod error;
mod fingerprint;
mod format;
mod log;
mod options;
mod prices;
mod reader;
mod reserves;
mod sort;
mod source;
pub mod synthetic;
mod window;

pub use assets::{read_asset_csv, read_asset_table, write_asset_table};
pub use batch::{Account, AccountBatch};
pub use check::{CheckReport, check};
pub use coverage::{Coverage, Excluded};
pub use error::{LedgerError, Place, Problem, ProblemKind};
pub use fingerprint::{FileFingerprint, InputFingerprint, fingerprint, quick_fingerprint};
pub use format::LedgerFormat;
pub use options::{Order, ReadOptions, Rounding};
pub use prices::{PriceFile, price_assets, read_prices};
pub use reader::{AccountReader, Progress, Stage};
pub use reserves::read_reserves;

#[cfg(test)]
mod tests;
