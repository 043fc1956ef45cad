//! Balances by a snapshot of all unspent outputs, from the node's file to the report.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::exchange::{Answer, Exchange, SNAPSHOT, answer, command};

/// Written by a regtest node, of a block below its tip.
const DUMP: &[u8] = include_bytes!("../../../assay-balances/testdata/utxo.dat");

/// What the node said of it.
const SAID: &str = include_str!("../../../assay-balances/testdata/utxo.json");

const POLICY: &str = r#"version = 1
minimum_ownership = "O0"
minimum_evidence = "L3"

[[network]]
name = "REG"
confirmations = 1
addresses = { kind = "bitcoin-regtest" }
native = { asset = "BTC", decimals = 8 }
"#;

struct Dumped {
    exchange: Exchange,
    root: String,
    said: Value,
}

impl Dumped {
    fn new() -> Self {
        let exchange = Exchange::with_rows("a@example.org,BTC,equity,1.00\n");
        let root = exchange.prove().is(0).json()["root"].as_str().unwrap().to_owned();
        fs::write(exchange.path("policy.toml"), POLICY).unwrap();
        fs::write(exchange.path("utxo.dat"), DUMP).unwrap();
        Self { exchange, root, said: serde_json::from_str(SAID).unwrap() }
    }

    fn text(&self, name: &str) -> &str {
        self.said[name].as_str().unwrap()
    }

    /// Rows of all recorded addresses, with `more` hundredths of a coin than they have.
    fn rows(&self, more: u64) -> PathBuf {
        let mut text = "asset,network,address,amount,height,block_hash\n".to_owned();
        for (address, amount) in self.said["balances"].as_object().unwrap() {
            let cents = amount.as_u64().unwrap() / 1_000_000 + more;
            let (height, hash) = (&self.said["height"], self.text("hash"));
            text.push_str(&format!("BTC,REG,{address},{}.{:02},{height},{hash}\n", cents / 100, cents % 100));
        }
        let path = self.exchange.path("reserves.csv");
        fs::write(&path, text).unwrap();
        path
    }

    /// With one or, between line feeds, several snapshots.
    fn observe(&self, reserves: &Path, block: &str, snapshots: &str, out: &Path) -> Answer {
        let mut command = command();
        command.args(["reserves", "observe", "--json", "--block", &format!("REG={block}")]);
        snapshots.lines().for_each(|snapshot| {
            command.args(["--snapshot", snapshot]);
        });
        command.arg("--reserves").arg(reserves).arg("--out").arg(out);
        command.arg("--policy").arg(self.exchange.path("policy.toml"));
        answer(command.arg("--assets").arg(&self.exchange.assets))
    }

    /// The snapshot as it is known, from this file.
    fn known(&self, file: &Path) -> String {
        format!("REG={}:{}:{}", self.said["height"], self.text("set"), file.display())
    }

    fn report(&self, reserves: &Path, observed: &Path) -> Value {
        let out = self.exchange.path("report");
        let mut command = command();
        command.args(["report", "--json"]).args(SNAPSHOT).args(["--root", &self.root]);
        command.arg("--proof").arg(&self.exchange.bundle).arg("--assets").arg(&self.exchange.assets);
        command.arg("--reserves").arg(reserves).arg("--policy").arg(self.exchange.path("policy.toml"));
        command.arg("--observations").arg(observed).arg("--out").arg(&out);
        answer(&mut command).is(0);
        serde_json::from_str(&fs::read_to_string(out.join("report.json")).unwrap()).unwrap()
    }
}

#[test]
fn a_snapshot_is_worth_an_own_node() {
    let dumped = Dumped::new();
    let (reserves, out) = (dumped.rows(0), dumped.exchange.path("evidence"));
    let known = dumped.known(&dumped.exchange.path("utxo.dat"));
    let said = dumped.observe(&reserves, dumped.text("hash"), &known, &out).is(0).json();
    let network = &said["networks"][0];
    assert_eq!((&network["level"], &network["fetched"]), (&"L3".into(), &4.into()));
    let observed = PathBuf::from(network["observations"][0].as_str().unwrap());
    let report = dumped.report(&reserves, &observed);
    let counted = &report["assets"][0]["reserves"]["counted"];
    assert_eq!(&report["assets"][0]["reserves"]["by_evidence"]["L3"], counted);
    assert_eq!(report["solvent_verified"], true);
    // A14: an address that has less than its row says.
    let report = dumped.report(&dumped.rows(1), &observed);
    assert_eq!(report["assets"][0]["reserves"]["by_evidence"]["L3"], "0");
    assert_eq!(report["solvent_verified"], false);
    assert!(
        report["findings"].as_array().unwrap().iter().any(|found| found["code"] == "balance-contradicted")
    );
}

#[test]
fn a21_snapshots_of_something_else_show_nothing() {
    let dumped = Dumped::new();
    let reserves = dumped.rows(0);
    let (file, other) = (dumped.exchange.path("utxo.dat"), dumped.exchange.path("other.dat"));
    let (hash, set) = (dumped.text("hash"), dumped.text("set"));
    let height = dumped.said["height"].as_u64().unwrap();
    let nobody = "11".repeat(32);
    let mut amounts = DUMP.to_vec();
    // The last output's amount is followed by a script of its own.
    let last = amounts.len() - 1;
    amounts[last] ^= 1;
    let cut = &DUMP[..DUMP.len() - 1];
    let known = dumped.known(&other);
    for (bytes, block, snapshot, code, why) in [
        (DUMP, hash, format!("REG={height}:{nobody}:{}", file.display()), 1, "not 1111"),
        (DUMP, &nobody, known.clone(), 1, "not of 1111"),
        (&amounts, hash, known.clone(), 1, "have the hash"),
        (cut, hash, known.clone(), 3, "other.dat"),
        (b"", hash, known.clone(), 3, "other.dat"),
        (DUMP, hash, format!("REG={}:{set}:{}", height - 1, file.display()), 3, "made after the block"),
        (DUMP, "112", known.clone(), 2, "by its hash"),
        (DUMP, hash, format!("REG=x:{set}:{}", file.display()), 2, "--snapshot"),
        (DUMP, hash, format!("REG={height}:{set}"), 2, "--snapshot"),
        (DUMP, hash, format!("{known}\n{known}"), 2, "one for each network"),
        (DUMP, hash, format!("BTC={height}:{set}:{}", file.display()), 2, "no --block"),
        (DUMP, hash, format!("REG={height}:{set}:/no/such/file"), 4, "/no/such/file"),
    ] {
        fs::write(&other, bytes).unwrap();
        let out = dumped.exchange.path("refused");
        let said = dumped.observe(&reserves, block, &snapshot, &out).is(code);
        assert!(said.stderr.contains(why), "{why}: {}", said.stderr);
        let written = fs::read_dir(&out).map_or(0, Iterator::count);
        assert_eq!(written, 0, "{why}");
    }
}
