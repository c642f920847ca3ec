use std::fmt;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::Host;
use crate::error::{Error, ErrorKind, Result};
use crate::ssh::{Connection, LONGEST_SOCKET_PATH, private_dir, socket_dir};

/// Where Docker listens on the VPS.
const THERE: &str = "/var/run/docker.sock";
/// The name of a socket in a directory of its own.
const NAME: &str = "docker.sock";

impl Host {
    /// Makes a unix socket on this side that is the Docker API of the VPS, over the one connection that
    /// there is: for the docker CLI (`DOCKER_HOST=unix://…`) and for any client library, at the
    /// speed of a warm connection. Whoever can open the socket is root on the VPS: it has mode 0600.
    ///
    /// Without a path it stands in a directory of its own, of mode 0700. At a path that is given nothing
    /// may stand but a socket that nobody listens at any more. Cancel-safe.
    ///
    /// # Errors
    /// `Invalid` for a path over 103 bytes; `State` when the path is taken or the socket cannot be made;
    /// `Docker` when Docker does not answer; those of [`vps`](Host::vps).
    pub async fn docker_socket(&self, path: Option<&Path>) -> Result<DockerSocket> {
        self.open_docker_socket(path).await.map_err(|error| {
            error
                .with_host(&self.info().name)
                .with_operation("docker_socket")
        })
    }

    async fn open_docker_socket(&self, path: Option<&Path>) -> Result<DockerSocket> {
        let (path, directory) = match path {
            Some(path) => {
                let path = vacant(path)?;
                let parent = path.parent().unwrap_or(&path);
                // Beside it, so that it can be moved there.
                let staging = private_dir(parent, ".")?;
                (Some(path), staging)
            }
            None => (
                None,
                socket_dir(&self.engine.data_dir.run_dir(), "docker-", NAME)?,
            ),
        };
        let connection = self.vps().await?;
        // Never twice the same: ssh takes a path that it listened at before for what it listens at now.
        let listening = directory.path().join(NAME);
        connection
            .forward_socket(&listening, Path::new(THERE))
            .await?;
        let mut socket = DockerSocket {
            path: listening.clone(),
            forward: Some(Forward {
                connection,
                listening,
            }),
            runtime: Handle::current(),
            directory: Some(directory),
        };
        self.wait_for_docker(&socket).await?;
        if let Some(path) = path {
            std::fs::rename(&socket.path, &path).map_err(|error| {
                Error::new(ErrorKind::State, format!("cannot make {}", path.display()))
                    .with_source(error)
            })?;
            socket.path = path;
            socket.directory = None;
        }
        Ok(socket)
    }

    async fn wait_for_docker(&self, socket: &DockerSocket) -> Result<()> {
        let limit = self.engine.settings.ssh_connect_timeout;
        let answer = timeout(limit, ping(&socket.path)).await;
        let Err(error) = answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) else {
            return Ok(());
        };
        Err(match socket.is_open() {
            false => Error::new(
                ErrorKind::Unreachable,
                "the connection to the VPS broke while the Docker socket was made",
            )
            .retryable(),
            true => Error::new(
                ErrorKind::Docker,
                format!(
                    "Docker does not answer at {THERE} on the VPS: is it running, and does the VPS's \
                     sshd allow AllowStreamLocalForwarding?"
                ),
            ),
        }
        .with_source(error))
    }
}

/// The Docker API of a VPS as a unix socket on this side, as long as this value lives; see
/// [`Host::docker_socket`]. It keeps the connection to the VPS open.
///
/// When the connection breaks, whoever uses the socket sees its end, and new ones are refused: ask
/// [`is_open`](Self::is_open), and the host for a new socket.
pub struct DockerSocket {
    path: PathBuf,
    /// `None` once it was ended.
    forward: Option<Forward>,
    runtime: Handle,
    /// The directory of its own. Goes with it.
    directory: Option<TempDir>,
}

