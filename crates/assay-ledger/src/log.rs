use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{LedgerError, Place, Problem, ProblemKind};
use crate::format::LedgerFormat;

/// Where problems go, and what is counted on the way.
pub(crate) struct Log {
    files: Arc<[PathBuf]>,
    format: LedgerFormat,
    show_accounts: bool,
    mode: Mode,
    /// Rows or records read.
    pub(crate) rows: u64,
    /// Figures that were rounded.
    pub(crate) rounded: u64,
}

pub(crate) enum Mode {
    /// The first problem ends the reading.
    Stop,
    /// Problems are kept up to a limit, and counted.
    Collect { problems: Vec<Problem>, limit: usize, count: u64 },
    /// The scan for the order: whatever is wrong comes up again when the rows are read.
    Ignore,
}

/// A row of an input file; number 0 is the whole file.
#[derive(Clone, Copy)]
pub(crate) struct At {
    pub(crate) file: u32,
    pub(crate) row: u64,
}

impl Log {
    pub(crate) fn new(files: Arc<[PathBuf]>, format: LedgerFormat, show_accounts: bool, mode: Mode) -> Self {
        Self { files, format, show_accounts, mode, rows: 0, rounded: 0 }
    }

    /// Whether whoever reads the problems wants to see accounts in full.
    pub(crate) fn show_accounts(&self) -> bool {
        self.show_accounts
    }

    /// Whether the first thing that is wrong ends the reading.
    pub(crate) fn stops(&self) -> bool {
        matches!(self.mode, Mode::Stop)
    }

    /// A log for another pass over the same files.
    pub(crate) fn silent(&self) -> Self {
        Self::new(self.files.clone(), self.format, self.show_accounts, Mode::Ignore)
    }

    /// Notes a problem of the account with this raw or canonical uid; an error when reading must stop.
    #[cold]
    pub(crate) fn report(
        &mut self,
        at: At,
        uid: Option<&[u8]>,
        field: Option<&str>,
        kind: ProblemKind,
    ) -> Result<(), LedgerError> {
        if let Mode::Collect { problems, limit, count } = &mut self.mode {
            *count += 1;
            if problems.len() >= *limit {
                return Ok(());
            }
        }
        let problem = || Problem {
            file: self.files.get(at.file as usize).cloned().unwrap_or_default(),
            place: match (at.row, self.format) {
                (0, _) => Place::File,
                (row, LedgerFormat::LongCsv | LedgerFormat::WideCsv) => Place::Line(row),
                (row, LedgerFormat::LongParquet) => Place::Row(row),
                (row, LedgerFormat::SignedJson) => Place::Element(row),
            },
            account: uid.map(|uid| if self.show_accounts { show(uid) } else { mask(uid) }),
            field: field.map(Into::into),
            kind,
        };
        match &mut self.mode {
            Mode::Stop => Err(LedgerError::Problem(Box::new(problem()))),
            Mode::Ignore => Ok(()),
            Mode::Collect { .. } => {
                let problem = problem();
                if let Mode::Collect { problems, .. } = &mut self.mode {
                    problems.push(problem);
                }
                Ok(())
            }
        }
    }

    /// The problems that were kept, and how many there were.
    pub(crate) fn into_problems(self) -> (Vec<Problem>, u64) {
        match self.mode {
            Mode::Collect { problems, count, .. } => (problems, count),
            Mode::Stop | Mode::Ignore => (Vec::new(), 0),
        }
    }
}

/// Two characters and an ellipsis; nothing at all of a uid so short that two characters would tell it.
fn mask(uid: &[u8]) -> String {
    let text = String::from_utf8_lossy(uid.get(..uid.len().min(64)).unwrap_or(uid));
    let text = text.trim();
    let shown = if text.chars().count() < 6 { 0 } else { 2 };
    let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().take(shown).map(visible).chain(['…']).collect()
}

/// The whole uid, with control characters escaped and no more than a canonical uid's length.
fn show(uid: &[u8]) -> String {
    let cap = assay_statement::MAX_UID_BYTES;
    let text = String::from_utf8_lossy(uid.get(..uid.len().min(cap)).unwrap_or(uid));
    text.trim().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_hide_all_but_two_characters() {
        assert_eq!(mask(b"alice@example.org"), "al…");
        assert_eq!(mask(b"12345"), "…");
        assert_eq!(mask(b""), "…");
        assert_eq!(mask("日本語日本語".as_bytes()), "日本…");
        assert_eq!(mask(b"\x1b[31mred"), "\u{fffd}[…");
        assert_eq!(mask(&[0xff; 200]), "\u{fffd}\u{fffd}…");
    }

    #[test]
    fn shown_uids_cannot_drive_a_terminal() {
        assert_eq!(show(b"a\x1b[31m"), "a\\u{1b}[31m");
    }
}
