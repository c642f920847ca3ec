use super::Host;
use crate::docker::CONTAINER_NAME;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Timestamp;
use crate::ssh::{Input, RemoteCommand, RemoteProcess};

/// What of the container's output is wanted. By default all that there is.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LogsOptions {
    /// Goes on with what is printed from now on, until the container ends.
    pub follow: bool,
    /// Nothing from before.
    pub since: Option<Timestamp>,
    /// No more than so many lines of what there is already.
    pub tail: Option<u64>,
    /// A time in RFC 3339 before each line.
    pub timestamps: bool,
}

impl LogsOptions {
    /// Sets [`follow`](Self::follow).
    #[must_use]
    pub fn follow(mut self, follow: bool) -> Self {
        self.follow = follow;
        self
    }

    /// Sets [`since`](Self::since).
    #[must_use]
    pub fn since(mut self, since: Timestamp) -> Self {
        self.since = Some(since);
        self
    }

    /// Sets [`tail`](Self::tail).
    #[must_use]
    pub fn tail(mut self, lines: u64) -> Self {
        self.tail = Some(lines);
        self
    }

    /// Sets [`timestamps`](Self::timestamps).
    #[must_use]
    pub fn timestamps(mut self, timestamps: bool) -> Self {
        self.timestamps = timestamps;
        self
    }

    fn words(&self) -> Vec<String> {
        let mut words = vec!["docker".to_owned(), "logs".to_owned()];
        words.extend(self.follow.then(|| "--follow".to_owned()));
        words.extend(self.timestamps.then(|| "--timestamps".to_owned()));
        words.extend(self.since.map(|since| format!("--since={since}")));
        words.extend(self.tail.map(|lines| format!("--tail={lines}")));
        words.push(CONTAINER_NAME.to_owned());
        words
    }
}

impl Host {
    /// What the container's command and its sshd print, as Docker on the VPS keeps it: standard output
    /// and standard error apart, as they were written. Also of a container that is stopped. Followed, it
    /// ends when the container does, and when it is removed.
    ///
    /// Idempotent. Dropping the process, or its [`exit`](RemoteProcess::exit) alone, ends it on the VPS,
    /// too, and so does the end of this program, however it ends.
    ///
    /// # Errors
    /// `NotFound` when the host has no container; those of [`vps`](Host::vps). The process's `exit` ends
    /// with an error when the connection breaks (`Unreachable`) or Docker cannot go on (`Docker`; its
    /// own words are the last of the standard error).
    pub async fn logs(&self, options: LogsOptions) -> Result<RemoteProcess> {
        self.start_logs(options)
            .await
            .map_err(|error| error.with_host(&self.info().name).with_operation("logs"))
    }

    async fn start_logs(&self, options: LogsOptions) -> Result<RemoteProcess> {
        // Once it runs, Docker's own complaints cannot be told from the container's.
        let docker = self.docker().await?;
        let named = format!("name=^/{CONTAINER_NAME}$");
        let found = docker
            .run(["ps", "--all", "--quiet", "--filter", &named])
            .await?;
        if found.is_empty() {
            return Err(Error::new(
                ErrorKind::NotFound,
                "the host has no container: its create did not get that far, or somebody removed it",
            ));
        }
        let command = RemoteCommand::new(options.words());
        let process = command.spawn(self.vps().await?, Input::None).await?;
        let (exit, host) = (process.exit, self.info().name.clone());
        Ok(RemoteProcess {
            exit: Box::pin(async move {
                let status = exit.await?;
                if status.success() {
                    return Ok(status);
                }
                Err(Error::new(
                    ErrorKind::Docker,
                    format!(
                        "`docker logs` on the VPS ended with exit code {}",
                        status.code().unwrap_or(255)
                    ),
                )
                .with_host(host))
            }),
            ..process
        })
    }
}
