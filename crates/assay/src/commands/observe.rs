use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use assay_balances::utxo::UtxoBlock;
use assay_ledger::read_asset_table;
use assay_nodes::{
    At, BitcoinBlock, BitcoinNode, Client, Collected, Disagreement, Endpoint, EvmNode, Header,
    MAX_ENDPOINT_BYTES, NodeError, Patience, Plan, SNAPSHOT_OPERATOR, Subject,
};
use assay_reserves::{
    AddressKind, BalanceSource, Checker, EvidenceLevel, OwnershipGrade, Policy, ReserveReader, ReserveRow,
};
use assay_statement::{AssetTable, hex};
use assay_verdict::Class;
use serde_json::{Value, json};

use crate::arguments::Observe;
use crate::commands::report::pair;
use crate::commands::reserves::ReserveFiles;
use crate::commands::{Voice, read_capped};
use crate::failure::Failure;
use crate::output::grouped;
use crate::progress::bar;

/// A block as the caller names it.
enum Named {
    Hash([u8; 32]),
    Height(u64),
}

pub(crate) fn run(arguments: &Observe, voice: Voice) -> Result<(), Failure> {
    let assets = Arc::new(read_asset_table(&arguments.assets)?);
    let files = ReserveFiles::open(&arguments.reserves, &assets)?;
    let plan = plan(&files, &assets)?;
    let named = arguments.blocks.iter().map(|text| parse_block(text));
    let named: BTreeMap<String, Named> = named.collect::<Result<_, _>>()?;
    let snapshots = arguments.snapshots.iter().map(|text| Snapshot::parse(text));
    let snapshots: BTreeMap<String, Snapshot> = snapshots.collect::<Result<_, _>>()?;
    if named.len() < arguments.blocks.len() || snapshots.len() < arguments.snapshots.len() {
        return Err(Failure::usage("--block, --snapshot: one for each network"));
    }
    let mut endpoints = match &arguments.endpoints {
        Some(path) => {
            let found =
                Endpoint::from_toml(&read_capped(path, MAX_ENDPOINT_BYTES)?, |name| std::env::var(name).ok());
            found.map_err(|error| Failure::unreadable(format_args!("{}: {error}", path.display())))?
        }
        None => Vec::new(),
    };
    if let Some(network) = snapshots.keys().find(|network| !named.contains_key(*network)) {
        return Err(Failure::usage(format_args!("--snapshot: no --block names a block of {network}")));
    }
    for network in named.keys() {
        if !plan.networks().iter().any(|(known, _)| known == network) {
            let text = format_args!(
                "--block: no row of {network} can be asked for, or the policy lacks its addresses"
            );
            return Err(Failure::usage(text));
        }
    }
    fs::create_dir_all(&arguments.out).map_err(|error| Failure::file(&arguments.out, &error))?;
    let patience = Patience {
        attempts: arguments.attempts,
        timeout: Duration::from_secs(arguments.timeout),
        ..Patience::default()
    };
    let mut results = Vec::new();
    let (mut disagreements, mut short) = (0, Vec::new());
    for (network, kind) in plan.networks() {
        let Some(at) = named.get(&network) else { continue };
        let of_network: Vec<Endpoint> =
            endpoints.extract_if(.., |endpoint| endpoint.network == network).collect();
        let snapshot = snapshots.get(&network);
        if of_network.is_empty() && snapshot.is_none() {
            return Err(Failure::usage(format_args!("{network}: no endpoint is given for it")));
        }
        // Each of them answers all that it is asked, or nothing comes of the network.
        let who = match snapshot {
            Some(_) => vec![(SNAPSHOT_OPERATOR, true)],
            None => of_network.iter().map(|endpoint| (endpoint.operator.as_str(), endpoint.own)).collect(),
        };
        let answering = Answering::of(&who, &files.policy);
        let clients = of_network.into_iter().map(|endpoint| Client::new(endpoint, patience)).collect();
        let task = Task { arguments, plan: &plan, policy: &files.policy, network: &network, at };
        let (hash, height, collected) = match (&kind, snapshot) {
            (AddressKind::Evm { chain_id }, None) => task.evm(clients, *chain_id)?,
            (kind, None) => task.bitcoin(clients, kind)?,
            (kind, Some(snapshot)) => task.snapshot(clients, kind, snapshot, voice)?,
        };
        disagreements += collected.disagreements.len();
        let lacking = answering.lacking(&network, &kind, &collected, &files.policy);
        tell((&network, &hash, height), &collected, &answering, voice);
        lacking.iter().for_each(|text| eprintln!("warning: {text}"));
        results.push(to_json((&network, &hash, height), &collected, &answering, &lacking));
        short.extend(lacking);
    }
    if voice.json {
        let ok = disagreements == 0 && short.is_empty();
        println!("{}", json!({"version": 2, "ok": ok, "networks": results}));
    }
    if disagreements > 0 {
        let text = "nodes disagree about a block; it can't be told who is right";
        return Err(Failure::rejected(text).quiet_in_json());
    }
    if short.is_empty() {
        return Ok(());
    }
    let text = "too few sources for the policy: rows that need what they say stay claims";
    let hint = "add endpoints of further operators, or a node of your own; what is there isn't asked again";
    Err(Failure::of(Class::NotChecked, text).with_hint(hint).quiet_in_json())
}

