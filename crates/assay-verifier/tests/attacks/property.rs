//! Any ledger, split in any way, proves and verifies with its plain sums; any single change is refused.

use std::collections::{BTreeMap, BTreeSet};

use assay_circuit::CIRCUIT_ID;
use assay_commit::{EMPTY, Receipt};
use assay_statement::{Amount, Entity, Entry, EntryKey, Epoch, Kind, Symbol, Uid};
use assay_verifier::{BundleHeader, Expectations, Statement, verify_bundle};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::exchange::{Exchange, asset_table};
use crate::layout::{ACCOUNTS, PREFIX, TOP};

type Ledger = BTreeMap<String, BTreeMap<(usize, usize), u128>>;

const SYMBOLS: [&str; 4] = ["BTC", "ETH", "SOL", "USDT"];

fn amount() -> impl Strategy<Value = u128> {
    let most = Amount::MAX.get();
    let limbs = [1u128 << 15, 1 << 30, 1 << 60, 1 << 75];
    prop_oneof![
        Just(0),
        Just(most),
        0..=most,
        0u128..1_000_000,
        prop::sample::select(limbs.to_vec()).prop_map(|limb| limb - 1),
        prop::sample::select(limbs.to_vec()),
    ]
}

fn ledger() -> impl Strategy<Value = Ledger> {
    let entries = btree_map((0usize..4, 0usize..5), amount(), 0..=7);
    btree_map("[a-z0-9.@]{1,40}|[a-zäöüßéñ中文]{1,12}", entries.prop_map(covered), 1..=14)
}

/// As much as can be pledged of what is held: prices are zero, so nothing else is asked of debt.
fn covered(mut entries: BTreeMap<(usize, usize), u128>) -> BTreeMap<(usize, usize), u128> {
    let equity = |asset| entries.get(&(asset, 0)).copied().unwrap_or(0);
    let held = [0, 1, 2, 3].map(equity);
    for ((asset, kind), amount) in &mut entries {
        if *kind > 1 {
            *amount = (*amount).min(held[*asset] / 3);
        }
    }
    entries
}

/// The plain sum, with no code of the project.
fn sums(ledger: &Ledger) -> BTreeMap<(usize, usize), u128> {
    let mut sums = BTreeMap::new();
    for (key, amount) in ledger.values().flatten() {
        *sums.entry(*key).or_insert(0) += amount;
    }
    sums
}

struct Proven {
    exchange: Exchange,
    records: Vec<Vec<u8>>,
    bundle: Vec<u8>,
    receipts: Vec<Receipt>,
    statement: Statement,
}

fn proven(ledger: &Ledger, cuts: &[Index]) -> Proven {
    let accounts = ledger.iter().map(|(uid, entries)| {
        let entry = |(&(asset, kind), &amount): (&(usize, usize), &u128)| Entry {
            key: EntryKey::new(asset, Kind::DEFAULT[kind]).unwrap(),
            amount: Amount::new(amount).unwrap(),
        };
        (uid.clone(), entries.iter().map(entry).collect())
    });
    let exchange = Exchange::new("example.org", "property", asset_table(&SYMBOLS), accounts);
    let count = exchange.accounts.len();
    let mut ends: BTreeSet<usize> = cuts.iter().map(|cut| 1 + cut.index(count)).collect();
    ends.insert(count);
    let ends: Vec<usize> = ends.into_iter().collect();
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let records: Vec<Vec<u8>> = starts.zip(&ends).map(|(start, end)| exchange.segment(start..*end)).collect();
    let slices: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
    let bundle = exchange.bundle(&slices);
    let receipts = exchange.receipts(&ends);
    let statement = exchange.verify(&bundle).unwrap();
    Proven { exchange, records, bundle, receipts, statement }
}

impl Proven {
    fn receipt_holds(&self, receipt: &Receipt, uid: &Uid) -> bool {
        let Ok(receipt) = Receipt::from_json(receipt.to_json().unwrap().as_bytes()) else { return false };
        receipt.verify(uid, &self.exchange.assets, &self.exchange.entity, &self.statement.root).is_ok()
    }

