use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use assay_ledger::read_asset_table;
use assay_nodes::{
    At, BitcoinBlock, BitcoinNode, Client, Collected, Endpoint, EvmNode, Header, MAX_ENDPOINT_BYTES,
    NodeError, Patience, Plan,
};
use assay_reserves::{AddressKind, Checker, Policy, ReserveReader, ReserveRow};
use assay_statement::{AssetTable, hex};
use serde_json::{Value, json};

use crate::arguments::Observe;
use crate::commands::report::pair;
use crate::commands::reserves::ReserveFiles;
use crate::commands::{Voice, read_capped};
use crate::failure::Failure;
use crate::output::grouped;

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
    let endpoints = Endpoint::from_toml(&read_capped(&arguments.endpoints, MAX_ENDPOINT_BYTES)?, |name| {
        std::env::var(name).ok()
    });
    let unreadable = |error| Failure::unreadable(format_args!("{}: {error}", arguments.endpoints.display()));
    let mut endpoints = endpoints.map_err(unreadable)?;
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
    let mut disagreements = 0;
    for (network, kind) in plan.networks() {
        let Some(at) = named.get(&network) else { continue };
        let of_network = endpoints.extract_if(.., |endpoint| endpoint.network == network);
        let clients: Vec<Client> = of_network.map(|endpoint| Client::new(endpoint, patience)).collect();
        if clients.is_empty() {
            return Err(Failure::usage(format_args!("{network}: no endpoint is given for it")));
        }
        let task = Task { arguments, plan: &plan, policy: &files.policy, network: &network, at };
        let (hash, height, collected) = match kind {
            AddressKind::Evm { chain_id } => task.evm(clients, chain_id)?,
            kind => task.bitcoin(clients, &kind)?,
        };
        disagreements += collected.disagreements.len();
        tell(&network, &hash, height, &collected, voice);
        results.push(to_json(&network, &hash, height, &collected));
    }
    if voice.json {
        println!("{}", json!({"version": 1, "ok": disagreements == 0, "networks": results}));
    }
    if disagreements == 0 {
        return Ok(());
    }
    Err(Failure::rejected("nodes disagree about a block; it can't be told who is right").quiet_in_json())
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
        if self.arguments.figures {
            let figures = self.plan.collect_balances(self.network, &header, &mut nodes, out)?;
            collected.fetched += figures.fetched;
            collected.kept += figures.kept;
            collected.files.extend(figures.files);
            collected.disagreements = figures.disagreements;
        }
        Ok((hex::encode(&header.block.hash), header.height, collected))
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
        let mut collected = self.plan.collect_unspent(self.network, &block, &mut nodes, out)?;
        let (outputs, _) = self.plan.collect_outputs(self.network, &mut nodes, out)?;
        collected.fetched += outputs.fetched;
        collected.files.extend(outputs.files);
        Ok((block.hash, block.height, collected))
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

fn tell(network: &str, hash: &str, height: u64, collected: &Collected, voice: Voice) {
    if !voice.json {
        println!("block     {network}={hash}, height {}", grouped(height));
        println!(
            "fetched   {}, kept from an earlier run {}",
            grouped(collected.fetched),
            grouped(collected.kept)
        );
        collected.files.iter().for_each(|file| println!("file      {}", file.display()));
    }
    for found in &collected.disagreements {
        let what = if found.asset.is_empty() { "the set of unspent outputs" } else { &found.asset };
        eprintln!("nodes of {} disagree about {what} {}", found.operators.join(" and "), found.address);
    }
}

fn to_json(network: &str, hash: &str, height: u64, collected: &Collected) -> Value {
    let disagreement = |found: &assay_nodes::Disagreement| json!({"asset": found.asset, "address": found.address, "operators": found.operators});
    json!({
        "network": network, "hash": hash, "height": height, "fetched": collected.fetched, "kept": collected.kept,
        "files": collected.files,
        "disagreements": collected.disagreements.iter().map(disagreement).collect::<Vec<_>>(),
    })
}
