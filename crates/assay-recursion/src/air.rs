//! The recursion table: one row holds a permutation, a Horner step, arithmetic, a constant, a select and a range check.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::array;

use p3_air::{Air, AirBuilder, BaseAir, WindowAccess};
use p3_field::PrimeCharacteristicRing;
use p3_lookup::{Count, InteractionBuilder};
use p3_matrix::dense::RowMajorMatrix;
use p3_uni_stark::SubAirBuilder;

use assay_circuit::{Permutation, Val, round_constants};

use crate::Constraint as C;
use crate::columns::{LANES, fixed, main};
use crate::constraint::{All, Keeps};

/// Bus of the wires: five coordinates, last first, and the index.
pub(crate) const WIRE_BUS: &str = "wire";

/// Bus of the range checks: one number.
pub(crate) const RANGE_BUS: &str = "range";

/// Public values of a circuit: one digest.
pub const PUBLICS: usize = 8;

/// Coordinates of a wire.
pub(crate) const COORDINATES: usize = 5;

/// Elements of one half of the permutation's state.
pub(crate) const HALF: usize = 8;

/// The recursion table of one circuit.
///
/// A verifier, which knows the commitment to the preprocessed columns, needs no [`preprocessed`](Self::preprocessed).
#[derive(Clone)]
pub struct RecursionAir<K = All> {
    permutation: Permutation,
    preprocessed: Option<Arc<RowMajorMatrix<Val>>>,
    keeps: K,
}

impl<K: Keeps> RecursionAir<K> {
    /// The table with its preprocessed columns, for a prover.
    pub fn new(keeps: K, preprocessed: Arc<RowMajorMatrix<Val>>) -> Self {
        Self { permutation: Permutation::new(round_constants()), preprocessed: Some(preprocessed), keeps }
    }

    /// The table's constraints alone, for a verifier.
    pub fn constraints(keeps: K) -> Self {
        Self { permutation: Permutation::new(round_constants()), preprocessed: None, keeps }
    }

    /// The preprocessed columns, if they are there.
    pub fn preprocessed(&self) -> Option<&Arc<RowMajorMatrix<Val>>> {
        self.preprocessed.as_ref()
    }
}

impl<K: Keeps> BaseAir<Val> for RecursionAir<K> {
    fn width(&self) -> usize {
        main::WIDTH
    }

    fn preprocessed_trace(&self) -> Option<RowMajorMatrix<Val>> {
        self.preprocessed.as_ref().map(|matrix| matrix.as_ref().clone())
    }

    fn preprocessed_width(&self) -> usize {
        fixed::WIDTH
    }

    fn num_public_values(&self) -> usize {
        PUBLICS
    }

    fn max_constraint_degree(&self) -> Option<usize> {
        Some(3)
    }
}

impl<AB: InteractionBuilder<F = Val>, K: Keeps> Air<AB> for RecursionAir<K> {
    fn eval(&self, builder: &mut AB) {
        if self.keeps.keeps(C::PermutationRounds) {
            let mut permutation =
                SubAirBuilder::<AB, Permutation, AB::Var>::new(builder, 0..main::PERMUTATION);
            self.permutation.eval(&mut permutation);
        }
        let main = builder.main();
        let fixed = builder.preprocessed().clone();
        let row = Row::<AB> { main: main.current_slice(), fixed: fixed.current_slice() };
        let next = Row::<AB> { main: main.next_slice(), fixed: fixed.next_slice() };
        self.permutation_inputs(builder, &row, &next);
        self.publics(builder, &row);
        self.horner(builder, &row, &next);
        self.arithmetic(builder, &row);
        self.wires(builder, &row);
        self.ranges(builder, &row);
    }
}

/// One row: main and preprocessed values.
struct Row<'a, AB: AirBuilder> {
    main: &'a [AB::Var],
    fixed: &'a [AB::Var],
}

