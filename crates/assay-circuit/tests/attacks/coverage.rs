//! The coverage table: debt that is worth too little, collateral that is worth too much, credit of nobody.

use assay_circuit::coverage_columns::*;
use p3_field::Field;

use super::{covered, each, owing, priced, prices};
use crate::forge::covered::{CARRY_HIGH_VALUE, CREDIT_LIMBS, Cover, END, LIMBS, Line, Priced, WHOLE, line};
use crate::forge::{Account, FIRST_LEAF, Forge, P, v};

/// One unit of collateral in the first asset, and debt of product 1.
fn against(debt: u128, bend: impl FnOnce(&mut Cover)) -> Forge {
    covered(&[(8, 1), (10, 1), (11, debt)], bend)
}

/// Collateral of product 1 against debt of product 1, all of which `bend` may change before credits are settled.
fn pledged(collateral: u128, debt: u128, bend: impl FnOnce(&mut Line)) -> Forge {
    covered(&[(8, collateral), (10, collateral), (11, debt)], |cover| {
        bend(&mut cover.coverage[0]);
        cover.settle_credit(0);
    })
}

/// Debt of no product alone.
fn debt_of(amount: u128, bend: impl FnOnce(&mut Line)) -> Forge {
    covered(&[(9, amount)], |cover| {
        bend(&mut cover.coverage[0]);
        cover.settle_credit(0);
    })
}

/// Flags that aren't bits: a credit taken twice, debt rounded down by far, another shift, carries and borrows that wrap.
pub(crate) fn flags_that_are_no_bits() -> Vec<Forge> {
    let twice = against(2, |cover| {
        cover.coverage[1].set(CONTINUES, 2);
        cover.coverage[1].set(BANKS, -1);
        cover.settle_credit(0);
    });
    let up = debt_of(5_000, |row| row.set(UP, -5_000));
    // 2 * 1 - 1 * 2 = 0, the shift of the key.
    let shift = against(5_000, |cover| {
        let row = &mut cover.coverage[1];
        [0, 2, -1].into_iter().enumerate().for_each(|(i, flag)| row.set(SHIFT + i, flag));
        row.set(VALUE, 0);
        row.set(UP, 1);
        cover.settle_credit(0);
    });
    // Debt of p + 5 whole units as one of 5.
    let carry = covered(&[(8, 5 << 15), (10, 5 << 15), (11, u128::from(P + 5) << 15)], |cover| {
        let row = &mut cover.coverage[1];
        let limbs = [0, 5, 0, 0];
        limbs.into_iter().enumerate().for_each(|(m, limb)| row.set(LIMB + m, limb));
        carries(row, Some(v(CARRY_HIGH_VALUE)));
        row.take_value(0);
        row.compare();
        cover.settle_credit(0);
    });
    let above = pledged(1, 1 << 40, |row| row.wrap(ABOVE, ABOVE_BORROW, -1, &[0; WHOLE], P));
    let below = pledged(2_000 << 15, 1_500 << 15, |row| {
        row.put_into(&priced(10).tier(0));
        row.wrap(BELOW, BELOW_BORROW, -1, &[9 - 2_000, 0, 0, 0], P);
    });
    vec![twice, up, shift, carry, above, below]
}

/// Carries, any elements, that make the equations of the product hold; `high` if they stand in the high bits' columns.
fn carries(row: &mut Line, high: Option<assay_circuit::Val>) {
    let inverse = v(1 << 15).inverse();
    let mut carry = v(0);
    for m in 0..LIMBS - 2 {
        let mut found = carry;
        for w in (0..3).filter(|w| m >= *w && m - w < 6) {
            found += row[PIECE + m - w] * row[WEIGHT + w];
        }
        carry = (found - row[LIMB + m]) * inverse;
        match high {
            Some(value) if m > 0 => {
                row.set(CARRY + m, 0);
                row[CARRY_HIGH + m - 1] = carry * value.inverse();
            }
            _ => row[CARRY + m] = carry,
        }
    }
}

/// Credit that a run goes on with and pools at once.
pub(crate) fn credit_twice() -> Vec<Forge> {
    vec![covered(&[(8, 1_000), (9, 500), (10, 1_000), (17, 6_400)], |cover| {
        cover.coverage[2].set(POOLS, 1);
        cover.settle_credit(0);
    })]
}

