use serde_json::Value;

use super::{CanonicalError, ReportInputs, SolvencyReport, build_report};
use crate::error::ReserveError;
use crate::evidence::Assessor;
use crate::finding::FindingCode;
use crate::format::{ReserveFormat, Source};

/// Why a report is refused.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It can't be read.
    #[error(transparent)]
    Report(#[from] CanonicalError),
    /// Its own figures don't fit together, whatever the reserves are.
    #[error("the report contradicts itself at {at}")]
    Inconsistent {
        /// Where, as a path of JSON keys.
        at: String,
    },
    /// The files or figures that it is checked against can't be read.
    #[error(transparent)]
    Reserves(#[from] ReserveError),
    /// The files and figures give another report.
    #[error("the files and figures give another report: it differs at {at}")]
    Differs {
        /// Where, as a path of JSON keys.
        at: String,
    },
}

/// Makes the report of `inputs` and `sources` again and compares it with the one in `json`, byte by byte.
///
/// All that the report is checked against comes from the caller: entity, epoch, root and totals from a statement that
/// the caller verified, files by the digests that it expects, the caller's own policy, grades from its own checks.
pub fn verify_report(
    json: &[u8],
    inputs: ReportInputs,
    sources: &[(Source, ReserveFormat)],
    assessor: &mut dyn Assessor,
) -> Result<SolvencyReport, VerifyError> {
    let report = SolvencyReport::from_json(json)?;
    report.check()?;
    let again = build_report(inputs, sources, assessor)?;
    if again.to_json()? == json {
        return Ok(report);
    }
    Err(VerifyError::Differs { at: difference(&report, &again) })
}

impl SolvencyReport {
    /// Derives again all that follows from other parts of the report, and checks sums. It says nothing about whether
    /// the amounts are those of any file: that takes [`verify_report`].
    pub fn check(&self) -> Result<(), VerifyError> {
        let mut again = self.clone();
        again.derive();
        if again != *self {
            return Err(VerifyError::Inconsistent { at: difference(self, &again) });
        }
        let sum = |parts: &[super::Units]| parts.iter().try_fold(0u128, |sum, part| sum.checked_add(part.0));
        let mut last: Option<&str> = None;
        let mismatch = self.findings.iter().any(|finding| finding.code == FindingCode::TotalsMismatch);
        for (at, line) in self.assets.iter().enumerate() {
            let reserves = &line.reserves;
            let counted = Some(reserves.counted.0);
            let fits = sum(&[reserves.counted, reserves.pool, reserves.left_out]) == Some(reserves.listed.0)
                && sum(&reserves.by_evidence.all()) == counted
                && sum(&reserves.by_ownership.all()) == counted
                && reserves.verified <= reserves.counted
                && reserves.told_ownership <= reserves.counted
                && reserves.verified.0 <= self.most_verified(line)
                && (line.totals_match || mismatch)
                && last.is_none_or(|last| last < line.asset.as_str());
            last = Some(&line.asset);
            if !fits {
                return Err(VerifyError::Inconsistent { at: format!("assets[{at}]") });
            }
        }
        if let Some(excluded) = &self.liabilities.excluded {
            // What is owed of an asset without a line would be in no verdict.
            let known = |line: &super::ExcludedTotal| {
                let same =
                    |asset: &super::AssetLine| (&asset.asset, asset.decimals) == (&line.asset, line.decimals);
                self.assets.iter().any(same)
            };
            if !excluded.fits() || !excluded.totals.iter().all(known) {
                return Err(VerifyError::Inconsistent { at: "liabilities.excluded".into() });
            }
        }
        for (at, line) in self.resampled.iter().enumerate() {
            let picked = line.heights.contains(&line.least_at);
            let in_range = line.heights.iter().all(|height| (line.from..=line.to).contains(height));
            if !picked || !in_range {
                return Err(VerifyError::Inconsistent { at: format!("resampled[{at}]") });
            }
        }
        for (at, line) in self.coin_ages.iter().enumerate() {
            let buckets = line.ends.len() + 1;
            if line.amounts.len() != buckets || line.outputs.len() != buckets {
                return Err(VerifyError::Inconsistent { at: format!("coin_ages[{at}]") });
            }
        }
        if (self.failures.rows.len() as u64) > self.failures.count {
            return Err(VerifyError::Inconsistent { at: "failures".into() });
        }
        Ok(())
    }

    /// A verified row is in columns from both minimum grades up.
    fn most_verified(&self, line: &super::AssetLine) -> u128 {
        let from = |parts: [super::Units; 5], minimum: usize| {
            parts.iter().skip(minimum).fold(0u128, |sum, part| sum.saturating_add(part.0))
        };
        let level =
            crate::EvidenceLevel::ALL.iter().take_while(|level| **level < self.policy.minimum_evidence);
        let grade =
            crate::OwnershipGrade::ALL.iter().take_while(|grade| **grade < self.policy.minimum_ownership);
        from(line.reserves.by_evidence.all(), level.count())
            .min(from(line.reserves.by_ownership.all(), grade.count()))
    }
}

/// The first place where two reports differ.
fn difference(a: &SolvencyReport, b: &SolvencyReport) -> String {
    match (serde_json::to_value(a), serde_json::to_value(b)) {
        (Ok(a), Ok(b)) => first_difference(&a, &b, ""),
        _ => String::new(),
    }
}

fn first_difference(a: &Value, b: &Value, path: &str) -> String {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            // The order of names in a map is a feature that another crate may turn on.
            let other = a.iter().filter(|(name, value)| b.get(*name) != Some(*value));
            match other.min_by_key(|(name, _)| *name) {
                Some((name, value)) => match b.get(name) {
                    Some(there) => first_difference(value, there, &join(name)),
                    None => join(name),
                },
                None => path.to_owned(),
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let other = a.iter().zip(b).enumerate().find(|(_, (a, b))| a != b);
            match other {
                Some((at, (a, b))) => first_difference(a, b, &format!("{path}[{at}]")),
                None => path.to_owned(),
            }
        }
        _ => path.to_owned(),
    }
}
