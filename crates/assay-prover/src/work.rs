//! The work folder of a run: what the run is for, and a lock against a second process.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use assay_circuit::CIRCUIT_ID;
use assay_commit::{Digest, EpochSecret};
use assay_ledger::{InputFingerprint, Rounding};
use assay_statement::{Entity, Epoch};
use serde::{Deserialize, Serialize};

use crate::error::ProverError;
use crate::files::{Access, failed, open_lock, private_folder, write_bytes};
use crate::shape::Shape;

/// Version of the work folder's files.
pub(crate) const WORK_VERSION: u32 = 3;

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
    /// What happens to accounts that break a rule of coverage.
    pub(crate) coverage: String,
    /// Shapes that fit the memory of the first run; its layout says which one was taken.
    pub(crate) shapes: Vec<Shape>,
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
        exclude_invalid: bool,
        shapes: &[Shape],
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
            coverage: if exclude_invalid { "exclude" } else { "refuse" }.to_owned(),
            shapes: shapes.to_vec(),
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

    /// What of this plan differs from `other`; the shapes may differ, they are the first run's.
    fn difference(&self, other: &Self) -> Option<&'static str> {
        [
            (self.version != other.version || self.circuit != other.circuit, "version of assay"),
            (self.entity != other.entity, "entity"),
            (self.epoch != other.epoch || self.time != other.time, "epoch"),
            (self.asset_table != other.asset_table, "asset table"),
            (self.secret != other.secret, "secret"),
            (self.rounding != other.rounding, "rounding"),
            (self.coverage != other.coverage, "choice of what happens to accounts below water"),
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

    /// Takes up the run of `plan` or begins it. The shapes to choose from are those that the run was begun with, so the
    /// same layout comes out again if it has to be made again.
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

    /// The list of accounts that are left out, if any are to be.
    pub(crate) fn excluded(&self) -> PathBuf {
        self.path.join("excluded.csv")
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
