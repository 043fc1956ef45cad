use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int32Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{Array, DictionaryArray, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use assay_statement::{AMOUNT_BITS, Amount, Entry, Kind};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::column::reader::ColumnReader;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::long_csv::{Columns, LONG_COLUMNS};
use super::{
    FileSource, Fragments, LongRows, SourceContext, decimal_amount, integer_amount, key_of, kind_of,
    whole_amount,
};
use crate::error::{LedgerError, ProblemKind};
use crate::format::InputFile;
use crate::log::{At, Log};
use crate::options::Rounding;

/// Rows decoded at a time.
const ROWS: usize = 16 * 1024;

const DAMAGED: ProblemKind = ProblemKind::Unreadable { format: "Parquet" };

/// Parquet of one row per position.
struct LongParquet {
    path: PathBuf,
    number: u32,
    reader: ParquetRecordBatchReader,
    columns: Columns,
    rows: LongRows,
    rows_read: u64,
    rows_total: u64,
    bytes: u64,
    context: SourceContext,
    cache: Cache,
}

/// What the values of a batch's dictionaries mean, resolved on first use.
#[derive(Default)]
struct Cache {
    assets: Vec<Option<usize>>,
    kinds: Vec<Option<Kind>>,
}

pub(super) fn open(
    handle: File,
    file: &InputFile,
    number: u32,
    context: &SourceContext,
    log: &mut Log,
) -> Result<Option<Box<dyn FileSource>>, LedgerError> {
    let whole_file = At { file: number, row: 0 };
    let metadata = match guarded(|| ArrowReaderMetadata::load(&handle, options())) {
        Ok(metadata) => metadata,
        Err(error) => {
            let kind = broken(&file.path, error)?;
            let kind = if is_cut(&handle).unwrap_or(false) { ProblemKind::Truncated } else { kind };
            log.report(whole_file, None, None, kind)?;
            return Ok(None);
        }
    };
    let fields = metadata.schema().fields();
    let names: Vec<_> = fields.iter().map(|field| field.name().as_bytes()).collect();
    let Some(columns) = Columns::find(&names) else {
        log.report(whole_file, None, None, ProblemKind::WrongHeader { expected: LONG_COLUMNS })?;
        return Ok(None);
    };
    let mut hints = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        match wanted_type(index, field.data_type(), &columns) {
            Ok(data_type) => hints.push(Field::new(field.name(), data_type, field.is_nullable())),
            Err(kind) => {
                log.report(whole_file, None, Some(field.name()), kind)?;
                return Ok(None);
            }
        }
    }
    let rows_total = u64::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or(0);
    let built = guarded(|| {
        let options = options().with_schema(Arc::new(Schema::new(hints)));
        let metadata = ArrowReaderMetadata::try_new(metadata.metadata().clone(), options)?;
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(handle, metadata).with_batch_size(ROWS);
        let mask = ProjectionMask::leaves(builder.parquet_schema(), [columns.uid]);
        if context.uids_only { builder.with_projection(mask).build() } else { builder.build() }
    });
    let reader = match built {
        Ok(reader) => reader,
        Err(error) => {
            let kind = broken(&file.path, error)?;
            log.report(whole_file, None, None, kind)?;
            return Ok(None);
        }
    };
    Ok(Some(Box::new(LongParquet {
        path: file.path.clone(),
        number,
        reader,
        columns,
        rows: LongRows::new(number),
        rows_read: 0,
        rows_total,
        bytes: file.bytes,
        context: context.clone(),
        cache: Cache::default(),
    })))
}

/// Columns are taken as the Parquet schema has them, whatever types the writer had in memory.
fn options() -> ArrowReaderOptions {
    ArrowReaderOptions::new().with_skip_arrow_metadata(true)
}

