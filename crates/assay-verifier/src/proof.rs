//! The final proof: one file, verified against a pinned key.

use alloc::vec::Vec;

use assay_circuit::{SEGMENT_SHAPES, SegmentShape, Variant, p3_batch_stark::BatchProof};
use assay_commit::{DIGEST_BYTES, Digest, Hasher, SUBTREE_DEPTH, epoch_digest, published_root};
use assay_recursion::statement::{
    ACCOUNTS_KEY, FinalRow, FinalStatement, FinalTotals, MAX_KEYS, NO_PRICES, TotalsMode,
};
use assay_recursion::tree::last::LOG_HEIGHT;
use assay_recursion::{
    FINAL, FinalConfig, LayerConfig, VerifyingKey, final_commitment, final_key, proof_to_bytes,
};
use assay_statement::{EntryKey, Totals};

use crate::record::{FILE_VERSION, Reader, RecordError};
use crate::segment::{VerifyError, check_kinds};
use crate::{Expectations, Figures, Statement};

/// First bytes of a final proof.
pub const PROOF_MAGIC: [u8; 8] = *b"ASSAYPRF";

/// Bytes that a final proof can have.
pub const MAX_PROOF_BYTES: usize = 4 << 20;

/// A final proof as it stands in a file.
///
/// Layout, numbers little-endian: magic, version (4 bytes), digest of the key (32), length of what follows (8); number
/// of the segments' shape (1), levels above the segments (1), whether the figures are totals (0) or bounds (1), digest at
/// the top of the tree (32), rows of figures (4), the rows (key 4, figure 16), with bounds the commitment to the totals
/// (32), the commitment of the key (32), then the proof in postcard form up to the end.
pub struct ProofFile {
    shape: u8,
    statement: FileStatement,
    key: Digest,
    commitment: Digest,
    proof: Vec<u8>,
}

/// What the file says, without what the caller knows.
struct FileStatement {
    level: u8,
    top: Digest,
    totals: FinalTotals,
}

impl ProofFile {
    /// The file of a proof over segments of one shape.
    pub fn new(
        shape: SegmentShape,
        statement: &FinalStatement,
        key: &VerifyingKey<FinalConfig>,
        proof: &BatchProof<FinalConfig>,
    ) -> Result<Self, VerifyError> {
        let shape =
            SEGMENT_SHAPES.iter().position(|known| *known == shape).ok_or(RecordError::UnknownCircuit)?;
        let commitment = key.commitment().map(FinalConfig::elements).unwrap_or_default();
        Ok(Self {
            shape: u8::try_from(shape).map_err(|_| RecordError::UnknownCircuit)?,
            statement: FileStatement {
                level: u8::try_from(statement.level).map_err(|_| RecordError::UnknownCircuit)?,
                top: statement.top,
                totals: statement.totals.clone(),
            },
            key: key.digest(&Hasher::new()),
            commitment: Digest(commitment.try_into().map_err(|_| RecordError::UnknownCircuit)?),
            proof: proof_to_bytes(proof).map_err(|_| RecordError::Proof)?,
        })
    }

