//! Verification of one segment.

use assay_circuit::p3_batch_stark::{CommonData, verify_batch};
use assay_circuit::{
    All, LOG_RANGE, MAX_LOG_HEIGHTS, MIN_LOG_HEIGHT, PublicsError, SEGMENT_PARAMETERS, SegmentAir,
    SegmentConfig, segment_airs, segment_common,
};
use assay_commit::{Digest, Hasher, LeafKey, SUBTREE_DEPTH};
use assay_statement::{AssetTable, Symbol, Totals, TotalsError};

use crate::record::{RecordError, SegmentRecord};

/// Verifies segments of the one circuit that it knows.
pub struct SegmentVerifier {
    config: SegmentConfig,
    airs: [SegmentAir; 4],
    common: CommonData<SegmentConfig>,
    hasher: Hasher,
}

impl SegmentVerifier {
    /// Sets the circuit up.
    pub fn new() -> Result<Self, VerifyError> {
        let config = SEGMENT_PARAMETERS.config();
        let airs = segment_airs(All);
        let common = segment_common(&config, &airs).ok_or(VerifyError::Setup)?;
        Ok(Self { config, airs, common, hasher: Hasher::new() })
    }

    /// The hash.
    pub const fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// Verifies the record of a segment of the epoch with this digest and returns it with its totals.
    pub fn verify(
        &self,
        bytes: &[u8],
        epoch: &Digest,
        assets: &AssetTable,
    ) -> Result<(SegmentRecord, Totals), VerifyError> {
        let record = SegmentRecord::from_bytes(&self.hasher, bytes)?;
        if record.publics.epoch != *epoch {
            return Err(VerifyError::OtherEpoch);
        }
        // The circuit counts in the field, so the number must be one that the field can't confuse with another.
        if !(1..=1 << SUBTREE_DEPTH).contains(&record.publics.accounts) {
            return Err(VerifyError::AccountCount);
        }
        let totals = sum_totals(&record, assets)?;
        let [hash, entry, account, range] = MAX_LOG_HEIGHTS;
        let heights_fit = record.proof.degree_bits.len() == self.airs.len()
            && record
                .proof
                .degree_bits
                .iter()
                .zip([hash, entry, account, range])
                .all(|(log_height, most)| (MIN_LOG_HEIGHT..=most).contains(log_height))
            && record.proof.degree_bits.last() == Some(&LOG_RANGE);
        if !heights_fit {
            return Err(VerifyError::Heights);
        }
        verify_batch(&self.config, &self.airs, &record.proof, &record.publics.values(), &self.common)
            .map_err(|_| VerifyError::Proof)?;
        Ok((record, totals))
    }
}

/// Adds up the list of totals as integers; every key must be in the asset table.
fn sum_totals(record: &SegmentRecord, assets: &AssetTable) -> Result<Totals, VerifyError> {
    let mut totals = Totals::new();
    for row in &record.totals {
        if !assets.defines(row.key) {
            return Err(VerifyError::UnknownAsset);
        }
        totals.add_total(row.key, row.total()?)?;
    }
    Ok(totals)
}

pub(crate) fn border_keys(record: &SegmentRecord) -> (LeafKey, LeafKey) {
    (LeafKey::from_elements(record.publics.first), LeafKey::from_elements(record.publics.last))
}

/// Why a proof is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The verifier couldn't set up its circuit: a fault of this build, not of the proof.
    #[error("the verifier could not set up its circuit")]
    Setup,
    /// A file that isn't well formed.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The proof is for another epoch, entity or asset table than expected.
    #[error("the proof is for another entity, epoch or asset table than expected")]
    OtherEpoch,
    /// A number of accounts that no segment has.
    #[error("a segment claims no accounts, or more than it can hold")]
    AccountCount,
    /// Table heights that the circuit doesn't allow.
    #[error("the proof has tables of heights that the circuit does not allow")]
    Heights,
    /// The proof doesn't hold.
    #[error("the proof does not hold")]
    Proof,
    /// A row of totals that is out of bounds.
    #[error(transparent)]
    Totals(#[from] PublicsError),
    /// A total that doesn't fit 128 bits.
    #[error(transparent)]
    TotalOverflow(#[from] TotalsError),
    /// A total of an asset or kind that the asset table lacks.
    #[error("the totals name an asset or kind that the asset table lacks")]
    UnknownAsset,
    /// No segment, or more than a tree holds.
    #[error("the bundle has no segments or too many")]
    SegmentCount,
    /// A segment whose first key doesn't follow the last key of the one before.
    #[error("segment {segment} does not follow the one before it in leaf key")]
    SegmentOrder {
        /// Number of the segment from 0.
        segment: usize,
    },
    /// The segments make another root than the one in the bundle.
    #[error("the segments do not lead to the root in the bundle")]
    Root,
    /// The proof is for another root than expected.
    #[error("the proof is for another root than expected")]
    OtherRoot,
    /// The proof is for other totals than expected.
    #[error("the proof shows other totals than expected")]
    OtherTotals,
    /// The proof is for another number of accounts than expected.
    #[error("the proof shows another number of accounts than expected")]
    OtherAccounts,
    /// The proof shows more equity of an asset than the asset table's supply cap: no more of it exists.
    #[error("the proof shows more equity of {symbol} than its supply cap, of which no more exists")]
    AboveSupplyCap {
        /// The asset.
        symbol: Symbol,
    },
    /// The proof allows that more of an asset is owed than the given reserves.
    #[error("the proof does not show that the reserves of {symbol} cover what is owed")]
    NotCovered {
        /// The asset.
        symbol: Symbol,
    },
}
