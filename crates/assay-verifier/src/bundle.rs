//! A bundle: all segments of an epoch, verified natively.

use alloc::vec::Vec;

use assay_circuit::{CIRCUIT_ID, SegmentPrices};
use assay_commit::{
    Digest, Hasher, LeafKey, MAX_SEGMENTS, UpperTree, asset_table_digest, epoch_digest, published_root,
};
use assay_statement::{AssetTable, Entity, Epoch, Kind, Symbol, Totals};

use crate::KnownAssets;
use crate::record::{FILE_VERSION, MAX_RECORD_BYTES, Reader, RecordError};
use crate::segment::{SegmentContext, SegmentVerifier, VerifyError, border_keys};

/// First bytes of a bundle.
pub const BUNDLE_MAGIC: [u8; 8] = *b"ASSAYBDL";

/// Bytes that a bundle can have.
pub const MAX_BUNDLE_BYTES: u64 = (MAX_SEGMENTS as u64) * (MAX_RECORD_BYTES as u64);

/// Bytes of the length before each record.
const LENGTH_BYTES: u64 = 8;

/// What the caller knows from elsewhere and wants to hold.
#[derive(Clone, Copy)]
pub struct Expectations<'a> {
    /// Who made the proof.
    pub entity: &'a Entity,
    /// For which snapshot.
    pub epoch: &'a Epoch,
    /// With which assets, of whose equity no total may be above the supply cap.
    pub assets: &'a AssetTable,
    /// The same table, where its digests are at hand. Those of another table are not looked at.
    pub known: Option<&'a KnownAssets>,
    /// The published root, where known.
    pub root: Option<Digest>,
    /// The totals, where known.
    pub totals: Option<&'a Totals>,
    /// The number of accounts, where known.
    pub accounts: Option<u64>,
    /// Reserves of each asset, as totals of kind equity, which must cover all equity.
    pub reserves: Option<&'a Totals>,
}

impl<'a> Expectations<'a> {
    /// Who, when and with which assets, and nothing else.
    pub const fn new(entity: &'a Entity, epoch: &'a Epoch, assets: &'a AssetTable) -> Self {
        Self { entity, epoch, assets, known: None, root: None, totals: None, accounts: None, reserves: None }
    }

    /// The same with a table whose digests are at hand.
    pub const fn with_known(entity: &'a Entity, epoch: &'a Epoch, known: &'a KnownAssets) -> Self {
        Self { known: Some(known), ..Self::new(entity, epoch, known.table()) }
    }

    /// What is known of the expected table: of that very one, so that no digest can stand for another's.
    fn known(&self) -> Option<&'a KnownAssets> {
        self.known.filter(|known| core::ptr::eq(known.table(), self.assets))
    }

    /// Digest of the asset table.
    pub(crate) fn assets_digest(&self, hasher: &Hasher) -> Digest {
        self.known().map_or_else(|| asset_table_digest(hasher, self.assets), |known| *known.digest())
    }

    /// Digest of its price rows.
    pub(crate) fn prices_digest(&self, hasher: &Hasher) -> Digest {
        let fresh = || *SegmentPrices::of_assets(self.assets, hasher).digest();
        self.known().map_or_else(fresh, |known| known.prices(hasher))
    }

    /// Compares what a proof says with what is expected of it.
    pub(crate) fn check(&self, root: Digest, figures: &Figures) -> Result<(), VerifyError> {
        if self.root.is_some_and(|expected| expected != root) {
            return Err(VerifyError::OtherRoot);
        }
        if self.totals.is_some_and(|expected| figures.exact().is_none_or(|(_, totals)| totals != expected)) {
            return Err(VerifyError::OtherTotals);
        }
        if self
            .accounts
            .is_some_and(|expected| figures.exact().is_none_or(|(accounts, _)| accounts != expected))
        {
            return Err(VerifyError::OtherAccounts);
        }
        figures.check_supply_caps(self.assets)?;
        let Some(reserves) = self.reserves else { return Ok(()) };
        let (_, most) = figures.at_most();
        for (key, figure) in most.iter().filter(|(key, _)| key.kind() == Kind::EQUITY) {
            if figure > reserves.get(key) {
                let asset = self.assets.get(key.asset()).ok_or(VerifyError::UnknownAsset)?;
                return Err(VerifyError::NotCovered { symbol: asset.symbol.clone() });
            }
        }
        Ok(())
    }
}

/// What is proven of the number of accounts and of the totals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Figures {
    /// What they are.
    Exact {
        /// Number of accounts.
        accounts: u64,
        /// Totals in base units.
        totals: Totals,
    },
    /// What they don't exceed. A pair of asset and kind without a bound has no entries.
    AtMost {
        /// At least the number of accounts.
        accounts: u64,
        /// At least the totals, in base units.
        bounds: Totals,
        /// Commitment to the totals, which [`TotalsOpening`](crate::TotalsOpening) opens.
        commitment: Digest,
    },
}

