//! Outputs that Bitcoin transactions create, proven by a path from a chain of headers to each transaction.
//!
//! **This is no balance.** It shows that a transaction in a block paid a script, not that the output is still unspent: a
//! header of Bitcoin commits to no set of unspent outputs, so no file can show that. Hence nothing here makes an
//! observation of a balance; whether the coins are still there takes a node.

use std::collections::BTreeMap;

use assay_statement::hex;
use bitcoin::consensus::deserialize;
use bitcoin::{BlockHash, MerkleBlock, OutPoint, Script, Target, Transaction, Txid, Work, block::Header};
use serde::{Deserialize, Serialize};

/// Name and version of the evidence file.
pub const BITCOIN_FORMAT: &str = "assay.bitcoin-outputs/1";

/// Bytes that an evidence file may have.
pub const MAX_BITCOIN_EVIDENCE_BYTES: usize = 256 << 20;

/// An evidence file: headers behind a checkpoint, and transactions of one of their blocks. Nothing in it is believed; see
/// [`BitcoinEvidence::verify`]. Bytes are lower-case hexadecimal, as nodes print them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BitcoinEvidence {
    /// [`BITCOIN_FORMAT`].
    pub format: String,
    /// Headers in order, the first right behind the checkpoint, 80 bytes each.
    pub headers: Vec<String>,
    /// What `gettxoutproof` gives for the coinbase and the transactions.
    pub proof: String,
    /// The block's coinbase transaction. Its place shows how deep the block's tree is.
    pub coinbase: String,
    /// Transactions of the block.
    pub transactions: Vec<String>,
}

/// What the caller knows about the chain. Nothing of it may come from the entity's files alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitcoinChain {
    /// Height of a block that the caller trusts.
    pub checkpoint_height: u64,
    /// Its hash.
    pub checkpoint: BlockHash,
    /// The easiest target that a header may have. The rule by which targets change isn't checked, so this bounds what a
    /// forged chain costs.
    pub easiest_target: Target,
    /// Headers on top of the block, at least.
    pub confirmations: usize,
    /// Hash of the block, where the caller knows it. Without it anyone who pays for the work can forge one.
    pub block: Option<BlockHash>,
}

/// Why an evidence file shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BitcoinError {
    /// The file is too large.
    #[error("the file has {got} bytes, more than {MAX_BITCOIN_EVIDENCE_BYTES}")]
    TooLarge {
        /// Its bytes.
        got: usize,
    },
    /// The file isn't JSON with exactly the format's fields.
    #[error("unreadable evidence: {0}")]
    Unreadable(String),
    /// Another format or version.
    #[error("the format is {got:?}, not {BITCOIN_FORMAT}")]
    Format {
        /// What the file says.
        got: String,
    },
    /// A field can't be read.
    #[error("unreadable {0}")]
    Field(&'static str),
    /// A header doesn't follow the one before it, or the checkpoint.
    #[error("header {place} doesn't follow the one before")]
    Unlinked {
        /// Its place, from 0.
        place: usize,
    },
    /// A header has too little work, or not what it claims.
    #[error("header {place} has too little proof of work")]
    Work {
        /// Its place, from 0.
        place: usize,
    },
    /// The proof's header isn't in the chain.
    #[error("the block isn't in the chain of headers")]
    NotInChain,
    /// It isn't the caller's block.
    #[error("another block than expected")]
    WrongBlock,
    /// Too few headers on top of the block.
    #[error("{got} blocks on top, fewer than {expected}")]
    Shallow {
        /// What the caller asks for.
        expected: usize,
        /// What the file has.
        got: usize,
    },
    /// The path doesn't lead to the header.
    #[error("the path to the transactions is wrong")]
    Path,
    /// The first leaf isn't the coinbase: the tree may be deeper than it is made out to be.
    #[error("the path doesn't show the coinbase in the first place")]
    Coinbase,
    /// A transaction of 64 bytes could as well be a node of the tree.
    #[error("a transaction of 64 bytes can't be told from a node of the tree")]
    Ambiguous,
    /// The path shows other transactions than the file has, or one twice.
    #[error("the path and the file don't have the same transactions, each once")]
    Transactions,
}

