use alloc::vec::Vec;

use p3_field::{Field, PackedValue, PrimeCharacteristicRing};
use p3_koala_bear::{Poseidon2KoalaBear, default_koalabear_poseidon2_16};
use p3_symmetric::Permutation;

use crate::{DIGEST_ELEMENTS, Digest, F};

/// Elements of the permutation's state.
pub const WIDTH: usize = 16;

/// Elements that one permutation of the sponge absorbs; the other eight are capacity.
pub const RATE: usize = 8;

/// Version of everything that is hashed; part of every sponge's initial state.
pub const FORMAT_VERSION: u32 = 1;

/// What a sponge hash is for; the number is part of its initial state, so two purposes never share a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Tag {
    /// Name of the entity.
    Entity = 0x0001,
    /// Asset table.
    Assets = 0x0002,
    /// Epoch: entity, name, time, asset table.
    Epoch = 0x0003,
    /// Uid of a customer.
    Uid = 0x0004,
    /// Account key.
    AccountKey = 0x0005,
    /// Salt of a leaf.
    Salt = 0x0006,
    /// Published root.
    Root = 0x0007,
    /// Identity of a circuit.
    Circuit = 0x0008,
    /// What a node of the recursion states.
    NodeStatement = 0x0009,
    /// Totals of a node of the recursion.
    NodeTotals = 0x000a,
    /// Challenges that compare lists of totals.
    TotalsChallenge = 0x000b,
    /// What the final proof states.
    FinalStatement = 0x000c,
    /// Totals or bounds that the final proof shows.
    FinalTotals = 0x000d,
    /// Commitment to totals that the final proof doesn't show.
    HiddenTotals = 0x000e,
}

/// What a row of the compression function is for; the number is added to both halves of its output.
///
/// The compression of `x` is `P(x) + x + (tag, 0, .., 0 | tag, 0, .., 0)`. Equal inputs under two tags give two
/// outputs by construction, unequal inputs collide with the probability of a random function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum RowTag {
    /// First row of a leaf: account key, salt and number of entries.
    Header = 0x0101,
    /// Row of a leaf with two entries, or one and a half block of zeros.
    Entries = 0x0102,
    /// Inner node of the tree.
    Node = 0x0103,
    /// Row of a segment's list of totals.
    Totals = 0x0104,
    /// Row of the prices.
    Prices = 0x0105,
}

impl RowTag {
    /// The number as a field element.
    pub const fn element(self) -> F {
        F::new(self as u32)
    }
}

/// Poseidon2 over KoalaBear, width 16, with the published constants (Grassi, Khovratovich, Schofnegger: *Poseidon2*,
/// eprint 2023/323; constants as in Plonky3), and the two hashes built on it.
#[derive(Clone)]
pub struct Hasher {
    permutation: Poseidon2KoalaBear<WIDTH>,
}

type Packed = <F as Field>::Packing;

/// Both halves of a compression: `low` is a digest, `chain` goes on into the next row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compressed<V = F> {
    /// Elements 0 to 7.
    pub low: [V; DIGEST_ELEMENTS],
    /// Elements 8 to 15.
    pub chain: [V; DIGEST_ELEMENTS],
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

impl Hasher {
    /// The hash with its constants.
    pub fn new() -> Self {
        Self { permutation: default_koalabear_poseidon2_16() }
    }

    /// Sponge hash of `elements` for the purpose `tag`.
    ///
    /// State at the start: eight zeros, `tag`, [`FORMAT_VERSION`], number of elements, five zeros. Each block of
    /// eight overwrites the first half and is permuted; the last block is filled with zeros, an empty message has
    /// one. The digest is the first half.
    pub fn sponge(&self, tag: Tag, elements: &[F]) -> Digest {
        let mut sponge = Sponge::new(tag, elements.len());
        if elements.is_empty() {
            sponge.absorb(self, &[]);
        }
        for block in elements.chunks(RATE) {
            sponge.absorb(self, block);
        }
        sponge.digest()
    }

