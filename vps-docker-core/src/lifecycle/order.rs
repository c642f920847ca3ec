use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

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
                    Err(error) if error.is_unclear() || error.is_retryable() => {
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

/// An order whose outcome is unclear is looked for by its marker: what is there is ours. Looked for
/// again and again for a while, for a listing may be late; what shows even later is found by its expiry.
async fn resolve_unclear(engine: &Engine, host_id: &HostId, error: Error) -> Result<Instance> {
    tracing::info!(%error, %host_id, "the order's outcome is unclear");
    let limit = engine.settings.unclear_order_timeout;
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_millis(100);
    loop {
        let looked = timeout_at(deadline, engine.client.instances_of_host(host_id)).await;
        if let Ok(Ok(found)) = looked
            && let Some(instance) = found.into_iter().next()
        {
            return Ok(instance);
        }
        let next = Instant::now() + pause;
        // What certainly was not carried out needs but one look.
        if next >= deadline || !error.is_unclear() {
            return Err(error);
        }
        sleep_until(next).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}
