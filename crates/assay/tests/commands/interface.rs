//! What all commands share: exit codes, and what goes to which stream.

use std::fs;

use serde_json::Value;

use crate::exchange::{Answer, Exchange, FINISHED, MEMORY, another, answer, arguments, assay, command, uid};

/// A22: a script that looks at the exit code alone is never told that something holds when it doesn't.
#[test]
fn a22_exit_codes() {
    let Exchange { bundle, totals, folder, .. } = &FINISHED.exchange;
    let exchange = &FINISHED.exchange;
    answer(&mut exchange.verify(bundle)).is(0);
    answer(exchange.verify(bundle).args(["--root", &another(&FINISHED.root)])).is(1);
    answer(exchange.verify(bundle).args(["--root", "12"])).is(2);
    answer(&mut exchange.verify(totals)).is(3);
    answer(&mut exchange.verify(&folder.path().join("missing"))).is(4);
    answer(&mut exchange.verify(folder.path())).is(4);
    assay(["verify"]).is(2);
    assay(["no-such-command"]).is(2);
    assay::<&str>([]).is(2);
}

/// A22: a verdict that nobody can read isn't given, and isn't a bug either.
#[cfg(target_os = "linux")]
#[test]
fn a22_a_full_output_is_not_a_success() {
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for arguments in [&["circuit"][..], &["circuit", "--json"]] {
        let status = std::process::Command::new(env!("CARGO_BIN_EXE_assay"))
            .args(arguments)
            .stdout(full())
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(4));
    }
}

/// Every command, once in success and once in each failure that it can be brought to here.
#[test]
fn json_is_one_object_whatever_happens() {
    let exchange = Exchange::with_rows("a@example.org,BTC,equity,1\nb@example.org,ETH,equity,2.5\n");
    let broken = Exchange::with_rows("a@example.org,BTC,equity,-1\n");
    let root = exchange.prove().is(0).json()["root"].as_str().unwrap().to_owned();
    let receipt = exchange.path("receipt.json");
    let shown = answer(exchange.receipt("a@example.org").arg("--json")).is(0);
    fs::write(&receipt, &shown.stdout).unwrap();
    let said = |answer: Answer, code: i32, error: Option<&str>| {
        let answer = answer.is(code);
        let json = answer.json();
        assert_eq!(json.get("error").and_then(Value::as_str), error, "{json}");
        assert_eq!(json["version"], 1);
        if let Some(ok) = json.get("ok") {
            assert_eq!(*ok, code == 0);
        }
        assert_eq!(answer.stderr.contains("error: "), code != 0, "{}", answer.stderr);
    };
    let run = |mut command: assert_cmd::Command| answer(command.arg("--json"));
    let json = |list: &[&str]| assay(list.iter().chain(&["--json"]));

    said(shown, 0, None);
    said(run(exchange.receipt("nobody@example.org")), 1, Some("rejected"));
    said(run(exchange.receipt("\u{1}")), 2, Some("usage"));
    said(exchange.prove(), 0, None);
    said(broken.prove(), 3, Some("unreadable"));
    said(run(broken.receipt("a@example.org")), 4, Some("not_checked"));
    said(run(exchange.verify(&exchange.bundle)), 0, None);
    said(run(exchange.verify(&exchange.ledger)), 3, Some("unreadable"));
    said(run(exchange.verify(&exchange.path("missing"))), 4, Some("not_checked"));
    said(run(exchange.verify_receipt(&receipt, "a@example.org", &root)), 0, None);
    said(run(exchange.verify_receipt(&receipt, "b@example.org", &root)), 1, Some("rejected"));
    said(run(exchange.verify_receipt(&exchange.ledger, "b@example.org", &root)), 3, Some("unreadable"));
    said(run(exchange.verify_receipt(&receipt, "a@example.org", "1234")), 2, Some("usage"));
    let check = |exchange: &Exchange| {
        assay(arguments!["--json", "check", &exchange.ledger, "--assets", &exchange.assets])
    };
    said(check(&exchange), 0, None);
    said(check(&broken), 1, Some("rejected"));
    said(assay(arguments!["--json", "secret", exchange.path("secret2")]), 0, None);
    said(assay(arguments!["--json", "secret", &exchange.secret]), 4, Some("not_checked"));
    let made = exchange.path("made");
    said(assay(arguments!["--json", "generate", "--accounts", "5", "--out", &made]), 0, None);
    said(assay(arguments!["--json", "generate", "--assets", "9999", "--out", &made]), 2, Some("usage"));
    let demo = exchange.path("demo");
    let demo =
        || assay(arguments!["--json", "demo", "--accounts", "20", "--dir", &demo, MEMORY[0], MEMORY[1]]);
    said(demo(), 0, None);
    said(demo(), 2, Some("usage"));
    said(json(&["bench", "--accounts", "10", "--memory", "1"]), 2, Some("usage"));
    said(json(&["circuit"]), 0, None);
    said(json(&["circuit", "extra"]), 2, Some("usage"));
    said(json(&["completions", "fish"]), 0, None);
    said(json(&["completions", "none"]), 2, Some("usage"));
    said(json(&["verify"]), 2, Some("usage"));
    said(json(&[]), 2, Some("usage"));
}

