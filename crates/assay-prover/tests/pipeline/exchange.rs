//! An exchange with a ledger, and its runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use assay_commit::EpochSecret;
use assay_ledger::synthetic::{self, SyntheticSpec};
use assay_ledger::{LedgerFormat, Order, Rounding};
use assay_prover::{Event, Job, Outcome, ProverError, ReceiptMaker, prove_ledger};
use assay_statement::{
    Asset, AssetTable, Entity, Entry, Epoch, HaircutTier, Kind, Price, ProductHaircuts, Symbol, Totals, Uid,
};
use assay_verifier::{Expectations, Statement, TotalsFile, VerifyError, verify_bundle};
use tempfile::TempDir;

/// Memory that allows the smallest segments only.
pub(crate) const LEAST_MEMORY: u64 = 420 << 20;

/// Accounts of the ledger that most tests use.
pub(crate) const ACCOUNTS: u64 = 18_000;

/// A ledger with what its synthesis knows of it.
pub(crate) struct Ledger {
    pub(crate) path: PathBuf,
    pub(crate) assets: Arc<AssetTable>,
    pub(crate) accounts: Vec<(String, Vec<Entry>)>,
    pub(crate) totals: Totals,
    _folder: TempDir,
}

impl Ledger {
    pub(crate) fn new(spec: &SyntheticSpec, format: LedgerFormat) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let files = synthetic::write(spec, folder.path(), format).unwrap();
        // Summed here and not taken from the writer, so that it is a plain sum.
        let accounts: Vec<_> = spec.accounts().unwrap().collect();
        let mut totals = Totals::new();
        for entry in accounts.iter().flat_map(|(_, entries)| entries) {
            totals.add(entry.key, entry.amount).unwrap();
        }
        Self {
            path: files.ledger,
            assets: Arc::new(spec.table().unwrap()),
            accounts,
            totals,
            _folder: folder,
        }
    }

    pub(crate) fn positions(&self) -> u64 {
        self.accounts.iter().map(|(_, entries)| entries.len() as u64).sum()
    }
}

pub(crate) fn specification(accounts: u64) -> SyntheticSpec {
    SyntheticSpec { positions_mean: 2.0, debt_share: 0.05, ..SyntheticSpec::new(accounts, 12, 7) }
}

/// The ledger that most tests use: it needs five segments of the smallest size.
pub(crate) static LEDGER: LazyLock<Ledger> =
    LazyLock::new(|| Ledger::new(&specification(ACCOUNTS), LedgerFormat::LongCsv));

/// A finished run over [`LEDGER`], which stays as it is.
pub(crate) static FINISHED: LazyLock<(Run, Outcome)> = LazyLock::new(|| {
    let run = Run::new(&LEDGER);
    let outcome = run.prove().unwrap();
    (run, outcome)
});

/// A run with a folder of its own.
pub(crate) struct Run {
    pub(crate) ledger: PathBuf,
    pub(crate) format: LedgerFormat,
    pub(crate) assets: Arc<AssetTable>,
    pub(crate) entity: Entity,
    pub(crate) epoch: Epoch,
    pub(crate) secret: EpochSecret,
    pub(crate) rounding: Rounding,
    pub(crate) memory: u64,
    pub(crate) work: PathBuf,
    pub(crate) bundle: PathBuf,
    pub(crate) totals: PathBuf,
    pub(crate) folder: TempDir,
}

impl Run {
    pub(crate) fn new(ledger: &Ledger) -> Self {
        Self::over(&ledger.path, LedgerFormat::LongCsv, Arc::clone(&ledger.assets))
    }

