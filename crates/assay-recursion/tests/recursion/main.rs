//! Tests of the recursion from outside: its table, the verifier as a circuit, the layers, and the tree of proofs.
//!
//! All in one program, as linking the proof system takes longer than most of them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod gadget_batch;
mod gadget_cheating;
mod gadget_common;
mod gadget_corruption;
mod gadget_transcript;
mod hiding;
mod layer_common;
mod layers;
mod table;
mod table_common;
mod tree;
mod tree_common;
mod tree_forced;
mod tree_mutation;
