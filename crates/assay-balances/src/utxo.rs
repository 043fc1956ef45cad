//! What is unspent at a block of Bitcoin's kind, from a snapshot of all unspent outputs (`dumptxoutset`).
//!
//! Nodes answer `scantxoutset` for their latest block only; a snapshot is of any block that they can roll back to. It is read as
//! a stream of some gigabytes and nothing of it is kept but the sums that are asked for. The file may come from anybody:
//! what makes it count is the hash over all outputs, which the caller has from a source of its own, such as its node's
//! `gettxoutsetinfo hash_serialized_3 HEIGHT`, or the list in the source code of nodes.
//!
//! Format: snapshot metadata version 2, and transactions in the order of the node's database; amounts and scripts are
//! compressed (Bitcoin Core `src/node/utxo_snapshot.h`, `src/compressor.cpp`, `src/kernel/coinstats.cpp`, release 28).

use std::collections::BTreeMap;
use std::io::{self, Read};

use assay_ownership::Network;
use assay_statement::hex;
use bitcoin::hashes::{Hash as _, HashEngine as _, sha256d};
use bitcoin::secp256k1::PublicKey;
use bitcoin::{Amount, BlockHash, p2p::Magic};

/// First bytes of a snapshot.
const MAGIC: &[u8; 5] = b"utxo\xff";

/// The version that is read.
const VERSION: u16 = 2;

/// Bytes of a script above which an output can't be spent, and so isn't unspent.
const MAX_SCRIPT_BYTES: u64 = 10_000;

/// Outputs that one transaction can have at most: 4,000,000 weight units, of which each takes 36.
const MAX_OUTPUTS: u64 = 111_111;

/// Outputs between two reports of progress.
const PROGRESS: u64 = 1 << 20;

/// What the caller knows of a snapshot. Nothing of it may be taken from the file or from who hands it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UtxoBlock<'a> {
    /// The network, one of Bitcoin's.
    pub network: Network<'a>,
    /// Hash of the block after which these outputs are unspent.
    pub block: BlockHash,
    /// Its height.
    pub height: u32,
    /// The hash over all unspent outputs, as nodes display it: `hash_serialized_3`, or `txoutset_hash` of `dumptxoutset`.
    pub set: [u8; 32],
}

