//! Spends of standard outputs: which keys satisfied an input's script, by templates instead of an interpreter.

use bitcoin::hashes::Hash;
use bitcoin::script::Instruction;
use bitcoin::secp256k1::{Message, PublicKey, Secp256k1, XOnlyPublicKey, schnorr};
use bitcoin::sighash::{EcdsaSighashType, Prevouts, SighashCache, TapSighashType};
use bitcoin::{Amount, Script, ScriptBuf, Transaction, TxOut};

use crate::error::unsupported;
use crate::{Binding, Invalid, OwnershipError, Threshold, Unbound, ecdsa, hash, text};

use super::Coin;
use super::address::Lock;

/// Who spent an input.
pub(super) struct Spent {
    pub(super) binding: Binding,
    pub(super) threshold: Threshold,
    pub(super) keys: Vec<Vec<u8>>,
}

/// Checks inputs of one transaction.
pub(super) struct Spender<'a> {
    coin: &'a Coin,
    transaction: &'a Transaction,
    spent: &'a [TxOut],
    cache: SighashCache<&'a Transaction>,
}

impl<'a> Spender<'a> {
    /// Inputs of `transaction`, which spend the outputs `spent` in this order.
    pub(super) fn new(coin: &'a Coin, transaction: &'a Transaction, spent: &'a [TxOut]) -> Self {
        Self { coin, transaction, spent, cache: SighashCache::new(transaction) }
    }

    /// Verifies that the input at `index` satisfies the output that it spends, with signatures that commit to the whole
    /// transaction.
    pub(super) fn check(&mut self, index: usize) -> Result<Spent, OwnershipError> {
        let (Some(input), Some(output)) = (self.transaction.input.get(index), self.spent.get(index)) else {
            return Err(Invalid::Rule("an input without the output that it spends").into());
        };
        let Some(lock) = Lock::of(output.script_pubkey.as_bytes()) else {
            return unsupported("scripts other than the standard kinds");
        };
        let pushes = pushes(&input.script_sig)?;
        let witness: Vec<&[u8]> = input.witness.iter().collect();
        match lock {
            Lock::KeyHash(hash) => {
                let ([signature, key], []) = (&pushes[..], &witness[..]) else {
                    return Err(Invalid::Rule("a key's input takes a signature and the key").into());
                };
                if hash::hash160(key) != hash {
                    return Err(other_key(key));
                }
                let digest = self.legacy(index, &output.script_pubkey)?;
                self.single(signature, key, &digest, Binding::KeyHash)
            }
            Lock::WitnessKeyHash(hash) => {
                no_pushes(&pushes)?;
                self.witness_key(index, &witness, hash, output.value, Binding::KeyHash)
            }
            Lock::WitnessScriptHash(hash) => {
                no_pushes(&pushes)?;
                self.witness_script(index, &witness, hash, output.value)
            }
            Lock::ScriptHash(hash) => {
                let Some((script, pushes)) = pushes.split_last() else {
                    return Err(Invalid::Rule("a script's input takes the script").into());
                };
                if hash::hash160(script) != hash {
                    return Err(Unbound::OtherScript.into());
                }
                match Lock::of(script) {
                    Some(Lock::WitnessKeyHash(hash)) if self.coin.has_segwit() => {
                        no_pushes(pushes)?;
                        self.witness_key(index, &witness, hash, output.value, Binding::ScriptHash)
                    }
                    Some(Lock::WitnessScriptHash(hash)) if self.coin.has_segwit() => {
                        no_pushes(pushes)?;
                        self.witness_script(index, &witness, hash, output.value)
                    }
                    Some(_) => {
                        unsupported("scripts inside a script's hash other than key scripts and segwit")
                    }
                    None if !witness.is_empty() => {
                        Err(Invalid::Rule("a witness on an input without segwit").into())
                    }
                    None => {
                        let keys = KeyScript::read(script)?;
                        let pushes: Vec<&[u8]> = pushes.iter().map(|push| &push[..]).collect();
                        let digest = self.legacy(index, Script::from_bytes(script))?;
                        keys.check(&pushes, &digest)
                    }
                }
            }
            Lock::Taproot(key) => {
                no_pushes(&pushes)?;
                self.taproot(index, &witness, &key)
            }
        }
    }

    fn witness_key(
        &mut self,
        index: usize,
        witness: &[&[u8]],
        hash: [u8; 20],
        value: Amount,
        binding: Binding,
    ) -> Result<Spent, OwnershipError> {
        let [signature, key] = witness else {
            return Err(Invalid::Rule("a key's witness is a signature and the key").into());
        };
        if hash::hash160(key) != hash {
            return Err(other_key(key));
        }
        if key.len() != 33 {
            return Err(Invalid::Rule("an uncompressed key in a witness").into());
        }
        let program = Lock::WitnessKeyHash(hash).script();
        let digest = self
            .cache
            .p2wpkh_signature_hash(index, &program, value, EcdsaSighashType::All)
            .map_err(|_| Invalid::Rule("the input has no signature hash"))?;
        self.single(signature, key, digest.as_byte_array(), binding)
    }

