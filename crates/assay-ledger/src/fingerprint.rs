use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::error::LedgerError;
use crate::format::{LedgerFormat, input_files};

/// What a ledger's files are, so that a later run can tell whether they changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFingerprint {
    /// The files in the order in which they are read.
    pub files: Vec<FileFingerprint>,
}

/// What one file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFingerprint {
    /// Its path as it was found.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// When it was last written, where the system knows.
    pub modified: Option<SystemTime>,
    /// BLAKE3 of its content; none where only the rest was asked for.
    pub blake3: Option<[u8; 32]>,
}

impl InputFingerprint {
    /// Whether both are of the same content: as many files, of the same lengths and hashes, wherever they lie. Without
    /// hashes, the times decide.
    pub fn same_content(&self, other: &Self) -> bool {
        let same = |a: &FileFingerprint, b: &FileFingerprint| {
            a.bytes == b.bytes
                && match (&a.blake3, &b.blake3) {
                    (Some(a), Some(b)) => a == b,
                    _ => a.path == b.path && a.modified.is_some() && a.modified == b.modified,
                }
        };
        self.files.len() == other.files.len() && self.files.iter().zip(&other.files).all(|(a, b)| same(a, b))
    }
}

/// Hashes the content of the ledger at `path`, about as fast as it can be read.
pub fn fingerprint(path: &Path, format: LedgerFormat) -> Result<InputFingerprint, LedgerError> {
    collect(path, format, true)
}

/// Lengths and times only, which takes no time.
pub fn quick_fingerprint(path: &Path, format: LedgerFormat) -> Result<InputFingerprint, LedgerError> {
    collect(path, format, false)
}

fn collect(path: &Path, format: LedgerFormat, hash: bool) -> Result<InputFingerprint, LedgerError> {
    let describe = |path: PathBuf| {
        let read = || {
            let metadata = fs::metadata(&path)?;
            let blake3 = if hash {
                let mut hasher = blake3::Hasher::new();
                hasher.update_reader(fs::File::open(&path)?)?;
                Some(*hasher.finalize().as_bytes())
            } else {
                None
            };
            Ok((metadata, blake3))
        };
        match read() {
            Ok((metadata, blake3)) => Ok(FileFingerprint {
                bytes: metadata.len(),
                modified: metadata.modified().ok(),
                blake3,
                path,
            }),
            Err(source) => Err(LedgerError::Read { path, source }),
        }
    };
    let files = input_files(path, format)?;
    let files = files.into_iter().map(|file| describe(file.path)).collect::<Result<_, _>>()?;
    Ok(InputFingerprint { files })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_byte_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.csv");
        fs::write(&file, "one").unwrap();
        let before = fingerprint(&file, LedgerFormat::LongCsv).unwrap();
        assert!(before.same_content(&fingerprint(folder.path(), LedgerFormat::LongCsv).unwrap()));
        fs::write(&file, "two").unwrap();
        assert!(!before.same_content(&fingerprint(&file, LedgerFormat::LongCsv).unwrap()));
        let quick = quick_fingerprint(&file, LedgerFormat::LongCsv).unwrap();
        assert!(quick.same_content(&quick_fingerprint(&file, LedgerFormat::LongCsv).unwrap()));
        assert_eq!(quick.files[0].blake3, None);
    }
}
