use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use assay_statement::{AssetTable, Entry, EntryKey, Symbol};

use crate::batch::AccountBatch;
use crate::coverage::{Excluded, Judge};
use crate::error::{LedgerError, Problem, ProblemKind};
use crate::format::{InputFile, LedgerFormat, input_files};
use crate::log::{At, Log, Mode};
use crate::options::{Order, ReadOptions};
use crate::sort::{Sorted, Sorter};
use crate::source::{
    self, FileSource, Fragment, Fragments, MAX_FRAGMENT_ENTRIES, Shape, SourceContext, Symbols,
};

/// Entries or accounts that a batch of sorted accounts has, about.
const BATCH: usize = 32 * 1024;

/// Reads the accounts of a ledger as a stream, in strictly increasing order of their canonical uids.
///
/// A ledger whose uids ascend streams through. Any other is sorted on the way, within
/// [`ReadOptions::memory`] and otherwise in [`ReadOptions::scratch_dir`].
pub struct AccountReader {
    options: ReadOptions,
    files: Files,
    log: Log,
    fragments: Fragments,
    accounts: Accounts,
    phase: Phase,
}

/// How far a reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing.
    pub stage: Stage,
    /// Bytes of the input read in this stage; for Parquet, by the share of the rows.
    pub bytes_read: u64,
    /// Bytes of the input.
    pub bytes_total: u64,
    /// Rows or records read, bad ones too.
    pub rows: u64,
    /// Accounts returned.
    pub accounts: u64,
    /// Figures that were rounded against the exchange.
    pub rounded_up: u64,
}

/// What a reader does with the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It looks whether the uids ascend.
    Scanning,
    /// It reads in order to sort.
    Sorting,
    /// It reads and returns accounts.
    Reading,
    /// It returns sorted accounts.
    Merging,
    /// It has returned all accounts.
    Done,
}

enum Phase {
    Scan { last: String, log: Log },
    Stream,
    Sort(Box<Sorter>),
    Merge { sorted: Box<Sorted>, entries: Vec<Entry> },
    Done,
    Failed,
}

impl AccountReader {
    /// Opens the ledger at `path`, a file or a folder of files of one format, which are read in order of their names.
    pub fn open(
        path: &Path,
        format: LedgerFormat,
        table: Arc<AssetTable>,
        options: ReadOptions,
    ) -> Result<Self, LedgerError> {
        Self::open_with(path, format, table, options, Mode::Stop)
    }

    /// Clears `batch` and fills it with the next accounts; false, with an empty batch, after the last.
    ///
    /// A batch can be empty before that, while the reader scans or sorts: the caller gets a chance to look at
    /// [`AccountReader::progress`] or to stop. After an error the reader can't be used again.
    pub fn next_batch(&mut self, batch: &mut AccountBatch) -> Result<bool, LedgerError> {
        batch.clear();
        match self.step(batch) {
            Ok(more) => Ok(more),
            Err(error) => {
                batch.clear();
                self.phase = Phase::Failed;
                Err(error)
            }
        }
    }

    /// How far the reader is.
    pub fn progress(&self) -> Progress {
        let stage = match self.phase {
            Phase::Scan { .. } => Stage::Scanning,
            Phase::Sort(_) => Stage::Sorting,
            Phase::Stream => Stage::Reading,
            Phase::Merge { .. } => Stage::Merging,
            Phase::Done | Phase::Failed => Stage::Done,
        };
        Progress {
            stage,
            bytes_read: self.files.bytes_read(),
            bytes_total: self.files.bytes_total,
            rows: self.log.rows,
            accounts: self.accounts.count,
            rounded_up: self.log.rounded,
        }
    }

    /// Accounts that were left out so far, with [`Coverage::Exclude`](crate::Coverage::Exclude).
    pub fn excluded(&self) -> Option<&Excluded> {
        self.accounts.judge.excluded()
    }

    /// Accounts so far that break a rule of coverage.
    pub(crate) fn invalid_accounts(&self) -> u64 {
        self.accounts.judge.invalid
    }

    /// Assets of which the accounts so far hold more than can exist.
    pub(crate) fn above_supply_cap(&self) -> Vec<Symbol> {
        self.accounts.judge.above_supply_cap()
    }

    pub(crate) fn open_with(
        path: &Path,
        format: LedgerFormat,
        table: Arc<AssetTable>,
        options: ReadOptions,
        mode: Mode,
    ) -> Result<Self, LedgerError> {
        let inputs = input_files(path, format)?;
        let paths: Arc<[PathBuf]> = inputs.iter().map(|file| file.path.clone()).collect();
        let log = Log::new(paths, format, options.show_accounts, mode);
        let symbols = Arc::new(Symbols::new(&table));
        let phase = match options.order {
            Order::Auto => Phase::Scan { last: String::new(), log: log.silent() },
            Order::Sorted => Phase::Stream,
            Order::Unsorted => Phase::Sort(Box::new(Sorter::new(&options.scratch_dir, options.memory))),
        };
        let judge = Judge::new(table.clone(), &options.coverage)?;
        let context =
            SourceContext { table: table.clone(), symbols, rounding: options.rounding, uids_only: false };
        let files = Files {
            bytes_total: inputs.iter().map(|file| file.bytes).sum(),
            inputs: inputs.into(),
            next: 0,
            open: None,
            bytes_before: 0,
            format,
            context,
        };
        let accounts = Accounts::new(table, judge, options.max_positions);
        Ok(Self { options, files, log, fragments: Fragments::default(), accounts, phase })
    }

