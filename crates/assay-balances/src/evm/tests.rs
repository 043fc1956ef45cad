use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Recorded {
    hash: String,
    height: u64,
    evidence: EvmEvidence,
}

fn recorded() -> (EvmBlock, u64, EvmEvidence) {
    parse(include_str!("../../testdata/evm.json"))
}

fn parse(json: &str) -> (EvmBlock, u64, EvmEvidence) {
    let recorded: Recorded = serde_json::from_str(json).unwrap();
    let block = EvmBlock { chain_id: 31337, hash: array("hash", &recorded.hash).unwrap() };
    (block, recorded.height, recorded.evidence)
}

fn holder(number: u16) -> [u8; 20] {
    let mut address = [0; 20];
    address[18..].copy_from_slice(&(0xa000 + number).to_be_bytes());
    address
}

fn token() -> TokenLayout {
    let mut supply = [0; 32];
    supply[31] = 2;
    TokenLayout {
        contract: [0x70; 20],
        balances: [0; 32],
        order: MappingOrder::Solidity,
        supply: Some(supply),
        code_hash: None,
    }
}

/// All that the recorded file shows.
fn everything(block: &EvmBlock, evidence: &EvmEvidence) -> Result<Vec<u128>, EvmError> {
    let state = evidence.verify(block)?;
    let token = token();
    let words = [
        state.account(&holder(0))?.balance,
        state.account(&holder(7))?.balance,
        state.account(&[0xde; 20])?.balance,
        state.token_balance(&token, &holder(0))?,
        state.token_balance(&token, &holder(7))?,
        state.token_balance(&token, &holder(55))?,
        state.token_supply(&token)?,
    ];
    Ok(words.iter().map(|word| word.to_u128().unwrap()).collect())
}

#[test]
fn recorded_evidence_shows_balances() {
    let (block, height, evidence) = recorded();
    let wei = 10u128.pow(18);
    let supply = 50 * 1_000_000 + 49 * 25;
    assert_eq!(everything(&block, &evidence).unwrap(), [wei, wei + 7, 0, 1_000_000, 1_000_007, 0, supply]);
    assert_eq!(evidence.verify(&block).unwrap().height(), height);
    let again = EvmEvidence::from_json(&serde_json::to_vec(&evidence).unwrap()).unwrap();
    assert_eq!(again, evidence);
}

#[test]
#[ignore = "needs a recording of a node, see .ci/live"]
fn a_fresh_recording_shows_the_same() {
    let path = std::env::var("ASSAY_EVM_RECORDING").unwrap();
    let (block, _, fresh) = parse(&std::fs::read_to_string(path).unwrap());
    let (old, _, evidence) = recorded();
    assert_eq!(everything(&block, &fresh), everything(&old, &evidence));
}

#[test]
fn another_block_or_chain_is_refused() {
    let (block, _, evidence) = recorded();
    let other = EvmBlock { hash: [1; 32], ..block };
    assert!(matches!(evidence.verify(&other), Err(EvmError::WrongBlock { .. })));
    let other = EvmBlock { chain_id: 1, ..block };
    assert!(matches!(evidence.verify(&other), Err(EvmError::WrongChain { expected: 1, got: 31337 })));
}

#[test]
fn a_header_with_another_state_root_is_another_block() {
    let (block, _, mut evidence) = recorded();
    let root = hex::encode(&evidence.verify(&block).unwrap().state_root);
    evidence.header = evidence.header.replace(&root, &"11".repeat(32));
    assert!(matches!(evidence.verify(&block), Err(EvmError::WrongBlock { .. })));
    // Were the hash the attacker's too, the path would still not start there.
    let block = EvmBlock { hash: keccak(&bytes("header", &evidence.header).unwrap()), ..block };
    let state = evidence.verify(&block).unwrap();
    assert_eq!(state.account(&holder(0)), Err(EvmError::AccountProof(TrieError::Hash)));
}