/// A first row that says it goes on, banks or pools.
pub(crate) fn first_row_goes_on() -> Vec<Forge> {
    let mut forgeries: Vec<_> = [CONTINUES, BANKS]
        .into_iter()
        .map(|flag| {
            let mut forge = Forge::covered(&owing(), &prices());
            forge.cover_mut().coverage[0].set(flag, 1);
            forge
        })
        .collect();
    forgeries.push(covered(&[(9, 0)], |cover| cover.coverage[0].set(POOLS, 1)));
    forgeries
}

/// A row without an entry gives credit to the row after it, which goes on, banks or pools.
pub(crate) fn credit_of_padding() -> Vec<Forge> {
    let [a, b] = [(11, CONTINUES), (9, POOLS)].map(|(key, flag)| {
        covered(&[(key, 5_000)], |cover| {
            let mut row = cover.coverage[0].clone();
            row.0.fill(v(0));
            row.set(NUMBER, FIRST_LEAF);
            row.set(PRODUCT, 1);
            row.set(BASE + 1, 100);
            cover.coverage.insert(0, row);
            cover.coverage[1].set(flag, 1);
            cover.settle_credit(0);
        })
    });
    vec![a, b]
}

/// What another account pledges covers debt: in one run, and from the bank.
pub(crate) fn collateral_of_another_account() -> Vec<Forge> {
    [(11, CONTINUES), (9, POOLS)]
        .map(|(key, flag)| {
            let accounts =
                [Account::new(10, 5, &[(key, 500)]), Account::new(10, 9, &[(8, 1_000), (10, 1_000)])];
            let mut forge = Forge::covered(&accounts, &prices());
            let cover = forge.cover_mut();
            cover.coverage.swap(0, 1);
            cover.coverage[1].set(flag, 1);
            cover.settle_credit(0);
            forge
        })
        .into()
}

/// What is pledged under one product covers debt of another, in one run.
pub(crate) fn collateral_of_another_product() -> Vec<Forge> {
    vec![in_order_of_key(CONTINUES)]
}

/// The same by a run of a product that draws on all.
pub(crate) fn pool_of_a_product() -> Vec<Forge> {
    vec![in_order_of_key(POOLS)]
}

fn in_order_of_key(flag: usize) -> Forge {
    covered(&[(8, 1_000), (11, 500), (12, 1_000)], |cover| {
        cover.coverage = vec![line(FIRST_LEAF, 1_000, &priced(12)), line(FIRST_LEAF, 500, &priced(11))];
        cover.coverage[1].set(flag, 1);
        cover.settle_credit(0);
    })
}

/// Debt without a shift has no value; two shifts that add up to the key's.
pub(crate) fn other_shifts() -> Vec<Forge> {
    let none = debt_of(5_000, |row| {
        row.set(SHIFT, 0);
        row.set(VALUE, 0);
    });
    // Limbs 1 and 2 of collateral in place of limb 3.
    let two = covered(&[(16, 3), (18, 3), (11, 40)], |cover| {
        let row = cover.coverage.iter_mut().find(|row| row.get(KEY) == 18).unwrap();
        (0..4).for_each(|shift| row.set(SHIFT + shift, (shift == 1 || shift == 2).into()));
        for j in 0..=WHOLE {
            row[VALUE + j] = row[LIMB + 1 + j] + row[LIMB + 2 + j];
        }
        let whole = row.whole();
        let tier = if whole < 1 << 20 { 0 } else { 1 };
        row.put_into(&priced(18).tier(tier));
        cover.settle_credit(0);
    });
    vec![none, two]
}

/// Debt of 7 in each limb whose product is nothing.
pub(crate) fn product_of_nothing() -> Vec<Forge> {
    each(6, |m| {
        debt_of(7 << (15 * m), |row| {
            (0..LIMBS).for_each(|m| row.set(LIMB + m, 0));
            row.take_value(0);
            row.compare();
        })
    })
}

/// What a limb should carry stays in it, behind the binary point; a limb behind it carries more than it has.
pub(crate) fn limbs_out_of_range() -> Vec<Forge> {
    let shift_by = |row: &mut Line, by: i64| {
        row.add(LIMB + 2, by << 15);
        row.add(CARRY + 2, -by);
        row.add(LIMB + 3, -by);
        row.take_value(3);
        row.compare();
    };
    let debt = covered(&[(8, 1), (10, 1), (17, 6_400)], |cover| {
        let row = &mut cover.coverage[1];
        let by = row.get(LIMB + 3);
        shift_by(row, by);
        cover.settle_credit(0);
    });
    let collateral = covered(&[(16, 6_400), (18, 6_400), (11, 1_000)], |cover| {
        shift_by(&mut cover.coverage[0], -500);
        cover.settle_credit(0);
    });
    vec![debt, collateral]
}

