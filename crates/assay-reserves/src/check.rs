use std::collections::{BTreeMap, BTreeSet, HashMap};

use assay_statement::{AssetTable, format_units};

use crate::address::{address_key, is_plausible};
use crate::error::ReserveError;
use crate::figure::Difference;
use crate::finding::{Finding, FindingCode, FindingSet};
use crate::policy::{Policy, PolicyIndex, WrappedIssuer};
use crate::reader::ReserveReader;
use crate::row::{OwnerClass, Place, ReserveRow, Staking, quote};

/// Files that one check takes.
const MAX_FILES: u32 = 1_000;

/// A hash of what must not occur twice.
pub(crate) type Key = [u8; 32];

/// Finds what is inconsistent in the rows of one or several files.
///
/// It keeps some hashes of every row, about 250 bytes, and no row.
#[derive(Debug)]
pub struct Checker {
    assets: Vec<(String, u8)>,
    policy: PolicyIndex,
    findings: FindingSet,
    /// Files begun.
    files: u32,
    /// By network, address and asset.
    rows: HashMap<Key, Seen>,
    /// By network and output.
    outpoints: HashMap<Key, Place>,
    /// By network, asset and script.
    scripts: HashMap<Key, SeenScript>,
    /// By network, address and derivative.
    derivatives: HashMap<Key, SeenDerivative>,
    /// By derivative: rows of it, rows of what it stands for that are staked.
    derivative_rows: BTreeMap<usize, [Option<Place>; 2]>,
    heights: BTreeMap<String, Heights>,
    /// Sums of the file that is being read, by coin.
    coins: BTreeMap<String, CoinSum>,
    /// What lots that are listed more than once come to at most.
    caps: Vec<Cap>,
    /// Assets whose totals aren't the sums of their rows.
    mismatched: BTreeSet<usize>,
}

/// The smallest figure of a lot that is listed more than once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cap {
    /// The rows that count, if they do: together they count at most `most`.
    pub(crate) rows: Vec<Place>,
    /// Base units.
    pub(crate) most: u128,
}

/// What a check says about one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowOutcome {
    /// The row.
    pub place: Place,
    /// The policy's name of its network; empty where the network isn't known.
    pub network: String,
    /// Why the row doesn't count, if it doesn't.
    pub left_out: Option<FindingCode>,
    /// Wrapped asset whose pool the row belongs to, by its place in the asset table.
    pub pool: Option<usize>,
    /// Hash of the address, without its network.
    pub(crate) address: Key,
}

#[derive(Debug)]
struct Seen {
    /// Hash of network and address as they are spelt.
    spelling: Key,
    /// The row about the whole address, and those about different outputs before it.
    whole: Option<Place>,
    outputs: Vec<Place>,
    /// Where `caps` has the sum of outputs after the row about the whole.
    cap: Option<usize>,
}

#[derive(Debug)]
struct SeenScript {
    address: Key,
    amount: Option<u128>,
    place: Place,
}

#[derive(Debug, Default)]
struct SeenDerivative {
    derivative: Option<Place>,
    staked: Option<Place>,
}

#[derive(Debug)]
struct Heights {
    lowest: (u64, Place),
    highest: (u64, Place),
}

#[derive(Debug)]
struct CoinSum {
    asset: usize,
    sum: u128,
    first: Place,
    heights: (Option<u64>, Option<u64>),
}

impl Checker {
    /// A check of rows of these assets.
    pub fn new(assets: &AssetTable, policy: &Policy) -> Self {
        Self {
            assets: assets.assets().iter().map(|asset| (asset.symbol.to_string(), asset.decimals)).collect(),
            policy: policy.index(assets),
            findings: FindingSet::default(),
            files: 0,
            rows: HashMap::new(),
            outpoints: HashMap::new(),
            scripts: HashMap::new(),
            derivatives: HashMap::new(),
            derivative_rows: BTreeMap::new(),
            heights: BTreeMap::new(),
            coins: BTreeMap::new(),
            caps: Vec::new(),
            mismatched: BTreeSet::new(),
        }
    }

