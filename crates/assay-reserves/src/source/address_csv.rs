use super::{Context, Extras, RowError, Rows, Unit, given, height};
use crate::error::ProblemKind;
use crate::format::column_name;
use crate::lines::{Dialect, Metered, Record, Records};
use crate::row::{OwnerClass, ReserveRow, SectionTotal, Staking};

const TOTALS: [&[&str]; 2] = [&["coin", "amount"], &["coin", "snapshotheight", "amount"]];

const GENERATIONS: [(&[&str], Unit); 4] = [
    (&["coin", "address", "amount", "message", "signature1", "signature2", SCRIPT], Unit::Base),
    (
        &[
            "coin",
            "network",
            "snapshotheight",
            "address",
            "amount",
            "message",
            "signature1",
            "signature2",
            SCRIPT,
        ],
        Unit::Whole,
    ),
    (
        &[
            "coin",
            "network",
            "snapshotheight",
            "address",
            "amount",
            "message",
            "signature1",
            "signature2",
            SCRIPT,
            "eoa1",
            "eoa2",
        ],
        Unit::Whole,
    ),
    (
        &[
            "coin",
            "type",
            "network",
            "snapshotheight",
            "address",
            "amount",
            "message",
            "signature1",
            "signature2",
            SCRIPT,
            "eoa1",
            "eoa2",
        ],
        Unit::Whole,
    ),
];

const SCRIPT: &str = "redeemscript/publickey";

/// Coins that a section of totals may list, and bytes of each, as they are held until the rows' header tells their unit.
const MAX_TOTALS: usize = 10_000;
const MAX_TOTAL_BYTES: usize = 1_000;

/// CSV of totals, an empty line and rows.
pub(crate) struct AddressCsv {
    records: Records,
    extras: Extras,
    columns: Columns,
    unit: Unit,
}

#[derive(Default)]
struct Columns {
    len: usize,
    kind: Option<usize>,
    network: Option<usize>,
    height: Option<usize>,
    address: Option<usize>,
    amount: Option<usize>,
    message: Option<usize>,
    signatures: [Option<usize>; 2],
    script: Option<usize>,
    owners: [Option<usize>; 2],
}

impl AddressCsv {
    /// Reads the section of totals and the header of rows.
    pub(crate) fn open(input: Metered, context: &Context) -> Result<Self, RowError> {
        let mut records = Records::new(input, Dialect::Brackets);
        let broken = |line, kind| RowError::Broken { line, field: None, kind };
        let expected = "coin,amount or coin,snapshot height,amount";
        let first = records.next()?.ok_or_else(|| broken(0, ProblemKind::WrongHeader { expected }))?;
        let names = header(&first);
        if !TOTALS.iter().any(|columns| names == *columns) {
            return Err(broken(first.line, ProblemKind::WrongHeader { expected }));
        }
        let at = |name: &str| names.iter().position(|column| column == name);
        let (amount_at, height_at) = (at("amount"), at("snapshotheight"));
        let mut raw_totals = Vec::new();
        loop {
            let Some(record) = records.next()? else { return Err(broken(0, ProblemKind::NoRows)) };
            if record.is_blank() {
                break;
            }
            let bytes: usize = record.fields.iter().map(String::len).sum();
            if bytes > MAX_TOTAL_BYTES {
                return Err(broken(record.line, ProblemKind::RecordTooLong { limit: MAX_TOTAL_BYTES }));
            }
            if raw_totals.len() >= MAX_TOTALS {
                return Err(broken(record.line, ProblemKind::NoRows));
            }
            raw_totals.push(record);
        }
        let header_record = loop {
            let Some(record) = records.next()? else { return Err(broken(0, ProblemKind::NoRows)) };
            if !record.is_blank() {
                break record;
            }
        };
        let names = header(&header_record);
        let generation = GENERATIONS.iter().find(|(columns, _)| names == *columns);
        let (columns, unit) = generation.ok_or_else(|| {
            let expected = "one of the four generations of address rows";
            broken(header_record.line, ProblemKind::WrongHeader { expected })
        })?;
        let at = |name: &str| columns.iter().position(|column| *column == name);
        let columns = Columns {
            len: columns.len(),
            kind: at("type"),
            network: at("network"),
            height: at("snapshotheight"),
            address: at("address"),
            amount: at("amount"),
            message: at("message"),
            signatures: [at("signature1"), at("signature2")],
            script: at(SCRIPT),
            owners: [at("eoa1"), at("eoa2")],
        };
        let mut this =
            Self { records, extras: Extras { has_totals: true, ..Extras::default() }, columns, unit: *unit };
        for record in raw_totals {
            this.total(&record, amount_at, height_at, context)?;
        }
        Ok(this)
    }

