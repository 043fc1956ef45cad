//! The solvency report: what is owed beside what is held, per asset and in kind.

mod build;
mod canonical;
mod excluded;
mod html;
mod markdown;
mod text;
mod unproven;
mod verify;

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use build::{ReportBuilder, ReportInputs, ResampleInput, build_report};
pub use canonical::CanonicalError;
pub(crate) use canonical::{canonical, digest};
pub use excluded::{
    EXCLUDED_FORMAT, ExcludedAccounts, ExcludedError, ExcludedFile, ExcludedTotal, MAX_EXCLUDED_BYTES,
};
pub use html::escape;
pub use unproven::Unproven;
pub use verify::{VerifyError, verify_report};

use crate::evidence::{EvidenceLevel, OwnershipGrade};
use crate::finding::{Finding, FindingCode, FindingPlace};

/// Format and version of reports.
pub const REPORT_FORMAT: &str = "assay.report/2";

/// Bytes that a report may have.
pub const MAX_REPORT_BYTES: usize = 16 << 20;

/// Rows that a report names among those that don't count.
pub const MAX_FAILURES: usize = 1_000;

/// What an entity owes, as whoever checked the statement of liabilities knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiabilitySource {
    /// How the figures were checked.
    pub checked_by: LiabilityProof,
    /// Id of the circuit, where there is a proof.
    pub circuit: Option<String>,
    /// Digest of the verifying key, where there is a proof.
    pub key: Option<String>,
    /// Digest of the asset table that the statement is bound to.
    pub asset_table: Option<String>,
    /// Where the root was published.
    pub anchors: Vec<Anchor>,
    /// What the entity says isn't in the statement.
    pub exclusions: Vec<Exclusion>,
    /// Accounts that its prover was told to leave out, where the entity says so.
    pub excluded: Option<ExcludedAccounts>,
}

/// How figures of liabilities were checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LiabilityProof {
    /// Not at all: they are what the entity says.
    Unverified,
    /// By the bundle of segment proofs.
    Bundle,
    /// By the final proof.
    FinalProof,
    /// By a final proof that hides them: the figures are what accounts and equity don't exceed.
    FinalProofBounds,
}

/// Where a root was published, so that everybody sees the same one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// The place, such as a network or a journal.
    pub place: String,
    /// What to look up there.
    pub reference: String,
}

/// Something that isn't in the statement of liabilities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exclusion {
    /// What.
    pub what: String,
    /// Why.
    pub reason: String,
}

/// A number of up to 128 bits, in JSON decimal digits in a string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Units(pub u128);

impl Serialize for Units {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Units {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let units: u128 = text.parse().map_err(|_| D::Error::custom("not an integer"))?;
        // One number, one text: no sign, no zeros in front.
        if units.to_string() == text { Ok(Self(units)) } else { Err(D::Error::custom("not canonical")) }
    }
}

/// The report. All of it but the inputs (entity to `rows`, amounts, values, findings) is derived, and
/// [`SolvencyReport::check`] derives it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SolvencyReport {
    /// [`REPORT_FORMAT`].
    pub format: String,
    /// Whose.
    pub entity: String,
    /// Of which epoch.
    pub epoch: String,
    /// Time of the epoch, seconds since 1970-01-01 UTC.
    pub time: u64,
    /// Published root of the statement of liabilities.
    pub root: String,
    /// Accounts in it.
    pub accounts: u64,
    /// Where the figures of liabilities come from.
    pub liabilities: LiabilitySource,
    /// What the verifier asked for.
    pub policy: PolicySummary,
    /// What keys had to sign for a grade above O1.
    pub challenge: Option<ChallengeLine>,
    /// The files of reserves, in order.
    pub files: Vec<FileSummary>,
    /// Evidence of the chains' state that was checked, in order of network, height and digest.
    pub evidence: Vec<EvidenceLine>,
    /// Assets that are owed or held, in order of the asset table.
    pub assets: Vec<AssetLine>,
    /// Whether each asset's counted reserves reach what is owed of it, in kind. They may be mere claims.
    pub solvent: bool,
    /// Whether each asset's verified reserves do.
    pub solvent_verified: bool,
    /// Wrapped assets that the entity issues.
    pub wrapped: Vec<WrappedLine>,
    /// The least balances at heights that nobody knew before, where the verifier asked for some.
    pub resampled: Vec<ResampledLine>,
    /// How old the listed outputs are whose making is proven.
    pub coin_ages: Vec<CoinAgeLine>,
    /// What the reserves are made of.
    pub quality: Quality,
    /// What is inconsistent.
    pub findings: Vec<Finding>,
    /// Rows that don't count.
    pub failures: Failures,
    /// What this report doesn't show.
    pub not_proven: Vec<UnprovenLine>,
}

