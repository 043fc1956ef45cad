//! The tree of proofs: circuits that turn the statements of child proofs into one of their own.
//!
//! * [`leaf`]: one segment proof;
//! * [`node`]: two leaves, or two nodes of one level, or one of them without a right neighbour;
//! * [`wrap`]: the root node, whose totals it opens;
//! * [`last`]: a wrap proof, made small and zero-knowledge.

pub mod last;
pub mod leaf;
pub mod node;
mod order;
#[cfg(feature = "prover")]
pub mod prover;
mod totals;
pub mod wrap;

use alloc::vec::Vec;

use assay_circuit::Val;
use assay_commit::{FORMAT_VERSION, RATE, Tag};
use p3_field::PrimeCharacteristicRing;

use crate::builder::CircuitBuilder;
use crate::circuit::{BuildError, Chain, High, Permute, Rest, Wire};
use crate::gadgets::ShapeError;
use crate::statement::{NodeStatement, RECURSION_VERSION, STATEMENT_ELEMENTS};
use crate::witness::Inputs;

/// Why a circuit of the tree can't be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeCircuitError {
    /// A fault in the circuit.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A child that can't be verified in a circuit.
    #[error(transparent)]
    Child(#[from] ShapeError),
    /// A number of tables that no segment has.
    #[error("no segment has {tables} tables")]
    Tables {
        /// The number.
        tables: usize,
    },
}

/// `count` external values.
fn inputs(b: &mut CircuitBuilder, count: usize) -> Vec<Wire> {
    (0..count).map(|_| b.input()).collect()
}

/// An array of external values.
fn input_array<const N: usize>(b: &mut CircuitBuilder) -> [Wire; N] {
    core::array::from_fn(|_| b.input())
}

/// `H(tag; elements)` as [`assay_commit::Hasher::sponge`] computes it, of base wires.
fn sponge(b: &mut CircuitBuilder, tag: Tag, elements: &[Wire]) -> Chain {
    let start = [tag as u32, FORMAT_VERSION, elements.len() as u32];
    let start = start.map(|number| b.constant(Val::from_u32(number)));
    let start = [b.pack(&start), b.zero()];
    let chain = b.chain();
    let empty: &[Wire] = &[];
    let blocks = if elements.is_empty() { alloc::vec![empty] } else { elements.chunks(RATE).collect() };
    for (i, block) in blocks.into_iter().enumerate() {
        let lanes = core::array::from_fn(|j| block.get(j).copied());
        let high = if i == 0 { High::Load(start) } else { High::Carry { tag: Val::ZERO } };
        b.permute(chain, Permute::Row { lanes, rest: Rest::Zero, high });
    }
    chain
}

/// A statement of a node or leaf in wires, all of them base elements because they are hashed.
struct StatementWires {
    full: Wire,
    epoch: [Wire; 8],
    top: [Wire; 8],
    first: [Wire; 2],
    last: [Wire; 2],
    totals: [Wire; 8],
    prices: [Wire; 8],
}

impl StatementWires {
    /// A child's statement.
    fn input(b: &mut CircuitBuilder) -> Self {
        let statement = Self {
            full: b.input(),
            epoch: input_array(b),
            top: input_array(b),
            first: input_array(b),
            last: input_array(b),
            totals: input_array(b),
            prices: input_array(b),
        };
        // Some elements are only hashed, and a permutation can't be what writes a wire.
        for elements in statement.elements().chunks(5) {
            b.pack(elements);
        }
        statement
    }

    fn elements(&self) -> Vec<Wire> {
        let mut elements = Vec::with_capacity(STATEMENT_ELEMENTS);
        elements.push(self.full);
        elements.extend(self.epoch);
        elements.extend(self.top);
        elements.extend(self.first);
        elements.extend(self.last);
        elements.extend(self.totals);
        elements.extend(self.prices);
        elements
    }

    fn push(statement: &NodeStatement, inputs: &mut Inputs) {
        // Version and level are constants of the circuit.
        statement.elements().into_iter().skip(2).for_each(|element| inputs.push_base(element));
    }

    /// Digest of the statement of a node of this level.
    #[cfg_attr(feature = "mutation", track_caller)]
    fn digest(&self, b: &mut CircuitBuilder, level: u32) -> [Wire; 8] {
        let mut elements = Vec::with_capacity(STATEMENT_ELEMENTS);
        elements.extend([RECURSION_VERSION, level].map(|number| b.constant(Val::from_u32(number))));
        elements.extend(self.elements());
        let chain = sponge(b, Tag::NodeStatement, &elements);
        b.output_elements(chain)
    }
}

/// `if flag { a } else { b }` for a flag that is a bit.
fn choose(b: &mut CircuitBuilder, flag: Wire, if_one: Wire, if_zero: Wire) -> Wire {
    let difference = b.sub(if_one, if_zero);
    b.mul_add(flag, difference, if_zero)
}
