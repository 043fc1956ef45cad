//! Against reserves that are borrowed for a snapshot: heights that nobody knew beforehand, the least balance at them,
//! and the age of coins.

use std::collections::BTreeSet;

/// Heights that one epoch can ask for.
pub const MAX_SAMPLES: usize = 10_000;

/// What decides which heights are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resample<'a> {
    /// Whose reserves.
    pub entity: &'a str,
    /// Of which epoch.
    pub epoch: &'a str,
    /// On which network.
    pub network: &'a str,
    /// First height that may be asked for.
    pub from: u64,
    /// Last height that may be asked for.
    pub to: u64,
    /// How many are, all different.
    pub count: usize,
}

/// Why heights or balances can't be sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResampleError {
    /// The last height is below the first one.
    #[error("no heights from {from} to {to}")]
    Range {
        /// First height.
        from: u64,
        /// Last height.
        to: u64,
    },
    /// None, more than [`MAX_SAMPLES`], or more than there are.
    #[error("can't pick {count} different heights")]
    Count {
        /// How many were asked for.
        count: usize,
    },
    /// No balance at a height that was asked for: leaving out the worst one would defeat the sample.
    #[error("no balance at height {height}")]
    Missing {
        /// The height.
        height: u64,
    },
    /// Two different balances at one height.
    #[error("two balances at height {height}")]
    Ambiguous {
        /// The height.
        height: u64,
    },
}

impl Resample<'_> {
    /// The heights to ask for, in increasing order.
    ///
    /// `beacon` is the hash of a block that was mined after the statement was published, so that nobody could prepare
    /// for these heights. The choice is uniform: 64-bit numbers are drawn from BLAKE3's output over a tag, the beacon
    /// and all that is asked, those that would favour low heights are dropped, and so are repetitions.
    pub fn heights(&self, beacon: &[u8; 32]) -> Result<Vec<u64>, ResampleError> {
        let span =
            self.to.checked_sub(self.from).ok_or(ResampleError::Range { from: self.from, to: self.to })?;
        let fits = u64::try_from(self.count).is_ok_and(|count| count > 0 && count - 1 <= span);
        if !fits || self.count > MAX_SAMPLES {
            return Err(ResampleError::Count { count: self.count });
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"assay.resample/1\n");
        hasher.update(beacon);
        for text in [self.entity, self.epoch, self.network] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        for number in [self.from, self.to, self.count as u64] {
            hasher.update(&number.to_le_bytes());
        }
        let mut stream = hasher.finalize_xof();
        let mut heights = BTreeSet::new();
        while heights.len() < self.count {
            let mut bytes = [0; 8];
            stream.fill(&mut bytes);
            if let Some(offset) = uniform(u64::from_le_bytes(bytes), span) {
                heights.insert(self.from + offset);
            }
        }
        Ok(heights.into_iter().collect())
    }
}

/// A number in `[0, last]` from a uniform 64-bit one; nothing where that would make some likelier than others.
fn uniform(drawn: u64, last: u64) -> Option<u64> {
    let Some(count) = last.checked_add(1) else { return Some(drawn) };
    // 2^64 mod count numbers at the top have no full round.
    let short = (u64::MAX % count + 1) % count;
    if drawn > u64::MAX - short { None } else { Some(drawn % count) }
}

/// The least balance at the heights that were asked for, from pairs of height and base units. Every height needs one;
/// other heights don't matter.
pub fn minimum_balance(heights: &[u64], balances: &[(u64, u128)]) -> Result<u128, ResampleError> {
    let mut least = None;
    for height in heights {
        let mut at_height = balances.iter().filter(|(at, _)| at == height).map(|(_, balance)| *balance);
        let balance = at_height.next().ok_or(ResampleError::Missing { height: *height })?;
        if at_height.any(|other| other != balance) {
            return Err(ResampleError::Ambiguous { height: *height });
        }
        least = Some(least.map_or(balance, |least: u128| least.min(balance)));
    }
    least.ok_or(ResampleError::Count { count: 0 })
}

/// Coins by age: what came to an address just before a snapshot may be borrowed for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoinAges {
    /// Exclusive ends of the buckets, in blocks.
    pub ends: Vec<u64>,
    /// Base units per bucket, and at last of those older than all ends.
    pub amounts: Vec<u128>,
    /// Outputs per bucket.
    pub outputs: Vec<u64>,
}

/// Why coins have no ages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CoinAgeError {
    /// Ends of buckets that don't grow, or more than 64.
    #[error("the ends of buckets must grow, and be at most 64")]
    Buckets,
    /// An output above the snapshot.
    #[error("an output of height {height} is younger than the snapshot")]
    Future {
        /// Its height.
        height: u64,
    },
    /// A sum that reaches `2^128` base units.
    #[error("a sum of outputs reaches 2^128 base units")]
    Overflow,
}

