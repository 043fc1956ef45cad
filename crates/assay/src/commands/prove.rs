use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use assay_ledger::{LedgerFormat, Order, Rounding, read_asset_table, read_reserves};
use assay_prover::{Job, Outcome, create_secret, prove_ledger, read_secret};
use assay_reserves::{ExcludedAccounts, ExcludedFile};
use assay_statement::{AssetTable, Entity, Epoch, Totals};
use serde_json::json;

use crate::arguments::{Prove, Resources, Secret};
use crate::commands::Voice;
use crate::commands::report::write_public;
use crate::failure::Failure;
use crate::output::{
    figures_json, figures_lines, grouped, merged, prices_json, prices_lines, totals_json, totals_lines,
};
use crate::progress::Reporter;

pub(crate) fn make_secret(arguments: &Secret, voice: Voice) -> Result<(), Failure> {
    create_secret(&arguments.file)?;
    if voice.json {
        println!("{}", json!({"version": 1, "ok": true, "secret": arguments.file}));
    } else {
        println!("secret    {}", arguments.file.display());
        eprintln!("hint: keep it as long as customers may ask for receipts, and never publish it");
    }
    Ok(())
}

/// What is proven, and where the results go.
pub(crate) struct Task<'a> {
    pub(crate) ledger: &'a Path,
    pub(crate) format: LedgerFormat,
    pub(crate) assets: &'a Arc<AssetTable>,
    pub(crate) entity: &'a Entity,
    pub(crate) epoch: &'a Epoch,
    pub(crate) secret: &'a Path,
    pub(crate) round: bool,
    pub(crate) out: &'a Path,
    pub(crate) work: Option<&'a Path>,
    pub(crate) bundle: bool,
    pub(crate) proof: bool,
    /// Reserves that the proof shows to cover the totals, which it hides.
    pub(crate) reserves: Option<&'a Totals>,
    /// Where the list of accounts below water goes, if they are to be left out.
    pub(crate) exclude_invalid: Option<&'a Path>,
    /// Where their number and totals go, if not beside the totals.
    pub(crate) excluded: Option<&'a Path>,
    pub(crate) resources: &'a Resources,
}

/// Where the results are.
pub(crate) struct Results {
    pub(crate) proof: Option<PathBuf>,
    pub(crate) bundle: Option<PathBuf>,
    pub(crate) totals: PathBuf,
    /// Where accounts were left out.
    pub(crate) excluded: Option<PathBuf>,
    pub(crate) work: PathBuf,
}

/// Proves a ledger with progress.
pub(crate) fn prove(task: &Task<'_>, voice: Voice) -> Result<(Outcome, Results), Failure> {
    fs::create_dir_all(task.out).map_err(|error| Failure::file(task.out, &error))?;
    let results = Results {
        proof: task.proof.then(|| task.out.join("proof.assay")),
        bundle: (task.bundle || !task.proof).then(|| task.out.join("bundle.assay")),
        totals: task.out.join("totals.json"),
        excluded: task
            .exclude_invalid
            .map(|_| task.excluded.map_or_else(|| task.out.join("excluded.json"), Path::to_owned)),
        work: task.work.map_or_else(|| task.out.join("work"), Path::to_owned),
    };
    let secret = read_secret(task.secret)?;
    let job = Job {
        ledger: task.ledger.to_owned(),
        format: task.format,
        assets: Arc::clone(task.assets),
        entity: task.entity.clone(),
        epoch: task.epoch.clone(),
        secret: &secret,
        rounding: if task.round { Rounding::Up } else { Rounding::Exact },
        order: Order::Auto,
        memory: task.resources.memory,
        jobs: task.resources.jobs,
        work: results.work.clone(),
        bundle: results.bundle.clone(),
        proof: results.proof.clone(),
        totals: results.totals.clone(),
        reserves: task.reserves.cloned(),
        exclude_invalid: task.exclude_invalid.map(Path::to_owned),
    };
    let reporter = Reporter::new(voice.quiet);
    let outcome = prove_ledger(&job, &|event| reporter.event(event));
    reporter.finish();
    let outcome = outcome?;
    if let (Some(excluded), Some(path)) = (&outcome.excluded, &results.excluded) {
        let excluded = ExcludedAccounts::new(excluded.accounts, &excluded.totals, task.assets);
        let root = outcome.statement.root.to_bytes();
        let file = ExcludedFile::new(task.entity, task.epoch, &root, excluded);
        write_public(path, file.to_json()?.as_bytes())?;
    }
    Ok((outcome, results))
}

