//! Synthetic ledgers: deterministic, of any size, shaped like an exchange's, and without anybody's data.
//!
//! Numbers of positions and values of balances have heavy tails, some accounts hold nothing, and a few have debt with
//! collateral that covers it well. Nothing here is random in the sense of a secret.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::builder::{StringBuilder, StringDictionaryBuilder};
use arrow_array::types::Int32Type;
use arrow_schema::{DataType, Field, Schema};
use assay_statement::coverage::{PriceTable, check_account};
use assay_statement::{
    Amount, Asset, AssetTable, Entry, EntryKey, HaircutTier, Kind, MAX_ASSETS, Price, ProductHaircuts,
    Symbol, Totals,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::assets::write_asset_table;
use crate::error::LedgerError;
use crate::format::LedgerFormat;

/// What a synthetic ledger is like. The same specification always gives the same ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct SyntheticSpec {
    /// Number of accounts, at most 10^9.
    pub accounts: u64,
    /// Assets of the table, 1 to [`MAX_ASSETS`].
    pub assets: usize,
    /// How much of the table accounts hold.
    pub holdings: Holdings,
    /// Average number of assets that an account holds in equity in a sparse ledger, about.
    pub positions_mean: f64,
    /// Seed of everything.
    pub seed: u64,
    /// Share of the accounts that have debt and collateral, 0 to 1.
    pub debt_share: f64,
    /// Assets that such an account owes, and as many that it pledges, if it can. With 1 the share is met by chance and an
    /// account that holds nothing owes nothing; with more it is met exactly, and the account holds that many assets at least.
    pub debt_assets: usize,
    /// Whether uids ascend.
    pub sorted: bool,
    /// Most decimals that an asset has.
    pub max_decimals: u8,
    /// Whether each asset has one signed figure that fits 64 bits: no collateral, and so no debt, which none would cover.
    pub signed: bool,
}

/// How much of the asset table accounts hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holdings {
    /// A few assets each, often the popular ones.
    Sparse,
    /// Every asset.
    Dense,
}

impl SyntheticSpec {
    /// A sparse, unsorted ledger with 4 positions per account and debt in one account of a hundred.
    pub fn new(accounts: u64, assets: usize, seed: u64) -> Self {
        Self {
            accounts,
            assets,
            holdings: Holdings::Sparse,
            positions_mean: 4.0,
            seed,
            debt_share: 0.01,
            debt_assets: 1,
            sorted: false,
            max_decimals: 18,
            signed: false,
        }
    }

    /// The same ledger within what `format` can say: for [`LedgerFormat::SignedJson`] signed and of at most 8 decimals.
    #[must_use]
    pub fn for_format(mut self, format: LedgerFormat) -> Self {
        if format == LedgerFormat::SignedJson {
            self.signed = true;
            self.max_decimals = self.max_decimals.min(8);
        }
        self
    }

    /// Its asset table: well-known symbols first, then made-up ones; all with prices and haircuts.
    pub fn table(&self) -> Result<AssetTable, LedgerError> {
        let assets =
            (0..self.assets).map(|rank| synthetic_asset(rank, self.max_decimals)).collect::<Option<_>>();
        let table = assets.and_then(|assets| AssetTable::new(assets).ok());
        table.ok_or(LedgerError::Synthetic("it must have 1 to 1,023 assets"))
    }

