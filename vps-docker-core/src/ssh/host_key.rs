use std::net::SocketAddr;
use std::process::Stdio;

use tokio::process::Command;
use tokio::time::{Instant, timeout_at};

use super::failure::cannot_start;
use crate::error::{Error, ErrorKind, Result};
use crate::keys::PublicKey;

/// Asks an sshd for its ed25519 host key without logging in. The answer is a claim and no more: it
/// is worth something only to who compares it with a pin. Cancel-safe.
///
/// # Errors
/// [`ErrorKind::Unreachable`] when nothing answers with such a key by the deadline.
pub(crate) async fn presented_host_key(
    address: SocketAddr,
    deadline: Instant,
) -> Result<PublicKey> {
    let seconds = deadline.saturating_duration_since(Instant::now()).as_secs();
    let scan = Command::new("ssh-keyscan")
        .args(["-t", "ed25519", "-T", &seconds.max(1).to_string()])
        .args(["-p", &address.port().to_string()])
        .arg(address.ip().to_string())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let no_key = || {
        Error::new(
            ErrorKind::Unreachable,
            format!(
                "no sshd at {} port {} shows an ed25519 host key",
                address.ip(),
                address.port()
            ),
        )
        .retryable()
    };
    let output = timeout_at(deadline, scan)
        .await
        .map_err(|_elapsed| no_key())?
        .map_err(|error| cannot_start("ssh-keyscan", error))?;
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let key = lines
        .lines()
        .filter(|line| !line.starts_with('#'))
        .find_map(|line| line.split_once(' '));
    match key {
        Some((_, key)) => key.parse(),
        None => Err(no_key()),
    }
}
