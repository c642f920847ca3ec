use secrecy::SecretString;
use vps_docker_core::Result;
use vps_docker_core::http::RetryPolicy;
use vps_docker_core::registry::{ProviderOption, ProviderOptions};

/// Settings of the provider; all but the token have defaults.
///
/// The keys of [`ProviderOptions`] are the names of the setters, and `token`.
#[derive(Clone, Debug)]
pub struct DigitalOceanConfig {
    pub(crate) token: SecretString,
    pub(crate) endpoint: String,
    pub(crate) rate_limit_factor: f64,
    pub(crate) project: Option<String>,
    pub(crate) retry: RetryPolicy,
}

/// What [`DigitalOceanConfig::from_options`] knows.
pub(crate) const OPTIONS: &[ProviderOption] = &[
    ProviderOption::credential(
        "token",
        "make one at https://cloud.digitalocean.com/account/api/tokens, with full access or with the \
         scopes account:read, droplet (all), firewall (all), image (create, delete, read), \
         regions:read, sizes:read, snapshot (delete, read), ssh_key (create, delete, read), tag (create, \
         delete, read), and project (assign_resource, read) where a project is named",
    )
    .variable("DIGITALOCEAN_ACCESS_TOKEN"),
    ProviderOption::optional("endpoint", "address of the API, with /v2")
        .variable("DIGITALOCEAN_API_URL"),
    ProviderOption::optional(
        "rate_limit_factor",
        "how much of the rate limit to use, 1 by default: less where other programs use the token",
    ),
    ProviderOption::optional(
        "project",
        "name or id of the project that new droplets are put into; the default project without it",
    ),
];

const ENDPOINT: &str = "https://api.digitalocean.com/v2";

impl DigitalOceanConfig {
    /// The defaults, with a personal access token.
    pub fn new(token: impl Into<SecretString>) -> Self {
        Self {
            token: token.into(),
            endpoint: ENDPOINT.to_owned(),
            rate_limit_factor: 1.0,
            project: None,
            retry: RetryPolicy::default(),
        }
    }

    /// Reads the settings from options.
    ///
    /// # Errors
    /// [`Auth`](vps_docker_core::ErrorKind::Auth) without a token, with where to make one;
    /// [`Invalid`](vps_docker_core::ErrorKind::Invalid) for an unknown key or a factor that is no number.
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
        if let Some(project) = options.text("project") {
            config = config.project(project);
        }
        Ok(config)
    }

    /// Address of the API, with the path prefix. Default: `https://api.digitalocean.com/v2`.
    #[must_use]
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = url.into();
        self
    }

    /// How much of the provider's rate limit to use: below 1 where other programs use the same token,
    /// above 1 where the provider has granted more; more than 0 and at most 1000. Default: 1. Checked by
    /// [`DigitalOceanProvider::new`](crate::DigitalOceanProvider::new).
    #[must_use]
    pub fn rate_limit_factor(mut self, factor: f64) -> Self {
        self.rate_limit_factor = factor;
        self
    }

    /// Name or id of the project that new droplets are put into. Default: the account's default project,
    /// also where this is blank or `default`.
    #[must_use]
    pub fn project(mut self, name_or_id: impl Into<String>) -> Self {
        let project = name_or_id.into().trim().to_owned();
        self.project = Some(project).filter(|project| !project.is_empty() && project != "default");
        self
    }

    /// How often and how long a request is tried. Its pauses are also those between two looks at
    /// something that is waited for.
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
        ProviderOptions::new().set("token", "dop_v1_secret")
    }

    #[test]
    fn all_keys_are_read() {
        let options = options()
            .set("endpoint", "http://127.0.0.1:1/v2")
            .set("rate_limit_factor", "0.5")
            .set("project", "web");
        let config = DigitalOceanConfig::from_options(&options).expect("legal");
        assert_eq!(config.endpoint, "http://127.0.0.1:1/v2");
        assert!((config.rate_limit_factor - 0.5).abs() < f64::EPSILON);
        assert_eq!(config.project.as_deref(), Some("web"));
    }

    #[test]
    fn the_default_project_needs_no_call() {
        for name in ["default", "", "  "] {
            assert_eq!(DigitalOceanConfig::new("x").project(name).project, None);
        }
    }

    #[test]
    fn unfit_values_are_refused_with_what_would_be_right() {
        for (options, kind, hint) in [
            (
                ProviderOptions::new(),
                ErrorKind::Auth,
                "account/api/tokens",
            ),
            (
                options().set("tokn", "x"),
                ErrorKind::Invalid,
                "did you mean token?",
            ),
            (
                options().set("rate_limit_factor", "0"),
                ErrorKind::Invalid,
                "such as 0.5",
            ),
            (
                options().set("rate_limit_factor", "fast"),
                ErrorKind::Invalid,
                "such as 0.5",
            ),
            (
                options().set("rate_limit_factor", "inf"),
                ErrorKind::Invalid,
                "such as 0.5",
            ),
        ] {
            let config = DigitalOceanConfig::from_options(&options);
            let provider = config.and_then(crate::DigitalOceanProvider::new);
            let error = provider.expect_err(hint);
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(hint), "{error}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let config = DigitalOceanConfig::new("dop_v1_secret");
        assert!(!format!("{config:?}").contains("dop_v1"));
        let provider = crate::DigitalOceanProvider::new(config.endpoint("http://localhost:1/v2"));
        assert!(!format!("{provider:?}").contains("dop_v1"));
    }
}