    /// Its accounts, one at a time.
    pub fn accounts(&self) -> Result<SyntheticAccounts, LedgerError> {
        if self.accounts > MAX_ACCOUNTS {
            return Err(LedgerError::Synthetic("it can have 10^9 accounts at the most"));
        }
        if self.debt_assets == 0 {
            return Err(LedgerError::Synthetic("who owes anything owes one asset at least"));
        }
        let mean_fits = self.positions_mean.is_finite() && self.positions_mean > 0.0;
        if !mean_fits || !(0.0..=1.0).contains(&self.debt_share) {
            return Err(LedgerError::Synthetic("the mean must be above 0, the debt share between 0 and 1"));
        }
        let table = self.table()?;
        let index = |rank: usize| table.index_of(synthetic_asset(rank, self.max_decimals)?.symbol.as_str());
        let by_rank = (0..self.assets).map(index).collect::<Option<Vec<_>>>();
        let by_rank = by_rank.ok_or(LedgerError::Synthetic("its table lacks an asset"))?;
        // A factor that shares no divisor with the number of accounts visits each of them once.
        let mut stride = self.accounts / 2 + self.accounts / 8 + 1;
        while gcd(stride, self.accounts) > 1 {
            stride += 1;
        }
        let rng = ChaCha8Rng::seed_from_u64(self.seed);
        let prices = PriceTable::new(&table);
        Ok(SyntheticAccounts {
            spec: self.clone(),
            table,
            prices,
            by_rank,
            stride,
            rng,
            next: 0,
            held: Vec::new(),
        })
    }
}

/// The accounts of a synthetic ledger.
pub struct SyntheticAccounts {
    spec: SyntheticSpec,
    table: AssetTable,
    prices: PriceTable,
    /// Index in the table by popularity.
    by_rank: Vec<usize>,
    stride: u64,
    rng: ChaCha8Rng,
    next: u64,
    held: Vec<usize>,
}

impl SyntheticAccounts {
    /// The asset table.
    pub fn table(&self) -> &AssetTable {
        &self.table
    }

    /// Replaces `uid` and `entries` with the next account's; entries strictly increase by key and none is zero. False
    /// after the last account.
    pub fn next_into(&mut self, uid: &mut String, entries: &mut Vec<Entry>) -> bool {
        uid.clear();
        entries.clear();
        if self.next >= self.spec.accounts {
            return false;
        }
        let number = if self.spec.sorted {
            self.next
        } else {
            let product = u128::from(self.next) * u128::from(self.stride) % u128::from(self.spec.accounts);
            u64::try_from(product).unwrap_or(0)
        };
        self.next += 1;
        // Writing to a string can't fail.
        let _ = write!(uid, "u{number:09}@example.org");
        // Each account has a stream of its own, so it is the same in whatever order accounts come.
        self.rng.set_stream(number);
        self.rng.set_word_pos(0);
        self.choose_assets();
        if self.spec.debt_assets > 1 {
            self.hold_and_borrow(number, entries);
        } else {
            self.hold_and_borrow_one(entries);
        }
        entries.sort_by_key(|entry| entry.key);
        // Equity is capped, so that in rare cases it is worth less than it was meant to be; then nothing is borrowed.
        if check_account(&self.prices, entries).is_err() {
            entries.retain(|entry| entry.key.kind() == Kind::EQUITY);
        }
        true
    }

    /// Equity in all that is held, and by chance debt in one asset against collateral in another.
    fn hold_and_borrow_one(&mut self, entries: &mut Vec<Entry>) {
        let mut pledge = None;
        for position in 0..self.held.len() {
            let Some(asset) = self.held.get(position).copied() else { continue };
            let value = self.value();
            if let Some(entry) = self.entry(asset, Kind::EQUITY, value) {
                entries.push(entry);
                if pledge.is_none() || uniform(&mut self.rng) < 0.2 {
                    pledge = Some((entry, value));
                }
            }
        }
        if uniform(&mut self.rng) < self.spec.debt_share
            && let Some((equity, value)) = pledge
        {
            // The five most popular assets are what is borrowed.
            let Some(rank) = (self.rng.next_u64() as usize).checked_rem(self.by_rank.len().min(5)) else {
                return;
            };
            self.borrow(rank, equity, value, entries);
        }
    }

