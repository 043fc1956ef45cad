//! What a cheating prover tries against the segment circuit, each as one or more forged segments.

pub(crate) mod account;
pub(crate) mod entry;
pub(crate) mod leaf;
pub(crate) mod range;
pub(crate) mod totals;
pub(crate) mod tree;

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
