#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;

mod account_table;
mod config;
mod constraint;
mod coverage_table;
mod entry_table;
mod hash_table;
mod identity;
mod pledge_table;
mod prices;
mod publics;
mod range_table;
mod security;
mod segment;
mod shape;
mod trace;

#[cfg(feature = "mutation")]
pub mod checker;

pub use account_table::{AccountTable, columns as account_columns};
pub use config::{Challenge, ProofParameters, SEGMENT_PARAMETERS, SegmentConfig, Val};
#[cfg(feature = "mutation")]
pub use constraint::Without;
pub use constraint::{All, Constraint, Keeps};
pub use coverage_table::{CoverageTable, columns as coverage_columns};
pub use entry_table::{EntryTable, columns as entry_columns};
pub use hash_table::{HashTable, Permutation, Rounds, columns as hash_columns, round_constants};
pub use identity::{CIRCUIT_ID, CircuitId, Evaluator, compute_circuit_id, fingerprint};
pub use pledge_table::{PledgeTable, columns as pledge_columns};
pub use prices::SegmentPrices;
pub use publics::{PublicsError, SegmentPublics, TotalsRow, totals_digest};
pub use range_table::{RangeTable, columns as range_columns};
pub use security::{ProofShape, SecurityBits, SegmentSecurity, TableShape, segment_security};
pub use segment::{
    LOG_RANGE, MAX_GROUP, MAX_LOG_HEIGHTS, MIN_LOG_HEIGHT, PLAIN_TABLES, SegmentAir, TABLES, Variant,
    segment_airs, segment_common,
};
pub use shape::{MAX_TOTALS_ROWS, SEGMENT_SHAPES, SegmentShape, SegmentSize};
pub use trace::{
    SegmentAccount, SegmentInput, SegmentTrace, TraceError, build_segment, generate_permutations,
};

pub use p3_batch_stark;
