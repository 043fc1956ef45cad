use std::fmt;

/// One line of a reserve file: an amount of one asset that the entity says it controls at one address.
///
/// Texts are as the file has them, without spaces around them; the message keeps its own, as signatures cover them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReserveRow {
    /// Line of the file, from 1.
    pub line: u64,
    /// Place of the asset in the asset table.
    pub asset: usize,
    /// The coin as the file names it, by which its section of totals sums.
    pub coin: String,
    /// Network as the file or the policy's coin names say; empty where neither does.
    pub network: String,
    /// Address.
    pub address: String,
    /// Base units; absent in formats that don't state amounts.
    pub amount: Option<u128>,
    /// Whether decimals of the amount were dropped.
    pub rounded: bool,
    /// Height of the snapshot's block.
    pub height: Option<u64>,
    /// Hash of that block, lower-case hexadecimal.
    pub block_hash: Option<String>,
    /// Message that was signed.
    pub message: String,
    /// Signatures, in the file's encoding.
    pub signatures: Vec<String>,
    /// Redeem script, descriptor or public key.
    pub script: Option<String>,
    /// Owners of a contract address.
    pub owners: Vec<String>,
    /// How the coins are kept.
    pub owner_class: OwnerClass,
    /// How the coins are staked.
    pub staking: Staking,
    /// References to evidence of the balance.
    pub evidence: Vec<String>,
    /// Symbol of the wrapped asset that these coins back; they don't count for customers then.
    pub backs: Option<String>,
    /// The one output that is meant, `txid:index`, where the row isn't about a whole address.
    pub outpoint: Option<String>,
    /// Whether the file itself says that nobody can spend these coins.
    pub unspendable: bool,
}

/// How coins are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwnerClass {
    /// The file doesn't say.
    #[default]
    Unstated,
    /// Keys are online.
    Hot,
    /// Keys are online behind manual steps.
    Warm,
    /// Keys are offline.
    Cold,
    /// A contract holds the coins.
    Contract,
    /// A third party holds the keys.
    Custodian,
    /// Locked in staking.
    Staked,
    /// A word that isn't known, which is a finding.
    Other(String),
}

impl OwnerClass {
    /// Names of the known classes in files and reports, the unstated one first.
    pub const NAMES: [&'static str; 7] =
        ["unstated", "hot", "warm", "cold", "contract", "custodian", "staked"];

    /// The class that `text` names, in any case; nothing is unstated.
    pub fn from_text(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "" | "unstated" => Self::Unstated,
            "hot" => Self::Hot,
            "warm" => Self::Warm,
            "cold" => Self::Cold,
            "contract" => Self::Contract,
            "custodian" => Self::Custodian,
            "staked" => Self::Staked,
            _ => Self::Other(text.into()),
        }
    }

    /// Its name; an unknown word is as good as unstated.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unstated | Self::Other(_) => "unstated",
            Self::Hot => "hot",
            Self::Warm => "warm",
            Self::Cold => "cold",
            Self::Contract => "contract",
            Self::Custodian => "custodian",
            Self::Staked => "staked",
        }
    }
}

/// How coins are staked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Staking {
    /// Not at all, or the file doesn't say.
    #[default]
    None,
    /// With the network's own validators.
    Native,
    /// Restaked.
    Restaked,
    /// A word that isn't known, which is a finding.
    Other(String),
}

impl Staking {
    /// The type that `text` names, in any case and spacing.
    pub fn from_text(text: &str) -> Self {
        let plain: String = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
        match plain.as_str() {
            "" | "none" | "non staking" => Self::None,
            "native" | "native eth staking" => Self::Native,
            "restaked" | "eigenlayer staking" => Self::Restaked,
            _ => Self::Other(text.into()),
        }
    }

    /// Whether the coins may be locked; an unknown word is taken to say so.
    pub const fn is_staked(&self) -> bool {
        !matches!(self, Self::None)
    }
}

/// A row of a file among several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Number of the file, from 0, in the order in which files were added.
    pub file: u32,
    /// Line, from 1; 0 is the whole file.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file {}, line {}", u64::from(self.file) + 1, self.line)
    }
}

/// What the section of totals of a file says about a coin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionTotal {
    /// Line of the file, from 1.
    pub line: u64,
    /// Place of the asset in the asset table.
    pub asset: usize,
    /// The coin as the file names it.
    pub coin: String,
    /// Base units.
    pub amount: u128,
    /// Height of the snapshot.
    pub height: Option<u64>,
}

/// The supply of a wrapped asset on one network that issues it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedSupply {
    /// Place of the wrapped asset in the asset table.
    pub asset: usize,
    /// Network.
    pub network: String,
    /// Base units that exist there.
    pub supply: u128,
    /// Whether a proof that the verifier checked shows it; else it is somebody's word.
    pub proven: bool,
}

/// Formats show texts from files, which may hold anything: control characters are escaped and long texts cut.
pub(crate) fn quote(text: &str) -> String {
    const MOST: usize = 120;
    let mut shown: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}
