use secrecy::SecretString;
use vps_docker_core::Result;
use vps_docker_core::http::RetryPolicy;
use vps_docker_core::registry::{ProviderOption, ProviderOptions};
use vps_docker_core::secrecy::ExposeSecret;

/// Settings of the provider; all but the token have defaults. Debug does not show the token.
///
/// The keys of [`ProviderOptions`] are the names of the setters.
#[derive(Clone, Debug)]
pub struct HetznerConfig {
    pub(crate) token: SecretString,
    pub(crate) endpoint: String,
    pub(crate) rate_limit_factor: f64,
    pub(crate) retry: RetryPolicy,
}

/// What [`HetznerConfig::from_options`] knows.
pub(crate) const OPTIONS: &[ProviderOption] = &[
    ProviderOption::credential(
        "token",
        "an API token of the project; make one in the Hetzner Console (console.hetzner.com) under \
         Security > API Tokens, with Read & Write",
    )
    .variable("HCLOUD_TOKEN"),
    ProviderOption::optional("endpoint", "base URL of the API, with its path: …/v1")
        .variable("HCLOUD_ENDPOINT"),
    ProviderOption::optional(
        "rate_limit_factor",
        "how much of the project's 3600 requests an hour to use: below 1 where other programs use \
         the project too, above 1 where Hetzner has granted more",
    ),
];

const ENDPOINT: &str = "https://api.hetzner.cloud/v1";

impl HetznerConfig {
    /// Settings with the given API token, made in the [Hetzner Console](https://console.hetzner.com)
    /// under *Security > API Tokens* with *Read & Write*, and everything else by default. Blanks
    /// around the token are dropped.
    #[must_use]
    pub fn new(token: impl Into<SecretString>) -> Self {
        let token = token.into();
        Self {
            token: token.expose_secret().trim().to_owned().into(),
            endpoint: ENDPOINT.to_owned(),
            rate_limit_factor: 1.0,
            retry: RetryPolicy::default(),
        }
    }

    /// Reads the settings from options.
    ///
    /// # Errors
    /// [`Auth`](vps_docker_core::ErrorKind::Auth) without a token;
    /// [`Invalid`](vps_docker_core::ErrorKind::Invalid) for an unknown key or a factor that is no number.
    pub fn from_options(options: &ProviderOptions) -> Result<Self> {
        options.check_known(OPTIONS)?;
        options.check_complete(crate::NAME, OPTIONS)?;
        let token = options.value("token").cloned().unwrap_or_default();
        let mut config = Self::new(token);
        if let Some(endpoint) = options.text("endpoint") {
            config = config.endpoint(endpoint);
        }
        if let Some(factor) = options.number("rate_limit_factor")? {
            config = config.rate_limit_factor(factor);
        }
        Ok(config)
    }

    /// Base URL of the API, with its path. Default: `https://api.hetzner.cloud/v1`. Checked by
    /// [`HetznerProvider::new`](crate::HetznerProvider::new).
    #[must_use]
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = url.into();
        self
    }

    /// How much of the project's 3600 requests an hour to use: below 1 where other programs use the
    /// project too, above 1 where Hetzner has granted more; more than 0 and at most 1000. Default: 1.
    /// Checked by [`HetznerProvider::new`](crate::HetznerProvider::new).
    #[must_use]
    pub fn rate_limit_factor(mut self, factor: f64) -> Self {
        self.rate_limit_factor = factor;
        self
    }

    /// How often and how long one request is tried. Its pauses are also those between two looks at
    /// something that is awaited.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }
}

#[cfg(test)]
mod tests {
    use vps_docker_core::ErrorKind;

    use super::*;

    fn options() -> ProviderOptions {
        ProviderOptions::new().set("token", " marked-token\n")
    }

    #[test]
    fn all_keys_are_read() {
        let options = options()
            .set("endpoint", "http://127.0.0.1:8080/v1")
            .set("rate_limit_factor", "0.25");
        let config = HetznerConfig::from_options(&options).expect("legal");
        assert_eq!(config.token.expose_secret(), "marked-token");
        assert_eq!(config.endpoint, "http://127.0.0.1:8080/v1");
        assert!((config.rate_limit_factor - 0.25).abs() < 1e-9);
    }

    #[test]
    fn a_missing_token_is_an_auth_error_that_says_where_to_make_one() {
        for options in [
            ProviderOptions::new(),
            ProviderOptions::new().set("token", " "),
        ] {
            let error = HetznerConfig::from_options(&options).expect_err("no token");
            assert_eq!(error.kind(), ErrorKind::Auth);
            for part in ["HCLOUD_TOKEN", "console.hetzner.com", "Read & Write"] {
                assert!(error.to_string().contains(part), "{error}");
            }
        }
    }

    #[test]
    fn unfit_values_are_refused_with_what_would_be_right() {
        for (key, value, hint) in [
            ("tokn", "x", "did you mean token?"),
            ("endpoint", "http://api.example.com/v1", "unencrypted"),
            ("rate_limit_factor", "fast", "such as 0.5"),
            ("rate_limit_factor", "0", "such as 0.5"),
            ("rate_limit_factor", "1001", "at most 1000"),
        ] {
            let config = HetznerConfig::from_options(&options().set(key, value));
            let error = config
                .and_then(crate::HetznerProvider::new)
                .expect_err(value);
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.to_string().contains(hint), "{error}");
        }
    }

    #[test]
    fn the_registry_makes_a_client() {
        let mut registry = vps_docker_core::registry::Registry::empty();
        crate::register(&mut registry).expect("the first of its name");
        let client = registry.client(crate::NAME, &options()).expect("legal");
        assert_eq!(client.provider_name(), "hetzner");
        let can = client.capabilities();
        assert!(can.firewall && can.unique_names && !can.limits && !can.term_contract);
    }

    #[test]
    fn debug_shows_no_token() {
        let config = HetznerConfig::from_options(&options()).expect("legal");
        assert!(!format!("{config:?}").contains("marked"));
        let provider = crate::HetznerProvider::new(config).expect("legal");
        assert!(!format!("{provider:?}").contains("marked"));
    }
}
