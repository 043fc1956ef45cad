//! Signed messages: the coin's header, double SHA-256, a recoverable signature.

use bitcoin::secp256k1::PublicKey;

use crate::ecdsa::Recoverable;
use crate::error::{undecodable, unsupported};
use crate::{
    Assumption, Binding, Claim, Control, Field, Invalid, OwnershipError, Scheme, Threshold, Unbound, hash,
    text,
};

use super::Coin;
use super::address::Lock;
use super::spend::KeyScript;

/// Verifies one signature of a key's address, or several of a script's.
pub(super) fn verify(claim: &Claim<'_>, coin: &Coin, lock: Lock) -> Result<Control, OwnershipError> {
    let digest = hash::sha256d(&hash::length_prefixed(coin.header, claim.message));
    let signed = claim
        .evidence
        .signatures
        .iter()
        .map(|text| Signed::read(text, &digest))
        .collect::<Result<Vec<_>, _>>()?;
    let first = signed.first().ok_or(Invalid::Missing)?;
    let scheme = if signed.iter().any(|signed| signed.kind.is_bip137()) {
        Scheme::Bip137
    } else {
        Scheme::BitcoinMessage
    };
    let control = |binding, threshold, keys, assumed| Control {
        scheme,
        message: claim.message.to_vec(),
        binding,
        threshold: Some(threshold),
        keys,
        recovered: true,
        coins: Vec::new(),
        assumed,
    };
    let keys = match (lock, claim.evidence.script) {
        (Lock::Taproot(_), _) => return unsupported("signed messages of a taproot address; BIP-322 is"),
        (Lock::ScriptHash(hash), Some(script)) => {
            let script = text::hex(script, Field::Script)?;
            let nested = Lock::WitnessScriptHash(hash::sha256(&script)).script();
            if coin.has_segwit() && hash::hash160(nested.as_bytes()) == hash {
                return verify_script(&signed, KeyScript::read_witness(&script)?, control);
            }
            // A script that is itself a segwit program is nested segwit.
            match (Lock::of(&script), hash::hash160(&script) == hash) {
                (_, false) => return Err(Unbound::OtherScript.into()),
                (Some(Lock::WitnessKeyHash(_)), true) => {
                    return verify_nested(claim, coin, &signed, hash, control);
                }
                (Some(_), true) => return unsupported("signed messages of nested witness scripts"),
                (None, true) => KeyScript::read(&script)?,
            }
        }
        (Lock::WitnessScriptHash(hash), Some(script)) => {
            let script = text::hex(script, Field::Script)?;
            if hash::sha256(&script) != hash {
                return Err(Unbound::OtherScript.into());
            }
            KeyScript::read_witness(&script)?
        }
        (Lock::ScriptHash(hash), None) if coin.has_segwit() => {
            return verify_nested(claim, coin, &signed, hash, control);
        }
        (Lock::ScriptHash(_) | Lock::WitnessScriptHash(_), None) => return Err(Unbound::NoScript.into()),
        (Lock::KeyHash(hash), _) => {
            claim.single()?;
            if !matches!(first.kind, Kind::Uncompressed | Kind::Compressed) {
                return Err(Invalid::Header { header: first.header }.into());
            }
            let key = first.serialized();
            if hash::hash160(&key) != hash {
                return Err(other_key(&key));
            }
            return Ok(control(Binding::KeyHash, Threshold::SINGLE, vec![key], Vec::new()));
        }
        (Lock::WitnessKeyHash(hash), _) => {
            claim.single()?;
            if !matches!(first.kind, Kind::Compressed | Kind::Segwit) {
                return Err(Invalid::Header { header: first.header }.into());
            }
            let key = first.key.serialize().to_vec();
            if hash::hash160(&key) != hash {
                return Err(other_key(&key));
            }
            return Ok(control(Binding::KeyHash, Threshold::SINGLE, vec![key], Vec::new()));
        }
    };
    verify_script(&signed, keys, control)
}

/// The bytes of a compact signature, base64 or hex.
pub(super) fn compact_bytes(signature: &str) -> Result<Vec<u8>, OwnershipError> {
    match text::hex(signature, Field::Signature) {
        Ok(bytes) if bytes.len() == 65 => Ok(bytes),
        _ => text::base64(signature, Field::Signature),
    }
}

fn verify_script(
    signed: &[Signed],
    keys: KeyScript,
    control: impl Fn(Binding, Threshold, Vec<Vec<u8>>, Vec<Assumption>) -> Control,
) -> Result<Control, OwnershipError> {
    let signers = keys.distinct_signers(signed.iter().map(|signed| signed.key))?;
    Ok(control(Binding::ScriptHash, keys.threshold(), signers, vec![Assumption::ScriptNotRun]))
}

fn verify_nested(
    claim: &Claim<'_>,
    coin: &Coin,
    signed: &[Signed],
    hash: [u8; 20],
    control: impl Fn(Binding, Threshold, Vec<Vec<u8>>, Vec<Assumption>) -> Control,
) -> Result<Control, OwnershipError> {
    claim.single()?;
    let first = signed.first().ok_or(Invalid::Missing)?;
    if !coin.has_segwit() {
        return unsupported("nested segwit scripts on a network without segwit");
    }
    if !matches!(first.kind, Kind::Compressed | Kind::NestedSegwit) {
        return Err(Invalid::Header { header: first.header }.into());
    }
    let key = first.key.serialize().to_vec();
    let program = Lock::WitnessKeyHash(hash::hash160(&key)).script();
    if hash::hash160(program.as_bytes()) != hash {
        // A script that isn't shown could be anything; only a key's own nested address can be recognized without.
        return Err(if claim.evidence.script.is_none() && first.kind != Kind::NestedSegwit {
            Unbound::NoScript.into()
        } else {
            other_key(&key)
        });
    }
    Ok(control(Binding::ScriptHash, Threshold::SINGLE, vec![key], Vec::new()))
}

fn other_key(key: &[u8]) -> OwnershipError {
    Unbound::OtherAddress { signer: format!("the key {}", text::to_hex(key)) }.into()
}

/// A signature with the key that made it.
struct Signed {
    header: u8,
    kind: Kind,
    key: PublicKey,
}

/// What the header byte says of the address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Uncompressed,
    Compressed,
    NestedSegwit,
    Segwit,
}

impl Kind {
    const fn is_bip137(self) -> bool {
        matches!(self, Self::NestedSegwit | Self::Segwit)
    }
}

impl Signed {
    fn read(signature: &str, digest: &[u8; 32]) -> Result<Self, OwnershipError> {
        let bytes = compact_bytes(signature)?;
        let Some((header, Ok(compact))) =
            bytes.split_first().map(|(header, rest)| (*header, rest.try_into()))
        else {
            return undecodable(Field::Signature, "not 65 bytes");
        };
        let kind = match header {
            27..=30 => Kind::Uncompressed,
            31..=34 => Kind::Compressed,
            35..=38 => Kind::NestedSegwit,
            39..=42 => Kind::Segwit,
            _ => return undecodable(Field::Signature, "a header byte outside 27 to 42"),
        };
        let key = Recoverable { compact, id: (header - 27) & 3 }.recover(digest)?;
        Ok(Self { header, kind, key })
    }

    fn serialized(&self) -> Vec<u8> {
        match self.kind {
            Kind::Uncompressed => self.key.serialize_uncompressed().to_vec(),
            _ => self.key.serialize().to_vec(),
        }
    }
}
