//! Images: the systems that are offered, and snapshots.

use axum::extract::State;
use serde_json::{Value, json};

use super::actions::show_by_id;
use super::labels::{self, Labels, Selector};
use super::offer::ARM;
use super::{IdOrName, listing};
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::offer::Image;
use crate::cloud_sim::refusal::{Reason, Refusal};
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::{Boots, Snapshot, World};

/// <https://docs.hetzner.cloud/#images-get-all-images>: without those that are on their way out, unless asked for.
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Reply {
    let selector = Selector::parse(call.query("label_selector").unwrap_or(""))?;
    let is_bare = call.query("label_selector").is_none_or(str::is_empty);
    let deprecated = call.query("include_deprecated") == Some("true");
    let world = sim.world();
    let systems = world.offer.images.iter();
    let systems = systems.filter(|image| is_bare && (deprecated || !image.deprecated));
    let snapshots = world
        .snapshots
        .values()
        .filter(|own| selector.selects(&own.labels));
    let mut shown: Vec<Value> = systems.map(show_system).collect();
    shown.extend(snapshots.map(|own| show_snapshot(&world, own)));
    for field in ["type", "status", "name", "architecture", "bound_to"] {
        let wanted = call.queries(field);
        shown.retain(|image| {
            let own = image[field].as_str().unwrap_or("");
            wanted.is_empty() || wanted.contains(&own)
        });
    }
    listing::sort(&call, &mut shown, |image, field| match field {
        "name" => (image["name"].to_string(), image["id"].as_u64()),
        "created" => (image["created"].to_string(), image["id"].as_u64()),
        _ => (String::new(), image["id"].as_u64()),
    });
    Ok(listing::page(&sim, &call, "images", shown, |image| image))
}

/// <https://docs.hetzner.cloud/#images-get-an-image>
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "image")?;
    let world = sim.world();
    let system = world.offer.images.iter().find(|image| image.number == id.0);
    let shown = match (world.snapshots.get(&id), system) {
        (Some(snapshot), _) => show_snapshot(&world, snapshot),
        (None, Some(system)) => show_system(system),
        (None, None) => return Err(Refusal::not_found("image")),
    };
    Ok(Answer::ok(json!({"image": shown})))
}

/// <https://docs.hetzner.cloud/#images-update-an-image>
pub(super) async fn update(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "image")?;
    let body: Value = call.body()?;
    let wanted = labels::of_body(&body)?;
    let mut world = sim.world();
    let snapshot = world
        .snapshots
        .get_mut(&id)
        .ok_or_else(|| Refusal::not_found("image"))?;
    if let Some(description) = body["description"].as_str() {
        description.clone_into(&mut snapshot.name);
    }
    if let Some(wanted) = wanted {
        snapshot.labels = wanted;
    }
    let snapshot = snapshot.clone();
    Ok(Answer::ok(
        json!({"image": show_snapshot(&world, &snapshot)}),
    ))
}

/// <https://docs.hetzner.cloud/#images-delete-an-image>
pub(super) async fn delete(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "image")?;
    if sim
        .world()
        .offer
        .images
        .iter()
        .any(|image| image.number == id.0)
    {
        let why = "only snapshots can be deleted";
        return Err(Refusal::new(Reason::Own(403, "forbidden"), why));
    }
    sim.delete_snapshot(id, "image")?;
    Ok(Answer::no_content())
}

/// <https://docs.hetzner.cloud/#image-actions-change-image-protection>
pub(super) async fn change_protection(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "image")?;
    let body: Value = call.body()?;
    let mut world = sim.world();
    let snapshot = world
        .snapshots
        .get_mut(&id)
        .ok_or_else(|| Refusal::not_found("image"))?;
    snapshot.protected = body["delete"].as_bool().unwrap_or(snapshot.protected);
    let done = world.instantly("change_protection", id);
    Ok(Answer::created(json!({"action": show_by_id(&world, done)})))
}

/// What a client means by an image, for a server of that architecture.
pub(super) fn find(world: &World, wanted: &IdOrName, architecture: &str) -> Result<Boots, Refusal> {
    let systems = world
        .offer
        .images
        .iter()
        .filter(|image| image.architecture == architecture);
    let mut systems = systems.filter(|image| wanted.is(image.number, name(image)));
    if let Some(system) = systems.next() {
        return Ok(Boots::Image(system.id.clone()));
    }
    let mut snapshots = world.snapshots.values();
    match snapshots.find(|own| wanted.is(own.id.0, "")) {
        Some(snapshot) => Ok(Boots::Snapshot(snapshot.id)),
        None => Err(Refusal::invalid(
            "image",
            "image not found, or of another architecture",
        )),
    }
}

pub(super) fn show_boots(world: &World, boots: &Boots) -> Value {
    match boots {
        Boots::Image(id) => world.offer.image(id).map_or(Value::Null, show_system),
        // One that was deleted meanwhile is shown no more.
        Boots::Snapshot(id) => {
            let snapshot = world.snapshots.get(id);
            snapshot.map_or(Value::Null, |snapshot| show_snapshot(world, snapshot))
        }
    }
}

fn show_system(image: &Image) -> Value {
    let labels = Labels::new();
    json!({
        "id": image.number,
        "type": "system",
        "status": "available",
        "name": name(image),
        "description": image.description,
        "image_size": null,
        "disk_size": 5,
        "created": "2025-08-11T08:00:00Z",
        "created_from": null,
        "bound_to": null,
        "os_flavor": image.os,
        "os_version": image.version,
        "rapid_deploy": image.os == "debian" || image.os == "ubuntu",
        "protection": {"delete": false},
        "deprecated": image.deprecated.then_some("2026-08-31T00:00:00Z"),
        "deleted": null,
        "labels": labels,
        "architecture": image.architecture,
    })
}

pub(super) fn show_snapshot(world: &World, snapshot: &Snapshot) -> Value {
    let system = world.offer.image(&snapshot.image);
    #[allow(clippy::cast_precision_loss, reason = "a size for people")]
    let gigabytes = snapshot.size_bytes as f64 / 1e9;
    json!({
        "id": snapshot.id,
        "type": "snapshot",
        "status": if snapshot.ready { "available" } else { "creating" },
        "name": null,
        "description": snapshot.name,
        "image_size": snapshot.ready.then_some((gigabytes * 100.0).round() / 100.0),
        "disk_size": snapshot.disk_gb,
        "created": snapshot.created.to_string(),
        "created_from": {"id": snapshot.instance, "name": snapshot.instance_name},
        "bound_to": null,
        "os_flavor": system.map_or("unknown", |system| &system.os),
        "os_version": system.map(|system| &system.version),
        "rapid_deploy": false,
        "protection": {"delete": snapshot.protected},
        "deprecated": null,
        "deleted": null,
        "labels": snapshot.labels,
        "architecture": system.map_or("x86", |system| &system.architecture),
    })
}

fn name(image: &Image) -> &str {
    image.id.trim_end_matches(ARM)
}
