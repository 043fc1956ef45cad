use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use saphyr_parser::{BufferedInput, Event, Parser};

use super::{Context, Extras, RowError, Rows, Unit, block_hash, given, height};
use crate::error::ProblemKind;
use crate::lines::{LineError, Lines, MAX_RECORD_BYTES, Metered};
use crate::row::{OwnerClass, ReserveRow, SectionTotal};

/// Keys that the head of a file may list.
const MAX_KEYS: usize = 10_000;

/// What the head of a YAML file of scripts claims about their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScriptClaim {
    /// Signatures that spending takes.
    pub signatures: Option<u64>,
    /// Keys among which they are.
    pub of: Option<u64>,
    /// Public keys.
    pub keys: Vec<String>,
    /// Extended public keys.
    pub extended: Vec<String>,
}

/// YAML of scripts at one height. The keys of the file come in any order, so it is read twice: once for all but the
/// addresses, once for them.
pub(crate) struct ScriptYaml {
    events: Events,
    extras: Extras,
    head: Head,
    in_rows: bool,
    first_digest: Option<(u64, [u8; 32])>,
}

#[derive(Default)]
struct Head {
    height: Option<u64>,
    block_hash: Option<String>,
    chain: String,
    asset: usize,
    network: String,
    total: Option<(u64, String)>,
    custodial: bool,
    claim: ScriptClaim,
}

/// Events of the parser with their lines; what a list of addresses has no use for is refused.
struct Events {
    parser: Parser<'static, BufferedInput<Chars>>,
    shared: Arc<Shared>,
    /// Depth of open sequences and mappings.
    depth: usize,
    documents: usize,
}

enum Node {
    Scalar(String),
    Sequence,
    Mapping,
    End,
    StreamEnd,
}

/// What the characters' side tells the events' side.
#[derive(Default)]
struct Shared {
    /// Characters since the last event: a scalar that never ends must not fill the memory.
    since_event: AtomicUsize,
    stopped: Mutex<Option<LineError>>,
    digest: Mutex<Option<(u64, [u8; 32])>>,
}

struct Chars {
    lines: Lines,
    line: std::vec::IntoIter<char>,
    shared: Arc<Shared>,
    over: bool,
}

impl ScriptYaml {
    pub(crate) fn open(first: Metered, second: Metered, context: &Context) -> Result<Self, RowError> {
        let mut events = Events::new(first);
        let head = Head::read(&mut events, context)?;
        let first_digest = events.digest();
        let mut extras = Extras::default();
        if let Some((line, total)) = &head.total {
            let broken = |kind| RowError::Broken { line: *line, field: Some("total".into()), kind };
            let figure = context.amount(total, head.asset, Unit::Base).map_err(broken)?;
            extras.has_totals = true;
            extras.totals.push(SectionTotal {
                line: *line,
                asset: head.asset,
                coin: head.chain.clone(),
                amount: figure.units,
                height: head.height,
            });
        }
        Ok(Self { events: Events::new(second), extras, head, in_rows: false, first_digest })
    }

    /// Goes to the first address.
    fn find_rows(&mut self) -> Result<bool, RowError> {
        expect_mapping(&mut self.events)?;
        loop {
            match self.events.next()? {
                (_, Node::Scalar(key)) if key == "address" => {
                    self.in_rows = true;
                    return match self.events.next()? {
                        (_, Node::Sequence) => Ok(true),
                        (line, _) => Err(wrong_type(line, "address")),
                    };
                }
                (_, Node::Scalar(_)) => self.events.skip()?,
                _ => return Ok(false),
            }
        }
    }
}

