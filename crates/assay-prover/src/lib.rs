#![doc = include_str!("../README.md")]

mod accounts;
mod error;
mod files;
mod layout;
mod pipeline;
mod prove;
mod receipts;
mod secret;
mod shape;
mod spool;
mod tree;
mod work;

pub use error::ProverError;
pub use layout::{Layout, SegmentLayout};
pub use pipeline::{Event, Job, Outcome, Phase, prove_ledger};
pub use receipts::{ReceiptMaker, ReceiptsError};
pub use secret::{create_secret, read_secret};
