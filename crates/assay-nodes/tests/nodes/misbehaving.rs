//! Nodes that lie, fail, or are somebody else's: no error but its own, no partial pass, nothing of a URL in any text.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use assay_balances::ObservationFile;
use assay_nodes::{At, BitcoinNode, Client, Endpoint, EvmNode, NodeError, ObserveError, Subject, Trouble};
use assay_ownership::{ContractQuestion, Network};
use assay_reserves::{Assessor as _, EvidenceLevel, OwnershipGrade, OwnershipResult, ReserveRow};
use assay_statement::hex;
use serde_json::{Value, json};

use crate::change::Change;
use crate::server::{Recording, Reply, Server};
use crate::{CHAIN, HURRY, PATIENT, WALLET, challenge, client, evm, holder, plan, recorded, row, signed};

/// A node that is honest but for one method.
fn but_for(method: &'static str, reply: impl Fn(&Value) -> Reply + Send + Sync + 'static) -> Server {
    let recording = Recording::of_evm();
    Server::new(
        move |called, params| {
            if called == method { reply(params) } else { recording.reply(called, params) }
        },
    )
}

fn connect(server: &Server) -> Result<EvmNode, NodeError> {
    EvmNode::connect(client(&server.url, HURRY), CHAIN)
}

fn trouble(reply: impl Fn(&Value) -> Reply + Send + Sync + 'static) -> (Trouble, usize) {
    let server = but_for("eth_chainId", reply);
    let error = connect(&server).unwrap_err();
    (error.why, server.count("eth_chainId"))
}

#[test]
fn a21_another_chain() {
    let (why, asked) = trouble(|_| Reply::Result(json!("0x1")));
    assert_eq!(why, Trouble::WrongChain { expected: "31337".into(), got: "1".into() });
    assert_eq!(asked, 1);
}

#[test]
fn limits_are_waited_for_and_end() {
    let limited = || Reply::Raw(429, "retry-after: 0\r\n", Vec::new());
    assert_eq!(trouble(move |_| limited()), (Trouble::RateLimited { attempts: 3 }, 3));
    assert_eq!(trouble(|_| Reply::Error(-32005, "too many")), (Trouble::RateLimited { attempts: 3 }, 3));
    assert_eq!(trouble(|_| Reply::Raw(502, "", Vec::new())), (Trouble::Status(502), 3));
    // Twice too many, then an answer.
    let left = std::sync::atomic::AtomicU32::new(2);
    let server = but_for("eth_chainId", move |_| {
        match left.fetch_update(
            std::sync::atomic::Ordering::SeqCst,
            std::sync::atomic::Ordering::SeqCst,
            |left| left.checked_sub(1),
        ) {
            Ok(_) => limited(),
            Err(_) => Reply::Result(json!("0x7a69")),
        }
    });
    connect(&server).unwrap();
    assert_eq!(server.count("eth_chainId"), 3);
}

#[test]
fn a_node_that_hangs() {
    let started = Instant::now();
    let (why, _) = trouble(|_| Reply::Hang(Duration::from_secs(20)));
    assert_eq!(why, Trouble::TimedOut { seconds: 1, attempts: 3 });
    assert!(started.elapsed() < Duration::from_secs(15));
    // Nothing listens.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = EvmNode::connect(client(&format!("http://{free}"), HURRY), CHAIN).unwrap_err();
    assert_eq!(error.why, Trouble::Connection("refused"));
}

