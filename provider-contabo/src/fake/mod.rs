//! Contabo as the document describes it, in so far as the flows of this crate need it: a server on a
//! loopback port with machines in memory, faults to order, and a log. Requests are held against the
//! document where it is at hand.

mod account;
mod document;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vps_docker_core::http::RetryPolicy;

use account::path;

pub(crate) use account::State;
pub(crate) use document::api_document;

use crate::{ContaboConfig, ContaboProvider};

/// The server. It ends with its runtime.
#[derive(Debug)]
pub(crate) struct Fake {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Fault {
    request: &'static str,
    kind: FaultKind,
    after_effect: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    Status(u16),
    /// The connection is cut.
    Drop,
    Garbage,
    Delay(Duration),
    /// Somebody else writes this display name first.
    Overwrite(&'static str),
}

impl Fake {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State {
            install_looks: 1,
            document: api_document(),
            ..State::default()
        }));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { url, state }
    }

    pub(crate) fn config(&self) -> ContaboConfig {
        let mut retry = RetryPolicy::default();
        retry.tries = 2;
        retry.first_pause = Duration::from_millis(2);
        retry.longest_pause = Duration::from_millis(20);
        ContaboConfig::new(
            "marked-id",
            "marked-secret",
            "marked-user",
            "marked-password",
        )
        .endpoint(format!("{}/v1", self.url))
        .token_url(format!("{}/token", self.url))
        .rate_limit_factor(1000.0)
        .settle_time(Duration::from_millis(1000))
        .retry(retry)
    }

    /// One that orders.
    pub(crate) fn provider(&self) -> ContaboProvider {
        ContaboProvider::new(self.config().allow_order(true)).expect("legal")
    }

    /// One that must not.
    pub(crate) fn thrifty_provider(&self) -> ContaboProvider {
        ContaboProvider::new(self.config()).expect("legal")
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panicked")
    }

    /// The next request that begins like this fails.
    pub(crate) fn fault(&self, request: &'static str, kind: FaultKind, after_effect: bool) {
        self.state().faults.push(Fault {
            request,
            kind,
            after_effect,
        });
    }

    /// What did not happen yet will not.
    pub(crate) fn no_more_faults(&self) {
        self.state().faults.clear();
    }

    /// Adds a machine that somebody bought.
    pub(crate) fn machine(&self, display_name: &str) -> u64 {
        self.state()
            .add_machine("V153", "EU", display_name, "running")
    }

    pub(crate) fn display_name(&self, number: u64) -> String {
        let state = self.state();
        let name = &state.machines[&number]["displayName"];
        name.as_str().expect("a text").to_owned()
    }

    /// How many requests began like this.
    pub(crate) fn count(&self, request: &str) -> usize {
        let state = self.state();
        state
            .log
            .iter()
            .filter(|(line, _)| line.starts_with(request))
            .count()
    }

    pub(crate) fn body(&self, request: &str) -> Value {
        let state = self.state();
        let mut bodies = state.log.iter().rev();
        let (_, body) = bodies
            .find(|(line, _)| line.starts_with(request))
            .expect(request);
        body.clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let invalid = std::mem::take(&mut self.state().invalid);
            assert!(invalid.is_empty(), "the document forbids: {invalid:#?}");
        }
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            if !matches!(stream.read_buf(&mut buffer).await, Ok(1..)) {
                return;
            }
        };
        let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
        let header = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then(|| value.to_owned()))
        };
        let length = header("content-length").map_or(0, |text| text.parse().expect("a length"));
        while buffer.len() < end + length {
            if !matches!(stream.read_buf(&mut buffer).await, Ok(1..)) {
                return;
            }
        }
        let body = serde_json::from_slice(&buffer[end..end + length]).unwrap_or(Value::Null);
        buffer.drain(..end + length);
        let mut words = head.split_whitespace();
        let (method, target) = (
            words.next().expect("a method"),
            words.next().expect("a target"),
        );
        let request_id = header("x-request-id").unwrap_or_default();
        let line = format!("{method} {target}");
        let fault = {
            let mut state = state.lock().expect("nobody panicked");
            let at = state
                .faults
                .iter()
                .position(|fault| line.starts_with(fault.request));
            at.map(|at| state.faults.remove(at))
        };
        if let Some(FaultKind::Delay(time)) = fault.as_ref().map(|fault| fault.kind) {
            tokio::time::sleep(time).await;
        }
        let (mut status, mut text) = {
            let mut state = state.lock().expect("nobody panicked");
            let is_real = fault.as_ref().is_none_or(|fault| fault.after_effect);
            if !line.contains("/token") {
                state.log.push((line.clone(), body.clone()));
                let forbidden =
                    document::complaints(state.document.as_ref(), &line, &body, &request_id);
                state.invalid.extend(forbidden);
            }
            if let Some(FaultKind::Overwrite(name)) = fault.as_ref().map(|fault| fault.kind) {
                let number = path(target)
                    .nth(3)
                    .and_then(|word| word.parse().ok())
                    .expect("one");
                state
                    .machine(number)
                    .insert("displayName".into(), json!(name));
            }
            if is_real {
                let (status, answer) = state.answer(method, target, &body);
                (status, answer.to_string())
            } else {
                (0, String::new())
            }
        };
        match fault.map(|fault| fault.kind) {
            Some(FaultKind::Drop) => return,
            Some(FaultKind::Status(code)) => {
                status = code;
                text = json!({"statusCode": code, "message": "as ordered"}).to_string();
            }
            Some(FaultKind::Garbage) => "{\"data\": \"".clone_into(&mut text),
            _ => {}
        }
        let answer = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{text}",
            text.len()
        );
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}
