//! A small circuit with some of each operation.

use std::array::from_fn;

use assay_circuit::{Challenge, Val};
use assay_recursion::{Circuit, CircuitBuilder, Hint, Inputs, Wire};
use p3_field::{BasedVectorSpace, PrimeCharacteristicRing};

pub(crate) const LOG_HEIGHT: usize = 9;

/// Bits of the number that is ranged, selected with and hashed along.
const BITS: usize = 6;

const SECRETS: usize = 12;

/// The circuit. `constant` is one of its constants.
pub(crate) fn toy(log_height: usize, constant: u32) -> Circuit {
    let mut b = CircuitBuilder::new();
    let x = b.input();
    let number = b.input();
    let secret: [Wire; SECRETS] = from_fn(|_| b.input());

    let bits: [Wire; BITS] = from_fn(|i| b.hint(Hint::Bits { of: number, low: i as u32, len: 1 }));
    bits.into_iter().for_each(|bit| b.assert_bool(bit));
    let two = b.constant(Val::TWO);
    let highest_first: Vec<Wire> = bits.into_iter().rev().collect();
    let sum = b.horner(two, &highest_first);
    b.assert_equal(sum, number);
    b.range(number);

    let c = b.constant(Val::from_u32(constant));
    let extension = b.constant_ext(Challenge::from_basis_coefficients_fn(|i| Val::from_usize(i + 3)));
    let y = b.mul_add(x, c, extension);
    let z = b.horner(x, &secret);
    let quotient = b.divide(z, y);
    let difference = b.sub(quotient, x);
    let negative = b.neg(difference);
    let coordinates = b.unpack(negative);

    let low = b.horner(two, &[bits[2], bits[1], bits[0]]);
    let constants: [Val; 8] = from_fn(|i| Val::from_usize(100 + i));
    let constants = b.constant_array(&constants);
    let chosen = b.select(constants, low);
    let items: Vec<Vec<Wire>> = (0..8).map(|i| vec![secret[i], c, secret[i + 1]]).collect();
    let items = b.pack_array(&items);
    let picked = b.select(items, low);
    let picked = b.unpack(picked);

    let outputs = b.output_array(2);
    for i in 0..2 {
        let chain = b.chain();
        b.hash_row(chain, &secret[i..i + 3]);
        b.output_into(chain, outputs, i);
    }
    let first = b.add(bits[0], bits[0]);
    let one = b.one();
    let second = b.add(first, one);
    let read = [b.select(outputs, first), b.select(outputs, second)];

    let other = b.chain();
    b.hash_row(other, &coordinates);
    let other = b.output(other);
    let path = b.chain();
    b.hash_row(path, &secret);
    for bit in bits {
        b.merkle_step(path, bit);
    }
    b.merkle_inject(path, other);
    b.merkle_inject(path, read);
    let mut message = b.output_elements(path).to_vec();
    message.push(chosen);
    message.extend(picked);
    let last = b.chain();
    b.hash_row(last, &message);
    let digest = b.output_elements(last);
    b.publish(digest);
    b.finish(log_height, BITS).unwrap()
}

/// Inputs for which the circuit holds if `number` is below 64.
pub(crate) fn inputs(number: u32) -> Inputs {
    let mut inputs = Inputs::default();
    inputs.push(Challenge::from_basis_coefficients_fn(|i| Val::from_usize(1000 * i + 7)));
    inputs.push_base(Val::from_u32(number));
    for i in 0..SECRETS {
        inputs.push_base(Val::from_usize(i * i + 5));
    }
    inputs.digests.extend((0..BITS).map(|i| from_fn(|j| Val::from_usize(10 * i + j))));
    inputs
}
