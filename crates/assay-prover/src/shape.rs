//! Which shape the segments of a run have: the one that is expected to cost least, among those that fit the memory.

use assay_circuit::{
    MAX_GROUP, MAX_TOTALS_ROWS, PLAIN_TABLES, SEGMENT_SHAPES, SegmentPrices, SegmentShape, Variant,
};
use assay_commit::{SUBTREE_DEPTH, leaf_row_count};
use assay_statement::{Entry, EntryKey};
use serde::{Deserialize, Serialize};

use crate::error::ProverError;

/// Bytes that proving takes for each row of the hash table, with the entry table twice as high at the most.
const BYTES_PER_ROW: u64 = 6_600;

/// Bytes that a process takes beside its segments.
const BASE_BYTES: u64 = 300 << 20;

/// Columns of main and lookup trace of each table, which a row is charged for whether it is in use or not.
const CELLS_PER_ROW: [u64; 4] = [196, 47, 54, 12];

/// The same where debt is covered, with its tables.
const COVERED_CELLS_PER_ROW: [u64; 6] = [199, 56, 54, 12, 55, 213];

/// Bytes that proving takes for each cell of the tables that cover debt.
const BYTES_PER_CELL: u64 = 12;

/// What it costs to verify one segment proof in a circuit, in cells of a segment: three tables of `2^15` rows of about
/// 450 columns.
const RECURSION_CELLS: u64 = (3 * 450) << 15;

/// A shape that stands in a file under its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub(crate) struct Shape(pub(crate) SegmentShape);

impl From<Shape> for &'static str {
    fn from(shape: Shape) -> Self {
        shape.0.name()
    }
}

impl TryFrom<String> for Shape {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        SegmentShape::of_name(&name).map(Self).ok_or("no shape of this name")
    }
}

impl Shape {
    /// The shapes whose segments can be proven within `memory` bytes, at least one.
    pub(crate) fn within(memory: u64) -> Result<Vec<Self>, ProverError> {
        let room = memory.saturating_sub(BASE_BYTES);
        let shapes = SEGMENT_SHAPES.map(Self);
        let fitting: Vec<Self> = shapes.into_iter().filter(|shape| shape.memory() <= room).collect();
        if fitting.is_empty() {
            return Err(too_little(memory, shapes.iter().map(Self::memory).min().unwrap_or(0)));
        }
        Ok(fitting)
    }

    /// How many segments can be proven at once within `memory` bytes, at most `threads` and at least one.
    pub(crate) fn jobs(&self, memory: u64, threads: usize) -> usize {
        let room = memory.saturating_sub(BASE_BYTES);
        // One segment keeps about four cores busy; more at once only take memory.
        let by_memory = usize::try_from(room / self.memory()).unwrap_or(usize::MAX);
        by_memory.min(threads.div_ceil(4)).max(1)
    }

    /// Bytes that proving one segment takes, about.
    fn memory(&self) -> u64 {
        let mut cells = self.cells_by_table();
        let hash = cells.next().map_or(0, |(log_height, _)| BYTES_PER_ROW << log_height);
        hash + cells.skip(PLAIN_TABLES - 1).map(|(_, cells)| cells * BYTES_PER_CELL).sum::<u64>()
    }

    /// Log2 of the height and cells of each table, padding and all.
    fn cells_by_table(&self) -> impl Iterator<Item = (usize, u64)> + use<> {
        let per_row: &[u64] = match self.0.variant() {
            Variant::Plain => &CELLS_PER_ROW,
            Variant::Covered => &COVERED_CELLS_PER_ROW,
        };
        let log_heights = self.0.log_heights().into_iter();
        log_heights.zip(per_row).map(|(log_height, cells)| (log_height, cells << log_height))
    }

    /// What a segment costs: its cells, padding and all, and as many as verifying it in a circuit is worth.
    fn cost(&self) -> u64 {
        let recursion = match self.0.variant() {
            Variant::Plain => RECURSION_CELLS,
            Variant::Covered => 2 * RECURSION_CELLS,
        };
        self.cells_by_table().map(|(_, cells)| cells).sum::<u64>() + recursion
    }
}

/// The error that `memory` bytes are given where segments take `least`.
fn too_little(memory: u64, least: u64) -> ProverError {
    ProverError::Memory { given: memory >> 20, least: (BASE_BYTES + least).div_ceil(1 << 20) }
}

/// What a ledger takes of segments, added up over its accounts.
pub(crate) struct LedgerSize {
    pub(crate) accounts: u64,
    pub(crate) positions: u64,
    leaf_rows: u64,
    /// Rows of the pledge and the coverage table.
    covered: [u64; 2],
    /// Rows of the prices.
    prices: u64,
    /// Positions of each entry key.
    by_key: Vec<u64>,
}

impl LedgerSize {
    pub(crate) fn new() -> Self {
        let by_key = vec![0; usize::from(EntryKey::BOUND)];
        Self { accounts: 0, positions: 0, leaf_rows: 0, covered: [0; 2], prices: 0, by_key }
    }