#[test]
fn a25_answers_that_are_none() {
    let malformed = |reply: fn() -> Reply| match trouble(move |_| reply()) {
        (Trouble::Malformed { method: "eth_chainId", .. }, 1) => {}
        other => panic!("{other:?}"),
    };
    malformed(|| Reply::Raw(200, "", b"<html>".to_vec()));
    malformed(|| Reply::Raw(200, "", vec![0xff; 100]));
    malformed(|| Reply::Raw(200, "", Vec::new()));
    malformed(|| Reply::Raw(200, "", b"{\"id\":1}".to_vec()));
    malformed(|| Reply::Raw(200, "", b"[]".to_vec()));
    malformed(|| Reply::Result(Value::Null));
    malformed(|| Reply::Result(json!({})));
    malformed(|| Reply::Result(json!("31337")));
    malformed(|| Reply::Result(json!("0x+1")));
    malformed(|| Reply::Result(json!("0x10000000000000000")));
    let other = trouble(|_| Reply::OtherId(json!("0x7a69")));
    assert_eq!(other, (Trouble::OtherId { method: "eth_chainId" }, 1));
    assert!(matches!(trouble(|_| Reply::Huge(1 << 40)).0, Trouble::TooLarge { .. }));
    // Credentials aren't taken elsewhere.
    let moved = trouble(|_| Reply::Raw(302, "location: http://127.0.0.1:9/\r\n", Vec::new()));
    assert_eq!(moved, (Trouble::Status(302), 1));
    assert_eq!(trouble(|_| Reply::Raw(401, "", Vec::new())), (Trouble::Unauthorized, 1));
}

fn header_error(server: &Server, at: At) -> Trouble {
    let mut node = EvmNode::connect(client(&server.url, PATIENT), CHAIN).unwrap();
    node.header(at, 2).unwrap_err().why
}

fn recorded_block(height: u64) -> Value {
    let params = json!([format!("{height:#x}"), false]);
    match Recording::of_evm().reply("eth_getBlockByNumber", &params) {
        Reply::Text(block) => serde_json::from_str(&block).unwrap(),
        _ => panic!("no block {height}"),
    }
}

#[test]
fn a21_blocks_that_are_not_the_callers() {
    let hash =
        At::Hash(assay_statement::hex::prefixed_array(recorded_block(15)["hash"].as_str().unwrap()).unwrap());
    // Reorganised: another block is at the height now.
    let server = but_for("eth_getBlockByNumber", |_| {
        let mut other = recorded_block(23);
        other["number"] = json!("0xf");
        Reply::Result(other)
    });
    assert!(matches!(header_error(&server, hash), Trouble::Malformed { .. }));
    let server = but_for("eth_getBlockByHash", |_| Reply::Result(recorded_block(23)));
    assert!(matches!(header_error(&server, hash), Trouble::Malformed { .. }));
    let server = but_for("eth_getBlockByHash", |_| Reply::Result(Value::Null));
    assert!(matches!(header_error(&server, hash), Trouble::NoBlock { .. }));
    // Any field of the header.
    for field in ["stateRoot", "number", "timestamp", "extraData", "parentHash", "baseFeePerGas", "nonce"] {
        let server = but_for("eth_getBlockByNumber", move |_| {
            let mut other = recorded_block(15);
            let text = other[field].as_str().unwrap().to_owned();
            other[field] = json!(if text == "0x" { "0x01".into() } else { text.replacen("0x", "0x1", 1) });
            Reply::Result(other)
        });
        assert!(matches!(header_error(&server, At::Height(15)), Trouble::Malformed { .. }), "{field}");
        let server = but_for("eth_getBlockByNumber", move |_| {
            let mut other = recorded_block(15);
            other.as_object_mut().unwrap().remove(field);
            Reply::Result(other)
        });
        assert!(matches!(header_error(&server, At::Height(15)), Trouble::Malformed { .. }), "{field}");
    }
    // Too young for the policy.
    let server = but_for("eth_blockNumber", |_| Reply::Result(json!("0x10")));
    assert_eq!(header_error(&server, At::Height(15)), Trouble::Fresh { height: 15, expected: 2, got: 1 });
}

