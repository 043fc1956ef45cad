//! The totals file: what an entity publishes beside a proof.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use assay_circuit::CIRCUIT_ID;
use assay_commit::{Digest, DigestError, Hasher};
use assay_statement::{
    Asset, AssetTable, AssetTableError, Entity, EntryKey, Epoch, EpochError, FileDigest, HaircutTier, Kind,
    Price, PriceGrade, PriceMethod, PriceRecord, Product, ProductError, ProductHaircuts, ProductName,
    Products, Symbol, SymbolError, Totals,
};
use serde::{Deserialize, Serialize};

use crate::{Figures, KnownAssets, Statement};

/// Name of the format.
pub const TOTALS_FORMAT: &str = "assay-totals";

const TOTALS_VERSION: u32 = 1;

/// Bytes that a totals file can have.
pub const MAX_TOTALS_BYTES: usize = 4 << 20;

/// The claim beside a proof, as JSON. It proves nothing by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TotalsFile {
    /// [`TOTALS_FORMAT`].
    pub format: String,
    /// 1.
    pub version: u32,
    /// Id of the circuit, 64 hex digits.
    pub circuit: String,
    /// The entity.
    pub entity: String,
    /// Name of the epoch.
    pub epoch: String,
    /// Time of the epoch, seconds since 1970-01-01 UTC.
    pub time: u64,
    /// Published root, 64 hex digits.
    pub root: String,
    /// Levels of the tree.
    pub depth: usize,
    /// What `accounts` and `totals` are.
    pub figures: TotalsFileFigures,
    /// Number of accounts, or what it doesn't exceed.
    pub accounts: u64,
    /// Digest of the asset table, 64 hex digits.
    pub asset_table: String,
    /// The asset table, in order of the symbol.
    pub assets: Vec<TotalsFileAsset>,
    /// The products of the asset table, in order of the collateral kind, unless they are the default ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub products: Option<Vec<TotalsFileProduct>>,
    /// Totals or bounds in order of asset and kind; a pair without entries is absent.
    pub totals: Vec<TotalsFileEntry>,
    /// Commitment to totals that aren't shown, 64 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commitment: Option<String>,
}

/// Whether a totals file says what totals are or what they don't exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TotalsFileFigures {
    /// What they are.
    Exact,
    /// What they don't exceed.
    AtMost,
}

/// An asset of a totals file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TotalsFileAsset {
    /// Symbol.
    pub symbol: String,
    /// Decimals of a whole unit.
    pub decimals: u8,
    /// Price of a whole unit in the reference currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<TotalsFilePrice>,
    /// Haircut tiers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub haircuts: Vec<TotalsFileHaircuts>,
    /// Whole units that exist at the most, decimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supply_cap: Option<String>,
}

/// A product of a totals file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TotalsFileProduct {
    /// Name.
    pub name: String,
    /// Number of the kind of its collateral.
    pub collateral: u8,
    /// Number of the kind of its own debt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debt: Option<u8>,
}

/// A price, `mantissa * 10^-scale`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TotalsFilePrice {
    /// Decimal digits of the mantissa.
    pub mantissa: String,
    /// Decimals.
    pub scale: u8,
    /// Where the price comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<TotalsFilePriceRecord>,
}

/// Where a price comes from, as in [`PriceRecord`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TotalsFilePriceRecord {
    /// Name of the grade.
    pub grade: String,
    /// Name of the method.
    pub method: String,
    /// Number of sources.
    pub sources: u8,
    /// Time of the oldest observation, in seconds since 1970-01-01 UTC.
    pub oldest: u64,
    /// Time of the newest observation.
    pub newest: u64,
    /// Largest distance of an observation from the price, in parts per million.
    pub deviation_ppm: u32,
    /// SHA-256 of the price file, 64 lower-case hex digits.
    pub file: String,
}

/// Haircut tiers of one collateral kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TotalsFileHaircuts {
    /// Name of the kind.
    pub kind: String,
    /// Pairs of exclusive end and percent.
    pub tiers: Vec<(u64, u8)>,
}

/// A total of a totals file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TotalsFileEntry {
    /// Symbol of the asset.
    pub asset: String,
    /// Name of the kind.
    pub kind: String,
    /// Total or bound in base units, decimal digits.
    pub total: String,
}

