//! Third stage: the proof of one segment, and its place in the work folder.

use std::fs;
use std::path::{Path, PathBuf};

use assay_circuit::p3_batch_stark::{ProverData, ProverOnlyData, StarkInstance, prove_batch};
use assay_circuit::{
    All, SEGMENT_PARAMETERS, SegmentAccount, SegmentAir, SegmentConfig, SegmentInput, SegmentPrices,
    build_segment, segment_airs, segment_common,
};
use assay_commit::{Committer, Digest};
use assay_statement::AssetTable;
use assay_verifier::{SegmentContext, SegmentRecord, SegmentVerifier, VerifyError};
use serde::{Deserialize, Serialize};

use crate::error::ProverError;
use crate::files::{Access, failed, write_bytes};
use crate::shape::Shape;
use crate::work::{WORK_VERSION, read_json, write_json};

/// What proving takes beside the accounts, set up once.
pub(crate) struct SegmentProver {
    shape: Shape,
    config: SegmentConfig,
    airs: Vec<SegmentAir>,
    data: ProverData<SegmentConfig>,
    verifier: SegmentVerifier,
}

impl SegmentProver {
    pub(crate) fn new(shape: Shape) -> Result<Self, ProverError> {
        let config = SEGMENT_PARAMETERS.config();
        let airs = segment_airs(shape.0.variant(), All);
        let common = segment_common(&config, &airs).ok_or(ProverError::SelfCheck(VerifyError::Setup))?;
        let data = ProverData { common, prover_only: ProverOnlyData::empty() };
        let verifier = SegmentVerifier::new().map_err(ProverError::SelfCheck)?;
        Ok(Self { shape, config, airs, data, verifier })
    }

    /// Proves a segment and verifies what came out.
    pub(crate) fn prove(
        &self,
        committer: &Committer,
        epoch: &Digest,
        assets: &AssetTable,
        prices: &SegmentPrices,
        segment: usize,
        accounts: Vec<SegmentAccount<'_>>,
    ) -> Result<ProvenSegment, ProverError> {
        let input = SegmentInput { epoch: *epoch, accounts, prices: Some(prices) };
        let trace = build_segment(committer, &input, self.shape.0)?;
        let publics = trace.publics.values();
        let instances: Vec<_> = self
            .airs
            .iter()
            .zip(&trace.tables)
            .zip(&publics)
            .map(|((air, trace), publics)| StarkInstance { air, trace, public_values: publics.clone() })
            .collect();
        let proof = prove_batch(&self.config, &instances, &self.data)
            .map_err(|_| ProverError::ProofSystem { segment })?;
        drop(instances);
        let rows = trace.rows;
        let record = SegmentRecord { publics: trace.publics, totals: trace.totals, proof };
        let bytes = record.to_bytes().map_err(|error| ProverError::SelfCheck(error.into()))?;
        let context = SegmentContext { epoch, assets, prices: prices.digest() };
        self.verifier.verify(&bytes, context).map_err(ProverError::SelfCheck)?;
        Ok(ProvenSegment { bytes, rows })
    }
}

/// A segment's record as bytes, and the rows of its tables in use.
pub(crate) struct ProvenSegment {
    pub(crate) bytes: Vec<u8>,
    pub(crate) rows: Vec<usize>,
}

/// Which record belongs to a segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProofEntry {
    version: u32,
    circuit: String,
    shape: Shape,
    accounts_blake3: String,
    pub(crate) record_blake3: String,
    pub(crate) record_bytes: u64,
    pub(crate) rows: Vec<usize>,
}

/// Records by their hash, all of one shape.
pub(crate) struct ProofStore {
    folder: PathBuf,
    shape: Shape,
}

/// What the store has for a segment.
pub(crate) enum Stored {
    /// Its record, whole.
    Whole(ProofEntry),
    /// Something that isn't this segment's record, or damaged.
    Useless,
    /// Nothing.
    Nothing,
}

impl ProofStore {
    pub(crate) fn new(folder: &Path, shape: Shape) -> Self {
        Self { folder: folder.to_owned(), shape }
    }

    pub(crate) fn put(
        &self,
        segment: usize,
        accounts_blake3: &str,
        proven: &ProvenSegment,
    ) -> Result<ProofEntry, ProverError> {
        let hash = blake3::hash(&proven.bytes).to_hex().to_string();
        write_bytes(&self.record_path(&hash), Access::Private, &proven.bytes)?;
        let entry = ProofEntry {
            version: WORK_VERSION,
            circuit: assay_circuit::CIRCUIT_ID.to_hex(),
            shape: self.shape,
            accounts_blake3: accounts_blake3.to_owned(),
            record_blake3: hash,
            record_bytes: proven.bytes.len() as u64,
            rows: proven.rows.clone(),
        };
        write_json(&self.entry_path(segment), &entry)?;
        Ok(entry)
    }

    /// What is there for a segment with these accounts; the record's hash is computed anew.
    pub(crate) fn look_up(&self, segment: usize, accounts_blake3: &str) -> Result<Stored, ProverError> {
        let entry = match read_json::<ProofEntry>(&self.entry_path(segment)) {
            Ok(None) => return Ok(Stored::Nothing),
            Ok(Some(entry)) => entry,
            Err(ProverError::Damaged { .. }) => return Ok(Stored::Useless),
            Err(error) => return Err(error),
        };
        let known = entry.version == WORK_VERSION
            && entry.circuit == assay_circuit::CIRCUIT_ID.to_hex()
            && entry.shape == self.shape
            && entry.accounts_blake3 == accounts_blake3;
        if known && self.read(&entry).is_ok() { Ok(Stored::Whole(entry)) } else { Ok(Stored::Useless) }
    }

    /// A record, if its bytes are those that were stored.
    pub(crate) fn read(&self, entry: &ProofEntry) -> Result<Vec<u8>, ProverError> {
        // The hash names a file, so it must not name anything else.
        if entry.record_blake3.len() != 64
            || !entry.record_blake3.bytes().all(|byte| byte.is_ascii_hexdigit())
        {
            return Err(ProverError::Damaged { path: self.folder.clone() });
        }
        let path = self.record_path(&entry.record_blake3);
        let bytes = fs::read(&path).map_err(failed("read", &path))?;
        let whole = bytes.len() as u64 == entry.record_bytes
            && blake3::hash(&bytes).to_hex().as_str() == entry.record_blake3;
        if whole { Ok(bytes) } else { Err(ProverError::Damaged { path }) }
    }

    fn entry_path(&self, segment: usize) -> PathBuf {
        self.folder.join(format!("{segment:05}.json"))
    }

    fn record_path(&self, hash: &str) -> PathBuf {
        self.folder.join(format!("{hash}.segment"))
    }
}
