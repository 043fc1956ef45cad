#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;

mod account;
mod digest;
mod epoch;
mod hash;
mod receipt;
mod tree;

pub use account::{Committer, EpochSecret, LeafKey, SALT_ELEMENTS, Salt, Salts, SecretError, leaf_row_count};
pub use digest::{DIGEST_BYTES, DIGEST_ELEMENTS, Digest, DigestError};
pub use epoch::{HashedAssets, asset_table_digest, entity_digest, epoch_digest, published_root};
pub use hash::{FORMAT_VERSION, Hasher, RATE, RowTag, Tag, WIDTH};
pub use receipt::{
    MAX_RECEIPT_BYTES, RECEIPT_FORMAT, Receipt, ReceiptEntry, ReceiptEpoch, ReceiptError, VerifiedReceipt,
};
pub use tree::{
    EMPTY, MAX_DEPTH, MAX_SEGMENTS, Path, SUBTREE_DEPTH, Subtree, TreeError, UpperTree, upper_depth,
};

/// The base field: KoalaBear, `p = 2^31 - 2^24 + 1`.
pub type F = p3_koala_bear::KoalaBear;
