//! Primary IPs: made with each server, gone with it unless `auto_delete` was taken from them; then they cost on.

use axum::extract::State;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::catalog::show_location;
use super::labels::{self, Labels, Selector};
use super::{IdOrName, listing};
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::refusal::{Reason, Refusal};
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::{Instance, World};

const KIND: &str = "primary_ip";

/// <https://docs.hetzner.cloud/#primary-ips-get-all-primary-ips>
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Reply {
    let selector = Selector::parse(call.query("label_selector").unwrap_or(""))?;
    let (name, ip) = (call.query("name"), call.query("ip"));
    let mut world = sim.world();
    refresh(&mut world);
    let own = world.others(KIND).values().filter(|own| {
        let labels: Labels = serde_json::from_value(own["labels"].clone()).unwrap_or_default();
        name.is_none_or(|name| own["name"] == name)
            && ip.is_none_or(|ip| own["ip"] == ip)
            && selector.selects(&labels)
    });
    let mut own: Vec<Value> = own.cloned().collect();
    listing::sort(&call, &mut own, |own, field| match field {
        "created" => (own["created"].to_string(), own["id"].as_u64()),
        _ => (String::new(), own["id"].as_u64()),
    });
    Ok(listing::page(&sim, &call, "primary_ips", own, |own| own))
}

/// <https://docs.hetzner.cloud/#primary-ips-create-a-primary-ip>
pub(super) async fn create(State(sim): State<Sim>, call: Call) -> Reply {
    let body: Value = call.body()?;
    let wanted = labels::of_body(&body)?.unwrap_or_default();
    if body["assignee_id"].is_number() {
        let why = "the simulator makes unassigned primary IPs only";
        return Err(Refusal::new(Reason::Own(422, "unsupported_error"), why));
    }
    let location: IdOrName = serde_json::from_value(body["location"].clone())
        .map_err(|_| Refusal::invalid("location", "is missing"))?;
    let mut world = sim.world();
    let regions = world.offer.regions.iter();
    let region = regions
        .clone()
        .find(|region| location.is(region.number, &region.id));
    let region = region.ok_or_else(|| Refusal::invalid("location", "location not found"))?;
    let location = show_location(region);
    let id = world.next_id();
    let kind = body["type"].as_str().unwrap_or("ipv4").to_owned();
    let mut made = primary_ip(id, &kind, location, body["name"].clone());
    made["labels"] = json!(wanted);
    made["auto_delete"] = json!(body["auto_delete"].as_bool().unwrap_or(false));
    made["ip"] = match kind.as_str() {
        "ipv4" => json!(World::unused_address(id).to_string()),
        _ => json!(ipv6_of(id)),
    };
    world.others(KIND).insert(id, made.clone());
    Ok(Answer::created(json!({"primary_ip": made})))
}

/// <https://docs.hetzner.cloud/#primary-ips-get-a-primary-ip>
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "primary IP")?;
    let mut world = sim.world();
    refresh(&mut world);
    let own = one(&mut world, id)?.clone();
    Ok(Answer::ok(json!({"primary_ip": own})))
}

/// <https://docs.hetzner.cloud/#primary-ips-update-a-primary-ip>
pub(super) async fn update(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "primary IP")?;
    let body: Value = call.body()?;
    let wanted = labels::of_body(&body)?;
    let mut world = sim.world();
    refresh(&mut world);
    let own = one(&mut world, id)?;
    for field in ["name", "auto_delete"] {
        if !body[field].is_null() {
            own[field] = body[field].clone();
        }
    }
    if let Some(wanted) = wanted {
        own["labels"] = json!(wanted);
    }
    Ok(Answer::ok(json!({"primary_ip": own.clone()})))
}

/// <https://docs.hetzner.cloud/#primary-ips-delete-a-primary-ip>: not one that a server has.
pub(super) async fn delete(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "primary IP")?;
    let mut world = sim.world();
    if one(&mut world, id)?["assignee_id"].is_number() {
        let why = "primary IP is assigned to a server, which must be off to lose it";
        return Err(Refusal::new(Reason::Own(422, "must_be_unassigned"), why));
    }
    world.others(KIND).remove(&id);
    Ok(Answer::no_content())
}

