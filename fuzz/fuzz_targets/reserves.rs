//! A file of reserves in any format, chosen by the first byte: reading, checking, reporting never panic, and a report that
//! is made passes its own check and is read back.
#![no_main]

use std::sync::Arc;

use assay_fuzz::{ASSETS, ENTITY, EPOCH, POLICY};
use assay_reserves::{
    LiabilityProof, LiabilitySource, ReadOptions, ReportInputs, ReserveFormat, SignatureAssessor,
    SolvencyReport, Source, build_report,
};
use assay_statement::{EntryKey, Kind, Totals};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, file)) = bytes.split_first() else { return };
    let format = ReserveFormat::ALL[usize::from(*first) % ReserveFormat::ALL.len()];
    let mut totals = Totals::new();
    totals.add_total(EntryKey::new(0, Kind::EQUITY).unwrap(), 100).unwrap();
    let inputs = ReportInputs {
        entity: ENTITY.clone(),
        epoch: EPOCH.clone(),
        root: [7; 32],
        accounts: 3,
        totals,
        liabilities: LiabilitySource {
            checked_by: LiabilityProof::Unverified,
            circuit: None,
            key: None,
            asset_table: None,
            anchors: Vec::new(),
            exclusions: Vec::new(),
            excluded: None,
        },
        assets: Arc::clone(&ASSETS),
        policy: POLICY.clone(),
        challenge: None,
        evidence: Vec::new(),
        resample: Vec::new(),
        supplies: Vec::new(),
        options: ReadOptions::default(),
    };
    let mut assessor = SignatureAssessor::new(&POLICY, None);
    let source = Source::memory("file", file);
    let Ok(report) = build_report(inputs, &[(source, format)], &mut assessor) else { return };
    report.check().unwrap();
    assert!(!report.to_markdown().is_empty() && !report.to_html().is_empty());
    let Ok(json) = report.to_json() else { return };
    assert_eq!(SolvencyReport::from_json(&json).unwrap(), report);
});
