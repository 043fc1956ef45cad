//! Where the entry table sends debt, collateral and equity.

use assay_circuit::Val;
use p3_field::{Field, PrimeCharacteristicRing};

use super::{covered, owing, prices};
use crate::forge::covered::pledge;
use crate::forge::{FIRST_LEAF, Forge, Held, v};

/// Flags of equity that cancel.
pub(crate) fn flags_that_cancel() -> Vec<Forge> {
    let mut forge = Forge::covered(&owing(), &prices());
    forge.route(FIRST_LEAF + 2, 8, 5, -5);
    vec![forge]
}

/// Collateral that goes both ways, to be counted twice.
pub(crate) fn both_ways() -> Vec<Forge> {
    let mut forge = Forge::covered(&owing(), &prices());
    forge.route(FIRST_LEAF, 10, 1, 1);
    vec![forge]
}

/// Equity of a padding row is pledged; no leaf and no total has it. The same with collateral.
pub(crate) fn padding_pledges() -> Vec<Forge> {
    let phantom = |key: i64, amount: u128| {
        let held = Held::new(key, amount, 0);
        Held { active: v(0), number: v(FIRST_LEAF), pledged: v(1), ..held }
    };
    let mut equity = covered(&[(10, 100), (11, 100)], |cover| {
        cover.pledge.insert(0, pledge(FIRST_LEAF, 8, 100, false));
        cover.pledge[1] = pledge(FIRST_LEAF, 10, 100, true);
        cover.settle_rest(0);
    });
    equity.held.push(phantom(8, 100));
    equity.add_up(0);
    let mut both = covered(&[(11, 100)], |cover| {
        cover.pledge = vec![pledge(FIRST_LEAF, 8, 100, false), pledge(FIRST_LEAF, 10, 100, true)];
        cover.settle_rest(0);
        cover.coverage.insert(0, crate::forge::covered::line(FIRST_LEAF, 100, &super::priced(10)));
        cover.coverage[1].set(assay_circuit::coverage_columns::CONTINUES, 1);
        cover.settle_credit(0);
    });
    both.held.extend([phantom(8, 100), phantom(10, 100)]);
    both.add_up(0);
    vec![equity, both]
}

/// An account that owes, in this many ways, and nothing in the tables that cover it.
fn silent(entries: &[(i64, u128)]) -> Forge {
    let mut forge = covered(entries, |cover| {
        cover.pledge.clear();
        cover.coverage.clear();
    });
    for held in &mut forge.held {
        (held.pledged, held.owed) = (v(0), v(0));
        held.asset = Val::from_u32(1);
    }
    forge
}

/// Debt that goes nowhere, debt of a product, collateral.
pub(crate) fn debt_that_goes_nowhere() -> Vec<Forge> {
    [9, 11, 10, 15].map(|key| silent(&[(8, 5), (key, 1 << 40)])).into()
}

/// The same, shown as equity of an asset that is a fraction.
pub(crate) fn debt_of_a_fractional_asset() -> Vec<Forge> {
    [9, 11, 10, 15]
        .map(|key| {
            let mut forge = silent(&[(8, 5), (key, 1 << 40)]);
            forge.held.iter_mut().for_each(|held| held.asset = held.key * v(8).inverse());
            forge
        })
        .into()
}

/// Debt that is sent, and that nobody receives.
pub(crate) fn debt_that_nobody_receives() -> Vec<Forge> {
    [9, 11].map(|key| covered(&[(8, 5), (key, 1 << 40)], |cover| cover.coverage.clear())).into()
}
