//! Starknet: SNIP-12 signatures, and accounts whose address shows the key.

use assay_ownership::{
    AccountClass, Assumption, Binding, Calldata, Claim, Control, Evidence, Fact, Field, Invalid, Network,
    OwnershipError, Proved, Scheme, Threshold, Unbound, account, snip12_document, verify,
};
use starknet_types_core::curve::{AffinePoint, ProjectivePoint};
use starknet_types_core::felt::{Felt, NonZeroFelt};
use starknet_types_core::hash::{Pedersen, StarkHash};

use super::keys::{hex, keccak};

const STARKNET: Network<'_> = Network::Starknet { classes: &[] };

/// okx/proof-of-reserves, `example/test.csv`.
const ADDRESS: &str = "0x03b7f0b02b63683eca1639fb2d5dfa1021628d4ee728b03bc0ac2be66edc32f1";
const KEY: &str = "0x6459074aa056e6dfb18539e414720ca7518b4d9b6d9a9fa0a3a64b8e2287963";
const MESSAGE: &str = "OKC_DTT_AUP2025";
const SIGNATURE: &str = "04550efc3034895232cac30b73677c81cf949e7428d9629eda85b83e60614f45061639b572eb88f82f304b6a3ad4f2392a835e5582b918da53ddaaee4e342ea0";

/// okx/go-wallet-sdk, `coins/starknet/account_constants.go`: the class that the address above is of, behind its proxy.
fn exchange_class() -> AccountClass {
    serde_json::from_str(
        r#"{
            "class_hash": "0x3530cc4759d78042f1b543bf797f5f3d647cde0388c33734cf91b7f7b9314a9",
            "calldata": [
                "0x309c042d3729173c7f2f91a34f04d8c509c1b292d334679ef1aabf8da0899cc",
                "0x79dc0da7c54b95f10aa182ad0a46400db63156920adb65eca2654c0945a463", "0x2", "key", "0x0"
            ]
        }"#,
    )
    .unwrap()
}

const OPEN_ZEPPELIN: &str = "0x05b4b537eaa2399e3aa99c4e2e0208ebd6c71bc1467938cd52c798c601e43564";
const ARGENT: &str = "0x01a736d6ed154502257f02b1ccdf4d9d1089f80811cd6acad48e6b6a9d1f2003";
const READY: &str = "0x036078334509b514626504edc9fb252328d1a240e4e948bef8d0c08dff45927f";
const ORDER: &str = "0x800000000000010ffffffffffffffffb781126dcae7b2321e66a241adc64d2f";

fn felt(digits: &str) -> Felt {
    Felt::from_hex(digits).unwrap()
}

fn show(felt: &Felt) -> String {
    format!("0x{}", hex(&felt.to_bytes_be()))
}

fn order() -> NonZeroFelt {
    felt(ORDER).try_into().unwrap()
}

fn times(scalar: Felt) -> Felt {
    let generator = ProjectivePoint::try_from(AffinePoint::generator()).unwrap();
    (&generator * scalar).to_affine().unwrap().x()
}

/// `r` and `s` of the secret key over the hash.
fn sign_hash(secret: Felt, hash: Felt) -> (Felt, Felt) {
    let (order, nonce) = (order(), Felt::from(0x5eed_u64));
    let r = times(nonce);
    let inverse = nonce.mod_inverse(&order).unwrap();
    let of_hash = hash.mod_floor(&order).mul_mod(&inverse, &order);
    let of_key = r.mul_mod(&secret, &order).mul_mod(&inverse, &order);
    // Felts wrap at another prime than the curve's order.
    let rest = felt(ORDER) - of_key;
    (r, if of_hash >= rest { of_hash - rest } else { of_hash + of_key })
}

fn join((r, s): (Felt, Felt)) -> String {
    hex(&[r.to_bytes_be(), s.to_bytes_be()].concat())
}

fn selector(text: &str) -> Felt {
    let mut digest = keccak(text.as_bytes());
    digest[0] &= 3;
    Felt::from_bytes_be(&digest)
}

fn short(text: &str) -> Felt {
    Felt::from_bytes_be_slice(text.as_bytes())
}

/// The hash of the exchange's document, made by hand from the standard's revision 0.
fn contents_hash(address: &str, message: &str) -> Felt {
    let domain = Pedersen::hash_array(&[
        selector("StarkNetDomain(name:felt,version:felt,chainId:felt)"),
        short("OKX POR MESSAGE"),
        Felt::ONE,
        short("SN_MAIN"),
    ]);
    let message = Pedersen::hash_array(&[selector("Message(contents:felt)"), short(message)]);
    Pedersen::hash_array(&[short("StarkNet Message"), domain, felt(address), message])
}

