//! Names of the recursion table's constraints.

/// A constraint of the recursion table, as the book's recursion chapter names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Constraint {
    /// The rounds of the permutation.
    PermutationRounds,
    /// Input elements 0 to 7 that no wire gives are zero, or the output of the row before.
    LanesCarry,
    /// Input elements 8 to 15 come from their wires.
    HighLoads,
    /// Input elements 8 to 15 that no wire gives are zero, or what the row before hands on.
    HighCarries,
    /// One input of a Merkle step is the output of the row before, on the side that the bit says.
    MerkleStep,
    /// The first row's lanes are the public values.
    PublicsAreFirstLanes,
    /// A Horner run goes on from the row before.
    HornerChains,
    /// Five steps of Horner's rule.
    HornerSteps,
    /// `a * b + c = out` in the extension field.
    Arithmetic,
    /// Ports of the permutation on the wire bus.
    BusPermutation,
    /// Ports of the Horner lane on the wire bus.
    BusHorner,
    /// Ports of the arithmetic lanes on the wire bus.
    BusArithmetic,
    /// Port of the constant on the wire bus.
    BusConstant,
    /// Ports of the select on the wire bus.
    BusSelect,
    /// Port of the range check on the wire bus.
    BusRangeValue,
    /// Look-up of a range check.
    BusRangeLookup,
    /// Numbers that range checks look up.
    BusRangeProvided,
}

/// Every constraint, in the order of the enumeration.
pub const CONSTRAINTS: [Constraint; 17] = {
    use Constraint::*;
    [
        PermutationRounds,
        LanesCarry,
        HighLoads,
        HighCarries,
        MerkleStep,
        PublicsAreFirstLanes,
        HornerChains,
        HornerSteps,
        Arithmetic,
        BusPermutation,
        BusHorner,
        BusArithmetic,
        BusConstant,
        BusSelect,
        BusRangeValue,
        BusRangeLookup,
        BusRangeProvided,
    ]
};

/// Which constraints a table keeps.
pub trait Keeps: Clone + Send + Sync + 'static {
    /// Whether `constraint` is asserted.
    fn keeps(&self, constraint: Constraint) -> bool;
}

/// Keeps every constraint: the table that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct All;

impl Keeps for All {
    #[inline(always)]
    fn keeps(&self, _: Constraint) -> bool {
        true
    }
}

/// Leaves one constraint out, to show that some test notices.
#[cfg(feature = "mutation")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Without(pub Constraint);

#[cfg(feature = "mutation")]
impl Keeps for Without {
    fn keeps(&self, constraint: Constraint) -> bool {
        constraint != self.0
    }
}
