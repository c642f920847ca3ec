//! Firewalls. They are kept and shown; nothing is filtered by them.

use axum::extract::State;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::actions::show_by_id;
use super::labels::{self, Labels, Selector};
use super::listing;
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::refusal::{Reason, Refusal};
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::{Instance, World};

const KIND: &str = "firewall";
/// Where a server keeps the ids of its own.
const FIREWALLS: &str = "firewalls";
/// Most rules of one firewall.
const MOST_RULES: usize = 50;

/// <https://docs.hetzner.cloud/#firewalls-get-all-firewalls>
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Reply {
    let selector = Selector::parse(call.query("label_selector").unwrap_or(""))?;
    let name = call.query("name");
    let mut world = sim.world();
    let own = world.others(KIND).values().filter(|firewall| {
        let labels: Labels = serde_json::from_value(firewall["labels"].clone()).unwrap_or_default();
        name.is_none_or(|name| firewall["name"] == name) && selector.selects(&labels)
    });
    let mut own: Vec<Value> = own.cloned().collect();
    listing::sort(&call, &mut own, |firewall, field| match field {
        "name" | "created" => (firewall[field].to_string(), firewall["id"].as_u64()),
        _ => (String::new(), firewall["id"].as_u64()),
    });
    Ok(listing::page(&sim, &call, "firewalls", own, |firewall| {
        firewall
    }))
}

/// <https://docs.hetzner.cloud/#firewalls-create-a-firewall>
pub(super) async fn create(State(sim): State<Sim>, call: Call) -> Reply {
    let body: Value = call.body()?;
    let wanted = labels::of_body(&body)?.unwrap_or_default();
    let rules = rules(&body)?;
    let mut world = sim.world();
    check_name(&mut world, &body["name"], None)?;
    let servers = servers(&world, &body["apply_to"])?;
    let id = world.next_id();
    let firewall = json!({
        "id": id,
        "name": body["name"],
        "labels": wanted,
        "created": Timestamp::now().to_string(),
        "rules": rules,
        "applied_to": [],
    });
    world.others(KIND).insert(id, firewall);
    let mut actions = vec![world.instantly("set_firewall_rules", id)];
    for server in servers {
        apply(&mut world, id, server);
        actions.push(world.instantly("apply_firewall", id));
    }
    let actions: Vec<Value> = actions
        .into_iter()
        .map(|id| show_by_id(&world, id))
        .collect();
    let firewall = one(&mut world, id)?.clone();
    Ok(Answer::created(
        json!({"firewall": firewall, "actions": actions}),
    ))
}

/// <https://docs.hetzner.cloud/#firewalls-get-a-firewall>
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", KIND)?;
    let firewall = one(&mut sim.world(), id)?.clone();
    Ok(Answer::ok(json!({"firewall": firewall})))
}

/// <https://docs.hetzner.cloud/#firewalls-update-a-firewall>
pub(super) async fn update(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", KIND)?;
    let body: Value = call.body()?;
    let wanted = labels::of_body(&body)?;
    let mut world = sim.world();
    one(&mut world, id)?;
    if body["name"].is_string() {
        check_name(&mut world, &body["name"], Some(id))?;
    }
    let firewall = one(&mut world, id)?;
    if body["name"].is_string() {
        firewall["name"] = body["name"].clone();
    }
    if let Some(wanted) = wanted {
        firewall["labels"] = json!(wanted);
    }
    let firewall = firewall.clone();
    Ok(Answer::ok(json!({"firewall": firewall})))
}

/// <https://docs.hetzner.cloud/#firewalls-delete-a-firewall>: not while a server stands behind it.
pub(super) async fn delete(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", KIND)?;
    let mut world = sim.world();
    let firewall = one(&mut world, id)?;
    if firewall["applied_to"]
        .as_array()
        .is_some_and(|applied| !applied.is_empty())
    {
        let why = "firewall is still in use";
        return Err(Refusal::new(Reason::Own(422, "resource_in_use"), why));
    }
    world.others(KIND).remove(&id);
    Ok(Answer::no_content())
}

/// <https://docs.hetzner.cloud/#firewall-actions>
pub(super) async fn act(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", KIND)?;
    let body: Value = call.body()?;
    let mut world = sim.world();
    one(&mut world, id)?;
    let mut done = Vec::new();
    match call.param("action") {
        "set_rules" => {
            let rules = rules(&body)?;
            one(&mut world, id)?["rules"] = rules;
            done.push(world.instantly("set_firewall_rules", id));
        }
        "apply_to_resources" => {
            for server in servers(&world, &body["apply_to"])? {
                apply(&mut world, id, server);
                done.push(world.instantly("apply_firewall", id));
            }
        }
        "remove_from_resources" => {
            for server in servers(&world, &body["remove_from"])? {
                remove(&mut world, id, server);
                done.push(world.instantly("remove_firewall", id));
            }
        }
        _ => return Err(Refusal::not_found("action")),
    }
    let actions: Vec<Value> = done.into_iter().map(|id| show_by_id(&world, id)).collect();
    Ok(Answer::created(json!({"actions": actions})))
}

