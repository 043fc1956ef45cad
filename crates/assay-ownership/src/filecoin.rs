//! Filecoin: `f1` secp256k1 keys, `f3` BLS keys, `f410` Ethereum accounts.

use bitcoin::secp256k1::PublicKey;

use crate::ecdsa::{Digest, Recoverable};
use crate::error::{undecodable, unsupported};
use crate::evm;
use crate::{
    Assumption, Binding, Claim, Control, Field, OwnershipError, Scheme, Threshold, Unbound, bls, hash, text,
};

pub(crate) fn verify(claim: &Claim<'_>, main: bool) -> Result<Control, OwnershipError> {
    // The node accepts an Ethereum account by either of its names.
    if claim.address.starts_with("0x") {
        return evm::verify_account(claim, &evm::decode(claim.address)?, evm::digests(claim)?);
    }
    match decode(claim.address, main)? {
        Address::Key(hash) => verify_key(claim, &hash),
        Address::Bls(key) => {
            let signature = bls_signature(claim.single()?)?;
            if !claim.wants(Scheme::Raw) {
                return Err(claim.other_scheme());
            }
            bls::verify(&key, &signature, claim.message, bls::FILECOIN)?;
            Ok(control(claim, Scheme::Raw, Binding::Key, key.to_vec(), false))
        }
        Address::Ethereum(address) => evm::verify_account(claim, &address, evm::digests(claim)?),
    }
}

fn verify_key(claim: &Claim<'_>, address: &[u8; 20]) -> Result<Control, OwnershipError> {
    let bytes = text::bytes_of(claim.single()?, &[65, 66], Field::Signature)?;
    // The node puts the kind of signature in front; 1 is secp256k1.
    let bytes = match bytes.split_first() {
        Some((1, rest)) if bytes.len() == 66 => rest,
        _ => &bytes,
    };
    let signature = Recoverable::from_rsv(bytes)?;
    let prefix = format!("\x19Filecoin Signed Message:\n{}", claim.message.len());
    let digests = [
        Digest::new(Scheme::FilecoinRaw, hash::blake2b(claim.message)),
        Digest::new(Scheme::Frc102, hash::blake2b(&[prefix.as_bytes(), claim.message].concat())),
        Digest::new(Scheme::Envelope, hash::keccak256(&hash::envelope(claim.message))),
    ];
    let of_key = |key: &PublicKey| hash::blake2b::<20>(&key.serialize_uncompressed());
    let show = |signer: &[u8; 20]| format!("the account {}", text::to_hex(signer));
    let (scheme, key) = signature.bind(claim, digests, address, of_key, show)?;
    Ok(control(claim, scheme, Binding::KeyHash, key.serialize().to_vec(), true))
}

fn control(claim: &Claim<'_>, scheme: Scheme, binding: Binding, key: Vec<u8>, recovered: bool) -> Control {
    Control {
        scheme,
        message: claim.message.to_vec(),
        binding,
        threshold: Some(Threshold::SINGLE),
        keys: vec![key],
        recovered,
        coins: Vec::new(),
        assumed: Vec::<Assumption>::new(),
    }
}

/// 96 bytes, with or without the node's kind 2 in front.
fn bls_signature(signature: &str) -> Result<[u8; 96], OwnershipError> {
    let bytes = text::bytes_of(signature, &[96, 97], Field::Signature)?;
    let bytes = match bytes.split_first() {
        Some((2, rest)) if bytes.len() == 97 => rest,
        _ => &bytes,
    };
    bytes.try_into().or_else(|_| undecodable(Field::Signature, "not a BLS signature"))
}

/// Kind and payload; Ethereum's 20 bytes alone, by either of an account's names.
pub(crate) fn account(address: &str, main: bool) -> Result<Vec<u8>, OwnershipError> {
    if address.starts_with("0x") {
        return evm::decode(address).map(Vec::from);
    }
    Ok(match decode(address, main)? {
        Address::Key(hash) => [&[1][..], &hash].concat(),
        Address::Bls(key) => [&[3][..], &key].concat(),
        Address::Ethereum(account) => account.to_vec(),
    })
}

enum Address {
    Key([u8; 20]),
    Bls([u8; 48]),
    Ethereum([u8; 20]),
}

fn decode(address: &str, main: bool) -> Result<Address, OwnershipError> {
    let network = if main { "f" } else { "t" };
    let Some(rest) = address.strip_prefix(network) else {
        return undecodable(Field::Address, "an address of another network");
    };
    // The payload of a delegated address starts after the number of its actor, 10 for Ethereum accounts.
    let (head, digits) = if let Some(digits) = rest.strip_prefix("410f") {
        (&[4, 10][..], digits)
    } else if let Some(digits) = rest.strip_prefix('1') {
        (&[1][..], digits)
    } else if let Some(digits) = rest.strip_prefix('3') {
        (&[3][..], digits)
    } else if rest.starts_with(['0', '2', '4']) {
        return match rest.starts_with('4') {
            true => unsupported("Filecoin addresses of other actors"),
            false => {
                Err(Unbound::NeedsFact { what: "the key of a Filecoin id, or the signers of an actor" }
                    .into())
            }
        };
    } else {
        return undecodable(Field::Address, "an unknown kind");
    };
    let bytes = text::base32(digits, false, Field::Address)?;
    let Some((payload, checksum)) = bytes.split_last_chunk::<4>() else {
        return undecodable(Field::Address, "too short");
    };
    if hash::blake2b::<4>(&[head, payload].concat()) != *checksum {
        return undecodable(Field::Address, "a wrong checksum");
    }
    let account = payload.try_into().map(|hash| match head {
        [1] => Address::Key(hash),
        _ => Address::Ethereum(hash),
    });
    match (head, account, payload.try_into()) {
        ([3], _, Ok(key)) => Ok(Address::Bls(key)),
        ([3], ..) | (_, Err(_), _) => undecodable(Field::Address, "the wrong length"),
        (_, Ok(account), _) => Ok(account),
    }
}
