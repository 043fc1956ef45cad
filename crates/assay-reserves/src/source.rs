//! One module per format. Each turns records into rows and knows nothing of findings.

mod address_csv;
mod audit_csv;
mod own_csv;
mod own_toml;
mod script_yaml;

use assay_statement::{AssetTable, DecimalError};

pub(crate) use address_csv::AddressCsv;
pub(crate) use audit_csv::AuditCsv;
pub(crate) use own_csv::OwnCsv;
pub(crate) use own_toml::OwnToml;
pub use script_yaml::ScriptClaim;
pub(crate) use script_yaml::ScriptYaml;

use crate::error::ProblemKind;
use crate::figure::{Figure, FigureError, Rounding, parse_base_units, parse_units};
use crate::lines::{LineError, Metered};
use crate::policy::PolicyIndex;
use crate::row::{ReserveRow, SectionTotal, WrappedSupply, quote};

/// What rows are read against.
pub(crate) struct Context {
    pub(crate) assets: std::sync::Arc<AssetTable>,
    pub(crate) policy: PolicyIndex,
    pub(crate) rounding: Rounding,
}

/// What comes with the rows of a file.
#[derive(Default)]
pub(crate) struct Extras {
    pub(crate) totals: Vec<SectionTotal>,
    /// Whether the format has a section of totals that must name every coin.
    pub(crate) has_totals: bool,
    pub(crate) supplies: Vec<WrappedSupply>,
    /// The file ends without a line end, which a file that was cut does too.
    pub(crate) no_line_end: bool,
    pub(crate) rounded_totals: u64,
}

/// Why a row can't be had.
pub(crate) enum RowError {
    Line(LineError),
    /// This row is unreadable; the next one may not be.
    Field {
        line: u64,
        field: &'static str,
        kind: ProblemKind,
    },
    /// Nothing more can be read.
    Broken {
        line: u64,
        field: Option<String>,
        kind: ProblemKind,
    },
}

impl From<LineError> for RowError {
    fn from(error: LineError) -> Self {
        Self::Line(error)
    }
}

/// Rows of a file in one format.
pub(crate) trait Rows: Send {
    fn next_row(&mut self, context: &Context) -> Result<Option<ReserveRow>, RowError>;
    fn extras(&self) -> &Extras;
    fn metered(&self) -> Option<&Metered>;

    /// Length and digest of what was read so far, the whole file once there are no more rows.
    fn digest(&self) -> Option<(u64, [u8; 32])> {
        self.metered().map(|metered| (metered.bytes(), metered.digest()))
    }

    fn claim(&self) -> Option<&ScriptClaim> {
        None
    }
}

impl Context {
    /// Asset and network that a coin's name means.
    fn coin(&self, name: &str) -> Result<(usize, Option<&str>), ProblemKind> {
        if name.is_empty() {
            return Err(ProblemKind::Missing);
        }
        if let Some((asset, network)) = self.policy.coins.get(&name.to_lowercase()) {
            return Ok((*asset, network.as_deref()));
        }
        match self.assets.index_of(name) {
            Some(asset) => Ok((asset, None)),
            None => Err(ProblemKind::UnknownAsset { name: quote(name) }),
        }
    }

    fn amount(&self, text: &str, asset: usize, unit: Unit) -> Result<Figure, ProblemKind> {
        match (unit, self.assets.get(asset)) {
            _ if text.is_empty() => Err(ProblemKind::Missing),
            (Unit::Base, _) => Ok(parse_base_units(text)?),
            (Unit::Whole, Some(asset)) => Ok(parse_units(text, asset.decimals, self.rounding)?),
            (Unit::Whole, None) => Err(ProblemKind::Figure(FigureError::from(DecimalError::NotANumber))),
        }
    }
}

/// Unit of a file's amounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Base,
    Whole,
}

/// `null` and `\N` are what databases export for nothing.
fn given(text: &str) -> Option<&str> {
    let text = text.trim();
    (!matches!(text, "" | "null" | "NULL" | "\\N")).then_some(text)
}

fn height(text: &str) -> Result<Option<u64>, ProblemKind> {
    let Some(text) = given(text) else { return Ok(None) };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let height = text.parse::<u64>().ok().filter(|height| digits && *height < 1 << 53);
    height.map(Some).ok_or(ProblemKind::Height)
}

fn block_hash(text: &str) -> Result<Option<String>, ProblemKind> {
    let Some(text) = given(text) else { return Ok(None) };
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(Some(digits.to_ascii_lowercase()))
    } else {
        Err(ProblemKind::BlockHash)
    }
}

fn outpoint(text: &str) -> Result<Option<String>, ProblemKind> {
    let Some(text) = given(text) else { return Ok(None) };
    let parts = text.split_once(':').and_then(|(id, index)| {
        let hex = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let digits = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
        let index = index.parse::<u32>().ok().filter(|_| hex && digits)?;
        Some(format!("{}:{index}", id.to_ascii_lowercase()))
    });
    parts.map(Some).ok_or(ProblemKind::Outpoint)
}

/// A list such as `a;b`.
fn list(text: &str) -> Vec<String> {
    text.split(';').filter_map(given).map(Into::into).collect()
}
