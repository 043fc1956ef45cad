#![doc = include_str!("../README.md")]

mod address;
mod error;
mod evidence;
mod figure;
mod format;
mod lines;
mod policy;
mod reader;
mod row;
mod source;

pub use address::address_key;
pub use error::{Problem, ProblemKind, ReserveError};
pub use evidence::{
    Assessor, BalanceGrade, BalanceObservation, BalanceObservations, BalanceSource, ClaimsOnly, EvidenceLevel,
    OwnershipGrade, OwnershipResult,
};
pub use figure::{
    Difference, Figure, FigureError, PPM, Rounding, format_units, parse_base_units, parse_units, ratio_ppm,
};
pub use format::{ReserveFormat, Source};
pub use policy::{
    CoinName, Haircut, MAX_POLICY_BYTES, NetworkPolicy, Policy, Stablecoin, WrappedAsset, WrappedIssuer,
};
pub use reader::{ReadOptions, ReserveReader};
pub use row::{OwnerClass, Place, ReserveRow, SectionTotal, Staking, WrappedSupply};
pub use source::ScriptClaim;
