//! A static site made of solvency reports.

mod chart;
mod details;
mod figures;
mod pages;

use std::collections::BTreeMap;

use assay_reserves::{CanonicalError, SolvencyReport, VerifyError as ReportError};
use assay_statement::{Entity, Epoch, EpochError};
use assay_verifier::{Expectations, TotalsFile, TotalsFileError, VerifyError, verify_proof};

use crate::escape::sha256_hex;
use crate::{CheckPage, Expected, LANGUAGES, Language};

const STYLE: &str = include_str!("../../../web/src/site.css");

/// Epochs that a site can have.
pub const MAX_EPOCHS: usize = 1_000;

/// One epoch of a site: a report, and proof and totals where they are at hand.
pub struct SiteEpoch {
    report: SolvencyReport,
    /// Files to download, by name.
    files: BTreeMap<&'static str, Vec<u8>>,
    proven: bool,
}

impl SiteEpoch {
    /// Reads a report and checks that its figures fit together. Where there are a proof and totals, the proof must hold for
    /// the report's entity, epoch, root and asset table, and show the totals' figures.
    pub fn new(report: &[u8], totals: Option<&[u8]>, proof: Option<&[u8]>) -> Result<Self, SiteError> {
        let parsed = SolvencyReport::from_json(report)?;
        parsed.check()?;
        let (entity, epoch) = (Entity::new(&parsed.entity)?, Epoch::new(&parsed.epoch, parsed.time)?);
        let mut files = BTreeMap::from([
            ("report.json", report.to_vec()),
            ("report.html", parsed.to_html().into_bytes()),
            ("report.md", parsed.to_markdown().into_bytes()),
        ]);
        if let Some(totals) = totals {
            let (file, assets) = TotalsFile::with_assets(totals)?;
            let digest = assets.digest().to_hex();
            let same = file.entity == parsed.entity
                && file.epoch == parsed.epoch
                && file.time == parsed.time
                && file.root == parsed.root
                && parsed.liabilities.asset_table.as_deref() == Some(digest.as_str());
            if !same {
                return Err(SiteError::OtherTotals { epoch: parsed.epoch });
            }
            if let Some(proof) = proof {
                let root = Some(file.root()?);
                let expected = Expectations { root, ..Expectations::with_known(&entity, &epoch, &assets) };
                let statement = verify_proof(proof, expected)?;
                if !file.matches_with(&statement, assets.table()) {
                    return Err(SiteError::OtherTotals { epoch: parsed.epoch });
                }
                files.insert("proof.assay", proof.to_vec());
            }
            files.insert("totals.json", totals.to_vec());
        }
        let proven = files.contains_key("proof.assay");
        Ok(Self { report: parsed, files, proven })
    }

    /// The folder of the epoch's pages. An id may be dots alone, so it never stands by itself.
    fn folder(&self) -> String {
        format!("epoch-{}", self.report.epoch)
    }

    /// What the receipt page of this epoch expects.
    fn expected(&self) -> Option<Expected> {
        Some(Expected {
            entity: self.report.entity.clone(),
            epoch: self.report.epoch.clone(),
            time: self.report.time,
            root: self.report.root.clone(),
            asset_table: self.report.liabilities.asset_table.clone()?,
        })
    }
}

/// A site.
pub struct Site<'a> {
    /// In order of time.
    epochs: Vec<SiteEpoch>,
    check_page: Option<CheckPage<'a>>,
}

impl<'a> Site<'a> {
    /// A site of the epochs of one entity, in any order; with receipt pages where there is a verifier.
    pub fn new(mut epochs: Vec<SiteEpoch>, check_page: Option<CheckPage<'a>>) -> Result<Self, SiteError> {
        if epochs.is_empty() || epochs.len() > MAX_EPOCHS {
            return Err(SiteError::Epochs);
        }
        epochs.sort_by(|a, b| (a.report.time, &a.report.epoch).cmp(&(b.report.time, &b.report.epoch)));
        let mut ids: Vec<&str> = epochs.iter().map(|epoch| epoch.report.epoch.as_str()).collect();
        ids.sort_unstable();
        if let Some([id, _]) = ids.windows(2).find(|pair| matches!(pair, [a, b] if a == b)) {
            return Err(SiteError::Duplicate { epoch: (*id).to_owned() });
        }
        if let Some(other) = epochs.iter().find(|epoch| epoch.report.entity != epochs[0].report.entity) {
            return Err(SiteError::OtherEntity { epoch: other.report.epoch.clone() });
        }
        Ok(Self { epochs, check_page })
    }

    /// All files of the site by their addresses, which have `/` between folders and no other separator.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        files.insert("assets/site.css".to_owned(), STYLE.as_bytes().to_vec());
        for language in LANGUAGES {
            let folder = if language == Language::English { "" } else { "de/" };
            for (name, page) in pages::all(self, language) {
                files.insert(format!("{folder}{name}"), page.into_bytes());
            }
        }
        for epoch in &self.epochs {
            for (name, bytes) in &epoch.files {
                files.insert(format!("{}/{name}", epoch.folder()), bytes.clone());
            }
        }
        if let Some(page) = &self.check_page {
            for (name, bytes) in page.assets() {
                files.insert(format!("assets/{name}"), bytes.to_vec());
            }
            for epoch in self.epochs.iter().filter(|epoch| epoch.proven) {
                let expected = epoch.expected();
                let names = [("proof", "proof.assay"), ("totals", "totals.json"), ("report", "report.json")];
                let hosted = page.hosted(expected.as_ref(), "../assets/", &names);
                let inside: Vec<(&str, &[u8])> = names
                    .iter()
                    .filter_map(|(name, file)| Some((*name, epoch.files.get(file)?.as_slice())))
                    .collect();
                let folder = epoch.folder();
                files.insert(format!("{folder}/check.html"), hosted.into_bytes());
                let offline = page.offline(expected.as_ref(), &inside);
                files.insert(format!("{folder}/check-offline.html"), offline.into_bytes());
            }
        }
        files
    }

    /// Name, length and SHA-256 of an epoch's files.
    fn downloads(epoch: &SiteEpoch) -> impl Iterator<Item = (&'static str, usize, String)> + '_ {
        epoch.files.iter().map(|(name, bytes)| (*name, bytes.len(), sha256_hex(bytes)))
    }
}

/// Why there is no site.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// No report, or too many.
    #[error("a site takes 1 to {MAX_EPOCHS} reports")]
    Epochs,
    /// Two reports of one epoch.
    #[error("two reports are of epoch {epoch}")]
    Duplicate {
        /// The epoch.
        epoch: String,
    },
    /// Reports of several entities.
    #[error("the report of epoch {epoch} is of another entity than the first one")]
    OtherEntity {
        /// Its epoch.
        epoch: String,
    },
    /// Totals that don't go with report or proof.
    #[error("the totals file for epoch {epoch} is not that of its report and proof")]
    OtherTotals {
        /// The epoch.
        epoch: String,
    },
    /// A malformed report.
    #[error("the report: {0}")]
    Report(#[from] CanonicalError),
    /// A report whose figures contradict each other.
    #[error("the report: {0}")]
    Contradiction(#[from] ReportError),
    /// A malformed entity or epoch.
    #[error("the report: {0}")]
    Epoch(#[from] EpochError),
    /// A malformed totals file.
    #[error(transparent)]
    Totals(#[from] TotalsFileError),
    /// A proof that doesn't hold.
    #[error(transparent)]
    Proof(#[from] VerifyError),
}
