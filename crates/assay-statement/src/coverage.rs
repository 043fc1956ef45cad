//! Whether an account is above water: what secures its debt is worth at least as much as the debt.
//!
//! This is the definition, in integers alone, that readers apply and that a circuit must agree with bit for bit; the
//! coverage chapter of the book says the same in formulas. Values are counted in *value units* of `2^-15` of the
//! reference currency, and, behind a haircut, in hundredths of them. Every rounding goes against the exchange: debt is
//! worth a little more and collateral a little less than at the exact price.
//!
//! Rules, by their names in [`Rule`]:
//!
//! * `collateral_exceeds_equity`: of each asset, no more is pledged, for all products together, than is held.
//! * `product_debt_uncovered`: debt of a kind of its product's own is at most the haircut value of that product's
//!   collateral.
//! * `debt_uncovered`: all debt is at most the haircut value of all collateral.
//!
//! The first and the third imply that the net worth isn't negative. An account with equity only needs none of this.

use alloc::vec::Vec;
use core::fmt;

use crate::wide::Wide;
use crate::{Amount, AssetTable, Entry, HaircutTier, Kind, Price, Role};

/// Bits of a value unit behind the binary point of the reference currency: one [limb](LIMB_BITS).
pub const VALUE_FRACTION_BITS: u32 = LIMB_BITS;

/// Bits that a value in value units can have.
pub const VALUE_BITS: u32 = 75;

/// Bits of the limbs in which amounts, weights and values are multiplied and compared.
pub const LIMB_BITS: u32 = 15;

/// Bits that a weight can have.
pub const WEIGHT_BITS: u32 = 43;

/// Limbs of a weight.
pub const WEIGHT_LIMBS: usize = 3;

/// The most that the limbs of a weight add up to, so that no sum of products with limbs of an amount, with what is
/// carried, reaches `p = 2^31 - 2^24 + 1`.
pub const MAX_LIMB_SUM: u64 = 65_000;

/// Largest [`Weights::shift`], in limbs.
pub const MAX_SHIFT: u32 = 8;

/// The value of one base unit of an asset, in value units, as two integers of at most 43 bits over a power of `2^15`.
///
/// With `r = mantissa * 2^15 / 10^(scale + decimals)`, the exact value, `shift` is the largest `o` in `0..=8` for which
/// `up` is below `2^43`. The limbs of either weight add up to at most [`MAX_LIMB_SUM`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weights {
    /// The largest integer with such limbs up to `r * 2^(15 shift)`, by which collateral is valued.
    pub down: u64,
    /// An integer with such limbs from `r * 2^(15 shift)` on, by which debt is valued.
    pub up: u64,
    /// How many limbs stand behind the binary point.
    pub shift: u8,
}

impl Weights {
    /// The weights of an asset with this price of a whole unit and so many decimals; none if a base unit is worth
    /// about `2^43` value units or more, or price and decimals are beyond what an asset table admits (18 and 27).
    pub fn new(price: Price, decimals: u8) -> Option<Self> {
        if price.scale > 18 || decimals > 27 {
            return None;
        }
        let exponent = u32::from(price.scale) + u32::from(decimals);
        (0..=MAX_SHIFT).rev().find_map(|shift| {
            // Below 2^(64 + 15 + 120).
            let bits = VALUE_FRACTION_BITS + LIMB_BITS * shift;
            let numerator = Wide::product(u128::from(price.mantissa), 1).shifted_left(bits);
            let (quotient, inexact) = numerator.divided_by_power_of_ten(exponent);
            let floor = u64::try_from(quotient.below(WEIGHT_BITS)?).ok()?;
            let up = with_small_limbs_up(floor + u64::from(inexact));
            (up >> WEIGHT_BITS == 0).then_some(())?;
            Some(Self { down: with_small_limbs_down(floor), up, shift: u8::try_from(shift).ok()? })
        })
    }

    /// The limbs of a weight, the lowest first.
    pub fn limbs(weight: u64) -> [u32; WEIGHT_LIMBS] {
        // Below 2^15 each.
        core::array::from_fn(|i| (weight >> (LIMB_BITS * i as u32)) as u32 & ((1 << LIMB_BITS) - 1))
    }

    /// Value of `amount` as collateral, rounded down; none from `2^75` value units on.
    pub fn value_down(&self, amount: Amount) -> Option<u128> {
        self.value(amount, self.down).0.below(VALUE_BITS)
    }

    /// Value of `amount` as debt, rounded up; none if it is `2^75` value units or more before it is rounded.
    pub fn value_up(&self, amount: Amount) -> Option<u128> {
        let (floor, inexact) = self.value(amount, self.up);
        Some(floor.below(VALUE_BITS)? + u128::from(inexact))
    }

