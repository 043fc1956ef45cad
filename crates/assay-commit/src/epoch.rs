use alloc::vec;
use alloc::vec::Vec;

use assay_statement::{AssetTable, Entity, Epoch, Kind, PriceRecord};
use p3_field::PrimeCharacteristicRing;

use crate::hash::push_bytes;
use crate::{Digest, F, Hasher, Tag};

/// Digest of the entity's name.
pub fn entity_digest(hasher: &Hasher, entity: &Entity) -> Digest {
    let mut elements = Vec::new();
    push_bytes(&mut elements, entity.as_str().as_bytes());
    hasher.sponge(Tag::Entity, &elements)
}

/// Digest of the asset table: a zero and the format's number, 3; number of assets, then for each its symbol, decimals,
/// price, haircut tiers and supply cap; number of products, then for each its name, collateral kind and debt kind.
///
/// Numbers of 64 bits are three elements of 22, 22 and 20 bits, low part first. A price is a flag, the mantissa, the scale
/// and its record, or a zero flag. The record is a flag, grade, method, number of sources, times of the oldest and the newest
/// observation, deviation and the digest of the price file, or a zero flag. Haircuts are their number, then kind, number of tiers and tiers. A supply cap is a flag and
/// the cap, or a zero flag. A product without a debt kind has a zero in its place, which is equity's number and no
/// product's. Products are always spelled out, the default ones too. The first format began with the number of assets,
/// which is never zero, and the second had the number 2, so no table of them has the message of one of this.
pub fn asset_table_digest(hasher: &Hasher, table: &AssetTable) -> Digest {
    let mut elements = vec![F::ZERO, F::from_u8(3)];
    elements.push(F::from_usize(table.len()));
    for asset in table.assets() {
        push_bytes(&mut elements, asset.symbol.as_str().as_bytes());
        elements.push(F::from_u8(asset.decimals));
        match asset.price {
            None => elements.push(F::ZERO),
            Some(price) => {
                elements.push(F::ONE);
                push_u64(&mut elements, price.mantissa);
                elements.push(F::from_u8(price.scale));
                // A table has no record without a price.
                push_record(&mut elements, asset.price_record.as_ref());
            }
        }
        elements.push(F::from_usize(asset.haircuts.len()));
        for haircuts in &asset.haircuts {
            elements.push(F::from_u8(haircuts.kind.number()));
            elements.push(F::from_usize(haircuts.tiers.len()));
            for tier in &haircuts.tiers {
                push_u64(&mut elements, tier.up_to);
                elements.push(F::from_u8(tier.percent));
            }
        }
        match asset.supply_cap {
            None => elements.push(F::ZERO),
            Some(cap) => {
                elements.push(F::ONE);
                push_u64(&mut elements, cap);
            }
        }
    }
    elements.push(F::from_usize(table.products().len()));
    for product in table.products().iter() {
        push_bytes(&mut elements, product.name.as_str().as_bytes());
        elements.push(F::from_u8(product.collateral.number()));
        elements.push(F::from_u8(product.debt.map_or(0, Kind::number)));
    }
    hasher.sponge(Tag::Assets, &elements)
}

/// An asset table and its digest, which takes thousands of permutations and is computed just once.
#[derive(Clone, Debug)]
pub struct HashedAssets {
    table: AssetTable,
    digest: Digest,
}

impl HashedAssets {
    /// Computes the digest of a table.
    pub fn new(hasher: &Hasher, table: AssetTable) -> Self {
        let digest = asset_table_digest(hasher, &table);
        Self { table, digest }
    }

    /// The table.
    pub const fn table(&self) -> &AssetTable {
        &self.table
    }

    /// Its digest.
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }
}

/// Digest of an epoch: entity, name, time and asset table. Account keys, salts and the published root hang on it, so
/// nothing of one epoch, entity or asset table can stand in for another.
pub fn epoch_digest(hasher: &Hasher, entity: &Entity, epoch: &Epoch, assets: &Digest) -> Digest {
    let mut elements = Vec::new();
    elements.extend(entity_digest(hasher, entity).0);
    push_bytes(&mut elements, epoch.id().as_bytes());
    push_u64(&mut elements, epoch.time());
    elements.extend(assets.0);
    hasher.sponge(Tag::Epoch, &elements)
}

/// The root that is published: it binds the epoch and the depth beside the digest at the top of the tree.
pub fn published_root(hasher: &Hasher, epoch: &Digest, depth: usize, top: &Digest) -> Digest {
    let mut elements = Vec::with_capacity(17);
    elements.extend(epoch.0);
    elements.push(F::from_usize(depth));
    elements.extend(top.0);
    hasher.sponge(Tag::Root, &elements)
}

fn push_record(elements: &mut Vec<F>, record: Option<&PriceRecord>) {
    let Some(record) = record else { return elements.push(F::ZERO) };
    elements.push(F::ONE);
    elements.extend([record.grade.number(), record.method.number(), record.sources].map(F::from_u8));
    for number in [record.oldest, record.newest, record.deviation_ppm.into()] {
        push_u64(elements, number);
    }
    push_bytes(elements, &record.file.0);
}

fn push_u64(elements: &mut Vec<F>, number: u64) {
    let mask = (1 << 22) - 1;
    elements.extend([number & mask, number >> 22 & mask, number >> 44].map(F::from_u64));
}
