//! The wrap circuit: verifies the root node and opens its totals, or shows bounds that they keep.

use alloc::vec::Vec;

use assay_circuit::Val;
use assay_commit::{Hasher, SUBTREE_DEPTH, Tag};
use p3_field::PrimeCharacteristicRing;

use super::node::Child;
use super::totals::{Comparison, NodeList, assert_same, carry_chain};
use super::{StatementWires, TreeCircuitError, input_array, inputs, sponge};
use crate::VerifyingKey;
use crate::builder::{CircuitBuilder, LOG_RANGE};
use crate::circuit::{Circuit, Wire};
use crate::gadgets::{ChildShape, ProofError, push_proof, verify_batch};
use crate::statement::{
    FINAL_ROW, FinalRow, FinalStatement, FinalTotals, LIMBS, NodeRow, NodeStatement, RECURSION_VERSION,
    SEGMENT_LIMBS, TotalsMode, keys_at, limbs,
};
use crate::witness::Inputs;

/// Log2 of the height of wrap circuits.
pub const LOG_HEIGHT: usize = 15;

/// The circuit for root nodes of one level.
pub struct WrapCircuit {
    circuit: Circuit,
    child: ChildShape,
    level: u32,
    mode: TotalsMode,
}

/// What a final proof is to show.
#[derive(Clone, Copy)]
pub enum Show<'a> {
    /// The totals.
    Totals,
    /// Bounds on them, and a commitment with this salt.
    Bounds(&'a [FinalRow], &'a [Val; 8]),
}

impl WrapCircuit {
    /// The circuit for root nodes of this level, with this key.
    pub fn new(level: u32, mode: TotalsMode, child: &VerifyingKey) -> Result<Self, TreeCircuitError> {
        let child = child.shape()?;
        let mut b = CircuitBuilder::new();
        wrap(&mut b, level, mode, &child);
        Ok(Self { circuit: b.finish(LOG_HEIGHT, LOG_RANGE)?, child, level, mode })
    }

    /// The circuit.
    pub const fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// Inputs of the circuit for a root node, with what the final proof will state.
    pub fn inputs(
        &self,
        child: &Child<'_>,
        show: Show<'_>,
        hasher: &Hasher,
    ) -> Result<(Inputs, FinalStatement), WrapError> {
        let totals = match show {
            Show::Totals => FinalTotals::open(child.totals),
            Show::Bounds(bounds, salt) => FinalTotals::bounded(child.totals, bounds, salt, hasher),
        };
        let NodeStatement { level, epoch, top, prices, .. } = *child.statement;
        let statement = FinalStatement { level, epoch, top, totals, prices };
        if level != self.level || statement.totals.mode() != self.mode {
            return Err(WrapError::Other);
        }
        let rows = statement.rows().ok_or(WrapError::TooManyKeys { most: keys_at(level) })?;

        let mut inputs = Inputs::default();
        StatementWires::push(child.statement, &mut inputs);
        let publics = child.statement.digest(hasher).0.to_vec();
        push_proof(&self.child, child.proof, &[publics], &mut inputs)?;
        NodeList::push(child.totals, &mut inputs);
        for row in rows {
            row.into_iter().for_each(|element| inputs.push_base(element));
        }
        // Bounds can be for keys that the root doesn't have.
        let no_row = |key| NodeRow { key, limbs: [0; SEGMENT_LIMBS], groups: 0 };
        let found = |key: u32| child.totals.rows().iter().find(|row| row.key == key).copied();
        let shown = statement.totals.rows();
        let of_root: Vec<NodeRow> = match self.mode {
            TotalsMode::Open => child.totals.rows().to_vec(),
            TotalsMode::Bounded => (0..keys_at(level))
                .map(|i| {
                    shown.get(i).map_or(no_row(0), |bound| found(bound.key).unwrap_or(no_row(bound.key)))
                })
                .collect(),
        };
        let slack: Vec<[u32; LIMBS]> = match self.mode {
            TotalsMode::Open => Vec::new(),
            TotalsMode::Bounded => (of_root.iter().enumerate())
                .map(|(i, row)| {
                    limbs(
                        shown
                            .get(i)
                            .map_or(0, |bound| bound.figure.wrapping_sub(row.total().unwrap_or_default())),
                    )
                })
                .collect(),
        };
        for (i, row) in of_root.iter().enumerate() {
            let slack = slack.get(i).copied().unwrap_or_default();
            let sums = row.limbs.iter().zip(slack).map(|(limb, slack)| u64::from(*limb) + u64::from(slack));
            carry_chain(sums).for_each(|carry| inputs.push_base(carry));
        }
        of_root.iter().for_each(|row| inputs.push_base(Val::from_u32(row.groups)));
        slack.iter().flatten().for_each(|limb| inputs.push_base(Val::from_u32(*limb)));
        if let Show::Bounds(_, salt) = show {
            salt.iter().for_each(|element| inputs.push_base(*element));
        }
        Ok((inputs, statement))
    }
}

