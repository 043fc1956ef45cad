//! Shapes of segments: the heights of their tables, of which there are few, and how much fits.

use alloc::vec;
use alloc::vec::Vec;

use assay_commit::{SUBTREE_DEPTH, leaf_row_count};
use assay_statement::{Entry, EntryKey};

use crate::segment::{LOG_RANGE, MAX_GROUP, MAX_LOG_HEIGHTS, MIN_LOG_HEIGHT};

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
    log_heights: [usize; 4],
}

/// All shapes: small for little memory, medium and large, and dense for accounts with many entries each.
pub const SEGMENT_SHAPES: [SegmentShape; 4] = [
    SegmentShape { name: "small", log_heights: [14, 14, 12, LOG_RANGE] },
    SegmentShape { name: "medium", log_heights: [17, 17, 15, LOG_RANGE] },
    SegmentShape { name: "large", log_heights: [19, 19, 17, LOG_RANGE] },
    SegmentShape { name: "dense", log_heights: [18, 19, 12, LOG_RANGE] },
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

    /// Log2 of the tables' heights, in the order of [`TABLES`](crate::TABLES).
    pub const fn log_heights(&self) -> [usize; 4] {
        self.log_heights
    }

    /// The one of [`SEGMENT_SHAPES`] with these heights (log2), in the order of [`TABLES`](crate::TABLES).
    pub fn of_heights(log_heights: [usize; 4]) -> Option<Self> {
        SEGMENT_SHAPES.into_iter().find(|shape| shape.log_heights == log_heights)
    }

    /// The one of [`SEGMENT_SHAPES`] with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        SEGMENT_SHAPES.into_iter().find(|shape| shape.name == name)
    }

    /// Any heights (log2) that a verifier of single segments takes; `None` outside its bounds.
    #[cfg(feature = "mutation")]
    pub const fn custom(log_heights: [usize; 4]) -> Option<Self> {
        let shape = Self { name: "custom", log_heights };
        if shape.is_within_bounds() { Some(shape) } else { None }
    }

    /// The least heights that hold these accounts; `None` if they are too many for a segment.
    #[cfg(feature = "mutation")]
    pub fn fitting(accounts: &[crate::SegmentAccount<'_>]) -> Option<Self> {
        let mut entries_of = vec![0u32; usize::from(EntryKey::BOUND)];
        let (mut leaf_rows, mut entries) = (0, 0);
        for account in accounts {
            leaf_rows += leaf_row_count(account.entries.len());
            entries += account.entries.len();
            account.entries.iter().for_each(|entry| entries_of[usize::from(entry.key.number())] += 1);
        }
        let groups = entries_of.iter().map(|count| count.div_ceil(MAX_GROUP) as usize).sum();
        let rows = [hash_rows(accounts.len(), leaf_rows, groups), entries, accounts.len(), 1 << LOG_RANGE];
        Self::custom(
            rows.map(|rows| (rows.next_power_of_two().trailing_zeros() as usize).max(MIN_LOG_HEIGHT)),
        )
    }

    pub(crate) const fn height(&self, table: usize) -> usize {
        1 << self.log_heights[table]
    }

    const fn is_within_bounds(&self) -> bool {
        let mut table = 0;
        while table < self.log_heights.len() {
            let log_height = self.log_heights[table];
            if log_height < MIN_LOG_HEIGHT || log_height > MAX_LOG_HEIGHTS[table] {
                return false;
            }
            table += 1;
        }
        self.log_heights[3] == LOG_RANGE
    }
}

/// How far a segment is filled, so that accounts can be dealt out to segments of one shape.
#[derive(Clone)]
pub struct SegmentSize {
    shape: SegmentShape,
    accounts: usize,
    leaf_rows: usize,
    entries: usize,
    groups: usize,
    entries_of: Vec<u32>,
}

impl SegmentSize {
    /// An empty segment.
    pub fn new(shape: SegmentShape) -> Self {
        let entries_of = vec![0; usize::from(EntryKey::BOUND)];
        Self { shape, accounts: 0, leaf_rows: 0, entries: 0, groups: 0, entries_of }
    }

