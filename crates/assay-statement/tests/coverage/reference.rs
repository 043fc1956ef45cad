//! The rules once more, after the book's chapter and nothing else: fractions of unbounded integers, one rule at a time,
//! each over all entries.

use std::collections::BTreeSet;

use assay_statement::coverage::{Breach, Shortfall};
use assay_statement::{Amount, AssetTable, Entry, Kind, Price};
use num_bigint::BigUint;

/// A non-negative fraction, never reduced.
#[derive(Clone)]
pub(crate) struct Fraction {
    over: BigUint,
    under: BigUint,
}

fn big(number: impl Into<BigUint>) -> BigUint {
    number.into()
}

fn two_to(exponent: u64) -> BigUint {
    big(1u8) << exponent
}

impl Fraction {
    pub(crate) fn new(over: impl Into<BigUint>, under: impl Into<BigUint>) -> Self {
        Self { over: over.into(), under: under.into() }
    }

    fn times(&self, factor: impl Into<BigUint>) -> Self {
        Self::new(&self.over * factor.into(), self.under.clone())
    }

    /// The fraction times an amount.
    pub(crate) fn of(&self, amount: Amount) -> Self {
        self.times(amount.get())
    }

    pub(crate) fn floor(&self) -> BigUint {
        &self.over / &self.under
    }

    pub(crate) fn ceil(&self) -> BigUint {
        (&self.over + &self.under - 1u8) / &self.under
    }
}

/// The exact value of a base unit in value units.
pub(crate) fn rate(price: Price, decimals: u8) -> Fraction {
    Fraction::new(
        big(price.mantissa) * 32_768u32,
        big(10u8).pow(u32::from(price.scale)) * big(10u8).pow(u32::from(decimals)),
    )
}

pub(crate) struct RoundedRate {
    pub(crate) down: BigUint,
    pub(crate) up: BigUint,
    pub(crate) shift: u64,
}

/// The last shift, from the first on, at which both weights fit.
pub(crate) fn rounded(rate: &Fraction) -> Option<RoundedRate> {
    let fits = |shift: u64| {
        let scaled = rate.times(two_to(15 * shift));
        let (mut down, mut up) = (scaled.floor(), scaled.ceil());
        down -= digit_sum(&down).saturating_sub(65_000);
        if digit_sum(&up) > 65_000 {
            up = Fraction::new(up, two_to(15)).ceil() * two_to(15);
        }
        (up < two_to(43)).then_some(RoundedRate { down, up, shift })
    };
    (0..9).map_while(fits).last()
}

/// What the digits to the base `2^15` add up to.
fn digit_sum(number: &BigUint) -> u64 {
    let mut left = number.clone();
    let mut sum = 0;
    while left > big(0u8) {
        sum += u64::try_from(&left % 32_768u32).unwrap();
        left /= 32_768u32;
    }
    sum
}

impl RoundedRate {
    pub(crate) fn value_down(&self, amount: Amount) -> BigUint {
        Fraction::new(big(amount.get()) * &self.down, two_to(15 * self.shift)).floor()
    }

    pub(crate) fn value_up(&self, amount: Amount) -> BigUint {
        Fraction::new(big(amount.get()) * &self.up, two_to(15 * self.shift)).ceil()
    }

    /// The value as debt before it is rounded up, which is what must fit.
    pub(crate) fn value_up_floor(&self, amount: Amount) -> BigUint {
        Fraction::new(big(amount.get()) * &self.up, two_to(15 * self.shift)).floor()
    }
}

/// What counts of a value, eaten tier by tier.
pub(crate) fn haircut(tiers: &[(u64, u8)], value: &BigUint) -> BigUint {
    let mut left = value.clone();
    let mut counted = big(0u8);
    let mut end = 0;
    for (up_to, percent) in tiers {
        let room = big(up_to - end) * 32_768u32;
        let eaten = left.clone().min(room);
        left -= &eaten;
        counted += eaten * *percent;
        end = *up_to;
    }
    counted
}

