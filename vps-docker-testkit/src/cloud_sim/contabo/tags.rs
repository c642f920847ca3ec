//! Tags, and what they are assigned to. A listing of instances knows nothing of them.

use axum::extract::State;
use serde_json::{Value, json};

use super::account::owned;
use super::listing;
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::refusal::{Reason, Refusal};
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::World;

const KIND: &str = "tag";
/// Where a tag keeps what it is assigned to: pairs of kind and id. Not for answers.
const ASSIGNED: &str = "assigned";
const INSTANCE: &str = "instance";
const DEFAULT_COLOR: &str = "#0A78C3";

/// `GET /v1/tags`
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Answer {
    let name = call.query("name");
    let mut world = sim.world();
    let own = world
        .others(KIND)
        .values()
        .filter(|tag| name.is_none_or(|name| tag["name"] == name));
    let mut own: Vec<Value> = own.map(show_tag).collect();
    listing::sort(&call, &mut own, |tag, field| match field {
        "name" => (tag[field].to_string(), tag["tagId"].as_u64()),
        _ => (String::new(), tag["tagId"].as_u64()),
    });
    Answer::ok(listing::page(&call, own, |tag| tag))
}

/// `POST /v1/tags`
pub(super) async fn create(State(sim): State<Sim>, call: Call) -> Reply {
    let name = call.json_text("name").unwrap_or("");
    check_name(name)?;
    let color = call.json_text("color").unwrap_or(DEFAULT_COLOR);
    check_color(color)?;
    let mut world = sim.world();
    check_is_new(&mut world, name, None)?;
    let id = world.next_id();
    let tag = owned(json!({
        "tagId": id,
        "name": name,
        "color": color,
        "description": call.json_text("description").unwrap_or(""),
        ASSIGNED: [],
    }));
    world.others(KIND).insert(id, tag);
    Ok(Answer::created(listing::one(
        &call,
        owned(json!({"tagId": id})),
    )))
}

/// `GET /v1/tags/{tagId}`
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", KIND)?;
    let shown = show_tag(one(&mut sim.world(), id)?);
    Ok(Answer::ok(listing::one(&call, shown)))
}

/// `PATCH /v1/tags/{tagId}`
pub(super) async fn update(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", KIND)?;
    let mut world = sim.world();
    one(&mut world, id)?;
    if let Some(name) = call.json_text("name") {
        check_name(name)?;
        check_is_new(&mut world, name, Some(id))?;
        rename_at_instances(&mut world, id, name)?;
    }
    call.json_text("color").map_or(Ok(()), check_color)?;
    let tag = one(&mut world, id)?;
    for field in ["name", "color", "description"] {
        if let Some(text) = call.json_text(field) {
            tag[field] = text.into();
        }
    }
    Ok(Answer::ok(listing::links(&call)))
}

/// `DELETE /v1/tags/{tagId}`: not while it is assigned.
pub(super) async fn delete(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", KIND)?;
    let mut world = sim.world();
    if !assigned(&mut world, id)?.is_empty() {
        let why = "the tag is assigned, remove its assignments first";
        return Err(Refusal::new(Reason::Own(409, "assigned"), why));
    }
    world.others(KIND).remove(&id);
    Ok(Answer::no_content())
}

/// `GET /v1/tags/{tagId}/assignments`
pub(super) async fn assignments(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", KIND)?;
    let kind = call.query("resourceType");
    let mut world = sim.world();
    let mut own = assigned(&mut world, id)?;
    own.retain(|(own, _)| kind.is_none_or(|kind| own == kind));
    let tag = one(&mut world, id)?.clone();
    Ok(Answer::ok(listing::page(&call, own, |own| {
        show_assignment(&world, &tag, &own)
    })))
}

/// `GET /v1/tags/{tagId}/assignments/{resourceType}/{resourceId}`
pub(super) async fn assignment(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", KIND)?;
    let mut world = sim.world();
    let wanted = resource(&call);
    if !assigned(&mut world, id)?.contains(&wanted) {
        return Err(Refusal::not_found("assignment"));
    }
    let tag = one(&mut world, id)?.clone();
    let shown = show_assignment(&world, &tag, &wanted);
    Ok(Answer::ok(
        json!({"data": [shown], "_links": assignment_links(&call)}),
    ))
}

/// `POST /v1/tags/{tagId}/assignments/{resourceType}/{resourceId}`
pub(super) async fn assign(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", KIND)?;
    let mut world = sim.world();
    let wanted = resource(&call);
    check_resource(&world, &wanted)?;
    let mut own = assigned(&mut world, id)?;
    if own.contains(&wanted) {
        let why = "the tag is already assigned to the resource";
        return Err(Refusal::new(Reason::Own(409, "assigned"), why));
    }
    own.push(wanted);
    let tag = one(&mut world, id)?;
    tag[ASSIGNED] = json!(own);
    let name = tag["name"].as_str().unwrap_or("").to_owned();
    if let Some(instance) = instance_of(&call).and_then(|id| world.instances.get_mut(&id)) {
        instance.tags.insert(name);
    }
    Ok(Answer::created(json!({"_links": assignment_links(&call)})))
}

