//! The tables that cover debt, in loose rows.

use std::ops::{Index, IndexMut};

use assay_circuit::{Val, coverage_columns, hash_columns, pledge_columns};
use p3_field::{Field, PrimeCharacteristicRing, PrimeField32};
use p3_matrix::dense::RowMajorMatrix;

use super::{Account, FIRST_LEAF, Forge, P, PIECES, Row, digest, height, rechain, v};

/// Bits of a limb.
const BITS: u32 = 15;
/// The largest limb.
pub(crate) const MASK: i64 = (1 << BITS) - 1;
/// Limbs of whole units of the reference currency.
pub(crate) const WHOLE: usize = 4;
/// Limbs of the product of amount and weight.
pub(crate) const LIMBS: usize = 9;
/// Limbs of a credit.
pub(crate) const CREDIT_LIMBS: usize = 7;
/// What the high bit of a carry stands for.
pub(crate) const CARRY_HIGH_VALUE: i64 = (1 << 15) - (1 << 9);
/// Where values end, in whole units.
pub(crate) const END: u128 = 1 << 60;
/// First element of the rows of a weight, of a tier's start and of its end, less key and tier.
const ROW_KINDS: [i64; 3] = [1 << 20, 2 << 20, 3 << 20];

/// The integer of least size that an element stands for.
pub(crate) fn small(value: Val) -> i64 {
    let value = i64::from(value.as_canonical_u32());
    if value > (P as i64) / 2 { value - P as i64 } else { value }
}

fn limb(number: u128, j: usize) -> i64 {
    (number >> (BITS as usize * j)) as i64 & MASK
}

/// What a key is worth.
#[derive(Clone, Debug)]
pub(crate) struct Priced {
    pub(crate) key: i64,
    pub(crate) debt: bool,
    pub(crate) product: i64,
    pub(crate) weight: [i64; 3],
    pub(crate) shift: usize,
    /// Where each tier ends, in whole units, and its percent.
    pub(crate) tiers: Vec<(u128, i64)>,
}

impl Priced {
    /// Number, first and last whole unit, percent, and what counts below, of each tier.
    fn tiers(&self) -> Vec<Tier> {
        let (mut lower, mut base) = (0, 0);
        let mut tiers = Vec::new();
        for (i, (end, percent)) in self.tiers.iter().enumerate() {
            tiers.push(Tier { number: i as i64, lower, upper: end - 1, percent: *percent, base });
            base += percent.unsigned_abs() as u128 * u128::from(!self.debt) * (end - lower);
            lower = *end;
        }
        tiers
    }

    /// The tier of this number.
    pub(crate) fn tier(&self, number: usize) -> Tier {
        self.tiers()[number]
    }

    /// The first elements of the key's price rows.
    fn rows(&self) -> Vec<[Val; 8]> {
        let [w0, w1, w2] = self.weight;
        let of = [ROW_KINDS[0] + self.key, self.debt.into(), self.product, w0, w1, w2, self.shift as i64, 0];
        let mut rows = vec![of];
        for tier in self.tiers() {
            let id = 32 * self.key + tier.number;
            let [l, u, b] = [tier.lower, tier.upper, tier.base].map(|number| move |j| limb(number, j));
            rows.push([ROW_KINDS[1] + id, tier.percent, l(0), l(1), l(2), l(3), b(0), b(1)]);
            rows.push([ROW_KINDS[2] + id, u(0), u(1), u(2), u(3), b(2), b(3), b(4)]);
        }
        rows.into_iter().map(|row| row.map(v)).collect()
    }
}

/// A tier of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tier {
    pub(crate) number: i64,
    pub(crate) lower: u128,
    pub(crate) upper: u128,
    pub(crate) percent: i64,
    pub(crate) base: u128,
}

/// The price rows of these keys, chained.
pub(crate) fn price_rows(prices: &[Priced]) -> Vec<Row> {
    let mut blocks: Vec<_> = prices.iter().flat_map(Priced::rows).collect();
    let mut count = [Val::ZERO; 8];
    count[0] = Val::from_usize(blocks.len());
    blocks.insert(0, count);
    let mut rows: Vec<_> = blocks
        .iter()
        .map(|block| {
            let mut row = Row { prices: Val::ONE, ..Row::default() };
            row.input[..8].copy_from_slice(block);
            row
        })
        .collect();
    rows[0].prices_first = Val::ONE;
    rechain(&mut rows);
    rows
}

