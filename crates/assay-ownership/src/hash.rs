//! Hashes of the chains, as plain functions.

use bitcoin::hashes::{Hash, hash160 as btc_hash160, ripemd160 as btc_ripemd160, sha256 as btc_sha256};
use blake2::digest::{Digest, Update, VariableOutput};
use blake2::{Blake2b512, Blake2bVar};

/// Keccak-256 with the padding of its submission, as Ethereum uses it.
pub fn keccak256(bytes: &[u8]) -> [u8; 32] {
    sha3::Keccak256::digest(bytes).into()
}

pub(crate) fn sha3_256(bytes: &[u8]) -> [u8; 32] {
    sha3::Sha3_256::digest(bytes).into()
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    btc_sha256::Hash::hash(bytes).to_byte_array()
}

pub(crate) fn sha256d(bytes: &[u8]) -> [u8; 32] {
    sha256(&sha256(bytes))
}

pub(crate) fn sha512_256(bytes: &[u8]) -> [u8; 32] {
    bitcoin::hashes::sha512_256::Hash::hash(bytes).to_byte_array()
}

pub(crate) fn ripemd160(bytes: &[u8]) -> [u8; 20] {
    btc_ripemd160::Hash::hash(bytes).to_byte_array()
}

pub(crate) fn hash160(bytes: &[u8]) -> [u8; 20] {
    btc_hash160::Hash::hash(bytes).to_byte_array()
}

pub(crate) fn blake2b_512(bytes: &[u8]) -> [u8; 64] {
    Blake2b512::digest(bytes).into()
}

/// Blake2b with `N` bytes of output, `N` from 1 to 64.
pub(crate) fn blake2b<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    if let Ok(mut state) = Blake2bVar::new(N) {
        state.update(bytes);
        // Both lengths are N, so this can't fail.
        let _ = state.finalize_variable(&mut out);
    }
    out
}

/// CRC-16/XMODEM, which Stellar and TON use.
pub(crate) fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

/// A length as Bitcoin's compact size.
pub(crate) fn compact_size(length: usize) -> Vec<u8> {
    let length = length as u64;
    match (u8::try_from(length), u16::try_from(length), u32::try_from(length)) {
        (Ok(byte), _, _) if byte < 0xfd => vec![byte],
        (_, Ok(short), _) => [&[0xfd][..], &short.to_le_bytes()].concat(),
        (_, _, Ok(word)) => [&[0xfe][..], &word.to_le_bytes()].concat(),
        _ => [&[0xff][..], &length.to_le_bytes()].concat(),
    }
}

/// `header` and `message`, each with its compact size in front.
pub(crate) fn length_prefixed(header: &[u8], message: &[u8]) -> Vec<u8> {
    [&compact_size(header.len())[..], header, &compact_size(message.len()), message].concat()
}

/// The envelope that some exchanges sign instead of the message, whatever the chain.
pub(crate) fn envelope(message: &[u8]) -> Vec<u8> {
    length_prefixed(b"OKX Signed Message:\n", message)
}
