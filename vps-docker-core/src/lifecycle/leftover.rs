use std::sync::Arc;

use super::adopt::Login;
use super::engine::Engine;
use super::plan::Planned;
use super::{Host, find, rollback};
use crate::error::{ErrorKind, Result};
use crate::model::HostSpec;
use crate::store::OpenEntry;

/// Deals with what a create of this name left when its process died. A host that was not ready is
/// removed. One that was ready but for the closing of the journal is never removed, for it may be in
/// use by now: it is taken up where it is what is asked for, and has the name otherwise.
pub(super) async fn take_up_or_remove(
    engine: &Arc<Engine>,
    place: &mut OpenEntry,
    spec: &HostSpec,
    planned: &Planned,
    login: Option<&Login>,
) -> Result<Option<Host>> {
    let Some(left) = place.entry() else {
        return Ok(None);
    };
    tracing::info!(host_id = %left.host_id, ready = left.ready, "a create was interrupted");
    if !left.ready {
        rollback::remove_all(engine, left, login).await?;
        place.clear()?;
        return Ok(None);
    }
    let found = find::host(engine, &spec.name).await;
    if let Err(error) = &found
        && error.kind() == ErrorKind::HostKeyMismatch
    {
        // It may be taken up when the right machine answers again.
        return found.map(Some);
    }
    place.clear()?;
    match found {
        Ok(host)
            if host.is_what_was_asked_for(spec, planned)
                && login.is_none_or(|login| login.leads_to(host.info().vps_ssh.door()))
                && host.has_env(&spec.env).await.unwrap_or(false) =>
        {
            Ok(Some(host))
        }
        Ok(host) => {
            host.close().await;
            Ok(None)
        }
        Err(error) => {
            tracing::info!(%error, "the interrupted create cannot be taken up");
            Ok(None)
        }
    }
}
