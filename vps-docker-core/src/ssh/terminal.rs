use std::borrow::Cow;
use std::fmt;
use std::io;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::process::ExitStatus;
use std::sync::Arc;

use openssh_mux_client::{NonZeroByteSlice, Session, SessionStatus};
use rustix::process::{Pid, Signal, kill_process};
use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};

use super::connection::Connection;
use super::ended::until_read;
use super::gate::open_patiently;
use super::link::{connection_lost, exited};
use super::pty::{Pty, PtySize, make_raw};
use super::remote_command::{Beginning, Input, RemoteCommand};
use crate::error::{Error, ErrorKind, Result};

/// A command on a terminal at the other end. Dropping [`exit`](Self::exit) before its end hangs
/// up: the command gets SIGHUP, and SIGTERM, and SIGKILL five seconds later.
pub struct Terminal {
    /// What is typed. There is no end of input but the one that is typed, Ctrl-D (`0x04`).
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
    /// What is shown. Read it: a terminal that nobody reads stops its command.
    pub output: Pin<Box<dyn AsyncRead + Send>>,
    /// Ends with the command's exit status, once the output was read to its end or dropped: until then the
    /// last of it may be on its way.
    pub exit: Pin<Box<dyn Future<Output = Result<ExitStatus>> + Send>>,
    /// Its size.
    pub window: Window,
}

/// What a terminal is like.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TerminalSize {
    /// Lines.
    pub rows: u16,
    /// Characters of a line.
    pub columns: u16,
    /// Its type, as the variable TERM has it. Default `xterm-256color`.
    pub term: String,
}

impl TerminalSize {
    /// A terminal of that size, of the default type.
    #[must_use]
    pub fn new(rows: u16, columns: u16) -> Self {
        Self {
            rows,
            columns,
            term: "xterm-256color".to_owned(),
        }
    }

    /// Sets its type.
    #[must_use]
    pub fn term(mut self, term: impl Into<String>) -> Self {
        self.term = term.into();
        self
    }
}

/// The size of a [`Terminal`], to be changed.
#[derive(Clone, Debug)]
pub struct Window {
    size: PtySize,
    connection: Arc<Connection>,
}

impl Window {
    /// Changes the size; the command is told (SIGWINCH).
    ///
    /// # Errors
    /// `Unreachable` when the connection has ended.
    pub fn resize(&self, rows: u16, columns: u16) -> Result<()> {
        self.size.set(rows, columns).map_err(no_terminal)?;
        // It then looks at the terminals of all its sessions.
        let master = self
            .connection
            .master()
            .and_then(|pid| i32::try_from(pid).ok());
        let told = match master.and_then(Pid::from_raw) {
            Some(master) => kill_process(master, Signal::WINCH).map_err(io::Error::from),
            None => Err(io::ErrorKind::NotConnected.into()),
        };
        told.map_err(|error| connection_lost(self.connection.endpoint(), error))
    }
}

impl RemoteCommand {
    /// Starts it on a terminal of its own; returns when it has begun.
    ///
    /// # Errors
    /// Those of [`spawn`](Self::spawn).
    pub(crate) async fn open_terminal(
        &self,
        connection: Arc<Connection>,
        size: &TerminalSize,
    ) -> Result<Terminal> {
        let TerminalSize { rows, columns, .. } = *size;
        let input = Input::Tty { rows, columns };
        let text = self.text(input)?;
        let mut terminal = open(&connection, &text, size).await?;
        let mut output = BufReader::new(terminal.output);
        let group = loop {
            match Beginning::read(&mut output).await {
                Beginning::Reads => {
                    let head = self.head();
                    let typed = terminal
                        .input
                        .write_all(head.expose_secret().as_bytes())
                        .await;
                    if let Err(error) = typed {
                        return Err(connection.link.lost(error).await);
                    }
                }
                Beginning::Runs(group) => break group,
                Beginning::LacksDirectory => return Err(self.no_directory()),
                Beginning::Nothing(said) => {
                    drop(output);
                    return Err(self.not_begun(&said, terminal.exit).await);
                }
            }
        };
        let ender = self.ender(connection, &group);
        let exit = terminal.exit;
        Ok(Terminal {
            output: Box::pin(output),
            exit: Box::pin(async move {
                let status = exit.await;
                ender.disarm();
                status
            }),
            ..terminal
        })
    }
}

async fn open(connection: &Arc<Connection>, text: &str, size: &TerminalSize) -> Result<Terminal> {
    let word = |text| NonZeroByteSlice::new(text).ok_or_else(nul);
    let session = Session::builder()
        .tty(true)
        .term(Cow::Borrowed(word(size.term.as_bytes())?))
        .cmd(Cow::Borrowed(word(text.as_bytes())?))
        .build();
    let pty = Pty::open(size.rows, size.columns).map_err(no_terminal)?;
    let permit = connection.gate.enter().await;
    let opened = open_patiently(|| async {
        openssh_mux_client::Connection::connect(connection.link.session.control_socket())
            .await?
            .open_new_session(&session, &[pty.theirs.as_raw_fd(); 3])
            .await
            .map_err(openssh::Error::from)
    })
    .await;
    let established = match opened {
        Ok(established) => established,
        Err(error) => return Err(connection.link.lost(error).await),
    };
    // `ssh` has sent its modes to the far end by now, which makes it a terminal as usual.
    make_raw(pty.theirs).map_err(no_terminal)?;
    let kept = Arc::clone(connection);
    let (output, ended) = until_read(pty.output);
    Ok(Terminal {
        input: Box::pin(pty.input),
        output: Box::pin(output),
        exit: Box::pin(async move {
            ended.await;
            let status = established.wait().await;
            drop(permit);
            match status {
                Ok(SessionStatus::Exited {
                    exit_value: Some(code),
                }) => Ok(exited(u8::try_from(code).unwrap_or(u8::MAX))),
                Ok(SessionStatus::Exited { exit_value: None }) => {
                    kept.link.ended_without_code().await
                }
                Ok(SessionStatus::TtyAllocFail(_)) => Err(Error::new(
                    ErrorKind::State,
                    "the SSH server has no terminal to give; is /dev/pts mounted there?",
                )),
                Err((error, _)) => Err(kept.link.lost(error).await),
            }
        }),
        window: Window {
            size: pty.size,
            connection: Arc::clone(connection),
        },
    })
}

fn nul() -> Error {
    Error::new(
        ErrorKind::Invalid,
        "a NUL byte cannot be in a command or a terminal's type",
    )
}

fn no_terminal(error: io::Error) -> Error {
    Error::new(
        ErrorKind::State,
        "there is no pseudo-terminal to be had on this machine",
    )
    .with_source(error)
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal").finish_non_exhaustive()
    }
}
