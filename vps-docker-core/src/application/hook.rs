use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use super::manifest::{Scalar, at, invalid};
use crate::error::{Error, ErrorKind, Result};
use crate::http::ApiClient;
use crate::model::{Environment, HostInfo, parse_span};

/// The variable that holds the token, in the container and for a hook's command.
pub const TOKEN_VARIABLE: &str = "HOOK_TOKEN";
/// How long a hook may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What is called when the application is healthy, at each `up`: it should do no harm twice.
///
/// A command runs on this side, in the manifest's directory, with `VPS_DOCKER_APPLICATION`, `VPS_DOCKER_HOST`,
/// `VPS_DOCKER_ADDRESS`, `VPS_DOCKER_URL` and the token in `HOOK_TOKEN`. A URL gets the same by POST as a JSON document with the keys
/// `application`, `environment`, `host`, `address`, `urls` and `token`; an answer of 2xx is a yes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hook {
    /// What is called.
    pub call: HookCall,
    /// The variable of the container that holds the token. Default: [`TOKEN_VARIABLE`].
    pub token_variable: String,
    /// How long it may take. Default: 60 s.
    pub timeout: Duration,
    directory: PathBuf,
}

/// What a hook calls.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HookCall {
    /// The words of a command on this side.
    Command(Vec<String>),
    /// An address that a document is posted to: `https://`, or `http://` on this machine.
    Url(String),
}

/// `[hook]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HookTable {
    command: Option<Vec<String>>,
    url: Option<String>,
    token_variable: Option<String>,
    timeout: Option<Scalar>,
}

/// What a hook is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told<'a> {
    pub(super) application: &'a str,
    pub(super) environment: Option<&'a str>,
    pub(super) host: &'a HostInfo,
    pub(super) urls: &'a [String],
    pub(super) token: &'a SecretString,
}

impl Hook {
    pub(super) fn new(table: &HookTable, directory: &Path) -> Result<Self> {
        let call = match (&table.command, &table.url) {
            (Some(words), None) if words.first().is_some_and(|word| !word.is_empty()) => {
                HookCall::Command(words.clone())
            }
            (None, Some(url)) => {
                // Refused now, not when all is up.
                client(url)?;
                HookCall::Url(url.clone())
            }
            _ => {
                return Err(invalid(
                    "hook: write `command = [\"…\"]` or `url = \"https://…\"`",
                ));
            }
        };
        let limit = match &table.timeout {
            Some(Scalar(text)) => at("hook.timeout", parse_span(text))?,
            None => TIMEOUT,
        };
        let variable = table.token_variable.as_deref().unwrap_or(TOKEN_VARIABLE);
        let alone = Environment::new([(variable, SecretString::default())]);
        at("hook.token_variable", alone)?;
        Ok(Self {
            call,
            token_variable: variable.to_owned(),
            timeout: limit,
            directory: directory.to_owned(),
        })
    }

    /// Calls it; `on_line` is told what a command prints.
    ///
    /// # Errors
    /// `State` with the end of what it printed or the answer; `Timeout`.
    pub(super) async fn call(
        &self,
        told: Told<'_>,
        on_line: &(dyn Fn(String) + Send + Sync),
    ) -> Result<()> {
        let call = async {
            match &self.call {
                HookCall::Command(words) => self.run(words, told, on_line).await,
                HookCall::Url(url) => post(url, told).await,
            }
        };
        timeout(self.timeout, call).await.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::Timeout,
                format!("the hook has not ended after {} s", self.timeout.as_secs()),
            ))
        })
    }

    async fn run(
        &self,
        words: &[String],
        told: Told<'_>,
        on_line: &(dyn Fn(String) + Send + Sync),
    ) -> Result<()> {
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .current_dir(&self.directory)
            .env("VPS_DOCKER_APPLICATION", told.application)
            .env("VPS_DOCKER_ENVIRONMENT", told.environment.unwrap_or(""))
            .env("VPS_DOCKER_HOST", told.host.name.as_str())
            .env("VPS_DOCKER_ADDRESS", told.host.address.to_string())
            .env("VPS_DOCKER_URL", told.urls.first().map_or("", |url| url))
            .env(TOKEN_VARIABLE, told.token.expose_secret())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let failed = |error: std::io::Error| {
            let text = format!("the hook {:?} cannot be run", words[0]);
            Error::new(ErrorKind::State, text).with_source(error)
        };
        let mut child = command.spawn().map_err(failed)?;
        let stdout = child.stdout.take().expect("it is piped");
        let stderr = child.stderr.take().expect("it is piped");
        let ((), said, status) = tokio::join!(
            async {
                lines(stdout, on_line).await;
            },
            lines(stderr, on_line),
            child.wait(),
        );
        let status = status.map_err(failed)?;
        if status.success() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::State,
            format!("the hook {:?} failed ({status}): {said}", words[0]),
        ))
    }
}

