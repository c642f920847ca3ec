use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::Host;
use super::run_container::{container_ended, last_words};
use crate::docker::{DockerOverSsh, PROBE_TCP};
use crate::error::{Error, ErrorKind, Result};
use crate::http::ask_whether_well;
use crate::model::{HealthCheck, HealthProbe};
use crate::ssh::{Connection, Input, RemoteCommand, TransportExt, join, socket_dir};

/// How much longer than its try a script on the VPS may take to come and go.
const GRACE: Duration = Duration::from_secs(5);

impl Host {
    /// Asks whether the application is well until it is, or until the check's deadline. Changes nothing, and is cancel-safe.
    ///
    /// # Errors
    /// `Timeout` at the deadline, with the last answer, and `Docker` as soon as the container has ended; both with the last
    /// 20 lines of the container's log. `Invalid` for a check that nothing could pass; and those of
    /// [`vps`](Self::vps), for a connection that breaks is no answer.
    pub async fn await_healthy(&self, check: &HealthCheck) -> Result<()> {
        let waited = async {
            check.check()?;
            self.patient(check).await?.until_healthy(check).await
        };
        waited.await.map_err(|error| self.of_health(error))
    }

    /// Asks once. Changes nothing, and is cancel-safe.
    ///
    /// # Errors
    /// `Docker` with the answer when it is not well, `Timeout` when there was none; `Invalid` for a check that nothing could
    /// pass; and those of [`vps`](Self::vps).
    pub async fn check_health(&self, check: &HealthCheck) -> Result<()> {
        let asked = async {
            check.check()?;
            self.patient(check).await?.ask(check, check.timeout).await
        };
        asked.await.map_err(|error| self.of_health(error))
    }

    async fn patient(&self, check: &HealthCheck) -> Result<Patient> {
        let container = match check.probe {
            HealthProbe::Command(_) => Some(self.container().await?),
            _ => None,
        };
        Ok(Patient {
            run_dir: self.engine.data_dir.run_dir(),
            vps: self.vps().await?,
            container,
        })
    }

    fn of_health(&self, error: Error) -> Error {
        error
            .with_host(&self.info.name)
            .with_operation("check_health")
    }
}

/// An application that is asked how it is, over connections that are there.
#[derive(Debug)]
pub(super) struct Patient {
    /// Where sockets may stand.
    pub(super) run_dir: PathBuf,
    pub(super) vps: Arc<Connection>,
    /// For a check that is a command.
    pub(super) container: Option<Arc<Connection>>,
}

impl Patient {
    /// Asks until it is well or the deadline; a container that ends meanwhile ends the wait.
    pub(super) async fn until_healthy(&self, check: &HealthCheck) -> Result<()> {
        let docker = DockerOverSsh::new(self.vps.clone());
        let last = tokio::select! {
            last = self.keep_asking(check) => last?,
            error = container_ended(&docker, check.deadline, "it was healthy") => return Err(error),
        };
        let Some(last) = last else { return Ok(()) };
        let said = last_words(&docker).await;
        Err(Error::new(
            ErrorKind::Timeout,
            format!(
                "the application is not healthy within {} s: {last}; the container said: {said}",
                check.deadline.as_secs_f32()
            ),
        ))
    }

    /// Asks until it is well or the deadline; the last answer where there was no good one.
    async fn keep_asking(&self, check: &HealthCheck) -> Result<Option<Error>> {
        let deadline = Instant::now() + check.deadline;
        loop {
            let began = Instant::now();
            let left = deadline.saturating_duration_since(began);
            let answer = match self.ask(check, check.timeout.min(left)).await {
                Ok(()) => return Ok(None),
                Err(error) => match error.kind() {
                    ErrorKind::Docker | ErrorKind::Timeout => error,
                    // The connection broke, or is another machine's: that is no answer.
                    _ => return Err(error),
                },
            };
            let next = began + check.interval;
            if next.max(Instant::now()) >= deadline {
                return Ok(Some(answer));
            }
            sleep_until(next).await;
        }
    }

    /// Asks once.
    pub(super) async fn ask(&self, check: &HealthCheck, limit: Duration) -> Result<()> {
        match &check.probe {
            HealthProbe::Http { port, path } => self.get(*port, path, limit).await,
            HealthProbe::Tcp { port } => self.connect(*port, limit).await,
            HealthProbe::Command(words) => self.run(words, limit).await,
        }
    }

    async fn get(&self, port: u16, path: &str, limit: Duration) -> Result<()> {
        const NAME: &str = "http.sock";
        // Never twice the same: ssh takes a path that it listened at before for what it listens at now.
        let directory = socket_dir(&self.run_dir, "port-", NAME)?;
        let socket = directory.path().join(NAME);
        self.vps.forward_port(&socket, port).await?;
        let answer = ask_whether_well(&socket, port, path, limit).await;
        self.vps.stop_forwarding_port(&socket, port).await?;
        answer
    }

    async fn connect(&self, port: u16, limit: Duration) -> Result<()> {
        let seconds = limit.as_secs_f32().max(0.1).to_string();
        let words = [
            "sh",
            "-c",
            PROBE_TCP,
            "probe-tcp",
            &port.to_string(),
            &seconds,
        ];
        let words = join(words);
        let asked = timeout(limit + GRACE, self.vps.run(&words, b"")).await;
        let output = asked.unwrap_or_else(|_elapsed| Err(no_answer("the VPS", limit)))?;
        if output.status.success() {
            return Ok(());
        }
        // What bash says of itself stands before the reason.
        let said = output.stderr.lines().next().unwrap_or_default();
        let reason = said.rsplit(": ").next().filter(|reason| !reason.is_empty());
        let reason = reason.unwrap_or("no answer in time");
        Err(Error::new(
            ErrorKind::Docker,
            format!("nothing takes a connection at port {port} of the VPS: {reason}"),
        ))
    }

    async fn run(&self, words: &[String], limit: Duration) -> Result<()> {
        let program = &words[0];
        let door = self
            .container
            .clone()
            .expect("it is opened for such a check");
        let command = RemoteCommand::new(words);
        let work = async {
            let process = command.spawn(door, Input::None).await?;
            process.finish(b"").await
        };
        let asked = timeout(limit, work).await;
        let output = match asked.unwrap_or_else(|_elapsed| Err(no_answer(program, limit))) {
            // It goes with its container, which has its own way to be told.
            Err(error) if error.kind() == ErrorKind::Unreachable => {
                let broke = "the connection to the container broke while it was asked";
                return Err(Error::new(ErrorKind::Docker, broke).with_source(error));
            }
            asked => asked?,
        };
        output
            .success(ErrorKind::Docker, &format!("the health check {program:?}"))
            .map(drop)
    }
}

fn no_answer(who: &str, limit: Duration) -> Error {
    Error::new(
        ErrorKind::Timeout,
        format!("{who} gives no answer in {} s", limit.as_secs_f32()),
    )
}
