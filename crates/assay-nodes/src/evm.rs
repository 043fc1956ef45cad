use assay_balances::evm::{AccountEvidence, EVM_FORMAT, EvmBlock, EvmEvidence, SlotEvidence, TokenLayout};
use assay_ownership::{ContractQuestion, keccak256};
use assay_statement::hex;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::error::{NodeError, Trouble};
use crate::rpc::Client;

/// A block of an EVM chain, whose header's fields hash to its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Chain and hash.
    pub block: EvmBlock,
    /// Its height.
    pub height: u64,
    /// RLP of the header.
    pub rlp: Vec<u8>,
}

/// Which block is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The one with this hash.
    Hash([u8; 32]),
    /// The one at this height, as the node sees it.
    Height(u64),
}

/// What `eth_getProof` gives, as far as evidence has it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proof {
    account_proof: Vec<String>,
    storage_proof: Vec<StorageProof>,
}

#[derive(Deserialize)]
struct StorageProof {
    key: String,
    proof: Vec<String>,
}

/// Fields of a header in order, and whether they are numbers.
const FIELDS: [(&str, bool); 15] = [
    ("parentHash", false),
    ("sha3Uncles", false),
    ("miner", false),
    ("stateRoot", false),
    ("transactionsRoot", false),
    ("receiptsRoot", false),
    ("logsBloom", false),
    ("difficulty", true),
    ("number", true),
    ("gasLimit", true),
    ("gasUsed", true),
    ("timestamp", true),
    ("extraData", false),
    ("mixHash", false),
    ("nonce", false),
];

/// Those that later hard forks added, in order.
const LATER: [(&str, bool); 6] = [
    ("baseFeePerGas", true),
    ("withdrawalsRoot", false),
    ("blobGasUsed", true),
    ("excessBlobGas", true),
    ("parentBeaconBlockRoot", false),
    ("requestsHash", false),
];

/// Gas for a contract's answer: more than any check of signatures takes, less than nodes refuse.
const CALL_GAS: u64 = 10_000_000;

/// Asks a node of an EVM chain.
#[derive(Debug)]
pub struct EvmNode {
    client: Client,
    chain_id: u64,
}

impl EvmNode {
    /// Checks that the node is of the chain.
    pub fn connect(mut client: Client, chain_id: u64) -> Result<Self, NodeError> {
        let text: String = client.call("eth_chainId", &json!([]))?;
        let got =
            quantity(&text).ok_or_else(|| client.error(Trouble::malformed("eth_chainId", "no number")))?;
        if got != chain_id {
            let (expected, got) = (chain_id.to_string(), got.to_string());
            return Err(client.error(Trouble::WrongChain { expected, got }));
        }
        Ok(Self { client, chain_id })
    }

    /// The connection.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The header of a block on the node's chain, with at least `confirmations` blocks on top.
    pub fn header(&mut self, at: At, confirmations: u64) -> Result<Header, NodeError> {
        let header = self.block(at)?;
        self.still_there(&header)?;
        let method = "eth_blockNumber";
        let text: String = self.client.call(method, &json!([]))?;
        let latest =
            quantity(&text).ok_or_else(|| self.client.error(Trouble::malformed(method, "no number")))?;
        let (height, got) = (header.height, latest.saturating_sub(header.height));
        if got < confirmations {
            return Err(self.client.error(Trouble::Fresh { height, expected: confirmations, got }));
        }
        Ok(header)
    }

    fn block(&mut self, at: At) -> Result<Header, NodeError> {
        let (method, which) = match at {
            At::Hash(hash) => ("eth_getBlockByHash", format!("0x{}", hex::encode(&hash))),
            At::Height(height) => ("eth_getBlockByNumber", format!("{height:#x}")),
        };
        let fields: Option<Map<String, Value>> = self.client.call_optional(method, &json!([which, false]))?;
        let Some(fields) = fields else { return Err(self.client.error(Trouble::NoBlock { hash: which })) };
        let malformed = |what: &str| self.client.error(Trouble::malformed(method, what));
        let rlp = encode(&fields).ok_or_else(|| malformed("a field of the header is missing or odd"))?;
        let hash = fields.get("hash").and_then(Value::as_str).and_then(hex::prefixed_array);
        let hash = hash.ok_or_else(|| malformed("no hash"))?;
        let number = fields.get("number").and_then(Value::as_str).and_then(quantity);
        let height = number.ok_or_else(|| malformed("no number"))?;
        let asked = match at {
            At::Hash(asked) => asked == hash,
            At::Height(asked) => asked == height,
        };
        if !asked || keccak256(&rlp) != hash {
            return Err(malformed("the header's fields aren't those of the block"));
        }
        Ok(Header { block: EvmBlock { chain_id: self.chain_id, hash }, height, rlp })
    }

