use std::time::{Duration, Instant};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use ureq::Agent;

use crate::endpoint::Endpoint;
use crate::error::{NodeError, Trouble};

/// Bytes that an answer may have.
const MAX_ANSWER: u64 = 64 << 20;

/// How patient a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How often one request is made at most.
    pub attempts: u32,
    /// How long one answer may take.
    pub timeout: Duration,
    /// How long to wait before the second attempt; each further wait is twice as long.
    pub first_wait: Duration,
    /// How long to wait at most, whatever the node asks for.
    pub longest_wait: Duration,
}

impl Default for Patience {
    /// Five attempts of 60 seconds, waits from half a second up to 30.
    fn default() -> Self {
        Self {
            attempts: 5,
            timeout: Duration::from_secs(60),
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(30),
        }
    }
}

/// A connection to one node.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    endpoint: Endpoint,
    patience: Patience,
    last_id: u64,
}

#[derive(Deserialize)]
struct Answer<'a> {
    id: Value,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<ErrorObject>,
}

#[derive(Deserialize)]
struct ErrorObject {
    code: i64,
    #[serde(default)]
    message: String,
}

/// One attempt's outcome.
enum Attempt {
    Body(Vec<u8>),
    /// Worth another attempt, after what the node asks for.
    Again(Trouble, Option<Duration>),
}

impl Client {
    /// For the endpoint. Nothing is sent yet.
    pub fn new(endpoint: Endpoint, patience: Patience) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(patience.timeout))
            .http_status_as_error(false)
            // Another host isn't to get the credentials, and no variable is to send them elsewhere.
            .max_redirects(0)
            .proxy(None)
            .user_agent("assay")
            .build();
        Self { agent: config.into(), endpoint, patience, last_id: 0 }
    }

    /// The node.
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn error(&self, why: Trouble) -> NodeError {
        NodeError { node: self.endpoint.to_string(), why }
    }

    /// Calls a method that must give something.
    pub(crate) fn call<T: DeserializeOwned>(
        &mut self,
        method: &'static str,
        params: &Value,
    ) -> Result<T, NodeError> {
        let found = self.call_optional(method, params)?;
        found.ok_or_else(|| self.error(Trouble::malformed(method, "nothing")))
    }

    /// Calls a method; null is nothing.
    pub(crate) fn call_optional<T: DeserializeOwned>(
        &mut self,
        method: &'static str,
        params: &Value,
    ) -> Result<Option<T>, NodeError> {
        self.last_id += 1;
        let id = self.last_id;
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string();
        let mut wait = self.patience.first_wait;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let outcome = match self.send(&request, method) {
                Ok(Attempt::Body(body)) => self.read(&body, id, method),
                Ok(Attempt::Again(why, after)) => Err((why, after)),
                Err(why) => return Err(self.error(why)),
            };
            let (why, after) = match outcome {
                Ok(found) => return Ok(found),
                Err((why, after)) => (why, after),
            };
            let again = matches!(
                why,
                Trouble::RateLimited { .. }
                    | Trouble::TimedOut { .. }
                    | Trouble::Connection(_)
                    | Trouble::Status(502..=504)
            );
            if !again || attempt >= self.patience.attempts {
                return Err(self.error(match why {
                    Trouble::RateLimited { .. } => Trouble::RateLimited { attempts: attempt },
                    Trouble::TimedOut { seconds, .. } => Trouble::TimedOut { seconds, attempts: attempt },
                    why => why,
                }));
            }
            std::thread::sleep(after.unwrap_or(wait).min(self.patience.longest_wait));
            wait = wait.saturating_mul(2);
        }
    }

    fn send(&self, request: &str, method: &'static str) -> Result<Attempt, Trouble> {
        let mut post = self.agent.post(self.endpoint.url.as_str()).header("content-type", "application/json");
        if let Some(value) = &self.endpoint.authorization {
            post = post.header("authorization", value.as_str());
        }
        let started = Instant::now();
        let mut response = match post.send(request) {
            Ok(response) => response,
            Err(error) => return self.connection(&error),
        };
        match response.status().as_u16() {
            401 | 403 => return Err(Trouble::Unauthorized),
            429 | 503 => {
                let after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
                let after = after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
                return Ok(Attempt::Again(Trouble::RateLimited { attempts: 1 }, after));
            }
            status @ 502..=504 => return Ok(Attempt::Again(Trouble::Status(status), None)),
            // Errors of JSON-RPC come with these from some nodes.
            200 | 400 | 404 | 500 => {}
            status => return Err(Trouble::Status(status)),
        }
        match response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec() {
            Ok(body) if body.is_empty() => Err(Trouble::malformed(method, "nothing")),
            Ok(body) => Ok(Attempt::Body(body)),
            Err(ureq::Error::BodyExceedsLimit(limit)) => Err(Trouble::TooLarge { limit }),
            // A cut body that took the whole time was a time-out.
            Err(_) if started.elapsed() >= self.patience.timeout => {
                Ok(Attempt::Again(self.timed_out(), None))
            }
            Err(error) => self.connection(&error),
        }
    }

    fn timed_out(&self) -> Trouble {
        Trouble::TimedOut { seconds: self.patience.timeout.as_secs(), attempts: 1 }
    }

    /// What an error of the connection is, without any text of the library: that may have the URL.
    fn connection(&self, error: &ureq::Error) -> Result<Attempt, Trouble> {
        use std::io::ErrorKind;
        let again = |why| Ok(Attempt::Again(why, None));
        match error {
            ureq::Error::Timeout(_) => again(self.timed_out()),
            ureq::Error::Io(error) => again(match error.kind() {
                ErrorKind::TimedOut | ErrorKind::WouldBlock => self.timed_out(),
                ErrorKind::ConnectionRefused => Trouble::Connection("refused"),
                _ => Trouble::Connection("broken"),
            }),
            ureq::Error::HostNotFound => Err(Trouble::Connection("no such host")),
            ureq::Error::BodyExceedsLimit(limit) => Err(Trouble::TooLarge { limit: *limit }),
            ureq::Error::Protocol(_) | ureq::Error::Http(_) => Err(Trouble::Connection("not HTTP")),
            _ => Err(Trouble::Connection("failed")),
        }
    }

    #[allow(clippy::type_complexity, reason = "the second part says how long to wait")]
    fn read<T: DeserializeOwned>(
        &self,
        body: &[u8],
        id: u64,
        method: &'static str,
    ) -> Result<Option<T>, (Trouble, Option<Duration>)> {
        let malformed = |what: &str| (Trouble::malformed(method, what), None);
        let answer: Answer<'_> = serde_json::from_slice(body).map_err(|_| malformed("not JSON-RPC"))?;
        if let Some(error) = answer.error {
            // Limits of requests, by the codes that services use.
            if matches!(error.code, -32005 | -32029 | 429) {
                return Err((Trouble::RateLimited { attempts: 1 }, None));
            }
            let message = self.endpoint.redact(&error.message);
            return Err((Trouble::Refused { method, code: error.code, message }, None));
        }
        if answer.id != json!(id) {
            return Err((Trouble::OtherId { method }, None));
        }
        let Some(result) = answer.result.filter(|result| result.get() != "null") else { return Ok(None) };
        serde_json::from_str(result.get()).map(Some).map_err(|_| malformed("another type than expected"))
    }
}
