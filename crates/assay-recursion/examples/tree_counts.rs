//! Prints what verifying a proof of each kind takes of a circuit's rows.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use assay_circuit::{All, SEGMENT_PARAMETERS, SEGMENT_SHAPES, segment_airs, segment_common};
use assay_recursion::gadgets::{ChildShape, verify_batch};
use assay_recursion::tree::prover::TreeProver;
use assay_recursion::{CircuitBuilder, ProvingKey, WRAP};

fn show(name: &str, shape: &ChildShape) {
    let mut b = CircuitBuilder::new();
    let publics: Vec<Vec<_>> = shape.publics().map(|n| (0..n).map(|_| b.input()).collect()).collect();
    verify_batch(&mut b, shape, &publics);
    let counts = b.counts();
    println!("{name:<8} {} rows: {counts:?}", counts.rows());
}

fn main() {
    let config = SEGMENT_PARAMETERS.config();
    for shape in SEGMENT_SHAPES {
        let airs = segment_airs(shape.variant(), All);
        let common = segment_common(&config, &airs).unwrap();
        let child = ChildShape::new(&SEGMENT_PARAMETERS, &airs, &common, &shape.log_heights()).unwrap();
        show(shape.name(), &child);
    }
    let prover = TreeProver::new(SEGMENT_SHAPES[0], 0).unwrap();
    show("inner", &prover.key(0).unwrap().shape().unwrap());
    let mut b = CircuitBuilder::new();
    let zero = b.zero();
    b.publish([zero; 8]);
    let key = ProvingKey::new(WRAP, &b.finish(15, 15).unwrap()).unwrap();
    show("wrap", &key.verifying_key().shape().unwrap());
}
