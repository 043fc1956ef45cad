//! The pledge table: collateral that nobody holds.

use assay_circuit::pledge_columns::{ASSET, BORROW, COLLATERAL, CONTINUES, EQUITY, KIND, REST};
use p3_field::Field;

use super::{covered, each, owing, priced, prices};
use crate::forge::covered::{Cover, line, pledge};
use crate::forge::{Account, FIRST_LEAF, Forge, PIECES, v};

/// Equity that is multiplied (`CONTINUES = 2`), equity of another asset (bits of the kind), a borrow that wraps.
pub(crate) fn flags_that_are_no_bits() -> Vec<Forge> {
    let twice = covered(&[(8, 100), (10, 200)], |cover| {
        cover.pledge[1].set(CONTINUES, 2);
        cover.settle_rest(0);
    });
    let mut other = covered(&[(8, 100), (18, 100)], |cover| {
        // Key 18 is that of the second asset's collateral: 8 * 2 + 2 = 8 * 1 + 10.
        let mut row = pledge(FIRST_LEAF, 18, 100, true);
        row.set(ASSET, 1);
        (0..3).for_each(|i| row.set(KIND + i, if i == 0 { 10 } else { 0 }));
        cover.pledge = vec![pledge(FIRST_LEAF, 8, 100, false), row];
        cover.settle_rest(0);
    });
    other.route(FIRST_LEAF, 8, 1, 0);
    // -65,024 * 2^15 is 1 modulo p.
    let wraps = covered(&[(24, 100), (26, 32_767 << 75)], |cover| {
        let row = &mut cover.pledge[1];
        for (j, rest) in [100, 0, 0, 0, 1, 65_024 - 32_767].into_iter().enumerate() {
            row.set(REST + j, rest);
        }
        (0..5).for_each(|j| row.set(BORROW + j, if j == 4 { -65_024 } else { 0 }));
    });
    vec![twice, other, wraps]
}

/// A row that holds equity and pledges it.
pub(crate) fn equity_that_is_collateral() -> Vec<Forge> {
    let mut forge = covered(&[(8, 100)], |cover| {
        let mut row = pledge(FIRST_LEAF, 8, 100, false);
        row.set(COLLATERAL, 1);
        cover.pledge.push(row);
        cover.settle_rest(0);
    });
    forge.route(FIRST_LEAF, 8, 1, 0);
    vec![forge]
}

/// Debt, or collateral that then secures more of its kind, as if it were equity.
pub(crate) fn debt_as_equity() -> Vec<Forge> {
    [9, 11, 13]
        .map(|key| {
            let mut forge = covered(&[(key, 1 << 40)], |cover| {
                cover.coverage.clear();
                let mut row = pledge(FIRST_LEAF, key, 1 << 40, false);
                row.set(EQUITY, 1);
                row.set(COLLATERAL, 0);
                cover.pledge.push(row);
                cover.settle_rest(0);
            });
            forge.route(FIRST_LEAF, key, 1, 0);
            forge
        })
        .into()
}

/// The same by an asset that is a fraction: `8 * (9 / 8) + 0` is the key of debt.
pub(crate) fn debt_as_equity_of_a_fractional_asset() -> Vec<Forge> {
    let mut forgeries = debt_as_equity();
    for (forge, key) in forgeries.iter_mut().zip([9, 11, 13]) {
        let row = &mut forge.cover_mut().pledge[0];
        row[ASSET] = v(key) * v(8).inverse();
        (0..3).for_each(|i| row.set(KIND + i, 0));
    }
    forgeries
}

/// A first row that says it goes on.
pub(crate) fn first_row_goes_on() -> Vec<Forge> {
    let mut forge = Forge::covered(&owing(), &prices());
    forge.cover_mut().pledge[0].set(CONTINUES, 1);
    vec![forge]
}

