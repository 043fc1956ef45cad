//! BIP-322: the virtual transactions `to_spend` and `to_sign`.

use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash;
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness};

use crate::error::unsupported;
use crate::{Assumption, Claim, Coin as NamedCoin, Control, Invalid, OwnershipError, Unbound, hash};

use super::address::Lock;
use super::spend::{Spender, Spent};
use super::{Coin, virtual_scheme};

/// A simple signature: the witness alone, everything else as the standard fixes it.
pub(super) fn verify_simple(
    claim: &Claim<'_>,
    coin: &Coin,
    lock: Lock,
    witness: Witness,
) -> Result<Control, OwnershipError> {
    let mut to_sign = to_sign(claim.message, lock);
    if let Some(input) = to_sign.input.first_mut() {
        // Nested segwit needs the program in the input script: a key's or a witness script's.
        if let Lock::ScriptHash(hash) = lock {
            let key = witness.nth(1).map(|key| Lock::WitnessKeyHash(hash::hash160(key)));
            let script = witness.last().map(|script| Lock::WitnessScriptHash(hash::sha256(script)));
            let program = [key, script]
                .into_iter()
                .flatten()
                .map(|lock| lock.script())
                .find(|program| hash::hash160(program.as_bytes()) == hash)
                .ok_or(Unbound::OtherScript)?;
            let length = u8::try_from(program.len()).unwrap_or_default();
            input.script_sig = ScriptBuf::from_bytes([&[length][..], program.as_bytes()].concat());
        }
        input.witness = witness;
    }
    verify_all(claim, coin, lock, &to_sign, &[to_spend_output(lock)], true)
}

/// A full signature: the whole transaction `to_sign`.
pub(super) fn verify_full(
    claim: &Claim<'_>,
    coin: &Coin,
    lock: Lock,
    to_sign: Transaction,
) -> Result<Control, OwnershipError> {
    let spends_virtual =
        to_sign.input.first().is_some_and(|input| input.previous_output == to_spend(claim.message, lock));
    if to_sign.input.len() != 1 {
        return if spends_virtual || is_reserves(&to_sign, claim.message) {
            unsupported("proofs of funds as a bare transaction; as a PSBT they carry what they spend")
        } else {
            Err(Invalid::OtherMessage.into())
        };
    }
    verify_all(claim, coin, lock, &to_sign, &[to_spend_output(lock)], false)
}

/// Checks `to_sign`, whose inputs spend `spent`, the virtual output first and then real coins.
pub(super) fn verify_all(
    claim: &Claim<'_>,
    coin: &Coin,
    lock: Lock,
    to_sign: &Transaction,
    spent: &[TxOut],
    simple: bool,
) -> Result<Control, OwnershipError> {
    let first = to_sign.input.first().ok_or(Invalid::Rule("a transaction without inputs"))?;
    if first.previous_output != to_spend(claim.message, lock) {
        return Err(Invalid::OtherMessage.into());
    }
    let [output] = &to_sign.output[..] else {
        return Err(Invalid::Rule("to_sign has exactly one output").into());
    };
    if output.value != Amount::ZERO || output.script_pubkey.as_bytes() != [0x6a] {
        return Err(Invalid::Rule("the output of to_sign is a bare OP_RETURN without value").into());
    }
    if !matches!(to_sign.version, Version(0) | Version(2)) {
        return Err(Invalid::Rule("the version of to_sign is 0 or 2").into());
    }
    let mut spender = Spender::new(coin, to_sign, spent);
    let Spent { binding, threshold, keys } = spender.check(0)?;
    for index in 1..to_sign.input.len() {
        spender.check(index)?;
    }
    let coins = coins_of(lock, to_sign, spent)?;
    let mut assumed = Vec::new();
    let (lock_time, sequence) = (to_sign.lock_time.to_consensus_u32(), first.sequence.to_consensus_u32());
    if (lock_time, sequence) != (0, 0) {
        assumed.push(Assumption::Locked { lock_time, sequence });
    }
    if !coins.is_empty() {
        assumed.push(Assumption::CoinsExist);
    }
    Ok(Control {
        scheme: virtual_scheme(to_sign.input.len(), simple),
        message: claim.message.to_vec(),
        binding,
        threshold: Some(threshold),
        keys,
        recovered: false,
        coins,
        assumed,
    })
}

