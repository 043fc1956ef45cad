//! The command line as people and scripts meet it: one module a command.
//!
//! All in one program, so that the tests share a finished run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod assets;
mod bench;
mod check;
mod circuit;
mod collateral;
mod conformance;
mod demo;
mod evidence;
mod exchange;
mod generate;
mod help;
mod hidden;
mod interface;
mod prove;
mod receipt;
mod receipts;
mod report;
mod round_trip;
mod secret;
#[path = "../../../assay-nodes/tests/nodes/server.rs"]
mod server;
mod site;
mod snapshot;
mod verify;
mod verify_receipt;
