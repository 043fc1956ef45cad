//! Commitments and paths of Merkle trees over matrices of several heights.

use alloc::vec::Vec;
use core::array;

use assay_circuit::Val;

use super::transcript::{Transcript, number};
use crate::air::{COORDINATES, HALF};
use crate::{Array, BuildError, CircuitBuilder, Wire};

/// The cap of a tree: digests of all subtrees of one height.
pub(super) struct Cap {
    digests: Vec<[Wire; HALF]>,
    /// Elements 0 to 4 of each digest, and 5 to 7.
    halves: [Array; 2],
}

impl Cap {
    /// A cap from the proof.
    pub(super) fn read(builder: &mut CircuitBuilder, log_cap: usize) -> Self {
        let digests = (0..1usize << log_cap).map(|_| array::from_fn(|_| builder.input())).collect();
        Self::new(builder, digests)
    }

    /// A cap that is part of the circuit.
    pub(super) fn constant(builder: &mut CircuitBuilder, digests: &[[Val; HALF]]) -> Self {
        let digests = digests.iter().map(|digest| digest.map(|element| builder.constant(element))).collect();
        Self::new(builder, digests)
    }

    fn new(builder: &mut CircuitBuilder, digests: Vec<[Wire; HALF]>) -> Self {
        let part = |from: usize, to: usize| -> Vec<Vec<Wire>> {
            digests.iter().map(|digest| digest.iter().take(to).skip(from).copied().collect()).collect()
        };
        let halves =
            [builder.pack_array(&part(0, COORDINATES)), builder.pack_array(&part(COORDINATES, HALF))];
        Self { digests, halves }
    }

    /// Absorbs all digests.
    pub(super) fn observe(&self, builder: &mut CircuitBuilder, transcript: &mut Transcript) {
        for digest in &self.digests {
            transcript.observe_all(builder, digest);
        }
    }

    /// Levels between the root and the cap.
    pub(super) const fn log_len(&self) -> usize {
        self.digests.len().ilog2() as usize
    }
}

/// Which subtree below a cap a leaf is in: the top bits of its index. All trees of a query have the same top bits, so
/// the number is the same for caps of one size.
pub(super) struct CapOffsets<'a> {
    index: &'a [Wire],
    numbers: Vec<Option<Wire>>,
}

impl<'a> CapOffsets<'a> {
    pub(super) const fn new(index: &'a [Wire]) -> Self {
        Self { index, numbers: Vec::new() }
    }

    fn offset(&mut self, builder: &mut CircuitBuilder, log_cap: usize) -> Wire {
        if self.numbers.len() <= log_cap {
            self.numbers.resize(log_cap + 1, None);
        }
        let index = self.index;
        let compute = |builder: &mut CircuitBuilder| {
            let top = index.get(index.len().saturating_sub(log_cap)..).unwrap_or_default();
            number(builder, top)
        };
        match self.numbers.get_mut(log_cap) {
            Some(slot) => *slot.get_or_insert_with(|| compute(builder)),
            None => compute(builder),
        }
    }
}

/// Rows of all matrices of one height, one after the other.
pub(super) struct Rows {
    pub(super) log_height: usize,
    pub(super) values: Vec<Wire>,
}

/// Checks that `rows`, tallest first, are under a cap at an index of bits, lowest first. Siblings come from outside.
///
/// The tallest rows are the leaf; shorter ones join where the path has come up to their height. Rows for which there is
/// no such place, below the cap or above the leaf, are refused when the circuit is finished.
pub(super) fn verify_path(
    builder: &mut CircuitBuilder,
    cap: &Cap,
    rows: &[Rows],
    index: &[Wire],
    offsets: &mut CapOffsets<'_>,
) {
    let Some((leaf, shorter)) = rows.split_first() else { return };
    let chain = builder.chain();
    builder.hash_row(chain, &leaf.values);
    let mut shorter = shorter.iter().peekable();
    let mut log_height = leaf.log_height;
    let steps = log_height.saturating_sub(cap.log_len());
    for bit in index.iter().take(steps) {
        builder.merkle_step(chain, *bit);
        log_height -= 1;
        if let Some(joining) = shorter.next_if(|rows| rows.log_height == log_height) {
            let other = builder.chain();
            builder.hash_row(other, &joining.values);
            let digest = builder.output(other);
            builder.merkle_inject(chain, digest);
        }
    }
    if let Some(left) = shorter.next() {
        builder.refuse(BuildError::PathRows { log_height: left.log_height });
    }
    let offset = offsets.offset(builder, cap.log_len());
    let digest = builder.output(chain);
    for (half, expected) in digest.into_iter().zip(cap.halves) {
        builder.assert_selected(expected, offset, half);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Circuit;

    /// A circuit with a path for rows of these heights to a cap of two digests.
    fn with_path(log_heights: &[usize]) -> Result<Circuit, BuildError> {
        let mut builder = CircuitBuilder::new();
        let cap = Cap::read(&mut builder, 1);
        let zero = builder.zero();
        let rows: Vec<Rows> =
            log_heights.iter().map(|&log_height| Rows { log_height, values: alloc::vec![zero] }).collect();
        let index = [zero; 4];
        verify_path(&mut builder, &cap, &rows, &index, &mut CapOffsets::new(&index));
        builder.publish([zero; HALF]);
        builder.finish(5, 3)
    }

    #[test]
    fn rows_beside_the_path_are_refused() {
        for log_heights in [&[4][..], &[4, 3, 1], &[4, 2], &[1]] {
            assert!(with_path(log_heights).is_ok(), "{log_heights:?}");
        }
        for (log_heights, left) in
            [(&[4, 0][..], 0), (&[4, 3, 0], 0), (&[3, 4], 4), (&[4, 2, 3], 3), (&[4, 4], 4)]
        {
            let refused = Some(BuildError::PathRows { log_height: left });
            assert_eq!(with_path(log_heights).err(), refused, "{log_heights:?}");
        }
    }
}
