use std::io;

/// Why a container can't be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// The file can't be read or written.
    #[error(transparent)]
    File(#[from] io::Error),
    /// Not a container.
    #[error("not a container of receipts")]
    Magic,
    /// A version that isn't known.
    #[error("version {version} of the container's format is not known")]
    Version {
        /// The version.
        version: u32,
    },
    /// The head isn't authentic: another key or entity, or a changed head.
    #[error("the key or the entity is not the container's, or its head was changed")]
    Key,
    /// The file isn't as long as its head says.
    #[error("the container is {got} bytes long instead of {expected}")]
    Length {
        /// As the head says.
        expected: u64,
        /// As it is.
        got: u64,
    },
    /// The index isn't the one that was written.
    #[error("the container's index was changed")]
    Index,
    /// A record isn't the one that was written for this uid.
    #[error("the record was changed or is another's")]
    Record,
    /// Two receipts for one uid.
    #[error("two receipts for one uid")]
    Duplicate,
    /// More receipts than a container holds, or a receipt that is too large.
    #[error("too many receipts, or one that is too large")]
    TooLarge,
    /// The system has no randomness.
    #[error("the system gives no randomness")]
    Randomness,
}
