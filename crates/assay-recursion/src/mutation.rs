//! Where the program that builds a circuit asserts what: for tests that every assertion is needed.

use alloc::vec::Vec;
use core::panic::Location;

use crate::circuit::{Circuit, Wire};
use crate::witness::Violation;

/// A place in the source that builds a circuit: the call of one of the builder's methods that assert something.
pub type Site = &'static Location<'static>;

/// Which call made each operation. No part of the circuit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sites {
    pub(crate) arithmetic: Vec<Site>,
    pub(crate) horner: Vec<Site>,
    pub(crate) selects: Vec<Site>,
    pub(crate) ranges: Vec<Site>,
}

/// An operation that asserts something about wires with other writers.
#[derive(Clone, Debug)]
pub struct Assertion {
    /// What a run reports where it doesn't hold.
    pub violation: Violation,
    /// Where it was made.
    pub site: Site,
    /// Wires that it is about: operands and result of `a * b + c = out`; the coordinates of a packed wire, or what a
    /// Horner sum adds up, and then the result; a select's offset and value; the wire of a range check.
    pub wires: Vec<Wire>,
}

impl Circuit {
    /// Where the operation that is violated was made; `None` for what no single operation says.
    pub fn site(&self, violation: &Violation) -> Option<Site> {
        let sites = &self.operations.sites;
        match *violation {
            Violation::Arithmetic(i) => sites.arithmetic.get(i).copied(),
            Violation::Horner(i) => sites.horner.get(i).copied(),
            Violation::Select(i) => sites.selects.get(i).copied(),
            Violation::Range(i) => sites.ranges.get(i).copied(),
            Violation::Inputs | Violation::NotBase(_) | Violation::Reads(_) => None,
        }
    }

    /// All operations that assert something, kind by kind.
    pub fn assertions(&self) -> Vec<Assertion> {
        let operations = &self.operations;
        let mut all = Vec::new();
        let mut push = |violation: Violation, wires: Vec<Wire>| {
            if let Some(site) = self.site(&violation) {
                all.push(Assertion { violation, site, wires });
            }
        };
        for (i, op) in operations.arithmetic.iter().enumerate() {
            if let (out, false) = op.out {
                push(Violation::Arithmetic(i), op.operands.into_iter().chain([out]).collect());
            }
        }
        for (i, op) in operations.horner.iter().enumerate() {
            for (out, _) in [op.result, op.pack].into_iter().flatten().filter(|(_, defines)| !defines) {
                push(Violation::Horner(i), op.values.into_iter().chain([out]).collect());
            }
        }
        for (i, op) in operations.selects.iter().enumerate() {
            if let (out, false) = op.out {
                push(Violation::Select(i), alloc::vec![op.offset, out]);
            }
        }
        for (i, wire) in operations.ranges.iter().enumerate() {
            push(Violation::Range(i), alloc::vec![*wire]);
        }
        all
    }

    /// Where anything is asserted.
    pub fn sites(&self) -> Vec<Site> {
        let mut sites: Vec<Site> = self.assertions().into_iter().map(|assertion| assertion.site).collect();
        sites.sort_unstable();
        sites.dedup();
        sites
    }
}
