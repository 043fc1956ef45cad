//! A final proof: reading and verifying it never panics, and what is read is written as the same bytes.
#![no_main]

use assay_verifier::{ProofFile, verify_proof};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(proof) = ProofFile::from_bytes(bytes) {
        assert_eq!(proof.to_bytes().unwrap(), bytes);
    }
    let _ = verify_proof(bytes, assay_fuzz::expectations());
});
