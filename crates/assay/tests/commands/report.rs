//! From a proof and signed reserves to a report that anyone can make again.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use ed25519_dalek::{Signer, SigningKey};
use serde_json::Value;

use crate::exchange::{Answer, Exchange, SNAPSHOT, answer, changed, command};

const POLICY: &str = r#"version = 1
minimum_ownership = "O2"
minimum_evidence = "L0"

[[network]]
name = "SOL"
confirmations = 32
addresses = { kind = "solana" }
"#;

/// What keys sign, and where: address, asset, whole units.
const ROWS: [(u8, &str, &str); 3] = [(1, "BTC", "80"), (2, "BTC", "20.5"), (3, "ETH", "7")];

struct Reported {
    exchange: Exchange,
    root: String,
    policy: PathBuf,
    challenge: PathBuf,
    reserves: PathBuf,
    report: PathBuf,
}

fn base58(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut digits = vec![0u8];
    for byte in bytes {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            carry += u32::from(*digit) << 8;
            *digit = (carry % 58) as u8;
            carry /= 58;
        }
        while carry > 0 {
            digits.push((carry % 58) as u8);
            carry /= 58;
        }
    }
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let digits = digits.iter().rev().skip_while(|digit| **digit == 0);
    (0..zeros).map(|_| '1').chain(digits.map(|digit| char::from(ALPHABET[usize::from(*digit)]))).collect()
}

fn address(key: u8) -> String {
    base58(SigningKey::from_bytes(&[key; 32]).verifying_key().as_bytes())
}

/// A reserve file whose rows sign `message`; with another key's signature where `wrong` says so.
fn reserve_file(path: &Path, message: &str, wrong: Option<usize>) {
    let mut text = "asset,network,address,amount,message,signature\n".to_owned();
    for (i, (key, asset, amount)) in ROWS.into_iter().enumerate() {
        let signer = SigningKey::from_bytes(&[if wrong == Some(i) { 99 } else { key }; 32]);
        let mut signature = String::new();
        if !message.is_empty() {
            let bytes = signer.sign(message.as_bytes()).to_bytes();
            bytes.iter().for_each(|byte| write!(signature, "{byte:02x}").unwrap());
        }
        writeln!(text, "{asset},SOL,{},{amount},\"{message}\",{signature}", address(key)).unwrap();
    }
    fs::write(path, text).unwrap();
}

fn challenge(exchange: &Exchange, policy: &Path, reserves: &Path, root: &str, snapshot: [&str; 6]) -> String {
    let mut command = command();
    command.args(["reserves", "challenge", "--root", root]).args(snapshot);
    command.arg("--assets").arg(&exchange.assets).arg("--policy").arg(policy).arg("--reserves").arg(reserves);
    command.args(["--block", &format!("solana:250000000:{}", "ab".repeat(32))]);
    answer(&mut command).is(0).stdout
}

impl Reported {
    fn check(&self, reserves: &Path) -> Answer {
        let mut command = command();
        command.args(["reserves", "check", "--json"]).arg("--assets").arg(&self.exchange.assets);
        command.arg("--policy").arg(&self.policy).arg("--reserves").arg(reserves);
        answer(command.arg("--challenge").arg(&self.challenge))
    }

    /// `report` or `verify-report` with these reserves, policy and challenge.
    fn run(&self, what: &[&str], reserves: &Path, policy: &Path, challenge: &Path) -> Answer {
        let mut command = command();
        command
            .args(what)
            .arg("--proof")
            .arg(&self.exchange.bundle)
            .args(SNAPSHOT)
            .args(["--root", &self.root]);
        command.arg("--assets").arg(&self.exchange.assets).arg("--reserves").arg(reserves);
        command.arg("--policy").arg(policy).arg("--challenge").arg(challenge);
        answer(&mut command)
    }

    fn make(&self, reserves: &Path, out: &str) -> Value {
        let out = self.exchange.path(out);
        let what = ["report", "--json", "--anchor", "journal=page 1", "--out", out.to_str().unwrap()];
        self.run(&what, reserves, &self.policy, &self.challenge).is(0).json()
    }

    fn verify(&self, report: &Path, reserves: &Path) -> Answer {
        let what = ["verify-report", "--json", report.to_str().unwrap()];
        self.run(&what, reserves, &self.policy, &self.challenge)
    }
}

