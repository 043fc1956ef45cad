//! The page on which customers check their receipts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::escape::{csp_hash, escape, script_json, sha256_hex};
use crate::{Catalogue, LANGUAGES, Language};

const TEMPLATE: &str = include_str!("../../../web/src/check.html");
const STYLE: &str = include_str!("../../../web/src/check.css");
const SCRIPT: &str = include_str!("../../../web/src/check.js");
const WORKER: &str = include_str!("../../../web/src/worker.js");

/// Bytes that a module may have.
pub const MAX_MODULE_BYTES: usize = 16 << 20;

/// What the page expects of receipts and files. It is shown, and the customer can change it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// Whose.
    pub entity: String,
    /// Which snapshot.
    pub epoch: String,
    /// Its time, seconds since 1970-01-01 UTC.
    pub time: u64,
    /// The published root, 64 hex digits.
    pub root: String,
    /// Digest of the asset table, 64 hex digits.
    pub asset_table: String,
}

/// Makes receipt pages around one module.
pub struct CheckPage<'a> {
    module: &'a [u8],
    digest: String,
}

impl<'a> CheckPage<'a> {
    /// Name of the hosted page's style sheet.
    pub const STYLE_FILE: &'static str = "check.css";
    /// Name of its script.
    pub const SCRIPT_FILE: &'static str = "check.js";
    /// Name of its worker.
    pub const WORKER_FILE: &'static str = "worker.js";
    /// Name of the module.
    pub const MODULE_FILE: &'static str = "assay.wasm";

    /// Pages around this WebAssembly module, as `web/build` makes it.
    pub fn new(module: &'a [u8]) -> Result<Self, CheckPageError> {
        // The first bytes of a module, and its version.
        if module.len() > MAX_MODULE_BYTES || !module.starts_with(b"\0asm\x01\0\0\0") {
            return Err(CheckPageError::Module);
        }
        Ok(Self { module, digest: sha256_hex(module) })
    }

    /// SHA-256 of the module, 64 hex digits.
    pub fn module_digest(&self) -> &str {
        &self.digest
    }

    /// The files that a hosted page needs beside it, by name.
    pub fn assets(&self) -> [(&'static str, &[u8]); 4] {
        [
            (Self::STYLE_FILE, STYLE.as_bytes()),
            (Self::SCRIPT_FILE, SCRIPT.as_bytes()),
            (Self::WORKER_FILE, WORKER.as_bytes()),
            (Self::MODULE_FILE, self.module),
        ]
    }

    /// A page for a server: assets are in the folder `assets` (a relative address that ends in `/`), the files at the
    /// relative addresses `files`, pairs of `proof`, `totals` or `report` and address.
    pub fn hosted(&self, expected: Option<&Expected>, assets: &str, files: &[(&str, &str)]) -> String {
        let mut addresses: Map<String, Value> =
            files.iter().map(|(name, address)| ((*name).to_owned(), (*address).into())).collect();
        addresses.insert("module".into(), format!("{assets}{}", Self::MODULE_FILE).into());
        addresses.insert("worker".into(), format!("{assets}{}", Self::WORKER_FILE).into());
        let assets = escape(assets);
        self.page(
            expected,
            addresses,
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; worker-src blob:; \
             connect-src 'self'; img-src data:; form-action 'none'; base-uri 'none'",
            &format!("<link rel=\"stylesheet\" href=\"{assets}{}\">", Self::STYLE_FILE),
            "",
            &format!("<script src=\"{assets}{}\" defer></script>", Self::SCRIPT_FILE),
        )
    }

    /// A page that is one file and works without any network. `files` are pairs of `proof`, `totals` or `report` and bytes.
    pub fn offline(&self, expected: Option<&Expected>, files: &[(&str, &[u8])]) -> String {
        let parts = [("module", self.module), ("worker", WORKER.as_bytes())];
        let data: String = parts
            .iter()
            .chain(files)
            .map(|(name, bytes)| {
                let (name, data) = (escape(name), STANDARD.encode(bytes));
                format!("<script type=\"text/plain\" id=\"file-data-{name}\">{data}</script>\n")
            })
            .collect();
        let policy = format!(
            "default-src 'none'; script-src {} 'wasm-unsafe-eval'; style-src {}; worker-src blob:; \
             connect-src 'none'; img-src data:; form-action 'none'; base-uri 'none'",
            csp_hash(SCRIPT),
            csp_hash(STYLE),
        );
        self.page(
            expected,
            Map::new(),
            &policy,
            &format!("<style>{STYLE}</style>"),
            &data,
            &format!("<script>{SCRIPT}</script>"),
        )
    }

    fn page(
        &self,
        expected: Option<&Expected>,
        files: Map<String, Value>,
        policy: &str,
        style: &str,
        data: &str,
        script: &str,
    ) -> String {
        let texts: Map<String, Value> = LANGUAGES
            .into_iter()
            .map(|language| {
                let texts = Catalogue::new(language).part(|key| !key.starts_with("site."));
                (language.tag().to_owned(), texts.into())
            })
            .collect();
        let config = json!({
            "expected": expected, "module_sha256": self.digest, "texts": texts, "files": files,
        });
        let config = format!(
            "<script type=\"application/json\" id=\"config\">{}</script>\n{data}",
            script_json(&config.to_string())
        );
        let csp =
            format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">", escape_policy(policy));
        // The template has each of these once; what is put in is never looked at again.
        let parts = [
            ("<!--csp-->", csp.as_str()),
            ("<!--style-->", style),
            ("<!--data-->", &config),
            ("<!--script-->", script),
        ];
        let mut page = String::with_capacity(TEMPLATE.len() + config.len() + script.len() + (64 << 10));
        let template = in_english();
        let mut rest = template.as_str();
        for (mark, part) in parts {
            if let Some((before, after)) = rest.split_once(mark) {
                page.push_str(before);
                page.push_str(part);
                rest = after;
            }
        }
        page.push_str(rest);
        page
    }
}