impl TotalsFile {
    /// The claim that a statement makes.
    pub fn new(statement: &Statement, assets: &AssetTable) -> Self {
        let symbol = |index: usize| assets.get(index).map_or("", |asset| asset.symbol.as_str()).to_string();
        let (accounts, totals) = statement.figures.at_most();
        Self {
            format: TOTALS_FORMAT.to_string(),
            version: TOTALS_VERSION,
            circuit: CIRCUIT_ID.to_hex(),
            entity: statement.entity.as_str().to_string(),
            epoch: statement.epoch.id().to_string(),
            time: statement.epoch.time(),
            root: statement.root.to_hex(),
            depth: statement.depth,
            figures: match statement.figures {
                Figures::Exact { .. } => TotalsFileFigures::Exact,
                Figures::AtMost { .. } => TotalsFileFigures::AtMost,
            },
            accounts,
            asset_table: statement.assets.to_hex(),
            assets: assets.assets().iter().map(|asset| TotalsFileAsset::new(asset, assets)).collect(),
            products: (*assets.products() != Products::default())
                .then(|| assets.products().iter().map(TotalsFileProduct::from).collect()),
            totals: totals
                .iter()
                .map(|(key, total)| TotalsFileEntry {
                    asset: symbol(key.asset()),
                    kind: assets.kind_name(key.kind()).into_owned(),
                    total: total.to_string(),
                })
                .collect(),
            commitment: statement.figures.commitment().map(|commitment| commitment.to_hex()),
        }
    }

    /// Reads a totals file and checks that its parts fit together.
    pub fn from_json(bytes: &[u8]) -> Result<Self, TotalsFileError> {
        Self::with_assets(bytes).map(|(file, _)| file)
    }

    /// The same, with the file's asset table.
    pub fn with_assets(bytes: &[u8]) -> Result<(Self, KnownAssets), TotalsFileError> {
        if bytes.len() > MAX_TOTALS_BYTES {
            return Err(TotalsFileError::TooLarge);
        }
        let file: Self = serde_json::from_slice(bytes)
            .map_err(|error| TotalsFileError::Json { line: error.line(), column: error.column() })?;
        if file.format != TOTALS_FORMAT || file.version != TOTALS_VERSION {
            return Err(TotalsFileError::Format);
        }
        if Digest::from_hex(&file.circuit)? != CIRCUIT_ID {
            return Err(TotalsFileError::UnknownCircuit);
        }
        let assets = KnownAssets::new(&Hasher::new(), file.asset_table()?);
        if *assets.digest() != Digest::from_hex(&file.asset_table)? {
            return Err(TotalsFileError::AssetTableDigest);
        }
        file.totals(assets.table())?;
        file.entity()?;
        file.epoch()?;
        file.root()?;
        file.commitment()?;
        Ok((file, assets))
    }

    /// The file as JSON.
    pub fn to_json(&self) -> Result<String, TotalsFileError> {
        serde_json::to_string_pretty(self)
            .map_err(|error| TotalsFileError::Json { line: error.line(), column: error.column() })
    }

    /// The entity.
    pub fn entity(&self) -> Result<Entity, TotalsFileError> {
        Ok(Entity::new(&self.entity)?)
    }

    /// The epoch.
    pub fn epoch(&self) -> Result<Epoch, TotalsFileError> {
        Ok(Epoch::new(&self.epoch, self.time)?)
    }

    /// The published root.
    pub fn root(&self) -> Result<Digest, TotalsFileError> {
        Ok(Digest::from_hex(&self.root)?)
    }

    /// Commitment to the totals, just where they aren't shown.
    pub fn commitment(&self) -> Result<Option<Digest>, TotalsFileError> {
        if self.commitment.is_some() != (self.figures == TotalsFileFigures::AtMost) {
            return Err(TotalsFileError::Commitment);
        }
        Ok(self.commitment.as_deref().map(Digest::from_hex).transpose()?)
    }

