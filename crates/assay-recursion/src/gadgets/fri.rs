//! The low-degree test: queries, reduced openings, folding.

use alloc::vec;
use alloc::vec::Vec;

use assay_circuit::Val;
use p3_field::{Field, PrimeCharacteristicRing, TwoAdicField};
use p3_util::reverse_bits_len;

use super::merkle::{Cap, CapOffsets, Rows, verify_path};
use super::shape::{ChildShape, Round};
use super::transcript::{LowBits, number};
use crate::air::COORDINATES;
use crate::{Array, CircuitBuilder, Wire};

/// A commitment with what it is claimed to hold.
pub(super) struct Opened {
    pub(super) cap: Cap,
    /// Claimed values by matrix, point and column.
    pub(super) values: Vec<Vec<Vec<Wire>>>,
}

/// What queries share.
pub(super) struct Queries<'a> {
    shape: &'a ChildShape,
    openings: &'a [Opened],
    alpha: Wire,
    rounds: Vec<FoldRound>,
    final_polynomial: Vec<Wire>,
    heights: Vec<HeightPlan>,
    powers: Powers,
    minus_generator: Wire,
    half: Wire,
}

/// One commitment of the low-degree test.
struct FoldRound {
    cap: Cap,
    log_arity: usize,
    /// For each position in a group: a constant times the folding challenge over that position's root of unity.
    scaled: Array,
    /// The folding challenge to the number of values in a group.
    power: Wire,
}

/// How the reduced opening at one height is computed.
struct HeightPlan {
    log_height: usize,
    terms: Vec<Term>,
    /// Claimed side of the quotients at each point, and the point.
    claims: Vec<(Wire, Wire)>,
}

/// Adjacent matrices of one height that share their points.
struct Term {
    /// Commitment and matrix.
    matrices: Vec<(usize, usize)>,
    /// For each point, minus the power of alpha that the first column has.
    scales: Vec<Wire>,
}

/// Powers of the tallest domain's generator, by the two halves of an index whose bits are reversed.
struct Powers {
    halves: [Array; 2],
}

impl Powers {
    fn new(builder: &mut CircuitBuilder, index_bits: usize) -> Self {
        let generator = Val::two_adic_generator(index_bits);
        let lower = index_bits.div_ceil(2);
        let upper = index_bits - lower;
        let table = |bits: usize, shift: usize| -> Vec<Val> {
            (0..1usize << bits)
                .map(|i| generator.exp_u64((reverse_bits_len(i, bits) as u64) << shift))
                .collect()
        };
        // The reversed index has the lower half on top.
        let halves = [builder.constant_array(&table(lower, upper)), builder.constant_array(&table(upper, 0))];
        Self { halves }
    }

    /// The generator to the power of the reversed index.
    fn point(&self, builder: &mut CircuitBuilder, index: &LowBits) -> Wire {
        let [lower, upper] = self.halves;
        let lower = builder.select(lower, index.halves[0]);
        let upper = builder.select(upper, index.halves[1]);
        builder.mul(lower, upper)
    }
}

/// Square root of one half.
fn root_of_half() -> Val {
    // With an eighth root of unity w, (w + 1/w)^2 = w^2 + 2 + 1/w^2 = 2.
    let eighth = Val::two_adic_generator(3);
    (eighth + eighth.inverse()).inverse()
}

/// Constant by which the folding challenge is scaled, so that the last of the halvings takes one operation less where
/// that is possible: `2^arity`-th power one half.
fn fold_scale(log_arity: usize) -> Val {
    if log_arity == 2 { root_of_half() } else { Val::ONE.halve() }
}

impl FoldRound {
    fn new(builder: &mut CircuitBuilder, cap: Cap, log_arity: usize, beta: Wire) -> Self {
        let root = Val::two_adic_generator(log_arity);
        let scaled: Vec<Vec<Wire>> = (0..1usize << log_arity)
            .map(|j| {
                let power = root.exp_u64(reverse_bits_len(j, log_arity) as u64);
                let factor = builder.constant(fold_scale(log_arity) * power);
                let product = builder.mul(beta, factor);
                builder.unpack(product).to_vec()
            })
            .collect();
        let mut power = beta;
        for _ in 0..log_arity {
            power = builder.mul(power, power);
        }
        Self { cap, log_arity, scaled: builder.pack_array(&scaled), power }
    }
}

/// The challenge that combines openings, and points by height.
pub(super) struct Points<'a> {
    pub(super) zeta: Wire,
    /// The point after zeta in the domain of each table's trace.
    pub(super) next: &'a [Wire],
}

