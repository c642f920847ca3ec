use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, ErrorKind, Result};

/// What Docker calls its own registry.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// A login at an image registry, for what the VPS pulls while a host is made. It is not kept anywhere.
/// `Debug` does not show the password.
#[derive(Clone)]
pub struct RegistryLogin {
    server: String,
    user: String,
    password: SecretString,
}

impl RegistryLogin {
    /// Checks it; whether the registry takes it is found out by the pull.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a server that is not a host name with perhaps a port, as image
    /// names begin with it, for a user that is empty or has a colon, and for an empty password.
    pub fn new(
        server: impl Into<String>,
        user: impl Into<String>,
        password: SecretString,
    ) -> Result<Self> {
        let (server, user) = (server.into(), user.into());
        let fit = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
        if server.is_empty() || !server.chars().all(fit) {
            return Err(invalid(format!(
                "{server:?} is no registry: give the host name, with a port where it has one, as in \
                 registry.example.com:5000, and docker.io for Docker Hub"
            )));
        }
        if user.is_empty() || user.contains(|c: char| c == ':' || c.is_control()) {
            return Err(invalid(format!(
                "{user:?} cannot be a user of the registry {server}"
            )));
        }
        let secret = password.expose_secret();
        if secret.is_empty() || secret.contains('\0') {
            return Err(invalid(format!(
                "the password for the registry {server} is empty or has a NUL character"
            )));
        }
        Ok(Self {
            server,
            user,
            password,
        })
    }

    /// The registry, as image names begin with it.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Who logs in.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    pub(crate) fn password(&self) -> &SecretString {
        &self.password
    }

    /// What Docker's configuration calls the registry.
    pub(crate) fn key(&self) -> &str {
        match self.server.as_str() {
            "docker.io" | "index.docker.io" | "registry-1.docker.io" => DOCKER_HUB,
            server => server,
        }
    }
}

impl fmt::Debug for RegistryLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegistryLogin({}@{})", self.user, self.server)
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_login_is_refused_and_the_password_is_not_shown() {
        for (server, user, password) in [
            ("", "me", "the-password"),
            ("https://registry.example.com", "me", "the-password"),
            ("registry.example.com/team", "me", "the-password"),
            ("registry.example.com", "", "the-password"),
            ("registry.example.com", "a:b", "the-password"),
            ("registry.example.com", "me", "the-password\0"),
            ("registry.example.com", "me", ""),
        ] {
            let error = RegistryLogin::new(server, user, password.into()).expect_err(server);
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(!format!("{error:?}").contains("the-password"), "{error:?}");
        }
        let login = RegistryLogin::new("docker.io", "me", "the-password".into()).expect("fit");
        assert_eq!(login.key(), DOCKER_HUB);
        assert_eq!(format!("{login:?}"), "RegistryLogin(me@docker.io)");
    }
}
