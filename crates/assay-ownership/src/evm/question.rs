use crate::error::undecodable;
use crate::{Field, Invalid, MAX_FIELD_BYTES, MAX_SIGNATURES, OwnershipError, hash, text};

/// Bytes of a signature that a contract is asked about: more than any scheme takes, less than nodes refuse.
const MAX_SIGNATURE_BYTES: usize = 16 << 10;

/// What `isValidSignature` of a contract is asked (EIP-1271) to learn whether it takes signatures of a message.
///
/// Whoever asks and whoever uses the answer makes the question from the message and the signatures themselves: an answer to
/// another question says nothing about them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContractQuestion {
    hash: [u8; 32],
    signature: Vec<u8>,
}

impl ContractQuestion {
    /// About the EIP-191 hash of `message`, and the bytes of all signatures, hexadecimal each, one after the other, as Safes
    /// and their relatives take them. `0x` is an empty signature, which contracts with messages on the chain take.
    pub fn new(message: &[u8], signatures: &[&str]) -> Result<Self, OwnershipError> {
        if signatures.is_empty() {
            return Err(Invalid::Missing.into());
        }
        if signatures.len() > MAX_SIGNATURES {
            return Err(Invalid::TooMany.into());
        }
        if message.len() > MAX_FIELD_BYTES {
            return undecodable(Field::Message, "too long");
        }
        let mut signature = Vec::new();
        for text in signatures {
            signature.extend(text::hex(text, Field::Signature)?);
        }
        if signature.len() > MAX_SIGNATURE_BYTES {
            return undecodable(Field::Signature, "too long");
        }
        Ok(Self { hash: super::personal_hash(message), signature })
    }

    /// The same signature over a hash that is of no message. A contract that takes this too takes everything, so that its
    /// answers show nothing.
    pub fn control(&self) -> Self {
        let hash = hash::keccak256(&[b"assay: nobody signed this", &self.hash[..]].concat());
        Self { hash, signature: self.signature.clone() }
    }

    /// The hash that the contract is asked about.
    pub const fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// Keccak-256 of the signature's bytes.
    pub fn signature_hash(&self) -> [u8; 32] {
        hash::keccak256(&self.signature)
    }

    /// The call's data: selector, hash, and the signature behind its offset and length, padded to words.
    pub fn call_data(&self) -> Vec<u8> {
        let word = |number: usize| {
            let mut word = [0; 32];
            if let Some(low) = word.last_chunk_mut() {
                *low = (number as u64).to_be_bytes();
            }
            word
        };
        let length = self.signature.len();
        let mut data = [&super::ACCEPTED[..], &self.hash, &word(64), &word(length), &self.signature].concat();
        data.resize(4 + 3 * 32 + length.next_multiple_of(32), 0);
        data
    }
}

/// Whether what `isValidSignature` returned is a yes: its own selector, padded to a word.
pub fn is_accepted(returned: &[u8]) -> bool {
    returned.split_first_chunk::<4>().is_some_and(|(start, padding)| {
        *start == super::ACCEPTED && padding.len() == 28 && padding.iter().all(|byte| *byte == 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_is_what_the_standard_says() {
        let question = ContractQuestion::new(b"m", &["0x0102", "03"]).unwrap();
        assert_eq!(*question.hash(), super::super::personal_hash(b"m"));
        assert_eq!(question.signature_hash(), hash::keccak256(&[1, 2, 3]));
        let expected =
            format!("1626ba7e{}{:064x}{:064x}010203{}", text::to_hex(question.hash()), 64, 3, "0".repeat(58));
        assert_eq!(text::to_hex(&question.call_data()), expected);
        // The selector is that of the function's name.
        assert_eq!(hash::keccak256(b"isValidSignature(bytes32,bytes)")[..4], question.call_data()[..4]);
        let empty = ContractQuestion::new(b"m", &["0x"]).unwrap();
        assert_eq!(empty.call_data().len(), 100);
        assert_eq!(ContractQuestion::new(b"m", &[&"ab".repeat(32)]).unwrap().call_data().len(), 132);
    }

    #[test]
    fn questions_differ_by_message_and_signature() {
        let of = |message: &[u8], signature: &str| ContractQuestion::new(message, &[signature]).unwrap();
        let question = of(b"m", "0x01");
        assert_ne!(question.hash(), of(b"n", "0x01").hash());
        assert_ne!(question.signature_hash(), of(b"m", "0x02").signature_hash());
        let control = question.control();
        assert_ne!(control.hash(), question.hash());
        assert_eq!(control.signature_hash(), question.signature_hash());
        assert_eq!(ContractQuestion::new(b"m", &[]), Err(Invalid::Missing.into()));
        for wrong in ["0x0", "zz", "0xé0"] {
            assert!(ContractQuestion::new(b"m", &[wrong]).is_err(), "{wrong}");
        }
        assert!(ContractQuestion::new(b"m", &["00"; MAX_SIGNATURES + 1]).is_err());
        let long = "00".repeat(MAX_SIGNATURE_BYTES);
        assert!(ContractQuestion::new(b"m", &[&long]).is_ok());
        assert!(ContractQuestion::new(b"m", &[&long, "00"]).is_err());
    }
}
