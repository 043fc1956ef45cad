#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;

mod assets;
mod bundle;
mod opening;
mod proof;
mod record;
mod segment;
mod totals_file;

pub use assets::KnownAssets;
pub use bundle::{
    BUNDLE_MAGIC, BundleHeader, BundleVerifier, Expectations, Figures, MAX_BUNDLE_BYTES, Statement,
    verify_bundle,
};
pub use opening::{MAX_OPENING_BYTES, OPENING_FORMAT, OpeningError, TotalsOpening};
pub use proof::{MAX_PROOF_BYTES, PROOF_MAGIC, ProofFile, verify_proof};
pub use record::{FILE_VERSION, MAX_RECORD_BYTES, RecordError, SEGMENT_MAGIC, SegmentRecord};
pub use segment::{SegmentContext, SegmentVerifier, VerifyError};
pub use totals_file::{
    MAX_TOTALS_BYTES, TOTALS_FORMAT, TotalsFile, TotalsFileAsset, TotalsFileEntry, TotalsFileError,
    TotalsFileHaircuts, TotalsFilePrice, TotalsFilePriceRecord,
};
