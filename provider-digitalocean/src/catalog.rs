//! What DigitalOcean offers. In a file of its own, as much of it is a choice of ours.

use rust_decimal::Decimal;
use vps_docker_core::Result;
use vps_docker_core::model::{Catalog, Image, Money, Plan, Price, Region};

use crate::account::Account;
use crate::wire::{self, ImageStatus, Images, Regions, Sizes};

/// Reads the catalogue, three listings at once.
///
/// <https://docs.digitalocean.com/reference/api/reference/sizes/>, `regions` and `images` beside it.
pub(crate) async fn read(account: &Account) -> Result<Catalog> {
    let listing = |path: &'static str| move || account.api.get("catalog", [path]);
    let distributions = || listing("images")().query("type", "distribution");
    let (regions, sizes, images) = tokio::try_join!(
        account.all::<Regions>(listing("regions")),
        account.all::<Sizes>(listing("sizes")),
        account.all::<Images>(distributions),
    )?;
    Ok(catalog(regions, sizes, images))
}

pub(crate) fn catalog(
    regions: Vec<wire::Region>,
    sizes: Vec<wire::Size>,
    images: Vec<wire::Image>,
) -> Catalog {
    let regions = open_regions(regions);
    let plans = plans(sizes, &regions);
    Catalog {
        regions: default_region_first(regions, plans.first()),
        plans,
        images: self::images(images),
        // The API does not state it.
        snapshot_gb_month: None,
    }
}

/// What is said to be available need not be, but what is said not to be is not.
fn open_regions(mut regions: Vec<wire::Region>) -> Vec<Region> {
    regions.retain(|region| region.available != Some(false));
    regions.sort_by(|a, b| a.slug.cmp(&b.slug));
    let convert = |region: wire::Region| Region {
        id: region.slug,
        description: region.name,
    };
    regions.into_iter().map(convert).collect()
}

/// From this memory on a plan may be the default, in MiB.
const DEFAULT_MEMORY: u64 = 2048;

/// The cheapest that will do first, then all by price. Those with a GPU are left out: the API lists their
/// droplets apart, where we would not find them again.
fn plans(sizes: Vec<wire::Size>, regions: &[Region]) -> Vec<Plan> {
    let mut plans: Vec<Plan> = sizes
        .into_iter()
        .filter(|size| size.available != Some(false))
        .filter(|size| size.gpu_info.is_none() && !size.slug.starts_with("gpu-"))
        .map(|size| plan(size, regions))
        // None would mean all.
        .filter(|plan| !plan.regions.is_empty())
        .collect();
    let monthly = |plan: &Plan| {
        plan.price
            .monthly
            .as_ref()
            .map_or(Decimal::MAX, |price| price.amount)
    };
    plans.sort_by(|a, b| monthly(a).cmp(&monthly(b)).then_with(|| a.id.cmp(&b.id)));
    let default = plans
        .iter()
        .position(|plan| plan.memory_mib >= DEFAULT_MEMORY && plan.cpus >= 1);
    if let Some(default) = default {
        plans[..=default].rotate_right(1);
    }
    plans
}

fn plan(size: wire::Size, open: &[Region]) -> Plan {
    let mut regions = size.regions;
    regions.retain(|id| open.iter().any(|region| region.id == *id));
    let mut description = format!("{} vCPU, {} MiB memory", size.vcpus, size.memory);
    if let Some(disk) = size.disk {
        description.push_str(&format!(", {disk} GiB disk"));
    }
    if !size.description.is_empty() {
        description.push_str(&format!(", {}", size.description));
    }
    Plan {
        id: size.slug,
        description,
        cpus: size.vcpus,
        memory_mib: size.memory,
        disk_gib: size.disk,
        price: Price {
            hourly: size.price_hourly.and_then(dollars),
            monthly: size.price_monthly.and_then(dollars),
        },
        regional_prices: std::collections::BTreeMap::new(),
        regions,
    }
}

