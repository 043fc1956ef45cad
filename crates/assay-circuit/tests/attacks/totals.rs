//! The list of totals: what it shows and what is added up.

use super::{base, each, hold};
use crate::forge::{Account, Forge, Held, digest, rechain, v};

/// The totals of another epoch: the row that absorbs the epoch is left out, the next one takes its chain.
pub(crate) fn totals_of_another_epoch() -> Vec<Forge> {
    let mut forge = Forge::honest(&base());
    let epoch = forge.epoch;
    forge.epoch = [v(99); 8];
    forge.list();
    forge.epoch = epoch;
    forge.totals.remove(0);
    vec![forge]
}

/// No totals at all.
pub(crate) fn first_row_that_is_no_total() -> Vec<Forge> {
    let mut forge = Forge::honest(&[Account::new(10, 5, &[])]);
    forge.totals[0].totals = v(0);
    vec![forge]
}

/// Two groups with equal sums, shown once: the last row of the list stands a second time behind the run.
pub(crate) fn second_run() -> Vec<Forge> {
    let mut forge = Forge::honest(&[Account::new(10, 5, &[(8, 100)]), Account::new(10, 9, &[(8, 100)])]);
    forge.held.iter_mut().for_each(|held| held.end = v(1));
    forge.add_up(0);
    let total = forge.held[0].total();
    forge.list_of(&[total]);
    forge.extra.push(forge.totals[1].clone());
    vec![forge]
}

/// Another public epoch, in each element.
pub(crate) fn another_epoch() -> Vec<Forge> {
    each(8, |i| {
        let mut forge = Forge::honest(&base());
        forge.epoch[i] += v(1);
        forge
    })
}

/// A chain that doesn't start at zero, in each element.
pub(crate) fn chain_that_starts_elsewhere() -> Vec<Forge> {
    each(8, |i| {
        let mut forge = Forge::honest(&base());
        forge.totals[0].input[8 + i] = v(7);
        rechain(&mut forge.totals);
        forge.digest = digest(&forge.totals);
        forge
    })
}

/// A list that shows a smaller first total; the true one takes its row and the next row the chain of the false one.
pub(crate) fn list_of_other_totals() -> Vec<Forge> {
    let mut forge = Forge::honest(&base());
    let mut list: Vec<_> = forge.held.iter().filter(|held| held.end == v(1)).map(Held::total).collect();
    let truth = list[0];
    list[0][1] -= v(300);
    forge.list_of(&list);
    forge.totals[1].input[..8].copy_from_slice(&truth);
    vec![forge]
}

/// Another public digest, in each element.
pub(crate) fn another_digest() -> Vec<Forge> {
    each(8, |i| {
        let mut forge = Forge::honest(&base());
        forge.digest[i] += v(1);
        forge
    })
}

/// Groups that the list doesn't show.
pub(crate) fn totals_left_out() -> Vec<Forge> {
    let mut forge = Forge::honest(&base());
    forge.list_of(&[]);
    vec![forge]
}

/// A total that no group has.
pub(crate) fn total_of_nothing() -> Vec<Forge> {
    let mut forge = Forge::honest(&[Account::new(10, 5, &[])]);
    let mut total = Held::new(8, 5, 7);
    total.sum = total.piece;
    total.count = v(1);
    forge.list_of(&[total.total()]);
    vec![forge]
}

/// An entry that no leaf has.
pub(crate) fn entry_of_nobody() -> Vec<Forge> {
    let mut forge = Forge::honest(&[Account::new(10, 5, &[])]);
    hold(&mut forge, &[(9, 1_000, 8)]);
    vec![forge]
}
