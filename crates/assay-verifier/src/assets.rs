use core::cell::OnceCell;

use assay_circuit::SegmentPrices;
use assay_commit::{Digest, HashedAssets, Hasher};
use assay_statement::AssetTable;

/// An asset table with what proofs and receipts bind of it. Its digest and the digest of its price rows take most of the
/// time that a receipt takes, so they are computed once, the latter when the first proof needs it.
#[derive(Clone, Debug)]
pub struct KnownAssets {
    hashed: HashedAssets,
    prices: OnceCell<Digest>,
}

impl KnownAssets {
    /// Computes the table's digest.
    pub fn new(hasher: &Hasher, table: AssetTable) -> Self {
        Self { hashed: HashedAssets::new(hasher, table), prices: OnceCell::new() }
    }

    /// The table.
    pub const fn table(&self) -> &AssetTable {
        self.hashed.table()
    }

    /// Its digest.
    pub const fn digest(&self) -> &Digest {
        self.hashed.digest()
    }

    /// Both.
    pub const fn hashed(&self) -> &HashedAssets {
        &self.hashed
    }

    /// Digest of the price rows.
    pub(crate) fn prices(&self, hasher: &Hasher) -> Digest {
        *self.prices.get_or_init(|| *SegmentPrices::of_assets(self.table(), hasher).digest())
    }
}
