//! What one account holds, owes and pledges, product by product, for the customer to read.

use assay_statement::coverage::{Breach, PriceTable, Rule, Shortfall, check_account};
use assay_statement::{AssetTable, Entry, Kind, Price, Role};
use serde_json::{Value, json};

use crate::output::{describe, whole_units};

/// An account by product. Amounts are exact decimals of whole units, values of the reference currency.
pub(crate) struct Holdings<'a> {
    assets: &'a AssetTable,
    equity: Vec<Position>,
    products: Vec<OfProduct>,
    /// What is owed under no product in particular.
    debt: Vec<Position>,
    /// Of all debt and of all collateral.
    sums: Sums,
    breaches: Vec<Breach>,
}

struct OfProduct {
    name: String,
    /// Whether it has a debt kind, and so a rule, of its own.
    own_debt: bool,
    debt: Vec<Position>,
    collateral: Vec<Position>,
    sums: Sums,
    /// Whether its own rule holds; none where it can't be judged.
    covered: Option<bool>,
}

struct Position {
    asset: String,
    amount: String,
    /// Of the equity, what is pledged.
    pledged: Option<String>,
    price: Option<Price>,
    /// Rounded against the exchange, in hundredths of value units.
    value: Option<u128>,
    /// What of the value counts, of collateral.
    counts: Option<u128>,
}

/// Worth of debt and what collateral counts, in hundredths of value units; none if a value is missing.
#[derive(Clone, Copy)]
struct Sums {
    debt: Option<u128>,
    collateral: Option<u128>,
}

impl Default for Sums {
    fn default() -> Self {
        Self { debt: Some(0), collateral: Some(0) }
    }
}

impl Sums {
    fn add(&mut self, position: &Position, is_debt: bool) {
        let (sum, value) =
            if is_debt { (&mut self.debt, position.value) } else { (&mut self.collateral, position.counts) };
        *sum = sum.and_then(|sum| sum.checked_add(value?));
    }
}

impl<'a> Holdings<'a> {
    /// Of the account with these entries, which strictly increase by key.
    pub(crate) fn new(entries: &[Entry], assets: &'a AssetTable) -> Self {
        let prices = PriceTable::new(assets);
        let breaches = check_account(&prices, entries).err().unwrap_or_default();
        let products = assets.products().iter().map(|product| OfProduct {
            name: product.name.to_string(),
            own_debt: product.debt.is_some(),
            debt: Vec::new(),
            collateral: Vec::new(),
            sums: Sums::default(),
            covered: None,
        });
        let mut holdings = Self {
            assets,
            equity: Vec::new(),
            products: products.collect(),
            debt: Vec::new(),
            sums: Sums::default(),
            breaches,
        };
        for entry in entries {
            holdings.take(entry, entries, &prices);
        }
        let judged = holdings.is_judged();
        for (index, product) in
            holdings.products.iter_mut().enumerate().filter(|(_, product)| product.own_debt)
        {
            let broken =
                |breach: &Breach| breach.rule == Rule::ProductDebtUncovered && breach.product == Some(index);
            product.covered = judged.then(|| !holdings.breaches.iter().any(broken));
        }
        holdings
    }

    /// Sorts an entry in.
    fn take(&mut self, entry: &Entry, entries: &[Entry], prices: &PriceTable) {
        let asset = entry.key.asset();
        let (symbol, decimals) = describe(entry.key, self.assets);
        let price = self.assets.get(asset).and_then(|asset| asset.price);
        let mut position = Position {
            asset: symbol.to_owned(),
            amount: whole_units(entry.amount.get(), decimals),
            pledged: None,
            price,
            value: None,
            counts: None,
        };
        let role = self.assets.products().role(entry.key.kind());
        let weights = prices.weights(asset);
        match role {
            Some(Role::Debt { product }) => {
                let value = weights.and_then(|weights| weights.value_up(entry.amount));
                position.value = value.map(|value| 100 * value);
                self.sums.add(&position, true);
                match product.and_then(|product| self.products.get_mut(product)) {
                    None => self.debt.push(position),
                    Some(of) => {
                        of.sums.add(&position, true);
                        of.debt.push(position);
                    }
                }
            }
            Some(Role::Collateral { product }) => {
                let value = weights.and_then(|weights| weights.value_down(entry.amount));
                position.value = value.map(|value| 100 * value);
                position.counts = value.map(|value| prices.haircut(asset, entry.key.kind(), value));
                self.sums.add(&position, false);
                if let Some(of) = self.products.get_mut(product) {
                    of.sums.add(&position, false);
                    of.collateral.push(position);
                }
            }
            // A receipt has no entry of a kind without a meaning.
            Some(Role::Equity) | None => {
                let is_collateral =
                    |kind: Kind| matches!(self.assets.products().role(kind), Some(Role::Collateral { .. }));
                let of_asset = entries.iter().filter(|other| other.key.asset() == asset);
                let pledged: u128 = of_asset
                    .filter(|other| is_collateral(other.key.kind()))
                    .map(|other| other.amount.get())
                    .sum();
                position.pledged = (pledged > 0).then(|| whole_units(pledged, decimals));
                self.equity.push(position);
            }
        }
    }

