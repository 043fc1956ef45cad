//! What proven facts about accounts do to signatures, and proven balances at sampled heights to the report.

use assay_ownership::{BlockMark, Challenge, ContractQuestion, keccak256, safe};
use bitcoin::secp256k1::{Message, Secp256k1, SecretKey};

use super::*;

const CHAIN: u64 = 1;
const SAFE: [u8; 20] = [0x5a; 20];
const HEIGHT: u64 = 100;

fn evm_policy() -> Policy {
    let mut policy = policy();
    let eth = policy.network.iter_mut().find(|network| network.name == "ETH").unwrap();
    eth.addresses = Some(AddressKind::Evm { chain_id: CHAIN });
    policy
}

fn challenge() -> Challenge {
    let block = BlockMark { network: "ethereum".into(), height: 90, hash: [7; 32] };
    let epoch = Epoch::new("2026-q4", 1_798_675_200).unwrap();
    Challenge::new(Entity::new("example.org").unwrap(), epoch, [1; 32], [2; 32], [3; 32], vec![block])
        .unwrap()
}

fn key(number: u8) -> SecretKey {
    SecretKey::from_slice(&[number; 32]).unwrap()
}

fn address(number: u8) -> [u8; 20] {
    let public = key(number).public_key(&Secp256k1::new()).serialize_uncompressed();
    keccak256(&public[1..])[12..].try_into().unwrap()
}

fn sign(number: u8, hash: [u8; 32]) -> String {
    let signature = Secp256k1::new().sign_ecdsa_recoverable(&Message::from_digest(hash), &key(number));
    let (id, compact) = signature.serialize_compact();
    format!("0x{}{:02x}", assay_statement::hex::encode(&compact), 27 + id.to_i32())
}

fn personal(text: &str) -> [u8; 32] {
    keccak256(format!("\x19Ethereum Signed Message:\n{}{text}", text.len()).as_bytes())
}

/// What the contract of the row returns, asked about just this row.
fn answer(row: &ReserveRow, returned: &[u8]) -> AccountFact {
    let signatures: Vec<&str> = row.signatures.iter().map(String::as_str).collect();
    let question = ContractQuestion::new(row.message.as_bytes(), &signatures).unwrap();
    let (hash, signature_hash) = (*question.hash(), question.signature_hash());
    AccountFact::Answer { height: HEIGHT, hash, signature_hash, returned: returned.to_vec() }
}

fn yes() -> Vec<u8> {
    let mut yes = vec![0x16, 0x26, 0xba, 0x7e];
    yes.resize(32, 0);
    yes
}

fn safe_of(owners: &[u8], threshold: u64, no_modules: bool, height: u64) -> AccountFact {
    AccountFact::Safe {
        height,
        threshold,
        owners: owners.iter().map(|owner| address(*owner)).collect(),
        no_modules,
    }
}

fn row(address: [u8; 20], signatures: Vec<String>) -> ReserveRow {
    ReserveRow {
        network: "ETH".into(),
        address: format!("0x{}", assay_statement::hex::encode(&address)),
        message: challenge().to_text(),
        signatures,
        height: Some(HEIGHT),
        ..ReserveRow::default()
    }
}

fn judge(row: &ReserveRow, account: [u8; 20], facts: &[AccountFact]) -> OwnershipResult {
    let facts = facts.iter().map(|fact| ("ETH".to_owned(), account, fact.clone()));
    SignatureAssessor::new(&evm_policy(), Some(challenge())).with_facts(facts).ownership(row)
}

/// By nobody but nodes.
fn told(grade: OwnershipGrade) -> OwnershipResult {
    OwnershipResult::Told { grade }
}

fn verified(grade: OwnershipGrade) -> OwnershipResult {
    OwnershipResult::Verified { grade }
}

#[test]
fn a21_a_key_does_not_speak_for_an_address_with_code() {
    let (owner, hash) = (address(1), personal(&challenge().to_text()));
    let row = row(owner, vec![sign(1, hash)]);
    let code = |height| AccountFact::Code { height };
    assert_eq!(judge(&row, owner, &[]), verified(OwnershipGrade::O2));
    assert_eq!(judge(&row, owner, &[AccountFact::NoCode { height: HEIGHT }]), verified(OwnershipGrade::O2));
    assert_eq!(judge(&row, owner, &[code(HEIGHT)]), OwnershipResult::Unbound);
    // Facts of another height or account say nothing about this row.
    assert_eq!(judge(&row, owner, &[code(HEIGHT + 1)]), verified(OwnershipGrade::O2));
    assert_eq!(judge(&row, address(2), &[code(HEIGHT)]), verified(OwnershipGrade::O2));
}

