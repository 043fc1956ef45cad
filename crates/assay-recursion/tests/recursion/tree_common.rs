//! Segments with a few accounts each, and their proofs.

use assay_circuit::p3_batch_stark::{BatchProof, ProverData, ProverOnlyData, StarkInstance, prove_batch};
use assay_circuit::{
    All, SEGMENT_PARAMETERS, SegmentAccount, SegmentConfig, SegmentInput, SegmentPublics, SegmentShape,
    TotalsRow, Val, build_segment, segment_airs, segment_common,
};
use assay_commit::{Committer, Digest, Hasher, Salt};
use assay_statement::{Amount, Entity, Entry, EntryKey};
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

/// Segment `index` of an epoch, with `accounts` accounts.
pub(crate) fn segment(epoch: Digest, shape: SegmentShape, index: u32, accounts: u32) -> Segment {
    let config = SEGMENT_PARAMETERS.config();
    let airs = segment_airs(All);
    let common = segment_common(&config, &airs).unwrap();
    let committer = Committer::new(Hasher::new(), &Entity::new("example.org").unwrap(), &epoch);
    let entry = |key: u16, amount: u128| Entry {
        key: EntryKey::from_number(key).unwrap(),
        amount: Amount::new(amount).unwrap(),
    };
    let entries: Vec<Vec<Entry>> = (0..accounts)
        .map(|i| {
            let amount = |j: u16| (u128::from(i + 1) << (11 * j + 30)) + u128::from(index);
            (0..(i % 4) as u16).map(|j| entry(8 + 8 * j + (j % 3), amount(j))).collect()
        })
        .collect();
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
    let trace = build_segment(&committer, &SegmentInput { epoch, accounts }, shape).unwrap();
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
