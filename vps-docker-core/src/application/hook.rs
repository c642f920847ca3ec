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
