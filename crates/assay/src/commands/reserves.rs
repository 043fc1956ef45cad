use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use assay_ledger::read_asset_table;
use assay_ownership::{BlockMark, Challenge, snip12_document};
use assay_reserves::{
    AddressList, Assessor, Checker, Finding, MAX_POLICY_BYTES, OwnershipResult, Policy, ReadOptions,
    Resample, ReserveFormat, ReserveReader, ReserveRow, Rounding, Severity, SignatureAssessor, Source,
};
use assay_statement::{AssetTable, hex};
use serde_json::{Value, json};

use crate::arguments::{CheckReserves, Heights, MakeChallenge, ReserveInput, Reserves};
use crate::commands::verify::parse_root;
use crate::commands::{Voice, observe, read_capped};
use crate::failure::Failure;
use crate::output::grouped;
use crate::progress::WatchedRows;

/// Bytes that a challenge can have.
const MAX_CHALLENGE_BYTES: usize = 16 << 10;

/// Findings that are listed as text; the rest is counted.
const MAX_LINES: usize = 100;

pub(crate) fn run(command: &Reserves, voice: Voice) -> Result<(), Failure> {
    match command {
        Reserves::Check(arguments) => check(arguments, voice),
        Reserves::Challenge(arguments) => challenge(arguments, voice),
        Reserves::Resample(arguments) => resample(arguments, voice),
        Reserves::Observe(arguments) => observe::run(arguments, voice),
    }
}

/// Reserve files, ready to read.
pub(crate) struct ReserveFiles {
    pub(crate) sources: Vec<(Source, ReserveFormat)>,
    pub(crate) policy: Policy,
    pub(crate) options: ReadOptions,
}

impl ReserveFiles {
    pub(crate) fn open(input: &ReserveInput, assets: &AssetTable) -> Result<Self, Failure> {
        let policy = Policy::from_toml(&read_capped(&input.policy, MAX_POLICY_BYTES)?, assets)?;
        let mut sources = Vec::with_capacity(input.files.len());
        for path in &input.files {
            let source = Source::file(path);
            let format = match input.reserve_format {
                Some(format) => format,
                None => ReserveFormat::detect(&source)?,
            };
            sources.push((source, format));
        }
        let rounding = if input.round_reserves { Rounding::Down } else { Rounding::Exact };
        Ok(Self { sources, policy, options: ReadOptions { rounding, ..ReadOptions::default() } })
    }

    /// How many addresses the files list, and the digest of the list.
    pub(crate) fn addresses(&self, assets: &Arc<AssetTable>) -> Result<(usize, [u8; 32]), Failure> {
        let mut list = AddressList::new(assets, &self.policy);
        for (source, format) in &self.sources {
            list.add_file(source, *format, assets, &self.policy, self.options.clone())?;
        }
        Ok(list.finish())
    }
}

/// Reads a challenge; one line end behind it is what editors add.
pub(crate) fn read_challenge(path: &Path) -> Result<Challenge, Failure> {
    let bytes = read_capped(path, MAX_CHALLENGE_BYTES)?;
    let unreadable = |error: String| Failure::unreadable(format_args!("{}: {error}", path.display()));
    let text = String::from_utf8(bytes).map_err(|_| unreadable("not UTF-8".into()))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Challenge::parse(text).map_err(|error| unreadable(error.to_string()))
}

/// What signatures of rows came to.
#[derive(Default)]
struct Signatures(BTreeMap<String, u64>);

impl Signatures {
    fn count(&mut self, assessor: &mut dyn Assessor, row: &ReserveRow) {
        let name = match assessor.ownership(row) {
            OwnershipResult::Unchecked => "none".to_owned(),
            OwnershipResult::Verified { grade } => format!("verified {grade}"),
            OwnershipResult::Told { grade } => format!("told {grade}"),
            OwnershipResult::Unbound => "unbound".to_owned(),
            OwnershipResult::Invalid => "invalid".to_owned(),
            OwnershipResult::Disputed => "disputed".to_owned(),
            OwnershipResult::Unsupported => "unsupported".to_owned(),
        };
        *self.0.entry(name).or_default() += 1;
    }
}

