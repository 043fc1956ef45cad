//! Bits of security of a segment proof, computed with the proof system's own calculator.

use alloc::vec::Vec;

use p3_air::BaseAir;
use p3_air::symbolic::AirLayout;
use p3_batch_stark::num_batched_openings;
use p3_batch_stark::symbolic::get_constraint_layout;
use p3_field::{BasedVectorSpace, Field};
use p3_lookup::LogUpGadget;
use p3_security::grinding::GrindingSites;
use p3_security::logup::{self, LogUpAir};
use p3_security::stark::{conjectured_security_report, proven_security_report};
use p3_security::{InstanceShape, Regime, SecurityTerm, StarkAirParams};
use p3_uni_stark::OpeningShape;

use crate::segment::LINK_WIDTH;
use crate::{
    All, Challenge, MAX_LOG_HEIGHTS, ProofParameters, SEGMENT_PARAMETERS, SegmentAir, TABLES, Val, Variant,
    segment_airs, segment_common,
};

/// Bits of collision resistance of a digest of 248 bits.
const COLLISION_BITS: usize = 124;

/// Largest degree of a constraint, lookups included.
const DEGREE: usize = 3;

/// Shape of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableShape {
    /// Name, as in [`TABLES`].
    pub name: &'static str,
    /// Columns of the main trace.
    pub columns: usize,
    /// Columns of the lookup trace, in base field elements.
    pub lookup_columns: usize,
    /// Bus messages that one row can send or receive.
    pub messages: usize,
    /// Constraints, those of the lookups included.
    pub constraints: usize,
    /// Largest log2 of the height.
    pub max_log_height: usize,
}

/// Shape and security of the segment circuit at its largest heights.
#[derive(Clone, Debug)]
pub struct SegmentSecurity {
    /// Parameters.
    pub parameters: ProofParameters,
    /// The tables.
    pub tables: Vec<TableShape>,
    /// Largest degree of a constraint.
    pub degree: usize,
    /// Bits of security.
    pub bits: SecurityBits,
}

/// Bits of security of a proof.
#[derive(Clone, Debug)]
pub struct SecurityBits {
    /// Of the challenge field.
    pub challenge: usize,
    /// Proven: the better of unique decoding and list decoding up to the Johnson bound.
    pub proven: f64,
    /// Name and bits of each error term in the regime that the proven bits come from.
    pub proven_terms: Vec<(&'static str, f64)>,
    /// The regime.
    pub proven_regime: Regime,
    /// Conjectured.
    pub conjectured: f64,
}

/// What the bits of security of a proof come from, beside its parameters.
#[derive(Clone, Copy, Debug)]
pub struct ProofShape {
    /// The constraints of all tables.
    pub air: StarkAirParams,
    /// Log2 of the largest height that is tested for low degree.
    pub log_height: usize,
    /// Bits of collision resistance of the Merkle trees and the transcript.
    pub collision_bits: usize,
    /// Openings that are batched.
    pub openings: usize,
    /// The bus messages of a row of every table.
    pub lookups: LogUpAir,
}

impl SecurityBits {
    /// Computes the bits with the proof system's own calculator.
    pub fn new(parameters: &ProofParameters, shape: &ProofShape) -> Self {
        let challenge = <Challenge as Field>::bits() - 1;
        let instance = InstanceShape {
            log_trace_length: shape.log_height,
            modulus_bits: challenge,
            collision_resistance: shape.collision_bits,
            num_batched_functions: shape.openings,
        };
        let fri = parameters.fri(());
        let grinding = GrindingSites {
            out_of_domain: parameters.point_work,
            lookup_challenge: parameters.lookup_work,
            ..fri.grinding_sites()
        };
        let lookup_term = logup::security_term(&shape.lookups, &instance, &grinding);
        let extras: Vec<SecurityTerm> = lookup_term.into_iter().collect();
        let regime = fri.security_regime();
        let proven = proven_security_report(&regime, &shape.air, &instance, &extras, &grinding);
        let conjectured = conjectured_security_report(&regime, &shape.air, &instance, &extras, &grinding);
        let best = match &proven.ldr {
            Some(ldr) if ldr.security_bits() > proven.udr.security_bits() => ldr,
            _ => &proven.udr,
        };
        Self {
            challenge,
            proven: proven.security_bits(),
            proven_terms: best.terms().iter().map(|term| (term.label, term.bits.bits())).collect(),
            proven_regime: best.regime,
            conjectured: conjectured.security_bits(),
        }
    }
}

/// Computes the security of proofs of segments with these tables. `None` only if the proof system can't describe the circuit.
pub fn segment_security(variant: Variant) -> Option<SegmentSecurity> {
    let parameters = SEGMENT_PARAMETERS;
    let airs = segment_airs(variant, All);
    let common = segment_common(&parameters.config(), &airs)?;
    let dimension = <Challenge as BasedVectorSpace<Val>>::DIMENSION;

    let mut tables = Vec::new();
    let mut openings = 0;
    for (i, air) in airs.iter().enumerate() {
        let lookups = &common.lookups[i];
        let columns = <SegmentAir as BaseAir<Val>>::width(air);
        let layout = get_constraint_layout::<Val, Challenge, _, _>(
            air,
            AirLayout::from_air(air),
            lookups,
            &LogUpGadget::new(),
        );
        tables.push(TableShape {
            name: TABLES[i],
            columns,
            lookup_columns: (lookups.len() + 1) * dimension,
            messages: lookups.iter().map(|lookup| lookup.elements.len()).sum(),
            constraints: layout.total_constraints(),
            max_log_height: MAX_LOG_HEIGHTS[i],
        });
        openings +=
            num_batched_openings(columns, true, 0, false, 2, lookups.len(), dimension, OpeningShape::new());
    }

    // Every table counted at the largest height: more messages than any segment has.
    let messages = tables.iter().map(|table| table.messages).sum();
    let shape = ProofShape {
        air: StarkAirParams {
            num_constraints: tables.iter().map(|table| table.constraints).sum(),
            max_constraint_degree: DEGREE,
            num_quotient_chunks: DEGREE - 1,
            max_combo: 2,
        },
        log_height: MAX_LOG_HEIGHTS.into_iter().max().unwrap_or(0),
        collision_bits: COLLISION_BITS,
        openings,
        lookups: LogUpAir { num_interactions: messages, max_message_width: LINK_WIDTH },
    };
    let bits = SecurityBits::new(&parameters, &shape);
    Some(SegmentSecurity { parameters, degree: DEGREE, bits, tables })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_least_100_bits_are_proven() {
        for variant in Variant::ALL {
            let security = segment_security(variant).unwrap();
            assert!(security.bits.proven >= 100.0, "{security:#?}");
            assert!(security.bits.conjectured >= security.bits.proven);
        }
    }
}
