use bech32::Fe32;
use bech32::segwit;
use bitcoin::ScriptBuf;

use crate::error::{undecodable, unsupported};
use crate::{Field, Network, OwnershipError, text};

/// What a coin of the family does differently from its siblings.
pub(crate) struct Coin {
    /// Header of its signed messages.
    pub(crate) header: &'static [u8],
    /// Version bytes of addresses with a key's hash.
    key_hash: &'static [u8],
    /// Version bytes of addresses with a script's hash.
    script_hash: &'static [&'static [u8]],
    /// Human-readable part of segwit addresses. Without it the coin has no segwit, and nested segwit scripts are not
    /// spendable by their keys either.
    segwit: Option<&'static str>,
    /// Prefix of cash addresses.
    cash: Option<&'static str>,
    /// Whether BIP-322 and BIP-127 apply, which take Bitcoin's signature hashes.
    pub(crate) transactions: bool,
}

/// A coin with Bitcoin's layout, without segwit.
const PLAIN: Coin = Coin {
    header: b"Bitcoin Signed Message:\n",
    key_hash: &[0x00],
    script_hash: &[&[0x05]],
    segwit: None,
    cash: None,
    transactions: false,
};

impl Coin {
    /// The coin of a network, `None` where it isn't of this family.
    pub(crate) const fn of(network: Network<'_>) -> Option<Self> {
        Some(match network {
            Network::Bitcoin => Self { segwit: Some("bc"), transactions: true, ..PLAIN },
            Network::BitcoinTestnet => Self {
                key_hash: &[0x6f],
                script_hash: &[&[0xc4]],
                segwit: Some("tb"),
                transactions: true,
                ..PLAIN
            },
            Network::BitcoinRegtest => Self {
                key_hash: &[0x6f],
                script_hash: &[&[0xc4]],
                segwit: Some("bcrt"),
                transactions: true,
                ..PLAIN
            },
            Network::Litecoin => Self {
                header: b"Litecoin Signed Message:\n",
                key_hash: &[0x30],
                script_hash: &[&[0x32], &[0x05]],
                segwit: Some("ltc"),
                transactions: true,
                ..PLAIN
            },
            Network::Dogecoin => Self {
                header: b"Dogecoin Signed Message:\n",
                key_hash: &[0x1e],
                script_hash: &[&[0x16]],
                ..PLAIN
            },
            Network::BitcoinCash => Self { cash: Some("bitcoincash"), ..PLAIN },
            Network::ECash => Self { header: b"eCash Signed Message:\n", cash: Some("ecash"), ..PLAIN },
            Network::BitcoinSv => PLAIN,
            Network::BitcoinGold => Self {
                header: b"Bitcoin Gold Signed Message:\n",
                key_hash: &[0x26],
                script_hash: &[&[0x17]],
                segwit: Some("btg"),
                ..PLAIN
            },
            Network::Dash => Self {
                header: b"DarkCoin Signed Message:\n",
                key_hash: &[0x4c],
                script_hash: &[&[0x10]],
                ..PLAIN
            },
            Network::DigiByte => Self {
                header: b"DigiByte Signed Message:\n",
                key_hash: &[0x1e],
                script_hash: &[&[0x3f], &[0x05]],
                segwit: Some("dgb"),
                ..PLAIN
            },
            Network::Qtum => Self {
                header: b"Qtum Signed Message:\n",
                key_hash: &[0x3a],
                script_hash: &[&[0x32]],
                segwit: Some("qc"),
                ..PLAIN
            },
            Network::Ravencoin => Self {
                header: b"Raven Signed Message:\n",
                key_hash: &[0x3c],
                script_hash: &[&[0x7a]],
                ..PLAIN
            },
            Network::Zcash => Self {
                header: b"Zcash Signed Message:\n",
                key_hash: &[0x1c, 0xb8],
                script_hash: &[&[0x1c, 0xbd]],
                ..PLAIN
            },
            _ => return None,
        })
    }

    /// Whether the coin has segwit outputs.
    pub(crate) const fn has_segwit(&self) -> bool {
        self.segwit.is_some()
    }

    /// What an address of the coin locks its outputs to.
    pub(crate) fn decode(&self, address: &str) -> Result<Lock, OwnershipError> {
        if let Some(prefix) = self.cash {
            let lower = address.to_ascii_lowercase();
            let (named, payload) = match lower.split_once(':') {
                Some((named, payload)) => (Some(named), payload),
                None => (None, lower.as_str()),
            };
            let one_case = lower == address || address.to_ascii_uppercase() == address;
            // A legacy address without a colon is mixed case but for odd chances; base58 is tried where this fails.
            if named.is_some() || one_case {
                if named.is_some_and(|named| named != prefix) {
                    return undecodable(Field::Address, "a cash address of another network");
                }
                if !one_case {
                    return undecodable(Field::Address, "a cash address in mixed case");
                }
                return cash_address(prefix, payload);
            }
        }
        if let Some(prefix) = self.segwit
            && address
                .get(..prefix.len() + 1)
                .is_some_and(|start| start.eq_ignore_ascii_case(&format!("{prefix}1")))
        {
            return segwit_address(prefix, address);
        }
        let bytes = text::base58_check(address, Field::Address)?;
        let versioned = |version: &[u8]| -> Option<[u8; 20]> { bytes.strip_prefix(version)?.try_into().ok() };
        if let Some(hash) = versioned(self.key_hash) {
            return Ok(Lock::KeyHash(hash));
        }
        match self.script_hash.iter().find_map(|version| versioned(version)) {
            Some(hash) => Ok(Lock::ScriptHash(hash)),
            None => undecodable(Field::Address, "a version byte or length of another network"),
        }
    }
}

