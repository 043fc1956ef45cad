use std::collections::BTreeSet;

pub use assay_ownership::Grade as OwnershipGrade;
use serde::{Deserialize, Serialize};

use crate::row::ReserveRow;

/// How well it is shown that an address held a balance at a block. Levels are ordered: each is worth at least what the
/// one below is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EvidenceLevel {
    /// The file says so, and nobody else.
    #[default]
    L0,
    /// One remote source, run by anyone, says that the address held at least the amount at the row's height.
    L1,
    /// So do at least as many remote sources as the policy's quorum, each of another operator.
    L2,
    /// So does a node that the verifier runs and that has checked the chain up to that block.
    L3,
    /// A proof of the balance was checked offline against the header of the block whose hash is known.
    L4,
}

impl EvidenceLevel {
    /// All levels in order.
    pub const ALL: [Self; 5] = [Self::L0, Self::L1, Self::L2, Self::L3, Self::L4];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::L0 => "L0",
            Self::L1 => "L1",
            Self::L2 => "L2",
            Self::L3 => "L3",
            Self::L4 => "L4",
        }
    }

    /// The level of what all of these sources say alike: a quorum is at least two operators, and a service under several
    /// spellings of its operator is one.
    pub fn of_sources<'a>(sources: impl IntoIterator<Item = &'a BalanceSource>, quorum: u32) -> Self {
        let quorum = usize::try_from(quorum.max(2)).unwrap_or(usize::MAX);
        let mut operators = BTreeSet::new();
        let level = |source: &'a BalanceSource| match source {
            BalanceSource::Remote { operator } => {
                operators.insert(operator.trim().to_lowercase());
                if operators.len() >= quorum { Self::L2 } else { Self::L1 }
            }
            BalanceSource::OwnNode => Self::L3,
            BalanceSource::Proof => Self::L4,
        };
        sources.into_iter().map(level).max().unwrap_or_default()
    }
}

/// What checking the signatures of a row gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OwnershipResult {
    /// There is nothing to check, or nobody did.
    #[default]
    Unchecked,
    /// Control is shown, this well.
    Verified {
        /// The grade.
        grade: OwnershipGrade,
    },
    /// Nodes told that the address's contract takes the signature for this much; nothing proves it.
    Told {
        /// The grade.
        grade: OwnershipGrade,
    },
    /// A signature is valid, but of a key that isn't bound to the address: that shows nothing about the address.
    Unbound,
    /// A signature is wrong.
    Invalid,
    /// Nodes say different things about a contract's answer to it.
    Disputed,
    /// The scheme isn't known to the checker.
    Unsupported,
}

impl OwnershipResult {
    /// The grade that counts: only a verified row has more than the claim.
    pub const fn grade(self) -> OwnershipGrade {
        match self {
            Self::Verified { grade } | Self::Told { grade } => grade,
            Self::Unchecked | Self::Unbound | Self::Invalid | Self::Disputed | Self::Unsupported => {
                OwnershipGrade::O0
            }
        }
    }
}

/// Checks rows: signatures in one crate, balances in another. Without one, all rows are claims.
pub trait Assessor {
    /// What the signatures of `row` are worth.
    fn ownership(&mut self, row: &ReserveRow) -> OwnershipResult;

    /// What is known about the balance of `row`, at whatever heights.
    fn balance(&mut self, row: &ReserveRow) -> BalanceObservations;

    /// Height of the block that made the one output that `row` is about, where that is proven.
    fn created(&mut self, _row: &ReserveRow) -> Option<u64> {
        None
    }
}

/// Nothing is checked: every row is O0 and L0.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClaimsOnly;

impl Assessor for ClaimsOnly {
    fn ownership(&mut self, _: &ReserveRow) -> OwnershipResult {
        OwnershipResult::Unchecked
    }

    fn balance(&mut self, _: &ReserveRow) -> BalanceObservations {
        BalanceObservations::default()
    }
}

/// What was seen of the balance of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BalanceObservations(pub Vec<BalanceObservation>);

/// A balance that somebody reports or proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalanceObservation {
    /// Where it comes from.
    pub source: BalanceSource,
    /// Height of the block at which it was seen.
    pub height: u64,
    /// Hash of that block, lower-case hexadecimal, where the source tells it.
    pub block_hash: Option<String>,
    /// Base units of the row's asset that the row's address held there.
    pub amount: u128,
}

impl BalanceObservation {
    /// Whether it was proven against a block with a known hash.
    pub(crate) fn is_proof(&self) -> bool {
        self.source == BalanceSource::Proof && self.block_hash.is_some()
    }
}

/// Where a balance comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BalanceSource {
    /// A service of somebody else. Two services of one operator are one source.
    Remote {
        /// Who runs it.
        operator: String,
    },
    /// A node that the verifier runs.
    OwnNode,
    /// A proof that was checked against the header with the observation's block hash.
    Proof,
}

/// What observations say about a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BalanceGrade {
    /// The level; [`EvidenceLevel::L0`] where the row is contradicted.
    pub level: EvidenceLevel,
    /// Whether some observation at the row's height shows less than the row claims, another block, or another figure than
    /// another observation.
    pub contradicted: bool,
}

