//! What of a solvency report a customer compares with a proof. Who wants to check the report itself makes it again from
//! its files.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, de::Error};

/// Bytes that a report may have.
pub const MAX_REPORT_BYTES: usize = 16 << 20;

/// Formats and versions of reports that are read.
pub const REPORT_FORMATS: &[&str] = &["assay.report/2"];

/// The figures of a report. Other fields aren't looked at.
#[derive(Deserialize)]
pub(crate) struct ReportFigures {
    format: String,
    pub(crate) entity: String,
    pub(crate) epoch: String,
    pub(crate) time: u64,
    pub(crate) root: String,
    pub(crate) assets: Vec<ReportAsset>,
}

#[derive(Deserialize)]
pub(crate) struct ReportAsset {
    pub(crate) asset: String,
    pub(crate) decimals: u8,
    pub(crate) liabilities: ReportLiabilities,
    pub(crate) reserves: ReportReserves,
    /// Whether the totals that the reserves' files state of the asset are the sums of their rows.
    pub(crate) totals_match: bool,
}

#[derive(Deserialize)]
pub(crate) struct ReportLiabilities {
    #[serde(deserialize_with = "units")]
    pub(crate) equity: u128,
    /// Equity of accounts that aren't in the statement.
    #[serde(deserialize_with = "units")]
    pub(crate) excluded: u128,
}

#[derive(Deserialize)]
pub(crate) struct ReportReserves {
    #[serde(deserialize_with = "units")]
    pub(crate) counted: u128,
    #[serde(deserialize_with = "units")]
    pub(crate) verified: u128,
}

impl ReportFigures {
    /// Reads a report of a known version.
    pub(crate) fn from_json(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_REPORT_BYTES {
            return None;
        }
        let report: Self = serde_json::from_slice(bytes).ok()?;
        REPORT_FORMATS.contains(&report.format.as_str()).then_some(report)
    }
}

fn units<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
    let text = String::deserialize(deserializer)?;
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain).ok_or_else(|| D::Error::custom("not an integer"))
}
