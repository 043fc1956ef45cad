use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::exchange::{Exchange, FINISHED, SNAPSHOT, answer, arguments, assay};

/// Starts to prove and kills the process with SIGKILL once `moment` says so of a line of progress, or when time is up.
/// Returns whether it was killed before its end.
fn killed(out: &Path, moment: impl Fn(&str) -> bool, time: Option<Duration>) -> bool {
    let Exchange { ledger, assets, secret, .. } = &FINISHED.exchange;
    let mut child = Command::new(env!("CARGO_BIN_EXE_assay"))
        .args(arguments![
            "prove",
            ledger,
            "--assets",
            assets,
            "--secret",
            secret,
            "--out",
            out,
            "--memory",
            "420M",
            "--no-proof"
        ])
        .args(SNAPSHOT)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    match time {
        Some(time) => std::thread::sleep(time),
        None => {
            let lines = BufReader::new(child.stderr.take().unwrap()).lines();
            let _ = lines.map_while(Result::ok).find(|line| moment(line));
        }
    }
    child.kill().unwrap();
    !child.wait().unwrap().success()
}

/// Proves to the end and returns how many segments were there already.
fn finish(out: &Path) -> u64 {
    let exchange = &FINISHED.exchange;
    let outcome = answer(exchange.prove_into(out).args(SNAPSHOT).arg("--json")).is(0).json();
    assert_eq!(outcome["root"], FINISHED.root.as_str());
    assert_eq!(outcome["segments"], FINISHED.segments);
    answer(exchange.verify(&out.join("bundle.assay")).args(["--root", &FINISHED.root])).is(0);
    outcome["segments_kept"].as_u64().unwrap()
}

#[test]
fn a_killed_run_goes_on_where_it_was() {
    assert!(FINISHED.segments >= 4);
    let out = FINISHED.exchange.path("killed");
    let mut kills = 0;
    for moment in ["hashing", "reading", "sorting", "proving", "proving: 1 of", "proving: 3 of"] {
        kills += u32::from(killed(&out, |line| line.starts_with(moment), None));
    }
    // On a busy machine a run can come to its end before the signal does.
    assert!(kills >= 4, "killed only {kills} times");
    assert!(finish(&out) >= 3);
    assert_eq!(finish(&out), FINISHED.segments);
}

#[test]
fn a_run_killed_at_any_time_goes_on() {
    for milliseconds in [2, 10, 30, 60, 120, 200, 300, 450] {
        let out = FINISHED.exchange.path(&format!("killed-{milliseconds}"));
        killed(&out, |_| false, Some(Duration::from_millis(milliseconds)));
        let bundle = out.join("bundle.assay");
        if bundle.exists() {
            // What has the bundle's name is a whole bundle.
            answer(FINISHED.exchange.verify(&bundle).args(["--root", &FINISHED.root])).is(0);
        }
        finish(&out);
    }
}

#[test]
fn a_folder_of_another_run_is_refused() {
    let exchange = &FINISHED.exchange;
    let before = fs::read(&exchange.bundle).unwrap();
    let refused = |name: &str, value: &str, what: &str| {
        let mut snapshot = SNAPSHOT.map(str::to_owned);
        let at = snapshot.iter().position(|text| text == name).unwrap();
        snapshot[at + 1] = value.to_owned();
        let said = answer(exchange.prove_into(&exchange.out).args(snapshot)).is(2);
        assert!(said.stderr.contains(&format!("another {what};")), "{}", said.stderr);
    };
    refused("--entity", "other.example", "entity");
    refused("--epoch", "2026-q4", "epoch");
    refused("--time", "1", "epoch");
    let rounded = answer(exchange.prove_into(&exchange.out).args(SNAPSHOT).arg("--round")).is(2);
    assert!(rounded.stderr.contains("another rounding;"));
    let secret = exchange.path("another-secret");
    assay(arguments!["secret", &secret]).is(0);
    let other = Exchange { secret, folder: tempfile::tempdir().unwrap(), ..Exchange::with_rows("") };
    let mut command = crate::exchange::command();
    command.arg("prove").arg(&exchange.ledger).arg("--assets").arg(&exchange.assets).args(SNAPSHOT);
    command.arg("--secret").arg(&other.secret).arg("--out").arg(&exchange.out).args([
        "--memory",
        "420M",
        "--no-proof",
    ]);
    assert!(answer(&mut command).is(2).stderr.contains("another secret;"));
    assert!(fs::read(&exchange.bundle).unwrap() == before, "the bundle was touched");
}

#[test]
fn what_cannot_be_proven() {
    let exchange = Exchange::with_rows("carol@example.org,BTC,equity,-918273.64\n");
    let said = exchange.prove().is(3);
    assert!(said.stderr.contains("hint: `assay check`"), "{}", said.stderr);
    assert!(!said.stderr.contains("918273") && !said.stderr.contains("carol"), "{}", said.stderr);
    assert!(!exchange.bundle.exists() && !exchange.totals.exists());
    Exchange::with_rows("").prove().is(3);
    let mut exchange = Exchange::with_rows("a@example.org,BTC,equity,1\n");
    fs::write(&exchange.secret, "no secret").unwrap();
    exchange.prove().is(3);
    exchange.secret = exchange.path("missing");
    exchange.prove().is(4);
}

#[cfg(unix)]
#[test]
fn rights_are_minded() {
    use std::os::unix::fs::PermissionsExt;

    use crate::exchange::mode;
    let exchange = &FINISHED.exchange;
    assert_eq!((mode(&exchange.bundle), mode(&exchange.work)), (0o600, 0o700));
    let exchange = Exchange::with_rows("a@example.org,BTC,equity,1\n");
    fs::set_permissions(&exchange.secret, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(exchange.prove().is(3).stderr.contains("chmod 600"));
    fs::set_permissions(&exchange.secret, fs::Permissions::from_mode(0o600)).unwrap();
    fs::create_dir_all(&exchange.work).unwrap();
    fs::set_permissions(&exchange.work, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(exchange.prove().is(2).stderr.contains("chmod 700"));
}
