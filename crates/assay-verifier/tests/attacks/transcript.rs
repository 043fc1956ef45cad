//! A11: nothing in a bundle can be changed, neither bits nor shapes, and everything has one encoding.

use std::collections::BTreeMap;

use assay_circuit::SegmentConfig;
use assay_circuit::p3_batch_stark::BatchProof;
use assay_verifier::{BundleHeader, RecordError, SegmentContext, SegmentRecord, VerifyError};
use p3_field::PrimeField32;
use serde::Deserialize;
use serde_json::Value;

use crate::exchange::{EXCHANGE, Random, THIRDS, VERIFIER, WHOLE, context, parse, thirds, verify_segment};
use crate::layout::{ACCOUNTS, FIRST, PREFIX, TOP, edited, proof_start, relengthened};

const P: u32 = <assay_circuit::Val as PrimeField32>::ORDER_U32;

/// Runs `attack` over `count` numbers on all cores and returns how many records were accepted.
fn accepted(count: usize, attack: impl Fn(usize) -> Option<Vec<u8>> + Sync) -> usize {
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(count);
    let attack = &attack;
    let one = |start: usize| {
        (start..count)
            .step_by(threads)
            .filter_map(attack)
            .filter(|record| verify_segment(record).is_ok())
            .count()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|start| scope.spawn(move || one(start))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

/// Every bit before the proof.
#[test]
fn a11_every_bit_before_the_proof() {
    assert!(verify_segment(&WHOLE).is_ok());
    let flip = |bit: usize| {
        let mut record = WHOLE.clone();
        record[bit / 8] ^= 1 << (bit % 8);
        Some(record)
    };
    assert_eq!(accepted(8 * proof_start(&WHOLE), flip), 0);
}

/// Every byte of a bundle's head and of its first record's head, up and down by one and inverted.
#[test]
fn a11_every_byte_of_the_bundles_head() {
    let bundle = thirds();
    for place in 0..BundleHeader::BYTES + 8 + PREFIX {
        for change in [1, 0xff, 0x80] {
            let mut bundle = bundle.clone();
            bundle[place] = bundle[place].wrapping_add(change);
            assert!(EXCHANGE.verify(&bundle).is_err(), "byte {place} plus {change}");
        }
    }
}

/// Bits and bytes of the proof at pseudo-random places.
#[test]
fn a11_thousands_of_places_in_the_proof() {
    let start = proof_start(&WHOLE);
    let change = |i: usize| {
        let mut random = Random::new(i);
        let mut record = WHOLE.clone();
        let place = start + random.below(record.len() - start);
        match i % 4 {
            0..3 => record[place] ^= 1 << random.below(8),
            _ => record[place] = record[place].wrapping_add(1 + random.below(255) as u8),
        }
        Some(record)
    };
    assert_eq!(accepted(3000, change), 0);
}

/// The bytes around the proof's ends, which hold lengths, heights and proofs of work.
#[test]
fn a11_the_ends_of_the_proof() {
    let (start, length) = (proof_start(&WHOLE), WHOLE.len());
    let places: Vec<usize> = (start..start + 64).chain(length - 160..length).collect();
    let change = |i: usize| {
        let mut record = WHOLE.clone();
        let byte = &mut record[places[i / 3]];
        *byte = [byte.wrapping_add(1), byte.wrapping_sub(1), *byte ^ 0x80][i % 3];
        Some(record)
    };
    assert_eq!(accepted(3 * places.len(), change), 0);
}

/// A25: truncated and continued files, with and without their lengths made to fit.
#[test]
fn a25_truncated_and_continued() {
    let bundle = thirds();
    let mut random = Random::new(7);
    let cuts: Vec<usize> = (0..700).chain((0..300).map(|_| random.below(bundle.len()))).collect();
    for cut in cuts {
        assert!(EXCHANGE.verify(&bundle[..cut]).is_err(), "{cut} bytes");
    }
    let long = |extra: &[u8]| [bundle.as_slice(), extra].concat();
    for extra in [&[0][..], &[0; 8], &[0xff; 1000], &bundle] {
        assert_eq!(EXCHANGE.verify(&long(extra)).err(), Some(RecordError::Length.into()));
        let mut fitted = long(extra);
        let length = (fitted.len() - 52) as u64;
        fitted[44..52].copy_from_slice(&length.to_le_bytes());
        assert_eq!(EXCHANGE.verify(&fitted).err(), Some(RecordError::Trailing.into()));
    }
    // A record's length one more or less moves the border to the next record.
    for change in [-1i64, 1, 8, i64::MAX, i64::MIN] {
        let mut bundle = bundle.clone();
        let at = BundleHeader::BYTES;
        let length = (THIRDS[0].len() as u64).wrapping_add_signed(change);
        bundle[at..at + 8].copy_from_slice(&length.to_le_bytes());
        assert!(EXCHANGE.verify(&bundle).is_err());
    }

    let trailing = [WHOLE.as_slice(), &[0]].concat();
    assert_eq!(verify_segment(&trailing).err(), Some(RecordError::Length.into()));
    assert_eq!(verify_segment(&relengthened(trailing)).err(), Some(RecordError::Trailing.into()));
    for _ in 0..500 {
        let cut = WHOLE[..random.below(WHOLE.len())].to_vec();
        assert!(verify_segment(&cut).is_err());
        assert!(cut.len() < 52 || verify_segment(&relengthened(cut)).is_err());
    }
}

/// A18: a proof has one encoding; numbers with zeros in front aren't it.
#[test]
fn a18_padded_numbers() {
    let (start, length) = (proof_start(&WHOLE), WHOLE.len());
    // Length of the first commitment's cap; number of heights, and each of them.
    let places = [start, length - 14, length - 13, length - 12, length - 11, length - 10];
    for place in places {
        let number = WHOLE[place];
        assert!(number < 0x80, "a number of one byte");
        for zeros in 1..4 {
            let mut padded = vec![number | 0x80];
            padded.extend(vec![0x80; zeros - 1]);
            padded.push(0);
            let record = [&WHOLE[..place], &padded, &WHOLE[place + 1..]].concat();
            assert_eq!(verify_segment(&relengthened(record)).err(), Some(RecordError::NotCanonical.into()));
        }
    }
}

/// A18: field elements above `p` stand for smaller ones in no place.
#[test]
fn a18_elements_have_one_form() {
    let numbers = |at: usize| u32::from_le_bytes(*WHOLE[at..].first_chunk().unwrap());
    for at in (TOP - 32..TOP + 32).chain(FIRST..ACCOUNTS).step_by(4) {
        let Some(other) = numbers(at).checked_add(P) else { continue };
        let record = edited(&WHOLE, at, &other.to_le_bytes());
        assert_eq!(verify_segment(&record).err(), Some(RecordError::Element.into()));
    }
    // The proof's last element, in the proof system's own form.
    let at = WHOLE.len() - 4;
    let record = edited(&WHOLE, at, &(numbers(at) + P).to_le_bytes());
    assert_eq!(verify_segment(&record).err(), Some(RecordError::Proof.into()));
}

/// The field can't tell a number of accounts from that number plus `p`; the native bound can.
#[test]
fn a11_number_of_accounts() {
    let with = |accounts: u32| verify_segment(&edited(&WHOLE, ACCOUNTS, &accounts.to_le_bytes())).err();
    assert_eq!(with(12), None);
    for accounts in [12 + P, P, 0, (1 << 18) + 1, u32::MAX] {
        assert_eq!(with(accounts), Some(VerifyError::AccountCount), "{accounts}");
    }
    for accounts in [1, 11, 13, 1 << 18] {
        assert_eq!(with(accounts), Some(VerifyError::Proof), "{accounts}");
    }
    // In the field the two are the same, so this bound is all that there is.
    let record = parse(&WHOLE);
    let mut aliased = record.publics.clone();
    aliased.accounts += P;
    assert_eq!(aliased.values(), record.publics.values());
}

/// Each place of a proof's structure, by its path with the numbers in lists left out: first and last of its kind.
struct Places {
    lists: Vec<Vec<Step>>,
    numbers: Vec<Vec<Step>>,
    objects: Vec<Vec<Step>>,
    /// An element of a list, for lists that are empty here.
    samples: BTreeMap<String, Value>,
}

#[derive(Clone, Debug)]
enum Step {
    Field(String),
    Element(usize),
}

fn kind(path: &[Step]) -> String {
    let names = path.iter().map(|step| match step {
        Step::Field(name) => name,
        Step::Element(_) => "*",
    });
    names.collect::<Vec<_>>().join("/")
}

fn places(proof: &Value) -> Places {
    type Kinds = BTreeMap<String, Vec<Vec<Step>>>;
    fn walk(
        value: &Value,
        path: &mut Vec<Step>,
        found: &mut [Kinds; 3],
        samples: &mut BTreeMap<String, Value>,
    ) {
        let which = match value {
            Value::Array(_) => 0,
            Value::Number(_) => 1,
            Value::Object(_) => 2,
            _ => return,
        };
        let of_kind = found[which].entry(kind(path)).or_default();
        // The first and the last, and the first ones of a list of few different ones, such as heights.
        if of_kind.len() >= 5 {
            of_kind.pop();
        }
        of_kind.push(path.clone());
        let children: Vec<(Step, &Value)> = match value {
            Value::Array(list) => {
                if let Some(first) = list.first() {
                    samples.insert(kind(path), first.clone());
                }
                list.iter().enumerate().map(|(i, child)| (Step::Element(i), child)).collect()
            }
            Value::Object(map) => {
                map.iter().map(|(name, child)| (Step::Field(name.clone()), child)).collect()
            }
            _ => vec![],
        };
        for (step, child) in children {
            path.push(step);
            walk(child, path, found, samples);
            path.pop();
        }
    }
    let (mut found, mut samples) = (<[Kinds; 3]>::default(), BTreeMap::new());
    walk(proof, &mut vec![], &mut found, &mut samples);
    let [lists, numbers, objects] = found.map(|kinds| kinds.into_values().flatten().collect());
    Places { lists, numbers, objects, samples }
}

fn at<'a>(value: &'a mut Value, path: &[Step]) -> &'a mut Value {
    path.iter().fold(value, |value, step| match step {
        Step::Field(name) => value.get_mut(name).unwrap(),
        Step::Element(i) => value.get_mut(*i).unwrap(),
    })
}

