//! Evaluates the circuit on given traces, one row after another, and names what fails: for tests of the constraints.
//!
//! A proof only says yes or no, and a prover of this workspace writes no trace that would be refused. The checker
//! takes traces written by hand and tells which constraint, row or message is to blame. It sees the same code as the
//! prover: rows as the constraint polynomials see them on the trace domain, with the row after the last one being the
//! first, and buses as the lookup argument sees them, counts modulo `p` and flags of any value included.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use p3_air::{Air, AirBuilder, BaseAir, RowWindow};
use p3_field::{Field, PrimeCharacteristicRing, PrimeField32};
use p3_lookup::{Count, InteractionBuilder};
use p3_matrix::Matrix;
use p3_matrix::dense::RowMajorMatrix;

use crate::{Constraint, Keeps, SegmentAir, TABLES, Val, Variant, segment_airs};

/// Every constraint, in the order of the enumeration.
pub const CONSTRAINTS: [Constraint; 121] = {
    use Constraint::*;
    [
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
    ]
};

/// One thing that a trace does wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A trace or its public values don't have the table's shape; nothing else was looked at.
    Shape {
        /// Name of the table.
        table: &'static str,
    },
    /// An assertion that isn't zero.
    Constraint {
        /// The constraint that it belongs to.
        constraint: Constraint,
        /// Row of its table.
        row: usize,
        /// Which of the constraint's assertions, from 0.
        assertion: usize,
    },
    /// Flags of messages that share a column aren't bits, or two of them are on.
    ///
    /// The lookup argument takes this for granted and doesn't notice; the row is in the balance as the argument
    /// counts it.
    Exclusive {
        /// Name of the table.
        table: &'static str,
        /// Row of the table.
        row: usize,
    },
    /// A fraction that no message has, from flags that add up to zero without being zero.
    NoMessage {
        /// Name of the table.
        table: &'static str,
        /// Row of the table.
        row: usize,
    },
    /// A message that isn't received as often as it is sent.
    Bus {
        /// Name of the bus.
        bus: String,
        /// The message.
        message: Vec<u32>,
        /// Times it was sent minus times it was received, modulo `p`.
        count: u32,
    },
}

impl Violation {
    /// The constraint that an assertion belongs to.
    pub const fn constraint(&self) -> Option<Constraint> {
        match self {
            Self::Constraint { constraint, .. } => Some(*constraint),
            _ => None,
        }
    }
}

/// Checks the traces of a segment, in the order of [`TABLES`], against the circuit that has what `keeps` keeps.
///
/// `publics` are the tables' public values, as [`SegmentPublics::values`](crate::SegmentPublics::values) gives them.
/// Heights may be any power of two: their bounds are for verifiers to check, as are the rows of the totals
/// ([`TotalsRow::total`](crate::TotalsRow::total), keys of the asset table).
pub fn check_segment<K: Keeps>(
    keeps: K,
    tables: &[RowMajorMatrix<Val>],
    publics: &[Vec<Val>],
) -> Result<(), Vec<Violation>> {
    let Some(variant) = Variant::of_tables(tables.len()) else {
        return Err(alloc::vec![Violation::Shape { table: "all" }]);
    };
    let airs = segment_airs(variant, keeps.clone());
    let mut violations = Vec::new();
    for (i, (air, table)) in airs.iter().zip(tables).enumerate() {
        let publics = publics.get(i).map_or(usize::MAX, Vec::len);
        let fits = table.width() == air.width()
            && table.height().is_power_of_two()
            && publics == air.num_public_values();
        if !fits {
            violations.push(Violation::Shape { table: TABLES[i] });
        }
    }
    if !violations.is_empty() {
        return Err(violations);
    }

    // One constraint alone at a time, so that each assertion has a name.
    for only in CONSTRAINTS {
        if !keeps.keeps(only) {
            continue;
        }
        for ((air, table), publics) in segment_airs(variant, Only(only)).iter().zip(tables).zip(publics) {
            assertions(air, table, publics, only, &mut violations);
        }
    }
    let mut balance = Balance::default();
    for (i, ((air, table), publics)) in airs.iter().zip(tables).zip(publics).enumerate() {
        for row in 0..table.height() {
            let mut builder = RowBuilder::new(table, publics, row);
            air.eval(&mut builder);
            if builder.overlap {
                violations.push(Violation::Exclusive { table: TABLES[i], row });
            }
            if builder.no_message {
                violations.push(Violation::NoMessage { table: TABLES[i], row });
            }
            balance.add(builder.messages);
        }
    }
    balance.violations(&mut violations);
    if violations.is_empty() { Ok(()) } else { Err(violations) }
}

/// Keeps one constraint alone.
#[derive(Clone, Copy)]
struct Only(Constraint);

impl Keeps for Only {
    fn keeps(&self, constraint: Constraint) -> bool {
        constraint == self.0
    }
}

fn assertions(
    air: &SegmentAir<Only>,
    table: &RowMajorMatrix<Val>,
    publics: &[Val],
    constraint: Constraint,
    violations: &mut Vec<Violation>,
) {
    for row in 0..table.height() {
        let mut builder = RowBuilder::new(table, publics, row);
        air.eval(&mut builder);
        let failed = builder.failed.into_iter();
        violations.extend(failed.map(|assertion| Violation::Constraint { constraint, row, assertion }));
        if builder.assertions == 0 {
            // Another table's constraint, or one of a bus.
            return;
        }
    }
}

