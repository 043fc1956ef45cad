//! What a circuit knows of a proof before it sees one.

use alloc::vec;
use alloc::vec::Vec;

use assay_circuit::{Challenge, ProofParameters, SegmentConfig, Val};
use hashbrown::HashMap;
use p3_air::Air;
use p3_air::symbolic::AirLayout;
use p3_batch_stark::symbolic::get_log_num_quotient_chunks_for_domain;
use p3_batch_stark::{BatchShape, CommonData};
use p3_challenger::CanObserve;
use p3_challenger::fs::{DomainSeparator, FieldUnit};
use p3_commit::PolynomialSpace;
use p3_field::coset::TwoAdicMultiplicativeCoset;
use p3_field::{BasedVectorSpace, Field, PrimeCharacteristicRing, PrimeField64, TwoAdicField};
use p3_fri::{FriShape, PcsShape, fold_schedule};
use p3_lookup::logup::LogUpGadget;
use p3_lookup::{InteractionSymbolicBuilder, Kind, Lookup, check_multiplicity_height_bound};

use super::constraints::{Constraints, Leaf};
use crate::air::{COORDINATES, HALF};

/// Most bits of a query index: as many as `p - 1` has zeros at its end, which the check that a sample's bits are those
/// of a number below `p` relies on.
pub(super) const MAX_INDEX_BITS: usize = 24;

/// Everything about a proof that is the same for all proofs of its circuit: constants of the circuit that verifies it.
pub struct ChildShape {
    pub(super) parameters: ProofParameters,
    pub(super) tables: Vec<Table>,
    /// The commitment to preprocessed columns.
    pub(super) preprocessed: Option<Vec<[Val; HALF]>>,
    /// Commitments in the order in which they are opened.
    pub(super) rounds: Vec<Round>,
    /// Log2 of the number of folded together values, by commitment of the low-degree test.
    pub(super) log_arities: Vec<usize>,
    pub(super) buses: Buses,
    pub(super) seeds: Seeds,
}

/// One table of the proof.
pub(super) struct Table {
    pub(super) log_height: usize,
    pub(super) width: usize,
    pub(super) publics: usize,
    pub(super) preprocessed_width: usize,
    /// Whether columns are opened at the next row as well.
    pub(super) next: bool,
    pub(super) preprocessed_next: bool,
    /// Lookup columns; the lookup argument has one column more.
    pub(super) lookups: usize,
    pub(super) quotient: Quotient,
    pub(super) constraints: Constraints,
}

impl Table {
    /// Columns of the lookup argument, in extension elements.
    pub(super) const fn permutation_width(&self) -> usize {
        if self.lookups == 0 { 0 } else { self.lookups + 1 }
    }
}

/// How a quotient is put together from its chunks: chunk `i` times `scale[i]` times the vanishing polynomials of the
/// other chunks' domains, which are `shift[j] * zeta^n - 1`.
pub(super) struct Quotient {
    pub(super) shifts: Vec<Val>,
    pub(super) scales: Vec<Val>,
}

/// What is committed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Main,
    Quotient,
    Preprocessed,
    Permutation,
}

/// One commitment.
pub(super) struct Round {
    pub(super) source: Source,
    pub(super) matrices: Vec<Matrix>,
}

impl Round {
    /// Log2 of the tallest matrix's height.
    pub(super) fn log_height(&self) -> usize {
        self.matrices.iter().map(|matrix| matrix.log_height).max().unwrap_or(0)
    }
}

/// One committed matrix.
pub(super) struct Matrix {
    pub(super) table: usize,
    /// Chunk of a quotient.
    pub(super) chunk: usize,
    /// Log2 of the number of committed rows, blowup included.
    pub(super) log_height: usize,
    pub(super) width: usize,
    /// Whether it is opened at the next row as well.
    pub(super) next: bool,
}

impl Matrix {
    /// Points at which it is opened.
    pub(super) const fn points(&self) -> usize {
        1 + self.next as usize
    }
}

/// Buses of the lookup argument: every bus has an offset to the challenge that denominators start with.
pub(super) struct Buses {
    /// Bus of each lookup of each table.
    pub(super) ids: Vec<Vec<usize>>,
    pub(super) count: usize,
    /// Longest message.
    pub(super) width: usize,
}

/// What the three transcripts absorb first.
pub(super) struct Seeds {
    pub(super) batch: Vec<Val>,
    pub(super) openings: Vec<Val>,
    pub(super) low_degree: Vec<Val>,
}

