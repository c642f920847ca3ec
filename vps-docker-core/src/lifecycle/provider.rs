use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::engine::Engine;
use super::{CreateHost, Destroyed, Host, Settings, destroy, find};
use crate::client::VpsClient;
use crate::error::Result;
use crate::model::{HostName, HostSpec};
use crate::store::DataDir;

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
        CreateHost::new(Arc::clone(&self.engine), spec)
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

    /// Destroys the host of that name: instance, volumes, and what this side knows of it. Works
    /// when the VPS is unreachable. Idempotent: a host that is gone is a success.
    ///
    /// Not cancel-safe: dropped in the middle, call it again.
    ///
    /// # Errors
    /// When the provider refuses; then the instance must be taken to exist and to be billed.
    pub async fn destroy(&self, name: &HostName) -> Result<Destroyed> {
        destroy::by_name(&self.engine, name).await
    }

    /// Waits for work that outlives its caller, such as the rollback of a create whose future was
    /// dropped. Call it before the program ends.
    pub async fn settled(&self) {
        self.engine.background.close();
        self.engine.background.wait().await;
        self.engine.background.reopen();
    }
}
