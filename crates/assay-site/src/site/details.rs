//! Parts of a report that only some reports have: blocks of evidence, wrapped assets, earlier balances, ages of coins.

use assay_reserves::{CoinAgeLine, EvidenceLine, ResampledLine, SolvencyReport, Units, WrappedLine};

use super::figures::{amount, moment, number};
use super::pages::{Texts, table};
use crate::escape::escape;

/// All of them, in order; nothing where the report has none.
pub(super) fn details(report: &SolvencyReport, texts: &Texts) -> String {
    [blocks(report, texts), wrapped(report, texts), resampled(report, texts), ages(report, texts)].concat()
}

/// A section around a table; nothing without rows. Keys are those of the site's texts, `key` the section's.
fn section(texts: &Texts, key: &str, columns: &[&str], numbers_from: usize, rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let title = texts.get(&format!("{key}.title"));
    let columns: Vec<String> = columns.iter().map(|key| texts.get(key)).collect();
    format!(
        "<section>\n<h2>{title}</h2>\n<p>{}</p>\n{}</section>\n",
        texts.get(&format!("{key}.what")),
        table(&title, &columns, numbers_from, rows)
    )
}

fn blocks(report: &SolvencyReport, texts: &Texts) -> String {
    // A block may have several files of evidence.
    let block = |line: &EvidenceLine| (line.network.clone(), line.height, line.hash.clone(), line.time);
    let mut blocks: Vec<_> = report.evidence.iter().map(block).collect();
    blocks.sort();
    blocks.dedup();
    let rows: Vec<Vec<String>> = blocks
        .into_iter()
        .map(|(network, height, hash, time)| {
            vec![
                escape(&network),
                escape(&number(texts.language(), height)),
                format!("<time>{}</time>", escape(&moment(time))),
                format!("<code dir=\"ltr\">{}</code>", escape(&hash)),
            ]
        })
        .collect();
    section(texts, "blocks", &["network", "height", "time", "block"], 4, &rows)
}

/// Base units of an asset in whole units.
fn units(report: &SolvencyReport, texts: &Texts, asset: &str, units: Units) -> String {
    let line = report.assets.iter().find(|line| line.asset == asset);
    escape(&amount(texts.language(), units, line.map_or(0, |line| line.decimals)))
}

fn wrapped(report: &SolvencyReport, texts: &Texts) -> String {
    let row = |line: &WrappedLine| {
        let native = |amount: Units| units(report, texts, &line.native, amount);
        let claimed = line.supplies.iter().filter(|supply| !supply.proven);
        let claimed: Vec<&str> = claimed.map(|supply| supply.network.as_str()).collect();
        vec![
            escape(&line.asset),
            escape(&line.native),
            texts.yes(line.covered),
            match claimed.as_slice() {
                [] => texts.yes(true),
                claimed => texts.with("wrapped.unproven-on", &[("networks", &claimed.join(", "))]),
            },
            native(line.supply),
            native(line.pool),
        ]
    };
    let columns =
        ["asset", "wrapped.native", "wrapped.covered", "wrapped.proven", "wrapped.supply", "wrapped.pool"];
    section(texts, "wrapped", &columns, 4, &report.wrapped.iter().map(row).collect::<Vec<_>>())
}

fn resampled(report: &SolvencyReport, texts: &Texts) -> String {
    let row = |line: &ResampledLine| {
        let count = |count: u64| escape(&number(texts.language(), count));
        vec![
            escape(&line.network),
            escape(&line.asset),
            format!("{}–{}", count(line.from), count(line.to)),
            count(line.heights.len() as u64),
            units(report, texts, &line.asset, line.listed),
            units(report, texts, &line.asset, line.least),
            count(line.least_at),
            count(line.unseen),
        ]
    };
    let columns = [
        "network",
        "asset",
        "resampled.range",
        "resampled.count",
        "resampled.listed",
        "resampled.least",
        "resampled.least-at",
        "resampled.unseen",
    ];
    section(texts, "resampled", &columns, 3, &report.resampled.iter().map(row).collect::<Vec<_>>())
}

