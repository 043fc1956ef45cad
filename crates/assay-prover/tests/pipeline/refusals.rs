//! Runs that must not begin or go on, and what they say.

use std::fs::{self, File};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use assay_circuit::MAX_TOTALS_ROWS;
use assay_commit::EpochSecret;
use assay_ledger::{LedgerError, LedgerFormat, Place, ProblemKind, Rounding};
use assay_prover::{Event, Job, ProverError, create_secret, prove_ledger, read_secret};
use assay_statement::{Entity, Epoch};

use crate::exchange::{LEDGER, Ledger, Run, specification, table};

fn other_run(run: &Run) -> &'static str {
    match run.prove() {
        Err(ProverError::OtherRun { path, what }) if path == run.work => what,
        other => panic!("{other:?}"),
    }
}

/// A28: a work folder serves the run that it was begun for and no other.
#[test]
fn a28_leftovers_of_another_run() {
    let original = Run::finished();
    let change = |what: &str, change: &dyn Fn(&mut Run)| {
        let mut run = Run { work: original.work.clone(), ..Run::new(&LEDGER) };
        change(&mut run);
        assert_eq!(other_run(&run), what);
        assert!(!run.bundle.exists());
    };
    change("entity", &|run| run.entity = Entity::new("exchange2.example").unwrap());
    change("epoch", &|run| run.epoch = Epoch::new("2026-q2", 1_790_000_000).unwrap());
    change("epoch", &|run| run.epoch = Epoch::new("2026-q3", 1_790_000_001).unwrap());
    change("asset table", &|run| run.assets = table(&["BTC", "ETH"]));
    change("secret", &|run| run.secret = EpochSecret::new([8; 32]));
    change("rounding", &|run| run.rounding = Rounding::Up);
    let other = Ledger::new(&specification(100), LedgerFormat::LongCsv);
    change("ledger", &|run| run.ledger.clone_from(&other.path));
    // One byte of the ledger.
    let mut bytes = fs::read(&LEDGER.path).unwrap();
    let digit = bytes.iter().rposition(|byte| *byte == b'1').unwrap();
    bytes[digit] = b'2';
    let changed = original.folder.path().join("ledger.csv");
    fs::write(&changed, bytes).unwrap();
    change("ledger", &|run| run.ledger.clone_from(&changed));
    // The same ledger elsewhere is the same ledger.
    fs::copy(&LEDGER.path, &changed).unwrap();
    let moved = Run { work: original.work.clone(), ledger: changed, ..Run::new(&LEDGER) };
    assert_eq!(moved.prove().unwrap().proven, 0);
}

#[test]
fn one_process_at_a_time() {
    let run = Run::over_rows(&["BTC"], "a@example.org,BTC,equity,1\n");
    let second = Mutex::new(None);
    prove_ledger(&run.job(), &|event| {
        if matches!(event, Event::Assembling) {
            *second.lock().unwrap() = Some(run.prove());
        }
    })
    .unwrap();
    let second = second.into_inner().unwrap();
    assert!(matches!(second, Some(Err(ProverError::Busy { path })) if path == run.work));
}

#[test]
fn a_ledger_that_changes_while_it_is_read() {
    let run = Run::over_rows(&["BTC"], "a@example.org,BTC,equity,1\n");
    let changed = AtomicBool::new(false);
    let outcome = prove_ledger(&run.job(), &|event| {
        if matches!(event, Event::Reading(_)) && !changed.swap(true, Ordering::Relaxed) {
            let file = File::options().write(true).open(&run.ledger).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        }
    });
    assert!(matches!(outcome, Err(ProverError::LedgerChanged)));
    assert!(!run.bundle.exists());
}

