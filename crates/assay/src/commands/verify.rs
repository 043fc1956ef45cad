use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use assay_commit::{Digest, Hasher};
use assay_ledger::read_reserves;
use assay_statement::{AssetTable, Symbol};
use assay_verifier::{
    BUNDLE_MAGIC, BundleHeader, BundleVerifier, Expectations, Figures, KnownAssets, MAX_OPENING_BYTES,
    MAX_PROOF_BYTES, MAX_RECORD_BYTES, PROOF_MAGIC, RecordError, Statement, TotalsOpening, VerifyError,
    verify_proof,
};
use serde_json::json;

use crate::arguments::Verify;
use crate::commands::{Voice, read_capped, read_totals_and_assets};
use crate::failure::Failure;
use crate::output::{figures_json, figures_lines, merged, prices_json, prices_lines};

pub(crate) fn run(arguments: &Verify, voice: Voice) -> Result<(), Failure> {
    let totals = arguments.totals.as_deref().map(read_totals_and_assets).transpose()?;
    let (totals_file, stated) = totals.unzip();
    let stated = match (&arguments.assets, stated) {
        (Some(path), _) => KnownAssets::new(&Hasher::new(), assay_ledger::read_asset_table(path)?),
        (None, Some(stated)) => stated,
        (None, None) => return Err(Failure::usage("give --assets or --totals")),
    };
    let assets = stated.table();
    let root = arguments.root.as_deref().map(parse_root).transpose()?;
    let epoch = arguments.snapshot.epoch()?;
    let reserves = arguments.reserves.as_deref();
    let reserves = reserves.map(|path| read_reserves(path, assets)).transpose()?;
    let statement = verify_file(
        &arguments.proof,
        Expectations {
            root,
            reserves: reserves.as_ref(),
            ..Expectations::with_known(&arguments.snapshot.entity, &epoch, &stated)
        },
    )?;
    if totals_file.as_ref().is_some_and(|totals| !totals.matches(&statement)) {
        return Err(Failure::rejected("the proof holds, but the totals file claims something else"));
    }

    let opened = arguments.opening.as_deref().map(|path| open(path, &statement, assets)).transpose()?;
    let known = opened.as_ref().unwrap_or(&statement.figures);
    let unknown = known.check_supply_caps(assets)?;
    let caps_not_checked: Vec<_> = unknown.iter().map(Symbol::as_str).collect();

    if voice.json {
        let said = json!({
            "version": 1, "ok": true, "entity": statement.entity.as_str(), "epoch": statement.epoch.id(),
            "time": statement.epoch.time(), "root": statement.root.to_hex(), "depth": statement.depth,
            "segments": statement.segments, "asset_table": statement.assets.to_hex(),
            "root_expected": root.is_some(), "totals_file_matches": totals_file.is_some(),
            "reserves_cover": reserves.is_some(),
            "supply_caps_not_checked": caps_not_checked,
            "prices": prices_json(assets, Some(epoch.time())),
            "opened": opened.as_ref().map(|figures| figures_json(figures, assets)),
        });
        println!("{}", merged(said, figures_json(&statement.figures, assets)));
    } else {
        let what = if statement.segments.is_some() { "bundle" } else { "proof" };
        println!("verified  the {what} proves, with at least 100 bits:");
        println!("entity    {}", statement.entity);
        println!("epoch     {} at {} s", statement.epoch.id(), statement.epoch.time());
        println!("root      {}", statement.root);
        println!("assets    {}", statement.assets);
        figures_lines(&statement.figures, assets, 12).iter().for_each(|line| println!("{line}"));
        prices_lines(assets, Some(epoch.time()), 12).iter().for_each(|line| println!("{line}"));
        if !caps_not_checked.is_empty() {
            println!("caps      not checked, as totals are hidden: {}", caps_not_checked.join(", "));
        }
        if reserves.is_some() {
            println!("reserves  the given reserves cover what is owed, asset by asset");
        }
        if let Some(figures) = &opened {
            println!("opened    behind the commitment are just these figures:");
            figures_lines(figures, assets, 12).iter().for_each(|line| println!("{line}"));
        }
        if totals_file.is_some() {
            println!("totals    every figure of the totals file is proven");
        }
        if root.is_none() {
            eprintln!("hint: compare the root with the one that was published, or pass it with --root");
        }
        if arguments.assets.is_none() {
            eprintln!(
                "hint: the asset table came from the totals file; compare its digest with what was published"
            );
        }
    }
    Ok(())
}

/// The figures behind a statement's commitment, which keep the supply caps as shown ones must.
fn open(path: &Path, statement: &Statement, assets: &AssetTable) -> Result<Figures, Failure> {
    let opening = TotalsOpening::from_json(&read_capped(path, MAX_OPENING_BYTES)?)?;
    let (accounts, totals) = opening.open(statement)?;
    let figures = Figures::Exact { accounts, totals };
    figures.check_supply_caps(assets)?;
    Ok(figures)
}

pub(crate) fn parse_root(hex: &str) -> Result<Digest, Failure> {
    Digest::from_hex(hex).map_err(|error| Failure::usage(format_args!("--root: {error}")))
}

/// Verifies a final proof or a bundle in a file; of a bundle one record is in memory at a time.
pub(crate) fn verify_file(path: &Path, expected: Expectations<'_>) -> Result<Statement, Failure> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => VerifyError::from(RecordError::Truncated).into(),
        _ => Failure::file(path, &error),
    };
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut head = [0; BundleHeader::BYTES];
    let (magic, rest) = head.split_at_mut(BUNDLE_MAGIC.len());
    // A file that is shorter than a bundle's head is only a cut bundle if it begins like one.
    reader.read_exact(magic).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => VerifyError::from(RecordError::Magic).into(),
        _ => failed(error),
    })?;
    if magic == PROOF_MAGIC {
        // One byte more than a proof can have tells one that is too long.
        let mut bytes = magic.to_vec();
        reader.take(MAX_PROOF_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
        return Ok(verify_proof(&bytes, expected)?);
    }
    if magic != BUNDLE_MAGIC {
        return Err(VerifyError::from(RecordError::Magic).into());
    }
    reader.read_exact(rest).map_err(failed)?;
    let header = BundleHeader::from_bytes(&head)?;
    if header.bundle_bytes() != length {
        return Err(VerifyError::from(RecordError::Length).into());
    }
    let mut verifier = BundleVerifier::new(expected)?;
    let mut record = Vec::new();
    for _ in 0..header.segments {
        let mut bytes = [0; 8];
        reader.read_exact(&mut bytes).map_err(failed)?;
        let length = u64::from_le_bytes(bytes);
        if length > MAX_RECORD_BYTES as u64 {
            return Err(VerifyError::from(RecordError::TooLarge).into());
        }
        record.resize(length as usize, 0);
        reader.read_exact(&mut record).map_err(failed)?;
        // The file is a bundle, so whatever is wrong in it, its records' heads included, is a bundle's fault.
        verifier.segment(&record).map_err(Failure::rejected)?;
    }
    if reader.read(&mut [0]).map_err(failed)? != 0 {
        return Err(VerifyError::from(RecordError::Trailing).into());
    }
    Ok(verifier.finish(&header)?)
}
