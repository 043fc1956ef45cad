//! A prover without scruples: it holds a segment as loose rows, which a test bends before they become tables.
//!
//! It shares no code with the honest trace builder, so that the two also check each other.

pub(crate) mod covered;

use std::sync::OnceLock;

use assay_circuit::checker::{Violation, check_segment};
use assay_circuit::{
    Constraint, Keeps, LOG_RANGE, MIN_LOG_HEIGHT, Val, account_columns, entry_columns, hash_columns,
    range_columns,
};
use assay_commit::{EMPTY, RowTag, SUBTREE_DEPTH};
use p3_field::{PrimeCharacteristicRing, PrimeField32};
use p3_koala_bear::{
    GenericPoseidon2LinearLayersKoalaBear, KOALABEAR_POSEIDON2_HALF_FULL_ROUNDS,
    KOALABEAR_POSEIDON2_PARTIAL_ROUNDS_16, KOALABEAR_POSEIDON2_RC_16_EXTERNAL_FINAL,
    KOALABEAR_POSEIDON2_RC_16_EXTERNAL_INITIAL, KOALABEAR_POSEIDON2_RC_16_INTERNAL, KOALABEAR_S_BOX_DEGREE,
    Poseidon2KoalaBear, default_koalabear_poseidon2_16,
};
use p3_matrix::dense::RowMajorMatrix;
use p3_poseidon2_air::{RoundConstants, generate_trace_rows};
use p3_symmetric::Permutation;

use covered::Cover;

/// Pieces of an amount.
pub(crate) const PIECES: usize = 6;
/// Number of the first leaf.
pub(crate) const FIRST_LEAF: i64 = 1 << SUBTREE_DEPTH;
/// The field's order.
pub(crate) const P: u64 = Val::ORDER_U32 as u64;

/// Tag of what the coverage table asks of the price rows.
const PRICES_TAG: u32 = 7;

pub(crate) type Tables = Vec<RowMajorMatrix<Val>>;

/// The field element of an integer.
pub(crate) fn v(number: i64) -> Val {
    Val::from_i64(number)
}

/// Drops every constraint of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lacking(pub(crate) &'static [Constraint]);

impl Keeps for Lacking {
    fn keeps(&self, constraint: Constraint) -> bool {
        !self.0.contains(&constraint)
    }
}

/// What an honest segment would be made of.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) key: [Val; 8],
    pub(crate) salt: [Val; 7],
    pub(crate) entries: Vec<(i64, u128)>,
}

impl Account {
    /// An account whose leaf key has these two elements.
    pub(crate) fn new(first: u64, second: u64, entries: &[(i64, u128)]) -> Self {
        let mut key = [v(77); 8];
        key[0] = Val::from_u64(first);
        key[1] = Val::from_u64(second);
        Self { key, salt: [v(5); 7], entries: entries.to_vec() }
    }

    /// Key and limbs of each entry, as they are hashed.
    pub(crate) fn blocks(&self) -> Vec<[Val; 4]> {
        self.entries.iter().map(|(key, amount)| block(*key, *amount)).collect()
    }

    /// Rows of the entry table of the account whose leaf has this number.
    fn held(&self, number: i64) -> impl Iterator<Item = Held> + '_ {
        let before = std::iter::once(0).chain(self.entries.iter().map(|(key, _)| *key));
        self.entries.iter().zip(before).map(move |((key, amount), before)| Held {
            number: v(number),
            ..Held::new(*key, *amount, key - before - 1)
        })
    }

    fn elements(&self) -> [u64; 2] {
        [0, 1].map(|i| u64::from(self.key[i].as_canonical_u32()))
    }
}

/// Key and limbs of an entry.
pub(crate) fn block(key: i64, amount: u128) -> [Val; 4] {
    let limb = |i: u32| Val::from_u32((amount >> (30 * i)) as u32 & ((1 << 30) - 1));
    [v(key), limb(0), limb(1), limb(2)]
}