impl ChildShape {
    /// The shape of proofs for these tables at these heights (log2 of trace rows).
    pub fn new<A>(
        parameters: &ProofParameters,
        airs: &[A],
        common: &CommonData<SegmentConfig>,
        log_heights: &[usize],
    ) -> Result<Self, ShapeError>
    where
        A: Air<InteractionSymbolicBuilder<Val, Challenge>>,
    {
        if airs.len() != log_heights.len() || airs.len() != common.lookups.len() {
            return Err(ShapeError::Tables);
        }
        let works = [
            parameters.lookup_work,
            parameters.point_work,
            parameters.batch_work,
            parameters.commit_work,
            parameters.query_work,
        ];
        if works.into_iter().any(|work| work > MAX_INDEX_BITS) {
            return Err(ShapeError::Heights);
        }
        let lookups: Vec<&[Lookup<Val>]> = common.lookups.iter().map(|lookups| &lookups[..]).collect();
        let mut tables = Vec::with_capacity(airs.len());
        for (i, (air, log_height)) in airs.iter().zip(log_heights).enumerate() {
            let preprocessed = common.preprocessed.as_ref().and_then(|all| all.instances.get(i)?.as_ref());
            if preprocessed.is_some_and(|columns| columns.degree_bits != *log_height) {
                return Err(ShapeError::Tables);
            }
            let width = preprocessed.map_or(0, |columns| columns.width);
            let lookups = lookups.get(i).copied().unwrap_or_default();
            tables.push(Table::new(parameters, air, *log_height, width, lookups)?);
        }
        let heights: Vec<usize> = log_heights.iter().map(|log_height| 1 << log_height).collect();
        check_multiplicity_height_bound(&common.lookups, &heights).map_err(|_| ShapeError::Tables)?;
        let preprocessed = common.preprocessed.as_ref().map(|all| all.commitment.roots().to_vec());
        let order = common.preprocessed.as_ref().map(|all| all.matrix_to_instance.as_slice());
        let rounds = rounds(parameters, &tables, order)?;
        let log_arities = log_arities(parameters, &rounds)?;
        let seeds = Seeds::new(parameters, &tables, preprocessed.is_some(), &rounds, &log_arities);
        let buses = Buses::new(&lookups);
        let shape = Self { parameters: *parameters, tables, preprocessed, rounds, log_arities, buses, seeds };
        let log_cap = shape.log_cap(log_heights.iter().max().unwrap_or(&0) + parameters.log_blowup);
        if shape.preprocessed.as_ref().is_some_and(|cap| cap.len() != 1 << log_cap) {
            return Err(ShapeError::Commitment);
        }
        Ok(shape)
    }

    /// Number of public values of each table.
    pub fn publics(&self) -> impl Iterator<Item = usize> + '_ {
        self.tables.iter().map(|table| table.publics)
    }

    /// Log2 of the tallest committed matrix's height: bits of a query index.
    pub(super) fn index_bits(&self) -> usize {
        self.rounds.iter().map(Round::log_height).max().unwrap_or(0)
    }

    /// Levels of a tree with `2^log_height` leaves that are sent whole.
    pub(super) const fn log_cap(&self, log_height: usize) -> usize {
        if self.parameters.cap_height < log_height { self.parameters.cap_height } else { log_height }
    }

    /// Whether there is a lookup argument.
    pub(super) fn has_lookups(&self) -> bool {
        self.tables.iter().any(|table| table.lookups > 0)
    }

    /// Log2 of the tallest trace.
    pub(super) fn max_log_height(&self) -> usize {
        self.tables.iter().map(|table| table.log_height).max().unwrap_or(0)
    }
}

impl Table {
    fn new<A>(
        parameters: &ProofParameters,
        air: &A,
        log_height: usize,
        preprocessed_width: usize,
        lookups: &[Lookup<Val>],
    ) -> Result<Self, ShapeError>
    where
        A: Air<InteractionSymbolicBuilder<Val, Challenge>>,
    {
        if air.num_periodic_columns() > 0 {
            return Err(ShapeError::PeriodicColumns);
        }
        if !air.public_boundary_io().is_empty() {
            return Err(ShapeError::Tables);
        }
        let layout = AirLayout {
            preprocessed_width,
            main_width: air.width(),
            num_public_values: air.num_public_values(),
            ..Default::default()
        };
        let domain = domain(log_height).ok_or(ShapeError::Heights)?;
        let log_chunks = get_log_num_quotient_chunks_for_domain::<Val, Challenge, A, _>(
            air,
            layout,
            domain,
            lookups,
            0,
            &LogUpGadget::new(),
        );
        if log_chunks > parameters.log_blowup {
            return Err(ShapeError::Heights);
        }
        let table = Self {
            log_height,
            width: air.width(),
            publics: air.num_public_values(),
            preprocessed_width,
            next: !air.main_next_row_columns().is_empty(),
            preprocessed_next: preprocessed_width > 0 && !air.preprocessed_next_row_columns().is_empty(),
            lookups: lookups.len(),
            quotient: Quotient::new(&domain, log_height, log_chunks).ok_or(ShapeError::Heights)?,
            constraints: Constraints::new(air, layout, lookups)?,
        };
        if table.constraints.leaves().all(|leaf| table.has(leaf)) {
            Ok(table)
        } else {
            Err(ShapeError::Constraints)
        }
    }

