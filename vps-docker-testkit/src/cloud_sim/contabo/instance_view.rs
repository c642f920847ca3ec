//! How the API shows an instance.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::account::owned;
use super::contracts;
use crate::cloud_sim::world::{Boots, Instance, Phase, World};

/// Where an instance keeps the status in which its order waits for a person.
pub(super) const HELD: &str = "held";
/// The image by which it was installed last.
pub(super) const IMAGE: &str = "image";
/// Whether it was booted into the rescue system.
pub(super) const RESCUE: &str = "rescue";
/// Its add-ons, as the API shows them.
pub(super) const ADD_ONS: &str = "addOns";

pub(super) fn show(world: &World, instance: &Instance) -> Value {
    let plan = world.offer.plan(&instance.plan);
    let region = world.offer.region(&instance.region);
    let number = instance.id.0 % 100_000;
    let host = is_made(instance).then_some(number);
    let mut shown = json!({
        "additionalIps": [],
        "name": name(instance),
        "displayName": instance.name,
        "instanceId": instance.id,
        "dataCenter": region.and_then(|own| own.extra.get("data_center")),
        "region": instance.region,
        "regionName": region.map(|own| &own.description),
        "productId": instance.plan,
        "imageId": image_id(instance),
        "ipConfig": ip_config(instance),
        "macAddress": host.map_or_else(String::new, |_| mac_address(instance)),
        "ramMb": plan.map_or(0, |plan| plan.memory_mib),
        "cpuCores": plan.map_or(0, |plan| plan.cpus),
        "osType": os_type(world, image_id(instance)),
        "diskMb": plan.map_or(0, |plan| plan.disk_gb * 1024),
        "sshKeys": instance.keys,
        "createdDate": date_time(instance.created),
        "cancelDate": contracts::cancel_date(instance),
        "status": status(instance),
        "vHostId": host,
        "vHostNumber": host,
        "vHostName": host.map(|number| format!("m{number}")),
        "addOns": add_ons(instance),
        "productType": plan.and_then(|plan| plan.extra.get("type")).cloned().unwrap_or(json!("ssd")),
        "productName": plan.map(|plan| &plan.description),
        "defaultUser": instance.extra.get(Instance::LOGIN).cloned().unwrap_or(json!("root")),
        "applicationId": null,
    });
    if instance.phase == Phase::Failed {
        shown["errorMessage"] = "the installation has failed".into();
    }
    owned(shown)
}

/// `provisioning` until there is an address, `installing` until the system runs. There is no word for what
/// starts or stops.
pub(super) fn status(instance: &Instance) -> &str {
    if let Some(held) = instance.extra.get(HELD).and_then(Value::as_str) {
        return held;
    }
    match instance.phase {
        Phase::Ordered if instance.address().is_none() => "provisioning",
        Phase::Ordered | Phase::Rebuilding => "installing",
        Phase::Starting | Phase::Off => "stopped",
        Phase::Failed => "error",
        _ if instance.extra.get(RESCUE) == Some(&Value::Bool(true)) => "rescue",
        Phase::Running | Phase::Stopping | Phase::Deleting => "running",
    }
}

/// What Contabo calls it, which nobody can change.
pub(super) fn name(instance: &Instance) -> String {
    format!("vmi{}", instance.id)
}

pub(super) fn image_id(instance: &Instance) -> &str {
    match (instance.extra.get(IMAGE), &instance.boots) {
        (Some(Value::String(id)), _) | (_, Boots::Image(id)) => id,
        _ => "",
    }
}

pub(super) fn os_type(world: &World, image: &str) -> &'static str {
    match world.offer.image(image) {
        Some(image) if image.os.eq_ignore_ascii_case("windows") => "Windows",
        _ => "Linux",
    }
}

pub(super) fn add_ons(instance: &Instance) -> Value {
    instance.extra.get(ADD_ONS).cloned().unwrap_or(json!([]))
}

/// As the API writes points in time.
pub(super) fn date_time(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// One object, not a list. Before there is an address all is empty; of an order that waits there is nothing at all.
pub(super) fn ip_config(instance: &Instance) -> Value {
    let family = |ip: String, gateway: &str, length: u8| json!({"ip": ip, "gateway": gateway, "netmaskCidr": length});
    match instance.address() {
        Some(address) => json!({
            "v4": family(address.to_string(), &gateway(address), 24),
            "v6": family(ipv6(instance), "fe80::1", 64),
        }),
        None if instance.extra.contains_key(HELD) => Value::Null,
        None => json!({
            "v4": family(String::new(), "", 0),
            "v6": family(String::new(), "", 0),
        }),
    }
}

fn is_made(instance: &Instance) -> bool {
    instance.address().is_some()
}

fn gateway(address: Ipv4Addr) -> String {
    let [a, b, c, _] = address.octets();
    format!("{a}.{b}.{c}.1")
}

/// Of the range for documentation.
fn ipv6(instance: &Instance) -> String {
    let number = instance.id.0;
    format!(
        "2001:0db8:{:04x}:{:04x}:0000:0000:0000:0001",
        (number >> 16) & 0xffff,
        number & 0xffff
    )
}

fn mac_address(instance: &Instance) -> String {
    let [.., a, b, c] = instance.id.0.to_be_bytes();
    format!("00:50:56:{a:02x}:{b:02x}:{c:02x}")
}
