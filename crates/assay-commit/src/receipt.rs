use alloc::string::{String, ToString};
use alloc::vec::Vec;

use assay_statement::{Amount, AmountError, AssetTable, Entity, Entry, EntryKey, Epoch, EpochError, Uid};
use p3_field::PrimeCharacteristicRing;
use serde::{Deserialize, Serialize};

use crate::{
    Committer, Digest, DigestError, F, HashedAssets, Hasher, MAX_DEPTH, Path, Salt, TreeError,
    asset_table_digest, epoch_digest, published_root,
};

/// Name of the receipt format.
pub const RECEIPT_FORMAT: &str = "assay-receipt";

/// Version of the receipt format.
const RECEIPT_VERSION: u32 = 1;

/// Bytes that a receipt can have; more are refused before parsing.
pub const MAX_RECEIPT_BYTES: usize = 1 << 20;

/// What one customer gets: the opening of their leaf and its path, as JSON.
///
/// It says nothing about who the customer is: the uid is what they type. The `root` inside only tells which root the
/// receipt was made for; the root that counts comes from somewhere else.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// [`RECEIPT_FORMAT`].
    pub format: String,
    /// 1.
    pub version: u32,
    /// The entity.
    pub entity: String,
    /// The epoch.
    pub epoch: ReceiptEpoch,
    /// Published root, 64 hex digits.
    pub root: String,
    /// Number of the leaf from the left.
    pub position: u64,
    /// Salt of the leaf: seven 32-bit little-endian numbers below `p`, 56 hex digits.
    pub salt: String,
    /// The customer's entries, in order of asset and kind.
    pub entries: Vec<ReceiptEntry>,
    /// Digests beside the path, from the leaf up, 64 hex digits each.
    pub path: Vec<String>,
}

/// The epoch of a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptEpoch {
    /// Its name.
    pub id: String,
    /// Seconds since 1970-01-01 UTC.
    pub time: u64,
}

/// One entry of a receipt.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptEntry {
    /// Symbol of the asset.
    pub asset: String,
    /// Name of the kind.
    pub kind: String,
    /// Amount in base units, decimal digits.
    pub amount: String,
}

/// What a receipt proves once it is checked.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifiedReceipt {
    /// The epoch that the root belongs to.
    pub epoch: Epoch,
    /// The entries that the root holds for the uid.
    pub entries: Vec<Entry>,
}

impl Receipt {
    /// The receipt of one account.
    pub fn new(
        entity: &Entity,
        epoch: &Epoch,
        assets: &AssetTable,
        root: &Digest,
        salt: &Salt,
        entries: &[Entry],
        path: &Path,
    ) -> Result<Self, ReceiptError> {
        let entries = entries
            .iter()
            .map(|entry| {
                let asset = assets.get(entry.key.asset()).ok_or(ReceiptError::Asset)?;
                Ok(ReceiptEntry {
                    asset: asset.symbol.as_str().to_string(),
                    kind: assets
                        .products()
                        .kind_name(entry.key.kind())
                        .ok_or(ReceiptError::Kind)?
                        .to_string(),
                    amount: entry.amount.get().to_string(),
                })
            })
            .collect::<Result<_, ReceiptError>>()?;
        Ok(Self {
            format: RECEIPT_FORMAT.to_string(),
            version: RECEIPT_VERSION,
            entity: entity.as_str().to_string(),
            epoch: ReceiptEpoch { id: epoch.id().to_string(), time: epoch.time() },
            root: root.to_hex(),
            position: path.position,
            salt: salt.to_hex(),
            entries,
            path: path.siblings.iter().map(|sibling| sibling.to_hex()).collect(),
        })
    }

