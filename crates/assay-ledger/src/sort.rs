//! An external merge sort of account fragments by uid.

use std::cmp::Ordering;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use assay_statement::{Amount, Entry, EntryKey};

use crate::error::LedgerError;
use crate::log::At;
use crate::source::{Fragment, MAX_FRAGMENT_ENTRIES, Shape};

/// Runs that are merged at a time, at most.
const MAX_FAN_IN: usize = 64;

/// Least buffer per run of a merge.
const RUN_BUFFER: usize = 64 * 1024;

/// Bytes of a record before its uid: length of the rest (4), uid length (2), file (4), row (8), shape (1).
const HEAD: usize = 4 + 2 + 4 + 8 + 1;

/// Bytes of an entry: key (2), amount (12).
const ENTRY: usize = 14;

/// Bytes of the largest record.
const MAX_RECORD: usize = HEAD + assay_statement::MAX_UID_BYTES + MAX_FRAGMENT_ENTRIES * ENTRY;

/// Collects fragments; when they exceed the memory, they go to disk as a sorted run.
///
/// `FAN_IN` runs of a level merge into one of the next, so the number of open files stays small however many runs there
/// are.
pub(crate) struct Sorter {
    scratch_dir: PathBuf,
    memory: usize,
    fan_in: usize,
    arena: Arena,
    levels: Vec<Vec<File>>,
}

impl Sorter {
    /// Sorts with about `memory` bytes, and with runs in `scratch_dir`, which is made if need be.
    pub(crate) fn new(scratch_dir: &Path, memory: u64) -> Self {
        let memory = usize::try_from(memory).unwrap_or(usize::MAX);
        Self {
            scratch_dir: scratch_dir.into(),
            memory,
            fan_in: (memory / RUN_BUFFER).clamp(3, MAX_FAN_IN),
            arena: Arena::default(),
            levels: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, fragment: &Fragment<'_>) -> Result<(), LedgerError> {
        // A buffer that grows can be there twice for a moment, hence half.
        if self.arena.size() + MAX_RECORD.min(self.memory / 4) > self.memory / 2
            && !self.arena.order.is_empty()
        {
            self.spill()?;
        }
        self.arena.push(fragment);
        Ok(())
    }

    /// The fragments in order of uid, then of file and row.
    pub(crate) fn finish(mut self) -> Result<Sorted, LedgerError> {
        if self.levels.iter().all(Vec::is_empty) {
            self.arena.sort();
            return Ok(Sorted {
                scratch_dir: self.scratch_dir,
                input: Input::Memory { arena: self.arena, next: 0 },
            });
        }
        if !self.arena.order.is_empty() {
            self.spill()?;
        }
        self.arena = Arena::default();
        let mut runs: Vec<File> = std::mem::take(&mut self.levels).into_iter().flatten().collect();
        while runs.len() > self.fan_in {
            // Low levels come first and have the shortest runs.
            let merged = runs.drain(..self.fan_in).collect();
            runs.push(self.merge_to_run(merged)?);
        }
        let merge = self.scratch(Merge::new(runs, self.memory))?;
        Ok(Sorted { scratch_dir: self.scratch_dir, input: Input::Runs(merge) })
    }

    fn spill(&mut self) -> Result<(), LedgerError> {
        self.arena.sort();
        let run = self.scratch((|| {
            let mut run = BufWriter::with_capacity(RUN_BUFFER, new_run(&self.scratch_dir)?);
            for index in 0..self.arena.order.len() {
                run.write_all(self.arena.record(index))?;
            }
            run.into_inner().map_err(io::IntoInnerError::into_error)
        })())?;
        self.arena.clear();
        self.add_run(run, 0)
    }

    fn add_run(&mut self, run: File, level: usize) -> Result<(), LedgerError> {
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Vec::new);
        }
        let Some(runs) = self.levels.get_mut(level) else { return Ok(()) };
        runs.push(run);
        if runs.len() < self.fan_in {
            return Ok(());
        }
        let runs = std::mem::take(runs);
        let merged = self.merge_to_run(runs)?;
        self.add_run(merged, level + 1)
    }

    fn merge_to_run(&self, runs: Vec<File>) -> Result<File, LedgerError> {
        self.scratch((|| {
            let mut merge = Merge::new(runs, self.memory / 2)?;
            let mut run = BufWriter::with_capacity(RUN_BUFFER, new_run(&self.scratch_dir)?);
            while let Some(record) = merge.next()? {
                run.write_all(record)?;
            }
            run.into_inner().map_err(io::IntoInnerError::into_error)
        })())
    }

    fn scratch<T>(&self, result: io::Result<T>) -> Result<T, LedgerError> {
        result.map_err(|source| LedgerError::Scratch { path: self.scratch_dir.clone(), source })
    }
}

