//! Where prices come from: observations of several sources, the price that comes out of them, and what the asset table
//! records of it.
//!
//! Prices are the exchange's choice (A17), and nothing here makes one true. The record says on what a price rests, so that
//! anyone can ask the sources the same; totals in kind use no price at all.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::epoch::is_name;
use crate::wide::Wide;
use crate::{Epoch, Price};

/// Fewest sources of a price of grade `verified`.
pub const VERIFIED_MIN_SOURCES: u8 = 3;

/// Most that an observation lies from a price of grade `verified`, in parts per million of the price.
pub const VERIFIED_MAX_DEVIATION_PPM: u32 = 20_000;

/// Most seconds between an observation and the snapshot, before or after it, for a price of grade `verified`.
pub const VERIFIED_MAX_AGE: u64 = 3_600;

/// What one source says an asset is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Who says so.
    pub source: SourceName,
    /// When it was so, in seconds since 1970-01-01 UTC, below `2^40`.
    pub time: u64,
    /// Price of a whole unit in the reference currency.
    pub price: Price,
}

/// Name of a source of prices, such as its domain: 1 to 64 bytes of lower-case letters, digits, `.` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceName(String);

impl SourceName {
    /// Checks and takes `text`.
    pub fn new(text: &str) -> Result<Self, PriceError> {
        if is_name(text, 64) { Ok(Self(text.into())) } else { Err(PriceError::Source) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How much a price rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PriceGrade {
    /// Somebody wrote it down, or what it rests on doesn't do for more.
    Unverified,
    /// At least [`VERIFIED_MIN_SOURCES`] sources, none farther than [`VERIFIED_MAX_DEVIATION_PPM`] from the price and
    /// none farther than [`VERIFIED_MAX_AGE`] from the snapshot.
    Verified,
}

impl PriceGrade {
    /// All grades, the lowest first.
    pub const ALL: [Self; 2] = [Self::Unverified, Self::Verified];

    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Verified => "verified",
        }
    }

    /// The grade with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grade| grade.name() == name)
    }

    /// Its number in digests.
    pub const fn number(self) -> u8 {
        match self {
            Self::Unverified => 0,
            Self::Verified => 1,
        }
    }
}

impl fmt::Display for PriceGrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a price comes out of observations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PriceMethod {
    /// The lower median: of `n` observations in order of the price, the one at place `(n - 1) / 2` from 0. It is always
    /// the price of some source, exact.
    Median,
}

impl PriceMethod {
    /// All methods.
    pub const ALL: [Self; 1] = [Self::Median];

    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Median => "median",
        }
    }

    /// The method with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    /// Its number in digests.
    pub const fn number(self) -> u8 {
        match self {
            Self::Median => 1,
        }
    }
}

/// What an asset table records of where a price comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PriceRecord {
    /// What whoever made the table took it for. `verified` is refused where the figures here don't allow it.
    pub grade: PriceGrade,
    /// How the price came out of the observations.
    pub method: PriceMethod,
    /// Number of sources, at least one.
    pub sources: u8,
    /// Time of the oldest observation, in seconds since 1970-01-01 UTC.
    pub oldest: u64,
    /// Time of the newest observation, below `2^40`.
    pub newest: u64,
    /// The largest distance of an observation from the price in parts per million of the price, rounded up;
    /// `2^32 - 1` for that much or more.
    pub deviation_ppm: u32,
    /// The price file.
    pub file: FileDigest,
}

impl PriceRecord {
    /// The grade for a snapshot at `time`, in seconds since 1970-01-01 UTC: `verified` if the table says so, the figures
    /// allow it, and no observation is farther than [`VERIFIED_MAX_AGE`] from the snapshot.
    pub fn grade_at(&self, time: u64) -> PriceGrade {
        let near = time.abs_diff(self.oldest).max(time.abs_diff(self.newest)) <= VERIFIED_MAX_AGE;
        if near && self.may_be_verified() { self.grade } else { PriceGrade::Unverified }
    }

    /// Whether the figures fit together, and the grade says no more than they allow.
    pub(crate) fn is_consistent(&self) -> bool {
        self.is_possible() && (self.grade == PriceGrade::Unverified || self.may_be_verified())
    }

