//! Receipts: what an honest one proves, and what a dishonest exchange tries with them.
#![allow(clippy::unwrap_used)]

use assay_commit::{
    Committer, Digest, EpochSecret, Hasher, Path, Receipt, ReceiptError, Subtree, UpperTree,
    asset_table_digest, epoch_digest, published_root,
};
use assay_statement::{Amount, Asset, AssetTable, Entity, Entry, EntryKey, Epoch, Kind, Symbol, Uid};

struct World {
    entity: Entity,
    epoch: Epoch,
    assets: AssetTable,
    root: Digest,
    receipts: Vec<Receipt>,
}

fn assets(symbols: [&str; 2]) -> AssetTable {
    AssetTable::new(symbols.map(|symbol| Asset::new(Symbol::new(symbol).unwrap(), 8)).to_vec()).unwrap()
}

fn world(entity: &str, epoch: &str) -> World {
    let entity = Entity::new(entity).unwrap();
    let epoch = Epoch::new(epoch, 1_790_000_000).unwrap();
    let assets = assets(["BTC", "ETH"]);
    let hasher = Hasher::new();
    let epoch_digest = epoch_digest(&hasher, &entity, &epoch, &asset_table_digest(&hasher, &assets));
    let committer = Committer::new(hasher.clone(), &entity, &epoch_digest);
    let salts = committer.salts(&EpochSecret::new([9; 32]), &epoch_digest);
    let identities = committer.identify(&salts, &["alice", "bob", "carol"]);
    let lists: Vec<Vec<Entry>> = (0..3)
        .map(|i| {
            (0..i)
                .map(|asset| Entry {
                    key: EntryKey::new(asset, Kind::EQUITY).unwrap(),
                    amount: Amount::new(500 + asset as u128).unwrap(),
                })
                .collect()
        })
        .collect();
    let leaves: Vec<Digest> =
        identities.iter().zip(&lists).map(|((key, salt), list)| committer.leaf(key, salt, list)).collect();
    let subtree = Subtree::build(&hasher, leaves).unwrap();
    let upper = UpperTree::build(&hasher, vec![subtree.top()]).unwrap();
    let root = published_root(&hasher, &epoch_digest, upper.depth(), &upper.top());
    let receipts = (0..3)
        .map(|i| {
            let path = Path::new(&subtree, &upper, 0, i);
            Receipt::new(&entity, &epoch, &assets, &root, &identities[i].1, &lists[i], &path).unwrap()
        })
        .collect();
    World { entity, epoch, assets, root, receipts }
}

fn verify(world: &World, receipt: &Receipt, uid: &str) -> Result<(), ReceiptError> {
    let receipt = Receipt::from_json(receipt.to_json().unwrap().as_bytes())?;
    receipt.verify(&Uid::new(uid).unwrap(), &world.assets, &world.entity, &world.root).map(|verified| {
        assert_eq!(verified.epoch, world.epoch);
        assert_eq!(verified.entries.len(), receipt.entries.len());
    })
}

#[test]
fn honest_receipts_check_out() {
    let world = world("example.org", "2026-q3");
    for (receipt, uid) in world.receipts.iter().zip(["alice", " bob\n", "carol"]) {
        assert_eq!(verify(&world, receipt, uid), Ok(()));
        assert!(receipt.to_json().unwrap().len() <= 4096);
        assert!(!receipt.to_json().unwrap().contains(uid.trim()), "a receipt never holds the uid");
    }
}

/// A1: one leaf shown to two customers.
#[test]
fn a1_a_leaf_serves_one_uid() {
    let world = world("example.org", "2026-q3");
    assert_eq!(verify(&world, &world.receipts[1], "alice"), Err(ReceiptError::NotIncluded));
    assert_eq!(verify(&world, &world.receipts[1], "Bob"), Err(ReceiptError::NotIncluded));
}

/// A15: every change of position, path, salt, entries or their order.
#[test]
fn a15_every_change_is_refused() {
    let world = world("example.org", "2026-q3");
    let honest = &world.receipts[2];
    let refused = |change: &dyn Fn(&mut Receipt)| {
        let mut receipt = honest.clone();
        change(&mut receipt);
        assert!(verify(&world, &receipt, "carol").is_err());
    };
    refused(&|receipt| receipt.position ^= 1);
    refused(&|receipt| receipt.position += 1 << 18);
    refused(&|receipt| receipt.position = u64::MAX);
    refused(&|receipt| drop(receipt.path.pop()));
    refused(&|receipt| receipt.path.push(receipt.path[0].clone()));
    refused(&|receipt| receipt.path.extend(vec![receipt.path[0].clone(); 40]));
    for level in 0..honest.path.len() {
        refused(&|receipt| receipt.path[level] = receipt.root.clone());
    }
    refused(&|receipt| {
        receipt.salt.replace_range(0..1, if receipt.salt.starts_with('0') { "1" } else { "0" })
    });
    refused(&|receipt| receipt.salt.clear());
    refused(&|receipt| receipt.entries[0].amount = "501".into());
    refused(&|receipt| receipt.entries[0].amount = "0500".into());
    refused(&|receipt| receipt.entries[0].amount = "-500".into());
    refused(&|receipt| receipt.entries[0].amount = "1".repeat(200));
    refused(&|receipt| receipt.entries[0].kind = "debt".into());
    refused(&|receipt| receipt.entries[0].asset = "ETH".into());
    refused(&|receipt| receipt.entries.reverse());
    refused(&|receipt| drop(receipt.entries.pop()));
    refused(&|receipt| receipt.entries.push(receipt.entries[1].clone()));
    refused(&|receipt| receipt.epoch.time += 1);
    refused(&|receipt| receipt.epoch.id = "2026-q4".into());
    refused(&|receipt| receipt.version = 2);
    refused(&|receipt| receipt.format = "other".into());
}

/// A28: a receipt of an older epoch or another entity, with and without its labels changed.
#[test]
fn a28_receipts_belong_to_one_epoch_and_entity() {
    let now = world("example.org", "2026-q3");
    for other in [world("example.org", "2026-q2"), world("example.com", "2026-q3")] {
        let mut receipt = other.receipts[1].clone();
        assert!(verify(&now, &receipt, "bob").is_err());
        receipt.entity = now.entity.as_str().into();
        receipt.epoch.id = now.epoch.id().into();
        receipt.root = now.root.to_hex();
        assert_eq!(verify(&now, &receipt, "bob"), Err(ReceiptError::NotIncluded));
    }
}

/// The root binds the asset table: other decimals or symbols don't pass.
#[test]
fn the_asset_table_is_bound() {
    let mut world = world("example.org", "2026-q3");
    world.assets = assets(["BTC", "ETHX"]);
    assert_eq!(verify(&world, &world.receipts[1], "bob"), Err(ReceiptError::NotIncluded));
}

/// A25: no bytes crash the parser.
#[test]
fn a25_malformed_bytes_are_errors() {
    let json = world("example.org", "2026-q3").receipts[2].to_json().unwrap().into_bytes();
    for end in 0..json.len() - 1 {
        assert!(Receipt::from_json(&json[..end]).is_err());
    }
    let mut trailing = json.clone();
    trailing.extend(b"{}");
    assert!(Receipt::from_json(&trailing).is_err());
    assert_eq!(
        Receipt::from_json(&vec![b' '; assay_commit::MAX_RECEIPT_BYTES + 1]).err(),
        Some(ReceiptError::TooLarge)
    );
    let nested = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
    assert!(Receipt::from_json(&nested).is_err());
}
