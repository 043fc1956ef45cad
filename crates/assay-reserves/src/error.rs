use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::figure::FigureError;

/// Why reserves can't be read or a report can't be made, grouped by who can mend it.
///
/// Reserve files are public, so texts here may quote them.
#[derive(Debug, thiserror::Error)]
pub enum ReserveError {
    /// The file can't be understood: whoever published it must look at this line.
    #[error(transparent)]
    Problem(Box<Problem>),
    /// The system refuses to read an input.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// More bytes than any honest reserve file has.
    #[error("{}: larger than {limit} bytes", path.display())]
    FileTooLarge {
        /// The file.
        path: PathBuf,
        /// Bytes that it may have.
        limit: u64,
    },
    /// Neither extension nor header say what the file is: name the format.
    #[error("{}: not a reserve format that can be recognised", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// The policy is wrong.
    #[error("policy: {0}")]
    Policy(String),
    /// A caller's figures don't fit the asset table.
    #[error("{0}")]
    Input(String),
    /// A sum doesn't fit 128 bits; no reserves of real assets come near.
    #[error("a sum of {what} reaches 2^128")]
    Overflow {
        /// What was summed.
        what: String,
    },
    /// Files or rows beyond what a report counts.
    #[error("more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: u64,
    },
}

impl ReserveError {
    /// The problem of the file's content, if that is what it is.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            _ => None,
        }
    }
}

/// One thing that makes a file unreadable, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// Line, from 1; 0 is the whole file.
    pub line: u64,
    /// Column or key; absent where the whole line is meant.
    pub field: Option<String>,
    /// What is wrong.
    pub kind: ProblemKind,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line != 0 {
            write!(f, ", line {}", self.line)?;
        }
        if let Some(field) = &self.field {
            write!(f, ", field {field}")?;
        }
        write!(f, ": {}", self.kind)
    }
}

impl std::error::Error for Problem {}

/// What can make a reserve file unreadable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProblemKind {
    /// The columns aren't those of the format.
    #[error("wrong header: expected {expected}")]
    WrongHeader {
        /// The columns that the format has.
        expected: &'static str,
    },
    /// The section of totals isn't followed by an empty line and the header of rows.
    #[error("the file has no section of rows")]
    NoRows,
    /// The last line of a format that is strict about it has no line end.
    #[error("the file is cut: its last line has no end")]
    Truncated,
    /// A line or record longer than the reader is willing to hold.
    #[error("record longer than {limit} bytes")]
    RecordTooLong {
        /// Bytes that a record may have.
        limit: usize,
    },
    /// Bytes that are no UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// A quote that never closes, or text after a closing one.
    #[error("misplaced quote")]
    Quoting,
    /// A bracket that doesn't close in its line.
    #[error("unclosed bracket")]
    Bracket,
    /// More or fewer fields than the header has.
    #[error("{got} fields where the header has {expected}")]
    FieldCount {
        /// Fields of the header.
        expected: usize,
        /// Fields of the record.
        got: usize,
    },
    /// A field without which a row says nothing.
    #[error("field missing")]
    Missing,
    /// A field twice.
    #[error("field given twice")]
    Repeated,
    /// A field that the format doesn't have.
    #[error("unknown field")]
    UnknownField,
    /// A list where a value belongs, or the like.
    #[error("not of the type that this field has")]
    WrongType,
    /// A coin that neither the asset table nor the policy's coin names know.
    #[error("unknown asset {name}")]
    UnknownAsset {
        /// The coin.
        name: String,
    },
    /// Not an amount.
    #[error(transparent)]
    Figure(#[from] FigureError),
    /// Not a block height.
    #[error("not a block height")]
    Height,
    /// Not a block hash.
    #[error("not a block hash of 64 hexadecimal digits")]
    BlockHash,
    /// Not `txid:index`.
    #[error("not an outpoint: 64 hexadecimal digits, a colon, a number")]
    Outpoint,
    /// A version of the format that isn't known.
    #[error("version of the format not known")]
    Version,
    /// What the parser of the format says.
    #[error("not readable: {0}")]
    Syntax(String),
    /// Anchors, aliases, tags, several documents: what a list of addresses has no use for.
    #[error("YAML with {0} is refused")]
    YamlFeature(&'static str),
}
