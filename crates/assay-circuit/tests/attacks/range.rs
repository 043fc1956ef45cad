//! The range table, and the lookups into it.

use super::entry::pieces;
use crate::forge::{Forge, v};

/// The table starts below zero, so that negative numbers are in range; it is twice as high then.
pub(crate) fn negative_numbers() -> Vec<Forge> {
    let mut forge = pieces([-5, 0, 0, 0, 0, 0], false);
    forge.range = (-(1 << 15)..1 << 15).map(v).collect();
    vec![forge]
}

/// A number of the table is replaced by a negative one.
pub(crate) fn foreign_number() -> Vec<Forge> {
    let mut forge = pieces([-5, 0, 0, 0, 0, 0], false);
    forge.range[20_000] = v(-5);
    vec![forge]
}

/// The table goes on beyond 15 bits.
pub(crate) fn larger_numbers() -> Vec<Forge> {
    let mut forge = pieces([0, 0, 0, 0, 0, 40_000], false);
    forge.range = (0..1 << 16).map(v).collect();
    vec![forge]
}
