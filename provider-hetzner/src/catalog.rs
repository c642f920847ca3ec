//! What Hetzner offers, and which of it is the default. A file of its own because the API tells it in
//! four places, and prices and availability per location.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rust_decimal::Decimal;
use vps_docker_core::Result;
use vps_docker_core::model::{Catalog, Image, Money, Plan, Price, Region};

use crate::client::Cloud;
use crate::convert::whole;
use crate::wire::{
    self, Amount, Architecture, ImageStatus, Location, Pricing, PricingAnswer, ServerType,
};

/// Least memory of the default plan: below it Docker has little room.
const DEFAULT_MEMORY_MIB: u64 = 2048;

/// Hours of a month, to compare prices of which only one is told.
const HOURS: u32 = 730;

/// `GET /locations`, `/server_types`, `/images` and, for the currency and what snapshots cost, `/pricing`, all at once.
pub(crate) async fn load(cloud: &Cloud) -> Result<Catalog> {
    let images = [("type", "system"), ("status", "available")];
    let (locations, types, images, pricing) = tokio::try_join!(
        cloud.all::<Location>("catalog", &["locations"], &[]),
        cloud.all::<ServerType>("catalog", &["server_types"], &[]),
        cloud.all::<wire::Image>("catalog", &["images"], &images),
        cloud
            .api
            .get("catalog", ["pricing"])
            .json::<PricingAnswer>(),
    )?;
    Ok(catalog(locations, types, images, &pricing.pricing))
}

pub(crate) fn catalog(
    locations: Vec<Location>,
    types: Vec<ServerType>,
    images: Vec<wire::Image>,
    pricing: &Pricing,
) -> Catalog {
    let currency = &pricing.currency;
    let mut regions: Vec<Region> = locations.into_iter().map(region).collect();
    let known: Vec<&str> = regions.iter().map(|region| &*region.id).collect();
    let mut offers: Vec<Offer> = types
        .into_iter()
        .filter_map(|server_type| offer(server_type, &known, currency))
        .collect();
    offers.sort_by_key(Offer::rank);
    if let Some(default) = offers.first() {
        regions.sort_by_key(|region| default.rank_of(&region.id));
    }
    Catalog {
        regions,
        plans: offers.into_iter().map(|offer| offer.plan).collect(),
        images: sorted_images(images),
        snapshot_gb_month: money(pricing.image.price_per_gb_month.as_ref(), currency),
    }
}

/// A plan, and what is not told of it but decides on its place.
struct Offer {
    plan: Plan,
    is_x86: bool,
    /// Regions where Hetzner recommends it.
    recommended: Vec<String>,
}

impl Offer {
    /// The default first: the cheapest one of the usual architecture that has enough memory. All have
    /// a public IPv4 address. Those without a price come last.
    fn rank(&self) -> impl Ord + use<> {
        let will_do = self.is_x86
            && self.plan.memory_mib >= DEFAULT_MEMORY_MIB
            && self.plan.cpus >= 1
            && amount(&self.plan.price).is_some();
        let price = amount(&self.plan.price);
        (
            !will_do,
            !self.is_x86,
            price.is_none(),
            price,
            self.plan.id.clone(),
        )
    }

    /// The default region first: where this plan is to be had, is cheapest, and recommended.
    fn rank_of(&self, region: &str) -> impl Ord + use<> {
        let has = |regions: &[String]| regions.iter().any(|id| id == region);
        let price = amount(self.plan.price_in(region));
        let is_here = has(&self.plan.regions);
        let is_cheapest = price == amount(&self.plan.price);
        // The others keep the order in which Hetzner lists them.
        let is_default_like = is_here && is_cheapest;
        (
            !is_default_like,
            !(is_default_like && has(&self.recommended)),
        )
    }
}

fn money(amount: Option<&Amount>, currency: &str) -> Option<Money> {
    let amount: Decimal = amount?.net.parse().ok()?;
    Some(Money {
        amount: amount.normalize(),
        currency: currency.to_owned(),
    })
}

/// What a month costs, to compare.
fn amount(price: &Price) -> Option<Decimal> {
    let of_hours = || Some(price.hourly.as_ref()?.amount * Decimal::from(HOURS));
    price
        .monthly
        .as_ref()
        .map(|money| money.amount)
        .or_else(of_hours)
}

