use assay_statement::coverage::{Breach, Rule, Shortfall, Weights, check_account};
use assay_statement::{AssetTableError, MAX_ASSETS};

use super::*;
use crate::reference;

/// One of the reference currency, in value units.
const UNIT: u128 = 1 << 15;

fn rules(outcome: Result<(), Vec<Breach>>) -> Vec<&'static str> {
    outcome.err().unwrap_or_default().iter().map(|breach| breach.rule.name()).collect()
}

/// Asset 0 with tiers for loans, asset 1 without; both with decimals and prices as given.
fn pair(tiers: &[(u64, u8)], decimals: u8, price: (u64, u8)) -> PriceTable {
    let haircuts: &[(u8, &[(u64, u8)])] = &[(2, tiers)];
    default_table(vec![asset(0, decimals, Some(price), haircuts), asset(1, decimals, Some(price), &[])]).1
}

#[test]
fn equity_alone_needs_nothing() {
    let (_, prices) = default_table(vec![asset(0, 8, None, &[])]);
    assert_eq!(check_account(&prices, &[]), Ok(()));
    assert_eq!(check_account(&prices, &[entry(0, 0, Amount::MAX.get())]), Ok(()));
}

#[test]
fn tier_boundaries() {
    // 100 percent of the first 10, 50 percent of the next 10, nothing above.
    let prices = pair(&[(10, 100), (20, 50)], 0, (1, 0));
    let of = |value: u128| prices.haircut(0, Kind::COLLATERAL_LOAN, value);
    for (value, counted) in [
        (0, 0),
        (1, 100),
        (10 * UNIT - 1, 100 * (10 * UNIT - 1)),
        (10 * UNIT, 1_000 * UNIT),
        (10 * UNIT + 1, 1_000 * UNIT + 50),
        (20 * UNIT - 1, 1_500 * UNIT - 50),
        (20 * UNIT, 1_500 * UNIT),
        (20 * UNIT + 1, 1_500 * UNIT),
        ((1 << 75) - 1, 1_500 * UNIT),
    ] {
        assert_eq!(of(value), counted, "{value}");
        assert_eq!(reference::haircut(&[(10, 100), (20, 50)], &value.into()), counted.into());
    }
    assert_eq!(prices.haircut(0, Kind::COLLATERAL_MARGIN, UNIT), 0);
    assert_eq!(prices.haircut(1, Kind::COLLATERAL_LOAN, UNIT), 0);
    assert_eq!(prices.haircut(9, Kind::COLLATERAL_LOAN, UNIT), 0);
}

#[test]
fn debt_at_its_cover_and_one_above() {
    let prices = pair(&[(10, 100), (20, 50)], 0, (1, 0));
    let account = |pledged: u128, debt: u128| {
        check_account(&prices, &[entry(0, 0, pledged), entry(0, 2, pledged), entry(1, 1, debt)])
    };
    for (pledged, most) in [(9, 9), (10, 10), (11, 10), (12, 11), (20, 15), (21, 15), (1_000, 15)] {
        assert_eq!(account(pledged, most), Ok(()), "{pledged}");
        assert_eq!(rules(account(pledged, most + 1)), ["debt_uncovered"], "{pledged}");
    }
    // 11 count 10.5, so 11 are short of half a unit: 50 * 2^15 hundredths.
    let by = Shortfall::Value { hundredths: 50 << 15 };
    assert_eq!(
        account(11, 11).unwrap_err(),
        [Breach { rule: Rule::DebtUncovered, asset: None, product: None, by: Some(by) }]
    );
    assert_eq!(by.to_string(), "0.5");
}

