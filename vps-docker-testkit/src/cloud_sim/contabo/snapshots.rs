//! Snapshots: each belongs to its instance, and can only be put back there.

use std::time::Duration;

use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::account::owned;
use super::instance_view::{self as view, IMAGE};
use super::listing;
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::operations::Reinstallation;
use crate::cloud_sim::refusal::{Counted, Reason, Refusal};
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::{Boots, Snapshot, SnapshotQuota, World};

const DESCRIPTION: &str = "description";
/// How long one is kept. How long it is in fact depends on the product.
const TERM: Duration = Duration::from_secs(30 * 24 * 3600);

/// A text, as the API has it.
pub(super) fn id_text(id: Id) -> String {
    format!("snap{id}")
}

/// `GET /v1/compute/instances/{instanceId}/snapshots`
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "instance")?;
    let world = sim.world();
    world.instance(id, "instance")?;
    let name = call.query("name");
    let own = world.snapshots.values().filter(|own| own.instance == id);
    let mut own: Vec<&Snapshot> = own
        .filter(|own| name.is_none_or(|name| own.name == name))
        .collect();
    listing::sort(&call, &mut own, |own, field| match field {
        "name" => (own.name.clone(), own.id),
        _ => (String::new(), own.id),
    });
    Ok(Answer::ok(listing::page(&call, own, |own| {
        show_snapshot(&world, own)
    })))
}

/// `POST /v1/compute/instances/{instanceId}/snapshots`. It is shown at once and tells nothing of being ready.
pub(super) async fn create(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "instance")?;
    let name = call.json_text("name").unwrap_or("").to_owned();
    check_name(&name)?;
    let begun = sim
        .create_snapshot(&call, id, "instance", &name)
        .map_err(|refusal| in_words(&sim, refusal))?;
    let mut world = sim.world();
    let image = view::image_id(world.instance(id, "instance")?).to_owned();
    let snapshot = world
        .snapshots
        .get_mut(&begun.id)
        .ok_or_else(|| Refusal::not_found("snapshot"))?;
    let description = call.json_text(DESCRIPTION).unwrap_or("");
    snapshot
        .extra
        .insert(DESCRIPTION.to_owned(), description.into());
    snapshot.image = image;
    let shown = show_snapshot(
        &world,
        world
            .snapshots
            .get(&begun.id)
            .ok_or_else(|| Refusal::not_found("snapshot"))?,
    );
    let term = world.clock().ours(TERM);
    tokio::spawn(expire(sim.clone(), begun.id, term));
    Ok(Answer::created(listing::one(&call, shown)))
}

fn in_words(sim: &Sim, refusal: Refusal) -> Refusal {
    let most = match (&refusal.reason, sim.world().rules.snapshot_quota) {
        (Reason::Quota(Counted::Snapshots), Some(SnapshotQuota::Instance(most))) => most,
        _ => return refusal,
    };
    let why = format!("Total snapshots exceed the total max limit of {most} snapshots");
    Refusal::new(refusal.reason, why)
}

/// Deletes one at the end of its term. Nobody waits for it.
async fn expire(sim: Sim, id: Id, term: Duration) {
    tokio::time::sleep(term).await;
    let _it_was_deleted_before = sim.delete_snapshot(id, "snapshot");
}

/// `GET /v1/compute/instances/{instanceId}/snapshots/{snapshotId}`
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    let world = sim.world();
    let snapshot = find(&world, &call)?;
    Ok(Answer::ok(listing::one(
        &call,
        show_snapshot(&world, snapshot),
    )))
}

/// `PATCH /v1/compute/instances/{instanceId}/snapshots/{snapshotId}`
pub(super) async fn update(State(sim): State<Sim>, call: Call) -> Reply {
    let mut world = sim.world();
    let id = find(&world, &call)?.id;
    if let Some(name) = call.json_text("name") {
        check_name(name)?;
    }
    if let Some(snapshot) = world.snapshots.get_mut(&id) {
        if let Some(name) = call.json_text("name") {
            name.clone_into(&mut snapshot.name);
        }
        if let Some(text) = call.json_text(DESCRIPTION) {
            snapshot.extra.insert(DESCRIPTION.to_owned(), text.into());
        }
    }
    let shown = show_snapshot(&world, find(&world, &call)?);
    Ok(Answer::ok(listing::one(&call, shown)))
}

/// `DELETE /v1/compute/instances/{instanceId}/snapshots/{snapshotId}`
pub(super) async fn delete(State(sim): State<Sim>, call: Call) -> Reply {
    let id = find(&sim.world(), &call)?.id;
    sim.delete_snapshot(id, "snapshot")?;
    Ok(Answer::no_content())
}

/// `POST /v1/compute/instances/{instanceId}/snapshots/{snapshotId}/rollback`: newer ones are gone afterwards.
pub(super) async fn roll_back(State(sim): State<Sim>, call: Call) -> Reply {
    let (snapshot, newer) = {
        let world = sim.world();
        let snapshot = find(&world, &call)?.clone();
        let own = world
            .snapshots
            .values()
            .filter(|own| own.instance == snapshot.instance);
        let newer: Vec<Id> = own
            .filter(|own| own.id > snapshot.id)
            .map(|own| own.id)
            .collect();
        (snapshot, newer)
    };
    let wanted = Reinstallation {
        boots: Boots::Snapshot(snapshot.id),
        user_data: None,
        keys: None,
    };
    sim.reinstall(&call, snapshot.instance, "instance", wanted)?;
    if let Ok(instance) = sim.world().instance_mut(snapshot.instance, "instance") {
        instance
            .extra
            .insert(IMAGE.to_owned(), snapshot.image.into());
    }
    for id in newer {
        sim.delete_snapshot(id, "snapshot")?;
    }
    Ok(Answer::ok(listing::links(&call)))
}

fn find<'a>(world: &'a World, call: &Call) -> Result<&'a Snapshot, Refusal> {
    let instance = call.id("id", "instance")?;
    world.instance(instance, "instance")?;
    let id = call
        .param("snapshot")
        .strip_prefix("snap")
        .and_then(Id::from_number);
    let found = id.and_then(|id| world.snapshots.get(&id));
    found
        .filter(|own| own.instance == instance)
        .ok_or_else(|| Refusal::not_found("snapshot"))
}

/// "It may contain letters, numbers, spaces, dashes", and 30 of them.
fn check_name(name: &str) -> Result<(), Refusal> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || c == ' ' || c == '-';
    if (1..=30).contains(&name.len()) && name.chars().all(is_good) {
        return Ok(());
    }
    let why = "may have 30 letters, numbers, spaces and dashes";
    Err(Refusal::invalid("name", why))
}

fn show_snapshot(world: &World, snapshot: &Snapshot) -> Value {
    let image = world.offer.image(&snapshot.image);
    owned(json!({
        "snapshotId": id_text(snapshot.id),
        "name": snapshot.name,
        "description": snapshot.extra.get(DESCRIPTION).cloned().unwrap_or(json!("")),
        "instanceId": snapshot.instance,
        "createdDate": view::date_time(snapshot.created),
        "autoDeleteDate": view::date_time(ends(snapshot.created)),
        "imageId": snapshot.image,
        "imageName": image.map_or("", |image| &image.description),
    }))
}

fn ends(created: Timestamp) -> Timestamp {
    let term = SignedDuration::try_from(TERM).unwrap_or_default();
    created.saturating_add(term).unwrap_or(created)
}
