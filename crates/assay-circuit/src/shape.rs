//! Shapes of segments: the heights of their tables, of which there are few, and how much fits.

use alloc::vec;
use alloc::vec::Vec;

use assay_commit::{SUBTREE_DEPTH, leaf_row_count};
use assay_statement::{Entry, EntryKey};

use crate::prices::SegmentPrices;
use crate::segment::{LOG_RANGE, MAX_GROUP, MAX_LOG_HEIGHTS, MIN_LOG_HEIGHT, PLAIN_TABLES, TABLES, Variant};

/// Rows that the list of totals of a segment can have, the epoch's row not counted. It bounds the work of whoever
/// opens the list in a circuit, and so the different keys of a segment and the entries of an account.
pub const MAX_TOTALS_ROWS: usize = 895;

/// The heights that all tables of a segment are padded to.
///
/// A verifier of single segments takes any heights within the bounds. A circuit that verifies segments has its wiring
/// laid out for one shape, so segments are made in one of [`SEGMENT_SHAPES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentShape {
    name: &'static str,
    plain: [usize; PLAIN_TABLES],
    covered: Option<[usize; TABLES.len() - PLAIN_TABLES]>,
}

/// All shapes: small for little memory, medium and large, and dense for accounts with many entries each; then those that
/// cover debt, of which `large-light` is for ledgers where few accounts have any.
pub const SEGMENT_SHAPES: [SegmentShape; 9] = [
    SegmentShape { name: "small", plain: [14, 14, 12, LOG_RANGE], covered: None },
    SegmentShape { name: "medium", plain: [17, 17, 15, LOG_RANGE], covered: None },
    SegmentShape { name: "large", plain: [19, 19, 17, LOG_RANGE], covered: None },
    SegmentShape { name: "dense", plain: [18, 19, 12, LOG_RANGE], covered: None },
    SegmentShape { name: "small-covered", plain: [14, 14, 12, LOG_RANGE], covered: Some([12, 12]) },
    SegmentShape { name: "medium-covered", plain: [17, 17, 15, LOG_RANGE], covered: Some([15, 15]) },
    SegmentShape { name: "large-light", plain: [19, 19, 17, LOG_RANGE], covered: Some([14, 14]) },
    SegmentShape { name: "large-covered", plain: [19, 19, 17, LOG_RANGE], covered: Some([17, 17]) },
    SegmentShape { name: "dense-covered", plain: [18, 19, 12, LOG_RANGE], covered: Some([17, 17]) },
];

// Verifiers take every shape.
const _: () = {
    let mut i = 0;
    while i < SEGMENT_SHAPES.len() {
        assert!(SEGMENT_SHAPES[i].is_within_bounds());
        i += 1;
    }
};

impl SegmentShape {
    /// Its name, unique among [`SEGMENT_SHAPES`].
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The tables that it has.
    pub const fn variant(&self) -> Variant {
        match self.covered {
            None => Variant::Plain,
            Some(_) => Variant::Covered,
        }
    }

    /// Log2 of the tables' heights, in the order of [`TABLES`].
    pub fn log_heights(&self) -> Vec<usize> {
        self.plain.into_iter().chain(self.covered.into_iter().flatten()).collect()
    }

    /// The one of [`SEGMENT_SHAPES`] with these heights (log2), in the order of [`TABLES`].
    pub fn of_heights(log_heights: &[usize]) -> Option<Self> {
        SEGMENT_SHAPES.into_iter().find(|shape| shape.log_heights() == log_heights)
    }

