//! Generated claims of the families that have no published vectors: good, other message, other key, other address, and
//! evidence that isn't bound.

use assay_ownership::{
    Assumption, Binding, Claim, Control, CosmosKey, Evidence, Fact, Invalid, Network, OwnershipError, Proved,
    Scheme, Threshold, Unbound, verify, withdrawal_credentials,
};
use bitcoin::hashes::Hash;
use bitcoin::secp256k1::{Message, SecretKey};
use bitcoin::sighash::{EcdsaSighashType, SighashCache};
use bitcoin::{
    Address, Amount, CompressedPublicKey, NetworkKind, OutPoint, Psbt, PubkeyHash, ScriptBuf, Sequence,
    Transaction, TxIn, TxOut, Txid, Witness,
};
use blake2::digest::{Update, VariableOutput};
use ed25519_dalek::Signer;

use super::keys::{
    base64, edwards, envelope, ethereum, hex, keccak, key, personal, public, secp, sign_edwards,
    sign_message, sign_recoverable, unhex,
};
use super::{check, check_with};

const HEADER: &str = "Bitcoin Signed Message:\n";

type Outcome = Result<Control, OwnershipError>;

fn with_key(
    network: Network<'_>,
    address: &str,
    message: &str,
    signature: &str,
    public_key: &str,
) -> Outcome {
    let evidence = Evidence { signatures: &[signature], public_key: Some(public_key), ..Evidence::default() };
    check_with(network, address, message, evidence)
}

fn is_unbound(outcome: &Outcome) -> bool {
    matches!(outcome, Err(OwnershipError::Unbound(_)))
}

fn is_invalid(outcome: &Outcome) -> bool {
    matches!(outcome, Err(OwnershipError::Invalid(_)))
}

fn segwit(secret: &SecretKey) -> String {
    Address::p2wpkh(&CompressedPublicKey(public(secret)), bitcoin::KnownHrp::Mainnet).to_string()
}

fn nested(secret: &SecretKey) -> String {
    Address::p2shwpkh(&CompressedPublicKey(public(secret)), NetworkKind::Main).to_string()
}

fn legacy(secret: &SecretKey, compressed: bool) -> String {
    let key = bitcoin::PublicKey { compressed, inner: public(secret) };
    Address::p2pkh(key, NetworkKind::Main).to_string()
}

#[test]
fn bitcoin_messages_by_kind_of_address() {
    let secret = key(1);
    let sign = |base| sign_message(&secret, HEADER, "message", base);
    let cases = [
        (legacy(&secret, false), 27, Scheme::BitcoinMessage, Binding::KeyHash),
        (legacy(&secret, true), 31, Scheme::BitcoinMessage, Binding::KeyHash),
        (nested(&secret), 35, Scheme::Bip137, Binding::ScriptHash),
        (segwit(&secret), 39, Scheme::Bip137, Binding::KeyHash),
        // Wallets from before BIP-137 sign for segwit with the header of a compressed key.
        (nested(&secret), 31, Scheme::BitcoinMessage, Binding::ScriptHash),
        (segwit(&secret), 31, Scheme::BitcoinMessage, Binding::KeyHash),
    ];
    for (address, base, scheme, binding) in &cases {
        let control = check(Network::Bitcoin, address, "message", &[&sign(*base)]).unwrap();
        assert_eq!((control.scheme, control.binding, control.recovered), (*scheme, *binding, true));
        assert!(is_unbound(&check(Network::Bitcoin, address, "other", &[&sign(*base)])));
        let stranger = sign_message(&key(2), HEADER, "message", *base);
        assert!(is_unbound(&check(Network::Bitcoin, address, "message", &[&stranger])));
    }
    for (address, base) in [
        (legacy(&secret, true), 35),
        (legacy(&secret, true), 39),
        (nested(&secret), 39),
        (nested(&secret), 27),
        (segwit(&secret), 35),
        (segwit(&secret), 27),
    ] {
        let outcome = check(Network::Bitcoin, &address, "message", &[&sign(base)]);
        assert!(matches!(outcome, Err(OwnershipError::Invalid(Invalid::Header { .. }))));
    }
    // The two forms of one key have different addresses.
    assert!(is_unbound(&check(Network::Bitcoin, &legacy(&secret, true), "message", &[&sign(27)])));
    // Networks without segwit could never spend from the nested form.
    let outcome = check(Network::BitcoinCash, &nested(&secret), "message", &[&sign(35)]);
    assert!(is_unbound(&outcome));
    let taproot =
        Address::p2tr(&secp(), public(&secret).x_only_public_key().0, None, bitcoin::KnownHrp::Mainnet);
    let outcome = check(Network::Bitcoin, &taproot.to_string(), "message", &[&sign(39)]);
    assert!(matches!(outcome, Err(OwnershipError::Unsupported { .. })));
}

/// A coin of `script`, and the transaction that made it.
fn coin(script: ScriptBuf, value: u64) -> (Transaction, OutPoint, TxOut) {
    let output = TxOut { value: Amount::from_sat(value), script_pubkey: script };
    let transaction = Transaction {
        version: bitcoin::transaction::Version::TWO,
        lock_time: bitcoin::absolute::LockTime::ZERO,
        input: vec![input(OutPoint { txid: Txid::from_byte_array([9; 32]), vout: 1 })],
        output: vec![output.clone()],
    };
    let outpoint = OutPoint { txid: transaction.compute_txid(), vout: 0 };
    (transaction, outpoint, output)
}

fn input(previous_output: OutPoint) -> TxIn {
    TxIn { previous_output, script_sig: ScriptBuf::new(), sequence: Sequence::ZERO, witness: Witness::new() }
}

fn key_script(secret: &SecretKey) -> ScriptBuf {
    ScriptBuf::new_p2wpkh(&CompressedPublicKey(public(secret)).wpubkey_hash())
}

