//! Runs that end with the final proof.

use std::fs;

use assay_prover::{Job, Outcome, ProverError, prove_ledger};
use assay_statement::{EntryKey, Kind, Totals};
use assay_verifier::{Expectations, Figures, Statement, TotalsOpening, VerifyError, verify_proof};

use crate::exchange::{FINISHED, LEDGER, Run};

fn expected(run: &Run) -> Expectations<'_> {
    Expectations::new(&run.entity, &run.epoch, &run.assets)
}

fn proof(run: &Run, expected: Expectations<'_>) -> Result<Statement, VerifyError> {
    verify_proof(&fs::read(run.folder.path().join("proof.assay")).unwrap(), expected)
}

/// Runs a job up to the final proof.
fn prove(run: &Run, reserves: Option<&Totals>) -> Result<Outcome, ProverError> {
    let job =
        Job { proof: Some(run.folder.path().join("proof.assay")), reserves: reserves.cloned(), ..run.job() };
    prove_ledger(&job, &|_| {})
}

/// When the files of the tree were written.
fn nodes(run: &Run) -> Vec<(std::path::PathBuf, std::time::SystemTime)> {
    let entries = fs::read_dir(run.work.join("tree")).unwrap();
    let mut nodes: Vec<_> = entries
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.path(), entry.metadata().unwrap().modified().unwrap()))
        .collect();
    nodes.sort();
    nodes
}

/// One ledger, several ends: the tree is made once, and what is missing or damaged is made again and nothing else.
#[test]
fn a_tree_is_kept_mended_and_hidden() {
    let run = Run::finished();
    let totals = &LEDGER.totals;
    let outcome = prove(&run, None).unwrap();
    assert_eq!(outcome.statement.root, FINISHED.1.statement.root);
    let statement = proof(&run, expected(&run)).unwrap();
    assert_eq!(statement.figures, FINISHED.1.statement.figures);
    assert_eq!(outcome.statement, statement);
    assert!(run.totals_file().matches(&statement));
    let before = nodes(&run);
    // Five leaves, then three, two and one.
    assert_eq!(before.len(), 5 + 3 + 2 + 1);

    // A run that was stopped, and a file that was damaged.
    let removed = &before[3].0;
    fs::remove_file(removed).unwrap();
    let damaged = &before[6].0;
    let mut bytes = fs::read(damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(damaged, bytes).unwrap();
    fs::remove_file(run.folder.path().join("proof.assay")).unwrap();

    // It goes on, and hides the totals this time.
    let equity = |total: fn(u128) -> u128| {
        let mut reserves = Totals::new();
        for (key, sum) in totals.iter().filter(|(key, _)| key.kind() == Kind::EQUITY) {
            reserves.add_total(key, total(sum)).unwrap();
        }
        reserves
    };
    let reserves = equity(|total| total + 1);
    let outcome = prove(&run, Some(&reserves)).unwrap();
    let after = nodes(&run);
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.0, after.0);
        let again = before.0 == *removed || before.0 == *damaged;
        assert_eq!(before.1 != after.1, again);
    }
    let statement = proof(&run, Expectations { reserves: Some(&reserves), ..expected(&run) }).unwrap();
    assert_eq!(outcome.statement, statement);
    let Figures::AtMost { accounts, bounds, .. } = &statement.figures else { panic!("totals are shown") };
    assert_eq!(*accounts, 1 << statement.depth);
    for (key, bound) in bounds.iter() {
        let most = if key.kind() == Kind::EQUITY { reserves.get(key) } else { u128::MAX };
        assert_eq!(bound, most);
    }
    let published = run.totals_file();
    assert!(published.matches(&statement));
    assert!(
        published.totals.iter().all(|entry| entry.kind != "debt" || entry.total == u128::MAX.to_string())
    );
    let short = equity(|total| total);
    let outcome = proof(&run, Expectations { reserves: Some(&short), ..expected(&run) });
    assert!(matches!(outcome, Err(VerifyError::NotCovered { .. })));
    assert!(matches!(
        proof(&run, Expectations { totals: Some(totals), ..expected(&run) }),
        Err(VerifyError::OtherTotals)
    ));
    let opening = fs::read(run.work.join("opening.json")).unwrap();
    let opened = TotalsOpening::from_json(&opening).unwrap().open(&statement).unwrap();
    assert_eq!((opened.0, &opened.1), (crate::exchange::ACCOUNTS, totals));
    // Receipts come with either totals file.
    let receipt = run.receipts().receipt(&crate::exchange::uid(&LEDGER.accounts[7].0)).unwrap();
    receipt
        .verify(&crate::exchange::uid(&LEDGER.accounts[7].0), &run.assets, &run.entity, &statement.root)
        .unwrap();
}

/// Reserves that don't cover a total can't hide it, and nothing is written.
#[test]
fn a_total_beyond_the_reserves_is_not_hidden() {
    let run = Run::over_rows(&["BTC", "ETH"], "a@example.org,BTC,equity,5.00\n");
    let key = EntryKey::new(0, Kind::EQUITY).unwrap();
    let mut reserves = Totals::new();
    let refused = |reserves: &Totals| {
        let outcome = prove(&run, Some(reserves));
        assert!(matches!(outcome, Err(ProverError::NotCovered { symbol }) if symbol.as_str() == "BTC"));
        assert!(!run.folder.path().join("proof.assay").exists() && !run.totals.exists());
    };
    refused(&reserves);
    reserves.add_total(key, 499).unwrap();
    refused(&reserves);
}
