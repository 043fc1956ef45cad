//! A21: old and unbound signatures.

use assay_ownership::{
    BlockMark, ChainChecks, Challenge, Claim, Control, Evidence, Fact, Grade, Invalid, Network,
    OwnershipError, Proved, Unbound, grade, verify,
};
use assay_statement::{Entity, Epoch};
use bitcoin::opcodes::all::{OP_CHECKMULTISIG, OP_PUSHNUM_2, OP_PUSHNUM_3};
use bitcoin::secp256k1::SecretKey;
use bitcoin::{Address, NetworkKind, ScriptBuf};

use super::keys::{ethereum, hex, key, personal, public, sign_edwards, sign_message, sign_recoverable};
use super::{check, check_with};

const HEADER: &str = "Bitcoin Signed Message:\n";
const ETHEREUM: Network<'_> = Network::Evm { chain_id: 1 };

fn challenge(epoch: &str) -> Challenge {
    Challenge::new(
        Entity::new("example.org").unwrap(),
        Epoch::new(epoch, 1_798_675_200).unwrap(),
        [1; 32],
        [2; 32],
        [3; 32],
        vec![BlockMark { network: "bitcoin".into(), height: 930_000, hash: [4; 32] }],
    )
    .unwrap()
}

fn account(secret: &SecretKey) -> String {
    format!("0x{}", hex(&ethereum(secret)))
}

fn signed(secret: &SecretKey, message: &str) -> Control {
    let signature = sign_recoverable(secret, personal(message.as_bytes()));
    check(ETHEREUM, &account(secret), message, &[&signature]).unwrap()
}

#[test]
fn a21_static_message_is_replayable() {
    let now = challenge("2026-q4");
    let checks = ChainChecks::default();
    let controls = |message: &str| [signed(&key(1), message)];
    assert_eq!(grade(&[], &now, checks), Grade::O0);
    for replayed in ["I am an example.org address", &challenge("2026-q3").to_text(), ""] {
        assert_eq!(grade(&controls(replayed), &now, checks), Grade::O1);
        // No check on the chain makes an old signature new.
        assert_eq!(
            grade(&controls(replayed), &now, ChainChecks { assumptions: true, moved: false }),
            Grade::O1
        );
    }
    // The challenge with something around it is somebody's message, not the challenge.
    let around = format!("I don't mean this:\n{}", now.to_text());
    assert_eq!(grade(&controls(&around), &now, checks), Grade::O1);
    assert_eq!(grade(&controls(&now.to_text()), &now, checks), Grade::O2);
}

#[test]
fn a21_typed_challenge_binds_the_epoch() {
    let now = challenge("2026-q4");
    let json = now.to_typed_data();
    let signature = sign_recoverable(&key(1), assay_ownership::typed_data_hash(&json).unwrap());
    let evidence = Evidence { signatures: &[&signature], typed_data: Some(&json), ..Evidence::default() };
    let control = check_with(ETHEREUM, &account(&key(1)), &json, evidence).unwrap();
    assert_eq!(grade(core::slice::from_ref(&control), &now, ChainChecks::default()), Grade::O2);
    assert_eq!(grade(&[control], &challenge("2027-q1"), ChainChecks::default()), Grade::O1);
}

