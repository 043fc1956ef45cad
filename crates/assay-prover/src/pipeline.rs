//! The stages one after another.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use assay_circuit::{MAX_TOTALS_ROWS, SegmentPrices, SegmentShape};
use assay_commit::{
    Committer, DIGEST_BYTES, Digest, EpochSecret, Hasher, SUBTREE_DEPTH, asset_table_digest, epoch_digest,
};
use assay_ledger::{
    AccountReader, Coverage, Excluded, LedgerFormat, Order, Progress, ReadOptions, Rounding, fingerprint,
    quick_fingerprint,
};
use assay_recursion::statement::{ACCOUNTS_KEY, FinalRow, LEAF_KEYS, MAX_KEYS};
use assay_recursion::tree::wrap::Show;
use assay_statement::{AssetTable, Entity, EntryKey, Epoch, Kind, Totals};
use assay_verifier::{BundleVerifier, Expectations, Statement, TotalsFile, TotalsOpening};
use cpu_time::ProcessTime;

use crate::error::ProverError;
use crate::files::{Access, failed, private_folder, write_bytes, write_whole};
use crate::layout::{Layout, deal, read_accounts};
use crate::prove::{ProofEntry, ProofStore, SegmentProver, Stored};
use crate::receipts::write_tree;
use crate::shape::Shape;
use crate::spool::spool;
use crate::tree::TreeStage;
use crate::work::{Plan, Work, read_json, write_json};

/// A ledger to prove.
pub struct Job<'a> {
    /// File or folder of the ledger.
    pub ledger: PathBuf,
    /// Its format.
    pub format: LedgerFormat,
    /// The asset table.
    pub assets: Arc<AssetTable>,
    /// Who makes the proof.
    pub entity: Entity,
    /// For which snapshot.
    pub epoch: Epoch,
    /// The secret that salts come from.
    pub secret: &'a EpochSecret,
    /// What happens to figures with more decimals than their asset.
    pub rounding: Rounding,
    /// What is known about the order of the ledger.
    pub order: Order,
    /// Bytes of memory to stay within, about.
    pub memory: u64,
    /// Segments to prove at once; by the memory if `None`.
    pub jobs: Option<usize>,
    /// Folder for all that is kept between runs.
    pub work: PathBuf,
    /// Where the bundle goes, if it is to be kept.
    pub bundle: Option<PathBuf>,
    /// Where the final proof goes; without it the run ends with the bundle.
    pub proof: Option<PathBuf>,
    /// Where the totals file goes.
    pub totals: PathBuf,
    /// Reserves, as totals of kind equity: the final proof shows that they cover all equity, and hides the totals.
    pub reserves: Option<Totals>,
    /// Where the list of accounts that are below water goes (CSV, readable for its owner only, with uids and figures);
    /// they are left out and summed up in [`Outcome::excluded`]. Without it the first such account ends the run.
    pub exclude_invalid: Option<PathBuf>,
}

/// What a run tells while it is under way.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The ledger's content is hashed.
    Fingerprint,
    /// The ledger is read.
    Reading(&'a Progress),
    /// So many accounts are dealt out to segments.
    Dealing(u64),
    /// A finished run's layout is taken up.
    LayoutKept {
        /// Number of segments.
        segments: usize,
    },
    /// A segment's proof of an earlier run is kept.
    SegmentKept {
        /// Number of the segment.
        segment: usize,
    },
    /// What stands in a segment's place isn't its proof; it is made anew.
    SegmentUseless {
        /// Number of the segment.
        segment: usize,
    },
    /// Segments are proven.
    Proving {
        /// Segments that are done.
        done: usize,
        /// Segments in all.
        segments: usize,
        /// Accounts of the segments that are done.
        accounts: u64,
        /// Accounts in all.
        of_accounts: u64,
    },
    /// The segments are verified together.
    Assembling,
    /// The tree of proofs over the segments is made.
    Tree {
        /// Proofs that are done.
        done: usize,
        /// Proofs in all.
        of: usize,
    },
}