#[cfg(unix)]
#[test]
fn folders_that_others_can_enter() {
    use std::os::unix::fs::PermissionsExt;
    let open = |path| fs::set_permissions(path, fs::Permissions::from_mode(0o750)).unwrap();
    let run = Run::over_rows(&["BTC"], "a@example.org,BTC,equity,1\n");
    fs::create_dir(&run.work).unwrap();
    open(&run.work);
    let refused = |run: &Run| match run.prove() {
        Err(ProverError::OpenFolder { path }) => path,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&run), run.work);
    assert_eq!(fs::read_dir(&run.work).unwrap().count(), 0, "something was written");
    fs::remove_dir(&run.work).unwrap();
    run.prove().unwrap();
    open(&run.work.join("proofs"));
    assert_eq!(refused(&run), run.work.join("proofs"));
}

#[test]
fn secrets_that_cannot_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    assert!(matches!(read_secret(&path), Err(ProverError::File { .. })));
    assert!(matches!(read_secret(folder.path()), Err(ProverError::Secret { .. })));
    let made = create_secret(&path).unwrap();
    assert!(*read_secret(&path).unwrap().expose() == *made.expose(), "another secret came back");
    assert!(matches!(create_secret(&path), Err(ProverError::File { .. })), "a secret was overwritten");
    for text in ["", "0123", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64), &"0".repeat(2_000)] {
        fs::write(&path, text).unwrap();
        assert!(matches!(read_secret(&path), Err(ProverError::Secret { .. })), "{} digits", text.len());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::write(&path, "00".repeat(32)).unwrap();
        assert!(read_secret(&path).is_ok());
        for mode in [0o604, 0o640, 0o620, 0o602] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(read_secret(&path), Err(ProverError::Secret { .. })), "mode {mode:o}");
        }
    }
}

#[test]
fn memory_that_is_too_little() {
    let mut run = Run::over_rows(&["BTC"], "a@example.org,BTC,equity,1\n");
    run.memory = 300 << 20;
    let Err(ProverError::Memory { given, least }) = run.prove() else { panic!("it fits") };
    assert!(given < least);
    run.memory = (least - 1) << 20;
    assert!(matches!(run.prove(), Err(ProverError::Memory { .. })));
    run.memory = least << 20;
    run.prove().unwrap();
}

/// Each position of an account takes a row of its segment's totals.
#[test]
fn an_account_with_more_positions_than_a_segment_holds() {
    let symbols: Vec<String> = (0..1_000).map(|number| format!("A{number:04}")).collect();
    let symbols: Vec<&str> = symbols.iter().map(String::as_str).collect();
    let rows = |count: usize| -> String {
        let row = |number: usize| {
            let kind = if number < 1_000 { "equity" } else { "debt" };
            format!("all@example.org,{},{kind},1\n", symbols[number % 1_000])
        };
        (0..count).map(row).collect()
    };
    let most = Run::over_rows(&symbols, &rows(MAX_TOTALS_ROWS));
    assert_eq!(most.prove().unwrap().positions, MAX_TOTALS_ROWS as u64);
    let more = Run::over_rows(&symbols, &rows(MAX_TOTALS_ROWS + 1));
    let Err(ProverError::Ledger(error)) = more.prove() else { panic!("it was proven") };
    let problem = error.problem().unwrap();
    assert_eq!((problem.account.as_deref(), problem.place), (Some("al…"), Place::Line(2)));
    let kind = ProblemKind::TooManyPositions { most: MAX_TOTALS_ROWS, got: MAX_TOTALS_ROWS + 1 };
    assert_eq!(problem.kind, kind);
    assert!(!more.bundle.exists());
}

