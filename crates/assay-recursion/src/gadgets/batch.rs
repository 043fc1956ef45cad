//! The proof as a whole: transcript and out-of-domain check.

use alloc::vec::Vec;
use core::array;

use assay_circuit::{Challenge, Val};
use p3_field::{BasedVectorSpace, Field, PrimeCharacteristicRing, TwoAdicField};

use super::constraints::Leaf;
use super::fri::{Opened, Points, Queries};
use super::merkle::Cap;
use super::shape::{Buses, ChildShape, Round, Source, Table};
use super::transcript::{LowBits, Transcript, low_bits};
use crate::air::COORDINATES;
use crate::{BuildError, CircuitBuilder, Wire};

/// A proof that the circuit verifies: the challenges that its transcript gives.
pub struct VerifiedChild {
    /// First challenges of the lookup argument: what denominators start with, and what combines messages.
    pub lookup: Option<[Wire; 2]>,
    /// Combines constraints.
    pub constraints: Wire,
    /// The out-of-domain point.
    pub zeta: Wire,
    /// Combines openings.
    pub openings: Wire,
    /// Folding challenges.
    pub folds: Vec<Wire>,
    /// Bits of each query's index, lowest first.
    pub indices: Vec<Vec<Wire>>,
}

/// Verifies a proof of a shape: nobody can satisfy the circuit unless the native verifier would accept the proof with
/// these public values, which are base wires, one list for each table; other numbers of them are refused when the circuit
/// is finished. The proof itself is external input; see [`push_proof`](super::push_proof).
pub fn verify_batch(
    builder: &mut CircuitBuilder,
    shape: &ChildShape,
    publics: &[Vec<Wire>],
) -> VerifiedChild {
    if !shape.publics().eq(publics.iter().map(Vec::len)) {
        builder.refuse(BuildError::ChildPublics);
    }
    let parameters = &shape.parameters;
    let mut transcript = Transcript::new(builder);

    // What is committed, and the challenges in between.
    transcript.observe_constants(builder, &shape.seeds.batch);
    for table in &shape.tables {
        let log_height: [Val; COORDINATES] =
            array::from_fn(|i| if i == 0 { Val::from_usize(table.log_height) } else { Val::ZERO });
        transcript.observe_constants(builder, &log_height);
    }
    let main = read_cap(builder, &mut transcript, shape, Source::Main);
    for values in publics {
        transcript.observe_all(builder, values);
    }
    let preprocessed = shape.preprocessed.as_ref().map(|digests| {
        let cap = Cap::constant(builder, digests);
        cap.observe(builder, &mut transcript);
        cap
    });
    let mut permutation = None;
    let mut lookup = None;
    let mut terminals = Vec::new();
    if shape.has_lookups() {
        check_work(builder, &mut transcript, parameters.lookup_work);
        lookup = Some([transcript.sample_extension(builder), transcript.sample_extension(builder)]);
        permutation = Some(read_cap(builder, &mut transcript, shape, Source::Permutation));
        for table in &shape.tables {
            terminals.push((table.lookups > 0).then(|| read_extension(builder, &mut transcript)));
        }
    }
    let alpha = transcript.sample_extension(builder);
    let quotient = read_cap(builder, &mut transcript, shape, Source::Quotient);
    check_work(builder, &mut transcript, parameters.point_work);
    let zeta = transcript.sample_extension(builder);

    // The values at zeta and after it.
    transcript.observe_constants(builder, &shape.seeds.openings);
    let mut caps = [(Source::Main, Some(main)), (Source::Quotient, Some(quotient))]
        .into_iter()
        .chain([(Source::Preprocessed, preprocessed), (Source::Permutation, permutation)])
        .filter_map(|(source, cap)| cap.map(|cap| (source, cap)));
    let mut openings = Vec::with_capacity(shape.rounds.len());
    for round in &shape.rounds {
        let values = read_openings(builder, &mut transcript, round);
        // Rounds are in this order.
        if let Some((source, cap)) = caps.next() {
            debug_assert!(source == round.source);
            openings.push(Opened { cap, values });
        }
    }
    check_work(builder, &mut transcript, parameters.batch_work);
    let batch_alpha = transcript.sample_extension(builder);

    // The low-degree test's own transcript.
    transcript.observe_constants(builder, &shape.seeds.low_degree);
    let mut log_height = shape.index_bits();
    let mut folds = Vec::with_capacity(shape.log_arities.len());
    for log_arity in &shape.log_arities {
        log_height -= log_arity;
        let cap = Cap::read(builder, shape.log_cap(log_height));
        cap.observe(builder, &mut transcript);
        check_work(builder, &mut transcript, parameters.commit_work);
        folds.push((cap, transcript.sample_extension(builder)));
    }
    let final_polynomial: Vec<Wire> = (0..1usize << parameters.log_final_length)
        .map(|_| read_extension(builder, &mut transcript))
        .collect();
    check_work(builder, &mut transcript, parameters.query_work);
    let indices: Vec<LowBits> = (0..parameters.queries)
        .map(|_| {
            let sample = transcript.sample(builder);
            low_bits(builder, sample, 0, shape.index_bits())
        })
        .collect();

    // All that is checked after the transcript.
    let powers = PointPowers::new(builder, shape, zeta);
    let next: Vec<Wire> = shape.tables.iter().map(|table| powers.next(builder, table.log_height)).collect();
    let pairs = lookup.map(|[start, combine]| BusChallenges::new(builder, &shape.buses, start, combine));
    for (i, table) in shape.tables.iter().enumerate() {
        let values = TableValues::new(shape, &openings, i);
        let challenges = pairs.as_ref().map_or_else(Vec::new, |pairs| pairs.of_table(&shape.buses, i));
        let environment = Environment {
            publics: publics.get(i).map_or(&[], Vec::as_slice),
            terminal: terminals.get(i).copied().flatten(),
            challenges: &challenges,
            powers: &powers,
            alpha,
        };
        check_constraints(builder, table, &values, &environment);
    }
    check_terminals(builder, &terminals);
    let challenges = folds.iter().map(|(_, beta)| *beta).collect();
    let points = Points { zeta, next: &next };
    let queries = Queries::new(builder, shape, &openings, batch_alpha, &points, folds, final_polynomial);
    for index in &indices {
        queries.verify(builder, index);
    }
    VerifiedChild {
        lookup,
        constraints: alpha,
        zeta,
        openings: batch_alpha,
        folds: challenges,
        indices: indices.into_iter().map(|index| index.bits).collect(),
    }
}

