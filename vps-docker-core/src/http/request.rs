use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rand_core::{OsRng, RngCore};
pub(super) use reqwest::Method;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::Instrument;

use super::api_client::{ApiClient, Inner};
use super::auth::TokenAnswer;
use super::failure::failure;
use super::rate_limit::RateLimit;
use super::refusal::Refusal;
use super::retry::RetryPolicy;
use crate::error::{Error, ErrorKind, Result};
use crate::step::step;

/// A request that has not been sent. Made by [`ApiClient::get`] and its like.
#[must_use = "a request is sent by `send`, `json` or `done`"]
pub struct Request {
    client: Arc<Inner>,
    operation: &'static str,
    method: Method,
    url: Url,
    body: Option<Vec<u8>>,
    headers: Vec<(&'static str, String)>,
    repeatable: bool,
    limit: Option<RateLimit>,
    /// Lines of what is secret in the body.
    hidden: Vec<SecretString>,
    /// A segment of the path that would lead elsewhere: an id that nothing has.
    astray: Option<String>,
}

/// A provider's answer that says yes.
pub struct Response {
    status: StatusCode,
    body: Vec<u8>,
    request_id: Option<String>,
    is_certain: bool,
}

/// Shorter lines tell nothing, and stand in many texts.
const TELLING: usize = 12;

impl Request {
    pub(super) fn new<S: AsRef<str>>(
        client: &ApiClient,
        method: Method,
        operation: &'static str,
        path: impl IntoIterator<Item = S>,
    ) -> Self {
        let client = Arc::clone(&client.0);
        let mut url = client.base_url.clone();
        let mut astray = None;
        // By segments: whatever an id contains stays within its own.
        let path = path.into_iter().inspect(|segment| {
            if matches!(segment.as_ref(), "" | "." | "..") {
                astray = Some(segment.as_ref().to_owned());
            }
        });
        url.path_segments_mut()
            .expect("the base URL was checked")
            .pop_if_empty()
            .extend(path);
        Self {
            astray,
            operation,
            repeatable: matches!(method, Method::GET | Method::PUT | Method::DELETE),
            method,
            url,
            body: None,
            headers: Vec::new(),
            limit: None,
            hidden: Vec::new(),
            client,
        }
    }