/// A row of the hash table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) input: [Val; 16],
    /// Output columns that the permutation doesn't have.
    pub(crate) forged_output: Option<[Val; 16]>,
    pub(crate) header: Val,
    pub(crate) entries: Val,
    pub(crate) node: Val,
    pub(crate) totals: Val,
    pub(crate) last: Val,
    pub(crate) second: Val,
    pub(crate) empty_right: Val,
    pub(crate) root: Val,
    pub(crate) totals_first: Val,
    pub(crate) number: Val,
    pub(crate) previous_key: Val,
    pub(crate) remaining: Val,
    pub(crate) prices: Val,
    pub(crate) prices_first: Val,
}

impl Row {
    fn output(&self) -> [Val; 16] {
        static PERMUTATION: OnceLock<Poseidon2KoalaBear<16>> = OnceLock::new();
        self.forged_output
            .unwrap_or_else(|| PERMUTATION.get_or_init(default_koalabear_poseidon2_16).permute(self.input))
    }

    fn compressed(&self) -> [Val; 16] {
        let tag = self.header * RowTag::Header.element()
            + self.entries * RowTag::Entries.element()
            + self.node * RowTag::Node.element()
            + self.totals * RowTag::Totals.element()
            + self.prices * RowTag::Prices.element();
        let output = self.output();
        std::array::from_fn(|i| {
            let sum = output[i] + self.input[i];
            if i % 8 == 0 { sum + tag } else { sum }
        })
    }

    /// The row's digest.
    pub(crate) fn low(&self) -> [Val; 8] {
        let out = self.compressed();
        std::array::from_fn(|i| out[i])
    }

    /// What goes on into the next row.
    pub(crate) fn chain(&self) -> [Val; 8] {
        let out = self.compressed();
        std::array::from_fn(|i| out[8 + i])
    }

    pub(crate) fn absorb(&mut self, chain: [Val; 8]) {
        self.input[8..].copy_from_slice(&chain);
    }

    /// Node `number` over two digests.
    pub(crate) fn node(number: Val, left: [Val; 8], right: [Val; 8]) -> Self {
        let mut row = Self { node: Val::ONE, number, ..Self::default() };
        row.input[..8].copy_from_slice(&left);
        row.absorb(right);
        row.empty_right = Val::from_bool(right == EMPTY.0);
        row
    }

    /// Output columns with which the row's digest is `digest`.
    pub(crate) fn forge_digest(&mut self, digest: [Val; 8]) {
        let low = self.low();
        let mut output = self.output();
        for i in 0..8 {
            output[i] += digest[i] - low[i];
        }
        self.forged_output = Some(output);
    }

    fn named(&self) -> [(usize, Val); 14] {
        use hash_columns::*;
        [
            (HEADER, self.header),
            (ENTRIES, self.entries),
            (NODE, self.node),
            (TOTALS, self.totals),
            (LAST, self.last),
            (SECOND, self.second),
            (EMPTY_RIGHT, self.empty_right),
            (ROOT, self.root),
            (TOTALS_FIRST, self.totals_first),
            (NUMBER, self.number),
            (PREVIOUS_KEY, self.previous_key),
            (REMAINING, self.remaining),
            (PRICES, self.prices),
            (PRICES_FIRST, self.prices_first),
        ]
    }
}

/// The rows of an honest leaf.
pub(crate) fn leaf(number: i64, key: &[Val; 8], salt: &[Val; 7], blocks: &[[Val; 4]]) -> Vec<Row> {
    let mut header = Row { header: Val::ONE, number: v(number), ..Row::default() };
    header.input[..8].copy_from_slice(key);
    header.input[8..15].copy_from_slice(salt);
    header.input[15] = Val::from_usize(blocks.len());
    header.remaining = header.input[15];
    let mut rows = vec![header];
    let mut previous = Val::ZERO;
    for (i, pair) in blocks.chunks(2).enumerate() {
        let mut row = Row {
            entries: Val::ONE,
            second: Val::from_bool(pair.len() == 2),
            number: v(number),
            previous_key: previous,
            remaining: Val::from_usize(blocks.len() - 2 * i),
            ..Row::default()
        };
        for (j, block) in pair.iter().enumerate() {
            row.input[4 * j..4 * j + 4].copy_from_slice(block);
        }
        previous = pair[pair.len() - 1][0];
        rows.push(row);
    }
    if let Some(row) = rows.last_mut() {
        row.last = Val::ONE;
    }
    rechain(&mut rows);
    rows
}