/// Who answers for a network, and what that is worth.
struct Answering {
    /// Distinct operators, and whether the caller has a node.
    operators: BTreeMap<String, bool>,
    /// The level of what all of them say alike.
    level: EvidenceLevel,
    quorum: u32,
}

impl Answering {
    fn of(who: &[(&str, bool)], policy: &Policy) -> Self {
        let source = |(operator, own): &(&str, bool)| match own {
            true => BalanceSource::OwnNode,
            false => BalanceSource::Remote { operator: (*operator).to_owned() },
        };
        let sources: Vec<BalanceSource> = who.iter().map(source).collect();
        let mut operators = BTreeMap::new();
        for (operator, own) in who {
            *operators.entry(operator.trim().to_lowercase()).or_default() |= own;
        }
        let level = EvidenceLevel::of_sources(&sources, policy.quorum);
        Self { operators, level, quorum: policy.quorum }
    }

    /// For what their word isn't enough, although rows need it to be verified.
    fn lacking(
        &self,
        network: &str,
        kind: &AddressKind,
        collected: &Collected,
        policy: &Policy,
    ) -> Vec<String> {
        let who = match self.operators.len() {
            1 => "1 operator".to_owned(),
            count => format!("{count} operators"),
        };
        let mut lacking = Vec::new();
        // Balances of EVM networks have proofs; for others there is nothing but the nodes' word.
        if !matches!(kind, AddressKind::Evm { .. })
            && collected.balances > 0
            && self.level < policy.minimum_evidence
        {
            let (level, minimum) = (self.level.name(), policy.minimum_evidence.name());
            lacking.push(format!(
                "{network}: balances are at {level} by the word of {who}, and the policy wants {minimum}{}",
                if policy.minimum_evidence == EvidenceLevel::L2 {
                    format!(": a quorum of {}, or a node of your own", self.quorum)
                } else {
                    String::new()
                }
            ));
        }
        if collected.by_word_alone > 0
            && self.level < EvidenceLevel::L2
            && policy.minimum_ownership > OwnershipGrade::O0
        {
            lacking.push(format!(
                "{network}: answers of {} contracts are the word of {who} and don't count without a quorum of {}, or a node of your own",
                grouped(collected.by_word_alone), self.quorum
            ));
        }
        lacking
    }
}

/// What the rows that count need.
fn plan(files: &ReserveFiles, assets: &Arc<AssetTable>) -> Result<Plan, Failure> {
    let mut plan = Plan::new(&files.policy, assets);
    let mut checker = Checker::new(assets, &files.policy);
    for (source, format) in &files.sources {
        let mut reader =
            ReserveReader::open(source, *format, Arc::clone(assets), &files.policy, files.options.clone())?;
        checker.begin_file()?;
        while let Some(row) = reader.next_row()? {
            let outcome = checker.row(&row)?;
            if outcome.left_out.is_none() {
                plan.add(&ReserveRow { network: outcome.network, ..row });
            }
        }
    }
    Ok(plan)
}