    /// Whether there is such a value.
    const fn has(&self, leaf: Leaf) -> bool {
        match leaf {
            Leaf::Main { column, .. } => column < self.width,
            Leaf::Preprocessed { column, .. } => column < self.preprocessed_width,
            Leaf::Permutation { column, .. } => column < self.permutation_width(),
            Leaf::Public(i) => i < self.publics,
            Leaf::Challenge(i) => i < 2 * self.lookups,
            Leaf::Terminal => self.lookups > 0,
            Leaf::FirstRow | Leaf::LastRow | Leaf::Transition => true,
        }
    }
}

/// Domain of a trace.
fn domain(log_height: usize) -> Option<TwoAdicMultiplicativeCoset<Val>> {
    TwoAdicMultiplicativeCoset::new(Val::ONE, log_height)
}

impl Quotient {
    fn new(trace: &TwoAdicMultiplicativeCoset<Val>, log_height: usize, log_chunks: usize) -> Option<Self> {
        let domains =
            trace.try_create_disjoint_domain(1 << (log_height + log_chunks))?.split_domains(1 << log_chunks);
        let shifts = domains.iter().map(|domain| domain.shift_inverse().exp_power_of_2(log_height)).collect();
        let scales = domains
            .iter()
            .enumerate()
            .map(|(i, domain)| {
                let others = domains.iter().enumerate().filter(|(j, _)| *j != i);
                others.map(|(_, other)| other.vanishing_poly_at_point(domain.first_point())).product::<Val>()
            })
            .map(|product| product.try_inverse())
            .collect::<Option<Vec<_>>>()?;
        Some(Self { shifts, scales })
    }
}

/// The commitments, in the order in which the native verifier opens them.
fn rounds(
    parameters: &ProofParameters,
    tables: &[Table],
    preprocessed: Option<&[usize]>,
) -> Result<Vec<Round>, ShapeError> {
    let matrix = |table: usize, chunk: usize, width: usize, next: bool| {
        let log_height = tables.get(table).map_or(0, |table| table.log_height) + parameters.log_blowup;
        Matrix { table, chunk, log_height, width, next }
    };
    let all = || tables.iter().enumerate();
    let main = all().map(|(i, table)| matrix(i, 0, table.width, table.next)).collect();
    let quotient = all()
        .flat_map(|(i, table)| (0..table.quotient.shifts.len()).map(move |chunk| (i, chunk)))
        .map(|(i, chunk)| matrix(i, chunk, COORDINATES, false))
        .collect();
    let mut rounds = vec![
        Round { source: Source::Main, matrices: main },
        Round { source: Source::Quotient, matrices: quotient },
    ];
    if let Some(order) = preprocessed {
        let matrices = order
            .iter()
            .map(|i| {
                let table = tables.get(*i).filter(|table| table.preprocessed_width > 0)?;
                Some(matrix(*i, 0, table.preprocessed_width, table.preprocessed_next))
            })
            .collect::<Option<Vec<_>>>()
            .ok_or(ShapeError::Tables)?;
        rounds.push(Round { source: Source::Preprocessed, matrices });
    }
    if tables.iter().any(|table| table.lookups > 0) {
        let matrices = all()
            .filter(|(_, table)| table.lookups > 0)
            .map(|(i, table)| matrix(i, 0, COORDINATES * table.permutation_width(), true))
            .collect();
        rounds.push(Round { source: Source::Permutation, matrices });
    }
    // A matrix shorter than the cap would be hashed into no path, and a path needs a leaf.
    for round in &rounds {
        let log_cap = parameters.cap_height.min(round.log_height());
        if round.matrices.iter().any(|matrix| matrix.log_height < log_cap || matrix.width == 0) {
            return Err(ShapeError::Heights);
        }
    }
    Ok(rounds)
}

/// How the low-degree test folds.
fn log_arities(parameters: &ProofParameters, rounds: &[Round]) -> Result<Vec<usize>, ShapeError> {
    let mut heights: Vec<usize> =
        rounds.iter().flat_map(|round| round.matrices.iter().map(|matrix| matrix.log_height)).collect();
    heights.sort_unstable_by(|a, b| b.cmp(a));
    heights.dedup();
    let last = parameters.log_blowup + parameters.log_final_length;
    let (Some(tallest), Some(shortest)) = (heights.first(), heights.last()) else {
        return Err(ShapeError::Heights);
    };
    let folds = parameters.log_blowup > 0 && parameters.log_arity > 0 && parameters.queries > 0;
    if *tallest > MAX_INDEX_BITS.min(Val::TWO_ADICITY) || *shortest <= last || !folds {
        return Err(ShapeError::Heights);
    }
    Ok(fold_schedule(&heights, last, parameters.log_arity))
}

