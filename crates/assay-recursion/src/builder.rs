//! Builds circuits, operation by operation.

use alloc::vec::Vec;

use assay_circuit::{Challenge, Val};
use hashbrown::HashMap;
use p3_field::{PrimeCharacteristicRing, PrimeField32};

use crate::air::{COORDINATES, HALF};
use crate::circuit::{
    ArithmeticOp, Array, BuildError, Chain, Circuit, ConstantOp, Counts, DigestWires, High, Hint, HornerRow,
    Operations, PermutationRow, Permute, Rest, SelectOp, Step, Wire, coordinates,
};

/// Bits of a range check, unless a circuit is built with others.
pub const LOG_RANGE: usize = 15;

/// Builds a circuit. Every method that returns a wire makes a new one.
#[derive(Default)]
pub struct CircuitBuilder {
    operations: Operations,
    bases: HashMap<u32, Wire>,
    extensions: HashMap<[u32; COORDINATES], Wire>,
    published: usize,
    /// Bits that a range check must have for what was built so far.
    needs_range: usize,
    /// The first fault that was found while building.
    fault: Option<BuildError>,
}

impl CircuitBuilder {
    /// A wire that doesn't exist: no circuit with a port for it can be built.
    const NONE: Wire = Wire(u32::MAX);

    /// An empty circuit.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lays the circuit out in a table of `2^log_height` rows, with range checks of `log_range` bits.
    pub fn finish(self, log_height: usize, log_range: usize) -> Result<Circuit, BuildError> {
        if self.published != 1 {
            return Err(BuildError::Publics);
        }
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        if log_range < self.needs_range {
            return Err(BuildError::RangeTooNarrow { log_range, needs: self.needs_range });
        }
        Circuit::new(self.operations, log_height, log_range)
    }

    /// What it uses so far.
    pub fn counts(&self) -> Counts {
        self.operations.counts()
    }

    /// Makes `finish` refuse, for faults that a caller has no other way to hear of. The first one counts.
    pub(crate) fn refuse(&mut self, fault: BuildError) {
        self.fault.get_or_insert(fault);
    }

    /// Makes `finish` refuse range checks of fewer bits: honest numbers would not pass them.
    pub(crate) fn needs_range(&mut self, bits: usize) {
        self.needs_range = self.needs_range.max(bits);
    }

    fn new_wire(&mut self) -> Wire {
        self.operations.wires += 1;
        Wire(self.operations.wires)
    }

    // Values from outside.

    /// The next external value.
    pub fn input(&mut self) -> Wire {
        self.hint(Hint::Input)
    }

    /// A wire that the runner fills in; only the operations that use it say anything about it.
    pub fn hint(&mut self, hint: Hint) -> Wire {
        let wire = self.new_wire();
        self.operations.steps.push(Step::Hint(wire, hint));
        wire
    }

    /// The circuit's public values, base wires; exactly once.
    pub fn publish(&mut self, digest: [Wire; HALF]) {
        self.published += 1;
        self.operations.publics = Some(digest);
    }

    // Constants.

    /// A base constant.
    pub fn constant(&mut self, value: Val) -> Wire {
        if let Some(wire) = self.bases.get(&value.as_canonical_u32()) {
            return *wire;
        }
        let out = self.new_wire();
        self.push_constant(ConstantOp { out, value, dynamic: false });
        self.bases.insert(value.as_canonical_u32(), out);
        out
    }

    /// A constant.
    pub fn constant_ext(&mut self, value: Challenge) -> Wire {
        let coordinates = coordinates(value);
        if coordinates.iter().skip(1).all(|coordinate| *coordinate == Val::ZERO) {
            return self.constant(coordinates[0]);
        }
        let key = coordinates.map(|coordinate| coordinate.as_canonical_u32());
        if let Some(wire) = self.extensions.get(&key) {
            return *wire;
        }
        let bases = coordinates.map(|coordinate| self.constant(coordinate));
        let wire = self.pack(&bases);
        self.extensions.insert(key, wire);
        wire
    }

    /// Zero.
    pub fn zero(&mut self) -> Wire {
        self.constant(Val::ZERO)
    }