    /// Reads a receipt; nothing about it is checked yet but its form.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ReceiptError> {
        if bytes.len() > MAX_RECEIPT_BYTES {
            return Err(ReceiptError::TooLarge);
        }
        let receipt: Self = serde_json::from_slice(bytes)
            .map_err(|error| ReceiptError::Json { line: error.line(), column: error.column() })?;
        if receipt.format != RECEIPT_FORMAT || receipt.version != RECEIPT_VERSION {
            return Err(ReceiptError::Format);
        }
        Ok(receipt)
    }

    /// The receipt as JSON.
    pub fn to_json(&self) -> Result<String, ReceiptError> {
        serde_json::to_string_pretty(self)
            .map_err(|error| ReceiptError::Json { line: error.line(), column: error.column() })
    }

    /// The receipt as JSON in one line, for where it is kept or sent.
    pub fn to_compact_json(&self) -> Result<String, ReceiptError> {
        serde_json::to_string(self)
            .map_err(|error| ReceiptError::Json { line: error.line(), column: error.column() })
    }

    /// Checks that `root` holds just this receipt's entries for `uid`, as the customer typed it.
    ///
    /// `entity` and `root` come from somewhere else than the receipt; `assets` may come from anywhere, since the
    /// root binds its digest.
    pub fn verify(
        &self,
        uid: &Uid,
        assets: &AssetTable,
        entity: &Entity,
        root: &Digest,
    ) -> Result<VerifiedReceipt, ReceiptError> {
        let digest = |hasher: &Hasher| asset_table_digest(hasher, assets);
        self.verify_digested(uid, assets, digest, entity, root)
    }

    /// The same as [`Receipt::verify`] with a table whose digest is at hand.
    pub fn verify_hashed(
        &self,
        uid: &Uid,
        assets: &HashedAssets,
        entity: &Entity,
        root: &Digest,
    ) -> Result<VerifiedReceipt, ReceiptError> {
        self.verify_digested(uid, assets.table(), |_| *assets.digest(), entity, root)
    }

    /// `digest` gives the digest of `assets`.
    fn verify_digested(
        &self,
        uid: &Uid,
        assets: &AssetTable,
        digest: impl FnOnce(&Hasher) -> Digest,
        entity: &Entity,
        root: &Digest,
    ) -> Result<VerifiedReceipt, ReceiptError> {
        if self.entity != entity.as_str() {
            return Err(ReceiptError::OtherEntity);
        }
        if Digest::from_hex(&self.root)? != *root {
            return Err(ReceiptError::OtherRoot);
        }
        let epoch = Epoch::new(&self.epoch.id, self.epoch.time)?;
        let entries = self.parse_entries(assets)?;
        let path = self.parse_path()?;
        let salt = Salt::from_hex(&self.salt)?;

        let hasher = Hasher::new();
        let epoch_digest = epoch_digest(&hasher, entity, &epoch, &digest(&hasher));
        let committer = Committer::new(hasher, entity, &epoch_digest);
        let account_key = committer.account_key(&committer.uid_digest(uid));
        let leaf = committer.leaf(&account_key, &salt, &entries);
        let top = path.top(committer.hasher(), &leaf)?;
        if published_root(committer.hasher(), &epoch_digest, path.siblings.len(), &top) != *root {
            return Err(ReceiptError::NotIncluded);
        }
        Ok(VerifiedReceipt { epoch, entries })
    }

    fn parse_entries(&self, assets: &AssetTable) -> Result<Vec<Entry>, ReceiptError> {
        let mut entries: Vec<Entry> = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let asset = assets.index_of(&entry.asset).ok_or(ReceiptError::Asset)?;
            let kind = assets.products().kind(&entry.kind).map_err(|_| ReceiptError::Kind)?;
            let key = EntryKey::new(asset, kind).map_err(|_| ReceiptError::Asset)?;
            let plain = !entry.amount.is_empty()
                && entry.amount.len() <= 28
                && entry.amount.bytes().all(|byte| byte.is_ascii_digit())
                && (entry.amount == "0" || !entry.amount.starts_with('0'));
            let base_units = entry.amount.parse().ok().filter(|_| plain).ok_or(ReceiptError::Amount)?;
            let amount = Amount::new(base_units).map_err(|AmountError::TooLarge| ReceiptError::Amount)?;
            if entries.last().is_some_and(|last| last.key >= key) {
                return Err(ReceiptError::Order);
            }
            entries.push(Entry { key, amount });
        }
        Ok(entries)
    }

    fn parse_path(&self) -> Result<Path, ReceiptError> {
        if self.path.len() > MAX_DEPTH {
            return Err(ReceiptError::Tree(TreeError::Depth { depth: self.path.len() }));
        }
        let siblings = self.path.iter().map(|hex| Digest::from_hex(hex)).collect::<Result<_, _>>()?;
        Ok(Path { position: self.position, siblings })
    }
}

impl Salt {
    fn to_hex(self) -> String {
        let mut hex = self.padded().to_hex();
        hex.truncate(2 * Self::BYTES);
        hex
    }

    fn from_hex(hex: &str) -> Result<Self, ReceiptError> {
        if hex.len() != 2 * Self::BYTES {
            return Err(ReceiptError::Salt);
        }
        let mut padded = hex.to_string();
        padded.push_str("00000000");
        let digest = Digest::from_hex(&padded).map_err(|_| ReceiptError::Salt)?;
        Ok(Self(core::array::from_fn(|i| digest.0[i])))
    }

    fn padded(self) -> Digest {
        Digest(core::array::from_fn(|i| self.0.get(i).copied().unwrap_or(F::ZERO)))
    }
}

/// Why a receipt is refused. Texts never repeat what the receipt holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// More than [`MAX_RECEIPT_BYTES`].
    #[error("the receipt is larger than {MAX_RECEIPT_BYTES} bytes")]
    TooLarge,
    /// Not JSON of the receipt's form.
    #[error("the receipt is not well formed (line {line}, column {column})")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Another format or version.
    #[error("not a receipt of format {RECEIPT_FORMAT} version {RECEIPT_VERSION}")]
    Format,
    /// The receipt is for another entity than expected.
    #[error("the receipt is for another entity")]
    OtherEntity,
    /// The receipt is for another root than expected.
    #[error("the receipt is for another root")]
    OtherRoot,
    /// An epoch that can't be.
    #[error("the receipt's epoch: {0}")]
    Epoch(#[from] EpochError),
    /// An asset that the table lacks.
    #[error("an entry of the receipt has an asset that the asset table lacks")]
    Asset,
    /// An unknown kind.
    #[error("an entry of the receipt has an unknown kind")]
    Kind,
    /// An amount that isn't plain digits below `2^90`.
    #[error("an entry of the receipt has a malformed amount")]
    Amount,
    /// Entries out of order, or one twice.
    #[error("the receipt's entries are not in strictly increasing order")]
    Order,
    /// A malformed salt.
    #[error("the receipt's salt is malformed")]
    Salt,
    /// A malformed digest.
    #[error("the receipt: {0}")]
    Digest(#[from] DigestError),
    /// A malformed path.
    #[error("the receipt's path: {0}")]
    Tree(#[from] TreeError),
    /// The root doesn't hold this leaf: another uid, other entries, another salt, path, asset table or epoch.
    #[error("the root does not hold these entries for this uid")]
    NotIncluded,
}
