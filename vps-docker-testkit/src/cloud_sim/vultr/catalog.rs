//! Regions, plans, systems, applications: what anybody may ask for, token or not. And backups, of which there are none.

use axum::extract::State;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value, json};

use super::listing::{self, numbered};
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::offer::{Image, Plan, Price, Region};
use crate::cloud_sim::refusal::Refusal;
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::World;

/// What `GET /os` has beside systems: what an instance shows that has none of them. They cannot be ordered.
pub(super) const CUSTOM: (u64, &str, &str) = (159, "Custom", "iso");
pub(super) const SNAPSHOT: (u64, &str, &str) = (164, "Snapshot", "snapshot");
const BACKUP: (u64, &str, &str) = (180, "Backup", "backup");
const APPLICATION: (u64, &str, &str) = (186, "Application", "application");

/// <https://www.vultr.com/api/#operation/list-regions>
pub(super) async fn regions(State(sim): State<Sim>, call: Call) -> Reply {
    let regions = sim.world().offer.regions.clone();
    listing::page(&call, "regions", numbered(&regions), show_region)
}

/// <https://www.vultr.com/api/#operation/list-available-plans-region>: what is listed, also where it is not to be had.
pub(super) async fn availability(State(sim): State<Sim>, call: Call) -> Reply {
    let world = sim.world();
    let region = call.param("id");
    if world.offer.region(region).is_none() {
        return Err(Refusal::not_found("region"));
    }
    let wanted = call.query("type");
    let here = world
        .offer
        .plans
        .iter()
        .filter(|plan| plan.regions.iter().any(|own| own == region) && is_of(plan, wanted));
    let here: Vec<&str> = here.map(|plan| plan.id.as_str()).collect();
    Ok(Answer::ok(json!({"available_plans": here})))
}

/// <https://www.vultr.com/api/#operation/list-plans>
pub(super) async fn plans(State(sim): State<Sim>, call: Call) -> Reply {
    let plans = sim.world().offer.plans.clone();
    let for_windows = call.query("os") == Some("windows");
    let own = plans.iter().filter(|plan| {
        is_of(plan, call.query("type")) && (!for_windows || plan.memory_mib >= 2048)
    });
    listing::page(&call, "plans", numbered(own), show_plan)
}

/// <https://www.vultr.com/api/#operation/list-os>
pub(super) async fn systems(State(sim): State<Sim>, call: Call) -> Reply {
    let mut systems: Vec<Value> = sim.world().offer.images.iter().map(show_system).collect();
    for (id, name, family) in [CUSTOM, SNAPSHOT, BACKUP, APPLICATION] {
        systems.push(json!({"id": id, "name": name, "arch": "x64", "family": family}));
    }
    systems.sort_by_key(|system| system["id"].as_u64());
    listing::page(&call, "os", numbered(systems), |system| system)
}

/// <https://www.vultr.com/api/#operation/list-applications>
pub(super) async fn applications(call: Call) -> Reply {
    let wanted = call.query("type").unwrap_or("all");
    let own = APPLICATIONS
        .iter()
        .filter(|own| wanted == "all" || own.kind() == wanted);
    listing::page(&call, "applications", numbered(own), |own| own.show())
}

/// <https://www.vultr.com/api/#operation/list-backups>
pub(super) async fn backups(call: Call) -> Reply {
    listing::page(&call, "backups", Vec::<(u64, Value)>::new(), |none| none)
}

/// <https://www.vultr.com/api/#operation/get-backup>
pub(super) async fn backup(_call: Call) -> Refusal {
    Refusal::not_found("backup")
}

/// What is preinstalled on a system.
#[derive(Clone, Copy, Debug)]
pub(super) struct Application {
    id: u64,
    name: &'static str,
    short_name: &'static str,
    /// What those of the marketplace are ordered by; empty for the others, which are by their id.
    image_id: &'static str,
}

/// On which system all of them are.
pub(super) const APPLICATION_SYSTEM: &str = "ubuntu-22.04";

const APPLICATIONS: &[Application] = &[
    Application {
        id: 17,
        name: "Docker",
        short_name: "docker",
        image_id: "",
    },
    Application {
        id: 1028,
        name: "OpenLiteSpeed WordPress",
        short_name: "openlitespeedwordpress",
        image_id: "openlitespeed-wordpress",
    },
];

impl Application {
    pub(super) fn by_id(id: u64) -> Option<&'static Self> {
        APPLICATIONS
            .iter()
            .find(|own| own.id == id && own.image_id.is_empty())
    }

    pub(super) fn by_image(image_id: &str) -> Option<&'static Self> {
        APPLICATIONS
            .iter()
            .find(|own| own.image_id == image_id && !image_id.is_empty())
    }

    fn kind(self) -> &'static str {
        if self.image_id.is_empty() {
            "one-click"
        } else {
            "marketplace"
        }
    }

    fn show(self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "short_name": self.short_name,
            "deploy_name": format!("{} on Ubuntu 22.04 x64", self.name),
            "type": self.kind(),
            "vendor": "vultr",
            "image_id": self.image_id,
        })
    }
}

/// The system of that number.
pub(super) fn system(world: &World, number: u64) -> Option<&Image> {
    world
        .offer
        .images
        .iter()
        .find(|image| image.number == number)
}

pub(super) fn show_system(image: &Image) -> Value {
    json!({"id": image.number, "name": image.description, "arch": "x64", "family": image.os})
}

/// Whether a plan is of a type as clients ask for it: `voc` is all of `voc-g`, `voc-c` and so on.
fn is_of(plan: &Plan, wanted: Option<&str>) -> bool {
    let kind = kind(plan);
    match wanted {
        None | Some("" | "all") => true,
        Some(wanted) => kind == wanted || kind.split('-').next() == Some(wanted),
    }
}

fn kind(plan: &Plan) -> &str {
    plan.extra
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or("vc2")
}

fn show_region(region: &Region) -> Value {
    json!({
        "id": region.id,
        "city": region.city,
        "country": region.country,
        "continent": region.extra.get("continent").cloned().unwrap_or(json!("Europe")),
        "options": ["ddos_protection", "block_storage_storage_opt", "load_balancers", "kubernetes"],
        "connectivity": ["public_ip", "nat_gateway"],
    })
}

fn show_plan(plan: &Plan) -> Value {
    let dearer = plan.regional_prices.iter();
    let dearer = dearer.filter(|(region, _)| plan.regions.contains(region));
    let dearer: Map<String, Value> = dearer
        .map(|(region, price)| (region.clone(), show_price(*price)))
        .collect();
    json!({
        "id": plan.id,
        "vcpu_count": plan.cpus,
        "ram": plan.memory_mib,
        "disk": plan.disk_gb,
        "disk_count": 1,
        "bandwidth": plan.extra.get("bandwidth").cloned().unwrap_or(json!(1024)),
        "monthly_cost": amount(plan.price.monthly),
        "hourly_cost": amount(plan.price.hourly),
        "invoice_type": "hourly",
        "type": kind(plan),
        "locations": plan.regions,
        "location_cost": dearer,
    })
}

fn show_price(price: Price) -> Value {
    json!({"monthly_cost": amount(price.monthly), "hourly_cost": amount(price.hourly)})
}

/// An amount of dollars: an integer where it is one.
pub(super) fn amount(dollars: Decimal) -> Value {
    match dollars.normalize() {
        whole if whole.scale() == 0 => json!(whole.to_i64()),
        broken => json!(broken.to_f64()),
    }
}
