//! The hash table: one row is one permutation of Poseidon2 that absorbs a part of a leaf, joins two nodes of the
//! tree, or absorbs a row of the totals.

use alloc::vec::Vec;
use core::array;

use assay_commit::{EMPTY, RowTag};
use p3_air::{Air, AirBuilder, BaseAir, WindowAccess};
use p3_field::PrimeCharacteristicRing;
use p3_koala_bear::{
    GenericPoseidon2LinearLayersKoalaBear, KOALABEAR_POSEIDON2_HALF_FULL_ROUNDS,
    KOALABEAR_POSEIDON2_PARTIAL_ROUNDS_16, KOALABEAR_POSEIDON2_RC_16_EXTERNAL_FINAL,
    KOALABEAR_POSEIDON2_RC_16_EXTERNAL_INITIAL, KOALABEAR_POSEIDON2_RC_16_INTERNAL, KOALABEAR_S_BOX_DEGREE,
};
use p3_lookup::{Count, InteractionBuilder};
use p3_poseidon2_air::{Poseidon2Air, RoundConstants};
use p3_uni_stark::SubAirBuilder;

use crate::Constraint as C;
use crate::Val;
use crate::constraint::Keeps;
use crate::segment::{LINK_BUS, LinkTag, Variant, link};

/// Columns of the hash table.
pub mod columns {
    /// Columns of the permutation: 16 inputs, then the state after each full round and the S-box of each partial one.
    pub const PERMUTATION: usize = 164;
    /// First of the 16 outputs of the permutation.
    pub const OUTPUT: usize = PERMUTATION - 16;
    /// 1 on the first row of a leaf.
    pub const HEADER: usize = PERMUTATION;
    /// 1 on a row of a leaf with entries.
    pub const ENTRIES: usize = PERMUTATION + 1;
    /// 1 on a node of the tree.
    pub const NODE: usize = PERMUTATION + 2;
    /// 1 on a row of the totals.
    pub const TOTALS: usize = PERMUTATION + 3;
    /// 1 on the last row of a leaf.
    pub const LAST: usize = PERMUTATION + 4;
    /// 1 on an entries row whose second half holds an entry too.
    pub const SECOND: usize = PERMUTATION + 5;
    /// 1 on a node whose right child is empty.
    pub const EMPTY_RIGHT: usize = PERMUTATION + 6;
    /// 1 on the first row of the table, the top of the subtree.
    pub const ROOT: usize = PERMUTATION + 7;
    /// 1 on the second row of the table, the first of the totals.
    pub const TOTALS_FIRST: usize = PERMUTATION + 8;
    /// Number of the leaf or node: 1 for the top, `2 n` and `2 n + 1` for the children of `n`.
    pub const NUMBER: usize = PERMUTATION + 9;
    /// Key of the entry before this row's first one, 0 at the first.
    pub const PREVIOUS_KEY: usize = PERMUTATION + 10;
    /// Entries of the leaf that this row and the rows after it hold.
    pub const REMAINING: usize = PERMUTATION + 11;
    /// All columns of a plain segment.
    pub const WIDTH: usize = PERMUTATION + 12;
    /// 1 on a price row; from here on, only where debt is covered.
    pub const PRICES: usize = WIDTH;
    /// 1 on the first price row.
    pub const PRICES_FIRST: usize = WIDTH + 1;
    /// How often the price row is looked up.
    pub const MULTIPLICITY: usize = WIDTH + 2;
    /// All columns where debt is covered.
    pub const COVERED_WIDTH: usize = WIDTH + 3;
}
use columns::*;

const HALF: usize = 8;

/// Constraints of the permutation, one a row, without registers for the S-box.
pub type Permutation = Poseidon2Air<
    Val,
    GenericPoseidon2LinearLayersKoalaBear,
    16,
    KOALABEAR_S_BOX_DEGREE,
    0,
    KOALABEAR_POSEIDON2_HALF_FULL_ROUNDS,
    KOALABEAR_POSEIDON2_PARTIAL_ROUNDS_16,
>;

/// Round constants of the permutation.
pub type Rounds =
    RoundConstants<Val, 16, KOALABEAR_POSEIDON2_HALF_FULL_ROUNDS, KOALABEAR_POSEIDON2_PARTIAL_ROUNDS_16>;

