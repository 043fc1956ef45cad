//! Writes the honest trace of a segment.

mod cover;

use alloc::vec;
use alloc::vec::Vec;

use assay_commit::{
    Committer, Digest, EMPTY, LeafKey, RATE, Salt, Subtree, TreeError, WIDTH, leaf_row_count,
};
use assay_statement::{Entry, EntryKey};
use p3_field::{PrimeCharacteristicRing, PrimeField32};
use p3_matrix::dense::RowMajorMatrix;
use p3_maybe_rayon::prelude::*;
use p3_poseidon2_air::generate_trace_rows;

use crate::hash_table::round_constants;
use crate::prices::{Route, SegmentPrices};
use crate::publics::{SegmentPublics, TotalsRow, totals_chain};
use crate::segment::{LOG_RANGE, MAX_GROUP, PIECES, TABLES, Variant};
use crate::shape::{MAX_TOTALS_ROWS, SegmentShape, node_count};
use crate::trace::cover::cover;
use crate::{Val, account_columns, entry_columns, hash_columns, range_columns};

/// An account of a segment.
#[derive(Clone, Copy)]
pub struct SegmentAccount<'a> {
    /// Account key, whose first two elements are its place.
    pub key: &'a Digest,
    /// Salt of the leaf.
    pub salt: &'a Salt,
    /// Entries, strictly increasing in their key.
    pub entries: &'a [Entry],
}

/// The accounts of a segment, strictly increasing in their leaf key.
pub struct SegmentInput<'a> {
    /// Epoch digest.
    pub epoch: Digest,
    /// The accounts, at least one.
    pub accounts: Vec<SegmentAccount<'a>>,
    /// The prices at which accounts are covered; needed if the segment's shape covers debt.
    pub prices: Option<&'a SegmentPrices>,
}

/// The traces of a segment in the order of [`TABLES`](crate::TABLES), and what they show.
pub struct SegmentTrace {
    /// One matrix a table.
    pub tables: Vec<RowMajorMatrix<Val>>,
    /// Public values.
    pub publics: SegmentPublics,
    /// List of totals behind the public digest.
    pub totals: Vec<TotalsRow>,
    /// Rows in use of each table, without padding.
    pub rows: Vec<usize>,
}

/// Builds the trace of a segment, every table padded to the shape's height.
pub fn build_segment(
    committer: &Committer,
    input: &SegmentInput<'_>,
    shape: SegmentShape,
) -> Result<SegmentTrace, TraceError> {
    check_order(input)?;
    let prices = match (shape.variant(), input.prices) {
        (Variant::Plain, _) => None,
        (Variant::Covered, Some(prices)) => Some(prices),
        (Variant::Covered, None) => return Err(TraceError::NoPrices),
    };
    let (entry_table, totals, entry_rows) = entry_table(input, prices, shape)?;
    if totals.len() > MAX_TOTALS_ROWS {
        return Err(TraceError::TotalsRows { rows: totals.len() });
    }
    let account_table = account_table(input, shape)?;
    let mut lookups = Lookups::default();
    lookups.count_entries(&entry_table);
    lookups.count_accounts(&account_table);
    let covered = match prices {
        Some(prices) => Some(cover(&input.accounts, prices, shape, &mut lookups)?),
        None => None,
    };
    let asked = covered.as_ref().map(|covered| covered.asked.as_slice());
    let (hash_table, top, digest, hash_rows) =
        hash_table(committer, input, &totals, prices.zip(asked), shape)?;
    let key = |account: Option<&SegmentAccount<'_>>| {
        let element = |i: usize| account.map_or(Val::ZERO, |account| account.key.0[i]);
        [element(0), element(1)]
    };
    let publics = SegmentPublics {
        top,
        epoch: input.epoch,
        totals: digest,
        first: key(input.accounts.first()),
        last: key(input.accounts.last()),
        accounts: input.accounts.len() as u32,
        prices: prices.map(|prices| *prices.digest()),
    };
    let mut rows = vec![hash_rows, entry_rows, input.accounts.len(), 1 << LOG_RANGE];
    let mut tables = vec![hash_table, entry_table, account_table, lookups.table()];
    if let Some(covered) = covered {
        rows.extend([covered.pledge_rows, covered.coverage_rows]);
        tables.extend([covered.pledge, covered.coverage]);
    }
    Ok(SegmentTrace { tables, publics, totals, rows })
}

