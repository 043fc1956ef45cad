use std::fs::File;
use std::path::{Path, PathBuf};

use assay_statement::Entry;

use super::csv::{Next, Record, Records};
use super::{
    FileSource, Fragments, LongRows, SourceContext, decimal_amount, integer_amount, key_of, kind_of,
};
use crate::error::{LedgerError, ProblemKind};
use crate::log::{At, Log};

/// Rows read at a time.
const ROWS: usize = 16 * 1024;

/// The columns of the long form, for a message.
pub(crate) const LONG_COLUMNS: &str = "uid, asset, kind and amount (or amount_base_units)";

/// CSV of one row per position.
struct LongCsv {
    path: PathBuf,
    records: Records,
    columns: Columns,
    rows: LongRows,
    number: u32,
    context: SourceContext,
}

/// Which column is which.
#[derive(Clone, Copy)]
pub(super) struct Columns {
    pub(super) uid: usize,
    pub(super) asset: usize,
    pub(super) kind: usize,
    pub(super) amount: usize,
    /// Whether amounts are base units rather than whole units.
    pub(super) base_units: bool,
}

impl Columns {
    /// Finds the four columns among `names`; there must be no other.
    pub(super) fn find(names: &[&[u8]]) -> Option<Self> {
        let position = |name: &[u8]| names.iter().position(|other| *other == name);
        let base_units = position(b"amount_base_units");
        let columns = Self {
            uid: position(b"uid")?,
            asset: position(b"asset")?,
            kind: position(b"kind")?,
            amount: base_units.or_else(|| position(b"amount"))?,
            base_units: base_units.is_some(),
        };
        (names.len() == 4).then_some(columns)
    }

    /// The name of the amount's column.
    pub(super) fn amount_name(&self) -> &'static str {
        if self.base_units { "amount_base_units" } else { "amount" }
    }
}

pub(super) fn open(
    file: File,
    path: &Path,
    number: u32,
    context: &SourceContext,
    log: &mut Log,
) -> Result<Option<Box<dyn FileSource>>, LedgerError> {
    let mut records = Records::new(file);
    let wrong = ProblemKind::WrongHeader { expected: LONG_COLUMNS };
    let next = records.next().map_err(|source| LedgerError::Read { path: path.into(), source })?;
    let (line, kind) = match next {
        Next::Record(record) => {
            let names: Vec<_> = (0..record.len()).map(|index| record.field(index).trim_ascii()).collect();
            if let Some(columns) = Columns::find(&names) {
                return Ok(Some(Box::new(LongCsv {
                    path: path.into(),
                    records,
                    columns,
                    rows: LongRows::new(number),
                    number,
                    context: context.clone(),
                })));
            }
            (record.line, wrong)
        }
        Next::Bad { line, kind } | Next::Broken { line, kind } => (line, kind),
        Next::End => (1, wrong),
    };
    log.report(At { file: number, row: line }, None, None, kind)?;
    Ok(None)
}

impl FileSource for LongCsv {
    fn fill(&mut self, out: &mut Fragments, log: &mut Log) -> Result<bool, LedgerError> {
        self.rows.restart();
        for _ in 0..ROWS {
            let next = self
                .records
                .next()
                .map_err(|source| LedgerError::Read { path: self.path.clone(), source })?;
            match next {
                Next::Record(record) => {
                    log.rows += 1;
                    take_row(&record, self.columns, &mut self.rows, self.number, &self.context, out, log)?;
                }
                Next::Bad { line, kind } => {
                    log.rows += 1;
                    log.report(At { file: self.number, row: line }, None, None, kind)?;
                }
                Next::Broken { line, kind } => {
                    log.report(At { file: self.number, row: line }, None, None, kind)?;
                    return Ok(false);
                }
                Next::End => return Ok(false),
            }
        }
        Ok(true)
    }

    fn consumed(&self) -> u64 {
        self.records.consumed()
    }
}

fn take_row(
    record: &Record<'_>,
    columns: Columns,
    rows: &mut LongRows,
    number: u32,
    context: &SourceContext,
    out: &mut Fragments,
    log: &mut Log,
) -> Result<(), LedgerError> {
    let at = At { file: number, row: record.line };
    let uid = record.field(columns.uid);
    if record.len() != 4 {
        return log.report(at, None, None, ProblemKind::FieldCount { expected: 4, got: record.len() });
    }
    let [asset, kind, amount] =
        [columns.asset, columns.kind, columns.amount].map(|index| record.field(index));
    if context.uids_only {
        rows.push_uid(uid, record.line, out);
        return Ok(());
    }
    if asset.is_empty() && kind.is_empty() && amount.is_empty() {
        return rows.push(uid, None, record.line, out, log);
    }
    let asset = match context.symbols.exact(asset) {
        Ok(asset) => asset,
        Err(problem) => return log.report(at, Some(uid), Some("asset"), problem),
    };
    let kind = match kind_of(kind, &context.table) {
        Ok(kind) => kind,
        Err(problem) => return log.report(at, Some(uid), Some("kind"), problem),
    };
    let decimals = context.table.get(asset).map_or(0, |asset| asset.decimals);
    let parsed = if columns.base_units {
        integer_amount(amount, kind).map(|amount| (amount, false))
    } else {
        decimal_amount(amount, decimals, kind, context.rounding)
    };
    let parsed =
        parsed.and_then(|(amount, rounded)| Ok((Entry { key: key_of(asset, kind)?, amount }, rounded)));
    match parsed {
        Ok((entry, rounded)) => {
            log.rounded += u64::from(rounded);
            rows.push(uid, Some(entry), record.line, out, log)
        }
        Err(problem) => log.report(at, Some(uid), Some(columns.amount_name()), problem),
    }
}
