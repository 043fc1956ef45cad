//! Price files: what sources say assets are worth, and the asset table with the prices that come out of it.

use std::path::Path;
use std::time::UNIX_EPOCH;

use assay_statement::coverage::Weights;
use assay_statement::{
    AssetTable, FileDigest, Observation, Price, PriceError, PriceMethod, PriceRecord, SourceName, price_of,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use toml::{Spanned, Value};

use crate::assets::{parse_price, read_capped};
use crate::error::LedgerError;

/// A price file that was read against an asset table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceFile {
    /// The snapshot's time, in seconds since 1970-01-01 UTC.
    pub time: u64,
    /// SHA-256 of the file.
    pub digest: FileDigest,
    /// Price and record by the asset's index in the table, which strictly increases.
    pub prices: Vec<(usize, Price, PriceRecord)>,
}

/// Reads a price file (TOML) for the assets of `table`:
///
/// ```toml
/// version = 1
/// time = 2026-12-31T00:00:00Z  # of the snapshot; or in seconds since 1970
/// method = "median"            # optional; there is no other
/// limits = { min_sources = 3, max_deviation_ppm = 10000, max_age = 600 }  # each optional: beyond it is an error
///
/// [[price]]
/// asset = "BTC"
/// observations = [
///     { source = "a.example", time = 2026-12-30T23:59:58Z, price = "64000.5" },
///     { source = "b.example", time = 2026-12-31T00:00:01Z, price = "63998" },
///     { source = "c.example", time = 2026-12-31T00:00:00Z, price = "64010.25" },
/// ]
/// ```
///
/// Unknown fields and assets, an asset or a source of an asset twice, and whatever is beyond a limit of the file are errors,
/// which name line, asset and field. Without limits, a price that rests on little is of grade `unverified`.
pub fn read_prices(path: &Path, table: &AssetTable) -> Result<PriceFile, LedgerError> {
    let bytes = read_capped(path)?;
    let digest = FileDigest(Sha256::digest(&bytes).into());
    let refused = |reason: String| LedgerError::PriceFile { path: path.into(), reason };
    let text = String::from_utf8(bytes).map_err(|_| refused("not UTF-8".into()))?;
    Reading { text: &text, table }.file(digest).map_err(refused)
}