fn region(location: Location) -> Region {
    let parts = [&*location.city, &*location.country];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let mut description = if parts.is_empty() {
        location.description
    } else {
        parts.join(", ")
    };
    if !location.network_zone.is_empty() {
        description = format!("{description} ({})", location.network_zone);
    }
    Region {
        id: location.name,
        description,
    }
}

/// A server type as it is to be had now; `None` when it is nowhere, or on its way out everywhere.
fn offer(server_type: ServerType, known: &[&str], currency: &str) -> Option<Offer> {
    let (regions, recommended) = available_in(&server_type);
    let regions: Vec<String> = regions
        .into_iter()
        .filter(|region| known.contains(&&**region))
        .collect();
    if regions.is_empty() {
        // No regions at all would read as: in all of them.
        return None;
    }
    let regional_prices: BTreeMap<String, Price> = server_type
        .prices
        .iter()
        // Sold out as well: what stands there is paid for.
        .filter(|price| known.contains(&&*price.location))
        .map(|price| {
            let here = Price {
                hourly: money(price.price_hourly.as_ref(), currency),
                monthly: money(price.price_monthly.as_ref(), currency),
            };
            (price.location.clone(), here)
        })
        .collect();
    let offered = regional_prices
        .iter()
        .filter(|(region, price)| regions.contains(region) && amount(price).is_some());
    let cheapest = offered.min_by_key(|(_, price)| amount(price));
    let cheapest = cheapest.map(|(_, price)| price.clone());
    let is_x86 = server_type.architecture == Architecture::X86;
    Some(Offer {
        plan: Plan {
            description: description(&server_type),
            id: server_type.name,
            cpus: u32::try_from(whole(server_type.cores)).unwrap_or(u32::MAX),
            memory_mib: whole(server_type.memory * 1024.0),
            disk_gib: Some(whole(server_type.disk)).filter(|disk| *disk > 0),
            price: cheapest.unwrap_or_default(),
            regional_prices,
            regions,
        },
        is_x86,
        recommended,
    })
}

/// Where a server type is to be had and not on its way out, and where of these it is recommended.
fn available_in(server_type: &ServerType) -> (Vec<String>, Vec<String>) {
    if server_type.locations.is_empty() {
        // Until 2025 it was where it had a price.
        let priced = server_type
            .prices
            .iter()
            .map(|price| price.location.clone());
        let regions = if server_type.deprecated {
            Vec::new()
        } else {
            priced.collect()
        };
        return (regions, Vec::new());
    }
    let here = server_type
        .locations
        .iter()
        .filter(|local| local.available != Some(false) && local.deprecation.is_none());
    let recommended = here.clone().filter(|local| local.recommended);
    (
        here.map(|local| local.name.clone()).collect(),
        recommended.map(|local| local.name.clone()).collect(),
    )
}

fn description(server_type: &ServerType) -> String {
    let name = match &*server_type.description {
        "" => server_type.name.to_uppercase(),
        description => description.to_owned(),
    };
    let architecture = match &server_type.architecture {
        Architecture::X86 => "x86",
        Architecture::Arm => "Arm",
        Architecture::Unknown(word) => word,
    };
    let processors = match &*server_type.cpu_type {
        "" => String::new(),
        kind => format!(", {kind} vCPU"),
    };
    format!("{name} ({architecture}{processors})")
}

/// Debian and Ubuntu, for which the bootstrap is made; by name, which fits both architectures.
fn sorted_images(images: Vec<wire::Image>) -> Vec<Image> {
    let mut ranked: BTreeMap<_, Image> = BTreeMap::new();
    for image in images {
        let is_offered = image.deprecated.is_none()
            && image.deleted.is_none()
            && !matches!(
                image.status,
                ImageStatus::Creating | ImageStatus::Unavailable
            );
        let Some(name) = image.name.filter(|_| is_offered) else {
            continue;
        };
        let Some((family, version)) = release(&name) else {
            continue;
        };
        let is_arm = image.architecture == Architecture::Arm;
        let rank = (is_arm, family, Reverse(version));
        let description = match image.description {
            text if text.is_empty() => name.clone(),
            text => text,
        };
        ranked.entry(rank).or_insert(Image {
            id: name,
            description,
            has_docker: false,
        });
    }
    let mut images: Vec<Image> = Vec::new();
    for image in ranked.into_values() {
        // That for the other architecture has the same name.
        if images.iter().all(|other| other.id != image.id) {
            images.push(image);
        }
    }
    images
}

