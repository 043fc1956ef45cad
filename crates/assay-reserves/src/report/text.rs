//! What a report says to people, before it is Markdown or HTML.

use assay_statement::format_units;

use super::{ExcludedAccounts, LiabilityProof, SolvencyReport, Units};

/// A part of the text. Nothing in it is escaped.
pub(super) enum Block {
    Title(String),
    Heading(&'static str),
    Paragraph(String),
    /// The verdict, and whether it is a good one.
    Verdict(String, bool),
    Table(Table),
    /// Pairs of code and text.
    List(Vec<(String, String)>),
}

pub(super) struct Table {
    pub(super) caption: &'static str,
    pub(super) columns: &'static [&'static str],
    /// Columns from this one on are numbers.
    pub(super) numbers_from: usize,
    pub(super) rows: Vec<Vec<String>>,
}

pub(super) fn blocks(report: &SolvencyReport) -> Vec<Block> {
    let mut blocks = vec![
        Block::Title(format!("Solvency report of {}, {}", report.entity, report.epoch)),
        Block::Verdict(verdict(report.solvent, "Counted"), report.solvent),
        Block::Verdict(verdict(report.solvent_verified, "Verified"), report.solvent_verified),
        Block::Paragraph(format!(
            "Counted reserves include mere claims. Verified are those of ownership {} and evidence {} at least.",
            report.policy.minimum_ownership.name(),
            report.policy.minimum_evidence.name()
        )),
        Block::Heading("Assets"),
        Block::Table(assets(report)),
        Block::Heading("Evidence"),
        Block::Table(evidence(report)),
        Block::Heading("Liabilities"),
        Block::Table(liabilities(report)),
        Block::Table(source(report)),
    ];
    if let Some(excluded) = &report.liabilities.excluded {
        blocks.push(Block::Paragraph(left_out(excluded)));
        if !excluded.totals.is_empty() {
            blocks.push(Block::Table(left_out_totals(excluded)));
        }
    }
    if !report.wrapped.is_empty() {
        blocks.push(Block::Heading("Wrapped assets"));
        blocks.push(Block::Table(wrapped(report)));
    }
    blocks.push(Block::Heading("Quality"));
    blocks.push(Block::Table(quality(report)));
    blocks.push(Block::Heading("Findings"));
    if report.findings.is_empty() {
        blocks.push(Block::Paragraph("None.".into()));
    } else {
        blocks.push(Block::Table(findings(report)));
    }
    if report.failures.count > 0 {
        blocks.push(Block::Heading("Rows that fail"));
        blocks.push(Block::Paragraph(format!("{} rows, of which the first are:", report.failures.count)));
        blocks.push(Block::Table(failures(report)));
    }
    blocks.push(Block::Heading("Files"));
    blocks.push(Block::Table(files(report)));
    if !report.resampled.is_empty() {
        blocks.push(Block::Table(resampled(report)));
    }
    if !report.coin_ages.is_empty() {
        blocks.push(Block::Table(coin_ages(report)));
    }
    if !report.evidence.is_empty() {
        blocks.push(Block::Table(evidence_files(report)));
    }
    blocks.push(Block::Heading("What is not proven"));
    let line = |line: &super::UnprovenLine| (line.code.code().to_owned(), line.text.clone());
    blocks.push(Block::List(report.not_proven.iter().map(line).collect()));
    blocks
}

fn verdict(solvent: bool, which: &str) -> String {
    let reach = if solvent { "reach" } else { "do not reach" };
    format!("{which} reserves {reach} what is owed, asset by asset.")
}

fn covered(line: &super::AssetLine) -> &'static str {
    match (line.solvent, line.totals_match) {
        (true, _) => "yes",
        (false, true) => "NO",
        (false, false) => "NO: totals and rows differ",
    }
}

fn assets(report: &SolvencyReport) -> Table {
    let row = |line: &super::AssetLine| {
        let amount = |units: Units| format_units(units.0, line.decimals);
        vec![
            line.asset.clone(),
            covered(line).into(),
            if line.solvent_verified { "yes" } else { "NO" }.into(),
            amount(line.liabilities.owed()),
            amount(line.reserves.counted),
            percent(line.ratio_ppm),
            amount(line.reserves.verified),
            percent(line.verified_ratio_ppm),
            amount(line.reserves.pool),
            amount(line.reserves.left_out),
        ]
    };
    Table {
        caption: "Liabilities and reserves per asset, in whole units",
        columns: &[
            "asset",
            "covered",
            "covered by verified",
            "owed",
            "counted",
            "ratio",
            "verified",
            "verified ratio",
            "pools",
            "left out",
        ],
        numbers_from: 3,
        rows: report.assets.iter().map(row).collect(),
    }
}

fn evidence(report: &SolvencyReport) -> Table {
    let row = |line: &super::AssetLine| {
        let (levels, grades) = (line.reserves.by_evidence.all(), line.reserves.by_ownership.all());
        let amounts = levels.into_iter().chain(grades).map(|units| format_units(units.0, line.decimals));
        [line.asset.clone()].into_iter().chain(amounts).collect()
    };
    Table {
        caption: "Counted reserves by level of evidence (L) and grade of ownership (O)",
        columns: &["asset", "L0", "L1", "L2", "L3", "L4", "O0", "O1", "O2", "O3", "O4"],
        numbers_from: 1,
        rows: report.assets.iter().map(row).collect(),
    }
}

