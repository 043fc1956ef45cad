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