/// A row of one of the two tables, its cells as integers of least size.
#[derive(Clone, Debug)]
pub(crate) struct Cells<const W: usize>(pub(crate) [Val; W]);

impl<const W: usize> Cells<W> {
    fn zero() -> Self {
        Self([Val::ZERO; W])
    }

    pub(crate) fn get(&self, column: usize) -> i64 {
        small(self.0[column])
    }

    pub(crate) fn set(&mut self, column: usize, number: i64) {
        self.0[column] = v(number);
    }

    /// Adds to a cell.
    pub(crate) fn add(&mut self, column: usize, number: i64) {
        self.0[column] += v(number);
    }

    /// Limbs of `change + extra`, which is `change` modulo `p` if `extra` is `p`, and the carries, any elements, that
    /// make each limb's equation `limb + 2^15 carry = change + carry before` hold.
    pub(crate) fn wrap(&mut self, limbs: usize, carries: usize, sign: i64, change: &[i64], extra: u64) {
        let inverse = v(1 << BITS).inverse();
        let total = change.iter().rev().fold(0, |sum: i128, limb| (sum << BITS) + i128::from(*limb));
        self.set_limbs(limbs, change.len(), (total + i128::from(extra)) as u128);
        let mut carry = Val::ZERO;
        for (j, change) in change.iter().enumerate().take(change.len() - 1) {
            carry = (v(*change) + carry - self[limbs + j]) * inverse;
            self[carries + j] = v(sign) * carry;
        }
    }

    /// Writes the limbs of a number, low first.
    pub(crate) fn set_limbs(&mut self, column: usize, count: usize, number: u128) {
        (0..count).for_each(|j| self.set(column + j, limb(number, j)));
    }
}

impl<const W: usize> Index<usize> for Cells<W> {
    type Output = Val;

    fn index(&self, column: usize) -> &Val {
        &self.0[column]
    }
}

impl<const W: usize> IndexMut<usize> for Cells<W> {
    fn index_mut(&mut self, column: usize) -> &mut Val {
        &mut self.0[column]
    }
}

/// A row of the pledge table.
pub(crate) type Pledge = Cells<{ pledge_columns::WIDTH }>;

/// A row of the coverage table.
pub(crate) type Line = Cells<{ coverage_columns::WIDTH }>;

/// A row of the pledge table, without what isn't pledged.
pub(crate) fn pledge(number: i64, key: i64, amount: u128, continues: bool) -> Pledge {
    use pledge_columns::{ASSET, COLLATERAL, CONTINUES, EQUITY, KIND, NUMBER, PIECE};
    let mut row = Pledge::zero();
    row.set(if key % 8 == 0 { EQUITY } else { COLLATERAL }, 1);
    row.set(CONTINUES, continues.into());
    row.set(NUMBER, number);
    row.set(ASSET, key / 8);
    (0..3).for_each(|i| row.set(KIND + i, key >> i & 1));
    row.set_limbs(PIECE, PIECES, amount);
    row
}

/// A row of the coverage table that starts a run, without its credit.
pub(crate) fn line(number: i64, amount: u128, priced: &Priced) -> Line {
    use coverage_columns::{ACTIVE, DEBT, KEY, NUMBER, PIECE, PRODUCT};
    let mut row = Line::zero();
    row.set(ACTIVE, 1);
    row.set(DEBT, priced.debt.into());
    row.set(NUMBER, number);
    row.set(KEY, priced.key);
    row.set_limbs(PIECE, PIECES, amount);
    row.set(PRODUCT, priced.product);
    row.weigh(priced);
    let whole = row.whole();
    let tier = priced.tiers().into_iter().find(|tier| whole <= tier.upper);
    row.put_into(&tier.unwrap_or(priced.tier(0)));
    row
}

impl Line {
    /// Multiplies the amount with the weight and takes the value from the product.
    pub(crate) fn weigh(&mut self, priced: &Priced) {
        self.weigh_wrapped(priced, None);
    }