    /// Counts an account with these entries, at these prices.
    pub(crate) fn add(&mut self, entries: &[Entry], prices: &SegmentPrices) {
        self.prices = prices.row_count() as u64;
        self.covered.iter_mut().zip(prices.rows_of(entries)).for_each(|(sum, rows)| *sum += rows as u64);
        self.accounts += 1;
        self.positions += entries.len() as u64;
        self.leaf_rows += leaf_row_count(entries.len()) as u64;
        entries.iter().for_each(|entry| self.by_key[usize::from(entry.key.number())] += 1);
    }

    /// Pairs of asset and kind that occur.
    pub(crate) fn keys(&self) -> usize {
        self.by_key.iter().filter(|count| **count > 0).count()
    }

    /// The tables that the ledger takes.
    pub(crate) fn variant(&self) -> Variant {
        if self.covered == [0; 2] { Variant::Plain } else { Variant::Covered }
    }

    /// The shape with which the ledger is expected to cost least; `None` if there is none to choose from.
    pub(crate) fn cheapest(&self, shapes: &[Shape]) -> Option<Shape> {
        let cost = |shape: &Shape| self.segments(*shape).saturating_mul(shape.cost());
        shapes.iter().filter(|shape| self.takes(**shape)).copied().min_by_key(cost)
    }

    /// Whether segments of this shape have the tables that the ledger takes, and hold the largest account.
    fn takes(&self, shape: Shape) -> bool {
        let largest = leaf_row_count(MAX_TOTALS_ROWS) + MAX_TOTALS_ROWS + 1 + SUBTREE_DEPTH;
        let room = |hash: &usize| self.prices + largest as u64 <= 1 << hash;
        shape.0.variant() == self.variant()
            && (self.variant() == Variant::Plain || shape.0.log_heights().first().is_some_and(room))
    }

    /// The error that `memory` bytes are too little for the ledger, or that no segment holds its prices.
    pub(crate) fn too_little(&self, memory: u64) -> ProverError {
        let shapes = SEGMENT_SHAPES.into_iter().map(Shape);
        match shapes.filter(|shape| self.takes(*shape)).map(|shape| shape.memory()).min() {
            Some(least) => too_little(memory, least),
            None => ProverError::TooManyPrices { rows: self.prices },
        }
    }

    /// Segments of this shape that the ledger takes, about: the least number of equal shares that fit. Leaf keys are
    /// uniform, so segments are shares of a shuffled ledger.
    fn segments(&self, shape: Shape) -> u64 {
        // With one account each they fit in any case.
        let (mut least, mut most) = (1, self.accounts.max(1));
        while least < most {
            let middle = least + (most - least) / 2;
            if self.share_fits(shape, middle) {
                most = middle;
            } else {
                least = middle + 1;
            }
        }
        least
    }

    /// Whether a segment of this shape holds an average one of so many equal shares.
    fn share_fits(&self, shape: Shape, shares: u64) -> bool {
        let height =
            |table: usize| shape.0.log_heights().get(table).map_or(0, |log_height| 1u64 << log_height);
        let [pledged, covered] = self.covered.map(|rows| rows.div_ceil(shares));
        let prices = match shape.0.variant() {
            Variant::Plain => 0,
            Variant::Covered => self.prices,
        };
        let accounts = self.accounts.div_ceil(shares);
        let positions = self.positions.div_ceil(shares);
        // A key has a group in a share if it occurs there at all, and one more for each group that is full.
        let groups: u64 = self.by_key.iter().map(|count| (*count).min(shares)).sum::<u64>().div_ceil(shares)
            + self.by_key.iter().map(|count| count / shares / u64::from(MAX_GROUP)).sum::<u64>();
        let nodes = accounts + SUBTREE_DEPTH as u64;
        let rows = self.leaf_rows.div_ceil(shares) + nodes + groups + 1 + prices;
        rows <= height(0)
            && positions <= height(1)
            && accounts <= height(2)
            && pledged <= height(PLAIN_TABLES)
            && covered <= height(PLAIN_TABLES + 1)
            && groups <= MAX_TOTALS_ROWS as u64
    }
}

#[cfg(test)]
mod tests {
    use assay_circuit::segment_security;
    use assay_commit::Hasher;
    use assay_statement::{Amount, Asset, AssetTable, Kind, Price, Symbol};

    use super::*;

    fn shape(name: &str) -> Shape {
        Shape(SegmentShape::of_name(name).unwrap())
    }

    /// Prices of two assets with all default kinds: 2 * (3 + 3 * 3) rows and one in front.
    fn prices() -> SegmentPrices {
        let asset = |symbol| Asset {
            price: Some(Price { mantissa: 1, scale: 0 }),
            ..Asset::new(Symbol::new(symbol).unwrap(), 8)
        };
        let table = AssetTable::new(vec![asset("A"), asset("B")]).unwrap();
        SegmentPrices::of_assets(&table, &Hasher::new())
    }

