//! Keys of the tests, and signatures as wallets make them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bitcoin::secp256k1::{All, Message, PublicKey, Secp256k1, SecretKey};
use ed25519_dalek::Signer;
use sha3::Digest;

pub(crate) fn secp() -> Secp256k1<All> {
    Secp256k1::new()
}

/// A secp256k1 key.
pub(crate) fn key(number: u8) -> SecretKey {
    SecretKey::from_slice(&[number; 32]).unwrap()
}

pub(crate) fn public(key: &SecretKey) -> PublicKey {
    PublicKey::from_secret_key(&secp(), key)
}

/// `r || s || v` with `v` of 27 or 28, hex.
pub(crate) fn sign_recoverable(key: &SecretKey, digest: [u8; 32]) -> String {
    let (id, compact) = secp().sign_ecdsa_recoverable(&Message::from_digest(digest), key).serialize_compact();
    let v = 27 + u8::try_from(id.to_i32()).unwrap();
    format!("0x{}{v:02x}", hex(&compact))
}

/// A signed message in base64 with a header byte that starts at `base`.
pub(crate) fn sign_message(key: &SecretKey, header: &str, message: &str, base: u8) -> String {
    let mut bytes = vec![u8::try_from(header.len()).unwrap()];
    bytes.extend(header.as_bytes());
    bytes.extend(bitcoin::consensus::serialize(&message.as_bytes().to_vec()));
    let digest: [u8; 32] = bitcoin::hashes::Hash::to_byte_array(
        <bitcoin::hashes::sha256d::Hash as bitcoin::hashes::Hash>::hash(&bytes),
    );
    let (id, compact) = secp().sign_ecdsa_recoverable(&Message::from_digest(digest), key).serialize_compact();
    base64(&[&[base + u8::try_from(id.to_i32()).unwrap()][..], &compact].concat())
}

/// The Ethereum address of a key, lower case.
pub(crate) fn ethereum(key: &SecretKey) -> [u8; 20] {
    keccak(&public(key).serialize_uncompressed()[1..])[12..].try_into().unwrap()
}

pub(crate) fn personal(message: &[u8]) -> [u8; 32] {
    keccak(&[format!("\x19Ethereum Signed Message:\n{}", message.len()).as_bytes(), message].concat())
}

pub(crate) fn keccak(bytes: &[u8]) -> [u8; 32] {
    sha3::Keccak256::digest(bytes).into()
}

/// An Ed25519 key.
pub(crate) fn edwards(number: u8) -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[number; 32])
}

pub(crate) fn sign_edwards(number: u8, message: &[u8]) -> String {
    hex(&edwards(number).sign(message).to_bytes())
}

pub(crate) fn envelope(message: &str) -> Vec<u8> {
    let header = "OKX Signed Message:\n";
    let length = |text: &str| u8::try_from(text.len()).unwrap();
    [&[length(header)][..], header.as_bytes(), &[length(message)], message.as_bytes()].concat()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
