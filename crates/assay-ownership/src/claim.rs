use core::fmt;

use crate::error::undecodable;
use crate::{AccountClass, Field, Invalid, OwnershipError};

/// Bytes that a message, a signature, a script or typed data of a claim can have.
pub const MAX_FIELD_BYTES: usize = 1 << 20;

/// Signatures that one claim can carry.
pub const MAX_SIGNATURES: usize = 32;

/// Bytes of a listed address.
pub const MAX_ADDRESS_BYTES: usize = 256;

/// One row of a list of reserve addresses with what is to show who controls it. All of it is written by the claimant.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The network of the address. A caller takes it from its own list of coins, not from the address.
    pub network: Network<'a>,
    /// The listed address, as text.
    pub address: &'a str,
    /// The message that is said to be signed, without the envelope of any standard.
    pub message: &'a [u8],
    /// Signatures and what belongs to them.
    pub evidence: Evidence<'a>,
    /// What the caller knows of the chain's state, from proofs that it has checked itself.
    pub facts: &'a [Fact<'a>],
}

/// Signatures and what belongs to them, as they stand in a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Evidence<'a> {
    /// The scheme, where the file names one; else every scheme of the network is tried.
    pub scheme: Option<Scheme>,
    /// One signature, or several of a multisignature address, each in the encoding of its scheme.
    pub signatures: &'a [&'a str],
    /// The public key, for schemes that don't recover one.
    pub public_key: Option<&'a str>,
    /// Redeem or witness script, hex. On Starknet what the address is made of: class hash, salt, deployer and the
    /// constructor's arguments, in hex, with `:` between them.
    pub script: Option<&'a str>,
    /// The EIP-712 or SNIP-12 typed data that was signed, JSON.
    pub typed_data: Option<&'a str>,
}

/// A network, and with it how its addresses are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Network<'a> {
    /// Bitcoin's main network.
    Bitcoin,
    /// Bitcoin's public test networks and signets.
    BitcoinTestnet,
    /// A private Bitcoin network.
    BitcoinRegtest,
    /// Litecoin.
    Litecoin,
    /// Dogecoin.
    Dogecoin,
    /// Bitcoin Cash; cash addresses and legacy ones.
    BitcoinCash,
    /// eCash; cash addresses and legacy ones.
    ECash,
    /// Bitcoin SV.
    BitcoinSv,
    /// Bitcoin Gold.
    BitcoinGold,
    /// Dash.
    Dash,
    /// DigiByte.
    DigiByte,
    /// Qtum.
    Qtum,
    /// Ravencoin.
    Ravencoin,
    /// Zcash, transparent addresses.
    Zcash,
    /// A network with the Ethereum virtual machine.
    Evm {
        /// Its chain id (EIP-155); contracts' signatures depend on it.
        chain_id: u64,
    },
    /// Validators of the Ethereum beacon chain; the address is the validator's public key.
    Beacon,
    /// Tron.
    Tron,
    /// Solana.
    Solana,
    /// Aptos.
    Aptos,
    /// Sui.
    Sui,
    /// The Open Network.
    Ton,
    /// A Substrate network.
    Substrate {
        /// Its SS58 prefix: 0 Polkadot, 2 Kusama, 42 any.
        prefix: u16,
    },
    /// Stellar, `G...` accounts.
    Stellar,
    /// Algorand.
    Algorand,
    /// Cardano's main network.
    Cardano,
    /// Cardano's test networks.
    CardanoTestnet,
    /// NEAR.
    Near,
    /// Filecoin's main network.
    Filecoin,
    /// Filecoin's test networks.
    FilecoinTestnet,
    /// A Cosmos network.
    Cosmos {
        /// The human-readable part of its addresses, such as `cosmos`.
        prefix: &'a str,
        /// How an address is made of a key there.
        key: CosmosKey,
    },
    /// EOS and its siblings.
    Eos,
    /// Starknet.
    Starknet {
        /// Classes of accounts that the verifier knows beside the public ones, for addresses that show their key. Facts
        /// count for claims with the same classes.
        classes: &'a [AccountClass],
    },
    /// The XRP Ledger; [`Unsupported`](crate::OwnershipError::Unsupported) in this version.
    Xrp,
}

/// How an address of a Cosmos network is made of a secp256k1 key. Coins at the other kind's address are lost, so the
/// kind must be that of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CosmosKey {
    /// `ripemd160(sha256(compressed key))`, the usual one.
    Secp256k1,
    /// The last 20 bytes of `keccak256(key)`, on networks with Ethereum accounts.
    EthSecp256k1,
}

