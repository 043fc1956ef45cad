use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;

use assay_statement::{
    Asset, AssetTable, FileDigest, HaircutTier, Kind, Price, PriceGrade, PriceMethod, PriceRecord, Product,
    ProductHaircuts, ProductName, Products, Symbol,
};
use serde::Deserialize;

use crate::coverage::folder_of;
use crate::error::LedgerError;
use crate::source::{CsvNext, CsvRecords};

/// Bytes that an asset or price file may have; a full table with all tiers takes a quarter.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// Reads an asset table from a TOML file:
///
/// ```toml
/// version = 1
///
/// [[asset]]
/// symbol = "BTC"
/// decimals = 8
/// price = "64000.5"  # of a whole unit in the reference currency, exact; optional
/// # where the price comes from, as `price_assets` records it; optional
/// price_record = { grade = "verified", method = "median", sources = 3, oldest = 1790000000, newest = 1790000042,
///                  deviation_ppm = 117, file = "SHA-256 of the price file" }
/// haircuts = [{ kind = "collateral_loan", tiers = [{ up_to = 10000, percent = 100 }] }]  # optional
/// supply_cap = 21000000  # whole units that exist at the most; optional
///
/// [[product]]  # optional; without any: loan, margin and portfolio, with the kinds 2, 3 and 4 and no debt of their own
/// name = "loan"
/// collateral = 2
/// debt = 3  # optional
/// ```
///
/// Unknown fields are errors. A price has at most 18 decimals and, without its point, fits 64 bits.
pub fn read_asset_table(path: &Path) -> Result<AssetTable, LedgerError> {
    let failed = |reason: String| LedgerError::AssetFile { path: path.into(), reason };
    let text = read_text(path)?;
    let file: AssetTableFile = toml::from_str(&text).map_err(|error| {
        let line = error
            .span()
            .and_then(|span| text.get(..span.start))
            .map(|before| before.matches('\n').count() + 1);
        let line = line.map_or(String::new(), |line| format!("line {line}: "));
        failed(format!("{line}{}", error.message()))
    })?;
    if file.version != 1 {
        return Err(failed(format!("version {} of the asset table format is not known", file.version)));
    }
    let products = match file.product {
        None => Products::default(),
        Some(rows) => {
            let products = rows.into_iter().map(ProductRow::into_product).collect::<Result<_, _>>();
            Products::new(products.map_err(failed)?).map_err(|error| failed(error.to_string()))?
        }
    };
    let assets = file.asset.into_iter().map(|row| row.into_asset(&products));
    let assets = assets.collect::<Result<_, _>>().map_err(failed)?;
    AssetTable::with_products(assets, products).map_err(|error| failed(error.to_string()))
}

/// Writes `table` so that [`read_asset_table`] reads it back.
pub fn write_asset_table(path: &Path, table: &AssetTable) -> Result<(), LedgerError> {
    let mut text = String::from("version = 1\n");
    if *table.products() != Products::default() {
        if table.products().is_empty() {
            text.push_str("product = []\n");
        }
        for product in table.products().iter() {
            let (name, collateral) = (&product.name, product.collateral.number());
            let _ = write!(text, "\n[[product]]\nname = \"{name}\"\ncollateral = {collateral}\n");
            if let Some(debt) = product.debt {
                let _ = writeln!(text, "debt = {}", debt.number());
            }
        }
    }
    for asset in table.assets() {
        // A symbol has no characters that TOML would escape.
        let _ = write!(text, "\n[[asset]]\nsymbol = \"{}\"\ndecimals = {}\n", asset.symbol, asset.decimals);
        if let Some(price) = asset.price {
            let _ = writeln!(text, "price = \"{price}\"");
        }
        if let Some(record) = &asset.price_record {
            let PriceRecord { grade, method, sources, oldest, newest, deviation_ppm, file } = record;
            let _ = writeln!(
                text,
                "price_record = {{ grade = \"{grade}\", method = \"{}\", sources = {sources}, oldest = {oldest}, \
                 newest = {newest}, deviation_ppm = {deviation_ppm}, file = \"{file}\" }}",
                method.name()
            );
        }
        if let Some(cap) = asset.supply_cap {
            let _ = writeln!(text, "supply_cap = {cap}");
        }
        if asset.haircuts.is_empty() {
            continue;
        }
        text.push_str("haircuts = [\n");
        for haircuts in &asset.haircuts {
            let tier =
                |tier: &HaircutTier| format!("{{ up_to = {}, percent = {} }}", tier.up_to, tier.percent);
            let tiers: Vec<_> = haircuts.tiers.iter().map(tier).collect();
            let _ = writeln!(
                text,
                "  {{ kind = \"{}\", tiers = [{}] }},",
                table.kind_name(haircuts.kind),
                tiers.join(", ")
            );
        }
        text.push_str("]\n");
    }
    write_public(path, text.as_bytes()).map_err(|source| LedgerError::Write { path: path.into(), source })
}

