//! Computes the keys of all final circuits and prints the file that pins them.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

use assay_circuit::SEGMENT_SHAPES;
use assay_commit::Hasher;
use assay_recursion::MAX_LEVEL;
use assay_recursion::tree::prover::TreeProver;
use p3_field::PrimeField32;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    let most: u32 = std::env::args().nth(1).map_or(MAX_LEVEL, |level| level.parse().unwrap());
    println!("[");
    for shape in SEGMENT_SHAPES {
        println!("    [");
        let prover = TreeProver::new(shape, most).unwrap();
        for level in 0..=MAX_LEVEL {
            let key = if level <= most {
                prover.finisher(level).unwrap().key().digest(&Hasher::new()).0.map(|x| x.as_canonical_u32())
            } else {
                [0; 8]
            };
            println!("        {key:?},");
            eprintln!("{} {level}", shape.name());
        }
        println!("    ],");
    }
    println!("]");
}