/// A finalized PSBT over `coins` of one segwit key with the first input as given.
fn funds(
    secret: &SecretKey,
    first: OutPoint,
    first_signed: bool,
    coins: &[OutPoint],
    spent: &[TxOut],
    output: TxOut,
) -> Psbt {
    let transaction = Transaction {
        version: bitcoin::transaction::Version(0),
        lock_time: bitcoin::absolute::LockTime::ZERO,
        input: [first].iter().chain(coins).map(|coin| input(*coin)).collect(),
        output: vec![output],
    };
    let mut psbt = Psbt::from_unsigned_tx(transaction.clone()).unwrap();
    let mut cache = SighashCache::new(&transaction);
    let script = key_script(secret);
    for (at, input) in psbt.inputs.iter_mut().enumerate() {
        let value = if at == 0 { Amount::ZERO } else { spent[at - 1].value };
        if at > 0 {
            input.witness_utxo = Some(spent[at - 1].clone());
        } else if !first_signed {
            continue;
        }
        let digest = cache.p2wpkh_signature_hash(at, &script, value, EcdsaSighashType::All).unwrap();
        let signature = secp().sign_ecdsa(&Message::from_digest(digest.to_byte_array()), secret);
        let der = [&signature.serialize_der()[..], &[1]].concat();
        input.final_script_witness = Some(Witness::from_slice(&[der, public(secret).serialize().to_vec()]));
    }
    psbt
}

/// BIP-322's virtual coin, written anew from the standard.
fn virtual_coin(message: &str, script: &ScriptBuf) -> OutPoint {
    let sha = |bytes: &[u8]| bitcoin::hashes::sha256::Hash::hash(bytes).to_byte_array();
    let tag = sha(b"BIP0322-signed-message");
    let digest = sha(&[&tag[..], &tag, message.as_bytes()].concat());
    let mut first = input(OutPoint::null());
    first.script_sig = ScriptBuf::from_bytes([&[0, 32][..], &digest].concat());
    let transaction = Transaction {
        version: bitcoin::transaction::Version(0),
        lock_time: bitcoin::absolute::LockTime::ZERO,
        input: vec![first],
        output: vec![TxOut { value: Amount::ZERO, script_pubkey: script.clone() }],
    };
    OutPoint { txid: transaction.compute_txid(), vout: 0 }
}

fn op_return() -> TxOut {
    TxOut { value: Amount::ZERO, script_pubkey: ScriptBuf::from_bytes(vec![0x6a]) }
}

#[test]
fn bip322_proof_of_funds() {
    let secret = key(1);
    let (address, script) = (segwit(&secret), key_script(&secret));
    let (_, a, spent_a) = coin(script.clone(), 5_000);
    let (_, b, spent_b) = coin(script.clone(), 7_000);
    let first = virtual_coin("message", &script);
    let spent = [spent_a, spent_b];
    let text = |psbt: &Psbt| format!("pof{}", base64(&psbt.serialize()));
    let psbt = funds(&secret, first, true, &[a, b], &spent, op_return());
    let control = check(Network::Bitcoin, &address, "message", &[&text(&psbt)]).unwrap();
    assert_eq!((control.scheme, control.binding), (Scheme::Bip322Funds, Binding::KeyHash));
    assert_eq!(control.coins.iter().map(|coin| coin.value).collect::<Vec<_>>(), [5_000, 7_000]);
    assert_eq!(control.coins[0].txid, a.txid.to_string());
    assert_eq!(control.assumed, [Assumption::CoinsExist]);
    let outcome = check(Network::Bitcoin, &address, "other", &[&text(&psbt)]);
    assert_eq!(outcome, Err(OwnershipError::Invalid(Invalid::OtherMessage)));
    assert!(check(Network::Bitcoin, &segwit(&key(2)), "message", &[&text(&psbt)]).is_err());
    // Another value than was signed for.
    let mut inflated = psbt.clone();
    inflated.inputs[1].witness_utxo.as_mut().unwrap().value = Amount::from_sat(500_000);
    assert!(is_invalid(&check(Network::Bitcoin, &address, "message", &[&text(&inflated)])));
    // A coin whose key didn't sign, and coins by a stranger.
    let mut unsigned = psbt.clone();
    unsigned.inputs[2].final_script_witness = None;
    assert!(is_invalid(&check(Network::Bitcoin, &address, "message", &[&text(&unsigned)])));
    let stranger = funds(&key(2), first, true, &[a, b], &spent, op_return());
    assert!(is_unbound(&check(Network::Bitcoin, &address, "message", &[&text(&stranger)])));
    // The same coin twice.
    let twice = funds(&secret, first, true, &[a, a], &[spent[0].clone(), spent[0].clone()], op_return());
    assert!(is_invalid(&check(Network::Bitcoin, &address, "message", &[&text(&twice)])));
    // Without the PSBT nobody knows what the inputs spend.
    let bare = bitcoin::consensus::serialize(&psbt.extract_tx_unchecked_fee_rate());
    let outcome = check(Network::Bitcoin, &address, "message", &[&base64(&bare)]);
    assert!(matches!(outcome, Err(OwnershipError::Unsupported { .. })));
}

