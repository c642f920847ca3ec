use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::auth::Auth;
use super::rate_limit::RateLimit;
use super::refusal::Refusal;
use super::request::{Method, Request};
use super::retry::RetryPolicy;
use super::tls;
use crate::error::{Error, ErrorKind, Result};

/// Makes an error of a provider's refusal: one for each provider crate.
pub(super) type ParseError = fn(&Refusal<'_>) -> Error;

/// Speaks to one provider's API. Cheap to clone; clones share connections, pace and token.
#[derive(Clone)]
pub struct ApiClient(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) provider: &'static str,
    pub(super) base_url: Url,
    pub(super) http: reqwest::Client,
    pub(super) auth: Auth,
    pub(super) limits: Vec<RateLimit>,
    pub(super) retry: RetryPolicy,
    pub(super) parse_error: ParseError,
    pub(super) request_id_header: Option<&'static str>,
    pub(super) body_limit: usize,
}

impl ApiClient {
    /// Begins a client. `base_url` has the path prefix: `https://api.acme.example/v1`.
    #[must_use]
    pub fn builder(provider: &'static str, base_url: impl Into<String>) -> ApiClientBuilder {
        ApiClientBuilder {
            provider,
            base_url: base_url.into(),
            auth: Auth::none(),
            limits: Vec::new(),
            rate_limit_factor: 1.0,
            retry: RetryPolicy::default(),
            parse_error: |refusal| refusal.by_status(&refusal.text()),
            request_id_header: None,
            body_limit: DEFAULT_BODY_LIMIT,
        }
    }

    /// A GET of a path below the base URL, given by its segments. `operation` is what errors and
    /// spans call it.
    pub fn get<S: AsRef<str>>(
        &self,
        operation: &'static str,
        path: impl IntoIterator<Item = S>,
    ) -> Request {
        Request::new(self, Method::GET, operation, path)
    }

    /// A PUT, which does the same when it is sent twice; else say [`once`](Request::once).
    pub fn put<S: AsRef<str>>(
        &self,
        operation: &'static str,
        path: impl IntoIterator<Item = S>,
    ) -> Request {
        Request::new(self, Method::PUT, operation, path)
    }

    /// A DELETE. Sent again after a cut connection it may find nothing more to delete:
    /// [`gone_is_success`](super::gone_is_success).
    pub fn delete<S: AsRef<str>>(
        &self,
        operation: &'static str,
        path: impl IntoIterator<Item = S>,
    ) -> Request {
        Request::new(self, Method::DELETE, operation, path)
    }

    /// A POST, which is not sent again unless it was certainly not carried out; else say
    /// [`repeatable`](Request::repeatable).
    pub fn post<S: AsRef<str>>(
        &self,
        operation: &'static str,
        path: impl IntoIterator<Item = S>,
    ) -> Request {
        Request::new(self, Method::POST, operation, path)
    }

    /// A PATCH, treated like a POST.
    pub fn patch<S: AsRef<str>>(
        &self,
        operation: &'static str,
        path: impl IntoIterator<Item = S>,
    ) -> Request {
        Request::new(self, Method::PATCH, operation, path)
    }
}

impl Inner {
    /// The provider's address for people.
    pub(super) fn place(&self) -> String {
        self.base_url.origin().ascii_serialization()
    }

    /// Takes our secrets out of what somebody else wrote.
    pub(super) fn redact<'a>(
        &'a self,
        text: &str,
        also: impl Iterator<Item = &'a SecretString>,
    ) -> String {
        let mut text = text.to_owned();
        for secret in self.auth.secrets().into_iter().chain(also) {
            let secret = secret.expose_secret();
            if !secret.is_empty() {
                text = text.replace(secret, "[secret]");
            }
        }
        text
    }
}

impl fmt::Debug for ApiClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiClient")
            .field("provider", &self.0.provider)
            .field("base_url", &self.0.base_url.as_str())
            .finish_non_exhaustive()
    }
}

/// 8 MiB: a page of a few hundred instances takes one.
const DEFAULT_BODY_LIMIT: usize = 8 << 20;

/// Builds an [`ApiClient`]. Setters never fail; [`build`](Self::build) names what is wrong.
#[derive(Debug)]
pub struct ApiClientBuilder {
    provider: &'static str,
    base_url: String,
    auth: Auth,
    limits: Vec<RateLimit>,
    rate_limit_factor: f64,
    retry: RetryPolicy,
    parse_error: ParseError,
    request_id_header: Option<&'static str>,
    body_limit: usize,
}

/// The widest that limits are made: beyond it a factor is a slip of the pen.
const WIDEST_FACTOR: f64 = 1000.0;

