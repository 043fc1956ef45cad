use alloc::string::String;
use core::fmt;

use p3_field::{PrimeCharacteristicRing, PrimeField32};

use crate::F;

/// Field elements of a digest; 248 bits, so collisions cost about `2^124`.
pub const DIGEST_ELEMENTS: usize = 8;

/// Bytes of a digest: its elements as little-endian 32-bit numbers below `p`.
pub const DIGEST_BYTES: usize = 4 * DIGEST_ELEMENTS;

/// A hash value.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [F; DIGEST_ELEMENTS]);

impl Digest {
    /// The canonical bytes.
    pub fn to_bytes(self) -> [u8; DIGEST_BYTES] {
        let mut bytes = [0; DIGEST_BYTES];
        for (chunk, element) in bytes.chunks_exact_mut(4).zip(self.0) {
            chunk.copy_from_slice(&element.as_canonical_u32().to_le_bytes());
        }
        bytes
    }

    /// Reads canonical bytes; a 32-bit number of `p` or more is refused, so each digest has one encoding.
    pub fn from_bytes(bytes: &[u8; DIGEST_BYTES]) -> Result<Self, DigestError> {
        let mut elements = [F::ZERO; DIGEST_ELEMENTS];
        for (element, chunk) in elements.iter_mut().zip(bytes.as_chunks::<4>().0) {
            let number = u32::from_le_bytes(*chunk);
            if number >= F::ORDER_U32 {
                return Err(DigestError::NotCanonical);
            }
            *element = F::from_u32(number);
        }
        Ok(Self(elements))
    }

    /// The bytes as 64 lower-case hex digits.
    pub fn to_hex(self) -> String {
        let mut text = String::with_capacity(2 * DIGEST_BYTES);
        for byte in self.to_bytes() {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }));
            }
        }
        text
    }

    /// Reads 64 hex digits of either case.
    pub fn from_hex(text: &str) -> Result<Self, DigestError> {
        Self::from_bytes(&bytes_from_hex(text)?)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

/// The `N` bytes that `2 N` hex digits of either case write.
pub(crate) fn bytes_from_hex<const N: usize>(text: &str) -> Result<[u8; N], DigestError> {
    let text = text.as_bytes();
    if text.len() != 2 * N {
        return Err(DigestError::Length);
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(text.as_chunks::<2>().0) {
        let nibble = |digit: u8| char::from(digit).to_digit(16).ok_or(DigestError::NotHex);
        *byte = (nibble(*high)? << 4 | nibble(*low)?) as u8;
    }
    Ok(bytes)
}

/// Why something is no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// Not 64 hex digits.
    #[error("a digest has 64 hex digits")]
    Length,
    /// A character that is no hex digit.
    #[error("a digest has hex digits only")]
    NotHex,
    /// A 32-bit number of `p` or more.
    #[error("not a canonical digest")]
    NotCanonical,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_is_unique() {
        let digest = Digest(core::array::from_fn(|i| F::from_u32(F::ORDER_U32 - 1 - i as u32)));
        assert_eq!(Digest::from_bytes(&digest.to_bytes()), Ok(digest));
        assert_eq!(Digest::from_hex(&digest.to_hex()), Ok(digest));
        let mut bytes = digest.to_bytes();
        bytes[..4].copy_from_slice(&F::ORDER_U32.to_le_bytes());
        assert_eq!(Digest::from_bytes(&bytes), Err(DigestError::NotCanonical));
        assert_eq!(Digest::from_hex("00"), Err(DigestError::Length));
        assert_eq!(Digest::from_hex(&"zz".repeat(32)), Err(DigestError::NotHex));
    }
}
