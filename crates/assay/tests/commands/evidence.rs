//! Evidence of what is on chains, from nodes to the report.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::thread;

use serde_json::{Value, json};

use crate::exchange::{Answer, Exchange, SNAPSHOT, answer, command};

/// Recorded by the crate that verifies it: holder `a007` has 10^18 + 7 of the coin and 1,000,007 of the token.
const RECORDED: &str = include_str!("../../../assay-balances/testdata/evm.json");

/// What a node answered, by method and parameters.
const NODE: &str = include_str!("../../../assay-nodes/testdata/evm.json");

const HOLDER: &str = "0x000000000000000000000000000000000000a007";

/// Any block may be as old as it likes.
const WINDOW: &str = "block_window_s = 4000000000\n";

const POLICY: &str = r#"version = 1
minimum_ownership = "O0"
minimum_evidence = "L4"
block_window_s = 4000000000

[[network]]
name = "DEV"
confirmations = 2
addresses = { kind = "evm", chain_id = 31337 }
native = { asset = "ETH", decimals = 18 }

[[token]]
asset = "BTC"
network = "DEV"
contract = "0x7070707070707070707070707070707070707070"
decimals = 6
balances = 0
layout = "solidity"
"#;

struct Evidenced {
    exchange: Exchange,
    root: String,
    hash: String,
    height: u64,
    evidence: Value,
    policy: PathBuf,
}

static EVIDENCED: LazyLock<Evidenced> = LazyLock::new(|| {
    let exchange = Exchange::with_rows("a@example.org,BTC,equity,1.00\na@example.org,ETH,equity,1.00\n");
    let root = exchange.prove().is(0).json()["root"].as_str().unwrap().to_owned();
    let recorded: Value = serde_json::from_str(RECORDED).unwrap();
    let policy = exchange.path("policy.toml");
    fs::write(&policy, POLICY).unwrap();
    let evidenced = Evidenced {
        root,
        hash: recorded["hash"].as_str().unwrap().trim_start_matches("0x").to_owned(),
        height: recorded["height"].as_u64().unwrap(),
        evidence: recorded["evidence"].clone(),
        policy,
        exchange,
    };
    evidenced.write("evidence.json", &evidenced.evidence);
    evidenced.rows("reserves.csv", &[("BTC", HOLDER, "1.00"), ("ETH", HOLDER, "1.00")]);
    evidenced
});

impl Evidenced {
    fn write(&self, name: &str, evidence: &Value) -> PathBuf {
        let path = self.exchange.path(name);
        fs::write(&path, evidence.to_string()).unwrap();
        path
    }