    /// Equity in all that is held; if it is this account's turn, debt in several assets against collateral in as many.
    fn hold_and_borrow(&mut self, number: u64, entries: &mut Vec<Entry>) {
        // Evenly spread over the numbers, and as many as the share says.
        // A hair more, as a share such as 0.29 is a hair less than it says.
        let before = |number: u64| (number as f64 * self.spec.debt_share + 1e-6).floor();
        let turn = before(number + 1) > before(number);
        let wanted = if turn { self.spec.debt_assets.min(self.by_rank.len()) } else { 0 };
        for rank in 0..self.by_rank.len() {
            if self.held.len() >= wanted {
                break;
            }
            if let Some(asset) = self.by_rank.get(rank).filter(|asset| !self.held.contains(asset)) {
                self.held.push(*asset);
            }
        }
        let first = self.rng.next_u64() as usize;
        for position in 0..self.held.len() {
            let Some(asset) = self.held.get(position).copied() else { continue };
            let pledged = position < wanted;
            // What is pledged must be enough to owe a base unit of anything, and not reach the lower tiers.
            let value = if pledged { self.value().clamp(100.0, 1e6) } else { self.value() };
            let Some(equity) = self.entry(asset, Kind::EQUITY, value) else { continue };
            entries.push(equity);
            if pledged {
                // Different assets, one after the other by popularity.
                let among = self.by_rank.len().min(8.max(wanted));
                self.borrow((first % among + position) % among, equity, value, entries);
            }
        }
    }

    /// Picks the assets held in equity.
    fn choose_assets(&mut self) {
        self.held.clear();
        let assets = self.by_rank.len();
        if self.spec.holdings == Holdings::Dense {
            self.held.extend(0..assets);
            return;
        }
        if uniform(&mut self.rng) < 0.05 {
            return;
        }
        // Log-normal with the wanted mean, made up for the accounts that hold nothing.
        let mean = self.spec.positions_mean / 0.95;
        let count = (mean.ln() - 0.5 + normal(&mut self.rng)).exp().round();
        let count = (count as usize).clamp(1, assets);
        if count > assets / 2 {
            let skipped = self.rng.next_u64() as usize % assets;
            self.held.extend(self.by_rank.iter().cycle().skip(skipped).take(count));
            return;
        }
        let mut seen = HashSet::with_capacity(count);
        while self.held.len() < count {
            // Popular assets are held most, and any asset by somebody.
            let draw = uniform(&mut self.rng).powi(3) * assets as f64;
            let rank = (draw as usize).min(assets - 1);
            if seen.insert(rank) {
                self.held.extend(self.by_rank.get(rank));
            }
        }
    }

    /// A value in the reference currency, at most 10^8.
    fn value(&mut self) -> f64 {
        (4.6 + 2.5 * normal(&mut self.rng)).exp().clamp(0.01, 1e8)
    }

    /// An entry of about `value`; none if that is less than a base unit.
    fn entry(&self, asset: usize, kind: Kind, value: f64) -> Option<Entry> {
        let described = self.table.get(asset)?;
        let price =
            described.price.map_or(1.0, |price| price.mantissa as f64 / 10f64.powi(price.scale.into()));
        let base_units = value / price * 10f64.powi(described.decimals.into());
        let most = if self.spec.signed { 1 << 62 } else { 1 << 88 };
        let amount = Amount::new((base_units as u128).min(most)).ok().filter(|amount| !amount.is_zero())?;
        Some(Entry { key: EntryKey::new(asset, kind).ok()?, amount })
    }

    /// Adds debt in the asset of this popularity worth less than a quarter of `equity`'s value, and, if there is collateral,
    /// pledges at least half of it, which counts at least half.
    fn borrow(&mut self, rank: usize, equity: Entry, value: f64, entries: &mut Vec<Entry>) {
        let Some(asset) = self.by_rank.get(rank).copied() else { return };
        let share = 0.02 + 0.2 * uniform(&mut self.rng);
        let Some(debt) = self.entry(asset, Kind::DEBT, value * share) else { return };
        if self.spec.signed {
            return;
        }
        let kinds = [Kind::COLLATERAL_LOAN, Kind::COLLATERAL_MARGIN, Kind::COLLATERAL_PORTFOLIO];
        let kind =
            kinds.into_iter().cycle().nth(self.rng.next_u64() as usize % 3).unwrap_or(Kind::COLLATERAL_LOAN);
        let pledged = equity.amount.get() - equity.amount.get() / 2;
        let pledged = pledged + u128::from(self.rng.next_u64()) % (equity.amount.get() - pledged + 1);
        if let (Ok(key), Ok(amount)) = (EntryKey::new(equity.key.asset(), kind), Amount::new(pledged)) {
            entries.push(Entry { key, amount });
            entries.push(debt);
        }
    }
}

