//! Regions, plans and images. A file of its own because only images are listed as such: regions are
//! gathered from the data centers, plans from [`products`](crate::products).

use std::collections::BTreeMap;

use vps_docker_core::model::{Catalog, Image, Plan, Price, Region};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::products::{PRODUCTS, Product};
use crate::wire;

/// The region that the API orders in by default.
const DEFAULT_REGION: &str = "EU";

/// What can be ordered, the default of each first.
pub(crate) fn catalog(data_centers: &[wire::DataCenter], images: &[wire::Image]) -> Catalog {
    let regions = regions(data_centers);
    let plans = PRODUCTS
        .iter()
        .map(|product| plan(product, data_centers))
        .filter(|plan| {
            plan.regions
                .iter()
                .any(|id| regions.iter().any(|one| one.id == *id))
        })
        .collect();
    Catalog {
        regions,
        plans,
        images: systems(images)
            .into_iter()
            .map(|system| system.image)
            .collect(),
        // A plan has room for one or a few; the API states no price.
        snapshot_gb_month: None,
    }
}

/// The image that a machine is wiped with: the newest Debian.
///
/// # Errors
/// [`ErrorKind::Provider`] when there is none that we know.
pub(crate) fn default_image(images: &[wire::Image]) -> Result<String> {
    let mut systems = systems(images).into_iter();
    systems.next().map(|system| system.image.id).ok_or_else(|| {
        Error::new(
            ErrorKind::Provider,
            "Contabo lists no image of Debian or Ubuntu; try again later",
        )
    })
}

fn regions(data_centers: &[wire::DataCenter]) -> Vec<Region> {
    let mut regions: Vec<Region> = Vec::new();
    for center in data_centers {
        let is_known = regions.iter().any(|region| region.id == center.region_slug);
        let sells = ["VPS", "VDS"].iter().any(|kind| can(center, kind));
        if !is_known && sells && !center.region_slug.is_empty() {
            regions.push(Region {
                id: center.region_slug.clone(),
                description: center.region_name.clone(),
            });
        }
    }
    regions.sort_by_key(|region| region.id != DEFAULT_REGION);
    regions
}

/// Whether there are such machines there; where nothing is told, there may be.
fn can(center: &wire::DataCenter, kind: &str) -> bool {
    center.capabilities.is_empty() || center.capabilities.iter().any(|one| one == kind)
}

fn plan(product: &Product, data_centers: &[wire::DataCenter]) -> Plan {
    let mut regions: Vec<String> = Vec::new();
    for center in data_centers
        .iter()
        .filter(|center| can(center, product.kind))
    {
        if !regions.contains(&center.region_slug) {
            regions.push(center.region_slug.clone());
        }
    }
    Plan {
        id: product.id.to_owned(),
        description: format!(
            "{}; price at contabo.com, the API does not tell",
            product.name
        ),
        cpus: product.cpus,
        memory_mib: product.memory_gib * 1024,
        disk_gib: Some(product.disk_gb),
        price: Price::default(),
        regional_prices: BTreeMap::new(),
        regions,
    }
}

