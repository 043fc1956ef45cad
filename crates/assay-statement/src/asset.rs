use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::coverage::Weights;
use crate::{EntryKey, Kind, MAX_ASSETS, PriceRecord, Products, Role, Totals};

/// A symbol of an asset: 1 to 32 bytes of `A-Z a-z 0-9 . _ - / + * $ @ ( )`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(String);

impl Symbol {
    /// Checks and takes `text`.
    pub fn new(text: &str) -> Result<Self, SymbolError> {
        let fits = (1..=32).contains(&text.len());
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/+*$@()".contains(&byte);
        if fits && text.bytes().all(allowed) { Ok(Self(text.into())) } else { Err(SymbolError) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a symbol: 1 to 32 of A-Z a-z 0-9 . _ - / + * $ @ ( )")]
pub struct SymbolError;

/// A price of one whole unit in the reference currency, `mantissa * 10^-scale`.
///
/// In an asset table it must have [`Weights`], which all but absurd prices do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Price {
    /// Digits of the price.
    pub mantissa: u64,
    /// Decimals of the mantissa, at most 18.
    pub scale: u8,
}

/// The exact decimal number, with as many decimals as the scale.
impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = usize::from(self.scale);
        let digits = format!("{:0width$}", self.mantissa, width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        f.write_str(whole)?;
        if fraction.is_empty() { Ok(()) } else { write!(f, ".{fraction}") }
    }
}

/// One tier of a haircut: value in the reference currency from the end of the tier before to `up_to` counts
/// `percent` of itself; value beyond the last tier counts nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HaircutTier {
    /// Exclusive end of the tier, in whole units of the reference currency.
    pub up_to: u64,
    /// Share that counts, 0 to 100.
    pub percent: u8,
}

/// Haircut tiers that a collateral kind of an asset has at most.
pub const MAX_TIERS: usize = 16;

/// The haircut tiers of one collateral kind of one asset.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProductHaircuts {
    /// Which collateral.
    pub kind: Kind,
    /// At most [`MAX_TIERS`], `up_to` strictly increasing.
    pub tiers: Vec<HaircutTier>,
}

/// An asset that a ledger may name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Asset {
    /// Its symbol, unique in the table.
    pub symbol: Symbol,
    /// Decimals of a whole unit in base units, at most 27.
    pub decimals: u8,
    /// Its price, where one is known.
    pub price: Option<Price>,
    /// Where the price comes from; without it, somebody wrote it down.
    pub price_record: Option<PriceRecord>,
    /// Haircut tiers by collateral kind, in order of the kind.
    pub haircuts: Vec<ProductHaircuts>,
    /// Whole units that exist at the most, where that is known: nobody can owe more of the asset.
    pub supply_cap: Option<u64>,
}

impl Asset {
    /// An asset without price, haircuts and supply cap.
    pub fn new(symbol: Symbol, decimals: u8) -> Self {
        Self { symbol, decimals, price: None, price_record: None, haircuts: Vec::new(), supply_cap: None }
    }
}

/// The assets of an epoch, sorted by symbol; an asset's index is its place here.
///
/// The table is a constant of a proof: [`EntryKey`](crate::EntryKey)s mean nothing without it, and its digest is
/// part of the statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetTable {
    assets: Vec<Asset>,
    products: Products,
}

impl AssetTable {
    /// Sorts and checks `assets`, with the default products.
    pub fn new(assets: Vec<Asset>) -> Result<Self, AssetTableError> {
        Self::with_products(assets, Products::default())
    }

    /// Sorts and checks `assets`, with these products.
    pub fn with_products(mut assets: Vec<Asset>, products: Products) -> Result<Self, AssetTableError> {
        if assets.is_empty() {
            return Err(AssetTableError::Empty);
        }
        if assets.len() > MAX_ASSETS {
            return Err(AssetTableError::TooMany { assets: assets.len() });
        }
        assets.sort_by(|a, b| a.symbol.cmp(&b.symbol));
        for pair in assets.windows(2) {
            if let [a, b] = pair
                && a.symbol == b.symbol
            {
                return Err(AssetTableError::Duplicate { symbol: a.symbol.clone() });
            }
        }
        for asset in &assets {
            Self::check(asset, &products)?;
        }
        Ok(Self { assets, products })
    }