fn check_order(input: &SegmentInput<'_>) -> Result<(), TraceError> {
    if input.accounts.is_empty() {
        return Err(TraceError::Tree(TreeError::Leaves { leaves: 0 }));
    }
    for (index, pair) in input.accounts.windows(2).enumerate() {
        if let [a, b] = pair
            && LeafKey::of(a.key) >= LeafKey::of(b.key)
        {
            return Err(TraceError::AccountOrder { index: index + 1 });
        }
    }
    for (index, account) in input.accounts.iter().enumerate() {
        let ordered = account.entries.windows(2).all(|pair| match pair {
            [a, b] => a.key < b.key,
            _ => true,
        });
        if !ordered {
            return Err(TraceError::EntryOrder { index });
        }
    }
    Ok(())
}

/// Rows of a table with its padding, if so many rows fit.
pub(crate) fn height(shape: SegmentShape, table: usize, rows: usize) -> Result<usize, TraceError> {
    let height = shape.height(table);
    if rows > height { Err(TraceError::Full { table: TABLES[table], rows, height }) } else { Ok(height) }
}

pub(crate) fn pieces(entry: &Entry) -> [u32; PIECES] {
    let amount = entry.amount.get();
    core::array::from_fn(|i| (amount >> (LOG_RANGE * i)) as u32 & ((1 << LOG_RANGE) - 1))
}

/// Entries sorted by key, so each key is one group, or several of [`MAX_GROUP`].
fn entry_table(
    input: &SegmentInput<'_>,
    prices: Option<&SegmentPrices>,
    shape: SegmentShape,
) -> Result<(RowMajorMatrix<Val>, Vec<TotalsRow>, usize), TraceError> {
    use entry_columns::{
        ACTIVE, ASSET, COUNT, COVERED_WIDTH, END, GAP, KEY, NUMBER, OWED, PIECE, PLEDGED, SUM, WIDTH,
    };

    let width = if prices.is_some() { COVERED_WIDTH } else { WIDTH };

    let mut starts = vec![0usize; usize::from(EntryKey::BOUND) + 1];
    for entry in input.accounts.iter().flat_map(|account| account.entries) {
        starts[usize::from(entry.key.number()) + 1] += 1;
    }
    for key in 1..starts.len() {
        starts[key] += starts[key - 1];
    }
    let rows = starts.last().copied().unwrap_or(0);
    let height = height(shape, 1, rows)?;

    // The entries in order of the key, with their gaps.
    let filler = Entry { key: KEY_FILLER, amount: assay_statement::Amount::ZERO };
    let mut sorted = vec![(filler, 0u16); rows];
    let mut next = starts;
    let mut values = Val::zero_vec(height * width);
    for (index, account) in input.accounts.iter().enumerate() {
        let mut previous = 0;
        let mut routes = prices.map(|prices| prices.routes(account.entries));
        for entry in account.entries {
            let number = entry.key.number();
            let place = &mut next[usize::from(number)];
            sorted[*place] = (*entry, number - previous - 1);
            if let Some((_, route)) = routes.as_mut().and_then(Iterator::next) {
                let row = &mut values[*place * width..][..width];
                row[NUMBER] = leaf_number(index);
                match route {
                    Route::Nowhere => row[ASSET] = Val::from_u16(number / 8),
                    Route::Pledged => row[PLEDGED] = Val::ONE,
                    Route::Owed => row[OWED] = Val::ONE,
                }
            }
            *place += 1;
            previous = number;
        }
    }

    let mut totals: Vec<TotalsRow> = Vec::new();
    let mut group = TotalsRow { key: KEY_FILLER, sums: [0; PIECES], entries: 0 };
    for (place, ((entry, gap), row)) in sorted.iter().zip(values.chunks_exact_mut(width)).enumerate() {
        if group.entries == 0 {
            group.key = entry.key;
        }
        group.entries += 1;
        row[ACTIVE] = Val::ONE;
        row[KEY] = Val::from_u16(entry.key.number());
        row[GAP] = Val::from_u16(*gap);
        for (i, piece) in pieces(entry).into_iter().enumerate() {
            group.sums[i] += piece;
            row[PIECE + i] = Val::from_u32(piece);
            row[SUM + i] = Val::from_u32(group.sums[i]);
        }
        row[COUNT] = Val::from_u32(group.entries);
        let same_key = sorted.get(place + 1).is_some_and(|(next, _)| next.key == entry.key);
        if !same_key || group.entries == MAX_GROUP {
            row[END] = Val::ONE;
            totals.push(group);
            group.sums = [0; PIECES];
            group.entries = 0;
        }
    }
    Ok((RowMajorMatrix::new(values, width), totals, rows))
}

