//! Classes of accounts: what a constructor was given, and which of it is the owner's key.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use starknet_types_core::felt::{Felt, NonZeroFelt};
use starknet_types_core::hash::{Pedersen, StarkHash};

use super::{ADDRESS_BOUND, PRIME, felt, felt_bytes};
use crate::error::undecodable;
use crate::{Field, OwnershipError, text};

/// Arguments that a constructor can have here.
const MAX_CALLDATA: usize = 32;

/// A class of Starknet accounts that obey one key and nobody else, and what its constructor is given for that.
///
/// The address of an account is a hash of its class and of its constructor's arguments, so it shows the key to whoever
/// knows the class. Which classes these are is the verifier's word, never the claimant's: anybody can declare a class that
/// takes a key and obeys another. All arguments are fixed but the key, because the others (a guardian, the kind of
/// the key, the code behind a proxy) can put somebody beside it or in its place. A class also doesn't belong here if its
/// constructor looks at more than its arguments, such as its caller or the transaction.
///
/// In files: `{ class_hash = "0x...", calldata = ["key", "0x0"] }`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "ClassText", into = "ClassText")]
pub struct AccountClass {
    class_hash: [u8; 32],
    calldata: Cow<'static, [Calldata]>,
}

/// One argument of a constructor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Calldata {
    /// The owner's key.
    Key,
    /// This, big-endian.
    Value([u8; 32]),
}

/// Why there is no such class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountClassError {
    /// The hash of the class or an argument isn't `0x` and a field element in hex.
    #[error("a class hash or argument isn't `key` or 0x and a field element")]
    Felt,
    /// No argument is the key, so the address says nothing about it.
    #[error("no argument is the key")]
    NoKey,
    /// More than 32 arguments.
    #[error("more than {MAX_CALLDATA} arguments")]
    Long,
}

impl AccountClass {
    /// The class with this hash, whose constructor takes exactly `calldata`.
    pub fn new(class_hash: [u8; 32], calldata: Vec<Calldata>) -> Result<Self, AccountClassError> {
        let fits = |argument: &Calldata| match argument {
            Calldata::Key => true,
            Calldata::Value(value) => *value < PRIME,
        };
        if class_hash >= PRIME || !calldata.iter().all(fits) {
            return Err(AccountClassError::Felt);
        }
        if calldata.len() > MAX_CALLDATA {
            return Err(AccountClassError::Long);
        }
        if !calldata.contains(&Calldata::Key) {
            return Err(AccountClassError::NoKey);
        }
        Ok(Self { class_hash, calldata: Cow::Owned(calldata) })
    }

    /// The key of an account that was made so, if it is of this class and has no other arguments than this class's.
    pub(super) fn key(&self, deployment: &Deployment) -> Option<Felt> {
        let at = self.calldata.iter().position(|argument| *argument == Calldata::Key)?;
        let key = deployment.calldata.get(at)?;
        let own = self.deployment(key);
        (deployment.class_hash == own.class_hash && deployment.calldata == own.calldata).then_some(*key)
    }

    /// The account of `key` as wallets deploy it.
    pub(super) fn deployment(&self, key: &Felt) -> Deployment {
        let argument = |argument: &Calldata| match argument {
            Calldata::Key => *key,
            Calldata::Value(value) => Felt::from_bytes_be(value),
        };
        Deployment {
            class_hash: Felt::from_bytes_be(&self.class_hash),
            salt: *key,
            deployer: Felt::ZERO,
            calldata: self.calldata.iter().map(argument).collect(),
        }
    }
}

/// What an address is made of.
pub(super) struct Deployment {
    class_hash: Felt,
    salt: Felt,
    deployer: Felt,
    calldata: Vec<Felt>,
}

impl Deployment {
    /// `class hash:salt:deployer:arguments`, field elements in hex with `:` between them.
    pub(super) fn read(script: &str) -> Result<Self, OwnershipError> {
        let parts: Vec<&str> = script.splitn(MAX_CALLDATA + 3, ':').collect();
        let [class_hash, salt, deployer, calldata @ ..] = parts.as_slice() else {
            return undecodable(Field::Script, "not class hash, salt, deployer and arguments");
        };
        let felt = |text: &str| felt(text, Field::Script);
        Ok(Self {
            class_hash: felt(class_hash)?,
            salt: felt(salt)?,
            deployer: felt(deployer)?,
            calldata: calldata.iter().map(|text| felt(text)).collect::<Result<_, _>>()?,
        })
    }

    /// The address, see <https://docs.starknet.io/learn/protocol/accounts>.
    pub(super) fn address(&self) -> [u8; 32] {
        let bound = NonZeroFelt::from_felt_unchecked(Felt::from_bytes_be(&ADDRESS_BOUND));
        let prefix = Felt::from_bytes_be_slice(b"STARKNET_CONTRACT_ADDRESS");
        let calldata = Pedersen::hash_array(&self.calldata);
        Pedersen::hash_array(&[prefix, self.deployer, self.salt, self.class_hash, calldata])
            .mod_floor(&bound)
            .to_bytes_be()
    }
}