/// `DELETE /v1/tags/{tagId}/assignments/{resourceType}/{resourceId}`
pub(super) async fn unassign(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", KIND)?;
    let mut world = sim.world();
    let wanted = resource(&call);
    let mut own = assigned(&mut world, id)?;
    let before = own.len();
    own.retain(|own| *own != wanted);
    if own.len() == before {
        return Err(Refusal::not_found("assignment"));
    }
    let tag = one(&mut world, id)?;
    tag[ASSIGNED] = json!(own);
    let name = tag["name"].as_str().unwrap_or("").to_owned();
    if let Some(instance) = instance_of(&call).and_then(|id| world.instances.get_mut(&id)) {
        instance.tags.remove(&name);
    }
    Ok(Answer::no_content())
}

/// Kind and id of what the call is about.
fn resource(call: &Call) -> (String, String) {
    (
        call.param("kind").to_owned(),
        call.param("resource").to_owned(),
    )
}

fn instance_of(call: &Call) -> Option<Id> {
    let id = Id::from_number(call.param("resource"));
    id.filter(|_| call.param("kind") == INSTANCE)
}

fn check_resource(world: &World, (kind, id): &(String, String)) -> Result<(), Refusal> {
    let is_there = match kind.as_str() {
        INSTANCE => Id::from_number(id).is_some_and(|id| world.instances.contains_key(&id)),
        "image" => world.offer.image(id).is_some(),
        "object-storage" => false,
        _ => {
            let why = "must be instance, image or object-storage";
            return Err(Refusal::invalid("resourceType", why));
        }
    };
    is_there
        .then_some(())
        .ok_or_else(|| Refusal::not_found(kind))
}

/// What a tag is assigned to and is still there.
fn assigned(world: &mut World, id: Id) -> Result<Vec<(String, String)>, Refusal> {
    let own = one(world, id)?[ASSIGNED].clone();
    let mut own: Vec<(String, String)> = serde_json::from_value(own).unwrap_or_default();
    own.retain(|own| check_resource(world, own).is_ok());
    Ok(own)
}

fn one(world: &mut World, id: Id) -> Result<&mut Value, Refusal> {
    world
        .others(KIND)
        .get_mut(&id)
        .ok_or_else(|| Refusal::not_found(KIND))
}

fn rename_at_instances(world: &mut World, id: Id, name: &str) -> Result<(), Refusal> {
    let old = one(world, id)?["name"].as_str().unwrap_or("").to_owned();
    for (kind, resource) in assigned(world, id)? {
        let instance = Id::from_number(&resource).filter(|_| kind == INSTANCE);
        if let Some(instance) = instance.and_then(|id| world.instances.get_mut(&id)) {
            instance.tags.remove(&old);
            instance.tags.insert(name.to_owned());
        }
    }
    Ok(())
}

/// "Letters, numbers, colons, dashes, and underscores", 255 of them.
fn check_name(name: &str) -> Result<(), Refusal> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || "_:-".contains(c);
    if (1..=255).contains(&name.len()) && name.chars().all(is_good) {
        return Ok(());
    }
    let why = "may have 255 letters, numbers, colons, dashes and underscores";
    Err(Refusal::invalid("name", why))
}

fn check_color(color: &str) -> Result<(), Refusal> {
    let digits = color.strip_prefix('#').unwrap_or("");
    if matches!(digits.len(), 3 | 6) && digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err(Refusal::invalid(
        "color",
        "must be a hexadecimal value such as #0A78C3",
    ))
}

fn check_is_new(world: &mut World, name: &str, except: Option<Id>) -> Result<(), Refusal> {
    let mut others = world
        .others(KIND)
        .iter()
        .filter(|(id, _)| Some(**id) != except);
    if others.any(|(_, tag)| tag["name"] == name) {
        return Err(Refusal::new(
            Reason::NameTaken,
            "a tag of this name already exists",
        ));
    }
    Ok(())
}

fn show_tag(tag: &Value) -> Value {
    let mut shown = tag.clone();
    if let Some(shown) = shown.as_object_mut() {
        shown.remove(ASSIGNED);
    }
    shown
}

fn show_assignment(world: &World, tag: &Value, (kind, id): &(String, String)) -> Value {
    let instance = Id::from_number(id).and_then(|id| world.instances.get(&id));
    let name = match (instance, world.offer.image(id)) {
        (Some(instance), _) => super::instance_view::name(instance),
        (None, Some(image)) => image.description.clone(),
        (None, None) => id.clone(),
    };
    owned(json!({
        "tagId": tag["tagId"],
        "tagName": tag["name"],
        "resourceType": kind,
        "resourceId": id,
        "resourceName": name,
    }))
}

fn assignment_links(call: &Call) -> Value {
    let (kind, id) = resource(call);
    json!({
        "self": call.path(),
        "tag": format!("/v1/tags/{}", call.param("id")),
        "_resource": format!("/v1/compute/{kind}s/{id}"),
    })
}
