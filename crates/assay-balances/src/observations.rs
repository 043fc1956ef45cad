//! What was found out about balances, for the report.

use std::collections::BTreeMap;

use assay_ownership::is_accepted;
use assay_reserves::{
    AccountFact, Assessor, BalanceObservation, BalanceObservations, BalanceSource, EvidenceLevel,
    OwnershipResult, Policy, ReserveRow, Units, address_key,
};
use assay_statement::{AssetTable, hex};
use serde::{Deserialize, Serialize};

use crate::evm::{EvmError, EvmState, TokenLayout, Word};

/// What was seen of balances by network, address and asset: the [`Assessor::balance`] half of a report. It checks no
/// signature; see [`Combined`]. What contracts answered to signatures is kept beside it, for whoever has their code proven.
#[derive(Clone, Debug, Default)]
pub struct Observations {
    seen: BTreeMap<(String, String, usize), Vec<BalanceObservation>>,
    answers: BTreeMap<Asked, Vec<Answer>>,
}

/// Which contract was asked what, where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    network: String,
    address: [u8; 20],
    height: u64,
    block: [u8; 32],
    hash: [u8; 32],
    signature_hash: [u8; 32],
}

/// What one node told of it.
#[derive(Clone, Debug)]
struct Answer {
    source: BalanceSource,
    returned: Option<[u8; 32]>,
    control: Option<[u8; 32]>,
}

/// Name and version of a file of observations.
pub const OBSERVATIONS_FORMAT: &str = "assay.observations/2";

/// Bytes that a file of observations may have.
pub const MAX_OBSERVATIONS_BYTES: usize = 256 << 20;

/// What nodes said, written by whoever asked them. It proves nothing: take such a file from nobody but yourself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObservationFile {
    /// [`OBSERVATIONS_FORMAT`].
    pub format: String,
    /// Balances.
    pub observations: Vec<ObservedBalance>,
    /// Answers of contracts to signatures.
    pub answers: Vec<ObservedAnswer>,
}

/// A balance that a node told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObservedBalance {
    /// The policy's name of the network.
    pub network: String,
    /// Symbol.
    pub asset: String,
    /// The address.
    pub address: String,
    /// Height of the block.
    pub height: u64,
    /// Hash of the block, lower-case hexadecimal.
    pub block_hash: String,
    /// Base units of the asset table, rounded down.
    pub amount: Units,
    /// Who runs the node.
    pub operator: String,
    /// Whether the verifier does.
    pub own: bool,
}

/// What a node told that `isValidSignature` of a contract returns (EIP-1271).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObservedAnswer {
    /// The policy's name of the network.
    pub network: String,
    /// The contract's address, 20 bytes in lower-case hexadecimal behind `0x`.
    pub address: String,
    /// Height of the block.
    pub height: u64,
    /// Hash of the block, lower-case hexadecimal.
    pub block_hash: String,
    /// The hash that the contract was asked about, that of the row's message.
    pub message_hash: String,
    /// Keccak-256 of the signature that it was asked about.
    pub signature_hash: String,
    /// The word that it returned, as 64 digits behind `0x`; null where it reverted or returned anything else.
    pub returned: Option<String>,
    /// The same for a [control question](assay_ownership::ContractQuestion::control), to which no contract may say yes.
    pub control: Option<String>,
    /// Who runs the node.
    pub operator: String,
    /// Whether the verifier does.
    pub own: bool,
}

impl ObservedAnswer {
    /// Whether the contract said yes to the signature, and whether it did to the control question.
    pub fn accepts(&self) -> (bool, bool) {
        let yes = |word: &Option<String>| {
            word.as_deref().and_then(read_word).is_some_and(|word| is_accepted(&word))
        };
        (yes(&self.returned), yes(&self.control))
    }

    fn read(self, policy: &Policy) -> Result<(Asked, Answer), &'static str> {
        if !policy.network.iter().any(|network| network.name == self.network) {
            return Err("the network");
        }
        let word = |word: Option<String>| match word {
            Some(text) => read_word(&text).map(Some).ok_or("the word"),
            None => Ok(None),
        };
        let hash = |text: &str| hex::array(text).ok_or("the hash");
        let asked = Asked {
            address: self.address.strip_prefix("0x").and_then(hex::array).ok_or("the address")?,
            height: self.height,
            block: hash(&self.block_hash)?,
            hash: hash(&self.message_hash)?,
            signature_hash: hash(&self.signature_hash)?,
            network: self.network,
        };
        let source = source(self.own, self.operator);
        Ok((asked, Answer { source, returned: word(self.returned)?, control: word(self.control)? }))
    }
}