#[test]
fn a21_key_not_bound_to_the_address() {
    // A good signature by a key of the exchange's own, beside somebody else's address.
    let own = sign_recoverable(&key(1), personal(b"m"));
    assert!(matches!(
        check(ETHEREUM, &account(&key(2)), "m", &[&own]),
        Err(OwnershipError::Unbound(Unbound::OtherAddress { .. }))
    ));
    let own = sign_message(&key(1), HEADER, "m", 31);
    assert!(matches!(
        check(Network::Bitcoin, "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "m", &[&own]),
        Err(OwnershipError::Unbound(Unbound::OtherAddress { .. }))
    ));
    let shown = hex(&super::keys::edwards(1).verifying_key().to_bytes());
    let signature = sign_edwards(1, b"m");
    let evidence = Evidence { signatures: &[&signature], public_key: Some(&shown), ..Evidence::default() };
    for (network, address) in [
        (Network::Solana, "7bzoTJhZmpU1vQVjN63fQ3iVYmWCVgQh1sYSqsjuapU9"),
        (Network::Aptos, "0x327dd297dfacf7c2d8207aaa23c0f0e8bcaf4c1612febbf63b9f7376810b8ec8"),
        (Network::Sui, "0x327dd297dfacf7c2d8207aaa23c0f0e8bcaf4c1612febbf63b9f7376810b8ec8"),
        (Network::Ton, "EQA5rifVSCc8qQfpCXvq4zJGJPsA0EPCDoWdtg234INftsWj"),
        (Network::Substrate { prefix: 0 }, "15WXogcgXnHsZ1FeuNc6cg34i8R6JCXgWrDLNLERLLesJ7bf"),
        (Network::Stellar, "GBXFXNDLV4LSWA4VB7YIL5GBD7BVNR22SGBTDKMO2SBZZHDXSKZYCP7L"),
        (Network::Near, "reserve.near"),
    ] {
        assert!(
            matches!(check_with(network, address, "m", evidence), Err(OwnershipError::Unbound(_))),
            "{address}"
        );
    }
}

/// `2 <keys> 3 OP_CHECKMULTISIG` and its address.
fn two_of_three(keys: [&SecretKey; 3]) -> (String, String) {
    let mut script = ScriptBuf::builder().push_opcode(OP_PUSHNUM_2);
    for key in keys {
        script = script.push_slice(public(key).serialize());
    }
    let script = script.push_opcode(OP_PUSHNUM_3).push_opcode(OP_CHECKMULTISIG).into_script();
    (Address::p2sh(&script, NetworkKind::Main).unwrap().to_string(), hex(script.as_bytes()))
}

#[test]
fn a21_one_key_twice_in_two_of_three() {
    let (a, b, c) = (key(1), key(2), key(3));
    let (address, script) = two_of_three([&a, &b, &c]);
    let claim = |address: &str, script: &str, signatures: &[&str]| {
        check_with(
            Network::Bitcoin,
            address,
            "m",
            Evidence { signatures, script: Some(script), ..Evidence::default() },
        )
    };
    let sign = |key: &SecretKey, base| sign_message(key, HEADER, "m", base);
    let (one, two) = (sign(&a, 31), sign(&b, 31));
    assert_eq!(claim(&address, &script, &[&one, &two]).unwrap().keys.len(), 2);
    let short = Err(OwnershipError::Invalid(Invalid::Threshold { required: 2, found: 1 }));
    assert_eq!(claim(&address, &script, &[&one, &one]), short);
    // The same key under another header byte, and the other signature of the same message.
    assert_eq!(claim(&address, &script, &[&one, &sign(&a, 27)]), short);
    assert_eq!(claim(&address, &script, &[&one]), short);
    // A script that lists one key twice has two keys for its network, but one person.
    let (address, script) = two_of_three([&a, &a, &c]);
    assert_eq!(claim(&address, &script, &[&one, &one]), short);
}

#[test]
fn a21_owner_given_instead_of_a_contract() {
    let contract = [0x5a; 20];
    let address = format!("0x{}", hex(&contract));
    let owner = key(1);
    let signature = sign_recoverable(&owner, personal(b"m"));
    // An owner's good signature, and the contract listed: no fact, no binding.
    assert!(matches!(
        check(ETHEREUM, &address, "m", &[&signature]),
        Err(OwnershipError::Unbound(Unbound::OtherAddress { .. }))
    ));
    // With the owners proved, one of two is not enough; facts of another contract don't help.
    let owners = [ethereum(&owner), ethereum(&key(2))];
    let proved = Proved::SafeOwners { threshold: 2, owners: &owners };
    let claim = |account: &[u8; 20]| {
        let evidence = Evidence { signatures: &[&signature], ..Evidence::default() };
        let facts = [Fact { network: ETHEREUM, account, height: 1, proved }];
        verify(&Claim { network: ETHEREUM, address: &address, message: b"m", evidence, facts: &facts })
    };
    assert_eq!(claim(&contract), Err(OwnershipError::Invalid(Invalid::Threshold { required: 2, found: 1 })));
    assert!(matches!(claim(&[0x5b; 20]), Err(OwnershipError::Unbound(_))));
    // The owner listed as itself is another claim, about another address.
    assert!(check(ETHEREUM, &account(&owner), "m", &[&signature]).is_ok());
}

#[test]
fn a21_undecodable_address() {
    let signature = sign_message(&key(1), HEADER, "m", 31);
    let recoverable = sign_recoverable(&key(1), personal(b"m"));
    let edwards = sign_edwards(1, b"m");
    let shown = hex(&super::keys::edwards(1).verifying_key().to_bytes());
    for (network, address, signature) in [
        (Network::Bitcoin, "", &signature),
        (Network::Bitcoin, "bc1q9vza2e8x573nczrlzms0wvx3gsqjx7vavgkx0m", &signature),
        (Network::Bitcoin, "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", &signature),
        (Network::Bitcoin, "LectSLekhkxEQBHofNFHa3pVHndnb4Z9fN", &signature),
        (Network::Bitcoin, " 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", &signature),
        (Network::BitcoinCash, "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6b", &signature),
        (ETHEREUM, "0x", &recoverable),
        (ETHEREUM, "vitalik.eth", &recoverable),
        (Network::Tron, "TEjxQjU3CxkFrSDcPfHwZXSuPpCpdQ27NK", &recoverable),
        (Network::Solana, "7bzoTJhZmpU1vQVjN63fQ3iVYmWCVgQh1sYSqsjuapU0", &edwards),
        (Network::Aptos, "327d", &edwards),
        (Network::Sui, "0x", &edwards),
        (Network::Ton, "EQA5rifVSCc8qQfpCXvq4zJGJPsA0EPCDoWdtg234INft", &edwards),
        (Network::Substrate { prefix: 0 }, "15WXogcgXnHsZ1FeuNc6cg34i8R6JCXgWrDLNLERLLesJ7bg", &edwards),
        (Network::Stellar, "GBXFXNDLV4LSWA4VB7YIL5GBD7BVNR22SGBTDKMO2SBZZHDXSKZYCP7M", &edwards),
        (Network::Cardano, "addr1vyyl69u8el0mwfjzdytxpmcwlstnpkchts5x2k3r768ds5qge6cpt", &edwards),
        (Network::Filecoin, "f1lzszobfjwres2otlbitgpbeo6ha72sujwsdjy5a", &recoverable),
        (Network::Beacon, "0x82f5", &edwards),
        (Network::Eos, "Reserve", &signature),
        (Network::Near, "Reserve", &edwards),
        (Network::Algorand, "AAAA", &edwards),
    ] {
        let evidence = Evidence { signatures: &[signature], public_key: Some(&shown), ..Evidence::default() };
        assert!(
            matches!(check_with(network, address, "m", evidence), Err(OwnershipError::Undecodable { .. })),
            "{network:?} {address}"
        );
    }
}

#[test]
fn grades_are_monotone() {
    let now = challenge("2026-q4");
    let old = signed(&key(1), "old");
    let new = signed(&key(1), &now.to_text());
    let both = [old, new];
    let sets = [&both[..0], &both[..1], &both[1..], &both];
    let flags = [false, true];
    for (at, set) in sets.iter().enumerate() {
        for assumptions in flags {
            for moved in flags {
                let here = grade(set, &now, ChainChecks { assumptions, moved });
                for more in
                    sets.iter().skip(at).filter(|more| set.iter().all(|control| more.contains(control)))
                {
                    assert!(grade(more, &now, ChainChecks { assumptions, moved }) >= here);
                }
                assert!(grade(set, &now, ChainChecks { assumptions: true, moved }) >= here);
                assert_eq!(grade(set, &now, ChainChecks { assumptions, moved: true }), Grade::O4);
            }
        }
    }
}

/// A27 starts with two spellings of one address.
#[test]
fn spellings_of_an_address_are_one_account() {
    let same = |network, spellings: &[&str]| {
        let mut accounts: Vec<_> =
            spellings.iter().map(|address| assay_ownership::account(network, address).unwrap()).collect();
        accounts.dedup();
        assert_eq!(accounts.len(), 1, "{spellings:?}");
    };
    same(
        ETHEREUM,
        &["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"],
    );
    same(
        Network::BitcoinCash,
        &[
            "bitcoincash:ppgttg7kcfxv5tp83rlxwu69jxvu70kr3yyewl2ye4",
            "ppgttg7kcfxv5tp83rlxwu69jxvu70kr3yyewl2ye4",
            "393maTY7rQScy4SmYE1XSXUSgK73byhgfA",
        ],
    );
    same(
        Network::Bitcoin,
        &["bc1q9vza2e8x573nczrlzms0wvx3gsqjx7vavgkx0l", "BC1Q9VZA2E8X573NCZRLZMS0WVX3GSQJX7VAVGKX0L"],
    );
    same(
        Network::Ton,
        &[
            "EQA0D_5WdusaCB-SpnoE6l5TzdBmgOkzTcXrdh0px6g3zJSk",
            "0:340ffe5676eb1a081f92a67a04ea5e53cdd06680e9334dc5eb761d29c7a837cc",
        ],
    );
    same(Network::Aptos, &["0x01", "0x1"]);
    assert_ne!(
        assay_ownership::account(Network::Bitcoin, "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"),
        assay_ownership::account(Network::Bitcoin, "3Fs7C97NmvhWUZ2pSjth9YbTxMv4sk9nHi")
    );
}

/// Everybody's transactions are public, with signatures over their bytes or hashes.
#[test]
fn a21_transaction_passed_off_as_a_message() {
    let transaction = [&[1, 0, 0, 1, 3][..], &[0xab; 60]].concat();
    let hash = super::keys::keccak(&transaction);
    let victim = super::keys::edwards(9);
    let solana = bitcoin::base58::encode(&victim.verifying_key().to_bytes());
    let near = hex(&victim.verifying_key().to_bytes());
    for (network, address, message) in [
        (Network::Solana, &solana, &transaction[..]),
        (Network::Near, &near, &hash),
        (Network::Near, &near, b""),
    ] {
        let signature = sign_edwards(9, message);
        let evidence = Evidence { signatures: &[&signature], ..Evidence::default() };
        assert!(verify(&Claim { network, address, message, evidence, facts: &[] }).is_err());
    }
    // The same key over text, and a prefix around anything, are fine.
    let signature = sign_edwards(9, "I am\texample.org's\r\nkey \u{1f511}".as_bytes());
    assert!(check(Network::Solana, &solana, "I am\texample.org's\r\nkey \u{1f511}", &[&signature]).is_ok());
    // A validator reveals signatures of 32-byte roots all the time.
    let validator = blst::min_pk::SecretKey::key_gen(&[1; 32], &[]).unwrap();
    let root = validator.sign(&hash, b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_", &[]).to_bytes();
    let address = hex(&validator.sk_to_pk().to_bytes());
    let evidence = Evidence { signatures: &[&hex(&root)], ..Evidence::default() };
    assert!(
        verify(&Claim { network: Network::Beacon, address: &address, message: &hash, evidence, facts: &[] })
            .is_err()
    );
}

/// Permits and orders are public typed data of other people.
#[test]
fn a21_permit_passed_off_as_a_message() {
    let permit = r#"{"types":{"Permit":[{"name":"value","type":"uint256"}]},"primaryType":"Permit","domain":{"name":"Token"},"message":{"value":1}}"#;
    let signature = sign_recoverable(&key(9), assay_ownership::typed_data_hash(permit).unwrap());
    let evidence = Evidence { signatures: &[&signature], typed_data: Some(permit), ..Evidence::default() };
    assert_eq!(
        check_with(ETHEREUM, &account(&key(9)), permit, evidence),
        Err(OwnershipError::Invalid(Invalid::OtherMessage))
    );
}