/// The API writes 0.00744 as 0.00743999984115362: five places are what the price list has.
fn dollars(amount: f64) -> Option<Money> {
    let amount = Decimal::try_from(amount).ok()?.round_dp(5).normalize();
    (!amount.is_sign_negative()).then(|| Money {
        amount,
        currency: "USD".to_owned(),
    })
}

/// Large regions that have everything, one for each side of the Atlantic first.
const PREFERRED: [&str; 6] = ["fra1", "nyc3", "ams3", "lon1", "sfo3", "sgp1"];

fn default_region_first(mut regions: Vec<Region>, default_plan: Option<&Plan>) -> Vec<Region> {
    let offers =
        |region: &&str| default_plan.is_none_or(|plan| plan.regions.iter().any(|id| id == region));
    let others = regions.iter().map(|region| region.id.as_str());
    let chosen = PREFERRED.into_iter().chain(others).filter(offers);
    let position = chosen
        .filter_map(|id| regions.iter().position(|region| region.id == id))
        .next();
    if let Some(position) = position {
        regions[..=position].rotate_right(1);
    }
    regions
}

/// Releases of Debian and Ubuntu: Debian 12 or newer first, the newest at the top.
fn images(images: Vec<wire::Image>) -> Vec<Image> {
    let mut releases: Vec<(Release, wire::Image)> = images
        .into_iter()
        .filter(|image| {
            matches!(
                image.status,
                ImageStatus::Available | ImageStatus::Unknown(_)
            )
        })
        .filter_map(|image| Some((Release::parse(&image.slug)?, image)))
        .collect();
    releases.sort_by(|(a, _), (b, _)| b.cmp(a));
    let convert = |(_, image): (Release, wire::Image)| Image {
        description: format!("{} {}", image.distribution, image.name)
            .trim()
            .to_owned(),
        id: image.slug,
        has_docker: false,
    };
    releases.into_iter().map(convert).collect()
}

/// A release by its slug, such as `debian-13-x64` or `ubuntu-24-04-x64`. The greater the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Release {
    rank: Rank,
    version: (u32, u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    OldDebian,
    Ubuntu,
    Debian,
}

/// Older ones are no default.
const DEFAULT_DEBIAN: u32 = 12;