    /// The one of [`SEGMENT_SHAPES`] with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        SEGMENT_SHAPES.into_iter().find(|shape| shape.name == name)
    }

    /// Any heights (log2) that a verifier of single segments takes; `None` outside its bounds.
    #[cfg(feature = "mutation")]
    pub const fn custom(plain: [usize; PLAIN_TABLES], covered: Option<[usize; 2]>) -> Option<Self> {
        let shape = Self { name: "custom", plain, covered };
        if shape.is_within_bounds() { Some(shape) } else { None }
    }

    /// The least heights that hold these accounts, which are covered if there are prices; `None` if they are too many
    /// for a segment.
    #[cfg(feature = "mutation")]
    pub fn fitting(accounts: &[crate::SegmentAccount<'_>], prices: Option<&SegmentPrices>) -> Option<Self> {
        let mut size = SegmentSize::unbounded(prices);
        accounts.iter().for_each(|account| size.add(account.entries));
        let log = |rows: usize| (rows.next_power_of_two().trailing_zeros() as usize).max(MIN_LOG_HEIGHT);
        let [hash, entry, account, pledge, coverage] = size.rows().map(log);
        Self::custom([hash, entry, account, LOG_RANGE], prices.map(|_| [pledge, coverage]))
    }

    pub(crate) fn height(&self, table: usize) -> usize {
        match (self.plain.get(table), &self.covered) {
            (Some(log_height), _) => 1 << log_height,
            (None, Some(covered)) => {
                covered.get(table - PLAIN_TABLES).map_or(0, |log_height| 1 << log_height)
            }
            (None, None) => 0,
        }
    }

    const fn is_within_bounds(&self) -> bool {
        let mut table = 0;
        while table < MAX_LOG_HEIGHTS.len() {
            let log_height = match self.covered {
                _ if table < PLAIN_TABLES => self.plain[table],
                Some(covered) => covered[table - PLAIN_TABLES],
                None => MIN_LOG_HEIGHT,
            };
            if log_height < MIN_LOG_HEIGHT || log_height > MAX_LOG_HEIGHTS[table] {
                return false;
            }
            table += 1;
        }
        self.plain[3] == LOG_RANGE
    }
}

/// How far a segment is filled, so that accounts can be dealt out to segments of one shape.
#[derive(Clone)]
pub struct SegmentSize<'p> {
    heights: [usize; 5],
    prices: Option<&'p SegmentPrices>,
    accounts: usize,
    leaf_rows: usize,
    entries: usize,
    groups: usize,
    pledged: usize,
    covered: usize,
    entries_of: Vec<u32>,
}

impl<'p> SegmentSize<'p> {
    /// An empty segment. A shape that covers debt needs prices, without which nothing fits.
    pub fn new(shape: SegmentShape, prices: Option<&'p SegmentPrices>) -> Self {
        let priced = shape.variant() == Variant::Plain || prices.is_some();
        let height = |table| if priced { shape.height(table) } else { 0 };
        Self { heights: [0, 1, 2, 4, 5].map(height), ..Self::unbounded(prices) }
    }

    fn unbounded(prices: Option<&'p SegmentPrices>) -> Self {
        let entries_of = vec![0; usize::from(EntryKey::BOUND)];
        Self {
            heights: [usize::MAX; 5],
            prices,
            accounts: 0,
            leaf_rows: 0,
            entries: 0,
            groups: 0,
            pledged: 0,
            covered: 0,
            entries_of,
        }
    }

    /// Adds an account with these entries, of different keys, if it fits; else leaves the segment as it is.
    ///
    /// Each of [`SEGMENT_SHAPES`] holds at least one account with up to [`MAX_TOTALS_ROWS`] entries, as long as the price
    /// rows leave room.
    pub fn try_add(&mut self, entries: &[Entry]) -> bool {
        let mut after = Self { entries_of: Vec::new(), ..*self };
        after.count(entries);
        after.groups += entries.iter().filter(|entry| self.opens_group(entry.key)).count();
        let fits = after.groups <= MAX_TOTALS_ROWS
            && after.rows().into_iter().zip(self.heights).all(|(rows, height)| rows <= height);
        if fits {
            for entry in entries {
                self.entries_of[usize::from(entry.key.number())] += 1;
            }
            after.entries_of = core::mem::take(&mut self.entries_of);
            *self = after;
        }
        fits
    }

    #[cfg(feature = "mutation")]
    fn add(&mut self, entries: &[Entry]) {
        self.count(entries);
        for entry in entries {
            self.groups += usize::from(self.opens_group(entry.key));
            self.entries_of[usize::from(entry.key.number())] += 1;
        }
    }

    fn count(&mut self, entries: &[Entry]) {
        self.accounts += 1;
        self.leaf_rows += leaf_row_count(entries.len());
        self.entries += entries.len();
        if let Some(prices) = self.prices {
            let [pledged, covered] = prices.rows_of(entries);
            self.pledged += pledged;
            self.covered += covered;
        }
    }

