//! Substrate networks: SS58 addresses of Ed25519 and Sr25519 keys.

use crate::ed25519::{self, Form};
use crate::error::{undecodable, unsupported};
use crate::{
    Assumption, Binding, Claim, Control, Field, Invalid, OwnershipError, Scheme, Threshold, Unbound, hash,
    text,
};

pub(crate) fn verify(claim: &Claim<'_>, prefix: u16) -> Result<Control, OwnershipError> {
    let key = account(claim.address, prefix)?;
    if let Some(shown) = ed25519::public_key(claim)?
        && shown != key
    {
        return Err(Unbound::OtherAddress { signer: format!("the key {}", text::to_hex(&shown)) }.into());
    }
    let bytes = text::bytes_of(claim.single()?, &[64, 65, 66], Field::Signature)?;
    // With 65 bytes the first tells the kind of signature; 65 or 66 may also be ECDSA.
    let (ed25519, sr25519, bytes) = match (bytes.len(), bytes.split_first()) {
        (64, _) => (true, true, &bytes[..]),
        (65, Some((0, rest))) => (true, false, rest),
        (65, Some((1, rest))) => (false, true, rest),
        _ => return unsupported("ECDSA keys on Substrate networks"),
    };
    let Ok(signature) = <[u8; 64]>::try_from(bytes) else {
        return undecodable(Field::Signature, "not 64 bytes");
    };
    let forms = || {
        let wrapped = Form::new(Scheme::SubstrateBytes, [b"<Bytes>", claim.message, b"</Bytes>"].concat());
        [wrapped].into_iter().chain(Form::common(claim.message))
    };
    let mut found = Err(Invalid::Signature.into());
    if sr25519 {
        found = verify_sr25519(claim, &key, &signature, forms());
    }
    if ed25519 && found.is_err() {
        found = ed25519::verify(claim, &key, &signature, forms()).or_else(|error| match error {
            // The key may be no point of the curve that wasn't meant.
            OwnershipError::Undecodable { .. } => found,
            other => Err(other),
        });
    }
    Ok(Control {
        scheme: found?,
        message: claim.message.to_vec(),
        binding: Binding::Key,
        threshold: Some(Threshold::SINGLE),
        keys: vec![key.to_vec()],
        recovered: false,
        coins: Vec::new(),
        // A multisignature or proxy account has an address of the same form and no key; a key's signature excludes
        // that, but not proxies added on chain.
        assumed: vec![Assumption::AccountAuthority],
    })
}

pub(crate) fn account(address: &str, prefix: u16) -> Result<[u8; 32], OwnershipError> {
    let bytes = text::base58(address, Field::Address)?;
    let Some((payload, checksum)) = bytes.split_last_chunk::<2>() else {
        return undecodable(Field::Address, "too short");
    };
    if hash::blake2b_512(&[b"SS58PRE", payload].concat()).first_chunk::<2>() != Some(checksum) {
        return undecodable(Field::Address, "a wrong checksum");
    }
    let (found, key) = match payload {
        [first @ 0..64, key @ ..] => (u16::from(*first), key),
        [first @ 64..128, second, key @ ..] => {
            let (first, second) = (u16::from(*first), u16::from(*second));
            ((first & 0x3f) << 2 | second >> 6 | (second & 0x3f) << 8, key)
        }
        _ => return undecodable(Field::Address, "an unknown form"),
    };
    if found != prefix {
        return undecodable(Field::Address, "an address of another network");
    }
    key.try_into().or_else(|_| undecodable(Field::Address, "not an account of 32 bytes"))
}

fn verify_sr25519(
    claim: &Claim<'_>,
    key: &[u8; 32],
    signature: &[u8; 64],
    forms: impl IntoIterator<Item = Form>,
) -> Result<Scheme, OwnershipError> {
    let (Ok(key), Ok(signature)) =
        (schnorrkel::PublicKey::from_bytes(key), schnorrkel::Signature::from_bytes(signature))
    else {
        return Err(Invalid::Signature.into());
    };
    // The neutral element would accept a signature over anything.
    if key.to_bytes() == [0; 32] {
        return Err(Invalid::Signature.into());
    }
    let good = |form: &Form| {
        claim.wants(form.scheme) && key.verify_simple(b"substrate", &form.signed, &signature).is_ok()
    };
    forms.into_iter().find(good).map(|form| form.scheme).ok_or(Invalid::Signature.into())
}
