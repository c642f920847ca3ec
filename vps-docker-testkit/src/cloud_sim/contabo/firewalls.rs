//! Firewalls. They are kept and shown; nothing is filtered by them. Whether an add-on has to be bought before one is
//! assigned is not stated; here it has not.

use axum::extract::State;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::account::owned;
use super::instance_view::{self as view, date_time};
use super::listing;
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::refusal::{Reason, Refusal};
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::{Instance, World};

const KIND: &str = "firewall";
/// Where a firewall keeps the ids of what stands behind it.
const ASSIGNED: &str = "assigned";

/// `GET /v1/firewalls`
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Answer {
    let name = call.query("name");
    let wanted = listing::listed(&call, "instanceIds");
    let mut world = sim.world();
    let own: Vec<Value> = world.others(KIND).values().cloned().collect();
    let mut own: Vec<Value> = own.iter().map(|own| show_firewall(&world, own)).collect();
    own.retain(|own| {
        let behind = own["instances"].as_array().into_iter().flatten();
        let mut behind = behind.map(|instance| instance["instanceId"].to_string());
        name.is_none_or(|name| own["name"] == name)
            && wanted
                .as_ref()
                .is_none_or(|wanted| behind.any(|id| wanted.contains(&id.as_str())))
    });
    listing::sort(&call, &mut own, |own, field| own[field].to_string());
    Answer::ok(listing::page(&call, own, |own| own))
}

/// `POST /v1/firewalls`
pub(super) async fn create(State(sim): State<Sim>, call: Call) -> Reply {
    let body: Value = call.body()?;
    let rules = rules(&body)?;
    let mut world = sim.world();
    let id = world.next_id();
    let now = date_time(Timestamp::now());
    let firewall = owned(json!({
        "firewallId": id.uuid(),
        "name": body["name"],
        "description": body["description"].as_str().unwrap_or(""),
        "status": body["status"],
        "rules": rules,
        "createdDate": now,
        "updatedDate": now,
        ASSIGNED: [],
    }));
    let shown = show_firewall(&world, &firewall);
    world.others(KIND).insert(id, firewall);
    Ok(Answer::created(listing::one(&call, shown)))
}

/// `GET /v1/firewalls/{firewallId}`
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.uuid("id", KIND)?;
    let mut world = sim.world();
    let firewall = one(&mut world, id)?.clone();
    Ok(Answer::ok(listing::one(
        &call,
        show_firewall(&world, &firewall),
    )))
}

/// `PATCH /v1/firewalls/{firewallId}`
pub(super) async fn update(State(sim): State<Sim>, call: Call) -> Reply {
    change(&sim, &call, |firewall, body| {
        for field in ["name", "status", "description"] {
            if body[field].is_string() {
                firewall[field] = body[field].clone();
            }
        }
        Ok(())
    })
}

/// `PUT /v1/firewalls/{firewallId}`: all rules at once.
pub(super) async fn set_rules(State(sim): State<Sim>, call: Call) -> Reply {
    change(&sim, &call, |firewall, body| {
        firewall["rules"] = rules(body)?;
        Ok(())
    })
}

fn change(
    sim: &Sim,
    call: &Call,
    change: impl FnOnce(&mut Value, &Value) -> Result<(), Refusal>,
) -> Reply {
    let id = call.uuid("id", KIND)?;
    let body: Value = call.body()?;
    let mut world = sim.world();
    let firewall = one(&mut world, id)?;
    change(firewall, &body)?;
    firewall["updatedDate"] = date_time(Timestamp::now()).into();
    let firewall = firewall.clone();
    Ok(Answer::ok(listing::one(
        call,
        show_firewall(&world, &firewall),
    )))
}

/// `DELETE /v1/firewalls/{firewallId}`: not while an instance stands behind it.
pub(super) async fn delete(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.uuid("id", KIND)?;
    let mut world = sim.world();
    let firewall = one(&mut world, id)?.clone();
    if behind(&world, &firewall).next().is_some() {
        let why = "the firewall has instances attached to it";
        return Err(Refusal::new(Reason::Own(409, "assigned"), why));
    }
    world.others(KIND).remove(&id);
    Ok(Answer::no_content())
}

/// `POST /v1/firewalls/{firewallId}/instances/{instanceId}`
pub(super) async fn assign(State(sim): State<Sim>, call: Call) -> Reply {
    let (id, instance) = (call.uuid("id", KIND)?, call.id("instance", "instance")?);
    let mut world = sim.world();
    world.instance(instance, "instance")?;
    let firewall = one(&mut world, id)?;
    if is_behind(firewall, instance) {
        let why = "the instance is already assigned to the firewall";
        return Err(Refusal::new(Reason::Own(409, "assigned"), why));
    }
    if let Some(assigned) = firewall[ASSIGNED].as_array_mut() {
        assigned.push(json!(instance));
    }
    Ok(Answer::created(assignment_links(&call)))
}

