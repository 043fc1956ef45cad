//! Totals that are proven to be covered and not shown.

use std::fs;
use std::path::Path;

use crate::exchange::{Exchange, MEMORY, SNAPSHOT, answer, arguments, assay, command, mode};

/// A reserve vector beside an exchange's ledger.
fn reserves(exchange: &Exchange, name: &str, rows: &str) -> std::path::PathBuf {
    let path = exchange.path(name);
    fs::write(&path, format!("asset,reserve\n{rows}")).unwrap();
    path
}

fn prove(exchange: &Exchange, reserves: &Path) -> assert_cmd::Command {
    let mut command = command();
    command.arg("prove").arg(&exchange.ledger).arg("--assets").arg(&exchange.assets).args(SNAPSHOT);
    command.arg("--secret").arg(&exchange.secret).arg("--out").arg(&exchange.out).args(MEMORY);
    command.arg("--hide-totals").arg(reserves);
    command
}

#[test]
fn reserves_cover_what_is_not_shown() {
    let exchange = Exchange::with_rows(
        "a@example.org,BTC,equity,7654321.25\nb@example.org,ETH,equity,1357.99\n\
         b@example.org,ETH,collateral_loan,9.00\nb@example.org,BTC,debt,2.00\n",
    );
    // What the reserves lack can't be hidden; the message says which asset and not how much.
    let short = reserves(&exchange, "short.csv", "BTC,7654321.24\nETH,5000\n");
    let said = answer(&mut prove(&exchange, &short)).is(2);
    assert!(said.stderr.contains("BTC") && !said.stderr.contains("7654321"), "{}", said.stderr);
    assert!(!exchange.out.join("proof.assay").exists() && !exchange.totals.exists());
    // Nor do hidden totals and a run without a final proof go together.
    answer(prove(&exchange, &short).arg("--no-proof")).is(2);
    let malformed = reserves(&exchange, "malformed.csv", "BTC,1e9\n");
    assert!(answer(&mut prove(&exchange, &malformed)).is(3).stderr.contains("line 2: field reserve of BTC"));

    let enough = reserves(&exchange, "reserves.csv", "ETH,5000\nBTC,8000000\n");
    let said = answer(prove(&exchange, &enough).arg("-q")).is(0);
    assert!(said.stdout.contains("at most") && said.stdout.contains("8000000"), "{}", said.stdout);
    for secret in ["7654321", "1357"] {
        assert!(!said.stdout.contains(secret));
        assert!(!fs::read_to_string(&exchange.totals).unwrap().contains(secret));
    }

    let proof = exchange.out.join("proof.assay");
    let verify = || exchange.verify(&proof);
    let said =
        answer(verify().arg("--totals").arg(&exchange.totals).arg("--reserves").arg(&enough).arg("--json"));
    let said = said.is(0).json();
    assert_eq!(said["figures"], "at_most");
    assert_eq!(said["reserves_cover"], true);
    assert_eq!(said["totals"][0]["asset"], "BTC");
    assert_eq!(said["totals"][0]["total"], "800000000");
    // Other reserves than those of the proof: more do, less don't.
    let more = reserves(&exchange, "more.csv", "ETH,6000\nBTC,8000000.01\n");
    answer(verify().arg("--reserves").arg(&more)).is(0);
    let less = reserves(&exchange, "less.csv", "ETH,5000\nBTC,7999999.99\n");
    assert!(answer(verify().arg("--reserves").arg(&less)).is(1).stderr.contains("reserves of BTC"));
    let none = reserves(&exchange, "none.csv", "BTC,8000000\n");
    assert!(answer(verify().arg("--reserves").arg(&none)).is(1).stderr.contains("reserves of ETH"));

    report_of_bounds(&exchange, &proof);

    // For whom the exchange chooses.
    let opening = exchange.work.join("opening.json");
    assert_eq!(mode(&opening), 0o600);
    let said = answer(verify().arg("--opening").arg(&opening).arg("--json")).is(0).json();
    assert_eq!(said["opened"]["figures"], "exact");
    assert_eq!(said["opened"]["accounts"], 2);
    assert_eq!(said["opened"]["totals"][0]["total"], "765432125");
    let text = fs::read_to_string(&opening).unwrap().replacen("\"groups\":1", "\"groups\":2", 1);
    let other = exchange.path("other.json");
    fs::write(&other, text).unwrap();
    assert!(answer(verify().arg("--opening").arg(&other)).is(1).stderr.contains("opening"));
    fs::write(&other, "{}").unwrap();
    answer(verify().arg("--opening").arg(&other)).is(3);

    // A proof that shows its totals has nothing to open, and its reserves are compared as well.
    let bundle = exchange.out.join("bundle.assay");
    answer(prove(&exchange, &enough).args(["-q", "--bundle"])).is(0);
    answer(exchange.verify(&bundle).arg("--reserves").arg(&enough)).is(0);
    answer(exchange.verify(&bundle).arg("--reserves").arg(&short)).is(1);
    answer(exchange.verify(&bundle).arg("--opening").arg(&opening)).is(1);
    assay(arguments!["verify", &bundle, "--reserves", &enough]).is(2);
}

/// A report of a proof that hides the totals says what is owed at most, and that it is no more than that.
fn report_of_bounds(exchange: &Exchange, proof: &Path) {
    let said = answer(exchange.verify(proof).arg("--json")).is(0).json();
    let (wallets, policy) = (exchange.path("wallets.csv"), exchange.path("policy.toml"));
    fs::write(&wallets, "asset,network,address,amount\nBTC,SOL,one,8000000\nETH,SOL,two,5000\n").unwrap();
    let network = "[[network]]\nname = \"SOL\"\nconfirmations = 32\n";
    fs::write(
        &policy,
        format!("version = 1\nminimum_ownership = \"O2\"\nminimum_evidence = \"L2\"\n{network}"),
    )
    .unwrap();
    let mut command = command();
    command
        .arg("report")
        .arg("--proof")
        .arg(proof)
        .args(SNAPSHOT)
        .args(["--root", said["root"].as_str().unwrap()]);
    command
        .arg("--assets")
        .arg(&exchange.assets)
        .arg("--reserves")
        .arg(&wallets)
        .arg("--policy")
        .arg(&policy);
    let out = exchange.path("report");
    let said = answer(command.arg("--out").arg(&out).arg("--json")).is(0).json();
    assert_eq!((&said["solvent"], &said["solvent_verified"]), (&true.into(), &false.into()));
    let text = fs::read_to_string(out.join("report.json")).unwrap();
    assert!(text.contains("final-proof-bounds") && text.contains("hidden-totals"), "{text}");
    assert!(text.contains("\"equity\":\"800000000\"") && !text.contains("7654321"), "{text}");
}
