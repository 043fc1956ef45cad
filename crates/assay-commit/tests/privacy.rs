//! A20: what receipts, leaves and errors must not tell.
#![allow(clippy::unwrap_used)]

use assay_commit::{
    Committer, Digest, EpochSecret, Hasher, Path, Receipt, Salt, Subtree, UpperTree, asset_table_digest,
    epoch_digest, published_root,
};
use assay_statement::{Amount, Asset, AssetTable, Entity, Entry, EntryKey, Epoch, Kind, Symbol, Uid};

const UIDS: [&str; 3] = ["alice@example.org", "bob@example.org", "carol@example.org"];

fn assets() -> AssetTable {
    AssetTable::new(vec![Asset::new(Symbol::new("BTC").unwrap(), 8)]).unwrap()
}

fn entry(amount: u128) -> Entry {
    Entry { key: EntryKey::new(0, Kind::EQUITY).unwrap(), amount: Amount::new(amount).unwrap() }
}

struct Made {
    keys: Vec<Digest>,
    salts: Vec<Salt>,
    leaves: Vec<Digest>,
    receipts: Vec<Receipt>,
    root: Digest,
}

/// Three accounts with these amounts, in the order of their leaf keys or not: paths don't care.
fn make(epoch: &str, secret: u8, amounts: [u128; 3]) -> Made {
    let hasher = Hasher::new();
    let entity = Entity::new("example.org").unwrap();
    let epoch = Epoch::new(epoch, 5).unwrap();
    let assets = assets();
    let digest = epoch_digest(&hasher, &entity, &epoch, &asset_table_digest(&hasher, &assets));
    let committer = Committer::new(hasher.clone(), &entity, &digest);
    let salts = committer.salts(&EpochSecret::new([secret; 32]), &digest);
    let (keys, salts): (Vec<_>, Vec<_>) = committer.identify(&salts, &UIDS).into_iter().unzip();
    let lists = amounts.map(|amount| vec![entry(amount)]);
    let leaves: Vec<Digest> = (0..3).map(|i| committer.leaf(&keys[i], &salts[i], &lists[i])).collect();
    let subtree = Subtree::build(&hasher, leaves.clone()).unwrap();
    let upper = UpperTree::build(&hasher, vec![subtree.top()]).unwrap();
    let root = published_root(&hasher, &digest, upper.depth(), &upper.top());
    let receipts = (0..3)
        .map(|i| {
            let path = Path::new(&subtree, &upper, 0, i);
            Receipt::new(&entity, &epoch, &assets, &root, &salts[i], &lists[i], &path).unwrap()
        })
        .collect();
    Made { keys, salts, leaves, receipts, root }
}

/// A neighbour appears in a receipt as one digest of 248 bits that hides its balance behind its own salt.
#[test]
fn a20_siblings_are_hashes_only() {
    let made = make("2026-q3", 1, [7, 123_456_789, 9]);
    let json = made.receipts[0].to_json().unwrap();
    for secret in ["123456789", "bob", "carol"] {
        assert!(!json.contains(secret));
    }
    assert_eq!(made.receipts[0].path[0], made.leaves[1].to_hex());

    // Whoever guesses the neighbour's uid and balance right can't confirm it without the neighbour's salt: the leaf
    // under another salt is another one, here that of the one who guesses.
    let hasher = Hasher::new();
    let entity = Entity::new("example.org").unwrap();
    let epoch = Epoch::new("2026-q3", 5).unwrap();
    let digest = epoch_digest(&hasher, &entity, &epoch, &asset_table_digest(&hasher, &assets()));
    let committer = Committer::new(hasher, &entity, &digest);
    let key = committer.account_key(&committer.uid_digest(&Uid::new(UIDS[1]).unwrap()));
    assert_eq!(key, made.keys[1]);
    assert_ne!(committer.leaf(&key, &made.salts[0], &[entry(123_456_789)]), made.leaves[1]);
    assert_eq!(committer.leaf(&key, &made.salts[1], &[entry(123_456_789)]), made.leaves[1]);
}

/// The same customers with the same balances and the same secret: two epochs share no key, salt, leaf or digest.
#[test]
fn a20_epochs_do_not_link() {
    let (a, b) = (make("2026-q3", 1, [7, 8, 9]), make("2026-q4", 1, [7, 8, 9]));
    assert_ne!(a.root, b.root);
    for i in 0..3 {
        assert_ne!(a.keys[i], b.keys[i]);
        assert!(a.salts[i].0.iter().zip(b.salts[i].0).all(|(a, b)| *a != b));
        assert_ne!(a.leaves[i], b.leaves[i]);
    }
    let empty = assay_commit::EMPTY.to_hex();
    for (a, b) in a.receipts.iter().zip(&b.receipts) {
        assert!(a.path.iter().all(|digest| *digest == empty || !b.path.contains(digest)));
    }
}

/// Salts differ between customers and between secrets.
#[test]
fn a20_salts_are_separate() {
    let (a, b) = (make("2026-q3", 1, [7, 7, 7]), make("2026-q3", 2, [7, 7, 7]));
    assert!(a.salts[0] != a.salts[1] && a.salts[0] != b.salts[0]);
    assert_eq!(a.keys, b.keys, "keys need no secret: customers compute them");
    assert_ne!(a.leaves, b.leaves);
}

/// Errors say what is wrong with a receipt, never what it holds.
#[test]
fn a20_errors_hold_no_balance() {
    let made = make("2026-q3", 1, [987_654_321, 8, 9]);
    let entity = Entity::new("example.org").unwrap();
    let mut receipt = made.receipts[0].clone();
    receipt.entries[0].amount = "987654321x".into();
    let uid = Uid::new(UIDS[0]).unwrap();
    let error = receipt.verify(&uid, &assets(), &entity, &made.root).err().unwrap();
    let json = made.receipts[0].to_json().unwrap().replace("\"987654321\"", "987654321");
    let malformed = Receipt::from_json(json.as_bytes()).err().unwrap();
    for text in [format!("{error} {error:?}"), format!("{malformed} {malformed:?}"), format!("{uid:?}")] {
        assert!(!text.contains("987654321") && !text.contains("alice"), "{text}");
    }
}
