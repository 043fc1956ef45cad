//! Second stage: spooled accounts in order of their leaf keys, dealt out to segments.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use assay_circuit::{SegmentPrices, SegmentSize, Variant};
use assay_commit::{LeafKey, MAX_SEGMENTS};
use assay_ledger::Excluded;
use assay_statement::{EntryKey, Totals};
use serde::{Deserialize, Serialize};

use crate::accounts::{Account, Accounts};
use crate::error::ProverError;
use crate::files::{Access, failed, private_folder, write_bytes};
use crate::shape::Shape;
use crate::spool::Spool;
use crate::work::WORK_VERSION;

/// The segments of a run. Once it is written, the spool is done with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    version: u32,
    /// BLAKE3 of the plan that it was made for.
    plan: String,
    /// Shape of all segments.
    shape: Shape,
    /// Accounts of all segments.
    pub accounts: u64,
    /// Entries of all accounts.
    pub positions: u64,
    /// Figures that were rounded against the exchange.
    pub rounded: u64,
    /// Accounts that were left out, if any were to be.
    excluded: Option<ExcludedFigures>,
    /// The segments in order.
    pub segments: Vec<SegmentLayout>,
}

/// Accounts that were left out: their number, and totals by number of the entry key, as decimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExcludedFigures {
    accounts: u64,
    totals: Vec<(u16, String)>,
}

impl From<&Excluded> for ExcludedFigures {
    fn from(excluded: &Excluded) -> Self {
        let total = |(key, total): (EntryKey, u128)| (key.number(), total.to_string());
        Self { accounts: excluded.accounts, totals: excluded.totals.iter().map(total).collect() }
    }
}

impl ExcludedFigures {
    fn read(&self) -> Option<Excluded> {
        let mut totals = Totals::new();
        for (number, total) in &self.totals {
            totals.add_total(EntryKey::from_number(*number).ok()?, total.parse().ok()?).ok()?;
        }
        Some(Excluded { accounts: self.accounts, totals })
    }
}

/// One segment's accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentLayout {
    /// Number of accounts.
    pub accounts: u64,
    /// Leaf key of the first account.
    pub first_key: u64,
    /// BLAKE3 of the file with the accounts.
    pub blake3: String,
}

impl Layout {
    /// Whether this version wrote it.
    pub(crate) fn is_known(&self) -> bool {
        self.version == WORK_VERSION
    }

    /// Shape of all segments.
    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// Accounts that were left out, if any were to be; an error if what is written of them can't be read.
    pub(crate) fn excluded(&self, path: &Path) -> Result<Option<Excluded>, ProverError> {
        let damaged = || ProverError::Damaged { path: path.to_owned() };
        self.excluded.as_ref().map(|figures| figures.read().ok_or_else(damaged)).transpose()
    }

    /// Whether it was made for the plan with this digest and with one of its shapes, and its figures fit together.
    pub(crate) fn is_of(&self, plan: &str, shapes: &[Shape]) -> bool {
        let accounts = self.segments.iter().try_fold(0u64, |sum, segment| sum.checked_add(segment.accounts));
        self.plan == plan
            && shapes.contains(&self.shape)
            && !self.segments.is_empty()
            && accounts == Some(self.accounts)
            && self.segments.is_sorted_by(|a, b| a.first_key < b.first_key)
    }

    /// The number of the segment that an account with this leaf key is in, if it is in any.
    pub fn segment_of(&self, key: LeafKey) -> Option<usize> {
        self.segments.partition_point(|segment| segment.first_key <= key.number()).checked_sub(1)
    }
}

/// Name of the file with a segment's accounts.
pub(crate) fn accounts_path(folder: &Path, segment: usize) -> PathBuf {
    folder.join(format!("{segment:05}.accounts"))
}

/// Sorts the spool file by file and writes the segments' account files.
pub(crate) fn deal(
    spool: &Spool,
    plan: &str,
    shape: Shape,
    prices: &SegmentPrices,
    folder: &Path,
    on_accounts: &dyn Fn(u64),
) -> Result<Layout, ProverError> {
    private_folder(folder)?;
    let prices = (shape.0.variant() == Variant::Covered).then_some(prices);
    let empty = SegmentSize::new(shape.0, prices);
    let mut dealer =
        Dealer { folder, size: empty.clone(), empty, bytes: Vec::new(), first_key: 0, segments: Vec::new() };
    let mut last: Option<LeafKey> = None;
    let mut dealt = 0;
    for path in &spool.files {
        let file = File::open(path).map_err(failed("read", path))?;
        let accounts =
            Accounts::read(&mut BufReader::with_capacity(1 << 20, file)).map_err(failed("read", path))?;
        let mut order: Vec<(LeafKey, usize)> =
            accounts.iter().enumerate().map(|(index, account)| (account.leaf_key(), index)).collect();
        order.sort_unstable();
        for (key, index) in order {
            if last.is_some_and(|last| last >= key) {
                return Err(ProverError::KeyCollision);
            }
            last = Some(key);
            dealer.push(&accounts.get(index))?;
            dealt += 1;
        }
        on_accounts(dealt);
    }
    dealer.end_segment()?;
    if dealer.segments.len() > MAX_SEGMENTS {
        return Err(ProverError::TooManySegments { segments: dealer.segments.len() });
    }
    Ok(Layout {
        version: WORK_VERSION,
        plan: plan.to_owned(),
        shape,
        accounts: spool.size.accounts,
        positions: spool.size.positions,
        rounded: spool.rounded,
        excluded: spool.excluded.as_ref().map(ExcludedFigures::from),
        segments: dealer.segments,
    })
}

struct Dealer<'a> {
    folder: &'a Path,
    empty: SegmentSize<'a>,
    size: SegmentSize<'a>,
    bytes: Vec<u8>,
    first_key: u64,
    segments: Vec<SegmentLayout>,
}

impl Dealer<'_> {
    fn push(&mut self, account: &Account<'_>) -> Result<(), ProverError> {
        if !self.size.try_add(account.entries) {
            self.end_segment()?;
            if !self.size.try_add(account.entries) {
                return Err(ProverError::AccountTooLarge);
            }
        }
        if self.bytes.is_empty() {
            self.first_key = account.leaf_key().number();
        }
        account.write(&mut self.bytes).map_err(failed("write", self.folder))
    }

    fn end_segment(&mut self) -> Result<(), ProverError> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        write_bytes(&accounts_path(self.folder, self.segments.len()), Access::Private, &self.bytes)?;
        self.segments.push(SegmentLayout {
            accounts: self.size.accounts() as u64,
            first_key: self.first_key,
            blake3: blake3::hash(&self.bytes).to_hex().to_string(),
        });
        self.size.clone_from(&self.empty);
        self.bytes.clear();
        Ok(())
    }
}

/// Reads a segment's accounts, if the file is the one that was dealt.
pub(crate) fn read_accounts(
    folder: &Path,
    segment: usize,
    layout: &SegmentLayout,
) -> Result<Accounts, ProverError> {
    let path = accounts_path(folder, segment);
    let damaged = || ProverError::Damaged { path: path.clone() };
    let bytes = fs::read(&path).map_err(failed("read", &path))?;
    if blake3::hash(&bytes).to_hex().as_str() != layout.blake3 {
        return Err(damaged());
    }
    let accounts = Accounts::read(&mut bytes.as_slice()).map_err(|_| damaged())?;
    if accounts.len() as u64 == layout.accounts { Ok(accounts) } else { Err(damaged()) }
}
