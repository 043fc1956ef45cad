//! The leaf circuit: one segment proof, its list of totals checked and put in order.

use alloc::vec::Vec;

use assay_circuit::{
    MAX_GROUP, MAX_TOTALS_ROWS, SEGMENT_PARAMETERS, SegmentAir, SegmentConfig, SegmentPublics, TotalsRow,
    Val, Variant,
};
use assay_commit::{RowTag, SUBTREE_DEPTH};
use p3_batch_stark::{BatchProof, CommonData};
use p3_field::PrimeCharacteristicRing;

use super::totals::{Comparison, NodeList, carry_chain};
use super::{StatementWires, TreeCircuitError, input_array, inputs};
use crate::builder::{CircuitBuilder, LOG_RANGE};
use crate::circuit::{Circuit, High, Hint, Permute, Rest, Wire};
use crate::gadgets::{ChildShape, ProofError, push_proof, verify_batch};
use crate::statement::{
    ACCOUNTS_KEY, LEAF_KEYS, NO_PRICES, NodeRow, NodeStatement, NodeTotals, SEGMENT_LIMBS, TotalsListError,
};
use crate::witness::Inputs;

/// Log2 of the height of node circuits, and of leaf circuits for plain segments.
pub const LOG_HEIGHT: usize = 15;

/// Log2 of the height of leaf circuits for segments that cover debt, whose tables are twice as wide.
pub const COVERED_LOG_HEIGHT: usize = 16;

/// Sums of pieces of a row of totals.
const SUMS: usize = 6;

/// Elements of a row of a segment's totals: key, sums, entries.
const ROW: usize = SUMS + 2;

// Sums split into two halves of 15 bits, and the range check takes the number of entries less one.
const _: () = assert!(MAX_GROUP == 1 << LOG_RANGE && LOG_RANGE == assay_circuit::LOG_RANGE);
// Every key of a segment has a row in the leaf's list, and the accounts have one.
const _: () = assert!(MAX_TOTALS_ROWS < LEAF_KEYS);
// The leaf's own list has a limb more than a sum has halves, and its sums don't reach p:
// MAX_TOTALS_ROWS rows of at most two halves each.
const _: () = assert!(SEGMENT_LIMBS > SUMS && (MAX_TOTALS_ROWS as u64 + 1) << (LOG_RANGE + 1) < 1 << 30);

/// The circuit for segments of one shape.
pub struct LeafCircuit {
    circuit: Circuit,
    variant: Variant,
    child: ChildShape,
}

impl LeafCircuit {
    /// The circuit for segments whose tables have these heights (log2).
    pub fn new(
        airs: &[SegmentAir],
        common: &CommonData<SegmentConfig>,
        log_heights: &[usize],
    ) -> Result<Self, TreeCircuitError> {
        let variant =
            Variant::of_tables(airs.len()).ok_or(TreeCircuitError::Tables { tables: airs.len() })?;
        Self::over(variant, ChildShape::new(&SEGMENT_PARAMETERS, airs, common, log_heights)?)
    }

    /// The circuit for proofs of another shape that state the same.
    #[cfg(feature = "mutation")]
    pub fn over_any(child: ChildShape) -> Result<Self, TreeCircuitError> {
        Self::over(Variant::Plain, child)
    }

    fn over(variant: Variant, child: ChildShape) -> Result<Self, TreeCircuitError> {
        let mut b = CircuitBuilder::new();
        leaf(&mut b, variant, &child);
        let log_height = match variant {
            Variant::Plain => LOG_HEIGHT,
            Variant::Covered => COVERED_LOG_HEIGHT,
        };
        Ok(Self { circuit: b.finish(log_height, LOG_RANGE)?, variant, child })
    }

    /// The circuit.
    pub const fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// Inputs of the circuit for a segment, with what it states and its totals.
    pub fn inputs(
        &self,
        publics: &SegmentPublics,
        rows: &[TotalsRow],
        proof: &BatchProof<SegmentConfig>,
        hasher: &assay_commit::Hasher,
    ) -> Result<(Inputs, NodeStatement, NodeTotals), LeafError> {
        if rows.len() > MAX_TOTALS_ROWS {
            return Err(LeafError::TotalsRows { rows: rows.len() });
        }
        if publics.variant() != self.variant {
            return Err(LeafError::Variant);
        }
        let totals = NodeTotals::of_segment(rows, publics.accounts)?;
        let statement = NodeStatement {
            level: 0,
            full: true,
            epoch: publics.epoch,
            top: publics.top,
            first: publics.first,
            last: publics.last,
            totals: totals.digest(hasher),
            prices: publics.prices.unwrap_or(NO_PRICES),
        };
        let mut inputs = Inputs::default();
        let values = publics.values();
        values.iter().flatten().for_each(|value| inputs.push_base(*value));
        push_proof(&self.child, proof, &values, &mut inputs)?;
        for row in rows {
            row.elements().into_iter().for_each(|element| inputs.push_base(element));
            inputs.push_base(Val::ONE);
        }
        for _ in rows.len()..MAX_TOTALS_ROWS {
            // A row that isn't in use has a number of entries in range.
            (0..ROW).for_each(|i| inputs.push_base(Val::from_bool(i + 1 == ROW)));
            inputs.push_base(Val::ZERO);
        }
        NodeList::push(&totals, &mut inputs);
        carries(rows, publics.accounts, &totals).into_iter().for_each(|carry| inputs.push_base(carry));
        Ok((inputs, statement, totals))
    }
}

