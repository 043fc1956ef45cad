use assay_commit::EpochSecret;
use assay_statement::Entity;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::layout::SALT_BYTES;

/// The key of containers: 32 bytes in a file that `assay secret` makes. Not the secret of an epoch: the machine that serves
/// receipts must not be able to compute salts.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ContainerKey([u8; 32]);

impl ContainerKey {
    /// Takes 32 bytes of the operating system's randomness.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The keys of one container, by its random salt. The entity is bound, since uid digests depend on it.
    pub(crate) fn of_container(&self, salt: &[u8; SALT_BYTES], entity: &Entity) -> Keys {
        let derived = |context: &str| {
            let mut hasher = blake3::Hasher::new_derive_key(context);
            hasher.update(&self.0).update(salt).update(entity.as_str().as_bytes());
            *hasher.finalize().as_bytes()
        };
        let mut record = derived("assay 2026 receipt container: records");
        let cipher = ChaCha20Poly1305::new(&record.into());
        record.zeroize();
        Keys {
            head: derived("assay 2026 receipt container: head"),
            index: derived("assay 2026 receipt container: index"),
            lookup: derived("assay 2026 receipt container: lookup"),
            cipher,
        }
    }
}

/// A secret file holds 32 random bytes, whatever they are for.
impl From<&EpochSecret> for ContainerKey {
    fn from(secret: &EpochSecret) -> Self {
        Self(*secret.expose())
    }
}

/// What a container is written and read with.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) head: [u8; 32],
    pub(crate) index: [u8; 32],
    pub(crate) lookup: [u8; 32],
    pub(crate) cipher: ChaCha20Poly1305,
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.head.zeroize();
        self.index.zeroize();
        self.lookup.zeroize();
    }
}