    /// Sponge hashes of `count` messages, each going on from its state of `start`, in SIMD lanes.
    ///
    /// Every message has at least one element.
    pub(crate) fn sponge_each<'m>(
        &self,
        count: usize,
        start: impl Fn(usize) -> Sponge,
        message: impl Fn(usize) -> &'m [F],
    ) -> Vec<Digest> {
        let mut digests = Vec::with_capacity(count);
        for first in (0..count).step_by(Packed::WIDTH) {
            let lanes = Packed::WIDTH.min(count - first);
            let mut state = [Packed::ZERO; WIDTH];
            for lane in 0..lanes {
                for (packed, element) in state.iter_mut().zip(start(first + lane).0) {
                    packed.as_slice_mut()[lane] = element;
                }
            }
            let mut found = [Digest([F::ZERO; DIGEST_ELEMENTS]); MAX_LANES];
            let blocks = |lane: usize| message(first + lane).len().div_ceil(RATE).max(1);
            for step in 0..(0..lanes).map(blocks).max().unwrap_or(0) {
                for lane in 0..lanes {
                    let block = message(first + lane).get(step * RATE..).unwrap_or_default();
                    for (i, packed) in state.iter_mut().take(RATE).enumerate() {
                        packed.as_slice_mut()[lane] = block.get(i).copied().unwrap_or(F::ZERO);
                    }
                }
                self.permutation.permute_mut(&mut state);
                for (lane, digest) in found.iter_mut().enumerate().take(lanes) {
                    if step + 1 == blocks(lane) {
                        *digest = Digest(core::array::from_fn(|i| state[i].as_slice()[lane]));
                    }
                }
            }
            digests.extend_from_slice(&found[..lanes]);
        }
        digests
    }

    /// Compression of the row `x` for the purpose `tag`.
    pub fn compress(&self, tag: RowTag, x: &[F; WIDTH]) -> Compressed {
        compress_with(|state| self.permutation.permute_mut(state), tag.element(), x)
    }

    /// Compressions of `rows`, all for the purpose `tag`, in SIMD lanes.
    pub fn compress_each(&self, tag: RowTag, rows: &[[F; WIDTH]], mut each: impl FnMut(usize, Compressed)) {
        for (group, lanes) in rows.chunks(Packed::WIDTH).enumerate() {
            let mut x = [Packed::ZERO; WIDTH];
            for (lane, row) in lanes.iter().enumerate() {
                for (packed, element) in x.iter_mut().zip(row) {
                    packed.as_slice_mut()[lane] = *element;
                }
            }
            let out =
                compress_with(|state| self.permutation.permute_mut(state), Packed::from(tag.element()), &x);
            for lane in 0..lanes.len() {
                let lane_of = |half: &[Packed; DIGEST_ELEMENTS]| -> [F; DIGEST_ELEMENTS] {
                    core::array::from_fn(|i| half[i].as_slice()[lane])
                };
                let compressed = Compressed { low: lane_of(&out.low), chain: lane_of(&out.chain) };
                each(group * Packed::WIDTH + lane, compressed);
            }
        }
    }

    /// Digest of an inner node.
    pub fn node(&self, left: &Digest, right: &Digest) -> Digest {
        let mut x = [F::ZERO; WIDTH];
        x[..RATE].copy_from_slice(&left.0);
        x[RATE..].copy_from_slice(&right.0);
        Digest(self.compress(RowTag::Node, &x).low)
    }
}

/// No SIMD width that a supported machine has is larger.
const MAX_LANES: usize = 64;
const _: () = assert!(Packed::WIDTH <= MAX_LANES);

/// A sponge between two blocks.
#[derive(Clone)]
pub(crate) struct Sponge([F; WIDTH]);

impl Sponge {
    /// The sponge for a message of `length` elements.
    pub(crate) fn new(tag: Tag, length: usize) -> Self {
        let mut state = [F::ZERO; WIDTH];
        state[RATE] = F::from_u32(tag as u32);
        state[RATE + 1] = F::from_u32(FORMAT_VERSION);
        state[RATE + 2] = F::from_usize(length);
        Self(state)
    }

