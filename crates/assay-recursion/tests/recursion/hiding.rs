//! Final proofs of one statement have nothing in common but the key.

use std::collections::BTreeSet;
use std::fmt::Debug;

use crate::layer_common::{LOG_HEIGHT, inputs, toy};
use assay_circuit::{Challenge, ProofParameters, SegmentConfig, Val};
use assay_recursion::{
    FINAL_PARAMETERS, FinalConfig, KeccakConfig, KeyError, Layer, LayerConfig, ProvingKey,
};
use p3_batch_stark::BatchProof;
use p3_field::{BasedVectorSpace, PrimeField32};

/// What a proof shows, as text: for each kind, all values of that kind.
#[derive(Default)]
struct Shown {
    commitments: BTreeSet<String>,
    opened: BTreeSet<Vec<u32>>,
    rows: BTreeSet<Vec<u32>>,
    /// By query: the row of the preprocessed columns, which names the place, and the values of all other columns.
    queries: Vec<(Vec<u32>, Vec<u32>)>,
    public_salts: BTreeSet<Vec<u32>>,
    salts: BTreeSet<Vec<u32>>,
    siblings: BTreeSet<String>,
    folds: BTreeSet<Vec<u32>>,
}

impl Shown {
    fn assert_disjoint(&self, other: &Self) {
        assert!(self.commitments.is_disjoint(&other.commitments));
        assert!(self.opened.is_disjoint(&other.opened));
        assert!(self.rows.is_disjoint(&other.rows));
        assert!(self.salts.is_disjoint(&other.salts));
        assert!(self.siblings.is_disjoint(&other.siblings));
        assert!(self.folds.is_disjoint(&other.folds));
    }
}

fn base(values: &[Val]) -> Vec<u32> {
    values.iter().map(PrimeField32::as_canonical_u32).collect()
}

fn extension(values: &[Challenge]) -> Vec<u32> {
    values.iter().flat_map(|value| base(value.as_basis_coefficients_slice())).collect()
}

fn text(value: &impl Debug) -> String {
    format!("{value:?}")
}

/// Rounds of commitments in the order in which they are opened: masks, main, quotient, preprocessed, lookups.
const PREPROCESSED: usize = 3;
const ROUNDS: usize = 5;

/// Both configurations have the same structure but no common type.
macro_rules! shown {
    ($proof:expr) => {{
        let proof = $proof;
        let mut shown = Shown::default();
        let commitments = &proof.commitments;
        let optional = [&commitments.permutation, &commitments.random].map(|some| some.as_ref().unwrap());
        for commitment in [&commitments.main, &commitments.quotient_chunks].into_iter().chain(optional) {
            shown.commitments.extend(commitment.roots().iter().map(text));
        }
        let [values] = &proof.opened_values.instances[..] else { panic!("one table") };
        let columns = &values.base_opened_values;
        let single = [columns.random.as_ref(), Some(&columns.trace_local), columns.trace_next.as_ref()];
        let lookups = [Some(&values.permutation_local), Some(&values.permutation_next)];
        for opened in single.into_iter().chain(lookups).map(Option::unwrap).chain(&columns.quotient_chunks) {
            shown.opened.extend(opened.iter().map(|value| extension(&[*value])));
        }
        let (masks, fri) = &proof.opening_proof;
        assert_eq!((masks.len(), fri.input_openings.len()), (ROUNDS, ROUNDS));
        for (round, matrices) in masks.iter().enumerate() {
            for opened in matrices.iter().flatten() {
                assert_eq!(opened.is_empty(), round == PREPROCESSED);
                shown.opened.extend(opened.iter().map(|value| extension(&[*value])));
            }
        }
        for (round, opening) in fri.input_openings.iter().enumerate() {
            let (salts, paths) = &opening.opening_proof;
            assert_eq!(opening.opened_values.len(), salts.len());
            shown.queries.resize(salts.len(), Default::default());
            for ((rows, salts), query) in opening.opened_values.iter().zip(salts).zip(&mut shown.queries) {
                assert_eq!(rows.len(), salts.len());
                for (row, salt) in rows.iter().zip(salts) {
                    if round == PREPROCESSED {
                        query.0.extend(base(row));
                        shown.public_salts.insert(base(salt));
                    } else {
                        query.1.extend(base(row));
                        shown.rows.insert(base(row));
                        shown.salts.insert(base(salt));
                    }
                }
            }
            if round != PREPROCESSED {
                shown.siblings.extend(paths.sibling_hashes.iter().map(text));
            }
        }
        for commitment in &fri.commit_phase_commits {
            shown.commitments.extend(commitment.roots().iter().map(text));
        }
        for opening in &fri.commit_phase_openings {
            let (salts, paths) = &opening.opening_proof;
            shown.folds.extend(opening.sibling_values.iter().map(|values| extension(values)));
            shown.salts.extend(salts.iter().flatten().map(|salt| base(salt)));
            shown.siblings.extend(paths.sibling_hashes.iter().map(text));
        }
        shown.folds.insert(extension(&fri.final_poly));
        shown
    }};
}

