//! Reserved addresses. They cost whether an instance has them or not; nothing is routed to it by them.

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::body;
use super::{instances, listing};
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::offer::Price;
use crate::cloud_sim::refusal::{Reason, Refusal};
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::World;

pub(super) const KIND: &str = "reserved ip";

/// What one costs.
pub(super) fn price() -> Price {
    Price::of("0.004", "3")
}

#[derive(Debug, Deserialize)]
struct CreateReservedIp {
    region: String,
    ip_type: String,
    #[serde(default)]
    label: String,
}

#[derive(Debug, Deserialize)]
struct Attach {
    instance_id: String,
}

/// <https://www.vultr.com/api/#operation/list-reserved-ips>
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Reply {
    let mut world = sim.world();
    let own = world.others(KIND).iter();
    let own = own.map(|(id, address)| (id.0, address.clone())).collect();
    listing::page(&call, "reserved_ips", own, |address| address)
}

/// <https://www.vultr.com/api/#operation/create-reserved-ip>
pub(super) async fn create(State(sim): State<Sim>, call: Call) -> Reply {
    let wanted: CreateReservedIp = body(&call)?;
    let mut world = sim.world();
    if world.offer.region(&wanted.region).is_none() {
        return Err(Refusal::invalid("region", "unknown"));
    }
    let id = world.next_id();
    let (subnet, size) = match wanted.ip_type.as_str() {
        "v4" => (World::unused_address(id).to_string(), 32),
        "v6" => (format!("2001:db8:ffff:{:x}::", id.0 & 0xffff), 64),
        _ => return Err(Refusal::invalid("ip_type", "Invalid ip_type.")),
    };
    let address = json!({
        "id": id.uuid(),
        "region": wanted.region,
        "ip_type": wanted.ip_type,
        "subnet": subnet,
        "subnet_size": size,
        "label": wanted.label,
        "instance_id": "",
    });
    world.others(KIND).insert(id, address.clone());
    Ok(Answer::created(json!({"reserved_ip": address})))
}

/// <https://www.vultr.com/api/#operation/get-reserved-ip>
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    let address = by_path(&mut sim.world(), &call)?.clone();
    Ok(Answer::ok(json!({"reserved_ip": address})))
}

/// <https://www.vultr.com/api/#operation/patch-reserved-ips-reserved-ip>
pub(super) async fn update(State(sim): State<Sim>, call: Call) -> Reply {
    let mut world = sim.world();
    let address = by_path(&mut world, &call)?;
    address["label"] = json!(call.json_text("label").unwrap_or(""));
    Ok(Answer::ok(json!({"reserved_ip": address})))
}

/// <https://www.vultr.com/api/#operation/delete-reserved-ip>
pub(super) async fn delete(State(sim): State<Sim>, call: Call) -> Reply {
    let mut world = sim.world();
    by_path(&mut world, &call)?;
    if let Some(id) = Id::from_uuid(call.param("id")) {
        world.others(KIND).remove(&id);
    }
    Ok(Answer::no_content())
}

/// <https://www.vultr.com/api/#operation/attach-reserved-ip>
pub(super) async fn attach(State(sim): State<Sim>, call: Call) -> Reply {
    let wanted: Attach = body(&call)?;
    let instance = instances::by_text(&sim, &wanted.instance_id)?;
    let mut world = sim.world();
    let region = world
        .instance(instance, instances::INSTANCE)?
        .region
        .clone();
    let address = by_path(&mut world, &call)?;
    if address["instance_id"] != "" {
        let why = "The reserved IP is attached to another instance.";
        return Err(Refusal::new(Reason::Invalid, why));
    }
    if address["region"] != region {
        let why = "The instance and the reserved IP must be in the same region.";
        return Err(Refusal::new(Reason::Invalid, why));
    }
    address["instance_id"] = json!(instance.uuid());
    Ok(Answer::no_content())
}

/// <https://www.vultr.com/api/#operation/detach-reserved-ip>
pub(super) async fn detach(State(sim): State<Sim>, call: Call) -> Reply {
    let mut world = sim.world();
    by_path(&mut world, &call)?["instance_id"] = json!("");
    Ok(Answer::no_content())
}

/// Takes the addresses off an instance that goes away; they stay, and cost.
pub(super) fn leave(world: &mut World, instance: Id) {
    let gone = instance.uuid();
    let own = world.others(KIND).values_mut();
    for address in own.filter(|address| address["instance_id"] == gone) {
        address["instance_id"] = json!("");
    }
}

fn by_path<'a>(world: &'a mut World, call: &Call) -> Result<&'a mut Value, Refusal> {
    let id = call.uuid("id", KIND)?;
    let address = world.others(KIND).get_mut(&id);
    address.ok_or_else(|| Refusal::not_found(KIND))
}
