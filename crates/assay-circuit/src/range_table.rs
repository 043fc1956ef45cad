//! The range table: the numbers from 0 to `2^15 - 1`, and how often each is looked up.

use p3_air::{Air, AirBuilder, BaseAir, WindowAccess};
use p3_field::PrimeCharacteristicRing;
use p3_lookup::{Count, InteractionBuilder};

use crate::Constraint as C;
use crate::Val;
use crate::constraint::Keeps;
use crate::segment::{LOG_RANGE, RANGE_BUS};

/// Columns of the range table.
pub mod columns {
    /// The number.
    pub const VALUE: usize = 0;
    /// How often it is looked up.
    pub const MULTIPLICITY: usize = 1;
    /// All columns.
    pub const WIDTH: usize = 2;
}
use columns::*;

/// The table's constraints.
#[derive(Clone, Debug)]
pub struct RangeTable<K> {
    keeps: K,
}

impl<K: Keeps> RangeTable<K> {
    pub(crate) const fn new(keeps: K) -> Self {
        Self { keeps }
    }
}

impl<K: Keeps> BaseAir<Val> for RangeTable<K> {
    fn width(&self) -> usize {
        WIDTH
    }
}

impl<AB: InteractionBuilder<F = Val>, K: Keeps> Air<AB> for RangeTable<K> {
    fn eval(&self, builder: &mut AB) {
        let keeps = &self.keeps;
        let main = builder.main();
        let row = main.current_slice();
        let next = main.next_slice();
        if keeps.keeps(C::RangeStarts) {
            builder.when_first_row().assert_zero(row[VALUE]);
        }
        if keeps.keeps(C::RangeCounts) {
            builder.when_transition().assert_eq(next[VALUE], row[VALUE] + AB::Expr::ONE);
        }
        if keeps.keeps(C::RangeEnds) {
            builder.when_last_row().assert_eq(row[VALUE], AB::Expr::from_u32((1 << LOG_RANGE) - 1));
        }
        if keeps.keeps(C::BusRangeProvided) {
            let count: AB::Expr = row[MULTIPLICITY].into();
            builder.push_interaction(RANGE_BUS, [row[VALUE]], Count::provided(-count));
        }
    }
}
