//! Input files, one at a time, as fragments of accounts.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use assay_statement::{
    AMOUNT_BITS, Amount, AssetTable, DecimalError, Entry, EntryKey, Kind, MAX_UID_BYTES, Uid, UidError,
    parse_decimal,
};

use crate::error::{LedgerError, ProblemKind};
use crate::format::{InputFile, LedgerFormat};
use crate::log::{At, Log};
use crate::options::Rounding;

mod csv;
mod json;
mod long_csv;
mod parquet;
mod wide_csv;

pub(crate) use csv::{Next as CsvNext, Records as CsvRecords};
#[cfg(test)]
pub(crate) use long_csv::LONG_COLUMNS;
#[cfg(test)]
pub(crate) use wide_csv::WIDE_COLUMNS;

/// Bytes of a uid as it is written, before it is made canonical.
const MAX_RAW_UID_BYTES: usize = 2048;

/// Bytes of a number as it is written.
const MAX_NUMBER_BYTES: usize = 128;

/// Entries after which a fragment ends, so that no record of a sort is large. The most that an account can have.
pub(crate) const MAX_FRAGMENT_ENTRIES: usize = assay_statement::MAX_ASSETS * Kind::COUNT;

/// An open input file.
pub(crate) trait FileSource: Send {
    /// Appends some fragments to `out`; false when the file has no more. Problems go to `log`.
    fn fill(&mut self, out: &mut Fragments, log: &mut Log) -> Result<bool, LedgerError>;

    /// Bytes of the file read so far, at least roughly.
    fn consumed(&self) -> u64;
}

/// What a source reads and how.
#[derive(Clone)]
pub(crate) struct SourceContext {
    pub(crate) table: Arc<AssetTable>,
    pub(crate) symbols: Arc<Symbols>,
    pub(crate) rounding: Rounding,
    /// Whether only uids are wanted, which takes less time.
    pub(crate) uids_only: bool,
}

/// Opens `file`, the `number`th of its ledger. A file that isn't of the format is a problem and has no fragments.
pub(crate) fn open(
    file: &InputFile,
    number: u32,
    format: LedgerFormat,
    context: &SourceContext,
    log: &mut Log,
) -> Result<Option<Box<dyn FileSource>>, LedgerError> {
    let read_error = |source| LedgerError::Read { path: file.path.clone(), source };
    let handle = std::fs::File::open(&file.path).map_err(read_error)?;
    let path: &Path = &file.path;
    Ok(match format {
        LedgerFormat::LongCsv => long_csv::open(handle, path, number, context, log)?,
        LedgerFormat::WideCsv => wide_csv::open(handle, path, number, context, log)?,
        LedgerFormat::SignedJson => Some(json::open(handle, path, number, context)),
        LedgerFormat::LongParquet => parquet::open(handle, file, number, context, log)?,
    })
}

/// Parts of accounts in the order in which a file has them.
#[derive(Default)]
pub(crate) struct Fragments {
    uids: String,
    entries: Vec<Entry>,
    heads: Vec<Head>,
}

/// How the rows of a fragment make an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One entry per row, in consecutive rows; the account may go on elsewhere.
    Rows,
    /// All entries in one row, which is the whole account.
    Record,
    /// One row that says that the account has no entries.
    Empty,
}

#[derive(Clone, Copy)]
struct Head {
    uid_end: usize,
    entry_end: usize,
    row: u64,
    shape: Shape,
}

/// A part of an account.
#[derive(Clone, Copy)]
pub(crate) struct Fragment<'a> {
    /// Canonical.
    pub(crate) uid: &'a str,
    /// In the order of the file; keys may repeat and amounts may be zero.
    pub(crate) entries: &'a [Entry],
    /// Where it starts.
    pub(crate) at: At,
    pub(crate) shape: Shape,
}

impl Fragments {
    pub(crate) fn clear(&mut self) {
        self.uids.clear();
        self.entries.clear();
        self.heads.clear();
    }

    /// Fragments and entries, whichever are more.
    pub(crate) fn size(&self) -> usize {
        self.heads.len().max(self.entries.len())
    }

    pub(crate) fn iter(&self, file: u32) -> impl Iterator<Item = Fragment<'_>> + '_ {
        let mut uid_start = 0;
        let mut entry_start = 0;
        self.heads.iter().map(move |head| {
            let fragment = Fragment {
                uid: self.uids.get(uid_start..head.uid_end).unwrap_or_default(),
                entries: self.entries.get(entry_start..head.entry_end).unwrap_or_default(),
                at: At { file, row: head.row },
                shape: head.shape,
            };
            (uid_start, entry_start) = (head.uid_end, head.entry_end);
            fragment
        })
    }

