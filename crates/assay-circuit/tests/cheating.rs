//! Must-fail tests of the constraints: provers that write the tables by hand.
//!
//! Each attack is played against the whole circuit, which refuses it, and against the circuit without one constraint,
//! which takes the very same segment: so this constraint, and no other, is what stops the attack. Constraints that
//! others imply, and those that are one side of a bus, say so. Counts of range lookups are the one thing that may
//! differ: each circuit gets those that suit it best.

#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

mod attacks;
mod forge;

use assay_circuit::checker::{CONSTRAINTS, Violation, check_segment};
use assay_circuit::{All, Constraint, Without};

use p3_field::{Field, PrimeField32};

use attacks::{account, coverage, entry, leaf, pledge, prices, range, routes, totals, tree};
use forge::{Forge, Lacking};

/// What else an attack must get past.
enum Stop {
    /// This constraint alone stops it.
    Alone,
    /// Both sides of a bus: without one of them nothing passes, not even an honest segment.
    Together(&'static [Constraint]),
    /// Other constraints stop it as well, for this reason.
    Implied(#[allow(dead_code, reason = "for readers")] &'static str),
}

fn play(constraint: Constraint, stop: &Stop, forgeries: Vec<Forge>) {
    assert!(!forgeries.is_empty());
    for (i, forge) in forgeries.iter().enumerate() {
        let all = forge.violations(All);
        assert!(!all.is_empty(), "{constraint:?}: forgery {i} passes");
        let named = |violation: &Violation| violation.constraint() == Some(constraint);
        // Constraints of a bus or of lookups are not named by the checker, which only sees the balance.
        if all.iter().any(|violation| violation.constraint().is_some()) {
            assert!(all.iter().any(named), "{constraint:?}: forgery {i} fails for another reason: {all:?}");
        }
        match stop {
            Stop::Alone => {
                let rest = forge.violations(Without(constraint));
                assert!(rest.is_empty(), "{constraint:?}: forgery {i} fails for other reasons too: {rest:?}");
            }
            Stop::Together(both) => {
                assert!(both.contains(&constraint));
                let rest = forge.violations(Lacking(both));
                assert!(rest.is_empty(), "{both:?}: forgery {i} fails for other reasons too: {rest:?}");
                let honest = match forge.cover {
                    None => Forge::honest(&attacks::base()),
                    Some(_) => Forge::covered(&attacks::owing(), &attacks::prices()),
                };
                assert!(!honest.violations(Without(constraint)).is_empty(), "{constraint:?} can be left out");
            }
            Stop::Implied(_) => {
                let rest = forge.violations(Without(constraint));
                assert!(!rest.is_empty(), "{constraint:?}: forgery {i} is stopped by nothing else");
            }
        }
    }
}

macro_rules! attacks {
    ($($(#[$attribute:meta])* $name:ident: $constraint:ident, $stop:expr, $forgeries:expr;)*) => {
        $(
            $(#[$attribute])*
            #[test]
            fn $name() {
                play(Constraint::$constraint, &$stop, $forgeries);
            }
        )*

        const PLAYED: &[Constraint] = &[$(Constraint::$constraint),*];

        type Attack = (&'static str, Constraint, Stop, fn() -> Vec<Forge>);
        const ATTACKS: &[Attack] =
            &[$((stringify!($name), Constraint::$constraint, $stop, || $forgeries)),*];
    };
}

const ENTRIES: &[Constraint] = &[Constraint::BusEntrySent, Constraint::BusEntryReceived];
const ACCOUNTS: &[Constraint] = &[Constraint::BusAccountSent, Constraint::BusAccountReceived];
const NODES: &[Constraint] = &[Constraint::BusNodeSent, Constraint::BusNodeChildren];
const RANGES: &[Constraint] = &[
    Constraint::BusRangeProvided,
    Constraint::EntryPiecesInRange,
    Constraint::EntryGapInRange,
    Constraint::AccountKeyInRange,
    Constraint::AccountDifferenceInRange,
];
const PRICES: &[Constraint] = &[Constraint::BusPricesAsked, Constraint::BusPricesProvided];
const PLEDGES: &[Constraint] = &[Constraint::BusRoutesSent, Constraint::BusPledgeReceived];
const COVERS: &[Constraint] = &[
    Constraint::BusRoutesSent,
    Constraint::BusPledgeReceived,
    Constraint::BusCollateralSent,
    Constraint::BusCoverReceived,
];

attacks! {
    // Leaves.
    a9_digest_not_from_the_permutation: PermutationRounds, Stop::Alone, leaf::forged_permutation();
    // Of the nine flags: `second` is the one that a leaf can bend on its own. `last` is a bit by LeafContinues,
    // `root` by RootIsFirst and RootIsOnlyFirst, `totals_first` by TotalsStartAfterRoot. `empty_right` needs an empty
    // right child whatever its value, and a second node of the same number to take back what it sends. For the four
    // types no attack is known: HashOneType asks for a second flag in the row, and messages of both then have to
    // match something that can be sent.
    a6_second_flag_of_minus_one: HashFlagsAreBits, Stop::Alone, leaf::second_flag_of_minus_one();
    a9_a_row_of_two_types: HashOneType, Stop::Alone, leaf::a_row_of_two_types();
    a15_padding_ends_a_leaf: HashLastIsLeaf,
        Stop::Implied("LeafContinues makes next.entries -1 on such a row, which is no bit"),
        leaf::padding_ends_a_leaf();
    a7_header_without_end: LeafContinues, Stop::Alone, leaf::header_without_end();
    a5_entries_after_the_end: LeafContinues, Stop::Alone, leaf::entries_after_the_end();
    a6_zero_entry_of_padding: LeafSecondNeedsEntries, Stop::Alone, leaf::second_entry_of_padding();
    a6_half_row_in_the_middle: LeafOnlyLastIsHalf, Stop::Alone, leaf::half_row_in_the_middle();
    a7_entry_in_an_unused_half: LeafHalfIsZero, Stop::Alone, leaf::entry_in_an_unused_half();
    a1_entries_row_of_another_leaf: LeafChain, Stop::Alone, leaf::entries_row_of_another_leaf();
    a1_leaf_at_another_place: LeafNumberStays, Stop::Alone, leaf::leaf_at_another_place();
    a6_first_key_out_of_bounds: LeafPreviousKeyStarts, Stop::Alone, leaf::first_key_out_of_bounds();
    a6_same_asset_in_two_rows: LeafPreviousKeyFollows, Stop::Alone, leaf::same_asset_in_two_rows();
    a18_hashed_count: LeafCountIsHashed, Stop::Alone, leaf::hashed_count();
    a18_count_that_does_not_fall: LeafCountFalls, Stop::Alone, leaf::count_that_does_not_fall();
    a18_count_that_does_not_end: LeafCountEnds, Stop::Alone, leaf::count_that_does_not_end();
    a7_entries_that_nobody_adds_up: BusEntrySent, Stop::Alone, leaf::entries_that_nobody_adds_up();
    a7_entries_that_nobody_adds_up_either_side: BusEntrySent, Stop::Together(ENTRIES),
        leaf::entries_that_nobody_adds_up();
    a1_keys_in_order_that_no_leaf_has: BusAccountSent, Stop::Together(ACCOUNTS),
        leaf::other_keys_in_the_account_table();

    // Tree.
    a15_empty_subtree_from_padding: NodeEmptyNeedsNode, Stop::Alone, tree::empty_subtree_from_padding();
    a7_hidden_accounts: NodeEmptyIsEmpty, Stop::Alone, tree::hidden_accounts();
    a9_no_root: RootIsFirst,
        Stop::Implied("the top's digest has a receiver in a root alone, and RootIsOnlyFirst leaves it the first row"),
        tree::no_root();
    a9_two_roots: RootIsOnlyFirst,
        Stop::Implied(
            "a second root has the public digest, so the same children, down to a leaf that would be there twice \
             with one number; the account table has each number once",
        ),
        tree::two_roots();
    a9_root_that_is_no_node: RootIsNode,
        Stop::Implied("it receives the public digest as number 1, which a row with a node's tag would have to send"),
        tree::root_that_is_no_node();
    a15_subtree_that_is_too_low: RootHasNumberOne, Stop::Alone, tree::subtree_that_is_too_low();
    a11_another_top: RootIsPublic, Stop::Alone, tree::another_top();
    a7_tree_of_other_leaves: BusNodeSent, Stop::Together(NODES), tree::tree_of_other_leaves();
    a7_children_of_other_leaves: BusNodeChildren, Stop::Together(NODES), tree::tree_of_other_leaves();

    // Totals.
    a28_totals_of_another_epoch: TotalsStartAfterRoot, Stop::Alone, totals::totals_of_another_epoch();
    a9_first_row_that_is_no_total: TotalsStartIsTotals,
        Stop::Implied("a flag of -1 makes the row receive a message whose last element is 2, which nobody sends"),
        totals::first_row_that_is_no_total();
    a7_second_run_of_totals: TotalsOneRun, Stop::Alone, totals::second_run();
    a28_another_epoch: TotalsEpochIsPublic, Stop::Alone, totals::another_epoch();
    a9_chain_that_starts_elsewhere: TotalsChainStarts, Stop::Alone, totals::chain_that_starts_elsewhere();
    a9_list_of_other_totals: TotalsChain, Stop::Alone, totals::list_of_other_totals();
    a11_another_totals_digest: TotalsArePublic, Stop::Alone, totals::another_digest();
    a7_totals_left_out: BusTotalsSent, Stop::Alone, totals::totals_left_out();
    a5_total_of_nothing: BusTotalsReceived, Stop::Alone, totals::total_of_nothing();

    // Entries.
    a10_active_flag_of_two: EntryFlagsAreBits, Stop::Alone, entry::active_flag_of_two();
    a3_end_flag_of_two: EntryFlagsAreBits, Stop::Alone, entry::end_flag_of_two();
    a3_padding_ends_a_group: EntryEndNeedsActive, Stop::Alone, entry::padding_ends_a_group();
    a4_group_of_two_assets: EntryGroupKey, Stop::Alone, entry::group_of_two_assets();
    a7_group_that_never_closes: EntryGroupActive, Stop::Alone, entry::group_that_never_closes();
    a7_group_open_at_the_end: EntryGroupCloses, Stop::Alone, entry::group_open_at_the_end();
    a7_group_that_wraps: EntryGroupCloses, Stop::Alone, entry::group_that_wraps();
    a7_first_sum_too_small: EntrySumStarts, Stop::Alone, entry::first_sum_too_small();
    a7_later_sum_too_small: EntrySumAdds, Stop::Alone, entry::later_sum_too_small();
    a10_first_count_too_small: EntryCountStarts, Stop::Alone, entry::first_count_too_small();
    a10_later_count_too_small: EntryCountAdds, Stop::Alone, entry::later_count_too_small();
    a3_negative_amount: EntryPiecesInRange, Stop::Alone, entry::negative_amount();
    a3_negative_amount_cancels_another: EntryPiecesInRange, Stop::Alone, vec![entry::negative_amount_cancels()];
    a4_pieces_too_large: EntryPiecesInRange, Stop::Alone, entry::pieces_too_large();
    a3_pieces_of_padding: EntryPiecesInRange, Stop::Alone, entry::pieces_of_padding();
    a6_keys_that_do_not_increase: EntryGapInRange, Stop::Alone, entry::keys_that_do_not_increase();
    a5_entry_of_nobody: BusEntryReceived, Stop::Alone, totals::entry_of_nobody();

    // Accounts.
    a1_flags_that_are_no_bits: AccountFlagsAreBits, Stop::Alone, account::flags_that_are_no_bits();
    a9_no_accounts: AccountFirstIsActive,
        Stop::Implied("a node has a left child, and the row of lefts ends in a leaf or in a cycle of digests"),
        tree::no_accounts();
    a1_gap_between_accounts: AccountActiveFalls,
        Stop::Implied("AccountCountIsPublic asks for one number at the end of each run, AccountIndexCounts forbids it"),
        account::gap_between_accounts();
    a15_numbering_that_starts_elsewhere: AccountIndexStarts, Stop::Alone, account::numbering_that_starts_elsewhere();
    a7_numbering_that_jumps: AccountIndexCounts, Stop::Alone, account::numbering_that_jumps();
    // Harmless without: the flag is used for nothing but the check that it relaxes.
    a18_largest_flag_without_high_bit: AccountTopNeedsHigh, Stop::Alone, account::largest_flag_without_high_bit();
    a18_largest_flag_on_other_keys: AccountTopIsLargest, Stop::Alone, account::largest_flag_on_other_keys();
    a1_same_key_twice_low: AccountOrderLow, Stop::Alone, account::borrow_lost(0);
    a1_same_key_twice_middle_low: AccountOrderMiddleLow, Stop::Alone, account::borrow_lost(1);
    a1_same_key_twice_middle_high: AccountOrderMiddleHigh, Stop::Alone, account::borrow_lost(2);
    a1_same_key_twice_high: AccountOrderHigh, Stop::Alone, account::borrow_lost(3);
    a1_descending_keys: AccountOrderHigh, Stop::Alone, account::descending_keys();
    a11_another_first_key: AccountFirstKeyIsPublic, Stop::Alone, account::another_first_key();
    a11_another_last_key: AccountLastKeyIsPublic, Stop::Alone, account::another_last_key();
    a11_another_count: AccountCountIsPublic, Stop::Alone, account::another_count();
    a18_key_that_is_not_canonical: AccountKeyInRange, Stop::Alone, account::key_that_is_not_canonical();
    a1_negative_difference: AccountDifferenceInRange, Stop::Alone, account::negative_difference();
    a1_keys_of_no_leaf: BusAccountReceived, Stop::Together(ACCOUNTS), leaf::other_keys_in_the_account_table();

    // Ranges.
    a3_range_below_zero: RangeStarts, Stop::Alone, range::negative_numbers();
    a3_foreign_number_in_range: RangeCounts, Stop::Alone, range::foreign_number();
    a3_range_beyond_15_bits: RangeEnds, Stop::Alone, range::larger_numbers();
    a3_lookups_into_nothing: BusRangeProvided, Stop::Together(RANGES), entry::negative_amount();

    // Prices. A run can't end in the public digest and hold other rows than the public ones, wherever it stands and
    // however often; so the first three keep the layout canonical, and what they refuse would harm nobody.
    a9_prices_elsewhere: PricesStartAfterTotals, Stop::Alone, prices::run_elsewhere();
    a17_no_prices: PricesStartIsPrices, Stop::Alone, prices::no_prices();
    a17_second_run_of_prices: PricesOneRun, Stop::Alone, prices::second_run();
    a9_price_chain_that_starts_elsewhere: PricesChainStarts, Stop::Alone, prices::chain_that_starts_elsewhere();
    a17_list_of_other_prices: PricesChain, Stop::Alone, prices::list_of_other_prices();
    a4_another_prices_digest: PricesArePublic, Stop::Alone, prices::another_digest();
    a17_weights_of_nobody: BusPricesAsked, Stop::Alone, prices::weights_of_nobody();
    a17_prices_of_nobody: BusPricesProvided, Stop::Together(PRICES), prices::weights_of_nobody();

    // Routes. Flags that are no bits but add up to one could give a message any tag, the tree's too.
    a9_routes_that_cancel: EntryRoutesAreBits, Stop::Alone, routes::flags_that_cancel();
    a5_collateral_both_ways: EntryOneRoute,
        Stop::Implied("the tags of both routes add up to one that no message has"), routes::both_ways();
    a5_padding_pledges: EntryRouteNeedsActive, Stop::Alone, routes::padding_pledges();
    a5_debt_that_goes_nowhere: EntryOthersAreEquity, Stop::Alone, routes::debt_that_goes_nowhere();
    a5_debt_of_a_fractional_asset: EntryAssetInRange, Stop::Alone, routes::debt_of_a_fractional_asset();
    a5_debt_that_is_not_sent: BusRoutesSent, Stop::Alone, routes::debt_that_nobody_receives();
    a5_debt_that_nobody_receives: BusCoverReceived, Stop::Together(COVERS), routes::debt_that_nobody_receives();

    // Pledges. Of the two types, whose sum is a bit, neither alone can be another number on collateral, as then
    // PledgeEquityIsEquity asks for equity; on equity they send a message to the coverage table that has no price.
    a5_pledge_flags_that_are_no_bits: PledgeFlagsAreBits, Stop::Alone, pledge::flags_that_are_no_bits();
    a5_equity_that_is_collateral: PledgeOneType,
        Stop::Implied("it is of kind 0, whose message is sent once and would be received twice"),
        pledge::equity_that_is_collateral();
    a5_debt_as_equity: PledgeEquityIsEquity, Stop::Alone, pledge::debt_as_equity();
    // Harmless without: what goes before a first row is nothing in any case (PledgeRestStarts).
    a9_first_pledge_goes_on: PledgeStarts, Stop::Alone, pledge::first_row_goes_on();
    a5_equity_of_another_account: PledgeSameAccount, Stop::Alone, pledge::equity_of_another_account();
    a5_equity_of_another_asset: PledgeSameAsset, Stop::Alone, pledge::equity_of_another_asset();
    a5_first_rest_too_large: PledgeRestStarts, Stop::Alone, pledge::first_rest_too_large();
    a5_later_rest_too_large: PledgeRestFalls, Stop::Alone, pledge::later_rest_too_large();
    a3_negative_rest: PledgeRestInRange, Stop::Alone, pledge::negative_rest();
    a5_debt_as_equity_of_a_fractional_asset: PledgeAssetInRange, Stop::Alone,
        pledge::debt_as_equity_of_a_fractional_asset();
    a5_pledge_of_nobody: BusPledgeReceived, Stop::Alone, pledge::pledge_of_nobody();
    a5_equity_twice: BusPledgeReceived, Stop::Together(PLEDGES), pledge::equity_twice();
    a5_collateral_without_a_price: BusCollateralSent, Stop::Alone, pledge::collateral_without_a_price();

    // Coverage. `active` and `debt` are bits by what other tables send; a shift is one of several.
    a5_coverage_flags_that_are_no_bits: CoverageFlagsAreBits, Stop::Alone, coverage::flags_that_are_no_bits();
    a5_credit_twice: CoverageOneStart, Stop::Alone, coverage::credit_twice();
    // Harmless without: what goes before a first row is nothing in any case (CoverageCreditStarts, CoverageBankStarts).
    a9_first_line_goes_on: CoverageStarts, Stop::Alone, coverage::first_row_goes_on();
    a5_credit_of_padding: CoverageContinuesActive, Stop::Alone, coverage::credit_of_padding();
    a5_collateral_of_another_account: CoverageSameAccount, Stop::Alone, coverage::collateral_of_another_account();
    a5_collateral_of_another_product: CoverageSameProduct, Stop::Alone, coverage::collateral_of_another_product();
    a5_pool_of_a_product: CoveragePoolIsGeneric, Stop::Alone, coverage::pool_of_a_product();
    a17_other_shifts: CoverageOneShift, Stop::Alone, coverage::other_shifts();
    a5_product_of_nothing: CoverageProduct, Stop::Alone, coverage::product_of_nothing();
    a10_limbs_out_of_range: CoverageLimbsInRange, Stop::Alone, coverage::limbs_out_of_range();
    a10_carries_that_wrap: CoverageCarriesInRange, Stop::Alone, coverage::carries_that_wrap();
    a5_value_of_nothing: CoverageValue, Stop::Alone, coverage::value_of_nothing();
    a10_value_that_does_not_fit: CoverageValueFits, Stop::Alone, coverage::value_that_does_not_fit();
    a26_collateral_rounded_up: CoverageUpIsDebt, Stop::Alone, coverage::collateral_rounded_up();
    a26_debt_rounded_down: CoverageRoundsUp, Stop::Alone, coverage::debt_rounded_down();
    a26_above_by_any_number: CoverageAboveTier, Stop::Alone, coverage::above_by_any_number();
    a26_dust_in_a_high_tier: CoverageAboveInRange, Stop::Alone, coverage::dust_in_a_high_tier();
    a5_below_by_any_number: CoverageBelowTier, Stop::Alone, coverage::below_by_any_number();
    a5_whale_in_a_low_tier: CoverageBelowInRange, Stop::Alone, coverage::whale_in_a_low_tier();
    a4_tier_of_another_key: CoverageTierInRange, Stop::Alone, coverage::tier_of_another_key();
    a5_first_credit_too_large: CoverageCreditStarts, Stop::Alone, coverage::first_credit_too_large();
    a5_later_credit_too_large: CoverageCreditChanges, Stop::Alone, coverage::later_credit_too_large();
    a3_negative_credit: CoverageCreditInRange, Stop::Alone, coverage::negative_credit();
    a10_credit_that_wraps: CoverageCreditCarriesInRange, Stop::Alone, coverage::credit_that_wraps();
    a5_bank_of_nobody: CoverageBankStarts, Stop::Alone, coverage::bank_of_nobody();
    a5_bank_too_large: CoverageBankAdds, Stop::Alone, coverage::bank_too_large();
    a5_collateral_twice: BusCoverReceived, Stop::Together(COVERS), coverage::collateral_twice();
}

/// Constraints that only segments have that cover debt.
fn only_covered(constraint: Constraint) -> bool {
    use Constraint as C;
    let name = format!("{constraint:?}");
    let of_table = ["Prices", "Pledge", "Coverage"].iter().any(|table| name.starts_with(table));
    let of_entry = (C::EntryRoutesAreBits..=C::BusRoutesSent).contains(&constraint);
    let of_bus = matches!(
        constraint,
        C::BusPricesProvided
            | C::BusPledgeReceived
            | C::BusCollateralSent
            | C::BusCoverReceived
            | C::BusPricesAsked
    );
    of_table || of_entry || of_bus
}

/// A9: no constraint without an attack, so leaving one out never goes unnoticed.
#[test]
fn a9_every_constraint_has_an_attack() {
    for constraint in CONSTRAINTS {
        assert!(PLAYED.contains(&constraint), "nothing is played against {constraint:?}");
    }
}

/// A9: an honest segment passes every circuit that lacks one constraint other than one side of a bus.
#[test]
fn a9_constraints_do_not_lean_on_each_other() {
    let plain = Forge::honest(&attacks::base());
    let covered = Forge::covered(&attacks::owing(), &attacks::prices());
    assert_eq!(plain.violations(All), []);
    assert_eq!(covered.violations(All), []);
    for constraint in CONSTRAINTS {
        let one_side = format!("{constraint:?}").starts_with("Bus");
        let in_plain = one_side && !only_covered(constraint);
        assert_eq!(plain.violations(Without(constraint)).is_empty(), !in_plain, "{constraint:?}");
        // Price rows that nobody asks for are no problem.
        let needed = one_side && constraint != Constraint::BusPricesAsked;
        assert_eq!(covered.violations(Without(constraint)).is_empty(), !needed, "{constraint:?}");
    }
}

/// The attacks on plain segments in those that cover debt: their tables have the same constraints, and a few more that
/// stop some of the attacks as well.
#[test]
fn a9_attacks_on_plain_segments_in_covered_ones() {
    let mut others: Vec<&str> = Vec::new();
    for (name, constraint, stop, forgeries) in ATTACKS {
        for forge in forgeries().iter().filter(|forge| forge.cover.is_none()) {
            let forge = forge.with_cover();
            assert!(!forge.violations(All).is_empty(), "{name} passes");
            let rest = forge.violations(Without(*constraint));
            if matches!(stop, Stop::Alone) && !rest.is_empty() && others.last() != Some(name) {
                others.push(name);
            }
        }
    }
    assert_eq!(others, STOPPED_TWICE);
}

/// Attacks that a covered segment has more against than a plain one: an entry has the number of its leaf, and prices
/// start wherever totals end.
const STOPPED_TWICE: &[&str] =
    &["a6_second_flag_of_minus_one", "a7_second_run_of_totals", "a10_active_flag_of_two"];

/// A9: no cell of the rows that cover debt is free: each other number in one of them is refused.
#[test]
fn a9_every_cell_counts() {
    let honest = Forge::covered(&attacks::owing(), &attacks::prices());
    let cover = honest.cover.as_ref().unwrap();
    let (pledges, lines) = (cover.pledge.len(), cover.coverage.len());
    // Equity and collateral; collateral in a second tier, debt of a product, debt that is rounded up.
    for row in [0, 1, pledges - 1] {
        for column in 0..assay_circuit::pledge_columns::WIDTH {
            let mut forge = honest.clone();
            forge.cover_mut().pledge[row].add(column, 1);
            assert!(!forge.violations(All).is_empty(), "pledge, row {row}, column {column}");
        }
    }
    for row in [0, 1, 3, lines - 1] {
        for column in 0..assay_circuit::coverage_columns::WIDTH {
            let mut forge = honest.clone();
            forge.cover_mut().coverage[row].add(column, 1);
            assert!(!forge.violations(All).is_empty(), "coverage, row {row}, column {column}");
        }
    }
}

/// A18: the odd node of a level twice.
#[test]
fn a18_duplicated_odd_child() {
    assert!(!tree::duplicated_odd_child().violations(All).is_empty());
}

/// A15: levels too many, levels too few.
#[test]
fn a15_nodes_and_leaves_in_each_others_place() {
    assert!(!tree::node_in_the_place_of_a_leaf().violations(All).is_empty());
    assert!(!tree::leaf_in_the_place_of_a_node().violations(All).is_empty());
}

/// A10: pledges at the largest amount, and one more than is held.
#[test]
fn a10_largest_pledge() {
    assert_eq!(pledge::most_pledged(0).violations(All), []);
    assert!(!pledge::most_pledged(1).violations(All).is_empty());
}

/// A10: the largest value, and one above.
#[test]
fn a10_largest_value() {
    assert_eq!(coverage::value_of((1 << 75) - 1).violations(All), []);
    let violations = coverage::value_of(1 << 75).violations(All);
    let of_value = |violation: &Violation| violation.constraint() == Some(Constraint::CoverageValueFits);
    assert!(violations.iter().all(of_value) && violations.len() == 2);
}

/// A10: products of the largest amount with the heaviest weights have one form; beyond, `p` could be taken off a limb,
/// and debt would be worth less. So weights have limbs that add up to at most 65,000 (`MAX_LIMB_SUM`).
#[test]
fn a10_heaviest_weights() {
    let heaviest = [32_767, 24_042, 8_191];
    assert_eq!(heaviest.iter().sum::<i64>(), 65_000);
    // The three highest pieces alone, whose limb 5 takes all three limbs of the weight and the largest carry.
    let high = attacks::MOST & !((1 << 45) - 1);
    for amount in [attacks::MOST, high] {
        assert_eq!(coverage::heavy_debt(heaviest, amount, None).violations(All), []);
        for limb in 0..8 {
            assert!(!coverage::heavy_debt(heaviest, amount, Some(limb)).violations(All).is_empty());
        }
    }
    let last = [32_767, 24_066, 8_191];
    assert!(!coverage::heavy_debt(last, high, Some(5)).violations(All).is_empty());
    let beyond = [32_767, 24_067, 8_191];
    assert_eq!(beyond.iter().sum::<i64>(), 65_025);
    assert_eq!(coverage::heavy_debt(beyond, high, Some(5)).violations(All), []);
}

/// A4: whatever passes for a tier's number, price rows of two kinds, keys or tiers aren't mixed up: the rows of a start
/// and of an end that it asks for are those of one tier of the key, or not both there.
#[test]
fn a4_price_rows_are_told_apart() {
    let scale = forge::v(1 << 10);
    let [keys, tiers] = [8..8_192i64, 0..32];
    let exists = |id: i64| {
        let tier = |kind: i64| (kind << 20) + 8 * 32..(kind << 20) + 8_192 * 32;
        // The first row holds the number of the others; a hash table has at most 2^20 rows.
        (0..1 << 20).contains(&id)
            || ((1 << 20) + 8..(1 << 20) + 8_192).contains(&id)
            || tier(2).contains(&id)
            || tier(3).contains(&id)
    };
    let mut near = 0;
    for in_range in 0..1 << 15 {
        let tier = forge::covered::small(forge::v(in_range) * scale.inverse());
        if tiers.contains(&tier) || tier.abs() > 1 << 23 {
            continue;
        }
        for key in keys.clone() {
            let [start, end] = [2, 3].map(|kind| (kind << 20) + 32 * key + tier);
            near += u32::from(exists(start) || exists(end));
            assert!(!(exists(start) && exists(end)), "{key} {tier}");
        }
    }
    // It takes both rows: the first row alone could pass for a start.
    assert!(near > 0);
}

/// A26: a base unit never secures a base unit, in none of a thousand accounts, and it gives no credit.
#[test]
fn a26_dust() {
    use assay_circuit::coverage_columns::{CREDIT, WIDTH};
    let pledged = coverage::dust(1_000, false);
    assert_eq!(pledged.violations(All), []);
    let coverage = &pledged.tables(All)[5];
    let credits = coverage.values.chunks(WIDTH).flat_map(|row| &row[CREDIT..CREDIT + 7]);
    assert!(credits.into_iter().all(|limb| *limb == forge::v(0)));
    // Each account lacks something, so that its credit is negative.
    let negative = forge::v(-1).as_canonical_u32();
    let expected = Violation::Bus { bus: "range".into(), message: vec![negative], count: 1_000 };
    assert_eq!(coverage::dust(1_000, true).violations(All), [expected]);
}

/// The checker reports flags that share a column and are on together, or are no bits, where the circuit lets them be.
#[test]
fn checker_sees_overlapping_flags() {
    let overlaps = |forge: &Forge| {
        let violations = check_segment(All, &forge.tables(All), &forge.publics()).unwrap_err();
        violations.iter().any(|violation| matches!(violation, Violation::Exclusive { table: "hash", row: 2 }))
    };
    let mut forge = Forge::honest(&attacks::base());
    forge.totals[1].node = forge::v(1);
    assert!(overlaps(&forge));
    forge.totals[1].node = forge::v(-1);
    assert!(overlaps(&forge));
    forge.totals[1].node = forge::v(0);
    forge.totals[1].totals = forge::v(2);
    assert!(overlaps(&forge));
    // A header of minus one node: the flags add up to zero, the counts don't.
    let mut forge = Forge::honest(&attacks::base());
    forge.leaves[0][0].node = forge::v(-1);
    let row = 1 + forge.totals.len();
    assert!(forge.violations(All).contains(&Violation::NoMessage { table: "hash", row }));
}