fn sign(secret: u64, address: &str, message: &str) -> String {
    join(sign_hash(Felt::from(secret), contents_hash(address, message)))
}

/// What an address is made of, and the address.
fn deploy(class: &str, salt: Felt, deployer: Felt, calldata: &[Felt]) -> (String, String) {
    let hash = Pedersen::hash_array(&[
        short("STARKNET_CONTRACT_ADDRESS"),
        deployer,
        salt,
        felt(class),
        Pedersen::hash_array(calldata),
    ]);
    let parts: Vec<String> = [felt(class), salt, deployer].iter().chain(calldata).map(show).collect();
    (parts.join(":"), show(&hash))
}

fn check(
    network: Network<'_>,
    address: &str,
    message: &str,
    evidence: Evidence<'_>,
) -> Result<Control, OwnershipError> {
    verify(&Claim { network, address, message: message.as_bytes(), evidence, facts: &[] })
}

fn by_key<'a>(signatures: &'a [&'a str], key: &'a str) -> Evidence<'a> {
    Evidence { signatures, public_key: Some(key), script: Some(key), ..Evidence::default() }
}

fn by_script<'a>(signatures: &'a [&'a str], script: &'a str) -> Evidence<'a> {
    Evidence { signatures, public_key: Some(script), script: Some(script), ..Evidence::default() }
}

#[test]
fn a_published_row_verifies_where_its_class_is_known() {
    let classes = [exchange_class()];
    let known = Network::Starknet { classes: &classes };
    let control = check(known, ADDRESS, MESSAGE, by_key(&[SIGNATURE], KEY)).unwrap();
    assert_eq!(control.scheme, Scheme::Snip12Contents);
    assert_eq!(control.binding, Binding::WalletState);
    assert_eq!(control.threshold, Some(Threshold::SINGLE));
    assert_eq!(control.keys, [felt(KEY).to_bytes_be().to_vec()]);
    assert_eq!(control.assumed, [Assumption::AccountAuthority]);

    // The exchange's own class is no public one: without the verifier's word the row shows nothing.
    let outcome = check(STARKNET, ADDRESS, MESSAGE, by_key(&[SIGNATURE], KEY));
    assert!(matches!(outcome, Err(OwnershipError::Unbound(Unbound::NeedsFact { .. }))));
    for (address, message, key) in [
        (ADDRESS, "OKC_DTT_AUP2026", KEY),
        (&*ADDRESS.replace("32f1", "32f2"), MESSAGE, KEY),
        (ADDRESS, MESSAGE, &*show(&times(Felt::TWO))),
    ] {
        assert!(
            check(known, address, message, by_key(&[SIGNATURE], key)).is_err(),
            "{address} {message} {key}"
        );
    }
    let wrong = check(known, ADDRESS, "OKC_DTT_AUP2026", by_key(&[SIGNATURE], KEY));
    assert_eq!(wrong, Err(Invalid::Signature.into()));
}

/// okx/go-wallet-sdk, `coins/starknet/cairo1/account_cairo1_test.go` and `account_test.go`; eqlabs' and starkli's
/// transaction of an account of Argent's proxy. All have the key as salt, and no guardian.
#[test]
fn addresses_of_public_classes() {
    let secret = felt("0x043c269ab7bce618cf53c990db2f56c9223952da735f30c064fcd96a681084b9");
    for (address, key) in [
        ("0x05a3e31056b5db28c67e7ca7b0140eea4c746ee174a5c797714ef6f052bd6a0b", times(secret)),
        ("0x0722808348404c439d75c3de9e027d3b40113460a976fad14f41cd02b7b52cf8", times(secret)),
        (
            "0x0617e350ebed9897037bdef9a09af65049b85ed2e4c9604b640f34bffa152149",
            felt("0x43a8fbe19d5ace41a2328bb870143241831180eb3c3c48096642d63709c3096"),
        ),
    ] {
        // Bound, so that it is the signature that is wrong.
        let outcome = check(STARKNET, address, MESSAGE, by_key(&[SIGNATURE], &show(&key)));
        assert_eq!(outcome, Err(Invalid::Signature.into()), "{address}");
    }
    let address = "0x05a3e31056b5db28c67e7ca7b0140eea4c746ee174a5c797714ef6f052bd6a0b";
    let signature = join(sign_hash(secret, contents_hash(address, "message")));
    assert!(check(STARKNET, address, "message", by_key(&[&signature], &show(&times(secret)))).is_ok());
}