    fn witness_script(
        &mut self,
        index: usize,
        witness: &[&[u8]],
        hash: [u8; 32],
        value: Amount,
    ) -> Result<Spent, OwnershipError> {
        let Some((script, pushes)) = witness.split_last() else {
            return Err(Invalid::Rule("a script's witness takes the script").into());
        };
        if hash::sha256(script) != hash {
            return Err(Unbound::OtherScript.into());
        }
        let keys = KeyScript::read_witness(script)?;
        let digest = self
            .cache
            .p2wsh_signature_hash(index, Script::from_bytes(script), value, EcdsaSighashType::All)
            .map_err(|_| Invalid::Rule("the input has no signature hash"))?;
        keys.check(pushes, digest.as_byte_array())
    }

    fn taproot(&mut self, index: usize, witness: &[&[u8]], key: &[u8; 32]) -> Result<Spent, OwnershipError> {
        let [signature] = witness else {
            return unsupported("taproot script paths and annexes");
        };
        let (signature, kind) = match (signature.len(), signature.split_last()) {
            (64, _) => (*signature, TapSighashType::Default),
            (65, Some((1, signature))) => (signature, TapSighashType::All),
            (65, _) => return Err(Invalid::HashType.into()),
            _ => return Err(Invalid::Rule("a taproot signature of the wrong length").into()),
        };
        let digest = self
            .cache
            .taproot_key_spend_signature_hash(index, &Prevouts::All(self.spent), kind)
            .map_err(|_| Invalid::Rule("the input has no signature hash"))?;
        let output =
            XOnlyPublicKey::from_slice(key).map_err(|_| Invalid::Rule("the taproot key is no point"))?;
        let signature = schnorr::Signature::from_slice(signature).map_err(|_| Invalid::Signature)?;
        Secp256k1::verification_only()
            .verify_schnorr(&signature, &Message::from_digest(digest.to_byte_array()), &output)
            .map_err(|_| Invalid::Signature)?;
        Ok(Spent { binding: Binding::Taproot, threshold: Threshold::SINGLE, keys: vec![key.to_vec()] })
    }

    fn single(
        &self,
        signature: &[u8],
        key: &[u8],
        digest: &[u8; 32],
        binding: Binding,
    ) -> Result<Spent, OwnershipError> {
        let public = ecdsa::public_key(key)?;
        ecdsa::verify(digest, &der_signature(signature)?, &public)?;
        Ok(Spent { binding, threshold: Threshold::SINGLE, keys: vec![key.to_vec()] })
    }

    fn legacy(&self, index: usize, script: &Script) -> Result<[u8; 32], OwnershipError> {
        let digest = self
            .cache
            .legacy_signature_hash(index, script, EcdsaSighashType::All.to_u32())
            .map_err(|_| Invalid::Rule("the input has no signature hash"))?;
        Ok(digest.to_byte_array())
    }
}

/// Bytes that one push can have, and so a script inside a hash.
const MAX_SCRIPT_BYTES: usize = 520;

/// A script that asks for signatures and nothing else: `m <keys> n OP_CHECKMULTISIG`, or `<key> OP_CHECKSIG`.
pub(super) struct KeyScript {
    required: u32,
    keys: Vec<(PublicKey, Vec<u8>)>,
    multisig: bool,
}

