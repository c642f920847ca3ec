//! How an instance looks: three fields tell its state, and none of them is enough.

use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::catalog::{self, SNAPSHOT};
use super::firewalls;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::world::{Boots, Change, Instance, Phase, World};

/// From the moment that an instance is active: how long it is locked, and when it is "ok" if it ever is.
const LOCKED_MS: u64 = 4_000;
const OK_MS: u64 = 40_000;

/// As the API writes a time.
pub(super) fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// <https://www.vultr.com/api/#operation/get-instance>, without the charges.
pub(super) fn show_instance(world: &World, instance: &Instance) -> Value {
    let plan = world.offer.plan(&instance.plan);
    let (os, os_id) = system_of(world, instance);
    let address = main_ip(world, instance);
    let network = network_v6(world, instance);
    let text = |name: &str| instance.extra.get(name).cloned().unwrap_or(json!(""));
    let bandwidth = plan.and_then(|plan| plan.extra.get("bandwidth").cloned());
    let is_pending = instance.phase == Phase::Ordered;
    json!({
        "id": instance.id.uuid(),
        "os": os,
        "ram": plan.map_or(0, |plan| plan.memory_mib),
        "disk": plan.filter(|_| !is_pending).map_or(0, |plan| plan.disk_gb),
        "main_ip": address.unwrap_or(Ipv4Addr::UNSPECIFIED).to_string(),
        "vcpu_count": plan.map_or(0, |plan| plan.cpus),
        "region": instance.region,
        "plan": instance.plan,
        "date_created": date(instance.created),
        "status": status(instance.phase),
        "power_status": power_status(world, instance),
        "server_status": server_status(world, instance),
        "allowed_bandwidth": bandwidth.unwrap_or(json!(1024)),
        "netmask_v4": address.map_or("", |_| NETMASK),
        "gateway_v4": address.map_or(Ipv4Addr::UNSPECIFIED, gateway).to_string(),
        "v6_network": network.as_ref().map_or("", |network| &network.subnet),
        "v6_main_ip": network.as_ref().map_or("", |network| &network.main),
        "v6_network_size": network.as_ref().map_or(0, |_| 64),
        "label": instance.name,
        "internal_ip": "",
        "kvm": if is_pending { "" } else { "https://console.example.com/novnc?data=simulated" },
        "hostname": text("hostname"),
        "os_id": os_id,
        "app_id": instance.extra.get("app_id").cloned().unwrap_or(json!(0)),
        "image_id": text("image_id"),
        "snapshot_id": match instance.boots {
            Boots::Snapshot(id) => id.uuid(),
            Boots::Image(_) => String::new(),
        },
        "firewall_group_id": firewalls::of(instance).map_or_else(String::new, Id::uuid),
        "features": instance.extra.get("features").cloned().unwrap_or(json!([])),
        "tags": instance.tags,
        "tag": instance.tags.first().map_or("", String::as_str),
        "user_scheme": instance.extra.get("user_scheme").cloned().unwrap_or(json!("root")),
        "vpc_only": false,
    })
}

/// The same with the charges of this month, as one instance is shown.
pub(super) fn show_charged(world: &World, instance: &Instance) -> Value {
    let mut shown = show_instance(world, instance);
    shown["pending_charges"] = catalog::amount(charges(world, instance));
    shown
}

/// What it has cost so far: each hour that has begun.
pub(super) fn charges(world: &World, instance: &Instance) -> Decimal {
    let price = world
        .offer
        .plan(&instance.plan)
        .map(|plan| plan.price_in(&instance.region));
    let hours = age(instance.created).as_secs() / 3600 + 1;
    price.map_or(Decimal::ZERO, |price| {
        (price.hourly * Decimal::from(hours))
            .min(price.monthly)
            .round_dp(2)
    })
}

/// Whether nothing may be done to it but to look: something works on it, or it installs.
pub(super) fn is_locked(world: &World, instance: &Instance) -> bool {
    world.lock(instance.id).is_some_and(|own| !own.is_stuck()) || is_fresh(world, instance)
}