/// Debt of p + 5 as one of 5, by carries that are any elements.
pub(crate) fn carries_that_wrap() -> Vec<Forge> {
    vec![covered(&[(8, 5), (10, 5), (11, u128::from(P + 5))], |cover| {
        let row = &mut cover.coverage[1];
        (0..LIMBS).for_each(|m| row.set(LIMB + m, if m == 0 { 5 } else { 0 }));
        carries(row, None);
        (0..6).for_each(|m| row.set(CARRY_HIGH + m, 0));
        row.take_value(0);
        row.compare();
        cover.settle_credit(0);
    })]
}

/// Debt of 7 in each limb of the value that counts nothing.
pub(crate) fn value_of_nothing() -> Vec<Forge> {
    each(1 + WHOLE, |j| {
        debt_of(7 << (15 * j), |row| {
            row.set(VALUE + j, 0);
            row.compare();
        })
    })
}

/// A10: debt of 2^75 value units, and in each limb above, that counts nothing.
pub(crate) fn value_that_does_not_fit() -> Vec<Forge> {
    [([1, 0, 0], 1 << 75), ([0, 1, 0], 1 << 75), ([0, 0, 1], 1 << 75), ([0, 0, 1 << 12], 1 << 89)]
        .map(|(weight, amount)| {
            let dear = Priced { weight, ..priced(9) };
            Forge::covered(&[Account::new(10, 5, &[(9, amount)])], &[dear])
        })
        .into()
}

/// A26: collateral that is rounded up.
pub(crate) fn collateral_rounded_up() -> Vec<Forge> {
    vec![pledged(1, 2, |row| row.set(UP, 1))]
}

/// A26: debt of a base unit that is worth less than a value unit, and counts nothing.
pub(crate) fn debt_rounded_down() -> Vec<Forge> {
    let dust = covered(&[(17, 1)], |cover| {
        cover.coverage[0].set(UP, 0);
        cover.settle_credit(0);
    });
    vec![dust]
}

/// A26: a base unit of collateral that is above the start of its tier by much, in each limb.
pub(crate) fn above_by_any_number() -> Vec<Forge> {
    each(WHOLE, |j| pledged(1, 1 << (15 * (j + 1)), |row| row.set(ABOVE + j, 1)))
}

/// A value of 5 in each limb that counts in full, as if it were in the first tier, which ends at 10.
pub(crate) fn below_by_any_number() -> Vec<Forge> {
    each(WHOLE, |j| {
        let units: i64 = if j == 0 { 2_000 } else { 5 };
        let amount = (units as u128) << (15 * (j + 1));
        pledged(amount, amount, |row| {
            row.put_into(&priced(10).tier(0));
            (0..WHOLE).for_each(|i| row.set(BELOW + i, if i == 0 && j > 0 { 9 } else { 0 }));
            (0..WHOLE - 1).for_each(|i| row.set(BELOW_BORROW + i, 0));
        })
    })
}

/// A26: dust in the second tier, where a value that starts at 10 has 10 in full behind it.
pub(crate) fn dust_in_a_high_tier() -> Vec<Forge> {
    vec![pledged(1, 4 << 15, |row| row.put_into(&priced(10).tier(1)))]
}

/// A large value in the first tier.
pub(crate) fn whale_in_a_low_tier() -> Vec<Forge> {
    vec![pledged(2_000 << 15, 1_500 << 15, |row| row.put_into(&priced(10).tier(0)))]
}

/// Collateral too illiquid to secure anything (key 20) in a tier of another key, as both count from 32 times the key.
pub(crate) fn tier_of_another_key() -> Vec<Forge> {
    vec![covered(&[(16, 6_400), (20, 6_400), (13, 700)], |cover| {
        let row = &mut cover.coverage[0];
        row.put_into(&priced(18).tier(0));
        row.set(TIER, 32 * (18 - 20));
        cover.settle_credit(0);
    })]
}

/// More credit in the first row than its entry gives, in each limb.
pub(crate) fn first_credit_too_large() -> Vec<Forge> {
    each(CREDIT_LIMBS, |j| {
        against(2, |cover| {
            cover.coverage[0].add(CREDIT + j, 100);
            cover.settle_credit(1);
        })
    })
}

/// More credit in a later row than the entries so far give, in each limb.
pub(crate) fn later_credit_too_large() -> Vec<Forge> {
    each(CREDIT_LIMBS, |j| {
        covered(&[(8, 1), (9, 1), (10, 1), (11, 1)], |cover| {
            cover.coverage[1].add(CREDIT + j, 100);
            cover.settle_credit(2);
        })
    })
}