#[test]
fn deployments_show_the_key() {
    let key = times(Felt::from(7));
    let (salt, deployer) = (Felt::from(99), Felt::from(0x41a7_u64));
    for (class, calldata) in [
        (OPEN_ZEPPELIN, vec![key]),
        (ARGENT, vec![key, Felt::ZERO]),
        (READY, vec![Felt::ZERO, key, Felt::ONE]),
    ] {
        let (script, address) = deploy(class, salt, deployer, &calldata);
        let signature = sign(7, &address, "message");
        let control = check(STARKNET, &address, "message", by_script(&[&signature], &script)).unwrap();
        assert_eq!(control.binding, Binding::WalletState);
        assert_eq!(control.keys, [key.to_bytes_be().to_vec()]);

        // The key alone isn't enough, since wallets take it as salt.
        let outcome = check(STARKNET, &address, "message", by_key(&[&signature], &show(&key)));
        assert!(matches!(outcome, Err(OwnershipError::Unbound(Unbound::NeedsFact { .. }))));
        // Another salt, another deployer.
        for changed in [
            script.replacen(&show(&salt), "0x64", 1),
            script.replacen(&show(&deployer), "0x0", 1),
            format!("{script}:0x0"),
        ] {
            let outcome = check(STARKNET, &address, "message", by_script(&[&signature], &changed));
            assert_eq!(outcome, Err(Unbound::OtherScript.into()));
        }
        // Somebody else's signature; a key that isn't the one in the arguments.
        let outcome =
            check(STARKNET, &address, "message", by_script(&[&sign(8, &address, "message")], &script));
        assert_eq!(outcome, Err(Invalid::Signature.into()));
        let other = show(&times(Felt::from(8)));
        let evidence = Evidence { public_key: Some(&other), ..by_script(&[], &script) };
        let signatures = [&*signature];
        let outcome = check(STARKNET, &address, "message", Evidence { signatures: &signatures, ..evidence });
        assert!(matches!(outcome, Err(OwnershipError::Unbound(Unbound::OtherAddress { .. }))));
    }
}

/// The claimant has the key 7 and wants an account whose owner is another.
#[test]
fn arguments_that_put_somebody_beside_the_key_bind_nothing() {
    let (mine, theirs) = (times(Felt::from(7)), times(Felt::from(8)));
    let initialize = selector("initialize");
    let code = felt("0x033434ad846cdd5f23eb73ff09fe6fddd568284a0fb7d1be20ee482f044dabe2");
    let proxy = "0x025ec026985a3bf9d0cc1fe17326b245dfdc3ff89b8fde106542a3ea56c5a918";
    let (zero, one, two) = (Felt::ZERO, Felt::ONE, Felt::TWO);
    for (class, calldata) in [
        // A class of one's own, which takes a key and obeys another.
        ("0x1234", vec![mine]),
        ("0x1234", vec![theirs, mine]),
        // A guardian, of whichever side.
        (ARGENT, vec![theirs, mine]),
        (ARGENT, vec![mine, theirs]),
        (READY, vec![zero, mine, zero, zero, theirs]),
        (READY, vec![zero, theirs, zero, zero, mine]),
        // Another kind of key.
        (READY, vec![one, mine, one]),
        (READY, vec![zero, mine, zero]),
        // More or fewer arguments than the class takes.
        (OPEN_ZEPPELIN, vec![mine, theirs]),
        (OPEN_ZEPPELIN, vec![]),
        (ARGENT, vec![mine]),
        // Other code behind the proxy, another call, another number of arguments.
        (proxy, vec![felt("0x1234"), initialize, two, mine, zero]),
        (proxy, vec![code, selector("other"), two, mine, zero]),
        (proxy, vec![code, initialize, one, mine, zero]),
        (proxy, vec![code, initialize, two, theirs, mine]),
    ] {
        let (script, address) = deploy(class, mine, zero, &calldata);
        let signature = sign(7, &address, "message");
        for evidence in [by_script(&[&signature], &script), by_key(&[&signature], &show(&mine))] {
            let outcome = check(STARKNET, &address, "message", evidence);
            assert!(
                matches!(outcome, Err(OwnershipError::Unbound(Unbound::NeedsFact { .. }))),
                "{class} {outcome:?}"
            );
        }
    }
    // A stranger's account, with a deployment of one's own beside it.
    let (_, address) = deploy(OPEN_ZEPPELIN, theirs, zero, &[theirs]);
    let (script, _) = deploy(OPEN_ZEPPELIN, mine, zero, &[mine]);
    let signature = sign(7, &address, "message");
    let outcome = check(STARKNET, &address, "message", by_script(&[&signature], &script));
    assert_eq!(outcome, Err(Unbound::OtherScript.into()));
    let (script, _) = deploy(OPEN_ZEPPELIN, theirs, zero, &[theirs]);
    let outcome = check(STARKNET, &address, "message", by_script(&[&signature], &script));
    assert_eq!(outcome, Err(Invalid::Signature.into()));
}

