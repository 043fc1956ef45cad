//! Comparing lists of totals.
//!
//! Two lists agree if for every key the sums over its rows agree. With random `delta` and `rho` that is one equation,
//! `sum row(rho) / (delta - key)` over either list, where `row(rho)` is a polynomial in the row's figures (the argument
//! of Haböck, *Multivariate lookups based on logarithmic derivatives*, eprint 2022/1530, inside the circuit).
//! All figures must be fixed before the two are drawn, so they come from a hash over everything that a prover could
//! still choose.

use alloc::vec::Vec;

use assay_circuit::Val;
use assay_commit::Tag;
use p3_field::PrimeCharacteristicRing;

use super::{inputs, sponge};
use crate::builder::CircuitBuilder;
use crate::circuit::{High, Permute, Rest, Wire};
use crate::statement::{MAX_KEYS, NODE_ROW, NodeTotals};
use crate::witness::Inputs;

/// The challenges, and the sum so far.
pub(super) struct Comparison {
    delta: Wire,
    pub(super) rho: Wire,
}

impl Comparison {
    /// Draws the challenges from a hash over all that they must come after.
    pub(super) fn new(b: &mut CircuitBuilder, fixed: &[Wire]) -> Self {
        let chain = sponge(b, Tag::TotalsChallenge, fixed);
        let [delta, _] = b.output(chain);
        let high = High::Carry { tag: Val::ZERO };
        b.permute(chain, Permute::Row { lanes: [None; 8], rest: Rest::Carry, high });
        let [rho, _] = b.output(chain);
        Self { delta, rho }
    }

    /// `sum + figures / (delta - key)`.
    pub(super) fn add(&self, b: &mut CircuitBuilder, sum: Wire, key: Wire, figures: Wire) -> Wire {
        let minus_one = b.constant(Val::NEG_ONE);
        let denominator = b.mul_add(key, minus_one, self.delta);
        let quotient = b.divide(figures, denominator);
        b.add(sum, quotient)
    }

    /// Sum over a node's list.
    pub(super) fn of_node(&self, b: &mut CircuitBuilder, list: &NodeList) -> Wire {
        let mut sum = b.zero();
        for row in list.rows() {
            // Highest power first: number of groups, limbs from the top.
            let [key, figures @ ..] = row;
            let figures: Vec<Wire> = figures.iter().rev().copied().collect();
            let figures = b.horner(self.rho, &figures);
            sum = self.add(b, sum, *key, figures);
        }
        sum
    }
}

/// A node's list of totals in wires, base elements because they are hashed.
pub(super) struct NodeList(Vec<Wire>);

impl NodeList {
    pub(super) fn input(b: &mut CircuitBuilder) -> Self {
        Self(inputs(b, MAX_KEYS * NODE_ROW))
    }

    pub(super) fn push(totals: &NodeTotals, inputs: &mut Inputs) {
        totals.rows().iter().flat_map(|row| row.elements()).for_each(|element| inputs.push_base(element));
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &[Wire; NODE_ROW]> {
        self.0.as_chunks().0.iter()
    }

    pub(super) fn digest(&self, b: &mut CircuitBuilder) -> [Wire; 8] {
        let chain = sponge(b, Tag::NodeTotals, &self.0);
        b.output_elements(chain)
    }
}

/// Asserts that the wires' elements agree.
pub(super) fn assert_same<const N: usize>(b: &mut CircuitBuilder, left: &[Wire; N], right: &[Wire; N]) {
    for (left, right) in left.iter().zip(right) {
        b.assert_equal(*left, *right);
    }
}