fn parse_block(text: &str) -> Result<(String, Named), Failure> {
    let (network, block) = pair(text, "--block")?;
    let wrong = || Failure::usage("--block: expected network=hash with 64 hex digits, or network=height");
    let named = match hex::prefixed_array(&block) {
        Some(hash) => Named::Hash(hash),
        None => Named::Height(block.parse().map_err(|_| wrong())?),
    };
    Ok((network, named))
}

/// A snapshot of all unspent outputs, as the caller names it.
struct Snapshot {
    height: u32,
    set: [u8; 32],
    path: PathBuf,
}

impl Snapshot {
    fn parse(text: &str) -> Result<(String, Self), Failure> {
        let wrong =
            || Failure::usage("--snapshot: expected network=height:hash:file with a hash of 64 hex digits");
        let (network, rest) = pair(text, "--snapshot")?;
        let mut parts = rest.splitn(3, ':');
        let (Some(height), Some(set), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong());
        };
        let height = height.parse().map_err(|_| wrong())?;
        Ok((network, Self { height, set: hex::prefixed_array(set).ok_or_else(wrong)?, path: path.into() }))
    }
}

struct Task<'a> {
    arguments: &'a Observe,
    plan: &'a Plan,
    policy: &'a Policy,
    network: &'a str,
    at: &'a Named,
}

impl Task<'_> {
    fn confirmations(&self) -> u64 {
        let network = self.policy.network.iter().find(|network| network.name == self.network);
        network.map_or(0, |network| network.confirmations.into())
    }

    fn evm(&self, clients: Vec<Client>, chain_id: u64) -> Result<(String, u64, Collected), Failure> {
        let connected = clients.into_iter().map(|client| EvmNode::connect(client, chain_id));
        let mut nodes: Vec<EvmNode> = connected.collect::<Result<_, _>>()?;
        let at = match self.at {
            Named::Hash(hash) => At::Hash(*hash),
            Named::Height(height) => At::Height(*height),
        };
        let confirmations = self.confirmations();
        let headers = nodes.iter_mut().map(|node| node.header(at, confirmations));
        let headers = headers.collect::<Result<Vec<Header>, NodeError>>()?;
        let header = same(headers)?;
        let out = &self.arguments.out;
        let mut collected = self.plan.collect_proofs(self.network, &header, &mut nodes, out)?;
        // Whether there is a contract is shown by the proofs.
        collected = collected.and(self.plan.collect_answers(self.network, &header, &mut nodes, out)?);
        if self.arguments.figures {
            collected = collected.and(self.plan.collect_balances(self.network, &header, &mut nodes, out)?);
        }
        Ok((hex::encode(&header.block.hash), header.height, collected))
    }

    /// Balances by a snapshot, and by nodes, where there are some, that outputs were made.
    fn snapshot(
        &self,
        clients: Vec<Client>,
        kind: &AddressKind,
        snapshot: &Snapshot,
        voice: Voice,
    ) -> Result<(String, u64, Collected), Failure> {
        let Named::Hash(hash) = self.at else {
            return Err(Failure::usage("--block: the block of a snapshot is named by its hash"));
        };
        let hash = hex::encode(hash);
        let block = UtxoBlock {
            network: kind.network(),
            block: hash.parse().map_err(|_| Failure::usage("--block: not a hash"))?,
            height: snapshot.height,
            set: snapshot.set,
        };
        let failed = |error| Failure::file(&snapshot.path, &error);
        let file = BufReader::with_capacity(1 << 20, File::open(&snapshot.path).map_err(failed)?);
        let bar = bar("snapshot", "outputs", voice.quiet);
        let progress = |read, of| {
            bar.set_length(of);
            bar.set_position(read);
        };
        let out = &self.arguments.out;
        let collected = self.plan.collect_snapshot(self.network, &block, file, out, progress);
        bar.finish_and_clear();
        let mut collected = collected.map_err(|error| Failure::from(error).about(&snapshot.path))?;
        if !clients.is_empty() {
            let connected = clients.into_iter().map(|client| BitcoinNode::connect(client, kind.network()));
            let mut nodes: Vec<BitcoinNode> = connected.collect::<Result<_, _>>()?;
            collected = collected.and(self.plan.collect_outputs(self.network, &mut nodes, out)?.0);
        }
        Ok((hash, block.height.into(), collected))
    }

    fn bitcoin(&self, clients: Vec<Client>, kind: &AddressKind) -> Result<(String, u64, Collected), Failure> {
        let connected = clients.into_iter().map(|client| BitcoinNode::connect(client, kind.network()));
        let mut nodes: Vec<BitcoinNode> = connected.collect::<Result<_, _>>()?;
        // The set of unspent outputs is that of the latest block, which has nothing on top.
        let blocks = nodes.iter_mut().map(|node| match self.at {
            Named::Hash(hash) => node.block(&hex::encode(hash), 0),
            Named::Height(height) => node.block_at(*height, 0),
        });
        let block = same(blocks.collect::<Result<Vec<BitcoinBlock>, NodeError>>()?)?;
        let out = &self.arguments.out;
        let unspent = self.plan.collect_unspent(self.network, &block, &mut nodes, out)?;
        let (outputs, _) = self.plan.collect_outputs(self.network, &mut nodes, out)?;
        Ok((block.hash, block.height, unspent.and(outputs)))
    }
}