#[test]
fn a21_owners_of_a_safe_count_by_its_proven_storage() {
    let hash = safe::message_hash(CHAIN, &SAFE, &personal(&challenge().to_text()));
    let signed = |by: &[u8]| row(SAFE, by.iter().map(|number| sign(*number, hash)).collect());
    let both = signed(&[1, 2]);
    assert_eq!(judge(&both, SAFE, &[safe_of(&[1, 2, 3], 2, true, HEIGHT)]), verified(OwnershipGrade::O4));
    // A module could move the coins, so that not every assumption is checked.
    assert_eq!(judge(&both, SAFE, &[safe_of(&[1, 2, 3], 2, false, HEIGHT)]), verified(OwnershipGrade::O3));
    // Too few, one key twice, a stranger, a fact of another height, none at all.
    assert_eq!(judge(&signed(&[1]), SAFE, &[safe_of(&[1, 2, 3], 2, true, HEIGHT)]), OwnershipResult::Invalid);
    assert_eq!(
        judge(&signed(&[1, 1]), SAFE, &[safe_of(&[1, 2, 3], 2, true, HEIGHT)]),
        OwnershipResult::Invalid
    );
    assert_eq!(judge(&both, SAFE, &[safe_of(&[1, 3], 2, true, HEIGHT)]), OwnershipResult::Unbound);
    assert_eq!(judge(&both, SAFE, &[safe_of(&[1, 2, 3], 2, true, HEIGHT + 1)]), OwnershipResult::Invalid);
    assert!(!matches!(judge(&signed(&[1]), SAFE, &[]), OwnershipResult::Verified { .. }));
    // What owners signed for another Safe, or another chain, isn't for this one.
    let other = safe::message_hash(CHAIN, &[0x5b; 20], &personal(&challenge().to_text()));
    let replayed = row(SAFE, vec![sign(1, other), sign(2, other)]);
    assert_eq!(judge(&replayed, SAFE, &[safe_of(&[1, 2, 3], 2, true, HEIGHT)]), OwnershipResult::Unbound);
}

#[test]
fn a_contracts_own_answer_counts_for_its_question() {
    let row = row(SAFE, vec!["0x01".into()]);
    let code = AccountFact::Code { height: HEIGHT };
    let with = |row: &ReserveRow, fact: AccountFact| judge(row, SAFE, &[code.clone(), fact]);
    assert_eq!(with(&row, answer(&row, &yes())), told(OwnershipGrade::O3));
    for no in [&[][..], &[0; 32], &yes()[..4], &[yes(), vec![0]].concat()] {
        assert_eq!(with(&row, answer(&row, no)), OwnershipResult::Invalid);
    }
    // An old message is worth no more than by a key.
    let old = ReserveRow { message: "some text".into(), ..row.clone() };
    assert_eq!(with(&old, answer(&old, &yes())), told(OwnershipGrade::O1));
    // A row without signatures isn't shown by anybody's answer.
    let bare = ReserveRow { signatures: Vec::new(), ..row.clone() };
    assert_eq!(with(&bare, answer(&row, &yes())), OwnershipResult::Unchecked);
    let disputed = |row: &ReserveRow| match answer(row, &[]) {
        AccountFact::Answer { height, hash, signature_hash, .. } => {
            AccountFact::Disputed { height, hash, signature_hash }
        }
        other => other,
    };
    assert_eq!(with(&row, disputed(&row)), OwnershipResult::Disputed);
    assert_eq!(with(&row, disputed(&old)), OwnershipResult::Unbound);
}