    /// Starts a fragment of the account with the raw `uid`; on an error nothing has changed.
    fn start(&mut self, uid: &[u8], row: u64, shape: Shape) -> Result<(), ProblemKind> {
        push_canonical(uid, &mut self.uids)?;
        self.heads.push(Head { uid_end: self.uids.len(), entry_end: self.entries.len(), row, shape });
        Ok(())
    }

    /// Starts another fragment of the account of the last one.
    fn start_again(&mut self, row: u64, shape: Shape) {
        let end = self.uids.len();
        let start = match self.heads.as_slice() {
            [.., before, _] => before.uid_end,
            _ => 0,
        };
        self.uids.extend_from_within(start..end);
        self.heads.push(Head { uid_end: self.uids.len(), entry_end: self.entries.len(), row, shape });
    }

    /// Appends to the last fragment.
    fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
        if let Some(head) = self.heads.last_mut() {
            head.entry_end = self.entries.len();
        }
    }
}

/// Makes fragments of rows with one entry each.
struct LongRows {
    number: u32,
    /// The uid of the last fragment as it was written, if the next row may go on with it.
    raw_uid: Vec<u8>,
    open: bool,
    next_row: u64,
    in_fragment: usize,
}

impl LongRows {
    fn new(number: u32) -> Self {
        Self { number, raw_uid: Vec::new(), open: false, next_row: 0, in_fragment: 0 }
    }

    /// To be called with fragments that were cleared.
    fn restart(&mut self) {
        self.open = false;
    }

    /// Takes the uid of a row, for a scan of the order.
    fn push_uid(&mut self, uid: &[u8], row: u64, out: &mut Fragments) {
        if self.open && self.raw_uid == uid {
            return;
        }
        self.open = out.start(uid, row, Shape::Rows).is_ok();
        self.raw_uid.clear();
        self.raw_uid.extend_from_slice(uid);
    }

    /// Takes a row: its uid and its entry, which is none for the declaration of an account without entries.
    #[inline]
    fn push(
        &mut self,
        uid: &[u8],
        entry: Option<Entry>,
        row: u64,
        out: &mut Fragments,
        log: &mut Log,
    ) -> Result<(), LedgerError> {
        let same = self.open && self.raw_uid == uid;
        if !same {
            self.open = false;
            let shape = if entry.is_some() { Shape::Rows } else { Shape::Empty };
            if let Err(kind) = out.start(uid, row, shape) {
                return log.report(At { file: self.number, row }, Some(uid), Some("uid"), kind);
            }
            self.raw_uid.clear();
            self.raw_uid.extend_from_slice(uid);
            self.open = entry.is_some();
            self.in_fragment = 0;
        } else if entry.is_none() {
            out.start_again(row, Shape::Empty);
            self.open = false;
        } else if row != self.next_row || self.in_fragment >= MAX_FRAGMENT_ENTRIES {
            out.start_again(row, Shape::Rows);
            self.in_fragment = 0;
        }
        if let Some(entry) = entry {
            out.push(entry);
            self.in_fragment += 1;
        }
        self.next_row = row + 1;
        Ok(())
    }
}

/// Appends the canonical form of `raw`.
fn push_canonical(raw: &[u8], out: &mut String) -> Result<(), ProblemKind> {
    let graphic = raw.iter().all(|byte| (0x21..0x7f).contains(byte));
    if raw.len() > MAX_RAW_UID_BYTES {
        return Err(ProblemKind::FieldTooLong { limit: MAX_RAW_UID_BYTES });
    }
    let text = std::str::from_utf8(raw).map_err(|_| ProblemKind::NotUtf8)?;
    if graphic && (1..=MAX_UID_BYTES).contains(&raw.len()) {
        out.push_str(text);
        return Ok(());
    }
    let uid = Uid::new(text).map_err(|error| match error {
        UidError::Empty => ProblemKind::EmptyUid,
        UidError::Control => ProblemKind::ControlInUid,
        UidError::TooLong => ProblemKind::UidTooLong,
    })?;
    out.push_str(uid.as_str());
    Ok(())
}

/// Symbols of an asset table, for many look-ups.
pub(crate) struct Symbols {
    exact: HashMap<Box<[u8]>, usize>,
    folded: HashMap<Box<[u8]>, Vec<usize>>,
}

