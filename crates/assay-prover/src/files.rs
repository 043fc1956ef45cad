//! Files that are whole or absent: written under another name, synced, renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::ProverError;

/// Who may read a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Its owner only.
    Private,
    /// Whoever the system lets.
    Public,
}

/// An error with the file that it is about.
pub(crate) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ProverError {
    let path = path.to_owned();
    move |source| ProverError::File { action, path, source }
}

/// Makes a folder that only its owner can enter. One that is there already must be such a folder: its rights are not
/// ours to change.
pub(crate) fn private_folder(path: &Path) -> Result<(), ProverError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(failed("make the folder", path))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let metadata = fs::metadata(path).map_err(failed("look at", path))?;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(ProverError::OpenFolder { path: path.to_owned() });
        }
    }
    Ok(())
}

/// Opens a new file for writing, in place of whatever has this name: an older file could have looser rights, a link
/// could lead elsewhere.
pub(crate) fn create(path: &Path, access: Access) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if access == Access::Private {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    options.open(path)
}

/// Opens a private file to lock it; the file stays.
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Writes a file as a whole: nothing of this name is there before all of it is on disk.
pub(crate) fn write_whole(
    path: &Path,
    access: Access,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<(), ProverError>,
) -> Result<(), ProverError> {
    let partial = partial_name(path);
    let outcome = (|| {
        let file = create(&partial, access).map_err(failed("write", path))?;
        let mut writer = BufWriter::with_capacity(1 << 20, file);
        write(&mut writer)?;
        let file = writer.into_inner().map_err(|error| failed("write", path)(error.into_error()))?;
        file.sync_all().map_err(failed("write", path))?;
        drop(file);
        fs::rename(&partial, path).map_err(failed("write", path))?;
        sync_folder(path)
    })();
    if outcome.is_err() {
        // What is half-written is of no use, and room may be what lacks; the first error is the one to report.
        let _ = fs::remove_file(&partial);
    }
    outcome
}

/// Writes bytes as a whole file.
pub(crate) fn write_bytes(path: &Path, access: Access, bytes: &[u8]) -> Result<(), ProverError> {
    write_whole(path, access, |writer| writer.write_all(bytes).map_err(failed("write", path)))
}

fn partial_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    path.with_file_name(name)
}

fn sync_folder(path: &Path) -> Result<(), ProverError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("sync the folder of", path))
}
