use alloc::string::String;
use core::fmt;

/// The custodian that makes a proof, by a name that its customers know, such as its domain: 1 to 64 bytes of
/// lower-case letters, digits, `.` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entity(String);

impl Entity {
    /// Checks and takes `text`.
    pub fn new(text: &str) -> Result<Self, EpochError> {
        if is_name(text, 64) { Ok(Self(text.into())) } else { Err(EpochError::Entity) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A snapshot: its name, unique for the entity, and when it was taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch {
    id: String,
    time: u64,
}

impl Epoch {
    /// Times are below this, in seconds since 1970-01-01 UTC.
    pub(crate) const TIME_END: u64 = 1 << 40;

    /// An epoch called `id` (1 to 64 bytes of lower-case letters, digits, `.` and `-`) at `time`, in seconds since
    /// 1970-01-01 UTC.
    pub fn new(id: &str, time: u64) -> Result<Self, EpochError> {
        if !is_name(id, 64) {
            return Err(EpochError::Id);
        }
        if time >= Self::TIME_END {
            return Err(EpochError::Time);
        }
        Ok(Self { id: id.into(), time })
    }

    /// The name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Seconds since 1970-01-01 UTC.
    pub const fn time(&self) -> u64 {
        self.time
    }
}

pub(crate) fn is_name(text: &str, most: usize) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    (1..=most).contains(&text.len()) && text.bytes().all(allowed)
}

/// Why a name or time is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EpochError {
    /// Not an entity name.
    #[error("not an entity: 1 to 64 of a-z 0-9 . -")]
    Entity,
    /// Not an epoch id.
    #[error("not an epoch id: 1 to 64 of a-z 0-9 . -")]
    Id,
    /// A time of `2^40` seconds or more.
    #[error("epoch time out of range")]
    Time,
}
