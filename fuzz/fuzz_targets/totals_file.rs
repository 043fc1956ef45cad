//! A totals file: reading it never panics, and what is read is written and read as the same claim.
#![no_main]

use assay_verifier::TotalsFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(file) = TotalsFile::from_json(bytes) {
        let again = TotalsFile::from_json(file.to_json().unwrap().as_bytes()).unwrap();
        assert_eq!(file, again);
        let assets = file.asset_table().unwrap();
        assert!(file.totals(&assets).is_ok() && file.entity().is_ok() && file.epoch().is_ok());
    }
});
