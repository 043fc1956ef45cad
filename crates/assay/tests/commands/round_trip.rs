//! All commands one after another, as an exchange, an auditor and a customer use them, in every format.

use std::fs;

use crate::exchange::{Exchange, SNAPSHOT, answer, arguments, assay, uid};

/// More than a segment of the smallest shape holds.
const ACCOUNTS: u32 = 5_000;

fn round_trip(format: &str) {
    let exchange = Exchange::generate(ACCOUNTS, format, &[]);
    let Exchange { ledger, assets, bundle, totals, .. } = &exchange;
    let checked = assay(arguments!["--json", "check", ledger, "--assets", assets]).is(0).json();
    assert_eq!(checked["accounts"], ACCOUNTS);

    let proven = answer(exchange.prove_into(&exchange.out).args(SNAPSHOT).args(["--json", "-q"])).is(0);
    assert_eq!(proven.stderr, "");
    let proven = proven.json();
    let root = proven["root"].as_str().unwrap();
    assert_eq!(proven["positions"], checked["positions"]);
    assert!(proven["segments"].as_u64().unwrap() >= 2);

    let known = answer(exchange.verify(bundle).args(["--json", "--root", root]).arg("--totals").arg(totals));
    let verified = known.is(0).json();
    assert_eq!(verified["totals"], checked["totals"]);
    assert_eq!(verified["root"], root);
    assert_eq!(verified["root_expected"], true);
    assert_eq!(verified["totals_file_matches"], true);

    for number in [0, 599, ACCOUNTS - 1] {
        let receipt = exchange.path("receipt.json");
        let written = answer(exchange.receipt(&uid(number)).arg("--out").arg(&receipt)).is(0);
        assert!(written.stdout.contains("receipt.json"));
        let root_alone =
            answer(exchange.verify_receipt(&receipt, &uid(number), root).arg("--json")).is(0).json();
        let entries = root_alone["entries"].as_array().unwrap().len();
        let named: serde_json::Value = serde_json::from_slice(&fs::read(&receipt).unwrap()).unwrap();
        assert_eq!(named["entries"].as_array().unwrap().len(), entries);
        answer(&mut exchange.verify_receipt(&receipt, &uid(number + ACCOUNTS), root)).is(1);
    }
}

#[test]
fn csv() {
    round_trip("csv");
}

#[test]
fn parquet() {
    round_trip("parquet");
}

#[test]
fn json() {
    round_trip("json");
}

#[test]
fn wide_csv() {
    round_trip("wide-csv");
}
