//! A circuit: operations over wires, laid out as rows of the recursion table.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use assay_circuit::{Challenge, Val};
use p3_field::PrimeCharacteristicRing;
use p3_matrix::dense::RowMajorMatrix;

use crate::air::{COORDINATES, HALF};
use crate::columns::{LANES, fixed};

/// A wire: a place on the wire bus and, in a run of the circuit, its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wire(pub(crate) u32);

impl Wire {
    /// Its index on the bus, from 1.
    pub const fn index(self) -> u32 {
        self.0
    }
}

/// A digest as two wires: elements 0 to 4, and 5 to 7.
pub type DigestWires = [Wire; 2];

/// Wires at consecutive indices, which a select can read at an offset that is itself a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Array {
    pub(crate) first: u32,
    pub(crate) len: u32,
}

impl Array {
    /// Number of wires.
    pub const fn len(self) -> usize {
        self.len as usize
    }

    /// Whether it has none.
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// A run of consecutive rows of permutations, each of which can go on from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain(pub(crate) usize);

/// Where the runner takes a wire's value from when no operation computes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// The next external value.
    Input,
    /// `num / den`, zero if `den` is zero.
    Quotient(Wire, Wire),
    /// Bits `low` to `low + len - 1` of the first coordinate as an integer.
    Bits {
        /// The wire.
        of: Wire,
        /// First bit.
        low: u32,
        /// Number of bits.
        len: u32,
    },
    /// A coordinate.
    Coefficient(Wire, usize),
    /// 1 if the wire is zero, else 0.
    IsZero(Wire),
}

/// What input elements 0 to 7 without a wire are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Zero.
    Zero,
    /// The output of the row before.
    Carry,
}

/// What input elements 8 to 15 are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum High {
    /// Zero, `tag` added to element 8.
    Fresh {
        /// Added to element 8.
        tag: Val,
    },
    /// The output of the row before, `tag` added to element 8.
    Carry {
        /// Added to element 8.
        tag: Val,
    },
    /// The sum of output and input of the row before, `tag` added to element 8.
    Feed {
        /// Added to element 8.
        tag: Val,
    },
    /// A digest.
    Load(DigestWires),
}

/// Input of one permutation.
#[derive(Clone, Copy, Debug)]
pub enum Permute {
    /// Elements from wires, the row before, or zero.
    Row {
        /// Base wires of elements 0 to 7.
        lanes: [Option<Wire>; HALF],
        /// Elements 0 to 7 without a wire.
        rest: Rest,
        /// Elements 8 to 15.
        high: High,
    },
    /// One half is the first half of the row before's output, the other one is free: the right half if `bit` is 1.
    Merkle {
        /// Side of the known half.
        bit: Wire,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct PermutationRow {
    pub(crate) input: Permute,
    pub(crate) output: Option<DigestWires>,
    pub(crate) dynamic: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct HornerRow {
    pub(crate) chain: bool,
    pub(crate) by: Option<Wire>,
    /// Never without a wire: a value that no port reads would be a free coefficient.
    pub(crate) values: [Wire; COORDINATES],
    pub(crate) result: Option<(Wire, bool)>,
    pub(crate) pack: Option<(Wire, bool)>,
    pub(crate) dynamic: bool,
}

/// `a * b + c = out`; the flag says whether the operation defines `out`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArithmeticOp {
    pub(crate) operands: [Wire; 3],
    pub(crate) out: (Wire, bool),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct ConstantOp {
    pub(crate) out: Wire,
    pub(crate) value: Val,
    pub(crate) dynamic: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct SelectOp {
    pub(crate) array: Array,
    pub(crate) offset: Wire,
    pub(crate) out: (Wire, bool),
}

/// One step of a run, in the order in which the builder was told of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Hint(Wire, Hint),
    Constant(usize),
    Arithmetic(usize),
    Horner(usize),
    Permutation(usize, usize),
    Output(usize, usize),
    Select(usize),
    Range(usize),
}

/// All operations of a circuit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Operations {
    pub(crate) wires: u32,
    pub(crate) steps: Vec<Step>,
    pub(crate) constants: Vec<ConstantOp>,
    pub(crate) arithmetic: Vec<ArithmeticOp>,
    pub(crate) horner: Vec<HornerRow>,
    pub(crate) chains: Vec<Vec<PermutationRow>>,
    pub(crate) selects: Vec<SelectOp>,
    pub(crate) ranges: Vec<Wire>,
    pub(crate) publics: Option<[Wire; HALF]>,
    #[cfg(feature = "mutation")]
    pub(crate) sites: crate::mutation::Sites,
}

/// How many of each resource a circuit uses; a row of the table has one of each, and two arithmetic operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Permutations, with the row of the public values.
    pub permutations: usize,
    /// Rows of the Horner lane.
    pub horner: usize,
    /// Multiply-add operations.
    pub arithmetic: usize,
    /// Constants.
    pub constants: usize,
    /// Selects.
    pub selects: usize,
    /// Range checks.
    pub ranges: usize,
}

impl Counts {
    /// Rows of the table that they need.
    pub fn rows(&self) -> usize {
        self.permutations
            .max(self.horner)
            .max(self.arithmetic.div_ceil(LANES))
            .max(self.constants)
            .max(self.selects)
            .max(self.ranges)
    }
}

impl Operations {
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            permutations: 1 + self.chains.iter().map(Vec::len).sum::<usize>(),
            horner: self.horner.len(),
            arithmetic: self.arithmetic.len(),
            constants: self.constants.len(),
            selects: self.selects.len(),
            ranges: self.ranges.len(),
        }
    }
}

