//! Starknet: every account is a contract, so only the chain ties a key to an address.

use crate::error::{undecodable, unsupported};
use crate::{Claim, Control, Field, OwnershipError, Proved, Unbound, text};

/// The prime of the field that addresses are elements of, `2^251 + 17 * 2^192 + 1`.
const PRIME: [u8; 32] = {
    let mut prime = [0; 32];
    prime[0] = 0x08;
    prime[7] = 0x11;
    prime[31] = 0x01;
    prime
};

/// Nothing verifies: without the account's key from the chain a signature is unbound, and with it nothing here checks
/// signatures over Stark's curve.
pub(crate) fn verify(claim: &Claim<'_>) -> Result<Control, OwnershipError> {
    let address = account(claim.address)?;
    claim.signatures()?;
    match claim.fact(&address, |fact| matches!(fact.proved, Proved::PublicKey(_)).then_some(())) {
        Some(()) => unsupported("signatures over Stark's curve"),
        None => Err(Unbound::NeedsFact { what: "the public key that the account's contract holds" }.into()),
    }
}

pub(crate) fn account(address: &str) -> Result<[u8; 32], OwnershipError> {
    let digits = address.strip_prefix("0x").unwrap_or_default();
    if !(1..=64).contains(&digits.len()) {
        return undecodable(Field::Address, "not 0x and up to 64 hex digits");
    }
    let account = text::hex_array(&format!("{digits:0>64}"), Field::Address)?;
    if account < PRIME { Ok(account) } else { undecodable(Field::Address, "not below the field's prime") }
}