#[test]
fn a_proof_of_another_account_or_slot_is_refused() {
    let (block, _, mut evidence) = recorded();
    // The richest path under a poor address: it shows an exclusion at best, never the other's coins.
    evidence.accounts[3].proof = evidence.accounts[1].proof.clone();
    assert!(everything(&block, &evidence).is_err());
    let (_, _, mut evidence) = recorded();
    evidence.accounts[0].storage[2].proof = evidence.accounts[0].storage[0].proof.clone();
    assert!(everything(&block, &evidence).is_err());
    let (_, _, mut evidence) = recorded();
    evidence.accounts[0].storage[0].slot = format!("0x{}", "00".repeat(32));
    let missing = evidence.verify(&block).unwrap().token_balance(&token(), &holder(0));
    assert_eq!(missing, Err(EvmError::Missing { what: "slot" }));
    assert_eq!(
        evidence.verify(&block).unwrap().account(&holder(1)),
        Err(EvmError::Missing { what: "address" })
    );
}

#[test]
fn an_exclusion_shows_no_coins() {
    let (block, _, mut evidence) = recorded();
    evidence.accounts[1].proof = evidence.accounts[3].proof.clone();
    let account = evidence.verify(&block).unwrap().account(&holder(0));
    assert!(account.is_err() || account.unwrap().balance == Word::default());
}

#[test]
fn truncated_and_longer_paths_are_refused() {
    let (block, _, evidence) = recorded();
    for number in 0..4 {
        for keep in 0..evidence.accounts[number].proof.len() {
            let mut cut = evidence.clone();
            cut.accounts[number].proof.truncate(keep);
            assert_eq!(everything(&block, &cut), Err(EvmError::AccountProof(TrieError::Truncated)));
        }
        let mut longer = evidence.clone();
        longer.accounts[number].proof.push(evidence.accounts[0].proof[0].clone());
        assert_eq!(everything(&block, &longer), Err(EvmError::AccountProof(TrieError::Extra)));
    }
    for number in 0..4 {
        let mut cut = evidence.clone();
        cut.accounts[0].storage[number].proof.pop();
        assert_eq!(everything(&block, &cut), Err(EvmError::StorageProof(TrieError::Truncated)));
        let mut longer = evidence.clone();
        longer.accounts[0].storage[number].proof.push("0x80".into());
        assert_eq!(everything(&block, &longer), Err(EvmError::StorageProof(TrieError::Extra)));
    }
}

#[test]
fn the_slot_and_the_code_are_the_policys() {
    let (block, _, evidence) = recorded();
    let state = evidence.verify(&block).unwrap();
    let vyper = TokenLayout { order: MappingOrder::Vyper, ..token() };
    assert_eq!(state.token_balance(&vyper, &holder(0)), Err(EvmError::Missing { what: "slot" }));
    let pinned = TokenLayout { code_hash: Some([1; 32]), ..token() };
    assert_eq!(state.token_balance(&pinned, &holder(0)), Err(EvmError::OtherCode));
    let empty = TokenLayout { contract: holder(0), ..token() };
    assert_eq!(state.token_balance(&empty, &holder(0)), Err(EvmError::NoContract));
    assert_eq!(state.token_supply(&TokenLayout { supply: None, ..token() }), Err(EvmError::NoSupplySlot));
}

#[test]
fn a_repeated_account_is_refused() {
    let (block, _, mut evidence) = recorded();
    evidence.accounts.push(evidence.accounts[1].clone());
    assert!(matches!(evidence.verify(&block), Err(EvmError::Duplicate { what: "an address" })));
}

#[test]
fn every_flipped_byte_is_noticed() {
    let (block, _, evidence) = recorded();
    let honest = everything(&block, &evidence).unwrap();
    let json = serde_json::to_vec(&evidence).unwrap();
    for place in 0..json.len() {
        let mut bytes = json.clone();
        bytes[place] ^= 1 << (place % 8);
        let seen = EvmEvidence::from_json(&bytes).and_then(|evidence| everything(&block, &evidence));
        assert!(seen.is_err(), "byte {place}: {seen:?} and {honest:?}");
    }
}

