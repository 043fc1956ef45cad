//! A prover that skips every check of our own: it takes the values of an honest or impossible run, changes them as it
//! likes, proves whatever comes out, and the proof doesn't verify. A8, A9 and A11 where they meet the tree.
use crate::tree_common::{Segment, epoch, segment};
use assay_circuit::{
    All, SEGMENT_PARAMETERS, SegmentPublics, SegmentShape, TotalsRow, Val, Variant, segment_airs,
    segment_common,
};
use assay_commit::Hasher;
use assay_recursion::statement::{FinalRow, FinalTotals, LEAF_KEYS, MAX_KEYS, TotalsMode};
use assay_recursion::tree::leaf::LeafCircuit;
use assay_recursion::tree::node::{Child, NodeCircuit};
use assay_recursion::tree::prover::NodeProof;
use assay_recursion::tree::wrap::{Show, WrapCircuit};
use assay_recursion::{Circuit, INNER, Inputs, ProvingKey};
use p3_field::PrimeCharacteristicRing;

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
    let airs = segment_airs(Variant::Plain, All);
    let common = segment_common(&SEGMENT_PARAMETERS.config(), &airs).unwrap();
    let circuit = LeafCircuit::new(&airs, &common, &shape().log_heights()).unwrap();
    let key = ProvingKey::new(INNER, circuit.circuit()).unwrap();
    Level { circuit, key }
}

fn shape() -> SegmentShape {
    SegmentShape::custom([9, 7, 5, 15], None).unwrap()
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
    let list = honest.values.len() - 10 * MAX_KEYS;
    let places = [
        ("the right child left out", 0),
        ("the left child not full", 1),
        ("epoch", 1 + 1),
        ("top", 1 + 9),
        ("first key", 1 + 17),
        ("last key", 1 + 20),
        ("totals", 1 + 21),
        ("border key", list - 1),
        ("a key of the parent's list", list),
        ("a limb of the parent's list", list + 11),
        ("a number of groups", list + 9),
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

/// What the last circuits show: totals that aren't, bounds that aren't kept.
#[test]
fn a_wrap_whose_prover_skips_our_checks() {
    let hasher = Hasher::new();
    let leaves = leaf_level();
    let root = leaves.prove(&segment(epoch(1), shape(), 0, 9));
    let wrap = |mode| {
        let circuit = WrapCircuit::new(0, mode, leaves.key.verifying_key()).unwrap();
        // The cheaper layer: what matters are the circuit's constraints.
        let key = ProvingKey::new(INNER, circuit.circuit()).unwrap();
        (circuit, key)
    };

    let (circuit, key) = wrap(TotalsMode::Open);
    let (honest, statement) = circuit.inputs(&child(&root), Show::Totals, &hasher).unwrap();
    assert!(forced(circuit.circuit(), &key, &honest));
    // From the end: groups, carries, rows of eleven.
    let groups = honest.values.len() - LEAF_KEYS;
    let carries = groups - 8 * LEAF_KEYS;
    let rows = carries - 11 * LEAF_KEYS;
    let used = statement.totals.rows().len();
    let mut places = vec![
        ("groups", groups + 1),
        ("groups of a row that isn't in use", groups + used),
        ("a carry", carries + 8),
        ("a carry to the top", carries + 15),
        ("used", rows + 11),
        ("key of the accounts", rows + 1),
        ("key", rows + 12),
        ("top limb", rows + 21),
    ];
    places.extend((0..8).map(|limb| ("limb", rows + 13 + limb)));
    for (what, place) in places {
        let mut inputs = honest.clone();
        inputs.values[place] += Val::ONE;
        assert!(!forced(circuit.circuit(), &key, &inputs), "{what}");
    }

    let (circuit, key) = wrap(TotalsMode::Bounded);
    let salt = Val::new_array([9; 8]);
    let inputs =
        |bounds: &[FinalRow]| circuit.inputs(&child(&root), Show::Bounds(bounds, &salt), &hasher).unwrap().0;
    let FinalTotals::Open(totals) = statement.totals else { unreachable!() };
    // Each bound is the total itself.
    let honest = inputs(&totals);
    assert!(forced(circuit.circuit(), &key, &honest));
    for row in 0..totals.len() {
        let mut bounds = totals.clone();
        bounds[row].figure -= 1;
        assert!(!forced(circuit.circuit(), &key, &inputs(&bounds)), "a total above its bound, row {row}");
    }
    assert!(!forced(circuit.circuit(), &key, &inputs(&totals[..totals.len() - 1])), "no bound");
    // From the end: salt, slack, groups, carries.
    let slack = honest.values.len() - 8 - 9 * LEAF_KEYS;
    for (what, place, change) in [
        ("slack", slack + 9, Val::ONE),
        // The total is one above its bound, and the slack says so.
        ("negative slack", slack + 9, Val::NEG_ONE),
        ("slack in the top limb", slack + 17, Val::ONE),
        ("carry", slack - 9 * LEAF_KEYS + 8, Val::ONE),
    ] {
        let mut inputs = honest.clone();
        inputs.values[place] += change;
        assert!(!forced(circuit.circuit(), &key, &inputs), "{what}");
    }
    // Slack and carry together: all sums agree, and only the range of the lowest slack notices.
    let mut bounds = totals;
    bounds[1].figure += 1 << 15;
    let mut inputs = inputs(&bounds);
    assert!(forced(circuit.circuit(), &key, &inputs));
    inputs.values[slack + 9] += Val::from_u32(1 << 15);
    inputs.values[slack - 9 * LEAF_KEYS + 8] += Val::ONE;
    inputs.values[slack + 10] -= Val::ONE;
    assert!(!forced(circuit.circuit(), &key, &inputs), "slack out of range");
}
