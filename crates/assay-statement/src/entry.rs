use core::fmt;

use crate::{Amount, MAX_ASSETS};

/// What a position means for the account that holds it, as a number in `[0, COUNT)`.
///
/// 0 is equity and 1 is debt, always. The other numbers mean what the [`Products`](crate::Products) of the asset table
/// say, which also name them; a number that they don't define has no place in a ledger, a total or a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(u8);

impl Kind {
    /// What the custodian owes the customer.
    pub const EQUITY: Self = Self(0);
    /// What the customer owes the custodian.
    pub const DEBT: Self = Self(1);
    /// Equity pledged for VIP loans, with the default products.
    pub const COLLATERAL_LOAN: Self = Self(2);
    /// Equity pledged for margin trading, with the default products.
    pub const COLLATERAL_MARGIN: Self = Self(3);
    /// Equity pledged for portfolio margin, with the default products.
    pub const COLLATERAL_PORTFOLIO: Self = Self(4);

    /// Numbers that a kind can take.
    pub const COUNT: usize = 8;

    /// The kinds that the default products define, in order.
    pub const DEFAULT: [Self; 5] = [
        Self::EQUITY,
        Self::DEBT,
        Self::COLLATERAL_LOAN,
        Self::COLLATERAL_MARGIN,
        Self::COLLATERAL_PORTFOLIO,
    ];

    /// The kind with this number, below [`Kind::COUNT`].
    pub const fn from_number(number: u8) -> Result<Self, KindError> {
        if (number as usize) < Self::COUNT { Ok(Self(number)) } else { Err(KindError) }
    }

    /// All numbers in order, whether or not an asset table gives them a meaning.
    pub fn numbers() -> impl Iterator<Item = Self> {
        (0..8).map(Self)
    }

    /// Its number, in `[0, COUNT)`.
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// Equity and debt by name, others by number: what they are called is up to the asset table.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::EQUITY => f.write_str("equity"),
            Self::DEBT => f.write_str("debt"),
            Self(number) => write!(f, "kind {number}"),
        }
    }
}

/// A kind that doesn't exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind (equity, debt, and what the asset table's products define)")]
pub struct KindError;

/// Asset and kind of an entry as one number, `8 * (asset index + 1) + kind`, in `[8, 8192)`.
///
/// Zero never occurs, so a zero key in a leaf's last half block is padding and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryKey(u16);

impl EntryKey {
    /// Numbers that a key stays below.
    pub const BOUND: u16 = 1 << 13;

    /// The smallest key: equity in the first asset.
    pub const FIRST: Self = Self(8);

    /// The key of `kind` in the asset at `asset` of the table.
    pub fn new(asset: usize, kind: Kind) -> Result<Self, EntryKeyError> {
        match u16::try_from(asset) {
            Ok(index) if asset < MAX_ASSETS => Ok(Self(8 * (index + 1) + u16::from(kind.number()))),
            _ => Err(EntryKeyError),
        }
    }

    /// The key with this number. Whether its asset and kind have a meaning is up to the asset table; see
    /// [`AssetTable::defines`](crate::AssetTable::defines).
    pub fn from_number(number: u16) -> Result<Self, EntryKeyError> {
        if (8..Self::BOUND).contains(&number) { Ok(Self(number)) } else { Err(EntryKeyError) }
    }

    /// The number.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// Index of the asset in the asset table.
    pub const fn asset(self) -> usize {
        (self.0 >> 3) as usize - 1
    }

    /// The kind.
    pub const fn kind(self) -> Kind {
        Kind((self.0 & 7) as u8)
    }
}

/// A number that is no entry key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an entry key: asset index or kind out of range")]
pub struct EntryKeyError;

/// One position of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Asset and kind.
    pub key: EntryKey,
    /// Base units; a canonical entry isn't zero.
    pub amount: Amount,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_round_trip() {
        for asset in [0, 1, 299, MAX_ASSETS - 1] {
            for kind in Kind::numbers() {
                let key = EntryKey::new(asset, kind).unwrap();
                assert_eq!((key.asset(), key.kind()), (asset, kind));
                assert_eq!(EntryKey::from_number(key.number()), Ok(key));
                assert!(key.number() < EntryKey::BOUND);
            }
        }
    }

    #[test]
    fn keys_out_of_range_are_refused() {
        assert!(EntryKey::new(MAX_ASSETS, Kind::EQUITY).is_err());
        for number in [0, 7, EntryKey::BOUND, u16::MAX] {
            assert!(EntryKey::from_number(number).is_err(), "{number}");
        }
    }
}
