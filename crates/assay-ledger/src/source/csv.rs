use std::fs::File;
use std::io;
use std::ops::Range;

use memchr::{memchr, memchr_iter};

use crate::error::ProblemKind;
use crate::window::Window;

/// Bytes that a record may have: a wide row of a full asset table takes a fraction.
const MAX_RECORD_BYTES: usize = 4 << 20;

/// Records of a CSV file, strictly by RFC 4180, with LF or CRLF line ends and an optional UTF-8 byte order mark.
///
/// Common CSV parsers accept misplaced quotes, a quote that never closes and records of any length, which would turn
/// damaged exports into other figures. Here each is an error. So is a last line without a line end, as it can't be told
/// from a file that was cut in a figure. Empty lines are skipped.
pub(crate) struct Records {
    window: Window,
    /// Line of the next record, from 1.
    line: u64,
    started: bool,
    /// Fields of records that have quotes.
    unquoted: Vec<u8>,
    fields: Vec<Range<usize>>,
    /// Bytes of the record in the window, which go when the next one is asked for.
    taken: usize,
    over: bool,
}

/// One record.
pub(crate) struct Record<'a> {
    bytes: &'a [u8],
    fields: &'a [Range<usize>],
    /// Its first line, from 1.
    pub(crate) line: u64,
}

impl<'a> Record<'a> {
    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    /// The field at `index`, empty where there is none.
    pub(crate) fn field(&self, index: usize) -> &'a [u8] {
        self.fields.get(index).and_then(|range| self.bytes.get(range.clone())).unwrap_or_default()
    }
}

/// What comes next in a file.
pub(crate) enum Next<'a> {
    Record(Record<'a>),
    /// A bad record; the one after it can be read.
    Bad {
        line: u64,
        kind: ProblemKind,
    },
    /// Nothing more can be read of the file.
    Broken {
        line: u64,
        kind: ProblemKind,
    },
    End,
}

/// How the record at the start of the window ends.
enum Scan {
    /// At this many bytes, line end included, over this many lines; fields are set.
    Plain {
        bytes: usize,
    },
    Quoted {
        bytes: usize,
        lines: u64,
    },
    Bad {
        bytes: usize,
        lines: u64,
    },
    Incomplete,
}

impl Records {
    pub(crate) fn new(file: File) -> Self {
        Self {
            window: Window::new(file),
            line: 1,
            started: false,
            unquoted: Vec::new(),
            fields: Vec::new(),
            taken: 0,
            over: false,
        }
    }

    /// Bytes read so far.
    pub(crate) fn consumed(&self) -> u64 {
        self.window.consumed() + self.taken as u64
    }

    /// The next record.
    pub(crate) fn next(&mut self) -> io::Result<Next<'_>> {
        self.window.consume(self.taken);
        self.taken = 0;
        if !self.started {
            self.started = true;
            while self.window.bytes().len() < 3 && self.window.more()? {}
            if self.window.bytes().starts_with(b"\xef\xbb\xbf") {
                self.window.consume(3);
            }
        }
        let mut searched = 0;
        loop {
            if self.over {
                return Ok(Next::End);
            }
            let line = self.line;
            match self.scan(searched) {
                Scan::Plain { bytes } => {
                    self.line += 1;
                    if bytes <= 2
                        && self.fields.len() == 1
                        && self.fields.first().is_some_and(Range::is_empty)
                    {
                        self.window.consume(bytes);
                        searched = 0;
                        continue;
                    }
                    self.taken = bytes;
                    return Ok(Next::Record(Record {
                        bytes: self.window.bytes(),
                        fields: &self.fields,
                        line,
                    }));
                }
                Scan::Quoted { bytes, lines } => {
                    self.line += lines;
                    self.taken = bytes;
                    return Ok(Next::Record(Record { bytes: &self.unquoted, fields: &self.fields, line }));
                }
                Scan::Bad { bytes, lines } => {
                    self.line += lines;
                    self.taken = bytes;
                    return Ok(Next::Bad { line, kind: ProblemKind::Quoting });
                }
                Scan::Incomplete => {
                    searched = self.window.bytes().len();
                    if searched > MAX_RECORD_BYTES {
                        self.over = true;
                        return Ok(Next::Broken {
                            line,
                            kind: ProblemKind::RecordTooLong { limit: MAX_RECORD_BYTES },
                        });
                    }
                    if !self.window.more()? {
                        self.over = true;
                        if searched == 0 {
                            return Ok(Next::End);
                        }
                        return Ok(Next::Broken { line, kind: ProblemKind::Truncated });
                    }
                }
            }
        }
    }

    /// Finds the record at the start of the window, whose first `searched` bytes have no unquoted line end.
    fn scan(&mut self, searched: usize) -> Scan {
        let bytes = self.window.bytes();
        let quote_before = searched > 0 && memchr(b'"', bytes.get(..searched).unwrap_or_default()).is_some();
        if quote_before {
            return scan_quoted(bytes, &mut self.fields, &mut self.unquoted);
        }
        let Some(end) = memchr(b'\n', bytes.get(searched..).unwrap_or_default()).map(|at| searched + at)
        else {
            // A quoted field may hold the line end that is missing, which makes no difference yet.
            return Scan::Incomplete;
        };
        let line = bytes.get(..end).unwrap_or_default();
        if memchr(b'"', line).is_some() {
            return scan_quoted(bytes, &mut self.fields, &mut self.unquoted);
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        self.fields.clear();
        let mut start = 0;
        for comma in memchr_iter(b',', line) {
            self.fields.push(start..comma);
            start = comma + 1;
        }
        self.fields.push(start..line.len());
        Scan::Plain { bytes: end + 1 }
    }
}