/// Records with proofs of another structure.
struct Forms {
    honest: Value,
    records: Vec<(String, Vec<u8>)>,
}

impl Forms {
    /// Puts `other` in place of what stands at `path`; what is no proof, or the same one, is left out.
    fn with(&mut self, name: &str, path: &[Step], other: Value) {
        let before = std::mem::replace(at(&mut self.honest, path), other);
        if let Ok(proof) = BatchProof::<SegmentConfig>::deserialize(&self.honest) {
            let record = SegmentRecord { proof, ..parse(&WHOLE) }.to_bytes().unwrap();
            if record != *WHOLE {
                self.records.push((format!("{name} {path:?}"), record));
            }
        }
        *at(&mut self.honest, path) = before;
    }

    fn none_is_accepted(self, at_least: usize) {
        assert!(self.records.len() >= at_least, "only {} forms", self.records.len());
        for (name, record) in self.records {
            assert!(verify_segment(&record).is_err(), "accepted: {name}");
        }
    }
}

fn forms() -> (Forms, Places) {
    let honest = serde_json::to_value(parse(&WHOLE).proof).unwrap();
    let places = places(&honest);
    let mut forms = Forms { honest, records: vec![] };
    // The detour itself changes nothing.
    let proof = BatchProof::<SegmentConfig>::deserialize(&forms.honest).unwrap();
    assert_eq!(SegmentRecord { proof, ..parse(&WHOLE) }.to_bytes().unwrap(), *WHOLE);
    forms.with("the same", &[], forms.honest.clone());
    assert!(forms.records.is_empty());
    (forms, places)
}

