use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use assay_balances::bitcoin::MAX_BITCOIN_EVIDENCE_BYTES;
use assay_balances::evm::MAX_EVM_EVIDENCE_BYTES;
use assay_balances::{ChainEvidence, Combined, MAX_OBSERVATIONS_BYTES, NamedBlock};
use assay_circuit::CIRCUIT_ID;
use assay_ledger::read_asset_table;
use assay_reserves::{
    Anchor, ChallengeMismatch, Column, ExcludedAccounts, ExcludedFile, Exclusion, LiabilityProof,
    LiabilitySource, MAX_EXCLUDED_BYTES, MAX_REPORT_BYTES, Policy, ReportInputs, ResampleInput,
    ReserveVector, SignatureAssessor, SolvencyReport, build_report, verify_report,
};
use assay_statement::{AssetTable, Entity, Epoch, Kind, Totals, hex};
use assay_verifier::{Expectations, Figures};
use serde_json::{Value, json};

use crate::arguments::{Report, ReportInput, VerifyReport};
use crate::commands::reserves::{ReserveFiles, read_challenge};
use crate::commands::verify::{parse_root, verify_file};
use crate::commands::{Voice, read_capped};
use crate::failure::Failure;
use crate::output::whole_units;
use crate::progress::WatchedRows;

/// All that a report is made of, with the proof verified.
struct Prepared {
    inputs: ReportInputs,
    files: ReserveFiles,
    assessor: Combined<SignatureAssessor, ChainEvidence>,
}

/// What the entity says of its statement, which nothing here can check.
#[derive(Default)]
pub(crate) struct Said {
    anchors: Vec<Anchor>,
    exclusions: Vec<Exclusion>,
    /// Taken where the caller has no file of it.
    excluded: Option<ExcludedAccounts>,
}

fn prepare(input: &ReportInput, said: Said) -> Result<Prepared, Failure> {
    let assets = Arc::new(read_asset_table(&input.assets)?);
    let epoch = input.snapshot.epoch()?;
    let root = parse_root(&input.root)?;
    let expected =
        Expectations { root: Some(root), ..Expectations::new(&input.snapshot.entity, &epoch, &assets) };
    let statement = verify_file(&input.proof, expected)?;
    let excluded = match &input.excluded {
        Some(path) => {
            Some(read_excluded(path, (&statement.entity, &statement.epoch), &root.to_bytes(), &assets)?)
        }
        None => said.excluded,
    };
    let files = ReserveFiles::open(&input.reserves, &assets)?;
    let challenge = input.challenge.as_deref().map(read_challenge).transpose()?;
    if let Some(challenge) = &challenge {
        let (_, addresses) = files.addresses(&assets)?;
        let who = (&input.snapshot.entity, &epoch);
        ChallengeMismatch::check(challenge, who, &root.to_bytes(), &addresses, &files.policy.digest()?)
            .map_err(Failure::rejected)?;
    }
    let resample = input.evidence.resample.iter().map(|text| read_resample(text));
    let resample = resample.collect::<Result<Vec<_>, _>>()?;
    let evidence = read_evidence(input, &files.policy, &assets, &epoch, &resample)?;
    let (accounts, totals) = statement.figures.at_most();
    let checked_by = match (&statement.figures, statement.key) {
        (Figures::AtMost { .. }, _) => LiabilityProof::FinalProofBounds,
        (Figures::Exact { .. }, Some(_)) => LiabilityProof::FinalProof,
        (Figures::Exact { .. }, None) => LiabilityProof::Bundle,
    };
    let inputs = ReportInputs {
        entity: statement.entity.clone(),
        epoch: statement.epoch.clone(),
        root: statement.root.to_bytes(),
        accounts,
        totals: match checked_by {
            LiabilityProof::FinalProofBounds => equity(totals),
            _ => totals.clone(),
        },
        liabilities: LiabilitySource {
            checked_by,
            circuit: Some(CIRCUIT_ID.to_hex()),
            key: statement.key.map(|key| key.to_hex()),
            asset_table: Some(statement.assets.to_hex()),
            anchors: said.anchors,
            exclusions: said.exclusions,
            excluded,
        },
        assets,
        policy: files.policy.clone(),
        challenge: challenge.clone(),
        evidence: evidence.lines(),
        resample,
        supplies: evidence.supplies(),
        options: files.options.clone(),
    };
    let ownership = SignatureAssessor::new(&files.policy, challenge).with_facts(evidence.facts());
    let assessor = Combined { ownership, balance: evidence };
    Ok(Prepared { inputs, files, assessor })
}

