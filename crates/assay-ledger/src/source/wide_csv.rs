use std::fs::File;
use std::path::{Path, PathBuf};

use assay_statement::{Entry, Kind};

use super::csv::{Next, Record, Records};
use super::{FileSource, Fragments, Shape, SourceContext, decimal_amount, key_of};
use crate::error::{LedgerError, ProblemKind};
use crate::log::{At, Log};

/// Entries after which a fill ends.
const ENTRIES: usize = 32 * 1024;

/// The columns of the wide form, for a message.
pub(crate) const WIDE_COLUMNS: &str = "rn,id, per asset X e_X,d_X,X,vl_X,m_X,pm_X (older: e_X,d_X,X, then prices X_usdt_price), total_net_balance_usdt";

/// CSV of one row per account.
struct WideCsv {
    path: PathBuf,
    records: Records,
    header: Header,
    number: u32,
    context: SourceContext,
}

/// What the columns hold.
#[derive(Debug)]
struct Header {
    columns: usize,
    positions: Vec<Position>,
}

/// A column of one kind of one asset.
#[derive(Debug)]
struct Position {
    column: usize,
    name: String,
    asset: usize,
    kind: Kind,
    decimals: u8,
}

pub(super) fn open(
    file: File,
    path: &Path,
    number: u32,
    context: &SourceContext,
    log: &mut Log,
) -> Result<Option<Box<dyn FileSource>>, LedgerError> {
    let mut records = Records::new(file);
    let next = records.next().map_err(|source| LedgerError::Read { path: path.into(), source })?;
    let (line, field, kind) = match next {
        Next::Record(record) => {
            let line = record.line;
            match Header::new(&record, context) {
                Ok(header) => {
                    return Ok(Some(Box::new(WideCsv {
                        path: path.into(),
                        records,
                        header,
                        number,
                        context: context.clone(),
                    })));
                }
                Err((column, kind)) => (line, column.map(|column| format!("column {}", column + 1)), kind),
            }
        }
        Next::Bad { line, kind } | Next::Broken { line, kind } => (line, None, kind),
        Next::End => (1, None, ProblemKind::WrongHeader { expected: WIDE_COLUMNS }),
    };
    log.report(At { file: number, row: line }, None, field.as_deref(), kind)?;
    Ok(None)
}

impl Header {
    /// Reads the header; an error says in which column it is wrong.
    fn new(record: &Record<'_>, context: &SourceContext) -> Result<Self, (Option<usize>, ProblemKind)> {
        let names: Vec<_> = (0..record.len()).map(|index| record.field(index).trim_ascii()).collect();
        let wrong = |column: usize| (Some(column), ProblemKind::WrongHeader { expected: WIDE_COLUMNS });
        for (column, name) in [(0, b"rn".as_slice()), (1, b"id")] {
            if names.get(column) != Some(&name) {
                return Err(wrong(column));
            }
        }
        if !names.last().is_some_and(|name| is_total(name)) {
            return Err(wrong(names.len().saturating_sub(1)));
        }
        let mut positions = Vec::new();
        let mut symbols = Vec::new();
        let mut column = 2;
        while let Some(symbol) = names.get(column).and_then(|name| name.strip_prefix(b"e_")) {
            let index = context.symbols.folded(symbol).map_err(|kind| (Some(column), kind))?;
            let prefixed = |prefix: &[u8], offset: usize| {
                names.get(column + offset).and_then(|name| name.strip_prefix(prefix)) == Some(symbol)
            };
            if !prefixed(b"d_", 1) || !prefixed(b"", 2) {
                return Err(wrong(column));
            }
            let asset = context.table.get(index).ok_or_else(|| wrong(column))?;
            if symbols.iter().any(|(_, known)| *known == index) {
                let asset = asset.symbol.as_str().into();
                return Err((Some(column), ProblemKind::RepeatedAsset { asset }));
            }
            let newer = prefixed(b"vl_", 3) && prefixed(b"m_", 4) && prefixed(b"pm_", 5);
            let kinds: &[(&str, usize, &str)] = &[
                ("e_", 0, "equity"),
                ("d_", 1, "debt"),
                ("vl_", 3, "collateral_loan"),
                ("m_", 4, "collateral_margin"),
                ("pm_", 5, "collateral_portfolio"),
            ];
            for (prefix, offset, kind) in kinds.iter().take(if newer { 5 } else { 2 }) {
                let kind = context.table.products().kind(kind);
                let kind = kind.map_err(|_| (Some(column + offset), ProblemKind::UnknownKind))?;
                positions.push(Position {
                    column: column + offset,
                    // The table's spelling: what a header has is not quoted.
                    name: format!("{prefix}{}", asset.symbol),
                    asset: index,
                    kind,
                    decimals: asset.decimals,
                });
            }
            symbols.push((symbol, index));
            column += if newer { 6 } else { 3 };
        }
        if symbols.is_empty() {
            return Err(wrong(column));
        }
        // The older variant ends with one price per asset; the asset table's prices are the ones that count.
        for (at, name) in names.iter().enumerate().take(names.len() - 1).skip(column) {
            let symbol = name.strip_suffix(b"_usdt_price").or_else(|| name.strip_suffix(b"_udst_price"));
            if !symbol.is_some_and(|symbol| symbols.iter().any(|(known, _)| *known == symbol)) {
                return Err(wrong(at));
            }
        }
        // Ascending keys make accounts that need no sorting.
        positions.sort_by_key(|position| (position.asset, position.kind));
        Ok(Self { columns: names.len(), positions })
    }
}

fn is_total(name: &[u8]) -> bool {
    name == b"total_net_balance_usdt" || name == b"total_net_balance_udst"
}

impl FileSource for WideCsv {
    fn fill(&mut self, out: &mut Fragments, log: &mut Log) -> Result<bool, LedgerError> {
        while out.size() < ENTRIES {
            let next = self
                .records
                .next()
                .map_err(|source| LedgerError::Read { path: self.path.clone(), source })?;
            match next {
                Next::Record(record) => {
                    log.rows += 1;
                    take_record(&record, &self.header, self.number, &self.context, out, log)?;
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

fn take_record(
    record: &Record<'_>,
    header: &Header,
    number: u32,
    context: &SourceContext,
    out: &mut Fragments,
    log: &mut Log,
) -> Result<(), LedgerError> {
    let at = At { file: number, row: record.line };
    let uid = record.field(1);
    if record.len() != header.columns {
        let kind = ProblemKind::FieldCount { expected: header.columns, got: record.len() };
        return log.report(at, None, None, kind);
    }
    if let Err(kind) = out.start(uid, record.line, Shape::Record) {
        return log.report(at, Some(uid), Some("id"), kind);
    }
    if context.uids_only {
        return Ok(());
    }
    for position in &header.positions {
        let text = record.field(position.column);
        if text == b"0" {
            continue;
        }
        let parsed = decimal_amount(text, position.decimals, position.kind, context.rounding)
            .and_then(|(amount, rounded)| Ok((key_of(position.asset, position.kind)?, amount, rounded)));
        match parsed {
            Ok((key, amount, rounded)) => {
                log.rounded += u64::from(rounded);
                if !amount.is_zero() {
                    out.push(Entry { key, amount });
                }
            }
            Err(kind) => log.report(at, Some(uid), Some(&position.name), kind)?,
        }
    }
    Ok(())
}
