use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::adopt::Machine;
use super::engine::{Engine, KnownCatalog};
use super::{
    CreateHost, Destroyed, Garbage, Host, HostListing, Settings, cost, destroy, find, gc, hosts,
    plan,
};
use crate::client::{InstanceWatch, VpsClient};
use crate::error::Result;
use crate::model::{
    Costs, HostName, HostPlan, HostSnapshotId, HostSpec, InstanceSnapshot, InstanceSnapshotName,
    SnapshotId, SnapshotName,
};
use crate::store::{AgentRecord, DataDir, HostSnapshot};

/// The engine: makes hosts of a provider's instances, finds them again and takes them down.
///
/// Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct VpsDockerProvider {
    engine: Arc<Engine>,
}

impl VpsDockerProvider {
    /// An engine over a provider's client. No I/O.
    #[must_use]
    pub fn new(client: Arc<dyn VpsClient>, data_dir: DataDir, settings: Settings) -> Self {
        Self {
            engine: Arc::new(Engine {
                watch: InstanceWatch::new(Arc::clone(&client)),
                catalog: KnownCatalog::default(),
                client,
                data_dir,
                settings,
                background: TaskTracker::new(),
            }),
        }
    }

    /// The provider's client.
    #[must_use]
    pub fn client(&self) -> &Arc<dyn VpsClient> {
        &self.engine.client
    }

    /// Where keys, pins and the journal are kept.
    #[must_use]
    pub fn data_dir(&self) -> &DataDir {
        &self.engine.data_dir
    }

