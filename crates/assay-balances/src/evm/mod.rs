//! Balances of Ethereum and its relatives, proven by paths from a block's hash to an account or a storage slot.

mod header;
mod rlp;
mod trie;

use assay_ownership::keccak256 as keccak;
use assay_reserves::{MappingLayout, TokenPolicy};
use assay_statement::hex;
use serde::{Deserialize, Serialize};

pub use self::rlp::RlpError;
pub use self::trie::TrieError;

use self::header::Header;
use self::rlp::Item;
use self::trie::lookup;

/// Name and version of the evidence file.
pub const EVM_FORMAT: &str = "assay.evm-balances/1";

/// Bytes that an evidence file may have.
pub const MAX_EVM_EVIDENCE_BYTES: usize = 64 << 20;

/// An evidence file: a header and paths from its state root. Nothing in it is believed; see [`EvmEvidence::verify`].
///
/// Bytes are lower-case hexadecimal behind `0x`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvmEvidence {
    /// [`EVM_FORMAT`].
    pub format: String,
    /// Chain id (EIP-155).
    pub chain_id: u64,
    /// RLP of the block's header.
    pub header: String,
    /// Accounts, each once.
    pub accounts: Vec<AccountEvidence>,
}

/// Paths to an account and to slots of its storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountEvidence {
    /// Its address, 20 bytes.
    pub address: String,
    /// Nodes from the state root on.
    pub proof: Vec<String>,
    /// Slots, each once.
    pub storage: Vec<SlotEvidence>,
}

/// A path to a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotEvidence {
    /// The slot, 32 bytes.
    pub slot: String,
    /// Nodes from the account's storage root on.
    pub proof: Vec<String>,
}

/// Which block the caller means. Neither may come from the entity's files alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvmBlock {
    /// Chain id (EIP-155).
    pub chain_id: u64,
    /// Hash of the block, from a source that the caller trusts for it.
    pub hash: [u8; 32],
}

/// Where a token contract keeps its balances. It comes from the verifier's policy: whoever picks the slot picks the
/// figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenLayout {
    /// The contract.
    pub contract: [u8; 20],
    /// Slot of the mapping of balances.
    pub balances: [u8; 32],
    /// How the mapping's keys are hashed.
    pub order: MappingOrder,
    /// Slot of the total supply.
    pub supply: Option<[u8; 32]>,
    /// Keccak-256 of the contract's code, where the policy pins it. Behind a proxy this is the proxy's code.
    pub code_hash: Option<[u8; 32]>,
}

/// How the slot of a mapping's value is derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MappingOrder {
    /// `keccak(pad(address) . slot)`.
    Solidity,
    /// `keccak(slot . pad(address))`.
    Vyper,
}

impl TokenLayout {
    /// What the policy says about a token. Nothing where it isn't one that [`Policy::check`](assay_reserves::Policy::check)
    /// lets pass.
    pub fn of_policy(token: &TokenPolicy) -> Option<Self> {
        let code_hash = match &token.code_hash {
            Some(hash) => Some(hex::prefixed_array(hash)?),
            None => None,
        };
        let supply = match &token.supply {
            Some(slot) => Some(slot.word()?),
            None => None,
        };
        let order = match token.layout {
            MappingLayout::Solidity => MappingOrder::Solidity,
            MappingLayout::Vyper => MappingOrder::Vyper,
        };
        let contract = hex::prefixed_array(&token.contract)?;
        Some(Self { contract, balances: token.balances.word()?, order, supply, code_hash })
    }

    /// The slot that has the balance of `holder`.
    pub fn balance_slot(&self, holder: &[u8; 20]) -> [u8; 32] {
        let mut padded = [0; 32];
        padded[12..].copy_from_slice(holder);
        match self.order {
            MappingOrder::Solidity => keccak(&[padded, self.balances].concat()),
            MappingOrder::Vyper => keccak(&[self.balances, padded].concat()),
        }
    }
}

/// A number of 256 bits, big-endian.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word(pub [u8; 32]);

