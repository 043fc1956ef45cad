use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use assay_commit::{Digest, Hasher, MAX_RECEIPT_BYTES, asset_table_digest};
use assay_ledger::read_asset_table;
use assay_prover::{ProverError, ReceiptMaker};
use assay_site::{Catalogue, Language};
use assay_statement::{AssetTable, Entry, EntryKey, parse_decimal};
use assay_verdict::{
    Balance, Check, MAX_REPORT_BYTES, Outcome, Proof, PublishedTotals, ReceiptView, Request, Status, Totals,
    Verdict, check, encode_link,
};
use assay_verifier::{BUNDLE_MAGIC, Expectations, MAX_PROOF_BYTES, MAX_TOTALS_BYTES, TotalsFile};
use serde_json::{Value, json};

use crate::arguments::{Receipt, VerifyReceipt, epoch};
use crate::commands::verify::{parse_root, verify_file};
use crate::commands::{Voice, read_totals, typed_uid};
use crate::failure::Failure;
use crate::holdings::Holdings;
use crate::output::grouped;
use crate::qr;

pub(crate) fn make(arguments: &Receipt, voice: Voice) -> Result<(), Failure> {
    if let Some(receipt) = &arguments.share {
        return share(receipt, arguments, voice);
    }
    let totals = read_totals(&arguments.totals)?;
    let work = arguments.work.as_deref().ok_or_else(|| Failure::usage("give --work"))?;
    let mut maker = ReceiptMaker::open(work, &totals)?;
    let (Some(uid), false) = (&arguments.uid, arguments.all) else {
        return make_all(&mut maker, arguments, voice);
    };
    let uid = typed_uid(uid)?;
    let receipt = maker.receipt(&uid)?;
    let given = given(receipt.to_json()?, arguments.link.as_deref());
    let Some(path) = &arguments.out else {
        match &arguments.qr {
            Some(path) => {
                write_qr(path, &given)?;
                said_qr(path, voice);
            }
            None => println!("{given}"),
        }
        return Ok(());
    };
    // Before anything is written: another asset table gives other names and prices.
    let assets = arguments.assets.as_deref().map(|path| table_of(path, &totals)).transpose()?;
    let verified = assets
        .as_ref()
        .map(|assets| receipt.verify(&uid, assets, &totals.entity()?, &totals.root()?).map_err(Failure::from))
        .transpose()?;
    let failed = |error| Failure::file(path, &error);
    if let Some(path) = &arguments.qr {
        write_qr(path, &given)?;
    }
    write_private(path, |writer| writeln!(writer, "{given}").map_err(failed))?;
    let holdings = match (&verified, &assets) {
        (Some(verified), Some(assets)) => Some(Holdings::new(&verified.entries, assets)),
        _ => None,
    };
    if voice.json {
        let mut said = json!({"version": 1, "ok": true, "receipt": path});
        if let Value::Object(map) = &mut said {
            map.extend(arguments.qr.iter().map(|path| ("qr".into(), json!(path))));
            map.extend(holdings.iter().map(|holdings| ("holdings".into(), holdings.json())));
        }
        println!("{said}");
    } else {
        println!("receipt   {}", path.display());
        arguments.qr.iter().for_each(|path| said_qr(path, voice));
        holdings.iter().flat_map(Holdings::lines).for_each(|line| println!("{line}"));
    }
    Ok(())
}

/// What a customer is given: the receipt, or a link to a page that holds it.
pub(crate) fn given(json: String, page: Option<&str>) -> String {
    match page {
        Some(page) => format!("{page}#{}", encode_link(&json)),
        None => json,
    }
}

pub(crate) fn write_qr(path: &Path, link: &str) -> Result<(), Failure> {
    let svg = qr::svg(link)?;
    write_private(path, |writer| {
        writer.write_all(svg.as_bytes()).map_err(|error| Failure::file(path, &error))
    })
}

pub(crate) fn said_qr(path: &Path, voice: Voice) {
    if voice.json {
        println!("{}", json!({"version": 1, "ok": true, "qr": path}));
    } else {
        println!("qr code   {}", path.display());
    }
}

/// The asset table of a file, which must be the totals file's.
fn table_of(path: &Path, totals: &TotalsFile) -> Result<AssetTable, Failure> {
    let assets = read_asset_table(path)?;
    if asset_table_digest(&Hasher::new(), &assets).to_hex() != totals.asset_table.to_lowercase() {
        return Err(Failure::rejected(format_args!(
            "{}: not the asset table that the totals file and its root are for",
            path.display()
        )));
    }
    Ok(assets)
}

