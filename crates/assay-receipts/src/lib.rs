#![doc = include_str!("../README.md")]

mod error;
mod key;
mod layout;
mod reader;
mod writer;

pub use error::ContainerError;
pub use key::ContainerKey;
pub use layout::{CONTAINER_MAGIC, CONTAINER_VERSION, MAX_RECORDS, PADDING};
pub use reader::Container;
pub use writer::{ContainerWriter, Sealed, Sealer};