/// A way to sign a message, by the standard that defines it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// Bitcoin's signed message with the coin's own prefix, compact recoverable signature, header byte 27 to 34.
    BitcoinMessage,
    /// The same with the kind of address in the header byte, 35 to 42.
    Bip137,
    /// BIP-322 simple: the witness alone.
    Bip322Simple,
    /// BIP-322 full: the virtual transaction.
    Bip322Full,
    /// BIP-322 proof of funds: the virtual transaction with coins as further inputs, as a finalized PSBT.
    Bip322Funds,
    /// BIP-127: an unspendable transaction over real coins, as a finalized PSBT.
    Bip127,
    /// EIP-191 `personal_sign` of the message.
    Eip191,
    /// EIP-191 of the 32 bytes of the message's Keccak-256.
    Eip191Keccak,
    /// EIP-191 of the 64 or, with `0x`, 66 hex digits of the message's Keccak-256.
    Eip191KeccakHex,
    /// EIP-712 typed data.
    Eip712,
    /// EIP-1271: the contract's own answer at a block.
    Eip1271,
    /// EIP-712 message of a Safe, signed by its owners, around the EIP-191 hash of the message.
    SafeMessage,
    /// The header `OKX Signed Message:\n` and the message, each with its length in front: raw for Ed25519, hashed with
    /// Keccak-256 for secp256k1.
    Envelope,
    /// Tron's first message format, a fixed length of 32 in the prefix, over the message's Keccak-256.
    TronV1,
    /// The same prefix before the message itself, whatever its length.
    TronV1Raw,
    /// TIP-191.
    Tip191,
    /// The message's bytes as they are. Nothing keeps apart messages and transactions, which are signed as they are too,
    /// or by their hash; so the message must be readable text, here and in the other schemes without a prefix.
    Raw,
    /// Solana's off-chain message format, version 0.
    SolanaOffchain,
    /// Sui's personal message intent.
    SuiPersonal,
    /// The message between `<Bytes>` and `</Bytes>`, as Substrate wallets wrap it.
    SubstrateBytes,
    /// SEP-53.
    Sep53,
    /// Algorand's `MX` prefix.
    AlgorandBytes,
    /// CIP-8: a COSE_Sign1 that may name the address.
    Cip8,
    /// Blake2b-256 of the message, as Filecoin's node signs.
    FilecoinRaw,
    /// FRC-102: Filecoin's signed message prefix.
    Frc102,
    /// ADR-36.
    Adr36,
    /// The 32-byte EIP-191 hash of the message's Keccak-256, signed with BLS.
    BlsEip191Keccak,
    /// SHA-256 of the message, as EOS wallets sign arbitrary text.
    EosSha256,
    /// SNIP-12 typed data, revision 0 or 1; where none is shown, [`snip12_document`](crate::snip12_document) of the message.
    Snip12,
    /// SNIP-12 of revision 0 with the message as the one felt `contents`, in the domain `OKX POR MESSAGE`.
    Snip12Contents,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Self; 30] = [
        Self::BitcoinMessage,
        Self::Bip137,
        Self::Bip322Simple,
        Self::Bip322Full,
        Self::Bip322Funds,
        Self::Bip127,
        Self::Eip191,
        Self::Eip191Keccak,
        Self::Eip191KeccakHex,
        Self::Eip712,
        Self::Eip1271,
        Self::SafeMessage,
        Self::Envelope,
        Self::TronV1,
        Self::TronV1Raw,
        Self::Tip191,
        Self::Raw,
        Self::SolanaOffchain,
        Self::SuiPersonal,
        Self::SubstrateBytes,
        Self::Sep53,
        Self::AlgorandBytes,
        Self::Cip8,
        Self::FilecoinRaw,
        Self::Frc102,
        Self::Adr36,
        Self::BlsEip191Keccak,
        Self::EosSha256,
        Self::Snip12,
        Self::Snip12Contents,
    ];

    /// A short name for reports and files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BitcoinMessage => "bitcoin-message",
            Self::Bip137 => "bip137",
            Self::Bip322Simple => "bip322-simple",
            Self::Bip322Full => "bip322-full",
            Self::Bip322Funds => "bip322-proof-of-funds",
            Self::Bip127 => "bip127",
            Self::Eip191 => "eip191",
            Self::Eip191Keccak => "eip191-keccak",
            Self::Eip191KeccakHex => "eip191-keccak-hex",
            Self::Eip712 => "eip712",
            Self::Eip1271 => "eip1271",
            Self::SafeMessage => "safe-message",
            Self::Envelope => "envelope",
            Self::TronV1 => "tron-v1",
            Self::TronV1Raw => "tron-v1-raw",
            Self::Tip191 => "tip191",
            Self::Raw => "raw",
            Self::SolanaOffchain => "solana-offchain",
            Self::SuiPersonal => "sui-personal",
            Self::SubstrateBytes => "substrate-bytes",
            Self::Sep53 => "sep53",
            Self::AlgorandBytes => "algorand-bytes",
            Self::Cip8 => "cip8",
            Self::FilecoinRaw => "filecoin-raw",
            Self::Frc102 => "frc102",
            Self::Adr36 => "adr36",
            Self::BlsEip191Keccak => "bls-eip191-keccak",
            Self::EosSha256 => "eos-sha256",
            Self::Snip12 => "snip12",
            Self::Snip12Contents => "snip12-contents",
        }
    }

    /// The scheme called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.name() == name)
    }

    /// Whether a transaction of the network is signed in the same way, so that only readable messages count.
    const fn is_bare(self) -> bool {
        matches!(self, Self::Raw | Self::FilecoinRaw | Self::EosSha256)
    }

    /// Whether the scheme satisfies the address's whole spending condition as its network would check it: the script of
    /// an output by a transaction in form, or a contract by its own rules. Others show keys only.
    pub const fn satisfies_condition(self) -> bool {
        matches!(
            self,
            Self::Bip322Simple
                | Self::Bip322Full
                | Self::Bip322Funds
                | Self::Bip127
                | Self::Eip1271
                | Self::SafeMessage
        )
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A statement about an account's state on chain that the *caller* has checked, by a storage proof or its own node.
/// This crate takes it as true: never fill it from the claimant's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact<'a> {
    /// The network of the account. Equal addresses on two networks are two accounts.
    pub network: Network<'a>,
    /// The account that the fact speaks of, as [`account`](crate::account) gives it.
    pub account: &'a [u8],
    /// The block at which it holds.
    pub height: u64,
    /// What holds.
    pub proved: Proved<'a>,
}

