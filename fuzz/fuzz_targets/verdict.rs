//! What a customer drops on the page: no receipt, link, totals file, proof or report panics the verdict. The input is cut
//! into them at lines of three dashes.
#![no_main]

use assay_fuzz::{ENTITY, EPOCH};
use assay_verdict::{Proof, Request, Totals, check, receipt_bytes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = receipt_bytes(bytes);
    let mut parts = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(5).position(|window| window == b"\n---\n") {
        parts.push(&rest[..at]);
        rest = &rest[at + 5..];
    }
    parts.push(rest);
    let part = |at: usize| parts.get(at).copied().filter(|part| !part.is_empty());
    let request = Request {
        uid: "alice@example.org",
        epoch: Some(&EPOCH),
        receipt: part(0),
        totals: part(1).map(Totals::File),
        report: part(2),
        proof: part(3).map(Proof::File),
        ..Request::new(&ENTITY)
    };
    let verdict = check(&request);
    // No proof of a fuzzer's is one.
    assert!(verdict.proof.is_none());
});
