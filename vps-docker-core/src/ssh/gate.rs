use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many sessions a connection has open at most. The sshd at either door lets 64 through, as
/// configured by us; one is the master's own, and it counts a closed one for a moment longer than we
/// do. Many, for a session may last: a terminal, logs that are followed.
const SESSIONS: usize = 48;

/// Pauses before a session that sshd refused to open is tried again. It was not started, so this
/// is safe for every command.
const REFUSED_OPEN_PAUSES: [Duration; 6] = [
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(20),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
];

/// Lets a bounded number of sessions through.
#[derive(Clone, Debug)]
pub(super) struct Gate(Arc<Semaphore>);

impl Gate {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(SESSIONS)))
    }

    /// Waits for a place; it is given back when the permit is dropped.
    pub(super) async fn enter(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.0)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed")
    }
}

/// Opens a session, again after a pause when the server refused to open it.
pub(super) async fn open_patiently<T, F>(mut open: impl FnMut() -> F) -> Result<T, openssh::Error>
where
    F: Future<Output = Result<T, openssh::Error>>,
{
    for pause in REFUSED_OPEN_PAUSES {
        match open().await {
            Err(error) if is_refused_open(&error) => tokio::time::sleep(pause).await,
            other => return other,
        }
    }
    open().await
}

/// "Session open refused by peer": the one refusal that says nothing was started.
fn is_refused_open(error: &openssh::Error) -> bool {
    matches!(error, openssh::Error::SshMux(cause) if cause.to_string().contains("refused by peer"))
}
