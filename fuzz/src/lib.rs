//! What fuzz targets share: the statement that they expect, and the policy under which reserves count.

use std::sync::{Arc, LazyLock};

use assay_reserves::Policy;
use assay_statement::{Asset, AssetTable, Entity, Epoch, Symbol};
use assay_verifier::Expectations;

/// Whose statement.
pub static ENTITY: LazyLock<Entity> = LazyLock::new(|| Entity::new("example.org").unwrap());

/// Of which epoch.
pub static EPOCH: LazyLock<Epoch> = LazyLock::new(|| Epoch::new("2026-q3", 1_790_000_000).unwrap());

/// Three assets of 8 decimals.
pub static ASSETS: LazyLock<Arc<AssetTable>> = LazyLock::new(|| {
    let assets = ["BTC", "ETH", "USDT"].map(|symbol| Asset::new(Symbol::new(symbol).unwrap(), 8));
    Arc::new(AssetTable::new(assets.to_vec()).unwrap())
});

/// A policy that knows two networks and a token.
pub static POLICY: LazyLock<Policy> =
    LazyLock::new(|| Policy::from_toml(include_bytes!("policy.toml"), &ASSETS).unwrap());

/// Expects no root and no figures.
pub fn expectations() -> Expectations<'static> {
    Expectations::new(&ENTITY, &EPOCH, &ASSETS)
}
