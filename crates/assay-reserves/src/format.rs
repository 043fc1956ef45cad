use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::ReserveError;

/// A form in which reserves are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReserveFormat {
    /// CSV of totals, an empty line, and rows in one of four generations.
    AddressCsv,
    /// CSV of addresses and signatures without amounts.
    AuditCsv,
    /// YAML of scripts at one height.
    ScriptYaml,
    /// Assay's own CSV.
    Csv,
    /// Assay's own TOML.
    Toml,
}

impl ReserveFormat {
    /// All formats.
    pub const ALL: [Self; 5] = [Self::AddressCsv, Self::AuditCsv, Self::ScriptYaml, Self::Csv, Self::Toml];

    /// The format with this name, as [`ReserveFormat::name`] spells it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Its name in options and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AddressCsv => "address-csv",
            Self::AuditCsv => "audit-csv",
            Self::ScriptYaml => "script-yaml",
            Self::Csv => "csv",
            Self::Toml => "toml",
        }
    }

    /// Finds out the format of `source` from its extension and, for CSV, its header.
    pub fn detect(source: &Source) -> Result<Self, ReserveError> {
        let path = source.path();
        let extension = path.extension().and_then(|text| text.to_str()).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "yaml" | "yml" => return Ok(Self::ScriptYaml),
            "toml" => return Ok(Self::Toml),
            _ => {}
        }
        let mut start = Vec::new();
        source
            .open()
            .and_then(|input| input.take(4096).read_to_end(&mut start))
            .map_err(|error| ReserveError::Read { path: path.into(), source: error })?;
        let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start);
        let header = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let columns: Vec<String> = String::from_utf8_lossy(header)
            .split(',')
            .map(|name| column_name(name.trim().trim_matches('"')))
            .collect();
        let has = |name: &str| columns.iter().any(|column| column == name);
        match columns.first().map(String::as_str) {
            Some("digitalasset") => Ok(Self::AuditCsv),
            Some("coin") => Ok(Self::AddressCsv),
            _ if has("asset") && has("address") => Ok(Self::Csv),
            _ => Err(ReserveError::UnknownFormat { path: path.into() }),
        }
    }
}

/// A column's name without spaces and case, in which published files differ.
pub(crate) fn column_name(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// Where a reserve file is.
#[derive(Clone, Debug)]
pub enum Source {
    /// On disk.
    File(PathBuf),
    /// In memory, under a name.
    Memory {
        /// The name, whose extension counts for detection.
        name: PathBuf,
        /// The bytes.
        bytes: Arc<[u8]>,
    },
}

impl Source {
    /// A file on disk.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::File(path.into())
    }

    /// Bytes in memory.
    pub fn memory(name: impl Into<PathBuf>, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self::Memory { name: name.into(), bytes: bytes.into() }
    }

    /// Path or name.
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Memory { name, .. } => name,
        }
    }

    /// The bytes from the start.
    pub(crate) fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::File(path) => Box::new(File::open(path)?),
            Self::Memory { bytes, .. } => Box::new(Shared { bytes: Arc::clone(bytes), at: 0 }),
        })
    }
}

struct Shared {
    bytes: Arc<[u8]>,
    at: usize,
}

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.get(self.at..).unwrap_or_default().read(buffer)?;
        self.at += read;
        Ok(read)
    }
}
