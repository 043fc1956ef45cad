//! The corpus of `testdata/conformance` against the command line and against the browser's module, natively.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::demo::DEMO;
use crate::exchange::{another, answer, command};

const FILES: [&str; 4] = ["receipt", "proof", "totals", "report"];

type Files = BTreeMap<&'static str, Option<Vec<u8>>>;

/// What a case starts from.
fn base() -> (Map<String, Value>, Files) {
    let dir = &DEMO.dir;
    let names = ["receipt.json", "proof.assay", "totals.json", "report/report.json"];
    let files: Files = FILES
        .into_iter()
        .zip(names)
        .map(|(name, file)| (name, Some(fs::read(dir.join(file)).unwrap())))
        .collect();
    let totals: Value = serde_json::from_slice(files["totals"].as_ref().unwrap()).unwrap();
    let mut request = Map::new();
    for field in ["entity", "epoch", "time", "root", "asset_table"] {
        request.insert(field.into(), totals[field].clone());
    }
    request.insert("uid".into(), DEMO.uid.as_str().into());
    request.insert("second_root".into(), Value::Null);
    (request, files)
}

/// Words of the manifest in a value.
fn word(value: &Value) -> Value {
    let Some(text) = value.as_str() else { return value.clone() };
    text.replace("$root", &DEMO.root)
        .replace("$other", &another(&DEMO.root))
        .replace("$uid", &DEMO.uid)
        .replace("$UID", &DEMO.uid.to_uppercase())
        .into()
}

/// The place of a pointer and the last part of it.
fn place<'a, 'b>(document: &'a mut Value, pointer: &'b str) -> (&'a mut Value, &'b str) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    (document.pointer_mut(parent).unwrap(), key)
}

/// The file after an operation; nothing if there is no file then.
fn changed(bytes: Vec<u8>, operation: &Value, files: &Files) -> Option<Vec<u8>> {
    let text = |field: &str| operation[field].as_str().unwrap().to_owned();
    let number = |field: &str| operation[field].as_i64().unwrap();
    let edited = |edit: &dyn Fn(&mut Value)| {
        let mut document: Value = serde_json::from_slice(&bytes).unwrap();
        edit(&mut document);
        Some(document.to_string().into_bytes())
    };
    match operation["op"].as_str().unwrap() {
        "none" => None,
        "set" => edited(&|document| match place(document, &text("pointer")) {
            (Value::Array(list), key) => list[key.parse::<usize>().unwrap()] = word(&operation["value"]),
            (object, key) => object[key] = word(&operation["value"]),
        }),
        "remove" => edited(&|document| match place(document, &text("pointer")) {
            (Value::Array(list), key) => drop(list.remove(key.parse().unwrap())),
            (object, key) => drop(object.as_object_mut().unwrap().remove(key)),
        }),
        "copy" => edited(&|document| {
            let value = document.pointer(&text("from")).unwrap().clone();
            let pointer = text("pointer");
            let (list, key) = place(document, &pointer);
            list.as_array_mut().unwrap().insert(key.parse().unwrap(), value);
        }),
        "flip-bit" => edited(&|document| {
            let value = document.pointer_mut(&text("pointer")).unwrap();
            *value = (value.as_u64().unwrap() ^ 1).into();
        }),
        "truncate" => Some(bytes[..number("length") as usize].to_vec()),
        "append" => Some([bytes, vec![number("byte") as u8; number("count") as usize]].concat()),
        "xor" => {
            let mut bytes = bytes;
            let at = number("at");
            let at = if at < 0 { bytes.len() - at.unsigned_abs() as usize } else { at as usize };
            bytes[at] ^= number("with") as u8;
            Some(bytes)
        }
        "bytes" => Some(text("text").into_bytes()),
        "bytes-of" => files[text("file").as_str()].clone(),
        "link" => {
            let json = String::from_utf8(bytes).unwrap();
            Some(
                format!("https://site.example/check.html#{}", assay_verdict::encode_link(&json)).into_bytes(),
            )
        }
        other => panic!("unknown operation {other}"),
    }
}

