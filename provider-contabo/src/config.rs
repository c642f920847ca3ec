use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use vps_docker_core::http::{PasswordGrant, RetryPolicy};
use vps_docker_core::registry::{ProviderOption, ProviderOptions};
use vps_docker_core::{Error, ErrorKind, Result};

/// Settings of the provider; all but the four credentials have defaults. Debug shows none of them.
///
/// The keys of [`ProviderOptions`] are the names of the setters.
#[derive(Clone, Debug)]
pub struct ContaboConfig {
    pub(crate) login: PasswordGrant,
    pub(crate) endpoint: String,
    pub(crate) rate_limit_factor: f64,
    pub(crate) allow_order: bool,
    pub(crate) period: u32,
    pub(crate) cancel_on_destroy: bool,
    pub(crate) reuse_released: bool,
    pub(crate) settle_time: Duration,
    pub(crate) retry: RetryPolicy,
}

/// What [`ContaboConfig::from_options`] knows.
pub(crate) const OPTIONS: &[ProviderOption] = &[
    ProviderOption::credential(
        "client_id",
        "the client id for the API; it stands at https://my.contabo.com/api/details",
    )
    .variable("CNTB_OAUTH2_CLIENT_ID"),
    ProviderOption::credential(
        "client_secret",
        "the client secret for the API; it stands at https://my.contabo.com/api/details",
    )
    .variable("CNTB_OAUTH2_CLIENT_SECRET"),
    ProviderOption::credential(
        "user",
        "the API user, as a rule the e-mail address of the login; it stands at \
         https://my.contabo.com/api/details",
    )
    .variable("CNTB_OAUTH2_USER"),
    ProviderOption::credential(
        "password",
        "the API password, which is not that of the login; set one at \
         https://my.contabo.com/api/details",
    )
    .variable("CNTB_OAUTH2_PASS"),
    ProviderOption::optional("endpoint", "base URL of the API, with its path: …/v1")
        .variable("CNTB_API"),
    ProviderOption::optional("token_url", "where tokens are asked for")
        .variable("CNTB_OAUTH2_TOKEN_URL"),
    ProviderOption::optional(
        "rate_limit_factor",
        "how much of 100 requests a minute to use: below 1 where other programs use the account too, \
         above 1 where Contabo has granted more",
    ),
    ProviderOption::optional(
        "allow_order",
        "agree that a create may order a machine, which is a contract of `period` months (true or \
         false)",
    )
    .variable("CNTB_ALLOW_ORDER"),
    ProviderOption::optional(
        "period",
        "months of a contract that is ordered: 1, 6, 12 or 24",
    ),
    ProviderOption::optional(
        "cancel_on_destroy",
        "cancel the contract of a machine that is destroyed, instead of keeping it for the next \
         create (true or false)",
    ),
    ProviderOption::optional(
        "reuse_released",
        "reinstall a machine that was released before anything is ordered (true or false)",
    ),
];

const ENDPOINT: &str = "https://api.contabo.com/v1";
const TOKEN_URL: &str =
    "https://auth.contabo.com/auth/realms/contabo/protocol/openid-connect/token";
/// The description of `period` names 1, 12 and 24, its example is 6.
const PERIODS: [u32; 4] = [1, 6, 12, 24];

impl ContaboConfig {
    /// Settings with the four credentials of the API, which stand or are set in the
    /// [Customer Control Panel](https://my.contabo.com/api/details), and everything else by default.
    /// Blanks around them are dropped.
    #[must_use]
    pub fn new(
        client_id: impl Into<SecretString>,
        client_secret: impl Into<SecretString>,
        user: impl Into<SecretString>,
        password: impl Into<SecretString>,
    ) -> Self {
        Self {
            login: PasswordGrant {
                token_url: TOKEN_URL.to_owned(),
                client_id: trimmed(client_id),
                client_secret: trimmed(client_secret),
                username: trimmed(user),
                password: trimmed(password),
            },
            endpoint: ENDPOINT.to_owned(),
            rate_limit_factor: 1.0,
            allow_order: false,
            period: 1,
            cancel_on_destroy: false,
            reuse_released: true,
            settle_time: Duration::from_secs(10),
            retry: RetryPolicy::default(),
        }
    }

