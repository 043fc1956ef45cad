//! Evidence of what is on chains, from nodes to the report.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use assay_ownership::ContractQuestion;
use assay_statement::hex;
use serde_json::{Value, json};

use crate::exchange::{Answer, Exchange, SNAPSHOT, answer, command};
use crate::server::{Recording, Reply, Server};

/// Recorded by the crate that verifies it: holder `a007` has 10^18 + 7 of the coin and 1,000,007 of the token.
const RECORDED: &str = include_str!("../../../assay-balances/testdata/evm.json");

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

/// The URL of a node that answers as one was recorded, but for what `change` says of a method and its parameters.
fn node(
    recording: Recording,
    change: impl Fn(&str, &Value) -> Option<Value> + Send + Sync + 'static,
) -> String {
    let server = Server::new(move |method, params| match change(method, params) {
        Some(result) => Reply::Result(result),
        None => match recording.reply(method, params) {
            Reply::Error(-32601, _) => Reply::Error(-32601, "secret-key-12345"),
            reply => reply,
        },
    });
    server.url.replace("http://", "http://user:letmein@") + "/secret-key-12345"
}

fn honest() -> String {
    node(Recording::of_evm(), |_, _| None)
}

/// `reserves observe` in a folder, of these rows and endpoints.
struct Observing {
    reserves: PathBuf,
    policy: PathBuf,
    endpoints: PathBuf,
    out: PathBuf,
}

impl Observing {
    fn new(name: &str, reserves: &str, policy: &str) -> Self {
        let path = |what: &str| EVIDENCED.exchange.path(&format!("{name}-{what}"));
        let observing = Self {
            reserves: path("reserves.csv"),
            policy: path("policy.toml"),
            endpoints: path("endpoints.toml"),
            out: path("observed"),
        };
        fs::write(&observing.reserves, reserves).unwrap();
        fs::write(&observing.policy, policy).unwrap();
        observing
    }

    fn endpoints(&self, text: &str) -> &Self {
        fs::write(&self.endpoints, text).unwrap();
        self
    }

    /// These operators, of whom `us` is the caller, and their nodes.
    fn nodes(&self, network: &str, nodes: &[(&str, String)]) -> &Self {
        let entry = |(operator, url): &(&str, String)| {
            let own = *operator == "us";
            format!(
                "[[endpoint]]\nnetwork = \"{network}\"\noperator = \"{operator}\"\nown = {own}\nurl = \"{url}\"\n"
            )
        };
        self.endpoints(&nodes.iter().map(entry).collect::<String>())
    }

    fn observe(&self, block: &str) -> Answer {
        let mut command = command();
        command.args(["reserves", "observe", "--json", "--attempts", "1", "--block", block]);
        command.arg("--assets").arg(&EVIDENCED.exchange.assets).arg("--policy").arg(&self.policy);
        command.arg("--reserves").arg(&self.reserves).arg("--endpoints").arg(&self.endpoints);
        answer(command.arg("--out").arg(&self.out).env("NODE_OF_TEST", honest()))
    }

    /// The report of what was observed, by `observe`'s JSON.
    fn report(&self, said: &Value) -> Value {
        let network = &said["networks"][0];
        let out = self.out.join("report");
        let block = format!("{}={}", network["network"].as_str().unwrap(), network["hash"].as_str().unwrap());
        let mut more = vec!["--block".to_owned(), block];
        for (option, files) in [("--evidence", "files"), ("--observations", "observations")] {
            for file in network[files].as_array().unwrap() {
                more.extend([option.to_owned(), file.as_str().unwrap().to_owned()]);
            }
        }
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        let what = ["report", "--json", "--out", out.to_str().unwrap()];
        EVIDENCED.run(&what, &self.reserves, &self.policy, &more).is(0);
        serde_json::from_str(&fs::read_to_string(out.join("report.json")).unwrap()).unwrap()
    }
}