/// In the order of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    Debian,
    Ubuntu,
    /// Before 12.
    OldDebian,
}

/// Reads `debian-12` and `ubuntu-24.04`.
fn release(name: &str) -> Option<(Family, (u32, u32))> {
    let (family, version) = name.split_once('-')?;
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    let version = (major.parse().ok()?, minor.parse().ok()?);
    match family {
        "debian" if version.0 >= 12 => Some((Family::Debian, version)),
        "debian" => Some((Family::OldDebian, version)),
        "ubuntu" => Some((Family::Ubuntu, version)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn server_type(
        name: &str,
        architecture: &str,
        memory: u32,
        locations: &[(&str, &str)],
    ) -> Value {
        let prices = locations.iter().map(|(location, net)| {
            json!({
                "location": location,
                "price_hourly": { "net": "0.0060000000", "gross": "0.0071" },
                "price_monthly": { "net": net, "gross": "999" }
            })
        });
        let places = locations.iter().map(|(location, _)| {
            json!({ "name": location, "available": true, "recommended": false, "deprecation": null })
        });
        json!({
            "id": 1, "name": name, "description": name.to_uppercase(), "cores": 2, "memory": memory,
            "disk": 40, "cpu_type": "shared", "architecture": architecture,
            "prices": prices.collect::<Vec<_>>(), "locations": places.collect::<Vec<_>>()
        })
    }

    fn image(name: &str, architecture: &str) -> Value {
        json!({
            "id": 1, "name": name, "type": "system", "status": "available",
            "description": format!("{name} Standard 64 bit"), "architecture": architecture,
            "deprecated": null, "deleted": null
        })
    }

    fn made(types: Vec<Value>, images: Vec<Value>) -> Catalog {
        let locations = ["fsn1", "nbg1", "hel1", "ash"].map(|name| {
            json!({ "name": name, "city": "X", "country": "DE", "network_zone": "eu-central" })
        });
        fn read<T: serde::de::DeserializeOwned>(all: Vec<Value>) -> Vec<T> {
            serde_json::from_value(all.into()).expect("readable")
        }
        let pricing = json!({
            "currency": "EUR",
            "image": {"price_per_gb_month": {"net": "0.0143000000", "gross": "0.0170170000"}}
        });
        let pricing: Pricing = serde_json::from_value(pricing).expect("readable");
        catalog(read(locations.into()), read(types), read(images), &pricing)
    }

    fn ids<T>(all: &[T], id: impl Fn(&T) -> &String) -> Vec<&str> {
        all.iter().map(|one| id(one).as_str()).collect()
    }

    #[test]
    fn the_default_plan_is_the_cheapest_x86_one_with_enough_memory() {
        let catalog = made(
            vec![
                server_type("cpx11", "x86", 2, &[("fsn1", "4.3500000000"), ("ash", "5")]),
                server_type("tiny", "x86", 1, &[("fsn1", "1")]),
                server_type("cax11", "arm", 4, &[("fsn1", "2")]),
                server_type(
                    "cx23",
                    "x86",
                    4,
                    &[("nbg1", "3.4900000000"), ("hel1", "3.49")],
                ),
            ],
            vec![],
        );
        assert_eq!(
            ids(&catalog.plans, |plan| &plan.id),
            ["cx23", "cpx11", "tiny", "cax11"]
        );
        let snapshots = catalog.snapshot_gb_month.as_ref();
        let snapshots = snapshots.map(ToString::to_string);
        assert_eq!(snapshots.as_deref(), Some("0.0143 EUR"));
        let default = catalog.plan(None).expect("there are some");
        assert_eq!(
            default.price.monthly.as_ref().expect("told").to_string(),
            "3.49 EUR"
        );
        assert_eq!(
            default.price.hourly.as_ref().expect("told").to_string(),
            "0.006 EUR"
        );
        assert_eq!(
            (default.cpus, default.memory_mib, default.disk_gib),
            (2, 4096, Some(40))
        );
        assert_eq!(default.description, "CX23 (x86, shared vCPU)");
        let region = catalog.region(None).expect("there are some");
        assert_eq!(region.id, "nbg1", "the first that has it");
        catalog
            .check_availability(default, region)
            .expect("they fit");
    }

    #[test]
    fn prices_and_the_default_region_go_by_location() {
        let mut cx23 = server_type(
            "cx23",
            "x86",
            4,
            &[("ash", "9"), ("fsn1", "4"), ("hel1", "4")],
        );
        cx23["locations"][2]["recommended"] = true.into();
        let catalog = made(vec![cx23], vec![]);
        let plan = &catalog.plans[0];
        let monthly = |region| amount(plan.price_in(region)).expect("told").to_string();
        assert_eq!((monthly("ash"), monthly("fsn1")), ("9".into(), "4".into()));
        assert_eq!(amount(&plan.price), Some(Decimal::from(4)));
        assert_eq!(
            ids(&catalog.regions, |region| &region.id),
            ["hel1", "fsn1", "nbg1", "ash"]
        );
    }

    #[test]
    fn what_is_sold_out_or_on_its_way_out_is_left_out() {
        let places = [("fsn1", "3"), ("nbg1", "3"), ("hel1", "3"), ("mars", "3")];
        let mut some = server_type("cx23", "x86", 4, &places);
        some["locations"][0]["available"] = false.into();
        some["locations"][1]["deprecation"] = json!({ "announced": "2026-01-01T00:00:00Z" });
        let mut none = server_type("cx22", "x86", 4, &[("fsn1", "2")]);
        none["locations"][0]["available"] = false.into();
        let catalog = made(vec![some, none], vec![]);
        assert_eq!(ids(&catalog.plans, |plan| &plan.id), ["cx23"]);
        assert_eq!(catalog.plans[0].regions, ["hel1"]);
        assert_eq!(catalog.regions[0].id, "hel1");
    }

    #[test]
    fn without_locations_a_type_is_where_it_has_a_price() {
        let mut old = server_type("cx22", "x86", 4, &[("fsn1", "3")]);
        old.as_object_mut().expect("an object").remove("locations");
        assert_eq!(made(vec![old.clone()], vec![]).plans[0].regions, ["fsn1"]);
        old["deprecated"] = true.into();
        assert!(made(vec![old], vec![]).plans.is_empty());
    }

    #[test]
    fn a_price_that_cannot_be_read_is_not_told_and_no_default() {
        let odd = server_type("odd", "x86", 4, &[("fsn1", "a lot")]);
        let mut odd_too = odd.clone();
        odd_too["name"] = "odder".into();
        odd_too["prices"] = Value::Null;
        let dear = server_type("dear", "x86", 4, &[("fsn1", "100")]);
        let catalog = made(vec![odd_too, odd, dear], vec![]);
        assert_eq!(
            ids(&catalog.plans, |plan| &plan.id),
            ["odd", "dear", "odder"]
        );
        assert_eq!(
            catalog.plans[0].price.monthly, None,
            "the hourly one is told"
        );
        assert_eq!(catalog.plans[2].price, Price::default());
    }

    #[test]
    fn the_default_image_is_the_newest_debian_by_name() {
        let mut deprecated = image("debian-14", "x86");
        deprecated["deprecated"] = "2026-01-01T00:00:00Z".into();
        let mut creating = image("debian-15", "x86");
        creating["status"] = "creating".into();
        let catalog = made(
            vec![],
            vec![
                image("ubuntu-24.04", "x86"),
                image("debian-11", "x86"),
                image("fedora-42", "x86"),
                image("debian-13", "arm"),
                image("debian-12", "x86"),
                image("ubuntu-26.04", "arm"),
                image("debian-13", "x86"),
                image("ubuntu-22.04", "x86"),
                image("debian", "x86"),
                json!({ "id": 5, "name": null }),
                deprecated,
                creating,
            ],
        );
        assert_eq!(
            ids(&catalog.images, |image| &image.id),
            [
                "debian-13",
                "debian-12",
                "ubuntu-24.04",
                "ubuntu-22.04",
                "debian-11",
                "ubuntu-26.04"
            ]
        );
        assert!(catalog.images.iter().all(|image| !image.has_docker));
    }
}
