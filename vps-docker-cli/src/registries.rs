//! Logins at image registries, as `config.toml` names them.
//!
//! ```toml
//! [[registry]]
//! server = "ghcr.io"                     # as image names begin with it; docker.io for Docker Hub
//! user = "me"
//! password_command = "pass show ghcr"    # or password_file = "…", or password_env = "…"
//! ```

use std::io;
use std::process::{Command, Stdio};

use serde::Deserialize;
use vps_docker::model::RegistryLogin;
use vps_docker::secrecy::SecretString;
use vps_docker::{Error, ErrorKind, Result};

use crate::config::{Config, expanded};

/// What an image is called that names no registry.
const DOCKER_HUB: &str = "docker.io";

/// One `[[registry]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegistryConfig {
    server: String,
    user: String,
    password_file: Option<String>,
    password_env: Option<String>,
    password_command: Option<String>,
}

/// Which registries a host's making asks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pulls<'a> {
    /// That of one image.
    Image(&'a str),
    /// Those that a Dockerfile may name.
    Build,
}

impl RegistryConfig {
    pub(crate) fn check(&self) -> Result<(), String> {
        let given = [
            &self.password_file,
            &self.password_env,
            &self.password_command,
        ];
        match given.iter().filter(|one| one.is_some()).count() {
            1 => Ok(()),
            _ => Err(format!(
                "the registry {:?} needs one of password_file, password_env and password_command",
                self.server
            )),
        }
    }

    fn serves(&self, pulls: Pulls<'_>) -> bool {
        match pulls {
            Pulls::Build => true,
            Pulls::Image(image) => self.server == registry_of(image),
        }
    }

    fn password(&self, config: &Config) -> Result<SecretString> {
        let failed = |key: &str, value: &str, error: io::Error| {
            let (file, server) = (config.path().display(), &self.server);
            let text = format!("{file}: {key} of the registry {server:?} is {value:?}, which");
            let text = match key {
                "password_env" => format!("{text} is not set here"),
                "password_file" => format!("{text} cannot be read"),
                _ => format!("{text} gives no password"),
            };
            Error::new(ErrorKind::Invalid, text).with_source(error)
        };
        let (key, value, read) = if let Some(path) = &self.password_file {
            let read = std::fs::read_to_string(expanded(path));
            ("password_file", path, read)
        } else if let Some(name) = &self.password_env {
            (
                "password_env",
                name,
                std::env::var(name).map_err(io::Error::other),
            )
        } else {
            let command = self.password_command.as_ref();
            let command = command.expect("`check` has seen one of the three");
            ("password_command", command, output_of(command))
        };
        let text = read.map_err(|error| failed(key, value, error))?;
        Ok(text.trim_end_matches(['\n', '\r']).into())
    }
}

/// The logins that its images may need: no password is asked for in vain.
pub(crate) fn logins(config: &Config, pulls: Pulls<'_>) -> Result<Vec<RegistryLogin>> {
    let registries = config.registries().iter();
    registries
        .filter(|one| one.serves(pulls))
        .map(|one| RegistryLogin::new(&one.server, &one.user, one.password(config)?))
        .collect()
}

/// As Docker reads a name: what stands before the first slash, if it can be a host.
fn registry_of(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => DOCKER_HUB,
    }
}

/// What a shell command prints. It may ask on the terminal, as password managers do.
fn output_of(command: &str) -> io::Result<String> {
    let output = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::inherit())
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("it ended with {}", output.status)));
    }
    String::from_utf8(output.stdout).map_err(|_| io::Error::other("what it printed is no text"))
}

#[cfg(test)]
mod tests {
    use vps_docker::secrecy::ExposeSecret;

    use super::*;

    fn registry(key: &str, value: &str) -> RegistryConfig {
        let text = format!("server = \"ghcr.io\"\nuser = \"me\"\n{key} = {value:?}\n");
        toml::from_str(&text).expect("legal")
    }

    #[test]
    fn a_login_is_for_its_registry_alone() {
        for (image, registry) in [
            ("debian", "docker.io"),
            ("library/debian:12", "docker.io"),
            ("docker.io/library/debian", "docker.io"),
            ("ghcr.io/me/app:1", "ghcr.io"),
            ("registry.example.com:5000/app", "registry.example.com:5000"),
            ("localhost/app", "localhost"),
        ] {
            assert_eq!(registry_of(image), registry, "{image}");
        }
        let ours = registry("password_env", "X");
        assert!(ours.serves(Pulls::Image("ghcr.io/me/app")) && ours.serves(Pulls::Build));
        assert!(!ours.serves(Pulls::Image("ghcr.io.example.com/app")));
    }

    #[test]
    fn a_password_comes_from_a_file_a_variable_or_a_command() {
        let config = Config::default();
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("password");
        std::fs::write(&file, "a b\n").expect("written");
        let file = file.display().to_string();
        for (key, value) in [
            ("password_file", file.as_str()),
            ("password_command", "echo a b"),
        ] {
            let password = registry(key, value).password(&config).expect("there");
            assert_eq!(password.expose_secret(), "a b");
        }
        let path = registry("password_env", "PATH").password(&config);
        assert_eq!(
            path.expect("set").expose_secret(),
            std::env::var("PATH").expect("set")
        );
        for (key, value, words) in [
            ("password_file", "/no/such/file", "cannot be read"),
            ("password_env", "NOT_SET_ANYWHERE", "is not set here"),
            (
                "password_command",
                "echo marked; exit 3",
                "gives no password",
            ),
        ] {
            let error = registry(key, value).password(&config).expect_err(key);
            let text = error.to_string();
            assert!(text.contains(key) && text.contains(words), "{text}");
            assert!(text.contains("ghcr.io") && text.contains(value), "{text}");
        }
    }
}
