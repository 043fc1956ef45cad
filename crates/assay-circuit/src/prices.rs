//! The price rows of an asset table: what debt and collateral are worth, as the coverage table looks it up.
//!
//! Each key of debt or collateral in an asset with a price has one row with its weight, and two for each of its tiers.
//! A key that nothing defines, or that has no price, has none, so that no entry with it can be covered. The digest of
//! the rows is public, and verifiers compute it from their own asset table.

use alloc::vec;
use alloc::vec::Vec;
use core::array;

use assay_commit::{Digest, Hasher, RATE, RowTag};
use assay_statement::coverage::{LIMB_BITS, MAX_SHIFT, PriceTable, WEIGHT_LIMBS, Weights};
use assay_statement::{AssetTable, Entry, EntryKey, Kind, Role};
use p3_field::PrimeCharacteristicRing;

use crate::Val;
use crate::publics::{Chain, chain_rows};

/// Shifts that weights can have.
pub(crate) const SHIFTS: usize = MAX_SHIFT as usize + 1;

/// Limbs of a value in whole units of the reference currency; the limb below them is the fraction.
pub(crate) const WHOLE_LIMBS: usize = 4;

/// Limbs of what counts below a tier, in hundredths of the reference currency.
pub(crate) const BASE_LIMBS: usize = 5;

/// Tiers that a key has at most, with the one above the last that the asset table gives.
pub(crate) const TIERS: u32 = 32;

/// What a price row says; with the key it is the first element of the row.
#[derive(Clone, Copy)]
pub(crate) enum RowKind {
    /// Whether it is debt, product, weight, shift.
    Weight = 1,
    /// Percent, where the tier starts, the low limbs of what counts below it.
    TierStart = 2,
    /// Where the tier ends, the other limbs of what counts below it.
    TierEnd = 3,
}

impl RowKind {
    /// First element of such a row less its key, or less 32 times its key plus its tier.
    pub(crate) const fn offset(self) -> u32 {
        (self as u32) << 20
    }
}

// The first elements of the rows of two kinds differ.
const _: () = assert!((EntryKey::BOUND as u32) * TIERS <= 1 << 20);
// A whole value has a limb for its fraction and the others for whole units, and the bits that it can have.
const _: () = assert!(LIMB_BITS == assay_statement::coverage::VALUE_FRACTION_BITS);
const _: () = assert!(assay_statement::coverage::VALUE_BITS == LIMB_BITS * (WHOLE_LIMBS as u32 + 1));
// A hundred for each of 2^60 whole units.
const _: () = assert!(100u128 << (LIMB_BITS * WHOLE_LIMBS as u32) < 1 << (LIMB_BITS * BASE_LIMBS as u32));
// With the tier above the last.
const _: () = assert!(assay_statement::MAX_TIERS < TIERS as usize);

/// Where values above all tiers end, in whole units.
const END: u128 = 1 << (LIMB_BITS * WHOLE_LIMBS as u32);

/// A tier of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tier {
    /// What a unit in it counts, in hundredths; debt counts negative.
    pub(crate) percent: i32,
    /// First whole unit.
    pub(crate) lower: u128,
    /// Last whole unit.
    pub(crate) upper: u128,
    /// What counts of a value that ends at `lower`, in hundredths of whole units.
    pub(crate) base: u128,
}

/// A key that can be covered.
#[derive(Clone, Debug)]
pub(crate) struct PricedKey {
    /// Whether it is debt.
    pub(crate) debt: bool,
    /// Number of the product from 1, or 0 for debt under none in particular.
    pub(crate) product: u32,
    /// Limbs of the weight.
    pub(crate) weight: [u32; WEIGHT_LIMBS],
    /// Limbs of the product of amount and weight behind the binary point.
    pub(crate) shift: usize,
    /// Tiers in order, without gaps.
    pub(crate) tiers: Vec<Tier>,
    /// Number of its first row.
    pub(crate) row: usize,
}

/// Where the entry table sends an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// To no other table.
    Nowhere,
    /// To the pledge table, and, if it is collateral, from there to the coverage table.
    Pledged,
    /// To the coverage table.
    Owed,
}

/// The price rows of an asset table.
#[derive(Clone, Debug)]
pub struct SegmentPrices {
    keys: Vec<Option<PricedKey>>,
    rows: Vec<[Val; RATE]>,
    digest: Digest,
}

impl SegmentPrices {
    /// The rows of a table of prices.
    pub fn new(prices: &PriceTable, hasher: &Hasher) -> Self {
        let mut keys = vec![None; usize::from(EntryKey::BOUND)];
        // The first row says how many others there are, so that even a table without prices has a digest.
        let mut rows = vec![[Val::ZERO; RATE]];
        for asset in 0..prices.len() {
            let Some(weights) = prices.weights(asset) else { continue };
            for kind in Kind::numbers() {
                let (Some(role), Ok(key)) = (prices.role(kind), EntryKey::new(asset, kind)) else { continue };
                let Some(priced) = PricedKey::new(prices, asset, kind, role, &weights, rows.len()) else {
                    continue;
                };
                rows.extend(priced.rows(key));
                if let Some(slot) = keys.get_mut(usize::from(key.number())) {
                    *slot = Some(priced);
                }
            }
        }
        let count = Val::from_usize(rows.len() - 1);
        if let Some([first, ..]) = rows.first_mut() {
            *first = count;
        }
        let digest = chain_rows(hasher, RowTag::Prices, &rows).digest;
        Self { keys, rows, digest }
    }