/// Lets each row but the first absorb the chain of the one before it.
pub(crate) fn rechain(rows: &mut [Row]) {
    for i in 1..rows.len() {
        let chain = rows[i - 1].chain();
        rows[i].absorb(chain);
    }
}

/// Digest of a leaf's rows.
pub(crate) fn digest(rows: &[Row]) -> [Val; 8] {
    rows[rows.len() - 1].low()
}

/// A row of the entry table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    pub(crate) active: Val,
    pub(crate) end: Val,
    pub(crate) key: Val,
    pub(crate) gap: Val,
    pub(crate) piece: [Val; PIECES],
    pub(crate) sum: [Val; PIECES],
    pub(crate) count: Val,
    pub(crate) number: Val,
    pub(crate) asset: Val,
    pub(crate) pledged: Val,
    pub(crate) owed: Val,
}

impl Held {
    pub(crate) fn new(key: i64, amount: u128, gap: i64) -> Self {
        let piece = std::array::from_fn(|i| Val::from_u32((amount >> (15 * i)) as u32 & 0x7fff));
        Self { active: Val::ONE, key: v(key), gap: v(gap), piece, ..Self::default() }
    }

    /// The row of the totals that the group's end sends.
    pub(crate) fn total(&self) -> [Val; 8] {
        std::array::from_fn(|i| match i {
            0 => self.key,
            7 => self.count,
            _ => self.sum[i - 1],
        })
    }
}

/// An element of a key in the account table's four columns.
fn element(number: u64) -> [Val; 4] {
    let parts = [number & 0x7fff, number >> 15 & 0x7fff, number >> 30, u64::from(number == P - 1)];
    parts.map(Val::from_u64)
}

/// A row of the account table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub(crate) active: Val,
    pub(crate) index: Val,
    pub(crate) key: [[Val; 4]; 2],
    pub(crate) difference: [Val; 4],
    pub(crate) high: [Val; 2],
    pub(crate) borrow: [Val; 3],
}

impl Place {
    pub(crate) fn new(index: usize, key: [u64; 2]) -> Self {
        Self { active: Val::ONE, index: Val::from_usize(index), key: key.map(element), ..Self::default() }
    }

    /// The elements as the circuit adds them up.
    pub(crate) fn value(&self) -> [Val; 2] {
        self.key.map(|[low, middle, high, _]| low + (middle + high * v(1 << 15)) * v(1 << 15))
    }

    /// Differences and borrows to the key `next`, both as numbers that may exceed the field's order.
    pub(crate) fn subtract(&mut self, this: [u64; 2], next: [u64; 2]) {
        let digits = |key: [u64; 2]| [key[1] & 0x7fff, key[1] >> 15, key[0] & 0x7fff, key[0] >> 15];
        let mut borrow = 1;
        for (i, (this, next)) in digits(this).into_iter().zip(digits(next)).enumerate() {
            let base = if i % 2 == 0 { 1 << 15 } else { 1 << 16 };
            let mut difference = next as i64 - this as i64 - borrow;
            borrow = i64::from(difference < 0);
            difference += borrow * base;
            self.difference[i] = v(difference & 0x7fff);
            if i % 2 == 1 {
                self.high[i / 2] = v(difference >> 15);
            }
            if i < 3 {
                self.borrow[i] = v(borrow);
            }
        }
    }
}

/// A segment in loose rows.
#[derive(Clone, Debug)]
pub(crate) struct Forge {
    /// The rows of each leaf.
    pub(crate) leaves: Vec<Vec<Row>>,
    /// Rows of the totals, the epoch's first.
    pub(crate) totals: Vec<Row>,
    /// Nodes, the top first.
    pub(crate) nodes: Vec<Row>,
    /// Rows before the padding.
    pub(crate) extra: Vec<Row>,
    /// Rows at the very end of the table.
    pub(crate) tail: Vec<Row>,
    pub(crate) held: Vec<Held>,
    /// Rows of the entry table at its very end.
    pub(crate) held_tail: Vec<Held>,
    pub(crate) places: Vec<Place>,
    /// Numbers of the range table.
    pub(crate) range: Vec<Val>,
    pub(crate) top: [Val; 8],
    pub(crate) epoch: [Val; 8],
    pub(crate) digest: [Val; 8],
    pub(crate) first: [Val; 2],
    pub(crate) last: [Val; 2],
    pub(crate) count: Val,
    /// Where debt is covered.
    pub(crate) cover: Option<Cover>,
}

