//! On corrupted proofs the circuit and the native verifier say the same; on corrupted inputs of the circuit something
//! fails, in the runner and in the table's constraints.

use std::collections::BTreeMap;

use crate::gadget_common::{Case, LAZY, SMALL, ToyHeights, Verifier, recursion, segment, toy};
use assay_circuit::p3_batch_stark::BatchProof;
use assay_circuit::p3_batch_stark::folder::VerifierConstraintFolderWithLookups;
use assay_circuit::{Challenge, ProofParameters, SegmentConfig, Val};
use assay_recursion::checker::check_table;
use assay_recursion::{All, Inputs};
use p3_air::Air;
use p3_field::{BasedVectorSpace, PrimeCharacteristicRing};
use p3_lookup::{InteractionSymbolicBuilder, LookupTerminal};
use p3_symmetric::MerkleCap;

const HEIGHTS: ToyHeights = ToyHeights { counter: 5, numbers: 7, products: 6 };

/// A place in a proof.
enum Place<'a> {
    Base(&'a mut Val),
    Extension(&'a mut Challenge),
    Cap(&'a mut MerkleCap<Val, [Val; 8]>, usize),
}

impl Place<'_> {
    /// Adds to it; which coordinate of several is `which`.
    fn add(self, which: usize, difference: Val) {
        match self {
            Self::Base(value) => *value += difference,
            Self::Extension(value) => {
                *value += Challenge::from_basis_coefficients_fn(|i| {
                    if i == which % 5 { difference } else { Val::ZERO }
                });
            }
            Self::Cap(cap, root) => {
                let mut roots = cap.roots().to_vec();
                roots[root][which % 8] += difference;
                *cap = MerkleCap::new(roots);
            }
        }
    }
}

/// Visits every place with the name of its field.
fn visit(proof: &mut BatchProof<SegmentConfig>, see: &mut dyn FnMut(&'static str, Place<'_>)) {
    let commitments = &mut proof.commitments;
    for (name, cap) in
        [("main", Some(&mut commitments.main)), ("quotient", Some(&mut commitments.quotient_chunks))]
            .into_iter()
            .chain([("permutation", commitments.permutation.as_mut())])
    {
        if let Some(cap) = cap {
            for root in 0..cap.num_roots() {
                see(name, Place::Cap(cap, root));
            }
        }
    }
    for instance in &mut proof.opened_values.instances {
        let base = &mut instance.base_opened_values;
        let mut rows = vec![("local", &mut base.trace_local)];
        rows.extend(base.trace_next.as_mut().map(|row| ("next", row)));
        if let Some(columns) = &mut base.preprocessed {
            rows.push(("preprocessed", &mut columns.local));
            rows.extend(columns.next.as_mut().map(|row| ("preprocessed next", row)));
        }
        rows.extend(base.quotient_chunks.iter_mut().map(|row| ("chunk", row)));
        rows.push(("permutation local", &mut instance.permutation_local));
        rows.push(("permutation next", &mut instance.permutation_next));
        for (name, row) in rows {
            row.iter_mut().for_each(|value| see(name, Place::Extension(value)));
        }
    }
    for terminal in proof.lookup_terminals.iter_mut().flatten() {
        see("terminal", Place::Extension(&mut terminal.0));
    }
    if let Some(witness) = &mut proof.lookup_pow_witness {
        see("lookup work", Place::Base(witness));
    }
    see("point work", Place::Base(&mut proof.ood_pow_witness));
    let openings = &mut proof.opening_proof;
    see("batch work", Place::Base(&mut openings.batch_pow_witness));
    for cap in &mut openings.commit_phase_commits {
        for root in 0..cap.num_roots() {
            see("fold commitment", Place::Cap(cap, root));
        }
    }
    for witness in &mut openings.commit_pow_witnesses {
        see("commit work", Place::Base(witness));
    }
    for opening in &mut openings.input_openings {
        for value in opening.opened_values.iter_mut().flatten().flatten() {
            see("row", Place::Base(value));
        }
        for value in opening.opening_proof.sibling_hashes.iter_mut().flatten() {
            see("sibling", Place::Base(value));
        }
    }
    for opening in &mut openings.commit_phase_openings {
        for value in opening.sibling_values.iter_mut().flatten() {
            see("fold value", Place::Extension(value));
        }
        for value in opening.opening_proof.sibling_hashes.iter_mut().flatten() {
            see("fold sibling", Place::Base(value));
        }
    }
    for coefficient in &mut openings.final_poly {
        see("final polynomial", Place::Extension(coefficient));
    }
    see("query work", Place::Base(&mut openings.query_pow_witness));
}

/// Fields by the number of their places.
fn places(proof: &mut BatchProof<SegmentConfig>) -> BTreeMap<&'static str, usize> {
    let mut places = BTreeMap::new();
    visit(proof, &mut |name, _| *places.entry(name).or_default() += 1);
    places
}

