use crate::docker::{ContainerState, PRESSURE, parse_pressure};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{HostState, Pressure};
use crate::ssh::{Output, join};
use crate::store::{Contents, HostStore};

/// What a VPS says of the host on it, asked in one round trip.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) contents: Contents,
    /// `None` when there is no container.
    pub(super) container: Option<ContainerState>,
    /// Why Docker does not say what the container is doing.
    pub(super) docker: Option<Error>,
    /// What the container has run out of.
    pub(super) pressures: Vec<Pressure>,
}

impl Look {
    /// The command that asks.
    pub(super) fn command() -> String {
        let inspect = ContainerState::command();
        let script = format!("{PRESSURE}\n{}", include_str!("look.sh"));
        let words = join(["sh", "-c", &script, "look"]);
        format!("{} && {words} {inspect}", HostStore::read_command())
    }

    /// Reads the answer.
    ///
    /// # Errors
    /// When the state volume could not be read at all.
    pub(super) fn parse(output: Output) -> Result<Self> {
        let lines = output.success(ErrorKind::State, "looking at the host on the VPS")?;
        let mut look = Self {
            contents: Contents::parse(&lines),
            ..Self::default()
        };
        for (key, text) in lines.lines().filter_map(|line| line.split_once('\t')) {
            match key {
                "container" => match ContainerState::parse(text) {
                    Ok(container) => look.container = Some(container),
                    Err(error) => look.docker = Some(error),
                },
                "pressure" => look.pressures.extend(parse_pressure(text)),
                "docker" => {
                    look.docker = Some(Error::new(
                        ErrorKind::Docker,
                        format!("docker on the VPS does not answer: {text}"),
                    ));
                }
                _ => {}
            }
        }
        Ok(look)
    }

    /// What the host is doing, and what is wrong with it if something is.
    pub(super) fn state(&self) -> (HostState, Option<Error>) {
        let record = match (&self.contents.record, self.contents.corrupt.first()) {
            (Some(record), _) => record,
            (None, Some(corrupt)) => {
                return failed(ErrorKind::State, corrupt.to_string());
            }
            (None, None) => {
                let text = "the VPS is ours but holds no record: its create did not get far; \
                            destroy it";
                return failed(ErrorKind::State, text.into());
            }
        };
        if record.ready_at.is_none() {
            return (HostState::Provisioning, None);
        }
        match (&self.container, &self.docker) {
            (_, Some(docker)) => failed(ErrorKind::Docker, docker.to_string()),
            (None, None) => {
                let text = "its container is gone from the VPS; start the host to run it anew";
                failed(ErrorKind::Docker, text.into())
            }
            (Some(container), None) => self.container_state(container),
        }
    }

    fn container_state(&self, container: &ContainerState) -> (HostState, Option<Error>) {
        let crashed = |text: String| {
            let error = Error::new(ErrorKind::Docker, text);
            (HostState::Crashed, Some(error))
        };
        match container.status.as_str() {
            "running" | "paused" => (HostState::Running, None),
            "exited" | "created" if self.contents.stop.is_some() => (HostState::Stopped, None),
            _ if container.ended_by_a_stop() => (HostState::Stopped, None),
            _ if container.oom_killed => crashed(
                "out of memory: the kernel ended the container; give it more, or a larger plan"
                    .into(),
            ),
            _ if !container.error.is_empty() => crashed(container.error.clone()),
            _ => crashed(format!(
                "the container ended by itself with exit code {}",
                container.exit_code
            )),
        }
    }
}

fn failed(kind: ErrorKind, text: String) -> (HostState, Option<Error>) {
    (HostState::Failed, Some(Error::new(kind, text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(status: &str, exit_code: i64, oom_killed: bool, stopped: bool) -> HostState {
        let look = Look {
            contents: Contents {
                stop: stopped.then(|| crate::store::StopMark {
                    schema_version: 1,
                    at: crate::model::Timestamp::now(),
                    by: "client".into(),
                    reason: "asked".into(),
                }),
                ..Contents::default()
            },
            ..Look::default()
        };
        let container = ContainerState {
            status: status.into(),
            exit_code,
            oom_killed,
            error: String::new(),
        };
        look.container_state(&container).0
    }

    #[test]
    fn a_stop_is_told_from_a_crash() {
        use HostState::{Crashed, Running, Stopped};
        assert_eq!(state("running", 0, false, false), Running);
        assert_eq!(state("running", 0, false, true), Running);
        assert_eq!(state("exited", 131, false, true), Stopped);
        assert_eq!(state("exited", 137, false, false), Stopped);
        assert_eq!(state("exited", 137, true, false), Crashed);
        assert_eq!(state("exited", 1, false, false), Crashed);
        assert_eq!(state("restarting", 1, false, false), Crashed);
    }

    #[test]
    fn a_docker_that_is_silent_is_no_absent_container() {
        let output = Output {
            status: std::process::ExitStatus::default(),
            stdout: "docker\tCannot connect to the Docker daemon\n".into(),
            stderr: String::new(),
        };
        let look = Look::parse(output).expect("readable");
        assert!(look.container.is_none() && look.docker.is_some());
    }
}
