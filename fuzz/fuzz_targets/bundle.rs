//! A bundle: verifying it never panics, and it is accepted only as honest corpus files are.
#![no_main]

use assay_verifier::{BundleHeader, verify_bundle};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(head) = bytes.first_chunk()
        && let Ok(header) = BundleHeader::from_bytes(head)
    {
        assert_eq!(header.to_bytes(), head);
    }
    if let Ok(statement) = verify_bundle(bytes, assay_fuzz::expectations()) {
        let (accounts, _) = statement.figures.at_most();
        assert!(accounts > 0 && statement.segments > Some(0));
    }
});