/// Classes that are public and widely used, with the arguments for an owner without a guardian.
///
/// Not here: Braavos, whose constructor takes its code and other signers from the transaction.
pub(super) static KNOWN: [AccountClass; 12] = {
    const OWNER: &[Calldata] = &[Calldata::Key];
    const NO_GUARDIAN: &[Calldata] = &[Calldata::Key, number(0)];
    // The variant of the key, the key, and the variant of an option without a guardian.
    const SIGNER: &[Calldata] = &[number(0), Calldata::Key, number(1)];
    // Code, `starknet_keccak("initialize")`, the number of its arguments, and these.
    const PROXY: &[Calldata] = &[
        Calldata::Value(text::hex_const("033434ad846cdd5f23eb73ff09fe6fddd568284a0fb7d1be20ee482f044dabe2")),
        Calldata::Value(text::hex_const("0079dc0da7c54b95f10aa182ad0a46400db63156920adb65eca2654c0945a463")),
        number(2),
        Calldata::Key,
        number(0),
    ];
    [
        // OpenZeppelin's `AccountUpgradeable`: docs.openzeppelin.com/contracts-cairo/<version>/presets, the first from
        // starknet.js's guide to accounts. 0.8.1, 0.12, 0.14, 0.15, 0.17, 1.0, 2.0.
        known("061dac032f228abef9c6626f995015233097ae253a7f72d68552db02f2971b8f", OWNER),
        known("01e60c8722677cfb7dd8dbea5be86c09265db02cdfe77113e77da7d44c017388", OWNER),
        known("04343194a4a6082192502e132d9e7834b5d9bfc7a0c1dd990e95b66f85a66d46", OWNER),
        known("005b8b908d16497cd347642c1ab43015b5956e2085aa4c8bb21f0b073015a1c9", OWNER),
        known("06d4b80c0f3c3ea9e98252403a83f8a6bacf7f7362e9ac0a8824854dca31f8a8", OWNER),
        known("05b4b537eaa2399e3aa99c4e2e0208ebd6c71bc1467938cd52c798c601e43564", OWNER),
        known("079a9a12fdfa0481e8d8d46599b90226cd7247b2667358bb00636dd864002314", OWNER),
        // Argent (Ready): `deployments` and `scripts` of argentlabs/argent-contracts-starknet, and the reference of
        // Starknet Foundry's `sncast account create`. 0.2.3.1 behind its proxy, 0.3.0, 0.3.1, 0.4.0, 0.5.0.
        known("025ec026985a3bf9d0cc1fe17326b245dfdc3ff89b8fde106542a3ea56c5a918", PROXY),
        known("01a736d6ed154502257f02b1ccdf4d9d1089f80811cd6acad48e6b6a9d1f2003", NO_GUARDIAN),
        known("029927c8af6bccf3f6fda035981e765a7bdbf18a2dc0d630494f8758aa908e2b", NO_GUARDIAN),
        known("036078334509b514626504edc9fb252328d1a240e4e948bef8d0c08dff45927f", SIGNER),
        known("073414441639dcd11d1846f287650a00c60c416b9d3ba45d31c651672125b2c2", SIGNER),
    ]
};

const fn known(class_hash: &str, calldata: &'static [Calldata]) -> AccountClass {
    AccountClass { class_hash: text::hex_const(class_hash), calldata: Cow::Borrowed(calldata) }
}

const fn number(number: u8) -> Calldata {
    let mut value = [0; 32];
    value[31] = number;
    Calldata::Value(value)
}

/// A class as it stands in files.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassText {
    class_hash: String,
    calldata: Vec<String>,
}

impl TryFrom<ClassText> for AccountClass {
    type Error = AccountClassError;

    fn try_from(text: ClassText) -> Result<Self, Self::Error> {
        let value = |text: &str| {
            let digits = text.strip_prefix("0x").ok_or(AccountClassError::Felt)?;
            felt_bytes(digits, Field::Script).map_err(|_| AccountClassError::Felt)
        };
        let argument = |text: &String| match text.as_str() {
            "key" => Ok(Calldata::Key),
            text => value(text).map(Calldata::Value),
        };
        let calldata = text.calldata.iter().map(argument).collect::<Result<_, _>>()?;
        Self::new(value(&text.class_hash)?, calldata)
    }
}

impl From<AccountClass> for ClassText {
    fn from(class: AccountClass) -> Self {
        let value = |bytes: &[u8; 32]| format!("0x{}", text::to_hex(bytes));
        let argument = |argument: &Calldata| match argument {
            Calldata::Key => "key".to_owned(),
            Calldata::Value(bytes) => value(bytes),
        };
        Self { class_hash: value(&class.class_hash), calldata: class.calldata.iter().map(argument).collect() }
    }
}