    /// Absorbs a block of at most [`RATE`] elements.
    pub(crate) fn absorb(&mut self, hasher: &Hasher, block: &[F]) {
        for (i, element) in self.0.iter_mut().take(RATE).enumerate() {
            *element = block.get(i).copied().unwrap_or(F::ZERO);
        }
        hasher.permutation.permute_mut(&mut self.0);
    }

    /// Overwrites the state.
    pub(crate) fn erase(&mut self) {
        erase(&mut self.0);
    }

    /// The first half of the state.
    pub(crate) fn digest(&self) -> Digest {
        Digest(core::array::from_fn(|i| self.0[i]))
    }
}

/// Overwrites elements that were made from a secret; the compiler must take the zeros for used.
pub(crate) fn erase(elements: &mut [F]) {
    elements.fill(F::ZERO);
    core::hint::black_box(elements);
}

/// The elements of `bytes`: their number, then three bytes an element, little-endian, the last filled with zeros.
pub(crate) fn push_bytes(elements: &mut Vec<F>, bytes: &[u8]) {
    elements.push(F::from_usize(bytes.len()));
    elements.extend(bytes.chunks(3).map(|chunk| {
        let number = chunk.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte));
        F::from_u32(number)
    }));
}

fn compress_with<V: PrimeCharacteristicRing + Copy>(
    permute: impl Fn(&mut [V; WIDTH]),
    tag: V,
    x: &[V; WIDTH],
) -> Compressed<V> {
    let mut state = *x;
    permute(&mut state);
    for (element, input) in state.iter_mut().zip(x) {
        *element += *input;
    }
    state[0] += tag;
    state[RATE] += tag;
    Compressed { low: core::array::from_fn(|i| state[i]), chain: core::array::from_fn(|i| state[RATE + i]) }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn lanes_agree_with_scalar() {
        let hasher = Hasher::new();
        let messages: Vec<Vec<F>> =
            (1..70).map(|length| (0..length).map(|i| F::from_usize(i * 7 + length)).collect()).collect();
        let start = |lane: usize| Sponge::new(Tag::Uid, messages[lane].len());
        let digests = hasher.sponge_each(messages.len(), start, |lane| messages[lane].as_slice());
        for (message, digest) in messages.iter().zip(digests) {
            assert_eq!(hasher.sponge(Tag::Uid, message), digest);
        }
        let rows: Vec<[F; WIDTH]> =
            (0..37).map(|i| core::array::from_fn(|j| F::from_usize(i * 100 + j))).collect();
        let mut seen = 0;
        hasher.compress_each(RowTag::Node, &rows, |i, out| {
            assert_eq!(out, hasher.compress(RowTag::Node, &rows[i]));
            seen += 1;
        });
        assert_eq!(seen, rows.len());
    }

    #[test]
    fn purposes_never_share_a_value() {
        let hasher = Hasher::new();
        let x = [F::TWO; WIDTH];
        let tags = [RowTag::Header, RowTag::Entries, RowTag::Node, RowTag::Totals];
        for (i, a) in tags.iter().enumerate() {
            for b in &tags[i + 1..] {
                let (a, b) = (hasher.compress(*a, &x), hasher.compress(*b, &x));
                assert_ne!(a.low, b.low);
                assert_ne!(a.chain, b.chain);
            }
        }
        assert_ne!(hasher.sponge(Tag::Uid, &[F::ONE]), hasher.sponge(Tag::Salt, &[F::ONE]));
    }

    /// A18: lengths are absorbed, so no message is another with zeros after it, and bytes don't run together.
    #[test]
    fn a18_no_ambiguous_concatenation() {
        let hasher = Hasher::new();
        assert_ne!(hasher.sponge(Tag::Uid, &[F::ONE]), hasher.sponge(Tag::Uid, &[F::ONE, F::ZERO]));
        let join = |parts: &[&str]| {
            let mut elements = vec![];
            parts.iter().for_each(|part| push_bytes(&mut elements, part.as_bytes()));
            hasher.sponge(Tag::Epoch, &elements)
        };
        assert_ne!(join(&["ab", "c"]), join(&["a", "bc"]));
        assert_ne!(join(&["ab\0"]), join(&["ab"]));
    }
}
