//! The coverage table: what secures an account's debt is worth at least as much as the debt. One row is one entry of
//! debt or collateral.
//!
//! An account's rows are runs of one product each. A run starts with no credit; collateral adds to it what it counts
//! behind its haircut, debt takes off what it is worth, and credit is never negative. What a run leaves is banked, and
//! runs of debt under no product in particular draw on all that was banked. Since all rules are sums, it doesn't matter
//! how a prover deals an account's entries out to runs.

use core::array;

use assay_statement::coverage::WEIGHT_LIMBS;
use p3_air::{Air, AirBuilder, BaseAir, WindowAccess};
use p3_field::PrimeCharacteristicRing;
use p3_lookup::{Count, InteractionBuilder};

use crate::Constraint as C;
use crate::Val;
use crate::constraint::Keeps;
use crate::prices::{BASE_LIMBS, RowKind, SHIFTS, TIERS, WHOLE_LIMBS};
use crate::segment::{LINK_BUS, LOG_RANGE, LinkTag, PIECES, RANGE_BUS, link, range_query};

/// Limbs of the product of amount and weight.
pub(crate) const PRODUCT_LIMBS: usize = PIECES + WEIGHT_LIMBS;

/// Limbs of a credit in hundredths of value units: 105 bits, for thousands of values of `2^75` each.
pub(crate) const CREDIT_LIMBS: usize = 7;

/// What the high bit of a carry adds. A carry of the products is below `2^15` plus this, so that with its limb it stays
/// below `p` and means one number only.
pub(crate) const CARRY_HIGH_VALUE: u32 = (1 << LOG_RANGE) - (1 << 9);

/// What is added to a carry of the credit, which may be negative, before its range is checked.
pub(crate) const CARRY_OFFSET: u32 = 1 << (LOG_RANGE - 1);

// Limbs of products, with what is carried, stay below p, on either side of their equations.
const _: () = {
    let p = (1u64 << 31) - (1 << 24) + 1;
    let limb = (1 << LOG_RANGE) - 1;
    let carry = limb + CARRY_HIGH_VALUE as u64;
    assert!(assay_statement::coverage::MAX_LIMB_SUM * limb + carry < p);
    assert!((carry << LOG_RANGE) + limb < p);
    assert!((assay_statement::coverage::MAX_LIMB_SUM * limb + carry) >> LOG_RANGE <= carry);
    // A change of a limb of the credit is at most 101 limbs; with carries, a limb and what was banked it is equal to the
    // other side as an integer, or the side with what was banked is larger by p, which takes credit away.
    assert!(101 * limb + ((CARRY_OFFSET as u64) << LOG_RANGE) + 2 * limb < p);
};

/// Columns of the coverage table.
pub mod columns {
    use assay_statement::coverage::WEIGHT_LIMBS;

    use super::{CREDIT_LIMBS, PRODUCT_LIMBS};
    use crate::prices::{BASE_LIMBS, SHIFTS, WHOLE_LIMBS};
    use crate::segment::PIECES;

    /// 1 on a row that holds an entry.
    pub const ACTIVE: usize = 0;
    /// 1 on debt.
    pub const DEBT: usize = 1;
    /// 1 on a row of the same run as the row before it.
    pub const CONTINUES: usize = 2;
    /// 1 on the first row of a run, of the same account as the row before it, whose credit is banked.
    pub const BANKS: usize = 3;
    /// 1 on the first row of a run that draws on all credit of the account so far.
    pub const POOLS: usize = 4;
    /// 1 if debt was rounded up.
    pub const UP: usize = 5;
    /// Which limb of the product the value starts at, one column each.
    pub const SHIFT: usize = 6;
    /// High bits of the carries of limbs 1 to 6.
    pub const CARRY_HIGH: usize = SHIFT + SHIFTS;
    /// Borrows of the value less the start of the tier.
    pub const ABOVE_BORROW: usize = CARRY_HIGH + PRODUCT_LIMBS - 3;
    /// Borrows of the end of the tier less the value.
    pub const BELOW_BORROW: usize = ABOVE_BORROW + WHOLE_LIMBS - 1;
    /// Number of the leaf; the columns before are bits.
    pub const NUMBER: usize = BELOW_BORROW + WHOLE_LIMBS - 1;
    /// Key of the entry.
    pub const KEY: usize = NUMBER + 1;
    /// Six pieces of 15 bits of the amount, low first.
    pub const PIECE: usize = KEY + 1;
    /// Number of the product from 1, or 0.
    pub const PRODUCT: usize = PIECE + PIECES;
    /// Limbs of the weight.
    pub const WEIGHT: usize = PRODUCT + 1;
    /// Number of the tier.
    pub const TIER: usize = WEIGHT + WEIGHT_LIMBS;
    /// What a hundred units of the tier count; debt counts negative.
    pub const PERCENT: usize = TIER + 1;
    /// First whole unit of the tier.
    pub const LOWER: usize = PERCENT + 1;
    /// Last whole unit of the tier.
    pub const UPPER: usize = LOWER + WHOLE_LIMBS;
    /// What counts below the tier.
    pub const BASE: usize = UPPER + WHOLE_LIMBS;
    /// Limbs of the product of amount and weight.
    pub const LIMB: usize = BASE + BASE_LIMBS;
    /// Low parts of the carries of limbs 0 to 6.
    pub const CARRY: usize = LIMB + PRODUCT_LIMBS;
    /// Limbs of the value, rounded down: its fraction, then whole units.
    pub const VALUE: usize = CARRY + PRODUCT_LIMBS - 2;
    /// The value's whole units less the start of the tier.
    pub const ABOVE: usize = VALUE + 1 + WHOLE_LIMBS;
    /// The end of the tier less the value's whole units.
    pub const BELOW: usize = ABOVE + WHOLE_LIMBS;
    /// Credit of the run after this row, in hundredths of value units.
    pub const CREDIT: usize = BELOW + WHOLE_LIMBS;
    /// Carries of the credit's limbs but the highest, which may be negative.
    pub const CREDIT_CARRY: usize = CREDIT + CREDIT_LIMBS;
    /// Credit that earlier runs of the account left.
    pub const BANK: usize = CREDIT_CARRY + CREDIT_LIMBS - 1;
    /// All columns.
    pub const WIDTH: usize = BANK + CREDIT_LIMBS;
}
use columns::*;

