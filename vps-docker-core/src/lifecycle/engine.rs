use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::Settings;
use crate::client::VpsClient;
use crate::error::Result;
use crate::model::{HostName, SshEndpoint};
use crate::ssh::{ConnectOptions, Connection};
use crate::store::{DataDir, HostEntry};

/// What every operation needs.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) client: Arc<dyn VpsClient>,
    pub(super) data_dir: DataDir,
    pub(super) settings: Settings,
    /// Work that goes on when a caller drops its future: rollbacks above all.
    pub(super) background: TaskTracker,
}

impl Engine {
    /// What this side knows of a host.
    pub(super) fn entry(&self, name: &HostName) -> HostEntry {
        self.data_dir.host_entry(self.client.provider_name(), name)
    }

    /// A pinned connection, within the limit.
    pub(super) async fn connect(
        &self,
        endpoint: &SshEndpoint,
        limit: Duration,
        retry_auth: bool,
    ) -> Result<Arc<Connection>> {
        let options = ConnectOptions {
            deadline: Instant::now() + limit,
            retry_auth,
        };
        Connection::open(endpoint.clone(), &self.data_dir.run_dir(), options)
            .await
            .map(Arc::new)
    }
}