    /// Reads the settings from options.
    ///
    /// # Errors
    /// [`ErrorKind::Auth`] without one of the credentials; [`ErrorKind::Invalid`] for an unknown key or
    /// an unfit value.
    pub fn from_options(options: &ProviderOptions) -> Result<Self> {
        options.check_known(OPTIONS)?;
        options.check_complete(crate::NAME, OPTIONS)?;
        let secret = |key| options.value(key).cloned().unwrap_or_default();
        let mut config = Self::new(
            secret("client_id"),
            secret("client_secret"),
            secret("user"),
            secret("password"),
        );
        if let Some(endpoint) = options.text("endpoint") {
            config = config.endpoint(endpoint);
        }
        if let Some(url) = options.text("token_url") {
            config = config.token_url(url);
        }
        if let Some(factor) = options.number("rate_limit_factor")? {
            config = config.rate_limit_factor(factor);
        }
        if let Some(months) = options.text("period") {
            config = config.period(months.trim().parse().unwrap_or(0));
        }
        config = config
            .allow_order(options.switch("allow_order")?)
            .cancel_on_destroy(options.switch("cancel_on_destroy")?);
        if options.text("reuse_released").is_some() {
            config = config.reuse_released(options.switch("reuse_released")?);
        }
        Ok(config)
    }