/// `DELETE /v1/firewalls/{firewallId}/instances/{instanceId}`
pub(super) async fn unassign(State(sim): State<Sim>, call: Call) -> Reply {
    let (id, instance) = (call.uuid("id", KIND)?, call.id("instance", "instance")?);
    let mut world = sim.world();
    let firewall = one(&mut world, id)?;
    if !is_behind(firewall, instance) {
        return Err(Refusal::not_found("instance of the firewall"));
    }
    if let Some(assigned) = firewall[ASSIGNED].as_array_mut() {
        assigned.retain(|own| *own != json!(instance));
    }
    Ok(Answer::ok(assignment_links(&call)))
}

/// `GET /v1/firewalls/preset-rules`
pub(super) async fn presets(call: Call) -> Answer {
    let preset = |name: &str, protocol: &str, port: &str| {
        let rule = json!({
            "action": "accept",
            "status": "active",
            "srcCidr": {"ipv4": [], "ipv6": []},
            "protocol": protocol,
            "destPorts": [port],
        });
        json!({"name": name, "macro": {"inbound": [rule]}})
    };
    let presets = [
        preset("SSH", "tcp", "22"),
        preset("HTTP", "tcp", "80"),
        preset("HTTPS", "tcp", "443"),
        preset("DNS", "udp", "53"),
    ];
    Answer::ok(listing::page(&call, presets.to_vec(), |preset| preset))
}

/// What a document asks for. "Currently only `accept` is supported", and ICMP knows no ports.
fn rules(body: &Value) -> Result<Value, Refusal> {
    let mut wanted = body["rules"]["inbound"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for rule in &mut wanted {
        if rule["action"] != "accept" {
            return Err(Refusal::invalid("action", "only accept is supported"));
        }
        let ports = rule["destPorts"]
            .as_array()
            .is_some_and(|ports| !ports.is_empty());
        if rule["protocol"] == "icmp" && ports {
            return Err(Refusal::invalid("destPorts", "not available for icmp"));
        }
        if !rule["displayName"].is_string() {
            rule["displayName"] = "".into();
        }
    }
    Ok(json!({"inbound": wanted}))
}

fn one(world: &mut World, id: Id) -> Result<&mut Value, Refusal> {
    world
        .others(KIND)
        .get_mut(&id)
        .ok_or_else(|| Refusal::not_found(KIND))
}

fn is_behind(firewall: &Value, instance: Id) -> bool {
    let assigned = firewall[ASSIGNED].as_array();
    assigned.is_some_and(|assigned| assigned.contains(&json!(instance)))
}

/// The instances that stand behind it and are still there.
fn behind<'a>(world: &'a World, firewall: &'a Value) -> impl Iterator<Item = &'a Instance> {
    let assigned = firewall[ASSIGNED].as_array().into_iter().flatten();
    assigned.filter_map(|id| world.instances.get(&Id(id.as_u64()?)))
}

fn show_firewall(world: &World, firewall: &Value) -> Value {
    let instances: Vec<Value> = behind(world, firewall)
        .map(|own| show_instance(world, own))
        .collect();
    let statuses = behind(world, firewall).map(|own| json!({"instanceId": own.id, "status": "ok"}));
    let statuses: Vec<Value> = statuses.collect();
    let mut shown = firewall.clone();
    shown["instances"] = json!(instances);
    shown["instanceStatus"] = json!(statuses);
    if let Some(shown) = shown.as_object_mut() {
        shown.remove(ASSIGNED);
    }
    shown
}

fn show_instance(world: &World, instance: &Instance) -> Value {
    let whole = view::show(world, instance);
    let region = world.offer.region(&instance.region);
    json!({
        "instanceId": instance.id,
        "displayName": instance.name,
        "name": view::name(instance),
        "productId": instance.plan,
        "ipConfig": whole["ipConfig"],
        "regionSlug": instance.region,
        "regionName": whole["regionName"],
        "dataCenterSlug": region.and_then(|region| region.extra.get("slug")),
        "dataCenterName": whole["dataCenter"],
    })
}

fn assignment_links(call: &Call) -> Value {
    json!({"_links": {
        "self": call.path(),
        "firewall": format!("/v1/firewalls/{}", call.param("id")),
        "instance": format!("/v1/compute/instances/{}", call.param("instance")),
    }})
}