impl Rows for ScriptYaml {
    fn next_row(&mut self, context: &Context) -> Result<Option<ReserveRow>, RowError> {
        if !self.in_rows && !self.find_rows()? {
            return Ok(None);
        }
        let start = match self.events.next()? {
            (line, Node::Mapping) => line,
            (_, Node::End) => {
                // To the end, for what follows counts in the digest too.
                while !matches!(self.events.next()?, (_, Node::StreamEnd)) {}
                if self.events.digest() != self.first_digest {
                    let kind = ProblemKind::Syntax("the file changed while it was read".into());
                    return Err(RowError::Broken { line: 0, field: None, kind });
                }
                return Ok(None);
            }
            (line, _) => return Err(wrong_type(line, "address")),
        };
        const FIELDS: [&str; 5] = ["addr_type", "addr", "script", "value", "custodial"];
        let mut values: [Option<String>; FIELDS.len()] = Default::default();
        loop {
            let (line, key) = match self.events.next()? {
                (line, Node::Scalar(key)) => (line, key),
                (_, Node::End) => break,
                (line, _) => return Err(wrong_type(line, "address")),
            };
            let broken = |kind| RowError::Broken { line, field: Some(crate::row::quote(&key)), kind };
            let known = FIELDS.iter().position(|field| *field == key);
            let slot = known.and_then(|known| values.get_mut(known));
            let slot = slot.ok_or_else(|| broken(ProblemKind::UnknownField))?;
            let (_, Node::Scalar(value)) = self.events.next()? else {
                return Err(broken(ProblemKind::WrongType));
            };
            if slot.replace(value).is_some() {
                return Err(broken(ProblemKind::Repeated));
            }
        }
        let [kind, address, script, value, custodial] = values;
        let field = |field, kind| RowError::Field { line: start, field, kind };
        let address =
            address.as_deref().and_then(scalar).ok_or_else(|| field("addr", ProblemKind::Missing))?;
        let amount = match value.as_deref().and_then(scalar) {
            Some(text) => Some(
                context.amount(text, self.head.asset, Unit::Base).map_err(|kind| field("value", kind))?.units,
            ),
            None => None,
        };
        let custodial = match custodial.as_deref().and_then(scalar) {
            Some(text) => boolean(text).ok_or_else(|| field("custodial", ProblemKind::WrongType))?,
            None => self.head.custodial,
        };
        Ok(Some(ReserveRow {
            line: start,
            asset: self.head.asset,
            coin: self.head.chain.clone(),
            network: self.head.network.clone(),
            address: address.into(),
            amount,
            height: self.head.height,
            block_hash: self.head.block_hash.clone(),
            script: script.as_deref().and_then(scalar).map(Into::into),
            owner_class: if custodial { OwnerClass::Custodian } else { OwnerClass::Unstated },
            unspendable: kind.as_deref().is_some_and(|kind| kind.trim() == "unspendable"),
            ..ReserveRow::default()
        }))
    }

    fn extras(&self) -> &Extras {
        &self.extras
    }

    fn metered(&self) -> Option<&Metered> {
        None
    }

    fn digest(&self) -> Option<(u64, [u8; 32])> {
        self.events.digest()
    }

    fn claim(&self) -> Option<&ScriptClaim> {
        Some(&self.head.claim)
    }
}

impl Head {
    fn read(events: &mut Events, context: &Context) -> Result<Self, RowError> {
        let mut head = Self::default();
        let mut seen = Vec::new();
        expect_mapping(events)?;
        let mut chain_line = 0;
        let mut rows = false;
        loop {
            let (line, key) = match events.next()? {
                (line, Node::Scalar(key)) => (line, key),
                (_, Node::End) => break,
                (line, _) => return Err(wrong_type(line, "")),
            };
            let broken = |kind| RowError::Broken { line, field: Some(crate::row::quote(&key)), kind };
            if seen.contains(&key) {
                return Err(broken(ProblemKind::Repeated));
            }
            match key.as_str() {
                "height" => head.height = height(&events.scalar("height")?).map_err(broken)?,
                "blockhash" => head.block_hash = block_hash(&events.scalar("blockhash")?).map_err(broken)?,
                "chain" => {
                    head.chain = events.scalar("chain")?.trim().to_owned();
                    chain_line = line;
                }
                "total" => {
                    let total = events.scalar("total")?;
                    if head.total.replace((line, total.trim().to_owned())).is_some() {
                        return Err(broken(ProblemKind::Repeated));
                    }
                }
                "custodial" => {
                    let text = events.scalar("custodial")?;
                    let flag = scalar(&text).map_or(Some(false), boolean);
                    head.custodial = flag.ok_or_else(|| broken(ProblemKind::WrongType))?;
                }
                "claim" => head.read_claim(events)?,
                "keys" => head.claim.keys = events.scalars("keys")?,
                "xpub" => head.claim.extended = events.scalars("xpub")?,
                "address" => {
                    rows = true;
                    events.skip()?;
                }
                _ => return Err(broken(ProblemKind::UnknownField)),
            }
            seen.push(key);
        }
        while !matches!(events.next()?, (_, Node::StreamEnd)) {}
        let broken = |line, field: &str, kind| RowError::Broken { line, field: Some(field.into()), kind };
        if !rows {
            return Err(broken(0, "address", ProblemKind::Missing));
        }
        // The format never names the coin: on its main chain it is the one that the format was made for.
        let (asset, network) = match context.coin(&head.chain) {
            Ok((asset, network)) => (asset, network.unwrap_or_default().to_owned()),
            Err(_) if head.chain == "main" => {
                let (asset, network) =
                    context.coin("BTC").map_err(|kind| broken(chain_line, "chain", kind))?;
                (asset, network.unwrap_or("BTC").to_owned())
            }
            Err(kind) => return Err(broken(chain_line, "chain", kind)),
        };
        (head.asset, head.network) = (asset, network);
        Ok(head)
    }