static REPORTED: LazyLock<Reported> = LazyLock::new(|| {
    let exchange = Exchange::with_rows(
        "a@example.org,BTC,equity,60.00\nb@example.org,BTC,equity,40.50\nb@example.org,ETH,equity,7.00\n",
    );
    let root = exchange.prove().is(0).json()["root"].as_str().unwrap().to_owned();
    let policy = exchange.path("policy.toml");
    fs::write(&policy, POLICY).unwrap();
    let unsigned = exchange.path("unsigned.csv");
    reserve_file(&unsigned, "", None);
    let text = challenge(&exchange, &policy, &unsigned, &root, SNAPSHOT);
    let path = exchange.path("challenge.txt");
    fs::write(&path, &text).unwrap();
    let reserves = exchange.path("reserves.csv");
    reserve_file(&reserves, text.trim_end(), None);
    let report = exchange.path("report").join("report.json");
    let reported = Reported { exchange, root, policy, challenge: path, reserves, report };
    reported.make(&reported.reserves, "report");
    reported
});

#[test]
fn signed_reserves_cover_what_is_owed() {
    let reported = &*REPORTED;
    let checked = reported.check(&reported.reserves).is(0).json();
    assert_eq!(checked["signatures"]["verified O2"], 3);
    let said = reported.verify(&reported.report, &reported.reserves).is(0).json();
    assert_eq!((&said["solvent"], &said["solvent_verified"]), (&true.into(), &true.into()));
    let folder = reported.report.parent().unwrap();
    let vector = fs::read_to_string(folder.join("reserves.csv")).unwrap();
    assert_eq!(vector, "asset,reserve_base_units\nBTC,10050\nETH,700\n");
    for name in ["report.md", "report.html"] {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        assert!(text.contains("What is not proven") && text.contains("journal"), "{name}");
    }
    // The vector is what a proof with hidden totals takes.
    let verify = |vector: &Path| {
        answer(reported.exchange.verify(&reported.exchange.bundle).arg("--reserves").arg(vector))
    };
    verify(&folder.join("reserves.csv")).is(0);
    fs::write(reported.exchange.path("short.csv"), vector.replace("10050", "10049")).unwrap();
    verify(&reported.exchange.path("short.csv")).is(1);
}

/// A21: signatures of another message, of another key, or none.
#[test]
fn a21_signatures_that_show_nothing_do_not_verify_rows() {
    let reported = &*REPORTED;
    let text = fs::read_to_string(&reported.challenge).unwrap();
    let cases = [
        ("static", "I am an exchange", None, "verified O1", 3),
        ("foreign", text.trim_end(), Some(1), "invalid", 1),
        ("none", "", None, "none", 3),
    ];
    for (name, message, wrong, what, rows) in cases {
        let reserves = reported.exchange.path(&format!("{name}.csv"));
        reserve_file(&reserves, message, wrong);
        let checked: Value = serde_json::from_str(&reported.check(&reserves).stdout).unwrap();
        assert_eq!(checked["signatures"][what], rows, "{name}: {checked}");
        let said = reported.make(&reserves, name);
        assert_eq!(said["solvent_verified"], false, "{name}");
    }
}

/// What wallets sign that take no plain text says the same.
#[test]
fn challenges_in_other_forms() {
    let reported = &*REPORTED;
    let ask = |more: &[&str]| {
        let mut command = command();
        command.args(["reserves", "challenge", "--root", &reported.root]).args(SNAPSHOT).args(more);
        command.args(["--block", &format!("solana:7:{}", "ab".repeat(32))]);
        command.arg("--assets").arg(&reported.exchange.assets).arg("--policy").arg(&reported.policy);
        answer(command.arg("--reserves").arg(&reported.reserves)).is(0)
    };
    let all = ask(&["--json"]).json();
    let text = all["text"].as_str().unwrap();
    let typed = |option: &str, form: &str| {
        let printed: Value = serde_json::from_str(&ask(&[option]).stdout).unwrap();
        let said: Value = serde_json::from_str(all[form].as_str().unwrap()).unwrap();
        assert_eq!(printed, said);
        said
    };
    assert_eq!(typed("--starknet", "starknet")["message"]["contents"], text);
    assert_eq!(typed("--typed-data", "typed_data")["message"]["entity"], "exchange.example");
    assert!(text.contains("entity: exchange.example"));
}

