//! A segment record: reading it never panics, and what is read is written as the same bytes.
#![no_main]

use std::sync::LazyLock;

use assay_commit::{EMPTY, Hasher};
use assay_verifier::SegmentRecord;
use libfuzzer_sys::fuzz_target;

static HASHER: LazyLock<Hasher> = LazyLock::new(Hasher::new);

fuzz_target!(|bytes: &[u8]| {
    if let Ok(record) = SegmentRecord::from_bytes(&HASHER, bytes, &EMPTY) {
        assert_eq!(record.to_bytes().unwrap(), bytes);
    }
});