    /// Says that the rows that follow are of another file.
    pub fn begin_file(&mut self) -> Result<(), ReserveError> {
        if self.files >= MAX_FILES {
            return Err(ReserveError::TooMany { what: "files", limit: MAX_FILES.into() });
        }
        self.files += 1;
        self.coins.clear();
        Ok(())
    }

    /// Takes the next row.
    pub fn row(&mut self, row: &ReserveRow) -> Result<RowOutcome, ReserveError> {
        let place = Place { file: self.files.saturating_sub(1), line: row.line };
        let address = address_key(&row.address);
        let mut outcome = RowOutcome {
            place,
            network: String::new(),
            left_out: None,
            pool: None,
            address: key(&[&address]),
        };
        self.sum(row, place)?;
        self.fields(row, &mut outcome);
        self.backing(row, &mut outcome);
        self.duplicates(row, &address, &mut outcome);
        self.derivative(row, &address, &mut outcome);
        Ok(outcome)
    }

    /// Compares the totals of a file with its rows, once all of them were taken.
    pub fn end_file(&mut self, reader: &ReserveReader) -> Result<(), ReserveError> {
        let file = self.files.saturating_sub(1);
        let mut named = BTreeSet::new();
        for total in reader.section_totals() {
            let place = Place { file, line: total.line };
            let coin = total.coin.to_lowercase();
            // Rows may name coins by network where totals name the asset.
            let of_coin = self.coins.get(&coin);
            let sum = match of_coin {
                Some(rows) => {
                    named.insert(coin.clone());
                    rows.sum
                }
                None => {
                    let mut sum = 0u128;
                    for (name, rows) in self.coins.iter().filter(|(_, rows)| rows.asset == total.asset) {
                        named.insert(name.clone());
                        sum = sum.checked_add(rows.sum).ok_or_else(|| overflow(&total.coin))?;
                    }
                    sum
                }
            };
            if sum != total.amount {
                self.mismatched.insert(total.asset);
                let difference = Difference::of(total.amount, sum);
                let text = || {
                    let coin = quote(&total.coin);
                    format!(
                        "the total of {coin} is {}, its rows sum up to {sum}: {difference} base units",
                        total.amount
                    )
                };
                self.findings.add(
                    FindingCode::TotalsMismatch,
                    &subject(&[&total.coin, &place.to_string()]),
                    &[place],
                    text,
                );
            }
            if let (Some(height), Some(rows)) = (total.height, of_coin)
                && let (Some(lowest), Some(highest)) = rows.heights
                && (lowest != height || highest != height)
            {
                let text = || {
                    let coin = quote(&total.coin);
                    format!("the total of {coin} is of height {height}, its rows of {lowest} to {highest}")
                };
                let subject = subject(&["total", &total.coin]);
                self.findings.add(FindingCode::MixedHeights, &subject, &[place, rows.first], text);
            }
        }
        if reader.has_totals() {
            for (name, rows) in self.coins.iter().filter(|(name, _)| !named.contains(*name)) {
                let text = || format!("the file has no total of {}", quote(name));
                self.findings.add(FindingCode::TotalsMissing, name, &[rows.first], text);
            }
        }
        if reader.no_line_end() {
            let text = || "the last line has no end, as in a file that was cut".to_owned();
            self.findings.add(FindingCode::NoLineEnd, &file.to_string(), &[Place { file, line: 0 }], text);
        }
        if reader.rounded() > 0 {
            let text = || format!("{} figures were rounded down", reader.rounded());
            self.findings.add(FindingCode::RoundedDown, &file.to_string(), &[Place { file, line: 0 }], text);
        }
        Ok(())
    }

    /// Adds a finding of another check about a row.
    pub(crate) fn note(&mut self, code: FindingCode, row: &ReserveRow, place: Place) {
        let text = || format!("{} of {}", quote(&row.address), quote(&row.coin));
        let subject = if code.severity() == crate::finding::Severity::Error {
            place.to_string()
        } else {
            row.network.clone()
        };
        self.findings.add(code, &subject, &[place], text);
    }

    /// Notes a wrapped asset of the entity that its pool doesn't cover.
    pub(crate) fn unbacked(&mut self, asset: usize, text: String) {
        let subject = asset.to_string();
        let places = self.derivative_rows.get(&asset).and_then(|rows| rows.first().copied().flatten());
        self.findings.add(FindingCode::UnbackedWrapped, &subject, places.as_slice(), || text);
    }

