use std::fs;

use crate::exchange::{arguments, assay};

#[test]
fn a_secret_is_made_once_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let made = assay(arguments!["secret", &path]).is(0);
    let secret = fs::read_to_string(&path).unwrap();
    assert_eq!(secret.trim().len(), 64);
    assert!(!made.stdout.contains(secret.trim()) && !made.stderr.contains(secret.trim()));
    #[cfg(unix)]
    assert_eq!(crate::exchange::mode(&path), 0o600);
    assay(arguments!["secret", &path]).is(4);
    assert_eq!(fs::read_to_string(&path).unwrap(), secret);
    let second = folder.path().join("second");
    let said = assay(arguments!["--json", "secret", &second]).is(0);
    let other = fs::read_to_string(second).unwrap();
    assert!(!said.stdout.contains(other.trim()) && other != secret);
    assay(arguments!["secret", folder.path().join("missing/secret")]).is(4);
}
