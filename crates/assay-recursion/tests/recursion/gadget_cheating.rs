//! Proofs of wrong statements: everything but one check of the verifier holds, and the circuit has that check.

use crate::gadget_common::{SMALL, ToyHeights, cheating_toy};
use assay_circuit::Val;
use assay_recursion::Violation;
use p3_field::PrimeCharacteristicRing;
use p3_matrix::dense::RowMajorMatrix;

type Change = fn(&mut [RowMajorMatrix<Val>], &mut [Vec<Val>]);

const HEIGHTS: ToyHeights = ToyHeights { counter: 5, numbers: 7, products: 6 };

/// The circuit gets the whole proof and one equation of it fails.
fn one_check(what: &str, change: Change) {
    let case = cheating_toy(SMALL, HEIGHTS, change);
    assert!(!case.accepts(), "{what}");
    let verifier = case.verifier();
    let witness = verifier.run(&case).unwrap();
    assert!(matches!(witness.violations(), [Violation::Arithmetic(_)]), "{what}: {:?}", witness.violations());
}

#[test]
fn wrong_rows() {
    let changes: &[(&str, Change)] = &[
        ("a product", |tables, _| tables[2].values[4 * 17 + 2] += Val::ONE),
        ("a product on the last row", |tables, _| *tables[2].values.last_mut().unwrap() += Val::ONE),
        ("first public", |_, publics| publics[0][0] += Val::ONE),
        ("last public", |_, publics| publics[0][1] += Val::ONE),
        ("public of preprocessed columns", |_, publics| publics[1][0] += Val::ONE),
    ];
    for (what, change) in changes {
        one_check(what, *change);
    }
}

#[test]
fn unbalanced_lookups() {
    // Only the sum over the tables' terminals is wrong.
    one_check("a number that nobody looks up", |tables, _| tables[1].values[2 * 100] += Val::ONE);
    one_check("a number that is missing", |tables, _| tables[1].values[2] -= Val::ONE);
    one_check("a square that nobody looks up", |tables, _| tables[1].values[2 * 3 + 1] += Val::TWO);
}