    /// The same ledger, of which every so manieth account has debt in one asset against collateral in the other.
    fn with_debt(mut size: LedgerSize, every: usize) -> LedgerSize {
        let entry = |asset, kind| Entry { key: EntryKey::new(asset, kind).unwrap(), amount: Amount::ZERO };
        let entries = [entry(0, Kind::EQUITY), entry(0, Kind::COLLATERAL_LOAN), entry(1, Kind::DEBT)];
        let prices = prices();
        (0..size.accounts).step_by(every).for_each(|_| size.add(&entries, &prices));
        size
    }

    /// A ledger of accounts that each hold equity in some assets of so many, in turn.
    fn ledger(accounts: u64, held: usize, keys: usize) -> LedgerSize {
        let all = (8..EntryKey::BOUND).step_by(8).filter_map(|number| EntryKey::from_number(number).ok());
        let all: Vec<_> = all.map(|key| Entry { key, amount: Amount::ZERO }).take(keys).collect();
        let prices = prices();
        let mut size = LedgerSize::new();
        for account in 0..accounts as usize {
            let mut entries: Vec<_> = (0..held).map(|i| all[(account * held + i) % keys]).collect();
            entries.sort_by_key(|entry| entry.key);
            size.add(&entries, &prices);
        }
        size
    }

    fn cheapest(ledger: &LedgerSize) -> (&'static str, u64) {
        let shape = ledger.cheapest(&SEGMENT_SHAPES.map(Shape)).unwrap();
        (shape.0.name(), ledger.segments(shape))
    }

    #[test]
    fn cells_are_those_of_the_circuit() {
        let cells = |variant| {
            let tables = segment_security(variant).unwrap().tables;
            tables.iter().map(|table| (table.columns + table.lookup_columns) as u64).collect::<Vec<_>>()
        };
        assert_eq!(cells(Variant::Plain), CELLS_PER_ROW);
        assert_eq!(cells(Variant::Covered), COVERED_CELLS_PER_ROW);
    }

    #[test]
    fn ledgers_get_the_shape_that_costs_least() {
        assert_eq!(cheapest(&ledger(1, 1, 1)), ("small", 1));
        assert_eq!(cheapest(&ledger(4_000, 2, 12)), ("small", 1));
        assert_eq!(cheapest(&ledger(20_000, 2, 12)), ("medium", 1));
        assert_eq!(cheapest(&ledger(100_000, 4, 300)), ("large", 1));
        assert_eq!(cheapest(&ledger(1_000_000, 4, 300)), ("large", 8));
        assert_eq!(cheapest(&ledger(20_000, 220, 220)), ("dense", 9));
        // Few rows a segment because of the many keys: larger tables would be padding.
        assert_eq!(
            cheapest(&ledger(20_000, 4, 1_000)),
            ("small", 80_000u64.div_ceil(MAX_TOTALS_ROWS as u64))
        );
    }

    #[test]
    fn ledgers_with_debt_get_shapes_that_cover_it() {
        assert_eq!(cheapest(&with_debt(ledger(1_000, 2, 12), 10)), ("small-covered", 1));
        assert_eq!(cheapest(&with_debt(ledger(1_000_000, 4, 300), 100)).0, "large-light");
        assert_eq!(cheapest(&with_debt(ledger(1_000_000, 4, 300), 3)).0, "large-covered");
        assert_eq!(cheapest(&with_debt(ledger(20_000, 220, 220), 2)).0, "dense-covered");
    }

    #[test]
    fn memory_limits_the_choice() {
        let ledger = ledger(1_000_000, 4, 300);
        let all = SEGMENT_SHAPES.map(|shape| shape.name());
        for (memory, names, cheapest) in [
            (404 << 20, &["small"][..], "small"),
            (2 << 30, &["small", "medium", "dense", "small-covered", "medium-covered"], "medium"),
            (4 << 30, &all, "large"),
        ] {
            let shapes = Shape::within(memory).unwrap();
            assert_eq!(shapes.iter().map(|shape| shape.0.name()).collect::<Vec<_>>(), names);
            assert_eq!(ledger.cheapest(&shapes), Some(shape(cheapest)));
        }
        let Err(ProverError::Memory { given: 403, least: 404 }) = Shape::within(403 << 20) else {
            panic!("it fits");
        };
    }

    #[test]
    fn jobs_are_limited_by_memory_and_by_threads() {
        let small = shape("small");
        assert_eq!(small.jobs(0, 64), 1);
        assert_eq!(small.jobs(4 << 30, 2), 1);
        assert_eq!(small.jobs(4 << 30, 16), 4);
        assert_eq!(shape("large").jobs(4 << 30, 64), 1);
        assert_eq!(shape("large").jobs(8 << 30, 64), 2);
    }

    #[test]
    fn names_in_files() {
        let json = serde_json::to_string(&shape("dense")).unwrap();
        assert_eq!(json, "\"dense\"");
        assert_eq!(serde_json::from_str::<Shape>(&json).unwrap(), shape("dense"));
        assert!(serde_json::from_str::<Shape>("\"vast\"").is_err());
    }
}