#[test]
fn facts_bind() {
    let (address, key) = ("0x1234", times(Felt::from(7)));
    let bytes = account(STARKNET, address).unwrap();
    let signature = sign(7, address, "message");
    let judge = |network, account: &[u8], key: &[u8], shown: Option<&str>| {
        let facts = [Fact { network, account, height: 5, proved: Proved::PublicKey(key) }];
        let evidence = Evidence { signatures: &[&signature], public_key: shown, ..Evidence::default() };
        verify(&Claim { network: STARKNET, address, message: b"message", evidence, facts: &facts })
    };
    let key_bytes = key.to_bytes_be();
    let control = judge(STARKNET, &bytes, &key_bytes, None).unwrap();
    assert_eq!(control.binding, Binding::Fact { height: 5 });
    assert_eq!(control.assumed, [Assumption::StateAt { height: 5 }]);
    assert!(judge(STARKNET, &bytes, &key_bytes, Some(&show(&key))).is_ok());
    let other = times(Felt::from(8));
    let outcome = judge(STARKNET, &bytes, &key_bytes, Some(&show(&other)));
    assert!(matches!(outcome, Err(OwnershipError::Unbound(Unbound::OtherAddress { .. }))));
    assert_eq!(judge(STARKNET, &bytes, &other.to_bytes_be(), None), Err(Invalid::Signature.into()));
    // Of another account, of another network, unreadable.
    let needs = |outcome| matches!(outcome, Err(OwnershipError::Unbound(Unbound::NeedsFact { .. })));
    assert!(needs(judge(STARKNET, &[1; 32], &key_bytes, None)));
    assert!(needs(judge(Network::Eos, &bytes, &key_bytes, None)));
    for key in [&[1; 33][..], &[0xff; 32], &[]] {
        let outcome = judge(STARKNET, &bytes, key, None);
        assert!(matches!(outcome, Err(OwnershipError::Undecodable { field: Field::Fact, .. })));
    }
}

/// An account of a public class with the key 7, and its address.
fn seven() -> (String, String) {
    let key = times(Felt::from(7));
    let (_, address) = deploy(OPEN_ZEPPELIN, key, Felt::ZERO, &[key]);
    (show(&key), address)
}

#[test]
fn texts_are_signed_as_typed_data() {
    let (key, address) = seven();
    // Any text, as a wallet signs the document for it.
    let message = "Assay proof of control v1\nentity: example.org\nepoch: \"2026-q4\" \u{20ac}";
    let document = snip12_document(message);
    let hash = typed_hash(&document, &address, message);
    let signature = join(sign_hash(Felt::from(7), hash));
    let signatures = [&*signature];
    let evidence = by_key(&signatures, &key);
    for evidence in [evidence, Evidence { typed_data: Some(&document), ..evidence }] {
        let control = check(STARKNET, &address, message, evidence).unwrap();
        assert_eq!(control.scheme, Scheme::Snip12);
        assert_eq!(control.message, message.as_bytes());
    }
    assert_eq!(check(STARKNET, &address, "another", evidence), Err(Invalid::Signature.into()));
    let shown = Evidence { typed_data: Some(&document), ..evidence };
    assert_eq!(check(STARKNET, &address, "another", shown), Err(Invalid::OtherMessage.into()));
    let named = |scheme| Evidence { scheme: Some(scheme), ..evidence };
    assert!(check(STARKNET, &address, message, named(Scheme::Snip12)).is_ok());
    for scheme in [Scheme::Snip12Contents, Scheme::Eip712, Scheme::Raw] {
        let outcome = check(STARKNET, &address, message, named(scheme));
        assert_eq!(outcome, Err(Invalid::OtherScheme(scheme).into()));
    }
    // The account is part of what is signed: no other account of the same key is shown by it.
    let (script, other) = deploy(OPEN_ZEPPELIN, Felt::ONE, Felt::ZERO, &[felt(&key)]);
    let outcome = check(STARKNET, &other, message, by_script(&signatures, &script));
    assert_eq!(outcome, Err(Invalid::Signature.into()));
}

