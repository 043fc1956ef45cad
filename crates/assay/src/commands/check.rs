use std::sync::Arc;

use assay_circuit::MAX_TOTALS_ROWS;
use assay_ledger::{ReadOptions, Rounding, check, read_asset_table};
use serde_json::{Value, json};

use crate::arguments::Check;
use crate::commands::Voice;
use crate::failure::Failure;
use crate::output::{grouped, totals_json, totals_lines};

pub(crate) fn run(arguments: &Check, voice: Voice) -> Result<(), Failure> {
    let input = &arguments.input;
    let assets = Arc::new(read_asset_table(&input.assets)?);
    let scratch = tempfile::tempdir().map_err(|error| Failure::file(&std::env::temp_dir(), &error))?;
    let mut options = ReadOptions::new(scratch.path());
    options.memory = arguments.memory;
    options.problem_limit = arguments.limit;
    options.max_positions = Some(MAX_TOTALS_ROWS);
    options.show_accounts = arguments.show_accounts;
    options.rounding = if input.round { Rounding::Up } else { Rounding::Exact };
    let report = check(&input.ledger, input.format()?, Arc::clone(&assets), options, |_| {})?;

    if voice.json {
        let problems: Vec<Value> = report
            .problems
            .iter()
            .map(|problem| {
                json!({
                    "file": problem.file, "place": problem.place.to_string(), "account": problem.account,
                    "field": problem.field, "problem": problem.kind.to_string(),
                })
            })
            .collect();
        let error = if report.is_clean() { Value::Null } else { json!("rejected") };
        println!(
            "{}",
            json!({
                "version": 1, "ok": report.is_clean(), "error": error, "problem_count": report.problem_count,
                "problems": problems, "accounts": report.accounts, "positions": report.positions,
                "rounded": report.rounded, "invalid_accounts": report.invalid_accounts,
                "above_supply_cap": report.above_supply_cap.iter().map(|symbol| symbol.as_str()).collect::<Vec<_>>(),
                "totals": if report.is_clean() { totals_json(&report.totals, &assets) } else { Value::Null },
            })
        );
    } else {
        for problem in &report.problems {
            println!("{problem}");
        }
        let left_out = report.problem_count - report.problems.len() as u64;
        if left_out > 0 {
            println!("... and {} more", grouped(left_out));
        }
        println!(
            "{} accounts, {} positions, {} problems",
            grouped(report.accounts),
            grouped(report.positions),
            grouped(report.problem_count)
        );
        for symbol in &report.above_supply_cap {
            println!("{symbol}: more equity than the asset table's supply cap");
        }
        if report.invalid_accounts > 0 {
            println!(
                "{} accounts break a rule of coverage and are not among these",
                grouped(report.invalid_accounts)
            );
        }
        if report.rounded > 0 {
            println!("{} figures rounded against the exchange", grouped(report.rounded));
        }
        if report.is_clean() && !voice.quiet {
            totals_lines(&report.totals, &assets, 20).iter().for_each(|line| println!("{line}"));
        }
    }
    if report.is_clean() {
        Ok(())
    } else {
        let problems = grouped(report.problem_count + report.above_supply_cap.len() as u64);
        Err(Failure::rejected(format_args!("the ledger has {problems} problems")).quiet_in_json())
    }
}
