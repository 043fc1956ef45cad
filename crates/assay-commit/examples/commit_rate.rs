//! Commits to many synthetic accounts and prints what it costs: `commit_rate [accounts] [mean entries] [threads]`.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use assay_commit::{
    Committer, Digest, EpochSecret, F, Hasher, LeafKey, SUBTREE_DEPTH, Subtree, Tag, UpperTree, WIDTH,
    leaf_row_count, published_root,
};
use assay_statement::{Amount, Entity, Entry, EntryKey, Kind};
use p3_field::PrimeCharacteristicRing;

/// Accounts that are made up, committed to and forgotten together.
const CHUNK: usize = 1 << 14;

fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

/// Seconds of one thread by step.
#[derive(Default)]
struct Costs {
    making_up: f64,
    identify: f64,
    leaves: f64,
}

/// Entries with a mean of about `mean`, geometric, of at most 64 assets.
fn make_up(account: usize, mean: u64, entries: &mut Vec<Entry>) -> usize {
    let mut state = (account as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let before = entries.len();
    let mut asset = 0;
    while asset < 64 && !random().is_multiple_of(mean + 1) {
        let amount = Amount::new(u128::from(random()) << 16).unwrap();
        entries.push(Entry { key: EntryKey::new(asset, Kind::EQUITY).unwrap(), amount });
        asset += 1;
    }
    entries.len() - before
}

fn main() {
    let args: Vec<usize> = std::env::args().skip(1).map(|arg| arg.parse().unwrap()).collect();
    let accounts = args.first().copied().unwrap_or(10_000_000);
    let mean = args.get(1).copied().unwrap_or(4) as u64;
    let threads = args.get(2).copied().unwrap_or(2);
    let hasher = Hasher::new();
    let epoch = hasher.sponge(Tag::Epoch, &[]);
    let committer = Committer::new(hasher, &Entity::new("example.org").unwrap(), &epoch);
    let salts = committer.salts(&EpochSecret::new([1; 32]), &epoch);
    println!("{accounts} accounts, about {mean} entries each, {threads} threads");

    // Leaf keys and leaves of each chunk; 40 bytes an account.
    let chunks = accounts.div_ceil(CHUNK);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found: Vec<(LeafKey, Digest)> = Vec::new();
        let mut costs = Costs::default();
        let mut total_entries = 0;
        let (mut uids, mut entries, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            let chunk = next.fetch_add(1, Ordering::Relaxed);
            if chunk >= chunks {
                return (found, costs, total_entries);
            }
            let start = Instant::now();
            let range = chunk * CHUNK..accounts.min((chunk + 1) * CHUNK);
            uids.clear();
            uids.extend(range.clone().map(|i| format!("u{i:09}@example.org")));
            entries.clear();
            ends.clear();
            ends.push(0);
            for account in range {
                make_up(account, mean, &mut entries);
                ends.push(entries.len());
            }
            total_entries += entries.len();
            let uids: Vec<&str> = uids.iter().map(String::as_str).collect();
            costs.making_up += start.elapsed().as_secs_f64();

            let start = Instant::now();
            let identities = committer.identify(&salts, &uids);
            costs.identify += start.elapsed().as_secs_f64();

            let start = Instant::now();
            let row_count = ends.windows(2).map(|pair| leaf_row_count(pair[1] - pair[0])).sum();
            let mut rows = vec![[F::ZERO; WIDTH]; row_count];
            let mut leaves = vec![Digest([F::ZERO; 8]); uids.len()];
            let account = |i: usize| (&identities[i].0, &identities[i].1, &entries[ends[i]..ends[i + 1]]);
            committer.leaf_rows(account, &mut rows, &mut leaves);
            costs.leaves += start.elapsed().as_secs_f64();
            found.extend(identities.iter().zip(leaves).map(|((key, _), leaf)| (LeafKey::of(key), leaf)));
        }
    };
    let (whole, whole_cpu) = (Instant::now(), cpu());
    let results: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    println!("leaves    {:6.2} s {:6.2} cpu-s", whole.elapsed().as_secs_f64(), cpu() - whole_cpu);
    let sum = |of: fn(&Costs) -> f64| results.iter().map(|(_, costs, _)| of(costs)).sum::<f64>();
    println!("  making up accounts {:6.2} thread-s", sum(|costs| costs.making_up));
    println!("  keys and salts     {:6.2} thread-s", sum(|costs| costs.identify));
    println!("  leaves             {:6.2} thread-s", sum(|costs| costs.leaves));
    let entries: usize = results.iter().map(|(_, _, entries)| entries).sum();

    let (start, start_cpu) = (Instant::now(), cpu());
    let mut leaves: Vec<(LeafKey, Digest)> = results.into_iter().flat_map(|(found, _, _)| found).collect();
    leaves.sort_unstable_by_key(|(key, _)| *key);
    println!("sort      {:6.2} s {:6.2} cpu-s", start.elapsed().as_secs_f64(), cpu() - start_cpu);

    let (start, start_cpu) = (Instant::now(), cpu());
    let parts: Vec<_> = leaves.chunks(1 << SUBTREE_DEPTH).collect();
    let next = AtomicUsize::new(0);
    let mut tops: Vec<(usize, Digest)> = std::thread::scope(|scope| {
        let work = || {
            let mut tops = Vec::new();
            loop {
                let part = next.fetch_add(1, Ordering::Relaxed);
                let Some(leaves) = parts.get(part) else { return tops };
                let leaves = leaves.iter().map(|(_, leaf)| *leaf).collect();
                tops.push((part, Subtree::build(committer.hasher(), leaves).unwrap().top()));
            }
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    tops.sort_unstable_by_key(|(part, _)| *part);
    let upper = UpperTree::build(committer.hasher(), tops.into_iter().map(|(_, top)| top).collect()).unwrap();
    let root = published_root(committer.hasher(), &epoch, upper.depth(), &upper.top());
    println!("tree      {:6.2} s {:6.2} cpu-s", start.elapsed().as_secs_f64(), cpu() - start_cpu);
    println!("whole     {:6.2} s {:6.2} cpu-s", whole.elapsed().as_secs_f64(), cpu() - whole_cpu);
    println!("{entries} entries, root {root}");
}
