//! Makes the proofs of the tree.

use alloc::vec::Vec;

use assay_circuit::{
    SEGMENT_PARAMETERS, SegmentConfig, SegmentPublics, SegmentShape, TotalsRow, Val, segment_airs,
    segment_common,
};
use assay_commit::{Digest, Hasher};
use p3_batch_stark::BatchProof;
use p3_field::{PrimeCharacteristicRing, PrimeField32};
use serde::{Deserialize, Serialize};

use super::TreeCircuitError;
use super::last::LastCircuit;
use super::leaf::{LeafCircuit, LeafError};
use super::node::{Child, NodeCircuit, NodeError};
use super::wrap::{Show, WrapCircuit, WrapError};
use crate::circuit::Circuit;
use crate::gadgets::ProofError;
use crate::statement::{FinalStatement, NodeRow, NodeStatement, NodeTotals, TotalsMode};
use crate::witness::{Inputs, Violation};
use crate::{FINAL, FinalConfig, INNER, InnerProof, KeyError, ProveError, ProvingKey, VerifyingKey, WRAP};

/// A proof of a leaf or node with what it states.
pub struct NodeProof {
    /// What it states.
    pub statement: NodeStatement,
    /// The totals behind the statement's digest.
    pub totals: NodeTotals,
    /// The proof.
    pub proof: InnerProof,
}