#[test]
fn old_coins_take_their_transaction() {
    let secret = key(1);
    let script = ScriptBuf::new_p2pkh(&PubkeyHash::from_raw_hash(bitcoin::hashes::hash160::Hash::hash(
        &public(&secret).serialize(),
    )));
    let address = legacy(&secret, true);
    let (made_by, outpoint, spent) = coin(script.clone(), 5_000);
    let transaction = Transaction {
        version: bitcoin::transaction::Version(0),
        lock_time: bitcoin::absolute::LockTime::ZERO,
        input: vec![input(virtual_coin("message", &script)), input(outpoint)],
        output: vec![op_return()],
    };
    let mut psbt = Psbt::from_unsigned_tx(transaction.clone()).unwrap();
    let cache = SighashCache::new(&transaction);
    for (at, input) in psbt.inputs.iter_mut().enumerate() {
        let digest = cache.legacy_signature_hash(at, &script, 1).unwrap();
        let signature = secp().sign_ecdsa(&Message::from_digest(digest.to_byte_array()), &secret);
        let der =
            bitcoin::script::PushBytesBuf::try_from([&signature.serialize_der()[..], &[1]].concat()).unwrap();
        let signed =
            ScriptBuf::builder().push_slice(der).push_slice(public(&secret).serialize()).into_script();
        input.final_script_sig = Some(signed);
    }
    psbt.inputs[1].non_witness_utxo = Some(made_by);
    let text = |psbt: &Psbt| base64(&psbt.serialize());
    let control = check(Network::Bitcoin, &address, "message", &[&text(&psbt)]).unwrap();
    assert_eq!(control.coins[0].value, 5_000);
    // Old signatures don't commit to the value, so an output alone could lie.
    psbt.inputs[1].non_witness_utxo = None;
    psbt.inputs[1].witness_utxo = Some(spent);
    assert!(is_invalid(&check(Network::Bitcoin, &address, "message", &[&text(&psbt)])));
    let (other, ..) = coin(script, 900_000);
    psbt.inputs[1].non_witness_utxo = Some(other);
    assert!(is_invalid(&check(Network::Bitcoin, &address, "message", &[&text(&psbt)])));
}

#[test]
fn bip127_proof_of_reserves() {
    let secret = key(1);
    let (address, script) = (segwit(&secret), key_script(&secret));
    let (_, a, spent_a) = coin(script.clone(), 5_000);
    let (_, b, spent_b) = coin(script.clone(), 7_000);
    let spent = [spent_a, spent_b];
    let commit = |message: &str| {
        let digest = bitcoin::hashes::sha256::Hash::hash(format!("Proof-of-Reserves: {message}").as_bytes());
        OutPoint { txid: Txid::from_byte_array(digest.to_byte_array()), vout: 0 }
    };
    let sum = |value| TxOut { value: Amount::from_sat(value), script_pubkey: script.clone() };
    let text = |psbt: &Psbt| base64(&psbt.serialize());
    let psbt = funds(&secret, commit("message"), false, &[a, b], &spent, sum(12_000));
    let control = check(Network::Bitcoin, &address, "message", &[&text(&psbt)]).unwrap();
    assert_eq!((control.scheme, control.coins.len()), (Scheme::Bip127, 2));
    assert!(is_invalid(&check(Network::Bitcoin, &address, "other", &[&text(&psbt)])));
    let outcome = check(Network::Bitcoin, &segwit(&key(2)), "message", &[&text(&psbt)]);
    assert_eq!(outcome, Err(OwnershipError::Unbound(Unbound::NoCoin)));
    let short = funds(&secret, commit("message"), false, &[a, b], &spent, sum(11_999));
    assert!(is_invalid(&check(Network::Bitcoin, &address, "message", &[&text(&short)])));
    // The other two ways to make an id of the hash, one of them that of bdk-reserves.
    let mut displayed = commit("message").txid.to_byte_array();
    displayed.reverse();
    let twice = bitcoin::hashes::sha256d::Hash::hash(b"Proof-of-Reserves: message").to_byte_array();
    for id in [displayed, twice] {
        let first = OutPoint { txid: Txid::from_byte_array(id), vout: 0 };
        let psbt = funds(&secret, first, false, &[a, b], &spent, sum(12_000));
        assert!(check(Network::Bitcoin, &address, "message", &[&text(&psbt)]).is_ok());
    }
    // A signature taken from a proof with another message.
    let mut moved = funds(&secret, commit("old"), false, &[a, b], &spent, sum(12_000));
    moved.unsigned_tx.input[0].previous_output = commit("message");
    assert!(is_invalid(&check(Network::Bitcoin, &address, "message", &[&text(&moved)])));
    let stranger = funds(&key(2), commit("message"), false, &[a, b], &spent, sum(12_000));
    assert!(is_unbound(&check(Network::Bitcoin, &address, "message", &[&text(&stranger)])));
}

#[test]
fn tron_formats() {
    let secret = key(1);
    let address = bitcoin::base58::encode_check(&[&[0x41][..], &ethereum(&secret)].concat());
    let prefix = b"\x19TRON Signed Message:\n";
    for (scheme, signed) in [
        (Scheme::Tip191, [&prefix[..], b"7message"].concat()),
        (Scheme::TronV1, [&prefix[..], b"32", &keccak(b"message")].concat()),
        (Scheme::TronV1Raw, [&prefix[..], b"32message"].concat()),
    ] {
        let signature = sign_recoverable(&secret, keccak(&signed));
        assert_eq!(check(Network::Tron, &address, "message", &[&signature]).unwrap().scheme, scheme);
        assert!(is_unbound(&check(Network::Tron, &address, "other", &[&signature])));
    }
    let stranger = sign_recoverable(&key(2), keccak(&[&prefix[..], b"7message"].concat()));
    assert!(is_unbound(&check(Network::Tron, &address, "message", &[&stranger])));
    let bitcoin = bitcoin::base58::encode_check(&[&[0x00][..], &ethereum(&secret)].concat());
    assert!(matches!(
        check(Network::Tron, &bitcoin, "message", &[&stranger]),
        Err(OwnershipError::Undecodable { .. })
    ));
}