/// A row for each bucket, and one for outputs of unknown age.
fn ages(report: &SolvencyReport, texts: &Texts) -> String {
    let rows = |line: &CoinAgeLine| {
        let count = |count: u64| number(texts.language(), count);
        let below = line.ends.iter().map(|end| texts.with("ages.below", &[("end", &count(*end))]));
        let oldest = line.ends.last().map_or(0, |end| *end);
        let labels = below.chain([texts.with("ages.from", &[("end", &count(oldest))])]);
        let row = |label: String, outputs: String, amount: Units| {
            vec![
                escape(&line.network),
                escape(&line.asset),
                label,
                outputs,
                units(report, texts, &line.asset, amount),
            ]
        };
        let known = labels.zip(line.outputs.iter().zip(&line.amounts));
        let mut rows: Vec<Vec<String>> =
            known.map(|(label, (outputs, amount))| row(label, escape(&count(*outputs)), *amount)).collect();
        rows.push(row(texts.get("unknown"), "–".to_owned(), line.unknown));
        rows
    };
    let columns = ["network", "asset", "ages.age", "ages.outputs", "ages.amount"];
    section(texts, "ages", &columns, 3, &report.coin_ages.iter().flat_map(rows).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use assay_reserves::{
        ClaimsOnly, LiabilityProof, LiabilitySource, Policy, ReadOptions, ReportInputs, SupplyLine,
        build_report,
    };
    use assay_statement::{Asset, AssetTable, Entity, Epoch, Symbol, Totals};

    use super::*;
    use crate::{Catalogue, LANGUAGES};

    /// An empty report.
    fn report() -> SolvencyReport {
        let assets = AssetTable::new(vec![Asset::new(Symbol::new("A").unwrap(), 0)]).unwrap();
        let policy = b"version = 1\nminimum_ownership = \"O0\"\nminimum_evidence = \"L0\"\n";
        let inputs = ReportInputs {
            entity: Entity::new("example.org").unwrap(),
            epoch: Epoch::new("2026-q4", 1_798_675_200).unwrap(),
            root: [0; 32],
            accounts: 1,
            totals: Totals::new(),
            liabilities: LiabilitySource {
                excluded: None,
                checked_by: LiabilityProof::Unverified,
                circuit: None,
                key: None,
                asset_table: None,
                anchors: Vec::new(),
                exclusions: Vec::new(),
            },
            policy: Policy::from_toml(policy, &assets).unwrap(),
            assets: Arc::new(assets),
            challenge: None,
            evidence: Vec::new(),
            resample: Vec::new(),
            supplies: Vec::new(),
            options: ReadOptions::default(),
        };
        build_report(inputs, &[], &mut ClaimsOnly).unwrap()
    }

    #[test]
    fn nothing_of_what_a_report_lacks() {
        for language in LANGUAGES {
            assert_eq!(details(&report(), &Texts(Catalogue::new(language))), "");
        }
    }

    #[test]
    fn every_part_is_shown_and_escaped() {
        let mut report = report();
        let line = EvidenceLine {
            network: "net<1>".into(),
            height: 1_234_567,
            hash: "ab".repeat(32),
            time: 1_798_675_200,
            format: "f".into(),
            bytes: 1,
            digest: "d".into(),
        };
        report.evidence = vec![line.clone(), EvidenceLine { digest: "e".into(), ..line }];
        let supply =
            |network: &str, proven| SupplyLine { network: network.into(), supply: Some(Units(5)), proven };
        report.wrapped = vec![WrappedLine {
            asset: "WA".into(),
            native: "A".into(),
            supplies: vec![supply("shown", true), supply("said", false)],
            supply: Units(10_001),
            pool: Units(7),
            covered: false,
        }];
        report.resampled = vec![ResampledLine {
            network: "n".into(),
            asset: "A".into(),
            beacon: "00".into(),
            from: 1_000,
            to: 2_000,
            heights: vec![1_500, 1_600],
            listed: Units(90_000),
            least: Units(80_000),
            least_at: 1_600,
            unseen: 3,
        }];
        report.coin_ages = vec![CoinAgeLine {
            network: "n".into(),
            asset: "A".into(),
            ends: vec![144, 4_320],
            amounts: vec![Units(11), Units(12), Units(13)],
            outputs: vec![1, 2, 3],
            unknown: Units(4_444),
        }];
        let html = details(&report, &Texts(Catalogue::new(crate::Language::English)));
        assert_eq!(html.matches("net&lt;1&gt;").count(), 1, "one block of two files");
        for shown in [
            "1,234,567",
            "2026-12-31T00:00:00Z",
            "not on: <bdi>said</bdi><",
            ">NO<",
            "10,001",
            "1,000–2,000",
            "80,000",
            "1,600",
            "below <bdi>144</bdi>",
            "below <bdi>4,320</bdi>",
            "<bdi>4,320</bdi> and more<",
            "4,444",
        ] {
            assert!(html.contains(shown), "{shown}");
        }
        assert!(!html.contains("site."), "a text is missing");
        let german = details(&report, &Texts(Catalogue::new(crate::Language::German)));
        assert!(german.contains("nicht auf: <bdi>said</bdi><") && german.contains("10.001"));
        assert_eq!(german.matches("<section>").count(), 4);
    }
}
