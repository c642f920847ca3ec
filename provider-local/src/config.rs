use std::path::{Path, PathBuf};

use vps_docker_core::registry::{ProviderOption, ProviderOptions};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::address::Subnet;

/// Settings of the provider; all have defaults.
///
/// The keys of [`ProviderOptions`] are the names of the setters.
#[derive(Clone, Debug)]
pub struct LocalConfig {
    pub(crate) socket: String,
    pub(crate) network: String,
    pub(crate) subnet: Subnet,
    pub(crate) metadata_service: bool,
    pub(crate) mirror: Option<String>,
    pub(crate) scratch_dir: PathBuf,
}

/// What [`LocalConfig::from_options`] knows.
pub(crate) const OPTIONS: &[ProviderOption] = &[
    ProviderOption::optional("socket", "path of the Docker engine's unix socket"),
    ProviderOption::optional(
        "network",
        "name of the bridge network, which also is the account",
    ),
    ProviderOption::optional("subnet", "IPv4 range of that network"),
    ProviderOption::optional("metadata_service", "serve user_data at 169.254.169.254"),
    ProviderOption::optional("mirror", "URL of a Debian mirror"),
    ProviderOption::optional(
        "scratch_dir",
        "directory for locks and images in the making",
    ),
];

impl Default for LocalConfig {
    fn default() -> Self {
        Self {
            socket: "/var/run/docker.sock".to_owned(),
            network: "vps-docker".to_owned(),
            subnet: Subnet::DEFAULT,
            metadata_service: false,
            mirror: None,
            scratch_dir: PathBuf::from("/var/tmp"),
        }
    }
}

impl LocalConfig {
    /// Reads the settings from options.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for an unknown key or an unfit value.
    pub fn from_options(options: &ProviderOptions) -> Result<Self> {
        options.check_known(OPTIONS)?;
        let mut config = Self::default();
        let text = |key: &str| options.text(key);
        if let Some(socket) = text("socket") {
            config = config.socket(socket);
        }
        if let Some(network) = text("network") {
            config = config.network(network)?;
        }
        if let Some(subnet) = text("subnet") {
            config = config.subnet(subnet)?;
        }
        config = config.metadata_service(options.switch("metadata_service")?);
        if let Some(mirror) = text("mirror") {
            config = config.mirror(mirror)?;
        }
        if let Some(dir) = text("scratch_dir") {
            config = config.scratch_dir(dir);
        }
        Ok(config)
    }

    /// Path of the Docker engine's unix socket. Default: `/var/run/docker.sock`.
    #[must_use]
    pub fn socket(mut self, path: impl Into<String>) -> Self {
        self.socket = path.into();
        self
    }

    /// Name of the bridge network the instances stand in, made on demand. Default: `vps-docker`.
    ///
    /// It also is the account: a provider sees the instances and snapshots of its network only.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] unless it is 1 to 40 characters of `a-z`, `0-9` and `-`, beginning
    /// with a letter.
    pub fn network(mut self, name: impl Into<String>) -> Result<Self> {
        self.network = name.into();
        let legal = (1..=40).contains(&self.network.len())
            && self.network.starts_with(|c: char| c.is_ascii_lowercase())
            && self
                .network
                .chars()
                .all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-'));
        if legal {
            Ok(self)
        } else {
            Err(invalid(format!(
                "the network name {:?} is unfit; use 1 to 40 characters of a-z, 0-9 and '-', \
                 beginning with a letter",
                self.network
            )))
        }
    }

    /// IPv4 range of the network, in effect when it is made. Default: `198.18.0.0/16`, which
    /// is set aside for tests and stands nowhere on the internet.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] unless it is written as `a.b.c.d/n`, with n from 8 to 28.
    pub fn subnet(mut self, cidr: impl AsRef<str>) -> Result<Self> {
        self.subnet = cidr.as_ref().parse()?;
        Ok(self)
    }

    /// Whether `user_data` is served at 169.254.169.254 as on the large clouds, instead of
    /// being put onto the instance's disk. Default: false.
    #[must_use]
    pub fn metadata_service(mut self, wanted: bool) -> Self {
        self.metadata_service = wanted;
        self
    }

    /// URL of a Debian mirror for building and inside the instances. Default: the one of the base
    /// image, else `debootstrap`'s own, with security updates; a mirror named here is taken to
    /// have none.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] unless it is an `http` or `https` URL without blanks or quotes.
    pub fn mirror(mut self, url: impl Into<String>) -> Result<Self> {
        let url = url.into();
        let legal = (url.starts_with("http://") || url.starts_with("https://"))
            && url
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || ":/._-~%[]".contains(c));
        if !legal {
            return Err(invalid(format!(
                "the mirror {url:?} is unfit; write a URL such as http://mirror.example/debian"
            )));
        }
        self.mirror = Some(url);
        Ok(self)
    }

    /// Directory for the lock of image builds and for a root file system in the making (200 MB,
    /// removed afterwards). Default: `/var/tmp`.
    #[must_use]
    pub fn scratch_dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.scratch_dir = dir.as_ref().to_owned();
        self
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keys_are_read() {
        let options = ProviderOptions::new()
            .set("socket", "/run/d.sock")
            .set("network", "testnet")
            .set("subnet", "198.19.0.0/24")
            .set("metadata_service", "true")
            .set("mirror", "http://mirror.example/debian")
            .set("scratch_dir", "/scratch");
        let config = LocalConfig::from_options(&options).expect("legal");
        assert_eq!(config.socket, "/run/d.sock");
        assert_eq!(config.network, "testnet");
        assert_eq!(config.subnet.to_string(), "198.19.0.0/24");
        assert!(config.metadata_service);
        assert_eq!(
            config.mirror.as_deref(),
            Some("http://mirror.example/debian")
        );
        assert_eq!(config.scratch_dir, Path::new("/scratch"));
    }

    #[test]
    fn unfit_values_are_refused_with_what_would_be_right() {
        for (key, value, hint) in [
            ("sockt", "x", "did you mean socket?"),
            ("metadata_service", "yes", "true or false"),
            ("network", "My Net", "a-z"),
            ("subnet", "198.18.0.0", "a.b.c.d/n"),
            (
                "mirror",
                "http://m/\"; reboot",
                "http://mirror.example/debian",
            ),
        ] {
            let options = ProviderOptions::new().set(key, value);
            let error = LocalConfig::from_options(&options).expect_err(key);
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.to_string().contains(hint), "{error}");
        }
    }
}
