//! Prints what the circuits of the tree use of their tables.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use assay_circuit::{All as Whole, ProofParameters, SEGMENT_PARAMETERS, segment_airs, segment_common};
use assay_recursion::gadgets::{ChildShape, verify_batch};
use assay_recursion::{All, Circuit, CircuitBuilder, RecursionAir};
use p3_batch_stark::ProverData;

fn show(name: &str, b: &CircuitBuilder) {
    let counts = b.counts();
    println!("{name}: {counts:?}, {} rows", counts.rows());
}

fn main() {
    for (name, parameters) in [
        ("now", SEGMENT_PARAMETERS),
        ("new", ProofParameters { cap_height: 6, log_arity: 2, log_final_length: 3, ..SEGMENT_PARAMETERS }),
        ("new8", ProofParameters { cap_height: 6, log_arity: 3, log_final_length: 3, ..SEGMENT_PARAMETERS }),
    ] {
        let config = parameters.config();
        let airs = segment_airs(Whole);
        let common = segment_common(&config, &airs).unwrap();
        for heights in [[14, 14, 12, 15], [19, 19, 17, 15], [20, 20, 18, 15]] {
            let shape = ChildShape::new(&parameters, &airs, &common, &heights).unwrap();
            let mut b = CircuitBuilder::new();
            let publics: Vec<Vec<_>> = shape.publics().map(|n| (0..n).map(|_| b.input()).collect()).collect();
            let start = std::time::Instant::now();
            verify_batch(&mut b, &shape, &publics);
            show(&format!("segment {name} {heights:?} ({:?})", start.elapsed()), &b);
        }
    }
    let mut b = CircuitBuilder::new();
    let zero = b.zero();
    b.publish([zero; 8]);
    let circuit: Circuit = b.finish(15, 15).unwrap();
    let air = RecursionAir::new(All, circuit.preprocessed().clone());
    for (name, blowup, queries) in [("inner", 2, 84), ("wrap", 4, 42), ("wrap5", 5, 34)] {
        let parameters = ProofParameters {
            log_blowup: blowup,
            queries,
            log_arity: 2,
            log_final_length: 3,
            cap_height: 6,
            ..SEGMENT_PARAMETERS
        };
        let config = parameters.config();
        let data = ProverData::from_airs_and_degrees(&config, std::slice::from_ref(&air), &[15]).unwrap();
        let shape = ChildShape::new(&parameters, std::slice::from_ref(&air), &data.common, &[15]).unwrap();
        let mut b = CircuitBuilder::new();
        let publics: Vec<_> = (0..8).map(|_| b.input()).collect();
        verify_batch(&mut b, &shape, &[publics]);
        show(name, &b);
    }
}
