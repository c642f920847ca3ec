use std::process::Stdio;

use tokio::process::Command;
use tokio::time::{Instant, timeout_at};

use super::connection::address;
use super::failure::{cannot_start, connect_error};
use super::title::title;
use super::transport::Output;
use crate::error::{Error, ErrorKind, Result};
use crate::model::SshEndpoint;
use crate::step::step;

/// Goes before OpenSSH's own first choice, whose post-quantum half costs some 75 ms of a processor's
/// time at both ends together: as much as all the rest of asking one host. A connection that carries
/// more than a question keeps that choice.
const KEY_EXCHANGE: &str = "KexAlgorithms=^curve25519-sha256";

/// What `ssh` itself ends with when it could not do its part.
const SSH_FAILED: i32 = 255;

/// Runs one command over a pinned connection of its own: the cheapest way to ask a single question.
/// Who asks more than one opens a [`Connection`](super::Connection). Cancel-safe as far as the
/// command is.
///
/// # Errors
/// Those of [`Connection::open`](super::Connection::open); nothing is tried again.
pub(crate) async fn run_once(
    endpoint: &SshEndpoint,
    command: &str,
    deadline: Instant,
) -> Result<Output> {
    run(endpoint, &[KEY_EXCHANGE], command, deadline).await
}

/// The same where no key is pinned but one that certifies keys: the endpoint's `known_hosts` has such
/// lines, for that name. A key without a certificate by one of them is refused.
///
/// # Errors
/// Those of [`run_once`].
pub(crate) async fn ask_certified(
    endpoint: &SshEndpoint,
    name: &str,
    command: &str,
    deadline: Instant,
) -> Result<Output> {
    let options = [
        &format!("HostKeyAlias={name}"),
        "HostKeyAlgorithms=ssh-ed25519-cert-v01@openssh.com",
    ];
    run(endpoint, &options, command, deadline).await
}

/// Of an option that is given twice ssh takes the first.
async fn run(
    endpoint: &SshEndpoint,
    options: &[&str],
    command: &str,
    deadline: Instant,
) -> Result<Output> {
    let mut ssh = Command::new("ssh");
    ssh.args(["-F", "none", "-T", "-o", "ControlPath=none"])
        .args(options.iter().flat_map(|option| ["-o", option]));
    address(&mut ssh, endpoint);
    ssh.arg(command).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout_at(deadline, ssh.output())
        .await
        .map_err(|_elapsed| {
            Error::new(
                ErrorKind::Timeout,
                format!(
                    "{} port {} has not answered by the deadline",
                    endpoint.host, endpoint.port
                ),
            )
            .retryable()
        })?
        .map_err(|error| cannot_start("ssh", error))?;
    let output = Output {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    if output.exit_code() == SSH_FAILED {
        return Err(connect_error(endpoint, &output.stderr));
    }
    step("end", title(command));
    Ok(output)
}
