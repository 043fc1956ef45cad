use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;
#[cfg(not(unix))]
use std::sync::Mutex;

use assay_commit::{Committer, Digest, EMPTY, Hasher, MAX_RECEIPT_BYTES};
use assay_statement::{Entity, Uid};
use chacha20poly1305::aead::{Aead, Payload};

use crate::key::Keys;
use crate::layout::{ENTRY_BYTES, Head, IndexEntry, MAX_SEALED_BYTES, TAG_BYTES, bound, lookup_key, nonce};
use crate::{ContainerError, ContainerKey};

/// An open container. Nothing of it is kept in memory, and it serves any number of threads.
///
/// ```no_run
/// # use assay_receipts::{Container, ContainerKey};
/// # use assay_statement::{Entity, Uid};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let key = ContainerKey::new([0; 32]);
/// let container = Container::open("receipts.assay".as_ref(), &key, &Entity::new("example.org")?)?;
/// if let Some(receipt) = container.receipt(&Uid::new("alice@example.org")?)? {
///     // The receipt as JSON, for Alice and nobody else.
/// }
/// # Ok(())
/// # }
/// ```
pub struct Container {
    #[cfg(unix)]
    file: File,
    #[cfg(not(unix))]
    file: Mutex<File>,
    keys: Keys,
    committer: Committer,
    head: Head,
    root: Digest,
}

impl Container {
    /// Opens a container and checks its head and its whole index.
    pub fn open(path: &Path, key: &ContainerKey, entity: &Entity) -> Result<Self, ContainerError> {
        let mut file = File::open(path)?;
        let mut bytes = [0; Head::BYTES];
        file.read_exact(&mut bytes).map_err(|_| ContainerError::Magic)?;
        let mut keys = None;
        let head = Head::from_bytes(&bytes, |salt| keys.insert(key.of_container(salt, entity)).head)?;
        let keys = keys.ok_or(ContainerError::Key)?;
        let got = file.metadata()?.len();
        let expected = head.file_bytes().ok_or(ContainerError::Key)?;
        if got != expected {
            return Err(ContainerError::Length { expected, got });
        }
        file.seek(SeekFrom::Start(head.index_at))?;
        let mut mac = blake3::Hasher::new_keyed(&keys.index);
        let mut reader = BufReader::with_capacity(1 << 20, &file);
        std::io::copy(&mut reader, &mut mac)?;
        if mac.finalize() != blake3::Hash::from_bytes(head.index_mac) {
            return Err(ContainerError::Index);
        }
        let root = Digest::from_bytes(&head.root).map_err(|_| ContainerError::Key)?;
        // Uid digests depend on the entity alone.
        let committer = Committer::new(Hasher::new(), entity, &EMPTY);
        #[cfg(not(unix))]
        let file = Mutex::new(file);
        Ok(Self { file, keys, committer, head, root })
    }

    /// Number of receipts.
    pub const fn len(&self) -> u64 {
        self.head.count
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.head.count == 0
    }

    /// The root that the receipts are for.
    pub const fn root(&self) -> &Digest {
        &self.root
    }

    /// The receipt of a customer as JSON; nothing if they are not in the container.
    pub fn receipt(&self, uid: &Uid) -> Result<Option<Vec<u8>>, ContainerError> {
        let lookup = lookup_key(&self.keys.lookup, &self.committer.uid_digest(uid));
        let Some(entry) = self.find(&lookup)? else { return Ok(None) };
        let length = usize::try_from(entry.bytes).map_err(|_| ContainerError::Record)?;
        if !(TAG_BYTES..=MAX_SEALED_BYTES).contains(&length) {
            return Err(ContainerError::Record);
        }
        let mut sealed = vec![0; length];
        self.read_at(&mut sealed, entry.at)?;
        let payload = Payload { msg: &sealed, aad: &bound(entry.number, &lookup) };
        let plain =
            self.keys.cipher.decrypt(&nonce(entry.number), payload).map_err(|_| ContainerError::Record)?;
        let (packed_bytes, rest) = plain.split_first_chunk::<4>().ok_or(ContainerError::Record)?;
        let packed_bytes =
            usize::try_from(u32::from_le_bytes(*packed_bytes)).map_err(|_| ContainerError::Record)?;
        let packed = rest.get(..packed_bytes).ok_or(ContainerError::Record)?;
        zstd::bulk::decompress(packed, MAX_RECEIPT_BYTES).map(Some).map_err(|_| ContainerError::Record)
    }

    /// Binary search in the index, which is in order of the lookup keys.
    fn find(&self, lookup: &[u8; 32]) -> Result<Option<IndexEntry>, ContainerError> {
        let (mut low, mut high) = (0, self.head.count);
        while low < high {
            let middle = low + (high - low) / 2;
            let mut bytes = [0; ENTRY_BYTES];
            self.read_at(&mut bytes, self.head.index_at + middle * ENTRY_BYTES as u64)?;
            let entry = IndexEntry::from_bytes(&bytes)?;
            match entry.lookup.cmp(lookup) {
                std::cmp::Ordering::Equal => return Ok(Some(entry)),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(None)
    }

    fn read_at(&self, bytes: &mut [u8], at: u64) -> Result<(), ContainerError> {
        #[cfg(unix)]
        std::os::unix::fs::FileExt::read_exact_at(&self.file, bytes, at)?;
        #[cfg(not(unix))]
        {
            let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            file.seek(SeekFrom::Start(at))?;
            file.read_exact(bytes)?;
        }
        Ok(())
    }
}
