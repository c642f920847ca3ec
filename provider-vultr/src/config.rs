use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use vps_docker_core::http::{ApiClient, Auth, RateLimit, RetryPolicy};
use vps_docker_core::registry::{ProviderOption, ProviderOptions};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::error;

/// Settings of the provider: an API key, and what has a default.
///
/// Setters never fail; [`VultrProvider::new`](crate::VultrProvider::new) says what is wrong. Debug
/// shows no secret.
#[derive(Clone, Debug)]
pub struct VultrConfig {
    token: SecretString,
    endpoint: String,
    rate_limit_factor: f64,
    pub(crate) retry: RetryPolicy,
}

/// What [`VultrConfig::from_options`] knows.
pub(crate) const OPTIONS: &[ProviderOption] = &[
    ProviderOption::credential(
        "token",
        "an API key, made at https://my.vultr.com/settings/#settingsapi, where this machine's \
         address has to be allowed as well",
    )
    .variable("VULTR_API_KEY"),
    ProviderOption::optional("endpoint", "URL of the API, with /v2 at its end")
        .variable("VULTR_API_URL"),
    ProviderOption::optional(
        "rate_limit_factor",
        "how much of the API's rate limit to use: less than 1 where other programs at this address \
         use it too",
    ),
];

/// Where the API is.
const ENDPOINT: &str = "https://api.vultr.com/v2";

impl VultrConfig {
    /// The defaults, with an API key.
    #[must_use]
    pub fn new(token: impl Into<SecretString>) -> Self {
        Self {
            token: token.into(),
            endpoint: ENDPOINT.to_owned(),
            rate_limit_factor: 1.0,
            retry: RetryPolicy::default(),
        }
    }

    /// Reads the settings from options: `token`, `endpoint`, `rate_limit_factor`.
    ///
    /// # Errors
    /// [`ErrorKind::Auth`] without a token, with where to make one; [`ErrorKind::Invalid`] for an
    /// unknown key or an unfit value.
    pub fn from_options(options: &ProviderOptions) -> Result<Self> {
        options.check_known(OPTIONS)?;
        options.check_complete(crate::NAME, OPTIONS)?;
        let token = options.value("token").cloned().unwrap_or_default();
        let mut config = Self::new(token);
        if let Some(url) = options.text("endpoint") {
            config = config.endpoint(url);
        }
        if let Some(factor) = options.number("rate_limit_factor")? {
            config = config.rate_limit_factor(factor);
        }
        Ok(config)
    }

    /// URL of the API, path prefix included. Default: `https://api.vultr.com/v2`.
    #[must_use]
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = url.into();
        self
    }

    /// How much of the API's rate limit to use: more than 0, at most 1000. Default: 1, which is 30 requests a
    /// second. Vultr counts by source address, so less where other programs at this one use the API
    /// too; more where Vultr granted more.
    #[must_use]
    pub fn rate_limit_factor(mut self, factor: f64) -> Self {
        self.rate_limit_factor = factor;
        self
    }

    /// How often and how long a request is tried. Default: that of [`RetryPolicy`].
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// The client that these settings make.
    pub(crate) fn client(self) -> Result<ApiClient> {
        // Variables and files like to end in a line break.
        let token = self.token.expose_secret().trim();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::new(
                ErrorKind::Auth,
                "the API key is empty or holds what no key does; it is the option \"token\" \
                 (VULTR_API_KEY), made at https://my.vultr.com/settings/#settingsapi",
            ));
        }
        // "30 requests per second" and address, https://www.vultr.com/api/#section/Introduction
        let limit = RateLimit::window(30, Duration::from_secs(1), 5);
        ApiClient::builder(crate::NAME, self.endpoint)
            .auth(Auth::bearer(token.into()))
            .rate_limit(limit)
            .rate_limit_factor(self.rate_limit_factor)
            .retry(self.retry)
            .parse_error(error::parse_error)
            .build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keys_are_read() {
        let options = ProviderOptions::new()
            .set("token", "marked-token\n")
            .set("endpoint", "http://127.0.0.1:1/v2")
            .set("rate_limit_factor", "0.5");
        let config = VultrConfig::from_options(&options).expect("legal");
        assert_eq!(config.endpoint, "http://127.0.0.1:1/v2");
        assert!((config.rate_limit_factor - 0.5).abs() < f64::EPSILON);
        config
            .client()
            .expect("a client, the line break notwithstanding");
    }

    #[test]
    fn what_is_missing_is_told_with_where_to_make_it() {
        let error = VultrConfig::from_options(&ProviderOptions::new()).expect_err("no token");
        assert_eq!(error.kind(), ErrorKind::Auth);
        for hint in [
            "VULTR_API_KEY",
            "https://my.vultr.com/settings/#settingsapi",
        ] {
            assert!(error.to_string().contains(hint), "{error}");
        }
    }

    #[test]
    fn unfit_values_are_refused_with_what_would_be_right() {
        for (key, value, kind, hint) in [
            ("tokn", "x", ErrorKind::Invalid, "did you mean token?"),
            (
                "rate_limit_factor",
                "half",
                ErrorKind::Invalid,
                "such as 0.5",
            ),
            ("rate_limit_factor", "0", ErrorKind::Invalid, "such as 0.5"),
            (
                "rate_limit_factor",
                "NaN",
                ErrorKind::Invalid,
                "such as 0.5",
            ),
            ("endpoint", "api.vultr.com", ErrorKind::Invalid, "https://"),
            ("token", "two words", ErrorKind::Auth, "VULTR_API_KEY"),
        ] {
            let options = ProviderOptions::new().set("token", "x").set(key, value);
            let error = VultrConfig::from_options(&options)
                .and_then(VultrConfig::client)
                .expect_err(key);
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(hint), "{error}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let config = VultrConfig::new("marked-token");
        assert!(!format!("{config:?}").contains("marked"), "{config:?}");
        let client = config.client().expect("a client");
        assert!(!format!("{client:?}").contains("marked"), "{client:?}");
    }
}