impl Symbols {
    pub(crate) fn new(table: &AssetTable) -> Self {
        let mut exact = HashMap::new();
        let mut folded: HashMap<_, Vec<usize>> = HashMap::new();
        for (index, asset) in table.assets().iter().enumerate() {
            let symbol = asset.symbol.as_str().as_bytes();
            exact.insert(symbol.into(), index);
            folded.entry(symbol.to_ascii_lowercase().into()).or_default().push(index);
        }
        Self { exact, folded }
    }

    /// The index of the asset that is spelled like this.
    fn exact(&self, symbol: &[u8]) -> Result<usize, ProblemKind> {
        self.exact.get(symbol).copied().ok_or_else(|| self.unknown(symbol))
    }

    /// The index of the only asset that is spelled like this when case is ignored.
    fn folded(&self, symbol: &[u8]) -> Result<usize, ProblemKind> {
        let lower = symbol.to_ascii_lowercase();
        match self.folded.get(lower.as_slice()).map(Vec::as_slice) {
            Some([index]) => Ok(*index),
            Some(_) => {
                Err(ProblemKind::AmbiguousAsset { asset: String::from_utf8_lossy(&lower).into_owned() })
            }
            None => Err(self.unknown(symbol)),
        }
    }

    /// Names a symbol only if it can hardly be a figure or a uid that stands in the wrong column.
    fn unknown(&self, symbol: &[u8]) -> ProblemKind {
        let letters = symbol.iter().filter(|byte| byte.is_ascii_uppercase()).count();
        let digits = symbol.iter().filter(|byte| byte.is_ascii_digit()).count();
        let ticker = (2..=12).contains(&symbol.len()) && letters + digits == symbol.len() && letters > digits;
        let known = self.folded.contains_key(symbol.to_ascii_lowercase().as_slice());
        let asset = (ticker || known).then(|| String::from_utf8_lossy(symbol).into_owned());
        ProblemKind::UnknownAsset { asset }
    }
}

/// A kind by its name.
fn kind_of(name: &[u8], table: &AssetTable) -> Result<Kind, ProblemKind> {
    let name = std::str::from_utf8(name).map_err(|_| ProblemKind::UnknownKind)?;
    table.products().kind(name).map_err(|_| ProblemKind::UnknownKind)
}

/// The key of an asset of the table.
fn key_of(asset: usize, kind: Kind) -> Result<EntryKey, ProblemKind> {
    EntryKey::new(asset, kind).map_err(|_| ProblemKind::UnknownAsset { asset: None })
}

/// A decimal number of whole units of an asset with `decimals`, and whether it was rounded.
fn decimal_amount(
    text: &[u8],
    decimals: u8,
    kind: Kind,
    rounding: Rounding,
) -> Result<(Amount, bool), ProblemKind> {
    if let Some(amount) = short_decimal(text, decimals) {
        return Ok((amount, false));
    }
    if text.len() > MAX_NUMBER_BYTES {
        return Err(ProblemKind::FieldTooLong { limit: MAX_NUMBER_BYTES });
    }
    let text = std::str::from_utf8(text).map_err(|_| ProblemKind::NotUtf8)?;
    let (negative, amount, inexact) = parse_decimal(text, decimals, rounding == Rounding::Up)
        .map_err(|error| number_problem(error, kind))?;
    if negative {
        return Err(ProblemKind::Negative { kind });
    }
    if !inexact || kind == Kind::EQUITY {
        return Ok((amount, inexact));
    }
    // What was rounded up is at least one base unit.
    Ok((Amount::new(amount.get().saturating_sub(1)).unwrap_or(amount), inexact))
}

/// An integer number of base units.
fn integer_amount(text: &[u8], kind: Kind) -> Result<Amount, ProblemKind> {
    decimal_amount(text, 0, kind, Rounding::Exact).map(|(amount, _)| amount)
}

/// An integer number of base units, as a number.
fn whole_amount(base_units: i128, kind: Kind) -> Result<Amount, ProblemKind> {
    let base_units = u128::try_from(base_units).map_err(|_| ProblemKind::Negative { kind })?;
    Amount::new(base_units).map_err(|_| ProblemKind::TooLarge { bits: AMOUNT_BITS })
}

