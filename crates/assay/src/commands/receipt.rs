use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use assay_commit::{
    Hasher, MAX_RECEIPT_BYTES, Receipt as CustomerReceipt, VerifiedReceipt, asset_table_digest,
};
use assay_ledger::read_asset_table;
use assay_prover::{ProverError, ReceiptMaker};
use assay_statement::AssetTable;
use assay_verifier::{Expectations, TotalsFile};
use serde_json::{Value, json};

use crate::arguments::{Receipt, VerifyReceipt};
use crate::commands::verify::{parse_root, verify_file};
use crate::commands::{Voice, asset_table, read_capped, read_totals, typed_uid};
use crate::failure::Failure;
use crate::holdings::Holdings;
use crate::output::{describe, grouped, whole_units};

pub(crate) fn make(arguments: &Receipt, voice: Voice) -> Result<(), Failure> {
    let totals = read_totals(&arguments.totals)?;
    let mut maker = ReceiptMaker::open(&arguments.work, &totals)?;
    let (Some(uid), false) = (&arguments.uid, arguments.all) else {
        return make_all(&mut maker, arguments, voice);
    };
    let uid = typed_uid(uid)?;
    let receipt = maker.receipt(&uid)?;
    let json = receipt.to_json()?;
    let Some(path) = &arguments.out else {
        println!("{json}");
        return Ok(());
    };
    // Before anything is written: another asset table gives other names and prices.
    let assets = arguments.assets.as_deref().map(|path| table_of(path, &totals)).transpose()?;
    let verified = assets
        .as_ref()
        .map(|assets| receipt.verify(&uid, assets, &totals.entity()?, &totals.root()?).map_err(Failure::from))
        .transpose()?;
    let failed = |error| Failure::file(path, &error);
    write_private(path, |writer| writeln!(writer, "{json}").map_err(failed))?;
    let holdings = match (&verified, &assets) {
        (Some(verified), Some(assets)) => Some(Holdings::new(&verified.entries, assets)),
        _ => None,
    };
    if voice.json {
        let mut said = json!({"version": 1, "ok": true, "receipt": path});
        if let (Value::Object(map), Some(holdings)) = (&mut said, &holdings) {
            map.insert("holdings".into(), holdings.json());
        }
        println!("{said}");
    } else {
        println!("receipt   {}", path.display());
        holdings.iter().flat_map(Holdings::lines).for_each(|line| println!("{line}"));
    }
    Ok(())
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
    let assets = match (&arguments.assets, &totals) {
        (Some(path), Some(totals)) => table_of(path, totals)?,
        (path, totals) => asset_table(path.as_deref(), totals.as_ref())?,
    };
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
    let holdings = Holdings::new(&verified.entries, assets);
    if voice.json {
        let entries: Vec<_> = verified
            .entries
            .iter()
            .map(|entry| {
                let (symbol, decimals) = describe(entry.key, assets);
                let amount = whole_units(entry.amount.get(), decimals);
                json!({"asset": symbol, "kind": assets.kind_name(entry.key.kind()), "amount": amount})
            })
            .collect();
        println!(
            "{}",
            json!({
                "version": 1, "ok": true, "epoch": verified.epoch.id(), "time": verified.epoch.time(),
                "entries": entries, "holdings": holdings.json(),
            })
        );
    } else {
        println!("verified  the root holds exactly this for the uid, in epoch {}:", verified.epoch.id());
        holdings.lines().iter().for_each(|line| println!("{line}"));
    }
}