    fn read_claim(&mut self, events: &mut Events) -> Result<(), RowError> {
        let (line, Node::Mapping) = events.next()? else { return Err(wrong_type(0, "claim")) };
        loop {
            let (line, key) = match events.next()? {
                (line, Node::Scalar(key)) => (line, key),
                (_, Node::End) => return Ok(()),
                _ => return Err(wrong_type(line, "claim")),
            };
            let broken = |kind| RowError::Broken { line, field: Some(crate::row::quote(&key)), kind };
            let text = events.scalar("claim")?;
            let number = || text.trim().parse::<u64>().map_err(|_| broken(ProblemKind::WrongType));
            let repeated = match key.as_str() {
                "m" => self.claim.signatures.replace(number()?).is_some(),
                "n" => self.claim.of.replace(number()?).is_some(),
                "total" => self.total.replace((line, text.trim().to_owned())).is_some(),
                _ => return Err(broken(ProblemKind::UnknownField)),
            };
            if repeated {
                return Err(broken(ProblemKind::Repeated));
            }
        }
    }
}

impl Events {
    fn new(input: Metered) -> Self {
        let shared = Arc::new(Shared::default());
        let chars = Chars {
            lines: Lines::new(input),
            line: Vec::new().into_iter(),
            shared: Arc::clone(&shared),
            over: false,
        };
        Self { parser: Parser::new_from_iter(chars), shared, depth: 0, documents: 0 }
    }

    fn digest(&self) -> Option<(u64, [u8; 32])> {
        self.shared.digest.lock().ok().and_then(|digest| *digest)
    }

    /// Line and kind of the next node.
    fn next(&mut self) -> Result<(u64, Node), RowError> {
        loop {
            let event = self.parser.next_event();
            self.shared.since_event.store(0, Ordering::Relaxed);
            // What stopped the characters explains whatever the parser makes of their end.
            if let Some(error) = self.shared.stopped.lock().ok().and_then(|mut stopped| stopped.take()) {
                return Err(match error {
                    LineError::Bad(line, kind) => RowError::Broken { line, field: None, kind },
                    error => error.into(),
                });
            }
            let (event, span) = match event {
                Some(Ok(event)) => event,
                Some(Err(error)) => {
                    let line = error.marker().line() as u64;
                    let kind = ProblemKind::Syntax(crate::row::quote(error.info()));
                    return Err(RowError::Broken { line, field: None, kind });
                }
                None => return Ok((0, Node::StreamEnd)),
            };
            let line = span.start.line() as u64;
            let refused =
                |what| Err(RowError::Broken { line, field: None, kind: ProblemKind::YamlFeature(what) });
            let (anchor, tag, node) = match event {
                Event::Nothing | Event::StreamStart | Event::DocumentEnd => continue,
                Event::DocumentStart(_) => {
                    self.documents += 1;
                    if self.documents > 1 {
                        return refused("several documents");
                    }
                    continue;
                }
                Event::StreamEnd => return Ok((line, Node::StreamEnd)),
                Event::Alias(_) => return refused("aliases"),
                Event::Scalar(text, _, anchor, tag) => {
                    (anchor, tag.is_some(), Node::Scalar(text.into_owned()))
                }
                Event::SequenceStart(anchor, tag) => (anchor, tag.is_some(), Node::Sequence),
                Event::MappingStart(anchor, tag) => (anchor, tag.is_some(), Node::Mapping),
                Event::SequenceEnd | Event::MappingEnd => (0, false, Node::End),
            };
            if anchor != 0 {
                return refused("anchors");
            }
            if tag {
                return refused("tags");
            }
            match node {
                Node::Sequence | Node::Mapping => self.depth += 1,
                Node::End => self.depth = self.depth.saturating_sub(1),
                Node::Scalar(_) | Node::StreamEnd => {}
            }
            if self.depth > 8 {
                return refused("deep nesting");
            }
            return Ok((line, node));
        }
    }