pub(super) fn exists(world: &World, id: Id) -> bool {
    world
        .others
        .get(KIND)
        .is_some_and(|firewalls| firewalls.contains_key(&id))
}

/// Puts a server behind a firewall. Idempotent. Both sides know it, so that neither has to search the other.
pub(super) fn apply(world: &mut World, id: Id, server: Id) {
    remove(world, id, server);
    let Some(instance) = world.instances.get_mut(&server) else {
        return;
    };
    let own = instance.extra.entry(FIREWALLS).or_insert_with(|| json!([]));
    if let Some(own) = own.as_array_mut() {
        own.push(json!(id));
    }
    let firewall = world.others(KIND).get_mut(&id);
    if let Some(applied) = firewall.and_then(|own| own["applied_to"].as_array_mut()) {
        applied.push(json!({"type": "server", "server": {"id": server}}));
    }
}

/// Takes a server that goes away out of all its firewalls.
pub(super) fn leave(world: &mut World, server: Id) {
    let own = world.instances.get(&server).map(ids_of).unwrap_or_default();
    for id in own {
        remove(world, id, server);
    }
}

/// What a server's description says of its firewalls.
pub(super) fn of_server(server: &Instance) -> Vec<Value> {
    let ids = ids_of(server).into_iter();
    ids.map(|id| json!({"id": id, "status": "applied"}))
        .collect()
}

fn ids_of(server: &Instance) -> Vec<Id> {
    let ids = server
        .extra
        .get(FIREWALLS)
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    ids.filter_map(Value::as_u64).map(Id).collect()
}

fn remove(world: &mut World, id: Id, server: Id) {
    let firewall = world.others(KIND).get_mut(&id);
    if let Some(applied) = firewall.and_then(|own| own["applied_to"].as_array_mut()) {
        applied.retain(|own| own["server"]["id"] != server.0);
    }
    let instance = world.instances.get_mut(&server);
    let own = instance.and_then(|own| own.extra.get_mut(FIREWALLS)?.as_array_mut());
    if let Some(own) = own {
        own.retain(|own| *own != id.0);
    }
}

fn one(world: &mut World, id: Id) -> Result<&mut Value, Refusal> {
    world
        .others(KIND)
        .get_mut(&id)
        .ok_or_else(|| Refusal::not_found(KIND))
}

fn check_name(world: &mut World, name: &Value, except: Option<Id>) -> Result<(), Refusal> {
    let mut others = world.others(KIND).iter();
    if others.any(|(id, own)| own["name"] == *name && Some(*id) != except) {
        let why = "firewall name is already used";
        return Err(Refusal::new(Reason::NameTaken, why).at("name"));
    }
    Ok(())
}

/// The servers that `apply_to` or `remove_from` names; selectors are not simulated.
fn servers(world: &World, list: &Value) -> Result<Vec<Id>, Refusal> {
    let resource = |resource: &Value| {
        let id = resource["server"]["id"].as_u64().map(Id).ok_or_else(|| {
            let why = "the simulator applies firewalls to servers only";
            Refusal::new(Reason::Own(422, "unsupported_error"), why)
        })?;
        world.instance(id, "server").map(|server| server.id)
    };
    list.as_array()
        .into_iter()
        .flatten()
        .map(resource)
        .collect()
}

/// Rules as they are shown: with all fields.
fn rules(body: &Value) -> Result<Value, Refusal> {
    let rules = body["rules"].as_array().cloned().unwrap_or_default();
    if rules.len() > MOST_RULES {
        return Err(Refusal::invalid("rules", "at most 50 rules"));
    }
    let mut shown = Vec::new();
    for rule in rules {
        let (inward, protocol) = (rule["direction"] == "in", rule["protocol"].as_str());
        let has_port = matches!(protocol, Some("tcp" | "udp"));
        let ips = |field: &str| rule[field].as_array().cloned().unwrap_or_default();
        let (sources, destinations) = (ips("source_ips"), ips("destination_ips"));
        if has_port != rule["port"].is_string() {
            return Err(Refusal::invalid(
                "rules",
                "port is for tcp and udp, and needed there",
            ));
        }
        if inward && sources.is_empty() || !inward && destinations.is_empty() {
            return Err(Refusal::invalid("rules", "a rule needs addresses"));
        }
        shown.push(json!({
            "direction": rule["direction"],
            "protocol": rule["protocol"],
            "port": rule["port"],
            "source_ips": sources,
            "destination_ips": destinations,
            "description": rule["description"],
        }));
    }
    Ok(Value::Array(shown))
}
