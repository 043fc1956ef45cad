//! Bits of security of the layers' proofs, computed with the proof system's own calculator.

use alloc::vec::Vec;

use assay_circuit::{Challenge, ProofParameters, Val};
use p3_air::symbolic::AirLayout;
use p3_batch_stark::num_batched_openings;
use p3_batch_stark::symbolic::{
    get_constraint_layout, get_log_num_quotient_chunks, get_max_constraint_degree,
};
use p3_field::{BasedVectorSpace, Field};
use p3_lookup::LogUpGadget;
use p3_security::grinding::GrindingSites;
use p3_security::logup::{self, LogUpAir};
use p3_security::stark::{conjectured_security_report, proven_security_report};
use p3_security::{InstanceShape, Regime, SecurityTerm, StarkAirParams};
use p3_uni_stark::OpeningShape;

use crate::air::RecursionAir;
use crate::columns::{fixed, main};
use crate::config::{Layer, LayerConfig};
use crate::constraint::All;
use crate::verify::{KeyError, lookups};

/// Shape and security of a layer's proofs.
#[derive(Clone, Debug)]
pub struct LayerSecurity {
    /// Name of the layer.
    pub name: &'static str,
    /// Parameters.
    pub parameters: ProofParameters,
    /// Whether the proofs hide: then the low-degree test is about twice as many rows.
    pub hiding: bool,
    /// Log2 of the number of rows.
    pub log_rows: usize,
    /// Columns of the main trace.
    pub columns: usize,
    /// Preprocessed columns.
    pub preprocessed_columns: usize,
    /// Columns of the lookup trace, in base field elements.
    pub lookup_columns: usize,
    /// Bus messages of one row.
    pub messages: usize,
    /// Constraints, those of the lookups included.
    pub constraints: usize,
    /// Largest degree of a constraint, lookups included.
    pub degree: usize,
    /// Pieces of the quotient, each with as many columns as a challenge has coordinates.
    pub quotient_chunks: usize,
    /// Bits of the challenge field.
    pub challenge_bits: usize,
    /// Proven bits: the better of unique decoding and list decoding up to the Johnson bound.
    pub proven_bits: f64,
    /// Name and bits of each error term in the regime that the proven bits come from.
    pub proven_terms: Vec<(&'static str, f64)>,
    /// The regime.
    pub proven_regime: Regime,
    /// Conjectured bits.
    pub conjectured_bits: f64,
}

/// Computes the security of a layer's proofs of circuits with `2^log_rows` rows.
pub fn layer_security<C: LayerConfig>(layer: &Layer<C>, log_rows: usize) -> Result<LayerSecurity, KeyError> {
    let parameters = layer.parameters;
    let config = C::public(&parameters);
    let zk = config.is_zk();
    let air = RecursionAir::constraints(All);
    let lookups = lookups(layer, &config, log_rows)?;
    let gadget = LogUpGadget::new();
    let layout = AirLayout::from_air::<Val>(&air);
    let rows = 1 << log_rows;
    let constraints =
        get_constraint_layout::<Val, Challenge, _, _>(&air, layout, &lookups, &gadget).total_constraints();
    let degree = get_max_constraint_degree::<Val, Challenge, _, _>(&air, layout, rows, &lookups, &gadget);
    let log_chunks =
        get_log_num_quotient_chunks::<Val, Challenge, _, _>(&air, layout, rows, &lookups, zk, &gadget);
    let quotient_chunks = 1 << (log_chunks + zk);
    let dimension = <Challenge as BasedVectorSpace<Val>>::DIMENSION;
    let openings = match C::RANDOM_COLUMNS {
        0 => OpeningShape::new(),
        columns => OpeningShape::hiding(columns),
    };
    let challenge_bits = <Challenge as Field>::bits() - 1;
    let air = StarkAirParams {
        num_constraints: constraints,
        max_constraint_degree: degree,
        num_quotient_chunks: quotient_chunks,
        max_combo: 2,
    };
    let shape = InstanceShape {
        // With masks, columns are polynomials of twice the degree.
        log_trace_length: log_rows + zk,
        modulus_bits: challenge_bits,
        collision_resistance: C::COLLISION_BITS,
        num_batched_functions: num_batched_openings(
            main::WIDTH,
            true,
            fixed::WIDTH,
            true,
            quotient_chunks,
            lookups.len(),
            dimension,
            openings,
        ),
    };
    let fri = parameters.fri(());
    let grinding = GrindingSites {
        out_of_domain: parameters.point_work,
        lookup_challenge: parameters.lookup_work,
        ..fri.grinding_sites()
    };
    let messages = lookups.iter().map(|lookup| lookup.elements.len()).sum();
    let width = lookups.iter().flat_map(|lookup| &lookup.elements).map(Vec::len).max().unwrap_or(0);
    let lookup = LogUpAir { num_interactions: messages, max_message_width: width };
    let extras: Vec<SecurityTerm> = logup::security_term(&lookup, &shape, &grinding).into_iter().collect();
    let regime = fri.security_regime();
    let report = proven_security_report(&regime, &air, &shape, &extras, &grinding);
    let conjectured = conjectured_security_report(&regime, &air, &shape, &extras, &grinding);
    let best = match &report.ldr {
        Some(ldr) if ldr.security_bits() > report.udr.security_bits() => ldr,
        _ => &report.udr,
    };
    Ok(LayerSecurity {
        name: layer.name,
        parameters,
        hiding: zk == 1,
        log_rows,
        columns: main::WIDTH,
        preprocessed_columns: fixed::WIDTH,
        lookup_columns: (lookups.len() + 1) * dimension,
        messages,
        constraints,
        degree,
        quotient_chunks,
        challenge_bits,
        proven_bits: report.security_bits(),
        proven_terms: best.terms().iter().map(|term| (term.label, term.bits.bits())).collect(),
        proven_regime: best.regime,
        conjectured_bits: conjectured.security_bits(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{FINAL, FINAL_KECCAK, INNER, WRAP};

    #[test]
    fn at_least_100_bits_are_proven() {
        for security in [
            layer_security(&INNER, 15).unwrap(),
            layer_security(&WRAP, 15).unwrap(),
            layer_security(&WRAP, 14).unwrap(),
            layer_security(&FINAL, 13).unwrap(),
            layer_security(&FINAL_KECCAK, 13).unwrap(),
        ] {
            assert!(security.proven_bits >= 100.0, "{security:#?}");
            assert!(security.conjectured_bits >= security.proven_bits, "{security:#?}");
            assert_eq!(security.hiding, security.name.starts_with("final"));
        }
    }
}
