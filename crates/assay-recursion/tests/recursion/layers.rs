//! Proofs of a small circuit in every layer, and what their verifiers refuse.

use crate::layer_common::{LOG_HEIGHT, inputs, toy};
use assay_circuit::{ProofParameters, SegmentConfig, Val};
use assay_commit::Hasher;
use assay_recursion::{
    FINAL, FINAL_KECCAK, FINAL_PARAMETERS, FinalConfig, INNER, INNER_PARAMETERS, InnerProof, KeccakConfig,
    KeyError, Layer, LayerConfig, ProveError, ProvingKey, VerifyError, VerifyingKey, WRAP, proof_from_bytes,
    proof_to_bytes,
};
use p3_field::PrimeCharacteristicRing;
use p3_matrix::dense::RowMajorMatrix;
use p3_merkle_tree::MerkleCap;

/// The layers with less work for their provers: the queries are what is tested here.
const fn light(parameters: ProofParameters) -> ProofParameters {
    ProofParameters { query_work: 4, ..parameters }
}

const LIGHT_INNER: Layer<SegmentConfig> = Layer::new("inner", light(INNER_PARAMETERS));
const LIGHT_FINAL: Layer<FinalConfig> = Layer::new("final", light(FINAL_PARAMETERS));
const LIGHT_KECCAK: Layer<KeccakConfig> = Layer::new("final, Keccak-256", light(FINAL_PARAMETERS));

/// A proof of the small circuit, as bytes.
struct Proved<C: LayerConfig> {
    key: VerifyingKey<C>,
    publics: Vec<Val>,
    bytes: Vec<u8>,
}

fn proved<C: LayerConfig>(layer: Layer<C>, constant: u32) -> Proved<C> {
    let circuit = toy(LOG_HEIGHT, constant);
    let witness = circuit.run(&inputs(37));
    assert_eq!(witness.violations(), []);
    let key = ProvingKey::new(layer, &circuit).unwrap();
    let proof = key.prove(&circuit.trace(&witness), &circuit.publics(&witness)).unwrap();
    let bytes = proof_to_bytes(&proof).unwrap();
    Proved { key: key.into_verifying_key(), publics: circuit.publics(&witness), bytes }
}

impl<C: LayerConfig> Proved<C> {
    fn verify(&self, bytes: &[u8]) -> Result<(), VerifyError> {
        self.key.verify_bytes(&self.publics, bytes)
    }

    /// The key as a verifier has it: from its commitment, without the circuit.
    fn rebuilt_key(&self) -> VerifyingKey<C> {
        let commitment = self.key.commitment().unwrap().clone();
        VerifyingKey::new(self.key.layer(), self.key.log_height(), commitment).unwrap()
    }
}

fn honest<C: LayerConfig>(layer: Layer<C>) {
    let proved = proved(layer, 11);
    assert_eq!(proved.verify(&proved.bytes), Ok(()));
    let rebuilt = proved.rebuilt_key();
    assert_eq!(rebuilt.verify_bytes(&proved.publics, &proved.bytes), Ok(()));
    let hasher = Hasher::new();
    assert_eq!(rebuilt.digest(&hasher), proved.key.digest(&hasher));
}

#[test]
fn every_layer_proves_and_verifies() {
    honest(INNER);
    honest(WRAP);
    honest(FINAL);
    honest(FINAL_KECCAK);
}

/// Small numbers in place of a generator: the positions need no other property than to be spread.
fn positions(count: usize, below: usize, seed: u64) -> impl Iterator<Item = (usize, u8)> {
    let mut state = seed;
    (0..count).map(move |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) as usize % below, ((state >> 25) as u8) | 1)
    })
}

