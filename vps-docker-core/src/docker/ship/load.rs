use tokio::io::AsyncRead;

use crate::docker::DockerOverSsh;
use crate::error::{ErrorKind, Result};
use crate::files::adaptive_gzip::{self, Sent};
use crate::ssh::Output;

/// What became of an archive that was fed to `docker load`.
#[derive(Debug)]
pub(super) struct Loaded {
    output: Output,
    fed: std::io::Result<()>,
}

/// Feeds an archive to `docker load` on the VPS, compressed where that is faster. What went over is
/// added to `sent`.
///
/// # Errors
/// [`ErrorKind::Unreachable`]; what Docker thinks of the archive is in the answer.
pub(super) async fn load(
    docker: &DockerOverSsh,
    archive: impl AsyncRead + Unpin + Send + 'static,
    sent: &mut Sent,
) -> Result<Loaded> {
    let mut load = docker.spawn(["load", "--quiet"]).await?;
    let stdin = load.stdin.take().expect("piped by its maker");
    let (fed, output) = tokio::join!(adaptive_gzip::copy(archive, stdin, sent), load.finish(b""));
    Ok(Loaded {
        output: output?,
        fed,
    })
}

impl Loaded {
    /// Whether Docker got all of the archive: what it does not like came with it.
    pub(super) fn got_all(&self) -> bool {
        self.fed.is_ok()
    }

    /// # Errors
    /// [`ErrorKind::Docker`] with docker's own words.
    pub(super) fn check(self) -> Result<()> {
        // One that was content before the end saw all that it needs.
        self.output
            .success(ErrorKind::Docker, "`docker load` on the VPS")
            .map(drop)
    }
}