#[test]
fn headers_of_all_forks_and_no_others_are_read() {
    let (_, height, evidence) = recorded();
    let header = bytes("header", &evidence.header).unwrap();
    let fields = Item::whole(&header).unwrap().list(21).unwrap();
    assert_eq!(fields.len(), 21);
    let with = |count: usize, change: Option<(usize, &[u8])>| {
        let mut parts: Vec<&[u8]> = fields.iter().map(|field| field.encoded).collect();
        parts.resize(count, &[0x80]);
        if let Some((place, field)) = change {
            parts[place] = field;
        }
        let payload = parts.concat();
        let length = u16::try_from(payload.len()).unwrap();
        let header = [&[0xf9][..], &length.to_be_bytes(), &payload].concat();
        Header::decode(&header).map(|header| header.number)
    };
    for count in 8..24 {
        let known = [15, 16, 17, 20, 21].contains(&count);
        assert_eq!(with(count, None), if known { Ok(height) } else { Err(RlpError::Shape) }, "{count}");
    }
    // Numbers with zeros in front, hashes of no bytes, lists.
    for place in 0..21 {
        assert!(with(21, Some((place, &[0x00]))).is_err() || place == 12, "{place}");
        assert!(with(21, Some((place, &[0xc0]))).is_err(), "{place}");
    }
}

/// A leaf with `path` of nibbles, which are even in number.
fn leaf(path: &[u8], value: &[u8]) -> Vec<u8> {
    let compact: Vec<u8> =
        std::iter::once(0x20).chain(path.chunks(2).map(|pair| pair[0] << 4 | pair[1])).collect();
    list(&[string(&compact), string(value)].concat())
}

fn string(bytes: &[u8]) -> Vec<u8> {
    match bytes {
        [byte] if *byte < 0x80 => vec![*byte],
        _ => [&[0x80 + u8::try_from(bytes.len()).unwrap()], bytes].concat(),
    }
}

fn list(payload: &[u8]) -> Vec<u8> {
    match u8::try_from(payload.len()).unwrap() {
        short @ 0..56 => [&[0xc0 + short], payload].concat(),
        long => [&[0xf8, long], payload].concat(),
    }
}

#[test]
fn single_leaves_and_their_other_spellings() {
    let key = [0x12; 32];
    let nibbles: Vec<u8> = key.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect();
    let node = leaf(&nibbles, &[5]);
    let at = |node: Vec<u8>, key: &[u8; 32]| lookup(&keccak(&node), key, &[node]);
    assert_eq!(at(node.clone(), &key), Ok(Some(vec![5])));
    assert_eq!(at(node.clone(), &[0x13; 32]), Ok(None));
    // The value 5 in two bytes.
    let padded = list(&[string(&[&[0x20][..], &key].concat()), vec![0x81, 5]].concat());
    assert_eq!(at(padded, &key), Err(TrieError::Rlp(RlpError::NonCanonical)));
    // A leaf whose path is too short for a key.
    assert!(matches!(at(leaf(&nibbles[..62], &[5]), &key), Err(TrieError::Node(_))));
    let trailing = [node, vec![0]].concat();
    assert_eq!(at(trailing, &key), Err(TrieError::Rlp(RlpError::Trailing)));
    let empty = keccak(&[0x80]);
    assert_eq!(lookup(&empty, &key, &[]), Ok(None));
    assert_eq!(lookup(&empty, &key, &[vec![0x80]]), Ok(None));
    assert_eq!(lookup(&empty, &key, &[vec![0x80], vec![]]), Err(TrieError::Extra));
}