impl<'a> Queries<'a> {
    pub(super) fn new(
        builder: &mut CircuitBuilder,
        shape: &'a ChildShape,
        openings: &'a [Opened],
        alpha: Wire,
        points: &Points<'_>,
        folds: Vec<(Cap, Wire)>,
        final_polynomial: Vec<Wire>,
    ) -> Self {
        let rounds = folds
            .into_iter()
            .zip(&shape.log_arities)
            .map(|((cap, beta), log_arity)| FoldRound::new(builder, cap, *log_arity, beta))
            .collect();
        Self {
            shape,
            openings,
            alpha,
            rounds,
            final_polynomial,
            heights: height_plans(builder, shape, openings, alpha, points),
            powers: Powers::new(builder, shape.index_bits()),
            minus_generator: builder.constant(-Val::GENERATOR),
            half: builder.constant(Val::ONE.halve()),
        }
    }

    /// Checks one query.
    pub(super) fn verify(&self, builder: &mut CircuitBuilder, index: &LowBits) {
        let mut offsets = CapOffsets::new(&index.bits);
        let rows = self.open_inputs(builder, index, &mut offsets);
        let mut point = PointTower::new(self.powers.point(builder, index), self.shape.index_bits());
        let mut reduced = Vec::with_capacity(self.heights.len());
        for plan in &self.heights {
            let x = point.at(builder, plan.log_height);
            reduced.push((plan.log_height, self.reduce(builder, plan, &rows, x)));
        }
        self.fold(builder, index, &mut offsets, &mut point, &reduced);
    }

    /// Reads the rows of all commitments and checks their paths.
    fn open_inputs(
        &self,
        builder: &mut CircuitBuilder,
        index: &LowBits,
        offsets: &mut CapOffsets<'_>,
    ) -> Vec<Vec<Vec<Wire>>> {
        let mut all = Vec::with_capacity(self.openings.len());
        for (round, opened) in self.shape.rounds.iter().zip(self.openings) {
            let rows: Vec<Vec<Wire>> = round
                .matrices
                .iter()
                .map(|matrix| (0..matrix.width).map(|_| builder.input()).collect())
                .collect();
            let skipped = self.shape.index_bits() - round.log_height();
            let index = index.bits.get(skipped..).unwrap_or_default();
            verify_path(builder, &opened.cap, &by_height(round, &rows), index, offsets);
            all.push(rows);
        }
        all
    }

    /// The sum of all quotients `(p(z) - p(x)) / (z - x)` at one height, each one times its power of alpha.
    fn reduce(
        &self,
        builder: &mut CircuitBuilder,
        plan: &HeightPlan,
        rows: &[Vec<Vec<Wire>>],
        x: Wire,
    ) -> Wire {
        let mut numerators: Vec<Wire> = plan.claims.iter().map(|(claim, _)| *claim).collect();
        for term in &plan.terms {
            let mut values: Vec<Wire> = term
                .matrices
                .iter()
                .filter_map(|(round, matrix)| rows.get(*round)?.get(*matrix))
                .flatten()
                .copied()
                .collect();
            values.reverse();
            let combined = builder.horner(self.alpha, &values);
            for (numerator, scale) in numerators.iter_mut().zip(&term.scales) {
                *numerator = builder.mul_add(*scale, combined, *numerator);
            }
        }
        let mut sum = None;
        for (numerator, (_, point)) in numerators.into_iter().zip(&plan.claims) {
            let denominator = builder.mul_add(self.minus_generator, x, *point);
            let quotient = builder.divide(numerator, denominator);
            sum = Some(match sum {
                None => quotient,
                Some(sum) => builder.add(sum, quotient),
            });
        }
        sum.unwrap_or_else(|| builder.zero())
    }