/// The table's constraints.
#[derive(Clone, Debug)]
pub struct CoverageTable<K> {
    keeps: K,
}

impl<K: Keeps> CoverageTable<K> {
    pub(crate) const fn new(keeps: K) -> Self {
        Self { keeps }
    }
}

impl<K: Keeps> BaseAir<Val> for CoverageTable<K> {
    fn width(&self) -> usize {
        WIDTH
    }
}

impl<AB: InteractionBuilder<F = Val>, K: Keeps> Air<AB> for CoverageTable<K> {
    fn eval(&self, builder: &mut AB) {
        let keeps = &self.keeps;
        let main = builder.main();
        let row = main.current_slice();
        let next = main.next_slice();

        if keeps.keeps(C::CoverageFlagsAreBits) {
            for flag in &row[..NUMBER] {
                builder.assert_bool(*flag);
            }
        }
        self.runs(builder, row, next);
        self.value(builder, row);
        self.tier(builder, row);
        self.credit(builder, row, next);
        self.buses(builder, row);
    }
}

impl<K: Keeps> CoverageTable<K> {
    fn runs<AB: InteractionBuilder<F = Val>>(&self, builder: &mut AB, row: &[AB::Var], next: &[AB::Var]) {
        let keeps = &self.keeps;
        let same = |row: &[AB::Var]| -> AB::Expr { row[CONTINUES] + row[BANKS] + row[POOLS] };
        if keeps.keeps(C::CoverageOneStart) {
            builder.assert_bool(same(row));
        }
        if keeps.keeps(C::CoverageStarts) {
            builder.when_first_row().assert_zero(same(row));
        }
        if keeps.keeps(C::CoverageContinuesActive) {
            builder.when_transition().assert_zero(same(next) * (AB::Expr::ONE - row[ACTIVE]));
        }
        if keeps.keeps(C::CoverageSameAccount) {
            builder.when_transition().assert_zero(same(next) * (next[NUMBER] - row[NUMBER]));
        }
        if keeps.keeps(C::CoverageSameProduct) {
            builder.when_transition().assert_zero(next[CONTINUES] * (next[PRODUCT] - row[PRODUCT]));
        }
        if keeps.keeps(C::CoveragePoolIsGeneric) {
            builder.assert_zero(row[POOLS] * row[PRODUCT]);
        }
    }