impl CoinAges {
    /// Ages at height `snapshot` of outputs given as amount and height. An output of the snapshot's block has age zero.
    pub fn new(
        snapshot: u64,
        ends: &[u64],
        outputs: impl IntoIterator<Item = (u128, u64)>,
    ) -> Result<Self, CoinAgeError> {
        let grows = ends.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
        if !grows || ends.len() > 64 {
            return Err(CoinAgeError::Buckets);
        }
        let buckets = ends.len() + 1;
        let mut ages = Self { ends: ends.to_vec(), amounts: vec![0; buckets], outputs: vec![0; buckets] };
        for (amount, height) in outputs {
            let age = snapshot.checked_sub(height).ok_or(CoinAgeError::Future { height })?;
            let bucket = ages.ends.partition_point(|end| *end <= age);
            if let (Some(sum), Some(count)) = (ages.amounts.get_mut(bucket), ages.outputs.get_mut(bucket)) {
                *sum = sum.checked_add(amount).ok_or(CoinAgeError::Overflow)?;
                *count += 1;
            }
        }
        Ok(ages)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::*;

    const ASK: Resample<'_> =
        Resample { entity: "example.org", epoch: "2026-q4", network: "BTC", from: 100, to: 199, count: 10 };

    #[test]
    fn a14_heights_depend_on_a_beacon_that_comes_later() {
        let heights = ASK.heights(&[7; 32]).unwrap();
        assert_eq!(heights, ASK.heights(&[7; 32]).unwrap());
        assert_ne!(heights, ASK.heights(&[8; 32]).unwrap());
        // Neither another network nor a wider window reuses the choice.
        assert_ne!(heights, Resample { network: "ETH", ..ASK }.heights(&[7; 32]).unwrap());
        assert_ne!(heights, Resample { entity: "example.net", ..ASK }.heights(&[7; 32]).unwrap());
        assert_ne!(heights, Resample { to: 200, ..ASK }.heights(&[7; 32]).unwrap());
        // Pinned: everybody must ask for the same heights.
        assert_eq!(heights, PINNED);
    }

    const PINNED: [u64; 10] = [109, 117, 118, 134, 137, 161, 180, 182, 186, 199];

    #[test]
    fn a14_the_least_balance_counts() {
        // Borrowed for the last height, and gone before.
        let heights = [10, 20, 30];
        assert_eq!(minimum_balance(&heights, &[(10, 5), (20, 1), (30, 900)]), Ok(1));
        // The worst height left out, or answered twice.
        assert_eq!(
            minimum_balance(&heights, &[(10, 5), (30, 900)]),
            Err(ResampleError::Missing { height: 20 })
        );
        assert_eq!(
            minimum_balance(&heights, &[(10, 5), (20, 1), (20, 900), (30, 900)]),
            Err(ResampleError::Ambiguous { height: 20 })
        );
        assert_eq!(minimum_balance(&[], &[(1, 1)]), Err(ResampleError::Count { count: 0 }));
    }

    #[test]
    fn a14_young_coins_show() {
        let ages = CoinAges::new(1_000, &[1, 144, 1_008], [(5, 1_000), (7, 999), (1, 857), (2, 856), (9, 0)]);
        let ages = ages.unwrap();
        assert_eq!(ages.amounts, [5, 8, 11, 0]);
        assert_eq!(ages.outputs, [1, 2, 2, 0]);
        assert_eq!(CoinAges::new(5, &[1], [(1, 6)]), Err(CoinAgeError::Future { height: 6 }));
        assert_eq!(CoinAges::new(5, &[2, 2], []), Err(CoinAgeError::Buckets));
        assert_eq!(CoinAges::new(5, &[], [(u128::MAX, 1), (1, 1)]), Err(CoinAgeError::Overflow));
    }

    #[test]
    fn no_height_is_likelier() {
        // With three heights, 2^64 mod 3 = 1 number at the top must be dropped.
        assert_eq!(uniform(u64::MAX, 2), None);
        assert_eq!(uniform(u64::MAX - 1, 2), Some(2));
        assert_eq!(uniform(u64::MAX, 1), Some(1));
        assert_eq!(uniform(u64::MAX, 0), Some(0));
        assert_eq!(uniform(u64::MAX, u64::MAX), Some(u64::MAX));
        assert_eq!(uniform(u64::MAX, u64::MAX - 1), None);
        let mut counts = [0u32; 8];
        for beacon in 0..2_000u16 {
            let mut bytes = [0; 32];
            bytes[..2].copy_from_slice(&beacon.to_le_bytes());
            for height in (Resample { from: 0, to: 7, count: 2, ..ASK }).heights(&bytes).unwrap() {
                counts[usize::try_from(height).unwrap()] += 1;
            }
        }
        // 500 expected, deviation about 20.
        assert!(counts.iter().all(|count| (400..600).contains(count)), "{counts:?}");
    }

    proptest! {
        #[test]
        fn heights_are_different_and_in_range(from in any::<u64>(), span in 0u64..5_000, count in 0usize..60, beacon in any::<[u8; 32]>()) {
            let ask = Resample { from, to: from.saturating_add(span), count, ..ASK };
            let possible = ask.to - from;
            match ask.heights(&beacon) {
                Ok(heights) => {
                    prop_assert_eq!(heights.len(), count);
                    prop_assert!(heights.windows(2).all(|pair| pair[0] < pair[1]));
                    prop_assert!(heights.iter().all(|height| (from..=ask.to).contains(height)));
                }
                Err(_) => prop_assert!(count == 0 || count as u64 - 1 > possible),
            }
        }
    }
}
