//! One key per address, however it is spelt.

use assay_statement::hex::encode as hex;

/// What is the same for all spellings of an address. Two addresses with one key are one address; an address that no
/// rule knows is its own key. Nothing is said about whether the address is valid.
///
/// | spelling | key |
/// |---|---|
/// | `0x` and hexadecimal digits, or `xdc` and 40 of them, in any case (a checksum is a matter of case), zeros in front | digits in lower case |
/// | bech32 and cashaddr in upper case | lower case |
/// | cashaddr, or base58 of 25 bytes with the version of an older kind of script address | kind and hash |
/// | 21 bytes from `41` in hexadecimal, or their base58 | hash |
/// | SS58 of 32 bytes under any network prefix | public key |
/// | `-1:` or `0:` and 64 digits, or 36 bytes in base64 with tag and checksum, bounceable or not | workchain and hash |
pub fn address_key(address: &str) -> String {
    let address = address.trim();
    hexadecimal(address)
        .or_else(|| workchain(address))
        .or_else(|| cashaddr(address))
        .or_else(|| base58_payload(address))
        .or_else(|| bech32(address))
        .unwrap_or_else(|| address.to_owned())
}

/// Whether `address` can be one at all: visible ASCII, without spaces, of a length that something has.
pub(crate) fn is_plausible(address: &str) -> bool {
    (1..=1024).contains(&address.len()) && address.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn hexadecimal(address: &str) -> Option<String> {
    let lower = address.to_ascii_lowercase();
    let digits =
        lower.strip_prefix("0x").or_else(|| lower.strip_prefix("xdc").filter(|rest| rest.len() == 40));
    if let Some(digits) = digits.filter(|digits| is_hex(digits)) {
        return Some(format!("0x{}", digits.trim_start_matches('0')));
    }
    if !is_hex(&lower) {
        return None;
    }
    match (lower.len(), lower.strip_prefix("41")) {
        (42, Some(hash)) => Some(format!("v65:{hash}")),
        (40 | 64, _) => Some(format!("0x{}", lower.trim_start_matches('0'))),
        _ => None,
    }
}

fn workchain(address: &str) -> Option<String> {
    if let Some((chain, hash)) = address.split_once(':')
        && matches!(chain, "0" | "-1")
        && hash.len() == 64
        && is_hex(hash)
    {
        return Some(format!("{chain}:{}", hash.to_ascii_lowercase()));
    }
    if address.len() != 48 {
        return None;
    }
    let bytes = base64(address)?;
    let (body, checksum) = bytes.split_at_checked(34)?;
    let [tag, chain, hash @ ..] = body else { return None };
    if !matches!(tag, 0x11 | 0x51 | 0x91 | 0xd1) || crc16(body).to_be_bytes() != checksum {
        return None;
    }
    let chain = match chain {
        0 => "0",
        0xff => "-1",
        _ => return None,
    };
    Some(format!("{chain}:{}", hex(hash)))
}

fn cashaddr(address: &str) -> Option<String> {
    const CHARSET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let lower = same_case(address)?;
    let payload = match lower.split_once(':') {
        Some((prefix, payload)) if prefix.bytes().all(|byte| byte.is_ascii_lowercase()) => payload,
        Some(_) => return None,
        None => &lower,
    };
    // One byte of kind and size, 20 of hash and 40 bits of checksum, five bits a letter.
    if payload.len() != 42 {
        return None;
    }
    let digits: Option<Vec<u32>> = payload
        .bytes()
        .map(|byte| CHARSET.iter().position(|letter| *letter == byte).and_then(|at| u32::try_from(at).ok()))
        .collect();
    let mut bytes = Vec::with_capacity(21);
    let (mut held, mut bits) = (0u32, 0);
    for digit in digits?.into_iter().take(34) {
        held = (held << 5 | digit) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
    }
    let [kind, hash @ ..] = bytes.as_slice() else { return None };
    match kind {
        0 => Some(format!("v0:{}", hex(hash))),
        8 => Some(format!("v5:{}", hex(hash))),
        _ => None,
    }
}

fn base58_payload(address: &str) -> Option<String> {
    let bytes = base58(address)?;
    match (bytes.len(), bytes.as_slice()) {
        (25, [version, hash @ ..]) => {
            // Version 50 replaced 5 for script addresses of one network, and both are in use there.
            let version = if *version == 50 { 5 } else { *version };
            Some(format!("v{version}:{}", hex(hash.get(..20)?)))
        }
        (35, [prefix, key @ ..]) if *prefix < 64 => Some(format!("ss58:{}", hex(key.get(..32)?))),
        (36, [prefix, _, key @ ..]) if (64..128).contains(prefix) => {
            Some(format!("ss58:{}", hex(key.get(..32)?)))
        }
        _ => None,
    }
}

fn bech32(address: &str) -> Option<String> {
    let lower = same_case(address)?;
    let (prefix, data) = lower.rsplit_once('1')?;
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let known = matches!(prefix, "bc" | "tb" | "bcrt" | "ltc" | "tltc") || data.len() >= 38;
    let fits = known && !prefix.is_empty() && data.len() >= 6 && data.bytes().all(letters);
    fits.then(|| lower.clone())
}

/// In lower case, if all letters are of one case.
fn same_case(text: &str) -> Option<String> {
    let upper = text.bytes().any(|byte| byte.is_ascii_uppercase());
    let lower = text.bytes().any(|byte| byte.is_ascii_lowercase());
    (!(upper && lower)).then(|| text.to_ascii_lowercase())
}

fn base58(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    if !(25..=60).contains(&text.len()) {
        return None;
    }
    // Little-endian while it grows.
    let mut bytes: Vec<u8> = Vec::with_capacity(48);
    for letter in text.bytes() {
        let mut carry = u32::try_from(ALPHABET.iter().position(|known| *known == letter)?).ok()?;
        for byte in &mut bytes {
            carry += u32::from(*byte) * 58;
            *byte = u8::try_from(carry & 0xff).ok()?;
            carry >>= 8;
        }
        while carry > 0 {
            bytes.push(u8::try_from(carry & 0xff).ok()?);
            carry >>= 8;
        }
    }
    bytes.extend(text.bytes().take_while(|letter| *letter == b'1').map(|_| 0));
    bytes.reverse();
    Some(bytes)
}

/// Base64 of a length that needs no padding, in either alphabet.
fn base64(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut held, mut bits) = (Vec::with_capacity(36), 0u32, 0);
    for letter in text.bytes() {
        let digit = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        held = (held << 6 | u32::from(digit)) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
    }
    Some(bytes)
}

