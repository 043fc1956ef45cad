//! The final circuit: verifies a wrap proof and states the same.

use assay_circuit::Val;

use super::{TreeCircuitError, input_array};
use crate::builder::CircuitBuilder;
use crate::circuit::Circuit;
use crate::gadgets::{ChildShape, ProofError, push_proof, verify_batch};
use crate::witness::Inputs;
use crate::{InnerProof, VerifyingKey};

/// Log2 of the height of final circuits, and bits of their range checks, which a lower table has no rows for.
///
/// So these are narrower than those of the other circuits, and nothing here may rely on 15 bits. The one thing that is
/// range-checked is what a sample has above the low bits that are used: 13 bits if 18 or more are used, as they are for
/// each query of a wrap proof (an index has as many bits as the wrap table's height and blowup) and for its proof of
/// work. `finish` refuses a child for which they don't suffice.
pub const LOG_HEIGHT: usize = 13;

/// The circuit for wrap proofs of one key.
pub struct LastCircuit {
    circuit: Circuit,
    child: ChildShape,
}

impl LastCircuit {
    /// The circuit for wrap proofs with this key.
    pub fn new(child: &VerifyingKey) -> Result<Self, TreeCircuitError> {
        let child = child.shape()?;
        let mut b = CircuitBuilder::new();
        let publics: [_; 8] = input_array(&mut b);
        verify_batch(&mut b, &child, &[publics.to_vec()]);
        b.publish(publics);
        Ok(Self { circuit: b.finish(LOG_HEIGHT, LOG_HEIGHT)?, child })
    }

    /// The circuit.
    pub const fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// Inputs of the circuit for a wrap proof with these public values.
    pub fn inputs(&self, publics: &[Val; 8], proof: &InnerProof) -> Result<Inputs, ProofError> {
        let mut inputs = Inputs::default();
        publics.iter().for_each(|public| inputs.push_base(*public));
        push_proof(&self.child, proof, &[publics.to_vec()], &mut inputs)?;
        Ok(inputs)
    }
}
