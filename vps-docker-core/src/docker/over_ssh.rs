use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{ImageConfig, RUN_CONTAINER};
use crate::error::{ErrorKind, Result};
use crate::model::{ImageReference, RegistryLogin};
use crate::ssh::{Output, RemoteProcess, Transport, TransportExt, join};

/// Docker on the VPS: the `docker` program there, one session per call on one connection.
#[derive(Clone, Debug)]
pub struct DockerOverSsh {
    vps: Arc<dyn Transport>,
    pub(super) scratch_dir: PathBuf,
    logins: Arc<[RegistryLogin]>,
}

impl DockerOverSsh {
    /// Docker of the VPS at the other end.
    #[must_use]
    pub fn new(vps: Arc<dyn Transport>) -> Self {
        Self {
            vps,
            scratch_dir: "/var/tmp".into(),
            logins: Arc::new([]),
        }
    }

    /// Where on this side an image may be written down while it is shipped. Default: `/var/tmp`,
    /// which is on disk where `/tmp` may be in memory.
    #[must_use]
    pub fn scratch_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.scratch_dir = directory.into();
        self
    }

    /// Logs in at these registries for every [`pull`](Self::pull): for as long as it takes, and by a file in
    /// the VPS's memory. The last one of a server counts. Default: none.
    #[must_use]
    pub fn registry_logins(mut self, logins: impl Into<Arc<[RegistryLogin]>>) -> Self {
        self.logins = logins.into();
        self
    }

    pub(super) fn registry_logins_given(&self) -> &[RegistryLogin] {
        &self.logins
    }

    /// What the VPS is reached by.
    pub(super) fn transport(&self) -> &dyn Transport {
        &*self.vps
    }

    /// Runs `docker` with these arguments, each of which arrives as it is, and returns what it
    /// printed. Whether it is idempotent is the command's affair; it is never run twice.
    ///
    /// # Errors
    /// [`ErrorKind::Docker`] with docker's own words, [`ErrorKind::Unreachable`].
    pub async fn run<I, S>(&self, args: I) -> Result<String>
    where
        I: IntoIterator<Item = S> + Send,
        S: AsRef<str>,
    {
        let args: Vec<S> = args.into_iter().collect();
        // The other words may hold secrets, such as values of the environment.
        let first = args.first().map_or("", AsRef::as_ref).to_owned();
        self.vps
            .run(&format!("docker {}", join(args)), b"")
            .await?
            .success(ErrorKind::Docker, &format!("`docker {first}` on the VPS"))
    }

    /// Starts `docker` with these arguments and hands over its streams.
    ///
    /// # Errors
    /// [`ErrorKind::Unreachable`].
    pub async fn spawn<I, S>(&self, args: I) -> Result<RemoteProcess>
    where
        I: IntoIterator<Item = S> + Send,
        S: AsRef<str>,
    {
        self.vps.spawn(&format!("docker {}", join(args))).await
    }

    /// Makes a container, of the words of `docker create`, and starts it; see `run-container.sh`.
    pub(crate) async fn run_container(&self, words: &[String]) -> Result<()> {
        let script = ["sh", "-c", RUN_CONTAINER, "run-container"];
        let words = words.iter().map(String::as_str);
        self.vps
            .run(&join(script.into_iter().chain(words)), b"")
            .await?
            .success(ErrorKind::Docker, "running the container on the VPS")
            .map(drop)
    }

    /// Starts a build without BuildKit.
    pub(super) async fn spawn_build(&self, args: &[String]) -> Result<RemoteProcess> {
        let command = format!("DOCKER_BUILDKIT=0 docker build {}", join(args));
        self.vps.spawn(&command).await
    }

    /// Runs a script of ours on the VPS.
    pub(super) async fn run_script(&self, script: &str) -> Result<Output> {
        self.vps.run(&join(["sh", "-c", script]), b"").await
    }

    /// Waits for a container to end and returns its exit code, `None` when it runs on at the limit.
    /// Dropped, the waiting ends on the other side too: there it would hold the connection open, and
    /// count against sshd's maximum of sessions.
    pub(crate) async fn wait_for_end(
        &self,
        container: &str,
        limit: Duration,
    ) -> Result<Option<String>> {
        const TIMED_OUT: i32 = 124;
        const SCRIPT: &str = "exec 3<&0
            timeout \"$1\" docker wait \"$2\" & waiting=$!
            { cat <&3; kill \"$waiting\"; } >/dev/null 2>&1 &
            wait \"$waiting\"";
        let seconds = limit.as_secs().max(1).to_string();
        let command = join(["sh", "-c", SCRIPT, "docker-wait", &seconds, container]);
        let mut waiting = self.vps.spawn(&command).await?;
        // Its end is that of the waiting.
        let _held = waiting.stdin.take();
        let output = waiting.finish(b"").await?;
        if output.exit_code() == TIMED_OUT {
            return Ok(None);
        }
        let code = output.success(ErrorKind::Docker, "`docker wait` on the VPS")?;
        Ok(Some(code.trim().to_owned()))
    }

    /// The image, or `None` when the VPS does not have it.
    pub(crate) async fn image(&self, reference: &ImageReference) -> Result<Option<ImageConfig>> {
        let command = join(["docker", "image", "inspect", reference.as_str()]);
        let output = self.vps.run(&command, b"").await?;
        if output.exit_code() == 1 && output.stderr.contains("No such image") {
            return Ok(None);
        }
        let json = output.success(ErrorKind::Docker, "looking for the image on the VPS")?;
        ImageConfig::parse(&json).map(Some)
    }
}
