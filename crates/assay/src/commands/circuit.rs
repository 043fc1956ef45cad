use assay_circuit::{CIRCUIT_ID, SEGMENT_SHAPES, SegmentSecurity, Variant, segment_security};
use assay_recursion::statement::TotalsMode;
use assay_recursion::tree::{last, leaf, wrap};
use assay_recursion::{FINAL, INNER, LayerSecurity, MAX_LEVEL, WRAP, final_key, layer_security};
use serde_json::{Value, json};

use crate::commands::Voice;
use crate::failure::Failure;

pub(crate) fn run(voice: Voice) -> Result<(), Failure> {
    // With the tables that cover debt: more of everything than without.
    let security = segment_security(Variant::Covered)
        .ok_or_else(|| Failure::rejected("the circuit can't be described"))?;
    let layers = [
        layer_security(&INNER, leaf::COVERED_LOG_HEIGHT),
        layer_security(&WRAP, wrap::LOG_HEIGHT),
        layer_security(&FINAL, last::LOG_HEIGHT),
    ];
    let layers = layers.into_iter().collect::<Result<Vec<_>, _>>().map_err(Failure::rejected)?;
    if voice.json {
        print_json(&security, &layers)
    } else {
        print_text(&security, &layers)
    }
    Ok(())
}

fn print_json(security: &SegmentSecurity, layers: &[LayerSecurity]) {
    let parameters = &security.parameters;
    let tables: Vec<Value> = security
        .tables
        .iter()
        .map(|table| {
            json!({
                "name": table.name, "columns": table.columns, "lookup_columns": table.lookup_columns,
                "messages": table.messages, "constraints": table.constraints,
                "max_log_height": table.max_log_height,
            })
        })
        .collect();
    let terms: Value =
        security.bits.proven_terms.iter().map(|(name, bits)| json!({"term": name, "bits": bits})).collect();
    println!(
        "{}",
        json!({
            "version": 1, "ok": true, "circuit": CIRCUIT_ID.to_hex(), "degree": security.degree,
            "blowup": 1 << parameters.log_blowup, "queries": parameters.queries,
            "arity": 1 << parameters.log_arity, "cap_height": parameters.cap_height,
            "grinding": {
                "lookup": parameters.lookup_work, "point": parameters.point_work, "batch": parameters.batch_work,
                "commit": parameters.commit_work, "query": parameters.query_work,
            },
            "challenge_bits": security.bits.challenge, "proven_bits": security.bits.proven,
            "proven_terms": terms, "conjectured_bits": security.bits.conjectured, "tables": tables,
            "layers": layers.iter().map(layer_json).collect::<Vec<_>>(), "final_keys": keys_json(),
        })
    );
}

fn print_text(security: &SegmentSecurity, layers: &[LayerSecurity]) {
    let parameters = &security.parameters;
    println!("circuit   segment {CIRCUIT_ID}");
    println!();
    println!("table      columns  lookup columns  messages a row  constraints  most rows");
    for table in &security.tables {
        println!(
            "{:<10} {:>7}  {:>14}  {:>14}  {:>11}  {:>9}",
            table.name,
            table.columns,
            table.lookup_columns,
            table.messages,
            table.constraints,
            format!("2^{}", table.max_log_height)
        );
    }
    println!();
    println!(
        "degree {}, blowup {}, {} queries, arity {}, caps of 2^{}, grinding {} bits before the queries",
        security.degree,
        1 << parameters.log_blowup,
        parameters.queries,
        1 << parameters.log_arity,
        parameters.cap_height,
        parameters.query_work
    );
    println!("challenges of {} bits, digests of 248 bits", security.bits.challenge);
    println!();
    println!("proven bits       {:>6.1}  ({:?})", security.bits.proven, security.bits.proven_regime);
    for (name, bits) in &security.bits.proven_terms {
        println!("  {name:<22} {bits:>6.1}");
    }
    println!("conjectured bits  {:>6.1}", security.bits.conjectured);
    println!();
    println!(
        "recursion   rows  columns  preprocessed  lookup  queries  blowup  grinding  hiding  proven  conjectured"
    );
    for layer in layers {
        println!(
            "{:<10} {:>5}  {:>7}  {:>12}  {:>6}  {:>7}  {:>6}  {:>8}  {:>6}  {:>6.1}  {:>11.1}",
            layer.name,
            format!("2^{}", layer.log_rows),
            layer.columns,
            layer.preprocessed_columns,
            layer.lookup_columns,
            layer.parameters.queries,
            1 << layer.parameters.log_blowup,
            layer.parameters.query_work,
            if layer.hiding { "yes" } else { "no" },
            layer.bits.proven,
            layer.bits.conjectured
        );
    }
    println!();
    println!("keys of the final proof, by what it shows, shape of segments and levels above them");
    for mode in TotalsMode::ALL {
        for shape in SEGMENT_SHAPES {
            for level in 0..=MAX_LEVEL {
                if let Some(key) = final_key(mode, shape, level) {
                    println!("{:<7} {:<14} {level:>2}  {key}", shown(mode), shape.name());
                }
            }
        }
    }
}

fn layer_json(layer: &LayerSecurity) -> Value {
    let parameters = &layer.parameters;
    json!({
        "name": layer.name, "log_rows": layer.log_rows, "columns": layer.columns,
        "preprocessed_columns": layer.preprocessed_columns, "lookup_columns": layer.lookup_columns,
        "messages": layer.messages, "constraints": layer.constraints, "degree": layer.degree,
        "queries": parameters.queries, "blowup": 1 << parameters.log_blowup, "arity": 1 << parameters.log_arity,
        "grinding": {"query": parameters.query_work}, "hiding": layer.hiding,
        "proven_bits": layer.bits.proven, "conjectured_bits": layer.bits.conjectured,
    })
}

/// What a final proof shows.
const fn shown(mode: TotalsMode) -> &'static str {
    match mode {
        TotalsMode::Open => "totals",
        TotalsMode::Bounded => "bounds",
    }
}

/// Keys by what the proof shows and by the name of the shape, in order of the level.
fn keys_json() -> Value {
    let keys = |mode, shape| -> Value {
        (0..=MAX_LEVEL).filter_map(|level| final_key(mode, shape, level)).map(|key| key.to_hex()).collect()
    };
    let shapes = |mode| -> Value {
        SEGMENT_SHAPES.iter().map(|shape| (shape.name().to_owned(), keys(mode, *shape))).collect()
    };
    TotalsMode::ALL.iter().map(|mode| (shown(*mode).to_owned(), shapes(*mode))).collect()
}
