//! A container of receipts: opening it and looking somebody up never panics, with any key.
#![no_main]

use std::io::Write as _;

use assay_fuzz::ENTITY;
use assay_receipts::{Container, ContainerKey};
use assay_statement::Uid;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let Ok(container) = Container::open(file.path(), &ContainerKey::new([0; 32]), &ENTITY) else { return };
    let _ = container.receipt(&Uid::new("alice@example.org").unwrap());
});
