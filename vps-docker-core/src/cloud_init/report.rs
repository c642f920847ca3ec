use std::time::Duration;

use serde::Deserialize;

use super::bootstrap::{REPORT, without_comments};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Timestamp, printable};

/// Where the bootstrap reports on the VPS: one line of JSON, replaced atomically, mode 0600.
pub const REPORT_PATH: &str = "/run/vps-docker/bootstrap.json";

const AWAIT: &str = include_str!("assets/await.sh");

/// A POSIX shell script for the VPS that follows the bootstrap: it prints every new report as one
/// line, looking every 50 ms, and ends with the first that says done or failed. Run it as root as
/// the one argument of `sh -c`.
///
/// When no report can come any more (cloud-init itself failed) or none has ended within `limit`, the
/// script makes up a failed one that says what is known. `limit` counts from now, so a little more
/// than the bootstrap's own time-out leaves the word to the bootstrap. The script ends by itself
/// even if the connection is lost; its exit code is always 0.
#[must_use]
pub fn await_script(limit: Duration) -> String {
    format!(
        "limit={}\n{}{}",
        limit.as_secs(),
        without_comments(REPORT),
        without_comments(AWAIT)
    )
}

/// What the bootstrap says about itself.
///
/// Reading is tolerant: unknown members are skipped, missing ones are empty.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct BootstrapReport {
    /// How far it is.
    #[serde(default)]
    pub state: BootstrapState,
    /// The step that is under way or failed; empty when done.
    #[serde(default)]
    pub step: String,
    /// The steps that have ended, in order.
    #[serde(default)]
    pub steps: Vec<BootstrapStep>,
    /// Unix seconds by the VPS's clock.
    #[serde(default)]
    started_at: Option<i64>,
    /// The command that failed.
    #[serde(default)]
    pub command: Option<String>,
    /// Its exit code; 124 when the bootstrap was stopped from outside.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// The end of what it said, at most some 4 KiB. May hold any character.
    #[serde(default)]
    pub output: String,
    /// Version of the Docker Engine, when done.
    #[serde(default)]
    pub docker_version: Option<String>,
}

/// How far a bootstrap is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BootstrapState {
    /// At work.
    Running,
    /// All is as it should be.
    Done,
    /// Ended without success.
    Failed,
    /// A word we do not know.
    #[default]
    #[serde(other)]
    Unknown,
}

/// One step of a bootstrap that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct BootstrapStep {
    /// Its name, such as `install docker`.
    #[serde(default)]
    pub name: String,
    /// How long it took, to a hundredth of a second.
    #[serde(default, rename = "seconds", deserialize_with = "from_seconds")]
    pub duration: Duration,
}

fn from_seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    Ok(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

impl BootstrapReport {
    /// Reads one line of what [`await_script`] prints, or the file at [`REPORT_PATH`].
    ///
    /// # Errors
    /// [`ErrorKind::State`] for text that is no such report.
    pub fn parse(line: &str) -> Result<Self> {
        serde_json::from_str(line).map_err(|error| {
            let start: String = line.chars().take(200).collect();
            Error::new(
                ErrorKind::State,
                format!("the VPS answered {start:?} instead of a bootstrap report"),
            )
            .with_source(error)
        })
    }

    /// When the bootstrap began, by the VPS's clock.
    #[must_use]
    pub fn started_at(&self) -> Option<Timestamp> {
        Timestamp::from_unix_seconds(self.started_at?)
    }

    /// Whether no further report will come.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self.state, BootstrapState::Done | BootstrapState::Failed)
    }

    /// The error that a failed report is, of [`ErrorKind::Bootstrap`], with command and output in
    /// its text; `Ok` for every other report.
    ///
    /// # Errors
    /// That one.
    pub fn check(&self) -> Result<()> {
        if self.state != BootstrapState::Failed {
            return Ok(());
        }
        let command = self.command.as_deref().unwrap_or_default();
        let mut message = format!(
            "the bootstrap of the VPS failed at the step {:?}: `{}` ended with exit code {}",
            self.step,
            printable(command),
            self.exit_code.unwrap_or(1),
        );
        if let Some(hint) = self.hint() {
            message.push_str("; ");
            message.push_str(hint);
        }
        let output = printable(self.output.trim());
        if output.is_empty() {
            message.push_str("; it said nothing");
        } else {
            message.push_str("; it said:\n");
            message.push_str(&output);
        }
        Err(Error::new(ErrorKind::Bootstrap, message))
    }

    /// What to do about the failures that we know.
    fn hint(&self) -> Option<&'static str> {
        let known = [
            (
                "Could not get lock",
                "another program holds apt's lock: raise the apt lock timeout or choose an image \
                 that does not update itself",
            ),
            (
                "E: Unable to locate package",
                "this image's package sources have no such package: check its name",
            ),
            (
                "has no installation candidate",
                "this image's package sources have no such package: check its name",
            ),
            (
                "Failed to fetch",
                "a package mirror cannot be reached: try again later",
            ),
        ];
        known
            .into_iter()
            .find(|(text, _)| self.output.contains(text))
            .map(|(_, hint)| hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_is_tolerant() {
        let report = BootstrapReport::parse("{}").expect("an object");
        assert_eq!(report.state, BootstrapState::Unknown);
        let report = BootstrapReport::parse(
            r#"{"schema_version":9,"state":"resting","new":[1],"started_at":1700000000,
                "steps":[{"name":"check sshd","seconds":0.07},{"seconds":-1}]}"#,
        )
        .expect("an object");
        assert_eq!(report.state, BootstrapState::Unknown);
        assert!(!report.is_final());
        assert_eq!(report.steps[0].duration, Duration::from_millis(70));
        assert_eq!(
            report.started_at().map(Timestamp::unix_seconds),
            Some(1_700_000_000)
        );
        report.check().expect("not failed");
    }

    #[test]
    fn what_is_no_report_is_quoted() {
        let error = BootstrapReport::parse("Welcome to Debian\u{1b}[2J").expect_err("no JSON");
        assert_eq!(error.kind(), ErrorKind::State);
        assert!(
            error.to_string().contains(r"Welcome to Debian\u{1b}[2J"),
            "{error}"
        );
    }

    #[test]
    fn a_failed_report_is_an_error_with_command_output_and_advice() {
        let report = BootstrapReport::parse(
            r#"{"state":"failed","step":"install docker","command":"apt-get install docker.oi",
                "exit_code":100,"output":"\u001b[31mE: Unable to locate package docker.oi\n"}"#,
        )
        .expect("a report");
        assert!(report.is_final());
        let error = report.check().expect_err("it failed");
        assert_eq!(error.kind(), ErrorKind::Bootstrap);
        assert_eq!(
            error.to_string(),
            "the bootstrap of the VPS failed at the step \"install docker\": \
             `apt-get install docker.oi` ended with exit code 100; this image's package sources \
             have no such package: check its name; it said:\n\
             \u{fffd}[31mE: Unable to locate package docker.oi"
        );
    }
}