fn read_cap(
    builder: &mut CircuitBuilder,
    transcript: &mut Transcript,
    shape: &ChildShape,
    source: Source,
) -> Cap {
    let round = shape.rounds.iter().find(|round| round.source == source);
    let cap = Cap::read(builder, shape.log_cap(round.map_or(0, Round::log_height)));
    cap.observe(builder, transcript);
    cap
}

/// Proof of work with a witness from the proof; nothing where no work is asked for.
fn check_work(builder: &mut CircuitBuilder, transcript: &mut Transcript, bits: usize) {
    if bits > 0 {
        let witness = builder.input();
        // Reading it here makes it a wire that something writes.
        builder.pack(&[witness]);
        transcript.check_work(builder, bits, witness);
    }
}

/// An extension element from the proof, absorbed.
fn read_extension(builder: &mut CircuitBuilder, transcript: &mut Transcript) -> Wire {
    let coordinates: [Wire; COORDINATES] = array::from_fn(|_| builder.input());
    transcript.observe_all(builder, &coordinates);
    builder.pack(&coordinates)
}

/// Claimed values of one commitment, by matrix, point and column.
fn read_openings(
    builder: &mut CircuitBuilder,
    transcript: &mut Transcript,
    round: &Round,
) -> Vec<Vec<Vec<Wire>>> {
    let mut row = |width: usize| (0..width).map(|_| read_extension(builder, transcript)).collect();
    round.matrices.iter().map(|matrix| (0..matrix.points()).map(|_| row(matrix.width)).collect()).collect()
}

/// `zeta^(2^i)`, and what follows from zeta alone.
struct PointPowers {
    powers: Vec<Wire>,
    one: Wire,
}

