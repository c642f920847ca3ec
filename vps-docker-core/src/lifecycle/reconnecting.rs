use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::engine::Engine;
use crate::error::Result;
use crate::ssh::{Connection, RemoteProcess, Transport};

/// A pinned connection that is made anew when it has broken: for the commands that come then. What
/// was running on it has failed.
#[derive(Debug)]
pub(super) struct Reconnecting {
    engine: Arc<Engine>,
    current: Mutex<Arc<Connection>>,
}

impl Reconnecting {
    pub(super) fn new(engine: &Arc<Engine>, connection: Arc<Connection>) -> Self {
        Self {
            engine: Arc::clone(engine),
            current: Mutex::new(connection),
        }
    }

    /// The connection, which is open as far as anybody knows.
    pub(super) async fn connection(&self) -> Result<Arc<Connection>> {
        let mut current = self.current.lock().await;
        if current.has_ended() {
            let limit = self.engine.settings.ssh_connect_timeout;
            let endpoint = current.endpoint().clone();
            *current = self.engine.connect(&endpoint, limit, false).await?;
        }
        Ok(Arc::clone(&current))
    }
}

#[async_trait]
impl Transport for Reconnecting {
    async fn spawn(&self, command: &str) -> Result<RemoteProcess> {
        self.connection().await?.spawn(command).await
    }
}
