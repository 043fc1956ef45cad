//! EOS: account names, whose keys are on chain; `SIG_K1_` signatures.

use bitcoin::secp256k1::PublicKey;

use crate::ecdsa::{Digest, Recoverable};
use crate::error::{undecodable, unsupported};
use crate::{
    Assumption, Binding, Claim, Control, Field, OwnershipError, Proved, Scheme, Threshold, Unbound, hash,
    text,
};

pub(crate) fn verify(claim: &Claim<'_>) -> Result<Control, OwnershipError> {
    let name = account(claim.address)?;
    let signature = signature(claim.single()?)?;
    let known = claim.fact(name, |fact| match fact.proved {
        Proved::PublicKey(key) => Some((fact.height, key)),
        _ => None,
    });
    let Some((height, known)) = known else {
        return Err(Unbound::NeedsFact { what: "the key with the account's owner permission" }.into());
    };
    let Ok(known) = PublicKey::from_slice(known) else {
        return undecodable(Field::Fact, "not a secp256k1 key");
    };
    let digests = [
        Digest::new(Scheme::EosSha256, hash::sha256(claim.message)),
        Digest::new(Scheme::Envelope, hash::keccak256(&hash::envelope(claim.message))),
    ];
    let show = |signer: &PublicKey| format!("the key {}", text::to_hex(&signer.serialize()));
    let (scheme, key) = signature.bind(claim, digests, &known, |key| *key, show)?;
    Ok(Control {
        scheme,
        message: claim.message.to_vec(),
        binding: Binding::Fact { height },
        threshold: Some(Threshold::SINGLE),
        keys: vec![key.serialize().to_vec()],
        recovered: true,
        coins: Vec::new(),
        assumed: vec![Assumption::StateAt { height }],
    })
}

pub(crate) fn account(name: &str) -> Result<&[u8], OwnershipError> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || (b'1'..=b'5').contains(&byte) || byte == b'.';
    if (1..=12).contains(&name.len()) && name.bytes().all(allowed) {
        Ok(name.as_bytes())
    } else {
        undecodable(Field::Address, "not an account name of EOS")
    }
}

/// `SIG_K1_` and base58 of a compact signature with a checksum over it and the kind.
fn signature(signature: &str) -> Result<Recoverable, OwnershipError> {
    let Some(digits) = signature.strip_prefix("SIG_K1_") else {
        return unsupported("EOS signatures other than SIG_K1");
    };
    let bytes = text::base58(digits, Field::Signature)?;
    let Some((payload, checksum)) = bytes.split_last_chunk::<4>() else {
        return undecodable(Field::Signature, "too short");
    };
    if hash::ripemd160(&[payload, b"K1"].concat()).first_chunk::<4>() != Some(checksum) {
        return undecodable(Field::Signature, "a wrong checksum");
    }
    // Header bytes as Bitcoin's for compressed keys.
    match payload.split_first().map(|(header, rest)| (*header, rest.try_into())) {
        Some((header @ 31..=34, Ok(compact))) => Ok(Recoverable { compact, id: header - 31 }),
        _ => undecodable(Field::Signature, "not a compact signature"),
    }
}