/// Number of the leaf of the account with this index.
pub(crate) fn leaf_number(index: usize) -> Val {
    Val::from_usize((1 << assay_commit::SUBTREE_DEPTH) + index)
}

const KEY_FILLER: EntryKey = EntryKey::FIRST;

fn account_table(input: &SegmentInput<'_>, shape: SegmentShape) -> Result<RowMajorMatrix<Val>, TraceError> {
    use account_columns::{ACTIVE, BORROW, DIFFERENCE, DIFFERENCE_HIGH, FIRST, INDEX, SECOND, WIDTH};

    let height = height(shape, 2, input.accounts.len())?;
    let mut values = Val::zero_vec(height * WIDTH);
    values.par_chunks_exact_mut(WIDTH).enumerate().for_each(|(index, row)| {
        row[INDEX] = Val::from_usize(index);
        let Some(account) = input.accounts.get(index) else { return };
        row[ACTIVE] = Val::ONE;
        let element = |account: &SegmentAccount<'_>, i: usize| account.key.0[i].as_canonical_u32();
        for (i, at) in [FIRST, SECOND].into_iter().enumerate() {
            let number = element(account, i);
            let low = number & 0x7fff;
            let middle = number >> 15 & 0x7fff;
            row[at] = Val::from_u32(low);
            row[at + 1] = Val::from_u32(middle);
            row[at + 2] = Val::from_u32(number >> 30);
            row[at + 3] = Val::from_bool(number == Val::ORDER_U32 - 1);
        }
        let Some(next) = input.accounts.get(index + 1) else { return };
        // Low 15 and high 16 bits of the second element, then of the first.
        let digits = |account: &SegmentAccount<'_>| {
            let (first, second) = (element(account, 0), element(account, 1));
            [second & 0x7fff, second >> 15, first & 0x7fff, first >> 15].map(|digit| digit as i32)
        };
        let (this, next) = (digits(account), digits(next));
        let mut borrow = 1;
        for (i, bits) in [15, 16, 15, 16].into_iter().enumerate() {
            let mut difference = next[i] - this[i] - borrow;
            borrow = i32::from(difference < 0);
            if borrow == 1 {
                difference += 1 << bits;
            }
            row[DIFFERENCE + i] = Val::from_i32(difference & 0x7fff);
            if i % 2 == 1 {
                row[DIFFERENCE_HIGH + i / 2] = Val::from_i32(difference >> 15);
            }
            if i < 3 {
                row[BORROW + i] = Val::from_i32(borrow);
            }
        }
    });
    Ok(RowMajorMatrix::new(values, WIDTH))
}

/// What a row of the hash table holds beside its permutation.
#[derive(Clone, Copy, Default)]
struct HashRow {
    flag: usize,
    last: bool,
    second: bool,
    empty_right: bool,
    root: bool,
    totals_first: bool,
    prices_first: bool,
    multiplicity: u32,
    number: u32,
    previous_key: u16,
    remaining: u16,
}