/// A policy of ours in an attribute: quotes in it are single ones.
fn escape_policy(policy: &str) -> String {
    policy.replace('"', "&quot;")
}

/// The template with its texts in English, which the script puts in the reader's language.
fn in_english() -> String {
    const MARK: &str = "data-t=\"";
    let catalogue = Catalogue::new(Language::English);
    let mut page = String::new();
    let mut rest = TEMPLATE;
    while let Some((before, after)) = rest.split_once(MARK) {
        let Some((key, after)) = after.split_once('"') else { break };
        let Some((attributes, after)) = after.split_once('>') else { break };
        page.push_str(before);
        page.push_str(&format!("{MARK}{key}\"{attributes}>{}", escape(catalogue.get(key))));
        rest = after;
    }
    page.push_str(rest);
    page
}

/// Why there is no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckPageError {
    /// Not a WebAssembly module, or too large.
    #[error("not a WebAssembly module of at most {MAX_MODULE_BYTES} bytes")]
    Module,
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULE: &[u8] = b"\0asm\x01\0\0\0";

    fn expected() -> Expected {
        Expected {
            entity: "a.example".into(),
            epoch: "2026-q4".into(),
            time: 1,
            root: "0".repeat(64),
            asset_table: "1".repeat(64),
        }
    }

    #[test]
    fn takes_modules_only() {
        assert!(CheckPage::new(b"").is_err());
        assert!(CheckPage::new(b"<!DOCTYPE html>").is_err());
        let page = CheckPage::new(MODULE).unwrap();
        assert_eq!(page.module_digest(), "93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476");
    }

    #[test]
    fn every_text_of_the_page_is_in_the_catalogue() {
        let english = Catalogue::new(Language::English);
        let keys = |source: &'static str, mark: &'static str| {
            source
                .split(mark)
                .skip(1)
                .filter_map(|part| part.split(['"', '`', ')']).next())
                .collect::<Vec<_>>()
        };
        let page = keys(TEMPLATE, "data-t=\"");
        assert!(page.len() > 40);
        for key in page.into_iter().chain(keys(SCRIPT, "text(\"")).chain(keys(SCRIPT, "shareSays(\"")) {
            assert!(english.has(key), "{key}");
        }
        assert!(!in_english().contains("></h1>"));
    }

    #[test]
    fn pages_are_whole() {
        let page = CheckPage::new(MODULE).unwrap();
        let offline = page.offline(Some(&expected()), &[("proof", b"abc")]);
        assert!(offline.contains("id=\"file-data-proof\">YWJj</script>"));
        assert!(offline.contains(&csp_hash(SCRIPT)) && offline.contains(&csp_hash(STYLE)));
        assert!(!offline.contains("src=\"") && !offline.contains("<!--"));
        let hosted = page.hosted(Some(&expected()), "../assets/", &[("proof", "proof.assay")]);
        assert!(hosted.contains("src=\"../assets/check.js\"") && !hosted.contains("<!--"));
        for page in [offline, hosted] {
            assert_eq!(page.matches("</html>").count(), 1);
            assert!(!page.contains("http://") && !page.contains("https://"));
        }
    }

    #[test]
    fn script_and_style_end_no_element() {
        assert!(!SCRIPT.contains("</") && !STYLE.contains("</") && !SCRIPT.contains("<!--"));
    }
}
