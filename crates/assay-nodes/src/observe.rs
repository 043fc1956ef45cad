use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use assay_balances::evm::{EvmEvidence, MAX_EVM_EVIDENCE_BYTES, Word};
use assay_balances::{Decimals, Holding, OBSERVATIONS_FORMAT, ObservationFile, ObservedBalance, holdings};
use assay_ownership::{account, safe};
use assay_reserves::{AddressKind, Policy, ReserveRow, Units, WrappedIssuer};
use assay_statement::{AssetTable, hex};
use serde::Serialize;

use crate::bitcoin::{BitcoinBlock, BitcoinNode};
use crate::error::{NodeError, Trouble};
use crate::evm::{EvmNode, Header};

/// Accounts in one evidence file, and slots in one request.
const BATCH: usize = 64;

/// What rows need to be shown, by the policy's names of networks.
#[derive(Debug)]
pub struct Plan {
    kinds: BTreeMap<String, AddressKind>,
    holdings: BTreeMap<(String, usize), (Holding, Decimals)>,
    symbols: Vec<String>,
    accounts: BTreeMap<String, BTreeMap<[u8; 20], BTreeSet<[u8; 32]>>>,
    balances: BTreeMap<String, BTreeSet<(usize, String)>>,
    outputs: BTreeMap<String, BTreeSet<String>>,
}

/// Why nothing, or not all, was collected.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// No node gave it; the last one said why.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A network without a node.
    #[error("{network}: there is no endpoint")]
    NoEndpoint {
        /// The network.
        network: String,
    },
    /// A file can't be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// What was collected on one network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Accounts, balances or transactions that were fetched.
    pub fetched: u64,
    /// Those that were there from an earlier run.
    pub kept: u64,
    /// Files that were written.
    pub files: Vec<PathBuf>,
    /// Addresses about which nodes disagree.
    pub disagreements: Vec<Disagreement>,
}

/// Nodes that say different things about one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// The policy's name of the network.
    pub network: String,
    /// Symbol; empty where nodes disagree about the whole set of unspent outputs.
    pub asset: String,
    /// The address.
    pub address: String,
    /// Operators of the nodes that don't say the same.
    pub operators: Vec<String>,
}

impl Plan {
    /// For rows of these assets.
    pub fn new(policy: &Policy, assets: &AssetTable) -> Self {
        let holdings = holdings(policy, assets);
        let mut accounts: BTreeMap<_, BTreeMap<_, BTreeSet<_>>> = BTreeMap::new();
        // Supplies of wrapped assets of the entity are shown too.
        for wrapped in policy.wrapped.iter().filter(|wrapped| wrapped.issuer == WrappedIssuer::Entity) {
            for network in &wrapped.networks {
                let index = assets.index_of(&wrapped.asset);
                let holding = index.and_then(|index| holdings.get(&(network.clone(), index)));
                if let Some((Holding::Token(layout), _)) = holding
                    && let Some(supply) = layout.supply
                {
                    let slots = accounts.entry(network.clone()).or_default().entry(layout.contract);
                    slots.or_default().insert(supply);
                }
            }
        }
        let symbols = assets.assets().iter().map(|asset| asset.symbol.to_string()).collect();
        let (balances, outputs) = (BTreeMap::new(), BTreeMap::new());
        Self { kinds: policy.address_kinds(), holdings, symbols, accounts, balances, outputs }
    }