/// Why there is no wrap proof of a root node.
#[derive(Debug, thiserror::Error)]
pub enum WrapError {
    /// Another level, or totals to show where the circuit shows bounds, or the reverse.
    #[error("the last circuit is one for another level or mode")]
    Other,
    /// More bounds than a proof holds.
    #[error("a final proof holds {most} keys")]
    TooManyKeys {
        /// Keys, with that of the accounts.
        most: usize,
    },
    /// A proof of another shape.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

// The number of groups stands above the node's limbs.
const _: () = assert!(SEGMENT_LIMBS == 8 && LIMBS == SEGMENT_LIMBS + 1);

fn wrap(b: &mut CircuitBuilder, level: u32, mode: TotalsMode, child: &ChildShape) {
    let keys = keys_at(level);
    let node = StatementWires::input(b);
    let digest = node.digest(b, level);
    verify_batch(b, child, &[digest.to_vec()]);
    let node_list = NodeList::input(b, keys);
    let node_totals = node_list.digest(b);
    assert_same(b, &node_totals, &node.totals);

    let rows: Vec<[Wire; FINAL_ROW]> = (0..keys).map(|_| input_array(b)).collect();
    let private = Private {
        carries: inputs(b, keys * (LIMBS - 1)),
        groups: inputs(b, keys),
        slack: match mode {
            TotalsMode::Open => None,
            TotalsMode::Bounded => Some(inputs(b, keys * LIMBS)),
        },
    };
    let elements: Vec<Wire> = rows.iter().flatten().copied().collect();
    let chain = sponge(b, Tag::FinalTotals, &elements);
    let totals = b.output_elements(chain);
    compare(b, &node_list, &[node_totals, totals], &rows, &private);

    let start = [RECURSION_VERSION, SUBTREE_DEPTH as u32 + level, u32::from(mode.number())];
    let mut elements: Vec<Wire> = start.map(|number| b.constant(Val::from_u32(number))).to_vec();
    elements.extend(node.epoch);
    elements.extend(node.top);
    elements.extend(totals);
    elements.extend(node.prices);
    if mode == TotalsMode::Bounded {
        let salt: [Wire; 8] = input_array(b);
        // The salt is only hashed, and a permutation can't be what writes a wire.
        for elements in salt.chunks(5) {
            b.pack(elements);
        }
        let chain = sponge(b, Tag::HiddenTotals, &[salt, node_totals].concat());
        elements.extend(b.output_elements(chain));
    }
    let chain = sponge(b, Tag::FinalStatement, &elements);
    let digest = b.output_elements(chain);
    b.publish(digest);
}

/// What only the prover knows, row by row: what is carried to each limb but the lowest, the number of groups, and how
/// far the total is below its bound.
struct Private {
    carries: Vec<Wire>,
    groups: Vec<Wire>,
    slack: Option<Vec<Wire>>,
}

/// Ties the rows that are shown to the node's list: limb by limb, its sum plus the slack plus what comes from the limb
/// below is the shown limb plus `2^15` times what goes to the limb above.
fn compare(
    b: &mut CircuitBuilder,
    list: &NodeList,
    digests: &[[Wire; 8]; 2],
    rows: &[[Wire; FINAL_ROW]],
    private: &Private,
) {
    let Private { carries, groups, slack } = private;
    let slack = slack.as_deref().unwrap_or_default();
    let fixed: Vec<Wire> = [digests.as_flattened(), carries, groups, slack].concat();
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
    let slack = slack.as_chunks::<LIMBS>().0;
    for (i, ((row, carries), groups)) in rows.iter().zip(carries).zip(groups).enumerate() {
        let [used, key, shown @ .., top] = row;
        let [.., last] = carries;
        // A row that isn't in use stands for nothing: the verifier sees that its limbs are zero.
        let unused = b.sub(one, *used);
        b.assert_mul_add(*groups, unused, zero, zero);
        carries.iter().for_each(|carry| b.range(*carry));
        // The node's limbs and number of groups: the shown limbs with slack and carries undone.
        let mut figures = alloc::vec![*groups];
        figures.extend(shown.iter().rev());
        let figures = b.horner(rho, &figures);
        let mut figures = comparison.undo_carries(b, figures, carries);
        let mut of_top = *last;
        if let Some(slack @ [low @ .., high]) = slack.get(i) {
            slack.iter().for_each(|limb| b.range(*limb));
            let low: Vec<Wire> = low.iter().rev().copied().collect();
            let low = b.horner(rho, &low);
            figures = b.sub(figures, low);
            of_top = b.add(*high, *last);
        }
        // The node has no ninth limb, so the last carry and slack are the top limb, and the carry isn't a part of the
        // groups at whose place it was taken away.
        b.assert_equal(*top, of_top);
        let figures = b.mul_add(groups_place, *last, figures);
        let key = comparison.key(b, i, *key);
        opened = comparison.add(b, opened, key, figures);
    }
    let root = comparison.of_node(b, list);
    b.assert_equal(root, opened);
}
