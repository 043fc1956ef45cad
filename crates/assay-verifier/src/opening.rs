//! Opens the commitment to totals that a final proof hides, for whom the exchange chooses.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use assay_commit::{Digest, DigestError, Hasher, SUBTREE_DEPTH};
use assay_recursion::statement::{ACCOUNTS_KEY, NodeRow, NodeTotals};
use assay_statement::{EntryKey, Totals};
use serde::{Deserialize, Serialize};

use crate::Statement;

/// Name of the format.
pub const OPENING_FORMAT: &str = "assay-totals-opening";

const OPENING_VERSION: u32 = 1;

/// Bytes that an opening can have.
pub const MAX_OPENING_BYTES: usize = 1 << 20;

/// What a proof's verified limbs stay below.
const LIMB_BOUND: u32 = 1 << 29;

/// Salt and totals behind a commitment, as JSON. Private.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TotalsOpening {
    format: String,
    version: u32,
    /// 64 hex digits.
    salt: String,
    /// Rows in use of the root node's list.
    rows: Vec<NodeRow>,
}

impl TotalsOpening {
    /// The opening of [`NodeTotals::commitment`] with this salt.
    pub fn new(salt: &Digest, totals: &NodeTotals) -> Self {
        let rows = totals.used().copied().collect();
        Self { format: OPENING_FORMAT.to_string(), version: OPENING_VERSION, salt: salt.to_hex(), rows }
    }

    /// Reads an opening; nothing is checked against a proof yet.
    pub fn from_json(bytes: &[u8]) -> Result<Self, OpeningError> {
        if bytes.len() > MAX_OPENING_BYTES {
            return Err(OpeningError::TooLarge);
        }
        let opening: Self = serde_json::from_slice(bytes)
            .map_err(|error| OpeningError::Json { line: error.line(), column: error.column() })?;
        let known = opening.format == OPENING_FORMAT && opening.version == OPENING_VERSION;
        if known { Ok(opening) } else { Err(OpeningError::Format) }
    }

    /// The opening as JSON.
    pub fn to_json(&self) -> Result<String, OpeningError> {
        serde_json::to_string(self)
            .map_err(|error| OpeningError::Json { line: error.line(), column: error.column() })
    }

    /// Number of accounts and totals behind the commitment of a verified statement.
    pub fn open(&self, statement: &Statement) -> Result<(u64, Totals), OpeningError> {
        let commitment = statement.figures.commitment().ok_or(OpeningError::NothingHidden)?;
        let salt = Digest::from_hex(&self.salt)?;
        let level = statement.depth.checked_sub(SUBTREE_DEPTH).and_then(|level| u32::try_from(level).ok());
        // Figures are hashed as field elements, so that only those below the bounds are the ones that were proven.
        let in_bounds = |row: &NodeRow| {
            row.key < u32::from(EntryKey::BOUND)
                && row.groups < LIMB_BOUND
                && row.limbs.iter().all(|limb| *limb < LIMB_BOUND)
        };
        if !self.rows.iter().all(in_bounds) {
            return Err(OpeningError::Other);
        }
        let list = level
            .and_then(|level| NodeTotals::of_used(level, self.rows.clone()))
            .ok_or(OpeningError::Other)?;
        if list.commitment(&salt.0, &Hasher::new()) != commitment {
            return Err(OpeningError::Other);
        }
        let mut accounts = None;
        let mut totals = Totals::new();
        for row in &self.rows {
            let total = row.total().ok_or(OpeningError::Other)?;
            if row.key == ACCOUNTS_KEY {
                accounts = u64::try_from(total).ok();
                continue;
            }
            let key = u16::try_from(row.key).ok().and_then(|key| EntryKey::from_number(key).ok());
            totals.add_total(key.ok_or(OpeningError::Other)?, total).map_err(|_| OpeningError::Other)?;
        }
        Ok((accounts.ok_or(OpeningError::Other)?, totals))
    }
}

/// Why totals aren't opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    /// More than [`MAX_OPENING_BYTES`].
    #[error("the opening is larger than {MAX_OPENING_BYTES} bytes")]
    TooLarge,
    /// Not JSON of this form.
    #[error("the opening is not well formed (line {line}, column {column})")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Another format or version.
    #[error("not an opening of format {OPENING_FORMAT} version {OPENING_VERSION}")]
    Format,
    /// The proof shows the totals.
    #[error("the proof hides no totals")]
    NothingHidden,
    /// It doesn't open the commitment.
    #[error("the opening is not that of the proof's commitment")]
    Other,
    /// A malformed salt.
    #[error("the opening: {0}")]
    Digest(#[from] DigestError),
}
