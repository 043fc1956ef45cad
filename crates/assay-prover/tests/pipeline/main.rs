//! The pipeline from outside: honest runs, runs that are stopped and taken up again, and runs that must not go on.
//!
//! All in one program, so that the tests share a finished run: a proof takes about a second however few accounts it has.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

mod disk;
mod exchange;
mod honest;
mod refusals;
mod resume;
mod tree;
