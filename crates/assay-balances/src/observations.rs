//! What was found out about balances, for the report.

use std::collections::BTreeMap;

use assay_reserves::{
    Assessor, BalanceObservation, BalanceObservations, BalanceSource, OwnershipResult, ReserveRow,
    address_key,
};
use assay_statement::hex;

use crate::evm::{EvmError, EvmState, TokenLayout, Word};

/// What was seen of balances by network, address and asset: the [`Assessor::balance`] half of a report. It checks no
/// signature; see [`Combined`].
#[derive(Clone, Debug, Default)]
pub struct Observations {
    seen: BTreeMap<(String, String, usize), Vec<BalanceObservation>>,
}

/// Decimals of a coin on its chain and in the asset table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimals {
    /// On the chain: 18 for ether, whatever a token's policy says for a token.
    pub chain: u8,
    /// Of the asset table's base unit.
    pub asset: u8,
}

impl Decimals {
    /// A figure of the chain in the asset table's base units, rounded down. Nothing if it reaches `2^128` on the chain or
    /// in base units.
    pub fn to_base_units(self, word: Word) -> Option<u128> {
        let amount = word.to_u128()?;
        let factor = |more: u8, less: u8| 10u128.checked_pow(u32::from(more.checked_sub(less)?));
        if self.asset >= self.chain {
            return amount.checked_mul(factor(self.asset, self.chain)?);
        }
        // A power of ten beyond 128 bits is above any amount.
        Some(factor(self.chain, self.asset).map_or(0, |factor| amount / factor))
    }
}

/// Why evidence gives no observation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObservationError {
    /// The evidence doesn't show it.
    #[error(transparent)]
    Evm(#[from] EvmError),
    /// The address isn't 20 bytes in hexadecimal behind `0x`.
    #[error("the address isn't 20 bytes in hexadecimal behind 0x")]
    Address,
    /// The figure reaches `2^128`, which no asset has: most likely another slot than the policy means.
    #[error("the figure has more than 128 bits")]
    TooLarge,
}

impl Observations {
    /// Adds what somebody reports. `network` is the policy's name, `asset` the place in the asset table.
    pub fn add(&mut self, network: &str, address: &str, asset: usize, seen: BalanceObservation) {
        self.seen.entry((network.into(), address_key(address), asset)).or_default().push(seen);
    }

    /// Adds what a verified block shows of `address`: native coins, or a token's balance. What isn't shown is an error and adds
    /// nothing.
    pub fn add_evm(
        &mut self,
        network: &str,
        address: &str,
        asset: usize,
        decimals: Decimals,
        state: &EvmState,
        token: Option<&TokenLayout>,
    ) -> Result<(), ObservationError> {
        let bytes = hex::prefixed_array(&address.to_ascii_lowercase()).ok_or(ObservationError::Address)?;
        let word = match token {
            Some(token) => state.token_balance(token, &bytes)?,
            None => state.account(&bytes)?.balance,
        };
        let amount = decimals.to_base_units(word).ok_or(ObservationError::TooLarge)?;
        let seen = BalanceObservation {
            source: BalanceSource::Proof,
            height: state.height(),
            block_hash: Some(hex::encode(&state.block().hash)),
            amount,
        };
        self.add(network, address, asset, seen);
        Ok(())
    }
}

impl Assessor for Observations {
    fn ownership(&mut self, _: &ReserveRow) -> OwnershipResult {
        OwnershipResult::Unchecked
    }

    fn balance(&mut self, row: &ReserveRow) -> BalanceObservations {
        // What an address holds says nothing about one output of it.
        if row.outpoint.is_some() {
            return BalanceObservations::default();
        }
        let key = (row.network.clone(), address_key(&row.address), row.asset);
        BalanceObservations(self.seen.get(&key).cloned().unwrap_or_default())
    }
}

/// Ownership as one assessor sees it, balances as another does.
#[derive(Clone, Debug)]
pub struct Combined<O, B> {
    /// Judges signatures.
    pub ownership: O,
    /// Knows balances.
    pub balance: B,
}

impl<O: Assessor, B: Assessor> Assessor for Combined<O, B> {
    fn ownership(&mut self, row: &ReserveRow) -> OwnershipResult {
        self.ownership.ownership(row)
    }

    fn balance(&mut self, row: &ReserveRow) -> BalanceObservations {
        self.balance.balance(row)
    }

    fn created(&mut self, row: &ReserveRow) -> Option<u64> {
        self.balance.created(row)
    }
}

#[cfg(test)]
mod tests {
    use assay_reserves::{ClaimsOnly, EvidenceLevel};

    use super::*;
    use crate::evm::{EvmBlock, EvmEvidence};

    const HOLDER: &str = "0x000000000000000000000000000000000000A007";

    fn block() -> (String, EvmState) {
        let recorded: serde_json::Value = serde_json::from_str(include_str!("../testdata/evm.json")).unwrap();
        let evidence: EvmEvidence = serde_json::from_value(recorded["evidence"].clone()).unwrap();
        let hash = recorded["hash"].as_str().unwrap().trim_start_matches("0x").to_owned();
        let block = EvmBlock { chain_id: 31337, hash: hex::array(&hash).unwrap() };
        (hash, evidence.verify(&block).unwrap())
    }

    #[test]
    fn a_proof_gives_l4_and_no_more_than_it_shows() {
        let (hash, state) = block();
        let mut seen = Observations::default();
        seen.add_evm("ETH", HOLDER, 3, Decimals { chain: 18, asset: 18 }, &state, None).unwrap();
        let mut assessor = Combined { ownership: ClaimsOnly, balance: seen };
        let row = ReserveRow {
            asset: 3,
            network: "ETH".into(),
            address: HOLDER.to_lowercase(),
            amount: Some(10u128.pow(18) + 7),
            height: Some(state.height()),
            block_hash: Some(hash),
            ..ReserveRow::default()
        };
        let mut grade = |row: &ReserveRow| assessor.balance(row).grade(row, 2);
        assert_eq!(grade(&row).level, EvidenceLevel::L4);
        let more = ReserveRow { amount: row.amount.map(|amount| amount + 1), ..row.clone() };
        assert!(grade(&more).contradicted);
        for other in [
            ReserveRow { asset: 4, ..row.clone() },
            ReserveRow { network: "BSC".into(), ..row.clone() },
            ReserveRow { outpoint: Some("x:0".into()), ..row.clone() },
            ReserveRow { height: Some(state.height() + 1), ..row.clone() },
        ] {
            assert_eq!(grade(&other).level, EvidenceLevel::L0);
        }
    }

    #[test]
    fn figures_are_rounded_down() {
        let word = |amount: u128| {
            let mut word = [0; 32];
            word[16..].copy_from_slice(&amount.to_be_bytes());
            Word(word)
        };
        let units = |chain, asset, amount| Decimals { chain, asset }.to_base_units(word(amount));
        assert_eq!(units(18, 8, 10u128.pow(10) * 3 - 1), Some(2));
        assert_eq!(units(6, 8, 5), Some(500));
        assert_eq!(units(0, 38, 9), None);
        assert_eq!(units(255, 0, u128::MAX), Some(0));
        assert_eq!(Decimals { chain: 0, asset: 0 }.to_base_units(Word([1; 32])), None);
    }
}
