//! The tables of a segment together: buses, order, heights.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use assay_commit::SUBTREE_DEPTH;
use p3_air::{Air, AirBuilder, BaseAir};
use p3_batch_stark::{CommonData, ProverData};
use p3_field::{PrimeCharacteristicRing, PrimeField32};
use p3_lookup::{Count, InteractionBuilder};

use crate::account_table::AccountTable;
use crate::constraint::{All, Keeps};
use crate::coverage_table::CoverageTable;
use crate::entry_table::EntryTable;
use crate::hash_table::HashTable;
use crate::pledge_table::PledgeTable;
use crate::range_table::RangeTable;
use crate::{SegmentConfig, Val};

/// Tables of a segment, in the order of a proof. A plain segment has the first [`PLAIN_TABLES`].
pub const TABLES: [&str; 6] = ["hash", "entry", "account", "range", "pledge", "coverage"];

/// Tables of a plain segment.
pub const PLAIN_TABLES: usize = 4;

/// Which tables a segment has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// Nobody owes anything: verifiers take totals of equity only.
    Plain,
    /// Accounts with debt or collateral are shown to be covered.
    Covered,
}

impl Variant {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Plain, Self::Covered];

    /// Names of its tables, in order.
    pub fn tables(self) -> &'static [&'static str] {
        match self {
            Self::Plain => TABLES.split_at(PLAIN_TABLES).0,
            Self::Covered => &TABLES,
        }
    }

    /// The variant with so many tables.
    pub fn of_tables(tables: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|variant| variant.tables().len() == tables)
    }
}

/// Log2 of the range table's height and of the numbers that it holds.
pub const LOG_RANGE: usize = 15;

/// Pieces of [`LOG_RANGE`] bits of an amount.
pub(crate) const PIECES: usize = 6;

/// Smallest log2 of a table's height.
pub const MIN_LOG_HEIGHT: usize = 5;

/// Largest log2 of each table's height, in the order of [`TABLES`]. The range table has exactly its height.
pub const MAX_LOG_HEIGHTS: [usize; 6] = [20, 20, SUBTREE_DEPTH, LOG_RANGE, 20, 20];

/// Entries that a group of equal keys can have. Verifiers check it on the list of totals; larger sums are several
/// groups. No sum of pieces reaches `2^30`, far less `p`, so that each is two numbers of [`LOG_RANGE`] bits to whoever
/// opens the list in a circuit.
pub const MAX_GROUP: u32 = 1 << LOG_RANGE;

// An amount is exactly its pieces. No group's sum of pieces wraps, and each is two numbers of the range table.
const _: () = assert!(PIECES * LOG_RANGE == assay_statement::AMOUNT_BITS as usize);
const _: () = assert!((MAX_GROUP as u64) * ((1 << LOG_RANGE) - 1) < 1 << (2 * LOG_RANGE));
const _: () = assert!(1u64 << (2 * LOG_RANGE) < Val::ORDER_U32 as u64);
// Leaf numbers are distinct field elements.
const _: () = assert!(2u64 << SUBTREE_DEPTH < Val::ORDER_U32 as u64);
// Leaf numbers don't run out: each account of the highest table has one, and 2^18 is the most accounts that a
// verifier takes.
const _: () = assert!(MAX_LOG_HEIGHTS[2] <= SUBTREE_DEPTH);
// Pieces and limbs are one thing, so that the coverage table multiplies what the entry table has checked.
const _: () = assert!(LOG_RANGE == assay_statement::coverage::LIMB_BITS as usize);
// Counters of rows don't wrap.
const _: () = assert!(1u64 << MAX_LOG_HEIGHTS[1] < Val::ORDER_U32 as u64);

/// Bus of the 15-bit range lookups: one number.
pub(crate) const RANGE_BUS: &str = "range";

/// Bus that ties the tables together: a tag, then nine elements, zeros where a message is shorter.
pub(crate) const LINK_BUS: &str = "link";

/// What a message of the link bus says; the first element of the message.
#[derive(Clone, Copy)]
pub(crate) enum LinkTag {
    /// Number and digest of a leaf or node.
    Tree = 1,
    /// Number of a leaf, first two elements of its account key.
    Account = 2,
    /// A row of the totals: key, six sums of pieces, number of entries.
    Totals = 3,
    /// An entry: key, three limbs, gap to the key before; where debt is covered, also the number of its leaf.
    Entry = 4,
    /// An entry whose account needs cover, to the pledge table: number of the leaf, key, six pieces.
    Pledge = 5,
    /// Debt or collateral, to the coverage table: number of the leaf, key, six pieces, 1 for debt.
    Cover = 6,
    /// A price row.
    Prices = 7,
}

