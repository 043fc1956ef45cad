//! Figures for people.

pub(crate) use assay_statement::format_decimal as whole_units;
use assay_statement::{AssetTable, EntryKey, Kind, Totals};
use assay_verifier::Figures;
use serde_json::{Map, Value, json};

/// Symbol, kind and total of each key, in whole units.
pub(crate) fn totals_lines(totals: &Totals, assets: &AssetTable, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = totals
        .iter()
        .take(most)
        .map(|(key, total)| {
            let (symbol, decimals) = describe(key, assets);
            format!(
                "  {symbol:<12} {:<21} {:>32}",
                assets.kind_name(key.kind()),
                whole_units(total, decimals)
            )
        })
        .collect();
    if totals.len() > most {
        lines.push(format!("  ... and {} more", totals.len() - most));
    }
    lines
}

/// Totals as JSON, in base units.
pub(crate) fn totals_json(totals: &Totals, assets: &AssetTable) -> Value {
    let entry = |(key, total): (EntryKey, u128)| json!({"asset": describe(key, assets).0, "kind": assets.kind_name(key.kind()), "total": total.to_string()});
    totals.iter().map(entry).collect()
}

/// Number of accounts and totals, or their bounds, as they are proven.
pub(crate) fn figures_lines(figures: &Figures, assets: &AssetTable, most: usize) -> Vec<String> {
    match figures {
        Figures::Exact { accounts, totals } => {
            let mut lines = vec![format!("accounts  {}", grouped(*accounts))];
            lines.extend(totals_lines(totals, assets, most));
            lines
        }
        Figures::AtMost { accounts, bounds, .. } => {
            let mut lines = vec![
                format!("accounts  at most {}", grouped(*accounts)),
                "totals    hidden; of each asset, what is owed is at most:".to_owned(),
            ];
            let mut owed = Totals::new();
            for (key, bound) in bounds.iter().filter(|(key, _)| key.kind() == Kind::EQUITY) {
                // The first figure of a key can't overflow.
                let _ = owed.add_total(key, bound);
            }
            lines.extend(totals_lines(&owed, assets, most));
            if owed.len() < bounds.len() {
                let others = bounds.len() - owed.len();
                lines.push(format!(
                    "  debt and collateral occur in {others} pairs of asset and kind, without a bound"
                ));
            }
            lines
        }
    }
}

/// The same as JSON, with the fields of the totals file.
pub(crate) fn figures_json(figures: &Figures, assets: &AssetTable) -> Map<String, Value> {
    let (accounts, totals) = figures.at_most();
    let name = if figures.exact().is_some() { "exact" } else { "at_most" };
    let mut map = Map::new();
    map.insert("figures".into(), name.into());
    map.insert("accounts".into(), accounts.into());
    map.insert("totals".into(), totals_json(totals, assets));
    if let Some(commitment) = figures.commitment() {
        map.insert("commitment".into(), commitment.to_hex().into());
    }
    map
}

/// One JSON object of two.
pub(crate) fn merged(value: Value, fields: Map<String, Value>) -> Value {
    match value {
        Value::Object(mut map) => {
            map.extend(fields);
            map.into()
        }
        other => other,
    }
}

pub(crate) fn describe(key: EntryKey, assets: &AssetTable) -> (&str, u8) {
    assets.get(key.asset()).map_or(("?", 0), |asset| (asset.symbol.as_str(), asset.decimals))
}

/// A number with thousands separated.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures() {
        assert_eq!(whole_units(125_000_000, 8), "1.25");
        assert_eq!(whole_units(5, 8), "0.00000005");
        assert_eq!(whole_units(0, 0), "0");
        assert_eq!(whole_units(120, 0), "120");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(12), "12");
    }
}
