//! Every assertion of the tree's circuits is needed (A9): for each place in the source that asserts something there is a
//! prover whose values violate what was asserted there and nothing else, and who would get away with it without that
//! check.
//!
//! What counts are the checks of `src/tree/`; that the child's proof holds is for the tests of `src/gadgets/`. So the
//! circuits verify children that prove *anything*: what a child claims may be what no honest one would, while no check
//! of its proof ever fails. The calls that assert are those of the real circuits, as the last test here makes sure.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree_common::epoch;
use assay_circuit::p3_batch_stark::{BatchProof, ProverData, StarkInstance, prove_batch};
use assay_circuit::{
    All, Challenge, MAX_TOTALS_ROWS, ProofParameters, SEGMENT_PARAMETERS, SegmentConfig, SegmentPublics,
    SegmentShape, TotalsRow, Val, Variant, segment_airs, segment_common, totals_digest,
};
use assay_commit::{Digest, Hasher};
use assay_recursion::gadgets::ChildShape;
use assay_recursion::mutation::{Assertion, Site};
use assay_recursion::statement::{
    FINAL_ROW, FinalRow, FinalTotals, LEAF_KEYS, LIMBS, MAX_KEYS, NO_PRICES, NODE_ROW, NodeRow,
    NodeStatement, NodeTotals, SEGMENT_LIMBS, TotalsMode,
};
use assay_recursion::tree::TreeCircuitError;
use assay_recursion::tree::last::LastCircuit;
use assay_recursion::tree::leaf::LeafCircuit;
use assay_recursion::tree::node::{Child, NodeCircuit};
use assay_recursion::tree::wrap::{Show, WrapCircuit};
use assay_recursion::{
    BuildError, Circuit, CircuitBuilder, INNER, InnerProof, Inputs, Layer, ProvingKey, Violation, WRAP, Wire,
    Witness,
};
use assay_statement::EntryKey;
use p3_air::{Air, BaseAir, WindowAccess};
use p3_field::{Field, PrimeCharacteristicRing, PrimeField32};
use p3_lookup::InteractionBuilder;
use p3_matrix::dense::RowMajorMatrix;

/// The order of the field.
const P: u128 = Val::ORDER_U32 as u128;

/// Parameters of children's proofs: they show nothing anyway.
const PARAMETERS: ProofParameters = ProofParameters {
    log_blowup: 2,
    queries: 2,
    log_arity: 2,
    log_final_length: 2,
    cap_height: 1,
    lookup_work: 0,
    point_work: 0,
    batch_work: 0,
    commit_work: 0,
    query_work: 1,
};

const HEIGHT: usize = 6;

/// Values of hints that a prover chooses.
type Overrides = BTreeMap<Wire, Challenge>;

/// A place that asserts: a file, a piece of a line, and which of the lines that have it.
type Place = (&'static str, &'static str, usize);

/// A place by file and line.
type Line = (&'static str, u32);

const SOURCES: [(&str, &str); 7] = [
    ("last.rs", include_str!("../../src/tree/last.rs")),
    ("leaf.rs", include_str!("../../src/tree/leaf.rs")),
    ("mod.rs", include_str!("../../src/tree/mod.rs")),
    ("node.rs", include_str!("../../src/tree/node.rs")),
    ("order.rs", include_str!("../../src/tree/order.rs")),
    ("totals.rs", include_str!("../../src/tree/totals.rs")),
    ("wrap.rs", include_str!("../../src/tree/wrap.rs")),
];

fn line((file, piece, nth): Place) -> Line {
    let (file, source) = SOURCES.into_iter().find(|(name, _)| *name == file).unwrap();
    let mut lines = source.lines().zip(1..).filter(|(line, _)| line.contains(piece));
    let (_, line) = lines.nth(nth).unwrap_or_else(|| panic!("{file} has no line {nth} with {piece}"));
    (file, line)
}

/// The line of a site of `src/tree/`; `None` for those of gadgets.
fn line_of(site: Site) -> Option<Line> {
    let (folder, name) = site.file().rsplit_once('/')?;
    if !folder.ends_with("src/tree") {
        return None;
    }
    let (name, _) = SOURCES.into_iter().find(|(file, _)| *file == name).unwrap();
    Some((name, site.line()))
}

/// A circuit, and which of its places were violated alone.
struct Subject<'a> {
    circuit: &'a Circuit,
    assertions: Vec<Assertion>,
    covered: BTreeSet<Line>,
    /// Public values of the honest run.
    truth: Vec<Val>,
}

impl<'a> Subject<'a> {
    fn new(circuit: &'a Circuit, honest: &Inputs) -> Self {
        let witness = circuit.run(honest);
        assert_eq!(witness.violations(), []);
        let truth = circuit.publics(&witness);
        // Places are told apart by their lines.
        let sites = circuit.sites();
        let lines: BTreeSet<Line> = sites.iter().filter_map(|site| line_of(site)).collect();
        assert_eq!(lines.len(), sites.iter().filter(|site| line_of(site).is_some()).count());
        Self { circuit, assertions: circuit.assertions(), covered: BTreeSet::new(), truth }
    }

    /// Wires of each operation that is asserted at a place.
    fn wires(&self, place: Place) -> Vec<Vec<Wire>> {
        let line = line(place);
        let here = |assertion: &&Assertion| line_of(assertion.site) == Some(line);
        let wires: Vec<Vec<Wire>> =
            self.assertions.iter().filter(here).map(|assertion| assertion.wires.clone()).collect();
        assert!(!wires.is_empty(), "nothing is asserted at {place:?}");
        wires
    }

    /// A run that violates what a place asserts and nothing else.
    fn only(&mut self, what: &str, place: Place, inputs: &Inputs, overrides: &Overrides) -> Witness {
        let witness = self.circuit.run_with(inputs, overrides);
        for (wire, value) in overrides {
            assert_eq!(witness.value(*wire), *value, "{what}: not a hint");
        }
        assert!(!witness.violations().is_empty(), "{what}: nothing notices");
        let line = line(place);
        for violation in witness.violations() {
            let site = self.circuit.site(violation);
            assert_eq!(site.and_then(line_of), Some(line), "{what}: {violation:?} at {site:?}");
        }
        self.covered.insert(line);
        witness
    }