/// Adds to place `number` of a field.
fn corrupt(proof: &mut BatchProof<SegmentConfig>, field: &str, number: usize, which: usize, difference: Val) {
    let mut seen = 0;
    visit(proof, &mut |name, place| {
        if name == field {
            if seen == number {
                place.add(which, difference);
            }
            seen += 1;
        }
    });
}

/// Numbers that look random, from a fixed start.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize
    }
}

/// Whether both verifiers accept, which must be the same.
fn both<A>(case: &Case<A>, verifier: &Verifier, what: &str) -> bool
where
    A: Air<InteractionSymbolicBuilder<Val, Challenge>>
        + for<'a> Air<VerifierConstraintFolderWithLookups<'a, SegmentConfig>>,
{
    let native = case.accepts();
    assert_eq!(verifier.accepts(case), native, "{what}");
    native
}

/// Up to `most` places of each field, and all public values.
fn corrupt_values<A>(mut case: Case<A>, most: usize)
where
    A: Air<InteractionSymbolicBuilder<Val, Challenge>>
        + for<'a> Air<VerifierConstraintFolderWithLookups<'a, SegmentConfig>>,
{
    let verifier = case.verifier();
    assert!(both(&case, &verifier, "honest"));
    let mut numbers = Numbers(1);
    let (mut tried, mut accepted, mut refused) = (0, 0, 0);
    for (field, count) in places(&mut case.proof) {
        for i in 0..count.min(most) {
            let number = if count <= most { i } else { numbers.next() % count };
            let difference =
                [Val::ONE, Val::NEG_ONE, Val::from_usize(1 + numbers.next())][numbers.next() % 3];
            let which = numbers.next();
            corrupt(&mut case.proof, field, number, which, difference);
            accepted += usize::from(both(&case, &verifier, field));
            refused += usize::from(verifier.run(&case).is_err());
            tried += 1;
            corrupt(&mut case.proof, field, number, which, -difference);
        }
    }
    for table in 0..case.publics.len() {
        for i in 0..case.publics[table].len() {
            case.publics[table][i] += Val::ONE;
            accepted += usize::from(both(&case, &verifier, "public"));
            tried += 1;
            case.publics[table][i] -= Val::ONE;
        }
    }
    assert!(both(&case, &verifier, "restored"));
    // Nothing of a proof can be another value, and not all that is wrong is refused before the circuit sees it.
    assert_eq!(accepted, 0);
    assert!(tried > 400 && refused < tried);
}

#[test]
fn toy_values() {
    let folds = ProofParameters { log_arity: 3, log_blowup: 2, cap_height: 0, log_final_length: 0, ..SMALL };
    for parameters in [SMALL, LAZY, folds] {
        corrupt_values(toy(parameters, HEIGHTS), 100);
    }
}

#[test]
fn segment_values() {
    corrupt_values(segment(SMALL, 9), 100);
}

#[test]
fn recursion_values() {
    corrupt_values(recursion(ProofParameters { log_blowup: 2, ..SMALL }), 100);
}

