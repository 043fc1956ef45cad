//! What can be typed.

use std::path::PathBuf;

use assay_ledger::LedgerFormat;
use assay_reserves::ReserveFormat;
use assay_statement::{Entity, Epoch};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::failure::Failure;

/// Proves what an exchange owes, and checks such proofs.
#[derive(Parser)]
#[command(name = "assay", version, propagate_version = true)]
#[command(
    after_help = "Exit codes: 0 done or verified, 1 checked and rejected, 2 usage, 3 unreadable input, \
                        4 could not check, 101 a bug."
)]
pub(crate) struct Arguments {
    /// Print one JSON object instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Show no progress.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a ledger up, prove it, verify the proof, make a receipt and check it.
    Demo(Demo),
    /// Make a ledger up and write it to files.
    Generate(Generate),
    /// Read a ledger and list everything that is wrong with it.
    Check(Check),
    /// Look at asset tables, and at where their prices come from.
    #[command(subcommand)]
    Assets(Assets),
    /// Make the secret of an epoch, in a file that only its owner can read.
    Secret(Secret),
    /// Prove a ledger: final proof, totals file, and a work folder for receipts.
    Prove(Prove),
    /// Verify a proof or a bundle against what you know of it.
    Verify(Verify),
    /// Make the receipt of one customer, or of all.
    Receipt(Receipt),
    /// Put all receipts into one encrypted container, and get them out by uid.
    #[command(subcommand)]
    Receipts(Receipts),
    /// Check a receipt against a root that you have from somewhere else.
    VerifyReceipt(VerifyReceipt),
    /// Look at reserve files: inconsistencies, signatures, the text to sign, heights to ask for.
    #[command(subcommand)]
    Reserves(Reserves),
    /// Join a verified proof with reserve files into a solvency report: JSON, Markdown and HTML.
    Report(Report),
    /// Make a solvency report again from proof, files and policy, and compare it byte by byte.
    VerifyReport(VerifyReport),
    /// Make public pages: the receipt page, and a transparency site from reports.
    #[command(subcommand)]
    Site(Site),
    /// Show the circuit: tables, parameters, bits of security, id.
    Circuit,
    /// Measure what proving costs on this machine.
    Bench(Bench),
    /// Write shell completions to standard output.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Args)]
pub(crate) struct Demo {
    /// Number of accounts.
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) accounts: u64,
    /// Folder for the files, which must not exist.
    #[arg(long, default_value = "demo")]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) resources: Resources,
}

#[derive(Args)]
pub(crate) struct Generate {
    #[command(flatten)]
    pub(crate) made: Made,
    /// Format of the ledger.
    #[arg(long, value_enum, default_value_t = Format::Parquet)]
    pub(crate) format: Format,
    /// Write accounts in order of their uids.
    #[arg(long)]
    pub(crate) sorted: bool,
    /// Folder for the ledger and the asset table.
    #[arg(long)]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
pub(crate) struct Made {
    /// Number of accounts.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) accounts: u64,
    /// Number of assets [default: 300, or 220 if dense].
    #[arg(long)]
    pub(crate) assets: Option<usize>,
    /// A few assets an account, or all of them.
    #[arg(long, value_enum, default_value_t = Holdings::Sparse)]
    pub(crate) ledger: Holdings,
    /// Average number of positions an account, if sparse.
    #[arg(long, default_value_t = 4.0)]
    pub(crate) positions: f64,
    /// Share of accounts with debt and collateral.
    #[arg(long, default_value_t = 0.01)]
    pub(crate) debt: f64,
    /// Percent of accounts with debt in three assets against collateral in three, all covered, in place of `--debt`.
    #[arg(long, value_name = "PERCENT", conflicts_with = "debt", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) indebted: Option<u8>,
    /// The same seed makes the same ledger.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Holdings {
    /// A few assets an account.
    Sparse,
    /// Every asset.
    Dense,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Parquet, one row a position: uid, asset, kind, amount.
    Parquet,
    /// CSV, one row a position: uid, asset, kind, amount.
    Csv,
    /// JSON files of signed integers.
    Json,
    /// CSV, one row an account, several columns an asset.
    WideCsv,
}

impl From<Format> for LedgerFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Parquet => Self::LongParquet,
            Format::Csv => Self::LongCsv,
            Format::Json => Self::SignedJson,
            Format::WideCsv => Self::WideCsv,
        }
    }
}