    /// The same, with `p` less at one limb if there is one.
    pub(crate) fn weigh_wrapped(&mut self, priced: &Priced, wrapped: Option<usize>) {
        use coverage_columns::{CARRY, CARRY_HIGH, LIMB, PIECE, SHIFT, UP, WEIGHT};
        let piece: [i64; PIECES] = std::array::from_fn(|i| self.get(PIECE + i));
        (0..3).for_each(|w| self.set(WEIGHT + w, priced.weight[w]));
        (0..9).for_each(|shift| self.set(SHIFT + shift, (shift == priced.shift).into()));
        let mut carry = 0;
        for m in 0..LIMBS - 1 {
            let places = (0..3).filter(|w| m >= *w && m - w < PIECES);
            let less = if wrapped == Some(m) { P as i64 } else { 0 };
            let sum = carry + places.map(|w| piece[m - w] * priced.weight[w]).sum::<i64>() - less;
            self.set(LIMB + m, sum & MASK);
            carry = sum >> BITS;
            if m < LIMBS - 2 {
                let high = carry > MASK;
                self.set(CARRY + m, carry - if high { CARRY_HIGH_VALUE } else { 0 });
                if m > 0 {
                    self.set(CARRY_HIGH + m - 1, high.into());
                }
            }
        }
        self.set(LIMB + LIMBS - 1, carry);
        self.take_value(priced.shift);
        let dropped = (0..priced.shift).any(|m| self.get(LIMB + m) != 0);
        self.set(UP, (dropped && priced.debt).into());
    }

    /// Takes the value from the product.
    pub(crate) fn take_value(&mut self, shift: usize) {
        use coverage_columns::{LIMB, VALUE};
        for j in 0..=WHOLE {
            self[VALUE + j] = if shift + j < LIMBS { self[LIMB + shift + j] } else { Val::ZERO };
        }
    }

    /// Whole units of the value.
    pub(crate) fn whole(&self) -> u128 {
        let limbs = (1..=WHOLE).rev();
        limbs.fold(0, |whole, j| whole << BITS | self.get(coverage_columns::VALUE + j) as u128 & MASK as u128)
    }

    /// Puts the value into a tier, whether it belongs there or not.
    pub(crate) fn put_into(&mut self, tier: &Tier) {
        use coverage_columns::{BASE, LOWER, PERCENT, TIER, UPPER};
        self.set(TIER, tier.number);
        self.set(PERCENT, tier.percent);
        self.set_limbs(LOWER, WHOLE, tier.lower);
        self.set_limbs(UPPER, WHOLE, tier.upper);
        self.set_limbs(BASE, 5, tier.base);
        self.compare();
    }

    /// Differences to the ends of the tier, negative in the highest limb if the value is beyond one.
    pub(crate) fn compare(&mut self) {
        use coverage_columns::{ABOVE, ABOVE_BORROW, BELOW, BELOW_BORROW, LOWER, UPPER, VALUE};
        for (from, less, difference, borrows) in
            [(VALUE + 1, LOWER, ABOVE, ABOVE_BORROW), (UPPER, VALUE + 1, BELOW, BELOW_BORROW)]
        {
            let mut borrow = 0;
            for j in 0..WHOLE {
                let found = self.get(from + j) - self.get(less + j) - borrow;
                borrow = i64::from(found < 0 && j < WHOLE - 1);
                self.set(difference + j, found + (borrow << BITS));
                if j < WHOLE - 1 {
                    self.set(borrows + j, borrow);
                }
            }
        }
    }

    /// What the row changes of each limb of the credit.
    pub(crate) fn change(&self) -> [i64; CREDIT_LIMBS] {
        use coverage_columns::{ABOVE, BASE, PERCENT, UP, VALUE};
        let percent = self.get(PERCENT);
        std::array::from_fn(|j| match j {
            0 => percent * (self.get(VALUE) + self.get(UP)),
            1..=WHOLE => percent * self.get(ABOVE + j - 1) + self.get(BASE + j - 1),
            5 => self.get(BASE + 4),
            _ => 0,
        })
    }
}

/// What a segment that covers debt has beside a plain one.
#[derive(Clone, Debug)]
pub(crate) struct Cover {
    /// The price rows.
    pub(crate) prices: Vec<Row>,
    /// Their public digest.
    pub(crate) digest: [Val; 8],
    pub(crate) pledge: Vec<Pledge>,
    pub(crate) coverage: Vec<Line>,
}

