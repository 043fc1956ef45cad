use super::{Context, Extras, RowError, Rows, given};
use crate::error::ProblemKind;
use crate::format::column_name;
use crate::lines::{Dialect, Metered, Records};
use crate::row::ReserveRow;

const COLUMNS: [&str; 9] = [
    "digitalasset",
    "network",
    "address",
    "signedmessage",
    "signedmessage2",
    "message",
    "publickey",
    "owner1",
    "owner2",
];

/// CSV of addresses and signatures, without amounts.
pub(crate) struct AuditCsv {
    records: Records,
    extras: Extras,
}

impl AuditCsv {
    pub(crate) fn open(input: Metered) -> Result<Self, RowError> {
        let mut records = Records::new(input, Dialect::Brackets);
        let expected =
            "digitalAsset,network,address,signedMessage,signedMessage2,message,publicKey,owner1,owner2";
        let header = records.next()?;
        let names: Vec<_> =
            header.iter().flat_map(|record| &record.fields).map(|name| column_name(name)).collect();
        if names != COLUMNS {
            let line = header.map_or(0, |record| record.line);
            let kind = ProblemKind::WrongHeader { expected };
            return Err(RowError::Broken { line, field: None, kind });
        }
        Ok(Self { records, extras: Extras::default() })
    }
}

impl Rows for AuditCsv {
    fn next_row(&mut self, context: &Context) -> Result<Option<ReserveRow>, RowError> {
        let record = loop {
            match self.records.next()? {
                Some(record) if record.is_blank() => {}
                Some(record) => break record,
                None => return Ok(None),
            }
        };
        self.extras.no_line_end |= !self.records.lines.ended;
        let line = record.line;
        if record.fields.iter().skip(COLUMNS.len()).any(|field| !field.trim().is_empty()) {
            let kind = ProblemKind::FieldCount { expected: COLUMNS.len(), got: record.fields.len() };
            return Err(RowError::Field { line, field: "", kind });
        }
        let text = |at: usize| given(record.field(Some(at)));
        let failed = |field| move |kind| RowError::Field { line, field, kind };
        let coin = text(0).unwrap_or_default();
        let (asset, network) = context.coin(coin).map_err(failed("digitalAsset"))?;
        let address = text(2).ok_or(ProblemKind::Missing).map_err(failed("address"))?;
        let texts = |at: [usize; 2]| at.into_iter().filter_map(text).map(Into::into).collect();
        let message = record.raw(Some(5));
        Ok(Some(ReserveRow {
            line,
            asset,
            coin: coin.into(),
            network: text(1).or(network).unwrap_or_default().into(),
            address: address.into(),
            message: if given(message).is_some() { message.into() } else { String::new() },
            signatures: texts([3, 4]),
            script: text(6).map(Into::into),
            owners: texts([7, 8]),
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
