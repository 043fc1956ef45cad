//! Ed25519, strict: no key or commitment of small order, canonical scalars.

use ed25519_dalek::{Signature, VerifyingKey};

use crate::error::undecodable;
use crate::{Claim, Field, Invalid, OwnershipError, Scheme, hash, text};

/// The bytes that a scheme signs.
pub(crate) struct Form {
    pub(crate) scheme: Scheme,
    pub(crate) signed: Vec<u8>,
}

impl Form {
    pub(crate) fn new(scheme: Scheme, signed: impl Into<Vec<u8>>) -> Self {
        Self { scheme, signed: signed.into() }
    }

    /// The message itself and the exchanges' envelope of it, which are tried on all networks with Ed25519 keys.
    pub(crate) fn common(message: &[u8]) -> Vec<Self> {
        vec![Self::new(Scheme::Raw, message), Self::new(Scheme::Envelope, hash::envelope(message))]
    }
}

/// The scheme among `forms` under which `signature` by `key` is good.
pub(crate) fn verify(
    claim: &Claim<'_>,
    key: &[u8; 32],
    signature: &[u8; 64],
    forms: impl IntoIterator<Item = Form>,
) -> Result<Scheme, OwnershipError> {
    let Ok(key) = VerifyingKey::from_bytes(key) else {
        return undecodable(Field::PublicKey, "not a point of Ed25519");
    };
    let signature = Signature::from_bytes(signature);
    let mut tried = false;
    for Form { scheme, signed } in forms {
        if claim.wants(scheme) {
            tried = true;
            if key.verify_strict(&signed, &signature).is_ok() {
                return Ok(scheme);
            }
        }
    }
    Err(if tried { Invalid::Signature.into() } else { claim.other_scheme() })
}

/// The claim's only signature, 64 bytes.
pub(crate) fn signature(claim: &Claim<'_>) -> Result<[u8; 64], OwnershipError> {
    text::array_of(claim.single()?, Field::Signature)
}

/// The claim's public key, 32 bytes in hex, base64 or base58, with or without `ed25519:` in front.
pub(crate) fn public_key(claim: &Claim<'_>) -> Result<Option<[u8; 32]>, OwnershipError> {
    let Some(shown) = claim.evidence.public_key else { return Ok(None) };
    let shown = shown.strip_prefix("ed25519:").unwrap_or(shown);
    text::array_of(shown, Field::PublicKey).map(Some)
}
