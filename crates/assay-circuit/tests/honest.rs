//! Honest segments of many shapes satisfy every constraint, and show the totals that a plain sum gives.

#![allow(clippy::unwrap_used, reason = "tests")]

#[allow(dead_code, reason = "shared with the cheating tests")]
mod forge;

use std::collections::BTreeMap;

use assay_circuit::checker::check_segment;
use assay_circuit::p3_batch_stark::{ProverData, ProverOnlyData, StarkInstance, prove_batch, verify_batch};
use assay_circuit::{
    All, MAX_GROUP, MAX_TOTALS_ROWS, SEGMENT_PARAMETERS, SEGMENT_SHAPES, SegmentAccount, SegmentInput,
    SegmentShape, SegmentSize, SegmentTrace, TraceError, Val, Variant, account_columns, build_segment,
    segment_airs, segment_common, totals_digest,
};
use assay_commit::{Committer, Digest, Hasher, LeafKey, SUBTREE_DEPTH, Salt, leaf_row_count};
use assay_statement::{Amount, Entity, Entry, EntryKey, Kind};
use forge::{Account, Forge, P};
use p3_field::PrimeCharacteristicRing;
use p3_matrix::Matrix;
use proptest::prelude::*;

const MOST: u128 = Amount::MAX.get();

fn epoch() -> Digest {
    Digest(std::array::from_fn(|i| Val::from_usize(i + 1)))
}

/// The trace of these accounts, in order of their keys, in tables as low as they can be.
fn segment(accounts: &[Account]) -> SegmentTrace {
    try_segment(accounts, None).unwrap()
}

/// The trace of these accounts in tables of a shape, the least one if none is given.
fn try_segment(accounts: &[Account], shape: Option<SegmentShape>) -> Result<SegmentTrace, TraceError> {
    let entries: Vec<Vec<Entry>> = accounts
        .iter()
        .map(|account| {
            let entry = |(key, amount): &(i64, u128)| Entry {
                key: EntryKey::from_number(u16::try_from(*key).unwrap()).unwrap(),
                amount: Amount::new(*amount).unwrap(),
            };
            account.entries.iter().map(entry).collect()
        })
        .collect();
    let identities: Vec<_> =
        accounts.iter().map(|account| (Digest(account.key), Salt(account.salt))).collect();
    let committer = Committer::new(Hasher::new(), &Entity::new("example.org").unwrap(), &epoch());
    let accounts = identities
        .iter()
        .zip(&entries)
        .map(|((key, salt), entries)| SegmentAccount { key, salt, entries })
        .collect::<Vec<_>>();
    let shape = shape.unwrap_or_else(|| SegmentShape::fitting(&accounts, None).unwrap());
    build_segment(&committer, &SegmentInput { epoch: epoch(), accounts, prices: None }, shape)
}

/// The plain sum of each key.
fn sums(accounts: &[Account]) -> BTreeMap<u16, u128> {
    let mut sums = BTreeMap::new();
    for (key, amount) in accounts.iter().flat_map(|account| &account.entries) {
        *sums.entry(u16::try_from(*key).unwrap()).or_default() += amount;
    }
    sums
}

/// Checks a segment against everything that is known about it.
fn check(accounts: &[Account]) -> SegmentTrace {
    let trace = segment(accounts);
    assert_eq!(check_segment(All, &trace.tables, &trace.publics.values()), Ok(()));

    let mut totals: BTreeMap<u16, u128> = BTreeMap::new();
    for row in &trace.totals {
        *totals.entry(row.key.number()).or_default() += row.total().unwrap();
    }
    assert_eq!(totals, sums(accounts));
    assert_eq!(trace.publics.totals, totals_digest(&Hasher::new(), &epoch(), &trace.totals));

    let leaf_rows: usize = accounts.iter().map(|account| leaf_row_count(account.entries.len())).sum();
    let nodes: usize = (1..=SUBTREE_DEPTH).map(|level| accounts.len().div_ceil(1 << level)).sum();
    let entries = accounts.iter().map(|account| account.entries.len()).sum();
    assert_eq!(trace.rows, [leaf_rows + nodes + 1 + trace.totals.len(), entries, accounts.len(), 1 << 15]);
    trace
}