#[test]
fn more_cannot_be_pledged_than_is_held() {
    let prices = pair(&[(u64::MAX, 100)], 2, (1, 0));
    let account = |loan, margin| {
        let all = [entry(0, 0, 100), entry(0, 2, loan), entry(0, 3, margin)];
        check_account(&prices, &all)
    };
    assert_eq!(account(60, 40), Ok(()));
    let breaches = account(60, 41).unwrap_err();
    assert_eq!((breaches[0].rule, breaches[0].asset), (Rule::CollateralExceedsEquity, Some(0)));
    assert_eq!(breaches[0].by.unwrap().to_string(), "0.01");
    // Without any equity, and at the largest amounts.
    assert_eq!(rules(check_account(&prices, &[entry(0, 2, 1)])), ["collateral_exceeds_equity"]);
    let most = Amount::MAX.get();
    let all = [entry(0, 0, most), entry(0, 2, most), entry(0, 3, most), entry(0, 4, most)];
    let breaches = check_account(&default_table(vec![asset(0, 27, Some((1, 18)), &[])]).1, &all).unwrap_err();
    assert_eq!(breaches[0].by, Some(Shortfall::BaseUnits { units: 2 * most, decimals: 27 }));
}

#[test]
fn a_product_covers_its_own_debt() {
    let products = Products::new(vec![product("a", 2, Some(3)), product("b", 4, Some(5))]).unwrap();
    let tiers: &[(u64, u8)] = &[(u64::MAX, 100)];
    let (_, prices) = with_products(vec![asset(0, 0, Some((1, 0)), &[(2, tiers), (4, tiers)])], products);
    let account = |a: (u128, u128), b: (u128, u128), plain: u128| {
        let all = [(0, 10), (1, plain), (2, a.0), (3, a.1), (4, b.0), (5, b.1)];
        let all: Vec<_> = all
            .into_iter()
            .filter(|(_, amount)| *amount > 0)
            .map(|(kind, amount)| entry(0, kind, amount))
            .collect();
        check_account(&prices, &all)
    };
    assert_eq!(account((5, 5), (5, 5), 0), Ok(()));
    // Covered together, but not one by one.
    let breaches = account((5, 6), (5, 4), 0).unwrap_err();
    assert_eq!(
        (breaches.len(), breaches[0].rule, breaches[0].product),
        (1, Rule::ProductDebtUncovered, Some(0))
    );
    // Covered one by one, but what is left doesn't cover the rest.
    assert_eq!(account((5, 5), (5, 4), 1), Ok(()));
    assert_eq!(rules(account((5, 5), (5, 4), 2)), ["debt_uncovered"]);
}

#[test]
fn a_price_is_needed_for_debt_and_collateral_only() {
    let (_, prices) =
        default_table(vec![asset(0, 8, None, &[(2, &[(1, 100)])]), asset(1, 8, Some((1, 0)), &[])]);
    assert_eq!(rules(check_account(&prices, &[entry(0, 0, 5), entry(0, 2, 5)])), ["no_price"]);
    assert_eq!(rules(check_account(&prices, &[entry(0, 1, 5)])), ["no_price"]);
    assert_eq!(rules(check_account(&prices, &[entry(0, 0, 5), entry(1, 1, 0)])), [""; 0]);
    // What is wrong beside it is said too, but no sum that needs the price is judged.
    assert_eq!(
        rules(check_account(&prices, &[entry(0, 2, 5), entry(1, 1, 5)])),
        ["collateral_exceeds_equity", "no_price"]
    );
}

#[test]
fn entries_that_the_table_lacks_are_refused() {
    let (_, prices) = default_table(vec![asset(0, 8, Some((1, 0)), &[])]);
    assert_eq!(rules(check_account(&prices, &[entry(0, 0, 5), entry(0, 5, 1)])), ["undefined"]);
    assert_eq!(rules(check_account(&prices, &[entry(1, 1, 1)])), ["undefined"]);
    assert_eq!(rules(check_account(&prices, &[entry(MAX_ASSETS - 1, 7, 1)])), ["undefined"]);
}