    /// The asset table, which must be in order.
    pub fn asset_table(&self) -> Result<AssetTable, TotalsFileError> {
        let products = match &self.products {
            None => Products::default(),
            Some(products) => {
                Products::new(products.iter().map(Product::try_from).collect::<Result<_, _>>()?)?
            }
        };
        let assets =
            self.assets.iter().map(|asset| asset.to_asset(&products)).collect::<Result<Vec<_>, _>>()?;
        let table = AssetTable::with_products(assets, products)?;
        let in_order = table.assets().iter().zip(&self.assets).all(|(a, b)| a.symbol.as_str() == b.symbol);
        // One table has one form in a file: products in order, and the default ones left out.
        let products = (*table.products() != Products::default())
            .then(|| table.products().iter().map(TotalsFileProduct::from).collect::<Vec<_>>());
        if in_order && products == self.products { Ok(table) } else { Err(TotalsFileError::Order) }
    }

    /// The totals or bounds, which must be in order, without zeros of absent pairs.
    pub fn totals(&self, assets: &AssetTable) -> Result<Totals, TotalsFileError> {
        let mut totals = Totals::new();
        let mut last = None;
        for entry in &self.totals {
            let asset = assets.index_of(&entry.asset).ok_or(TotalsFileError::Total)?;
            let kind = assets.products().kind(&entry.kind).map_err(|_| TotalsFileError::Total)?;
            let key = EntryKey::new(asset, kind).map_err(|_| TotalsFileError::Total)?;
            if last.is_some_and(|last| last >= key) {
                return Err(TotalsFileError::Order);
            }
            last = Some(key);
            let total = entry.total.parse::<u128>().map_err(|_| TotalsFileError::Total)?;
            if total.to_string() != entry.total {
                return Err(TotalsFileError::Total);
            }
            totals.add_total(key, total).map_err(|_| TotalsFileError::Total)?;
        }
        Ok(totals)
    }

    /// Whether this file claims just what `statement` says.
    pub fn matches(&self, statement: &Statement) -> bool {
        self.asset_table().is_ok_and(|assets| self.matches_with(statement, &assets))
    }

    /// The same where the file's asset table is at hand. With another one nothing matches.
    pub fn matches_with(&self, statement: &Statement, assets: &AssetTable) -> bool {
        *self == Self::new(statement, assets)
    }
}

impl From<&Product> for TotalsFileProduct {
    fn from(product: &Product) -> Self {
        Self {
            name: product.name.as_str().to_string(),
            collateral: product.collateral.number(),
            debt: product.debt.map(Kind::number),
        }
    }
}

impl TryFrom<&TotalsFileProduct> for Product {
    type Error = TotalsFileError;

    fn try_from(product: &TotalsFileProduct) -> Result<Self, TotalsFileError> {
        let kind = |number: u8| Kind::from_number(number).map_err(|_| TotalsFileError::Kind);
        Ok(Self {
            name: ProductName::new(&product.name)?,
            collateral: kind(product.collateral)?,
            debt: product.debt.map(kind).transpose()?,
        })
    }
}

impl From<&PriceRecord> for TotalsFilePriceRecord {
    fn from(record: &PriceRecord) -> Self {
        Self {
            grade: record.grade.name().to_string(),
            method: record.method.name().to_string(),
            sources: record.sources,
            oldest: record.oldest,
            newest: record.newest,
            deviation_ppm: record.deviation_ppm,
            file: record.file.to_string(),
        }
    }
}

impl TryFrom<&TotalsFilePriceRecord> for PriceRecord {
    type Error = TotalsFileError;

    fn try_from(record: &TotalsFilePriceRecord) -> Result<Self, TotalsFileError> {
        Ok(Self {
            grade: PriceGrade::from_name(&record.grade).ok_or(TotalsFileError::Price)?,
            method: PriceMethod::from_name(&record.method).ok_or(TotalsFileError::Price)?,
            sources: record.sources,
            oldest: record.oldest,
            newest: record.newest,
            deviation_ppm: record.deviation_ppm,
            file: FileDigest::from_hex(&record.file).map_err(|_| TotalsFileError::Price)?,
        })
    }
}