    /// Whether there can be observations of which this is the record.
    fn is_possible(&self) -> bool {
        self.sources > 0 && self.oldest <= self.newest && self.newest < Epoch::TIME_END
    }

    /// Whether there is a snapshot for which the price is of grade `verified`.
    fn may_be_verified(&self) -> bool {
        self.is_possible()
            && self.sources >= VERIFIED_MIN_SOURCES
            && self.deviation_ppm <= VERIFIED_MAX_DEVIATION_PPM
            && self.newest.saturating_sub(self.oldest) <= 2 * VERIFIED_MAX_AGE
    }
}

/// The price that comes out of `observations` by `method` for a snapshot at `time`, without zeros at its end, and its record.
///
/// The order of the observations doesn't matter. `file` is the digest of the file that they are from.
pub fn price_of(
    observations: &[Observation],
    method: PriceMethod,
    time: u64,
    file: FileDigest,
) -> Result<(Price, PriceRecord), PriceError> {
    let sources = u8::try_from(observations.len())
        .map_err(|_| PriceError::TooMany { observations: observations.len() })?;
    let mut names: Vec<_> = observations.iter().map(|observation| &observation.source).collect();
    names.sort_unstable();
    if let Some([name, _]) = names.array_windows().find(|[a, b]| a == b) {
        return Err(PriceError::RepeatedSource { name: (*name).clone() });
    }
    let mut prices: Vec<Price> = Vec::with_capacity(observations.len());
    for observation in observations {
        if observation.price.scale > 18 || observation.time >= Epoch::TIME_END {
            return Err(PriceError::Observation);
        }
        prices.push(observation.price);
    }
    prices.sort_unstable_by_key(|price| in_attos(*price));
    let PriceMethod::Median = method;
    let middle = prices.len().saturating_sub(1) / 2;
    let (Some(price), Some(lowest), Some(highest)) = (prices.get(middle), prices.first(), prices.last())
    else {
        return Err(PriceError::None);
    };
    let (price, lowest, highest) = (*price, in_attos(*lowest), in_attos(*highest));
    let middle = in_attos(price);
    let times = || observations.iter().map(|observation| observation.time);
    let (oldest, newest) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
    let mut record = PriceRecord {
        grade: PriceGrade::Verified,
        method,
        sources,
        oldest,
        newest,
        deviation_ppm: ppm_up(middle.abs_diff(lowest).max(middle.abs_diff(highest)), middle),
        file,
    };
    record.grade = record.grade_at(time);
    Ok((without_zeros(price), record))
}

/// A price in `10^-18` of the reference currency, below `2^64 * 10^18 < 2^124`. For a scale of at most 18.
fn in_attos(price: Price) -> u128 {
    u128::from(price.mantissa) * 10u128.pow(18u32.saturating_sub(price.scale.into()))
}

/// The same price without zeros behind its last decimal.
fn without_zeros(mut price: Price) -> Price {
    while price.scale > 0 && price.mantissa.is_multiple_of(10) {
        price = Price { mantissa: price.mantissa / 10, scale: price.scale - 1 };
    }
    price
}

/// `distance` in parts per million of `whole`, rounded up, at most `2^32 - 1`. Both are below `2^124`.
fn ppm_up(distance: u128, whole: u128) -> u32 {
    let distance = Wide::product(distance, 1_000_000);
    // The smallest number that is enough, by halving: no product of these exceeds 160 bits.
    let (mut low, mut high) = (0, u32::MAX);
    while low < high {
        let middle = low + (high - low) / 2;
        if Wide::product(whole, middle.into()) >= distance {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// SHA-256 of a file.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileDigest(pub [u8; 32]);

impl FileDigest {
    /// Reads 64 lower-case hex digits.
    pub fn from_hex(text: &str) -> Result<Self, PriceError> {
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(PriceError::Digest) };
        let nibble = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        let bytes = pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?));
        let bytes = bytes.collect::<Option<Vec<_>>>().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(PriceError::Digest)
    }
}