/// The published round constants, the same as the native hash has.
pub fn round_constants() -> Rounds {
    RoundConstants::new(
        KOALABEAR_POSEIDON2_RC_16_EXTERNAL_INITIAL,
        KOALABEAR_POSEIDON2_RC_16_INTERNAL,
        KOALABEAR_POSEIDON2_RC_16_EXTERNAL_FINAL,
    )
}

/// Public values of the hash table: top of the subtree, epoch digest, digest of the totals, and, where debt is covered,
/// of the price rows; eight elements each.
pub(crate) const PUBLIC_TOP: usize = 0;
pub(crate) const PUBLIC_EPOCH: usize = 8;
pub(crate) const PUBLIC_TOTALS: usize = 16;
pub(crate) const PUBLICS: usize = 24;
pub(crate) const PUBLIC_PRICES: usize = PUBLICS;
pub(crate) const COVERED_PUBLICS: usize = PUBLICS + 8;

/// The table's constraints.
#[derive(Clone)]
pub struct HashTable<K> {
    permutation: Permutation,
    variant: Variant,
    keeps: K,
}

impl<K: Keeps> HashTable<K> {
    pub(crate) fn new(variant: Variant, keeps: K) -> Self {
        Self { permutation: Permutation::new(round_constants()), variant, keeps }
    }
}

impl<K: Keeps> BaseAir<Val> for HashTable<K> {
    fn width(&self) -> usize {
        match self.variant {
            Variant::Plain => WIDTH,
            Variant::Covered => COVERED_WIDTH,
        }
    }

    fn num_public_values(&self) -> usize {
        match self.variant {
            Variant::Plain => PUBLICS,
            Variant::Covered => COVERED_PUBLICS,
        }
    }
}

impl<AB: InteractionBuilder<F = Val>, K: Keeps> Air<AB> for HashTable<K> {
    fn eval(&self, builder: &mut AB) {
        if self.keeps.keeps(C::PermutationRounds) {
            let mut permutation = SubAirBuilder::<AB, Permutation, AB::Var>::new(builder, 0..PERMUTATION);
            self.permutation.eval(&mut permutation);
        }
        let main = builder.main();
        let local = main.current_slice();
        let next = main.next_slice();
        let row = Row::<AB>::new(local);
        let next = Row::<AB>::new(next);
        self.flags(builder, &row);
        self.leaf(builder, &row, &next);
        self.node(builder, &row, &next);
        self.totals(builder, &row, &next);
        self.prices(builder, &row, &next);
        self.buses(builder, &row);
    }
}

/// Flag, count and message of one branch of an exclusive column.
type Branch<E> = (E, Count<E>, Vec<E>);

/// One row by name.
struct Row<AB: AirBuilder> {
    input: [AB::Var; 16],
    output: [AB::Var; 16],
    header: AB::Var,
    entries: AB::Var,
    node: AB::Var,
    totals: AB::Var,
    last: AB::Var,
    second: AB::Var,
    empty_right: AB::Var,
    root: AB::Var,
    totals_first: AB::Var,
    number: AB::Var,
    previous_key: AB::Var,
    remaining: AB::Var,
    prices: Option<Prices<AB>>,
}

/// What a row has only where debt is covered.
struct Prices<AB: AirBuilder> {
    prices: AB::Var,
    first: AB::Var,
    multiplicity: AB::Var,
}

impl<AB: AirBuilder<F = Val>> Row<AB> {
    fn new(row: &[AB::Var]) -> Self {
        Self {
            input: array::from_fn(|i| row[i]),
            output: array::from_fn(|i| row[OUTPUT + i]),
            header: row[HEADER],
            entries: row[ENTRIES],
            node: row[NODE],
            totals: row[TOTALS],
            last: row[LAST],
            second: row[SECOND],
            empty_right: row[EMPTY_RIGHT],
            root: row[ROOT],
            totals_first: row[TOTALS_FIRST],
            number: row[NUMBER],
            previous_key: row[PREVIOUS_KEY],
            remaining: row[REMAINING],
            prices: (row.len() == COVERED_WIDTH).then(|| Prices {
                prices: row[PRICES],
                first: row[PRICES_FIRST],
                multiplicity: row[MULTIPLICITY],
            }),
        }
    }