/// Uids and entries.
impl Iterator for SyntheticAccounts {
    type Item = (String, Vec<Entry>);

    fn next(&mut self) -> Option<Self::Item> {
        let mut uid = String::new();
        let mut entries = Vec::new();
        self.next_into(&mut uid, &mut entries).then_some((uid, entries))
    }
}

/// What [`write()`] wrote.
#[derive(Clone, Debug)]
pub struct SyntheticFiles {
    /// The asset table.
    pub assets: PathBuf,
    /// The ledger: a file, or for JSON a folder.
    pub ledger: PathBuf,
    /// Accounts in it.
    pub accounts: u64,
    /// Entries in it.
    pub positions: u64,
    /// What they sum up to.
    pub totals: Totals,
}

/// Writes `spec`'s ledger, as far as `format` can say it (see [`SyntheticSpec::for_format`]), and its asset table
/// (`assets.toml`) into the folder `folder`, which is made if need be.
pub fn write(
    spec: &SyntheticSpec,
    folder: &Path,
    format: LedgerFormat,
) -> Result<SyntheticFiles, LedgerError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| LedgerError::Write { path, source }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let spec = spec.clone().for_format(format);
    let mut accounts = spec.accounts()?;
    let table = accounts.table().clone();
    let assets = folder.join("assets.toml");
    write_asset_table(&assets, &table)?;
    let ledger = match format {
        LedgerFormat::SignedJson => folder.join("ledger"),
        LedgerFormat::LongCsv | LedgerFormat::WideCsv | LedgerFormat::LongParquet => {
            folder.join(format!("ledger.{}", format.extension()))
        }
    };
    let mut writer = match format {
        LedgerFormat::LongCsv => LongCsvWriter::open(&ledger),
        LedgerFormat::LongParquet => ParquetWriter::open(&ledger),
        LedgerFormat::SignedJson => JsonWriter::open(&ledger),
        LedgerFormat::WideCsv => WideCsvWriter::open(&ledger, &table),
    }
    .map_err(failed(&ledger))?;
    let mut files =
        SyntheticFiles { assets, ledger: ledger.clone(), accounts: 0, positions: 0, totals: Totals::new() };
    let mut uid = String::new();
    let mut entries = Vec::new();
    while accounts.next_into(&mut uid, &mut entries) {
        writer.account(&uid, &entries, &table).map_err(failed(&ledger))?;
        files.accounts += 1;
        files.positions += entries.len() as u64;
        for entry in &entries {
            files.totals.add(entry.key, entry.amount)?;
        }
    }
    writer.finish().map_err(failed(&ledger))?;
    Ok(files)
}

/// Accounts whose numbers fit the digits of their uids.
const MAX_ACCOUNTS: u64 = 1_000_000_000;

/// Accounts in a JSON file.
const JSON_FILE_ACCOUNTS: usize = 100_000;

/// Rows of a Parquet batch.
const PARQUET_ROWS: usize = 64 * 1024;

trait LedgerWriter {
    fn account(&mut self, uid: &str, entries: &[Entry], table: &AssetTable) -> io::Result<()>;
    fn finish(self: Box<Self>) -> io::Result<()>;
}

struct LongCsvWriter {
    file: BufWriter<File>,
    line: String,
}

impl LongCsvWriter {
    fn open(path: &Path) -> io::Result<Box<dyn LedgerWriter>> {
        let mut file = BufWriter::new(File::create(path)?);
        file.write_all(b"uid,asset,kind,amount\n")?;
        Ok(Box::new(Self { file, line: String::new() }))
    }
}

