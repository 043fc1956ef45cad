//! Columns of the recursion table.

/// Main columns: values only.
pub mod main {
    /// Columns of the permutation: 16 inputs, then the state after each full round and the S-box of each partial one.
    pub const PERMUTATION: usize = 164;
    /// First of the 16 outputs of the permutation.
    pub const OUTPUT: usize = PERMUTATION - 16;
    /// Wire at the first high port: elements 8 to 12 of the input, or the bit of a Merkle step. Five coordinates.
    pub const HIGH: usize = PERMUTATION;
    /// Wire at the second high port: elements 13 to 15 of the input. Three coordinates.
    pub const HIGHER: usize = HIGH + 5;
    /// Dynamic reads of the output's two wires.
    pub const OUTPUT_READS: usize = HIGHER + 3;
    /// Multiplier of the Horner lane, five coordinates.
    pub const HORNER_BY: usize = OUTPUT_READS + 1;
    /// What the Horner lane starts with, five coordinates.
    pub const HORNER_START: usize = HORNER_BY + 5;
    /// Base values of the Horner lane.
    pub const HORNER_VALUE: usize = HORNER_START + 5;
    /// Horner's sum after two values, five coordinates.
    pub const HORNER_TWO: usize = HORNER_VALUE + 5;
    /// Horner's sum after four values, five coordinates.
    pub const HORNER_FOUR: usize = HORNER_TWO + 5;
    /// Horner's sum after all five values, five coordinates.
    pub const HORNER_RESULT: usize = HORNER_FOUR + 5;
    /// Dynamic reads of the packed wire.
    pub const PACK_READS: usize = HORNER_RESULT + 5;
    /// First of the arithmetic lanes: `a`, `b`, `c`, `out`, five coordinates each.
    pub const ARITHMETIC: usize = PACK_READS + 1;
    /// Columns of an arithmetic lane.
    pub const ARITHMETIC_WIDTH: usize = 20;
    /// Dynamic reads of the constant.
    pub const CONSTANT_READS: usize = ARITHMETIC + super::LANES * ARITHMETIC_WIDTH;
    /// Offset of the select.
    pub const SELECT_OFFSET: usize = CONSTANT_READS + 1;
    /// Wire that the select reads, five coordinates.
    pub const SELECT_VALUE: usize = SELECT_OFFSET + 1;
    /// Value of the range check.
    pub const RANGE_VALUE: usize = SELECT_VALUE + 5;
    /// Times that the row's number is looked up.
    pub const RANGE_LOOKUPS: usize = RANGE_VALUE + 1;
    /// All columns.
    pub const WIDTH: usize = RANGE_LOOKUPS + 1;
}

/// Preprocessed columns: operations, wiring and constants. An index of 0 with a count of 0 is an unused port.
pub mod fixed {
    /// Indices of the wires at lanes 0 to 7.
    pub const LANE_INDEX: usize = 0;
    /// 1 for each lane that a wire gives.
    pub const LANE_READ: usize = LANE_INDEX + 8;
    /// Indices of the wires at the two high ports.
    pub const HIGH_INDEX: usize = LANE_READ + 8;
    /// 1 for each high port that reads.
    pub const HIGH_READ: usize = HIGH_INDEX + 2;
    /// Index of the wire with output elements 0 to 4; elements 5 to 7 are the wire after it.
    pub const OUTPUT_INDEX: usize = HIGH_READ + 2;
    /// Signed counts of these two wires.
    pub const OUTPUT_COUNT: usize = OUTPUT_INDEX + 1;
    /// 1 where these two wires can be read dynamically.
    pub const OUTPUT_DYNAMIC: usize = OUTPUT_COUNT + 2;
    /// 1 where lanes without a wire are the output of the row before.
    pub const LANES_CARRY: usize = OUTPUT_DYNAMIC + 1;
    /// 1 where elements 8 to 15 are the output of the row before.
    pub const HIGH_CARRY: usize = LANES_CARRY + 1;
    /// 1 where the row before's input elements 8 to 15 are added to them.
    pub const HIGH_FEED: usize = HIGH_CARRY + 1;
    /// Constant added to element 8.
    pub const TAG: usize = HIGH_FEED + 1;
    /// 1 on a Merkle step.
    pub const MERKLE: usize = TAG + 1;
    /// 1 where elements 8 to 15 come from the high ports.
    pub const LOAD: usize = MERKLE + 1;
    /// Indices of the five Horner values.
    pub const VALUE_INDEX: usize = LOAD + 1;
    /// Signed counts of the five Horner values.
    pub const VALUE_COUNT: usize = VALUE_INDEX + 5;
    /// Index of the Horner multiplier.
    pub const BY_INDEX: usize = VALUE_COUNT + 5;
    /// 1 where the multiplier is read.
    pub const BY_READ: usize = BY_INDEX + 1;
    /// Index and signed count of the Horner result.
    pub const RESULT_INDEX: usize = BY_READ + 1;
    /// See [`RESULT_INDEX`].
    pub const RESULT_COUNT: usize = RESULT_INDEX + 1;
    /// Index and signed count of the packed wire.
    pub const PACK_INDEX: usize = RESULT_COUNT + 1;
    /// See [`PACK_INDEX`].
    pub const PACK_COUNT: usize = PACK_INDEX + 1;
    /// 1 where the packed wire can be read dynamically.
    pub const PACK_DYNAMIC: usize = PACK_COUNT + 1;
    /// 1 where the Horner lane goes on from the row before.
    pub const CHAIN: usize = PACK_DYNAMIC + 1;
    /// First of the arithmetic lanes: index and signed count of `a`, `b`, `c`, `out`.
    pub const ARITHMETIC: usize = CHAIN + 1;
    /// Columns of an arithmetic lane.
    pub const ARITHMETIC_WIDTH: usize = 8;
    /// Index of the constant.
    pub const CONSTANT_INDEX: usize = ARITHMETIC + super::LANES * ARITHMETIC_WIDTH;
    /// Signed count of the constant.
    pub const CONSTANT_COUNT: usize = CONSTANT_INDEX + 1;
    /// The constant, a base value.
    pub const CONSTANT_VALUE: usize = CONSTANT_COUNT + 1;
    /// 1 where the constant can be read dynamically.
    pub const CONSTANT_DYNAMIC: usize = CONSTANT_VALUE + 1;
    /// Index of the select's offset.
    pub const OFFSET_INDEX: usize = CONSTANT_DYNAMIC + 1;
    /// Index of the array's first wire.
    pub const SELECT_BASE: usize = OFFSET_INDEX + 1;
    /// 1 where a select reads.
    pub const SELECT_READ: usize = SELECT_BASE + 1;
    /// Index and signed count of the wire that the select equals.
    pub const SELECTED_INDEX: usize = SELECT_READ + 1;
    /// See [`SELECTED_INDEX`].
    pub const SELECTED_COUNT: usize = SELECTED_INDEX + 1;
    /// Index of the wire whose range is checked.
    pub const RANGE_INDEX: usize = SELECTED_COUNT + 1;
    /// 1 where a range is checked.
    pub const RANGE_READ: usize = RANGE_INDEX + 1;
    /// The number that this row provides to range checks.
    pub const RANGE_NUMBER: usize = RANGE_READ + 1;
    /// All columns.
    pub const WIDTH: usize = RANGE_NUMBER + 1;
}

/// Arithmetic lanes of a row.
pub const LANES: usize = 2;