#[test]
fn evidence_is_fetched_once_and_makes_the_report() {
    // The recorded node was asked for other slots of the token, so only the coin can be asked for here.
    let rows = format!("asset,network,address,amount,height\nETH,DEV,{HOLDER},1.00,15\n");
    let observing = Observing::new("fetched", &rows, POLICY);
    let endpoint = "[[endpoint]]\nnetwork = \"DEV\"\noperator = \"us\"\nown = true\n";
    observing.endpoints(&format!("{endpoint}url_env = \"NODE_OF_TEST\"\n"));
    let first = observing.observe("DEV=15").is(0).json();
    let network = &first["networks"][0];
    assert_eq!((&network["fetched"], &network["kept"]), (&json!(1), &json!(0)));
    assert_eq!((&network["operators"], &network["own"]), (&json!(["us"]), &json!(true)));
    let hash = network["hash"].as_str().unwrap();
    let again = observing.observe(&format!("DEV={hash}")).is(0).json();
    assert_eq!((&again["networks"][0]["fetched"], &again["networks"][0]["kept"]), (&json!(0), &json!(1)));
    let report = observing.report(&first);
    assert_eq!(report["assets"][1]["reserves"]["by_evidence"]["L4"], "100");
    // What nobody can answer is exit code 4, without a word of the URL.
    let url = node(Recording::of_evm(), |method, _| (method == "eth_chainId").then(|| json!("0x1")));
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = format!("http://user:letmein@{free}/secret-key-12345");
    for (url, says) in [(&url, "it is of chain 1, not 31337"), (&refused, "refused")] {
        let said = observing.endpoints(&format!("{endpoint}url = \"{url}\"\n")).observe("DEV=15").is(4);
        let told = said.stdout + &said.stderr;
        assert!(told.contains(says), "{told}");
        assert!(!["letmein", "secret-key", "127.0.0.1"].iter().any(|secret| told.contains(secret)), "{told}");
    }
    let wrong = |text: &str, block: &str, code: i32| {
        observing.endpoints(text).observe(block).is(code);
    };
    wrong("[[endpoint]]\nnetwork = 5\n", "DEV=15", 3);
    wrong(&format!("{endpoint}url_env = \"NO_SUCH_VARIABLE_OF_TEST\"\n"), "DEV=15", 3);
    wrong("endpoint = []\n", "DEV=15", 2);
    wrong(&format!("{endpoint}url = \"http://h\"\n"), "OTHER=20", 2);
    wrong(&format!("{endpoint}url = \"http://h\"\n"), "DEV=x", 2);
}

/// The contract that takes the signatures of one key.
const WALLET: &str = "0x3434343434343434343434343434343434343434";

/// What the recorded wallet took as a signature of this text.
fn taken(message: &str) -> String {
    let question = ContractQuestion::new(message.as_bytes(), &["0x"]).unwrap();
    let asked = format!("0x1626ba7e{}", hex::encode(question.hash()));
    let data = Recording::of_evm().params("eth_call").into_iter().find_map(|params| {
        let data = params[0]["data"].as_str()?.to_owned();
        data.starts_with(&asked).then_some(data)
    });
    // Behind the hash, the offset and the length.
    format!("0x{}", &data.unwrap()[10 + 3 * 64..][..130])
}

#[test]
fn a21_answers_of_contracts_count_by_who_tells_them() {
    let message = "we control this";
    let row = |signature: &str| {
        format!(
            "asset,network,address,amount,height,message,signature\nETH,DEV,{WALLET},2.00,15,{message},{signature}\n"
        )
    };
    let policy = POLICY.replace("minimum_ownership = \"O0\"", "minimum_ownership = \"O1\"");
    let grade = |report: &Value, grade: &str| report["assets"][1]["reserves"]["by_ownership"][grade].clone();
    let found = |report: &Value, code: &str| {
        report["findings"].as_array().unwrap().iter().any(|finding| finding["code"] == code)
    };
    // A node of one's own, or two operators.
    let own = Observing::new("own", &row(&taken(message)), &policy);
    let said = own.nodes("DEV", &[("us", honest())]).observe("DEV=15").is(0).json();
    assert_eq!(grade(&own.report(&said), "O1"), "200");
    let two = Observing::new("two", &row(&taken(message)), &policy);
    let said = two.nodes("DEV", &[("a", honest()), ("b", honest())]).observe("DEV=15").is(0).json();
    assert_eq!(said["networks"][0]["operators"], json!(["a", "b"]));
    let report = two.report(&said);
    assert_eq!((grade(&report, "O1"), grade(&report, "O0")), (json!("200"), json!("0")));
    // One operator with two nodes is one: the files are there, and show nothing.
    let one = Observing::new("one", &row(&taken(message)), &policy);
    let said = one.nodes("DEV", &[("a", honest()), ("A", honest())]).observe("DEV=15").is(4);
    assert!(said.stderr.contains("a quorum of 2"), "{}", said.stderr);
    let said = said.json();
    assert_eq!(said["networks"][0]["lacking"].as_array().unwrap().len(), 1);
    let report = one.report(&said);
    assert_eq!(grade(&report, "O0"), "200");
    assert!(found(&report, "ownership-unbound"));
    // What was observed isn't asked again, and another operator makes the quorum.
    let said = one.nodes("DEV", &[("a", honest()), ("b", honest())]).observe("DEV=15").is(0).json();
    assert_eq!((&said["networks"][0]["fetched"], &said["networks"][0]["kept"]), (&json!(1), &json!(2)));
    // Nodes that disagree.
    let disputed = Observing::new("disputed", &row(&taken(message)), &policy);
    let silent = node(Recording::of_evm(), |method, _| (method == "eth_call").then(|| json!("0x")));
    let said = disputed.nodes("DEV", &[("us", honest()), ("b", silent)]).observe("DEV=15").is(1);
    assert!(said.stderr.contains(WALLET) && said.stderr.contains("disagree"), "{}", said.stderr);
    let report = disputed.report(&said.json());
    assert_eq!(grade(&report, "O0"), "200");
    assert!(found(&report, "ownership-disputed"));
    // Files of one row are nothing to another: the verifier makes the question of the row that it has.
    let other = Observing::new("other", &row("0x01"), &policy);
    let report = Observing { out: two.out.join("other"), ..other }.report(&two_of(&two));
    assert_eq!(grade(&report, "O0"), "200");
}