/// A proof that is another one by its shape, or has parts of one in another's place.
#[test]
fn other_shapes() {
    type Change = fn(&mut BatchProof<SegmentConfig>);
    let changes: &[(&str, Change)] = &[
        ("degree", |proof| proof.degree_bits[0] += 1),
        ("degrees", |proof| proof.degree_bits.swap(0, 1)),
        ("degree missing", |proof| {
            proof.degree_bits.pop();
        }),
        ("random", |proof| proof.commitments.random = Some(proof.commitments.main.clone())),
        ("no permutation", |proof| proof.commitments.permutation = None),
        ("other permutation", |proof| proof.commitments.permutation = Some(proof.commitments.main.clone())),
        ("larger cap", |proof| {
            let roots = proof.commitments.main.roots();
            proof.commitments.main = MerkleCap::new([roots, roots].concat());
        }),
        ("smaller cap", |proof| {
            proof.commitments.main = MerkleCap::new(vec![proof.commitments.main.roots()[0]]);
        }),
        ("swapped caps", |proof| {
            let commitments = &mut proof.commitments;
            core::mem::swap(&mut commitments.main, &mut commitments.quotient_chunks);
        }),
        ("rotated cap", |proof| {
            let mut roots = proof.commitments.main.roots().to_vec();
            roots.rotate_left(1);
            proof.commitments.main = MerkleCap::new(roots);
        }),
        ("no terminal", |proof| proof.lookup_terminals[0] = None),
        ("terminal too many", |proof| proof.lookup_terminals[2] = Some(LookupTerminal(Challenge::ZERO))),
        ("terminals that cancel", |proof| {
            let [Some(a), Some(b), ..] = &mut proof.lookup_terminals[..] else { unreachable!() };
            a.0 += Challenge::ONE;
            b.0 -= Challenge::ONE;
        }),
        ("no lookup work", |proof| proof.lookup_pow_witness = None),
        ("local too long", |proof| {
            proof.opened_values.instances[0].base_opened_values.trace_local.push(Challenge::ZERO);
        }),
        ("no next", |proof| proof.opened_values.instances[0].base_opened_values.trace_next = None),
        ("next too many", |proof| {
            let base = &mut proof.opened_values.instances[1].base_opened_values;
            base.trace_next = Some(base.trace_local.clone());
        }),
        ("no preprocessed", |proof| proof.opened_values.instances[1].base_opened_values.preprocessed = None),
        ("no preprocessed next", |proof| {
            proof.opened_values.instances[1].base_opened_values.preprocessed.as_mut().unwrap().next = None;
        }),
        ("preprocessed too many", |proof| {
            let columns = proof.opened_values.instances[1].base_opened_values.preprocessed.clone();
            proof.opened_values.instances[0].base_opened_values.preprocessed = columns;
        }),
        ("no chunk", |proof| {
            proof.opened_values.instances[0].base_opened_values.quotient_chunks.pop();
        }),
        ("swapped chunks", |proof| {
            proof.opened_values.instances[0].base_opened_values.quotient_chunks.swap(0, 1);
        }),
        ("chunk too short", |proof| {
            proof.opened_values.instances[0].base_opened_values.quotient_chunks[0].pop();
        }),
        ("permutation too short", |proof| {
            proof.opened_values.instances[0].permutation_local.pop();
        }),
        ("permutation too many", |proof| {
            proof.opened_values.instances[2].permutation_next.push(Challenge::ZERO);
        }),
        ("random values", |proof| {
            proof.opened_values.instances[0].base_opened_values.random = Some(vec![Challenge::ZERO; 5]);
        }),
        ("instances", |proof| proof.opened_values.instances.swap(0, 1)),
        ("instance missing", |proof| {
            proof.opened_values.instances.pop();
        }),
        ("fold commitment missing", |proof| {
            proof.opening_proof.commit_phase_commits.pop();
        }),
        ("fold commitments", |proof| proof.opening_proof.commit_phase_commits.swap(0, 1)),
        ("fold work missing", |proof| {
            proof.opening_proof.commit_pow_witnesses.pop();
        }),
        ("fold work too many", |proof| proof.opening_proof.commit_pow_witnesses.push(Val::ZERO)),
        ("final polynomial too long", |proof| proof.opening_proof.final_poly.push(Challenge::ZERO)),
        ("final polynomial reversed", |proof| proof.opening_proof.final_poly.reverse()),
        ("opening missing", |proof| {
            proof.opening_proof.input_openings.pop();
        }),
        ("openings", |proof| proof.opening_proof.input_openings.swap(0, 1)),
        ("query missing", |proof| {
            proof.opening_proof.input_openings[0].opened_values.pop();
        }),
        ("query too many", |proof| {
            let rows = &mut proof.opening_proof.input_openings[0].opened_values;
            rows.push(rows[0].clone());
        }),
        ("queries", |proof| proof.opening_proof.input_openings[0].opened_values.swap(0, 1)),
        ("rows", |proof| proof.opening_proof.input_openings[0].opened_values[0].swap(0, 1)),
        ("row too long", |proof| proof.opening_proof.input_openings[0].opened_values[0][0].push(Val::ZERO)),
        ("border moved", |proof| {
            let rows = &mut proof.opening_proof.input_openings[0].opened_values[0];
            let moved = rows[0].pop().unwrap();
            rows[1].insert(0, moved);
        }),
        ("sibling missing", |proof| {
            proof.opening_proof.input_openings[0].opening_proof.sibling_hashes.pop();
        }),
        ("sibling too many", |proof| {
            proof.opening_proof.input_openings[0].opening_proof.sibling_hashes.push([Val::ZERO; 8]);
        }),
        ("siblings", |proof| proof.opening_proof.input_openings[0].opening_proof.sibling_hashes.swap(0, 1)),
        ("fold opening missing", |proof| {
            proof.opening_proof.commit_phase_openings.pop();
        }),
        ("fold openings", |proof| proof.opening_proof.commit_phase_openings.swap(0, 1)),
        ("fold query missing", |proof| {
            proof.opening_proof.commit_phase_openings[0].sibling_values.pop();
        }),
        ("fold value missing", |proof| {
            proof.opening_proof.commit_phase_openings[0].sibling_values[0].pop();
        }),
        ("fold values", |proof| proof.opening_proof.commit_phase_openings[2].sibling_values[0].swap(0, 1)),
        ("fold sibling missing", |proof| {
            proof.opening_proof.commit_phase_openings[0].opening_proof.sibling_hashes.pop();
        }),
    ];
    for parameters in [SMALL, LAZY] {
        let verifier = toy(parameters, HEIGHTS).verifier();
        for (what, change) in changes {
            let mut case = toy(parameters, HEIGHTS);
            change(&mut case.proof);
            assert!(!both(&case, &verifier, what), "{what}");
        }
    }
}

