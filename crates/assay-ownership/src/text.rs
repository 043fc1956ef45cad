//! Strict readers of the texts that keys, signatures and scripts come in.

use assay_statement::hex;
pub(crate) use assay_statement::hex::encode as to_hex;
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::error::undecodable;
use crate::{Field, MAX_FIELD_BYTES, OwnershipError};

const CONFIG: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);

/// Base58 takes quadratic time, so longer texts aren't tried.
const MAX_BASE58: usize = 256;

/// Hex digits with or without `0x`.
pub(crate) fn hex(text: &str, field: Field) -> Result<Vec<u8>, OwnershipError> {
    hex_digits(text.strip_prefix("0x").unwrap_or(text), field)
}

/// Hex digits alone.
pub(crate) fn hex_digits(digits: &str, field: Field) -> Result<Vec<u8>, OwnershipError> {
    if digits.len() > 2 * MAX_FIELD_BYTES {
        return undecodable(field, "too long");
    }
    if digits.len() % 2 == 1 {
        return undecodable(field, "an odd number of hex digits");
    }
    match hex::decode(digits) {
        Some(bytes) => Ok(bytes),
        None => undecodable(field, "not hex"),
    }
}

/// Hex digits of exactly `N` bytes.
pub(crate) fn hex_array<const N: usize>(digits: &str, field: Field) -> Result<[u8; N], OwnershipError> {
    match hex_digits(digits, field)?.try_into() {
        Ok(bytes) => Ok(bytes),
        Err(_) => undecodable(field, "another number of bytes than expected"),
    }
}

/// 32 bytes of 64 lower-case hex digits in the source.
pub(crate) const fn hex_const(digits: &str) -> [u8; 32] {
    const fn nibble(digit: u8) -> u8 {
        match digit {
            b'0'..=b'9' => digit - b'0',
            _ => digit - b'a' + 10,
        }
    }
    let mut out = [0; 32];
    let mut at = 0;
    while at < 32 {
        out[at] = nibble(digits.as_bytes()[2 * at]) << 4 | nibble(digits.as_bytes()[2 * at + 1]);
        at += 1;
    }
    out
}

/// Base64, padded or not.
pub(crate) fn base64(text: &str, field: Field) -> Result<Vec<u8>, OwnershipError> {
    if text.len() > 2 * MAX_FIELD_BYTES {
        return undecodable(field, "too long");
    }
    BASE64.decode(text).or_else(|_| undecodable(field, "not base64"))
}

/// Base64 in the standard or in the URL-safe alphabet.
pub(crate) fn base64_any(text: &str, field: Field) -> Result<Vec<u8>, OwnershipError> {
    base64(text, field).or_else(|error| BASE64_URL.decode(text).map_err(|_| error))
}

/// Canonical base64.
pub(crate) fn to_base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Base58 without a checksum.
pub(crate) fn base58(text: &str, field: Field) -> Result<Vec<u8>, OwnershipError> {
    if text.len() > MAX_BASE58 {
        return undecodable(field, "too long");
    }
    bitcoin::base58::decode(text).or_else(|_| undecodable(field, "not base58"))
}

/// Base58 with Bitcoin's checksum.
pub(crate) fn base58_check(text: &str, field: Field) -> Result<Vec<u8>, OwnershipError> {
    if text.len() > MAX_BASE58 {
        return undecodable(field, "too long");
    }
    bitcoin::base58::decode_check(text).or_else(|_| undecodable(field, "not base58 with a good checksum"))
}

/// RFC 4648 base32 without padding, letters in the case of `alphabet`; spare bits must be zero.
pub(crate) fn base32(text: &str, upper: bool, field: Field) -> Result<Vec<u8>, OwnershipError> {
    let mut out = Vec::with_capacity(text.len());
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' if upper => byte - b'A',
            b'a'..=b'z' if !upper => byte - b'a',
            b'2'..=b'7' => byte - b'2' + 26,
            _ => return undecodable(field, "not base32"),
        };
        bits = bits << 5 | u32::from(value);
        held += 5;
        if held >= 8 {
            held -= 8;
            out.extend((bits >> held).to_be_bytes().last());
            bits &= (1 << held) - 1;
        }
    }
    if bits != 0 || held >= 5 {
        return undecodable(field, "base32 with spare bits");
    }
    Ok(out)
}

/// Bytes of a key or signature of one of `lengths`, in whichever encoding gives one of these: hex, base64, base58.
pub(crate) fn bytes_of(text: &str, lengths: &[usize], field: Field) -> Result<Vec<u8>, OwnershipError> {
    let fits = |bytes: &Vec<u8>| lengths.contains(&bytes.len());
    let read = hex(text, field).ok().filter(fits);
    let read = read.or_else(|| base64_any(text, field).ok().filter(fits));
    let read = read.or_else(|| base58(text, field).ok().filter(fits));
    match read {
        Some(bytes) => Ok(bytes),
        None => undecodable(field, "neither hex, base64 nor base58 of the right length"),
    }
}

/// As [`bytes_of`], for one length.
pub(crate) fn array_of<const N: usize>(text: &str, field: Field) -> Result<[u8; N], OwnershipError> {
    match bytes_of(text, &[N], field)?.try_into() {
        Ok(bytes) => Ok(bytes),
        Err(_) => undecodable(field, "another number of bytes than expected"),
    }
}
