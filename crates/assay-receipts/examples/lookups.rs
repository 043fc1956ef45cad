//! Measures how long a container takes to open and to serve receipts of made-up customers:
//! `cargo run --release -p assay-receipts --example lookups -- CONTAINER KEY_FILE ENTITY ACCOUNTS`, for uids as `assay generate`
//! makes them.
#![allow(clippy::print_stdout, reason = "this is a program that talks to people")]

use std::error::Error;
use std::time::{Duration, Instant};

use assay_commit::EpochSecret;
use assay_receipts::{Container, ContainerKey};
use assay_statement::{Entity, Uid};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, key, entity, accounts] = arguments.as_slice() else {
        return Err("expected CONTAINER KEY_FILE ENTITY ACCOUNTS".into());
    };
    let key = ContainerKey::from(&EpochSecret::from_hex(&std::fs::read_to_string(key)?)?);
    let (entity, accounts) = (Entity::new(entity)?, accounts.parse::<u64>()?);
    let started = Instant::now();
    let container = Container::open(path.as_ref(), &key, &entity)?;
    println!("opened in {:.1} ms, {} receipts", started.elapsed().as_secs_f64() * 1e3, container.len());

    let mut times: Vec<Duration> = Vec::new();
    let mut bytes = 0;
    for step in 0..10_000u64 {
        // A multiplier without a common factor with most numbers of accounts visits them all over the file.
        let uid = Uid::new(&format!("u{:09}@example.org", step * 7_919 % accounts.max(1)))?;
        let started = Instant::now();
        let receipt = container.receipt(&uid)?;
        times.push(started.elapsed());
        bytes += receipt.map_or(0, |receipt| receipt.len());
    }
    times.sort_unstable();
    let at =
        |share: usize| times.get(times.len() * share / 1_000).map_or(0.0, |time| time.as_secs_f64() * 1e6);
    println!(
        "10,000 lookups: median {:.0} us, 99 % {:.0} us, 99.9 % {:.0} us; {bytes} bytes",
        at(500),
        at(990),
        at(999)
    );
    Ok(())
}
