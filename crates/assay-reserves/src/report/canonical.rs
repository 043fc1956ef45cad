use serde::Serialize;
use serde_json::Value;

use super::{MAX_REPORT_BYTES, REPORT_FORMAT, SolvencyReport};

/// Integers of JSON that every reader keeps exact; larger ones are strings.
const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Why there is no canonical form, or why bytes aren't one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// More than [`MAX_REPORT_BYTES`].
    #[error("the report is larger than {MAX_REPORT_BYTES} bytes")]
    TooLarge,
    /// Not JSON of this form: a field too many or too few, or of another type.
    #[error("not a report (line {line}, column {column}): {reason}")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// Another format or version.
    #[error("not of the format {REPORT_FORMAT}")]
    Format,
    /// The report in another spelling: spaces, another order, escapes that aren't needed.
    #[error("not in the canonical form")]
    Spelling,
    /// A number that isn't an integer below 2^53.
    #[error("a number that can't be written exactly")]
    Number,
}

impl SolvencyReport {
    /// The canonical form: JSON without white space, keys in order of their bytes, integers below 2^53, larger ones in
    /// strings, no other numbers, no escapes but those that JSON demands.
    pub fn to_json(&self) -> Result<Vec<u8>, CanonicalError> {
        canonical(self)
    }

    /// Reads the canonical form, and nothing else: each report has one sequence of bytes. Whether its figures fit
    /// together is up to [`SolvencyReport::check`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, CanonicalError> {
        if bytes.len() > MAX_REPORT_BYTES {
            return Err(CanonicalError::TooLarge);
        }
        let report: Self = serde_json::from_slice(bytes).map_err(|error| CanonicalError::Json {
            line: error.line(),
            column: error.column(),
            reason: crate::row::quote(&error.to_string()),
        })?;
        if report.format != REPORT_FORMAT {
            return Err(CanonicalError::Format);
        }
        if report.to_json()? == bytes { Ok(report) } else { Err(CanonicalError::Spelling) }
    }

    /// BLAKE3 of format name, line feed and canonical form.
    pub fn digest(&self) -> Result<[u8; 32], CanonicalError> {
        Ok(digest(REPORT_FORMAT, &self.to_json()?))
    }
}

pub(crate) fn canonical(value: &impl Serialize) -> Result<Vec<u8>, CanonicalError> {
    let value = serde_json::to_value(value).map_err(|_| CanonicalError::Number)?;
    let mut bytes = Vec::new();
    write(&value, &mut bytes)?;
    Ok(bytes)
}

pub(crate) fn digest(domain: &str, bytes: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(domain.as_bytes()).update(b"\n").update(bytes);
    *hasher.finalize().as_bytes()
}

/// Keys are sorted here, as the order in `Value` is a feature that another crate may turn on.
fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    match value {
        Value::Null | Value::Bool(_) => out.extend(value.to_string().bytes()),
        Value::Number(number) => match number.as_u64() {
            Some(integer) if integer <= MAX_INTEGER => out.extend(integer.to_string().bytes()),
            _ => return Err(CanonicalError::Number),
        },
        Value::String(text) => string(text, out)?,
        Value::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write(item, out)?;
            }
            out.push(b']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
            out.push(b'{');
            for (at, (name, field)) in fields.into_iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                string(name, out)?;
                out.push(b':');
                write(field, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn string(text: &str, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    serde_json::to_writer(out, text).map_err(|_| CanonicalError::Number)
}
