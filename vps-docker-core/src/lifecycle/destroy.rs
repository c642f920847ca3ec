use super::engine::Engine;
use super::plan::destroy_all;
use crate::client::VpsClientExt;
use crate::error::Result;
use crate::model::{DestroyOutcome, HostId, HostName, HostTags, Instance, InstanceId};

/// What a destroy found and did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Destroyed {
    /// What became of each instance's bill; empty when there was nothing (any more).
    pub outcomes: Vec<DestroyOutcome>,
}

/// Destroys every instance that belongs to the name: by the name's tag, and by what this side and
/// an unfinished create in the journal know, whether the provider lists it or not.
#[tracing::instrument(name = "destroy", skip_all, fields(host = %name))]
pub(super) async fn by_name(engine: &Engine, name: &HostName) -> Result<Destroyed> {
    let provider = engine.client.provider_name();
    let place = engine.data_dir.journal().open(provider, name)?;
    let entry = engine.entry(name);
    let mut known = Vec::new();
    if let Some(host) = entry.read()? {
        known.push((host.id, Some(host.instance_id)));
    }
    if let Some(left) = place.entry() {
        known.push((left.host_id.clone(), left.instance_id.clone()));
    }
    let outcomes = destroy_known(engine, name, &known).await.map_err(|error| {
        error
            .with_host(name)
            .with_operation("destroy")
            .with_note("the instance may still exist and be billed; destroy it again")
    })?;
    entry.remove()?;
    place.close()?;
    Ok(Destroyed { outcomes })
}

async fn destroy_known(
    engine: &Engine,
    name: &HostName,
    known: &[(HostId, Option<InstanceId>)],
) -> Result<Vec<DestroyOutcome>> {
    let owner = engine.data_dir.owner().as_str();
    let ours = |instance: &Instance| {
        let host_id = instance.tag(HostTags::HOST);
        known.iter().any(|(id, _)| host_id == Some(id.as_str()))
            || (instance.tag(HostTags::NAME) == Some(name.as_str())
                && instance.tag(HostTags::OWNER) == Some(owner))
    };
    let mut listed = engine.client.marked_instances().await?;
    listed.retain(ours);
    let mut outcomes = destroy_all(engine, &listed).await?;
    let unlisted = known
        .iter()
        .filter_map(|(_, instance)| instance.as_ref())
        .filter(|id| listed.iter().all(|instance| instance.id != **id));
    for id in unlisted {
        // A listing may be late. Gone is what it is as a rule, and no news.
        match engine.client.destroy_instance(id).await? {
            DestroyOutcome::Gone => {}
            outcome @ DestroyOutcome::EndsAt(_) => outcomes.push(outcome),
        }
    }
    Ok(outcomes)
}
