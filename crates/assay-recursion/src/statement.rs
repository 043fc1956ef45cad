//! What the proofs of the recursion state: natively, as the circuits compute it.

use alloc::vec::Vec;

use assay_circuit::{LOG_RANGE, TotalsRow, Val};
use assay_commit::{Digest, EMPTY, Hasher, RowTag, SUBTREE_DEPTH, Tag, WIDTH};
use assay_statement::EntryKey;
use p3_field::{PrimeCharacteristicRing, PrimeField32};
use serde::{Deserialize, Serialize};

/// Version of everything that the recursion hashes.
pub const RECURSION_VERSION: u32 = 1;

/// Keys of a node's list of totals.
pub const MAX_KEYS: usize = 896;

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

/// A node's list of totals, always [`MAX_KEYS`] rows, keys strictly increasing.
#[derive(Clone, PartialEq, Eq)]
pub struct NodeTotals(Vec<NodeRow>);

/// Why a list of totals can't be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TotalsListError {
    /// More keys than a node's list has rows for.
    #[error("the ledger has {keys} pairs of asset and kind, and a final proof holds {MAX_KEYS}")]
    TooManyKeys {
        /// Keys, with that of the accounts.
        keys: usize,
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
        Self::fill(rows.collect())
    }

    /// The sum of two lists.
    pub fn add(&self, other: &Self) -> Result<Self, TotalsListError> {
        let mut sums: alloc::collections::BTreeMap<u32, NodeRow> = Default::default();
        for row in self.used().chain(other.used()) {
            let empty = NodeRow { key: row.key, limbs: [0; SEGMENT_LIMBS], groups: 0 };
            let sum = sums.entry(row.key).or_insert(empty);
            sum.limbs.iter_mut().zip(row.limbs).for_each(|(sum, limb)| *sum += limb);
            sum.groups += row.groups;
        }
        Self::fill(sums.into_values().collect())
    }

    fn fill(mut rows: Vec<NodeRow>) -> Result<Self, TotalsListError> {
        if rows.len() > MAX_KEYS {
            return Err(TotalsListError::TooManyKeys { keys: rows.len() });
        }
        for unused in 0.. {
            if rows.len() == MAX_KEYS {
                break;
            }
            rows.push(NodeRow { key: UNUSED_KEY + unused, limbs: [0; SEGMENT_LIMBS], groups: 0 });
        }
        Ok(Self(rows))
    }

    /// A list with these rows; `None` if it doesn't have as many as lists have.
    pub fn from_rows(rows: Vec<NodeRow>) -> Option<Self> {
        (rows.len() == MAX_KEYS).then_some(Self(rows))
    }

    /// Rows in use.
    pub fn used(&self) -> impl Iterator<Item = &NodeRow> {
        self.0.iter().filter(|row| row.key < UNUSED_KEY)
    }

    /// All rows.
    pub fn rows(&self) -> &[NodeRow] {
        &self.0
    }

    /// Digest of the list.
    pub fn digest(&self, hasher: &Hasher) -> Digest {
        let elements: Vec<Val> = self.0.iter().flat_map(NodeRow::elements).collect();
        hasher.sponge(Tag::NodeTotals, &elements)
    }
}

fn limbs<const N: usize>(total: u128) -> [u32; N] {
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
}

/// Elements of a node's statement.
pub(crate) const STATEMENT_ELEMENTS: usize = 31;

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
        elements
    }

    /// Reads [`elements`](Self::elements) back.
    pub(crate) fn from_elements(elements: &[Val]) -> Option<Self> {
        let [version, level, full, rest @ ..] = elements else { return None };
        let (digests, []) = rest.as_chunks::<4>() else { return None };
        let [a, b, c, d, keys, e, f] = digests else { return None };
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
        }
    }
}

/// A total of the final proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FinalRow {
    /// Key of the entries, or [`ACCOUNTS_KEY`].
    pub key: u32,
    /// The total in base units, or the number of accounts.
    pub total: u128,
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
    /// Totals, keys strictly increasing.
    pub totals: Vec<FinalRow>,
}

impl FinalStatement {
    /// The statement about a tree whose root node has these totals.
    pub fn new(node: &NodeStatement, totals: &NodeTotals) -> Self {
        let totals = totals.used().map(|row| {
            let weighted = row.limbs.iter().enumerate();
            FinalRow {
                key: row.key,
                total: weighted.map(|(i, limb)| u128::from(*limb) << (LOG_RANGE * i)).sum(),
            }
        });
        Self { level: node.level, epoch: node.epoch, top: node.top, totals: totals.collect() }
    }

    /// The rows as they are hashed, always [`MAX_KEYS`]; `None` if there are more.
    pub(crate) fn rows(&self) -> Option<Vec<[Val; FINAL_ROW]>> {
        let unused = MAX_KEYS.checked_sub(self.totals.len())?;
        let mut rows: Vec<[Val; FINAL_ROW]> = Vec::with_capacity(MAX_KEYS);
        for row in &self.totals {
            let limbs: [u32; LIMBS] = limbs(row.total);
            rows.push(core::array::from_fn(|i| match i {
                0 => Val::ONE,
                1 => Val::from_u32(row.key),
                i => Val::from_u32(limbs[i - 2]),
            }));
        }
        rows.extend((0..unused).map(|i| {
            core::array::from_fn(
                |column| {
                    if column == 1 { Val::from_u32(UNUSED_KEY + i as u32) } else { Val::ZERO }
                },
            )
        }));
        Some(rows)
    }

    /// Public values of the final proof. `None` if there are more totals than a proof holds.
    pub fn digest(&self, hasher: &Hasher) -> Option<Digest> {
        let elements: Vec<Val> = self.rows()?.into_iter().flatten().collect();
        let totals = hasher.sponge(Tag::FinalTotals, &elements);
        let mut elements = Vec::with_capacity(26);
        elements.extend([RECURSION_VERSION, SUBTREE_DEPTH as u32 + self.level].map(Val::from_u32));
        elements.extend(self.epoch.0);
        elements.extend(self.top.0);
        elements.extend(totals.0);
        Some(hasher.sponge(Tag::FinalStatement, &elements))
    }

    /// Checks what the circuit leaves to the verifier: the first row is that of the accounts, as the circuit takes it
    /// whatever its key; keys strictly increase, each other one that of an asset and kind.
    pub fn is_well_formed(&self) -> bool {
        let [accounts, rows @ ..] = self.totals.as_slice() else { return false };
        let known =
            |row: &FinalRow| u16::try_from(row.key).is_ok_and(|key| EntryKey::from_number(key).is_ok());
        accounts.key == ACCOUNTS_KEY
            && rows.iter().all(known)
            && self.totals.is_sorted_by(|a, b| a.key < b.key)
    }
}
