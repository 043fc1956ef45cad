use std::fs;

use crate::exchange::{answer, arguments, assay, command};

#[test]
fn one_seed_is_one_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let generate = |name: &str, seed: &str| {
        let out = folder.path().join(name);
        assay(arguments!["generate", "--accounts", "50", "--format", "csv", "--seed", seed, "--out", &out])
            .is(0);
        fs::read(out.join("ledger.csv")).unwrap()
    };
    assert!(generate("a", "3") == generate("b", "3"));
    assert!(generate("a", "3") != generate("b", "4"));
}

/// Just one account of five owes three assets and pledges three, all of it covered.
#[test]
fn indebted_accounts() {
    let folder = tempfile::tempdir().unwrap();
    let generate = |more: &[&str]| {
        let arguments = arguments!["generate", "--accounts", "100", "--format", "csv", "--indebted", "20"];
        answer(command().args(arguments).args(more).arg("--out").arg(folder.path()))
    };
    generate(&[]).is(0);
    let (ledger, assets) = (folder.path().join("ledger.csv"), folder.path().join("assets.toml"));
    let rows = fs::read_to_string(&ledger).unwrap();
    let count = |kind: &str| rows.lines().filter(|row| row.contains(kind)).count();
    assert_eq!((count(",debt,"), count(",collateral_")), (60, 60));
    assay(arguments!["check", &ledger, "--assets", &assets]).is(0);
    generate(&["--debt", "0.5"]).is(2);
}

#[test]
fn ledgers_that_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("made");
    for wrong in [
        ["--accounts", "0"],
        ["--accounts", "1000000001"],
        ["--assets", "0"],
        ["--assets", "1024"],
        ["--positions", "0"],
        ["--positions", "NaN"],
        ["--debt", "1.5"],
        ["--indebted", "101"],
        ["--format", "xml"],
    ] {
        assay(arguments!["generate", wrong[0], wrong[1], "--out", &out]).is(2);
    }
    let file = folder.path().join("file");
    fs::write(&file, "a file").unwrap();
    assay(arguments!["generate", "--accounts", "1", "--out", &file]).is(4);
}
