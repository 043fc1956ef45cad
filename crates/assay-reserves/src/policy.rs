use std::collections::{BTreeMap, BTreeSet};

use assay_ownership::{AccountClass, CosmosKey, Grade as OwnershipGrade, Network};
use assay_statement::{AssetTable, hex};
use serde::{Deserialize, Serialize};

use crate::error::ReserveError;
use crate::evidence::EvidenceLevel;
use crate::figure::PPM;
use crate::report::{canonical, digest};

/// Bytes that a policy file may have.
pub const MAX_POLICY_BYTES: usize = 1 << 20;

/// What a verifier takes reserves for: known networks, names of coins, wrapped assets, haircuts, and the grades from
/// which a row is verified. It comes from whoever judges the report, not from the entity.
///
/// ```toml
/// version = 1
/// minimum_ownership = "O2"
/// minimum_evidence = "L2"
/// quorum = 2                       # independent remote sources for L2, at least 2
/// own_tokens = ["XT"]
///
/// [[network]]
/// name = "ETH"
/// aliases = ["ERC20"]
/// confirmations = 64
/// addresses = { kind = "evm", chain_id = 1 }   # whose signatures are verified; see `AddressKind`
///
/// native = { asset = "ETH", decimals = 18 }    # what accounts there hold without any contract
///
/// # addresses = { kind = "starknet", classes = [{ class_hash = "0x...", calldata = ["key", "0x0"] }] }
/// #                                # account classes that are known, see `assay_ownership::AccountClass`
///
/// [[token]]                        # where a token keeps its balances, for proofs
/// asset = "USDT"
/// network = "ETH"
/// contract = "0xdac17f958d2ee523a2206206994597c13d831ec7"
/// decimals = 6
/// balances = 2                     # slot of the mapping: a number, or 64 hexadecimal digits behind 0x
/// layout = "solidity"              # or "vyper": how keys of the mapping are hashed
/// supply = 1                       # slot of the total supply, where it is one
///
/// [[safe]]                         # contracts whose owners' signatures count
/// network = "ETH"
/// code_hashes = ["0xd7d408ebcd99b2b70be43e20253d6d92a8ea8fab29bd3be7f55b10032331fb4c"]   # of proxies
/// singletons = ["0xd9db270c1b5e3bd161e8c8503c55ceabee709552"]
///
/// [[coin]]                         # names that files use for an asset on a network
/// name = "USDT-ERC20"
/// asset = "USDT"
/// network = "ETH"
///
/// [[stablecoin]]
/// asset = "USDT"
/// issuer = "T"
///
/// [[wrapped]]
/// asset = "XBTC"
/// native = "BTC"
/// issuer = "entity"                # or "other"
/// networks = ["ETH"]
///
/// [[haircut]]
/// asset = "XT"
/// counts_ppm = 100000              # of its value; assets that aren't listed count in full
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// 1.
    pub version: u32,
    /// Grade of ownership from which a row is verified.
    pub minimum_ownership: OwnershipGrade,
    /// Level of evidence from which a row is verified.
    pub minimum_evidence: EvidenceLevel,
    /// Independent remote sources that make [`EvidenceLevel::L2`].
    #[serde(default = "default_quorum")]
    pub quorum: u32,
    /// Seconds by which the time of a block, at which balances are proven, may lie before or behind that of the
    /// snapshot: a proof of an old block says nothing about it.
    #[serde(default = "default_window", skip_serializing_if = "is_default_window")]
    pub block_window_s: u64,
    /// Tokens that the entity issues itself.
    #[serde(default)]
    pub own_tokens: Vec<String>,
    /// Networks that rows can be on.
    #[serde(default)]
    pub network: Vec<NetworkPolicy>,
    /// Where tokens keep their balances.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub token: Vec<TokenPolicy>,
    /// Contracts that are Safes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub safe: Vec<SafePolicy>,
    /// What files call an asset on a network.
    #[serde(default)]
    pub coin: Vec<CoinName>,
    /// Stablecoins by issuer.
    #[serde(default)]
    pub stablecoin: Vec<Stablecoin>,
    /// Wrapped, bridged and staked forms of other assets.
    #[serde(default)]
    pub wrapped: Vec<WrappedAsset>,
    /// What part of an asset's value counts in the haircut-adjusted ratio.
    #[serde(default)]
    pub haircut: Vec<Haircut>,
}

