use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::error::{Error, ErrorKind, Result};
use crate::keys::PublicKey;
use crate::ssh::presented_host_key;

/// Waits until the sshd there presents the key that it was told to. Nothing is sent to it.
///
/// # Errors
/// `HostKeyMismatch` when it presents a third one, or the old one still at the deadline.
pub(super) async fn wait_until_served(
    door: SocketAddr,
    next: &PublicKey,
    old: &PublicKey,
    deadline: Instant,
) -> Result<()> {
    let mut pause = Duration::from_millis(20);
    loop {
        let presented = match presented_host_key(door, deadline).await {
            Ok(key) if key == *next => return Ok(()),
            Ok(key) => Some(key),
            // It may be between the two.
            Err(error) if error.kind() == ErrorKind::Unreachable => None,
            Err(error) => return Err(error),
        };
        let again = Instant::now() + pause;
        let is_strange = presented.as_ref().is_some_and(|key| key != old);
        if is_strange || again >= deadline {
            let presents = presented.map_or("no key".to_owned(), |key| key.fingerprint());
            return Err(Error::new(
                ErrorKind::HostKeyMismatch,
                format!(
                    "{} port {} was told to serve {} and presents {presents}; nothing was sent to it",
                    door.ip(),
                    door.port(),
                    next.fingerprint(),
                ),
            ));
        }
        sleep_until(again).await;
        pause *= 2;
    }
}
