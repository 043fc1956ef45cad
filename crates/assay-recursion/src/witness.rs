//! Runs circuits: values of all wires, and the main columns of the table.

#[cfg(feature = "mutation")]
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use assay_circuit::{Challenge, Val, generate_permutations, round_constants};
use p3_field::{BasedVectorSpace, Field, PrimeCharacteristicRing, PrimeField32};
use p3_koala_bear::{Poseidon2KoalaBear, default_koalabear_poseidon2_16};
use p3_matrix::dense::RowMajorMatrix;
use p3_symmetric::Permutation;

use crate::air::{COORDINATES, HALF};
use crate::circuit::{Circuit, High, Hint, Permute, Rest, Step, Wire, coordinates};
use crate::columns::{LANES, main};

/// What a run takes from outside, in the order in which the circuit asks for it.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Values of input wires.
    pub values: Vec<Challenge>,
    /// Unknown halves of Merkle steps.
    pub digests: Vec<[Val; HALF]>,
}

impl Inputs {
    /// Adds a base value.
    pub fn push_base(&mut self, value: Val) {
        self.values.push(value.into());
    }

    /// Adds a value.
    pub fn push(&mut self, value: Challenge) {
        self.values.push(value);
    }
}

/// An operation that doesn't hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Too few or too many external values or digests.
    Inputs,
    /// An equation of an arithmetic operation.
    Arithmetic(usize),
    /// A Horner sum or a packed wire.
    Horner(usize),
    /// A wire that must be a base element or a digest's half and isn't.
    NotBase(Wire),
    /// A select's value.
    Select(usize),
    /// A value out of range.
    Range(usize),
    /// The first half of an output that selects read more or less often than its second half.
    Reads(Wire),
}

/// A run of a circuit.
#[derive(Clone, Debug)]
pub struct Witness {
    values: Vec<Challenge>,
    permutations: Vec<[Val; 2 * HALF]>,
    outputs: Vec<[Val; 2 * HALF]>,
    horner: Vec<[Challenge; 4]>,
    /// Dynamic reads by wire.
    reads: Vec<u32>,
    /// Look-ups by number.
    lookups: Vec<u32>,
    violations: Vec<Violation>,
}

impl Witness {
    /// Value of a wire.
    pub fn value(&self, wire: Wire) -> Challenge {
        self.values.get(wire.0 as usize).copied().unwrap_or_default()
    }

    /// What doesn't hold; a run goes on after the first.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }
}

impl Circuit {
    /// Runs the circuit. Never fails: what doesn't hold is in [`Witness::violations`].
    pub fn run(&self, inputs: &Inputs) -> Witness {
        Runner::new(self, inputs).run()
    }

    /// The same with other values for hints, which a prover can choose freely; for other wires they have no effect.
    #[cfg(feature = "mutation")]
    pub fn run_with(&self, inputs: &Inputs, overrides: &BTreeMap<Wire, Challenge>) -> Witness {
        let mut runner = Runner::new(self, inputs);
        runner.overrides.clone_from(overrides);
        runner.run()
    }

    /// The public values of a run.
    pub fn publics(&self, witness: &Witness) -> Vec<Val> {
        let publics = self.operations.publics.into_iter().flatten();
        publics.map(|wire| coordinates(witness.value(wire))[0]).collect()
    }

    /// The main columns of a run.
    pub fn trace(&self, witness: &Witness) -> RowMajorMatrix<Val> {
        let height = 1usize << self.log_height;
        let mut inputs = Vec::with_capacity(height);
        let mut first = [Val::ZERO; 2 * HALF];
        for (element, public) in first.iter_mut().zip(self.publics(witness)) {
            *element = public;
        }
        inputs.push(first);
        inputs.extend_from_slice(&witness.permutations);
        inputs.resize(height, [Val::ZERO; 2 * HALF]);
        let permutations = generate_permutations(inputs, &round_constants());
        let mut values = Val::zero_vec(height * main::WIDTH);
        for (row, permutation) in
            values.chunks_exact_mut(main::WIDTH).zip(permutations.values.chunks_exact(main::PERMUTATION))
        {
            row[..main::PERMUTATION].copy_from_slice(permutation);
        }
        drop(permutations);
        let mut trace = Trace { values };
        self.fill(witness, &mut trace);
        RowMajorMatrix::new(trace.values, main::WIDTH)
    }

