//! Tests over the public interface: [`vectors`] read every format, [`attacks`] play what an exchange would try, named
//! after the book's list of attacks, [`prop`] has properties.

mod attacks;
mod facts;
mod prop;
mod vectors;

use std::collections::HashMap;
use std::sync::Arc;

use assay_statement::{Amount, Asset, AssetTable, Entity, EntryKey, Epoch, Kind, Price, Symbol, Totals};

use crate::*;

const ADDRESS: &str = "0x52908400098527886E0F7030069857D2E4169EE7";
const HASH: &str = "1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d";

fn assets() -> Arc<AssetTable> {
    let asset = |symbol: &str, decimals, price| {
        let price = Some(Price { mantissa: price, scale: 2 });
        Asset { price, ..Asset::new(Symbol::new(symbol).unwrap(), decimals) }
    };
    let assets = vec![
        asset("BTC", 8, 5_000_000),
        asset("ETH", 18, 200_000),
        asset("SOL", 9, 10_000),
        asset("USDT", 6, 100),
        asset("XBTC", 8, 5_000_000),
        asset("XT", 2, 150),
        asset("stETH", 18, 200_000),
        Asset::new(Symbol::new("NOPRICE").unwrap(), 0),
    ];
    Arc::new(AssetTable::new(assets).unwrap())
}

fn index(symbol: &str) -> usize {
    assets().index_of(symbol).unwrap()
}

fn policy() -> Policy {
    Policy::from_toml(include_bytes!("../testdata/policy.toml"), &assets()).unwrap()
}

fn reader_with(name: &str, bytes: &[u8], options: ReadOptions) -> Result<ReserveReader, ReserveError> {
    let source = Source::memory(name, bytes);
    let format = ReserveFormat::detect(&source)?;
    ReserveReader::open(&source, format, assets(), &policy(), options)
}

fn reader(name: &str, text: &str) -> Result<ReserveReader, ReserveError> {
    reader_with(name, text.as_bytes(), ReadOptions::default())
}

/// Rows and findings of a file, and which rows don't count.
struct Checked {
    rows: Vec<ReserveRow>,
    left_out: Vec<Option<FindingCode>>,
    findings: Vec<Finding>,
}

impl Checked {
    fn codes(&self) -> Vec<FindingCode> {
        self.findings.iter().map(|finding| finding.code).collect()
    }

    fn finding(&self, code: FindingCode) -> &Finding {
        self.findings.iter().find(|finding| finding.code == code).unwrap_or_else(|| panic!("no {code}"))
    }
}

fn check(name: &str, text: &str) -> Checked {
    let mut reader = reader(name, text).unwrap();
    let mut checker = Checker::new(&assets(), &policy());
    checker.begin_file().unwrap();
    let (mut rows, mut left_out) = (Vec::new(), Vec::new());
    while let Some(row) = reader.next_row().unwrap() {
        left_out.push(checker.row(&row).unwrap().left_out);
        rows.push(row);
    }
    checker.end_file(&reader).unwrap();
    Checked { rows, left_out, findings: checker.finish() }
}

/// A file of our own format with these rows of `asset,network,address,amount,owner_class,staking,backs,outpoint,script`.
fn own(rows: &[&str]) -> String {
    let mut text = String::from(
        "asset,network,address,amount,owner_class,staking,backs,outpoint,script,height,block_hash\n",
    );
    for row in rows {
        let fields = row.matches(',').count() + 1;
        text.push_str(row);
        text.push_str(&",".repeat(9 - fields));
        text.push_str(&format!(",100,{HASH}\n"));
    }
    text
}

fn inputs(equity: &[(&str, u128)]) -> ReportInputs {
    let mut totals = Totals::new();
    for (symbol, amount) in equity {
        let key = EntryKey::new(index(symbol), Kind::EQUITY).unwrap();
        totals.add(key, Amount::new(*amount).unwrap()).unwrap();
    }
    ReportInputs {
        entity: Entity::new("example.org").unwrap(),
        epoch: Epoch::new("2026-q4", 1_798_675_200).unwrap(),
        root: [0xab; 32],
        accounts: 3,
        totals,
        liabilities: LiabilitySource {
            checked_by: LiabilityProof::FinalProof,
            circuit: Some("11".repeat(32)),
            key: Some("22".repeat(32)),
            asset_table: Some("33".repeat(32)),
            anchors: vec![Anchor { place: "journal".into(), reference: "page 1".into() }],
            exclusions: Vec::new(),
            excluded: None,
        },
        assets: assets(),
        policy: policy(),
        challenge: None,
        evidence: Vec::new(),
        resample: Vec::new(),
        supplies: Vec::new(),
        options: ReadOptions::default(),
    }
}

fn sources(text: &str) -> Vec<(Source, ReserveFormat)> {
    vec![(Source::memory("own.csv", text.as_bytes()), ReserveFormat::Csv)]
}

fn report(equity: &[(&str, u128)], text: &str, assessor: &mut dyn Assessor) -> SolvencyReport {
    let report = build_report(inputs(equity), &sources(text), assessor).unwrap();
    report.check().unwrap();
    report
}

fn line<'a>(report: &'a SolvencyReport, asset: &str) -> &'a AssetLine {
    report.assets.iter().find(|line| line.asset == asset).unwrap()
}

/// Grades and levels by address; claims elsewhere.
#[derive(Default)]
struct Graded(HashMap<String, (OwnershipResult, Vec<BalanceSource>)>);

impl Graded {
    fn new(rows: &[(&str, OwnershipResult, &[BalanceSource])]) -> Self {
        let entry = |(address, result, sources): &(&str, OwnershipResult, &[BalanceSource])| {
            ((*address).to_owned(), (*result, sources.to_vec()))
        };
        Self(rows.iter().map(entry).collect())
    }
}

impl Assessor for Graded {
    fn ownership(&mut self, row: &ReserveRow) -> OwnershipResult {
        self.0.get(&row.address).map_or(OwnershipResult::Unchecked, |(result, _)| *result)
    }

    fn balance(&mut self, row: &ReserveRow) -> BalanceObservations {
        let sources = self.0.get(&row.address).map(|(_, sources)| sources.clone()).unwrap_or_default();
        let seen = |source| BalanceObservation {
            source,
            height: row.height.unwrap_or(0),
            block_hash: row.block_hash.clone(),
            amount: row.amount.unwrap_or(0),
        };
        BalanceObservations(sources.into_iter().map(seen).collect())
    }
}