/// CRC-16 with polynomial 0x1021 from zero.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(
            crc ^ u16::from(*byte) << 8,
            |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
            },
        )
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::*;

    fn same(spellings: &[&str]) {
        for spelling in spellings {
            assert_eq!(address_key(spelling), address_key(spellings[0]), "{spelling}");
        }
    }

    #[test]
    fn a27_spellings_of_one_address_have_one_key() {
        same(&[
            "0x52908400098527886E0F7030069857D2E4169EE7",
            "0x52908400098527886e0f7030069857d2e4169ee7",
            "0X52908400098527886E0F7030069857D2E4169EE7",
            "52908400098527886e0f7030069857d2e4169ee7",
            "xdc52908400098527886e0f7030069857d2e4169ee7",
        ]);
        same(&["0x0123", "0x123", "0x00123"]);
        same(&["bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4"]);
        // Vectors of the cashaddr specification.
        same(&[
            "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu",
            "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
            "qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
            "BITCOINCASH:QPM2QSZNHKS23Z7629MMS6S4CWEF74VCWVY22GDX6A",
        ]);
        same(&[
            "3CWFddi6m4ndiGyKqzYvsFYagqDLPVMTzC",
            "bitcoincash:ppm2qsznhks23z7629mms6s4cwef74vcwvn0h829pq",
        ]);
        // The contract of a token on a network with both spellings.
        same(&["TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", "41a614f803b6fd780986a42c78ec9c7f77e6ded13c"]);
        same(&[
            "EQDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff-W72r5gqPrHF",
            "UQDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff-W72r5gqPuwA",
            "EQDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff+W72r5gqPrHF",
            "0:CA6E321C7CCE9ECEDF0A8CA2492EC8592494AA5FB5CE0387DFF96EF6AF982A3E",
        ]);
        // One key under the generic prefix and under a network's.
        same(&[
            "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
            "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5",
        ]);
    }

    #[test]
    fn other_addresses_stay_apart() {
        let addresses = [
            "0x52908400098527886E0F7030069857D2E4169EE7",
            "0x52908400098527886E0F7030069857D2E4169EE8",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu",
            "1bpEi6DfDAUFd7GtittLSdBeYJvcoaVggu",
            "3CWFddi6m4ndiGyKqzYvsFYagqDLPVMTzC",
            "GcaThWjBVrVqYXGJxXo9Mv6gGJyw3Zcaa4a4eXp8QcTn",
            "gcaThWjBVrVqYXGJxXo9Mv6gGJyw3Zcaa4a4eXp8QcTn",
            "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh",
            "alice.near",
        ];
        for (at, a) in addresses.iter().enumerate() {
            for b in &addresses[at + 1..] {
                assert_ne!(address_key(a), address_key(b));
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_has_a_key(text in ".{0,80}", digits in "[1-9A-Za-z_-]{20,60}") {
            address_key(&text);
            address_key(&digits);
            is_plausible(&text);
        }
    }
}
