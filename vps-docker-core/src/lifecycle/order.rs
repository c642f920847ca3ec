use std::sync::{Arc, Mutex, OnceLock};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::engine::Engine;
use crate::client::VpsClientExt;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{HostId, Instance, InstanceId, InstanceSpec};

/// The one order of a create. It runs in a task of its own, so that a create that is cancelled
/// meanwhile still learns what became of it: an order whose answer nobody hears is a leak.
#[derive(Debug, Default)]
pub(super) struct Order {
    task: Mutex<Option<JoinHandle<()>>>,
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
        let (tell, answer) = oneshot::channel();
        let task = engine.background.spawn({
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
                // Nobody listens when the create was cancelled; the rollback asks `known`.
                let _ = tell.send(result);
            }
        });
        *self.task.lock().expect("nobody panics while holding it") = Some(task);
        answer.await.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::Provider,
                "the order broke off without an answer",
            ))
        })
    }

    /// Waits until no order is under way any more.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`] when the provider has not answered by `rollback_timeout`.
    pub(super) async fn settle(&self, engine: &Engine) -> Result<()> {
        let task = self
            .task
            .lock()
            .expect("nobody panics while holding it")
            .take();
        match task {
            None => Ok(()),
            Some(task) => timeout(engine.settings.rollback_timeout, task)
                .await
                .map(drop)
                .map_err(|_elapsed| {
                    Error::new(
                        ErrorKind::Timeout,
                        "the provider has not answered the order yet",
                    )
                }),
        }
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