    fn fill(&self, witness: &Witness, trace: &mut Trace) {
        let operations = &self.operations;
        let reads = |wire: Wire| Val::from_u32(witness.reads.get(wire.0 as usize).copied().unwrap_or(0));
        for (i, row) in operations.chains.iter().flatten().enumerate() {
            if let (Some([low, _]), true) = (row.output, row.dynamic) {
                trace.set(i + 1, main::OUTPUT_READS, reads(low));
            }
            let [high, higher] = match row.input {
                Permute::Row { high: High::Load(digest), .. } => digest.map(|wire| witness.value(wire)),
                Permute::Merkle { bit } => [witness.value(bit), Challenge::ZERO],
                Permute::Row { .. } => continue,
            };
            trace.set_wire(i + 1, main::HIGH, high);
            for (k, coordinate) in coordinates(higher).into_iter().take(3).enumerate() {
                trace.set(i + 1, main::HIGHER + k, coordinate);
            }
        }
        for (row, (op, [start, two, four, result])) in
            operations.horner.iter().zip(&witness.horner).enumerate()
        {
            if let Some(by) = op.by {
                trace.set_wire(row, main::HORNER_BY, witness.value(by));
            }
            trace.set_wire(row, main::HORNER_START, *start);
            trace.set_wire(row, main::HORNER_TWO, *two);
            trace.set_wire(row, main::HORNER_FOUR, *four);
            trace.set_wire(row, main::HORNER_RESULT, *result);
            for (i, wire) in op.values.into_iter().enumerate() {
                trace.set(row, main::HORNER_VALUE + i, coordinates(witness.value(wire))[0]);
            }
            if let (Some((wire, _)), true) = (op.pack, op.dynamic) {
                trace.set(row, main::PACK_READS, reads(wire));
            }
        }
        // Rows without a Horner operation: multiplier zero, values zero, so all sums are zero, and none chains.
        for (i, op) in operations.arithmetic.iter().enumerate() {
            let lane = main::ARITHMETIC + main::ARITHMETIC_WIDTH * (i % LANES);
            let [a, b, c] = op.operands;
            for (k, wire) in [a, b, c, op.out.0].into_iter().enumerate() {
                trace.set_wire(i / LANES, lane + COORDINATES * k, witness.value(wire));
            }
        }
        for (row, op) in operations.constants.iter().enumerate() {
            if op.dynamic {
                trace.set(row, main::CONSTANT_READS, reads(op.out));
            }
        }
        for (row, op) in operations.selects.iter().enumerate() {
            trace.set(row, main::SELECT_OFFSET, coordinates(witness.value(op.offset))[0]);
            trace.set_wire(row, main::SELECT_VALUE, witness.value(op.out.0));
        }
        for (row, wire) in operations.ranges.iter().enumerate() {
            trace.set(row, main::RANGE_VALUE, coordinates(witness.value(*wire))[0]);
        }
        for (row, lookups) in witness.lookups.iter().enumerate() {
            trace.set(row, main::RANGE_LOOKUPS, Val::from_u32(*lookups));
        }
    }
}

struct Trace {
    values: Vec<Val>,
}

impl Trace {
    fn set(&mut self, row: usize, column: usize, value: Val) {
        if let Some(cell) = self.values.get_mut(row * main::WIDTH + column) {
            *cell = value;
        }
    }

    fn set_wire(&mut self, row: usize, column: usize, value: Challenge) {
        for (i, coordinate) in coordinates(value).into_iter().enumerate() {
            self.set(row, column + i, coordinate);
        }
    }
}

struct Runner<'a> {
    circuit: &'a Circuit,
    values: core::slice::Iter<'a, Challenge>,
    digests: core::slice::Iter<'a, [Val; HALF]>,
    /// First row of each chain.
    starts: Vec<usize>,
    poseidon2: Poseidon2KoalaBear<16>,
    witness: Witness,
    #[cfg(feature = "mutation")]
    overrides: BTreeMap<Wire, Challenge>,
}

impl<'a> Runner<'a> {
    fn new(circuit: &'a Circuit, inputs: &'a Inputs) -> Self {
        let operations = &circuit.operations;
        let mut starts = Vec::with_capacity(operations.chains.len());
        let mut rows = 0;
        for chain in &operations.chains {
            starts.push(rows);
            rows += chain.len();
        }
        let witness = Witness {
            values: vec![Challenge::ZERO; operations.wires as usize + 1],
            permutations: vec![[Val::ZERO; 2 * HALF]; rows],
            outputs: vec![[Val::ZERO; 2 * HALF]; rows],
            horner: vec![[Challenge::ZERO; 4]; operations.horner.len()],
            reads: vec![0; operations.wires as usize + 1],
            lookups: vec![0; 1 << circuit.log_range],
            violations: Vec::new(),
        };
        let poseidon2 = default_koalabear_poseidon2_16();
        Self {
            circuit,
            values: inputs.values.iter(),
            digests: inputs.digests.iter(),
            starts,
            poseidon2,
            witness,
            #[cfg(feature = "mutation")]
            overrides: BTreeMap::new(),
        }
    }

