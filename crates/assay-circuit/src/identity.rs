//! The identity of the segment circuit: a digest of its constraints, bounds and parameters.

use alloc::format;
use alloc::vec::Vec;

use assay_commit::{Digest, EMPTY, FORMAT_VERSION, Hasher, SUBTREE_DEPTH, Tag};
use p3_air::{Air, AirBuilder, BaseAir};
use p3_field::PrimeCharacteristicRing;
use p3_lookup::{Count, InteractionBuilder};

use crate::{
    All, LOG_RANGE, MAX_GROUP, MAX_LOG_HEIGHTS, MIN_LOG_HEIGHT, SEGMENT_PARAMETERS, TABLES, Val, Variant,
    segment_airs,
};

/// Digest that names a circuit; a verifier knows the ids that it accepts and takes none from a file.
pub type CircuitId = Digest;

/// Version of the proof system beneath.
const PROOF_SYSTEM: &str = "p3-batch-stark 0.8.0, KoalaBear, quintic, Poseidon2-16, TwoAdicFri";

/// The id of the segment circuit in both its variants. A test recomputes it, so no change to the circuit goes unnoticed.
pub const CIRCUIT_ID: CircuitId = Digest(Val::new_array([
    0x7113141f, 0x5d7baaca, 0x59812d43, 0x6a7ce787, 0x6ed7b58c, 0x1a18c671, 0x44538e93, 0x5e78febd,
]));

/// Points at which each constraint is evaluated; a changed constraint agrees at all of them with probability `p^-4`.
const POINTS: u32 = 4;

/// Computes the id: a digest of the parameters and bounds as text, then of every constraint and bus message of every
/// table, evaluated at fixed pseudo-random rows.
pub fn compute_circuit_id() -> CircuitId {
    let hasher = Hasher::new();
    let text = format!(
        "{PROOF_SYSTEM}; {SEGMENT_PARAMETERS:?}; tables {TABLES:?} of 2^{MIN_LOG_HEIGHT} to 2^{MAX_LOG_HEIGHTS:?}; \
         range {LOG_RANGE}; group {MAX_GROUP}; subtree {SUBTREE_DEPTH}; format {FORMAT_VERSION}; empty {EMPTY}"
    );
    let mut elements: Vec<Val> = text.bytes().map(Val::from_u8).collect();
    for variant in Variant::ALL {
        for (table, air) in segment_airs(variant, All).iter().enumerate() {
            elements.extend(fingerprint(&hasher, air, table as u32));
        }
    }
    hasher.sponge(Tag::Circuit, &elements)
}

/// Every constraint and bus message of a table, evaluated at fixed pseudo-random rows that are this number's own.
pub fn fingerprint<A: BaseAir<Val> + Air<Evaluator>>(hasher: &Hasher, air: &A, table: u32) -> Vec<Val> {
    let mut elements = Vec::new();
    for point in 0..POINTS {
        let mut evaluator = Evaluator::new(hasher, air, table, point);
        air.eval(&mut evaluator);
        elements.push(Val::from_usize(evaluator.seen.len()));
        elements.extend(evaluator.seen);
    }
    elements
}

/// Evaluates constraints at one pseudo-random point and writes down all that is asserted and sent.
pub struct Evaluator {
    row: Vec<Val>,
    next: Vec<Val>,
    publics: Vec<Val>,
    selectors: [Val; 3],
    preprocessed: Rows,
    seen: Vec<Val>,
}

impl Evaluator {
    fn new<A: BaseAir<Val>>(hasher: &Hasher, air: &A, table: u32, point: u32) -> Self {
        let mut counter = 0;
        let mut random = |count: usize| -> Vec<Val> {
            let mut values = Vec::with_capacity(count + 8);
            while values.len() < count {
                values.extend(hasher.sponge(Tag::Circuit, &[table, point, counter].map(Val::from_u32)).0);
                counter += 1;
            }
            values.truncate(count);
            values
        };
        Self {
            row: random(air.width()),
            next: random(air.width()),
            publics: random(air.num_public_values()),
            selectors: [3, 5, 7].map(|salt| Val::from_u32(point * 1_000_003 + salt)),
            preprocessed: Rows(random(air.preprocessed_width()), random(air.preprocessed_width())),
            seen: Vec::new(),
        }
    }
}

/// Two rows of a trace.
#[derive(Clone)]
pub struct Rows(Vec<Val>, Vec<Val>);

impl p3_air::WindowAccess<Val> for Rows {
    fn current_slice(&self) -> &[Val] {
        &self.0
    }

    fn next_slice(&self) -> &[Val] {
        &self.1
    }
}

impl AirBuilder for Evaluator {
    type F = Val;
    type Expr = Val;
    type Var = Val;
    type PreprocessedWindow = Rows;
    type MainWindow = Rows;
    type PublicVar = Val;
    type PeriodicVar = Val;

    fn main(&self) -> Self::MainWindow {
        Rows(self.row.clone(), self.next.clone())
    }

    fn preprocessed(&self) -> &Self::PreprocessedWindow {
        &self.preprocessed
    }

    fn is_first_row(&self) -> Val {
        self.selectors[0]
    }

    fn is_last_row(&self) -> Val {
        self.selectors[1]
    }

    fn is_transition(&self) -> Val {
        self.selectors[2]
    }

    fn assert_zero<I: Into<Val>>(&mut self, x: I) {
        self.seen.push(x.into());
    }

    fn public_values(&self) -> &[Val] {
        &self.publics
    }
}

impl InteractionBuilder for Evaluator {
    fn push_interaction<E: Into<Val>>(
        &mut self,
        bus_name: &str,
        fields: impl IntoIterator<Item = E>,
        count: impl Into<Count<Val>>,
    ) {
        let (count, weight) = count.into().into_parts();
        self.seen.extend(bus_name.bytes().map(Val::from_u8));
        self.seen.extend([count, Val::from_u32(weight)]);
        self.seen.extend(fields.into_iter().map(Into::into));
    }

    fn push_local_interaction(&mut self, tuples: impl IntoIterator<Item = (Vec<Val>, Count<Val>)>) {
        for (fields, count) in tuples {
            self.push_interaction("", fields, count);
        }
    }

    fn push_exclusive_interaction(
        &mut self,
        bus_name: &str,
        branches: impl IntoIterator<Item = (Val, Count<Val>, Vec<Val>)>,
    ) {
        for (flag, count, fields) in branches {
            self.seen.push(flag);
            self.push_interaction(bus_name, fields, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use p3_field::PrimeField32;

    use super::*;

    /// A23: parameters, bounds and constraints are part of the id. If this fails on purpose, the circuit is another
    /// one: take its id, and say so in the changelog.
    #[test]
    fn a23_the_id_is_pinned() {
        let text = |id: CircuitId| format!("{:#010x?}", id.0.map(|element| element.as_canonical_u32()));
        assert_eq!(text(compute_circuit_id()), text(CIRCUIT_ID));
    }
}
