//! Keys of the final circuits, which verifiers have compiled in.

use assay_circuit::{SEGMENT_SHAPES, SegmentShape, Val};
use assay_commit::Digest;

use crate::statement::TotalsMode;

/// Levels above the segments that a tree can have: `2^14` segments.
pub const MAX_LEVEL: u32 = 14;

/// Digest of the final key that shows totals or bounds, for segments of a shape under a tree of so many levels, if there
/// is such a circuit.
pub fn final_key(mode: TotalsMode, shape: SegmentShape, level: u32) -> Option<Digest> {
    let shape = SEGMENT_SHAPES.iter().position(|known| *known == shape)?;
    let keys = FINAL_KEYS.get(usize::from(mode.number()))?;
    let key = keys.get(shape)?.get(usize::try_from(level).ok()?)?;
    Some(Digest(Val::new_array(*key)))
}

/// By mode, by shape in the order of [`SEGMENT_SHAPES`], and by level. `cargo run --release -p assay-recursion --features
/// prover,parallel --example pin_keys` computes them.
const FINAL_KEYS: [[[[u32; 8]; MAX_LEVEL as usize + 1]; SEGMENT_SHAPES.len()]; TotalsMode::ALL.len()] =
    include!("pinned_keys.in");