/// The type as which the column at `index` is read; what it is must fit.
fn wanted_type(index: usize, found: &DataType, columns: &Columns) -> Result<DataType, ProblemKind> {
    let text = matches!(found, DataType::Utf8 | DataType::Binary);
    if found.is_floating() {
        return Err(ProblemKind::FloatColumn);
    }
    if index != columns.amount {
        return match text {
            true if index == columns.uid => Ok(DataType::Utf8),
            true => Ok(DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))),
            false => Err(ProblemKind::WrongType { expected: "strings" }),
        };
    }
    let integer = matches!(found, DataType::Int32 | DataType::Int64 | DataType::UInt32 | DataType::UInt64);
    match found {
        _ if text => Ok(DataType::Utf8),
        DataType::Decimal128(_, scale) if !columns.base_units || *scale == 0 => Ok(found.clone()),
        _ if integer && columns.base_units => Ok(found.clone()),
        _ if columns.base_units => Err(ProblemKind::WrongType { expected: "strings or numbers of integers" }),
        _ => Err(ProblemKind::WrongType {
            expected: "strings or decimals of whole units (integers only as amount_base_units)",
        }),
    }
}

/// What can go wrong in the decoder.
enum DecodeError {
    Parquet(ParquetError),
    Arrow(ArrowError),
    Panic,
}

impl From<ParquetError> for DecodeError {
    fn from(error: ParquetError) -> Self {
        Self::Parquet(error)
    }
}

impl From<ArrowError> for DecodeError {
    fn from(error: ArrowError) -> Self {
        Self::Arrow(error)
    }
}

/// Calls the decoder. Some damaged files make it panic, which is their fault and no reason to end the program.
fn guarded<T, E: Into<DecodeError>>(call: impl FnOnce() -> Result<T, E>) -> Result<T, DecodeError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(Into::into),
        Err(_) => Err(DecodeError::Panic),
    }
}

/// The problem that a decoder's error means. Its text is dropped, since it may quote what it read.
fn broken(path: &Path, error: DecodeError) -> Result<ProblemKind, LedgerError> {
    let source = match error {
        DecodeError::Parquet(ParquetError::External(source)) => source,
        DecodeError::Arrow(ArrowError::ExternalError(source)) => source,
        DecodeError::Arrow(ArrowError::IoError(_, source)) => Box::new(source),
        _ => return Ok(DAMAGED),
    };
    match source.downcast::<io::Error>() {
        Ok(source) if source.kind() != io::ErrorKind::UnexpectedEof && source.raw_os_error().is_some() => {
            Err(LedgerError::Read { path: path.into(), source: *source })
        }
        _ => Ok(DAMAGED),
    }
}

/// Whether a file starts as Parquet does but doesn't end like it.
fn is_cut(mut file: &File) -> io::Result<bool> {
    use io::{Read, Seek};
    let mut mark = [0; 4];
    let length = file.seek(io::SeekFrom::End(0))?;
    file.rewind()?;
    if length < 12 {
        let mut start = Vec::new();
        file.take(4).read_to_end(&mut start)?;
        return Ok(b"PAR1".starts_with(&start));
    }
    file.read_exact(&mut mark)?;
    let starts = mark == *b"PAR1";
    file.seek(io::SeekFrom::End(-4))?;
    file.read_exact(&mut mark)?;
    Ok(starts && mark != *b"PAR1")
}

impl FileSource for LongParquet {
    fn fill(&mut self, out: &mut Fragments, log: &mut Log) -> Result<bool, LedgerError> {
        self.rows.restart();
        let batch = match guarded(|| self.reader.next().transpose()) {
            Ok(Some(batch)) => batch,
            Ok(None) => {
                if self.rows_read != self.rows_total {
                    log.report(At { file: self.number, row: self.rows_read + 1 }, None, None, DAMAGED)?;
                }
                return Ok(false);
            }
            Err(error) => {
                let first_row = self.rows_read + 1;
                match guarded(|| find_bad_text(&self.path, self.rows_read)) {
                    Ok(Some(bad)) => {
                        let at = At { file: self.number, row: bad.row };
                        log.report(at, bad.uid.as_deref(), Some(&bad.column), ProblemKind::NotUtf8)?;
                    }
                    Ok(None) | Err(_) => {
                        let kind = broken(&self.path, error)?;
                        log.report(At { file: self.number, row: first_row }, None, None, kind)?;
                    }
                }
                return Ok(false);
            }
        };
        if self.context.uids_only {
            let uids = batch.columns().first().and_then(|column| column.as_string_opt::<i32>());
            for (row, uid) in (self.rows_read + 1..).zip(uids.into_iter().flatten()) {
                self.rows.push_uid(uid.unwrap_or_default().as_bytes(), row, out);
            }
        } else {
            self.take_batch(&batch, out, log)?;
        }
        log.rows += batch.num_rows() as u64;
        self.rows_read += batch.num_rows() as u64;
        Ok(true)
    }

