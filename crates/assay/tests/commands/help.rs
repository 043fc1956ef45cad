//! Help texts are what people learn the commands from, so a change of one is a change to look at.
//!
//! To accept changes, run the tests with `ASSAY_ACCEPT_HELP=1`.

use std::fs;
use std::path::PathBuf;

use crate::exchange::assay;

fn compare(name: &str, arguments: &[&str]) {
    let answer = assay(arguments).is(0);
    assert_eq!(answer.stderr, "");
    // Blank lines come with spaces in them, which editors and tools take away.
    let lines: Vec<&str> = answer.stdout.lines().map(str::trim_end).collect();
    let help = lines.join("\n") + "\n";
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/help/{name}.txt"));
    if std::env::var_os("ASSAY_ACCEPT_HELP").is_some() {
        fs::write(&path, &help).unwrap();
    }
    let accepted = fs::read_to_string(&path).unwrap_or_default();
    assert!(help == accepted, "the help of {name} changed; ASSAY_ACCEPT_HELP=1 accepts it:\n{}", help);
}

#[test]
fn help_texts_are_as_accepted() {
    compare("assay", &["--help"]);
    let commands = [
        "demo",
        "generate",
        "check",
        "assets",
        "secret",
        "prove",
        "verify",
        "receipt",
        "receipts",
        "verify-receipt",
        "reserves",
        "report",
        "verify-report",
        "site",
        "circuit",
        "bench",
        "completions",
    ];
    let main = assay(["--help"]).is(0).stdout;
    for command in commands {
        assert!(main.contains(&format!("\n  {command} ")), "{command} is not in the main help");
        compare(command, &[command, "--help"]);
        assert_eq!(assay(["help", command]).is(0).stdout, assay([command, "--help"]).is(0).stdout);
    }
    let below = [
        ("assets", ["show", "price", "verify-prices", "import"].as_slice()),
        ("reserves", &["check", "challenge", "resample", "observe"]),
        ("receipts", &["export", "get"]),
        ("site", &["build", "serve", "page"]),
    ];
    for (command, commands) in below {
        for below in commands {
            compare(&format!("{command}-{below}"), &[command, below, "--help"]);
        }
    }
}

#[test]
fn the_version_is_the_crates() {
    assert_eq!(assay(["--version"]).is(0).stdout, format!("assay {}\n", env!("CARGO_PKG_VERSION")));
}