    /// The assets in order.
    pub fn assets(&self) -> &[Asset] {
        &self.assets
    }

    /// The products.
    pub fn products(&self) -> &Products {
        &self.products
    }

    /// Whether both asset and kind of `key` have a meaning.
    pub fn defines(&self, key: EntryKey) -> bool {
        key.asset() < self.assets.len() && self.products.defines(key.kind())
    }

    /// Name of `kind` for people: as ledgers spell it, or by number where the table lacks it.
    pub fn kind_name(&self, kind: Kind) -> alloc::borrow::Cow<'_, str> {
        match self.products.kind_name(kind) {
            Some(name) => name.into(),
            None => alloc::string::ToString::to_string(&kind).into(),
        }
    }

    /// The assets of which `totals` have more equity than can exist, in order.
    pub fn above_supply_cap<'a>(&'a self, totals: &'a Totals) -> impl Iterator<Item = &'a Asset> {
        self.assets.iter().enumerate().filter_map(|(index, asset)| {
            let unit = 10u128.checked_pow(asset.decimals.into())?;
            // A cap that doesn't fit can't be exceeded.
            let cap = u128::from(asset.supply_cap?).checked_mul(unit)?;
            let key = EntryKey::new(index, Kind::EQUITY).ok()?;
            (totals.get(key) > cap).then_some(asset)
        })
    }

    /// The asset at `index`.
    pub fn get(&self, index: usize) -> Option<&Asset> {
        self.assets.get(index)
    }

    /// The index of `symbol`.
    pub fn index_of(&self, symbol: &str) -> Option<usize> {
        self.assets.binary_search_by(|asset| asset.symbol.as_str().cmp(symbol)).ok()
    }

    /// Number of assets, at least one.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.assets.len()
    }

    fn check(asset: &Asset, products: &Products) -> Result<(), AssetTableError> {
        let symbol = || asset.symbol.clone();
        if asset.decimals > 27 {
            return Err(AssetTableError::Decimals { symbol: symbol(), decimals: asset.decimals });
        }
        if asset.price.is_some_and(|price| price.scale > 18) {
            return Err(AssetTableError::Price { symbol: symbol() });
        }
        if asset.price.is_some_and(|price| Weights::new(price, asset.decimals).is_none()) {
            return Err(AssetTableError::PriceTooHigh { symbol: symbol() });
        }
        if asset.price_record.as_ref().is_some_and(|record| asset.price.is_none() || !record.is_consistent())
        {
            return Err(AssetTableError::PriceRecord { symbol: symbol() });
        }
        let ordered_kinds = asset.haircuts.windows(2).all(|pair| match pair {
            [a, b] => a.kind < b.kind,
            _ => true,
        });
        let is_collateral = |kind: Kind| matches!(products.role(kind), Some(Role::Collateral { .. }));
        let tiers_fit = asset.haircuts.iter().all(|haircuts| {
            let mut last = 0;
            (1..=MAX_TIERS).contains(&haircuts.tiers.len())
                && is_collateral(haircuts.kind)
                && haircuts.tiers.iter().all(|tier| {
                    let grows = tier.up_to > last;
                    last = tier.up_to;
                    grows && tier.percent <= 100
                })
        });
        if !ordered_kinds || !tiers_fit {
            return Err(AssetTableError::Haircuts { symbol: symbol() });
        }
        Ok(())
    }
}