fn refuses_changes<C: LayerConfig>(layer: Layer<C>, count: usize) {
    let proved = proved(layer, 11);
    let len = proved.bytes.len();
    // Every byte of the beginning, where most lengths are, then anywhere.
    let first = (0..200).map(|i| (i, 1));
    for (position, change) in first.chain(positions(count, len, 5)) {
        let mut bytes = proved.bytes.clone();
        bytes[position] ^= change;
        assert!(proved.verify(&bytes).is_err(), "byte {position} of {len} changed by {change}");
    }
    for (position, _) in positions(count / 4, len, 7) {
        let mut removed = proved.bytes.clone();
        removed.remove(position);
        assert!(proved.verify(&removed).is_err(), "byte {position} of {len} removed");
        let mut added = proved.bytes.clone();
        added.insert(position, 0);
        assert!(proved.verify(&added).is_err(), "byte added at {position} of {len}");
        assert_eq!(proved.verify(&proved.bytes[..position]), Err(VerifyError::Encoding));
    }
    let mut trailing = proved.bytes.clone();
    trailing.push(0);
    assert_eq!(proved.verify(&trailing), Err(VerifyError::Encoding));
    assert_eq!(proved.verify(&[]), Err(VerifyError::Encoding));
}

#[test]
fn changed_bytes_are_refused_inner() {
    refuses_changes(LIGHT_INNER, 600);
}

#[test]
fn changed_bytes_are_refused_final() {
    refuses_changes(LIGHT_FINAL, 600);
}

#[test]
fn changed_bytes_are_refused_keccak() {
    refuses_changes(LIGHT_KECCAK, 600);
}

/// A length that is written in two bytes instead of one means the same and is refused.
#[test]
fn another_encoding_of_the_same_proof_is_refused() {
    let proved = proved(LIGHT_INNER, 11);
    // The proof begins with the number of digests of a commitment.
    assert_eq!(proved.bytes[0], 1 << LIGHT_INNER.parameters.cap_height);
    let mut bytes = vec![proved.bytes[0] | 0x80, 0];
    bytes.extend(&proved.bytes[1..]);
    assert!(postcard::take_from_bytes::<InnerProof>(&bytes).is_ok());
    assert_eq!(proved.verify(&bytes), Err(VerifyError::Encoding));
}

#[test]
fn other_public_values_are_refused() {
    fn refused<C: LayerConfig>(layer: Layer<C>) {
        let proved = proved(layer, 11);
        for i in 0..proved.publics.len() {
            let mut publics = proved.publics.clone();
            publics[i] += Val::ONE;
            assert_eq!(proved.key.verify_bytes(&publics, &proved.bytes), Err(VerifyError::Proof));
        }
        for publics in [&[][..], &proved.publics[..7], &[&proved.publics[..], &[Val::ZERO]].concat()] {
            assert_eq!(proved.key.verify_bytes(publics, &proved.bytes), Err(VerifyError::Publics));
        }
    }
    refused(LIGHT_INNER);
    refused(LIGHT_FINAL);
    refused(LIGHT_KECCAK);
}

#[test]
fn a_proof_of_another_circuit_is_refused() {
    fn refused<C: LayerConfig>(layer: Layer<C>) {
        let (one, other) = (proved(layer, 11), proved(layer, 12));
        let hasher = Hasher::new();
        assert_ne!(one.key.digest(&hasher), other.key.digest(&hasher));
        assert_eq!(one.key.verify_bytes(&other.publics, &other.bytes), Err(VerifyError::Proof));
        assert_eq!(other.key.verify_bytes(&one.publics, &one.bytes), Err(VerifyError::Proof));
    }
    refused(LIGHT_INNER);
    refused(LIGHT_FINAL);
    refused(LIGHT_KECCAK);
}

/// Same circuit, another layer: no layer's proof passes as another layer's.
#[test]
fn proofs_of_another_layer_are_refused() {
    const WEAKER: Layer<FinalConfig> = Layer::new(
        "final",
        ProofParameters { queries: FINAL_PARAMETERS.queries - 1, ..LIGHT_FINAL.parameters },
    );
    const EASIER: Layer<FinalConfig> =
        Layer::new("final", ProofParameters { query_work: 3, ..LIGHT_FINAL.parameters });
    let inner = proved(LIGHT_INNER, 11);
    let last = proved(LIGHT_FINAL, 11);
    let keccak = proved(LIGHT_KECCAK, 11);
    let weaker = proved(WEAKER, 11);
    let easier = proved(EASIER, 11);
    for bytes in [&inner.bytes, &keccak.bytes, &weaker.bytes, &easier.bytes] {
        assert!(last.verify(bytes).is_err());
    }
    for bytes in [&inner.bytes, &last.bytes] {
        assert!(keccak.verify(bytes).is_err());
    }
    for bytes in [&last.bytes, &keccak.bytes] {
        assert!(inner.verify(bytes).is_err());
    }
    let hasher = Hasher::new();
    let digests = [
        inner.key.digest(&hasher),
        last.key.digest(&hasher),
        keccak.key.digest(&hasher),
        weaker.key.digest(&hasher),
        easier.key.digest(&hasher),
    ];
    for (i, digest) in digests.iter().enumerate() {
        assert!(!digests[..i].contains(digest));
    }
}

