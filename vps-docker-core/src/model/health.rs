use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};

/// How one sees that the application in the container is well: something is asked, from this side through the
/// SSH connection to the VPS, so that no firewall is in the way.
///
/// ```
/// use std::time::Duration;
/// use vps_docker_core::model::HealthCheck;
///
/// let check = HealthCheck::http(8000, "/up").deadline(Duration::from_secs(30));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HealthCheck {
    /// What is asked.
    pub probe: HealthProbe,
    /// From the beginning of one try to that of the next. Default 1 s.
    pub interval: Duration,
    /// How long one try may take. Default 5 s.
    pub timeout: Duration,
    /// How long an application may be unwell after its start. Default 60 s.
    pub deadline: Duration,
}

/// What is asked of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HealthProbe {
    /// `GET` of a path at a port of the VPS, the published one; an answer of 200 to 399 is healthy, and a redirect
    /// is not followed.
    Http {
        /// The port on the VPS.
        port: u16,
        /// The path, `/` first, with its query if there is one.
        path: String,
    },
    /// A connection to a port of the VPS, the published one: something in the container takes it.
    Tcp {
        /// The port on the VPS.
        port: u16,
    },
    /// A program in the container, as the image's own user, in its own environment; exit code 0 is healthy. To the
    /// idle watcher each try is a use.
    Command(Vec<String>),
}

impl HealthCheck {
    /// `GET` of a path at a port of the VPS.
    #[must_use]
    pub fn http(port: u16, path: impl Into<String>) -> Self {
        let path = path.into();
        Self::of(HealthProbe::Http { port, path })
    }

    /// A connection to a port of the VPS.
    #[must_use]
    pub fn tcp(port: u16) -> Self {
        Self::of(HealthProbe::Tcp { port })
    }

    /// A program in the container with its arguments, each of which arrives as it is.
    #[must_use]
    pub fn command<I, S>(words: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        let words = words.into_iter().map(Into::into).collect();
        Self::of(HealthProbe::Command(words))
    }

    fn of(probe: HealthProbe) -> Self {
        Self {
            probe,
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(5),
            deadline: Duration::from_secs(60),
        }
    }

    /// Sets [`HealthCheck::interval`].
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets [`HealthCheck::timeout`].
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets [`HealthCheck::deadline`].
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Refuses what could never be healthy.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] names what is wrong and what would be right.
    pub fn check(&self) -> Result<()> {
        for (name, value) in [("timeout", self.timeout), ("deadline", self.deadline)] {
            if value.is_zero() {
                return Err(invalid(format!(
                    "the health check's {name} is zero, so that nothing could be healthy; give some \
                     seconds"
                )));
            }
        }
        match &self.probe {
            HealthProbe::Http { port: 0, .. } | HealthProbe::Tcp { port: 0 } => Err(invalid(
                "the health check asks port 0, which is none; name the port that is published",
            )),
            HealthProbe::Http { path, .. } => check_path(path),
            HealthProbe::Tcp { .. } => Ok(()),
            HealthProbe::Command(words) => check_words(words),
        }
    }
}

fn check_path(path: &str) -> Result<()> {
    let odd = |c: char| !c.is_ascii_graphic() || c == '#';
    if path.starts_with('/') && !path.contains(odd) {
        return Ok(());
    }
    Err(invalid(format!(
        "the health check's path {path:?} must begin with '/' and have no blanks; other characters are \
         written as %20 and its like"
    )))
}

fn check_words(words: &[String]) -> Result<()> {
    if words.first().is_none_or(String::is_empty) {
        return Err(invalid(
            "the health check's command has no words; name a program",
        ));
    }
    if words.iter().any(|word| word.contains('\0')) {
        return Err(invalid(
            "the health check's command contains a NUL character",
        ));
    }
    Ok(())
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_never_be_healthy_is_refused() {
        let zero = Duration::ZERO;
        for unfit in [
            HealthCheck::tcp(0),
            HealthCheck::http(0, "/"),
            HealthCheck::http(80, ""),
            HealthCheck::http(80, "up"),
            HealthCheck::http(80, "/a b"),
            HealthCheck::http(80, "/a\r\nX: y"),
            HealthCheck::http(80, "/ä"),
            HealthCheck::http(80, "/a#b"),
            HealthCheck::command([""]),
            HealthCheck::command(Vec::<String>::new()),
            HealthCheck::command(["a\0"]),
            HealthCheck::tcp(80).timeout(zero),
            HealthCheck::tcp(80).deadline(zero),
        ] {
            let error = unfit.check().expect_err("unfit");
            assert_eq!(error.kind(), ErrorKind::Invalid, "{unfit:?}");
        }
        for fit in [
            HealthCheck::http(8000, "/up?deep=1&x=%20"),
            HealthCheck::tcp(65_535).interval(zero),
            HealthCheck::command(["pg_isready", ""]),
        ] {
            fit.check().expect("fit");
        }
    }
}
