use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use assay_commit::MAX_RECEIPT_BYTES;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;

/// What stands before a receipt in the fragment of a link, as in `https://example.org/check#receipt=1...`.
pub const LINK_KEY: &str = "receipt=";

/// First character of what follows [`LINK_KEY`]: raw deflate, then base64url without padding.
const LINK_VERSION: char = '1';

/// The fragment that holds a receipt, without `#`: a browser doesn't send it to any server.
pub fn encode_link(json: &str) -> String {
    let compact = match serde_json::from_str::<assay_commit::Receipt>(json) {
        Ok(receipt) => serde_json::to_vec(&receipt).unwrap_or_else(|_| json.as_bytes().to_vec()),
        Err(_) => json.as_bytes().to_vec(),
    };
    let mut text = String::from(LINK_KEY);
    text.push(LINK_VERSION);
    text.push_str(&URL_SAFE_NO_PAD.encode(compress_to_vec(&compact, 10)));
    text
}

/// The JSON of a receipt that is given as JSON, as a link or as the fragment of one.
pub fn receipt_bytes(given: &[u8]) -> Result<Cow<'_, [u8]>, LinkError> {
    if given.len() > MAX_RECEIPT_BYTES {
        // Whoever reads it says that it is too large.
        return Ok(given.into());
    }
    let Ok(text) = core::str::from_utf8(given) else { return Ok(given.into()) };
    let text = text.trim();
    let value = match text.split_once('#') {
        Some((before, fragment)) if !before.contains(['{', '"']) => fragment,
        _ => text,
    };
    let Some(value) = value.split('&').find_map(|part| part.strip_prefix(LINK_KEY)) else {
        return Ok(given.into());
    };
    let packed = value.strip_prefix(LINK_VERSION).ok_or(LinkError)?;
    let packed: Vec<u8> = URL_SAFE_NO_PAD.decode(packed).map_err(|_| LinkError)?;
    decompress_to_vec_with_limit(&packed, MAX_RECEIPT_BYTES).map(Cow::Owned).map_err(|_| LinkError)
}

/// A link that holds no receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkError;

impl core::fmt::Display for LinkError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the link holds no receipt")
    }
}

impl core::error::Error for LinkError {}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn there_and_back() {
        let json = "{\"any\": \"text\"}";
        let fragment = encode_link(json);
        for given in [
            fragment.clone(),
            format!(" https://example.org/check.html#{fragment}\n"),
            format!("#lang=de&{fragment}"),
        ] {
            assert_eq!(receipt_bytes(given.as_bytes()), Ok(Cow::Borrowed(json.as_bytes())), "{given}");
        }
        assert_eq!(receipt_bytes(json.as_bytes()), Ok(Cow::Borrowed(json.as_bytes())));
    }

    #[test]
    fn refuses_other_links_and_bombs() {
        for given in ["receipt=", "receipt=2AAAA", "receipt=1%%%", "receipt=1AAAA"] {
            assert_eq!(receipt_bytes(given.as_bytes()), Err(LinkError), "{given}");
        }
        let zeros = alloc::vec![b' '; MAX_RECEIPT_BYTES + 1];
        let bomb = format!("receipt=1{}", URL_SAFE_NO_PAD.encode(compress_to_vec(&zeros, 10)));
        assert!(bomb.len() < 10_000);
        assert_eq!(receipt_bytes(bomb.as_bytes()), Err(LinkError));
    }
}