/// What the verifier asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySummary {
    /// BLAKE3 digest of the whole policy.
    pub digest: String,
    /// Grade of ownership from which a row is verified.
    pub minimum_ownership: OwnershipGrade,
    /// Level of evidence from which a row is verified.
    pub minimum_evidence: EvidenceLevel,
    /// Independent remote sources that make L2.
    pub quorum: u32,
}

/// A challenge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChallengeLine {
    /// SHA-256 of its text.
    pub digest: String,
    /// Digest of the list of addresses that it names.
    pub addresses: String,
    /// The blocks that it names: it is younger than they are.
    pub blocks: Vec<BlockLine>,
}

/// A block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockLine {
    /// Its network.
    pub network: String,
    /// Its height.
    pub height: u64,
    /// Its hash.
    pub hash: String,
}

/// A file of reserves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSummary {
    /// Name of its format.
    pub format: String,
    /// Its length.
    pub bytes: u64,
    /// Its BLAKE3 digest.
    pub digest: String,
    /// Its rows.
    pub rows: u64,
    /// Figures that were rounded down.
    pub rounded: u64,
}

/// A file of evidence, checked against a block that the verifier named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceLine {
    /// The policy's name of the network.
    pub network: String,
    /// Height of the block.
    pub height: u64,
    /// Its hash, lower-case hexadecimal.
    pub hash: String,
    /// Its time, seconds since 1970-01-01 UTC, as its header states it.
    pub time: u64,
    /// Name of the file's format.
    pub format: String,
    /// Its length.
    pub bytes: u64,
    /// Its BLAKE3 digest.
    pub digest: String,
}

/// One asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssetLine {
    /// Symbol.
    pub asset: String,
    /// Decimals of a whole unit.
    pub decimals: u8,
    /// What is owed.
    pub liabilities: LiabilityLine,
    /// What is held.
    pub reserves: ReserveLine,
    /// Whether the totals that files state of it are the sums of their rows. An asset whose files contradict
    /// themselves isn't taken for solvent, whatever its rows sum up to.
    pub totals_match: bool,
    /// Counted reserves by what is owed in parts per million, rounded down; nothing where nothing is owed.
    pub ratio_ppm: Option<Units>,
    /// Verified reserves by it, likewise.
    pub verified_ratio_ppm: Option<Units>,
    /// Whether counted reserves reach what is owed, and totals match.
    pub solvent: bool,
    /// Whether verified reserves reach what is owed, and totals match.
    pub solvent_verified: bool,
}

/// What is owed of one asset, by kind, in base units. Nothing is netted: debt of some customers pays no other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiabilityLine {
    /// Owed to customers, by the statement.
    pub equity: Units,
    /// Equity of accounts that the prover was told to leave out, of [`LiabilitySource::excluded`]. It is owed too.
    pub excluded: Units,
    /// Owed by customers, for no particular product.
    pub debt: Units,
    /// By name of the kind, what is pledged or owed under the asset table's products; kinds without entries are absent.
    pub products: BTreeMap<String, Units>,
}