    fn run(mut self) -> Witness {
        for step in &self.circuit.operations.steps {
            self.step(step);
        }
        self.finish()
    }

    fn finish(mut self) -> Witness {
        if self.values.next().is_some() || self.digests.next().is_some() {
            self.witness.violations.push(Violation::Inputs);
        }
        for public in self.circuit.operations.publics.into_iter().flatten() {
            let _ = self.base(public);
        }
        for row in self.circuit.operations.chains.iter().flatten() {
            // One column counts the dynamic reads of both halves.
            let reads = |wire: Wire| self.witness.reads.get(wire.0 as usize);
            if let Some([low, high]) = row.output
                && reads(low) != reads(high)
            {
                self.witness.violations.push(Violation::Reads(low));
            }
        }
        self.witness
    }

    fn value(&self, wire: Wire) -> Challenge {
        self.witness.value(wire)
    }

    fn set(&mut self, wire: Wire, value: Challenge) {
        if let Some(cell) = self.witness.values.get_mut(wire.0 as usize) {
            *cell = value;
        }
    }

    /// The wire as a base element; a violation if it isn't one.
    fn base(&mut self, wire: Wire) -> Val {
        let [base, rest @ ..] = coordinates(self.value(wire));
        if rest.iter().any(|coordinate| *coordinate != Val::ZERO) {
            self.witness.violations.push(Violation::NotBase(wire));
        }
        base
    }

    /// Gives an operation's result to its wire, or compares.
    fn give(&mut self, (wire, defines): (Wire, bool), value: Challenge, violation: Violation) {
        if defines {
            self.set(wire, value);
        } else if self.value(wire) != value {
            self.witness.violations.push(violation);
        }
    }

    fn step(&mut self, step: &Step) {
        let operations = &self.circuit.operations;
        match *step {
            Step::Hint(wire, hint) => {
                let value = self.hint(hint);
                #[cfg(feature = "mutation")]
                let value = self.overrides.get(&wire).copied().unwrap_or(value);
                self.set(wire, value);
            }
            Step::Constant(i) => {
                if let Some(op) = operations.constants.get(i) {
                    self.set(op.out, op.value.into());
                }
            }
            Step::Arithmetic(i) => {
                if let Some(op) = operations.arithmetic.get(i) {
                    let [a, b, c] = op.operands.map(|wire| self.value(wire));
                    self.give(op.out, a * b + c, Violation::Arithmetic(i));
                }
            }
            Step::Horner(i) => self.horner(i),
            Step::Permutation(chain, row) => self.permutation(chain, row),
            Step::Output(chain, row) => {
                let output =
                    operations.chains.get(chain).and_then(|rows| rows.get(row)).and_then(|row| row.output);
                let start = self.starts.get(chain).copied().unwrap_or(0);
                if let (Some([low, high]), Some(state)) =
                    (output, self.witness.outputs.get(start + row).copied())
                {
                    self.set(low, from_coordinates(&state[..COORDINATES]));
                    self.set(high, from_coordinates(&state[COORDINATES..HALF]));
                }
            }
            Step::Select(i) => self.select(i),
            Step::Range(i) => {
                if let Some(wire) = operations.ranges.get(i) {
                    let number = self.base(*wire).as_canonical_u32() as usize;
                    match self.witness.lookups.get_mut(number) {
                        Some(lookups) => *lookups += 1,
                        None => self.witness.violations.push(Violation::Range(i)),
                    }
                }
            }
        }
    }

    fn hint(&mut self, hint: Hint) -> Challenge {
        match hint {
            Hint::Input => self.values.next().copied().unwrap_or_else(|| {
                self.witness.violations.push(Violation::Inputs);
                Challenge::ZERO
            }),
            Hint::Quotient(num, den) => {
                self.value(den).try_inverse().map_or(Challenge::ZERO, |inverse| self.value(num) * inverse)
            }
            Hint::Bits { of, low, len } => {
                let number = coordinates(self.value(of))[0].as_canonical_u32();
                let shifted = number.checked_shr(low).unwrap_or(0);
                let mask = 1u32.checked_shl(len).unwrap_or(0).wrapping_sub(1);
                Val::from_u32(shifted & mask).into()
            }
            Hint::Coefficient(wire, i) => {
                coordinates(self.value(wire)).get(i).copied().unwrap_or_default().into()
            }
            Hint::IsZero(wire) => Challenge::from_bool(self.value(wire) == Challenge::ZERO),
        }
    }

