//! Networks whose accounts are Ed25519 keys or hashes of them.

use crate::ed25519::{self, Form};
use crate::error::{undecodable, unsupported};
use crate::{
    Assumption, Binding, Claim, Control, Field, OwnershipError, Proved, Scheme, Threshold, Unbound, hash,
    text,
};

/// Solana: the address is the key.
pub(crate) fn verify_solana(claim: &Claim<'_>) -> Result<Control, OwnershipError> {
    let key = solana_account(claim.address)?;
    if ed25519_dalek::VerifyingKey::from_bytes(&key).is_err() {
        return Err(
            Unbound::NeedsFact { what: "the authority of a program's address, which has no key" }.into()
        );
    }
    let mut forms = Form::common(claim.message);
    forms.extend(solana_offchain(claim.message, &key));
    verify_key_address(claim, &key, forms, Vec::new(), |key| ::bitcoin::base58::encode(key))
}

/// Stellar: the address is the key, with a version and a checksum.
pub(crate) fn verify_stellar(claim: &Claim<'_>) -> Result<Control, OwnershipError> {
    let key = stellar_account(claim.address)?;
    let digest = hash::sha256(&[b"Stellar Signed Message:\n", claim.message].concat());
    let forms = [Form::new(Scheme::Sep53, digest)].into_iter().chain(Form::common(claim.message));
    // Other signers and weights can be set on chain, and the master key's weight can be zero.
    verify_key_address(claim, &key, forms, vec![Assumption::AccountAuthority], |key| {
        format!("the key {}", text::to_hex(key))
    })
}

/// Algorand: the address is the key with a checksum.
pub(crate) fn verify_algorand(claim: &Claim<'_>) -> Result<Control, OwnershipError> {
    let key = algorand_account(claim.address)?;
    let bytes = Form::new(Scheme::AlgorandBytes, [b"MX", claim.message].concat());
    let forms = [bytes].into_iter().chain(Form::common(claim.message));
    // An account can be rekeyed to another address.
    verify_key_address(claim, &key, forms, vec![Assumption::AccountAuthority], |key| {
        format!("the key {}", text::to_hex(key))
    })
}

/// NEAR: an implicit account's name is its key in hex; a named account's keys are on chain.
pub(crate) fn verify_near(claim: &Claim<'_>) -> Result<Control, OwnershipError> {
    let name = claim.address;
    if let Some((height, key)) = claim.fact(near_account(name)?, |fact| match fact.proved {
        Proved::PublicKey(key) => Some((fact.height, key)),
        _ => None,
    }) {
        let Ok(key) = <[u8; 32]>::try_from(key) else { return undecodable(Field::Fact, "not 32 bytes") };
        let assumed = vec![Assumption::StateAt { height }];
        let mut control = verify_key_address(claim, &key, Form::common(claim.message), assumed, |key| {
            format!("the key {}", text::to_hex(key))
        })?;
        control.binding = Binding::Fact { height };
        return Ok(control);
    }
    let digits =
        name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if !digits {
        return Err(Unbound::NeedsFact { what: "a full access key of the named account" }.into());
    }
    let key = text::hex_array(name, Field::Address)?;
    // The implicit account's first key can be deleted and replaced.
    verify_key_address(claim, &key, Form::common(claim.message), vec![Assumption::AccountAuthority], |key| {
        text::to_hex(key)
    })
}

/// Aptos: the address is the first authentication key, a hash of the key and its kind.
pub(crate) fn verify_aptos(claim: &Claim<'_>) -> Result<Control, OwnershipError> {
    let address = short_address(claim.address)?;
    let key = ed25519::public_key(claim)?.ok_or(Unbound::NoKey)?;
    let signature = ed25519::signature(claim)?;
    let authentication = hash::sha3_256(&[&key[..], &[0x00]].concat());
    let rotated = claim.fact(&address, |fact| match fact.proved {
        Proved::AuthenticationKey(key) => Some((fact.height, key)),
        _ => None,
    });
    let (expected, binding, assumed) = match rotated {
        Some((height, key)) => (key, Binding::Fact { height }, Assumption::StateAt { height }),
        None => (address, Binding::KeyHash, Assumption::AccountAuthority),
    };
    if authentication != expected {
        return Err(Unbound::OtherAddress { signer: format!("0x{}", text::to_hex(&authentication)) }.into());
    }
    let scheme = ed25519::verify(claim, &key, &signature, Form::common(claim.message))?;
    Ok(control(claim, scheme, binding, &key, vec![assumed]))
}

