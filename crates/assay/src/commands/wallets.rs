//! The demo's reserves: wallets on test chains, some of whose keys sign, some of whose balances are proven.
//!
//! The EVM chain is a development node of our own, whose state at one block is recorded here; everybody knows the keys of the
//! recorded addresses. Keys for the other networks are made afresh, and their coins are mere claims.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use assay_balances::evm::EvmEvidence;
use assay_ownership::{BlockMark, Challenge, keccak256, safe};
use assay_statement::{AssetTable, Entity, Epoch, Kind, Totals, hex};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bitcoin::consensus::serialize;
use bitcoin::hashes::{Hash as _, HashEngine as _, sha256};
use bitcoin::secp256k1::{All, Message, Secp256k1, SecretKey};
use bitcoin::sighash::{EcdsaSighashType, SighashCache};
use bitcoin::{
    Address, Amount, CompressedPublicKey, KnownHrp, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut,
    Witness, absolute, opcodes, script, transaction,
};
use ed25519_dalek::Signer as _;

use crate::arguments::{EvidenceInput, ReserveInput};
use crate::commands::reserves::ReserveFiles;
use crate::failure::Failure;
use crate::output::describe;

/// File of the wallets.
pub(crate) const WALLETS: &str = "wallets.csv";

/// File of the policy for them.
pub(crate) const POLICY: &str = "policy.toml";

/// File of the text that keys signed.
pub(crate) const CHALLENGE: &str = "challenge.txt";

/// File of what is on the development chain.
pub(crate) const EVIDENCE: &str = "evidence.json";

/// The development chain's state at height 18, as `assay reserves observe` fetched it from a node that `prepare.py demo` of
/// `assay-nodes` had put the wallets on.
const RECORDED: &str = include_str!("../../testdata/demo-evidence.json");

/// Chain id of the development chain.
const CHAIN: u64 = 31337;

/// A contract with the code and storage of a Safe whose owners are the addresses of the first three recorded keys.
const SAFE: [u8; 20] = [0x5a; 20];

/// The policy. The token's slot and the Safe's code are those of the contracts that were put on the chain.
const POLICY_TEXT: &str = r#"version = 1
minimum_ownership = "O2"
minimum_evidence = "L4"

[[network]]
name = "DEV"              # a development chain of one node
confirmations = 2
addresses = { kind = "evm", chain_id = 31337 }
native = { asset = "ETH", decimals = 18 }

[[network]]
name = "REGTEST"          # a private Bitcoin chain
confirmations = 0
addresses = { kind = "bitcoin-regtest" }
native = { asset = "BTC", decimals = 8 }

[[network]]
name = "SOL"
confirmations = 32
addresses = { kind = "solana" }

[[network]]
name = "DEMO"             # no chain at all
confirmations = 64

[[token]]
asset = "USDT"
network = "DEV"
contract = "0x7070707070707070707070707070707070707070"
decimals = 6
balances = 0
layout = "solidity"

[[safe]]
network = "DEV"
code_hashes = ["0xSAFECODE"]
singletons = ["0x5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b"]
"#;

/// Code of the contract that stands for a Safe.
const SAFE_CODE: [u8; 3] = [0x60, 0x00, 0x35];

/// Reserves for a demo, and how to judge them.
pub(crate) struct Wallets {
    pub(crate) reserves: ReserveInput,
    pub(crate) evidence: EvidenceInput,
}

/// Whose reserves, of which snapshot.
pub(crate) struct Occasion<'a> {
    pub(crate) entity: &'a Entity,
    pub(crate) epoch: &'a Epoch,
    pub(crate) root: [u8; 32],
}

/// A row of the file.
struct Row {
    asset: String,
    network: &'static str,
    address: String,
    units: u128,
    class: &'static str,
    keys: Keys,
}

/// What signs for a row.
enum Keys {
    Nobody,
    Evm(SecretKey),
    Safe([SecretKey; 2]),
    Bitcoin(SecretKey),
    Edwards(Box<ed25519_dalek::SigningKey>),
}

