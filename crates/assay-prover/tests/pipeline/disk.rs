//! Disks that are full.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use assay_prover::{ProverError, create_secret};
use tempfile::TempDir;

use crate::exchange::{FINISHED, LEDGER, Run, walk};

/// A file system of a few KiB, gone when dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// None where this process can't mount one.
    fn new(kib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = mount(folder.path(), &format!("size={kib}k,mode=0700"));
        if !mounted {
            eprintln!("skipped: no right to mount a small file system");
        }
        mounted.then_some(Self(folder))
    }

    fn grow(&self, kib: u32) {
        assert!(mount(self.0.path(), &format!("remount,size={kib}k")));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

fn mount(folder: &Path, options: &str) -> bool {
    let mut command = Command::new("mount");
    command.args(["-t", "tmpfs", "-o", options, "assay-test"]).arg(folder);
    cfg!(target_os = "linux") && command.output().is_ok_and(|output| output.status.success())
}

fn is_full(run: &Run) -> bool {
    use std::io::ErrorKind::StorageFull;
    match run.prove() {
        Ok(_) => false,
        Err(ProverError::File { source, .. }) if source.kind() == StorageFull => true,
        Err(error) => panic!("{error:?}"),
    }
}

/// The disk of the work folder is full at one point after another; once there is room, the run goes on from there.
#[test]
fn a_work_folder_on_a_full_disk() {
    let Some(disk) = SmallDisk::new(16) else { return };
    let (_, finished) = &*FINISHED;
    let run = Run { work: disk.path("work"), ..Run::new(&LEDGER) };
    let mut refused = 0;
    let outcome = loop {
        let (outcome, seen) = run.watch();
        assert_eq!(seen.useless, [0; 0], "a half-written file was taken for whole");
        match outcome {
            Ok(outcome) => break outcome,
            Err(ProverError::File { source, .. }) => {
                assert_eq!(source.kind(), std::io::ErrorKind::StorageFull)
            }
            Err(error) => panic!("{error:?}"),
        }
        assert!(!run.bundle.exists());
        let left =
            walk(&run.work).into_iter().find(|path| path.extension().is_some_and(|text| text == "partial"));
        assert_eq!(left, None);
        refused += 1;
        disk.grow(16 + 500 * refused);
    };
    assert!(refused >= 4, "full only {refused} times");
    assert_eq!(outcome.statement, finished.statement);
    assert!(outcome.kept > 0);
    assert_eq!(run.verify().as_ref(), Ok(&finished.statement));
}

#[test]
fn a_bundle_on_a_full_disk() {
    let Some(disk) = SmallDisk::new(1_000) else { return };
    let mut run = Run::finished();
    run.bundle = disk.path("bundle.assay");
    run.totals = disk.path("totals.json");
    assert!(is_full(&run));
    assert_eq!(walk(disk.0.path()).len(), 1, "half a bundle is left");
    // An older bundle stays as it is.
    fs::write(&run.bundle, "older").unwrap();
    assert!(is_full(&run));
    assert_eq!(fs::read(&run.bundle).unwrap(), b"older");
    disk.grow(8_000);
    assert_eq!(run.prove().unwrap().proven, 0);
    assert!(run.bundle() == FINISHED.0.bundle(), "another bundle");
}

#[test]
fn a_secret_on_a_full_disk() {
    let Some(disk) = SmallDisk::new(4) else { return };
    fs::write(disk.path("filler"), [0; 4096]).unwrap();
    let secret = disk.path("secret");
    assert!(matches!(create_secret(&secret), Err(ProverError::File { .. })));
    assert!(!secret.exists(), "half a secret is left");
    fs::remove_file(disk.path("filler")).unwrap();
    create_secret(&secret).unwrap();
}