    /// One.
    pub fn one(&mut self) -> Wire {
        self.constant(Val::ONE)
    }

    /// Base constants that a select can read.
    pub fn constant_array(&mut self, values: &[Val]) -> Array {
        let array = self.new_array(values.len());
        for (i, value) in values.iter().enumerate() {
            self.push_constant(ConstantOp { out: self.element(array, i), value: *value, dynamic: true });
        }
        array
    }

    fn push_constant(&mut self, op: ConstantOp) {
        self.operations.steps.push(Step::Constant(self.operations.constants.len()));
        self.operations.constants.push(op);
    }

    // Arithmetic, one operation each unless it says otherwise.

    /// `a * b + c`.
    pub fn mul_add(&mut self, a: Wire, b: Wire, c: Wire) -> Wire {
        let out = self.new_wire();
        self.push_arithmetic(ArithmeticOp { operands: [a, b, c], out: (out, true) });
        out
    }

    /// `a * b`.
    pub fn mul(&mut self, a: Wire, b: Wire) -> Wire {
        let zero = self.zero();
        self.mul_add(a, b, zero)
    }

    /// `a + b`.
    pub fn add(&mut self, a: Wire, b: Wire) -> Wire {
        let one = self.one();
        self.mul_add(a, one, b)
    }

    /// `a - b`.
    pub fn sub(&mut self, a: Wire, b: Wire) -> Wire {
        let minus_one = self.constant(Val::NEG_ONE);
        self.mul_add(b, minus_one, a)
    }

    /// `-a`.
    pub fn neg(&mut self, a: Wire) -> Wire {
        let (minus_one, zero) = (self.constant(Val::NEG_ONE), self.zero());
        self.mul_add(a, minus_one, zero)
    }

    /// The wire `q` with `q * den = num`. It says nothing where both are zero.
    #[cfg_attr(feature = "mutation", track_caller)]
    pub fn divide(&mut self, num: Wire, den: Wire) -> Wire {
        let quotient = self.hint(Hint::Quotient(num, den));
        let zero = self.zero();
        self.assert_mul_add(quotient, den, zero, num);
        quotient
    }

    /// `a * b + c = out`.
    #[cfg_attr(feature = "mutation", track_caller)]
    pub fn assert_mul_add(&mut self, a: Wire, b: Wire, c: Wire, out: Wire) {
        self.push_arithmetic(ArithmeticOp { operands: [a, b, c], out: (out, false) });
    }

    /// `a = b`.
    #[cfg_attr(feature = "mutation", track_caller)]
    pub fn assert_equal(&mut self, a: Wire, b: Wire) {
        let (one, zero) = (self.one(), self.zero());
        self.assert_mul_add(a, one, zero, b);
    }

    /// `a = 0`.
    #[cfg_attr(feature = "mutation", track_caller)]
    pub fn assert_zero(&mut self, a: Wire) {
        let zero = self.zero();
        self.assert_equal(a, zero);
    }

    /// `a` is 0 or 1; the extension has no other roots of `a * a = a`.
    #[cfg_attr(feature = "mutation", track_caller)]
    pub fn assert_bool(&mut self, a: Wire) {
        let zero = self.zero();
        self.assert_mul_add(a, a, zero, a);
    }

    #[cfg_attr(feature = "mutation", track_caller)]
    fn push_arithmetic(&mut self, op: ArithmeticOp) {
        self.operations.steps.push(Step::Arithmetic(self.operations.arithmetic.len()));
        self.operations.arithmetic.push(op);
        #[cfg(feature = "mutation")]
        self.operations.sites.arithmetic.push(core::panic::Location::caller());
    }

    // The Horner lane: base values, five a row.

