//! The circuit's challenges are those of the native transcript, step by step.

use crate::gadget_common::{Case, LAZY, SMALL, ToyHeights, recursion, segment, toy};
use assay_circuit::p3_batch_stark::verifier::commitments_with_opening_points;
use assay_circuit::p3_batch_stark::{BatchShape, BatchVerifierTranscript, Commitment, StarkGenericConfig};
use assay_circuit::{Challenge, ProofParameters, SegmentConfig, Val};
use p3_air::BaseAir;
use p3_field::{PrimeCharacteristicRing, PrimeField32};
use p3_fri::{FriParameters, FriShape, PcsShape, PcsVerifierTranscript, VerifierTranscript};
use p3_lookup::logup::LogUpGadget;

/// Challenges of a proof.
#[derive(Debug, PartialEq)]
struct Challenges {
    /// Start of the first bus and what combines messages.
    lookup: Option<[Challenge; 2]>,
    constraints: Challenge,
    zeta: Challenge,
    openings: Challenge,
    folds: Vec<Challenge>,
    indices: Vec<usize>,
}

/// Replays the native drivers.
fn native<A: BaseAir<Val>>(case: &Case<A>) -> Challenges {
    let (proof, common) = (&case.proof, &case.common);
    let widths: Vec<usize> = (0..case.airs.len())
        .map(|i| {
            common
                .preprocessed
                .as_ref()
                .and_then(|all| all.instances[i].as_ref())
                .map_or(0, |meta| meta.width)
        })
        .collect();
    let shape = BatchShape {
        trace_widths: case.airs.iter().map(BaseAir::width).collect(),
        public_value_counts: case.airs.iter().map(BaseAir::num_public_values).collect(),
        preprocessed_widths: widths.clone(),
        has_preprocessed_commitment: common.preprocessed.is_some(),
        num_lookup_instances: common.lookups.iter().filter(|lookups| !lookups.is_empty()).count(),
        lookup_pow_bits: case.config.lookup_proof_of_work_bits(),
        has_randomization_commitment: false,
        ood_pow_bits: case.config.ood_proof_of_work_bits(),
    };
    let mut challenger = case.config.initialise_challenger();
    let mut transcript =
        BatchVerifierTranscript::<_, Val, Challenge, Commitment<SegmentConfig>>::new(&mut challenger, shape);
    transcript.instance_bindings(&proof.degree_bits);
    transcript.main_phase(proof.commitments.main.clone(), &case.publics);
    transcript.preprocessed_phase(common.preprocessed.as_ref().map(|all| all.commitment.clone()));
    let lookups =
        transcript.lookup_phase(&common.lookups, &LogUpGadget::new(), proof.lookup_pow_witness).unwrap();
    let terminals: Vec<Challenge> =
        proof.lookup_terminals.iter().flatten().map(|terminal| terminal.0).collect();
    let constraints = transcript.permutation_phase(proof.commitments.permutation.clone(), &terminals);
    transcript.quotient_phase(proof.commitments.quotient_chunks.clone(), None);
    let zeta = transcript.ood_phase(proof.ood_pow_witness).unwrap();
    let chunks: Vec<usize> = proof
        .opened_values
        .instances
        .iter()
        .map(|instance| instance.base_opened_values.quotient_chunks.len().ilog2() as usize)
        .collect();
    let (claims, _, _) = commitments_with_opening_points(
        &case.config,
        &case.airs,
        zeta,
        &proof.commitments,
        &proof.opened_values,
        common,
        &proof.degree_bits,
        &widths,
        &chunks,
    )
    .unwrap();
    let fri = fri_parameters(&case.parameters);
    let openings = &proof.opening_proof;
    let mut result = None;
    transcript.delegate(|challenger| {
        let mut transcript =
            PcsVerifierTranscript::<_, Val, Challenge>::new(challenger, PcsShape::from_claims(&fri, &claims));
        transcript.claimed_openings(&claims).unwrap();
        let alpha = transcript.batch_phase(Some(openings.batch_pow_witness)).unwrap();
        transcript.delegate(|challenger| {
            let mut heights: Vec<usize> =
                proof.degree_bits.iter().map(|bits| bits + fri.log_blowup).collect();
            heights.sort_by(|a, b| b.cmp(a));
            heights.dedup();
            let shape = FriShape::new(&fri, &heights, heights[0]);
            let mut transcript = VerifierTranscript::<_, Val, Challenge>::new(challenger, shape);
            let folds = transcript
                .commit_rounds(&openings.commit_phase_commits, &openings.commit_pow_witnesses)
                .unwrap();
            let indices =
                transcript.query_phase(&openings.final_poly, Some(openings.query_pow_witness)).unwrap();
            transcript.finish();
            result = Some((alpha, folds, indices));
        });
        transcript.finish();
    });
    transcript.finish();
    let (openings, folds, indices) = result.unwrap();
    let lookup = lookups.iter().find_map(|pair| pair.get(..2)).map(|pair| [pair[0], pair[1]]);
    Challenges { lookup, constraints, zeta, openings, folds, indices }
}