#[test]
fn values_at_their_bound_and_one_above() {
    // One base unit is 2^15 value units: 2^60 - 1 base units fit, 2^60 don't.
    let price = (10u64.pow(16), 16);
    let weights = Weights::new(Price { mantissa: price.0, scale: price.1 }, 0).unwrap();
    assert_eq!((weights.down, weights.up), (1 << 30, 1 << 30));
    let prices = pair(&[(u64::MAX, 100)], 0, price);
    let most = (1u128 << 60) - 1;
    let account =
        |units: u128| check_account(&prices, &[entry(0, 0, units), entry(0, 2, units), entry(1, 1, units)]);
    assert_eq!(account(most), Ok(()));
    assert_eq!(rules(account(most + 1)), ["value_too_large", "value_too_large"]);
    assert_eq!(rules(account(Amount::MAX.get())), ["value_too_large", "value_too_large"]);
    // Rounding up may reach the bound, as nothing wraps there.
    let weights = Weights { down: 1 << 15, up: 1 << 15, shift: 2 };
    let amount = |units| Amount::new(units).unwrap();
    assert_eq!(weights.value_up(amount((1 << 90) - 1)), Some(1 << 75));
    assert_eq!(weights.value_down(amount((1 << 90) - 1)), Some((1 << 75) - 1));
    let weights = Weights { up: (1 << 15) + 1, ..weights };
    assert_eq!(weights.value_up(Amount::MAX), None);
}

#[test]
fn the_largest_amounts_at_every_price() {
    for scale in 0..=18 {
        for decimals in 0..=27 {
            for mantissa in [0, 1, 9, 10, 65_537, 1 << 27, (1 << 28) - 1, 1 << 28, u64::MAX - 1, u64::MAX] {
                let price = Price { mantissa, scale };
                let expected = reference::rounded(&reference::rate(price, decimals));
                let table = AssetTable::new(vec![asset(
                    0,
                    decimals,
                    Some((mantissa, scale)),
                    &[(2, &[(u64::MAX, 100)])],
                )]);
                let Some(expected) = expected else {
                    assert_eq!(Weights::new(price, decimals), None);
                    assert!(matches!(table, Err(AssetTableError::PriceTooHigh { .. })));
                    continue;
                };
                let weights = Weights::new(price, decimals).unwrap();
                for amount in [0, 1, 2, (1 << 89) + 1, Amount::MAX.get() - 1, Amount::MAX.get()] {
                    let amount = Amount::new(amount).unwrap();
                    let (down, up) = (expected.value_down(amount), expected.value_up(amount));
                    assert_eq!(
                        weights.value_down(amount),
                        u128::try_from(down).ok().filter(|value| value >> 75 == 0)
                    );
                    let fits = expected.value_up_floor(amount).bits() <= 75;
                    assert_eq!(weights.value_up(amount), u128::try_from(up).ok().filter(|_| fits));
                }
                let table = table.unwrap();
                let prices = PriceTable::new(&table);
                for amount in [1, Amount::MAX.get()] {
                    let all = [entry(0, 0, amount), entry(0, 1, amount), entry(0, 2, amount)];
                    let breaches = check_account(&prices, &all).err().unwrap_or_default();
                    assert_eq!(reference::plain(&breaches), reference::judge(&table, &all));
                }
            }
        }
    }
}

/// A weight that rounds up to `2^43` takes the next smaller shift, and at the smallest shift the price is refused.
#[test]
fn weights_that_round_up_to_their_bound() {
    let weights = |mantissa, scale| Weights::new(Price { mantissa, scale }, 0);
    // 2^28 less 10^-6: r is 2^43 less 0.032768, whose floor fits and whose ceiling doesn't.
    assert_eq!(weights((1 << 28) * 1_000_000 - 1, 6), None);
    // 2^28 less 2^15 * 10^-6: r is 2^43 less 1073.7, whose limbs add up to too much, so it rounds up to 2^43 as well.
    assert_eq!(weights((1 << 28) * 1_000_000 - 32_768, 6), None);
    // 2^28 less 1: r is 2^43 less 2^15, whose lowest limb is zero.
    let fits = Weights { down: (1 << 43) - (1 << 15), up: (1 << 43) - (1 << 15), shift: 0 };
    assert_eq!(weights((1 << 28) - 1, 0), Some(fits));
    // 2^13 less 10^-10: r * 2^15 is 2^43 less 0.1, so the shift isn't 1.
    let smaller = Weights { down: (1 << 28) - 1, up: 1 << 28, shift: 0 };
    assert_eq!(weights((1 << 13) * 10_000_000_000 - 1, 10), Some(smaller));
}

