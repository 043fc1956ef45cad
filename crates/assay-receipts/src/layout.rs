//! Where things are in the file. Numbers are little-endian.

use assay_commit::{DIGEST_BYTES, Digest, MAX_RECEIPT_BYTES};
use chacha20poly1305::Nonce;

use crate::ContainerError;

/// First bytes of a container.
pub const CONTAINER_MAGIC: [u8; 8] = *b"ASSAYRCP";

/// Version of the format.
pub const CONTAINER_VERSION: u32 = 1;

/// Receipts that a container can hold.
pub const MAX_RECORDS: u64 = 1 << 32;

/// Lengths of records are multiples of this, and 16 bytes more, so that they tell little about what is in them.
pub const PADDING: usize = 256;

/// Bytes of the random salt, by which each container has keys of its own.
pub(crate) const SALT_BYTES: usize = 32;

/// Bytes of a digest by BLAKE3.
const MAC_BYTES: usize = 32;

/// Bytes of the authenticator of a record.
pub(crate) const TAG_BYTES: usize = 16;

/// Bytes of a sealed record, at the most.
pub(crate) const MAX_SEALED_BYTES: usize = 2 * MAX_RECEIPT_BYTES;

/// Bytes of an entry of the index: lookup key, offset, length, number.
pub(crate) const ENTRY_BYTES: usize = 32 + 8 + 4 + 8;

/// The head of the file.
pub(crate) struct Head {
    pub(crate) salt: [u8; SALT_BYTES],
    pub(crate) root: [u8; DIGEST_BYTES],
    pub(crate) count: u64,
    pub(crate) index_at: u64,
    pub(crate) index_mac: [u8; MAC_BYTES],
}

impl Head {
    /// Bytes of it.
    pub(crate) const BYTES: usize = Self::SIGNED_BYTES + MAC_BYTES;

    const SIGNED_BYTES: usize = 8 + 4 + 4 + SALT_BYTES + DIGEST_BYTES + 8 + 8 + MAC_BYTES;

    pub(crate) fn to_bytes(&self, key: &[u8; 32]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::BYTES);
        bytes.extend(CONTAINER_MAGIC);
        bytes.extend(CONTAINER_VERSION.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(self.salt);
        bytes.extend(self.root);
        bytes.extend(self.count.to_le_bytes());
        bytes.extend(self.index_at.to_le_bytes());
        bytes.extend(self.index_mac);
        let mac = blake3::keyed_hash(key, &bytes);
        bytes.extend(mac.as_bytes());
        bytes
    }

    /// Reads a head; `key` gives the key for a salt. Nothing of it is used before it is authentic.
    pub(crate) fn from_bytes(
        bytes: &[u8; Self::BYTES],
        key: impl FnOnce(&[u8; SALT_BYTES]) -> [u8; 32],
    ) -> Result<Self, ContainerError> {
        let (signed, mac) = bytes.split_at(Self::SIGNED_BYTES);
        let mut rest = signed;
        if take::<8>(&mut rest)? != CONTAINER_MAGIC {
            return Err(ContainerError::Magic);
        }
        let version = u32::from_le_bytes(take(&mut rest)?);
        if version != CONTAINER_VERSION {
            return Err(ContainerError::Version { version });
        }
        let reserved: [u8; 4] = take(&mut rest)?;
        let salt = take(&mut rest)?;
        let mac: [u8; MAC_BYTES] = mac.try_into().map_err(|_| ContainerError::Key)?;
        // Digests of BLAKE3 are compared in constant time.
        if blake3::keyed_hash(&key(&salt), signed) != blake3::Hash::from_bytes(mac) || reserved != [0; 4] {
            return Err(ContainerError::Key);
        }
        Ok(Self {
            salt,
            root: take(&mut rest)?,
            count: u64::from_le_bytes(take(&mut rest)?),
            index_at: u64::from_le_bytes(take(&mut rest)?),
            index_mac: take(&mut rest)?,
        })
    }

    /// Bytes of the whole file.
    pub(crate) fn file_bytes(&self) -> Option<u64> {
        self.count.checked_mul(ENTRY_BYTES as u64)?.checked_add(self.index_at)
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], ContainerError> {
    let (first, rest) = bytes.split_first_chunk::<N>().ok_or(ContainerError::Magic)?;
    *bytes = rest;
    Ok(*first)
}

/// An entry of the index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct IndexEntry {
    pub(crate) lookup: [u8; 32],
    pub(crate) at: u64,
    pub(crate) bytes: u32,
    pub(crate) number: u64,
}

impl IndexEntry {
    pub(crate) fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        bytes[..32].copy_from_slice(&self.lookup);
        bytes[32..40].copy_from_slice(&self.at.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.bytes.to_le_bytes());
        bytes[44..].copy_from_slice(&self.number.to_le_bytes());
        bytes
    }

    pub(crate) fn from_bytes(mut bytes: &[u8]) -> Result<Self, ContainerError> {
        Ok(Self {
            lookup: take(&mut bytes)?,
            at: u64::from_le_bytes(take(&mut bytes)?),
            bytes: u32::from_le_bytes(take(&mut bytes)?),
            number: u64::from_le_bytes(take(&mut bytes)?),
        })
    }
}

/// What a uid is looked up by: a keyed hash, so that without the key nobody can try uids.
pub(crate) fn lookup_key(key: &[u8; 32], uid_digest: &Digest) -> [u8; 32] {
    *blake3::keyed_hash(key, &uid_digest.to_bytes()).as_bytes()
}

/// Keys are of one container and numbers of one record, so no nonce comes twice.
pub(crate) fn nonce(number: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[..8].copy_from_slice(&number.to_le_bytes());
    nonce.into()
}

/// What a record is bound to besides its container: its number and its lookup key.
pub(crate) fn bound(number: u64, lookup: &[u8; 32]) -> [u8; 40] {
    let mut bytes = [0; 40];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes[8..].copy_from_slice(lookup);
    bytes
}