    /// Such a run over the children of the honest one, so that what it states is false.
    fn lie(&mut self, what: &str, place: Place, inputs: &Inputs, overrides: &Overrides) {
        let witness = self.only(what, place, inputs, overrides);
        assert_ne!(self.circuit.publics(&witness), self.truth, "{what}: states the truth");
    }

    /// Such a run over children for which the circuit must not hold at all.
    fn impossible(&mut self, what: &str, place: Place, inputs: &Inputs, overrides: &Overrides) {
        self.only(what, place, inputs, overrides);
    }

    /// Every place that asserts was violated alone; how many there are.
    fn all_covered(&self) -> usize {
        let asserting: BTreeSet<Line> =
            self.assertions.iter().filter_map(|assertion| line_of(assertion.site)).collect();
        let left: Vec<&Line> = asserting.difference(&self.covered).collect();
        assert!(left.is_empty(), "not violated alone: {left:?}");
        asserting.len()
    }

    /// Lists that differ, made to agree by a quotient: `place` divides, `agree` compares, and the quotient counts as
    /// `sign` on the left of that equation.
    fn quotient(
        &mut self,
        what: &str,
        (place, nth): (Place, usize),
        (agree, sign): (Place, Val),
        inputs: &Inputs,
    ) {
        let witness = self.only(what, agree, inputs, &Overrides::new());
        let [a, b, c, out] =
            self.wires(agree)[0].iter().map(|wire| witness.value(*wire)).collect::<Vec<_>>()[..]
        else {
            panic!("not an equation")
        };
        let quotient = self.wires(place)[nth][0];
        let value = witness.value(quotient) + (out - a * b - c) * sign;
        self.lie(what, place, inputs, &Overrides::from([(quotient, value)]));
    }

    /// A digest whose elements aren't those of the hash, which `elements` is given with their places.
    fn digest(&self, place: Place, elements: impl Fn(usize, Val) -> Val, inputs: &Inputs) -> Overrides {
        let witness = self.circuit.run(inputs);
        // Where a place opens several, the first one.
        let halves = self.wires(place);
        let wires = halves[0][..5].iter().chain(&halves[1][..3]);
        wires.enumerate().map(|(i, wire)| (*wire, elements(i, base(witness.value(*wire))).into())).collect()
    }
}

fn base(value: Challenge) -> Val {
    use p3_field::BasedVectorSpace;
    let coordinates: &[Val] = value.as_basis_coefficients_slice();
    coordinates[0]
}

fn one_more(i: usize, element: Val) -> Val {
    element + Val::from_bool(i == 0)
}

fn limbs<const N: usize>(total: u128) -> [Val; N] {
    core::array::from_fn(|i| Val::from_u128(total.checked_shr(15 * i as u32).unwrap_or(0) & 0x7fff))
}

/// Carries in the field, whatever their size, with `sums[j] + carry[j] = limbs[j] + 2^15 carry[j + 1]`.
fn carries<const N: usize, const C: usize>(sums: &[Val; N], limbs: &[Val]) -> [Val; C] {
    let mut carry = Val::ZERO;
    core::array::from_fn(|j| {
        carry = (sums[j] + carry - limbs[j]) * Val::from_u32(1 << 15).inverse();
        carry
    })
}

fn set(inputs: &mut Inputs, at: usize, values: &[Val]) {
    for (place, value) in inputs.values[at..][..values.len()].iter_mut().zip(values) {
        *place = (*value).into();
    }
}

fn get(inputs: &Inputs, at: usize) -> Val {
    base(inputs.values[at])
}

fn bump(inputs: &mut Inputs, at: usize, change: Val) {
    inputs.values[at] += change;
}

fn changed(inputs: &Inputs, change: impl FnOnce(&mut Inputs)) -> Inputs {
    let mut inputs = inputs.clone();
    change(&mut inputs);
    inputs
}

// The leaf.

/// Tables of zeros that hold for any public values.
#[derive(Clone)]
struct Anything(usize);

impl BaseAir<Val> for Anything {
    fn width(&self) -> usize {
        1
    }

    fn num_public_values(&self) -> usize {
        self.0
    }

    fn main_next_row_columns(&self) -> Vec<usize> {
        Vec::new()
    }

    fn max_constraint_degree(&self) -> Option<usize> {
        Some(3)
    }
}

impl<AB: InteractionBuilder<F = Val>> Air<AB> for Anything {
    fn eval(&self, builder: &mut AB) {
        let x = builder.main().current_slice()[0];
        builder.assert_zero(x * x * x - x * x);
        let publics: Vec<AB::Expr> = builder.public_values().iter().map(|value| (*value).into()).collect();
        publics.into_iter().for_each(|public| builder.assert_zero(public * x));
    }
}

/// The leaf circuit over segments that prove anything.
struct Leaves {
    data: ProverData<SegmentConfig>,
    airs: Vec<Anything>,
    circuit: LeafCircuit,
}

/// Where the values of a leaf's inputs are.
const LEAF_CARRIES: usize = SEGMENT_LIMBS - 1;

impl Leaves {
    fn new() -> Self {
        let airs: Vec<Anything> = [24, 0, 5, 0].map(Anything).to_vec();
        let heights = [HEIGHT; 4];
        let data = ProverData::from_airs_and_degrees(&PARAMETERS.config(), &airs, &heights).unwrap();
        let shape = ChildShape::new(&PARAMETERS, &airs, &data.common, &heights).unwrap();
        let circuit = LeafCircuit::over_any(shape).unwrap();
        Self { data, airs, circuit }
    }

    fn prove(&self, publics: &SegmentPublics) -> BatchProof<SegmentConfig> {
        let trace = RowMajorMatrix::new(Val::zero_vec(1 << HEIGHT), 1);
        let publics = publics.values();
        let instances: Vec<_> = self
            .airs
            .iter()
            .zip(&publics)
            .map(|(air, publics)| StarkInstance { air, trace: &trace, public_values: publics.clone() })
            .collect();
        prove_batch(&PARAMETERS.config(), &instances, &self.data).unwrap()
    }

    /// Inputs for a segment that claims this, with the list for `rows`.
    fn inputs(&self, publics: &SegmentPublics, rows: &[TotalsRow]) -> Inputs {
        let proof = self.prove(publics);
        self.circuit.inputs(publics, rows, &proof, &Hasher::new()).unwrap().0
    }
}

fn totals_row(key: u16, sums: [u32; 6]) -> TotalsRow {
    TotalsRow { key: EntryKey::from_number(key).unwrap(), sums, entries: 3 }
}

