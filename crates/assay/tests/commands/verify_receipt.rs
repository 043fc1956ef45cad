use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::exchange::{Exchange, FINISHED, SNAPSHOT, another, answer, arguments, assay, command, uid};

/// An account of the finished run with entries, and its receipt.
fn receipt(number: u32) -> Value {
    let receipt = answer(&mut FINISHED.exchange.receipt(&uid(number))).is(0).json();
    assert!(!receipt["entries"].as_array().unwrap().is_empty());
    receipt
}

fn first_with_entries() -> u32 {
    let ledger = fs::read_to_string(&FINISHED.exchange.ledger).unwrap();
    let row = ledger.lines().skip(1).find(|row| !row.ends_with(",,,")).unwrap();
    row[1..10].parse().unwrap()
}

fn written(folder: &tempfile::TempDir, receipt: &Value) -> PathBuf {
    let path = folder.path().join("receipt.json");
    fs::write(&path, receipt.to_string()).unwrap();
    path
}

#[test]
fn shows_what_the_root_holds() {
    let exchange = &FINISHED.exchange;
    let folder = tempfile::tempdir().unwrap();
    let number = first_with_entries();
    let receipt = receipt(number);
    let path = written(&folder, &receipt);
    let typed =
        answer(exchange.verify_receipt(&path, "-", &FINISHED.root).write_stdin(format!("{}\n", uid(number))));
    let typed = typed.is(0);
    assert!(typed.stdout.contains(receipt["entries"][0]["asset"].as_str().unwrap()));
    assert!(!typed.stdout.contains(&uid(number)));
    let known = arguments!["verify-receipt", &path, "--uid", uid(number), "--entity", "exchange.example"];
    // The asset table, or a bundle that is verified on the way, in place of totals file and root.
    let Exchange { assets, totals, bundle, .. } = exchange;
    answer(command().args(&known).arg("--assets").arg(assets).args(["--root", &FINISHED.root])).is(0);
    let with_bundle = arguments!["--totals", totals, "--proof", bundle];
    answer(command().args(&known).args(&with_bundle)).is(0);
    answer(command().args(&known).args(&with_bundle).args(["--root", &another(&FINISHED.root)])).is(1);
    let wrong = crate::exchange::changed(bundle, &folder, |bytes| bytes[100_000] ^= 1);
    answer(command().args(&known).args(arguments!["--totals", totals, "--proof", &wrong])).is(1);
    // A root from nowhere but the receipt is no root.
    answer(command().args(&known).arg("--totals").arg(totals)).is(2);
    answer(command().args(&known).args(["--root", &FINISHED.root])).is(2);
}

#[test]
fn another_uid_root_or_entity() {
    let exchange = &FINISHED.exchange;
    let folder = tempfile::tempdir().unwrap();
    let number = first_with_entries();
    let path = written(&folder, &receipt(number));
    let root = &FINISHED.root;
    answer(&mut exchange.verify_receipt(&path, &uid(number), root)).is(0);
    answer(&mut exchange.verify_receipt(&path, &uid(number + 1), root)).is(1);
    answer(&mut exchange.verify_receipt(&path, &uid(number).to_uppercase(), root)).is(1);
    answer(&mut exchange.verify_receipt(&path, &uid(number), &another(root))).is(1);
    answer(&mut exchange.verify_receipt(&path, "", root)).is(2);
    let entity = arguments![
        "verify-receipt",
        &path,
        "--uid",
        uid(number),
        "--root",
        root,
        "--totals",
        &exchange.totals
    ];
    answer(command().args(&entity).args(["--entity", "other.example"])).is(1);
    answer(command().args(&entity)).is(2);
    answer(&mut exchange.verify_receipt(&exchange.path("missing"), &uid(number), root)).is(4);
}

#[test]
fn edited_receipts() {
    let exchange = &FINISHED.exchange;
    let folder = tempfile::tempdir().unwrap();
    let number = first_with_entries();
    let check = |edit: &dyn Fn(&mut Value)| {
        let mut receipt = receipt(number);
        edit(&mut receipt);
        answer(&mut exchange.verify_receipt(&written(&folder, &receipt), &uid(number), &FINISHED.root))
    };
    check(&|_| {}).is(0);
    let rejected: [&dyn Fn(&mut Value); 12] = [
        &|receipt| receipt["entries"][0]["amount"] = "1".into(),
        &|receipt| receipt["entries"][0]["amount"] = "-1".into(),
        &|receipt| receipt["entries"][0]["asset"] = "NONE".into(),
        &|receipt| receipt["entries"][0]["kind"] = "gift".into(),
        &|receipt| drop(receipt["entries"].as_array_mut().unwrap().pop()),
        &|receipt| {
            let entry = receipt["entries"][0].clone();
            receipt["entries"].as_array_mut().unwrap().push(entry);
        },
        &|receipt| receipt["position"] = (receipt["position"].as_u64().unwrap() ^ 1).into(),
        &|receipt| receipt["path"][0] = FINISHED.root.as_str().into(),
        &|receipt| drop(receipt["path"].as_array_mut().unwrap().pop()),
        &|receipt| receipt["salt"] = "0".repeat(56).into(),
        &|receipt| receipt["epoch"]["id"] = "2026-q2".into(),
        &|receipt| receipt["root"] = another(&FINISHED.root).into(),
    ];
    for edit in rejected {
        check(edit).is(1);
    }
    let unreadable: [&dyn Fn(&mut Value); 4] = [
        &|receipt| receipt["extra"] = 1.into(),
        &|receipt| receipt["version"] = 2.into(),
        &|receipt| receipt["format"] = "other".into(),
        &|receipt| *receipt = json!([]),
    ];
    for edit in unreadable {
        check(edit).is(3);
    }
    let large = folder.path().join("large.json");
    fs::write(&large, " ".repeat(2 << 20)).unwrap();
    answer(&mut exchange.verify_receipt(&large, &uid(number), &FINISHED.root)).is(3);
}

/// A28: a receipt of an older epoch, as it is and dressed up as the new one.
#[test]
fn a28_receipts_of_an_older_epoch() {
    let exchange = &FINISHED.exchange;
    let number = first_with_entries();
    let older = Exchange::with_rows(&format!("{},BTC,equity,1\n", uid(number)));
    let mut snapshot = SNAPSHOT;
    snapshot[3] = "2026-q2";
    answer(older.prove_into(&older.out).args(snapshot)).is(0);
    let mut receipt = answer(&mut older.receipt(&uid(number))).is(0).json();
    let check = |receipt: &Value| {
        answer(&mut exchange.verify_receipt(&written(&older.folder, receipt), &uid(number), &FINISHED.root))
    };
    check(&receipt).is(1);
    receipt["root"] = FINISHED.root.as_str().into();
    check(&receipt).is(1);
    receipt["epoch"]["id"] = "2026-q3".into();
    check(&receipt).is(1);
    // And with the older asset table.
    let path = written(&older.folder, &receipt);
    assay(arguments![
        "verify-receipt",
        &path,
        "--uid",
        uid(number),
        "--root",
        &FINISHED.root,
        "--entity",
        "exchange.example",
        "--assets",
        &older.assets,
    ])
    .is(1);
}