/// The hash of [`snip12_document`], made by hand from the standard's revision 1.
fn typed_hash(document: &str, address: &str, message: &str) -> Felt {
    use starknet_types_core::hash::Poseidon;
    assert!(document.contains("\"SN_MAIN\"") && document.contains("\"v1\""));
    let field = |name: &str| format!("\"{name}\":\"shortstring\"");
    let fields = ["name", "version", "chainId", "revision"].map(field).join(",");
    let domain = Poseidon::hash_array(&[
        selector(&format!("\"StarknetDomain\"({fields})")),
        short("Assay proof of control"),
        short("v1"),
        short("SN_MAIN"),
        Felt::ONE,
    ]);
    let (full, rest) = message.as_bytes().split_at(message.len() / 31 * 31);
    let mut text = vec![Felt::from(message.len() / 31)];
    text.extend(full.chunks(31).map(Felt::from_bytes_be_slice));
    text.extend([Felt::from_bytes_be_slice(rest), Felt::from(rest.len())]);
    let message = [selector("\"Message\"(\"contents\":\"string\")"), Poseidon::hash_array(&text)];
    Poseidon::hash_array(&[short("StarkNet Message"), domain, felt(address), Poseidon::hash_array(&message)])
}

#[test]
fn numbers_of_signatures() {
    let (key, address) = seven();
    let hash = contents_hash(&address, "message");
    let (r, s) = sign_hash(Felt::from(7), hash);
    let judge = |signature: &str| check(STARKNET, &address, "message", by_key(&[signature], &key));
    let good = join((r, s));
    for spelling in [
        good.clone(),
        format!("0x{good}"),
        format!("{},{}", show(&r), show(&s)),
        format!("{}, {}", show(&r), show(&s)),
    ] {
        assert!(judge(&spelling).is_ok(), "{spelling}");
    }
    // A key is an x coordinate, so the other `s` is as good; it shows no second key.
    let other = felt(ORDER) - s;
    assert_eq!(judge(&join((r, other))).unwrap().keys, judge(&good).unwrap().keys);
    let bound = felt("0x800000000000000000000000000000000000000000000000000000000000000");
    for (r, s) in
        [(Felt::ZERO, s), (r, Felt::ZERO), (bound, s), (r, felt(ORDER)), (Felt::MAX, s), (r, Felt::MAX)]
    {
        assert!(matches!(judge(&join((r, s))), Err(OwnershipError::Invalid(Invalid::Rule(_)))));
    }
    // `r` that is no x coordinate, other numbers.
    for (r, s) in [(r + Felt::ONE, s), (r, s + Felt::ONE), (s, r), (Felt::ONE, Felt::ONE), (Felt::TWO, s)] {
        assert_eq!(judge(&join((r, s))), Err(Invalid::Signature.into()));
    }
    let above = "f".repeat(64);
    for signature in [
        String::new(),
        "0x".into(),
        good[2..].into(),
        format!("{good}00"),
        format!("{above}{}", &good[64..]),
        format!("{}{above}", &good[..64]),
        format!("{},", show(&r)),
        format!("{},{},{}", show(&r), show(&s), show(&s)),
    ] {
        let outcome = judge(&signature);
        assert!(
            matches!(outcome, Err(OwnershipError::Undecodable { field: Field::Signature, .. })),
            "{signature}"
        );
    }
    let outcome = check(STARKNET, &address, "message", by_key(&[&good, &good], &key));
    assert_eq!(outcome, Err(Invalid::TooMany.into()));
    assert_eq!(check(STARKNET, &address, "message", by_key(&[], &key)), Err(Invalid::Missing.into()));
}