fn claims(rows: &[TotalsRow], accounts: u32) -> SegmentPublics {
    let epoch = epoch(1);
    SegmentPublics {
        top: Digest(Val::new_array([3; 8])),
        epoch,
        totals: totals_digest(&Hasher::new(), &epoch, rows),
        first: Val::new_array([10, 11]),
        last: Val::new_array([20, 21]),
        accounts,
        prices: None,
    }
}

/// Sums of limbs of the groups of one key, before carrying.
fn limb_sums(rows: &[TotalsRow]) -> [Val; SEGMENT_LIMBS] {
    let mut sums = [Val::ZERO; SEGMENT_LIMBS];
    for row in rows {
        for (j, sum) in row.sums.into_iter().enumerate() {
            sums[j] += Val::from_u32(sum & 0x7fff);
            sums[j + 1] += Val::from_u32(sum >> 15);
        }
    }
    sums
}

fn total(rows: &[TotalsRow]) -> u128 {
    rows.iter().flat_map(|row| row.sums.iter().enumerate()).map(|(j, sum)| u128::from(*sum) << (15 * j)).sum()
}

/// Where a leaf's inputs have the first row, the list, and its carries.
fn leaf_places(inputs: &Inputs) -> [usize; 3] {
    let carries = inputs.values.len() - LEAF_KEYS * LEAF_CARRIES;
    let list = carries - LEAF_KEYS * NODE_ROW;
    [list - MAX_TOTALS_ROWS * 9, list, carries]
}

/// Replaces the figures of a row of a leaf's list: sums of limbs before carrying, and the total that is shown.
fn relist(inputs: &Inputs, row: usize, sums: [Val; SEGMENT_LIMBS], total: u128) -> Inputs {
    let [_, list, carries_at] = leaf_places(inputs);
    let limbs: [Val; SEGMENT_LIMBS] = limbs(total);
    let carries: [Val; LEAF_CARRIES] = carries(&sums, &limbs);
    assert_eq!(limbs[7], sums[7] + carries[6], "not that total modulo p");
    changed(inputs, |inputs| {
        set(inputs, list + NODE_ROW * row + 1, &limbs);
        set(inputs, carries_at + LEAF_CARRIES * row, &carries);
    })
}

