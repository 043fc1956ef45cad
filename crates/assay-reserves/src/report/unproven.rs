use serde::{Deserialize, Serialize};

use super::{LiabilityProof, SolvencyReport, UnprovenLine};

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)+) => {
        /// What a report doesn't show. The codes never change their meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Unproven {
            $($(#[$doc])* #[serde(rename = $code)] $name,)+
        }

        impl Unproven {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The statement.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

statements! {
    /// Customers left out of the statement.
    Completeness = "liabilities-complete",
        "That every customer is in the statement: that rests on customers who check their receipts, and is statistical.";
    /// Debts that no ledger has.
    OffLedger = "off-ledger-liabilities",
        "That the entity owes nothing besides its ledger: loans, taxes, suppliers, guarantees, bank debt.";
    /// Reserves that are somebody else's.
    Borrowed = "borrowed-reserves",
        "That the coins weren't borrowed for the snapshot, and will still be there after it.";
    /// Reserves that somebody has a right to.
    Encumbrance = "encumbrance",
        "That nobody else has a claim on the coins: pledges, liens, keys shared with others.";
    /// Whether keys will be there.
    FutureControl = "future-control",
        "That the entity can and will pay: keys may be lost, withdrawals stopped, rank in insolvency is a matter of law.";
    /// Debt totals.
    DebtCover = "debt-not-netted",
        "That customers' debt is covered: it is shown, never subtracted from what is owed.";
    /// Prices.
    Prices = "prices",
        "That the prices are right: shares, concentration and the haircut-adjusted ratio use those of the asset table. Solvency in kind uses none.";
    /// Liabilities that nobody checked.
    LiabilitiesUnverified = "liabilities-unverified",
        "The figures of liabilities: no proof of them was checked.";
    /// Totals that aren't shown.
    HiddenTotals = "hidden-totals",
        "How much is owed: the proof shows that it is at most these figures, and ratios are at least the shown ones.";
    /// A root that may differ.
    RootNotAnchored = "root-not-anchored",
        "That everybody sees the same root: it is published nowhere that is named here.";
    /// Things left out by the entity.
    Exclusions = "exclusions",
        "Anything about what the entity leaves out of the statement, as listed.";
    /// Reserves that nobody checked.
    ClaimedRows = "claimed-rows",
        "Rows of grade O0 or level L0: for them there is only the entity's word on ownership or balance.";
    /// Third parties that are trusted.
    RemoteSources = "remote-sources",
        "Balances of levels L1 and L2: they are what services on the network said.";
    /// What contracts answer.
    ToldOwnership = "told-ownership",
        "That contracts took the signatures of some rows: it is what nodes said that they answer.";
    /// Blocks of proofs.
    NamedBlocks = "named-blocks",
        "That the blocks of the evidence are final and of the chain that everyone means: compare their hashes with a source of your own.";
    /// Signatures that may be old.
    UnboundSignatures = "old-signatures",
        "Control at the snapshot of rows of grade O1: what was signed isn't bound to this epoch.";
    /// Custodians.
    Custodians = "custodian-rows",
        "That custodians hand out what they hold: rows of class custodian show their control, not the entity's.";
    /// Owners that aren't stated.
    OwnerUnstated = "owner-unstated",
        "Who keeps the keys of rows without a class of owner.";
    /// Staked coins.
    Staked = "staked-coins",
        "That staked coins can be had at once, or at all: they may be locked or slashed.";
    /// Stablecoins.
    StablecoinIssuers = "stablecoin-issuers",
        "That issuers of stablecoins redeem them.";
    /// Wrapped, bridged and staked forms of other assets.
    DerivativeIssuers = "derivative-issuers",
        "That bridges and staking protocols hand out what their tokens stand for.";
    /// Supplies of wrapped assets that somebody says.
    WrappedSupplies = "wrapped-supplies",
        "Supplies of wrapped assets for which there is no proof: if they are larger, the pools are too small.";
    /// Rows that don't count.
    RowsLeftOut = "rows-left-out",
        "Anything about rows that don't count; they may still be coins of customers.";
    /// Rounding.
    RoundedFigures = "rounded-figures",
        "Figures to the last base unit: some have more decimals than their asset and were rounded down.";
    /// Heights.
    DifferentHeights = "different-heights",
        "One moment for all coins: rows of one network are of different heights, so coins may have moved between them.";
}

/// What `report` doesn't show, from its other parts.
pub(super) fn unproven(report: &SolvencyReport) -> Vec<UnprovenLine> {
    use crate::finding::FindingCode::MixedHeights;
    let any =
        |test: &dyn Fn(&super::ReserveLine) -> bool| report.assets.iter().any(|line| test(&line.reserves));
    let share = |class: &str| report.quality.classes.iter().any(|line| line.class == class && line.rows > 0);
    let applies = |statement: Unproven| match statement {
        Unproven::Completeness
        | Unproven::OffLedger
        | Unproven::Borrowed
        | Unproven::Encumbrance
        | Unproven::FutureControl
        | Unproven::Prices => true,
        Unproven::DebtCover => report.assets.iter().any(|line| {
            let products = &line.liabilities.products;
            line.liabilities.debt.0 > 0 || products.keys().any(|kind| kind.starts_with("debt_"))
        }),
        Unproven::LiabilitiesUnverified => report.liabilities.checked_by == LiabilityProof::Unverified,
        Unproven::HiddenTotals => report.liabilities.checked_by == LiabilityProof::FinalProofBounds,
        Unproven::RootNotAnchored => report.liabilities.anchors.is_empty(),
        Unproven::Exclusions => {
            let accounts = report.liabilities.excluded.as_ref().map_or(0, |excluded| excluded.accounts);
            accounts > 0 || !report.liabilities.exclusions.is_empty()
        }
        Unproven::ClaimedRows => any(&|line| line.by_evidence.L0.0 > 0 || line.by_ownership.O0.0 > 0),
        Unproven::RemoteSources => any(&|line| line.by_evidence.L1.0 > 0 || line.by_evidence.L2.0 > 0),
        Unproven::ToldOwnership => any(&|line| line.told_ownership.0 > 0),
        Unproven::NamedBlocks => !report.evidence.is_empty(),
        Unproven::UnboundSignatures => any(&|line| line.by_ownership.O1.0 > 0),
        Unproven::Custodians => share("custodian"),
        Unproven::OwnerUnstated => share("unstated"),
        Unproven::Staked => report.quality.staked_rows > 0,
        Unproven::StablecoinIssuers => report.quality.stablecoins.iter().any(|line| line.rows > 0),
        Unproven::DerivativeIssuers => report.quality.derivative_rows > 0,
        Unproven::WrappedSupplies => {
            report.wrapped.iter().any(|line| line.supplies.iter().any(|supply| !supply.proven))
        }
        Unproven::RowsLeftOut => report.failures.count > 0,
        Unproven::RoundedFigures => report.files.iter().any(|file| file.rounded > 0),
        Unproven::DifferentHeights => report.findings.iter().any(|finding| finding.code == MixedHeights),
    };
    let line = |statement: Unproven| UnprovenLine { code: statement, text: statement.text().into() };
    Unproven::ALL.iter().copied().filter(|statement| applies(*statement)).map(line).collect()
}
