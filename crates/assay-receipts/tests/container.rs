//! Containers of receipts, honest and not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use assay_commit::{Committer, EMPTY, Hasher};
use assay_receipts::{Container, ContainerError, ContainerKey, ContainerWriter, PADDING};
use assay_statement::{Entity, Uid};

const KEY: ContainerKey = ContainerKey::new([7; 32]);
const HEAD: usize = 160;
const ENTRY: usize = 52;

fn entity() -> Entity {
    Entity::new("exchange.example").unwrap()
}

fn uid(number: usize) -> Uid {
    Uid::new(&format!("customer-{number}@example.org")).unwrap()
}

fn receipt(number: usize) -> Vec<u8> {
    format!("{{\"receipt\": {number}, \"rest\": \"{}\"}}", "x".repeat(10 * (number % 90))).into_bytes()
}

fn container(count: usize) -> Vec<u8> {
    let committer = Committer::new(Hasher::new(), &entity(), &EMPTY);
    let mut writer = ContainerWriter::new(Cursor::new(Vec::new()), &KEY, &entity(), &EMPTY).unwrap();
    let sealer = writer.sealer();
    for number in 0..count {
        let digest = committer.uid_digest(&uid(number));
        writer.push(&sealer.seal(number as u64, &digest, &receipt(number)).unwrap()).unwrap();
    }
    let (out, written) = writer.finish().unwrap();
    assert_eq!(written, count as u64);
    out.into_inner()
}

struct Written {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

fn written(bytes: &[u8]) -> Written {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("receipts");
    fs::write(&path, bytes).unwrap();
    Written { path, _folder: folder }
}

fn open(path: &Path) -> Result<Container, ContainerError> {
    Container::open(path, &KEY, &entity())
}

fn refused(bytes: &[u8]) -> ContainerError {
    open(&written(bytes).path).err().expect("it was opened")
}

/// What comes out for one customer.
fn one(bytes: &[u8], number: usize) -> Result<Option<Vec<u8>>, ContainerError> {
    open(&written(bytes).path).unwrap().receipt(&uid(number))
}

#[test]
fn everybody_gets_their_own() {
    let file = written(&container(300));
    let container = open(&file.path).unwrap();
    assert_eq!(container.len(), 300);
    assert_eq!(container.root(), &EMPTY);
    for number in 0..300 {
        assert_eq!(container.receipt(&uid(number)).unwrap().unwrap(), receipt(number));
    }
    for stranger in 300..400 {
        assert!(container.receipt(&uid(stranger)).unwrap().is_none());
    }
    assert!(open(&written(&self::container(0)).path).unwrap().receipt(&uid(0)).unwrap().is_none());
}

#[test]
fn threads_share_it() {
    let file = written(&container(50));
    let container = open(&file.path).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                (0..50).for_each(|i| assert_eq!(container.receipt(&uid(i)).unwrap().unwrap(), receipt(i)));
            });
        }
    });
}

#[test]
fn without_the_key_it_shows_nobody() {
    let bytes = container(20);
    for hidden in [b"customer".as_slice(), b"receipt", b"example.org", b"exchange"] {
        assert!(!bytes.windows(hidden.len()).any(|window| window == hidden));
    }
    // Uid digests are no secret to whoever can guess uids, so they aren't in it either.
    let committer = Committer::new(Hasher::new(), &entity(), &EMPTY);
    let digest = committer.uid_digest(&uid(3)).to_bytes();
    assert!(!bytes.windows(8).any(|window| window == &digest[..8]));
    // Two containers of the same receipts have nothing in common but their heads' constants.
    let again = container(20);
    assert_eq!(bytes.len(), again.len());
    assert!(bytes[HEAD..].iter().zip(&again[HEAD..]).filter(|(a, b)| a == b).count() < bytes.len() / 8);
}