#[test]
fn every_check_of_the_leaf_is_needed() {
    let leaves = Leaves::new();
    let none = Overrides::new();
    let [a, b] = [totals_row(8, [40_000, 5, 0, 0, 0, 9]), totals_row(8, [30_000, 7, 0, 1, 0, 0])];
    let [c, d] = [totals_row(16, [7, 1, 0, 0, 0, 0]), totals_row(24, [1_000_000_000, 3, 0, 0, 0, 0])];
    let rows = [a, b, c, d];
    let publics = claims(&rows, 9);
    let honest = leaves.inputs(&publics, &rows);
    let mut leaf = Subject::new(leaves.circuit.circuit(), &honest);
    let [first_row, list, carries_at] = leaf_places(&honest);
    let used = |row: usize| first_row + 9 * row + 8;

    // The rows in use.
    let twice = leaves.inputs(&publics, &[a, b, c, c]);
    let twice = changed(&twice, |inputs| {
        inputs.values[first_row..list].copy_from_slice(&honest.values[first_row..list]);
        set(inputs, used(2), &[Val::TWO]);
        set(inputs, used(3), &[Val::ZERO]);
    });
    leaf.lie(
        "one row counted twice and the next one not",
        ("leaf.rs", "b.assert_bool(row.used)", 0),
        &twice,
        &none,
    );
    let other = totals_row(32, [1; 6]);
    let swapped = leaves.inputs(&publics, &[b, c, d, other]);
    let mut all = leaves.inputs(&publics, &[a, b, c, d, other]);
    set(&mut all, used(0), &[Val::ZERO]);
    let swapped = changed(&swapped, |inputs| {
        inputs.values[first_row..list].copy_from_slice(&all.values[first_row..list])
    });
    let place = ("leaf.rs", "b.assert_mul_add(row.used, before, zero, row.used)", 0);
    leaf.lie("the first row left out, one after the last one counted", place, &swapped, &none);
    let less = leaves.inputs(&publics, &[totals_row(8, [39_999, 5, 0, 0, 0, 9]), b, c, d]);
    leaf.lie("other rows", ("leaf.rs", "b.assert_mul_add(output, one, input, expected)", 0), &less, &none);

    // The number of accounts.
    let split = ("leaf.rs", "b.assert_mul_add(high, half, low, less)", 0);
    let [high, _, low, _] = leaf.wires(split)[0][..] else { panic!() };
    let more = changed(&honest, |inputs| bump(inputs, list + 1, Val::ONE));
    leaf.lie("one account more", split, &more, &Overrides::from([(low, Val::from_u32(9).into())]));
    let accounts = |accounts: u32, low_half: u32, high_half: Val| {
        let inputs = leaves.inputs(&claims(&rows, accounts), &rows);
        let mut sums = [Val::ZERO; SEGMENT_LIMBS];
        sums[0] = Val::from_u32(low_half + 1);
        sums[1] = high_half;
        let total = u128::from(low_half) + 1 + (u128::from(high_half.as_canonical_u32()) << 15);
        let overrides = Overrides::from([(low, Val::from_u32(low_half).into()), (high, high_half.into())]);
        (relist(&inputs, 0, sums, total), overrides)
    };
    let (inputs, overrides) = accounts(1 << 20, (1 << 20) - 1 - (7 << 15), Val::from_u32(7));
    leaf.impossible(
        "more accounts than places, low half",
        ("leaf.rs", "b.range(low);", 0),
        &inputs,
        &overrides,
    );
    let quotient = Val::from_u32(8 * 2_040) * Val::from_u32(1 << 15).inverse();
    let (inputs, overrides) = accounts(8 * 2_040 + 6, 5, quotient);
    leaf.impossible(
        "many more accounts than there are",
        ("leaf.rs", "b.range(high);", 0),
        &inputs,
        &overrides,
    );
    let (inputs, overrides) = accounts((1 << 18) + 1, 0, Val::from_u32(8));
    leaf.impossible("an account more than places", ("leaf.rs", "b.range(scaled)", 0), &inputs, &overrides);

    // Groups.
    let big = [TotalsRow { entries: (1 << 15) + 1, ..a }, b, c, d];
    let inputs = leaves.inputs(&claims(&big, 9), &big);
    leaf.impossible("more entries than sums can take", ("leaf.rs", "b.range(less)", 0), &inputs, &none);
    let none_of = [TotalsRow { entries: 0, ..a }, b, c, d];
    let inputs = leaves.inputs(&claims(&none_of, 9), &none_of);
    leaf.impossible("a group without entries", ("leaf.rs", "b.range(less)", 0), &inputs, &none);
    // The halves of the lowest sum of the third row, the second one of the list.
    let split = ("leaf.rs", "b.assert_mul_add(high, half, low, sum)", 0);
    let [high, _, low, _] = leaf.wires(split)[2 * 6][..] else { panic!() };
    let halves = |low_half: Val, high_half: Val, shown: u128| {
        let mut sums = limb_sums(&[c]);
        sums[0] = low_half;
        sums[1] += high_half;
        (relist(&honest, 2, sums, shown), Overrides::from([(low, low_half.into()), (high, high_half.into())]))
    };
    let truth = total(&[c]);
    let (inputs, overrides) = halves(Val::from_u32(6), Val::ZERO, truth - 1);
    leaf.lie("halves of another sum", split, &inputs, &overrides);
    let (inputs, overrides) =
        halves(Val::from_u32(7) - Val::from_u32(32_300 << 15), Val::from_u32(32_300), truth + P);
    leaf.lie("a low half that wraps", ("leaf.rs", "b.range(low);", 1), &inputs, &overrides);
    let (inputs, overrides) = halves(Val::from_u32(8), -Val::from_u32(1 << 15).inverse(), truth + P);
    leaf.lie("a high half that wraps", ("leaf.rs", "b.range(high);", 1), &inputs, &overrides);

    // The leaf's list.
    let place = ("leaf.rs", "b.range(above)", 0);
    let [row, moved] = [list + 2 * NODE_ROW, list + 3 * NODE_ROW];
    let disorder = changed(&honest, |inputs| {
        (0..NODE_ROW).for_each(|i| inputs.values.swap(row + i, moved + i));
        let row = carries_at + 2 * LEAF_CARRIES;
        (0..LEAF_CARRIES).for_each(|i| inputs.values.swap(row + i, row + LEAF_CARRIES + i));
    });
    leaf.lie("keys out of order", place, &disorder, &none);
    // One key in two rows: each of them is an integer, but their sum is p more than the segment's.
    let doubled = changed(&disorder, |inputs| {
        inputs.values.copy_within(row..row + NODE_ROW, row + 2 * NODE_ROW);
        let carries = carries_at + 2 * LEAF_CARRIES;
        inputs.values.copy_within(carries..carries + LEAF_CARRIES, carries + 2 * LEAF_CARRIES);
        set(inputs, row, &[Val::from_u32(16)]);
        set(inputs, row + NODE_ROW - 1, &[Val::ZERO]);
    });
    let half = (1u128 << 30) - 1;
    let mut sums = [Val::ZERO; SEGMENT_LIMBS];
    sums[0] = Val::from_u128(half);
    let doubled = relist(&doubled, 2, sums, half);
    let mut sums = limb_sums(&[c]);
    sums[0] -= Val::from_u128(half);
    let doubled = relist(&doubled, 3, sums, truth + P - half);
    leaf.lie("a key twice, for a sum that wraps", place, &doubled, &none);

    let place = ("leaf.rs", "b.range(*limb)", 0);
    let carried = changed(&honest, |inputs| {
        let row = list + NODE_ROW + 1;
        assert!(get(inputs, row + 1) != Val::ZERO && get(inputs, carries_at + LEAF_CARRIES) == Val::ONE);
        bump(inputs, row, Val::from_u32(1 << 15));
        bump(inputs, row + 1, Val::NEG_ONE);
        set(inputs, carries_at + LEAF_CARRIES, &[Val::ZERO]);
    });
    leaf.lie("a limb that isn't carried, so that nodes' sums could wrap", place, &carried, &none);
    leaf.lie("carries that wrap", place, &relist(&honest, 2, limb_sums(&[c]), truth + P), &none);
    let place = ("leaf.rs", "comparison.key(b, i, *key)", 0);
    leaf.lie(
        "accounts under another key",
        place,
        &changed(&honest, |inputs| set(inputs, list, &[Val::ZERO])),
        &none,
    );

    // The comparison: a limb of the list, or the number of accounts.
    let agree = ("leaf.rs", "b.assert_equal(segment, leaf)", 0);
    let wrong = changed(&honest, |inputs| bump(inputs, list + 2 * NODE_ROW + 1, Val::NEG_ONE));
    leaf.lie("another list", agree, &wrong, &none);
    let place = ("leaf.rs", "comparison.add(b, zero, comparison.accounts, figures)", 0);
    leaf.quotient("the quotient of the accounts", (place, 0), (agree, Val::ONE), &more);
    let place = ("leaf.rs", "comparison.add(b, segment, row.key, figures)", 0);
    leaf.quotient("the quotient of a row", (place, 2), (agree, Val::ONE), &wrong);
    let place = ("leaf.rs", "comparison.add(b, leaf, key, figures)", 0);
    leaf.quotient("the quotient of a row of the list", (place, 2), (agree, Val::NEG_ONE), &wrong);

    // Digests.
    for (what, piece) in [("list", "list.digest(b)"), ("statement", "statement.digest(b, 0)")] {
        let place = ("leaf.rs", piece, 0);
        let overrides = leaf.digest(place, one_more, &honest);
        leaf.lie(what, place, &honest, &overrides);
    }
    println!("{} places", leaf.all_covered());
}

// Nodes and the wrap circuit: over a circuit that holds for any public values.

/// A circuit that states anything, and its proofs.
struct Anyone {
    circuit: Circuit,
    key: ProvingKey,
}

impl Anyone {
    fn new() -> Self {
        let mut b = CircuitBuilder::new();
        let publics = core::array::from_fn(|_| b.input());
        publics.chunks(5).for_each(|elements| {
            b.pack(elements);
        });
        b.publish(publics);
        let circuit = b.finish(HEIGHT, 2).unwrap();
        let key = ProvingKey::new(Layer::new("anything", PARAMETERS), &circuit).unwrap();
        Self { circuit, key }
    }