    /// Adds what shows a row, whose network is the policy's name. Rows of networks that can't be asked are passed over; they
    /// stay claims.
    pub fn add(&mut self, row: &ReserveRow) {
        let Some(kind) = self.kinds.get(&row.network) else { return };
        let Some((holding, _)) = self.holdings.get(&(row.network.clone(), row.asset)) else { return };
        let Ok(bytes) = account(kind.network(), &row.address) else { return };
        match (kind, &row.outpoint) {
            (AddressKind::Evm { .. }, None) => {
                let Ok(address) = <[u8; 20]>::try_from(bytes) else { return };
                let accounts = self.accounts.entry(row.network.clone()).or_default();
                // The account itself also shows whether there is code.
                let slots = accounts.entry(address).or_default();
                if !row.owners.is_empty() {
                    slots.extend(safe_slots(&row.owners));
                }
                if let Holding::Token(layout) = holding {
                    let slots = accounts.entry(layout.contract).or_default();
                    slots.insert(layout.balance_slot(&address));
                }
                let wanted = (row.asset, format!("0x{}", hex::encode(&address)));
                self.balances.entry(row.network.clone()).or_default().insert(wanted);
            }
            (_, Some(outpoint)) if is_bitcoin(kind) => {
                if let Some((txid, _)) = outpoint.split_once(':') {
                    let txids = self.outputs.entry(row.network.clone()).or_default();
                    txids.insert(txid.to_ascii_lowercase());
                }
            }
            (_, None) if is_bitcoin(kind) => {
                let wanted = (row.asset, row.address.clone());
                self.balances.entry(row.network.clone()).or_default().insert(wanted);
            }
            _ => {}
        }
    }

    /// Networks with something to ask, and how their addresses are made.
    pub fn networks(&self) -> Vec<(String, AddressKind)> {
        let names: BTreeSet<&String> =
            self.accounts.keys().chain(self.balances.keys()).chain(self.outputs.keys()).collect();
        names.into_iter().filter_map(|name| Some((name.clone(), self.kinds.get(name)?.clone()))).collect()
    }

    /// Proofs of all accounts of an EVM network, into content-addressed files in `folder`. What verified files of an earlier
    /// run show there isn't asked again; each file is written as soon as it is full. A node that fails is followed by the
    /// next one.
    pub fn collect_proofs(
        &self,
        network: &str,
        header: &Header,
        nodes: &mut [EvmNode],
        folder: &Path,
    ) -> Result<Collected, ObserveError> {
        let mut collected = Collected::default();
        let empty = BTreeMap::new();
        let wanted = self.accounts.get(network).unwrap_or(&empty);
        let shown = shown_in(folder, header)?;
        let mut missing = Vec::new();
        for (address, slots) in wanted {
            let there = shown.get(address);
            let lacking: Vec<_> = slots
                .iter()
                .filter(|slot| !there.is_some_and(|there| there.contains(*slot)))
                .copied()
                .collect();
            if there.is_some() && lacking.is_empty() {
                collected.kept += 1;
                continue;
            }
            if lacking.is_empty() {
                missing.push((*address, Vec::new()));
            }
            missing.extend(lacking.chunks(BATCH).map(|slots| (*address, slots.to_vec())));
        }
        let mut pending: Option<EvmEvidence> = None;
        let mut failed = None;
        for (address, slots) in &missing {
            let evidence = match first(network, nodes, |node| node.evidence(header, address, slots)) {
                Ok(evidence) => evidence,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            };
            collected.fetched += 1;
            // An address may be in a file once only.
            let twice = |file: &EvmEvidence| {
                let of = |account: &assay_balances::evm::AccountEvidence| account.address.clone();
                evidence.accounts.iter().any(|new| file.accounts.iter().any(|old| of(old) == of(new)))
            };
            if let Some(file) = pending.take_if(|file| file.accounts.len() >= BATCH || twice(file)) {
                collected.files.push(write_content(folder, &file)?);
            }
            match &mut pending {
                Some(file) => file.accounts.extend(evidence.accounts),
                None => pending = Some(evidence),
            }
        }
        // What was fetched is kept, whatever stopped the rest.
        if let Some(file) = pending {
            collected.files.push(write_content(folder, &file)?);
        }
        if let Some(error) = failed {
            return Err(error);
        }
        if let Some(node) = nodes.first_mut() {
            node.still_there(header)?;
        }
        Ok(collected)
    }