/// Why assets don't make a table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssetTableError {
    /// No asset at all.
    #[error("the asset table is empty")]
    Empty,
    /// More than [`MAX_ASSETS`].
    #[error("the asset table has {assets} assets, more than {MAX_ASSETS}")]
    TooMany {
        /// How many there are.
        assets: usize,
    },
    /// One symbol twice.
    #[error("the asset table lists {symbol} twice")]
    Duplicate {
        /// The symbol.
        symbol: Symbol,
    },
    /// More than 27 decimals, which no 90-bit amount can hold.
    #[error("{symbol} has {decimals} decimals, more than 27")]
    Decimals {
        /// The asset.
        symbol: Symbol,
        /// Its decimals.
        decimals: u8,
    },
    /// A price with more than 18 decimals.
    #[error("the price of {symbol} has more than 18 decimals")]
    Price {
        /// The asset.
        symbol: Symbol,
    },
    /// A price by which one base unit is worth `2^44` of the reference currency or more.
    #[error("the price of {symbol} is too high: a base unit must be worth less than 2^28")]
    PriceTooHigh {
        /// The asset.
        symbol: Symbol,
    },
    /// A record of where a price comes from beside no price, or whose figures don't fit together or its grade.
    #[error(
        "the record of the price of {symbol} has no price, or its figures do not fit together or its grade"
    )]
    PriceRecord {
        /// The asset.
        symbol: Symbol,
    },
    /// Haircut tiers that don't grow, exceed 100 percent, or belong to no collateral kind.
    #[error(
        "the haircut tiers of {symbol} must belong to collateral kinds in order, grow strictly, stay within {MAX_TIERS} tiers and 100 percent"
    )]
    Haircuts {
        /// The asset.
        symbol: Symbol,
    },
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use super::*;

    fn asset(symbol: &str) -> Asset {
        Asset::new(Symbol::new(symbol).unwrap(), 8)
    }

    #[test]
    fn table_is_sorted_and_unique() {
        let table = AssetTable::new(vec![asset("ETH"), asset("BTC")]).unwrap();
        assert_eq!(table.index_of("BTC"), Some(0));
        assert_eq!(table.index_of("btc"), None);
        assert!(matches!(
            AssetTable::new(vec![asset("BTC"), asset("BTC")]),
            Err(AssetTableError::Duplicate { .. })
        ));
        assert_eq!(AssetTable::new(vec![]), Err(AssetTableError::Empty));
    }

    #[test]
    fn equity_above_a_supply_cap_is_named() {
        let mut capped = asset("BTC");
        capped.supply_cap = Some(21);
        let mut vast = asset("VAST");
        (vast.decimals, vast.supply_cap) = (27, Some(u64::MAX));
        let table = AssetTable::new(vec![capped, asset("ETH"), vast]).unwrap();
        let above = |figures: [u128; 3]| {
            let mut totals = Totals::new();
            for (index, figure) in figures.into_iter().enumerate() {
                totals.add_total(EntryKey::new(index, Kind::EQUITY).unwrap(), figure).unwrap();
            }
            table.above_supply_cap(&totals).map(|asset| asset.symbol.to_string()).collect::<Vec<_>>()
        };
        assert!(above([2_100_000_000, u128::MAX, u128::MAX]).is_empty());
        assert_eq!(above([2_100_000_001, 0, 0]), ["BTC"]);
    }

    #[test]
    fn prices_are_shown_exactly() {
        for (mantissa, scale, text) in [
            (150, 2, "1.50"),
            (1, 18, "0.000000000000000001"),
            (7, 0, "7"),
            (u64::MAX, 1, "1844674407370955161.5"),
        ] {
            assert_eq!(Price { mantissa, scale }.to_string(), text);
        }
    }

    #[test]
    fn a_record_needs_a_price_and_figures_that_fit() {
        let mut recorded = asset("BTC");
        recorded.price_record = Some(PriceRecord {
            grade: crate::PriceGrade::Verified,
            method: crate::PriceMethod::Median,
            sources: 3,
            oldest: 1,
            newest: 2,
            deviation_ppm: 0,
            file: crate::FileDigest([0; 32]),
        });
        let refused = Err(AssetTableError::PriceRecord { symbol: recorded.symbol.clone() });
        assert_eq!(AssetTable::new(vec![recorded.clone()]), refused);
        recorded.price = Some(Price { mantissa: 1, scale: 0 });
        assert!(AssetTable::new(vec![recorded.clone()]).is_ok());
        recorded.price_record.iter_mut().for_each(|record| record.sources = 2);
        assert_eq!(AssetTable::new(vec![recorded]), refused);
    }

    #[test]
    fn tiers_must_grow() {
        let mut bad = asset("BTC");
        let tier = HaircutTier { up_to: 10, percent: 90 };
        bad.haircuts = vec![ProductHaircuts { kind: Kind::COLLATERAL_LOAN, tiers: vec![tier, tier] }];
        assert!(matches!(AssetTable::new(vec![bad]), Err(AssetTableError::Haircuts { .. })));
    }
}
