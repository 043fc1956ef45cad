//! The host's side: turns a proof into the inputs of the circuit that verifies it.
//!
//! Everything here walks in the order of [`verify_batch`](super::verify_batch). Nothing is verified, only shapes are
//! checked: what a bad proof of the right shape breaks are the circuit's own equations.

use alloc::vec::Vec;
use core::marker::PhantomData;

use assay_circuit::{Challenge, SegmentConfig, Val};
use p3_batch_stark::{BatchProof, PcsProof};
use p3_challenger::{CanObserve, CanSample, DuplexChallenger};
use p3_field::{BasedVectorSpace, Field, PrimeCharacteristicRing, PrimeField32, TwoAdicField};
use p3_fri::{FriFoldingStrategy, TwoAdicFriFolding};
use p3_koala_bear::{Poseidon2KoalaBear, default_koalabear_poseidon2_16};
use p3_matrix::Dimensions;
use p3_merkle_tree::{MerkleAuthPath, MerkleCap, MerkleTreeMmcs, PrunedMerklePaths};
use p3_symmetric::{PaddingFreeSponge, TruncatedPermutation};
use p3_util::reverse_bits_len;

use super::shape::{ChildShape, Matrix, Round, Source};
use crate::Inputs;
use crate::air::{COORDINATES, HALF};

type Permutation = Poseidon2KoalaBear<16>;
type Packing = <Val as Field>::Packing;
type LeafHash = PaddingFreeSponge<Permutation, 16, 8, 8>;
type NodeHash = TruncatedPermutation<Permutation, 2, 8, 16>;
type Mmcs = MerkleTreeMmcs<Packing, Packing, LeafHash, NodeHash, 2, 8>;
type Commitment = MerkleCap<Val, [Val; HALF]>;
type Proof = BatchProof<SegmentConfig>;

/// Why a proof can't be given to the circuit; the native verifier rejects it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// It has other numbers of values than its shape says.
    #[error("the proof has another shape than the circuit")]
    Shape,
    /// Its Merkle paths belong to other leaves, or contradict each other.
    #[error("the proof's Merkle paths do not fit its query indices")]
    Paths,
}

/// Adds a proof to the inputs of a circuit that verifies it, given the public values of its tables.
pub fn push_proof(
    shape: &ChildShape,
    proof: &Proof,
    publics: &[Vec<Val>],
    inputs: &mut Inputs,
) -> Result<(), ProofError> {
    let challenger = DuplexChallenger::new(default_koalabear_poseidon2_16());
    let replay = Transcript { shape, inputs, challenger }.replay(proof, publics)?;
    let queries = Queries::new(shape, proof, &replay)?;
    for query in 0..replay.indices.len() {
        queries.push(query, inputs)?;
    }
    Ok(())
}

/// Challenges that the queries depend on.
struct Replay {
    zeta: Challenge,
    alpha: Challenge,
    folds: Vec<Challenge>,
    indices: Vec<usize>,
}

struct Transcript<'a> {
    shape: &'a ChildShape,
    inputs: &'a mut Inputs,
    challenger: DuplexChallenger<Val, Permutation, 16, 8>,
}