    /// The file as bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, VerifyError> {
        let totals = &self.statement.totals;
        let rows = u32::try_from(totals.rows().len()).map_err(|_| RecordError::TotalsRows)?;
        let mut body = Vec::with_capacity(self.proof.len() + (64 << 10));
        body.extend([self.shape, self.statement.level, totals.mode().number()]);
        body.extend(self.statement.top.to_bytes());
        body.extend(rows.to_le_bytes());
        for row in totals.rows() {
            body.extend(row.key.to_le_bytes());
            body.extend(row.figure.to_le_bytes());
        }
        if let FinalTotals::Bounded { commitment, .. } = totals {
            body.extend(commitment.to_bytes());
        }
        body.extend(self.commitment.to_bytes());
        body.extend(&self.proof);
        let mut bytes = Vec::with_capacity(body.len() + 64);
        bytes.extend(PROOF_MAGIC);
        bytes.extend(FILE_VERSION.to_le_bytes());
        bytes.extend(self.key.to_bytes());
        bytes.extend((body.len() as u64).to_le_bytes());
        bytes.extend(body);
        Ok(bytes)
    }

    /// Reads a file; nothing is verified yet.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, VerifyError> {
        if bytes.len() > MAX_PROOF_BYTES {
            return Err(RecordError::TooLarge.into());
        }
        let mut reader = Reader(bytes);
        if reader.array::<8>()? != PROOF_MAGIC {
            return Err(RecordError::Magic.into());
        }
        let version = reader.u32()?;
        if version != FILE_VERSION {
            return Err(RecordError::Version { version }.into());
        }
        let key = reader.digest()?;
        if u64::from_le_bytes(reader.array()?) != reader.0.len() as u64 {
            return Err(RecordError::Length.into());
        }
        let [shape, level, mode] = reader.array()?;
        let top = reader.digest()?;
        let rows = reader.u32()? as usize;
        if rows > MAX_KEYS {
            return Err(RecordError::TotalsRows.into());
        }
        let mut figures = Vec::with_capacity(rows);
        for _ in 0..rows {
            figures.push(FinalRow { key: reader.u32()?, figure: u128::from_le_bytes(reader.array()?) });
        }
        let totals = match TotalsMode::from_number(mode).ok_or(RecordError::UnknownCircuit)? {
            TotalsMode::Open => FinalTotals::Open(figures),
            TotalsMode::Bounded => FinalTotals::Bounded { bounds: figures, commitment: reader.digest()? },
        };
        let commitment = reader.digest()?;
        let proof = reader.0.to_vec();
        Ok(Self { shape, statement: FileStatement { level, top, totals }, key, commitment, proof })
    }

    /// The shape of the segments. It chooses among the pinned keys, so a proof can't claim another one than its own.
    fn shape(&self) -> Result<SegmentShape, RecordError> {
        SEGMENT_SHAPES.get(usize::from(self.shape)).copied().ok_or(RecordError::UnknownCircuit)
    }

    /// The pinned key that the file's shape and level call for; the file must name it and hold its commitment.
    fn verifying_key(&self, hasher: &Hasher) -> Result<VerifyingKey<FinalConfig>, VerifyError> {
        let shape = self.shape()?;
        let FileStatement { level, totals, .. } = &self.statement;
        let pinned = final_key(totals.mode(), shape, u32::from(*level)).ok_or(RecordError::UnknownCircuit)?;
        if self.key != pinned {
            return Err(RecordError::UnknownCircuit.into());
        }
        let commitment = final_commitment(self.commitment);
        let key = VerifyingKey::new(FINAL, LOG_HEIGHT, commitment).map_err(|_| VerifyError::Setup)?;
        // The digest covers the commitment and all parameters.
        if key.digest(hasher) != pinned {
            return Err(RecordError::UnknownCircuit.into());
        }
        Ok(key)
    }
}

/// Verifies a final proof: one circuit per shape of segments and depth of the tree, whose keys are compiled in.
pub fn verify_proof(bytes: &[u8], expected: Expectations<'_>) -> Result<Statement, VerifyError> {
    let file = ProofFile::from_bytes(bytes)?;
    let hasher = Hasher::new();
    let key = file.verifying_key(&hasher)?;
    let variant = file.shape()?.variant();
    let FileStatement { level, top, totals } = file.statement;

    let assets = expected.assets_digest(&hasher);
    let epoch = epoch_digest(&hasher, expected.entity, expected.epoch, &assets);
    let prices = match variant {
        Variant::Plain => NO_PRICES,
        Variant::Covered => expected.prices_digest(&hasher),
    };
    let statement = FinalStatement { level: u32::from(level), epoch, top, totals, prices };
    if !statement.is_well_formed() {
        return Err(VerifyError::UnknownAsset);
    }
    let publics = statement.digest(&hasher).ok_or(RecordError::TotalsRows)?;
    key.verify_bytes(&publics.0, &file.proof).map_err(|_| VerifyError::Proof)?;

    let mut figures = Totals::new();
    let mut accounts = None;
    for row in statement.totals.rows() {
        if row.key == ACCOUNTS_KEY {
            accounts = u64::try_from(row.figure).ok();
            continue;
        }
        let number = u16::try_from(row.key).map_err(|_| VerifyError::UnknownAsset)?;
        let entry = EntryKey::from_number(number).map_err(|_| VerifyError::UnknownAsset)?;
        if !expected.assets.defines(entry) {
            return Err(VerifyError::UnknownAsset);
        }
        figures.add_total(entry, row.figure)?;
    }
    check_kinds(variant, &figures)?;
    let depth = SUBTREE_DEPTH + usize::from(level);
    let accounts =
        accounts.filter(|count| (1..=1 << depth).contains(count)).ok_or(VerifyError::AccountCount)?;
    let figures = match statement.totals {
        FinalTotals::Open(_) => Figures::Exact { accounts, totals: figures },
        FinalTotals::Bounded { commitment, .. } => Figures::AtMost { accounts, bounds: figures, commitment },
    };
    let root = published_root(&hasher, &epoch, depth, &statement.top);
    expected.check(root, &figures)?;
    Ok(Statement {
        entity: expected.entity.clone(),
        epoch: expected.epoch.clone(),
        assets,
        root,
        depth,
        figures,
        segments: None,
        key: Some(file.key),
    })
}

const _: () = assert!(DIGEST_BYTES == 32);