    /// Adds an account with these entries, of different keys, if it fits; else leaves the segment as it is.
    ///
    /// Each of [`SEGMENT_SHAPES`] holds at least one account with up to [`MAX_TOTALS_ROWS`] entries.
    pub fn try_add(&mut self, entries: &[Entry]) -> bool {
        let new_groups = entries.iter().filter(|entry| self.opens_group(entry.key)).count();
        let accounts = self.accounts + 1;
        let leaf_rows = self.leaf_rows + leaf_row_count(entries.len());
        let groups = self.groups + new_groups;
        let rows = [hash_rows(accounts, leaf_rows, groups), self.entries + entries.len(), accounts];
        let fits = groups <= MAX_TOTALS_ROWS
            && rows.into_iter().enumerate().all(|(table, rows)| rows <= self.shape.height(table));
        if fits {
            for entry in entries {
                self.entries_of[usize::from(entry.key.number())] += 1;
            }
            self.accounts = accounts;
            self.leaf_rows = leaf_rows;
            self.groups = groups;
            self.entries += entries.len();
        }
        fits
    }

    /// Accounts so far.
    pub const fn accounts(&self) -> usize {
        self.accounts
    }

    fn opens_group(&self, key: EntryKey) -> bool {
        self.entries_of[usize::from(key.number())].is_multiple_of(MAX_GROUP)
    }
}

/// Rows of the hash table: those of leaves and of groups, one for the epoch, and the nodes.
fn hash_rows(accounts: usize, leaf_rows: usize, groups: usize) -> usize {
    leaf_rows + groups + 1 + node_count(accounts)
}

/// Nodes of the subtree over `leaves` leaves that aren't empty.
pub(crate) fn node_count(leaves: usize) -> usize {
    (1..=SUBTREE_DEPTH).map(|level| leaves.div_ceil(1 << level)).sum()
}

#[cfg(test)]
mod tests {
    use assay_statement::Amount;

    use super::*;

    /// Entries of the first keys that there are.
    fn entries(count: usize) -> Vec<Entry> {
        let keys = (0..EntryKey::BOUND).filter_map(|number| EntryKey::from_number(number).ok());
        keys.map(|key| Entry { key, amount: Amount::ZERO }).take(count).collect()
    }

    #[test]
    fn shapes_are_told_apart_by_name_and_by_heights() {
        for shape in SEGMENT_SHAPES {
            assert_eq!(SegmentShape::of_name(shape.name()), Some(shape));
            assert_eq!(SegmentShape::of_heights(shape.log_heights()), Some(shape));
        }
        assert_eq!(SegmentShape::of_heights([14, 14, 13, 15]), None);
        assert_eq!(SegmentShape::of_name("custom"), None);
    }

    #[test]
    fn a_fresh_segment_holds_the_largest_account() {
        for shape in SEGMENT_SHAPES {
            assert!(SegmentSize::new(shape).try_add(&entries(MAX_TOTALS_ROWS)), "{shape:?}");
            assert!(!SegmentSize::new(shape).try_add(&entries(MAX_TOTALS_ROWS + 1)), "{shape:?}");
        }
    }

    #[test]
    fn a_segment_of_many_keys_is_full_before_its_tables_are() {
        let most = entries(MAX_TOTALS_ROWS + 1);
        let mut size = SegmentSize::new(SEGMENT_SHAPES[0]);
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
        assert!(SegmentShape::custom([5, 5, 5, 15]).is_some());
        for log_heights in
            [[4, 5, 5, 15], [5, 4, 5, 15], [5, 5, 4, 15], [21, 5, 5, 15], [5, 21, 5, 15], [5, 5, 19, 15]]
        {
            assert_eq!(SegmentShape::custom(log_heights), None);
        }
        for log_range in [14, 16] {
            assert_eq!(SegmentShape::custom([14, 14, 12, log_range]), None);
        }
    }
}
