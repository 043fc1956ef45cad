//! The account table: one row is one account, in order of its leaf key. It checks that keys strictly increase and
//! numbers the leaves.

use core::array;

use assay_commit::SUBTREE_DEPTH;
use p3_air::{Air, AirBuilder, BaseAir, WindowAccess};
use p3_field::PrimeCharacteristicRing;
use p3_lookup::{Count, InteractionBuilder};

use crate::Constraint as C;
use crate::Val;
use crate::constraint::Keeps;
use crate::segment::{LINK_BUS, LinkTag, RANGE_BUS, link, range_query};

/// Columns of the account table.
pub mod columns {
    /// 1 on a row that holds an account.
    pub const ACTIVE: usize = 0;
    /// Number of the account from 0.
    pub const INDEX: usize = 1;
    /// First element of the key: bits 0 to 14, bits 15 to 29, bit 30, and 1 if it is `p - 1`.
    pub const FIRST: usize = 2;
    /// Second element of the key, in the same four columns.
    pub const SECOND: usize = 6;
    /// Low 15 bits of the four differences to the next key, from the lowest.
    pub const DIFFERENCE: usize = 10;
    /// Bit 15 of the second and the fourth difference.
    pub const DIFFERENCE_HIGH: usize = 14;
    /// Borrows of the lowest three differences.
    pub const BORROW: usize = 16;
    /// All columns.
    pub const WIDTH: usize = 19;
}
use columns::*;

/// Public values of the account table: first key, last key (two elements each), number of accounts.
pub(crate) const PUBLIC_FIRST: usize = 0;
pub(crate) const PUBLIC_LAST: usize = 2;
pub(crate) const PUBLIC_COUNT: usize = 4;
pub(crate) const PUBLICS: usize = 5;

/// The table's constraints.
#[derive(Clone, Debug)]
pub struct AccountTable<K> {
    keeps: K,
}

impl<K: Keeps> AccountTable<K> {
    pub(crate) const fn new(keeps: K) -> Self {
        Self { keeps }
    }
}

impl<K: Keeps> BaseAir<Val> for AccountTable<K> {
    fn width(&self) -> usize {
        WIDTH
    }

    fn num_public_values(&self) -> usize {
        PUBLICS
    }
}

/// One element of a key.
struct Element<AB: AirBuilder> {
    low: AB::Var,
    middle: AB::Var,
    high: AB::Var,
    largest: AB::Var,
}

impl<AB: AirBuilder<F = Val>> Element<AB> {
    fn new(row: &[AB::Var], at: usize) -> Self {
        Self { low: row[at], middle: row[at + 1], high: row[at + 2], largest: row[at + 3] }
    }

    /// Bits 15 to 30.
    fn upper(&self) -> AB::Expr {
        self.middle + AB::Expr::from(self.high) * AB::Expr::from_u32(1 << 15)
    }

    fn value(&self) -> AB::Expr {
        self.upper() * AB::Expr::from_u32(1 << 15) + self.low
    }
}

impl<AB: InteractionBuilder<F = Val>, K: Keeps> Air<AB> for AccountTable<K> {
    fn eval(&self, builder: &mut AB) {
        let keeps = &self.keeps;
        let main = builder.main();
        let row = main.current_slice();
        let next = main.next_slice();
        let key = [Element::<AB>::new(row, FIRST), Element::new(row, SECOND)];
        let next_key = [Element::<AB>::new(next, FIRST), Element::new(next, SECOND)];

        if keeps.keeps(C::AccountFlagsAreBits) {
            for flag in [row[ACTIVE], key[0].high, key[0].largest, key[1].high, key[1].largest] {
                builder.assert_bool(flag);
            }
            for flag in &row[DIFFERENCE_HIGH..WIDTH] {
                builder.assert_bool(*flag);
            }
        }
        if keeps.keeps(C::AccountFirstIsActive) {
            builder.when_first_row().assert_one(row[ACTIVE]);
        }
        if keeps.keeps(C::AccountActiveFalls) {
            builder.when_transition().assert_zero(next[ACTIVE] * (AB::Expr::ONE - row[ACTIVE]));
        }
        if keeps.keeps(C::AccountIndexStarts) {
            builder.when_first_row().assert_zero(row[INDEX]);
        }
        if keeps.keeps(C::AccountIndexCounts) {
            builder.when_transition().assert_eq(next[INDEX], row[INDEX] + AB::Expr::ONE);
        }

        // An element is below p = 2^31 - 2^24 + 1: with bit 30 set, bits 15 to 29 stay below 2^15 - 2^9, or the
        // element is p - 1, whose bits 0 to 14 are zero.
        if keeps.keeps(C::AccountTopNeedsHigh) {
            for element in &key {
                builder.assert_zero(element.largest * (AB::Expr::ONE - element.high));
            }
        }
        if keeps.keeps(C::AccountTopIsLargest) {
            for element in &key {
                builder.assert_zero(element.largest * element.low);
                builder.assert_zero(
                    element.largest * (element.middle - AB::Expr::from_u32((1 << 15) - (1 << 9))),
                );
            }
        }
        if keeps.keeps(C::AccountKeyInRange) {
            for element in &key {
                range_query(builder, RANGE_BUS, element.low);
                range_query(builder, RANGE_BUS, element.middle);
                range_query(
                    builder,
                    RANGE_BUS,
                    element.middle + AB::Expr::from(element.high) * AB::Expr::from_u32(1 << 9)
                        - element.largest,
                );
            }
        }

        self.order(builder, row, next[ACTIVE], &key, &next_key);
        self.publics(builder, row, next[ACTIVE], &key);

        if keeps.keeps(C::BusAccountReceived) {
            let first_leaf = AB::Expr::from_u32(1 << SUBTREE_DEPTH);
            let account = [row[INDEX] + first_leaf, key[0].value(), key[1].value()];
            builder.push_interaction(
                LINK_BUS,
                link::<AB, _>(LinkTag::Account, account),
                -Count::bounded(row[ACTIVE].into(), 1),
            );
        }
    }
}