    fn prove(&self, statement: &NodeStatement) -> InnerProof {
        let digest = statement.digest(&Hasher::new()).0;
        let mut inputs = Inputs::default();
        digest.into_iter().for_each(|element| inputs.push_base(element));
        self.key.prove(&self.circuit.trace(&self.circuit.run(&inputs)), &digest).unwrap()
    }
}

/// What a child claims, with a proof that lets it.
struct Claim {
    statement: NodeStatement,
    totals: NodeTotals,
    proof: InnerProof,
}

impl Claim {
    fn new(anyone: &Anyone, statement: NodeStatement, totals: NodeTotals) -> Self {
        let statement = NodeStatement { totals: totals.digest(&Hasher::new()), ..statement };
        let proof = anyone.prove(&statement);
        Self { statement, totals, proof }
    }

    fn child(&self) -> Child<'_> {
        self.with(&self.totals)
    }

    /// The child with another list than it claims.
    fn with<'a>(&'a self, totals: &'a NodeTotals) -> Child<'a> {
        Child { proof: &self.proof, statement: &self.statement, totals }
    }
}

fn node_row(key: u32, limbs: [u32; SEGMENT_LIMBS], groups: u32) -> NodeRow {
    NodeRow { key, limbs, groups }
}

fn elements(totals: &NodeTotals) -> Vec<Val> {
    let row = |row: &NodeRow| {
        let figures = row.limbs.into_iter().chain([row.groups]);
        core::iter::once(row.key).chain(figures).map(Val::from_u32).collect::<Vec<_>>()
    };
    totals.rows().iter().flat_map(row).collect()
}

fn changed_totals(totals: &NodeTotals, change: impl FnOnce(&mut Vec<NodeRow>)) -> NodeTotals {
    let mut rows = totals.rows().to_vec();
    change(&mut rows);
    NodeTotals::from_rows(0, rows).unwrap()
}

fn statement() -> NodeStatement {
    NodeStatement {
        level: 0,
        full: true,
        epoch: epoch(1),
        top: Digest(Val::new_array([3; 8])),
        first: Val::new_array([5, 6]),
        last: Val::new_array([(3 << 24) + 100, 7]),
        totals: Digest([Val::ZERO; 8]),
        prices: Digest(Val::new_array([9; 8])),
    }
}

/// Elements of a statement that are inputs.
const STATEMENT: usize = 37;

/// Element of the totals' digest among them.
const STATED_TOTALS: usize = 21;

const CHILD_LIST: usize = LEAF_KEYS * NODE_ROW;

#[test]
fn every_check_of_a_node_is_needed() {
    let anyone = Anyone::new();
    let circuit = NodeCircuit::new(1, anyone.key.verifying_key()).unwrap();
    let none = Overrides::new();
    let rows = |factor: u32| {
        let mut amount = [0; SEGMENT_LIMBS];
        amount[0] = 2_000 * factor;
        amount[2] = 3 * factor;
        let mut accounts = [0; SEGMENT_LIMBS];
        accounts[0] = 9 * factor;
        vec![node_row(1, accounts, 1), node_row(8, amount, factor), node_row(24, amount, 2 * factor)]
    };
    let list = |factor: u32| NodeTotals::of_used(0, rows(factor)).unwrap();
    let of_right = NodeStatement {
        first: Val::new_array([(3 << 24) + 100, 8]),
        last: Val::new_array([(9 << 24) + 1, 2]),
        top: Digest(Val::new_array([4; 8])),
        full: false,
        ..statement()
    };
    let left = Claim::new(&anyone, statement(), list(3));
    let right = Claim::new(&anyone, of_right, list(1));
    let pair =
        |left: &Child<'_>, right: &Child<'_>| circuit.inputs(left, Some(right), &Hasher::new()).unwrap().0;
    let honest = pair(&left.child(), &right.child());
    let mut node = Subject::new(circuit.circuit(), &honest);
    let parent = honest.values.len() - MAX_KEYS * NODE_ROW;
    let border = parent - 2;
    let left_list = 1 + STATEMENT + (border - 1 - 2 * STATEMENT - 2 * CHILD_LIST) / 2;

    // A right child that is subtracted.
    let difference = NodeTotals::of_used(1, {
        let mut rows = rows(2);
        rows[0].groups = 0;
        rows
    });
    let inputs = changed(&honest, |inputs| {
        set(inputs, 0, &[Val::TWO]);
        set(inputs, parent, &elements(&difference.unwrap()));
    });
    node.lie("a right child twice absent", ("node.rs", "b.assert_bool(absent)", 0), &inputs, &none);

    // Children.
    let smaller = list(2);
    let place = ("node.rs", "assert_same(b, &totals, &statement.totals)", 0);
    node.lie("a child's list is another one", place, &pair(&left.with(&smaller), &right.child()), &none);
    let foreign = Claim::new(&anyone, NodeStatement { epoch: epoch(2), ..of_right }, list(1));
    let place = ("node.rs", "assert_same(b, &left.epoch, &right.epoch)", 0);
    node.impossible("two epochs", place, &pair(&left.child(), &foreign.child()), &none);
    let dearer = Claim::new(&anyone, NodeStatement { prices: NO_PRICES, ..of_right }, list(1));
    let place = ("node.rs", "assert_same(b, &left.prices, &right.prices)", 0);
    node.impossible("two sets of prices", place, &pair(&left.child(), &dearer.child()), &none);
    let gap = Claim::new(&anyone, NodeStatement { full: false, ..statement() }, list(3));
    let place = ("node.rs", "b.assert_mul_add(present, left.full, zero, present)", 0);
    node.impossible("a gap", place, &pair(&gap.child(), &right.child()), &none);
    let same = Claim::new(&anyone, statement(), list(3));
    let place = ("node.rs", "b.assert_mul_add(difference, present, zero, zero)", 0);
    let inputs = changed(&pair(&left.child(), &same.child()), |inputs| {
        set(inputs, border, &of_right.first);
    });
    node.impossible("one child twice, with a border of its own", place, &inputs, &none);
    order(&mut node, |last, first| {
        let left = Claim::new(&anyone, NodeStatement { last, ..statement() }, list(3));
        let right = Claim::new(&anyone, NodeStatement { first, ..of_right }, list(1));
        pair(&left.child(), &right.child())
    });

    // The comparison.
    let agree = ("node.rs", "b.assert_mul_add(sums[1], present, sums[0], sums[2])", 0);
    let wrong = changed(&honest, |inputs| bump(inputs, parent + NODE_ROW + 1, Val::NEG_ONE));
    node.lie("another list", agree, &wrong, &none);
    let place = ("totals.rs", "self.add(b, sum, key, figures)", 0);
    for (what, row, sign) in [
        ("a quotient on the left", 1, Val::ONE),
        ("a quotient on the right", LEAF_KEYS + 1, Val::ONE),
        ("a quotient of the node", 2 * LEAF_KEYS + 1, Val::NEG_ONE),
    ] {
        node.quotient(what, (place, row), (agree, sign), &wrong);
    }
    let place = ("totals.rs", "self.key(b, i, *key)", 0);
    let inputs = changed(&honest, |inputs| set(inputs, parent, &[Val::ZERO]));
    node.lie("accounts under another key", place, &inputs, &none);
    let renamed = changed_totals(&list(3), |rows| rows[0].key = 0);
    let renamed_left = Claim::new(&anyone, statement(), renamed);
    let inputs = changed(&pair(&renamed_left.with(&left.totals), &right.child()), |inputs| {
        set(inputs, left_list, &[Val::ZERO]);
    });
    let inputs = node_statement_totals(&inputs, &renamed_left.statement.totals);
    node.impossible("a child's accounts under another key", place, &inputs, &none);

    // Digests. A child's: the list is a smaller one, and what was hashed says so or not.
    let place = ("node.rs", "list.digest(b)", 0);
    let inputs = pair(&left.with(&smaller), &right.child());
    let overrides = node.digest(place, |i, _| left.statement.totals.0[i], &inputs);
    node.lie("the digest of a child's list", place, &inputs, &overrides);
    let inputs = node_statement_totals(&inputs, &smaller.digest(&Hasher::new()));
    let place = ("node.rs", "statement.digest(b, level - 1)", 0);
    let proven = left.statement.digest(&Hasher::new());
    let overrides = node.digest(place, |i, _| proven.0[i], &inputs);
    node.lie("the digest of a child's statement", place, &inputs, &overrides);
    for (what, place) in [
        ("top", ("node.rs", "b.output_elements(chain)", 0)),
        ("list", ("node.rs", "list.digest(b)", 1)),
        ("statement", ("node.rs", "statement.digest(b, level)", 0)),
    ] {
        let overrides = node.digest(place, one_more, &honest);
        node.lie(what, place, &honest, &overrides);
    }
    println!("{} places", node.all_covered());
}