#[test]
fn lengths_tell_little() {
    let bytes = container(90);
    let index = bytes.len() - 90 * ENTRY;
    let lengths: std::collections::BTreeSet<u32> = bytes[index..]
        .chunks(ENTRY)
        .map(|entry| u32::from_le_bytes(entry[40..44].try_into().unwrap()))
        .collect();
    assert!(lengths.iter().all(|length| (*length as usize - 16).is_multiple_of(PADDING)), "{lengths:?}");
}

#[test]
fn another_key_or_entity() {
    let file = written(&container(3));
    let other = ContainerKey::new([8; 32]);
    assert!(matches!(Container::open(&file.path, &other, &entity()), Err(ContainerError::Key)));
    let entity = Entity::new("other.example").unwrap();
    assert!(matches!(Container::open(&file.path, &KEY, &entity), Err(ContainerError::Key)));
}

#[test]
fn cut_or_longer() {
    let bytes = container(3);
    for length in [0, 7, HEAD - 1] {
        assert!(matches!(refused(&bytes[..length]), ContainerError::Magic), "{length}");
    }
    for length in [HEAD, HEAD + 1, bytes.len() - ENTRY, bytes.len() - 1] {
        assert!(matches!(refused(&bytes[..length]), ContainerError::Length { .. }), "{length}");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert!(matches!(refused(&longer), ContainerError::Length { .. }));
}

#[test]
fn any_changed_byte_is_noticed() {
    let bytes = container(4);
    let index = bytes.len() - 4 * ENTRY;
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let file = written(&changed);
        match open(&file.path) {
            Err(error) => assert!(at < HEAD || at >= index, "byte {at}: {error}"),
            Ok(container) => {
                assert!((HEAD..index).contains(&at), "byte {at} of head or index is not noticed");
                let failed = (0..4).filter(|number| match container.receipt(&uid(*number)) {
                    Ok(found) => {
                        assert_eq!(found.unwrap(), receipt(*number));
                        false
                    }
                    Err(error) => matches!(error, ContainerError::Record),
                });
                assert_eq!(failed.count(), 1, "byte {at}");
            }
        }
    }
}

#[test]
fn swapped_records() {
    // Records of one length, in each other's places.
    let bytes = container(2);
    let index = bytes.len() - 2 * ENTRY;
    let length = (index - HEAD) / 2;
    let mut swapped = bytes.clone();
    swapped[HEAD..HEAD + length].copy_from_slice(&bytes[HEAD + length..index]);
    swapped[HEAD + length..index].copy_from_slice(&bytes[HEAD..HEAD + length]);
    assert_ne!(swapped, bytes);
    for number in 0..2 {
        assert!(matches!(one(&swapped, number), Err(ContainerError::Record)));
    }
}

#[test]
fn records_of_another_container() {
    let (bytes, other) = (container(2), container(2));
    let index = bytes.len() - 2 * ENTRY;
    let mut mixed = bytes.clone();
    mixed[HEAD..index].copy_from_slice(&other[HEAD..index]);
    assert!(matches!(one(&mixed, 0), Err(ContainerError::Record)));
    let mut mixed = bytes;
    mixed[index..].copy_from_slice(&other[index..]);
    assert!(matches!(refused(&mixed), ContainerError::Index));
}

#[test]
fn numbers_and_uids_once_each() {
    let mut writer = ContainerWriter::new(Cursor::new(Vec::new()), &KEY, &entity(), &EMPTY).unwrap();
    let sealer = writer.sealer();
    let digest = EMPTY;
    assert!(matches!(writer.push(&sealer.seal(1, &digest, b"a").unwrap()), Err(ContainerError::Record)));
    writer.push(&sealer.seal(0, &digest, b"a").unwrap()).unwrap();
    writer.push(&sealer.seal(1, &digest, b"b").unwrap()).unwrap();
    assert!(matches!(writer.finish(), Err(ContainerError::Duplicate)));
    let large = vec![0; (1 << 20) + 1];
    assert!(matches!(sealer.seal(2, &digest, &large), Err(ContainerError::TooLarge)));
}