    pub(crate) fn into_problems(self) -> (Vec<Problem>, u64) {
        self.log.into_problems()
    }

    fn step(&mut self, batch: &mut AccountBatch) -> Result<bool, LedgerError> {
        let Self { options, files, log, fragments, accounts, phase } = self;
        match phase {
            Phase::Scan { last, log: silent } => {
                files.context.uids_only = true;
                let more = files.fill(fragments, silent)?;
                let sorted =
                    more.is_none_or(|file| fragments.iter(file).all(|fragment| follows(last, fragment.uid)));
                if more.is_none() || !sorted {
                    files.context.uids_only = false;
                    files.restart();
                    *phase = if sorted {
                        Phase::Stream
                    } else {
                        Phase::Sort(Box::new(Sorter::new(&options.scratch_dir, options.memory)))
                    };
                }
                Ok(true)
            }
            Phase::Stream => {
                let Some(file) = files.fill(fragments, log)? else {
                    accounts.finish(batch, log)?;
                    *phase = Phase::Done;
                    return Ok(!batch.is_empty());
                };
                for fragment in fragments.iter(file) {
                    accounts.take(&fragment, batch, log)?;
                }
                Ok(true)
            }
            Phase::Sort(sorter) => {
                if let Some(file) = files.fill(fragments, log)? {
                    for fragment in fragments.iter(file) {
                        sorter.push(&fragment)?;
                    }
                } else if let Phase::Sort(sorter) = std::mem::replace(phase, Phase::Failed) {
                    *phase = Phase::Merge { sorted: Box::new(sorter.finish()?), entries: Vec::new() };
                }
                Ok(true)
            }
            Phase::Merge { sorted, entries } => {
                while batch.len().max(batch.positions()) < BATCH {
                    let Some(fragment) = sorted.next(entries)? else {
                        accounts.finish(batch, log)?;
                        *phase = Phase::Done;
                        return Ok(!batch.is_empty());
                    };
                    accounts.take(&fragment, batch, log)?;
                }
                Ok(true)
            }
            Phase::Done => Ok(false),
            Phase::Failed => Err(LedgerError::Stopped),
        }
    }
}

/// Whether `uid` doesn't descend from `last`, which it replaces.
fn follows(last: &mut String, uid: &str) -> bool {
    let follows = last.as_str() <= uid;
    if last != uid {
        last.clear();
        last.push_str(uid);
    }
    follows
}

/// The files of a ledger, read one after the other.
struct Files {
    inputs: VecDeque<InputFile>,
    /// Which file comes after the open one.
    next: usize,
    open: Option<Box<dyn FileSource>>,
    bytes_before: u64,
    bytes_total: u64,
    format: LedgerFormat,
    context: SourceContext,
}

impl Files {
    /// Fills `out` with fragments of one file, whose number it returns; there may be none of them. None after the last
    /// file.
    fn fill(&mut self, out: &mut Fragments, log: &mut Log) -> Result<Option<u32>, LedgerError> {
        out.clear();
        loop {
            if let Some(source) = &mut self.open {
                let file = u32::try_from(self.next - 1).unwrap_or(u32::MAX);
                let more = source.fill(out, log)?;
                if !more {
                    self.bytes_before += self.inputs.get(self.next - 1).map_or(0, |file| file.bytes);
                    self.open = None;
                }
                return Ok(Some(file));
            }
            let Some(file) = self.inputs.get(self.next) else { return Ok(None) };
            let number = u32::try_from(self.next).unwrap_or(u32::MAX);
            self.open = source::open(file, number, self.format, &self.context, log)?;
            if self.open.is_none() {
                self.bytes_before += file.bytes;
            }
            self.next += 1;
        }
    }

    fn restart(&mut self) {
        self.next = 0;
        self.open = None;
        self.bytes_before = 0;
    }

    fn bytes_read(&self) -> u64 {
        let open = self.open.as_ref().map_or(0, |source| source.consumed());
        (self.bytes_before + open).min(self.bytes_total)
    }
}

/// Puts fragments, whose uids ascend, together as accounts.
struct Accounts {
    table: Arc<AssetTable>,
    judge: Judge,
    /// Positions that an account may have.
    max_positions: Option<usize>,
    uid: String,
    entries: Vec<Entry>,
    /// Where the entries are from: the first of each fragment, and its place.
    spans: Vec<(usize, At, Shape)>,
    /// Whether there is an account to which more fragments may belong.
    open: bool,
    order: Vec<usize>,
    count: u64,
}

