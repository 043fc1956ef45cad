use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use zeroize::Zeroizing;

/// Bytes that a file of endpoints may have.
pub const MAX_ENDPOINT_BYTES: usize = 1 << 20;

/// A node that can be asked. Its URL is a secret, as it may have a password or key of the caller's: nothing here shows it.
pub struct Endpoint {
    /// The policy's name of the network.
    pub network: String,
    /// Who runs the node. Two nodes of one operator are one source.
    pub operator: String,
    /// Whether the caller runs it.
    pub own: bool,
    /// Without user and password.
    pub(crate) url: Zeroizing<String>,
    /// Value of the header.
    pub(crate) authorization: Option<Zeroizing<String>>,
    /// What must not be shown, even where a node says it.
    secrets: Vec<Zeroizing<String>>,
}

/// Why there are no endpoints. No text of the file or of the environment is shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Too large, not UTF-8, not TOML of this form.
    #[error("line {line}: not a list of endpoints with network, operator and one of url and url_env")]
    Unreadable {
        /// Line, from 1.
        line: usize,
    },
    /// A variable that isn't there.
    #[error("endpoint {place}: the environment has no {name}")]
    NoVariable {
        /// Which endpoint, from 1.
        place: usize,
        /// Name of the variable.
        name: String,
    },
    /// A URL of another kind.
    #[error("endpoint {place}: the URL must start with {schemes} and name a host")]
    Url {
        /// Which endpoint, from 1.
        place: usize,
        /// What this program was built for.
        schemes: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    endpoint: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    network: String,
    operator: String,
    #[serde(default)]
    own: bool,
    url: Option<String>,
    url_env: Option<String>,
}

/// What this build can connect to.
const SCHEMES: &str = if cfg!(feature = "https") { "http:// or https://" } else { "http://" };

impl Endpoint {
    /// Reads a TOML file of endpoints; `variable` looks up what `url_env` names.
    ///
    /// ```toml
    /// [[endpoint]]
    /// network = "ETH"
    /// operator = "us"
    /// own = true                    # a node that the verifier runs, which checks the chain itself
    /// url = "http://user:password@127.0.0.1:8545"
    ///
    /// [[endpoint]]
    /// network = "ETH"
    /// operator = "a service"
    /// url_env = "SERVICE_URL"       # the name of an environment variable
    /// ```
    pub fn from_toml(
        bytes: &[u8],
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Vec<Self>, EndpointError> {
        let unreadable = |line| EndpointError::Unreadable { line };
        if bytes.len() > MAX_ENDPOINT_BYTES {
            return Err(unreadable(1));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| unreadable(1))?;
        let file: File = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or("");
            unreadable(before.matches('\n').count() + 1)
        })?;
        let mut endpoints = Vec::with_capacity(file.endpoint.len());
        for (place, entry) in (1..).zip(file.endpoint) {
            let url = match (entry.url, entry.url_env) {
                (Some(url), None) => url,
                (None, Some(name)) => variable(&name).ok_or(EndpointError::NoVariable { place, name })?,
                _ => return Err(unreadable(1)),
            };
            let url = Zeroizing::new(url);
            let endpoint = Self::new(&entry.network, &entry.operator, entry.own, &url);
            endpoints.push(endpoint.ok_or(EndpointError::Url { place, schemes: SCHEMES })?);
        }
        Ok(endpoints)
    }

    /// An endpoint. Nothing where the URL is none that this build can connect to.
    pub fn new(network: &str, operator: &str, own: bool, url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let known = scheme == "http" || (cfg!(feature = "https") && scheme == "https");
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if !known || host.is_empty() || !visible(rest) {
            return None;
        }
        let mut secrets: Vec<Zeroizing<String>> = Vec::new();
        let parts =
            path.split(['/', '?', '&', '=', '#']).chain(user.into_iter().flat_map(|user| user.split(':')));
        // Words of a path such as `v2` or `rpc` are none.
        secrets.extend(parts.filter(|part| part.len() > 5).map(|part| Zeroizing::new(part.to_owned())));
        secrets.extend(user.map(|user| Zeroizing::new(user.to_owned())));
        // The longest first, so that none is shown in part.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let basic = |user: &str| Zeroizing::new(format!("Basic {}", STANDARD.encode(user)));
        Some(Self {
            network: network.to_owned(),
            operator: operator.to_owned(),
            own,
            url: Zeroizing::new(format!("{scheme}://{host}{path}")),
            authorization: user.map(basic),
            secrets,
        })
    }

    /// What a node says, short, in one line, and without what the URL has in secrets.
    pub(crate) fn redact(&self, text: &str) -> String {
        const MOST: usize = 160;
        let mut text = text.to_owned();
        for secret in &self.secrets {
            text = text.replace(secret.as_str(), "***");
        }
        let mut shown: String =
            text.chars().take(MOST).map(|c| if c.is_control() { ' ' } else { c }).collect();
        if text.chars().nth(MOST).is_some() {
            shown.push('…');
        }
        shown
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} node of {}", self.network, self.operator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_keep_their_secrets() {
        let endpoint =
            Endpoint::new("ETH", "us", true, "http://me:pass%20word@host:1/v2/0123456789abcdef?key=letmein1");
        let endpoint = endpoint.unwrap();
        assert_eq!(endpoint.url.as_str(), "http://host:1/v2/0123456789abcdef?key=letmein1");
        assert_eq!(endpoint.authorization.as_ref().unwrap().as_str(), "Basic bWU6cGFzcyUyMHdvcmQ=");
        let shown =
            endpoint.redact("no such project 0123456789abcdef, key letmein1, me:pass%20word, pass%20word\n.");
        assert_eq!(shown, "no such project ***, key ***, ***, *** .");
        let shown = format!("{endpoint:?} {endpoint}");
        assert!(!shown.contains("host") && !shown.contains("pass"), "{shown}");
        for wrong in ["", "host", "ftp://host", "http://", "http://u:p@/x", "file:///etc", "http://a b"] {
            assert!(Endpoint::new("ETH", "us", false, wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn files_and_variables() {
        let text = "[[endpoint]]\nnetwork = \"ETH\"\noperator = \"a\"\nurl_env = \"NODE\"\n";
        let read = |text: &str| {
            Endpoint::from_toml(text.as_bytes(), |name| (name == "NODE").then(|| "http://h".into()))
        };
        let endpoints = read(text).unwrap();
        assert_eq!((endpoints[0].operator.as_str(), endpoints[0].own), ("a", false));
        let missing = read(&text.replace("NODE", "OTHER"));
        assert_eq!(missing.unwrap_err(), EndpointError::NoVariable { place: 1, name: "OTHER".into() });
        let both = read(&format!("{text}url = \"http://secret\"\n"));
        assert!(matches!(both, Err(EndpointError::Unreadable { .. })));
        // What is wrong is told without the text itself.
        let wrong =
            read(&format!("{text}[[endpoint]]\nurl = \"http://user:hunter2hunter2@h\"\nnetwork = 5\n"));
        assert!(!wrong.unwrap_err().to_string().contains("hunter2"));
        let wrong = read(&text.replace("url_env = \"NODE\"", "url = \"gopher://user:hunter2@h\""));
        assert!(!wrong.unwrap_err().to_string().contains("hunter2"));
    }
}
