use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

/// When a host's container is stopped for want of use. A unit on the VPS watches; no client is
/// needed. The VPS keeps running, and so does the bill.
///
/// The window opens when the container starts, when the VPS boots and when the policy is set. The
/// container is stopped when what the [mode](IdleMode) looks at has been quiet for the idle
/// timeout, or, if there is a maximal lifetime, when it has run for so long. It is held up, against
/// both, by a file `keep-alive` in the root of the data volume and by every command under
/// `vps-docker-keep-alive`. A signal that fails or cannot be read never stops anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct IdlePolicy {
    mode: IdleMode,
    idle_timeout: Duration,
    max_lifetime: Option<Duration>,
}

/// What counts as use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
#[non_exhaustive]
pub enum IdleMode {
    /// Bytes on SSH sessions of the container and on terminals in it (those of `docker exec -t`
    /// too). What SSH sends to keep a connection alive does not count.
    #[default]
    Io,
    /// SSH connections to the container that are logged in.
    Ssh,
    /// CPU time of the container.
    Cpu {
        /// What counts, on the average between two looks.
        percent: CpuPercent,
    },
    /// A process of this name lives in the container.
    Run {
        /// The base name of its program, or what it calls itself.
        process: ProcessName,
    },
    /// A command, run as root in the container, ends with 0 for "in use" and with 1 for "idle". Any
    /// other code, or no end within ten seconds, is a failure, which stops nothing.
    Custom {
        /// Its words; no shell is between.
        command: CheckCommand,
    },
    /// Never idle. A maximal lifetime counts all the same.
    Disabled,
}

impl IdleMode {
    /// Its name, as it is written.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Io => "io",
            Self::Ssh => "ssh",
            Self::Cpu { .. } => "cpu",
            Self::Run { .. } => "run",
            Self::Custom { .. } => "custom",
            Self::Disabled => "disabled",
        }
    }
}

impl IdlePolicy {
    /// Timeouts outside of this make no sense: the watcher looks every second at most.
    const TIMEOUTS: (Duration, Duration) = (
        Duration::from_secs(5),
        Duration::from_secs(10 * 365 * 86_400),
    );

    /// A policy without a maximal lifetime. Fractions of a second are rounded up.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a timeout below five seconds or above ten years.
    pub fn new(mode: IdleMode, idle_timeout: Duration) -> Result<Self> {
        Ok(Self {
            mode,
            idle_timeout: whole_seconds("idle_timeout", idle_timeout)?,
            max_lifetime: None,
        })
    }

    /// Stops the container after so long, counted from its start, used or not. Fractions of a
    /// second are rounded up.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for one below five seconds or above ten years.
    pub fn with_max_lifetime(mut self, max_lifetime: Duration) -> Result<Self> {
        self.max_lifetime = Some(whole_seconds("max_lifetime", max_lifetime)?);
        Ok(self)
    }

    /// A policy that stops nothing.
    #[must_use]
    pub fn disabled() -> Self {
        Self {
            mode: IdleMode::Disabled,
            ..Self::default()
        }
    }

    /// What counts as use.
    #[must_use]
    pub fn mode(&self) -> &IdleMode {
        &self.mode
    }

    /// For how long nothing may have happened. Whole seconds.
    #[must_use]
    pub fn idle_timeout(&self) -> Duration {
        self.idle_timeout
    }

    /// For how long the container may run at all. Whole seconds.
    #[must_use]
    pub fn max_lifetime(&self) -> Option<Duration> {
        self.max_lifetime
    }

    /// How often the watcher looks: a tenth of the shorter time, 1 to 30 s. The end of use is seen
    /// one interval late, and the end of the timeout another one.
    #[must_use]
    pub fn interval(&self) -> Duration {
        let shorter = self.max_lifetime.unwrap_or(Duration::MAX);
        let tenth = self.idle_timeout.min(shorter).as_secs() / 10;
        Duration::from_secs(tenth.clamp(1, 30))
    }
}

/// Mode `io`, 800 s, no maximal lifetime.
impl Default for IdlePolicy {
    fn default() -> Self {
        Self {
            mode: IdleMode::default(),
            idle_timeout: Duration::from_secs(800),
            max_lifetime: None,
        }
    }
}

fn whole_seconds(name: &str, duration: Duration) -> Result<Duration> {
    let (shortest, longest) = IdlePolicy::TIMEOUTS;
    if !(shortest..=longest).contains(&duration) {
        return Err(invalid(format!(
            "{name} is {} s; give between {} s and ten years",
            duration.as_secs_f64(),
            shortest.as_secs()
        )));
    }
    Ok(Duration::from_secs(
        duration.as_millis().div_ceil(1000) as u64
    ))
}

/// Percent of one core, 1 at least. Several cores make more than 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct CpuPercent(u32);

