//! `config.toml`: the provider that is meant when none is named, named provider instances, and logins at registries
//! (`registries.rs`).
//!
//! ```toml
//! default_provider = "work"
//!
//! [providers.work]
//! type = "hetzner"
//! plan = "cx23,cx33"
//! region = "fsn1"
//! token_file = "~/.secrets/hcloud-work"   # or token_env = "HCLOUD_TOKEN_WORK"
//! identity = "~/.ssh/id_ed25519"          # or "~/.ssh/id_ed25519.pub" or "agent", for one that an ssh-agent holds
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind as IoErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use vps_docker::model::near_matches;
use vps_docker::registry::{Need, Registration};
use vps_docker::{Error, ErrorKind, Registry, Result};

use crate::registries::RegistryConfig;

/// What the file says; empty where there is none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    default_provider: Option<String>,
    #[serde(default)]
    providers: BTreeMap<String, ProviderConfig>,
    #[serde(default)]
    registry: Vec<RegistryConfig>,
    #[serde(skip)]
    path: PathBuf,
}

/// One `[providers.NAME]`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct ProviderConfig {
    /// The registered name; that of the table when absent.
    #[serde(rename = "type")]
    pub(crate) provider: Option<String>,
    /// Defaults for new hosts.
    pub(crate) plan: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) os: Option<String>,
    pub(crate) image: Option<String>,
    /// The key that logs in, instead of one that is made for it.
    pub(crate) identity: Option<String>,
    /// The provider's own options, by key, by `KEY_file` or by `KEY_env`.
    #[serde(flatten)]
    options: BTreeMap<String, toml::Value>,
}

/// Where the value of an option comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OptionSource {
    Text(String),
    File(String),
    Variable(String),
}

impl Config {
    /// Reads and checks the file.
    pub(crate) fn read(path: &Path, registry: &Registry) -> Result<Self> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == IoErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(invalid(path, "it cannot be read").with_source(error)),
        };
        let mut config: Self = toml::from_str(&text).map_err(|error| {
            // It shows the line and points at the place.
            invalid(path, error.to_string().trim_end())
        })?;
        path.clone_into(&mut config.path);
        config
            .check(registry)
            .map_err(|text| invalid(path, &text))?;
        if config.holds_a_secret(registry) && readable_by_others(path) {
            return Err(invalid(
                path,
                "it holds a credential and others can read it; `chmod 600` it, or name a file or a variable \
                 with …_file or …_env",
            ));
        }
        Ok(config)
    }

    /// The file that was read, for errors.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where logins are for.
    pub(crate) fn registries(&self) -> &[RegistryConfig] {
        &self.registry
    }

    /// The provider of whom asks for none.
    pub(crate) fn default_provider(&self) -> &str {
        self.default_provider.as_deref().unwrap_or("local")
    }

    /// What is said of a provider instance.
    pub(crate) fn provider(&self, name: &str) -> Option<&ProviderConfig> {
        self.providers.get(name)
    }

    /// The instances that are named here.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.providers.keys().map(String::as_str)
    }

    fn check(&self, registry: &Registry) -> Result<(), String> {
        let registered: Vec<&str> = registry.iter().map(|entry| entry.name).collect();
        for (name, provider) in &self.providers {
            if !legal_name(name) {
                return Err(format!(
                    "the provider name {name:?} is unfit; use letters, digits, '-' and '_'"
                ));
            }
            let kind = provider.provider.as_deref().unwrap_or(name);
            let Some(registration) = registry.find(kind) else {
                return Err(format!(
                    "the provider {name:?} is of the unknown type {kind:?}{}",
                    near_matches(kind, &registered)
                ));
            };
            provider.check(name, registration)?;
        }
        for registry in &self.registry {
            registry.check()?;
        }
        let known: Vec<&str> = self.names().chain(registered).collect();
        match &self.default_provider {
            Some(name) if !known.contains(&name.as_str()) => Err(format!(
                "default_provider is {name:?}, which there is not{}",
                near_matches(name, &known)
            )),
            _ => Ok(()),
        }
    }

    fn holds_a_secret(&self, registry: &Registry) -> bool {
        self.providers.iter().any(|(name, provider)| {
            let kind = provider.provider.as_deref().unwrap_or(name);
            registry.find(kind).is_some_and(|registration| {
                registration.options.iter().any(|option| {
                    option.need == Need::Credential && provider.options.contains_key(option.key)
                })
            })
        })
    }
}

