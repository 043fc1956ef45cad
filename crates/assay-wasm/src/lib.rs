#![doc = include_str!("../README.md")]

use std::sync::{Mutex, MutexGuard, PoisonError};

use assay_commit::{Digest, MAX_RECEIPT_BYTES};
use assay_statement::{Entity, Epoch};
use assay_verdict::{
    Code, MAX_REPORT_BYTES, Outcome, Proof, PublishedTotals, Request, Totals, VERDICT_FORMAT,
    VERDICT_VERSION, check,
};
use assay_verifier::{MAX_PROOF_BYTES, MAX_TOTALS_BYTES};
use serde::{Deserialize, Serialize};

/// Bytes that the head of a request can have.
pub const MAX_HEAD_BYTES: usize = 64 << 10;

/// Bytes that a request can have. Files over their own limits are still answered as such, up to here.
pub const MAX_REQUEST_BYTES: usize =
    2 * (MAX_HEAD_BYTES + MAX_RECEIPT_BYTES + MAX_PROOF_BYTES + MAX_TOTALS_BYTES + MAX_REPORT_BYTES);

/// What is expected and how long the files are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    uid: String,
    entity: String,
    epoch: Option<HeadEpoch>,
    root: Option<String>,
    second_root: Option<String>,
    asset_table: Option<String>,
    confirmed: Option<bool>,
    files: Files,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadEpoch {
    id: String,
    time: u64,
}

/// Lengths of the files, in the order in which they follow the head.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Files {
    receipt: Option<usize>,
    proof: Option<usize>,
    totals: Option<usize>,
    report: Option<usize>,
}

/// A request that can't be understood, in the form of a verdict.
#[derive(Serialize)]
struct Refusal {
    format: &'static str,
    version: u32,
    verdict: Outcome,
    code: Code,
    /// The part of the request that is wrong.
    field: &'static str,
    results: [(); 0],
}

/// A totals file as it was last read. It is public, the same in most requests, and reading it takes most of a request's
/// time.
#[derive(Default)]
pub struct Memory {
    totals: Option<(Vec<u8>, PublishedTotals)>,
}

impl Memory {
    /// Reads a totals file, if it isn't the one that was read last.
    pub fn totals(&mut self, bytes: &[u8]) -> &PublishedTotals {
        let (_, totals) = match self.totals.take() {
            Some(known) if known.0 == bytes => self.totals.insert(known),
            _ => self.totals.insert((bytes.to_vec(), PublishedTotals::read(bytes))),
        };
        totals
    }
}

/// Answers a request with a verdict as JSON.
pub fn answer_to(request: &[u8], memory: &mut Memory) -> String {
    let answer = read(request, memory, |request| check(&request).to_json());
    let json = match answer {
        Ok(Ok(json)) => return json,
        Ok(Err(_)) => refusal("answer", Code::VerifierFault),
        Err(field) => refusal(field, Code::ExpectationMalformed),
    };
    serde_json::to_string(&json).unwrap_or_default()
}

fn refusal(field: &'static str, code: Code) -> Refusal {
    Refusal {
        format: VERDICT_FORMAT,
        version: VERDICT_VERSION,
        verdict: Outcome::NotChecked,
        code,
        field,
        results: [],
    }
}

/// Reads a request, or names the part that is wrong.
fn read<T>(
    bytes: &[u8],
    memory: &mut Memory,
    then: impl FnOnce(Request<'_>) -> T,
) -> Result<T, &'static str> {
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or("request")?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| "request")?;
    if length > MAX_HEAD_BYTES {
        return Err("request");
    }
    let (head, mut rest) = rest.split_at_checked(length).ok_or("request")?;
    let head: Head = serde_json::from_slice(head).map_err(|_| "head")?;
    let mut file = |length: Option<usize>| match length {
        None => Ok::<_, &'static str>(None),
        Some(length) => {
            let (file, after) = rest.split_at_checked(length).ok_or("files")?;
            rest = after;
            Ok(Some(file))
        }
    };
    let receipt = file(head.files.receipt)?;
    let proof = file(head.files.proof)?;
    let totals = file(head.files.totals)?;
    let report = file(head.files.report)?;
    if !rest.is_empty() {
        return Err("files");
    }
    let digest = |hex: &Option<String>, field| {
        hex.as_deref().map(|hex| Digest::from_hex(hex.trim())).transpose().map_err(|_| field)
    };
    let entity = Entity::new(head.entity.trim()).map_err(|_| "entity")?;
    let epoch = head.epoch.as_ref().map(|epoch| Epoch::new(epoch.id.trim(), epoch.time));
    let epoch = epoch.transpose().map_err(|_| "epoch")?;
    Ok(then(Request {
        uid: &head.uid,
        epoch: epoch.as_ref(),
        root: digest(&head.root, "root")?,
        second_root: digest(&head.second_root, "second_root")?,
        asset_table: digest(&head.asset_table, "asset_table")?,
        receipt,
        proof: proof.map(Proof::File),
        totals: totals.map(|bytes| Totals::Read(memory.totals(bytes))),
        report,
        confirmed: head.confirmed,
        ..Request::new(&entity)
    }))
}