    fn horner(&mut self, i: usize) {
        let Some(op) = self.circuit.operations.horner.get(i) else { return };
        let mut values = [Val::ZERO; COORDINATES];
        for (value, wire) in values.iter_mut().zip(op.values) {
            *value = self.base(wire);
        }
        let start = match i.checked_sub(1).and_then(|before| self.witness.horner.get(before)) {
            Some([_, _, _, result]) if op.chain => *result,
            _ => Challenge::ZERO,
        };
        let by = op.by.map_or(Challenge::ZERO, |wire| self.value(wire));
        let [v0, v1, v2, v3, v4] = values;
        let two = (start * by + v0) * by + v1;
        let four = (two * by + v2) * by + v3;
        let result = four * by + v4;
        if let Some(sums) = self.witness.horner.get_mut(i) {
            *sums = [start, two, four, result];
        }
        if let Some(wire) = op.result {
            self.give(wire, result, Violation::Horner(i));
        }
        if let Some(wire) = op.pack {
            self.give(wire, from_coordinates(&values), Violation::Horner(i));
        }
    }

    fn permutation(&mut self, chain: usize, row: usize) {
        let Some(input) =
            self.circuit.operations.chains.get(chain).and_then(|rows| rows.get(row)).map(|row| row.input)
        else {
            return;
        };
        let at = self.starts.get(chain).copied().unwrap_or(0) + row;
        let zeros = [Val::ZERO; 2 * HALF];
        let before = |states: &[[Val; 2 * HALF]]| {
            at.checked_sub(1).and_then(|at| states.get(at)).copied().unwrap_or(zeros)
        };
        let (last_output, last_input) = (before(&self.witness.outputs), before(&self.witness.permutations));
        let mut state = zeros;
        match input {
            Permute::Row { lanes, rest, high } => {
                for (j, wire) in lanes.into_iter().enumerate() {
                    state[j] = match (wire, rest) {
                        (Some(wire), _) => self.base(wire),
                        (None, Rest::Zero) => Val::ZERO,
                        (None, Rest::Carry) => last_output[j],
                    };
                }
                for j in 0..HALF {
                    state[HALF + j] = match high {
                        High::Fresh { .. } | High::Load(_) => Val::ZERO,
                        High::Carry { .. } => last_output[HALF + j],
                        High::Feed { .. } => last_output[HALF + j] + last_input[HALF + j],
                    };
                }
                match high {
                    High::Fresh { tag } | High::Carry { tag } | High::Feed { tag } => state[HALF] += tag,
                    High::Load([low, high]) => {
                        let (a, b) = (coordinates(self.value(low)), coordinates(self.value(high)));
                        if b.iter().skip(HALF - COORDINATES).any(|coordinate| *coordinate != Val::ZERO) {
                            self.witness.violations.push(Violation::NotBase(high));
                        }
                        state[HALF..HALF + COORDINATES].copy_from_slice(&a);
                        state[HALF + COORDINATES..].copy_from_slice(&b[..HALF - COORDINATES]);
                    }
                }
            }
            Permute::Merkle { bit } => {
                let sibling = self.digests.next().copied().unwrap_or_else(|| {
                    self.witness.violations.push(Violation::Inputs);
                    [Val::ZERO; HALF]
                });
                let right = self.value(bit) == Challenge::ONE;
                let (known, free) = if right { (HALF, 0) } else { (0, HALF) };
                state[known..known + HALF].copy_from_slice(&last_output[..HALF]);
                state[free..free + HALF].copy_from_slice(&sibling);
            }
        }
        let mut output = state;
        self.poseidon2.permute_mut(&mut output);
        if let (Some(input), Some(out)) =
            (self.witness.permutations.get_mut(at), self.witness.outputs.get_mut(at))
        {
            *input = state;
            *out = output;
        }
    }

    fn select(&mut self, i: usize) {
        let Some(op) = self.circuit.operations.selects.get(i).copied() else { return };
        let offset = self.base(op.offset).as_canonical_u32();
        if offset >= op.array.len {
            self.witness.violations.push(Violation::Select(i));
            return;
        }
        let wire = Wire(op.array.first + offset);
        if let Some(reads) = self.witness.reads.get_mut(wire.0 as usize) {
            *reads += 1;
        }
        let value = self.value(wire);
        self.give(op.out, value, Violation::Select(i));
    }
}

fn from_coordinates(coordinates: &[Val]) -> Challenge {
    Challenge::from_basis_coefficients_fn(|i| coordinates.get(i).copied().unwrap_or_default())
}