impl Cover {
    /// What isn't pledged, in each row from row `start` on, from the flags and amounts.
    pub(crate) fn settle_rest(&mut self, start: usize) {
        use pledge_columns::{BORROW, COLLATERAL, CONTINUES, EQUITY, PIECE, REST};
        let mut before = match start.checked_sub(1).and_then(|before| self.pledge.get(before)) {
            Some(row) => std::array::from_fn(|j| row.get(REST + j)),
            None => [0; PIECES],
        };
        for (i, row) in self.pledge.iter_mut().enumerate().skip(start) {
            let continues = if i == 0 { 0 } else { row.get(CONTINUES) };
            let sign = row.get(EQUITY) - row.get(COLLATERAL);
            let mut borrow = 0;
            for (j, before) in before.iter_mut().enumerate() {
                let found = continues * *before + sign * row.get(PIECE + j) - borrow;
                // Sums of equity, which forgers make, carry: a borrow of -1.
                borrow = if j < PIECES - 1 { -(found >> BITS) } else { 0 };
                *before = found + (borrow << BITS);
                row.set(REST + j, *before);
                if j < PIECES - 1 {
                    row.set(BORROW + j, borrow);
                }
            }
        }
    }

    /// The credit of each row from row `start` on, from the flags and the rows' changes. It is negative in its highest
    /// limb if it doesn't suffice.
    pub(crate) fn settle_credit(&mut self, start: usize) {
        use coverage_columns::{BANK, BANKS, CONTINUES, CREDIT, CREDIT_CARRY, POOLS};
        let read = |row: &Line, column| std::array::from_fn(|j| row.get(column + j));
        for i in start..self.coverage.len() {
            let (credit, bank): ([i64; CREDIT_LIMBS], [i64; CREDIT_LIMBS]) = match i.checked_sub(1) {
                Some(before) => (read(&self.coverage[before], CREDIT), read(&self.coverage[before], BANK)),
                None => ([0; CREDIT_LIMBS], [0; CREDIT_LIMBS]),
            };
            let row = &mut self.coverage[i];
            let [continues, banks, pools] = [CONTINUES, BANKS, POOLS].map(|flag| row.get(flag));
            let change = row.change();
            let mut carry = 0;
            for j in 0..CREDIT_LIMBS {
                let all = credit[j] + bank[j];
                let found = continues * credit[j] + pools * all + change[j] + carry;
                row.set(BANK + j, continues * bank[j] + banks * all);
                if j < CREDIT_LIMBS - 1 {
                    carry = found >> BITS;
                    row.set(CREDIT_CARRY + j, carry);
                    row.set(CREDIT + j, found & MASK);
                } else {
                    row.set(CREDIT + j, found);
                }
            }
        }
    }

    pub(super) fn pledge_table(&self) -> RowMajorMatrix<Val> {
        table(&self.pledge)
    }

    pub(super) fn coverage_table(&self) -> RowMajorMatrix<Val> {
        table(&self.coverage)
    }
}

fn table<const W: usize>(rows: &[Cells<W>]) -> RowMajorMatrix<Val> {
    let mut values: Vec<_> = rows.iter().flat_map(|row| row.0).collect();
    values.resize(height(rows.len()) * W, Val::ZERO);
    RowMajorMatrix::new(values, W)
}

impl Forge {
    /// A segment of these accounts that covers their debt at these prices; honest if they are covered.
    pub(crate) fn covered(accounts: &[Account], prices: &[Priced]) -> Self {
        use coverage_columns::{BANKS, CONTINUES, POOLS, PRODUCT};
        let mut forge = Self::honest(accounts);
        let rows = price_rows(prices);
        let mut cover =
            Cover { digest: digest(&rows), prices: rows, pledge: Vec::new(), coverage: Vec::new() };
        let find = |key: i64| prices.iter().find(|priced| priced.key == key);
        let is_debt = |key: i64| find(key).is_some_and(|priced| priced.debt);
        for (account, number) in accounts.iter().zip(FIRST_LEAF..) {
            let mut lines = Vec::new();
            for entries in account.entries.chunk_by(|(a, _), (b, _)| a / 8 == b / 8) {
                let pledges = entries.iter().any(|(key, _)| key % 8 != 0 && !is_debt(*key));
                let mut continues = false;
                for (key, amount) in entries {
                    let of_entry = |held: &&mut super::Held| held.number == v(number) && held.key == v(*key);
                    let held = forge.held.iter_mut().find(of_entry);
                    let pledged = pledges && !is_debt(*key);
                    if let Some(held) = held {
                        held.pledged = Val::from_bool(pledged);
                        held.owed = Val::from_bool(is_debt(*key));
                        held.asset = if pledged || is_debt(*key) { Val::ZERO } else { v(key / 8) };
                    }
                    if pledged {
                        cover.pledge.push(pledge(number, *key, *amount, continues));
                        continues = true;
                    }
                    if let Some(priced) = find(*key) {
                        lines.push(line(number, *amount, priced));
                    }
                }
            }
            // Product by product, collateral before debt.
            lines.sort_by_key(|line| {
                let product = line.get(PRODUCT);
                (product == 0, product, line.get(coverage_columns::DEBT), line.get(coverage_columns::KEY))
            });
            for i in 1..lines.len() {
                let product = lines[i].get(PRODUCT);
                let flag = match lines[i - 1].get(PRODUCT) {
                    before if before == product => CONTINUES,
                    _ if product == 0 => POOLS,
                    _ => BANKS,
                };
                lines[i].set(flag, 1);
            }
            cover.coverage.extend(lines);
        }
        cover.settle_rest(0);
        cover.settle_credit(0);
        forge.cover = Some(cover);
        forge
    }