impl LedgerWriter for LongCsvWriter {
    fn account(&mut self, uid: &str, entries: &[Entry], table: &AssetTable) -> io::Result<()> {
        if entries.is_empty() {
            return writeln!(self.file, "{uid},,,");
        }
        for entry in entries {
            let (symbol, decimals) = described(entry, table);
            self.line.clear();
            for part in [uid, ",", symbol, ",", &table.kind_name(entry.key.kind()), ","] {
                self.line.push_str(part);
            }
            push_decimal(&mut self.line, entry.amount.get(), decimals);
            self.line.push('\n');
            self.file.write_all(self.line.as_bytes())?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.file.flush()
    }
}

struct WideCsvWriter {
    file: BufWriter<File>,
    line: String,
    rows: u64,
}

impl WideCsvWriter {
    fn open(path: &Path, table: &AssetTable) -> io::Result<Box<dyn LedgerWriter>> {
        let mut file = BufWriter::new(File::create(path)?);
        let mut line = String::from("rn,id");
        for asset in table.assets() {
            let symbol = &asset.symbol;
            let _ = write!(line, ",e_{symbol},d_{symbol},{symbol},vl_{symbol},m_{symbol},pm_{symbol}");
        }
        line.push_str(",total_net_balance_usdt\n");
        file.write_all(line.as_bytes())?;
        Ok(Box::new(Self { file, line, rows: 0 }))
    }
}

impl LedgerWriter for WideCsvWriter {
    fn account(&mut self, uid: &str, entries: &[Entry], table: &AssetTable) -> io::Result<()> {
        self.rows += 1;
        self.line.clear();
        let _ = write!(self.line, "{},{uid}", self.rows);
        let mut entries = entries.iter().peekable();
        for (index, asset) in table.assets().iter().enumerate() {
            let mut amounts = [0u128; 5];
            while let Some(entry) = entries.next_if(|entry| entry.key.asset() == index) {
                if let Some(amount) = amounts.get_mut(usize::from(entry.key.kind().number())) {
                    *amount = entry.amount.get();
                }
            }
            let [equity, debt, loan, margin, portfolio] = amounts;
            for (sign, amount) in [
                ("", equity),
                ("", debt),
                (if debt > equity { "-" } else { "" }, equity.abs_diff(debt)),
                ("", loan),
                ("", margin),
                ("", portfolio),
            ] {
                self.line.push(',');
                self.line.push_str(sign);
                push_decimal(&mut self.line, amount, asset.decimals);
            }
        }
        self.line.push_str(",0\n");
        self.file.write_all(self.line.as_bytes())
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.file.flush()
    }
}

struct JsonWriter {
    folder: PathBuf,
    file: Option<BufWriter<File>>,
    files: usize,
    in_file: usize,
}

impl JsonWriter {
    fn open(folder: &Path) -> io::Result<Box<dyn LedgerWriter>> {
        fs::create_dir_all(folder)?;
        let mut writer = Self { folder: folder.into(), file: None, files: 0, in_file: 0 };
        writer.next_file()?;
        Ok(Box::new(writer))
    }

    fn next_file(&mut self) -> io::Result<()> {
        self.close()?;
        let name = format!("part-{:05}.json", self.files);
        let mut file = BufWriter::new(File::create(self.folder.join(name))?);
        file.write_all(b"[")?;
        self.file = Some(file);
        self.files += 1;
        self.in_file = 0;
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        match self.file.take() {
            Some(mut file) => file.write_all(b"\n]\n").and_then(|()| file.flush()),
            None => Ok(()),
        }
    }
}

impl LedgerWriter for JsonWriter {
    fn account(&mut self, uid: &str, entries: &[Entry], table: &AssetTable) -> io::Result<()> {
        if self.in_file == JSON_FILE_ACCOUNTS {
            self.next_file()?;
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let comma = if self.in_file == 0 { "" } else { "," };
        self.in_file += 1;
        write!(file, "{comma}\n{{\"id\":\"{uid}\",\"assets\":{{")?;
        for (index, entry) in entries.iter().enumerate() {
            let (symbol, _) = described(entry, table);
            let comma = if index == 0 { "" } else { "," };
            let sign = if entry.key.kind() == Kind::DEBT { "-" } else { "" };
            write!(file, "{comma}\"{symbol}\":\"{sign}{}\"", entry.amount.get())?;
        }
        file.write_all(b"}}")
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.close()
    }
}

struct ParquetWriter {
    writer: ArrowWriter<File>,
    schema: Arc<Schema>,
    uids: StringBuilder,
    assets: StringDictionaryBuilder<Int32Type>,
    kinds: StringDictionaryBuilder<Int32Type>,
    amounts: StringBuilder,
    rows: usize,
    number: String,
}

impl ParquetWriter {
    fn open(path: &Path) -> io::Result<Box<dyn LedgerWriter>> {
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let schema = Arc::new(Schema::new(vec![
            Field::new("uid", DataType::Utf8, false),
            Field::new("asset", dictionary.clone(), false),
            Field::new("kind", dictionary, false),
            Field::new("amount", DataType::Utf8, false),
        ]));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_column_dictionary_enabled(ColumnPath::from("amount"), false)
            .set_statistics_enabled(parquet::file::properties::EnabledStatistics::None)
            .build();
        let writer = ArrowWriter::try_new(File::create(path)?, schema.clone(), Some(properties))?;
        Ok(Box::new(Self {
            writer,
            schema,
            uids: StringBuilder::new(),
            assets: StringDictionaryBuilder::new(),
            kinds: StringDictionaryBuilder::new(),
            amounts: StringBuilder::new(),
            rows: 0,
            number: String::new(),
        }))
    }

