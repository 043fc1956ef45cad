//! Price rows: lists that aren't the public one, rows beside the list.

use super::{covered, each, owing, priced, prices};
use crate::forge::covered::{Priced, line, price_rows};
use crate::forge::{FIRST_LEAF, Forge, Row, digest, rechain, v};

/// The run stands behind the leaves.
pub(crate) fn run_elsewhere() -> Vec<Forge> {
    let mut forge = Forge::covered(&owing(), &prices());
    let rows = std::mem::take(&mut forge.cover_mut().prices);
    forge.extra.push(Row::default());
    forge.extra.extend(rows);
    vec![forge]
}

/// No prices, and so a public digest of nothing.
pub(crate) fn no_prices() -> Vec<Forge> {
    let mut forge = Forge::covered(&owing()[2..], &prices());
    let cover = forge.cover_mut();
    cover.prices = vec![Row { prices_first: v(1), ..Row::default() }];
    cover.digest = [v(99); 8];
    vec![forge]
}

/// The last row of the list a second time.
pub(crate) fn second_run() -> Vec<Forge> {
    let mut forge = Forge::covered(&owing(), &prices());
    let last = forge.cover_mut().prices.last().cloned();
    forge.extra.push(Row::default());
    forge.extra.extend(last);
    vec![forge]
}

/// A chain that doesn't start at zero, in each element.
pub(crate) fn chain_that_starts_elsewhere() -> Vec<Forge> {
    each(8, |i| {
        let mut forge = Forge::covered(&owing(), &prices());
        let cover = forge.cover_mut();
        cover.prices[0].input[8 + i] = v(7);
        rechain(&mut cover.prices);
        cover.digest = digest(&cover.prices);
        forge
    })
}

/// Prices by which collateral (key 10) is worth 2^15 times as much.
pub(crate) fn inflated() -> Vec<Priced> {
    let mut prices = prices();
    let collateral = prices.iter_mut().find(|priced| priced.key == 10);
    collateral.unwrap().weight = [0, 1, 0];
    prices
}

/// An account that these prices alone cover.
fn by_inflated_prices() -> Forge {
    let account = crate::forge::Account::new(10, 5, &[(8, 5), (10, 5), (11, 150_000)]);
    Forge::covered(&[account], &inflated())
}

/// The public list, with a row in which collateral is worth more; the next row keeps the chain of the true one.
pub(crate) fn list_of_other_prices() -> Vec<Forge> {
    let mut forge = by_inflated_prices();
    let truth = price_rows(&prices());
    let cover = forge.cover_mut();
    let blocks: Vec<_> = cover.prices.iter().map(|row| row.input).collect();
    cover.digest = digest(&truth);
    cover.prices = truth;
    for (row, block) in cover.prices.iter_mut().zip(blocks) {
        row.input[..8].copy_from_slice(&block[..8]);
    }
    vec![forge]
}

/// Other prices than the public ones, in each element of the digest; and inflated ones against the true digest.
pub(crate) fn another_digest() -> Vec<Forge> {
    let mut forgeries = each(8, |i| {
        let mut forge = Forge::covered(&owing(), &prices());
        forge.cover_mut().digest[i] += v(1);
        forge
    });
    let mut forge = by_inflated_prices();
    forge.cover_mut().digest = digest(&price_rows(&prices()));
    forgeries.push(forge);
    forgeries
}

/// Weights that no price row has.
pub(crate) fn weights_of_nobody() -> Vec<Forge> {
    let dear = Priced { weight: [0, 1, 0], ..priced(10) };
    let cheap = Priced { weight: [0, 0, 0], ..priced(9) };
    let collateral = covered(&[(8, 5), (10, 5), (11, 150_000)], |cover| {
        cover.coverage[0] = line(FIRST_LEAF, 5, &dear);
        cover.settle_credit(0);
    });
    let debt = covered(&[(9, 150_000)], |cover| {
        cover.coverage[0] = line(FIRST_LEAF, 150_000, &cheap);
        cover.settle_credit(0);
    });
    vec![collateral, debt]
}