    /// The same segment as one that covers debt, at prices by which nothing that it owes is worth anything.
    pub(crate) fn with_cover(&self) -> Self {
        let mut forge = self.clone();
        let mut rows = [forge.leaves.concat(), forge.extra.clone(), forge.tail.clone()].concat();
        rows.retain(|row| row.entries != Val::ZERO);
        // What is hashed, with the number of its leaf.
        let mut hashed: Vec<(Vec<Val>, Val)> = Vec::new();
        for row in &rows {
            let gap = row.input[0] - row.previous_key - Val::ONE;
            hashed.push(([&row.input[..4], &[gap]].concat(), row.number));
            if row.second != Val::ZERO {
                let gap = row.input[4] - row.input[0] - Val::ONE;
                hashed.push(([&row.input[4..8], &[gap]].concat(), row.number));
            }
        }
        let mut prices: Vec<Priced> = Vec::new();
        let mut lines = Vec::new();
        for held in forge.held.iter_mut().chain(&mut forge.held_tail) {
            let key = i64::from(held.key.as_canonical_u32());
            if held.active != Val::ZERO {
                let limb = |i: usize| held.piece[2 * i] + held.piece[2 * i + 1] * v(1 << BITS);
                let entry = vec![held.key, limb(0), limb(1), limb(2), held.gap];
                if let Some(place) = hashed.iter().position(|(hashed, _)| *hashed == entry) {
                    held.number = hashed.remove(place).1;
                }
            }
            held.asset = v(key / 8);
            if key % 8 != 0 && held.active != Val::ZERO {
                held.owed = Val::ONE;
                let worthless = Priced {
                    key,
                    debt: true,
                    product: 0,
                    weight: [0; 3],
                    shift: 0,
                    tiers: vec![(END, -100)],
                };
                let mut row = line(small(held.number), 0, &worthless);
                row.0[coverage_columns::PIECE..][..PIECES].copy_from_slice(&held.piece);
                lines.push(row);
                if prices.iter().all(|priced| priced.key != key) {
                    prices.push(worthless);
                }
            }
        }
        let rows = price_rows(&prices);
        forge.cover =
            Some(Cover { digest: digest(&rows), prices: rows, pledge: Vec::new(), coverage: lines });
        forge
    }

    /// Sends the entry of this account and key to the pledge table, to the coverage table, or nowhere.
    pub(crate) fn route(&mut self, number: i64, key: i64, pledged: i64, owed: i64) {
        for held in self.held.iter_mut().filter(|held| held.number == v(number) && held.key == v(key)) {
            held.pledged = v(pledged);
            held.owed = v(owed);
        }
    }

    /// What covers debt.
    pub(crate) fn cover_mut(&mut self) -> &mut Cover {
        self.cover.as_mut().unwrap()
    }

    /// Answers what the coverage table asks of the price rows: `count` times this message.
    pub(super) fn answer(hash: &mut RowMajorMatrix<Val>, message: &[u32], count: u32) {
        use hash_columns::{COVERED_WIDTH, MULTIPLICITY, PRICES};
        let message: Vec<_> = message[1..].iter().copied().map(Val::from_u32).collect();
        let asked = |row: &&mut [Val]| row[PRICES] == Val::ONE && row[..8] == message[..8];
        if message[8] == Val::ZERO
            && let Some(row) = hash.values.chunks_exact_mut(COVERED_WIDTH).find(asked)
        {
            row[MULTIPLICITY] += Val::from_u32(count);
        }
    }
}
