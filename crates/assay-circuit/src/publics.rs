//! What a segment proof says: its public values, and the list of totals behind one of them.

use alloc::vec;
use alloc::vec::Vec;
use core::array;

use assay_commit::{DIGEST_ELEMENTS, Digest, Hasher, RATE, RowTag, WIDTH};
use assay_statement::EntryKey;
use p3_field::PrimeCharacteristicRing;

use crate::segment::{MAX_GROUP, PIECES, Variant};
use crate::{LOG_RANGE, Val};

/// The public values of a segment proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentPublics {
    /// Digest at the top of the segment's subtree.
    pub top: Digest,
    /// Digest of the epoch.
    pub epoch: Digest,
    /// Digest of the list of totals, [`totals_digest`].
    pub totals: Digest,
    /// First two elements of the first account key.
    pub first: [Val; 2],
    /// First two elements of the last account key.
    pub last: [Val; 2],
    /// Number of accounts, at least 1.
    pub accounts: u32,
    /// Digest of the price rows, where the segment covers debt.
    pub prices: Option<Digest>,
}

impl SegmentPublics {
    /// The tables of the segment.
    pub const fn variant(&self) -> Variant {
        match self.prices {
            None => Variant::Plain,
            Some(_) => Variant::Covered,
        }
    }

    /// The public values of each table, in the order of [`TABLES`](crate::TABLES).
    ///
    /// Field elements don't tell `accounts` from `accounts + p`: a verifier bounds it by `2^18` first.
    pub fn values(&self) -> Vec<Vec<Val>> {
        let mut hash = [self.top.0, self.epoch.0, self.totals.0].concat();
        hash.extend(self.prices.iter().flat_map(|prices| prices.0));
        let account = [self.first.as_slice(), &self.last, &[Val::from_u32(self.accounts)]].concat();
        let mut values = vec![Vec::new(); self.variant().tables().len()];
        if let [of_hash, _, of_account, ..] = values.as_mut_slice() {
            (*of_hash, *of_account) = (hash, account);
        }
        values
    }
}

/// A row of the list of totals: the entries of one group, all of one key.
///
/// Several rows may have one key; the total is their sum.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TotalsRow {
    /// Asset and kind.
    pub key: EntryKey,
    /// Sums of the amounts' six 15-bit pieces, low first; each is below `2^30` as long as `entries` is in its bound.
    pub sums: [u32; PIECES],
    /// Entries of the group, 1 to [`MAX_GROUP`].
    pub entries: u32,
}

impl TotalsRow {
    /// The total of the group in base units, exact: every sum of pieces is the integer that it stands for.
    ///
    /// Refuses a number of entries out of bounds, sums that so many entries can't have, and sums that aren't
    /// canonical field elements.
    pub fn total(&self) -> Result<u128, PublicsError> {
        if self.entries == 0 || self.entries > MAX_GROUP {
            return Err(PublicsError::GroupSize);
        }
        let most = self.entries * ((1 << LOG_RANGE) - 1);
        if self.sums.iter().any(|sum| *sum > most) {
            return Err(PublicsError::GroupSum);
        }
        // 32,768 amounts of 90 bits stay below 2^105.
        Ok(self.sums.iter().rev().fold(0, |total, sum| (total << LOG_RANGE) + u128::from(*sum)))
    }

    /// The row as the elements that are hashed. Only rows for which [`TotalsRow::total`] is `Ok` are told apart.
    pub fn elements(&self) -> [Val; RATE] {
        array::from_fn(|i| match i {
            0 => Val::from_u16(self.key.number()),
            7 => Val::from_u32(self.entries),
            _ => Val::from_u32(self.sums[i - 1]),
        })
    }
}

/// Compressions of a list, one a row, chained from zero.
pub(crate) struct Chain {
    /// Inputs of the compressions.
    pub(crate) inputs: Vec<[Val; WIDTH]>,
    /// The low half of the last.
    pub(crate) digest: Digest,
}

pub(crate) fn chain_rows<'a>(
    hasher: &Hasher,
    tag: RowTag,
    rows: impl IntoIterator<Item = &'a [Val; RATE]>,
) -> Chain {
    let mut inputs = Vec::new();
    let mut chain = [Val::ZERO; DIGEST_ELEMENTS];
    let mut digest = Digest(chain);
    for block in rows {
        let mut x = [Val::ZERO; WIDTH];
        x[..RATE].copy_from_slice(block);
        x[RATE..].copy_from_slice(&chain);
        let out = hasher.compress(tag, &x);
        inputs.push(x);
        chain = out.chain;
        digest = Digest(out.low);
    }
    Chain { inputs, digest }
}

/// The epoch digest, then each row of the totals.
pub(crate) fn totals_chain(hasher: &Hasher, epoch: &Digest, rows: &[TotalsRow]) -> Chain {
    let rows: Vec<_> = core::iter::once(epoch.0).chain(rows.iter().map(TotalsRow::elements)).collect();
    chain_rows(hasher, RowTag::Totals, &rows)
}

/// Digest of a list of totals of one epoch.
pub fn totals_digest(hasher: &Hasher, epoch: &Digest, rows: &[TotalsRow]) -> Digest {
    totals_chain(hasher, epoch, rows).digest
}

/// Why a row of totals is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicsError {
    /// No entries, or so many that a sum could wrap.
    #[error("a group of totals has no entries or more than {MAX_GROUP}")]
    GroupSize,
    /// A sum of pieces that the group's entries can't have.
    #[error("a sum of pieces exceeds what the group's entries can add up to")]
    GroupSum,
}

#[cfg(test)]
mod tests {
    use assay_statement::{Amount, Kind};

    use super::*;

    fn row(entries: u32, sum: u32) -> TotalsRow {
        TotalsRow { key: EntryKey::new(0, Kind::EQUITY).unwrap(), sums: [sum; PIECES], entries }
    }

    /// A10: at the maximum and one above.
    #[test]
    fn a10_group_bounds() {
        let piece = (1 << LOG_RANGE) - 1;
        let full = row(MAX_GROUP, MAX_GROUP * piece);
        assert_eq!(full.total(), Ok(u128::from(MAX_GROUP) * Amount::MAX.get()));
        assert_eq!(row(MAX_GROUP + 1, 0).total(), Err(PublicsError::GroupSize));
        assert_eq!(row(0, 0).total(), Err(PublicsError::GroupSize));
        assert_eq!(row(1, piece + 1).total(), Err(PublicsError::GroupSum));
        assert_eq!(row(1, piece).total(), Ok(Amount::MAX.get()));
    }

    #[test]
    fn the_digest_binds_epoch_order_and_length() {
        let hasher = Hasher::new();
        let epoch = Digest([Val::ONE; 8]);
        let rows = [row(1, 5), row(2, 7)];
        let digest = totals_digest(&hasher, &epoch, &rows);
        assert_ne!(digest, totals_digest(&hasher, &Digest([Val::TWO; 8]), &rows));
        assert_ne!(digest, totals_digest(&hasher, &epoch, &[rows[1], rows[0]]));
        assert_ne!(digest, totals_digest(&hasher, &epoch, &rows[..1]));
        assert_ne!(digest, totals_digest(&hasher, &epoch, &[rows[0], rows[1], rows[1]]));
    }
}