    fn row(&mut self, uid: &str, asset: &str, kind: &str) -> io::Result<()> {
        self.uids.append_value(uid);
        self.assets.append(asset).map_err(io::Error::other)?;
        self.kinds.append(kind).map_err(io::Error::other)?;
        self.amounts.append_value(&self.number);
        self.rows += 1;
        if self.rows == PARQUET_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.rows = 0;
        let batch = RecordBatch::try_new(
            self.schema.clone(),
            vec![
                Arc::new(self.uids.finish()),
                Arc::new(self.assets.finish()),
                Arc::new(self.kinds.finish()),
                Arc::new(self.amounts.finish()),
            ],
        );
        Ok(self.writer.write(&batch.map_err(io::Error::other)?)?)
    }
}

impl LedgerWriter for ParquetWriter {
    fn account(&mut self, uid: &str, entries: &[Entry], table: &AssetTable) -> io::Result<()> {
        if entries.is_empty() {
            self.number.clear();
            return self.row(uid, "", "");
        }
        for entry in entries {
            let (symbol, decimals) = described(entry, table);
            self.number.clear();
            push_decimal(&mut self.number, entry.amount.get(), decimals);
            self.row(uid, symbol, &table.kind_name(entry.key.kind()))?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.flush()?;
        self.writer.close()?;
        Ok(())
    }
}

/// Symbol and decimals of an entry's asset.
fn described<'a>(entry: &Entry, table: &'a AssetTable) -> (&'a str, u8) {
    table.get(entry.key.asset()).map_or(("", 0), |asset| (asset.symbol.as_str(), asset.decimals))
}

/// Appends base units as whole units, without zeros at the end.
fn push_decimal(out: &mut String, base_units: u128, decimals: u8) {
    let Some(unit) = 10u128.checked_pow(decimals.into()) else { return };
    let _ = write!(out, "{}", base_units / unit);
    let fraction = base_units % unit;
    if fraction > 0 {
        let _ = write!(out, ".{fraction:0width$}", width = usize::from(decimals));
        out.truncate(out.trim_end_matches('0').len());
    }
}

/// The asset of this popularity; its price doesn't depend on anything else.
fn synthetic_asset(rank: usize, max_decimals: u8) -> Option<Asset> {
    const KNOWN: [(&str, u8, u64, u8); 16] = [
        ("USDT", 6, 1, 0),
        ("BTC", 8, 640_005, 1),
        ("ETH", 18, 342_517, 2),
        ("USDC", 6, 1, 0),
        ("BNB", 8, 58_123, 2),
        ("SOL", 9, 14_817, 2),
        ("XRP", 6, 5_231, 4),
        ("DOGE", 8, 12_041, 5),
        ("TRX", 6, 12_345, 5),
        ("ADA", 6, 3_987, 4),
        ("LTC", 8, 7_211, 2),
        ("DOT", 10, 583, 2),
        ("AVAX", 18, 2_671, 2),
        ("LINK", 18, 1_432, 2),
        ("BCH", 8, 38_590, 2),
        ("ATOM", 6, 647, 2),
    ];
    if rank >= MAX_ASSETS {
        return None;
    }
    let (symbol, decimals, mantissa, scale) = match KNOWN.get(rank) {
        Some((symbol, decimals, mantissa, scale)) => ((*symbol).to_string(), *decimals, *mantissa, *scale),
        None => {
            let letter = |place: usize| char::from(b'A' + u8::try_from(rank / place % 26).unwrap_or(0));
            let symbol: String = ['X', letter(676), letter(26), letter(1), 'T'].into_iter().collect();
            let decimals = [18, 8, 6, 18, 9].get(rank % 5).copied().unwrap_or(18);
            // From a few thousandths to a few tens.
            let mantissa = 3_000 + (rank as u64).wrapping_mul(0x9e37_79b9) % 40_000_000;
            (symbol, decimals, mantissa, 6)
        }
    };
    let mut asset = Asset::new(Symbol::new(&symbol).ok()?, decimals.min(max_decimals));
    asset.price = Some(Price { mantissa, scale });
    let tiers = [(1_000_000, 90), (10_000_000, 70), (1_000_000_000, 50)];
    let tiers: Vec<_> = tiers.into_iter().map(|(up_to, percent)| HaircutTier { up_to, percent }).collect();
    let kinds = [Kind::COLLATERAL_LOAN, Kind::COLLATERAL_MARGIN, Kind::COLLATERAL_PORTFOLIO];
    asset.haircuts = kinds.map(|kind| ProductHaircuts { kind, tiers: tiers.clone() }).into();
    Some(asset)
}

/// A number in [0, 1).
fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// A number of the standard normal distribution, by Box and Muller.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - uniform(rng)).ln()).sqrt();
    radius * (std::f64::consts::TAU * uniform(rng)).cos()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(table: &AssetTable, entry: &Entry) -> f64 {
        let asset = table.get(entry.key.asset()).unwrap();
        let price = asset.price.unwrap();
        entry.amount.get() as f64 / 10f64.powi(asset.decimals.into()) * price.mantissa as f64
            / 10f64.powi(price.scale.into())
    }

