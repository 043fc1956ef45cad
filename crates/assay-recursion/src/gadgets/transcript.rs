//! The challenger: a duplex sponge, and numbers of few bits from its samples.

use alloc::vec::Vec;
use core::array;

use assay_circuit::Val;
use p3_field::{PrimeCharacteristicRing, PrimeField32};

use super::shape::MAX_INDEX_BITS;
use crate::air::{COORDINATES, HALF};
use crate::{BuildError, Chain, CircuitBuilder, High, Hint, Permute, Rest, Wire};

/// The duplex challenger of width 16 and rate 8.
pub(super) struct Transcript {
    chain: Chain,
    started: bool,
    absorbed: Vec<Wire>,
    /// What is left of the last permutation's output; samples come from the end.
    output: Vec<Wire>,
    /// Whether the last permutation's output can still be sampled, but wasn't yet.
    fresh: bool,
}

impl Transcript {
    pub(super) fn new(builder: &mut CircuitBuilder) -> Self {
        let chain = builder.chain();
        Self { chain, started: false, absorbed: Vec::with_capacity(HALF), output: Vec::new(), fresh: false }
    }

    /// Absorbs a base wire.
    pub(super) fn observe(&mut self, builder: &mut CircuitBuilder, value: Wire) {
        self.output.clear();
        self.fresh = false;
        self.absorbed.push(value);
        if self.absorbed.len() == HALF {
            self.duplex(builder);
        }
    }

    pub(super) fn observe_all(&mut self, builder: &mut CircuitBuilder, values: &[Wire]) {
        for value in values {
            self.observe(builder, *value);
        }
    }

    pub(super) fn observe_constants(&mut self, builder: &mut CircuitBuilder, values: &[Val]) {
        for value in values {
            let wire = builder.constant(*value);
            self.observe(builder, wire);
        }
    }

    /// A base sample.
    pub(super) fn sample(&mut self, builder: &mut CircuitBuilder) -> Wire {
        if !self.absorbed.is_empty() || (self.output.is_empty() && !self.fresh) {
            self.duplex(builder);
        }
        if self.fresh {
            self.output = builder.output_elements(self.chain).to_vec();
            self.fresh = false;
        }
        // A permutation's output was put there just now, or some is left.
        self.output.pop().unwrap_or_else(|| builder.zero())
    }

    /// Base coordinates of a sample of the extension.
    pub(super) fn sample_coordinates(&mut self, builder: &mut CircuitBuilder) -> [Wire; COORDINATES] {
        array::from_fn(|_| self.sample(builder))
    }

    /// A sample of the extension.
    pub(super) fn sample_extension(&mut self, builder: &mut CircuitBuilder) -> Wire {
        let coordinates = self.sample_coordinates(builder);
        builder.pack(&coordinates)
    }

    /// Proof of work: absorbs a witness, then a sample must end with `bits` zeros.
    pub(super) fn check_work(&mut self, builder: &mut CircuitBuilder, bits: usize, witness: Wire) {
        self.observe(builder, witness);
        let sample = self.sample(builder);
        low_bits(builder, sample, bits, bits);
    }

    fn duplex(&mut self, builder: &mut CircuitBuilder) {
        let absorbed = self.absorbed.len();
        let lanes = array::from_fn(|i| self.absorbed.get(i).copied());
        let tag = Val::from_usize(absorbed);
        let high = if self.started { High::Carry { tag } } else { High::Fresh { tag } };
        // Without anything to absorb, the state is permuted as it is.
        let rest = if absorbed > 0 || !self.started { Rest::Zero } else { Rest::Carry };
        builder.permute(self.chain, Permute::Row { lanes, rest, high });
        self.absorbed.clear();
        self.output.clear();
        self.started = true;
        self.fresh = true;
    }
}

/// Bits from which on what is left of a sample fits a range check.
const MIN_SPLIT: usize = 16;

