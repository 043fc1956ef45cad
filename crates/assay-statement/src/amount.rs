use alloc::format;
use alloc::string::String;
use core::fmt;

use crate::AMOUNT_BITS;

/// An amount of one asset in base units, in `[0, 2^90)`.
///
/// An amount is never negative: what a customer owes is an amount of kind debt.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Amount(u128);

impl Amount {
    /// The largest amount, `2^90 - 1` base units.
    pub const MAX: Self = Self((1 << AMOUNT_BITS) - 1);

    /// Zero base units.
    pub const ZERO: Self = Self(0);

    /// An amount of `base_units`, refused at `2^90` and above.
    pub const fn new(base_units: u128) -> Result<Self, AmountError> {
        if base_units > Self::MAX.0 { Err(AmountError::TooLarge) } else { Ok(Self(base_units)) }
    }

    /// The base units.
    pub const fn get(self) -> u128 {
        self.0
    }

    /// Whether this is zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// Balances are private, so the debug form hides the figure.
impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Amount(..)")
    }
}

/// An amount that can't be represented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// `2^90` base units or more.
    #[error("amount is 2^90 base units or more")]
    TooLarge,
}

/// Why a decimal string is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Empty, or nothing but a sign.
    #[error("empty number")]
    Empty,
    /// A byte that no plain decimal number has: exponents, separators, spaces, `NaN`, `inf`.
    #[error("not a plain decimal number")]
    NotANumber,
    /// A leading minus before a figure that isn't zero.
    #[error("negative amount")]
    Negative,
    /// More decimals than the asset has, and they aren't zeros.
    #[error("more decimals than the asset's {decimals}")]
    TooManyDecimals {
        /// Decimals of the asset.
        decimals: u8,
    },
    /// `2^90` base units or more; of a total, `2^128`.
    #[error("more base units than an amount (2^90) or a total (2^128) has")]
    TooLarge,
}

/// A plain decimal number, read as base units of an asset.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// Whether a minus sign stands before it.
    pub negative: bool,
    /// Base units, rounded down.
    pub units: u128,
    /// Whether digits beyond the asset's decimals aren't zeros.
    pub inexact: bool,
}

impl Decimal {
    /// Reads `text`, a plain decimal number of whole units such as `1.25`, as at most `most` base units of an asset with
    /// `decimals`. What a sign or too many decimals mean is up to the caller.
    pub fn parse(text: &str, decimals: u8, most: u128) -> Result<Self, DecimalError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if digits.is_empty() {
            return Err(DecimalError::Empty);
        }
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) | Some(("", _)) => return Err(DecimalError::NotANumber),
            Some((whole, fraction)) => (whole, fraction),
            None => (digits, ""),
        };
        let (units, inexact) = base_units(whole, fraction, decimals, most)?;
        Ok(Self { negative, units, inexact })
    }
}

/// Balances are private, so the debug form hides the figure.
impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decimal(..)")
    }
}

/// Reads `text` as [`Decimal::parse`] does, as an amount.
///
/// Returns whether the number had a minus sign beside its magnitude; the caller decides if a sign is allowed.
/// Digits beyond `decimals` must be zeros, or, with `round_up`, raise the magnitude by one base unit (against the
/// exchange where the figure is a liability; the caller counts these, which the third value tells).
pub fn parse_decimal(text: &str, decimals: u8, round_up: bool) -> Result<(bool, Amount, bool), DecimalError> {
    let Decimal { negative, units, inexact } = Decimal::parse(text, decimals, Amount::MAX.get())?;
    if inexact && !round_up {
        return Err(DecimalError::TooManyDecimals { decimals });
    }
    let units = units + u128::from(inexact);
    let amount = Amount::new(units).map_err(|AmountError::TooLarge| DecimalError::TooLarge)?;
    Ok((negative && !amount.is_zero(), amount, inexact))
}

/// Reads a plain decimal number of whole units as a [`Total`](crate::Total), which can be larger than an amount: exact,
/// without a sign.
pub fn parse_total(text: &str, decimals: u8) -> Result<u128, DecimalError> {
    if text.starts_with(['+', '-']) {
        return Err(DecimalError::NotANumber);
    }
    match Decimal::parse(text, decimals, u128::MAX)? {
        Decimal { inexact: true, .. } => Err(DecimalError::TooManyDecimals { decimals }),
        Decimal { units, .. } => Ok(units),
    }
}

