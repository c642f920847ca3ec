use std::io::ErrorKind::NotFound;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use openssh::Session;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::banner::wait_for_banner;
use super::ended::until_read;
use super::failure::{cannot_start, connect_error};
use super::gate::{Gate, open_patiently};
use super::link::{Link, exited};
use super::socket_dir::control_socket_dir;
use super::title::title;
use super::transport::{RemoteProcess, Transport};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{SshEndpoint, quoted};
use crate::step::step;

/// What the master's own session says when it is in.
const READY: &str = "vps-docker-ready";

/// How to connect.
#[derive(Clone, Copy, Debug)]
pub struct ConnectOptions {
    /// When to give up.
    pub deadline: Instant,
    /// Whether a refused key is tried again until the deadline: right only while a machine boots
    /// and cloud-init may not have written the key yet. A wrong host key is never tried again.
    pub retry_auth: bool,
}

/// What proves who we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// The private key in the endpoint's identity file.
    File,
    /// The agent that listens at the endpoint's identity file, a socket.
    Agent,
}

/// A pinned SSH connection: one `ssh` process, many sessions.
///
/// The process is a child of ours that holds a pipe of ours as its input: whatever ends us, even
/// SIGKILL, ends it too. End it in order with [`close`](Self::close).
#[derive(Debug)]
pub struct Connection {
    pub(super) link: Link,
    pub(super) gate: Gate,
    master: Child,
    /// Holds the control socket. After `master`, so that it goes last.
    _sockets: TempDir,
}

impl Connection {
    /// Waits for the endpoint's sshd, then connects and checks its key against the endpoint's
    /// `known_hosts` file, strictly. `run_dir` is where the control socket may stand. Cancel-safe.
    ///
    /// Every ssh option is set here; the user's and the system's ssh configuration are not read, no
    /// agent is asked but the endpoint's own.
    ///
    /// # Errors
    /// [`ErrorKind::HostKeyMismatch`] names both fingerprints and is final;
    /// [`ErrorKind::Auth`], [`ErrorKind::Unreachable`] and [`ErrorKind::Timeout`] otherwise.
    pub async fn open(
        endpoint: SshEndpoint,
        run_dir: &Path,
        options: ConnectOptions,
    ) -> Result<Self> {
        Self::open_with(endpoint, Identity::File, run_dir, options).await
    }

    /// The same with a choice of what proves who we are.
    pub(crate) async fn open_with(
        endpoint: SshEndpoint,
        identity: Identity,
        run_dir: &Path,
        options: ConnectOptions,
    ) -> Result<Self> {
        let mut pause = Duration::from_millis(50);
        loop {
            wait_for_banner((endpoint.host, endpoint.port).into(), options.deadline).await?;
            let open = Self::try_open(&endpoint, identity, run_dir);
            let error = match timeout_at(options.deadline, open).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(error)) => error,
                Err(_elapsed) => return Err(handshake_timeout(&endpoint)),
            };
            let again = match error.kind() {
                ErrorKind::Auth => options.retry_auth,
                ErrorKind::Unreachable => true,
                _ => false,
            };
            let next = Instant::now() + pause;
            if !again || next >= options.deadline {
                return Err(error);
            }
            tracing::debug!(%error, "ssh connection failed, trying again");
            sleep_until(next).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    async fn try_open(endpoint: &SshEndpoint, identity: Identity, run_dir: &Path) -> Result<Self> {
        let sockets = control_socket_dir(run_dir)?;
        let socket = sockets.path().join("m");
        let mut master = master_command(endpoint, identity, &socket)
            .spawn()
            .map_err(|error| cannot_start("ssh", error))?;
        if !says_ready(&mut master).await {
            let mut complaint = String::new();
            if let Some(stderr) = master.stderr.as_mut() {
                let _ = stderr.take(64 * 1024).read_to_string(&mut complaint).await;
            }
            let _ = master.kill().await;
            return Err(connect_error(endpoint, &complaint));
        }
        let ended = CancellationToken::new();
        tokio::spawn(drain(master.stderr.take(), None));
        // It closes its output when it ends.
        tokio::spawn(drain(
            master.stdout.take(),
            Some(ended.clone().drop_guard()),
        ));
        step("connect", endpoint.port);
        Ok(Self {
            link: Link {
                endpoint: endpoint.clone(),
                session: Arc::new(Session::resume_mux(socket.into_boxed_path(), None)),
                ended,
            },
            gate: Gate::new(),
            master,
            _sockets: sockets,
        })
    }

    /// Where it leads.
    #[must_use]
    pub fn endpoint(&self) -> &SshEndpoint {
        &self.link.endpoint
    }