/// Why a snapshot shows nothing.
#[derive(Debug, thiserror::Error)]
pub enum UtxoError {
    /// It can't be read, or ends too early.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// Not a snapshot, or one of another version.
    #[error("not a snapshot of unspent outputs of version {VERSION}")]
    Format,
    /// Of another network.
    #[error("a snapshot of another network")]
    WrongNetwork,
    /// Of another block.
    #[error("a snapshot of block {got}, not of {expected}")]
    WrongBlock {
        /// The block that the caller named.
        expected: BlockHash,
        /// The file's.
        got: BlockHash,
    },
    /// Something can't be.
    #[error("output {place}: {what}")]
    Malformed {
        /// Number of the output in the file, from 1.
        place: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// Bytes behind the last output.
    #[error("bytes behind the last output")]
    Trailing,
    /// The hash over all outputs is another.
    #[error("the outputs have the hash {got}, not {}", displayed(expected))]
    WrongSet {
        /// What the caller expects.
        expected: [u8; 32],
        /// What the outputs have.
        got: String,
    },
}

impl UtxoError {
    /// Whether it is no snapshot, rather than one of something else.
    pub const fn is_unreadable(&self) -> bool {
        !matches!(self, Self::WrongNetwork | Self::WrongBlock { .. } | Self::WrongSet { .. })
    }
}

fn displayed(hash: &[u8; 32]) -> String {
    hex::encode(hash)
}

/// Satoshis that are unspent at each of `scripts`, 0 included, if the snapshot is the one that the caller knows. `progress`
/// is told how many outputs of how many have been read.
pub fn sum_unspent<'s>(
    input: impl Read,
    expected: &UtxoBlock<'_>,
    scripts: impl IntoIterator<Item = &'s [u8]>,
    mut progress: impl FnMut(u64, u64),
) -> Result<BTreeMap<Vec<u8>, u64>, UtxoError> {
    let mut input = Input(input);
    let mut sums: BTreeMap<Vec<u8>, u64> = scripts.into_iter().map(|script| (script.to_vec(), 0)).collect();
    let count = head(&mut input, expected)?;
    let mut engine = sha256d::Hash::engine();
    let mut read = 0;
    let mut outputs = Vec::new();
    let mut last: Option<[u8; 32]> = None;
    while read < count {
        let malformed = |what| UtxoError::Malformed { place: read + 1, what };
        let txid: [u8; 32] = input.array()?;
        // The node's database is in this order. Else one output could stand in the file twice.
        if last.replace(txid).is_some_and(|last| last >= txid) {
            return Err(malformed("transactions out of order"));
        }
        let here = input.compact_size()?;
        if here == 0 || here > count - read || here > MAX_OUTPUTS {
            return Err(malformed("an impossible number of outputs"));
        }
        outputs.clear();
        for _ in 0..here {
            outputs.push(input.output().map_err(|error| error.at(read + 1))?);
            read += 1;
            if read % PROGRESS == 0 {
                progress(read, count);
            }
        }
        // The hash is over them in this order, the file has them in that of the database.
        outputs.sort_by_key(|output| output.place);
        let twice = |pair: &[Unspent]| matches!(pair, [a, b] if a.place == b.place);
        if outputs.windows(2).any(twice) {
            return Err(UtxoError::Malformed { place: read, what: "an output twice" });
        }
        for output in &outputs {
            if output.code >> 1 > expected.height {
                return Err(UtxoError::Malformed { place: read, what: "made after the block" });
            }
            engine.input(&txid);
            engine.input(&output.place.to_le_bytes());
            engine.input(&output.code.to_le_bytes());
            engine.input(&output.amount.to_le_bytes());
            engine.input(&bitcoin::consensus::serialize(&bitcoin::VarInt::from(output.script.len())));
            engine.input(&output.script);
            if let Some(sum) = sums.get_mut(&output.script) {
                // Each amount is at most all the money, but their sum is nobody's word yet.
                *sum = sum
                    .checked_add(output.amount)
                    .ok_or(UtxoError::Malformed { place: read, what: "more than all coins" })?;
            }
        }
    }
    progress(read, count);
    if input.0.read(&mut [0])? != 0 {
        return Err(UtxoError::Trailing);
    }
    let mut got = sha256d::Hash::from_engine(engine).to_byte_array();
    got.reverse();
    if got != expected.set {
        return Err(UtxoError::WrongSet { expected: expected.set, got: hex::encode(&got) });
    }
    Ok(sums)
}

/// Checks what the file says it is, and gives the number of its outputs.
fn head(input: &mut Input<impl Read>, expected: &UtxoBlock<'_>) -> Result<u64, UtxoError> {
    if input.array::<5>()? != *MAGIC || u16::from_le_bytes(input.array()?) != VERSION {
        return Err(UtxoError::Format);
    }
    let magics: &[Magic] = match expected.network {
        Network::Bitcoin => &[Magic::BITCOIN],
        Network::BitcoinTestnet => &[Magic::TESTNET3, Magic::TESTNET4, Magic::SIGNET],
        Network::BitcoinRegtest => &[Magic::REGTEST],
        _ => &[],
    };
    if !magics.contains(&Magic::from_bytes(input.array()?)) {
        return Err(UtxoError::WrongNetwork);
    }
    let got = BlockHash::from_byte_array(input.array()?);
    if got != expected.block {
        return Err(UtxoError::WrongBlock { expected: expected.block, got });
    }
    Ok(u64::from_le_bytes(input.array()?))
}