/// Time that a stage took.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// Name.
    pub name: &'static str,
    /// Wall time.
    pub wall: Duration,
    /// CPU time of all threads.
    pub cpu: Duration,
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the final proof states, as its verifier says; without one, what the segments' proofs do.
    pub statement: Statement,
    /// Number of segments.
    pub segments: usize,
    /// Entries of all accounts.
    pub positions: u64,
    /// Figures that were rounded against the exchange.
    pub rounded: u64,
    /// Accounts that were left out because they break a rule of coverage, if that was asked for.
    pub excluded: Option<Excluded>,
    /// Rows in use of each table, over all segments.
    pub rows: Vec<u64>,
    /// Segments whose proofs were there already.
    pub kept: usize,
    /// Segments proven in this run.
    pub proven: usize,
    /// Bytes of the bundle, if it is kept.
    pub bundle_bytes: Option<u64>,
    /// Bytes of the final proof, if it was asked for.
    pub proof_bytes: Option<u64>,
    /// Times of the stages.
    pub phases: Vec<Phase>,
    /// Shape of the run's segments.
    pub shape: SegmentShape,
}

/// Runs a job to its end, or takes up one that was ended before.
pub fn prove_ledger(job: &Job<'_>, on_event: &(dyn Fn(Event<'_>) + Sync)) -> Result<Outcome, ProverError> {
    let mut clock = Clock::new();
    let threads = rayon::current_num_threads();
    let shapes = Shape::within(job.memory)?;
    let work = Work::open(&job.work)?;

    on_event(Event::Fingerprint);
    let before = quick_fingerprint(&job.ledger, job.format)?;
    let content = fingerprint(&job.ledger, job.format)?;
    let hasher = Hasher::new();
    let assets = asset_table_digest(&hasher, &job.assets);
    let epoch = epoch_digest(&hasher, &job.entity, &job.epoch, &assets);
    let prices = SegmentPrices::of_assets(&job.assets, &hasher);
    let committer = Committer::new(hasher, &job.entity, &epoch);
    let snapshot = Snapshot { committer: &committer, epoch: &epoch, prices: &prices };
    let plan = Plan::new(
        &job.entity,
        &job.epoch,
        &epoch,
        &assets,
        job.secret,
        job.rounding,
        job.exclude_invalid.is_some(),
        &shapes,
        &content,
    );
    let plan = work.take_up(&plan)?;
    // A run that is taken up keeps its shapes, whatever the memory is now.
    let shapes = plan.shapes.clone();
    let layout_path = work.file("layout.json");
    let plan = plan.digest().map_err(|error| failed("write", &layout_path)(error.into()))?;
    clock.end("fingerprint");

    let layout = match read_json::<Layout>(&layout_path)?.filter(Layout::is_known) {
        Some(layout) if !layout.is_of(&plan, &shapes) => {
            return Err(ProverError::Damaged { path: layout_path });
        }
        Some(layout) => {
            on_event(Event::LayoutKept { segments: layout.segments.len() });
            layout
        }
        None => {
            let layout = lay_out(job, &work, snapshot, (&plan, &shapes), on_event, &mut clock)?;
            let after = quick_fingerprint(&job.ledger, job.format)?;
            if !before.same_content(&after) {
                return Err(ProverError::LedgerChanged);
            }
            write_json(&layout_path, &layout)?;
            let _ = fs::remove_dir_all(work.spool());
            layout
        }
    };

    let excluded = layout.excluded(&layout_path)?;
    // Before hours of proving: whoever leaves accounts out should see which.
    if let Some(path) = &job.exclude_invalid {
        let list = work.excluded();
        let damaged = |_| ProverError::Damaged { path: list.clone() };
        let rows = fs::read(&list).map_err(damaged)?;
        write_bytes(path, Access::Private, &rows)?;
    }

    let run = Run { job, work: &work, snapshot, layout: &layout, on_event };
    let (entries, kept) =
        run.prove_segments(job.jobs.unwrap_or_else(|| layout.shape().jobs(job.memory, threads)))?;
    clock.end("prove");
    on_event(Event::Assembling);
    let (statement, bundle_bytes) = run.assemble(&entries, kept)?;
    clock.end("assemble");
    let (statement, proof_bytes) = match &job.proof {
        Some(path) => run.prove_tree(&entries, statement, path).map(|(said, bytes)| (said, Some(bytes)))?,
        None => (statement, None),
    };
    clock.end("recursion");
    run.publish(&statement)?;

    let mut rows = vec![0; layout.shape().0.variant().tables().len()];
    for entry in &entries {
        for (sum, rows) in rows.iter_mut().zip(&entry.rows) {
            *sum += *rows as u64;
        }
    }
    Ok(Outcome {
        statement,
        segments: entries.len(),
        positions: layout.positions,
        rounded: layout.rounded,
        excluded,
        rows,
        kept,
        proven: entries.len() - kept,
        bundle_bytes,
        proof_bytes,
        phases: clock.phases,
        shape: layout.shape().0,
    })
}

