//! `assay`: proofs of liabilities from the command line.
//!
//! Data goes to standard output, everything else to standard error. Exit codes: 0 done or verified, 1 checked and
//! rejected, 2 usage, 3 unreadable input, 4 could not check, 101 a bug.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the program that talks to people")]

mod arguments;
mod commands;
mod failure;
mod holdings;
mod machine;
mod output;
mod progress;
mod qr;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;

// Proving frees and takes the same gigabytes again and again; this allocator keeps its pages instead of letting the
// system clear them each time.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    failure::end_when_output_fails();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return failure::report_usage(&error),
    };
    match commands::run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(arguments.json),
    }
}