    /// The base values as coefficients of a polynomial at `by`, highest power first.
    pub fn horner(&mut self, by: Wire, values: &[Wire]) -> Wire {
        let result = self.new_wire();
        let zero = self.zero();
        // Zeros in front change nothing; at least one row.
        let rows = values.len().div_ceil(COORDINATES).max(1);
        let mut padded: Vec<Wire> = Vec::with_capacity(rows * COORDINATES);
        padded.resize(rows * COORDINATES - values.len(), zero);
        padded.extend_from_slice(values);
        for (row, chunk) in padded.chunks_exact(COORDINATES).enumerate() {
            self.push_horner(HornerRow {
                chain: row > 0,
                by: Some(by),
                values: core::array::from_fn(|i| chunk.get(i).copied().unwrap_or(zero)),
                result: (row + 1 == rows).then_some((result, true)),
                pack: None,
                dynamic: false,
            });
        }
        result
    }

    /// The wire with these base coordinates, zeros where there are fewer than five; with more than five, `finish` refuses.
    pub fn pack(&mut self, base: &[Wire]) -> Wire {
        let wire = self.new_wire();
        self.push_pack(base, (wire, true), false);
        wire
    }

    /// The base coordinates of a wire.
    #[cfg_attr(feature = "mutation", track_caller)]
    pub fn unpack(&mut self, wire: Wire) -> [Wire; COORDINATES] {
        let base = core::array::from_fn(|i| self.hint(Hint::Coefficient(wire, i)));
        self.push_pack(&base, (wire, false), false);
        base
    }

    /// Wires with these base coordinates that a select can read.
    pub fn pack_array(&mut self, items: &[Vec<Wire>]) -> Array {
        let array = self.new_array(items.len());
        for (i, base) in items.iter().enumerate() {
            let wire = self.element(array, i);
            self.push_pack(base, (wire, true), true);
        }
        array
    }

    #[cfg_attr(feature = "mutation", track_caller)]
    fn push_pack(&mut self, base: &[Wire], pack: (Wire, bool), dynamic: bool) {
        let zero = self.zero();
        // A coordinate too many must not be lost in silence.
        let pack = if base.len() > COORDINATES { (Self::NONE, pack.1) } else { pack };
        let values = core::array::from_fn(|i| base.get(i).copied().unwrap_or(zero));
        let row = HornerRow { chain: false, by: None, values, result: None, pack: Some(pack), dynamic };
        self.push_horner(row);
    }

    #[cfg_attr(feature = "mutation", track_caller)]
    fn push_horner(&mut self, row: HornerRow) {
        self.operations.steps.push(Step::Horner(self.operations.horner.len()));
        self.operations.horner.push(row);
        #[cfg(feature = "mutation")]
        self.operations.sites.horner.push(core::panic::Location::caller());
    }

    // Arrays.

    fn new_array(&mut self, len: usize) -> Array {
        let array = Array { first: self.operations.wires + 1, len: len as u32 };
        self.operations.wires += array.len;
        array
    }

    /// Wire `i` of an array. What uses a wire beyond its end is refused by `finish`.
    pub fn element(&self, array: Array, i: usize) -> Wire {
        if i < array.len() { Wire(array.first + i as u32) } else { Self::NONE }
    }

    /// The wire at a base offset, which something else must keep below the array's length.
    #[cfg_attr(feature = "mutation", track_caller)]
    pub fn select(&mut self, array: Array, offset: Wire) -> Wire {
        let out = self.new_wire();
        self.push_select(SelectOp { array, offset, out: (out, true) });
        out
    }

    /// The wire at a base offset, which something else must keep below the array's length, equals `value`.
    #[cfg_attr(feature = "mutation", track_caller)]
    pub fn assert_selected(&mut self, array: Array, offset: Wire, value: Wire) {
        self.push_select(SelectOp { array, offset, out: (value, false) });
    }

    #[cfg_attr(feature = "mutation", track_caller)]
    fn push_select(&mut self, op: SelectOp) {
        self.operations.steps.push(Step::Select(self.operations.selects.len()));
        self.operations.selects.push(op);
        #[cfg(feature = "mutation")]
        self.operations.sites.selects.push(core::panic::Location::caller());
    }

    /// The wire is a base element below `2^log_range`.
    #[cfg_attr(feature = "mutation", track_caller)]
    pub fn range(&mut self, wire: Wire) {
        self.operations.steps.push(Step::Range(self.operations.ranges.len()));
        self.operations.ranges.push(wire);
        #[cfg(feature = "mutation")]
        self.operations.sites.ranges.push(core::panic::Location::caller());
    }

