//! BLS12-381 with keys in G1: validators of the beacon chain, Filecoin's `f3`.

use blst::BLST_ERROR;
use blst::min_pk::{PublicKey, Signature};

use crate::error::undecodable;
use crate::{
    Assumption, Binding, Claim, Control, Field, Invalid, OwnershipError, Proved, Scheme, Threshold, evm,
    hash, text,
};

/// Domain of Filecoin's signatures.
pub(crate) const FILECOIN: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_";

/// Domain of the beacon chain's signatures, with proof of possession.
pub(crate) const BEACON: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

/// Verifies that a validator's key signed. Where its coins go is in its withdrawal credentials, which the key alone
/// doesn't show.
pub(crate) fn verify_validator(claim: &Claim<'_>) -> Result<Control, OwnershipError> {
    let key = account(claim.address)?;
    let signature = text::array_of(claim.single()?, Field::Signature)?;
    let forms = [
        (Scheme::Raw, claim.message.to_vec()),
        (Scheme::BlsEip191Keccak, evm::personal_hash(&hash::keccak256(claim.message)).to_vec()),
    ];
    let mut found = Err(claim.other_scheme());
    for (scheme, signed) in forms {
        if claim.wants(scheme) && found.is_err() {
            found = verify(&key, &signature, &signed, BEACON).map(|()| scheme);
        }
    }
    let scheme = found?;
    let credentials = claim.fact(&key, |fact| match fact.proved {
        Proved::WithdrawalCredentials(credentials) => Some((fact.height, credentials)),
        _ => None,
    });
    let assumed = match credentials {
        // Kinds 1 and 2 end in an Ethereum address.
        Some((height, [1 | 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, address @ ..])) => {
            vec![Assumption::StateAt { height }, Assumption::WithdrawsTo { address }]
        }
        Some((height, credentials)) if credentials == withdrawal_credentials(&key) => {
            vec![Assumption::StateAt { height }]
        }
        _ => vec![Assumption::WithdrawalCredentials],
    };
    Ok(Control {
        scheme,
        message: claim.message.to_vec(),
        binding: Binding::Key,
        threshold: Some(Threshold::SINGLE),
        keys: vec![key.to_vec()],
        recovered: false,
        coins: Vec::new(),
        assumed,
    })
}

/// The key, hex with or without `0x`.
pub(crate) fn account(address: &str) -> Result<[u8; 48], OwnershipError> {
    text::hex_array(address.strip_prefix("0x").unwrap_or(address), Field::Address)
}

/// Withdrawal credentials of kind 0, of a BLS withdrawal key.
pub fn withdrawal_credentials(key: &[u8; 48]) -> [u8; 32] {
    let mut credentials = hash::sha256(key);
    if let Some(kind) = credentials.first_mut() {
        *kind = 0;
    }
    credentials
}

/// Whether `signature` by `key` over `message` is good. Key and signature must be in their groups and not neutral.
pub(crate) fn verify(
    key: &[u8; 48],
    signature: &[u8; 96],
    message: &[u8],
    domain: &[u8],
) -> Result<(), OwnershipError> {
    let Ok(key) = PublicKey::key_validate(key) else {
        return undecodable(Field::PublicKey, "not a BLS12-381 key");
    };
    let Ok(signature) = Signature::sig_validate(signature, true) else {
        return undecodable(Field::Signature, "not a BLS12-381 signature");
    };
    match signature.verify(false, message, domain, &[], &key, false) {
        BLST_ERROR::BLST_SUCCESS => Ok(()),
        _ => Err(Invalid::Signature.into()),
    }
}