impl TotalsFileAsset {
    fn new(asset: &Asset, table: &AssetTable) -> Self {
        Self {
            symbol: asset.symbol.as_str().to_string(),
            decimals: asset.decimals,
            price: asset.price.map(|price| TotalsFilePrice {
                mantissa: price.mantissa.to_string(),
                scale: price.scale,
                record: asset.price_record.as_ref().map(TotalsFilePriceRecord::from),
            }),
            haircuts: asset
                .haircuts
                .iter()
                .map(|haircuts| TotalsFileHaircuts {
                    kind: table.kind_name(haircuts.kind).into_owned(),
                    tiers: haircuts.tiers.iter().map(|tier| (tier.up_to, tier.percent)).collect(),
                })
                .collect(),
            supply_cap: asset.supply_cap.map(|cap| cap.to_string()),
        }
    }

    fn to_asset(&self, products: &Products) -> Result<Asset, TotalsFileError> {
        let price = self.price.as_ref().map(|price| {
            let mantissa = price.mantissa.parse::<u64>().map_err(|_| TotalsFileError::Price)?;
            if mantissa.to_string() != price.mantissa {
                return Err(TotalsFileError::Price);
            }
            Ok(Price { mantissa, scale: price.scale })
        });
        let record = self.price.as_ref().and_then(|price| price.record.as_ref());
        let haircuts = self.haircuts.iter().map(|haircuts| {
            let kind = products.kind(&haircuts.kind).map_err(|_| TotalsFileError::Kind)?;
            let tiers = haircuts
                .tiers
                .iter()
                .map(|(up_to, percent)| HaircutTier { up_to: *up_to, percent: *percent });
            Ok(ProductHaircuts { kind, tiers: tiers.collect() })
        });
        let supply_cap = self.supply_cap.as_ref().map(|text| {
            let cap = text.parse::<u64>().map_err(|_| TotalsFileError::SupplyCap)?;
            if cap.to_string() == *text { Ok(cap) } else { Err(TotalsFileError::SupplyCap) }
        });
        Ok(Asset {
            symbol: Symbol::new(&self.symbol)?,
            decimals: self.decimals,
            price: price.transpose()?,
            price_record: record.map(PriceRecord::try_from).transpose()?,
            haircuts: haircuts.collect::<Result<_, TotalsFileError>>()?,
            supply_cap: supply_cap.transpose()?,
        })
    }
}

/// Why a totals file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TotalsFileError {
    /// More than [`MAX_TOTALS_BYTES`].
    #[error("the totals file is larger than {MAX_TOTALS_BYTES} bytes")]
    TooLarge,
    /// Not JSON of this form.
    #[error("the totals file is not well formed (line {line}, column {column})")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Another format or version.
    #[error("not a totals file of format {TOTALS_FORMAT} version {TOTALS_VERSION}")]
    Format,
    /// A circuit that this verifier doesn't know.
    #[error("the totals file is of a circuit that this verifier does not know")]
    UnknownCircuit,
    /// The digest in the file isn't the digest of the table in the file.
    #[error("the asset table in the totals file has another digest than the file says")]
    AssetTableDigest,
    /// Assets or totals out of order, or one twice.
    #[error("assets or totals of the totals file are out of order")]
    Order,
    /// A malformed total, or one of an unknown asset or kind.
    #[error("a total of the totals file is malformed or names an unknown asset or kind")]
    Total,
    /// A commitment beside totals, or bounds without one.
    #[error("a totals file has a commitment just where it shows bounds")]
    Commitment,
    /// A malformed price.
    #[error("a price of the totals file is malformed")]
    Price,
    /// A malformed supply cap.
    #[error("a supply cap of the totals file is malformed")]
    SupplyCap,
    /// An unknown kind.
    #[error("a haircut or product of the totals file has an unknown kind")]
    Kind,
    /// Products that don't fit together.
    #[error("the totals file: {0}")]
    Product(#[from] ProductError),
    /// A malformed digest.
    #[error("the totals file: {0}")]
    Digest(#[from] DigestError),
    /// A malformed symbol.
    #[error("the totals file: {0}")]
    Symbol(#[from] SymbolError),
    /// A malformed asset table.
    #[error("the totals file: {0}")]
    AssetTable(#[from] AssetTableError),
    /// A malformed entity or epoch.
    #[error("the totals file: {0}")]
    Epoch(#[from] EpochError),
}