/// What a [`Fact`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proved<'a> {
    /// The account has no code (EVM).
    NoCode,
    /// The account has code (EVM), so that more than a key's signature may decide about its coins.
    Code,
    /// A call of `isValidSignature(hash, _)` returned this (EIP-1271).
    SignatureAnswer {
        /// The hash that the contract was asked about.
        hash: [u8; 32],
        /// What it returned.
        returned: &'a [u8],
    },
    /// The account is a Safe with these owners, see [`safe`](crate::safe).
    SafeOwners {
        /// How many owners must sign.
        threshold: u64,
        /// All owners.
        owners: &'a [[u8; 20]],
    },
    /// The account's authentication key (Aptos), which differs from the address after a rotation.
    AuthenticationKey([u8; 32]),
    /// A public key with full authority over the account (NEAR named accounts, EOS, Starknet).
    PublicKey(&'a [u8]),
    /// A validator's withdrawal credentials (beacon chain).
    WithdrawalCredentials([u8; 32]),
}

impl<'a> Claim<'a> {
    /// Whether `scheme` may be tried.
    pub(crate) fn wants(&self, scheme: Scheme) -> bool {
        self.evidence.scheme.is_none_or(|wanted| wanted == scheme) && (!scheme.is_bare() || self.is_text())
    }

    /// The error of evidence that isn't of the scheme that the claim names.
    pub(crate) fn other_scheme(&self) -> OwnershipError {
        self.evidence.scheme.map_or(Invalid::Signature, Invalid::OtherScheme).into()
    }

    /// The signatures, at least one.
    pub(crate) fn signatures(&self) -> Result<&'a [&'a str], OwnershipError> {
        match self.evidence.signatures {
            [] => Err(Invalid::Missing.into()),
            signatures => Ok(signatures),
        }
    }

    /// The signature of an address that takes only one.
    pub(crate) fn single(&self) -> Result<&'a str, OwnershipError> {
        match self.signatures()? {
            [signature] => Ok(signature),
            _ => Err(Invalid::TooMany.into()),
        }
    }

    /// The first fact about `account` from which `pick` takes something.
    pub(crate) fn fact<T>(&self, account: &[u8], pick: impl Fn(&Fact<'a>) -> Option<T>) -> Option<T> {
        self.facts_of(account).find_map(pick)
    }

    /// The facts about `account` of the claim's network.
    pub(crate) fn facts_of(&self, account: &[u8]) -> impl Iterator<Item = &'a Fact<'a>> {
        self.facts.iter().filter(move |fact| fact.network == self.network && fact.account == account)
    }

    /// Whether the message is readable text: UTF-8 without control characters but line breaks and tabs, and not empty.
    ///
    /// A scheme that signs a message without anything around it signs transactions in the same way, and everybody's
    /// transactions are public. What people read aloud is none of these: they are binary, or hashes.
    pub(crate) fn is_text(&self) -> bool {
        let readable = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
        core::str::from_utf8(self.message).is_ok_and(|text| !text.is_empty() && text.chars().all(readable))
    }

    /// Refuses fields that are larger than anything real.
    pub(crate) fn check_sizes(&self) -> Result<(), OwnershipError> {
        let evidence = &self.evidence;
        if self.address.len() > MAX_ADDRESS_BYTES {
            return undecodable(Field::Address, "too long");
        }
        if self.message.len() > MAX_FIELD_BYTES {
            return undecodable(Field::Message, "too long");
        }
        if evidence.signatures.len() > MAX_SIGNATURES {
            return Err(Invalid::TooMany.into());
        }
        let sizes = [
            (Field::Signature, evidence.signatures.iter().map(|text| text.len()).max()),
            (Field::PublicKey, evidence.public_key.map(str::len)),
            (Field::Script, evidence.script.map(str::len)),
            (Field::TypedData, evidence.typed_data.map(str::len)),
        ];
        match sizes.into_iter().find(|(_, size)| size.is_some_and(|size| size > 2 * MAX_FIELD_BYTES)) {
            Some((field, _)) => undecodable(field, "too long"),
            None => Ok(()),
        }
    }
}
