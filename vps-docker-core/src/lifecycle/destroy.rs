use super::engine::Engine;
use super::plan::destroy_all;
use crate::client::VpsClientExt;
use crate::error::Result;
use crate::model::{DestroyOutcome, HostName, HostTags, Instance};
use crate::store::OpenEntry;

/// What a destroy found and did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Destroyed {
    /// What became of each instance's bill; empty when there was nothing (any more).
    pub outcomes: Vec<DestroyOutcome>,
}

/// Destroys every instance that belongs to the name: by the name's tag, by the id that this side
/// knows, and by an unfinished create in the journal.
#[tracing::instrument(name = "destroy", skip_all, fields(host = %name))]
pub(super) async fn by_name(engine: &Engine, name: &HostName) -> Result<Destroyed> {
    let provider = engine.client.provider_name();
    let place: OpenEntry = engine.data_dir.journal().open(provider, name)?;
    let entry = engine.data_dir.host_entry(provider, name);
    let ids = [
        entry.read()?.map(|known| known.id),
        place.entry().map(|entry| entry.host_id.clone()),
    ];
    let owner = engine.data_dir.owner().as_str();
    let ours = |instance: &Instance| {
        let tag = |key| instance.tags.get(key).map(String::as_str);
        let by_id = ids
            .iter()
            .flatten()
            .any(|id| tag(HostTags::HOST) == Some(id.as_str()));
        by_id || (tag(HostTags::NAME) == Some(name.as_str()) && tag(HostTags::OWNER) == Some(owner))
    };
    let destroy = async {
        let mut instances = engine.client.marked_instances().await?;
        instances.retain(ours);
        destroy_all(engine, &instances).await
    };
    let outcomes = destroy.await.map_err(|error| {
        error
            .with_host(name)
            .with_operation("destroy")
            .with_note("the instance may still exist and be billed; destroy it again")
    })?;
    entry.remove()?;
    place.close()?;
    Ok(Destroyed { outcomes })
}