fn two_proofs<C: LayerConfig>(parameters: ProofParameters) -> [BatchProof<C>; 2] {
    let layer = Layer::<C>::new("test", ProofParameters { query_work: 4, ..parameters });
    let circuit = toy(LOG_HEIGHT, 11);
    let witness = circuit.run(&inputs(37));
    let (trace, publics) = (circuit.trace(&witness), circuit.publics(&witness));
    let key = ProvingKey::new(layer, &circuit).unwrap();
    let prove = || key.prove(&trace, &publics).unwrap();
    let proofs = [prove(), prove()];
    for proof in &proofs {
        key.verifying_key().verify(&publics, proof).unwrap();
    }
    proofs
}

fn check(one: &Shown, other: &Shown) {
    one.assert_disjoint(other);
    for shown in [one, other] {
        let queries = FINAL_PARAMETERS.queries;
        assert!(shown.queries.len() == queries && shown.rows.len() > queries && shown.salts.len() > queries);
        assert!(shown.salts.iter().all(|salt| salt.len() == 4 && salt.iter().any(|element| *element != 0)));
        assert!(shown.public_salts.iter().all(|salt| *salt == [0; 4]));
    }
}

#[test]
fn two_final_proofs_share_nothing() {
    let [one, other] = two_proofs::<FinalConfig>(FINAL_PARAMETERS);
    check(&shown!(&one), &shown!(&other));
}

#[test]
fn two_final_proofs_with_keccak_share_nothing() {
    let [one, other] = two_proofs::<KeccakConfig>(FINAL_PARAMETERS);
    check(&shown!(&one), &shown!(&other));
}

/// So many queries into so few leaves that two proofs open some of the same: about ten of 200 in `2^12`.
const CROWDED: ProofParameters = ProofParameters { log_blowup: 2, queries: 200, ..FINAL_PARAMETERS };

/// Salts alone would make proofs differ. Where two proofs open the same place, every single value differs as well,
/// those of columns that are all zeros included: each column has masks of its own.
fn check_masks(pairs: impl Iterator<Item = [Shown; 2]>) {
    let mut met = 0;
    for [one, other] in pairs {
        for (place, values) in &one.queries {
            for (_, others) in other.queries.iter().filter(|(other, _)| other == place) {
                met += 1;
                assert_eq!(values.len(), others.len());
                // One value in `2^31` is the same by chance.
                assert!(values.iter().zip(others).filter(|(value, other)| value == other).count() <= 1);
            }
        }
        if met > 0 {
            return;
        }
    }
    assert!(met > 0, "no two queries met");
}

#[test]
fn every_column_is_masked() {
    check_masks((0..5).map(|_| two_proofs::<FinalConfig>(CROWDED).map(|proof| shown!(&proof))));
    check_masks((0..5).map(|_| two_proofs::<KeccakConfig>(CROWDED).map(|proof| shown!(&proof))));
}

/// The contrast: without masks, a proof's first commitment is a function of what it hides.
#[test]
fn inner_proofs_hide_nothing() {
    let [one, other] = two_proofs::<SegmentConfig>(FINAL_PARAMETERS);
    assert_eq!(one.commitments.main.roots(), other.commitments.main.roots());
    assert_eq!(one.commitments.permutation, other.commitments.permutation);
}

/// Keys don't depend on randomness: two computations of one circuit's key agree.
#[test]
fn keys_are_deterministic() {
    fn keys<C: LayerConfig>() {
        let layer = Layer::<C>::new("test", FINAL_PARAMETERS);
        let circuit = toy(LOG_HEIGHT, 11);
        let key = || ProvingKey::new(layer, &circuit).unwrap().into_verifying_key();
        assert_eq!(key().commitment(), key().commitment());
    }
    keys::<FinalConfig>();
    keys::<KeccakConfig>();
}

/// A table must have more mask values than a proof opens of a column.
#[test]
fn too_many_queries_for_the_masks_are_refused() {
    let circuit = toy(LOG_HEIGHT, 11);
    let parameters = ProofParameters { queries: 1 << LOG_HEIGHT, ..FINAL_PARAMETERS };
    let key = ProvingKey::<FinalConfig>::new(Layer::new("test", parameters), &circuit);
    assert_eq!(key.err(), Some(KeyError::Columns));
    let key = ProvingKey::<SegmentConfig>::new(Layer::new("test", parameters), &circuit);
    assert!(key.is_ok());
}