/// Those of a new server.
pub(super) fn add_for(world: &mut World, server: Id, ipv4: bool, ipv6: bool) {
    let Some(region) = world
        .instances
        .get(&server)
        .map(|server| server.region.clone())
    else {
        return;
    };
    let location = world
        .offer
        .region(&region)
        .map_or(Value::Null, show_location);
    for kind in ["ipv4", "ipv6"]
        .into_iter()
        .zip([ipv4, ipv6])
        .filter(|(_, on)| *on)
    {
        let id = world.next_id();
        let name = json!(format!("primary_ip-{id}"));
        let mut made = primary_ip(id, kind.0, location.clone(), name);
        made["assignee_id"] = json!(server);
        made["assignee_type"] = json!("server");
        made["auto_delete"] = json!(true);
        // Known later, perhaps: `refresh`.
        let address = world.instances.get(&server).and_then(Instance::address);
        made["ip"] = match kind.0 {
            "ipv4" => json!(address.map_or_else(String::new, |address| address.to_string())),
            _ => json!(ipv6_of(server)),
        };
        world.others(KIND).insert(id, made);
        if let Some(server) = world.instances.get_mut(&server) {
            server
                .extra
                .insert(format!("primary_{}", kind.0), json!(id));
        }
    }
}

/// Those of a server that goes away: gone with it, or left over.
pub(super) fn release(world: &mut World, server: Id) {
    for kind in ["ipv4", "ipv6"] {
        let Some(id) = of(world, server, kind).map(Id) else {
            continue;
        };
        let all = world.others(KIND);
        if all.get(&id).is_some_and(|own| own["auto_delete"] == true) {
            all.remove(&id);
        } else if let Some(own) = all.get_mut(&id) {
            own["assignee_id"] = Value::Null;
            own["assignee_type"] = json!("unassigned");
        }
    }
}

/// The id that a server's description shows for its own of a family. Those of somebody else are not listed.
pub(super) fn shown_id(server: &Instance, kind: &str) -> u64 {
    let own = server.extra.get(&format!("primary_{kind}"));
    own.and_then(Value::as_u64).unwrap_or(server.id.0)
}

/// The id of a server's own, of a family.
fn of(world: &World, server: Id, kind: &str) -> Option<u64> {
    let server = world.instances.get(&server)?;
    server.extra.get(&format!("primary_{kind}"))?.as_u64()
}

/// A network of the range for documentation (RFC 3849) for each id.
pub(super) fn ipv6_of(id: Id) -> String {
    format!(
        "2001:db8:{:x}:{:x}::/64",
        (id.0 >> 16) & 0xffff,
        id.0 & 0xffff
    )
}

/// Enters addresses that were not known when the server was made.
fn refresh(world: &mut World) {
    let addresses: Vec<(Id, String)> = world
        .instances
        .values()
        .filter_map(|server| {
            let id = server.extra.get("primary_ipv4")?.as_u64()?;
            Some((Id(id), server.address()?.to_string()))
        })
        .collect();
    for (id, address) in addresses {
        if let Some(own) = world.others(KIND).get_mut(&id) {
            own["ip"] = json!(address);
        }
    }
}

fn one(world: &mut World, id: Id) -> Result<&mut Value, Refusal> {
    world
        .others(KIND)
        .get_mut(&id)
        .ok_or_else(|| Refusal::not_found("primary IP"))
}

fn primary_ip(id: Id, kind: &str, location: Value, name: Value) -> Value {
    json!({
        "id": id,
        "name": name,
        "labels": {},
        "created": Timestamp::now().to_string(),
        "blocked": false,
        "location": location,
        "ip": "",
        "dns_ptr": [],
        "protection": {"delete": false},
        "type": kind,
        "auto_delete": false,
        "assignee_type": "unassigned",
        "assignee_id": null,
    })
}
