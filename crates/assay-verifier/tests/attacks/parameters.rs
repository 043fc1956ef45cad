//! A22, A23: circuit, version and parameters are the verifier's, whatever a file says.

use assay_circuit::{All, CIRCUIT_ID, ProofParameters, SEGMENT_PARAMETERS};
use assay_commit::EMPTY;
use assay_verifier::{RecordError, VerifyError};

use crate::exchange::{
    EXCHANGE, THIRDS, WHOLE, holds, prove, prove_in_order, record, thirds, verify_segment,
};
use crate::layout::edited;

type Check<'a> = &'a dyn Fn(&[u8]) -> Option<VerifyError>;

/// Magic, version and circuit id stand at the same places in bundles and records.
#[test]
fn a22_magic_version_and_circuit() {
    let bundle = thirds();
    let record = |bytes: &[u8]| verify_segment(bytes).err();
    let whole = |bytes: &[u8]| EXCHANGE.verify(bytes).err();
    let checks: [(&[u8], Check<'_>); 2] = [(&WHOLE, &record), (&bundle, &whole)];
    for (honest, check) in checks {
        assert_eq!(check(honest), None);
        assert_eq!(&honest[12..44], CIRCUIT_ID.to_bytes());
        for magic in [b"ASSAYXXX", b"assayseg", b"\0\0\0\0\0\0\0\0"] {
            assert_eq!(check(&edited(honest, 0, magic)), Some(RecordError::Magic.into()));
        }
        for version in [0u32, 2, 1 << 8, u32::MAX] {
            let error = Some(RecordError::Version { version }.into());
            assert_eq!(check(&edited(honest, 8, &version.to_le_bytes())), error);
        }
        let mut next = CIRCUIT_ID.to_bytes();
        next[0] ^= 1;
        for circuit in [[0; 32], next, EMPTY.to_bytes()] {
            assert_eq!(check(&edited(honest, 12, &circuit)), Some(RecordError::UnknownCircuit.into()));
        }
        // Not an element at all.
        assert_eq!(check(&edited(honest, 12, &[0xff; 32])), Some(RecordError::Element.into()));
    }
    // A record is no bundle, a bundle no record.
    assert_eq!(EXCHANGE.verify(&WHOLE).err(), Some(RecordError::Magic.into()));
    assert_eq!(verify_segment(&bundle).err(), Some(RecordError::Magic.into()));
    // The circuit id counts in each record, too.
    let record = edited(&THIRDS[1], 12, &[0; 32]);
    let mixed = crate::exchange::assemble(EMPTY, &[&THIRDS[0], &record]);
    assert_eq!(EXCHANGE.verify(&mixed).err(), Some(RecordError::UnknownCircuit.into()));
}

/// A proof that holds under other parameters, stronger or weaker, doesn't hold under these.
#[test]
fn a23_other_parameters() {
    let same = SEGMENT_PARAMETERS;
    let others = [
        ProofParameters { queries: 1, ..same },
        ProofParameters { queries: 167, ..same },
        ProofParameters { queries: 169, ..same },
        ProofParameters { query_work: 0, ..same },
        ProofParameters { query_work: 19, ..same },
        ProofParameters { log_blowup: 2, ..same },
        ProofParameters { log_blowup: 2, queries: 84, ..same },
        ProofParameters { log_arity: 1, ..same },
        ProofParameters { log_arity: 2, ..same },
        ProofParameters { log_arity: 4, ..same },
        ProofParameters { log_final_length: 0, ..same },
        ProofParameters { log_final_length: 2, ..same },
        ProofParameters { log_final_length: 4, ..same },
        ProofParameters { cap_height: 0, ..same },
        ProofParameters { cap_height: 5, ..same },
        ProofParameters { cap_height: 7, ..same },
        ProofParameters { lookup_work: 8, ..same },
        ProofParameters { point_work: 8, ..same },
        ProofParameters { batch_work: 8, ..same },
        ProofParameters { commit_work: 8, ..same },
    ];
    let trace = EXCHANGE.trace(0..4);
    for parameters in others {
        assert_ne!(parameters, same);
        let proof = prove(All, &parameters, &trace, &trace.publics);
        assert!(holds(All, &parameters, &proof, &trace.publics), "{parameters:?}");
        let record = record(&trace, &trace.publics, &proof);
        assert_eq!(verify_segment(&record), Err(VerifyError::Proof), "{parameters:?}");
    }
}

/// The tables in another order: the same tables, the same heights where they can be.
#[test]
fn a23_tables_in_another_order() {
    let trace = EXCHANGE.trace(0..4);
    for (order, error) in [
        ([1, 0, 2, 3, 4, 5], VerifyError::Proof),
        ([2, 1, 0, 3, 4, 5], VerifyError::Proof),
        ([0, 1, 2, 3, 5, 4], VerifyError::Proof),
        ([4, 1, 2, 3, 0, 5], VerifyError::Proof),
        ([0, 2, 1, 3, 4, 5], VerifyError::Proof),
        ([3, 2, 1, 0, 4, 5], VerifyError::Heights),
        ([0, 1, 3, 2, 4, 5], VerifyError::Heights),
    ] {
        let proof = prove_in_order(All, &SEGMENT_PARAMETERS, &trace, &trace.publics, &order);
        let mut record = record(&trace, &trace.publics, &proof);
        assert_eq!(verify_segment(&record), Err(error.clone()), "{order:?}");
        if error == VerifyError::Heights {
            // The heights as the verifier wants them: the last bytes before the two proofs of work.
            let at = record.len() - 15;
            let honest = WHOLE[WHOLE.len() - 15..][..6].to_vec();
            record[at..at + 6].copy_from_slice(&honest);
            assert_eq!(verify_segment(&record), Err(VerifyError::Proof), "{order:?}");
        }
    }
}
