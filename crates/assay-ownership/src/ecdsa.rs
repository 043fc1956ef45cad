//! ECDSA over secp256k1, by recovery or with a known key.

use bitcoin::secp256k1::ecdsa::{RecoverableSignature, RecoveryId, Signature};
use bitcoin::secp256k1::{Message, PublicKey, Secp256k1};

use crate::error::undecodable;
use crate::{Claim, Field, Invalid, OwnershipError, Scheme, Unbound, hash};

/// A 32-byte hash that a scheme signs.
pub(crate) struct Digest {
    pub(crate) scheme: Scheme,
    pub(crate) digest: [u8; 32],
}

impl Digest {
    pub(crate) fn new(scheme: Scheme, digest: [u8; 32]) -> Self {
        Self { scheme, digest }
    }
}

/// A compact signature with the id that tells which of its up to four keys signed.
#[derive(Clone, Copy)]
pub(crate) struct Recoverable {
    /// `r` and `s`.
    pub(crate) compact: [u8; 64],
    /// 0 to 3.
    pub(crate) id: u8,
}

impl Recoverable {
    /// `r || s || v`, with `v` of 0, 1, 27 or 28.
    pub(crate) fn from_rsv(bytes: &[u8]) -> Result<Self, OwnershipError> {
        let Some((compact, [v])) = bytes.split_first_chunk::<64>() else {
            return undecodable(Field::Signature, "not 65 bytes");
        };
        let id = match v {
            0 | 27 => 0,
            1 | 28 => 1,
            _ => return undecodable(Field::Signature, "v is not 0, 1, 27 or 28"),
        };
        Ok(Self { compact: *compact, id })
    }

    /// The key that made the signature over `digest`.
    pub(crate) fn recover(&self, digest: &[u8; 32]) -> Result<PublicKey, OwnershipError> {
        let id = RecoveryId::from_i32(i32::from(self.id)).map_err(|_| Invalid::Signature)?;
        let signature =
            RecoverableSignature::from_compact(&self.compact, id).map_err(|_| Invalid::Signature)?;
        let key = Secp256k1::verification_only()
            .recover_ecdsa(&Message::from_digest(*digest), &signature)
            .map_err(|_| Invalid::Signature)?;
        Ok(key)
    }

    /// Refuses the high form of `s`, with which anyone can make a second signature of the first.
    pub(crate) fn check_low_s(&self) -> Result<(), OwnershipError> {
        let signature = Signature::from_compact(&self.compact).map_err(|_| Invalid::Signature)?;
        check_low_s(&signature)
    }

    /// Finds the digest under which the signature is by the key of `listed`, where `address` makes an address of a key.
    pub(crate) fn bind<A: PartialEq>(
        &self,
        claim: &Claim<'_>,
        digests: impl IntoIterator<Item = Digest>,
        listed: &A,
        address: impl Fn(&PublicKey) -> A,
        show: impl Fn(&A) -> String,
    ) -> Result<(Scheme, PublicKey), OwnershipError> {
        let mut first = None;
        for Digest { scheme, digest } in digests {
            if !claim.wants(scheme) {
                continue;
            }
            let key = self.recover(&digest)?;
            let signer = address(&key);
            if signer == *listed {
                return Ok((scheme, key));
            }
            first.get_or_insert(signer);
        }
        Err(match first {
            Some(signer) => Unbound::OtherAddress { signer: show(&signer) }.into(),
            None => claim.other_scheme(),
        })
    }
}

/// Whether `signature` by `key` over `digest` is good; the high form of `s` is refused.
pub(crate) fn verify(
    digest: &[u8; 32],
    signature: &Signature,
    key: &PublicKey,
) -> Result<(), OwnershipError> {
    check_low_s(signature)?;
    Secp256k1::verification_only()
        .verify_ecdsa(&Message::from_digest(*digest), signature, key)
        .map_err(|_| Invalid::Signature.into())
}

/// The last 20 bytes of the Keccak-256 of the key's coordinates.
pub(crate) fn ethereum_address(key: &PublicKey) -> [u8; 20] {
    let point = key.serialize_uncompressed();
    let digest = hash::keccak256(point.get(1..).unwrap_or_default());
    digest.last_chunk().copied().unwrap_or_default()
}

/// A public key, compressed or not.
pub(crate) fn public_key(bytes: &[u8]) -> Result<PublicKey, OwnershipError> {
    PublicKey::from_slice(bytes).or_else(|_| undecodable(Field::PublicKey, "not a secp256k1 key"))
}

fn check_low_s(signature: &Signature) -> Result<(), OwnershipError> {
    let mut low = *signature;
    low.normalize_s();
    if low == *signature { Ok(()) } else { Err(Invalid::HighS.into()) }
}
