use std::fmt::Debug;
use std::pin::Pin;
use std::process::ExitStatus;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::error::{Error, ErrorKind, Result};

/// A way to run commands on another machine.
#[async_trait]
pub trait Transport: Debug + Send + Sync {
    /// Starts a command: shell text, quoted by the caller (see [`join`](super::join)). Not
    /// idempotent; a command that was not started at all may be tried again by the transport.
    ///
    /// # Errors
    /// [`ErrorKind::Unreachable`] when the connection is gone.
    async fn spawn(&self, command: &str) -> Result<RemoteProcess>;
}

/// A command that runs on the other side.
pub struct RemoteProcess {
    /// Its standard input; dropping it is the end of input.
    pub stdin: Option<Pin<Box<dyn AsyncWrite + Send>>>,
    /// Its standard output.
    pub stdout: Pin<Box<dyn AsyncRead + Send>>,
    /// Its standard error.
    pub stderr: Pin<Box<dyn AsyncRead + Send>>,
    /// Ends with its exit status, once both streams were read to their ends or dropped: until then the
    /// last of what it printed may be on its way.
    pub exit: Pin<Box<dyn Future<Output = Result<ExitStatus>> + Send>>,
}

impl Debug for RemoteProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteProcess").finish_non_exhaustive()
    }
}

impl RemoteProcess {
    /// Feeds it `input`, collects what it prints and waits for its end.
    ///
    /// # Errors
    /// [`ErrorKind::Unreachable`] when the connection breaks.
    pub async fn finish(mut self, input: &[u8]) -> Result<Output> {
        let mut stdin = self.stdin.take();
        let mut stdout = Vec::new();
        let mut stderr = Vec::new();
        let feed = async move {
            if let Some(stdin) = stdin.as_mut() {
                // A command that does not read its input to the end is not an error: its exit
                // status tells what it thinks of it.
                let _ = stdin.write_all(input).await;
                let _ = stdin.shutdown().await;
            }
        };
        let ((), out, err) = tokio::join!(
            feed,
            self.stdout.read_to_end(&mut stdout),
            self.stderr.read_to_end(&mut stderr),
        );
        let status = self.exit.await?;
        out.and(err).map_err(broken)?;
        Ok(Output {
            status,
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        })
    }
}

fn broken(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unreachable, "the SSH connection broke")
        .retryable()
        .with_source(error)
}

/// What a command printed and how it ended. Bytes that are no UTF-8 are replaced.
#[derive(Clone, Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl Output {
    /// The exit code; 255 when it was ended by a signal.
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        self.status.code().unwrap_or(255)
    }

    /// The output of a command that ended well.
    ///
    /// # Errors
    /// An error of the given kind with the exit code and the end of what the command printed.
    pub fn success(self, kind: ErrorKind, what: &str) -> Result<String> {
        if self.status.success() {
            return Ok(self.stdout);
        }
        let complaint = if self.stderr.trim().is_empty() {
            &self.stdout
        } else {
            &self.stderr
        };
        Err(Error::new(
            kind,
            format!(
                "{what} failed with exit code {}: {}",
                self.exit_code(),
                tail(complaint.trim())
            ),
        ))
    }
}

/// The last 2,000 characters.
fn tail(text: &str) -> &str {
    let start = text
        .char_indices()
        .rev()
        .nth(1999)
        .map_or(0, |(position, _)| position);
    &text[start..]
}

/// What can be said of every transport by means of [`Transport`] alone.
#[async_trait]
pub trait TransportExt: Transport {
    /// Runs a command to its end, feeding it `input`.
    ///
    /// # Errors
    /// [`ErrorKind::Unreachable`]; a command that fails is no error here.
    async fn run(&self, command: &str, input: &[u8]) -> Result<Output> {
        self.spawn(command).await?.finish(input).await
    }
}

impl<T: Transport + ?Sized> TransportExt for T {}