/// Reads what was left out of just this statement.
fn read_excluded(
    path: &Path,
    of: (&Entity, &Epoch),
    root: &[u8; 32],
    assets: &AssetTable,
) -> Result<ExcludedAccounts, Failure> {
    let file = ExcludedFile::from_json(&read_capped(path, MAX_EXCLUDED_BYTES)?);
    let excluded = file.and_then(|file| file.of_statement(of, root, assets));
    excluded.map_err(|error| Failure::from(error).about(path))
}

/// Checks evidence files against the blocks that the caller names.
fn read_evidence(
    input: &ReportInput,
    policy: &Policy,
    assets: &AssetTable,
    epoch: &Epoch,
    resample: &[ResampleInput],
) -> Result<ChainEvidence, Failure> {
    let blocks = input.evidence.blocks.iter().map(|text| {
        let (network, hash) = pair(text, "--block")?;
        let wrong = || Failure::usage("--block: expected network=hash with a hash of 64 hex digits");
        Ok(NamedBlock { network, hash: hex::prefixed_array(&hash).ok_or_else(wrong)? })
    });
    let blocks = blocks.collect::<Result<Vec<_>, Failure>>()?;
    let mut earlier = Vec::new();
    for ask in resample {
        let heights = ask.heights(&input.snapshot.entity, epoch).map_err(Failure::usage)?;
        earlier.extend(heights.into_iter().map(|height| (ask.network.clone(), height)));
    }
    let mut evidence = ChainEvidence::new(policy, assets, blocks, epoch.time(), earlier)
        .map_err(|error| Failure::usage(format_args!("--block: {error}")))?;
    for path in &input.evidence.files {
        let bytes = read_capped(path, MAX_BITCOIN_EVIDENCE_BYTES.max(MAX_EVM_EVIDENCE_BYTES))?;
        evidence.add(&bytes).map_err(|error| {
            let text = format!("{}: {error}", path.display());
            if error.is_unreadable() { Failure::unreadable(text) } else { Failure::rejected(text) }
        })?;
    }
    for path in &input.evidence.observations {
        let bytes = read_capped(path, MAX_OBSERVATIONS_BYTES)?;
        let unreadable = |error| Failure::unreadable(format_args!("{}: {error}", path.display()));
        evidence.add_observations(&bytes).map_err(unreadable)?;
    }
    Ok(evidence)
}

fn read_resample(text: &str) -> Result<ResampleInput, Failure> {
    let wrong = || Failure::usage("--resample: expected network=beacon:from:to:count");
    let (network, rest) = pair(text, "--resample")?;
    let parts: Vec<&str> = rest.split(':').collect();
    let [beacon, from, to, count] = parts.as_slice() else { return Err(wrong()) };
    Ok(ResampleInput {
        network,
        beacon: hex::prefixed_array(beacon).ok_or_else(wrong)?,
        from: from.parse().map_err(|_| wrong())?,
        to: to.parse().map_err(|_| wrong())?,
        count: count.parse().map_err(|_| wrong())?,
    })
}

/// The bounds that say something: other kinds have none.
fn equity(bounds: &Totals) -> Totals {
    let mut equity = Totals::new();
    for (key, bound) in bounds.iter().filter(|(key, _)| key.kind() == Kind::EQUITY) {
        // The first figure of a key can't overflow.
        let _ = equity.add_total(key, bound);
    }
    equity
}

pub(crate) fn make(arguments: &Report, voice: Voice) -> Result<(), Failure> {
    let anchors = arguments.anchors.iter().map(|text| pair(text, "--anchor"));
    let anchors = anchors.map(|pair| pair.map(|(place, reference)| Anchor { place, reference }));
    let exclusions = arguments.exclusions.iter().map(|text| pair(text, "--exclusion"));
    let exclusions = exclusions.map(|pair| pair.map(|(what, reason)| Exclusion { what, reason }));
    let word = Said {
        anchors: anchors.collect::<Result<_, _>>()?,
        exclusions: exclusions.collect::<Result<_, _>>()?,
        excluded: None,
    };
    let report = write_report(&arguments.input, word, &arguments.out, voice)?;
    if voice.json {
        println!("{}", said(&report, &[("report", json!(arguments.out.join("report.json")))])?);
    } else {
        print(&report);
        println!("report    {}", arguments.out.join("report.json").display());
        println!("          report.md, report.html, reserves.csv beside it");
    }
    Ok(())
}

