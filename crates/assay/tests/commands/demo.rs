use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use tempfile::TempDir;

use crate::exchange::{MEMORY, arguments, assay};

/// A finished demo, which tests share.
pub(crate) struct Demo {
    pub(crate) dir: PathBuf,
    /// What it said.
    said: String,
    /// The uid whose receipt it made.
    pub(crate) uid: String,
    pub(crate) root: String,
    _folder: TempDir,
}

pub(crate) static DEMO: LazyLock<Demo> = LazyLock::new(|| {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let dir = folder.path().join("demo");
    let said = assay(demo_arguments(&dir)).is(0).stdout;
    let after = |option: &str| {
        let (_, rest) = said.split_once(option).unwrap();
        rest.split_whitespace().next().unwrap().to_owned()
    };
    let (uid, root) = (after(" --uid "), after(" --root "));
    Demo { dir, uid, root, said, _folder: folder }
});

fn demo_arguments(dir: &Path) -> [OsString; 7] {
    arguments!["demo", "--accounts", "60", "--dir", dir, MEMORY[0], MEMORY[1]]
}

#[test]
fn shows_everything_once() {
    let Demo { dir, said, .. } = &*DEMO;
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
    assay(demo_arguments(dir)).is(2);
}

#[test]
fn a_folder_that_is_there_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    assay(arguments!["demo", "--accounts", "1", "--dir", folder.path()]).is(2);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