/// Writes a file that anyone may read, as a whole: the table that it replaces may be the one that was read.
fn write_public(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = builder.tempfile_in(folder_of(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Reads an asset table from the CSV file that lies beside ledgers in the wide form:
/// `symbol,usdt_price,loan_tiers_ratio,margin_tiers_ratio,portfolio_tiers_ratio`, with tiers such as
/// `"[0-10000:100,10000-20000:90]"` (from, to and percent) or nothing.
///
/// The file doesn't say how many decimals assets have, so all get `decimals`. Tiers must start at zero and each where
/// the one before ends.
pub fn read_asset_csv(path: &Path, decimals: u8) -> Result<AssetTable, LedgerError> {
    const COLUMNS: [&str; 5] =
        ["symbol", "usdt_price", "loan_tiers_ratio", "margin_tiers_ratio", "portfolio_tiers_ratio"];
    const PRODUCTS: [Kind; 3] = [Kind::COLLATERAL_LOAN, Kind::COLLATERAL_MARGIN, Kind::COLLATERAL_PORTFOLIO];
    let defaults = Products::default();
    let failed = |line: u64, reason: String| LedgerError::AssetFile {
        path: path.into(),
        reason: format!("line {line}: {reason}"),
    };
    let read_error = |source| LedgerError::Read { path: path.into(), source };
    let file = File::open(path).map_err(read_error)?;
    let mut records = CsvRecords::new(file);
    let mut assets = Vec::new();
    let mut header = true;
    loop {
        let record = match records.next().map_err(read_error)? {
            CsvNext::Record(record) => record,
            CsvNext::Bad { line, kind } | CsvNext::Broken { line, kind } => {
                return Err(failed(line, kind.to_string()));
            }
            CsvNext::End => break,
        };
        let line = record.line;
        let mut fields = Vec::new();
        for index in 0..record.len() {
            let field = std::str::from_utf8(record.field(index));
            fields.push(field.map_err(|_| failed(line, "not UTF-8".into()))?.trim());
        }
        if header {
            if fields != COLUMNS {
                return Err(failed(line, format!("expected the columns {}", COLUMNS.join(","))));
            }
            header = false;
            continue;
        }
        let [symbol, price, products @ ..] = fields.as_slice() else {
            return Err(failed(line, "too few fields".into()));
        };
        if products.len() != PRODUCTS.len() {
            return Err(failed(line, format!("expected {} fields", COLUMNS.len())));
        }
        if assets.len() >= assay_statement::MAX_ASSETS {
            return Err(failed(line, "too many assets".into()));
        }
        let symbol = Symbol::new(symbol).map_err(|error| failed(line, error.to_string()))?;
        let mut asset = Asset::new(symbol, decimals);
        asset.price = Some(parse_price(price).map_err(|reason| failed(line, reason))?);
        for (kind, tiers) in PRODUCTS.into_iter().zip(products) {
            let tiers = parse_tiers(tiers).map_err(|reason| {
                failed(line, format!("{}: {reason}", defaults.kind_name(kind).unwrap_or_default()))
            })?;
            if !tiers.is_empty() {
                asset.haircuts.push(ProductHaircuts { kind, tiers });
            }
        }
        assets.push(asset);
    }
    AssetTable::new(assets)
        .map_err(|error| LedgerError::AssetFile { path: path.into(), reason: error.to_string() })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AssetTableFile {
    version: u32,
    #[serde(default)]
    asset: Vec<AssetRow>,
    product: Option<Vec<ProductRow>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProductRow {
    name: String,
    collateral: u8,
    debt: Option<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AssetRow {
    symbol: String,
    decimals: u8,
    price: Option<String>,
    price_record: Option<PriceRecordRow>,
    #[serde(default)]
    haircuts: Vec<HaircutRow>,
    supply_cap: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceRecordRow {
    grade: String,
    method: String,
    sources: u8,
    oldest: u64,
    newest: u64,
    deviation_ppm: u32,
    file: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HaircutRow {
    kind: String,
    tiers: Vec<TierRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TierRow {
    up_to: u64,
    percent: u8,
}

impl ProductRow {
    fn into_product(self) -> Result<Product, String> {
        let named = |error: String| format!("product {:?}: {error}", self.name);
        let kind =
            |number: u8| Kind::from_number(number).map_err(|_| named(format!("kind {number} is above 7")));
        Ok(Product {
            name: ProductName::new(&self.name).map_err(|error| named(error.to_string()))?,
            collateral: kind(self.collateral)?,
            debt: self.debt.map(kind).transpose()?,
        })
    }
}

impl TryFrom<PriceRecordRow> for PriceRecord {
    type Error = String;

    fn try_from(row: PriceRecordRow) -> Result<Self, String> {
        Ok(Self {
            grade: PriceGrade::from_name(&row.grade).ok_or("price_record: unknown grade")?,
            method: PriceMethod::from_name(&row.method).ok_or("price_record: unknown method")?,
            sources: row.sources,
            oldest: row.oldest,
            newest: row.newest,
            deviation_ppm: row.deviation_ppm,
            file: FileDigest::from_hex(&row.file).map_err(|error| format!("price_record: {error}"))?,
        })
    }
}

impl AssetRow {
    fn into_asset(self, products: &Products) -> Result<Asset, String> {
        let symbol = Symbol::new(&self.symbol).map_err(|error| format!("{:?}: {error}", self.symbol))?;
        let named = |error: String| format!("{}: {error}", self.symbol);
        let haircuts = |row: HaircutRow| {
            let kind = products.kind(&row.kind).map_err(|error| named(error.to_string()))?;
            let tier = |row: TierRow| HaircutTier { up_to: row.up_to, percent: row.percent };
            Ok(ProductHaircuts { kind, tiers: row.tiers.into_iter().map(tier).collect() })
        };
        Ok(Asset {
            symbol,
            decimals: self.decimals,
            price: self.price.as_deref().map(parse_price).transpose().map_err(named)?,
            price_record: self.price_record.map(PriceRecord::try_from).transpose().map_err(named)?,
            haircuts: self.haircuts.into_iter().map(haircuts).collect::<Result<_, String>>()?,
            supply_cap: self.supply_cap,
        })
    }
}

/// The bytes of an asset or price file.
pub(crate) fn read_capped(path: &Path) -> Result<Vec<u8>, LedgerError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|source| LedgerError::Read { path: path.into(), source })?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let reason = format!("larger than {MAX_FILE_BYTES} bytes");
        return Err(LedgerError::AssetFile { path: path.into(), reason });
    }
    Ok(bytes)
}

fn read_text(path: &Path) -> Result<String, LedgerError> {
    String::from_utf8(read_capped(path)?)
        .map_err(|_| LedgerError::AssetFile { path: path.into(), reason: "not UTF-8".into() })
}

/// An exact price with as many decimals as it is written with; zeros that would not fit are dropped.
pub(crate) fn parse_price(text: &str) -> Result<Price, String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = digits(whole) && (digits(fraction) || !text.contains('.'));
    let exact = |fraction: &str| {
        let scale = u8::try_from(fraction.len()).ok().filter(|scale| *scale <= 18)?;
        Some(Price { mantissa: format!("{whole}{fraction}").parse().ok()?, scale })
    };
    let price = if plain { exact(fraction).or_else(|| exact(fraction.trim_end_matches('0'))) } else { None };
    price.ok_or_else(|| "a price is a plain decimal number of at most 18 decimals that fits 64 bits".into())
}

/// Tiers as `[from-to:percent,...]`.
fn parse_tiers(text: &str) -> Result<Vec<HaircutTier>, String> {
    if text.is_empty() || text == "[]" {
        return Ok(Vec::new());
    }
    let list = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let list = list.ok_or("tiers must stand in brackets")?;
    let mut tiers = Vec::new();
    let mut end = 0;
    for tier in list.split(',') {
        let parts = tier.trim().split_once(':').and_then(|(range, percent)| {
            let (from, to) = range.split_once('-')?;
            let number = |text: &str| text.trim().parse::<u64>().ok();
            Some((number(from)?, number(to)?, u8::try_from(number(percent)?).ok()?))
        });
        let (from, up_to, percent) = parts.ok_or("a tier is from-to:percent in whole numbers")?;
        if from != end || up_to <= from {
            return Err(format!("the tier from {from} must start at {end} and not be empty"));
        }
        end = up_to;
        tiers.push(HaircutTier { up_to, percent });
    }
    Ok(tiers)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("assets");
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    fn toml_error(text: &str) -> String {
        let (_folder, path) = file(text);
        read_asset_table(&path).unwrap_err().to_string()
    }

    const FULL: &str = r#"version = 1
[[asset]]
symbol = "ETH"
decimals = 18
[[asset]]
symbol = "BTC"
decimals = 8
price = "64000.50"
price_record = { grade = "verified", method = "median", sources = 3, oldest = 10, newest = 20, deviation_ppm = 5, file = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f" }
haircuts = [
  { kind = "collateral_loan", tiers = [{ up_to = 10000, percent = 100 }, { up_to = 20000, percent = 90 }] },
  { kind = "collateral_margin", tiers = [{ up_to = 5, percent = 0 }] },
]
"#;

    #[test]
    fn tables_come_back() {
        let (_folder, path) = file(FULL);
        let table = read_asset_table(&path).unwrap();
        assert_eq!(table.index_of("BTC"), Some(0));
        assert_eq!(table.get(0).unwrap().price, Some(Price { mantissa: 6_400_050, scale: 2 }));
        assert_eq!(table.get(0).unwrap().haircuts.len(), 2);
        let record = table.get(0).unwrap().price_record.as_ref().unwrap();
        assert_eq!((record.grade, record.sources, record.newest), (PriceGrade::Verified, 3, 20));
        write_asset_table(&path, &table).unwrap();
        assert_eq!(read_asset_table(&path).unwrap(), table);
    }

    #[test]
    fn products_and_caps_come_back() {
        let products = concat!(
            "version = 1\n",
            "[[product]]\nname = \"margin\"\ncollateral = 5\ndebt = 7\n",
            "[[product]]\nname = \"loan\"\ncollateral = 3\n",
        );
        let text = FULL
            .replace("version = 1\n", products)
            .replace("decimals = 8", "decimals = 8\nsupply_cap = 21000000");
        let (_folder, path) = file(&text);
        let table = read_asset_table(&path).unwrap();
        let names: Vec<_> = table.products().kinds().map(|kind| table.kind_name(kind).into_owned()).collect();
        assert_eq!(names, ["equity", "debt", "collateral_loan", "collateral_margin", "debt_margin"]);
        assert_eq!(table.get(0).unwrap().supply_cap, Some(21_000_000));
        assert_eq!(table.get(0).unwrap().haircuts[1].kind.number(), 5);
        write_asset_table(&path, &table).unwrap();
        assert_eq!(read_asset_table(&path).unwrap(), table);
        let (_folder, path) = file("version = 1\nproduct = []\n[[asset]]\nsymbol = \"A\"\ndecimals = 1\n");
        let none = read_asset_table(&path).unwrap();
        assert!(none.products().is_empty());
        write_asset_table(&path, &none).unwrap();
        assert_eq!(read_asset_table(&path).unwrap(), none);
    }

    #[test]
    fn wrong_tables_are_refused() {
        for (from, to, part) in [
            ("version = 1", "version = 2", "version 2"),
            ("version = 1\n", "", "missing field"),
            ("decimals = 18", "decimals = 28", "28 decimals"),
            ("decimals = 18", "decimals = 18\ndecimal = 3", "line 5: unknown field"),
            ("\"ETH\"", "\"BTC\"", "twice"),
            ("\"ETH\"", "\"E H\"", "not a symbol"),
            ("\"64000.50\"", "64000.5", "line 8"),
            ("\"64000.50\"", "\"6.4e4\"", "plain decimal"),
            ("\"64000.50\"", "\"-1\"", "plain decimal"),
            ("\"64000.50\"", "\"0.0000000000000000001\"", "18 decimals"),
            ("grade = \"verified\"", "grade = \"true\"", "BTC: price_record: unknown grade"),
            ("method = \"median\"", "method = \"mean\"", "BTC: price_record: unknown method"),
            ("000102", "00010", "BTC: price_record: not a digest"),
            ("000102", "00010A", "BTC: price_record: not a digest"),
            ("sources = 3", "sources = 2", "record of the price of BTC"),
            ("sources = 3", "sources = 256", "line 9"),
            ("newest = 20", "newest = 9", "record of the price of BTC"),
            ("newest = 20, ", "", "missing field"),
            ("price = \"64000.50\"\n", "", "record of the price of BTC has no price"),
            ("collateral_margin", "margin", "unknown kind"),
            ("collateral_margin", "debt", "haircut tiers of BTC"),
            ("decimals = 8", "decimals = 8\nsupply_cap = -1", "line 8"),
            ("decimals = 8", "decimals = 8\nsupply_cap = 1.5", "line 8"),
            ("decimals = 8\nprice = \"64000.50\"", "decimals = 0\nprice = \"268435456\"", "too high"),
            ("version = 1", "version = 1\nproduct = []", "unknown kind"),
            (
                "version = 1",
                "version = 1\nproduct = [{ name = \"A\", collateral = 2 }]",
                "product \"A\": not a product",
            ),
            ("version = 1", "version = 1\nproduct = [{ name = \"a\", collateral = 8 }]", "above 7"),
            (
                "version = 1",
                "version = 1\nproduct = [{ name = \"a\", collateral = 1 }]",
                "kind 1 has two meanings",
            ),
            (
                "version = 1",
                "version = 1\nproduct = [{ name = \"a\", collateral = 2, tiers = 1 }]",
                "unknown field",
            ),
            ("percent = 90", "percent = 101", "haircut tiers of BTC"),
            ("up_to = 20000", "up_to = 10000", "haircut tiers of BTC"),
        ] {
            let error = toml_error(&FULL.replacen(from, to, 1));
            assert!(error.contains(part), "{to}: {error}");
        }
        assert!(toml_error("version = 1\n").contains("empty"));
        assert!(toml_error(&" ".repeat(5 << 20)).contains("larger"));
    }

    #[test]
    fn reads_the_csv_form() {
        let (_folder, path) = file(concat!(
            "symbol,usdt_price,loan_tiers_ratio,margin_tiers_ratio,portfolio_tiers_ratio\n",
            "btc,64000.5,\"[0-10000:100,10000-20000:90]\",\"\",\"[0-1:0]\"\n",
            "usdt,1,,,\n",
        ));
        let table = read_asset_csv(&path, 8).unwrap();
        let btc = table.get(0).unwrap();
        assert_eq!(btc.decimals, 8);
        let kinds: Vec<_> = btc.haircuts.iter().map(|haircuts| haircuts.kind).collect();
        assert_eq!(kinds, [Kind::COLLATERAL_LOAN, Kind::COLLATERAL_PORTFOLIO]);
        assert_eq!(btc.haircuts[0].tiers[1], HaircutTier { up_to: 20_000, percent: 90 });
    }

    #[test]
    fn prices_are_exact() {
        let price = |mantissa, scale| Ok(Price { mantissa, scale });
        assert_eq!(parse_price("1"), price(1, 0));
        assert_eq!(parse_price("1.50"), price(150, 2));
        assert_eq!(parse_price("0.000000000000000001"), price(1, 18));
        assert_eq!(parse_price("0.50000000000000000000"), price(5, 1));
        for text in ["", ".", "1.", ".5", "1.2.3", "18446744073709551616", " 1", "1e3", "+1"] {
            assert!(parse_price(text).is_err(), "{text}");
        }
    }

    #[test]
    fn tiers_must_be_contiguous() {
        for text in
            ["[1-2:3]", "[0-5:1,6-7:1]", "[0-5:1,4-7:1]", "[0-0:1]", "[0-5]", "0-5:1", "[0-5:300]", "[,]"]
        {
            assert!(parse_tiers(text).is_err(), "{text}");
        }
    }
}
