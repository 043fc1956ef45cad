//! Proving runs of circuits.

use assay_circuit::{SegmentConfig, Val};
use p3_batch_stark::{BatchProof, ProverData, StarkInstance, prove_batch};
use p3_matrix::Matrix;
use p3_matrix::dense::RowMajorMatrix;

use crate::air::{PUBLICS, RecursionAir};
use crate::circuit::Circuit;
use crate::columns::main;
use crate::config::{Layer, LayerConfig, RandomnessError};
use crate::constraint::All;
use crate::verify::{KeyError, VerifyingKey, lookups};

/// Proves runs of one circuit.
pub struct ProvingKey<C: LayerConfig = SegmentConfig> {
    air: RecursionAir,
    data: ProverData<C>,
    verifying: VerifyingKey<C>,
}

impl<C: LayerConfig> ProvingKey<C> {
    /// Commits to the circuit's preprocessed columns.
    pub fn new(layer: Layer<C>, circuit: &Circuit) -> Result<Self, KeyError> {
        let config = C::public(&layer.parameters);
        let log_height = circuit.log_height();
        let log_rows = log_height + config.is_zk();
        // Bounds first: the proof system panics beyond them.
        let lookups = lookups(&layer, &config, log_height)?;
        let air = RecursionAir::new(All, circuit.preprocessed().clone());
        let airs = core::slice::from_ref(&air);
        let data =
            ProverData::from_airs_and_degrees(&config, airs, &[log_rows]).map_err(|_| KeyError::Columns)?;
        let columns = data.common.preprocessed.as_ref().ok_or(KeyError::Columns)?;
        let verifying = VerifyingKey::with_lookups(layer, log_height, columns.commitment.clone(), lookups)?;
        Ok(Self { air, data, verifying })
    }

    /// The key that verifies the proofs.
    pub const fn verifying_key(&self) -> &VerifyingKey<C> {
        &self.verifying
    }

    /// Gives up what only a prover needs.
    pub fn into_verifying_key(self) -> VerifyingKey<C> {
        self.verifying
    }

    /// Proves that the circuit holds: `trace` and `publics` are those of a run.
    ///
    /// The proof of a run with violations doesn't verify. Each call of a hiding layer draws its own masks, so two
    /// proofs of one run have nothing in common but the key.
    pub fn prove(&self, trace: &RowMajorMatrix<Val>, publics: &[Val]) -> Result<BatchProof<C>, ProveError> {
        if trace.width() != main::WIDTH || trace.height() != 1 << self.verifying.log_height() {
            return Err(ProveError::Trace);
        }
        if publics.len() != PUBLICS {
            return Err(ProveError::Publics);
        }
        let config = C::masked(&self.verifying.layer().parameters)?;
        let instance = StarkInstance { air: &self.air, trace, public_values: publics.to_vec() };
        prove_batch(&config, &[instance], &self.data).map_err(|_| ProveError::ProofSystem)
    }
}

/// Why there is no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProveError {
    /// Columns of another shape.
    #[error("the columns are not those of a run of this circuit")]
    Trace,
    /// Another number of public values.
    #[error("a circuit has {PUBLICS} public values")]
    Publics,
    /// No masks.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// The proof system refuses, as a table too low for its masks.
    #[error("the proof system gave no proof")]
    ProofSystem,
}
