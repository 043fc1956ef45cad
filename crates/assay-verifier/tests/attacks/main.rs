//! What a dishonest exchange does to a bundle, and what honest bundles say.
//!
//! All in one program, so that the tests share their proofs, which take about a second each.
#![allow(clippy::unwrap_used, reason = "tests")]

mod debt;
mod exchange;
mod final_proof;
mod honest;
mod layout;
mod malformed;
mod parameters;
mod property;
mod segments;
mod totals;
mod transcript;