fn make_all(maker: &mut ReceiptMaker, arguments: &Receipt, voice: Voice) -> Result<(), Failure> {
    let path = arguments.out.as_deref().ok_or_else(|| Failure::usage("--all needs --out"))?;
    let made = write_private(path, |writer| {
        let made = maker.for_each(|uid, receipt| {
            serde_json::to_string(&json!({"uid": uid, "receipt": receipt}))
                .map_err(std::io::Error::other)
                .and_then(|line| writeln!(writer, "{line}"))
                .map_err(|source| ProverError::File { action: "write", path: path.to_owned(), source })
        })?;
        Ok(made)
    })?;
    if voice.json {
        println!("{}", json!({"version": 1, "ok": true, "receipts": path, "count": made}));
    } else {
        println!("receipts  {} in {}", grouped(made), path.display());
    }
    Ok(())
}

/// Writes a file that only its owner can read, as a whole: what fails leaves nothing behind.
pub(crate) fn write_private<T>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let failed = |error| Failure::file(path, &error);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Its name is new and its rights are its owner's; it is gone if it isn't put in place. Only a process that is killed
    // leaves it behind, under a name that says so.
    let file =
        tempfile::Builder::new().prefix(".assay-").suffix(".partial").tempfile_in(folder).map_err(failed)?;
    let (file, partial) = file.into_parts();
    let mut writer = BufWriter::with_capacity(1 << 20, file);
    let value = write(&mut writer)?;
    let file = writer.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)?;
    partial.persist(path).map_err(|error| failed(error.error))?;
    Ok(value)
}

pub(crate) fn verify(arguments: &VerifyReceipt, voice: Voice) -> Result<(), Failure> {
    let (verdict, assets) = checked(arguments)?;
    report(&verdict, assets.as_ref(), voice);
    ended(&verdict)
}

/// What a customer can show to everybody, if the receipt holds.
fn share(receipt: &Path, arguments: &Receipt, voice: Voice) -> Result<(), Failure> {
    let (Some(entity), Some(uid)) = (&arguments.entity, &arguments.uid) else {
        return Err(Failure::usage("--share needs --entity and --uid"));
    };
    if arguments.root.is_none() && arguments.proof.is_none() {
        return Err(Failure::usage("--share needs --root or --proof"));
    }
    let (verdict, assets) = checked(&VerifyReceipt {
        receipt: receipt.to_owned(),
        uid: uid.clone(),
        entity: entity.clone(),
        epoch: None,
        time: None,
        root: arguments.root.clone(),
        second_root: None,
        proof: arguments.proof.clone(),
        totals: Some(arguments.totals.clone()),
        assets: None,
        asset_table: None,
        report: None,
    })?;
    let Some(share) = &verdict.share else {
        report(&verdict, assets.as_ref(), voice);
        return ended(&verdict);
    };
    let json = share.to_json().map_err(Failure::usage)?;
    match &arguments.out {
        None => println!("{json}"),
        Some(path) => {
            let failed = |error| Failure::file(path, &error);
            write_private(path, |writer| writeln!(writer, "{json}").map_err(failed))?;
            if voice.json {
                println!("{}", json!({"version": 1, "ok": true, "share": path}));
            } else {
                println!("share     {}", path.display());
            }
        }
    }
    eprintln!("{}", share.to_text());
    Ok(())
}

/// The verdict on a receipt, and the asset table that it was checked with, if that could be read.
fn checked(arguments: &VerifyReceipt) -> Result<(Verdict, Option<AssetTable>), Failure> {
    let uid = typed_uid(&arguments.uid)?;
    let root = arguments.root.as_deref().map(parse_root).transpose()?;
    let digest = |hex: &Option<String>, name: &str| {
        let parsed = hex.as_deref().map(Digest::from_hex).transpose();
        parsed.map_err(|error| Failure::usage(format_args!("{name}: {error}")))
    };
    let epoch = match (&arguments.epoch, &arguments.time) {
        (Some(id), Some(time)) => Some(epoch(id, time)?),
        _ => None,
    };
    let totals = arguments.totals.as_deref().map(|path| read_start(path, MAX_TOTALS_BYTES)).transpose()?;
    let totals = totals.as_deref().map(PublishedTotals::read);
    let stated = totals.as_ref().and_then(|totals| totals.file().ok());
    let assets = match (&arguments.assets, stated) {
        (Some(path), Some(totals)) => Some(table_of(path, totals)?),
        (Some(path), None) => Some(read_asset_table(path)?),
        (None, _) => None,
    };
    let receipt = read_start(&arguments.receipt, MAX_RECEIPT_BYTES)?;
    let report = arguments.report.as_deref().map(|path| read_start(path, MAX_REPORT_BYTES)).transpose()?;
    let proof = arguments.proof.as_deref().map(|path| read_start(path, MAX_PROOF_BYTES)).transpose()?;

    // A bundle can be larger than memory, so it is verified from its file.
    let bundle = match (&arguments.proof, &totals) {
        (Some(path), Some(totals))
            if proof.as_ref().is_some_and(|proof| proof.starts_with(&BUNDLE_MAGIC)) =>
        {
            let totals = totals.file().map_err(|error| Failure::from(error.clone()))?;
            let table = match &assets {
                Some(assets) => assets.clone(),
                None => totals.asset_table()?,
            };
            let epoch = match &epoch {
                Some(epoch) => epoch.clone(),
                None => totals.epoch()?,
            };
            let expected = Expectations { root, ..Expectations::new(&arguments.entity, &epoch, &table) };
            Some(verify_file(path, expected)?)
        }
        _ => None,
    };
    let verdict = check(&Request {
        uid: uid.as_str(),
        epoch: epoch.as_ref(),
        root,
        second_root: digest(&arguments.second_root, "--second-root")?,
        asset_table: digest(&arguments.asset_table, "--asset-table")?,
        assets: assets.as_ref(),
        receipt: Some(&receipt),
        proof: bundle.as_ref().map(Proof::Verified).or(proof.as_deref().map(Proof::File)),
        totals: totals.as_ref().map(Totals::Read),
        report: report.as_deref(),
        ..Request::new(&arguments.entity)
    });
    let table = || totals.as_ref()?.asset_table().cloned();
    Ok((verdict, assets.or_else(table)))
}