impl<AB: AirBuilder<F = Val>> Row<'_, AB> {
    /// Five coordinates from a main column on.
    fn wire(&self, column: usize) -> Extension<AB::Expr> {
        Extension(array::from_fn(|i| self.main[column + i].into()))
    }

    fn input(&self, i: usize) -> AB::Var {
        self.main[i]
    }

    fn output(&self, i: usize) -> AB::Var {
        self.main[main::OUTPUT + i]
    }
}

/// An element of the quintic extension by its coordinates.
#[derive(Clone)]
struct Extension<E>([E; COORDINATES]);

impl<E: PrimeCharacteristicRing> Extension<E> {
    /// A base element.
    fn base(value: E) -> Self {
        Self(array::from_fn(|i| if i == 0 { value.clone() } else { E::ZERO }))
    }

    fn add(&self, other: &Self) -> Self {
        Self(array::from_fn(|i| self.0[i].clone() + other.0[i].clone()))
    }

    /// Product modulo `X^5 + X^2 - 1`: `X^5 = 1 - X^2`, `X^6 = X - X^3`, `X^7 = X^2 - X^4`,
    /// `X^8 = X^3 - X^5 = X^3 + X^2 - 1`.
    fn mul(&self, other: &Self) -> Self {
        let mut product: [E; 2 * COORDINATES - 1] = array::from_fn(|_| E::ZERO);
        for (i, a) in self.0.iter().enumerate() {
            for (j, b) in other.0.iter().enumerate() {
                product[i + j] += a.clone() * b.clone();
            }
        }
        let [p0, p1, p2, p3, p4, p5, p6, p7, p8] = product;
        Self([
            p0 + p5.clone() - p8.clone(),
            p1 + p6.clone(),
            p2 - p5 + p7.clone() + p8.clone(),
            p3 - p6 + p8,
            p4 - p7,
        ])
    }
}

impl<K: Keeps> RecursionAir<K> {
    /// What the permutation's inputs are. All of it holds from the last row to the first as well, whose flags are zero.
    fn permutation_inputs<AB: InteractionBuilder<F = Val>>(
        &self,
        builder: &mut AB,
        row: &Row<'_, AB>,
        next: &Row<'_, AB>,
    ) {
        let merkle = next.fixed[fixed::MERKLE];
        if self.keeps.keeps(C::LanesCarry) {
            for j in 0..HALF {
                let free = AB::Expr::ONE - next.fixed[fixed::LANE_READ + j] - merkle;
                let carried = next.fixed[fixed::LANES_CARRY] * row.output(j);
                builder.assert_zero(free * (next.input(j) - carried));
            }
        }
        let load = next.fixed[fixed::LOAD];
        if self.keeps.keeps(C::HighLoads) {
            for j in 0..HALF {
                builder.assert_zero(load * (next.input(HALF + j) - next.main[main::HIGH + j]));
            }
        }
        if self.keeps.keeps(C::HighCarries) {
            for j in 0..HALF {
                let mut expected = next.fixed[fixed::HIGH_CARRY] * row.output(HALF + j)
                    + next.fixed[fixed::HIGH_FEED] * row.input(HALF + j);
                if j == 0 {
                    expected += next.fixed[fixed::TAG].into();
                }
                let free = AB::Expr::ONE - load - merkle;
                builder.assert_zero(free * (next.input(HALF + j) - expected));
            }
        }
        if self.keeps.keeps(C::MerkleStep) {
            let right = next.main[main::HIGH];
            for j in 0..HALF {
                let left_differs = next.input(j) - row.output(j);
                let right_differs = next.input(HALF + j) - row.output(j);
                builder.assert_zero(merkle * (left_differs.clone() + right * (right_differs - left_differs)));
            }
        }
    }

    fn publics<AB: InteractionBuilder<F = Val>>(&self, builder: &mut AB, row: &Row<'_, AB>) {
        if self.keeps.keeps(C::PublicsAreFirstLanes) {
            let publics: [AB::PublicVar; PUBLICS] = array::from_fn(|i| builder.public_values()[i]);
            let mut first = builder.when_first_row();
            for (j, public) in publics.into_iter().enumerate() {
                first.assert_eq(row.input(j), public.into());
            }
        }
    }