/// The bits of a sample that a query index has, lowest first.
pub(super) struct LowBits {
    pub(super) bits: Vec<Wire>,
    /// The lower half of them (rounded up) as a number, and the upper half.
    pub(super) halves: [Wire; 2],
}

/// Splits a base value, as the one integer below `p` that it is, into `count` low bits and a rest; the first `zeros`
/// bits must be zero. Both are at most 24, or the circuit is refused.
pub(super) fn low_bits(builder: &mut CircuitBuilder, value: Wire, zeros: usize, count: usize) -> LowBits {
    let bits = count.max(zeros);
    if bits > MAX_INDEX_BITS {
        builder.refuse(BuildError::SampleBits { bits, most: MAX_INDEX_BITS });
    }
    let (zeros, count) = (zeros.min(MAX_INDEX_BITS), count.min(MAX_INDEX_BITS));
    let split = count.max(zeros).max(MIN_SPLIT);
    let zero = builder.zero();
    let mut bit = |i: usize| match i < zeros {
        true => zero,
        false => builder.hint(Hint::Bits { of: value, low: i as u32, len: 1 }),
    };
    let bits: Vec<Wire> = (0..split).map(&mut bit).collect();
    let high = builder.hint(Hint::Bits { of: value, low: split as u32, len: 31 - split as u32 });
    check_bits(builder, value, zeros, count, (&bits, high))
}

/// Checks the parts of a value: its low bits and the number above them.
///
/// The value is `high * 2^k + low` with `low < 2^k`, and `p - 1 = 127 * 2^24` is `most * 2^k` for `k` up to 24. So the
/// integer is below `p` if `high < most`, or `high = most` and `low = 0`. The first part is two range checks (both hold
/// for no `high` above `most`); the second one is that `low` is a multiple of `most - high`.
///
/// Narrower range checks than `most` has bits would refuse honest numbers, not accept other ones; the circuit is refused.
fn check_bits(
    builder: &mut CircuitBuilder,
    value: Wire,
    zeros: usize,
    count: usize,
    (bits, high): (&[Wire], Wire),
) -> LowBits {
    for bit in bits.iter().skip(zeros) {
        builder.assert_bool(*bit);
    }
    let split = bits.len();
    let (index, rest) = bits.split_at(count);
    let (lower, upper) = index.split_at(count.div_ceil(2));
    let halves = [number(builder, lower), number(builder, upper)];
    let mut low = shifted(builder, halves[1], lower.len(), halves[0], upper.is_empty());
    if split > count {
        let rest = number(builder, rest);
        low = shifted(builder, rest, count, low, false);
    }
    let scale = builder.constant(Val::from_u32(1 << split));
    builder.assert_mul_add(high, scale, low, value);
    let most = (Val::ORDER_U32 - 1) >> split;
    builder.needs_range((u32::BITS - most.leading_zeros()) as usize);
    let most = builder.constant(Val::from_u32(most));
    let left = builder.sub(most, high);
    builder.range(high);
    builder.range(left);
    builder.divide(low, left);
    LowBits { bits: index.to_vec(), halves }
}

/// `value * 2^shift + low`, or `low` if there is no value.
fn shifted(builder: &mut CircuitBuilder, value: Wire, shift: usize, low: Wire, none: bool) -> Wire {
    if none {
        return low;
    }
    let scale = builder.constant(Val::from_u32(1 << shift));
    builder.mul_add(value, scale, low)
}

