use std::path::Path;

use assay_reserves::{MAX_REPORT_BYTES, SolvencyReport};
use assay_site::{CheckPage, Expected, MAX_MODULE_BYTES};
use assay_verifier::{MAX_PROOF_BYTES, MAX_TOTALS_BYTES};
use serde_json::json;

use crate::arguments::{Site, SitePage};
use crate::commands::report::write_public;
use crate::commands::{Voice, read_capped};
use crate::failure::Failure;

pub(crate) fn run(arguments: &Site, voice: Voice) -> Result<(), Failure> {
    match arguments {
        Site::Page(arguments) => page(arguments, voice),
    }
}

fn page(arguments: &SitePage, voice: Voice) -> Result<(), Failure> {
    let module = read_capped(&arguments.verifier, MAX_MODULE_BYTES)?;
    let page = CheckPage::new(&module).map_err(Failure::unreadable)?;
    let read = |path: &Option<std::path::PathBuf>, most: usize| {
        path.as_deref().map(|path: &Path| read_capped(path, most)).transpose()
    };
    let report = read(&arguments.report, MAX_REPORT_BYTES)?;
    let proof = read(&arguments.proof, MAX_PROOF_BYTES)?;
    let totals = read(&arguments.totals, MAX_TOTALS_BYTES)?;
    let expected = report.as_deref().map(expected_of).transpose()?;
    let files: Vec<(&str, &[u8])> = [("report", &report), ("proof", &proof), ("totals", &totals)]
        .into_iter()
        .filter_map(|(name, bytes)| Some((name, bytes.as_deref()?)))
        .collect();
    write_public(&arguments.out, page.offline(expected.as_ref(), &files).as_bytes())?;
    if voice.json {
        println!(
            "{}",
            json!({"version": 1, "ok": true, "page": arguments.out, "module_sha256": page.module_digest()})
        );
    } else {
        println!("page      {}", arguments.out.display());
        println!("verifier  SHA-256 {}", page.module_digest());
    }
    Ok(())
}

/// What a page for the epoch of this report is to expect.
fn expected_of(report: &[u8]) -> Result<Expected, Failure> {
    let report = SolvencyReport::from_json(report)?;
    Ok(Expected {
        entity: report.entity,
        epoch: report.epoch,
        time: report.time,
        root: report.root,
        asset_table: report
            .liabilities
            .asset_table
            .ok_or_else(|| Failure::unreadable("the report names no asset table, so nothing was proven"))?,
    })
}