/// Writes wallets with two percent more than is owed of every asset, the challenge, the policy and the evidence into a folder.
pub(crate) fn write(
    dir: &Path,
    assets: &Arc<AssetTable>,
    totals: &Totals,
    occasion: &Occasion<'_>,
) -> Result<Wallets, Failure> {
    let secp = Secp256k1::new();
    let (block, height) = recorded_block()?;
    let rows = rows(&secp, assets, totals)?;
    let put = |name: &str, text: &str| {
        let path = dir.join(name);
        fs::write(&path, text).map_err(|error| Failure::file(&path, &error))
    };
    put(POLICY, &POLICY_TEXT.replace("SAFECODE", &hex::encode(&keccak256(&SAFE_CODE))))?;
    put(EVIDENCE, RECORDED)?;
    put(WALLETS, &to_csv(&rows, None, &block, height))?;
    let reserves = ReserveInput {
        files: vec![dir.join(WALLETS)],
        reserve_format: None,
        policy: dir.join(POLICY),
        round_reserves: false,
    };
    // The challenge names the list of addresses, which signatures don't change.
    let files = ReserveFiles::open(&reserves, assets)?;
    let (_, addresses) = files.addresses(assets)?;
    let mark = BlockMark { network: "dev".into(), height, hash: block };
    let (entity, epoch) = (occasion.entity.clone(), occasion.epoch.clone());
    let challenge =
        Challenge::new(entity, epoch, occasion.root, addresses, files.policy.digest()?, vec![mark]);
    let text = challenge.map_err(Failure::usage)?.to_text();
    put(CHALLENGE, &format!("{text}\n"))?;
    let signatures = rows.iter().map(|row| row.sign(&secp, &text)).collect::<Option<Vec<_>>>();
    let signatures = signatures.ok_or_else(|| Failure::rejected("a key of the demo can't sign"))?;
    put(WALLETS, &to_csv(&rows, Some((&text, &signatures)), &block, height))?;
    let evidence = EvidenceInput {
        files: vec![dir.join(EVIDENCE)],
        blocks: vec![format!("DEV={}", hex::encode(&block))],
        ..EvidenceInput::default()
    };
    Ok(Wallets { reserves, evidence })
}

/// Hash and height of the recorded block. In earnest, the hash comes from a node of one's own.
fn recorded_block() -> Result<([u8; 32], u64), Failure> {
    let evidence = EvmEvidence::from_json(RECORDED.as_bytes()).map_err(Failure::unreadable)?;
    let hash = evidence.block_hash().map_err(Failure::unreadable)?;
    let block = assay_balances::evm::EvmBlock { chain_id: CHAIN, hash };
    let state = evidence.verify(&block).map_err(Failure::unreadable)?;
    Ok((hash, state.height()))
}

fn rows(secp: &Secp256k1<All>, assets: &AssetTable, totals: &Totals) -> Result<Vec<Row>, Failure> {
    let known = |number: u8| SecretKey::from_slice(&[number; 32]).map_err(Failure::usage);
    let keys = [known(1)?, known(2)?, known(3)?];
    let hexadecimal = |bytes: &[u8]| format!("0x{}", hex::encode(bytes));
    let evm = |key: &SecretKey| hexadecimal(&evm_address(secp, key));
    let mut rows = Vec::new();
    for (key, total) in totals.iter().filter(|(key, _)| key.kind() == Kind::EQUITY) {
        let (symbol, _) = describe(key, assets);
        let units = total.saturating_add(total / 50).saturating_add(1);
        let mut push = |network, address, units, class, keys| {
            rows.push(Row { asset: symbol.to_owned(), network, address, units, class, keys });
        };
        match symbol {
            "ETH" => {
                push("DEV", evm(&keys[0]), units / 2, "hot", Keys::Evm(keys[0]));
                push("DEV", hexadecimal(&SAFE), units - units / 2, "cold", Keys::Safe([keys[1], keys[2]]));
            }
            "USDT" => push("DEV", evm(&keys[1]), units, "hot", Keys::Evm(keys[1])),
            "BTC" => {
                let key = fresh()?;
                push("REGTEST", witness_address(secp, &key).to_string(), units, "cold", Keys::Bitcoin(key));
            }
            "SOL" => {
                let mut seed = [0; 32];
                getrandom::fill(&mut seed).map_err(|_| Failure::usage("no randomness"))?;
                let key = Box::new(ed25519_dalek::SigningKey::from_bytes(&seed));
                let address = bitcoin::base58::encode(key.verifying_key().as_bytes());
                push("SOL", address, units, "cold", Keys::Edwards(key));
            }
            _ => push("DEMO", format!("0x{:040x}", key.number()), units, "cold", Keys::Nobody),
        }
    }
    Ok(rows)
}

fn fresh() -> Result<SecretKey, Failure> {
    loop {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|_| Failure::usage("no randomness"))?;
        // All but a few numbers of 256 bits are keys.
        if let Ok(key) = SecretKey::from_slice(&bytes) {
            return Ok(key);
        }
    }
}

fn to_csv(rows: &[Row], signed: Option<(&str, &[Vec<String>])>, block: &[u8; 32], height: u64) -> String {
    let mut text = "asset,network,address,amount_base_units,height,block_hash,owner_class,message,signature,\
                    signature2,owners\n"
        .to_owned();
    let owners = (1..=3).filter_map(owner).collect::<Vec<_>>().join(";");
    for (place, row) in rows.iter().enumerate() {
        let Row { asset, network, address, units, class, .. } = row;
        let (height, hash) = match *network {
            "DEV" => (height.to_string(), hex::encode(block)),
            _ => (String::new(), String::new()),
        };
        let signatures = signed.and_then(|(message, all)| Some((message, all.get(place)?)));
        let signatures = signatures.filter(|(_, signatures)| !signatures.is_empty());
        let message = signatures.map_or(String::new(), |(message, _)| format!("\"{message}\""));
        let signature = |at: usize| signatures.and_then(|(_, all)| all.get(at)).map_or("", String::as_str);
        let owners = match row.keys {
            Keys::Safe(_) => owners.as_str(),
            _ => "",
        };
        text.push_str(&format!(
            "{asset},{network},{address},{units},{height},{hash},{class},{message},{},{},{owners}\n",
            signature(0),
            signature(1),
        ));
    }
    text
}