/// What is held of one asset, in base units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReserveLine {
    /// All that the files list: `counted`, `pool` and `left_out`.
    pub listed: Units,
    /// What counts for customers, claims included.
    pub counted: Units,
    /// What backs wrapped assets, and so nobody else.
    pub pool: Units,
    /// What doesn't count, see the report's failures.
    pub left_out: Units,
    /// The part of `counted` whose rows reach both of the policy's minimum grades.
    pub verified: Units,
    /// `counted` by level of evidence.
    pub by_evidence: ByEvidence,
    /// `counted` by grade of ownership.
    pub by_ownership: ByOwnership,
    /// The part of `counted` whose grade of ownership is what nodes told that contracts answer.
    pub told_ownership: Units,
    /// Rows that count.
    pub rows: u64,
}

/// Base units by level of evidence; each row is in one.
#[allow(non_snake_case)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByEvidence {
    /// Claimed only.
    pub L0: Units,
    /// One remote source.
    pub L1: Units,
    /// A quorum of remote sources.
    pub L2: Units,
    /// Own node.
    pub L3: Units,
    /// Proof.
    pub L4: Units,
}

/// Base units by grade of ownership; each row is in one.
#[allow(non_snake_case)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByOwnership {
    /// Claimed only.
    pub O0: Units,
    /// Not bound to the epoch.
    pub O1: Units,
    /// Bound to the epoch.
    pub O2: Units,
    /// Full challenge.
    pub O3: Units,
    /// By the network's own rules.
    pub O4: Units,
}

/// A wrapped asset that the entity issues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrappedLine {
    /// Symbol.
    pub asset: String,
    /// What it stands for.
    pub native: String,
    /// Its supply on every network that issues it, in its base units.
    pub supplies: Vec<SupplyLine>,
    /// The sum of supplies in base units of the native asset, rounded up.
    pub supply: Units,
    /// Native base units that are tagged to back it.
    pub pool: Units,
    /// Whether the pool reaches the supply and the supply of each issuing network is known.
    pub covered: bool,
}

/// Balances of the rows of one network and asset at sampled heights; see [`Resample`](crate::Resample).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResampledLine {
    /// The policy's name of the network.
    pub network: String,
    /// Symbol.
    pub asset: String,
    /// Hash of the block that decided the heights.
    pub beacon: String,
    /// First height that could be picked.
    pub from: u64,
    /// Last height that could be picked.
    pub to: u64,
    /// The heights.
    pub heights: Vec<u64>,
    /// What the rows list, in base units.
    pub listed: Units,
    /// The least sum of their balances at one of the heights. A balance without proof there is taken for 0.
    pub least: Units,
    /// The height of the least sum.
    pub least_at: u64,
    /// Pairs of a row and a height without a proof.
    pub unseen: u64,
}

/// Ages, at their rows' heights, of listed outputs of one network and asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoinAgeLine {
    /// The policy's name of the network.
    pub network: String,
    /// Symbol.
    pub asset: String,
    /// Exclusive ends of the buckets, in blocks.
    pub ends: Vec<u64>,
    /// Base units per bucket, and at last of outputs older than all ends.
    pub amounts: Vec<Units>,
    /// Outputs per bucket.
    pub outputs: Vec<u64>,
    /// Base units of rows about outputs whose making isn't proven.
    pub unknown: Units,
}

/// Supply on one network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupplyLine {
    /// The network.
    pub network: String,
    /// Base units; nothing where nobody says.
    pub supply: Option<Units>,
    /// Whether a proof shows that the supply is no more than that.
    pub proven: bool,
}

