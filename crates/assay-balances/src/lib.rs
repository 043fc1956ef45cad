#![doc = include_str!("../README.md")]

pub mod bitcoin;
pub mod evm;
mod observations;

pub use observations::{Combined, Decimals, ObservationError, Observations};