impl BitcoinEvidence {
    /// Reads a file. That says nothing about its truth.
    pub fn from_json(bytes: &[u8]) -> Result<Self, BitcoinError> {
        if bytes.len() > MAX_BITCOIN_EVIDENCE_BYTES {
            return Err(BitcoinError::TooLarge { got: bytes.len() });
        }
        serde_json::from_slice(bytes).map_err(|error| BitcoinError::Unreadable(error.to_string()))
    }

    /// Checks the headers from the checkpoint on, and that the transactions are in a block among them.
    pub fn verify(&self, chain: &BitcoinChain) -> Result<CreatedOutputs, BitcoinError> {
        if self.format != BITCOIN_FORMAT {
            return Err(BitcoinError::Format { got: self.format.clone() });
        }
        let proof: MerkleBlock = read("proof", &self.proof)?;
        let hash = proof.header.block_hash();
        if chain.block.is_some_and(|expected| expected != hash) {
            return Err(BitcoinError::WrongBlock);
        }
        let (place, work) = self.check_headers(chain, hash)?;
        let height = u64::try_from(place).ok().and_then(|place| place.checked_add(1));
        let height = height.and_then(|more| chain.checkpoint_height.checked_add(more));
        let transactions = self.check_transactions(&proof)?;
        let (height, time) = (height.ok_or(BitcoinError::Field("height"))?, proof.header.time);
        Ok(CreatedOutputs { height, hash, time, work, transactions })
    }

    /// Hash of the block that the file is about. That says nothing about its truth.
    pub fn block_hash(&self) -> Result<BlockHash, BitcoinError> {
        Ok(read::<MerkleBlock>("proof", &self.proof)?.header.block_hash())
    }

    /// Checks that the transactions are in the block with this hash, which the caller has from a source that it trusts.
    /// Its height is what the coinbase says (BIP-34): in a valid block that is its height.
    pub fn verify_named(&self, block: BlockHash) -> Result<CreatedOutputs, BitcoinError> {
        if self.format != BITCOIN_FORMAT {
            return Err(BitcoinError::Format { got: self.format.clone() });
        }
        let proof: MerkleBlock = read("proof", &self.proof)?;
        if proof.header.block_hash() != block {
            return Err(BitcoinError::WrongBlock);
        }
        let transactions = self.check_transactions(&proof)?;
        let coinbase: Transaction = read("coinbase", &self.coinbase)?;
        let script = coinbase.input.first().map(|input| input.script_sig.as_bytes());
        let height = script.and_then(script_number).ok_or(BitcoinError::Field("height in the coinbase"))?;
        let (work, time) = (proof.header.work(), proof.header.time);
        Ok(CreatedOutputs { height, hash: block, time, work, transactions })
    }

    /// Place of the block, and the work of it and all on top.
    fn check_headers(&self, chain: &BitcoinChain, block: BlockHash) -> Result<(usize, Work), BitcoinError> {
        let mut previous = chain.checkpoint;
        let mut found: Option<(usize, Work)> = None;
        for (place, text) in self.headers.iter().enumerate() {
            let header: Header = read("header", text)?;
            if header.prev_blockhash != previous {
                return Err(BitcoinError::Unlinked { place });
            }
            // Checked before it becomes a target: larger exponents overflow, a set sign makes no number.
            let bits = header.bits.to_consensus();
            if bits >> 24 > 32 || bits & 0x0080_0000 != 0 || bits & 0x007f_ffff == 0 {
                return Err(BitcoinError::Work { place });
            }
            let target = header.target();
            if target == Target::ZERO || target > chain.easiest_target {
                return Err(BitcoinError::Work { place });
            }
            previous = header.validate_pow(target).map_err(|_| BitcoinError::Work { place })?;
            found = match found {
                None if previous == block => Some((place, header.work())),
                Some((at, work)) => Some((at, work + header.work())),
                None => None,
            };
        }
        let (place, work) = found.ok_or(BitcoinError::NotInChain)?;
        let got = self.headers.len() - place - 1;
        if got < chain.confirmations {
            return Err(BitcoinError::Shallow { expected: chain.confirmations, got });
        }
        Ok((place, work))
    }