    /// What each node says about all balances of an EVM network.
    pub fn collect_balances(
        &self,
        network: &str,
        header: &Header,
        nodes: &mut [EvmNode],
        folder: &Path,
    ) -> Result<Collected, ObserveError> {
        let hash = hex::encode(&header.block.hash);
        let empty = BTreeSet::new();
        let wanted = self.balances.get(network).unwrap_or(&empty);
        let (mut all, mut collected) = (Vec::new(), Collected::default());
        let before = observed_in(folder, network, &hash)?;
        for node in nodes.iter_mut() {
            let mut new = Vec::new();
            let mut ask = || -> Result<(), ObserveError> {
                let (operator, own) = operator(node.client().endpoint());
                for (asset, address) in wanted {
                    let (symbol, figure) =
                        self.figure(network, *asset, node, header, address, &before, &operator)?;
                    let (amount, is_new) = figure;
                    collected.fetched += u64::from(is_new);
                    collected.kept += u64::from(!is_new);
                    let seen = ObservedBalance {
                        network: network.to_owned(),
                        asset: symbol,
                        address: address.clone(),
                        height: header.height,
                        block_hash: hash.clone(),
                        amount: Units(amount),
                        operator: operator.clone(),
                        own,
                    };
                    all.push(seen.clone());
                    if is_new {
                        new.push(seen);
                    }
                }
                Ok(())
            };
            let asked = ask();
            if !new.is_empty() {
                collected.files.push(write_observations(folder, new)?);
            }
            asked?;
            node.still_there(header)?;
        }
        if nodes.is_empty() {
            return Err(ObserveError::NoEndpoint { network: network.to_owned() });
        }
        collected.disagreements = disagreements(&all);
        Ok(collected)
    }

    /// The figure that a node gives, or gave in an earlier run.
    #[allow(clippy::too_many_arguments, reason = "one caller")]
    fn figure(
        &self,
        network: &str,
        asset: usize,
        node: &mut EvmNode,
        header: &Header,
        address: &str,
        before: &[ObservedBalance],
        operator: &str,
    ) -> Result<(String, (u128, bool)), ObserveError> {
        let symbol = self.symbols.get(asset).cloned().unwrap_or_default();
        let same = |seen: &&ObservedBalance| {
            seen.asset == symbol && seen.address == address && seen.operator == operator
        };
        if let Some(seen) = before.iter().find(same) {
            return Ok((symbol, (seen.amount.0, false)));
        }
        let none =
            || node_error(node, Trouble::malformed("eth_getBalance", "an address or asset of no known kind"));
        let held = self.holdings.get(&(network.to_owned(), asset)).zip(hex::prefixed_array(address));
        let Some(((holding, decimals), bytes)) = held else { return Err(none()) };
        let token = match holding {
            Holding::Native => None,
            Holding::Token(layout) => Some(layout),
        };
        let word = Word(node.balance(header, &bytes, token)?);
        let too_large = || node_error(node, Trouble::malformed("eth_call", "a figure of more than 128 bits"));
        Ok((symbol, (decimals.to_base_units(word).ok_or_else(too_large)?, true)))
    }