fn scan_quoted(bytes: &[u8], fields: &mut Vec<Range<usize>>, unquoted: &mut Vec<u8>) -> Scan {
    fields.clear();
    unquoted.clear();
    let mut lines = 0;
    let mut at = 0;
    // What is wrong is told only once the end of the line is known, so that reading can go on behind it.
    let bad = |at: usize, lines: u64| match memchr(b'\n', bytes.get(at..).unwrap_or_default()) {
        Some(end) => Scan::Bad { bytes: at + end + 1, lines: lines + 1 },
        None => Scan::Incomplete,
    };
    loop {
        let start = unquoted.len();
        if bytes.get(at) == Some(&b'"') {
            at += 1;
            loop {
                let rest = bytes.get(at..).unwrap_or_default();
                let Some(quote) = memchr(b'"', rest) else { return Scan::Incomplete };
                let text = rest.get(..quote).unwrap_or_default();
                lines += memchr_iter(b'\n', text).count() as u64;
                unquoted.extend_from_slice(text);
                at += quote + 1;
                if bytes.get(at) != Some(&b'"') {
                    break;
                }
                unquoted.push(b'"');
                at += 1;
            }
        } else {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(end) = rest.iter().position(|byte| matches!(byte, b',' | b'\n' | b'"')) else {
                return Scan::Incomplete;
            };
            if rest.get(end) == Some(&b'"') {
                return bad(at + end, lines);
            }
            let text = rest.get(..end).unwrap_or_default();
            let at_line_end = rest.get(end) == Some(&b'\n');
            let text = if at_line_end { text.strip_suffix(b"\r").unwrap_or(text) } else { text };
            unquoted.extend_from_slice(text);
            at += end;
        }
        fields.push(start..unquoted.len());
        match bytes.get(at..).unwrap_or_default() {
            [b',', ..] => at += 1,
            [b'\n', ..] => return Scan::Quoted { bytes: at + 1, lines: lines + 1 },
            [b'\r', b'\n', ..] => return Scan::Quoted { bytes: at + 2, lines: lines + 1 },
            [] | [b'\r'] => return Scan::Incomplete,
            _ => return bad(at, lines),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use proptest::prelude::*;

    use super::*;

    type Rows = Vec<(u64, Vec<Vec<u8>>)>;

    fn read(text: &[u8]) -> (Rows, Option<(u64, ProblemKind)>) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text).unwrap();
        file.rewind().unwrap();
        let mut records = Records::new(file);
        let mut seen = Vec::new();
        loop {
            match records.next().unwrap() {
                Next::Record(record) => {
                    seen.push((record.line, (0..record.len()).map(|i| record.field(i).to_vec()).collect()));
                }
                Next::Bad { line, kind } | Next::Broken { line, kind } => return (seen, Some((line, kind))),
                Next::End => return (seen, None),
            }
        }
    }

    fn fields(texts: &[&str]) -> Vec<Vec<u8>> {
        texts.iter().map(|text| text.as_bytes().to_vec()).collect()
    }

    #[test]
    fn reads_the_standard() {
        let text = b"\xef\xbb\xbfa,b\r\n\"x,\"\"y\"\"\",\n\r\n\n\"two\nlines\",z\r\nlast,\"\"\n";
        let (seen, problem) = read(text);
        assert_eq!(problem, None);
        let expected = vec![
            (1, fields(&["a", "b"])),
            (2, fields(&["x,\"y\"", ""])),
            (5, fields(&["two\nlines", "z"])),
            (7, fields(&["last", ""])),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn refuses_what_others_guess_at() {
        for (text, line, kind) in [
            ("a,b\nx\"y,z\n", 2, ProblemKind::Quoting),
            ("a,b\n\"x\"y,z\n", 2, ProblemKind::Quoting),
            ("a,b\n\"x,z\n", 2, ProblemKind::Truncated),
            ("a,b\nx,z", 2, ProblemKind::Truncated),
            ("a,b\nx,z\r", 2, ProblemKind::Truncated),
        ] {
            assert_eq!(read(text.as_bytes()).1, Some((line, kind)), "{text:?}");
        }
    }

    #[test]
    fn reads_on_behind_a_bad_line() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"a\"b\nc\n").unwrap();
        file.rewind().unwrap();
        let mut records = Records::new(file);
        assert!(matches!(records.next().unwrap(), Next::Bad { line: 1, .. }));
        assert!(
            matches!(records.next().unwrap(), Next::Record(record) if record.field(0) == b"c" && record.line == 2)
        );
    }

    #[test]
    fn a_record_without_end_is_given_up() {
        let text =
            vec![b'"'; 1].into_iter().chain(vec![b'x'; MAX_RECORD_BYTES + (1 << 20)]).collect::<Vec<_>>();
        assert!(matches!(read(&text).1, Some((1, ProblemKind::RecordTooLong { .. }))));
    }

    proptest! {
        #[test]
        fn written_records_come_back(rows in prop::collection::vec(prop::collection::vec("[a-z\",\n\r é]{0,12}", 1..5), 0..20)) {
            let mut text = Vec::new();
            for row in &rows {
                let quoted: Vec<_> = row.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
                text.extend_from_slice(quoted.join(",").as_bytes());
                text.extend_from_slice(b"\r\n");
            }
            let (seen, problem) = read(&text);
            prop_assert_eq!(problem, None);
            let seen: Vec<_> = seen.into_iter().map(|(_, row)| row).collect();
            let rows: Vec<Vec<Vec<u8>>> =
                rows.iter().map(|row| row.iter().map(|field| field.as_bytes().to_vec()).collect()).collect();
            prop_assert_eq!(seen, rows);
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(prop_oneof![Just(b'"'), Just(b','), Just(b'\n'), Just(b'\r'), any::<u8>()], 0..200)) {
            let _ = read(&bytes);
        }
    }
}
