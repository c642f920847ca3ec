use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use openssh::ForwardType::Local;
use openssh::Socket;

use super::connection::Connection;
use crate::error::{Error, ErrorKind, Result};

/// Sockets at the other end that are reached by one here. They are no sessions: sshd's `MaxSessions`
/// does not bound them.
impl Connection {
    /// Makes a unix socket of mode 0600 here; whoever connects to it is connected to that one over
    /// there, as long as the connection lasts.
    ///
    /// # Errors
    /// `State` when the socket cannot be made here, `Unreachable`. Whether there is anything over
    /// there is seen at the first use only.
    pub(crate) async fn forward_socket(&self, here: &Path, there: &Path) -> Result<()> {
        self.forward(here, there.into()).await
    }

    /// The same to a TCP port of the other end's loopback.
    ///
    /// # Errors
    /// Those of [`forward_socket`](Self::forward_socket).
    pub(crate) async fn forward_port(&self, here: &Path, there: u16) -> Result<()> {
        self.forward(here, loopback(there)).await
    }

    async fn forward(&self, here: &Path, there: Socket<'_>) -> Result<()> {
        let forwarded = self
            .link
            .session
            .request_port_forward(Local, here, there)
            .await;
        match forwarded {
            Ok(()) => Ok(()),
            Err(error @ openssh::Error::SshMux(_)) => Err(Error::new(
                ErrorKind::State,
                format!("ssh cannot make the socket {}", here.display()),
            )
            .with_source(error)),
            Err(error) => Err(self.link.lost(error).await),
        }
    }

    /// Ends what [`forward_socket`](Self::forward_socket) began. Who is connected stays connected.
    ///
    /// # Errors
    /// `Unreachable`; then there is nothing to be ended.
    pub(crate) async fn stop_forwarding(&self, here: &Path, there: &Path) -> Result<()> {
        self.stop(here, there.into()).await
    }

    /// Ends what [`forward_port`](Self::forward_port) began.
    ///
    /// # Errors
    /// Those of [`stop_forwarding`](Self::stop_forwarding).
    pub(crate) async fn stop_forwarding_port(&self, here: &Path, there: u16) -> Result<()> {
        self.stop(here, loopback(there)).await
    }

    async fn stop(&self, here: &Path, there: Socket<'_>) -> Result<()> {
        match self
            .link
            .session
            .close_port_forward(Local, here, there)
            .await
        {
            Ok(()) => Ok(()),
            Err(error) => Err(self.link.lost(error).await),
        }
    }
}

fn loopback(port: u16) -> Socket<'static> {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()
}
