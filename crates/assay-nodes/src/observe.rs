use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use assay_balances::evm::{self, EvmEvidence};
use assay_balances::utxo::{UtxoBlock, UtxoError, sum_unspent};
use assay_balances::{Decimals, Holding, ObservedAnswer, ObservedBalance, holdings};
use assay_ownership::{ContractQuestion, account, safe};
use assay_reserves::{AddressKind, Policy, ReserveRow, Units, WrappedIssuer};
use assay_statement::{AssetTable, hex};

use crate::bitcoin::{BitcoinBlock, BitcoinNode};
use crate::endpoint::Endpoint;
use crate::error::{NodeError, Trouble};
use crate::evm::{EvmNode, Header};
use crate::store::{shown_in, told_in, write_content, write_words};
use crate::word::Word;

/// Who tells what a snapshot of unspent outputs shows.
pub const SNAPSHOT_OPERATOR: &str = "utxo snapshot";

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
    /// By contract and question, whether only the answer can show who controls the contract.
    questions: BTreeMap<String, BTreeMap<([u8; 20], ContractQuestion), bool>>,
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
    /// A snapshot of unspent outputs shows nothing.
    #[error("{network}: the snapshot: {source}")]
    Snapshot {
        /// The network.
        network: String,
        /// Why.
        source: UtxoError,
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
    /// Files of evidence that were written.
    pub files: Vec<PathBuf>,
    /// Files of what nodes told, that were written.
    pub observations: Vec<PathBuf>,
    /// About what nodes disagree.
    pub disagreements: Vec<Disagreement>,
    /// Balances that the nodes' word is about.
    pub balances: u64,
    /// Contracts and signatures about which only what nodes say can show who controls the contract.
    pub by_word_alone: u64,
}

impl Collected {
    /// With what else was collected.
    pub fn and(mut self, other: Self) -> Self {
        self.fetched += other.fetched;
        self.kept += other.kept;
        self.files.extend(other.files);
        self.observations.extend(other.observations);
        self.disagreements.extend(other.disagreements);
        self.balances += other.balances;
        self.by_word_alone += other.by_word_alone;
        self
    }
}

/// Nodes that say different things about one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// The policy's name of the network.
    pub network: String,
    /// About what.
    pub subject: Subject,
    /// Operators of the nodes that don't say the same.
    pub operators: Vec<String>,
}

