use std::io::{self, BufRead, BufReader, Read};

use crate::error::ProblemKind;

/// Bytes that one record may have. The longest honest one carries a BLS or multi-signature and typed data.
pub(crate) const MAX_RECORD_BYTES: usize = 1 << 20;

/// Lines over which one quoted record may go; without a bound, reading a record again for each would be quadratic.
const MAX_RECORD_LINES: u64 = 64;

/// Bytes read, counted and hashed on their way; an error of kind `FileTooLarge` beyond the limit.
pub(crate) struct Metered {
    input: Box<dyn Read + Send>,
    hasher: blake3::Hasher,
    bytes: u64,
    limit: u64,
}

impl Metered {
    pub(crate) fn new(input: Box<dyn Read + Send>, limit: u64) -> Self {
        Self { input, hasher: blake3::Hasher::new(), bytes: 0, limit }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn digest(&self) -> [u8; 32] {
        *self.hasher.finalize().as_bytes()
    }
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.hasher.update(buffer.get(..read).unwrap_or_default());
        self.bytes += read as u64;
        if self.bytes > self.limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(read) }
    }
}

/// Why no line can be had.
pub(crate) enum LineError {
    Io(io::Error),
    /// Reading can't go on.
    Broken(u64, ProblemKind),
    /// Reading goes on behind the record.
    Bad(u64, ProblemKind),
}

impl From<io::Error> for LineError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Lines of a text file, LF or CRLF, with an optional UTF-8 byte order mark.
pub(crate) struct Lines {
    input: BufReader<Metered>,
    buffer: Vec<u8>,
    /// Number of the line read last.
    number: u64,
    /// Whether the last line had an end.
    pub(crate) ended: bool,
    stopped: bool,
}

impl Lines {
    pub(crate) fn new(input: Metered) -> Self {
        Self {
            input: BufReader::with_capacity(1 << 16, input),
            buffer: Vec::new(),
            number: 0,
            ended: true,
            stopped: false,
        }
    }

    pub(crate) fn metered(&self) -> &Metered {
        self.input.get_ref()
    }

    /// Number and text of the next line, without its end; nothing at the end of the file.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, &str)>, LineError> {
        if self.stopped {
            return Ok(None);
        }
        self.buffer.clear();
        let limit = MAX_RECORD_BYTES as u64 + 1;
        let read = (&mut self.input).take(limit).read_until(b'\n', &mut self.buffer);
        let read = read.inspect_err(|_| self.stopped = true)?;
        if read == 0 {
            self.stopped = true;
            return Ok(None);
        }
        self.number += 1;
        if self.number == 1 && self.buffer.starts_with(b"\xef\xbb\xbf") {
            self.buffer.drain(..3);
        }
        if read as u64 == limit {
            self.stopped = true;
            return Err(LineError::Broken(
                self.number,
                ProblemKind::RecordTooLong { limit: MAX_RECORD_BYTES },
            ));
        }
        self.ended = self.buffer.last() == Some(&b'\n');
        let line = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match std::str::from_utf8(line) {
            Ok(text) => Ok(Some((self.number, text))),
            Err(_) => Err(LineError::Bad(self.number, ProblemKind::NotUtf8)),
        }
    }
}

/// How fields are told apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Quotes by RFC 4180 and nothing else.
    Plain,
    /// Besides, a field that starts with `[` or `{` goes to the bracket that closes it, and spaces may stand before
    /// a quote.
    Brackets,
}

/// Records of a CSV file.
pub(crate) struct Records {
    pub(crate) lines: Lines,
    dialect: Dialect,
    record: String,
}

/// A record and the line where it starts.
pub(crate) struct Record {
    pub(crate) line: u64,
    pub(crate) fields: Vec<String>,
}

impl Record {
    /// Whether it is an empty line, or one of commas and spaces, which spreadsheets make of it.
    pub(crate) fn is_blank(&self) -> bool {
        self.fields.iter().all(|field| field.trim().is_empty())
    }

    /// The field at `index` without spaces around it; empty where the record is shorter.
    pub(crate) fn field(&self, index: Option<usize>) -> &str {
        self.raw(index).trim()
    }

    /// The field at `index` as it stands.
    pub(crate) fn raw(&self, index: Option<usize>) -> &str {
        index.and_then(|index| self.fields.get(index)).map_or("", String::as_str)
    }
}

impl Records {
    pub(crate) fn new(input: Metered, dialect: Dialect) -> Self {
        Self { lines: Lines::new(input), dialect, record: String::new() }
    }

