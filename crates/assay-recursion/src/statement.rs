//! What the proofs of the recursion state: natively, as the circuits compute it.

use alloc::vec::Vec;

use assay_circuit::{LOG_RANGE, TotalsRow, Val};
use assay_commit::{Digest, EMPTY, Hasher, RowTag, SUBTREE_DEPTH, Tag, WIDTH};
use assay_statement::EntryKey;
use p3_field::PrimeCharacteristicRing;
#[cfg(feature = "prover")]
use p3_field::PrimeField32;
use serde::{Deserialize, Serialize};

/// Version of everything that the recursion hashes.
pub const RECURSION_VERSION: u32 = 2;

/// Keys of a leaf's list of totals, with that of the accounts.
pub const LEAF_KEYS: usize = 896;

/// Keys of the lists above leaves.
pub const MAX_KEYS: usize = 1_408;

/// Keys of the lists at a level.
pub const fn keys_at(level: u32) -> usize {
    if level == 0 { LEAF_KEYS } else { MAX_KEYS }
}

/// Limbs of 15 bits of a total: `2^14` segments of `2^20` entries of 90 bits need 124 bits.
pub const LIMBS: usize = 9;

/// Limbs of 15 bits of one segment's total: `2^20` entries of 90 bits need 110 bits.
pub const SEGMENT_LIMBS: usize = 8;

/// Elements of a row of a node's totals: key, limbs, number of groups.
pub const NODE_ROW: usize = 2 + SEGMENT_LIMBS;

/// Elements of a row of the final totals: whether it is in use, key, limbs.
pub const FINAL_ROW: usize = 2 + LIMBS;

/// Key of the first row, which counts accounts; no asset has it. In circuits the first row is compared under a key that
/// no entry can have.
pub const ACCOUNTS_KEY: u32 = 1;

/// Keys of rows that are not in use are above all others.
const UNUSED_KEY: u32 = EntryKey::BOUND as u32;

const _: () = assert!(LIMBS * LOG_RANGE >= 128 && SEGMENT_LIMBS * LOG_RANGE >= 110);

/// A row of a node's totals.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRow {
    /// Key of the entries, or [`ACCOUNTS_KEY`].
    pub key: u32,
    /// Sums of limbs over the segments, each below `2^29`.
    pub limbs: [u32; SEGMENT_LIMBS],
    /// Groups with this key in the segments' lists.
    pub groups: u32,
}

impl NodeRow {
    /// The total in base units, `None` if it has more than 128 bits, which no proven one does.
    pub fn total(&self) -> Option<u128> {
        self.limbs
            .iter()
            .rev()
            .try_fold(0u128, |total, limb| total.checked_mul(1 << LOG_RANGE)?.checked_add(u128::from(*limb)))
    }

    pub(crate) fn elements(&self) -> [Val; NODE_ROW] {
        core::array::from_fn(|i| {
            Val::from_u32(match i {
                0 => self.key,
                i if i <= SEGMENT_LIMBS => self.limbs[i - 1],
                _ => self.groups,
            })
        })
    }
}

/// A list of totals, always as many rows as [lists of its level](keys_at) have, keys strictly increasing.
#[derive(Clone, PartialEq, Eq)]
pub struct NodeTotals(Vec<NodeRow>);

/// Why a list of totals can't be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TotalsListError {
    /// More keys than a list has rows for.
    #[error("{keys} keys, and a list holds {most}")]
    TooManyKeys {
        /// Keys, with that of the accounts.
        keys: usize,
        /// Rows of the list.
        most: usize,
    },
}

impl NodeTotals {
    /// The list of one segment with so many accounts.
    pub fn of_segment(rows: &[TotalsRow], accounts: u32) -> Result<Self, TotalsListError> {
        let mut sums: alloc::collections::BTreeMap<u32, (u128, u32)> = Default::default();
        sums.insert(ACCOUNTS_KEY, (u128::from(accounts), 1));
        for row in rows {
            let total =
                row.sums.iter().rev().fold(0u128, |total, sum| (total << LOG_RANGE) + u128::from(*sum));
            let (sum, groups) = sums.entry(u32::from(row.key.number())).or_default();
            *sum = sum.wrapping_add(total);
            *groups += 1;
        }
        let rows =
            sums.into_iter().map(|(key, (total, groups))| NodeRow { key, limbs: limbs(total), groups });
        Self::fill(rows.collect(), LEAF_KEYS)
    }

