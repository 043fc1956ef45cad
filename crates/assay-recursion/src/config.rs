//! The layers: parameters of their proofs, and the configurations of the hiding ones.
//!
//! Proofs inside the tree are verified by other circuits and never leave the prover; they hide nothing. Only the last
//! proof is published, so only it pays for masks.

use alloc::vec::Vec;
use core::convert::Infallible;
use core::fmt;
use core::marker::PhantomData;

use assay_circuit::{Challenge, ProofParameters, SegmentConfig, Val};
use assay_commit::Digest;
use p3_batch_stark::{Commitment, StarkGenericConfig};
use p3_challenger::{DuplexChallenger, GrindingChallenger, HashChallenger, SerializingChallenger32};
use p3_commit::{ExtensionMmcs, Pcs, UnivariateStarkPcs};
use p3_dft::Radix2DFTSmallBatch;
use p3_field::coset::TwoAdicMultiplicativeCoset;
use p3_field::{Field, PrimeCharacteristicRing};
use p3_fri::HidingFriPcs;
use p3_keccak::Keccak256Hash;
use p3_koala_bear::{Poseidon2KoalaBear, default_koalabear_poseidon2_16};
use p3_merkle_tree::{MerkleCap, MerkleTreeHidingMmcs};
use p3_symmetric::{
    CompressionFunctionFromHasher, PaddingFreeSponge, SerializingHasher, TruncatedPermutation,
};
use p3_uni_stark::StarkConfig;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng, TryCryptoRng, TryRng};

/// Parameters of leaf and node proofs, which node and wrap circuits verify.
pub const INNER_PARAMETERS: ProofParameters = ProofParameters {
    log_blowup: 2,
    queries: 81,
    log_arity: 2,
    log_final_length: 3,
    cap_height: 6,
    lookup_work: 0,
    point_work: 0,
    batch_work: 0,
    commit_work: 0,
    query_work: 20,
};

/// Parameters of wrap proofs, which final circuits verify: few queries, so that the final circuit is small.
pub const WRAP_PARAMETERS: ProofParameters =
    ProofParameters { log_blowup: 4, queries: 41, ..INNER_PARAMETERS };

/// Parameters of final proofs: small ones.
///
/// A proof opens so few of a tree's leaves together that its levels near the root cost next to nothing, and a cap is
/// sent whole, so there is none. Folding by eight and stopping early saves commitments, each with its paths: a tenth of
/// the proof.
pub const FINAL_PARAMETERS: ProofParameters = ProofParameters {
    log_blowup: 5,
    queries: 33,
    log_arity: 3,
    log_final_length: 5,
    cap_height: 0,
    ..INNER_PARAMETERS
};

/// Layer of leaf and node proofs.
pub const INNER: Layer<SegmentConfig> = Layer::new("inner", INNER_PARAMETERS);

/// Layer of wrap proofs.
pub const WRAP: Layer<SegmentConfig> = Layer::new("wrap", WRAP_PARAMETERS);

/// Layer of final proofs.
pub const FINAL: Layer<FinalConfig> = Layer::new("final", FINAL_PARAMETERS);

/// Layer of final proofs with Keccak-256 in place of Poseidon2 outside the circuit.
pub const FINAL_KECCAK: Layer<KeccakConfig> = Layer::new("final, Keccak-256", FINAL_PARAMETERS);

/// A kind of proofs: name, parameters and, as a type, the configuration.
pub struct Layer<C = SegmentConfig> {
    /// Name, which is part of keys' digests.
    pub name: &'static str,
    /// Parameters.
    pub parameters: ProofParameters,
    config: PhantomData<fn() -> C>,
}

impl<C> Layer<C> {
    /// A layer. Its name must not be another layer's.
    pub const fn new(name: &'static str, parameters: ProofParameters) -> Self {
        Self { name, parameters, config: PhantomData }
    }
}

impl<C> Clone for Layer<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Layer<C> {}

/// A configuration of proofs over the recursion table.
pub trait LayerConfig:
    StarkGenericConfig<
        Challenge = Challenge,
        Challenger: GrindingChallenger<Witness = Val>,
        Pcs: Sync
                 + UnivariateStarkPcs<
            Challenge,
            <Self as StarkGenericConfig>::Challenger,
            Domain = TwoAdicMultiplicativeCoset<Val>,
            Commitment: Sync + PartialEq + fmt::Debug,
            ProverData: Sync,
            ProverError: Send + fmt::Debug,
            Error: fmt::Debug,
        >,
    >
{
    /// Bits of collision resistance of the trees' digests.
    const COLLISION_BITS: usize;

    /// Columns of random values that the commitment scheme adds to each secret matrix.
    const RANDOM_COLUMNS: usize;

    /// The configuration of verifiers, and of the preprocessed columns, which are public: it hides nothing.
    fn public(parameters: &ProofParameters) -> Self;

    /// The configuration of one proof, with masks from the operating system's randomness if the layer hides.
    #[cfg(feature = "prover")]
    fn masked(parameters: &ProofParameters) -> Result<Self, RandomnessError>;

    /// A commitment as field elements, one way for each commitment.
    fn elements(commitment: &Commitment<Self>) -> Vec<Val>;

    /// Number of digests in a commitment.
    fn digests(commitment: &Commitment<Self>) -> usize;

    /// Numbers of digests in the commitments of the low-degree test.
    fn fold_digests(proof: &<Self::Pcs as Pcs<Challenge, Self::Challenger>>::Proof) -> Vec<usize>;
}

