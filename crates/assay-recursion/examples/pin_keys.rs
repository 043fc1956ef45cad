//! Computes the keys of all final circuits and prints the file that pins them; with names of shapes, for those alone.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

use std::fmt::Write as _;

use assay_circuit::SEGMENT_SHAPES;
use assay_commit::Hasher;
use assay_recursion::MAX_LEVEL;
use assay_recursion::statement::TotalsMode;
use assay_recursion::tree::prover::TreeProver;
use p3_field::PrimeField32;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    let hasher = Hasher::new();
    let mut keys = TotalsMode::ALL.map(|_| String::new());
    let names: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |name: &str| names.is_empty() || names.iter().any(|known| known == name);
    for shape in SEGMENT_SHAPES.into_iter().filter(|shape| wanted(shape.name())) {
        let prover = TreeProver::new(shape, MAX_LEVEL).unwrap();
        for (mode, text) in TotalsMode::ALL.into_iter().zip(&mut keys) {
            text.push_str("        [\n");
            for level in 0..=MAX_LEVEL {
                let key = prover.finisher(level, mode).unwrap().key().digest(&hasher);
                let key = key.0.map(|x| x.as_canonical_u32());
                writeln!(text, "            {key:?},").unwrap();
                eprintln!("{} {mode:?} {level}", shape.name());
            }
            text.push_str("        ],\n");
        }
    }
    println!("[");
    for text in keys {
        print!("    [\n{text}    ],\n");
    }
    println!("]");
}