    fn scalar(&mut self, field: &str) -> Result<String, RowError> {
        match self.next()? {
            (_, Node::Scalar(text)) if matches!(text.as_str(), "~" | "null") => Ok(String::new()),
            (_, Node::Scalar(text)) => Ok(text),
            (line, _) => Err(wrong_type(line, field)),
        }
    }

    /// One scalar or a list of them.
    fn scalars(&mut self, field: &str) -> Result<Vec<String>, RowError> {
        match self.next()? {
            (_, Node::Scalar(text)) => Ok(scalar(&text).map(Into::into).into_iter().collect()),
            (_, Node::Sequence) => {
                let mut texts = Vec::new();
                loop {
                    match self.next()? {
                        (_, Node::Scalar(text)) if texts.len() < MAX_KEYS => texts.push(text),
                        (_, Node::End) => return Ok(texts),
                        (line, _) => return Err(wrong_type(line, field)),
                    }
                }
            }
            (line, _) => Err(wrong_type(line, field)),
        }
    }

    /// Passes over one node.
    fn skip(&mut self) -> Result<(), RowError> {
        let outside = self.depth;
        loop {
            match self.next()? {
                (line, Node::StreamEnd) => return Err(wrong_type(line, "")),
                _ if self.depth <= outside => return Ok(()),
                _ => {}
            }
        }
    }
}

impl Iterator for Chars {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        loop {
            if self.over {
                return None;
            }
            if let Some(c) = self.line.next() {
                let since = self.shared.since_event.fetch_add(1, Ordering::Relaxed);
                let problem = match c {
                    // To the parser this is the end of the file, so what is behind it would go unread.
                    '\0' => ProblemKind::Syntax("a NUL character".into()),
                    _ if since > MAX_RECORD_BYTES => ProblemKind::RecordTooLong { limit: MAX_RECORD_BYTES },
                    _ => return Some(c),
                };
                self.stop(LineError::Broken(0, problem));
                return None;
            }
            match self.lines.next() {
                Ok(Some((_, text))) => {
                    let mut line: Vec<char> = text.chars().collect();
                    if self.lines.ended {
                        line.push('\n');
                    }
                    self.line = line.into_iter();
                }
                Ok(None) => {
                    self.over = true;
                    let metered = self.lines.metered();
                    if let Ok(mut digest) = self.shared.digest.lock() {
                        *digest = Some((metered.bytes(), metered.digest()));
                    }
                }
                Err(error) => self.stop(error),
            }
        }
    }
}

impl Chars {
    fn stop(&mut self, error: LineError) {
        self.over = true;
        if let Ok(mut stopped) = self.shared.stopped.lock() {
            *stopped = Some(error);
        }
    }
}

fn expect_mapping(events: &mut Events) -> Result<(), RowError> {
    match events.next()? {
        (_, Node::Mapping) => Ok(()),
        (line, _) => Err(wrong_type(line, "")),
    }
}

fn wrong_type(line: u64, field: &str) -> RowError {
    let field = (!field.is_empty()).then(|| field.to_owned());
    RowError::Broken { line, field, kind: ProblemKind::WrongType }
}

fn scalar(text: &str) -> Option<&str> {
    given(text).filter(|text| *text != "~")
}

fn boolean(text: &str) -> Option<bool> {
    match text.trim() {
        "true" | "True" | "yes" => Some(true),
        "false" | "False" | "no" => Some(false),
        _ => None,
    }
}