/// 32 bytes behind `0x`.
fn read_word(text: &str) -> Option<[u8; 32]> {
    hex::array(text.strip_prefix("0x")?)
}

fn source(own: bool, operator: String) -> BalanceSource {
    if own { BalanceSource::OwnNode } else { BalanceSource::Remote { operator } }
}

impl ObservationFile {
    /// Reads a file.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ObservationError> {
        let unreadable = ObservationError::Unreadable;
        if bytes.len() > MAX_OBSERVATIONS_BYTES {
            return Err(unreadable(format!("more than {MAX_OBSERVATIONS_BYTES} bytes")));
        }
        let file: Self = serde_json::from_slice(bytes).map_err(|error| unreadable(error.to_string()))?;
        if file.format != OBSERVATIONS_FORMAT {
            return Err(unreadable(format!("the format isn't {OBSERVATIONS_FORMAT}")));
        }
        Ok(file)
    }
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
    /// The file isn't JSON with exactly the format's fields.
    #[error("unreadable observations: {0}")]
    Unreadable(String),
    /// A network or an asset that isn't the caller's.
    #[error("observation {place}: {what} isn't known")]
    Unknown {
        /// Which observation, from 1.
        place: usize,
        /// A network, an asset or a hash.
        what: &'static str,
    },
    /// An answer of a contract that can't be placed.
    #[error("answer {place}: {what} isn't known")]
    Answer {
        /// Which answer, from 1.
        place: usize,
        /// A network, an address, a hash or a word.
        what: &'static str,
    },
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

    /// Adds what a file of the caller's own says. One observation that can't be placed is an error, and nothing is added.
    pub fn add_file(
        &mut self,
        bytes: &[u8],
        policy: &Policy,
        assets: &AssetTable,
    ) -> Result<(), ObservationError> {
        let file = ObservationFile::from_json(bytes)?;
        let mut found = Vec::with_capacity(file.observations.len());
        for (place, seen) in (1..).zip(file.observations) {
            let unknown = |what| ObservationError::Unknown { place, what };
            if !policy.network.iter().any(|network| network.name == seen.network) {
                return Err(unknown("the network"));
            }
            let asset = assets.index_of(&seen.asset).ok_or(unknown("the asset"))?;
            hex::array::<32>(&seen.block_hash).ok_or(unknown("the hash"))?;
            found.push((asset, seen));
        }
        let unknown = |(place, what)| ObservationError::Answer { place, what };
        let answers = (1..).zip(file.answers);
        let answers: Vec<(Asked, Answer)> = answers
            .map(|(place, seen)| seen.read(policy).map_err(|what| unknown((place, what))))
            .collect::<Result<_, _>>()?;
        for (asset, seen) in found {
            let observation = BalanceObservation {
                source: source(seen.own, seen.operator),
                height: seen.height,
                block_hash: Some(seen.block_hash),
                amount: seen.amount.0,
            };
            self.add(&seen.network, &seen.address, asset, observation);
        }
        for (asked, answer) in answers {
            self.answers.entry(asked).or_default().push(answer);
        }
        Ok(())
    }

    /// What nodes told of a contract in a block, as far as it counts, and of what they don't say the same. That there is code
    /// at the address in this block is for the caller to prove.
    ///
    /// An answer counts as a balance does: if a node of the verifier's own gives it, or as many operators as the policy's
    /// quorum. A yes of a contract that says yes to the control question too shows nothing.
    pub(crate) fn answers(
        &self,
        (network, block): (&str, &[u8; 32]),
        height: u64,
        address: &[u8; 20],
        quorum: u32,
    ) -> Vec<AccountFact> {
        let here = |(asked, _): &(&Asked, &Vec<Answer>)| {
            asked.network == network
                && asked.address == *address
                && (asked.height, &asked.block) == (height, block)
        };
        let fact = |(asked, told): (&Asked, &Vec<Answer>)| {
            let Asked { hash, signature_hash, .. } = *asked;
            let yes = |word: &Option<[u8; 32]>| word.is_some_and(|word| is_accepted(&word));
            let says = |answer: &Answer| (yes(&answer.returned), yes(&answer.control));
            let first = told.first()?;
            if told.iter().any(|answer| says(answer) != says(first)) {
                return Some(AccountFact::Disputed { height, hash, signature_hash });
            }
            let sources = told.iter().map(|answer| &answer.source);
            let counts = EvidenceLevel::of_sources(sources, quorum) >= EvidenceLevel::L2;
            if !counts || says(first) == (true, true) {
                return None;
            }
            let returned = first.returned.map(Vec::from).unwrap_or_default();
            Some(AccountFact::Answer { height, hash, signature_hash, returned })
        };
        self.answers.iter().filter(here).filter_map(fact).collect()
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
