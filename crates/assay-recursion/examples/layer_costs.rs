//! Cost of a proof in each layer: tables that a dummy circuit fills.
//!
//! `cargo run --release -p assay-recursion --example layer_costs [inner|wrap|final|keccak]`. `RUST_LOG=debug` prints the
//! prover's spans.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::array::from_fn;
use std::time::Instant;

use assay_circuit::{ProofParameters, SegmentConfig, Val};
use assay_recursion::{
    Circuit, CircuitBuilder, FINAL_PARAMETERS, FinalConfig, INNER_PARAMETERS, Inputs, KeccakConfig, Layer,
    LayerConfig, ProvingKey, WRAP_PARAMETERS, Wire, layer_security, proof_from_bytes, proof_to_bytes,
};
use p3_field::PrimeCharacteristicRing;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    if std::env::var_os("RUST_LOG").is_some() {
        let filter = EnvFilter::from_default_env();
        tracing_subscriber::fmt().with_span_events(FmtSpan::CLOSE).with_env_filter(filter).init();
    }
    let only = std::env::args().nth(1);
    let wanted = |group: &str| only.as_deref().is_none_or(|only| only == group);
    println!(
        "layer     rows  blowup queries   proven    key s   wall s    CPU s  peak MB     bytes verify ms"
    );
    if wanted("inner") {
        measure::<SegmentConfig>("inner", INNER_PARAMETERS, 15);
    }
    if wanted("wrap") {
        measure::<SegmentConfig>("wrap", WRAP_PARAMETERS, 15);
        measure::<SegmentConfig>("wrap", WRAP_PARAMETERS, 14);
    }
    for (log_blowup, queries) in [(4, 41), (5, 33), (6, 27)] {
        let parameters = ProofParameters { log_blowup, queries, ..FINAL_PARAMETERS };
        if wanted("final") {
            measure::<FinalConfig>("final", parameters, 13);
        }
        if wanted("keccak") {
            measure::<KeccakConfig>("keccak", parameters, 13);
        }
    }
}

fn measure<C: LayerConfig>(name: &'static str, parameters: ProofParameters, log_rows: usize) {
    let layer = Layer::<C>::new(name, parameters);
    let bits = layer_security(&layer, log_rows).unwrap().bits.proven;
    let (circuit, inputs) = full(log_rows);
    let witness = circuit.run(&inputs);
    assert_eq!(witness.violations(), []);
    let start = Instant::now();
    let key = ProvingKey::new(layer, &circuit).unwrap();
    let key_seconds = start.elapsed().as_secs_f64();
    let (trace, publics) = (circuit.trace(&witness), circuit.publics(&witness));
    reset_peak();
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let proof = key.prove(&trace, &publics).unwrap();
    let (wall, cpu, peak) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu, peak_megabytes());
    let bytes = proof_to_bytes(&proof).unwrap();
    const VERIFICATIONS: usize = 20;
    let verifying = cpu_seconds();
    for _ in 0..VERIFICATIONS {
        key.verifying_key().verify(&publics, &proof_from_bytes(&bytes).unwrap()).unwrap();
    }
    let verify = (cpu_seconds() - verifying) * 1000.0 / VERIFICATIONS as f64;
    println!(
        "{name:<8} {:>5} {:>7} {:>7} {bits:>8.2} {key_seconds:>8.2} {wall:>8.2} {cpu:>8.2} {peak:>8} {:>9} {verify:>9.1}",
        format!("2^{log_rows}"),
        1 << parameters.log_blowup,
        parameters.queries,
        bytes.len(),
    );
}

/// A circuit that uses every resource of nearly every row.
fn full(log_rows: usize) -> (Circuit, Inputs) {
    let rows = 1usize << log_rows;
    let mut b = CircuitBuilder::new();
    let secret: [Wire; 8] = from_fn(|_| b.input());
    let bit = b.one();
    let array: Vec<Val> = (0..rows / 2).map(Val::from_usize).collect();
    let array = b.constant_array(&array);
    let mut state = secret[0];
    for chain in 0..rows / 16 - 1 {
        let run = b.chain();
        b.hash_row(run, &secret);
        for _ in 0..14 {
            b.merkle_step(run, bit);
        }
        b.output(run);
        let by = b.element(array, chain);
        b.horner(by, &[secret; 9].concat());
        for i in 0..15 {
            let other = b.mul_add(state, secret[i % 8], by);
            state = b.mul_add(other, by, secret[1]);
            let read = b.select(array, secret[2]);
            b.range(read);
        }
    }
    b.publish(secret);
    let mut inputs = Inputs::default();
    (1..9).for_each(|i| inputs.push_base(Val::from_usize(i)));
    inputs.digests.resize((rows / 16 - 1) * 14, [Val::TWO; 8]);
    (b.finish(log_rows, log_rows.min(15)).unwrap(), inputs)
}

/// User and system time of the process, from `/proc/self/stat` in hundredths of a second.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = [11, 12].iter().map(|i| fields.get(*i).unwrap().parse::<f64>().unwrap()).sum();
    ticks / 100.0
}

/// Starts the peak of resident memory anew, where the system allows it.
fn reset_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn peak_megabytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() / 1024
}