/// A circuit, laid out.
#[derive(Clone)]
pub struct Circuit {
    pub(crate) operations: Operations,
    pub(crate) log_height: usize,
    pub(crate) log_range: usize,
    preprocessed: Arc<RowMajorMatrix<Val>>,
}

/// Why a circuit can't be built: a fault of the code that builds it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A wire that some port reads and none writes.
    #[error("wire {wire} is read but never written")]
    Unwritten {
        /// Index of the wire.
        wire: u32,
    },
    /// A wire that two ports write.
    #[error("wire {wire} is written twice")]
    WrittenTwice {
        /// Index of the wire.
        wire: u32,
    },
    /// More operations than the table has rows for.
    #[error("the circuit needs {rows} rows and has 2^{log_height}")]
    TooManyRows {
        /// Rows needed.
        rows: usize,
        /// Log2 of the table's height.
        log_height: usize,
    },
    /// Range checks need a row for each number that they allow.
    #[error("range checks of {log_range} bits need a table of 2^{log_range} rows")]
    RangeTooWide {
        /// Bits of a range check.
        log_range: usize,
    },
    /// Honest numbers don't fit the circuit's range checks.
    #[error("range checks of {log_range} bits, and {needs} are needed")]
    RangeTooNarrow {
        /// Bits of a range check.
        log_range: usize,
        /// Bits needed.
        needs: usize,
    },
    /// More low bits of a sample than are the same for all ways to write it.
    #[error("{bits} low bits of a sample, and at most {most} are those of one number")]
    SampleBits {
        /// Bits.
        bits: usize,
        /// Most bits.
        most: usize,
    },
    /// Rows at a height that their Merkle path doesn't come by: nothing would check them.
    #[error("rows of height 2^{log_height} are on no level of their Merkle path")]
    PathRows {
        /// Log2 of the rows' height.
        log_height: usize,
    },
    /// A child whose tables have other numbers of public values: some would be bound to nothing.
    #[error("the child has other numbers of public values")]
    ChildPublics,
    /// No public values, or twice.
    #[error("a circuit publishes exactly one digest")]
    Publics,
    /// A chain whose first row takes something from the row before.
    #[error("a run of permutations starts in the middle")]
    ChainStart,
    /// A pair of wires that isn't at consecutive indices where it must be.
    #[error("the wires of a digest do not follow each other")]
    Digest,
}

impl Circuit {
    /// Lays the operations out in a table of `2^log_height` rows with range checks of `log_range` bits.
    pub(crate) fn new(
        operations: Operations,
        log_height: usize,
        log_range: usize,
    ) -> Result<Self, BuildError> {
        let rows = operations.counts().rows();
        if rows > 1 << log_height {
            return Err(BuildError::TooManyRows { rows, log_height });
        }
        if log_range > log_height {
            return Err(BuildError::RangeTooWide { log_range });
        }
        let preprocessed = Layout::new(&operations, log_height, log_range)?.matrix;
        Ok(Self { operations, log_height, log_range, preprocessed: Arc::new(preprocessed) })
    }

    /// Log2 of the table's height.
    pub const fn log_height(&self) -> usize {
        self.log_height
    }

    /// The preprocessed columns: all that makes this circuit differ from another one.
    pub const fn preprocessed(&self) -> &Arc<RowMajorMatrix<Val>> {
        &self.preprocessed
    }

    /// What it uses.
    pub fn counts(&self) -> Counts {
        self.operations.counts()
    }

    /// Number of external values and digests that a run takes.
    pub fn input_counts(&self) -> (usize, usize) {
        let values =
            self.operations.steps.iter().filter(|step| matches!(step, Step::Hint(_, Hint::Input))).count();
        let digests = self
            .operations
            .chains
            .iter()
            .flatten()
            .filter(|row| matches!(row.input, Permute::Merkle { .. }))
            .count();
        (values, digests)
    }
}

