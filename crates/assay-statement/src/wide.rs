/// A 256-bit integer, for products and quotients that 128 bits don't hold. Values here stay below `2^216`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wide {
    high: u128,
    low: u128,
}

impl Wide {
    /// `a * b`, for `a` below `2^128`.
    pub(crate) fn product(a: u128, b: u64) -> Self {
        let b = u128::from(b);
        let low = (a & u128::from(u64::MAX)) * b;
        let high = (a >> 64) * b;
        let (sum, carry) = (high << 64).overflowing_add(low);
        Self { high: (high >> 64) + u128::from(carry), low: sum }
    }

    /// Shifted left by `bits`, below 256; what is shifted out is lost.
    pub(crate) fn shifted_left(self, bits: u32) -> Self {
        match bits {
            0 => self,
            1..128 => Self { high: self.high << bits | self.low >> (128 - bits), low: self.low << bits },
            _ => Self { high: self.low.checked_shl(bits - 128).unwrap_or(0), low: 0 },
        }
    }

    /// The quotient by `2^bits`, for `bits` below 256, and whether dropped bits are non-zero.
    pub(crate) fn shifted_right(self, bits: u32) -> (Self, bool) {
        let quotient = match bits {
            0 => self,
            1..128 => Self { high: self.high >> bits, low: self.low >> bits | self.high << (128 - bits) },
            _ => Self { high: 0, low: self.high.checked_shr(bits - 128).unwrap_or(0) },
        };
        (quotient, quotient.shifted_left(bits) != self)
    }

    /// The quotient by `10^exponent`, and whether the remainder is non-zero.
    pub(crate) fn divided_by_power_of_ten(self, exponent: u32) -> (Self, bool) {
        let mut quotient = self;
        let mut inexact = false;
        let mut left = exponent;
        while left > 0 {
            // Floors of floors: dividing in steps gives the quotient by the whole.
            let step = left.min(19);
            let (next, remainder) = quotient.divided(10u64.pow(step));
            quotient = next;
            inexact |= remainder != 0;
            left -= step;
        }
        (quotient, inexact)
    }

    /// Quotient and remainder by `divisor`, which isn't zero.
    fn divided(self, divisor: u64) -> (Self, u64) {
        let divisor = u128::from(divisor);
        let mut remainder = 0;
        let mut digit = |limb: u128| {
            // A remainder is below the divisor, so a digit is below 2^64.
            let dividend = remainder << 64 | limb;
            remainder = dividend % divisor;
            dividend / divisor
        };
        let mask = u128::from(u64::MAX);
        let high = digit(self.high >> 64) << 64 | digit(self.high & mask);
        let low = digit(self.low >> 64) << 64 | digit(self.low & mask);
        // Below the divisor, so it fits.
        (Self { high, low }, remainder as u64)
    }

    /// The number, if it is below `2^bits`; `bits` is below 128.
    pub(crate) fn below(self, bits: u32) -> Option<u128> {
        (self.high == 0 && self.low >> bits == 0).then_some(self.low)
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::*;

    fn big(wide: Wide) -> BigUint {
        (BigUint::from(wide.high) << 128) + wide.low
    }

    proptest! {
        #[test]
        fn operations_agree_with_big_integers(a: u128, b: u64, high: u128, low: u128, bits in 0u32..256, exponent in 0u32..=45) {
            prop_assert_eq!(big(Wide::product(a, b)), BigUint::from(a) * b);
            let wide = Wide { high, low };
            let (shifted, dropped) = wide.shifted_right(bits);
            prop_assert_eq!(big(shifted), big(wide) >> bits);
            prop_assert_eq!(dropped, (big(wide) >> bits << bits) != big(wide));
            let mask = (BigUint::from(1u8) << 256) - 1u8;
            prop_assert_eq!(big(wide.shifted_left(bits)), (big(wide) << bits) & mask);
            let (quotient, inexact) = wide.divided_by_power_of_ten(exponent);
            let power = BigUint::from(10u8).pow(exponent);
            prop_assert_eq!(big(quotient), big(wide) / &power);
            prop_assert_eq!(inexact, big(wide) % &power != BigUint::from(0u8));
        }
    }
}