/// A segment written by the tests' own prover shows the same.
fn check_against_forge(accounts: &[Account]) {
    let trace = check(accounts);
    let forge = Forge::honest(accounts);
    assert_eq!(forge.publics(), trace.publics.values());
    assert_eq!(forge.violations(All), []);
}

fn with_entries(count: usize) -> Account {
    let entries: Vec<_> = (0..count).map(|i| (8 * (i as i64 + 1), 1 + i as u128)).collect();
    Account::new(10, 5, &entries)
}

#[test]
fn accounts_without_entries() {
    check_against_forge(&[with_entries(0)]);
    check_against_forge(&[Account::new(1, 0, &[]), Account::new(1, 1, &[]), Account::new(2, 0, &[])]);
}

#[test]
fn odd_and_even_numbers_of_entries() {
    for count in 1..10 {
        check_against_forge(&[with_entries(count)]);
    }
}

#[test]
fn every_kind_of_a_thousand_assets() {
    let keys = (0..1_000).flat_map(|asset| Kind::DEFAULT.map(|kind| EntryKey::new(asset, kind).unwrap()));
    let entries: Vec<_> = keys.map(|key| (i64::from(key.number()), MOST)).collect();
    assert_eq!(entries.len(), 5_000);
    // The circuit takes them all, segments are only made with fewer.
    let forge = Forge::honest(&[Account::new(3, 4, &entries)]);
    assert_eq!(forge.violations(All), []);
    for entries in [&entries[..MAX_TOTALS_ROWS], &entries[5_000 - MAX_TOTALS_ROWS..]] {
        check_against_forge(&[Account::new(3, 4, entries)]);
    }
    let more = try_segment(&[Account::new(3, 4, &entries[..MAX_TOTALS_ROWS + 1])], None);
    assert_eq!(more.err(), Some(TraceError::TotalsRows { rows: MAX_TOTALS_ROWS + 1 }));
}

/// A10: the largest amounts.
#[test]
fn a10_largest_amounts() {
    let accounts: Vec<_> =
        (0..20).map(|i| Account::new(i, 0, &[(8, MOST), (9, MOST), (8_184, MOST)])).collect();
    check_against_forge(&accounts);
}

/// A10: one entry more than a group can have is a second group.
#[test]
fn a10_a_group_more() {
    let accounts: Vec<_> = (0..=u64::from(MAX_GROUP)).map(|i| Account::new(i, 0, &[(8, MOST)])).collect();
    let trace = segment(&accounts);
    let totals: Vec<_> = trace.totals.iter().map(|row| (row.entries, row.total().unwrap())).collect();
    assert_eq!(totals, [(MAX_GROUP, u128::from(MAX_GROUP) * MOST), (1, MOST)]);
    let [_, _, count, sums] = [0, 0, 7, 1].map(|i| trace.totals[0].elements()[i]);
    assert_eq!((count, sums), (Val::from_u32(MAX_GROUP), Val::from_u32(MAX_GROUP * 0x7fff)));
}

/// A18: keys at every border of the decomposition and of the subtraction.
#[test]
fn a18_keys_at_every_border() {
    let borders = [
        0,
        1,
        0x7fff,
        0x8000,
        0x8001,
        0xffff,
        1 << 30,
        (1 << 30) - 1,
        P - (1 << 15) - 1,
        P - 3,
        P - 2,
        P - 1,
    ];
    let mut keys: Vec<[u64; 2]> =
        borders.iter().flat_map(|first| borders.map(|second| [*first, second])).collect();
    keys.sort_unstable();
    let accounts: Vec<_> = keys.iter().map(|[first, second]| Account::new(*first, *second, &[])).collect();
    check_against_forge(&accounts);
    // Any two of them next to each other, so every pattern of borrows.
    let mut patterns = BTreeMap::new();
    for (i, first) in accounts.iter().enumerate() {
        for (j, second) in accounts.iter().enumerate().skip(i + 1) {
            let pair = [first.clone(), second.clone()];
            let mut forge = Forge::honest(&pair[..1]);
            forge.order(&[keys[i], keys[j]]);
            patterns.entry(forge.places[0].borrow).or_insert(pair);
        }
    }
    assert_eq!(patterns.len(), 8);
    for (borrow, pair) in patterns {
        check_against_forge(&pair);
        let table = &segment(&pair).tables[2];
        assert_eq!(table.values[account_columns::BORROW..][..3], borrow);
    }
}