/// A network that rows can be on. Rows on no known network don't count: an invented name would let coins count twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkPolicy {
    /// Its name.
    pub name: String,
    /// What else files call it. Names match in any case.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Blocks on top from which a block counts as final, for whoever asks a node.
    pub confirmations: u32,
    /// How its addresses are made. Without it no signature on the network is verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addresses: Option<AddressKind>,
    /// What its accounts hold without any contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<NativeCoin>,
}

/// The coin of a network itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NativeCoin {
    /// Symbol in the asset table.
    pub asset: String,
    /// Decimals of the network's own unit: 18 for ether.
    pub decimals: u8,
}

/// Where a token's contract keeps what holders have. Whoever picks the slot picks the figure, so it is the verifier's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenPolicy {
    /// Symbol in the asset table.
    pub asset: String,
    /// The network.
    pub network: String,
    /// Its contract, 40 hexadecimal digits behind `0x`.
    pub contract: String,
    /// Its own decimals.
    pub decimals: u8,
    /// Slot of the mapping of balances.
    pub balances: Slot,
    /// How keys of the mapping are hashed.
    pub layout: MappingLayout,
    /// Slot of the total supply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supply: Option<Slot>,
    /// Keccak-256 of the contract's code, where it must be a certain one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_hash: Option<String>,
}

/// How the slot of a mapping's value is derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MappingLayout {
    /// `keccak(key . slot)`.
    Solidity,
    /// `keccak(slot . key)`.
    Vyper,
}

/// A slot of a contract's storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Slot {
    /// A small one.
    Number(u32),
    /// Any, 64 hexadecimal digits behind `0x`.
    Word(String),
}

impl Slot {
    /// Its 32 bytes, big-endian.
    pub fn word(&self) -> Option<[u8; 32]> {
        match self {
            Self::Number(number) => {
                let mut word = [0; 32];
                *word.last_chunk_mut()? = number.to_be_bytes();
                Some(word)
            }
            Self::Word(text) => hex_behind_0x(text),
        }
    }
}

/// Which contracts are Safes: proxies of known code that run a known contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SafePolicy {
    /// The network.
    pub network: String,
    /// Keccak-256 of codes of the proxies.
    pub code_hashes: Vec<String>,
    /// Contracts that they may run.
    pub singletons: Vec<String>,
}

/// Bytes of `N` times two hexadecimal digits behind `0x`.
pub(crate) fn hex_behind_0x<const N: usize>(text: &str) -> Option<[u8; N]> {
    hex::array(text.strip_prefix("0x")?)
}

/// How addresses of a network are made, and so what a signature must show; see [`assay_ownership::Network`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[allow(missing_docs, reason = "the networks' own names")]
pub enum AddressKind {
    Bitcoin,
    BitcoinTestnet,
    BitcoinRegtest,
    Litecoin,
    Dogecoin,
    BitcoinCash,
    Ecash,
    BitcoinSv,
    BitcoinGold,
    Dash,
    Digibyte,
    Qtum,
    Ravencoin,
    Zcash,
    Evm {
        chain_id: u64,
    },
    Beacon,
    Tron,
    Solana,
    Aptos,
    Sui,
    Ton,
    Substrate {
        prefix: u16,
    },
    Stellar,
    Algorand,
    Cardano,
    CardanoTestnet,
    Near,
    Filecoin,
    FilecoinTestnet,
    Cosmos {
        prefix: String,
    },
    CosmosEthereum {
        prefix: String,
    },
    Eos,
    Starknet {
        /// Classes of accounts that obey one key, beside the public ones.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        classes: Vec<AccountClass>,
    },
    Xrp,
}