    fn check_transactions(&self, proof: &MerkleBlock) -> Result<BTreeMap<Txid, Transaction>, BitcoinError> {
        let (mut matches, mut places) = (Vec::new(), Vec::new());
        // Refuses equal neighbours, too, so that no transaction is there twice (CVE-2012-2459).
        proof.extract_matches(&mut matches, &mut places).map_err(|_| BitcoinError::Path)?;
        // A transaction of 64 bytes can be read as a node with children below (CVE-2017-12842). All leaves are equally
        // deep, and nothing can be below a coinbase, as its first half holds 27 zero bytes.
        let coinbase: Transaction = read("coinbase", &self.coinbase)?;
        let first = matches.first().zip(places.first());
        if !coinbase.is_coinbase() || first != Some((&coinbase.compute_txid(), &0)) {
            return Err(BitcoinError::Coinbase);
        }
        let mut transactions = BTreeMap::from([(coinbase.compute_txid(), coinbase)]);
        for text in &self.transactions {
            let transaction: Transaction = read("transaction", text)?;
            if transaction.base_size() == 64 {
                return Err(BitcoinError::Ambiguous);
            }
            if transactions.insert(transaction.compute_txid(), transaction).is_some() {
                return Err(BitcoinError::Transactions);
            }
        }
        if matches.len() != transactions.len() || !matches.iter().all(|txid| transactions.contains_key(txid))
        {
            return Err(BitcoinError::Transactions);
        }
        Ok(transactions)
    }
}

/// Outputs that transactions of one block create. Whether they are still unspent isn't known.
#[derive(Clone, Debug)]
pub struct CreatedOutputs {
    height: u64,
    hash: BlockHash,
    time: u32,
    work: Work,
    transactions: BTreeMap<Txid, Transaction>,
}

impl CreatedOutputs {
    /// Height of the block, counted from the checkpoint.
    pub const fn height(&self) -> u64 {
        self.height
    }

    /// Hash of the block.
    pub const fn hash(&self) -> BlockHash {
        self.hash
    }

    /// Its time in seconds since 1970-01-01 UTC, as its header states it.
    pub const fn time(&self) -> u32 {
        self.time
    }

    /// An output that the transactions create: what it pays in satoshis, and to which script.
    pub fn output(&self, outpoint: &OutPoint) -> Option<(u64, &Script)> {
        let output =
            self.transactions.get(&outpoint.txid)?.output.get(usize::try_from(outpoint.vout).ok()?)?;
        Some((output.value.to_sat(), output.script_pubkey.as_script()))
    }

    /// Expected hashes that it took to make this block and those on top.
    pub const fn work(&self) -> Work {
        self.work
    }

    /// Satoshis that the transactions pay to `script`, spent since or not.
    pub fn created_for(&self, script: &Script) -> u128 {
        let outputs = self.transactions.values().flat_map(|transaction| &transaction.output);
        let paid = outputs.filter(|output| output.script_pubkey.as_script() == script);
        paid.map(|output| u128::from(output.value.to_sat())).sum()
    }
}

/// The number that a coinbase's script starts with (BIP-34): one push of up to 8 bytes, little-endian, or a small one.
fn script_number(script: &[u8]) -> Option<u64> {
    match script.split_first()? {
        (small @ 0x51..=0x60, _) => Some(u64::from(small - 0x50)),
        (length @ 1..=8, rest) => {
            let bytes = rest.get(..usize::from(*length))?;
            Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
        }
        _ => None,
    }
}

/// What all bytes of `text` encode.
fn read<T: bitcoin::consensus::Decodable>(field: &'static str, text: &str) -> Result<T, BitcoinError> {
    let bytes = hex::decode_lower(text).ok_or(BitcoinError::Field(field))?;
    deserialize(&bytes).map_err(|_| BitcoinError::Field(field))
}

#[cfg(test)]
mod tests {
    use bitcoin::consensus::serialize;
    use bitcoin::hashes::Hash as _;
    use bitcoin::{
        Amount, CompactTarget, ScriptBuf, Sequence, TxIn, TxMerkleNode, TxOut, Witness, absolute::LockTime,
        block, merkle_tree, transaction,
    };

    use super::*;

    const EASY: u32 = 0x207f_ffff;

    fn text<T: bitcoin::consensus::Encodable>(value: &T) -> String {
        hex::encode(&serialize(value))
    }

    fn pay(previous: OutPoint, value: u64) -> Transaction {
        let script_sig = ScriptBuf::from_bytes(vec![1, 7, 2, 3, 4]);
        let input =
            TxIn { previous_output: previous, script_sig, sequence: Sequence::MAX, witness: Witness::new() };
        let output = TxOut { value: Amount::from_sat(value), script_pubkey: script() };
        Transaction {
            version: transaction::Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![input],
            output: vec![output],
        }
    }

