//! A receipt: reading and checking it never panics, and a made-up one is never accepted.
#![no_main]

use std::sync::LazyLock;

use assay_commit::{Digest, EMPTY, Receipt};
use assay_statement::{Asset, AssetTable, Entity, Symbol, Uid};
use libfuzzer_sys::fuzz_target;

static ASSETS: LazyLock<AssetTable> = LazyLock::new(|| {
    let assets = ["BTC", "ETH", "USDT"].map(|symbol| Asset::new(Symbol::new(symbol).unwrap(), 8));
    AssetTable::new(assets.to_vec()).unwrap()
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(receipt) = Receipt::from_json(bytes) else { return };
    // Its own entity and root get it as far as it can go.
    let entity = Entity::new(&receipt.entity).unwrap_or_else(|_| Entity::new("example.org").unwrap());
    let root = Digest::from_hex(&receipt.root).unwrap_or(EMPTY);
    let uid = Uid::new("alice@example.org").unwrap();
    let accepted = receipt.verify(&uid, &ASSETS, &entity, &root).is_ok();
    // Nothing that a fuzzer finds opens a leaf under the root that stands for no accounts.
    assert!(!(accepted && root == EMPTY));
});