#[test]
fn a21_a_block_that_is_reorganised_meanwhile() {
    let (_, header) = evm(&Server::replay(&Recording::of_evm()).url);
    // An honest header of another block: the node went on to another branch.
    let mut fork = header.clone();
    fork.block.hash = [9; 32];
    let (mut node, _) = evm(&Server::replay(&Recording::of_evm()).url);
    assert!(matches!(node.still_there(&fork).unwrap_err().why, Trouble::Reorged { height: 15, .. }));
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&[row("DEV", "ETH", &holder(0), 1)]);
    let error = plan.collect_proofs("DEV", &fork, &mut [node], folder.path()).unwrap_err();
    assert!(matches!(error, ObserveError::Node(NodeError { why: Trouble::Reorged { .. }, .. })), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

fn proof_error(server: &Server) -> Trouble {
    let (mut node, header) = evm(&server.url);
    let address = assay_statement::hex::prefixed_array(&holder(0)).unwrap();
    node.evidence(&header, &address, &[]).unwrap_err().why
}

fn recorded_proof(number: u32) -> Value {
    match Recording::of_evm().reply("eth_getProof", &json!([holder(number), [], "0xf"])) {
        Reply::Text(proof) => serde_json::from_str(&proof).unwrap(),
        _ => panic!("no proof of {number}"),
    }
}

#[test]
fn a21_proofs_that_are_none() {
    let other = but_for("eth_getProof", |_| Reply::Result(recorded_proof(1)));
    assert!(matches!(proof_error(&other), Trouble::Proof(_)));
    let cut = but_for("eth_getProof", |_| {
        let mut proof = recorded_proof(0);
        proof["accountProof"].as_array_mut().unwrap().pop();
        Reply::Result(proof)
    });
    assert!(matches!(proof_error(&cut), Trouble::Proof(_)));
    let missing = but_for("eth_getProof", |_| Reply::Result(json!({"accountProof": []})));
    assert!(matches!(proof_error(&missing), Trouble::Malformed { .. }));
    let gone = but_for("eth_getProof", |_| Reply::Error(-32000, "missing trie node abc (path )"));
    assert_eq!(proof_error(&gone), Trouble::NoState { height: 15 });
}

/// One node fails: the next one is asked, and if none is left nothing passes.
#[test]
fn another_node_takes_over() {
    let folder = tempfile::tempdir().unwrap();
    let gone = but_for("eth_getProof", |_| Reply::Error(-32000, "historical state is not available"));
    let (honest, failing) = (Server::replay(&Recording::of_evm()), evm(&gone.url).0);
    let (node, header) = evm(&honest.url);
    let plan = plan(&[row("DEV", "ETH", &holder(0), 1)]);
    let error = plan.collect_proofs("DEV", &header, &mut [failing], folder.path()).unwrap_err();
    assert!(matches!(error, ObserveError::Node(NodeError { why: Trouble::NoState { .. }, .. })));
    let collected =
        plan.collect_proofs("DEV", &header, &mut [evm(&gone.url).0, node], folder.path()).unwrap();
    assert_eq!(collected.fetched, 1);
    let none = plan.collect_proofs("DEV", &header, &mut [], tempfile::tempdir().unwrap().path());
    assert!(matches!(none, Err(ObserveError::NoEndpoint { .. })));
}

#[test]
fn nodes_that_disagree_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let lying = but_for("eth_getBalance", |_| Reply::Result(json!("0xffffffffffffffffff")));
    let (node, header) = evm(&Server::replay(&Recording::of_evm()).url);
    let mut nodes = [node, them(&lying, "them")];
    let plan = plan(&[row("DEV", "ETH", &holder(3), 1)]);
    let collected = plan.collect_balances("DEV", &header, &mut nodes, folder.path()).unwrap();
    assert_eq!(collected.disagreements.len(), 1);
    assert_eq!(collected.disagreements[0].operators, ["us", "them"]);
    // Both are kept, so that the report finds the contradiction too.
    assert_eq!(collected.observations.len(), 2);
    for file in &collected.observations {
        assert_eq!(ObservationFile::from_json(&std::fs::read(file).unwrap()).unwrap().observations.len(), 1);
    }
    // A figure that no asset has.
    let lying = but_for("eth_getBalance", |_| Reply::Result(json!(format!("0x1{}", "0".repeat(32)))));
    let (node, _) = evm(&lying.url);
    let empty = tempfile::tempdir().unwrap();
    assert!(plan.collect_balances("DEV", &header, &mut [node], empty.path()).is_err());
}