/// Reads, spools and deals out the ledger.
fn lay_out(
    job: &Job<'_>,
    work: &Work,
    snapshot: Snapshot<'_>,
    (plan, shapes): (&str, &[Shape]),
    on_event: &(dyn Fn(Event<'_>) + Sync),
    clock: &mut Clock,
) -> Result<Layout, ProverError> {
    let Snapshot { committer, epoch, prices } = snapshot;
    // Whatever is left of an unfinished layout can't be told from damage, and making it takes seconds.
    for folder in [work.spool(), work.segments()] {
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed("clear the folder", &folder)(error));
            }
            _ => {}
        }
    }
    private_folder(&work.spool())?;
    let mut options = ReadOptions::new(work.spool());
    options.memory = (job.memory / 4).clamp(64 << 20, 2 << 30);
    options.rounding = job.rounding;
    // All entries of an account have different keys, and each key takes a row of its segment's totals.
    options.max_positions = Some(MAX_TOTALS_ROWS);
    options.order = job.order;
    options.coverage = match job.exclude_invalid {
        Some(_) => Coverage::Exclude(work.excluded()),
        None => Coverage::Refuse,
    };
    let mut reader = AccountReader::open(&job.ledger, job.format, Arc::clone(&job.assets), options)?;
    let salts = committer.salts(job.secret, epoch);
    let spooled = spool(&mut reader, committer, &salts, prices, &work.spool(), &|progress| {
        on_event(Event::Reading(progress));
    })?;
    drop(reader);
    clock.end("read and commit");
    // Said now and not after hours of proving.
    if job.proof.is_some() {
        check_keys(spooled.size.keys(), MAX_KEYS)?;
    }
    // A plan is written with at least one shape.
    if shapes.is_empty() {
        return Err(ProverError::Damaged { path: work.file("plan.json") });
    }
    let too_little = || spooled.size.too_little(job.memory);
    let shape = spooled.size.cheapest(shapes).ok_or_else(too_little)?;
    let layout = deal(&spooled, plan, shape, prices, &work.segments(), &|accounts| {
        on_event(Event::Dealing(accounts))
    })?;
    clock.end("deal");
    Ok(layout)
}

/// Every segment fits a leaf, but the totals of all of them must fit one list of a proof, with that of the accounts.
fn check_keys(keys: usize, list: usize) -> Result<(), ProverError> {
    let most = list - 1;
    if keys > most { Err(ProverError::TooManyKeys { keys, most }) } else { Ok(()) }
}

/// What leaves and segments depend on beside the accounts.
#[derive(Clone, Copy)]
struct Snapshot<'a> {
    committer: &'a Committer,
    epoch: &'a Digest,
    prices: &'a SegmentPrices,
}

/// The stages that work on a layout.
struct Run<'a> {
    job: &'a Job<'a>,
    work: &'a Work,
    snapshot: Snapshot<'a>,
    layout: &'a Layout,
    on_event: &'a (dyn Fn(Event<'_>) + Sync),
}

