use std::sync::Arc;

use secrecy::SecretString;

use super::Host;
use crate::docker::CONTAINER_NAME;
use crate::error::{Error, Result};
use crate::ssh::{Connection, Input, Output, RemoteCommand, RemoteProcess, Terminal, TerminalSize};

impl Host {
    /// A program to be run in the container, with its arguments, each of which arrives as it is: no
    /// shell looks at them. For shell text see [`exec`](Self::exec).
    ///
    /// ```no_run
    /// # async fn example(host: &vps_docker_core::Host) -> vps_docker_core::Result<()> {
    /// let output = host
    ///     .command(["psql", "--command", "SELECT 'it''s'"])
    ///     .env("PGPASSWORD", "secret")
    ///     .current_dir("/srv")
    ///     .output()
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn command<I, S>(&self, words: I) -> HostCommand<'_>
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        HostCommand {
            host: self,
            command: RemoteCommand::new(words),
            user: None,
        }
    }

    /// The login shell of the container's user, for a [`terminal`](HostCommand::terminal).
    pub fn shell(&self) -> HostCommand<'_> {
        self.command(["/bin/sh", "-c", "exec \"${SHELL:-/bin/sh}\" -l"])
    }
}

/// A program for the container, as [`Host::command`] makes it. Nothing happens before one of
/// [`output`](Self::output), [`spawn`](Self::spawn) and their like is awaited.
///
/// It runs as the image's own user in the image's own working directory and environment, unless
/// something else is said. Exit codes are the program's own; 127 says that there is no such program, 126
/// that it cannot be run, 128 + n that signal n ended it (137: killed, mostly for want of memory).
#[derive(Clone, Debug)]
#[must_use = "nothing is run before it is awaited"]
pub struct HostCommand<'a> {
    host: &'a Host,
    command: RemoteCommand,
    user: Option<String>,
}

impl HostCommand<'_> {
    /// Sets a variable. Its value takes the way of the program's standard input: it is in no process
    /// argument, file or log, here or there. The names of shells' own variables (`PWD`, `UID`, …) are
    /// refused.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<SecretString>) -> Self {
        self.command.env(name.into(), value.into());
        self
    }

    /// Sets the working directory; a relative one begins at the image's.
    pub fn current_dir(mut self, directory: impl Into<String>) -> Self {
        self.command.current_dir(directory.into());
        self
    }

    /// Runs it as another user: a name, a uid, `name:group` or `uid:gid`, as in `docker exec --user`,
    /// by which it is done, through the door of the VPS. That takes some 100 ms; to become another
    /// user within the container would need a root that the image's user need not be.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Runs it to its end, with nothing on its standard input, and collects what it prints. Dropped
    /// before, it is ended as [`spawn`](Self::spawn) says.
    ///
    /// # Errors
    /// A program that fails is no error: look at the output's exit code. `NotFound` when there is no
    /// such directory, `Invalid` for what no program can be given, `Docker` when there is no such user;
    /// in all of these nothing was started. `Unreachable`, `HostKeyMismatch`, `Auth`, `Timeout`;
    /// `Unreachable` in the middle leaves open how far the program came.
    pub async fn output(self) -> Result<Output> {
        self.spawn().await?.finish(b"").await
    }

    /// Runs it to its end, feeding it `input`.
    ///
    /// # Errors
    /// Those of [`output`](Self::output).
    pub async fn output_with(self, input: &[u8]) -> Result<Output> {
        self.spawn_piped().await?.finish(input).await
    }

    /// Starts it, with nothing on its standard input; returns when it has begun. Its streams hold as
    /// much as pipes do: what is not read stops it.
    ///
    /// When the process is dropped, the connection breaks or this program is killed, the program and
    /// its children get SIGTERM, and SIGKILL five seconds later; but for those that left its process
    /// group, as daemons do.
    ///
    /// # Errors
    /// Those of [`output`](Self::output).
    pub async fn spawn(self) -> Result<RemoteProcess> {
        self.start(Input::None).await
    }

    /// Starts it with a standard input for the caller to write to and to close.
    ///
    /// Ended as [`spawn`](Self::spawn) says when the process, or its
    /// [`exit`](RemoteProcess::exit) alone, is dropped while the connection stands. When this program is
    /// killed, it sees the end of its input, and that nobody reads its output, but is not ended.
    ///
    /// # Errors
    /// Those of [`output`](Self::output).
    pub async fn spawn_piped(self) -> Result<RemoteProcess> {
        self.start(Input::Pipe).await
    }

    /// Starts it on a terminal; returns when it has begun.
    ///
    /// # Errors
    /// Those of [`output`](Self::output), and `State` when there is no terminal to be had. To set
    /// variables, the container needs the program `stty`.
    pub async fn terminal(mut self, size: TerminalSize) -> Result<Terminal> {
        let place = |error: Error| error.with_host(&self.host.info().name);
        let door = self.door(Some(&size)).await?;
        self.command.open_terminal(door, &size).await.map_err(place)
    }

    /// The words of an `ssh` with a connection of its own that runs it on the terminal of whoever runs
    /// these words: for a program that hands its terminal over. No I/O.
    ///
    /// # Errors
    /// `Invalid` when variables are set, which would be seen in the words.
    pub fn ssh_words(mut self) -> Result<Vec<String>> {
        let info = self.host.info();
        let endpoint = match self.user.is_some() {
            true => &info.vps_ssh,
            false => &info.container_ssh,
        };
        let mut words = endpoint.command();
        words.insert(1, "-t".into());
        self.enter_container(&["--tty"]);
        words.push(self.command.visible_text()?);
        Ok(words)
    }

    async fn start(mut self, input: Input) -> Result<RemoteProcess> {
        let place = |error: Error| error.with_host(&self.host.info().name);
        let door = self.door(None).await?;
        self.command.spawn(door, input).await.map_err(place)
    }

    /// The door it goes through.
    async fn door(&mut self, terminal: Option<&TerminalSize>) -> Result<Arc<Connection>> {
        if self.user.is_none() {
            return self.host.container().await;
        }
        match terminal {
            None => self.enter_container(&[]),
            Some(size) => self.enter_container(&["--tty", &format!("--env=TERM={}", size.term)]),
        }
        self.host.vps().await
    }

    fn enter_container(&mut self, options: &[&str]) {
        let Some(user) = &self.user else { return };
        let user = format!("--user={user}");
        let exec = ["docker", "exec", "--interactive"];
        self.command
            .within([&exec, options, &[&user, CONTAINER_NAME]].concat());
    }
}