impl Word {
    /// The last 20 bytes, if the others are zeros.
    pub fn to_address(self) -> Option<[u8; 20]> {
        let (high, low) = self.0.split_last_chunk::<20>()?;
        high.iter().all(|&byte| byte == 0).then_some(*low)
    }

    /// The number, if it is below `2^128`.
    pub fn to_u128(self) -> Option<u128> {
        let (high, low) = self.0.split_last_chunk::<16>()?;
        high.iter().all(|&byte| byte == 0).then_some(u128::from_be_bytes(*low))
    }
}

/// Keccak-256 of no code.
const NO_CODE: [u8; 32] = [
    0xc5, 0xd2, 0x46, 0x01, 0x86, 0xf7, 0x23, 0x3c, 0x92, 0x7e, 0x7d, 0xb2, 0xdc, 0xc7, 0x03, 0xc0, 0xe5,
    0x00, 0xb6, 0x53, 0xca, 0x82, 0x27, 0x3b, 0x7b, 0xfa, 0xd8, 0x04, 0x5d, 0x85, 0xa4, 0x70,
];

/// An account of a block's state. One that doesn't exist has nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Transactions that it sent.
    pub nonce: u64,
    /// Native coins, in the chain's smallest unit (wei).
    pub balance: Word,
    /// Root of its storage.
    pub storage_root: [u8; 32],
    /// Keccak-256 of its code.
    pub code_hash: [u8; 32],
}

impl Account {
    /// Whether there is code at the address.
    pub fn has_code(&self) -> bool {
        self.code_hash != NO_CODE
    }

    fn absent() -> Self {
        Self { nonce: 0, balance: Word::default(), storage_root: keccak(&[0x80]), code_hash: NO_CODE }
    }

    fn decode(bytes: &[u8]) -> Result<Self, RlpError> {
        let fields = Item::whole(bytes)?.list(4)?;
        let [nonce, balance, storage_root, code_hash] = fields.as_slice() else {
            return Err(RlpError::Shape);
        };
        Ok(Self {
            nonce: nonce.u64()?,
            balance: Word(balance.word()?),
            storage_root: storage_root.array()?,
            code_hash: code_hash.array()?,
        })
    }
}

/// Why an evidence file shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvmError {
    /// The file is too large.
    #[error("the file has {got} bytes, more than {MAX_EVM_EVIDENCE_BYTES}")]
    TooLarge {
        /// Its bytes.
        got: usize,
    },
    /// The file isn't JSON with exactly the format's fields.
    #[error("unreadable evidence: {0}")]
    Unreadable(String),
    /// A field isn't lower-case hexadecimal of the right length.
    #[error("{field} isn't lower-case hexadecimal of the right length behind 0x")]
    Hex {
        /// Which field.
        field: &'static str,
    },
    /// Another format or version.
    #[error("the format is {got:?}, not {EVM_FORMAT}")]
    Format {
        /// What the file says.
        got: String,
    },
    /// The evidence is of another chain.
    #[error("evidence of chain {got}, not {expected}")]
    WrongChain {
        /// The caller's chain.
        expected: u64,
        /// The file's.
        got: u64,
    },
    /// The header isn't the block's.
    #[error("the header has hash {}, not {}", hex::encode(got), hex::encode(expected))]
    WrongBlock {
        /// The caller's hash.
        expected: [u8; 32],
        /// The header's.
        got: [u8; 32],
    },
    /// The header can't be read.
    #[error("unreadable header: {0}")]
    Header(RlpError),
    /// An address or slot is there twice.
    #[error("{what} is there twice")]
    Duplicate {
        /// An address or a slot.
        what: &'static str,
    },
    /// The file has nothing about the address or slot.
    #[error("no evidence about this {what}")]
    Missing {
        /// An address or a slot.
        what: &'static str,
    },
    /// The path doesn't show what is at the address.
    #[error("account proof: {0}")]
    AccountProof(TrieError),
    /// The path doesn't show what is in the slot.
    #[error("storage proof: {0}")]
    StorageProof(TrieError),
    /// The token's address has no code in this block.
    #[error("there is no contract at the token's address")]
    NoContract,
    /// The contract has other code than the policy pins.
    #[error("the contract has other code than the policy pins")]
    OtherCode,
    /// The policy has no slot for the total supply.
    #[error("the policy has no slot of the total supply")]
    NoSupplySlot,
}