impl Forge {
    /// An honest segment of these accounts.
    pub(crate) fn honest(accounts: &[Account]) -> Self {
        let leaves = accounts.iter().zip(FIRST_LEAF..);
        let mut forge = Self {
            leaves: leaves
                .map(|(account, number)| leaf(number, &account.key, &account.salt, &account.blocks()))
                .collect(),
            totals: Vec::new(),
            nodes: Vec::new(),
            extra: Vec::new(),
            tail: Vec::new(),
            held: accounts
                .iter()
                .zip(FIRST_LEAF..)
                .flat_map(|(account, number)| account.held(number))
                .collect(),
            held_tail: Vec::new(),
            places: Vec::new(),
            range: (0..1 << LOG_RANGE).map(v).collect(),
            top: [Val::ZERO; 8],
            epoch: std::array::from_fn(|i| v(1 + i as i64)),
            digest: [Val::ZERO; 8],
            first: [Val::ZERO; 2],
            last: [Val::ZERO; 2],
            count: Val::ZERO,
            cover: None,
        };
        forge.order(&accounts.iter().map(Account::elements).collect::<Vec<_>>());
        forge.group();
        forge.list();
        forge.plant();
        forge
    }

    /// Writes the account table over these keys, numbers that may exceed the field's order, and its public values.
    pub(crate) fn order(&mut self, keys: &[[u64; 2]]) {
        self.places = keys.iter().enumerate().map(|(i, key)| Place::new(i, *key)).collect();
        for i in 1..keys.len() {
            self.places[i - 1].subtract(keys[i - 1], keys[i]);
        }
        self.publish_accounts();
    }

    /// Public values of the account table, as its rows have them.
    pub(crate) fn publish_accounts(&mut self) {
        self.first = self.places[0].value();
        let last = &self.places[self.places.len() - 1];
        self.last = last.value();
        self.count = last.index + Val::ONE;
    }

    /// Sorts the entries by key, ends each group and adds up.
    pub(crate) fn group(&mut self) {
        self.held.sort_by_key(|held| held.key.as_canonical_u32());
        for i in 0..self.held.len() {
            let ends = self.held.get(i + 1).is_none_or(|next| next.key != self.held[i].key);
            self.held[i].end = Val::from_bool(ends);
        }
        self.add_up(0);
    }

    /// Sums and counts of the entry table from row `start` on, as the constraints have them.
    pub(crate) fn add_up(&mut self, start: usize) {
        for i in start..self.held.len() {
            let before = if i == 0 { Held::default() } else { self.held[i - 1].clone() };
            let goes_on = before.active - before.end;
            let row = &mut self.held[i];
            row.sum = std::array::from_fn(|j| goes_on * before.sum[j] + row.piece[j]);
            row.count = goes_on * before.count + row.active;
        }
    }

    /// Writes the list of totals that the entry table sends, and its digest.
    pub(crate) fn list(&mut self) {
        let rows = self.held.iter().chain(&self.held_tail).filter(|held| held.end != Val::ZERO);
        self.list_of(&rows.map(Held::total).collect::<Vec<_>>());
    }

    /// Writes a list of totals, and its digest.
    pub(crate) fn list_of(&mut self, list: &[[Val; 8]]) {
        let blocks = std::iter::once(&self.epoch).chain(list);
        self.totals = blocks
            .map(|block| {
                let mut row = Row { totals: Val::ONE, ..Row::default() };
                row.input[..8].copy_from_slice(block);
                row
            })
            .collect();
        self.totals[0].totals_first = Val::ONE;
        rechain(&mut self.totals);
        self.digest = digest(&self.totals);
    }

    /// Builds the tree over the leaves.
    pub(crate) fn plant(&mut self) {
        self.plant_from(1, self.digests());
    }

