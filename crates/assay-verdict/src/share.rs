use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use assay_commit::Digest;
use assay_statement::{Entity, Epoch};
use serde::{Deserialize, Serialize};

use crate::{Check, CheckResult, Status};

/// Name of the format of share-safe receipts.
pub const SHARE_FORMAT: &str = "assay-share";

/// Version of the format of share-safe receipts.
pub const SHARE_VERSION: u32 = 1;

/// What a customer can show to everybody: that they checked, and which root. No balance, uid, salt, position or path is in
/// it. It proves nothing; it lets people see that they were shown the same root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// [`SHARE_FORMAT`].
    pub format: String,
    /// [`SHARE_VERSION`].
    pub version: u32,
    /// Whose snapshot.
    pub entity: String,
    /// Which snapshot.
    pub epoch: String,
    /// Its time, seconds since 1970-01-01 UTC.
    pub time: u64,
    /// The root, 64 hex digits.
    pub root: String,
    /// Digest of the asset table, 64 hex digits.
    pub asset_table: String,
    /// What was checked.
    pub checks: Vec<ShareCheck>,
}

/// One check, without its details.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShareCheck {
    /// Name of the check.
    pub check: String,
    /// `passed` or `not_checked`.
    pub status: String,
}

impl Share {
    pub(crate) fn new(
        entity: &Entity,
        epoch: &Epoch,
        root: &Digest,
        asset_table: &Digest,
        results: &[CheckResult],
    ) -> Self {
        let status = |result: &CheckResult| match result.status() {
            Status::Passed => "passed",
            Status::Failed => "failed",
            Status::NotChecked => "not_checked",
        };
        // Whether the balances are theirs is the customer's word about balances: it stays with them.
        let shown = results.iter().filter(|result| result.check != Check::Balances);
        Self {
            format: SHARE_FORMAT.to_string(),
            version: SHARE_VERSION,
            entity: entity.as_str().to_string(),
            epoch: epoch.id().to_string(),
            time: epoch.time(),
            root: root.to_hex(),
            asset_table: asset_table.to_hex(),
            checks: shown
                .map(|result| ShareCheck {
                    check: result.check.name().to_string(),
                    status: status(result).to_string(),
                })
                .collect(),
        }
    }

    /// The same in two sentences.
    pub fn to_text(&self) -> String {
        format!(
            "Verified: my account is in the liabilities of {} for {}. Root {} - is yours the same?",
            self.entity, self.epoch, self.root
        )
    }

    /// The share-safe receipt as JSON.
    pub fn to_json(&self) -> Result<String, ShareError> {
        serde_json::to_string_pretty(self).map_err(|_| ShareError)
    }

    /// Reads a share-safe receipt. It is somebody's word, not a proof.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ShareError> {
        let share: Self = serde_json::from_slice(bytes).map_err(|_| ShareError)?;
        let known = share.format == SHARE_FORMAT
            && share.version == SHARE_VERSION
            && Entity::new(&share.entity).is_ok()
            && Epoch::new(&share.epoch, share.time).is_ok()
            && Digest::from_hex(&share.root).is_ok();
        if known { Ok(share) } else { Err(ShareError) }
    }
}

/// A text that is no share-safe receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareError;

impl core::fmt::Display for ShareError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("not a share-safe receipt of a known version")
    }
}

impl core::error::Error for ShareError {}