    /// The next record; nothing at the end of the file.
    pub(crate) fn next(&mut self) -> Result<Option<Record>, LineError> {
        let Some((line, text)) = self.lines.next()? else { return Ok(None) };
        match split(text, self.dialect) {
            Split::Fields(fields) => return Ok(Some(Record { line, fields })),
            Split::Bad(kind) => return Err(LineError::Bad(line, kind)),
            Split::OpenQuote => {}
        }
        self.record.clear();
        self.record.push_str(text);
        for _ in 1..MAX_RECORD_LINES {
            let Some((_, more)) = self.lines.next()? else { break };
            self.record.push('\n');
            self.record.push_str(more);
            if self.record.len() > MAX_RECORD_BYTES {
                return Err(LineError::Bad(line, ProblemKind::RecordTooLong { limit: MAX_RECORD_BYTES }));
            }
            match split(&self.record, self.dialect) {
                Split::Fields(fields) => return Ok(Some(Record { line, fields })),
                Split::Bad(kind) => return Err(LineError::Bad(line, kind)),
                Split::OpenQuote => {}
            }
        }
        Err(LineError::Bad(line, ProblemKind::Quoting))
    }
}

enum Split {
    Fields(Vec<String>),
    OpenQuote,
    Bad(ProblemKind),
}

fn split(text: &str, dialect: Dialect) -> Split {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let start = if dialect == Dialect::Brackets { rest.trim_start_matches(' ') } else { rest };
        let after = if let Some(quoted) = start.strip_prefix('"') {
            let mut field = String::new();
            let mut quoted = quoted;
            let after = loop {
                let Some((before, behind)) = quoted.split_once('"') else { return Split::OpenQuote };
                field.push_str(before);
                match behind.strip_prefix('"') {
                    Some(more) => {
                        field.push('"');
                        quoted = more;
                    }
                    None => break behind,
                }
            };
            fields.push(field);
            if dialect == Dialect::Brackets { after.trim_start_matches(' ') } else { after }
        } else if dialect == Dialect::Brackets && start.starts_with(['[', '{']) {
            let Some(end) = closing(start) else { return Split::Bad(ProblemKind::Bracket) };
            let (_, behind) = start.split_at(end);
            // Something like `[a,b] c` is one field with a tail.
            let tail = behind.find(',').unwrap_or(behind.len());
            let (field, after) = start.split_at(end + tail);
            fields.push(field.into());
            after
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let (field, after) = rest.split_at(end);
            if dialect == Dialect::Plain && field.contains('"') {
                return Split::Bad(ProblemKind::Quoting);
            }
            fields.push(field.into());
            after
        };
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None if after.is_empty() => return Split::Fields(fields),
            None => return Split::Bad(ProblemKind::Quoting),
        }
    }
}

/// Bytes up to and with the bracket that closes the one at the start of `text`. Brackets in JSON strings don't count.
fn closing(text: &str) -> Option<usize> {
    let mut open = Vec::new();
    let (mut in_string, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' => open.push(b']'),
            b'{' => open.push(b'}'),
            b']' | b'}' => {
                if open.pop() != Some(byte) {
                    return None;
                }
                if open.is_empty() {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str, dialect: Dialect) -> Option<Vec<String>> {
        match split(text, dialect) {
            Split::Fields(fields) => Some(fields),
            Split::OpenQuote | Split::Bad(_) => None,
        }
    }

    #[test]
    fn brackets_hold_commas() {
        let split = |text| fields(text, Dialect::Brackets).unwrap();
        assert_eq!(split("a, [b,c] ,d"), ["a", "[b,c] ", "d"]);
        assert_eq!(split(r#"{"a":[1,2],"b":"}\",{"},x"#), [r#"{"a":[1,2],"b":"}\",{"}"#, "x"]);
        assert_eq!(split(r#"a, "b,""c" ,"#), ["a", "b,\"c", ""]);
        assert_eq!(split("it is [a,b"), ["it is [a", "b"]);
        for text in ["[a,b", "[a}", "{\"a\"", "\"a\"b"] {
            assert!(fields(text, Dialect::Brackets).is_none(), "{text}");
        }
    }

    #[test]
    fn plain_records_know_no_brackets() {
        assert_eq!(fields("[a,b]", Dialect::Plain).unwrap(), ["[a", "b]"]);
        assert!(fields("a\"b", Dialect::Plain).is_none());
        assert!(fields(" \"b\"", Dialect::Plain).is_none());
    }
}
