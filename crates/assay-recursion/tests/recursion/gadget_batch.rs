//! The verifier as a circuit agrees with the native one.

use std::sync::Arc;

use crate::gadget_common::{LAZY, SMALL, ToyHeights, Verifier, recursion, segment, toy};
use assay_circuit::p3_batch_stark::ProverData;
use assay_circuit::{All, ProofParameters, Val, Variant, segment_airs, segment_common};
use assay_recursion::gadgets::{self, ChildShape};
use assay_recursion::{BuildError, CircuitBuilder, LOG_RANGE, RecursionAir, columns};
use p3_field::PrimeCharacteristicRing;
use p3_matrix::dense::RowMajorMatrix;

const HEIGHTS: ToyHeights = ToyHeights { counter: 6, numbers: 8, products: 5 };

#[test]
fn accepts_toy() {
    for parameters in [SMALL, LAZY] {
        let case = toy(parameters, HEIGHTS);
        assert!(case.accepts());
        let verifier = case.verifier();
        let (values, digests) = verifier.circuit.input_counts();
        let inputs = verifier.inputs(&case).unwrap();
        assert_eq!((inputs.values.len(), inputs.digests.len()), (values, digests));
        let witness = verifier.circuit.run(&inputs);
        assert_eq!(witness.violations(), []);
    }
}

/// Public values that the child doesn't have, or lacks, would be bound to nothing.
#[test]
fn other_numbers_of_public_values_are_refused() {
    let shape = toy(SMALL, HEIGHTS).shape;
    for counts in [&[2, 1, 0][..], &[2, 1], &[2, 0, 0], &[1, 1, 0], &[2, 1, 1], &[2, 1, 0, 0]] {
        let mut builder = CircuitBuilder::new();
        let zero = builder.zero();
        let publics: Vec<_> = counts.iter().map(|count| vec![zero; *count]).collect();
        gadgets::verify_batch(&mut builder, &shape, &publics);
        builder.publish([zero; 8]);
        let refused = (*counts != [2, 1, 0]).then_some(BuildError::ChildPublics);
        assert_eq!(builder.finish(LOG_RANGE, LOG_RANGE).err(), refused, "{counts:?}");
    }
}

#[test]
fn accepts_segment() {
    let case = segment(SMALL, 9);
    assert!(case.accepts());
    let verifier = case.verifier();
    let witness = verifier.run(&case).unwrap();
    assert_eq!(witness.violations(), []);
}

#[test]
fn accepts_recursion() {
    let case = recursion(ProofParameters { log_blowup: 2, ..SMALL });
    assert!(case.accepts());
    assert_eq!(case.verifier().run(&case).unwrap().violations(), []);
}

#[test]
fn segment_counts() {
    let parameters = ProofParameters {
        log_blowup: 1,
        queries: 168,
        log_arity: 2,
        log_final_length: 3,
        cap_height: 6,
        lookup_work: 0,
        point_work: 0,
        batch_work: 0,
        commit_work: 0,
        query_work: 20,
    };
    let config = parameters.config();
    let airs = segment_airs(Variant::Plain, All);
    let common = segment_common(&config, &airs).unwrap();
    for heights in [[14, 14, 12, 15], [17, 17, 15, 15], [19, 19, 17, 15], [18, 19, 12, 15]] {
        let shape = ChildShape::new(&parameters, &airs, &common, &heights).unwrap();
        let counts = Verifier::new(&shape).counts;
        println!("{heights:?} {counts:?}");
        assert!(counts.rows() <= 1 << 15);
    }
}

#[test]
fn recursion_counts() {
    for cap_height in [5, 6] {
        let parameters = ProofParameters {
            log_blowup: 2,
            queries: 84,
            log_arity: 2,
            log_final_length: 3,
            cap_height,
            lookup_work: 0,
            point_work: 0,
            batch_work: 0,
            commit_work: 0,
            query_work: 20,
        };
        let log_height = 15;
        let fixed =
            RowMajorMatrix::new(Val::zero_vec(columns::fixed::WIDTH << log_height), columns::fixed::WIDTH);
        let airs = [RecursionAir::new(assay_recursion::All, Arc::new(fixed))];
        let data = ProverData::from_airs_and_degrees(&parameters.config(), &airs, &[log_height]).unwrap();
        let airs = [RecursionAir::constraints(assay_recursion::All)];
        let shape = ChildShape::new(&parameters, &airs, &data.common, &[log_height]).unwrap();
        let counts = Verifier::new(&shape).counts;
        println!("recursion 2^{log_height}, cap {cap_height}: {counts:?}");
        // A node verifies two.
        assert!(2 * counts.rows() <= 1 << log_height);
    }
}
