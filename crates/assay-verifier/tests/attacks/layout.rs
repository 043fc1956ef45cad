//! Places in a segment record, written down here a second time.

/// Bytes before the list of totals.
pub(crate) const PREFIX: usize = 140;
/// Digest at the top; the epoch's stands before it.
pub(crate) const TOP: usize = 84;
/// First key, then the last one.
pub(crate) const FIRST: usize = 116;
/// Number of accounts.
pub(crate) const ACCOUNTS: usize = 132;
/// Number of rows of totals.
pub(crate) const ROWS: usize = 136;
/// Bytes of a row of totals.
pub(crate) const ROW: usize = 2 + 6 * 4 + 4;

pub(crate) fn proof_start(record: &[u8]) -> usize {
    let rows = u32::from_le_bytes(*record[ROWS..].first_chunk().unwrap());
    PREFIX + rows as usize * ROW
}

/// The record with other bytes at a place.
pub(crate) fn edited(record: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut record = record.to_vec();
    record[at..at + bytes.len()].copy_from_slice(bytes);
    record
}

/// The record with its length field made to fit.
pub(crate) fn relengthened(mut record: Vec<u8>) -> Vec<u8> {
    let length = (record.len() - 52) as u64;
    record[44..52].copy_from_slice(&length.to_le_bytes());
    record
}
