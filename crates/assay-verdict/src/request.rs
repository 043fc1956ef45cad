use assay_commit::Digest;
use assay_statement::{AssetTable, Entity, Epoch};
use assay_verifier::Statement;

use crate::PublishedTotals;

/// What to check, and what the caller expects. Nothing that is expected is taken from the files.
#[derive(Clone)]
pub struct Request<'a> {
    /// The uid as the customer typed it; may be empty.
    pub uid: &'a str,
    /// Whose receipt and proof it must be.
    pub entity: &'a Entity,
    /// For which snapshot. Without it the totals file's is taken, and a result says so.
    pub epoch: Option<&'a Epoch>,
    /// The published root that the caller expects.
    pub root: Option<Digest>,
    /// The published root as the customer found it in a second place.
    pub second_root: Option<Digest>,
    /// Digest of the asset table that the caller expects.
    pub asset_table: Option<Digest>,
    /// The asset table, where it doesn't come from the totals file.
    pub assets: Option<&'a AssetTable>,
    /// The receipt: JSON, or a link that holds it.
    pub receipt: Option<&'a [u8]>,
    /// The proof of the totals.
    pub proof: Option<Proof<'a>>,
    /// The totals file.
    pub totals: Option<Totals<'a>>,
    /// The solvency report (JSON).
    pub report: Option<&'a [u8]>,
    /// Whether the customer says that the balances are theirs.
    pub confirmed: Option<bool>,
}

/// The totals file.
#[derive(Clone)]
pub enum Totals<'a> {
    /// As a file.
    File(&'a [u8]),
    /// As it was read before: most of the time that a receipt takes goes into it.
    Read(&'a PublishedTotals),
}

/// The proof of the totals.
#[derive(Clone)]
pub enum Proof<'a> {
    /// A final proof as a file.
    File(&'a [u8]),
    /// What somebody verified already, such as a bundle, with the same expectations.
    Verified(&'a Statement),
}

impl<'a> Request<'a> {
    /// A request that only says whose proof it must be.
    pub const fn new(entity: &'a Entity) -> Self {
        Self {
            uid: "",
            entity,
            epoch: None,
            root: None,
            second_root: None,
            asset_table: None,
            assets: None,
            receipt: None,
            proof: None,
            totals: None,
            report: None,
            confirmed: None,
        }
    }
}
