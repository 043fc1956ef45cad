//! Honest segments with debt satisfy every constraint, exactly where the definition of coverage says that each account
//! is covered.

#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

use assay_circuit::checker::check_segment;
use assay_circuit::{
    All, SegmentAccount, SegmentInput, SegmentPrices, SegmentShape, SegmentTrace, TraceError, Val,
    build_segment,
};
use assay_commit::{Committer, Digest, Hasher, Salt};
use assay_statement::coverage::{PriceTable, check_account};
use assay_statement::{
    Amount, Asset, AssetTable, Entity, Entry, EntryKey, HaircutTier, Kind, Price, Product, ProductHaircuts,
    ProductName, Products, Symbol,
};
use p3_field::PrimeCharacteristicRing;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

fn epoch() -> Digest {
    Digest(std::array::from_fn(|i| Val::from_usize(i + 1)))
}

fn asset(index: usize, decimals: u8, price: (u64, u8), tiers: &[(u8, &[(u64, u8)])]) -> Asset {
    let haircuts = tiers.iter().map(|(kind, tiers)| ProductHaircuts {
        kind: Kind::from_number(*kind).unwrap(),
        tiers: tiers
            .iter()
            .map(|(up_to, percent)| HaircutTier { up_to: *up_to, percent: *percent })
            .collect(),
    });
    Asset {
        price: Some(Price { mantissa: price.0, scale: price.1 }),
        haircuts: haircuts.collect(),
        ..Asset::new(Symbol::new(&format!("A{index}")).unwrap(), decimals)
    }
}

/// Two products with debt of their own (collateral 2 and 4, debt 3 and 5) and one without (collateral 6).
fn table() -> AssetTable {
    let product = |name: &str, collateral, debt: Option<u8>| Product {
        name: ProductName::new(name).unwrap(),
        collateral: Kind::from_number(collateral).unwrap(),
        debt: debt.map(|debt| Kind::from_number(debt).unwrap()),
    };
    let products =
        Products::new(vec![product("a", 2, Some(3)), product("b", 4, Some(5)), product("c", 6, None)])
            .unwrap();
    let tiers: &[(u64, u8)] = &[(10, 100), (1_000, 80), (1 << 40, 0), (u64::MAX, 50)];
    let all: &[(u8, &[(u64, u8)])] = &[(2, tiers), (4, &[(u64::MAX, 100)]), (6, &[(7, 35)])];
    let assets = vec![
        asset(0, 8, (6_400_050, 2), all),
        asset(1, 18, (342_517, 2), all),
        asset(2, 6, (1, 0), all),
        asset(3, 0, (1 << 27, 0), all),
        asset(4, 27, (1, 18), all),
        asset(5, 2, (0, 0), all),
    ];
    AssetTable::with_products(assets, products).unwrap()
}

struct World {
    prices: PriceTable,
    rows: SegmentPrices,
    committer: Committer,
}

impl World {
    fn new() -> Self {
        let hasher = Hasher::new();
        let prices = PriceTable::new(&table());
        let rows = SegmentPrices::new(&prices, &hasher);
        let committer = Committer::new(hasher, &Entity::new("example.org").unwrap(), &epoch());
        Self { prices, rows, committer }
    }

    fn build(&self, accounts: &[Vec<Entry>]) -> Result<SegmentTrace, TraceError> {
        let keys: Vec<_> = (1..=accounts.len()).map(|i| Digest([Val::from_usize(i); 8])).collect();
        let salt = Salt([Val::ONE; 7]);
        let accounts: Vec<_> = accounts
            .iter()
            .zip(&keys)
            .map(|(entries, key)| SegmentAccount { key, salt: &salt, entries })
            .collect();
        let shape = SegmentShape::fitting(&accounts, Some(&self.rows)).unwrap();
        build_segment(
            &self.committer,
            &SegmentInput { epoch: epoch(), accounts, prices: Some(&self.rows) },
            shape,
        )
    }

    /// The builder and the circuit take the segment if and only if the definition does.
    fn check(&self, accounts: &[Vec<Entry>]) -> bool {
        let covered = accounts.iter().all(|entries| check_account(&self.prices, entries).is_ok());
        match self.build(accounts) {
            Ok(trace) => {
                assert!(covered);
                assert_eq!(check_segment(All, &trace.tables, &trace.publics.values()), Ok(()));
            }
            Err(TraceError::Unpriced { .. } | TraceError::Uncovered { .. }) => assert!(!covered),
            Err(other) => panic!("{other}"),
        }
        covered
    }
}

fn entry((asset, kind, amount): (usize, u8, u128)) -> Entry {
    Entry {
        key: EntryKey::new(asset, Kind::from_number(kind).unwrap()).unwrap(),
        amount: Amount::new(amount).unwrap(),
    }
}

fn account(entries: &[(usize, u8, u128)]) -> Vec<Entry> {
    let mut entries: Vec<_> = entries.iter().copied().map(entry).collect();
    entries.sort_by_key(|entry| entry.key);
    entries
}

const MOST: u128 = Amount::MAX.get();

