//! Tests of the readers as a whole.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use assay_statement::{Asset, AssetTable, Entry, EntryKey, Kind, Symbol};
use parquet::arrow::ArrowWriter;

use crate::*;

mod coverage;
mod prop;
mod vectors;

type Accounts = Vec<(String, Vec<(String, String, u128)>)>;

/// BTC with 8 decimals, ETH with 18, USDT with 2.
fn table() -> Arc<AssetTable> {
    let asset = |symbol: &str, decimals| Asset::new(Symbol::new(symbol).unwrap(), decimals);
    Arc::new(AssetTable::new(vec![asset("BTC", 8), asset("ETH", 18), asset("USDT", 2)]).unwrap())
}

/// A folder for inputs, with a scratch folder beside it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::create_dir(folder.inputs()).unwrap();
        folder
    }

    fn inputs(&self) -> PathBuf {
        self.0.path().join("inputs")
    }

    /// Most of these tests are about reading, and their accounts owe and pledge as they please.
    fn options(&self) -> ReadOptions {
        ReadOptions { coverage: Coverage::Accept, ..ReadOptions::new(self.0.path().join("scratch")) }
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.inputs().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// A Parquet file of these columns.
    fn parquet(&self, name: &str, columns: Vec<(&str, ArrayRef)>) -> PathBuf {
        let path = self.inputs().join(name);
        let nullable = columns.into_iter().map(|(name, array)| (name, array, true));
        let batch = RecordBatch::try_from_iter_with_nullable(nullable).unwrap();
        let mut writer =
            ArrowWriter::try_new(fs::File::create(&path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        path
    }

    /// A Parquet file of the rows of a long CSV text without header or quotes.
    fn parquet_of(&self, name: &str, rows: &str) -> PathBuf {
        let column = |index: usize| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(
                rows.lines().map(|row| row.split(',').nth(index).unwrap()),
            ))
        };
        let columns = ["uid", "asset", "kind", "amount"].into_iter().enumerate();
        self.parquet(name, columns.map(|(index, name)| (name, column(index))).collect())
    }
}

fn read(path: &Path, format: LedgerFormat, options: ReadOptions) -> Result<Accounts, LedgerError> {
    read_with(path, format, table(), options)
}

fn read_with(
    path: &Path,
    format: LedgerFormat,
    table: Arc<AssetTable>,
    options: ReadOptions,
) -> Result<Accounts, LedgerError> {
    let mut reader = AccountReader::open(path, format, table.clone(), options)?;
    let mut batch = AccountBatch::new();
    let mut accounts = Vec::new();
    while reader.next_batch(&mut batch)? {
        accounts
            .extend(batch.iter().map(|account| (account.uid.to_string(), plain(&table, account.entries))));
    }
    assert!(batch.is_empty());
    assert!(!reader.next_batch(&mut batch)?);
    assert_eq!(reader.progress().accounts, accounts.len() as u64);
    assert_eq!(reader.progress().stage, Stage::Done);
    assert!(accounts.windows(2).all(|pair| pair[0].0 < pair[1].0), "uids strictly increase");
    Ok(accounts)
}

fn plain(table: &AssetTable, entries: &[Entry]) -> Vec<(String, String, u128)> {
    assert!(entries.windows(2).all(|pair| pair[0].key < pair[1].key));
    assert!(entries.iter().all(|entry| !entry.amount.is_zero()));
    let plain = |entry: &Entry| {
        let symbol = table.get(entry.key.asset()).unwrap().symbol.to_string();
        (symbol, table.kind_name(entry.key.kind()).into_owned(), entry.amount.get())
    };
    entries.iter().map(plain).collect()
}

fn account(uid: &str, entries: &[(&str, &str, u128)]) -> (String, Vec<(String, String, u128)>) {
    (
        uid.into(),
        entries.iter().map(|(asset, kind, amount)| (asset.to_string(), kind.to_string(), *amount)).collect(),
    )
}

/// The error and all that caused it.
fn texts(error: &LedgerError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text += &format!(" {error} {error:?}");
        cause = error.source();
    }
    text
}