/// Collateral is taken off another account's equity.
pub(crate) fn equity_of_another_account() -> Vec<Forge> {
    let accounts = [Account::new(10, 5, &[(10, 100)]), Account::new(10, 9, &[(8, 100)])];
    let mut forge = Forge::covered(&accounts, &prices());
    forge.route(FIRST_LEAF + 1, 8, 1, 0);
    let cover = forge.cover_mut();
    cover.pledge = vec![pledge(FIRST_LEAF + 1, 8, 100, false), pledge(FIRST_LEAF, 10, 100, true)];
    cover.settle_rest(0);
    vec![forge]
}

/// Collateral is taken off another asset's equity.
pub(crate) fn equity_of_another_asset() -> Vec<Forge> {
    let mut forge = covered(&[(10, 100), (16, 100)], |cover| {
        cover.pledge = vec![pledge(FIRST_LEAF, 16, 100, false), pledge(FIRST_LEAF, 10, 100, true)];
        cover.settle_rest(0);
    });
    forge.route(FIRST_LEAF, 16, 1, 0);
    vec![forge]
}

/// Pledges 2^15 to the `i` more than the 100 that are held.
fn too_much(i: usize, bend: impl FnOnce(&mut Cover)) -> Forge {
    covered(&[(24, 100), (26, 100 + (1 << (15 * i)))], bend)
}

/// More is left after the first row than it holds, in each piece.
pub(crate) fn first_rest_too_large() -> Vec<Forge> {
    each(PIECES, |i| {
        too_much(i, |cover| {
            cover.pledge[0].add(REST + i, 1);
            cover.settle_rest(1);
        })
    })
}

/// More is left after a later row than should be, in each piece.
pub(crate) fn later_rest_too_large() -> Vec<Forge> {
    each(PIECES, |i| {
        too_much(i, |cover| {
            let row = &mut cover.pledge[1];
            (0..PIECES).for_each(|j| row.set(REST + j, 0));
            (0..PIECES - 1).for_each(|j| row.set(BORROW + j, 0));
        })
    })
}

/// Less than nothing is left, in each piece.
pub(crate) fn negative_rest() -> Vec<Forge> {
    each(PIECES, |i| {
        too_much(i, |cover| {
            let row = &mut cover.pledge[1];
            (0..PIECES).for_each(|j| row.set(REST + j, if j == i { -1 } else { 0 }));
            (0..PIECES - 1).for_each(|j| row.set(BORROW + j, 0));
        })
    })
}

/// Equity and collateral of no entry.
pub(crate) fn pledge_of_nobody() -> Vec<Forge> {
    vec![covered(&[(9, 100)], |cover| {
        cover.pledge = vec![pledge(FIRST_LEAF, 8, 100, false), pledge(FIRST_LEAF, 10, 100, true)];
        cover.settle_rest(0);
        cover.coverage.insert(0, line(FIRST_LEAF, 100, &priced(10)));
        cover.coverage[1].set(assay_circuit::coverage_columns::POOLS, 1);
        cover.settle_credit(0);
    })]
}

/// One entry of equity secures two of collateral, in a run each.
pub(crate) fn equity_twice() -> Vec<Forge> {
    vec![covered(&[(8, 100), (10, 100), (12, 100)], |cover| {
        cover.pledge = [10, 12]
            .into_iter()
            .flat_map(|key| [pledge(FIRST_LEAF, 8, 100, false), pledge(FIRST_LEAF, key, 100, true)])
            .collect();
        cover.settle_rest(0);
    })]
}

/// Collateral of a kind that nothing defines, or of an asset without a price.
pub(crate) fn collateral_without_a_price() -> Vec<Forge> {
    [[(8, 100), (15, 100)], [(800, 5), (802, 5)]].map(|entries| covered(&entries, |_| ())).into()
}

/// A10: the most that can be pledged, and one more.
pub(crate) fn most_pledged(more: u128) -> Forge {
    let most = super::MOST;
    covered(&[(24, most - more), (26, most)], |_| ())
}