    /// The unit of totals is the unit of rows, which only their header tells.
    fn total(
        &mut self,
        record: &Record,
        amount_at: Option<usize>,
        height_at: Option<usize>,
        context: &Context,
    ) -> Result<(), RowError> {
        let broken =
            |field: &str, kind| RowError::Broken { line: record.line, field: Some(field.into()), kind };
        let coin = record.field(Some(0));
        let (asset, _) = context.coin(coin).map_err(|kind| broken("coin", kind))?;
        let figure = context
            .amount(record.field(amount_at), asset, self.unit)
            .map_err(|kind| broken("amount", kind))?;
        let height = height(record.field(height_at)).map_err(|kind| broken("snapshot height", kind))?;
        self.extras.rounded_totals += u64::from(figure.rounded);
        let (line, coin, amount) = (record.line, coin.to_owned(), figure.units);
        self.extras.totals.push(SectionTotal { line, asset, coin, amount, height });
        Ok(())
    }
}

impl Rows for AddressCsv {
    fn next_row(&mut self, context: &Context) -> Result<Option<ReserveRow>, RowError> {
        let record = loop {
            match self.records.next()? {
                Some(record) if record.is_blank() => {}
                Some(record) => break record,
                None => return Ok(None),
            }
        };
        self.extras.no_line_end |= !self.records.lines.ended;
        let columns = &self.columns;
        let line = record.line;
        let failed = |field| move |kind| RowError::Field { line, field, kind };
        let extra = record.fields.iter().skip(columns.len).any(|field| !field.trim().is_empty());
        if extra {
            let kind = ProblemKind::FieldCount { expected: columns.len, got: record.fields.len() };
            return Err(RowError::Field { line, field: "", kind });
        }
        let coin = record.field(Some(0));
        let (asset, network) = context.coin(coin).map_err(failed("coin"))?;
        let amount = record.field(columns.amount);
        let amount = context.amount(amount, asset, self.unit).map_err(failed("amount"))?;
        let address = given(record.field(columns.address)).ok_or(ProblemKind::Missing);
        let address = address.map_err(failed("address"))?;
        let staking = Staking::from_text(given(record.field(columns.kind)).unwrap_or_default());
        let texts = |columns: &[Option<usize>]| {
            columns.iter().filter_map(|at| given(record.field(*at))).map(Into::into).collect()
        };
        Ok(Some(ReserveRow {
            line,
            asset,
            coin: coin.into(),
            network: given(record.field(columns.network)).or(network).unwrap_or_default().into(),
            address: address.into(),
            amount: Some(amount.units),
            rounded: amount.rounded,
            height: height(record.field(columns.height)).map_err(failed("snapshot height"))?,
            message: record.raw(columns.message).into(),
            signatures: texts(&columns.signatures),
            script: given(record.field(columns.script)).map(Into::into),
            owners: texts(&columns.owners),
            owner_class: if staking.is_staked() { OwnerClass::Staked } else { OwnerClass::Unstated },
            staking,
            ..ReserveRow::default()
        }))
    }

    fn extras(&self) -> &Extras {
        &self.extras
    }

    fn metered(&self) -> Option<&Metered> {
        Some(self.records.lines.metered())
    }
}

/// Names of the columns, without the empty ones that spreadsheets leave at the end.
fn header(record: &Record) -> Vec<String> {
    let mut names: Vec<_> = record.fields.iter().map(|name| column_name(name)).collect();
    while names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    names
}