    /// The engine's settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.engine.settings
    }

    /// Creates a host. Begins when the returned value is awaited; see [`CreateHost`] for events,
    /// cancelling and what a failure leaves (nothing).
    pub fn create_host(&self, spec: HostSpec) -> CreateHost {
        CreateHost::new(Arc::clone(&self.engine), spec, None)
    }

    /// What [`create_host`](Self::create_host) of that specification would do: every choice, with prices,
    /// and who could reach the host. Made by the same code, which reads the catalogue and, for a host
    /// that begins with a snapshot, the other host; nothing is ordered, written or changed.
    /// Idempotent and cancel-safe.
    ///
    /// # Errors
    /// Those of the create before anything is ordered: `Invalid`, `NameTaken`, `NotFound`, `Unsupported`.
    pub async fn plan_host(&self, spec: &HostSpec) -> Result<HostPlan> {
        let planned = plan::plan_host(&self.engine, spec).await;
        planned.map_err(|error| error.with_host(&spec.name).with_operation("plan_host"))
    }

    /// Makes a host of a machine that is there already: the engine must be over
    /// [`AdoptedMachines`](crate::adopted::AdoptedMachines). By the user's login it is looked over,
    /// given our key and bootstrapped as a new VPS is; from then on all is as for any host, but that
    /// it is known from this data directory only. Docker that is there is used as it is and never
    /// restarted; sshd's configuration, the machine's name and containers of others are left alone.
    ///
    /// What the specification says of plan, region and operating system must be left out. Begins
    /// when the returned value is awaited; see [`CreateHost`] for events, cancelling and what a
    /// failure leaves.
    pub fn adopt(&self, spec: HostSpec, machine: Machine) -> CreateHost {
        CreateHost::new(Arc::clone(&self.engine), spec, Some(machine))
    }

    /// Finds the host of that name and says what it is doing. A VPS that does not answer gives a
    /// host in the state [`Unreachable`](crate::model::HostState::Unreachable), not an error.
    /// Idempotent and cancel-safe.
    ///
    /// # Errors
    /// `NotFound` when there is none; `HostKeyMismatch` when another machine answers at its
    /// address; `State` when its record is corrupt.
    pub async fn host(&self, name: &HostName) -> Result<Host> {
        find::host(&self.engine, name).await
    }

    /// Finds all hosts: one listing of the provider's, then every host is asked at the same time, each
    /// until the settings' `discovery_timeout`. They come as they answer; unreachable, corrupt and
    /// half-created ones and those of other owners come too, as what they are. A host that was
    /// made elsewhere is known by the pin in its tags, and from then on by this side too.
    ///
    /// Idempotent and cancel-safe.
    ///
    /// # Errors
    /// When the provider cannot be asked. What goes wrong with one host stands in that host.
    pub async fn hosts(&self) -> Result<HostListing> {
        hosts::hosts(&self.engine).await
    }

    /// Starts the host of that name; see [`Host::start`].
    ///
    /// # Errors
    /// Those of [`host`](Self::host) and [`Host::start`].
    pub async fn start(&self, name: &HostName) -> Result<Host> {
        let mut host = self.host(name).await?;
        host.start().await?;
        Ok(host)
    }

    /// Stops the host of that name; see [`Host::stop`].
    ///
    /// # Errors
    /// Those of [`host`](Self::host) and [`Host::stop`].
    pub async fn stop(&self, name: &HostName) -> Result<Host> {
        let mut host = self.host(name).await?;
        host.stop().await?;
        Ok(host)
    }

    /// Renames the host of that name; see [`Host::rename`].
    ///
    /// # Errors
    /// Those of [`host`](Self::host) and [`Host::rename`].
    pub async fn rename(&self, name: &HostName, new: &HostName) -> Result<Host> {
        let mut host = self.host(name).await?;
        host.rename(new).await?;
        Ok(host)
    }

    /// What clients keep under the host of that name, whatever the host is doing.
    ///
    /// # Errors
    /// Those of [`host`](Self::host) and [`HostStore::agents`](crate::store::HostStore::agents).
    pub async fn agents(&self, name: &HostName) -> Result<Vec<AgentRecord>> {
        let host = self.host(name).await?;
        let agents = host.store().await?.agents().await;
        host.close().await;
        agents
    }

    /// Looks for what interrupted work of this owner has left: creates that died, instances that were to
    /// be ready and are not, keys and memories that lead nowhere. Changes nothing: read the items,
    /// then [`collect`](Garbage::collect). What carries another owner's tag is never touched, nor
    /// is a host that is ready.
    ///
    /// # Errors
    /// When the provider cannot be asked, or the journal cannot be read.
    pub async fn gc(&self) -> Result<Garbage> {
        gc::find(&self.engine).await
    }

    /// What is paid for: every instance with our marker, whoever ordered it, with its price and what it has come to,
    /// what interrupted work has left among them, and this owner's instance snapshots. By the catalogue's prices of
    /// now, so an estimate; the bill is the provider's. Reads listings and the catalogue, and asks those hosts
    /// alone that are past an expiry. Idempotent and cancel-safe.
    ///
    /// # Errors
    /// When the provider cannot be asked, or the journal cannot be read.
    pub async fn costs(&self) -> Result<Costs> {
        cost::costs(&self.engine).await
    }

    /// Takes a snapshot of the host of that name; see [`Host::snapshot`].
    ///
    /// # Errors
    /// Those of [`host`](Self::host) and [`Host::snapshot`].
    pub async fn snapshot(&self, host: &HostName, name: &SnapshotName) -> Result<HostSnapshot> {
        let host = self.host(host).await?;
        let taken = host.snapshot(name).await;
        host.close().await;
        taken
    }

    /// The snapshots of the host of that name, the oldest first.
    ///
    /// # Errors
    /// Those of [`host`](Self::host) and [`Host::snapshots`].
    pub async fn snapshots(&self, host: &HostName) -> Result<Vec<HostSnapshot>> {
        let host = self.host(host).await?;
        let snapshots = host.snapshots().await;
        host.close().await;
        snapshots
    }

    /// Restores the host of that name; see [`Host::restore`].
    ///
    /// # Errors
    /// Those of [`host`](Self::host) and [`Host::restore`].
    pub async fn restore(&self, host: &HostName, id: &HostSnapshotId) -> Result<Host> {
        let mut host = self.host(host).await?;
        host.restore(id).await?;
        Ok(host)
    }

    /// Deletes a snapshot of the host of that name; see [`Host::delete_snapshot`].
    ///
    /// # Errors
    /// Those of [`host`](Self::host) and [`Host::delete_snapshot`].
    pub async fn delete_snapshot(&self, host: &HostName, id: &HostSnapshotId) -> Result<()> {
        let host = self.host(host).await?;
        let deleted = host.delete_snapshot(id).await;
        host.close().await;
        deleted
    }

    /// The instance snapshots of this owner, whose hosts may be gone.
    ///
    /// # Errors
    /// `Unsupported` where the provider has none, and those of the provider.
    pub async fn instance_snapshots(&self) -> Result<Vec<InstanceSnapshot>> {
        let owner = self.engine.data_dir.owner();
        let mut listed = self.engine.client.list_snapshots().await?;
        listed.retain(|snapshot| {
            InstanceSnapshotName::parse(&snapshot.name).is_some_and(|name| name.owner == *owner)
        });
        Ok(listed)
    }

    /// Deletes an instance snapshot, whosever it is. Idempotent: one that is gone is a success.
    ///
    /// # Errors
    /// `Unsupported` where the provider has none, and those of the provider.
    pub async fn delete_instance_snapshot(&self, id: &SnapshotId) -> Result<()> {
        self.engine.client.delete_snapshot(id).await
    }

    /// Destroys the host of that name: instance, volumes, and what this side knows of it. Works
    /// when the VPS is unreachable. Idempotent: a host that is gone is a success.
    ///
    /// A machine that was adopted stays: what is ours is removed from it, the data volume included,
    /// and Docker is left. If it cannot be reached nothing is forgotten, so that it can be tried again.
    ///
    /// Not cancel-safe: dropped in the middle, call it again.
    ///
    /// # Errors
    /// When the provider refuses; then the instance must be taken to exist and to be billed. When a
    /// machine that was adopted cannot be cleared, with what may still be on it.
    pub async fn destroy(&self, name: &HostName) -> Result<Destroyed> {
        destroy::by_name(&self.engine, name).await
    }

    /// Forgets the host of that name on a machine that was adopted, without asking the machine: for
    /// one that is gone for good. What is ours on it stays there. Idempotent.
    ///
    /// # Errors
    /// `Unsupported` for hosts of every other provider, where an instance would go on and cost.
    pub async fn forget(&self, name: &HostName) -> Result<()> {
        destroy::forget(&self.engine, name).await
    }

    /// Waits for work that outlives its caller, such as the rollback of a create whose future was
    /// dropped. Call it before the program ends.
    pub async fn settled(&self) {
        self.engine.background.close();
        self.engine.background.wait().await;
        self.engine.background.reopen();
    }
}