impl PointPowers {
    /// Also checks that zeta is in no trace's domain and in no domain that is queried, so that nothing divides by zero.
    fn new(builder: &mut CircuitBuilder, shape: &ChildShape, zeta: Wire) -> Self {
        let one = builder.one();
        let mut powers = Vec::with_capacity(shape.index_bits() + 1);
        let mut power = zeta;
        powers.push(power);
        for _ in 0..shape.index_bits() {
            power = builder.mul(power, power);
            powers.push(power);
        }
        let all = Self { powers, one };
        // Shorter domains are subsets of longer ones. An inverse exists for what is not zero.
        let vanishing = all.vanishing(builder, shape.max_log_height(), Val::ONE);
        builder.divide(one, vanishing);
        // The native verifier compares zeta (and the point after it) with the queried points only; all of them are in
        // the generator's coset, and the point after zeta is in it exactly when zeta is.
        let scale = Val::GENERATOR.inverse().exp_power_of_2(shape.index_bits());
        let vanishing = all.vanishing(builder, shape.index_bits(), scale);
        builder.divide(one, vanishing);
        all
    }

    fn zeta(&self) -> Wire {
        self.powers.first().copied().unwrap_or(self.one)
    }

    /// The point after zeta in the domain of a trace.
    fn next(&self, builder: &mut CircuitBuilder, log_height: usize) -> Wire {
        let generator = builder.constant(Val::two_adic_generator(log_height));
        builder.mul(self.zeta(), generator)
    }

    /// `scale * zeta^(2^log_height) - 1`.
    fn vanishing(&self, builder: &mut CircuitBuilder, log_height: usize, scale: Val) -> Wire {
        let power = self.powers.get(log_height).copied().unwrap_or(self.one);
        let (scale, minus_one) = (builder.constant(scale), builder.constant(Val::NEG_ONE));
        builder.mul_add(power, scale, minus_one)
    }
}

/// What the lookups of each bus start their denominators with, and what combines a message.
struct BusChallenges {
    starts: Vec<Wire>,
    combine: Wire,
}

impl BusChallenges {
    /// Bus `i` starts with `start + (i + 1) * combine^width`.
    fn new(builder: &mut CircuitBuilder, buses: &Buses, start: Wire, combine: Wire) -> Self {
        let mut offset = combine;
        for _ in 1..buses.width {
            offset = builder.mul(offset, combine);
        }
        let mut start = start;
        let starts = (0..buses.count)
            .map(|_| {
                start = builder.add(start, offset);
                start
            })
            .collect();
        Self { starts, combine }
    }

    /// The challenges of a table's lookups, as its constraints number them.
    fn of_table(&self, buses: &Buses, table: usize) -> Vec<Wire> {
        let ids = buses.ids.get(table).into_iter().flatten();
        ids.flat_map(|bus| [self.starts.get(*bus).copied().unwrap_or(self.combine), self.combine]).collect()
    }
}

