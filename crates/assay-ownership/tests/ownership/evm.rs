//! EIP-191, EIP-712, EIP-1271 and Safes.

use assay_ownership::{
    Assumption, Binding, Claim, Control, Evidence, Fact, Field, Invalid, Network, OwnershipError, Proved,
    Scheme, Threshold, Unbound, safe, typed_data_hash, verify,
};

use super::keys::{ethereum, hex, keccak, key, personal, sign_recoverable};
use super::{check, check_with};

const ETHEREUM: Network<'_> = Network::Evm { chain_id: 1 };

/// The typed data of EIP-712's `assets/eip-712/Example.js`, whose domain has a field beyond the usual ones.
const EXAMPLE: &str = r#"{"types":{"EIP712Domain":[{"name":"name","type":"string"},{"name":"version","type":"string"},
{"name":"chainId","type":"uint256"},{"name":"httpOrigin","type":"string"},{"name":"verifyingContract","type":"address"}],
"Person":[{"name":"name","type":"string"},{"name":"wallet","type":"address"}],
"Mail":[{"name":"from","type":"Person"},{"name":"to","type":"Person"},{"name":"contents","type":"string"}]},
"primaryType":"Mail","domain":{"name":"Ether Mail","version":"1","chainId":1,"httpOrigin":"https://ether-mail.eth",
"verifyingContract":"0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"},
"message":{"from":{"name":"Cow","wallet":"0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"},
"to":{"name":"Bob","wallet":"0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"},"contents":"Hello, Bob!"}}"#;

const COW: &str = "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826";
const EXAMPLE_SIGNATURE: &str = "0x24040eda35064d96c51f3308b5fae290edae563327348886a366ed604e0c048042bbabf2fae4b00598596a99d577dde56ff9d013e861f611cfe7b0728e1cd0571b";

#[test]
fn eip712_official_example() {
    assert_eq!(
        hex(&typed_data_hash(EXAMPLE).unwrap()),
        "a5f5fa6b05af38f2e9d2889ac36f5a4ba31e20646781d23739de458d86d6593e"
    );
    let evidence =
        Evidence { signatures: &[EXAMPLE_SIGNATURE], typed_data: Some(EXAMPLE), ..Evidence::default() };
    let control = check_with(ETHEREUM, COW, "Hello, Bob!", evidence).unwrap();
    assert_eq!((control.scheme, control.binding), (Scheme::Eip712, Binding::KeyHash));
    // "Cow" stands in the data, but not as the text that it signs.
    for message in ["Hello, Bob", "Cow", "", EXAMPLE] {
        assert_eq!(
            check_with(ETHEREUM, COW, message, evidence),
            Err(OwnershipError::Invalid(Invalid::OtherMessage))
        );
    }
    let other = "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB";
    assert!(matches!(
        check_with(ETHEREUM, other, "Hello, Bob!", evidence),
        Err(OwnershipError::Unbound(Unbound::OtherAddress { signer })) if signer == COW
    ));
}

