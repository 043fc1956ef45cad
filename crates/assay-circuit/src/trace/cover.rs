//! The tables that cover debt.

use alloc::vec;
use alloc::vec::Vec;

use assay_statement::coverage::WEIGHT_LIMBS;
use assay_statement::{Entry, Kind};
use p3_field::PrimeCharacteristicRing;
use p3_matrix::dense::RowMajorMatrix;

use super::{Lookups, SegmentAccount, TraceError, height, leaf_number, pieces};
use crate::coverage_table::{CARRY_HIGH_VALUE, CARRY_OFFSET, CREDIT_LIMBS, PRODUCT_LIMBS};
use crate::prices::{BASE_LIMBS, PricedKey, Route, SegmentPrices, TIERS, WHOLE_LIMBS};
use crate::segment::{LOG_RANGE, PIECES};
use crate::shape::SegmentShape;
use crate::{Val, coverage_columns, pledge_columns};

/// The largest limb.
const MASK: i64 = (1 << LOG_RANGE) - 1;

/// The pledge and the coverage table.
pub(super) struct Covered {
    pub(super) pledge: RowMajorMatrix<Val>,
    pub(super) pledge_rows: usize,
    pub(super) coverage: RowMajorMatrix<Val>,
    pub(super) coverage_rows: usize,
    /// How often each price row is looked up.
    pub(super) asked: Vec<u32>,
}

