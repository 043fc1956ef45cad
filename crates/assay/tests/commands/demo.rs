use crate::exchange::{MEMORY, arguments, assay};

#[test]
fn shows_everything_once() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("demo");
    let arguments = arguments!["demo", "--accounts", "60", "--dir", &dir, MEMORY[0], MEMORY[1]];
    let said = assay(&arguments).is(0).stdout;
    assert!(said.contains("rejected: ") && said.contains("Try it yourself"), "{said}");
    for name in [
        "ledger.parquet",
        "assets.toml",
        "totals.json",
        "proof.assay",
        "bundle.assay",
        "receipt.json",
        "work",
    ] {
        assert!(dir.join(name).exists(), "{name}");
    }
    // Some reserves are proven and signed for, some signed for only, some mere claims.
    let report = std::fs::read_to_string(dir.join("report/report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let assets = report["assets"].as_array().unwrap();
    let reserves = |symbol: &str| &assets.iter().find(|line| line["asset"] == symbol).unwrap()["reserves"];
    let eth = reserves("ETH");
    assert_eq!((&eth["by_evidence"]["L4"], &eth["verified"]), (&eth["counted"], &eth["counted"]));
    assert!(eth["by_ownership"]["O4"] != "0" && eth["by_ownership"]["O2"] != "0", "{eth}");
    for (symbol, level, grade) in
        [("USDT", "L4", "O2"), ("BTC", "L0", "O3"), ("SOL", "L0", "O2"), ("USDC", "L0", "O0")]
    {
        let line = reserves(symbol);
        let counted = (&line["by_evidence"][level], &line["by_ownership"][grade]);
        assert_eq!(counted, (&line["counted"], &line["counted"]), "{symbol}");
    }
    assert_eq!((&report["solvent"], &report["failures"]["count"]), (&true.into(), &0.into()));
    // What it offers to try works.
    for line in said.lines().filter_map(|line| line.trim().strip_prefix("assay ")) {
        assay(line.split_whitespace()).is(0);
    }
    assay(&arguments).is(2);
}

#[test]
fn a_folder_that_is_there_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    assay(arguments!["demo", "--accounts", "1", "--dir", folder.path()]).is(2);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