    /// Whether every value that a rule needs is known.
    fn is_judged(&self) -> bool {
        let unknown =
            |breach: &Breach| matches!(breach.rule, Rule::Undefined | Rule::NoPrice | Rule::ValueTooLarge);
        !self.breaches.iter().any(unknown)
    }

    pub(crate) fn json(&self) -> Value {
        let products = self.products.iter().filter(|product| product.is_used()).map(|product| {
            json!({
                "product": product.name, "debt": positions(&product.debt),
                "collateral": positions(&product.collateral),
                "debt_value": text(product.sums.debt), "collateral_counts": text(product.sums.collateral),
                "covered": product.covered,
            })
        });
        let breaks = self.breaches.iter().map(|breach| {
            json!({
                "rule": breach.rule.name(), "asset": self.asset(breach), "product": self.product(breach),
                "by": breach.by.map(|by| by.to_string()),
            })
        });
        json!({
            "equity": positions(&self.equity),
            "products": products.collect::<Value>(),
            "debt": positions(&self.debt),
            "debt_value": text(self.sums.debt), "collateral_counts": text(self.sums.collateral),
            "covered": self.breaches.is_empty(), "breaks": breaks.collect::<Value>(),
        })
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = section("equity    what is owed to you", &self.equity);
        for product in self.products.iter().filter(|product| product.is_used()) {
            let name = &product.name;
            lines.extend(section(&format!("{name:<9} what you pledged for it"), &product.collateral));
            lines.extend(section(&format!("{name:<9} what you owe under it"), &product.debt));
            if let Some(covered) = product.covered {
                let (debt, counts) = (shown(product.sums.debt), shown(product.sums.collateral));
                let verdict = if covered { "covered" } else { "NOT COVERED" };
                lines.push(format!("{name:<9} you owe {debt}, what you pledged counts {counts}: {verdict}"));
            }
        }
        lines.extend(section("debt      what you owe, under no product in particular", &self.debt));
        if lines.is_empty() {
            lines.push("  an account without positions".into());
        }
        if self.owes_or_pledges() {
            let (debt, counts) = (shown(self.sums.debt), shown(self.sums.collateral));
            lines.push(format!("in all    you owe {debt}, and what you pledged counts {counts}"));
            lines.push(format!("covered   {}", if self.breaches.is_empty() { "yes" } else { "NO" }));
        }
        lines.extend(self.breaches.iter().map(|breach| {
            let part =
                |before, part: Option<&str>| part.map_or(String::new(), |part| format!("{before}{part}"));
            let by = breach.by.map(|by| by.to_string());
            format!(
                "  breaks the rule {}{}{}{}",
                breach.rule,
                part(" for product ", self.product(breach)),
                part(" in ", self.asset(breach)),
                part(" by ", by.as_deref())
            )
        }));
        lines
    }

    fn owes_or_pledges(&self) -> bool {
        !self.debt.is_empty() || self.products.iter().any(OfProduct::is_used)
    }

    fn asset(&self, breach: &Breach) -> Option<&str> {
        breach.asset.and_then(|asset| self.assets.get(asset)).map(|asset| asset.symbol.as_str())
    }

    fn product(&self, breach: &Breach) -> Option<&str> {
        breach.product.and_then(|product| self.products.get(product)).map(|product| product.name.as_str())
    }
}

impl OfProduct {
    fn is_used(&self) -> bool {
        !self.debt.is_empty() || !self.collateral.is_empty()
    }
}

impl Position {
    fn line(&self) -> String {
        let mut line = format!("  {:<12} {:>32}", self.asset, self.amount);
        if let Some(pledged) = &self.pledged {
            line.push_str(&format!("  of which {pledged} pledged"));
        }
        if let Some(value) = self.value {
            let price = self.price.map(|price| price.to_string()).unwrap_or_default();
            line.push_str(&format!("  at {price} worth {}", exact(value)));
        }
        if let Some(counts) = self.counts {
            line.push_str(&format!(", counts {}", exact(counts)));
        }
        line
    }
}

fn section(title: &str, positions: &[Position]) -> Vec<String> {
    let title = (!positions.is_empty()).then(|| title.to_owned());
    title.into_iter().chain(positions.iter().map(Position::line)).collect()
}

fn positions(positions: &[Position]) -> Value {
    let position = |position: &Position| {
        let mut value = json!({"asset": position.asset, "amount": position.amount});
        let price = position.price.map(|price| price.to_string());
        let facts = [
            ("pledged", position.pledged.clone()),
            ("price", price.filter(|_| position.value.is_some())),
            ("value", text(position.value)),
            ("counts", text(position.counts)),
        ];
        if let Value::Object(map) = &mut value {
            let facts = facts.into_iter().filter_map(|(name, fact)| Some((name.to_owned(), fact?.into())));
            map.extend(facts);
        }
        value
    };
    positions.iter().map(position).collect()
}

/// Hundredths of value units as an exact number of the reference currency.
fn exact(hundredths: u128) -> String {
    Shortfall::Value { hundredths }.to_string()
}

fn text(hundredths: Option<u128>) -> Option<String> {
    hundredths.map(exact)
}

fn shown(hundredths: Option<u128>) -> String {
    text(hundredths).unwrap_or_else(|| "something without a price".into())
}
