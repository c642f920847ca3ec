use serde::Deserialize;

use super::CONTAINER_NAME;
use crate::error::{Error, ErrorKind, Result};
use crate::ssh::join;

/// What Docker says that the container is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ContainerState {
    /// Docker's word: `created`, `running`, `paused`, `restarting`, `exited`, `dead`.
    pub(crate) status: String,
    /// Of its last end; 0 while it runs.
    pub(crate) exit_code: i64,
    #[serde(rename = "OOMKilled")]
    pub(crate) oom_killed: bool,
    /// Why it could not be started, empty as a rule.
    pub(crate) error: String,
}

impl ContainerState {
    /// The command that prints it as JSON; it fails when there is no container.
    pub(crate) fn command() -> String {
        join([
            "docker",
            "container",
            "inspect",
            "--format",
            "{{json .State}}",
            CONTAINER_NAME,
        ])
    }

    /// Reads what the command printed.
    pub(crate) fn parse(json: &str) -> Result<Self> {
        serde_json::from_str(json).map_err(|error| {
            Error::new(
                ErrorKind::Docker,
                "cannot read what `docker container inspect` prints",
            )
            .with_source(error)
        })
    }

    /// Whether it was ended from outside: with 0, or by the signals of a stop (SIGINT, SIGKILL,
    /// SIGTERM) and not for want of memory.
    pub(crate) fn ended_by_a_stop(&self) -> bool {
        self.status == "exited"
            && self.error.is_empty()
            && !self.oom_killed
            && matches!(self.exit_code, 0 | 130 | 137 | 143)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_docker_prints_is_read() {
        let state = ContainerState::parse(
            r#"{"Status":"exited","Running":false,"OOMKilled":true,"ExitCode":137,"Error":""}"#,
        )
        .expect("readable");
        assert_eq!((state.status.as_str(), state.exit_code), ("exited", 137));
        assert!(!state.ended_by_a_stop(), "it had no memory");
        let stopped = ContainerState {
            oom_killed: false,
            ..state
        };
        assert!(stopped.ended_by_a_stop());
        ContainerState::parse("{half").expect_err("no JSON");
    }
}
