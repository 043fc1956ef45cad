//! A table that can be changed, what its ports are, and a circuit with a little of everything.

use std::array::from_fn;
use std::ops::Range;

use assay_circuit::p3_batch_stark::{ProverData, StarkInstance, prove_batch, verify_batch};
use assay_circuit::{
    Challenge, ProofParameters, SEGMENT_PARAMETERS, Val, generate_permutations, round_constants,
};
use assay_recursion::checker::{Failure, check_table};
use assay_recursion::columns::{LANES, fixed, main};
use assay_recursion::{
    All, Array, Chain, Circuit, CircuitBuilder, Constraint, DigestWires, High, Hint, Inputs, Keeps, Permute,
    RecursionAir, Rest, Wire,
};
use p3_field::{BasedVectorSpace, PrimeCharacteristicRing};
use p3_matrix::dense::RowMajorMatrix;

pub(crate) const LOG_HEIGHT: usize = 6;
pub(crate) const LOG_RANGE: usize = 5;

pub(crate) fn v(value: u32) -> Val {
    Val::from_u32(value)
}

pub(crate) fn extension(coordinates: [u32; 5]) -> Challenge {
    Challenge::from_basis_coefficients_fn(|i| v(coordinates[i]))
}

pub(crate) fn coordinates(value: Challenge) -> [Val; 5] {
    from_fn(|i| value.as_basis_coefficients_slice()[i])
}

/// A trace that can be changed, with its circuit.
#[derive(Clone)]
pub(crate) struct Table {
    pub(crate) circuit: Circuit,
    pub(crate) trace: RowMajorMatrix<Val>,
    pub(crate) publics: Vec<Val>,
}

impl Table {
    pub(crate) fn honest(circuit: Circuit, inputs: &Inputs) -> Self {
        let witness = circuit.run(inputs);
        assert_eq!(witness.violations(), []);
        Self::of_run(circuit, inputs)
    }

    /// Of a run that may violate what the circuit says.
    pub(crate) fn of_run(circuit: Circuit, inputs: &Inputs) -> Self {
        let witness = circuit.run(inputs);
        let (trace, publics) = (circuit.trace(&witness), circuit.publics(&witness));
        Self { circuit, trace, publics }
    }

    pub(crate) fn height(&self) -> usize {
        self.trace.values.len() / main::WIDTH
    }

    pub(crate) fn at(&mut self, row: usize, column: usize) -> &mut Val {
        assert!(column < main::WIDTH);
        &mut self.trace.values[row * main::WIDTH + column]
    }

    pub(crate) fn row(&self, row: usize) -> &[Val] {
        &self.trace.values[row * main::WIDTH..][..main::WIDTH]
    }

    pub(crate) fn fixed(&self, row: usize) -> &[Val] {
        &self.circuit.preprocessed().values[row * fixed::WIDTH..][..fixed::WIDTH]
    }

    pub(crate) fn wire(&self, row: usize, column: usize) -> Challenge {
        Challenge::from_basis_coefficients_fn(|i| self.row(row)[column + i])
    }

    pub(crate) fn set_wire(&mut self, row: usize, column: usize, value: Challenge) {
        for (i, coordinate) in coordinates(value).into_iter().enumerate() {
            *self.at(row, column + i) = coordinate;
        }
    }

    pub(crate) fn failures<K: Keeps>(&self, keeps: K) -> Vec<Failure> {
        check_table(keeps, self.circuit.preprocessed(), &self.trace, &self.publics)
    }

    /// Whether the proof system's verifier takes the proof that its prover makes of this trace: it should agree with
    /// the checker. The parameters are no secure ones.
    pub(crate) fn proves(&self) -> bool {
        let parameters =
            ProofParameters { queries: 8, query_work: 0, log_final_length: 0, ..SEGMENT_PARAMETERS };
        let config = parameters.config();
        let airs = [RecursionAir::new(All, self.circuit.preprocessed().clone())];
        let log_height = self.circuit.log_height();
        let data = ProverData::from_airs_and_degrees(&config, &airs, &[log_height]).unwrap();
        let instance =
            StarkInstance { air: &airs[0], trace: &self.trace, public_values: self.publics.clone() };
        let proof = prove_batch(&config, &[instance], &data).unwrap();
        verify_batch(&config, &airs, &proof, std::slice::from_ref(&self.publics), &data.common).is_ok()
    }

    /// Recomputes a permutation from its input.
    pub(crate) fn permute(&mut self, row: usize) {
        let input = from_fn(|i| self.row(row)[i]);
        let permutation = generate_permutations(vec![input], &round_constants());
        for (column, value) in permutation.values.into_iter().enumerate() {
            *self.at(row, column) = value;
        }
    }