/// Every list shorter, longer, in another order.
#[test]
fn a11_lists_of_other_lengths_and_orders() {
    let (mut forms, places) = forms();
    for path in &places.lists {
        let list = at(&mut forms.honest, path).as_array().unwrap().clone();
        let mut others = vec![("empty", vec![])];
        if let Some(sample) = list.last().or_else(|| places.samples.get(&kind(path))) {
            let mut longer = list.clone();
            longer.push(sample.clone());
            others.push(("longer", longer));
            let mut much_longer = list.clone();
            much_longer.extend(vec![sample.clone(); 64]);
            others.push(("much longer", much_longer));
            let mut in_front = list.clone();
            in_front.insert(0, sample.clone());
            others.push(("in front", in_front));
        }
        if list.len() > 1 {
            others.push(("last dropped", list[..list.len() - 1].to_vec()));
            others.push(("first dropped", list[1..].to_vec()));
            others.push(("half", list[..list.len() / 2].to_vec()));
            let mut swapped = list.clone();
            swapped.swap(0, list.len() - 1);
            others.push(("swapped", swapped));
            let mut turned = list.clone();
            turned.rotate_left(1);
            others.push(("turned", turned));
            others.push(("reversed", list.iter().rev().cloned().collect()));
            let mut repeated = list.clone();
            repeated[0] = list[list.len() - 1].clone();
            others.push(("repeated", repeated));
        }
        for (name, other) in others {
            forms.with(name, path, Value::Array(other));
        }
    }
    forms.none_is_accepted(300);
}