impl Transcript<'_> {
    /// Adds and absorbs everything up to the queries.
    fn replay(mut self, proof: &Proof, publics: &[Vec<Val>]) -> Result<Replay, ProofError> {
        let shape = self.shape;
        let parameters = &shape.parameters;
        let BatchProof {
            commitments,
            opened_values: _,
            opening_proof,
            lookup_terminals,
            degree_bits,
            lookup_pow_witness,
            ood_pow_witness,
        } = proof;
        require(publics.iter().map(Vec::len).eq(shape.publics()))?;
        require(degree_bits.iter().copied().eq(shape.tables.iter().map(|table| table.log_height)))?;
        let has_lookups = shape.tables.iter().map(|table| table.lookups > 0);
        require(lookup_terminals.iter().map(Option::is_some).eq(has_lookups))?;
        require(commitments.random.is_none())?;
        require(commitments.permutation.is_some() == shape.has_lookups())?;
        require(lookup_pow_witness.is_some() == shape.has_lookups())?;

        self.challenger.observe_slice(&shape.seeds.batch);
        for table in &shape.tables {
            self.observe_extension(Challenge::from_usize(table.log_height));
        }
        self.cap(&commitments.main, self.log_height(Source::Main))?;
        for values in publics {
            self.challenger.observe_slice(values);
        }
        for digest in shape.preprocessed.iter().flatten() {
            self.challenger.observe_slice(digest);
        }
        if let (Some(commitment), Some(witness)) = (&commitments.permutation, lookup_pow_witness) {
            self.work(parameters.lookup_work, *witness)?;
            let _ = [self.challenge(), self.challenge()];
            self.cap(commitment, self.log_height(Source::Permutation))?;
            for terminal in lookup_terminals.iter().flatten() {
                self.extension(terminal.0);
            }
        }
        let _ = self.challenge();
        self.cap(&commitments.quotient_chunks, self.log_height(Source::Quotient))?;
        self.work(parameters.point_work, *ood_pow_witness)?;
        let zeta = self.challenge();

        self.challenger.observe_slice(&shape.seeds.openings);
        self.claims(proof)?;
        self.work(parameters.batch_work, opening_proof.batch_pow_witness)?;
        let alpha = self.challenge();

        self.challenger.observe_slice(&shape.seeds.low_degree);
        require(opening_proof.commit_phase_commits.len() == shape.log_arities.len())?;
        require(opening_proof.commit_pow_witnesses.len() == shape.log_arities.len())?;
        let commits = opening_proof.commit_phase_commits.iter().zip(&opening_proof.commit_pow_witnesses);
        let mut log_height = shape.index_bits();
        let mut folds = Vec::with_capacity(shape.log_arities.len());
        for ((commitment, witness), log_arity) in commits.zip(&shape.log_arities) {
            log_height -= log_arity;
            self.cap(commitment, log_height)?;
            self.work(parameters.commit_work, *witness)?;
            folds.push(self.challenge());
        }
        require(opening_proof.final_poly.len() == 1 << parameters.log_final_length)?;
        for coefficient in &opening_proof.final_poly {
            self.extension(*coefficient);
        }
        self.work(parameters.query_work, opening_proof.query_pow_witness)?;
        let mask = (1usize << shape.index_bits()) - 1;
        let indices = (0..parameters.queries)
            .map(|_| {
                let sample: Val = self.challenger.sample();
                sample.as_canonical_u32() as usize & mask
            })
            .collect();
        Ok(Replay { zeta, alpha, folds, indices })
    }

    /// Claimed values at zeta and after it.
    fn claims(&mut self, proof: &Proof) -> Result<(), ProofError> {
        let instances = &proof.opened_values.instances;
        let shape = self.shape;
        require(instances.len() == shape.tables.len())?;
        for (table, instance) in shape.tables.iter().zip(instances) {
            let base = &instance.base_opened_values;
            require(base.random.is_none())?;
            require(base.trace_next.is_some() == table.next)?;
            require(base.preprocessed.is_some() == (table.preprocessed_width > 0))?;
            let next = base.preprocessed.as_ref().and_then(|columns| columns.next.as_ref());
            require(next.is_some() == table.preprocessed_next)?;
            require(base.quotient_chunks.len() == table.quotient.shifts.len())?;
            let width = COORDINATES * table.permutation_width();
            require(instance.permutation_local.len() == width && instance.permutation_next.len() == width)?;
        }
        for round in &shape.rounds {
            for matrix in &round.matrices {
                for values in claimed(proof, round.source, matrix)? {
                    require(values.len() == matrix.width)?;
                    for value in values {
                        self.extension(*value);
                    }
                }
            }
        }
        Ok(())
    }

    fn log_height(&self, source: Source) -> usize {
        self.shape.rounds.iter().find(|round| round.source == source).map_or(0, Round::log_height)
    }

    /// A commitment, absorbed.
    fn cap(&mut self, commitment: &Commitment, log_height: usize) -> Result<(), ProofError> {
        require(commitment.num_roots() == 1 << self.shape.log_cap(log_height))?;
        for digest in commitment.roots() {
            for element in digest {
                self.inputs.push_base(*element);
                self.challenger.observe(*element);
            }
        }
        Ok(())
    }

    /// A proof of work, absorbed; whether it is one is the circuit's to say.
    fn work(&mut self, bits: usize, witness: Val) -> Result<(), ProofError> {
        if bits == 0 {
            return require(witness == Val::ZERO);
        }
        self.inputs.push_base(witness);
        self.challenger.observe(witness);
        let _: Val = self.challenger.sample();
        Ok(())
    }

    /// An extension element, absorbed.
    fn extension(&mut self, value: Challenge) {
        for coordinate in coordinates(&value) {
            self.inputs.push_base(*coordinate);
        }
        self.observe_extension(value);
    }

    fn observe_extension(&mut self, value: Challenge) {
        self.challenger.observe_slice(coordinates(&value));
    }

    fn challenge(&mut self) -> Challenge {
        self.challenger.sample()
    }
}

