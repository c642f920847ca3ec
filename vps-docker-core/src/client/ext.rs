use async_trait::async_trait;
use tokio::time::Instant;

use super::VpsClient;
use super::watch::wait;
use crate::error::Result;
use crate::model::{HostId, HostName, HostTags, Instance, InstanceFilter, InstanceId};

/// What can be said of every provider by means of [`VpsClient`] alone.
#[async_trait]
pub trait VpsClientExt: VpsClient {
    /// The instances that carry the host's marker: none, one, or, if somebody else meddled, more.
    ///
    /// # Errors
    /// Those of [`VpsClient::list_instances`].
    async fn instances_of_host(&self, host_id: &HostId) -> Result<Vec<Instance>> {
        self.list_instances(&InstanceFilter::tagged(HostTags::HOST, host_id.as_str()))
            .await
    }

    /// The instances of hosts of that name, whoever ordered them.
    ///
    /// # Errors
    /// Those of [`VpsClient::list_instances`].
    async fn instances_named(&self, name: &HostName) -> Result<Vec<Instance>> {
        let filter = InstanceFilter::tagged(HostTags::NAME, name.as_str());
        let mut named = self.list_instances(&filter).await?;
        named.retain(|instance| instance.tag(HostTags::MARKER).is_some());
        Ok(named)
    }

    /// All instances that carry our marker, whoever ordered them.
    ///
    /// # Errors
    /// Those of [`VpsClient::list_instances`].
    async fn marked_instances(&self) -> Result<Vec<Instance>> {
        self.list_instances(&InstanceFilter::with_tag(HostTags::MARKER))
            .await
    }

    /// Asks for an instance until `condition` holds, at first often, then every two seconds. Who waits
    /// for many asks an [`InstanceWatch`](super::InstanceWatch), whose [`wait`](
    /// super::InstanceWatch::wait) this otherwise is.
    ///
    /// # Errors
    /// Those of [`InstanceWatch::wait`](super::InstanceWatch::wait).
    async fn wait_for_instance(
        &self,
        id: &InstanceId,
        what: &str,
        deadline: Instant,
        condition: &(dyn for<'a> Fn(&'a Instance) -> bool + Send + Sync),
    ) -> Result<Instance> {
        wait(id, what, deadline, condition, |_| self.instance(id)).await
    }
}

impl<C: VpsClient + ?Sized> VpsClientExt for C {}