    fn rows(&self, name: &str, rows: &[(&str, &str, &str)]) -> PathBuf {
        let mut text = "asset,network,address,amount,height,block_hash\n".to_owned();
        for (asset, address, amount) in rows {
            text.push_str(&format!("{asset},DEV,{address},{amount},{},{}\n", self.height, self.hash));
        }
        let path = self.exchange.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn run(&self, what: &[&str], reserves: &Path, policy: &Path, more: &[&str]) -> Answer {
        let mut command = command();
        command.args(what).args(SNAPSHOT).args(["--root", &self.root]).args(more);
        command.arg("--proof").arg(&self.exchange.bundle).arg("--assets").arg(&self.exchange.assets);
        answer(command.arg("--reserves").arg(reserves).arg("--policy").arg(policy))
    }

    /// `report` with evidence in a file, and this block.
    fn report(&self, reserves: &Path, policy: &Path, evidence: &Path, block: &str, out: &str) -> Answer {
        let out = self.exchange.path(out);
        let what = ["report", "--json", "--out", out.to_str().unwrap()];
        self.run(&what, reserves, policy, &["--evidence", evidence.to_str().unwrap(), "--block", block])
    }

    fn block(&self) -> String {
        format!("DEV={}", self.hash)
    }

    /// What is refused, with this exit code.
    fn refused(&self, evidence: &Value, code: i32, says: &str) {
        let path = self.write("refused.json", evidence);
        let reserves = self.exchange.path("reserves.csv");
        let said = self.report(&reserves, &self.policy, &path, &self.block(), "refused").is(code);
        assert!(said.stderr.contains(says) && said.stderr.contains("refused.json"), "{}", said.stderr);
        assert!(!self.exchange.path("refused").exists());
    }

    fn paths(&self) -> (PathBuf, PathBuf) {
        (self.exchange.path("reserves.csv"), self.exchange.path("evidence.json"))
    }
}

#[test]
fn proofs_verify_rows() {
    let evidenced = &*EVIDENCED;
    let (reserves, evidence) = evidenced.paths();
    let said = evidenced.report(&reserves, &evidenced.policy, &evidence, &evidenced.block(), "proven").is(0);
    assert_eq!(said.json()["solvent_verified"], true);
    let path = evidenced.exchange.path("proven").join("report.json");
    let report: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(report["assets"][0]["reserves"]["by_evidence"]["L4"], "100");
    assert_eq!(report["evidence"][0]["hash"], evidenced.hash.as_str());
    // Whoever checks the report needs the evidence, and names the block by himself.
    let what = ["verify-report", path.to_str().unwrap()];
    let with = ["--evidence", evidence.to_str().unwrap(), "--block", &evidenced.block()];
    evidenced.run(&what, &reserves, &evidenced.policy, &with).is(0);
    evidenced.run(&what, &reserves, &evidenced.policy, &[]).is(1);
    let other = format!("DEV={}", "11".repeat(32));
    evidenced.run(&what, &reserves, &evidenced.policy, &[with[0], with[1], with[2], &other]).is(1);
    // Without evidence nothing is verified.
    let out = evidenced.exchange.path("claimed");
    let what = ["report", "--json", "--out", out.to_str().unwrap()];
    let said = evidenced.run(&what, &reserves, &evidenced.policy, &[]).is(0).json();
    assert_eq!((&said["solvent"], &said["solvent_verified"]), (&true.into(), &false.into()));
}

#[test]
fn a21_evidence_that_shows_something_else() {
    let evidenced = &*EVIDENCED;
    // Of another chain, another address on the path, a changed node, a changed header.
    let mut other = evidenced.evidence.clone();
    other["chain_id"] = json!(1);
    evidenced.refused(&other, 1, "no network of the policy");
    let mut other = evidenced.evidence.clone();
    other["accounts"][1]["address"] = json!("0x000000000000000000000000000000000000a009");
    evidenced.refused(&other, 1, "a009");
    let mut other = evidenced.evidence.clone();
    let nodes = other["accounts"][1]["proof"].as_array_mut().unwrap();
    let node = nodes.last().unwrap().as_str().unwrap().replace('a', "b");
    *nodes.last_mut().unwrap() = json!(node);
    evidenced.refused(&other, 1, "node");
    let mut other = evidenced.evidence.clone();
    other["header"] = json!(other["header"].as_str().unwrap().replacen("0xf9", "0xf8", 1));
    evidenced.refused(&other, 1, "isn't among the named ones");
    // Nothing that can be read.
    let mut other = evidenced.evidence.clone();
    other["format"] = json!("assay.evm-balances/9");
    evidenced.refused(&other, 3, "format");
    let mut other = evidenced.evidence.clone();
    other["trusted"] = json!(true);
    evidenced.refused(&other, 3, "trusted");
    // The hash comes from the caller, in the caller's words.
    let (reserves, evidence) = evidenced.paths();
    for (block, code) in [
        (format!("DEV={}", "11".repeat(32)), 1),
        (format!("OTHER={}", evidenced.hash), 2),
        ("DEV=5".into(), 2),
        (evidenced.hash.clone(), 2),
    ] {
        evidenced.report(&reserves, &evidenced.policy, &evidence, &block, "refused").is(code);
    }
    let missing = evidenced.exchange.path("missing.json");
    evidenced.report(&reserves, &evidenced.policy, &missing, &evidenced.block(), "refused").is(4);
}

#[test]
fn a21_evidence_of_an_old_block() {
    let evidenced = &*EVIDENCED;
    let policy = evidenced.exchange.path("strict.toml");
    fs::write(&policy, POLICY.replace(WINDOW, "block_window_s = 60\n")).unwrap();
    let (reserves, evidence) = evidenced.paths();
    let said = evidenced.report(&reserves, &policy, &evidence, &evidenced.block(), "refused").is(1);
    assert!(said.stderr.contains("from the snapshot"), "{}", said.stderr);
}

#[test]
fn a27_rows_beyond_their_proofs() {
    let evidenced = &*EVIDENCED;
    let (_, evidence) = evidenced.paths();
    let verdict = |name: &str, rows: &[(&str, &str, &str)]| {
        let reserves = evidenced.rows(&format!("{name}.csv"), rows);
        evidenced.report(&reserves, &evidenced.policy, &evidence, &evidenced.block(), name).is(0).json()
    };
    let honest = ("BTC", HOLDER, "1.00");
    // One row twice: a proof of one balance doesn't make two.
    let said = verdict("doubled", &[honest, ("ETH", HOLDER, "0.50"), ("ETH", HOLDER, "0.50")]);
    assert_eq!(said["not_covered_verified"], json!(["ETH"]));
    // More than is there, and an address that isn't shown.
    let said = verdict("more", &[honest, ("ETH", HOLDER, "1.01")]);
    assert_eq!((&said["not_covered_verified"], &said["failed_rows"]), (&json!(["ETH"]), &json!(1)));
    let said = verdict("unshown", &[honest, ("ETH", "0x000000000000000000000000000000000000a008", "1.00")]);
    assert_eq!(said["not_covered_verified"], json!(["ETH"]));
    // A token's figure is no coin's, and the other way round.
    let policy = evidenced.exchange.path("token.toml");
    fs::write(&policy, POLICY.replace("70707070\"", "70707071\"")).unwrap();
    let (reserves, _) = evidenced.paths();
    let said = evidenced.report(&reserves, &policy, &evidence, &evidenced.block(), "token").is(0).json();
    assert_eq!(said["not_covered_verified"], json!(["BTC"]));
    fs::write(&policy, format!("{POLICY}code_hash = \"0x{}\"\n", "11".repeat(32))).unwrap();
    let said = evidenced.report(&reserves, &policy, &evidence, &evidenced.block(), "refused").is(1);
    assert!(said.stderr.contains("other code"), "{}", said.stderr);
}

/// A14: what wasn't there at a height that nobody knew before.
#[test]
fn a14_sampled_heights_are_shown_or_count_nothing() {
    let evidenced = &*EVIDENCED;
    let (reserves, evidence) = evidenced.paths();
    let out = evidenced.exchange.path("resampled");
    let what = ["report", "--json", "--out", out.to_str().unwrap()];
    let sample = |from: u64, to: u64, count: u32| {
        let ask = format!("DEV={}:{from}:{to}:{count}", "07".repeat(32));
        let block = evidenced.block();
        let more = ["--evidence", evidence.to_str().unwrap(), "--block", &block, "--resample", &ask];
        evidenced.run(&what, &reserves, &evidenced.policy, &more).is(0);
        let report: Value =
            serde_json::from_str(&fs::read_to_string(out.join("report.json")).unwrap()).unwrap();
        report["resampled"].clone()
    };
    // The one height that is proven, and one beside it that isn't.
    let height = evidenced.height;
    let shown = sample(height, height, 1);
    assert_eq!(
        (&shown[1]["asset"], &shown[1]["least"], &shown[1]["unseen"]),
        (&json!("ETH"), &json!("100"), &json!(0))
    );
    let shown = sample(height, height + 1, 2);
    assert_eq!((&shown[1]["least"], &shown[1]["least_at"]), (&json!("0"), &json!(height + 1)));
    let wrong = ["--resample", "DEV=12:1:2:1"];
    evidenced.run(&what, &reserves, &evidenced.policy, &wrong).is(2);
}

/// A node that answers as it was recorded, but for what `change` says.
fn node(change: impl Fn(&str) -> Option<String> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://user:letmein@{}/secret-key-12345", listener.local_addr().unwrap());
    let recorded: Value = serde_json::from_str(NODE).unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).unwrap().to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            let _ = stream.read_exact(&mut body);
            let Ok(request) = serde_json::from_slice::<Value>(&body) else { continue };
            let method = request["method"].as_str().unwrap();
            let mut reply = recorded[format!("{method} {}", request["params"])].clone();
            if let Some(result) = change(method) {
                reply = json!({"result": result});
            }
            if reply.is_null() {
                reply = json!({"error": {"code": -32601, "message": "secret-key-12345"}});
            }
            reply["id"] = request["id"].clone();
            let body = reply.to_string();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
        }
    });
    url
}

