use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use assay_ledger::{LedgerFormat, read_asset_table, synthetic};
use assay_prover::create_secret;
use assay_statement::{Entity, Epoch};
use assay_verifier::Expectations;
use cpu_time::ProcessTime;
use serde_json::{Value, json};

use crate::arguments::{Bench, Holdings};
use crate::commands::Voice;
use crate::commands::generate::specification;
use crate::commands::prove::{Task, prove};
use crate::commands::verify::verify_file;
use crate::failure::Failure;
use crate::machine;
use crate::output::grouped;

pub(crate) fn run(arguments: &Bench, voice: Voice) -> Result<(), Failure> {
    let parent = arguments.dir.clone().unwrap_or_else(std::env::temp_dir);
    fs::create_dir_all(&parent).map_err(|error| Failure::file(&parent, &error))?;
    let dir = tempfile::tempdir_in(&parent).map_err(|error| Failure::file(&parent, &error))?;
    let spec = specification(&arguments.made, true);
    if !voice.quiet {
        eprintln!("making a ledger of {} accounts", grouped(spec.accounts));
    }
    let files = synthetic::write(&spec, dir.path(), LedgerFormat::LongParquet)?;
    let assets = Arc::new(read_asset_table(&files.assets)?);
    let secret = dir.path().join("secret");
    create_secret(&secret)?;
    let entity = Entity::new("bench.example").map_err(Failure::usage)?;
    let epoch = Epoch::new("bench", 0).map_err(Failure::usage)?;

    let (wall, cpu) = (Instant::now(), ProcessTime::now());
    let task = Task {
        ledger: &files.ledger,
        format: LedgerFormat::LongParquet,
        assets: &assets,
        entity: &entity,
        epoch: &epoch,
        secret: &secret,
        round: false,
        out: dir.path(),
        work: None,
        bundle: arguments.bundle,
        proof: !arguments.no_proof,
        reserves: None,
        exclude_invalid: None,
        excluded: None,
        resources: &arguments.resources,
    };
    let (outcome, results) = prove(&task, voice)?;
    let (wall, cpu) = (wall.elapsed(), cpu.elapsed());
    let peak = machine::peak_memory();

    let expected = Expectations {
        root: Some(outcome.statement.root),
        totals: Some(&files.totals),
        accounts: Some(files.accounts),
        ..Expectations::new(&entity, &epoch, &assets)
    };
    let mut verified = Vec::new();
    for (name, path) in [("proof", &results.proof), ("bundle", &results.bundle)] {
        let Some(path) = path else { continue };
        let started = Instant::now();
        verify_file(path, expected)?;
        let bytes = fs::metadata(path).map_err(|error| Failure::file(path, &error))?.len();
        verified.push((name, bytes, started.elapsed()));
    }
    let segments = outcome.segments;
    let recursion = outcome.phases.iter().find(|phase| phase.name == "recursion").map(|phase| phase.cpu);
    let recursion = recursion.unwrap_or_default().as_secs_f64() / cpu.as_secs_f64();
    let cpu_ms_per_account = cpu.as_secs_f64() * 1e3 / files.accounts as f64;
    let milliseconds = |duration: Duration| duration.as_secs_f64() * 1e3;

    let by_table = || outcome.shape.variant().tables().iter().zip(&outcome.rows);
    if voice.json {
        let rows: Value = by_table().map(|(table, rows)| ((*table).to_owned(), json!(rows))).collect();
        let phases: Vec<Value> = outcome
            .phases
            .iter()
            .map(|phase| {
                json!({"name": phase.name, "wall_s": phase.wall.as_secs_f64(), "cpu_s": phase.cpu.as_secs_f64()})
            })
            .collect();
        println!(
            "{}",
            json!({
                "version": 1, "ok": true, "machine": machine::describe(),
                "ledger": match arguments.made.ledger { Holdings::Sparse => "sparse", Holdings::Dense => "dense" },
                "accounts": files.accounts, "assets": assets.len(), "positions": files.positions,
                "rows": outcome.rows.iter().sum::<u64>(),
                "rows_by_table": rows,
                "segments": segments, "shape": outcome.shape.name(),
                "log_heights": outcome.shape.log_heights(),
                "cpu_ms_per_account": cpu_ms_per_account, "wall_s": wall.as_secs_f64(),
                "cpu_s": cpu.as_secs_f64(), "peak_memory_bytes": peak, "recursion_share": recursion,
                "proofs": verified
                    .iter()
                    .map(|(name, bytes, time)| {
                        json!({"name": name, "bytes": bytes, "verify_ms": milliseconds(*time)})
                    })
                    .collect::<Vec<Value>>(),
                "phases": phases,
            })
        );
        return Ok(());
    }
    println!("machine             {}", machine::describe());
    println!(
        "ledger              {} accounts, {} positions, {} assets",
        grouped(files.accounts),
        grouped(files.positions),
        assets.len()
    );
    let rows: Vec<_> = by_table()
        .filter(|(table, _)| **table != "range")
        .map(|(table, rows)| format!("{} {table}", grouped(*rows)))
        .collect();
    println!(
        "segments            {segments} of shape {}; rows in use: {}",
        outcome.shape.name(),
        rows.join(", ")
    );
    println!();
    println!("phase               wall s     CPU s   CPU us an account");
    for phase in &outcome.phases {
        println!(
            "{:<18} {:>7.2}   {:>7.2}   {:>17.2}",
            phase.name,
            phase.wall.as_secs_f64(),
            phase.cpu.as_secs_f64(),
            phase.cpu.as_secs_f64() * 1e6 / files.accounts as f64
        );
    }
    println!(
        "{:<18} {:>7.2}   {:>7.2}   {:>17.2}",
        "all",
        wall.as_secs_f64(),
        cpu.as_secs_f64(),
        cpu_ms_per_account * 1e3
    );
    println!();
    println!("CPU an account      {cpu_ms_per_account:.4} ms");
    if let Some(peak) = peak {
        println!("peak memory         {:.2} GiB", peak as f64 / f64::from(1 << 30));
    }
    println!("recursion           {:.1} % of the CPU time", 100.0 * recursion);
    for (name, bytes, time) in verified {
        println!("{name:<19} {} bytes, verified in {:.0} ms", grouped(bytes), milliseconds(time));
    }
    Ok(())
}
