use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::row::Place;

/// Findings that are told apart; more of the same code are counted together.
const MAX_FINDINGS: usize = 1_000;

/// Characters by which subjects are told apart; they may come from files.
const MAX_SUBJECT: usize = 200;

/// Rows that a finding names; it counts the rest.
const MAX_PLACES: usize = 8;

/// Something inconsistent in reserves that can be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// What it is.
    pub code: FindingCode,
    /// How bad it is.
    pub severity: Severity,
    /// The first rows that it is about.
    pub places: Vec<FindingPlace>,
    /// How many rows it is about.
    pub count: u64,
    /// What was found, of the first of them. It may quote the file.
    pub text: String,
}

/// A row that a finding names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingPlace {
    /// Number of the file, from 1.
    pub file: u64,
    /// Line, from 1; 0 is the whole file.
    pub line: u64,
}

impl From<Place> for FindingPlace {
    fn from(place: Place) -> Self {
        Self { file: u64::from(place.file) + 1, line: place.line }
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// It weakens what the row shows.
    Warning,
    /// Coins may be counted twice or aren't there: the rows that are named last don't count.
    Error,
}

impl Severity {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $severity:ident;)+) => {
        /// What can be found. The code in reports never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum FindingCode {
            $($(#[$doc])* #[serde(rename = $code)] $name,)+
        }

        impl FindingCode {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The code in reports.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// How bad it is.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)+ }
            }
        }
    };
}

codes! {
    /// A total of the file isn't the sum of its rows.
    TotalsMismatch = "totals-mismatch", Error;
    /// The file has totals, but none of this coin.
    TotalsMissing = "totals-missing", Warning;
    /// Network, address and asset of an earlier row.
    DuplicateRow = "duplicate-row", Error;
    /// As `duplicate-row`, with the address or network spelt in another way.
    DuplicateSpelling = "duplicate-spelling", Error;
    /// An output that an earlier row has, under whatever address or descriptor.
    DuplicateOutpoint = "duplicate-outpoint", Error;
    /// Script and amount of an earlier row under another kind of address.
    DuplicateScript = "duplicate-script", Error;
    /// The script of an earlier row, with another amount.
    SharedScript = "shared-script", Warning;
    /// A derivative and the staked coins that it stands for, at one address.
    NativeAndDerivative = "native-and-derivative", Error;
    /// A derivative and staked coins of what it stands for, at different addresses: they may be the same coins.
    StakedAndDerivative = "staked-and-derivative", Warning;
    /// A wrapped asset that the entity issues, without rows that back all of its supply.
    UnbackedWrapped = "unbacked-wrapped", Error;
    /// A row says that it backs an asset that the policy doesn't know to stand for the row's.
    UnknownBacking = "unknown-backing", Error;
    /// A network that the policy doesn't know, or none.
    UnknownNetwork = "unknown-network", Error;
    /// A text that can't be an address.
    BadAddress = "bad-address", Error;
    /// The file says that nobody can spend the coins.
    Unspendable = "unspendable", Error;
    /// Signatures that were checked and are wrong.
    OwnershipInvalid = "ownership-invalid", Error;
    /// Nodes say different things about what the contract at the address answers to the signature.
    OwnershipDisputed = "ownership-disputed", Error;
    /// A valid signature of a key that isn't bound to the address.
    OwnershipUnbound = "ownership-unbound", Warning;
    /// A signature scheme that the checker doesn't know.
    OwnershipUnsupported = "ownership-unsupported", Info;
    /// A source shows less than the row, or another block at its height.
    BalanceContradicted = "balance-contradicted", Error;
    /// Rows of one network at different heights.
    MixedHeights = "mixed-heights", Warning;
    /// No height: nobody can check the amount.
    MissingHeight = "missing-height", Warning;
    /// No block hash: the height may be of a fork.
    MissingBlockHash = "missing-block-hash", Info;
    /// An amount of zero.
    ZeroAmount = "zero-amount", Info;
    /// A format without amounts: the row shows ownership at most.
    NoAmount = "no-amount", Info;
    /// A class of owner that isn't known.
    UnknownOwnerClass = "unknown-owner-class", Warning;
    /// A type of staking that isn't known; the coins are taken to be staked.
    UnknownStaking = "unknown-staking", Warning;
    /// Decimals were dropped, on request.
    RoundedDown = "rounded-down", Info;
    /// The last line has no end, as in a file that was cut.
    NoLineEnd = "no-line-end", Warning;
}

impl fmt::Display for FindingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Findings by code and subject, bounded whatever the rows are.
#[derive(Debug, Default)]
pub(crate) struct FindingSet(BTreeMap<(FindingCode, String), Finding>);

impl FindingSet {
    /// Notes that rows have a finding. Those with one code and subject are one finding.
    pub(crate) fn add(
        &mut self,
        code: FindingCode,
        subject: &str,
        places: &[Place],
        text: impl FnOnce() -> String,
    ) {
        let subject: String = subject.chars().take(MAX_SUBJECT).collect();
        let key = (code, subject);
        // Beyond the bound, a code has one finding more, which counts.
        let further = self.0.len() >= MAX_FINDINGS && !self.0.contains_key(&key);
        let key = if further { (code, "\u{10ffff}".into()) } else { key };
        let finding = self.0.entry(key).or_insert_with(|| Finding {
            code,
            severity: code.severity(),
            places: Vec::new(),
            count: 0,
            text: if further { "more of this kind".into() } else { text() },
        });
        finding.count += 1;
        for place in places {
            let place = FindingPlace::from(*place);
            if finding.places.len() < MAX_PLACES && !finding.places.contains(&place) {
                finding.places.push(place);
            }
        }
    }

    /// All of them, the worst first, then by code and subject.
    pub(crate) fn into_vec(self) -> Vec<Finding> {
        let mut findings: Vec<_> = self.0.into_values().collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        findings
    }
}
