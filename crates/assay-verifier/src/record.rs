//! The binary form of a segment: what it says and its proof.

use alloc::vec::Vec;

use assay_circuit::p3_batch_stark::BatchProof;
use assay_circuit::{CIRCUIT_ID, SegmentConfig, SegmentPublics, TotalsRow, Val, Variant, totals_digest};
use assay_commit::{DIGEST_BYTES, Digest, Hasher};
use assay_statement::EntryKey;

/// Version of the binary files.
pub const FILE_VERSION: u32 = 1;

/// First bytes of a segment record.
pub const SEGMENT_MAGIC: [u8; 8] = *b"ASSAYSEG";

/// Bytes that a segment record can have.
pub const MAX_RECORD_BYTES: usize = 16 << 20;

/// Rows that a list of totals can have: each key once, and room for groups that fill up.
const MAX_TOTALS_ROWS: usize = 1 << 14;

/// A segment as it stands in a file.
///
/// Layout, numbers little-endian: magic, version (4 bytes), circuit id (32), length of what follows (8); epoch
/// digest, top of the subtree (32 each), first and last key (two 4-byte elements each), accounts (4), rows of totals
/// (4), the rows (key 2, six sums 4 each, entries 4), then the proof in postcard form up to the end.
pub struct SegmentRecord {
    /// Public values.
    pub publics: SegmentPublics,
    /// The list of totals whose digest is public.
    pub totals: Vec<TotalsRow>,
    /// The proof.
    pub proof: BatchProof<SegmentConfig>,
}

impl SegmentRecord {
    /// The record as bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, RecordError> {
        let mut body = Vec::new();
        body.extend(self.publics.epoch.to_bytes());
        body.extend(self.publics.top.to_bytes());
        for element in self.publics.first.into_iter().chain(self.publics.last) {
            body.extend(number(element).to_le_bytes());
        }
        body.extend(self.publics.accounts.to_le_bytes());
        let rows = u32::try_from(self.totals.len()).map_err(|_| RecordError::TotalsRows)?;
        body.extend(rows.to_le_bytes());
        for row in &self.totals {
            body.extend(row.key.number().to_le_bytes());
            row.sums.iter().for_each(|sum| body.extend(sum.to_le_bytes()));
            body.extend(row.entries.to_le_bytes());
        }
        let mut bytes = Vec::with_capacity(body.len() + (1 << 20));
        bytes.extend(SEGMENT_MAGIC);
        bytes.extend(FILE_VERSION.to_le_bytes());
        bytes.extend(CIRCUIT_ID.to_bytes());
        let proof = postcard::to_allocvec(&self.proof).map_err(|_| RecordError::Proof)?;
        bytes.extend(((body.len() + proof.len()) as u64).to_le_bytes());
        bytes.extend(body);
        bytes.extend(proof);
        Ok(bytes)
    }

    /// Reads a record. The digest of the totals is computed from the list, so it can't differ from it, and that of the
    /// price rows, which is public if the segment covers debt, is the caller's; nothing is verified yet.
    pub fn from_bytes(hasher: &Hasher, bytes: &[u8], prices: &Digest) -> Result<Self, RecordError> {
        if bytes.len() > MAX_RECORD_BYTES {
            return Err(RecordError::TooLarge);
        }
        let mut reader = Reader(bytes);
        if reader.array::<8>()? != SEGMENT_MAGIC {
            return Err(RecordError::Magic);
        }
        let version = reader.u32()?;
        if version != FILE_VERSION {
            return Err(RecordError::Version { version });
        }
        if reader.digest()? != CIRCUIT_ID {
            return Err(RecordError::UnknownCircuit);
        }
        if u64::from_le_bytes(reader.array()?) != reader.0.len() as u64 {
            return Err(RecordError::Length);
        }
        let epoch = reader.digest()?;
        let top = reader.digest()?;
        let first = [reader.element()?, reader.element()?];
        let last = [reader.element()?, reader.element()?];
        let accounts = reader.u32()?;
        let rows = reader.u32()? as usize;
        if rows > MAX_TOTALS_ROWS {
            return Err(RecordError::TotalsRows);
        }
        let mut totals = Vec::with_capacity(rows);
        for _ in 0..rows {
            let key = EntryKey::from_number(u16::from_le_bytes(reader.array()?))
                .map_err(|_| RecordError::EntryKey)?;
            let mut sums = [0; 6];
            for sum in &mut sums {
                *sum = reader.u32()?;
            }
            totals.push(TotalsRow { key, sums, entries: reader.u32()? });
        }
        let proof: BatchProof<SegmentConfig> = match postcard::take_from_bytes(reader.0) {
            Ok((proof, [])) => proof,
            Ok(_) => return Err(RecordError::Trailing),
            Err(_) => return Err(RecordError::Proof),
        };
        // One proof has one encoding: what doesn't encode to the same bytes again is refused.
        if postcard::to_allocvec(&proof).map_err(|_| RecordError::Proof)? != reader.0 {
            return Err(RecordError::NotCanonical);
        }
        let digest = totals_digest(hasher, &epoch, &totals);
        let prices = match Variant::of_tables(proof.degree_bits.len()) {
            Some(Variant::Plain) => None,
            Some(Variant::Covered) => Some(*prices),
            None => return Err(RecordError::Tables),
        };
        let publics = SegmentPublics { top, epoch, totals: digest, first, last, accounts, prices };
        Ok(Self { publics, totals, proof })
    }
}