/// A plain image that Docker can be installed on.
#[derive(Debug)]
struct System {
    image: Image,
    rank: (Distribution, std::cmp::Reverse<(u32, u32)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Distribution {
    /// 12 or newer.
    Debian,
    Ubuntu,
    OldDebian,
}

/// Oldest releases that still get updates of security.
const OLDEST_DEBIAN: u32 = 11;
const OLDEST_UBUNTU: (u32, u32) = (22, 4);

/// Those images, best first.
fn systems(images: &[wire::Image]) -> Vec<System> {
    let mut systems: Vec<System> = images.iter().filter_map(system).collect();
    systems.sort_by_key(|system| system.rank);
    systems
}

fn system(image: &wire::Image) -> Option<System> {
    if !image.error_message.is_empty() || image.os_type.eq_ignore_ascii_case("windows") {
        return None;
    }
    let (distribution, version) = release(&image.name)?;
    let description = match image.description.as_str() {
        "" => image.name.clone(),
        description => format!("{} ({description})", image.name),
    };
    Some(System {
        image: Image {
            id: image.image_id.clone(),
            description,
            has_docker: false,
        },
        rank: (distribution, std::cmp::Reverse(version)),
    })
}

/// Reads names such as `debian-12` and `ubuntu-24.04`. Those with anything beside it (`-plesk`,
/// `-cpanel`) are no plain images.
fn release(name: &str) -> Option<(Distribution, (u32, u32))> {
    let lower = name.to_lowercase();
    let mut words = lower
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let distribution = words.next()?;
    let mut words =
        words.filter(|word| !matches!(*word, "linux" | "server" | "lts" | "x64" | "amd64"));
    let major: u32 = words.next()?.parse().ok()?;
    let minor = words.next().map_or(Some(0), |word| word.parse().ok())?;
    if words
        .next()
        .is_some_and(|word| word.parse::<u32>().is_err())
    {
        return None;
    }
    let distribution = match distribution {
        "debian" if major >= 12 => Distribution::Debian,
        "debian" if major >= OLDEST_DEBIAN => Distribution::OldDebian,
        "ubuntu" if (major, minor) >= OLDEST_UBUNTU => Distribution::Ubuntu,
        _ => return None,
    };
    Some((distribution, (major, minor)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn images(names: &[&str]) -> Vec<wire::Image> {
        let image = |name: &&str| json!({"imageId": format!("id of {name}"), "name": name});
        let images: Vec<_> = names.iter().map(image).collect();
        serde_json::from_value(json!(images)).expect("images")
    }

    fn data_centers() -> Vec<wire::DataCenter> {
        let center = |slug: &str, capabilities: &[&str]| json!({"regionSlug": slug, "regionName": slug, "capabilities": capabilities});
        serde_json::from_value(json!([
            center("US-east", &["VPS"]),
            center("FILES", &["Object-Storage"]),
            center("EU", &["Object-Storage"]),
            center("EU", &["VPS", "VDS"]),
            center("EU", &["VPS"]),
            center("SIN", &[]),
        ]))
        .expect("data centers")
    }

    #[test]
    fn the_newest_debian_is_the_default_and_plain_images_are_listed() {
        let names = [
            "windows-server-2022-se",
            "ubuntu-22.04",
            "debian-11",
            "debian-12",
            "ubuntu-22.04-cpanel",
            "debian-13",
            "Ubuntu Server 24.04 LTS",
            "debian-9",
            "ubuntu-20.04",
            "rockylinux-9",
            "debian-13-plesk",
            "debian-testing",
            "",
        ];
        let catalog = catalog(&data_centers(), &images(&names));
        let listed: Vec<&str> = catalog
            .images
            .iter()
            .map(|one| &one.id["id of ".len()..])
            .collect();
        assert_eq!(
            listed,
            [
                "debian-13",
                "debian-12",
                "Ubuntu Server 24.04 LTS",
                "ubuntu-22.04",
                "debian-11"
            ]
        );
        assert!(catalog.images.iter().all(|image| !image.has_docker));
        assert_eq!(
            default_image(&images(&names)).expect("one"),
            "id of debian-13"
        );
        default_image(&images(&["rockylinux-9"])).expect_err("none");
    }

    #[test]
    fn regions_are_those_where_machines_are_sold_and_plans_say_where() {
        let catalog = catalog(&data_centers(), &images(&["debian-12"]));
        let ids: Vec<&str> = catalog.regions.iter().map(|region| &*region.id).collect();
        assert_eq!(ids, ["EU", "US-east", "SIN"]);
        let regions = |id| &catalog.plan(Some(id)).expect(id).regions;
        assert_eq!(*regions("V153"), ["US-east", "EU", "SIN"]);
        assert_eq!(*regions("V8"), ["EU", "SIN"]);
        let default = catalog.plan(None).expect("a default");
        assert_eq!(default.id, "V153");
        assert_eq!((default.cpus, default.memory_mib), (4, 8192));
        assert_eq!(default.price, Price::default(), "the API tells none");
    }
}
