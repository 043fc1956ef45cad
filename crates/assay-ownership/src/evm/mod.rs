//! Networks with the Ethereum virtual machine.

mod question;
pub mod safe;
mod typed_data;

pub use question::{ContractQuestion, is_accepted};
pub(crate) use typed_data::parse_number;
pub use typed_data::{TypedDataError, typed_data_hash};

use crate::ecdsa::{self, Digest, Recoverable};
use crate::error::undecodable;
use crate::{
    Assumption, Binding, Claim, Control, Field, Invalid, OwnershipError, Proved, Scheme, Threshold, Unbound,
    hash, text,
};

/// The selector of `isValidSignature`, and the start of what it returns for a good signature, padded to a word.
const ACCEPTED: [u8; 4] = [0x16, 0x26, 0xba, 0x7e];

/// Verifies a claim about an externally owned account or a contract.
pub(crate) fn verify(claim: &Claim<'_>, chain_id: u64) -> Result<Control, OwnershipError> {
    let address = decode(claim.address)?;
    let digests = digests(claim)?;
    let mut answered_other = false;
    for fact in claim.facts_of(&address) {
        if let Proved::SignatureAnswer { hash, returned } = fact.proved {
            if digests.iter().any(|digest| digest.digest == hash) {
                return verify_answer(claim, fact.height, returned);
            }
            answered_other = true;
        }
    }
    if answered_other && claim.evidence.signatures.is_empty() {
        return Err(Invalid::OtherMessage.into());
    }
    if let Some((height, threshold, owners)) = claim.fact(&address, |fact| match fact.proved {
        Proved::SafeOwners { threshold, owners } => Some((fact.height, threshold, owners)),
        _ => None,
    }) {
        return verify_safe(claim, chain_id, &address, digests, (height, threshold, owners));
    }
    verify_account(claim, &address, digests)
}

/// Verifies one signature of an account that is known by the Ethereum address of its key.
pub(crate) fn verify_account(
    claim: &Claim<'_>,
    address: &[u8; 20],
    digests: Vec<Digest>,
) -> Result<Control, OwnershipError> {
    if claim.fact(address, |fact| matches!(fact.proved, Proved::Code).then_some(())).is_some() {
        return Err(Unbound::NeedsFact { what: "the address has code, which decides by itself" }.into());
    }
    let signature = read_signature(claim.single()?)?;
    let (scheme, key) = signature.bind(claim, digests, address, ecdsa::ethereum_address, checksummed)?;
    let no_code = claim.fact(address, |fact| matches!(fact.proved, Proved::NoCode).then_some(fact.height));
    Ok(Control {
        scheme,
        message: claim.message.to_vec(),
        binding: Binding::KeyHash,
        threshold: Some(Threshold::SINGLE),
        keys: vec![key.serialize().to_vec()],
        recovered: true,
        coins: Vec::new(),
        assumed: vec![match no_code {
            Some(height) => Assumption::StateAt { height },
            None => Assumption::NoContractCode,
        }],
    })
}

/// The address of 40 hex digits after `0x`. Mixed case must be EIP-55's checksum.
pub(crate) fn decode(address: &str) -> Result<[u8; 20], OwnershipError> {
    let Some(digits) = address.strip_prefix("0x") else {
        return undecodable(Field::Address, "an address without 0x");
    };
    let bytes: [u8; 20] = text::hex_array(digits, Field::Address)?;
    let letters = || digits.bytes().filter(u8::is_ascii_alphabetic);
    let mixed = letters().any(|letter| letter.is_ascii_lowercase())
        && letters().any(|letter| letter.is_ascii_uppercase());
    if mixed && checksummed(&bytes) != address {
        return undecodable(Field::Address, "a mixed-case address with a wrong checksum");
    }
    Ok(bytes)
}

/// The address in EIP-55's form.
pub(crate) fn checksummed(address: &[u8; 20]) -> String {
    let digits = text::to_hex(address);
    let digest = text::to_hex(&hash::keccak256(digits.as_bytes()));
    let cased = digits
        .chars()
        .zip(digest.chars())
        .map(|(digit, by)| if by >= '8' { digit.to_ascii_uppercase() } else { digit });
    "0x".chars().chain(cased).collect()
}

/// EIP-191 version `E`, which `personal_sign` signs.
pub(crate) fn personal_hash(message: &[u8]) -> [u8; 32] {
    let prefix = format!("\x19Ethereum Signed Message:\n{}", message.len());
    hash::keccak256(&[prefix.as_bytes(), message].concat())
}

