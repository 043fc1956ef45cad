//! The entry table: one row is one entry of some leaf. It checks the amount's and the key's ranges and adds up amounts
//! of equal keys in groups.

use core::array;

use p3_air::{Air, AirBuilder, BaseAir, WindowAccess};
use p3_field::PrimeCharacteristicRing;
use p3_lookup::{Count, InteractionBuilder};

use crate::Constraint as C;
use crate::Val;
use crate::constraint::Keeps;
use crate::segment::{LINK_BUS, LinkTag, PIECES, RANGE_BUS, Variant, link, link_tagged, range_query};

/// Columns of the entry table.
pub mod columns {
    use crate::segment::PIECES;

    /// 1 on a row that holds an entry.
    pub const ACTIVE: usize = 0;
    /// 1 on the last row of a group.
    pub const END: usize = 1;
    /// Key of the entry.
    pub const KEY: usize = 2;
    /// Key minus the key before it in the leaf, minus one.
    pub const GAP: usize = 3;
    /// Six pieces of 15 bits of the amount, low first.
    pub const PIECE: usize = 4;
    /// Sums of the pieces over the group so far.
    pub const SUM: usize = PIECE + PIECES;
    /// Entries of the group so far.
    pub const COUNT: usize = SUM + PIECES;
    /// All columns of a plain segment.
    pub const WIDTH: usize = COUNT + 1;
    /// Number of the leaf; from here on, only where debt is covered.
    pub const NUMBER: usize = WIDTH;
    /// Asset of an entry that goes to no other table: an eighth of its key.
    pub const ASSET: usize = WIDTH + 1;
    /// 1 on equity or collateral that goes to the pledge table.
    pub const PLEDGED: usize = WIDTH + 2;
    /// 1 on debt, which goes to the coverage table.
    pub const OWED: usize = WIDTH + 3;
    /// All columns where debt is covered.
    pub const COVERED_WIDTH: usize = WIDTH + 4;
}
use columns::*;

/// The table's constraints.
#[derive(Clone, Debug)]
pub struct EntryTable<K> {
    variant: Variant,
    keeps: K,
}

impl<K: Keeps> EntryTable<K> {
    pub(crate) const fn new(variant: Variant, keeps: K) -> Self {
        Self { variant, keeps }
    }
}

impl<K: Keeps> BaseAir<Val> for EntryTable<K> {
    fn width(&self) -> usize {
        match self.variant {
            Variant::Plain => WIDTH,
            Variant::Covered => COVERED_WIDTH,
        }
    }
}

