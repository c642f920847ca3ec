//! What `provider-local` does not do for us on its engine: it makes its network with the first instance and
//! leaves it; a simulator needs one that is its own from the start and removes it.

use rand_core::{OsRng, RngCore};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use vps_docker_core::{Error, ErrorKind, Result};

/// Where `provider-local` looks for its engine unless it is told otherwise.
const SOCKET: &str = "/var/run/docker.sock";

/// One of the 256 ranges of 64 addresses in 198.19.192.0/18. That network is set aside for tests (RFC 2544), and
/// those of this project that name their range take it from below.
pub(super) fn draw_subnet() -> String {
    let drawn = OsRng.next_u32() % 256;
    format!("198.19.{}.{}/26", 192 + drawn / 4, drawn % 4 * 64)
}

/// Makes a bridge network, labelled as `provider-local` labels its own.
///
/// # Errors
/// `Quota` when the range is taken, `Unreachable` without an engine.
pub(super) async fn create_network(name: &str, subnet: &str) -> Result<()> {
    let wanted = json!({
        "Name": name,
        "Driver": "bridge",
        "IPAM": {"Config": [{"Subnet": subnet}]},
        "Labels": {
            "vps-docker": "",
            "vps-docker.kind": "network",
            "vps-docker.account": name,
        },
    });
    match request("POST", "/networks/create", Some(&wanted)).await? {
        (200..300, _) => Ok(()),
        (_, body) if body.contains("overlap") => Err(refused(ErrorKind::Quota, &body)),
        (_, body) => Err(refused(ErrorKind::Provider, &body)),
    }
}

/// Removes a network. Idempotent.
///
/// # Errors
/// `Provider` when something still stands in it, `Unreachable` without an engine.
pub(super) async fn remove_network(name: &str) -> Result<()> {
    match request("DELETE", &format!("/networks/{name}"), None).await? {
        (200..300 | 404, _) => Ok(()),
        (_, body) => Err(refused(ErrorKind::Provider, &body)),
    }
}

fn refused(kind: ErrorKind, body: &str) -> Error {
    let text = serde_json::from_str::<Value>(body);
    let text = text
        .ok()
        .and_then(|body| Some(body["message"].as_str()?.to_owned()));
    let text = text.unwrap_or_else(|| "no reason given".to_owned());
    Error::new(kind, format!("the Docker engine refuses: {text}"))
}

/// One request to the engine; answers status and body.
async fn request(method: &str, path: &str, body: Option<&Value>) -> Result<(u16, String)> {
    let unreachable = |error: std::io::Error| {
        let why = format!("no Docker engine answers at {SOCKET}; install and start Docker");
        Error::new(ErrorKind::Unreachable, why).with_source(error)
    };
    let mut stream = UnixStream::connect(SOCKET).await.map_err(unreachable)?;
    let body = body.map_or_else(String::new, Value::to_string);
    // Version 1.0: one answer, not in chunks, and the connection ends with it.
    let request = format!(
        "{method} {path} HTTP/1.0\r\nHost: docker\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream
        .write_all(request.as_bytes())
        .await
        .map_err(unreachable)?;
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .await
        .map_err(unreachable)?;
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    match status {
        Some(status) => Ok((status, body.to_owned())),
        None => Err(Error::new(
            ErrorKind::Provider,
            format!("what answers at {SOCKET} does not speak HTTP"),
        )),
    }
}