/// What `observe` would have said of the files that are there.
fn two_of(observing: &Observing) -> Value {
    let said = observing.nodes("DEV", &[("a", honest()), ("b", honest())]).observe("DEV=15").is(0).json();
    let (mut files, mut observations) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(&observing.out).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let told = text.contains("assay.observations/2");
        if told { &mut observations } else { &mut files }.push(path);
    }
    let hash = &said["networks"][0]["hash"];
    json!({"networks": [{"network": "DEV", "hash": hash, "files": files, "observations": observations}]})
}

/// Balances of a Bitcoin network are what nodes say: too few of them for the policy is no success.
#[test]
fn a_quorum_is_wanted_where_nothing_else_shows_balances() {
    let rows = "asset,network,address,amount,height\n\
        BTC,REGTEST,bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080,1.25,111\n\
        BTC,REGTEST,bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry,0.00,111\n";
    let policy = "version = 1\nminimum_ownership = \"O0\"\nminimum_evidence = \"L2\"\nblock_window_s = 4000000000\n\
        [[network]]\nname = \"REGTEST\"\nconfirmations = 0\naddresses = { kind = \"bitcoin-regtest\" }\n\
        native = { asset = \"BTC\", decimals = 8 }\n";
    let bitcoin = || node(Recording::of_bitcoin(), |_, _| None);
    let level = |name: &str, policy: &str, operators: &[&str], code: i32, level: &str| {
        let observing = Observing::new(name, rows, policy);
        let nodes: Vec<_> = operators.iter().map(|operator| (*operator, bitcoin())).collect();
        let said = observing.nodes("REGTEST", &nodes).observe("REGTEST=111").is(code);
        let network = said.json()["networks"][0].clone();
        assert_eq!(network["level"], level, "{name}");
        assert_eq!(network["lacking"].as_array().unwrap().is_empty(), code == 0, "{name}");
        assert_eq!(said.stderr.contains("warning: REGTEST"), code != 0, "{}", said.stderr);
        // What the report makes of the same files is no more than was said.
        let report = observing.report(&said.json());
        assert_eq!(report["assets"][0]["reserves"]["by_evidence"][level], "125", "{name}");
        assert_eq!(report["assets"][0]["reserves"]["verified"] == "125", code == 0, "{name}");
    };
    level("btc-one", policy, &["a"], 4, "L1");
    level("btc-twice", policy, &["a", "A"], 4, "L1");
    level("btc-two", policy, &["a", "b"], 0, "L2");
    level("btc-three", &policy.replace("L2\"", "L2\"\nquorum = 3"), &["a", "b"], 4, "L1");
    level("btc-own", policy, &["us"], 0, "L3");
    level("btc-few", &policy.replace("L2", "L1"), &["a"], 0, "L1");
    level("btc-word", &policy.replace("L2", "L3"), &["a", "b"], 4, "L2");
    level("btc-proof", &policy.replace("L2", "L4"), &["us"], 4, "L3");
}
