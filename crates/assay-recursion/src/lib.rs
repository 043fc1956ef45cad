#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;

mod air;
mod builder;
#[cfg(feature = "mutation")]
pub mod checker;
mod circuit;
pub mod columns;
mod config;
mod constraint;
pub mod gadgets;
#[cfg(feature = "mutation")]
pub mod mutation;
mod pinned;
#[cfg(feature = "prover")]
mod prove;
mod security;
pub mod statement;
pub mod tree;
mod verify;
mod witness;

pub use air::{PUBLICS, RecursionAir};
pub use builder::{CircuitBuilder, LOG_RANGE};
pub use circuit::{Array, BuildError, Chain, Circuit, Counts, DigestWires, High, Hint, Permute, Rest, Wire};
#[cfg(feature = "prover")]
pub use config::RandomnessError;
pub use config::{
    FINAL, FINAL_KECCAK, FINAL_PARAMETERS, FinalConfig, INNER, INNER_PARAMETERS, KeccakConfig, Layer,
    LayerConfig, WRAP, WRAP_PARAMETERS, final_commitment,
};
#[cfg(feature = "mutation")]
pub use constraint::Without;
pub use constraint::{All, CONSTRAINTS, Constraint, Keeps};
pub use pinned::{MAX_LEVEL, final_key};
#[cfg(feature = "prover")]
pub use prove::{ProveError, ProvingKey};
pub use security::{LayerSecurity, layer_security};
pub use verify::{InnerProof, KeyError, VerifyError, VerifyingKey, proof_from_bytes, proof_to_bytes};
pub use witness::{Inputs, Violation, Witness};
