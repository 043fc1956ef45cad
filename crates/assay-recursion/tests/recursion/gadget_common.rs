//! Proofs to verify: small tables with all that shapes can have, and segments.

use assay_circuit::p3_batch_stark::{
    BatchProof, CommonData, ProverData, ProverOnlyData, StarkInstance, prove_batch, verify_batch,
};
use assay_circuit::{
    All, Challenge, ProofParameters, SegmentAir, SegmentConfig, SegmentShape, Val, Variant, segment_airs,
    segment_common,
};
use assay_recursion::gadgets::{self, ChildShape, ProofError, VerifiedChild, push_proof};
use assay_recursion::{Circuit, CircuitBuilder, Counts, Inputs, LOG_RANGE, RecursionAir, Wire, Witness};
use p3_air::{Air, AirBuilder, BaseAir, WindowAccess};
use p3_field::PrimeCharacteristicRing;
use p3_lookup::{Count, InteractionBuilder};
use p3_matrix::dense::RowMajorMatrix;

/// Few queries and little work.
pub(crate) const SMALL: ProofParameters = ProofParameters {
    log_blowup: 1,
    queries: 3,
    log_arity: 2,
    log_final_length: 2,
    cap_height: 2,
    lookup_work: 2,
    point_work: 1,
    batch_work: 3,
    commit_work: 1,
    query_work: 4,
};

/// No work except before the queries, as segments have it.
pub(crate) const LAZY: ProofParameters =
    ProofParameters { lookup_work: 0, point_work: 0, batch_work: 0, commit_work: 0, ..SMALL };

/// Tables that between them have preprocessed columns, public values, rows that are looked at alone, an exclusive
/// lookup, a local one, and none.
#[derive(Clone)]
pub(crate) enum Toy {
    /// Counts up from a public number to another one; every number is looked up.
    Counter,
    /// The numbers, preprocessed, and how often they are looked up; a local lookup of its own.
    Numbers(usize),
    /// Products, each row on its own.
    Products,
}

impl BaseAir<Val> for Toy {
    fn width(&self) -> usize {
        match self {
            Self::Counter => 3,
            Self::Numbers(_) => 2,
            Self::Products => 4,
        }
    }

    fn num_public_values(&self) -> usize {
        match self {
            Self::Counter => 2,
            Self::Numbers(_) => 1,
            Self::Products => 0,
        }
    }

    fn preprocessed_width(&self) -> usize {
        if matches!(self, Self::Numbers(_)) { 2 } else { 0 }
    }

    fn preprocessed_trace(&self) -> Option<RowMajorMatrix<Val>> {
        let Self::Numbers(log_height) = self else { return None };
        let rows = (0..1u32 << log_height).flat_map(|i| [Val::from_u32(i), Val::from_u32(i * i)]);
        Some(RowMajorMatrix::new(rows.collect(), 2))
    }

    fn main_next_row_columns(&self) -> Vec<usize> {
        if matches!(self, Self::Counter) { vec![0, 1, 2] } else { Vec::new() }
    }

    fn max_constraint_degree(&self) -> Option<usize> {
        Some(3)
    }
}

impl<AB: InteractionBuilder<F = Val>> Air<AB> for Toy {
    fn eval(&self, builder: &mut AB) {
        let main = builder.main();
        let (row, next) = (main.current_slice().to_vec(), main.next_slice().to_vec());
        let publics: Vec<AB::Expr> = builder.public_values().iter().map(|value| (*value).into()).collect();
        match self {
            Self::Counter => {
                let [x, step, square] = [row[0], row[1], row[2]];
                builder.assert_bool(step);
                builder.assert_eq(square, x * x);
                builder.when_first_row().assert_eq(x, publics[0].clone());
                builder.when_transition().assert_eq(next[0], x + step);
                builder.when_last_row().assert_eq(x, publics[1].clone());
                // A number, or its square as a message of its own kind.
                let one = AB::Expr::ONE;
                let number = (step.into(), Count::bounded(one.clone(), 1), vec![one.clone(), x.into()]);
                let squared =
                    (one - step.into(), Count::bounded(AB::Expr::ONE, 1), vec![AB::Expr::TWO, square.into()]);
                builder.push_exclusive_interaction("numbers", [number, squared]);
            }
            Self::Numbers(_) => {
                let fixed = builder.preprocessed().clone();
                let (now, after) = (fixed.current_slice().to_vec(), fixed.next_slice().to_vec());
                let public = publics[0].clone();
                builder.when_transition().assert_eq(after[0], now[0] + AB::Expr::ONE);
                builder.assert_zero((public - Val::from_u32(7)) * now[1]);
                let [numbers, squares] =
                    [row[0], row[1]].map(|count| Count::provided(-<AB::Var as Into<AB::Expr>>::into(count)));
                builder.push_interaction("numbers", [AB::Expr::ONE, now[0].into()], numbers);
                builder.push_interaction("numbers", [AB::Expr::TWO, now[1].into()], squares);
                let (send, receive) = (AB::Expr::ONE, AB::Expr::NEG_ONE);
                builder.push_local_interaction([
                    (vec![now[0].into()], Count::bounded(send, 1)),
                    (vec![now[0].into()], Count::bounded(receive, 1)),
                ]);
            }
            Self::Products => {
                let [a, b, c, d] = [row[0], row[1], row[2], row[3]];
                builder.assert_eq(a * b, c);
                builder.assert_eq(a * a * b, d);
            }
        }
    }
}