fn hash_table(
    committer: &Committer,
    input: &SegmentInput<'_>,
    totals: &[TotalsRow],
    prices: Option<(&SegmentPrices, &[u32])>,
    shape: SegmentShape,
) -> Result<(RowMajorMatrix<Val>, Digest, Digest, usize), TraceError> {
    use hash_columns::{
        COVERED_WIDTH, EMPTY_RIGHT, ENTRIES, HEADER, LAST, MULTIPLICITY, NODE, NUMBER, PERMUTATION,
        PREVIOUS_KEY, PRICES, PRICES_FIRST, REMAINING, ROOT, SECOND, TOTALS, TOTALS_FIRST,
        WIDTH as PLAIN_WIDTH,
    };

    let columns = if prices.is_some() { COVERED_WIDTH } else { PLAIN_WIDTH };

    let accounts = &input.accounts;
    let leaf_rows: usize = accounts.iter().map(|account| leaf_row_count(account.entries.len())).sum();
    let totals = totals_chain(committer.hasher(), &input.epoch, totals);
    let digest = totals.digest;
    let price_inputs = prices.map_or_else(Vec::new, |(prices, _)| prices.chain(committer.hasher()).inputs);
    let first_price = 1 + totals.inputs.len();
    let first_leaf = first_price + price_inputs.len();
    let rows = first_leaf + leaf_rows + node_count(accounts.len()) - 1;
    let height = height(shape, 0, rows)?;

    let mut inputs = vec![[Val::ZERO; WIDTH]; height];
    let mut leaves = vec![EMPTY; accounts.len()];
    fill_leaves(committer, accounts, &mut inputs[first_leaf..first_leaf + leaf_rows], &mut leaves);
    let subtree = Subtree::build(committer.hasher(), leaves)?;

    let mut kinds = vec![HashRow::default(); height];
    let asked = prices.map_or(&[][..], |(_, asked)| asked);
    for (i, (input, times)) in price_inputs.into_iter().zip(asked).enumerate() {
        inputs[first_price + i] = input;
        kinds[first_price + i] =
            HashRow { flag: PRICES, prices_first: i == 0, multiplicity: *times, ..HashRow::default() };
    }
    for (i, input) in totals.inputs.into_iter().enumerate() {
        inputs[1 + i] = input;
        kinds[1 + i] = HashRow { flag: TOTALS, totals_first: i == 0, ..HashRow::default() };
    }
    let mut row = first_leaf;
    for (index, account) in accounts.iter().enumerate() {
        let entries = account.entries;
        for step in 0..leaf_row_count(entries.len()) {
            let held = entries.len().min(2 * step).saturating_sub(2 * step.saturating_sub(1));
            let before = (2 * step).saturating_sub(2);
            kinds[row] = HashRow {
                flag: if step == 0 { HEADER } else { ENTRIES },
                last: step == entries.len().div_ceil(2),
                second: held == 2,
                number: (1 << assay_commit::SUBTREE_DEPTH) + index as u32,
                previous_key: match before {
                    0 => 0,
                    _ => entries[before - 1].key.number(),
                },
                remaining: (entries.len() - before) as u16,
                ..HashRow::default()
            };
            row += 1;
        }
    }
    for (i, (number, left, right)) in subtree.nodes().enumerate() {
        // The top comes first and takes row 0.
        let place = if i == 0 { 0 } else { row + i - 1 };
        inputs[place][..RATE].copy_from_slice(&left.0);
        inputs[place][RATE..].copy_from_slice(&right.0);
        kinds[place] =
            HashRow { flag: NODE, empty_right: right == EMPTY, root: i == 0, number, ..HashRow::default() };
    }

    const CHUNK: usize = 1 << 8;
    let constants = round_constants();
    let chunk = CHUNK.min(height);
    // Every cell is written below.
    let mut values = Val::zero_vec(height * columns);
    values
        .par_chunks_exact_mut(chunk * columns)
        .zip(inputs.par_chunks_exact(chunk))
        .zip(kinds.par_chunks_exact(chunk))
        .for_each(|((values, inputs), kinds)| {
            let permutations = generate_permutations(inputs.to_vec(), &constants);
            let permutations = permutations.values.chunks_exact(PERMUTATION);
            for ((row, permutation), kind) in values.chunks_exact_mut(columns).zip(permutations).zip(kinds) {
                row[..PERMUTATION].copy_from_slice(permutation);
                if kind.flag != 0 {
                    row[kind.flag] = Val::ONE;
                }
                row[LAST] = Val::from_bool(kind.last);
                row[SECOND] = Val::from_bool(kind.second);
                row[EMPTY_RIGHT] = Val::from_bool(kind.empty_right);
                row[ROOT] = Val::from_bool(kind.root);
                row[TOTALS_FIRST] = Val::from_bool(kind.totals_first);
                row[NUMBER] = Val::from_u32(kind.number);
                row[PREVIOUS_KEY] = Val::from_u16(kind.previous_key);
                row[REMAINING] = Val::from_u16(kind.remaining);
                if columns == COVERED_WIDTH {
                    row[PRICES_FIRST] = Val::from_bool(kind.prices_first);
                    row[MULTIPLICITY] = Val::from_u32(kind.multiplicity);
                }
            }
        });
    Ok((RowMajorMatrix::new(values, columns), subtree.top(), digest, rows))
}

/// Columns of the permutation for each input.
pub fn generate_permutations(
    inputs: Vec<[Val; WIDTH]>,
    constants: &crate::hash_table::Rounds,
) -> RowMajorMatrix<Val> {
    generate_trace_rows::<
        Val,
        p3_koala_bear::GenericPoseidon2LinearLayersKoalaBear,
        WIDTH,
        { p3_koala_bear::KOALABEAR_S_BOX_DEGREE },
        0,
        { p3_koala_bear::KOALABEAR_POSEIDON2_HALF_FULL_ROUNDS },
        { p3_koala_bear::KOALABEAR_POSEIDON2_PARTIAL_ROUNDS_16 },
    >(inputs, constants, 0)
}

