//! Receipts from the work folder of a finished run.

use std::path::{Path, PathBuf};

use assay_commit::{
    Committer, Digest, Hasher, LeafKey, Path as TreePath, Receipt, ReceiptError, Subtree, UpperTree,
    asset_table_digest, epoch_digest, published_root,
};
use assay_statement::{AssetTable, Entity, Epoch, Uid};
use assay_verifier::{TotalsFile, TotalsFileError};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::accounts::Accounts;
use crate::error::ProverError;
use crate::layout::{Layout, read_accounts};
use crate::work::{read_json, write_json};

/// Tops of the segments' subtrees.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TreeFile {
    tops: Vec<String>,
}

pub(crate) fn write_tree(path: &Path, tops: &[Digest]) -> Result<(), ProverError> {
    write_json(path, &TreeFile { tops: tops.iter().map(|top| top.to_hex()).collect() })
}

/// Makes receipts for the accounts of a finished run.
pub struct ReceiptMaker {
    folder: PathBuf,
    layout: Layout,
    tops: Vec<Digest>,
    upper: UpperTree,
    committer: Committer,
    entity: Entity,
    epoch: Epoch,
    assets: AssetTable,
    root: Digest,
    loaded: Option<(usize, Accounts, Subtree)>,
}

impl ReceiptMaker {
    /// Opens the work folder of the run that made `totals`.
    pub fn open(work: &Path, totals: &TotalsFile) -> Result<Self, ReceiptsError> {
        let damaged = |name: &str| ProverError::Damaged { path: work.join(name) };
        let layout: Layout = read_json(&work.join("layout.json"))?
            .filter(Layout::is_known)
            .ok_or(ReceiptsError::NotFinished)?;
        let tree: TreeFile = read_json(&work.join("tree.json"))?.ok_or(ReceiptsError::NotFinished)?;
        let tops = tree
            .tops
            .iter()
            .map(|hex| Digest::from_hex(hex))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| damaged("tree.json"))?;
        let hasher = Hasher::new();
        let (entity, epoch, assets, root) =
            (totals.entity()?, totals.epoch()?, totals.asset_table()?, totals.root()?);
        let digest = epoch_digest(&hasher, &entity, &epoch, &asset_table_digest(&hasher, &assets));
        let upper = UpperTree::build(&hasher, tops.clone()).map_err(|_| damaged("tree.json"))?;
        if published_root(&hasher, &digest, upper.depth(), &upper.top()) != root {
            return Err(ReceiptsError::OtherRun);
        }
        let committer = Committer::new(hasher, &entity, &digest);
        let folder = work.join("segments");
        Ok(Self { folder, layout, tops, upper, committer, entity, epoch, assets, root, loaded: None })
    }

    /// The receipt of one customer.
    pub fn receipt(&mut self, uid: &Uid) -> Result<Receipt, ReceiptsError> {
        let key = self.committer.account_key(&self.committer.uid_digest(uid));
        let segment = self.layout.segment_of(LeafKey::of(&key)).ok_or(ReceiptsError::NoAccount)?;
        self.load(segment)?;
        let index =
            self.accounts().and_then(|accounts| accounts.find(&key)).ok_or(ReceiptsError::NoAccount)?;
        self.make(index)
    }

    /// The receipts of all customers, in order of their leaf keys.
    pub fn for_each(
        &mut self,
        mut each: impl FnMut(&str, &Receipt) -> Result<(), ProverError>,
    ) -> Result<u64, ReceiptsError> {
        let mut made = 0;
        for segment in 0..self.layout.segments.len() {
            self.load(segment)?;
            for index in 0..self.accounts().map_or(0, Accounts::len) {
                let receipt = self.make(index)?;
                if let Some(accounts) = self.accounts() {
                    each(accounts.get(index).uid, &receipt)?;
                    made += 1;
                }
            }
        }
        Ok(made)
    }

    /// The receipts of all customers in order of their leaf keys, made by all cores: `each` makes something of the number,
    /// from 0, the uid digest and the receipt, in any order, and `take` gets the results in order.
    pub fn for_each_parallel<T: Send, E: From<ReceiptsError> + Send>(
        &mut self,
        each: impl Fn(u64, &Digest, &Receipt) -> Result<T, E> + Sync,
        mut take: impl FnMut(T) -> Result<(), E>,
    ) -> Result<u64, E> {
        // As many as are in memory at once.
        const BATCH: usize = 1 << 13;
        let mut made: u64 = 0;
        for segment in 0..self.layout.segments.len() {
            self.load(segment)?;
            let indices: Vec<usize> = (0..self.accounts().map_or(0, Accounts::len)).collect();
            for batch in indices.chunks(BATCH) {
                let results: Vec<Result<T, E>> = batch
                    .par_iter()
                    .enumerate()
                    .map(|(at, index)| {
                        let receipt = self.make(*index)?;
                        let accounts = self.accounts().ok_or(ReceiptsError::NoAccount)?;
                        let uid = Uid::new(accounts.get(*index).uid).map_err(|_| ReceiptsError::OtherRun)?;
                        each(made + at as u64, &self.committer.uid_digest(&uid), &receipt)
                    })
                    .collect();
                for result in results {
                    take(result?)?;
                    made += 1;
                }
            }
        }
        Ok(made)
    }

    /// The entity that the receipts are of.
    pub const fn entity(&self) -> &Entity {
        &self.entity
    }

    /// The root that they are for.
    pub const fn root(&self) -> &Digest {
        &self.root
    }

    fn accounts(&self) -> Option<&Accounts> {
        self.loaded.as_ref().map(|(_, accounts, _)| accounts)
    }

    fn make(&self, index: usize) -> Result<Receipt, ReceiptsError> {
        let (segment, accounts, subtree) = self.loaded.as_ref().ok_or(ReceiptsError::NoAccount)?;
        let account = accounts.get(index);
        let path = TreePath::new(subtree, &self.upper, *segment, index);
        Ok(Receipt::new(
            &self.entity,
            &self.epoch,
            &self.assets,
            &self.root,
            account.salt,
            account.entries,
            &path,
        )?)
    }

    fn load(&mut self, segment: usize) -> Result<(), ReceiptsError> {
        if self.loaded.as_ref().is_some_and(|(loaded, _, _)| *loaded == segment) {
            return Ok(());
        }
        let layout = self.layout.segments.get(segment).ok_or(ReceiptsError::NoAccount)?;
        let accounts = read_accounts(&self.folder, segment, layout)?;
        let leaves = accounts
            .iter()
            .map(|account| self.committer.leaf(account.key, account.salt, account.entries))
            .collect();
        let subtree = Subtree::build(self.committer.hasher(), leaves).map_err(|_| ReceiptsError::OtherRun)?;
        // Receipts of accounts that the root doesn't hold would only fail at the customers'.
        if self.tops.get(segment) != Some(&subtree.top()) {
            return Err(ReceiptsError::OtherRun);
        }
        self.loaded = Some((segment, accounts, subtree));
        Ok(())
    }
}

/// Why there is no receipt.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptsError {
    /// The run isn't finished.
    #[error("the work folder has no finished run")]
    NotFinished,
    /// The totals file is another run's.
    #[error("the work folder and the totals file are of different runs")]
    OtherRun,
    /// The ledger has no such account.
    #[error("the ledger of this run has no account with this uid")]
    NoAccount,
    /// A file of the work folder.
    #[error(transparent)]
    Work(#[from] ProverError),
    /// The totals file.
    #[error(transparent)]
    Totals(#[from] TotalsFileError),
    /// The receipt itself.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
}
