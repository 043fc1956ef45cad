use serde_json::{Map, Value};

/// A language of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// German.
    German,
}

/// All languages, the first of which is the one to fall back to.
pub const LANGUAGES: [Language; 2] = [Language::English, Language::German];

impl Language {
    /// Its tag.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    const fn source(self) -> &'static str {
        match self {
            Self::English => include_str!("../../../web/texts/en.json"),
            Self::German => include_str!("../../../web/texts/de.json"),
        }
    }
}

/// The texts of one language by key. Keys end in the codes that the command line and the verifier use.
pub struct Catalogue {
    language: Language,
    texts: Map<String, Value>,
}

impl Catalogue {
    /// The catalogue of a language, as it was compiled in.
    pub fn new(language: Language) -> Self {
        // A catalogue that isn't JSON fails the tests.
        let texts = serde_json::from_str(language.source()).unwrap_or_default();
        Self { language, texts }
    }

    /// Its language.
    pub const fn language(&self) -> Language {
        self.language
    }

    /// The text of a key, or the key where there is none.
    pub fn get<'a>(&'a self, key: &'a str) -> &'a str {
        self.texts.get(key).and_then(Value::as_str).unwrap_or(key)
    }

    /// Whether there is a text.
    pub fn has(&self, key: &str) -> bool {
        self.texts.get(key).is_some_and(Value::is_string)
    }

    /// The text of a key with `{name}` replaced by values.
    pub fn with(&self, key: &str, values: &[(&str, &str)]) -> String {
        self.with_parts(key, str::to_owned, values)
    }

    /// The same with `literal` made of what stands between the values.
    pub(crate) fn with_parts(
        &self,
        key: &str,
        literal: impl Fn(&str) -> String,
        values: &[(&str, impl AsRef<str>)],
    ) -> String {
        // One pass: a value that looks like a placeholder stays what it is.
        let mut out = String::new();
        let mut rest = self.get(key);
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(&literal(before));
            let value = after.split_once('}').and_then(|(name, rest)| {
                values.iter().find(|(known, _)| *known == name).map(|(_, value)| (value, rest))
            });
            match value {
                Some((value, after)) => {
                    out.push_str(value.as_ref());
                    rest = after;
                }
                None => {
                    out.push('{');
                    rest = after;
                }
            }
        }
        out.push_str(&literal(rest));
        out
    }

    /// The keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.texts.keys().map(String::as_str)
    }

    /// The texts whose keys `wanted` picks.
    pub(crate) fn part(&self, wanted: impl Fn(&str) -> bool) -> Map<String, Value> {
        self.texts
            .iter()
            .filter(|(key, _)| wanted(key))
            .map(|(key, text)| (key.clone(), text.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use assay_reserves::{FindingCode, REPORT_FORMAT, Severity, Unproven};
    use assay_verdict::{Check, Code, REPORT_FORMATS};

    use super::*;

    fn placeholders(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name).collect()
    }

    #[test]
    fn every_key_is_in_every_language() {
        let english = Catalogue::new(Language::English);
        assert!(english.keys().count() > 100);
        for language in LANGUAGES {
            let catalogue = Catalogue::new(language);
            assert!(english.keys().eq(catalogue.keys()), "{language:?}");
            for key in english.keys() {
                let text = catalogue.get(key);
                assert!(catalogue.has(key) && !text.trim().is_empty(), "{language:?} {key}");
                assert_eq!(placeholders(text), placeholders(english.get(key)), "{language:?} {key}");
            }
        }
    }

    #[test]
    fn every_code_has_a_text() {
        let english = Catalogue::new(Language::English);
        for code in Code::ALL {
            assert!(english.has(&format!("code.{}", code.name())), "{}", code.name());
        }
        for check in Check::ALL {
            for status in ["passed", "failed", "not_checked"] {
                assert!(english.has(&format!("result.{}.{status}", check.name())));
            }
        }
        assert_eq!(english.get("result.inclusion.passed"), "Inclusion constraint verified");
        assert_eq!(english.get("result.total-sum.passed"), "Total sum and non-negative constraint verified");
    }

    /// Texts of reports are made elsewhere; every language must have them all, and English the same ones.
    #[test]
    fn every_code_of_reports_has_a_text() {
        for catalogue in LANGUAGES.map(Catalogue::new) {
            for unproven in Unproven::ALL {
                let key = format!("site.unproven.{}", unproven.code());
                assert!(catalogue.has(&key), "{:?} {key}", catalogue.language());
                if catalogue.language() == Language::English {
                    assert_eq!(catalogue.get(&key), unproven.text());
                }
            }
            for finding in FindingCode::ALL {
                let key = format!("site.finding.{}", finding.code());
                assert!(catalogue.has(&key), "{:?} {key}", catalogue.language());
            }
            for severity in [Severity::Info, Severity::Warning, Severity::Error] {
                assert!(catalogue.has(&format!("site.severity.{}", severity.name())));
            }
        }
        let english = Catalogue::new(Language::English);
        let known = |prefix: &str| english.keys().filter(|key| key.starts_with(prefix)).count();
        assert_eq!(known("site.unproven."), Unproven::ALL.len() + 1, "all and the title");
        assert_eq!(known("site.finding."), FindingCode::ALL.len());
    }

    #[test]
    fn the_receipt_page_reads_the_reports_that_are_made() {
        assert_eq!(REPORT_FORMATS, [REPORT_FORMAT]);
        assert_eq!(assay_verdict::MAX_REPORT_BYTES, assay_reserves::MAX_REPORT_BYTES);
    }

    #[test]
    fn values_are_put_in_once() {
        let english = Catalogue::new(Language::English);
        assert_eq!(english.with("receipt.have", &[("name", "{name}")]), "Receipt: {name}");
    }
}
