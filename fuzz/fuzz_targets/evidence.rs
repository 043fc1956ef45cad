//! Evidence of balances and observations: no file panics, and one that was made up shows nothing: the block that it must
//! be about is its own, so all that is between the header and the answers is reached.
#![no_main]

use assay_balances::bitcoin::BitcoinEvidence;
use assay_balances::evm::{EvmBlock, EvmEvidence, TokenLayout};
use assay_balances::{ObservationFile, Observations};
use assay_fuzz::{ASSETS, POLICY};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(evidence) = EvmEvidence::from_json(bytes)
        && let Ok(hash) = evidence.block_hash()
        && let Ok(state) = evidence.verify(&EvmBlock { chain_id: evidence.chain_id, hash })
    {
        let _ = state.check();
        for address in state.addresses() {
            let _ = state.account(&address);
            for token in POLICY.token.iter().filter_map(TokenLayout::of_policy) {
                let _ = (state.token_balance(&token, &address), state.token_supply(&token));
                let _ = state.check_contract(&token);
            }
        }
    }
    if let Ok(evidence) = BitcoinEvidence::from_json(bytes)
        && let Ok(block) = evidence.block_hash()
    {
        let _ = evidence.verify_named(block);
    }
    if ObservationFile::from_json(bytes).is_ok() {
        let _ = Observations::default().add_file(bytes, &POLICY, &ASSETS);
    }
});
