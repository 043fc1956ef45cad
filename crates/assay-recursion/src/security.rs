//! Bits of security of the layers' proofs, computed with the proof system's own calculator.

use alloc::vec::Vec;

use assay_circuit::{Challenge, ProofParameters, ProofShape, SecurityBits, Val};
use p3_air::symbolic::AirLayout;
use p3_batch_stark::num_batched_openings;
use p3_batch_stark::symbolic::{
    get_constraint_layout, get_log_num_quotient_chunks, get_max_constraint_degree,
};
use p3_field::BasedVectorSpace;
use p3_lookup::LogUpGadget;
use p3_security::StarkAirParams;
use p3_security::logup::LogUpAir;
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
    /// Bits of security.
    pub bits: SecurityBits,
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
    let messages = lookups.iter().map(|lookup| lookup.elements.len()).sum();
    let width = lookups.iter().flat_map(|lookup| &lookup.elements).map(Vec::len).max().unwrap_or(0);
    let shape = ProofShape {
        air: StarkAirParams {
            num_constraints: constraints,
            max_constraint_degree: degree,
            num_quotient_chunks: quotient_chunks,
            max_combo: 2,
        },
        // With masks, columns are polynomials of twice the degree.
        log_height: log_rows + zk,
        collision_bits: C::COLLISION_BITS,
        openings: num_batched_openings(
            main::WIDTH,
            true,
            fixed::WIDTH,
            true,
            quotient_chunks,
            lookups.len(),
            dimension,
            openings,
        ),
        lookups: LogUpAir { num_interactions: messages, max_message_width: width },
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
        bits: SecurityBits::new(&parameters, &shape),
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
            assert!(security.bits.proven >= 100.0, "{security:#?}");
            assert!(security.bits.conjectured >= security.bits.proven, "{security:#?}");
            assert_eq!(security.hiding, security.name.starts_with("final"));
        }
    }
}