fn them(server: &Server, operator: &str) -> EvmNode {
    EvmNode::connect(Client::new(Endpoint::new("DEV", operator, false, &server.url).unwrap(), PATIENT), CHAIN)
        .unwrap()
}

/// A21: what one remote node says of a contract, or nodes that don't agree, is nothing.
#[test]
fn a21_answers_of_lying_nodes() {
    // The contract refuses what a stranger signed; a node says that it doesn't.
    let row = signed(WALLET, &challenge().to_text(), 2);
    let question = format!("0x1626ba7e{}", hash_of(&row));
    let lying = || {
        let question = question.clone();
        but_for_answers(move |data| {
            data.starts_with(&question).then(|| format!("0x1626ba7e{}", "0".repeat(56)))
        })
    };
    let honest = Server::replay(&Recording::of_evm());
    let plan = plan(std::slice::from_ref(&row));
    let graded = |mut nodes: Vec<EvmNode>| {
        let folder = tempfile::tempdir().unwrap();
        let header = nodes[0].header(At::Height(15), 2).unwrap();
        let proofs = plan.collect_proofs("DEV", &header, &mut nodes, folder.path()).unwrap();
        let told = plan.collect_answers("DEV", &header, &mut nodes, folder.path()).unwrap();
        let mut chain = recorded::chain_of("DEV", &hex::encode(&header.block.hash), &proofs);
        for file in &told.observations {
            chain.add_observations(&std::fs::read(file).unwrap()).unwrap();
        }
        (recorded::judge(&chain, header.height, &row), told.disagreements)
    };
    let (liar, other) = (lying(), lying());
    // One isn't a quorum; that two operators who lie alike are one is the price of taking their word.
    assert_eq!(graded(vec![them(&liar, "a")]).0, OwnershipResult::Unbound);
    assert_eq!(graded(vec![them(&liar, "a"), them(&other, "A ")]).0, OwnershipResult::Unbound);
    let grade = OwnershipGrade::O3;
    let both = graded(vec![them(&liar, "a"), them(&other, "b")]).0;
    assert_eq!(both, OwnershipResult::Told { grade });
    let (result, disagreements) = graded(vec![them(&liar, "a"), them(&other, "b"), evm(&honest.url).0]);
    assert_eq!(result, OwnershipResult::Disputed);
    assert_eq!(disagreements[0].operators, ["a", "b", "us"]);
    assert!(matches!(&disagreements[0].subject, Subject::Answer { address, .. } if address == WALLET));
}

/// The hash that a contract is asked about for a row.
fn hash_of(row: &ReserveRow) -> String {
    hex::encode(ContractQuestion::new(row.message.as_bytes(), &["0x"]).unwrap().hash())
}

