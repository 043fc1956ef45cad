//! Verdicts on claims: official and field vectors, good and bad claims of every family, attacks, random bytes.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod attacks;
mod bitcoin_vectors;
mod evm;
mod families;
mod keys;
mod properties;
mod starknet;
mod vectors;

use assay_ownership::{Claim, Control, Evidence, Network, OwnershipError, verify};

/// A claim with signatures and nothing else.
fn check(
    network: Network<'_>,
    address: &str,
    message: &str,
    signatures: &[&str],
) -> Result<Control, OwnershipError> {
    check_with(network, address, message, Evidence { signatures, ..Evidence::default() })
}

/// A claim without facts.
fn check_with(
    network: Network<'_>,
    address: &str,
    message: &str,
    evidence: Evidence<'_>,
) -> Result<Control, OwnershipError> {
    verify(&Claim { network, address, message: message.as_bytes(), evidence, facts: &[] })
}
