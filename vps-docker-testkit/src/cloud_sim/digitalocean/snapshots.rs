//! Snapshots of droplets. They outlive their droplet.

use axum::extract::State;
use serde_json::{Value, json};

use super::{droplets, listing, moment};
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::refusal::{Reason, Refusal};
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::{Snapshot, World};

/// Where a snapshot keeps the regions that it was sent to: the action by slug.
const SENT: &str = "sent";

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/snapshots_list>: those that are ready.
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Answer {
    let of_volumes = call.query("resource_type") == Some("volume");
    let world = sim.world();
    let ready = world
        .snapshots
        .values()
        .filter(|own| own.ready && !of_volumes);
    listing::page(&sim, &call, "snapshots", ready.collect(), |own| {
        show_snapshot(&world, own)
    })
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/snapshots_get>
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    let id = find(&sim, &call)?;
    let world = sim.world();
    let own = world.snapshots.get(&id).filter(|own| own.ready);
    let own = own.ok_or_else(|| Refusal::not_found("snapshot"))?;
    Ok(Answer::ok(json!({"snapshot": show_snapshot(&world, own)})))
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/snapshots_delete>
pub(super) async fn delete(State(sim): State<Sim>, call: Call) -> Reply {
    sim.delete_snapshot(find(&sim, &call)?, "snapshot")?;
    Ok(Answer::no_content())
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/droplets_list_snapshots>
pub(super) async fn of_droplet(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "droplet")?;
    let world = sim.world();
    let droplet = world.instance(id, "droplet")?;
    let own = droplets::snapshots_of(&world, droplet).into_iter();
    let own = own.filter_map(|id| world.snapshots.get(&id)).collect();
    Ok(listing::page(&sim, &call, "snapshots", own, |own| {
        let mut shown = common(&world, own);
        shown["id"] = json!(own.id);
        shown["type"] = json!("snapshot");
        shown
    }))
}

/// There are none, ever.
pub(super) async fn backups(State(sim): State<Sim>, call: Call) -> Reply {
    sim.world().instance(call.id("id", "droplet")?, "droplet")?;
    Ok(listing::page(
        &sim,
        &call,
        "backups",
        Vec::<Value>::new(),
        |none| none,
    ))
}

/// Sends a snapshot to a region, where it is when the action is over.
pub(super) fn send_to(own: &mut Snapshot, region: String, action: Id) {
    let sent = own.extra.entry(SENT).or_insert_with(|| json!({}));
    if let Some(sent) = sent.as_object_mut() {
        sent.insert(region, json!(action));
    }
}

/// The regions where it can be used.
pub(super) fn regions_of<'a>(world: &World, own: &'a Snapshot) -> Vec<&'a str> {
    let sent = own.extra.get(SENT).and_then(Value::as_object);
    let arrived = sent.into_iter().flatten().filter(|(_, action)| {
        let action = action.as_u64().and_then(|id| world.actions.get(&Id(id)));
        action.is_none_or(|action| !action.is_running())
    });
    let mut regions = vec![own.region.as_str()];
    for (region, _) in arrived {
        if *region != own.region {
            regions.push(region);
        }
    }
    regions
}

pub(super) fn gigabytes(own: &Snapshot) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "a size for people")]
    let exact = own.size_bytes as f64 / 1e9;
    (exact * 100.0).round() / 100.0
}

/// An image that is none of ours is no snapshot.
fn find(sim: &Sim, call: &Call) -> Result<Id, Refusal> {
    let id = call.id("id", "snapshot")?;
    let world = sim.world();
    if world.offer.images.iter().any(|image| image.number == id.0) {
        let why = "the resource is not a snapshot";
        return Err(Refusal::new(Reason::Own(400, "bad_request"), why));
    }
    Ok(id)
}

fn show_snapshot(world: &World, own: &Snapshot) -> Value {
    let mut shown = common(world, own);
    shown["id"] = json!(own.id.to_string());
    shown["resource_id"] = json!(own.instance.to_string());
    shown["resource_type"] = json!("droplet");
    shown["tags"] = json!(own.tags);
    shown
}

fn common(world: &World, own: &Snapshot) -> Value {
    json!({
        "name": own.name,
        "created_at": moment(own.created),
        "regions": regions_of(world, own),
        "min_disk_size": own.disk_gb,
        "size_gigabytes": gigabytes(own),
    })
}