    fn script() -> ScriptBuf {
        ScriptBuf::from_bytes(vec![0x51; 22])
    }

    fn spend(number: u8, value: u64) -> Transaction {
        pay(OutPoint { txid: Txid::from_byte_array([number; 32]), vout: 0 }, value)
    }

    fn mine(prev_blockhash: BlockHash, merkle_root: TxMerkleNode) -> Header {
        let mut header = Header {
            version: block::Version::TWO,
            prev_blockhash,
            merkle_root,
            time: 0,
            bits: CompactTarget::from_consensus(EASY),
            nonce: 0,
        };
        while header.validate_pow(header.target()).is_err() {
            header.nonce += 1;
        }
        header
    }

    /// Header, block of a coinbase and two payments, header; the payments are shown.
    fn honest() -> (BitcoinChain, BitcoinEvidence, Vec<Transaction>, Header) {
        let checkpoint = BlockHash::from_byte_array([9; 32]);
        let all = vec![pay(OutPoint::null(), 50), spend(1, 7), spend(2, 8)];
        let ids: Vec<Txid> = all.iter().map(Transaction::compute_txid).collect();
        let root = merkle_tree::calculate_root(ids.iter().map(|id| id.to_raw_hash())).unwrap();
        let first = mine(checkpoint, TxMerkleNode::all_zeros());
        let block = mine(first.block_hash(), root.into());
        let last = mine(block.block_hash(), TxMerkleNode::all_zeros());
        let chain = BitcoinChain {
            checkpoint_height: 100,
            checkpoint,
            easiest_target: CompactTarget::from_consensus(EASY).into(),
            confirmations: 1,
            block: Some(block.block_hash()),
        };
        let evidence = BitcoinEvidence {
            format: BITCOIN_FORMAT.into(),
            headers: [first, block, last].iter().map(text).collect(),
            proof: text(&MerkleBlock::from_header_txids_with_predicate(&block, &ids, |_| true)),
            coinbase: text(&all[0]),
            transactions: all[1..].iter().map(text).collect(),
        };
        (chain, evidence, all, block)
    }

    fn error(chain: &BitcoinChain, evidence: &BitcoinEvidence) -> BitcoinError {
        evidence.verify(chain).unwrap_err()
    }

    #[test]
    fn outputs_of_a_block_are_summed() {
        let (chain, evidence, ..) = honest();
        let shown = evidence.verify(&chain).unwrap();
        assert_eq!((shown.height(), Some(shown.hash())), (102, chain.block));
        assert_eq!(shown.created_for(&script()), 65);
        assert_eq!(shown.created_for(Script::new()), 0);
        let json = serde_json::to_vec(&evidence).unwrap();
        assert_eq!(BitcoinEvidence::from_json(&json).unwrap(), evidence);
    }

    #[test]
    fn chains_that_are_not_the_callers_are_refused() {
        let (chain, evidence, _, block) = honest();
        let other = BitcoinChain { checkpoint: BlockHash::all_zeros(), ..chain };
        assert_eq!(error(&other, &evidence), BitcoinError::Unlinked { place: 0 });
        let other = BitcoinChain { block: Some(BlockHash::all_zeros()), ..chain };
        assert_eq!(error(&other, &evidence), BitcoinError::WrongBlock);
        let other = BitcoinChain { confirmations: 2, ..chain };
        assert_eq!(error(&other, &evidence), BitcoinError::Shallow { expected: 2, got: 1 });
        let hard = CompactTarget::from_consensus(0x1d00_ffff).into();
        assert_eq!(
            error(&BitcoinChain { easiest_target: hard, ..chain }, &evidence),
            BitcoinError::Work { place: 0 }
        );
        let mut gap = evidence.clone();
        gap.headers.remove(1);
        assert_eq!(error(&chain, &gap), BitcoinError::Unlinked { place: 1 });
        let mut cut = evidence.clone();
        cut.headers.truncate(1);
        assert_eq!(error(&chain, &cut), BitcoinError::NotInChain);
        // Bits that are no target, or whose target overflows.
        for bits in [0, 0x0180_0000, 0x2080_0001, 0x217f_ffff, u32::MAX, 0x0100_0001] {
            let mut odd = evidence.clone();
            let header = Header { bits: CompactTarget::from_consensus(bits), ..block };
            odd.headers[1] = text(&header);
            assert_eq!(error(&chain, &odd), BitcoinError::Work { place: 1 }, "{bits:x}");
        }
    }