/// What accounts sign for the claim's message.
pub(crate) fn digests(claim: &Claim<'_>) -> Result<Vec<Digest>, OwnershipError> {
    let keccak = hash::keccak256(claim.message);
    let digits = text::to_hex(&keccak);
    let mut digests = vec![
        Digest::new(Scheme::Eip191, personal_hash(claim.message)),
        Digest::new(Scheme::Eip191Keccak, personal_hash(&keccak)),
        Digest::new(Scheme::Eip191KeccakHex, personal_hash(format!("0x{digits}").as_bytes())),
        Digest::new(Scheme::Eip191KeccakHex, personal_hash(digits.as_bytes())),
        Digest::new(Scheme::Envelope, hash::keccak256(&hash::envelope(claim.message))),
    ];
    if let Some(json) = claim.evidence.typed_data {
        let typed = typed_data::TypedData::read(json)?;
        // Orders and permits are typed data too, and public; only in its own domain the whole is a message.
        let is_whole = typed.is_challenge() && json.as_bytes() == claim.message;
        if !is_whole && !typed.has_text(claim.message) {
            return Err(Invalid::OtherMessage.into());
        }
        // Typed data that is shown is what was signed: a signature of another form is no signature of it.
        digests = vec![Digest::new(Scheme::Eip712, typed.hash()?)];
    }
    Ok(digests)
}

/// 65 bytes of hex, `s` in its low form.
pub(crate) fn read_signature(signature: &str) -> Result<Recoverable, OwnershipError> {
    let signature = Recoverable::from_rsv(&text::hex(signature, Field::Signature)?)?;
    signature.check_low_s()?;
    Ok(signature)
}

fn verify_answer(claim: &Claim<'_>, height: u64, returned: &[u8]) -> Result<Control, OwnershipError> {
    if !is_accepted(returned) {
        return Err(Invalid::Refused.into());
    }
    if !claim.wants(Scheme::Eip1271) {
        return Err(claim.other_scheme());
    }
    Ok(Control {
        scheme: Scheme::Eip1271,
        message: claim.message.to_vec(),
        binding: Binding::Fact { height },
        threshold: None,
        keys: Vec::new(),
        recovered: false,
        coins: Vec::new(),
        assumed: vec![Assumption::StateAt { height }, Assumption::ContractRules],
    })
}

/// Verifies that enough distinct owners signed, each the message itself or the Safe's own message around it.
fn verify_safe(
    claim: &Claim<'_>,
    chain_id: u64,
    address: &[u8; 20],
    mut digests: Vec<Digest>,
    (height, threshold, owners): (u64, u64, &[[u8; 20]]),
) -> Result<Control, OwnershipError> {
    let mut distinct = owners.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let (Ok(required), Ok(total)) = (u32::try_from(threshold), u32::try_from(owners.len())) else {
        return undecodable(Field::Fact, "a Safe with too many owners");
    };
    if required == 0 || required > total || distinct.len() != owners.len() {
        return undecodable(
            Field::Fact,
            "a Safe without owners, with one twice, or with a threshold beyond them",
        );
    }
    let signatures = claim.signatures()?;
    if let Some(inner) = digests.first().map(|digest| digest.digest) {
        digests.insert(0, Digest::new(Scheme::SafeMessage, safe::message_hash(chain_id, address, &inner)));
    }
    digests.retain(|digest| claim.wants(digest.scheme));
    if digests.is_empty() {
        return Err(claim.other_scheme());
    }
    let mut scheme = None;
    let mut signers: Vec<[u8; 20]> = Vec::new();
    for signature in signatures {
        let signature = read_signature(signature)?;
        let mut stranger = None;
        let mut found = None;
        for digest in &digests {
            let signer = ecdsa::ethereum_address(&signature.recover(&digest.digest)?);
            if distinct.binary_search(&signer).is_ok() {
                found = Some((signer, digest.scheme));
                break;
            }
            stranger = Some(signer);
        }
        match (found, stranger) {
            (Some((signer, by)), _) => {
                // Mixed schemes are reported as the weaker one, which names no contract.
                scheme = Some(match scheme {
                    None | Some(Scheme::SafeMessage) => by,
                    Some(other) => other,
                });
                if !signers.contains(&signer) {
                    signers.push(signer);
                }
            }
            (None, Some(signer)) => return Err(Unbound::NotAnOwner { signer: checksummed(&signer) }.into()),
            (None, None) => return Err(claim.other_scheme()),
        }
    }
    let found = u32::try_from(signers.len()).unwrap_or(u32::MAX);
    let Some(scheme) = scheme.filter(|_| found >= required) else {
        return Err(Invalid::Threshold { required, found }.into());
    };
    Ok(Control {
        scheme,
        message: claim.message.to_vec(),
        binding: Binding::Fact { height },
        threshold: Some(Threshold { required, total }),
        keys: signers.into_iter().map(|signer| signer.to_vec()).collect(),
        recovered: true,
        coins: Vec::new(),
        assumed: vec![Assumption::StateAt { height }, Assumption::ContractRules],
    })
}