impl Run<'_> {
    /// Proves what isn't proven yet, `jobs` segments at once. Returns every segment's entry and how many were kept.
    fn prove_segments(&self, jobs: usize) -> Result<(Vec<ProofEntry>, usize), ProverError> {
        let segments = &self.layout.segments;
        private_folder(&self.work.proofs())?;
        let shape = self.layout.shape();
        let store = ProofStore::new(&self.work.proofs(), shape);
        let mut entries: Vec<Option<ProofEntry>> = Vec::with_capacity(segments.len());
        for (segment, layout) in segments.iter().enumerate() {
            entries.push(match store.look_up(segment, &layout.blake3)? {
                Stored::Whole(entry) => {
                    (self.on_event)(Event::SegmentKept { segment });
                    Some(entry)
                }
                Stored::Useless => {
                    (self.on_event)(Event::SegmentUseless { segment });
                    None
                }
                Stored::Nothing => None,
            });
        }
        let open: Vec<usize> = (0..segments.len()).filter(|segment| entries[*segment].is_none()).collect();
        let kept = segments.len() - open.len();
        let accounts_of = |segment: &usize| segments[*segment].accounts;
        let accounts_kept = self.layout.accounts - open.iter().map(accounts_of).sum::<u64>();

        let prover = SegmentProver::new(shape)?;
        let next = AtomicUsize::new(0);
        let progress = Mutex::new((kept, accounts_kept));
        let report = |done: usize, accounts: u64| {
            (self.on_event)(Event::Proving {
                done,
                segments: segments.len(),
                accounts,
                of_accounts: self.layout.accounts,
            });
        };
        report(kept, accounts_kept);
        let worker = || -> Result<Vec<(usize, ProofEntry)>, ProverError> {
            let mut mine = Vec::new();
            while let Some(segment) = open.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
                let layout = &segments[segment];
                let proven = read_accounts(&self.work.segments(), segment, layout).and_then(|accounts| {
                    let accounts = accounts.segment();
                    let (epoch, assets) = (self.snapshot.epoch, &self.job.assets);
                    prover.prove(
                        self.snapshot.committer,
                        epoch,
                        assets,
                        self.snapshot.prices,
                        segment,
                        accounts,
                    )
                });
                let entry = match proven.and_then(|proven| store.put(segment, &layout.blake3, &proven)) {
                    Ok(entry) => entry,
                    Err(error) => {
                        // The other workers end with the segment that they are at.
                        next.store(open.len(), Ordering::Relaxed);
                        return Err(error);
                    }
                };
                mine.push((segment, entry));
                let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
                progress.0 += 1;
                progress.1 += layout.accounts;
                report(progress.0, progress.1);
            }
            Ok(mine)
        };
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let handles: Vec<_> = (1..jobs.min(open.len())).map(|_| scope.spawn(worker)).collect();
            let mut outcomes = vec![worker()];
            for handle in handles {
                match handle.join() {
                    Ok(outcome) => outcomes.push(outcome),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            outcomes
        });
        for outcome in outcomes {
            for (segment, entry) in outcome? {
                entries[segment] = Some(entry);
            }
        }
        Ok((entries.into_iter().flatten().collect(), kept))
    }

    /// Verifies the records as a bundle, then writes the bundle and the totals file. `kept` of the records are of an
    /// earlier run.
    fn assemble(&self, entries: &[ProofEntry], kept: usize) -> Result<(Statement, Option<u64>), ProverError> {
        let store = ProofStore::new(&self.work.proofs(), self.layout.shape());
        // Records of this run were verified one by one; a kept one can be whole and yet not its segment's.
        let wrong = |error| match kept {
            0 => ProverError::SelfCheck(error),
            _ => ProverError::Damaged { path: self.work.proofs() },
        };
        let expected = Expectations {
            accounts: Some(self.layout.accounts),
            ..Expectations::new(&self.job.entity, &self.job.epoch, &self.job.assets)
        };
        let mut verifier = BundleVerifier::new(expected).map_err(ProverError::SelfCheck)?;
        for entry in entries {
            verifier.segment(&store.read(entry)?).map_err(wrong)?;
        }
        let lengths: Vec<u64> = entries.iter().map(|entry| entry.record_bytes).collect();
        let header = verifier.header(&lengths).map_err(wrong)?;
        let tops = verifier.tops().to_vec();
        let statement = verifier.finish(&header).map_err(wrong)?;

        let mut bundle_bytes = None;
        if let Some(path) = &self.job.bundle {
            write_whole(path, Access::Private, |writer| {
                writer.write_all(&header.to_bytes()).map_err(failed("write", path))?;
                for entry in entries {
                    let record = store.read(entry)?;
                    writer
                        .write_all(&(record.len() as u64).to_le_bytes())
                        .and_then(|()| writer.write_all(&record))
                        .map_err(failed("write", path))?;
                }
                Ok(())
            })?;
            bundle_bytes = Some(fs::metadata(path).map_err(failed("read", path))?.len());
        }
        write_tree(&self.work.file("tree.json"), &tops)?;
        Ok((statement, bundle_bytes))
    }

    /// Writes the totals file, which says what the proof does.
    fn publish(&self, statement: &Statement) -> Result<(), ProverError> {
        let path = &self.job.totals;
        let json = TotalsFile::new(statement, &self.job.assets).to_json();
        let json = json.map_err(|error| failed("write", path)(std::io::Error::other(error)))?;
        write_bytes(path, Access::Public, (json + "\n").as_bytes())
    }
}

