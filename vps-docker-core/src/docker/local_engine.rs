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
    pub(super) prepares_images: bool,
}

impl Default for LocalEngine {
    /// The `docker` program of the search path and the engine it talks to by itself.
    fn default() -> Self {
        Self {
            program: "docker".into(),
            host: None,
            prepares_images: true,
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

    /// Whether sshd is brought into an image here, before it is shipped, and not on every VPS.
    /// Default: true.
    ///
    /// The image that is made stays on the engine for hosts that are created within a week, as
    /// `vps-docker/derived:…`; `docker image rm` may remove it at any time. It keeps the layers of
    /// the image that it was made of.
    #[must_use]
    pub fn prepare_images(mut self, prepare: bool) -> Self {
        self.prepares_images = prepare;
        self
    }

    /// The image, or `None` when this side does not have it or has no docker at all.
    pub(crate) async fn image(&self, reference: &ImageReference) -> Result<Option<ImageConfig>> {
        let output = self
            .command("image")
            .args(["inspect", reference.as_str()])
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

    /// The ids of the images with that label that have no name.
    pub(super) async fn nameless(&self, label: &str) -> Vec<String> {
        let filters = ["--filter=dangling=true", &format!("--filter=label={label}")];
        let mut list = self.command("image");
        list.args(["ls", "--quiet", "--no-trunc"]).args(filters);
        let listed = list.output().await.map(|output| output.stdout);
        let listed = listed.unwrap_or_default();
        let ids = String::from_utf8_lossy(&listed);
        ids.split_whitespace().map(String::from).collect()
    }

    /// Removes images that nothing needs; those in use stay.
    pub(super) async fn remove_images(&self, ids: &[String]) {
        if !ids.is_empty() {
            let removed = self.command("image").arg("rm").args(ids).output().await;
            tracing::debug!(?removed, "removed what is not needed any more");
        }
    }

    /// Starts the program and hands over its streams.
    pub(super) fn spawn(&self, command: &mut Command) -> Result<RemoteProcess> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| {
                Error::new(
                    ErrorKind::Docker,
                    "cannot start the `docker` program on this side",
                )
                .with_source(error)
            })?;
        let piped = "piped by its maker";
        Ok(RemoteProcess {
            stdin: Some(Box::pin(child.stdin.take().expect(piped))),
            stdout: Box::pin(child.stdout.take().expect(piped)),
            stderr: Box::pin(child.stderr.take().expect(piped)),
            exit: Box::pin(async move {
                child.wait().await.map_err(|error| {
                    Error::new(
                        ErrorKind::Docker,
                        "the `docker` program on this side got lost",
                    )
                    .with_source(error)
                })
            }),
        })
    }

    /// The program with its first word; killed when it is dropped.
    pub(super) fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(host) = &self.host {
            command.args(["--host", host]);
        }
        command.arg(subcommand).kill_on_drop(true);
        command
    }
}