    /// Adds a parameter to the query; a name may be added twice.
    pub fn query(mut self, name: &str, value: impl ToString) -> Self {
        self.url
            .query_pairs_mut()
            .append_pair(name, &value.to_string());
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sends this as JSON.
    ///
    /// # Panics
    /// When it cannot be written as JSON, such as a map whose keys are no strings.
    pub fn body(mut self, body: &impl Serialize) -> Self {
        self.body = Some(serde_json::to_vec(body).expect("wire types can be written as JSON"));
        self
    }

    /// Says what of the body is secret, such as `user_data`: it is taken out where the provider repeats it
    /// in a refusal, each of its lines for itself.
    pub fn hiding(mut self, secret: &SecretString) -> Self {
        let lines = secret.expose_secret().lines().map(str::trim);
        let telling = lines.filter(|line| line.len() >= TELLING);
        self.hidden.extend(telling.map(SecretString::from));
        self
    }

    /// It does the same when it is sent twice, whatever its method.
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// It must not be sent twice, whatever its method.
    pub fn once(mut self) -> Self {
        self.repeatable = false;
        self
    }

    /// Keeps a limit of its own besides those of the client. A 429 is then taken for that of this one and
    /// holds nothing else.
    pub fn limited_by(mut self, limit: &RateLimit) -> Self {
        self.limit = Some(limit.clone());
        self
    }

    /// Sends it and waits for the answer. Dropped in the middle it may or may not be carried out.
    ///
    /// # Errors
    /// What the crate's `parse_error` makes of a refusal; `Unreachable`, `Timeout`; `RateLimited` when
    /// the provider wants more patience than the deadline allows. With the operation and, where the
    /// provider gave one, the request's id.
    pub async fn send(self) -> Result<Response> {
        let span = tracing::info_span!(
            "http",
            provider = self.client.provider,
            operation = self.operation,
            method = %self.method,
            status = tracing::field::Empty,
            tries = tracing::field::Empty,
        );
        let operation = self.operation;
        self.run()
            .instrument(span)
            .await
            .map_err(|error| error.with_operation(operation))
    }

    /// Sends it and reads the answer as JSON.
    ///
    /// # Errors
    /// Those of [`send`](Self::send) and [`Response::json`].
    pub async fn json<T: DeserializeOwned>(self) -> Result<T> {
        let operation = self.operation;
        let response = self.send().await?;
        response
            .json()
            .map_err(|error| error.with_operation(operation))
    }

    /// Sends it; the answer's body is of no interest.
    ///
    /// # Errors
    /// Those of [`send`](Self::send).
    pub async fn done(self) -> Result<()> {
        self.send().await.map(drop)
    }

    async fn run(self) -> Result<Response> {
        // A URL leaves such segments out: what is meant for one thing would go to all of them.
        if let Some(id) = &self.astray {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("nothing at the provider has the id {id:?}"),
            ));
        }
        let policy = &self.client.retry;
        let mut pauses = policy.pauses();
        let mut deadline: Option<Instant> = None;
        let mut tries = 0;
        let mut faults = 0;
        let mut obtained_anew = false;
        loop {
            self.wait_for_turn().await;
            // Not before: it may end while one waits.
            let token = self.token().await?;
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + policy.total_timeout);
            tries += 1;
            let outcome = self.try_once(token.as_ref()).await;
            tracing::Span::current().record("tries", tries);
            let failed = match outcome {
                Ok(response) => {
                    if self.method != Method::GET {
                        step("request answered", self.operation);
                    }
                    return Ok(response);
                }
                Err(failed) => failed,
            };
            // A token may end before its time.
            if let (Some(401), Some(token), false) = (failed.status, &token, obtained_anew)
                && self.client.auth.forget(token).await
            {
                obtained_anew = true;
                continue;
            }
            let may_be_sent_again = self.repeatable || failed.is_certain;
            if !failed.error.is_retryable() || !may_be_sent_again {
                return Err(failed.into_error(self.repeatable));
            }
            let pause = pauses.next().unwrap_or(policy.longest_pause);
            let pause = failed.patience.map_or(pause, |own| own.pause(policy));
            let next = Instant::now() + pause;
            if failed.status == Some(429) {
                for limit in self.limits_refused() {
                    limit.hold_until(next);
                }
            } else {
                faults += 1;
            }
            if faults >= policy.tries || next >= deadline {
                return Err(failed.into_error(self.repeatable));
            }
            tracing::debug!(error = %failed.error, tries, "trying again");
            sleep_until(next).await;
        }
    }

    fn limits(&self) -> impl Iterator<Item = &RateLimit> {
        self.client.limits.iter().chain(&self.limit)
    }

    /// Those that a 429 speaks of: a request with a limit of its own has exceeded that one.
    fn limits_refused(&self) -> impl Iterator<Item = &RateLimit> {
        let common = match &self.limit {
            Some(_) => &[],
            None => self.client.limits.as_slice(),
        };
        common.iter().chain(&self.limit)
    }

    async fn wait_for_turn(&self) {
        for limit in self.limits() {
            limit.take().await;
        }
    }

    async fn token(&self) -> Result<Option<SecretString>> {
        let obtain = async |grant: super::PasswordGrant| {
            let http = &self.client.http;
            let fields = grant.fields();
            let build = || http.post(&grant.token_url).form(&fields);
            let policy = &self.client.retry;
            let mut pauses = policy.pauses();
            for n in 1.. {
                match self.exchange(build(), None).await {
                    Ok(response) => return response.json::<TokenAnswer>(),
                    Err(failed) if failed.error.is_retryable() && n < policy.tries => {
                        let pause = pauses.next().unwrap_or(policy.longest_pause);
                        let pause = failed.patience.map_or(pause, |own| own.pause(policy));
                        sleep(pause.min(policy.total_timeout)).await;
                    }
                    Err(failed) => return Err(as_login_failure(failed)),
                }
            }
            unreachable!("the last try returns")
        };
        self.client
            .auth
            .token(obtain)
            .await
            .map_err(|error| error.with_operation("log in"))
    }

    async fn try_once(&self, token: Option<&SecretString>) -> Result<Response, Failed> {
        let client = &self.client;
        let mut request = client.http.request(self.method.clone(), self.url.clone());
        if let Some(token) = token {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some(name) = client.request_id_header {
            request = request.header(name, random_uuid());
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = &self.body {
            request = request
                .header("content-type", "application/json")
                .body(body.clone());
        }
        self.exchange(request, token).await
    }

    /// One request and its answer, within the time for one try.
    async fn exchange(
        &self,
        request: reqwest::RequestBuilder,
        token: Option<&SecretString>,
    ) -> Result<Response, Failed> {
        let limit = self.client.retry.try_timeout;
        let exchange = self.exchange_unhurried(request, token);
        timeout(limit, exchange).await.unwrap_or_else(|_elapsed| {
            let place = self.client.place();
            Err(Failed::of(
                Error::new(
                    ErrorKind::Timeout,
                    format!("{place} did not answer within {} s", limit.as_secs()),
                )
                .retryable(),
            ))
        })
    }

    async fn exchange_unhurried(
        &self,
        request: reqwest::RequestBuilder,
        token: Option<&SecretString>,
    ) -> Result<Response, Failed> {
        let client = &self.client;
        let broken = |error| {
            let failure = failure(error, &client.place());
            Failed {
                is_certain: !failure.sent,
                ..Failed::of(failure.error)
            }
        };
        let mut answer = request.send().await.map_err(broken)?;
        let status = answer.status();
        tracing::Span::current().record("status", status.as_u16());
        let request_id = request_id(answer.headers());
        if let (Some(remaining), Some(limit)) = (
            number(answer.headers(), "ratelimit-remaining"),
            client.limits.first(),
        ) {
            #[allow(clippy::cast_precision_loss)]
            limit.at_most(remaining as f64);
        }
        let patience = patience(answer.headers());
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > client.body_limit {
                let error = Error::new(
                    ErrorKind::Provider,
                    format!(
                        "the provider's answer is larger than {} bytes and was not read to its end",
                        client.body_limit
                    ),
                );
                return Err(Failed::of(with_id(error, request_id)));
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return Ok(Response {
                status,
                body,
                request_id,
                is_certain: self.repeatable,
            });
        }
        let hidden = self.hidden.iter().chain(token);
        let text = client.redact(&String::from_utf8_lossy(&body), hidden);
        let refusal = Refusal::new(self.operation, status.as_u16(), &text);
        Err(Failed {
            is_certain: refusal.is_certain(),
            status: Some(status.as_u16()),
            patience,
            error: with_id((client.parse_error)(&refusal), request_id),
        })
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("operation", &self.operation)
            .field("method", &self.method)
            .field("url", &self.url.as_str())
            .finish_non_exhaustive()
    }
}

impl Response {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Provider`] when it is something else: [retryable](Error::is_retryable) where the
    /// request does the same when sent twice, else [unclear](Error::is_unclear).
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|cause| {
            let looks_like_html = self.body.trim_ascii_start().first() == Some(&b'<');
            let what = if looks_like_html {
                "a page of HTML, as a proxy or a wrong endpoint would send"
            } else if cause.is_eof() {
                "broken off"
            } else {
                "not what its documentation says"
            };
            // serde's text repeats what it read, which may be a secret.
            let place = format!("line {}, column {}", cause.line(), cause.column());
            let error = Error::new(
                ErrorKind::Provider,
                format!("the provider's answer is {what} ({place})"),
            )
            .with_provider_code(self.status().to_string());
            let error = with_id(error, self.request_id.clone());
            if self.is_certain {
                // A proxy's page or half an answer passes.
                error.retryable()
            } else {
                error.unclear()
            }
        })
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

/// A try that did not succeed.
#[derive(Debug)]
struct Failed {
    error: Error,
    /// The status, where there was an answer.
    status: Option<u16>,
    /// How long the provider wants us to wait.
    patience: Option<Patience>,
    /// Whether it is certain that nothing was done.
    is_certain: bool,
}

impl Failed {
    /// One that may have been carried out.
    fn of(error: Error) -> Self {
        Self {
            error,
            status: None,
            patience: None,
            is_certain: false,
        }
    }

    fn into_error(self, repeatable: bool) -> Error {
        let error = match self.patience {
            Some(patience) if self.status == Some(429) => {
                let words = match patience {
                    Patience::Asked(_) => "it wants to be asked again in",
                    Patience::UntilReset(_) => "its rate limit is reset in",
                };
                let seconds = patience.span().as_secs();
                self.error.with_note(format!("{words} {seconds} s"))
            }
            _ => self.error,
        };
        if repeatable || self.is_certain {
            error
        } else {
            error.unclear()
        }
    }
}

/// A refused login is wrong credentials, whatever the status.
fn as_login_failure(failed: Failed) -> Error {
    match failed.status {
        Some(400 | 401 | 403) => Error::new(
            ErrorKind::Auth,
            "the provider does not accept client id, client secret, user and password; see whether \
             each is the one made for the API",
        )
        .with_source(failed.error),
        _ => failed.error,
    }
}

fn with_id(error: Error, id: Option<String>) -> Error {
    match id {
        Some(id) => error.with_request_id(id),
        None => error,
    }
}

/// By whatever name a provider calls it.
fn request_id(headers: &HeaderMap) -> Option<String> {
    ["x-request-id", "x-correlation-id", "cf-ray"]
        .into_iter()
        .find_map(|name| headers.get(name)?.to_str().ok())
        .map(|id| id.chars().filter(char::is_ascii_graphic).take(64).collect())
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// What a provider says of waiting.
#[derive(Clone, Copy, Debug)]
enum Patience {
    /// `Retry-After`: not sooner.
    Asked(Duration),
    /// `RateLimit-Reset`: then nothing is used up any more, or the oldest request is forgotten. It may be an
    /// hour away, and of another limit than the one that was exceeded.
    UntilReset(Duration),
}

impl Patience {
    /// How long to wait before one more try. There is room for it long before all is free again.
    fn pause(self, policy: &RetryPolicy) -> Duration {
        match self {
            Self::Asked(span) => span,
            Self::UntilReset(span) => span.min(policy.longest_pause),
        }
    }

    fn span(self) -> Duration {
        match self {
            Self::Asked(span) | Self::UntilReset(span) => span,
        }
    }
}

/// How long a provider wants us to wait: `Retry-After` in seconds or as a date, else the moment in
/// `RateLimit-Reset`. Dates are compared with the provider's own clock, which need not be ours.
fn patience(headers: &HeaderMap) -> Option<Patience> {
    let date = |name| headers.get(name)?.to_str().ok().and_then(http_date);
    if let Some(seconds) = number(headers, RETRY_AFTER.as_str()) {
        return Some(Patience::Asked(Duration::from_secs(seconds)));
    }
    let now = date(DATE.as_str()).unwrap_or_else(SystemTime::now);
    let from_now = |until: SystemTime| until.duration_since(now).unwrap_or_default();
    if let Some(until) = date(RETRY_AFTER.as_str()) {
        return Some(Patience::Asked(from_now(until)));
    }
    let seconds = number(headers, "ratelimit-reset")?;
    let until = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
    Some(Patience::UntilReset(from_now(until)))
}

/// The preferred form of RFC 9110, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(text: &str) -> Option<SystemTime> {
    jiff::fmt::rfc2822::parse(text)
        .ok()
        .map(|zoned| zoned.timestamp().into())
}

fn random_uuid() -> String {
    let mut bytes = [0_u8; 16];
    OsRng.fill_bytes(&mut bytes);
    // Version 4, variant 1 (RFC 9562).
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}