    /// The list of a node: the sum of its children's lists.
    pub fn of_node<'a>(children: impl IntoIterator<Item = &'a Self>) -> Result<Self, TotalsListError> {
        let mut sums: alloc::collections::BTreeMap<u32, NodeRow> = Default::default();
        for row in children.into_iter().flat_map(Self::used) {
            let empty = NodeRow { key: row.key, limbs: [0; SEGMENT_LIMBS], groups: 0 };
            let sum = sums.entry(row.key).or_insert(empty);
            sum.limbs.iter_mut().zip(row.limbs).for_each(|(sum, limb)| *sum += limb);
            sum.groups += row.groups;
        }
        Self::fill(sums.into_values().collect(), MAX_KEYS)
    }

    fn fill(mut rows: Vec<NodeRow>, most: usize) -> Result<Self, TotalsListError> {
        let Some(unused) = most.checked_sub(rows.len()) else {
            return Err(TotalsListError::TooManyKeys { keys: rows.len(), most });
        };
        let unused = UNUSED_KEY..UNUSED_KEY + unused as u32;
        rows.extend(unused.map(|key| NodeRow { key, limbs: [0; SEGMENT_LIMBS], groups: 0 }));
        Ok(Self(rows))
    }

    /// The list of a level with these rows in use; `None` if there are more than lists there have.
    pub fn of_used(level: u32, rows: Vec<NodeRow>) -> Option<Self> {
        Self::fill(rows, keys_at(level)).ok()
    }

    /// A list of a level with these rows; `None` if it doesn't have as many as lists there have.
    pub fn from_rows(level: u32, rows: Vec<NodeRow>) -> Option<Self> {
        (rows.len() == keys_at(level)).then_some(Self(rows))
    }

    /// Rows in use.
    pub fn used(&self) -> impl Iterator<Item = &NodeRow> {
        self.0.iter().filter(|row| row.key < UNUSED_KEY)
    }

    /// All rows.
    pub fn rows(&self) -> &[NodeRow] {
        &self.0
    }

    /// The first key whose total exceeds its bound, or has none; bounds are in order of their keys.
    pub fn first_beyond(&self, bounds: &[FinalRow]) -> Option<u32> {
        let bound = |row: &NodeRow| {
            let place = bounds.binary_search_by_key(&row.key, |bound| bound.key).ok()?;
            bounds.get(place).map(|bound| bound.figure)
        };
        let beyond = self
            .used()
            .find(|row| bound(row).is_none_or(|bound| row.total().is_none_or(|total| total > bound)));
        beyond.map(|row| row.key)
    }

    /// What hides the list until salt and list are shown.
    pub fn commitment(&self, salt: &[Val; 8], hasher: &Hasher) -> Digest {
        hasher.sponge(Tag::HiddenTotals, &[*salt, self.digest(hasher).0].concat())
    }

    /// Digest of the list.
    pub fn digest(&self, hasher: &Hasher) -> Digest {
        let elements: Vec<Val> = self.0.iter().flat_map(NodeRow::elements).collect();
        hasher.sponge(Tag::NodeTotals, &elements)
    }
}

/// Limbs of 15 bits, the lowest first.
pub(crate) fn limbs<const N: usize>(total: u128) -> [u32; N] {
    core::array::from_fn(|i| {
        total.checked_shr((LOG_RANGE * i) as u32).unwrap_or(0) as u32 & ((1 << LOG_RANGE) - 1)
    })
}

/// What a proof of a leaf or node states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeStatement {
    /// Levels above the segments.
    pub level: u32,
    /// Whether all places below are taken by segments.
    pub full: bool,
    /// Epoch digest.
    pub epoch: Digest,
    /// Digest at the top of the node's subtree.
    pub top: Digest,
    /// First two elements of the first account key.
    pub first: [Val; 2],
    /// First two elements of the last account key.
    pub last: [Val; 2],
    /// Digest of the list of totals.
    pub totals: Digest,
    /// Digest of the price rows at which all debt is covered; [`NO_PRICES`] over plain segments.
    pub prices: Digest,
}

