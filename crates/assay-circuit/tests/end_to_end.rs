//! The most important attacks through the real proof system: the cheating prover proves its own tables, the verifier
//! of the whole circuit refuses the proof.

#![allow(clippy::unwrap_used, reason = "tests")]

#[allow(dead_code, reason = "shared with the other tests")]
mod attacks;
#[allow(dead_code, reason = "shared with the other tests")]
mod forge;

use assay_circuit::p3_batch_stark::{
    BatchProof, ProverData, ProverOnlyData, StarkInstance, prove_batch, verify_batch,
};
use assay_circuit::{
    All, Constraint, Keeps, SEGMENT_PARAMETERS, SegmentConfig, Variant, Without, segment_airs, segment_common,
};

use attacks::{account, coverage, entry, leaf, prices, routes, totals, tree};
use forge::Forge;

fn variant(forge: &Forge) -> Variant {
    if forge.cover.is_some() { Variant::Covered } else { Variant::Plain }
}

/// Proves the tables as they are; the prover never looks at a constraint.
fn prove<K: Keeps>(forge: &Forge, keeps: K) -> BatchProof<SegmentConfig> {
    let config = SEGMENT_PARAMETERS.config();
    let airs = segment_airs(variant(forge), keeps.clone());
    let common = segment_common(&config, &airs).unwrap();
    let tables = forge.tables(keeps);
    let publics = forge.publics();
    let instances: Vec<_> = airs
        .iter()
        .zip(&tables)
        .zip(&publics)
        .map(|((air, trace), publics)| StarkInstance { air, trace, public_values: publics.clone() })
        .collect();
    let data = ProverData { common, prover_only: ProverOnlyData::empty() };
    prove_batch(&config, &instances, &data).unwrap()
}

fn verifies<K: Keeps>(forge: &Forge, keeps: K, proof: &BatchProof<SegmentConfig>) -> bool {
    let config = SEGMENT_PARAMETERS.config();
    let airs = segment_airs(variant(forge), keeps);
    let common = segment_common(&config, &airs).unwrap();
    verify_batch(&config, &airs, proof, &forge.publics(), &common).is_ok()
}

/// The whole circuit refuses the attack, however it is proven; the circuit without `constraint` takes it.
fn play(constraint: Constraint, forge: &Forge) {
    assert!(!verifies(forge, All, &prove(forge, All)), "accepted");
    let lax = prove(forge, Without(constraint));
    assert!(!verifies(forge, All, &lax), "a proof for another circuit is accepted");
    assert!(verifies(forge, Without(constraint), &lax), "{constraint:?} is not what stops it");
}

#[test]
fn an_honest_segment_is_accepted() {
    let forge = Forge::honest(&attacks::base());
    assert!(verifies(&forge, All, &prove(&forge, All)));
}

#[test]
fn an_honest_segment_that_covers_debt_is_accepted() {
    let forge = Forge::covered(&attacks::owing(), &attacks::prices());
    assert!(verifies(&forge, All, &prove(&forge, All)));
}

#[test]
fn a1_same_key_twice() {
    play(Constraint::AccountOrderHigh, &account::borrow_lost(3)[0]);
}

#[test]
fn a3_negative_amount() {
    play(Constraint::EntryPiecesInRange, &entry::negative_amount_cancels());
}

#[test]
fn a6_same_asset_twice() {
    play(Constraint::EntryGapInRange, &entry::keys_that_do_not_increase()[0]);
}

/// Flags that are no bits: the proof system takes them as the checker says.
#[test]
fn a6_second_flag_of_minus_one() {
    play(Constraint::HashFlagsAreBits, &leaf::second_flag_of_minus_one()[0]);
}

#[test]
fn a7_group_that_never_closes() {
    play(Constraint::EntryGroupActive, &entry::group_that_never_closes()[0]);
}

#[test]
fn a7_hidden_accounts() {
    play(Constraint::NodeEmptyIsEmpty, &tree::hidden_accounts()[1]);
}

#[test]
fn a7_second_run_of_totals() {
    play(Constraint::TotalsOneRun, &totals::second_run()[0]);
}

/// The run would go on from the last row to the first.
#[test]
fn a7_run_that_wraps() {
    play(Constraint::LeafContinues, &leaf::header_without_end()[1]);
}

/// Two flags of one column: the lookup argument takes the row as the checker says.
#[test]
fn a9_a_row_of_two_types() {
    play(Constraint::HashOneType, &leaf::a_row_of_two_types()[0]);
}

#[test]
fn a11_another_top() {
    play(Constraint::RootIsPublic, &tree::another_top()[0]);
}

#[test]
fn a18_key_that_is_not_canonical() {
    play(Constraint::AccountKeyInRange, &account::key_that_is_not_canonical()[0]);
}

#[test]
fn a3_negative_credit() {
    play(Constraint::CoverageCreditInRange, &coverage::negative_credit()[0]);
}

#[test]
fn a4_tier_of_another_key() {
    play(Constraint::CoverageTierInRange, &coverage::tier_of_another_key()[0]);
}

#[test]
fn a4_another_prices_digest() {
    let forgeries = prices::another_digest();
    play(Constraint::PricesArePublic, &forgeries[forgeries.len() - 1]);
}

#[test]
fn a5_debt_that_goes_nowhere() {
    play(Constraint::EntryOthersAreEquity, &routes::debt_that_goes_nowhere()[0]);
}

#[test]
fn a5_collateral_of_another_account() {
    play(Constraint::CoverageSameAccount, &coverage::collateral_of_another_account()[0]);
}

#[test]
fn a5_credit_taken_twice() {
    play(Constraint::CoverageFlagsAreBits, &coverage::flags_that_are_no_bits()[0]);
}

#[test]
fn a17_weights_of_nobody() {
    play(Constraint::BusPricesAsked, &prices::weights_of_nobody()[0]);
}
