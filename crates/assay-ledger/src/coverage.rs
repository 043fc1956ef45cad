//! Accounts that break a rule of coverage: named, or left out and listed.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use assay_statement::coverage::{Breach, PriceTable, check_account};
use assay_statement::{AssetTable, Entry, EntryKey, Kind, Symbol, Totals};
use tempfile::NamedTempFile;

use crate::error::{LedgerError, ProblemKind};
use crate::log::{At, Log};

/// What happens to an account that breaks a rule of coverage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Coverage {
    /// It is a problem, one for each rule that it breaks, and isn't returned.
    #[default]
    Refuse,
    /// It isn't returned, but listed in this file (CSV of `uid,rule,asset,product,by`) and summed up in
    /// [`Excluded`]. The file is readable for its owner only and appears once the whole ledger is read; it holds uids and
    /// figures in clear.
    Exclude(PathBuf),
    /// It is returned like any other: for tools that look at ledgers. No account below water can be proven.
    Accept,
}

/// The accounts that were left out, all together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excluded {
    /// How many.
    pub accounts: u64,
    /// What they hold and owe.
    pub totals: Totals,
}

/// Judges accounts and keeps the list of those that are left out.
pub(crate) struct Judge {
    table: Arc<AssetTable>,
    prices: PriceTable,
    accept: bool,
    /// Equity so far of the accounts that are returned, by asset; none where the asset has no supply cap.
    capped: Vec<Option<u128>>,
    list: Option<List>,
    excluded: Excluded,
    /// Accounts that break a rule.
    pub(crate) invalid: u64,
}

impl Judge {
    /// A judge; the list of `coverage` is opened under another name beside its place.
    pub(crate) fn new(table: Arc<AssetTable>, coverage: &Coverage) -> Result<Self, LedgerError> {
        let list = match coverage {
            Coverage::Exclude(path) => Some(List::open(path)?),
            Coverage::Refuse | Coverage::Accept => None,
        };
        let prices = PriceTable::new(&table);
        let accept = *coverage == Coverage::Accept;
        let mut capped: Vec<_> = table.assets().iter().map(|asset| asset.supply_cap.map(|_| 0)).collect();
        if capped.iter().all(Option::is_none) {
            capped.clear();
        }
        Ok(Self { table, prices, accept, capped, list, excluded: Excluded::default(), invalid: 0 })
    }

    /// Whether the account with these entries, none of them zero, is to be returned.
    pub(crate) fn admits(
        &mut self,
        uid: &str,
        entries: &[Entry],
        at: At,
        log: &mut Log,
    ) -> Result<bool, LedgerError> {
        if self.accept {
            return Ok(true);
        }
        let Err(breaches) = check_account(&self.prices, entries) else {
            self.count_capped(entries);
            return Ok(true);
        };
        self.invalid += 1;
        match &mut self.list {
            None => {
                for breach in &breaches {
                    let kind = problem(breach, &self.table, log.show_accounts());
                    log.report(at, Some(uid.as_bytes()), None, kind)?;
                }
            }
            Some(list) => {
                for breach in &breaches {
                    list.push(uid, breach, &self.table)?;
                }
                self.excluded.accounts += 1;
                for entry in entries {
                    self.excluded.totals.add(entry.key, entry.amount)?;
                }
            }
        }
        Ok(false)
    }

    fn count_capped(&mut self, entries: &[Entry]) {
        if self.capped.is_empty() {
            return;
        }
        for entry in entries.iter().filter(|entry| entry.key.kind() == Kind::EQUITY) {
            if let Some(Some(equity)) = self.capped.get_mut(entry.key.asset()) {
                // What doesn't fit is above any cap.
                *equity = equity.saturating_add(entry.amount.get());
            }
        }
    }

    /// Assets of which the accounts that were returned hold more than can exist.
    pub(crate) fn above_supply_cap(&self) -> Vec<Symbol> {
        let mut equity = Totals::new();
        for (asset, sum) in self.capped.iter().enumerate() {
            if let (Ok(key), Some(sum)) = (EntryKey::new(asset, Kind::EQUITY), sum) {
                // The first figure of a key can't overflow.
                let _ = equity.add_total(key, *sum);
            }
        }
        self.table.above_supply_cap(&equity).map(|asset| asset.symbol.clone()).collect()
    }

    /// Puts the list in its place, if there is one. To be called once all accounts are judged.
    pub(crate) fn finish(&mut self) -> Result<(), LedgerError> {
        self.list.as_mut().map_or(Ok(()), List::finish)
    }

    /// What was left out so far; none where nothing is to be.
    pub(crate) fn excluded(&self) -> Option<&Excluded> {
        self.list.as_ref().map(|_| &self.excluded)
    }
}

/// Symbol of the breach's asset and name of its product, where it is about one.
fn names<'a>(breach: &Breach, table: &'a AssetTable) -> (Option<&'a str>, Option<&'a str>) {
    let asset = breach.asset.and_then(|asset| table.get(asset)).map(|asset| asset.symbol.as_str());
    let product = breach.product.and_then(|product| table.products().get(product));
    (asset, product.map(|product| product.name.as_str()))
}

fn problem(breach: &Breach, table: &AssetTable, show: bool) -> ProblemKind {
    let (asset, product) = names(breach, table);
    ProblemKind::Coverage {
        rule: breach.rule,
        asset: asset.map(Into::into),
        product: product.map(Into::into),
        by: breach.by.filter(|_| show).map(|by| by.to_string()),
    }
}

/// The list of accounts that are left out, which is whole or absent.
struct List {
    path: PathBuf,
    /// Gone with the list, unless it was put in its place.
    file: Option<BufWriter<NamedTempFile>>,
    line: String,
}

impl List {
    fn open(path: &Path) -> Result<Self, LedgerError> {
        // Such files are made readable for their owner only.
        let file = NamedTempFile::with_prefix_in(".excluded-", folder_of(path));
        let mut list = Self { path: path.into(), file: None, line: "uid,rule,asset,product,by\n".into() };
        list.file = Some(BufWriter::new(file.map_err(|source| list.failed(source))?));
        list.write()?;
        Ok(list)
    }

    fn push(&mut self, uid: &str, breach: &Breach, table: &AssetTable) -> Result<(), LedgerError> {
        let (asset, product) = names(breach, table);
        self.line.clear();
        if uid.contains([',', '"']) {
            self.line.push('"');
            self.line.push_str(&uid.replace('"', "\"\""));
            self.line.push('"');
        } else {
            self.line.push_str(uid);
        }
        // Neither symbols nor names of products have characters that need quotes. Writing to a string can't fail.
        let _ = write!(
            self.line,
            ",{},{},{},",
            breach.rule,
            asset.unwrap_or_default(),
            product.unwrap_or_default()
        );
        if let Some(by) = breach.by {
            let _ = write!(self.line, "{by}");
        }
        self.line.push('\n');
        self.write()
    }

    fn write(&mut self) -> Result<(), LedgerError> {
        let written = match &mut self.file {
            Some(file) => file.write_all(self.line.as_bytes()),
            None => Ok(()),
        };
        written.map_err(|source| self.failed(source))
    }

    fn finish(&mut self) -> Result<(), LedgerError> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let placed = file.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| {
            file.as_file().sync_all()?;
            file.persist(&self.path).map_err(|error| error.error)?;
            File::open(folder_of(&self.path)).and_then(|folder| folder.sync_all())
        });
        placed.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> LedgerError {
        LedgerError::Write { path: self.path.clone(), source }
    }
}

/// The folder that a file is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