    /// The product of amount and weight, limb by limb, and the value: the product without the limbs behind the binary
    /// point. The value has 75 bits.
    fn value<AB: InteractionBuilder<F = Val>>(&self, builder: &mut AB, row: &[AB::Var]) {
        let keeps = &self.keeps;
        let base = AB::Expr::from_u32(1 << LOG_RANGE);
        let limb = |m: usize| -> AB::Expr { row[LIMB + m].into() };
        let sum = |limbs: core::ops::Range<usize>| limbs.fold(AB::Expr::ZERO, |sum, m| sum + limb(m));
        // Over all shifts, what is given for each if it is the row's.
        let shifted = |of: &dyn Fn(usize) -> AB::Expr| {
            (0..SHIFTS).fold(AB::Expr::ZERO, |sum, shift| sum + of(shift) * row[SHIFT + shift])
        };
        if keeps.keeps(C::CoverageOneShift) {
            builder.assert_eq(shifted(&|_| AB::Expr::ONE), row[ACTIVE]);
        }
        if keeps.keeps(C::CoverageProduct) {
            let carry = |m: usize| -> AB::Expr {
                let carry: AB::Expr = row[CARRY + m].into();
                match m.checked_sub(1) {
                    Some(bit) => carry + row[CARRY_HIGH + bit] * AB::Expr::from_u32(CARRY_HIGH_VALUE),
                    None => carry,
                }
            };
            let last = PRODUCT_LIMBS - 2;
            for m in 0..=last {
                let places = (0..WEIGHT_LIMBS).filter(|w| (*w..*w + PIECES).contains(&m));
                let mut found = places.fold(AB::Expr::ZERO, |sum, w| {
                    sum + AB::Expr::from(row[PIECE + m - w]) * row[WEIGHT + w]
                });
                if m > 0 {
                    found += carry(m - 1);
                }
                // What the last but one carries is the last limb.
                let carried = if m == last { limb(last + 1) } else { carry(m) };
                builder.assert_eq(found, limb(m) + base.clone() * carried);
            }
        }
        if keeps.keeps(C::CoverageLimbsInRange) {
            for m in 0..PRODUCT_LIMBS {
                range_query(builder, RANGE_BUS, row[LIMB + m]);
            }
        }
        if keeps.keeps(C::CoverageCarriesInRange) {
            for m in 0..PRODUCT_LIMBS - 2 {
                range_query(builder, RANGE_BUS, row[CARRY + m]);
            }
        }
        if keeps.keeps(C::CoverageValue) {
            for j in 0..=WHOLE_LIMBS {
                let of = |shift: usize| {
                    if shift + j < PRODUCT_LIMBS { limb(shift + j) } else { AB::Expr::ZERO }
                };
                builder.assert_eq(row[VALUE + j], shifted(&of));
            }
        }
        if keeps.keeps(C::CoverageValueFits) {
            // A sum of a few limbs is zero only if each is.
            builder.assert_zero(shifted(&|shift| sum(shift + WHOLE_LIMBS + 1..PRODUCT_LIMBS)));
        }
        if keeps.keeps(C::CoverageUpIsDebt) {
            builder.assert_zero(row[UP] * (AB::Expr::ONE - row[DEBT]));
        }
        if keeps.keeps(C::CoverageRoundsUp) {
            let dropped = shifted(&|shift| sum(0..shift));
            builder.assert_zero((row[DEBT] - row[UP]) * dropped);
        }
    }

    /// The value's whole units are within the tier.
    fn tier<AB: InteractionBuilder<F = Val>>(&self, builder: &mut AB, row: &[AB::Var]) {
        let keeps = &self.keeps;
        let base = AB::Expr::from_u32(1 << LOG_RANGE);
        let difference = |from: usize, less: usize, difference: usize, borrow: usize, j: usize| {
            let mut expected: AB::Expr = row[from + j] - row[less + j];
            if j > 0 {
                expected -= row[borrow + j - 1].into();
            }
            let mut found: AB::Expr = row[difference + j].into();
            if j < WHOLE_LIMBS - 1 {
                found -= base.clone() * row[borrow + j];
            }
            found - expected
        };
        if keeps.keeps(C::CoverageAboveTier) {
            for j in 0..WHOLE_LIMBS {
                builder.assert_zero(difference(VALUE + 1, LOWER, ABOVE, ABOVE_BORROW, j));
            }
        }
        if keeps.keeps(C::CoverageBelowTier) {
            for j in 0..WHOLE_LIMBS {
                builder.assert_zero(difference(UPPER, VALUE + 1, BELOW, BELOW_BORROW, j));
            }
        }
        if keeps.keeps(C::CoverageAboveInRange) {
            for j in 0..WHOLE_LIMBS {
                range_query(builder, RANGE_BUS, row[ABOVE + j]);
            }
        }
        if keeps.keeps(C::CoverageBelowInRange) {
            for j in 0..WHOLE_LIMBS {
                range_query(builder, RANGE_BUS, row[BELOW + j]);
            }
        }
        if keeps.keeps(C::CoverageTierInRange) {
            // Below 32, so that key and tier are told apart.
            let scale = AB::Expr::from_u32((1 << LOG_RANGE) / TIERS);
            range_query(builder, RANGE_BUS, AB::Expr::from(row[TIER]) * scale);
        }
    }