/// Heights (log2) of the toy tables.
#[derive(Clone, Copy)]
pub(crate) struct ToyHeights {
    pub(crate) counter: usize,
    pub(crate) numbers: usize,
    pub(crate) products: usize,
}

fn toy_tables(heights: ToyHeights) -> (Vec<Toy>, Vec<RowMajorMatrix<Val>>, Vec<Vec<Val>>) {
    let rows = 1usize << heights.numbers;
    let mut counts = vec![[0u32; 2]; rows];
    let mut counter = Vec::new();
    let mut x = 1u32;
    for i in 0..1u32 << heights.counter {
        let steps = i % 3 == 0 && (x as usize) < rows - 1;
        counter.extend([x, u32::from(steps), x * x]);
        counts[x as usize][usize::from(!steps)] += 1;
        if steps && i + 1 < 1 << heights.counter {
            x += 1;
        }
    }
    let products = (0..1u32 << heights.products)
        .flat_map(|i| [i + 2, 3 * i, (i + 2) * 3 * i, (i + 2) * (i + 2) * 3 * i]);
    let matrix =
        |values: Vec<u32>, width| RowMajorMatrix::new(values.into_iter().map(Val::from_u32).collect(), width);
    let traces = vec![
        matrix(counter, 3),
        matrix(counts.into_iter().flatten().collect(), 2),
        matrix(products.collect(), 4),
    ];
    let publics = vec![vec![Val::ONE, Val::from_u32(x)], vec![Val::from_u32(7)], Vec::new()];
    (vec![Toy::Counter, Toy::Numbers(heights.numbers), Toy::Products], traces, publics)
}

/// A proof, its shape and its native verifier.
pub(crate) struct Case<A> {
    pub(crate) parameters: ProofParameters,
    pub(crate) config: SegmentConfig,
    pub(crate) airs: Vec<A>,
    pub(crate) common: CommonData<SegmentConfig>,
    pub(crate) shape: ChildShape,
    pub(crate) proof: BatchProof<SegmentConfig>,
    pub(crate) publics: Vec<Vec<Val>>,
}

/// A proof of the toy tables.
pub(crate) fn toy(parameters: ProofParameters, heights: ToyHeights) -> Case<Toy> {
    cheating_toy(parameters, heights, |_, _| ())
}

/// A proof of toy tables and public values that were changed first; the prover doesn't look at constraints.
pub(crate) fn cheating_toy(
    parameters: ProofParameters,
    heights: ToyHeights,
    change: impl FnOnce(&mut [RowMajorMatrix<Val>], &mut [Vec<Val>]),
) -> Case<Toy> {
    let config = parameters.config();
    let (airs, mut traces, mut publics) = toy_tables(heights);
    change(&mut traces, &mut publics);
    let log_heights = [heights.counter, heights.numbers, heights.products];
    let data = ProverData::from_airs_and_degrees(&config, &airs, &log_heights).unwrap();
    let proof = prove(&config, &airs, &traces, &publics, &data);
    let shape = ChildShape::new(&parameters, &airs, &data.common, &log_heights).unwrap();
    Case { parameters, config, airs, common: data.common, shape, proof, publics }
}

fn prove<A>(
    config: &SegmentConfig,
    airs: &[A],
    traces: &[RowMajorMatrix<Val>],
    publics: &[Vec<Val>],
    data: &ProverData<SegmentConfig>,
) -> BatchProof<SegmentConfig>
where
    A: Clone
        + Air<p3_lookup::InteractionSymbolicBuilder<Val, Challenge>>
        + for<'a> Air<p3_batch_stark::folder::ProverConstraintFolderWithLookups<'a, SegmentConfig>>,
{
    let instances: Vec<_> = airs
        .iter()
        .zip(traces)
        .zip(publics)
        .map(|((air, trace), publics)| StarkInstance { air, trace, public_values: publics.clone() })
        .collect();
    prove_batch(config, &instances, data).unwrap()
}

impl<A> Case<A>
where
    A: Air<p3_lookup::InteractionSymbolicBuilder<Val, Challenge>>
        + for<'a> Air<p3_batch_stark::folder::VerifierConstraintFolderWithLookups<'a, SegmentConfig>>,
{
    /// Whether the native verifier accepts.
    pub(crate) fn accepts(&self) -> bool {
        verify_batch(&self.config, &self.airs, &self.proof, &self.publics, &self.common).is_ok()
    }
}

