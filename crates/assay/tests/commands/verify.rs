use std::fs;

use serde_json::Value;

use crate::exchange::{
    ACCOUNTS, Exchange, FINISHED, SNAPSHOT, another, answer, arguments, assay, changed, command,
};

#[test]
fn shows_the_statement() {
    let exchange = &FINISHED.exchange;
    let said = answer(&mut exchange.verify(&exchange.bundle)).is(0);
    assert!(
        said.stdout.contains(&FINISHED.root) && said.stdout.contains("accounts  18,000"),
        "{}",
        said.stdout
    );
    assert!(said.stderr.contains("hint: compare the root"));
    let totals = arguments!["verify", &exchange.bundle, "--totals", &exchange.totals];
    let said = answer(command().args(totals).args(SNAPSHOT)).is(0);
    assert!(said.stderr.contains("compare its digest"), "{}", said.stderr);
}

/// A22, A28: what the caller expects is what counts, not what the file says.
#[test]
fn a22_a28_expectations_are_held() {
    let exchange = &FINISHED.exchange;
    let with = |option: &str, value: &str| {
        let mut snapshot = SNAPSHOT.map(str::to_owned);
        if let Some(at) = snapshot.iter().position(|text| text == option) {
            snapshot[at + 1] = value.to_owned();
        }
        let arguments = arguments!["verify", &exchange.bundle, "--assets", &exchange.assets];
        let mut command = command();
        command.args(arguments).args(snapshot);
        if option == "--root" {
            command.args([option, value]);
        }
        answer(&mut command)
    };
    with("--entity", "exchange.example").is(0);
    with("--entity", "other.example").is(1);
    with("--epoch", "2026-q2").is(1);
    with("--time", "2026-09-30T00:00:01Z").is(1);
    with("--time", "1790726400").is(0);
    with("--time", "yesterday").is(2);
    with("--entity", "").is(2);
    with("--root", &FINISHED.root).is(0);
    with("--root", &another(&FINISHED.root)).is(1);
    with("--root", &FINISHED.root[1..]).is(2);
    // Another asset table: one asset more, and one with other decimals.
    let folder = tempfile::tempdir().unwrap();
    let table = fs::read_to_string(&exchange.assets).unwrap();
    let at = table.find("decimals = ").unwrap() + "decimals = ".len();
    let digit = if table[at..].starts_with('8') { "7" } else { "8" };
    let end = at + table[at..].find('\n').unwrap();
    for other in [
        format!("{table}\n[[asset]]\nsymbol = \"ZZZZ\"\ndecimals = 2\n"),
        format!("{}{digit}{}", &table[..at], &table[end..]),
    ] {
        let path = folder.path().join("assets.toml");
        fs::write(&path, other).unwrap();
        assay(
            arguments!["verify", &exchange.bundle, "--assets", &path].iter().chain(&SNAPSHOT.map(Into::into)),
        )
        .is(1);
    }
}

/// A25: one wrong byte anywhere.
#[test]
fn a25_changed_bundles_are_rejected() {
    let exchange = &FINISHED.exchange;
    let folder = tempfile::tempdir().unwrap();
    let length = fs::metadata(&exchange.bundle).unwrap().len() as usize;
    let verify = |change: &dyn Fn(&mut Vec<u8>)| {
        let bundle = changed(&exchange.bundle, &folder, change);
        answer(exchange.verify(&bundle).arg("--json"))
    };
    verify(&|_| {}).is(0);
    // Magic and version make it another kind of file; circuit id, length, root, number of segments, a record's length,
    // its head, its totals, its proof and its last byte make it a wrong one.
    for at in [0, 7, 8] {
        verify(&|bytes| bytes[at] ^= 1).is(3);
    }
    for at in [12, 44, 52, 60, 84, 88, 96, 104, 150, 200, 300, 5_000, length / 2, length - 1] {
        verify(&|bytes| bytes[at] ^= 1).is(1);
    }
    verify(&|bytes| bytes.truncate(length - 1)).is(1);
    verify(&|bytes| bytes.truncate(50)).is(1);
    verify(&|bytes| bytes.push(0)).is(1);
    verify(&|bytes| bytes.truncate(5)).is(3);
    verify(&Vec::clear).is(3);
    verify(&|bytes| *bytes = b"{}".to_vec()).is(3);
}

#[test]
fn totals_files_with_another_claim() {
    let exchange = &FINISHED.exchange;
    let folder = tempfile::tempdir().unwrap();
    let claim = |edit: &dyn Fn(&mut Value)| {
        let mut totals: Value = serde_json::from_slice(&fs::read(&exchange.totals).unwrap()).unwrap();
        edit(&mut totals);
        let path = folder.path().join("totals.json");
        fs::write(&path, totals.to_string()).unwrap();
        answer(exchange.verify(&exchange.bundle).arg("--totals").arg(path))
    };
    claim(&|_| {}).is(0);
    claim(&|totals| totals["totals"][0]["total"] = "1".into()).is(1);
    claim(&|totals| drop(totals["totals"].as_array_mut().unwrap().pop())).is(1);
    claim(&|totals| totals["accounts"] = (ACCOUNTS - 1).into()).is(1);
    claim(&|totals| totals["root"] = another(&FINISHED.root).into()).is(1);
    claim(&|totals| totals["entity"] = "other.example".into()).is(1);
    claim(&|totals| totals["epoch"] = "2026-q2".into()).is(1);
    claim(&|totals| totals["totals"][0]["total"] = "-1".into()).is(3);
    claim(&|totals| totals["totals"].as_array_mut().unwrap().reverse()).is(3);
    claim(&|totals| totals["assets"][0]["decimals"] = 3.into()).is(3);
    claim(&|totals| totals["circuit"] = "0".repeat(64).into()).is(3);
    claim(&|totals| totals["extra"] = 1.into()).is(3);
    let missing = exchange.path("missing.json");
    answer(exchange.verify(&exchange.bundle).arg("--totals").arg(missing)).is(4);
}

/// A22: with the totals file alone, its asset table is taken, but entity and epoch are the caller's.
#[test]
fn a22_the_totals_file_does_not_set_expectations() {
    let Exchange { bundle, totals, .. } = &FINISHED.exchange;
    let mut snapshot = SNAPSHOT;
    snapshot[1] = "other.example";
    answer(command().args(arguments!["verify", bundle, "--totals", totals]).args(snapshot)).is(1);
    answer(command().args(arguments!["verify", bundle, "--totals", totals])).is(2);
    answer(command().args(arguments!["verify", bundle]).args(SNAPSHOT)).is(2);
}