/// An output as it goes into the hash.
struct Unspent {
    /// Its place in the transaction.
    place: u32,
    /// Twice the height of its block, and 1 if a coinbase made it.
    code: u32,
    /// Satoshis.
    amount: u64,
    script: Vec<u8>,
}

/// What went wrong in an output.
enum Wrong {
    Read(io::Error),
    What(&'static str),
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

impl Wrong {
    fn at(self, place: u64) -> UtxoError {
        match self {
            Self::Read(error) => UtxoError::Read(error),
            Self::What(what) => UtxoError::Malformed { place, what },
        }
    }
}

struct Input<R>(R);

impl<R: Read> Input<R> {
    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn bytes(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Bitcoin's length of one, three, five or nine bytes.
    fn compact_size(&mut self) -> io::Result<u64> {
        Ok(match self.array::<1>()? {
            [0xfd] => u16::from_le_bytes(self.array()?).into(),
            [0xfe] => u32::from_le_bytes(self.array()?).into(),
            [0xff] => u64::from_le_bytes(self.array()?),
            [small] => small.into(),
        })
    }

    /// The node's own number: seven bits a byte, most significant first, each but the last byte counted from 1.
    fn number(&mut self) -> Result<u64, Wrong> {
        let mut number: u64 = 0;
        loop {
            let [byte] = self.array()?;
            let low = u64::from(byte & 0x7f);
            number = number.checked_mul(128).and_then(|high| high.checked_add(low)).ok_or(LARGE)?;
            if byte < 0x80 {
                return Ok(number);
            }
            number = number.checked_add(1).ok_or(LARGE)?;
        }
    }

    fn output(&mut self) -> Result<Unspent, Wrong> {
        let place = u32::try_from(self.compact_size()?).map_err(|_| LARGE)?;
        let code = u32::try_from(self.number()?).map_err(|_| LARGE)?;
        let amount = decompress_amount(self.number()?).ok_or(LARGE)?;
        if amount > Amount::MAX_MONEY.to_sat() {
            return Err(LARGE);
        }
        Ok(Unspent { place, code, amount, script: self.script()? })
    }

    /// The usual scripts stand for themselves with a number below 6, others behind their length and 6.
    fn script(&mut self) -> Result<Vec<u8>, Wrong> {
        match self.number()? {
            0 => Ok([&[0x76, 0xa9, 20][..], &self.array::<20>()?, &[0x88, 0xac]].concat()),
            1 => Ok([&[0xa9, 20][..], &self.array::<20>()?, &[0x87]].concat()),
            kind @ (2 | 3) => {
                let parity = if kind == 2 { 2 } else { 3 };
                Ok([&[33, parity][..], &self.array::<32>()?, &[0xac]].concat())
            }
            kind @ (4 | 5) => {
                let parity = if kind == 4 { 2 } else { 3 };
                let compressed = [&[parity][..], &self.array::<32>()?].concat();
                let key = PublicKey::from_slice(&compressed).map_err(|_| Wrong::What("no public key"))?;
                Ok([&[65][..], &key.serialize_uncompressed(), &[0xac]].concat())
            }
            length => match length - 6 {
                length @ ..=MAX_SCRIPT_BYTES => Ok(self.bytes(usize::try_from(length).map_err(|_| LARGE)?)?),
                _ => Err(Wrong::What("a script that nobody can spend")),
            },
        }
    }
}

const LARGE: Wrong = Wrong::What("a number that is too large");

/// Amounts without the zeros at their end: `1 + 10 (9 n + d - 1) + e` for `(10 n + d) 10^e` with a digit `d` above 0, and
/// `1 + 10 (n - 1) + 9` for `n 10^9`.
fn decompress_amount(compressed: u64) -> Option<u64> {
    let Some(rest) = compressed.checked_sub(1) else { return Some(0) };
    let (exponent, rest) = (rest % 10, rest / 10);
    let number = match exponent {
        9 => rest.checked_add(1)?,
        _ => (rest / 9).checked_mul(10)?.checked_add(rest % 9 + 1)?,
    };
    number.checked_mul(10u64.pow(u32::try_from(exponent).ok()?))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use assay_ownership::account;
    use serde_json::Value;

    use super::*;

    /// A snapshot that a regtest node wrote of a block below its tip, see `testdata/record_utxo.py`.
    const FILE: &[u8] = include_bytes!("../testdata/utxo.dat");

    fn recorded() -> (UtxoBlock<'static>, BTreeMap<Vec<u8>, u64>) {
        known(include_str!("../testdata/utxo.json"))
    }

    /// What a node said of a snapshot.
    fn known(said: &str) -> (UtxoBlock<'static>, BTreeMap<Vec<u8>, u64>) {
        let said: Value = serde_json::from_str(said).unwrap();
        let expected = UtxoBlock {
            network: Network::BitcoinRegtest,
            block: said["hash"].as_str().unwrap().parse().unwrap(),
            height: said["height"].as_u64().unwrap().try_into().unwrap(),
            set: hex::array(said["set"].as_str().unwrap()).unwrap(),
        };
        let balances = said["balances"].as_object().unwrap().iter().map(|(address, amount)| {
            (account(Network::BitcoinRegtest, address).unwrap(), amount.as_u64().unwrap())
        });
        (expected, balances.collect())
    }

    fn sums(file: &[u8], expected: &UtxoBlock<'_>) -> Result<BTreeMap<Vec<u8>, u64>, UtxoError> {
        let (_, balances) = recorded();
        sum_unspent(file, expected, balances.keys().map(Vec::as_slice), |_, _| ())
    }

    #[test]
    fn a_nodes_snapshot_has_what_the_node_said() {
        let (expected, balances) = recorded();
        let seen = Cell::new((0, 0));
        // Nobody's script has nothing.
        let nobody = vec![0x6a];
        let scripts = balances.keys().chain([&nobody]).map(Vec::as_slice);
        let mut found = sum_unspent(FILE, &expected, scripts, |read, of| seen.set((read, of))).unwrap();
        assert_eq!(found.remove(&nobody), Some(0));
        assert_eq!(found, balances);
        assert!(balances.len() == 4 && balances.values().all(|amount| *amount > 0));
        let (read, of) = seen.get();
        assert!(read == of && read > 120);
    }

    #[test]
    #[ignore = "needs a snapshot of a node, see .ci/live"]
    fn a_fresh_snapshot_shows_the_same() {
        let path = std::env::var("ASSAY_UTXO_RECORDING").unwrap();
        let (expected, balances) = known(&std::fs::read_to_string(format!("{path}.json")).unwrap());
        let file = std::fs::File::open(format!("{path}.dat")).unwrap();
        let scripts = balances.keys().map(Vec::as_slice);
        let found = sum_unspent(std::io::BufReader::new(file), &expected, scripts, |_, _| ()).unwrap();
        assert_eq!(found, balances);
    }

    #[test]
    fn a_snapshot_of_something_else_shows_nothing() {
        let (expected, _) = recorded();
        let with = |change: fn(&mut UtxoBlock<'_>)| {
            let mut expected = expected;
            change(&mut expected);
            sums(FILE, &expected).unwrap_err()
        };
        assert!(matches!(with(|block| block.network = Network::Bitcoin), UtxoError::WrongNetwork));
        let other = |block: &mut UtxoBlock<'_>| block.block = BlockHash::all_zeros();
        assert!(matches!(with(other), UtxoError::WrongBlock { .. }));
        assert!(matches!(with(|block| block.set[31] ^= 1), UtxoError::WrongSet { .. }));
        assert!(matches!(
            with(|block| block.height -= 1),
            UtxoError::Malformed { what: "made after the block", .. }
        ));
    }

    /// A14: coins that aren't there, or more of them than there are, change the hash.
    #[test]
    fn a14_no_byte_of_a_snapshot_can_change() {
        let (expected, _) = recorded();
        for at in 0..FILE.len() {
            let mut file = FILE.to_vec();
            file[at] ^= 1;
            assert!(sums(&file, &expected).is_err(), "{at}");
        }
        for cut in 0..FILE.len() {
            assert!(matches!(sums(&FILE[..cut], &expected), Err(UtxoError::Read(_))), "{cut}");
        }
        assert!(matches!(sums(&[FILE, &[0]].concat(), &expected), Err(UtxoError::Trailing)));
    }

    /// Outputs of one transaction: place, compressed amount and script as it is written.
    type Group<'a> = ([u8; 32], &'a [(u16, u8, &'a [u8])]);

    fn written(groups: &[Group<'_>], count: u64) -> Vec<u8> {
        let (expected, _) = recorded();
        let mut file = [&MAGIC[..], &VERSION.to_le_bytes(), &Magic::REGTEST.to_bytes()].concat();
        file.extend(expected.block.to_byte_array());
        file.extend(count.to_le_bytes());
        for (txid, outputs) in groups {
            file.extend(txid);
            file.push(u8::try_from(outputs.len()).unwrap());
            for (place, amount, script) in *outputs {
                file.push(0xfd);
                file.extend(place.to_le_bytes());
                // Height 1, no coinbase.
                file.extend([2, *amount]);
                file.extend(*script);
            }
        }
        file
    }

    #[test]
    fn outputs_are_hashed_in_their_own_order_and_stand_there_once() {
        let (expected, _) = recorded();
        // A bare script of one byte; the database has place 16,512 before 16,511.
        let script: &[u8] = &[7, 0x51];
        let set_of = |outputs: &[(u16, u8, &[u8])]| match sums(&written(&[([1; 32], outputs)], 2), &expected)
        {
            Err(UtxoError::WrongSet { got, .. }) => hex::array(&got).unwrap(),
            other => panic!("{other:?}"),
        };
        let set = set_of(&[(16_512, 1, script), (16_511, 2, script)]);
        assert_eq!(set_of(&[(16_511, 2, script), (16_512, 1, script)]), set);
        let file = written(&[([1; 32], &[(16_512, 1, script), (16_511, 2, script)])], 2);
        let found = sum_unspent(&*file, &UtxoBlock { set, ..expected }, [&[0x51][..]], |_, _| ()).unwrap();
        assert_eq!(found, [(vec![0x51], 11)].into());
        let refused = |groups: &[Group<'_>], count, why: &str| {
            let error = sums(&written(groups, count), &expected).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        };
        let one: &[(u16, u8, &[u8])] = &[(0, 1, script)];
        refused(&[([1; 32], &[(5, 1, script), (5, 1, script)])], 2, "an output twice");
        refused(&[([1; 32], one), ([1; 32], one)], 2, "out of order");
        refused(&[([2; 32], one), ([1; 32], one)], 2, "out of order");
        refused(&[([1; 32], &[])], 1, "an impossible number");
        refused(&[([1; 32], &[(0, 1, script), (1, 1, script)])], 1, "an impossible number");
        refused(&[([1; 32], one)], u64::MAX, "fill whole buffer");
        refused(&[([1; 32], &[(0, 1, &[0x80, 0xff, 0x7f])])], 1, "nobody can spend");
        // No point of the curve has this coordinate.
        let no_key = [&[4][..], &[0xff; 32]].concat();
        refused(&[([1; 32], &[(0, 1, &no_key)])], 1, "no public key");
    }

    #[test]
    fn amounts_are_those_of_nodes() {
        // Bitcoin Core, src/test/compress_tests.cpp.
        const COIN: u64 = 100_000_000;
        for (compressed, amount) in
            [(0, 0), (1, 1), (7, COIN / 100), (9, COIN), (0x32, 50 * COIN), (0x0140_6f40, 21_000_000 * COIN)]
        {
            assert_eq!(decompress_amount(compressed), Some(amount));
        }
        assert_eq!(decompress_amount(u64::MAX), None);
    }
}
