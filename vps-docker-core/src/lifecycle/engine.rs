use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::Settings;
use crate::client::{InstanceWatch, VpsClient};
use crate::error::Result;
use crate::model::{Catalog, HostName, SshEndpoint};
use crate::ssh::{ConnectOptions, Connection, Identity, check_agent_holds, private_dir};
use crate::store::{DataDir, HostEntry, KnownHost};

/// What every operation needs.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) client: Arc<dyn VpsClient>,
    /// By which all who wait for an instance wait.
    pub(super) watch: InstanceWatch,
    pub(super) catalog: KnownCatalog,
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

    /// What this side knows of all hosts; an entry that cannot be read is passed over, for the tags
    /// lead to its host too.
    pub(super) fn known_hosts(&self) -> Result<Vec<(HostName, KnownHost)>> {
        let names = self.data_dir.known_names(self.client.provider_name())?;
        let mut known = Vec::new();
        for name in names {
            match self.entry(&name).read() {
                Ok(Some(host)) => known.push((name, host)),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(host = %name, %error, "what is known here is unreadable");
                }
            }
        }
        Ok(known)
    }

    /// The pins of a host in files that go with the returned value: for a question to a machine
    /// that is not to be remembered by it.
    pub(super) fn pins_of(&self, known: &KnownHost) -> Result<PassingEntry> {
        let passing = self.passing_entry()?;
        passing.entry().pin_vps(known)?;
        Ok(passing)
    }

    /// An empty one.
    pub(super) fn passing_entry(&self) -> Result<PassingEntry> {
        let directory = private_dir(&self.data_dir.run_dir(), "pins-")?;
        Ok(PassingEntry {
            entry: self.data_dir.entry_in(directory.path().to_owned()),
            _directory: directory,
        })
    }

    /// Looks whether the agents, where keys are with agents, hold them: before anything is ordered that
    /// nobody could log in to.
    pub(super) async fn check_agents(&self) -> Result<()> {
        for key in [self.data_dir.vps_key(), self.data_dir.container_key()] {
            if let Some(agent) = key.agent() {
                check_agent_holds(agent, key.public()).await?;
            }
        }
        Ok(())
    }

    /// What our client key is called at the provider: one key of an owner for all its VPSs.
    pub(super) fn key_name(&self) -> String {
        format!("vps-docker-{}", self.data_dir.owner())
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

    /// A pinned connection by way of somebody else's login.
    pub(super) async fn log_in(
        &self,
        endpoint: &SshEndpoint,
        identity: Identity,
    ) -> Result<Arc<Connection>> {
        let options = ConnectOptions {
            deadline: Instant::now() + self.settings.ssh_connect_timeout,
            retry_auth: false,
        };
        Connection::open_with(
            endpoint.clone(),
            identity,
            &self.data_dir.run_dir(),
            options,
        )
        .await
        .map(Arc::new)
    }
}

/// What the provider offers, asked for once for many creates in a row.
#[derive(Debug, Default)]
pub(super) struct KnownCatalog(Mutex<Option<(Instant, Arc<Catalog>)>>);

/// How long an answer is good: prices and plans change by the month, and what is sold out meanwhile is
/// found out by the order.
const CATALOG_TERM: Duration = Duration::from_secs(300);

impl KnownCatalog {
    pub(super) async fn get(&self, client: &dyn VpsClient) -> Result<Arc<Catalog>> {
        // Held meanwhile: all who come want the same answer.
        let mut held = self.0.lock().await;
        if let Some((asked_at, catalog)) = held.as_ref()
            && asked_at.elapsed() < CATALOG_TERM
        {
            return Ok(Arc::clone(catalog));
        }
        let catalog = Arc::new(client.catalog().await?);
        *held = Some((Instant::now(), Arc::clone(&catalog)));
        Ok(catalog)
    }
}

/// An entry that is removed when it is dropped.
#[derive(Debug)]
pub(super) struct PassingEntry {
    entry: HostEntry,
    _directory: TempDir,
}

impl PassingEntry {
    pub(super) fn entry(&self) -> HostEntry {
        self.entry.clone()
    }
}