/// Numbers of every kind changed: elements, heights, proofs of work, terminals.
#[test]
fn a11_numbers_of_every_kind() {
    let (mut forms, places) = forms();
    for path in &places.numbers {
        let number = at(&mut forms.honest, path).as_u64().unwrap();
        let others = [0, 1, number + 1, number.wrapping_sub(1), number ^ 1 << 16, u64::from(P) - 1, 31, 64];
        for other in others {
            forms.with("number", path, other.into());
        }
        if kind(path) == "degree_bits/*" {
            for other in (2..32).chain([63, 65, 1 << 31, 1 << 32, u64::MAX - 1, u64::MAX]) {
                forms.with("height", path, other.into());
            }
        }
    }
    forms.none_is_accepted(300);
}

/// What may be absent made absent, what is absent made up, and parts of one type in each other's place.
#[test]
fn a11_parts_absent_made_up_or_swapped() {
    let (mut forms, places) = forms();
    for path in places.lists.iter().chain(&places.numbers).chain(&places.objects) {
        forms.with("absent", path, Value::Null);
    }
    let commitment = forms.honest["commitments"]["main"].clone();
    forms.with("made up", &["commitments", "random"].map(|name| Step::Field(name.into())), commitment);
    for path in &places.objects {
        let object = at(&mut forms.honest, path).as_object().unwrap().clone();
        let names: Vec<&String> = object.keys().collect();
        for (i, a) in names.iter().enumerate() {
            for b in &names[i + 1..] {
                let mut swapped = object.clone();
                swapped.insert(a.to_string(), object[*b].clone());
                swapped.insert(b.to_string(), object[*a].clone());
                forms.with("swapped", path, Value::Object(swapped));
            }
        }
    }
    forms.none_is_accepted(10);
}

/// The proof of one segment, the public values of another.
#[test]
fn a11_a_proof_of_another_segment() {
    for (i, a) in THIRDS.iter().enumerate() {
        for (j, b) in THIRDS.iter().enumerate() {
            let mixed = SegmentRecord { proof: parse(b).proof, ..parse(a) }.to_bytes().unwrap();
            assert_eq!(verify_segment(&mixed).is_ok(), i == j);
        }
    }
}

/// A11: public values inside the proof don't count, for there are none; the epoch comes from the caller.
#[test]
fn a11_the_caller_names_the_epoch() {
    let other = SegmentContext { epoch: &crate::exchange::OTHERS[0].digest, ..context() };
    assert_eq!(VERIFIER.verify(&WHOLE, other).map(drop), Err(VerifyError::OtherEpoch));
}
