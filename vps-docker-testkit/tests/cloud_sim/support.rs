//! What the tests share: a client that knows nothing of any cloud.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use vps_docker_testkit::cloud_sim::{CloudSim, CloudSimBuilder, Provider};

/// Three SSH public keys.
pub(crate) const KEYS: [&str; 3] = [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICBFWwSjKHbOVpla+hVEyvE5a9si09gjCcr3IeFMopl4 one",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti two",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIHcJIFh8LSlXxS3cJaXBYtfWfv8S4JjmNZGgKFwJdfn three",
];

/// A simulator in memory whose provider is a hundred times as fast as usual.
pub(crate) fn fast(provider: Provider) -> CloudSimBuilder {
    say_if_unchecked();
    CloudSim::builder(provider).time_scale(100.0)
}

/// Without the documents the tests still test the simulators, but less of them.
pub(crate) fn say_if_unchecked() {
    if vps_docker_testkit::cloud_sim::api_specs_dir().is_none() {
        eprintln!("SKIPPED: validation, as there are no API documents; set VPS_DOCKER_API_SPECS");
    }
}

/// Asks a simulator.
pub(crate) struct Client {
    http: reqwest::Client,
    pub(crate) url: String,
    pub(crate) token: String,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) headers: reqwest::header::HeaderMap,
}

impl Answered {
    /// A header as a number.
    pub(crate) fn number(&self, header: &str) -> Option<i64> {
        self.headers.get(header)?.to_str().ok()?.parse().ok()
    }
}

impl Client {
    pub(crate) fn of(sim: &CloudSim) -> Self {
        Self::new(sim.url(), sim.token())
    }

    pub(crate) fn new(url: impl Into<String>, token: impl Into<String>) -> Self {
        // reqwest wants a provider of cryptography also where nothing is encrypted.
        let _one_is_there = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(60))
            .build()
            .expect("a client without TLS");
        Self {
            http,
            url: url.into(),
            token: token.into(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answered {
        self.send(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answered {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answered {
        self.send(Method::DELETE, path, None).await
    }

    /// `path` begins behind the prefix.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answered {
        self.try_send(method, path, body).await.expect("an answer")
    }

    /// An error where the connection breaks.
    pub(crate) async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Answered, reqwest::Error> {
        let mut request = self.begin(method, path);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await?;
        Ok(Answered {
            status,
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
            headers,
        })
    }

    /// A request that is not yet sent.
    pub(crate) fn begin(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(&self.token)
    }

    /// Asks until the answer is as wanted.
    pub(crate) async fn until(&self, path: &str, wanted: impl Fn(&Answered) -> bool) -> Answered {
        loop {
            let answered = self.get(path).await;
            assert_ne!(answered.status, 429, "waited too long: {path}");
            if wanted(&answered) {
                return answered;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
