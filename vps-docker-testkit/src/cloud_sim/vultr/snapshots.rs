//! Snapshots.

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::body;
use super::instances::{self, INSTANCE};
use super::listing;
use super::show::date;
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::refusal::Refusal;
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::{Snapshot, World};

const SNAPSHOT: &str = "snapshot";

#[derive(Debug, Deserialize)]
struct CreateSnapshot {
    instance_id: String,
    #[serde(default)]
    description: String,
}

#[derive(Debug, Deserialize)]
struct UpdateSnapshot {
    description: String,
}

/// <https://www.vultr.com/api/#operation/list-snapshots>
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Reply {
    let wanted = call.query("description");
    let world = sim.world();
    let own = world
        .snapshots
        .iter()
        .filter(|(_, own)| wanted.is_none_or(|wanted| own.name == wanted));
    let own = own.map(|(id, own)| (id.0, own)).collect();
    listing::page(&call, "snapshots", own, |own| show_snapshot(&world, own))
}

/// <https://www.vultr.com/api/#operation/create-snapshot>
pub(super) async fn create(State(sim): State<Sim>, call: Call) -> Reply {
    let wanted: CreateSnapshot = body(&call)?;
    let id = instances::by_text(&sim, &wanted.instance_id)?;
    instances::check_unlocked(&sim, id, "create snapshot")?;
    let begun = sim.create_snapshot(&call, id, INSTANCE, &wanted.description)?;
    let world = sim.world();
    let snapshot = one(&world, begun.id)?;
    Ok(Answer::created(
        json!({"snapshot": show_snapshot(&world, snapshot)}),
    ))
}

/// <https://www.vultr.com/api/#operation/get-snapshot>
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.uuid("id", SNAPSHOT)?;
    let world = sim.world();
    let snapshot = one(&world, id)?;
    Ok(Answer::ok(
        json!({"snapshot": show_snapshot(&world, snapshot)}),
    ))
}

/// <https://www.vultr.com/api/#operation/put-snapshots-snapshot-id>
pub(super) async fn update(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.uuid("id", SNAPSHOT)?;
    let wanted: UpdateSnapshot = body(&call)?;
    let mut world = sim.world();
    let snapshot = world.snapshots.get_mut(&id);
    snapshot.ok_or_else(|| Refusal::not_found(SNAPSHOT))?.name = wanted.description;
    Ok(Answer::no_content())
}

/// <https://www.vultr.com/api/#operation/delete-snapshot>
pub(super) async fn delete(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.uuid("id", SNAPSHOT)?;
    sim.delete_snapshot(id, SNAPSHOT)?;
    Ok(Answer::no_content())
}

fn one(world: &World, id: Id) -> Result<&Snapshot, Refusal> {
    let snapshot = world.snapshots.get(&id);
    snapshot.ok_or_else(|| Refusal::not_found(SNAPSHOT))
}

/// Sizes are told when it is complete.
fn show_snapshot(world: &World, snapshot: &Snapshot) -> Value {
    let (size, compressed, status) = if snapshot.ready {
        (snapshot.disk_gb << 30, snapshot.size_bytes, "complete")
    } else {
        (0, 0, "pending")
    };
    json!({
        "id": snapshot.id.uuid(),
        "date_created": date(snapshot.created),
        "description": snapshot.name,
        "size": size,
        "compressed_size": compressed,
        "status": status,
        "os_id": world.offer.image(&snapshot.image).map_or(0, |image| image.number),
        "app_id": 0,
    })
}