    /// Changes input elements and recomputes the permutation.
    pub(crate) fn with_input(mut self, row: usize, elements: &[(usize, Val)]) -> Self {
        for (element, value) in elements {
            *self.at(row, *element) = *value;
        }
        self.permute(row);
        self
    }

    /// Recomputes the Horner sums of a row after the one that starts at `from`.
    pub(crate) fn horner_after(&mut self, row: usize, from: usize) {
        let by = self.wire(row, main::HORNER_BY);
        let value = |table: &Self, i: usize| Challenge::from(table.row(row)[main::HORNER_VALUE + i]);
        if from == main::HORNER_START {
            let two = (self.wire(row, main::HORNER_START) * by + value(self, 0)) * by + value(self, 1);
            self.set_wire(row, main::HORNER_TWO, two);
        }
        if from == main::HORNER_START || from == main::HORNER_TWO {
            let four = (self.wire(row, main::HORNER_TWO) * by + value(self, 2)) * by + value(self, 3);
            self.set_wire(row, main::HORNER_FOUR, four);
        }
        let result = self.wire(row, main::HORNER_FOUR) * by + value(self, 4);
        self.set_wire(row, main::HORNER_RESULT, result);
    }

    /// Changes a cell of the Horner lane and recomputes the sums from the start.
    pub(crate) fn with_horner(mut self, row: usize, column: usize, value: Val) -> Self {
        *self.at(row, column) = value;
        self.horner_after(row, main::HORNER_START);
        self
    }

    /// Changes a cell of an arithmetic lane and recomputes its result.
    pub(crate) fn with_operand(mut self, op: usize, column: usize, value: Val) -> Self {
        let (row, lane) = arithmetic(op);
        *self.at(row, lane + column) = value;
        let operand = |table: &Self, k: usize| table.wire(row, lane + 5 * k);
        let out = operand(&self, 0) * operand(&self, 1) + operand(&self, 2);
        self.set_wire(row, lane + 15, out);
        self
    }

    pub(crate) fn with(mut self, row: usize, column: usize, value: Val) -> Self {
        *self.at(row, column) = value;
        self
    }

    /// Gives a wire another value at all its ports, and changes nothing else.
    pub(crate) fn replace(&mut self, wire: Wire, value: Challenge) {
        for row in 0..self.height() {
            for port in ports() {
                if self.fixed(row)[port.index] == v(wire.index()) && port.is_used(self.fixed(row)) {
                    for (column, coordinate) in port.cells.clone().zip(coordinates(value)) {
                        *self.at(row, column) = coordinate;
                    }
                }
            }
        }
    }
}

/// Row and first column of an arithmetic operation.
pub(crate) fn arithmetic(op: usize) -> (usize, usize) {
    (op / LANES, main::ARITHMETIC + main::ARITHMETIC_WIDTH * (op % LANES))
}

/// A kind of port: where its wire stands, and where the preprocessed columns say what it is.
#[derive(Clone)]
pub(crate) struct Port {
    pub(crate) name: &'static str,
    pub(crate) index: usize,
    pub(crate) count: usize,
    /// Flag of dynamic reads, and the column that counts them.
    pub(crate) dynamic: Option<(usize, usize)>,
    pub(crate) cells: Range<usize>,
}

impl Port {
    /// Whether it sends or receives at all. The writer of a wire that nobody reads doesn't.
    pub(crate) fn is_used(&self, row: &[Val]) -> bool {
        row[self.count] != Val::ZERO
    }

    /// The same, in a run: selects can be what reads the wire.
    pub(crate) fn is_used_in(&self, row: &[Val], main: &[Val]) -> bool {
        let selected = |(flag, reads): (usize, usize)| row[flag] != Val::ZERO && main[reads] != Val::ZERO;
        self.is_used(row) || self.dynamic.is_some_and(selected)
    }
}

