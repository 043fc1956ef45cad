//! Accounts that the prover was told to leave out: how many, and what they have in sum.

use std::collections::BTreeSet;

use assay_statement::{AssetTable, Entity, EntryKey, Epoch, Kind, Totals, hex};
use serde::{Deserialize, Serialize};

use super::{LiabilitySource, Units};
use crate::row::quote;

/// Name of the format.
pub const EXCLUDED_FORMAT: &str = "assay-excluded";

const EXCLUDED_VERSION: u32 = 1;

/// Bytes that a file of what was left out may have.
pub const MAX_EXCLUDED_BYTES: usize = 4 << 20;

/// Accounts that aren't in the statement of liabilities though they are owed too: the entity's word, which no proof covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExcludedAccounts {
    /// Their number.
    pub accounts: u64,
    /// Their totals, in order of asset and kind.
    pub totals: Vec<ExcludedTotal>,
}

/// What accounts that were left out have of one asset and kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExcludedTotal {
    /// Symbol.
    pub asset: String,
    /// Decimals of a whole unit.
    pub decimals: u8,
    /// Name of the kind.
    pub kind: String,
    /// Base units.
    pub total: Units,
}

/// What the prover publishes about accounts that it left out, as JSON. It names none of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExcludedFile {
    /// [`EXCLUDED_FORMAT`].
    pub format: String,
    /// 1.
    pub version: u32,
    /// Whose.
    pub entity: String,
    /// Of which epoch.
    pub epoch: String,
    /// Time of the epoch, seconds since 1970-01-01 UTC.
    pub time: u64,
    /// Root of the statement that they aren't in, 64 hex digits.
    pub root: String,
    /// Their number.
    pub accounts: u64,
    /// Their totals, in order of asset and kind.
    pub totals: Vec<ExcludedTotal>,
}

/// Why what was left out is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExcludedError {
    /// More than [`MAX_EXCLUDED_BYTES`].
    #[error("more than {MAX_EXCLUDED_BYTES} bytes")]
    TooLarge,
    /// Not JSON of this form.
    #[error("not a file of what was left out (line {line}, column {column}): {reason}")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// Another format or version.
    #[error("not of the format {EXCLUDED_FORMAT}, version {EXCLUDED_VERSION}")]
    Format,
    /// A total that can't be one under the asset table.
    #[error("total {place} of what was left out: {what}")]
    Total {
        /// Which one, from 1.
        place: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// Totals without accounts, accounts without totals, or more accounts than can be stated.
    #[error("the number of accounts left out doesn't fit their totals")]
    Accounts,
    /// It belongs to another statement.
    #[error("what was left out is of another {what} than the proof")]
    OtherStatement {
        /// Entity, epoch or root.
        what: &'static str,
    },
}

impl ExcludedError {
    /// Whether it can be read and is about something else, rather than not being readable.
    pub const fn is_other_statement(&self) -> bool {
        matches!(self, Self::OtherStatement { .. })
    }
}

impl LiabilitySource {
    /// What accounts that were left out are owed of an asset.
    pub(super) fn excluded_equity(&self, asset: &str) -> Units {
        let equity = Kind::EQUITY.to_string();
        let mut lines = self.excluded.iter().flat_map(|excluded| &excluded.totals);
        lines
            .find(|line| line.asset == asset && line.kind == equity)
            .map(|line| line.total)
            .unwrap_or_default()
    }
}

impl ExcludedAccounts {
    /// Of these totals, which are of the asset table.
    pub fn new(accounts: u64, totals: &Totals, assets: &AssetTable) -> Self {
        let line = |(key, total): (EntryKey, u128)| {
            let asset = assets.get(key.asset())?;
            Some(ExcludedTotal {
                asset: asset.symbol.to_string(),
                decimals: asset.decimals,
                kind: assets.kind_name(key.kind()).into_owned(),
                total: Units(total),
            })
        };
        Self { accounts, totals: totals.iter().filter_map(line).collect() }
    }

    /// Whether assets, decimals and kinds are those of the asset table, each pair once and in order.
    pub fn check(&self, assets: &AssetTable) -> Result<(), ExcludedError> {
        let mut last = None;
        for (place, line) in (1..).zip(&self.totals) {
            let wrong = |what| ExcludedError::Total { place, what };
            let index = assets.index_of(&line.asset);
            let asset = index.ok_or(wrong("the asset table has no such asset"))?;
            if assets.get(asset).is_none_or(|asset| asset.decimals != line.decimals) {
                return Err(wrong("the asset table has other decimals"));
            }
            let kind = assets.products().kind(&line.kind);
            let kind = kind.map_err(|_| wrong("the asset table has no such kind"))?;
            let key = EntryKey::new(asset, kind).map_err(|_| wrong("the asset table has no such asset"))?;
            if last.is_some_and(|last| last >= key) {
                return Err(wrong("twice, or out of order"));
            }
            last = Some(key);
        }
        if self.fits() { Ok(()) } else { Err(ExcludedError::Accounts) }
    }

    /// What can be said without an asset table.
    pub(super) fn fits(&self) -> bool {
        let pairs: BTreeSet<_> = self.totals.iter().map(|line| (&line.asset, &line.kind)).collect();
        // Who has nothing breaks no rule, and so isn't left out.
        pairs.len() == self.totals.len()
            && (self.accounts == 0) == self.totals.is_empty()
            && self.accounts < 1 << 53
    }
}

impl ExcludedFile {
    /// What was left out of the statement with this root.
    pub fn new(entity: &Entity, epoch: &Epoch, root: &[u8; 32], excluded: ExcludedAccounts) -> Self {
        let ExcludedAccounts { accounts, totals } = excluded;
        Self {
            format: EXCLUDED_FORMAT.to_owned(),
            version: EXCLUDED_VERSION,
            entity: entity.as_str().to_owned(),
            epoch: epoch.id().to_owned(),
            time: epoch.time(),
            root: hex::encode(root),
            accounts,
            totals,
        }
    }

    /// Reads a file. What it says is up to [`Self::of_statement`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, ExcludedError> {
        if bytes.len() > MAX_EXCLUDED_BYTES {
            return Err(ExcludedError::TooLarge);
        }
        let file: Self = serde_json::from_slice(bytes).map_err(|error| ExcludedError::Json {
            line: error.line(),
            column: error.column(),
            reason: quote(&error.to_string()),
        })?;
        if file.format != EXCLUDED_FORMAT || file.version != EXCLUDED_VERSION {
            return Err(ExcludedError::Format);
        }
        Ok(file)
    }

    /// The file as JSON.
    pub fn to_json(&self) -> Result<String, ExcludedError> {
        serde_json::to_string_pretty(self).map_err(|error| ExcludedError::Json {
            line: error.line(),
            column: error.column(),
            reason: error.to_string(),
        })
    }

    /// What was left out, if the file is about the statement that the caller verified and fits its asset table.
    pub fn of_statement(
        self,
        (entity, epoch): (&Entity, &Epoch),
        root: &[u8; 32],
        assets: &AssetTable,
    ) -> Result<ExcludedAccounts, ExcludedError> {
        let excluded = ExcludedAccounts { accounts: self.accounts, totals: self.totals };
        excluded.check(assets)?;
        let parts = [
            ("entity", self.entity == entity.as_str()),
            ("epoch", self.epoch == epoch.id() && self.time == epoch.time()),
            ("root", self.root == hex::encode(root)),
        ];
        match parts.into_iter().find(|(_, same)| !same) {
            Some((what, _)) => Err(ExcludedError::OtherStatement { what }),
            None => Ok(excluded),
        }
    }
}
