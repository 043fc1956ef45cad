use std::path::PathBuf;

use crate::coverage::Coverage;

/// How a ledger is read.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// Bytes of memory that sorting may use. Decoding needs some more, which depends on the widest record and not on
    /// the length of the ledger.
    pub memory: u64,
    /// Folder for the runs of an external sort. They hold uids and balances in clear, have no name where the system
    /// allows it, are readable for the owner only, and are gone when the reader is.
    pub scratch_dir: PathBuf,
    /// What happens to a figure with more decimals than its asset.
    pub rounding: Rounding,
    /// What is known about the order of the accounts.
    pub order: Order,
    /// What happens to accounts that break a rule of coverage.
    pub coverage: Coverage,
    /// Positions that an account may have; one with more is a problem. None for no limit but the number of keys.
    pub max_positions: Option<usize>,
    /// Problems that [`check`](crate::check()) describes; it counts the rest.
    pub problem_limit: usize,
    /// Whether problems name accounts in full. Off by default: logs travel further than ledgers.
    pub show_accounts: bool,
}

impl ReadOptions {
    /// 1 GiB of memory, no rounding, order found out, accounts below water refused, no limit of positions, 100 problems, masked accounts.
    pub fn new(scratch_dir: impl Into<PathBuf>) -> Self {
        Self {
            memory: 1 << 30,
            scratch_dir: scratch_dir.into(),
            rounding: Rounding::Exact,
            order: Order::Auto,
            coverage: Coverage::Refuse,
            max_positions: None,
            problem_limit: 100,
            show_accounts: false,
        }
    }
}

/// What happens to a figure with more decimals than its asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// It is a problem.
    #[default]
    Exact,
    /// It is rounded against the exchange, and counted: equity up, debt and collateral down.
    Up,
}

/// What is known about the order of the accounts in a ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Nothing: the uids are scanned first, and the ledger is sorted only if it must be.
    #[default]
    Auto,
    /// Canonical uids ascend, as bytes, within a file and from file to file; a descent is a problem.
    Sorted,
    /// They don't: sort without a scan.
    Unsorted,
}