/// The proofs over segments of one shape, and the circuits of the levels that were asked for so far.
pub struct TreeProver {
    hasher: Hasher,
    leaf: (LeafCircuit, ProvingKey),
    /// Level 1 and up.
    nodes: Vec<(NodeCircuit, ProvingKey)>,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// A circuit that can't be built.
    #[error(transparent)]
    Circuit(#[from] TreeCircuitError),
    /// A segment that no leaf takes.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// Children that no node takes.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A root that the last circuits don't take.
    #[error(transparent)]
    Wrap(#[from] WrapError),
    /// A total above its bound.
    #[error("the total of key {key} exceeds its bound, or has none")]
    Bound {
        /// Number of the entries' key, or that of the accounts.
        key: u32,
    },
    /// A proof of another shape.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The statement doesn't hold: the proof system wouldn't prove it.
    #[error("what is to be proven does not hold ({0:?})")]
    Violation(Violation),
    /// A key that can't be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The proof system.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// The segment circuit's lookups.
    #[error("the segment circuit could not be set up")]
    Segment,
    /// A level for which there is no circuit yet.
    #[error("no circuit of level {level} was set up")]
    Level {
        /// The level.
        level: u32,
    },
}

impl TreeProver {
    /// The circuits for segments of one shape, up to nodes of `levels` levels.
    pub fn new(shape: SegmentShape, levels: u32) -> Result<Self, TreeError> {
        let config = SEGMENT_PARAMETERS.config();
        let airs = segment_airs(shape.variant(), assay_circuit::All);
        let common = segment_common(&config, &airs).ok_or(TreeError::Segment)?;
        let leaf = LeafCircuit::new(&airs, &common, &shape.log_heights())?;
        let key = ProvingKey::new(INNER, leaf.circuit())?;
        let mut prover = Self { hasher: Hasher::new(), leaf: (leaf, key), nodes: Vec::new() };
        for level in 1..=levels {
            let circuit = NodeCircuit::new(level, prover.key(level - 1)?)?;
            let key = ProvingKey::new(INNER, circuit.circuit())?;
            prover.nodes.push((circuit, key));
        }
        Ok(prover)
    }

    /// Key of the proofs of a level.
    pub fn key(&self, level: u32) -> Result<&VerifyingKey, TreeError> {
        if level == 0 {
            return Ok(self.leaf.1.verifying_key());
        }
        Ok(self.node_circuit(level)?.1.verifying_key())
    }

    fn node_circuit(&self, level: u32) -> Result<&(NodeCircuit, ProvingKey), TreeError> {
        let index = (level as usize).checked_sub(1).ok_or(TreeError::Level { level })?;
        self.nodes.get(index).ok_or(TreeError::Level { level })
    }

    /// The leaf over a segment proof, which must hold.
    pub fn leaf(
        &self,
        publics: &SegmentPublics,
        rows: &[TotalsRow],
        proof: &BatchProof<SegmentConfig>,
    ) -> Result<NodeProof, TreeError> {
        let (circuit, key) = &self.leaf;
        let (inputs, statement, totals) = circuit.inputs(publics, rows, proof, &self.hasher)?;
        let proof = prove(circuit.circuit(), key, &inputs)?;
        Ok(NodeProof { statement, totals, proof })
    }

    /// The node over two neighbours of one level, or one that has no right neighbour.
    pub fn node(&self, left: &NodeProof, right: Option<&NodeProof>) -> Result<NodeProof, TreeError> {
        let (circuit, key) = self.node_circuit(left.statement.level + 1)?;
        let right = right.map(NodeProof::child);
        let (inputs, statement, totals) = circuit.inputs(&left.child(), right.as_ref(), &self.hasher)?;
        let proof = prove(circuit.circuit(), key, &inputs)?;
        Ok(NodeProof { statement, totals, proof })
    }

    /// Circuits and keys of the last two layers over root nodes of a level.
    pub fn finisher(&self, level: u32, mode: TotalsMode) -> Result<Finisher, TreeError> {
        Finisher::new(level, mode, self.key(level)?)
    }
}

/// The last two layers over root nodes of one level.
pub struct Finisher {
    hasher: Hasher,
    wrap: (WrapCircuit, ProvingKey),
    last: (LastCircuit, ProvingKey<FinalConfig>),
}

impl Finisher {
    fn new(level: u32, mode: TotalsMode, child: &VerifyingKey) -> Result<Self, TreeError> {
        let wrap = WrapCircuit::new(level, mode, child)?;
        let wrap_key = ProvingKey::new(WRAP, wrap.circuit())?;
        let last = LastCircuit::new(wrap_key.verifying_key())?;
        let last_key = ProvingKey::new(FINAL, last.circuit())?;
        Ok(Self { hasher: Hasher::new(), wrap: (wrap, wrap_key), last: (last, last_key) })
    }

    /// Key of the final proof.
    pub fn key(&self) -> &VerifyingKey<FinalConfig> {
        self.last.1.verifying_key()
    }

    /// The final proof over a root node.
    pub fn finish(
        &self,
        root: &NodeProof,
        show: Show<'_>,
    ) -> Result<(FinalStatement, BatchProof<FinalConfig>), TreeError> {
        if let Show::Bounds(bounds, _) = show
            && let Some(key) = root.totals.first_beyond(bounds)
        {
            return Err(TreeError::Bound { key });
        }
        let (wrap, key) = &self.wrap;
        let (inputs, statement) = wrap.inputs(&root.child(), show, &self.hasher)?;
        let wrapped = prove(wrap.circuit(), key, &inputs)?;
        let publics = statement.digest(&self.hasher).unwrap_or(Digest([Val::ZERO; 8]));
        let (last, key) = &self.last;
        let inputs = last.inputs(&publics.0, &wrapped)?;
        let witness = last.circuit().run(&inputs);
        if let Some(violation) = witness.violations().first() {
            return Err(TreeError::Violation(*violation));
        }
        Ok((statement, key.prove(&last.circuit().trace(&witness), &publics.0)?))
    }
}

fn prove(circuit: &Circuit, key: &ProvingKey, inputs: &Inputs) -> Result<InnerProof, TreeError> {
    let witness = circuit.run(inputs);
    match witness.violations().first() {
        Some(violation) => Err(TreeError::Violation(*violation)),
        None => Ok(key.prove(&circuit.trace(&witness), &circuit.publics(&witness))?),
    }
}

impl NodeProof {
    fn child(&self) -> Child<'_> {
        Child { proof: &self.proof, statement: &self.statement, totals: &self.totals }
    }

    /// The proof with its statement as bytes, for a private store: what is read back is not checked.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let statement = self.statement.elements().iter().map(PrimeField32::as_canonical_u32).collect();
        let totals = self.totals.rows().to_vec();
        postcard::to_allocvec(&StoredRef { statement, totals, proof: &self.proof }).ok()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (stored, rest) = postcard::take_from_bytes::<Stored>(bytes).ok()?;
        if !rest.is_empty() {
            return None;
        }
        let elements: Vec<Val> = stored.statement.iter().map(|element| Val::from_u32(*element)).collect();
        let statement = NodeStatement::from_elements(&elements)?;
        let totals = NodeTotals::from_rows(statement.level, stored.totals)?;
        Some(Self { statement, totals, proof: stored.proof })
    }
}

#[derive(Serialize)]
struct StoredRef<'a> {
    statement: Vec<u32>,
    totals: Vec<NodeRow>,
    proof: &'a InnerProof,
}

#[derive(Deserialize)]
struct Stored {
    statement: Vec<u32>,
    totals: Vec<NodeRow>,
    proof: InnerProof,
}