    /// `result = ((((start * by + v0) * by + v1) * by + v2) * by + v3) * by + v4`.
    fn horner<AB: InteractionBuilder<F = Val>>(
        &self,
        builder: &mut AB,
        row: &Row<'_, AB>,
        next: &Row<'_, AB>,
    ) {
        if self.keeps.keeps(C::HornerChains) {
            for i in 0..COORDINATES {
                let result = next.fixed[fixed::CHAIN] * row.main[main::HORNER_RESULT + i];
                builder.assert_eq(next.main[main::HORNER_START + i], result);
            }
        }
        if self.keeps.keeps(C::HornerSteps) {
            let by = row.wire(main::HORNER_BY);
            let value = |i: usize| Extension::base(row.main[main::HORNER_VALUE + i].into());
            let two = row.wire(main::HORNER_START).mul(&by).add(&value(0)).mul(&by).add(&value(1));
            let four = row.wire(main::HORNER_TWO).mul(&by).add(&value(2)).mul(&by).add(&value(3));
            let all = row.wire(main::HORNER_FOUR).mul(&by).add(&value(4));
            for (column, expected) in
                [(main::HORNER_TWO, two), (main::HORNER_FOUR, four), (main::HORNER_RESULT, all)]
            {
                for (i, coordinate) in expected.0.into_iter().enumerate() {
                    builder.assert_eq(row.main[column + i], coordinate);
                }
            }
        }
    }

    fn arithmetic<AB: InteractionBuilder<F = Val>>(&self, builder: &mut AB, row: &Row<'_, AB>) {
        if self.keeps.keeps(C::Arithmetic) {
            for lane in 0..LANES {
                let operand =
                    |k: usize| row.wire(main::ARITHMETIC + main::ARITHMETIC_WIDTH * lane + COORDINATES * k);
                let expected = operand(0).mul(&operand(1)).add(&operand(2));
                for (out, expected) in operand(3).0.into_iter().zip(expected.0) {
                    builder.assert_eq(out, expected);
                }
            }
        }
    }

    /// All ports on the wire bus. A reader counts 1, the one writer of a wire minus the number of its readers.
    fn wires<AB: InteractionBuilder<F = Val>>(&self, builder: &mut AB, row: &Row<'_, AB>) {
        let at = |column: usize| -> AB::Expr { row.fixed[column].into() };
        if self.keeps.keeps(C::BusPermutation) {
            for j in 0..HALF {
                let value = Extension::base(row.input(j).into());
                read::<AB>(builder, at(fixed::LANE_INDEX + j), value, at(fixed::LANE_READ + j));
            }
            read::<AB>(builder, at(fixed::HIGH_INDEX), row.wire(main::HIGH), at(fixed::HIGH_READ));
            let higher = three::<AB>(row.main, main::HIGHER);
            read::<AB>(builder, at(fixed::HIGH_INDEX + 1), higher, at(fixed::HIGH_READ + 1));
            let index = at(fixed::OUTPUT_INDEX);
            let reads = row.fixed[fixed::OUTPUT_DYNAMIC] * row.main[main::OUTPUT_READS];
            let count = at(fixed::OUTPUT_COUNT) - reads.clone();
            port::<AB>(builder, index.clone(), row.wire(main::OUTPUT), count);
            let rest = three::<AB>(row.main, main::OUTPUT + COORDINATES);
            let count = at(fixed::OUTPUT_COUNT + 1) - reads;
            port::<AB>(builder, index + AB::Expr::ONE, rest, count);
        }
        if self.keeps.keeps(C::BusHorner) {
            for i in 0..COORDINATES {
                let value = Extension::base(row.main[main::HORNER_VALUE + i].into());
                port::<AB>(builder, at(fixed::VALUE_INDEX + i), value, at(fixed::VALUE_COUNT + i));
            }
            read::<AB>(builder, at(fixed::BY_INDEX), row.wire(main::HORNER_BY), at(fixed::BY_READ));
            let result = row.wire(main::HORNER_RESULT);
            port::<AB>(builder, at(fixed::RESULT_INDEX), result, at(fixed::RESULT_COUNT));
            let packed = row.wire(main::HORNER_VALUE);
            let count = at(fixed::PACK_COUNT) - row.fixed[fixed::PACK_DYNAMIC] * row.main[main::PACK_READS];
            port::<AB>(builder, at(fixed::PACK_INDEX), packed, count);
        }
        if self.keeps.keeps(C::BusArithmetic) {
            for lane in 0..LANES {
                for k in 0..4 {
                    let value = row.wire(main::ARITHMETIC + main::ARITHMETIC_WIDTH * lane + COORDINATES * k);
                    let index = fixed::ARITHMETIC + fixed::ARITHMETIC_WIDTH * lane + 2 * k;
                    port::<AB>(builder, at(index), value, at(index + 1));
                }
            }
        }
        if self.keeps.keeps(C::BusConstant) {
            let count = at(fixed::CONSTANT_COUNT)
                - row.fixed[fixed::CONSTANT_DYNAMIC] * row.main[main::CONSTANT_READS];
            let value = Extension::base(at(fixed::CONSTANT_VALUE));
            port::<AB>(builder, at(fixed::CONSTANT_INDEX), value, count);
        }
        if self.keeps.keeps(C::BusSelect) {
            let offset = row.main[main::SELECT_OFFSET];
            let value = row.wire(main::SELECT_VALUE);
            let reads = at(fixed::SELECT_READ);
            read::<AB>(builder, at(fixed::OFFSET_INDEX), Extension::base(offset.into()), reads.clone());
            read::<AB>(builder, at(fixed::SELECT_BASE) + offset, value.clone(), reads);
            port::<AB>(builder, at(fixed::SELECTED_INDEX), value, at(fixed::SELECTED_COUNT));
        }
        if self.keeps.keeps(C::BusRangeValue) {
            let value = Extension::base(row.main[main::RANGE_VALUE].into());
            read::<AB>(builder, at(fixed::RANGE_INDEX), value, at(fixed::RANGE_READ));
        }
    }