impl<AB: InteractionBuilder<F = Val>, K: Keeps> Air<AB> for EntryTable<K> {
    fn eval(&self, builder: &mut AB) {
        let keeps = &self.keeps;
        let main = builder.main();
        let row = main.current_slice();
        let next = main.next_slice();
        let pieces: [AB::Var; PIECES] = array::from_fn(|i| row[PIECE + i]);

        if keeps.keeps(C::EntryFlagsAreBits) {
            builder.assert_bool(row[ACTIVE]);
            builder.assert_bool(row[END]);
        }
        if keeps.keeps(C::EntryEndNeedsActive) {
            builder.assert_zero(row[END] * (AB::Expr::ONE - row[ACTIVE]));
        }

        // 1 where the group goes on in the next row.
        let goes_on: AB::Expr = row[ACTIVE] - row[END];
        if keeps.keeps(C::EntryGroupKey) {
            builder.when_transition().assert_zero(goes_on.clone() * (next[KEY] - row[KEY]));
        }
        if keeps.keeps(C::EntryGroupActive) {
            builder.when_transition().assert_zero(goes_on.clone() * (AB::Expr::ONE - next[ACTIVE]));
        }
        if keeps.keeps(C::EntryGroupCloses) {
            builder.when_last_row().assert_zero(goes_on.clone());
        }
        if keeps.keeps(C::EntrySumStarts) {
            for i in 0..PIECES {
                builder.when_first_row().assert_eq(row[SUM + i], row[PIECE + i]);
            }
        }
        if keeps.keeps(C::EntrySumAdds) {
            for i in 0..PIECES {
                let sum = goes_on.clone() * row[SUM + i] + next[PIECE + i];
                builder.when_transition().assert_eq(next[SUM + i], sum);
            }
        }
        if keeps.keeps(C::EntryCountStarts) {
            builder.when_first_row().assert_eq(row[COUNT], row[ACTIVE]);
        }
        if keeps.keeps(C::EntryCountAdds) {
            let count = goes_on * row[COUNT] + next[ACTIVE];
            builder.when_transition().assert_eq(next[COUNT], count);
        }

        if keeps.keeps(C::EntryPiecesInRange) {
            for piece in pieces {
                range_query(builder, RANGE_BUS, piece);
            }
        }
        if keeps.keeps(C::EntryGapInRange) {
            range_query(builder, RANGE_BUS, row[GAP]);
        }

        if keeps.keeps(C::BusEntryReceived) {
            let limb = |i: usize| -> AB::Expr {
                pieces[2 * i] + AB::Expr::from(pieces[2 * i + 1]) * AB::Expr::from_u32(1 << 15)
            };
            let number: AB::Expr = match self.variant {
                Variant::Plain => AB::Expr::ZERO,
                Variant::Covered => row[NUMBER].into(),
            };
            let entry = [row[KEY].into(), limb(0), limb(1), limb(2), row[GAP].into(), number];
            builder.push_interaction(
                LINK_BUS,
                link::<AB, _>(LinkTag::Entry, entry),
                -Count::bounded(row[ACTIVE].into(), 1),
            );
        }
        if keeps.keeps(C::BusTotalsSent) {
            let totals: [AB::Expr; 8] = array::from_fn(|i| match i {
                0 => row[KEY].into(),
                7 => row[COUNT].into(),
                _ => row[SUM + i - 1].into(),
            });
            builder.push_interaction(
                LINK_BUS,
                link::<AB, _>(LinkTag::Totals, totals),
                Count::bounded(row[END].into(), 1),
            );
        }
        if self.variant == Variant::Covered {
            self.routes(builder, row, pieces);
        }
    }
}

impl<K: Keeps> EntryTable<K> {
    /// Debt and collateral go to the tables that cover them; equity may, and must where it is pledged.
    fn routes<AB: InteractionBuilder<F = Val>>(
        &self,
        builder: &mut AB,
        row: &[AB::Var],
        pieces: [AB::Var; PIECES],
    ) {
        let keeps = &self.keeps;
        let routed: AB::Expr = row[PLEDGED] + row[OWED];
        if keeps.keeps(C::EntryRoutesAreBits) {
            builder.assert_bool(row[PLEDGED]);
            builder.assert_bool(row[OWED]);
        }
        if keeps.keeps(C::EntryOneRoute) {
            builder.assert_bool(routed.clone());
        }
        if keeps.keeps(C::EntryRouteNeedsActive) {
            builder.assert_zero(routed.clone() * (AB::Expr::ONE - row[ACTIVE]));
        }
        if keeps.keeps(C::EntryOthersAreEquity) {
            let kind: AB::Expr = row[KEY] - AB::Expr::from(row[ASSET]) * AB::Expr::from_u32(8);
            builder.assert_zero((AB::Expr::ONE - routed.clone()) * kind);
        }
        if keeps.keeps(C::EntryAssetInRange) {
            range_query(builder, RANGE_BUS, row[ASSET]);
        }
        if keeps.keeps(C::BusRoutesSent) {
            let tag: AB::Expr = row[PLEDGED] * AB::Expr::from_u32(LinkTag::Pledge as u32)
                + row[OWED] * AB::Expr::from_u32(LinkTag::Cover as u32);
            let message: [AB::Expr; 9] = array::from_fn(|i| match i {
                0 => row[NUMBER].into(),
                1 => row[KEY].into(),
                8 => row[OWED].into(),
                _ => pieces[i - 2].into(),
            });
            builder.push_interaction(LINK_BUS, link_tagged::<AB, _>(tag, message), Count::bounded(routed, 1));
        }
    }
}