#[test]
fn inlined_nodes_are_read_inside_their_parents() {
    // An extension over 62 nibbles to a branch of two leaves of one nibble's room each, all inlined where short.
    let leaf_a = list(&[vec![0x30], string(&[7])].concat());
    let leaf_b = list(&[vec![0x31], string(&[9])].concat());
    let mut payload = [leaf_a.clone(), leaf_b].concat();
    payload.extend([0x80; 15]);
    let branch = list(&payload);
    assert!(branch.len() < 32);
    let path = [&[0x00][..], &[0xab; 31]].concat();
    let root = list(&[string(&path), branch.clone()].concat());
    let mut key = [0xab; 32];
    key[31] = 0x00;
    let hash = keccak(&root);
    assert_eq!(lookup(&hash, &key, std::slice::from_ref(&root)), Ok(Some(vec![7])));
    key[31] = 0x11;
    assert_eq!(lookup(&hash, &key, std::slice::from_ref(&root)), Ok(Some(vec![9])));
    key[31] = 0x20;
    assert_eq!(lookup(&hash, &key, std::slice::from_ref(&root)), Ok(None));
    key[31] = 0x00;
    assert_eq!(lookup(&hash, &key, &[root, branch.clone()]), Err(TrieError::Extra));
    // The short branch behind a hash: another root, and no form that a trie has.
    let root = list(&[string(&path), string(&keccak(&branch))].concat());
    assert!(matches!(lookup(&keccak(&root), &key, &[root, branch]), Err(TrieError::Node(_))));
}

#[test]
fn nodes_that_no_trie_has_are_refused() {
    let key = [0xab; 32];
    let at = |nodes: &[Vec<u8>]| lookup(&keccak(&nodes[0]), &key, nodes);
    let refused = |nodes: &[Vec<u8>]| matches!(at(nodes), Err(TrieError::Node(_)));
    let child = string(&[1; 32]);
    let branch = |children: &[Vec<u8>], value: &[u8]| {
        let empty = vec![0x80; 16 - children.len()];
        list(&[children.concat(), empty, string(value)].concat())
    };
    // The child at nibble 10 is missing: an exclusion, if the branch is one.
    assert_eq!(at(&[branch(&[child.clone(), child.clone()], &[])]), Ok(None));
    assert!(refused(&[branch(std::slice::from_ref(&child), &[])]));
    assert!(refused(&[branch(&[child.clone(), child.clone()], &[5])]));
    assert!(refused(&[branch(&[child.clone(), string(&[1; 31])], &[])]));
    // A path in two extensions.
    let lower = list(&[string(&[&[0x00][..], &[0xab; 20]].concat()), child.clone()].concat());
    let upper = list(&[string(&[&[0x00][..], &[0xab; 4]].concat()), string(&keccak(&lower))].concat());
    assert!(refused(&[upper, lower]));
    // An extension without nibbles, with flags that don't exist, to nothing, and to below a key.
    for (path, child) in [
        (vec![0x00], child.clone()),
        (vec![0x40, 0xab], child.clone()),
        (vec![0x01, 0xab], child.clone()),
        (vec![0x00, 0xab], vec![0x80]),
        ([&[0x00][..], &[0xab; 32]].concat(), child.clone()),
        ([&[0x00][..], &[0xab; 33]].concat(), child),
    ] {
        assert!(refused(&[list(&[string(&path), child].concat())]), "{path:?}");
    }
}

proptest! {
    #[test]
    fn random_bytes_never_verify(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let (block, _, mut evidence) = recorded();
        prop_assert!(EvmEvidence::from_json(&bytes).is_err());
        let _ = Header::decode(&bytes);
        let _ = Account::decode(&bytes);
        // With the hash made to fit, the node's own rules are all that is left.
        let _ = lookup(&keccak(&bytes), &[0x12; 32], std::slice::from_ref(&bytes));
        evidence.accounts[1].proof = vec![format!("0x{}", hex::encode(&bytes))];
        prop_assert!(everything(&block, &evidence).is_err());
    }
}

/// The price of one account's path, for people: `cargo test -p assay-balances cost -- --ignored --nocapture`.
#[test]
#[ignore = "prints a measurement"]
fn cost_of_a_path() {
    let (block, _, evidence) = recorded();
    let state = evidence.verify(&block).unwrap();
    let start = std::time::Instant::now();
    for _ in 0..1000 {
        state.account(&holder(0)).unwrap();
    }
    let account = start.elapsed();
    let start = std::time::Instant::now();
    for _ in 0..1000 {
        state.token_balance(&token(), &holder(0)).unwrap();
    }
    eprintln!("account {:?}, token {:?}", account / 1000, start.elapsed() / 1000);
}