    /// Digest of the rows.
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Number of the rows, each one permutation in every segment that covers debt.
    pub fn row_count(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn chain(&self, hasher: &Hasher) -> Chain {
        chain_rows(hasher, RowTag::Prices, &self.rows)
    }

    /// The rows of an asset table.
    pub fn of_assets(assets: &AssetTable, hasher: &Hasher) -> Self {
        Self::new(&PriceTable::new(assets), hasher)
    }

    /// Rows of the pledge and the coverage table that an account with these entries takes.
    pub fn rows_of(&self, entries: &[Entry]) -> [usize; 2] {
        let mut rows = [0; 2];
        for (entry, route) in self.routes(entries) {
            rows[0] += usize::from(route == Route::Pledged);
            rows[1] += usize::from(entry.key.kind() != Kind::EQUITY);
        }
        rows
    }

    /// Where each of an account's entries goes, which are in order of their keys. Equity goes nowhere unless some of it
    /// is pledged.
    pub(crate) fn routes<'e>(&self, entries: &'e [Entry]) -> impl Iterator<Item = (&'e Entry, Route)> {
        let of_assets = entries.chunk_by(|a, b| a.key.asset() == b.key.asset());
        of_assets.flat_map(|entries| {
            let is_debt = |entry: &Entry| self.key(entry.key).is_some_and(|key| key.debt);
            let is_collateral = |entry: &Entry| entry.key.kind() != Kind::EQUITY && !is_debt(entry);
            let pledges = entries.iter().any(is_collateral);
            entries.iter().map(move |entry| {
                let route = match entry.key.kind() {
                    Kind::EQUITY if !pledges => Route::Nowhere,
                    _ if is_debt(entry) => Route::Owed,
                    _ => Route::Pledged,
                };
                (entry, route)
            })
        })
    }

    pub(crate) fn key(&self, key: EntryKey) -> Option<&PricedKey> {
        self.keys.get(usize::from(key.number()))?.as_ref()
    }
}

impl PricedKey {
    /// `None` for equity, which needs no price.
    fn new(
        prices: &PriceTable,
        asset: usize,
        kind: Kind,
        role: Role,
        weights: &Weights,
        row: usize,
    ) -> Option<Self> {
        let number = |product: usize| product as u32 + 1;
        let (debt, product) = match role {
            Role::Equity => return None,
            Role::Debt { product } => (true, product.map_or(0, number)),
            Role::Collateral { product } => (false, number(product)),
        };
        let weight = Weights::limbs(if debt { weights.up } else { weights.down });
        let tiers = if debt {
            vec![Tier { percent: -100, lower: 0, upper: END - 1, base: 0 }]
        } else {
            let mut tiers = Vec::new();
            let (mut lower, mut base) = (0, 0);
            let above = (END, 0u8);
            for (up_to, percent) in prices.tiers(asset, kind).chain([above]) {
                let end = up_to.min(END);
                if end > lower {
                    tiers.push(Tier { percent: percent.into(), lower, upper: end - 1, base });
                    base += u128::from(percent) * (end - lower);
                    lower = end;
                }
            }
            tiers
        };
        Some(Self { debt, product, weight, shift: weights.shift.into(), tiers, row })
    }

    /// The key's rows: its weight, then two for each tier.
    fn rows(&self, key: EntryKey) -> Vec<[Val; RATE]> {
        let number = u32::from(key.number());
        let [w0, w1, w2] = self.weight;
        let id = |kind: RowKind, number: u32| kind.offset() + number;
        let weight =
            [id(RowKind::Weight, number), self.debt.into(), self.product, w0, w1, w2, self.shift as u32, 0];
        let mut rows = vec![weight.map(Val::from_u32)];
        for (i, tier) in self.tiers.iter().enumerate() {
            let number = number * TIERS + i as u32;
            let lower = tier.lower_limbs();
            let upper = tier.upper_limbs();
            let base = tier.base_limbs();
            rows.push(array::from_fn(|i| match i {
                0 => Val::from_u32(id(RowKind::TierStart, number)),
                1 => Val::from_i32(tier.percent),
                2..6 => lower[i - 2],
                _ => base[i - 6],
            }));
            rows.push(array::from_fn(|i| match i {
                0 => Val::from_u32(id(RowKind::TierEnd, number)),
                1..5 => upper[i - 1],
                _ => base[i - 3],
            }));
        }
        rows
    }

    /// The tier of a value in whole units.
    pub(crate) fn tier(&self, whole: u128) -> Option<(usize, &Tier)> {
        self.tiers.iter().enumerate().find(|(_, tier)| whole <= tier.upper)
    }
}

impl Tier {
    pub(crate) fn lower_limbs(&self) -> [Val; WHOLE_LIMBS] {
        limbs(self.lower)
    }

    pub(crate) fn upper_limbs(&self) -> [Val; WHOLE_LIMBS] {
        limbs(self.upper)
    }

    pub(crate) fn base_limbs(&self) -> [Val; BASE_LIMBS] {
        limbs(self.base)
    }
}

fn limbs<const N: usize>(number: u128) -> [Val; N] {
    array::from_fn(|i| Val::from_u32((number >> (LIMB_BITS * i as u32)) as u32 & ((1 << LIMB_BITS) - 1)))
}
