use std::fs::File;
use std::path::Path;

use assay_statement::{AssetTable, EntryKey, Kind, Totals, parse_total};

use crate::error::LedgerError;
use crate::source::{CsvNext, CsvRecords};

/// What a file must begin with.
const EXPECTED: &str = "expected the columns asset,reserve or asset,reserve_base_units";

/// Reads a reserve vector: CSV of `asset,reserve`, what an entity holds of each asset in whole units, exact, or of
/// `asset,reserve_base_units`, one row an asset in any order. An asset without a row has no reserves.
///
/// The figures come as totals of kind equity, which is what they must cover.
pub fn read_reserves(path: &Path, assets: &AssetTable) -> Result<Totals, LedgerError> {
    let failed = |line: u64, reason: String| LedgerError::ReservesFile { path: path.into(), line, reason };
    let read_error = |source| LedgerError::Read { path: path.into(), source };
    let mut records = CsvRecords::new(File::open(path).map_err(read_error)?);
    let mut reserves = Totals::new();
    // Whether figures are base units, once the header is read.
    let mut base_units: Option<bool> = None;
    loop {
        let record = match records.next().map_err(read_error)? {
            CsvNext::Record(record) => record,
            CsvNext::Bad { line, kind } | CsvNext::Broken { line, kind } => {
                return Err(failed(line, kind.to_string()));
            }
            CsvNext::End if base_units.is_none() => return Err(failed(1, EXPECTED.into())),
            CsvNext::End => return Ok(reserves),
        };
        let line = record.line;
        let fields: Result<Vec<&str>, _> =
            (0..record.len()).map(|index| std::str::from_utf8(record.field(index))).collect();
        let fields = fields.map_err(|_| failed(line, "not UTF-8".into()))?;
        let [asset, reserve] = fields.as_slice() else {
            return Err(failed(line, EXPECTED.into()));
        };
        let Some(base_units) = base_units else {
            base_units = match [*asset, *reserve] {
                ["asset", "reserve"] => Some(false),
                ["asset", "reserve_base_units"] => Some(true),
                _ => return Err(failed(line, EXPECTED.into())),
            };
            continue;
        };
        let unknown = || failed(line, format!("asset {asset:?} is not in the asset table"));
        let index = assets.index_of(asset).ok_or_else(unknown)?;
        let decimals = if base_units { 0 } else { assets.get(index).ok_or_else(unknown)?.decimals };
        let key = EntryKey::new(index, Kind::EQUITY).map_err(|_| unknown())?;
        if reserves.iter().any(|(known, _)| known == key) {
            return Err(failed(line, format!("asset {asset} has two rows")));
        }
        let reserve = parse_total(reserve, decimals)
            .map_err(|error| failed(line, format!("field reserve of {asset}: {error}")))?;
        // The first figure of a key can't overflow.
        let _ = reserves.add_total(key, reserve);
    }
}

#[cfg(test)]
mod tests {
    use assay_statement::{Asset, Symbol};

    use super::*;

    fn read(text: &str) -> Result<Totals, String> {
        let asset = |symbol: &str, decimals| Asset::new(Symbol::new(symbol).unwrap(), decimals);
        let assets = AssetTable::new(vec![asset("BTC", 8), asset("ETH", 18)]).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read_reserves(file.path(), &assets).map_err(|error| error.to_string())
    }

    #[test]
    fn figures_are_whole_units() {
        let reserves = read("asset,reserve\nETH,3\nBTC,0.00000001\n").unwrap();
        let key = |asset| EntryKey::new(asset, Kind::EQUITY).unwrap();
        assert_eq!(reserves.iter().collect::<Vec<_>>(), [(key(0), 1), (key(1), 3 * 10u128.pow(18))]);
        assert!(read("asset,reserve\n").unwrap().is_empty());
        assert_eq!(read("asset,reserve_base_units\nETH,3\nBTC,1\n").unwrap().get(key(1)), 3);
    }

    #[test]
    fn everything_else_names_its_line() {
        for (text, reason) in [
            ("", "line 1: expected the columns"),
            ("asset,amount\n", "line 1: expected the columns"),
            ("asset,reserve\nBTC,1,2\n", "line 2: "),
            ("asset,reserve\nBTC,1\nDOGE,1\n", "line 3: asset \"DOGE\" is not in the asset table"),
            ("asset,reserve\nBTC,1\nBTC,1\n", "line 3: asset BTC has two rows"),
            ("asset,reserve_base_units\nBTC,1.5\n", "line 2: field reserve of BTC: more decimals"),
            ("asset,reserve\nBTC,-1\n", "line 2: field reserve of BTC: not a plain decimal number"),
            ("asset,reserve\nBTC,0.000000001\n", "line 2: field reserve of BTC: more decimals"),
            ("asset,reserve\nBTC,1", "line 2: "),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(reason), "{text:?}: {error}");
        }
    }
}