    /// The bundle with other bytes at a place of its first record.
    fn with(&self, at: usize, change: impl Fn(&mut [u8])) -> Vec<u8> {
        let mut bundle = self.bundle.clone();
        change(&mut bundle[BundleHeader::BYTES + 8 + at..]);
        bundle
    }

    /// One change each.
    fn bundles(&self, place: Index) -> Vec<(&'static str, Vec<u8>)> {
        let slices: Vec<&[u8]> = self.records.iter().map(Vec::as_slice).collect();
        let last = *slices.last().unwrap();
        let length = self.records[0].len();
        let proof = length / 2 + place.index(length / 2);
        let mut head = self.bundle.clone();
        head[52] ^= 1;
        let mut changed = vec![
            ("root in the head", head),
            ("epoch", self.with(52, |bytes| bytes[0] ^= 1)),
            ("top", self.with(TOP, |bytes| bytes[0] ^= 1)),
            ("accounts", self.with(ACCOUNTS, |bytes| bytes[0] ^= 1)),
            ("proof", self.with(proof, |bytes| bytes[0] ^= 1)),
            ("last byte cut", self.bundle[..self.bundle.len() - 1].to_vec()),
            ("last segment twice", self.exchange.bundle(&[&slices[..], &[last]].concat())),
        ];
        if self.records[0][ACCOUNTS + 4] > 0 {
            changed.push(("key of totals", self.with(PREFIX, |bytes| bytes[0] ^= 8)));
            changed.push(("sum of totals", self.with(PREFIX + 2, |bytes| bytes[0] ^= 1)));
            changed.push(("count of totals", self.with(PREFIX + 26, |bytes| bytes[0] ^= 1)));
        }
        if slices.len() > 1 {
            let turned: Vec<&[u8]> = slices.iter().rev().copied().collect();
            changed.push(("segments turned", self.exchange.bundle(&turned)));
        }
        changed
    }

    /// A shorter bundle is the proof of another ledger, and known as one by anything that the caller knows.
    fn shorter(&self) -> Option<Vec<u8>> {
        let slices: Vec<&[u8]> = self.records[1..].iter().map(Vec::as_slice).collect();
        (!slices.is_empty()).then(|| self.exchange.bundle(&slices))
    }

