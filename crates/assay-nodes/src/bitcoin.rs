use std::collections::BTreeMap;

use assay_balances::bitcoin::{BITCOIN_FORMAT, BitcoinEvidence};
use assay_ownership::{Network, account};
use assay_statement::{Decimal, hex};
use bitcoin::BlockHash;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::error::{NodeError, Trouble};
use crate::rpc::Client;

/// Satoshis that there are at most.
const MAX_MONEY: u128 = 2_100_000_000_000_000;

/// Addresses that one scan is asked for.
const MAX_SCAN: usize = 10_000;

/// A block of a Bitcoin node's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BitcoinBlock {
    /// Its hash as it is displayed, lower case.
    pub hash: String,
    /// Its height.
    pub height: u64,
}

/// Asks a node of Bitcoin's kind.
#[derive(Debug)]
pub struct BitcoinNode {
    client: Client,
}

#[derive(Deserialize)]
struct ChainInfo {
    chain: String,
}

#[derive(Deserialize)]
struct HeaderInfo {
    height: u64,
    confirmations: i64,
}

#[derive(Deserialize)]
struct Scan {
    success: bool,
    height: u64,
    bestblock: String,
    unspents: Vec<Unspent>,
}

#[derive(Deserialize)]
struct Unspent {
    #[serde(rename = "scriptPubKey")]
    script: String,
    /// As it is written: numbers of 64 bits with a fraction aren't exact.
    amount: Box<RawValue>,
}

#[derive(Deserialize)]
struct BlockInfo {
    tx: Vec<String>,
}

#[derive(Deserialize)]
struct SetInfo {
    bestblock: String,
    muhash: String,
}

impl BitcoinNode {
    /// Checks that the node is of the chain that `network` means.
    pub fn connect(mut client: Client, network: Network<'_>) -> Result<Self, NodeError> {
        let info: ChainInfo = client.call("getblockchaininfo", &json!([]))?;
        let expected: &[&str] = match network {
            Network::Bitcoin => &["main"],
            Network::BitcoinTestnet => &["test", "testnet4", "signet"],
            Network::BitcoinRegtest => &["regtest"],
            _ => &[],
        };
        if !expected.contains(&info.chain.as_str()) {
            let got = client.endpoint().redact(&info.chain);
            return Err(client.error(Trouble::WrongChain { expected: expected.join(" or "), got }));
        }
        Ok(Self { client })
    }

    /// The connection.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The block at a height.
    pub fn block_at(&mut self, height: u64, confirmations: u64) -> Result<BitcoinBlock, NodeError> {
        let hash: String =
            self.client.call("getblockhash", &json!([height])).map_err(|error| match error.why {
                // Height out of range.
                Trouble::Refused { code: -8, .. } => {
                    self.client.error(Trouble::NoBlock { hash: height.to_string() })
                }
                _ => error,
            })?;
        self.block(&hash, confirmations)
    }

    /// A block on the node's chain with at least `confirmations` blocks on top.
    pub fn block(&mut self, hash: &str, confirmations: u64) -> Result<BitcoinBlock, NodeError> {
        let hash = hash.to_ascii_lowercase();
        let info: HeaderInfo =
            self.client.call("getblockheader", &json!([hash])).map_err(|error| match error.why {
                Trouble::Refused { code: -5, .. } => {
                    self.client.error(Trouble::NoBlock { hash: hash.clone() })
                }
                _ => error,
            })?;
        let height = info.height;
        let now: String = self.client.call("getblockhash", &json!([height]))?;
        if !now.eq_ignore_ascii_case(&hash) {
            let got = self.client.endpoint().redact(&now);
            return Err(self.client.error(Trouble::Reorged { height, expected: hash, got }));
        }
        let got = u64::try_from(info.confirmations.saturating_sub(1)).unwrap_or(0);
        if got < confirmations {
            return Err(self.client.error(Trouble::Fresh { height, expected: confirmations, got }));
        }
        Ok(BitcoinBlock { hash, height })
    }

