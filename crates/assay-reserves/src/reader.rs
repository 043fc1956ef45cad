use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use assay_statement::AssetTable;

use crate::error::{Problem, ProblemKind, ReserveError};
use crate::figure::Rounding;
use crate::format::{ReserveFormat, Source};
use crate::lines::{LineError, Metered};
use crate::policy::Policy;
use crate::row::{ReserveRow, SectionTotal, WrappedSupply};
use crate::source::{
    AddressCsv, AuditCsv, Context, OwnCsv, OwnToml, RowError, Rows, ScriptClaim, ScriptYaml,
};

/// How reserve files are read.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// What happens to a figure with more decimals than its asset.
    pub rounding: Rounding,
    /// Bytes that a file may have.
    pub max_file_bytes: u64,
    /// Rows that a file may have.
    pub max_rows: u64,
}

impl Default for ReadOptions {
    /// No rounding, 1 GiB, ten million rows.
    fn default() -> Self {
        Self { rounding: Rounding::Exact, max_file_bytes: 1 << 30, max_rows: 10_000_000 }
    }
}

/// Rows of a reserve file, one at a time. Memory doesn't grow with the file.
///
/// After a [`Problem`] of one row, reading goes on with the next; after any other error it is over.
pub struct ReserveReader {
    rows: Box<dyn Rows>,
    context: Context,
    path: PathBuf,
    format: ReserveFormat,
    options: ReadOptions,
    count: u64,
    rounded: u64,
    over: bool,
}

impl ReserveReader {
    /// Opens `source` and reads what stands before its first row.
    pub fn open(
        source: &Source,
        format: ReserveFormat,
        assets: Arc<AssetTable>,
        policy: &Policy,
        options: ReadOptions,
    ) -> Result<Self, ReserveError> {
        let path = source.path().to_owned();
        let limit = options.max_file_bytes;
        let open = || {
            let read_error = |error| ReserveError::Read { path: path.clone(), source: error };
            source.open().map(|input| Metered::new(input, limit)).map_err(read_error)
        };
        let index = policy.index(&assets);
        let context = Context { assets, policy: index, rounding: options.rounding };
        let rows: Result<Box<dyn Rows>, RowError> = match format {
            ReserveFormat::AddressCsv => AddressCsv::open(open()?, &context).map(|rows| Box::new(rows) as _),
            ReserveFormat::AuditCsv => AuditCsv::open(open()?).map(|rows| Box::new(rows) as _),
            ReserveFormat::ScriptYaml => {
                ScriptYaml::open(open()?, open()?, &context).map(|rows| Box::new(rows) as _)
            }
            ReserveFormat::Csv => OwnCsv::open(open()?).map(|rows| Box::new(rows) as _),
            ReserveFormat::Toml => OwnToml::open(open()?).map(|rows| Box::new(rows) as _),
        };
        let rows = rows.map_err(|error| explain(error, &path, limit).0)?;
        Ok(Self { rows, context, path, format, options, count: 0, rounded: 0, over: false })
    }

    /// The next row; nothing at the end of the file.
    pub fn next_row(&mut self) -> Result<Option<ReserveRow>, ReserveError> {
        if self.over {
            return Ok(None);
        }
        match self.rows.next_row(&self.context) {
            Ok(Some(row)) => {
                self.count += 1;
                if self.count > self.options.max_rows {
                    self.over = true;
                    return Err(ReserveError::TooMany { what: "rows", limit: self.options.max_rows });
                }
                self.rounded += u64::from(row.rounded);
                Ok(Some(row))
            }
            Ok(None) => {
                self.over = true;
                Ok(None)
            }
            Err(error) => {
                let (error, goes_on) = explain(error, &self.path, self.options.max_file_bytes);
                self.over = !goes_on;
                Err(error)
            }
        }
    }

    /// The file.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Its format.
    pub fn format(&self) -> ReserveFormat {
        self.format
    }

    /// What the file says that its rows sum up to; complete once there are no more rows.
    pub fn section_totals(&self) -> &[SectionTotal] {
        &self.rows.extras().totals
    }

    /// Whether the file has totals at all.
    pub fn has_totals(&self) -> bool {
        self.rows.extras().has_totals
    }

    /// Supplies of wrapped assets that the file states; complete once there are no more rows.
    pub fn supplies(&self) -> &[WrappedSupply] {
        &self.rows.extras().supplies
    }

    /// Whether the last line has no end, as in a file that was cut.
    pub fn no_line_end(&self) -> bool {
        self.rows.extras().no_line_end
    }

    /// Rows read.
    pub fn rows(&self) -> u64 {
        self.count
    }

    /// Figures that were rounded down, totals included.
    pub fn rounded(&self) -> u64 {
        self.rounded + self.rows.extras().rounded_totals
    }

    /// Length and BLAKE3 digest of the file; only once there are no more rows.
    pub fn digest(&self) -> Option<(u64, [u8; 32])> {
        if self.over { self.rows.digest() } else { None }
    }

    /// What the head of a YAML file claims about keys.
    pub fn script_claim(&self) -> Option<&ScriptClaim> {
        self.rows.claim()
    }
}

impl Iterator for ReserveReader {
    type Item = Result<ReserveRow, ReserveError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_row().transpose()
    }
}

impl fmt::Debug for ReserveReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReserveReader")
            .field("path", &self.path)
            .field("format", &self.format)
            .field("rows", &self.count)
            .finish_non_exhaustive()
    }
}

/// The error that callers see, and whether the next row may be read.
fn explain(error: RowError, path: &std::path::Path, limit: u64) -> (ReserveError, bool) {
    let problem = |line, field: Option<String>, kind: ProblemKind| {
        ReserveError::Problem(Box::new(Problem { file: path.into(), line, field, kind }))
    };
    match error {
        RowError::Field { line, field, kind } => {
            let field = (!field.is_empty()).then(|| field.to_owned());
            (problem(line, field, kind), true)
        }
        RowError::Broken { line, field, kind } => (problem(line, field, kind), false),
        RowError::Line(LineError::Bad(line, kind)) => (problem(line, None, kind), true),
        RowError::Line(LineError::Broken(line, kind)) => (problem(line, None, kind), false),
        RowError::Line(LineError::Io(error)) if error.kind() == std::io::ErrorKind::FileTooLarge => {
            (ReserveError::FileTooLarge { path: path.into(), limit }, false)
        }
        RowError::Line(LineError::Io(source)) => (ReserveError::Read { path: path.into(), source }, false),
    }
}