/// A21, A28: a challenge of another root, epoch or list of addresses.
#[test]
fn a28_challenges_of_another_occasion() {
    let reported = &*REPORTED;
    let Reported { exchange, policy, reserves, .. } = reported;
    let other = "cd".repeat(32).replace("cdcdcdcd", "00000001");
    let later = ["--entity", "exchange.example", "--epoch", "2026-q4", "--time", "2026-12-31T00:00:00Z"];
    let list = exchange.path("other-list.csv");
    fs::write(&list, format!("asset,network,address,amount\nBTC,SOL,{},1\n", address(77))).unwrap();
    for (what, text) in [
        ("statement of liabilities", challenge(exchange, policy, reserves, &other, SNAPSHOT)),
        ("epoch", challenge(exchange, policy, reserves, &reported.root, later)),
        ("list of addresses", challenge(exchange, policy, &list, &reported.root, SNAPSHOT)),
    ] {
        let path = exchange.path("other-challenge.txt");
        fs::write(&path, text).unwrap();
        let report = reported.report.to_str().unwrap();
        let said = reported.run(&["verify-report", report], reserves, policy, &path).is(1);
        assert!(said.stderr.contains(what), "{}", said.stderr);
    }
}

#[test]
fn reports_that_say_something_else() {
    let reported = &*REPORTED;
    let folder = tempfile::tempdir().unwrap();
    let other = |find: &str, replace: &str| {
        changed(&reported.report, &folder, |bytes| {
            let text = String::from_utf8(bytes.clone()).unwrap();
            assert!(text.contains(find), "{find}");
            *bytes = text.replacen(find, replace, 1).into_bytes();
        })
    };
    // Figures that fit together in themselves or don't, and another spelling.
    reported.verify(&other("\"equity\":\"10050\"", "\"equity\":\"10049\""), &reported.reserves).is(1);
    reported.verify(&other("\"rows\":3", "\"rows\":4"), &reported.reserves).is(1);
    reported.verify(&other("{\"accounts\"", "{ \"accounts\""), &reported.reserves).is(3);
    // What the entity says of itself stays as it says.
    reported.verify(&other("page 1", "page 2"), &reported.reserves).is(0);
    // Other files, another policy.
    let reserves = folder.path().join("reserves.csv");
    let text = fs::read_to_string(&reported.reserves).unwrap();
    fs::write(&reserves, text.replace(",20.5,", ",20.6,")).unwrap();
    reported.verify(&reported.report, &reserves).is(1);
    let policy = folder.path().join("policy.toml");
    fs::write(&policy, POLICY.replace("L0", "L1")).unwrap();
    let report = reported.report.to_str().unwrap();
    reported.run(&["verify-report", report], &reported.reserves, &policy, &reported.challenge).is(1);
}

#[test]
fn an_asset_that_is_not_covered() {
    let reported = &*REPORTED;
    let text = fs::read_to_string(&reported.reserves).unwrap();
    let reserves = reported.exchange.path("less.csv");
    fs::write(&reserves, text.replace(",20.5,", ",20.49,")).unwrap();
    let said = reported.make(&reserves, "less");
    assert_eq!(said["not_covered"], serde_json::json!(["BTC"]));
    // The report is right, and what it says isn't a yes.
    let report = reported.exchange.path("less").join("report.json");
    let said = reported.verify(&report, &reserves).is(1).json();
    assert_eq!((&said["ok"], &said["solvent"]), (&false.into(), &false.into()));
    // The same coins twice don't help (A27).
    let twice = reported.exchange.path("twice.csv");
    let row = text.lines().next_back().unwrap_or_default();
    assert!(!row.is_empty());
    let first = text.find("BTC,SOL").unwrap();
    let second = text[first + 1..].find("BTC,SOL").unwrap() + first + 1;
    fs::write(&twice, format!("{}{}", text.replace(",20.5,", ",20.49,"), &text[first..second])).unwrap();
    assert_eq!(reported.make(&twice, "twice")["not_covered"], serde_json::json!(["BTC"]));
    assert_eq!(reported.check(&twice).code, 1);
}

#[test]
fn heights_come_from_the_beacon() {
    let heights = |beacon: &str| {
        let mut command = command();
        command.args(["reserves", "resample", "--entity", "exchange.example", "--epoch", "2026-q3"]);
        command.args(["--network", "BTC", "--from", "900000", "--to", "904000", "--count", "7", "--json"]);
        answer(command.args(["--beacon", beacon])).is(0).json()["heights"].clone()
    };
    let (one, other) = (heights(&"12".repeat(32)), heights(&"13".repeat(32)));
    assert_eq!(one.as_array().unwrap().len(), 7);
    assert_ne!(one, other);
    assert_eq!(one, heights(&format!("0x{}", "12".repeat(32))));
}
