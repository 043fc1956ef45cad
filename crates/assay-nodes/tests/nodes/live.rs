//! Real nodes, asked through a server that passes everything on and keeps the answers. `.ci/live` runs these.

use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::recorded;
use crate::server::{Recording, Server, Told};

/// A server in front of a real node, and what the node answered so far.
fn pass_on(url: String) -> (Server, Arc<Mutex<Recording>>) {
    let recording = Arc::new(Mutex::new(Recording::default()));
    let kept = Arc::clone(&recording);
    let server = Server::new(move |method, params| {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let (user, plain) = match url.strip_prefix("http://").and_then(|rest| rest.split_once('@')) {
            Some((user, host)) => (Some(user), format!("http://{host}")),
            None => (None, url.clone()),
        };
        let mut post = agent.post(plain).header("content-type", "application/json");
        if let Some(user) = user {
            use base64::Engine as _;
            let user = base64::engine::general_purpose::STANDARD.encode(user);
            post = post.header("authorization", format!("Basic {user}"));
        }
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let mut answer = post.send(request.to_string()).unwrap();
        let told: Told = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
        kept.lock().unwrap().put(method, params, told.clone());
        told.reply()
    });
    (server, recording)
}

fn keep(name: &str, recording: &Recording) {
    if std::env::var_os("ASSAY_RECORD").is_some() {
        std::fs::write(format!("{}/testdata/{name}", env!("CARGO_MANIFEST_DIR")), recording.to_json())
            .unwrap();
    }
}

#[test]
#[ignore = "needs a node, see .ci/live"]
fn evm() {
    let (server, recording) = pass_on(std::env::var("ASSAY_LIVE_EVM").unwrap());
    recorded::evm_evidence_shows_rows(&server);
    recorded::evm_figures_are_observed(&server);
    recorded::contracts_answer_signatures(&server);
    keep("evm.json", &recording.lock().unwrap());
}

#[test]
#[ignore = "needs a node, see .ci/live"]
fn bitcoin() {
    let (server, recording) = pass_on(std::env::var("ASSAY_LIVE_BITCOIN").unwrap());
    recorded::unspent_outputs_are_observed(&server);
    recorded::made_outputs_are_shown(&server);
    keep("bitcoin.json", &recording.lock().unwrap());
}