/// A node that is honest but for some calls, by their data.
fn but_for_answers(lie: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Server {
    let recording = Recording::of_evm();
    Server::new(move |called, params| match params[0]["data"].as_str().and_then(&lie) {
        Some(lie) if called == "eth_call" => Reply::Result(json!(lie)),
        _ => recording.reply(called, params),
    })
}

/// A contract that fails is silent; a node that fails is no contract.
#[test]
fn calls_that_fail() {
    let text = challenge().to_text();
    let question = ContractQuestion::new(text.as_bytes(), &["0x01"]).unwrap();
    let ask = |reply: fn() -> Reply| {
        let server = but_for("eth_call", move |_| reply());
        let (mut node, header) = evm(&server.url);
        node.signature_answer(&header, &[0x34; 20], &question).map_err(|error| error.why)
    };
    let silent: [fn() -> Reply; 8] = [
        || Reply::Error(3, "execution reverted: not the owner"),
        || Reply::Error(-32000, "execution reverted"),
        || Reply::Error(-32000, "out of gas"),
        || Reply::Error(-32015, "VM execution error."),
        || Reply::Error(-32000, "invalid opcode: INVALID"),
        || Reply::Result(json!("0x")),
        || Reply::Result(json!("0x1626ba7e")),
        || Reply::Result(json!(format!("0x1626ba7e{}", "0".repeat(120)))),
    ];
    for silent in silent {
        assert_eq!(ask(silent), Ok(None));
    }
    assert_eq!(ask(|| Reply::Error(-32000, "missing trie node")), Err(Trouble::NoState { height: 15 }));
    assert!(matches!(ask(|| Reply::Error(-32601, "no such method")), Err(Trouble::Refused { .. })));
    for malformed in [json!("1626ba7e"), json!("0xzz"), json!(1), json!(null)] {
        let server = but_for("eth_call", move |_| Reply::Result(malformed.clone()));
        let (mut node, header) = evm(&server.url);
        let error = node.signature_answer(&header, &[0x34; 20], &question).unwrap_err();
        assert!(matches!(error.why, Trouble::Malformed { .. }), "{error}");
    }
}

#[test]
fn urls_are_in_no_text() {
    const KEY: &str = "0123456789abcdef0123456789abcdef";
    let told = || Reply::Error(-32000, "bad key 0123456789abcdef0123456789abcdef of someone:hunter2hunter2");
    let reply: [fn() -> Reply; 5] = [
        || Reply::Raw(500, "", b"junk".to_vec()),
        || Reply::Raw(404, "", Vec::new()),
        || Reply::Hang(Duration::from_secs(3)),
        || Reply::Raw(302, "location: /0123456789abcdef0123456789abcdef\r\n", Vec::new()),
        told,
    ];
    for reply in reply {
        let server = but_for("eth_chainId", move |_| reply());
        let url = server.url.replace("http://", "http://someone:hunter2hunter2@") + "/v3/" + KEY;
        let error = EvmNode::connect(client(&url, HURRY), CHAIN).unwrap_err();
        let shown = format!("{error} {error:?}");
        for secret in [KEY, "hunter2", "someone", "127.0.0.1", "v3/"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

fn bitcoin_but_for(method: &'static str, reply: impl Fn(&Value) -> Value + Send + Sync + 'static) -> Server {
    let recording = Recording::of_bitcoin();
    Server::new(move |called, params| match recording.reply(called, params) {
        Reply::Text(result) if called == method => {
            let mut result: Value = serde_json::from_str(&result).unwrap();
            // Read as numbers of 64 bits, small amounts are written with exponents.
            if let Some(unspents) = result["unspents"].as_array_mut() {
                unspents.retain(|unspent| unspent["amount"].as_f64().unwrap() > 0.001);
            }
            Reply::Result(reply(&result))
        }
        other => other,
    })
}

#[test]
fn a27_scans_that_are_not_of_the_block() {
    let address = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
    let script = "bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry";
    let scan = |server: &Server| {
        let mut node = BitcoinNode::connect(client(&server.url, PATIENT), Network::BitcoinRegtest).unwrap();
        let block = node.block_at(111, 0).unwrap();
        let mut addresses = [address.to_owned(), script.to_owned()];
        addresses.sort();
        node.unspent(&block, Network::BitcoinRegtest, &addresses).map_err(|error| error.why)
    };
    assert_eq!(scan(&Server::replay(&Recording::of_bitcoin())).unwrap()[address], 125_000_000);
    let with = |field: &'static str, value: Value| {
        scan(&bitcoin_but_for("scantxoutset", move |scan| {
            let mut scan = scan.clone();
            scan[field] = value.clone();
            scan
        }))
    };
    assert!(matches!(with("success", json!(false)), Err(Trouble::Malformed { .. })));
    assert!(matches!(with("bestblock", json!("ab".repeat(32))), Err(Trouble::Reorged { .. })));
    assert!(matches!(with("height", json!(112)), Err(Trouble::Reorged { .. })));
    assert!(matches!(
        with("unspents", json!([{"scriptPubKey": "00", "amount": -1}])),
        Err(Trouble::Malformed { .. })
    ));
    for amount in ["1e300", "0.000000001", "21000001", "true", "\"1\""] {
        let body: Value =
            serde_json::from_str(&format!("[{{\"scriptPubKey\":\"00\",\"amount\":{amount}}}]")).unwrap();
        assert!(matches!(with("unspents", body), Err(Trouble::Malformed { .. })), "{amount}");
    }
    // Outputs of another script aren't the address's.
    let server = bitcoin_but_for("scantxoutset", |scan| {
        let mut scan = scan.clone();
        for unspent in scan["unspents"].as_array_mut().unwrap() {
            unspent["scriptPubKey"] = json!("51");
        }
        scan
    });
    assert_eq!(scan(&server).unwrap()[address], 0);
}

/// A node whose answers to one method are changed.
fn changed(recording: Recording, method: String, change: Change) -> Server {
    Server::new(move |called, params| match recording.reply(called, params) {
        Reply::Text(told) if called == method => {
            Reply::Result(change.apply(serde_json::from_str(&told).unwrap()))
        }
        reply => reply,
    })
}

/// What a run of everything makes of an EVM node: an error, or the level of a row that claims more than there is.
fn overstated(server: &Server) -> Result<EvidenceLevel, ObserveError> {
    let folder = tempfile::tempdir().unwrap();
    let wanted = ReserveRow { amount: Some(10u128.pow(18) + 1), ..signed(&holder(0), "m", 1) };
    let plan = plan(&[wanted.clone(), signed(WALLET, "we control this", 1)]);
    let mut nodes = [EvmNode::connect(client(&server.url, PATIENT), CHAIN)?];
    let header = nodes[0].header(At::Height(15), 2)?;
    let proofs = plan.collect_proofs("DEV", &header, &mut nodes, folder.path())?;
    let told = plan.collect_answers("DEV", &header, &mut nodes, folder.path())?;
    let told = told.and(plan.collect_balances("DEV", &header, &mut nodes, folder.path())?);
    let mut chain = recorded::chain_of("DEV", &hex::encode(&header.block.hash), &proofs);
    for file in &told.observations {
        chain.add_observations(&std::fs::read(file).unwrap()).unwrap();
    }
    let row = ReserveRow { height: Some(header.height), ..wanted };
    let _ = recorded::judge(&chain, header.height, &row);
    Ok(chain.balance(&row).grade(&row, 2).level)
}

/// The same of a Bitcoin node, whose word is all there is.
fn unspent(server: &Server) -> Result<(), ObserveError> {
    let folder = tempfile::tempdir().unwrap();
    let address = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
    let script = "bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry";
    let node = BitcoinNode::connect(client(&server.url, PATIENT), Network::BitcoinRegtest)?;
    let mut nodes = [node];
    let block = nodes[0].block_at(111, 0)?;
    let (txid, vout) = nodes[0].find_payment(&block, address)?;
    let output = ReserveRow { outpoint: Some(format!("{txid}:{vout}")), ..row("REGTEST", "BTC", address, 1) };
    let plan = plan(&[row("REGTEST", "BTC", address, 1), row("REGTEST", "BTC", script, 1), output]);
    plan.collect_unspent("REGTEST", &block, &mut nodes, folder.path())?;
    plan.collect_outputs("REGTEST", &mut nodes, folder.path())?;
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// A25, A21: whatever a node answers, it is an error or no more than the proof shows.
    #[test]
    fn a25_changed_answers_of_evm_nodes(change in Change::any(), method in any::<prop::sample::Index>()) {
        let recording = Recording::of_evm();
        let methods = recording.methods();
        let method = method.get(&methods).clone();
        if let Ok(level) = overstated(&changed(recording, method, change)) {
            prop_assert_eq!(level, EvidenceLevel::L0);
        }
    }

    /// A25: whatever a node answers, nothing panics.
    #[test]
    fn a25_changed_answers_of_bitcoin_nodes(change in Change::any(), method in any::<prop::sample::Index>()) {
        let recording = Recording::of_bitcoin();
        let methods = recording.methods();
        let method = method.get(&methods).clone();
        let _ = unspent(&changed(recording, method, change));
    }
}

/// Unchanged, both runs come to their end: else the properties above would hold for nothing.
#[test]
fn unchanged_answers_are_taken() {
    assert_eq!(overstated(&Server::replay(&Recording::of_evm())).unwrap(), EvidenceLevel::L0);
    unspent(&Server::replay(&Recording::of_bitcoin())).unwrap();
}