impl AddressKind {
    /// The network as whoever verifies signatures calls it.
    pub fn network(&self) -> Network<'_> {
        match self {
            Self::Bitcoin => Network::Bitcoin,
            Self::BitcoinTestnet => Network::BitcoinTestnet,
            Self::BitcoinRegtest => Network::BitcoinRegtest,
            Self::Litecoin => Network::Litecoin,
            Self::Dogecoin => Network::Dogecoin,
            Self::BitcoinCash => Network::BitcoinCash,
            Self::Ecash => Network::ECash,
            Self::BitcoinSv => Network::BitcoinSv,
            Self::BitcoinGold => Network::BitcoinGold,
            Self::Dash => Network::Dash,
            Self::Digibyte => Network::DigiByte,
            Self::Qtum => Network::Qtum,
            Self::Ravencoin => Network::Ravencoin,
            Self::Zcash => Network::Zcash,
            Self::Evm { chain_id } => Network::Evm { chain_id: *chain_id },
            Self::Beacon => Network::Beacon,
            Self::Tron => Network::Tron,
            Self::Solana => Network::Solana,
            Self::Aptos => Network::Aptos,
            Self::Sui => Network::Sui,
            Self::Ton => Network::Ton,
            Self::Substrate { prefix } => Network::Substrate { prefix: *prefix },
            Self::Stellar => Network::Stellar,
            Self::Algorand => Network::Algorand,
            Self::Cardano => Network::Cardano,
            Self::CardanoTestnet => Network::CardanoTestnet,
            Self::Near => Network::Near,
            Self::Filecoin => Network::Filecoin,
            Self::FilecoinTestnet => Network::FilecoinTestnet,
            Self::Cosmos { prefix } => Network::Cosmos { prefix, key: CosmosKey::Secp256k1 },
            Self::CosmosEthereum { prefix } => Network::Cosmos { prefix, key: CosmosKey::EthSecp256k1 },
            Self::Eos => Network::Eos,
            Self::Starknet { classes } => Network::Starknet { classes },
            Self::Xrp => Network::Xrp,
        }
    }
}

/// What files call an asset on a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoinName {
    /// The coin as files spell it, in any case.
    pub name: String,
    /// Symbol in the asset table.
    pub asset: String,
    /// Network of rows that don't name one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
}

/// A stablecoin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stablecoin {
    /// Symbol in the asset table.
    pub asset: String,
    /// Who owes what it stands for.
    pub issuer: String,
}

/// An asset that stands for another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrappedAsset {
    /// Symbol of the wrapped asset.
    pub asset: String,
    /// Symbol of what it stands for.
    pub native: String,
    /// Who holds what backs it.
    pub issuer: WrappedIssuer,
    /// Networks that issue it.
    #[serde(default)]
    pub networks: Vec<String>,
}

/// Who holds what backs a wrapped asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WrappedIssuer {
    /// The entity itself: its rows of the wrapped asset count only where native rows are tagged to back it.
    Entity,
    /// A bridge or protocol that isn't the entity.
    Other,
}

/// What part of an asset's value counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Haircut {
    /// Symbol in the asset table.
    pub asset: String,
    /// Parts per million that count, at most a million.
    pub counts_ppm: u32,
}

impl Policy {
    /// Reads a policy from TOML and checks it against the asset table. Unknown fields are errors.
    pub fn from_toml(bytes: &[u8], assets: &AssetTable) -> Result<Self, ReserveError> {
        let failed = |reason: String| ReserveError::Policy(reason);
        if bytes.len() > MAX_POLICY_BYTES {
            return Err(failed(format!("larger than {MAX_POLICY_BYTES} bytes")));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| failed("not UTF-8".into()))?;
        let policy: Self = toml::from_str(text).map_err(|error| {
            let line = error
                .span()
                .and_then(|span| text.get(..span.start))
                .map(|before| before.matches('\n').count() + 1);
            let line = line.map_or(String::new(), |line| format!("line {line}: "));
            failed(format!("{line}{}", error.message()))
        })?;
        policy.check(assets)?;
        Ok(policy)
    }