    fn consumed(&self) -> u64 {
        let share = u128::from(self.bytes) * u128::from(self.rows_read) / u128::from(self.rows_total.max(1));
        u64::try_from(share).unwrap_or(u64::MAX)
    }
}

impl LongParquet {
    fn take_batch(
        &mut self,
        batch: &RecordBatch,
        out: &mut Fragments,
        log: &mut Log,
    ) -> Result<(), LedgerError> {
        let Some(view) = View::new(batch, &self.columns) else {
            return log.report(At { file: self.number, row: self.rows_read + 1 }, None, None, DAMAGED);
        };
        self.cache.assets.clear();
        self.cache.assets.resize(view.assets.values().len(), None);
        self.cache.kinds.clear();
        self.cache.kinds.resize(view.kinds.values().len(), None);
        for index in 0..batch.num_rows() {
            let row = self.rows_read + 1 + index as u64;
            let uid = text_at(view.uids, index);
            match view.entry(index, &self.columns, &self.context, &mut self.cache) {
                Ok(entry) => {
                    let rounded = entry.is_some_and(|(_, rounded)| rounded);
                    log.rounded += u64::from(rounded);
                    self.rows.push(uid, entry.map(|(entry, _)| entry), row, out, log)?;
                }
                Err((field, kind)) => {
                    log.report(At { file: self.number, row }, Some(uid), Some(field), kind)?
                }
            }
        }
        Ok(())
    }
}

/// The columns of a batch.
struct View<'a> {
    uids: &'a StringArray,
    assets: &'a DictionaryArray<Int32Type>,
    asset_names: &'a StringArray,
    kinds: &'a DictionaryArray<Int32Type>,
    kind_names: &'a StringArray,
    amounts: Amounts<'a>,
}

