use super::Host;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{HostTags, Timestamp};

impl Host {
    /// When the host's time to live ends, as the record said when it was read; `None` where it has none and when the
    /// VPS did not answer.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.record.as_ref()?.expires_at
    }

    /// Changes when the host's time to live ends: past that moment it is garbage, which any
    /// [`gc`](super::VpsDockerProvider::gc) of this owner collects. `None`: never. The record has the last word, then
    /// the tags follow. Idempotent. Dropped in the middle, call it again.
    ///
    /// # Errors
    /// `Invalid` for a moment that is past: destroy the host instead; those of the provider and of
    /// [`vps`](Self::vps).
    pub async fn set_expiry(&mut self, at: Option<Timestamp>) -> Result<()> {
        let set = self.expire(at).await;
        set.map_err(|error| {
            error
                .with_host(&self.info.name)
                .with_operation("set_expiry")
        })
    }

    async fn expire(&mut self, at: Option<Timestamp>) -> Result<()> {
        if at.is_some_and(|at| at < Timestamp::now()) {
            return Err(Error::new(
                ErrorKind::Invalid,
                "that moment is past; destroy the host instead",
            ));
        }
        let client = self.engine.client.clone();
        let (store, id) = (self.store().await?, self.info.instance_id.clone());
        let record = store.update(|record| record.expires_at = at).await?;
        self.record = Some(record);
        if client.capabilities().set_tags {
            let instance = client.instance(&id).await?;
            let mut tags = instance.tags.clone();
            tags.remove(HostTags::EXPIRES);
            tags.remove(HostTags::READY);
            if let Some(at) = at {
                tags.insert(HostTags::EXPIRES.to_owned(), at.unix_seconds().to_string());
                tags.insert(HostTags::READY.to_owned(), String::new());
            }
            client.set_tags(&id, &tags).await?;
        }
        Ok(())
    }
}