/// Sui: the address is a hash of the kind of key and the key.
pub(crate) fn verify_sui(claim: &Claim<'_>) -> Result<Control, OwnershipError> {
    let address = short_address(claim.address)?;
    let bytes = text::bytes_of(claim.single()?, &[64, 97, 98], Field::Signature)?;
    let shown = ed25519::public_key(claim)?;
    let (signature, key) = match (bytes.split_first_chunk::<64>(), bytes.split_first()) {
        (Some((signature, [])), _) => (*signature, shown.ok_or(Unbound::NoKey)?),
        // Wallets serialize flag, signature and key; flag 0 is Ed25519.
        (_, Some((0x00, rest))) => match rest.split_first_chunk::<64>() {
            Some((signature, key)) => {
                let Ok(key) = key.try_into() else {
                    return undecodable(Field::Signature, "not a Sui signature");
                };
                if shown.is_some_and(|shown| shown != key) {
                    return undecodable(Field::PublicKey, "another key than the signature's");
                }
                (*signature, key)
            }
            None => return undecodable(Field::Signature, "not a Sui signature"),
        },
        _ => return unsupported("Sui keys other than Ed25519"),
    };
    let derived: [u8; 32] = hash::blake2b(&[&[0x00][..], &key].concat());
    if derived != address {
        return Err(Unbound::OtherAddress { signer: format!("0x{}", text::to_hex(&derived)) }.into());
    }
    let intent = [&[3, 0, 0][..], &uleb128(claim.message.len()), claim.message].concat();
    let personal = Form::new(Scheme::SuiPersonal, hash::blake2b::<32>(&intent));
    let forms = [personal].into_iter().chain(Form::common(claim.message));
    let scheme = ed25519::verify(claim, &key, &signature, forms)?;
    Ok(control(claim, scheme, Binding::KeyHash, &key, Vec::new()))
}

pub(crate) fn solana_account(address: &str) -> Result<[u8; 32], OwnershipError> {
    let bytes = text::base58(address, Field::Address)?;
    bytes.try_into().or_else(|_| undecodable(Field::Address, "not 32 bytes"))
}

pub(crate) fn stellar_account(address: &str) -> Result<[u8; 32], OwnershipError> {
    let bytes = text::base32(address, true, Field::Address)?;
    let Some((payload, checksum)) = bytes.split_last_chunk::<2>() else {
        return undecodable(Field::Address, "too short");
    };
    if hash::crc16(payload).to_le_bytes() != *checksum {
        return undecodable(Field::Address, "a wrong checksum");
    }
    match payload.split_first() {
        Some((0x30, key)) => key.try_into().or_else(|_| undecodable(Field::Address, "not 32 bytes")),
        Some(_) => unsupported("Stellar addresses other than G accounts"),
        None => undecodable(Field::Address, "too short"),
    }
}

pub(crate) fn algorand_account(address: &str) -> Result<[u8; 32], OwnershipError> {
    let bytes = text::base32(address, true, Field::Address)?;
    match bytes.split_first_chunk::<32>() {
        Some((key, checksum)) if hash::sha512_256(key).get(28..) == Some(checksum) => Ok(*key),
        Some(_) => undecodable(Field::Address, "a wrong checksum"),
        None => undecodable(Field::Address, "too short"),
    }
}

pub(crate) fn near_account(name: &str) -> Result<&[u8], OwnershipError> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    if (2..=64).contains(&name.len()) && name.bytes().all(allowed) {
        Ok(name.as_bytes())
    } else {
        undecodable(Field::Address, "not an account of NEAR")
    }
}

/// Verifies a signature of the key that the address is.
fn verify_key_address(
    claim: &Claim<'_>,
    key: &[u8; 32],
    forms: impl IntoIterator<Item = Form>,
    assumed: Vec<Assumption>,
    show: impl Fn(&[u8; 32]) -> String,
) -> Result<Control, OwnershipError> {
    let signature = ed25519::signature(claim)?;
    if let Some(shown) = ed25519::public_key(claim)?
        && shown != *key
    {
        return Err(Unbound::OtherAddress { signer: show(&shown) }.into());
    }
    let scheme = ed25519::verify(claim, key, &signature, forms)?;
    Ok(control(claim, scheme, Binding::Key, key, assumed))
}

fn control(
    claim: &Claim<'_>,
    scheme: Scheme,
    binding: Binding,
    key: &[u8; 32],
    assumed: Vec<Assumption>,
) -> Control {
    Control {
        scheme,
        message: claim.message.to_vec(),
        binding,
        threshold: Some(Threshold::SINGLE),
        keys: vec![key.to_vec()],
        recovered: false,
        coins: Vec::new(),
        assumed,
    }
}

/// Version 0 of the off-chain message, as the node's tools and as the proposal with a single signer lay it out.
fn solana_offchain(message: &[u8], key: &[u8; 32]) -> Vec<Form> {
    let Some(length) = u16::try_from(message.len()).ok().filter(|length| (1..=65_515).contains(length))
    else {
        return Vec::new();
    };
    let kind = match (core::str::from_utf8(message), length) {
        (Ok(_), ..=1_212) if message.iter().all(|byte| (0x20..=0x7e).contains(byte)) => 0,
        (Ok(_), ..=1_212) => 1,
        (Ok(_), _) => 2,
        (Err(_), _) => return Vec::new(),
    };
    let domain = b"\xffsolana offchain\x00";
    let length = length.to_le_bytes();
    let tools = [&domain[..], &[kind], &length, message].concat();
    // The application's domain is left zero, as for signers without an application.
    let proposal = [&domain[..], &[0; 32], &[kind, 1], key, &length, message].concat();
    vec![Form::new(Scheme::SolanaOffchain, tools), Form::new(Scheme::SolanaOffchain, proposal)]
}

/// `0x` and up to 64 hex digits; Aptos and Sui leave leading zeros out.
pub(crate) fn short_address(address: &str) -> Result<[u8; 32], OwnershipError> {
    let digits = address.strip_prefix("0x").unwrap_or_default();
    if !(1..=64).contains(&digits.len()) {
        return undecodable(Field::Address, "not 0x and up to 64 hex digits");
    }
    text::hex_array(&format!("{digits:0>64}"), Field::Address)
}

fn uleb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
