use alloc::string::String;
use core::fmt;

use unicode_normalization::UnicodeNormalization;

/// Bytes that a canonical uid can have.
pub const MAX_UID_BYTES: usize = 512;

/// What a customer is known by, in canonical form: Unicode NFC, no white space around it, no control characters,
/// 1 to [`MAX_UID_BYTES`] bytes of UTF-8.
///
/// Case is kept: where an exchange treats uids without case, its registration must say which form counts. The uid is
/// private, so there is no debug form.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(String);

impl Uid {
    /// The canonical form of what was typed or read.
    pub fn new(text: &str) -> Result<Self, UidError> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(UidError::Empty);
        }
        if trimmed.chars().any(char::is_control) {
            return Err(UidError::Control);
        }
        // NFC can lengthen a text threefold, so the cap before it only bounds the work.
        if trimmed.len() > 4 * MAX_UID_BYTES {
            return Err(UidError::TooLong);
        }
        let canonical: String = if trimmed.is_ascii() { trimmed.into() } else { trimmed.nfc().collect() };
        if canonical.len() > MAX_UID_BYTES {
            return Err(UidError::TooLong);
        }
        Ok(Self(canonical))
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Uid(..)")
    }
}

/// Why a text is no uid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UidError {
    /// Nothing but white space.
    #[error("empty uid")]
    Empty,
    /// A control character, such as a line break or NUL.
    #[error("uid has a control character")]
    Control,
    /// More than [`MAX_UID_BYTES`] bytes.
    #[error("uid is longer than {MAX_UID_BYTES} bytes")]
    TooLong,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_forms_agree() {
        let composed = Uid::new("jos\u{e9}@example.org").unwrap();
        let decomposed = Uid::new("  jose\u{301}@example.org\t").unwrap();
        assert_eq!(composed, decomposed);
    }

    #[test]
    fn refuses_what_is_no_uid() {
        assert_eq!(Uid::new(" \t").unwrap_err(), UidError::Empty);
        assert_eq!(Uid::new("a\u{0}b").unwrap_err(), UidError::Control);
        assert_eq!(Uid::new(&"x".repeat(MAX_UID_BYTES + 1)).unwrap_err(), UidError::TooLong);
    }
}
