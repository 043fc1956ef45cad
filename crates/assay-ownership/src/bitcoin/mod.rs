//! Bitcoin and its relatives.

mod address;
mod message;
mod psbt;
mod spend;
mod virtual_tx;

pub(crate) use address::Coin;

use ::bitcoin::{Transaction, Witness, consensus};

use crate::error::{undecodable, unsupported};
use crate::{Claim, Control, Field, Invalid, OwnershipError, Scheme, text};

/// Verifies a claim about an address of `coin`.
pub(crate) fn verify(claim: &Claim<'_>, coin: &Coin) -> Result<Control, OwnershipError> {
    let lock = coin.decode(claim.address)?;
    let control = match Format::of(claim)? {
        Format::Compact => message::verify(claim, coin, lock)?,
        _ if !coin.transactions => {
            return unsupported("BIP-322 and BIP-127 on this network");
        }
        Format::Simple(witness) => virtual_tx::verify_simple(claim, coin, lock, witness)?,
        Format::Transaction(transaction) => virtual_tx::verify_full(claim, coin, lock, transaction)?,
        Format::Psbt(bytes) => psbt::verify(claim, coin, lock, &bytes)?,
    };
    if claim.wants(control.scheme) { Ok(control) } else { Err(claim.other_scheme()) }
}

/// The output script of an address of `coin`.
pub(crate) fn account(address: &str, coin: &Coin) -> Result<Vec<u8>, OwnershipError> {
    Ok(coin.decode(address)?.script().into_bytes())
}

/// What the text of a signature turns out to be.
enum Format {
    /// 65-byte recoverable signatures, one or more.
    Compact,
    /// A BIP-322 witness.
    Simple(Witness),
    /// A transaction: BIP-322 full.
    Transaction(Transaction),
    /// A PSBT: BIP-322 proof of funds or BIP-127.
    Psbt(Vec<u8>),
}

impl Format {
    /// Tells the formats apart: by BIP-322's prefix where there is one, else by length and magic bytes.
    fn of(claim: &Claim<'_>) -> Result<Self, OwnershipError> {
        let first = claim.evidence.signatures.first().ok_or(Invalid::Missing)?;
        let field = Field::Signature;
        if let Some(rest) = first.strip_prefix("smp") {
            claim.single()?;
            return Self::witness(&text::base64(rest, field)?);
        }
        if let Some(rest) = first.strip_prefix("ful") {
            claim.single()?;
            return Self::transaction(&text::base64(rest, field)?);
        }
        if let Some(rest) = first.strip_prefix("pof") {
            claim.single()?;
            return Ok(Self::Psbt(text::base64(rest, field)?));
        }
        let bytes = message::compact_bytes(first)?;
        if bytes.len() == 65 && bytes.first().is_some_and(|header| (27..=42).contains(header)) {
            return Ok(Self::Compact);
        }
        claim.single()?;
        if bytes.starts_with(b"psbt\xff") {
            return Ok(Self::Psbt(bytes));
        }
        // Without a prefix a simple signature is tried first, as BIP-322 says.
        Self::witness(&bytes).or_else(|_| Self::transaction(&bytes))
    }

    fn witness(bytes: &[u8]) -> Result<Self, OwnershipError> {
        match consensus::encode::deserialize::<Witness>(bytes) {
            Ok(witness) if !witness.is_empty() => Ok(Self::Simple(witness)),
            _ => undecodable(Field::Signature, "not a witness"),
        }
    }

    fn transaction(bytes: &[u8]) -> Result<Self, OwnershipError> {
        match consensus::encode::deserialize(bytes) {
            Ok(transaction) => Ok(Self::Transaction(transaction)),
            Err(_) => {
                undecodable(Field::Signature, "neither a signed message, a witness, a transaction nor a PSBT")
            }
        }
    }
}

/// The schemes that spend a virtual output of the address.
pub(crate) const fn virtual_scheme(inputs: usize, simple: bool) -> Scheme {
    match (simple, inputs) {
        (true, _) => Scheme::Bip322Simple,
        (false, 1) => Scheme::Bip322Full,
        (false, _) => Scheme::Bip322Funds,
    }
}
