//! A bundle: verifying it never panics, and it is accepted only as honest corpus files are.
#![no_main]

use std::sync::LazyLock;

use assay_statement::{Asset, AssetTable, Entity, Epoch, Symbol};
use assay_verifier::{BundleHeader, Expectations, verify_bundle};
use libfuzzer_sys::fuzz_target;

static EXPECTED: LazyLock<(Entity, Epoch, AssetTable)> = LazyLock::new(|| {
    let assets = ["BTC", "ETH", "USDT"].map(|symbol| Asset::new(Symbol::new(symbol).unwrap(), 8));
    (
        Entity::new("example.org").unwrap(),
        Epoch::new("2026-q3", 1_790_000_000).unwrap(),
        AssetTable::new(assets.to_vec()).unwrap(),
    )
});

fuzz_target!(|bytes: &[u8]| {
    if let Some(head) = bytes.first_chunk()
        && let Ok(header) = BundleHeader::from_bytes(head)
    {
        assert_eq!(header.to_bytes(), head);
    }
    let (entity, epoch, assets) = &*EXPECTED;
    let expected = Expectations { entity, epoch, assets, root: None, totals: None, accounts: None };
    if let Ok(statement) = verify_bundle(bytes, expected) {
        assert!(statement.accounts > 0 && statement.segments > 0);
    }
});