#[test]
fn accounts_with_debt() {
    let world = World::new();
    let covered = [
        account(&[(0, 0, 500), (2, 0, 7)]),
        account(&[]),
        account(&[(0, 0, 100_000_000), (0, 2, 60_000_000), (2, 3, 5_000_000)]),
        account(&[
            (0, 0, 100_000_000),
            (0, 2, 40_000_000),
            (0, 4, 60_000_000),
            (2, 1, 30_000_000),
            (2, 5, 9_000_000),
        ]),
        account(&[(0, 0, 5), (0, 6, 5), (5, 1, MOST)]),
        account(&[(1, 0, MOST), (1, 4, MOST), (2, 1, 1 << 60), (4, 3, 0)]),
    ];
    assert!(world.check(&covered));
    for uncovered in [
        account(&[(2, 1, 1)]),
        account(&[(2, 0, 5), (2, 2, 6)]),
        account(&[(2, 0, 5_000_000), (2, 2, 5_000_000), (2, 5, 1)]),
        account(&[(2, 0, 5_000_000), (2, 6, 5_000_000), (2, 1, 5_000_000)]),
        account(&[(3, 0, MOST), (3, 2, MOST)]),
        account(&[(0, 0, 1), (0, 7, 1)]),
    ] {
        assert!(!world.check(&[covered[0].clone(), uncovered]));
    }
}

/// Each boundary of the tiers: on it, one below and one above, with the most debt that it secures and one more.
#[test]
fn tier_boundaries() {
    let world = World::new();
    for units in [10u128, 1_000, 1 << 40] {
        for pledged in [units * 1_000_000 - 1, units * 1_000_000, units * 1_000_000 + 1] {
            let with = |debt| account(&[(2, 0, pledged), (2, 2, pledged), (2, 3, debt)]);
            let (mut low, mut high) = (0, 1u128 << 62);
            while low + 1 < high {
                let middle = low.midpoint(high);
                let ok = check_account(&world.prices, &with(middle)).is_ok();
                (low, high) = if ok { (middle, high) } else { (low, middle) };
            }
            assert!(world.check(&[with(low)]));
            assert!(!world.check(&[with(high)]));
        }
    }
}

fn any_amount() -> impl Strategy<Value = u128> {
    prop_oneof![0..=MOST, 0..1_000_000_000u128, 0..1_000u128, Just(MOST), (0..90u32).prop_map(|bit| 1 << bit)]
}

/// Accounts most of which are covered: debt is a part of what is pledged.
fn any_account() -> impl Strategy<Value = Vec<Entry>> {
    let key = (0..6usize, 0..7u8);
    (prop::collection::btree_map(key, any_amount(), 0..12), 0..4u32, any::<bool>()).prop_map(
        |(mut entries, scale, enough)| {
            for ((_, kind), amount) in &mut entries {
                if matches!(kind, 1 | 3 | 5) {
                    *amount >>= 20 * scale;
                }
            }
            if enough {
                for asset in 0..6 {
                    let pledged = |kind| entries.get(&(asset, kind)).copied().unwrap_or(0);
                    let pledged = pledged(2) + pledged(4) + pledged(6);
                    if pledged > 0 && pledged <= MOST {
                        entries.insert((asset, 0), pledged);
                    }
                }
            }
            entries.into_iter().map(|((asset, kind), amount)| entry((asset, kind, amount))).collect()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn the_circuit_is_the_definition(accounts in prop::collection::vec(any_account(), 1..24)) {
        let world = World::new();
        world.check(&accounts);
        let covered: Vec<_> =
            accounts.into_iter().filter(|entries| check_account(&world.prices, entries).is_ok()).collect();
        if !covered.is_empty() {
            prop_assert!(world.check(&covered));
        }
    }
}

/// The same for many more accounts: those that are not covered alone, where the builder must refuse exactly those that the
/// definition refuses, and all that are covered together in large segments, which the whole circuit must take. To run it:
///
/// `cargo test --release -p assay-circuit --test covered -- --ignored --nocapture soak`
#[test]
#[ignore = "minutes"]
fn soak() {
    const ACCOUNTS: usize = 400_000;
    const TOGETHER: usize = 2_000;
    let world = World::new();
    let mut runner = TestRunner::deterministic();
    let mut together = Vec::new();
    let (mut seen, mut covered, mut with_debt) = (0, 0, 0);
    while seen < ACCOUNTS {
        let entries = any_account().new_tree(&mut runner).unwrap().current();
        seen += 1;
        if check_account(&world.prices, &entries).is_err() {
            assert!(!world.check(&[entries]));
            continue;
        }
        covered += 1;
        with_debt += usize::from(entries.iter().any(|entry| matches!(entry.key.kind().number(), 1 | 3 | 5)));
        together.push(entries);
        if together.len() == TOGETHER {
            assert!(world.check(&std::mem::take(&mut together)));
        }
    }
    assert!(together.is_empty() || world.check(&together));
    assert!(with_debt > 30_000 && seen - covered > 100_000, "{with_debt} {covered} of {seen}");
    println!("{seen} accounts, {covered} covered, {with_debt} of them with debt");
}
