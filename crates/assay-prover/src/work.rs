//! The work folder of a run: what the run is for, and a lock against a second process.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use assay_circuit::{CIRCUIT_ID, MAX_LOG_HEIGHTS};
use assay_commit::{Digest, EpochSecret};
use assay_ledger::{InputFingerprint, Rounding};
use assay_statement::{Entity, Epoch};
use serde::{Deserialize, Serialize};

use crate::error::ProverError;
use crate::files::{Access, failed, open_lock, private_folder, write_bytes};

/// Version of the work folder's files.
pub(crate) const WORK_VERSION: u32 = 1;

/// Largest heights (log2) of a run's segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentHeights {
    /// Hash table.
    pub hash: usize,
    /// Entry table.
    pub entry: usize,
    /// Account table.
    pub account: usize,
}

impl SegmentHeights {
    /// Bytes that proving takes for each row of the hash table, with the entry table twice as high at the most.
    const BYTES_PER_ROW: u64 = 6_600;

    /// Bytes that a process takes beside its segments.
    const BASE_BYTES: u64 = 300 << 20;

    /// Segments with `2^hash` rows in the hash table.
    pub const fn new(hash: usize) -> Self {
        let [_, most_entries, most_accounts, _] = MAX_LOG_HEIGHTS;
        let entry = if hash + 1 < most_entries { hash + 1 } else { most_entries };
        let account = if hash < most_accounts { hash } else { most_accounts };
        Self { hash, entry, account }
    }

    /// The largest segments that fit `memory` bytes, and how many can be proven at once, at most `threads`.
    pub fn for_memory(memory: u64, threads: usize) -> Result<(Self, usize), ProverError> {
        let room = memory.saturating_sub(Self::BASE_BYTES);
        let best = (12..=19).rev().map(Self::new).find(|heights| heights.memory() <= room);
        let heights = best.ok_or_else(|| ProverError::Memory {
            given: memory >> 20,
            least: (Self::BASE_BYTES + Self::new(12).memory()) >> 20,
        })?;
        Ok((heights, heights.jobs(memory, threads)))
    }

    /// How many segments of these heights can be proven at once within `memory` bytes, at most `threads`.
    pub(crate) fn jobs(&self, memory: u64, threads: usize) -> usize {
        let room = memory.saturating_sub(Self::BASE_BYTES);
        // One segment keeps about four cores busy; more at once only take memory.
        let by_memory = usize::try_from(room / self.memory()).unwrap_or(usize::MAX);
        by_memory.min(threads.div_ceil(4)).max(1)
    }

    /// Bytes that proving one segment takes, about.
    pub const fn memory(&self) -> u64 {
        Self::BYTES_PER_ROW << self.hash
    }
}

/// What a run is for. A work folder serves one plan only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    pub(crate) version: u32,
    pub(crate) circuit: String,
    pub(crate) entity: String,
    pub(crate) epoch: String,
    pub(crate) time: u64,
    pub(crate) epoch_digest: String,
    pub(crate) asset_table: String,
    pub(crate) secret: String,
    pub(crate) rounding: String,
    pub(crate) heights: SegmentHeights,
    pub(crate) ledger: Vec<PlanFile>,
}

/// One file of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanFile {
    pub(crate) bytes: u64,
    pub(crate) blake3: String,
}

impl Plan {
    #[expect(clippy::too_many_arguments, reason = "these are the plan's fields")]
    pub(crate) fn new(
        entity: &Entity,
        epoch: &Epoch,
        epoch_digest: &Digest,
        assets: &Digest,
        secret: &EpochSecret,
        rounding: Rounding,
        heights: SegmentHeights,
        ledger: &InputFingerprint,
    ) -> Self {
        // A one-way function of 256 bits of randomness tells nothing about them.
        let secret = blake3::derive_key("assay 2026 which epoch secret a run uses", secret.expose());
        Self {
            version: WORK_VERSION,
            circuit: CIRCUIT_ID.to_hex(),
            entity: entity.as_str().to_owned(),
            epoch: epoch.id().to_owned(),
            time: epoch.time(),
            epoch_digest: epoch_digest.to_hex(),
            asset_table: assets.to_hex(),
            secret: blake3::Hash::from_bytes(secret).to_hex().to_string(),
            rounding: match rounding {
                Rounding::Exact => "exact",
                Rounding::Up => "up",
            }
            .to_owned(),
            heights,
            ledger: ledger
                .files
                .iter()
                .map(|file| PlanFile {
                    bytes: file.bytes,
                    blake3: file
                        .blake3
                        .map(|hash| blake3::Hash::from_bytes(hash).to_hex().to_string())
                        .unwrap_or_default(),
                })
                .collect(),
        }
    }

    /// BLAKE3 of it, by which a layout names its plan.
    pub(crate) fn digest(&self) -> Result<String, serde_json::Error> {
        Ok(blake3::hash(&serde_json::to_vec(self)?).to_hex().to_string())
    }

    /// What of this plan differs from `other`; the heights may differ, they are the first run's.
    fn difference(&self, other: &Self) -> Option<&'static str> {
        [
            (self.version != other.version || self.circuit != other.circuit, "version of assay"),
            (self.entity != other.entity, "entity"),
            (self.epoch != other.epoch || self.time != other.time, "epoch"),
            (self.asset_table != other.asset_table, "asset table"),
            (self.secret != other.secret, "secret"),
            (self.rounding != other.rounding, "rounding"),
            (self.ledger != other.ledger, "ledger"),
            (self.epoch_digest != other.epoch_digest, "epoch"),
        ]
        .into_iter()
        .find_map(|(differs, what)| differs.then_some(what))
    }
}

/// The folder, locked for this process.
pub(crate) struct Work {
    path: PathBuf,
    _lock: File,
}

impl Work {
    /// Opens the folder and takes its lock.
    pub(crate) fn open(path: &Path) -> Result<Self, ProverError> {
        private_folder(path)?;
        let lock_path = path.join("lock");
        let lock = open_lock(&lock_path).map_err(failed("open", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => Err(ProverError::Busy { path: path.to_owned() }),
            Err(fs::TryLockError::Error(source)) => Err(failed("lock", &lock_path)(source)),
        }
    }

    /// Takes up the run of `plan` or begins it. The heights are those that the run was begun with.
    pub(crate) fn take_up(&self, plan: &Plan) -> Result<Plan, ProverError> {
        let path = self.path.join("plan.json");
        match read_json::<Plan>(&path)? {
            None => {
                write_json(&path, plan)?;
                Ok(plan.clone())
            }
            Some(begun) => match begun.difference(plan) {
                None => Ok(begun),
                Some(what) => Err(ProverError::OtherRun { path: self.path.clone(), what }),
            },
        }
    }

    pub(crate) fn spool(&self) -> PathBuf {
        self.path.join("spool")
    }

    pub(crate) fn segments(&self) -> PathBuf {
        self.path.join("segments")
    }

    pub(crate) fn proofs(&self) -> PathBuf {
        self.path.join("proofs")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// Reads a JSON file of the work folder; `None` if there is none, an error if it isn't one of ours.
pub(crate) fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, ProverError> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|_| ProverError::Damaged { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(failed("read", path)(source)),
    }
}

/// Writes a JSON file of the work folder as a whole.
pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), ProverError> {
    let bytes =
        serde_json::to_vec_pretty(value).map_err(|error| failed("write", path)(io::Error::other(error)))?;
    write_bytes(path, Access::Private, &bytes)
}