/// Tables of a pinned shape satisfy the same constraints, padding and all, and show the same.
#[test]
fn tables_of_a_shape() {
    let mut accounts: Vec<_> = (0..9).map(with_entries).collect();
    for (place, account) in accounts.iter_mut().enumerate() {
        account.key[1] = Val::from_usize(place);
    }
    let least = check(&accounts);
    let small = SEGMENT_SHAPES[0];
    let padded = try_segment(&accounts, Some(small)).unwrap();
    let heights: Vec<_> = small.log_heights().iter().map(|log| 1 << log).collect();
    assert_eq!(padded.tables.iter().map(Matrix::height).collect::<Vec<_>>(), heights);
    assert_eq!((&padded.publics, padded.rows), (&least.publics, least.rows));
    assert_eq!(check_segment(All, &padded.tables, &padded.publics.values()), Ok(()));
}

/// Each table at the height of its shape, and with one row more.
#[test]
fn rows_that_do_not_fit_the_shape() {
    let shape = |log_heights| SegmentShape::custom(log_heights, None);
    let full = |table, rows, height| Some(TraceError::Full { table, rows, height });
    // A header, n / 2 rows of entries, a row for each of n keys, one for the epoch, 18 nodes.
    assert!(try_segment(&[with_entries(8)], shape([5, 5, 5, 15])).is_ok());
    assert_eq!(try_segment(&[with_entries(9)], shape([5, 5, 5, 15])).err(), full("hash", 34, 32));
    assert!(try_segment(&[with_entries(32)], shape([9, 5, 5, 15])).is_ok());
    assert_eq!(try_segment(&[with_entries(33)], shape([9, 5, 5, 15])).err(), full("entry", 33, 32));
    let accounts: Vec<_> = (0..33).map(|i| Account::new(i, 1, &[])).collect();
    assert!(try_segment(&accounts[..32], shape([9, 5, 5, 15])).is_ok());
    assert_eq!(try_segment(&accounts, shape([9, 5, 5, 15])).err(), full("account", 33, 32));
}

/// What is dealt out to a segment is what its tables take, to the row.
#[test]
fn sizes_are_those_of_the_tables() {
    let shape = SegmentShape::custom([7, 6, 5, 15], None).unwrap();
    for entries in [0, 1, 2, 3, 7] {
        let account = |i: u64| {
            let keys = (0..entries).map(|j| 8 + 8 * ((i as i64 + j) % 20));
            let mut entries: Vec<_> = keys.map(|key| (key, 1)).collect();
            entries.sort_unstable();
            Account::new(i, 1, &entries)
        };
        let accounts: Vec<_> = (0..40).map(account).collect();
        let mut size = SegmentSize::new(shape, None);
        let entry = |(key, amount): &(i64, u128)| Entry {
            key: EntryKey::from_number(u16::try_from(*key).unwrap()).unwrap(),
            amount: Amount::new(*amount).unwrap(),
        };
        let added = accounts
            .iter()
            .take_while(|account| size.try_add(&account.entries.iter().map(entry).collect::<Vec<_>>()))
            .count();
        assert_eq!(added, size.accounts());
        assert!((1..40).contains(&added));
        assert!(try_segment(&accounts[..added], Some(shape)).is_ok(), "{entries}");
        let more = try_segment(&accounts[..=added], Some(shape));
        assert!(matches!(more.err(), Some(TraceError::Full { .. })), "{entries}");
    }
}

/// Tables without a row of padding.
#[test]
fn tables_without_padding() {
    for (entries, height) in [(8, 32), (29, 64)] {
        let trace = check(&[with_entries(entries)]);
        assert_eq!((trace.rows[0], trace.tables[0].height()), (height, height));
    }
    let accounts: Vec<_> = (0..32).map(|i| Account::new(i, 1, &[(8, u128::from(i))])).collect();
    let trace = check(&accounts);
    assert_eq!((trace.rows[1], trace.tables[1].height()), (32, 32));
    assert_eq!((trace.rows[2], trace.tables[2].height()), (32, 32));
}