/// The contract of EIP-712's `Example.sol` checks the same mail in a domain without `httpOrigin`.
#[test]
fn eip712_usual_domain_without_its_type() {
    let with_type = EXAMPLE
        .replace(r#""httpOrigin":"https://ether-mail.eth","#, "")
        .replace(r#"{"name":"httpOrigin","type":"string"},"#, "");
    let hash = typed_data_hash(&with_type).unwrap();
    assert_eq!(hex(&hash), "be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2");
    let start = with_type.find(r#""EIP712Domain""#).unwrap();
    let end = with_type.find(r#""Person""#).unwrap();
    let without = format!("{}{}", &with_type[..start], &with_type[end..]);
    assert_eq!(typed_data_hash(&without), Ok(hash));
}

#[test]
fn eip712_values_must_fit() {
    let typed = |kind: &str, value: &str| {
        typed_data_hash(&format!(
            r#"{{"types":{{"T":[{{"name":"x","type":"{kind}"}}]}},"primaryType":"T","domain":{{}},"message":{{"x":{value}}}}}"#
        ))
    };
    for (kind, value) in [
        ("uint8", "255"),
        ("uint8", "\"0xff\""),
        ("int8", "-128"),
        ("int256", "\"-1\""),
        ("uint256", "\"115792089237316195423570985008687907853269984665640564039457584007913129639935\""),
        ("bytes4", "\"0x01020304\""),
        ("bytes", "\"0x\""),
        ("bool", "true"),
        ("string[]", "[]"),
        ("uint8[2][]", "[[1,2],[3,4]]"),
    ] {
        assert!(typed(kind, value).is_ok(), "{kind} {value}");
    }
    assert_eq!(typed("uint8", "7"), typed("uint8", "\"0x7\""));
    for (kind, value) in [
        ("uint8", "256"),
        ("uint8", "-1"),
        ("int8", "128"),
        ("int8", "-129"),
        ("int8", "\"-0\""),
        ("uint7", "1"),
        ("uint264", "1"),
        ("uint256", "1.5"),
        ("uint256", "\"115792089237316195423570985008687907853269984665640564039457584007913129639936\""),
        ("bytes4", "\"0x0102\""),
        ("bytes33", "\"0x01\""),
        ("bytes1", "\"0x0x01\""),
        ("uint8", "\"0x0x01\""),
        ("bool", "1"),
        ("string", "1"),
        ("uint8[2]", "[1]"),
        ("U", "{}"),
        ("uint8]", "1"),
    ] {
        assert!(typed(kind, value).is_err(), "{kind} {value}");
    }
    // A domain alone, beside which a message would look signed, and anything beside the four parts.
    let domain = r#"{"types":{"EIP712Domain":[{"name":"name","type":"string"}]},"primaryType":"EIP712Domain","domain":{"name":"x"},"message":{"name":"y"}}"#;
    assert!(typed_data_hash(domain).is_err());
    let beside = r#"{"types":{"T":[]},"primaryType":"T","domain":{},"message":{},"note":"x"}"#;
    assert!(typed_data_hash(beside).is_err());
    // A field that no type names would look signed.
    let extra = r#"{"types":{"T":[]},"primaryType":"T","domain":{},"message":{"x":1}}"#;
    assert!(typed_data_hash(extra).is_err());
}

/// EIP-191, vector of web3.js' and ethers' documentation: the hash of "Hello World".
#[test]
fn eip191_hash() {
    assert_eq!(
        hex(&personal(b"Hello World")),
        "a1de988600a42c4b4ab089b619297c17d53cffae5d5120d82d8a92d0bb3b78f2"
    );
}

/// The addresses of EIP-55.
#[test]
fn eip55_checksums() {
    let signature = sign_recoverable(&key(1), personal(b"m"));
    for address in [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0xde709f2102306220921060314715629080e2fb77",
    ] {
        assert!(matches!(check(ETHEREUM, address, "m", &[&signature]), Err(OwnershipError::Unbound(_))));
    }
    for address in [
        "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe",
        "0x0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    ] {
        assert!(matches!(
            check(ETHEREUM, address, "m", &[&signature]),
            Err(OwnershipError::Undecodable { field: Field::Address, .. })
        ));
    }
}

#[test]
fn forms_of_personal_sign() {
    let address = format!("0x{}", hex(&ethereum(&key(1))));
    let digits = hex(&keccak(b"message"));
    for (scheme, digest) in [
        (Scheme::Eip191, personal(b"message")),
        (Scheme::Eip191Keccak, personal(&keccak(b"message"))),
        (Scheme::Eip191KeccakHex, personal(digits.as_bytes())),
        (Scheme::Eip191KeccakHex, personal(format!("0x{digits}").as_bytes())),
        (Scheme::Envelope, keccak(&super::keys::envelope("message"))),
    ] {
        let signature = sign_recoverable(&key(1), digest);
        let control = check(ETHEREUM, &address, "message", &[&signature]).unwrap();
        assert_eq!(control.scheme, scheme);
        assert_eq!(control.assumed, [Assumption::NoContractCode]);
        let named = Evidence { scheme: Some(scheme), signatures: &[&signature], ..Evidence::default() };
        assert_eq!(check_with(ETHEREUM, &address, "message", named), Ok(control));
        let misnamed = Evidence { scheme: Some(Scheme::Tip191), ..named };
        assert_eq!(
            check_with(ETHEREUM, &address, "message", misnamed),
            Err(OwnershipError::Invalid(Invalid::OtherScheme(Scheme::Tip191)))
        );
        assert!(matches!(
            check(ETHEREUM, &address, "other", &[&signature]),
            Err(OwnershipError::Unbound(Unbound::OtherAddress { .. }))
        ));
    }
}

#[test]
fn high_s_and_odd_v_are_refused() {
    let address = format!("0x{}", hex(&ethereum(&key(1))));
    let signature = sign_recoverable(&key(1), personal(b"m"));
    let bytes = super::keys::unhex(&signature[2..]);
    // n - s with the other v is the same signature in its high form.
    let s = bitcoin::secp256k1::SecretKey::from_slice(&bytes[32..64]).unwrap().negate().secret_bytes();
    let v = 27 + 28 - bytes[64];
    let high = format!("0x{}{}{v:02x}", hex(&bytes[..32]), hex(&s));
    assert_eq!(check(ETHEREUM, &address, "m", &[&high]), Err(OwnershipError::Invalid(Invalid::HighS)));
    let odd = format!("{}1d", &signature[..signature.len() - 2]);
    assert!(matches!(
        check(ETHEREUM, &address, "m", &[&odd]),
        Err(OwnershipError::Undecodable { field: Field::Signature, .. })
    ));
    let small = format!("{}{:02x}", &signature[..signature.len() - 2], bytes[64] - 27);
    assert!(check(ETHEREUM, &address, "m", &[&small]).is_ok());
}

#[test]
fn no_code_fact_replaces_the_assumption() {
    let account = ethereum(&key(1));
    let signature = sign_recoverable(&key(1), personal(b"m"));
    let facts = [Fact { network: ETHEREUM, account: &account, height: 9, proved: Proved::NoCode }];
    let control = with_facts(&account, "m", &[&signature], &facts).unwrap();
    assert_eq!(control.assumed, [Assumption::StateAt { height: 9 }]);
    // Nor does the same address on another network.
    let facts = [Fact {
        network: Network::Evm { chain_id: 56 },
        account: &account,
        height: 9,
        proved: Proved::NoCode,
    }];
    let control = with_facts(&account, "m", &[&signature], &facts).unwrap();
    assert_eq!(control.assumed, [Assumption::NoContractCode]);
    // A fact about somebody else changes nothing.
    let facts = [Fact { network: ETHEREUM, account: &[7; 20], height: 9, proved: Proved::NoCode }];
    let control = with_facts(&account, "m", &[&signature], &facts).unwrap();
    assert_eq!(control.assumed, [Assumption::NoContractCode]);
}

#[test]
fn eip1271_answers() {
    let contract = [0xcc; 20];
    let mut returned = [0; 32];
    returned[..4].copy_from_slice(&[0x16, 0x26, 0xba, 0x7e]);
    let answer = |hash, returned| {
        [Fact {
            network: ETHEREUM,
            account: &contract,
            height: 5,
            proved: Proved::SignatureAnswer { hash, returned },
        }]
    };
    let control = with_facts(&contract, "m", &[], &answer(personal(b"m"), &returned)).unwrap();
    assert_eq!((control.scheme, control.binding), (Scheme::Eip1271, Binding::Fact { height: 5 }));
    assert_eq!(
        with_facts(&contract, "m", &[], &answer(personal(b"n"), &returned)),
        Err(OwnershipError::Invalid(Invalid::OtherMessage))
    );
    for refused in [&[0xff; 32][..], &[0; 32], &returned[..4], &[]] {
        assert_eq!(
            with_facts(&contract, "m", &[], &answer(personal(b"m"), refused)),
            Err(OwnershipError::Invalid(Invalid::Refused))
        );
    }
}

#[test]
fn safe_owners_sign() {
    let contract = [0x5a; 20];
    let owners: Vec<_> = [1, 2, 3].map(|number| ethereum(&key(number))).to_vec();
    let facts = [Fact {
        network: ETHEREUM,
        account: &contract,
        height: 8,
        proved: Proved::SafeOwners { threshold: 2, owners: &owners },
    }];
    let plain = |number| sign_recoverable(&key(number), personal(b"m"));
    let control = with_facts(&contract, "m", &[&plain(1), &plain(3)], &facts).unwrap();
    assert_eq!(control.threshold, Some(Threshold { required: 2, total: 3 }));
    assert_eq!(control.keys, [owners[0].to_vec(), owners[2].to_vec()]);
    let inner = safe::message_hash(1, &contract, &personal(b"m"));
    let by_contract = |number| sign_recoverable(&key(number), inner);
    let control = with_facts(&contract, "m", &[&by_contract(1), &by_contract(2)], &facts).unwrap();
    assert_eq!(control.scheme, Scheme::SafeMessage);
    // One owner signs both ways: still one owner.
    assert_eq!(
        with_facts(&contract, "m", &[&plain(1), &by_contract(1)], &facts),
        Err(OwnershipError::Invalid(Invalid::Threshold { required: 2, found: 1 }))
    );
    assert!(matches!(
        with_facts(&contract, "m", &[&plain(1), &plain(4)], &facts),
        Err(OwnershipError::Unbound(Unbound::NotAnOwner { .. }))
    ));
    assert!(matches!(
        with_facts(&contract, "n", &[&plain(1), &plain(3)], &facts),
        Err(OwnershipError::Unbound(Unbound::NotAnOwner { .. }))
    ));
    for (threshold, owners) in [(0, &owners[..]), (4, &owners), (2, &[owners[0], owners[0]]), (1, &[])] {
        let facts = [Fact {
            network: ETHEREUM,
            account: &contract,
            height: 8,
            proved: Proved::SafeOwners { threshold, owners },
        }];
        assert!(matches!(
            with_facts(&contract, "m", &[&plain(1), &plain(3)], &facts),
            Err(OwnershipError::Undecodable { field: Field::Fact, .. })
        ));
    }
}

#[test]
fn safe_lists_of_owners() {
    let link = |from: [u8; 20], to: [u8; 20]| (from, [&[0; 12][..], &to].concat().try_into().unwrap());
    let (a, b) = ([0xaa; 20], [0xbb; 20]);
    let links = [link(safe::SENTINEL, a), link(a, b), link(b, safe::SENTINEL)];
    assert_eq!(safe::owners(2, &links), Some(vec![a, b]));
    assert_eq!(safe::owners(1, &links), None);
    assert_eq!(safe::owners(3, &links), None);
    assert_eq!(safe::owners(2, &links[..2]), None);
    assert_eq!(safe::owners(2, &[link(safe::SENTINEL, a), link(a, b), link(b, a)]), None);
    assert_eq!(safe::owners(2, &[link(safe::SENTINEL, a), link(a, [0; 20])]), None);
    // keccak256(abi.encode(address(1), 2)), the slot every Safe's list starts in.
    assert_eq!(
        hex(&safe::next_owner_slot(&safe::SENTINEL)),
        "e90b7bceb6e7df5418fb78d8ee546e97c83a08bbccc01a0644d599ccd2a7c2e0"
    );
}

fn with_facts(
    account: &[u8; 20],
    message: &str,
    signatures: &[&str],
    facts: &[Fact<'_>],
) -> Result<Control, OwnershipError> {
    let address = format!("0x{}", hex(account));
    let evidence = Evidence { signatures, ..Evidence::default() };
    verify(&Claim { network: ETHEREUM, address: &address, message: message.as_bytes(), evidence, facts })
}