    /// Rows of the hash, entry, account, pledge and coverage table.
    fn rows(&self) -> [usize; 5] {
        // Those of leaves and of groups, one for the epoch, the nodes, and the prices.
        let prices = self.prices.map_or(0, SegmentPrices::row_count);
        let hash = self.leaf_rows + self.groups + 1 + node_count(self.accounts) + prices;
        [hash, self.entries, self.accounts, self.pledged, self.covered]
    }

    /// Accounts so far.
    pub const fn accounts(&self) -> usize {
        self.accounts
    }

    fn opens_group(&self, key: EntryKey) -> bool {
        self.entries_of[usize::from(key.number())].is_multiple_of(MAX_GROUP)
    }
}

/// Nodes of the subtree over `leaves` leaves that aren't empty.
pub(crate) fn node_count(leaves: usize) -> usize {
    (1..=SUBTREE_DEPTH).map(|level| leaves.div_ceil(1 << level)).sum()
}

#[cfg(test)]
mod tests {
    extern crate std;

    use assay_statement::coverage::PriceTable;
    use assay_statement::{Amount, Asset, AssetTable, Symbol};

    use super::*;

    /// An empty segment of an asset table without prices.
    fn of_shape(shape: SegmentShape) -> SegmentSize<'static> {
        static PRICES: std::sync::OnceLock<SegmentPrices> = std::sync::OnceLock::new();
        let prices = PRICES.get_or_init(|| {
            let asset = Asset::new(Symbol::new("BTC").unwrap(), 8);
            let table = AssetTable::new(vec![asset]).unwrap();
            SegmentPrices::new(&PriceTable::new(&table), &assay_commit::Hasher::new())
        });
        SegmentSize::new(shape, (shape.variant() == Variant::Covered).then_some(prices))
    }

    /// Entries of the first keys that there are.
    fn entries(count: usize) -> Vec<Entry> {
        let keys = (0..EntryKey::BOUND).filter_map(|number| EntryKey::from_number(number).ok());
        keys.map(|key| Entry { key, amount: Amount::ZERO }).take(count).collect()
    }

    #[test]
    fn shapes_are_told_apart_by_name_and_by_heights() {
        for shape in SEGMENT_SHAPES {
            assert_eq!(SegmentShape::of_name(shape.name()), Some(shape));
            assert_eq!(SegmentShape::of_heights(&shape.log_heights()), Some(shape));
        }
        assert_eq!(SegmentShape::of_heights(&[14, 14, 13, 15]), None);
        assert_eq!(SegmentShape::of_name("custom"), None);
    }

    #[test]
    fn a_fresh_segment_holds_the_largest_account() {
        for shape in SEGMENT_SHAPES {
            assert!(of_shape(shape).try_add(&entries(MAX_TOTALS_ROWS)), "{shape:?}");
            assert!(!of_shape(shape).try_add(&entries(MAX_TOTALS_ROWS + 1)), "{shape:?}");
        }
    }

    #[test]
    fn a_segment_of_many_keys_is_full_before_its_tables_are() {
        let most = entries(MAX_TOTALS_ROWS + 1);
        let mut size = of_shape(SEGMENT_SHAPES[0]);
        assert!(size.try_add(&most[..880]));
        assert!(!size.try_add(&most[875..MAX_TOTALS_ROWS + 1]));
        // Keys that are there already take no row.
        assert!(size.try_add(&most[870..MAX_TOTALS_ROWS]));
        assert!(!size.try_add(&most[MAX_TOTALS_ROWS..]));
        assert!(size.try_add(&most[..880]) && size.try_add(&[]));
        assert_eq!(size.accounts(), 4);
    }

    #[cfg(feature = "mutation")]
    #[test]
    fn heights_out_of_bounds() {
        let covered = [None, Some([5, 5]), Some([20, 20])];
        assert!(covered.iter().all(|covered| SegmentShape::custom([5, 5, 5, 15], *covered).is_some()));
        for log_heights in
            [[4, 5, 5, 15], [5, 4, 5, 15], [5, 5, 4, 15], [21, 5, 5, 15], [5, 21, 5, 15], [5, 5, 19, 15]]
        {
            assert_eq!(SegmentShape::custom(log_heights, None), None);
        }
        for covered in [[4, 5], [5, 4], [21, 5], [5, 21]] {
            assert_eq!(SegmentShape::custom([5, 5, 5, 15], Some(covered)), None);
        }
        for log_range in [14, 16] {
            assert_eq!(SegmentShape::custom([14, 14, 12, log_range], None), None);
        }
    }
}
