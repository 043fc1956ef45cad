//! Finalized PSBTs: BIP-322 proofs of funds and BIP-127 proofs of reserves, with the outputs that they spend.

use bitcoin::{Amount, Psbt, ScriptBuf, Transaction, TxOut};

use crate::error::undecodable;
use crate::{Assumption, Claim, Control, Field, Invalid, OwnershipError, Scheme, Unbound};

use super::Coin;
use super::address::Lock;
use super::spend::Spender;
use super::virtual_tx;

/// Inputs that one proof may have. Signature hashes of old inputs cost the whole transaction each.
const MAX_INPUTS: usize = 2_000;

/// Verifies whichever of the two proofs it is.
pub(super) fn verify(
    claim: &Claim<'_>,
    coin: &Coin,
    lock: Lock,
    bytes: &[u8],
) -> Result<Control, OwnershipError> {
    let Ok(psbt) = Psbt::deserialize(bytes) else {
        return undecodable(Field::Signature, "not a PSBT");
    };
    if psbt.inputs.len() > MAX_INPUTS {
        return undecodable(Field::Signature, "a PSBT with too many inputs");
    }
    let virtual_first = if virtual_tx::is_reserves(&psbt.unsigned_tx, claim.message) {
        None
    } else {
        Some(virtual_tx::to_spend_output(lock))
    };
    let spent = spent_outputs(&psbt, virtual_first.as_ref())?;
    let is_reserves = virtual_first.is_none();
    let transaction = psbt.extract_tx_unchecked_fee_rate();
    if is_reserves {
        verify_reserves(claim, coin, lock, &transaction, &spent)
    } else {
        virtual_tx::verify_all(claim, coin, lock, &transaction, &spent, false)
    }
}

fn verify_reserves(
    claim: &Claim<'_>,
    coin: &Coin,
    lock: Lock,
    transaction: &Transaction,
    spent: &[TxOut],
) -> Result<Control, OwnershipError> {
    let commitment = transaction.input.first().ok_or(Invalid::Rule("a transaction without inputs"))?;
    if !commitment.script_sig.is_empty() || !commitment.witness.is_empty() {
        return Err(Invalid::Rule("the commitment input is signed").into());
    }
    let [output] = &transaction.output[..] else {
        return Err(Invalid::Rule("a proof of reserves has exactly one output").into());
    };
    let sum = spent.iter().try_fold(Amount::ZERO, |sum, output| sum.checked_add(output.value));
    if sum != Some(output.value) {
        return Err(Invalid::Rule("the output isn't the sum of the inputs").into());
    }
    let script = lock.script();
    let mut spender = Spender::new(coin, transaction, spent);
    let mut ours = None;
    for (index, output) in spent.iter().enumerate().skip(1) {
        let who = spender.check(index)?;
        if output.script_pubkey == script {
            ours.get_or_insert(who);
        }
    }
    let who = ours.ok_or(Unbound::NoCoin)?;
    Ok(Control {
        scheme: Scheme::Bip127,
        message: claim.message.to_vec(),
        binding: who.binding,
        threshold: Some(who.threshold),
        keys: who.keys,
        recovered: false,
        coins: virtual_tx::coins_of(lock, transaction, spent)?,
        assumed: vec![Assumption::CoinsExist],
    })
}

/// The outputs that the inputs spend. The first is the virtual one, or BIP-127's commitment, which has no value.
fn spent_outputs(psbt: &Psbt, virtual_first: Option<&TxOut>) -> Result<Vec<TxOut>, OwnershipError> {
    let mut outputs = Vec::with_capacity(psbt.inputs.len());
    for (index, (input, signed)) in psbt.inputs.iter().zip(&psbt.unsigned_tx.input).enumerate() {
        let output = match (index, virtual_first) {
            (0, Some(output)) => output.clone(),
            (0, None) => {
                let script = input.witness_utxo.as_ref().map(|output| output.script_pubkey.clone());
                let script = script.unwrap_or_else(|| ScriptBuf::from_bytes(vec![0x51]));
                TxOut { value: Amount::ZERO, script_pubkey: script }
            }
            _ => match (&input.non_witness_utxo, &input.witness_utxo) {
                (Some(transaction), _) => {
                    let outpoint = signed.previous_output;
                    let output =
                        usize::try_from(outpoint.vout).ok().and_then(|at| transaction.output.get(at));
                    match output {
                        Some(output) if transaction.compute_txid() == outpoint.txid => output.clone(),
                        _ => return Err(Invalid::Rule("a spent transaction that isn't the input's").into()),
                    }
                }
                // Only segwit signatures commit to the value, so only there an output may stand without its transaction.
                (None, Some(output)) if commits_to_value(output, input) => output.clone(),
                _ => return Err(Invalid::Rule("an input without the output that it spends").into()),
            },
        };
        outputs.push(output);
    }
    Ok(outputs)
}

fn commits_to_value(output: &TxOut, input: &bitcoin::psbt::Input) -> bool {
    match Lock::of(output.script_pubkey.as_bytes()) {
        Some(Lock::WitnessKeyHash(_) | Lock::WitnessScriptHash(_) | Lock::Taproot(_)) => true,
        // Nested segwit has a witness; the spend check refuses one on anything else.
        Some(Lock::ScriptHash(_)) => {
            input.final_script_witness.as_ref().is_some_and(|witness| !witness.is_empty())
        }
        _ => false,
    }
}
