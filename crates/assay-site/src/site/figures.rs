//! Figures as a language writes them.

use assay_reserves::Units;
use assay_statement::format_units;

use crate::Language;

/// Parts per million of one percent.
const PERCENT: u128 = 10_000;

/// Whole units of base units, with separators.
pub(super) fn amount(language: Language, units: Units, decimals: u8) -> String {
    let decimal = format_units(units.0, decimals);
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal.as_str(), ""));
    let (thousands, point) = match language {
        Language::English => (',', '.'),
        Language::German => ('.', ','),
    };
    let mut text = String::with_capacity(decimal.len() + whole.len() / 3 + 1);
    for (at, digit) in whole.char_indices() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(thousands);
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push(point);
        text.push_str(fraction);
    }
    text
}

/// A whole number, with separators.
pub(super) fn number(language: Language, number: u64) -> String {
    amount(language, Units(number.into()), 0)
}

/// Parts per million as percent with two decimals, rounded down.
pub(super) fn percent(language: Language, ppm: Units) -> String {
    let hundredths = ppm.0 / (PERCENT / 100);
    let whole = amount(language, Units(hundredths / 100), 0);
    let point = if language == Language::English { '.' } else { ',' };
    format!("{whole}{point}{:02} %", hundredths % 100)
}

/// Seconds since 1970-01-01 UTC as a date and time of the proleptic Gregorian calendar, such as 2026-12-31T00:00:00Z.
pub(super) fn moment(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Years begin in March, so that the day that some years lack is a year's last.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest % 3_600 / 60, rest % 60);
    format!("{year:04}-{month:02}-{day_of_month:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The date of a time.
pub(super) fn date(seconds: u64) -> String {
    let mut moment = moment(seconds);
    moment.truncate(moment.find('T').unwrap_or(moment.len()));
    moment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_by_language() {
        assert_eq!(amount(Language::English, Units(123_456_789), 4), "12,345.6789");
        assert_eq!(amount(Language::German, Units(123_456_789), 4), "12.345,6789");
        assert_eq!(percent(Language::English, Units(1_020_099)), "102.00 %");
        assert_eq!(percent(Language::German, Units(999_999)), "99,99 %");
        assert!(percent(Language::English, Units(u128::MAX)).ends_with(" %"));
    }

    #[test]
    fn times() {
        assert_eq!(moment(0), "1970-01-01T00:00:00Z");
        assert_eq!(moment(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(moment(1_798_675_200), "2026-12-31T00:00:00Z");
        assert_eq!(date(1_709_251_199), "2024-02-29");
        assert_eq!(moment((1 << 40) - 1), "36812-02-20T00:36:15Z");
    }
}
