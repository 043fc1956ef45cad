//! What a dishonest exchange does to a final proof.

use std::sync::LazyLock;

use assay_circuit::{
    All, SEGMENT_PARAMETERS, SEGMENT_SHAPES, SegmentAccount, SegmentInput, SegmentShape, build_segment,
};
use assay_commit::{DIGEST_BYTES, Digest};
use assay_recursion::tree::prover::{NodeProof, TreeProver};
use assay_recursion::{MAX_LEVEL, final_key};
use assay_statement::{AssetTable, Totals};
use assay_verifier::{Expectations, ProofFile, RecordError, VerifyError, verify_proof};

use crate::exchange::{EXCHANGE, Exchange, OTHERS, Random, asset_table, prove};

/// Bytes of the head: magic, version, key, length.
const HEAD: usize = 8 + 4 + DIGEST_BYTES + 8;

/// First byte of the totals' rows: shape, level, top and number of rows stand before them.
const ROWS: usize = HEAD + 2 + DIGEST_BYTES + 4;

/// Bytes of a row.
const ROW: usize = 20;

struct Final {
    bytes: Vec<u8>,
    leaf: NodeProof,
}

/// The final proof over one segment with all accounts.
static FINAL: LazyLock<Final> = LazyLock::new(|| final_of(&EXCHANGE));

fn final_of(exchange: &Exchange) -> Final {
    let shape = SEGMENT_SHAPES[0];
    let accounts = exchange.accounts.iter().map(|account| SegmentAccount {
        key: &account.key,
        salt: &account.salt,
        entries: &account.entries,
    });
    let input = SegmentInput { epoch: exchange.digest, accounts: accounts.collect() };
    let trace = build_segment(&exchange.committer, &input, shape).unwrap();
    let proof = prove(All, &SEGMENT_PARAMETERS, &trace, &trace.publics);
    let prover = TreeProver::new(shape, 0).unwrap();
    let leaf = prover.leaf(&trace.publics, &trace.totals, &proof).unwrap();
    let finisher = prover.finisher(0).unwrap();
    let (statement, proof) = finisher.finish(&leaf).unwrap();
    let bytes = ProofFile::new(shape, &statement, finisher.key(), &proof).unwrap().to_bytes().unwrap();
    Final { bytes, leaf }
}

fn verify(bytes: &[u8]) -> Result<Totals, VerifyError> {
    verify_proof(bytes, EXCHANGE.expectations()).map(|statement| statement.totals)
}

/// Corrects the length in the head.
fn with_length(mut bytes: Vec<u8>) -> Vec<u8> {
    let length = (bytes.len() - HEAD) as u64;
    bytes[HEAD - 8..HEAD].copy_from_slice(&length.to_le_bytes());
    bytes
}

#[test]
fn an_honest_final_proof_says_what_the_ledger_says() {
    let statement = verify_proof(&FINAL.bytes, EXCHANGE.expectations()).unwrap();
    assert_eq!(statement.totals, EXCHANGE.totals(0..12));
    assert_eq!(statement.accounts, 12);
    assert_eq!(statement.root, EXCHANGE.root(vec![FINAL.leaf.statement.top]));
    assert_eq!(statement.segments, None);
}

