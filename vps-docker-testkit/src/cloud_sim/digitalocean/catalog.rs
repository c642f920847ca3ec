//! Regions, sizes and the account.

use axum::extract::State;
use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value, json};

use super::{listing, moment};
use crate::cloud_sim::answer::Answer;
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::offer::{Offer, Plan, Region};
use crate::cloud_sim::sim::Sim;

/// What an account without a quota is told that it may have.
const NO_LIMIT: usize = 100_000;

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/regions_list>
pub(super) async fn regions(State(sim): State<Sim>, call: Call) -> Answer {
    let offer = sim.world().offer.clone();
    let all = offer.regions.iter().collect();
    listing::page(&sim, &call, "regions", all, |region| {
        show_region(&offer, region)
    })
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/sizes_list>
pub(super) async fn sizes(State(sim): State<Sim>, call: Call) -> Answer {
    let offer = sim.world().offer.clone();
    listing::page(&sim, &call, "sizes", offer.plans, |plan| show_size(&plan))
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/account_get>
pub(super) async fn account(State(sim): State<Sim>) -> Answer {
    let world = sim.world();
    let foreign = world.instances.values().filter(|own| own.foreign).count();
    // The simulator's quota does not count what is somebody else's; the API counts all.
    let limit = world.seed.quota.map_or(NO_LIMIT, |most| most + foreign);
    Answer::ok(json!({"account": {
        "droplet_limit": limit,
        "floating_ip_limit": 3,
        "email": "somebody@example.com",
        "name": "Some Body",
        "uuid": "b6fa89dbf6d9156cace5f3c78dc9851d957381ef",
        "email_verified": true,
        "status": "active",
        "status_message": "",
        "team": {"uuid": Id(1).uuid(), "name": "My Team"},
    }}))
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/balance_get>
pub(super) async fn balance() -> Answer {
    Answer::ok(json!({
        "month_to_date_balance": "0.00",
        "account_balance": "0.00",
        "month_to_date_usage": "0.00",
        "generated_at": moment(Timestamp::now()),
    }))
}

/// There are none, ever.
pub(super) async fn reserved_ips(State(sim): State<Sim>, call: Call) -> Answer {
    listing::page(&sim, &call, "reserved_ips", Vec::<Value>::new(), |none| {
        none
    })
}

/// Whether a region sells anything.
pub(super) fn is_open(region: &Region) -> bool {
    region.extra.get("available") != Some(&Value::Bool(false))
}

pub(super) fn show_region(offer: &Offer, region: &Region) -> Value {
    let is_open = is_open(region);
    let sold = offer.plans.iter().filter(|plan| {
        // What one can have, as far as the listing knows: machines may be short all the same.
        is_open && plan.regions.contains(&region.id)
    });
    let sizes: Vec<&str> = sold.map(|plan| plan.id.as_str()).collect();
    let features: &[&str] = if is_open {
        &[
            "backups",
            "ipv6",
            "metadata",
            "install_agent",
            "storage",
            "image_transfer",
        ]
    } else {
        &[]
    };
    json!({
        "name": region.description,
        "slug": region.id,
        "features": features,
        "available": is_open,
        "sizes": sizes,
    })
}

pub(super) fn show_size(plan: &Plan) -> Value {
    let number = |price: Decimal| price.to_f64().unwrap_or(0.0);
    let mut shown = json!({
        "slug": plan.id,
        "memory": plan.memory_mib,
        "vcpus": plan.cpus,
        "disk": plan.disk_gb,
        "transfer": plan.extra.get("transfer").cloned().unwrap_or(json!(1.0)),
        "price_monthly": number(plan.price.monthly),
        "price_hourly": number(plan.price.hourly),
        "regions": plan.regions,
        "available": !plan.deprecated,
        "description": if plan.description.is_empty() { "Basic" } else { &plan.description },
        "disk_info": disk_info(plan),
    });
    if let Some(gpu) = plan.extra.get("gpu_info") {
        shown["gpu_info"] = gpu.clone();
    }
    shown
}

pub(super) fn disk_info(plan: &Plan) -> Value {
    json!([{"type": "local", "size": {"amount": plan.disk_gb, "unit": "gib"}}])
}
