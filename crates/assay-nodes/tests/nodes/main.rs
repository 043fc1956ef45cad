//! Nodes that answer as real ones did, and nodes that don't: over real sockets, with answers that `.ci/live` recorded from an
//! EVM node and a Bitcoin node of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../../../assay-balances/src/change.rs"]
mod change;
mod live;
mod misbehaving;
mod recorded;
mod server;

use std::time::Duration;

use assay_nodes::{At, Client, Endpoint, EvmNode, Header, Patience, Plan};
use assay_ownership::{BlockMark, Challenge, ContractQuestion};
use assay_reserves::{Policy, ReserveRow};
use assay_statement::{Asset, AssetTable, Entity, Epoch, Symbol, hex};
use bitcoin::secp256k1::{Message, Secp256k1, SecretKey};

/// Chain id of development nodes.
const CHAIN: u64 = 31337;

/// Time of the snapshot for which nodes were recorded.
const TIME: u64 = 1_798_675_200;

/// A contract that takes its owner's signatures, by the key of `[1; 32]`, and one that takes everything.
const WALLET: &str = "0x3434343434343434343434343434343434343434";
const YES: &str = "0x1212121212121212121212121212121212121212";

const SAFE: &str = "0x5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";

const POLICY: &str = r#"
    version = 1
    minimum_ownership = "O0"
    minimum_evidence = "L4"
    [[network]]
    name = "DEV"
    confirmations = 2
    addresses = { kind = "evm", chain_id = 31337 }
    native = { asset = "ETH", decimals = 18 }
    [[network]]
    name = "REGTEST"
    confirmations = 0
    addresses = { kind = "bitcoin-regtest" }
    native = { asset = "BTC", decimals = 8 }
    [[token]]
    asset = "USDT"
    network = "DEV"
    contract = "0x7070707070707070707070707070707070707070"
    decimals = 6
    balances = 0
    layout = "solidity"
    supply = 2
    [[safe]]
    network = "DEV"
    code_hashes = ["0xSAFECODE"]
    singletons = ["0x5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b"]
"#;

fn assets() -> AssetTable {
    let asset = |(symbol, decimals)| Asset::new(Symbol::new(symbol).unwrap(), decimals);
    AssetTable::new([("BTC", 8), ("ETH", 18), ("USDT", 6)].map(asset).to_vec()).unwrap()
}

fn policy() -> Policy {
    let code = hex::encode(&assay_ownership::keccak256(&[0x60, 0, 0x35]));
    Policy::from_toml(POLICY.replace("SAFECODE", &code).as_bytes(), &assets()).unwrap()
}

fn holder(number: u32) -> String {
    format!("0x{:040x}", 0xa000 + number)
}

fn row(network: &str, asset: &str, address: &str, amount: u128) -> ReserveRow {
    let asset = assets().index_of(asset).unwrap();
    let (network, address) = (network.into(), address.into());
    ReserveRow { asset, network, address, amount: Some(amount), ..ReserveRow::default() }
}

fn challenge() -> Challenge {
    let block = BlockMark { network: "dev".into(), height: 5, hash: [7; 32] };
    let epoch = Epoch::new("2026-q4", TIME).unwrap();
    Challenge::new(Entity::new("example.org").unwrap(), epoch, [1; 32], [2; 32], [3; 32], vec![block])
        .unwrap()
}

/// A row that the key of `[number; 32]` signed.
fn signed(address: &str, message: &str, number: u8) -> ReserveRow {
    let hash = *ContractQuestion::new(message.as_bytes(), &["0x"]).unwrap().hash();
    let key = SecretKey::from_slice(&[number; 32]).unwrap();
    let signature = Secp256k1::new().sign_ecdsa_recoverable(&Message::from_digest(hash), &key);
    let (id, compact) = signature.serialize_compact();
    let signature = format!("0x{}{:02x}", hex::encode(&compact), 27 + id.to_i32());
    let message = message.to_owned();
    ReserveRow { message, signatures: vec![signature], ..row("DEV", "ETH", address, 2 * 10u128.pow(18)) }
}

/// What 70 holders have of two assets, and a Safe.
fn rows() -> Vec<ReserveRow> {
    let mut rows = Vec::new();
    for number in 0..70 {
        rows.push(row("DEV", "ETH", &holder(number), 10u128.pow(18) + u128::from(number)));
        rows.push(row("DEV", "USDT", &holder(number), 1_000_000 + u128::from(number)));
    }
    let owners = ["a1", "a2", "a3"].map(|byte| format!("0x{}", byte.repeat(20))).to_vec();
    rows.push(ReserveRow { owners, ..row("DEV", "ETH", SAFE, 5 * 10u128.pow(18)) });
    rows
}

fn plan(rows: &[ReserveRow]) -> Plan {
    let mut plan = Plan::new(&policy(), &assets());
    rows.iter().for_each(|row| plan.add(row));
    plan
}

/// Three attempts, a second each.
const HURRY: Patience = Patience {
    attempts: 3,
    timeout: Duration::from_millis(1_000),
    first_wait: Duration::from_millis(1),
    longest_wait: Duration::from_millis(5),
};

const PATIENT: Patience = Patience { timeout: Duration::from_secs(60), ..HURRY };

fn client(url: &str, patience: Patience) -> Client {
    Client::new(Endpoint::new("DEV", "us", true, url).unwrap(), patience)
}

fn evm(url: &str) -> (EvmNode, Header) {
    let mut node = EvmNode::connect(client(url, PATIENT), CHAIN).unwrap();
    let header = node.header(At::Height(15), 2).unwrap();
    (node, header)
}
