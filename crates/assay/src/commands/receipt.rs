use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use assay_commit::{MAX_RECEIPT_BYTES, Receipt as CustomerReceipt, VerifiedReceipt};
use assay_prover::{ProverError, ReceiptMaker};
use assay_statement::AssetTable;
use assay_verifier::Expectations;
use serde_json::json;

use crate::arguments::{Receipt, VerifyReceipt};
use crate::commands::verify::{parse_root, verify_file};
use crate::commands::{Voice, asset_table, read_capped, read_totals, typed_uid};
use crate::failure::Failure;
use crate::output::{describe, grouped, whole_units};

pub(crate) fn make(arguments: &Receipt, voice: Voice) -> Result<(), Failure> {
    let totals = read_totals(&arguments.totals)?;
    let mut maker = ReceiptMaker::open(&arguments.work, &totals)?;
    let (Some(uid), false) = (&arguments.uid, arguments.all) else {
        return make_all(&mut maker, arguments, voice);
    };
    let json = maker.receipt(&typed_uid(uid)?)?.to_json()?;
    match &arguments.out {
        None => println!("{json}"),
        Some(path) => {
            let failed = |error| Failure::file(path, &error);
            write_private(path, |writer| writeln!(writer, "{json}").map_err(failed))?;
            if voice.json {
                println!("{}", json!({"version": 1, "ok": true, "receipt": path}));
            } else {
                println!("receipt   {}", path.display());
            }
        }
    }
    Ok(())
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
    // Its name is new and its rights are its owner's; it is gone if it isn't put in place.
    let file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    let (file, partial) = file.into_parts();
    let mut writer = BufWriter::with_capacity(1 << 20, file);
    let value = write(&mut writer)?;
    let file = writer.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)?;
    partial.persist(path).map_err(|error| failed(error.error))?;
    Ok(value)
}

pub(crate) fn verify(arguments: &VerifyReceipt, voice: Voice) -> Result<(), Failure> {
    let totals = arguments.totals.as_deref().map(read_totals).transpose()?;
    let assets = asset_table(arguments.assets.as_deref(), totals.as_ref())?;
    let receipt = CustomerReceipt::from_json(&read_capped(&arguments.receipt, MAX_RECEIPT_BYTES)?)?;
    let expected = arguments.root.as_deref().map(parse_root).transpose()?;
    let root = match (&arguments.proof, &totals, expected) {
        (Some(proof), Some(totals), _) => {
            let statement = verify_file(
                proof,
                Expectations {
                    root: expected,
                    ..Expectations::new(&arguments.entity, &totals.epoch()?, &assets)
                },
            )?;
            statement.root
        }
        (None, _, Some(root)) => root,
        _ => return Err(Failure::usage("give --root, or --proof with --totals")),
    };
    let uid = typed_uid(&arguments.uid)?;
    let verified = receipt.verify(&uid, &assets, &arguments.entity, &root)?;
    report(&verified, &assets, voice);
    Ok(())
}

fn report(verified: &VerifiedReceipt, assets: &AssetTable, voice: Voice) {
    let describe = |entry: &assay_statement::Entry| {
        let (symbol, decimals) = describe(entry.key, assets);
        (
            symbol.to_owned(),
            assets.kind_name(entry.key.kind()).into_owned(),
            whole_units(entry.amount.get(), decimals),
        )
    };
    if voice.json {
        let entries: Vec<_> = verified
            .entries
            .iter()
            .map(|entry| {
                let (asset, kind, amount) = describe(entry);
                json!({"asset": asset, "kind": kind, "amount": amount})
            })
            .collect();
        println!(
            "{}",
            json!({
                "version": 1, "ok": true, "epoch": verified.epoch.id(), "time": verified.epoch.time(),
                "entries": entries,
            })
        );
    } else {
        println!("verified  the root holds exactly this for the uid, in epoch {}:", verified.epoch.id());
        for entry in &verified.entries {
            let (asset, kind, amount) = describe(entry);
            println!("  {asset:<12} {kind:<21} {amount:>32}");
        }
        if verified.entries.is_empty() {
            println!("  an account without positions");
        }
    }
}