/// A26: a million accounts of one base unit each; dust adds up, and never for the exchange.
#[test]
fn a26_rounding_dust_away() {
    let exact = Price { mantissa: 342_517, scale: 2 };
    let weights = Weights::new(exact, 18).unwrap();
    let one = Amount::new(1).unwrap();
    let (mut debt, mut collateral) = (0u128, 0u128);
    for _ in 0..1_000_000 {
        debt += weights.value_up(one).unwrap();
        collateral += weights.value_down(one).unwrap();
    }
    // In exact terms all of it is worth a fraction of a value unit.
    let all = reference::rate(exact, 18).of(Amount::new(1_000_000).unwrap());
    assert!(all.ceil() == 1u8.into() && debt == 1_000_000 && collateral == 0);
    // So one base unit of debt needs more than one base unit of collateral in the same asset.
    let table = vec![asset(0, 18, Some((342_517, 2)), &[(2, &[(u64::MAX, 100)])])];
    let (_, prices) = default_table(table);
    let account =
        |units, debt| check_account(&prices, &[entry(0, 0, units), entry(0, 1, debt), entry(0, 2, units)]);
    assert_eq!(rules(account(1, 1)), ["debt_uncovered"]);
    // What it takes: collateral worth a whole value unit.
    let enough = (1u128..).map(|doubled| 1 << doubled).find(|units| account(*units, 1).is_ok()).unwrap();
    assert!(weights.value_down(Amount::new(enough).unwrap()) >= Some(1));
}

/// A5: a phantom account with illiquid equity, pledged, and liquid debt would lower what is owed of the liquid asset.
#[test]
fn a5_phantom_account() {
    // The illiquid asset has a price of its maker's choice. Its tiers count nothing, or it has none.
    let nothing: [&[(u64, u8)]; 2] = [&[(u64::MAX, 0)], &[]];
    for tiers in nothing {
        let haircuts: &[(u8, &[(u64, u8)])] = if tiers.is_empty() { &[] } else { &[(2, tiers)] };
        let (_, prices) = default_table(vec![
            asset(0, 0, Some((100_000_000, 0)), haircuts),
            asset(1, 6, Some((1, 0)), &[]),
        ]);
        let phantom = [entry(0, 0, 1 << 20), entry(0, 2, 1 << 20), entry(1, 1, 1)];
        assert_eq!(rules(check_account(&prices, &phantom)), ["debt_uncovered"]);
    }
    // Nor does equity that isn't pledged secure anything.
    let prices = pair(&[(u64::MAX, 100)], 0, (1, 0));
    assert_eq!(rules(check_account(&prices, &[entry(0, 0, 1 << 40), entry(1, 1, 1)])), ["debt_uncovered"]);
}

/// A4, A17: one table serves all accounts, and a price serves debt and collateral alike: an inflated price helps the
/// account that pledges the asset and hurts the one that owes it.
#[test]
fn a17_an_inflated_price_cuts_both_ways() {
    let account = |price, collateral, debt| {
        let tiers: &[(u64, u8)] = &[(u64::MAX, 50)];
        let assets =
            vec![asset(0, 0, Some((price, 0)), &[(2, tiers)]), asset(1, 0, Some((1, 0)), &[(2, tiers)])];
        let units = |asset| if asset == 0 { 10 } else { 400 };
        let entries = match collateral < debt {
            true => vec![
                entry(collateral, 0, units(collateral)),
                entry(collateral, 2, units(collateral)),
                entry(debt, 1, 100),
            ],
            false => vec![
                entry(debt, 1, 10),
                entry(collateral, 0, units(collateral)),
                entry(collateral, 2, units(collateral)),
            ],
        };
        check_account(&default_table(assets).1, &entries).is_ok()
    };
    assert_eq!((account(20, 0, 1), account(19, 0, 1)), (true, false));
    assert_eq!((account(20, 1, 0), account(21, 1, 0)), (true, false));
}
