use assay_circuit::{CIRCUIT_ID, SegmentSecurity, segment_security};
use serde_json::{Value, json};

use crate::commands::Voice;
use crate::failure::Failure;

pub(crate) fn run(voice: Voice) -> Result<(), Failure> {
    let security = segment_security().ok_or_else(|| Failure::rejected("the circuit can't be described"))?;
    if voice.json {
        print_json(&security)
    } else {
        print_text(&security)
    }
    Ok(())
}

fn print_json(security: &SegmentSecurity) {
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
        security.proven_terms.iter().map(|(name, bits)| json!({"term": name, "bits": bits})).collect();
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
            "challenge_bits": security.challenge_bits, "proven_bits": security.proven_bits,
            "proven_terms": terms, "conjectured_bits": security.conjectured_bits, "tables": tables,
        })
    );
}

fn print_text(security: &SegmentSecurity) {
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
    println!("challenges of {} bits, digests of 248 bits", security.challenge_bits);
    println!();
    println!("proven bits       {:>6.1}  ({:?})", security.proven_bits, security.proven_regime);
    for (name, bits) in &security.proven_terms {
        println!("  {name:<22} {bits:>6.1}");
    }
    println!("conjectured bits  {:>6.1}", security.conjectured_bits);
}
