#![doc = include_str!("../README.md")]

mod bitcoin;
mod endpoint;
mod error;
mod evm;
mod observe;
mod rpc;
mod store;
mod word;

pub use bitcoin::{BitcoinBlock, BitcoinNode};
pub use endpoint::{Endpoint, EndpointError, MAX_ENDPOINT_BYTES};
pub use error::{NodeError, Trouble};
pub use evm::{At, EvmNode, Header};
pub use observe::{Collected, Disagreement, ObserveError, Plan, SNAPSHOT_OPERATOR, Subject};
pub use rpc::{Client, Patience};