impl<A> Case<A> {
    /// The circuit that verifies such proofs.
    pub(crate) fn verifier(&self) -> Verifier {
        Verifier::new(&self.shape)
    }
}

/// A segment with a few accounts.
pub(crate) fn segment(parameters: ProofParameters, accounts: u32) -> Case<SegmentAir> {
    let config = parameters.config();
    let airs = segment_airs(Variant::Plain, All);
    let common = segment_common(&config, &airs).unwrap();
    let heights = SegmentShape::custom([9, 7, 5, 15], None).unwrap();
    let trace = crate::tree_common::trace(crate::tree_common::epoch(0), heights, None, 0, accounts);
    let publics = trace.publics.values();
    let data = ProverData { common, prover_only: ProverOnlyData::empty() };
    let proof = prove(&config, &airs, &trace.tables, &publics, &data);
    let shape = ChildShape::new(&parameters, &airs, &data.common, &proof.degree_bits).unwrap();
    Case { parameters, config, airs, common: data.common, shape, proof, publics }
}

/// A circuit that verifies one proof; the public values of the proof are external, too, and come first.
pub(crate) struct Verifier {
    pub(crate) circuit: Circuit,
    pub(crate) child: VerifiedChild,
    pub(crate) counts: Counts,
}

impl Verifier {
    pub(crate) fn new(shape: &ChildShape) -> Self {
        let mut builder = CircuitBuilder::new();
        let publics: Vec<Vec<Wire>> = shape
            .publics()
            .map(|count| {
                let wires: Vec<Wire> = (0..count).map(|_| builder.input()).collect();
                for chunk in wires.chunks(5) {
                    builder.pack(chunk);
                }
                wires
            })
            .collect();
        let child = gadgets::verify_batch(&mut builder, shape, &publics);
        let zero = builder.zero();
        builder.publish([zero; 8]);
        let counts = builder.counts();
        let log_height = counts.rows().next_power_of_two().ilog2() as usize;
        let circuit = builder.finish(log_height.max(LOG_RANGE), LOG_RANGE).unwrap();
        Self { circuit, child, counts }
    }

    pub(crate) fn inputs<A>(&self, case: &Case<A>) -> Result<Inputs, ProofError> {
        let mut inputs = Inputs::default();
        for value in case.publics.iter().flatten() {
            inputs.push_base(*value);
        }
        push_proof(&case.shape, &case.proof, &case.publics, &mut inputs)?;
        Ok(inputs)
    }

    pub(crate) fn run<A>(&self, case: &Case<A>) -> Result<Witness, ProofError> {
        Ok(self.circuit.run(&self.inputs(case)?))
    }

    /// Whether the circuit accepts.
    pub(crate) fn accepts<A>(&self, case: &Case<A>) -> bool {
        self.run(case).is_ok_and(|witness| witness.violations().is_empty())
    }
}

/// A proof of a small circuit of the recursion table itself.
pub(crate) fn recursion(parameters: ProofParameters) -> Case<RecursionAir> {
    let mut builder = CircuitBuilder::new();
    let values: Vec<Wire> = (0..20).map(|_| builder.input()).collect();
    let two = builder.constant(Val::TWO);
    let number = builder.horner(two, &values);
    builder.mul_add(number, number, two);
    let items: Vec<Vec<Wire>> = values.chunks(5).map(<[Wire]>::to_vec).collect();
    let array = builder.pack_array(&items);
    builder.assert_bool(values[0]);
    builder.select(array, values[0]);
    builder.range(values[1]);
    let chain = builder.chain();
    builder.hash_row(chain, &values);
    builder.merkle_step(chain, values[0]);
    let digest = builder.output(chain);
    builder.merkle_inject(chain, digest);
    let publics = builder.output_elements(chain);
    builder.publish(publics);
    let log_height = 6;
    let circuit = builder.finish(log_height, 5).unwrap();
    let mut inputs = Inputs::default();
    for i in 0..20 {
        inputs.push_base(Val::from_u32(i + 1));
    }
    inputs.digests.push([Val::TWO; 8]);
    let witness = circuit.run(&inputs);
    assert_eq!(witness.violations(), []);
    let publics = vec![circuit.publics(&witness)];
    let traces = [circuit.trace(&witness)];
    let config = parameters.config();
    let airs = vec![RecursionAir::new(assay_recursion::All, circuit.preprocessed().clone())];
    let data = ProverData::from_airs_and_degrees(&config, &airs, &[log_height]).unwrap();
    let proof = prove(&config, &airs, &traces, &publics, &data);
    let airs = vec![RecursionAir::constraints(assay_recursion::All)];
    let shape = ChildShape::new(&parameters, &airs, &data.common, &[log_height]).unwrap();
    Case { parameters, config, airs, common: data.common, shape, proof, publics }
}
