//! What comes out of honest runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use assay_circuit::{MAX_TOTALS_ROWS, SegmentShape};
use assay_ledger::{LedgerFormat, Order, Rounding};
use assay_prover::{ProverError, ReceiptsError, prove_ledger};
use assay_statement::{EntryKey, Kind, Totals};
use assay_verifier::SegmentRecord;

use crate::exchange::{ACCOUNTS, FINISHED, LEDGER, Ledger, Run, specification, uid, walk};

#[test]
fn totals_are_plain_sums() {
    let (run, outcome) = &*FINISHED;
    let statement = &outcome.statement;
    assert_eq!(statement.figures.exact(), Some((ACCOUNTS, &LEDGER.totals)));
    assert_eq!(outcome.positions, LEDGER.positions());
    assert_eq!(outcome.rounded, 0);
    let segments = statement.segments.unwrap();
    assert!(segments >= 4, "{segments} segments");
    assert_eq!((outcome.kept, outcome.proven), (0, segments));
    assert_eq!(outcome.bundle_bytes, Some(run.bundle().len() as u64));
    assert_eq!(outcome.proof_bytes, None);
    assert_eq!(run.verify().as_ref(), Ok(statement));
    assert!(run.totals_file().matches(statement));
}

/// Whoever verifies segments in a circuit has one for each shape, so all tables have the heights of the run's.
#[test]
fn all_segments_have_one_shape() {
    let (run, outcome) = &*FINISHED;
    let hasher = assay_commit::Hasher::new();
    let records = walk(&run.work.join("proofs"));
    let records = records.iter().filter(|path| path.extension().is_some_and(|text| text == "segment"));
    let heights: Vec<_> = records
        .map(|path| {
            let record =
                SegmentRecord::from_bytes(&hasher, &std::fs::read(path).unwrap(), &assay_commit::EMPTY)
                    .unwrap();
            assert!(record.totals.len() <= MAX_TOTALS_ROWS);
            record.proof.degree_bits
        })
        .collect();
    assert_eq!(Some(heights.len()), outcome.statement.segments);
    assert!(heights.iter().all(|heights| SegmentShape::of_heights(heights) == Some(outcome.shape)));
}

#[test]
fn receipts_of_all_accounts_verify() {
    let (run, outcome) = &*FINISHED;
    let mut accounts: BTreeMap<_, _> = LEDGER.accounts.iter().cloned().collect();
    let mut receipts = run.receipts();
    let made = receipts
        .for_each(|name, receipt| {
            let verified =
                receipt.verify(&uid(name), &run.assets, &run.entity, &outcome.statement.root).unwrap();
            assert!(accounts.remove(name) == Some(verified.entries), "a receipt shows other entries");
            Ok(())
        })
        .unwrap();
    assert_eq!(made, ACCOUNTS);
    assert!(accounts.is_empty(), "{} accounts have no receipt", accounts.len());
}

#[test]
fn a_receipt_is_for_its_uid_and_root_only() {
    let (run, outcome) = &*FINISHED;
    let root = outcome.statement.root;
    let mut receipts = run.receipts();
    for pair in LEDGER.accounts.chunks(2).step_by(100) {
        let [(name, entries), (other, _)] = pair else { continue };
        let receipt = receipts.receipt(&uid(name)).unwrap();
        let verified = receipt.verify(&uid(name), &run.assets, &run.entity, &root).unwrap();
        assert!(verified.entries == *entries, "a receipt shows other entries");
        assert!(receipt.verify(&uid(other), &run.assets, &run.entity, &root).is_err());
        assert!(receipt.verify(&uid(name), &run.assets, &run.entity, &assay_commit::EMPTY).is_err());
    }
}

#[test]
fn strangers_have_no_receipt() {
    let mut receipts = FINISHED.0.receipts();
    for number in 0..50 {
        let stranger = uid(&format!("stranger{number}@example.org"));
        assert!(matches!(receipts.receipt(&stranger), Err(ReceiptsError::NoAccount)));
    }
}

#[test]
fn the_order_of_the_ledger_does_not_matter() {
    let spec = specification(600);
    let unsorted = Ledger::new(&spec, LedgerFormat::LongCsv);
    let sorted =
        Ledger::new(&assay_ledger::synthetic::SyntheticSpec { sorted: true, ..spec }, LedgerFormat::LongCsv);
    let first = Run::new(&unsorted);
    let root = first.prove().unwrap().statement.root;
    let second = Run::new(&sorted);
    let mut job = second.job();
    job.order = Order::Sorted;
    let outcome = prove_ledger(&job, &|_| {}).unwrap();
    assert_eq!(outcome.statement.root, root);
    assert_eq!(*outcome.statement.figures.at_most().1, unsorted.totals);
}

#[test]
fn memory_changes_segments_but_not_totals() {
    let (_, small) = &*FINISHED;
    let mut run = Run::new(&LEDGER);
    run.memory = 2 << 30;
    let large = run.prove().unwrap();
    assert_eq!((small.shape.name(), large.shape.name()), ("small-covered", "medium-covered"));
    assert!(large.statement.segments < small.statement.segments);
    assert_eq!(large.statement.figures, small.statement.figures);
}

