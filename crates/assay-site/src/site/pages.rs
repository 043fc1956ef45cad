//! The pages of a site.

use assay_reserves::{AssetLine, LiabilityProof, SolvencyReport, Units};

use super::chart::{self, Bar, Point};
use super::details::details;
use super::figures::{amount, date, moment, number, percent};
use super::{Site, SiteEpoch};
use crate::escape::escape;
use crate::{Catalogue, Language};

/// Bars of a chart.
const MAX_BARS: usize = 20;

/// All pages of a language by name.
pub(super) fn all(site: &Site<'_>, language: Language) -> Vec<(String, String)> {
    let texts = Texts(Catalogue::new(language));
    let mut pages =
        vec![("index.html".to_owned(), overview(site, &texts)), ("how.html".to_owned(), how(site, &texts))];
    for epoch in &site.epochs {
        pages.push((format!("{}/index.html", epoch.folder()), epoch_page(site, epoch, &texts)));
    }
    pages
}

/// Texts of a language, as HTML.
pub(super) struct Texts(pub(super) Catalogue);

impl Texts {
    /// The text of a key of the site.
    pub(super) fn get(&self, key: &str) -> String {
        escape(self.0.get(&format!("site.{key}")))
    }

    /// The same with values, each of which keeps its own direction.
    pub(super) fn with(&self, key: &str, values: &[(&'static str, &str)]) -> String {
        let value = |(name, value): &(&'static str, &str)| (*name, format!("<bdi>{}</bdi>", escape(value)));
        self.0.with_parts(&format!("site.{key}"), escape, &values.iter().map(value).collect::<Vec<_>>())
    }

    pub(super) fn language(&self) -> Language {
        self.0.language()
    }

    /// A text for a code of a report, or else the report's own, which is English.
    fn or_english(&self, key: &str, english: &str) -> String {
        let key = format!("site.{key}");
        if self.0.has(&key) {
            escape(self.0.get(&key))
        } else {
            format!("<span lang=\"en\" dir=\"ltr\">{}</span>", escape(english))
        }
    }

    pub(super) fn yes(&self, yes: bool) -> String {
        self.get(if yes { "yes" } else { "no" })
    }
}

/// A page around `body`. `depth` is the number of folders below the language's.
fn page(site: &Site<'_>, texts: &Texts, name: &str, depth: usize, title: &str, body: &str) -> String {
    let up = "../".repeat(depth);
    let (root, other) = match texts.language() {
        Language::English => (up.clone(), format!("{up}de/{name}")),
        Language::German => (format!("{up}../"), format!("{up}../{name}")),
    };
    let (tag, other_tag) = match texts.language() {
        Language::English => ("en", "de"),
        Language::German => ("de", "en"),
    };
    let direction = texts.0.get("language.direction");
    let latest = site.epochs.iter().rev().find(|epoch| epoch.proven).filter(|_| site.check_page.is_some());
    let check = latest.map_or_else(String::new, |epoch| {
        format!(
            "<li><a href=\"{root}{}/check.html\">{}</a></li>",
            escape(&epoch.folder()),
            texts.get("nav.check")
        )
    });
    format!(
        "<!DOCTYPE html>\n<html lang=\"{tag}\" dir=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'self'; img-src data:; \
         form-action 'none'; base-uri 'none'\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{}</title>\n<link rel=\"icon\" href=\"data:,\">\n<link rel=\"stylesheet\" href=\"{root}assets/site.css\">\n\
         </head>\n<body>\n<a class=\"skip\" href=\"#main\">{}</a>\n<header>\n<nav aria-label=\"{}\"><ul>\
         <li><a href=\"{up}index.html\">{}</a></li>{check}<li><a href=\"{up}how.html\">{}</a></li>\
         <li><a href=\"{other}\" lang=\"{other_tag}\" hreflang=\"{other_tag}\">{}</a></li></ul></nav>\n</header>\n\
         <main id=\"main\">\n{body}</main>\n</body>\n</html>\n",
        escape(direction),
        escape(title),
        texts.get("skip"),
        texts.get("nav"),
        texts.get("nav.overview"),
        texts.get("nav.how"),
        texts.get("other-language"),
    )
}

/// A table that scrolls sideways and can be reached by keyboard. Cells are HTML; those from `numbers_from` are figures.
pub(super) fn table(caption: &str, columns: &[String], numbers_from: usize, rows: &[Vec<String>]) -> String {
    let class = |at: usize| if at >= numbers_from { " class=\"number\"" } else { "" };
    let mut out = format!(
        "<div class=\"scroll\" role=\"region\" aria-label=\"{caption}\" tabindex=\"0\"><table><caption>{caption}</caption><thead><tr>"
    );
    for (at, column) in columns.iter().enumerate() {
        out.push_str(&format!("<th scope=\"col\"{}>{column}</th>", class(at)));
    }
    out.push_str("</tr></thead><tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        for (at, cell) in row.iter().enumerate() {
            match at {
                0 => out.push_str(&format!("<th scope=\"row\"><bdi>{cell}</bdi></th>")),
                _ => out.push_str(&format!("<td{}><bdi>{cell}</bdi></td>", class(at))),
            }
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
    out
}

fn verdicts(report: &SolvencyReport, texts: &Texts) -> String {
    let line = |good: bool, key: &str| {
        let (class, key) = if good { ("good", format!("{key}.yes")) } else { ("bad", format!("{key}.no")) };
        format!("<p class=\"verdict {class}\">{}</p>\n", texts.get(&key))
    };
    line(report.solvent, "counted") + &line(report.solvent_verified, "verified")
}

fn ratio(texts: &Texts, ratio: Option<Units>) -> String {
    ratio.map_or_else(|| texts.get("nothing-owed"), |ratio| escape(&percent(texts.language(), ratio)))
}

/// Chart and table of the ratios of a report.
fn ratios(report: &SolvencyReport, texts: &Texts) -> String {
    let language = texts.language();
    let mut owed: Vec<&AssetLine> = report.assets.iter().filter(|line| line.ratio_ppm.is_some()).collect();
    owed.sort_by_key(|line| (line.ratio_ppm, line.verified_ratio_ppm));
    let bars: Vec<Bar<'_>> = owed
        .iter()
        .take(MAX_BARS)
        .filter_map(|line| {
            let counted = line.ratio_ppm?;
            Some(Bar {
                label: &line.asset,
                counted,
                verified: line.verified_ratio_ppm.unwrap_or_default(),
                text: percent(language, counted),
            })
        })
        .collect();
    let mut out =
        format!("<section>\n<h2>{}</h2>\n<p>{}</p>\n", texts.get("ratios.title"), texts.get("ratios.what"));
    if owed.len() > bars.len() {
        let (shown, all) = (bars.len().to_string(), owed.len().to_string());
        out.push_str(&format!("<p>{}</p>\n", texts.with("ratios.some", &[("shown", &shown), ("all", &all)])));
    }
    let end = chart::scale_end(&bars);
    if bars.iter().any(|bar| bar.counted.0 > end.into()) {
        let most = (end / 10_000).to_string();
        out.push_str(&format!("<p>{}</p>\n", texts.with("ratios.clipped", &[("most", &most)])));
    }
    let contradict = report.assets.iter().filter(|line| !line.totals_match);
    let contradict: Vec<&str> = contradict.map(|line| line.asset.as_str()).collect();
    if !contradict.is_empty() {
        let text = texts.with("ratios.contradict", &[("assets", &contradict.join(", "))]);
        out.push_str(&format!("<p class=\"verdict bad\">{text}</p>\n"));
    }
    if !bars.is_empty() {
        out.push_str(&chart::bars(&bars, texts.0.get("site.ratios.chart")));
    }
    let rows: Vec<Vec<String>> = report
        .assets
        .iter()
        .map(|line| {
            let units = |units: Units| escape(&amount(language, units, line.decimals));
            vec![
                escape(&line.asset),
                texts.yes(line.solvent),
                units(line.liabilities.owed()),
                units(line.reserves.counted),
                ratio(texts, line.ratio_ppm),
                units(line.reserves.verified),
                ratio(texts, line.verified_ratio_ppm),
            ]
        })
        .collect();
    let most = report.liabilities.checked_by == LiabilityProof::FinalProofBounds;
    let owed = if most { "owed-most" } else { "owed" };
    let columns = ["asset", "covered", owed, "counted", "ratio", "verified", "ratio-verified"]
        .map(|key| texts.get(key));
    let table = table(&texts.get("ratios.title"), &columns, 2, &rows);
    out.push_str(&format!(
        "<details><summary>{}</summary>\n{table}</details>\n</section>\n",
        texts.get("table")
    ));
    out
}

fn lowest(report: &SolvencyReport, ratio: impl Fn(&AssetLine) -> Option<Units>) -> Option<Units> {
    report.assets.iter().filter_map(ratio).min()
}

/// Chart and table of all epochs.
fn history(site: &Site<'_>, texts: &Texts) -> String {
    let language = texts.language();
    let points: Vec<Point> = site
        .epochs
        .iter()
        .map(|epoch| Point {
            time: epoch.report.time,
            label: date(epoch.report.time),
            counted: lowest(&epoch.report, |line| line.ratio_ppm),
            verified: lowest(&epoch.report, |line| line.verified_ratio_ppm),
        })
        .collect();
    let times: Vec<u64> = points.iter().map(|point| point.time).collect();
    let gaps = chart::gaps(&times);
    let mut rows = Vec::new();
    for (at, (epoch, point)) in site.epochs.iter().zip(&points).enumerate() {
        let report = &epoch.report;
        rows.push(vec![
            format!("<a href=\"{}/index.html\">{}</a>", escape(&epoch.folder()), escape(&report.epoch)),
            format!("<time>{}</time>", escape(&point.label)),
            texts.yes(report.solvent),
            texts.yes(report.solvent_verified),
            escape(&number(language, report.accounts)),
            ratio(texts, point.counted),
            ratio(texts, point.verified),
        ]);
        if gaps.get(at) == Some(&true) {
            let mut row = vec![texts.get("history.gap")];
            row.resize(7, "–".to_owned());
            rows.push(row);
        }
    }
    let columns =
        ["epoch", "date", "covered", "verified", "accounts", "history.lowest", "history.lowest-verified"]
            .map(|key| texts.get(key));
    let title = texts.get("history.title");
    format!(
        "<section>\n<h2>{title}</h2>\n<p>{}</p>\n{}{}</section>\n",
        texts.get("history.what"),
        chart::history(&points, texts.0.get("site.history.chart"), texts.0.get("site.history.gap")),
        table(&title, &columns, 4, &rows),
    )
}

fn overview(site: &Site<'_>, texts: &Texts) -> String {
    // A site has at least one epoch.
    let Some(latest) = site.epochs.last() else { return String::new() };
    let report = &latest.report;
    let entity = report.entity.as_str();
    let title = texts.0.with("site.title", &[("entity", entity)]);
    let named = [("epoch", report.epoch.as_str()), ("date", &date(report.time))];
    let body = format!(
        "<h1>{}</h1>\n<p class=\"lead\">{}</p>\n<section class=\"card\">\n<h2><a href=\"{}/index.html\">{}</a></h2>\n{}</section>\n{}{}",
        escape(&title),
        texts.with("lead", &[("entity", entity)]),
        escape(&latest.folder()),
        texts.with("latest", &named),
        verdicts(report, texts),
        ratios(report, texts),
        history(site, texts),
    );
    page(site, texts, "index.html", 0, &title, &body)
}

fn unproven(report: &SolvencyReport, texts: &Texts) -> String {
    let line = |line: &assay_reserves::UnprovenLine| {
        let code = line.code.code();
        format!(
            "<li>{} <code>{}</code></li>\n",
            texts.or_english(&format!("unproven.{code}"), &line.text),
            escape(code)
        )
    };
    format!("<ul>\n{}</ul>\n", report.not_proven.iter().map(line).collect::<String>())
}

fn how(site: &Site<'_>, texts: &Texts) -> String {
    let Some(latest) = site.epochs.last() else { return String::new() };
    let steps: String =
        (1..=5).map(|step| format!("<li>{}</li>\n", texts.get(&format!("how.{step}")))).collect();
    let levels = ["evidence.L0", "evidence.L1", "evidence.L2", "evidence.L3", "evidence.L4"];
    let grades = ["ownership.O0", "ownership.O1", "ownership.O2", "ownership.O3", "ownership.O4"];
    let items = |keys: [&str; 5]| keys.map(|key| format!("<li>{}</li>\n", texts.get(key))).concat();
    let title = texts.0.get("site.how.title").to_owned();
    let body = format!(
        "<h1>{}</h1>\n<ol>\n{steps}</ol>\n<p class=\"verdict bad\">{}</p>\n<section><h2>{}</h2>\n<p>{}</p>\n{}</section>\n\
         <section><h2>{}</h2>\n<ul>\n{}</ul>\n<ul>\n{}</ul></section>\n",
        escape(&title),
        texts.get("how.unaudited"),
        texts.get("unproven.title"),
        texts.get("how.limits"),
        unproven(&latest.report, texts),
        texts.get("levels"),
        items(levels),
        items(grades),
    );
    page(site, texts, "how.html", 0, &title, &body)
}

/// Pairs of name and value; values are HTML.
fn facts(rows: &[(String, String)]) -> String {
    let row = |(name, value): &(String, String)| format!("<dt>{name}</dt><dd><bdi>{value}</bdi></dd>\n");
    format!("<dl class=\"facts\">\n{}</dl>\n", rows.iter().map(row).collect::<String>())
}

fn identity(epoch: &SiteEpoch, texts: &Texts) -> String {
    let report = &epoch.report;
    let source = &report.liabilities;
    let hex = |text: &str| format!("<code dir=\"ltr\">{}</code>", escape(text));
    let checked_by = match source.checked_by {
        LiabilityProof::Unverified => "source.unverified",
        LiabilityProof::Bundle => "source.bundle",
        LiabilityProof::FinalProof => "source.final-proof",
        LiabilityProof::FinalProofBounds => "source.final-proof-bounds",
    };
    let mut rows = vec![
        (texts.get("time"), escape(&moment(report.time))),
        (texts.get("accounts"), escape(&number(texts.language(), report.accounts))),
        (texts.get("source"), texts.get(checked_by)),
        (texts.get("root"), hex(&report.root)),
    ];
    let digests = [("asset-table", &source.asset_table), ("circuit", &source.circuit), ("key", &source.key)];
    for (key, digest) in digests {
        if let Some(digest) = digest {
            rows.push((texts.get(key), hex(digest)));
        }
    }
    for anchor in &source.anchors {
        rows.push((texts.get("published"), escape(&format!("{}: {}", anchor.place, anchor.reference))));
    }
    for exclusion in &source.exclusions {
        rows.push((texts.get("left-out"), escape(&format!("{}: {}", exclusion.what, exclusion.reason))));
    }
    if let Some(excluded) = source.excluded.as_ref().filter(|excluded| excluded.accounts > 0) {
        rows.push((texts.get("left-out-accounts"), escape(&number(texts.language(), excluded.accounts))));
        for line in &excluded.totals {
            let total = amount(texts.language(), line.total, line.decimals);
            rows.push((texts.get("left-out"), escape(&format!("{} {total} {}", line.kind, line.asset))));
        }
    }
    facts(&rows)
}

fn evidence(report: &SolvencyReport, texts: &Texts) -> String {
    let share = |part: Units, whole: Units| {
        // Halving both keeps the product within 128 bits; shares of that size lose nothing that is shown.
        let (mut part, mut whole) = (part.0, whole.0);
        while part > u128::MAX / 1_000_000 {
            (part, whole) = (part / 2, whole / 2);
        }
        match whole {
            0 => "–".to_owned(),
            whole => escape(&percent(texts.language(), Units(part * 1_000_000 / whole))),
        }
    };
    let rows: Vec<Vec<String>> = report
        .assets
        .iter()
        .filter(|line| line.reserves.counted.0 > 0)
        .map(|line| {
            let reserves = &line.reserves;
            let parts = reserves.by_evidence.all().into_iter().chain(reserves.by_ownership.all());
            let shares = parts.map(|part| share(part, reserves.counted));
            [escape(&line.asset)].into_iter().chain(shares).collect()
        })
        .collect();
    let columns: Vec<String> = [texts.get("asset")]
        .into_iter()
        .chain(["L0", "L1", "L2", "L3", "L4", "O0", "O1", "O2", "O3", "O4"].map(str::to_owned))
        .collect();
    let title = texts.get("evidence.title");
    format!(
        "<section>\n<h2>{title}</h2>\n<p>{}</p>\n<details><summary>{}</summary>\n{}</details>\n</section>\n",
        texts.get("evidence.what"),
        texts.get("table"),
        table(&title, &columns, 1, &rows)
    )
}

fn quality(report: &SolvencyReport, texts: &Texts) -> String {
    let quality = &report.quality;
    let share = |share: Option<u32>| match share {
        Some(ppm) => escape(&percent(texts.language(), Units(ppm.into()))),
        None => texts.get("unknown"),
    };
    let unpriced =
        if quality.unpriced.is_empty() { texts.get("none") } else { escape(&quality.unpriced.join(", ")) };
    let haircut = quality.haircut_ratio_ppm;
    let haircut = haircut.map_or_else(|| texts.get("unknown"), |ppm| escape(&percent(texts.language(), ppm)));
    let rows = [
        ("quality.own", share(quality.own_tokens_ppm)),
        ("quality.staked", share(quality.staked_ppm)),
        ("quality.derivatives", share(quality.derivatives_ppm)),
        ("quality.top1", share(quality.concentration.top_1_ppm)),
        ("quality.top10", share(quality.concentration.top_10_ppm)),
        ("quality.hhi", share(quality.concentration.hhi_ppm)),
        ("quality.haircut", haircut),
        ("quality.unpriced", unpriced),
    ]
    .map(|(key, value)| vec![texts.get(key), value]);
    let title = texts.get("quality.title");
    let columns = ["quality.figure", "quality.value"].map(|key| texts.get(key));
    format!(
        "<section>\n<h2>{title}</h2>\n<p>{}</p>\n{}</section>\n",
        texts.get("quality.what"),
        table(&title, &columns, 1, &rows)
    )
}

fn findings(report: &SolvencyReport, texts: &Texts) -> String {
    let title = texts.get("findings.title");
    let line = |finding: &assay_reserves::Finding| {
        // What was found quotes files, so it is the report's own English.
        let code = finding.code.code();
        format!(
            "<li>{}: {} <span lang=\"en\" dir=\"ltr\">{}</span> <code>{}</code></li>\n",
            texts.get(&format!("severity.{}", finding.severity.name())),
            texts.get(&format!("finding.{code}")),
            escape(&finding.text),
            escape(code)
        )
    };
    let list = if report.findings.is_empty() {
        format!("<p>{}</p>\n", texts.get("findings.none"))
    } else {
        format!("<ul>\n{}</ul>\n", report.findings.iter().map(line).collect::<String>())
    };
    format!("<section>\n<h2>{title}</h2>\n{list}</section>\n")
}

fn epoch_page(site: &Site<'_>, epoch: &SiteEpoch, texts: &Texts) -> String {
    let report = &epoch.report;
    let name = format!("{}/index.html", epoch.folder());
    // Downloads are in the folder of the English page.
    let files = match texts.language() {
        Language::English => String::new(),
        Language::German => format!("../../{}/", escape(&epoch.folder())),
    };
    let title = texts.0.with("site.epoch.title", &[("epoch", &report.epoch)]);
    let check = match (&site.check_page, epoch.proven) {
        (Some(_), true) => format!(
            "<p><a class=\"button\" href=\"{files}check.html\">{}</a></p>\n<p><a href=\"{files}check-offline.html\" download>{}</a></p>\n",
            texts.get("epoch.check"),
            texts.get("epoch.check-offline")
        ),
        _ => format!("<p>{}</p>\n", texts.get("epoch.no-check")),
    };
    let rows: Vec<Vec<String>> = Site::downloads(epoch)
        .map(|(name, bytes, digest)| {
            vec![
                format!("<a href=\"{files}{name}\" download>{name}</a>"),
                format!("<code dir=\"ltr\">{digest}</code>"),
                escape(&number(texts.language(), bytes as u64)),
            ]
        })
        .collect();
    let columns = [texts.get("file"), "SHA-256".to_owned(), texts.get("bytes")];
    let proven = texts.get(if epoch.proven { "built" } else { "not-built" });
    let body = format!(
        "<h1>{}</h1>\n<section class=\"card\">\n{}{check}</section>\n{}\
         <section>\n<h2>{}</h2>\n{}<p>{proven}</p>\n</section>\n{}{}{}{}\
         <section>\n<h2>{}</h2>\n{}</section>\n<section>\n<h2>{}</h2>\n{}\
         <p><a href=\"{files}report.html\" hreflang=\"en\">{}</a></p>\n</section>\n",
        escape(&title),
        verdicts(report, texts),
        ratios(report, texts),
        texts.get("epoch.facts"),
        identity(epoch, texts),
        evidence(report, texts),
        details(report, texts),
        quality(report, texts),
        findings(report, texts),
        texts.get("unproven.title"),
        unproven(report, texts),
        texts.get("downloads"),
        table(&texts.get("downloads"), &columns, 2, &rows),
        texts.get("full"),
    );
    page(site, texts, &name, 1, &title, &body)
}