    /// Checks a policy that was put together by other means.
    pub fn check(&self, assets: &AssetTable) -> Result<(), ReserveError> {
        let failed = |reason: String| Err(ReserveError::Policy(reason));
        if self.version != 1 {
            return failed(format!("version {} of the format is not known", self.version));
        }
        if self.quorum < 2 {
            return failed("quorum must be at least 2: one source is no quorum".into());
        }
        let symbols = self.own_tokens.iter();
        let symbols = symbols.chain(self.coin.iter().map(|coin| &coin.asset));
        let symbols = symbols.chain(self.stablecoin.iter().map(|coin| &coin.asset));
        let symbols =
            symbols.chain(self.wrapped.iter().flat_map(|wrapped| [&wrapped.asset, &wrapped.native]));
        let symbols = symbols.chain(self.haircut.iter().map(|haircut| &haircut.asset));
        let natives = self.network.iter().filter_map(|network| network.native.as_ref());
        let symbols = symbols.chain(natives.map(|native| &native.asset));
        let symbols = symbols.chain(self.token.iter().map(|token| &token.asset));
        for symbol in symbols {
            if assets.index_of(symbol).is_none() {
                return failed(format!("{} is not in the asset table", crate::row::quote(symbol)));
            }
        }
        let mut networks = BTreeSet::new();
        for network in &self.network {
            for name in [&network.name].into_iter().chain(&network.aliases) {
                if name.is_empty() || name.trim() != name || name.len() > 64 {
                    return failed("a name of a network has 1 to 64 bytes and no spaces around it".into());
                }
                if !networks.insert(name.to_lowercase()) {
                    return failed(format!("the network name {} is given twice", crate::row::quote(name)));
                }
            }
        }
        let named = self.coin.iter().filter_map(|coin| coin.network.as_ref());
        let named = named.chain(self.token.iter().map(|token| &token.network));
        let named = named.chain(self.safe.iter().map(|safe| &safe.network));
        for network in named.chain(self.wrapped.iter().flat_map(|wrapped| &wrapped.networks)) {
            if !self.network.iter().any(|known| known.name == *network) {
                return failed(format!("{} is not a network of the policy", crate::row::quote(network)));
            }
        }
        self.check_chains()?;
        unique("coin", self.coin.iter().map(|coin| coin.name.to_lowercase()))?;
        unique("own token", self.own_tokens.iter().cloned())?;
        unique("stablecoin", self.stablecoin.iter().map(|coin| coin.asset.clone()))?;
        unique("wrapped asset", self.wrapped.iter().map(|wrapped| wrapped.asset.clone()))?;
        unique("haircut", self.haircut.iter().map(|haircut| haircut.asset.clone()))?;
        for wrapped in &self.wrapped {
            if wrapped.asset == wrapped.native {
                return failed(format!("{} can't stand for itself", wrapped.asset));
            }
            if wrapped.issuer == WrappedIssuer::Entity && wrapped.networks.is_empty() {
                return failed(format!("{} needs the networks that issue it", wrapped.asset));
            }
        }
        match self.haircut.iter().find(|haircut| u128::from(haircut.counts_ppm) > PPM) {
            Some(haircut) => failed(format!("{} can't count more than its value", haircut.asset)),
            None => Ok(()),
        }
    }

