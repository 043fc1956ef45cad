use std::fmt;

use assay_statement::Entry;

/// Accounts of a ledger, many at a time, in buffers that are used again.
///
/// Uids are canonical (see [`Uid`](assay_statement::Uid)) and strictly increase, as bytes, through a batch and from
/// batch to batch. Entries of an account strictly increase by key, and none is zero.
#[derive(Clone, Default)]
pub struct AccountBatch {
    uids: String,
    entries: Vec<Entry>,
    ends: Vec<(usize, usize)>,
}

impl AccountBatch {
    /// No accounts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of accounts.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no accounts.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Entries of all accounts together.
    pub fn positions(&self) -> usize {
        self.entries.len()
    }

    /// The account at `index`.
    pub fn get(&self, index: usize) -> Option<Account<'_>> {
        let (uid_end, entry_end) = *self.ends.get(index)?;
        let (uid_start, entry_start) = match index.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => (0, 0),
        };
        Some(Account {
            uid: self.uids.get(uid_start..uid_end)?,
            entries: self.entries.get(entry_start..entry_end)?,
        })
    }

    /// The accounts in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Account<'_>> + '_ {
        // The ends are ours and in bounds, so the fallback is never taken.
        (0..self.len()).map(|index| self.get(index).unwrap_or(Account { uid: "", entries: &[] }))
    }

    /// Drops the accounts and keeps the buffers.
    pub fn clear(&mut self) {
        self.uids.clear();
        self.entries.clear();
        self.ends.clear();
    }

    /// Appends an account.
    pub(crate) fn push(&mut self, uid: &str, entries: impl IntoIterator<Item = Entry>) {
        self.uids.push_str(uid);
        self.entries.extend(entries);
        self.ends.push((self.uids.len(), self.entries.len()));
    }
}

/// Balances are private, so the debug form shows sizes only.
impl fmt::Debug for AccountBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountBatch({} accounts, {} entries)", self.len(), self.positions())
    }
}

/// One account of a batch.
#[derive(Clone, Copy)]
pub struct Account<'a> {
    /// Canonical uid.
    pub uid: &'a str,
    /// Positions, strictly increasing by key, none zero; there may be none at all.
    pub entries: &'a [Entry],
}

impl fmt::Debug for Account<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({} entries)", self.entries.len())
    }
}