    /// Numbers and digests of the leaves.
    pub(crate) fn digests(&self) -> Vec<(i64, [Val; 8])> {
        let number = |rows: &Vec<Row>| i64::from(rows[rows.len() - 1].number.as_canonical_u32());
        self.leaves.iter().map(|rows| (number(rows), digest(rows))).collect()
    }

    /// Builds the tree over nodes or leaves of one level up to the node `top`, which becomes the root.
    pub(crate) fn plant_from(&mut self, top: i64, mut level: Vec<(i64, [Val; 8])>) {
        level.sort_by_key(|(number, _)| *number);
        let mut nodes = Vec::new();
        while level.iter().any(|(number, _)| *number != top) {
            let mut parents: Vec<(i64, [Val; 8])> = Vec::new();
            for pair in level.chunk_by(|(a, _), (b, _)| a / 2 == b / 2) {
                let number = pair[0].0 / 2;
                let child =
                    |n: i64| pair.iter().find(|(number, _)| *number == n).map_or(EMPTY.0, |child| child.1);
                let node = Row::node(v(number), child(2 * number), child(2 * number + 1));
                parents.push((number, node.low()));
                nodes.push(node);
            }
            level = parents;
        }
        nodes.reverse();
        nodes[0].root = Val::ONE;
        self.top = nodes[0].low();
        self.nodes = nodes;
    }

    /// The row of a node.
    pub(crate) fn node_mut(&mut self, number: i64) -> &mut Row {
        let place = self.nodes.iter().position(|node| node.number == v(number));
        &mut self.nodes[place.unwrap_or(0)]
    }

    /// Public values of the tables.
    pub(crate) fn publics(&self) -> Vec<Vec<Val>> {
        let mut hash = [self.top, self.epoch, self.digest].concat();
        let account = [self.first.as_slice(), &self.last, &[self.count]].concat();
        let Some(cover) = &self.cover else { return vec![hash, Vec::new(), account, Vec::new()] };
        hash.extend(cover.digest);
        vec![hash, Vec::new(), account, Vec::new(), Vec::new(), Vec::new()]
    }

    /// The tables, with the counts of range and price lookups that suit the circuit best.
    pub(crate) fn tables<K: Keeps>(&self, keeps: K) -> Tables {
        let mut tables =
            vec![self.hash_table(), self.entry_table(), self.account_table(), self.range_table()];
        if let Some(cover) = &self.cover {
            tables.extend([cover.pledge_table(), cover.coverage_table()]);
        }
        let Err(violations) = check_segment(keeps, &tables, &self.publics()) else { return tables };
        for violation in violations {
            let Violation::Bus { bus, message, count } = violation else { continue };
            if bus == "link" && message[0] == PRICES_TAG && self.cover.is_some() {
                Self::answer(&mut tables[0], &message, count);
            }
            if bus == "range"
                && let Some(row) =
                    self.range.iter().position(|number| number.as_canonical_u32() == message[0])
            {
                tables[3].values[row * range_columns::WIDTH + range_columns::MULTIPLICITY] +=
                    Val::from_u32(count);
            }
        }
        tables
    }

    fn hash_table(&self) -> RowMajorMatrix<Val> {
        let (top, nodes) = self.nodes.split_at(1);
        let (prices, width) = match &self.cover {
            None => (&[][..], hash_columns::WIDTH),
            Some(cover) => (cover.prices.as_slice(), hash_columns::COVERED_WIDTH),
        };
        let mut rows = [top, &self.totals, prices, &self.leaves.concat(), nodes, &self.extra].concat();
        rows.resize(height(rows.len() + self.tail.len()) - self.tail.len(), Row::default());
        rows.extend_from_slice(&self.tail);
        let constants = RoundConstants::new(
            KOALABEAR_POSEIDON2_RC_16_EXTERNAL_INITIAL,
            KOALABEAR_POSEIDON2_RC_16_INTERNAL,
            KOALABEAR_POSEIDON2_RC_16_EXTERNAL_FINAL,
        );
        let permutations = generate_trace_rows::<
            Val,
            GenericPoseidon2LinearLayersKoalaBear,
            16,
            KOALABEAR_S_BOX_DEGREE,
            0,
            KOALABEAR_POSEIDON2_HALF_FULL_ROUNDS,
            KOALABEAR_POSEIDON2_PARTIAL_ROUNDS_16,
        >(rows.iter().map(|row| row.input).collect(), &constants, 0);
        let mut values = Vec::with_capacity(rows.len() * width);
        for (row, permutation) in rows.iter().zip(permutations.values.chunks(permutations.width)) {
            let mut cells = [Val::ZERO; hash_columns::COVERED_WIDTH];
            cells[..permutation.len()].copy_from_slice(permutation);
            if let Some(output) = row.forged_output {
                cells[hash_columns::OUTPUT..][..16].copy_from_slice(&output);
            }
            for (column, value) in row.named() {
                cells[column] = value;
            }
            values.extend_from_slice(&cells[..width]);
        }
        RowMajorMatrix::new(values, width)
    }