fn check(arguments: &CheckReserves, voice: Voice) -> Result<(), Failure> {
    let assets = Arc::new(read_asset_table(&arguments.assets)?);
    let files = ReserveFiles::open(&arguments.reserves, &assets)?;
    let challenge = arguments.challenge.as_deref().map(read_challenge).transpose()?;
    let mut assessor = WatchedRows::new(SignatureAssessor::new(&files.policy, challenge), voice.quiet);
    let mut checker = Checker::new(&assets, &files.policy);
    let mut signatures = Signatures::default();
    let mut rows = 0;
    for (source, format) in &files.sources {
        let mut reader =
            ReserveReader::open(source, *format, Arc::clone(&assets), &files.policy, files.options.clone())?;
        checker.begin_file()?;
        while let Some(row) = reader.next_row()? {
            let outcome = checker.row(&row)?;
            signatures.count(&mut assessor, &ReserveRow { network: outcome.network, ..row });
        }
        rows += reader.rows();
        checker.end_file(&reader)?;
    }
    let findings = checker.finish();
    let bad = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    if voice.json {
        let list: Vec<Value> =
            findings.iter().filter_map(|finding| serde_json::to_value(finding).ok()).collect();
        println!(
            "{}",
            json!({
                "version": 1, "ok": bad == 0, "rows": rows, "signatures": signatures.0, "findings": list,
            })
        );
    } else {
        println!("rows      {}", grouped(rows));
        for (name, count) in &signatures.0 {
            println!("signed    {name:<12} {:>10}", grouped(*count));
        }
        findings.iter().take(MAX_LINES).for_each(print_finding);
        if findings.len() > MAX_LINES {
            println!("... and {} more findings", findings.len() - MAX_LINES);
        }
        if findings.is_empty() {
            println!("nothing is inconsistent");
        }
    }
    if bad == 0 {
        Ok(())
    } else {
        Err(Failure::rejected("the reserve files are inconsistent").quiet_in_json())
    }
}

fn print_finding(finding: &Finding) {
    let place = finding
        .places
        .last()
        .map_or(String::new(), |place| format!("file {}, line {}", place.file, place.line));
    println!(
        "{:<8} {:<24} {place}{}: {}",
        finding.severity.name(),
        finding.code.code(),
        if finding.count > 1 { format!(" ({} rows)", grouped(finding.count)) } else { String::new() },
        finding.text
    );
}

fn challenge(arguments: &MakeChallenge, voice: Voice) -> Result<(), Failure> {
    let assets = Arc::new(read_asset_table(&arguments.assets)?);
    let files = ReserveFiles::open(&arguments.reserves, &assets)?;
    let (count, addresses) = files.addresses(&assets)?;
    let blocks = arguments.blocks.iter().map(|text| parse_block(text)).collect::<Result<Vec<_>, _>>()?;
    let challenge = Challenge::new(
        arguments.snapshot.entity.clone(),
        arguments.snapshot.epoch()?,
        parse_root(&arguments.root)?.to_bytes(),
        addresses,
        files.policy.digest()?,
        blocks,
    )
    .map_err(Failure::usage)?;
    let starknet = snip12_document(&challenge.to_text());
    let text = match (arguments.typed_data, arguments.starknet) {
        (true, _) => challenge.to_typed_data(),
        (_, true) => starknet.clone(),
        _ => challenge.to_text(),
    };
    if voice.json {
        println!(
            "{}",
            json!({
                "version": 1, "ok": true, "addresses": count, "text": challenge.to_text(),
                "typed_data": challenge.to_typed_data(), "starknet": starknet,
            })
        );
    } else {
        println!("{text}");
        eprintln!(
            "hint: sign exactly this, without the last line end; it names {} addresses",
            grouped(count as u64)
        );
    }
    Ok(())
}

fn parse_block(text: &str) -> Result<BlockMark, Failure> {
    let wrong = || Failure::usage("--block: expected network:height:hash with a hash of 64 hex digits");
    let mut parts = text.splitn(3, ':');
    let (Some(network), Some(height), Some(hash)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(wrong());
    };
    Ok(BlockMark {
        network: network.to_owned(),
        height: height.parse().map_err(|_| wrong())?,
        hash: hex::prefixed_array(hash).ok_or_else(wrong)?,
    })
}

fn resample(arguments: &Heights, voice: Voice) -> Result<(), Failure> {
    let wrong = || Failure::usage("--beacon: expected a hash of 64 hex digits");
    let beacon = hex::prefixed_array(&arguments.beacon).ok_or_else(wrong)?;
    let sample = Resample {
        entity: arguments.entity.as_str(),
        epoch: &arguments.epoch,
        network: &arguments.network,
        from: arguments.from,
        to: arguments.to,
        count: arguments.count,
    };
    let heights = sample.heights(&beacon).map_err(Failure::usage)?;
    if voice.json {
        println!("{}", json!({"version": 1, "ok": true, "heights": heights}));
    } else {
        heights.iter().for_each(|height| println!("{height}"));
    }
    Ok(())
}