/// Less credit than none: in the highest limb, and in each limb that an entry changes.
pub(crate) fn negative_credit() -> Vec<Forge> {
    let mut forgeries = vec![against(5_000, |_| ())];
    forgeries.extend(each(1 + WHOLE, |j| {
        against(1 + (1 << (15 * j)), |cover| {
            let row = &mut cover.coverage[1];
            (0..CREDIT_LIMBS).for_each(|i| row.set(CREDIT + i, if i == j { -100 } else { 0 }));
            (0..CREDIT_LIMBS - 1).for_each(|i| row.set(CREDIT_CARRY + i, 0));
        })
    }));
    forgeries
}

/// Credit of p less what is missing, by carries that are any elements.
pub(crate) fn credit_that_wraps() -> Vec<Forge> {
    vec![debt_of(5_000, |_| ())]
        .into_iter()
        .map(|mut forge| {
            let row = &mut forge.cover_mut().coverage[0];
            let change = row.change();
            row.wrap(CREDIT, CREDIT_CARRY, 1, &change, P);
            forge
        })
        .collect()
}

/// A first row with something in the bank, in each limb.
pub(crate) fn bank_of_nobody() -> Vec<Forge> {
    each(CREDIT_LIMBS, |j| {
        covered(&[(8, 1), (9, 2), (10, 1)], |cover| {
            cover.coverage[0].set(BANK + j, 100);
            cover.settle_credit(1);
        })
    })
}

/// More is banked than was left, in each limb, where a run starts and where it goes on.
pub(crate) fn bank_too_large() -> Vec<Forge> {
    let mut forgeries = each(CREDIT_LIMBS, |j| {
        covered(&[(8, 2), (9, 3), (10, 1), (12, 1)], |cover| {
            cover.coverage[1].add(BANK + j, 100);
            cover.settle_credit(2);
        })
    });
    forgeries.push(covered(&[(8, 1), (9, 1), (10, 1), (11, 1)], |cover| {
        cover.coverage[1].set(BANK, 100);
        cover.settle_credit(2);
    }));
    forgeries
}

/// The same collateral covers in two runs.
pub(crate) fn collateral_twice() -> Vec<Forge> {
    vec![covered(&[(8, 1_000), (9, 2_000), (10, 1_000)], |cover| {
        let again = cover.coverage[0].clone();
        cover.coverage.insert(1, again);
        cover.coverage[1].set(CONTINUES, 1);
        cover.settle_credit(0);
    })]
}

/// A10: as much debt as collateral, of so many value units each.
pub(crate) fn value_of(value: u128) -> Forge {
    let exact = |key, tiers| Priced { tiers, ..priced(key) };
    let prices = [exact(9, vec![(END, -100)]), exact(10, vec![(END, 100)])];
    Forge::covered(&[Account::new(10, 5, &[(8, value), (9, value), (10, value)])], &prices)
}

/// A10: the largest debt at a weight with these limbs, honest or with a product that is `p` less at one limb, and
/// collateral that secures what it is then worth.
pub(crate) fn heavy_debt(weight: [i64; 3], amount: u128, wrapped: Option<usize>) -> Forge {
    let debt = Priced { weight, shift: 4, ..priced(9) };
    let collateral = Priced { tiers: vec![(END, 100)], ..priced(10) };
    let mut row = line(FIRST_LEAF, amount, &debt);
    row.weigh_wrapped(&debt, wrapped);
    row.compare();
    let limbs = (0..=WHOLE).rev().map(|j| row.get(VALUE + j));
    let value = limbs.fold(0, |value, limb| (value << 15) + limb as u128) + row.get(UP) as u128;
    let account = Account::new(10, 5, &[(8, value), (9, amount), (10, value)]);
    let mut forge = Forge::covered(&[account], &[debt, collateral]);
    row.set(POOLS, 1);
    let cover = forge.cover_mut();
    cover.coverage[1] = row;
    cover.settle_credit(0);
    forge
}

/// A26: accounts of dust, of which each owes a base unit and secures it with a base unit of the same asset, if they owe.
pub(crate) fn dust(accounts: u64, owe: bool) -> Forge {
    let entries: &[_] = if owe { &[(16, 1), (18, 1), (19, 1)] } else { &[(16, 1), (18, 1)] };
    let accounts: Vec<_> = (0..accounts).map(|i| Account::new(10, i, entries)).collect();
    Forge::covered(&accounts, &prices())
}