/// Replaces the totals' digest in the left child's statement.
fn node_statement_totals(inputs: &Inputs, totals: &Digest) -> Inputs {
    changed(inputs, |inputs| set(inputs, 1 + STATED_TOTALS, &totals.0))
}

/// Children whose keys don't go on across the border.
fn order(node: &mut Subject<'_>, claim: impl Fn([Val; 2], [Val; 2]) -> Inputs) {
    let key = |first: u32, second: u32| [first, second].map(Val::from_u32);
    let split = ("order.rs", "b.assert_mul_add(top, radix, low, element)", 0);
    let bits = ("order.rs", "b.assert_mul_add(high, radix, low, wire)", 0);
    let borrows = ("order.rs", "b.assert_bool(next)", 0);
    let inverse = ("order.rs", "b.assert_mul_add(inverse, below, is_largest, one)", 0);
    // Of the four elements that are split, the first one of the right child's key.
    let [top, _, low, _] = node.wires(split)[2][..] else { panic!() };
    let is_largest = node.wires(inverse)[2][2];
    // Borrowed by the low part of the first element, and the halves of what is left then.
    let borrow = node.wires(borrows)[2][0];
    let [high_bits, _, low_bits, _] = node.wires(bits)[5][..] else { panic!() };
    let parts = |low_part: u32, top_part: Val| {
        Overrides::from([(low, Val::from_u32(low_part).into()), (top, top_part.into())])
    };

    let equal = claim(key((3 << 24) + 100, 7), key((3 << 24) + 100, 7));
    node.impossible("another key in parts", split, &equal, &parts(101, Val::from_u32(3)));
    let borrowed = |value: Val| Overrides::from([(borrow, value.into())]);
    node.impossible("127 borrowed back", borrows, &equal, &borrowed(-Val::from_u32(127)));
    node.impossible("nothing borrowed", bits, &equal, &borrowed(Val::ZERO));
    let mut overrides = borrowed(Val::ZERO);
    overrides.extend([(low_bits, Val::NEG_ONE.into()), (high_bits, Challenge::ZERO)]);
    node.impossible("a negative low part", ("order.rs", "b.range(low)", 0), &equal, &overrides);

    // Small elements that are taken for ones above p.
    let small = (1 << 20) + 5;
    let below = claim(key(small + 9, 0), key(small, 0));
    let place = ("order.rs", "b.assert_mul_add(is_largest, low, zero, zero)", 0);
    node.impossible("a key above p", place, &below, &parts(small + 1, Val::from_u32(127)));
    let mut overrides = parts(small + 1, Val::from_u32(127));
    overrides.insert(is_largest, Challenge::ZERO);
    node.impossible("a key above p that isn't called so", inverse, &below, &overrides);
    let top_part = Val::from_u32(127 * 256 + 1) * Val::from_u32(256).inverse();
    let overrides = parts(small + 1 - (1 << 16), top_part);
    node.impossible("a top part between 127 and 128", ("order.rs", "b.range(top)", 0), &below, &overrides);
    let below = claim(key(5 << 24, 0), key((1 << 24) + 10, 0));
    let overrides = parts(11, Val::from_u32(128));
    node.impossible("a top part of 128", ("order.rs", "b.range(scaled)", 0), &below, &overrides);
    numbers(node, &claim);
}

