//! The verifier of batch proofs as a circuit.
//!
//! The native verifier of `p3-batch-stark` and `p3-fri` is the specification: the circuit absorbs the same values in
//! the same order, samples the same challenges and checks the same equations, for one [`ChildShape`] that is fixed
//! when the circuit is built. From top to bottom:
//! * `batch`: the proof as a whole, transcript and out-of-domain check;
//! * `constraints`: a table's constraints at the out-of-domain point;
//! * `fri`: queries, reduced openings, folding;
//! * `merkle`: commitments and paths;
//! * `transcript`: the challenger;
//! * `shape`: what is known before there is a proof;
//! * `push`: the host's side, which turns a proof into the circuit's inputs.

mod batch;
mod constraints;
mod fri;
mod merkle;
mod push;
mod shape;
mod transcript;

pub use batch::{VerifiedChild, verify_batch};
pub use push::{ProofError, push_proof};
pub use shape::{ChildShape, ShapeError};
