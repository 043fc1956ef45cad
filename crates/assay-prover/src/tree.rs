//! Last stages: the tree of proofs over the segments, and the final proof.

use std::fs;
use std::path::{Path, PathBuf};

use assay_commit::{Digest, Hasher, upper_depth};
use assay_recursion::statement::{NodeTotals, TotalsMode};
use assay_recursion::tree::prover::{NodeProof, TreeProver};
use assay_recursion::tree::wrap::Show;
use assay_verifier::{Expectations, ProofFile, SegmentRecord, Statement, verify_proof};

use crate::error::ProverError;
use crate::files::{Access, failed, private_folder, write_bytes};
use crate::prove::{ProofEntry, ProofStore};
use crate::shape::Shape;

/// Bytes of the hash in front of a stored node.
const HASH_BYTES: usize = 32;

/// Makes the final proof from the segments' records.
pub(crate) struct TreeStage<'a> {
    pub(crate) folder: PathBuf,
    pub(crate) records: &'a ProofStore,
    pub(crate) shape: Shape,
    /// Digest of the price rows.
    pub(crate) prices: &'a Digest,
    pub(crate) expected: Expectations<'a>,
    /// What the proof shows.
    pub(crate) show: Show<'a>,
    /// Told of each node: how many are done, and of how many.
    pub(crate) on_node: &'a dyn Fn(usize, usize),
}

/// The final proof.
pub(crate) struct FinalProof {
    /// The file.
    pub(crate) bytes: Vec<u8>,
    /// What it states, as the verifier says.
    pub(crate) statement: Statement,
    /// The totals of the root node.
    pub(crate) totals: NodeTotals,
}

/// A node by its content: the proof's key and what is below.
type NodeId = blake3::Hash;

impl TreeStage<'_> {
    /// The file of the final proof, what it states, and the totals, which it may hide.
    pub(crate) fn run(&self, entries: &[ProofEntry]) -> Result<FinalProof, ProverError> {
        private_folder(&self.folder)?;
        let hasher = Hasher::new();
        let levels = upper_depth(entries.len()) as u32;
        let prover = TreeProver::new(self.shape.0, levels)?;
        let nodes = (1..=levels).map(|level| entries.len().div_ceil(1 << level)).sum::<usize>();
        let steps = entries.len() + nodes + 1;
        let mut done = 0;
        let mut step = || {
            done += 1;
            (self.on_node)(done, steps);
        };

        let key = prover.key(0)?.digest(&hasher);
        let mut ids: Vec<NodeId> = Vec::with_capacity(entries.len());
        for entry in entries {
            let id = node_id(&key.to_bytes(), entry.record_blake3.as_bytes());
            if self.read(&id).is_none() {
                let record = SegmentRecord::from_bytes(&hasher, &self.records.read(entry)?, self.prices)
                    .map_err(|error| ProverError::SelfCheck(error.into()))?;
                self.write(&id, &prover.leaf(&record.publics, &record.totals, &record.proof)?)?;
            }
            step();
            ids.push(id);
        }
        for level in 1..=levels {
            let key = prover.key(level)?.digest(&hasher);
            let mut parents = Vec::with_capacity(ids.len().div_ceil(2));
            for pair in ids.chunks(2) {
                let below: Vec<u8> = pair.iter().flat_map(|id| *id.as_bytes()).collect();
                let id = node_id(&key.to_bytes(), &below);
                if self.read(&id).is_none() {
                    let children = pair.iter().map(|id| self.child(id)).collect::<Result<Vec<_>, _>>()?;
                    if let Some(left) = children.first() {
                        self.write(&id, &prover.node(left, children.get(1))?)?;
                    }
                }
                step();
                parents.push(id);
            }
            ids = parents;
        }
        let Some(root) = ids.first() else { return Err(ProverError::NoAccounts) };
        let mode = match self.show {
            Show::Totals => TotalsMode::Open,
            Show::Bounds(..) => TotalsMode::Bounded,
        };
        let finisher = prover.finisher(levels, mode)?;
        let root = self.child(root)?;
        let (statement, proof) = finisher.finish(&root, self.show)?;
        let bytes = ProofFile::new(self.shape.0, &statement, finisher.key(), &proof)
            .and_then(|file| file.to_bytes())
            .map_err(ProverError::SelfCheck)?;
        let statement = verify_proof(&bytes, self.expected).map_err(ProverError::SelfCheck)?;
        step();
        Ok(FinalProof { bytes, statement, totals: root.totals })
    }

    /// A node that was stored in this stage; it is there unless somebody else removed it.
    fn child(&self, id: &NodeId) -> Result<NodeProof, ProverError> {
        self.read(id).ok_or_else(|| ProverError::Damaged { path: self.path(id) })
    }

    fn path(&self, id: &NodeId) -> PathBuf {
        node_path(&self.folder, id)
    }

    /// A node, if it is there and whole.
    fn read(&self, id: &NodeId) -> Option<NodeProof> {
        let bytes = fs::read(self.path(id)).ok()?;
        let (hash, body) = bytes.split_at_checked(HASH_BYTES)?;
        if blake3::hash(body).as_bytes() != hash {
            return None;
        }
        NodeProof::from_bytes(body)
    }

    fn write(&self, id: &NodeId, node: &NodeProof) -> Result<(), ProverError> {
        let path = self.path(id);
        let unencoded = || std::io::Error::other("a proof could not be encoded");
        let body = node.to_bytes().ok_or_else(|| failed("write", &path)(unencoded()))?;
        let bytes = [blake3::hash(&body).as_bytes(), body.as_slice()].concat();
        write_bytes(&path, Access::Private, &bytes)
    }
}

fn node_path(folder: &Path, id: &NodeId) -> PathBuf {
    folder.join(format!("{}.node", id.to_hex()))
}

fn node_id(key: &[u8], below: &[u8]) -> NodeId {
    let mut hasher = blake3::Hasher::new_derive_key("assay 2026 node of the tree of proofs");
    hasher.update(key).update(below);
    hasher.finalize()
}
