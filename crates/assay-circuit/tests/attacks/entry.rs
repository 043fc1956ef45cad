//! Amounts and sums.

use super::{base, each, one};
use crate::forge::{Account, Forge, Held, PIECES, v};

/// `active = 2` takes two equal entries in one row; the group's count is another then.
pub(crate) fn active_flag_of_two() -> Vec<Forge> {
    let mut forge = Forge::honest(&[
        Account::new(10, 5, &[(8, 100)]),
        Account::new(10, 9, &[(8, 100)]),
        Account::new(10, 10, &[(8, 3)]),
    ]);
    forge.held.remove(1);
    forge.held[0].active = v(2);
    forge.add_up(0);
    forge.list();
    vec![forge]
}

/// `end = 2` sends a total twice and goes on with its negative.
pub(crate) fn end_flag_of_two() -> Vec<Forge> {
    let mut forge = Forge::honest(&[Account::new(10, 5, &[(8, 100)]), Account::new(10, 9, &[(8, 250)])]);
    forge.held[0].end = v(2);
    forge.add_up(0);
    let [first, second] = [0, 1].map(|i: usize| forge.held[i].total());
    forge.list_of(&[first, first, second]);
    vec![forge]
}

/// A row without an entry ends a group, and the next group starts with its negative.
pub(crate) fn padding_ends_a_group() -> Vec<Forge> {
    let mut forge = one(&[(8, 100, 7)], |_| ());
    let mut phantom = Held::new(8, 60, 0);
    phantom.active = v(0);
    phantom.end = v(1);
    forge.held.insert(0, phantom);
    forge.add_up(0);
    forge.list();
    vec![forge]
}

/// A group of two assets, shown as one of them.
pub(crate) fn group_of_two_assets() -> Vec<Forge> {
    let mut forge = one(&[(8, 100, 7), (16, 5, 7)], |_| ());
    forge.held[0].end = v(0);
    forge.add_up(0);
    forge.list();
    vec![forge]
}

/// A group that runs out into the padding and is never sent.
pub(crate) fn group_that_never_closes() -> Vec<Forge> {
    let mut forge = Forge::honest(&base());
    let last = forge.held.len() - 1;
    forge.held[last].end = v(0);
    forge.held.push(Held { key: forge.held[last].key, ..Held::default() });
    forge.add_up(0);
    forge.list();
    vec![forge]
}

/// A group that is still open in the last row of the table.
pub(crate) fn group_open_at_the_end() -> Vec<Forge> {
    let mut forge = one(&[(8, 100, 7)], |_| ());
    let mut open = forge.held.remove(0);
    open.end = v(0);
    forge.held_tail.push(open);
    forge.list();
    vec![forge]
}

/// A group that is still open in the last row of the table and goes on in the first.
pub(crate) fn group_that_wraps() -> Vec<Forge> {
    let mut forge = Forge::honest(&[Account::new(10, 5, &[(8, 100)]), Account::new(10, 9, &[(8, 250)])]);
    let mut open = forge.held.remove(0);
    open.end = v(0);
    forge.held_tail.push(open);
    forge.held[0].sum = forge.held[0].piece;
    forge.held[0].count = v(1);
    forge.list();
    vec![forge]
}

/// A first sum below the first amount, in each piece.
pub(crate) fn first_sum_too_small() -> Vec<Forge> {
    each(PIECES, |i| {
        let mut forge = one(&[(8, 100, 7)], |_| ());
        forge.held[0].sum[i] -= v(1);
        forge.list();
        forge
    })
}

/// A second sum that is too small, in each piece.
pub(crate) fn later_sum_too_small() -> Vec<Forge> {
    each(PIECES, |i| {
        let mut forge = Forge::honest(&base());
        forge.held[1].sum[i] -= v(1);
        forge.list();
        forge
    })
}

/// Counts that are too small, so that a sum could wrap unseen.
pub(crate) fn first_count_too_small() -> Vec<Forge> {
    let mut forge = one(&[(8, 100, 7)], |_| ());
    forge.held[0].count = v(-5);
    forge.list();
    vec![forge]
}

/// The same in a later row.
pub(crate) fn later_count_too_small() -> Vec<Forge> {
    let mut forge = Forge::honest(&base());
    forge.held[1].count = v(1);
    forge.list();
    vec![forge]
}

/// One entry of key 8 with these pieces, in the first or in the last row of the table.
pub(crate) fn pieces(piece: [i64; PIECES], in_last_row: bool) -> Forge {
    let mut forge = one(&[(8, 0, 7)], |rows| {
        for i in 0..3 {
            rows[1].input[1 + i] = v(piece[2 * i]) + v(piece[2 * i + 1]) * v(1 << 15);
        }
    });
    forge.held[0].piece = piece.map(v);
    forge.add_up(0);
    if in_last_row {
        forge.held_tail = std::mem::take(&mut forge.held);
    }
    forge.list();
    forge
}

/// A negative amount in each piece, in the first row and in the last.
pub(crate) fn negative_amount() -> Vec<Forge> {
    each(2 * PIECES, |i| {
        let mut piece = [0; PIECES];
        piece[i % PIECES] = -5;
        pieces(piece, i >= PIECES)
    })
}

/// Pieces of more than 15 bits: an amount above the bound, and a second decomposition of one amount.
pub(crate) fn pieces_too_large() -> Vec<Forge> {
    let above = pieces([0, 0, 0, 0, 0, 1 << 15], false);
    let again = pieces([(1 << 15) + 3, -1, 0, 0, 0, 0], false);
    vec![above, again]
}

/// Pieces out of range in a row without an entry; no sum takes them, they are checked all the same.
pub(crate) fn pieces_of_padding() -> Vec<Forge> {
    let mut forge = Forge::honest(&base());
    let mut padding = Held::new(8, 0, 0);
    padding.active = v(0);
    padding.piece[0] = v(-5);
    forge.held.push(padding);
    forge.add_up(0);
    vec![forge]
}

/// One asset twice in a row of the leaf, descending keys, key 0.
pub(crate) fn keys_that_do_not_increase() -> Vec<Forge> {
    let twice = one(&[(8, 1, 7), (8, 2, -1)], |_| ());
    let descending = one(&[(16, 1, 15), (8, 2, -9)], |_| ());
    let zero = one(&[(0, 5, -1)], |_| ());
    vec![twice, descending, zero]
}

/// An amount of -1,000 in one leaf that cancels another's 1,000.
pub(crate) fn negative_amount_cancels() -> Forge {
    let mut forge = Forge::honest(&[Account::new(10, 5, &[(8, 0)]), Account::new(10, 9, &[(8, 0)])]);
    for (leaf, amount) in [(0, 1_000), (1, -1_000)] {
        forge.leaves[leaf][1].input[1] = v(amount);
        forge.held[leaf].piece[0] = v(amount);
    }
    forge.add_up(0);
    forge.list();
    forge.plant();
    forge
}
