#![doc = include_str!("../README.md")]

pub mod bitcoin;
mod chain;
pub mod evm;
mod observations;

pub use chain::{ChainEvidence, EvidenceError, NamedBlock};
pub use observations::{Combined, Decimals, ObservationError, Observations};