/// Base units as a decimal number of whole units, such as `1.25`, without zeros at the end.
pub fn format_units(units: u128, decimals: u8) -> String {
    let decimals = usize::from(decimals);
    let digits = format!("{units:0width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { whole.into() } else { format!("{whole}.{fraction}") }
}

/// Digits before and behind the point as base units, at most `most`, and whether digits beyond `decimals` aren't zeros.
fn base_units(whole: &str, fraction: &str, decimals: u8, most: u128) -> Result<(u128, bool), DecimalError> {
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return Err(DecimalError::NotANumber);
    }
    let (kept, dropped) = fraction.split_at(usize::from(decimals).min(fraction.len()));
    let zeros = core::iter::repeat_n(b'0', usize::from(decimals) - kept.len());
    let mut value: u128 = 0;
    for byte in whole.bytes().chain(kept.bytes()).chain(zeros) {
        let next = value.checked_mul(10).and_then(|value| value.checked_add(u128::from(byte - b'0')));
        value = next.filter(|value| *value <= most).ok_or(DecimalError::TooLarge)?;
    }
    Ok((value, dropped.bytes().any(|byte| byte != b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_exact_decimals() {
        assert_eq!(parse_decimal("1.25", 8, false).unwrap().1.get(), 125_000_000);
        assert_eq!(parse_decimal("0.000", 2, false).unwrap().1.get(), 0);
        assert_eq!(parse_decimal("007", 0, false).unwrap().1.get(), 7);
        assert!(parse_decimal("-3", 0, false).unwrap().0);
        assert!(!parse_decimal("-0.0", 1, false).unwrap().0);
    }

    #[test]
    fn writes_what_it_reads() {
        assert_eq!(format_units(125_000_000, 8), "1.25");
        assert_eq!(format_units(5, 8), "0.00000005");
        assert_eq!(format_units(0, 0), "0");
        assert_eq!(format_units(120, 0), "120");
        let most = format_units(u128::MAX, 27);
        assert_eq!(parse_total(&most, 27), Ok(u128::MAX));
    }

    #[test]
    fn refuses_everything_else() {
        for text in ["NaN", "inf", "1e5", "1,000", " 1", "1 ", "1.", ".5", "0x10", "١", "1.2.3", "--1"] {
            assert_eq!(parse_decimal(text, 8, true).unwrap_err(), DecimalError::NotANumber, "{text}");
        }
        assert_eq!(parse_decimal("", 8, false).unwrap_err(), DecimalError::Empty);
        assert_eq!(parse_decimal("-", 8, false).unwrap_err(), DecimalError::Empty);
        assert_eq!(
            parse_decimal("0.001", 2, false).unwrap_err(),
            DecimalError::TooManyDecimals { decimals: 2 }
        );
    }

    #[test]
    fn units_are_written_in_full() {
        assert_eq!(format_units(125_000_000, 8), "1.25");
        assert_eq!(format_units(1, 18), "0.000000000000000001");
        assert_eq!(format_units(5, 8), "0.00000005");
        assert_eq!(format_units(100, 2), "1");
        assert_eq!(format_units(0, 0), "0");
        assert_eq!(format_units(120, 0), "120");
    }

    #[test]
    fn rounds_up_only_when_asked() {
        assert_eq!(parse_decimal("0.001", 2, true).unwrap(), (false, Amount(1), true));
        assert_eq!(parse_decimal("0.010", 2, true).unwrap(), (false, Amount(1), false));
    }

    #[test]
    fn totals_are_exact_and_128_bits() {
        assert_eq!(parse_total("340282366920938463463.374607431768211455", 18), Ok(u128::MAX));
        assert_eq!(parse_total("340282366920938463463.374607431768211456", 18), Err(DecimalError::TooLarge));
        assert_eq!(parse_total("1.50", 1), Ok(15));
        assert_eq!(parse_total("1.05", 1), Err(DecimalError::TooManyDecimals { decimals: 1 }));
        for text in ["-1", "+1", "1e3", "1.", ".5", " 1", "1,0"] {
            assert_eq!(parse_total(text, 8), Err(DecimalError::NotANumber), "{text}");
        }
        assert_eq!(parse_total("", 8), Err(DecimalError::Empty));
    }

    #[test]
    fn amount_border() {
        assert_eq!(parse_decimal("1237940039285380274899124223", 0, false).unwrap().1, Amount::MAX);
        assert_eq!(
            parse_decimal("1237940039285380274899124224", 0, false).unwrap_err(),
            DecimalError::TooLarge
        );
        let long = core::iter::repeat_n('9', 200).collect::<alloc::string::String>();
        assert_eq!(parse_decimal(&long, 27, false).unwrap_err(), DecimalError::TooLarge);
    }
}
