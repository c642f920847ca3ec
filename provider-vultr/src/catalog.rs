//! What Vultr offers. A file of its own because plans cost differently by place, and because the
//! defaults are chosen of what there is today.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::{Decimal, RoundingStrategy};
use tokio::try_join;
use vps_docker_core::Result;
use vps_docker_core::model::{Catalog, Image, Money, Plan, Price, Region};

use crate::api::Api;
use crate::convert::is_ipv6_only;
use crate::lenient::Amount;
use crate::wire::{self, Cost, OsList, Plans, Regions};

/// Hours after which a month is paid for; of plans with a graphics processor below.
const CAP_HOURS: u32 = 672;
const GPU_CAP_HOURS: u32 = 730;
/// Least memory of the plan that is chosen when none is asked for, in MiB.
const DEFAULT_MEMORY: u64 = 2048;
/// The region that is chosen when none is asked for: the first of these that will do.
const DEFAULT_REGIONS: &[&str] = &["fra", "ams", "ewr", "lhr", "ord", "sgp"];

/// *List Plans*, *List Regions*, *List OS*, at the same time.
pub(crate) async fn catalog(api: &Api) -> Result<Catalog> {
    let (plans, regions, systems) = try_join!(
        api.list::<Plans>("catalog", &["plans"]),
        api.list::<Regions>("catalog", &["regions"]),
        api.list::<OsList>("catalog", &["os"]),
    )?;
    Ok(offer(&plans, &regions, &systems))
}

/// The catalogue, defaults first.
pub(crate) fn offer(
    plans: &[wire::Plan],
    regions: &[wire::Region],
    systems: &[wire::Os],
) -> Catalog {
    // Where there are private networks only, an instance cannot be reached.
    let is_public = |region: &&wire::Region| {
        let connectivity = region.connectivity.as_deref().unwrap_or_default();
        connectivity.is_empty() || connectivity.iter().any(|kind| kind == "public_ip")
    };
    let regions: Vec<&wire::Region> = regions
        .iter()
        .filter(|region| !region.id.is_empty())
        .filter(is_public)
        .collect();
    let known: BTreeSet<&str> = regions.iter().map(|region| region.id.as_str()).collect();
    let plans = sorted_plans(plans, &known);
    let default_region = plans
        .first()
        .and_then(|plan| default_region(plan, &regions));
    let mut regions: Vec<Region> = regions.into_iter().map(region).collect();
    regions.sort_by_key(|region| Some(&region.id) != default_region.as_ref());
    Catalog {
        regions,
        plans,
        images: images(systems),
        // The API does not state it.
        snapshot_gb_month: None,
    }
}

/// The default first, the others from the cheapest.
fn sorted_plans(wire: &[wire::Plan], known: &BTreeSet<&str>) -> Vec<Plan> {
    let mut plans: Vec<(bool, Plan)> = wire
        .iter()
        .filter_map(|wire| Some((is_plain(wire), plan(wire, known)?)))
        .collect();
    plans.sort_by_cached_key(|(_, plan)| (is_unpriced(plan), monthly(plan), plan.id.clone()));
    let fits = |(is_plain, plan): &(bool, Plan)| {
        *is_plain && plan.cpus >= 1 && plan.memory_mib >= DEFAULT_MEMORY && !is_unpriced(plan)
    };
    if let Some(default) = plans.iter().position(fits) {
        plans[..=default].rotate_right(1);
    }
    plans.into_iter().map(|(_, plan)| plan).collect()
}

fn monthly(plan: &Plan) -> Decimal {
    let monthly = plan.price.monthly.as_ref();
    monthly.map_or(Decimal::ZERO, |money| money.amount)
}

/// A price of nothing is no offer to everybody either: so the free tier is listed.
fn is_unpriced(plan: &Plan) -> bool {
    monthly(plan).is_zero()
}

/// Whether a plan is an ordinary machine: with a public IPv4 address, without a graphics processor.
fn is_plain(plan: &wire::Plan) -> bool {
    plan.r#type != "vcg" && plan.gpu_type.is_empty() && !is_ipv6_only(&plan.id)
}

