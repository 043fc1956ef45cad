use std::fmt;

use assay_statement::{Asset, Decimal, DecimalError, Price};

/// What happens to a figure with more decimals than its asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// It is an error.
    #[default]
    Exact,
    /// It is rounded down, against the exchange, and counted.
    Down,
}

/// An amount as a file states it, in base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Base units.
    pub units: u128,
    /// Whether decimals were dropped.
    pub rounded: bool,
}

/// Why a text is not an amount of reserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FigureError {
    /// It isn't a number of the asset, or has a sign that means something.
    #[error(transparent)]
    Decimal(DecimalError),
    /// `2^128` base units or more.
    #[error("amount is 2^128 base units or more")]
    TooLarge,
}

impl From<DecimalError> for FigureError {
    fn from(error: DecimalError) -> Self {
        match error {
            // The bound of reserves isn't that of liabilities.
            DecimalError::TooLarge => Self::TooLarge,
            error => Self::Decimal(error),
        }
    }
}

/// Reads `text`, a plain decimal number of whole units such as `1.25`, as base units of an asset with `decimals`.
///
/// Reserves aren't bound to the 90 bits of a liability, so this holds 128.
pub fn parse_units(text: &str, decimals: u8, rounding: Rounding) -> Result<Figure, FigureError> {
    let Decimal { negative, units, inexact: rounded } = Decimal::parse(text, decimals, u128::MAX)?;
    if negative && (units != 0 || rounded) {
        return Err(DecimalError::Negative.into());
    }
    if rounded && rounding == Rounding::Exact {
        return Err(DecimalError::TooManyDecimals { decimals }.into());
    }
    Ok(Figure { units, rounded })
}

/// Reads `text`, an integer of base units.
pub fn parse_base_units(text: &str) -> Result<Figure, FigureError> {
    parse_units(text, 0, Rounding::Exact)
}

/// `a - b` in full, with its sign: two sums may lie further apart than a signed 128-bit number reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Whether `a` is less than `b`.
    pub negative: bool,
    /// The distance.
    pub magnitude: u128,
}

impl Difference {
    /// `a - b`.
    pub const fn of(a: u128, b: u128) -> Self {
        Self { negative: a < b, magnitude: a.abs_diff(b) }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match (self.magnitude, self.negative) {
            (0, _) => "",
            (_, true) => "-",
            (_, false) => "+",
        };
        write!(f, "{sign}{}", self.magnitude)
    }
}

/// One million: a whole in parts per million.
pub const PPM: u128 = 1_000_000;

/// Which way a division's remainder goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Round {
    Down,
    Up,
}

/// `part / whole` in parts per million, rounded down; nothing where `whole` is zero. It saturates at the largest
/// 128-bit number, which only understates.
pub fn ratio_ppm(part: u128, whole: u128) -> Option<u128> {
    if whole == 0 { None } else { Some(mul_div(part, PPM, whole, Round::Down).unwrap_or(u128::MAX)) }
}

/// `a * b / divisor` with a 256-bit product; nothing where the result has more than 128 bits or `divisor` is zero.
pub(crate) fn mul_div(a: u128, b: u128, divisor: u128, round: Round) -> Option<u128> {
    if divisor == 0 {
        return None;
    }
    let (quotient, remainder) = match a.checked_mul(b) {
        Some(product) => (product / divisor, product % divisor),
        None => wide_div(wide_mul(a, b), divisor)?,
    };
    if round == Round::Up && remainder != 0 { quotient.checked_add(1) } else { Some(quotient) }
}

/// The product as high and low half.
fn wide_mul(a: u128, b: u128) -> (u128, u128) {
    const LOW: u128 = (1 << 64) - 1;
    let (a1, a0) = (a >> 64, a & LOW);
    let (b1, b0) = (b >> 64, b & LOW);
    let low = a0 * b0;
    let middle = a1 * b0 + (low >> 64);
    let middle_low = (middle & LOW) + a0 * b1;
    let high = a1 * b1 + (middle >> 64) + (middle_low >> 64);
    (high, (middle_low << 64) | (low & LOW))
}

/// Quotient and remainder by long division; nothing where the quotient has more than 128 bits.
fn wide_div((high, low): (u128, u128), divisor: u128) -> Option<(u128, u128)> {
    if high >= divisor {
        return None;
    }
    let mut remainder = high;
    let mut quotient = 0u128;
    for bit in (0..128).rev() {
        let carry = remainder >> 127 == 1;
        remainder = (remainder << 1) | ((low >> bit) & 1);
        quotient <<= 1;
        if carry || remainder >= divisor {
            remainder = remainder.wrapping_sub(divisor);
            quotient |= 1;
        }
    }
    Some((quotient, remainder))
}

/// The value of `units` of `asset` in millionths of the reference currency; nothing where the asset has no price or
/// the value doesn't fit 128 bits.
pub(crate) fn value(units: u128, asset: &Asset, round: Round) -> Option<u128> {
    let Price { mantissa, scale } = asset.price?;
    let decimals = u32::from(asset.decimals) + u32::from(scale);
    // 10^45 doesn't fit 128 bits, so the division goes in two steps; rounding both the same way is rounding once.
    let micro = 6u32;
    if decimals <= micro {
        return units.checked_mul(u128::from(mantissa))?.checked_mul(10u128.pow(micro - decimals));
    }
    let down = decimals - micro;
    let first = down.min(38);
    let value = mul_div(units, u128::from(mantissa), 10u128.pow(first), round)?;
    mul_div(value, 1, 10u128.pow(down - first), round)
}