fn decimals(report: &SolvencyReport, asset: &str) -> u8 {
    report.assets.iter().find(|line| line.asset == asset).map_or(0, |line| line.decimals)
}

fn resampled(report: &SolvencyReport) -> Table {
    let row = |line: &super::ResampledLine| {
        let amount = |units: Units| format_units(units.0, decimals(report, &line.asset));
        vec![
            line.network.clone(),
            line.asset.clone(),
            line.heights.len().to_string(),
            amount(line.listed),
            amount(line.least),
            line.least_at.to_string(),
            line.unseen.to_string(),
        ]
    };
    Table {
        caption: "Least balances at heights that nobody knew before",
        columns: &["network", "asset", "heights", "listed", "least", "at height", "without proof"],
        numbers_from: 2,
        rows: report.resampled.iter().map(row).collect(),
    }
}

fn coin_ages(report: &SolvencyReport) -> Table {
    let row = |line: &super::CoinAgeLine| {
        let amount = |units: Units| format_units(units.0, decimals(report, &line.asset));
        let amounts = line.amounts.iter().map(|units| amount(*units)).collect::<Vec<_>>().join(" / ");
        let ends = line.ends.iter().map(u64::to_string).collect::<Vec<_>>().join(" / ");
        vec![line.network.clone(), line.asset.clone(), ends, amounts, amount(line.unknown)]
    };
    Table {
        caption: "Ages of listed outputs in blocks, and amounts younger than each end and at last older than all",
        columns: &["network", "asset", "ends", "amounts", "age unknown"],
        numbers_from: 2,
        rows: report.coin_ages.iter().map(row).collect(),
    }
}

fn evidence_files(report: &SolvencyReport) -> Table {
    let row = |line: &super::EvidenceLine| {
        let height = line.height.to_string();
        vec![line.network.clone(), height, line.hash.clone(), line.format.clone(), line.digest.clone()]
    };
    Table {
        caption: "Evidence, checked against the named blocks",
        columns: &["network", "height", "block", "format", "BLAKE3"],
        numbers_from: usize::MAX,
        rows: report.evidence.iter().map(row).collect(),
    }
}

fn liabilities(report: &SolvencyReport) -> Table {
    let row = |line: &super::AssetLine| {
        let owed = &line.liabilities;
        let amount = |units: Units| format_units(units.0, line.decimals);
        let products = owed.products.iter().map(|(kind, units)| format!("{kind} {}", amount(*units)));
        let products = products.collect::<Vec<_>>().join(", ");
        vec![line.asset.clone(), amount(owed.equity), amount(owed.excluded), amount(owed.debt), products]
    };
    Table {
        caption: "Liabilities by kind; nothing is netted",
        columns: &["asset", "equity", "left out", "debt", "under products"],
        numbers_from: 1,
        rows: report.assets.iter().map(row).collect(),
    }
}

fn source(report: &SolvencyReport) -> Table {
    let source = &report.liabilities;
    let checked = match source.checked_by {
        LiabilityProof::Unverified => "not at all",
        LiabilityProof::Bundle => "bundle of segment proofs",
        LiabilityProof::FinalProof => "final proof",
        LiabilityProof::FinalProofBounds => {
            "final proof; accounts and what is owed are at most these figures"
        }
    };
    let mut rows = vec![
        vec!["checked by".into(), checked.into()],
        vec!["root".into(), report.root.clone()],
        vec!["accounts".into(), report.accounts.to_string()],
        vec!["time, seconds since 1970-01-01 UTC".into(), report.time.to_string()],
    ];
    let digests = [("circuit", &source.circuit), ("key", &source.key), ("asset table", &source.asset_table)];
    for (name, digest) in digests {
        if let Some(digest) = digest {
            rows.push(vec![name.into(), digest.clone()]);
        }
    }
    for anchor in &source.anchors {
        rows.push(vec!["published".into(), format!("{}: {}", anchor.place, anchor.reference)]);
    }
    for exclusion in &source.exclusions {
        rows.push(vec!["left out".into(), format!("{}: {}", exclusion.what, exclusion.reason)]);
    }
    if let Some(challenge) = &report.challenge {
        rows.push(vec!["challenge to sign, SHA-256".into(), challenge.digest.clone()]);
        for block in &challenge.blocks {
            let text = format!("{} {} {}", block.network, block.height, block.hash);
            rows.push(vec!["challenge is younger than".into(), text]);
        }
    }
    Table { caption: "Statement of liabilities", columns: &["what", "is"], numbers_from: 2, rows }
}

fn left_out(excluded: &ExcludedAccounts) -> String {
    match excluded.accounts {
        0 => "The entity says that it left out no account below water.".into(),
        accounts => format!(
            "Accounts below water that the entity left out: {accounts}. What they hold is owed too, and reserves have to \
             reach it; no proof covers what is said of them."
        ),
    }
}