/// Why a segment has no leaf proof.
#[derive(Debug, thiserror::Error)]
pub enum LeafError {
    /// More rows of totals than the circuit takes.
    #[error("a segment has {rows} rows of totals, and a leaf takes {MAX_TOTALS_ROWS}")]
    TotalsRows {
        /// Rows.
        rows: usize,
    },
    /// A segment that covers debt for a circuit of plain ones, or the other way round.
    #[error("a segment with other tables than the circuit is for")]
    Variant,
    /// Too many keys.
    #[error(transparent)]
    Totals(#[from] TotalsListError),
    /// A proof of another shape.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// A row of the segment's totals in wires.
struct TotalsWires {
    key: Wire,
    sums: [Wire; SUMS],
    entries: Wire,
    /// 1 if the row is in use.
    used: Wire,
}

impl TotalsWires {
    fn elements(&self) -> [Wire; ROW] {
        core::array::from_fn(|i| match i {
            0 => self.key,
            i if i <= SUMS => self.sums[i - 1],
            _ => self.entries,
        })
    }
}

fn leaf(b: &mut CircuitBuilder, variant: Variant, child: &ChildShape) {
    let top = input_array(b);
    let epoch: [Wire; 8] = input_array(b);
    let segment_totals: [Wire; 8] = input_array(b);
    let mut hash = [top, epoch, segment_totals].concat();
    let prices = match variant {
        Variant::Plain => NO_PRICES.0.map(|element| b.constant(element)),
        Variant::Covered => {
            let prices = input_array(b);
            hash.extend(prices);
            prices
        }
    };
    let first = input_array(b);
    let last = input_array(b);
    let accounts = b.input();
    let account = [first, last].concat().into_iter().chain([accounts]).collect();
    let mut publics = alloc::vec![Vec::new(); variant.tables().len()];
    if let [of_hash, _, of_account, ..] = publics.as_mut_slice() {
        (*of_hash, *of_account) = (hash, account);
    }
    verify_batch(b, child, &publics);

    let rows: Vec<TotalsWires> = (0..MAX_TOTALS_ROWS)
        .map(|_| {
            let [key, sums @ .., entries] = input_array::<ROW>(b);
            TotalsWires { key, sums, entries, used: b.input() }
        })
        .collect();
    open_segment_totals(b, &epoch, &rows, &segment_totals);

    let list = NodeList::input(b, LEAF_KEYS);
    let carries = inputs(b, LEAF_KEYS * (SEGMENT_LIMBS - 1));
    let totals = list.digest(b);
    compare(b, &Sides { segment_totals, accounts, rows: &rows, totals, list: &list, carries: &carries });

    let statement = StatementWires { full: b.one(), epoch, top, first, last, totals, prices };
    let digest = statement.digest(b, 0);
    b.publish(digest);
}

/// Ties the rows in use, a prefix of all rows, to the digest in the segment's public values.
fn open_segment_totals(b: &mut CircuitBuilder, epoch: &[Wire; 8], rows: &[TotalsWires], digest: &[Wire; 8]) {
    let zero = b.zero();
    let one = b.one();
    let mut before = one;
    for row in rows {
        b.assert_bool(row.used);
        // Used rows come first: one is used only if the one before is.
        b.assert_mul_add(row.used, before, zero, row.used);
        before = row.used;
    }
    let used: Vec<Wire> = rows.iter().map(|row| row.used).collect();
    let count = b.horner(one, &used);

    // The compression's low half is output plus input plus tag; its high half goes on in the chain.
    let chain = b.chain();
    let outputs = b.output_array(rows.len() + 1);
    let mut parts: Vec<Vec<Wire>> = Vec::with_capacity(2 * rows.len() + 2);
    let tag = RowTag::Totals.element();
    for (i, elements) in core::iter::once(*epoch).chain(rows.iter().map(TotalsWires::elements)).enumerate() {
        let high = if i == 0 { High::Fresh { tag: Val::ZERO } } else { High::Feed { tag } };
        b.permute(chain, Permute::Row { lanes: elements.map(Some), rest: Rest::Zero, high });
        b.output_into(chain, outputs, i);
        let (low, high) = elements.split_at(5);
        parts.extend([low.to_vec(), high.to_vec()]);
    }
    let input_parts = b.pack_array(&parts);

    let tag = b.constant(tag);
    let expected = b.pack_digest(*digest);
    let first = b.add(count, count);
    let second = b.add(first, one);
    for (offset, tag, expected) in [(first, tag, expected[0]), (second, zero, expected[1])] {
        let output = b.select(outputs, offset);
        let input = b.select(input_parts, offset);
        let input = b.add(input, tag);
        b.assert_mul_add(output, one, input, expected);
    }
}

/// What the leaf compares: the segment's totals and the leaf's list.
struct Sides<'a> {
    segment_totals: [Wire; 8],
    accounts: Wire,
    rows: &'a [TotalsWires],
    totals: [Wire; 8],
    list: &'a NodeList,
    carries: &'a [Wire],
}

fn compare(b: &mut CircuitBuilder, sides: &Sides<'_>) {
    let mut fixed = Vec::with_capacity(17 + sides.carries.len());
    fixed.extend(sides.segment_totals);
    fixed.extend(sides.totals);
    fixed.push(sides.accounts);
    fixed.extend(sides.carries);
    let comparison = Comparison::new(b, &fixed);
    let rho = comparison.rho;
    let (zero, one) = (b.zero(), b.one());
    let minus_one = b.constant(Val::NEG_ONE);
    let half = b.constant(Val::from_u32(1 << LOG_RANGE));

    // The segment: its accounts, less one in 18 bits, and its groups.
    let less = b.add(sides.accounts, minus_one);
    let low = b.hint(Hint::Bits { of: less, low: 0, len: LOG_RANGE as u32 });
    let high =
        b.hint(Hint::Bits { of: less, low: LOG_RANGE as u32, len: (SUBTREE_DEPTH - LOG_RANGE) as u32 });
    b.assert_mul_add(high, half, low, less);
    b.range(low);
    b.range(high);
    let scale = b.constant(Val::from_u32(1 << (2 * LOG_RANGE - SUBTREE_DEPTH)));
    let scaled = b.mul(high, scale);
    b.range(scaled);
    let low = b.add(low, one);
    // One group: a one at the place of the number of groups.
    let mut figures = alloc::vec![one];
    figures.resize(SEGMENT_LIMBS - 1, zero);
    figures.extend([high, low]);
    let figures = b.horner(rho, &figures);
    let mut segment = comparison.add(b, zero, comparison.accounts, figures);
    for row in sides.rows {
        let less = b.add(row.entries, minus_one);
        b.range(less);
        let halves = row.sums.map(|sum| {
            let low = b.hint(Hint::Bits { of: sum, low: 0, len: LOG_RANGE as u32 });
            let high = b.hint(Hint::Bits { of: sum, low: LOG_RANGE as u32, len: LOG_RANGE as u32 });
            b.range(low);
            b.range(high);
            b.assert_mul_add(high, half, low, sum);
            (low, high)
        });
        // Limb j is the low half of sum j and the high half of sum j - 1; then the number of groups, one.
        let low: Vec<Wire> = halves.iter().rev().map(|(low, _)| *low).collect();
        let mut high = alloc::vec![one];
        high.resize(SEGMENT_LIMBS - SUMS, zero);
        high.extend(halves.iter().rev().map(|(_, high)| *high));
        let low = b.horner(rho, &low);
        let high = b.horner(rho, &high);
        let figures = b.mul_add(rho, high, low);
        let figures = b.mul(figures, row.used);
        segment = comparison.add(b, segment, row.key, figures);
    }

    // The leaf's list: limbs of 15 bits, carried; keys strictly increasing.
    let mut leaf = zero;
    let mut before = None;
    for (i, (row, carries)) in
        sides.list.rows().zip(sides.carries.chunks_exact(SEGMENT_LIMBS - 1)).enumerate()
    {
        let [key, figures @ ..] = row;
        let above = match before {
            None => *key,
            Some(before) => {
                let gap = b.sub(*key, before);
                b.add(gap, minus_one)
            }
        };
        b.range(above);
        before = Some(*key);
        figures.iter().take(SEGMENT_LIMBS).chain(carries).for_each(|limb| b.range(*limb));
        let figures: Vec<Wire> = figures.iter().rev().copied().collect();
        let figures = b.horner(rho, &figures);
        let figures = comparison.undo_carries(b, figures, carries);
        let key = comparison.key(b, i, *key);
        leaf = comparison.add(b, leaf, key, figures);
    }
    b.assert_equal(segment, leaf);
}

/// Carries of the leaf's list, row by row: what goes from each limb's sum to the next limb.
fn carries(rows: &[TotalsRow], accounts: u32, totals: &NodeTotals) -> Vec<Val> {
    let mask = (1u64 << LOG_RANGE) - 1;
    let mut sums: alloc::collections::BTreeMap<u32, [u64; SEGMENT_LIMBS]> = Default::default();
    let counted = sums.entry(ACCOUNTS_KEY).or_default();
    let less = u64::from(accounts.saturating_sub(1));
    counted[0] += (less & mask) + 1;
    counted[1] += less >> LOG_RANGE;
    for row in rows {
        let limbs = sums.entry(u32::from(row.key.number())).or_default();
        for (j, sum) in row.sums.iter().enumerate() {
            limbs[j] += u64::from(*sum) & mask;
            limbs[j + 1] += u64::from(*sum) >> LOG_RANGE;
        }
    }
    let limbs = |row: &NodeRow| sums.get(&row.key).copied().unwrap_or_default();
    totals.rows().iter().flat_map(|row| carry_chain(limbs(row)).take(SEGMENT_LIMBS - 1)).collect()
}