#[cfg(test)]
mod tests {
    use assay_statement::{Symbol, format_units};
    use num_bigint::BigUint;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn a26_rounding_is_against_the_exchange() {
        // Reserves go down, never up, and a figure that doesn't fit is no figure unless rounding was asked for.
        assert_eq!(parse_units("0.019", 2, Rounding::Down), Ok(Figure { units: 1, rounded: true }));
        assert_eq!(parse_units("0.010", 2, Rounding::Down), Ok(Figure { units: 1, rounded: false }));
        assert_eq!(
            parse_units("0.019", 2, Rounding::Exact),
            Err(FigureError::Decimal(DecimalError::TooManyDecimals { decimals: 2 }))
        );
        // One base unit short of the debt is not 100 %.
        assert_eq!(ratio_ppm(u128::MAX - 1, u128::MAX), Some(999_999));
        assert_eq!(ratio_ppm(2, 3), Some(666_666));
        // Values of reserves go down, values of liabilities up.
        let mut asset = Asset::new(Symbol::new("X").unwrap(), 8);
        asset.price = Some(Price { mantissa: 1, scale: 0 });
        assert_eq!(value(1, &asset, Round::Down), Some(0));
        assert_eq!(value(1, &asset, Round::Up), Some(1));
    }

    #[test]
    fn figures_are_plain_decimals() {
        assert_eq!(parse_units("1.25", 8, Rounding::Exact).unwrap().units, 125_000_000);
        assert_eq!(
            parse_units("+007.", 0, Rounding::Exact),
            Err(FigureError::Decimal(DecimalError::NotANumber))
        );
        assert_eq!(parse_units("-0.0", 1, Rounding::Exact).unwrap().units, 0);
        assert_eq!(
            parse_units("-0.01", 1, Rounding::Down),
            Err(FigureError::Decimal(DecimalError::Negative))
        );
        for text in ["NaN", "inf", "1e5", "1,000", " 1", "1 ", "1.", ".5", "0x10", "١", "1.2.3", "--1"] {
            assert_eq!(
                parse_units(text, 8, Rounding::Down),
                Err(FigureError::Decimal(DecimalError::NotANumber)),
                "{text}"
            );
        }
        assert_eq!(parse_units("", 8, Rounding::Down), Err(FigureError::Decimal(DecimalError::Empty)));
        let max = u128::MAX.to_string();
        assert_eq!(parse_base_units(&max).unwrap().units, u128::MAX);
        assert_eq!(parse_base_units("340282366920938463463374607431768211456"), Err(FigureError::TooLarge));
        assert_eq!(parse_units(&max, 1, Rounding::Down), Err(FigureError::TooLarge));
    }

    #[test]
    fn differences_are_written_in_full() {
        assert_eq!(Difference::of(0, u128::MAX).to_string(), format!("-{}", u128::MAX));
        assert_eq!(Difference::of(5, 5).to_string(), "0");
    }

    proptest! {
        /// Ratios, products and values agree with big integers.
        #[test]
        fn figures_agree_with_big_integers(
            a in any::<u128>(), b in any::<u128>(), c in any::<u128>(), shift in 0u32..128, mantissa in any::<u64>(),
            decimals in 0u8..=27, scale in 0u8..=18,
        ) {
            let (a, c) = (a >> (shift / 2), c >> shift);
            let big = |number: u128| BigUint::from(number);
            let fits = |number: BigUint| u128::try_from(number).ok();
            let floor = if c == 0 { None } else { fits(big(a) * big(b) / big(c)) };
            prop_assert_eq!(mul_div(a, b, c, Round::Down), floor);
            let ceil = if c == 0 { None } else { fits((big(a) * big(b) + big(c) - 1u32) / big(c)) };
            prop_assert_eq!(mul_div(a, b, c, Round::Up), ceil);
            let ratio = (c != 0).then(|| fits(big(a) * 1_000_000u32 / big(c)).unwrap_or(u128::MAX));
            prop_assert_eq!(ratio_ppm(a, c), ratio);

            let mut asset = Asset::new(Symbol::new("X").unwrap(), decimals);
            asset.price = Some(Price { mantissa, scale });
            let divisor = BigUint::from(10u32).pow(u32::from(decimals) + u32::from(scale));
            let product = big(c) * mantissa * 1_000_000u32;
            let down = value(c, &asset, Round::Down);
            if let Some(down) = down {
                prop_assert_eq!(big(down), product.clone() / &divisor);
            }
            if let Some(up) = value(c, &asset, Round::Up) {
                prop_assert_eq!(big(up), (product.clone() + &divisor - 1u32) / &divisor);
            }
            prop_assert_eq!(down.is_none() && product / &divisor < (BigUint::from(1u32) << 90), false);
        }

        /// Written figures are read back.
        #[test]
        fn figures_round_trip(units in any::<u128>(), decimals in 0u8..=27) {
            let text = format_units(units, decimals);
            prop_assert_eq!(parse_units(&text, decimals, Rounding::Exact), Ok(Figure { units, rounded: false }));
        }
    }
}
