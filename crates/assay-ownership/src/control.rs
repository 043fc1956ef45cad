use core::fmt;

use crate::Scheme;

/// Shown: whoever made the signatures controls the listed address, as far as [`Control::assumed`] doesn't limit it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// The scheme of the signatures.
    pub scheme: Scheme,
    /// The message that was signed.
    pub message: Vec<u8>,
    /// What ties the signing key to the address.
    pub binding: Binding,
    /// Keys that must sign, of how many; `None` where a contract decided by itself.
    pub threshold: Option<Threshold>,
    /// The distinct keys, or for accounts known by address the signers' addresses, that signed.
    pub keys: Vec<Vec<u8>>,
    /// Whether the keys were recovered from the signatures instead of being shown.
    pub recovered: bool,
    /// Coins of the address that the signatures spend in form; see [`Assumption::CoinsExist`].
    pub coins: Vec<Coin>,
    /// Everything that must also hold, and that signatures can't show.
    pub assumed: Vec<Assumption>,
}

/// `required` distinct keys of `total` must sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Threshold {
    /// How many must.
    pub required: u32,
    /// How many could.
    pub total: u32,
}

impl Threshold {
    /// One key and no other.
    pub const SINGLE: Self = Self { required: 1, total: 1 };
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.required, self.total)
    }
}

/// What ties a key to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Binding {
    /// The address is the key.
    Key,
    /// The address is a hash of the key.
    KeyHash,
    /// The address is a hash of a script that names the keys.
    ScriptHash,
    /// The address is the output key of a taproot output, signed for by its key path.
    Taproot,
    /// The address is the hash of a wallet's code and of data with the key.
    WalletState,
    /// A fact about the chain ties them.
    Fact {
        /// The block at which it holds.
        height: u64,
    },
}

/// A coin that a proof of funds spends in form. Outpoint, script and value come from the claimant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Coin {
    /// Transaction id, in the order in which it is displayed, hex.
    pub txid: String,
    /// Index of the output.
    pub vout: u32,
    /// Its value in satoshi, as claimed.
    pub value: u64,
    /// Its script, which is that of the listed address.
    pub script: Vec<u8>,
}

/// What has to hold beside a verified signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Assumption {
    /// The account had no code that takes control away from the key at the snapshot (EVM); a
    /// [`NoCode`](crate::Proved::NoCode) fact removes it.
    NoContractCode,
    /// The account's authority is the address's own key: it was not rotated, and no other signer, permission or plugin
    /// was added on chain.
    AccountAuthority,
    /// The script was never run: signatures of enough of its keys over a message are not a spend.
    ScriptNotRun,
    /// The coins exist, are unspent at the snapshot, and have the stated values and scripts.
    CoinsExist,
    /// The signature is good only from this lock time on, and for coins of this age.
    Locked {
        /// `nLockTime` of the transaction.
        lock_time: u32,
        /// `nSequence` of its first input.
        sequence: u32,
    },
    /// The contract lets nobody else move its coins, through a module for instance, and asks as much of who moves them as
    /// of who signs.
    ContractRules,
    /// The validator's withdrawals go where the signing key says.
    WithdrawalCredentials,
    /// The validator's withdrawals go to this address, whose control is to be shown by itself.
    WithdrawsTo {
        /// The address.
        address: [u8; 20],
    },
    /// The chain's state is as the caller's fact says, and didn't change between its block and the snapshot.
    StateAt {
        /// The fact's block.
        height: u64,
    },
}

impl fmt::Display for Assumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoContractCode => f.write_str("no code at the address takes control from the key"),
            Self::AccountAuthority => {
                f.write_str("the account's authority on chain is still its own key alone")
            }
            Self::ScriptNotRun => {
                f.write_str("the script is spendable by the keys that signed; it was not run")
            }
            Self::CoinsExist => f.write_str("the coins exist unspent at the snapshot with the stated values"),
            Self::Locked { lock_time, sequence } => {
                write!(f, "spendable from lock time {lock_time} and with sequence {sequence} only")
            }
            Self::ContractRules => f.write_str("the contract's rules for its coins are those for signatures"),
            Self::WithdrawalCredentials => f.write_str("the validator's withdrawals go to the claimant"),
            Self::WithdrawsTo { address } => {
                f.write_str("the claimant controls the withdrawal address 0x")?;
                address.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::StateAt { height } => write!(f, "the account's state is as at block {height}"),
        }
    }
}