impl Figures {
    /// Number of accounts and totals, if they are shown.
    pub const fn exact(&self) -> Option<(u64, &Totals)> {
        match self {
            Self::Exact { accounts, totals } => Some((*accounts, totals)),
            Self::AtMost { .. } => None,
        }
    }

    /// What number of accounts and totals don't exceed.
    pub const fn at_most(&self) -> (u64, &Totals) {
        match self {
            Self::Exact { accounts, totals: most } | Self::AtMost { accounts, bounds: most, .. } => {
                (*accounts, most)
            }
        }
    }

    /// Rejects totals of which an asset's equity is above its supply cap in `assets` (A3): nobody can owe more of it than
    /// exists.
    ///
    /// Bounds say nothing against a cap that they exceed. What comes back are the assets whose caps can't be judged so; none
    /// if the totals are shown.
    pub fn check_supply_caps(&self, assets: &AssetTable) -> Result<Vec<Symbol>, VerifyError> {
        match self {
            Self::Exact { totals, .. } => match assets.above_supply_cap(totals).next() {
                Some(asset) => Err(VerifyError::AboveSupplyCap { symbol: asset.symbol.clone() }),
                None => Ok(Vec::new()),
            },
            Self::AtMost { bounds, .. } => {
                Ok(assets.above_supply_cap(bounds).map(|asset| asset.symbol.clone()).collect())
            }
        }
    }

    /// Commitment to the totals, if they are hidden.
    pub const fn commitment(&self) -> Option<Digest> {
        match self {
            Self::Exact { .. } => None,
            Self::AtMost { commitment, .. } => Some(*commitment),
        }
    }
}

/// What a verified proof says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Who made the proof.
    pub entity: Entity,
    /// For which snapshot.
    pub epoch: Epoch,
    /// Digest of the asset table.
    pub assets: Digest,
    /// Published root.
    pub root: Digest,
    /// Levels of the tree; there are at most `2^depth` accounts.
    pub depth: usize,
    /// Number of accounts and totals.
    pub figures: Figures,
    /// Number of segments, if a bundle shows it.
    pub segments: Option<usize>,
    /// Digest of the key of the final circuit, if it is a final proof.
    pub key: Option<Digest>,
}

/// The head of a bundle. Layout, numbers little-endian: magic, version (4 bytes), circuit id (32), length of what
/// follows (8), published root (32), number of segments (4); then each segment: length (8) and record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleHeader {
    /// Published root.
    pub root: Digest,
    /// Number of segments.
    pub segments: usize,
    /// Length of all that follows the length field.
    pub length: u64,
}

impl BundleHeader {
    /// Bytes of the head.
    pub const BYTES: usize = 8 + 4 + 32 + 8 + Self::COUNTED_BYTES as usize;

    /// Bytes of the head that its length field counts: root and number of segments.
    const COUNTED_BYTES: u64 = 32 + 4;

    /// Bytes of a whole bundle with this head.
    pub const fn bundle_bytes(&self) -> u64 {
        (Self::BYTES as u64 - Self::COUNTED_BYTES).saturating_add(self.length)
    }

    /// The head of a bundle whose segment records have these lengths.
    pub fn new(root: Digest, record_lengths: &[u64]) -> Self {
        let records: u64 = record_lengths.iter().map(|length| length + LENGTH_BYTES).sum();
        Self { root, segments: record_lengths.len(), length: Self::COUNTED_BYTES + records }
    }

    /// The head as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::BYTES);
        bytes.extend(BUNDLE_MAGIC);
        bytes.extend(FILE_VERSION.to_le_bytes());
        bytes.extend(CIRCUIT_ID.to_bytes());
        bytes.extend(self.length.to_le_bytes());
        bytes.extend(self.root.to_bytes());
        bytes.extend((self.segments as u32).to_le_bytes());
        bytes
    }

    /// Reads a head.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Result<Self, VerifyError> {
        let mut reader = Reader(bytes);
        if reader.array::<8>()? != BUNDLE_MAGIC {
            return Err(RecordError::Magic.into());
        }
        let version = reader.u32()?;
        if version != FILE_VERSION {
            return Err(RecordError::Version { version }.into());
        }
        if reader.digest()? != CIRCUIT_ID {
            return Err(RecordError::UnknownCircuit.into());
        }
        let length = u64::from_le_bytes(reader.array()?);
        let root = reader.digest()?;
        let segments = reader.u32()? as usize;
        if !(1..=MAX_SEGMENTS).contains(&segments) {
            return Err(VerifyError::SegmentCount);
        }
        Ok(Self { root, segments, length })
    }
}

/// Verifies a bundle segment by segment, so that it never has to be in memory as a whole.
pub struct BundleVerifier<'a> {
    verifier: SegmentVerifier,
    expected: Expectations<'a>,
    assets: Digest,
    epoch: Digest,
    prices: Digest,
    last: Option<LeafKey>,
    tops: Vec<Digest>,
    totals: Totals,
    accounts: u64,
    record_bytes: u64,
    rejected: Option<VerifyError>,
}

