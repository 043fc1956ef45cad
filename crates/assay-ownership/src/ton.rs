//! TON: the address is the hash of a wallet's code and first data, which hold the key.

use crate::ed25519::{self, Form};
use crate::error::undecodable;
use crate::{Assumption, Binding, Claim, Control, Field, OwnershipError, Threshold, Unbound, hash, text};

pub(crate) fn verify(claim: &Claim<'_>) -> Result<Control, OwnershipError> {
    let (workchain, address) = decode(claim.address)?;
    let key = ed25519::public_key(claim)?.ok_or(Unbound::NoKey)?;
    let signature = ed25519::signature(claim)?;
    let Some(wallet) = WALLETS.iter().find(|wallet| wallet.is_at(workchain, &address, &key)) else {
        return Err(Unbound::OtherAddress {
            signer: format!("the key {} in any known wallet", text::to_hex(&key)),
        }
        .into());
    };
    let scheme = ed25519::verify(claim, &key, &signature, Form::common(claim.message))?;
    Ok(Control {
        scheme,
        message: claim.message.to_vec(),
        binding: Binding::WalletState,
        threshold: Some(Threshold::SINGLE),
        keys: vec![key.to_vec()],
        recovered: false,
        coins: Vec::new(),
        assumed: if wallet.extensible { vec![Assumption::AccountAuthority] } else { Vec::new() },
    })
}

/// A wallet contract: the representation hash and depth of its code, and the layout of its data.
struct Wallet {
    code: [u8; 32],
    depth: u16,
    layout: Layout,
    /// Whether other contracts can be given power over it on chain.
    extensible: bool,
}

#[derive(Clone, Copy)]
enum Layout {
    /// Sequence number, wallet id, key.
    V3,
    /// The same and an empty dictionary of plugins.
    V4,
    /// A flag that signatures are allowed, then as version 4 with another wallet id.
    V5,
}

const WALLETS: [Wallet; 4] = [
    Wallet {
        code: text::hex_const("84dafa449f98a6987789ba232358072bc0f76dc4524002a5d0918b9a75d2d599"),
        depth: 0,
        layout: Layout::V3,
        extensible: false,
    },
    Wallet {
        code: text::hex_const("b61041a58a7980b946e8fb9e198e3c904d24799ffa36574ea4251c41a566f581"),
        depth: 0,
        layout: Layout::V3,
        extensible: false,
    },
    Wallet {
        code: text::hex_const("feb5ff6820e2ff0d9483e7e0d62c817d846789fb4ae580c878866d959dabd5c0"),
        depth: 7,
        layout: Layout::V4,
        extensible: true,
    },
    Wallet {
        code: text::hex_const("20834b7b72b112147e1b2fb457b84e74d1a30f04f737d4f62a668e9552d2b72f"),
        depth: 6,
        layout: Layout::V5,
        extensible: true,
    },
];

impl Wallet {
    /// Whether the address is that of the wallet with `key` and one of the usual numbers. Any number would do: the key
    /// controls them all.
    fn is_at(&self, workchain: i8, address: &[u8; 32], key: &[u8; 32]) -> bool {
        let plain = 698_983_191_u32.wrapping_add_signed(i32::from(workchain));
        // Version 5 folds the network -239 with a flag, the workchain, version 0 and number 0.
        let [byte] = workchain.to_be_bytes();
        let folded = (-239_i32).cast_unsigned() ^ (1 << 31 | u32::from(byte) << 23);
        [plain, folded].iter().any(|id| self.address(*id, key) == *address)
    }

    /// Hash of the cell of the wallet's `StateInit`: no depth, not special, code, data, no library.
    fn address(&self, id: u32, key: &[u8; 32]) -> [u8; 32] {
        let data = self.data(id, key);
        let depths = [self.depth.to_be_bytes(), 0_u16.to_be_bytes()].concat();
        hash::sha256(&[&[2, 1, 0b0011_0100][..], &depths, &self.code, &data].concat())
    }

    /// Hash of the cell of the first data. Bits after the last full byte end in a one and zeros.
    fn data(&self, id: u32, key: &[u8; 32]) -> [u8; 32] {
        let id = id.to_be_bytes();
        match self.layout {
            Layout::V3 => hash::sha256(&[&[0, 80, 0, 0, 0, 0][..], &id, key].concat()),
            Layout::V4 => hash::sha256(&[&[0, 81, 0, 0, 0, 0][..], &id, key, &[0x40]].concat()),
            Layout::V5 => {
                // Everything moves down one bit, behind the flag; the dictionary's bit and the end mark follow.
                let mut carried = 0x80;
                let mut shifted: Vec<u8> = [&[0; 4][..], &id, key, &[0]]
                    .concat()
                    .iter()
                    .map(|byte| {
                        let out = carried | byte >> 1;
                        carried = byte << 7;
                        out
                    })
                    .collect();
                if let Some(last) = shifted.last_mut() {
                    *last |= 0x20;
                }
                hash::sha256(&[&[0, 81][..], &shifted].concat())
            }
        }
    }
}

/// Workchain and account.
pub(crate) fn account(address: &str) -> Result<Vec<u8>, OwnershipError> {
    let (workchain, account) = decode(address)?;
    Ok([&workchain.to_be_bytes()[..], &account].concat())
}

/// Workchain and account of `workchain:hex` or of the form with flags and a checksum in base64.
fn decode(address: &str) -> Result<(i8, [u8; 32]), OwnershipError> {
    if let Some((workchain, digits)) = address.split_once(':') {
        let workchain = match workchain {
            "0" => 0,
            "-1" => -1,
            _ => return undecodable(Field::Address, "an unknown workchain"),
        };
        if digits.len() != 64 {
            return undecodable(Field::Address, "not 64 hex digits");
        }
        return Ok((workchain, text::hex_array(digits, Field::Address)?));
    }
    let bytes = text::base64_any(address, Field::Address)?;
    let Ok([tag, workchain, rest @ ..]) = <[u8; 36]>::try_from(bytes) else {
        return undecodable(Field::Address, "not 36 bytes");
    };
    let Some((account, checksum)) = rest.split_first_chunk::<32>() else {
        return undecodable(Field::Address, "not 36 bytes");
    };
    if hash::crc16(&[&[tag, workchain][..], account].concat()).to_be_bytes() != *checksum {
        return undecodable(Field::Address, "a wrong checksum");
    }
    // Bounceable or not; the flag for test networks is refused.
    if !matches!(tag, 0x11 | 0x51) {
        return undecodable(Field::Address, "an address of a test network or of an unknown kind");
    }
    match workchain {
        0 => Ok((0, *account)),
        0xff => Ok((-1, *account)),
        _ => undecodable(Field::Address, "an unknown workchain"),
    }
}