pub(super) fn main_ip(world: &World, instance: &Instance) -> Option<Ipv4Addr> {
    let plan = world.offer.plan(&instance.plan);
    let only_ipv6 = plan.is_some_and(|plan| plan.extra.contains_key("only_ipv6"))
        || is_set(&instance.extra, "disable_public_ipv4");
    instance.address().filter(|_| !only_ipv6)
}

pub(super) const NETMASK: &str = "255.255.254.0";

pub(super) fn gateway(address: Ipv4Addr) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(address) & !0x1ff) + 1)
}

/// The IPv6 network of an instance that has one.
#[derive(Debug)]
pub(super) struct NetworkV6 {
    pub(super) subnet: String,
    pub(super) main: String,
}

pub(super) fn network_v6(world: &World, instance: &Instance) -> Option<NetworkV6> {
    let features = instance.extra.get("features").and_then(Value::as_array);
    let is_wanted = features.is_some_and(|features| features.contains(&json!("ipv6")))
        || main_ip(world, instance) != instance.address();
    // Of the range for documentation (RFC 3849), which nobody has.
    let prefix = format!(
        "2001:db8:{:x}:{:x}:",
        (instance.id.0 >> 16) & 0xffff,
        instance.id.0 & 0xffff
    );
    instance.address().filter(|_| is_wanted).map(|_| NetworkV6 {
        subnet: format!("{prefix}:"),
        main: format!("{prefix}5400:ff:fe00:1"),
    })
}

fn status(phase: Phase) -> &'static str {
    match phase {
        Phase::Ordered => "pending",
        // Not in the document; seen by the official Terraform provider.
        Phase::Rebuilding => "installing",
        _ => "active",
    }
}

fn power_status(world: &World, instance: &Instance) -> &'static str {
    let is_early = instance.phase == Phase::Ordered || is_fresh(world, instance);
    match instance.phase {
        Phase::Starting | Phase::Off | Phase::Failed | Phase::Deleting => "stopped",
        _ if is_early && matches!(instance.boots, Boots::Snapshot(_)) => "",
        _ => "running",
    }
}

fn server_status(world: &World, instance: &Instance) -> &'static str {
    if matches!(instance.phase, Phase::Ordered | Phase::Failed) {
        return "none";
    }
    if is_locked(world, instance) {
        return "locked";
    }
    let installed = installed(world, instance).map(age);
    let is_ok = match installed {
        // Somebody else's, and old.
        None => true,
        Some(age) => age >= world.clock().ours_ms(OK_MS) && !world.seed.vultr.never_ok,
    };
    if is_ok { "ok" } else { "installingbooting" }
}

/// Whether it became active so short a time ago that it is locked.
fn is_fresh(world: &World, instance: &Instance) -> bool {
    installed(world, instance).is_some_and(|at| age(at) < world.clock().ours_ms(LOCKED_MS))
}

/// When it was last active for the first time.
fn installed(world: &World, instance: &Instance) -> Option<Timestamp> {
    let own = instance.actions.iter().rev();
    let mut own = own.filter_map(|id| world.actions.get(id));
    let last = own.find(|action| matches!(action.change, Change::Create | Change::Rebuild))?;
    last.finished
}

/// In time of ours.
fn age(since: Timestamp) -> Duration {
    Timestamp::now().duration_since(since).unsigned_abs()
}

fn system_of<'a>(world: &'a World, instance: &'a Instance) -> (&'a str, u64) {
    match &instance.boots {
        Boots::Snapshot(_) => (SNAPSHOT.1, SNAPSHOT.0),
        Boots::Image(id) => match world.offer.image(id) {
            Some(image) => (&image.description, image.number),
            None => (catalog::CUSTOM.1, catalog::CUSTOM.0),
        },
    }
}

fn is_set(extra: &Map<String, Value>, name: &str) -> bool {
    extra.get(name) == Some(&Value::Bool(true))
}
