use std::ffi::OsString;
use std::process::Stdio;

use tokio::process::Command;

use super::ImageConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ImageReference;
use crate::ssh::RemoteProcess;

/// Docker on this side, from which images can be shipped. It need not be there: then nothing can
/// be shipped.
#[derive(Clone, Debug)]
pub struct LocalEngine {
    program: OsString,
    host: Option<String>,
}

impl Default for LocalEngine {
    /// The `docker` program of the search path and the engine it talks to by itself.
    fn default() -> Self {
        Self {
            program: "docker".into(),
            host: None,
        }
    }
}

impl LocalEngine {
    /// Another `docker` program.
    #[must_use]
    pub fn program(mut self, program: impl Into<OsString>) -> Self {
        self.program = program.into();
        self
    }

    /// Another engine, as `docker --host` takes it.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// The image, or `None` when this side does not have it or has no docker at all.
    pub(crate) async fn image(&self, reference: &ImageReference) -> Result<Option<ImageConfig>> {
        let output = self
            .command(["image", "inspect", reference.as_str()])
            .stdin(Stdio::null())
            .output()
            .await;
        match output {
            Ok(output) if output.status.success() => {
                ImageConfig::parse(&String::from_utf8_lossy(&output.stdout)).map(Some)
            }
            Ok(output) => {
                tracing::debug!(
                    complaint = %String::from_utf8_lossy(&output.stderr).trim(),
                    "this side has no image to ship"
                );
                Ok(None)
            }
            Err(error) => {
                tracing::debug!(%error, "this side has no docker program");
                Ok(None)
            }
        }
    }

    /// Starts to write the image as a tar stream to its standard output.
    pub(super) fn save(&self, reference: &str) -> Result<RemoteProcess> {
        let mut child = self
            .command(["save", reference])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| {
                Error::new(
                    ErrorKind::Docker,
                    "cannot start the `docker` program on this side to ship the image",
                )
                .with_source(error)
            })?;
        let piped = "piped by its maker";
        Ok(RemoteProcess {
            stdin: None,
            stdout: Box::pin(child.stdout.take().expect(piped)),
            stderr: Box::pin(child.stderr.take().expect(piped)),
            exit: Box::pin(async move {
                child.wait().await.map_err(|error| {
                    Error::new(ErrorKind::Docker, "`docker save` did not end").with_source(error)
                })
            }),
        })
    }

    fn command<const N: usize>(&self, args: [&str; N]) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(host) = &self.host {
            command.args(["--host", host]);
        }
        command.args(args).kill_on_drop(true);
        command
    }
}