    // Permutations.

    /// A new run of rows.
    pub fn chain(&mut self) -> Chain {
        self.operations.chains.push(Vec::new());
        Chain(self.operations.chains.len() - 1)
    }

    /// A permutation at the end of the chain.
    pub fn permute(&mut self, chain: Chain, input: Permute) {
        let Some(rows) = self.operations.chains.get_mut(chain.0) else { return };
        self.operations.steps.push(Step::Permutation(chain.0, rows.len()));
        rows.push(PermutationRow { input, output: None, dynamic: false });
    }

    /// Plonky3's padding-free sponge over base wires, from a fresh state.
    pub fn hash_row(&mut self, chain: Chain, values: &[Wire]) {
        for (row, block) in values.chunks(HALF).enumerate() {
            let lanes = core::array::from_fn(|j| block.get(j).copied());
            let (rest, high) = if row == 0 {
                (Rest::Zero, High::Fresh { tag: Val::ZERO })
            } else {
                (Rest::Carry, High::Carry { tag: Val::ZERO })
            };
            self.permute(chain, Permute::Row { lanes, rest, high });
        }
    }

    /// Plonky3's truncated permutation of the output so far and the next external digest; the output so far is the
    /// right one if `bit` is 1. Something else must make sure that `bit` is 0 or 1.
    pub fn merkle_step(&mut self, chain: Chain, bit: Wire) {
        self.permute(chain, Permute::Merkle { bit });
    }

    /// Plonky3's truncated permutation of the output so far and a digest.
    pub fn merkle_inject(&mut self, chain: Chain, digest: DigestWires) {
        let (lanes, rest, high) = ([None; HALF], Rest::Carry, High::Load(digest));
        self.permute(chain, Permute::Row { lanes, rest, high });
    }

    /// Wires for the outputs of `rows` permutations: the digest of the `i`-th is at offsets `2 i` and `2 i + 1`. In each
    /// run selects must read both equally often: the table counts them in one column.
    pub fn output_array(&mut self, rows: usize) -> Array {
        self.new_array(2 * rows)
    }

    /// Puts output elements 0 to 7 of the chain's last permutation in place `i` of an output array.
    pub fn output_into(&mut self, chain: Chain, array: Array, i: usize) {
        let output = [self.element(array, 2 * i), self.element(array, 2 * i + 1)];
        self.set_output(chain, output, true);
    }

    /// Output elements 0 to 7 of the chain's last permutation.
    pub fn output(&mut self, chain: Chain) -> DigestWires {
        let last = self.operations.chains.get(chain.0).and_then(|rows| rows.last());
        if let Some(PermutationRow { output: Some(output), .. }) = last {
            return *output;
        }
        let output = [self.new_wire(), self.new_wire()];
        self.set_output(chain, output, false);
        output
    }

    fn set_output(&mut self, chain: Chain, output: DigestWires, dynamic: bool) {
        if let Some(rows) = self.operations.chains.get_mut(chain.0)
            && let Some(row) = rows.len().checked_sub(1)
            && let Some(last) = rows.last_mut()
        {
            last.output = Some(output);
            last.dynamic = dynamic;
            self.operations.steps.push(Step::Output(chain.0, row));
        }
    }

    /// The same, as base wires.
    #[cfg_attr(feature = "mutation", track_caller)]
    pub fn output_elements(&mut self, chain: Chain) -> [Wire; HALF] {
        let digest = self.output(chain);
        self.digest_elements(digest)
    }

    /// Elements of a digest.
    #[cfg_attr(feature = "mutation", track_caller)]
    pub fn digest_elements(&mut self, [low, high]: DigestWires) -> [Wire; HALF] {
        let (low, high) = (self.unpack(low), self.unpack(high));
        core::array::from_fn(|i| if i < COORDINATES { low[i] } else { high[i - COORDINATES] })
    }

    /// A digest of base wires.
    pub fn pack_digest(&mut self, elements: [Wire; HALF]) -> DigestWires {
        let (low, high) = elements.split_at(COORDINATES);
        [self.pack(low), self.pack(high)]
    }
}