/// A breach as plain data: rule, asset, product, what is missing.
pub(crate) type Plain = (&'static str, Option<usize>, Option<usize>, Option<BigUint>);

pub(crate) fn plain(breaches: &[Breach]) -> BTreeSet<Plain> {
    let by = |shortfall: Shortfall| match shortfall {
        Shortfall::BaseUnits { units, .. } => big(units),
        Shortfall::Value { hundredths } => big(hundredths),
    };
    breaches
        .iter()
        .map(|breach| (breach.rule.name(), breach.asset, breach.product, breach.by.map(by)))
        .collect()
}

/// All that is wrong with an account.
pub(crate) fn judge(table: &AssetTable, entries: &[Entry]) -> BTreeSet<Plain> {
    let products: Vec<_> = table.products().iter().cloned().collect();
    let is_collateral = |kind: Kind| products.iter().position(|product| product.collateral == kind);
    let own_debt = |kind: Kind| products.iter().position(|product| product.debt == Some(kind));
    let is_debt = |kind: Kind| kind == Kind::DEBT || own_debt(kind).is_some();
    let sum = |entries: &mut dyn Iterator<Item = &Entry>| {
        entries.map(|entry| big(entry.amount.get())).sum::<BigUint>()
    };
    let mut wrong = BTreeSet::new();

    for asset in 0..table.len() {
        let of = |entry: &&Entry| entry.key.asset() == asset;
        let equity = sum(&mut entries.iter().filter(of).filter(|entry| entry.key.kind() == Kind::EQUITY));
        let pledged =
            sum(&mut entries.iter().filter(of).filter(|entry| is_collateral(entry.key.kind()).is_some()));
        if pledged > equity {
            wrong.insert(("collateral_exceeds_equity", Some(asset), None, Some(pledged - equity)));
        }
    }

    let mut judged = true;
    let mut debts = vec![];
    let mut securities = vec![];
    for entry in entries.iter().filter(|entry| entry.key.kind() != Kind::EQUITY) {
        let (asset, kind) = (entry.key.asset(), entry.key.kind());
        let product = is_collateral(kind).or(own_debt(kind));
        if product.is_none() && kind != Kind::DEBT {
            wrong.insert(("undefined", Some(asset), None, None));
            judged = false;
            continue;
        }
        let described = table.get(asset).unwrap();
        let Some(price) = described.price else {
            wrong.insert(("no_price", Some(asset), product, None));
            judged = false;
            continue;
        };
        let rate = rounded(&rate(price, described.decimals)).unwrap();
        let value = if is_debt(kind) { rate.value_up(entry.amount) } else { rate.value_down(entry.amount) };
        let unrounded = if is_debt(kind) { rate.value_up_floor(entry.amount) } else { value.clone() };
        if unrounded >= two_to(75) {
            wrong.insert(("value_too_large", Some(asset), product, None));
            judged = false;
        } else if is_debt(kind) {
            debts.push((product, value * 100u8));
        } else {
            let tiers = described.haircuts.iter().find(|haircuts| haircuts.kind == kind);
            let tiers = tiers.map_or(vec![], |haircuts| {
                haircuts.tiers.iter().map(|tier| (tier.up_to, tier.percent)).collect()
            });
            securities.push((product, haircut(&tiers, &value)));
        }
    }
    if !judged {
        return wrong;
    }
    let total = |figures: &[(Option<usize>, BigUint)], of: Option<usize>| {
        figures
            .iter()
            .filter(|(product, _)| of.is_none() || *product == of)
            .map(|(_, value)| value)
            .sum::<BigUint>()
    };
    for product in (0..products.len()).filter(|product| products[*product].debt.is_some()) {
        let (debt, security) = (total(&debts, Some(product)), total(&securities, Some(product)));
        if debt > security {
            wrong.insert(("product_debt_uncovered", None, Some(product), Some(debt - security)));
        }
    }
    let (debt, security) = (total(&debts, None), total(&securities, None));
    if debt > security {
        wrong.insert(("debt_uncovered", None, None, Some(debt - security)));
    }
    wrong
}

/// Net worth as the chapter defines it: equity rounded down less debt rounded up, in value units. Whether it is at least
/// zero; none where a price is missing.
pub(crate) fn has_net_worth(table: &AssetTable, entries: &[Entry]) -> Option<bool> {
    let mut equity = big(0u8);
    let mut debt = big(0u8);
    for entry in entries {
        let kind = entry.key.kind();
        let is_debt = kind == Kind::DEBT || table.products().iter().any(|product| product.debt == Some(kind));
        if kind != Kind::EQUITY && !is_debt {
            continue;
        }
        let described = table.get(entry.key.asset())?;
        let Some(price) = described.price else {
            // Equity without a price counts nothing.
            if is_debt {
                return None;
            }
            continue;
        };
        let rate = rounded(&rate(price, described.decimals))?;
        if is_debt {
            debt += rate.value_up(entry.amount);
        } else {
            equity += rate.value_down(entry.amount);
        }
    }
    Some(equity >= debt)
}
