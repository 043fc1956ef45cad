//! One module a command.

mod assets;
mod bench;
mod check;
mod circuit;
mod demo;
mod generate;
mod observe;
mod prove;
mod receipt;
mod receipts;
mod report;
mod reserves;
mod site;
mod verify;
mod wallets;

use std::fs;
use std::io::Read;
use std::path::Path;

use assay_statement::Uid;
use assay_verifier::{KnownAssets, MAX_TOTALS_BYTES, TotalsFile};
use clap::CommandFactory;
use serde_json::json;

use crate::arguments::{Arguments, Command};
use crate::failure::Failure;

/// How a command talks.
#[derive(Clone, Copy)]
pub(crate) struct Voice {
    /// One JSON object on standard output.
    pub(crate) json: bool,
    /// No progress.
    pub(crate) quiet: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let voice = Voice { json: arguments.json, quiet: arguments.quiet };
    match &arguments.command {
        Command::Demo(arguments) => demo::run(arguments, voice),
        Command::Generate(arguments) => generate::run(arguments, voice),
        Command::Check(arguments) => check::run(arguments, voice),
        Command::Assets(command) => assets::run(command, voice),
        Command::Secret(arguments) => prove::make_secret(arguments, voice),
        Command::Prove(arguments) => prove::run(arguments, voice),
        Command::Verify(arguments) => verify::run(arguments, voice),
        Command::Receipt(arguments) => receipt::make(arguments, voice),
        Command::Receipts(arguments) => receipts::run(arguments, voice),
        Command::VerifyReceipt(arguments) => receipt::verify(arguments, voice),
        Command::Reserves(arguments) => reserves::run(arguments, voice),
        Command::Report(arguments) => report::make(arguments, voice),
        Command::VerifyReport(arguments) => report::verify(arguments, voice),
        Command::Site(arguments) => site::run(arguments, voice),
        Command::Circuit => circuit::run(voice),
        Command::Bench(arguments) => bench::run(arguments, voice),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Arguments::command(), "assay", &mut script);
            let script = String::from_utf8_lossy(&script);
            if voice.json {
                println!(
                    "{}",
                    json!({"version": 1, "ok": true, "shell": shell.to_string(), "script": script})
                );
            } else {
                print!("{script}");
            }
            Ok(())
        }
    }
}

/// Reads a file of at most `most` bytes.
fn read_capped(path: &Path, most: usize) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| Failure::file(path, &error);
    let file = fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > most {
        return Err(Failure::unreadable(format_args!("{}: larger than {most} bytes", path.display())));
    }
    Ok(bytes)
}

fn read_totals(path: &Path) -> Result<TotalsFile, Failure> {
    Ok(read_totals_and_assets(path)?.0)
}

/// A totals file and its asset table.
fn read_totals_and_assets(path: &Path) -> Result<(TotalsFile, KnownAssets), Failure> {
    Ok(TotalsFile::with_assets(&read_capped(path, MAX_TOTALS_BYTES)?)?)
}

/// A uid as it is typed, or read from standard input for `-`.
fn typed_uid(text: &str) -> Result<Uid, Failure> {
    let mut input = String::new();
    let text = if text == "-" {
        std::io::stdin()
            .take(1 << 16)
            .read_to_string(&mut input)
            .map_err(|error| Failure::file(Path::new("standard input"), &error))?;
        &input
    } else {
        text
    };
    Uid::new(text).map_err(|error| Failure::usage(format_args!("--uid: {error}")))
}
