//! Verifying proofs of circuits.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use assay_circuit::{SegmentConfig, Val, fingerprint};
use assay_commit::{Digest, Hasher, Tag};
use p3_batch_stark::common::{GlobalPreprocessed, PreprocessedInstanceMeta};
use p3_batch_stark::{BatchProof, Commitment, CommonData, ProverData, verify_batch};
use p3_field::PrimeCharacteristicRing;
use p3_fri::fold_schedule;
use p3_lookup::{Lookups, check_multiplicity_height_bound};

use crate::air::{PUBLICS, RecursionAir};
use crate::columns::fixed;
use crate::config::{Layer, LayerConfig};
use crate::constraint::All;
use crate::gadgets::{ChildShape, ShapeError};

/// Proof of a leaf, node or wrap circuit.
pub type InnerProof = BatchProof<SegmentConfig>;

/// Version of the proof system beneath, part of keys' digests.
const PROOF_SYSTEM: &str = "p3-batch-stark 0.8.0, KoalaBear, quintic, recursion table";

/// Largest log2 of a table's height.
const MAX_LOG_HEIGHT: usize = 20;

/// What it takes to verify proofs of one circuit in one layer. It builds no circuit.
pub struct VerifyingKey<C: LayerConfig = SegmentConfig> {
    layer: Layer<C>,
    log_height: usize,
    config: C,
    common: CommonData<C>,
    air: RecursionAir,
}

impl<C: LayerConfig> VerifyingKey<C> {
    /// The key with this commitment to the preprocessed columns.
    pub fn new(layer: Layer<C>, log_height: usize, commitment: Commitment<C>) -> Result<Self, KeyError> {
        let lookups = lookups(&layer, &C::public(&layer.parameters), log_height)?;
        Self::with_lookups(layer, log_height, commitment, lookups)
    }

    /// The key with the table's lookups, which take a while to find.
    pub(crate) fn with_lookups(
        layer: Layer<C>,
        log_height: usize,
        commitment: Commitment<C>,
        lookups: Lookups<Val>,
    ) -> Result<Self, KeyError> {
        let config = C::public(&layer.parameters);
        let air = RecursionAir::constraints(All);
        let log_rows = log_height + config.is_zk();
        if C::digests(&commitment) != 1 << cap_height(&layer, log_rows + layer.parameters.log_blowup) {
            return Err(KeyError::Commitment);
        }
        let columns =
            PreprocessedInstanceMeta { matrix_index: 0, width: fixed::WIDTH, degree_bits: log_rows };
        let preprocessed =
            GlobalPreprocessed { commitment, instances: vec![Some(columns)], matrix_to_instance: vec![0] };
        let common = CommonData::new(Some(preprocessed), vec![lookups]);
        Ok(Self { layer, log_height, config, common, air })
    }

    /// The layer.
    pub const fn layer(&self) -> Layer<C> {
        self.layer
    }

    /// Log2 of the table's height.
    pub const fn log_height(&self) -> usize {
        self.log_height
    }

    /// The commitment to the preprocessed columns.
    pub fn commitment(&self) -> Option<&Commitment<C>> {
        self.common.preprocessed.as_ref().map(|columns| &columns.commitment)
    }

    /// A digest of all that the key says, and of the table's constraints.
    pub fn digest(&self, hasher: &Hasher) -> Digest {
        let Layer { name, parameters, .. } = &self.layer;
        let text = format!("{PROOF_SYSTEM}; {name}; {parameters:?}; 2^{} rows", self.log_height);
        let mut elements = vec![Val::from_usize(text.len())];
        elements.extend(text.bytes().map(Val::from_u8));
        elements.extend(self.commitment().map(C::elements).unwrap_or_default());
        elements.extend(fingerprint(hasher, &self.air, 0));
        hasher.sponge(Tag::Circuit, &elements)
    }

    /// Verifies a proof that the circuit holds with these public values.
    pub fn verify(&self, publics: &[Val], proof: &BatchProof<C>) -> Result<(), VerifyError> {
        if publics.len() != PUBLICS {
            return Err(VerifyError::Publics);
        }
        self.check_shape(proof)?;
        let (airs, publics) = (core::slice::from_ref(&self.air), &[publics.to_vec()]);
        verify_batch(&self.config, airs, proof, publics, &self.common).map_err(|_| VerifyError::Proof)
    }

    /// Reads a proof's one encoding and verifies it.
    pub fn verify_bytes(&self, publics: &[Val], bytes: &[u8]) -> Result<(), VerifyError> {
        self.verify(publics, &proof_from_bytes(bytes)?)
    }

