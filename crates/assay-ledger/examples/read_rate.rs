//! Prints how fast ledgers are read and grouped into accounts.
//!
//! `cargo run --release -p assay-ledger --example read_rate -- [accounts] [memory in MiB]`

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use assay_ledger::synthetic::{SyntheticSpec, write};
use assay_ledger::{AccountBatch, AccountReader, LedgerFormat, Order, ReadOptions, fingerprint};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let accounts = arguments.next().map_or(Ok(2_450_000), |text| text.parse())?;
    let memory = arguments.next().map_or(Ok(1024), |text| text.parse::<u64>())? << 20;
    let folder = tempfile::tempdir()?;
    println!(
        "{:<12} {:<9} {:>11} {:>8} {:>8} {:>14}",
        "format", "order", "positions", "MiB", "seconds", "positions/s"
    );
    for (format, share, sorted) in [
        (LedgerFormat::LongParquet, 1, true),
        (LedgerFormat::LongParquet, 1, false),
        (LedgerFormat::LongCsv, 1, true),
        (LedgerFormat::SignedJson, 4, true),
        (LedgerFormat::WideCsv, 40, true),
    ] {
        let spec = SyntheticSpec { sorted, ..SyntheticSpec::new(accounts / share, 300, 1) };
        let written = Instant::now();
        let files = write(&spec, folder.path(), format)?;
        let written = written.elapsed().as_secs_f64();
        let print = |order: &str, positions: u64, bytes: u64, seconds: f64| {
            let rate = positions as f64 / seconds;
            let mib = bytes as f64 / f64::from(1 << 20);
            let name = format!("{format:?}");
            println!("{name:<12} {order:<9} {positions:>11} {mib:>8.1} {seconds:>8.2} {rate:>14.0}");
        };
        print("(written)", files.positions, 0, written);
        let hashed = Instant::now();
        fingerprint(&files.ledger, format)?;
        let hashed = hashed.elapsed().as_secs_f64();
        let orders: &[Order] =
            if sorted { &[Order::Sorted, Order::Auto, Order::Unsorted] } else { &[Order::Auto] };
        let mut bytes = 0;
        for order in orders {
            let table = Arc::new(spec.clone().for_format(format).table()?);
            let options =
                ReadOptions { order: *order, memory, ..ReadOptions::new(folder.path().join("scratch")) };
            let start = Instant::now();
            let mut reader = AccountReader::open(&files.ledger, format, table, options)?;
            let mut batch = AccountBatch::new();
            let mut positions = 0;
            let mut sum = 0u128;
            while reader.next_batch(&mut batch)? {
                positions += batch.positions() as u64;
                for account in batch.iter() {
                    for entry in account.entries {
                        sum = sum.wrapping_add(entry.amount.get());
                    }
                }
            }
            assert_eq!(positions, files.positions);
            assert_eq!(sum, files.totals.iter().map(|(_, total)| total).fold(0, u128::wrapping_add));
            bytes = reader.progress().bytes_total;
            print(&format!("{order:?}"), positions, bytes, start.elapsed().as_secs_f64());
        }
        print("(hashed)", files.positions, bytes, hashed);
    }
    Ok(())
}