pub(crate) fn run(arguments: &Prove, voice: Voice) -> Result<(), Failure> {
    let assets = Arc::new(read_asset_table(&arguments.input.assets)?);
    let excluded = arguments.excluded.clone().unwrap_or_else(|| arguments.out.join("excluded.json"));
    if arguments.exclude_invalid.as_ref() == Some(&excluded) {
        return Err(Failure::usage("--exclude-invalid and --excluded: one file can't be private and public"));
    }
    let reserves = arguments.hide_totals.as_deref();
    let reserves = reserves.map(|path| read_reserves(path, &assets)).transpose()?;
    let task = Task {
        ledger: &arguments.input.ledger,
        format: arguments.input.format()?,
        assets: &assets,
        entity: &arguments.snapshot.entity,
        epoch: &arguments.snapshot.epoch()?,
        secret: &arguments.secret,
        round: arguments.input.round,
        out: &arguments.out,
        work: arguments.work.as_deref(),
        bundle: arguments.bundle,
        proof: !arguments.no_proof,
        reserves: reserves.as_ref(),
        exclude_invalid: arguments.exclude_invalid.as_deref(),
        excluded: arguments.excluded.as_deref(),
        resources: &arguments.resources,
    };
    let (outcome, results) = prove(&task, voice)?;
    let statement = &outcome.statement;
    if voice.json {
        let said = json!({
            "version": 1, "ok": true, "root": statement.root.to_hex(), "depth": statement.depth,
            "positions": outcome.positions, "rounded": outcome.rounded,
            "segments": outcome.segments, "segments_kept": outcome.kept,
            "asset_table": statement.assets.to_hex(), "prices": prices_json(&assets, Some(task.epoch.time())),
            "excluded": outcome.excluded.as_ref().map(|excluded| json!({
                "accounts": excluded.accounts, "totals": totals_json(&excluded.totals, &assets),
                "list": arguments.exclude_invalid, "file": results.excluded,
            })),
            "bundle": results.bundle, "bundle_bytes": outcome.bundle_bytes,
            "proof": results.proof, "proof_bytes": outcome.proof_bytes,
            "totals_file": results.totals, "work": results.work,
        });
        println!("{}", merged(said, figures_json(&statement.figures, &assets)));
    } else {
        println!("root      {}", statement.root);
        println!("segments  {}", outcome.segments);
        if outcome.rounded > 0 {
            println!("rounded   {} figures, against the exchange", grouped(outcome.rounded));
        }
        if let (Some(excluded), Some(list), Some(file)) =
            (&outcome.excluded, &arguments.exclude_invalid, &results.excluded)
        {
            println!(
                "excluded  {} accounts that break a rule of coverage, which the proof does not count; private list in {}",
                grouped(excluded.accounts),
                list.display()
            );
            totals_lines(&excluded.totals, &assets, 12).iter().for_each(|line| println!("{line}"));
            println!("          {} (publish it; `assay report --excluded` shows it)", file.display());
            eprintln!("hint: they are owed too, and no proof says how much");
        }
        prices_lines(&assets, Some(task.epoch.time()), 0).iter().take(1).for_each(|line| println!("{line}"));
        figures_lines(&statement.figures, &assets, 12).iter().for_each(|line| println!("{line}"));
        if let (Some(proof), Some(bytes)) = (&results.proof, outcome.proof_bytes) {
            println!("proof     {} ({} bytes; publish it)", proof.display(), grouped(bytes));
        }
        println!("totals    {} (publish this and the root)", results.totals.display());
        if let Some(bundle) = &results.bundle {
            println!("bundle    {} (for auditors, under agreement)", bundle.display());
        }
        println!("work      {} (private; receipts come from here)", results.work.display());
    }
    Ok(())
}
