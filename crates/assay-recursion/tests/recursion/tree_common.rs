//! Segments with a few accounts each, and their proofs.

use assay_circuit::p3_batch_stark::{BatchProof, ProverData, ProverOnlyData, StarkInstance, prove_batch};
use assay_circuit::{
    All, SEGMENT_PARAMETERS, SegmentAccount, SegmentConfig, SegmentInput, SegmentPrices, SegmentPublics,
    SegmentShape, SegmentTrace, TotalsRow, Val, build_segment, segment_airs, segment_common,
};
use assay_commit::{Committer, Digest, Hasher, Salt};
use assay_statement::{
    Amount, Asset, AssetTable, Entity, Entry, EntryKey, HaircutTier, Kind, Price, ProductHaircuts, Symbol,
};
use p3_field::PrimeCharacteristicRing;

/// A segment proof with what it shows.
pub(crate) struct Segment {
    pub(crate) publics: SegmentPublics,
    pub(crate) totals: Vec<TotalsRow>,
    pub(crate) proof: BatchProof<SegmentConfig>,
}

/// The epoch of all segments, unless they are of another one.
pub(crate) fn epoch(number: usize) -> Digest {
    Digest(core::array::from_fn(|i| Val::from_usize(100 * number + i + 1)))
}

/// Prices at which the accounts of segments that cover debt are covered, asset by asset.
pub(crate) fn prices(units: [u64; 3]) -> SegmentPrices {
    let asset = |(index, price): (usize, &u64)| Asset {
        price: Some(Price { mantissa: *price, scale: 2 }),
        haircuts: vec![ProductHaircuts {
            kind: Kind::COLLATERAL_LOAN,
            tiers: vec![
                HaircutTier { up_to: 1_000, percent: 90 },
                HaircutTier { up_to: u64::MAX, percent: 50 },
            ],
        }],
        ..Asset::new(Symbol::new(&format!("A{index}")).unwrap(), 8)
    };
    let table = AssetTable::new(units.iter().enumerate().map(asset).collect()).unwrap();
    SegmentPrices::of_assets(&table, &Hasher::new())
}

fn entry(key: u16, amount: u128) -> Entry {
    Entry { key: EntryKey::from_number(key).unwrap(), amount: Amount::new(amount).unwrap() }
}

/// Positions of account `i` of segment `index`; of every kind, covered or not.
fn positions(index: u32, i: u32) -> Vec<Entry> {
    let amount = |j: u16| (u128::from(i + 1) << (11 * j + 30)) + u128::from(index);
    (0..(i % 4) as u16).map(|j| entry(8 + 8 * j + (j % 3), amount(j))).collect()
}

/// Positions of an account whose debt in one asset is covered by another.
fn covered_positions(index: u32, i: u32) -> Vec<Entry> {
    let held = (u128::from(i + 1) << 34) + u128::from(index);
    match i % 3 {
        0 => vec![entry(8, held)],
        1 => vec![entry(8, held), entry(10, held / 2), entry(17, held / 8)],
        _ => vec![entry(9, held / 100), entry(24, held), entry(26, held)],
    }
}

/// The trace of segment `index` of an epoch, with `accounts` accounts.
pub(crate) fn trace(
    epoch: Digest,
    shape: SegmentShape,
    prices: Option<&SegmentPrices>,
    index: u32,
    accounts: u32,
) -> SegmentTrace {
    let committer = Committer::new(Hasher::new(), &Entity::new("example.org").unwrap(), &epoch);
    let positions = if prices.is_some() { covered_positions } else { positions };
    let entries: Vec<Vec<Entry>> = (0..accounts).map(|i| positions(index, i)).collect();
    let keys: Vec<(Digest, Salt)> = (0..accounts)
        .map(|i| {
            let first = 10_000 * (index + 1) + 10 * i;
            let key = Digest(core::array::from_fn(|k| Val::from_u32(first + k as u32)));
            (key, Salt(core::array::from_fn(|k| Val::from_u32(77 * i + k as u32))))
        })
        .collect();
    let accounts = keys
        .iter()
        .zip(&entries)
        .map(|((key, salt), entries)| SegmentAccount { key, salt, entries })
        .collect();
    build_segment(&committer, &SegmentInput { epoch, accounts, prices }, shape).unwrap()
}

/// Segment `index` of an epoch, with `accounts` accounts.
pub(crate) fn segment(epoch: Digest, shape: SegmentShape, index: u32, accounts: u32) -> Segment {
    proven(trace(epoch, shape, None, index, accounts))
}

/// Proves a trace.
pub(crate) fn proven(trace: SegmentTrace) -> Segment {
    let config = SEGMENT_PARAMETERS.config();
    let airs = segment_airs(trace.publics.variant(), All);
    let common = segment_common(&config, &airs).unwrap();
    let publics = trace.publics.values();
    let instances: Vec<_> = airs
        .iter()
        .zip(&trace.tables)
        .zip(&publics)
        .map(|((air, trace), publics)| StarkInstance { air, trace, public_values: publics.clone() })
        .collect();
    let data = ProverData { common, prover_only: ProverOnlyData::empty() };
    let proof = prove_batch(&config, &instances, &data).unwrap();
    Segment { publics: trace.publics, totals: trace.totals, proof }
}