enum Amounts<'a> {
    Text(&'a StringArray),
    Decimal { values: &'a arrow_array::Decimal128Array, scale: i8 },
    Int32(&'a arrow_array::Int32Array),
    Int64(&'a arrow_array::Int64Array),
    UInt32(&'a arrow_array::UInt32Array),
    UInt64(&'a arrow_array::UInt64Array),
}

impl<'a> View<'a> {
    fn new(batch: &'a RecordBatch, columns: &Columns) -> Option<Self> {
        let column = |index: usize| batch.columns().get(index);
        let assets = column(columns.asset)?.as_dictionary_opt::<Int32Type>()?;
        let kinds = column(columns.kind)?.as_dictionary_opt::<Int32Type>()?;
        let amounts = column(columns.amount)?;
        let amounts = match amounts.data_type() {
            DataType::Utf8 => Amounts::Text(amounts.as_string_opt()?),
            DataType::Decimal128(_, scale) => {
                Amounts::Decimal { values: amounts.as_primitive_opt::<Decimal128Type>()?, scale: *scale }
            }
            DataType::Int32 => Amounts::Int32(amounts.as_primitive_opt::<Int32Type>()?),
            DataType::Int64 => Amounts::Int64(amounts.as_primitive_opt::<Int64Type>()?),
            DataType::UInt32 => Amounts::UInt32(amounts.as_primitive_opt::<UInt32Type>()?),
            DataType::UInt64 => Amounts::UInt64(amounts.as_primitive_opt::<UInt64Type>()?),
            _ => return None,
        };
        Some(Self {
            uids: column(columns.uid)?.as_string_opt()?,
            asset_names: assets.values().as_string_opt()?,
            assets,
            kind_names: kinds.values().as_string_opt()?,
            kinds,
            amounts,
        })
    }

    /// The entry of a row and whether it was rounded; none for an account without entries.
    #[inline]
    fn entry(
        &self,
        index: usize,
        columns: &Columns,
        context: &SourceContext,
        cache: &mut Cache,
    ) -> Result<Option<(Entry, bool)>, (&'static str, ProblemKind)> {
        let asset_id = self.assets.key(index);
        let kind_id = self.kinds.key(index);
        let asset = match asset_id.and_then(|id| cache.assets.get(id).copied().flatten()) {
            Some(asset) => asset,
            None => {
                let name = asset_id.map(|id| text_at(self.asset_names, id)).unwrap_or_default();
                let kind = kind_id.map(|id| text_at(self.kind_names, id)).unwrap_or_default();
                if name.is_empty() && kind.is_empty() && self.amount_is_empty(index) {
                    return Ok(None);
                }
                let asset = context.symbols.exact(name).map_err(|kind| ("asset", kind))?;
                if let Some(slot) = asset_id.and_then(|id| cache.assets.get_mut(id)) {
                    *slot = Some(asset);
                }
                asset
            }
        };
        let kind = match kind_id.and_then(|id| cache.kinds.get(id).copied().flatten()) {
            Some(kind) => kind,
            None => {
                let name = kind_id.map(|id| text_at(self.kind_names, id)).unwrap_or_default();
                let kind = kind_of(name, &context.table).map_err(|kind| ("kind", kind))?;
                if let Some(slot) = kind_id.and_then(|id| cache.kinds.get_mut(id)) {
                    *slot = Some(kind);
                }
                kind
            }
        };
        let decimals = context.table.get(asset).map_or(0, |asset| asset.decimals);
        let amount = match &self.amounts {
            Amounts::Text(values) if columns.base_units => {
                integer_amount(text_at(values, index), kind).map(|amount| (amount, false))
            }
            Amounts::Text(values) => decimal_amount(text_at(values, index), decimals, kind, context.rounding),
            Amounts::Decimal { values, scale } if values.is_valid(index) => {
                // Base units have no decimals beyond themselves.
                let decimals = if columns.base_units { 0 } else { decimals };
                scaled_amount(values.value(index), *scale, decimals, kind, context.rounding)
            }
            Amounts::Int32(values) if values.is_valid(index) => {
                whole_amount(values.value(index).into(), kind).map(|amount| (amount, false))
            }
            Amounts::Int64(values) if values.is_valid(index) => {
                whole_amount(values.value(index).into(), kind).map(|amount| (amount, false))
            }
            Amounts::UInt32(values) if values.is_valid(index) => {
                whole_amount(values.value(index).into(), kind).map(|amount| (amount, false))
            }
            Amounts::UInt64(values) if values.is_valid(index) => {
                whole_amount(values.value(index).into(), kind).map(|amount| (amount, false))
            }
            _ => Err(ProblemKind::EmptyNumber),
        };
        let (amount, rounded) = amount.map_err(|kind| (columns.amount_name(), kind))?;
        let key = key_of(asset, kind).map_err(|kind| ("asset", kind))?;
        Ok(Some((Entry { key, amount }, rounded)))
    }

    fn amount_is_empty(&self, index: usize) -> bool {
        match &self.amounts {
            Amounts::Text(values) => text_at(values, index).is_empty(),
            Amounts::Decimal { values, .. } => values.is_null(index),
            Amounts::Int32(values) => values.is_null(index),
            Amounts::Int64(values) => values.is_null(index),
            Amounts::UInt32(values) => values.is_null(index),
            Amounts::UInt64(values) => values.is_null(index),
        }
    }
}

/// A text, empty where there is none.
#[inline]
fn text_at(values: &StringArray, index: usize) -> &[u8] {
    if index < values.len() && values.is_valid(index) { values.value(index).as_bytes() } else { b"" }
}

/// `value * 10^-scale` whole units of an asset with `decimals`, and whether that was rounded.
fn scaled_amount(
    value: i128,
    scale: i8,
    decimals: u8,
    kind: Kind,
    rounding: Rounding,
) -> Result<(Amount, bool), ProblemKind> {
    let too_large = ProblemKind::TooLarge { bits: AMOUNT_BITS };
    if value == 0 {
        return Ok((Amount::ZERO, false));
    }
    let value = u128::try_from(value).map_err(|_| ProblemKind::Negative { kind })?;
    let shift = i32::from(decimals) - i32::from(scale);
    let power = 10u128.checked_pow(shift.unsigned_abs());
    if shift >= 0 {
        let base_units = power.and_then(|power| value.checked_mul(power)).ok_or(too_large.clone())?;
        return Ok((Amount::new(base_units).map_err(|_| too_large)?, false));
    }
    // A divisor that doesn't fit 128 bits is larger than the value.
    let (quotient, inexact) = power.map_or((0, true), |power| (value / power, value % power != 0));
    if inexact && rounding == Rounding::Exact {
        return Err(ProblemKind::TooManyDecimals { decimals });
    }
    let up = u128::from(inexact && kind == Kind::EQUITY);
    Ok((Amount::new(quotient + up).map_err(|_| too_large)?, inexact))
}

/// A text that is no UTF-8.
struct BadText {
    row: u64,
    column: String,
    uid: Option<Vec<u8>>,
}

/// Looks for the text that keeps the rows after the first `skip` from being decoded. The decoder only says that there
/// is one.
fn find_bad_text(path: &Path, skip: u64) -> Result<Option<BadText>, DecodeError> {
    let file = File::open(path).map_err(ParquetError::from)?;
    let file = SerializedFileReader::new(file)?;
    let mut group_start = 0;
    let end = skip + ROWS as u64;
    let mut found: Option<BadText> = None;
    for group in 0..file.num_row_groups() {
        let group = file.get_row_group(group)?;
        let rows = u64::try_from(group.metadata().num_rows()).unwrap_or(0);
        let from = skip.max(group_start);
        let to = end.min(group_start + rows);
        if from < to {
            let texts =
                |column: usize| texts(group.get_column_reader(column)?, from - group_start, to - from);
            for (column, described) in group.metadata().columns().iter().enumerate() {
                let bad = texts(column)?
                    .into_iter()
                    .position(|text| text.is_some_and(|text| std::str::from_utf8(&text).is_err()));
                let Some(bad) = bad.map(|at| at as u64) else { continue };
                let row = from + bad + 1;
                if found.as_ref().is_none_or(|found| row < found.row) {
                    let is_uid = |name: &str| name == "uid";
                    let uid = group.metadata().columns().iter().position(|c| is_uid(c.column_descr().name()));
                    let uid = uid.map(&texts).transpose()?;
                    let uid = uid.and_then(|uids| uids.into_iter().nth(bad as usize)).flatten();
                    found = Some(BadText { row, column: described.column_descr().name().into(), uid });
                }
            }
        }
        group_start += rows;
        if found.is_some() || group_start >= end {
            break;
        }
    }
    Ok(found)
}

/// The texts of `count` rows of a column behind `skip` others; none where a row has none or the column isn't of texts.
fn texts(reader: ColumnReader, skip: u64, count: u64) -> Result<Vec<Option<Vec<u8>>>, DecodeError> {
    let ColumnReader::ByteArrayColumnReader(mut reader) = reader else { return Ok(Vec::new()) };
    let (skip, count) = (usize::try_from(skip).unwrap_or(0), usize::try_from(count).unwrap_or(0));
    reader.skip_records(skip)?;
    let mut levels = Vec::new();
    let mut values = Vec::new();
    let mut rows = 0;
    while rows < count {
        let (records, _, _) = reader.read_records(count - rows, Some(&mut levels), None, &mut values)?;
        if records == 0 {
            break;
        }
        rows += records;
    }
    let mut values = values.into_iter().map(|value| value.data().to_vec());
    if levels.is_empty() {
        return Ok(values.map(Some).collect());
    }
    Ok(levels.into_iter().map(|level| if level > 0 { values.next() } else { None }).collect())
}