    /// Satoshis that are unspent at each address (its text, and its script), at the node's latest block, which must be
    /// `block`: nodes keep no older set.
    pub fn unspent(
        &mut self,
        block: &BitcoinBlock,
        network: Network<'_>,
        addresses: &[String],
    ) -> Result<BTreeMap<String, u64>, NodeError> {
        let method = "scantxoutset";
        let mut sums = BTreeMap::new();
        for part in addresses.chunks(MAX_SCAN) {
            let wanted: Vec<Value> = part.iter().map(|address| json!(format!("addr({address})"))).collect();
            let scan: Scan = self.client.call(method, &json!(["start", wanted]))?;
            let malformed = |what: &str| self.client.error(Trouble::malformed(method, what));
            if !scan.success {
                return Err(malformed("the scan didn't end"));
            }
            if !scan.bestblock.eq_ignore_ascii_case(&block.hash) || scan.height != block.height {
                let got = self.client.endpoint().redact(&scan.bestblock);
                let expected = block.hash.clone();
                return Err(self.client.error(Trouble::Reorged { height: scan.height, expected, got }));
            }
            let mut by_script: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
            for unspent in &scan.unspents {
                let script = hex::decode(&unspent.script).ok_or_else(|| malformed("no script"))?;
                let amount = Decimal::parse(unspent.amount.get(), 8, MAX_MONEY);
                let amount = amount.ok().filter(|amount| !amount.negative && !amount.inexact);
                let amount = amount.and_then(|amount| u64::try_from(amount.units).ok());
                let amount = amount.ok_or_else(|| malformed("no amount"))?;
                let sum = by_script.entry(script).or_default();
                *sum = sum.checked_add(amount).ok_or_else(|| malformed("more than all coins"))?;
            }
            for address in part {
                let script =
                    account(network, address).map_err(|_| malformed("an address without a script"))?;
                sums.insert(address.clone(), by_script.get(&script).copied().unwrap_or(0));
            }
        }
        Ok(sums)
    }

    /// The MuHash of all unspent outputs after a block, by which nodes can be compared. Nothing where the node has no index
    /// of them.
    pub fn utxo_set(&mut self, block: &BitcoinBlock) -> Result<Option<String>, NodeError> {
        let method = "gettxoutsetinfo";
        let found = self.client.call::<SetInfo>(method, &json!(["muhash", block.height, true]));
        let info = match found {
            Ok(info) => info,
            Err(error) if matches!(error.why, Trouble::Refused { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        if !info.bestblock.eq_ignore_ascii_case(&block.hash) || hex::array::<32>(&info.muhash).is_none() {
            return Err(self.client.error(Trouble::malformed(method, "of another block, or no hash")));
        }
        Ok(Some(info.muhash.to_ascii_lowercase()))
    }

    /// Evidence that transactions of a block made outputs, verified before it is handed on.
    pub fn evidence(&mut self, block_hash: &str, txids: &[String]) -> Result<BitcoinEvidence, NodeError> {
        let info: BlockInfo = self.client.call("getblock", &json!([block_hash, 1]))?;
        let malformed = |method, what: &str| self.client.error(Trouble::malformed(method, what));
        let coinbase = info.tx.first().ok_or_else(|| malformed("getblock", "no coinbase"))?.clone();
        let mut wanted = vec![coinbase.clone()];
        wanted.extend(txids.iter().filter(|txid| **txid != coinbase).cloned());
        let proof: String = self.client.call("gettxoutproof", &json!([wanted, block_hash]))?;
        let mut raw = Vec::with_capacity(wanted.len());
        for txid in &wanted {
            let text: String = self.client.call("getrawtransaction", &json!([txid, false, block_hash]))?;
            raw.push(text);
        }
        let mut raw = raw.into_iter();
        let evidence = BitcoinEvidence {
            format: BITCOIN_FORMAT.into(),
            headers: Vec::new(),
            proof,
            coinbase: raw.next().unwrap_or_default(),
            transactions: raw.collect(),
        };
        let hash: BlockHash =
            block_hash.parse().map_err(|_| self.client.error(Trouble::malformed("getblock", "no hash")))?;
        match evidence.verify_named(hash) {
            Ok(_) => Ok(evidence),
            Err(error) => Err(self.client.error(Trouble::Proof(error.to_string()))),
        }
    }

    /// The first output of a block that pays to an address, by transaction and place.
    pub fn find_payment(&mut self, block: &BitcoinBlock, address: &str) -> Result<(String, u32), NodeError> {
        #[derive(Deserialize)]
        struct Block {
            tx: Vec<Transaction>,
        }
        #[derive(Deserialize)]
        struct Transaction {
            txid: String,
            vout: Vec<Output>,
        }
        #[derive(Deserialize)]
        struct Output {
            n: u32,
            #[serde(rename = "scriptPubKey")]
            script: Script,
        }
        #[derive(Deserialize)]
        struct Script {
            address: Option<String>,
        }
        let found: Block = self.client.call("getblock", &json!([block.hash, 2]))?;
        let pays = |output: &Output| output.script.address.as_deref() == Some(address);
        let place =
            found.tx.iter().find_map(|tx| Some((tx.txid.clone(), tx.vout.iter().find(|out| pays(out))?.n)));
        place.ok_or_else(|| self.client.error(Trouble::malformed("getblock", "no payment to the address")))
    }

    /// The block that has a transaction. Nothing where the node has no index of transactions, or not this one.
    pub fn block_of(&mut self, txid: &str) -> Result<Option<String>, NodeError> {
        #[derive(Deserialize)]
        struct Transaction {
            blockhash: Option<String>,
        }
        match self.client.call::<Transaction>("getrawtransaction", &json!([txid, true])) {
            Ok(transaction) => Ok(transaction.blockhash),
            Err(error) if matches!(error.why, Trouble::Refused { code: -5, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