/// Messages of all buses, each with the times it was sent minus the times it was received.
#[derive(Default)]
struct Balance(BTreeMap<String, BTreeMap<Vec<u32>, Val>>);

impl Balance {
    fn add(&mut self, messages: Vec<Message>) {
        for Message { bus, fields, count } in messages {
            if count.is_zero() {
                continue;
            }
            let fields = fields.iter().map(Val::as_canonical_u32).collect();
            *self.0.entry(bus).or_default().entry(fields).or_insert(Val::ZERO) += count;
        }
    }

    fn violations(self, violations: &mut Vec<Violation>) {
        for (bus, messages) in self.0 {
            for (message, count) in messages {
                if !count.is_zero() {
                    violations.push(Violation::Bus {
                        bus: bus.clone(),
                        message,
                        count: count.as_canonical_u32(),
                    });
                }
            }
        }
    }
}

struct Message {
    bus: String,
    fields: Vec<Val>,
    count: Val,
}

/// A builder whose expressions are the values on one row.
struct RowBuilder<'a> {
    window: RowWindow<'a, Val>,
    preprocessed: RowWindow<'a, Val>,
    publics: &'a [Val],
    first: bool,
    last: bool,
    assertions: usize,
    failed: Vec<usize>,
    messages: Vec<Message>,
    overlap: bool,
    no_message: bool,
}

impl<'a> RowBuilder<'a> {
    fn new(table: &'a RowMajorMatrix<Val>, publics: &'a [Val], row: usize) -> Self {
        let cells = |row: usize| &table.values[row * table.width..][..table.width];
        let height = table.height();
        Self {
            window: RowWindow::from_two_rows(cells(row), cells((row + 1) % height)),
            preprocessed: RowWindow::from_two_rows(&[], &[]),
            publics,
            first: row == 0,
            last: row + 1 == height,
            assertions: 0,
            failed: Vec::new(),
            messages: Vec::new(),
            overlap: false,
            no_message: false,
        }
    }
}

impl<'a> AirBuilder for RowBuilder<'a> {
    type F = Val;
    type Expr = Val;
    type Var = Val;
    type PreprocessedWindow = RowWindow<'a, Val>;
    type MainWindow = RowWindow<'a, Val>;
    type PublicVar = Val;
    type PeriodicVar = Val;

    fn main(&self) -> Self::MainWindow {
        self.window
    }

    fn preprocessed(&self) -> &Self::PreprocessedWindow {
        &self.preprocessed
    }

    fn is_first_row(&self) -> Val {
        Val::from_bool(self.first)
    }

    fn is_last_row(&self) -> Val {
        Val::from_bool(self.last)
    }

    fn is_transition(&self) -> Val {
        Val::from_bool(!self.last)
    }

    fn assert_zero<I: Into<Val>>(&mut self, x: I) {
        if !x.into().is_zero() {
            self.failed.push(self.assertions);
        }
        self.assertions += 1;
    }

    fn public_values(&self) -> &[Val] {
        self.publics
    }
}

impl InteractionBuilder for RowBuilder<'_> {
    fn push_interaction<E: Into<Val>>(
        &mut self,
        bus_name: &str,
        fields: impl IntoIterator<Item = E>,
        count: impl Into<Count<Val>>,
    ) {
        let (count, _) = count.into().into_parts();
        let fields = fields.into_iter().map(Into::into).collect();
        self.messages.push(Message { bus: bus_name.to_string(), fields, count });
    }

    /// The segment circuit has none; one would have to be modelled first.
    fn push_local_interaction(&mut self, tuples: impl IntoIterator<Item = (Vec<Val>, Count<Val>)>) {
        self.no_message |= tuples.into_iter().next().is_some();
    }

    /// The column's fraction is `N / D` with `N = sum f_k c_k` and `D = sum f_k (alpha - m_k) + 1 - sum f_k`, where a
    /// message's last field stands at `beta^0`. With `F = sum f_k` other than 0 this is a message of its own, the
    /// one with fields `(sum f_k m_k - (1 - F, at the last field)) / F`, `N / F` times.
    fn push_exclusive_interaction(
        &mut self,
        bus_name: &str,
        branches: impl IntoIterator<Item = (Val, Count<Val>, Vec<Val>)>,
    ) {
        let (mut sum, mut times) = (Val::ZERO, Val::ZERO);
        let mut fields: Vec<Val> = Vec::new();
        let mut on = 0;
        for (flag, count, message) in branches {
            let (count, _) = count.into_parts();
            on += usize::from(!flag.is_zero());
            self.overlap |= !flag.is_zero() && !flag.is_one();
            sum += flag;
            times += flag * count;
            fields.resize(message.len(), Val::ZERO);
            fields.iter_mut().zip(message).for_each(|(field, of_branch)| *field += flag * of_branch);
        }
        self.overlap |= on > 1;
        let Some(inverse) = sum.try_inverse() else {
            self.no_message |= !times.is_zero();
            return;
        };
        if let Some(last) = fields.last_mut() {
            *last -= Val::ONE - sum;
        }
        fields.iter_mut().for_each(|field| *field *= inverse);
        self.messages.push(Message { bus: bus_name.to_string(), fields, count: times * inverse });
    }
}

const _: () = {
    let mut i = 0;
    while i < CONSTRAINTS.len() {
        assert!(CONSTRAINTS[i] as usize == i);
        i += 1;
    }
    assert!(Constraint::BusPricesAsked as usize + 1 == CONSTRAINTS.len());
};
