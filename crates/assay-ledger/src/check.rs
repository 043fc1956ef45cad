use std::path::Path;
use std::sync::Arc;

use assay_statement::{AssetTable, EntryKey, Symbol, Totals};

use crate::batch::AccountBatch;
use crate::coverage::Excluded;
use crate::error::{LedgerError, Problem};
use crate::format::LedgerFormat;
use crate::log::Mode;
use crate::options::ReadOptions;
use crate::reader::{AccountReader, Progress};

/// What [`check()`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// The first problems, in the order in which they came up, up to the limit.
    pub problems: Vec<Problem>,
    /// All problems.
    pub problem_count: u64,
    /// Accounts without what was wrong with them.
    pub accounts: u64,
    /// Their positions.
    pub positions: u64,
    /// Their totals, which mean something only if there are no problems.
    pub totals: Totals,
    /// Figures that were rounded.
    pub rounded: u64,
    /// Accounts that break a rule of coverage; each is a problem or left out, and isn't among the accounts.
    pub invalid_accounts: u64,
    /// What was left out, if [`Coverage::Exclude`](crate::Coverage::Exclude) asked for it.
    pub excluded: Option<Excluded>,
    /// Assets of which the accounts hold more than can exist.
    pub above_supply_cap: Vec<Symbol>,
}

impl CheckReport {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.problem_count == 0 && self.above_supply_cap.is_empty()
    }
}

/// Reads a whole ledger and lists what is wrong with it; reading goes on behind bad rows.
///
/// `on_progress` is called every few thousand rows. The error is what keeps the ledger from being read at all, never its
/// content.
pub fn check(
    path: &Path,
    format: LedgerFormat,
    table: Arc<AssetTable>,
    options: ReadOptions,
    mut on_progress: impl FnMut(&Progress),
) -> Result<CheckReport, LedgerError> {
    let mode = Mode::Collect { problems: Vec::new(), limit: options.problem_limit, count: 0 };
    let mut sums = Sums::new(&table);
    let mut reader = AccountReader::open_with(path, format, table, options, mode)?;
    let mut batch = AccountBatch::new();
    let mut positions = 0;
    while reader.next_batch(&mut batch)? {
        for account in batch.iter() {
            for entry in account.entries {
                sums.add(entry.key, entry.amount.get())?;
            }
        }
        positions += batch.positions() as u64;
        on_progress(&reader.progress());
    }
    let progress = reader.progress();
    on_progress(&progress);
    let totals = sums.totals()?;
    let invalid_accounts = reader.invalid_accounts();
    let excluded = reader.excluded().cloned();
    let above_supply_cap = reader.above_supply_cap();
    let (problems, problem_count) = reader.into_problems();
    Ok(CheckReport {
        problems,
        problem_count,
        accounts: progress.accounts,
        positions,
        totals,
        rounded: progress.rounded_up,
        invalid_accounts,
        excluded,
        above_supply_cap,
    })
}

/// Totals in an array, as a map's look-up for each of many entries takes time.
struct Sums(Vec<Option<u128>>);

impl Sums {
    fn new(table: &AssetTable) -> Self {
        Self(vec![None; 8 * (table.len() + 1)])
    }

    fn add(&mut self, key: EntryKey, amount: u128) -> Result<(), LedgerError> {
        if let Some(sum) = self.0.get_mut(usize::from(key.number())) {
            let total = sum.unwrap_or(0).checked_add(amount);
            *sum = Some(total.ok_or(assay_statement::TotalsError::Overflow { key })?);
        }
        Ok(())
    }

    fn totals(self) -> Result<Totals, LedgerError> {
        let mut totals = Totals::new();
        for (number, sum) in (0..).zip(self.0) {
            if let (Ok(key), Some(sum)) = (EntryKey::from_number(number), sum) {
                totals.add_total(key, sum)?;
            }
        }
        Ok(totals)
    }
}