/// How a port uses its wire.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Can only read.
    Read,
    /// Reads, or writes a wire that no operation defines.
    Either,
    /// Writes.
    Write,
}

/// Fills in the preprocessed columns. Ports are visited twice in the same order: first to count a wire's ports and to
/// find its writer, then to write counts.
struct Layout {
    matrix: RowMajorMatrix<Val>,
    /// Ports of each wire.
    ports: Vec<u32>,
    /// Whether the wire's writer is known: an operation that defines it.
    defined: Vec<bool>,
    /// Whether the wire's writer was visited.
    written: Vec<bool>,
    filling: bool,
}

impl Layout {
    fn new(operations: &Operations, log_height: usize, log_range: usize) -> Result<Self, BuildError> {
        let wires = operations.wires as usize + 1;
        let height = 1usize << log_height;
        let mut layout = Self {
            matrix: RowMajorMatrix::new(Val::zero_vec(height * fixed::WIDTH), fixed::WIDTH),
            ports: vec![0; wires],
            defined: vec![false; wires],
            written: vec![false; wires],
            filling: false,
        };
        layout.visit(operations)?;
        layout.filling = true;
        layout.visit(operations)?;
        for (wire, ports) in layout.ports.iter().enumerate() {
            if *ports > 0 && layout.written.get(wire) != Some(&true) {
                return Err(BuildError::Unwritten { wire: wire as u32 });
            }
        }
        for row in 0..height {
            layout.set(row, fixed::RANGE_NUMBER, Val::from_usize(row % (1 << log_range)));
        }
        Ok(layout)
    }

    fn set(&mut self, row: usize, column: usize, value: Val) {
        if let Some(cell) = self.matrix.values.get_mut(row * fixed::WIDTH + column) {
            *cell = value;
        }
    }

    /// Visits a port: writes its index and count, or counts it.
    fn port(
        &mut self,
        row: usize,
        (index, count): (usize, usize),
        wire: Wire,
        used: Use,
    ) -> Result<(), BuildError> {
        let w = wire.0 as usize;
        let (Some(ports), Some(defined), Some(written)) =
            (self.ports.get_mut(w), self.defined.get_mut(w), self.written.get_mut(w))
        else {
            return Err(BuildError::Unwritten { wire: wire.0 });
        };
        if !self.filling {
            *ports += 1;
            if used == Use::Write {
                if *defined {
                    return Err(BuildError::WrittenTwice { wire: wire.0 });
                }
                *defined = true;
            }
            return Ok(());
        }
        let writes = used == Use::Write || (used == Use::Either && !*defined && !*written);
        let value = if writes {
            *written = true;
            -Val::from_u32(*ports - 1)
        } else {
            Val::ONE
        };
        self.set(row, index, Val::from_u32(wire.0));
        self.set(row, count, value);
        Ok(())
    }

    fn flag(&mut self, row: usize, column: usize, value: Val) {
        if self.filling {
            self.set(row, column, value);
        }
    }

    fn visit(&mut self, operations: &Operations) -> Result<(), BuildError> {
        let publics = operations.publics.ok_or(BuildError::Publics)?;
        self.permutations(operations, publics)?;
        for (row, horner) in operations.horner.iter().enumerate() {
            self.horner(row, horner)?;
        }
        for (i, op) in operations.arithmetic.iter().enumerate() {
            let row = i / LANES;
            let lane = fixed::ARITHMETIC + fixed::ARITHMETIC_WIDTH * (i % LANES);
            for (k, wire) in op.operands.into_iter().enumerate() {
                self.port(row, (lane + 2 * k, lane + 2 * k + 1), wire, Use::Either)?;
            }
            self.port(row, (lane + 6, lane + 7), op.out.0, either(op.out.1))?;
        }
        for (row, op) in operations.constants.iter().enumerate() {
            self.port(row, (fixed::CONSTANT_INDEX, fixed::CONSTANT_COUNT), op.out, Use::Write)?;
            self.flag(row, fixed::CONSTANT_VALUE, op.value);
            self.flag(row, fixed::CONSTANT_DYNAMIC, Val::from_bool(op.dynamic));
        }
        for (row, op) in operations.selects.iter().enumerate() {
            self.port(row, (fixed::OFFSET_INDEX, fixed::SELECT_READ), op.offset, Use::Read)?;
            self.flag(row, fixed::SELECT_BASE, Val::from_u32(op.array.first));
            self.port(row, (fixed::SELECTED_INDEX, fixed::SELECTED_COUNT), op.out.0, either(op.out.1))?;
        }
        for (row, wire) in operations.ranges.iter().enumerate() {
            self.port(row, (fixed::RANGE_INDEX, fixed::RANGE_READ), *wire, Use::Read)?;
        }
        Ok(())
    }

