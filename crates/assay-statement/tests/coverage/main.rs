//! The rules of coverage: a second implementation with exact fractions, properties, and vectors by hand.

#![allow(clippy::unwrap_used, reason = "tests")]

mod prop;
mod reference;
mod vectors;

use assay_statement::coverage::PriceTable;
use assay_statement::{
    Amount, Asset, AssetTable, Entry, EntryKey, HaircutTier, Kind, Price, Product, ProductHaircuts,
    ProductName, Products, Symbol,
};

fn kind(number: u8) -> Kind {
    Kind::from_number(number).unwrap()
}

fn product(name: &str, collateral: u8, debt: Option<u8>) -> Product {
    Product { name: ProductName::new(name).unwrap(), collateral: kind(collateral), debt: debt.map(kind) }
}

/// Symbols `A000`, `A001`, ..., which sort as they are numbered.
fn asset(index: usize, decimals: u8, price: Option<(u64, u8)>, haircuts: &[(u8, &[(u64, u8)])]) -> Asset {
    let tier = |(up_to, percent): &(u64, u8)| HaircutTier { up_to: *up_to, percent: *percent };
    let mut asset = Asset::new(Symbol::new(&format!("A{index:03}")).unwrap(), decimals);
    asset.price = price.map(|(mantissa, scale)| Price { mantissa, scale });
    asset.haircuts = haircuts
        .iter()
        .map(|(number, tiers)| ProductHaircuts {
            kind: kind(*number),
            tiers: tiers.iter().map(tier).collect(),
        })
        .collect();
    asset
}

fn entry(asset: usize, number: u8, amount: u128) -> Entry {
    Entry { key: EntryKey::new(asset, kind(number)).unwrap(), amount: Amount::new(amount).unwrap() }
}

fn default_table(assets: Vec<Asset>) -> (AssetTable, PriceTable) {
    with_products(assets, Products::default())
}

fn with_products(assets: Vec<Asset>, products: Products) -> (AssetTable, PriceTable) {
    let table = AssetTable::with_products(assets, products).unwrap();
    let prices = PriceTable::new(&table);
    (table, prices)
}
