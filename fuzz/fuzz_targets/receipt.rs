//! A receipt: reading and checking it never panics, and a made-up one is never accepted.
#![no_main]

use assay_commit::{Digest, EMPTY, Receipt};
use assay_fuzz::{ASSETS, ENTITY};
use assay_statement::{Entity, Uid};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(receipt) = Receipt::from_json(bytes) else { return };
    // Its own entity and root get it as far as it can go.
    let entity = Entity::new(&receipt.entity).unwrap_or_else(|_| ENTITY.clone());
    let root = Digest::from_hex(&receipt.root).unwrap_or(EMPTY);
    let uid = Uid::new("alice@example.org").unwrap();
    let accepted = receipt.verify(&uid, &ASSETS, &entity, &root).is_ok();
    // Nothing that a fuzzer finds opens a leaf under the root that stands for no accounts.
    assert!(!(accepted && root == EMPTY));
});
