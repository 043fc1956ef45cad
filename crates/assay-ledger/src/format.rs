use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::LedgerError;

/// A form in which ledgers come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LedgerFormat {
    /// CSV of one row per position: `uid`, `asset`, `kind` and `amount` or `amount_base_units`, in any order.
    LongCsv,
    /// Parquet of the same columns.
    LongParquet,
    /// JSON arrays of `{"id": .., "assets": {symbol: "signed 64-bit integer"}}`, base units, debt below zero.
    SignedJson,
    /// CSV of one row per account, with six columns per asset, or, in the older variant, three.
    WideCsv,
}

impl LedgerFormat {
    /// Finds out the format of the file at `path`, or of the files in the folder at `path`, from the name's extension
    /// and, for CSV, the header.
    pub fn detect(path: &Path) -> Result<Self, LedgerError> {
        let files = if is_folder(path)? { folder_files(path)? } else { vec![path.to_owned()] };
        let first = files.first().ok_or_else(|| LedgerError::EmptyFolder { path: path.into() })?;
        let format = Self::of_file(first)?;
        for file in files.iter().skip(1) {
            if Self::of_file(file)? != format {
                return Err(mixed(path, file));
            }
        }
        Ok(format)
    }

    /// All formats.
    pub const ALL: [Self; 4] = [Self::LongCsv, Self::LongParquet, Self::SignedJson, Self::WideCsv];

    /// The format with this name, as [`LedgerFormat::name`] spells it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Its name in options and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LongCsv => "long-csv",
            Self::LongParquet => "long-parquet",
            Self::SignedJson => "signed-json",
            Self::WideCsv => "wide-csv",
        }
    }

    /// The extension of files of this format.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::LongCsv | Self::WideCsv => "csv",
            Self::LongParquet => "parquet",
            Self::SignedJson => "json",
        }
    }

    fn of_file(path: &Path) -> Result<Self, LedgerError> {
        let extension = path.extension().and_then(|text| text.to_str()).unwrap_or_default();
        if extension.eq_ignore_ascii_case("parquet") {
            return Ok(Self::LongParquet);
        }
        if extension.eq_ignore_ascii_case("json") {
            return Ok(Self::SignedJson);
        }
        let mut start = Vec::new();
        File::open(path)
            .and_then(|file| file.take(4096).read_to_end(&mut start))
            .map_err(|source| LedgerError::Read { path: path.into(), source })?;
        let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start);
        if start.starts_with(b"PAR1") {
            return Ok(Self::LongParquet);
        }
        if start.trim_ascii_start().starts_with(b"[") {
            return Ok(Self::SignedJson);
        }
        let header = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let columns: Vec<_> = header
            .split(|byte| *byte == b',')
            .map(|name| name.trim_ascii().strip_prefix(b"\"").unwrap_or(name.trim_ascii()))
            .map(|name| name.strip_suffix(b"\"").unwrap_or(name))
            .collect();
        if columns.len() == 4 && columns.contains(&b"uid".as_slice()) {
            return Ok(Self::LongCsv);
        }
        if columns.starts_with(&[b"rn", b"id"]) {
            return Ok(Self::WideCsv);
        }
        Err(LedgerError::UnknownFormat { path: path.into() })
    }
}

/// A file of a ledger.
#[derive(Clone, Debug)]
pub(crate) struct InputFile {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
}

/// The files of the ledger at `path`: the file itself, or a folder's in order of their names.
pub(crate) fn input_files(path: &Path, format: LedgerFormat) -> Result<Vec<InputFile>, LedgerError> {
    let paths = if is_folder(path)? {
        let files = folder_files(path)?;
        if files.is_empty() {
            return Err(LedgerError::EmptyFolder { path: path.into() });
        }
        let fits = |file: &Path| {
            file.extension().is_some_and(|text| text.eq_ignore_ascii_case(format.extension()))
                && file.is_file()
        };
        if let Some(odd) = files.iter().find(|file| !fits(file)) {
            return Err(mixed(path, odd));
        }
        files
    } else {
        vec![path.to_owned()]
    };
    let size = |path: PathBuf| match fs::metadata(&path) {
        Ok(metadata) => Ok(InputFile { bytes: metadata.len(), path }),
        Err(source) => Err(LedgerError::Read { path, source }),
    };
    paths.into_iter().map(size).collect()
}

fn is_folder(path: &Path) -> Result<bool, LedgerError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() || metadata.is_file() => Ok(metadata.is_dir()),
        Ok(_) => Err(LedgerError::Read {
            path: path.into(),
            source: io::Error::new(io::ErrorKind::InvalidInput, "neither a file nor a folder"),
        }),
        Err(source) => Err(LedgerError::Read { path: path.into(), source }),
    }
}

/// What lies in a folder, by name, without hidden files and the marks that export tools leave (`_SUCCESS`).
fn folder_files(path: &Path) -> Result<Vec<PathBuf>, LedgerError> {
    let failed = |source| LedgerError::Read { path: path.into(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        if !name.as_encoded_bytes().starts_with(b".") && !name.as_encoded_bytes().starts_with(b"_") {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

fn mixed(folder: &Path, file: &Path) -> LedgerError {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    LedgerError::MixedFolder { path: folder.into(), name }
}