    /// Checks that the block is on the node's chain.
    pub fn still_there(&mut self, header: &Header) -> Result<(), NodeError> {
        let now = self.block(At::Height(header.height))?;
        if now.block == header.block {
            return Ok(());
        }
        Err(self.client.error(Trouble::Reorged {
            height: header.height,
            expected: hex::encode(&header.block.hash),
            got: hex::encode(&now.block.hash),
        }))
    }

    /// Evidence about an account and slots of its storage, which is verified before it is handed on.
    pub fn evidence(
        &mut self,
        header: &Header,
        address: &[u8; 20],
        slots: &[[u8; 32]],
    ) -> Result<EvmEvidence, NodeError> {
        let method = "eth_getProof";
        let behind_0x = |bytes: &[u8]| format!("0x{}", hex::encode(bytes));
        let names: Vec<String> = slots.iter().map(|slot| behind_0x(slot)).collect();
        let params = json!([behind_0x(address), names, format!("{:#x}", header.height)]);
        let proof: Proof =
            self.client.call(method, &params).map_err(|error| self.state(error, header.height))?;
        let of_slot = |slot: &[u8; 32]| {
            let found = proof.storage_proof.iter().find(|proof| word(&proof.key) == Some(*slot));
            found.map(|found| SlotEvidence { slot: behind_0x(slot), proof: found.proof.clone() })
        };
        let storage: Option<Vec<_>> = slots.iter().map(of_slot).collect();
        let storage =
            storage.ok_or_else(|| self.client.error(Trouble::malformed(method, "a slot is missing")))?;
        let account = AccountEvidence { address: behind_0x(address), proof: proof.account_proof, storage };
        let evidence = EvmEvidence {
            format: EVM_FORMAT.into(),
            chain_id: self.chain_id,
            header: behind_0x(&header.rlp),
            accounts: vec![account],
        };
        let checked = evidence.verify(&header.block).map_err(|error| error.to_string());
        match checked.and_then(|state| state.check().map_err(|error| error.to_string())) {
            Ok(_) => Ok(evidence),
            Err(error) => {
                // A proof of another block at this height is the likeliest reason.
                self.still_there(header)?;
                Err(self.client.error(Trouble::Proof(error)))
            }
        }
    }

    /// What the node says that an address has, in the chain's smallest unit.
    pub fn balance(
        &mut self,
        header: &Header,
        address: &[u8; 20],
        token: Option<&TokenLayout>,
    ) -> Result<[u8; 32], NodeError> {
        let (height, holder) = (format!("{:#x}", header.height), hex::encode(address));
        let (method, params) = match token {
            None => ("eth_getBalance", json!([format!("0x{holder}"), height])),
            Some(token) => {
                // balanceOf(address)
                let data = format!("0x70a08231{}{holder}", "0".repeat(24));
                let to = format!("0x{}", hex::encode(&token.contract));
                ("eth_call", json!([{"to": to, "data": data}, height]))
            }
        };
        let text: String =
            self.client.call(method, &params).map_err(|error| self.state(error, header.height))?;
        word(&text).ok_or_else(|| self.client.error(Trouble::malformed(method, "no number of 256 bits")))
    }

