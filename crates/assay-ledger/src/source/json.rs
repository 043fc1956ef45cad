use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use assay_statement::{Amount, Entry, Kind};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{FileSource, Fragments, Shape, SourceContext, key_of};
use crate::error::{LedgerError, ProblemKind};
use crate::log::{At, Log};
use crate::window::Window;

/// Bytes that one account may have: one of a full asset table takes a fraction.
const MAX_ELEMENT_BYTES: usize = 1 << 20;

/// Entries or accounts after which a fill ends.
const SIZE: usize = 16 * 1024;

/// A JSON array of accounts, one in memory at a time.
struct SignedJson {
    path: PathBuf,
    elements: Elements,
    number: u32,
    context: SourceContext,
    keys: Vec<(usize, Entry)>,
}

pub(super) fn open(file: File, path: &Path, number: u32, context: &SourceContext) -> Box<dyn FileSource> {
    Box::new(SignedJson {
        path: path.into(),
        elements: Elements { window: Window::new(file), index: 0, state: State::Start, taken: 0 },
        number,
        context: context.clone(),
        keys: Vec::new(),
    })
}

impl FileSource for SignedJson {
    fn fill(&mut self, out: &mut Fragments, log: &mut Log) -> Result<bool, LedgerError> {
        while out.size() < SIZE {
            let next = self
                .elements
                .next()
                .map_err(|source| LedgerError::Read { path: self.path.clone(), source })?;
            match next {
                Next::Element { bytes, index } => {
                    log.rows += 1;
                    let at = At { file: self.number, row: index };
                    take_element(bytes, at, &self.context, &mut self.keys, out, log)?;
                }
                Next::Broken { index, kind } => {
                    log.report(At { file: self.number, row: index }, None, None, kind)?;
                    return Ok(false);
                }
                Next::End => return Ok(false),
            }
        }
        Ok(true)
    }

    fn consumed(&self) -> u64 {
        self.elements.window.consumed()
    }
}

/// Splits an array into its elements without reading them.
struct Elements {
    window: Window,
    /// Elements so far.
    index: u64,
    state: State,
    /// Bytes of the last element, which go when the next one is asked for.
    taken: usize,
}

enum State {
    Start,
    First,
    Later,
    Over,
}

enum Next<'a> {
    Element { bytes: &'a [u8], index: u64 },
    Broken { index: u64, kind: ProblemKind },
    End,
}

impl Elements {
    fn next(&mut self) -> io::Result<Next<'_>> {
        self.window.consume(self.taken);
        self.taken = 0;
        if matches!(self.state, State::Over) {
            return Ok(Next::End);
        }
        if matches!(self.state, State::Start) {
            while self.window.bytes().len() < 3 && self.window.more()? {}
            if self.window.bytes().starts_with(b"\xef\xbb\xbf") {
                self.window.consume(3);
            }
            match self.peek()? {
                Some(b'[') => self.window.consume(1),
                Some(_) => return Ok(self.broken(0, ProblemKind::Unreadable { format: "JSON array" })),
                None => return Ok(self.broken(0, ProblemKind::Truncated)),
            }
            self.state = State::First;
        }
        let index = self.index + 1;
        match (self.peek()?, &self.state) {
            (Some(b']'), _) => {
                self.window.consume(1);
                if self.peek()?.is_some() {
                    return Ok(self.broken(index, ProblemKind::JsonSyntax));
                }
                self.state = State::Over;
                return Ok(Next::End);
            }
            (Some(b','), State::Later) => self.window.consume(1),
            (Some(_), State::First) => {}
            (Some(_), _) => return Ok(self.broken(index, ProblemKind::JsonSyntax)),
            (None, _) => return Ok(self.broken(index, ProblemKind::Truncated)),
        }
        self.state = State::Later;
        self.index = index;
        // An element ends before the first comma or bracket that is in none of its own brackets or strings.
        let mut at = 0;
        let mut depth = 0u32;
        let mut in_string = false;
        let mut escaped = false;
        let length = 'element: loop {
            for byte in self.window.bytes().get(at..).unwrap_or_default() {
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' if in_string => escaped = true,
                    b'"' => in_string = !in_string,
                    _ if in_string => {}
                    b'{' | b'[' => depth = depth.saturating_add(1),
                    b',' if depth == 0 => break 'element at,
                    b']' | b'}' if depth == 0 => break 'element at,
                    b']' | b'}' => depth -= 1,
                    _ => {}
                }
                at += 1;
            }
            if at > MAX_ELEMENT_BYTES {
                return Ok(self.broken(index, ProblemKind::RecordTooLong { limit: MAX_ELEMENT_BYTES }));
            }
            if !self.window.more()? {
                return Ok(self.broken(index, ProblemKind::Truncated));
            }
        };
        self.taken = length;
        Ok(Next::Element { bytes: self.window.bytes().get(..length).unwrap_or_default(), index })
    }

    /// The next byte that isn't white space.
    fn peek(&mut self) -> io::Result<Option<u8>> {
        loop {
            let bytes = self.window.bytes();
            let space = bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
            let next = bytes.get(space).copied();
            self.window.consume(space);
            if next.is_some() || !self.window.more()? {
                return Ok(next);
            }
        }
    }

    fn broken(&mut self, index: u64, kind: ProblemKind) -> Next<'static> {
        self.state = State::Over;
        Next::Broken { index, kind }
    }
}