/// Tells every line; returns the last of them.
async fn lines(stream: impl AsyncRead + Unpin, on_line: &(dyn Fn(String) + Send + Sync)) -> String {
    const KEPT: usize = 20;
    let mut lines = BufReader::new(stream).lines();
    let mut last = std::collections::VecDeque::new();
    while let Ok(Some(line)) = lines.next_line().await {
        on_line(line.clone());
        last.push_back(line);
        if last.len() > KEPT {
            last.pop_front();
        }
    }
    Vec::from(last).join("\n")
}

async fn post(url: &str, told: Told<'_>) -> Result<()> {
    let document = json!({
        "application": told.application,
        "environment": told.environment,
        "host": told.host.name,
        "address": told.host.address,
        "urls": told.urls,
        "token": told.token.expose_secret(),
    });
    let request = client(url)?.post("call the hook", [] as [&str; 0]);
    let request = request.body(&document).hiding(told.token).repeatable();
    request.done().await.map_err(|error| {
        let text = format!("the hook {url} has not said yes: {error}");
        Error::new(ErrorKind::State, text).with_source(error)
    })
}

fn client(url: &str) -> Result<ApiClient> {
    at("hook.url", ApiClient::builder("hook", url).build())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::Value;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    fn hook(table: Value) -> Hook {
        let table = serde_json::from_value(table).expect("a table");
        Hook::new(&table, Path::new("/")).expect("fit")
    }

    async fn call(hook: &Hook) -> (Result<()>, Vec<String>) {
        let host: HostInfo = serde_json::from_value(json!({
            "id": "aaaaaaaaaaaaaaaa", "name": "shop-prod", "provider": "local", "instance_id": "1",
            "address": "192.0.2.1", "state": "running", "created_at": "2026-01-01T00:00:00Z", "labels": {},
            "vps_ssh": ssh(22), "container_ssh": ssh(2222),
        }))
        .expect("a host");
        let said = Mutex::new(Vec::new());
        let told = Told {
            application: "shop",
            environment: Some("prod"),
            host: &host,
            urls: &["http://192.0.2.1/".to_owned()],
            token: &SecretString::from("t0ken"),
        };
        let tell = |line| said.lock().expect("nobody panics").push(line);
        let called = hook.call(told, &tell).await;
        (called, said.into_inner().expect("nobody panics"))
    }

    fn ssh(port: u16) -> Value {
        json!({
            "user": "root", "host": "192.0.2.1", "port": port, "identity_file": "/key",
            "known_hosts": "", "known_hosts_file": "/known_hosts",
        })
    }

    #[tokio::test]
    async fn a_command_is_told_by_its_environment_and_its_failure_is_ours() {
        let script = "echo $VPS_DOCKER_APPLICATION $VPS_DOCKER_ENVIRONMENT $VPS_DOCKER_HOST $VPS_DOCKER_ADDRESS \
                      $VPS_DOCKER_URL $HOOK_TOKEN";
        let (called, said) = call(&hook(json!({"command": ["sh", "-c", script]}))).await;
        called.expect("it ends well");
        assert_eq!(
            said,
            ["shop prod shop-prod 192.0.2.1 http://192.0.2.1/ t0ken"]
        );
        let fails = json!({"command": ["sh", "-c", "echo no room >&2; exit 4"]});
        let error = call(&hook(fails)).await.0.expect_err("it fails");
        assert_eq!(error.kind(), ErrorKind::State);
        assert!(error.to_string().contains("no room"), "{error}");
        let hangs = json!({"command": ["sleep", "600"], "timeout": "1s"});
        let error = call(&hook(hangs)).await.0.expect_err("it hangs");
        assert_eq!(error.kind(), ErrorKind::Timeout);
        call(&hook(json!({"command": ["/no/such"]})))
            .await
            .0
            .expect_err("not there");
    }

    #[tokio::test]
    async fn a_url_gets_a_document_and_says_yes_or_no() {
        for (answer, is_yes) in [("204 No Content", true), ("403 Forbidden", false)] {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = listener.local_addr().expect("bound");
            let url = format!("http://{address}/register");
            let serve = async {
                let (mut visitor, _) = listener.accept().await.expect("a visitor");
                let mut request = Vec::new();
                while !request.ends_with(b"}") {
                    assert_ne!(visitor.read_buf(&mut request).await.expect("readable"), 0);
                }
                let answer =
                    format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                visitor.write_all(answer.as_bytes()).await.expect("taken");
                String::from_utf8(request).expect("text")
            };
            let hook = hook(json!({"url": url}));
            let ((called, _), request) = tokio::join!(call(&hook), serve);
            assert!(
                request.starts_with("POST /register HTTP/1.1\r\n"),
                "{request}"
            );
            let (_, body) = request.split_once("\r\n\r\n").expect("a body");
            let body: Value = serde_json::from_str(body).expect("JSON");
            assert_eq!(
                body,
                json!({
                    "application": "shop", "environment": "prod", "host": "shop-prod", "address": "192.0.2.1",
                    "urls": ["http://192.0.2.1/"], "token": "t0ken",
                })
            );
            assert_eq!(called.is_ok(), is_yes, "{called:?}");
            if let Err(error) = called {
                assert_eq!(error.kind(), ErrorKind::State);
                assert!(!format!("{error} {error:?}").contains("t0ken"), "{error:?}");
            }
        }
    }
}
