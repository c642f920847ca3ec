//! The end of a test: what it made is removed, whether it knows of it or not.

use tokio::time::Instant;
use vps_docker_core::model::{InstanceId, InstanceSnapshotName, SnapshotId, SshKeyId};
use vps_docker_core::{ErrorKind, Result};

use super::making::{Pauses, owned_by};
use super::subject::Subject;

impl Subject {
    /// Removes what the test made: what it knows of, and what carries its owner's tag. Asks for nothing
    /// where nothing was tried.
    ///
    /// # Errors
    /// What could not be removed, in a sentence.
    pub(super) async fn clean_up(&self) -> Result<(), String> {
        let made = std::mem::take(&mut *self.made());
        let mut left = Vec::new();
        if made.tried_instances
            && let Err(error) = self.remove_instances(&made.instances).await
        {
            left.push(format!("instances may be left: {error}"));
        }
        if made.tried_snapshots
            && let Err(error) = self.remove_snapshots(made.snapshots).await
        {
            left.push(format!("snapshots may be left: {error}"));
        }
        if self.capabilities().ssh_key_store
            && let Err(error) = self.remove_keys(&made.keys).await
        {
            left.push(format!("keys may be left: {error}"));
        }
        if left.is_empty() {
            return Ok(());
        }
        let owner = &self.owner;
        Err(format!(
            "the clean-up failed, look for the owner {owner}: {}",
            left.join("; ")
        ))
    }

    async fn remove_instances(&self, known: &[InstanceId]) -> Result<(), String> {
        for id in known {
            self.destroy(id).await.map_err(|error| error.to_string())?;
        }
        // One that nobody waited for may turn up late, and one that goes may be listed for a while.
        let mut pauses = Pauses::until(Instant::now() + self.deadline);
        loop {
            let found = self.tagged().await.map_err(|error| error.to_string())?;
            if found.is_empty() {
                return Ok(());
            }
            for id in &found {
                self.destroy(id).await.map_err(|error| error.to_string())?;
            }
            if !pauses.next().await {
                return Err(format!("these were destroyed and are listed: {found:?}"));
            }
        }
    }

    async fn tagged(&self) -> Result<Vec<InstanceId>> {
        let mut ids = Vec::new();
        for owner in [&self.owner, &self.stranger] {
            let found = self.client.list_instances(&owned_by(owner)).await?;
            // Of a client whose filters are wrong all that it lists is not ours to destroy.
            let ours = found
                .into_iter()
                .filter(|instance| owned_by(owner).matches(&instance.tags));
            ids.extend(ours.map(|instance| instance.id));
        }
        Ok(ids)
    }

    async fn destroy(&self, id: &InstanceId) -> Result<()> {
        self.persistently(async || self.client.destroy_instance(id).await.map(drop))
            .await
    }

    async fn remove_snapshots(&self, mut ids: Vec<SnapshotId>) -> Result<()> {
        for snapshot in self.client.list_snapshots().await? {
            let name = InstanceSnapshotName::parse(&snapshot.name);
            let is_ours = name.is_some_and(|name| name.owner == self.owner);
            if is_ours && !ids.contains(&snapshot.id) {
                ids.push(snapshot.id);
            }
        }
        for id in &ids {
            self.persistently(async || self.client.delete_snapshot(id).await)
                .await?;
        }
        Ok(())
    }

    async fn remove_keys(&self, ids: &[SshKeyId]) -> Result<()> {
        for id in ids {
            self.persistently(async || self.client.delete_ssh_key(id).await)
                .await?;
        }
        Ok(())
    }

    /// Removes what may be locked, for it is being made. That it is gone already is no matter here: the
    /// rules are for the behaviours.
    async fn persistently(&self, remove: impl AsyncFn() -> Result<()>) -> Result<()> {
        let mut pauses = Pauses::until(Instant::now() + self.deadline);
        loop {
            match remove().await {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                Err(error) if error.is_retryable() && pauses.next().await => {}
                other => return other,
            }
        }
    }
}
