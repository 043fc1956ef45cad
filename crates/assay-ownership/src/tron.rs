//! Tron: Ethereum's keys under base58 addresses.

use crate::ecdsa::{self, Digest, Recoverable};
use crate::error::undecodable;
use crate::{Assumption, Binding, Claim, Control, Field, OwnershipError, Scheme, Threshold, hash, text};

pub(crate) fn verify(claim: &Claim<'_>) -> Result<Control, OwnershipError> {
    let address = account(claim.address)?;
    let signature = Recoverable::from_rsv(&text::bytes_of(claim.single()?, &[65], Field::Signature)?)?;
    let fixed = |bytes: &[u8]| hash::keccak256(&[b"\x19TRON Signed Message:\n32", bytes].concat());
    let length = format!("\x19TRON Signed Message:\n{}", claim.message.len());
    let digests = [
        Digest::new(Scheme::Tip191, hash::keccak256(&[length.as_bytes(), claim.message].concat())),
        Digest::new(Scheme::TronV1, fixed(&hash::keccak256(claim.message))),
        Digest::new(Scheme::TronV1Raw, fixed(claim.message)),
    ];
    let show = |signer: &[u8; 20]| ::bitcoin::base58::encode_check(&[&[0x41][..], signer].concat());
    let (scheme, key) = signature.bind(claim, digests, &address, ecdsa::ethereum_address, show)?;
    Ok(Control {
        scheme,
        message: claim.message.to_vec(),
        binding: Binding::KeyHash,
        threshold: Some(Threshold::SINGLE),
        keys: vec![key.serialize().to_vec()],
        recovered: true,
        coins: Vec::new(),
        // Owner and active permissions can be given to other keys on chain.
        assumed: vec![Assumption::AccountAuthority],
    })
}

pub(crate) fn account(address: &str) -> Result<[u8; 20], OwnershipError> {
    let bytes = text::base58_check(address, Field::Address)?;
    match bytes.split_first().map(|(version, rest)| (*version, rest.try_into())) {
        Some((0x41, Ok(account))) => Ok(account),
        _ => undecodable(Field::Address, "not a Tron address"),
    }
}