#[test]
fn solana_formats() {
    let key = edwards(1).verifying_key().to_bytes();
    let address = bitcoin::base58::encode(&key);
    let tools = [b"\xffsolana offchain\x00\x00\x07\x00", &b"message"[..]].concat();
    let proposal = [b"\xffsolana offchain\x00", &[0; 32][..], &[0, 1], &key, &[7, 0], b"message"].concat();
    for (scheme, signed) in [
        (Scheme::Raw, b"message".to_vec()),
        (Scheme::Envelope, envelope("message")),
        (Scheme::SolanaOffchain, tools),
        (Scheme::SolanaOffchain, proposal),
    ] {
        let bytes = edwards(1).sign(&signed).to_bytes();
        for signature in [hex(&bytes), base64(&bytes), bitcoin::base58::encode(&bytes)] {
            let control = check(Network::Solana, &address, "message", &[&signature]).unwrap();
            assert_eq!((control.scheme, control.binding), (scheme, Binding::Key));
            assert!(is_invalid(&check(Network::Solana, &address, "other", &[&signature])));
        }
    }
    let signature = sign_edwards(2, b"message");
    assert!(is_invalid(&check(Network::Solana, &address, "message", &[&signature])));
    // A good signature by a key that is shown, and isn't the address.
    let shown = hex(&edwards(2).verifying_key().to_bytes());
    assert!(is_unbound(&with_key(Network::Solana, &address, "message", &signature, &shown)));
    // An address of a program has no key.
    let mut program = [0; 32];
    while ed25519_dalek::VerifyingKey::from_bytes(&program).is_ok() {
        program[0] += 1;
    }
    let program = bitcoin::base58::encode(&program);
    assert!(is_unbound(&check(Network::Solana, &program, "message", &[&signature])));
}

#[test]
fn aptos_rotation_takes_a_fact() {
    let key = edwards(1).verifying_key().to_bytes();
    let shown = hex(&key);
    let authentication: [u8; 32] = sha3::Digest::finalize(sha3::Digest::chain_update(
        <sha3::Sha3_256 as sha3::Digest>::new(),
        [&key[..], &[0]].concat(),
    ))
    .into();
    let address = format!("0x{}", hex(&authentication));
    let signature = sign_edwards(1, b"message");
    let control = with_key(Network::Aptos, &address, "message", &signature, &shown).unwrap();
    assert_eq!(control.assumed, [Assumption::AccountAuthority]);
    assert!(is_invalid(&with_key(Network::Aptos, &address, "other", &signature, &shown)));
    assert!(is_unbound(&with_key(
        Network::Aptos,
        &address,
        "message",
        &signature,
        &hex(&edwards(2).verifying_key().to_bytes())
    )));
    let account = [0x77; 32];
    let rotated = format!("0x{}", hex(&account));
    assert!(is_unbound(&with_key(Network::Aptos, &rotated, "message", &signature, &shown)));
    assert!(is_unbound(&check(Network::Aptos, &rotated, "message", &[&signature])));
    let facts = [Fact {
        network: Network::Aptos,
        account: &account,
        height: 3,
        proved: Proved::AuthenticationKey(authentication),
    }];
    let evidence = Evidence { signatures: &[&signature], public_key: Some(&shown), ..Evidence::default() };
    let claim =
        Claim { network: Network::Aptos, address: &rotated, message: b"message", evidence, facts: &facts };
    assert_eq!(verify(&claim).unwrap().binding, Binding::Fact { height: 3 });
    // After a rotation the first key no longer has the account.
    let own: [u8; 32] = authentication;
    let facts = [Fact {
        network: Network::Aptos,
        account: &own,
        height: 3,
        proved: Proved::AuthenticationKey([1; 32]),
    }];
    let claim = Claim { address: &address, facts: &facts, ..claim };
    assert!(is_unbound(&verify(&claim)));
}

#[test]
fn sui_personal_message() {
    let key = edwards(1).verifying_key().to_bytes();
    let address = format!("0x{}", hex(&blake2b::<32>(&[&[0][..], &key].concat())));
    let digest = blake2b::<32>(&[&[3, 0, 0, 7][..], b"message"].concat());
    let signature = edwards(1).sign(&digest).to_bytes();
    let serialized = base64(&[&[0][..], &signature, &key].concat());
    let control = check(Network::Sui, &address, "message", &[&serialized]).unwrap();
    assert_eq!((control.scheme, control.binding), (Scheme::SuiPersonal, Binding::KeyHash));
    assert!(with_key(Network::Sui, &address, "message", &hex(&signature), &hex(&key)).is_ok());
    assert!(is_unbound(&check(Network::Sui, &address, "message", &[&hex(&signature)])));
    assert!(is_invalid(&check(Network::Sui, &address, "other", &[&serialized])));
    let other = base64(
        &[&[0][..], &edwards(2).sign(&digest).to_bytes(), &edwards(2).verifying_key().to_bytes()].concat(),
    );
    assert!(is_unbound(&check(Network::Sui, &address, "message", &[&other])));
    let secp = base64(&[&[1][..], &signature, &[2; 33]].concat());
    assert!(matches!(
        check(Network::Sui, &address, "message", &[&secp]),
        Err(OwnershipError::Unsupported { .. })
    ));
}

#[test]
fn ton_wallets() {
    let shown = hex(&edwards(1).verifying_key().to_bytes());
    let signature = sign_edwards(1, b"message");
    let address = format!("0:{}", "77".repeat(32));
    assert!(is_unbound(&with_key(Network::Ton, &address, "message", &signature, &shown)));
    for wrong in [
        "2:00",
        "EQA5rifVSCc8qQfpCXvq4zJGJPsA0EPCDoWdtg234INftsWk",
        "kQA5rifVSCc8qQfpCXvq4zJGJPsA0EPCDoWdtg234INftn4p",
    ] {
        assert!(matches!(
            with_key(Network::Ton, wrong, "message", &signature, &shown),
            Err(OwnershipError::Undecodable { .. })
        ));
    }
    // Bound, and signed by another key. The key and its addresses are those of the tests of @ton/ton's wallets.
    let key = "5754865e86d0ade1199301bbb0319a25ed6b129c4b0a57f28f62449b3df9c522";
    for address in [
        "EQBJp7j5N40GXJbAqFSnfTV1Af4ZTyHIMpRbKcudNhWJbbNO",
        "EQA0D_5WdusaCB-SpnoE6l5TzdBmgOkzTcXrdh0px6g3zJSk",
        "EQA0D/5WdusaCB+SpnoE6l5TzdBmgOkzTcXrdh0px6g3zJSk",
        "0:340ffe5676eb1a081f92a67a04ea5e53cdd06680e9334dc5eb761d29c7a837cc",
        "EQDnBF4JTFKHTYjulEJyNd4dstLGH1m51UrLdu01_tw4z2Au",
    ] {
        assert!(is_invalid(&with_key(Network::Ton, address, "message", &signature, key)), "{address}");
        assert!(is_unbound(&with_key(Network::Ton, address, "message", &signature, &shown)));
    }
    // Wallets of the main network with their addresses, from the tests of a node's tool; v5r1 there has the old number.
    let key = "72c9ed6b62a6e2eba14a93b90462e7a367777beb8a38fb15b9f33844d22ce2ff";
    for address in [
        "0:83dfd552e63729b472fcbcc8c45ebcc6691702558b68ec7527e1ba403a0f31a8",
        "0:1195e0aa861dee81216752efbcf2425ebbd7e846987b5fab01e9bc5303fdd1b0",
        "0:b3f77c0448a5b1c15112a7fcda3007cc6ba473565a7b6c4968aa0c6de23c525b",
    ] {
        assert!(is_invalid(&with_key(Network::Ton, address, "message", &signature, key)), "{address}");
    }
    // The same account in the other workchain is another wallet.
    let moved = "-1:340ffe5676eb1a081f92a67a04ea5e53cdd06680e9334dc5eb761d29c7a837cc";
    assert!(is_unbound(&with_key(Network::Ton, moved, "message", &signature, key)));
}

