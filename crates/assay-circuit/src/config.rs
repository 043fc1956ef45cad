//! The one proof configuration: field, hash, commitment scheme and parameters.

use p3_challenger::DuplexChallenger;
use p3_commit::ExtensionMmcs;
use p3_dft::Radix2DFTSmallBatch;
use p3_field::Field;
use p3_field::extension::QuinticTrinomialExtensionField;
use p3_fri::{FriParameters, TwoAdicFriPcs};
use p3_koala_bear::{KoalaBear, Poseidon2KoalaBear, default_koalabear_poseidon2_16};
use p3_merkle_tree::MerkleTreeMmcs;
use p3_symmetric::{PaddingFreeSponge, TruncatedPermutation};
use p3_uni_stark::StarkConfig;

/// Base field.
pub type Val = KoalaBear;
/// Field of the challenges, `F[X] / (X^5 + X^2 - 1)`, about `2^155` elements.
pub type Challenge = QuinticTrinomialExtensionField<Val>;
type Permutation = Poseidon2KoalaBear<16>;
type LeafHash = PaddingFreeSponge<Permutation, 16, 8, 8>;
type NodeHash = TruncatedPermutation<Permutation, 2, 8, 16>;
type Packing = <Val as Field>::Packing;
type ValMmcs = MerkleTreeMmcs<Packing, Packing, LeafHash, NodeHash, 2, 8>;
type ChallengeMmcs = ExtensionMmcs<Val, Challenge, ValMmcs>;
type Challenger = DuplexChallenger<Val, Permutation, 16, 8>;
type Commitments = TwoAdicFriPcs<Val, Radix2DFTSmallBatch<Val>, ValMmcs, ChallengeMmcs>;
/// Configuration of segment proofs.
pub type SegmentConfig = StarkConfig<Commitments, Challenge, Challenger>;

/// Parameters of a proof. They are constants of the circuit, never read from a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProofParameters {
    /// Log2 of the ratio of evaluation domain to trace.
    pub log_blowup: usize,
    /// Queries of the low-degree test.
    pub queries: usize,
    /// Log2 of the largest folding arity.
    pub log_arity: usize,
    /// Log2 of the length at which folding stops.
    pub log_final_length: usize,
    /// Levels of a Merkle tree that are sent whole.
    pub cap_height: usize,
    /// Proof-of-work bits before the lookup challenges.
    pub lookup_work: usize,
    /// Proof-of-work bits before the out-of-domain point.
    pub point_work: usize,
    /// Proof-of-work bits before the openings are combined.
    pub batch_work: usize,
    /// Proof-of-work bits before each folding challenge.
    pub commit_work: usize,
    /// Proof-of-work bits before the queries.
    pub query_work: usize,
}

/// The parameters of segment proofs.
pub const SEGMENT_PARAMETERS: ProofParameters = ProofParameters {
    log_blowup: 1,
    queries: 168,
    log_arity: 3,
    log_final_length: 3,
    cap_height: 6,
    lookup_work: 0,
    point_work: 0,
    batch_work: 0,
    commit_work: 0,
    query_work: 20,
};

impl ProofParameters {
    /// The configuration with these parameters.
    pub fn config(&self) -> SegmentConfig {
        let permutation = default_koalabear_poseidon2_16();
        let values = ValMmcs::new(
            LeafHash::new(permutation.clone()),
            NodeHash::new(permutation.clone()),
            self.cap_height,
        );
        let fri = self.fri(ChallengeMmcs::new(values.clone()));
        StarkConfig::new(
            Commitments::new(Radix2DFTSmallBatch::default(), values, fri),
            Challenger::new(permutation),
        )
        .with_lookup_proof_of_work_bits(self.lookup_work)
        .with_ood_proof_of_work_bits(self.point_work)
    }

    /// The parameters as the low-degree test takes them, with its tree scheme.
    pub fn fri<M>(&self, mmcs: M) -> FriParameters<M> {
        FriParameters {
            log_blowup: self.log_blowup,
            log_final_poly_len: self.log_final_length,
            max_log_arity: self.log_arity,
            num_queries: self.queries,
            batch_proof_of_work_bits: self.batch_work,
            commit_proof_of_work_bits: self.commit_work,
            query_proof_of_work_bits: self.query_work,
            mmcs,
        }
    }
}
