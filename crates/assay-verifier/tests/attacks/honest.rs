//! What honest bundles say, and expectations that don't hold.

use assay_circuit::CIRCUIT_ID;
use assay_commit::{EMPTY, SUBTREE_DEPTH, asset_table_digest};
use assay_statement::{Kind, Totals};
use assay_verifier::{BundleHeader, BundleVerifier, Expectations, Figures, VerifyError};

use crate::exchange::{EXCHANGE, Exchange, OTHERS, REST, THIRDS, WHOLE, entry, thirds};

#[test]
fn one_two_and_three_segments() {
    let bundles =
        [EXCHANGE.bundle(&[&WHOLE]), EXCHANGE.bundle(&[&THIRDS[0], &REST]), thirds()].into_iter().enumerate();
    let sums = EXCHANGE.totals(0..12);
    assert!(sums.len() > 5);
    for (i, bundle) in bundles {
        let statement = EXCHANGE.verify(&bundle).unwrap();
        assert_eq!(statement.entity, EXCHANGE.entity);
        assert_eq!(statement.epoch, EXCHANGE.epoch);
        assert_eq!(statement.assets, asset_table_digest(EXCHANGE.committer.hasher(), &EXCHANGE.assets));
        assert_eq!(statement.segments, Some(i + 1));
        assert_eq!(statement.depth, SUBTREE_DEPTH + i);
        assert_eq!(statement.figures, Figures::Exact { accounts: 12, totals: sums.clone() });
        let known = Expectations {
            root: Some(statement.root),
            totals: Some(&sums),
            accounts: Some(12),
            ..EXCHANGE.expectations()
        };
        assert_eq!(assay_verifier::verify_bundle(&bundle, known), Ok(statement));
    }
}

#[test]
fn receipts_lead_to_the_root() {
    let statement = EXCHANGE.verify(&thirds()).unwrap();
    for (receipt, account) in EXCHANGE.receipts(&[4, 8, 12]).iter().zip(&EXCHANGE.accounts) {
        let verified =
            receipt.verify(&account.uid, &EXCHANGE.assets, &EXCHANGE.entity, &statement.root).unwrap();
        assert_eq!(verified.entries, account.entries);
    }
}

/// A22: what the caller expects is what counts.
#[test]
fn a22_expectations_are_held() {
    let bundle = EXCHANGE.bundle(&[&WHOLE]);
    let honest = EXCHANGE.verify(&bundle).unwrap();
    let check = |expected| assay_verifier::verify_bundle(&bundle, expected).map(drop);
    let base = EXCHANGE.expectations();
    assert_eq!(check(Expectations { root: Some(EMPTY), ..base }), Err(VerifyError::OtherRoot));
    for accounts in [0, 11, 13, u64::MAX] {
        assert_eq!(check(Expectations { accounts: Some(accounts), ..base }), Err(VerifyError::OtherAccounts));
    }
    let (_, honest) = honest.figures.exact().unwrap();
    let mut more = honest.clone();
    more.add_total(entry(0, Kind::EQUITY, 0).key, 1).unwrap();
    // A key that no account has isn't a key with a total of zero.
    let mut zero = honest.clone();
    let absent = Kind::DEFAULT
        .into_iter()
        .flat_map(|kind| (0..3).map(move |asset| entry(asset, kind, 0).key))
        .find(|key| honest.iter().all(|(held, _)| held != *key))
        .unwrap();
    zero.add_total(absent, 0).unwrap();
    let (fewer, none) = (EXCHANGE.totals(0..EXCHANGE.last_with_entries()), Totals::new());
    for totals in [&more, &zero, &fewer, &none] {
        assert_eq!(check(Expectations { totals: Some(totals), ..base }), Err(VerifyError::OtherTotals));
    }
    for other in OTHERS.iter() {
        let mixed =
            Expectations { epoch: &other.epoch, entity: &other.entity, assets: &other.assets, ..base };
        assert_eq!(check(mixed), Err(VerifyError::OtherEpoch));
    }
}

/// A segment by itself says nothing about entity, root or order, so the streaming verifier ends with the same checks.
#[test]
fn streaming_says_the_same() {
    let bundle = thirds();
    let mut verifier = BundleVerifier::new(EXCHANGE.expectations()).unwrap();
    for record in THIRDS.iter() {
        verifier.segment(record).unwrap();
    }
    let lengths = THIRDS.each_ref().map(|record| record.len() as u64);
    let header = verifier.header(&lengths).unwrap();
    assert_eq!(header.bundle_bytes(), bundle.len() as u64);
    assert_eq!(header.to_bytes(), bundle[..BundleHeader::BYTES]);
    assert_eq!(BundleHeader::from_bytes(bundle.first_chunk().unwrap()), Ok(header.clone()));
    assert_eq!(&bundle[12..44], CIRCUIT_ID.to_bytes());
    let tops = verifier.tops().to_vec();
    assert_eq!(verifier.finish(&header), EXCHANGE.verify(&bundle));
    assert_eq!(EXCHANGE.root(tops), header.root);

    let fewer = BundleHeader { segments: 2, ..header.clone() };
    let longer = BundleHeader { length: header.length + 1, ..header };
    for header in [fewer, longer] {
        let mut verifier = BundleVerifier::new(EXCHANGE.expectations()).unwrap();
        THIRDS.iter().for_each(|record| verifier.segment(record).unwrap());
        assert!(verifier.finish(&header).is_err());
    }
}

/// A ledger of accounts without entries: no totals at all.
#[test]
fn accounts_without_entries() {
    let ledger = ["a", "b"].map(|uid| (uid.to_string(), vec![]));
    let empty = Exchange::new("example.org", "2026-q3", EXCHANGE.assets.clone(), ledger);
    let statement = empty.verify(&empty.bundle(&[&empty.segment(0..2)])).unwrap();
    assert_eq!(statement.figures.exact(), Some((2, &Totals::new())));
}
