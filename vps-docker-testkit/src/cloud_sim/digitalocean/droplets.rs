//! Droplets, once they are ordered.

use std::net::Ipv4Addr;

use axum::extract::State;
use serde_json::{Value, json};

use super::catalog::{disk_info, show_region, show_size};
use super::refusals::unprocessable;
use super::{firewalls, ids, images, listing, moment, tags};
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::refusal::Refusal;
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::{Instance, Phase, World};

/// Where a droplet keeps the ids of its snapshots.
const SNAPSHOTS: &str = "snapshots";

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/droplets_list>: without those with a GPU,
/// unless asked for.
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Reply {
    let (tag, name, kind) = (
        call.query("tag_name"),
        call.query("name"),
        call.query("type"),
    );
    if tag.is_some() && (name.is_some() || kind.is_some()) {
        let why = "tag_name can not be combined with name or type";
        return Err(unprocessable(why));
    }
    let world = sim.world();
    let has_gpu = |droplet: &Instance| {
        let plan = world.offer.plan(&droplet.plan);
        plan.is_some_and(|plan| plan.extra.contains_key("gpu_info"))
    };
    let wanted = world.listed().filter(|droplet| {
        tag.is_none_or(|tag| droplet.tags.contains(tag))
            && name.is_none_or(|name| droplet.name.eq_ignore_ascii_case(name))
            && has_gpu(droplet) == (kind == Some("gpus"))
    });
    Ok(listing::page(
        &sim,
        &call,
        "droplets",
        wanted.collect(),
        |droplet| show_droplet(&world, droplet),
    ))
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/droplets_get>
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "droplet")?;
    let world = sim.world();
    let droplet = world.instance(id, "droplet")?;
    Ok(Answer::ok(
        json!({"droplet": show_droplet(&world, droplet)}),
    ))
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/droplets_destroy>. Snapshots and tags stay.
pub(super) async fn delete(State(sim): State<Sim>, call: Call) -> Reply {
    remove(&sim, &call, call.id("id", "droplet")?)?;
    Ok(Answer::no_content())
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/droplets_destroy_byTag>: all that have it,
/// whosoever they are.
pub(super) async fn delete_tagged(State(sim): State<Sim>, call: Call) -> Reply {
    for id in tagged(&sim, &call)? {
        remove(&sim, &call, id)?;
    }
    Ok(Answer::no_content())
}

/// The droplets with the tag that is asked for.
///
/// # Errors
/// Not found when there is no such tag.
pub(super) fn tagged(sim: &Sim, call: &Call) -> Result<Vec<Id>, Refusal> {
    let tag = call
        .query("tag_name")
        .ok_or_else(|| unprocessable("tag_name is needed"))?;
    let mut world = sim.world();
    tags::check_known(&mut world, tag)?;
    let with_it = world
        .instances
        .values()
        .filter(|own| own.tags.contains(tag));
    Ok(with_it.map(|own| own.id).collect())
}

/// Takes a droplet away; one that is still being made as well.
pub(super) fn remove(sim: &Sim, call: &Call, id: Id) -> Result<(), Refusal> {
    sim.delete_instance(call, id, "droplet")?;
    if !call.injected.stuck {
        firewalls::leave(&mut sim.world(), id);
    }
    Ok(())
}

/// Enters a snapshot with its droplet, which shows it once it is ready.
pub(super) fn keep_snapshot(world: &mut World, droplet: Id, snapshot: Id) {
    if let Some(droplet) = world.instances.get_mut(&droplet) {
        let own = droplet.extra.entry(SNAPSHOTS).or_insert_with(|| json!([]));
        if let Some(own) = own.as_array_mut() {
            own.push(json!(snapshot));
        }
    }
}

/// The snapshots of a droplet that can be used.
pub(super) fn snapshots_of(world: &World, droplet: &Instance) -> Vec<Id> {
    let own = droplet.extra.get(SNAPSHOTS).map(ids).unwrap_or_default();
    let is_ready = |id: &Id| world.snapshots.get(id).is_some_and(|own| own.ready);
    own.into_iter().filter(is_ready).collect()
}

pub(super) fn show_droplet(world: &World, droplet: &Instance) -> Value {
    let offer = &world.offer;
    let plan = offer.plan(&droplet.plan);
    json!({
        "id": droplet.id,
        "name": droplet.name,
        "memory": plan.map_or(0, |plan| plan.memory_mib),
        "vcpus": plan.map_or(0, |plan| plan.cpus),
        "disk": plan.map_or(0, |plan| plan.disk_gb),
        "disk_info": plan.map(disk_info),
        "locked": world.lock(droplet.id).is_some(),
        "status": status(droplet.phase),
        "kernel": null,
        "created_at": moment(droplet.created),
        "features": features(droplet),
        "backup_ids": [],
        "next_backup_window": null,
        "snapshot_ids": snapshots_of(world, droplet),
        "image": images::show_boots(world, &droplet.boots),
        "volume_ids": [],
        "size": plan.map(show_size),
        "size_slug": droplet.plan,
        "networks": networks(droplet),
        "region": offer.region(&droplet.region).map(|region| show_region(offer, region)),
        "tags": droplet.tags,
        "vpc_uuid": vpc_of(&droplet.region),
    })
}

/// While a change goes on the old word stays; only `locked` tells of it.
fn status(phase: Phase) -> &'static str {
    match phase {
        // One that could not be made stays new; its action says so.
        Phase::Ordered | Phase::Failed => "new",
        Phase::Running | Phase::Stopping | Phase::Rebuilding | Phase::Deleting => "active",
        Phase::Off | Phase::Starting => "off",
    }
}

/// What was asked for at the order, or later.
pub(super) fn has(droplet: &Instance, feature: &str) -> bool {
    droplet.extra.get(feature) == Some(&Value::Bool(true))
}

fn features(droplet: &Instance) -> Vec<&'static str> {
    let wanted = ["backups", "ipv6", "monitoring"];
    let wanted = wanted.into_iter().filter(|own| has(droplet, own));
    ["droplet_agent", "private_networking"]
        .into_iter()
        .chain(wanted)
        .collect()
}

/// Empty at first. The private address stands before the public one: nobody has promised an order.
fn networks(droplet: &Instance) -> Value {
    let Some(address) = droplet.address() else {
        return json!({"v4": [], "v6": []});
    };
    let mut v4 = vec![json!({
        "ip_address": private_address(droplet.id),
        "netmask": "255.255.240.0",
        "gateway": "<nil>",
        "type": "private",
    })];
    let mut v6 = Vec::new();
    if !has(droplet, "private_only") {
        let [a, b, c, _] = address.octets();
        v4.push(json!({
            "ip_address": address,
            "netmask": "255.255.240.0",
            "gateway": Ipv4Addr::new(a, b, c, 1),
            "type": "public",
        }));
        if has(droplet, "ipv6") {
            v6.push(json!({
                "ip_address": format!("2001:db8:0:1010::{:x}:{:x}", droplet.id.0 >> 16, droplet.id.0 & 0xffff),
                "netmask": 64,
                "gateway": "2001:db8:0:1010::1",
                "type": "public",
            }));
        }
    }
    json!({"v4": v4, "v6": v6})
}

fn private_address(id: Id) -> Ipv4Addr {
    let host = u32::try_from(id.0 % (1 << 20)).expect("20 bits");
    Ipv4Addr::from(0x0a80_0000 + host)
}

/// Each region has a private network that is there from the beginning.
fn vpc_of(region: &str) -> String {
    let number = region
        .bytes()
        .fold(0, |sum: u64, byte| sum * 256 + u64::from(byte));
    Id(number).uuid()
}
