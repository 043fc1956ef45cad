//! Evaluates the recursion table on given traces, one row after another, and names what fails: for tests of the
//! constraints.
//!
//! It sees the same code as the prover: rows as the constraint polynomials see them, with the row after the last one
//! being the first, and buses as the lookup argument sees them, counts modulo `p`.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use assay_circuit::Val;
use p3_air::{Air, AirBuilder, RowWindow};
use p3_field::{PrimeCharacteristicRing, PrimeField32};
use p3_lookup::{Count, InteractionBuilder};
use p3_matrix::Matrix;
use p3_matrix::dense::RowMajorMatrix;

use crate::air::RecursionAir;
use crate::columns::{fixed, main};
use crate::constraint::{CONSTRAINTS, Constraint, Keeps};

/// One thing that a trace does wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The trace doesn't have the table's shape.
    Shape,
    /// An assertion that isn't zero.
    Constraint {
        /// The constraint that it belongs to.
        constraint: Constraint,
        /// Row of the table.
        row: usize,
    },
    /// A message that isn't received as often as it is sent.
    Bus {
        /// Name of the bus.
        bus: String,
        /// The message.
        message: Vec<u32>,
    },
}

/// Checks a trace against the table that has what `keeps` keeps.
pub fn check_table<K: Keeps>(
    keeps: K,
    preprocessed: &RowMajorMatrix<Val>,
    trace: &RowMajorMatrix<Val>,
    publics: &[Val],
) -> Vec<Failure> {
    let fits = trace.width() == main::WIDTH
        && preprocessed.width() == fixed::WIDTH
        && trace.height() == preprocessed.height()
        && trace.height().is_power_of_two()
        && publics.len() == crate::PUBLICS;
    if !fits {
        return alloc::vec![Failure::Shape];
    }
    let mut failures = Vec::new();
    for only in CONSTRAINTS {
        if !keeps.keeps(only) {
            continue;
        }
        let air = RecursionAir::constraints(Only(only));
        for row in 0..trace.height() {
            let mut builder = RowBuilder::new(preprocessed, trace, publics, row);
            air.eval(&mut builder);
            if builder.failed {
                failures.push(Failure::Constraint { constraint: only, row });
            }
        }
    }
    let air = RecursionAir::constraints(keeps);
    let mut balance: BTreeMap<(String, Vec<u32>), Val> = BTreeMap::new();
    for row in 0..trace.height() {
        let mut builder = RowBuilder::new(preprocessed, trace, publics, row);
        builder.asserts = false;
        air.eval(&mut builder);
        for (bus, fields, count) in builder.messages {
            let fields = fields.iter().map(Val::as_canonical_u32).collect();
            *balance.entry((bus, fields)).or_insert(Val::ZERO) += count;
        }
    }
    for ((bus, message), count) in balance {
        if count != Val::ZERO {
            failures.push(Failure::Bus { bus, message });
        }
    }
    failures
}

/// Keeps one constraint alone.
#[derive(Clone, Copy)]
struct Only(Constraint);

impl Keeps for Only {
    fn keeps(&self, constraint: Constraint) -> bool {
        constraint == self.0
    }
}

/// A builder whose expressions are the values on one row.
struct RowBuilder<'a> {
    window: RowWindow<'a, Val>,
    preprocessed: RowWindow<'a, Val>,
    publics: &'a [Val],
    first: bool,
    last: bool,
    asserts: bool,
    failed: bool,
    messages: Vec<(String, Vec<Val>, Val)>,
}

impl<'a> RowBuilder<'a> {
    fn new(
        preprocessed: &'a RowMajorMatrix<Val>,
        trace: &'a RowMajorMatrix<Val>,
        publics: &'a [Val],
        row: usize,
    ) -> Self {
        let height = trace.height();
        let next = (row + 1) % height;
        let window = |matrix: &'a RowMajorMatrix<Val>| {
            let cells = |row: usize| &matrix.values[row * matrix.width..][..matrix.width];
            RowWindow::from_two_rows(cells(row), cells(next))
        };
        Self {
            window: window(trace),
            preprocessed: window(preprocessed),
            publics,
            first: row == 0,
            last: row + 1 == height,
            asserts: true,
            failed: false,
            messages: Vec::new(),
        }
    }
}

impl<'a> AirBuilder for RowBuilder<'a> {
    type F = Val;
    type Expr = Val;
    type Var = Val;
    type PreprocessedWindow = RowWindow<'a, Val>;
    type MainWindow = RowWindow<'a, Val>;
    type PublicVar = Val;
    type PeriodicVar = Val;

    fn main(&self) -> Self::MainWindow {
        self.window
    }

    fn preprocessed(&self) -> &Self::PreprocessedWindow {
        &self.preprocessed
    }

    fn is_first_row(&self) -> Val {
        Val::from_bool(self.first)
    }

    fn is_last_row(&self) -> Val {
        Val::from_bool(self.last)
    }

    fn is_transition(&self) -> Val {
        Val::from_bool(!self.last)
    }

    fn assert_zero<I: Into<Val>>(&mut self, x: I) {
        self.failed |= self.asserts && x.into() != Val::ZERO;
    }

    fn public_values(&self) -> &[Val] {
        self.publics
    }
}

impl InteractionBuilder for RowBuilder<'_> {
    fn push_interaction<E: Into<Val>>(
        &mut self,
        bus_name: &str,
        fields: impl IntoIterator<Item = E>,
        count: impl Into<Count<Val>>,
    ) {
        let (count, _) = count.into().into_parts();
        if count != Val::ZERO && !self.asserts {
            self.messages.push((bus_name.to_string(), fields.into_iter().map(Into::into).collect(), count));
        }
    }

    /// The table has none.
    fn push_local_interaction(&mut self, tuples: impl IntoIterator<Item = (Vec<Val>, Count<Val>)>) {
        self.failed |= tuples.into_iter().next().is_some();
    }

    /// The table has none.
    fn push_exclusive_interaction(
        &mut self,
        _: &str,
        branches: impl IntoIterator<Item = (Val, Count<Val>, Vec<Val>)>,
    ) {
        self.failed |= branches.into_iter().next().is_some();
    }
}