/// `None` of what cannot be had by a plain order: sold out everywhere, without a disk, to be had as a
/// preemptible instance only, or bare metal.
fn plan(wire: &wire::Plan, known: &BTreeSet<&str>) -> Option<Plan> {
    let no_order = wire.disk == Some(0) || wire.deploy_ondemand == Some(false);
    if wire.id.is_empty() || wire.r#type == "vbm" || no_order {
        return None;
    }
    let regions: Vec<String> = match &wire.locations {
        None => Vec::new(),
        Some(locations) => {
            let mut regions = locations.clone();
            regions.retain(|location| known.contains(location.as_str()));
            if regions.is_empty() {
                return None;
            }
            regions
        }
    };
    let base = price(wire, None);
    let regional_prices: BTreeMap<String, Price> = if wire.location_cost.is_empty() {
        BTreeMap::new()
    } else {
        // All of them, as the price beside them is the lowest and not that of the others.
        let of = |region: &String| (region.clone(), price(wire, wire.location_cost.get(region)));
        regions.iter().map(of).collect()
    };
    let lowest = regional_prices
        .values()
        .min_by_key(|price| price.monthly.as_ref().map(|money| money.amount));
    Some(Plan {
        id: wire.id.clone(),
        description: description(wire),
        cpus: wire.vcpu_count,
        memory_mib: wire.ram,
        disk_gib: wire.disk,
        price: lowest.cloned().unwrap_or(base),
        regional_prices,
        regions,
    })
}

fn description(wire: &wire::Plan) -> String {
    let memory = match wire.ram {
        ram if ram % 1024 == 0 => format!("{} GiB", ram / 1024),
        ram => format!("{ram} MiB"),
    };
    let mut text = format!("{} vCPU, {memory}", wire.vcpu_count);
    if let Some(disk) = wire.disk {
        text += &format!(", {disk} GB disk");
    }
    if !wire.gpu_type.is_empty() {
        text += &format!(", {}", wire.gpu_type);
    }
    if is_ipv6_only(&wire.id) {
        text += ", IPv6 only";
    }
    text
}

/// What a plan costs, in a place that has a price of its own or in general.
fn price(plan: &wire::Plan, location: Option<&Cost>) -> Price {
    let location = location.copied().unwrap_or_default();
    let monthly = location.monthly_cost.or(plan.monthly_cost);
    let told = |cost: Option<Amount>| cost.filter(|amount| !amount.0.is_zero());
    let hourly = match told(location.hourly_cost) {
        Some(hourly) => Some(hourly),
        None if location.monthly_cost.is_some() => None,
        None => told(plan.hourly_cost),
    };
    let hourly = hourly.or_else(|| hourly_of(monthly?, plan));
    Price {
        hourly: hourly.map(money),
        monthly: monthly.map(money),
    }
}

/// An hour, of which so many are a month, in the thousandths that Vultr shows.
fn hourly_of(monthly: Amount, plan: &wire::Plan) -> Option<Amount> {
    if plan.invoice_type == "monthly" {
        return None;
    }
    let hours = if plan.r#type == "vcg" {
        GPU_CAP_HOURS
    } else {
        CAP_HOURS
    };
    let exact = monthly.0 / Decimal::from(hours);
    Some(Amount(exact.round_dp_with_strategy(
        3,
        RoundingStrategy::MidpointAwayFromZero,
    )))
}

fn money(amount: Amount) -> Money {
    Money {
        amount: amount.0,
        currency: "USD".to_owned(),
    }
}

fn region(wire: &wire::Region) -> Region {
    let parts = [wire.city.as_str(), wire.country.as_str()];
    let named: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Region {
        id: wire.id.clone(),
        description: named.join(", "),
    }
}

/// Where the plan costs least; of those places the first of ours, else Vultr's.
fn default_region(plan: &Plan, regions: &[&wire::Region]) -> Option<String> {
    let offers = |id: &&str| {
        let listed = plan.regions.is_empty() || plan.regions.iter().any(|region| region == id);
        listed && *plan.price_in(id) == plan.price
    };
    let listed: Vec<&str> = regions.iter().map(|region| region.id.as_str()).collect();
    let preferred = DEFAULT_REGIONS
        .iter()
        .copied()
        .filter(|id| listed.contains(id));
    let mut candidates = preferred.chain(listed.iter().copied());
    candidates.find(offers).map(str::to_owned)
}

/// Debian and Ubuntu for x86, newest first: the bootstrap needs apt. Debian first, if it is 12 or
/// newer.
fn images(systems: &[wire::Os]) -> Vec<Image> {
    let mut releases: Vec<(Release, Image)> = systems
        .iter()
        .filter(|os| os.arch == "x64" || os.arch.is_empty() && os.name.contains("x64"))
        .filter_map(|os| {
            let image = Image {
                id: os.id?.to_string(),
                description: os.name.clone(),
                has_docker: false,
            };
            Some((Release::parse(&os.name)?, image))
        })
        .collect();
    releases.sort_by_key(|(release, _)| Reverse(*release));
    releases.into_iter().map(|(_, image)| image).collect()
}