/// All checks that a number has so many bits are the same code; each call of it is needed.
fn numbers(node: &Subject<'_>, claim: &impl Fn([Val; 2], [Val; 2]) -> Inputs) {
    let line_of_bits = line(("order.rs", "b.assert_mul_add(high, radix, low, wire)", 0));
    let of_order =
        |assertion: &&Assertion| line_of(assertion.site).is_some_and(|(file, _)| file == "order.rs");
    let made = node.assertions.iter().filter(of_order);
    let (ranges, equations): (Vec<_>, Vec<_>) =
        made.partition(|assertion| matches!(assertion.violation, Violation::Range(_)));
    let mut ranges = ranges.into_iter().map(|assertion| assertion.violation);
    let mut equations = equations
        .into_iter()
        .filter(|assertion| line_of(assertion.site) == Some(line_of_bits))
        .map(|assertion| assertion.violation);
    // Low and top parts of both elements left and right; then the differences of both elements, the second one first.
    // A low part has an equation and three range checks, a top part has two.
    let calls: Vec<Vec<Violation>> = (0..12)
        .map(|call| match call % 2 {
            0 => equations.by_ref().take(1).chain(ranges.by_ref().take(3)).collect(),
            _ => ranges.by_ref().take(2).collect(),
        })
        .collect();
    assert_eq!((ranges.next(), equations.next()), (None, None));

    let split = node.wires(("order.rs", "b.assert_mul_add(top, radix, low, element)", 0));
    let borrows = node.wires(("order.rs", "b.assert_bool(next)", 0));
    let only = |what: &str, call: usize, inputs: &Inputs, overrides: &Overrides| {
        let witness = node.circuit.run_with(inputs, overrides);
        let violations = witness.violations();
        assert!(!violations.is_empty(), "{what}: nothing notices");
        assert!(violations.iter().all(|violation| calls[call].contains(violation)), "{what}: {violations:?}");
    };
    for element in 0..2 {
        // The other element is the same on both sides; the difference is less one in both cases.
        let key = |value: u32| match element {
            0 => [value, 7].map(Val::from_u32),
            _ => [50, value].map(Val::from_u32),
        };
        let pair = |left: u32, right: u32| claim(key(left), key(right));
        let parts = |part: usize, low: Val, top: Val| {
            Overrides::from([(split[part][2], low.into()), (split[part][0], top.into())])
        };
        let small = |number: u32| Val::from_u32(number);
        let (left, right) = (element, 2 + element);
        let large = Val::ORDER_U32 - 5;
        let overrides = parts(left, -small(5), Val::ZERO);
        only("left low", 2 * left, &pair(large, (3 << 24) + 9), &overrides);
        let overrides = parts(left, small(999), -small(127));
        only("left top", 2 * left + 1, &pair(1_000, 1_000), &overrides);
        let overrides = parts(right, small((1 << 24) + 6), small(126));
        only("right low", 2 * right, &pair((2 << 24) + 100, 5), &overrides);
        let overrides = parts(right, small(11), small(128));
        only("right top", 2 * right + 1, &pair(5 << 24, (1 << 24) + 10), &overrides);
        let not = |borrow: &[Wire]| Overrides::from([(borrow[0], Challenge::ZERO)]);
        let overrides = not(&borrows[2 - 2 * element]);
        only("low", 10 - 2 * element, &pair(1_000, 1_000), &overrides);
        // Above the first element there is nothing to borrow from.
        let overrides = if element == 0 { Overrides::new() } else { not(&borrows[1]) };
        only("top", 11 - 2 * element, &pair(5 << 24, 4 << 24), &overrides);
    }
}

/// Where a wrap circuit's inputs are.
struct WrapPlaces {
    list: usize,
    rows: usize,
    carries: usize,
    groups: usize,
    slack: usize,
}

impl WrapPlaces {
    fn new(inputs: &Inputs, mode: TotalsMode) -> Self {
        let slack = match mode {
            TotalsMode::Open => inputs.values.len(),
            TotalsMode::Bounded => inputs.values.len() - 8 - LIMBS * LEAF_KEYS,
        };
        let groups = slack - LEAF_KEYS;
        let carries = groups - (LIMBS - 1) * LEAF_KEYS;
        let rows = carries - FINAL_ROW * LEAF_KEYS;
        Self { list: rows - CHILD_LIST, rows, carries, groups, slack }
    }
}

#[test]
fn every_check_of_the_wrap_circuits_is_needed() {
    println!("{:?} places", TotalsMode::ALL.map(wrap));
}

