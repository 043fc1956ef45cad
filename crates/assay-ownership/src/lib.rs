//! Who controls a listed reserve address: signatures and scripts, strictly bound to the address.
//!
//! The exchange is the adversary here: it writes the list of addresses, the messages, signatures, keys and scripts. So a
//! signature counts for an address only where the address itself, by its checksum and the rules of its network, commits
//! to the key that signed. [`verify`] answers with a [`Control`], which names the scheme, the keys, the threshold and
//! all that is still assumed, or with an [`OwnershipError`], none of which is a pass:
//!
//! | verdict | means |
//! |---|---|
//! | `Ok(`[`Control`]`)` | verified: the listed address commits to keys that signed the message, and enough of them did |
//! | [`Unbound`](OwnershipError::Unbound) | something may have been signed, but nothing ties it to the listed address |
//! | [`Invalid`](OwnershipError::Invalid) | the evidence breaks a rule: wrong message, too few keys, a malleable signature |
//! | [`Undecodable`](OwnershipError::Undecodable) | a field can't be read, an address is of another network |
//! | [`Unsupported`](OwnershipError::Unsupported) | nothing here can judge it |
//!
//! # Families
//!
//! | networks | schemes | what binds the address |
//! |---|---|---|
//! | Bitcoin, its test networks, Litecoin | signed messages (header bytes 27 to 34), BIP-137, BIP-322 simple, full and proof of funds, BIP-127 | hash of the key or of the script, taproot output key; m-of-n by distinct keys |
//! | Dogecoin, Bitcoin Cash, eCash, Bitcoin SV, Bitcoin Gold, Dash, DigiByte, Qtum, Ravencoin, Zcash (transparent) | signed messages, BIP-137 where there is segwit | the same |
//! | EVM | EIP-191 of the message or of its Keccak-256 (raw, hex), EIP-712, the envelope | last 20 bytes of the key's hash |
//! | EVM contracts | EIP-1271 (see [`ContractQuestion`]), owners of a Safe (EIP-191, EIP-712, Safe message) | a [`Fact`] about the contract |
//! | Tron | first format, TIP-191 | last 20 bytes of the key's hash |
//! | Solana, Stellar, Algorand | raw, envelope; off-chain message; SEP-53; `MX` | the address is the key |
//! | NEAR | raw, envelope | implicit accounts are the key; others need a [`Fact`] |
//! | Aptos | raw, envelope | hash of the key; after a rotation a [`Fact`] |
//! | Sui | personal message, raw, envelope | hash of the key |
//! | TON | raw, envelope | hash of wallet code (v3r1, v3r2, v4r2, v5r1) and first data with the key |
//! | Substrate | `<Bytes>`, raw, envelope; Ed25519 and Sr25519 | the address is the key |
//! | Cardano | CIP-8, raw, envelope | hash of the payment key |
//! | Filecoin | node's format, FRC-102, envelope; BLS; EVM's schemes for `f410` | hash of the key (`f1`), the key (`f3`) |
//! | Cosmos | ADR-36, envelope | hash of the key, of the kind that the network uses |
//! | beacon chain | BLS over the message or over its EIP-191 hash | the address is the key; withdrawals need a [`Fact`] |
//! | EOS | `SIG_K1` over SHA-256, envelope | a [`Fact`] about the account |
//! | Starknet | SNIP-12 | hash of the account's class and of its constructor's arguments with the key; else a [`Fact`] |
//!
//! The envelope is a header of an exchange and the message, each with its length in front, see [`Scheme::Envelope`].
//! Under schemes without a prefix the message must be readable text, since transactions, which are public, are signed in
//! the same way; see [`Scheme::Raw`].
//!
//! Unsupported: SNIP-12 types other than felts, strings and structs, the XRP Ledger, taproot script paths, scripts beyond multisignature and single keys, BIP-322
//! outside Bitcoin and Litecoin, proofs of funds as bare transactions, segwit versions above 1, cash addresses with
//! hashes of more than 160 bits, Sui keys other than Ed25519, ECDSA on Substrate, Aptos keys other than
//! Ed25519, other TON wallets, Stellar's muxed and
//! contract addresses, Cardano's Byron and script addresses, NEP-413, Filecoin actors, EOS keys other than K1.
//!
//! # Grades
//!
//! [`Grade`] ranks what was shown, from a bare claim to movement on the chain; [`grade`] is total, and more evidence
//! never lowers it. The message to sign for an epoch is a [`Challenge`].
//!
//! # What no signature shows
//!
//! That nobody else has the key, that the key's holder isn't lent for the day, that coins are there and not pledged. What
//! a particular verdict leaves open, it lists in [`Control::assumed`].

