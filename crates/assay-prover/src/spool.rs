//! First stage: accounts with keys and salts, dealt out to files by the top bits of their leaf keys.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use assay_circuit::SegmentPrices;
use assay_commit::{Committer, Digest, Salt, Salts};
use assay_ledger::{AccountBatch, AccountReader, Excluded, Progress};
use rayon::prelude::*;

use crate::accounts::Account;
use crate::error::ProverError;
use crate::files::{Access, create, failed, private_folder};
use crate::shape::LedgerSize;

/// Bytes of input for each spool file, so that one file's accounts fit memory many times over: compressed Parquet can
/// grow tenfold in memory.
const INPUT_BYTES_PER_FILE: u64 = 4 << 20;

/// Most spool files, log2.
const MAX_LOG_FILES: u32 = 9;

/// Bytes that wait in memory for their file, all files together.
const BUFFER_BYTES: usize = 64 << 20;

/// Accounts whose keys are derived together.
const STRETCH: usize = 512;

/// What the spool holds.
pub(crate) struct Spool {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) size: LedgerSize,
    pub(crate) rounded: u64,
    /// Accounts that were left out, if any were to be.
    pub(crate) excluded: Option<Excluded>,
}

/// Reads the ledger to its end and spools every account.
pub(crate) fn spool(
    reader: &mut AccountReader,
    committer: &Committer,
    salts: &Salts,
    prices: &SegmentPrices,
    folder: &Path,
    on_progress: &dyn Fn(&Progress),
) -> Result<Spool, ProverError> {
    private_folder(folder)?;
    let wanted = reader.progress().bytes_total.div_ceil(INPUT_BYTES_PER_FILE).max(1);
    let log_files = wanted.next_power_of_two().trailing_zeros().min(MAX_LOG_FILES);
    let mut files = SpoolFiles::new(folder, log_files);
    let mut batch = AccountBatch::new();
    let mut size = LedgerSize::new();
    while reader.next_batch(&mut batch)? {
        let uids: Vec<&str> = batch.iter().map(|account| account.uid).collect();
        let identities: Vec<Vec<(Digest, Salt)>> =
            uids.par_chunks(STRETCH).map(|uids| committer.identify(salts, uids)).collect();
        for (account, (key, salt)) in batch.iter().zip(identities.iter().flatten()) {
            size.add(account.entries, prices);
            files.push(&Account { key, salt, uid: account.uid, entries: account.entries })?;
        }
        on_progress(&reader.progress());
    }
    if size.accounts == 0 {
        return Err(ProverError::NoAccounts);
    }
    let rounded = reader.progress().rounded_up;
    let excluded = reader.excluded().cloned();
    Ok(Spool { files: files.finish()?, size, rounded, excluded })
}

/// Files that are appended to, with buffers.
struct SpoolFiles {
    log_files: u32,
    most: usize,
    files: Vec<(PathBuf, Option<File>, Vec<u8>)>,
}

impl SpoolFiles {
    fn new(folder: &Path, log_files: u32) -> Self {
        let count = 1usize << log_files;
        let files = (0..count)
            .map(|number| (folder.join(format!("{number:03}.accounts")), None, Vec::new()))
            .collect();
        Self { log_files, most: BUFFER_BYTES / count, files }
    }

    fn push(&mut self, account: &Account<'_>) -> Result<(), ProverError> {
        // A leaf key has 62 bits, and its top bits are nearly uniform.
        let number = (account.leaf_key().number() >> (62 - self.log_files)) as usize;
        let (path, file, buffer) = &mut self.files[number];
        account.write(buffer).map_err(failed("write", path))?;
        if buffer.len() >= self.most {
            flush(path, file, buffer)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<PathBuf>, ProverError> {
        let mut paths = Vec::with_capacity(self.files.len());
        for (path, file, buffer) in &mut self.files {
            flush(path, file, buffer)?;
            paths.push(path.clone());
        }
        Ok(paths)
    }
}

fn flush(path: &Path, file: &mut Option<File>, buffer: &mut Vec<u8>) -> Result<(), ProverError> {
    let file = match file {
        Some(file) => file,
        None => file.insert(create(path, Access::Private).map_err(failed("write", path))?),
    };
    file.write_all(buffer).map_err(failed("write", path))?;
    buffer.clear();
    Ok(())
}
