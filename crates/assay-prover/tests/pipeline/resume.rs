//! Runs that were stopped, and work folders that were damaged: the next run ends with the same root or says what is wrong.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

use assay_ledger::LedgerFormat;
use assay_prover::{Event, ProverError, ReceiptsError, prove_ledger};
use serde_json::Value;

use crate::exchange::{ACCOUNTS, FINISHED, LEDGER, Ledger, Run, Seen, specification, uid};

const SEGMENTS: usize = 5;

/// Runs the job again and checks that all is as it was, with these segments' proofs made anew.
fn ends_the_same(run: &Run, useless: &[usize], missing: &[usize]) {
    let (finished, before) = &*FINISHED;
    fs::remove_file(&run.bundle).unwrap();
    let (outcome, seen) = run.watch();
    let outcome = outcome.unwrap();
    assert_eq!(outcome.statement, before.statement);
    // Proofs that are made anew can differ in nonces that are searched for in parallel.
    assert_eq!(run.verify().as_ref(), Ok(&before.statement));
    assert!(outcome.proven > 0 || run.bundle() == finished.bundle(), "another bundle");
    assert_eq!(outcome.proven, useless.len() + missing.len());
    assert_eq!(outcome.kept, SEGMENTS - outcome.proven);
    assert_eq!(seen.useless, useless);
    let kept = (0..SEGMENTS).filter(|segment| !useless.contains(segment) && !missing.contains(segment));
    assert_eq!(seen.kept, kept.collect::<Vec<_>>());
}

/// Runs the job again: it must say that a file is damaged and write no bundle.
fn finds_damage(run: &Run) -> PathBuf {
    fs::remove_file(&run.bundle).unwrap();
    let error = run.prove().unwrap_err();
    assert!(!run.bundle.exists(), "a bundle in spite of damage");
    fs::copy(&FINISHED.0.bundle, &run.bundle).unwrap();
    match error {
        ProverError::Damaged { path } => path,
        error => panic!("{error}"),
    }
}

fn entry(run: &Run, segment: usize) -> PathBuf {
    run.work.join(format!("proofs/{segment:05}.json"))
}

fn record(run: &Run, segment: usize) -> PathBuf {
    let entry = read_json(&entry(run, segment));
    run.work.join(format!("proofs/{}.segment", entry["record_blake3"].as_str().unwrap()))
}