    /// Adds what a price row adds to a sum over the types of rows.
    fn with_prices(&self, sum: AB::Expr, times: AB::Expr) -> AB::Expr {
        match &self.prices {
            Some(prices) => sum + AB::Expr::from(prices.prices) * times,
            None => sum,
        }
    }

    /// Tag of the row's type; a padding row has none.
    fn tag(&self) -> AB::Expr {
        let tag = self.header * RowTag::Header.element()
            + self.entries * RowTag::Entries.element()
            + self.node * RowTag::Node.element()
            + self.totals * RowTag::Totals.element();
        self.with_prices(tag, RowTag::Prices.element().into())
    }

    /// Element `i` of the low half of the compression, the row's digest.
    fn low(&self, i: usize) -> AB::Expr {
        let sum = self.output[i] + self.input[i];
        if i == 0 { sum + self.tag() } else { sum }
    }

    /// Element `i` of the high half of the compression, which goes on into the next row.
    fn chain(&self, i: usize) -> AB::Expr {
        let sum = self.output[HALF + i] + self.input[HALF + i];
        if i == 0 { sum + self.tag() } else { sum }
    }
}

impl<K: Keeps> HashTable<K> {
    fn flags<AB: InteractionBuilder<F = Val>>(&self, builder: &mut AB, row: &Row<AB>) {
        let keeps = &self.keeps;
        if keeps.keeps(C::HashFlagsAreBits) {
            for flag in [
                row.header,
                row.entries,
                row.node,
                row.totals,
                row.last,
                row.second,
                row.empty_right,
                row.root,
                row.totals_first,
            ] {
                builder.assert_bool(flag);
            }
            if let Some(prices) = &row.prices {
                builder.assert_bool(prices.prices);
                builder.assert_bool(prices.first);
            }
        }
        if keeps.keeps(C::HashOneType) {
            let types = row.header + row.entries + row.node + row.totals;
            builder.assert_bool(row.with_prices(types, AB::Expr::ONE));
        }
        if keeps.keeps(C::HashLastIsLeaf) {
            builder.assert_zero(row.last * (AB::Expr::ONE - row.header - row.entries));
        }
    }

    /// A leaf is a header row and the entries rows that follow it at once; the last of them sends the leaf's digest.
    fn leaf<AB: InteractionBuilder<F = Val>>(&self, builder: &mut AB, row: &Row<AB>, next: &Row<AB>) {
        let keeps = &self.keeps;
        // Holds from the last row to the first as well, where the next row is the top and no entries row.
        if keeps.keeps(C::LeafContinues) {
            builder.assert_eq(next.entries, row.header + row.entries - row.last);
        }
        if keeps.keeps(C::LeafSecondNeedsEntries) {
            builder.assert_zero(row.second * (AB::Expr::ONE - row.entries));
        }
        if keeps.keeps(C::LeafOnlyLastIsHalf) {
            builder.assert_zero(row.entries * (AB::Expr::ONE - row.last) * (AB::Expr::ONE - row.second));
        }
        if keeps.keeps(C::LeafHalfIsZero) {
            for i in 4..HALF {
                builder.assert_zero((row.entries - row.second) * row.input[i]);
            }
        }
        if keeps.keeps(C::LeafChain) {
            for i in 0..HALF {
                builder.assert_zero(next.entries * (next.input[HALF + i] - row.chain(i)));
            }
        }
        if keeps.keeps(C::LeafNumberStays) {
            builder.assert_zero(next.entries * (next.number - row.number));
        }
        if keeps.keeps(C::LeafPreviousKeyStarts) {
            builder.assert_zero(row.header * next.entries * next.previous_key);
        }
        if keeps.keeps(C::LeafPreviousKeyFollows) {
            builder.assert_zero(row.entries * next.entries * (next.previous_key - row.input[4]));
        }
        if keeps.keeps(C::LeafCountIsHashed) {
            builder.assert_zero(row.header * (row.remaining - row.input[15]));
        }
        if keeps.keeps(C::LeafCountFalls) {
            let left = row.remaining - row.entries - row.second;
            builder.assert_zero(next.entries * (next.remaining - left));
        }
        if keeps.keeps(C::LeafCountEnds) {
            builder.assert_zero(row.last * (row.remaining - row.entries - row.second));
        }
    }