    /// Folds down to the final polynomial.
    fn fold(
        &self,
        builder: &mut CircuitBuilder,
        index: &LowBits,
        offsets: &mut CapOffsets<'_>,
        point: &mut PointTower,
        reduced: &[(usize, Wire)],
    ) {
        let at = |log_height: usize| reduced.iter().find(|(height, _)| *height == log_height);
        let index_bits = self.shape.index_bits();
        let mut log_height = index_bits;
        let mut folded = at(log_height).map_or_else(|| builder.zero(), |(_, value)| *value);
        for round in &self.rounds {
            let bits = index.bits.get(index_bits - log_height..).unwrap_or_default();
            let (position, group) = bits.split_at(round.log_arity);
            let position = number(builder, position);
            let x = point.at(builder, log_height);
            log_height -= round.log_arity;
            let row: Vec<Vec<Wire>> = (0..1usize << round.log_arity)
                .map(|_| (0..COORDINATES).map(|_| builder.input()).collect())
                .collect();
            let leaf = Rows { log_height, values: row.iter().flatten().copied().collect() };
            verify_path(builder, &round.cap, &[leaf], group, offsets);
            let values = builder.pack_array(&row);
            builder.assert_selected(values, position, folded);
            // The group's points are x times roots of unity; `scaled` knows by which one x is ahead of the first.
            let scaled = builder.select(round.scaled, position);
            let ratio = builder.divide(scaled, x);
            folded = self.interpolate(builder, round.log_arity, values, ratio);
            if let Some((_, value)) = at(log_height) {
                folded = builder.mul_add(round.power, *value, folded);
            }
        }
        let x = point.at(builder, log_height);
        self.evaluate_final(builder, x, folded);
    }

    /// The value at the folding challenge of the polynomial with these values at the group's points, in bit-reversed
    /// order; `ratio` is the challenge over the first point, times [`fold_scale`].
    ///
    /// Values at `s` and `-s` make one at `s^2`: `(a + b) / 2 + (a - b) * beta / 2s`, which is `p * (a - b) + b` with
    /// `p = 1/2 + beta / 2s`.
    fn interpolate(
        &self,
        builder: &mut CircuitBuilder,
        log_arity: usize,
        values: Array,
        ratio: Wire,
    ) -> Wire {
        let mut values: Vec<Wire> = (0..values.len()).map(|i| builder.element(values, i)).collect();
        let mut ratio = ratio;
        let mut scale = fold_scale(log_arity);
        for level in 0..log_arity {
            let log_pairs = log_arity - level - 1;
            let root = Val::two_adic_generator(log_pairs + 1).inverse();
            let to_half = (scale.double()).inverse();
            let mut folded = Vec::with_capacity(values.len() / 2);
            for (j, pair) in values.chunks_exact(2).enumerate() {
                let &[a, b] = pair else { continue };
                let factor = root.exp_u64(reverse_bits_len(j, log_pairs) as u64) * to_half;
                let p = self.weight(builder, factor, ratio);
                let difference = builder.sub(a, b);
                folded.push(builder.mul_add(p, difference, b));
            }
            values = folded;
            // The last but one level's ratio is squared where it is used, if its scale lets it.
            if log_pairs > 1 || (log_pairs == 1 && !squares_to_half(scale)) {
                ratio = builder.mul(ratio, ratio);
                scale = scale.square();
            } else if log_pairs == 1
                && let [a, b] = values[..]
            {
                let p = builder.mul_add(ratio, ratio, self.half);
                let difference = builder.sub(a, b);
                return builder.mul_add(p, difference, b);
            }
        }
        values.first().copied().unwrap_or_else(|| builder.zero())
    }

    /// `1/2 + factor * ratio`.
    fn weight(&self, builder: &mut CircuitBuilder, factor: Val, ratio: Wire) -> Wire {
        let factor = builder.constant(factor);
        builder.mul_add(factor, ratio, self.half)
    }

    /// The final polynomial at `x` is `value`.
    fn evaluate_final(&self, builder: &mut CircuitBuilder, x: Wire, value: Wire) {
        let Some((first, rest)) = self.final_polynomial.split_first() else { return };
        let mut rest = rest.iter().rev();
        let Some(highest) = rest.next() else {
            builder.assert_equal(*first, value);
            return;
        };
        let sum = rest.fold(*highest, |sum, coefficient| builder.mul_add(sum, x, *coefficient));
        builder.assert_mul_add(sum, x, *first, value);
    }
}

fn squares_to_half(scale: Val) -> bool {
    scale.square() == Val::ONE.halve()
}

/// Powers of a point: the point of a shorter domain is a power of two of the tallest one's.
struct PointTower {
    index_bits: usize,
    points: Vec<Wire>,
}

impl PointTower {
    fn new(point: Wire, index_bits: usize) -> Self {
        Self { index_bits, points: vec![point] }
    }

    /// The query's point in the domain of this size.
    fn at(&mut self, builder: &mut CircuitBuilder, log_height: usize) -> Wire {
        let squarings = self.index_bits.saturating_sub(log_height);
        let mut point = self.points.last().copied().unwrap_or_else(|| builder.one());
        while self.points.len() <= squarings {
            point = builder.mul(point, point);
            self.points.push(point);
        }
        self.points.get(squarings).copied().unwrap_or(point)
    }
}

