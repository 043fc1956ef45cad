//! A1, A7, A28 across segments: repeated, swapped, left out, overlapping, of another epoch.

use assay_circuit::{All, Constraint, SEGMENT_PARAMETERS, Without};
use assay_commit::EMPTY;
use assay_verifier::{BundleHeader, Expectations, RecordError, SegmentRecord, VerifyError, verify_bundle};
use p3_field::PrimeCharacteristicRing;

use crate::exchange::{
    EXCHANGE, OTHERS, REST, THIRDS, WHOLE, assemble, holds, parse, prove, record, thirds, verify_segment,
};

fn order(records: &[&[u8]]) -> Option<usize> {
    match EXCHANGE.verify(&EXCHANGE.bundle(records)) {
        Err(VerifyError::SegmentOrder { segment }) => Some(segment),
        other => {
            assert!(other.is_ok(), "{other:?}");
            None
        }
    }
}

#[test]
fn a1_a_segment_repeated_or_out_of_order() {
    let [a, b, c] = THIRDS.each_ref();
    assert_eq!(order(&[a, b, c]), None);
    assert_eq!(order(&[a, a]), Some(1));
    assert_eq!(order(&[a, a, b, c]), Some(1));
    assert_eq!(order(&[a, b, b, c]), Some(2));
    assert_eq!(order(&[a, b, c, a]), Some(3));
    assert_eq!(order(&[b, a, c]), Some(1));
    assert_eq!(order(&[a, c, b]), Some(2));
    assert_eq!(order(&[c, b, a]), Some(1));
}

/// Ranges of keys that touch, interleave or enclose one another.
#[test]
fn a1_overlapping_ranges_of_keys() {
    let touching = EXCHANGE.segment(3..8);
    let within = EXCHANGE.segment([1, 2]);
    let odd = EXCHANGE.segment([1, 3, 5]);
    let even = EXCHANGE.segment([0, 2, 4]);
    let one = EXCHANGE.segment([4]);
    let [first, second, _] = THIRDS.each_ref();
    assert_eq!(order(&[first, &touching]), Some(1));
    assert_eq!(order(&[first, &within]), Some(1));
    assert_eq!(order(&[&even, &odd]), Some(1));
    assert_eq!(order(&[&WHOLE, first]), Some(1));
    // A segment of one account: its first key is its last.
    assert_eq!(order(&[first, &one]), None);
    assert_eq!(order(&[&one, &one]), Some(1));
    assert_eq!(order(&[&one, second]), Some(1));
}

/// A7: a segment left out makes a proof of another ledger, under another root.
#[test]
fn a7_a_segment_left_out() {
    let honest = EXCHANGE.verify(&thirds()).unwrap();
    let records: [&[u8]; 2] = [&THIRDS[0], &THIRDS[2]];
    let fitted = EXCHANGE.bundle(&records);
    let fewer = EXCHANGE.verify(&fitted).unwrap();
    assert_eq!(fewer.figures.at_most().0, 8);
    assert_ne!(fewer.root, honest.root);
    let base = EXCHANGE.expectations();
    let refused = |expected| verify_bundle(&fitted, expected).unwrap_err();
    assert_eq!(refused(Expectations { root: Some(honest.root), ..base }), VerifyError::OtherRoot);
    assert_eq!(
        refused(Expectations { totals: Some(honest.figures.at_most().1), ..base }),
        VerifyError::OtherTotals
    );
    assert_eq!(refused(Expectations { accounts: Some(12), ..base }), VerifyError::OtherAccounts);
    // Under the root that the customers know.
    assert_eq!(EXCHANGE.verify(&assemble(honest.root, &records)), Err(VerifyError::Root));
}

#[test]
fn a11_another_root_in_the_head() {
    let records = THIRDS.each_ref().map(Vec::as_slice);
    let tops = THIRDS.each_ref().map(|record| parse(record).publics.top);
    let swapped = vec![tops[1], tops[0], tops[2]];
    for root in [EMPTY, tops[0], OTHERS[0].root(tops.to_vec()), EXCHANGE.root(swapped)] {
        assert_eq!(EXCHANGE.verify(&assemble(root, &records)), Err(VerifyError::Root));
    }
    // An empty segment beside the three is the same tree but for nothing: four places, three tops.
    let padded = [tops.as_slice(), &[EMPTY]].concat();
    assert_eq!(EXCHANGE.root(padded), EXCHANGE.root(tops.to_vec()));
}

#[test]
fn a11_another_number_of_segments() {
    let bundle = thirds();
    let with = |segments: u32| {
        let mut bundle = bundle.clone();
        bundle[BundleHeader::BYTES - 4..BundleHeader::BYTES].copy_from_slice(&segments.to_le_bytes());
        EXCHANGE.verify(&bundle).err()
    };
    assert_eq!(with(3), None);
    assert_eq!(with(2), Some(RecordError::Trailing.into()));
    assert_eq!(with(4), Some(RecordError::Truncated.into()));
    for segments in [0, (1 << 14) + 1, u32::MAX] {
        assert_eq!(with(segments), Some(VerifyError::SegmentCount));
    }
    assert!(EXCHANGE.verify(&assemble(EMPTY, &[])).is_err());
}

