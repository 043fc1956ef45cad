use assay_statement::coverage::{Weights, check_account};
use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use proptest::sample::select;

use super::*;
use crate::reference::{self, Fraction};

/// Three ways to define products, the last with debt of their own for all but one.
fn any_products() -> impl Strategy<Value = Products> {
    (0..3usize).prop_map(|choice| match choice {
        0 => Products::default(),
        1 => Products::new(vec![product("a", 2, Some(3)), product("b", 7, None)]).unwrap(),
        _ => Products::new(vec![product("x", 2, Some(3)), product("y", 4, Some(5)), product("z", 6, None)])
            .unwrap(),
    })
}

fn any_price() -> impl Strategy<Value = (u8, Option<(u64, u8)>)> {
    let ordinary = (0u8..=18, (1u64..100_000_000, 0u8..=8).prop_map(Some));
    let any = (0u8..=27, (any::<u64>(), 0u8..=18).prop_map(Some));
    let extreme = (
        select(vec![0u8, 1, 8, 18, 27]),
        (select(vec![0, 1, 1 << 43, u64::MAX]), select(vec![0u8, 2, 18])).prop_map(Some),
    );
    prop_oneof![6 => ordinary, 2 => any, 1 => extreme, 1 => (0u8..=27, Just(None))].prop_filter(
        "a base unit is worth too much",
        |(decimals, price)| {
            price.is_none_or(|(mantissa, scale)| Weights::new(Price { mantissa, scale }, *decimals).is_some())
        },
    )
}

fn any_tiers() -> impl Strategy<Value = Vec<(u64, u8)>> {
    let end = prop_oneof![1u64..1_000, 1u64..100_000_000, any::<u64>()];
    prop_oneof![
        Just(vec![(u64::MAX, 100)]),
        prop::collection::btree_map(end, prop_oneof![0u8..=100, Just(100)], 0..6)
            .prop_map(|tiers| tiers.into_iter().filter(|(end, _)| *end > 0).collect()),
    ]
}

fn any_table() -> impl Strategy<Value = AssetTable> {
    let assets = prop::collection::vec((any_price(), prop::collection::vec(any_tiers(), 3)), 1..5);
    (any_products(), assets).prop_map(|(products, assets)| {
        let collateral: Vec<u8> = products.iter().map(|product| product.collateral.number()).collect();
        let assets = assets.iter().enumerate().map(|(index, ((decimals, price), tiers))| {
            let haircuts: Vec<(u8, &[(u64, u8)])> = collateral
                .iter()
                .copied()
                .zip(tiers.iter().map(Vec::as_slice))
                .filter(|(_, tiers)| !tiers.is_empty())
                .collect();
            asset(index, *decimals, *price, &haircuts)
        });
        AssetTable::with_products(assets.collect(), products).unwrap()
    })
}

/// Amounts of all sizes, so that all rules are kept and broken often.
fn any_amount() -> impl Strategy<Value = u128> {
    prop_oneof![
        1 => Just(Amount::MAX.get()),
        2 => 0..10u128,
        8 => (0u32..90, any::<u128>()).prop_map(|(bits, random)| 1 << bits | random & ((1 << bits) - 1)),
    ]
}

/// Entries of any kinds, wanted or not; whatever the table doesn't define is rare.
fn any_account() -> impl Strategy<Value = Vec<(usize, u8, u128)>> {
    prop::collection::vec((0usize..4, 0u8..8, any_amount()), 0..10)
}

fn entries_of(table: &AssetTable, drawn: &[(usize, u8, u128)], undefined: bool) -> Vec<Entry> {
    let mut entries: Vec<_> = drawn
        .iter()
        .map(|(asset, number, amount)| entry(asset % table.len(), *number, *amount))
        .filter(|entry| undefined || table.defines(entry.key))
        .collect();
    entries.sort_by_key(|entry| entry.key);
    entries.dedup_by_key(|entry| entry.key);
    entries
}