/// The address of a recorded key.
fn owner(number: u8) -> Option<String> {
    let key = SecretKey::from_slice(&[number; 32]).ok()?;
    Some(format!("0x{}", hex::encode(&evm_address(&Secp256k1::new(), &key))))
}

fn evm_address(secp: &Secp256k1<All>, key: &SecretKey) -> [u8; 20] {
    let public = key.public_key(secp).serialize_uncompressed();
    let [_, point @ ..] = &public;
    let mut address = [0; 20];
    if let Some(end) = keccak256(point).last_chunk::<20>() {
        address = *end;
    }
    address
}

fn witness_address(secp: &Secp256k1<All>, key: &SecretKey) -> Address {
    Address::p2wpkh(&CompressedPublicKey(key.public_key(secp)), KnownHrp::Regtest)
}

impl Row {
    /// Signatures of the text, as wallets make them.
    fn sign(&self, secp: &Secp256k1<All>, text: &str) -> Option<Vec<String>> {
        let personal = || {
            let prefix = format!("\x19Ethereum Signed Message:\n{}", text.len());
            keccak256(&[prefix.as_bytes(), text.as_bytes()].concat())
        };
        Some(match &self.keys {
            Keys::Nobody => Vec::new(),
            Keys::Evm(key) => vec![recoverable(secp, key, personal())?],
            Keys::Safe(keys) => {
                let hash = safe::message_hash(CHAIN, &SAFE, &personal());
                keys.iter().map(|key| recoverable(secp, key, hash)).collect::<Option<_>>()?
            }
            Keys::Bitcoin(key) => vec![bip322(secp, key, text)?],
            Keys::Edwards(key) => vec![hex::encode(&key.sign(text.as_bytes()).to_bytes())],
        })
    }
}

/// `r || s || v`.
fn recoverable(secp: &Secp256k1<All>, key: &SecretKey, hash: [u8; 32]) -> Option<String> {
    let signature = secp.sign_ecdsa_recoverable(&Message::from_digest(hash), key);
    let (id, compact) = signature.serialize_compact();
    Some(format!("0x{}{:02x}", hex::encode(&compact), 27 + id.to_i32()))
}

/// BIP-322 in its simple form: the witness of a transaction that spends a virtual one, which commits to the text.
fn bip322(secp: &Secp256k1<All>, key: &SecretKey, text: &str) -> Option<String> {
    let script_pubkey = witness_address(secp, key).script_pubkey();
    let mut engine = sha256::Hash::engine();
    let tag = sha256::Hash::hash(b"BIP0322-signed-message");
    for part in [tag.as_byte_array(), tag.as_byte_array(), text.as_bytes()] {
        engine.input(part);
    }
    let commitment = sha256::Hash::from_engine(engine).to_byte_array();
    let virtual_transaction = |input: TxIn, output: TxOut| Transaction {
        version: transaction::Version(0),
        lock_time: absolute::LockTime::ZERO,
        input: vec![input],
        output: vec![output],
    };
    let spend = virtual_transaction(
        TxIn {
            previous_output: OutPoint { txid: bitcoin::Txid::all_zeros(), vout: u32::MAX },
            script_sig: script::Builder::new().push_int(0).push_slice(commitment).into_script(),
            sequence: Sequence::ZERO,
            witness: Witness::new(),
        },
        TxOut { value: Amount::ZERO, script_pubkey: script_pubkey.clone() },
    );
    let sign = virtual_transaction(
        TxIn {
            previous_output: OutPoint { txid: spend.compute_txid(), vout: 0 },
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ZERO,
            witness: Witness::new(),
        },
        TxOut {
            value: Amount::ZERO,
            script_pubkey: script::Builder::new().push_opcode(opcodes::all::OP_RETURN).into_script(),
        },
    );
    let kind = EcdsaSighashType::All;
    let hash = SighashCache::new(&sign).p2wpkh_signature_hash(0, &script_pubkey, Amount::ZERO, kind).ok()?;
    let signature = secp.sign_ecdsa(&Message::from_digest(hash.to_byte_array()), key);
    let signature = bitcoin::ecdsa::Signature { signature, sighash_type: kind };
    let witness = Witness::p2wpkh(&signature, &key.public_key(secp));
    Some(STANDARD.encode(serialize(&witness)))
}