    fn receipts(&self, index: usize) -> Vec<(&'static str, Receipt)> {
        let honest = &self.receipts[index];
        let mut changed = vec![];
        let mut change = |name, edit: &dyn Fn(&mut Receipt)| {
            let mut receipt = honest.clone();
            edit(&mut receipt);
            changed.push((name, receipt));
        };
        change("position", &|receipt| receipt.position ^= 1);
        change("path too short", &|receipt| drop(receipt.path.pop()));
        change("path too long", &|receipt| receipt.path.push(EMPTY.to_hex()));
        change("other sibling", &|receipt| receipt.path[3] = receipt.root.clone());
        change("sibling one above", &|receipt| receipt.path[17] = CIRCUIT_ID.to_hex());
        change("salt", &|receipt| {
            receipt.salt.replace_range(..2, if receipt.salt.starts_with("00") { "01" } else { "00" })
        });
        change("root", &|receipt| receipt.root = EMPTY.to_hex());
        change("epoch", &|receipt| receipt.epoch.id.push('x'));
        change("time", &|receipt| receipt.epoch.time += 1);
        change("entity", &|receipt| receipt.entity.push('x'));
        if let Some(entry) = honest.entries.first() {
            change("entry dropped", &|receipt| drop(receipt.entries.pop()));
            change("entry twice", &|receipt| receipt.entries.insert(0, entry.clone()));
            let amount: u128 = entry.amount.parse().unwrap();
            change("amount", &|receipt| receipt.entries[0].amount = (amount ^ 1).to_string());
            let kind = if entry.kind == "equity" { "debt" } else { "equity" };
            change("kind", &|receipt| receipt.entries[0].kind = kind.to_string());
        } else {
            let any =
                assay_commit::ReceiptEntry { asset: "BTC".into(), kind: "debt".into(), amount: "0".into() };
            change("entry added", &|receipt| receipt.entries.push(any.clone()));
        }
        changed
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 10,
        // Each case proves up to three segments.
        max_shrink_iters: 12,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_ledger_is_proven_and_no_change_is_accepted(
        ledger in ledger(),
        cuts in vec(any::<Index>(), 0..=2),
        place in any::<Index>(),
        chosen in any::<Index>(),
    ) {
        let proven = proven(&ledger, &cuts);
        let Proven { exchange, statement, .. } = &proven;
        let (accounts, totals) = statement.figures.exact().unwrap();
        let found: BTreeMap<(usize, usize), u128> = totals
            .iter()
            .map(|(key, total)| ((key.asset(), usize::from(key.kind().number())), total))
            .collect();
        prop_assert_eq!(found, sums(&ledger));
        prop_assert_eq!(accounts, ledger.len() as u64);
        prop_assert_eq!(statement.segments, Some(proven.records.len()));

        for (receipt, account) in proven.receipts.iter().zip(&exchange.accounts) {
            let read = Receipt::from_json(receipt.to_json().unwrap().as_bytes()).unwrap();
            let verified = read.verify(&account.uid, &exchange.assets, &exchange.entity, &statement.root).unwrap();
            let plain = &ledger[account.uid.as_str()];
            prop_assert_eq!(verified.entries.len(), plain.len());
            for (entry, ((asset, kind), amount)) in verified.entries.iter().zip(plain) {
                prop_assert_eq!(entry.key.asset(), *asset);
                prop_assert_eq!(usize::from(entry.key.kind().number()), *kind);
                prop_assert_eq!(entry.amount.get(), *amount);
            }
        }

        for (name, bundle) in proven.bundles(place) {
            prop_assert!(exchange.verify(&bundle).is_err(), "accepted: {}", name);
        }

        let honest = Expectations {
            root: Some(statement.root),
            totals: Some(totals),
            accounts: Some(accounts),
            ..exchange.expectations()
        };
        prop_assert!(verify_bundle(&proven.bundle, honest).is_ok());
        let (entity, id, time) =
            (Entity::new("example.com").unwrap(), exchange.epoch.id(), exchange.epoch.time());
        let (renamed, later) = (Epoch::new("other", time).unwrap(), Epoch::new(id, time + 1).unwrap());
        let fewer = asset_table(&SYMBOLS[..3]);
        let mut assets = exchange.assets.assets().to_vec();
        assets[3].symbol = Symbol::new("USDTX").unwrap();
        let other = assay_statement::AssetTable::new(assets).unwrap();
        let mut other_totals = totals.clone();
        other_totals.add_total(EntryKey::FIRST, 1).unwrap();
        for (name, expected) in [
            ("entity", Expectations { entity: &entity, ..honest }),
            ("epoch", Expectations { epoch: &renamed, ..honest }),
            ("time", Expectations { epoch: &later, ..honest }),
            ("fewer assets", Expectations { assets: &fewer, ..honest }),
            ("other assets", Expectations { assets: &other, ..honest }),
            ("root", Expectations { root: Some(EMPTY), ..honest }),
            ("totals", Expectations { totals: Some(&other_totals), ..honest }),
            ("accounts", Expectations { accounts: Some(accounts + 1), ..honest }),
        ] {
            prop_assert!(verify_bundle(&proven.bundle, expected).is_err(), "accepted: {}", name);
        }
        if let Some(shorter) = proven.shorter() {
            let base = exchange.expectations();
            prop_assert!(exchange.verify(&shorter).unwrap().figures.at_most().0 < accounts);
            for known in [
                Expectations { root: honest.root, ..base },
                Expectations { accounts: honest.accounts, ..base },
            ] {
                prop_assert!(verify_bundle(&shorter, known).is_err());
            }
        }

        let index = chosen.index(exchange.accounts.len());
        let uid = &exchange.accounts[index].uid;
        prop_assert!(proven.receipt_holds(&proven.receipts[index], uid));
        for (name, receipt) in proven.receipts(index) {
            prop_assert!(!proven.receipt_holds(&receipt, uid), "accepted: {}", name);
        }
        for (i, receipt) in proven.receipts.iter().enumerate() {
            prop_assert_eq!(proven.receipt_holds(receipt, uid), i == index);
        }
    }
}