impl Accounts {
    fn new(table: Arc<AssetTable>, judge: Judge, max_positions: Option<usize>) -> Self {
        Self {
            table,
            judge,
            max_positions,
            uid: String::new(),
            entries: Vec::new(),
            spans: Vec::new(),
            open: false,
            order: Vec::new(),
            count: 0,
        }
    }

    fn take(
        &mut self,
        fragment: &Fragment<'_>,
        out: &mut AccountBatch,
        log: &mut Log,
    ) -> Result<(), LedgerError> {
        let problem =
            |log: &mut Log, kind| log.report(fragment.at, Some(fragment.uid.as_bytes()), Some("uid"), kind);
        if self.open && self.uid == fragment.uid {
            let first = self.spans.first().map(|(_, _, shape)| *shape);
            match (first, fragment.shape) {
                (Some(Shape::Rows), Shape::Rows) => {}
                (Some(Shape::Rows), Shape::Empty) | (Some(Shape::Empty), Shape::Rows) => {
                    problem(log, ProblemKind::NotEmpty)?;
                    if fragment.shape == Shape::Empty {
                        return Ok(());
                    }
                }
                _ => return problem(log, ProblemKind::DuplicateUid),
            }
            if self.entries.len() + fragment.entries.len() > 2 * MAX_FRAGMENT_ENTRIES {
                // More than there are keys: drop what repeats before it takes memory.
                self.normalise(log)?;
                self.spans.truncate(1);
            }
        } else {
            if self.open {
                self.emit(out, log)?;
                if self.uid.as_str() > fragment.uid {
                    problem(log, ProblemKind::NotSorted)?;
                }
            }
            self.open = true;
            self.uid.clear();
            self.uid.push_str(fragment.uid);
            self.entries.clear();
            self.spans.clear();
        }
        self.spans.push((self.entries.len(), fragment.at, fragment.shape));
        self.entries.extend_from_slice(fragment.entries);
        Ok(())
    }

    fn finish(&mut self, out: &mut AccountBatch, log: &mut Log) -> Result<(), LedgerError> {
        if self.open {
            self.emit(out, log)?;
            self.open = false;
        }
        if log.stops() {
            let symbols = self.judge.above_supply_cap();
            if !symbols.is_empty() {
                return Err(LedgerError::AboveSupplyCap { symbols });
            }
        }
        self.judge.finish()
    }

    fn emit(&mut self, out: &mut AccountBatch, log: &mut Log) -> Result<(), LedgerError> {
        self.normalise(log)?;
        self.entries.retain(|entry| !entry.amount.is_zero());
        let at = self.spans.first().map_or(At { file: 0, row: 0 }, |(_, at, _)| *at);
        if let Some(most) = self.max_positions.filter(|most| self.entries.len() > *most) {
            let kind = ProblemKind::TooManyPositions { most, got: self.entries.len() };
            return log.report(at, Some(self.uid.as_bytes()), None, kind);
        }
        if self.judge.admits(&self.uid, &self.entries, at, log)? {
            out.push(&self.uid, self.entries.iter().copied());
            self.count += 1;
        }
        Ok(())
    }

    /// Sorts the entries and reports keys that repeat.
    fn normalise(&mut self, log: &mut Log) -> Result<(), LedgerError> {
        let ascending =
            |entries: &[Entry]| entries.windows(2).all(|pair| matches!(pair, [a, b] if a.key < b.key));
        if ascending(&self.entries) {
            return Ok(());
        }
        let key = |at: usize| self.entries.get(at).map(|entry| entry.key);
        self.order.clear();
        self.order.extend(0..self.entries.len());
        self.order.sort_unstable_by_key(|at| (key(*at), *at));
        let mut last = None;
        for at in &self.order {
            let Some(found) = key(*at) else { continue };
            if last == Some(found) {
                log.report(self.place(*at), Some(self.uid.as_bytes()), Some("asset"), self.duplicate(found))?;
            }
            last = Some(found);
        }
        self.entries.sort_by_key(|entry| entry.key);
        self.entries.dedup_by_key(|entry| entry.key);
        Ok(())
    }

    fn duplicate(&self, key: EntryKey) -> ProblemKind {
        let asset = self.table.get(key.asset()).map(|asset| asset.symbol.to_string()).unwrap_or_default();
        ProblemKind::DuplicateEntry { asset, kind: self.table.kind_name(key.kind()).into_owned() }
    }

    /// Where the entry at `at` is from.
    fn place(&self, at: usize) -> At {
        let next = self.spans.partition_point(|(start, _, _)| *start <= at);
        match next.checked_sub(1).and_then(|index| self.spans.get(index)) {
            Some((start, place, Shape::Rows)) => At { row: place.row + (at - start) as u64, ..*place },
            Some((_, place, _)) => *place,
            None => At { file: 0, row: 0 },
        }
    }
}