#[test]
fn one_account() {
    let run = Run::over_rows(&["BTC", "ETH"], "only@example.org,ETH,equity,12.34\n");
    let statement = run.prove().unwrap().statement;
    let key = EntryKey::new(1, Kind::EQUITY).unwrap();
    assert_eq!(statement.segments, Some(1));
    let (accounts, totals) = statement.figures.exact().unwrap();
    assert_eq!((accounts, totals.iter().collect::<Vec<_>>()), (1, vec![(key, 1_234)]));
    let receipt = run.receipts().receipt(&uid("only@example.org")).unwrap();
    receipt.verify(&uid("only@example.org"), &run.assets, &run.entity, &statement.root).unwrap();
}

#[test]
fn accounts_without_positions() {
    let run = Run::over_rows(&["BTC"], "a@example.org,,,\nb@example.org,,,\nc@example.org,,,\n");
    let outcome = run.prove().unwrap();
    assert_eq!(outcome.statement.figures.exact(), Some((3, &Totals::new())));
    assert_eq!(outcome.positions, 0);
    let receipt = run.receipts().receipt(&uid("b@example.org")).unwrap();
    let root = &outcome.statement.root;
    assert!(
        receipt.verify(&uid("b@example.org"), &run.assets, &run.entity, root).unwrap().entries.is_empty()
    );
}

/// As many keys as a segment's totals have rows, up to the last asset of a large table.
#[test]
fn an_account_with_most_assets_of_a_large_table() {
    let symbols: Vec<String> = (0..1_000).map(|number| format!("A{number:04}")).collect();
    let symbols: Vec<&str> = symbols.iter().map(String::as_str).collect();
    let few = [("equity", 2), ("debt", 1), ("collateral_loan", 2)];
    let mut rows: String =
        few.iter().map(|(kind, amount)| format!("few@example.org,A0500,{kind},{amount}\n")).collect();
    // Of the three keys the first is held by both.
    let held = MAX_TOTALS_ROWS - 2;
    for (number, symbol) in symbols.iter().enumerate().skip(1_000 - held) {
        writeln!(rows, "most@example.org,{symbol},equity,{}.01", number + 1).unwrap();
    }
    let run = Run::over_rows(&symbols, &rows);
    let outcome = run.prove().unwrap();
    let (accounts, totals) = outcome.statement.figures.exact().unwrap();
    assert_eq!((accounts, outcome.positions), (2, MAX_TOTALS_ROWS as u64 + 1));
    assert_eq!(totals.len(), MAX_TOTALS_ROWS);
    let last = EntryKey::new(999, Kind::EQUITY).unwrap();
    assert_eq!(totals.get(last), 100_001);
    let receipt = run.receipts().receipt(&uid("most@example.org")).unwrap();
    let root = &outcome.statement.root;
    let verified = receipt.verify(&uid("most@example.org"), &run.assets, &run.entity, root).unwrap();
    assert_eq!(verified.entries.len(), held);
}

/// A26: what is rounded is rounded against the exchange, and counted; unasked, nothing is.
#[test]
fn a26_rounding_is_against_the_exchange() {
    let rows = "a@example.org,BTC,equity,1.001\na@example.org,ETH,equity,5\na@example.org,ETH,debt,1.009\n\
                a@example.org,ETH,collateral_loan,5\nb@example.org,BTC,equity,1.00\n";
    let mut run = Run::over_rows(&["BTC", "ETH"], rows);
    assert!(matches!(run.prove(), Err(ProverError::Ledger(_))));
    // The refused run is the folder's; another rounding is another run.
    run.rounding = Rounding::Up;
    assert!(matches!(run.prove(), Err(ProverError::OtherRun { what: "rounding", .. })));
    std::fs::remove_dir_all(&run.work).unwrap();
    let outcome = run.prove().unwrap();
    assert_eq!(outcome.rounded, 2);
    let total = |asset, kind| outcome.statement.figures.at_most().1.get(EntryKey::new(asset, kind).unwrap());
    assert_eq!(total(0, Kind::EQUITY), 101 + 100);
    assert_eq!(total(1, Kind::DEBT), 100);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_what_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let (run, _) = &*FINISHED;
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let found = walk(&run.work);
    assert!(found.len() > 15, "{} files", found.len());
    for path in &found {
        let wanted = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(path), wanted, "{}", path.display());
    }
    assert_eq!(mode(&run.bundle), 0o600);
    let leftovers = |path: &&std::path::PathBuf| path.extension().is_some_and(|text| text == "partial");
    assert_eq!(found.iter().filter(leftovers).count(), 0);
    assert!(!run.work.join("spool").exists(), "balances are kept twice");
}

/// Public files say nothing of single accounts.
#[test]
fn public_files_name_nobody() {
    let (run, _) = &*FINISHED;
    let totals = std::fs::read_to_string(&run.totals).unwrap();
    let bundle = run.bundle();
    for (name, _) in LEDGER.accounts.iter().take(100) {
        assert!(!totals.contains(name));
    }
    let needle = b"@example.org";
    assert!(!bundle.windows(needle.len()).any(|window| window == needle));
}