#[derive(Args)]
pub(crate) struct Input {
    /// The ledger: a file, or a folder of files of one format.
    pub(crate) ledger: PathBuf,
    /// Asset table (TOML).
    #[arg(long)]
    pub(crate) assets: PathBuf,
    /// Format of the ledger [default: by its name and first line].
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Round figures with too many decimals against the exchange, instead of refusing them.
    #[arg(long)]
    pub(crate) round: bool,
}

impl Input {
    pub(crate) fn format(&self) -> Result<LedgerFormat, Failure> {
        match self.format {
            Some(format) => Ok(format.into()),
            None => Ok(LedgerFormat::detect(&self.ledger)?),
        }
    }
}

#[derive(Args)]
pub(crate) struct Resources {
    /// Memory to stay within, about: a number of MiB, or with a suffix K, M, G.
    #[arg(long, default_value = "4G", value_parser = parse_bytes)]
    pub(crate) memory: u64,
    /// Segments to prove at once [default: what memory and cores allow].
    #[arg(long)]
    pub(crate) jobs: Option<usize>,
}

fn parse_bytes(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.char_indices().last() {
        Some((at, 'K' | 'k')) => (&text[..at], 10),
        Some((at, 'M' | 'm')) => (&text[..at], 20),
        Some((at, 'G' | 'g')) => (&text[..at], 30),
        _ => (text, 20),
    };
    let number: u64 =
        digits.parse().map_err(|_| "not a number of MiB, or with a suffix K, M, G".to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| "too large".to_owned())
}

#[derive(Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) input: Input,
    /// Problems to list; the rest is counted.
    #[arg(long, default_value_t = 100)]
    pub(crate) limit: usize,
    /// Name accounts in full, and say by how much those below water are. Mind where the output goes.
    #[arg(long)]
    pub(crate) show_accounts: bool,
    /// Memory for sorting: a number of MiB, or with a suffix K, M, G.
    #[arg(long, default_value = "1G", value_parser = parse_bytes)]
    pub(crate) memory: u64,
}

#[derive(Subcommand)]
pub(crate) enum Assets {
    /// Show the digest of an asset table, its prices, and what they rest on.
    Show(ShowAssets),
    /// Put the prices of a price file into an asset table, with a record of where they come from.
    Price(PriceAssets),
    /// Make prices and records of an asset table again from the price file, and compare.
    VerifyPrices(VerifyPrices),
    /// Make an asset table of the CSV file of prices and tiers that lies beside a wide ledger.
    Import(ImportAssets),
}

#[derive(Args)]
pub(crate) struct ShowAssets {
    /// The asset table (TOML).
    pub(crate) assets: PathBuf,
    /// Time of the snapshot that prices are graded for: seconds since 1970, or as in 2026-09-30T00:00:00Z.
    #[arg(long)]
    pub(crate) time: Option<String>,
}

