//! A25: no bytes make the verifier panic.

use assay_circuit::CIRCUIT_ID;
use assay_commit::Hasher;
use assay_verifier::{BUNDLE_MAGIC, BundleHeader, FILE_VERSION, SEGMENT_MAGIC, SegmentRecord};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::exchange::{EXCHANGE, THIRDS, WHOLE, verify_segment};
use crate::layout::{proof_start, relengthened};

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Bytes after a head that gets them past the first checks.
fn after_head(magic: [u8; 8], rest: &[u8]) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    bytes.extend(FILE_VERSION.to_le_bytes());
    bytes.extend(CIRCUIT_ID.to_bytes());
    bytes.extend((rest.len() as u64).to_le_bytes());
    bytes.extend(rest);
    bytes
}

/// A stretch of bytes replaced by others, of another length as well.
fn splice() -> impl Strategy<Value = (prop::sample::Index, usize, Vec<u8>)> {
    let small = vec(any::<u8>(), 0..24);
    let numbers =
        prop::sample::select(vec![0u64, 1, 127, 128, 1 << 20, u64::from(u32::MAX), 1 << 40, u64::MAX]);
    // Lengths, as the proof's encoding writes them.
    let lengths = numbers.prop_map(|number| postcard::to_allocvec(&number).unwrap());
    (any::<prop::sample::Index>(), 0usize..24, prop_oneof![small, lengths])
}

fn apply(bytes: &mut Vec<u8>, start: usize, (place, removed, added): &(prop::sample::Index, usize, Vec<u8>)) {
    let at = start + place.index(bytes.len() - start);
    let end = (at + removed).min(bytes.len());
    bytes.splice(at..end, added.iter().copied());
}

proptest! {
    #![proptest_config(config(2000))]

    #[test]
    fn a25_random_bytes(bytes in vec(any::<u8>(), 0..600)) {
        let hasher = Hasher::new();
        prop_assert!(SegmentRecord::from_bytes(&hasher, &bytes, &assay_commit::EMPTY).is_err());
        let record = after_head(SEGMENT_MAGIC, &bytes);
        prop_assert!(SegmentRecord::from_bytes(&hasher, &record, &assay_commit::EMPTY).is_err());
        // Elements of zero up to the totals, then anything.
        let mut rest = vec![0; 88];
        rest.extend(&bytes);
        prop_assert!(SegmentRecord::from_bytes(&hasher, &after_head(SEGMENT_MAGIC, &rest), &assay_commit::EMPTY).is_err());
        if let Some(head) = bytes.first_chunk() {
            prop_assert!(BundleHeader::from_bytes(head).is_err());
        }
        if let Some(head) = after_head(BUNDLE_MAGIC, &bytes).first_chunk() {
            let _ = BundleHeader::from_bytes(head);
        }
    }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn a25_spliced_records(splices in vec(splice(), 1..4), in_proof in any::<bool>()) {
        let mut record = WHOLE.clone();
        for splice in &splices {
            apply(&mut record, if in_proof { proof_start(&WHOLE) } else { 52 }, splice);
        }
        let record = relengthened(record);
        prop_assert!(record == *WHOLE || verify_segment(&record).is_err());
    }

    /// Lengths of lists in the proof, which stand at its front and at its end, grown beyond the bytes that follow.
    #[test]
    fn a25_spliced_ends(splice in splice(), front in any::<bool>()) {
        let start = if front { proof_start(&WHOLE) } else { WHOLE.len() - 200 };
        let end = if front { start + 200 } else { WHOLE.len() };
        let mut part = WHOLE[start..end].to_vec();
        apply(&mut part, 0, &splice);
        let record = relengthened([&WHOLE[..start], &part, &WHOLE[end..]].concat());
        prop_assert!(record == *WHOLE || verify_segment(&record).is_err());
    }

    #[test]
    fn a25_random_bundles(bytes in vec(any::<u8>(), 0..600), segments in 0u32..5) {
        prop_assert!(EXCHANGE.verify(&bytes).is_err());
        prop_assert!(EXCHANGE.verify(&after_head(BUNDLE_MAGIC, &bytes)).is_err());
        let mut rest = vec![0; 32];
        rest.extend(segments.to_le_bytes());
        rest.extend(&bytes);
        prop_assert!(EXCHANGE.verify(&after_head(BUNDLE_MAGIC, &rest)).is_err());
    }

    #[test]
    fn a25_spliced_bundles(splices in vec(splice(), 1..4)) {
        let honest = EXCHANGE.bundle(&[&THIRDS[0], &THIRDS[1]]);
        let mut bundle = honest.clone();
        for splice in &splices {
            apply(&mut bundle, 0, splice);
        }
        prop_assert!(bundle == honest || EXCHANGE.verify(&bundle).is_err());
    }
}
