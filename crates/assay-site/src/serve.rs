//! Answers to requests for the files of a site, for whoever listens.

use std::collections::BTreeMap;

/// Bytes that the head of a request may have.
pub const MAX_REQUEST_BYTES: usize = 8 << 10;

/// What pages may do: nothing but what they have beside them. Pages say the same themselves; this binds those that don't.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; \
    img-src data:; worker-src blob:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The offline page and the full report have everything inside and name it in a policy of their own.
const POLICY_INSIDE: &str =
    "base-uri 'none'; object-src 'none'; form-action 'none'; frame-ancestors 'none'; connect-src 'none'";

/// The answer to a request: its head, and the body, which is empty for a `HEAD` request.
pub fn respond<'a>(request: &str, files: &'a BTreeMap<String, Vec<u8>>) -> (String, &'a [u8]) {
    let mut words = request.lines().next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if method != "GET" && method != "HEAD" {
        return (
            head("405 Method Not Allowed", "text/plain; charset=utf-8", 0, POLICY, "Allow: GET, HEAD\r\n"),
            &[],
        );
    }
    // Addresses are looked up as they are: there is no file system, so nothing to climb out of.
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let Some(path) = path.strip_prefix('/') else {
        return (head("400 Bad Request", "text/plain; charset=utf-8", 0, POLICY, ""), &[]);
    };
    let index = format!("{path}index.html");
    let name = if path.is_empty() || path.ends_with('/') { index.as_str() } else { path };
    let Some((name, bytes)) = files.get_key_value(name) else {
        let text = b"not found\n";
        let head = head("404 Not Found", "text/plain; charset=utf-8", text.len(), POLICY, "");
        return (head, if method == "HEAD" { &[] } else { text });
    };
    let inside = name.ends_with("/check-offline.html") || name.ends_with("/report.html");
    let policy = if inside { POLICY_INSIDE } else { POLICY };
    let head = head("200 OK", content_type(name), bytes.len(), policy, "");
    (head, if method == "HEAD" { &[] } else { bytes })
}

fn head(status: &str, kind: &str, bytes: usize, policy: &str, more: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {bytes}\r\nConnection: close\r\n\
         Cache-Control: no-store\r\nContent-Security-Policy: {policy}\r\nX-Content-Type-Options: nosniff\r\n\
         X-Frame-Options: DENY\r\nReferrer-Policy: no-referrer\r\nCross-Origin-Opener-Policy: same-origin\r\n\
         Cross-Origin-Resource-Policy: same-origin\r\nPermissions-Policy: camera=(self), microphone=(), geolocation=()\r\n\
         {more}\r\n"
    )
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, end)| end) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("wasm") => "application/wasm",
        Some("md") => "text/markdown; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(request: &str) -> (String, Vec<u8>) {
        let files = BTreeMap::from([
            ("index.html".to_owned(), b"start".to_vec()),
            ("epoch-a/index.html".to_owned(), b"epoch".to_vec()),
            ("epoch-a/check-offline.html".to_owned(), b"inside".to_vec()),
        ]);
        let (head, body) = respond(request, &files);
        (head, body.to_vec())
    }

    #[test]
    fn files_by_address() {
        for (request, body) in [
            ("GET / HTTP/1.1\r\n\r\n", "start"),
            ("GET /?a=b HTTP/1.1\r\n\r\n", "start"),
            ("GET /epoch-a/ HTTP/1.1\r\n\r\n", "epoch"),
            ("GET /index.html HTTP/1.1\r\n\r\n", "start"),
        ] {
            let (head, found) = answer(request);
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
            assert!(
                head.contains("Content-Security-Policy: default-src 'none'; ") && head.contains("nosniff")
            );
            assert_eq!(found, body.as_bytes());
        }
        let (head, body) = answer("HEAD / HTTP/1.1\r\n\r\n");
        assert!(head.contains("Content-Length: 5\r\n") && body.is_empty());
        assert!(!answer("GET /epoch-a/check-offline.html HTTP/1.1").0.contains("script-src"));
    }

    #[test]
    fn nothing_else() {
        for request in ["GET /../etc/passwd HTTP/1.1", "GET /%2e%2e/x HTTP/1.1", "GET /epoch-a HTTP/1.1"] {
            assert!(answer(request).0.starts_with("HTTP/1.1 404 "), "{request}");
        }
        assert!(answer("POST / HTTP/1.1").0.starts_with("HTTP/1.1 405 "));
        for request in ["", "GET", "GET http://a/ HTTP/1.1", "\u{0}"] {
            assert!(answer(request).0.starts_with("HTTP/1.1 40"), "{request}");
        }
    }
}