    /// Nodes stand anywhere; the top of the subtree is the first row.
    fn node<AB: InteractionBuilder<F = Val>>(&self, builder: &mut AB, row: &Row<AB>, next: &Row<AB>) {
        let keeps = &self.keeps;
        let top: [AB::PublicVar; HALF] = array::from_fn(|i| builder.public_values()[PUBLIC_TOP + i]);
        if keeps.keeps(C::NodeEmptyNeedsNode) {
            builder.assert_zero(row.empty_right * (AB::Expr::ONE - row.node));
        }
        if keeps.keeps(C::NodeEmptyIsEmpty) {
            for i in 0..HALF {
                builder.assert_zero(row.empty_right * (row.input[HALF + i] - EMPTY.0[i]));
            }
        }
        if keeps.keeps(C::RootIsFirst) {
            builder.when_first_row().assert_one(row.root);
        }
        if keeps.keeps(C::RootIsOnlyFirst) {
            builder.when_transition().assert_zero(next.root);
        }
        if keeps.keeps(C::RootIsNode) {
            builder.assert_zero(row.root * (AB::Expr::ONE - row.node));
        }
        if keeps.keeps(C::RootHasNumberOne) {
            builder.assert_zero(row.root * (row.number - AB::Expr::ONE));
        }
        if keeps.keeps(C::RootIsPublic) {
            for (i, public) in top.into_iter().enumerate() {
                builder.assert_zero(row.root * (row.low(i) - public.into()));
            }
        }
    }

    /// The totals are one run of rows from the second row of the table on; its first absorbs the epoch digest.
    fn totals<AB: InteractionBuilder<F = Val>>(&self, builder: &mut AB, row: &Row<AB>, next: &Row<AB>) {
        let keeps = &self.keeps;
        let publics = builder.public_values();
        let epoch: [AB::PublicVar; HALF] = array::from_fn(|i| publics[PUBLIC_EPOCH + i]);
        let digest: [AB::PublicVar; HALF] = array::from_fn(|i| publics[PUBLIC_TOTALS + i]);
        if keeps.keeps(C::TotalsStartAfterRoot) {
            builder.assert_eq(next.totals_first, row.root);
        }
        if keeps.keeps(C::TotalsStartIsTotals) {
            builder.assert_zero(row.totals_first * (AB::Expr::ONE - row.totals));
        }
        if keeps.keeps(C::TotalsOneRun) {
            builder.assert_zero(next.totals * (AB::Expr::ONE - row.totals) * (AB::Expr::ONE - row.root));
        }
        if keeps.keeps(C::TotalsEpochIsPublic) {
            for (i, public) in epoch.into_iter().enumerate() {
                builder.assert_zero(row.totals_first * (row.input[i] - public.into()));
            }
        }
        if keeps.keeps(C::TotalsChainStarts) {
            for i in 0..HALF {
                builder.assert_zero(row.totals_first * row.input[HALF + i]);
            }
        }
        if keeps.keeps(C::TotalsChain) {
            for i in 0..HALF {
                builder.assert_zero(row.totals * next.totals * (next.input[HALF + i] - row.chain(i)));
            }
        }
        if keeps.keeps(C::TotalsArePublic) {
            for (i, public) in digest.into_iter().enumerate() {
                builder
                    .assert_zero(row.totals * (AB::Expr::ONE - next.totals) * (row.low(i) - public.into()));
            }
        }
    }

    /// The price rows are one run after the totals.
    fn prices<AB: InteractionBuilder<F = Val>>(&self, builder: &mut AB, row: &Row<AB>, next: &Row<AB>) {
        let keeps = &self.keeps;
        let (Some(prices), Some(next_prices)) = (&row.prices, &next.prices) else { return };
        let publics = builder.public_values();
        let digest: [AB::PublicVar; HALF] = array::from_fn(|i| publics[PUBLIC_PRICES + i]);
        if keeps.keeps(C::PricesStartAfterTotals) {
            builder.assert_eq(next_prices.first, row.totals * (AB::Expr::ONE - next.totals));
        }
        if keeps.keeps(C::PricesStartIsPrices) {
            builder.assert_zero(prices.first * (AB::Expr::ONE - prices.prices));
        }
        if keeps.keeps(C::PricesOneRun) {
            let starts: AB::Expr = next_prices.prices * (AB::Expr::ONE - prices.prices);
            builder.assert_zero(starts * (AB::Expr::ONE - next_prices.first));
        }
        if keeps.keeps(C::PricesChainStarts) {
            for i in 0..HALF {
                builder.assert_zero(prices.first * row.input[HALF + i]);
            }
        }
        if keeps.keeps(C::PricesChain) {
            for i in 0..HALF {
                let off = next.input[HALF + i] - row.chain(i);
                builder.assert_zero(prices.prices * next_prices.prices * off);
            }
        }
        if keeps.keeps(C::PricesArePublic) {
            for (i, public) in digest.into_iter().enumerate() {
                let ends: AB::Expr = prices.prices * (AB::Expr::ONE - next_prices.prices);
                builder.assert_zero(ends * (row.low(i) - public.into()));
            }
        }
    }