    fn value(&self, amount: Amount, weight: u64) -> (Wide, bool) {
        // Below 2^(90 + 43).
        Wide::product(amount.get(), weight).shifted_right(LIMB_BITS * u32::from(self.shift))
    }
}

/// How far the limbs of `weight`, below `2^44`, add up beyond [`MAX_LIMB_SUM`]. It is less than the lowest limb, as the
/// others stay below `2^15 + 2^14`.
fn limb_excess(weight: u64) -> u64 {
    let sum: u64 = Weights::limbs(weight).into_iter().map(u64::from).sum();
    sum.saturating_sub(MAX_LIMB_SUM)
}

/// The largest number up to `weight` whose limbs add up to at most [`MAX_LIMB_SUM`].
fn with_small_limbs_down(weight: u64) -> u64 {
    weight - limb_excess(weight)
}

/// `weight` if its limbs add up to at most [`MAX_LIMB_SUM`], else the next multiple of `2^15`, whose lowest limb is zero.
fn with_small_limbs_up(weight: u64) -> u64 {
    if limb_excess(weight) == 0 { weight } else { ((weight >> LIMB_BITS) + 1) << LIMB_BITS }
}

/// Prices, haircuts and products of an asset table, ready to check accounts.
#[derive(Clone, Debug)]
pub struct PriceTable {
    assets: Vec<PricedAsset>,
    roles: [Option<Role>; Kind::COUNT],
    products: usize,
}

#[derive(Clone, Debug)]
struct PricedAsset {
    decimals: u8,
    weights: Option<Weights>,
    /// Tiers by kind, ends in value units.
    tiers: [Vec<Tier>; Kind::COUNT],
}

#[derive(Clone, Copy, Debug)]
struct Tier {
    /// In value units.
    end: u128,
    percent: u8,
}

impl PriceTable {
    /// The prices of `table`, whose prices all have weights.
    pub fn new(table: &AssetTable) -> Self {
        let assets = table.assets().iter().map(|asset| {
            let mut tiers: [Vec<Tier>; Kind::COUNT] = Default::default();
            for haircuts in &asset.haircuts {
                if let Some(slot) = tiers.get_mut(usize::from(haircuts.kind.number())) {
                    *slot = haircuts.tiers.iter().map(Tier::from).collect();
                }
            }
            let weights = asset.price.and_then(|price| Weights::new(price, asset.decimals));
            PricedAsset { decimals: asset.decimals, weights, tiers }
        });
        let mut kinds = Kind::numbers();
        Self {
            assets: assets.collect(),
            roles: core::array::from_fn(|_| table.products().role(kinds.next()?)),
            products: table.products().len(),
        }
    }

    /// Number of assets.
    pub fn len(&self) -> usize {
        self.assets.len()
    }

    /// Whether there are no assets.
    pub fn is_empty(&self) -> bool {
        self.assets.is_empty()
    }

    /// The weights of the asset at `asset`; none without a price.
    pub fn weights(&self, asset: usize) -> Option<Weights> {
        self.assets.get(asset)?.weights
    }

    /// What of `value`, up to `2^75` value units, of collateral of `kind` in the asset at `asset` counts, in hundredths of
    /// value units; exact. What lies beyond the last tier counts nothing, and so does all of it without tiers.
    pub fn haircut(&self, asset: usize, kind: Kind, value: u128) -> u128 {
        let mut start = 0;
        let mut counted = 0;
        for tier in self.tiers_of(asset, kind) {
            // At most 100 times the value in all, below 2^82.
            counted += u128::from(tier.percent) * (value.min(tier.end) - value.min(start));
            start = tier.end;
        }
        counted
    }

    /// The tiers of collateral of `kind` in the asset at `asset`: where each ends in whole units of the reference currency,
    /// and its percent.
    pub fn tiers(&self, asset: usize, kind: Kind) -> impl Iterator<Item = (u128, u8)> + '_ {
        let tiers = self.tiers_of(asset, kind).iter();
        tiers.map(|tier| (tier.end >> VALUE_FRACTION_BITS, tier.percent))
    }

    fn tiers_of(&self, asset: usize, kind: Kind) -> &[Tier] {
        let tiers = self.assets.get(asset).and_then(|asset| asset.tiers.get(usize::from(kind.number())));
        tiers.map_or(&[], Vec::as_slice)
    }

    /// What `kind` is; none if nothing defines it.
    pub fn role(&self, kind: Kind) -> Option<Role> {
        self.roles.get(usize::from(kind.number())).copied().flatten()
    }
}

impl From<&HaircutTier> for Tier {
    fn from(tier: &HaircutTier) -> Self {
        // Below 2^(64 + 15).
        Self { end: u128::from(tier.up_to) << VALUE_FRACTION_BITS, percent: tier.percent }
    }
}

