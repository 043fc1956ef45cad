//! A prover that skips every check of our own: it takes the values of an honest or impossible run, changes them as it
//! likes, proves whatever comes out, and the proof doesn't verify. A8, A9 and A11 where they meet the tree.
#![allow(clippy::unwrap_used)]

mod tree_common;

use assay_circuit::{
    All, SEGMENT_PARAMETERS, SegmentPublics, SegmentShape, TotalsRow, Val, segment_airs, segment_common,
};
use assay_commit::Hasher;
use assay_recursion::tree::leaf::LeafCircuit;
use assay_recursion::tree::node::{Child, NodeCircuit};
use assay_recursion::tree::prover::NodeProof;
use assay_recursion::{Circuit, INNER, Inputs, ProvingKey};
use p3_field::PrimeCharacteristicRing;
use tree_common::{Segment, epoch, segment};

/// A circuit with its key.
struct Level<C> {
    circuit: C,
    key: ProvingKey,
}

/// Proves a run whatever its violations and returns whether the proof verifies with the run's own public values.
fn forced(circuit: &Circuit, key: &ProvingKey, inputs: &Inputs) -> bool {
    let witness = circuit.run(inputs);
    let publics = circuit.publics(&witness);
    let proof = key.prove(&circuit.trace(&witness), &publics);
    proof.is_ok_and(|proof| key.verifying_key().verify(&publics, &proof).is_ok())
}

fn leaf_level() -> Level<LeafCircuit> {
    let airs = segment_airs(All);
    let common = segment_common(&SEGMENT_PARAMETERS.config(), &airs).unwrap();
    let circuit = LeafCircuit::new(&airs, &common, &shape().log_heights()).unwrap();
    let key = ProvingKey::new(INNER, circuit.circuit()).unwrap();
    Level { circuit, key }
}

fn shape() -> SegmentShape {
    SegmentShape::custom([9, 7, 5, 15]).unwrap()
}

impl Level<LeafCircuit> {
    fn inputs(&self, segment: &Segment) -> Inputs {
        let Segment { publics, totals, proof } = segment;
        self.circuit.inputs(publics, totals, proof, &Hasher::new()).unwrap().0
    }

    fn prove(&self, segment: &Segment) -> NodeProof {
        let Segment { publics, totals, proof } = segment;
        let (inputs, statement, totals) =
            self.circuit.inputs(publics, totals, proof, &Hasher::new()).unwrap();
        let witness = self.circuit.circuit().run(&inputs);
        let trace = self.circuit.circuit().trace(&witness);
        let proof = self.key.prove(&trace, &statement.digest(&Hasher::new()).0).unwrap();
        NodeProof { statement, totals, proof }
    }
}

fn child(node: &NodeProof) -> Child<'_> {
    Child { proof: &node.proof, statement: &node.statement, totals: &node.totals }
}

#[test]
fn a_node_whose_prover_skips_our_checks() {
    let leaves = leaf_level();
    let proofs: Vec<NodeProof> =
        (0..2).map(|i| leaves.prove(&segment(epoch(1), shape(), i, 9 + i))).collect();
    let foreign = leaves.prove(&segment(epoch(2), shape(), 1, 5));
    let circuit = NodeCircuit::new(1, leaves.key.verifying_key()).unwrap();
    let key = ProvingKey::new(INNER, circuit.circuit()).unwrap();
    let inputs = |left: &NodeProof, right: Option<&NodeProof>| {
        let right = right.map(child);
        circuit.inputs(&child(left), right.as_ref(), &Hasher::new()).unwrap().0
    };

    let honest = inputs(&proofs[0], Some(&proofs[1]));
    assert!(forced(circuit.circuit(), &key, &honest));
    let runs = [
        ("a child twice", inputs(&proofs[0], Some(&proofs[0]))),
        ("children swapped", inputs(&proofs[1], Some(&proofs[0]))),
        ("a child of another epoch", inputs(&proofs[0], Some(&foreign))),
    ];
    for (what, run) in runs {
        assert!(!forced(circuit.circuit(), &key, &run), "{what}");
    }
    // Values in the order of the inputs: whether the right child is absent, then the left child's statement: full,
    // epoch, top, first, last, totals. The parent's list comes last, rows of ten; the border key before it.
    let end = honest.values.len();
    let places = [
        ("the right child left out", 0),
        ("the left child not full", 1),
        ("epoch", 1 + 1),
        ("top", 1 + 9),
        ("first key", 1 + 17),
        ("last key", 1 + 20),
        ("totals", 1 + 21),
        ("border key", end - 8_960 - 1),
        ("a key of the parent's list", end - 8_960),
        ("a limb of the parent's list", end - 8_960 + 11),
        ("a number of groups", end - 8_960 + 9),
    ];
    for (what, place) in places {
        let mut inputs = honest.clone();
        inputs.values[place] += Val::ONE;
        assert!(!forced(circuit.circuit(), &key, &inputs), "{what}");
    }
}

#[test]
fn a_leaf_whose_prover_skips_our_checks() {
    let level = leaf_level();
    let honest = segment(epoch(1), shape(), 0, 9);
    assert!(forced(level.circuit.circuit(), &level.key, &level.inputs(&honest)));
    let inputs = level.inputs(&honest);
    // Public values come first: top, epoch, totals, first, last, accounts.
    let publics = SegmentPublics::values(&honest.publics).concat().len();
    for (what, place) in [
        ("top", 0),
        ("epoch", 8),
        ("totals", 16),
        ("first key", 24),
        ("last key", 27),
        ("accounts", publics - 1),
    ] {
        let mut inputs = inputs.clone();
        inputs.values[place] += Val::ONE;
        assert!(!forced(level.circuit.circuit(), &level.key, &inputs), "{what}");
    }
    // A list of totals that isn't the segment's.
    type Change = fn(&mut Vec<TotalsRow>);
    let lists: [(&str, Change); 4] = [
        ("a row less", |rows| rows.truncate(rows.len() - 1)),
        ("a row twice", |rows| rows.push(rows[0])),
        ("a sum", |rows| rows[0].sums[0] += 1),
        ("entries", |rows| rows[0].entries += 1),
    ];
    for (what, change) in lists {
        let mut totals = honest.totals.clone();
        change(&mut totals);
        let (inputs, ..) =
            level.circuit.inputs(&honest.publics, &totals, &honest.proof, &Hasher::new()).unwrap();
        assert!(!forced(level.circuit.circuit(), &level.key, &inputs), "{what}");
    }
}
