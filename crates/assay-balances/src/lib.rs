#![doc = include_str!("../README.md")]

pub mod bitcoin;
mod chain;
#[cfg(test)]
mod change;
pub mod evm;
mod observations;
pub mod utxo;

pub use chain::{ChainEvidence, EvidenceError, Holding, NamedBlock, holdings};
pub use observations::{
    Combined, Decimals, MAX_OBSERVATIONS_BYTES, OBSERVATIONS_FORMAT, ObservationError, ObservationFile,
    Observations, ObservedAnswer, ObservedBalance,
};