/// Where a digest of price rows would be, for segments without any.
pub const NO_PRICES: Digest = Digest([Val::ZERO; 8]);

/// Elements of a node's statement.
pub(crate) const STATEMENT_ELEMENTS: usize = 39;

impl NodeStatement {
    /// The statement as it is hashed.
    pub(crate) fn elements(&self) -> Vec<Val> {
        let mut elements = Vec::with_capacity(STATEMENT_ELEMENTS);
        elements.extend([RECURSION_VERSION, self.level, u32::from(self.full)].map(Val::from_u32));
        elements.extend(self.epoch.0);
        elements.extend(self.top.0);
        elements.extend(self.first);
        elements.extend(self.last);
        elements.extend(self.totals.0);
        elements.extend(self.prices.0);
        elements
    }

    /// Reads [`elements`](Self::elements) back.
    #[cfg(feature = "prover")]
    pub(crate) fn from_elements(elements: &[Val]) -> Option<Self> {
        let [version, level, full, rest @ ..] = elements else { return None };
        let (digests, []) = rest.as_chunks::<4>() else { return None };
        let [a, b, c, d, keys, e, f, g, h] = digests else { return None };
        let digest = |low: &[Val; 4], high: &[Val; 4]| {
            Digest(core::array::from_fn(|i| if i < 4 { low[i] } else { high[i - 4] }))
        };
        let known = version.as_canonical_u32() == RECURSION_VERSION && full.as_canonical_u32() < 2;
        known.then(|| Self {
            level: level.as_canonical_u32(),
            full: *full == Val::ONE,
            epoch: digest(a, b),
            top: digest(c, d),
            first: [keys[0], keys[1]],
            last: [keys[2], keys[3]],
            totals: digest(e, f),
            prices: digest(g, h),
        })
    }

    /// Public values of the proof.
    pub fn digest(&self, hasher: &Hasher) -> Digest {
        hasher.sponge(Tag::NodeStatement, &self.elements())
    }

    /// The statement of two neighbours, or of one without a right neighbour; `totals` are those of both.
    pub fn join(&self, right: Option<&Self>, totals: &NodeTotals, hasher: &Hasher) -> Self {
        let mut x = [Val::ZERO; WIDTH];
        x[..8].copy_from_slice(&self.top.0);
        x[8..].copy_from_slice(&right.map_or(EMPTY, |right| right.top).0);
        Self {
            level: self.level + 1,
            full: self.full && right.is_some_and(|right| right.full),
            epoch: self.epoch,
            top: Digest(hasher.compress(RowTag::Node, &x).low),
            first: self.first,
            last: right.map_or(self.last, |right| right.last),
            totals: totals.digest(hasher),
            prices: self.prices,
        }
    }
}

/// A figure of the final proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FinalRow {
    /// Key of the entries, or [`ACCOUNTS_KEY`].
    pub key: u32,
    /// The total in base units, or the number of accounts; or a bound that it doesn't exceed.
    pub figure: u128,
}

/// What the final proof says of the totals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FinalTotals {
    /// What they are.
    Open(Vec<FinalRow>),
    /// That none exceeds a bound. A key without a bound has no entries.
    Bounded {
        /// The bounds.
        bounds: Vec<FinalRow>,
        /// Commitment to the totals.
        commitment: Digest,
    },
}

/// Whether a final proof shows the totals or bounds, which circuit and key depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TotalsMode {
    /// [`FinalTotals::Open`].
    Open,
    /// [`FinalTotals::Bounded`].
    Bounded,
}

impl TotalsMode {
    /// Both, in order of their numbers.
    pub const ALL: [Self; 2] = [Self::Open, Self::Bounded];

    /// Its number in statements and files.
    pub const fn number(self) -> u8 {
        match self {
            Self::Open => 0,
            Self::Bounded => 1,
        }
    }

    /// The mode with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.number() == number)
    }
}