/// What counted reserves are made of, by value. Prices are the asset table's, values millionths of its reference
/// currency, shares parts per million of all value, rounded down and absent where there is no value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quality {
    /// Value of counted reserves.
    pub value: Units,
    /// Assets that are held or owed and have no price, so no part in any figure here.
    pub unpriced: Vec<String>,
    /// Share of the entity's own tokens.
    pub own_tokens_ppm: Option<u32>,
    /// Shares of the largest addresses.
    pub concentration: Concentration,
    /// Shares of stablecoins, by issuer.
    pub stablecoins: Vec<IssuerShare>,
    /// Shares of classes of owners.
    pub classes: Vec<ClassShare>,
    /// Share of staked coins, which may be locked.
    pub staked_ppm: Option<u32>,
    /// Staked rows.
    pub staked_rows: u64,
    /// Share of wrapped, bridged and staked forms of other assets whose issuer isn't the entity.
    pub derivatives_ppm: Option<u32>,
    /// Rows of those.
    pub derivative_rows: u64,
    /// Value of counted reserves after haircuts.
    pub haircut_value: Units,
    /// Value of what is owed, rounded up.
    pub equity_value: Units,
    /// The one by the other in parts per million; nothing where some asset that is owed has no price. It nets assets
    /// against each other, so it says nothing about solvency in kind.
    pub haircut_ratio_ppm: Option<Units>,
}

/// How much of the value is at few addresses. An address is one on all networks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concentration {
    /// Addresses with value.
    pub addresses: u64,
    /// Share of the largest.
    pub top_1_ppm: Option<u32>,
    /// Share of the four largest.
    pub top_4_ppm: Option<u32>,
    /// Share of the ten largest.
    pub top_10_ppm: Option<u32>,
    /// Herfindahl index, the sum of squared shares, in parts per million. Shares have twelve decimals, rounded down.
    pub hhi_ppm: Option<u32>,
}

/// Share of one issuer's stablecoins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerShare {
    /// The issuer.
    pub issuer: String,
    /// Share.
    pub ppm: Option<u32>,
    /// Rows.
    pub rows: u64,
}

/// Share of one class of owners.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassShare {
    /// Name of the class.
    pub class: String,
    /// Share.
    pub ppm: Option<u32>,
    /// Rows.
    pub rows: u64,
}

/// Rows that don't count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failures {
    /// How many; a row whose signature and balance are both wrong counts for each.
    pub count: u64,
    /// The first [`MAX_FAILURES`] of them.
    pub rows: Vec<Failure>,
}

/// A row that doesn't count, or, with a code about ownership or balance, counts as a claim only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The row.
    pub place: FindingPlace,
    /// Why.
    pub code: FindingCode,
}

/// Something that the report doesn't show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnprovenLine {
    /// What.
    pub code: Unproven,
    /// What that means.
    pub text: String,
}

impl LiabilityLine {
    /// What reserves have to reach: equity, whether the statement has it or the entity left it out.
    pub const fn owed(&self) -> Units {
        // A sum that doesn't fit is more than any reserve.
        Units(self.equity.0.saturating_add(self.excluded.0))
    }

    /// Whether there is nothing.
    pub(crate) fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

impl ByEvidence {
    /// In order of the level.
    pub const fn all(&self) -> [Units; 5] {
        [self.L0, self.L1, self.L2, self.L3, self.L4]
    }

    pub(crate) fn at(&mut self, level: EvidenceLevel) -> &mut Units {
        match level {
            EvidenceLevel::L0 => &mut self.L0,
            EvidenceLevel::L1 => &mut self.L1,
            EvidenceLevel::L2 => &mut self.L2,
            EvidenceLevel::L3 => &mut self.L3,
            EvidenceLevel::L4 => &mut self.L4,
        }
    }
}

impl ByOwnership {
    /// In order of the grade.
    pub const fn all(&self) -> [Units; 5] {
        [self.O0, self.O1, self.O2, self.O3, self.O4]
    }

    pub(crate) fn at(&mut self, grade: OwnershipGrade) -> &mut Units {
        match grade {
            OwnershipGrade::O0 => &mut self.O0,
            OwnershipGrade::O1 => &mut self.O1,
            OwnershipGrade::O2 => &mut self.O2,
            OwnershipGrade::O3 => &mut self.O3,
            OwnershipGrade::O4 => &mut self.O4,
        }
    }
}
