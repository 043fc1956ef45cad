//! Bytes as hexadecimal digits, without a prefix.

use alloc::string::String;
use alloc::vec::Vec;

/// Lower-case digits.
pub fn encode(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The bytes of an even number of digits in any case; nothing for any other text.
pub fn decode(digits: &str) -> Option<Vec<u8>> {
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    };
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?)).collect()
}

/// As [`decode`], for lower-case digits alone: one text for the same bytes, so that no byte of a file can be changed
/// without notice.
pub fn decode_lower(digits: &str) -> Option<Vec<u8>> {
    if digits.bytes().any(|digit| digit.is_ascii_uppercase()) { None } else { decode(digits) }
}

/// As [`decode`], for exactly `N` bytes.
pub fn array<const N: usize>(digits: &str) -> Option<[u8; N]> {
    if digits.len() == 2 * N { decode(digits)?.try_into().ok() } else { None }
}

/// As [`array()`], with or without `0x` in front.
pub fn prefixed_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    array(text.strip_prefix("0x").unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn digits_and_bytes() {
        assert_eq!(encode(&[0x00, 0x9f, 0xa0]), "009fa0");
        assert_eq!(decode("009fA0"), Some(vec![0x00, 0x9f, 0xa0]));
        assert_eq!(decode_lower("009fa0"), Some(vec![0x00, 0x9f, 0xa0]));
        assert_eq!(decode(""), Some(vec![]));
        for text in ["0", "0g", "0x00", " 00", "é0"] {
            assert_eq!(decode(text), None, "{text}");
        }
        assert_eq!(decode_lower("009fA0"), None);
        assert_eq!(array("00ff"), Some([0, 255]));
        assert_eq!(array::<2>("00ff00"), None);
        assert_eq!(array::<2>("0x00ff"), None);
        assert_eq!(prefixed_array("0x00ff"), Some([0, 255]));
    }
}
