use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use openssh::Session;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, ErrorKind, Result};
use crate::model::SshEndpoint;

/// What the sessions of a connection know of it.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) endpoint: SshEndpoint,
    pub(super) session: Arc<Session>,
    /// Cancelled when the master has ended.
    pub(super) ended: CancellationToken,
}

impl Link {
    /// An error of a connection that broke. By then that is known of the connection, so that whoever
    /// tries again gets another one.
    pub(super) async fn lost(
        &self,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        let error = connection_lost(&self.endpoint, error);
        if self.session.check().await.is_err() {
            // Its sockets go a little before the process.
            let _ = timeout(Duration::from_secs(2), self.ended.cancelled()).await;
        }
        error
    }

    /// How a session ended that was not told its exit code: by a signal if the connection is still
    /// there, and `ssh` does not tell by which.
    pub(super) async fn ended_without_code(&self) -> Result<ExitStatus> {
        match self.session.check().await {
            Ok(()) => Ok(exited(255)),
            Err(error) => Err(self.lost(error).await),
        }
    }
}

pub(super) fn exited(code: u8) -> ExitStatus {
    ExitStatus::from_raw(i32::from(code) << 8)
}

pub(super) fn connection_lost(
    endpoint: &SshEndpoint,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    Error::new(
        ErrorKind::Unreachable,
        format!(
            "the SSH connection to {} port {} broke",
            endpoint.host, endpoint.port
        ),
    )
    .retryable()
    .with_source(error)
}