/// A28: segments of an older epoch, another entity, another asset table, as they are and relabelled.
#[test]
fn a28_segments_of_another_statement() {
    for other in OTHERS.iter() {
        let foreign = other.segment(0..4);
        assert!(other.verify(&other.bundle(&[&foreign])).is_ok());
        assert_eq!(verify_segment(&foreign), Err(VerifyError::OtherEpoch));
        assert_eq!(EXCHANGE.verify(&EXCHANGE.bundle(&[&foreign])), Err(VerifyError::OtherEpoch));
        assert_eq!(EXCHANGE.verify(&EXCHANGE.bundle(&[&THIRDS[0], &foreign])), Err(VerifyError::OtherEpoch));
        let mut relabelled = parse(&foreign);
        relabelled.publics.epoch = EXCHANGE.digest;
        assert_eq!(verify_segment(&relabelled.to_bytes().unwrap()), Err(VerifyError::Proof));
        // The other way round: what is proven here, verified as theirs.
        assert_eq!(other.verify(&EXCHANGE.bundle(&[&WHOLE])), Err(VerifyError::OtherEpoch));
    }
}

/// Border keys that look right aren't those that are proven.
#[test]
fn a1_border_keys_made_up() {
    let overlapping = EXCHANGE.segment(3..8);
    let mut shifted = parse(&overlapping);
    shifted.publics.first = parse(&REST).publics.first;
    let shifted = shifted.to_bytes().unwrap();
    assert_eq!(EXCHANGE.verify(&EXCHANGE.bundle(&[&THIRDS[0], &shifted])), Err(VerifyError::Proof));
    let mut shorter = parse(&THIRDS[0]);
    shorter.publics.last = shorter.publics.first;
    let shorter = shorter.to_bytes().unwrap();
    assert_eq!(EXCHANGE.verify(&EXCHANGE.bundle(&[&shorter, &overlapping])), Err(VerifyError::Proof));
    let mut other_top = parse(&THIRDS[0]);
    other_top.publics.top = parse(&THIRDS[1]).publics.top;
    assert_eq!(verify_segment(&other_top.to_bytes().unwrap()), Err(VerifyError::Proof));
}

/// A8, A23: a circuit without the constraint that ties a border key, the top or the count to the trace proves what
/// isn't so; its proofs have the right shape and are of no use.
#[test]
fn a8_a_lax_circuit_of_the_same_shape() {
    let trace = EXCHANGE.trace(3..8);
    let mut cases = vec![];
    let mut publics = trace.publics.clone();
    publics.first = parse(&REST).publics.first;
    cases.push((Constraint::AccountFirstKeyIsPublic, publics));
    let mut publics = trace.publics.clone();
    publics.last[1] += assay_circuit::Val::ONE;
    cases.push((Constraint::AccountLastKeyIsPublic, publics));
    let mut publics = trace.publics.clone();
    publics.accounts = 1;
    cases.push((Constraint::AccountCountIsPublic, publics));
    let mut publics = trace.publics.clone();
    publics.top = parse(&WHOLE).publics.top;
    cases.push((Constraint::RootIsPublic, publics));
    for (constraint, publics) in cases {
        let lax = prove(Without(constraint), &SEGMENT_PARAMETERS, &trace, &publics);
        assert!(holds(Without(constraint), &SEGMENT_PARAMETERS, &lax, &publics), "{constraint:?}");
        assert_eq!(
            verify_segment(&record(&trace, &publics, &lax)),
            Err(VerifyError::Proof),
            "{constraint:?}"
        );
        let direct = prove(All, &SEGMENT_PARAMETERS, &trace, &publics);
        assert_eq!(verify_segment(&record(&trace, &publics, &direct)), Err(VerifyError::Proof));
    }
}

/// The same, for a circuit that lacks a constraint which the honest trace satisfies.
#[test]
fn a8_an_honest_segment_of_a_lax_circuit() {
    let trace = EXCHANGE.trace(0..4);
    let lax = prove(Without(Constraint::EntryGapInRange), &SEGMENT_PARAMETERS, &trace, &trace.publics);
    assert_eq!(verify_segment(&record(&trace, &trace.publics, &lax)), Err(VerifyError::Proof));
    let lax = prove(Without(Constraint::LeafHalfIsZero), &SEGMENT_PARAMETERS, &trace, &trace.publics);
    assert!(holds(Without(Constraint::LeafHalfIsZero), &SEGMENT_PARAMETERS, &lax, &trace.publics));
    let bytes =
        SegmentRecord { publics: trace.publics, totals: trace.totals, proof: lax }.to_bytes().unwrap();
    assert_eq!(verify_segment(&bytes), Err(VerifyError::Proof));
}