#[test]
fn evidence_is_fetched_once_and_makes_the_report() {
    let evidenced = &*EVIDENCED;
    let out = evidenced.exchange.path("observed");
    let endpoints = evidenced.exchange.path("endpoints.toml");
    let reserves = evidenced.exchange.path("observed.csv");
    let observe = |block: &str, out: &Path| {
        let mut command = command();
        command.args(["reserves", "observe", "--json", "--attempts", "1", "--block", block]);
        command.arg("--assets").arg(&evidenced.exchange.assets).arg("--policy").arg(&evidenced.policy);
        command.arg("--reserves").arg(&reserves).arg("--endpoints").arg(&endpoints).arg("--out").arg(out);
        answer(command.env("NODE_OF_TEST", node(|_| None)))
    };
    let endpoint = "[[endpoint]]\nnetwork = \"DEV\"\noperator = \"us\"\nown = true\n";
    fs::write(&endpoints, format!("{endpoint}url_env = \"NODE_OF_TEST\"\n")).unwrap();
    // The recorded node was asked for other slots of the token, so only the coin can be asked for here.
    fs::write(&reserves, format!("asset,network,address,amount,height\nETH,DEV,{HOLDER},1.00,15\n")).unwrap();
    let said = observe("DEV=15", &out).is(0).json();
    assert_eq!((&said["networks"][0]["fetched"], &said["networks"][0]["kept"]), (&json!(1), &json!(0)));
    let hash = said["networks"][0]["hash"].as_str().unwrap().to_owned();
    let file = said["networks"][0]["files"][0].as_str().unwrap().to_owned();
    let again = observe(&format!("DEV={hash}"), &out).is(0).json();
    assert_eq!((&again["networks"][0]["fetched"], &again["networks"][0]["kept"]), (&json!(0), &json!(1)));
    let block = format!("DEV={hash}");
    let said =
        evidenced.report(&reserves, &evidenced.policy, Path::new(&file), &block, "from-node").is(0).json();
    assert_eq!(said["not_covered_verified"], json!(["BTC"]));
    // What nobody can answer is exit code 4, without a word of the URL.
    let url = node(|method| (method == "eth_chainId").then(|| "0x1".into()));
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = format!("http://user:letmein@{free}/secret-key-12345");
    for (url, says) in [(&url, "it is of chain 1, not 31337"), (&refused, "refused")] {
        fs::write(&endpoints, format!("{endpoint}url = \"{url}\"\n")).unwrap();
        let said = observe("DEV=15", &out).is(4);
        let told = said.stdout + &said.stderr;
        assert!(told.contains(says), "{told}");
        assert!(!["letmein", "secret-key", "127.0.0.1"].iter().any(|secret| told.contains(secret)), "{told}");
    }
    let wrong = |text: &str, block: &str, code: i32| {
        fs::write(&endpoints, text).unwrap();
        observe(block, &out).is(code);
    };
    wrong("[[endpoint]]\nnetwork = 5\n", "DEV=15", 3);
    wrong(&format!("{endpoint}url_env = \"NO_SUCH_VARIABLE_OF_TEST\"\n"), "DEV=15", 3);
    wrong("endpoint = []\n", "DEV=15", 2);
    wrong(&format!("{endpoint}url = \"http://h\"\n"), "OTHER=20", 2);
    wrong(&format!("{endpoint}url = \"http://h\"\n"), "DEV=x", 2);
}
