//! The node circuit: two neighbours of one level, or a left one alone.

use alloc::vec::Vec;

use assay_circuit::Val;
use assay_commit::{EMPTY, Hasher, RowTag};
use p3_field::PrimeCharacteristicRing;

use super::leaf::LOG_HEIGHT;
use super::order::assert_below;
use super::totals::{Comparison, NodeList, assert_same};
use super::{StatementWires, TreeCircuitError, choose};
use crate::builder::{CircuitBuilder, LOG_RANGE};
use crate::circuit::{Circuit, High, Permute, Rest, Wire};
use crate::gadgets::{ChildShape, ProofError, push_proof, verify_batch};
use crate::statement::{NodeStatement, NodeTotals, TotalsListError, keys_at};
use crate::witness::Inputs;
use crate::{InnerProof, VerifyingKey};

/// The circuit of one level.
pub struct NodeCircuit {
    circuit: Circuit,
    child: ChildShape,
    level: u32,
}

/// A child: its proof, what it states, and its totals.
pub struct Child<'a> {
    /// The proof.
    pub proof: &'a InnerProof,
    /// What it states.
    pub statement: &'a NodeStatement,
    /// Its totals.
    pub totals: &'a NodeTotals,
}

/// Why two children have no node.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Children of another level.
    #[error("children of level {level} for a node of level {of}")]
    Level {
        /// Their level.
        level: u32,
        /// The node's.
        of: u32,
    },
    /// Too many keys.
    #[error(transparent)]
    Totals(#[from] TotalsListError),
    /// A proof of another shape.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl NodeCircuit {
    /// The circuit of a level from 1 up, for children with this key.
    pub fn new(level: u32, child: &VerifyingKey) -> Result<Self, TreeCircuitError> {
        let child = child.shape()?;
        let mut b = CircuitBuilder::new();
        node(&mut b, level, &child);
        Ok(Self { circuit: b.finish(LOG_HEIGHT, LOG_RANGE)?, child, level })
    }

    /// The circuit.
    pub const fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// Inputs of the circuit for two neighbours, or one without a right neighbour, with what they state together.
    pub fn inputs(
        &self,
        left: &Child<'_>,
        right: Option<&Child<'_>>,
        hasher: &Hasher,
    ) -> Result<(Inputs, NodeStatement, NodeTotals), NodeError> {
        let children = core::iter::once(left).chain(right);
        let totals = NodeTotals::of_node(children.map(|child| child.totals))?;
        let statement = left.statement.join(right.map(|right| right.statement), &totals, hasher);
        let mut inputs = Inputs::default();
        inputs.push_base(Val::from_bool(right.is_none()));
        // Where there is no right child the left one stands in its place and isn't counted.
        for child in [left, right.unwrap_or(left)] {
            StatementWires::push(child.statement, &mut inputs);
            let publics = child.statement.digest(hasher).0.to_vec();
            push_proof(&self.child, child.proof, &[publics], &mut inputs)?;
            NodeList::push(child.totals, &mut inputs);
        }
        // The first key on the right; without a right child any key above all.
        let first = right.map_or([Val::NEG_ONE; 2], |right| right.statement.first);
        first.into_iter().for_each(|element| inputs.push_base(element));
        NodeList::push(&totals, &mut inputs);
        if statement.level != self.level {
            return Err(NodeError::Level { level: left.statement.level, of: self.level });
        }
        Ok((inputs, statement, totals))
    }
}

fn node(b: &mut CircuitBuilder, level: u32, child: &ChildShape) {
    let absent = b.input();
    b.assert_bool(absent);
    let (one, zero) = (b.one(), b.zero());
    let present = b.sub(one, absent);
    let [(left, left_list), (right, right_list)] = [(), ()].map(|()| {
        let statement = StatementWires::input(b);
        let digest = statement.digest(b, level - 1);
        verify_batch(b, child, &[digest.to_vec()]);
        let list = NodeList::input(b, keys_at(level - 1));
        let totals = list.digest(b);
        assert_same(b, &totals, &statement.totals);
        (statement, list)
    });

    // One epoch, and so one entity and one asset table.
    assert_same(b, &left.epoch, &right.epoch);
    assert_same(b, &left.prices, &right.prices);
    // Nothing stands to the right of a gap: with a right child, all places on the left are taken.
    b.assert_mul_add(present, left.full, zero, present);
    let full = b.mul(present, right.full);

    // Keys go on across the border. Without a right child, `first` is anything above.
    let first = [b.input(), b.input()];
    for (first, of_right) in first.into_iter().zip(right.first) {
        let difference = b.sub(first, of_right);
        b.assert_mul_add(difference, present, zero, zero);
    }
    assert_below(b, left.last, first);
    let last = [0, 1].map(|i| choose(b, absent, left.last[i], right.last[i]));

    let empty = EMPTY.0.map(|element| b.constant(element));
    let right_top = core::array::from_fn(|i| choose(b, absent, empty[i], right.top[i]));
    let top = compress_node(b, &left.top, &right_top);

    let list = NodeList::input(b, keys_at(level));
    let totals = list.digest(b);
    let fixed: Vec<Wire> = [left.totals, right.totals, totals].concat();
    let comparison = Comparison::new(b, &fixed);
    let sums = [&left_list, &right_list, &list].map(|list| comparison.of_node(b, list));
    b.assert_mul_add(sums[1], present, sums[0], sums[2]);

    let statement =
        StatementWires { full, epoch: left.epoch, top, first: left.first, last, totals, prices: left.prices };
    let digest = statement.digest(b, level);
    b.publish(digest);
}

/// The digest of a node of the accounts' tree, as `assay-commit` computes it.
fn compress_node(b: &mut CircuitBuilder, left: &[Wire; 8], right: &[Wire; 8]) -> [Wire; 8] {
    let right = b.pack_digest(*right);
    let chain = b.chain();
    let lanes = left.map(Some);
    b.permute(chain, Permute::Row { lanes, rest: Rest::Zero, high: High::Load(right) });
    let output = b.output_elements(chain);
    let tag = b.constant(RowTag::Node.element());
    let one = b.one();
    core::array::from_fn(|i| {
        let sum = b.add(output[i], left[i]);
        if i == 0 { b.mul_add(tag, one, sum) } else { sum }
    })
}
