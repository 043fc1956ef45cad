//! What a dishonest exchange does to a final proof.

use std::sync::LazyLock;

use assay_circuit::{
    All, SEGMENT_PARAMETERS, SEGMENT_SHAPES, SegmentAccount, SegmentInput, SegmentShape, build_segment,
};
use assay_commit::{DIGEST_BYTES, Digest, EMPTY, Hasher};
use assay_recursion::statement::{FinalRow, FinalStatement, FinalTotals, NodeStatement, TotalsMode};
use assay_recursion::tree::last::LOG_HEIGHT;
use assay_recursion::tree::prover::{NodeProof, TreeProver};
use assay_recursion::tree::wrap::Show;
use assay_recursion::{
    CircuitBuilder, FINAL as LAYER, FinalConfig, Inputs, LayerConfig, MAX_LEVEL, ProvingKey, Wire, final_key,
};
use assay_statement::{AssetTable, Kind, Totals};
use assay_verifier::{
    Expectations, Figures, KnownAssets, OpeningError, ProofFile, RecordError, TotalsOpening, VerifyError,
    verify_proof,
};

use crate::exchange::{EXCHANGE, Exchange, OTHERS, Random, asset_table, prove};

/// Bytes of the head: magic, version, key, length.
const HEAD: usize = 8 + 4 + DIGEST_BYTES + 8;

/// First byte of the totals' rows: shape, level, mode, top and number of rows stand before them.
const ROWS: usize = HEAD + 3 + DIGEST_BYTES + 4;

/// Bytes of a row.
const ROW: usize = 20;

pub(crate) struct Final {
    pub(crate) bytes: Vec<u8>,
    /// The same with bounds in place of totals, each just kept.
    pub(crate) bounded: Vec<u8>,
    salt: Digest,
    leaf: NodeProof,
}

/// The final proof over one segment with all accounts.
static FINAL: LazyLock<Final> = LazyLock::new(|| final_of(&EXCHANGE));

/// The shape of [`FINAL`]'s segment.
fn shape() -> SegmentShape {
    SegmentShape::of_name("small-covered").unwrap()
}

fn final_of(exchange: &Exchange) -> Final {
    let plain = SegmentShape::of_name("small").unwrap();
    final_in(exchange, if exchange.prices.is_some() { shape() } else { plain })
}

pub(crate) fn final_in(exchange: &Exchange, shape: SegmentShape) -> Final {
    let accounts = exchange.accounts.iter().map(|account| SegmentAccount {
        key: &account.key,
        salt: &account.salt,
        entries: &account.entries,
    });
    let input = SegmentInput {
        epoch: exchange.digest,
        accounts: accounts.collect(),
        prices: exchange.prices.as_ref(),
    };
    let trace = build_segment(&exchange.committer, &input, shape).unwrap();
    let proof = prove(All, &SEGMENT_PARAMETERS, &trace, &trace.publics);
    let prover = TreeProver::new(shape, 0).unwrap();
    let leaf = prover.leaf(&trace.publics, &trace.totals, &proof).unwrap();
    let file = |mode, show| {
        let finisher = prover.finisher(0, mode).unwrap();
        let (statement, proof) = finisher.finish(&leaf, show).unwrap();
        let file = ProofFile::new(shape, &statement, finisher.key(), &proof).unwrap();
        (file.to_bytes().unwrap(), statement.totals)
    };
    let (bytes, totals) = file(TotalsMode::Open, Show::Totals);
    let salt = exchange.digest;
    let (bounded, _) = file(TotalsMode::Bounded, Show::Bounds(totals.rows(), &salt.0));
    Final { bytes, bounded, salt, leaf }
}

fn verify(bytes: &[u8]) -> Result<Figures, VerifyError> {
    verify_proof(bytes, EXCHANGE.expectations()).map(|statement| statement.figures)
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
    assert_eq!(statement.figures, Figures::Exact { accounts: 12, totals: EXCHANGE.totals(0..12) });
    assert_eq!(statement.root, EXCHANGE.root(vec![FINAL.leaf.statement.top]));
    assert_eq!(statement.segments, None);
    assert_eq!(statement.key, final_key(TotalsMode::Open, shape(), 0));
}