    /// What each node of Bitcoin's kind says is unspent at its latest block, which must be `block`.
    pub fn collect_unspent(
        &self,
        network: &str,
        block: &BitcoinBlock,
        nodes: &mut [BitcoinNode],
        folder: &Path,
    ) -> Result<Collected, ObserveError> {
        let empty = BTreeSet::new();
        let wanted = self.balances.get(network).unwrap_or(&empty);
        let Some(kind) = self.kinds.get(network).filter(|_| !nodes.is_empty()) else {
            return Err(ObserveError::NoEndpoint { network: network.to_owned() });
        };
        let before = observed_in(folder, network, &block.hash)?;
        let (mut all, mut sets, mut collected) = (Vec::new(), Vec::new(), Collected::default());
        for node in nodes {
            let (operator, own) = operator(node.client().endpoint());
            let of_node = |seen: &&ObservedBalance| seen.operator == operator;
            let has = |(asset, address): &(usize, String)| {
                let symbol = self.symbols.get(*asset);
                before
                    .iter()
                    .filter(of_node)
                    .find(|seen| Some(&seen.asset) == symbol && seen.address == *address)
            };
            let kept: Vec<ObservedBalance> = wanted.iter().filter_map(has).cloned().collect();
            collected.kept += kept.len() as u64;
            let missing: Vec<&(usize, String)> =
                wanted.iter().filter(|wanted| has(wanted).is_none()).collect();
            all.extend(kept);
            if let Some(set) = node.utxo_set(block)? {
                sets.push((operator.clone(), set));
            }
            if missing.is_empty() {
                continue;
            }
            let addresses: BTreeSet<String> = missing.iter().map(|(_, address)| address.clone()).collect();
            let addresses: Vec<String> = addresses.into_iter().collect();
            let sums = node.unspent(block, kind.network(), &addresses)?;
            let mut new = Vec::with_capacity(missing.len());
            for (asset, address) in missing {
                let held = self.holdings.get(&(network.to_owned(), *asset)).zip(sums.get(address));
                let Some(((_, decimals), sum)) = held else { continue };
                let mut word = Word::default();
                if let Some(low) = word.0.last_chunk_mut() {
                    *low = sum.to_be_bytes();
                }
                new.push(ObservedBalance {
                    network: network.to_owned(),
                    asset: self.symbols.get(*asset).cloned().unwrap_or_default(),
                    address: address.clone(),
                    height: block.height,
                    block_hash: block.hash.clone(),
                    amount: Units(decimals.to_base_units(word).unwrap_or(0)),
                    operator: operator.clone(),
                    own,
                });
            }
            collected.fetched += new.len() as u64;
            all.extend(new.iter().cloned());
            collected.files.push(write_observations(folder, new)?);
        }
        collected.disagreements = disagreements(&all);
        if sets.windows(2).any(|pair| matches!(pair, [a, b] if a.1 != b.1)) {
            collected.disagreements.push(Disagreement {
                network: network.to_owned(),
                asset: String::new(),
                address: String::new(),
                operators: sets.into_iter().map(|(operator, _)| operator).collect(),
            });
        }
        Ok(collected)
    }

    /// Evidence of the transactions that made listed outputs, and the blocks in which they are.
    pub fn collect_outputs(
        &self,
        network: &str,
        nodes: &mut [BitcoinNode],
        folder: &Path,
    ) -> Result<(Collected, Vec<String>), ObserveError> {
        let (mut collected, mut blocks) = (Collected::default(), BTreeMap::<String, Vec<String>>::new());
        let empty = BTreeSet::new();
        for txid in self.outputs.get(network).unwrap_or(&empty) {
            let block = first(network, nodes, |node| {
                let found = node.block_of(txid)?;
                found.ok_or_else(|| node.client().error(Trouble::NoBlock { hash: txid.clone() }))
            })?;
            blocks.entry(block).or_default().push(txid.clone());
        }
        for (block, txids) in &blocks {
            let evidence = first(network, nodes, |node| node.evidence(block, txids))?;
            collected.fetched += txids.len() as u64;
            collected.files.push(write_content(folder, &evidence)?);
        }
        Ok((collected, blocks.into_keys().collect()))
    }
}

/// Slots of a Safe that show its owners, given who they are said to be.
fn safe_slots(owners: &[String]) -> Vec<[u8; 32]> {
    let mut slots = vec![
        [0; 32],
        safe::OWNER_COUNT_SLOT,
        safe::THRESHOLD_SLOT,
        safe::next_owner_slot(&safe::SENTINEL),
        safe::next_module_slot(&safe::SENTINEL),
    ];
    let owners = owners.iter().filter_map(|owner| hex::prefixed_array(owner.trim()));
    slots.extend(owners.map(|owner| safe::next_owner_slot(&owner)));
    slots
}

