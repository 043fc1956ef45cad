use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use assay_ledger::LedgerFormat;
use assay_ledger::read_asset_table;
use assay_ledger::synthetic::{self, SyntheticSpec};
use assay_prover::{ReceiptMaker, create_secret};
use assay_statement::{Entity, Epoch, Uid};
use assay_verifier::Expectations;
use serde_json::json;

use crate::arguments::{Demo, ReportInput, Snapshot};
use crate::commands::prove::{Task, prove};
use crate::commands::receipt::write_private;
use crate::commands::report::{Said, write_report};
use crate::commands::verify::verify_file;
use crate::commands::wallets::{self, Occasion, Wallets};
use crate::commands::{Voice, read_totals};
use crate::failure::Failure;
use crate::output::{describe, figures_lines, grouped, whole_units};

pub(crate) fn run(arguments: &Demo, voice: Voice) -> Result<(), Failure> {
    let dir = &arguments.dir;
    if dir.exists() {
        return Err(Failure::usage(format_args!("{} is there already; choose another --dir", dir.display())));
    }
    let say = |text: &str| {
        if !voice.json {
            println!("{text}");
        }
    };
    let step = |title: &str| say(&format!("\n== {title}"));

    step("a ledger, made up");
    let spec = SyntheticSpec::new(arguments.accounts, 300, 2026);
    let files = synthetic::write(&spec, dir, LedgerFormat::LongParquet)?;
    say(&format!("{} accounts, {} positions, 300 assets", grouped(files.accounts), grouped(files.positions)));
    let assets = Arc::new(read_asset_table(&files.assets)?);

    step("the proof");
    let secret = dir.join("secret");
    create_secret(&secret)?;
    let entity = Entity::new("demo.example").map_err(Failure::usage)?;
    let epoch = Epoch::new("2026-q4", 1_798_675_200).map_err(Failure::usage)?;
    let started = Instant::now();
    let task = Task {
        ledger: &files.ledger,
        format: LedgerFormat::LongParquet,
        assets: &assets,
        entity: &entity,
        epoch: &epoch,
        secret: &secret,
        round: false,
        out: dir,
        work: None,
        bundle: true,
        proof: true,
        reserves: None,
        exclude_invalid: None,
        excluded: None,
        resources: &arguments.resources,
    };
    let (outcome, results) = prove(&task, voice)?;
    let prove_s = started.elapsed().as_secs_f64();
    let segments = outcome.segments;
    say(&format!("{segments} segments and the proofs over them in {prove_s:.1} s"));
    say(&format!("root {}", outcome.statement.root));

    step("the final proof, verified against the published root and totals");
    let totals_file = read_totals(&results.totals)?;
    let totals = totals_file.totals(&assets)?;
    let expected = Expectations {
        root: Some(outcome.statement.root),
        totals: Some(&totals),
        ..Expectations::new(&entity, &epoch, &assets)
    };
    let proof = results.proof.as_deref().ok_or_else(|| Failure::rejected("no final proof was made"))?;
    let bundle = results.bundle.as_deref().ok_or_else(|| Failure::rejected("no bundle was made"))?;
    let started = Instant::now();
    let statement = verify_file(proof, expected)?;
    let verify_ms = started.elapsed().as_secs_f64() * 1e3;
    if statement.figures.exact() != Some((files.accounts, &files.totals)) || !totals_file.matches(&statement)
    {
        return Err(Failure::rejected("the proven totals are not the ledger's"));
    }
    say(&format!("in {verify_ms:.0} ms; the totals are the plain sums of the ledger"));
    let started = Instant::now();
    verify_file(bundle, expected)?;
    let bundle_ms = started.elapsed().as_secs_f64() * 1e3;
    say(&format!("the bundle of segment proofs, which an auditor gets, says the same, in {bundle_ms:.0} ms"));
    figures_lines(&statement.figures, &assets, 6).iter().for_each(|line| say(line));

    step("a customer's receipt, checked");
    let (uid, _) = spec
        .accounts()?
        .find(|(_, entries)| entries.len() >= 2)
        .or_else(|| spec.accounts().ok()?.next())
        .ok_or_else(|| Failure::rejected("the ledger has no account"))?;
    let uid_typed = Uid::new(&uid).map_err(Failure::usage)?;
    let receipt = ReceiptMaker::open(&results.work, &totals_file)?.receipt(&uid_typed)?;
    let receipt_path = dir.join("receipt.json");
    let receipt_json = receipt.to_json()?;
    write_private(&receipt_path, |writer| {
        writer.write_all(receipt_json.as_bytes()).map_err(|error| Failure::file(&receipt_path, &error))
    })?;
    let started = Instant::now();
    let verified = receipt.verify(&uid_typed, &assets, &entity, &statement.root)?;
    let receipt_ms = started.elapsed().as_secs_f64() * 1e3;
    say(&format!("{uid} holds, checked in {receipt_ms:.2} ms:"));
    for entry in &verified.entries {
        let (symbol, decimals) = describe(entry.key, &assets);
        let amount = whole_units(entry.amount.get(), decimals);
        say(&format!("  {symbol:<12} {:<21} {amount:>32}", assets.kind_name(entry.key.kind())));
    }

    step("the same receipt, shown to another customer");
    let other = Uid::new("someone-else@example.org").map_err(Failure::usage)?;
    match receipt.verify(&other, &assets, &entity, &statement.root) {
        Err(error) => say(&format!("rejected: {error}")),
        Ok(_) => return Err(Failure::rejected("a receipt serves two customers")),
    }

    step("reserves, on test chains, and the solvency report");
    let occasion = Occasion { entity: &entity, epoch: &epoch, root: statement.root.to_bytes() };
    let Wallets { reserves, evidence } = wallets::write(dir, &assets, &files.totals, &occasion)?;
    let block = evidence.blocks.join(" ");
    let report_input = ReportInput {
        proof: proof.to_owned(),
        snapshot: Snapshot {
            entity: entity.clone(),
            epoch: epoch.id().to_owned(),
            time: epoch.time().to_string(),
        },
        assets: files.assets.clone(),
        root: statement.root.to_hex(),
        reserves,
        excluded: None,
        challenge: Some(dir.join(wallets::CHALLENGE)),
        evidence,
    };
    let report_dir = dir.join("report");
    let report = write_report(&report_input, Said::default(), &report_dir, voice)?;
    say("the chains are test chains of one machine, keys and coins of the demo are worth nothing:");
    for (asset, what) in [
        (
            "ETH",
            "half at an address whose known key signed (O2), half in a 2-of-3 Safe (O4); balances proven (L4)",
        ),
        ("USDT", "in a token's contract; a known key signed (O2); balance proven by its storage slot (L4)"),
        ("BTC", "a fresh key signed by BIP-322 (O3); nobody was asked for the balance (L0)"),
        ("SOL", "a fresh key signed (O2); nobody was asked for the balance (L0)"),
    ] {
        say(&format!("  {asset:<5} {what}"));
    }
    say("  all others are claims, O0 and L0");
    let verified = report.assets.iter().filter(|line| line.solvent_verified && line.liabilities.owed().0 > 0);
    say(&format!(
        "covered {} with claims included; by reserves that are proven and signed for, {} of {} assets are",
        if report.solvent { "yes" } else { "NO" },
        verified.count(),
        report.assets.len(),
    ));
    say(&format!("{} things that the report does not show are listed in it", report.not_proven.len()));

    if voice.json {
        println!(
            "{}",
            json!({
                "version": 1, "ok": true, "accounts": files.accounts, "positions": outcome.positions,
                "segments": segments, "root": statement.root.to_hex(), "prove_s": prove_s,
                "verify_ms": verify_ms, "receipt_ms": receipt_ms, "receipt_bytes": receipt_json.len(),
                "bundle_ms": bundle_ms, "bundle_bytes": outcome.bundle_bytes,
                "proof_bytes": outcome.proof_bytes, "dir": dir,
                "covered": report.solvent, "covered_verified": report.solvent_verified,
            })
        );
    } else {
        step("the files");
        println!("ledger    {}", files.ledger.display());
        println!("assets    {}", files.assets.display());
        println!("totals    {}", results.totals.display());
        println!(
            "proof     {} ({} bytes)",
            proof.display(),
            grouped(outcome.proof_bytes.unwrap_or_default())
        );
        println!(
            "bundle    {} ({} bytes)",
            bundle.display(),
            grouped(outcome.bundle_bytes.unwrap_or_default())
        );
        println!("report    {} (and report.md, report.html)", report_dir.join("report.json").display());
        println!("receipt   {} ({} bytes)", receipt_path.display(), grouped(receipt_json.len() as u64));
        println!("\nTry it yourself:");
        println!(
            "  assay verify {} --entity {entity} --epoch {} --time {} --totals {} --root {}",
            proof.display(),
            epoch.id(),
            epoch.time(),
            results.totals.display(),
            statement.root
        );
        println!(
            "  assay verify-report {} --proof {} --entity {entity} --epoch {} --time {} --assets {} --root {} --reserves {} --policy {} --challenge {} --evidence {} --block {block}",
            report_dir.join("report.json").display(),
            proof.display(),
            epoch.id(),
            epoch.time(),
            files.assets.display(),
            statement.root,
            dir.join(wallets::WALLETS).display(),
            dir.join(wallets::POLICY).display(),
            dir.join(wallets::CHALLENGE).display(),
            dir.join(wallets::EVIDENCE).display(),
        );
        println!(
            "  assay verify-receipt {} --uid {uid} --entity {entity} --totals {} --root {}",
            receipt_path.display(),
            results.totals.display(),
            statement.root
        );
    }
    Ok(())
}