    /// Whether it has broken or was ended; what is asked of it then fails.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.link.ended.is_cancelled()
    }

    /// The process of the `ssh` program; `None` once it has ended.
    pub(super) fn master(&self) -> Option<u32> {
        self.master.id().filter(|_| !self.has_ended())
    }

    /// Ends the connection and waits for its process. Dropping it kills the process instead.
    pub async fn close(mut self) {
        drop(self.master.stdin.take());
        // The remote `cat` sees the end of its input and ends, the master with it.
        if tokio::time::timeout(Duration::from_secs(2), self.master.wait())
            .await
            .is_err()
        {
            let _ = self.master.kill().await;
        }
    }
}

#[async_trait]
impl Transport for Connection {
    async fn spawn(&self, command: &str) -> Result<RemoteProcess> {
        let permit = self.gate.enter().await;
        let opened = open_patiently(|| async {
            Arc::clone(&self.link.session)
                .arc_raw_command(command)
                .stdin(openssh::Stdio::piped())
                .stdout(openssh::Stdio::piped())
                .stderr(openssh::Stdio::piped())
                .spawn()
                .await
        })
        .await;
        let mut child = match opened {
            Ok(child) => child,
            Err(error) => return Err(self.link.lost(error).await),
        };
        let title = title(command);
        step("start", &title);
        let taken = "taken once, right after the spawn";
        let stdin = child.stdin().take().expect(taken);
        let stdout = child.stdout().take().expect(taken);
        let stderr = child.stderr().take().expect(taken);
        let (stdout, out_ended) = until_read(stdout);
        let (stderr, err_ended) = until_read(stderr);
        let link = self.link.clone();
        Ok(RemoteProcess {
            stdin: Some(Box::pin(stdin)),
            stdout: Box::pin(stdout),
            stderr: Box::pin(stderr),
            exit: Box::pin(async move {
                tokio::join!(out_ended, err_ended);
                let status = child.wait().await;
                drop(permit);
                step("end", &title);
                match status {
                    Ok(status) => Ok(status),
                    // The library takes it for an error of its own; to us it is an exit code.
                    Err(openssh::Error::Remote(error)) if error.kind() == NotFound => {
                        Ok(exited(127))
                    }
                    Err(openssh::Error::RemoteProcessTerminated) => link.ended_without_code().await,
                    Err(error) => Err(link.lost(error).await),
                }
            }),
        })
    }
}

fn handshake_timeout(endpoint: &SshEndpoint) -> Error {
    Error::new(
        ErrorKind::Timeout,
        format!(
            "sshd at {} port {} greets but does not let anybody in by the deadline",
            endpoint.host, endpoint.port
        ),
    )
    .retryable()
}

fn master_command(endpoint: &SshEndpoint, identity: Identity, socket: &Path) -> Command {
    let mut command = Command::new("ssh");
    command
        .args(["-F", "none", "-T", "-M", "-S"])
        // ssh expands % in it.
        .arg(socket.display().to_string().replace('%', "%%"))
        .args(["-o", "ControlPersist=no"]);
    if identity == Identity::Agent {
        ask_agent(&mut command, &endpoint.identity_file);
    }
    address(&mut command, endpoint);
    command
        // `cat` ends when our end of the pipe is closed, by us or by our death.
        .arg(format!("echo {READY}; exec cat"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Lets an agent prove who we are. Of an option given twice ssh takes the first.
fn ask_agent(command: &mut Command, socket: &Path) {
    let socket = quoted(socket);
    for option in [
        &format!("IdentityAgent={socket}"),
        "IdentityFile=none",
        "IdentitiesOnly=no",
    ] {
        command.args(["-o", option]);
    }
}

/// Adds where to and how strictly: everything but the remote command.
pub(super) fn address(command: &mut Command, endpoint: &SshEndpoint) {
    const OPTIONS: [&str; 10] = [
        "BatchMode=yes",
        "PreferredAuthentications=publickey",
        "UpdateHostKeys=no",
        "CheckHostIP=no",
        "ForwardAgent=no",
        "ForwardX11=no",
        "ServerAliveInterval=15",
        "ServerAliveCountMax=4",
        "ConnectTimeout=30",
        // Below it, `ssh` does not say why it ends.
        "LogLevel=INFO",
    ];
    command
        .args(endpoint.options())
        .args(OPTIONS.iter().flat_map(|option| ["-o", option]))
        .args(["-e", "none"])
        .args(["-p", &endpoint.port.to_string(), "-l", &endpoint.user])
        .arg("--")
        .arg(endpoint.host.to_string());
}

/// Reads the master's output up to our word; noise of a login script before it is passed over.
async fn says_ready(master: &mut Child) -> bool {
    let Some(stdout) = master.stdout.as_mut() else {
        return false;
    };
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.trim_end() == READY {
            return true;
        }
    }
    false
}

/// Keeps a pipe of the master empty, so that it never blocks on it, until its end.
async fn drain(pipe: Option<impl AsyncRead + Unpin>, at_end: Option<DropGuard>) {
    if let Some(mut pipe) = pipe {
        let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    }
    drop(at_end);
}