/// Rows of one commitment, tallest first, rows of one height in the order of the matrices.
fn by_height(round: &Round, rows: &[Vec<Wire>]) -> Vec<Rows> {
    let mut heights: Vec<usize> = round.matrices.iter().map(|matrix| matrix.log_height).collect();
    heights.sort_unstable_by(|a, b| b.cmp(a));
    heights.dedup();
    heights
        .into_iter()
        .map(|log_height| {
            let of_height =
                round.matrices.iter().zip(rows).filter(|(matrix, _)| matrix.log_height == log_height);
            Rows { log_height, values: of_height.flat_map(|(_, row)| row).copied().collect() }
        })
        .collect()
}

/// Lays out the powers of alpha: at each height they go through commitments, matrices, points and columns.
fn height_plans(
    builder: &mut CircuitBuilder,
    shape: &ChildShape,
    openings: &[Opened],
    alpha: Wire,
    points: &Points<'_>,
) -> Vec<HeightPlan> {
    let mut heights: Vec<usize> =
        shape.rounds.iter().flat_map(|round| round.matrices.iter().map(|matrix| matrix.log_height)).collect();
    heights.sort_unstable_by(|a, b| b.cmp(a));
    heights.dedup();
    let mut alphas = AlphaPowers { alpha, powers: vec![builder.one(), alpha] };
    heights
        .into_iter()
        .map(|log_height| height_plan(builder, shape, openings, &mut alphas, points, log_height))
        .collect()
}

fn height_plan(
    builder: &mut CircuitBuilder,
    shape: &ChildShape,
    openings: &[Opened],
    alphas: &mut AlphaPowers,
    points: &Points<'_>,
    log_height: usize,
) -> HeightPlan {
    let minus_one = builder.constant(Val::NEG_ONE);
    // The next point is the same for all tables of one height.
    let mut next = None;
    let mut sums: [Option<Wire>; 2] = [None; 2];
    let mut terms: Vec<Term> = Vec::new();
    let mut joins = false;
    // The power of alpha that the next column has.
    let mut power = builder.one();
    for (r, (round, opened)) in shape.rounds.iter().zip(openings).enumerate() {
        for (m, (matrix, claimed)) in round.matrices.iter().zip(&opened.values).enumerate() {
            if matrix.log_height != log_height {
                continue;
            }
            if matrix.next {
                next = points.next.get(matrix.table).copied();
            }
            let starts_term = !joins || matrix.next;
            joins = !matrix.next;
            if starts_term {
                terms.push(Term { matrices: Vec::new(), scales: Vec::new() });
            }
            for (values, sum) in claimed.iter().zip(&mut sums) {
                let combined = alphas.combine(builder, values);
                *sum = Some(match *sum {
                    None => builder.mul(combined, power),
                    Some(sum) => builder.mul_add(combined, power, sum),
                });
                if starts_term && let Some(term) = terms.last_mut() {
                    term.scales.push(builder.mul(power, minus_one));
                }
                let step = alphas.power(builder, values.len());
                power = builder.mul(power, step);
            }
            if let Some(term) = terms.last_mut() {
                term.matrices.push((r, m));
            }
        }
    }
    let claims =
        sums.into_iter().zip([Some(points.zeta), next]).filter_map(|(sum, point)| sum.zip(point)).collect();
    HeightPlan { log_height, terms, claims }
}

/// Powers of alpha, as far as they were needed.
struct AlphaPowers {
    alpha: Wire,
    powers: Vec<Wire>,
}

impl AlphaPowers {
    /// `alpha^exponent`.
    fn power(&mut self, builder: &mut CircuitBuilder, exponent: usize) -> Wire {
        let mut last = self.powers.last().copied().unwrap_or(self.alpha);
        while self.powers.len() <= exponent {
            last = builder.mul(last, self.alpha);
            self.powers.push(last);
        }
        self.powers.get(exponent).copied().unwrap_or(last)
    }

    /// The sum of `alpha^i` times value `i`.
    fn combine(&self, builder: &mut CircuitBuilder, values: &[Wire]) -> Wire {
        let mut values = values.iter().rev();
        let Some(last) = values.next() else { return builder.zero() };
        values.fold(*last, |sum, value| builder.mul_add(sum, self.alpha, *value))
    }
}
