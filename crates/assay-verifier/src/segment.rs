//! Verification of one segment.

use alloc::vec::Vec;

use assay_circuit::p3_batch_stark::{CommonData, verify_batch};
use assay_circuit::{
    All, LOG_RANGE, MAX_LOG_HEIGHTS, MIN_LOG_HEIGHT, PublicsError, SEGMENT_PARAMETERS, SegmentAir,
    SegmentConfig, Variant, segment_airs, segment_common,
};
use assay_commit::{Digest, Hasher, LeafKey, SUBTREE_DEPTH};
use assay_statement::{AssetTable, EntryKey, Kind, Symbol, Totals, TotalsError};

use crate::record::{RecordError, SegmentRecord};

/// Verifies segments of the one circuit that it knows, in both its variants.
pub struct SegmentVerifier {
    config: SegmentConfig,
    plain: Tables,
    covered: Tables,
    hasher: Hasher,
}

struct Tables {
    airs: Vec<SegmentAir>,
    common: CommonData<SegmentConfig>,
}

impl Tables {
    fn new(config: &SegmentConfig, variant: Variant) -> Result<Self, VerifyError> {
        let airs = segment_airs(variant, All);
        let common = segment_common(config, &airs).ok_or(VerifyError::Setup)?;
        Ok(Self { airs, common })
    }
}

/// The epoch that segments must be of.
#[derive(Clone, Copy)]
pub struct SegmentContext<'a> {
    /// Digest of the epoch.
    pub epoch: &'a Digest,
    /// The asset table.
    pub assets: &'a AssetTable,
    /// Digest of the asset table's price rows.
    pub prices: &'a Digest,
}

impl SegmentVerifier {
    /// Sets the circuit up.
    pub fn new() -> Result<Self, VerifyError> {
        let config = SEGMENT_PARAMETERS.config();
        let plain = Tables::new(&config, Variant::Plain)?;
        let covered = Tables::new(&config, Variant::Covered)?;
        Ok(Self { config, plain, covered, hasher: Hasher::new() })
    }

    /// The hash.
    pub const fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// Verifies the record of a segment and returns it with its totals. Totals of debt or collateral must be of a segment
    /// that covers them at the prices of the asset table.
    pub fn verify(
        &self,
        bytes: &[u8],
        context: SegmentContext<'_>,
    ) -> Result<(SegmentRecord, Totals), VerifyError> {
        let record = SegmentRecord::from_bytes(&self.hasher, bytes, context.prices)?;
        if record.publics.epoch != *context.epoch {
            return Err(VerifyError::OtherEpoch);
        }
        // The circuit counts in the field, so the number must be one that the field can't confuse with another.
        if !(1..=1 << SUBTREE_DEPTH).contains(&record.publics.accounts) {
            return Err(VerifyError::AccountCount);
        }
        let totals = sum_totals(&record, context.assets)?;
        let tables = match record.publics.variant() {
            Variant::Plain => &self.plain,
            Variant::Covered => &self.covered,
        };
        check_kinds(record.publics.variant(), &totals)?;
        let log_heights = &record.proof.degree_bits;
        let heights_fit = log_heights.len() == tables.airs.len()
            && log_heights
                .iter()
                .zip(MAX_LOG_HEIGHTS)
                .all(|(log_height, most)| (MIN_LOG_HEIGHT..=most).contains(log_height))
            && log_heights.get(RANGE_TABLE) == Some(&LOG_RANGE);
        if !heights_fit {
            return Err(VerifyError::Heights);
        }
        verify_batch(&self.config, &tables.airs, &record.proof, &record.publics.values(), &tables.common)
            .map_err(|_| VerifyError::Proof)?;
        Ok((record, totals))
    }
}

/// Place of the range table, whose height is fixed.
const RANGE_TABLE: usize = 3;
const _: () = assert!(MAX_LOG_HEIGHTS[RANGE_TABLE] == LOG_RANGE);

/// Plain segments show nothing of debt, so there must be none: every entry is in some total.
pub(crate) fn check_kinds(variant: Variant, totals: &Totals) -> Result<(), VerifyError> {
    let equity = |(key, _): (EntryKey, u128)| key.kind() == Kind::EQUITY;
    if variant == Variant::Covered || totals.iter().all(equity) {
        Ok(())
    } else {
        Err(VerifyError::DebtNotCovered)
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
    /// Totals of debt or collateral in a proof that doesn't show that each account's debt is covered.
    #[error("the proof has debt or collateral and does not show that it is covered")]
    DebtNotCovered,
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
