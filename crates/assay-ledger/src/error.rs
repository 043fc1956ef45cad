use std::fmt;
use std::io;
use std::path::PathBuf;

use assay_statement::coverage::Rule;
use assay_statement::{AssetTableError, Kind, MAX_UID_BYTES, Symbol, TotalsError};

/// Why a ledger can't be read on, grouped by who can mend it.
///
/// No text here holds a balance or, unless the caller asked for it, a uid: what was read is described, not quoted.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The ledger is wrong: whoever exported it must look at this row.
    #[error(transparent)]
    Problem(Box<Problem>),
    /// The system refuses to read an input.
    #[error("cannot read {}", path.display())]
    Read {
        /// File or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The system refuses to write an output.
    #[error("cannot write {}", path.display())]
    Write {
        /// File or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The scratch folder can't hold the sort: full, missing or damaged.
    #[error("cannot sort in the scratch folder {}", path.display())]
    Scratch {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Neither extension nor first line says what the file is: name the format.
    #[error("{}: not a ledger format that can be recognised", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// A folder holds a file that doesn't belong to the ledger: move it away.
    ///
    /// Files whose names start with `.` or `_` are left out; everything else must be of one format.
    #[error("{}: {name} is not a file of the same format as the others", path.display())]
    MixedFolder {
        /// The folder.
        path: PathBuf,
        /// The file that doesn't fit.
        name: String,
    },
    /// A folder without ledger files.
    #[error("{}: no ledger file in this folder", path.display())]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A reserve vector that isn't well formed.
    #[error("{}: line {line}: {reason}", path.display())]
    ReservesFile {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// The asset table file is wrong.
    #[error("{}: {reason}", path.display())]
    AssetFile {
        /// The file.
        path: PathBuf,
        /// What is wrong; asset tables are public, so this may quote the file.
        reason: String,
    },
    /// The accounts together hold more of an asset than can exist: accounts or the asset table are wrong.
    #[error("more equity than the asset table's supply cap: {}", list(symbols))]
    AboveSupplyCap {
        /// The assets.
        symbols: Vec<Symbol>,
    },
    /// A price file that isn't well formed, or whose prices are beyond its own limits.
    #[error("{}: {reason}", path.display())]
    PriceFile {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its line; price files are public, so this may quote the file.
        reason: String,
    },
    /// Prices that no asset table can have.
    #[error(transparent)]
    Assets(#[from] AssetTableError),
    /// A total doesn't fit; no ledger of real assets comes near.
    #[error(transparent)]
    Totals(#[from] TotalsError),
    /// A caller asked for a synthetic ledger that can't be.
    #[error("no such synthetic ledger: {0}")]
    Synthetic(&'static str),
    /// The reader was used after it had returned an error.
    #[error("the reader has stopped at an earlier error")]
    Stopped,
}

fn list(symbols: &[Symbol]) -> String {
    symbols.iter().map(Symbol::as_str).collect::<Vec<_>>().join(", ")
}

impl LedgerError {
    /// The problem of the ledger's content, if that is what stopped the reader.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            _ => None,
        }
    }
}

/// One thing that is wrong in a ledger, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The row in it.
    pub place: Place,
    /// The account, masked unless [`ReadOptions::show_accounts`](crate::ReadOptions::show_accounts) is set; absent
    /// where the row has none.
    pub account: Option<String>,
    /// The column or JSON path; absent where the whole row is meant.
    pub field: Option<String>,
    /// What is wrong.
    pub kind: ProblemKind,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.place != Place::File {
            write!(f, ", {}", self.place)?;
        }
        if let Some(account) = &self.account {
            write!(f, ", account {account}")?;
        }
        if let Some(field) = &self.field {
            write!(f, ", field {field}")?;
        }
        write!(f, ": {}", self.kind)
    }
}

impl std::error::Error for Problem {}

/// Where in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The whole file.
    File,
    /// A line of a CSV file, from 1; the header is line 1. A record that spans lines counts from its first.
    Line(u64),
    /// A row of a Parquet file, from 1, across its row groups.
    Row(u64),
    /// An element of a JSON file's array, from 1.
    Element(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("file"),
            Self::Line(number) => write!(f, "line {number}"),
            Self::Row(number) => write!(f, "row {number}"),
            Self::Element(number) => write!(f, "element {number}"),
        }
    }
}

