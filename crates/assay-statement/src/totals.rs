use alloc::collections::BTreeMap;

use crate::{Amount, EntryKey};

/// What all accounts together hold of one `(asset, kind)`, in base units.
pub type Total = u128;

/// The total per `(asset, kind)` over all accounts. A key without entries is absent.
///
/// A total is a 128-bit figure: `2^38` accounts at the largest amount fit, and a sum that doesn't fit is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals(BTreeMap<EntryKey, Total>);

impl Totals {
    /// No entries.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds one entry's amount.
    pub fn add(&mut self, key: EntryKey, amount: Amount) -> Result<(), TotalsError> {
        self.add_total(key, amount.get())
    }

    /// Adds a sum of many entries.
    pub fn add_total(&mut self, key: EntryKey, total: Total) -> Result<(), TotalsError> {
        let sum = self.0.entry(key).or_insert(0);
        *sum = sum.checked_add(total).ok_or(TotalsError::Overflow { key })?;
        Ok(())
    }

    /// The total of `key`, zero where no account has an entry.
    pub fn get(&self, key: EntryKey) -> Total {
        self.0.get(&key).copied().unwrap_or(0)
    }

    /// Keys and totals in order of the key.
    pub fn iter(&self) -> impl Iterator<Item = (EntryKey, Total)> + '_ {
        self.0.iter().map(|(key, total)| (*key, *total))
    }

    /// How many keys have entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no key has entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A total that doesn't fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TotalsError {
    /// `2^128` base units or more.
    #[error("a total reaches 2^128 base units")]
    Overflow {
        /// Whose total.
        key: EntryKey,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn a_total_never_wraps() {
        let key = EntryKey::new(0, Kind::EQUITY).unwrap();
        let mut totals = Totals::new();
        totals.add_total(key, u128::MAX).unwrap();
        assert_eq!(totals.add(key, Amount::ZERO), Ok(()));
        assert_eq!(totals.add_total(key, 1), Err(TotalsError::Overflow { key }));
    }
}