    fn buses<AB: InteractionBuilder<F = Val>>(&self, builder: &mut AB, row: &Row<AB>) {
        let keeps = &self.keeps;
        let input = |i: usize| -> AB::Expr { row.input[i].into() };
        // The number of the leaf, where the entry table needs it.
        let number: AB::Expr = match self.variant {
            Variant::Plain => AB::Expr::ZERO,
            Variant::Covered => row.number.into(),
        };
        if keeps.keeps(C::BusEntrySent) {
            let gap = input(0) - row.previous_key - AB::Expr::ONE;
            let first = [input(0), input(1), input(2), input(3), gap, number.clone()];
            builder.push_interaction(
                LINK_BUS,
                link::<AB, _>(LinkTag::Entry, first),
                Count::bounded(row.entries.into(), 1),
            );
            let gap = input(4) - input(0) - AB::Expr::ONE;
            let second = [input(4), input(5), input(6), input(7), gap, number];
            builder.push_interaction(
                LINK_BUS,
                link::<AB, _>(LinkTag::Entry, second),
                Count::bounded(row.second.into(), 1),
            );
        }
        if keeps.keeps(C::BusNodeSent) {
            let digest: [AB::Expr; 9] =
                array::from_fn(|i| if i == 0 { row.number.into() } else { row.low(i - 1) });
            // The top goes to the public values instead.
            builder.push_interaction(
                LINK_BUS,
                link::<AB, _>(LinkTag::Tree, digest),
                Count::bounded(row.last + row.node - row.root, 1),
            );
        }
        let child = |side: usize| -> [AB::Expr; 9] {
            array::from_fn(|i| {
                if i == 0 {
                    let left: AB::Expr = row.number + row.number;
                    if side == 0 { left } else { left + AB::Expr::ONE }
                } else {
                    input(HALF * side + i - 1)
                }
            })
        };
        if keeps.keeps(C::BusNodeChildren) {
            builder.push_interaction(
                LINK_BUS,
                link::<AB, _>(LinkTag::Tree, child(1)),
                -Count::bounded(row.node - row.empty_right, 1),
            );
        }
        // A row is a header, a node, a row of totals or of prices, never two of them, so they share one column.
        let mut branches: Vec<Branch<AB::Expr>> = Vec::new();
        if keeps.keeps(C::BusAccountSent) {
            let account = [row.number.into(), input(0), input(1)];
            branches.push((row.header.into(), Count::from(1), link::<AB, _>(LinkTag::Account, account)));
        }
        if keeps.keeps(C::BusNodeChildren) {
            branches.push((row.node.into(), Count::from(-1), link::<AB, _>(LinkTag::Tree, child(0))));
        }
        if keeps.keeps(C::BusTotalsReceived) {
            let totals: [AB::Expr; 8] = array::from_fn(input);
            let flag = row.totals - row.totals_first;
            branches.push((flag, Count::from(-1), link::<AB, _>(LinkTag::Totals, totals)));
        }
        if let Some(prices) = &row.prices
            && keeps.keeps(C::BusPricesProvided)
        {
            let message: [AB::Expr; 8] = array::from_fn(input);
            let times = -AB::Expr::from(prices.multiplicity);
            let message = link::<AB, _>(LinkTag::Prices, message);
            branches.push((prices.prices.into(), Count::provided(times), message));
        }
        builder.push_exclusive_interaction(LINK_BUS, branches);
    }
}