impl EvmEvidence {
    /// Reads a file. That says nothing about its truth.
    pub fn from_json(bytes: &[u8]) -> Result<Self, EvmError> {
        if bytes.len() > MAX_EVM_EVIDENCE_BYTES {
            return Err(EvmError::TooLarge { got: bytes.len() });
        }
        let evidence: Self =
            serde_json::from_slice(bytes).map_err(|error| EvmError::Unreadable(error.to_string()))?;
        if evidence.format != EVM_FORMAT {
            return Err(EvmError::Format { got: evidence.format });
        }
        Ok(evidence)
    }

    /// Hash of the header, which names the block that the file is about. That says nothing about its truth.
    pub fn block_hash(&self) -> Result<[u8; 32], EvmError> {
        Ok(keccak(&bytes("header", &self.header)?))
    }

    /// Checks that the header is that of the caller's block. What the file has about accounts is checked as it is asked for.
    pub fn verify(&self, block: &EvmBlock) -> Result<EvmState, EvmError> {
        if self.format != EVM_FORMAT {
            return Err(EvmError::Format { got: self.format.clone() });
        }
        if self.chain_id != block.chain_id {
            return Err(EvmError::WrongChain { expected: block.chain_id, got: self.chain_id });
        }
        let header = bytes("header", &self.header)?;
        let got = keccak(&header);
        if got != block.hash {
            return Err(EvmError::WrongBlock { expected: block.hash, got });
        }
        let header = Header::decode(&header).map_err(EvmError::Header)?;
        let mut accounts = std::collections::BTreeMap::new();
        for account in &self.accounts {
            let address = array("address", &account.address)?;
            let mut slots = std::collections::BTreeMap::new();
            for slot in &account.storage {
                let nodes = nodes(&slot.proof)?;
                if slots.insert(array("slot", &slot.slot)?, nodes).is_some() {
                    return Err(EvmError::Duplicate { what: "a slot" });
                }
            }
            if accounts.insert(address, Paths { account: nodes(&account.proof)?, slots }).is_some() {
                return Err(EvmError::Duplicate { what: "an address" });
            }
        }
        let Header { number: height, state_root, time } = header;
        Ok(EvmState { block: *block, height, time, state_root, accounts })
    }
}

/// A path of a file that doesn't show what is at its address or slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPath {
    /// The address.
    pub address: [u8; 20],
    /// The slot, where the path is to one.
    pub slot: Option<[u8; 32]>,
    /// What is wrong.
    pub error: Box<EvmError>,
}

impl std::fmt::Display for BadPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "0x{}", hex::encode(&self.address))?;
        if let Some(slot) = &self.slot {
            write!(f, ", slot 0x{}", hex::encode(slot))?;
        }
        write!(f, ": {}", self.error)
    }
}

impl std::error::Error for BadPath {}

/// The state of a block whose hash the caller knows, as far as the evidence shows it.
#[derive(Clone, Debug)]
pub struct EvmState {
    block: EvmBlock,
    height: u64,
    time: u64,
    state_root: [u8; 32],
    accounts: std::collections::BTreeMap<[u8; 20], Paths>,
}

#[derive(Clone, Debug)]
struct Paths {
    account: Vec<Vec<u8>>,
    slots: std::collections::BTreeMap<[u8; 32], Vec<Vec<u8>>>,
}

impl EvmState {
    /// The caller's block.
    pub const fn block(&self) -> EvmBlock {
        self.block
    }

    /// Its height, which its header states.
    pub const fn height(&self) -> u64 {
        self.height
    }