/// Elements of a message of the link bus.
pub(crate) const LINK_WIDTH: usize = 10;

pub(crate) fn link<AB: AirBuilder, const N: usize>(tag: LinkTag, fields: [AB::Expr; N]) -> Vec<AB::Expr> {
    link_tagged::<AB, N>(AB::Expr::from_u32(tag as u32), fields)
}

pub(crate) fn link_tagged<AB: AirBuilder, const N: usize>(
    tag: AB::Expr,
    fields: [AB::Expr; N],
) -> Vec<AB::Expr> {
    const { assert!(N < LINK_WIDTH) };
    let mut message = vec![tag];
    message.extend(fields);
    message.resize(LINK_WIDTH, AB::Expr::ZERO);
    message
}

pub(crate) fn range_query<AB: InteractionBuilder>(builder: &mut AB, bus: &str, value: impl Into<AB::Expr>) {
    builder.push_interaction(bus, [value.into()], Count::from(1));
}

/// One table of a segment.
#[derive(Clone)]
pub enum SegmentAir<K = All> {
    /// Permutations.
    Hash(Box<HashTable<K>>),
    /// Entries.
    Entry(EntryTable<K>),
    /// Accounts.
    Account(AccountTable<K>),
    /// Range lookups.
    Range(RangeTable<K>),
    /// Equity and what of it is pledged.
    Pledge(PledgeTable<K>),
    /// Debt and what secures it.
    Coverage(CoverageTable<K>),
}

/// The tables of a segment, in the order of [`TABLES`].
pub fn segment_airs<K: Keeps>(variant: Variant, keeps: K) -> Vec<SegmentAir<K>> {
    let mut airs = vec![
        SegmentAir::Hash(Box::new(HashTable::new(variant, keeps.clone()))),
        SegmentAir::Entry(EntryTable::new(variant, keeps.clone())),
        SegmentAir::Account(AccountTable::new(keeps.clone())),
        SegmentAir::Range(RangeTable::new(keeps.clone())),
    ];
    if variant == Variant::Covered {
        airs.push(SegmentAir::Pledge(PledgeTable::new(keeps.clone())));
        airs.push(SegmentAir::Coverage(CoverageTable::new(keeps)));
    }
    airs
}

/// Lookups of the tables, which prover and verifier share. Heights don't matter: there are no preprocessed columns.
pub fn segment_common<K: Keeps>(
    config: &SegmentConfig,
    airs: &[SegmentAir<K>],
) -> Option<CommonData<SegmentConfig>> {
    let heights = vec![MIN_LOG_HEIGHT; airs.len()];
    ProverData::from_airs_and_degrees(config, airs, &heights).ok().map(|data| data.common)
}

impl<K: Keeps> BaseAir<Val> for SegmentAir<K> {
    fn width(&self) -> usize {
        match self {
            Self::Hash(table) => table.width(),
            Self::Entry(table) => table.width(),
            Self::Account(table) => table.width(),
            Self::Range(table) => table.width(),
            Self::Pledge(table) => table.width(),
            Self::Coverage(table) => table.width(),
        }
    }

    fn num_public_values(&self) -> usize {
        match self {
            Self::Hash(table) => table.num_public_values(),
            Self::Entry(table) => table.num_public_values(),
            Self::Account(table) => table.num_public_values(),
            Self::Range(table) => table.num_public_values(),
            Self::Pledge(table) => table.num_public_values(),
            Self::Coverage(table) => table.num_public_values(),
        }
    }

    fn max_constraint_degree(&self) -> Option<usize> {
        Some(3)
    }
}

impl<AB: InteractionBuilder<F = Val>, K: Keeps> Air<AB> for SegmentAir<K> {
    fn eval(&self, builder: &mut AB) {
        match self {
            Self::Hash(table) => table.eval(builder),
            Self::Entry(table) => table.eval(builder),
            Self::Account(table) => table.eval(builder),
            Self::Range(table) => table.eval(builder),
            Self::Pledge(table) => table.eval(builder),
            Self::Coverage(table) => table.eval(builder),
        }
    }
}
