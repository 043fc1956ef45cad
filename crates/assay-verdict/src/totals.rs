use assay_statement::{AssetTable, Epoch};
use assay_verifier::{KnownAssets, TotalsFile, TotalsFileError};

/// A totals file, as far as it can be read. Reading it computes the digest of its asset table, so whoever checks several
/// receipts reads it once.
pub struct PublishedTotals {
    read: Result<ReadTotals, TotalsFileError>,
}

/// A totals file whose parts fit together.
pub(crate) struct ReadTotals {
    pub(crate) file: TotalsFile,
    /// Its asset table; reading compared the digest with the file's.
    pub(crate) assets: KnownAssets,
    pub(crate) epoch: Epoch,
}

impl PublishedTotals {
    /// Reads a totals file.
    pub fn read(bytes: &[u8]) -> Self {
        let read = TotalsFile::with_assets(bytes)
            .and_then(|(file, assets)| Ok(ReadTotals { epoch: file.epoch()?, file, assets }));
        Self { read }
    }

    /// The file, or why it can't be read.
    pub fn file(&self) -> Result<&TotalsFile, &TotalsFileError> {
        self.read.as_ref().map(|read| &read.file)
    }

    /// The file's asset table.
    pub fn asset_table(&self) -> Option<&AssetTable> {
        self.parts().map(|read| read.assets.table())
    }

    pub(crate) fn parts(&self) -> Option<&ReadTotals> {
        self.read.as_ref().ok()
    }
}