impl<K: Keeps> AccountTable<K> {
    /// The next key minus this key minus one, as an integer, isn't negative: schoolbook subtraction over pieces of
    /// 15, 16, 15 and 16 bits, with no borrow left at the end.
    fn order<AB: InteractionBuilder<F = Val>>(
        &self,
        builder: &mut AB,
        row: &[AB::Var],
        next_active: AB::Var,
        key: &[Element<AB>; 2],
        next_key: &[Element<AB>; 2],
    ) {
        let keeps = &self.keeps;
        let bit15 = AB::Expr::from_u32(1 << 15);
        let bit16 = AB::Expr::from_u32(1 << 16);
        let difference: [AB::Var; 4] = array::from_fn(|i| row[DIFFERENCE + i]);
        let [high_second, high_first] = [row[DIFFERENCE_HIGH], row[DIFFERENCE_HIGH + 1]];
        let borrow: [AB::Var; 3] = array::from_fn(|i| row[BORROW + i]);

        if keeps.keeps(C::AccountOrderLow) {
            let low = next_key[1].low - key[1].low - AB::Expr::ONE + bit15.clone() * borrow[0];
            builder.when_transition().assert_zero(next_active * (low - difference[0]));
        }
        if keeps.keeps(C::AccountOrderMiddleLow) {
            let upper = next_key[1].upper() - key[1].upper() - borrow[0] + bit16 * borrow[1];
            let expected = difference[1] + bit15.clone() * high_second;
            builder.when_transition().assert_zero(next_active * (upper - expected));
        }
        if keeps.keeps(C::AccountOrderMiddleHigh) {
            let low = next_key[0].low - key[0].low - borrow[1] + bit15.clone() * borrow[2];
            builder.when_transition().assert_zero(next_active * (low - difference[2]));
        }
        if keeps.keeps(C::AccountOrderHigh) {
            let upper = next_key[0].upper() - key[0].upper() - borrow[2];
            let expected = difference[3] + bit15 * high_first;
            builder.when_transition().assert_zero(next_active * (upper - expected));
        }
        if keeps.keeps(C::AccountDifferenceInRange) {
            for difference in difference {
                range_query(builder, RANGE_BUS, difference);
            }
        }
    }

    fn publics<AB: InteractionBuilder<F = Val>>(
        &self,
        builder: &mut AB,
        row: &[AB::Var],
        next_active: AB::Var,
        key: &[Element<AB>; 2],
    ) {
        let keeps = &self.keeps;
        let publics: [AB::PublicVar; PUBLICS] = array::from_fn(|i| builder.public_values()[i]);
        let is_last: AB::Expr = row[ACTIVE] * (AB::Expr::ONE - next_active);
        if keeps.keeps(C::AccountFirstKeyIsPublic) {
            for (i, element) in key.iter().enumerate() {
                builder.when_first_row().assert_eq(element.value(), publics[PUBLIC_FIRST + i]);
            }
        }
        if keeps.keeps(C::AccountLastKeyIsPublic) {
            for (i, element) in key.iter().enumerate() {
                let off: AB::Expr = element.value() - publics[PUBLIC_LAST + i].into();
                builder.when_transition().assert_zero(is_last.clone() * off.clone());
                builder.when_last_row().assert_zero(row[ACTIVE] * off);
            }
        }
        if keeps.keeps(C::AccountCountIsPublic) {
            let off: AB::Expr = row[INDEX] + AB::Expr::ONE - publics[PUBLIC_COUNT].into();
            builder.when_transition().assert_zero(is_last * off.clone());
            builder.when_last_row().assert_zero(row[ACTIVE] * off);
        }
    }
}
