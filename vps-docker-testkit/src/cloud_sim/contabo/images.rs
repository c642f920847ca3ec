//! Images: the systems that are offered, and custom ones, which are fetched from where the client says.

use axum::extract::State;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::account::owned;
use super::instance_view::date_time;
use super::listing;
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::offer::Image;
use crate::cloud_sim::refusal::{Reason, Refusal};
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::World;

/// Custom ones, as the API shows them. That they can be booted stands in the offer.
const KIND: &str = "image";
/// Of all custom ones, in MB.
const SPACE_MB: u64 = 25 * 1024;
/// Of one, whatever is behind its address: nothing is fetched.
const SIZE_MB: u64 = 1024;

/// `GET /v1/compute/images`
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Answer {
    let mut shown = all(&mut sim.world());
    if let Some(wanted) = call.query("standardImage") {
        shown.retain(|own| own["standardImage"] == (wanted == "true"));
    }
    // One finds all Debians by `Debian`.
    let has = |own: &Value, field: &str, wanted: &str| {
        let text = own[field].as_str().unwrap_or("").to_lowercase();
        text.contains(&wanted.to_lowercase())
    };
    if let Some(wanted) = call.query("name") {
        shown.retain(|own| has(own, "name", wanted));
    }
    if let Some(wanted) = call.query("search") {
        shown.retain(|own| has(own, "name", wanted) || has(own, "osType", wanted));
    }
    listing::sort(&call, &mut shown, |own, field| own[field].to_string());
    Answer::ok(listing::page(&call, shown, |mut own| {
        own["tags"] = json!([]);
        own
    }))
}

/// `GET /v1/compute/images/{imageId}`
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    let own = all(&mut sim.world());
    let own = own
        .into_iter()
        .find(|own| own["imageId"] == call.param("id"));
    let own = own.ok_or_else(|| Refusal::not_found("image"))?;
    Ok(Answer::ok(listing::one(&call, own)))
}

/// `POST /v1/compute/images`
pub(super) async fn create(State(sim): State<Sim>, call: Call) -> Reply {
    let text = |field: &str| call.json_text(field).unwrap_or("").to_owned();
    let url = text("url");
    let format = match url.rsplit('.').next() {
        Some(format @ ("iso" | "qcow2")) => format.to_owned(),
        _ => return Err(Refusal::invalid("url", "must end in .iso or .qcow2")),
    };
    let mut world = sim.world();
    let id = world.next_id();
    let now = date_time(Timestamp::now());
    let (name, os) = (text("name"), text("osType"));
    let image = owned(json!({
        "imageId": id.uuid(),
        "name": name,
        "description": text("description"),
        "url": url,
        "sizeMb": SIZE_MB,
        "uploadedSizeMb": SIZE_MB,
        "osType": os,
        "version": text("version"),
        "format": format,
        "status": "downloaded",
        "errorMessage": "",
        "standardImage": false,
        "creationDate": now,
        "lastModifiedDate": now,
    }));
    world.others(KIND).insert(id, image);
    let bootable = Image::of(&id.uuid(), 0, &os.to_lowercase(), &text("version"), &name);
    world.offer.images.push(bootable);
    let made = owned(json!({"imageId": id.uuid()}));
    Ok(Answer::created(listing::one(&call, made)))
}

/// `PATCH /v1/compute/images/{imageId}`
pub(super) async fn update(State(sim): State<Sim>, call: Call) -> Reply {
    let mut world = sim.world();
    let id = custom(&mut world, &call)?;
    if let Some(image) = world.others(KIND).get_mut(&id) {
        for field in ["name", "description"] {
            if let Some(text) = call.json_text(field) {
                image[field] = text.into();
            }
        }
        image["lastModifiedDate"] = date_time(Timestamp::now()).into();
    }
    let changed = owned(json!({"imageId": id.uuid()}));
    Ok(Answer::ok(listing::one(&call, changed)))
}

/// `DELETE /v1/compute/images/{imageId}`
pub(super) async fn delete(State(sim): State<Sim>, call: Call) -> Reply {
    let mut world = sim.world();
    let id = custom(&mut world, &call)?;
    world.others(KIND).remove(&id);
    world.offer.images.retain(|image| image.id != id.uuid());
    Ok(Answer::no_content())
}

/// `GET /v1/compute/images/stats`
pub(super) async fn stats(State(sim): State<Sim>, call: Call) -> Answer {
    let count = sim.world().others(KIND).len();
    let used = SIZE_MB * count as u64;
    let stats = owned(json!({
        "currentImagesCount": count,
        "totalSizeMb": SPACE_MB,
        "usedSizeMb": used,
        "freeSizeMb": SPACE_MB.saturating_sub(used),
    }));
    Answer::ok(listing::one(&call, stats))
}

/// The custom image that the call is about.
fn custom(world: &mut World, call: &Call) -> Result<Id, Refusal> {
    let text = call.param("id");
    let id = Id::from_uuid(text).filter(|id| world.others(KIND).contains_key(id));
    match id {
        Some(id) => Ok(id),
        None if world.offer.image(text).is_some() => {
            let why = "a standard image cannot be changed";
            Err(Refusal::new(Reason::Own(403, "standard"), why))
        }
        None => Err(Refusal::not_found("image")),
    }
}

fn all(world: &mut World) -> Vec<Value> {
    let custom: Vec<Value> = world.others(KIND).values().cloned().collect();
    let is_custom = |image: &&Image| custom.iter().any(|own| own["imageId"] == image.id.as_str());
    let standard = world.offer.images.iter().filter(|image| !is_custom(image));
    let mut all: Vec<Value> = standard.map(show_standard).collect();
    all.extend(custom);
    all
}

fn show_standard(image: &Image) -> Value {
    let is_windows = image.os == "windows";
    owned(json!({
        "imageId": image.id,
        "name": image.description,
        "description": format!("{} {}", image.os, image.version),
        "url": "",
        "sizeMb": 2048,
        "uploadedSizeMb": 0,
        "osType": if is_windows { "Windows" } else { "Linux" },
        "version": image.version,
        "format": "qcow2",
        "status": "downloaded",
        "errorMessage": "",
        "standardImage": true,
        "creationDate": "2025-02-03T09:15:00.000Z",
        "lastModifiedDate": "2026-08-04T09:15:00.000Z",
    }))
}