    /// Its time in seconds since 1970-01-01 UTC, which its header states.
    pub const fn time(&self) -> u64 {
        self.time
    }

    /// Checks every path of the file, and gives the addresses that it is about.
    pub fn check(&self) -> Result<Vec<[u8; 20]>, BadPath> {
        for (address, paths) in &self.accounts {
            let bad = |slot| move |error| BadPath { address: *address, slot, error: Box::new(error) };
            self.account(address).map_err(bad(None))?;
            for slot in paths.slots.keys() {
                self.storage(address, slot).map_err(bad(Some(*slot)))?;
            }
        }
        Ok(self.addresses())
    }

    /// What is at `address`. A proof that nothing is there gives an account with nothing.
    pub fn account(&self, address: &[u8; 20]) -> Result<Account, EvmError> {
        let paths = self.accounts.get(address).ok_or(EvmError::Missing { what: "address" })?;
        let found =
            lookup(&self.state_root, &keccak(address), &paths.account).map_err(EvmError::AccountProof)?;
        found.map_or_else(
            || Ok(Account::absent()),
            |value| Account::decode(&value).map_err(|error| EvmError::AccountProof(error.into())),
        )
    }

    /// What is in a slot of the account's storage. A proof that nothing is there gives 0.
    pub fn storage(&self, address: &[u8; 20], slot: &[u8; 32]) -> Result<Word, EvmError> {
        let account = self.account(address)?;
        let paths = self.accounts.get(address).ok_or(EvmError::Missing { what: "address" })?;
        let path = paths.slots.get(slot).ok_or(EvmError::Missing { what: "slot" })?;
        let found = lookup(&account.storage_root, &keccak(slot), path).map_err(EvmError::StorageProof)?;
        let Some(value) = found else { return Ok(Word::default()) };
        match Item::whole(&value).and_then(|item| item.word()) {
            // A slot with 0 isn't in the trie.
            Ok(word) if word != [0; 32] => Ok(Word(word)),
            Ok(_) => Err(EvmError::StorageProof(RlpError::NonCanonical.into())),
            Err(error) => Err(EvmError::StorageProof(error.into())),
        }
    }

    /// What `holder` has of a token, in the token's smallest unit, if the policy's layout is right.
    pub fn token_balance(&self, token: &TokenLayout, holder: &[u8; 20]) -> Result<Word, EvmError> {
        self.check_contract(token)?;
        self.storage(&token.contract, &token.balance_slot(holder))
    }

    /// The token's total supply, in its smallest unit, if the policy's layout is right.
    pub fn token_supply(&self, token: &TokenLayout) -> Result<Word, EvmError> {
        self.check_contract(token)?;
        self.storage(&token.contract, &token.supply.ok_or(EvmError::NoSupplySlot)?)
    }

    /// The addresses that the file is about.
    pub fn addresses(&self) -> Vec<[u8; 20]> {
        self.accounts.keys().copied().collect()
    }

    /// Checks that the token's contract is there, and has the code that the policy pins.
    pub fn check_contract(&self, token: &TokenLayout) -> Result<(), EvmError> {
        let account = self.account(&token.contract)?;
        if !account.has_code() {
            return Err(EvmError::NoContract);
        }
        match token.code_hash {
            Some(expected) if expected != account.code_hash => Err(EvmError::OtherCode),
            _ => Ok(()),
        }
    }
}

fn bytes(field: &'static str, text: &str) -> Result<Vec<u8>, EvmError> {
    text.strip_prefix("0x").and_then(hex::decode_lower).ok_or(EvmError::Hex { field })
}

fn array<const N: usize>(field: &'static str, text: &str) -> Result<[u8; N], EvmError> {
    bytes(field, text)?.try_into().map_err(|_| EvmError::Hex { field })
}

fn nodes(proof: &[String]) -> Result<Vec<Vec<u8>>, EvmError> {
    proof.iter().map(|node| bytes("a node", node)).collect()
}

#[cfg(test)]
mod tests;