    #[test]
    fn accounts_are_shaped_like_an_exchange() {
        let spec = SyntheticSpec { debt_share: 0.1, ..SyntheticSpec::new(20_000, 300, 1) };
        let accounts: Vec<_> = spec.accounts().unwrap().collect();
        let table = spec.table().unwrap();
        let uids: HashSet<_> = accounts.iter().map(|(uid, _)| uid).collect();
        assert_eq!(uids.len(), 20_000);
        assert!(!accounts.is_sorted_by_key(|(uid, _)| uid));
        let positions: usize = accounts.iter().map(|(_, entries)| entries.len()).sum();
        assert!((70_000..100_000).contains(&positions), "{positions}");
        assert!(accounts.iter().any(|(_, entries)| entries.is_empty()));
        assert!(accounts.iter().any(|(_, entries)| entries.len() > 40));
        let mut debts = 0;
        for (_, entries) in &accounts {
            assert!(entries.windows(2).all(|pair| pair[0].key < pair[1].key));
            assert!(entries.iter().all(|entry| !entry.amount.is_zero()));
            let sum = |filter: &dyn Fn(Kind) -> bool| {
                entries
                    .iter()
                    .filter(|entry| filter(entry.key.kind()))
                    .map(|entry| value(&table, entry))
                    .sum::<f64>()
            };
            let debt = sum(&|kind| kind == Kind::DEBT);
            assert!(debt <= 0.45 * sum(&|kind| kind > Kind::DEBT) + 1e-3);
            debts += usize::from(debt > 0.0);
            for pledged in entries.iter().filter(|entry| entry.key.kind() > Kind::DEBT) {
                let key = EntryKey::new(pledged.key.asset(), Kind::EQUITY).unwrap();
                assert!(entries.iter().any(|entry| entry.key == key && entry.amount >= pledged.amount));
            }
        }
        assert!((1_500..2_500).contains(&debts), "{debts}");
        let prices = PriceTable::new(&table);
        assert!(accounts.iter().all(|(_, entries)| check_account(&prices, entries).is_ok()));
    }

