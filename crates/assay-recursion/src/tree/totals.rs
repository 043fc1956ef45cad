//! Comparing lists of totals.
//!
//! Two lists agree if for every key the sums over its rows agree. With random `delta` and `rho` that is one equation,
//! `sum row(rho) / (delta - key)` over either list, where `row(rho)` is a polynomial in the row's figures (the argument
//! of Haböck, *Multivariate lookups based on logarithmic derivatives*, eprint 2022/1530, inside the circuit).
//! All figures must be fixed before the two are drawn, so they come from a hash over everything that a prover could
//! still choose.

use alloc::vec::Vec;

use assay_circuit::{Challenge, Val};
use assay_commit::Tag;
use p3_field::{BasedVectorSpace, PrimeCharacteristicRing};

use super::{inputs, sponge};
use crate::builder::{CircuitBuilder, LOG_RANGE};
use crate::circuit::{High, Permute, Rest, Wire};
use crate::statement::{ACCOUNTS_KEY, NODE_ROW, NodeTotals};
use crate::witness::Inputs;

/// The challenges of one comparison.
pub(super) struct Comparison {
    delta: Wire,
    pub(super) rho: Wire,
    /// `2^15 - rho`.
    carried: Wire,
    /// Under this key the accounts are counted. It isn't base, so no entry of a segment can have it, whatever key
    /// a dishonest prover gives the entry.
    pub(super) accounts: Wire,
}

impl Comparison {
    /// Draws the challenges from a hash over all that they must come after.
    pub(super) fn new(b: &mut CircuitBuilder, fixed: &[Wire]) -> Self {
        let chain = sponge(b, Tag::TotalsChallenge, fixed);
        let [delta, _] = b.output(chain);
        let high = High::Carry { tag: Val::ZERO };
        b.permute(chain, Permute::Row { lanes: [None; 8], rest: Rest::Carry, high });
        let [rho, _] = b.output(chain);
        let radix = b.constant(Val::from_u32(1 << LOG_RANGE));
        let carried = b.sub(radix, rho);
        let accounts = b.constant_ext(Challenge::from_basis_coefficients_fn(|i| Val::from_bool(i == 1)));
        Self { delta, rho, carried, accounts }
    }

    /// What row `row` of a list is compared under: its key, but the first row is that of the accounts.
    #[cfg_attr(feature = "mutation", track_caller)]
    pub(super) fn key(&self, b: &mut CircuitBuilder, row: usize, key: Wire) -> Wire {
        if row > 0 {
            return key;
        }
        let accounts = b.constant(Val::from_u32(ACCOUNTS_KEY));
        b.assert_equal(key, accounts);
        self.accounts
    }

    /// `figures` with the carries between their limbs undone; the first carry goes from the lowest limb to the next.
    ///
    /// `sum_j rho^j (2^15 carry_(j+1) - carry_j) = (2^15 - rho) sum_j rho^j carry_(j+1)`, where the highest carry is
    /// taken from the place above the limbs.
    pub(super) fn undo_carries(&self, b: &mut CircuitBuilder, figures: Wire, carries: &[Wire]) -> Wire {
        let carries: Vec<Wire> = carries.iter().rev().copied().collect();
        let carries = b.horner(self.rho, &carries);
        b.mul_add(self.carried, carries, figures)
    }

    /// `sum + figures / (delta - key)`.
    #[cfg_attr(feature = "mutation", track_caller)]
    pub(super) fn add(&self, b: &mut CircuitBuilder, sum: Wire, key: Wire, figures: Wire) -> Wire {
        let minus_one = b.constant(Val::NEG_ONE);
        let denominator = b.mul_add(key, minus_one, self.delta);
        let quotient = b.divide(figures, denominator);
        b.add(sum, quotient)
    }

    /// Sum over a node's list.
    pub(super) fn of_node(&self, b: &mut CircuitBuilder, list: &NodeList) -> Wire {
        let mut sum = b.zero();
        for (i, row) in list.rows().enumerate() {
            // Highest power first: number of groups, limbs from the top.
            let [key, figures @ ..] = row;
            let figures: Vec<Wire> = figures.iter().rev().copied().collect();
            let figures = b.horner(self.rho, &figures);
            let key = self.key(b, i, *key);
            sum = self.add(b, sum, key, figures);
        }
        sum
    }
}

/// A node's list of totals in wires, base elements because they are hashed.
pub(super) struct NodeList(Vec<Wire>);

impl NodeList {
    /// A list of so many keys.
    pub(super) fn input(b: &mut CircuitBuilder, keys: usize) -> Self {
        Self(inputs(b, keys * NODE_ROW))
    }

    pub(super) fn push(totals: &NodeTotals, inputs: &mut Inputs) {
        totals.rows().iter().flat_map(|row| row.elements()).for_each(|element| inputs.push_base(element));
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &[Wire; NODE_ROW]> {
        self.0.as_chunks().0.iter()
    }

    #[cfg_attr(feature = "mutation", track_caller)]
    pub(super) fn digest(&self, b: &mut CircuitBuilder) -> [Wire; 8] {
        let chain = sponge(b, Tag::NodeTotals, &self.0);
        b.output_elements(chain)
    }
}

/// Asserts that the wires' elements agree.
#[cfg_attr(feature = "mutation", track_caller)]
pub(super) fn assert_same<const N: usize>(b: &mut CircuitBuilder, left: &[Wire; N], right: &[Wire; N]) {
    for (left, right) in left.iter().zip(right) {
        b.assert_equal(*left, *right);
    }
}

/// What goes from each limb's sum to the next limb, for sums from the lowest limb up.
pub(super) fn carry_chain(sums: impl IntoIterator<Item = u64>) -> impl Iterator<Item = Val> {
    sums.into_iter().scan(0, |carry, sum| {
        *carry = (sum + *carry) >> LOG_RANGE;
        Some(Val::from_u32(*carry as u32))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether an account row of a list agrees with figures under a key.
    fn agrees(row: usize, key: u32) -> bool {
        let mut b = CircuitBuilder::new();
        let zero = b.zero();
        let comparison = Comparison::new(&mut b, &[zero]);
        let (one, key) = (b.one(), b.constant(Val::from_u32(key)));
        let accounts = comparison.add(&mut b, zero, comparison.accounts, one);
        let key = comparison.key(&mut b, row, key);
        let figures = comparison.add(&mut b, zero, key, one);
        b.assert_equal(accounts, figures);
        b.publish([zero; 8]);
        let circuit = b.finish(6, 5).unwrap();
        circuit.run(&Inputs::default()).violations().is_empty()
    }

    /// A phantom entry whose key is a number of the prover's choice never counts as an account.
    #[test]
    fn no_entry_counts_as_an_account() {
        assert!(agrees(0, ACCOUNTS_KEY) && !agrees(0, 0));
        for key in [0, 1, 2, 8, 8192, 0x7f00_0000] {
            assert!(!agrees(1, key), "{key}");
        }
    }

    #[test]
    fn carries_are_those_of_addition() {
        let carries: Vec<Val> = carry_chain([(1 << LOG_RANGE) - 1, 5 << LOG_RANGE, 1]).collect();
        assert_eq!(carries, [0, 5, 0].map(Val::from_u32));
    }
}
