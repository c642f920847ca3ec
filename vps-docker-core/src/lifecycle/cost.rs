//! What is paid for: read from listings and the catalogue, without asking the hosts.

use std::sync::Arc;

use super::engine::Engine;
use super::gc::{GarbageItem, leftover_instances};
use crate::client::VpsClientExt;
use crate::error::{ErrorKind, Result};
use crate::model::{
    Catalog, Costs, HostTags, Instance, InstanceCost, InstanceSnapshotName, SnapshotCost, Standing,
    Timestamp,
};

/// One listing, one catalogue, and the snapshots where there are any. Changes nothing.
pub(super) async fn costs(engine: &Arc<Engine>) -> Result<Costs> {
    let client = &*engine.client;
    let (listed, catalog) = tokio::join!(client.marked_instances(), catalog(engine));
    let (listed, catalog) = (listed?, catalog?);
    let leftovers = leftover_instances(engine, &listed).await?;
    let now = Timestamp::now();
    let mut instances: Vec<InstanceCost> = listed
        .into_iter()
        .map(|instance| {
            let standing = standing(engine, &instance, &leftovers);
            let name = instance.tag(HostTags::NAME).unwrap_or(&instance.name);
            let (name, owner) = (name.to_owned(), instance.tag(HostTags::OWNER));
            let owner = owner.and_then(|owner| owner.parse().ok());
            InstanceCost::of(instance, name, owner, standing, &catalog, now)
        })
        .collect();
    instances.sort_by(|a, b| (&a.name, &a.instance_id).cmp(&(&b.name, &b.instance_id)));
    Ok(Costs {
        provider: client.provider_name().to_owned(),
        instances,
        snapshots: snapshots(engine, &catalog, now).await?,
    })
}

/// Where nothing can be ordered nothing has a price.
async fn catalog(engine: &Engine) -> Result<Arc<Catalog>> {
    match engine.catalog.get(&*engine.client).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(Arc::default()),
        other => other,
    }
}

fn standing(engine: &Engine, instance: &Instance, leftovers: &[GarbageItem]) -> Standing {
    let is_left = leftovers.iter().any(|item| match item {
        GarbageItem::ExpiredInstance { instance_id, .. } => *instance_id == instance.id,
        // Whatever bears its name goes with it, for no host of ours had that name when it began.
        GarbageItem::UnfinishedCreate { host, instance_id } => {
            instance_id.as_ref() == Some(&instance.id)
                || (instance.tag(HostTags::NAME) == Some(host.as_str())
                    && instance.tag(HostTags::OWNER) == Some(engine.data_dir.owner().as_str()))
        }
        _ => false,
    });
    let unfinished = || {
        let tags = HostTags::from_tags(&instance.tags);
        // Where tags cannot be changed they say so of every host.
        engine.client.capabilities().set_tags
            && tags.is_ok_and(|tags| tags.expires.is_some() && !tags.ready)
    };
    match is_left {
        true => Standing::Leftover,
        false if unfinished() => Standing::Unfinished,
        false => Standing::Host,
    }
}

async fn snapshots(
    engine: &Engine,
    catalog: &Catalog,
    now: Timestamp,
) -> Result<Vec<SnapshotCost>> {
    if !engine.client.capabilities().snapshots {
        return Ok(Vec::new());
    }
    let owner = engine.data_dir.owner();
    let listed = engine.client.list_snapshots().await?.into_iter();
    let ours = listed.filter(|snapshot| {
        InstanceSnapshotName::parse(&snapshot.name).is_some_and(|name| name.owner == *owner)
    });
    let mut costs: Vec<SnapshotCost> = ours
        .map(|snapshot| SnapshotCost::of(snapshot, catalog, now))
        .collect();
    costs.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    Ok(costs)
}