    /// As many accounts as the share says owe and pledge just three assets each, and all are covered.
    #[test]
    fn debt_in_several_assets_is_met_exactly() {
        for (accounts, assets, seed) in [(1_000, 300, 1), (995, 3, 2), (500, 16, 3)] {
            let spec = SyntheticSpec {
                debt_share: 0.2,
                debt_assets: 3,
                ..SyntheticSpec::new(accounts, assets, seed)
            };
            let prices = PriceTable::new(&spec.table().unwrap());
            let mut borrowers = 0;
            for (_, entries) in spec.accounts().unwrap() {
                assert!(entries.windows(2).all(|pair| pair[0].key < pair[1].key));
                assert!(check_account(&prices, &entries).is_ok());
                let count = |filter: &dyn Fn(Kind) -> bool| {
                    entries.iter().filter(|entry| filter(entry.key.kind())).count()
                };
                let (debt, pledged) = (count(&|kind| kind == Kind::DEBT), count(&|kind| kind > Kind::DEBT));
                assert!([(0, 0), (3, 3)].contains(&(debt, pledged)), "{debt} {pledged}");
                borrowers += u64::from(debt > 0);
            }
            assert_eq!(borrowers, accounts / 5);
        }
        let sorted = SyntheticSpec { debt_share: 0.2, debt_assets: 3, ..SyntheticSpec::new(500, 20, 7) };
        let mut mixed: Vec<_> = sorted.accounts().unwrap().collect();
        mixed.sort_by(|a, b| a.0.cmp(&b.0));
        assert!(mixed == SyntheticSpec { sorted: true, ..sorted }.accounts().unwrap().collect::<Vec<_>>());
    }

    #[test]
    fn the_order_does_not_change_accounts() {
        let spec = SyntheticSpec::new(500, 20, 7);
        let mut mixed: Vec<_> = spec.accounts().unwrap().collect();
        let sorted: Vec<_> = SyntheticSpec { sorted: true, ..spec }.accounts().unwrap().collect();
        mixed.sort_by(|a, b| a.0.cmp(&b.0));
        assert!(mixed == sorted);
    }

    #[test]
    fn dense_accounts_hold_everything() {
        let spec = SyntheticSpec { holdings: Holdings::Dense, ..SyntheticSpec::new(10, MAX_ASSETS, 3) };
        for (_, entries) in spec.accounts().unwrap() {
            let equity = entries.iter().filter(|entry| entry.key.kind() == Kind::EQUITY).count();
            assert!(equity > MAX_ASSETS * 9 / 10, "{equity}");
        }
    }

    #[test]
    fn impossible_ledgers_are_refused() {
        assert!(SyntheticSpec::new(1, 0, 0).table().is_err());
        assert!(SyntheticSpec::new(1, MAX_ASSETS + 1, 0).table().is_err());
        assert!(SyntheticSpec::new(MAX_ACCOUNTS + 1, 1, 0).accounts().is_err());
        assert!(
            SyntheticSpec { positions_mean: f64::NAN, ..SyntheticSpec::new(1, 1, 0) }.accounts().is_err()
        );
        assert_eq!(SyntheticSpec::new(0, 1, 0).accounts().unwrap().count(), 0);
        assert_eq!(SyntheticSpec::new(1, 1, 0).accounts().unwrap().count(), 1);
    }

    #[test]
    fn decimals_are_written_in_full() {
        let text = |base_units, decimals| {
            let mut out = String::new();
            push_decimal(&mut out, base_units, decimals);
            out
        };
        assert_eq!(text(0, 8), "0");
        assert_eq!(text(100, 0), "100");
        assert_eq!(text(1, 8), "0.00000001");
        assert_eq!(text(1_500_000, 6), "1.5");
    }
}