impl ApiClientBuilder {
    /// How the client proves who it is. Default: not at all.
    #[must_use]
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }

    /// Adds a limit that every request keeps. The first one is the limit that the provider's headers
    /// speak of.
    #[must_use]
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.limits.push(limit);
        self
    }

    /// How much of all its limits the client uses: below 1 where other programs use the same account,
    /// above 1 where the provider has granted more; more than 0 and at most 1000. Default: 1. Any other
    /// makes them [limits of its own](RateLimit::scaled), shared with no other client.
    #[must_use]
    pub fn rate_limit_factor(mut self, factor: f64) -> Self {
        self.rate_limit_factor = factor;
        self
    }

    /// How often and how long a request is tried.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// What makes an error of a refusal. Default: by the status alone.
    #[must_use]
    pub fn parse_error(mut self, parse_error: fn(&Refusal<'_>) -> Error) -> Self {
        self.parse_error = parse_error;
        self
    }

    /// Sends a fresh random UUID in this header with every try, for providers that want one.
    #[must_use]
    pub fn request_id_header(mut self, name: &'static str) -> Self {
        self.request_id_header = Some(name);
        self
    }

    /// Most bytes of an answer. Default: 8 MiB.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Checks the settings and makes the client. No I/O but reading this machine's certificates.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for an unfit URL or factor, [`ErrorKind::Unreachable`] for `https` without any
    /// certificate authority on this machine.
    pub fn build(self) -> Result<ApiClient> {
        let base_url = parse_base_url(&self.base_url)?;
        let limits = scaled(self.limits, self.rate_limit_factor)?;
        let speaks_tls = base_url.scheme() == "https";
        let http = reqwest::Client::builder()
            .user_agent(concat!("vps-docker/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .tls_backend_preconfigured(tls::config(speaks_tls)?)
            .https_only(speaks_tls);
        let http = http.build().map_err(|error| {
            Error::new(ErrorKind::State, "no HTTP client can be made here").with_source(error)
        })?;
        Ok(ApiClient(Arc::new(Inner {
            provider: self.provider,
            base_url,
            http,
            auth: self.auth,
            limits,
            retry: self.retry,
            parse_error: self.parse_error,
            request_id_header: self.request_id_header,
            body_limit: self.body_limit,
        })))
    }
}

fn scaled(mut limits: Vec<RateLimit>, factor: f64) -> Result<Vec<RateLimit>> {
    if !(factor > 0.0 && factor <= WIDEST_FACTOR) {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "the rate_limit_factor is {factor}; write a number such as 0.5, more than 0 and at \
                 most {WIDEST_FACTOR}"
            ),
        ));
    }
    // A factor of 1 leaves them shared with those who have them as well.
    if factor.total_cmp(&1.0).is_ne() {
        limits = limits.iter().map(|limit| limit.scaled(factor)).collect();
    }
    Ok(limits)
}

/// Credentials go to this address, so plain HTTP is for this machine only.
fn parse_base_url(text: &str) -> Result<Url> {
    let unfit = |why: &str| {
        Error::new(
            ErrorKind::Invalid,
            format!("the endpoint {text:?} {why}; write one like https://api.example.com/v1"),
        )
    };
    let url = Url::parse(text).map_err(|error| unfit("is no URL").with_source(error))?;
    let Some(host) = url.host_str() else {
        return Err(unfit("names no machine"));
    };
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    let is_loopback = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    match url.scheme() {
        "https" => {}
        "http" if is_loopback => {}
        "http" => {
            return Err(unfit(
                "would send the credentials unencrypted, which is only done to this machine",
            ));
        }
        _ => return Err(unfit("does not begin with https://")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::new(
            ErrorKind::Invalid,
            "the endpoint holds a user or a password; give credentials by their own options",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(unfit("has more than a path"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(factor: f64) -> Result<ApiClient> {
        ApiClient::builder("acme", "http://127.0.0.1:9/v1")
            .rate_limit(RateLimit::tokens(10, 2.0))
            .rate_limit(RateLimit::tokens(100, 50.0))
            .rate_limit_factor(factor)
            .build()
    }

    #[test]
    fn a_factor_widens_all_limits() {
        for (factor, widths) in [
            (0.5, [(5.0, 1.0), (50.0, 25.0)]),
            (1.0, [(10.0, 2.0), (100.0, 50.0)]),
            // No more at once.
            (1000.0, [(10.0, 2000.0), (100.0, 50_000.0)]),
        ] {
            let client = built(factor).expect("fit");
            let seen: Vec<_> = client.0.limits.iter().map(RateLimit::width).collect();
            assert_eq!(seen, widths, "{factor}");
        }
    }

    #[test]
    fn an_unfit_factor_is_refused_with_what_would_be_right() {
        for factor in [0.0, -0.0, -1.0, 1000.1, f64::INFINITY, f64::NAN] {
            let error = built(factor).expect_err("unfit");
            assert_eq!(error.kind(), ErrorKind::Invalid);
            let told = format!(
                "the rate_limit_factor is {factor}; write a number such as 0.5, more than 0 and at \
                 most 1000"
            );
            assert_eq!(error.to_string(), told);
        }
    }
}