/// Checks the account with these `entries`, which must strictly increase by key.
///
/// All rules that it breaks come back, in the order of [`Rule`] for each asset, then for each product. An entry counts
/// whatever its amount is: a canonical account has none of zero. Where a value is unknown or too large, the rules that
/// need it aren't judged; the account is refused in any case.
pub fn check_account(prices: &PriceTable, entries: &[Entry]) -> Result<(), Vec<Breach>> {
    if entries.iter().all(|entry| entry.key.kind() == Kind::EQUITY) {
        return Ok(());
    }
    let breaches = breaches(prices, entries);
    if breaches.is_empty() { Ok(()) } else { Err(breaches) }
}

/// Debt and haircut value of collateral under one product, in hundredths of value units. An account has at most 8,184
/// entries, so sums stay below `2^(75 + 7 + 13)`.
#[derive(Clone, Copy, Default)]
struct Sums {
    debt: u128,
    collateral: u128,
}

fn breaches(prices: &PriceTable, entries: &[Entry]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut all = Sums::default();
    let mut by_product = [(); Kind::COUNT].map(|()| Sums::default());
    let mut known = true;
    for of_asset in entries.chunk_by(|a, b| a.key.asset() == b.key.asset()) {
        let Some(asset) = of_asset.first().map(|entry| entry.key.asset()) else { continue };
        let breach = |rule, product, by| Breach { rule, asset: Some(asset), product, by };
        let mut equity: u128 = 0;
        // Below 2^(90 + 3).
        let mut pledged: u128 = 0;
        for entry in of_asset {
            match prices.role(entry.key.kind()) {
                Some(Role::Equity) => equity += entry.amount.get(),
                Some(Role::Collateral { .. }) => pledged += entry.amount.get(),
                Some(Role::Debt { .. }) | None => {}
            }
        }
        if let Some(by) = pledged.checked_sub(equity).filter(|by| *by > 0) {
            let decimals = prices.assets.get(asset).map_or(0, |asset| asset.decimals);
            let by = Shortfall::BaseUnits { units: by, decimals };
            breaches.push(breach(Rule::CollateralExceedsEquity, None, Some(by)));
        }
        for entry in of_asset {
            let kind = entry.key.kind();
            let role = prices.role(kind).filter(|_| asset < prices.assets.len());
            let (product, value) = match role {
                Some(Role::Equity) => continue,
                Some(Role::Debt { product }) => {
                    (product, prices.weights(asset).map(|w| w.value_up(entry.amount)))
                }
                Some(Role::Collateral { product }) => {
                    (Some(product), prices.weights(asset).map(|w| w.value_down(entry.amount)))
                }
                None => {
                    breaches.push(breach(Rule::Undefined, None, None));
                    known = false;
                    continue;
                }
            };
            let value = match value {
                Some(Some(value)) => value,
                Some(None) => {
                    breaches.push(breach(Rule::ValueTooLarge, product, None));
                    known = false;
                    continue;
                }
                None => {
                    breaches.push(breach(Rule::NoPrice, product, None));
                    known = false;
                    continue;
                }
            };
            let of_product = product.and_then(|product| by_product.get_mut(product));
            let counted = if matches!(role, Some(Role::Debt { .. })) {
                Sums { debt: 100 * value, collateral: 0 }
            } else {
                Sums { debt: 0, collateral: prices.haircut(asset, kind, value) }
            };
            for sums in of_product.into_iter().chain([&mut all]) {
                sums.debt += counted.debt;
                sums.collateral += counted.collateral;
            }
        }
    }
    if known {
        let products = by_product.iter().enumerate().take(prices.products);
        let products = products.map(|(product, sums)| (Rule::ProductDebtUncovered, Some(product), sums));
        for (rule, product, sums) in products.chain([(Rule::DebtUncovered, None, &all)]) {
            if let Some(by) = sums.debt.checked_sub(sums.collateral).filter(|by| *by > 0) {
                breaches.push(Breach {
                    rule,
                    asset: None,
                    product,
                    by: Some(Shortfall::Value { hundredths: by }),
                });
            }
        }
    }
    breaches
}

/// A rule that accounts with debt or collateral must keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// More of an asset is pledged than held.
    CollateralExceedsEquity,
    /// An entry of an asset or kind that the asset table lacks.
    Undefined,
    /// A debt or collateral entry of an asset without a price.
    NoPrice,
    /// A debt or collateral entry worth `2^75` value units or more.
    ValueTooLarge,
    /// A product's own debt is worth more than what that product's collateral counts.
    ProductDebtUncovered,
    /// All debt is worth more than what all collateral counts.
    DebtUncovered,
}

