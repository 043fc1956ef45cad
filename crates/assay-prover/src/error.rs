use std::io;
use std::path::PathBuf;

use assay_circuit::{MAX_TOTALS_ROWS, TraceError};
use assay_ledger::LedgerError;
use assay_recursion::tree::prover::TreeError;
use assay_statement::Symbol;
use assay_verifier::VerifyError;

/// Why a ledger isn't proven, grouped by who can mend it. No text holds a balance, a uid or a secret.
#[derive(Debug, thiserror::Error)]
pub enum ProverError {
    /// The ledger or the asset table can't be read or is wrong.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The ledger has no accounts.
    #[error("the ledger has no accounts")]
    NoAccounts,
    /// The system refuses a file of the work folder or an output: no room, no rights, no folder.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The secret file can be read by others, isn't a plain file, or doesn't hold a secret.
    #[error("{}: {reason}", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// The work folder belongs to a run with another input.
    #[error("{}: this run was begun with another {what}; choose another work folder or remove this one", path.display())]
    OtherRun {
        /// The work folder.
        path: PathBuf,
        /// What differs.
        what: &'static str,
    },
    /// The ledger changed while it was read.
    #[error("the ledger changed while it was read; take a snapshot of it that stays as it is")]
    LedgerChanged,
    /// The work folder was there already and others can enter it.
    #[error("{}: others can enter this folder; allow its owner only (chmod 700) or name another", path.display())]
    OpenFolder {
        /// The work folder.
        path: PathBuf,
    },
    /// Another process works in the folder.
    #[error("{}: another process works in this folder", path.display())]
    Busy {
        /// The work folder.
        path: PathBuf,
    },
    /// A file of the work folder isn't what this run wrote.
    #[error("{}: damaged or not from this run; remove the work folder and start again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// Two accounts share a leaf key of 62 bits; with another epoch id they won't.
    #[error(
        "two accounts share a leaf key, which happens by chance once in many runs: take another epoch id"
    )]
    KeyCollision,
    /// The memory limit is below what the smallest segments need.
    #[error("a memory limit of {given} MiB is too low, {least} MiB are needed")]
    Memory {
        /// The limit, MiB.
        given: u64,
        /// What is needed, MiB.
        least: u64,
    },
    /// No segment has room for the price rows that debt is covered at.
    #[error("the asset table's prices and tiers take {rows} rows, more than any segment has room for")]
    TooManyPrices {
        /// How many.
        rows: u64,
    },
    /// One account alone doesn't fit a segment.
    #[error("an account has more than {MAX_TOTALS_ROWS} positions, which no segment can hold")]
    AccountTooLarge,
    /// More segments than a tree holds.
    #[error("the ledger needs {segments} segments, more than a tree holds; raise the memory limit")]
    TooManySegments {
        /// How many.
        segments: usize,
    },
    /// A segment has no trace.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The proof system failed: a bug.
    #[error("the proof system failed on segment {segment}")]
    ProofSystem {
        /// Number of the segment.
        segment: usize,
    },
    /// More pairs of asset and kind than a final proof holds.
    #[error("the ledger has {keys} pairs of asset and kind, and a final proof holds {most}")]
    TooManyKeys {
        /// Pairs.
        keys: usize,
        /// Pairs that a final proof holds.
        most: usize,
    },
    /// The totals are to be hidden, but the reserves don't cover them.
    #[error(
        "the given reserves of {symbol} do not cover what is owed, so no proof can hide how much that is"
    )]
    NotCovered {
        /// The asset.
        symbol: Symbol,
    },
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    Randomness,
    /// The tree of proofs over the segments couldn't be made.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A proof that was just made doesn't verify: a bug, or a machine that miscalculates.
    #[error("a proof that was just made does not verify: {0}")]
    SelfCheck(VerifyError),
}