impl Run<'_> {
    /// Makes the final proof, which must agree with the segments, and writes it.
    fn prove_tree(
        &self,
        entries: &[ProofEntry],
        segments: Statement,
        path: &Path,
    ) -> Result<(Statement, u64), ProverError> {
        // A run that ended with the bundle can be taken up for a proof.
        let (accounts, totals) = segments.figures.at_most();
        check_keys(totals.len(), MAX_KEYS)?;
        let reserves = self.job.reserves.as_ref();
        let bounds = reserves.map(|reserves| self.bounds(totals, reserves, segments.depth)).transpose()?;
        let salt = new_salt()?;
        let expected = Expectations {
            root: Some(segments.root),
            ..Expectations::new(&self.job.entity, &self.job.epoch, &self.job.assets)
        };
        let (show, expected) = match &bounds {
            None => {
                (Show::Totals, Expectations { totals: Some(totals), accounts: Some(accounts), ..expected })
            }
            Some(bounds) => (Show::Bounds(bounds, &salt.0), Expectations { reserves, ..expected }),
        };
        let proof = TreeStage {
            folder: self.work.file("tree"),
            records: &ProofStore::new(&self.work.proofs(), self.layout.shape()),
            shape: self.layout.shape(),
            prices: self.snapshot.prices.digest(),
            expected,
            show,
            on_node: &|done, of| (self.on_event)(Event::Tree { done, of }),
        }
        .run(entries)?;
        if bounds.is_some() {
            let path = self.work.file(OPENING_FILE);
            let json = TotalsOpening::new(&salt, &proof.totals).to_json();
            let json = json.map_err(|error| failed("write", &path)(std::io::Error::other(error)))?;
            write_bytes(&path, Access::Private, json.as_bytes())?;
        }
        write_bytes(path, Access::Public, &proof.bytes)?;
        Ok((proof.statement, proof.bytes.len() as u64))
    }

    /// What a proof that hides the totals shows in their place: reserves, which must cover all equity, for accounts the
    /// places of the tree, and for other kinds only that they occur.
    fn bounds(&self, totals: &Totals, reserves: &Totals, depth: usize) -> Result<Vec<FinalRow>, ProverError> {
        let mut bounds = reserves.clone();
        for (key, total) in totals.iter() {
            if key.kind() != Kind::EQUITY {
                // The first figure of a key can't overflow, and no reserve is of another kind.
                let _ = bounds.add_total(key, u128::MAX);
            } else if total > reserves.get(key) {
                let symbol = self.job.assets.get(key.asset()).map(|asset| asset.symbol.clone());
                return Err(ProverError::NotCovered { symbol: symbol.ok_or(ProverError::NoAccounts)? });
            }
        }
        check_keys(bounds.len(), if depth > SUBTREE_DEPTH { MAX_KEYS } else { LEAF_KEYS })?;
        let row = |(key, figure): (EntryKey, u128)| FinalRow { key: u32::from(key.number()), figure };
        let accounts = FinalRow { key: ACCOUNTS_KEY, figure: 1 << depth };
        Ok(core::iter::once(accounts).chain(bounds.iter().map(row)).collect())
    }
}

/// File of the work folder that opens the commitment of a proof that hides the totals.
const OPENING_FILE: &str = "opening.json";

/// Eight field elements from the operating system, uniform.
fn new_salt() -> Result<Digest, ProverError> {
    loop {
        let mut bytes = [0; DIGEST_BYTES];
        getrandom::fill(&mut bytes).map_err(|_| ProverError::Randomness)?;
        // Elements are four bytes, the highest last, and nearly all of 31 bits are some.
        bytes.iter_mut().skip(3).step_by(4).for_each(|byte| *byte &= 0x7f);
        if let Ok(salt) = Digest::from_bytes(&bytes) {
            return Ok(salt);
        }
    }
}

/// Wall and CPU time since the last stage ended.
struct Clock {
    wall: Instant,
    cpu: ProcessTime,
    phases: Vec<Phase>,
}

impl Clock {
    fn new() -> Self {
        Self { wall: Instant::now(), cpu: ProcessTime::now(), phases: Vec::new() }
    }

    fn end(&mut self, name: &'static str) {
        self.phases.push(Phase { name, wall: self.wall.elapsed(), cpu: self.cpu.elapsed() });
        self.wall = Instant::now();
        self.cpu = ProcessTime::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row of a final proof's totals is the accounts'.
    #[test]
    fn keys_at_the_most_and_one_above() {
        assert!(check_keys(MAX_KEYS - 1, MAX_KEYS).is_ok());
        assert!(matches!(
            check_keys(MAX_KEYS, MAX_KEYS),
            Err(ProverError::TooManyKeys { keys: MAX_KEYS, most }) if most + 1 == MAX_KEYS
        ));
    }
}