/// The coins among the inputs, but the first, that are locked by `lock`. No coin counts twice.
pub(super) fn coins_of(
    lock: Lock,
    transaction: &Transaction,
    spent: &[TxOut],
) -> Result<Vec<NamedCoin>, OwnershipError> {
    let script = lock.script();
    let mut seen = std::collections::HashSet::new();
    let mut coins = Vec::new();
    for (input, output) in transaction.input.iter().zip(spent).skip(1) {
        if !seen.insert(input.previous_output) {
            return Err(Invalid::Rule("a coin is spent twice").into());
        }
        if output.script_pubkey == script {
            coins.push(NamedCoin {
                txid: input.previous_output.txid.to_string(),
                vout: input.previous_output.vout,
                value: output.value.to_sat(),
                script: output.script_pubkey.to_bytes(),
            });
        }
    }
    Ok(coins)
}

/// The virtual output: no value, locked as the address is.
pub(super) fn to_spend_output(lock: Lock) -> TxOut {
    TxOut { value: Amount::ZERO, script_pubkey: lock.script() }
}

/// Where the virtual output is: the first one of the transaction that commits to the message.
pub(super) fn to_spend(message: &[u8], lock: Lock) -> OutPoint {
    let tag = hash::sha256(b"BIP0322-signed-message");
    let digest = hash::sha256(&[&tag[..], &tag, message].concat());
    let transaction = Transaction {
        version: Version(0),
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint { txid: Txid::all_zeros(), vout: u32::MAX },
            script_sig: ScriptBuf::from_bytes([&[0x00, 0x20][..], &digest].concat()),
            sequence: Sequence::ZERO,
            witness: Witness::new(),
        }],
        output: vec![to_spend_output(lock)],
    };
    OutPoint { txid: transaction.compute_txid(), vout: 0 }
}

/// Whether `transaction` is a BIP-127 proof for `message`: its first input spends the message's hash in place of a
/// transaction's id.
///
/// The standard says SHA-256 and leaves open in which order its bytes are an id, and a library that many use hashes
/// twice; all three commit to the message.
pub(super) fn is_reserves(transaction: &Transaction, message: &[u8]) -> bool {
    let text = [b"Proof-of-Reserves: ", message].concat();
    let once = hash::sha256(&text);
    let mut displayed = once;
    displayed.reverse();
    let ids = [once, displayed, hash::sha256d(&text)];
    transaction.input.first().is_some_and(|input| {
        input.previous_output.vout == 0 && ids.contains(&input.previous_output.txid.to_byte_array())
    })
}

fn to_sign(message: &[u8], lock: Lock) -> Transaction {
    Transaction {
        version: Version(0),
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: to_spend(message, lock),
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ZERO,
            witness: Witness::new(),
        }],
        output: vec![TxOut { value: Amount::ZERO, script_pubkey: ScriptBuf::from_bytes(vec![0x6a]) }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Network;

    /// Hashes of `basic-test-vectors.json` of BIP-322.
    #[test]
    fn official_transaction_ids() {
        let coin = Coin::of(Network::Bitcoin).unwrap();
        let lock = coin.decode("bc1q9vza2e8x573nczrlzms0wvx3gsqjx7vavgkx0l").unwrap();
        for (message, spend, sign) in [
            (
                "",
                "c5680aa69bb8d860bf82d4e9cd3504b55dde018de765a91bb566283c545a99a7",
                "1e9654e951a5ba44c8604c4de6c67fd78a27e81dcadcfe1edf638ba3aaebaed6",
            ),
            (
                "Hello World",
                "b79d196740ad5217771c1098fc4a4b51e0535c32236c71f1ea4d61a2d603352b",
                "88737ae86f2077145f93cc4b153ae9a1cb8d56afa511988c149c5c8c9d93bddf",
            ),
        ] {
            assert_eq!(to_spend(message.as_bytes(), lock).txid.to_string(), spend);
            assert_eq!(to_sign(message.as_bytes(), lock).compute_txid().to_string(), sign);
        }
    }
}