/// Leaves and their input rows, several stretches of accounts at once.
fn fill_leaves(
    committer: &Committer,
    accounts: &[SegmentAccount<'_>],
    rows: &mut [[Val; WIDTH]],
    leaves: &mut [Digest],
) {
    const STRETCH: usize = 4096;
    let mut tasks = Vec::new();
    let mut rows = rows;
    for (accounts, leaves) in accounts.chunks(STRETCH).zip(leaves.chunks_mut(STRETCH)) {
        let count = accounts.iter().map(|account| leaf_row_count(account.entries.len())).sum();
        let (head, tail) = core::mem::take(&mut rows).split_at_mut(count);
        rows = tail;
        tasks.push((accounts, head, leaves));
    }
    tasks.into_par_iter().for_each(|(accounts, rows, leaves)| {
        committer.leaf_rows(|i| (accounts[i].key, accounts[i].salt, accounts[i].entries), rows, leaves);
    });
}

/// How often each number of the range table is looked up.
pub(crate) struct Lookups(Vec<u32>);

impl Default for Lookups {
    fn default() -> Self {
        Self(vec![0; 1 << LOG_RANGE])
    }
}

impl Lookups {
    pub(crate) fn count(&mut self, value: Val) {
        self.0[value.as_canonical_u32() as usize] += 1;
    }

    fn count_entries(&mut self, entries: &RowMajorMatrix<Val>) {
        use entry_columns::{ASSET, COVERED_WIDTH, GAP, PIECE};
        for row in entries.values.chunks_exact(entries.width) {
            row[GAP..PIECE + PIECES].iter().for_each(|value| self.count(*value));
            if entries.width == COVERED_WIDTH {
                self.count(row[ASSET]);
            }
        }
    }

    fn count_accounts(&mut self, accounts: &RowMajorMatrix<Val>) {
        use account_columns::{DIFFERENCE, DIFFERENCE_HIGH, FIRST, SECOND, WIDTH};
        for row in accounts.values.chunks_exact(WIDTH) {
            for at in [FIRST, SECOND] {
                self.count(row[at]);
                self.count(row[at + 1]);
                self.count(row[at + 1] + row[at + 2] * Val::from_u32(1 << 9) - row[at + 3]);
            }
            row[DIFFERENCE..DIFFERENCE_HIGH].iter().for_each(|value| self.count(*value));
        }
    }

    fn table(&self) -> RowMajorMatrix<Val> {
        use range_columns::{MULTIPLICITY, VALUE, WIDTH};
        let mut values = Val::zero_vec(WIDTH << LOG_RANGE);
        for (number, (row, count)) in values.chunks_exact_mut(WIDTH).zip(&self.0).enumerate() {
            row[VALUE] = Val::from_usize(number);
            row[MULTIPLICITY] = Val::from_u32(*count);
        }
        RowMajorMatrix::new(values, WIDTH)
    }
}

/// Why a segment has no trace. Texts name places, never what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TraceError {
    /// A table has more rows than the shape gives it.
    #[error("the {table} table of the segment has {rows} rows, more than the {height} of its shape")]
    Full {
        /// Name of the table, as in [`TABLES`].
        table: &'static str,
        /// Rows without padding.
        rows: usize,
        /// Rows that the shape gives it.
        height: usize,
    },
    /// The list of totals is longer than any segment's may be.
    #[error("the segment has {rows} rows of totals, more than {MAX_TOTALS_ROWS}")]
    TotalsRows {
        /// Rows of the list.
        rows: usize,
    },
    /// Accounts out of order, or two with one leaf key.
    #[error("account {index} of the segment does not follow the one before it in leaf key")]
    AccountOrder {
        /// Number in the segment.
        index: usize,
    },
    /// Entries out of order, or one twice.
    #[error("the entries of account {index} of the segment are not strictly increasing")]
    EntryOrder {
        /// Number in the segment.
        index: usize,
    },
    /// A shape that covers debt, without the prices that it takes.
    #[error("the segment's shape covers debt, and there are no prices")]
    NoPrices,
    /// Debt or collateral without a price, or of a kind that the asset table doesn't define.
    #[error("account {index} of the segment has debt or collateral that nothing prices")]
    Unpriced {
        /// Number in the segment.
        index: usize,
    },
    /// An account that pledges more than it holds, or owes more than it secures.
    #[error("account {index} of the segment is not covered")]
    Uncovered {
        /// Number in the segment.
        index: usize,
    },
    /// No account, or too many.
    #[error(transparent)]
    Tree(#[from] TreeError),
}