/// Takes numbers off the front of some bytes.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], RecordError> {
        let (head, tail) = self.0.split_at_checked(count).ok_or(RecordError::Truncated)?;
        self.0 = tail;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (head, tail) = self.0.split_first_chunk::<N>().ok_or(RecordError::Truncated)?;
        self.0 = tail;
        Ok(*head)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, RecordError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn digest(&mut self) -> Result<Digest, RecordError> {
        Digest::from_bytes(&self.array::<DIGEST_BYTES>()?).map_err(|_| RecordError::Element)
    }

    /// An element below `p`.
    fn element(&mut self) -> Result<Val, RecordError> {
        let mut bytes = [0; DIGEST_BYTES];
        let (head, _) = bytes.split_at_mut(4);
        head.copy_from_slice(&self.array::<4>()?);
        let Digest([element, ..]) = Digest::from_bytes(&bytes).map_err(|_| RecordError::Element)?;
        Ok(element)
    }
}

fn number(element: Val) -> u32 {
    let mut elements = assay_commit::EMPTY.0;
    if let Some(first) = elements.first_mut() {
        *first = element;
    }
    let [a, b, c, d, ..] = Digest(elements).to_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// More than [`MAX_RECORD_BYTES`].
    #[error("the record is larger than {MAX_RECORD_BYTES} bytes")]
    TooLarge,
    /// The bytes end too early.
    #[error("the file is truncated")]
    Truncated,
    /// The first bytes are another format's.
    #[error("not a file of this format")]
    Magic,
    /// Another version.
    #[error("version {version} of the format is not known")]
    Version {
        /// The version.
        version: u32,
    },
    /// A circuit that this verifier doesn't know.
    #[error("the file is of a circuit that this verifier does not know")]
    UnknownCircuit,
    /// The length inside differs from the length of the bytes.
    #[error("the length in the file is not its length")]
    Length,
    /// A 32-bit number of `p` or more.
    #[error("a field element of the file is not canonical")]
    Element,
    /// A number that is no entry key.
    #[error("a row of totals has no valid key")]
    EntryKey,
    /// A proof of so many tables as no segment has.
    #[error("the proof has another number of tables than any segment")]
    Tables,
    /// Too many rows of totals.
    #[error("the list of totals has too many rows")]
    TotalsRows,
    /// The proof doesn't parse.
    #[error("the proof is malformed")]
    Proof,
    /// Bytes after the proof.
    #[error("bytes after the end")]
    Trailing,
    /// Bytes that aren't the one encoding of what they hold.
    #[error("the proof is not in its canonical encoding")]
    NotCanonical,
}