fn left_out_totals(excluded: &ExcludedAccounts) -> Table {
    let row = |line: &super::ExcludedTotal| {
        vec![line.asset.clone(), line.kind.clone(), format_units(line.total.0, line.decimals)]
    };
    Table {
        caption: "Left out of the statement, in whole units",
        columns: &["asset", "kind", "total"],
        numbers_from: 2,
        rows: excluded.totals.iter().map(row).collect(),
    }
}

fn wrapped(report: &SolvencyReport) -> Table {
    let row = |line: &super::WrappedLine| {
        let supplies = line.supplies.iter().map(|supply| {
            let by = if supply.proven { "proven" } else { "claimed" };
            let known = |supply: Units| format!("{} ({by})", supply.0);
            format!("{} {}", supply.network, supply.supply.map_or("unknown".into(), known))
        });
        vec![
            line.asset.clone(),
            line.native.clone(),
            if line.covered { "yes" } else { "NO" }.into(),
            supplies.collect::<Vec<_>>().join(", "),
            line.supply.0.to_string(),
            line.pool.0.to_string(),
        ]
    };
    Table {
        caption: "Pools behind wrapped assets, in base units",
        columns: &["asset", "stands for", "covered", "supplies", "supply, native", "pool, native"],
        numbers_from: 4,
        rows: report.wrapped.iter().map(row).collect(),
    }
}

fn quality(report: &SolvencyReport) -> Table {
    let quality = &report.quality;
    let top = &quality.concentration;
    let share = |share: Option<u32>| percent(share.map(|share| Units(share.into())));
    let value = |units: Units| format_units(units.0, 6);
    let mut rows = vec![
        vec!["value of counted reserves".into(), value(quality.value)],
        vec!["value of what is owed".into(), value(quality.equity_value)],
        vec!["value after haircuts".into(), value(quality.haircut_value)],
        vec!["haircut-adjusted ratio (across assets)".into(), percent(quality.haircut_ratio_ppm)],
        vec!["own tokens".into(), share(quality.own_tokens_ppm)],
        vec!["staked".into(), share(quality.staked_ppm)],
        vec!["derivatives of others".into(), share(quality.derivatives_ppm)],
        vec!["addresses with value".into(), top.addresses.to_string()],
        vec!["largest address".into(), share(top.top_1_ppm)],
        vec!["4 largest addresses".into(), share(top.top_4_ppm)],
        vec!["10 largest addresses".into(), share(top.top_10_ppm)],
        vec!["Herfindahl index".into(), share(top.hhi_ppm)],
    ];
    for line in &quality.stablecoins {
        rows.push(vec![format!("stablecoins of {}", line.issuer), share(line.ppm)]);
    }
    for line in quality.classes.iter().filter(|line| line.rows > 0) {
        rows.push(vec![format!("kept {}", line.class), share(line.ppm)]);
    }
    if !quality.unpriced.is_empty() {
        rows.push(vec!["without price, in no figure here".into(), quality.unpriced.join(", ")]);
    }
    Table {
        caption: "What counted reserves are made of",
        columns: &["figure", "value"],
        numbers_from: 1,
        rows,
    }
}

fn findings(report: &SolvencyReport) -> Table {
    let row = |finding: &crate::finding::Finding| {
        let places = finding.places.iter().map(|place| format!("{}:{}", place.file, place.line));
        vec![
            finding.severity.name().into(),
            finding.code.code().into(),
            finding.text.clone(),
            places.collect::<Vec<_>>().join(" "),
            finding.count.to_string(),
        ]
    };
    Table {
        caption: "What is inconsistent; places are file:line",
        columns: &["severity", "code", "finding", "first places", "rows"],
        numbers_from: 4,
        rows: report.findings.iter().map(row).collect(),
    }
}

fn failures(report: &SolvencyReport) -> Table {
    let row = |failure: &super::Failure| {
        vec![format!("{}:{}", failure.place.file, failure.place.line), failure.code.code().into()]
    };
    // Markdown and HTML are for reading; the JSON has up to a thousand.
    Table {
        caption: "Rows that don't count, or count as claims only",
        columns: &["file:line", "code"],
        numbers_from: 2,
        rows: report.failures.rows.iter().take(100).map(row).collect(),
    }
}

fn files(report: &SolvencyReport) -> Table {
    let row = |file: &super::FileSummary| {
        vec![
            file.digest.clone(),
            file.format.clone(),
            file.bytes.to_string(),
            file.rows.to_string(),
            file.rounded.to_string(),
        ]
    };
    Table {
        caption: "Files of reserves",
        columns: &["BLAKE3", "format", "bytes", "rows", "rounded down"],
        numbers_from: 2,
        rows: report.files.iter().map(row).collect(),
    }
}

/// Whether a character shows another text than there is: controls, and marks without width or of direction.
pub(super) fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}

/// Parts per million as percent; a dash where there is no ratio.
fn percent(ppm: Option<Units>) -> String {
    ppm.map_or("–".into(), |ppm| format!("{} %", format_units(ppm.0, 4)))
}