/// The block that all nodes mean.
fn same<B: PartialEq>(blocks: Vec<B>) -> Result<B, Failure> {
    let mut blocks = blocks.into_iter();
    let first = blocks.next().ok_or_else(|| Failure::usage("no endpoint is given"))?;
    if blocks.all(|block| block == first) {
        return Ok(first);
    }
    Err(Failure::rejected("nodes have different blocks at this height"))
}

fn tell(
    (network, hash, height): (&str, &str, u64),
    collected: &Collected,
    answering: &Answering,
    voice: Voice,
) {
    if !voice.json {
        println!("block     {network}={hash}, height {}", grouped(height));
        let name =
            |(operator, own): (&String, &bool)| format!("{operator}{}", if *own { " (own)" } else { "" });
        let names: Vec<String> = answering.operators.iter().map(name).collect();
        println!(
            "operators {} distinct: {}; what they say alike is {}",
            grouped(names.len() as u64),
            names.join(", "),
            answering.level.name()
        );
        println!(
            "fetched   {}, kept from an earlier run {}",
            grouped(collected.fetched),
            grouped(collected.kept)
        );
        collected.files.iter().for_each(|file| println!("evidence  {}", file.display()));
        collected.observations.iter().for_each(|file| println!("observed  {}", file.display()));
    }
    for found in &collected.disagreements {
        let what = match &found.subject {
            Subject::Balance { asset, address } => format!("{asset} {address}"),
            Subject::UnspentOutputs => "the set of unspent outputs".into(),
            Subject::Answer { address, .. } => format!("what the contract {address} answers to a signature"),
        };
        eprintln!("nodes of {} disagree about {what}", found.operators.join(" and "));
    }
}

fn to_json(
    (network, hash, height): (&str, &str, u64),
    collected: &Collected,
    answering: &Answering,
    lacking: &[String],
) -> Value {
    let disagreement = |found: &Disagreement| {
        let operators = &found.operators;
        match &found.subject {
            Subject::Balance { asset, address } => {
                json!({"about": "balance", "asset": asset, "address": address, "operators": operators})
            }
            Subject::UnspentOutputs => json!({"about": "unspent-outputs", "operators": operators}),
            Subject::Answer { address, .. } => {
                json!({"about": "answer", "address": address, "operators": operators})
            }
        }
    };
    json!({
        "network": network, "hash": hash, "height": height, "fetched": collected.fetched, "kept": collected.kept,
        "files": collected.files, "observations": collected.observations, "operators": answering.operators.keys().collect::<Vec<_>>(),
        "own": answering.operators.values().any(|own| *own), "level": answering.level.name(),
        "quorum": answering.quorum, "lacking": lacking,
        "disagreements": collected.disagreements.iter().map(disagreement).collect::<Vec<_>>(),
    })
}