/// What is missing is said in JSON too.
#[test]
fn usage_errors_say_what_is_wrong() {
    let message = assay(["verify", "--json"]).is(2).json()["message"].as_str().unwrap().to_owned();
    for name in ["--entity", "--epoch", "--time", "<PROOF>"] {
        assert!(message.contains(name), "{message}");
    }
}

#[test]
fn quiet_commands_say_nothing_on_standard_error() {
    let exchange = &FINISHED.exchange;
    let verified = answer(exchange.verify(&exchange.bundle).args(["--root", &FINISHED.root])).is(0);
    assert_eq!(verified.stderr, "");
    let again =
        answer(exchange.prove_into(&exchange.path("quiet")).args(crate::exchange::SNAPSHOT).arg("-q")).is(0);
    assert_eq!(again.stderr, "");
    assert!(again.stdout.contains(&FINISHED.root));
}

/// A log that is no longer read doesn't end a run.
#[cfg(unix)]
#[test]
fn a_closed_standard_error_ends_no_run() {
    let exchange = Exchange::generate(50, "csv", &[]);
    let line = format!(
        "exec {} prove '{}' --assets '{}' --secret '{}' --out '{}' {} {} --json 2> >(exec 0<&-; exit 0)",
        env!("CARGO_BIN_EXE_assay"),
        exchange.ledger.display(),
        exchange.assets.display(),
        exchange.secret.display(),
        exchange.out.display(),
        crate::exchange::SNAPSHOT.join(" "),
        MEMORY.join(" "),
    );
    let mut shell = assert_cmd::Command::new("bash");
    let ended = answer(shell.arg("-c").arg(line)).is(0);
    assert_eq!(ended.json()["ok"], true);
}

/// Nothing that a command says on the way holds a uid or a balance: terminals and logs are read by many.
#[test]
fn outputs_tell_nothing_of_single_accounts() {
    let exchange = &FINISHED.exchange;
    let ledger = fs::read_to_string(&exchange.ledger).unwrap();
    let totals: Value = serde_json::from_slice(&fs::read(&exchange.totals).unwrap()).unwrap();
    let mut said = String::new();
    let mut add = |answer: Answer| {
        said.push_str(&answer.stdout);
        said.push_str(&answer.stderr);
    };
    for json in [&[][..], &["--json"]] {
        let check = arguments!["check", &exchange.ledger, "--assets", &exchange.assets];
        add(answer(command().args(check).args(json)).is(0));
        let out = exchange.path(if json.is_empty() { "scan" } else { "scan-json" });
        add(answer(exchange.prove_into(&out).args(crate::exchange::SNAPSHOT).args(json)).is(0));
        add(answer(exchange.prove_into(&out).args(crate::exchange::SNAPSHOT).args(json)).is(0));
        add(answer(exchange.verify(&exchange.bundle).arg("--totals").arg(&exchange.totals).args(json)).is(0));
        add(answer(exchange.verify(&exchange.bundle).args(["--time", "1"]).args(json)).is(2));
        add(answer(exchange.receipt(&uid(999_999)).args(json)).is(1));
    }
    // A figure stands where no digit touches it; words are cut the same way for both.
    let words: std::collections::HashSet<&str> =
        said.split(|c: char| c.is_whitespace() || ",\":{}[]()".contains(c)).collect();
    let totals: std::collections::HashSet<&str> =
        totals["totals"].as_array().unwrap().iter().map(|entry| entry["total"].as_str().unwrap()).collect();
    assert!(words.len() > 50 && words.contains(FINISHED.root.as_str()));
    let mut balances = 0;
    for row in ledger.lines().skip(1) {
        let (uid, rest) = row.split_once(',').unwrap();
        assert!(!words.contains(uid) && !said.contains(uid));
        let amount = rest.rsplit(',').next().unwrap();
        let base_units = amount.replace('.', "");
        let base_units = base_units.trim_start_matches('0');
        // Short figures are also counts and times; the total of one holder is that holder's balance.
        if base_units.len() >= 6 && !totals.contains(base_units) {
            balances += 1;
            assert!(!words.contains(amount) && !words.contains(base_units), "a balance was said");
        }
    }
    assert!(balances > 1_000, "{balances} balances looked for");
}
