//! What a cheating prover tries against the segment circuit, each as one or more forged segments.

pub(crate) mod account;
pub(crate) mod coverage;
pub(crate) mod entry;
pub(crate) mod leaf;
pub(crate) mod pledge;
pub(crate) mod prices;
pub(crate) mod range;
pub(crate) mod routes;
pub(crate) mod totals;
pub(crate) mod tree;

use crate::forge::covered::{Cover, END, Priced};
use crate::forge::{Account, FIRST_LEAF, Forge, Held, Row, block, leaf as leaf_rows, rechain};

/// The largest amount.
pub(crate) const MOST: u128 = (1 << 90) - 1;

/// Three accounts: an odd number of entries, an even one, none.
pub(crate) fn base() -> Vec<Account> {
    vec![
        Account::new(10, 5, &[(8, 100), (9, 7), (16, 1 << 40)]),
        Account::new(10, 9, &[(8, 250), (16, MOST)]),
        Account::new(20, 1, &[]),
    ]
}

/// One account whose entries are key, amount and gap, with a leaf that `bend` changes before it is hashed.
pub(crate) fn one(entries: &[(i64, u128, i64)], bend: impl FnOnce(&mut Vec<Row>)) -> Forge {
    let account = Account::new(10, 5, &[]);
    let mut forge = Forge::honest(std::slice::from_ref(&account));
    let blocks: Vec<_> = entries.iter().map(|(key, amount, _)| block(*key, *amount)).collect();
    let mut rows = leaf_rows(FIRST_LEAF, &account.key, &account.salt, &blocks);
    bend(&mut rows);
    rechain(&mut rows);
    forge.leaves = vec![rows];
    hold(&mut forge, entries);
    forge.plant();
    forge
}

/// Puts these entries into the entry table and their totals on the list.
pub(crate) fn hold(forge: &mut Forge, entries: &[(i64, u128, i64)]) {
    forge.held = entries.iter().map(|(key, amount, gap)| Held::new(*key, *amount, *gap)).collect();
    forge.group();
    forge.list();
}

/// One forgery for each of `0..count`.
pub(crate) fn each(count: usize, forge: impl Fn(usize) -> Forge) -> Vec<Forge> {
    (0..count).map(forge).collect()
}

/// Prices of three assets. A base unit of the first (keys from 8) is worth one value unit, 2^15 of them a whole unit;
/// one of the second (from 16) about 0.14 value units; of the third (from 24) next to nothing. Collateral is of
/// product 1 (kind 2) or 2 (kind 4), debt of none (kind 1), of product 1 (kind 3) or 2 (kind 5).
pub(crate) fn prices() -> Vec<Priced> {
    let mut prices = Vec::new();
    for (asset, down, up, shift) in [
        (8, [1, 0, 0], [1, 0, 0], 0),
        (16, [12_345, 23_456, 4_567], [12_346, 23_456, 4_567], 3),
        (24, [5, 0, 0], [6, 0, 0], 3),
    ] {
        for (kind, debt, product) in [(1, true, 0), (2, false, 1), (3, true, 1), (4, false, 2), (5, true, 2)]
        {
            let tiers = match (debt, asset, kind) {
                (true, ..) => vec![(END, -100)],
                (_, 8, _) => vec![(10, 100), (1_000, 50), (END, 0)],
                (_, 16, 2) => vec![(1 << 20, 80), (END, 0)],
                // Too illiquid to secure anything.
                _ => vec![(END, 0)],
            };
            let weight = if debt { up } else { down };
            prices.push(Priced { key: asset + kind, debt, product, weight, shift, tiers });
        }
    }
    prices
}

/// The price of a key.
pub(crate) fn priced(key: i64) -> Priced {
    prices().into_iter().find(|priced| priced.key == key).unwrap()
}

/// An account with debt under two products and under none, one that only pledges, one with equity.
pub(crate) fn owing() -> Vec<Account> {
    vec![
        Account::new(10, 5, &[(8, 1_000_000), (10, 400_000), (11, 100_000), (12, 100_000), (17, 2_000_000)]),
        Account::new(10, 9, &[(16, 1 << 40), (18, 1 << 30)]),
        Account::new(20, 1, &[(8, 250)]),
    ]
}

/// One account that may owe more than it secures, and what the prover makes of its coverage.
pub(crate) fn covered(entries: &[(i64, u128)], bend: impl FnOnce(&mut Cover)) -> Forge {
    let mut entries = entries.to_vec();
    entries.sort_by_key(|(key, _)| *key);
    let mut forge = Forge::covered(&[Account::new(10, 5, &entries)], &prices());
    bend(forge.cover_mut());
    forge
}
