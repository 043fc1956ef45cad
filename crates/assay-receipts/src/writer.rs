use std::io::{Seek, SeekFrom, Write};

use assay_commit::{Digest, MAX_RECEIPT_BYTES};
use assay_statement::Entity;
use chacha20poly1305::aead::{Aead, Payload};
use zeroize::Zeroize;

use crate::key::Keys;
use crate::layout::{Head, IndexEntry, MAX_SEALED_BYTES, SALT_BYTES, bound, lookup_key, nonce};
use crate::{ContainerError, ContainerKey, MAX_RECORDS, PADDING};

/// How hard records are compressed: most of a receipt is digests, which more effort doesn't make smaller.
const LEVEL: i32 = 1;

/// Writes a container. What it writes to is a container only after [`ContainerWriter::finish`].
pub struct ContainerWriter<W> {
    out: W,
    keys: Keys,
    salt: [u8; SALT_BYTES],
    root: Digest,
    at: u64,
    index: Vec<IndexEntry>,
}

/// Compresses and encrypts receipts, in any number of threads.
#[derive(Clone)]
pub struct Sealer {
    keys: Keys,
}

/// A receipt that is ready to be written.
pub struct Sealed {
    lookup: [u8; 32],
    number: u64,
    bytes: Vec<u8>,
}

impl Sealer {
    /// Seals the receipt with this number, from 0, of the customer with this uid digest. Each number may be sealed once
    /// only, and [`ContainerWriter::push`] takes them in order.
    pub fn seal(&self, number: u64, uid_digest: &Digest, receipt: &[u8]) -> Result<Sealed, ContainerError> {
        if receipt.len() > MAX_RECEIPT_BYTES || number >= MAX_RECORDS {
            return Err(ContainerError::TooLarge);
        }
        let lookup = lookup_key(&self.keys.lookup, uid_digest);
        let mut packed = zstd::bulk::compress(receipt, LEVEL)?;
        let length = u32::try_from(packed.len()).map_err(|_| ContainerError::TooLarge)?;
        let mut plain = Vec::with_capacity(packed.len() + PADDING + 4);
        plain.extend(length.to_le_bytes());
        plain.append(&mut packed);
        plain.resize(plain.len().next_multiple_of(PADDING), 0);
        let payload = Payload { msg: &plain, aad: &bound(number, &lookup) };
        let sealed = self.keys.cipher.encrypt(&nonce(number), payload);
        plain.zeroize();
        match sealed {
            Ok(bytes) if bytes.len() <= MAX_SEALED_BYTES => Ok(Sealed { lookup, number, bytes }),
            _ => Err(ContainerError::TooLarge),
        }
    }
}

impl<W: Write + Seek> ContainerWriter<W> {
    /// Begins a container for receipts of `entity` under `root`, at the start of `out`.
    pub fn new(
        mut out: W,
        key: &ContainerKey,
        entity: &Entity,
        root: &Digest,
    ) -> Result<Self, ContainerError> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(|_| ContainerError::Randomness)?;
        // The head comes last: until then the file is none of ours.
        out.write_all(&[0; Head::BYTES])?;
        let keys = key.of_container(&salt, entity);
        Ok(Self { out, keys, salt, root: *root, at: Head::BYTES as u64, index: Vec::new() })
    }

    /// What seals receipts for this container.
    pub fn sealer(&self) -> Sealer {
        Sealer { keys: self.keys.clone() }
    }

    /// Writes the next receipt; its number must be the number of those before it.
    pub fn push(&mut self, sealed: &Sealed) -> Result<(), ContainerError> {
        if sealed.number != self.index.len() as u64 {
            return Err(ContainerError::Record);
        }
        let bytes = u32::try_from(sealed.bytes.len()).map_err(|_| ContainerError::TooLarge)?;
        self.out.write_all(&sealed.bytes)?;
        self.index.push(IndexEntry { lookup: sealed.lookup, at: self.at, bytes, number: sealed.number });
        self.at += u64::from(bytes);
        Ok(())
    }

    /// Writes index and head, and returns what it wrote to and the number of receipts.
    pub fn finish(mut self) -> Result<(W, u64), ContainerError> {
        self.index.sort_unstable();
        if self.index.windows(2).any(|pair| matches!(pair, [a, b] if a.lookup == b.lookup)) {
            return Err(ContainerError::Duplicate);
        }
        let mut mac = blake3::Hasher::new_keyed(&self.keys.index);
        for entry in &self.index {
            let bytes = entry.to_bytes();
            mac.update(&bytes);
            self.out.write_all(&bytes)?;
        }
        let head = Head {
            salt: self.salt,
            root: self.root.to_bytes(),
            count: self.index.len() as u64,
            index_at: self.at,
            index_mac: *mac.finalize().as_bytes(),
        };
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(&head.to_bytes(&self.keys.head))?;
        self.out.flush()?;
        Ok((self.out, head.count))
    }
}
