use std::fs;

use serde_json::Value;

use crate::exchange::{Exchange, FINISHED, answer, arguments, assay, command, uid};

#[test]
fn a_receipt_on_standard_output_is_the_file() {
    let exchange = &FINISHED.exchange;
    let shown = answer(&mut exchange.receipt(&uid(17))).is(0);
    assert_eq!(shown.json()["format"], "assay-receipt");
    assert!(!shown.stdout.contains(&uid(17)), "a receipt says whose it is");
    let path = exchange.path("receipt-17.json");
    let typed =
        answer(exchange.receipt("-").write_stdin(format!("  {}\n", uid(17))).arg("--out").arg(&path)).is(0);
    assert!(!typed.stdout.contains("u0000"));
    assert_eq!(fs::read_to_string(&path).unwrap(), shown.stdout);
}

#[test]
fn a_link_as_a_code() {
    let exchange = &FINISHED.exchange;
    let page = "https://site.example/check.html";
    let link = answer(exchange.receipt(&uid(17)).args(["--link", page])).is(0).stdout;
    assert!(link.starts_with("https://site.example/check.html#receipt=1") && link.lines().count() == 1);
    let path = exchange.path("receipt.svg");
    let said = answer(exchange.receipt(&uid(17)).args(["--link", page, "--json", "--qr"]).arg(&path)).is(0);
    assert_eq!(said.json()["qr"], path.to_str().unwrap());
    assert!(!said.stdout.contains("receipt=1"), "the link holds balances");
    let svg = fs::read_to_string(&path).unwrap();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && !svg.contains("receipt="));
    #[cfg(unix)]
    assert_eq!(crate::exchange::mode(&path), 0o600);
    let file = exchange.path("link.txt");
    answer(exchange.receipt(&uid(17)).args(["--link", page, "--qr"]).arg(&path).arg("--out").arg(&file))
        .is(0);
    assert_eq!(fs::read_to_string(&file).unwrap(), link);
    assert_eq!(fs::read_to_string(&path).unwrap(), svg);
    // The file takes the place of a receipt.
    answer(&mut exchange.verify_receipt(&file, &uid(17), &FINISHED.root)).is(0);

    // A link that no code holds leaves no file, and without a link there is nothing to write.
    let long = format!("https://site.example/{}", "x".repeat(3_000));
    let none = exchange.path("none.svg");
    let said = answer(exchange.receipt(&uid(17)).args(["--link", &long, "--qr"]).arg(&none)).is(2);
    assert!(said.stderr.contains("2953"), "{}", said.stderr);
    assert!(!none.exists());
    answer(exchange.receipt(&uid(17)).arg("--qr").arg(&none)).is(2);
}

#[test]
fn strangers_get_none() {
    let exchange = &FINISHED.exchange;
    let said = answer(&mut exchange.receipt("stranger@example.org")).is(1);
    assert_eq!(said.stdout, "");
    assert!(!said.stderr.contains("stranger"));
    answer(&mut exchange.receipt(" ")).is(2);
    let arguments = arguments!["receipt", "--work", &exchange.work, "--totals", &exchange.totals];
    assay(&arguments).is(2);
    answer(command().args(&arguments).args(["--all"])).is(2);
    answer(command().args(&arguments).args(["--all", "--uid", "x", "--out", "y"])).is(2);
}

#[test]
fn all_receipts() {
    let exchange = Exchange::generate(40, "csv", &[]);
    let root = exchange.prove().is(0).json()["root"].as_str().unwrap().to_owned();
    let path = exchange.path("receipts.jsonl");
    let partial = exchange.path("receipts.partial");
    // Files that are there already keep neither their content nor their rights, and no other file is touched.
    for file in [&path, &partial] {
        fs::write(file, "older").unwrap();
    }
    let arguments =
        arguments!["receipt", "--work", &exchange.work, "--totals", &exchange.totals, "--all", "--out"];
    let made = answer(command().args(&arguments).arg(&path).arg("--json")).is(0).json();
    assert_eq!(made["count"], 40);
    assert_eq!(fs::read_to_string(&partial).unwrap(), "older");
    #[cfg(unix)]
    assert_eq!(crate::exchange::mode(&path), 0o600);
    let lines = fs::read_to_string(&path).unwrap();
    assert_eq!(lines.lines().count(), 40);
    for line in lines.lines().step_by(8) {
        let line: Value = serde_json::from_str(line).unwrap();
        let receipt = exchange.path("receipt.json");
        fs::write(&receipt, line["receipt"].to_string()).unwrap();
        answer(&mut exchange.verify_receipt(&receipt, line["uid"].as_str().unwrap(), &root)).is(0);
    }
    let before = fs::read_dir(exchange.folder.path()).unwrap().count();
    answer(command().args(&arguments).arg(exchange.path("missing/receipts"))).is(4);
    fs::remove_dir_all(exchange.work.join("segments")).unwrap();
    answer(command().args(&arguments).arg(exchange.path("half"))).is(4);
    assert_eq!(fs::read_dir(exchange.folder.path()).unwrap().count(), before, "half a file is left");
}

/// A28: the work folder of one run with the totals file of another.
#[test]
fn a28_folders_and_totals_of_different_runs() {
    let exchange = Exchange::with_rows("a@example.org,BTC,equity,1\n");
    exchange.prove().is(0);
    let mixed = |exchange: &Exchange, other: &Exchange| {
        let arguments = arguments!["receipt", "--uid", "a@example.org", "--work", &exchange.work, "--totals"];
        answer(command().args(arguments).arg(&other.totals))
    };
    mixed(&exchange, &exchange).is(0);
    mixed(&exchange, &FINISHED.exchange).is(2);
    mixed(&FINISHED.exchange, &exchange).is(2);
    fs::remove_file(exchange.work.join("tree.json")).unwrap();
    assert!(mixed(&exchange, &exchange).is(2).stderr.contains("no finished run"));
}
