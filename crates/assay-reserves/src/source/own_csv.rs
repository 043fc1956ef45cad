use super::{Context, Extras, RowError, Rows, Unit, block_hash, given, height, list, outpoint};
use crate::error::ProblemKind;
use crate::lines::{Dialect, Metered, Record, Records};
use crate::row::{OwnerClass, ReserveRow, Staking};

const COLUMNS: [&str; 18] = [
    "asset",
    "network",
    "address",
    "amount",
    "amount_base_units",
    "height",
    "block_hash",
    "evidence",
    "owner_class",
    "staking",
    "message",
    "signature",
    "signature2",
    "script",
    "owners",
    "backs",
    "outpoint",
    "unspendable",
];

/// Assay's own CSV: strict, one row per address or output, columns in any order.
pub(crate) struct OwnCsv {
    records: Records,
    extras: Extras,
    /// Place of each of [`COLUMNS`] in the file.
    columns: [Option<usize>; COLUMNS.len()],
    len: usize,
}

impl OwnCsv {
    pub(crate) fn open(input: Metered) -> Result<Self, RowError> {
        let mut records = Records::new(input, Dialect::Plain);
        let header = records.next()?;
        let line = header.as_ref().map_or(0, |record| record.line);
        let fields = header.map(|record| record.fields).unwrap_or_default();
        let mut columns = [None; COLUMNS.len()];
        for (at, name) in fields.iter().enumerate() {
            let broken = |kind| RowError::Broken { line, field: Some(crate::row::quote(name)), kind };
            let known = COLUMNS.iter().position(|column| column == name);
            let slot = known.and_then(|known| columns.get_mut(known));
            let slot = slot.ok_or_else(|| broken(ProblemKind::UnknownField))?;
            if slot.replace(at).is_some() {
                return Err(broken(ProblemKind::Repeated));
            }
        }
        let this = Self { records, extras: Extras::default(), columns, len: fields.len() };
        let has = |name| this.at(name).is_some();
        let needed = has("asset") && has("network") && has("address");
        if !needed || has("amount") == has("amount_base_units") {
            let expected = "asset, network, address, and one of amount and amount_base_units";
            return Err(RowError::Broken { line, field: None, kind: ProblemKind::WrongHeader { expected } });
        }
        Ok(this)
    }

    fn at(&self, name: &str) -> Option<usize> {
        COLUMNS
            .iter()
            .position(|column| *column == name)
            .and_then(|known| self.columns.get(known).copied()?)
    }

    fn row(&self, record: &Record, context: &Context) -> Result<ReserveRow, RowError> {
        let line = record.line;
        if record.fields.len() != self.len {
            let kind = ProblemKind::FieldCount { expected: self.len, got: record.fields.len() };
            return Err(RowError::Field { line, field: "", kind });
        }
        let text = |name| record.field(self.at(name));
        let failed = |field| move |kind| RowError::Field { line, field, kind };
        let coin = text("asset");
        let (asset, network) = context.coin(coin).map_err(failed("asset"))?;
        let (field, unit) = match self.at("amount") {
            Some(_) => ("amount", Unit::Whole),
            None => ("amount_base_units", Unit::Base),
        };
        let amount = context.amount(text(field), asset, unit).map_err(failed(field))?;
        let address = given(text("address")).ok_or(ProblemKind::Missing).map_err(failed("address"))?;
        let unspendable = match text("unspendable") {
            "" | "false" => false,
            "true" => true,
            _ => return Err(RowError::Field { line, field: "unspendable", kind: ProblemKind::WrongType }),
        };
        let signatures = ["signature", "signature2"];
        Ok(ReserveRow {
            line,
            asset,
            coin: coin.into(),
            network: given(text("network")).or(network).unwrap_or_default().into(),
            address: address.into(),
            amount: Some(amount.units),
            rounded: amount.rounded,
            height: height(text("height")).map_err(failed("height"))?,
            block_hash: block_hash(text("block_hash")).map_err(failed("block_hash"))?,
            message: record.raw(self.at("message")).into(),
            signatures: signatures.into_iter().filter_map(|name| given(text(name))).map(Into::into).collect(),
            script: given(text("script")).map(Into::into),
            owners: list(text("owners")),
            owner_class: OwnerClass::from_text(text("owner_class")),
            staking: Staking::from_text(text("staking")),
            evidence: list(text("evidence")),
            backs: given(text("backs")).map(Into::into),
            outpoint: outpoint(text("outpoint")).map_err(failed("outpoint"))?,
            unspendable,
        })
    }
}

impl Rows for OwnCsv {
    fn next_row(&mut self, context: &Context) -> Result<Option<ReserveRow>, RowError> {
        loop {
            let Some(record) = self.records.next()? else { return Ok(None) };
            if !self.records.lines.ended {
                // A file that was cut in a figure looks the same.
                let kind = ProblemKind::Truncated;
                return Err(RowError::Broken { line: record.line, field: None, kind });
            }
            if !record.is_blank() {
                return self.row(&record, context).map(Some);
            }
        }
    }

    fn extras(&self) -> &Extras {
        &self.extras
    }

    fn metered(&self) -> Option<&Metered> {
        Some(self.records.lines.metered())
    }
}