/// A25: what a wrong ledger holds doesn't get into texts, which end up in logs.
#[test]
fn a25_texts_tell_no_secrets() {
    const UID: &str = "carol.private@example.org";
    const AMOUNT: &str = "918273.645";
    let rows = [
        format!("{UID},BTC,equity,-{AMOUNT}\n"),
        format!("{UID},BTC,equity,{AMOUNT}\n"),
        format!("{UID},XXX,equity,{AMOUNT}\n"),
        format!("{UID},BTC,{AMOUNT},1\n"),
        format!("{UID},{AMOUNT},equity,1\n"),
        format!("{UID},BTC,equity,1\n{UID},BTC,equity,{AMOUNT}\n"),
        format!("{UID},BTC,equity,1\n{UID},,,\n"),
        format!("{UID}\u{1},BTC,equity,1\n"),
        format!("{UID},BTC,equity,{AMOUNT}"),
        format!("\"{UID}\"x,BTC,equity,1\n"),
        format!("{UID},BTC,equity,1,{AMOUNT}\n"),
    ];
    for (number, rows) in rows.iter().enumerate() {
        let run = Run::over_rows(&["BTC"], rows);
        let error = run.prove().unwrap_err();
        assert!(matches!(error, ProverError::Ledger(LedgerError::Problem(_))), "{number}: {error}");
        for text in [error.to_string(), format!("{error:?}")] {
            assert!(!text.contains("carol") && !text.contains("example.org"), "{number}: uid in {text}");
            assert!(!text.contains("918273") && !text.contains("645"), "{number}: amount in {text}");
        }
        assert!(!run.bundle.exists());
    }
}

#[test]
fn an_empty_ledger() {
    let run = Run::over_rows(&["BTC"], "");
    assert!(matches!(run.prove(), Err(ProverError::NoAccounts)));
}

#[test]
fn outputs_without_a_folder() {
    let mut run = Run::finished();
    run.bundle = run.folder.path().join("missing/bundle.assay");
    let Err(ProverError::File { path, .. }) = run.prove() else { panic!("written where no folder is") };
    assert_eq!(path, run.bundle);
    // A folder in the bundle's place.
    run.bundle = run.folder.path().join("taken");
    fs::create_dir_all(run.bundle.join("inside")).unwrap();
    assert!(matches!(run.prove(), Err(ProverError::File { .. })));
    assert!(!run.folder.path().join("taken.partial").exists());
}

/// A5: accounts below water end the run, or are left out, listed and told; nothing of the one choice serves the other.
#[test]
fn a5_accounts_below_water() {
    let rows = "debtor@example.org,BTC,debt,1.00\nsaver@example.org,BTC,equity,2.00\n\
                tricky@example.org,ETH,equity,1.00\ntricky@example.org,ETH,collateral_loan,1.01\n";
    let run = Run::over_rows(&["BTC", "ETH"], rows);
    let Err(ProverError::Ledger(error)) = run.prove() else { panic!("it is proven") };
    assert!(error.to_string().contains("line 2, account de…: breaks the rule debt_uncovered"), "{error}");
    let list = run.folder.path().join("excluded.csv");
    let job = || Job { exclude_invalid: Some(list.clone()), ..run.job() };
    let other = prove_ledger(&job(), &|_| {});
    assert!(matches!(other, Err(ProverError::OtherRun { .. })));
    assert!(!list.exists() && !run.totals.exists());

    fs::remove_dir_all(&run.work).unwrap();
    // The second time the run is taken up, and tells the same.
    for _ in 0..2 {
        let outcome = prove_ledger(&job(), &|_| {}).unwrap();
        let (accounts, totals) = outcome.statement.figures.exact().unwrap();
        assert_eq!((accounts, totals.len()), (1, 1));
        let excluded = outcome.excluded.unwrap();
        let left: Vec<_> = excluded.totals.iter().map(|(key, total)| (key.number(), total)).collect();
        assert_eq!((excluded.accounts, left), (2, vec![(9, 100), (16, 100), (18, 101)]));
        let expected = "uid,rule,asset,product,by\ndebtor@example.org,debt_uncovered,,,1.000030517578125\n\
                        tricky@example.org,collateral_exceeds_equity,ETH,,0.01\n";
        assert_eq!(fs::read_to_string(&list).unwrap(), expected);
        fs::remove_file(&list).unwrap();
    }
    assert!(matches!(run.prove(), Err(ProverError::OtherRun { .. })));
}
