//! Server types, locations and prices.

use axum::extract::State;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::listing;
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::offer::{Offer, Plan, Price, Region};
use crate::cloud_sim::refusal::{Reason, Refusal};
use crate::cloud_sim::sim::Sim;

/// Per cent, of the account's country.
const VAT: u32 = 19;
const TERABYTE: u64 = 1 << 40;

/// <https://docs.hetzner.cloud/#server-types-get-all-server-types>
pub(super) async fn server_types(State(sim): State<Sim>, call: Call) -> Answer {
    let offer = sim.world().offer.clone();
    let name = call.query("name");
    let own = offer
        .plans
        .iter()
        .filter(|plan| name.is_none_or(|name| plan.id == name));
    listing::page(&sim, &call, "server_types", own.collect(), |plan| {
        show_server_type(&offer, plan)
    })
}

/// <https://docs.hetzner.cloud/#server-types-get-a-server-type>
pub(super) async fn server_type(State(sim): State<Sim>, call: Call) -> Reply {
    let offer = sim.world().offer.clone();
    let number = call.id("id", "server type")?.0;
    let plan = offer.plans.iter().find(|plan| plan.number == number);
    let plan = plan.ok_or_else(|| Refusal::not_found("server type"))?;
    Ok(Answer::ok(
        json!({"server_type": show_server_type(&offer, plan)}),
    ))
}

/// <https://docs.hetzner.cloud/#locations-get-all-locations>
pub(super) async fn locations(State(sim): State<Sim>, call: Call) -> Answer {
    let regions = sim.world().offer.regions.clone();
    let name = call.query("name");
    let mut own: Vec<&Region> = regions
        .iter()
        .filter(|region| name.is_none_or(|name| region.id == name))
        .collect();
    listing::sort(&call, &mut own, |region, field| match field {
        "name" => (0, region.id.clone()),
        _ => (region.number, String::new()),
    });
    listing::page(&sim, &call, "locations", own, show_location)
}

/// <https://docs.hetzner.cloud/#locations-get-a-location>
pub(super) async fn location(State(sim): State<Sim>, call: Call) -> Reply {
    let number = call.id("id", "location")?.0;
    let world = sim.world();
    let region = world
        .offer
        .regions
        .iter()
        .find(|region| region.number == number);
    let region = region.ok_or_else(|| Refusal::not_found("location"))?;
    Ok(Answer::ok(json!({"location": show_location(region)})))
}

/// <https://docs.hetzner.cloud/#pricing-get-all-prices>
pub(super) async fn pricing(State(sim): State<Sim>) -> Answer {
    let offer = sim.world().offer.clone();
    let types: Vec<Value> = offer
        .plans
        .iter()
        .map(|plan| json!({"id": plan.number, "name": plan.id, "prices": prices(&offer, plan)}))
        .collect();
    let everywhere = |price: Price| -> Vec<Value> {
        let regions = offer.regions.iter();
        regions
            .map(|region| {
                json!({
                    "location": region.id,
                    "price_hourly": amount(price.hourly),
                    "price_monthly": amount(price.monthly),
                })
            })
            .collect()
    };
    let free = Price::default();
    Answer::ok(json!({"pricing": {
        "currency": offer.currency,
        "vat_rate": format!("{VAT}.00"),
        "image": {"price_per_gb_month": amount(offer.snapshot_gb_month)},
        "volume": {"price_per_gb_month": amount(Decimal::new(572, 4))},
        "server_backup": {"percentage": "20.00"},
        "server_types": types,
        "load_balancer_types": [],
        "primary_ips": [
            {"type": "ipv4", "prices": everywhere(ipv4_price())},
            {"type": "ipv6", "prices": everywhere(free)},
        ],
        "floating_ip": {"price_monthly": amount(Decimal::new(357, 2))},
        "floating_ips": [],
    }}))
}

/// What a primary IP of that family costs; one of IPv6 is free.
pub(super) fn ipv4_price() -> Price {
    Price::of("0.0008", "0.50")
}

/// Removed on 2026-10-01: <https://docs.hetzner.cloud/changelog>.
pub(super) async fn datacenters() -> Refusal {
    let reason = Reason::Own(410, "deprecated_api_endpoint");
    Refusal::new(reason, "API functionality was removed")
}

/// There are none, ever.
pub(super) async fn placement_groups(State(sim): State<Sim>, call: Call) -> Answer {
    listing::page(
        &sim,
        &call,
        "placement_groups",
        Vec::<Value>::new(),
        |none| none,
    )
}

pub(super) fn show_location(region: &Region) -> Value {
    let extra = |name: &str, otherwise: Value| region.extra.get(name).cloned().unwrap_or(otherwise);
    json!({
        "id": region.number,
        "name": region.id,
        "description": region.description,
        "country": region.country,
        "city": region.city,
        "latitude": extra("latitude", json!(0.0)),
        "longitude": extra("longitude", json!(0.0)),
        "network_zone": extra("network_zone", json!("eu-central")),
    })
}

pub(super) fn show_server_type(offer: &Offer, plan: &Plan) -> Value {
    let deprecation = plan.deprecated.then(|| {
        json!({"announced": "2025-10-16T06:00:00Z", "unavailable_after": "2026-01-01T06:00:00Z"})
    });
    // One that is on its way out is still told of wherever it was.
    let regions = offer.regions.iter().filter(|region| {
        plan.regions.contains(&region.id) || (plan.deprecated && region.country == "DE")
    });
    let locations = regions.map(|region| {
        json!({
            "id": region.number,
            "name": region.id,
            "deprecation": deprecation,
            "available": plan.regions.contains(&region.id),
            "recommended": !plan.deprecated && plan.regions.contains(&region.id),
        })
    });
    json!({
        "id": plan.number,
        "name": plan.id,
        "description": if plan.description.is_empty() { &plan.id } else { &plan.description },
        "cores": plan.cpus,
        "memory": plan.memory_mib / 1024,
        "disk": plan.disk_gb,
        "deprecated": plan.deprecated,
        "deprecation": deprecation,
        "prices": prices(offer, plan),
        "storage_type": "local",
        "cpu_type": plan.extra.get("cpu_type").cloned().unwrap_or(json!("shared")),
        "category": plan.extra.get("category").cloned().unwrap_or(json!("Shared vCPU")),
        "architecture": plan.architecture,
        "locations": locations.collect::<Vec<_>>(),
    })
}

/// Of every region that has the type or, if none has it any more, of the first one.
fn prices(offer: &Offer, plan: &Plan) -> Vec<Value> {
    let first = offer.regions.first().map(|region| region.id.clone());
    let regions = if plan.regions.is_empty() {
        first.into_iter().collect()
    } else {
        plan.regions.clone()
    };
    regions
        .iter()
        .map(|region| {
            let price = plan.price_in(region);
            let is_in_europe = matches!(region.as_str(), "fsn1" | "nbg1" | "hel1");
            json!({
                "location": region,
                "price_hourly": amount(price.hourly),
                "price_monthly": amount(price.monthly),
                "included_traffic": if is_in_europe { 20 * TERABYTE } else { TERABYTE },
                "price_per_tb_traffic": amount(Decimal::from(1)),
            })
        })
        .collect()
}

/// Net and gross, as many digits as the API writes.
fn amount(net: Decimal) -> Value {
    let gross = net * Decimal::new(i64::from(100 + VAT), 2);
    json!({"net": format!("{net:.10}"), "gross": format!("{gross:.16}")})
}