#[test]
fn stellar_algorand_near() {
    let key = edwards(1).verifying_key().to_bytes();
    let near = hex(&key);
    let sha = <bitcoin::hashes::sha512_256::Hash as Hash>::hash(&key).to_byte_array();
    let algorand = base32(&[&key[..], &sha[28..]].concat());
    for (network, address, scheme, signed) in [
        (Network::Algorand, &algorand, Scheme::AlgorandBytes, b"MXmessage".to_vec()),
        (Network::Algorand, &algorand, Scheme::Envelope, envelope("message")),
        (Network::Near, &near, Scheme::Raw, b"message".to_vec()),
        (Network::Near, &near, Scheme::Envelope, envelope("message")),
    ] {
        let control = check(network, address, "message", &[&sign_edwards(1, &signed)]).unwrap();
        assert_eq!((control.scheme, control.binding), (scheme, Binding::Key));
        assert!(is_invalid(&check(network, address, "other", &[&sign_edwards(1, &signed)])));
        assert!(is_invalid(&check(network, address, "message", &[&sign_edwards(2, &signed)])));
    }
    assert!(check(Network::Algorand, &algorand.replace('A', "B"), "message", &["00"]).is_err());
    let signature = sign_edwards(1, b"message");
    let named = check(Network::Near, "reserve.example.near", "message", &[&signature]);
    assert!(matches!(named, Err(OwnershipError::Unbound(Unbound::NeedsFact { .. }))));
    let facts = [Fact {
        network: Network::Near,
        account: b"reserve.example.near",
        height: 4,
        proved: Proved::PublicKey(&key),
    }];
    let evidence = Evidence { signatures: &[&signature], ..Evidence::default() };
    let claim = Claim {
        network: Network::Near,
        address: "reserve.example.near",
        message: b"message",
        evidence,
        facts: &facts,
    };
    assert_eq!(verify(&claim).unwrap().binding, Binding::Fact { height: 4 });
    assert!(is_invalid(&verify(&Claim { message: b"other", ..claim })));
    for wrong in ["MBXFXNDLV4LSWA4VB7YIL5GBD7BVNR22SGBTDKMO2SBZZHDXSKZYCP7L", "G", "gbxf"] {
        assert!(matches!(
            check(Network::Stellar, wrong, "message", &[&signature]),
            Err(OwnershipError::Undecodable { .. })
        ));
    }
}

#[test]
fn substrate_sr25519() {
    let pair = schnorrkel::MiniSecretKey::from_bytes(&[1; 32])
        .unwrap()
        .expand_to_keypair(schnorrkel::ExpansionMode::Ed25519);
    let key = pair.public.to_bytes();
    let payload = [&[42][..], &key].concat();
    let mut hash = blake2::Blake2bVar::new(64).unwrap();
    hash.update(b"SS58PRE");
    hash.update(&payload);
    let mut checksum = [0; 64];
    hash.finalize_variable(&mut checksum).unwrap();
    let address = bitcoin::base58::encode(&[&payload[..], &checksum[..2]].concat());
    let network = Network::Substrate { prefix: 42 };
    let sign = |message: &[u8]| pair.sign_simple(b"substrate", message).to_bytes();
    let wrapped = sign(b"<Bytes>message</Bytes>");
    let control = check(network, &address, "message", &[&hex(&wrapped)]).unwrap();
    assert_eq!((control.scheme, control.binding), (Scheme::SubstrateBytes, Binding::Key));
    let tagged = [&[1][..], &wrapped].concat();
    assert!(check(network, &address, "message", &[&hex(&tagged)]).is_ok());
    assert_eq!(check(network, &address, "message", &[&hex(&sign(b"message"))]).unwrap().scheme, Scheme::Raw);
    assert!(is_invalid(&check(network, &address, "other", &[&hex(&wrapped)])));
    let other = schnorrkel::MiniSecretKey::from_bytes(&[2; 32])
        .unwrap()
        .expand_to_keypair(schnorrkel::ExpansionMode::Ed25519);
    let stranger = other.sign_simple(b"substrate", b"message").to_bytes();
    assert!(is_invalid(&check(network, &address, "message", &[&hex(&stranger)])));
    let shown = hex(&other.public.to_bytes());
    assert!(is_unbound(&with_key(network, &address, "message", &hex(&stranger), &shown)));
    // A signature as the other kind of key.
    let mislabelled = [&[0][..], &wrapped].concat();
    assert!(check(network, &address, "message", &[&hex(&mislabelled)]).is_err());
}

