use assay_statement::AssetTable;

use crate::report::SolvencyReport;

/// Bytes that a vector file may have.
pub const MAX_VECTOR_BYTES: usize = 1 << 20;

/// Reserves per asset, in order of the asset table, in base units: what a proof that hides totals compares them with.
///
/// As a file it is CSV with the header `asset,reserve_base_units`, one line for every asset of the table, in order, LF line ends,
/// integers without zeros in front. There is one file for each vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReserveVector(Vec<(usize, u128)>);

/// Which of a report's columns a vector has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// All that counts, claims included.
    Counted,
    /// What is verified by the report's policy.
    Verified,
}

/// Why bytes aren't a vector file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VectorError {
    /// More than [`MAX_VECTOR_BYTES`].
    #[error("the reserve vector is larger than {MAX_VECTOR_BYTES} bytes")]
    TooLarge,
    /// Not UTF-8, another header, no last line end.
    #[error("not a reserve vector: expected asset,reserve_base_units and a line for every asset")]
    Form,
    /// A line that isn't the table's next asset and a canonical integer below 2^128.
    #[error("line {line} of the reserve vector: expected the table's next asset and its reserve")]
    Line {
        /// Line, from 1.
        line: usize,
    },
}

impl ReserveVector {
    /// The vector of `report`; assets that it doesn't list have nothing.
    pub fn new(report: &SolvencyReport, assets: &AssetTable, column: Column) -> Self {
        let reserve = |symbol: &str| {
            let line = report.assets.iter().find(|line| line.asset == symbol);
            line.map_or(0, |line| match column {
                Column::Counted => line.reserves.counted.0,
                Column::Verified => line.reserves.verified.0,
            })
        };
        let all = assets.assets().iter().enumerate();
        Self(all.map(|(index, asset)| (index, reserve(asset.symbol.as_str()))).collect())
    }

    /// Pairs of index in the asset table and base units, one for every asset, in order.
    pub fn as_slice(&self) -> &[(usize, u128)] {
        &self.0
    }

    /// The file.
    pub fn to_csv(&self, assets: &AssetTable) -> String {
        let mut text = String::from("asset,reserve_base_units\n");
        for (asset, (_, reserve)) in assets.assets().iter().zip(&self.0) {
            // A symbol has neither commas nor quotes.
            text.push_str(&format!("{},{reserve}\n", asset.symbol));
        }
        text
    }

    /// Reads the file, and nothing that differs from it by a byte.
    pub fn from_csv(bytes: &[u8], assets: &AssetTable) -> Result<Self, VectorError> {
        if bytes.len() > MAX_VECTOR_BYTES {
            return Err(VectorError::TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| VectorError::Form)?;
        let text = text.strip_suffix('\n').ok_or(VectorError::Form)?;
        let mut lines = text.split('\n');
        if lines.next() != Some("asset,reserve_base_units") {
            return Err(VectorError::Form);
        }
        let mut reserves = Vec::with_capacity(assets.len());
        for (index, asset) in assets.assets().iter().enumerate() {
            let line = lines.next().ok_or(VectorError::Form)?;
            let reserve = line.split_once(',').and_then(|(symbol, figure)| {
                let reserve: u128 = figure.parse().ok()?;
                (symbol == asset.symbol.as_str() && reserve.to_string() == figure).then_some(reserve)
            });
            reserves.push((index, reserve.ok_or(VectorError::Line { line: index + 2 })?));
        }
        if lines.next().is_some() { Err(VectorError::Form) } else { Ok(Self(reserves)) }
    }
}