    fn permutations(&mut self, operations: &Operations, publics: [Wire; HALF]) -> Result<(), BuildError> {
        for (j, wire) in publics.into_iter().enumerate() {
            self.port(0, (fixed::LANE_INDEX + j, fixed::LANE_READ + j), wire, Use::Read)?;
        }
        let starts_fresh = |chain: &Vec<PermutationRow>| match chain.first().map(|row| row.input) {
            Some(Permute::Row { rest, high, .. }) => {
                rest == Rest::Zero && matches!(high, High::Fresh { .. } | High::Load(_))
            }
            Some(Permute::Merkle { .. }) => false,
            None => true,
        };
        if !operations.chains.iter().all(starts_fresh) {
            return Err(BuildError::ChainStart);
        }
        for (i, permutation) in operations.chains.iter().flatten().enumerate() {
            let row = i + 1;
            match permutation.input {
                Permute::Row { lanes, rest, high } => {
                    for (j, wire) in lanes.into_iter().enumerate() {
                        if let Some(wire) = wire {
                            self.port(row, (fixed::LANE_INDEX + j, fixed::LANE_READ + j), wire, Use::Read)?;
                        }
                    }
                    self.flag(row, fixed::LANES_CARRY, Val::from_bool(rest == Rest::Carry));
                    let tag = match high {
                        High::Fresh { tag } | High::Carry { tag } | High::Feed { tag } => tag,
                        High::Load(_) => Val::ZERO,
                    };
                    self.flag(row, fixed::TAG, tag);
                    let carries = matches!(high, High::Carry { .. } | High::Feed { .. });
                    self.flag(row, fixed::HIGH_CARRY, Val::from_bool(carries));
                    self.flag(row, fixed::HIGH_FEED, Val::from_bool(matches!(high, High::Feed { .. })));
                    if let High::Load(digest) = high {
                        self.flag(row, fixed::LOAD, Val::ONE);
                        for (k, wire) in digest.into_iter().enumerate() {
                            let port = (fixed::HIGH_INDEX + k, fixed::HIGH_READ + k);
                            self.port(row, port, wire, Use::Read)?;
                        }
                    }
                }
                Permute::Merkle { bit } => {
                    self.flag(row, fixed::MERKLE, Val::ONE);
                    self.port(row, (fixed::HIGH_INDEX, fixed::HIGH_READ), bit, Use::Read)?;
                }
            }
            if let Some([low, high]) = permutation.output {
                if high.0 != low.0 + 1 {
                    return Err(BuildError::Digest);
                }
                self.port(row, (fixed::OUTPUT_INDEX, fixed::OUTPUT_COUNT), low, Use::Write)?;
                // The second index is the first plus one, a constraint of the table.
                self.port(row, (fixed::OUTPUT_INDEX, fixed::OUTPUT_COUNT + 1), high, Use::Write)?;
                self.flag(row, fixed::OUTPUT_INDEX, Val::from_u32(low.0));
                self.flag(row, fixed::OUTPUT_DYNAMIC, Val::from_bool(permutation.dynamic));
            }
        }
        Ok(())
    }

    fn horner(&mut self, row: usize, horner: &HornerRow) -> Result<(), BuildError> {
        self.flag(row, fixed::CHAIN, Val::from_bool(horner.chain));
        self.flag(row, fixed::PACK_DYNAMIC, Val::from_bool(horner.dynamic));
        for (i, wire) in horner.values.into_iter().enumerate() {
            self.port(row, (fixed::VALUE_INDEX + i, fixed::VALUE_COUNT + i), wire, Use::Either)?;
        }
        if let Some(wire) = horner.by {
            self.port(row, (fixed::BY_INDEX, fixed::BY_READ), wire, Use::Read)?;
        }
        if let Some((wire, defines)) = horner.result {
            self.port(row, (fixed::RESULT_INDEX, fixed::RESULT_COUNT), wire, either(defines))?;
        }
        if let Some((wire, defines)) = horner.pack {
            self.port(row, (fixed::PACK_INDEX, fixed::PACK_COUNT), wire, either(defines))?;
        }
        Ok(())
    }
}

fn either(defines: bool) -> Use {
    if defines { Use::Write } else { Use::Either }
}

/// Coordinates of a value.
pub(crate) fn coordinates(value: Challenge) -> [Val; COORDINATES] {
    use p3_field::BasedVectorSpace;
    let slice: &[Val] = value.as_basis_coefficients_slice();
    core::array::from_fn(|i| slice.get(i).copied().unwrap_or_default())
}