/// Fragments in order.
pub(crate) struct Sorted {
    scratch_dir: PathBuf,
    input: Input,
}

enum Input {
    Memory { arena: Arena, next: usize },
    Runs(Merge),
}

impl Sorted {
    /// The next fragment; its entries lie in `entries`.
    pub(crate) fn next<'a>(
        &'a mut self,
        entries: &'a mut Vec<Entry>,
    ) -> Result<Option<Fragment<'a>>, LedgerError> {
        let record = match &mut self.input {
            Input::Memory { arena, next } => {
                let index = *next;
                *next += 1;
                Ok((index < arena.order.len()).then(|| arena.record(index)))
            }
            Input::Runs(merge) => merge.next(),
        };
        let decoded = match record {
            Ok(None) => return Ok(None),
            Ok(Some(record)) => decode(record, entries).ok_or_else(damaged),
            Err(error) => Err(error),
        };
        decoded.map(Some).map_err(|source| LedgerError::Scratch { path: self.scratch_dir.clone(), source })
    }
}

/// A file that nobody else can read and that goes away with its handle.
fn new_run(folder: &Path) -> io::Result<File> {
    if !folder.is_dir() {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
    }
    tempfile::tempfile_in(folder)
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a run of the sort is damaged")
}

/// Records in memory.
#[derive(Default)]
struct Arena {
    bytes: Vec<u8>,
    /// A part of the uid that decides most comparisons, and where the record starts.
    order: Vec<(u64, usize)>,
    /// What all uids have in common at their start.
    prefix: Vec<u8>,
}

impl Arena {
    fn size(&self) -> usize {
        self.bytes.len() + self.order.len() * size_of::<(u64, usize)>()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.order.clear();
        self.prefix.clear();
    }

    fn push(&mut self, fragment: &Fragment<'_>) {
        let uid = fragment.uid.as_bytes();
        if self.order.is_empty() {
            self.prefix.extend_from_slice(uid);
        } else {
            let shared = self.prefix.iter().zip(uid).take_while(|(a, b)| a == b).count();
            self.prefix.truncate(shared);
        }
        self.order.push((0, self.bytes.len()));
        encode(fragment, &mut self.bytes);
    }

    fn sort(&mut self) {
        let Self { bytes, order, prefix } = self;
        for (lead, start) in order.iter_mut() {
            let uid = uid_of(record_at(bytes, *start));
            let mut word = [0; 8];
            for (to, from) in word.iter_mut().zip(uid.get(prefix.len()..).unwrap_or_default()) {
                *to = *from;
            }
            *lead = u64::from_be_bytes(word);
        }
        order.sort_unstable_by(|a, b| {
            a.0.cmp(&b.0).then_with(|| compare(record_at(bytes, a.1), record_at(bytes, b.1)))
        });
    }

    fn record(&self, index: usize) -> &[u8] {
        self.order.get(index).map(|(_, start)| record_at(&self.bytes, *start)).unwrap_or_default()
    }
}