#[derive(Args)]
pub(crate) struct PriceAssets {
    /// The asset table (TOML).
    pub(crate) assets: PathBuf,
    /// The price file (TOML).
    pub(crate) prices: PathBuf,
    /// The asset table to write.
    #[arg(long)]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
pub(crate) struct VerifyPrices {
    /// The asset table (TOML).
    pub(crate) assets: PathBuf,
    /// The price file (TOML) whose digest it has.
    pub(crate) prices: PathBuf,
    /// Time of the snapshot that prices are graded for: seconds since 1970, or as in 2026-09-30T00:00:00Z.
    #[arg(long)]
    pub(crate) time: Option<String>,
}

#[derive(Args)]
pub(crate) struct ImportAssets {
    /// The file: symbol, usdt_price, loan_tiers_ratio, margin_tiers_ratio, portfolio_tiers_ratio.
    pub(crate) tiers: PathBuf,
    /// Decimals of every asset, which the file doesn't say.
    #[arg(long)]
    pub(crate) decimals: u8,
    /// The asset table to write.
    #[arg(long)]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
pub(crate) struct Secret {
    /// The file to make.
    pub(crate) file: PathBuf,
}

/// Who made a proof, and for which snapshot.
#[derive(Args)]
pub(crate) struct Snapshot {
    /// The entity that makes the proof, such as its domain.
    #[arg(long, value_parser = |text: &str| Entity::new(text).map_err(|error| error.to_string()))]
    pub(crate) entity: Entity,
    /// Name of the snapshot, unique for the entity.
    #[arg(long)]
    pub(crate) epoch: String,
    /// Time of the snapshot: seconds since 1970, or as in 2026-09-30T00:00:00Z.
    #[arg(long)]
    pub(crate) time: String,
}

impl Snapshot {
    pub(crate) fn epoch(&self) -> Result<Epoch, Failure> {
        epoch(&self.epoch, &self.time)
    }
}

/// An epoch as it is typed.
pub(crate) fn epoch(id: &str, time: &str) -> Result<Epoch, Failure> {
    Epoch::new(id, parse_time(time)?).map_err(|error| Failure::usage(error.to_string()))
}

/// A time in seconds since 1970-01-01 UTC.
pub(crate) fn parse_time(text: &str) -> Result<u64, Failure> {
    match text.parse::<u64>() {
        Ok(seconds) => Ok(seconds),
        Err(_) => humantime::parse_rfc3339_weak(text)
            .ok()
            .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
            .map(|since| since.as_secs())
            .ok_or_else(|| Failure::usage("--time: neither seconds nor a time such as 2026-09-30T00:00:00Z")),
    }
}

#[derive(Args)]
pub(crate) struct Prove {
    #[command(flatten)]
    pub(crate) input: Input,
    #[command(flatten)]
    pub(crate) snapshot: Snapshot,
    /// File with the secret of the epoch, made by `assay secret`.
    #[arg(long)]
    pub(crate) secret: PathBuf,
    /// Folder for the results: the final proof, the totals file and, where asked for, the bundle.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Keep the segments' proofs as a bundle as well, for auditors.
    #[arg(long)]
    pub(crate) bundle: bool,
    /// End with the bundle: no final proof.
    #[arg(long)]
    pub(crate) no_proof: bool,
    /// Hide the totals: the proof shows that these reserves (CSV of `asset,reserve`) cover what is owed of each asset.
    #[arg(long, value_name = "RESERVES", conflicts_with = "no_proof")]
    pub(crate) hide_totals: Option<PathBuf>,
    /// Leave accounts out that are below water, instead of ending at the first, and list them in this file (CSV of
    /// uid, rule, asset, product, by), which is private.
    #[arg(long, value_name = "FILE")]
    pub(crate) exclude_invalid: Option<PathBuf>,
    /// Where the number of those accounts and their totals go (JSON), for `assay report --excluded` and for publishing
    /// [default: `excluded.json` in the folder for the results].
    #[arg(long, value_name = "FILE", requires = "exclude_invalid")]
    pub(crate) excluded: Option<PathBuf>,
    /// Folder for what is kept between runs and for receipts; private [default: `work` in the folder for the results].
    #[arg(long)]
    pub(crate) work: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) resources: Resources,
}

#[derive(Args)]
pub(crate) struct Verify {
    /// The final proof, or a bundle.
    pub(crate) proof: PathBuf,
    #[command(flatten)]
    pub(crate) snapshot: Snapshot,
    /// Asset table (TOML) that the proof must be for.
    #[arg(long, required_unless_present = "totals")]
    pub(crate) assets: Option<PathBuf>,
    /// Totals file whose every figure the proof must show. Without `--assets`, its asset table is taken; compare the
    /// digest that is printed.
    #[arg(long)]
    pub(crate) totals: Option<PathBuf>,
    /// Published root that the proof must be for, 64 hex digits.
    #[arg(long)]
    pub(crate) root: Option<String>,
    /// Reserves (CSV of `asset,reserve`) that must cover what is owed, asset by asset.
    #[arg(long)]
    pub(crate) reserves: Option<PathBuf>,
    /// Opens the totals that a proof hides: `opening.json` of the work folder, from the exchange.
    #[arg(long)]
    pub(crate) opening: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Receipt {
    /// Work folder of the finished run.
    #[arg(long, required_unless_present = "share")]
    pub(crate) work: Option<PathBuf>,
    /// Totals file of the run.
    #[arg(long)]
    pub(crate) totals: PathBuf,
    /// Uid of the customer; `-` reads it from standard input.
    #[arg(long, required_unless_present = "all", conflicts_with = "all")]
    pub(crate) uid: Option<String>,
    /// Make all receipts, one JSON object a line: `{"uid": ..., "receipt": ...}`.
    #[arg(long)]
    pub(crate) all: bool,
    /// Make a link to this page that holds the receipt in its fragment, which browsers send to nobody.
    #[arg(long, value_name = "PAGE", conflicts_with_all = ["all", "share"])]
    pub(crate) link: Option<String>,
    /// Write the link as a QR code (SVG) into this file, readable for its owner only. It holds the balances.
    #[arg(long, value_name = "FILE", requires = "link")]
    pub(crate) qr: Option<PathBuf>,
    /// Check this receipt, and make what its customer can show to everybody: which root was checked, and no balance.
    #[arg(long, value_name = "RECEIPT", conflicts_with_all = ["work", "all"], requires = "entity")]
    pub(crate) share: Option<PathBuf>,
    /// With --share: the entity that the receipt must be of.
    #[arg(long, requires = "share", value_parser = |text: &str| Entity::new(text).map_err(|error| error.to_string()))]
    pub(crate) entity: Option<Entity>,
    /// With --share: the published root, 64 hex digits.
    #[arg(long, requires = "share")]
    pub(crate) root: Option<String>,
    /// With --share: a final proof to verify.
    #[arg(long, requires = "share")]
    pub(crate) proof: Option<PathBuf>,
    /// The file to write, readable for its owner only [default: standard output].
    #[arg(long, required_if_eq("all", "true"))]
    pub(crate) out: Option<PathBuf>,
    /// Asset table (TOML) of the run: say as well what the receipt in `--out` holds, product by product.
    #[arg(long, requires = "out", conflicts_with = "all")]
    pub(crate) assets: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum Receipts {
    /// Write all receipts into one indexed, compressed and encrypted file.
    Export(ExportReceipts),
    /// Get one receipt out of such a file.
    Get(GetReceipt),
}

#[derive(Args)]
pub(crate) struct ExportReceipts {
    /// Work folder of the finished run.
    #[arg(long)]
    pub(crate) work: PathBuf,
    /// Totals file of the run.
    #[arg(long)]
    pub(crate) totals: PathBuf,
    /// File with the container's key, made by `assay secret`; not the secret of the epoch.
    #[arg(long)]
    pub(crate) key: PathBuf,
    /// The file to write, readable for its owner only.
    #[arg(long)]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
pub(crate) struct GetReceipt {
    /// The file that `assay receipts export` wrote.
    pub(crate) container: PathBuf,
    /// File with the container's key.
    #[arg(long)]
    pub(crate) key: PathBuf,
    /// The entity that the receipts are of.
    #[arg(long, value_parser = |text: &str| Entity::new(text).map_err(|error| error.to_string()))]
    pub(crate) entity: Entity,
    /// Uid of the customer; `-` reads it from standard input.
    #[arg(long)]
    pub(crate) uid: String,
    /// Make a link to this page that holds the receipt in its fragment, which browsers send to nobody.
    #[arg(long, value_name = "PAGE")]
    pub(crate) link: Option<String>,
    /// Write the link as a QR code (SVG) into this file, readable for its owner only. It holds the balances.
    #[arg(long, value_name = "FILE", requires = "link")]
    pub(crate) qr: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct VerifyReceipt {
    /// The receipt: the file, or a file with the link that holds it.
    pub(crate) receipt: PathBuf,
    /// Your uid, as you are registered; `-` reads it from standard input.
    #[arg(long)]
    pub(crate) uid: String,
    /// The entity that you have your account with.
    #[arg(long, value_parser = |text: &str| Entity::new(text).map_err(|error| error.to_string()))]
    pub(crate) entity: Entity,
    /// The snapshot that it must be of [default: the totals file's].
    #[arg(long, requires = "time")]
    pub(crate) epoch: Option<String>,
    /// Time of the snapshot: seconds since 1970, or as in 2026-09-30T00:00:00Z.
    #[arg(long, requires = "epoch")]
    pub(crate) time: Option<String>,
    /// The published root, 64 hex digits, from somewhere else than the receipt.
    #[arg(long, required_unless_present = "proof")]
    pub(crate) root: Option<String>,
    /// The published root as you found it in a second place.
    #[arg(long)]
    pub(crate) second_root: Option<String>,
    /// A final proof or a bundle to verify and, without --root, to take the root from.
    #[arg(long, requires = "totals")]
    pub(crate) proof: Option<PathBuf>,
    /// The published totals file; the root binds its asset table.
    #[arg(long, required_unless_present = "assets")]
    pub(crate) totals: Option<PathBuf>,
    /// Asset table (TOML), instead of the one in the totals file.
    #[arg(long)]
    pub(crate) assets: Option<PathBuf>,
    /// Digest that the asset table must have, 64 hex digits.
    #[arg(long)]
    pub(crate) asset_table: Option<String>,
    /// A solvency report, whose reserves are compared with the proven totals.
    #[arg(long)]
    pub(crate) report: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum Reserves {
    /// List what is inconsistent in reserve files, and what their signatures show.
    Check(CheckReserves),
    /// Print the text that keys are to sign for an epoch.
    Challenge(MakeChallenge),
    /// Pick past heights at which balances are to be shown, by a block hash that nobody knew before.
    Resample(Heights),
    /// Ask nodes for evidence of the rows' balances.
    Observe(Observe),
}

/// Reserve files and what they are judged by.
#[derive(Args)]
pub(crate) struct ReserveInput {
    /// A reserve file; may be given several times.
    #[arg(long = "reserves", value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Format of the reserve files: address-csv, audit-csv, script-yaml, csv, toml [default: by name and header].
    #[arg(long, value_parser = reserve_format)]
    pub(crate) reserve_format: Option<ReserveFormat>,
    /// What reserves count for (TOML): networks, names of coins, minimum grades.
    #[arg(long)]
    pub(crate) policy: PathBuf,
    /// Round figures with too many decimals down, instead of refusing them.
    #[arg(long)]
    pub(crate) round_reserves: bool,
}

fn reserve_format(text: &str) -> Result<ReserveFormat, String> {
    ReserveFormat::from_name(text).ok_or_else(|| {
        let names = ReserveFormat::ALL.map(ReserveFormat::name).join(", ");
        format!("one of {names}")
    })
}

#[derive(Args)]
pub(crate) struct CheckReserves {
    #[command(flatten)]
    pub(crate) reserves: ReserveInput,
    /// Asset table (TOML).
    #[arg(long)]
    pub(crate) assets: PathBuf,
    /// Challenge of the epoch, as `assay reserves challenge` wrote it; without it no signature is above O1.
    #[arg(long)]
    pub(crate) challenge: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct MakeChallenge {
    #[command(flatten)]
    pub(crate) reserves: ReserveInput,
    #[command(flatten)]
    pub(crate) snapshot: Snapshot,
    /// Asset table (TOML).
    #[arg(long)]
    pub(crate) assets: PathBuf,
    /// Published root of the liabilities, 64 hex digits.
    #[arg(long)]
    pub(crate) root: String,
    /// A recent block, `network:height:hash`; one for each network, at least one.
    #[arg(long = "block", value_name = "BLOCK", required = true)]
    pub(crate) blocks: Vec<String>,
    /// Print EIP-712 typed data instead of text.
    #[arg(long)]
    pub(crate) typed_data: bool,
    /// Print the text as SNIP-12 typed data, which is what wallets of Starknet sign.
    #[arg(long, conflicts_with = "typed_data")]
    pub(crate) starknet: bool,
}

#[derive(Args)]
pub(crate) struct Observe {
    #[command(flatten)]
    pub(crate) reserves: ReserveInput,
    /// Asset table (TOML).
    #[arg(long)]
    pub(crate) assets: PathBuf,
    /// Nodes to ask (TOML): network, operator, own, and url or url_env. It may hold passwords; keep it to yourself.
    #[arg(long, required_unless_present = "snapshots")]
    pub(crate) endpoints: Option<PathBuf>,
    /// A snapshot of all unspent outputs (`dumptxoutset`) of a network of Bitcoin's kind, instead of asking its nodes for balances: network,
    /// height of its block, hash over the outputs from a source of your own, file. Name its block by hash.
    #[arg(long = "snapshot", value_name = "NETWORK=HEIGHT:SETHASH:FILE")]
    pub(crate) snapshots: Vec<String>,
    /// A block, by the policy's name of its network and its hash, or its height if all nodes agree on the hash; one for each
    /// network.
    #[arg(long = "block", value_name = "NETWORK=HASH|HEIGHT", required = true)]
    pub(crate) blocks: Vec<String>,
    /// Also ask every node of an EVM network for its figures, for levels L1 to L3.
    #[arg(long)]
    pub(crate) figures: bool,
    /// Seconds that one answer may take.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
    /// How often one request is made at most.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) attempts: u32,
    /// Folder for the evidence files; what it has already isn't asked again.
    #[arg(long)]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
pub(crate) struct Heights {
    /// The entity.
    #[arg(long, value_parser = |text: &str| Entity::new(text).map_err(|error| error.to_string()))]
    pub(crate) entity: Entity,
    /// Name of the snapshot.
    #[arg(long)]
    pub(crate) epoch: String,
    /// The network.
    #[arg(long)]
    pub(crate) network: String,
    /// Hash of a block that was mined after the statement was published, 64 hex digits.
    #[arg(long)]
    pub(crate) beacon: String,
    /// First height that may be picked.
    #[arg(long)]
    pub(crate) from: u64,
    /// Last height that may be picked.
    #[arg(long)]
    pub(crate) to: u64,
    /// How many heights.
    #[arg(long, default_value_t = 5)]
    pub(crate) count: usize,
}

/// What a report is made of.
#[derive(Args)]
pub(crate) struct ReportInput {
    /// The final proof, or a bundle.
    #[arg(long)]
    pub(crate) proof: PathBuf,
    #[command(flatten)]
    pub(crate) snapshot: Snapshot,
    /// Asset table (TOML) that the proof must be for.
    #[arg(long)]
    pub(crate) assets: PathBuf,
    /// Published root that the proof must be for, 64 hex digits.
    #[arg(long)]
    pub(crate) root: String,
    #[command(flatten)]
    pub(crate) reserves: ReserveInput,
    /// Number and totals of the accounts that `assay prove --exclude-invalid` left out (JSON); no proof covers them.
    #[arg(long, value_name = "FILE")]
    pub(crate) excluded: Option<PathBuf>,
    /// Challenge of the epoch, as `assay reserves challenge` wrote it; without it no signature is above O1.
    #[arg(long)]
    pub(crate) challenge: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) evidence: EvidenceInput,
}

/// Evidence of what is on chains.
#[derive(Args, Default)]
pub(crate) struct EvidenceInput {
    /// Evidence of balances (JSON), of a block that `--block` names; may be given several times.
    #[arg(long = "evidence", id = "evidence", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// What nodes told you (JSON), as your own `assay reserves observe` wrote it; take it from nobody else. May be given several
    /// times.
    #[arg(long = "observations", value_name = "FILE")]
    pub(crate) observations: Vec<PathBuf>,
    /// A block, by the policy's name of its network and its hash, from a source that you trust; may be given several times.
    #[arg(long = "block", value_name = "NETWORK=HASH")]
    pub(crate) blocks: Vec<String>,
    /// Take the least balances at past heights that the hash of a later block picks, as `assay reserves resample` does; one
    /// for each network.
    #[arg(long = "resample", value_name = "NETWORK=BEACON:FROM:TO:COUNT")]
    pub(crate) resample: Vec<String>,
}

#[derive(Args)]
pub(crate) struct Report {
    #[command(flatten)]
    pub(crate) input: ReportInput,
    /// Where the root was published, `place=reference`; may be given several times.
    #[arg(long = "anchor", value_name = "PLACE=REFERENCE")]
    pub(crate) anchors: Vec<String>,
    /// What the statement of liabilities leaves out, `what=reason`; may be given several times.
    #[arg(long = "exclusion", value_name = "WHAT=REASON")]
    pub(crate) exclusions: Vec<String>,
    /// Folder for report.json, report.md, report.html and reserves.csv.
    #[arg(long)]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
pub(crate) struct VerifyReport {
    /// The report (JSON).
    pub(crate) report: PathBuf,
    #[command(flatten)]
    pub(crate) input: ReportInput,
}

#[derive(Subcommand)]
pub(crate) enum Site {
    /// Make the transparency site of an entity from its reports: static pages that need no script but for verifying.
    Build(SiteBuild),
    /// Serve such a site to this machine alone, to look at it before it is published.
    Serve(SiteServe),
    /// Make the receipt page as one file that works offline.
    Page(SitePage),
}

#[derive(Args)]
pub(crate) struct SiteInput {
    /// Reports (JSON), or folders with a report.json. Where totals.json and proof.assay are beside a report, or one folder up,
    /// the proof is verified and published with it.
    #[arg(required = true)]
    pub(crate) reports: Vec<PathBuf>,
    /// The verifier as a WebAssembly module, as `web/build` makes it; without it there are no receipt pages.
    #[arg(long)]
    pub(crate) verifier: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct SiteBuild {
    #[command(flatten)]
    pub(crate) input: SiteInput,
    /// Folder for the site, which must not exist or be empty.
    #[arg(long)]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
pub(crate) struct SiteServe {
    #[command(flatten)]
    pub(crate) input: SiteInput,
    /// Port on the loopback address; 0 takes any that is free.
    #[arg(long, default_value_t = 8080)]
    pub(crate) port: u16,
}

#[derive(Args)]
pub(crate) struct SitePage {
    /// The verifier as a WebAssembly module, as `web/build` makes it.
    #[arg(long)]
    pub(crate) verifier: PathBuf,
    /// Report (JSON) whose entity, epoch, root and asset table the page is to expect, and which it holds. Without it
    /// customers type what they expect.
    #[arg(long, requires_all = ["proof", "totals"])]
    pub(crate) report: Option<PathBuf>,
    /// Final proof of the report's epoch, which the page holds.
    #[arg(long, requires = "report")]
    pub(crate) proof: Option<PathBuf>,
    /// Totals file of the report's epoch, which the page holds.
    #[arg(long, requires = "report")]
    pub(crate) totals: Option<PathBuf>,
    /// The file to write.
    #[arg(long)]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
pub(crate) struct Bench {
    #[command(flatten)]
    pub(crate) made: Made,
    /// Keep and verify the bundle as well.
    #[arg(long)]
    pub(crate) bundle: bool,
    /// End with the bundle: no final proof.
    #[arg(long)]
    pub(crate) no_proof: bool,
    #[command(flatten)]
    pub(crate) resources: Resources,
    /// Folder for the ledger and the run; emptied afterwards [default: the system's folder for temporary files].
    #[arg(long)]
    pub(crate) dir: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn sizes() {
        assert_eq!(parse_bytes("4G"), Ok(4 << 30));
        assert_eq!(parse_bytes("512"), Ok(512 << 20));
        assert!(parse_bytes("G").is_err());
        assert!(parse_bytes("99999999999999999G").is_err());
    }
}