    #[test]
    fn a_transaction_below_a_leaf_is_refused() {
        // A leaf of 64 bytes that is a node too, whose right half names a transaction that no block has.
        let (_, mut evidence, all, _) = honest();
        let fake = spend(5, 1_000_000);
        let half = Txid::from_byte_array([3; 32]);
        let parent = |left: Txid, right: Txid| {
            merkle_tree::calculate_root([left.to_raw_hash(), right.to_raw_hash()].into_iter()).unwrap()
        };
        let coinbase = all[0].compute_txid();
        let leaf = Txid::from_raw_hash(parent(half, fake.compute_txid()));
        let checkpoint = BlockHash::from_byte_array([9; 32]);
        let block = mine(checkpoint, parent(coinbase, leaf).into());
        let chain = BitcoinChain {
            checkpoint_height: 0,
            checkpoint,
            easiest_target: CompactTarget::from_consensus(EASY).into(),
            confirmations: 0,
            block: Some(block.block_hash()),
        };
        // Four transactions are claimed: the first pair pruned, of the second the right one shown.
        let mut proof = serialize(&block);
        proof.extend([4, 0, 0, 0, 3]);
        for id in [coinbase, half, fake.compute_txid()] {
            proof.extend(id.to_byte_array());
        }
        proof.extend([1, 0b10101]);
        let read: MerkleBlock = deserialize(&proof).unwrap();
        read.extract_matches(&mut Vec::new(), &mut Vec::new()).unwrap();
        evidence.headers = vec![text(&block)];
        evidence.proof = hex::encode(&proof);
        evidence.transactions = vec![text(&fake)];
        assert_eq!(error(&chain, &evidence), BitcoinError::Coinbase);
    }

    #[test]
    fn other_transactions_than_the_paths_are_refused() {
        let (chain, evidence, all, block) = honest();
        let with = |transactions: &[&Transaction]| {
            let transactions = transactions.iter().map(|transaction| text(*transaction)).collect();
            error(&chain, &BitcoinEvidence { transactions, ..evidence.clone() })
        };
        assert_eq!(with(&[&all[1]]), BitcoinError::Transactions);
        assert_eq!(with(&[&all[1], &spend(6, 9)]), BitcoinError::Transactions);
        assert_eq!(with(&[&all[1], &all[1]]), BitcoinError::Transactions);
        let mut short = spend(3, 4);
        short.input[0].script_sig = ScriptBuf::new();
        short.output[0].script_pubkey = ScriptBuf::from_bytes(vec![0x51; 4]);
        assert_eq!(serialize(&short).len(), 64);
        assert_eq!(with(&[&all[1], &short]), BitcoinError::Ambiguous);
        let mut other = evidence.clone();
        other.coinbase = text(&all[1]);
        assert_eq!(error(&chain, &other), BitcoinError::Coinbase);
        // A block whose last two transactions are one: the same root as without the last (CVE-2012-2459).
        let ids: Vec<Txid> = [0, 1, 2, 2].iter().map(|&at: &usize| all[at].compute_txid()).collect();
        let mut twice = evidence;
        twice.proof = text(&MerkleBlock::from_header_txids_with_predicate(&block, &ids, |_| true));
        assert_eq!(error(&chain, &twice), BitcoinError::Path);
    }

    #[test]
    fn flipped_bytes_are_noticed() {
        let (chain, evidence, ..) = honest();
        let json = serde_json::to_vec(&evidence).unwrap();
        // The proof ends with a byte of flags, of which the unused ones mean nothing.
        let flags = json.windows(12).position(|part| part == b"\",\"coinbase\"").unwrap();
        for place in (0..json.len()).filter(|place| !(flags - 2..flags).contains(place)) {
            let mut bytes = json.clone();
            bytes[place] ^= 1 << (place % 8);
            let seen = BitcoinEvidence::from_json(&bytes).and_then(|evidence| evidence.verify(&chain));
            // The header on top can be another one with enough work, which with this target is every second.
            let total = seen.map(|seen| (seen.height(), seen.created_for(&script())));
            assert!(total.is_err() || total == Ok((102, 65)), "byte {place}: {total:?}");
        }
    }
}