/// What `ssh` does.
struct Forward {
    connection: Arc<Connection>,
    /// Where it made the socket, which may have been moved since.
    listening: PathBuf,
}

impl DockerSocket {
    /// Where it stands.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The value of `DOCKER_HOST` that leads to it.
    #[must_use]
    pub fn docker_host(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    /// Whether the connection to the VPS stands, as far as is known: that the other end has fallen
    /// silent is seen after a minute.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let ended = |forward: &Forward| forward.connection.has_ended();
        !self.forward.as_ref().is_none_or(ended)
    }

    /// Removes the socket and waits until `ssh` has let go of it. Who is connected through it stays
    /// connected, until the connection to the VPS ends. Dropping it does the same, but does not wait.
    pub async fn close(mut self) {
        let _ = std::fs::remove_file(&self.path);
        if let Some(forward) = self.forward.take() {
            forward.end().await;
        }
    }
}

impl Drop for DockerSocket {
    fn drop(&mut self) {
        if let Some(forward) = self.forward.take() {
            // Whatever becomes of the runtime: nobody finds it any more.
            let _ = std::fs::remove_file(&self.path);
            self.runtime.spawn(forward.end());
        }
    }
}

impl Forward {
    async fn end(self) {
        let there = Path::new(THERE);
        if let Err(error) = self
            .connection
            .stop_forwarding(&self.listening, there)
            .await
        {
            tracing::debug!(%error, "the connection has ended, and the Docker socket with it");
        }
    }
}

impl fmt::Debug for DockerSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DockerSocket")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// A path at which a socket can be made: what stands there is at most one that was left behind.
fn vacant(path: &Path) -> Result<PathBuf> {
    let path = std::path::absolute(path).map_err(|error| {
        Error::new(ErrorKind::Invalid, "the socket's path is empty").with_source(error)
    })?;
    // It is made in a directory beside it, of 8 characters, and both must fit.
    let parent = path.parent().map_or(0, |parent| parent.as_os_str().len());
    let length = path
        .as_os_str()
        .len()
        .max(parent + "/.XXXXXX/".len() + NAME.len());
    if length > LONGEST_SOCKET_PATH {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "the path of a unix socket ends at {LONGEST_SOCKET_PATH} bytes and {} needs {length} \
                 while it is made; give a shorter one, or none",
                path.display()
            ),
        ));
    }
    let Ok(metadata) = path.symlink_metadata() else {
        return Ok(path);
    };
    // It gives way to the new one when that works.
    let left_behind = metadata.file_type().is_socket()
        && BlockingStream::connect(&path)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    if !left_behind {
        return Err(Error::new(
            ErrorKind::State,
            format!(
                "{} is in use; remove it or choose another path",
                path.display()
            ),
        ));
    }
    Ok(path)
}

/// Asks for a sign of life.
async fn ping(socket: &Path) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(b"GET /_ping HTTP/1.0\r\n\r\n").await?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).await?;
    if &answer != b"HTTP/1." {
        return Err(io::Error::other(
            "something that is not Docker listens there",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn only_a_socket_that_was_left_behind_gives_way() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("docker.sock");
        assert_eq!(vacant(&path).expect("nothing there"), path);
        let listener = UnixListener::bind(&path).expect("bound");
        assert_eq!(vacant(&path).expect_err("in use").kind(), ErrorKind::State);
        drop(listener);
        vacant(&path).expect("left behind");
        std::fs::remove_file(&path).expect("removed");
        std::fs::write(&path, "a file").expect("written");
        assert_eq!(
            vacant(&path).expect_err("no socket").kind(),
            ErrorKind::State
        );
        assert!(path.exists());
    }

    #[test]
    fn a_path_that_is_too_long_is_refused_with_the_limit() {
        let path = Path::new("/tmp").join("x".repeat(100));
        let error = vacant(&path).expect_err("too long");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains("103 bytes"), "{error}");
    }
}
