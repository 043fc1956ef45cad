/// Why a node gave nothing that can be used. None of them is a verdict about reserves: nothing was checked. Texts name the
/// node by network and operator and have nothing of its URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{node}: {why}")]
pub struct NodeError {
    /// Which node.
    pub node: String,
    /// What is wrong.
    pub why: Trouble,
}

/// What can be wrong with a node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It can't be reached, or ends the connection.
    #[error("no connection: {0}")]
    Connection(&'static str),
    /// It didn't answer in time, as often as it was asked.
    #[error("no answer in {seconds} s, asked {attempts} times")]
    TimedOut {
        /// Seconds that one answer may take.
        seconds: u64,
        /// How often it was asked.
        attempts: u32,
    },
    /// It refuses further requests, as often as it was asked.
    #[error("it takes no more requests, asked {attempts} times")]
    RateLimited {
        /// How often it was asked.
        attempts: u32,
    },
    /// It wants other credentials.
    #[error("it refuses the credentials")]
    Unauthorized,
    /// Another HTTP status than those that JSON-RPC has.
    #[error("HTTP status {0}")]
    Status(u16),
    /// An answer with more bytes than any honest one.
    #[error("the answer has more than {limit} bytes")]
    TooLarge {
        /// Bytes that it may have.
        limit: u64,
    },
    /// An answer that isn't what was asked for.
    #[error("malformed answer to {method}: {what}")]
    Malformed {
        /// The method.
        method: &'static str,
        /// What is wrong.
        what: String,
    },
    /// An answer to another request.
    #[error("the answer to {method} is of another request")]
    OtherId {
        /// The method.
        method: &'static str,
    },
    /// It says that it can't or won't.
    #[error("{method} fails with code {code}: {message}")]
    Refused {
        /// The method.
        method: &'static str,
        /// Its code.
        code: i64,
        /// Its text, shortened.
        message: String,
    },
    /// It is of another chain.
    #[error("it is of chain {got}, not {expected}")]
    WrongChain {
        /// The policy's chain.
        expected: String,
        /// Its chain.
        got: String,
    },
    /// It doesn't know the block.
    #[error("it doesn't have the block {hash}")]
    NoBlock {
        /// Hash or height.
        hash: String,
    },
    /// The block isn't, or is no longer, on its chain.
    #[error("at height {height} it has the block {got}, not {expected}")]
    Reorged {
        /// The height.
        height: u64,
        /// The caller's block.
        expected: String,
        /// The node's.
        got: String,
    },
    /// Too few blocks are on top for the policy.
    #[error("{got} blocks are on top of height {height}, fewer than {expected}")]
    Fresh {
        /// The height.
        height: u64,
        /// The policy's confirmations.
        expected: u64,
        /// What there are.
        got: u64,
    },
    /// It has no state of that block any more.
    #[error("it has no state at height {height}: an archive node is needed")]
    NoState {
        /// The height.
        height: u64,
    },
    /// What it gives as proof is none.
    #[error("its proof is none: {0}")]
    Proof(String),
}

impl Trouble {
    pub(crate) fn malformed(method: &'static str, what: impl Into<String>) -> Self {
        Self::Malformed { method, what: what.into() }
    }
}