/// What can be wrong in a ledger.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProblemKind {
    /// The columns aren't those of the format.
    #[error("wrong header: expected {expected}")]
    WrongHeader {
        /// The columns that the format has.
        expected: &'static str,
    },
    /// The file ends in the middle of a record, or its last line has no line end.
    #[error("the file is cut: its last record has no end")]
    Truncated,
    /// Not a file of this format, or damaged.
    #[error("not a readable {format} file")]
    Unreadable {
        /// What it should be.
        format: &'static str,
    },
    /// A record with more or fewer fields than the header.
    #[error("{got} fields where the header has {expected}")]
    FieldCount {
        /// Fields of the header.
        expected: usize,
        /// Fields of the record.
        got: usize,
    },
    /// A quote inside a bare field, or text after a closing quote.
    #[error("misplaced quote")]
    Quoting,
    /// A record longer than the reader is willing to hold.
    #[error("record longer than {limit} bytes")]
    RecordTooLong {
        /// Bytes that a record may have.
        limit: usize,
    },
    /// A field longer than any valid one.
    #[error("field longer than {limit} bytes")]
    FieldTooLong {
        /// Bytes that the field may have.
        limit: usize,
    },
    /// Bytes that are no UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// An element of the array that isn't JSON, or isn't an object.
    #[error("not a JSON object of an account")]
    JsonSyntax,
    /// An account object lacks a field.
    #[error("field missing")]
    MissingField,
    /// An account object has a field twice.
    #[error("field given twice")]
    RepeatedField,
    /// An account object has a field that the format doesn't have.
    #[error("unknown field")]
    UnknownField,
    /// A value of another type than the format's.
    #[error("wrong type: expected {expected}")]
    WrongType {
        /// The type of the format.
        expected: &'static str,
    },
    /// A column of floating-point numbers, which can't hold amounts exactly.
    #[error("floating-point column: amounts must be decimal strings, decimals or integers")]
    FloatColumn,
    /// Nothing but white space.
    #[error("empty uid")]
    EmptyUid,
    /// A uid with a control character.
    #[error("uid has a control character")]
    ControlInUid,
    /// A uid longer than a canonical one can be.
    #[error("uid longer than {MAX_UID_BYTES} bytes")]
    UidTooLong,
    /// An asset that the asset table lacks.
    #[error("unknown asset{}{}", if asset.is_some() { " " } else { "" }, asset.as_deref().unwrap_or(""))]
    UnknownAsset {
        /// Its symbol, where it is sure to be a symbol and not a misplaced figure or uid.
        asset: Option<String>,
    },
    /// A column that names more than one asset of the table when case is ignored.
    #[error("more than one asset of the table is spelled {asset} when case is ignored")]
    AmbiguousAsset {
        /// The symbol.
        asset: String,
    },
    /// An asset that two columns of the header name.
    #[error("asset {asset} has columns twice")]
    RepeatedAsset {
        /// The symbol.
        asset: String,
    },
    /// Not one of the kinds.
    #[error("unknown kind (equity, debt, and what the asset table's products define)")]
    UnknownKind,
    /// Empty where a number must be.
    #[error("empty number")]
    EmptyNumber,
    /// Not a plain decimal number: `NaN`, an exponent, a separator, a space.
    #[error("not a plain decimal number")]
    NotANumber,
    /// Below zero.
    #[error("negative {kind}")]
    Negative {
        /// What can't be negative.
        kind: Kind,
    },
    /// More decimals than the asset has.
    #[error("more decimals than the asset's {decimals}")]
    TooManyDecimals {
        /// Decimals of the asset.
        decimals: u8,
    },
    /// An amount that doesn't fit.
    #[error("number too large: it must be below 2^{bits} base units")]
    TooLarge {
        /// Bits that the format or the proof has for a magnitude.
        bits: u32,
    },
    /// A second row for one account, asset and kind.
    #[error("a second {kind} entry of {asset}")]
    DuplicateEntry {
        /// Symbol of the asset.
        asset: String,
        /// Name of the kind.
        kind: String,
    },
    /// A second record, or a second declaration, of one account.
    #[error("a second record of the same uid")]
    DuplicateUid,
    /// An account that is declared to hold nothing has positions elsewhere.
    #[error("the account is declared empty, but has positions")]
    NotEmpty,
    /// A uid that is less than the one before, in a ledger that was said, or found, to be sorted.
    #[error("uid out of order: the ledger isn't sorted, or changed while it was read")]
    NotSorted,
    /// An account with more positions than can be proven.
    #[error("{got} positions, more than the {most} that a proof holds of one account")]
    TooManyPositions {
        /// Positions that an account may have.
        most: usize,
        /// Positions that it has.
        got: usize,
    },
    /// An account that breaks a rule of coverage: what secures its debt is worth less than the debt.
    #[error(
        "breaks the rule {rule}{}{}{}",
        named(" for product ", product.as_deref()),
        named(" in ", asset.as_deref()),
        named(" by ", by.as_deref())
    )]
    Coverage {
        /// The rule.
        rule: Rule,
        /// Symbol of the asset, where the rule is about one.
        asset: Option<String>,
        /// Name of the product, where the rule is about one.
        product: Option<String>,
        /// What is missing, where accounts are shown in full: whole units of the asset for
        /// [`Rule::CollateralExceedsEquity`], else the reference currency.
        by: Option<String>,
    },
}

/// `name` behind `before`, or nothing.
fn named(before: &str, name: Option<&str>) -> String {
    name.map(|name| format!("{before}{name}")).unwrap_or_default()
}