/// Whoever has the key can make `zG + rQ` the point at infinity, on which others' verifiers divide by zero.
#[test]
fn a_sum_at_infinity_is_no_signature() {
    let (key, address) = seven();
    let order = order();
    let inverse = Felt::from(7).mod_inverse(&order).unwrap();
    let bound = felt("0x800000000000000000000000000000000000000000000000000000000000000");
    let (message, r) = (0..)
        .map(|number| format!("message {number}"))
        .map(|message| {
            let hash = contents_hash(&address, &message).mod_floor(&order);
            (message, hash.mul_mod(&inverse, &order))
        })
        .find(|(_, r)| *r < bound && AffinePoint::new_from_x(r, false).is_some())
        .unwrap();
    let outcome = check(STARKNET, &address, &message, by_key(&[&join((r, Felt::TWO))], &key));
    assert_eq!(outcome, Err(Invalid::Signature.into()));
}

#[test]
fn addresses_and_keys() {
    let (key, address) = seven();
    let signature = sign(7, &address, "message");
    let bound = "0x07ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff00";
    for wrong in
        ["0x", "49d3", &format!("0x{}", "f".repeat(64)), &format!("0x{}", "1".repeat(65)), "0xg", bound]
    {
        let outcome = check(STARKNET, wrong, "message", by_key(&[&signature], &key));
        assert!(matches!(outcome, Err(OwnershipError::Undecodable { field: Field::Address, .. })), "{wrong}");
        assert!(account(STARKNET, wrong).is_err());
    }
    // Spellings of one address are one account.
    let trimmed = format!("0x{}", address.trim_start_matches("0x").trim_start_matches('0'));
    assert_eq!(account(STARKNET, &trimmed), account(STARKNET, &address));
    assert!(check(STARKNET, &trimmed, "message", by_key(&[&signature], &key)).is_ok());
    for wrong in ["", "0x", "key", &"f".repeat(64), &"1".repeat(65), "0x1:0x2"] {
        let evidence = Evidence { signatures: &[&signature], public_key: Some(wrong), ..Evidence::default() };
        let outcome = check(STARKNET, &address, "message", evidence);
        assert!(
            matches!(outcome, Err(OwnershipError::Undecodable { field: Field::PublicKey, .. })),
            "{wrong}"
        );
    }
    for wrong in [":", "0x1:0x2", "0x1:0x2:", "0x1:0x2:0x3:x", &["0x1"; 36].join(":")] {
        let outcome = check(STARKNET, &address, "message", by_script(&[&signature], wrong));
        assert!(matches!(outcome, Err(OwnershipError::Undecodable { field: Field::Script, .. })), "{wrong}");
    }
    // No point of the curve has this x coordinate.
    let outside = (1_u64..).map(Felt::from).find(|x| AffinePoint::new_from_x(x, false).is_none()).unwrap();
    let (_, address) = deploy(OPEN_ZEPPELIN, outside, Felt::ZERO, &[outside]);
    let outcome = check(STARKNET, &address, "message", by_key(&[&signature], &show(&outside)));
    assert!(matches!(outcome, Err(OwnershipError::Undecodable { field: Field::PublicKey, .. })));
    let outcome =
        check(STARKNET, &address, "message", Evidence { signatures: &[&signature], ..Evidence::default() });
    assert!(matches!(outcome, Err(OwnershipError::Unbound(Unbound::NeedsFact { .. }))));
}

#[test]
fn classes_in_files() {
    let class = exchange_class();
    let text = serde_json::to_string(&class).unwrap();
    assert_eq!(serde_json::from_str::<AccountClass>(&text).unwrap(), class);
    for wrong in [
        r#"{"class_hash": "0x1", "calldata": []}"#,
        r#"{"class_hash": "0x1", "calldata": ["0x1"]}"#,
        r#"{"class_hash": "0x1", "calldata": ["Key"]}"#,
        r#"{"class_hash": "0x1", "calldata": ["key", "1"]}"#,
        r#"{"class_hash": "1", "calldata": ["key"]}"#,
        r#"{"class_hash": "0x1", "calldata": ["key"], "more": 1}"#,
        &format!(r#"{{"class_hash": "0x{}", "calldata": ["key"]}}"#, "f".repeat(64)),
        &format!(r#"{{"class_hash": "0x1", "calldata": ["key", "0x{}"]}}"#, "f".repeat(64)),
        &format!(r#"{{"class_hash": "0x1", "calldata": ["key"{}]}}"#, r#", "0x0""#.repeat(32)),
    ] {
        assert!(serde_json::from_str::<AccountClass>(wrong).is_err(), "{wrong}");
    }
    assert!(AccountClass::new([0xff; 32], vec![Calldata::Key]).is_err());
    assert!(AccountClass::new([1; 32], vec![Calldata::Value([1; 32])]).is_err());
}