impl KeyScript {
    /// Takes a script apart; others than the two kinds are unsupported, since nothing here runs them.
    pub(super) fn read(script: &[u8]) -> Result<Self, OwnershipError> {
        // A longer one can't be pushed, so what it locks is lost.
        if script.len() > MAX_SCRIPT_BYTES {
            return Err(Invalid::Rule("a script of more than 520 bytes").into());
        }
        const OTHER: &str = "scripts other than multisignature and single keys";
        let instructions: Result<Vec<_>, _> = Script::from_bytes(script).instructions_minimal().collect();
        let Ok(instructions) = instructions else { return unsupported(OTHER) };
        let key = |instruction: &Instruction<'_>| match instruction {
            Instruction::PushBytes(bytes) => {
                let bytes = bytes.as_bytes();
                PublicKey::from_slice(bytes).ok().map(|key| (key, bytes.to_vec()))
            }
            Instruction::Op(_) => None,
        };
        let number = |instruction: &Instruction<'_>| match instruction {
            Instruction::Op(op) => op.to_u8().checked_sub(0x50).filter(|number| (1..=16).contains(number)),
            Instruction::PushBytes(_) => None,
        };
        let is_op = |instruction: &Instruction<'_>, byte: u8| matches!(instruction, Instruction::Op(op) if op.to_u8() == byte);
        match &instructions[..] {
            [single, check] if is_op(check, 0xac) => match key(single) {
                Some(key) => Ok(Self { required: 1, keys: vec![key], multisig: false }),
                None => unsupported(OTHER),
            },
            [required, keys @ .., total, check] if is_op(check, 0xae) => {
                let keys: Option<Vec<_>> = keys.iter().map(key).collect();
                match (number(required), keys, number(total)) {
                    (Some(required), Some(keys), Some(total))
                        if keys.len() == usize::from(total) && required <= total =>
                    {
                        Ok(Self { required: required.into(), keys, multisig: true })
                    }
                    _ => unsupported(OTHER),
                }
            }
            _ => unsupported(OTHER),
        }
    }

    /// As [`read`](Self::read), for a witness script. Segwit spends with an uncompressed key are not relayed, and such
    /// coins are as good as lost.
    pub(super) fn read_witness(script: &[u8]) -> Result<Self, OwnershipError> {
        let keys = Self::read(script)?;
        if keys.keys.iter().all(|(_, bytes)| bytes.len() == 33) {
            Ok(keys)
        } else {
            Err(Invalid::Rule("an uncompressed key in a witness").into())
        }
    }

    pub(super) fn threshold(&self) -> Threshold {
        Threshold { required: self.required, total: self.keys.len().try_into().unwrap_or(u32::MAX) }
    }

    /// The distinct keys of the script among `signers`: each signer must be in the script, and enough must differ.
    pub(super) fn distinct_signers(
        &self,
        signers: impl IntoIterator<Item = PublicKey>,
    ) -> Result<Vec<Vec<u8>>, OwnershipError> {
        let mut found: Vec<(PublicKey, Vec<u8>)> = Vec::new();
        for signer in signers {
            let Some(listed) = self.keys.iter().find(|(key, _)| *key == signer) else {
                return Err(Unbound::NotInScript { key: text::to_hex(&signer.serialize()) }.into());
            };
            // One key counts once, however often it signs or stands in the script.
            if !found.iter().any(|(key, _)| *key == signer) {
                found.push(listed.clone());
            }
        }
        let count = u32::try_from(found.len()).unwrap_or(u32::MAX);
        if count < self.required {
            return Err(Invalid::Threshold { required: self.required, found: count }.into());
        }
        Ok(found.into_iter().map(|(_, bytes)| bytes).collect())
    }

    /// Checks the stack `pushes` as the script would: signatures in the order of the keys, exactly as many as required.
    fn check(&self, pushes: &[&[u8]], digest: &[u8; 32]) -> Result<Spent, OwnershipError> {
        let signatures = if self.multisig {
            match pushes {
                [[], signatures @ ..] => signatures,
                _ => return Err(Invalid::Rule("a multisignature input starts with an empty push").into()),
            }
        } else {
            pushes
        };
        let count = u32::try_from(signatures.len()).unwrap_or(u32::MAX);
        if count > self.required {
            return Err(Invalid::TooMany.into());
        }
        if count < self.required {
            return Err(Invalid::Threshold { required: self.required, found: count }.into());
        }
        let mut keys = self.keys.iter();
        let mut signers = Vec::new();
        for signature in signatures {
            let signature = der_signature(signature)?;
            let signer = keys.find(|(key, _)| ecdsa::verify(digest, &signature, key).is_ok());
            signers.push(signer.ok_or(Invalid::Signature)?.0);
        }
        let keys = self.distinct_signers(signers)?;
        Ok(Spent { binding: Binding::ScriptHash, threshold: self.threshold(), keys })
    }
}

/// A signature in strict DER with its hash type, which must be the one that covers everything.
fn der_signature(bytes: &[u8]) -> Result<bitcoin::secp256k1::ecdsa::Signature, OwnershipError> {
    match bytes.split_last() {
        Some((0x01, der)) => {
            bitcoin::secp256k1::ecdsa::Signature::from_der(der).map_err(|_| Invalid::Signature.into())
        }
        Some(_) => Err(Invalid::HashType.into()),
        None => Err(Invalid::Signature.into()),
    }
}

/// The data that an input's script pushes; it may do nothing else.
fn pushes(script: &ScriptBuf) -> Result<Vec<Vec<u8>>, OwnershipError> {
    script
        .instructions_minimal()
        .map(|instruction| match instruction {
            Ok(Instruction::PushBytes(bytes)) => Ok(bytes.as_bytes().to_vec()),
            _ => Err(Invalid::Rule("an input script that isn't minimal pushes").into()),
        })
        .collect()
}

fn no_pushes(pushes: &[Vec<u8>]) -> Result<(), OwnershipError> {
    if pushes.is_empty() { Ok(()) } else { Err(Invalid::Rule("an input script beside a witness").into()) }
}

fn other_key(key: &[u8]) -> OwnershipError {
    Unbound::OtherAddress { signer: format!("the key {}", text::to_hex(key)) }.into()
}
