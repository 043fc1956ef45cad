//! Text in pages.

/// Text from anywhere as the text of an element or of a quoted attribute: what reports in HTML do with it.
pub(crate) use assay_reserves::escape;
use sha2::{Digest, Sha256};

/// JSON as the text of a `script` element that isn't run: nothing in it can end the element.
pub(crate) fn script_json(json: &str) -> String {
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

/// SHA-256 as 64 hex digits.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    assay_statement::hex::encode(&Sha256::digest(bytes))
}

/// What a content security policy allows an inline script or style by.
pub(crate) fn csp_hash(text: &str) -> String {
    use base64::Engine;
    format!("'sha256-{}'", base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_an_element() {
        assert_eq!(
            escape("<b title='a\"'>&\u{202e}\u{0}"),
            "&lt;b title=&#39;a&quot;&#39;&gt;&amp;\u{fffd}\u{fffd}"
        );
        let json = serde_json::json!({"a": "</script><!--&\u{2028}"}).to_string();
        let text = script_json(&json);
        assert!(!text.contains(['<', '>', '&', '\u{2028}']));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            serde_json::from_str::<serde_json::Value>(&json).unwrap()
        );
    }

    #[test]
    fn digests() {
        assert_eq!(sha256_hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(csp_hash(""), "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='");
    }
}
