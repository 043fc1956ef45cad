//! The pledge table: of each asset, an account pledges no more than it holds. One row is one entry: equity, then the
//! collateral that is taken off it.

use core::array;

use p3_air::{Air, AirBuilder, BaseAir, WindowAccess};
use p3_field::PrimeCharacteristicRing;
use p3_lookup::{Count, InteractionBuilder};

use crate::Constraint as C;
use crate::Val;
use crate::constraint::Keeps;
use crate::segment::{LINK_BUS, LOG_RANGE, LinkTag, PIECES, RANGE_BUS, link, range_query};

/// Columns of the pledge table.
pub mod columns {
    use crate::segment::PIECES;

    /// 1 on a row that holds equity.
    pub const EQUITY: usize = 0;
    /// 1 on a row that holds collateral.
    pub const COLLATERAL: usize = 1;
    /// 1 on a row of the same account and asset as the row before it.
    pub const CONTINUES: usize = 2;
    /// Three bits of the kind, low first.
    pub const KIND: usize = 3;
    /// Borrows of the lowest five differences.
    pub const BORROW: usize = KIND + 3;
    /// Number of the leaf.
    pub const NUMBER: usize = BORROW + PIECES - 1;
    /// Asset: an eighth of the key, rounded down.
    pub const ASSET: usize = NUMBER + 1;
    /// Six pieces of 15 bits of the amount, low first.
    pub const PIECE: usize = ASSET + 1;
    /// Pieces of what isn't pledged, after this row.
    pub const REST: usize = PIECE + PIECES;
    /// All columns.
    pub const WIDTH: usize = REST + PIECES;
}
use columns::*;

/// The table's constraints.
#[derive(Clone, Debug)]
pub struct PledgeTable<K> {
    keeps: K,
}

impl<K: Keeps> PledgeTable<K> {
    pub(crate) const fn new(keeps: K) -> Self {
        Self { keeps }
    }

    /// What isn't pledged after `row`, piece by piece, less what it should be with `before` of it left before the row.
    fn rest<AB: AirBuilder<F = Val>>(row: &[AB::Var], before: [AB::Expr; PIECES]) -> [AB::Expr; PIECES] {
        let base = AB::Expr::from_u32(1 << LOG_RANGE);
        let sign: AB::Expr = row[EQUITY] - row[COLLATERAL];
        let mut j = 0;
        before.map(|before| {
            let mut expected = before + sign.clone() * row[PIECE + j];
            if j > 0 {
                expected -= row[BORROW + j - 1].into();
            }
            let mut found: AB::Expr = row[REST + j].into();
            if j < PIECES - 1 {
                found -= base.clone() * row[BORROW + j];
            }
            j += 1;
            found - expected
        })
    }
}

impl<K: Keeps> BaseAir<Val> for PledgeTable<K> {
    fn width(&self) -> usize {
        WIDTH
    }
}

impl<AB: InteractionBuilder<F = Val>, K: Keeps> Air<AB> for PledgeTable<K> {
    fn eval(&self, builder: &mut AB) {
        let keeps = &self.keeps;
        let main = builder.main();
        let row = main.current_slice();
        let next = main.next_slice();
        let active: AB::Expr = row[EQUITY] + row[COLLATERAL];
        let kind = (0..3).fold(AB::Expr::ZERO, |sum, i| sum + row[KIND + i] * AB::Expr::from_u32(1 << i));

        if keeps.keeps(C::PledgeFlagsAreBits) {
            for flag in &row[EQUITY..NUMBER] {
                builder.assert_bool(*flag);
            }
        }
        if keeps.keeps(C::PledgeOneType) {
            builder.assert_bool(active.clone());
        }
        if keeps.keeps(C::PledgeEquityIsEquity) {
            builder.assert_zero(row[EQUITY] * kind.clone());
        }
        if keeps.keeps(C::PledgeStarts) {
            builder.when_first_row().assert_zero(row[CONTINUES]);
        }
        if keeps.keeps(C::PledgeSameAccount) {
            builder.when_transition().assert_zero(next[CONTINUES] * (next[NUMBER] - row[NUMBER]));
        }
        if keeps.keeps(C::PledgeSameAsset) {
            builder.when_transition().assert_zero(next[CONTINUES] * (next[ASSET] - row[ASSET]));
        }
        if keeps.keeps(C::PledgeRestStarts) {
            for off in Self::rest::<AB>(row, array::from_fn(|_| AB::Expr::ZERO)) {
                builder.when_first_row().assert_zero(off);
            }
        }
        if keeps.keeps(C::PledgeRestFalls) {
            let before = array::from_fn(|i| next[CONTINUES] * AB::Expr::from(row[REST + i]));
            for off in Self::rest::<AB>(next, before) {
                builder.when_transition().assert_zero(off);
            }
        }
        if keeps.keeps(C::PledgeRestInRange) {
            for i in 0..PIECES {
                range_query(builder, RANGE_BUS, row[REST + i]);
            }
        }
        if keeps.keeps(C::PledgeAssetInRange) {
            range_query(builder, RANGE_BUS, row[ASSET]);
        }

        // Number, key and amount, as they came and, for collateral, as they go on; neither is debt.
        let entry: [AB::Expr; 9] = array::from_fn(|i| match i {
            0 => row[NUMBER].into(),
            1 => AB::Expr::from(row[ASSET]) * AB::Expr::from_u32(8) + kind.clone(),
            8 => AB::Expr::ZERO,
            _ => row[PIECE + i - 2].into(),
        });
        if keeps.keeps(C::BusPledgeReceived) {
            builder.push_interaction(
                LINK_BUS,
                link::<AB, _>(LinkTag::Pledge, entry.clone()),
                -Count::bounded(active, 1),
            );
        }
        if keeps.keeps(C::BusCollateralSent) {
            builder.push_interaction(
                LINK_BUS,
                link::<AB, _>(LinkTag::Cover, entry),
                Count::bounded(row[COLLATERAL].into(), 1),
            );
        }
    }
}