/// Raises equity to what is pledged and cuts debt down, so that many accounts keep the rules just so.
fn mend(entries: &mut Vec<Entry>, table: &AssetTable, cut: u32) {
    use assay_statement::Role;
    let role = |entry: &Entry| table.products().role(entry.key.kind());
    for asset in 0..table.len() {
        let pledged: u128 = entries
            .iter()
            .filter(|entry| {
                entry.key.asset() == asset && matches!(role(entry), Some(Role::Collateral { .. }))
            })
            .map(|entry| entry.amount.get())
            .sum();
        if pledged > 0 && pledged <= Amount::MAX.get() {
            entries.retain(|entry| entry.key.asset() != asset || entry.key.kind() != Kind::EQUITY);
            entries.push(super::entry(asset, 0, pledged));
        }
    }
    for entry in entries.iter_mut() {
        if matches!(role(entry), Some(Role::Debt { .. })) {
            entry.amount = Amount::new(entry.amount.get() >> cut).unwrap();
        }
    }
    entries.sort_by_key(|entry| entry.key);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, ..ProptestConfig::default() })]

    /// More than 10^5 accounts in each of two forms: what is wrong with them, and by how much, is what the second
    /// implementation says. And what keeps the rules has a net worth.
    #[test]
    fn both_implementations_agree(
        table in any_table(),
        accounts in prop::collection::vec((any_account(), any::<bool>(), 0u32..90), 24),
    ) {
        let prices = PriceTable::new(&table);
        for (drawn, undefined, cut) in accounts {
            let mut entries = entries_of(&table, &drawn, undefined && cut == 0);
            for mended in [false, true] {
                if mended {
                    mend(&mut entries, &table, cut);
                }
                let breaches = check_account(&prices, &entries).err().unwrap_or_default();
                prop_assert_eq!(reference::plain(&breaches), reference::judge(&table, &entries));
                prop_assert!(!breaches.is_empty() || reference::has_net_worth(&table, &entries) == Some(true));
            }
        }
    }

    #[test]
    fn weights_agree(mantissa: u64, scale in 0u8..=18, decimals in 0u8..=27) {
        let price = Price { mantissa, scale };
        let expected = reference::rounded(&reference::rate(price, decimals));
        let weights = Weights::new(price, decimals);
        prop_assert_eq!(weights.is_some(), expected.is_some());
        if let (Some(weights), Some(expected)) = (weights, expected) {
            prop_assert_eq!(num_bigint::BigUint::from(weights.down), expected.down);
            prop_assert_eq!(num_bigint::BigUint::from(weights.up), expected.up);
            prop_assert_eq!(u64::from(weights.shift), expected.shift);
        }
    }

    /// Values lie on their side of the exact one, debt never below and collateral never above.
    #[test]
    fn rounding_never_favours_the_exchange((decimals, price) in any_price(), amount in any_amount()) {
        let Some((mantissa, scale)) = price else { return Ok(()) };
        let price = Price { mantissa, scale };
        let weights = Weights::new(price, decimals).unwrap();
        let rate = reference::rate(price, decimals);
        let amount = Amount::new(amount).unwrap();
        let exact = |rate: &Fraction| (rate.floor(), rate.ceil());
        let (floor, ceil) = exact(&rate.of(amount));
        if let Some(down) = weights.value_down(amount) {
            prop_assert!(num_bigint::BigUint::from(down) <= floor);
        }
        if let Some(up) = weights.value_up(amount) {
            prop_assert!(num_bigint::BigUint::from(up) >= ceil);
        }
    }

    /// Haircuts count at most all of a value, never less of more value, and at most a percent of each bit of it.
    #[test]
    fn haircuts_are_monotone(tiers in any_tiers(), value in 0u128..1 << 75, more in 0u128..1 << 70) {
        let haircuts: &[(u8, &[(u64, u8)])] = if tiers.is_empty() { &[] } else { &[(2, &tiers)] };
        let (_, prices) = default_table(vec![asset(0, 0, Some((1, 0)), haircuts)]);
        let of = |value: u128| prices.haircut(0, Kind::COLLATERAL_LOAN, value);
        prop_assert!(of(value) <= 100 * value);
        prop_assert!(of(value) <= of(value + more));
        prop_assert!(of(value + more) - of(value) <= 100 * more);
        prop_assert_eq!(num_bigint::BigUint::from(of(value)), reference::haircut(&tiers, &value.into()));
    }
}
