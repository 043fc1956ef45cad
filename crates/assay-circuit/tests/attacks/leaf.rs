//! Leaves: rows that hash one thing and count another.

use assay_circuit::Val;
use p3_field::PrimeCharacteristicRing;

use super::{base, each, hold, one};
use crate::forge::{Account, FIRST_LEAF, Forge, Held, Row, block, digest, leaf, rechain, v};

/// `second = -1` in one leaf swallows a zero entry of another, behind which the keys start anew.
pub(crate) fn second_flag_of_minus_one() -> Vec<Forge> {
    let keys = [Account::new(10, 5, &[]), Account::new(10, 9, &[])];
    let mut forge = Forge::honest(&keys);
    let mut swallows = leaf(FIRST_LEAF, &keys[0].key, &keys[0].salt, &[block(16, 500)]);
    swallows[0].input[15] = v(0);
    swallows[0].remaining = v(0);
    swallows[1].remaining = v(0);
    swallows[1].second = v(-1);
    rechain(&mut swallows);
    let twice = [block(8, 100), block(16, 200), block(0, 0), block(16, 300)];
    forge.leaves = vec![swallows, leaf(FIRST_LEAF + 1, &keys[1].key, &keys[1].salt, &twice)];
    hold(&mut forge, &[(16, 500, 15), (8, 100, 7), (16, 200, 7), (16, 300, 15)]);
    forge.plant();
    vec![forge]
}

/// The first row of the totals is a leaf without entries as well, whose account key is the epoch digest.
pub(crate) fn a_row_of_two_types() -> Vec<Forge> {
    let accounts = base();
    let mut forge = Forge::honest(&accounts);
    forge.leaves = (FIRST_LEAF + 1..)
        .zip(&accounts)
        .map(|(number, account)| leaf(number, &account.key, &account.salt, &account.blocks()))
        .collect();
    forge.order(&[[1, 2], [10, 5], [10, 9], [20, 1]]);
    let row = &mut forge.totals[0];
    row.header = v(1);
    row.last = v(1);
    row.number = v(FIRST_LEAF);
    rechain(&mut forge.totals);
    forge.digest = digest(&forge.totals);
    let mut leaves = forge.digests();
    leaves.push((FIRST_LEAF, forge.totals[0].low()));
    forge.plant_from(1, leaves);
    vec![forge]
}

/// A padding row that says it ends a leaf, to send a digest to a node.
pub(crate) fn padding_ends_a_leaf() -> Vec<Forge> {
    let mut forge = Forge::honest(&base());
    let row = Row { last: v(1), number: v(FIRST_LEAF + 3), ..Row::default() };
    let mut leaves = forge.digests();
    leaves.push((FIRST_LEAF + 3, row.low()));
    forge.extra.push(row);
    forge.plant_from(1, leaves);
    vec![forge]
}

/// Header without an end: the account counts and the tree doesn't hold it. In the middle, and in the last row of the
/// table, from where the run would go on in the first.
pub(crate) fn header_without_end() -> Vec<Forge> {
    let mut forge = Forge::honest(&base());
    let digests = forge.digests();
    forge.leaves[2][0].last = v(0);
    forge.plant_from(1, digests[..2].to_vec());
    let mut wraps = forge.clone();
    wraps.tail = wraps.leaves.remove(2);
    vec![forge, wraps]
}

/// Entries that no header stands before: debts of nobody.
pub(crate) fn entries_after_the_end() -> Vec<Forge> {
    let mut forge = Forge::honest(&base());
    let mut row = Row { entries: v(1), second: v(1), number: v(FIRST_LEAF + 2), ..Row::default() };
    row.input[..4].copy_from_slice(&block(9, 1_000));
    row.input[4..8].copy_from_slice(&block(17, 1_000));
    row.absorb(forge.leaves[2][0].chain());
    forge.leaves[2].push(row);
    forge.held.extend([Held::new(9, 1_000, 8), Held::new(17, 1_000, 7)]);
    forge.group();
    forge.list();
    vec![forge]
}

/// A second entry from a padding row. LeafHalfIsZero leaves it no amount and key 0, which no list of totals may show.
pub(crate) fn second_entry_of_padding() -> Vec<Forge> {
    let mut forge = Forge::honest(&base());
    let mut row = Row { second: v(1), ..Row::default() };
    row.input[0] = v(-1);
    forge.extra.push(row);
    forge.held.push(Held::new(0, 0, 0));
    forge.group();
    forge.list();
    vec![forge]
}