impl LayerConfig for SegmentConfig {
    const COLLISION_BITS: usize = 124;
    const RANDOM_COLUMNS: usize = 0;

    fn public(parameters: &ProofParameters) -> Self {
        parameters.config()
    }

    #[cfg(feature = "prover")]
    fn masked(parameters: &ProofParameters) -> Result<Self, RandomnessError> {
        Ok(parameters.config())
    }

    fn elements(commitment: &Commitment<Self>) -> Vec<Val> {
        commitment.roots().iter().flatten().copied().collect()
    }

    fn digests(commitment: &Commitment<Self>) -> usize {
        commitment.num_roots()
    }

    fn fold_digests(proof: &<Self::Pcs as Pcs<Challenge, Self::Challenger>>::Proof) -> Vec<usize> {
        proof.commit_phase_commits.iter().map(MerkleCap::num_roots).collect()
    }
}

/// Field elements of a leaf's salt: 124 bits.
const SALT: usize = 4;

/// Columns of random values that mask the combination of columns: one for each coordinate of a challenge.
const RANDOM_COLUMNS: usize = 5;

type Poseidon2 = Poseidon2KoalaBear<16>;
type Packing = <Val as Field>::Packing;
type Poseidon2Leaf = PaddingFreeSponge<Poseidon2, 16, 8, 8>;
type Poseidon2Node = TruncatedPermutation<Poseidon2, 2, 8, 16>;
type Poseidon2Trees = MerkleTreeHidingMmcs<Packing, Packing, Poseidon2Leaf, Poseidon2Node, Masks, 2, 8, SALT>;
type KeccakLeaf = SerializingHasher<Keccak256Hash>;
type KeccakNode = CompressionFunctionFromHasher<Keccak256Hash, 2, 32>;
type KeccakTrees = MerkleTreeHidingMmcs<Val, u8, KeccakLeaf, KeccakNode, Masks, 2, 32, SALT>;
type HidingPcs<Trees> =
    HidingFriPcs<Val, Radix2DFTSmallBatch<Val>, Trees, ExtensionMmcs<Val, Challenge, Trees>, Masks>;

/// Configuration of final proofs: hiding, with Poseidon2.
pub type FinalConfig =
    StarkConfig<HidingPcs<Poseidon2Trees>, Challenge, DuplexChallenger<Val, Poseidon2, 16, 8>>;

/// Configuration of final proofs whose trees and transcript use Keccak-256: hiding as well.
pub type KeccakConfig = StarkConfig<
    HidingPcs<KeccakTrees>,
    Challenge,
    SerializingChallenger32<Val, HashChallenger<u8, Keccak256Hash, 32>>,
>;

impl LayerConfig for FinalConfig {
    const COLLISION_BITS: usize = 124;
    const RANDOM_COLUMNS: usize = RANDOM_COLUMNS;

    fn public(parameters: &ProofParameters) -> Self {
        poseidon2(parameters, [Masks::public(), Masks::public(), Masks::public()])
    }

    #[cfg(feature = "prover")]
    fn masked(parameters: &ProofParameters) -> Result<Self, RandomnessError> {
        Ok(poseidon2(parameters, [Masks::fresh()?, Masks::fresh()?, Masks::fresh()?]))
    }

    fn elements(commitment: &Commitment<Self>) -> Vec<Val> {
        commitment.roots().iter().flatten().copied().collect()
    }

    fn digests(commitment: &Commitment<Self>) -> usize {
        commitment.num_roots()
    }

    fn fold_digests((_, proof): &<Self::Pcs as Pcs<Challenge, Self::Challenger>>::Proof) -> Vec<usize> {
        proof.commit_phase_commits.iter().map(MerkleCap::num_roots).collect()
    }
}

/// The commitment that is this digest alone: that of a tree of [`FINAL`].
pub fn final_commitment(digest: Digest) -> Commitment<FinalConfig> {
    MerkleCap::new(alloc::vec![digest.0])
}