impl Rule {
    /// Its name in lists and in the book.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CollateralExceedsEquity => "collateral_exceeds_equity",
            Self::Undefined => "undefined",
            Self::NoPrice => "no_price",
            Self::ValueTooLarge => "value_too_large",
            Self::ProductDebtUncovered => "product_debt_uncovered",
            Self::DebtUncovered => "debt_uncovered",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A rule that an account breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The rule.
    pub rule: Rule,
    /// Index of the asset in the asset table, where the rule is about one.
    pub asset: Option<usize>,
    /// Index of the product, where the rule is about one.
    pub product: Option<usize>,
    /// What is missing, exactly, where the rule compares figures.
    pub by: Option<Shortfall>,
}

/// What an account lacks to keep a rule. The display form shows it in full; mind where it goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shortfall {
    /// Base units of the rule's asset; displayed in whole units.
    BaseUnits {
        /// How many, at least one.
        units: u128,
        /// Decimals of the asset.
        decimals: u8,
    },
    /// Value; displayed in the reference currency.
    Value {
        /// Hundredths of value units, `2^-15 / 100` of the reference currency each, at least one.
        hundredths: u128,
    },
}

/// Both forms are exact decimal numbers.
impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction, decimals) = match *self {
            Self::BaseUnits { units, decimals } => match 10u128.checked_pow(decimals.into()) {
                Some(unit) => (units / unit, units % unit, usize::from(decimals)),
                None => (0, units, usize::from(decimals)),
            },
            Self::Value { hundredths } => {
                // 1 / (100 * 2^15) is 5^15 / 10^17.
                let unit = 100 << VALUE_FRACTION_BITS;
                (
                    hundredths / unit,
                    hundredths % unit * 5u128.pow(VALUE_FRACTION_BITS),
                    2 + VALUE_FRACTION_BITS as usize,
                )
            }
        };
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        let digits = alloc::format!("{fraction:0decimals$}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

/// Balances are private, and a shortfall tells of them, so the debug form hides the figure.
impl fmt::Debug for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shortfall(..)")
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn shortfalls_are_exact_decimals() {
        let value = |hundredths| format!("{}", Shortfall::Value { hundredths });
        assert_eq!(value(1), "0.00000030517578125");
        assert_eq!(value(3_276_800), "1");
        assert_eq!(value(3_276_800 * 7 / 2), "3.5");
        assert_eq!(value(u128::MAX >> 1), "51922968585348276285304963292200.95999969482421875");
        let units = |units, decimals| format!("{}", Shortfall::BaseUnits { units, decimals });
        assert_eq!(units(1, 8), "0.00000001");
        assert_eq!(units(150, 2), "1.5");
        assert_eq!(units(7, 0), "7");
        assert_eq!(format!("{:?}", Shortfall::BaseUnits { units: 7, decimals: 0 }), "Shortfall(..)");
    }

    #[test]
    fn limbs_of_weights_add_up_to_little() {
        let at = |limbs: [u64; 3]| limbs[0] | limbs[1] << 15 | limbs[2] << 30;
        for (exact, down, up) in [
            ([0, 0, 0], [0, 0, 0], [0, 0, 0]),
            ([32_233, 32_767, 0], [32_233, 32_767, 0], [32_233, 32_767, 0]),
            ([32_234, 32_767, 0], [32_233, 32_767, 0], [0, 0, 1]),
            ([32_767, 32_766, 1], [32_233, 32_766, 1], [0, 32_767, 1]),
            ([32_767, 32_767, 8_190], [24_043, 32_767, 8_190], [0, 0, 8_191]),
            ([32_767, 32_767, 8_191], [24_042, 32_767, 8_191], [0, 0, 8_192]),
        ] {
            assert_eq!(with_small_limbs_down(at(exact)), at(down), "{exact:?}");
            assert_eq!(with_small_limbs_up(at(exact)), at(up), "{exact:?}");
        }
    }

    #[test]
    fn weights_have_the_largest_shift() {
        let weights = |mantissa, scale, decimals| Weights::new(Price { mantissa, scale }, decimals);
        // 2^15 value units each: 2^45 doesn't fit 43 bits, 2^30 does.
        assert_eq!(weights(1, 0, 0), Some(Weights { down: 1 << 30, up: 1 << 30, shift: 1 }));
        assert_eq!(weights(0, 0, 0), Some(Weights { down: 0, up: 0, shift: 8 }));
        assert_eq!(weights(1, 18, 27), Some(Weights { down: 0, up: 1, shift: 8 }));
        assert_eq!(weights((1 << 28) - 1, 0, 0).map(|weights| weights.shift), Some(0));
        assert_eq!(weights(1 << 28, 0, 0), None);
        assert_eq!(weights(u64::MAX, 0, 0), None);
        assert_eq!(weights(1, 19, 0), None);
        assert_eq!(weights(1, 0, 28), None);
    }
}