#[test]
fn cardano_raw_and_cip8() {
    let key = edwards(1).verifying_key().to_bytes();
    let bytes = [&[0x61][..], &blake2b::<28>(&key)].concat();
    let address = bech32::encode::<bech32::Bech32>(bech32::Hrp::parse("addr").unwrap(), &bytes).unwrap();
    let network = Network::Cardano;
    let raw = sign_edwards(1, b"message");
    assert_eq!(with_key(network, &address, "message", &raw, &hex(&key)).unwrap().scheme, Scheme::Raw);
    assert!(is_invalid(&with_key(network, &address, "other", &raw, &hex(&key))));
    assert!(is_unbound(&check(network, &address, "message", &[&raw])));
    assert!(is_unbound(&with_key(
        network,
        &address,
        "message",
        &raw,
        &hex(&edwards(2).verifying_key().to_bytes())
    )));
    let cose = |named: &[u8], payload: &[u8], signer: u8| {
        let protected = [&unhex("a201276761646472657373581d")[..], named].concat();
        let length = u8::try_from(protected.len()).unwrap();
        let payload = [&[0x40 | u8::try_from(payload.len()).unwrap()][..], payload].concat();
        let signed =
            [&unhex("846a5369676e617475726531")[..], &[0x58, length], &protected, &[0x40], &payload].concat();
        let signature = edwards(signer).sign(&signed).to_bytes();
        let hashed = unhex("a166686173686564f4");
        hex(&[&[0x84, 0x58, length][..], &protected, &hashed, &payload, &[0x58, 64], &signature].concat())
    };
    let cose_key = format!("a4010103272006215820{}", hex(&key));
    let good = cose(&bytes, b"message", 1);
    assert_eq!(with_key(network, &address, "message", &good, &cose_key).unwrap().scheme, Scheme::Cip8);
    assert_eq!(
        with_key(network, &address, "other", &good, &cose_key),
        Err(OwnershipError::Invalid(Invalid::OtherMessage))
    );
    let elsewhere = cose(&[0x61; 29], b"message", 1);
    assert_eq!(
        with_key(network, &address, "message", &elsewhere, &cose_key),
        Err(OwnershipError::Invalid(Invalid::OtherAddress))
    );
    assert!(is_invalid(&with_key(network, &address, "message", &cose(&bytes, b"message", 2), &cose_key)));
    let stake_script = [&[0x71][..], &[1; 28]].concat();
    let script =
        bech32::encode::<bech32::Bech32>(bech32::Hrp::parse("addr").unwrap(), &stake_script).unwrap();
    assert!(matches!(
        with_key(network, &script, "message", &raw, &hex(&key)),
        Err(OwnershipError::Unsupported { .. })
    ));
    assert!(matches!(
        with_key(Network::CardanoTestnet, &address, "message", &raw, &hex(&key)),
        Err(OwnershipError::Undecodable { .. })
    ));
}