fn take_element(
    bytes: &[u8],
    at: At,
    context: &SourceContext,
    keys: &mut Vec<(usize, Entry)>,
    out: &mut Fragments,
    log: &mut Log,
) -> Result<(), LedgerError> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        // What can be made out of it says whose account it is.
        let lossy = String::from_utf8_lossy(bytes);
        let id = match serde_json::from_str(&lossy) {
            Ok(Value::Map(fields)) => {
                fields.into_iter().find(|(name, _)| name == "id").map(|(_, value)| value)
            }
            _ => None,
        };
        let (uid, field) = match &id {
            Some(Value::Text(uid)) => (Some(uid.as_bytes()), uid.contains('\u{fffd}')),
            _ => (None, false),
        };
        let field = if field { "id" } else { "assets" };
        return log.report(at, uid, Some(field), ProblemKind::NotUtf8);
    };
    let Ok(Value::Map(fields)) = serde_json::from_str::<Value<'_>>(text) else {
        return log.report(at, None, None, ProblemKind::JsonSyntax);
    };
    let mut id = None;
    let mut assets = None;
    for (name, value) in &fields {
        let slot = match name.as_ref() {
            "id" => &mut id,
            "assets" => &mut assets,
            _ => return log.report(at, uid_of(&fields), None, ProblemKind::UnknownField),
        };
        if slot.replace(value).is_some() {
            return log.report(at, uid_of(&fields), Some(name), ProblemKind::RepeatedField);
        }
    }
    let uid = match id {
        Some(Value::Text(uid)) => uid.as_bytes(),
        Some(_) => return log.report(at, None, Some("id"), ProblemKind::WrongType { expected: "a string" }),
        None => return log.report(at, None, Some("id"), ProblemKind::MissingField),
    };
    let assets = match assets {
        Some(Value::Map(assets)) => assets,
        Some(_) => {
            return log.report(
                at,
                Some(uid),
                Some("assets"),
                ProblemKind::WrongType { expected: "an object" },
            );
        }
        None => return log.report(at, Some(uid), Some("assets"), ProblemKind::MissingField),
    };
    if let Err(kind) = out.start(uid, at.row, Shape::Record) {
        return log.report(at, Some(uid), Some("id"), kind);
    }
    if context.uids_only {
        return Ok(());
    }
    keys.clear();
    for (symbol, value) in assets {
        let asset = match context.symbols.exact(symbol.as_bytes()) {
            Ok(asset) => asset,
            Err(kind) => {
                log.report(at, Some(uid), Some("assets"), kind)?;
                continue;
            }
        };
        let entry = match value {
            Value::Text(text) => signed_entry(asset, text),
            _ => Err(ProblemKind::WrongType { expected: "a string of a signed integer" }),
        };
        match entry {
            Ok(entry) => keys.push((asset, entry)),
            Err(kind) => log.report(at, Some(uid), Some(&format!("assets.{symbol}")), kind)?,
        }
    }
    // A symbol twice is a problem even if one of its values is zero or of the other sign.
    keys.sort_by_key(|(asset, _)| *asset);
    let mut last = None;
    for (asset, entry) in keys.iter() {
        if last == Some(*asset) {
            let symbol = context.table.get(*asset).map(|asset| asset.symbol.as_str()).unwrap_or_default();
            log.report(at, Some(uid), Some(&format!("assets.{symbol}")), ProblemKind::RepeatedField)?;
            continue;
        }
        last = Some(*asset);
        if !entry.amount.is_zero() {
            out.push(*entry);
        }
    }
    Ok(())
}

/// The entry of a signed number of base units; zero is equity.
fn signed_entry(asset: usize, text: &str) -> Result<Entry, ProblemKind> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() {
        return Err(ProblemKind::EmptyNumber);
    }
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ProblemKind::NotANumber);
    }
    let value: i64 = text.parse().map_err(|_| ProblemKind::TooLarge { bits: 63 })?;
    let kind = if value < 0 { Kind::DEBT } else { Kind::EQUITY };
    let amount =
        Amount::new(u128::from(value.unsigned_abs())).map_err(|_| ProblemKind::TooLarge { bits: 63 })?;
    Ok(Entry { key: key_of(asset, kind)?, amount })
}

/// The uid of an account object, for a message.
fn uid_of<'a>(fields: &'a [(Cow<'_, str>, Value<'_>)]) -> Option<&'a [u8]> {
    fields.iter().find_map(|(name, value)| match value {
        Value::Text(uid) if name == "id" => Some(uid.as_bytes()),
        _ => None,
    })
}

/// As much of a JSON value as accounts have. Fields stay in their order, repeated ones too.
enum Value<'a> {
    Text(Cow<'a, str>),
    Map(Vec<(Cow<'a, str>, Value<'a>)>),
    Other,
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(text.into())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = map.next_key::<Value<'de>>()? {
            let value = map.next_value()?;
            // JSON has no other names than strings.
            if let Value::Text(name) = name {
                fields.push((name, value));
            }
        }
        Ok(Value::Map(fields))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }
}