    /// Base URL of the API, with its path. Default: `https://api.contabo.com/v1`. Checked by
    /// [`ContaboProvider::new`](crate::ContaboProvider::new).
    #[must_use]
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = url.into();
        self
    }

    /// Where tokens are asked for. Default: Contabo's own. Checked by
    /// [`ContaboProvider::new`](crate::ContaboProvider::new).
    #[must_use]
    pub fn token_url(mut self, url: impl Into<String>) -> Self {
        self.login.token_url = url.into();
        self
    }

    /// How much of 100 requests a minute to use, more than 0 and at most 1000. Contabo states no limit,
    /// only that there is one; this is our guess at a modest use. Default: 1.
    #[must_use]
    pub fn rate_limit_factor(mut self, factor: f64) -> Self {
        self.rate_limit_factor = factor;
        self
    }

    /// Agrees that a create may order a machine when there is no released one to be had: a contract of
    /// [`period`](Self::period) months, which Contabo bills. Default: no.
    #[must_use]
    pub fn allow_order(mut self, allowed: bool) -> Self {
        self.allow_order = allowed;
        self
    }

    /// Months of a contract that is ordered: 1, 6, 12 or 24. Default: 1. A longer one is paid for to its end,
    /// however early the host is destroyed. Checked by [`ContaboProvider::new`](crate::ContaboProvider::new).
    #[must_use]
    pub fn period(mut self, months: u32) -> Self {
        self.period = months;
        self
    }

    /// # Errors
    /// [`ErrorKind::Invalid`] for a period that there is not.
    pub(crate) fn check_period(&self) -> Result<()> {
        if PERIODS.contains(&self.period) {
            return Ok(());
        }
        Err(invalid(
            "the period is unfit; write the months of a contract: 1, 6, 12 or 24",
        ))
    }

    /// Whether the contract of a machine that is destroyed is cancelled. Else the machine is kept, and
    /// paid for, until a create takes it. Default: no.
    #[must_use]
    pub fn cancel_on_destroy(mut self, wanted: bool) -> Self {
        self.cancel_on_destroy = wanted;
        self
    }

    /// Whether a create first looks for a released machine of the same product and region. Default: yes.
    #[must_use]
    pub fn reuse_released(mut self, wanted: bool) -> Self {
        self.reuse_released = wanted;
        self
    }

    /// How long what was written at Contabo may take until everybody reads it there. So long a claim on
    /// a released machine is left alone before it is believed, and the beginning of a reinstallation
    /// is looked for. Default: 10 s.
    #[must_use]
    pub fn settle_time(mut self, time: Duration) -> Self {
        self.settle_time = time;
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

fn trimmed(secret: impl Into<SecretString>) -> SecretString {
    secret.into().expose_secret().trim().into()
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ContaboProvider;

    fn options() -> ProviderOptions {
        ProviderOptions::new()
            .set("client_id", "marked-id")
            .set("client_secret", " marked-secret\n")
            .set("user", "marked-user")
            .set("password", "marked-password")
    }

    #[test]
    fn all_keys_are_read() {
        let options = options()
            .set("endpoint", "http://127.0.0.1:8080/v1")
            .set("token_url", "http://127.0.0.1:8080/token")
            .set("rate_limit_factor", "0.25")
            .set("allow_order", "true")
            .set("period", "12")
            .set("cancel_on_destroy", "true")
            .set("reuse_released", "false");
        let config = ContaboConfig::from_options(&options).expect("legal");
        assert_eq!(config.login.client_id.expose_secret(), "marked-id");
        assert_eq!(config.login.client_secret.expose_secret(), "marked-secret");
        assert_eq!(config.login.username.expose_secret(), "marked-user");
        assert_eq!(config.login.password.expose_secret(), "marked-password");
        assert_eq!(config.endpoint, "http://127.0.0.1:8080/v1");
        assert_eq!(config.login.token_url, "http://127.0.0.1:8080/token");
        assert!((config.rate_limit_factor - 0.25).abs() < 1e-9);
        assert!(config.allow_order && config.cancel_on_destroy && !config.reuse_released);
        assert_eq!(config.period, 12);
        let known: Vec<_> = OPTIONS.iter().map(|option| option.key).collect();
        assert_eq!(known.len(), 11, "{known:?}: all of them are set above");
    }

    #[test]
    fn nothing_is_bought_and_nothing_cancelled_unless_asked() {
        let config = ContaboConfig::from_options(&options()).expect("legal");
        assert!(!config.allow_order && !config.cancel_on_destroy && config.reuse_released);
        assert_eq!(config.period, 1);
    }

    #[test]
    fn a_missing_credential_is_an_auth_error_that_says_where_it_is() {
        for (key, variable) in [
            ("client_id", "CNTB_OAUTH2_CLIENT_ID"),
            ("client_secret", "CNTB_OAUTH2_CLIENT_SECRET"),
            ("user", "CNTB_OAUTH2_USER"),
            ("password", "CNTB_OAUTH2_PASS"),
        ] {
            let error = ContaboConfig::from_options(&options().set(key, " ")).expect_err(key);
            assert_eq!(error.kind(), ErrorKind::Auth);
            for part in [variable, "https://my.contabo.com/api/details"] {
                assert!(error.to_string().contains(part), "{error}");
            }
        }
    }

    #[test]
    fn unfit_values_are_refused_with_what_would_be_right() {
        for (key, value, hint) in [
            ("passwrd", "x", "did you mean password?"),
            ("rate_limit_factor", "fast", "such as 0.5"),
            ("rate_limit_factor", "0", "such as 0.5"),
            ("rate_limit_factor", "inf", "such as 0.5"),
            ("period", "3", "1, 6, 12 or 24"),
            ("period", "", "1, 6, 12 or 24"),
            ("allow_order", "yes", "true or false"),
            ("cancel_on_destroy", "1", "true or false"),
            ("reuse_released", "", "true or false"),
        ] {
            let config = ContaboConfig::from_options(&options().set(key, value));
            let error = config.and_then(ContaboProvider::new).expect_err(value);
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.to_string().contains(hint), "{error}");
        }
    }

    #[test]
    fn credentials_are_sent_encrypted_or_not_at_all() {
        for key in ["endpoint", "token_url"] {
            let options = options().set(key, "http://api.example.com/v1");
            let config = ContaboConfig::from_options(&options).expect("not looked at yet");
            let error = ContaboProvider::new(config).expect_err(key);
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.to_string().contains("unencrypted"), "{error}");
        }
    }

    #[test]
    fn debug_shows_no_credential() {
        let config = ContaboConfig::from_options(&options()).expect("legal");
        assert!(!format!("{config:?}").contains("marked"));
        let provider = ContaboProvider::new(config).expect("legal");
        assert!(!format!("{provider:?}").contains("marked"));
    }
}
