//! Firewalls. They are kept and shown; nothing is filtered by them. Droplets stand behind one by their id or by a
//! tag.

use axum::extract::State;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::refusals::unprocessable;
use super::{ids, listing, moment, tags, texts};
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::refusal::{Reason, Refusal};
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::World;

const KIND: &str = "firewall";
/// The limits at <https://docs.digitalocean.com/products/networking/firewalls/details/limits/>: for one firewall.
const MOST_DROPLETS: usize = 10;
const MOST_TAGS: usize = 5;
const MOST_RULES: usize = 50;

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/firewalls_list>
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Answer {
    let all = sim.world().others(KIND).values().cloned().collect();
    listing::page(&sim, &call, "firewalls", all, |firewall| firewall)
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/firewalls_create>: it begins to work by and
/// by.
pub(super) async fn create(State(sim): State<Sim>, call: Call) -> Reply {
    let body: Value = call.body()?;
    let mut world = sim.world();
    let id = world.next_id();
    let firewall = read(&mut world, &body, id)?;
    world.others(KIND).insert(id, firewall.clone());
    Ok(Answer::accepted(json!({"firewall": pending(firewall)})))
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/firewalls_get>
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.uuid("id", KIND)?;
    let firewall = one(&mut sim.world(), id)?.clone();
    Ok(Answer::ok(json!({"firewall": firewall})))
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/firewalls_update>: what is left out is
/// emptied.
pub(super) async fn update(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.uuid("id", KIND)?;
    let body: Value = call.body()?;
    let mut world = sim.world();
    let created = one(&mut world, id)?["created_at"].clone();
    let mut firewall = read(&mut world, &body, id)?;
    firewall["created_at"] = created;
    world.others(KIND).insert(id, firewall.clone());
    Ok(Answer::ok(json!({"firewall": pending(firewall)})))
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/firewalls_delete>: also while droplets stand
/// behind it.
pub(super) async fn delete(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.uuid("id", KIND)?;
    let mut world = sim.world();
    one(&mut world, id)?;
    world.others(KIND).remove(&id);
    Ok(Answer::no_content())
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/firewalls_assign_droplets>, and tags, and
/// rules.
pub(super) async fn add(State(sim): State<Sim>, call: Call) -> Reply {
    alter(&sim, &call, |own, more| {
        for entry in more {
            if !own.contains(&entry) {
                own.push(entry);
            }
        }
    })
}

/// The same the other way round.
pub(super) async fn remove(State(sim): State<Sim>, call: Call) -> Reply {
    alter(&sim, &call, |own, less| {
        own.retain(|entry| !less.contains(entry));
    })
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/droplets_list_firewalls>
pub(super) async fn of_droplet(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "droplet")?;
    let mut world = sim.world();
    let tags = world.instance(id, "droplet")?.tags.clone();
    let own = world.others(KIND).values().filter(|firewall| {
        ids(&firewall["droplet_ids"]).contains(&id)
            || texts(&firewall["tags"])
                .iter()
                .any(|tag| tags.contains(tag))
    });
    let own = own.cloned().collect();
    Ok(listing::page(&sim, &call, "firewalls", own, |firewall| {
        firewall
    }))
}

/// Takes a droplet that has gone out of all firewalls.
pub(super) fn leave(world: &mut World, droplet: Id) {
    for firewall in world.others(KIND).values_mut() {
        if let Some(own) = firewall["droplet_ids"].as_array_mut() {
            own.retain(|id| *id != droplet.0);
        }
    }
}

fn one(world: &mut World, id: Id) -> Result<&mut Value, Refusal> {
    world
        .others(KIND)
        .get_mut(&id)
        .ok_or_else(|| Refusal::not_found(KIND))
}

/// Applies the lists of a request to those of a firewall, unless the outcome is unfit.
fn alter(sim: &Sim, call: &Call, apply: fn(&mut Vec<Value>, Vec<Value>)) -> Reply {
    let id = call.uuid("id", KIND)?;
    let body: Value = call.body()?;
    let fields: &[&str] = match call.param("part") {
        "droplets" => &["droplet_ids"],
        "tags" => &["tags"],
        "rules" => &["inbound_rules", "outbound_rules"],
        _ => return Err(Refusal::not_found("path")),
    };
    let mut world = sim.world();
    let mut changed = one(&mut world, id)?.clone();
    for field in fields {
        let sent = body[*field].as_array().cloned().unwrap_or_default();
        let sent = if field.ends_with("rules") {
            rules(&json!({ *field: sent }), field)?
        } else {
            sent
        };
        if let Some(own) = changed[*field].as_array_mut() {
            apply(own, sent);
        }
    }
    check(&mut world, &changed)?;
    *one(&mut world, id)? = changed;
    Ok(Answer::no_content())
}

/// A firewall as it is kept and shown.
fn read(world: &mut World, body: &Value, id: Id) -> Result<Value, Refusal> {
    let name = body["name"].as_str().unwrap_or("");
    let starts = |c: char| c.is_ascii_alphanumeric();
    let legal = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
    if name.len() < 2 || !name.starts_with(starts) || !name.chars().all(legal) {
        return Err(unprocessable("name should be alphanumeric"));
    }
    let mut others = world.others(KIND).iter();
    if others.any(|(other, own)| own["name"] == name && *other != id) {
        return Err(Refusal::new(Reason::NameTaken, "duplicate name"));
    }
    let firewall = json!({
        "id": id.uuid(),
        "name": name,
        "status": "succeeded",
        "created_at": moment(Timestamp::now()),
        "inbound_rules": rules(body, "inbound_rules")?,
        "outbound_rules": rules(body, "outbound_rules")?,
        "droplet_ids": ids(&body["droplet_ids"]),
        "tags": texts(&body["tags"]),
        "pending_changes": [],
    });
    check(world, &firewall)?;
    Ok(firewall)
}

/// What a firewall may have, and whether what it names is there.
fn check(world: &mut World, firewall: &Value) -> Result<(), Refusal> {
    let rules = |field: &str| firewall[field].as_array().map_or(0, Vec::len);
    if rules("inbound_rules") + rules("outbound_rules") > MOST_RULES {
        return Err(unprocessable("too many rules, at most 50"));
    }
    let (droplets, tags) = (ids(&firewall["droplet_ids"]), texts(&firewall["tags"]));
    if droplets.len() > MOST_DROPLETS {
        return Err(unprocessable("too many droplets, at most 10; use a tag"));
    }
    if tags.len() > MOST_TAGS {
        return Err(unprocessable("too many tags, at most 5"));
    }
    if droplets.iter().any(|id| !world.instances.contains_key(id)) {
        return Err(unprocessable("droplet not found"));
    }
    for tag in tags {
        tags::check_known(world, &tag).map_err(|_| unprocessable("tag not found"))?;
    }
    Ok(())
}

/// Rules as they are shown: all ports are `0`, also when they were sent as `all`.
fn rules(body: &Value, field: &str) -> Result<Vec<Value>, Refusal> {
    let mut shown: Vec<Value> = Vec::new();
    for rule in body[field].as_array().into_iter().flatten() {
        let mut rule = rule.clone();
        if rule["protocol"] == "icmp" || rule["ports"] == "all" {
            rule["ports"] = json!("0");
        }
        let side = if field == "inbound_rules" {
            "sources"
        } else {
            "destinations"
        };
        if rule[side].as_object().is_none_or(serde_json::Map::is_empty) {
            return Err(unprocessable(format!("{side} must not be empty")));
        }
        if shown.contains(&rule) {
            return Err(unprocessable("duplicate rule"));
        }
        shown.push(rule);
    }
    Ok(shown)
}

/// As the answer to a change shows it: not yet at work.
fn pending(mut firewall: Value) -> Value {
    let droplets = ids(&firewall["droplet_ids"]).into_iter();
    let changes = droplets
        .map(|id| json!({"droplet_id": id, "removing": false, "status": "waiting"}))
        .collect::<Vec<Value>>();
    firewall["status"] = json!("waiting");
    firewall["pending_changes"] = Value::Array(changes);
    firewall
}