/// A21: the question is made of the row, whatever the answer says that it answers.
#[test]
fn a21_answers_to_other_questions_show_nothing() {
    let mine = row(SAFE, vec!["0x01".into()]);
    let code = AccountFact::Code { height: HEIGHT };
    let other_message = ReserveRow { message: challenge().to_text() + " ", ..mine.clone() };
    let other_signature = row(SAFE, vec!["0x02".into()]);
    for other in [&other_message, &other_signature] {
        assert_eq!(judge(&mine, SAFE, &[code.clone(), answer(other, &yes())]), OwnershipResult::Unbound);
    }
    // Another account, another height, another network.
    let good = answer(&mine, &yes());
    assert_eq!(judge(&mine, address(1), std::slice::from_ref(&good)), judge(&mine, SAFE, &[]));
    let later = ReserveRow { height: Some(HEIGHT + 1), ..mine.clone() };
    assert_eq!(judge(&later, SAFE, std::slice::from_ref(&good)), judge(&later, SAFE, &[]));
    let facts = [("BSC".to_owned(), SAFE, good)];
    let mut elsewhere = SignatureAssessor::new(&evm_policy(), Some(challenge())).with_facts(facts);
    assert!(!matches!(elsewhere.ownership(&mine), OwnershipResult::Verified { .. }));
}

/// A21: an answer is what nodes tell; a proof that the contract is a Safe without modules doesn't prove the answer.
#[test]
fn a21_an_answer_beside_a_proven_safe_is_no_proof() {
    let safe = safe_of(&[1, 2, 3], 2, true, HEIGHT);
    let code = AccountFact::Code { height: HEIGHT };
    // A signature that owners didn't make.
    let forged = row(SAFE, vec!["0x01".into()]);
    let facts = [code.clone(), safe.clone(), answer(&forged, &yes())];
    assert_eq!(judge(&forged, SAFE, &facts), told(OwnershipGrade::O3));
    // In whatever order facts come.
    let facts = [answer(&forged, &yes()), safe.clone(), code.clone()];
    assert_eq!(judge(&forged, SAFE, &facts), told(OwnershipGrade::O3));
    // Owners' own signatures are worth what they are worth, whatever nodes say.
    let hash = safe::message_hash(CHAIN, &SAFE, &personal(&challenge().to_text()));
    let signed = row(SAFE, vec![sign(1, hash), sign(2, hash)]);
    for returned in [yes(), Vec::new()] {
        let facts = [code.clone(), safe.clone(), answer(&signed, &returned)];
        assert_eq!(judge(&signed, SAFE, &facts), verified(OwnershipGrade::O4));
    }
    // What owners signed in a form that isn't the contract's is lifted by its answer, and not beyond.
    let plain = personal(&challenge().to_text());
    let signed = row(SAFE, vec![sign(1, plain), sign(2, plain)]);
    assert_eq!(judge(&signed, SAFE, &[code.clone(), safe.clone()]), verified(OwnershipGrade::O2));
    let facts = [code, safe, answer(&signed, &yes())];
    assert_eq!(judge(&signed, SAFE, &facts), told(OwnershipGrade::O3));
}

/// What nodes dispute is named, and the row counts as a claim.
#[test]
fn disputed_answers_are_a_finding() {
    struct Disputing;
    impl Assessor for Disputing {
        fn ownership(&mut self, _: &ReserveRow) -> OwnershipResult {
            OwnershipResult::Disputed
        }

        fn balance(&mut self, _: &ReserveRow) -> BalanceObservations {
            BalanceObservations::default()
        }
    }
    let text = own(&["USDT,ETH,a,0.000009"]);
    let report = build_report(inputs(&[("USDT", 1)]), &sources(&text), &mut Disputing).unwrap();
    report.check().unwrap();
    assert!(!report.solvent_verified);
    assert!(report.findings.iter().any(|finding| finding.code == FindingCode::OwnershipDisputed));
    assert_eq!(report.failures.rows[0].code, FindingCode::OwnershipDisputed);
}