#[test]
fn filecoin_bls_and_ethereum() {
    let secret = blst::min_pk::SecretKey::key_gen(&[1; 32], &[]).unwrap();
    let key = secret.sk_to_pk().to_bytes();
    let address = filecoin_address("3", &[3], &key);
    let sign = |secret: &blst::min_pk::SecretKey, message: &[u8]| {
        secret.sign(message, b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_", &[]).to_bytes()
    };
    let signature = sign(&secret, b"message");
    let control = check(Network::Filecoin, &address, "message", &[&hex(&signature)]).unwrap();
    assert_eq!((control.scheme, control.binding), (Scheme::Raw, Binding::Key));
    let tagged = [&[2][..], &signature].concat();
    assert!(check(Network::Filecoin, &address, "message", &[&hex(&tagged)]).is_ok());
    assert!(is_invalid(&check(Network::Filecoin, &address, "other", &[&hex(&signature)])));
    let other = blst::min_pk::SecretKey::key_gen(&[2; 32], &[]).unwrap();
    let stranger = hex(&sign(&other, b"message"));
    assert!(is_invalid(&check(Network::Filecoin, &address, "message", &[&stranger])));
    assert!(check(Network::FilecoinTestnet, &address, "message", &[&hex(&signature)]).is_err());
    let account = ethereum(&super::keys::key(1));
    let delegated = filecoin_address("410f", &[4, 10], &account);
    let signature = sign_recoverable(&super::keys::key(1), personal(b"message"));
    let control = check(Network::Filecoin, &delegated, "message", &[&signature]).unwrap();
    assert_eq!(control.scheme, Scheme::Eip191);
    let by_id = check(Network::Filecoin, "f01234", "message", &[&signature]);
    assert!(matches!(by_id, Err(OwnershipError::Unbound(Unbound::NeedsFact { .. }))));
    let node: [u8; 20] = blake2b(&public(&super::keys::key(1)).serialize_uncompressed());
    let node = filecoin_address("1", &[1], &node);
    let prefixed = [&b"\x19Filecoin Signed Message:\n7"[..], b"message"].concat();
    for (scheme, digest) in [(Scheme::FilecoinRaw, blake2b(b"message")), (Scheme::Frc102, blake2b(&prefixed))]
    {
        let signature = sign_recoverable(&super::keys::key(1), digest);
        assert_eq!(check(Network::Filecoin, &node, "message", &[&signature]).unwrap().scheme, scheme);
    }
}

#[test]
fn validators_withdrawals() {
    let secret = blst::min_pk::SecretKey::key_gen(&[1; 32], &[]).unwrap();
    let key = secret.sk_to_pk().to_bytes();
    let address = format!("0x{}", hex(&key));
    let signature =
        hex(&secret.sign(b"message", b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_", &[]).to_bytes());
    let claim = |facts: &[Fact<'_>]| {
        let evidence = Evidence { signatures: &[&signature], ..Evidence::default() };
        verify(&Claim { network: Network::Beacon, address: &address, message: b"message", evidence, facts })
            .unwrap()
    };
    assert_eq!(claim(&[]).assumed, [Assumption::WithdrawalCredentials]);
    let mut credentials = [0; 32];
    credentials[0] = 1;
    credentials[12..].copy_from_slice(&[0xee; 20]);
    let fact = |credentials| {
        [Fact {
            network: Network::Beacon,
            account: &key,
            height: 6,
            proved: Proved::WithdrawalCredentials(credentials),
        }]
    };
    assert_eq!(
        claim(&fact(credentials)).assumed,
        [Assumption::StateAt { height: 6 }, Assumption::WithdrawsTo { address: [0xee; 20] }]
    );
    assert_eq!(claim(&fact(withdrawal_credentials(&key))).assumed, [Assumption::StateAt { height: 6 }]);
    assert_eq!(claim(&fact([7; 32])).assumed, [Assumption::WithdrawalCredentials]);
    assert!(is_invalid(&check(Network::Beacon, &address, "other", &[&signature])));
    // The point at infinity is a key whose signatures anyone can make.
    let infinity = format!("c0{}", "00".repeat(47));
    let nothing = format!("c0{}", "00".repeat(95));
    assert!(check(Network::Beacon, &infinity, "message", &[&nothing]).is_err());
}

#[test]
fn cosmos_keys_are_of_the_networks_kind() {
    let secret = key(1);
    let hash = bitcoin::hashes::hash160::Hash::hash(&public(&secret).serialize()).to_byte_array();
    let hrp = bech32::Hrp::parse("cosmos").unwrap();
    let address = bech32::encode::<bech32::Bech32>(hrp, &hash).unwrap();
    let network = Network::Cosmos { prefix: "cosmos", key: CosmosKey::Secp256k1 };
    let document = format!(
        r#"{{"account_number":"0","chain_id":"","fee":{{"amount":[],"gas":"0"}},"memo":"","msgs":[{{"type":"sign/MsgSignData","value":{{"data":"{}","signer":"{address}"}}}}],"sequence":"0"}}"#,
        base64(b"message")
    );
    let digest = bitcoin::hashes::sha256::Hash::hash(document.as_bytes()).to_byte_array();
    let signature = secp().sign_ecdsa(&Message::from_digest(digest), &secret).serialize_compact();
    let shown = base64(&public(&secret).serialize());
    assert_eq!(
        with_key(network, &address, "message", &base64(&signature), &shown).unwrap().scheme,
        Scheme::Adr36
    );
    assert!(is_invalid(&with_key(network, &address, "other", &base64(&signature), &shown)));
    let stranger = base64(&public(&key(2)).serialize());
    assert!(is_unbound(&with_key(network, &address, "message", &base64(&signature), &stranger)));
    let ethermint = Network::Cosmos { prefix: "cosmos", key: CosmosKey::EthSecp256k1 };
    assert!(is_unbound(&with_key(ethermint, &address, "message", &base64(&signature), &shown)));
    let terra = Network::Cosmos { prefix: "terra", key: CosmosKey::Secp256k1 };
    assert!(with_key(terra, &address, "message", &base64(&signature), &shown).is_err());
}

#[test]
fn eos_accounts_take_a_fact() {
    let digest = bitcoin::hashes::sha256::Hash::hash(b"message").to_byte_array();
    let sign = |secret: &SecretKey| {
        let (id, compact) =
            secp().sign_ecdsa_recoverable(&Message::from_digest(digest), secret).serialize_compact();
        let payload = [&[31 + u8::try_from(id.to_i32()).unwrap()][..], &compact].concat();
        let checksum =
            bitcoin::hashes::ripemd160::Hash::hash(&[&payload[..], b"K1"].concat()).to_byte_array();
        format!("SIG_K1_{}", bitcoin::base58::encode(&[&payload[..], &checksum[..4]].concat()))
    };
    let signature = sign(&key(1));
    let outcome = check(Network::Eos, "reserve12345", "message", &[&signature]);
    assert!(matches!(outcome, Err(OwnershipError::Unbound(Unbound::NeedsFact { .. }))));
    let known = public(&key(1)).serialize();
    let facts = [Fact {
        network: Network::Eos,
        account: b"reserve12345",
        height: 2,
        proved: Proved::PublicKey(&known),
    }];
    let claim = |message, signature: &str| {
        let evidence = Evidence { signatures: &[signature], ..Evidence::default() };
        verify(&Claim { network: Network::Eos, address: "reserve12345", message, evidence, facts: &facts })
    };
    assert_eq!(claim(b"message", &signature).unwrap().threshold, Some(Threshold::SINGLE));
    assert!(is_unbound(&claim(b"other", &signature)));
    assert!(is_unbound(&claim(b"message", &sign(&key(2)))));
    assert!(matches!(claim(b"message", "SIG_R1_abc"), Err(OwnershipError::Unsupported { .. })));
}

/// `required <keys> total OP_CHECKMULTISIG`.
fn multisig(required: u8, keys: &[&SecretKey]) -> ScriptBuf {
    let op = |number: u8| bitcoin::opcodes::Opcode::from(0x50 + number);
    let script = ScriptBuf::builder().push_opcode(op(required));
    let script = keys.iter().fold(script, |script, key| script.push_slice(public(key).serialize()));
    let total = u8::try_from(keys.len()).unwrap();
    script.push_opcode(op(total)).push_opcode(bitcoin::opcodes::all::OP_CHECKMULTISIG).into_script()
}

#[test]
fn nested_witness_scripts() {
    let (a, b, c) = (key(1), key(2), key(3));
    let script = multisig(2, &[&a, &b, &c]);
    let address = Address::p2shwsh(&script, NetworkKind::Main).to_string();
    let shown = hex(script.as_bytes());
    let signatures = [sign_message(&a, HEADER, "message", 31), sign_message(&c, HEADER, "message", 31)];
    let signatures = signatures.each_ref().map(String::as_str);
    let evidence = Evidence { signatures: &signatures, script: Some(&shown), ..Evidence::default() };
    let control = check_with(Network::Bitcoin, &address, "message", evidence).unwrap();
    assert_eq!(control.threshold, Some(Threshold { required: 2, total: 3 }));
    // On a network without segwit the same hash is of no script that its keys could satisfy.
    let outcome = check_with(Network::BitcoinSv, &address, "message", evidence);
    assert_eq!(outcome, Err(OwnershipError::Unbound(Unbound::OtherScript)));
    // BIP-322 simple, where the program isn't shown.
    let locking = Address::p2shwsh(&script, NetworkKind::Main).script_pubkey();
    let transaction = Transaction {
        version: bitcoin::transaction::Version(0),
        lock_time: bitcoin::absolute::LockTime::ZERO,
        input: vec![input(virtual_coin("message", &locking))],
        output: vec![op_return()],
    };
    let digest = SighashCache::new(&transaction)
        .p2wsh_signature_hash(0, &script, Amount::ZERO, EcdsaSighashType::All)
        .unwrap();
    let sign = |key: &SecretKey| {
        let signature = secp().sign_ecdsa(&Message::from_digest(digest.to_byte_array()), key);
        [&signature.serialize_der()[..], &[1]].concat()
    };
    let simple = |signatures: &[Vec<u8>]| {
        let mut witness = Witness::from_slice(&[Vec::new()]);
        signatures.iter().for_each(|signature| witness.push(signature));
        witness.push(script.as_bytes());
        format!("smp{}", base64(&bitcoin::consensus::serialize(&witness)))
    };
    let control = check(Network::Bitcoin, &address, "message", &[&simple(&[sign(&a), sign(&b)])]).unwrap();
    assert_eq!((control.scheme, control.keys.len()), (Scheme::Bip322Simple, 2));
    for wrong in [
        simple(&[sign(&b), sign(&a)]),
        simple(&[sign(&a), sign(&a)]),
        simple(&[sign(&a)]),
        simple(&[sign(&a), sign(&b), sign(&c)]),
        simple(&[sign(&a), sign(&key(4))]),
    ] {
        assert!(is_invalid(&check(Network::Bitcoin, &address, "message", &[&wrong])));
    }
}

/// A key twice in a script is two keys for the network; here it is one.
#[test]
fn a_script_with_one_key_twice_has_one_signer() {
    let secret = key(1);
    let script = multisig(2, &[&secret, &secret, &key(3)]);
    let locking = Address::p2sh(&script, NetworkKind::Main).unwrap();
    let transaction = Transaction {
        version: bitcoin::transaction::Version(0),
        lock_time: bitcoin::absolute::LockTime::ZERO,
        input: vec![input(virtual_coin("message", &locking.script_pubkey()))],
        output: vec![op_return()],
    };
    let sign = |secret: &SecretKey, kind: u8| {
        let digest = SighashCache::new(&transaction).legacy_signature_hash(0, &script, kind.into()).unwrap();
        let signature = secp().sign_ecdsa(&Message::from_digest(digest.to_byte_array()), secret);
        bitcoin::script::PushBytesBuf::try_from([&signature.serialize_der()[..], &[kind]].concat()).unwrap()
    };
    let full = |signatures: [bitcoin::script::PushBytesBuf; 2]| {
        let mut signed = transaction.clone();
        let redeem = bitcoin::script::PushBytesBuf::try_from(script.to_bytes()).unwrap();
        let [one, two] = signatures;
        let pushes = ScriptBuf::builder().push_opcode(bitcoin::opcodes::OP_0).push_slice(one).push_slice(two);
        signed.input[0].script_sig = pushes.push_slice(redeem).into_script();
        base64(&bitcoin::consensus::serialize(&signed))
    };
    let check = |text: &str| check(Network::Bitcoin, &locking.to_string(), "message", &[text]);
    assert_eq!(
        check(&full([sign(&secret, 1), sign(&secret, 1)])),
        Err(OwnershipError::Invalid(Invalid::Threshold { required: 2, found: 1 }))
    );
    let control = check(&full([sign(&secret, 1), sign(&key(3), 1)])).unwrap();
    assert_eq!((control.scheme, control.keys.len()), (Scheme::Bip322Full, 2));
    // Signatures over no outputs, or with other inputs allowed.
    for kind in [0x02, 0x03, 0x81] {
        assert_eq!(
            check(&full([sign(&secret, 1), sign(&key(3), kind)])),
            Err(OwnershipError::Invalid(Invalid::HashType))
        );
    }
}

#[test]
fn cash_addresses_of_keys() {
    // The hash of the cash address specification's first vector, in its own and in the legacy form.
    for address in [
        "bitcoincash:qr6m7j9njldwwzlg9v7v53unlr4jkmx6eylep8ekg2",
        "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
        "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu",
    ] {
        let signature = sign_message(&key(1), HEADER, "message", 31);
        assert!(is_unbound(&check(Network::BitcoinCash, address, "message", &[&signature])), "{address}");
    }
    assert_eq!(
        assay_ownership::account(
            Network::BitcoinCash,
            "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a"
        ),
        assay_ownership::account(Network::BitcoinCash, "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu")
    );
    let legacy = legacy(&key(1), true);
    let signature = sign_message(&key(1), HEADER, "message", 31);
    assert!(check(Network::BitcoinCash, &legacy, "message", &[&signature]).is_ok());
}

fn blake2b<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut hash = blake2::Blake2bVar::new(N).unwrap();
    hash.update(bytes);
    let mut out = [0; N];
    hash.finalize_variable(&mut out).unwrap();
    out
}

fn filecoin_address(kind: &str, head: &[u8], payload: &[u8]) -> String {
    let checksum: [u8; 4] = blake2b(&[head, payload].concat());
    format!("f{kind}{}", base32(&[payload, &checksum].concat()).to_lowercase())
}

fn base32(bytes: &[u8]) -> String {
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let digit = |five: &[u8]| {
        let value = (0..5).fold(0, |value, at| value << 1 | five.get(at).copied().unwrap_or(0));
        char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::from(value)])
    };
    bits.chunks(5).map(digit).collect()
}
