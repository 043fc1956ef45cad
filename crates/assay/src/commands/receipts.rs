use std::io::Write;
use std::time::Instant;

use assay_prover::{ReceiptMaker, ReceiptsError, read_secret};
use assay_receipts::{Container, ContainerError, ContainerKey, ContainerWriter};
use serde_json::json;

use crate::arguments::{ExportReceipts, GetReceipt, Receipts};
use crate::commands::receipt::{given, said_qr, write_private, write_qr};
use crate::commands::{Voice, read_totals, typed_uid};
use crate::failure::Failure;
use crate::output::grouped;

pub(crate) fn run(arguments: &Receipts, voice: Voice) -> Result<(), Failure> {
    match arguments {
        Receipts::Export(arguments) => export(arguments, voice),
        Receipts::Get(arguments) => get(arguments, voice),
    }
}

/// Why an export ends.
enum ExportError {
    Receipts(ReceiptsError),
    Container(ContainerError),
}

impl From<ReceiptsError> for ExportError {
    fn from(error: ReceiptsError) -> Self {
        Self::Receipts(error)
    }
}

impl From<ContainerError> for ExportError {
    fn from(error: ContainerError) -> Self {
        Self::Container(error)
    }
}

fn export(arguments: &ExportReceipts, voice: Voice) -> Result<(), Failure> {
    let totals = read_totals(&arguments.totals)?;
    let key = ContainerKey::from(&read_secret(&arguments.key)?);
    let mut maker = ReceiptMaker::open(&arguments.work, &totals)?;
    let started = Instant::now();
    let path = &arguments.out;
    let failed = |error: ContainerError| match error {
        ContainerError::File(error) => Failure::file(path, &error),
        error => Failure::from(error),
    };
    let count = write_private(path, |out| {
        let mut writer = ContainerWriter::new(out, &key, maker.entity(), maker.root()).map_err(failed)?;
        let sealer = writer.sealer();
        maker
            .for_each_parallel(
                |number, uid_digest, receipt| {
                    let json = receipt.to_compact_json().map_err(ReceiptsError::Receipt)?;
                    Ok(sealer.seal(number, uid_digest, json.as_bytes())?)
                },
                |sealed| Ok(writer.push(&sealed)?),
            )
            .map_err(|error| match error {
                ExportError::Receipts(error) => Failure::from(error),
                ExportError::Container(error) => failed(error),
            })?;
        let (out, count) = writer.finish().map_err(failed)?;
        out.flush().map_err(|error| Failure::file(path, &error))?;
        Ok(count)
    })?;
    let bytes = std::fs::metadata(path).map_err(|error| Failure::file(path, &error))?.len();
    let seconds = started.elapsed().as_secs_f64();
    if voice.json {
        println!(
            "{}",
            json!({
                "version": 1, "ok": true, "container": path, "count": count, "bytes": bytes, "seconds": seconds,
            })
        );
    } else {
        println!("receipts  {} in {} ({} bytes)", grouped(count), path.display(), grouped(bytes));
    }
    Ok(())
}

fn get(arguments: &GetReceipt, voice: Voice) -> Result<(), Failure> {
    let key = ContainerKey::from(&read_secret(&arguments.key)?);
    let uid = typed_uid(&arguments.uid)?;
    let failed = |error: ContainerError| match error {
        ContainerError::File(error) => Failure::file(&arguments.container, &error),
        error => Failure::from(error),
    };
    let container = Container::open(&arguments.container, &key, &arguments.entity).map_err(failed)?;
    let receipt = container.receipt(&uid).map_err(failed)?;
    let receipt = receipt.ok_or_else(|| Failure::from(ReceiptsError::NoAccount))?;
    let text = String::from_utf8(receipt).map_err(|_| Failure::from(ContainerError::Record))?;
    let given = given(text, arguments.link.as_deref());
    match &arguments.qr {
        Some(path) => {
            write_qr(path, &given)?;
            said_qr(path, voice);
        }
        None => println!("{given}"),
    }
    Ok(())
}
