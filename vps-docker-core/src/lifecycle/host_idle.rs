use super::Host;
use super::plan::check_idle_policy;
use crate::error::{Error, Result};
use crate::idle::{self, Why};
use crate::model::{IdlePolicy, Runtime};
use crate::store::HostStore;

impl Host {
    /// When the container is stopped for want of use, as the record said when it was read; `None`
    /// when the VPS did not answer.
    #[must_use]
    pub fn idle_policy(&self) -> Option<&IdlePolicy> {
        self.record.as_ref().map(|record| &record.idle_policy)
    }

    /// What keeps the container up, or what stopped it, by the log of the watcher on the VPS.
    /// Changes nothing, and is no use in the watcher's eyes.
    ///
    /// # Errors
    /// `State` when there is no watcher on the VPS, and those of [`vps`](Self::vps).
    pub async fn why(&self) -> Result<Why> {
        let why = idle::why(&*self.vps().await?).await;
        why.map_err(|error| self.locate(error, "why"))
    }

    /// Changes when the container is stopped for want of use: in the record, and on the VPS at
    /// once, where a new window opens. Idempotent but for the window. Dropped in the middle, the
    /// record may have the new policy and the VPS the old one: set it again.
    ///
    /// # Errors
    /// `Invalid` for a mode that can see nothing of a container under gVisor; `State` when record or watcher cannot be written, and those of [`vps`](Self::vps).
    pub async fn set_idle_policy(&mut self, policy: &IdlePolicy) -> Result<()> {
        let runtime = self
            .record
            .as_ref()
            .map_or_else(Runtime::default, |record| record.container.security.runtime);
        check_idle_policy(policy, runtime)?;
        let vps = self.vps().await?;
        let set = async {
            let record = HostStore::new(vps.clone())
                .update(|record| record.idle_policy.clone_from(policy))
                .await?;
            idle::install(&*vps, policy).await?;
            Ok(record)
        };
        let set = set.await;
        let record = set.map_err(|error| self.locate(error, "set_idle_policy"))?;
        self.record = Some(record);
        Ok(())
    }

    /// Opens a new window for the idle watcher, at its next look; until then nothing is stopped. A
    /// sign of life that it cannot see by itself, such as that somebody is about to come.
    /// Idempotent.
    ///
    /// # Errors
    /// `State` when there is no watcher on the VPS, and those of [`vps`](Self::vps).
    pub async fn open_idle_window(&self) -> Result<()> {
        let opened = idle::open_window(&*self.vps().await?).await;
        opened.map_err(|error| self.locate(error, "open_idle_window"))
    }

    fn locate(&self, error: Error, operation: &str) -> Error {
        error.with_host(&self.info().name).with_operation(operation)
    }
}
