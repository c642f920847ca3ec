//! Data centers, and the products that an instance can be changed to: the one place of the API that tells prices.

use axum::extract::State;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value, json};

use super::account::owned;
use super::listing;
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::offer::{Plan, Region};
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::Instance;

/// `GET /v1/data-centers`
pub(super) async fn data_centers(State(sim): State<Sim>, call: Call) -> Answer {
    let regions = sim.world().offer.regions.clone();
    let mut shown: Vec<Value> = regions.iter().map(show_data_center).collect();
    for field in ["slug", "name", "regionName", "regionSlug"] {
        if let Some(wanted) = call.query(field) {
            shown.retain(|own| own[field] == wanted);
        }
    }
    listing::sort(&call, &mut shown, |own, field| own[field].to_string());
    Answer::ok(listing::page(&call, shown, |own| own))
}

fn show_data_center(region: &Region) -> Value {
    let extra = |name: &str| {
        region
            .extra
            .get(name)
            .cloned()
            .unwrap_or_else(|| json!(region.id))
    };
    let slug = extra("slug");
    owned(json!({
        "name": extra("data_center"),
        "slug": slug,
        "capabilities": ["VPS", "VDS", "Private-Networking"],
        "s3Url": format!("{}-s3.contabo.com", slug.as_str().unwrap_or("").to_lowercase()),
        "regionName": region.description,
        "regionSlug": region.id,
    }))
}

/// `GET /v1/compute/instances/{instanceId}/products/available`: without the one that it has.
pub(super) async fn products(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "instance")?;
    let world = sim.world();
    let instance = world.instance(id, "instance")?;
    let plans = world
        .offer
        .plans
        .iter()
        .filter(|plan| plan.id != instance.plan);
    let shown: Vec<Value> = plans.map(|plan| show_product(instance, plan)).collect();
    Ok(Answer::ok(
        json!({"data": shown, "_links": {"self": call.path()}}),
    ))
}

fn show_product(instance: &Instance, plan: &Plan) -> Value {
    let price = plan.price_in(&instance.region).monthly.to_f64();
    owned(json!({
        "instanceId": instance.id,
        "productId": plan.id,
        "name": plan.description,
        "category": plan.extra.get("type").cloned().unwrap_or(json!("ssd")),
        "ramSizeGb": plan.memory_mib / 1024,
        "diskSizeGb": plan.disk_gb,
        "cpuCores": plan.cpus,
        "netSpeed": 200,
        "snapshots": 1,
        "vsPrice": price,
        "windowsPrice": 0,
        "backupPrice": 0,
        "storageExtensionPrice": 0,
        "locationFeePrice": 0,
        "addonsPrice": 0,
        "hasStorageExtension": false,
        "current": false,
        "offerId": plan.number,
        "locationChangeRequired": !plan.regions.contains(&instance.region),
    }))
}