/// Claimed values of one table.
#[derive(Default)]
struct TableValues<'a> {
    main: [&'a [Wire]; 2],
    preprocessed: [&'a [Wire]; 2],
    /// Five base columns for each column of the lookup argument.
    permutation: [&'a [Wire]; 2],
    chunks: Vec<&'a [Wire]>,
}

impl<'a> TableValues<'a> {
    fn new(shape: &ChildShape, openings: &'a [Opened], table: usize) -> Self {
        let mut values = Self::default();
        for (round, opened) in shape.rounds.iter().zip(openings) {
            for (matrix, points) in round.matrices.iter().zip(&opened.values) {
                if matrix.table != table {
                    continue;
                }
                let row = |i: usize| points.get(i).map_or(&[] as &[Wire], Vec::as_slice);
                let rows = [row(0), row(1)];
                match round.source {
                    Source::Main => values.main = rows,
                    Source::Preprocessed => values.preprocessed = rows,
                    Source::Permutation => values.permutation = rows,
                    Source::Quotient => {
                        debug_assert!(matrix.chunk == values.chunks.len());
                        values.chunks.push(rows[0]);
                    }
                }
            }
        }
        values
    }
}

/// What else a table's constraints are about.
struct Environment<'a> {
    publics: &'a [Wire],
    terminal: Option<Wire>,
    challenges: &'a [Wire],
    powers: &'a PointPowers,
    alpha: Wire,
}

/// The constraints' sum at zeta is the quotient times the vanishing polynomial.
fn check_constraints(
    builder: &mut CircuitBuilder,
    table: &Table,
    values: &TableValues<'_>,
    environment: &Environment<'_>,
) {
    let powers = environment.powers;
    let vanishing = powers.vanishing(builder, table.log_height, Val::ONE);
    let zeta = powers.zeta();
    let last = Val::two_adic_generator(table.log_height).inverse();
    let [minus_one, minus_last] = [Val::ONE, last].map(|point| builder.constant(-point));
    let from_last = builder.add(zeta, minus_last);
    let [mut first_row, mut last_row] = [None; 2];
    let mut columns: [Vec<Option<Wire>>; 2] =
        array::from_fn(|_| alloc::vec![None; table.permutation_width()]);
    let zero = builder.zero();
    let folded = table.constraints.fold(builder, environment.alpha, |builder, leaf| {
        let column = |rows: &[&[Wire]; 2], next: bool, column: usize| {
            // Columns that aren't opened at the next row are zero there.
            rows.get(usize::from(next)).and_then(|row| row.get(column)).copied()
        };
        let wire = match leaf {
            Leaf::Main { next, column: i } => column(&values.main, next, i),
            Leaf::Preprocessed { next, column: i } => column(&values.preprocessed, next, i),
            Leaf::Permutation { next, column: i } => {
                let bases = values.permutation.get(usize::from(next));
                let bases = bases.and_then(|row| row.chunks_exact(COORDINATES).nth(i)).unwrap_or_default();
                columns
                    .get_mut(usize::from(next))
                    .and_then(|row| row.get_mut(i))
                    .map(|slot| *slot.get_or_insert_with(|| recompose(builder, bases)))
            }
            Leaf::Public(i) => environment.publics.get(i).copied(),
            Leaf::Challenge(i) => environment.challenges.get(i).copied(),
            Leaf::Terminal => environment.terminal,
            Leaf::Transition => Some(from_last),
            Leaf::FirstRow => Some(*first_row.get_or_insert_with(|| {
                let from_first = builder.add(zeta, minus_one);
                builder.divide(vanishing, from_first)
            })),
            Leaf::LastRow => Some(*last_row.get_or_insert_with(|| builder.divide(vanishing, from_last))),
        };
        wire.unwrap_or(zero)
    });
    let quotient = recompose_quotient(builder, table, values, powers);
    builder.assert_mul_add(quotient, vanishing, zero, folded);
}

/// The element whose coordinates are given as elements of the extension themselves: base polynomials at a point outside
/// the base field.
fn recompose(builder: &mut CircuitBuilder, coordinates: &[Wire]) -> Wire {
    let x = builder.constant_ext(Challenge::from_basis_coefficients_fn(|i| Val::from_bool(i == 1)));
    let mut coordinates = coordinates.iter().rev();
    let Some(highest) = coordinates.next() else { return builder.zero() };
    coordinates.fold(*highest, |sum, coordinate| builder.mul_add(sum, x, *coordinate))
}

fn recompose_quotient(
    builder: &mut CircuitBuilder,
    table: &Table,
    values: &TableValues<'_>,
    powers: &PointPowers,
) -> Wire {
    let quotient = &table.quotient;
    let vanishing: Vec<Wire> =
        quotient.shifts.iter().map(|shift| powers.vanishing(builder, table.log_height, *shift)).collect();
    let mut sum = None;
    for (i, (chunk, scale)) in values.chunks.iter().zip(&quotient.scales).enumerate() {
        let mut weight = builder.constant(*scale);
        for (_, other) in vanishing.iter().enumerate().filter(|(j, _)| *j != i) {
            weight = builder.mul(weight, *other);
        }
        let chunk = recompose(builder, chunk);
        sum = Some(match sum {
            None => builder.mul(weight, chunk),
            Some(sum) => builder.mul_add(weight, chunk, sum),
        });
    }
    sum.unwrap_or_else(|| builder.zero())
}

/// All lookups together balance.
fn check_terminals(builder: &mut CircuitBuilder, terminals: &[Option<Wire>]) {
    let mut terminals = terminals.iter().flatten();
    let Some(first) = terminals.next() else { return };
    let sum = terminals.fold(*first, |sum, terminal| builder.add(sum, *terminal));
    builder.assert_zero(sum);
}