fn encode(fragment: &Fragment<'_>, out: &mut Vec<u8>) {
    let uid = fragment.uid.as_bytes();
    let rest = HEAD - 4 + uid.len() + fragment.entries.len() * ENTRY;
    let shape = match fragment.shape {
        Shape::Rows => 0,
        Shape::Record => 1,
        Shape::Empty => 2,
    };
    // Uids have 512 bytes at the most, and fragments are bounded too.
    out.extend_from_slice(&u32::try_from(rest).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(&u16::try_from(uid.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(&fragment.at.file.to_be_bytes());
    out.extend_from_slice(&fragment.at.row.to_be_bytes());
    out.push(shape);
    out.extend_from_slice(uid);
    for entry in fragment.entries {
        out.extend_from_slice(&entry.key.number().to_le_bytes());
        out.extend(entry.amount.get().to_le_bytes().into_iter().take(12));
    }
}

fn decode<'a>(record: &'a [u8], entries: &'a mut Vec<Entry>) -> Option<Fragment<'a>> {
    let uid = uid_of(record);
    let file = u32::from_be_bytes(*record.get(6..)?.first_chunk()?);
    let row = u64::from_be_bytes(*record.get(10..)?.first_chunk()?);
    let shape = match record.get(18)? {
        0 => Shape::Rows,
        1 => Shape::Record,
        2 => Shape::Empty,
        _ => return None,
    };
    entries.clear();
    let (encoded, rest) = record.get(HEAD + uid.len()..)?.as_chunks::<ENTRY>();
    if !rest.is_empty() {
        return None;
    }
    for entry in encoded {
        let (key, low) = entry.split_first_chunk::<2>()?;
        let mut amount = [0; 16];
        amount.first_chunk_mut::<12>()?.copy_from_slice(low);
        entries.push(Entry {
            key: EntryKey::from_number(u16::from_le_bytes(*key)).ok()?,
            amount: Amount::new(u128::from_le_bytes(amount)).ok()?,
        });
    }
    Some(Fragment { uid: std::str::from_utf8(uid).ok()?, entries, at: At { file, row }, shape })
}

fn record_at(bytes: &[u8], start: usize) -> &[u8] {
    let bytes = bytes.get(start..).unwrap_or_default();
    let length = bytes.first_chunk().map_or(0, |length| u32::from_le_bytes(*length) as usize);
    bytes.get(..4 + length).unwrap_or_default()
}

fn uid_of(record: &[u8]) -> &[u8] {
    let length =
        record.get(4..6).and_then(<[u8]>::first_chunk).map_or(0, |length| u16::from_le_bytes(*length));
    record.get(HEAD..HEAD + usize::from(length)).unwrap_or_default()
}

/// By uid, file and row; the latter two are big-endian and side by side.
fn compare(a: &[u8], b: &[u8]) -> Ordering {
    uid_of(a).cmp(uid_of(b)).then_with(|| a.get(6..18).cmp(&b.get(6..18)))
}

/// Merges sorted runs.
struct Merge {
    runs: Vec<Run>,
    /// A heap of the runs that have a record, the least at its top.
    heap: Vec<usize>,
    /// Whether the top's record has been handed out.
    taken: bool,
}

/// A run that is read in order.
struct Run {
    file: File,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Merge {
    fn new(files: Vec<File>, memory: usize) -> io::Result<Self> {
        let buffer = (memory / files.len().max(1)).clamp(4096, 4 << 20);
        let mut runs = Vec::new();
        let mut heap = Vec::new();
        for mut file in files {
            file.rewind()?;
            let mut run = Run { file, buffer: vec![0; buffer], start: 0, end: 0 };
            if run.load()? {
                heap.push(runs.len());
            }
            runs.push(run);
        }
        let mut merge = Self { runs, heap, taken: false };
        for at in (0..merge.heap.len() / 2).rev() {
            merge.sift_down(at);
        }
        Ok(merge)
    }

    fn next(&mut self) -> io::Result<Option<&[u8]>> {
        if self.taken
            && let Some(run) = self.heap.first().and_then(|top| self.runs.get_mut(*top))
        {
            run.start += run.record().len();
            if !run.load()? {
                self.heap.swap_remove(0);
            }
            self.sift_down(0);
        }
        self.taken = true;
        Ok(self.heap.first().and_then(|top| self.runs.get(*top)).map(Run::record))
    }

    fn sift_down(&mut self, mut at: usize) {
        let record =
            |heap: &[usize], at: usize| heap.get(at).and_then(|run| self.runs.get(*run)).map(Run::record);
        loop {
            let mut least = at;
            for child in [2 * at + 1, 2 * at + 2] {
                if let (Some(a), Some(b)) = (record(&self.heap, child), record(&self.heap, least))
                    && compare(a, b).is_lt()
                {
                    least = child;
                }
            }
            if least == at {
                return;
            }
            self.heap.swap(at, least);
            at = least;
        }
    }
}

impl Run {
    /// The record at the start of the buffer, which [`Run::load`] made sure of.
    fn record(&self) -> &[u8] {
        record_at(self.buffer.get(..self.end).unwrap_or_default(), self.start)
    }

    /// Reads on until the buffer starts with a whole record; false at the end of the run.
    fn load(&mut self) -> io::Result<bool> {
        loop {
            let bytes = self.buffer.get(self.start..self.end).unwrap_or_default();
            let wanted = bytes.first_chunk().map_or(4, |length| 4 + u32::from_le_bytes(*length) as usize);
            if wanted > MAX_RECORD {
                return Err(damaged());
            }
            if wanted > 4 && bytes.len() >= wanted {
                return Ok(true);
            }
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            if wanted > self.buffer.len() {
                self.buffer.resize(wanted, 0);
            }
            match self.file.read(self.buffer.get_mut(self.end..).unwrap_or_default())? {
                0 if self.end == 0 => return Ok(false),
                0 => return Err(damaged()),
                read => self.end += read,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(key: u16, amount: u128) -> Entry {
        Entry { key: EntryKey::from_number(key).unwrap(), amount: Amount::new(amount).unwrap() }
    }

    type Plain = (String, u32, u64, Vec<Entry>);

    fn sort(memory: u64, input: &[Plain]) -> (Vec<Plain>, usize) {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(&folder.path().join("new"), memory);
        let mut levels = 0;
        for (uid, file, row, entries) in input {
            let at = At { file: *file, row: *row };
            sorter.push(&Fragment { uid, entries, at, shape: Shape::Rows }).unwrap();
            levels = levels.max(sorter.levels.len());
        }
        let mut sorted = sorter.finish().unwrap();
        let mut output = Vec::new();
        let mut entries = Vec::new();
        while let Some(fragment) = sorted.next(&mut entries).unwrap() {
            output.push((fragment.uid.into(), fragment.at.file, fragment.at.row, fragment.entries.to_vec()));
        }
        let left = fs::read_dir(folder.path().join("new")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "runs have no names");
        (output, levels)
    }

    fn plain_sort(mut input: Vec<Plain>) -> Vec<Plain> {
        input.sort_by(|a, b| (&a.0, a.1, a.2).cmp(&(&b.0, b.1, b.2)));
        input
    }

    #[test]
    fn many_runs_merge_in_several_passes() {
        let input: Vec<Plain> = (0..5_000u64)
            .map(|row| {
                let uid = row.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 3_000;
                (format!("account-{uid:06}"), 0, row, vec![entry(8, u128::from(row)); (row % 4) as usize])
            })
            .collect();
        let (output, levels) = sort(2048, &input);
        assert!(levels >= 3, "{levels}");
        assert_eq!(output, plain_sort(input.clone()));
        assert_eq!(sort(1 << 30, &input).0, output);
    }

    #[test]
    fn the_largest_record_fits() {
        let entries = vec![entry(8, Amount::MAX.get()); MAX_FRAGMENT_ENTRIES];
        let input: Vec<Plain> =
            (0..9).rev().map(|row| (format!("{row:0512}"), u32::MAX, u64::MAX, entries.clone())).collect();
        assert_eq!(sort(1, &input).0, plain_sort(input));
    }

    #[test]
    fn a_scratch_folder_that_cannot_be_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut sorter = Sorter::new(&file.path().join("in-a-file"), 1);
        let fragment = Fragment { uid: "a", entries: &[], at: At { file: 0, row: 1 }, shape: Shape::Rows };
        sorter.push(&fragment).unwrap();
        assert!(matches!(sorter.push(&fragment), Err(LedgerError::Scratch { .. })));
    }

    proptest! {
        #[test]
        fn any_memory_gives_the_same_order(
            uids in prop::collection::vec("[ab\u{e9}]{1,12}", 0..200),
            memory in 1u64..20_000,
        ) {
            let input: Vec<Plain> =
                uids.into_iter().zip(0..).map(|(uid, row)| (uid, 1, row, vec![entry(9, 1 << 89)])).collect();
            prop_assert_eq!(sort(memory, &input).0, plain_sort(input));
        }
    }
}
