use std::fs;

use crate::exchange::{arguments, assay};

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
        ["--format", "xml"],
    ] {
        assay(arguments!["generate", wrong[0], wrong[1], "--out", &out]).is(2);
    }
    let file = folder.path().join("file");
    fs::write(&file, "a file").unwrap();
    assay(arguments!["generate", "--accounts", "1", "--out", &file]).is(4);
}