/// A22, A28: the file says nothing about who, when and what; the caller does.
#[test]
fn a28_other_expectations_reject() {
    for other in OTHERS.iter() {
        assert_eq!(verify_proof(&FINAL.bytes, other.expectations()).err(), Some(VerifyError::Proof));
    }
    let totals = EXCHANGE.totals(0..11);
    let root = Digest([assay_circuit::Val::new(1); 8]);
    let cases: [(Expectations<'_>, VerifyError); 3] = [
        (Expectations { root: Some(root), ..EXCHANGE.expectations() }, VerifyError::OtherRoot),
        (Expectations { totals: Some(&totals), ..EXCHANGE.expectations() }, VerifyError::OtherTotals),
        (Expectations { accounts: Some(11), ..EXCHANGE.expectations() }, VerifyError::OtherAccounts),
    ];
    for (expected, error) in cases {
        assert_eq!(verify_proof(&FINAL.bytes, expected).err(), Some(error));
    }
}

/// A11: bytes of the whole file.
#[test]
fn a11_no_changed_byte_is_accepted() {
    let mut random = Random::new(11);
    let mut places: Vec<usize> = (0..ROWS + 3 * ROW).collect();
    places.extend((0..400).map(|_| random.below(FINAL.bytes.len())));
    for place in places {
        let mut bytes = FINAL.bytes.clone();
        bytes[place] ^= 1 << random.below(8);
        assert!(verify(&bytes).is_err(), "byte {place}");
    }
}

#[test]
fn a11_totals_levels_and_tops_are_bound() {
    type Change = (&'static str, fn(&mut Vec<u8>));
    // Rows: accounts first, then keys in order.
    let changes: [Change; 6] = [
        ("a total", |bytes| bytes[ROWS + ROW + 4] -= 1),
        ("the number of accounts", |bytes| bytes[ROWS + 4] += 1),
        ("a key", |bytes| bytes[ROWS + ROW] += 1),
        ("the top", |bytes| bytes[HEAD + 2] ^= 1),
        ("a row less", |bytes| {
            bytes[ROWS - 4] -= 1;
            bytes.drain(ROWS + ROW..ROWS + 2 * ROW);
        }),
        ("rows swapped", |bytes| bytes[ROWS..ROWS + 2 * ROW].rotate_left(ROW)),
    ];
    for (what, change) in changes {
        let mut bytes = FINAL.bytes.clone();
        change(&mut bytes);
        assert!(verify(&with_length(bytes)).is_err(), "{what}");
    }
}

/// A8, A23: every other pinned key, and keys that nobody pinned.
#[test]
fn a8_other_keys_reject() {
    for (shape, known) in SEGMENT_SHAPES.iter().enumerate() {
        for level in 0..=MAX_LEVEL {
            if (shape, level) == (0, 0) {
                continue;
            }
            let mut bytes = FINAL.bytes.clone();
            bytes[HEAD..HEAD + 2].copy_from_slice(&[shape as u8, level as u8]);
            let unknown = Err(VerifyError::from(RecordError::UnknownCircuit));
            assert_eq!(verify(&bytes), unknown, "another shape or level under the same key");
            // Even if the file names the key that the shape and level call for.
            let key = final_key(*known, level).unwrap();
            bytes[12..12 + DIGEST_BYTES].copy_from_slice(&key.to_bytes());
            assert_eq!(verify(&bytes), unknown, "another key with this commitment");
        }
    }
    for byte in [SEGMENT_SHAPES.len() as u8, u8::MAX] {
        let mut bytes = FINAL.bytes.clone();
        bytes[HEAD] = byte;
        assert!(verify(&bytes).is_err());
    }
    let mut bytes = FINAL.bytes.clone();
    bytes[HEAD + 1] = MAX_LEVEL as u8 + 1;
    assert!(verify(&bytes).is_err());
    assert_eq!(final_key(SEGMENT_SHAPES[0], MAX_LEVEL + 1), None);
    assert_eq!(final_key(SegmentShape::custom([9, 7, 5, 15]).unwrap(), 0), None);
}

/// An inner proof is no final one, whatever stands before it.
#[test]
fn an_inner_proof_is_not_final() {
    let inner = assay_recursion::proof_to_bytes(&FINAL.leaf.proof).unwrap();
    let rows = u32::from_le_bytes(FINAL.bytes[ROWS - 4..ROWS].try_into().unwrap()) as usize;
    let mut bytes = FINAL.bytes[..ROWS + rows * ROW + DIGEST_BYTES].to_vec();
    bytes.extend(inner);
    assert_eq!(verify(&with_length(bytes)), Err(VerifyError::Proof));
}

/// A5, A6: a total of an asset that the caller's table lacks.
#[test]
fn a6_assets_outside_the_table_reject() {
    let fewer: AssetTable = asset_table(&["BTC"]);
    let expected = Expectations { assets: &fewer, ..EXCHANGE.expectations() };
    assert!(verify_proof(&FINAL.bytes, expected).is_err());
}

/// A25: cut, extended and empty files.
#[test]
fn a25_malformed_files_are_errors() {
    let bytes = &FINAL.bytes;
    for end in (0..ROWS + ROW).chain([bytes.len() / 2, bytes.len() - 1]) {
        assert!(verify(&bytes[..end]).is_err());
        if end >= HEAD {
            assert!(verify(&with_length(bytes[..end].to_vec())).is_err());
        }
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(verify(&longer).is_err());
    assert!(verify(&with_length(longer)).is_err());
    let mut many = bytes.clone();
    many[ROWS - 4..ROWS].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(verify(&many).is_err());
    assert!(verify(&[]).is_err());
}