    /// What lots that are listed more than once come to at most, once all files were taken.
    pub(crate) fn caps(&mut self) -> Vec<Cap> {
        std::mem::take(&mut self.caps)
    }

    /// Whether the totals that files state of an asset are the sums of their rows.
    pub(crate) fn totals_match(&self, asset: usize) -> bool {
        !self.mismatched.contains(&asset)
    }

    /// All findings, the worst first.
    pub fn finish(mut self) -> Vec<Finding> {
        for (network, heights) in &self.heights {
            let (low, high) = (heights.lowest, heights.highest);
            if low.0 != high.0 {
                let text = || format!("rows on {} are of heights {} to {}", quote(network), low.0, high.0);
                self.findings.add(FindingCode::MixedHeights, network, &[low.1, high.1], text);
            }
        }
        for (asset, rows) in &self.derivative_rows {
            let other =
                self.policy.wrapped.get(asset).is_some_and(|(_, issuer)| *issuer == WrappedIssuer::Other);
            if let [Some(derivative), Some(staked)] = rows
                && other
            {
                let symbol = self.assets.get(*asset).map_or("", |(symbol, _)| symbol);
                let text = || format!("{symbol} and staked coins that it may stand for are both listed");
                let (code, subject) = (FindingCode::StakedAndDerivative, asset.to_string());
                self.findings.add(code, &subject, &[*derivative, *staked], text);
            }
        }
        self.findings.into_vec()
    }

    /// Sums of the file by coin, as its own totals would.
    fn sum(&mut self, row: &ReserveRow, place: Place) -> Result<(), ReserveError> {
        let amount = if row.unspendable { 0 } else { row.amount.unwrap_or(0) };
        let rows = self.coins.entry(row.coin.to_lowercase()).or_insert_with(|| CoinSum {
            asset: row.asset,
            sum: 0,
            first: place,
            heights: (None, None),
        });
        rows.sum = rows.sum.checked_add(amount).ok_or_else(|| overflow(&row.coin))?;
        if let Some(height) = row.height {
            let (lowest, highest) = rows.heights;
            rows.heights = (
                Some(lowest.map_or(height, |lowest| lowest.min(height))),
                Some(highest.map_or(height, |highest| highest.max(height))),
            );
        }
        Ok(())
    }

    /// What a row says by itself.
    fn fields(&mut self, row: &ReserveRow, outcome: &mut RowOutcome) {
        let place = outcome.place;
        match self.policy.network(&row.network) {
            Some(network) => outcome.network = network.to_owned(),
            None => {
                outcome.left_out.get_or_insert(FindingCode::UnknownNetwork);
                let text = || match row.network.as_str() {
                    "" => "no network is given".to_owned(),
                    name => format!("the policy has no network {}", quote(name)),
                };
                let subject = row.network.to_lowercase();
                self.findings.add(FindingCode::UnknownNetwork, &subject, &[place], text);
            }
        }
        let network = if outcome.network.is_empty() { &row.network } else { &outcome.network };
        if !is_plausible(&row.address) {
            outcome.left_out.get_or_insert(FindingCode::BadAddress);
            let text = || format!("{} can't be an address", quote(&row.address));
            self.findings.add(FindingCode::BadAddress, &place.to_string(), &[place], text);
        }
        if row.unspendable {
            outcome.left_out.get_or_insert(FindingCode::Unspendable);
            let text = || "the file says that nobody can spend these coins".to_owned();
            self.findings.add(FindingCode::Unspendable, network, &[place], text);
        }
        match row.amount {
            Some(0) => {
                let text = || "the amount is zero".to_owned();
                self.findings.add(FindingCode::ZeroAmount, network, &[place], text);
            }
            Some(_) => {}
            None => {
                let text = || "no amount is given".to_owned();
                self.findings.add(FindingCode::NoAmount, network, &[place], text);
            }
        }
        match row.height {
            // Names of unknown networks are as many as a file likes, so only known ones have heights.
            Some(_) if outcome.network.is_empty() => {}
            Some(height) => {
                let this = (height, place);
                let heights = self.heights.entry(network.clone());
                let heights = heights.or_insert(Heights { lowest: this, highest: this });
                if height < heights.lowest.0 {
                    heights.lowest = this;
                }
                if height > heights.highest.0 {
                    heights.highest = this;
                }
            }
            None => {
                let text = || format!("no height is given on {}", quote(network));
                self.findings.add(FindingCode::MissingHeight, network, &[place], text);
            }
        }
        if row.block_hash.is_none() {
            let text = || format!("no block hash is given on {}", quote(network));
            self.findings.add(FindingCode::MissingBlockHash, network, &[place], text);
        }
        if let OwnerClass::Other(word) = &row.owner_class {
            let text = || format!("{} is no class of owner", quote(word));
            self.findings.add(FindingCode::UnknownOwnerClass, &quote(word), &[place], text);
        }
        if let Staking::Other(word) = &row.staking {
            let text = || format!("{} is no type of staking", quote(word));
            self.findings.add(FindingCode::UnknownStaking, &quote(word), &[place], text);
        }
    }