/// The entries that a receipt shows.
fn entries(receipt: &ReceiptView, assets: &AssetTable) -> Option<Vec<Entry>> {
    let entry = |balance: &Balance| {
        let asset = assets.index_of(&balance.asset)?;
        let decimals = assets.get(asset)?.decimals;
        let kind = assets.products().kind(&balance.kind).ok()?;
        let (_, amount, _) = parse_decimal(&balance.amount, decimals, false).ok()?;
        Some(Entry { key: EntryKey::new(asset, kind).ok()?, amount })
    };
    receipt.balances.iter().map(entry).collect()
}

/// A file, or, of one with more than `most` bytes, so much that whoever reads it sees that it is too large.
fn read_start(path: &Path, most: usize) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| Failure::file(path, &error);
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(most as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// The verdict as the end of the command.
fn ended(verdict: &Verdict) -> Result<(), Failure> {
    if verdict.verdict == Outcome::Verified {
        return Ok(());
    }
    Err(Failure::of(verdict.code.class(), because(verdict)).quiet_in_json())
}

/// What the verdict rests on, in English.
fn because(verdict: &Verdict) -> String {
    let catalogue = Catalogue::new(Language::English);
    let text = catalogue.get(&format!("code.{}", verdict.code.name())).to_owned();
    let detail = verdict.results.iter().find(|result| result.code == verdict.code);
    match detail.and_then(|result| result.detail.as_deref()) {
        Some(detail) => format!("{detail} [{}]: {text}", verdict.code.name()),
        None => format!("[{}] {text}", verdict.code.name()),
    }
}

fn report(verdict: &Verdict, assets: Option<&AssetTable>, voice: Voice) {
    let receipt = verdict.receipt.as_ref().filter(|receipt| receipt.included);
    let holdings = receipt.zip(assets).and_then(|(receipt, assets)| {
        entries(receipt, assets).map(|entries| Holdings::new(&entries, assets))
    });
    if voice.json {
        let entries = receipt.map(|receipt| {
            let entry = |balance: &Balance| {
                json!({"asset": balance.asset, "kind": balance.kind, "amount": balance.amount})
            };
            receipt.balances.iter().map(entry).collect::<Vec<_>>()
        });
        let mut said = json!({
            "version": 1, "ok": verdict.verdict == Outcome::Verified, "verdict": verdict.verdict,
            "code": verdict.code, "results": verdict.results,
        });
        if let Value::Object(said) = &mut said {
            if verdict.verdict != Outcome::Verified {
                said.insert("error".into(), json!(verdict.verdict));
                said.insert("message".into(), because(verdict).into());
            }
            if let Some(receipt) = receipt {
                said.insert("epoch".into(), receipt.epoch.as_str().into());
                said.insert("time".into(), receipt.time.into());
                said.insert("entries".into(), json!(entries));
                said.insert("holdings".into(), holdings.as_ref().map_or(Value::Null, Holdings::json));
            }
        }
        println!("{said}");
        return;
    }
    if let Some(receipt) = receipt {
        let found = if verdict.verdict == Outcome::Verified { "verified " } else { "included " };
        println!("{found} the root holds exactly this for the uid, in epoch {}:", receipt.epoch);
        holdings.iter().flat_map(Holdings::lines).for_each(|line| println!("{line}"));
    }
    let catalogue = Catalogue::new(Language::English);
    println!("checks");
    // Whether the balances are theirs is what the customer sees above.
    for result in verdict.results.iter().filter(|result| result.check != Check::Balances) {
        let status = match result.status() {
            Status::Passed => "passed",
            Status::Failed => "failed",
            Status::NotChecked => "not_checked",
        };
        println!(
            "  {:<12} {}  [{}]",
            catalogue.get(&format!("status.{status}")),
            catalogue.get(&format!("result.{}.{status}", result.check.name())),
            result.code.name(),
        );
    }
}