/// The number with these bits, lowest first.
pub(super) fn number(builder: &mut CircuitBuilder, bits: &[Wire]) -> Wire {
    match bits {
        [] => builder.zero(),
        [bit] => *bit,
        [low, high] => {
            let two = builder.constant(Val::TWO);
            builder.mul_add(*high, two, *low)
        }
        _ => {
            let reversed: Vec<Wire> = bits.iter().rev().copied().collect();
            let two = builder.constant(Val::TWO);
            builder.horner(two, &reversed)
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use assay_circuit::Challenge;
    use p3_challenger::{CanObserve, CanSample, DuplexChallenger, GrindingChallenger};
    use p3_field::Field;
    use p3_koala_bear::{Poseidon2KoalaBear, default_koalabear_poseidon2_16};

    use super::*;
    use crate::{Circuit, Inputs, LOG_RANGE};

    const P: u32 = Val::ORDER_U32;

    /// A circuit that takes a value and its parts from outside.
    fn checker(count: usize) -> Circuit {
        let mut builder = CircuitBuilder::new();
        let value = builder.input();
        let split = count.max(MIN_SPLIT);
        let bits: Vec<Wire> = (0..split).map(|_| builder.input()).collect();
        let high = builder.input();
        check_bits(&mut builder, value, 0, count, (&bits, high));
        let zero = builder.zero();
        builder.publish([zero; HALF]);
        builder.finish(LOG_RANGE, LOG_RANGE).unwrap()
    }

    /// Whether the circuit takes `value` as the integer `as_integer`.
    fn accepts(circuit: &Circuit, count: usize, value: Val, as_integer: u32) -> bool {
        let split = count.max(MIN_SPLIT);
        let mut inputs = Inputs::default();
        inputs.push_base(value);
        for i in 0..split {
            inputs.push_base(Val::from_u32((as_integer >> i) & 1));
        }
        inputs.push_base(Val::from_u32(as_integer >> split));
        circuit.run(&inputs).violations().is_empty()
    }

    #[test]
    fn a_value_is_one_integer() {
        for count in [1, 7, 15, 16, 17, 20, 23, 24] {
            let circuit = checker(count);
            let mut small =
                vec![0, 1, 2, (1 << 16) - 1, 1 << 16, (1 << 23) + 12_345, (1 << 24) - 3, (1 << 24) - 2];
            small.extend((0..200).map(|i| i * 83_777 % ((1 << 24) - 1)));
            for number in small {
                let value = Val::from_u32(number);
                assert!(accepts(&circuit, count, value, number), "{count} {number}");
                // The other integer of 31 bits that is the value modulo p.
                assert!(!accepts(&circuit, count, value, number + P), "{count} {number}");
                assert!(!accepts(&circuit, count, value, number + 1), "{count} {number}");
            }
            for number in [(1 << 24) - 1, 1 << 24, 126 << 24, (127 << 24) - 1, P - 2, P - 1] {
                assert!(accepts(&circuit, count, Val::from_u32(number), number), "{count} {number}");
            }
        }
    }

    /// A circuit with the low bits of a sample.
    fn with_low_bits(zeros: usize, count: usize, log_range: usize) -> Result<Circuit, BuildError> {
        let mut builder = CircuitBuilder::new();
        let sample = builder.input();
        low_bits(&mut builder, sample, zeros, count);
        let zero = builder.zero();
        builder.publish([zero; HALF]);
        builder.finish(LOG_RANGE, log_range)
    }

    /// From 25 bits on `p - 1` isn't a multiple, and two numbers could be the sample.
    #[test]
    fn too_many_bits_are_refused() {
        let most = MAX_INDEX_BITS;
        assert!(with_low_bits(0, most, LOG_RANGE).is_ok() && with_low_bits(most, most, LOG_RANGE).is_ok());
        for bits in [most + 1, 31, 32, 64] {
            let refused = Some(BuildError::SampleBits { bits, most });
            assert_eq!(with_low_bits(0, bits, LOG_RANGE).err(), refused);
            assert_eq!(with_low_bits(bits, 1, LOG_RANGE).err(), refused);
        }
    }

    /// What is above `count` bits must fit a range check.
    #[test]
    fn narrow_range_checks_are_refused() {
        for (count, needs) in [(1, 15), (16, 15), (17, 14), (18, 13), (24, 7)] {
            assert!(with_low_bits(0, count, needs).is_ok());
            let log_range = needs - 1;
            let refused = Some(BuildError::RangeTooNarrow { log_range, needs });
            assert_eq!(with_low_bits(0, count, log_range).err(), refused);
        }
    }

    #[test]
    fn the_rest_is_not_just_any_number() {
        // The equation alone has a solution for any low bits.
        let (count, value) = (20, Val::from_u32(1_000_000));
        let circuit = checker(count);
        for low in (0..1u32 << count).step_by(9_973) {
            let high = (value - Val::from_u32(low)) * Val::from_u32(1 << count).inverse();
            let mut inputs = Inputs::default();
            inputs.push_base(value);
            for i in 0..count {
                inputs.push_base(Val::from_u32((low >> i) & 1));
            }
            inputs.push_base(high);
            let accepted = circuit.run(&inputs).violations().is_empty();
            assert_eq!(accepted, low == 1_000_000, "{low}");
        }
    }

    /// What a transcript does.
    enum Act {
        Observe(usize),
        Sample(usize),
        Extension,
    }

    #[test]
    fn samples_are_the_challengers() {
        use Act::{Extension, Observe, Sample};
        let acts = [
            Observe(3),
            Sample(2),
            Sample(6),
            Sample(1),
            Observe(8),
            Extension,
            Extension,
            Observe(16),
            Observe(1),
            Observe(7),
            Sample(17),
            Observe(5),
            Extension,
            Observe(9),
            Sample(8),
            Observe(8),
            Observe(8),
            Sample(9),
        ];
        let mut builder = CircuitBuilder::new();
        let mut transcript = Transcript::new(&mut builder);
        let mut challenger: DuplexChallenger<Val, Poseidon2KoalaBear<16>, 16, 8> =
            DuplexChallenger::new(default_koalabear_poseidon2_16());
        let (mut samples, mut number) = (Vec::new(), 0);
        for act in acts {
            match act {
                Observe(count) => {
                    for _ in 0..count {
                        number += 1;
                        transcript.observe_constants(&mut builder, &[Val::from_u32(number)]);
                        challenger.observe(Val::from_u32(number));
                    }
                }
                Sample(count) => {
                    for _ in 0..count {
                        let expected: Val = challenger.sample();
                        samples.push((transcript.sample(&mut builder), Challenge::from(expected)));
                    }
                }
                Extension => {
                    let expected: Challenge = challenger.sample();
                    samples.push((transcript.sample_extension(&mut builder), expected));
                }
            }
        }
        let zero = builder.zero();
        builder.publish([zero; HALF]);
        let witness = builder.finish(10, 4).unwrap().run(&Inputs::default());
        assert_eq!(witness.violations(), []);
        for (wire, expected) in samples {
            assert_eq!(witness.value(wire), expected);
        }
    }

    #[test]
    fn work_is_the_challengers() {
        for bits in [1, 3, 6, 17] {
            let mut builder = CircuitBuilder::new();
            let mut transcript = Transcript::new(&mut builder);
            transcript.observe_constants(&mut builder, &[Val::TWO; 5]);
            let witness = builder.input();
            builder.pack(&[witness]);
            transcript.check_work(&mut builder, bits, witness);
            let zero = builder.zero();
            builder.publish([zero; HALF]);
            let circuit = builder.finish(LOG_RANGE, LOG_RANGE).unwrap();
            let mut challenger: DuplexChallenger<Val, Poseidon2KoalaBear<16>, 16, 8> =
                DuplexChallenger::new(default_koalabear_poseidon2_16());
            challenger.observe_slice(&[Val::TWO; 5]);
            let found = challenger.clone().grind(bits);
            let mut accepted = 0;
            for witness in (0..500).map(Val::from_u32).chain([found]) {
                let expected = challenger.clone().check_witness(bits, witness);
                let mut inputs = Inputs::default();
                inputs.push_base(witness);
                assert_eq!(circuit.run(&inputs).violations().is_empty(), expected, "{bits} {witness}");
                accepted += usize::from(expected);
            }
            assert!(accepted > 0);
        }
    }
}
