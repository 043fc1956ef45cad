//! The folder of evidence and observations: files under the digest of their content, verified when they are read again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use assay_balances::ObservationFile;
use assay_balances::evm::{EvmEvidence, MAX_EVM_EVIDENCE_BYTES};
use assay_statement::hex;
use serde::Serialize;

use crate::evm::Header;
use crate::observe::ObserveError;
use crate::word::Word;

/// JSON files of a folder, as bytes. One that can't be read is an error; what is in it is for the caller.
fn files_in(folder: &Path) -> Result<Vec<Vec<u8>>, ObserveError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ObserveError::File { path, source }
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(folder)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed(folder))?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let mut bytes = Vec::new();
        let file = fs::File::open(&path).map_err(failed(&path))?;
        file.take(MAX_EVM_EVIDENCE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed(&path))?;
        found.push(bytes);
    }
    Ok(found)
}

/// What evidence files show of an account.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// Slots of its storage.
    pub(crate) slots: BTreeSet<[u8; 32]>,
    /// Whether it has code.
    pub(crate) code: bool,
}

/// Accounts that evidence files of this block show, each path of which is checked.
pub(crate) fn shown_in(folder: &Path, header: &Header) -> Result<BTreeMap<[u8; 20], Shown>, ObserveError> {
    let mut shown: BTreeMap<_, Shown> = BTreeMap::new();
    for bytes in files_in(folder)? {
        let Ok(evidence) = EvmEvidence::from_json(&bytes) else { continue };
        let Ok(state) = evidence.verify(&header.block) else { continue };
        if state.check().is_err() {
            continue;
        }
        for account in &evidence.accounts {
            let Some(address) = hex::prefixed_array(&account.address) else { continue };
            let slots = account.storage.iter().filter_map(|slot| hex::prefixed_array(&slot.slot));
            let code = state.account(&address).is_ok_and(|account| account.has_code());
            let found = shown.entry(address).or_default();
            found.slots.extend(slots);
            found.code |= code;
        }
    }
    Ok(shown)
}

/// What files of observations have of one kind, of this block.
pub(crate) fn told_in<W: Word>(folder: &Path, network: &str, hash: &str) -> Result<Vec<W>, ObserveError> {
    let mut told = Vec::new();
    for bytes in files_in(folder)? {
        let Ok(file) = ObservationFile::from_json(&bytes) else { continue };
        told.extend(W::of_file(file).into_iter().filter(|word| word.block() == (network, hash)));
    }
    Ok(told)
}

/// Writes what one node told, in an order that doesn't depend on when.
pub(crate) fn write_words<W: Word>(folder: &Path, mut words: Vec<W>) -> Result<PathBuf, ObserveError> {
    words.sort();
    write_content(folder, &W::into_file(words))
}

/// Writes a file under the BLAKE3 digest of its content.
pub(crate) fn write_content(folder: &Path, content: &impl Serialize) -> Result<PathBuf, ObserveError> {
    let failed = |source| ObserveError::File { path: folder.to_owned(), source };
    let bytes = serde_json::to_vec(content).map_err(|error| failed(error.into()))?;
    let path = folder.join(format!("{}.json", blake3::hash(&bytes).to_hex()));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(&bytes).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist(&path).map_err(|error| failed(error.error))?;
    Ok(path)
}
