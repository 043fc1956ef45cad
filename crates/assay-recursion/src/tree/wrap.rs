//! The wrap circuit: verifies the root node and opens its totals.

use alloc::vec::Vec;

use assay_circuit::Val;
use assay_commit::{Hasher, SUBTREE_DEPTH, Tag};
use p3_field::PrimeCharacteristicRing;

use super::node::{Child, NodeError};
use super::totals::{Comparison, NodeList, assert_same, carry_chain};
use super::{StatementWires, TreeCircuitError, input_array, inputs, sponge};
use crate::VerifyingKey;
use crate::builder::{CircuitBuilder, LOG_RANGE};
use crate::circuit::{Circuit, Wire};
use crate::gadgets::{ChildShape, push_proof, verify_batch};
use crate::statement::{
    FINAL_ROW, FinalStatement, LIMBS, MAX_KEYS, NodeTotals, RECURSION_VERSION, SEGMENT_LIMBS,
};
use crate::witness::Inputs;

/// Log2 of the height of wrap circuits.
pub const LOG_HEIGHT: usize = 15;

/// The circuit for root nodes of one level.
pub struct WrapCircuit {
    circuit: Circuit,
    child: ChildShape,
}

impl WrapCircuit {
    /// The circuit for root nodes of this level, with this key.
    pub fn new(level: u32, child: &VerifyingKey) -> Result<Self, TreeCircuitError> {
        let child = child.shape()?;
        let mut b = CircuitBuilder::new();
        wrap(&mut b, level, &child);
        Ok(Self { circuit: b.finish(LOG_HEIGHT, LOG_RANGE)?, child })
    }

    /// The circuit.
    pub const fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// Inputs of the circuit for a root node, with what the final proof will state.
    pub fn inputs(&self, child: &Child<'_>, hasher: &Hasher) -> Result<(Inputs, FinalStatement), NodeError> {
        let statement = FinalStatement::new(child.statement, child.totals);
        let mut inputs = Inputs::default();
        StatementWires::push(child.statement, &mut inputs);
        let publics = child.statement.digest(hasher).0.to_vec();
        push_proof(&self.child, child.proof, &[publics], &mut inputs)?;
        NodeList::push(child.totals, &mut inputs);
        for row in statement.rows().unwrap_or_default() {
            row.into_iter().for_each(|element| inputs.push_base(element));
        }
        carries(child.totals).into_iter().for_each(|carry| inputs.push_base(carry));
        for row in child.totals.rows() {
            inputs.push_base(Val::from_u32(row.groups));
        }
        Ok((inputs, statement))
    }
}

// The number of groups stands above the node's limbs.
const _: () = assert!(SEGMENT_LIMBS == 8 && LIMBS == SEGMENT_LIMBS + 1);

fn wrap(b: &mut CircuitBuilder, level: u32, child: &ChildShape) {
    let node = StatementWires::input(b);
    let digest = node.digest(b, level);
    verify_batch(b, child, &[digest.to_vec()]);
    let node_list = NodeList::input(b);
    let node_totals = node_list.digest(b);
    assert_same(b, &node_totals, &node.totals);

    let rows: Vec<[Wire; FINAL_ROW]> = (0..MAX_KEYS).map(|_| input_array(b)).collect();
    let carries = inputs(b, MAX_KEYS * (LIMBS - 1));
    let groups = inputs(b, MAX_KEYS);
    let elements: Vec<Wire> = rows.iter().flatten().copied().collect();
    let chain = sponge(b, Tag::FinalTotals, &elements);
    let totals = b.output_elements(chain);

    let mut fixed = Vec::with_capacity(16 + carries.len() + groups.len());
    fixed.extend(node_totals);
    fixed.extend(totals);
    fixed.extend(&carries);
    fixed.extend(&groups);
    let comparison = Comparison::new(b, &fixed);
    let rho = comparison.rho;
    let (one, zero) = (b.one(), b.zero());
    let groups_place = {
        let square = b.mul(rho, rho);
        let fourth = b.mul(square, square);
        b.mul(fourth, fourth)
    };
    let mut opened = zero;
    let carries = carries.as_chunks::<{ LIMBS - 1 }>().0;
    for (i, ((row, carries), groups)) in rows.iter().zip(carries).zip(&groups).enumerate() {
        let [used, key, of_node @ .., top] = row;
        let [.., last] = carries;
        // A row that isn't in use stands for nothing: the verifier sees that its limbs are zero.
        let unused = b.sub(one, *used);
        b.assert_mul_add(*groups, unused, zero, zero);
        carries.iter().for_each(|carry| b.range(*carry));
        // The node's limbs and number of groups: the opened limbs with their carries undone.
        let mut figures = alloc::vec![*groups];
        figures.extend(of_node.iter().rev());
        let figures = b.horner(rho, &figures);
        let figures = comparison.undo_carries(b, figures, carries);
        // The last carry is the top limb, not a part of the groups at whose place the line above takes it away.
        b.assert_equal(*top, *last);
        let figures = b.mul_add(groups_place, *last, figures);
        let key = comparison.key(b, i, *key);
        opened = comparison.add(b, opened, key, figures);
    }
    let root = comparison.of_node(b, &node_list);
    b.assert_equal(root, opened);

    let version = b.constant(Val::from_u32(RECURSION_VERSION));
    let depth = b.constant(Val::from_u32(SUBTREE_DEPTH as u32 + level));
    let mut elements = alloc::vec![version, depth];
    elements.extend(node.epoch);
    elements.extend(node.top);
    elements.extend(totals);
    let chain = sponge(b, Tag::FinalStatement, &elements);
    let digest = b.output_elements(chain);
    b.publish(digest);
}

/// What goes from each limb's sum to the next limb, row by row.
fn carries(totals: &NodeTotals) -> Vec<Val> {
    totals.rows().iter().flat_map(|row| carry_chain(row.limbs.map(u64::from))).collect()
}
