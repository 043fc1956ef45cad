use crate::Scheme;

/// Why control of an address is *not* shown. None of these is a pass.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OwnershipError {
    /// The evidence may be good in itself but isn't tied to the listed address.
    #[error("not bound to the address: {0}")]
    Unbound(Unbound),
    /// The evidence is tied to the address, or would be, and is wrong.
    #[error("wrong evidence: {0}")]
    Invalid(Invalid),
    /// A field can't be read.
    #[error("unreadable {field}: {why}")]
    Undecodable {
        /// Which field.
        field: Field,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Nothing here can judge it.
    #[error("not supported: {what}")]
    Unsupported {
        /// What isn't.
        what: &'static str,
    },
}

impl OwnershipError {
    /// The verdict in one word, for reports.
    pub const fn verdict(&self) -> &'static str {
        match self {
            Self::Unbound(_) => "unbound",
            Self::Invalid(_) => "invalid",
            Self::Undecodable { .. } => "undecodable",
            Self::Unsupported { .. } => "unsupported",
        }
    }
}

/// Why evidence isn't tied to the listed address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unbound {
    /// The key that signed, or is shown, makes another address; so does a good key when another message was signed and
    /// the key is recovered.
    #[error("the key belongs to {signer}")]
    OtherAddress {
        /// The address of the key, or the key in hex where it has none.
        signer: String,
    },
    /// The script doesn't hash to the address.
    #[error("the script doesn't hash to the address")]
    OtherScript,
    /// A script is needed and not shown.
    #[error("the address is a script's hash and no script is shown")]
    NoScript,
    /// A public key is needed and not shown.
    #[error("the address is a key's hash and no public key is shown")]
    NoKey,
    /// A signature is by a key that isn't in the script.
    #[error("the script doesn't have the key {key}")]
    NotInScript {
        /// The key, hex.
        key: String,
    },
    /// A signature is by somebody who isn't an owner of the contract.
    #[error("{signer} is no owner of the contract")]
    NotAnOwner {
        /// The signer's address.
        signer: String,
    },
    /// Only the chain's state ties a key to this address.
    #[error("only chain evidence can tie a key to the address: {what}")]
    NeedsFact {
        /// The fact that is needed.
        what: &'static str,
    },
    /// The transaction has no coin of the address.
    #[error("the transaction has no coin of the address")]
    NoCoin,
}

/// What is wrong with evidence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// There is no signature.
    #[error("there is no signature")]
    Missing,
    /// A signature doesn't verify over the message.
    #[error("the signature doesn't verify over the message")]
    Signature,
    /// Fewer distinct keys signed than must.
    #[error("{found} distinct keys signed, {required} must")]
    Threshold {
        /// How many must.
        required: u32,
        /// How many did.
        found: u32,
    },
    /// A signature is given where none is expected.
    #[error("there are more signatures than the address takes")]
    TooMany,
    /// A signature has the high form of `s`, which its standard forbids.
    #[error("the signature has a high s")]
    HighS,
    /// The header byte is that of another kind of address.
    #[error("the signature's header byte {header} is that of another kind of address")]
    Header {
        /// The byte.
        header: u8,
    },
    /// A signature doesn't commit to all inputs and outputs.
    #[error("a signature doesn't commit to the whole transaction")]
    HashType,
    /// The transaction, witness or signed structure breaks a rule of its standard.
    #[error("{0}")]
    Rule(&'static str),
    /// The signed structure is for another message.
    #[error("the signed structure carries another message")]
    OtherMessage,
    /// The signed structure names another address.
    #[error("the signed structure names another address")]
    OtherAddress,
    /// The evidence isn't of the scheme that the claim names.
    #[error("the evidence isn't of the scheme {0}")]
    OtherScheme(Scheme),
    /// The contract refused the signature.
    #[error("the contract refused the signature")]
    Refused,
}

/// A field of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The listed address.
    Address,
    /// The message.
    Message,
    /// A signature.
    Signature,
    /// The public key.
    PublicKey,
    /// The script.
    Script,
    /// The typed data.
    TypedData,
    /// A fact.
    Fact,
}

impl core::fmt::Display for Field {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Address => "address",
            Self::Message => "message",
            Self::Signature => "signature",
            Self::PublicKey => "public key",
            Self::Script => "script",
            Self::TypedData => "typed data",
            Self::Fact => "fact",
        })
    }
}

impl From<Unbound> for OwnershipError {
    fn from(why: Unbound) -> Self {
        Self::Unbound(why)
    }
}

impl From<Invalid> for OwnershipError {
    fn from(why: Invalid) -> Self {
        Self::Invalid(why)
    }
}

/// `Err` of an unreadable field.
pub(crate) fn undecodable<T>(field: Field, why: &'static str) -> Result<T, OwnershipError> {
    Err(OwnershipError::Undecodable { field, why })
}

/// `Err` of something that nothing here can judge.
pub(crate) fn unsupported<T>(what: &'static str) -> Result<T, OwnershipError> {
    Err(OwnershipError::Unsupported { what })
}