fn accounts(run: &Run, segment: usize) -> PathBuf {
    run.work.join(format!("segments/{segment:05}.accounts"))
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn edit_json(path: &Path, edit: impl FnOnce(&mut Value)) {
    let mut value = read_json(path);
    edit(&mut value);
    fs::write(path, value.to_string()).unwrap();
}

fn edit(path: &Path, edit: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    edit(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn swap(a: &Path, b: &Path) {
    let bytes = fs::read(a).unwrap();
    fs::copy(b, a).unwrap();
    fs::write(b, bytes).unwrap();
}

#[test]
fn a_finished_run_is_kept() {
    assert_eq!(FINISHED.1.statement.segments, Some(SEGMENTS));
    ends_the_same(&Run::finished(), &[], &[]);
}

/// Each run of one folder is stopped a stage later than the one before, and no segment is proven twice.
#[test]
fn a_run_can_be_stopped_anywhere() {
    struct Stopped;
    let (_, finished) = &*FINISHED;
    let run = Run::new(&LEDGER);
    let stops: [fn(&Event<'_>) -> bool; 6] = [
        |event| matches!(event, Event::Fingerprint),
        |event| matches!(event, Event::Reading(_)),
        |event| matches!(event, Event::Dealing(_)),
        |event| matches!(event, Event::Proving { done: 1, .. }),
        |event| matches!(event, Event::Proving { done: 3, .. }),
        |event| matches!(event, Event::Assembling),
    ];
    for stop in stops {
        // Unwinding out of the run ends it where it is, with whatever is on disk then.
        let stopped = catch_unwind(AssertUnwindSafe(|| {
            prove_ledger(&run.job(), &|event| {
                if stop(&event) {
                    resume_unwind(Box::new(Stopped));
                }
            })
        }));
        assert!(stopped.is_err_and(|reason| reason.is::<Stopped>()));
        assert!(!run.bundle.exists());
        assert!(run.receipts_error().is_some_and(|error| matches!(error, ReceiptsError::NotFinished)));
    }
    let (outcome, seen) = run.watch();
    let outcome = outcome.unwrap();
    assert_eq!(outcome.statement, finished.statement);
    assert_eq!((outcome.kept, outcome.proven), (SEGMENTS, 0));
    assert_eq!(seen, Seen { kept: (0..SEGMENTS).collect(), useless: vec![], layout_kept: true });
    assert_eq!(run.verify().as_ref(), Ok(&finished.statement));
}

#[test]
fn stopped_runs_keep_their_shape() {
    let mut run = Run::finished();
    fs::remove_file(entry(&run, 2)).unwrap();
    // With more memory the choice would be another, be it before the layout or after.
    run.memory = 2 << 30;
    ends_the_same(&run, &[], &[2]);
    fs::remove_file(run.work.join("layout.json")).unwrap();
    ends_the_same(&run, &[], &[]);
    assert_eq!(read_json(&run.work.join("layout.json"))["shape"], "small-covered");
}

/// A ledger that fits one segment of several shapes has the same accounts in it, but not the same proof.
#[test]
fn proofs_of_another_shape_are_made_again() {
    let run = Run::finished();
    edit_json(&entry(&run, 1), |entry| entry["shape"] = "medium-covered".into());
    ends_the_same(&run, &[1], &[]);
    assert_eq!(read_json(&entry(&run, 1))["shape"], "small-covered");
}

#[test]
fn missing_and_half_written_files() {
    let run = Run::finished();
    fs::remove_file(record(&run, 0)).unwrap();
    fs::remove_file(entry(&run, 3)).unwrap();
    let half = fs::read(record(&run, 1)).unwrap();
    for name in [
        "proofs/00003.json.partial",
        "plan.json.partial",
        "layout.json.partial",
        "segments/00000.accounts.partial",
    ] {
        fs::write(run.work.join(name), &half[..1000]).unwrap();
    }
    fs::write(run.folder.path().join("bundle.assay.partial"), &half).unwrap();
    ends_the_same(&run, &[0], &[3]);
    assert!(!run.folder.path().join("bundle.assay.partial").exists());
    fs::remove_dir_all(run.work.join("proofs")).unwrap();
    ends_the_same(&run, &[], &[0, 1, 2, 3, 4]);
}

#[test]
fn damaged_and_swapped_records() {
    let run = Run::finished();
    edit(&record(&run, 0), |bytes| bytes[5_000] ^= 1);
    edit(&record(&run, 1), |bytes| bytes.truncate(bytes.len() - 1));
    ends_the_same(&run, &[0, 1], &[]);
    swap(&record(&run, 2), &record(&run, 3));
    ends_the_same(&run, &[2, 3], &[]);
    swap(&entry(&run, 0), &entry(&run, 4));
    ends_the_same(&run, &[0, 4], &[]);
    edit(&entry(&run, 1), |bytes| bytes.truncate(40));
    edit_json(&entry(&run, 2), |entry| entry["circuit"] = "0".repeat(64).into());
    edit_json(&entry(&run, 3), |entry| entry["record_bytes"] = 1.into());
    // An entry must not lead out of its folder.
    edit_json(&entry(&run, 4), |entry| entry["record_blake3"] = "../../../../etc/passwd".into());
    ends_the_same(&run, &[1, 2, 3, 4], &[]);
}

/// A kept record that is whole, but another segment's.
#[test]
fn an_entry_with_another_segments_record() {
    let run = Run::finished();
    let other = read_json(&entry(&run, 1));
    edit_json(&entry(&run, 2), |entry| {
        for field in ["record_blake3", "record_bytes", "rows"] {
            entry[field] = other[field].clone();
        }
    });
    assert_eq!(finds_damage(&run), run.work.join("proofs"));
}

#[test]
fn a_lost_layout_is_made_again() {
    let run = Run::finished();
    fs::remove_file(run.work.join("layout.json")).unwrap();
    ends_the_same(&run, &[], &[]);
    edit_json(&run.work.join("layout.json"), |layout| layout["version"] = 99.into());
    ends_the_same(&run, &[], &[]);
}

#[test]
fn a_damaged_layout_is_refused() {
    let edits: [fn(&mut Value); 9] = [
        |layout| layout["accounts"] = (ACCOUNTS - 1).into(),
        |layout| layout["segments"][1]["accounts"] = u64::MAX.into(),
        |layout| layout["segments"][1]["first_key"] = 0.into(),
        |layout| layout["segments"].as_array_mut().unwrap().swap(1, 2),
        |layout| layout["segments"] = Value::Array(Vec::new()),
        |layout| drop(layout["segments"].as_array_mut().unwrap().pop()),
        |layout| layout["plan"] = "0".repeat(64).into(),
        // A shape that the plan doesn't have, and one that nobody has.
        |layout| layout["shape"] = "large".into(),
        |layout| layout["shape"] = "vast".into(),
    ];
    let run = Run::finished();
    let path = run.work.join("layout.json");
    let whole = fs::read(&path).unwrap();
    for change in edits {
        fs::write(&path, &whole).unwrap();
        edit_json(&path, change);
        assert_eq!(finds_damage(&run), path);
    }
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(finds_damage(&run), path);
}

#[test]
fn a_damaged_plan_is_refused() {
    let edits: [fn(&mut Value); 2] =
        [|plan| plan["shapes"] = Value::Array(Vec::new()), |plan| plan["shapes"] = "small".into()];
    let run = Run::finished();
    let path = run.work.join("plan.json");
    let whole = fs::read(&path).unwrap();
    for change in edits {
        fs::write(&path, &whole).unwrap();
        let _ = fs::remove_file(run.work.join("layout.json"));
        edit_json(&path, change);
        assert_eq!(finds_damage(&run), path);
    }
}

/// A28: the segments of another epoch, put into this epoch's folder.
#[test]
fn a28_a_layout_of_another_epoch_is_refused() {
    let mut other = Run::new(&LEDGER);
    other.epoch = assay_statement::Epoch::new("2026-q2", 1_780_000_000).unwrap();
    let stopped = catch_unwind(AssertUnwindSafe(|| {
        prove_ledger(&other.job(), &|event| {
            if matches!(event, Event::Proving { .. }) {
                resume_unwind(Box::new(()));
            }
        })
    }));
    assert!(stopped.is_err());
    let run = Run::finished();
    fs::copy(other.work.join("layout.json"), run.work.join("layout.json")).unwrap();
    for segment in 0..SEGMENTS {
        fs::copy(accounts(&other, segment), accounts(&run, segment)).unwrap();
    }
    assert_eq!(finds_damage(&run), run.work.join("layout.json"));
}

#[test]
fn a_replaced_accounts_file() {
    let run = Run::finished();
    fs::copy(accounts(&run, 0), accounts(&run, 1)).unwrap();
    // The proof is of the accounts that were there, so the bundle is right; a receipt from the wrong ones isn't made.
    ends_the_same(&run, &[], &[]);
    let mut failed = 0;
    let mut receipts = run.receipts();
    for (name, _) in LEDGER.accounts.iter().take(100) {
        match receipts.receipt(&uid(name)) {
            Ok(_) => {}
            Err(ReceiptsError::Work(ProverError::Damaged { .. })) => failed += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!((1..100).contains(&failed));
    // With the proof gone, the segment can't be proven.
    fs::remove_file(entry(&run, 1)).unwrap();
    assert_eq!(finds_damage(&run), accounts(&run, 1));
    edit(&accounts(&run, 1), |bytes| bytes.truncate(100));
    assert_eq!(finds_damage(&run), accounts(&run, 1));
    fs::remove_file(accounts(&run, 1)).unwrap();
    let missing = run.prove().unwrap_err();
    assert!(matches!(missing, ProverError::File { path, .. } if path == accounts(&run, 1)));
}

/// Receipts come from the run that made the totals file only.
#[test]
fn a28_receipts_of_another_run_are_refused() {
    let (finished, _) = &*FINISHED;
    let ledger = Ledger::new(&specification(50), LedgerFormat::LongCsv);
    let other = Run::new(&ledger);
    other.prove().unwrap();
    let opened = |work: &Path, totals: &Run| {
        assay_prover::ReceiptMaker::open(work, &totals.totals_file()).map(drop).unwrap_err()
    };
    assert!(matches!(opened(&other.work, finished), ReceiptsError::OtherRun));
    assert!(matches!(opened(&finished.work, &other), ReceiptsError::OtherRun));
    // Accounts and layout of another run that fit each other, but not the root.
    fs::copy(finished.work.join("tree.json"), other.work.join("tree.json")).unwrap();
    let mut mixed = assay_prover::ReceiptMaker::open(&other.work, &finished.totals_file()).unwrap();
    let made = mixed.for_each(|_, _| panic!("a receipt that the root does not hold"));
    assert!(matches!(made, Err(ReceiptsError::OtherRun)));
}

impl Run {
    /// Why receipts can't be made, with the finished run's totals file.
    fn receipts_error(&self) -> Option<ReceiptsError> {
        assay_prover::ReceiptMaker::open(&self.work, &FINISHED.0.totals_file()).err()
    }
}
