//! The epoch secret's file.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use assay_commit::EpochSecret;
use zeroize::Zeroizing;

use crate::error::ProverError;
use crate::files::failed;

/// Makes a new secret of 32 bytes of the system's randomness and writes it to `path`, readable for the owner only.
/// A file that is there already is left alone, which is an error.
pub fn create_secret(path: &Path) -> Result<EpochSecret, ProverError> {
    let mut bytes = Zeroizing::new([0u8; 32]);
    getrandom::fill(bytes.as_mut_slice())
        .map_err(|error| failed("take randomness for", path)(std::io::Error::other(error)))?;
    let mut text = Zeroizing::new(String::with_capacity(65));
    for byte in bytes.iter() {
        for nibble in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(nibble), 16));
        }
    }
    text.push('\n');
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(failed("make the secret", path))?;
    if let Err(error) = file.write_all(text.as_bytes()).and_then(|()| file.sync_all()) {
        // Half a secret would only stand in the way of the next try.
        let _ = fs::remove_file(path);
        return Err(failed("write the secret", path)(error));
    }
    Ok(EpochSecret::new(*bytes))
}

/// Reads a secret; the file must be a plain one that nobody but its owner can read or write.
pub fn read_secret(path: &Path) -> Result<EpochSecret, ProverError> {
    let wrong = |reason| ProverError::Secret { path: path.to_owned(), reason };
    let metadata = fs::metadata(path).map_err(failed("read the secret", path))?;
    if !metadata.is_file() {
        return Err(wrong("the secret must be a plain file"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(wrong("others can read the secret; allow its owner only (chmod 600)"));
        }
    }
    if metadata.len() > 1024 {
        return Err(wrong("a secret file has 64 hex digits"));
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(failed("read the secret", path))?);
    EpochSecret::from_hex(&text).map_err(|_| wrong("a secret file has 64 hex digits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        create_secret(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(read_secret(&path).is_ok());
        assert!(matches!(create_secret(&path), Err(ProverError::File { .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(read_secret(&path), Err(ProverError::Secret { .. })));
    }

    #[test]
    fn malformed_secrets_are_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let mut file = crate::files::create(&path, crate::files::Access::Private).unwrap();
        file.write_all(b"not a secret but private").unwrap();
        let error = read_secret(&path).err().unwrap().to_string();
        assert!(!error.contains("but private"));
    }
}