/// A half block of zeros in the middle, behind which the keys start anew.
pub(crate) fn half_row_in_the_middle() -> Vec<Forge> {
    let mut forge = one(&[(16, 1, 15), (0, 0, 0), (16, 2, 15), (24, 3, 7)], |rows| {
        rows[0].input[15] = v(3);
        rows[0].remaining = v(3);
        rows[1].second = v(0);
        rows[1].remaining = v(3);
    });
    hold(&mut forge, &[(16, 1, 15), (16, 2, 15), (24, 3, 7)]);
    vec![forge]
}

/// A last row with a second entry that isn't sent, whole or one of its elements.
pub(crate) fn entry_in_an_unused_half() -> Vec<Forge> {
    let mut forgeries = each(4, |i| one(&[(16, 1, 15)], |rows| rows[1].input[4 + i] = v(24)));
    forgeries.push(one(&[(16, 1, 15)], |rows| rows[1].input[4..8].copy_from_slice(&block(24, 1 << 80))));
    forgeries
}

/// One leaf shown to two customers: a header with a key of its own, then the entries row of the other's leaf with
/// that one's chain, so that both have one digest.
pub(crate) fn entries_row_of_another_leaf() -> Vec<Forge> {
    let accounts = [Account::new(10, 5, &[(16, 500)]), Account::new(10, 9, &[(16, 500)])];
    let mut forge = Forge::honest(&accounts);
    let chain = forge.leaves[1][0].chain();
    forge.leaves[0][1].absorb(chain);
    forge.plant();
    vec![forge]
}

/// Two leaves that change places in the tree between their first and their last row.
pub(crate) fn leaf_at_another_place() -> Vec<Forge> {
    let mut forge = Forge::honest(&base());
    for (leaf, number) in [(0, FIRST_LEAF + 1), (1, FIRST_LEAF)] {
        forge.leaves[leaf].iter_mut().skip(1).for_each(|row| row.number = v(number));
    }
    forge.plant();
    vec![forge]
}

/// Entries whose first key is 0 or beyond all keys.
pub(crate) fn first_key_out_of_bounds() -> Vec<Forge> {
    [(0, -1), (100_000, 99_999)]
        .map(|(key, previous)| one(&[(key, 5, 0)], |rows| rows[1].previous_key = v(previous)))
        .to_vec()
}

/// A key again, or a smaller one, in the next row of the leaf.
pub(crate) fn same_asset_in_two_rows() -> Vec<Forge> {
    [(16, 8, 7), (8, 0, 7)]
        .map(|(key, previous, gap)| {
            one(&[(8, 1, 7), (16, 2, 7), (key, 3, gap)], |rows| rows[2].previous_key = v(previous))
        })
        .to_vec()
}

const THREE: [(i64, u128, i64); 3] = [(8, 1, 7), (16, 2, 7), (24, 3, 7)];

/// A header that hashes another number of entries.
pub(crate) fn hashed_count() -> Vec<Forge> {
    vec![one(&THREE, |rows| rows[0].input[15] = v(2))]
}

/// A count that doesn't fall by the entries of a row.
pub(crate) fn count_that_does_not_fall() -> Vec<Forge> {
    each(2, |rows_with_nine| {
        one(&THREE, |rows| {
            rows[0].input[15] = v(9);
            rows[..=rows_with_nine].iter_mut().for_each(|row| row.remaining = v(9));
        })
    })
}

/// A count that isn't used up at the end.
pub(crate) fn count_that_does_not_end() -> Vec<Forge> {
    vec![one(&THREE, |rows| {
        rows[0].input[15] = v(9);
        for (row, remaining) in rows.iter_mut().zip([9, 9, 7]) {
            row.remaining = v(remaining);
        }
    })]
}

/// The leaf holds entries, and nothing adds them up.
pub(crate) fn entries_that_nobody_adds_up() -> Vec<Forge> {
    let mut forge = Forge::honest(&base());
    hold(&mut forge, &[]);
    vec![forge]
}

/// The account table has keys in order, the leaves have one key twice.
pub(crate) fn other_keys_in_the_account_table() -> Vec<Forge> {
    let account = Account::new(10, 5, &[]);
    let mut forge = Forge::honest(&[account.clone(), account]);
    forge.order(&[[10, 5], [10, 6]]);
    vec![forge]
}

/// Output columns that aren't the permutation's: the root has any digest that the prover likes, so does a leaf.
pub(crate) fn forged_permutation() -> Vec<Forge> {
    let wanted = [Val::TWO; 8];
    let mut root = Forge::honest(&base());
    root.nodes[0].forge_digest(wanted);
    root.top = wanted;
    let mut inner = Forge::honest(&base());
    inner.leaves[1][2 - 1].forge_digest(wanted);
    inner.plant();
    vec![root, inner]
}
