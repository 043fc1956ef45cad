//! Debt that nothing covers, and prices that aren't the asset table's.

use assay_circuit::{All, SEGMENT_PARAMETERS, SegmentPrices, SegmentShape};
use assay_statement::{Asset, AssetTable, HaircutTier, Kind, Price, ProductHaircuts, Symbol};
use assay_verifier::VerifyError;

use crate::exchange::{EXCHANGE, Exchange, entry, prove, record, verify_segment};
use crate::final_proof::final_in;

/// Two assets of which the first can be pledged.
fn assets(prices: [u64; 2]) -> AssetTable {
    let asset = |symbol, price, haircuts| Asset {
        price: Some(Price { mantissa: price, scale: 2 }),
        haircuts,
        ..Asset::new(Symbol::new(symbol).unwrap(), 8)
    };
    let tiers = vec![HaircutTier { up_to: 1_000_000, percent: 90 }];
    let haircuts = vec![ProductHaircuts { kind: Kind::COLLATERAL_LOAN, tiers }];
    AssetTable::new(vec![asset("BTC", prices[0], haircuts), asset("USDT", prices[1], vec![])]).unwrap()
}

/// A debtor who is covered if a BTC is worth 100 or more, and a saver.
fn exchange(prices: [u64; 2]) -> Exchange {
    let unit = 100_000_000;
    let debtor = vec![
        entry(0, Kind::EQUITY, unit),
        entry(0, Kind::COLLATERAL_LOAN, unit),
        entry(1, Kind::DEBT, 89 * unit),
    ];
    let saver = vec![entry(1, Kind::EQUITY, 100 * unit)];
    let ledger = vec![("debtor".to_string(), debtor), ("saver".to_string(), saver)];
    Exchange::new("example.org", "2026-q3", assets(prices), ledger)
}

/// A5: the tables that cover debt are left out, so nothing shows that it is covered.
#[test]
fn a05_debt_in_plain_segments_is_refused() {
    let mut exchange = exchange([10_000, 100]);
    let covered = exchange.segment(0..2);
    assert!(exchange.verify(&exchange.bundle(&[&covered])).is_ok());
    exchange.prices = None;
    let plain = exchange.segment(0..2);
    assert_eq!(exchange.verify(&exchange.bundle(&[&plain])), Err(VerifyError::DebtNotCovered));
    // Only one of several.
    let halves = [exchange.segment(0..1), exchange.segment(1..2)];
    let outcome = exchange.verify(&exchange.bundle(&[&halves[0], &halves[1]]));
    assert_eq!(outcome, Err(VerifyError::DebtNotCovered));
}

/// A5: a final proof over plain segments, which is whole but for what it doesn't show.
#[test]
fn a05_debt_in_a_plain_final_proof_is_refused() {
    let mut exchange = exchange([10_000, 100]);
    let covered = final_in(&exchange, SegmentShape::of_name("small-covered").unwrap());
    let verify = |bytes: &[u8]| assay_verifier::verify_proof(bytes, exchange.expectations()).map(drop);
    assert_eq!(verify(&covered.bytes), Ok(()));
    assert_eq!(verify(&covered.bounded), Ok(()));
    exchange.prices = None;
    let plain = final_in(&exchange, SegmentShape::of_name("small").unwrap());
    let verify = |bytes: &[u8]| assay_verifier::verify_proof(bytes, exchange.expectations()).map(drop);
    assert_eq!(verify(&plain.bytes), Err(VerifyError::DebtNotCovered));
    assert_eq!(verify(&plain.bounded), Err(VerifyError::DebtNotCovered));
}

/// A4, A17: segments at inflated prices, under the epoch of an asset table with honest ones; in all segments or in one.
#[test]
fn a04_prices_are_those_of_the_asset_table() {
    let inflated = exchange([10_000, 100]);
    // Honest prices don't cover the debtor.
    let mut honest = exchange([9_000, 100]);
    let rows = SegmentPrices::of_assets(&inflated.assets, honest.committer.hasher());
    honest.prices = Some(rows);
    let bundle = honest.bundle(&[&honest.segment(0..2)]);
    assert_eq!(honest.verify(&bundle), Err(VerifyError::Proof));
    // The saver's segment is honest.
    let debtor = honest.segment(0..1);
    honest.prices = Some(SegmentPrices::of_assets(&honest.assets, honest.committer.hasher()));
    let saver = honest.accounts.iter().position(|account| account.entries.len() == 1).unwrap();
    let bundle = if saver == 1 {
        honest.bundle(&[&debtor, &honest.segment(1..2)])
    } else {
        // The same with the places swapped.
        let rows = SegmentPrices::of_assets(&inflated.assets, honest.committer.hasher());
        let saver = honest.segment(0..1);
        honest.prices = Some(rows);
        honest.bundle(&[&saver, &honest.segment(1..2)])
    };
    assert_eq!(honest.verify(&bundle), Err(VerifyError::Proof));
    // The final proof: the verifier computes the digest of the prices from its own table.
    honest.prices = Some(SegmentPrices::of_assets(&inflated.assets, honest.committer.hasher()));
    let proof = final_in(&honest, SegmentShape::of_name("small-covered").unwrap());
    let verify = |bytes: &[u8]| assay_verifier::verify_proof(bytes, honest.expectations()).map(drop);
    assert_eq!(verify(&proof.bytes), Err(VerifyError::Proof));
    assert_eq!(verify(&proof.bounded), Err(VerifyError::Proof));
}

/// A8: tables of one variant under the public values of the other.
#[test]
fn a08_variants_are_told_apart() {
    let trace = EXCHANGE.trace(0..12);
    let mut plain = EXCHANGE.trace(0..12);
    plain.publics.prices = None;
    plain.tables.truncate(4);
    // The first four tables have columns that plain ones lack.
    let outcome = std::panic::catch_unwind(|| {
        let proof = prove(All, &SEGMENT_PARAMETERS, &plain, &plain.publics);
        verify_segment(&record(&plain, &plain.publics, &proof))
    });
    assert!(!matches!(outcome, Ok(Ok(_))));
    let proof = prove(All, &SEGMENT_PARAMETERS, &trace, &trace.publics);
    assert!(verify_segment(&record(&trace, &trace.publics, &proof)).is_ok());
}