impl Release {
    fn parse(slug: &str) -> Option<Self> {
        let (distribution, version) = slug.strip_suffix("-x64")?.split_once('-')?;
        let mut numbers = version.split('-').map(str::parse);
        let version = match (numbers.next()?, numbers.next(), numbers.next()) {
            (Ok(major), None, None) => (major, 0),
            (Ok(major), Some(Ok(minor)), None) => (major, minor),
            _ => return None,
        };
        let rank = match distribution {
            "debian" if version.0 >= DEFAULT_DEBIAN => Rank::Debian,
            "debian" => Rank::OldDebian,
            "ubuntu" => Rank::Ubuntu,
            _ => return None,
        };
        Some(Self { rank, version })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn region(slug: &str, available: bool) -> wire::Region {
        serde_json::from_value(json!({"slug": slug, "name": slug, "available": available}))
            .expect("a region")
    }

    fn size(slug: &str, memory: u64, monthly: f64, regions: &[&str]) -> wire::Size {
        let size = json!({
            "slug": slug, "memory": memory, "vcpus": 1, "disk": 25, "price_monthly": monthly,
            "price_hourly": monthly / 672.0, "regions": regions, "available": true,
            "description": "Basic",
        });
        serde_json::from_value(size).expect("a size")
    }

    fn image(slug: &str, status: &str) -> wire::Image {
        serde_json::from_value(json!({"slug": slug, "status": status})).expect("an image")
    }

    fn ids<T>(entries: &[T], id: fn(&T) -> &String) -> Vec<&str> {
        entries.iter().map(|entry| id(entry).as_str()).collect()
    }

    #[test]
    fn the_default_plan_is_the_cheapest_of_two_gib() {
        let mut gpu = size("rtx", 8192, 1.0, &["nyc3"]);
        gpu.gpu_info = Some(json!({"count": 1}));
        let mut withdrawn = size("old", 4096, 2.0, &["nyc3"]);
        withdrawn.available = Some(false);
        let sizes = vec![
            size("s-2vcpu-4gb", 4096, 24.0, &["nyc3"]),
            size("s-1vcpu-512mb", 512, 4.0, &["nyc3"]),
            size("s-1vcpu-2gb", 2048, 12.0, &["nyc3", "ams2"]),
            size("s-1vcpu-1gb", 1024, 6.0, &["nyc3"]),
            size("nowhere", 2048, 3.0, &[]),
            size("closed", 2048, 3.0, &["ams2"]),
            gpu,
            withdrawn,
        ];
        let regions = vec![region("nyc3", true), region("ams2", false)];
        let catalog = catalog(regions, sizes, Vec::new());
        assert_eq!(
            ids(&catalog.plans, |plan| &plan.id),
            ["s-1vcpu-2gb", "s-1vcpu-512mb", "s-1vcpu-1gb", "s-2vcpu-4gb"]
        );
        let plan = &catalog.plans[0];
        assert_eq!(plan.regions, ["nyc3"]);
        let price = |money: &Option<Money>| money.as_ref().expect("a price").to_string();
        assert_eq!(price(&plan.price.monthly), "12 USD");
        assert_eq!(price(&plan.price.hourly), "0.01786 USD");
        assert_eq!(
            plan.description,
            "1 vCPU, 2048 MiB memory, 25 GiB disk, Basic"
        );
    }

    #[test]
    fn the_default_region_offers_the_default_plan() {
        let regions = || {
            ["ams3", "blr1", "fra1", "nyc3"]
                .map(|slug| region(slug, true))
                .into()
        };
        let first = |offered: &[&str]| {
            let sizes = vec![size("s-1vcpu-2gb", 2048, 12.0, offered)];
            catalog(regions(), sizes, Vec::new()).regions[0].id.clone()
        };
        assert_eq!(first(&["nyc3", "fra1", "blr1"]), "fra1");
        assert_eq!(first(&["nyc3", "blr1"]), "nyc3");
        assert_eq!(first(&["blr1"]), "blr1");
    }

    #[test]
    fn the_newest_debian_is_the_default_image() {
        let images = vec![
            image("fedora-42-x64", "available"),
            image("ubuntu-22-04-x64", "available"),
            image("debian-11-x64", "available"),
            image("debian-12-x64", "available"),
            image("debian-14-x64", "retired"),
            image("debian-13-x64", "available"),
            image("debian-13-arm64", "available"),
            image("ubuntu-24-04-x64", "available"),
            image("debian-sid-x64", "available"),
            image("gpu-h100x1-base", "available"),
        ];
        assert_eq!(
            ids(&super::images(images), |image| &image.id),
            [
                "debian-13-x64",
                "debian-12-x64",
                "ubuntu-24-04-x64",
                "ubuntu-22-04-x64",
                "debian-11-x64"
            ]
        );
    }

    #[test]
    fn an_old_debian_is_no_default() {
        let images = vec![
            image("debian-11-x64", "available"),
            image("ubuntu-24-04-x64", "available"),
        ];
        assert_eq!(super::images(images)[0].id, "ubuntu-24-04-x64");
    }

    #[test]
    fn prices_are_those_of_the_list() {
        let price = |amount| dollars(amount).map(|money| money.to_string());
        assert_eq!(
            price(0.007_439_999_841_153_62).as_deref(),
            Some("0.00744 USD")
        );
        assert_eq!(price(5.0).as_deref(), Some("5 USD"));
        for amount in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
            assert_eq!(price(amount), None);
        }
    }
}