impl ProviderConfig {
    /// Where an option's value comes from, if it is said here.
    pub(crate) fn option(&self, key: &str) -> Option<OptionSource> {
        let text = |name: &str| match self.options.get(name)? {
            toml::Value::String(text) => Some(text.clone()),
            toml::Value::Integer(number) => Some(number.to_string()),
            toml::Value::Float(number) => Some(number.to_string()),
            toml::Value::Boolean(switch) => Some(switch.to_string()),
            // Refused by `check`.
            _ => None,
        };
        text(key)
            .map(OptionSource::Text)
            .or_else(|| text(&format!("{key}_file")).map(OptionSource::File))
            .or_else(|| text(&format!("{key}_env")).map(OptionSource::Variable))
    }

    fn check(&self, name: &str, registration: &Registration) -> Result<(), String> {
        let known: Vec<&str> = registration
            .options
            .iter()
            .map(|option| option.key)
            .collect();
        for (key, value) in &self.options {
            let stem = ["_file", "_env"]
                .iter()
                .find_map(|end| key.strip_suffix(end));
            if !known.contains(&key.as_str()) && !stem.is_some_and(|stem| known.contains(&stem)) {
                let ours = ["type", "plan", "region", "os", "image", "identity"];
                let all: Vec<&str> = known.iter().chain(&ours).copied().collect();
                return Err(format!(
                    "the provider {name:?} has the unknown key {key:?}{}",
                    near_matches(key, &all)
                ));
            }
            if value.is_table() || value.is_array() || value.is_datetime() {
                return Err(format!(
                    "{key:?} of the provider {name:?} is no plain value"
                ));
            }
        }
        Ok(())
    }
}

/// A path as the file has it: a leading `~` is the home directory.
pub(crate) fn expanded(path: &str) -> PathBuf {
    let home = std::env::home_dir().filter(|home| home.is_absolute());
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => path.into(),
    }
}

/// It becomes the name of a directory.
fn legal_name(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !name.is_empty() && name.len() <= 64 && name.chars().all(legal)
}

fn readable_by_others(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

fn invalid(path: &Path, message: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("{}: {message}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, mode: u32) -> Result<Config> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("config.toml");
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("changed");
        Config::read(&path, &Registry::linked().expect("no duplicates"))
    }

    #[test]
    fn what_is_named_is_found_with_its_options() {
        let config = read(
            "default_provider = \"work\"\n[providers.work]\ntype = \"hetzner\"\nplan = \"cx23\"\n\
             token_env = \"HCLOUD_TOKEN_WORK\"\nrate_limit_factor = 0.5\n[providers.vultr]\nregion = \"fra\"\n",
            0o644,
        )
        .expect("legal");
        assert_eq!(config.default_provider(), "work");
        let work = config.provider("work").expect("named");
        assert_eq!(work.provider.as_deref(), Some("hetzner"));
        assert_eq!(work.plan.as_deref(), Some("cx23"));
        let variable = OptionSource::Variable("HCLOUD_TOKEN_WORK".into());
        assert_eq!(work.option("token"), Some(variable));
        let number = OptionSource::Text("0.5".into());
        assert_eq!(work.option("rate_limit_factor"), Some(number));
        assert_eq!(work.option("endpoint"), None);
    }

    #[test]
    fn a_wrong_file_is_refused_with_what_would_be_right() {
        for (text, hint) in [
            ("defaul_provider = \"local\"", "default_provider"),
            ("default_provider = \"hetzer\"", "did you mean hetzner"),
            (
                "[providers.work]\ntype = \"hetzer\"",
                "did you mean hetzner",
            ),
            ("[providers.work]\nplan = \"x\"", "unknown type \"work\""),
            (
                "[providers.hetzner]\ntokn_file = \"x\"",
                "did you mean token",
            ),
            (
                "[providers.hetzner]\nregions = \"x\"",
                "did you mean region",
            ),
            ("[providers.hetzner]\ntoken = []", "no plain value"),
            ("[providers.\"../up\"]\ntype = \"local\"", "is unfit"),
            (
                "[[registry]]\nserver = \"a\"\nuser = \"b\"\npassword = \"c\"",
                "password_file",
            ),
            ("[[registry]]\nserver = \"a\"\nuser = \"b\"", "password_env"),
            ("[[registry]]\nuser = \"b\"", "server"),
            ("[providers", "1 |"),
        ] {
            let error = read(text, 0o600).expect_err(text);
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.to_string().contains(hint), "{text}: {error}");
        }
    }

    #[test]
    fn a_credential_that_others_can_read_is_refused() {
        let text = "[providers.hetzner]\ntoken = \"marked-secret\"";
        read(text, 0o600).expect("private");
        let error = read(text, 0o640).expect_err("not private");
        assert!(error.to_string().contains("chmod 600"), "{error}");
        assert!(!format!("{error} {error:?}").contains("marked-secret"));
    }
}
