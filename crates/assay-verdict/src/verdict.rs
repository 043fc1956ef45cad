use alloc::string::String;
use alloc::vec::Vec;

use serde::{Serialize, Serializer};

use crate::{Class, Code, Share};

/// Name of the verdict's format.
pub const VERDICT_FORMAT: &str = "assay-verdict";

/// Version of the verdict's format.
pub const VERDICT_VERSION: u32 = 1;

/// What came out.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// [`VERDICT_FORMAT`].
    pub format: &'static str,
    /// [`VERDICT_VERSION`].
    pub version: u32,
    /// All in one word.
    pub verdict: Outcome,
    /// Why: the code of the gravest result.
    pub code: Code,
    /// Every check, in order, each once.
    pub results: Vec<CheckResult>,
    /// What the receipt says, where it can be read.
    pub receipt: Option<ReceiptView>,
    /// What the proof shows, where it holds.
    pub proof: Option<ProofView>,
    /// Digest of the asset table that was used, 64 hex digits.
    pub asset_table: Option<String>,
    /// The report's reserves beside what is owed, where both are known.
    pub reserves: Vec<ReserveLine>,
    /// What the customer can show to everybody, where the verdict is good.
    pub share: Option<Share>,
}

/// A verdict in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The receipt is included and nothing that was checked failed.
    Verified,
    /// Something was checked and doesn't hold.
    Rejected,
    /// A file can't be read.
    Unreadable,
    /// What it takes isn't all there.
    NotChecked,
}

impl Outcome {
    /// The exit code of a command with this outcome.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Verified => 0,
            Self::Rejected => 1,
            Self::Unreadable => 3,
            Self::NotChecked => 4,
        }
    }
}

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// The receipt's entity and epoch are the expected ones.
    EntityEpoch,
    /// The root holds the receipt's entries for the typed uid.
    Inclusion,
    /// The totals are the sums of all accounts, and none of them is negative.
    TotalSum,
    /// The published totals are the proven ones.
    Figures,
    /// The asset table is the expected one.
    AssetTable,
    /// The root is the same in a second place.
    Root,
    /// Reserves cover what is owed.
    Reserves,
    /// The balances are the customer's.
    Balances,
}

impl Check {
    /// All checks, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::Inclusion,
        Self::TotalSum,
        Self::Balances,
        Self::EntityEpoch,
        Self::Root,
        Self::Figures,
        Self::AssetTable,
        Self::Reserves,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EntityEpoch => "entity-epoch",
            Self::Inclusion => "inclusion",
            Self::TotalSum => "total-sum",
            Self::Figures => "figures",
            Self::AssetTable => "asset-table",
            Self::Root => "root",
            Self::Reserves => "reserves",
            Self::Balances => "balances",
        }
    }
}

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It holds.
    Passed,
    /// It doesn't.
    Failed,
    /// Nobody knows.
    NotChecked,
}

impl From<Class> for Status {
    fn from(class: Class) -> Self {
        match class {
            Class::Passed => Self::Passed,
            Class::Rejected => Self::Failed,
            Class::Unreadable | Class::NotChecked => Self::NotChecked,
        }
    }
}

/// One result.
#[derive(Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// What was checked.
    pub check: Check,
    /// What came out and why.
    pub code: Code,
    /// More for experts; holds nothing of the receipt.
    pub detail: Option<String>,
}

impl CheckResult {
    /// What became of it.
    pub fn status(&self) -> Status {
        self.code.class().into()
    }
}

impl Serialize for CheckResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'a> {
            check: &'static str,
            status: Status,
            class: Class,
            code: Code,
            #[serde(skip_serializing_if = "Option::is_none")]
            detail: Option<&'a str>,
        }
        Fields {
            check: self.check.name(),
            status: self.status(),
            class: self.code.class(),
            code: self.code,
            detail: self.detail.as_deref(),
        }
        .serialize(serializer)
    }
}

/// What a receipt says. Private.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ReceiptView {
    /// Its entity.
    pub entity: String,
    /// Its epoch.
    pub epoch: String,
    /// Its time, seconds since 1970-01-01 UTC.
    pub time: u64,
    /// The root that it was made for, 64 hex digits.
    pub root: String,
    /// Whether the root holds these balances; otherwise they are only what the file says.
    pub included: bool,
    /// Its entries, where the asset table gives them a meaning.
    pub balances: Vec<Balance>,
}

/// One balance. Private.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// Symbol of the asset.
    pub asset: String,
    /// Name of the kind, as ledgers spell it.
    pub kind: String,
    /// `equity`, `debt` or `collateral`.
    pub role: &'static str,
    /// Name of the product, if the kind belongs to one.
    pub product: Option<String>,
    /// Whole units, decimal.
    pub amount: String,
}

/// What a verified proof shows.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ProofView {
    /// Its entity.
    pub entity: String,
    /// Its epoch.
    pub epoch: String,
    /// Its time, seconds since 1970-01-01 UTC.
    pub time: u64,
    /// Its root, 64 hex digits.
    pub root: String,
    /// Levels of the tree.
    pub depth: usize,
    /// Id of the circuit that this verifier knows, 64 hex digits.
    pub circuit: String,
    /// Digest of the pinned key, 64 hex digits, if it is a final proof.
    pub key: Option<String>,
    /// Whether figures are exact; otherwise they are bounds.
    pub exact: bool,
    /// Number of accounts, or its bound.
    pub accounts: u64,
    /// Totals or bounds in order of asset and kind.
    pub totals: Vec<TotalLine>,
}

/// A proven total, or a bound.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct TotalLine {
    /// Symbol of the asset.
    pub asset: String,
    /// Name of the kind.
    pub kind: String,
    /// Whole units; nothing where the bound says nothing.
    pub total: Option<String>,
}

/// What a report says is held of an asset, beside what is owed of it, in whole units.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ReserveLine {
    /// Symbol of the asset.
    pub asset: String,
    /// Owed to customers, as it is proven, or at most.
    pub owed: String,
    /// Counted reserves, claims included.
    pub counted: String,
    /// Verified reserves.
    pub verified: String,
    /// Whether counted reserves reach what is owed, and their files don't contradict themselves.
    pub covered: bool,
    /// Whether verified reserves do.
    pub covered_verified: bool,
}

impl Verdict {
    /// The result of one check.
    pub fn result(&self, check: Check) -> Option<&CheckResult> {
        self.results.iter().find(|result| result.check == check)
    }

    /// The verdict as JSON.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}