/// A grade that nodes told counts, and the report says whose word it is.
#[test]
fn told_grades_are_said_to_be_told() {
    struct Telling;
    impl Assessor for Telling {
        fn ownership(&mut self, row: &ReserveRow) -> OwnershipResult {
            let grade = OwnershipGrade::O3;
            if row.address == "a" {
                OwnershipResult::Told { grade }
            } else {
                OwnershipResult::Verified { grade }
            }
        }

        fn balance(&mut self, _: &ReserveRow) -> BalanceObservations {
            BalanceObservations::default()
        }
    }
    let made = |rows: &[&str]| build_report(inputs(&[]), &sources(&own(rows)), &mut Telling).unwrap();
    let says = |report: &SolvencyReport| {
        report.check().unwrap();
        report.not_proven.iter().any(|line| line.code == Unproven::ToldOwnership)
    };
    let told = made(&["USDT,ETH,a,0.000002", "USDT,ETH,b,0.000003"]);
    let line = &told.assets.iter().find(|line| line.asset == "USDT").unwrap().reserves;
    assert_eq!((line.told_ownership, line.by_ownership.O3), (Units(2), Units(5)));
    assert!(says(&told) && !says(&made(&["USDT,ETH,b,0.000003"])));
    let mut other = told.clone();
    other.assets.iter_mut().for_each(|line| line.reserves.told_ownership = Units(6));
    assert!(matches!(other.check(), Err(VerifyError::Inconsistent { .. })));
    let mut other = told;
    other.assets.iter_mut().for_each(|line| line.reserves.told_ownership = Units(0));
    assert!(matches!(other.check(), Err(VerifyError::Inconsistent { .. })));
}

/// Balances by height; a proof each.
struct Proven(Vec<(u64, u128)>);

impl Assessor for Proven {
    fn ownership(&mut self, _: &ReserveRow) -> OwnershipResult {
        OwnershipResult::Unchecked
    }

    fn balance(&mut self, row: &ReserveRow) -> BalanceObservations {
        let seen = |(height, amount): &(u64, u128)| BalanceObservation {
            source: BalanceSource::Proof,
            height: *height,
            block_hash: if *height == HEIGHT { row.block_hash.clone() } else { Some("cd".repeat(32)) },
            amount: *amount,
        };
        BalanceObservations(self.0.iter().map(seen).collect())
    }

    fn created(&mut self, row: &ReserveRow) -> Option<u64> {
        row.outpoint.as_deref().filter(|outpoint| outpoint.ends_with(":0")).map(|_| 95)
    }
}

/// Borrowed for the snapshot: the balance at one sampled height is what counts, and one without proof is none.
#[test]
fn a14_the_least_proven_balance_is_in_the_report() {
    let sampled = |balances: &[(u64, u128)]| {
        let mut inputs = inputs(&[("USDT", 1)]);
        inputs.resample.push(ResampleInput {
            network: "ETH".into(),
            beacon: [7; 32],
            from: 10,
            to: 12,
            count: 3,
        });
        let text = own(&["USDT,ETH,a,0.000009", "USDT,ETH,b,0.000009"]);
        let report = build_report(inputs, &sources(&text), &mut Proven(balances.to_vec())).unwrap();
        report.check().unwrap();
        report.resampled[0].clone()
    };
    let all = sampled(&[(HEIGHT, 9), (10, 9), (11, 2), (12, 8)]);
    assert_eq!((all.listed.0, all.least.0, all.least_at, all.unseen), (18, 4, 11, 0));
    assert_eq!(all.heights, [10, 11, 12]);
    let missing = sampled(&[(HEIGHT, 9), (10, 9), (12, 8)]);
    assert_eq!((missing.least.0, missing.least_at, missing.unseen), (0, 11, 2));
    // A network that the policy doesn't know, one twice, a range without heights.
    let ask = |network: &str, to| ResampleInput {
        network: network.into(),
        beacon: [7; 32],
        from: 10,
        to,
        count: 1,
    };
    for wrong in [vec![ask("NOWHERE", 12)], vec![ask("ETH", 12), ask("ETH", 13)], vec![ask("ETH", 9)]] {
        let mut inputs = inputs(&[]);
        inputs.resample = wrong;
        assert!(ReportBuilder::new(inputs).is_err());
    }
}

#[test]
fn a14_ages_of_outputs_are_in_the_report() {
    let id = "ab".repeat(32);
    let text = own(&[&format!("BTC,BTC,a,5,,,,{id}:0"), &format!("BTC,BTC,a,2,,,,{id}:1")]);
    let report = build_report(inputs(&[]), &sources(&text), &mut Proven(Vec::new())).unwrap();
    report.check().unwrap();
    let ages = &report.coin_ages[0];
    // Five blocks old: in the bucket below ten.
    assert_eq!((ages.ends[1], ages.amounts[1].0, ages.outputs[1]), (10, 500_000_000, 1));
    assert_eq!(ages.unknown.0, 200_000_000);
}