/// Claimed values of a matrix: at zeta, and where it is opened there, at the point after.
fn claimed<'a>(
    proof: &'a Proof,
    source: Source,
    matrix: &Matrix,
) -> Result<Vec<&'a [Challenge]>, ProofError> {
    let instance = proof.opened_values.instances.get(matrix.table).ok_or(ProofError::Shape)?;
    let base = &instance.base_opened_values;
    let (local, next) = match source {
        Source::Main => (Some(&base.trace_local), base.trace_next.as_ref()),
        Source::Quotient => (base.quotient_chunks.get(matrix.chunk), None),
        Source::Preprocessed => {
            let columns = base.preprocessed.as_ref();
            (columns.map(|columns| &columns.local), columns.and_then(|columns| columns.next.as_ref()))
        }
        Source::Permutation => (Some(&instance.permutation_local), Some(&instance.permutation_next)),
    };
    let next = next.filter(|_| matrix.next);
    Ok(local.into_iter().chain(next).map(Vec::as_slice).collect())
}

/// All commitments, opened.
struct Queries {
    trees: Vec<Tree>,
}

impl Queries {
    fn new(shape: &ChildShape, proof: &Proof, replay: &Replay) -> Result<Self, ProofError> {
        let hash = default_koalabear_poseidon2_16();
        let cap_height = shape.parameters.cap_height;
        let mmcs = Mmcs::new(LeafHash::new(hash.clone()), NodeHash::new(hash), cap_height);
        let openings = &proof.opening_proof;
        require(openings.input_openings.len() == shape.rounds.len())?;
        let mut trees = Vec::with_capacity(shape.rounds.len() + shape.log_arities.len());
        for (round, opening) in shape.rounds.iter().zip(&openings.input_openings) {
            let dimensions: Vec<Dimensions> = round.matrices.iter().map(dimensions).collect();
            let skipped = shape.index_bits() - round.log_height();
            let rows = opening.opened_values.clone();
            trees.push(Tree::restore(
                &mmcs,
                &dimensions,
                replay.shifted(skipped),
                rows,
                &opening.opening_proof,
            )?);
        }
        let fold_rows = fold_rows(shape, proof, replay, &trees)?;
        let mut log_height = shape.index_bits();
        for ((opening, rows), log_arity) in
            openings.commit_phase_openings.iter().zip(fold_rows).zip(&shape.log_arities)
        {
            log_height -= log_arity;
            let dimensions = [Dimensions { width: COORDINATES << log_arity, height: 1 << log_height }];
            let indices = replay.shifted(shape.index_bits() - log_height);
            trees.push(Tree::restore(&mmcs, &dimensions, indices, rows, &opening.opening_proof)?);
        }
        Ok(Self { trees })
    }

    /// Adds rows and paths of one query.
    fn push(&self, query: usize, inputs: &mut Inputs) -> Result<(), ProofError> {
        for tree in &self.trees {
            let (rows, path) = tree.rows.get(query).zip(tree.paths.get(query)).ok_or(ProofError::Shape)?;
            inputs.values.extend(rows.iter().flatten().map(|value| Challenge::from(*value)));
            inputs.digests.extend_from_slice(&path.siblings);
        }
        Ok(())
    }
}

impl Replay {
    /// Indices in a domain that is smaller by a power of two.
    fn shifted(&self, bits: usize) -> Vec<usize> {
        self.indices.iter().map(|index| index >> bits).collect()
    }
}

/// One commitment, opened at all queries.
struct Tree {
    /// Rows by query and matrix.
    rows: Vec<Vec<Vec<Val>>>,
    paths: Vec<MerkleAuthPath<Val, HALF>>,
}

impl Tree {
    /// Restores the full path of each query.
    fn restore(
        mmcs: &Mmcs,
        dimensions: &[Dimensions],
        indices: Vec<usize>,
        rows: Vec<Vec<Vec<Val>>>,
        proof: &PrunedMerklePaths<Val, HALF>,
    ) -> Result<Self, ProofError> {
        require(rows.len() == indices.len())?;
        for row in &rows {
            let widths = dimensions.iter().map(|dimensions| dimensions.width);
            require(row.iter().map(Vec::len).eq(widths))?;
        }
        let paths = mmcs
            .restore_and_recompute_paths(dimensions, &indices, &rows, proof)
            .map_err(|_| ProofError::Paths)?;
        Ok(Self { rows, paths })
    }
}