    fn entry_table(&self) -> RowMajorMatrix<Val> {
        use entry_columns::{
            ACTIVE, ASSET, COUNT, COVERED_WIDTH, END, GAP, KEY, NUMBER, OWED, PIECE, PLEDGED, SUM, WIDTH,
        };
        let width = if self.cover.is_some() { COVERED_WIDTH } else { WIDTH };
        let mut rows = self.held.clone();
        let tail = self.held_tail.len();
        rows.resize(height(rows.len() + tail) - tail, Held::default());
        rows.extend_from_slice(&self.held_tail);
        let mut values = vec![Val::ZERO; rows.len() * width];
        for (row, cells) in rows.iter().zip(values.chunks_mut(width)) {
            cells[ACTIVE] = row.active;
            cells[END] = row.end;
            cells[KEY] = row.key;
            cells[GAP] = row.gap;
            cells[PIECE..][..PIECES].copy_from_slice(&row.piece);
            cells[SUM..][..PIECES].copy_from_slice(&row.sum);
            cells[COUNT] = row.count;
            if self.cover.is_some() {
                cells[NUMBER] = row.number;
                cells[ASSET] = row.asset;
                cells[PLEDGED] = row.pledged;
                cells[OWED] = row.owed;
            }
        }
        RowMajorMatrix::new(values, width)
    }

    fn account_table(&self) -> RowMajorMatrix<Val> {
        use account_columns::{ACTIVE, BORROW, DIFFERENCE, DIFFERENCE_HIGH, FIRST, INDEX, SECOND, WIDTH};
        let mut rows = self.places.clone();
        // The last account's index counts on through the padding.
        while rows.len() < height(self.places.len()) {
            let index = rows.last().map_or(Val::ZERO, |row| row.index + Val::ONE);
            rows.push(Place { index, ..Place::default() });
        }
        let mut values = vec![Val::ZERO; rows.len() * WIDTH];
        for (row, cells) in rows.iter().zip(values.chunks_mut(WIDTH)) {
            cells[ACTIVE] = row.active;
            cells[INDEX] = row.index;
            cells[FIRST..][..4].copy_from_slice(&row.key[0]);
            cells[SECOND..][..4].copy_from_slice(&row.key[1]);
            cells[DIFFERENCE..][..4].copy_from_slice(&row.difference);
            cells[DIFFERENCE_HIGH..][..2].copy_from_slice(&row.high);
            cells[BORROW..][..3].copy_from_slice(&row.borrow);
        }
        RowMajorMatrix::new(values, WIDTH)
    }

    fn range_table(&self) -> RowMajorMatrix<Val> {
        let values = self.range.iter().flat_map(|number| [*number, Val::ZERO]).collect();
        RowMajorMatrix::new(values, range_columns::WIDTH)
    }

    /// What the checker says against the segment in a circuit.
    ///
    /// Overlapping flags don't count: the lookup argument relies on them and has no way to refuse them.
    pub(crate) fn violations<K: Keeps>(&self, keeps: K) -> Vec<Violation> {
        let tables = self.tables(keeps.clone());
        let mut violations = check_segment(keeps, &tables, &self.publics()).err().unwrap_or_default();
        violations.retain(|violation| !matches!(violation, Violation::Exclusive { .. }));
        violations
    }
}

fn height(rows: usize) -> usize {
    rows.next_power_of_two().max(1 << MIN_LOG_HEIGHT)
}
