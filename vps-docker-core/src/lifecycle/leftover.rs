use std::sync::Arc;

use super::engine::Engine;
use super::plan::Planned;
use super::{Host, find, rollback};
use crate::error::Result;
use crate::model::{HostName, HostSpec};
use crate::store::OpenEntry;

/// Deals with what a create of this name left when its process died: a host that was ready but for
/// the closing of the journal, and is what is asked for now, is adopted; anything else is removed.
pub(super) async fn adopt_or_remove(
    engine: &Arc<Engine>,
    place: &OpenEntry,
    name: &HostName,
    spec: &HostSpec,
    planned: &Planned,
) -> Result<Option<Host>> {
    let Some(left) = place.entry() else {
        return Ok(None);
    };
    tracing::info!(host_id = %left.host_id, ready = left.ready, "a create was interrupted");
    if left.ready {
        match find::host(engine, name).await {
            Ok(host) if host.is_what_was_asked_for(spec, &planned.container) => {
                return Ok(Some(host));
            }
            Ok(host) => host.close().await,
            Err(error) => tracing::info!(%error, "the interrupted create is not usable"),
        }
    }
    rollback::remove_all(engine, left).await?;
    Ok(None)
}