    /// Checks what proofs of balances go by. One account or contract under two names would count twice.
    fn check_chains(&self) -> Result<(), ReserveError> {
        let failed = |reason: String| Err(ReserveError::Policy(reason));
        let mut chains = BTreeSet::new();
        for network in &self.network {
            if let Some(AddressKind::Evm { chain_id }) = network.addresses
                && !chains.insert(chain_id)
            {
                return failed(format!("two networks have the chain id {chain_id}"));
            }
        }
        let chain_id = |name: &str| {
            let network = self.network.iter().find(|network| network.name == name)?;
            match network.addresses {
                Some(AddressKind::Evm { chain_id }) => Some(chain_id),
                _ => None,
            }
        };
        let (mut contracts, mut symbols) = (BTreeSet::new(), BTreeSet::new());
        for token in &self.token {
            let name = || format!("token {} on {}", token.asset, crate::row::quote(&token.network));
            let contract: Option<[u8; 20]> = hex_behind_0x(&token.contract);
            let slots = [Some(&token.balances), token.supply.as_ref()];
            let code: Option<Option<[u8; 32]>> = token.code_hash.as_deref().map(hex_behind_0x);
            if chain_id(&token.network).is_none() {
                return failed(format!("{}: the network has no `addresses` of kind \"evm\"", name()));
            }
            let Some(contract) = contract else {
                return failed(format!("{}: the contract isn't 40 hexadecimal digits behind 0x", name()));
            };
            if slots.into_iter().flatten().any(|slot| slot.word().is_none()) || code == Some(None) {
                return failed(format!("{}: a slot or hash isn't 64 hexadecimal digits behind 0x", name()));
            }
            if !contracts.insert((&token.network, contract)) {
                return failed(format!("{}: the contract is another token's", name()));
            }
            if !symbols.insert((&token.network, &token.asset)) {
                return failed(format!("{} is given twice", name()));
            }
            let native = self.network.iter().find(|network| network.name == token.network);
            if native
                .and_then(|network| network.native.as_ref())
                .is_some_and(|coin| coin.asset == token.asset)
            {
                return failed(format!("{}: that is the network's own coin", name()));
            }
        }
        for safe in &self.safe {
            let hashes = safe.code_hashes.iter().all(|hash| hex_behind_0x::<32>(hash).is_some());
            let addresses = safe.singletons.iter().all(|address| hex_behind_0x::<20>(address).is_some());
            if chain_id(&safe.network).is_none() || !hashes || !addresses {
                let network = crate::row::quote(&safe.network);
                return failed(format!("safes on {network}: wrong network, hash or address"));
            }
        }
        Ok(())
    }

    /// BLAKE3 digest of the whole policy.
    pub fn digest(&self) -> Result<[u8; 32], ReserveError> {
        let bytes = canonical(self).map_err(|error| ReserveError::Input(error.to_string()))?;
        Ok(digest("assay.policy/1", &bytes))
    }

    /// How addresses of networks are made, by name, where the policy says.
    pub fn address_kinds(&self) -> BTreeMap<String, AddressKind> {
        let networks = self.network.iter();
        networks.filter_map(|network| Some((network.name.clone(), network.addresses.clone()?))).collect()
    }

    /// What the policy knows, ready to look up.
    pub(crate) fn index(&self, assets: &AssetTable) -> PolicyIndex {
        let mut index = PolicyIndex::default();
        for network in &self.network {
            for name in [&network.name].into_iter().chain(&network.aliases) {
                index.networks.insert(name.to_lowercase(), network.name.clone());
            }
        }
        for coin in &self.coin {
            if let Some(asset) = assets.index_of(&coin.asset) {
                index.coins.insert(coin.name.to_lowercase(), (asset, coin.network.clone()));
            }
        }
        for wrapped in &self.wrapped {
            if let (Some(asset), Some(native)) =
                (assets.index_of(&wrapped.asset), assets.index_of(&wrapped.native))
            {
                index.wrapped.insert(asset, (native, wrapped.issuer));
            }
        }
        index
    }
}

/// A policy by key.
#[derive(Clone, Debug, Default)]
pub(crate) struct PolicyIndex {
    /// Lower-case name or alias to name.
    pub(crate) networks: BTreeMap<String, String>,
    /// Lower-case coin to asset and network.
    pub(crate) coins: BTreeMap<String, (usize, Option<String>)>,
    /// Wrapped asset to native asset and issuer.
    pub(crate) wrapped: BTreeMap<usize, (usize, WrappedIssuer)>,
}

impl PolicyIndex {
    /// The policy's name of a network.
    pub(crate) fn network(&self, name: &str) -> Option<&str> {
        self.networks.get(&name.to_lowercase()).map(String::as_str)
    }
}

fn unique(what: &str, names: impl Iterator<Item = String>) -> Result<(), ReserveError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if name.is_empty() {
            return Err(ReserveError::Policy(format!("a {what} has no name")));
        }
        if !seen.insert(name.clone()) {
            return Err(ReserveError::Policy(format!(
                "the {what} {} is given twice",
                crate::row::quote(&name)
            )));
        }
    }
    Ok(())
}

/// A day.
const fn default_window() -> u64 {
    86_400
}

fn is_default_window(window: &u64) -> bool {
    *window == default_window()
}

const fn default_quorum() -> u32 {
    2
}