impl Buses {
    /// Numbers buses as the native verifier does: in the order in which lookups name them, a local lookup has its own.
    fn new(lookups: &[&[Lookup<Val>]]) -> Self {
        let mut named: HashMap<&str, usize> = HashMap::new();
        let mut count = 0;
        let mut next = || {
            count += 1;
            count - 1
        };
        let ids = lookups
            .iter()
            .map(|lookups| {
                lookups
                    .iter()
                    .map(|lookup| match &lookup.kind {
                        Kind::Global(name) => *named.entry(name).or_insert_with(&mut next),
                        Kind::Local => next(),
                    })
                    .collect()
            })
            .collect();
        let tuples = lookups.iter().flat_map(|lookups| lookups.iter()).flat_map(|lookup| &lookup.elements);
        let width = tuples.map(Vec::len).max().unwrap_or(1).max(1);
        Self { ids, count, width }
    }
}

/// Writes down what a transcript absorbs.
struct Recorder(Vec<Val>);

impl CanObserve<Val> for Recorder {
    fn observe(&mut self, value: Val) {
        self.0.push(value);
    }
}

fn recorded(separator: &DomainSeparator<FieldUnit<Val>>) -> Vec<Val> {
    let mut recorder = Recorder(Vec::new());
    separator.seed(&mut recorder);
    recorder.0
}

impl Seeds {
    fn new(
        parameters: &ProofParameters,
        tables: &[Table],
        has_preprocessed_commitment: bool,
        rounds: &[Round],
        log_arities: &[usize],
    ) -> Self {
        let batch = batch_shape(parameters, tables, has_preprocessed_commitment);
        let counts = |matrix: &Matrix| vec![matrix.width; matrix.points()];
        let openings = PcsShape {
            claimed_evaluation_counts: rounds
                .iter()
                .map(|round| round.matrices.iter().map(counts).collect())
                .collect(),
            batch_pow_bits: parameters.batch_work,
        };
        let index_bits = rounds.iter().map(Round::log_height).max().unwrap_or(0);
        let low_degree = FriShape {
            log_arities: log_arities.to_vec(),
            final_poly_len: 1 << parameters.log_final_length,
            commit_pow_bits: parameters.commit_work,
            query_pow_bits: parameters.query_work,
            num_queries: parameters.queries,
            index_bits,
            log_blowup: parameters.log_blowup,
            max_log_arity: parameters.log_arity,
        };
        Self {
            batch: recorded(&batch.domain_separator::<Val, Challenge>()),
            openings: recorded(&openings.domain_separator::<Val, Challenge>()),
            low_degree: recorded(&low_degree.domain_separator::<Val, Challenge>()),
        }
    }
}

fn batch_shape(parameters: &ProofParameters, tables: &[Table], preprocessed: bool) -> BatchShape {
    BatchShape {
        trace_widths: tables.iter().map(|table| table.width).collect(),
        public_value_counts: tables.iter().map(|table| table.publics).collect(),
        preprocessed_widths: tables.iter().map(|table| table.preprocessed_width).collect(),
        has_preprocessed_commitment: preprocessed,
        num_lookup_instances: tables.iter().filter(|table| table.lookups > 0).count(),
        lookup_pow_bits: parameters.lookup_work,
        has_randomization_commitment: false,
        ood_pow_bits: parameters.point_work,
    }
}

/// Why proofs of a circuit can't be verified in a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// Tables, heights and lookups that don't belong together.
    #[error("tables, heights and lookups do not belong together")]
    Tables,
    /// Periodic columns, which no table here has.
    #[error("periodic columns are not supported")]
    PeriodicColumns,
    /// Heights or parameters that the native verifier refuses, or that need a query index of more than 24 bits.
    #[error("the heights or parameters cannot be verified in a circuit")]
    Heights,
    /// A commitment that doesn't have one digest for each subtree below the cap.
    #[error("the commitment to preprocessed columns has another size than the parameters say")]
    Commitment,
    /// Constraints about values that the tables don't have.
    #[error("the constraints of a table are malformed")]
    Constraints,
}

// The extension is the one that wires hold.
const _: () = assert!(<Challenge as BasedVectorSpace<Val>>::DIMENSION == COORDINATES);
// A number below `p` has as many zeros at its end as the largest one only if it is that one or smaller above them.
const _: () = assert!((Val::ORDER_U64 - 1).trailing_zeros() as usize == MAX_INDEX_BITS);
