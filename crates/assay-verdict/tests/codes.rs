//! Codes are documented, and what needs no proof is decided as the book says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use assay_statement::{Entity, Epoch};
use assay_verdict::{Check, Class, Code, Outcome, Proof, Request, Share, Status, Totals, check};

const CHAPTER: &str = include_str!("../../../book/src/checking.md");

#[test]
fn every_code_has_its_line_in_the_book() {
    for code in Code::ALL {
        let kind = match code.class() {
            Class::Passed => "passed",
            Class::Rejected => "rejected",
            Class::Unreadable => "unreadable",
            Class::NotChecked => "not checked",
        };
        assert!(CHAPTER.contains(&format!("| `{}` | {kind} | ", code.name())), "{}", code.name());
    }
    for check in Check::ALL {
        assert!(CHAPTER.contains(&format!("| `{}` | ", check.name())), "{}", check.name());
    }
}

#[test]
fn nothing_given_is_nothing_checked() {
    let entity = Entity::new("a.example").unwrap();
    let verdict = check(&Request::new(&entity));
    assert_eq!((verdict.verdict, verdict.code), (Outcome::NotChecked, Code::NoReceipt));
    assert!(verdict.share.is_none() && verdict.receipt.is_none() && verdict.proof.is_none());
    assert!(verdict.results.iter().map(|result| result.check).eq(Check::ALL));
    assert!(verdict.results.iter().all(|result| result.status() == Status::NotChecked));
    assert_eq!(verdict.verdict.exit_code(), 4);
}

#[test]
fn a_rejection_outweighs_a_file_that_cant_be_read() {
    let entity = Entity::new("a.example").unwrap();
    let epoch = Epoch::new("e", 1).unwrap();
    let receipt = br#"{"format":"assay-receipt","version":1,"entity":"b.example","epoch":{"id":"e","time":1},
        "root":"00","position":0,"salt":"","entries":[],"path":[]}"#;
    let request = Request {
        epoch: Some(&epoch),
        receipt: Some(receipt),
        proof: Some(Proof::File(b"junk")),
        totals: Some(Totals::File(b"junk")),
        ..Request::new(&entity)
    };
    let verdict = check(&request);
    assert_eq!((verdict.verdict, verdict.code), (Outcome::Rejected, Code::OtherEntity));
    let unreadable = check(&Request { receipt: None, ..request });
    assert_eq!((unreadable.verdict, unreadable.code), (Outcome::Unreadable, Code::ProofUnreadable));
}

#[test]
fn shares_are_read_strictly() {
    assert!(Share::from_json(b"{}").is_err());
    let hex = "0".repeat(64);
    let text = format!(
        "{{\"format\":\"assay-share\",\"version\":1,\"entity\":\"a.example\",\"epoch\":\"e\",\"time\":1,\"root\":\"{hex}\",\"asset_table\":\"{hex}\",\"checks\":[]}}"
    );
    let share = Share::from_json(text.as_bytes()).unwrap();
    assert!(share.to_text().contains(&hex));
    assert_eq!(Share::from_json(share.to_json().unwrap().as_bytes()).unwrap(), share);
    for (from, to) in
        [("\"version\":1", "\"version\":2"), ("a.example", "A"), ("\"checks\"", "\"uid\":1,\"checks\"")]
    {
        assert!(Share::from_json(text.replace(from, to).as_bytes()).is_err(), "{to}");
    }
}
