use std::sync::{Arc, OnceLock};

use super::engine::Engine;
use super::errand::Errand;
use crate::client::VpsClientExt;
use crate::error::{Error, Result};
use crate::model::{HostId, Instance, InstanceId, InstanceSpec};

/// The one order of a create. What becomes of it is heard also when the create is cancelled
/// meanwhile: an order whose answer nobody hears is a leak.
#[derive(Debug, Default)]
pub(super) struct Order {
    errand: Errand,
    instance: Arc<OnceLock<InstanceId>>,
}

impl Order {
    /// Sends the order, once, and waits for the answer.
    pub(super) async fn send(
        &self,
        engine: &Arc<Engine>,
        host_id: HostId,
        spec: InstanceSpec,
    ) -> Result<Instance> {
        let order = {
            let engine = Arc::clone(engine);
            let known = Arc::clone(&self.instance);
            async move {
                let result = match engine.client.create_instance(&spec).await {
                    Err(error) if error.is_retryable() => {
                        resolve_unclear(&engine, &host_id, error).await
                    }
                    other => other,
                };
                if let Ok(instance) = &result {
                    let _ = known.set(instance.id.clone());
                }
                result
            }
        };
        self.errand.run(engine, order).await
    }

    /// Waits until no order is under way any more.
    ///
    /// # Errors
    /// [`Timeout`](crate::ErrorKind::Timeout) when the provider has not answered by `rollback_timeout`.
    pub(super) async fn settle(&self, engine: &Engine) -> Result<()> {
        let unsettled = "the provider has not answered the order yet";
        self.errand.settle(engine, unsettled).await
    }

    /// What was ordered, where the provider has accepted it.
    pub(super) fn instance(&self) -> Option<&InstanceId> {
        self.instance.get()
    }
}

/// An order whose outcome is unclear is looked for by its marker: what is there is ours.
async fn resolve_unclear(engine: &Engine, host_id: &HostId, error: Error) -> Result<Instance> {
    match engine.client.instances_of_host(host_id).await {
        Ok(found) => found.into_iter().next().ok_or(error),
        Err(_) => Err(error),
    }
}
