//! A small HTTP server with one rule: what it answers to a method and its parameters. The command line's tests use it too.
#![allow(dead_code, reason = "each of the tests uses a part")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// What a node answers.
pub(crate) enum Reply {
    /// A result.
    Result(Value),
    /// A result as a node wrote it: numbers keep their digits.
    Text(String),
    /// An error of JSON-RPC.
    Error(i64, &'static str),
    /// Any status, headers and body.
    Raw(u16, &'static str, Vec<u8>),
    /// A whole answer whose id is another.
    OtherId(Value),
    /// Nothing, for so long.
    Hang(Duration),
    /// As many bytes.
    Huge(u64),
}

pub(crate) struct Server {
    pub(crate) url: String,
    /// Methods that were called, in order.
    pub(crate) calls: Arc<Mutex<Vec<String>>>,
}

/// A call as recordings name it: members of objects in order of their names, whatever order maps keep.
fn key(method: &str, params: &Value) -> String {
    fn sorted(value: &Value) -> String {
        match value {
            Value::Array(values) => format!("[{}]", values.iter().map(sorted).collect::<Vec<_>>().join(",")),
            Value::Object(members) => {
                let members: std::collections::BTreeMap<_, _> = members.iter().collect();
                let members =
                    members.into_iter().map(|(name, value)| format!("{:?}:{}", name, sorted(value)));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }
            other => other.to_string(),
        }
    }
    format!("{method} {}", sorted(params))
}

impl Server {
    /// Answers by a rule for as long as the test runs.
    pub(crate) fn new(rule: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (rule, seen) = (Arc::new(rule), Arc::clone(&calls));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (rule, seen) = (Arc::clone(&rule), Arc::clone(&seen));
                thread::spawn(move || answer(stream, &*rule, &seen));
            }
        });
        Self { url, calls }
    }

    /// Answers as a real node did.
    pub(crate) fn replay(recording: &Recording) -> Self {
        let recording = recording.clone();
        Self::new(move |method, params| recording.reply(method, params))
    }

    pub(crate) fn count(&self, method: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|called| *called == method).count()
    }
}

fn answer(
    mut stream: TcpStream,
    rule: &dyn Fn(&str, &Value) -> Reply,
    seen: &Mutex<Vec<String>>,
) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let request: Value = serde_json::from_slice(&body).ok()?;
    let method = request["method"].as_str()?;
    seen.lock().unwrap().push(method.to_owned());
    let ok = |id: &Value, rest: (&str, Value)| {
        (200, "", json!({"jsonrpc": "2.0", "id": id, rest.0: rest.1}).to_string().into_bytes())
    };
    let (status, headers, body) = match rule(method, &request["params"]) {
        Reply::Result(result) => ok(&request["id"], ("result", result)),
        Reply::Text(text) => {
            let body = format!("{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{text}}}", request["id"]);
            (200, "", body.into_bytes())
        }
        Reply::Error(code, message) => {
            ok(&request["id"], ("error", json!({"code": code, "message": message})))
        }
        Reply::OtherId(result) => ok(&json!(4_711), ("result", result)),
        Reply::Raw(status, headers, body) => (status, headers, body),
        Reply::Hang(time) => {
            thread::sleep(time);
            return None;
        }
        Reply::Huge(bytes) => {
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n").ok()?;
            let block = vec![b' '; 1 << 20];
            while stream.write_all(&block).is_ok() {}
            return None;
        }
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} Status\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n"
    )
    .ok()?;
    stream.write_all(&body).ok()
}

/// Answers of a real node, by method and parameters.
#[derive(Clone, Default)]
pub(crate) struct Recording(BTreeMap<String, Told>);

/// What a node told.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Told {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) result: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Value>,
}

impl Told {
    pub(crate) fn reply(&self) -> Reply {
        match &self.error {
            Some(error) => Reply::Error(error["code"].as_i64().unwrap(), "as told"),
            None => Reply::Text(self.result.as_ref().map_or("null", |result| result.get()).to_owned()),
        }
    }
}

impl Recording {
    pub(crate) fn of_evm() -> Self {
        Self::parse(include_str!("../../testdata/evm.json"))
    }

    pub(crate) fn of_bitcoin() -> Self {
        Self::parse(include_str!("../../testdata/bitcoin.json"))
    }

    fn parse(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap())
    }

    pub(crate) fn to_json(&self) -> String {
        let mut text = String::from("{\n");
        let line = |(key, told): (&String, &Told)| {
            format!("{}: {}", json!(key), serde_json::to_string(told).unwrap())
        };
        let lines: Vec<_> = self.0.iter().map(line).collect();
        text.push_str(&lines.join(",\n"));
        text + "\n}\n"
    }

    pub(crate) fn put(&mut self, method: &str, params: &Value, told: Told) {
        self.0.insert(key(method, params), told);
    }

    /// Methods that were called.
    pub(crate) fn methods(&self) -> Vec<String> {
        let names =
            self.0.keys().filter_map(|call| call.split_once(' ')).map(|(method, _)| method.to_owned());
        names.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }

    /// Parameters of all calls of a method.
    pub(crate) fn params(&self, method: &str) -> Vec<Value> {
        let of_method = |call: &String| call.strip_prefix(method)?.strip_prefix(' ').map(str::to_owned);
        self.0.keys().filter_map(of_method).map(|params| serde_json::from_str(&params).unwrap()).collect()
    }

    pub(crate) fn reply(&self, method: &str, params: &Value) -> Reply {
        match self.0.get(&key(method, params)) {
            Some(told) => told.reply(),
            None => Reply::Error(-32601, "not recorded"),
        }
    }
}