fn fri_parameters(parameters: &ProofParameters) -> FriParameters<()> {
    FriParameters {
        log_blowup: parameters.log_blowup,
        log_final_poly_len: parameters.log_final_length,
        max_log_arity: parameters.log_arity,
        num_queries: parameters.queries,
        batch_proof_of_work_bits: parameters.batch_work,
        commit_proof_of_work_bits: parameters.commit_work,
        query_proof_of_work_bits: parameters.query_work,
        mmcs: (),
    }
}

/// The circuit's challenges.
fn circuit<A>(case: &Case<A>, message: u64) -> Challenges {
    let verifier = case.verifier();
    let witness = verifier.run(case).unwrap();
    assert_eq!(witness.violations(), []);
    let value = |wire| witness.value(wire);
    let child = &verifier.child;
    let index = |bits: &Vec<_>| {
        bits.iter().enumerate().map(|(i, bit)| usize::from(value(*bit) == Challenge::ONE) << i).sum()
    };
    let lookup = child.lookup.map(|wires| wires.map(value)).map(|[start, combine]| {
        // The first bus.
        [start + combine.exp_u64(message), combine]
    });
    Challenges {
        lookup,
        constraints: value(child.constraints),
        zeta: value(child.zeta),
        openings: value(child.openings),
        folds: child.folds.iter().copied().map(value).collect(),
        indices: child.indices.iter().map(index).collect(),
    }
}

/// Parameters of many kinds.
fn parameters() -> Vec<ProofParameters> {
    let mut all = vec![SMALL, LAZY];
    for log_arity in 1..=4 {
        for (log_blowup, cap_height, log_final_length) in [(1, 0, 0), (2, 3, 3), (3, 5, 1)] {
            all.push(ProofParameters {
                log_blowup,
                cap_height,
                log_final_length,
                log_arity,
                queries: 4,
                ..SMALL
            });
        }
    }
    all
}

#[test]
fn toy_challenges() {
    for parameters in parameters() {
        for heights in [
            ToyHeights { counter: 6, numbers: 8, products: 5 },
            ToyHeights { counter: 7, numbers: 7, products: 10 },
            ToyHeights { counter: 5, numbers: 5, products: 5 },
        ] {
            let case = toy(parameters, heights);
            assert!(case.accepts());
            assert_eq!(circuit(&case, 2), native(&case));
        }
    }
}

#[test]
fn segment_challenges() {
    for parameters in [SMALL, ProofParameters { log_arity: 3, cap_height: 6, log_blowup: 2, ..LAZY }] {
        let case = segment(parameters, 9);
        assert!(case.accepts());
        assert_eq!(circuit(&case, 10), native(&case));
    }
}

#[test]
fn recursion_challenges() {
    let case = recursion(ProofParameters { log_blowup: 2, ..SMALL });
    assert!(case.accepts());
    assert!(case.publics.iter().flatten().all(|public| public.as_canonical_u32() > 0));
    assert_eq!(circuit(&case, 6), native(&case));
}