    fn backing(&mut self, row: &ReserveRow, outcome: &mut RowOutcome) {
        let Some(symbol) = &row.backs else { return };
        let wrapped = self.assets.iter().position(|(known, _)| known == symbol);
        let fits = wrapped
            .filter(|asset| self.policy.wrapped.get(asset).is_some_and(|(native, _)| *native == row.asset));
        outcome.pool = fits;
        if fits.is_none() {
            outcome.left_out.get_or_insert(FindingCode::UnknownBacking);
            let text =
                || format!("the policy doesn't know that {} stands for {}", quote(symbol), quote(&row.coin));
            self.findings.add(FindingCode::UnknownBacking, &quote(symbol), &[outcome.place], text);
        }
    }

    fn duplicates(&mut self, row: &ReserveRow, address: &str, outcome: &mut RowOutcome) {
        let place = outcome.place;
        // A row without amount counts nothing, and audit files list what address files do.
        let Some(amount) = row.amount else { return };
        let (symbol, decimals) = self.assets.get(row.asset).cloned().unwrap_or_default();
        let network =
            if outcome.network.is_empty() { row.network.to_lowercase() } else { outcome.network.clone() };
        let mut earlier: Option<(FindingCode, Place)> = None;
        let output = row.outpoint.as_ref().map(|outpoint| key(&[&network, outpoint, &symbol]));
        if let Some(output) = output {
            match self.outpoints.get(&output) {
                Some(first) => {
                    earlier = Some((FindingCode::DuplicateOutpoint, *first));
                    self.caps.push(Cap { rows: vec![*first], most: amount });
                }
                None => {
                    self.outpoints.insert(output, place);
                }
            }
        }
        let spelling = key(&[&row.network, row.address.trim()]);
        let of_address = self.rows.entry(key(&[&network, address, &symbol]));
        let seen = of_address.or_insert(Seen { spelling, whole: None, outputs: Vec::new(), cap: None });
        // Outputs of one address may stand in many rows, but not beside a row about all of it.
        let is_output = row.outpoint.is_some();
        let clash = if is_output { seen.whole } else { seen.whole.or(seen.outputs.first().copied()) };
        if let Some(first) = clash {
            let code = if seen.spelling == spelling {
                FindingCode::DuplicateRow
            } else {
                FindingCode::DuplicateSpelling
            };
            // Of an address as a whole and the sum of its outputs, the smaller counts too.
            match (is_output, earlier, seen.whole) {
                (true, Some(_), _) => {}
                (true, None, _) => match seen.cap.and_then(|at| self.caps.get_mut(at)) {
                    Some(cap) => cap.most = cap.most.saturating_add(amount),
                    None => {
                        seen.cap = Some(self.caps.len());
                        self.caps.push(Cap { rows: vec![first], most: amount });
                    }
                },
                (false, _, Some(whole)) => self.caps.push(Cap { rows: vec![whole], most: amount }),
                (false, _, None) => self.caps.push(Cap { rows: seen.outputs.clone(), most: amount }),
            }
            earlier.get_or_insert((code, first));
        }
        if !is_output {
            seen.whole.get_or_insert(place);
        } else if seen.whole.is_none() && earlier.is_none() {
            seen.outputs.push(place);
        }
        if let Some(script) = row.script.as_deref().and_then(multisig) {
            match self.scripts.entry(key(&[&network, &script, &symbol])) {
                std::collections::hash_map::Entry::Vacant(slot) => {
                    slot.insert(SeenScript { address: outcome.address, amount: row.amount, place });
                }
                std::collections::hash_map::Entry::Occupied(seen)
                    if seen.get().address != outcome.address =>
                {
                    let seen = seen.get();
                    let (first, same) = (seen.place, seen.amount == row.amount && row.amount != Some(0));
                    if same && row.outpoint.is_none() {
                        earlier.get_or_insert((FindingCode::DuplicateScript, first));
                    } else {
                        let text = || format!("{} has the script of another address", quote(&row.address));
                        let (code, subject) = (FindingCode::SharedScript, first.to_string());
                        self.findings.add(code, &subject, &[first, place], text);
                    }
                }
                std::collections::hash_map::Entry::Occupied(_) => {}
            }
        }
        if let Some((code, first)) = earlier {
            outcome.left_out.get_or_insert(code);
            let text = || {
                let amount = format_units(amount, decimals);
                let what = row.outpoint.as_deref().unwrap_or(&row.address);
                format!("{amount} {symbol} of {} are already listed", quote(what))
            };
            self.findings.add(code, &first.to_string(), &[first, place], text);
        }
    }