/// Rows of the low-degree test's commitments, by commitment and query: the proof has all values of a row but the one
/// that folding gives.
fn fold_rows(
    shape: &ChildShape,
    proof: &Proof,
    replay: &Replay,
    trees: &[Tree],
) -> Result<Vec<Vec<Vec<Vec<Val>>>>, ProofError> {
    let openings: &PcsProof<SegmentConfig> = &proof.opening_proof;
    require(openings.commit_phase_openings.len() == shape.log_arities.len())?;
    for opening in &openings.commit_phase_openings {
        require(opening.sibling_values.len() == replay.indices.len())?;
    }
    let terms = Reduction::new(shape, proof, replay)?;
    let mut rows: Vec<Vec<Vec<Vec<Val>>>> = shape.log_arities.iter().map(|_| Vec::new()).collect();
    for (query, index) in replay.indices.iter().enumerate() {
        let mut log_height = shape.index_bits();
        let mut index = *index;
        let mut folded = terms.reduced(trees, query, index, log_height);
        for (round, log_arity) in shape.log_arities.iter().enumerate() {
            let beta = *replay.folds.get(round).ok_or(ProofError::Shape)?;
            let siblings =
                openings.commit_phase_openings.get(round).and_then(|o| o.sibling_values.get(query));
            let mut values = siblings.ok_or(ProofError::Shape)?.clone();
            require(values.len() + 1 == 1 << log_arity)?;
            values.insert(index % (1 << log_arity), folded);
            index >>= log_arity;
            log_height -= log_arity;
            let folding = TwoAdicFriFolding::<(), ()>(PhantomData);
            folded = FriFoldingStrategy::<Val, Challenge>::fold_row(
                &folding,
                index,
                log_height,
                *log_arity,
                beta,
                values.iter().copied(),
            );
            folded += beta.exp_power_of_2(*log_arity) * terms.reduced(trees, query, index, log_height);
            let row = values.iter().flat_map(coordinates).copied().collect();
            rows.get_mut(round).ok_or(ProofError::Shape)?.push([row].into());
        }
    }
    Ok(rows)
}

/// How opened rows become values of the polynomials that are folded.
struct Reduction {
    points: Vec<ReducedPoint>,
}

/// One opening of one matrix.
struct ReducedPoint {
    tree: usize,
    matrix: usize,
    log_height: usize,
    point: Challenge,
    /// Powers of alpha of the columns.
    powers: Vec<Challenge>,
    /// The claimed values' sum with these powers.
    claim: Challenge,
}

impl Reduction {
    fn new(shape: &ChildShape, proof: &Proof, replay: &Replay) -> Result<Self, ProofError> {
        let mut points = Vec::new();
        // The power that the next column of each height has.
        let mut next_power = [Challenge::ONE; Val::TWO_ADICITY + 1];
        for (tree, round) in shape.rounds.iter().enumerate() {
            for (m, matrix) in round.matrices.iter().enumerate() {
                let log_trace = matrix.log_height - shape.parameters.log_blowup;
                let after = replay.zeta * Val::two_adic_generator(log_trace);
                let power = next_power.get_mut(matrix.log_height).ok_or(ProofError::Shape)?;
                for (values, point) in
                    claimed(proof, round.source, matrix)?.into_iter().zip([replay.zeta, after])
                {
                    let mut powers = Vec::with_capacity(values.len());
                    let mut claim = Challenge::ZERO;
                    for value in values {
                        claim += *power * *value;
                        powers.push(*power);
                        *power *= replay.alpha;
                    }
                    let log_height = matrix.log_height;
                    points.push(ReducedPoint { tree, matrix: m, log_height, point, powers, claim });
                }
            }
        }
        Ok(Self { points })
    }

    /// The sum of all quotients `(p(z) - p(x)) / (z - x)` of one height; zero where there are none.
    fn reduced(&self, trees: &[Tree], query: usize, index: usize, log_height: usize) -> Challenge {
        let exponent = reverse_bits_len(index, log_height) as u64;
        let x = Val::GENERATOR * Val::two_adic_generator(log_height).exp_u64(exponent);
        let mut sum = Challenge::ZERO;
        for point in self.points.iter().filter(|point| point.log_height == log_height) {
            let row = trees.get(point.tree).and_then(|tree| tree.rows.get(query)?.get(point.matrix));
            let row = row.into_iter().flatten();
            let combined: Challenge =
                point.powers.iter().zip(row).map(|(power, value)| *power * *value).sum();
            let denominator = point.point - x;
            sum += (point.claim - combined) * denominator.try_inverse().unwrap_or(Challenge::ZERO);
        }
        sum
    }
}

fn coordinates(value: &Challenge) -> &[Val] {
    value.as_basis_coefficients_slice()
}

fn require(condition: bool) -> Result<(), ProofError> {
    if condition { Ok(()) } else { Err(ProofError::Shape) }
}

fn dimensions(matrix: &Matrix) -> Dimensions {
    Dimensions { width: matrix.width, height: 1 << matrix.log_height }
}
