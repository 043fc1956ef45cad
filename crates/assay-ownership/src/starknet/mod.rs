//! Starknet: every account is a contract. Its address is a hash of its class and of what its constructor was given, which
//! for a class that the verifier knows shows the key; for others only the chain's state does.

mod class;
mod curve;
mod snip12;

pub use class::{AccountClass, AccountClassError, Calldata};
pub use snip12::snip12_document;
use starknet_types_core::felt::Felt;

use self::class::Deployment;
use self::curve::{Signature, StarkKey};
use self::snip12::TypedData;
use crate::error::undecodable;
use crate::{
    Assumption, Binding, Claim, Control, Field, Invalid, OwnershipError, Proved, Scheme, Threshold, Unbound,
    text,
};

/// The prime of the field that all values are elements of, `2^251 + 17 * 2^192 + 1`.
const PRIME: [u8; 32] = {
    let mut prime = [0; 32];
    prime[0] = 0x08;
    prime[7] = 0x11;
    prime[31] = 0x01;
    prime
};

/// Addresses are below `2^251 - 256`.
const ADDRESS_BOUND: [u8; 32] = {
    let mut bound = [0xff; 32];
    bound[0] = 0x07;
    bound[31] = 0x00;
    bound
};

/// Verifies one signature of the account's only key over SNIP-12 typed data.
pub(crate) fn verify(claim: &Claim<'_>, classes: &[AccountClass]) -> Result<Control, OwnershipError> {
    let address = account(claim.address)?;
    let signature = Signature::read(claim.single()?)?;
    let (key, binding, assumed) = bind(claim, &address, classes)?;
    let point = StarkKey::new(&key)?;
    let mut tried = false;
    for (scheme, document) in documents(claim)? {
        if !claim.wants(scheme) {
            continue;
        }
        tried = true;
        if signature.is_by(&point, &document.hash(&Felt::from_bytes_be(&address))?) {
            return Ok(Control {
                scheme,
                message: claim.message.to_vec(),
                binding,
                threshold: Some(Threshold::SINGLE),
                keys: vec![key.to_bytes_be().to_vec()],
                recovered: false,
                coins: Vec::new(),
                assumed: vec![assumed],
            });
        }
    }
    Err(if tried { Invalid::Signature.into() } else { claim.other_scheme() })
}

pub(crate) fn account(address: &str) -> Result<[u8; 32], OwnershipError> {
    let Some(digits) = address.strip_prefix("0x") else {
        return undecodable(Field::Address, "an address without 0x");
    };
    let account = felt_bytes(digits, Field::Address)?;
    if account < ADDRESS_BOUND { Ok(account) } else { undecodable(Field::Address, "not below 2^251 - 256") }
}

/// The key that decides about `address`, and how that is known.
fn bind(
    claim: &Claim<'_>,
    address: &[u8; 32],
    classes: &[AccountClass],
) -> Result<(Felt, Binding, Assumption), OwnershipError> {
    let deployment = claim.evidence.script.filter(|script| script.contains(':'));
    // Files have one column for both.
    let shown = claim.evidence.public_key.filter(|key| deployment != Some(*key));
    let shown = shown.map(|key| felt(key, Field::PublicKey)).transpose()?;
    let is_shown = |key: Felt| match shown {
        Some(shown) if shown != key => {
            Err(Unbound::OtherAddress { signer: format!("the key {}", text::to_hex(&shown.to_bytes_be())) })
        }
        _ => Ok(key),
    };
    let proved = claim.fact(address, |fact| match fact.proved {
        Proved::PublicKey(key) => Some((fact.height, key)),
        _ => None,
    });
    if let Some((height, key)) = proved {
        let Some(key) = key.try_into().ok().filter(|key: &[u8; 32]| *key < PRIME) else {
            return undecodable(Field::Fact, "not a key of Stark's curve");
        };
        let key = is_shown(Felt::from_bytes_be(&key))?;
        return Ok((key, Binding::Fact { height }, Assumption::StateAt { height }));
    }
    let mut known = class::KNOWN.iter().chain(classes);
    let key = if let Some(deployment) = deployment {
        let deployment = Deployment::read(deployment)?;
        if deployment.address() != *address {
            return Err(Unbound::OtherScript.into());
        }
        // A class that nobody knows, or one with a guardian, say, can obey another key than the one that stands in it.
        let Some(key) = known.find_map(|class| class.key(&deployment)) else {
            return Err(Unbound::NeedsFact { what: "who decides in an account of this class so made" }.into());
        };
        is_shown(key)?
    } else {
        // Wallets deploy an account from nowhere, with the key as salt.
        let own = |key: &Felt| known.any(|class| class.deployment(key).address() == *address);
        let Some(key) = shown.filter(own) else {
            return Err(
                Unbound::NeedsFact { what: "the public key that the account's contract holds" }.into()
            );
        };
        key
    };
    Ok((key, Binding::WalletState, Assumption::AccountAuthority))
}

/// The typed data that may have been signed for the claim's message.
fn documents(claim: &Claim<'_>) -> Result<Vec<(Scheme, TypedData)>, OwnershipError> {
    if let Some(json) = claim.evidence.typed_data {
        let typed = TypedData::read(json)?;
        // Orders and session keys are typed data too, and public.
        if !typed.has_text(claim.message) {
            return Err(Invalid::OtherMessage.into());
        }
        return Ok(vec![(Scheme::Snip12, typed)]);
    }
    let Ok(message) = core::str::from_utf8(claim.message) else {
        return undecodable(Field::Message, "not text, as typed data needs it");
    };
    let own = TypedData::read(&snip12_document(message)).map(|typed| (Scheme::Snip12, typed));
    let contents = TypedData::of_contents(message).map(|typed| (Scheme::Snip12Contents, typed));
    Ok([own.ok(), contents].into_iter().flatten().collect())
}

/// A field element of up to 64 hex digits, with or without `0x`.
fn felt(text: &str, field: Field) -> Result<Felt, OwnershipError> {
    felt_bytes(text.strip_prefix("0x").unwrap_or(text), field).map(|bytes| Felt::from_bytes_be(&bytes))
}

fn felt_bytes(digits: &str, field: Field) -> Result<[u8; 32], OwnershipError> {
    if !(1..=64).contains(&digits.len()) {
        return undecodable(field, "not up to 64 hex digits");
    }
    let bytes = text::hex_array(&format!("{digits:0>64}"), field)?;
    if bytes < PRIME { Ok(bytes) } else { undecodable(field, "not below the field's prime") }
}