/// A22, A28: the file says nothing about who, when and what; the caller does.
#[test]
fn a28_other_expectations_reject() {
    for other in OTHERS.iter() {
        assert_eq!(verify_proof(&FINAL.bytes, other.expectations()).err(), Some(VerifyError::Proof));
    }
    let totals = EXCHANGE.totals(0..EXCHANGE.last_with_entries());
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

/// Digests that are at hand are those of the expected table, or nobody looks at them.
#[test]
fn a28_digests_of_another_table_do_not_count() {
    let known = KnownAssets::new(&Hasher::new(), EXCHANGE.assets.clone());
    let expected = Expectations::with_known(&EXCHANGE.entity, &EXCHANGE.epoch, &known);
    let fresh = verify_proof(&FINAL.bytes, EXCHANGE.expectations()).unwrap();
    for _ in 0..2 {
        assert_eq!(verify_proof(&FINAL.bytes, expected), Ok(fresh.clone()));
    }
    let other = asset_table(&["BTC", "ETH", "XYZ"]);
    assert_ne!(other, EXCHANGE.assets);
    let refused = verify_proof(&FINAL.bytes, Expectations { assets: &other, ..expected });
    assert_eq!(refused, Err(VerifyError::Proof));
    // An equal table elsewhere is hashed itself.
    let copy = EXCHANGE.assets.clone();
    assert_eq!(verify_proof(&FINAL.bytes, Expectations { assets: &copy, ..expected }), Ok(fresh));
}

/// A3: more of an asset is owed than exists. Bounds can't tell, and say so.
#[test]
fn a3_more_equity_than_the_supply_cap() {
    let exchange = Exchange::with_cap(1);
    let made = final_of(&exchange);
    let symbol = exchange.assets.assets()[0].symbol.clone();
    let refused = verify_proof(&made.bytes, exchange.expectations()).err();
    assert_eq!(refused, Some(VerifyError::AboveSupplyCap { symbol: symbol.clone() }));
    let bounds = verify_proof(&made.bounded, exchange.expectations()).unwrap().figures;
    assert_eq!(bounds.check_supply_caps(&exchange.assets), Ok(vec![symbol]));
    assert_eq!(bounds.check_supply_caps(&asset_table(&["BTC", "ETH"])), Ok(vec![]));
}

/// A11: bytes of the whole file.
#[test]
fn a11_no_changed_byte_is_accepted() {
    let mut random = Random::new(11);
    for honest in [&FINAL.bytes, &FINAL.bounded] {
        let rows = u32::from_le_bytes(honest[ROWS - 4..ROWS].try_into().unwrap()) as usize;
        // All that stands before the proof, and some of it.
        let mut places: Vec<usize> = (0..ROWS + rows * ROW + 2 * DIGEST_BYTES).collect();
        places.extend((0..300).map(|_| random.below(honest.len())));
        for place in places {
            let mut bytes = honest.clone();
            bytes[place] ^= 1 << random.below(8);
            assert!(verify(&bytes).is_err(), "byte {place}");
        }
    }
}

/// A11: one bit of every byte of a file. Takes a quarter of an hour on two cores.
#[test]
#[ignore = "long: run it before a release"]
fn a11_no_changed_byte_is_accepted_anywhere() {
    let honest = &FINAL.bytes;
    let accepted: Vec<usize> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|worker| {
                scope.spawn(move || {
                    let mut bytes = honest.clone();
                    let mut accepted = Vec::new();
                    for place in (worker..honest.len()).step_by(2) {
                        let bit = 1 << (place / 2 % 8);
                        bytes[place] ^= bit;
                        if verify(&bytes).is_ok() {
                            accepted.push(place);
                        }
                        bytes[place] ^= bit;
                    }
                    accepted
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(accepted, Vec::<usize>::new());
}

/// A8: a circuit of the same height that asserts nothing proves any public values, under a key that nobody pinned.
#[test]
fn a8_a_circuit_that_asserts_nothing() {
    let mut builder = CircuitBuilder::new();
    let claimed: [Wire; 8] = core::array::from_fn(|_| builder.input());
    for elements in claimed.chunks(5) {
        builder.pack(elements);
    }
    builder.publish(claimed);
    let circuit = builder.finish(LOG_HEIGHT, LOG_HEIGHT).unwrap();
    let key = ProvingKey::new(LAYER, &circuit).unwrap();
    // The honest file with a total that isn't, and the public values that its verifier computes.
    let mut lie = FINAL.bytes.clone();
    lie[ROWS + ROW + 4] ^= 1;
    let rows: Vec<FinalRow> = lie[ROWS..]
        .chunks(ROW)
        .take(u32::from_le_bytes(lie[ROWS - 4..ROWS].try_into().unwrap()) as usize)
        .map(|row| FinalRow {
            key: u32::from_le_bytes(row[..4].try_into().unwrap()),
            figure: u128::from_le_bytes(row[4..].try_into().unwrap()),
        })
        .collect();
    let commitment = ROWS + rows.len() * ROW;
    let NodeStatement { level, epoch, top, prices, .. } = FINAL.leaf.statement;
    let statement = FinalStatement { level, epoch, top, totals: FinalTotals::Open(rows), prices };
    let publics = statement.digest(&Hasher::new()).unwrap().0;
    let mut inputs = Inputs::default();
    publics.iter().for_each(|element| inputs.push_base(*element));
    let witness = circuit.run(&inputs);
    assert!(witness.violations().is_empty());
    let proof = key.prove(&circuit.trace(&witness), &publics).unwrap();
    // Under its own key the lie is proven.
    key.verifying_key().verify(&publics, &proof).unwrap();

    lie.truncate(commitment + DIGEST_BYTES);
    lie.extend(assay_recursion::proof_to_bytes(&proof).unwrap());
    let mut lie = with_length(lie);
    assert_eq!(verify(&lie), Err(VerifyError::Proof), "under the pinned key");
    let own: Vec<_> = key.verifying_key().commitment().map(FinalConfig::elements).unwrap();
    let own = Digest(own.try_into().unwrap()).to_bytes();
    lie[commitment..commitment + DIGEST_BYTES].copy_from_slice(&own);
    let unknown = Err(VerifyError::from(RecordError::UnknownCircuit));
    assert_eq!(verify(&lie), unknown, "with its own commitment");
    lie[12..12 + DIGEST_BYTES].copy_from_slice(&key.verifying_key().digest(&Hasher::new()).to_bytes());
    assert_eq!(verify(&lie), unknown, "with its own key");
}

#[test]
fn a11_totals_levels_and_tops_are_bound() {
    type Change = (&'static str, fn(&mut Vec<u8>));
    // Rows: accounts first, then keys in order.
    let changes: [Change; 6] = [
        ("a total", |bytes| bytes[ROWS + ROW + 4] -= 1),
        ("the number of accounts", |bytes| bytes[ROWS + 4] += 1),
        ("a key", |bytes| bytes[ROWS + ROW] += 1),
        ("the top", |bytes| bytes[HEAD + 3] ^= 1),
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

/// Bounds in place of totals: what is owed is at most what the caller's reserves are, and nothing else is shown.
#[test]
fn hidden_totals_are_covered_by_reserves() {
    let statement = verify_proof(&FINAL.bounded, EXCHANGE.expectations()).unwrap();
    let totals = EXCHANGE.totals(0..12);
    let commitment = FINAL.leaf.totals.commitment(&FINAL.salt.0, &Hasher::new());
    assert_eq!(statement.figures, Figures::AtMost { accounts: 12, bounds: totals.clone(), commitment });
    assert_eq!(statement.root, EXCHANGE.root(vec![FINAL.leaf.statement.top]));

    // Bounds are never taken for totals.
    let expected = Expectations { totals: Some(&totals), ..EXCHANGE.expectations() };
    assert_eq!(verify_proof(&FINAL.bounded, expected).err(), Some(VerifyError::OtherTotals));
    let expected = Expectations { accounts: Some(12), ..EXCHANGE.expectations() };
    assert_eq!(verify_proof(&FINAL.bounded, expected).err(), Some(VerifyError::OtherAccounts));

    // Reserves of just what is owed cover it, whichever the proof shows; one base unit less doesn't.
    for bytes in [&FINAL.bytes, &FINAL.bounded] {
        let covered = |reserves: &Totals| {
            let expected = Expectations { reserves: Some(reserves), ..EXCHANGE.expectations() };
            verify_proof(bytes, expected)
        };
        assert!(covered(&totals).is_ok());
        assert!(matches!(covered(&Totals::new()), Err(VerifyError::NotCovered { .. })));
        for (short, _) in totals.iter().filter(|(key, _)| key.kind() == Kind::EQUITY) {
            let mut reserves = Totals::new();
            for (key, total) in totals.iter() {
                reserves.add_total(key, total - u128::from(key == short)).unwrap();
            }
            assert!(matches!(covered(&reserves), Err(VerifyError::NotCovered { .. })));
        }
    }
}

/// Only what was committed to opens the commitment.
#[test]
fn hidden_totals_open_to_what_they_are() {
    let statement = verify_proof(&FINAL.bounded, EXCHANGE.expectations()).unwrap();
    let json = TotalsOpening::new(&FINAL.salt, &FINAL.leaf.totals).to_json().unwrap();
    let open = |json: &str| TotalsOpening::from_json(json.as_bytes())?.open(&statement);
    assert_eq!(open(&json), Ok((12, EXCHANGE.totals(0..12))));

    let exact = verify_proof(&FINAL.bytes, EXCHANGE.expectations()).unwrap();
    let opening = TotalsOpening::from_json(json.as_bytes()).unwrap();
    assert_eq!(opening.open(&exact), Err(OpeningError::NothingHidden));

    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let rows = value["rows"].as_array().unwrap().len();
    let changed = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut value = value.clone();
        change(&mut value);
        open(&value.to_string())
    };
    for row in 0..rows {
        for limb in 0..8 {
            // By one, and by the modulus, which hashes the same.
            for by in [1, 0x7f00_0001u64] {
                let outcome = changed(&|value| {
                    let limb = &mut value["rows"][row]["limbs"][limb];
                    *limb = (limb.as_u64().unwrap() + by).into();
                });
                assert_eq!(outcome, Err(OpeningError::Other), "row {row}, limb {limb}");
            }
        }
        for field in ["key", "groups"] {
            let outcome = changed(&|value| {
                let field = &mut value["rows"][row][field];
                *field = (field.as_u64().unwrap() + 1).into();
            });
            assert_eq!(outcome, Err(OpeningError::Other), "row {row}, {field}");
        }
    }
    assert_eq!(changed(&|value| drop(value["rows"].as_array_mut().unwrap().pop())), Err(OpeningError::Other));
    assert_eq!(changed(&|value| value["salt"] = EMPTY.to_hex().into()), Err(OpeningError::Other));
    assert_eq!(changed(&|value| value["version"] = 2.into()), Err(OpeningError::Format));
    assert!(matches!(changed(&|value| value["more"] = 2.into()), Err(OpeningError::Json { .. })));
}

/// A8, A23: every other pinned key, and keys that nobody pinned.
#[test]
fn a8_other_keys_reject() {
    for mode in TotalsMode::ALL {
        for (shape, known) in SEGMENT_SHAPES.iter().enumerate() {
            for level in 0..=MAX_LEVEL {
                if (mode, *known, level) == (TotalsMode::Open, self::shape(), 0) {
                    continue;
                }
                let mut bytes = FINAL.bytes.clone();
                bytes[HEAD..HEAD + 3].copy_from_slice(&[shape as u8, level as u8, mode.number()]);
                assert!(verify(&bytes).is_err(), "another shape, level or mode under the same key");
                // Even if the file names the key that shape, level and mode call for.
                let key = final_key(mode, *known, level).unwrap();
                bytes[12..12 + DIGEST_BYTES].copy_from_slice(&key.to_bytes());
                assert!(verify(&bytes).is_err(), "another key with this commitment");
            }
        }
    }
    for byte in [SEGMENT_SHAPES.len() as u8, u8::MAX] {
        let mut bytes = FINAL.bytes.clone();
        bytes[HEAD] = byte;
        assert!(verify(&bytes).is_err());
    }
    for (place, value) in [(HEAD + 1, MAX_LEVEL as u8 + 1), (HEAD + 2, 1), (HEAD + 2, 2)] {
        let mut bytes = FINAL.bytes.clone();
        bytes[place] = value;
        assert!(verify(&bytes).is_err());
    }
    for mode in TotalsMode::ALL {
        assert_eq!(final_key(mode, SEGMENT_SHAPES[0], MAX_LEVEL + 1), None);
        assert_eq!(final_key(mode, SegmentShape::custom([9, 7, 5, 15], None).unwrap(), 0), None);
    }
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
