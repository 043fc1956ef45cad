//! A report, a list of what was left out, a price file or a policy: reading never panics, and what is read in the
//! canonical form is written as the same bytes.
#![no_main]

use assay_fuzz::ASSETS;
use assay_reserves::{ExcludedFile, Policy, SolvencyReport};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(report) = SolvencyReport::from_json(bytes) {
        assert_eq!(report.to_json().unwrap(), bytes);
        let _ = report.check();
        assert!(!report.to_markdown().is_empty() && !report.to_html().is_empty());
    }
    if let Ok(excluded) = ExcludedFile::from_json(bytes) {
        let _ = excluded.of_statement((&assay_fuzz::ENTITY, &assay_fuzz::EPOCH), &[7; 32], &ASSETS);
    }
    if let Ok(policy) = Policy::from_toml(bytes, &ASSETS) {
        policy.digest().unwrap();
    }
});