/// The same operations in a table twice as high are another circuit.
#[test]
fn another_height_is_refused() {
    let proved = proved(LIGHT_INNER, 11);
    let circuit = toy(LOG_HEIGHT + 1, 11);
    let key = ProvingKey::new(LIGHT_INNER, &circuit).unwrap();
    let witness = circuit.run(&inputs(37));
    let bytes =
        proof_to_bytes(&key.prove(&circuit.trace(&witness), &circuit.publics(&witness)).unwrap()).unwrap();
    assert_eq!(key.verifying_key().verify_bytes(&proved.publics, &bytes), Ok(()));
    assert_eq!(proved.verify(&bytes), Err(VerifyError::Height));
    assert_eq!(key.verifying_key().verify_bytes(&proved.publics, &proved.bytes), Err(VerifyError::Height));
}

/// A run that doesn't hold can be put into the table; no proof of it verifies.
#[test]
fn a_run_with_violations_has_no_proof() {
    let circuit = toy(LOG_HEIGHT, 11);
    let witness = circuit.run(&inputs(64));
    assert_ne!(witness.violations(), []);
    let key = ProvingKey::new(LIGHT_INNER, &circuit).unwrap();
    let proof = key.prove(&circuit.trace(&witness), &circuit.publics(&witness)).unwrap();
    assert_eq!(key.verifying_key().verify(&circuit.publics(&witness), &proof), Err(VerifyError::Proof));
}

/// The proof system looks only at the digests that it opens, so more of them would be free bytes in a proof.
#[test]
fn commitments_of_another_size_are_refused() {
    let proved = proved(LIGHT_INNER, 11);
    let twice = |cap: &MerkleCap<Val, [Val; 8]>| {
        let roots = [cap.roots(), cap.roots()].concat();
        MerkleCap::<Val, [Val; 8]>::new(roots)
    };
    let mut proof = proof_from_bytes::<SegmentConfig>(&proved.bytes).unwrap();
    proof.commitments.main = twice(&proof.commitments.main);
    assert_eq!(proved.key.verify(&proved.publics, &proof), Err(VerifyError::Commitments));
    for i in 0..proof.opening_proof.commit_phase_commits.len() {
        let mut proof = proof_from_bytes::<SegmentConfig>(&proved.bytes).unwrap();
        let commits = &mut proof.opening_proof.commit_phase_commits;
        commits[i] = twice(&commits[i]);
        assert_eq!(proved.key.verify(&proved.publics, &proof), Err(VerifyError::Commitments));
    }
    let commitment = twice(proved.key.commitment().unwrap());
    let key = VerifyingKey::new(LIGHT_INNER, LOG_HEIGHT, commitment);
    assert_eq!(key.err(), Some(KeyError::Commitment));
}

#[test]
fn keys_and_proofs_of_impossible_shapes_are_refused() {
    let proved = proved(LIGHT_INNER, 11);
    let commitment = || proved.key.commitment().unwrap().clone();
    for log_height in [0, 3, 21, usize::MAX - 8] {
        let key = VerifyingKey::new(LIGHT_INNER, log_height, commitment());
        assert_eq!(key.err(), Some(KeyError::Height));
    }
    let circuit = toy(LOG_HEIGHT, 11);
    let witness = circuit.run(&inputs(37));
    let key = ProvingKey::new(LIGHT_INNER, &circuit).unwrap();
    let short = RowMajorMatrix::new(vec![Val::ZERO; 4], 2);
    assert_eq!(key.prove(&short, &proved.publics).err(), Some(ProveError::Trace));
    assert_eq!(key.prove(&circuit.trace(&witness), &[]).err(), Some(ProveError::Publics));
}