impl fmt::Display for FileDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for FileDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why observations give no price, or a text is no part of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// A text that is no name of a source.
    #[error("not a source: 1 to 64 of a-z 0-9 . -")]
    Source,
    /// Not 64 lower-case hex digits.
    #[error("not a digest of a file: 64 lower-case hex digits")]
    Digest,
    /// No observation.
    #[error("no observation")]
    None,
    /// More than 255.
    #[error("{observations} observations, more than 255")]
    TooMany {
        /// How many there are.
        observations: usize,
    },
    /// One source twice.
    #[error("two observations of {name}")]
    RepeatedSource {
        /// The source.
        name: SourceName,
    },
    /// A price with more than 18 decimals or a time of `2^40` seconds or more.
    #[error("a price has at most 18 decimals, and its time is below 2^40 seconds")]
    Observation,
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::*;

    const TIME: u64 = 1_800_000_000;
    const FILE: FileDigest = FileDigest([0xa5; 32]);

    fn observed(prices: &[(u64, u8)]) -> Vec<Observation> {
        let observation = |(at, (mantissa, scale)): (usize, &(u64, u8))| Observation {
            source: SourceName::new(&alloc::format!("s{at}.example")).unwrap(),
            time: TIME - at as u64,
            price: Price { mantissa: *mantissa, scale: *scale },
        };
        prices.iter().enumerate().map(observation).collect()
    }

    fn outcome(prices: &[(u64, u8)]) -> (Price, PriceRecord) {
        price_of(&observed(prices), PriceMethod::Median, TIME, FILE).unwrap()
    }

    #[test]
    fn the_price_is_the_lower_median() {
        for (prices, mantissa, scale, ppm) in [
            (&[(7, 0)][..], 7, 0, 0),
            (&[(3, 0), (2, 0)], 2, 0, 500_000),
            (&[(101, 0), (100, 0), (99, 0)], 100, 0, 10_000),
            (&[(4, 0), (1, 0), (3, 0), (2, 0)], 2, 0, 1_000_000),
            // One price, spelled three ways.
            (&[(1_50, 2), (1_500, 3), (15, 1)], 15, 1, 0),
            // A third, rounded up.
            (&[(4, 0), (3, 0), (3, 0)], 3, 0, 333_334),
            (&[(0, 0), (0, 5), (0, 18)], 0, 0, 0),
            (&[(0, 0), (0, 0), (1, 18)], 0, 0, u32::MAX),
            (&[(u64::MAX, 0), (u64::MAX, 0), (1, 18)], u64::MAX, 0, 1_000_000),
            (&[(u64::MAX, 0), (1, 18), (1, 18)], 1, 18, u32::MAX),
        ] {
            let (price, record) = outcome(prices);
            assert_eq!(price, Price { mantissa, scale }, "{prices:?}");
            assert_eq!(record.deviation_ppm, ppm, "{prices:?}");
            assert_eq!(usize::from(record.sources), prices.len());
            assert_eq!(record.newest, TIME);
            assert_eq!(record.oldest, TIME - prices.len() as u64 + 1);
        }
    }

    #[test]
    fn a17_a_grade_needs_sources_that_agree_near_the_snapshot() {
        let three = [(100, 0), (101, 0), (99, 0)];
        let (_, record) = outcome(&three);
        assert_eq!(record.grade, PriceGrade::Verified);
        assert!(record.is_consistent());
        for (time, grade) in [
            (TIME + VERIFIED_MAX_AGE - 2, PriceGrade::Verified),
            (TIME + VERIFIED_MAX_AGE - 1, PriceGrade::Unverified),
            (TIME - VERIFIED_MAX_AGE, PriceGrade::Verified),
            (TIME - VERIFIED_MAX_AGE - 1, PriceGrade::Unverified),
            (0, PriceGrade::Unverified),
            (u64::MAX, PriceGrade::Unverified),
        ] {
            assert_eq!(record.grade_at(time), grade, "{time}");
        }
        assert_eq!(outcome(&three[..2]).1.grade, PriceGrade::Unverified);
        assert_eq!(outcome(&[(100, 0), (102, 0), (98, 0)]).1.grade, PriceGrade::Verified);
        assert_eq!(outcome(&[(10_000, 2), (10_201, 2), (10_000, 2)]).1.grade, PriceGrade::Unverified);
        let (_, late) = price_of(&observed(&three), PriceMethod::Median, TIME + 4_000, FILE).unwrap();
        assert_eq!(late.grade, PriceGrade::Unverified);
        assert!(late.is_consistent());
        // A grade that was not earned at first isn't earned later.
        assert_eq!(late.grade_at(TIME), PriceGrade::Unverified);
    }

    #[test]
    fn a17_a_record_can_not_say_more_than_its_figures() {
        let (_, record) = outcome(&[(100, 0), (101, 0), (99, 0)]);
        let edits: [fn(&mut PriceRecord); 6] = [
            |record| record.sources = 2,
            |record| record.sources = 0,
            |record| record.deviation_ppm = VERIFIED_MAX_DEVIATION_PPM + 1,
            |record| record.oldest = record.newest - 2 * VERIFIED_MAX_AGE - 1,
            |record| record.oldest = record.newest + 1,
            |record| record.newest = 1 << 40,
        ];
        for edit in edits {
            let mut edited = record.clone();
            edit(&mut edited);
            assert!(!edited.is_consistent(), "{edited:?}");
            assert_eq!(edited.grade_at(edited.newest), PriceGrade::Unverified, "{edited:?}");
        }
    }

    #[test]
    fn bad_observations_are_refused() {
        let refused = |observations: &[Observation]| {
            price_of(observations, PriceMethod::Median, TIME, FILE).unwrap_err()
        };
        assert_eq!(refused(&[]), PriceError::None);
        let mut twice = observed(&[(1, 0), (2, 0), (3, 0)]);
        twice[2].source = twice[0].source.clone();
        assert_eq!(refused(&twice), PriceError::RepeatedSource { name: twice[0].source.clone() });
        assert_eq!(refused(&observed(&[(1, 0); 256])), PriceError::TooMany { observations: 256 });
        assert_eq!(outcome(&[(1, 0); 255]).1.sources, 255);
        assert_eq!(refused(&observed(&[(1, 19)])), PriceError::Observation);
        let mut late = observed(&[(1, 0)]);
        late[0].time = 1 << 40;
        assert_eq!(refused(&late), PriceError::Observation);
    }

    #[test]
    fn names_and_digests_are_strict() {
        for name in ["", "A", "a b", "a/b", "a_b"] {
            assert_eq!(SourceName::new(name), Err(PriceError::Source), "{name}");
        }
        assert_eq!(FileDigest::from_hex(&FILE.to_string()), Ok(FILE));
        for text in ["", "a", &"A5".repeat(32), &"a5".repeat(31), &"zz".repeat(32), &"a5".repeat(33)] {
            assert_eq!(FileDigest::from_hex(text), Err(PriceError::Digest), "{text}");
        }
        for grade in PriceGrade::ALL {
            assert_eq!(PriceGrade::from_name(grade.name()), Some(grade));
        }
        assert_eq!(PriceMethod::from_name("median"), Some(PriceMethod::Median));
        assert_eq!(PriceMethod::from_name("mean"), None);
    }

    proptest! {
        /// Against exact fractions of big integers.
        #[test]
        fn medians_and_deviations_are_exact(prices in proptest::collection::vec((any::<u64>(), 0u8..=18), 1..9)) {
            let big = |(mantissa, scale): (u64, u8)| {
                BigUint::from(mantissa) * BigUint::from(10u8).pow(18 - u32::from(scale))
            };
            let mut values: Vec<_> = prices.iter().copied().map(big).collect();
            values.sort();
            let median = &values[(values.len() - 1) / 2];
            let (price, record) = outcome(&prices);
            prop_assert_eq!(&big((price.mantissa, price.scale)), median);
            prop_assert!(price.scale == 0 || !price.mantissa.is_multiple_of(10));
            let distance = |value: &BigUint| if value > median { value - median } else { median - value };
            let most = values.iter().map(distance).max().unwrap() * 1_000_000u32;
            let ppm = BigUint::from(record.deviation_ppm);
            prop_assert!(record.deviation_ppm == u32::MAX || &ppm * median >= most);
            prop_assert!(record.deviation_ppm == 0 || (ppm - 1u8) * median < most);
        }
    }
}