pub(crate) fn ports() -> Vec<Port> {
    let mut ports = Vec::new();
    let mut port = |name, index, count, dynamic, cells| {
        ports.push(Port { name, index, count, dynamic, cells });
    };
    for j in 0..8 {
        port("lane", fixed::LANE_INDEX + j, fixed::LANE_READ + j, None, j..j + 1);
    }
    port("high", fixed::HIGH_INDEX, fixed::HIGH_READ, None, main::HIGH..main::HIGHER);
    let higher = main::HIGHER..main::OUTPUT_READS;
    port("higher", fixed::HIGH_INDEX + 1, fixed::HIGH_READ + 1, None, higher);
    let dynamic = Some((fixed::OUTPUT_DYNAMIC, main::OUTPUT_READS));
    for (k, cells) in
        [main::OUTPUT..main::OUTPUT + 5, main::OUTPUT + 5..main::OUTPUT + 8].into_iter().enumerate()
    {
        port("output", fixed::OUTPUT_INDEX, fixed::OUTPUT_COUNT + k, dynamic, cells);
    }
    for i in 0..5 {
        let cells = main::HORNER_VALUE + i..main::HORNER_VALUE + i + 1;
        port("value", fixed::VALUE_INDEX + i, fixed::VALUE_COUNT + i, None, cells);
    }
    port("by", fixed::BY_INDEX, fixed::BY_READ, None, main::HORNER_BY..main::HORNER_START);
    let result = main::HORNER_RESULT..main::PACK_READS;
    port("result", fixed::RESULT_INDEX, fixed::RESULT_COUNT, None, result);
    let pack = main::HORNER_VALUE..main::HORNER_TWO;
    let dynamic = Some((fixed::PACK_DYNAMIC, main::PACK_READS));
    port("pack", fixed::PACK_INDEX, fixed::PACK_COUNT, dynamic, pack);
    for lane in 0..LANES {
        let names = [["a", "b", "c", "out"], ["second a", "second b", "second c", "second out"]];
        for (k, name) in names[lane].into_iter().enumerate() {
            let index = fixed::ARITHMETIC + fixed::ARITHMETIC_WIDTH * lane + 2 * k;
            let first = main::ARITHMETIC + main::ARITHMETIC_WIDTH * lane + 5 * k;
            port(name, index, index + 1, None, first..first + 5);
        }
    }
    let (offset, value) = (main::SELECT_OFFSET, main::SELECT_VALUE..main::RANGE_VALUE);
    port("offset", fixed::OFFSET_INDEX, fixed::SELECT_READ, None, offset..offset + 1);
    port("address", fixed::SELECT_BASE, fixed::SELECT_READ, None, value.clone());
    port("selected", fixed::SELECTED_INDEX, fixed::SELECTED_COUNT, None, value);
    let range = main::RANGE_VALUE..main::RANGE_VALUE + 1;
    port("range", fixed::RANGE_INDEX, fixed::RANGE_READ, None, range);
    ports
}

/// How the table binds a cell of the main trace, told from the preprocessed row alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// No other value passes when all other cells stay as they are.
    Always,
    /// No port uses it, and it is a factor in some sum: free where the other factor is zero.
    Factor,
    /// Any value passes.
    Free,
}

pub(crate) fn bound(row: &[Val], column: usize) -> Bound {
    let used = ports().iter().any(|port| port.cells.contains(&column) && port.is_used(row));
    let reads = |flag: usize| if row[flag] == Val::ZERO { Bound::Free } else { Bound::Always };
    let unless_used = |bound: Bound| if used { Bound::Always } else { bound };
    let in_arithmetic = |lane: usize| {
        let first = main::ARITHMETIC + main::ARITHMETIC_WIDTH * lane;
        (first..first + main::ARITHMETIC_WIDTH).contains(&column).then(|| (column - first) / 5)
    };
    if let Some(operand) = (0..LANES).find_map(in_arithmetic) {
        // `c` and `out` are terms of a sum.
        return if operand < 2 { unless_used(Bound::Factor) } else { Bound::Always };
    }
    match column {
        // Every column of the permutation is its input or follows from columns before it, and rounds are invertible.
        0..main::PERMUTATION => Bound::Always,
        main::OUTPUT_READS => reads(fixed::OUTPUT_DYNAMIC),
        main::PACK_READS => reads(fixed::PACK_DYNAMIC),
        main::CONSTANT_READS => reads(fixed::CONSTANT_DYNAMIC),
        // The number is provided on every row.
        main::RANGE_LOOKUPS => Bound::Always,
        // Ports of the permutation that are not in use, selects and range checks that are not there.
        main::HIGH..main::OUTPUT_READS | main::SELECT_OFFSET..main::RANGE_LOOKUPS => unless_used(Bound::Free),
        main::HORNER_BY..main::HORNER_START => unless_used(Bound::Factor),
        // The second, fourth and fifth value are terms of a sum, the first and third one are multiplied first.
        main::HORNER_VALUE..main::HORNER_TWO => match column - main::HORNER_VALUE {
            0 | 2 => unless_used(Bound::Factor),
            _ => Bound::Always,
        },
        // Start and sums of the Horner lane are given on every row.
        _ => Bound::Always,
    }
}

