use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::demo::DEMO;
use crate::exchange::{Answer, arguments, assay};

/// The smallest thing that is a module: pages around it are whole, but verify nothing.
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

fn report() -> PathBuf {
    DEMO.dir.join("report/report.json")
}

/// A changed copy of the demo's report, still in its canonical form, in a folder of its own.
fn changed(folder: &Path, name: &str, changes: &[(&str, &str)]) -> PathBuf {
    let mut text = fs::read_to_string(report()).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let folder = folder.join(name);
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("report.json");
    fs::write(&path, text).unwrap();
    path
}

fn build(reports: &[PathBuf], out: &Path) -> Answer {
    let more = arguments!["--out", out];
    assay(arguments!["site", "build"].into_iter().chain(reports.iter().map(Into::into)).chain(more))
}

/// Every page of a site.
fn pages(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(pages(&path));
        } else if path.extension().is_some_and(|end| end == "html") {
            found.push((path.clone(), fs::read_to_string(path).unwrap()));
        }
    }
    found
}

#[test]
fn a_site_of_the_demo() {
    let folder = tempfile::tempdir().unwrap();
    let (out, module) = (folder.path().join("site"), folder.path().join("assay.wasm"));
    fs::write(&module, MODULE).unwrap();
    let said = assay(arguments!["site", "build", report(), "--verifier", &module, "--out", &out, "--json"])
        .is(0)
        .json();
    assert!(said["files"].as_u64().unwrap() > 12);
    let epoch = out.join("epoch-2026-q4");
    for name in [
        "report.json",
        "report.html",
        "report.md",
        "totals.json",
        "proof.assay",
        "check.html",
        "check-offline.html",
    ] {
        assert!(epoch.join(name).exists(), "{name}");
    }
    assert_eq!(fs::read(epoch.join("proof.assay")).unwrap(), fs::read(DEMO.dir.join("proof.assay")).unwrap());
    let html = fs::read_to_string(epoch.join("index.html")).unwrap();
    let totals: Value = serde_json::from_slice(&fs::read(DEMO.dir.join("totals.json")).unwrap()).unwrap();
    for shown in [&DEMO.root, totals["circuit"].as_str().unwrap(), totals["asset_table"].as_str().unwrap()] {
        assert!(html.contains(shown), "{shown}");
    }
    // Every link of every page leads to a file, and nothing comes from elsewhere.
    for (path, html) in pages(&out) {
        assert!(!html.contains("http://") && !html.contains("https://"), "{}", path.display());
        for link in html.split("href=\"").skip(1).filter_map(|part| part.split('"').next()) {
            if !link.starts_with(['#', 'd']) || link.starts_with("de/") {
                assert!(path.parent().unwrap().join(link).exists(), "{}: {link}", path.display());
            }
        }
        let offline = path.ends_with("check-offline.html");
        let check = offline || path.ends_with("check.html");
        assert_eq!(html.contains("<script"), check, "{}", path.display());
    }
    // A folder with something in it is left alone.
    build(&[report()], &out).is(2);
}

#[test]
fn hostile_reports() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name);
    let script = "<script>alert(1)</script>";
    let demo: Value = serde_json::from_slice(&fs::read(report()).unwrap()).unwrap();
    let first = demo["assets"][0]["asset"].as_str().unwrap();
    // It sorts before all symbols, so the report is well formed but for its taste.
    let quoted = format!("\"asset\":\"{first}\"");
    let evil = changed(folder.path(), "evil", &[(&quoted, &format!("\"asset\":\"{script}\""))]);
    let dots = changed(folder.path(), "dots", &[("\"epoch\":\"2026-q4\"", "\"epoch\":\"..\"")]);
    let entity = ("\"entity\":\"demo.example\"", "\"entity\":\"other.example\"");
    let other = changed(folder.path(), "other", &[entity]);
    let next = changed(folder.path(), "next", &[("\"epoch\":\"2026-q4\"", "\"epoch\":\"2027-q1\"")]);

    let site = out("site-evil");
    build(&[evil], &site).is(0);
    let shown = pages(&site);
    assert!(shown.iter().any(|(_, html)| html.contains("&lt;script&gt;")));
    for (path, html) in shown {
        assert!(!html.contains("<script"), "{}", path.display());
    }
    // An epoch of dots stays in its folder.
    let site = out("site-dots");
    build(&[dots], &site).is(0);
    assert!(site.join("epoch-..").is_dir() && !folder.path().join("index.html").exists());

    build(&[report(), report()], &out("twice")).is(2);
    build(&[report(), other], &out("mixed")).is(2);
    // Two epochs of one entity; the changed one has neither totals nor proof.
    build(&[next, report()], &out("two")).is(0);
    for left in ["twice", "mixed"] {
        assert!(!out(left).exists(), "{left}");
    }
    let junk = changed(folder.path(), "junk", &[("{", "[")]);
    build(&[junk], &out("junk-site")).is(3);
    build(&[folder.path().join("missing")], &out("missing-site")).is(4);
}

#[test]
fn totals_of_another_report() {
    let folder = tempfile::tempdir().unwrap();
    let path = changed(folder.path(), "epoch", &[("\"epoch\":\"2026-q4\"", "\"epoch\":\"2027-q1\"")]);
    fs::copy(DEMO.dir.join("totals.json"), path.with_file_name("totals.json")).unwrap();
    build(&[path], &folder.path().join("site")).is(1);
    assert!(!folder.path().join("site").exists());
}