/// Verifies the proof, makes the report and writes it into a folder.
pub(crate) fn write_report(
    input: &ReportInput,
    said: Said,
    out: &Path,
    voice: Voice,
) -> Result<SolvencyReport, Failure> {
    let Prepared { inputs, files, assessor } = prepare(input, said)?;
    let assets = Arc::clone(&inputs.assets);
    let mut assessor = WatchedRows::new(assessor, voice.quiet);
    let report = build_report(inputs, &files.sources, &mut assessor)?;
    let json = report.to_json()?;
    fs::create_dir_all(out).map_err(|error| Failure::file(out, &error))?;
    let vector = ReserveVector::new(&report, &assets, Column::Counted).to_csv(&assets);
    // What the others are made of comes last: where it is, all are.
    for (name, bytes) in [
        ("report.md", report.to_markdown().as_bytes()),
        ("report.html", report.to_html().as_bytes()),
        ("reserves.csv", vector.as_bytes()),
        ("report.json", json.as_slice()),
    ] {
        write_public(&out.join(name), bytes)?;
    }
    Ok(report)
}

pub(crate) fn verify(arguments: &VerifyReport, voice: Voice) -> Result<(), Failure> {
    let bytes = read_capped(&arguments.report, MAX_REPORT_BYTES)?;
    // What the entity says of itself is taken from the report; everything else is made again.
    let said_so = SolvencyReport::from_json(&bytes)?.liabilities;
    let LiabilitySource { anchors, exclusions, excluded, .. } = said_so;
    let word = Said { anchors, exclusions, excluded };
    let Prepared { inputs, files, assessor } = prepare(&arguments.input, word)?;
    let mut assessor = WatchedRows::new(assessor, voice.quiet);
    let report = verify_report(&bytes, inputs, &files.sources, &mut assessor)?;
    if voice.json {
        println!("{}", said(&report, &[])?);
    } else {
        println!("verified  proof, files and policy give just this report");
        print(&report);
    }
    if report.solvent {
        return Ok(());
    }
    Err(Failure::rejected("the report is right, and its reserves do not cover what is owed").quiet_in_json())
}

pub(crate) fn pair(text: &str, option: &str) -> Result<(String, String), Failure> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err(Failure::usage(format_args!("{option}: expected two texts with = between them"))),
    }
}

fn said(report: &SolvencyReport, more: &[(&str, Value)]) -> Result<Value, Failure> {
    let digest = hex::encode(&report.digest()?);
    let uncovered = |verified: bool| -> Vec<&str> {
        let covered = |line: &&assay_reserves::AssetLine| {
            if verified { !line.solvent_verified } else { !line.solvent }
        };
        report.assets.iter().filter(covered).map(|line| line.asset.as_str()).collect()
    };
    let mut value = json!({
        "version": 1, "ok": report.solvent, "digest": digest, "root": report.root,
        "solvent": report.solvent, "solvent_verified": report.solvent_verified,
        "not_covered": uncovered(false), "not_covered_verified": uncovered(true),
        "findings": report.findings.len(), "failed_rows": report.failures.count,
    });
    if let Value::Object(map) = &mut value {
        map.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    }
    Ok(value)
}

/// Assets that are listed as text; the rest is in the files.
const MAX_LINES: usize = 20;

fn print(report: &SolvencyReport) {
    println!("{:<12} {:>26} {:>26} {:>10} {:>10}", "asset", "owed", "reserves", "ratio", "verified");
    for line in report.assets.iter().take(MAX_LINES) {
        let percent = |ppm: Option<assay_reserves::Units>| {
            ppm.map_or("-".to_owned(), |ppm| format!("{}.{:02} %", ppm.0 / 10_000, ppm.0 % 10_000 / 100))
        };
        println!(
            "{:<12} {:>26} {:>26} {:>10} {:>10}{}",
            line.asset,
            whole_units(line.liabilities.owed().0, line.decimals),
            whole_units(line.reserves.counted.0, line.decimals),
            percent(line.ratio_ppm),
            percent(line.verified_ratio_ppm),
            match (line.solvent, line.totals_match) {
                (true, _) => "",
                (false, true) => "  NOT COVERED",
                (false, false) => "  NOT COVERED: totals and rows of the files differ",
            }
        );
    }
    if report.assets.len() > MAX_LINES {
        println!("  ... and {} more", report.assets.len() - MAX_LINES);
    }
    let verdict = |solvent: bool| if solvent { "yes" } else { "NO" };
    println!("covered   {}, asset by asset, claims included", verdict(report.solvent));
    println!("verified  {}, by rows of the policy's minimum grades alone", verdict(report.solvent_verified));
    println!("findings  {}; rows that fail: {}", report.findings.len(), report.failures.count);
    println!("open      {} things that the report does not show, listed in it", report.not_proven.len());
}

/// Writes a file as a whole, which anyone may read.
pub(crate) fn write_public(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error| Failure::file(path, &error);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
