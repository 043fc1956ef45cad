//! Writes the honest trace of a segment.

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
use crate::publics::{SegmentPublics, TotalsRow, totals_rows};
use crate::segment::{LOG_RANGE, MAX_GROUP, PIECES, TABLES};
use crate::shape::{MAX_TOTALS_ROWS, SegmentShape, node_count};
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
}

/// The traces of a segment in the order of [`TABLES`](crate::TABLES), and what they show.
pub struct SegmentTrace {
    /// One matrix a table.
    pub tables: [RowMajorMatrix<Val>; 4],
    /// Public values.
    pub publics: SegmentPublics,
    /// List of totals behind the public digest.
    pub totals: Vec<TotalsRow>,
    /// Rows in use of each table, without padding.
    pub rows: [usize; 4],
}

/// Builds the trace of a segment, every table padded to the shape's height.
pub fn build_segment(
    committer: &Committer,
    input: &SegmentInput<'_>,
    shape: SegmentShape,
) -> Result<SegmentTrace, TraceError> {
    check_order(input)?;
    let (entry_table, totals, entry_rows) = entry_table(input, shape)?;
    if totals.len() > MAX_TOTALS_ROWS {
        return Err(TraceError::TotalsRows { rows: totals.len() });
    }
    let account_table = account_table(input, shape)?;
    let (hash_table, top, digest, hash_rows) = hash_table(committer, input, &totals, shape)?;
    let range_table = range_table(&entry_table, &account_table);
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
    };
    let rows = [hash_rows, entry_rows, input.accounts.len(), 1 << LOG_RANGE];
    Ok(SegmentTrace { tables: [hash_table, entry_table, account_table, range_table], publics, totals, rows })
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
fn height(shape: SegmentShape, table: usize, rows: usize) -> Result<usize, TraceError> {
    let height = shape.height(table);
    if rows > height { Err(TraceError::Full { table: TABLES[table], rows, height }) } else { Ok(height) }
}

fn pieces(entry: &Entry) -> [u32; PIECES] {
    let amount = entry.amount.get();
    core::array::from_fn(|i| (amount >> (LOG_RANGE * i)) as u32 & ((1 << LOG_RANGE) - 1))
}

/// Entries sorted by key, so each key is one group, or several of [`MAX_GROUP`].
fn entry_table(
    input: &SegmentInput<'_>,
    shape: SegmentShape,
) -> Result<(RowMajorMatrix<Val>, Vec<TotalsRow>, usize), TraceError> {
    use entry_columns::{ACTIVE, COUNT, END, GAP, KEY, PIECE, SUM, WIDTH};

    let mut starts = vec![0usize; usize::from(EntryKey::BOUND) + 1];
    for entry in input.accounts.iter().flat_map(|account| account.entries) {
        starts[usize::from(entry.key.number()) + 1] += 1;
    }
    for key in 1..starts.len() {
        starts[key] += starts[key - 1];
    }
    let rows = starts.last().copied().unwrap_or(0);
    let height = height(shape, 1, rows)?;

    // Places of the entries: (piece values, key, gap), in order of the key.
    let mut sorted = vec![(Entry { key: KEY_FILLER, amount: assay_statement::Amount::ZERO }, 0u16); rows];
    let mut next = starts;
    for account in &input.accounts {
        let mut previous = 0;
        for entry in account.entries {
            let number = entry.key.number();
            let place = &mut next[usize::from(number)];
            sorted[*place] = (*entry, number - previous - 1);
            *place += 1;
            previous = number;
        }
    }

    let mut values = Val::zero_vec(height * WIDTH);
    let mut totals: Vec<TotalsRow> = Vec::new();
    let mut group = TotalsRow { key: KEY_FILLER, sums: [0; PIECES], entries: 0 };
    for (place, ((entry, gap), row)) in sorted.iter().zip(values.chunks_exact_mut(WIDTH)).enumerate() {
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
    Ok((RowMajorMatrix::new(values, WIDTH), totals, rows))
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
    number: u32,
    previous_key: u16,
    remaining: u16,
}

fn hash_table(
    committer: &Committer,
    input: &SegmentInput<'_>,
    totals: &[TotalsRow],
    shape: SegmentShape,
) -> Result<(RowMajorMatrix<Val>, Digest, Digest, usize), TraceError> {
    use hash_columns::{
        EMPTY_RIGHT, ENTRIES, HEADER, LAST, NODE, NUMBER, PERMUTATION, PREVIOUS_KEY, REMAINING, ROOT, SECOND,
        TOTALS, TOTALS_FIRST, WIDTH as COLUMNS,
    };

    let accounts = &input.accounts;
    let leaf_rows: usize = accounts.iter().map(|account| leaf_row_count(account.entries.len())).sum();
    let (totals_inputs, digest) = totals_rows(committer.hasher(), &input.epoch, totals);
    let first_leaf = 1 + totals_inputs.len();
    let rows = first_leaf + leaf_rows + node_count(accounts.len()) - 1;
    let height = height(shape, 0, rows)?;

    let mut inputs = vec![[Val::ZERO; WIDTH]; height];
    let mut leaves = vec![EMPTY; accounts.len()];
    fill_leaves(committer, accounts, &mut inputs[first_leaf..first_leaf + leaf_rows], &mut leaves);
    let subtree = Subtree::build(committer.hasher(), leaves)?;

    let mut kinds = vec![HashRow::default(); height];
    for (i, input) in totals_inputs.into_iter().enumerate() {
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
    let mut values = Val::zero_vec(height * COLUMNS);
    values
        .par_chunks_exact_mut(chunk * COLUMNS)
        .zip(inputs.par_chunks_exact(chunk))
        .zip(kinds.par_chunks_exact(chunk))
        .for_each(|((values, inputs), kinds)| {
            let permutations = generate_permutations(inputs.to_vec(), &constants);
            let permutations = permutations.values.chunks_exact(PERMUTATION);
            for ((row, permutation), kind) in values.chunks_exact_mut(COLUMNS).zip(permutations).zip(kinds) {
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
            }
        });
    Ok((RowMajorMatrix::new(values, COLUMNS), subtree.top(), digest, rows))
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

/// Counts the lookups of the entry and the account table.
fn range_table(entries: &RowMajorMatrix<Val>, accounts: &RowMajorMatrix<Val>) -> RowMajorMatrix<Val> {
    use account_columns as account;
    use entry_columns as entry;
    use range_columns::{MULTIPLICITY, VALUE, WIDTH};

    let mut counts = vec![0u32; 1 << LOG_RANGE];
    let mut count = |value: Val| counts[value.as_canonical_u32() as usize] += 1;
    for row in entries.values.chunks_exact(entry::WIDTH) {
        row[entry::GAP..entry::PIECE + PIECES].iter().for_each(|value| count(*value));
    }
    for row in accounts.values.chunks_exact(account::WIDTH) {
        for at in [account::FIRST, account::SECOND] {
            count(row[at]);
            count(row[at + 1]);
            count(row[at + 1] + row[at + 2] * Val::from_u32(1 << 9) - row[at + 3]);
        }
        row[account::DIFFERENCE..account::DIFFERENCE_HIGH].iter().for_each(|value| count(*value));
    }
    let mut values = Val::zero_vec(WIDTH << LOG_RANGE);
    for (number, row) in values.chunks_exact_mut(WIDTH).enumerate() {
        row[VALUE] = Val::from_usize(number);
        row[MULTIPLICITY] = Val::from_u32(counts[number]);
    }
    RowMajorMatrix::new(values, WIDTH)
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
    /// No account, or too many.
    #[error(transparent)]
    Tree(#[from] TreeError),
}
