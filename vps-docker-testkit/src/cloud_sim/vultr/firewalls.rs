//! Firewall groups. They are kept and shown; nothing is filtered by them.

use axum::extract::State;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::listing;
use super::show::date;
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::refusal::{Reason, Refusal};
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::{Instance, World};

const KIND: &str = "firewall group";
/// Where an instance keeps the id of its own.
const GROUP: &str = "firewall_group";
/// Most rules of one group.
pub(super) const MOST_RULES: usize = 50;

/// <https://www.vultr.com/api/#operation/list-firewall-groups>
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Reply {
    let mut world = sim.world();
    let own = world.others(KIND).iter();
    let own = own.map(|(id, group)| (id.0, group)).collect();
    listing::page(&call, "firewall_groups", own, show_group)
}

/// <https://www.vultr.com/api/#operation/create-firewall-group>
pub(super) async fn create(State(sim): State<Sim>, call: Call) -> Reply {
    let mut world = sim.world();
    let id = world.next_id();
    let now = date(Timestamp::now());
    let group = json!({
        "id": id.uuid(),
        "description": call.json_text("description").unwrap_or(""),
        "date_created": now,
        "date_modified": now,
        "rules": [],
        "last_rule": 0,
        "instances": [],
    });
    let shown = show_group(&group);
    world.others(KIND).insert(id, group);
    Ok(Answer::created(json!({"firewall_group": shown})))
}

/// <https://www.vultr.com/api/#operation/get-firewall-group>
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    let mut world = sim.world();
    let group = by_path(&mut world, &call)?;
    Ok(Answer::ok(json!({"firewall_group": show_group(group)})))
}

/// <https://www.vultr.com/api/#operation/update-firewall-group>
pub(super) async fn update(State(sim): State<Sim>, call: Call) -> Reply {
    let mut world = sim.world();
    let group = by_path(&mut world, &call)?;
    group["description"] = json!(call.json_text("description").unwrap_or(""));
    touch(group);
    Ok(Answer::no_content())
}

/// <https://www.vultr.com/api/#operation/delete-firewall-group>
pub(super) async fn delete(State(sim): State<Sim>, call: Call) -> Reply {
    let mut world = sim.world();
    let group = by_path(&mut world, &call)?;
    if count(&group["instances"]) > 0 {
        let why = "The firewall group is in use.";
        return Err(Refusal::new(Reason::Invalid, why));
    }
    if let Some(id) = Id::from_uuid(call.param("id")) {
        world.others(KIND).remove(&id);
    }
    Ok(Answer::no_content())
}

/// The group that the path names.
pub(super) fn by_path<'a>(world: &'a mut World, call: &Call) -> Result<&'a mut Value, Refusal> {
    let id = call.uuid("id", KIND)?;
    let group = world.others(KIND).get_mut(&id);
    group.ok_or_else(|| Refusal::not_found(KIND))
}

/// Notes that a group was changed.
pub(super) fn touch(group: &mut Value) {
    group["date_modified"] = json!(date(Timestamp::now()));
}

/// The group that an instance stands behind.
pub(super) fn of(instance: &Instance) -> Option<Id> {
    instance.extra.get(GROUP)?.as_u64().map(Id)
}

/// Refuses a group that there is not.
pub(super) fn check(world: &mut World, group: Id) -> Result<(), Refusal> {
    if world.others(KIND).contains_key(&group) {
        return Ok(());
    }
    let why = "Invalid firewall_group_id.";
    Err(Refusal::invalid("firewall_group_id", why))
}

/// Puts an instance behind that group and no other. Both sides know it, so that neither has to search the other.
pub(super) fn stand_behind(world: &mut World, instance: Id, group: Option<Id>) {
    let before = world.instances.get(&instance).and_then(of);
    leave(world, instance, before);
    let Some(own) = world.instances.get_mut(&instance) else {
        return;
    };
    own.extra.remove(GROUP);
    let Some(group) = group else {
        return;
    };
    own.extra.insert(GROUP.to_owned(), json!(group));
    let group = world.others(KIND).get_mut(&group);
    if let Some(instances) = group.and_then(|group| group["instances"].as_array_mut()) {
        instances.push(json!(instance));
    }
}

/// Takes an instance that goes away out of its group.
pub(super) fn leave(world: &mut World, instance: Id, group: Option<Id>) {
    let group = group.and_then(|group| world.others(KIND).get_mut(&group));
    if let Some(instances) = group.and_then(|group| group["instances"].as_array_mut()) {
        instances.retain(|own| *own != instance.0);
    }
}

fn show_group(group: impl std::borrow::Borrow<Value>) -> Value {
    let group = group.borrow();
    json!({
        "id": group["id"],
        "description": group["description"],
        "date_created": group["date_created"],
        "date_modified": group["date_modified"],
        "instance_count": count(&group["instances"]),
        "rule_count": count(&group["rules"]),
        "max_rule_count": MOST_RULES,
    })
}

fn count(list: &Value) -> usize {
    list.as_array().map_or(0, Vec::len)
}
