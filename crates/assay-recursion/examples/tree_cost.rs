//! Prints what each layer of the tree costs on this machine: wall and CPU time.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../tests/recursion/tree_common.rs"]
mod tree_common;

use std::time::Instant;

use assay_circuit::SegmentShape;
use assay_commit::Hasher;
use assay_recursion::proof_to_bytes;
use assay_recursion::statement::TotalsMode;
use assay_recursion::tree::prover::TreeProver;
use assay_recursion::tree::wrap::Show;
use tree_common::{epoch, prices, proven, segment, trace};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// CPU seconds of this process.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn timed<T>(name: &str, run: impl FnOnce() -> T) -> T {
    let (wall, start) = (Instant::now(), cpu());
    let result = run();
    println!("{name:<24} {:>8.2} s wall {:>8.2} s CPU", wall.elapsed().as_secs_f64(), cpu() - start);
    result
}

fn main() {
    if std::env::var("RUST_LOG").is_ok() {
        let spans = tracing_subscriber::fmt::format::FmtSpan::CLOSE;
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        tracing_subscriber::fmt().with_span_events(spans).with_env_filter(filter).init();
    }
    let shape = SegmentShape::custom([9, 7, 5, 15], None).unwrap();
    let prover = timed("keys of two levels", || TreeProver::new(shape, 1).unwrap());
    let segments: Vec<_> = (0..2).map(|i| segment(epoch(1), shape, i, 9 + i)).collect();
    let leaves: Vec<_> = segments
        .iter()
        .map(|segment| {
            timed("leaf", || prover.leaf(&segment.publics, &segment.totals, &segment.proof).unwrap())
        })
        .collect();
    let root = timed("node", || prover.node(&leaves[0], Some(&leaves[1])).unwrap());
    let finisher = timed("keys of the last layers", || prover.finisher(1, TotalsMode::Open).unwrap());
    let (statement, proof) = timed("wrap and final", || finisher.finish(&root, Show::Totals).unwrap());
    let bytes = proof_to_bytes(&proof).unwrap();
    let publics = statement.digest(&Hasher::new()).unwrap().0;
    timed("verification", || finisher.key().verify_bytes(&publics, &bytes).unwrap());
    println!("final proof: {} bytes", bytes.len());

    let shape = SegmentShape::custom([9, 7, 5, 15], Some([5, 5])).unwrap();
    let prover = timed("key over cover of debt", || TreeProver::new(shape, 0).unwrap());
    let segment = proven(trace(epoch(1), shape, Some(&prices([5, 7, 9])), 0, 9));
    timed("leaf over cover of debt", || {
        prover.leaf(&segment.publics, &segment.totals, &segment.proof).unwrap()
    });
}
