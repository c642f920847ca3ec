use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::adopt::Login;
use super::destroy::{destroy_all, remove_instance};
use super::engine::Engine;
use crate::client::VpsClientExt;
use crate::error::{Error, ErrorKind, Result};
use crate::store::JournalEntry;

/// Removes everything of a host that is not finished: its instances, found by the marker, and what
/// this side knows of it. `login` is what gets onto a machine that has not got our key yet. Tried again until the deadline, for the provider may be the reason why
/// the create failed.
pub(super) async fn remove_all(
    engine: &Engine,
    left: &JournalEntry,
    login: Option<&Login>,
) -> Result<()> {
    let deadline = Instant::now() + engine.settings.rollback_timeout;
    let mut pause = Duration::from_millis(100);
    loop {
        let error = match timeout_at(deadline, remove_once(engine, left, login)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error,
            Err(_elapsed) => Error::new(
                ErrorKind::Timeout,
                "removing what was made took longer than rollback_timeout",
            ),
        };
        let next = Instant::now() + pause;
        if next >= deadline {
            return Err(error);
        }
        tracing::debug!(%error, host_id = %left.host_id, "rollback failed, trying again");
        sleep_until(next).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

async fn remove_once(engine: &Engine, left: &JournalEntry, login: Option<&Login>) -> Result<()> {
    // By its id too: a listing may be late.
    if let Some(instance) = &left.instance_id {
        remove_instance(engine, instance, login).await?;
    }
    let mut instances = engine.client.instances_of_host(&left.host_id).await?;
    instances.retain(|instance| Some(&instance.id) != left.instance_id.as_ref());
    destroy_all(engine, &instances, login).await?;
    engine.entry(&left.name).remove()
}