impl FinalTotals {
    /// Which of the two it is.
    pub const fn mode(&self) -> TotalsMode {
        match self {
            Self::Open(_) => TotalsMode::Open,
            Self::Bounded { .. } => TotalsMode::Bounded,
        }
    }

    /// Totals or bounds, keys strictly increasing.
    pub fn rows(&self) -> &[FinalRow] {
        match self {
            Self::Open(rows) | Self::Bounded { bounds: rows, .. } => rows,
        }
    }

    /// The totals of a root node.
    pub fn open(totals: &NodeTotals) -> Self {
        Self::Open(
            totals
                .used()
                .map(|row| FinalRow { key: row.key, figure: row.total().unwrap_or(u128::MAX) })
                .collect(),
        )
    }

    /// Bounds on the totals of a root node, in order of their keys, and a commitment to the totals.
    pub fn bounded(totals: &NodeTotals, bounds: &[FinalRow], salt: &[Val; 8], hasher: &Hasher) -> Self {
        Self::Bounded { bounds: bounds.to_vec(), commitment: totals.commitment(salt, hasher) }
    }
}

/// What the final proof states: the public values that its verifier computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalStatement {
    /// Levels of the upper tree; the tree has [`SUBTREE_DEPTH`] more.
    pub level: u32,
    /// Epoch digest.
    pub epoch: Digest,
    /// Digest at the top of the tree.
    pub top: Digest,
    /// Totals or bounds.
    pub totals: FinalTotals,
    /// Digest of the price rows at which all debt is covered; [`NO_PRICES`] over plain segments.
    pub prices: Digest,
}

impl FinalStatement {
    /// The rows as they are hashed, always [as many as lists of the level have](keys_at); `None` if there are more.
    pub(crate) fn rows(&self) -> Option<Vec<[Val; FINAL_ROW]>> {
        let most = keys_at(self.level);
        let unused = most.checked_sub(self.totals.rows().len())?;
        let mut rows: Vec<[Val; FINAL_ROW]> = Vec::with_capacity(most);
        for row in self.totals.rows() {
            let limbs: [u32; LIMBS] = limbs(row.figure);
            rows.push(core::array::from_fn(|i| match i {
                0 => Val::ONE,
                1 => Val::from_u32(row.key),
                i => Val::from_u32(limbs[i - 2]),
            }));
        }
        rows.extend((UNUSED_KEY..UNUSED_KEY + unused as u32).map(|key| {
            core::array::from_fn(|column| if column == 1 { Val::from_u32(key) } else { Val::ZERO })
        }));
        Some(rows)
    }

    /// Public values of the final proof. `None` if there are more totals than a proof holds.
    pub fn digest(&self, hasher: &Hasher) -> Option<Digest> {
        let elements: Vec<Val> = self.rows()?.into_iter().flatten().collect();
        let totals = hasher.sponge(Tag::FinalTotals, &elements);
        let mode = self.totals.mode();
        let mut elements = Vec::with_capacity(43);
        elements.extend(
            [RECURSION_VERSION, SUBTREE_DEPTH as u32 + self.level, u32::from(mode.number())]
                .map(Val::from_u32),
        );
        elements.extend(self.epoch.0);
        elements.extend(self.top.0);
        elements.extend(totals.0);
        elements.extend(self.prices.0);
        if let FinalTotals::Bounded { commitment, .. } = &self.totals {
            elements.extend(commitment.0);
        }
        Some(hasher.sponge(Tag::FinalStatement, &elements))
    }

    /// Checks what the circuit leaves to the verifier: the first row is that of the accounts, as the circuit takes it
    /// whatever its key; keys strictly increase, each other one that of an asset and kind.
    pub fn is_well_formed(&self) -> bool {
        let totals = self.totals.rows();
        let [accounts, rows @ ..] = totals else { return false };
        let known =
            |row: &FinalRow| u16::try_from(row.key).is_ok_and(|key| EntryKey::from_number(key).is_ok());
        accounts.key == ACCOUNTS_KEY && rows.iter().all(known) && totals.is_sorted_by(|a, b| a.key < b.key)
    }
}