// A module has one thread and one caller; the locks are what safe code needs to keep what the caller writes to.
static REQUEST: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static ANSWER: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static MEMORY: Mutex<Memory> = Mutex::new(Memory { totals: None });

fn held<T>(buffer: &'static Mutex<T>) -> MutexGuard<'static, T> {
    buffer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes room for a request and returns its address, 0 if it would be too large.
#[allow(unsafe_code, reason = "an export keeps its name")]
#[unsafe(no_mangle)]
pub extern "C" fn alloc(bytes: usize) -> usize {
    let mut request = held(&REQUEST);
    *request = Vec::new();
    if bytes > MAX_REQUEST_BYTES || request.try_reserve_exact(bytes).is_err() {
        return 0;
    }
    request.resize(bytes, 0);
    request.as_mut_ptr().expose_provenance()
}

/// Answers the request and returns the length of the answer.
#[allow(unsafe_code, reason = "an export keeps its name")]
#[unsafe(no_mangle)]
pub extern "C" fn verify() -> usize {
    // It is taken away, so that a uid doesn't stay in memory longer than it takes.
    let mut request = std::mem::take(&mut *held(&REQUEST));
    let text = answer_to(std::hint::black_box(&request), &mut held(&MEMORY));
    request.fill(0);
    std::hint::black_box(&mut request);
    let mut answer = held(&ANSWER);
    answer.fill(0);
    *answer = text.into_bytes();
    answer.len()
}

/// The address of the answer.
#[allow(unsafe_code, reason = "an export keeps its name")]
#[unsafe(no_mangle)]
pub extern "C" fn answer() -> usize {
    held(&ANSWER).as_ptr().expose_provenance()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn answered(bytes: &[u8]) -> Value {
        let value: Value = serde_json::from_str(&answer_to(bytes, &mut Memory::default())).unwrap();
        assert_eq!(value["format"], VERDICT_FORMAT);
        assert_ne!(value["verdict"], "verified");
        value
    }

    fn request(head: &str, files: &[u8]) -> Vec<u8> {
        [&(head.len() as u32).to_le_bytes(), head.as_bytes(), files].concat()
    }

    const HEAD: &str = r#"{"uid":"a","entity":"a.example","epoch":null,"root":null,"second_root":null,
        "asset_table":null,"confirmed":null,"files":{"receipt":2,"proof":null,"totals":null,"report":null}}"#;

    #[test]
    fn wrong_requests_are_named() {
        assert_eq!(answered(b"")["field"], "request");
        assert_eq!(answered(&[255; 8])["field"], "request");
        assert_eq!(answered(&request("{", b""))["field"], "head");
        assert_eq!(answered(&request(HEAD, b"{"))["field"], "files");
        assert_eq!(answered(&request(HEAD, b"{}x"))["field"], "files");
        assert_eq!(answered(&request(&HEAD.replace("a.example", "A"), b"{}"))["field"], "entity");
        assert_eq!(
            answered(&request(&HEAD.replace("\"root\":null", "\"root\":\"12\""), b"{}"))["field"],
            "root"
        );
        let read = answered(&request(HEAD, b"{}"));
        assert_eq!((&read["verdict"], &read["code"]), (&"unreadable".into(), &"receipt-malformed".into()));
    }

    #[test]
    fn exports_answer_like_the_function() {
        let bytes = request(HEAD, b"{}");
        assert_ne!(alloc(bytes.len()), 0);
        held(&REQUEST).copy_from_slice(&bytes);
        let length = verify();
        assert_ne!(answer(), 0);
        assert_eq!(held(&ANSWER).len(), length);
        assert_eq!(held(&ANSWER).as_slice(), answer_to(&bytes, &mut Memory::default()).as_bytes());
        assert_eq!(alloc(MAX_REQUEST_BYTES + 1), 0);
        // Nothing of the request stays.
        assert!(held(&REQUEST).is_empty());
    }

    #[test]
    fn a_totals_file_is_remembered_by_its_bytes() {
        let mut memory = Memory::default();
        let truncated = format!("{:?}", memory.totals(b"{").file().err());
        assert_eq!(truncated, format!("{:?}", memory.totals(b"{").file().err()));
        let empty = format!("{:?}", memory.totals(b"{}").file().err());
        assert_ne!(truncated, empty);
        assert_eq!(truncated, format!("{:?}", memory.totals(b"{").file().err()));
    }

    proptest! {
        #[test]
        fn any_bytes_get_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            answered(&bytes);
            let head = HEAD.replace("\"receipt\":2", &format!("\"receipt\":{0},\"proof\":{0}", bytes.len()))
                .replace(",\"proof\":null", "");
            answered(&request(&head, &[bytes.as_slice(), &bytes].concat()));
        }

        #[test]
        fn proofs_of_any_bytes(rest in proptest::collection::vec(any::<u8>(), 0..400)) {
            let file = [b"ASSAYPRF\x01\0\0\0".as_slice(), &rest].concat();
            let head = HEAD.replace("\"receipt\":2", &format!("\"receipt\":null,\"proof\":{}", file.len()))
                .replace("\"proof\":null,", "").replace(",\"proof\":null", "");
            answered(&request(&head, &file));
        }
    }
}