impl CpuPercent {
    /// Checks the number.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for 0, which everything is over, and for more than 1,000 cores.
    pub fn new(percent: u32) -> Result<Self> {
        if (1..=100_000).contains(&percent) {
            return Ok(Self(percent));
        }
        Err(invalid(format!(
            "a CPU threshold of {percent} percent of a core is none; 1 to 100000 are"
        )))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for CpuPercent {
    type Error = Error;

    fn try_from(percent: u32) -> Result<Self> {
        Self::new(percent)
    }
}

impl From<CpuPercent> for u32 {
    fn from(percent: CpuPercent) -> Self {
        percent.0
    }
}

/// The name of a process: no path, one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProcessName(String);

impl ProcessName {
    /// Checks the name.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for one that no process can have.
    pub fn new(name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        let trimmed = name.trim() == name;
        if name.is_empty() || !trimmed || name.contains('/') || name.contains(char::is_control) {
            return Err(invalid(format!(
                "{name:?} is no name of a process; give the base name of its program, such as \
                 postgres"
            )));
        }
        Ok(Self(name))
    }
}

super::text::text_conversions!(ProcessName);

/// The words of a command that tells whether the container is in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct CheckCommand(Vec<String>);

impl CheckCommand {
    /// Checks the words.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for no words, and for a NUL character in one.
    pub fn new<I, S>(words: I) -> Result<Self>
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        let words: Vec<String> = words.into_iter().map(Into::into).collect();
        if words.first().is_none_or(String::is_empty) {
            return Err(invalid("the command of the idle mode has no words"));
        }
        if words.iter().any(|word| word.contains('\0')) {
            return Err(invalid(
                "the command of the idle mode contains a NUL character",
            ));
        }
        Ok(Self(words))
    }

    /// The words.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

impl TryFrom<Vec<String>> for CheckCommand {
    type Error = Error;

    fn try_from(words: Vec<String>) -> Result<Self> {
        Self::new(words)
    }
}

impl From<CheckCommand> for Vec<String> {
    fn from(command: CheckCommand) -> Self {
        command.0
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

/// How a policy is written.
#[derive(Serialize, Deserialize)]
struct Raw {
    #[serde(flatten)]
    mode: IdleMode,
    /// Seconds, as below.
    idle_timeout: u64,
    #[serde(default)]
    max_lifetime: Option<u64>,
}

impl TryFrom<Raw> for IdlePolicy {
    type Error = Error;

    fn try_from(raw: Raw) -> Result<Self> {
        let policy = Self::new(raw.mode, Duration::from_secs(raw.idle_timeout))?;
        match raw.max_lifetime {
            Some(seconds) => policy.with_max_lifetime(Duration::from_secs(seconds)),
            None => Ok(policy),
        }
    }
}

impl From<IdlePolicy> for Raw {
    fn from(policy: IdlePolicy) -> Self {
        Self {
            mode: policy.mode,
            idle_timeout: policy.idle_timeout.as_secs(),
            max_lifetime: policy.max_lifetime.map(|lifetime| lifetime.as_secs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_written_and_read_back() {
        let custom = IdleMode::Custom {
            command: CheckCommand::new(["sh", "-c", "it's\n\"it\""]).expect("words"),
        };
        let policy = IdlePolicy::new(custom, Duration::from_millis(19_001)).expect("fit");
        let policy = policy.with_max_lifetime(Duration::from_secs(60));
        let policy = policy.expect("fit");
        assert_eq!(policy.idle_timeout(), Duration::from_secs(20));
        let text = serde_json::to_string(&policy).expect("plain data");
        assert!(
            text.starts_with(r#"{"mode":"custom","command":["sh","#),
            "{text}"
        );
        assert_eq!(
            serde_json::from_str::<IdlePolicy>(&text).expect("ours"),
            policy
        );
        let text = serde_json::to_string(&IdlePolicy::default()).expect("plain data");
        assert_eq!(
            text,
            r#"{"mode":"io","idle_timeout":800,"max_lifetime":null}"#
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused_also_when_it_is_read() {
        for text in [
            r#"{"mode":"io","idle_timeout":4}"#,
            r#"{"mode":"io","idle_timeout":800,"max_lifetime":0}"#,
            r#"{"mode":"cpu","percent":0,"idle_timeout":800}"#,
            r#"{"mode":"cpu","idle_timeout":800}"#,
            r#"{"mode":"run","process":"/bin/sh","idle_timeout":800}"#,
            r#"{"mode":"run","process":"a\nb","idle_timeout":800}"#,
            r#"{"mode":"custom","command":[],"idle_timeout":800}"#,
            r#"{"mode":"custom","command":["a\u0000"],"idle_timeout":800}"#,
            r#"{"mode":"telepathy","idle_timeout":800}"#,
        ] {
            serde_json::from_str::<IdlePolicy>(text).expect_err(text);
        }
        IdlePolicy::new(IdleMode::Ssh, Duration::MAX).expect_err("for ever");
    }

    #[test]
    fn the_interval_follows_from_the_shorter_time() {
        for (timeout, lifetime, interval) in [
            (5, None, 1),
            (20, None, 2),
            (800, None, 30),
            (800, Some(40), 4),
        ] {
            let mut policy =
                IdlePolicy::new(IdleMode::Ssh, Duration::from_secs(timeout)).expect("fit");
            if let Some(lifetime) = lifetime {
                let lifetime = Duration::from_secs(lifetime);
                policy = policy.with_max_lifetime(lifetime).expect("fit");
            }
            assert_eq!(policy.interval(), Duration::from_secs(interval));
        }
    }
}