/// A proof of tables of other heights, and one made with other parameters.
#[test]
fn other_circuits() {
    let case = toy(SMALL, HEIGHTS);
    let verifier = case.verifier();
    let others = [
        toy(SMALL, ToyHeights { counter: 6, ..HEIGHTS }),
        toy(SMALL, ToyHeights { numbers: 8, ..HEIGHTS }),
        toy(SMALL, ToyHeights { products: 5, ..HEIGHTS }),
        toy(ProofParameters { queries: 2, ..SMALL }, HEIGHTS),
        toy(ProofParameters { query_work: 3, ..SMALL }, HEIGHTS),
        toy(ProofParameters { lookup_work: 0, ..SMALL }, HEIGHTS),
        toy(ProofParameters { cap_height: 1, ..SMALL }, HEIGHTS),
        toy(ProofParameters { log_final_length: 1, ..SMALL }, HEIGHTS),
        toy(ProofParameters { log_arity: 1, ..SMALL }, HEIGHTS),
        toy(ProofParameters { log_blowup: 2, ..SMALL }, HEIGHTS),
    ];
    for other in others {
        let foreign = Case { shape: case_shape(), ..other };
        assert!(!verifier.accepts(&foreign));
    }
}

fn case_shape() -> assay_recursion::gadgets::ChildShape {
    toy(SMALL, HEIGHTS).shape
}

/// Every input counts.
fn corrupt_inputs<A>(case: &Case<A>, step: usize) {
    let verifier = case.verifier();
    let honest = verifier.inputs(case).unwrap();
    let mut numbers = Numbers(2);
    let broken = |inputs: &Inputs, what: &str, i: usize| {
        assert!(!verifier.circuit.run(inputs).violations().is_empty(), "{what} {i}");
    };
    for i in (0..honest.values.len()).step_by(step) {
        let mut inputs = honest.clone();
        let which = numbers.next() % 5;
        inputs.values[i] += Challenge::from_basis_coefficients_fn(|k| Val::from_bool(k == which));
        broken(&inputs, "value", i);
    }
    for i in (0..honest.digests.len()).step_by(step) {
        let mut inputs = honest.clone();
        inputs.digests[i][numbers.next() % 8] += Val::from_usize(1 + numbers.next());
        broken(&inputs, "digest", i);
    }
}

#[test]
fn toy_inputs() {
    for parameters in [SMALL, ProofParameters { log_arity: 3, cap_height: 0, ..LAZY }] {
        corrupt_inputs(&toy(parameters, HEIGHTS), 1);
    }
}

#[test]
fn segment_inputs() {
    corrupt_inputs(&segment(SMALL, 9), 3);
}

#[test]
fn recursion_inputs() {
    corrupt_inputs(&recursion(ProofParameters { log_blowup: 2, ..SMALL }), 3);
}

/// The constraints of the table notice what the runner notices.
#[test]
fn constraints_notice() {
    let case = toy(ProofParameters { queries: 1, ..SMALL }, HEIGHTS);
    let verifier = case.verifier();
    let circuit = &verifier.circuit;
    let honest = verifier.inputs(&case).unwrap();
    let fails = |inputs: &Inputs| {
        let witness = circuit.run(inputs);
        let failures =
            check_table(All, circuit.preprocessed(), &circuit.trace(&witness), &circuit.publics(&witness));
        assert_eq!(failures.is_empty(), witness.violations().is_empty());
        !failures.is_empty()
    };
    assert!(!fails(&honest));
    let mut numbers = Numbers(3);
    for _ in 0..12 {
        let mut inputs = honest.clone();
        let i = numbers.next() % inputs.values.len();
        inputs.values[i] += Challenge::ONE;
        assert!(fails(&inputs), "{i}");
        let mut inputs = honest.clone();
        let i = numbers.next() % inputs.digests.len();
        inputs.digests[i][0] += Val::ONE;
        assert!(fails(&inputs), "{i}");
    }
}