    /// What the proof system leaves open or would only find later.
    fn check_shape(&self, proof: &BatchProof<C>) -> Result<(), VerifyError> {
        let log_rows = self.log_height + self.config.is_zk();
        if proof.degree_bits != [log_rows] {
            return Err(VerifyError::Height);
        }
        // A commitment with more digests than the cap would pass: the proof system looks only at those that it opens.
        let parameters = &self.layer.parameters;
        let log_leaves = log_rows + parameters.log_blowup;
        let commitments = &proof.commitments;
        let optional = [&commitments.permutation, &commitments.random];
        let columns = [&commitments.main, &commitments.quotient_chunks];
        let mut sizes = columns.into_iter().chain(optional.into_iter().flatten()).map(C::digests);
        if sizes.any(|digests| digests != 1 << cap_height(&self.layer, log_leaves)) {
            return Err(VerifyError::Commitments);
        }
        let log_final = parameters.log_blowup + parameters.log_final_length;
        let arities = fold_schedule(&[log_leaves], log_final, parameters.log_arity);
        let expected = arities.into_iter().scan(log_leaves, |log_height, log_arity| {
            *log_height -= log_arity;
            Some(1 << cap_height(&self.layer, *log_height))
        });
        if !expected.eq(C::fold_digests(&proof.opening_proof)) {
            return Err(VerifyError::Commitments);
        }
        Ok(())
    }
}

impl VerifyingKey<SegmentConfig> {
    /// What a circuit that verifies proofs of this key's circuit must know of them.
    pub fn shape(&self) -> Result<ChildShape, ShapeError> {
        let airs = core::slice::from_ref(&self.air);
        ChildShape::new(&self.layer.parameters, airs, &self.common, &[self.log_height])
    }
}

/// Height of the cap of a tree with `2^log_leaves` leaves.
fn cap_height<C>(layer: &Layer<C>, log_leaves: usize) -> usize {
    layer.parameters.cap_height.min(log_leaves)
}

/// The table's lookups as the layer packs them, which is the same for all circuits of a layer.
pub(crate) fn lookups<C: LayerConfig>(
    layer: &Layer<C>,
    config: &C,
    log_height: usize,
) -> Result<Lookups<Val>, KeyError> {
    let log_rows = log_height + config.is_zk();
    let parameters = &layer.parameters;
    if log_height > MAX_LOG_HEIGHT || log_rows <= parameters.log_final_length || parameters.log_arity == 0 {
        return Err(KeyError::Height);
    }
    // Without its preprocessed columns the table has nothing to commit to: what remains are the lookups.
    let air = &[RecursionAir::constraints(All)];
    let common =
        ProverData::from_airs_and_degrees(config, air, &[log_rows]).map_err(|_| KeyError::Columns)?.common;
    check_multiplicity_height_bound(&common.lookups, &[1 << log_height]).map_err(|_| KeyError::Height)?;
    common.lookups.into_iter().next().ok_or(KeyError::Columns)
}

/// The encoding of a proof.
pub fn proof_to_bytes<C: LayerConfig>(proof: &BatchProof<C>) -> Result<Vec<u8>, VerifyError> {
    postcard::to_allocvec(proof).map_err(|_| VerifyError::Encoding)
}

/// Reads a proof. Every proof has one encoding: other bytes that would mean the same are refused.
pub fn proof_from_bytes<C: LayerConfig>(bytes: &[u8]) -> Result<BatchProof<C>, VerifyError> {
    let Ok((proof, [])) = postcard::take_from_bytes::<BatchProof<C>>(bytes) else {
        return Err(VerifyError::Encoding);
    };
    if proof_to_bytes(&proof)? == bytes { Ok(proof) } else { Err(VerifyError::Encoding) }
}

/// Why there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A table too low or too high for the layer's parameters.
    #[error("the table's height does not fit the layer")]
    Height,
    /// A commitment with another number of digests.
    #[error("the commitment to the preprocessed columns is malformed")]
    Commitment,
    /// The proof system refuses the columns.
    #[error("the proof system does not commit to the preprocessed columns")]
    Columns,
}

/// Why a proof is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Bytes that are no proof, or not its one encoding.
    #[error("the proof is malformed")]
    Encoding,
    /// Another number of public values.
    #[error("a circuit has {PUBLICS} public values")]
    Publics,
    /// Another height than the key's.
    #[error("the proof is of a table of another height")]
    Height,
    /// Commitments of another size than the layer's.
    #[error("the proof's commitments are malformed")]
    Commitments,
    /// The proof system refuses it.
    #[error("the proof does not verify")]
    Proof,
}