    fn ranges<AB: InteractionBuilder<F = Val>>(&self, builder: &mut AB, row: &Row<'_, AB>) {
        if self.keeps.keeps(C::BusRangeLookup) {
            let reads: AB::Expr = row.fixed[fixed::RANGE_READ].into();
            builder.push_interaction(RANGE_BUS, [row.main[main::RANGE_VALUE]], Count::bounded(reads, 1));
        }
        if self.keeps.keeps(C::BusRangeProvided) {
            let lookups: AB::Expr = row.main[main::RANGE_LOOKUPS].into();
            builder.push_interaction(RANGE_BUS, [row.fixed[fixed::RANGE_NUMBER]], Count::provided(-lookups));
        }
    }
}

/// A wire of three coordinates, the last two zero.
fn three<AB: AirBuilder<F = Val>>(row: &[AB::Var], column: usize) -> Extension<AB::Expr> {
    Extension(array::from_fn(|i| if i < 3 { row[column + i].into() } else { AB::Expr::ZERO }))
}

fn message<E>(index: E, value: Extension<E>) -> Vec<E> {
    let Extension([a, b, c, d, e]) = value;
    alloc::vec![e, d, c, b, a, index]
}

/// A port that reads once or not at all.
fn read<AB: InteractionBuilder<F = Val>>(
    builder: &mut AB,
    index: AB::Expr,
    value: Extension<AB::Expr>,
    reads: AB::Expr,
) {
    builder.push_interaction(WIRE_BUS, message(index, value), Count::bounded(reads, 1));
}

/// A port with a signed count: 1 for a reader, minus the number of readers for the writer.
///
/// The counts of writers are outside the lookup argument's bound on counts: per index they are minus what the ports of
/// the whole circuit read, a number of ports and far below `p`.
fn port<AB: InteractionBuilder<F = Val>>(
    builder: &mut AB,
    index: AB::Expr,
    value: Extension<AB::Expr>,
    count: AB::Expr,
) {
    builder.push_interaction(WIRE_BUS, message(index, value), Count::bounded(count, 1));
}
