use assay_statement::DecimalError;
use serde::Deserialize;

use super::{Context, Extras, RowError, Rows, Unit, block_hash, given, height, outpoint};
use crate::error::ProblemKind;
use crate::figure::FigureError;
use crate::lines::{LineError, Lines, MAX_RECORD_BYTES, Metered};
use crate::row::{OwnerClass, ReserveRow, SectionTotal, Staking, WrappedSupply};

/// Assay's own TOML: `version = 1`, then `[[row]]`, `[[total]]` and `[[supply]]`.
///
/// A table goes up to the next line that starts with `[[`, and each is parsed by itself, so memory doesn't grow with
/// the file. A string of several lines can't hold such a line: the table before it would be cut and fail to parse.
pub(crate) struct OwnToml {
    lines: Lines,
    extras: Extras,
    /// The table that is being read, and its first line.
    table: String,
    start: u64,
    over: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    version: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default)]
    row: Vec<Row>,
    #[serde(default)]
    total: Vec<Total>,
    #[serde(default)]
    supply: Vec<Supply>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    asset: String,
    network: String,
    address: String,
    amount: String,
    height: Option<u64>,
    #[serde(default)]
    block_hash: String,
    #[serde(default)]
    evidence: Vec<String>,
    #[serde(default)]
    owner_class: String,
    #[serde(default)]
    staking: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    signatures: Vec<String>,
    script: Option<String>,
    #[serde(default)]
    owners: Vec<String>,
    backs: Option<String>,
    #[serde(default)]
    outpoint: String,
    #[serde(default)]
    unspendable: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Total {
    asset: String,
    amount: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Supply {
    asset: String,
    network: String,
    amount: String,
}

impl OwnToml {
    pub(crate) fn open(input: Metered) -> Result<Self, RowError> {
        let mut this = Self {
            lines: Lines::new(input),
            extras: Extras::default(),
            table: String::new(),
            start: 1,
            over: false,
        };
        let (line, text) = this.next_table()?.unwrap_or_default();
        let head: Head = parse(line, &text)?;
        if head.version != 1 {
            let field = Some("version".into());
            return Err(RowError::Broken { line: 1, field, kind: ProblemKind::Version });
        }
        Ok(this)
    }

    /// First line and text of the next table; the first one is the head of the file.
    fn next_table(&mut self) -> Result<Option<(u64, String)>, RowError> {
        if self.over {
            return Ok(None);
        }
        loop {
            let next = match self.lines.next() {
                Ok(next) => next,
                Err(LineError::Bad(line, kind)) => {
                    self.over = true;
                    return Err(RowError::Broken { line, field: None, kind });
                }
                Err(error) => return Err(error.into()),
            };
            let Some((line, text)) = next else {
                self.over = true;
                return Ok(Some((self.start, std::mem::take(&mut self.table))));
            };
            let begins = text.trim_start().starts_with("[[");
            let done = begins.then(|| (self.start, std::mem::take(&mut self.table)));
            if begins {
                self.start = line;
            }
            if self.table.len() + text.len() > MAX_RECORD_BYTES {
                self.over = true;
                let kind = ProblemKind::RecordTooLong { limit: MAX_RECORD_BYTES };
                return Err(RowError::Broken { line, field: None, kind });
            }
            self.table.push_str(text);
            self.table.push('\n');
            if done.is_some() {
                return Ok(done);
            }
        }
    }

    fn total(&mut self, line: u64, total: &Total, context: &Context) -> Result<(), RowError> {
        let failed = |field| move |kind| RowError::Field { line, field, kind };
        let (asset, _) = context.coin(&total.asset).map_err(failed("asset"))?;
        let figure = context.amount(&total.amount, asset, Unit::Whole).map_err(failed("amount"))?;
        self.extras.rounded_totals += u64::from(figure.rounded);
        let (coin, amount) = (total.asset.clone(), figure.units);
        self.extras.totals.push(SectionTotal { line, asset, coin, amount, height: None });
        self.extras.has_totals = true;
        Ok(())
    }

    fn supply(&mut self, line: u64, supply: Supply, context: &Context) -> Result<(), RowError> {
        let failed = |field| move |kind| RowError::Field { line, field, kind };
        let (asset, _) = context.coin(&supply.asset).map_err(failed("asset"))?;
        let figure = context.amount(&supply.amount, asset, Unit::Whole).map_err(failed("amount"))?;
        if figure.rounded {
            // Rounding a supply down would be for the exchange.
            let decimals = context.assets.get(asset).map_or(0, |asset| asset.decimals);
            let error = FigureError::from(DecimalError::TooManyDecimals { decimals });
            return Err(RowError::Field { line, field: "amount", kind: error.into() });
        }
        self.extras.supplies.push(WrappedSupply {
            asset,
            network: supply.network,
            supply: figure.units,
            proven: false,
        });
        Ok(())
    }
}

impl Rows for OwnToml {
    fn next_row(&mut self, context: &Context) -> Result<Option<ReserveRow>, RowError> {
        while let Some((line, text)) = self.next_table()? {
            let table: Table = parse(line, &text)?;
            for total in &table.total {
                self.total(line, total, context)?;
            }
            for supply in table.supply {
                self.supply(line, supply, context)?;
            }
            // One table is one item: a second one in it would have started on a line of its own.
            if let Some(row) = table.row.into_iter().next() {
                return row.into_row(line, context).map(Some);
            }
        }
        Ok(None)
    }

    fn extras(&self) -> &Extras {
        &self.extras
    }

    fn metered(&self) -> Option<&Metered> {
        Some(self.lines.metered())
    }
}

impl Row {
    fn into_row(self, line: u64, context: &Context) -> Result<ReserveRow, RowError> {
        let failed = |field| move |kind| RowError::Field { line, field, kind };
        let (asset, network) = context.coin(&self.asset).map_err(failed("asset"))?;
        let amount = context.amount(&self.amount, asset, Unit::Whole).map_err(failed("amount"))?;
        let address = given(&self.address).ok_or(ProblemKind::Missing).map_err(failed("address"))?;
        let height_text = self.height.map_or(String::new(), |height| height.to_string());
        Ok(ReserveRow {
            line,
            asset,
            network: given(&self.network).or(network).unwrap_or_default().into(),
            address: address.into(),
            amount: Some(amount.units),
            rounded: amount.rounded,
            height: height(&height_text).map_err(failed("height"))?,
            block_hash: block_hash(&self.block_hash).map_err(failed("block_hash"))?,
            message: self.message,
            signatures: self.signatures,
            script: self.script,
            owners: self.owners,
            owner_class: OwnerClass::from_text(self.owner_class.trim()),
            staking: Staking::from_text(&self.staking),
            evidence: self.evidence,
            backs: self.backs,
            outpoint: outpoint(&self.outpoint).map_err(failed("outpoint"))?,
            unspendable: self.unspendable,
            coin: self.asset,
        })
    }
}

fn parse<T: serde::de::DeserializeOwned>(first: u64, text: &str) -> Result<T, RowError> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = first + before.map_or(0, |before| before.matches('\n').count() as u64);
        // Later lines of the message would quote the file at length.
        let message = error.message().lines().next().unwrap_or_default().to_owned();
        RowError::Broken { line, field: None, kind: ProblemKind::Syntax(crate::row::quote(&message)) }
    })
}