/// What outputs of an address ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    /// P2PKH.
    KeyHash([u8; 20]),
    /// P2SH.
    ScriptHash([u8; 20]),
    /// P2WPKH.
    WitnessKeyHash([u8; 20]),
    /// P2WSH.
    WitnessScriptHash([u8; 32]),
    /// P2TR.
    Taproot([u8; 32]),
}

impl Lock {
    /// The output script.
    pub(crate) fn script(&self) -> ScriptBuf {
        ScriptBuf::from_bytes(match self {
            Self::KeyHash(hash) => [&[0x76, 0xa9, 0x14][..], hash, &[0x88, 0xac]].concat(),
            Self::ScriptHash(hash) => [&[0xa9, 0x14][..], hash, &[0x87]].concat(),
            Self::WitnessKeyHash(hash) => [&[0x00, 0x14][..], hash].concat(),
            Self::WitnessScriptHash(hash) => [&[0x00, 0x20][..], hash].concat(),
            Self::Taproot(key) => [&[0x51, 0x20][..], key].concat(),
        })
    }

    /// The lock of an output script, `None` where it is of another kind.
    pub(crate) fn of(script: &[u8]) -> Option<Self> {
        Some(match script {
            [0x76, 0xa9, 0x14, hash @ .., 0x88, 0xac] => Self::KeyHash(hash.try_into().ok()?),
            [0xa9, 0x14, hash @ .., 0x87] => Self::ScriptHash(hash.try_into().ok()?),
            [0x00, 0x14, hash @ ..] => Self::WitnessKeyHash(hash.try_into().ok()?),
            [0x00, 0x20, hash @ ..] => Self::WitnessScriptHash(hash.try_into().ok()?),
            [0x51, 0x20, key @ ..] => Self::Taproot(key.try_into().ok()?),
            _ => return None,
        })
    }
}

fn segwit_address(prefix: &str, address: &str) -> Result<Lock, OwnershipError> {
    let Ok((found, version, program)) = segwit::decode(address) else {
        return undecodable(Field::Address, "not a segwit address with a good checksum");
    };
    if found.to_lowercase() != prefix {
        return undecodable(Field::Address, "a segwit address of another network");
    }
    let lock = match version {
        Fe32::Q => match program.len() {
            20 => program.try_into().ok().map(Lock::WitnessKeyHash),
            _ => program.try_into().ok().map(Lock::WitnessScriptHash),
        },
        Fe32::P => program.try_into().ok().map(Lock::Taproot),
        _ => None,
    };
    match lock {
        Some(lock) => Ok(lock),
        None => unsupported("segwit programs other than version 0 and taproot"),
    }
}

fn cash_address(prefix: &str, payload: &str) -> Result<Lock, OwnershipError> {
    const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    // Longer ones hold hashes of more than 160 bits, which only scripts of newer kinds have.
    if payload.len() != 42 {
        return undecodable(Field::Address, "not a cash address with a hash of 160 bits");
    }
    let mut symbols = Vec::with_capacity(payload.len());
    for byte in payload.bytes() {
        match ALPHABET.iter().position(|symbol| *symbol == byte).and_then(|place| u8::try_from(place).ok()) {
            Some(symbol) => symbols.push(symbol),
            None => return undecodable(Field::Address, "not a cash address"),
        }
    }
    let checked = prefix.bytes().map(|byte| byte & 0x1f).chain([0]).chain(symbols.iter().copied());
    if cash_checksum(checked) != 0 {
        return undecodable(Field::Address, "a cash address with a wrong checksum");
    }
    let (mut bits, mut held, mut bytes) = (0_u32, 0_u32, Vec::with_capacity(21));
    for symbol in symbols.iter().take(34) {
        bits = bits << 5 | u32::from(*symbol);
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.extend((bits >> held).to_be_bytes().last());
            bits &= (1 << held) - 1;
        }
    }
    match (bits, bytes.split_first()) {
        (0, Some((0x00, hash))) => hash.try_into().map(Lock::KeyHash),
        (0, Some((0x08, hash))) => hash.try_into().map(Lock::ScriptHash),
        _ => return undecodable(Field::Address, "a cash address of an unknown kind"),
    }
    .or_else(|_| undecodable(Field::Address, "a cash address of the wrong length"))
}

/// The BCH code of cash addresses; 0 for a good checksum.
fn cash_checksum(symbols: impl Iterator<Item = u8>) -> u64 {
    const GENERATORS: [u64; 5] =
        [0x98_f2bc_8e61, 0x79_b76d_99e2, 0xf3_3e5f_b3c4, 0xae_2eab_e2a8, 0x1e_4f43_e470];
    let sum = symbols.fold(1_u64, |sum, symbol| {
        let top = sum >> 35;
        let shifted = (sum & 0x07_ffff_ffff) << 5 ^ u64::from(symbol);
        (0..)
            .zip(GENERATORS)
            .filter(|(bit, _)| top >> bit & 1 == 1)
            .fold(shifted, |sum, (_, with)| sum ^ with)
    });
    sum ^ 1
}
