//! What hangs below an instance: `/instances/{id}/…`.

use axum::extract::State;
use data_encoding::BASE64;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::catalog;
use super::instances::{self, INSTANCE};
use super::listing::{self, numbered};
use super::show::{self, NETMASK};
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::sim::Sim;

/// <https://www.vultr.com/api/#operation/get-instance-userdata>
pub(super) async fn user_data(State(sim): State<Sim>, call: Call) -> Reply {
    let id = instances::by_path(&sim, &call)?;
    let world = sim.world();
    let own = &world.instance(id, INSTANCE)?.user_data;
    let text = own.as_ref().map_or("", |text| text.expose_secret());
    let data = BASE64.encode(text.as_bytes());
    Ok(Answer::ok(json!({"user_data": {"data": data}})))
}

/// <https://www.vultr.com/api/#operation/get-instance-ipv4>
pub(super) async fn ipv4(State(sim): State<Sim>, call: Call) -> Reply {
    let id = instances::by_path(&sim, &call)?;
    let world = sim.world();
    let address = show::main_ip(&world, world.instance(id, INSTANCE)?);
    listing::page(&call, "ipv4s", numbered(address), |address| {
        json!({
            "ip": address.to_string(),
            "netmask": NETMASK,
            "gateway": show::gateway(address).to_string(),
            "type": "main_ip",
            "reverse": format!("{address}.clients.example.com"),
        })
    })
}

/// <https://www.vultr.com/api/#operation/get-instance-ipv6>
pub(super) async fn ipv6(State(sim): State<Sim>, call: Call) -> Reply {
    let id = instances::by_path(&sim, &call)?;
    let world = sim.world();
    let network = show::network_v6(&world, world.instance(id, INSTANCE)?);
    listing::page(&call, "ipv6s", numbered(network), |network| {
        json!({
            "ip": network.main,
            "network": network.subnet,
            "network_size": 64,
            "type": "main_ip",
        })
    })
}

/// <https://www.vultr.com/api/#operation/list-instance-vpcs>: none, ever.
pub(super) async fn vpcs(State(sim): State<Sim>, call: Call) -> Reply {
    instances::by_path(&sim, &call)?;
    listing::page(&call, "vpcs", Vec::<(u64, Value)>::new(), |none| none)
}

/// <https://www.vultr.com/api/#operation/get-instance-bandwidth>: nobody has used any.
pub(super) async fn bandwidth(State(sim): State<Sim>, call: Call) -> Reply {
    instances::by_path(&sim, &call)?;
    Ok(Answer::ok(json!({"bandwidth": {}})))
}

/// <https://www.vultr.com/api/#operation/get-instance-upgrades>
pub(super) async fn upgrades(State(sim): State<Sim>, call: Call) -> Reply {
    let id = instances::by_path(&sim, &call)?;
    let world = sim.world();
    let own = world.instance(id, INSTANCE)?;
    let old = world.offer.plan(&own.plan);
    let larger = world.offer.plans.iter().filter(|plan| {
        plan.regions.contains(&own.region)
            && plan.id != own.plan
            && old
                .is_none_or(|old| old.disk_gb <= plan.disk_gb && old.memory_mib <= plan.memory_mib)
    });
    let plans: Vec<&str> = larger.map(|plan| plan.id.as_str()).collect();
    let systems: Vec<Value> = world
        .offer
        .images
        .iter()
        .map(catalog::show_system)
        .collect();
    Ok(Answer::ok(json!({
        "upgrades": {"os": systems, "applications": [], "plans": plans},
    })))
}

/// <https://www.vultr.com/api/#operation/get-instance-backup-schedule>: never.
pub(super) async fn backup_schedule(State(sim): State<Sim>, call: Call) -> Reply {
    instances::by_path(&sim, &call)?;
    Ok(Answer::ok(json!({"backup_schedule": {
        "enabled": false,
        "type": "weekly",
        "next_scheduled_time_utc": "",
        "hour": 0,
        "dow": 1,
        "dom": 0,
    }})))
}