/// The case on the command line: exit code and object.
fn on_the_command_line(folder: &Path, request: &Map<String, Value>, files: &Files) -> (i32, Value) {
    let text = |field: &str| match &request[field] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut command = command();
    command.args(["verify-receipt", "--json"]);
    for (option, field) in [
        ("--uid", "uid"),
        ("--entity", "entity"),
        ("--epoch", "epoch"),
        ("--time", "time"),
        ("--root", "root"),
        ("--asset-table", "asset_table"),
        ("--second-root", "second_root"),
    ] {
        if !request[field].is_null() {
            command.arg(option).arg(text(field));
        }
    }
    for (name, bytes) in files {
        let Some(bytes) = bytes else { continue };
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        if *name != "receipt" {
            command.arg(format!("--{name}"));
        }
        command.arg(path);
    }
    let said = answer(&mut command);
    (said.code, said.json())
}

/// The case as the browser's module answers it.
fn in_the_module(request: &Map<String, Value>, files: &Files, memory: &mut assay_wasm::Memory) -> Value {
    let lengths: Map<String, Value> =
        FILES.into_iter().map(|name| (name.to_owned(), files[name].as_ref().map(Vec::len).into())).collect();
    let head = json!({
        "uid": request["uid"], "entity": request["entity"],
        "epoch": {"id": request["epoch"], "time": request["time"]},
        "root": request["root"], "second_root": request["second_root"], "asset_table": request["asset_table"],
        "confirmed": null, "files": lengths,
    })
    .to_string();
    let mut bytes = u32::try_from(head.len()).unwrap().to_le_bytes().to_vec();
    bytes.extend(head.as_bytes());
    FILES.iter().filter_map(|name| files[name].as_ref()).for_each(|file| bytes.extend(file));
    serde_json::from_str(&assay_wasm::answer_to(&bytes, memory)).unwrap()
}

#[test]
fn command_line_and_module_agree_on_every_case() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/conformance/manifest.json");
    let manifest: Value = serde_json::from_slice(&fs::read(manifest).unwrap()).unwrap();
    assert_eq!((&manifest["format"], &manifest["version"]), (&json!("assay-conformance"), &json!(1)));
    let folder = tempfile::tempdir().unwrap();
    let mut played = 0;
    // One for all cases, as in a page: what was read for one must not answer for another.
    let mut memory = assay_wasm::Memory::default();
    for case in manifest["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        // They take a second run; the browser's tests make one.
        if name.ends_with("-of-other-run") {
            continue;
        }
        let (mut request, mut files) = base();
        for (field, value) in case["set"].as_object().into_iter().flatten() {
            request.insert(field.clone(), word(value));
        }
        let original = files.clone();
        for (file, operations) in case["files"].as_object().into_iter().flatten() {
            let file = FILES.into_iter().find(|known| known == file).unwrap();
            let mut bytes = files.remove(file).unwrap();
            for operation in operations.as_array().unwrap() {
                bytes = changed(bytes.unwrap(), operation, &original);
            }
            files.insert(file, bytes);
        }
        let (code, said) = on_the_command_line(folder.path(), &request, &files);
        let module = in_the_module(&request, &files, &mut memory);
        for part in ["verdict", "code", "results"] {
            assert_eq!(said[part], module[part], "{name}: {part}");
        }
        assert_eq!(said["verdict"], case["verdict"], "{name}: {said}");
        assert!(case["code"].as_array().unwrap().contains(&said["code"]), "{name}: {}", said["code"]);
        let exit = ["verified", "rejected", "usage", "unreadable", "not_checked"];
        assert_eq!(exit[usize::try_from(code).unwrap()], case["verdict"], "{name}");
        for (check, code) in case["results"].as_object().into_iter().flatten() {
            let results = said["results"].as_array().unwrap();
            let result = results.iter().find(|result| result["check"] == check.as_str()).unwrap();
            assert_eq!(result["code"], *code, "{name}: {check}");
        }
        // Figures only where they are proven, and the same ones.
        let included = module["receipt"]["included"] == true;
        assert_eq!(included, said.get("entries").is_some(), "{name}");
        if included {
            let amounts = |entries: &Value| {
                let entries = entries.as_array().unwrap().iter();
                entries.map(|entry| (entry["asset"].clone(), entry["amount"].clone())).collect::<Vec<_>>()
            };
            assert_eq!(amounts(&said["entries"]), amounts(&module["receipt"]["balances"]), "{name}");
        }
        played += 1;
    }
    assert!(played > 60);
}
