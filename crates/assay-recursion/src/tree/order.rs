//! Strict order of leaf keys across a border.

use assay_circuit::Val;
use p3_field::PrimeCharacteristicRing;

use crate::builder::CircuitBuilder;
use crate::circuit::{Hint, Wire};

/// Bits of the low part of a key element.
const LOW: u32 = 24;

/// Bits of its top.
const TOP: u32 = 7;

/// The largest top: `p - 1 = 127 * 2^24`, so a number below `p` has a smaller top, or this one and nothing below it.
const LARGEST_TOP: u32 = 127;

/// An element as the integer below `p` that it is: `low + 2^24 * top`.
struct Parts {
    low: Wire,
    top: Wire,
}

/// Asserts that `left` is below `right` as integers `element[0] * 2^31 + element[1]`, elements taken below `p`.
///
/// Range checks must be of 15 bits.
pub(super) fn assert_below(b: &mut CircuitBuilder, left: [Wire; 2], right: [Wire; 2]) {
    let [left0, left1] = left.map(|element| parts(b, element));
    let [right0, right1] = right.map(|element| parts(b, element));
    // right - left - 1 in digits of 24, 7, 24 and 7 bits, from below; nothing may be borrowed at the end.
    let one = b.one();
    let borrow = difference(b, (left1.low, right1.low), one, Some(LOW), LOW);
    let borrow = difference(b, (left1.top, right1.top), borrow, Some(TOP), TOP);
    let borrow = difference(b, (left0.low, right0.low), borrow, Some(LOW), LOW);
    difference(b, (left0.top, right0.top), borrow, None, TOP);
}

/// Asserts that `right - left - borrow + 2^radix * next` is a number of `bits` bits, and returns the bit `next`.
/// Without a radix there is nothing to borrow from.
fn difference(
    b: &mut CircuitBuilder,
    (left, right): (Wire, Wire),
    borrow: Wire,
    radix: Option<u32>,
    bits: u32,
) -> Wire {
    let rest = b.sub(right, left);
    let rest = b.sub(rest, borrow);
    let Some(radix) = radix else {
        number(b, rest, bits);
        return b.zero();
    };
    // The difference is negative, as an element above p / 2, exactly if its bit 30 is set: it is above -2^25.
    let next = b.hint(Hint::Bits { of: rest, low: 30, len: 1 });
    b.assert_bool(next);
    let step = b.constant(Val::from_u32(1 << radix));
    let digit = b.mul_add(next, step, rest);
    number(b, digit, bits);
    next
}

fn parts(b: &mut CircuitBuilder, element: Wire) -> Parts {
    let low = b.hint(Hint::Bits { of: element, low: 0, len: LOW });
    let top = b.hint(Hint::Bits { of: element, low: LOW, len: TOP });
    number(b, low, LOW);
    number(b, top, TOP);
    let radix = b.constant(Val::from_u32(1 << LOW));
    b.assert_mul_add(top, radix, low, element);
    // Either the top isn't the largest one, or the low part is zero.
    let minus_one = b.constant(Val::NEG_ONE);
    let largest = b.constant(Val::from_u32(LARGEST_TOP));
    let below = b.mul_add(top, minus_one, largest);
    let is_largest = b.hint(Hint::IsZero(below));
    let one = b.one();
    let zero = b.zero();
    let not_largest = b.sub(one, is_largest);
    let inverse = b.hint(Hint::Quotient(not_largest, below));
    b.assert_mul_add(inverse, below, is_largest, one);
    b.assert_mul_add(is_largest, low, zero, zero);
    Parts { low, top }
}

/// Asserts that a wire is a number of 7 or 24 bits.
fn number(b: &mut CircuitBuilder, wire: Wire, bits: u32) {
    const RANGE: u32 = crate::builder::LOG_RANGE as u32;
    let top = if bits > RANGE {
        let low = b.hint(Hint::Bits { of: wire, low: 0, len: RANGE });
        let high = b.hint(Hint::Bits { of: wire, low: RANGE, len: bits - RANGE });
        b.range(low);
        let radix = b.constant(Val::from_u32(1 << RANGE));
        b.assert_mul_add(high, radix, low, wire);
        high
    } else {
        wire
    };
    // Both the number and its multiple are below 2^15, so the number is below 2^(bits mod 15).
    let left = if bits > RANGE { 2 * RANGE - bits } else { RANGE - bits };
    b.range(top);
    let scale = b.constant(Val::from_u32(1 << left));
    let scaled = b.mul(top, scale);
    b.range(scaled);
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use p3_field::PrimeField32;

    use super::*;
    use crate::checker::check_table;
    use crate::{All, Circuit, Inputs};

    fn circuit() -> Circuit {
        let mut b = CircuitBuilder::new();
        let mut element = || b.input();
        let (left, right) = ([element(), element()], [element(), element()]);
        // What a real circuit hashes, and so makes base.
        let chain = b.chain();
        b.hash_row(chain, &[left[0], left[1], right[0], right[1]]);
        assert_below(&mut b, left, right);
        let digest = b.output_elements(chain);
        b.publish(digest);
        b.finish(15, 15).unwrap_or_else(|error| panic!("{error}"))
    }

    fn below(circuit: &Circuit, left: [u32; 2], right: [u32; 2]) -> bool {
        let mut inputs = Inputs::default();
        [left, right].concat().into_iter().for_each(|element| inputs.push_base(Val::from_u32(element)));
        circuit.run(&inputs).violations().is_empty()
    }

    #[test]
    fn order_is_that_of_integers() {
        let circuit = circuit();
        let p = Val::ORDER_U32;
        let elements = [0, 1, 2, (1 << 24) - 1, 1 << 24, (1 << 24) + 1, 1 << 30, p - 2, p - 1];
        let keys: Vec<[u32; 2]> =
            elements.iter().flat_map(|a| elements.iter().map(move |b| [*a, *b])).collect();
        for left in &keys {
            for right in &keys {
                assert_eq!(below(&circuit, *left, *right), left < right, "{left:?} {right:?}");
            }
        }
    }

    /// The runner isn't what refuses: the table does.
    #[test]
    fn equal_keys_fail_in_the_table() {
        let circuit = circuit();
        let mut inputs = Inputs::default();
        (0..4).for_each(|_| inputs.push_base(Val::from_u32(5)));
        let witness = circuit.run(&inputs);
        let trace = circuit.trace(&witness);
        let publics = circuit.publics(&witness);
        assert!(!check_table(All, circuit.preprocessed(), &trace, &publics).is_empty());
    }
}