fn wrap(mode: TotalsMode) -> usize {
    let hasher = Hasher::new();
    let anyone = Anyone::new();
    let circuit = WrapCircuit::new(0, mode, anyone.key.verifying_key()).unwrap();
    let none = Overrides::new();
    let amount = [40_000, 70_000, 5, 6, 0, 0, 0, 1];
    let list = NodeTotals::of_used(
        0,
        vec![
            node_row(1, [9, 0, 0, 0, 0, 0, 0, 0], 1),
            node_row(8, amount, 2),
            node_row(24, [5, 6, 7, 0, 0, 0, 0, 0], 4),
        ],
    )
    .unwrap();
    // The row that is lied about, and its total.
    const ROW: usize = 1;
    let truth = list.rows()[ROW].total().unwrap();
    let root = Claim::new(&anyone, statement(), list);
    let FinalTotals::Open(totals) = FinalTotals::open(&root.totals) else { panic!() };
    let salt = Val::new_array([9; 8]);
    let run = |child: &Child<'_>, bounds: &[FinalRow]| {
        let show = match mode {
            TotalsMode::Open => Show::Totals,
            TotalsMode::Bounded => Show::Bounds(bounds, &salt),
        };
        circuit.inputs(child, show, &hasher).unwrap().0
    };
    let honest = run(&root.child(), &totals);
    let mut subject = Subject::new(circuit.circuit(), &honest);
    let at = WrapPlaces::new(&honest, mode);
    let row = at.rows + FINAL_ROW * ROW;
    // Shows another figure in the row, with these limbs of slack, and carries that fit.
    let show = |figure: u128, slack: [Val; LIMBS]| {
        let shown: [Val; LIMBS] = limbs(figure);
        let sums: [Val; SEGMENT_LIMBS] = core::array::from_fn(|j| Val::from_u32(amount[j]) + slack[j]);
        let carries: [Val; LIMBS - 1] = carries(&sums, &shown);
        assert_eq!(shown[8], slack[8] + carries[7], "not that total modulo p");
        changed(&honest, |inputs| {
            set(inputs, row + 2, &shown);
            set(inputs, at.carries + (LIMBS - 1) * ROW, &carries);
            if mode == TotalsMode::Bounded {
                set(inputs, at.slack + LIMBS * ROW, &slack);
            }
        })
    };

    // The root.
    let smaller = changed_totals(&root.totals, |rows| rows[ROW].limbs[0] -= 1);
    let FinalTotals::Open(less) = FinalTotals::open(&smaller) else { panic!() };
    let inputs = run(&root.with(&smaller), &less);
    let place = ("wrap.rs", "assert_same(b, &node_totals, &node.totals)", 0);
    subject.lie("the root's list is another one", place, &inputs, &none);
    let place = ("wrap.rs", "node_list.digest(b)", 0);
    let overrides = subject.digest(place, |i, _| root.statement.totals.0[i], &inputs);
    subject.lie("the digest of the root's list", place, &inputs, &overrides);
    let inputs = changed(&inputs, |inputs| set(inputs, STATED_TOTALS, &smaller.digest(&hasher).0));
    let place = ("wrap.rs", "node.digest(b, level)", 0);
    let proven = root.statement.digest(&hasher);
    let overrides = subject.digest(place, |i, _| proven.0[i], &inputs);
    subject.lie("the digest of the root's statement", place, &inputs, &overrides);

    // Rows.
    let hidden = changed_totals(&root.totals, |rows| rows[totals.len()].groups = 1);
    let hidden = Claim::new(&anyone, statement(), hidden);
    let inputs = changed(&run(&hidden.child(), &totals), |inputs| {
        set(inputs, at.groups + totals.len(), &[Val::ONE]);
    });
    let place = ("wrap.rs", "b.assert_mul_add(*groups, unused, zero, zero)", 0);
    subject.impossible("a key that isn't shown", place, &inputs, &none);
    let place = ("wrap.rs", "carries.iter().for_each(|carry| b.range(*carry))", 0);
    match mode {
        TotalsMode::Open => subject.lie("p less", place, &show(truth - P, [Val::ZERO; LIMBS]), &none),
        TotalsMode::Bounded => subject.lie("a bound below", place, &show(truth - 1, limbs(P - 1)), &none),
    }
    if mode == TotalsMode::Bounded {
        let mut slack = [Val::ZERO; LIMBS];
        slack[0] = Val::NEG_ONE;
        let place = ("wrap.rs", "slack.iter().for_each(|limb| b.range(*limb))", 0);
        subject.lie("negative slack", place, &show(truth - 1, slack), &none);
    }
    let inputs = changed(&honest, |inputs| bump(inputs, row + FINAL_ROW - 1, Val::ONE));
    subject.lie("another top limb", ("wrap.rs", "b.assert_equal(*top, of_top)", 0), &inputs, &none);
    let inputs = changed(&honest, |inputs| set(inputs, at.rows + 1, &[Val::ZERO]));
    subject.lie("accounts under another key", ("wrap.rs", "comparison.key(b, i, *key)", 0), &inputs, &none);
    let renamed = changed_totals(&root.totals, |rows| rows[0].key = 0);
    let renamed = Claim::new(&anyone, statement(), renamed);
    let inputs = changed(&run(&renamed.with(&root.totals), &totals), |inputs| {
        set(inputs, at.list, &[Val::ZERO]);
    });
    let place = ("totals.rs", "self.key(b, i, *key)", 0);
    subject.impossible("the root's accounts under another key", place, &inputs, &none);

    // The comparison.
    let agree = ("wrap.rs", "b.assert_equal(root, opened)", 0);
    let wrong = changed(&honest, |inputs| bump(inputs, row + 2, Val::NEG_ONE));
    subject.lie("another total", agree, &wrong, &none);
    let place = ("wrap.rs", "comparison.add(b, opened, key, figures)", 0);
    subject.quotient("a quotient of a total", (place, ROW), (agree, Val::NEG_ONE), &wrong);
    let place = ("totals.rs", "self.add(b, sum, key, figures)", 0);
    subject.quotient("a quotient of the root", (place, ROW), (agree, Val::ONE), &wrong);

    // Digests.
    let mut digests = vec!["let totals = b.output_elements(chain)", "let digest = b.output_elements(chain)"];
    if mode == TotalsMode::Bounded {
        digests.push("elements.extend(b.output_elements(chain))");
    }
    for piece in digests {
        let place = ("wrap.rs", piece, 0);
        let overrides = subject.digest(place, one_more, &honest);
        subject.lie(piece, place, &honest, &overrides);
    }
    subject.all_covered()
}

/// Operations at each line of `src/tree/` that asserts.
fn lines(circuit: &Circuit) -> BTreeMap<Line, usize> {
    let mut lines = BTreeMap::new();
    for line in circuit.assertions().into_iter().filter_map(|assertion| line_of(assertion.site)) {
        *lines.entry(line).or_default() += 1;
    }
    lines
}

/// What the circuits here assert about the tree is what the real ones do.
#[test]
fn circuits_over_anything_are_those_of_the_tree() {
    let airs = segment_airs(Variant::Plain, All);
    let common = segment_common(&SEGMENT_PARAMETERS.config(), &airs).unwrap();
    let shape = SegmentShape::custom([9, 7, 5, 15], None).unwrap();
    let leaf = LeafCircuit::new(&airs, &common, &shape.log_heights()).unwrap();
    assert_eq!(lines(leaf.circuit()), lines(Leaves::new().circuit.circuit()));
    let key = ProvingKey::new(INNER, leaf.circuit()).unwrap();
    let anyone = Anyone::new();
    let (real, any) = (key.verifying_key(), anyone.key.verifying_key());
    let node = |key| lines(NodeCircuit::new(1, key).unwrap().circuit());
    assert_eq!(node(real), node(any));
    for mode in TotalsMode::ALL {
        let wrap = |key| lines(WrapCircuit::new(0, mode, key).unwrap().circuit());
        assert_eq!(wrap(real), wrap(any));
    }
    // The final circuit asserts nothing but that the wrap proof holds.
    let wrap = WrapCircuit::new(0, TotalsMode::Open, real).unwrap();
    let key = ProvingKey::new(WRAP, wrap.circuit()).unwrap();
    assert_eq!(lines(LastCircuit::new(key.verifying_key()).unwrap().circuit()), BTreeMap::new());
}

/// A final circuit's range checks have 13 bits, which isn't enough for a child of which fewer than 18 low bits of a
/// sample are used.
#[test]
fn a_final_circuit_refuses_a_child_that_needs_wider_range_checks() {
    let refused = Some(TreeCircuitError::Build(BuildError::RangeTooNarrow { log_range: 13, needs: 15 }));
    assert_eq!(LastCircuit::new(Anyone::new().key.verifying_key()).err(), refused);
}
