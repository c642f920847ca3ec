//! Images: the systems that are offered, by id or slug, and snapshots, by id.

use axum::extract::State;
use serde_json::{Value, json};

use super::actions::show_by_id;
use super::offer::is_application;
use super::refusals::unprocessable;
use super::{IdOrSlug, listing, moment, snapshots};
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::offer::Image;
use crate::cloud_sim::refusal::Refusal;
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::{Boots, Change, Due, Snapshot, World};

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/images_list>
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Answer {
    let (kind, tag) = (call.query("type"), call.query("tag_name"));
    let private = call.query("private") == Some("true");
    let world = sim.world();
    let public = world.offer.images.iter().filter(|image| {
        let fits = kind.is_none_or(|kind| is_application(image) == (kind == "application"));
        fits && !private && tag.is_none()
    });
    let own = world
        .snapshots
        .values()
        .filter(|own| own.ready && kind.is_none() && tag.is_none_or(|tag| own.tags.contains(tag)));
    let mut shown: Vec<Value> = public.map(|image| show_system(&world, image)).collect();
    shown.extend(own.map(|own| show_snapshot(&world, own)));
    listing::page(&sim, &call, "images", shown, |image| image)
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/images_get>
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    let wanted = IdOrSlug::Slug(call.param("id").to_owned());
    let world = sim.world();
    let mut public = world.offer.images.iter();
    if let Some(image) = public.find(|image| wanted.is(image.number, &image.id)) {
        return Ok(Answer::ok(json!({"image": show_system(&world, image)})));
    }
    let own = world.snapshots.get(&call.id("id", "image")?);
    let own = own.filter(|own| own.ready);
    let own = own.ok_or_else(|| Refusal::not_found("image"))?;
    Ok(Answer::ok(json!({"image": show_snapshot(&world, own)})))
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/images_update>
pub(super) async fn update(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "image")?;
    let mut world = sim.world();
    let own = world.snapshots.get_mut(&id);
    let own = own.ok_or_else(|| Refusal::not_found("image"))?;
    if let Some(name) = call.json_text("name") {
        name.clone_into(&mut own.name);
    }
    if let Some(description) = call.json_text("description") {
        own.extra
            .insert("description".to_owned(), description.into());
    }
    let own = own.clone();
    Ok(Answer::ok(json!({"image": show_snapshot(&world, &own)})))
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/images_delete>: of one's own.
pub(super) async fn delete(State(sim): State<Sim>, call: Call) -> Reply {
    sim.delete_snapshot(call.id("id", "image")?, "image")?;
    Ok(Answer::no_content())
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/imageActions_post>: `transfer` to another
/// region. The action is wrapped, as in the document's example and other than in its schema.
pub(super) async fn act(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "image")?;
    let mut world = sim.world();
    if !world.snapshots.contains_key(&id) {
        return Err(Refusal::not_found("image"));
    }
    if call.json_text("type") != Some("transfer") {
        return Err(unprocessable("the image is a snapshot already"));
    }
    let region = call.json_text("region").unwrap_or("").to_owned();
    if world.offer.region(&region).is_none() {
        return Err(unprocessable("Region is not available"));
    }
    let span = world.span_of(Change::Snapshot(id));
    let action = world.begin(Change::Other("transfer"), id, Due::In(span));
    if let Some(own) = world.snapshots.get_mut(&id) {
        snapshots::send_to(own, region, action);
    }
    Ok(Answer::created(
        json!({"action": show_by_id(&world, action)}),
    ))
}

/// What a client means by an image, for a droplet in that region.
pub(super) fn find(world: &World, wanted: &IdOrSlug, region: &str) -> Result<Boots, Refusal> {
    let mut public = world.offer.images.iter();
    if let Some(image) = public.find(|image| wanted.is(image.number, &image.id)) {
        return Ok(Boots::Image(image.id.clone()));
    }
    let mut own = world.snapshots.values().filter(|own| own.ready);
    let Some(own) = own.find(|own| wanted.is(own.id.0, "")) else {
        let why = "You specified an invalid image for Droplet creation.";
        return Err(unprocessable(why));
    };
    if !snapshots::regions_of(world, own).contains(&region) {
        let why = "The image is not available in the region you selected.";
        return Err(unprocessable(why));
    }
    Ok(Boots::Snapshot(own.id))
}

pub(super) fn show_boots(world: &World, boots: &Boots) -> Value {
    match boots {
        Boots::Image(id) => world
            .offer
            .image(id)
            .map_or(json!({}), |image| show_system(world, image)),
        // One that was deleted meanwhile is told of no more.
        Boots::Snapshot(id) => world
            .snapshots
            .get(id)
            .map_or(json!({}), |own| show_snapshot(world, own)),
    }
}

fn show_system(world: &World, image: &Image) -> Value {
    let regions = world.offer.regions.iter();
    let open = regions.filter(|region| super::catalog::is_open(region));
    let regions: Vec<&str> = open.map(|region| region.id.as_str()).collect();
    json!({
        "id": image.number,
        "name": image.description,
        "type": if is_application(image) { "snapshot" } else { "base" },
        "distribution": image.os,
        "slug": image.id,
        "public": true,
        "regions": regions,
        "created_at": "2025-08-11T08:00:00Z",
        "min_disk_size": 7,
        "size_gigabytes": 2.36,
        "description": image.description,
        "tags": [],
        "status": "available",
        "error_message": "",
    })
}

fn show_snapshot(world: &World, own: &Snapshot) -> Value {
    let system = world.offer.image(&own.image);
    json!({
        "id": own.id,
        "name": own.name,
        "type": "snapshot",
        "distribution": system.map_or("Unknown", |system| &system.os),
        "slug": null,
        "public": false,
        "regions": snapshots::regions_of(world, own),
        "created_at": moment(own.created),
        "min_disk_size": own.disk_gb,
        "size_gigabytes": snapshots::gigabytes(own),
        "description": own.extra.get("description").cloned().unwrap_or(json!("")),
        "tags": own.tags,
        "status": "available",
        "error_message": "",
    })
}