    pub(crate) fn over(ledger: &Path, format: LedgerFormat, assets: Arc<AssetTable>) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        Self {
            ledger: ledger.to_owned(),
            format,
            assets,
            entity: Entity::new("exchange.example").unwrap(),
            epoch: Epoch::new("2026-q3", 1_790_000_000).unwrap(),
            secret: EpochSecret::new([7; 32]),
            rounding: Rounding::Exact,
            memory: LEAST_MEMORY,
            work: folder.path().join("work"),
            bundle: folder.path().join("bundle.assay"),
            totals: folder.path().join("totals.json"),
            folder,
        }
    }

    /// A run over rows of a long CSV file, with assets of two decimals.
    pub(crate) fn over_rows(symbols: &[&str], rows: &str) -> Self {
        let run = Self::over(Path::new("ledger.csv"), LedgerFormat::LongCsv, table(symbols));
        let ledger = run.folder.path().join("ledger.csv");
        fs::write(&ledger, format!("uid,asset,kind,amount\n{rows}")).unwrap();
        Self { ledger, ..run }
    }

    /// The finished run in a folder of its own, to do harm to.
    pub(crate) fn finished() -> Self {
        let (finished, _) = &*FINISHED;
        let run = Self::new(&LEDGER);
        copy_folder(&finished.work, &run.work);
        fs::copy(&finished.bundle, &run.bundle).unwrap();
        fs::copy(&finished.totals, &run.totals).unwrap();
        run
    }

    pub(crate) fn job(&self) -> Job<'_> {
        Job {
            ledger: self.ledger.clone(),
            format: self.format,
            assets: Arc::clone(&self.assets),
            entity: self.entity.clone(),
            epoch: self.epoch.clone(),
            secret: &self.secret,
            rounding: self.rounding,
            order: Order::Auto,
            memory: self.memory,
            jobs: None,
            work: self.work.clone(),
            bundle: Some(self.bundle.clone()),
            proof: None,
            totals: self.totals.clone(),
            reserves: None,
            exclude_invalid: None,
        }
    }

    pub(crate) fn prove(&self) -> Result<Outcome, ProverError> {
        self.watch().0
    }

    /// Runs the job and says what became of its segments.
    pub(crate) fn watch(&self) -> (Result<Outcome, ProverError>, Seen) {
        let seen = Mutex::new(Seen::default());
        let outcome = prove_ledger(&self.job(), &|event| {
            let mut seen = seen.lock().unwrap();
            match event {
                Event::SegmentKept { segment } => seen.kept.push(segment),
                Event::SegmentUseless { segment } => seen.useless.push(segment),
                Event::LayoutKept { .. } => seen.layout_kept = true,
                _ => {}
            }
        });
        (outcome, seen.into_inner().unwrap())
    }

    pub(crate) fn bundle(&self) -> Vec<u8> {
        fs::read(&self.bundle).unwrap()
    }

    pub(crate) fn totals_file(&self) -> TotalsFile {
        TotalsFile::from_json(&fs::read(&self.totals).unwrap()).unwrap()
    }

    pub(crate) fn receipts(&self) -> ReceiptMaker {
        ReceiptMaker::open(&self.work, &self.totals_file()).unwrap()
    }

    /// Verifies the bundle as an auditor does.
    pub(crate) fn verify(&self) -> Result<Statement, VerifyError> {
        verify_bundle(&self.bundle(), Expectations::new(&self.entity, &self.epoch, &self.assets))
    }
}

/// What a run told of segments of earlier runs.
#[derive(Default, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) kept: Vec<usize>,
    pub(crate) useless: Vec<usize>,
    pub(crate) layout_kept: bool,
}

pub(crate) fn table(symbols: &[&str]) -> Arc<AssetTable> {
    let asset = |symbol: &&str| Asset {
        price: Some(Price { mantissa: 1, scale: 0 }),
        haircuts: vec![ProductHaircuts {
            kind: Kind::COLLATERAL_LOAN,
            tiers: vec![HaircutTier { up_to: u64::MAX, percent: 100 }],
        }],
        ..Asset::new(Symbol::new(symbol).unwrap(), 2)
    };
    Arc::new(AssetTable::new(symbols.iter().map(asset).collect()).unwrap())
}

pub(crate) fn uid(text: &str) -> Uid {
    Uid::new(text).unwrap()
}

/// All files and folders below a folder.
pub(crate) fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    let mut next = 0;
    while let Some(path) = found.get(next).cloned() {
        if path.is_dir() {
            found.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        }
        next += 1;
    }
    found
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
