//! Evidence files, checked against blocks that the verifier names, as one assessor of rows.

use std::collections::{BTreeMap, BTreeSet};

use assay_ownership::{account, safe};
use assay_reserves::{
    AccountFact, AddressKind, Assessor, BalanceObservation, BalanceObservations, BalanceSource, EvidenceLine,
    OwnershipResult, Policy, ReserveRow, SafePolicy, WrappedIssuer, WrappedSupply,
};
use assay_statement::{AssetTable, hex};
use bitcoin::hashes::Hash as _;
use bitcoin::{BlockHash, OutPoint};
use serde::Deserialize;

use crate::bitcoin::{BITCOIN_FORMAT, BitcoinError, BitcoinEvidence, CreatedOutputs};
use crate::evm::{BadPath, EVM_FORMAT, EvmBlock, EvmError, EvmEvidence, EvmState, TokenLayout, Word};
use crate::observations::{Decimals, ObservationError, Observations};

/// A block that the verifier names, from a source that it trusts for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedBlock {
    /// The policy's name of the network.
    pub network: String,
    /// Hash of the block, in the order in which it is displayed.
    pub hash: [u8; 32],
}

/// Why an evidence file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// It isn't JSON with a format's name that is known.
    #[error("not an evidence file: {0}")]
    Unreadable(String),
    /// A block is named for a network that the policy doesn't have, or whose chain has no proofs here.
    #[error("{network}: the policy has no such network whose evidence can be checked")]
    UnknownNetwork {
        /// The network.
        network: String,
    },
    /// It is of a chain of which no network of the policy is.
    #[error("no network of the policy has chain id {chain_id}")]
    UnknownChain {
        /// The file's chain.
        chain_id: u64,
    },
    /// It is of a block that the verifier didn't name.
    #[error("evidence of the block {hash}, which isn't among the named ones")]
    UnknownBlock {
        /// The file's block.
        hash: String,
    },
    /// Its block is too far from the snapshot.
    #[error(
        "the block of {network} at height {height} is {distance_s} s from the snapshot, more than {window_s} s"
    )]
    Stale {
        /// The network.
        network: String,
        /// The block's height.
        height: u64,
        /// Seconds between block and snapshot.
        distance_s: u64,
        /// The policy's window.
        window_s: u64,
    },
    /// It doesn't show what it is there for.
    #[error(transparent)]
    Evm(#[from] EvmError),
    /// A path doesn't show what is at its end.
    #[error(transparent)]
    Path(#[from] BadPath),
    /// The contract isn't what the policy says of the token.
    #[error("token {asset} on {network}: {error}")]
    Token {
        /// Symbol.
        asset: String,
        /// The network.
        network: String,
        /// What is wrong.
        error: EvmError,
    },
    /// It doesn't show what it is there for.
    #[error(transparent)]
    Bitcoin(#[from] BitcoinError),
}

impl EvidenceError {
    /// Whether the file can't be read at all, rather than being wrong.
    pub const fn is_unreadable(&self) -> bool {
        matches!(
            self,
            Self::Unreadable(_)
                | Self::Evm(
                    EvmError::TooLarge { .. }
                        | EvmError::Unreadable(_)
                        | EvmError::Format { .. }
                        | EvmError::Hex { .. }
                )
                | Self::Bitcoin(
                    BitcoinError::TooLarge { .. }
                        | BitcoinError::Unreadable(_)
                        | BitcoinError::Format { .. }
                        | BitcoinError::Field(_)
                )
        )
    }
}

/// What verified evidence files show, by network.
#[derive(Debug)]
pub struct ChainEvidence {
    policy: Policy,
    assets: AssetTable,
    /// What nodes told the verifier.
    observations: Observations,
    kinds: BTreeMap<String, AddressKind>,
    /// By network and asset: how the asset is held there.
    holdings: BTreeMap<(String, usize), (Holding, Decimals)>,
    /// Wrapped assets of the entity.
    wrapped: BTreeSet<usize>,
    blocks: BTreeSet<NamedBlock>,
    time: u64,
    earlier: BTreeSet<(String, u64)>,
    states: Vec<(String, EvmState)>,
    outputs: Vec<(String, CreatedOutputs)>,
    lines: Vec<EvidenceLine>,
}

/// How an asset is held on a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holding {
    /// As the network's own coin.
    Native,
    /// In a contract.
    Token(TokenLayout),
}

/// By network and place in the asset table, how the policy says that assets are held.
pub fn holdings(policy: &Policy, assets: &AssetTable) -> BTreeMap<(String, usize), (Holding, Decimals)> {
    let mut holdings = BTreeMap::new();
    let mut hold = |network: &str, symbol: &str, holding, chain| {
        if let Some((index, asset)) = assets.index_of(symbol).and_then(|at| Some((at, assets.get(at)?))) {
            let decimals = Decimals { chain, asset: asset.decimals };
            holdings.insert((network.to_owned(), index), (holding, decimals));
        }
    };
    for network in &policy.network {
        if let Some(native) = &network.native {
            hold(&network.name, &native.asset, Holding::Native, native.decimals);
        }
    }
    for token in &policy.token {
        if let Some(layout) = TokenLayout::of_policy(token) {
            hold(&token.network, &token.asset, Holding::Token(layout), token.decimals);
        }
    }
    holdings
}

/// The name of a file's format, whatever else it has.
#[derive(Deserialize)]
struct Head {
    format: String,
}

impl ChainEvidence {
    /// Without files. `time` is the snapshot's; blocks at `earlier` heights of a network may be older than the policy's
    /// window, as resampling asks for them.
    pub fn new(
        policy: &Policy,
        assets: &AssetTable,
        blocks: impl IntoIterator<Item = NamedBlock>,
        time: u64,
        earlier: impl IntoIterator<Item = (String, u64)>,
    ) -> Result<Self, EvidenceError> {
        let kinds = policy.address_kinds();
        let blocks: BTreeSet<_> = blocks.into_iter().collect();
        for block in &blocks {
            if !kinds.get(&block.network).is_some_and(|kind| is_bitcoin(kind) || is_evm(kind)) {
                return Err(EvidenceError::UnknownNetwork { network: block.network.clone() });
            }
        }
        let of_entity = policy.wrapped.iter().filter(|wrapped| wrapped.issuer == WrappedIssuer::Entity);
        let wrapped = of_entity.filter_map(|wrapped| assets.index_of(&wrapped.asset)).collect();
        Ok(Self {
            policy: policy.clone(),
            assets: assets.clone(),
            observations: Observations::default(),
            kinds,
            holdings: holdings(policy, assets),
            wrapped,
            blocks,
            time,
            earlier: earlier.into_iter().collect(),
            states: Vec::new(),
            outputs: Vec::new(),
            lines: Vec::new(),
        })
    }

    /// Checks all that a file has. One that is wrong anywhere adds nothing.
    pub fn add(&mut self, bytes: &[u8]) -> Result<&EvidenceLine, EvidenceError> {
        let head: Head =
            serde_json::from_slice(bytes).map_err(|error| EvidenceError::Unreadable(error.to_string()))?;
        let (network, height, hash, time) = match head.format.as_str() {
            EVM_FORMAT => self.add_evm(&EvmEvidence::from_json(bytes)?)?,
            BITCOIN_FORMAT => self.add_bitcoin(&BitcoinEvidence::from_json(bytes)?)?,
            other => return Err(EvidenceError::Unreadable(format!("the format {other:?} is not known"))),
        };
        let line = EvidenceLine {
            network,
            height,
            hash,
            time,
            format: head.format,
            bytes: bytes.len() as u64,
            digest: blake3::hash(bytes).to_hex().to_string(),
        };
        self.lines.push(line);
        self.lines.last().ok_or_else(|| EvidenceError::Unreadable(String::new()))
    }

    fn add_evm(&mut self, evidence: &EvmEvidence) -> Result<(String, u64, String, u64), EvidenceError> {
        let chain_id = evidence.chain_id;
        let of_chain = |(_, kind): &(&String, &AddressKind)| **kind == AddressKind::Evm { chain_id };
        let Some((network, _)) = self.kinds.iter().find(of_chain) else {
            return Err(EvidenceError::UnknownChain { chain_id });
        };
        let network = network.clone();
        let hash = evidence.block_hash()?;
        self.named(&network, hash)?;
        let state = evidence.verify(&EvmBlock { chain_id, hash })?;
        self.timely(&network, state.height(), state.time())?;
        let addresses = state.check()?;
        for token in self.policy.token.iter().filter(|token| token.network == network) {
            let layout = TokenLayout::of_policy(token);
            let Some(layout) = layout.filter(|layout| addresses.contains(&layout.contract)) else { continue };
            state.check_contract(&layout).map_err(|error| EvidenceError::Token {
                asset: token.asset.clone(),
                network: network.clone(),
                error,
            })?;
        }
        let (height, time) = (state.height(), state.time());
        self.states.push((network.clone(), state));
        Ok((network, height, hex::encode(&hash), time))
    }

    fn add_bitcoin(
        &mut self,
        evidence: &BitcoinEvidence,
    ) -> Result<(String, u64, String, u64), EvidenceError> {
        let hash = evidence.block_hash()?;
        let mut displayed = hash.to_byte_array();
        displayed.reverse();
        let named = self
            .blocks
            .iter()
            .find(|block| block.hash == displayed && self.kinds.get(&block.network).is_some_and(is_bitcoin));
        let network = match named {
            Some(block) => block.network.clone(),
            None => return Err(EvidenceError::UnknownBlock { hash: hex::encode(&displayed) }),
        };
        // Coins may be as old as they like; a coin that is younger than the snapshot is caught where ages are counted.
        let shown = evidence.verify_named(BlockHash::from_byte_array(hash.to_byte_array()))?;
        let (height, time) = (shown.height(), u64::from(shown.time()));
        self.outputs.push((network.clone(), shown));
        Ok((network, height, hex::encode(&displayed), time))
    }

    fn named(&self, network: &str, hash: [u8; 32]) -> Result<(), EvidenceError> {
        let block = NamedBlock { network: network.to_owned(), hash };
        if self.blocks.contains(&block) {
            return Ok(());
        }
        Err(EvidenceError::UnknownBlock { hash: hex::encode(&hash) })
    }

    fn timely(&self, network: &str, height: u64, time: u64) -> Result<(), EvidenceError> {
        let (distance_s, window_s) = (self.time.abs_diff(time), self.policy.block_window_s);
        if distance_s <= window_s || self.earlier.contains(&(network.to_owned(), height)) {
            return Ok(());
        }
        Err(EvidenceError::Stale { network: network.to_owned(), height, distance_s, window_s })
    }

    /// Adds what nodes told the verifier. Such a file proves nothing; it must be the verifier's own.
    pub fn add_observations(&mut self, bytes: &[u8]) -> Result<(), ObservationError> {
        self.observations.add_file(bytes, &self.policy, &self.assets)
    }

    /// The files that were added.
    pub fn lines(&self) -> Vec<EvidenceLine> {
        self.lines.clone()
    }

    /// Supplies of wrapped assets of the entity that the files prove, at the blocks within the policy's window.
    pub fn supplies(&self) -> Vec<WrappedSupply> {
        let mut supplies = Vec::new();
        for (network, state) in &self.states {
            if self.earlier.contains(&(network.clone(), state.height())) {
                continue;
            }
            for ((of, asset), (holding, decimals)) in &self.holdings {
                let Holding::Token(layout) = holding else { continue };
                if !self.wrapped.contains(asset) {
                    continue;
                }
                if of == network
                    && let Ok(word) = state.token_supply(layout)
                    && let Some(supply) = to_units_up(*decimals, word)
                {
                    supplies.push(WrappedSupply {
                        asset: *asset,
                        network: network.clone(),
                        supply,
                        proven: true,
                    });
                }
            }
        }
        supplies
    }

    /// What the files prove about accounts: whether they have code, and owners of Safes; and for those that have code, what
    /// nodes told of their answers in the same block. For
    /// [`SignatureAssessor::with_facts`](assay_reserves::SignatureAssessor::with_facts).
    pub fn facts(&self) -> Vec<(String, [u8; 20], AccountFact)> {
        let mut facts = Vec::new();
        for (network, state) in &self.states {
            for address in state.addresses() {
                let Ok(found) = state.account(&address) else { continue };
                let height = state.height();
                let mut fact = |fact| facts.push((network.clone(), address, fact));
                if !found.has_code() {
                    fact(AccountFact::NoCode { height });
                    continue;
                }
                fact(AccountFact::Code { height });
                let safes = self.policy.safe.iter().filter(|safe| safe.network == *network);
                if let Some(safe) = safes.filter_map(|policy| safe_owners(state, &address, policy)).next() {
                    fact(safe);
                }
                let block = (network.as_str(), &state.block().hash);
                let told = self.observations.answers(block, height, &address, self.policy.quorum);
                told.into_iter().for_each(&mut fact);
            }
        }
        facts
    }

    fn evm(&self, row: &ReserveRow, seen: &mut Vec<BalanceObservation>) {
        let Some(kind) = self.kinds.get(&row.network).filter(|kind| is_evm(kind)) else { return };
        let Some((holding, decimals)) = self.holdings.get(&(row.network.clone(), row.asset)) else { return };
        let bytes = account(kind.network(), &row.address).ok().and_then(|bytes| bytes.try_into().ok());
        let Some(address): Option<[u8; 20]> = bytes else { return };
        for (_, state) in self.states.iter().filter(|(network, _)| *network == row.network) {
            let word = match holding {
                Holding::Native => state.account(&address).map(|account| account.balance),
                Holding::Token(layout) => state.token_balance(layout, &address),
            };
            // What the files say nothing about stays a claim; wrong paths were refused with their file.
            let Some(amount) = word.ok().and_then(|word| decimals.to_base_units(word)) else { continue };
            seen.push(BalanceObservation {
                source: BalanceSource::Proof,
                height: state.height(),
                block_hash: Some(hex::encode(&state.block().hash)),
                amount,
            });
        }
    }

    /// What a row says of an output, beside the output as its transaction made it. That the output is still there can't be
    /// shown in this way, so the observation only ever contradicts.
    fn bitcoin(&self, row: &ReserveRow, seen: &mut Vec<BalanceObservation>) {
        let Some((kind, outpoint)) = self.kinds.get(&row.network).zip(row.outpoint.as_deref()) else {
            return;
        };
        let Ok(outpoint) = outpoint.parse::<OutPoint>() else { return };
        let Some((holding, decimals)) = self.holdings.get(&(row.network.clone(), row.asset)) else { return };
        let (Holding::Native, Some(height)) = (holding, row.height) else { return };
        for (_, shown) in self.outputs.iter().filter(|(network, _)| *network == row.network) {
            let Some((value, script)) = shown.output(&outpoint) else { continue };
            let mut word = Word::default();
            if let Some(low) = word.0.last_chunk_mut() {
                *low = value.to_be_bytes();
            }
            let of_address =
                account(kind.network(), &row.address).is_ok_and(|bytes| bytes == script.as_bytes());
            let amount = decimals.to_base_units(word).filter(|_| of_address && shown.height() <= height);
            let amount = amount.unwrap_or(0);
            if row.amount.is_some_and(|claimed| amount < claimed) {
                let source = BalanceSource::Proof;
                seen.push(BalanceObservation { source, height, block_hash: row.block_hash.clone(), amount });
            }
        }
    }
}

impl Assessor for ChainEvidence {
    fn ownership(&mut self, _: &ReserveRow) -> OwnershipResult {
        OwnershipResult::Unchecked
    }

    fn balance(&mut self, row: &ReserveRow) -> BalanceObservations {
        let mut seen = Vec::new();
        if row.outpoint.is_some() {
            self.bitcoin(row, &mut seen);
        } else {
            self.evm(row, &mut seen);
        }
        seen.extend(self.observations.balance(row).0);
        BalanceObservations(seen)
    }

    fn created(&mut self, row: &ReserveRow) -> Option<u64> {
        let outpoint: OutPoint = row.outpoint.as_deref()?.parse().ok()?;
        let of_network = self.outputs.iter().filter(|(network, _)| *network == row.network);
        of_network
            .filter(|(_, shown)| shown.output(&outpoint).is_some())
            .map(|(_, shown)| shown.height())
            .next()
    }
}

/// A supply in base units, rounded up: what is owed is never rounded down.
fn to_units_up(decimals: Decimals, word: Word) -> Option<u128> {
    let units = decimals.to_base_units(word)?;
    let Decimals { chain, asset } = decimals;
    let back = Decimals { chain: asset, asset: chain };
    let mut exact = Word::default();
    *exact.0.last_chunk_mut()? = units.to_be_bytes();
    match back.to_base_units(exact) {
        Some(again) if chain > asset && again < word.to_u128()? => units.checked_add(1),
        _ => Some(units),
    }
}

/// Owners of a Safe, if its code, the contract that it runs, and every link of its list of owners are proven.
fn safe_owners(state: &EvmState, address: &[u8; 20], policy: &SafePolicy) -> Option<AccountFact> {
    let account = state.account(address).ok()?;
    let of_proxy = |hash: &String| hex::prefixed_array(hash) == Some(account.code_hash);
    let singleton = state.storage(address, &[0; 32]).ok()?.to_address()?;
    let runs = |known: &String| hex::prefixed_array(known) == Some(singleton);
    if !policy.code_hashes.iter().any(of_proxy) || !policy.singletons.iter().any(runs) {
        return None;
    }
    let number =
        |slot| state.storage(address, slot).ok()?.to_u128().and_then(|word| u64::try_from(word).ok());
    let (count, threshold) = (number(&safe::OWNER_COUNT_SLOT)?, number(&safe::THRESHOLD_SLOT)?);
    let mut links = Vec::new();
    let mut at = safe::SENTINEL;
    for _ in 0..=safe::MAX_OWNERS.min(usize::try_from(count).ok()?) {
        let word = state.storage(address, &safe::next_owner_slot(&at)).ok()?;
        links.push((at, word.0));
        at = word.to_address()?;
    }
    let owners = safe::owners(count, &links)?;
    let first_module = state.storage(address, &safe::next_module_slot(&safe::SENTINEL)).ok();
    let no_modules = first_module.and_then(Word::to_address) == Some(safe::SENTINEL);
    Some(AccountFact::Safe { height: state.height(), threshold, owners, no_modules })
}

const fn is_evm(kind: &AddressKind) -> bool {
    matches!(kind, AddressKind::Evm { .. })
}

const fn is_bitcoin(kind: &AddressKind) -> bool {
    matches!(kind, AddressKind::Bitcoin | AddressKind::BitcoinTestnet | AddressKind::BitcoinRegtest)
}

#[cfg(test)]
mod tests {
    use assay_reserves::EvidenceLevel;
    use assay_statement::{Asset, Symbol};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::change::Change;

    const HOLDER: &str = "0x000000000000000000000000000000000000a007";

    const POLICY: &str = r#"
        version = 1
        minimum_ownership = "O0"
        minimum_evidence = "L4"
        [[network]]
        name = "DEV"
        confirmations = 1
        addresses = { kind = "evm", chain_id = 31337 }
        native = { asset = "ETH", decimals = 18 }
        [[token]]
        asset = "USDT"
        network = "DEV"
        contract = "0x7070707070707070707070707070707070707070"
        decimals = 6
        balances = 0
        layout = "solidity"
        supply = 2
        [[wrapped]]
        asset = "XETH"
        native = "ETH"
        issuer = "entity"
        networks = ["DEV"]
    "#;

    fn assets() -> AssetTable {
        let asset = |(symbol, decimals)| Asset::new(Symbol::new(symbol).unwrap(), decimals);
        AssetTable::new([("ETH", 9), ("USDT", 6), ("XETH", 18)].map(asset).to_vec()).unwrap()
    }

    /// Hash, height and time of the recorded block, and the evidence as JSON.
    fn recorded() -> ([u8; 32], u64, u64, Value) {
        let recorded: Value = serde_json::from_str(include_str!("../testdata/evm.json")).unwrap();
        let evidence: EvmEvidence = serde_json::from_value(recorded["evidence"].clone()).unwrap();
        let hash = evidence.block_hash().unwrap();
        let state = evidence.verify(&EvmBlock { chain_id: 31337, hash }).unwrap();
        (hash, state.height(), state.time(), recorded["evidence"].clone())
    }

    fn chain_of(policy: &str, hash: [u8; 32], time: u64) -> ChainEvidence {
        let policy = Policy::from_toml(policy.as_bytes(), &assets()).unwrap();
        let block = NamedBlock { network: "DEV".into(), hash };
        ChainEvidence::new(&policy, &assets(), [block], time, []).unwrap()
    }

    fn chain(hash: [u8; 32], time: u64) -> ChainEvidence {
        chain_of(POLICY, hash, time)
    }

    fn add(chain: &mut ChainEvidence, evidence: &Value) -> Result<(), EvidenceError> {
        chain.add(&serde_json::to_vec(evidence).unwrap()).map(drop)
    }

    fn row(asset: usize, address: &str, amount: u128) -> ReserveRow {
        let (_, height, ..) = recorded();
        let (network, address) = ("DEV".into(), address.into());
        ReserveRow {
            asset,
            network,
            address,
            amount: Some(amount),
            height: Some(height),
            ..ReserveRow::default()
        }
    }

    #[test]
    fn rows_that_a_file_shows_are_proven_and_no_others() {
        let (hash, height, time, evidence) = recorded();
        let mut chain = chain(hash, time);
        add(&mut chain, &evidence).unwrap();
        let mut grade = |row: &ReserveRow| chain.balance(row).grade(row, 2);
        // 10^18 + 7 wei, in gwei rounded down; the checksum's case is another spelling.
        let gwei = 10u128.pow(9);
        assert_eq!(grade(&row(0, HOLDER, gwei)).level, EvidenceLevel::L4);
        assert_eq!(grade(&row(1, HOLDER, 1_000_007)).level, EvidenceLevel::L4);
        assert!(grade(&row(0, HOLDER, gwei + 1)).contradicted);
        assert!(grade(&row(1, HOLDER, 1_000_008)).contradicted);
        // An address that is shown to be empty, one that isn't shown, an asset that isn't held in a known way.
        assert!(grade(&row(0, "0xdededededededededededededededededededede", 1)).contradicted);
        assert_eq!(grade(&row(0, "0xdededededededededededededededededededede", 0)).level, EvidenceLevel::L4);
        assert_eq!(grade(&row(0, "0x000000000000000000000000000000000000a008", 1)).level, EvidenceLevel::L0);
        assert_eq!(grade(&row(2, HOLDER, 1)).level, EvidenceLevel::L0);
        // Another height shows nothing, another block at this height is a contradiction.
        let other = ReserveRow { height: Some(height + 1), ..row(0, HOLDER, gwei) };
        assert_eq!(grade(&other).level, EvidenceLevel::L0);
        let other = ReserveRow { block_hash: Some("ab".repeat(32)), ..row(0, HOLDER, gwei) };
        assert!(grade(&other).contradicted);
        let other = ReserveRow { network: "OTHER".into(), ..row(0, HOLDER, gwei) };
        assert_eq!(grade(&other).level, EvidenceLevel::L0);
    }

    #[test]
    fn a21_evidence_of_blocks_that_nobody_named() {
        let (hash, _, time, evidence) = recorded();
        assert!(matches!(add(&mut chain([1; 32], time), &evidence), Err(EvidenceError::UnknownBlock { .. })));
        let policy = Policy::from_toml(POLICY.as_bytes(), &assets()).unwrap();
        let block = NamedBlock { network: "ETH".into(), hash };
        let unknown = ChainEvidence::new(&policy, &assets(), [block], time, []);
        assert!(matches!(unknown, Err(EvidenceError::UnknownNetwork { .. })));
        // Of another chain.
        let mut other = evidence.clone();
        other["chain_id"] = json!(1);
        assert_eq!(add(&mut chain(hash, time), &other), Err(EvidenceError::UnknownChain { chain_id: 1 }));
    }

    #[test]
    fn a21_evidence_of_an_old_block() {
        let (hash, height, time, evidence) = recorded();
        let stale = |time| add(&mut chain(hash, time), &evidence);
        assert_eq!(stale(time + 86_400), Ok(()));
        assert!(matches!(stale(time + 86_401), Err(EvidenceError::Stale { window_s: 86_400, .. })));
        assert!(matches!(stale(time - 86_401), Err(EvidenceError::Stale { .. })));
        // A sampled height may be old.
        let policy = Policy::from_toml(POLICY.as_bytes(), &assets()).unwrap();
        let block = NamedBlock { network: "DEV".into(), hash };
        let earlier = [("DEV".to_owned(), height)];
        let mut chain = ChainEvidence::new(&policy, &assets(), [block], time + 86_401, earlier).unwrap();
        add(&mut chain, &evidence).unwrap();
    }

    #[test]
    fn a21_tampered_files_add_nothing() {
        let (hash, _, time, evidence) = recorded();
        let mut chain = chain(hash, time);
        for account in 0..evidence["accounts"].as_array().unwrap().len() {
            // The last node of the path has what is at the address.
            let mut other = evidence.clone();
            let nodes = other["accounts"][account]["proof"].as_array_mut().unwrap();
            let node = nodes.last().unwrap().as_str().unwrap().to_owned();
            let end = node.chars().last().unwrap();
            let cut = &node[..node.len() - 1];
            *nodes.last_mut().unwrap() = json!(format!("{cut}{}", if end == '0' { '1' } else { '0' }));
            assert!(matches!(add(&mut chain, &other), Err(EvidenceError::Path(_))), "{account}");
            // Another address on the same path.
            let mut other = evidence.clone();
            other["accounts"][account]["address"] = json!("0x00000000000000000000000000000000000bad00");
            assert!(matches!(add(&mut chain, &other), Err(EvidenceError::Path(_))), "{account}");
        }
        let mut other = evidence.clone();
        other["accounts"][0]["storage"][0]["slot"] = other["accounts"][0]["storage"][1]["slot"].clone();
        assert!(add(&mut chain, &other).is_err());
        for unreadable in [&b"{}"[..], b"[", b"{\"format\":\"assay.evm-balances/2\"}"] {
            assert!(chain.add(unreadable).unwrap_err().is_unreadable());
        }
        assert!(chain.lines().is_empty());
        let all = chain.balance(&row(0, HOLDER, 1));
        assert!(all.0.is_empty());
    }

    #[test]
    fn a27_another_tokens_contract_shows_nothing() {
        let (hash, _, time, evidence) = recorded();
        // The policy pins another code, or means an address without code.
        let pinned = format!("supply = 2\ncode_hash = \"0x{}\"", "11".repeat(32));
        let policy = POLICY.replace("supply = 2", &pinned);
        let wrong = add(&mut chain_of(&policy, hash, time), &evidence);
        assert!(matches!(wrong, Err(EvidenceError::Token { error: EvmError::OtherCode, .. })));
        let policy = POLICY.replace("0x7070707070707070707070707070707070707070", HOLDER);
        let wrong = add(&mut chain_of(&policy, hash, time), &evidence);
        assert!(matches!(wrong, Err(EvidenceError::Token { error: EvmError::NoContract, .. })));
        // Another slot, or another hash of the key, is no slot that the file shows.
        for (from, to) in [("balances = 0", "balances = 1"), ("solidity", "vyper")] {
            let mut chain = chain_of(&POLICY.replace(from, to), hash, time);
            add(&mut chain, &evidence).unwrap();
            assert!(chain.balance(&row(1, HOLDER, 1)).0.is_empty());
        }
    }

    #[test]
    fn supplies_of_wrapped_assets_are_proven_and_rounded_up() {
        let (hash, _, time, evidence) = recorded();
        let policy = POLICY.replace("asset = \"USDT\"", "asset = \"XETH\"");
        let mut chain = chain_of(&policy.replace("decimals = 6", "decimals = 19"), hash, time);
        add(&mut chain, &evidence).unwrap();
        // 50 holders with a million each, and 0 to 49 on top; one decimal is dropped.
        let supply = (50 * 1_000_000u128 + 49 * 25).div_ceil(10);
        let network = "DEV".to_owned();
        assert_eq!(chain.supplies(), [WrappedSupply { asset: 2, network, supply, proven: true }]);
        // A token that the entity didn't issue has no supply to back.
        assert!(chain_of(POLICY, hash, time).supplies().is_empty());
    }

    #[test]
    fn facts_tell_accounts_with_code_from_those_without() {
        let (hash, height, time, evidence) = recorded();
        let mut chain = chain(hash, time);
        add(&mut chain, &evidence).unwrap();
        let facts = chain.facts();
        let of = |address: [u8; 20]| {
            facts.iter().filter(|fact| fact.1 == address).map(|fact| &fact.2).collect::<Vec<_>>()
        };
        assert_eq!(of([0x70; 20]), [&AccountFact::Code { height }]);
        assert_eq!(of([0xde; 20]), [&AccountFact::NoCode { height }]);
    }

    const TOKEN: &str = "0x7070707070707070707070707070707070707070";

    /// What a node says that the token's contract answers in the recorded block.
    fn told(operator: &str, own: bool, yes: bool) -> Value {
        let (hash, height, ..) = recorded();
        let word = if yes { json!(format!("0x1626ba7e{}", "0".repeat(56))) } else { json!(null) };
        json!({
            "network": "DEV", "address": TOKEN, "height": height, "block_hash": hex::encode(&hash),
            "message_hash": "11".repeat(32), "signature_hash": "22".repeat(32), "returned": word, "control": null,
            "operator": operator, "own": own,
        })
    }

    /// Facts beyond whether there is code, with these answers; the first field is the address.
    fn told_facts(answers: &[Value]) -> Vec<([u8; 20], AccountFact)> {
        let (hash, _, time, evidence) = recorded();
        let mut chain = chain(hash, time);
        add(&mut chain, &evidence).unwrap();
        let file = json!({"format": "assay.observations/2", "observations": [], "answers": answers});
        chain.add_observations(file.to_string().as_bytes()).unwrap();
        let facts = chain.facts().into_iter().map(|(_, address, fact)| (address, fact));
        facts
            .filter(|(_, fact)| !matches!(fact, AccountFact::Code { .. } | AccountFact::NoCode { .. }))
            .collect()
    }

    #[test]
    fn a21_answers_count_by_who_tells_them() {
        let (_, height, ..) = recorded();
        let mut returned = vec![0x16, 0x26, 0xba, 0x7e];
        returned.resize(32, 0);
        let (hash, signature_hash) = ([0x11; 32], [0x22; 32]);
        let answer = |returned| ([0x70; 20], AccountFact::Answer { height, hash, signature_hash, returned });
        let disputed = ([0x70; 20], AccountFact::Disputed { height, hash, signature_hash });
        // The verifier's own node, or as many operators as the policy's quorum; not one, nor one under two spellings.
        assert_eq!(told_facts(&[told("us", true, true)]), [answer(returned.clone())]);
        assert_eq!(told_facts(&[told("a", false, true)]), []);
        assert_eq!(told_facts(&[told("a", false, true), told(" A", false, true)]), []);
        let both = [told("a", false, true), told("b", false, true)];
        assert_eq!(told_facts(&both), [answer(returned)]);
        // A no counts in the same way.
        assert_eq!(told_facts(&[told("us", true, false)]), [answer(Vec::new())]);
        assert_eq!(told_facts(&[told("a", false, false)]), []);
        // It can't be told who is right, however many say the one.
        for other in [told("c", false, false), told("us", true, false)] {
            assert_eq!(
                told_facts(&[both[0].clone(), both[1].clone(), other]),
                std::slice::from_ref(&disputed)
            );
        }
        // A contract that says yes to what nobody signed says yes to everything.
        let mut any = told("us", true, true);
        any["control"] = any["returned"].clone();
        assert_eq!(told_facts(&[any.clone()]), []);
        assert_eq!(told_facts(&[any, told("a", false, true)]), [disputed]);
    }

    #[test]
    fn a21_answers_of_other_blocks_and_accounts_show_nothing() {
        let with = |field: &str, value: Value| {
            let mut other = told("us", true, true);
            other[field] = value;
            told_facts(&[other])
        };
        let (_, height, ..) = recorded();
        assert_eq!(with("operator", json!("we")).len(), 1);
        // A fork's block at the height, another height, an address that is shown to have no code, one that isn't shown.
        assert_eq!(with("block_hash", json!("ab".repeat(32))), []);
        assert_eq!(with("height", json!(height + 1)), []);
        assert_eq!(with("address", json!(HOLDER)), []);
        assert_eq!(with("address", json!("0x000000000000000000000000000000000000a008")), []);
        // Without a proof of the code nothing counts.
        let (hash, _, time, _) = recorded();
        let mut chain = chain(hash, time);
        let mut read = |answer: Value| {
            let file = json!({"format": "assay.observations/2", "observations": [], "answers": [answer]});
            chain.add_observations(file.to_string().as_bytes())
        };
        read(told("us", true, true)).unwrap();
        let wrong = [
            ("network", json!("OTHER")),
            ("address", json!("70".repeat(20))),
            ("address", json!("0x70")),
            ("block_hash", json!("0x")),
            ("message_hash", json!(format!("0x{}", "11".repeat(32)))),
            ("signature_hash", json!("")),
            ("returned", json!("0x")),
            ("control", json!("16")),
        ];
        for (field, value) in wrong {
            let mut other = told("us", true, true);
            other[field] = value;
            assert!(matches!(read(other), Err(ObservationError::Answer { place: 1, .. })), "{field}");
        }
        for (field, value) in [("height", json!(-1)), ("own", json!("yes")), ("more", json!(1))] {
            let mut other = told("us", true, true);
            other[field] = value;
            assert!(matches!(read(other), Err(ObservationError::Unreadable(_))), "{field}");
        }
        assert!(chain.facts().is_empty());
        let old = json!({"format": "assay.observations/1", "observations": [], "answers": []});
        assert!(chain.add_observations(old.to_string().as_bytes()).is_err());
    }

    proptest! {
        /// A25, A21: whatever is changed in evidence, it is refused, or shows no more than before.
        #[test]
        fn a25_changed_evidence_shows_no_more(changes in prop::collection::vec(Change::any(), 1..4)) {
            let (hash, _, time, evidence) = recorded();
            let mut chain = chain(hash, time);
            let changed = changes.iter().fold(evidence, |value, change| change.apply(value));
            let _ = add(&mut chain, &changed);
            let gwei = 10u128.pow(9);
            let _ = chain.facts();
            let mut level = |row: &ReserveRow| chain.balance(row).grade(row, 2).level;
            prop_assert_eq!(level(&row(0, HOLDER, gwei + 1)), EvidenceLevel::L0);
            prop_assert_eq!(level(&row(1, HOLDER, 1_000_008)), EvidenceLevel::L0);
        }

        /// A25: whatever is changed in observations, they are read or refused.
        #[test]
        fn a25_changed_observations(changes in prop::collection::vec(Change::any(), 1..4)) {
            let (hash, height, time, evidence) = recorded();
            let mut chain = chain(hash, time);
            add(&mut chain, &evidence).unwrap();
            let seen = json!({
                "network": "DEV", "asset": "USDT", "address": HOLDER, "height": height,
                "block_hash": hex::encode(&hash), "amount": "1000007", "operator": "us", "own": false,
            });
            let answers = [told("us", true, true), told("a", false, true)];
            let file = json!({"format": "assay.observations/2", "observations": [seen], "answers": answers});
            let changed = changes.iter().fold(file, |value, change| change.apply(value));
            let _ = chain.add_observations(changed.to_string().as_bytes());
            // No change of an answer makes one about another account, and the proof says what is there.
            let others = chain.facts().into_iter().any(|(_, address, fact)| {
                matches!(fact, AccountFact::Answer { .. }) && address != [0x70; 20]
            });
            prop_assert!(!others);
            let row = row(1, HOLDER, 1_000_008);
            prop_assert_eq!(chain.balance(&row).grade(&row, 2).level, EvidenceLevel::L0);
        }

        /// A25: bytes that are nothing.
        #[test]
        fn a25_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let (hash, _, time, _) = recorded();
            let mut chain = chain(hash, time);
            prop_assert!(chain.add(&bytes).is_err());
            prop_assert!(chain.add_observations(&bytes).is_err());
        }
    }

    #[test]
    fn a_policy_cannot_have_one_chain_or_contract_twice() {
        let twice = [
            POLICY.replace("[[token]]", "[[network]]\nname = \"DEV2\"\nconfirmations = 1\naddresses = { kind = \"evm\", chain_id = 31337 }\n[[token]]"),
            format!("{POLICY}[[token]]\nasset = \"XETH\"\nnetwork = \"DEV\"\ncontract = \"0x{}\"\ndecimals = 6\nbalances = 3\nlayout = \"vyper\"\n", "70".repeat(20)),
            format!("{POLICY}[[token]]\nasset = \"USDT\"\nnetwork = \"DEV\"\ncontract = \"0x{}\"\ndecimals = 6\nbalances = 3\nlayout = \"vyper\"\n", "71".repeat(20)),
            POLICY.replace("asset = \"USDT\"", "asset = \"ETH\""),
            POLICY.replace("0x7070", "7070"),
            POLICY.replace("balances = 0", "balances = \"0x00\""),
        ];
        for policy in twice {
            assert!(Policy::from_toml(policy.as_bytes(), &assets()).is_err(), "{policy}");
        }
    }
}