    /// The word that `isValidSignature` of a contract returns (EIP-1271). Nothing where the call fails, or returns anything
    /// else: that isn't a yes.
    pub fn signature_answer(
        &mut self,
        header: &Header,
        address: &[u8; 20],
        question: &ContractQuestion,
    ) -> Result<Option<[u8; 32]>, NodeError> {
        let behind_0x = |bytes: &[u8]| format!("0x{}", hex::encode(bytes));
        // With the same gas everywhere: nodes' own limits differ.
        let call = json!({
            "to": behind_0x(address), "data": behind_0x(&question.call_data()), "gas": format!("{CALL_GAS:#x}"),
        });
        let answer: Result<String, _> =
            self.client.call("eth_call", &json!([call, format!("{:#x}", header.height)]));
        let text = match answer {
            Ok(text) => text,
            Err(error) if is_reverted(&error) => return Ok(None),
            Err(error) => return Err(self.state(error, header.height)),
        };
        let digits =
            text.strip_prefix("0x").filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let digits = digits.ok_or_else(|| self.client.error(Trouble::malformed("eth_call", "no bytes")))?;
        Ok(hex::array(digits))
    }

    /// Nodes have no common code for state that they threw away.
    fn state(&self, error: NodeError, height: u64) -> NodeError {
        let Trouble::Refused { message, .. } = &error.why else { return error };
        let message = message.to_lowercase();
        let says = [
            "missing trie node",
            "pruned",
            "archive",
            "historical state",
            "state is not available",
            "state not available",
        ];
        let gone = says.iter().any(|says| message.contains(says));
        if gone { self.client.error(Trouble::NoState { height }) } else { error }
    }
}

/// Whether a node says that a call ran and failed, in any of the words that nodes have for it. A contract is then as good as
/// silent; other errors are the node's own.
fn is_reverted(error: &NodeError) -> bool {
    let Trouble::Refused { code, message, .. } = &error.why else { return false };
    let message = message.to_lowercase();
    let says = [
        "revert",
        "out of gas",
        "invalid opcode",
        "invalid jump",
        "stack underflow",
        "stack limit",
        "vm execution error",
    ];
    *code == 3 || says.iter().any(|says| message.contains(says))
}

/// RLP of a header from its fields in JSON; nothing where a field is missing or odd, or one follows that is missing.
fn encode(fields: &Map<String, Value>) -> Option<Vec<u8>> {
    let mut payload = Vec::new();
    let mut ended = false;
    for (place, (name, number)) in FIELDS.iter().chain(&LATER).enumerate() {
        let Some(value) = fields.get(*name).filter(|value| !value.is_null()) else {
            ended = true;
            if place < FIELDS.len() {
                return None;
            }
            continue;
        };
        if ended {
            return None;
        }
        let digits = value.as_str()?.strip_prefix("0x")?;
        let digits = if *number { digits.trim_start_matches('0') } else { digits };
        let bytes =
            if digits.len() % 2 == 1 { hex::decode(&format!("0{digits}"))? } else { hex::decode(digits)? };
        match bytes.as_slice() {
            [byte] if *byte < 0x80 => payload.push(*byte),
            _ => {
                prefix(bytes.len(), 0x80, &mut payload)?;
                payload.extend(&bytes);
            }
        }
    }
    let mut rlp = Vec::with_capacity(payload.len() + 3);
    prefix(payload.len(), 0xc0, &mut rlp)?;
    rlp.extend(payload);
    Some(rlp)
}

/// What stands before a string or list of up to 64 KiB.
fn prefix(length: usize, offset: u8, out: &mut Vec<u8>) -> Option<()> {
    let length = u16::try_from(length).ok()?;
    match (length, length.to_be_bytes()) {
        (..56, [_, low]) => out.push(offset + low),
        (..256, [_, low]) => out.extend([offset + 56, low]),
        (_, [high, low]) => out.extend([offset + 57, high, low]),
    }
    Some(())
}

/// A number of up to 64 bits behind `0x`.
fn quantity(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x")?;
    if digits.starts_with('+') { None } else { u64::from_str_radix(digits, 16).ok() }
}

/// A number of up to 256 bits behind `0x`, in 32 bytes.
fn word(text: &str) -> Option<[u8; 32]> {
    let digits = text.strip_prefix("0x").filter(|digits| (1..=64).contains(&digits.len()))?;
    hex::array(&format!("{digits:0>64}"))
}