/// The first answer that some node gives; the last error if none does.
fn first<N, T>(
    network: &str,
    nodes: &mut [N],
    mut ask: impl FnMut(&mut N) -> Result<T, NodeError>,
) -> Result<T, ObserveError> {
    let mut last = ObserveError::NoEndpoint { network: network.to_owned() };
    for node in nodes {
        match ask(node) {
            Ok(found) => return Ok(found),
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}

fn node_error(node: &EvmNode, why: Trouble) -> ObserveError {
    node.client().error(why).into()
}

fn operator(endpoint: &crate::Endpoint) -> (String, bool) {
    (endpoint.operator.clone(), endpoint.own)
}

fn disagreements(all: &[ObservedBalance]) -> Vec<Disagreement> {
    let mut by_address: BTreeMap<(&str, &str, &str), Vec<&ObservedBalance>> = BTreeMap::new();
    for seen in all {
        by_address.entry((&seen.network, &seen.asset, &seen.address)).or_default().push(seen);
    }
    let differ = |seen: &Vec<&ObservedBalance>| {
        seen.windows(2).any(|pair| matches!(pair, [a, b] if a.amount != b.amount))
    };
    let found = by_address.into_iter().filter(|(_, seen)| differ(seen));
    let of = |((network, asset, address), seen): ((&str, &str, &str), Vec<&ObservedBalance>)| Disagreement {
        network: network.into(),
        asset: asset.into(),
        address: address.into(),
        operators: seen.iter().map(|seen| seen.operator.clone()).collect(),
    };
    found.map(of).collect()
}

/// JSON files of a folder, as bytes. One that can't be read is an error; what is in it is for the caller.
fn files_in(folder: &Path) -> Result<Vec<Vec<u8>>, ObserveError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ObserveError::File { path, source }
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(folder)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed(folder))?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let mut bytes = Vec::new();
        let file = fs::File::open(&path).map_err(failed(&path))?;
        file.take(MAX_EVM_EVIDENCE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed(&path))?;
        found.push(bytes);
    }
    Ok(found)
}

/// Accounts and slots that evidence files of this block show already.
fn shown_in(folder: &Path, header: &Header) -> Result<BTreeMap<[u8; 20], BTreeSet<[u8; 32]>>, ObserveError> {
    let mut shown: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for bytes in files_in(folder)? {
        let Ok(evidence) = EvmEvidence::from_json(&bytes) else { continue };
        let Ok(state) = evidence.verify(&header.block) else { continue };
        if state.check().is_err() {
            continue;
        }
        for account in &evidence.accounts {
            let Some(address) = hex::prefixed_array(&account.address) else { continue };
            let slots = account.storage.iter().filter_map(|slot| hex::prefixed_array(&slot.slot));
            shown.entry(address).or_default().extend(slots);
        }
    }
    Ok(shown)
}

fn observed_in(folder: &Path, network: &str, hash: &str) -> Result<Vec<ObservedBalance>, ObserveError> {
    let mut seen = Vec::new();
    for bytes in files_in(folder)? {
        let Ok(file) = ObservationFile::from_json(&bytes) else { continue };
        let of_block = |seen: &ObservedBalance| seen.network == network && seen.block_hash == hash;
        seen.extend(file.observations.into_iter().filter(of_block));
    }
    Ok(seen)
}

fn write_observations(
    folder: &Path,
    mut observations: Vec<ObservedBalance>,
) -> Result<PathBuf, ObserveError> {
    observations.sort();
    write_content(folder, &ObservationFile { format: OBSERVATIONS_FORMAT.into(), observations })
}

/// Writes a file under the BLAKE3 digest of its content.
fn write_content(folder: &Path, content: &impl Serialize) -> Result<PathBuf, ObserveError> {
    let failed = |source| ObserveError::File { path: folder.to_owned(), source };
    let bytes = serde_json::to_vec(content).map_err(|error| failed(error.into()))?;
    let path = folder.join(format!("{}.json", blake3::hash(&bytes).to_hex()));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(&bytes).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist(&path).map_err(|error| failed(error.error))?;
    Ok(path)
}

const fn is_bitcoin(kind: &AddressKind) -> bool {
    matches!(kind, AddressKind::Bitcoin | AddressKind::BitcoinTestnet | AddressKind::BitcoinRegtest)
}