/// A1, A6: the trace builder refuses what the circuit would.
#[test]
fn a1_a6_builder_refuses_what_is_out_of_order() {
    let committer = Committer::new(Hasher::new(), &Entity::new("example.org").unwrap(), &epoch());
    let [key, other] = [1, 2].map(|i| Digest([Val::from_u8(i); 8]));
    let salt = Salt([Val::ONE; 7]);
    let entry = |asset| Entry { key: EntryKey::new(asset, Kind::EQUITY).unwrap(), amount: Amount::MAX };
    let build = |accounts: Vec<SegmentAccount<'_>>| {
        build_segment(&committer, &SegmentInput { epoch: epoch(), accounts, prices: None }, SEGMENT_SHAPES[0])
            .err()
    };
    let empty = |key| SegmentAccount { key, salt: &salt, entries: &[] };
    assert_eq!(build(vec![empty(&other), empty(&key)]), Some(TraceError::AccountOrder { index: 1 }));
    assert_eq!(build(vec![empty(&key), empty(&key)]), Some(TraceError::AccountOrder { index: 1 }));
    for entries in [[entry(1), entry(1)], [entry(1), entry(0)]] {
        let account = SegmentAccount { key: &key, salt: &salt, entries: &entries };
        assert_eq!(build(vec![account]), Some(TraceError::EntryOrder { index: 0 }));
    }
    assert!(matches!(build(vec![]), Some(TraceError::Tree(_))));
}

/// A11: a proof is accepted with its own public values, and with no other.
#[test]
fn a11_public_values_are_bound() {
    let trace = segment(&[
        Account::new(10, 5, &[(8, 100), (9, 7), (16, 1 << 40)]),
        Account::new(10, 9, &[(8, 250), (16, MOST)]),
    ]);
    let config = SEGMENT_PARAMETERS.config();
    let airs = segment_airs(Variant::Plain, All);
    let common = segment_common(&config, &airs).unwrap();
    let publics = trace.publics.values();
    let instances: Vec<_> = airs
        .iter()
        .zip(&trace.tables)
        .zip(&publics)
        .map(|((air, trace), publics)| StarkInstance { air, trace, public_values: publics.clone() })
        .collect();
    let data = ProverData { common, prover_only: ProverOnlyData::empty() };
    let proof = prove_batch(&config, &instances, &data).unwrap();
    assert!(verify_batch(&config, &airs, &proof, &publics, &data.common).is_ok());
    for table in 0..publics.len() {
        for i in 0..publics[table].len() {
            let mut forged = publics.clone();
            forged[table][i] += Val::ONE;
            assert!(verify_batch(&config, &airs, &proof, &forged, &data.common).is_err(), "{table}.{i}");
        }
        let mut longer = publics.clone();
        longer[table].push(Val::ZERO);
        assert!(verify_batch(&config, &airs, &proof, &longer, &data.common).is_err());
    }
}

fn amount() -> impl Strategy<Value = u128> {
    prop_oneof![0..=MOST, 0..100u128, Just(MOST), (0..90u32).prop_map(|bit| 1 << bit)]
}

fn accounts() -> impl Strategy<Value = Vec<Account>> {
    let key = (0..6i64, 0..5i64).prop_map(|(asset, kind)| 8 * (asset + 1) + kind);
    let entries = prop::collection::btree_map(key, amount(), 0..9);
    let element = || prop_oneof![0..P, 0..4u64, P - 4..P];
    prop::collection::btree_map((element(), element()), entries, 1..14).prop_map(|accounts| {
        let entries = |entries: BTreeMap<i64, u128>| entries.into_iter().collect::<Vec<_>>();
        accounts.into_iter().map(|(key, list)| Account::new(key.0, key.1, &entries(list))).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn totals_are_the_plain_sums(accounts in accounts()) {
        let order: Vec<_> = accounts.iter().map(|account| LeafKey::of(&Digest(account.key))).collect();
        prop_assert!(order.is_sorted());
        check_against_forge(&accounts);
    }
}
