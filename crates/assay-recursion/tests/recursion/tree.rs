//! The tree of proofs from segments to the last layer: honest runs, and what a dishonest prover tries.
use crate::tree_common::{Segment, epoch, prices, proven, segment, trace};
use assay_circuit::{SegmentShape, Val};
use assay_commit::{Hasher, UpperTree};
use assay_recursion::statement::{
    FinalRow, FinalStatement, FinalTotals, NO_PRICES, NodeStatement, TotalsMode,
};
use assay_recursion::tree::leaf::LeafError;
use assay_recursion::tree::prover::{NodeProof, TreeError, TreeProver};
use assay_recursion::tree::wrap::Show;
use assay_recursion::{final_key, proof_from_bytes, proof_to_bytes};
use p3_field::PrimeCharacteristicRing;

/// What is changed, and how.
type Change<T> = (&'static str, fn(&mut T));

fn shape() -> SegmentShape {
    SegmentShape::custom([9, 7, 5, 15], None).unwrap()
}

fn leaf(prover: &TreeProver, segment: &Segment) -> NodeProof {
    prover.leaf(&segment.publics, &segment.totals, &segment.proof).unwrap()
}

/// A copy, and a copy that claims something else.
fn copy(node: &NodeProof) -> NodeProof {
    NodeProof::from_bytes(&node.to_bytes().unwrap()).unwrap()
}

fn claiming(node: &NodeProof, change: impl FnOnce(&mut NodeStatement)) -> NodeProof {
    let mut node = copy(node);
    change(&mut node.statement);
    node
}

fn refused(outcome: Result<NodeProof, TreeError>, what: &str) {
    assert!(matches!(outcome, Err(TreeError::Violation(_) | TreeError::Node(_))), "{what}");
}

/// Three segments, so that the second node of level 1 has no right child; then everything that a parent may not do
/// with its children. One test, because the proofs are what takes the time.
#[test]
fn three_segments_end_in_one_proof() {
    let hasher = Hasher::new();
    let prover = TreeProver::new(shape(), 2).unwrap();
    let segments: Vec<_> = (0..3).map(|i| segment(epoch(1), shape(), i, 9 + i)).collect();
    let leaves: Vec<_> = segments.iter().map(|segment| leaf(&prover, segment)).collect();
    let left = prover.node(&leaves[0], Some(&leaves[1])).unwrap();
    let right = prover.node(&leaves[2], None).unwrap();
    let root = prover.node(&left, Some(&right)).unwrap();

    // What it says is what the segments say.
    assert_eq!(root.statement.first, segments[0].publics.first);
    assert_eq!(root.statement.last, segments[2].publics.last);
    assert!(left.statement.full && !right.statement.full && !root.statement.full);
    let tops = segments.iter().map(|segment| segment.publics.top).collect();
    assert_eq!(root.statement.top, UpperTree::build(&hasher, tops).unwrap().top());

    cheats(&prover, &leaves, &left, &right);

    let finisher = prover.finisher(2, TotalsMode::Open).unwrap();
    let (statement, proof) = finisher.finish(&root, Show::Totals).unwrap();
    assert!(statement.is_well_formed());
    assert_eq!(statement.totals.rows()[0].figure, 9 + 10 + 11);
    let mut expected: std::collections::BTreeMap<u32, u128> = Default::default();
    for row in segments.iter().flat_map(|segment| &segment.totals) {
        *expected.entry(u32::from(row.key.number())).or_default() += row.total().unwrap();
    }
    let expected: Vec<FinalRow> =
        expected.into_iter().map(|(key, figure)| FinalRow { key, figure }).collect();
    assert_eq!(statement.totals.rows()[1..], expected);

    let publics = statement.digest(&hasher).unwrap().0;
    let bytes = proof_to_bytes(&proof).unwrap();
    finisher.key().verify_bytes(&publics, &bytes).unwrap();

    // Zero knowledge: another proof of the same statement shares nothing with it that depends on the witness.
    let (again, other) = finisher.finish(&root, Show::Totals).unwrap();
    assert_eq!(again, statement);
    finisher.key().verify(&publics, &other).unwrap();
    let (proof, other) = (proof_from_bytes(&bytes).unwrap(), other);
    assert_ne!(proof.commitments.main, other.commitments.main);
    assert_ne!(proof.commitments.quotient_chunks, other.commitments.quotient_chunks);

    // The key of another depth, and so of another circuit, takes it not (A8).
    let shallow = prover.finisher(1, TotalsMode::Open).unwrap();
    assert!(shallow.key().verify(&publics, &proof).is_err());
    // Nor does the key take a statement with a total, the epoch, the depth or the top changed (A11).
    for change in 0..5 {
        let mut claimed = statement.clone();
        match change {
            0 => rows_of(&mut claimed.totals)[1].figure -= 1,
            1 => claimed.epoch.0[3] += Val::ONE,
            2 => claimed.level -= 1,
            3 => claimed.prices.0[0] += Val::ONE,
            _ => claimed.top.0[0] += Val::ONE,
        }
        let publics = claimed.digest(&hasher).unwrap().0;
        assert!(finisher.key().verify(&publics, &proof).is_err(), "{change}");
    }
    bounds(&prover, &root, statement.totals.rows());
}

fn rows_of(totals: &mut FinalTotals) -> &mut Vec<FinalRow> {
    match totals {
        FinalTotals::Open(rows) | FinalTotals::Bounded { bounds: rows, .. } => rows,
    }
}

/// The same root with bounds in place of totals.
fn bounds(prover: &TreeProver, root: &NodeProof, totals: &[FinalRow]) {
    let hasher = Hasher::new();
    let finisher = prover.finisher(2, TotalsMode::Bounded).unwrap();
    let salt = Val::new_array([1, 2, 3, 4, 5, 6, 7, 0x7f00_0000]);
    // Kept just so, kept by far, and one for a key that nobody has entries of.
    let mut bounds = totals.to_vec();
    bounds[0].figure = 1 << 20;
    bounds[2].figure = u128::MAX;
    bounds.push(FinalRow { key: 4096, figure: 5 });
    let (statement, proof) = finisher.finish(root, Show::Bounds(&bounds, &salt)).unwrap();
    assert!(statement.is_well_formed());
    let commitment = root.totals.commitment(&salt, &hasher);
    assert_eq!(statement.totals, FinalTotals::Bounded { bounds: bounds.clone(), commitment });
    let publics = statement.digest(&hasher).unwrap().0;
    finisher.key().verify(&publics, &proof).unwrap();
    // A bound or the commitment changed, or bounds passed off as totals.
    for change in 0..3 {
        let mut claimed = statement.clone();
        match (change, &mut claimed.totals) {
            (0, totals) => rows_of(totals)[2].figure -= 1,
            (1, FinalTotals::Bounded { commitment, .. }) => commitment.0[7] += Val::ONE,
            (_, totals) => *totals = FinalTotals::Open(bounds.clone()),
        }
        let publics = claimed.digest(&hasher).unwrap().0;
        assert!(finisher.key().verify(&publics, &proof).is_err(), "{change}");
    }
    // A total above its bound, by one; one without a bound.
    bounds[1].figure -= 1;
    let outcome = finisher.finish(root, Show::Bounds(&bounds, &salt));
    assert!(matches!(outcome, Err(TreeError::Bound { key }) if key == totals[1].key));
    let outcome = finisher.finish(root, Show::Bounds(&totals[..2], &salt));
    assert!(matches!(outcome, Err(TreeError::Bound { key }) if key == totals[2].key));
}

fn cheats(prover: &TreeProver, leaves: &[NodeProof], left: &NodeProof, right: &NodeProof) {
    // A segment twice, two swapped, and a gap in front of a segment.
    refused(prover.node(&leaves[0], Some(&leaves[0])), "repeats a child");
    refused(prover.node(&leaves[1], Some(&leaves[0])), "swaps children");
    refused(prover.node(right, Some(left)), "swaps nodes");
    let early = segment(epoch(1), shape(), 7, 3);
    let late = prover.node(&leaf(prover, &early), None).unwrap();
    refused(prover.node(right, Some(&late)), "a gap with something to its right");

    // Another epoch, and with it another entity or asset table.
    let foreign = leaf(prover, &segment(epoch(2), shape(), 1, 5));
    refused(prover.node(&leaves[0], Some(&foreign)), "a child of another epoch");

    // A child that claims what its proof doesn't say.
    let lies: [Change<NodeStatement>; 7] = [
        ("another top", |statement| statement.top.0[0] += Val::ONE),
        ("another first key", |statement| statement.first[1] += Val::ONE),
        ("another last key", |statement| statement.last[1] += Val::ONE),
        ("another epoch", |statement| statement.epoch.0[7] += Val::ONE),
        ("no gap", |statement| statement.full = !statement.full),
        ("other totals", |statement| statement.totals.0[0] += Val::ONE),
        ("prices", |statement| statement.prices.0[7] += Val::ONE),
    ];
    for (what, lie) in lies {
        refused(prover.node(&claiming(&leaves[0], lie), Some(&leaves[1])), what);
        refused(prover.node(&leaves[0], Some(&claiming(&leaves[1], lie))), what);
    }

    // Totals that aren't those of the statement.
    let mut swapped = copy(&leaves[0]);
    swapped.totals = leaves[1].totals.clone();
    refused(prover.node(&swapped, Some(&leaves[1])), "totals of another child");

    // A proof of another circuit of the same shape: a node in place of a leaf (A8).
    let mut other = copy(&leaves[0]);
    other.proof = copy(left).proof;
    refused(prover.node(&other, Some(&leaves[1])), "a proof of another circuit");
    let mut other = copy(&leaves[0]);
    other.proof = copy(&leaves[1]).proof;
    refused(prover.node(&other, Some(&leaves[1])), "another child's proof");
}

/// Segments that cover debt: all at the same prices, which the final proof states (A4, A17).
#[test]
fn a04_segments_that_cover_debt_have_one_set_of_prices() {
    let hasher = Hasher::new();
    let shape = SegmentShape::custom([9, 7, 5, 15], Some([6, 6])).unwrap();
    let prover = TreeProver::new(shape, 1).unwrap();
    let honest = prices([6_400_050, 100, 342_517]);
    let segments: Vec<_> = (0..2).map(|i| proven(trace(epoch(1), shape, Some(&honest), i, 9 + i))).collect();
    let leaves: Vec<_> = segments.iter().map(|segment| leaf(&prover, segment)).collect();
    let root = prover.node(&leaves[0], Some(&leaves[1])).unwrap();
    assert_eq!(root.statement.prices, *honest.digest());

    // The price of what is pledged is inflated, or that of what is owed lowered, in one segment only.
    for inflated in [prices([6_400_051, 100, 342_517]), prices([6_400_050, 99, 342_517])] {
        let other = leaf(&prover, &proven(trace(epoch(1), shape, Some(&inflated), 1, 10)));
        refused(prover.node(&leaves[0], Some(&other)), "a child with other prices");
        let lie = claiming(&other, |statement| statement.prices = *honest.digest());
        refused(prover.node(&leaves[0], Some(&lie)), "a child that hides its prices");
    }
    let mut hidden = proven(trace(epoch(1), shape, Some(&honest), 0, 9));
    hidden.publics.prices = Some(*prices([1, 100, 1]).digest());
    let outcome = prover.leaf(&hidden.publics, &hidden.totals, &hidden.proof);
    assert!(matches!(outcome, Err(TreeError::Violation(_) | TreeError::Leaf(LeafError::Proof(_)))));
    hidden.publics.prices = None;
    let outcome = prover.leaf(&hidden.publics, &hidden.totals, &hidden.proof);
    assert!(matches!(outcome, Err(TreeError::Leaf(LeafError::Variant))));

    let finisher = prover.finisher(1, TotalsMode::Open).unwrap();
    let (statement, proof) = finisher.finish(&root, Show::Totals).unwrap();
    assert_eq!(statement.prices, *honest.digest());
    finisher.key().verify(&statement.digest(&hasher).unwrap().0, &proof).unwrap();
    for claimed in [NO_PRICES, *prices([6_400_050, 100, 342_518]).digest()] {
        let claimed = FinalStatement { prices: claimed, ..statement.clone() };
        assert!(finisher.key().verify(&claimed.digest(&hasher).unwrap().0, &proof).is_err());
    }
}

/// A23: what the verifiers have compiled in is what the program computes. If this fails on purpose, compute all keys anew
/// with the example `pin_keys`, and say so in the changelog.
#[test]
fn a23_keys_are_pinned() {
    for name in ["small", "small-covered"] {
        let shape = SegmentShape::of_name(name).unwrap();
        let prover = TreeProver::new(shape, 1).unwrap();
        for (mode, level) in [(TotalsMode::Open, 0), (TotalsMode::Open, 1), (TotalsMode::Bounded, 1)] {
            let key = prover.finisher(level, mode).unwrap().key().digest(&Hasher::new());
            assert_eq!(Some(key), final_key(mode, shape, level), "{name}, {mode:?}, level {level}");
        }
    }
}

#[test]
fn one_segment_is_a_tree() {
    let prover = TreeProver::new(shape(), 0).unwrap();
    let segment = segment(epoch(1), shape(), 0, 4);
    let root = leaf(&prover, &segment);
    let finisher = prover.finisher(0, TotalsMode::Open).unwrap();
    let (statement, proof) = finisher.finish(&root, Show::Totals).unwrap();
    let publics = statement.digest(&Hasher::new()).unwrap().0;
    finisher.key().verify(&publics, &proof).unwrap();
    assert_eq!(statement.top, segment.publics.top);
    assert_eq!(statement.totals.rows()[0].figure, 4);
}

/// What the native verifier checks of a segment beside its proof, the leaf checks too.
#[test]
fn a_leaf_takes_no_segment_that_the_bundle_verifier_refuses() {
    let prover = TreeProver::new(shape(), 0).unwrap();
    let honest = segment(epoch(1), shape(), 0, 9);
    let changed: [Change<Segment>; 8] = [
        ("fewer accounts", |segment| segment.publics.accounts -= 1),
        ("accounts modulo p", |segment| {
            segment.publics.accounts = segment.publics.accounts.wrapping_add(0x7f00_0001)
        }),
        ("another sum", |segment| segment.totals[0].sums[0] += 1),
        ("another number of entries", |segment| segment.totals[0].entries += 1),
        ("a row less", |segment| {
            segment.totals.pop();
        }),
        ("a row twice", |segment| segment.totals.push(segment.totals[0])),
        ("rows swapped", |segment| segment.totals.swap(0, 1)),
        ("another top", |segment| segment.publics.top.0[2] += Val::ONE),
    ];
    for (what, change) in changed {
        let mut segment = Segment {
            publics: honest.publics.clone(),
            totals: honest.totals.clone(),
            proof: proof_from_bytes(&proof_to_bytes(&honest.proof).unwrap()).unwrap(),
        };
        change(&mut segment);
        let outcome = prover.leaf(&segment.publics, &segment.totals, &segment.proof);
        assert!(matches!(outcome, Err(TreeError::Violation(_) | TreeError::Leaf(_))), "{what}");
    }
}
