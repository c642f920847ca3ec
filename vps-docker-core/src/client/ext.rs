use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::VpsClient;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{HostId, HostTags, Instance, InstanceFilter, InstanceId, InstanceState};

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

    /// All instances that carry our marker, whoever ordered them.
    ///
    /// # Errors
    /// Those of [`VpsClient::list_instances`].
    async fn marked_instances(&self) -> Result<Vec<Instance>> {
        self.list_instances(&InstanceFilter::with_tag(HostTags::MARKER))
            .await
    }

    /// Asks for an instance until `condition` holds, at first often, then every two seconds.
    /// Passing faults of the provider are asked over; a final one ends the wait. Cancel-safe.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`] at the deadline, with the last answer; [`ErrorKind::Provider`] when
    /// the instance has failed for good.
    async fn wait_for_instance(
        &self,
        id: &InstanceId,
        what: &str,
        deadline: Instant,
        condition: &(dyn for<'a> Fn(&'a Instance) -> bool + Send + Sync),
    ) -> Result<Instance> {
        let mut pause = Duration::from_millis(50);
        let mut last = String::from("nothing heard yet");
        loop {
            match timeout_at(deadline, self.instance(id)).await {
                Ok(Ok(instance)) if condition(&instance) => return Ok(instance),
                Ok(Ok(instance)) if instance.state == InstanceState::Failed => {
                    return Err(Error::new(
                        ErrorKind::Provider,
                        format!("the provider reports a failed instance while waiting for {what}"),
                    )
                    .with_instance(id));
                }
                Ok(Ok(instance)) => {
                    last = format!("last state {:?}", instance.state);
                }
                Ok(Err(error)) if error.is_retryable() => last = format!("last answer: {error}"),
                Ok(Err(error)) => return Err(error.with_instance(id)),
                Err(_elapsed) => {}
            }
            let next = Instant::now() + pause;
            if next >= deadline {
                return Err(Error::new(
                    ErrorKind::Timeout,
                    format!("the wait for {what} took longer than its deadline, {last}"),
                )
                .with_instance(id));
            }
            sleep_until(next).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }
}

impl<C: VpsClient + ?Sized> VpsClientExt for C {}
