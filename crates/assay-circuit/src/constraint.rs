//! Names of the constraints, and the switch that leaves one out in tests.

/// A named constraint. The book's protocol chapter has a line for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each name is stated with its formula where it is asserted and in the book")]
pub enum Constraint {
    PermutationRounds,
    HashFlagsAreBits,
    HashOneType,
    HashLastIsLeaf,
    LeafContinues,
    LeafSecondNeedsEntries,
    LeafOnlyLastIsHalf,
    LeafHalfIsZero,
    LeafChain,
    LeafNumberStays,
    LeafPreviousKeyStarts,
    LeafPreviousKeyFollows,
    LeafCountIsHashed,
    LeafCountFalls,
    LeafCountEnds,
    NodeEmptyNeedsNode,
    NodeEmptyIsEmpty,
    RootIsFirst,
    RootIsOnlyFirst,
    RootIsNode,
    RootHasNumberOne,
    RootIsPublic,
    TotalsStartAfterRoot,
    TotalsStartIsTotals,
    TotalsOneRun,
    TotalsEpochIsPublic,
    TotalsChainStarts,
    TotalsChain,
    TotalsArePublic,
    BusEntrySent,
    BusAccountSent,
    BusNodeSent,
    BusNodeChildren,
    BusTotalsReceived,
    PricesStartAfterTotals,
    PricesStartIsPrices,
    PricesOneRun,
    PricesChainStarts,
    PricesChain,
    PricesArePublic,
    BusPricesProvided,
    EntryFlagsAreBits,
    EntryEndNeedsActive,
    EntryGroupKey,
    EntryGroupActive,
    EntryGroupCloses,
    EntrySumStarts,
    EntrySumAdds,
    EntryCountStarts,
    EntryCountAdds,
    EntryPiecesInRange,
    EntryGapInRange,
    BusEntryReceived,
    BusTotalsSent,
    EntryRoutesAreBits,
    EntryOneRoute,
    EntryRouteNeedsActive,
    EntryOthersAreEquity,
    EntryAssetInRange,
    BusRoutesSent,
    AccountFlagsAreBits,
    AccountFirstIsActive,
    AccountActiveFalls,
    AccountIndexStarts,
    AccountIndexCounts,
    AccountTopNeedsHigh,
    AccountTopIsLargest,
    AccountOrderLow,
    AccountOrderMiddleLow,
    AccountOrderMiddleHigh,
    AccountOrderHigh,
    AccountFirstKeyIsPublic,
    AccountLastKeyIsPublic,
    AccountCountIsPublic,
    AccountKeyInRange,
    AccountDifferenceInRange,
    BusAccountReceived,
    RangeStarts,
    RangeCounts,
    RangeEnds,
    BusRangeProvided,
    PledgeFlagsAreBits,
    PledgeOneType,
    PledgeEquityIsEquity,
    PledgeStarts,
    PledgeSameAccount,
    PledgeSameAsset,
    PledgeRestStarts,
    PledgeRestFalls,
    PledgeRestInRange,
    PledgeAssetInRange,
    BusPledgeReceived,
    BusCollateralSent,
    CoverageFlagsAreBits,
    CoverageOneStart,
    CoverageStarts,
    CoverageContinuesActive,
    CoverageSameAccount,
    CoverageSameProduct,
    CoveragePoolIsGeneric,
    CoverageOneShift,
    CoverageProduct,
    CoverageLimbsInRange,
    CoverageCarriesInRange,
    CoverageValue,
    CoverageValueFits,
    CoverageUpIsDebt,
    CoverageRoundsUp,
    CoverageAboveTier,
    CoverageAboveInRange,
    CoverageBelowTier,
    CoverageBelowInRange,
    CoverageTierInRange,
    CoverageCreditStarts,
    CoverageCreditChanges,
    CoverageCreditInRange,
    CoverageCreditCarriesInRange,
    CoverageBankStarts,
    CoverageBankAdds,
    BusCoverReceived,
    BusPricesAsked,
}

/// Which constraints a circuit keeps.
pub trait Keeps: Clone + Send + Sync + 'static {
    /// Whether `constraint` is asserted.
    fn keeps(&self, constraint: Constraint) -> bool;
}

/// Keeps every constraint: the circuit that counts.
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
