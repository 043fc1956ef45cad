//! Proves one segment of sparse or dense accounts and prints what it costs: `segment_rate [accounts] [assets] [mean]`.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use std::time::Instant;

use assay_circuit::p3_batch_stark::{ProverData, ProverOnlyData, StarkInstance, prove_batch, verify_batch};
use assay_circuit::{
    All, SEGMENT_PARAMETERS, SegmentAccount, SegmentInput, SegmentShape, Variant, build_segment,
    segment_airs, segment_common,
};
use assay_commit::{Committer, Digest, EpochSecret, Hasher, LeafKey, Tag};
use assay_statement::{Amount, Entity, Entry, EntryKey, Kind};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn main() {
    // RUST_LOG=debug prints how long each step of the proof system takes.
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
        .with_target(false)
        .init();
    let args: Vec<usize> = std::env::args().skip(1).map(|arg| arg.parse().unwrap()).collect();
    let accounts = args.first().copied().unwrap_or(50_000);
    let assets = args.get(1).copied().unwrap_or(300);
    let mean = args.get(2).copied().unwrap_or(4);
    let hasher = Hasher::new();
    let epoch = hasher.sponge(Tag::Epoch, &[]);
    let committer = Committer::new(hasher, &Entity::new("example.org").unwrap(), &epoch);
    let salts = committer.salts(&EpochSecret::new([1; 32]), &epoch);
    let mut state = 1u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let lists: Vec<Vec<Entry>> = (0..accounts)
        .map(|_| {
            let count = if mean >= assets {
                assets
            } else {
                let mut count = 0;
                while count < assets && random() % (mean as u64 + 1) != 0 {
                    count += 1;
                }
                count
            };
            let mut picked: Vec<usize> = if count == assets {
                (0..assets).collect()
            } else {
                let mut picked = std::collections::BTreeSet::new();
                while picked.len() < count {
                    picked.insert((random() % assets as u64) as usize);
                }
                picked.into_iter().collect()
            };
            picked.sort_unstable();
            picked
                .into_iter()
                .map(|asset| Entry {
                    key: EntryKey::new(asset, Kind::EQUITY).unwrap(),
                    amount: Amount::new(u128::from(random()) << 20).unwrap(),
                })
                .collect()
        })
        .collect();
    let uids: Vec<String> = (0..accounts).map(|i| format!("u{i:09}@example.org")).collect();
    let (t, c) = (Instant::now(), cpu());
    let uids: Vec<&str> = uids.iter().map(String::as_str).collect();
    let identities = committer.identify(&salts, &uids);
    println!("identify  {:6.2} s {:6.2} cpu-s", t.elapsed().as_secs_f64(), cpu() - c);
    let mut order: Vec<usize> = (0..accounts).collect();
    order.sort_by_key(|i| LeafKey::of(&identities[*i].0));
    let input = SegmentInput {
        epoch: Digest(epoch.0),
        accounts: order
            .iter()
            .map(|i| SegmentAccount { key: &identities[*i].0, salt: &identities[*i].1, entries: &lists[*i] })
            .collect(),
        prices: None,
    };
    let (t, c) = (Instant::now(), cpu());
    let shape = SegmentShape::fitting(&input.accounts, None).unwrap();
    let trace = build_segment(&committer, &input, shape).unwrap();
    println!("trace     {:6.2} s {:6.2} cpu-s  rows {:?}", t.elapsed().as_secs_f64(), cpu() - c, trace.rows);
    let config = SEGMENT_PARAMETERS.config();
    let airs = segment_airs(Variant::Plain, All);
    let common = segment_common(&config, &airs).unwrap();
    for (air, lookups) in airs.iter().zip(&common.lookups) {
        println!(
            "          columns {} lookups {}",
            p3_air::BaseAir::<assay_circuit::Val>::width(air),
            lookups.len()
        );
    }
    let publics = trace.publics.values();
    let instances: Vec<_> = airs
        .iter()
        .zip(&trace.tables)
        .zip(&publics)
        .map(|((air, trace), publics)| StarkInstance { air, trace, public_values: publics.clone() })
        .collect();
    let data = ProverData { common, prover_only: ProverOnlyData::empty() };
    for _ in 0..2 {
        let (t, c) = (Instant::now(), cpu());
        let proof = prove_batch(&config, &instances, &data).unwrap();
        let used = cpu() - c;
        println!(
            "prove     {:6.2} s {:6.2} cpu-s  {:.1} us an account",
            t.elapsed().as_secs_f64(),
            used,
            used * 1e6 / accounts as f64
        );
        let t = Instant::now();
        verify_batch(&config, &airs, &proof, &publics, &data.common).unwrap();
        println!("verify    {:6.1} ms", t.elapsed().as_secs_f64() * 1e3);
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap());
}