impl<'a> BundleVerifier<'a> {
    /// A verifier that has seen no segment yet.
    pub fn new(expected: Expectations<'a>) -> Result<Self, VerifyError> {
        let verifier = SegmentVerifier::new()?;
        let assets = expected.assets_digest(verifier.hasher());
        let epoch = epoch_digest(verifier.hasher(), expected.entity, expected.epoch, &assets);
        let prices = expected.prices_digest(verifier.hasher());
        Ok(Self {
            verifier,
            expected,
            assets,
            epoch,
            prices,
            last: None,
            tops: Vec::new(),
            totals: Totals::new(),
            accounts: 0,
            record_bytes: 0,
            rejected: None,
        })
    }

    /// Verifies the next segment: its own proof, and that its keys follow those before. After an error the bundle is
    /// rejected, whatever follows.
    pub fn segment(&mut self, record: &[u8]) -> Result<(), VerifyError> {
        let outcome = self.next_segment(record);
        if let Err(error) = &outcome {
            self.rejected.get_or_insert_with(|| error.clone());
        }
        outcome
    }

    fn next_segment(&mut self, record: &[u8]) -> Result<(), VerifyError> {
        let segment = self.tops.len();
        if segment >= MAX_SEGMENTS {
            return Err(VerifyError::SegmentCount);
        }
        self.record_bytes += record.len() as u64 + LENGTH_BYTES;
        let context =
            SegmentContext { epoch: &self.epoch, assets: self.expected.assets, prices: &self.prices };
        let (record, totals) = self.verifier.verify(record, context)?;
        let (first, last) = border_keys(&record);
        if self.last.is_some_and(|before| before >= first) {
            return Err(VerifyError::SegmentOrder { segment });
        }
        self.last = Some(last);
        self.tops.push(record.publics.top);
        for (key, total) in totals.iter() {
            self.totals.add_total(key, total)?;
        }
        self.accounts += u64::from(record.publics.accounts);
        Ok(())
    }

    /// Tops of the subtrees of the segments so far.
    pub fn tops(&self) -> &[Digest] {
        &self.tops
    }

    /// The head of a bundle of the segments so far, whose records have these lengths.
    pub fn header(&self, record_lengths: &[u64]) -> Result<BundleHeader, VerifyError> {
        let (root, _) = root_of(self.verifier.hasher(), &self.epoch, self.tops.clone())?;
        Ok(BundleHeader::new(root, record_lengths))
    }

    /// Ends the bundle whose head this is: the segments must be as many and lead to its root, and all that the caller
    /// expects must hold.
    pub fn finish(self, header: &BundleHeader) -> Result<Statement, VerifyError> {
        if let Some(error) = self.rejected {
            return Err(error);
        }
        if self.tops.len() != header.segments {
            return Err(VerifyError::SegmentCount);
        }
        if header.length != BundleHeader::COUNTED_BYTES + self.record_bytes {
            return Err(RecordError::Length.into());
        }
        let hasher = self.verifier.hasher();
        let (root, depth) = root_of(hasher, &self.epoch, self.tops)?;
        if root != header.root {
            return Err(VerifyError::Root);
        }
        let figures = Figures::Exact { accounts: self.accounts, totals: self.totals };
        self.expected.check(root, &figures)?;
        Ok(Statement {
            entity: self.expected.entity.clone(),
            epoch: self.expected.epoch.clone(),
            assets: self.assets,
            root,
            depth,
            figures,
            segments: Some(header.segments),
            key: None,
        })
    }
}

/// The published root over the tops of all segments, and the depth of the tree.
fn root_of(hasher: &Hasher, epoch: &Digest, tops: Vec<Digest>) -> Result<(Digest, usize), VerifyError> {
    let upper = UpperTree::build(hasher, tops).map_err(|_| VerifyError::SegmentCount)?;
    let depth = upper.depth();
    Ok((published_root(hasher, epoch, depth, &upper.top()), depth))
}

/// Verifies a bundle that is in memory.
pub fn verify_bundle(bytes: &[u8], expected: Expectations<'_>) -> Result<Statement, VerifyError> {
    let mut reader = Reader(bytes);
    let header = BundleHeader::from_bytes(&reader.array()?)?;
    if header.bundle_bytes() != bytes.len() as u64 {
        return Err(RecordError::Length.into());
    }
    let mut verifier = BundleVerifier::new(expected)?;
    for _ in 0..header.segments {
        let length = u64::from_le_bytes(reader.array()?);
        if length > MAX_RECORD_BYTES as u64 {
            return Err(RecordError::TooLarge.into());
        }
        verifier.segment(reader.bytes(length as usize)?)?;
    }
    if !reader.0.is_empty() {
        return Err(RecordError::Trailing.into());
    }
    verifier.finish(&header)
}
