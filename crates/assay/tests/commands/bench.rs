use crate::exchange::{MEMORY, arguments, assay};

#[test]
fn measures_what_proving_costs() {
    let folder = tempfile::tempdir().unwrap();
    let json = assay(arguments![
        "bench",
        "--accounts",
        "2000",
        "--assets",
        "12",
        "--positions",
        "2",
        "--json",
        "--no-proof",
        "--dir",
        folder.path(),
        MEMORY[0],
        MEMORY[1],
    ])
    .is(0)
    .json();
    for key in ["accounts", "positions", "rows", "cpu_ms_per_account", "wall_s", "peak_memory_bytes"] {
        assert!(json[key].as_f64().is_some_and(|figure| figure > 0.0), "{key} in {json}");
    }
    assert_eq!(json["accounts"], 2_000);
    assert_eq!(json["proofs"][0]["name"], "bundle");
    assert!(json["proofs"][0]["bytes"].as_u64() > Some(0));
    assert!(!json["phases"].as_array().unwrap().is_empty());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the folder isn't empty afterwards");
}

#[test]
fn prints_a_table() {
    let table =
        assay(["bench", "--accounts", "10", "--assets", "3", "--memory", "420M", "-q", "--no-proof"]).is(0);
    assert!(table.stdout.contains("CPU an account") && table.stdout.contains("phase"));
    assert_eq!(table.stderr, "");
}