    fn credit<AB: InteractionBuilder<F = Val>>(&self, builder: &mut AB, row: &[AB::Var], next: &[AB::Var]) {
        let keeps = &self.keeps;
        if keeps.keeps(C::CoverageCreditStarts) {
            for j in 0..CREDIT_LIMBS {
                builder.when_first_row().assert_zero(change::<AB>(row, AB::Expr::ZERO, j));
            }
        }
        if keeps.keeps(C::CoverageCreditChanges) {
            for j in 0..CREDIT_LIMBS {
                let all: AB::Expr = row[CREDIT + j] + row[BANK + j];
                let before = next[CONTINUES] * AB::Expr::from(row[CREDIT + j]) + all * next[POOLS];
                builder.when_transition().assert_zero(change::<AB>(next, before, j));
            }
        }
        if keeps.keeps(C::CoverageCreditInRange) {
            for j in 0..CREDIT_LIMBS {
                range_query(builder, RANGE_BUS, row[CREDIT + j]);
            }
        }
        if keeps.keeps(C::CoverageCreditCarriesInRange) {
            for j in 0..CREDIT_LIMBS - 1 {
                range_query(builder, RANGE_BUS, row[CREDIT_CARRY + j] + AB::Expr::from_u32(CARRY_OFFSET));
            }
        }
        if keeps.keeps(C::CoverageBankStarts) {
            for j in 0..CREDIT_LIMBS {
                builder.when_first_row().assert_zero(row[BANK + j]);
            }
        }
        if keeps.keeps(C::CoverageBankAdds) {
            for j in 0..CREDIT_LIMBS {
                let all: AB::Expr = row[CREDIT + j] + row[BANK + j];
                let banked = next[CONTINUES] * AB::Expr::from(row[BANK + j]) + all * next[BANKS];
                builder.when_transition().assert_eq(next[BANK + j], banked);
            }
        }
    }

    fn buses<AB: InteractionBuilder<F = Val>>(&self, builder: &mut AB, row: &[AB::Var]) {
        let keeps = &self.keeps;
        let at = |column: usize| -> AB::Expr { row[column].into() };
        if keeps.keeps(C::BusCoverReceived) {
            let entry: [AB::Expr; 9] = array::from_fn(|i| match i {
                0 => at(NUMBER),
                1 => at(KEY),
                8 => at(DEBT),
                _ => at(PIECE + i - 2),
            });
            builder.push_interaction(
                LINK_BUS,
                link::<AB, _>(LinkTag::Cover, entry),
                -Count::bounded(at(ACTIVE), 1),
            );
        }
        if keeps.keeps(C::BusPricesAsked) {
            let id = |kind: RowKind, number: AB::Expr| number + AB::Expr::from_u32(kind.offset());
            let shift = (1..SHIFTS).fold(AB::Expr::ZERO, |sum, shift| {
                sum + AB::Expr::from(row[SHIFT + shift]) * AB::Expr::from_u32(shift as u32)
            });
            let weight: [AB::Expr; 8] = array::from_fn(|i| match i {
                0 => id(RowKind::Weight, at(KEY)),
                1 => at(DEBT),
                2 => at(PRODUCT),
                3..6 => at(WEIGHT + i - 3),
                6 => shift.clone(),
                _ => AB::Expr::ZERO,
            });
            let tier: AB::Expr = at(KEY) * AB::Expr::from_u32(TIERS) + row[TIER];
            let start: [AB::Expr; 8] = array::from_fn(|i| match i {
                0 => id(RowKind::TierStart, tier.clone()),
                1 => at(PERCENT),
                2..6 => at(LOWER + i - 2),
                _ => at(BASE + i - 6),
            });
            let end: [AB::Expr; 8] = array::from_fn(|i| match i {
                0 => id(RowKind::TierEnd, tier.clone()),
                1..5 => at(UPPER + i - 1),
                _ => at(BASE + i - 3),
            });
            for message in [weight, start, end] {
                builder.push_interaction(
                    LINK_BUS,
                    link::<AB, _>(LinkTag::Prices, message),
                    Count::bounded(at(ACTIVE), 1),
                );
            }
        }
    }
}

/// Limb `j` of the credit after `row`, less what it should be with `before` of it before the row.
fn change<AB: AirBuilder<F = Val>>(row: &[AB::Var], before: AB::Expr, j: usize) -> AB::Expr {
    let mut expected = before;
    expected += match j {
        0 => (row[VALUE] + row[UP]) * AB::Expr::from(row[PERCENT]),
        _ if j <= WHOLE_LIMBS => {
            AB::Expr::from(row[ABOVE + j - 1]) * row[PERCENT] + AB::Expr::from(row[BASE + j - 1])
        }
        _ if j <= BASE_LIMBS => row[BASE + j - 1].into(),
        _ => AB::Expr::ZERO,
    };
    if j > 0 {
        expected += row[CREDIT_CARRY + j - 1].into();
    }
    let mut found: AB::Expr = row[CREDIT + j].into();
    if j < CREDIT_LIMBS - 1 {
        found += AB::Expr::from_u32(1 << LOG_RANGE) * AB::Expr::from(row[CREDIT_CARRY + j]);
    }
    found - expected
}