pub(super) fn cover(
    accounts: &[SegmentAccount<'_>],
    prices: &SegmentPrices,
    shape: SegmentShape,
    lookups: &mut Lookups,
) -> Result<Covered, TraceError> {
    let mut pledge = Vec::new();
    let mut coverage = Vec::new();
    let mut asked = vec![0; prices.row_count()];
    for (index, account) in accounts.iter().enumerate() {
        if account.entries.iter().all(|entry| entry.key.kind() == Kind::EQUITY) {
            continue;
        }
        cover_pledges(&mut pledge, index, account.entries, prices).ok_or(TraceError::Uncovered { index })?;
        let mut entries = Vec::new();
        for entry in account.entries.iter().filter(|entry| entry.key.kind() != Kind::EQUITY) {
            entries.push((entry, prices.key(entry.key).ok_or(TraceError::Unpriced { index })?));
        }
        // Product by product, collateral first; what is owed under none draws on all.
        entries.sort_by_key(|(entry, key)| (key.product == 0, key.product, key.debt, entry.key));
        let mut before = None;
        for (entry, key) in entries {
            let run = Run::after(before, index, entry, key, &mut asked);
            let run = run.ok_or(TraceError::Uncovered { index })?;
            coverage.extend(run.row);
            before = Some(run);
        }
    }
    let (pledge, pledge_rows) = pad(pledge, pledge_columns::WIDTH, shape, 4)?;
    let (coverage, coverage_rows) = pad(coverage, coverage_columns::WIDTH, shape, 5)?;
    count_pledges(&pledge, lookups);
    count_coverage(&coverage, lookups);
    Ok(Covered { pledge, pledge_rows, coverage, coverage_rows, asked })
}

fn pad(
    mut values: Vec<Val>,
    width: usize,
    shape: SegmentShape,
    table: usize,
) -> Result<(RowMajorMatrix<Val>, usize), TraceError> {
    let rows = values.len() / width;
    values.resize(height(shape, table, rows)? * width, Val::ZERO);
    Ok((RowMajorMatrix::new(values, width), rows))
}

/// Rows of the equity of which some is pledged, and of what is pledged; `None` if that is more.
fn cover_pledges(rows: &mut Vec<Val>, index: usize, entries: &[Entry], prices: &SegmentPrices) -> Option<()> {
    use pledge_columns::{ASSET, BORROW, COLLATERAL, CONTINUES, EQUITY, KIND, NUMBER, PIECE, REST, WIDTH};
    let mut before: Option<(usize, u128)> = None;
    let pledged = prices.routes(entries).filter(|(_, route)| *route == Route::Pledged);
    for (entry, _) in pledged {
        let asset = entry.key.asset();
        let kind = entry.key.kind();
        let continued = before.filter(|(of, _)| *of == asset);
        let rest = continued.map_or(0, |(_, rest)| rest);
        let mut row = [Val::ZERO; WIDTH];
        row[CONTINUES] = Val::from_bool(continued.is_some());
        row[NUMBER] = leaf_number(index);
        row[ASSET] = Val::from_u16(entry.key.number() / 8);
        for i in 0..3 {
            row[KIND + i] = Val::from_bool(kind.number() >> i & 1 == 1);
        }
        let amount = pieces(entry);
        row[PIECE..PIECE + PIECES].copy_from_slice(&amount.map(Val::from_u32));
        let after = if kind == Kind::EQUITY {
            row[EQUITY] = Val::ONE;
            rest + entry.amount.get()
        } else {
            row[COLLATERAL] = Val::ONE;
            let mut borrow = 0;
            for (i, piece) in amount.iter().enumerate().take(PIECES - 1) {
                let held = (rest >> (LOG_RANGE * i)) as u32 & MASK as u32;
                borrow = u32::from(held < piece + borrow);
                row[BORROW + i] = Val::from_u32(borrow);
            }
            rest.checked_sub(entry.amount.get())?
        };
        for i in 0..PIECES {
            row[REST + i] = Val::from_u32((after >> (LOG_RANGE * i)) as u32 & MASK as u32);
        }
        rows.extend(row);
        before = Some((asset, after));
    }
    Some(())
}

type Row = [Val; coverage_columns::WIDTH];

/// Limbs of a credit, which for what is banked aren't carried.
type Limbs = [i64; CREDIT_LIMBS];

/// The last row of a run so far.
struct Run {
    row: Row,
    product: u32,
    credit: Limbs,
    bank: Limbs,
}

impl Run {
    /// The row after another of the same account; `None` if a value is too large or the credit doesn't suffice.
    fn after(
        before: Option<Self>,
        index: usize,
        entry: &Entry,
        key: &PricedKey,
        asked: &mut [u32],
    ) -> Option<Self> {
        use coverage_columns::{BANK, BANKS, CONTINUES, CREDIT, CREDIT_CARRY, POOLS};
        let (mut row, counts) = entry_row(index, entry, key, asked)?;
        let all = |before: &Self| core::array::from_fn(|j| before.credit[j] + before.bank[j]);
        let none = [0; CREDIT_LIMBS];
        let (flag, start, bank) = match before {
            None => (None, none, none),
            Some(before) if before.product == key.product => (Some(CONTINUES), before.credit, before.bank),
            Some(before) if key.product == 0 => (Some(POOLS), all(&before), none),
            Some(before) => (Some(BANKS), none, all(&before)),
        };
        if let Some(flag) = flag {
            row[flag] = Val::ONE;
        }
        let mut carry = 0;
        let mut credit = none;
        for j in 0..CREDIT_LIMBS {
            let sum = start[j] + counts[j] + carry;
            if j + 1 < CREDIT_LIMBS {
                (carry, credit[j]) = (sum >> LOG_RANGE, sum & MASK);
                row[CREDIT_CARRY + j] = Val::from_i64(carry);
            } else {
                credit[j] = (0..=MASK).contains(&sum).then_some(sum)?;
            }
            row[CREDIT + j] = Val::from_i64(credit[j]);
            row[BANK + j] = Val::from_i64(bank[j]);
        }
        Some(Self { row, product: key.product, credit, bank })
    }
}

/// The row without what depends on the rows before it, and what it counts, limb by limb; `None` if its value is too
/// large.
fn entry_row(index: usize, entry: &Entry, key: &PricedKey, asked: &mut [u32]) -> Option<(Row, Limbs)> {
    use coverage_columns::*;

    let mut row = [Val::ZERO; WIDTH];
    row[ACTIVE] = Val::ONE;
    row[DEBT] = Val::from_bool(key.debt);
    row[NUMBER] = leaf_number(index);
    row[KEY] = Val::from_u16(entry.key.number());
    let amount = pieces(entry);
    row[PIECE..PIECE + PIECES].copy_from_slice(&amount.map(Val::from_u32));
    row[PRODUCT] = Val::from_u32(key.product);
    row[WEIGHT..WEIGHT + WEIGHT_LIMBS].copy_from_slice(&key.weight.map(Val::from_u32));
    row[SHIFT + key.shift] = Val::ONE;

    let mut limbs = [0u64; PRODUCT_LIMBS];
    let mut carry = 0;
    for (m, limb) in limbs.iter_mut().enumerate().take(PRODUCT_LIMBS - 1) {
        let places = (0..WEIGHT_LIMBS).filter(|w| (*w..*w + PIECES).contains(&m));
        let sum: u64 = places.map(|w| u64::from(amount[m - w]) * u64::from(key.weight[w])).sum();
        (*limb, carry) = ((sum + carry) & MASK as u64, (sum + carry) >> LOG_RANGE);
        if m < PRODUCT_LIMBS - 2 {
            let high = carry >> LOG_RANGE != 0;
            let low = carry - if high { u64::from(CARRY_HIGH_VALUE) } else { 0 };
            row[CARRY + m] = Val::from_u64(low);
            if high {
                // The lowest limb's carry has one product only and never gets here.
                row[CARRY_HIGH + m - 1] = Val::ONE;
            }
        }
    }
    limbs[PRODUCT_LIMBS - 1] = carry;
    row[LIMB..LIMB + PRODUCT_LIMBS].copy_from_slice(&limbs.map(Val::from_u64));

    let (dropped, kept) = limbs.split_at(key.shift);
    let (value, beyond) = kept.split_at(kept.len().min(WHOLE_LIMBS + 1));
    if beyond.iter().any(|limb| *limb != 0) {
        return None;
    }
    let up = key.debt && dropped.iter().any(|limb| *limb != 0);
    row[UP] = Val::from_bool(up);
    for (j, limb) in value.iter().enumerate() {
        row[VALUE + j] = Val::from_u64(*limb);
    }
    let whole = value.iter().skip(1).rev().fold(0, |whole, limb| whole << LOG_RANGE | u128::from(*limb));
    let (number, tier) = key.tier(whole)?;
    row[TIER] = Val::from_usize(number);
    row[PERCENT] = Val::from_i32(tier.percent);
    row[LOWER..LOWER + WHOLE_LIMBS].copy_from_slice(&tier.lower_limbs());
    row[UPPER..UPPER + WHOLE_LIMBS].copy_from_slice(&tier.upper_limbs());
    row[BASE..BASE + BASE_LIMBS].copy_from_slice(&tier.base_limbs());
    subtract(&mut row, whole, tier.lower, ABOVE, ABOVE_BORROW);
    subtract(&mut row, tier.upper, whole, BELOW, BELOW_BORROW);

    let percent = i64::from(tier.percent);
    let above = whole - tier.lower;
    let counts = core::array::from_fn(|j| {
        let limb = |number: u128, j: usize| (number >> (LOG_RANGE * j)) as i64 & MASK;
        match j {
            0 => percent * (value.first().map_or(0, |limb| *limb as i64) + i64::from(up)),
            _ if j <= BASE_LIMBS => percent * limb(above, j - 1) + limb(tier.base, j - 1),
            _ => 0,
        }
    });
    for row in core::iter::once(key.row).chain([1, 2].map(|i| key.row + 2 * number + i)) {
        *asked.get_mut(row)? += 1;
    }
    Some((row, counts))
}

/// Limbs and borrows of `from - less`, which isn't negative.
fn subtract(row: &mut Row, from: u128, less: u128, difference: usize, borrow: usize) {
    let limb = |number: u128, j: usize| (number >> (LOG_RANGE * j)) as i64 & MASK;
    let mut borrowed = 0;
    for j in 0..WHOLE_LIMBS {
        let found = limb(from, j) - limb(less, j) - borrowed;
        borrowed = i64::from(found < 0);
        row[difference + j] = Val::from_i64(found + (borrowed << LOG_RANGE));
        if j + 1 < WHOLE_LIMBS {
            row[borrow + j] = Val::from_i64(borrowed);
        }
    }
}

fn count_pledges(table: &RowMajorMatrix<Val>, lookups: &mut Lookups) {
    use pledge_columns::{ASSET, REST, WIDTH};
    for row in table.values.chunks_exact(WIDTH) {
        row[REST..REST + PIECES].iter().for_each(|value| lookups.count(*value));
        lookups.count(row[ASSET]);
    }
}

fn count_coverage(table: &RowMajorMatrix<Val>, lookups: &mut Lookups) {
    use coverage_columns::{ABOVE, BELOW, CARRY, CREDIT, CREDIT_CARRY, LIMB, TIER, WIDTH};
    for row in table.values.chunks_exact(WIDTH) {
        let ranges = [
            LIMB..LIMB + PRODUCT_LIMBS,
            CARRY..CARRY + PRODUCT_LIMBS - 2,
            ABOVE..ABOVE + WHOLE_LIMBS,
            BELOW..BELOW + WHOLE_LIMBS,
            CREDIT..CREDIT + CREDIT_LIMBS,
        ];
        ranges.into_iter().flat_map(|range| &row[range]).for_each(|value| lookups.count(*value));
        let carries = &row[CREDIT_CARRY..CREDIT_CARRY + CREDIT_LIMBS - 1];
        carries.iter().for_each(|carry| lookups.count(*carry + Val::from_u32(CARRY_OFFSET)));
        lookups.count(row[TIER] * Val::from_u32((1 << LOG_RANGE) / TIERS));
    }
}