mod bitcoin;
mod bls;
mod cardano;
mod challenge;
mod claim;
mod control;
mod cosmos;
mod ecdsa;
mod ed25519;
mod edwards;
mod eos;
mod error;
mod evm;
mod filecoin;
mod grade;
mod hash;
mod starknet;
mod substrate;
mod text;
mod ton;
mod tron;

pub use bls::withdrawal_credentials;
pub use challenge::{BlockMark, Challenge, ChallengeError, MAX_BLOCKS};
pub use claim::{
    Claim, CosmosKey, Evidence, Fact, MAX_ADDRESS_BYTES, MAX_FIELD_BYTES, MAX_SIGNATURES, Network, Proved,
    Scheme,
};
pub use control::{Assumption, Binding, Coin, Control, Threshold};
pub use error::{Field, Invalid, OwnershipError, Unbound};
pub use evm::{ContractQuestion, TypedDataError, is_accepted, safe, typed_data_hash};
pub use grade::{ChainChecks, Grade, grade};
pub use hash::keccak256;
pub use starknet::{AccountClass, AccountClassError, Calldata, snip12_document};

/// Verifies that whoever made the claim's signatures controls its address.
///
/// Works from the claim alone: no network, no clock. What it takes of the chain's state are the claim's
/// [`facts`](Claim::facts), for which the caller vouches.
pub fn verify(claim: &Claim<'_>) -> Result<Control, OwnershipError> {
    claim.check_sizes()?;
    if let Some(coin) = bitcoin::Coin::of(claim.network) {
        return bitcoin::verify(claim, &coin);
    }
    match claim.network {
        Network::Evm { chain_id } => evm::verify(claim, chain_id),
        Network::Beacon => bls::verify_validator(claim),
        Network::Tron => tron::verify(claim),
        Network::Solana => edwards::verify_solana(claim),
        Network::Aptos => edwards::verify_aptos(claim),
        Network::Sui => edwards::verify_sui(claim),
        Network::Ton => ton::verify(claim),
        Network::Substrate { prefix } => substrate::verify(claim, prefix),
        Network::Stellar => edwards::verify_stellar(claim),
        Network::Algorand => edwards::verify_algorand(claim),
        Network::Cardano => cardano::verify(claim, true),
        Network::CardanoTestnet => cardano::verify(claim, false),
        Network::Near => edwards::verify_near(claim),
        Network::Filecoin => filecoin::verify(claim, true),
        Network::FilecoinTestnet => filecoin::verify(claim, false),
        Network::Cosmos { prefix, key } => cosmos::verify(claim, prefix, key),
        Network::Eos => eos::verify(claim),
        Network::Starknet { classes } => starknet::verify(claim, classes),
        Network::Xrp => error::unsupported("the XRP Ledger"),
        _ => error::unsupported("this network"),
    }
}

/// The bytes that `address` stands for: an output script, a key, a hash, a name. All spellings of an address give the
/// same bytes, so that no account counts twice, and no two accounts of a network give the same.
pub fn account(network: Network<'_>, address: &str) -> Result<Vec<u8>, OwnershipError> {
    if address.len() > MAX_ADDRESS_BYTES {
        return error::undecodable(Field::Address, "too long");
    }
    if let Some(coin) = bitcoin::Coin::of(network) {
        return bitcoin::account(address, &coin);
    }
    match network {
        Network::Evm { .. } => evm::decode(address).map(Vec::from),
        Network::Beacon => bls::account(address).map(Vec::from),
        Network::Tron => tron::account(address).map(Vec::from),
        Network::Solana => edwards::solana_account(address).map(Vec::from),
        Network::Aptos | Network::Sui => edwards::short_address(address).map(Vec::from),
        Network::Ton => ton::account(address),
        Network::Substrate { prefix } => substrate::account(address, prefix).map(Vec::from),
        Network::Stellar => edwards::stellar_account(address).map(Vec::from),
        Network::Algorand => edwards::algorand_account(address).map(Vec::from),
        Network::Cardano => cardano::account(address, true),
        Network::CardanoTestnet => cardano::account(address, false),
        Network::Near => edwards::near_account(address).map(Vec::from),
        Network::Filecoin => filecoin::account(address, true),
        Network::FilecoinTestnet => filecoin::account(address, false),
        Network::Cosmos { prefix, .. } => cosmos::account(address, prefix).map(Vec::from),
        Network::Eos => eos::account(address).map(Vec::from),
        Network::Starknet { .. } => starknet::account(address).map(Vec::from),
        Network::Xrp => error::unsupported("the XRP Ledger"),
        _ => error::unsupported("this network"),
    }
}
