//! Accounts with their keys and salts, in memory and in the files of the work folder.

use std::io::{self, Read, Write};

use assay_circuit::SegmentAccount;
use assay_commit::{DIGEST_BYTES, Digest, LeafKey, Salt};
use assay_statement::{Amount, Entry, EntryKey, MAX_UID_BYTES};

/// Bytes of an entry in a file: key and 90-bit amount, little-endian.
const ENTRY_BYTES: usize = 2 + 12;

/// Many accounts in few buffers.
#[derive(Default)]
pub(crate) struct Accounts {
    keys: Vec<Digest>,
    salts: Vec<Salt>,
    uids: String,
    entries: Vec<Entry>,
    ends: Vec<(usize, usize)>,
}

/// One of them.
#[derive(Clone, Copy)]
pub(crate) struct Account<'a> {
    pub(crate) key: &'a Digest,
    pub(crate) salt: &'a Salt,
    pub(crate) uid: &'a str,
    pub(crate) entries: &'a [Entry],
}

impl Accounts {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, index: usize) -> Account<'_> {
        let (uid_start, entry_start) = index.checked_sub(1).map_or((0, 0), |before| self.ends[before]);
        let (uid_end, entry_end) = self.ends[index];
        Account {
            key: &self.keys[index],
            salt: &self.salts[index],
            uid: &self.uids[uid_start..uid_end],
            entries: &self.entries[entry_start..entry_end],
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Account<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// The accounts as a segment takes them.
    pub(crate) fn segment(&self) -> Vec<SegmentAccount<'_>> {
        self.iter()
            .map(|account| SegmentAccount { key: account.key, salt: account.salt, entries: account.entries })
            .collect()
    }

    /// The number of the account with this account key, where accounts are in order of their leaf keys.
    pub(crate) fn find(&self, key: &Digest) -> Option<usize> {
        let index = self.keys.binary_search_by_key(&LeafKey::of(key), LeafKey::of).ok()?;
        (self.keys[index] == *key).then_some(index)
    }

    /// Reads accounts to the end of `reader`.
    pub(crate) fn read(reader: &mut impl Read) -> io::Result<Self> {
        let mut accounts = Self::default();
        while accounts.read_one(reader)? {}
        Ok(accounts)
    }

    fn read_one(&mut self, reader: &mut impl Read) -> io::Result<bool> {
        let mut head = [0; DIGEST_BYTES + Salt::BYTES + 4];
        if !read_or_end(reader, &mut head)? {
            return Ok(false);
        }
        let malformed = || io::Error::from(io::ErrorKind::InvalidData);
        let (key, rest) = head.split_first_chunk::<DIGEST_BYTES>().ok_or_else(malformed)?;
        let (salt, counts) = rest.split_first_chunk::<{ Salt::BYTES }>().ok_or_else(malformed)?;
        let [a, b, c, d] = *counts else { return Err(malformed()) };
        let uid_bytes = usize::from(u16::from_le_bytes([a, b]));
        let entries = usize::from(u16::from_le_bytes([c, d]));
        if uid_bytes > MAX_UID_BYTES || entries > usize::from(EntryKey::BOUND) {
            return Err(malformed());
        }
        let mut body = vec![0; uid_bytes + entries * ENTRY_BYTES];
        reader.read_exact(&mut body)?;
        let (uid, entries) = body.split_at(uid_bytes);
        self.uids.push_str(std::str::from_utf8(uid).map_err(|_| malformed())?);
        for entry in entries.as_chunks::<ENTRY_BYTES>().0 {
            let mut amount = [0; 16];
            amount[..12].copy_from_slice(&entry[2..]);
            self.entries.push(Entry {
                key: EntryKey::from_number(u16::from_le_bytes([entry[0], entry[1]]))
                    .map_err(|_| malformed())?,
                amount: Amount::new(u128::from_le_bytes(amount)).map_err(|_| malformed())?,
            });
        }
        self.keys.push(Digest::from_bytes(key).map_err(|_| malformed())?);
        self.salts.push(Salt::from_bytes(salt).map_err(|_| malformed())?);
        self.ends.push((self.uids.len(), self.entries.len()));
        Ok(true)
    }
}

impl Account<'_> {
    pub(crate) fn leaf_key(&self) -> LeafKey {
        LeafKey::of(self.key)
    }

    /// Appends the account: account key, salt, length of the uid, number of entries (2 bytes each), uid, entries.
    pub(crate) fn write(&self, writer: &mut impl Write) -> io::Result<()> {
        writer.write_all(&self.key.to_bytes())?;
        writer.write_all(&self.salt.to_bytes())?;
        writer.write_all(&(self.uid.len() as u16).to_le_bytes())?;
        writer.write_all(&(self.entries.len() as u16).to_le_bytes())?;
        writer.write_all(self.uid.as_bytes())?;
        for entry in self.entries {
            writer.write_all(&entry.key.number().to_le_bytes())?;
            writer.write_all(&entry.amount.get().to_le_bytes()[..12])?;
        }
        Ok(())
    }
}

/// Fills `buffer`; false at the end of the input, an error in the middle of a record.
fn read_or_end(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) if filled == 0 => return Ok(false),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}