/// A release; the greater, the better for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Release {
    OldDebian(u32, u32),
    Ubuntu(u32, u32),
    Debian(u32, u32),
}

impl Release {
    /// Reads a name such as `Debian 12 x64 (bookworm)` or `Ubuntu 24.04 LTS x64`.
    fn parse(name: &str) -> Option<Self> {
        let mut words = name.split_whitespace();
        let family = words.next()?.to_ascii_lowercase();
        let version = words.next()?;
        let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
        let (major, minor) = (major.parse().ok()?, minor.parse().ok()?);
        match family.as_str() {
            "debian" if major >= 12 => Some(Self::Debian(major, minor)),
            "debian" => Some(Self::OldDebian(major, minor)),
            "ubuntu" => Some(Self::Ubuntu(major, minor)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn plan(id: &str, more: Value) -> Value {
        let mut plan = json!({
            "id": id, "vcpu_count": 1, "ram": 2048, "disk": 55, "type": "vc2",
            "monthly_cost": 10, "hourly_cost": 0.015, "locations": ["ewr", "fra", "sao"],
        });
        let more = more.as_object().expect("an object").clone();
        plan.as_object_mut().expect("an object").extend(more);
        plan
    }

    fn catalog_of(plans: Value) -> Catalog {
        let plans: Vec<wire::Plan> = serde_json::from_value(plans).expect("plans");
        let regions: Vec<wire::Region> = serde_json::from_value(json!([
            {"id": "ewr", "city": "New Jersey", "country": "US"},
            {"id": "fra", "city": "Frankfurt", "country": "DE", "connectivity": ["public_ip"]},
            {"id": "sao", "city": "São Paulo", "country": "BR"},
            {"id": "vpc", "city": "Nowhere", "connectivity": ["nat_gateway"]},
        ]))
        .expect("regions");
        let systems: Vec<wire::Os> = serde_json::from_value(json!([
            {"id": 127, "name": "CentOS 6 x64", "arch": "x64", "family": "centos"},
            {"id": 477, "name": "Debian 11 x64 (bullseye)", "arch": "x64", "family": "debian"},
            {"id": 2284, "name": "Ubuntu 24.04 LTS x64", "arch": "x64", "family": "ubuntu"},
            {"id": 2136, "name": "Debian 12 x64 (bookworm)", "arch": "x64", "family": "debian"},
            {"id": 2625, "name": "Debian 13 x64 (trixie)", "arch": "x64", "family": "debian"},
            {"id": 1743, "name": "Ubuntu 22.04 LTS x64", "arch": "x64", "family": "ubuntu"},
            {"id": 9, "name": "Debian 14 arm64", "arch": "arm64", "family": "debian"},
            {"id": 8, "name": "Debian sid x64", "arch": "x64", "family": "debian"},
            {"id": 159, "name": "Custom", "arch": "x64", "family": "iso"},
            {"name": "Debian 99 x64"}, {},
        ]))
        .expect("systems");
        offer(&plans, &regions, &systems)
    }

    fn ids<T>(entries: &[T], id: impl Fn(&T) -> &String) -> Vec<&str> {
        entries.iter().map(|entry| id(entry).as_str()).collect()
    }

    fn usd(text: &str) -> Option<Money> {
        Some(money(Amount(text.parse().expect("a number"))))
    }

    #[test]
    fn the_newest_debian_is_the_default_whatever_its_number() {
        let catalog = catalog_of(json!([]));
        assert_eq!(
            ids(&catalog.images, |i| &i.id),
            ["2625", "2136", "2284", "1743", "477"]
        );
        assert!(catalog.images.iter().all(|image| !image.has_docker));
        let old: Vec<wire::Os> = serde_json::from_value(json!([
            {"id": 1, "name": "Debian 11 x64", "arch": "x64"},
            {"id": 2, "name": "Ubuntu 22.04 x64", "arch": "x64"},
        ]))
        .expect("systems");
        assert_eq!(ids(&images(&old), |i| &i.id), ["2", "1"]);
    }

    #[test]
    fn the_default_plan_is_the_cheapest_ordinary_one_of_two_gibibytes() {
        let catalog = catalog_of(json!([
            plan("vhf-1c-2gb", json!({"monthly_cost": 12})),
            plan("vc2-1c-1gb", json!({"monthly_cost": 5, "ram": 1024})),
            plan("vc2-1c-2gb-v6", json!({"monthly_cost": 3})),
            plan("vcg-a16-2c", json!({"monthly_cost": 4, "type": "vcg", "gpu_type": "NVIDIA_A16"})),
            plan("free", json!({"monthly_cost": 0, "hourly_cost": 0})),
            plan("vc2-1c-2gb", json!({})),
            plan("sold-out", json!({"monthly_cost": 6, "locations": []})),
            plan("vpc-only", json!({"monthly_cost": 6, "locations": ["vpc"]})),
            plan("preemptible", json!({"monthly_cost": 6, "deploy_ondemand": false})),
            plan("no-disk", json!({"monthly_cost": 6, "disk": 0})),
            plan("metal", json!({"monthly_cost": 6, "type": "vbm"})),
            {"vcpu_count": 1},
        ]));
        assert_eq!(
            ids(&catalog.plans, |plan| &plan.id),
            [
                "vc2-1c-2gb",
                "vc2-1c-2gb-v6",
                "vcg-a16-2c",
                "vc2-1c-1gb",
                "vhf-1c-2gb",
                "free"
            ]
        );
        let default = catalog.plan(None).expect("one");
        assert_eq!(default.description, "1 vCPU, 2 GiB, 55 GB disk");
        assert_eq!(default.regions, ["ewr", "fra", "sao"]);
        assert!(catalog.plans[1].description.contains("IPv6 only"));
    }

    #[test]
    fn the_default_region_is_a_cheap_one_of_the_default_plan() {
        let catalog = catalog_of(json!([plan("a", json!({}))]));
        assert_eq!(
            ids(&catalog.regions, |region| &region.id),
            ["fra", "ewr", "sao"]
        );
        assert_eq!(catalog.regions[0].description, "Frankfurt, DE");
        let catalog = catalog_of(json!([plan("a", json!({"locations": ["sao", "ewr"]}))]));
        assert_eq!(catalog.region(None).expect("one").id, "ewr");
        let dear = json!({"location_cost": {"fra": {"monthly_cost": 12, "hourly_cost": 0.018}}});
        let catalog = catalog_of(json!([plan("a", dear)]));
        assert_eq!(catalog.region(None).expect("one").id, "ewr");
    }

    #[test]
    fn prices_are_exact_and_differ_by_place() {
        let catalog = catalog_of(json!([plan(
            "a",
            json!({"location_cost": {
                "sao": {"monthly_cost": 15.5, "hourly_cost": 0.0231},
                "ewr": {"monthly_cost": 9},
                "elsewhere": {"monthly_cost": 1},
            }})
        )]));
        let plan = catalog.plan(None).expect("one");
        let price = |hourly, monthly| Price {
            hourly: usd(hourly),
            monthly: usd(monthly),
        };
        assert_eq!(*plan.price_in("sao"), price("0.0231", "15.5"));
        assert_eq!(*plan.price_in("ewr"), price("0.013", "9"), "9 / 672 h");
        assert_eq!(*plan.price_in("fra"), price("0.015", "10"));
        assert_eq!(
            plan.price,
            price("0.013", "9"),
            "the lowest of where it is to be had"
        );
    }

    #[test]
    fn an_hour_that_is_not_told_is_a_part_of_the_month() {
        let priced = |more| {
            let plan: wire::Plan = serde_json::from_value(plan("a", more)).expect("a plan");
            super::price(&plan, None)
        };
        let of =
            |monthly: &str| priced(json!({"monthly_cost": monthly, "hourly_cost": null})).hourly;
        for (monthly, hourly) in [
            ("5", "0.007"),
            ("10", "0.015"),
            ("20", "0.030"),
            ("2.50", "0.004"),
        ] {
            assert_eq!(of(monthly), usd(hourly), "{monthly}");
        }
        let gpu = json!({"monthly_cost": 73, "hourly_cost": null, "type": "vcg"});
        assert_eq!(priced(gpu).hourly, usd("0.1"));
        let by_month = json!({"hourly_cost": null, "invoice_type": "monthly"});
        assert_eq!(priced(by_month).hourly, None);
        let untold = priced(json!({"monthly_cost": null, "hourly_cost": null}));
        assert_eq!(untold, Price::default());
    }
}