/// What nodes are asked about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// What an address has.
    Balance {
        /// Symbol.
        asset: String,
        /// The address.
        address: String,
    },
    /// All unspent outputs of a chain.
    UnspentOutputs,
    /// What a contract answers to a signature.
    Answer {
        /// The contract.
        address: String,
        /// Hash of the message.
        message_hash: String,
        /// Keccak-256 of the signature.
        signature_hash: String,
    },
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
        let (balances, outputs, questions) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { kinds: policy.address_kinds(), holdings, symbols, accounts, balances, outputs, questions }
    }

    /// Adds what shows a row, whose network is the policy's name. Rows of networks that can't be asked are passed over; they
    /// stay claims.
    pub fn add(&mut self, row: &ReserveRow) {
        let Some(kind) = self.kinds.get(&row.network) else { return };
        let Ok(bytes) = account(kind.network(), &row.address) else { return };
        let held = self.holdings.get(&(row.network.clone(), row.asset));
        if let (AddressKind::Evm { .. }, Ok(address)) = (kind, <[u8; 20]>::try_from(bytes.as_slice()))
            && (held.is_some() || !row.signatures.is_empty())
        {
            // The account shows whether there is code, which matters to signatures; coins of no known kind have nothing else.
            let slots = self.accounts.entry(row.network.clone()).or_default().entry(address).or_default();
            if !row.owners.is_empty() {
                slots.extend(safe_slots(&row.owners));
            }
            if let Some(question) = question(row) {
                let questions = self.questions.entry(row.network.clone()).or_default();
                *questions.entry((address, question)).or_insert(true) &= row.owners.is_empty();
            }
        }
        let Some((holding, _)) = held else { return };
        match (kind, &row.outpoint) {
            (AddressKind::Evm { .. }, None) => {
                let Ok(address) = <[u8; 20]>::try_from(bytes) else { return };
                if let Holding::Token(layout) = holding {
                    let accounts = self.accounts.entry(row.network.clone()).or_default();
                    let slots = accounts.entry(layout.contract).or_default();
                    slots.insert(layout.balance_slot(&address));
                }
                let wanted = (row.asset, behind_0x(&address));
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
                .filter(|slot| !there.is_some_and(|there| there.slots.contains(*slot)))
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
        let block_hash = hex::encode(&header.block.hash);
        let wanted = self.balances_of(network);
        let ask = |node: &mut EvmNode, missing: &[&WantedBalance], new: &mut Vec<ObservedBalance>| {
            for wanted in missing {
                let amount = Units(self.figure(network, wanted, node, header)?);
                let block = (header.height, block_hash.clone());
                new.push(self.observed(network, wanted, block, amount, operator(node.client().endpoint())));
            }
            Ok(node.still_there(header)?)
        };
        let before = told_in(folder, network, &block_hash)?;
        let collected = each_node(network, nodes, &wanted, &before, folder, ask)?;
        Ok(Collected { balances: wanted.len() as u64, ..collected })
    }

    /// What each node says that contracts of an EVM network answer to the rows' signatures (EIP-1271). Asked are those whose
    /// code is shown by evidence in the folder, so proofs come first.
    pub fn collect_answers(
        &self,
        network: &str,
        header: &Header,
        nodes: &mut [EvmNode],
        folder: &Path,
    ) -> Result<Collected, ObserveError> {
        let block_hash = hex::encode(&header.block.hash);
        let shown = match self.questions.get(network) {
            Some(_) => shown_in(folder, header)?,
            None => BTreeMap::new(),
        };
        let has_code = |address: &[u8; 20]| shown.get(address).is_some_and(|shown| shown.code);
        let questions = self.questions.get(network).into_iter().flatten();
        let questions: Vec<_> = questions.filter(|((address, _), _)| has_code(address)).collect();
        let by_word_alone = questions.iter().filter(|(_, alone)| **alone).count() as u64;
        let subject = |(address, question): &([u8; 20], ContractQuestion)| Subject::Answer {
            address: behind_0x(address),
            message_hash: hex::encode(question.hash()),
            signature_hash: hex::encode(&question.signature_hash()),
        };
        let wanted: Vec<_> = questions.iter().map(|(asked, _)| (subject(asked), *asked)).collect();
        if wanted.is_empty() {
            return Ok(Collected::default());
        }
        let ask = |node: &mut EvmNode,
                   missing: &[&(Subject, &([u8; 20], ContractQuestion))],
                   new: &mut Vec<ObservedAnswer>| {
            for (_, (address, question)) in missing {
                let mut word = |question: &ContractQuestion| {
                    let word = node.signature_answer(header, address, question)?;
                    Ok::<_, NodeError>(word.map(|word| behind_0x(&word)))
                };
                let (returned, control) = (word(question)?, word(&question.control())?);
                let (operator, own) = operator(node.client().endpoint());
                new.push(ObservedAnswer {
                    network: network.to_owned(),
                    address: behind_0x(address),
                    height: header.height,
                    block_hash: block_hash.clone(),
                    message_hash: hex::encode(question.hash()),
                    signature_hash: hex::encode(&question.signature_hash()),
                    returned,
                    control,
                    operator,
                    own,
                });
            }
            Ok(node.still_there(header)?)
        };
        let before = told_in(folder, network, &block_hash)?;
        let collected = each_node(network, nodes, &wanted, &before, folder, ask)?;
        Ok(Collected { by_word_alone, ..collected })
    }

    fn balances_of(&self, network: &str) -> Vec<WantedBalance> {
        let wanted = self.balances.get(network).into_iter().flatten();
        let of = |(asset, address): &(usize, String)| {
            let symbol = self.symbols.get(*asset).cloned().unwrap_or_default();
            let subject = Subject::Balance { asset: symbol, address: address.clone() };
            (subject, (*asset, address.clone()))
        };
        wanted.map(of).collect()
    }

    fn observed(
        &self,
        network: &str,
        (_, (asset, address)): &WantedBalance,
        (height, block_hash): (u64, String),
        amount: Units,
        (operator, own): (String, bool),
    ) -> ObservedBalance {
        ObservedBalance {
            network: network.to_owned(),
            asset: self.symbols.get(*asset).cloned().unwrap_or_default(),
            address: address.clone(),
            height,
            block_hash,
            amount,
            operator,
            own,
        }
    }

    /// The figure that a node gives, in base units.
    fn figure(
        &self,
        network: &str,
        (_, (asset, address)): &WantedBalance,
        node: &mut EvmNode,
        header: &Header,
    ) -> Result<u128, ObserveError> {
        let none =
            || node_error(node, Trouble::malformed("eth_getBalance", "an address or asset of no known kind"));
        let held = self.holdings.get(&(network.to_owned(), *asset)).zip(hex::prefixed_array(address));
        let Some(((holding, decimals), bytes)) = held else { return Err(none()) };
        let token = match holding {
            Holding::Native => None,
            Holding::Token(layout) => Some(layout),
        };
        let word = evm::Word(node.balance(header, &bytes, token)?);
        let too_large = || node_error(node, Trouble::malformed("eth_call", "a figure of more than 128 bits"));
        decimals.to_base_units(word).ok_or_else(too_large)
    }

    /// What each node of Bitcoin's kind says is unspent at its latest block, which must be `block`.
    pub fn collect_unspent(
        &self,
        network: &str,
        block: &BitcoinBlock,
        nodes: &mut [BitcoinNode],
        folder: &Path,
    ) -> Result<Collected, ObserveError> {
        let Some(kind) = self.kinds.get(network) else {
            return Err(ObserveError::NoEndpoint { network: network.to_owned() });
        };
        let wanted = self.balances_of(network);
        let mut sets = Vec::new();
        let ask = |node: &mut BitcoinNode, missing: &[&WantedBalance], new: &mut Vec<ObservedBalance>| {
            if let Some(set) = node.utxo_set(block)? {
                sets.push((operator(node.client().endpoint()).0, set));
            }
            if missing.is_empty() {
                return Ok(());
            }
            let addresses: BTreeSet<&String> = missing.iter().map(|(_, (_, address))| address).collect();
            let addresses: Vec<String> = addresses.into_iter().cloned().collect();
            let sums = node.unspent(block, kind.network(), &addresses)?;
            let who = operator(node.client().endpoint());
            new.extend(self.of_sums(network, missing.iter().copied(), &sums, block, &who));
            Ok(())
        };
        let before = told_in(folder, network, &block.hash)?;
        let mut collected = each_node(network, nodes, &wanted, &before, folder, ask)?;
        collected.balances = wanted.len() as u64;
        if sets.windows(2).any(|pair| matches!(pair, [a, b] if a.1 != b.1)) {
            collected.disagreements.push(Disagreement {
                network: network.to_owned(),
                subject: Subject::UnspentOutputs,
                operators: sets.into_iter().map(|(operator, _)| operator).collect(),
            });
        }
        Ok(collected)
    }

    /// What a snapshot of all unspent outputs shows. The caller knows the hash over them from a source of its own, so it is
    /// worth as much as the caller's own node. `progress` is told how many outputs of how many have been read.
    pub fn collect_snapshot(
        &self,
        network: &str,
        block: &UtxoBlock<'_>,
        input: impl io::Read,
        folder: &Path,
        progress: impl FnMut(u64, u64),
    ) -> Result<Collected, ObserveError> {
        let wanted = self.balances_of(network);
        // Addresses that are no scripts weren't planned for.
        let script = |address: &String| account(block.network, address).ok();
        let scripts: BTreeMap<&String, Vec<u8>> =
            wanted.iter().filter_map(|(_, (_, address))| Some((address, script(address)?))).collect();
        let sums = sum_unspent(input, block, scripts.values().map(Vec::as_slice), progress)
            .map_err(|source| ObserveError::Snapshot { network: network.to_owned(), source })?;
        let sums =
            scripts.iter().filter_map(|(address, script)| Some(((*address).clone(), *sums.get(script)?)));
        let at = BitcoinBlock { hash: block.block.to_string(), height: block.height.into() };
        let who = (SNAPSHOT_OPERATOR.to_owned(), true);
        let words: Vec<ObservedBalance> =
            self.of_sums(network, wanted.iter(), &sums.collect(), &at, &who).collect();
        let mut collected = Collected::default();
        collected.fetched = words.len() as u64;
        collected.balances = collected.fetched;
        if !words.is_empty() {
            collected.observations.push(write_words(folder, words)?);
        }
        Ok(collected)
    }

    /// What there is at the wanted addresses, by satoshis.
    fn of_sums<'a>(
        &'a self,
        network: &'a str,
        wanted: impl Iterator<Item = &'a WantedBalance> + 'a,
        sums: &'a BTreeMap<String, u64>,
        block: &'a BitcoinBlock,
        who: &'a (String, bool),
    ) -> impl Iterator<Item = ObservedBalance> + 'a {
        wanted.filter_map(move |wanted| {
            let (_, (asset, address)) = wanted;
            let (_, decimals) = self.holdings.get(&(network.to_owned(), *asset))?;
            let mut word = evm::Word::default();
            *word.0.last_chunk_mut()? = sums.get(address)?.to_be_bytes();
            let amount = Units(decimals.to_base_units(word).unwrap_or(0));
            Some(self.observed(network, wanted, (block.height, block.hash.clone()), amount, who.clone()))
        })
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

/// A balance to ask for: an asset and an address.
type WantedBalance = (Subject, (usize, String));

/// Asks every node for what it hasn't told in an earlier run. What a node tells goes into a file of its own, also where the
/// node fails then; the first failure ends all.
fn each_node<N: Node, W: Word, T>(
    network: &str,
    nodes: &mut [N],
    wanted: &[(Subject, T)],
    before: &[W],
    folder: &Path,
    mut ask: impl FnMut(&mut N, &[&(Subject, T)], &mut Vec<W>) -> Result<(), ObserveError>,
) -> Result<Collected, ObserveError> {
    if nodes.is_empty() {
        return Err(ObserveError::NoEndpoint { network: network.to_owned() });
    }
    let (mut all, mut collected) = (Vec::new(), Collected::default());
    for node in nodes {
        let (operator, _) = operator(node.endpoint());
        let of_node: BTreeMap<Subject, &W> = before
            .iter()
            .filter(|word| word.operator() == operator)
            .map(|word| (word.subject(), word))
            .collect();
        let (kept, missing): (Vec<_>, Vec<_>) =
            wanted.iter().partition(|(subject, _)| of_node.contains_key(subject));
        collected.kept += kept.len() as u64;
        all.extend(kept.iter().filter_map(|(subject, _)| of_node.get(subject)).map(|word| (*word).clone()));
        let mut new = Vec::new();
        let asked = ask(node, &missing, &mut new);
        collected.fetched += new.len() as u64;
        all.extend(new.iter().cloned());
        if !new.is_empty() {
            collected.observations.push(write_words(folder, new)?);
        }
        asked?;
    }
    collected.disagreements = disagreements(network, &all);
    Ok(collected)
}

/// A node of whatever chain.
trait Node {
    fn endpoint(&self) -> &Endpoint;
}

impl Node for EvmNode {
    fn endpoint(&self) -> &Endpoint {
        self.client().endpoint()
    }
}

impl Node for BitcoinNode {
    fn endpoint(&self) -> &Endpoint {
        self.client().endpoint()
    }
}

fn behind_0x(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// What a contract is asked about a row's signatures. What can't be read as signatures of one isn't asked.
fn question(row: &ReserveRow) -> Option<ContractQuestion> {
    let signatures: Vec<&str> = row.signatures.iter().map(String::as_str).collect();
    let question = ContractQuestion::new(row.message.as_bytes(), &signatures);
    question.ok().filter(|_| !row.message.is_empty())
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

fn operator(endpoint: &Endpoint) -> (String, bool) {
    (endpoint.operator.clone(), endpoint.own)
}

fn disagreements<W: Word>(network: &str, all: &[W]) -> Vec<Disagreement> {
    let mut by_subject: BTreeMap<Subject, Vec<&W>> = BTreeMap::new();
    for word in all {
        by_subject.entry(word.subject()).or_default().push(word);
    }
    let differ = |words: &Vec<&W>| words.windows(2).any(|pair| matches!(pair, [a, b] if !a.agrees(b)));
    let found = by_subject.into_iter().filter(|(_, words)| differ(words));
    let of = |(subject, words): (Subject, Vec<&W>)| Disagreement {
        network: network.to_owned(),
        subject,
        operators: words.iter().map(|word| word.operator().to_owned()).collect(),
    };
    found.map(of).collect()
}

const fn is_bitcoin(kind: &AddressKind) -> bool {
    matches!(kind, AddressKind::Bitcoin | AddressKind::BitcoinTestnet | AddressKind::BitcoinRegtest)
}