/// Keeps all constraints but some.
#[derive(Clone, Copy)]
pub(crate) struct Lacking(pub(crate) &'static [Constraint]);

impl Keeps for Lacking {
    fn keeps(&self, constraint: Constraint) -> bool {
        !self.0.contains(&constraint)
    }
}

pub(crate) const WIRES: &[Constraint] = &[
    Constraint::BusPermutation,
    Constraint::BusHorner,
    Constraint::BusArithmetic,
    Constraint::BusConstant,
    Constraint::BusSelect,
    Constraint::BusRangeValue,
];

pub(crate) const RANGES: &[Constraint] = &[Constraint::BusRangeLookup, Constraint::BusRangeProvided];

/// Keeps one bus and no constraint.
#[derive(Clone, Copy)]
pub(crate) struct Only(pub(crate) &'static [Constraint]);

impl Keeps for Only {
    fn keeps(&self, constraint: Constraint) -> bool {
        self.0.contains(&constraint)
    }
}

// The toy circuit.

/// A circuit with a little of everything, and the rows where things stand.
///
/// Some results nobody reads: there a cheating prover is free to go on after a wrong step, so that only the constraint
/// of this step stands in the way.
pub(crate) struct Toy {
    pub(crate) circuit: Circuit,
    pub(crate) inputs: Inputs,
    pub(crate) wires: ToyWires,
    pub(crate) rows: ToyRows,
}

pub(crate) struct ToyWires {
    pub(crate) extension: [Wire; 3],
    pub(crate) base: [Wire; 12],
    pub(crate) sum: Wire,
    pub(crate) quotient: Wire,
    pub(crate) twelve: Wire,
    pub(crate) seven: Wire,
    pub(crate) unpacked: [Wire; 5],
    pub(crate) repacked: Wire,
    pub(crate) fresh: DigestWires,
    pub(crate) published: [Wire; 8],
    pub(crate) outputs: Array,
    pub(crate) selected: [Wire; 4],
    pub(crate) low_bits: Wire,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct ToyRows {
    /// A fresh row of three lanes; its output is read.
    pub(crate) fresh: usize,
    /// The same; nobody reads its output.
    pub(crate) lone: usize,
    /// Goes on from a fresh row; nobody reads its output.
    pub(crate) carry: usize,
    /// The same with the input of the row before.
    pub(crate) feed: usize,
    /// Its second half is a digest of wires; nobody reads its output.
    pub(crate) load: usize,
    /// Merkle steps with bits 0 and 1; nobody reads their output.
    pub(crate) merkle: [usize; 2],
    /// Two rows whose output is read dynamically.
    pub(crate) outputs: usize,
    /// A Horner run over twelve values that is read, three rows.
    pub(crate) twelve: usize,
    /// A Horner run over seven values that nobody reads, two rows.
    pub(crate) seven: usize,
    /// A pack that is read dynamically.
    pub(crate) packs: usize,
    /// The first constant that is read dynamically.
    pub(crate) constants: usize,
    /// A select whose value nobody reads.
    pub(crate) select: usize,
    /// Two operations that nobody reads, one in each lane.
    pub(crate) products: usize,
    /// An operation that reads the pack of the unpacked sum.
    pub(crate) reads_pack: usize,
    /// A range check.
    pub(crate) range: usize,
    /// First row without any operation.
    pub(crate) padding: usize,
}

pub(crate) const TABLE: [u32; 4] = [100, 101, 102, 103];

pub(crate) fn toy() -> Toy {
    let mut b = CircuitBuilder::new();
    let mut rows = ToyRows::default();
    let extension: [Wire; 3] = from_fn(|_| b.input());
    let base: [Wire; 12] = from_fn(|_| b.input());
    let bits: [Wire; 2] = from_fn(|_| b.input());
    for bit in bits {
        b.assert_bool(bit);
    }
    let [zero_bit, bit] = bits;
    let [zero, one] = [b.zero(), b.one()];

    let sum = b.mul_add(extension[0], extension[1], extension[2]);
    let quotient = b.divide(extension[0], extension[1]);
    rows.products = b.counts().arithmetic;
    b.mul_add(quotient, sum, extension[2]);
    b.mul_add(sum, extension[1], extension[0]);

    rows.twelve = b.counts().horner;
    let twelve = b.horner(extension[1], &base);
    b.add(twelve, sum);
    rows.seven = b.counts().horner;
    let seven = b.horner(extension[0], &base[..7]);
    let unpacked = b.unpack(sum);
    let repacked = b.pack(&unpacked[..3]);
    rows.reads_pack = b.counts().arithmetic;
    b.add(repacked, extension[0]);

    let lanes = |wires: &[Wire]| from_fn(|j| wires.get(j).copied());
    let first = |wires: &[Wire], tag| Permute::Row {
        lanes: lanes(wires),
        rest: Rest::Zero,
        high: High::Fresh { tag: v(tag) },
    };
    let chain = start(&mut b, &mut rows.fresh);
    b.permute(chain, first(&base[..3], 7));
    let fresh = b.output(chain);
    let chain = start(&mut b, &mut rows.lone);
    b.permute(chain, first(&base[3..6], 7));
    let second = |b: &mut CircuitBuilder, row: &mut usize, high| {
        let chain = b.chain();
        b.permute(chain, first(&base[6..8], 8));
        *row = b.counts().permutations;
        b.permute(chain, Permute::Row { lanes: lanes(&base[..2]), rest: Rest::Carry, high });
    };
    second(&mut b, &mut rows.carry, High::Carry { tag: v(9) });
    second(&mut b, &mut rows.feed, High::Feed { tag: v(9) });
    let chain = start(&mut b, &mut rows.load);
    b.permute(chain, Permute::Row { lanes: lanes(&base[..1]), rest: Rest::Zero, high: High::Load(fresh) });
    for (row, bit) in rows.merkle.iter_mut().zip([zero_bit, bit]) {
        let chain = b.chain();
        b.hash_row(chain, &base[..3]);
        *row = b.counts().permutations;
        b.merkle_step(chain, bit);
    }
    let outputs = b.output_array(2);
    rows.outputs = b.counts().permutations;
    for i in 0..2 {
        let chain = b.chain();
        b.hash_row(chain, &base[i..i + 2]);
        b.output_into(chain, outputs, i);
    }
    let chain = b.chain();
    b.hash_row(chain, &base);
    b.merkle_step(chain, bit);
    b.merkle_inject(chain, fresh);
    b.permute(
        chain,
        Permute::Row { lanes: lanes(&base[..2]), rest: Rest::Carry, high: High::Feed { tag: v(11) } },
    );
    let published = b.output_elements(chain);
    b.publish(published);

    rows.constants = b.counts().constants;
    let constants = b.constant_array(&TABLE.map(v));
    rows.packs = b.counts().horner;
    let packs = b.pack_array(&[base[..2].to_vec(), base[2..7].to_vec(), vec![]]);
    let two = b.constant(v(2));
    let low = b.add(bit, bit);
    let high = b.add(low, one);
    rows.select = b.counts().selects;
    let selected =
        [b.select(constants, two), b.select(packs, bit), b.select(outputs, low), b.select(outputs, high)];
    let digest: [Wire; 2] = [b.element(outputs, 2), b.element(outputs, 3)];
    b.assert_selected(outputs, low, digest[0]);
    b.assert_selected(outputs, high, digest[1]);
    b.assert_equal(selected[1], b.element(packs, 1));

    rows.range = b.counts().ranges;
    let low_bits = b.hint(Hint::Bits { of: base[0], low: 3, len: LOG_RANGE as u32 });
    b.add(low_bits, zero);
    b.range(low_bits);
    let seventeen = b.constant(v(17));
    b.range(seventeen);
    b.range(seventeen);

    rows.padding = b.counts().rows();
    assert!(rows.padding < 1 << LOG_HEIGHT);
    let mut inputs = Inputs::default();
    for i in 0..3 {
        inputs.push(self::extension(from_fn(|k| 1_000_003 * (5 * i + k as u32 + 1))));
    }
    for i in 0..12 {
        inputs.push_base(v(77_000_077 + 9 * i));
    }
    inputs.push_base(Val::ZERO);
    inputs.push_base(Val::ONE);
    inputs.digests = (0..3).map(|k| from_fn(|j| v(3000 + 100 * k + j as u32))).collect();
    let wires = ToyWires {
        extension,
        base,
        sum,
        quotient,
        twelve,
        seven,
        unpacked,
        repacked,
        fresh,
        published,
        outputs,
        selected,
        low_bits,
    };
    Toy { circuit: b.finish(LOG_HEIGHT, LOG_RANGE).unwrap(), inputs, wires, rows }
}

/// A chain that is about to get its first row.
pub(crate) fn start(b: &mut CircuitBuilder, row: &mut usize) -> Chain {
    *row = b.counts().permutations;
    b.chain()
}

impl ToyWires {
    pub(crate) fn outputs_element(&self, i: usize) -> Wire {
        CircuitBuilder::new().element(self.outputs, i)
    }
}

impl Toy {
    pub(crate) fn table(&self) -> Table {
        Table::honest(self.circuit.clone(), &self.inputs)
    }
}