/// `table` with the prices and records of `prices` in place of its own. Assets that the price file lacks keep what they have.
pub fn price_assets(table: &AssetTable, prices: &PriceFile) -> Result<AssetTable, LedgerError> {
    let mut assets = table.assets().to_vec();
    for (index, price, record) in &prices.prices {
        if let Some(asset) = assets.get_mut(*index) {
            asset.price = Some(*price);
            asset.price_record = Some(record.clone());
        }
    }
    Ok(AssetTable::with_products(assets, table.products().clone())?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    time: Spanned<Value>,
    method: Option<Spanned<String>>,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    price: Vec<PriceRow>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    min_sources: Option<u8>,
    max_deviation_ppm: Option<u32>,
    max_age: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceRow {
    asset: Spanned<String>,
    observations: Vec<Spanned<ObservationRow>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ObservationRow {
    source: Spanned<String>,
    time: Spanned<Value>,
    price: Spanned<String>,
}

/// Reads the text of a price file; what is wrong comes back as a text with its line.
struct Reading<'a> {
    text: &'a str,
    table: &'a AssetTable,
}

impl Reading<'_> {
    fn file(&self, digest: FileDigest) -> Result<PriceFile, String> {
        let file: File = toml::from_str(self.text).map_err(|error| match error.span() {
            Some(span) => self.at(span.start, error.message()),
            None => error.message().to_owned(),
        })?;
        if file.version != 1 {
            return Err(format!("version {} of the price file format is not known", file.version));
        }
        let method = match &file.method {
            None => PriceMethod::Median,
            Some(name) => PriceMethod::from_name(name.get_ref())
                .ok_or_else(|| self.at(name.span().start, "method: the only one is median"))?,
        };
        let time = seconds(file.time.get_ref()).map_err(|error| self.at(file.time.span().start, &error))?;
        let mut prices: Vec<(usize, Price, PriceRecord)> = Vec::with_capacity(file.price.len());
        for row in &file.price {
            let asset = row.asset.get_ref();
            let at_asset = |what: &str| self.at(row.asset.span().start, &format!("{asset}: {what}"));
            let index = self.table.index_of(asset).ok_or_else(|| at_asset("not in the asset table"))?;
            let observations = row.observations.iter().map(|row| self.observation(asset, row));
            let observations = observations.collect::<Result<Vec<_>, _>>()?;
            for (observed, row) in observations.iter().zip(&row.observations) {
                let row = row.get_ref();
                if file.limits.max_age.is_some_and(|most| observed.time.abs_diff(time) > most) {
                    let what = "time: farther from the snapshot than max_age";
                    return Err(self.named(&row.time, asset, &observed.source, what));
                }
            }
            let (price, record) = price_of(&observations, method, time, digest).map_err(|error| {
                // The second of the two is the one to point at.
                let repeated = match &error {
                    PriceError::RepeatedSource { name } => row
                        .observations
                        .iter()
                        .rfind(|row| row.get_ref().source.get_ref() == name.as_str())
                        .map(|row| row.get_ref().source.span().start),
                    _ => None,
                };
                let start = repeated.unwrap_or(row.asset.span().start);
                self.at(start, &format!("{asset}: observations: {error}"))
            })?;
            let decimals = self.table.get(index).map_or(0, |asset| asset.decimals);
            if Weights::new(price, decimals).is_none() {
                return Err(at_asset(&format!("price: too high for an asset of {decimals} decimals")));
            }
            if file.limits.min_sources.is_some_and(|least| record.sources < least) {
                let what = format!("observations: {} sources, fewer than min_sources", record.sources);
                return Err(at_asset(&what));
            }
            if file.limits.max_deviation_ppm.is_some_and(|most| record.deviation_ppm > most) {
                let deviation = record.deviation_ppm;
                let what =
                    format!("observations: {deviation} ppm from the median, more than max_deviation_ppm");
                return Err(at_asset(&what));
            }
            if prices.iter().any(|(known, ..)| *known == index) {
                return Err(at_asset("priced twice"));
            }
            prices.push((index, price, record));
        }
        if prices.is_empty() {
            return Err("no price".into());
        }
        prices.sort_unstable_by_key(|(index, ..)| *index);
        Ok(PriceFile { time, digest, prices })
    }

    fn observation(&self, asset: &str, row: &Spanned<ObservationRow>) -> Result<Observation, String> {
        let ObservationRow { source, time, price } = row.get_ref();
        let source = SourceName::new(source.get_ref()).map_err(|error| {
            self.at(source.span().start, &format!("{asset}: source {:?}: {error}", source.get_ref()))
        })?;
        let at_time = |error: String| self.named(time, asset, &source, &error);
        let at_price = |error: String| self.named(price, asset, &source, &format!("price: {error}"));
        Ok(Observation {
            time: seconds(time.get_ref()).map_err(at_time)?,
            price: parse_price(price.get_ref()).map_err(at_price)?,
            source,
        })
    }

    fn named<T>(&self, what: &Spanned<T>, asset: &str, source: &SourceName, reason: &str) -> String {
        self.at(what.span().start, &format!("{asset}: {source}: {reason}"))
    }

    /// `reason` with the line of the byte at `start`.
    fn at(&self, start: usize, reason: &str) -> String {
        let line = self.text.get(..start).map_or(0, |before| before.matches('\n').count()) + 1;
        format!("line {line}: {reason}")
    }
}

/// A time as seconds since 1970, below `2^40`: a whole number of them, or a time in UTC.
fn seconds(value: &Value) -> Result<u64, String> {
    let seconds = match value {
        Value::Integer(seconds) => u64::try_from(*seconds).ok(),
        Value::Datetime(time) => since_1970(&time.to_string()),
        Value::String(time) => since_1970(time),
        _ => None,
    };
    let known = seconds.filter(|seconds| *seconds < 1 << 40);
    known.ok_or_else(|| "time: neither seconds since 1970 nor as in 2026-12-31T00:00:00Z".into())
}

fn since_1970(text: &str) -> Option<u64> {
    let time = humantime::parse_rfc3339(text).ok()?;
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

#[cfg(test)]
mod tests {
    use assay_statement::{Asset, PriceGrade, Symbol};

    use super::*;

    const FILE: &str = r#"version = 1
time = 2026-12-31T00:00:00Z
method = "median"
limits = { min_sources = 2, max_deviation_ppm = 10000, max_age = 600 }

[[price]]
asset = "ETH"
observations = [
    { source = "a.example", time = 2026-12-30T23:59:58Z, price = "3000.50" },
    { source = "b.example", time = "2026-12-31T00:00:01Z", price = "3000.5" },
]

[[price]]
asset = "BTC"
observations = [
    { source = "a.example", time = 2026-12-30T23:59:58Z, price = "64000.5" },
    { source = "b.example", time = 1798675201, price = "63998" },
    { source = "c.example", time = 2026-12-31T00:00:00Z, price = "64010.25" },
]
"#;

    const SNAPSHOT: u64 = 1_798_675_200;

    fn table() -> AssetTable {
        let asset = |symbol: &str| Asset::new(Symbol::new(symbol).unwrap(), 8);
        let mut old = asset("OLD");
        old.price = Some(Price { mantissa: 5, scale: 1 });
        AssetTable::new(vec![asset("BTC"), asset("ETH"), old]).unwrap()
    }

    fn read(text: &str) -> Result<PriceFile, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prices.toml");
        std::fs::write(&path, text).unwrap();
        read_prices(&path, &table()).map_err(|error| {
            let text = error.to_string();
            text.strip_prefix(&format!("{}: ", path.display())).unwrap().to_owned()
        })
    }

    #[test]
    fn prices_come_out_of_observations() {
        let file = read(FILE).unwrap();
        assert_eq!(file.time, SNAPSHOT);
        assert_eq!(file.digest, FileDigest(Sha256::digest(FILE).into()));
        let table = price_assets(&table(), &file).unwrap();
        let [btc, eth, old] = table.assets() else { panic!("three assets") };
        assert_eq!(btc.price, Some(Price { mantissa: 640_005, scale: 1 }));
        let record = btc.price_record.as_ref().unwrap();
        assert_eq!((record.grade, record.sources), (PriceGrade::Verified, 3));
        assert_eq!((record.oldest, record.newest), (SNAPSHOT - 2, SNAPSHOT + 1));
        // 9.75 of 64000.5 is 152.34 ppm.
        assert_eq!(record.deviation_ppm, 153);
        assert_eq!(record.file, file.digest);
        assert_eq!(eth.price, Some(Price { mantissa: 30_005, scale: 1 }));
        assert_eq!(eth.price_record.as_ref().map(|record| record.grade), Some(PriceGrade::Unverified));
        assert_eq!((old.price, &old.price_record), (Some(Price { mantissa: 5, scale: 1 }), &None));
    }

    #[test]
    fn the_order_in_the_file_changes_nothing_but_its_digest() {
        let mut file = read(FILE).unwrap();
        let (head, rest) = FILE.split_once("\n[[price]]").unwrap();
        let (eth, btc) = rest.split_once("\n[[price]]").unwrap();
        let mut other = read(&format!("{head}\n[[price]]{btc}\n[[price]]{eth}")).unwrap();
        assert_ne!(file.digest, other.digest);
        for file in [&mut file, &mut other] {
            file.digest = FileDigest([0; 32]);
            file.prices.iter_mut().for_each(|(_, _, record)| record.file = FileDigest([0; 32]));
        }
        assert_eq!(file, other);
    }

    #[test]
    fn wrong_files_are_refused_by_line_asset_and_field() {
        for (from, to, error) in [
            ("version = 1", "version = 2", "version 2 of"),
            ("version = 1\n", "", "missing field"),
            ("time = 2026-12-31T00:00:00Z\n", "", "missing field"),
            ("time = 2026-12-31T00:00:00Z\n", "time = 2026-12-31\n", "line 2: time: neither"),
            ("time = 2026-12-31T00:00:00Z\n", "time = -1\n", "line 2: time: neither"),
            ("time = 2026-12-31T00:00:00Z\n", "time = 1099511627776\n", "line 2: time: neither"),
            ("\"median\"", "\"mean\"", "line 3: method: the only one"),
            ("min_sources", "minimum", "line 4: unknown field"),
            (
                "min_sources = 2",
                "min_sources = 3",
                "line 7: ETH: observations: 2 sources, fewer than min_sources",
            ),
            ("ppm = 10000", "ppm = 152", "line 14: BTC: observations: 153 ppm from the median, more"),
            ("max_age = 600", "max_age = 1", "line 9: ETH: a.example: time: farther"),
            ("\"ETH\"", "\"DOGE\"", "line 7: DOGE: not in the asset table"),
            ("\"ETH\"", "\"BTC\"", "line 14: BTC: priced twice"),
            ("\"b.example\"", "\"a.example\"", "line 10: ETH: observations: two observations of a.example"),
            ("\"b.example\"", "\"B\"", "line 10: ETH: source \"B\": not a source"),
            ("\"3000.50\"", "3000.5", "line 9: invalid type"),
            ("\"3000.50\"", "\"3e3\"", "line 9: ETH: a.example: price: a price is a plain"),
            ("\"3000.50\"", "\"-1\"", "line 9: ETH: a.example: price: a price is a plain"),
            ("\"3000.50\"", "\"\"", "line 9: ETH: a.example: price: a price is a plain"),
            ("2026-12-30T23:59:58Z", "\"yesterday\"", "line 9: ETH: a.example: time: neither"),
            ("2026-12-30T23:59:58Z", "1.5", "line 9: ETH: a.example: time: neither"),
            ("price = \"3000.50\"", "price = \"3000.50\", volume = 1", "line 9: unknown field"),
        ] {
            assert!(FILE.contains(from), "{from}");
            let refused = read(&FILE.replacen(from, to, 1)).unwrap_err();
            assert!(refused.contains(error), "{to}: {refused}");
        }
        assert_eq!(read("version = 1\ntime = 1\n").unwrap_err(), "no price");
        let none = "version = 1\ntime = 1\n[[price]]\nasset = \"BTC\"\nobservations = []\n";
        assert_eq!(read(none).unwrap_err(), "line 4: BTC: observations: no observation");
        let high = none.replace("[]", &format!("[{{ source = \"a\", time = 1, price = \"{}\" }}]", u64::MAX));
        assert_eq!(read(&high).unwrap_err(), "line 4: BTC: price: too high for an asset of 8 decimals");
    }

    /// What isn't limited by the file is no error, and no price of grade `verified`.
    #[test]
    fn a17_little_evidence_lowers_the_grade() {
        let free =
            FILE.replace("limits = { min_sources = 2, max_deviation_ppm = 10000, max_age = 600 }\n", "");
        let grade = |text: &str| {
            let file = read(text).unwrap();
            file.prices.first().map(|(_, _, record)| record.grade).unwrap()
        };
        assert_eq!(grade(&free), PriceGrade::Verified);
        for (from, to) in [
            ("    { source = \"c.example\"", "    # { source = \"c.example\""),
            ("64010.25", "69000"),
            ("time = 1798675201", "time = 1798678801"),
            ("time = 2026-12-31T00:00:00Z\nmethod", "time = 2026-12-31T02:00:00Z\nmethod"),
        ] {
            assert!(free.contains(from), "{from}");
            assert_eq!(grade(&free.replacen(from, to, 1)), PriceGrade::Unverified, "{to}");
        }
    }
}