fn number_problem(error: DecimalError, kind: Kind) -> ProblemKind {
    match error {
        DecimalError::Empty => ProblemKind::EmptyNumber,
        DecimalError::NotANumber => ProblemKind::NotANumber,
        DecimalError::Negative => ProblemKind::Negative { kind },
        DecimalError::TooManyDecimals { decimals } => ProblemKind::TooManyDecimals { decimals },
        DecimalError::TooLarge => ProblemKind::TooLarge { bits: AMOUNT_BITS },
    }
}

/// What `parse_decimal` says of the plainest numbers (digits that fit 64 bits, at most one point inside, no more
/// decimals than the asset has), in a fraction of its time.
fn short_decimal(text: &[u8], decimals: u8) -> Option<Amount> {
    if text.is_empty() || text.len() > 20 {
        return None;
    }
    let mut value: u64 = 0;
    let mut point = None;
    for (at, byte) in text.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            // At most 19 digits, or 20 without a point, of which the last can overflow.
            value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
        } else if *byte == b'.' && point.is_none() && at > 0 {
            point = Some(at);
        } else {
            return None;
        }
    }
    let fraction = match point {
        Some(at) => match text.len() - at - 1 {
            0 => return None,
            digits => u8::try_from(digits).ok()?,
        },
        None => 0,
    };
    let scale = 10u128.checked_pow(u32::from(decimals.checked_sub(fraction)?))?;
    Amount::new(u128::from(value).checked_mul(scale)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn short_numbers_agree_with_the_definition(text in "[0-9]{0,12}\\.?[0-9]{0,9}[.x-]?", decimals in 0u8..=27) {
            if let Some(amount) = short_decimal(text.as_bytes(), decimals) {
                prop_assert_eq!(parse_decimal(&text, decimals, false), Ok((false, amount, false)));
            }
        }

        #[test]
        fn canonical_forms_agree_with_the_definition(text in "\\PC{0,20}|[a-z@. ]{0,30}|\\s{0,2}[a-z\\x00-\\x20]{0,3}") {
            let mut out = String::from("before");
            match Uid::new(&text) {
                Ok(uid) => {
                    prop_assert_eq!(push_canonical(text.as_bytes(), &mut out), Ok(()));
                    prop_assert_eq!(out.strip_prefix("before"), Some(uid.as_str()));
                }
                Err(_) => {
                    prop_assert!(push_canonical(text.as_bytes(), &mut out).is_err());
                    prop_assert_eq!(out, "before");
                }
            }
        }
    }

    #[test]
    fn rounding_goes_against_the_exchange() {
        let amount = |text: &str, kind| {
            decimal_amount(text.as_bytes(), 2, kind, Rounding::Up).map(|(a, r)| (a.get(), r))
        };
        assert_eq!(amount("1.001", Kind::EQUITY), Ok((101, true)));
        assert_eq!(amount("1.001", Kind::DEBT), Ok((100, true)));
        assert_eq!(amount("0.001", Kind::COLLATERAL_LOAN), Ok((0, true)));
        assert_eq!(amount("1.000", Kind::DEBT), Ok((100, false)));
        assert_eq!(amount("-1.001", Kind::DEBT), Err(ProblemKind::Negative { kind: Kind::DEBT }));
    }

    #[test]
    fn figures_and_uids_in_the_asset_column_are_not_quoted() {
        let symbol = assay_statement::Symbol::new("BTC").unwrap();
        let table = AssetTable::new(vec![assay_statement::Asset::new(symbol, 8)]).unwrap();
        let symbols = Symbols::new(&table);
        let named = |text: &str| match symbols.unknown(text.as_bytes()) {
            ProblemKind::UnknownAsset { asset } => asset,
            other => panic!("{other}"),
        };
        assert_eq!(named("btc").as_deref(), Some("btc"));
        assert_eq!(named("DOGE").as_deref(), Some("DOGE"));
        for text in ["12.5", "1000", "alice@example.org", "alice", "ID12345", "DEADBEEFDEADBEEF"] {
            assert_eq!(named(text), None, "{text}");
        }
    }

    #[test]
    fn case_is_ignored_only_where_it_is_clear() {
        let asset = |text: &str| assay_statement::Asset::new(assay_statement::Symbol::new(text).unwrap(), 8);
        let table = AssetTable::new(vec![asset("BTC"), asset("Eth"), asset("ETH")]).unwrap();
        let symbols = Symbols::new(&table);
        assert_eq!(symbols.folded(b"btc"), Ok(0));
        assert!(matches!(symbols.folded(b"ETH"), Err(ProblemKind::AmbiguousAsset { .. })));
    }
}