impl LayerConfig for KeccakConfig {
    const COLLISION_BITS: usize = 128;
    const RANDOM_COLUMNS: usize = RANDOM_COLUMNS;

    fn public(parameters: &ProofParameters) -> Self {
        keccak(parameters, [Masks::public(), Masks::public(), Masks::public()])
    }

    #[cfg(feature = "prover")]
    fn masked(parameters: &ProofParameters) -> Result<Self, RandomnessError> {
        Ok(keccak(parameters, [Masks::fresh()?, Masks::fresh()?, Masks::fresh()?]))
    }

    fn elements(commitment: &Commitment<Self>) -> Vec<Val> {
        commitment.roots().iter().flatten().map(|byte| Val::from_u8(*byte)).collect()
    }

    fn digests(commitment: &Commitment<Self>) -> usize {
        commitment.num_roots()
    }

    fn fold_digests((_, proof): &<Self::Pcs as Pcs<Challenge, Self::Challenger>>::Proof) -> Vec<usize> {
        proof.commit_phase_commits.iter().map(MerkleCap::num_roots).collect()
    }
}

fn poseidon2(parameters: &ProofParameters, [salts, fold_salts, masks]: [Masks; 3]) -> FinalConfig {
    let permutation = default_koalabear_poseidon2_16();
    // One tree scheme for columns and one for folds: a clone would share the first one's randomness.
    let trees = |salts| {
        let (leaf, node) = (Poseidon2Leaf::new(permutation.clone()), Poseidon2Node::new(permutation.clone()));
        Poseidon2Trees::new(leaf, node, parameters.cap_height, salts)
    };
    let (columns, folds) = (trees(salts), trees(fold_salts));
    hiding(parameters, columns, folds, masks, DuplexChallenger::new(permutation))
}

fn keccak(parameters: &ProofParameters, [salts, fold_salts, masks]: [Masks; 3]) -> KeccakConfig {
    let trees = |salts| {
        let (leaf, node) = (KeccakLeaf::new(Keccak256Hash), KeccakNode::new(Keccak256Hash));
        KeccakTrees::new(leaf, node, parameters.cap_height, salts)
    };
    let (columns, folds) = (trees(salts), trees(fold_salts));
    let challenger = SerializingChallenger32::from_hasher(Vec::new(), Keccak256Hash);
    hiding(parameters, columns, folds, masks, challenger)
}

fn hiding<Trees, Challenger>(
    parameters: &ProofParameters,
    columns: Trees,
    folds: Trees,
    masks: Masks,
    challenger: Challenger,
) -> StarkConfig<HidingPcs<Trees>, Challenge, Challenger>
where
    HidingPcs<Trees>: Clone,
    Challenger: Clone,
{
    let fri = parameters.fri(ExtensionMmcs::new(folds));
    let pcs = HidingPcs::new(Radix2DFTSmallBatch::default(), columns, fri, RANDOM_COLUMNS, masks);
    StarkConfig::new(pcs, challenger)
        .with_lookup_proof_of_work_bits(parameters.lookup_work)
        .with_ood_proof_of_work_bits(parameters.point_work)
}

/// Where the masks and salts of hiding proofs come from.
///
/// Verifiers draw none, but the proof system makes no difference between its two sides' types. And the salts of
/// preprocessed columns must be the same for everyone, so those are zeros: there is nothing to hide.
pub struct Masks(Option<StdRng>);

impl Masks {
    /// Zeros.
    const fn public() -> Self {
        Self(None)
    }

    /// A new generator, seeded by the operating system.
    #[cfg(feature = "prover")]
    fn fresh() -> Result<Self, RandomnessError> {
        let generator = StdRng::try_from_rng(&mut rand::rngs::SysRng).map_err(|_| RandomnessError)?;
        Ok(Self(Some(generator)))
    }
}

impl fmt::Debug for Masks {
    /// Shows nothing of a generator's state.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masks")
    }
}

impl TryRng for Masks {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.as_mut().map_or(0, Rng::next_u32))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.as_mut().map_or(0, Rng::next_u64))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        match &mut self.0 {
            Some(generator) => generator.fill_bytes(bytes),
            None => bytes.fill(0),
        }
        Ok(())
    }
}

impl TryCryptoRng for Masks {}

/// What a clone of a configuration would use; nothing here clones one.
impl SeedableRng for Masks {
    type Seed = [u8; 32];

    fn from_seed(seed: Self::Seed) -> Self {
        // A clone of the public source is the public source; no generator gives this seed.
        if seed == [0; 32] { Self::public() } else { Self(Some(StdRng::from_seed(seed))) }
    }
}

/// The operating system gave no randomness.
#[cfg(feature = "prover")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no randomness")]
pub struct RandomnessError;