impl BalanceObservations {
    /// The level that these observations give `row`.
    ///
    /// An observation speaks about the row only at the row's own height, and, where both know a block hash, at the same
    /// block; a row without height has no evidence. A proof needs a block hash. More observations that agree never
    /// lower the level. A single one that shows less than the row, another block, or another figure than the others voids
    /// the row's evidence, as it can't be told who is right.
    pub fn grade(&self, row: &ReserveRow, quorum: u32) -> BalanceGrade {
        let (Some(height), Some(amount)) = (row.height, row.amount) else {
            return BalanceGrade::default();
        };
        let (mut sources, mut figure) = (Vec::new(), None);
        for seen in self.0.iter().filter(|seen| seen.height == height) {
            let other_block = match (&seen.block_hash, &row.block_hash) {
                (Some(seen), Some(row)) => !seen.eq_ignore_ascii_case(row),
                _ => false,
            };
            let agrees = *figure.get_or_insert(seen.amount) == seen.amount;
            if other_block || seen.amount < amount || !agrees {
                return BalanceGrade { level: EvidenceLevel::L0, contradicted: true };
            }
            // A proof against a header of no known hash proves nothing.
            if seen.source != BalanceSource::Proof || seen.is_proof() {
                sources.push(&seen.source);
            }
        }
        BalanceGrade { level: EvidenceLevel::of_sources(sources, quorum), contradicted: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> ReserveRow {
        ReserveRow {
            amount: Some(10),
            height: Some(7),
            block_hash: Some("ab".repeat(32)),
            ..ReserveRow::default()
        }
    }

    fn seen(source: BalanceSource, amount: u128) -> BalanceObservation {
        BalanceObservation { source, height: 7, block_hash: Some("AB".repeat(32)), amount }
    }

    fn remote(operator: &str) -> BalanceSource {
        BalanceSource::Remote { operator: operator.into() }
    }

    fn level(seen: &[BalanceObservation]) -> EvidenceLevel {
        BalanceObservations(seen.to_vec()).grade(&row(), 2).level
    }

    #[test]
    fn levels_are_what_they_say() {
        let (a, b) = (seen(remote("a"), 11), seen(remote("b"), 11));
        assert_eq!(level(&[]), EvidenceLevel::L0);
        assert_eq!(level(std::slice::from_ref(&a)), EvidenceLevel::L1);
        assert_eq!(level(&[a.clone(), b.clone()]), EvidenceLevel::L2);
        assert_eq!(level(&[seen(BalanceSource::OwnNode, 10)]), EvidenceLevel::L3);
        assert_eq!(level(&[seen(BalanceSource::Proof, 11), a.clone()]), EvidenceLevel::L4);
        // A proof against a header of no known hash proves nothing.
        let loose = BalanceObservation { block_hash: None, ..seen(BalanceSource::Proof, 10) };
        assert_eq!(level(&[loose]), EvidenceLevel::L0);
        // Another height says nothing about this row.
        assert_eq!(level(&[BalanceObservation { height: 8, ..a.clone() }]), EvidenceLevel::L0);
        assert_eq!(BalanceObservations(vec![a]).grade(&ReserveRow::default(), 2).level, EvidenceLevel::L0);
    }

    #[test]
    fn two_services_of_one_operator_are_no_quorum() {
        assert_eq!(level(&[seen(remote("a"), 10), seen(remote(" A "), 10)]), EvidenceLevel::L1);
    }

    #[test]
    fn one_contradiction_voids_the_evidence() {
        let proof = seen(BalanceSource::Proof, 10);
        let less = seen(remote("a"), 9);
        let grade = BalanceObservations(vec![proof.clone(), less]).grade(&row(), 2);
        assert_eq!(grade, BalanceGrade { level: EvidenceLevel::L0, contradicted: true });
        // Nor can it be told who is right where two show enough, and not the same.
        let more = seen(remote("a"), 11);
        assert!(BalanceObservations(vec![proof.clone(), more]).grade(&row(), 2).contradicted);
        let fork = BalanceObservation { block_hash: Some("cd".repeat(32)), ..proof };
        assert!(BalanceObservations(vec![fork]).grade(&row(), 2).contradicted);
    }

    #[test]
    fn agreeing_observations_never_lower_a_level() {
        let all = [
            seen(remote("a"), 10),
            seen(remote("b"), 10),
            seen(BalanceSource::OwnNode, 10),
            seen(BalanceSource::Proof, 10),
        ];
        for from in 0..all.len() {
            for to in from..=all.len() {
                for more in 0..all.len() {
                    let mut with = all[from..to].to_vec();
                    let before = level(&with);
                    with.push(all[more].clone());
                    assert!(level(&with) >= before);
                }
            }
        }
    }

    #[test]
    fn only_verified_ownership_counts() {
        for result in [
            OwnershipResult::Unchecked,
            OwnershipResult::Unbound,
            OwnershipResult::Invalid,
            OwnershipResult::Disputed,
            OwnershipResult::Unsupported,
        ] {
            assert_eq!(result.grade(), OwnershipGrade::O0);
        }
        assert_eq!(OwnershipResult::Verified { grade: OwnershipGrade::O3 }.grade(), OwnershipGrade::O3);
    }
}