    /// A derivative and the staked coins behind it are one lot of coins.
    fn derivative(&mut self, row: &ReserveRow, address: &str, outcome: &mut RowOutcome) {
        let place = outcome.place;
        let staked = row.staking.is_staked() || row.owner_class == OwnerClass::Staked;
        let mut sides = Vec::new();
        if self.policy.wrapped.contains_key(&row.asset) {
            sides.push((row.asset, false));
        }
        if staked && row.backs.is_none() {
            let of_native = self.policy.wrapped.iter().filter(|(_, (native, _))| *native == row.asset);
            sides.extend(of_native.map(|(wrapped, _)| (*wrapped, true)));
        }
        for (wrapped, staked) in sides {
            let rows = self.derivative_rows.entry(wrapped).or_default();
            if let Some(slot) = rows.get_mut(usize::from(staked)) {
                slot.get_or_insert(place);
            }
            let network = &outcome.network;
            let seen = self.derivatives.entry(key(&[network, address, &wrapped.to_string()])).or_default();
            let (this, other) = if staked {
                (&mut seen.staked, seen.derivative)
            } else {
                (&mut seen.derivative, seen.staked)
            };
            this.get_or_insert(place);
            if let Some(first) = other {
                outcome.left_out.get_or_insert(FindingCode::NativeAndDerivative);
                let symbol = self.assets.get(wrapped).map_or("", |(symbol, _)| symbol);
                let text =
                    || format!("{} holds {symbol} and, staked, what it stands for", quote(&row.address));
                let (code, subject) = (FindingCode::NativeAndDerivative, first.to_string());
                self.findings.add(code, &subject, &[first, place], text);
            }
        }
    }
}

/// A multi-signature script whatever kind of address it is put behind: bare in hexadecimal, or in a descriptor.
fn multisig(script: &str) -> Option<String> {
    let lower: String = script.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
    if let Some(at) = lower.find("multi(") {
        // `sh(wsh(sortedmulti(..)))` and `wsh(sortedmulti(..))` are the same keys.
        return lower.get(at..).and_then(|inner| inner.split(')').next()).map(Into::into);
    }
    let hex = lower.strip_prefix("0x").unwrap_or(&lower);
    let bare = hex.len() > 70
        && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
        && hex.starts_with('5')
        && hex.ends_with("ae");
    bare.then(|| hex.to_owned())
}

/// A hash of texts, each with its length, so that no two lists run into one.
fn key(parts: &[&str]) -> Key {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

fn subject(parts: &[&str]) -> String {
    parts.join("\u{1f}")
}

fn overflow(coin: &str) -> ReserveError {
    ReserveError::Overflow { what: format!("rows of {}", quote(coin)) }
}
