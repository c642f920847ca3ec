//! What is sold. Regions, plans and systems are those of autumn 2026 in small; the prices are near the real ones and
//! not them: nobody must rely on a price that is written down.

use serde_json::{Map, Value, json};

use crate::cloud_sim::offer::{Image, Offer, Plan, Price, Region, decimal};

const AMERICA: &[&str] = &[
    "atl", "dfw", "ewr", "lax", "mia", "ord", "sea", "sjc", "yto", "sao",
];
const EUROPE: &[&str] = &["ams", "cdg", "fra", "lhr", "mad", "sto", "waw"];
const ELSEWHERE: &[&str] = &["nrt", "sgp", "syd", "jnb"];
/// Regions where everything costs more, by which factor.
const DEAR: &[(&str, &str)] = &[("sao", "1.5"), ("jnb", "1.2")];

pub(super) fn offer() -> Offer {
    let everywhere = [AMERICA, EUROPE, ELSEWHERE].concat();
    let plan = |id, cpus, memory_mib, disk_gb, bandwidth_gb, monthly, regions: &[&str]| {
        plan(id, (cpus, memory_mib, disk_gb), bandwidth_gb, monthly).sold_in(regions)
    };
    Offer {
        currency: "USD",
        snapshot_gb_month: decimal("0.05"),
        regions: regions(),
        plans: vec![
            // Its machines have an IPv6 address and nothing else.
            only_ipv6(plan(
                "vc2-1c-0.5gb-v6",
                1,
                512,
                10,
                512,
                "2.50",
                &["ewr", "atl"],
            )),
            plan("vc2-1c-0.5gb", 1, 512, 10, 512, "3.50", &["ewr", "fra"]),
            plan("vc2-1c-1gb", 1, 1024, 25, 1024, "5", &everywhere),
            plan("vc2-1c-2gb", 1, 2048, 55, 2048, "10", &everywhere),
            plan("vc2-2c-2gb", 2, 2048, 65, 3072, "15", &everywhere),
            plan("vc2-2c-4gb", 2, 4096, 80, 3072, "20", &everywhere),
            plan("vc2-4c-8gb", 4, 8192, 160, 4096, "40", &everywhere),
            plan("vc2-6c-16gb", 6, 16_384, 320, 5120, "80", &everywhere),
            plan("vhf-1c-1gb", 1, 1024, 32, 1024, "6", AMERICA),
            plan("vhf-2c-4gb", 2, 4096, 128, 3072, "24", AMERICA),
            plan("vhp-1c-1gb-amd", 1, 1024, 25, 2048, "6", EUROPE),
            plan("vhp-2c-4gb-amd", 2, 4096, 100, 5120, "24", EUROPE),
            plan("voc-g-1c-4gb-30s-amd", 1, 4096, 30, 4096, "30", EUROPE),
            plan("voc-c-1c-2gb-25s-amd", 1, 2048, 25, 4096, "28", EUROPE),
            // Listed, and not sold anywhere any more.
            plan("vdc-2vcpu-8gb", 2, 8192, 110, 10_240, "60", &[]),
        ],
        images: images(),
    }
}

fn plan(
    id: &str,
    (cpus, memory_mib, disk_gb): (u32, u64, u64),
    bandwidth_gb: u64,
    monthly: &str,
) -> Plan {
    let monthly = decimal(monthly);
    // Four weeks, after which the hours of a month cost no more.
    let price = Price {
        hourly: (monthly / decimal("672")).round_dp(4),
        monthly,
    };
    let mut plan = Plan {
        price,
        memory_mib,
        ..Plan::sized(id, 0, cpus, 0, disk_gb)
    };
    let kind = id.split('-').next().unwrap_or(id);
    let kind = id.get(..5).filter(|_| kind == "voc").unwrap_or(kind);
    plan.extra = map(&json!({"type": kind, "bandwidth": bandwidth_gb}));
    for (region, factor) in DEAR {
        let dearer = Price {
            hourly: (price.hourly * decimal(factor)).round_dp(4),
            monthly: (price.monthly * decimal(factor)).round_dp(2),
        };
        plan.regional_prices.insert((*region).to_owned(), dearer);
    }
    plan
}

fn only_ipv6(mut plan: Plan) -> Plan {
    plan.extra.insert("only_ipv6".to_owned(), Value::Bool(true));
    plan
}

/// The number is what the API calls an image by.
fn images() -> Vec<Image> {
    [
        ("almalinux-9", 1868, "almalinux", "9", "AlmaLinux 9 x64"),
        ("debian-11", 477, "debian", "11", "Debian 11 x64 (bullseye)"),
        (
            "debian-12",
            2136,
            "debian",
            "12",
            "Debian 12 x64 (bookworm)",
        ),
        ("debian-13", 2625, "debian", "13", "Debian 13 x64 (trixie)"),
        ("fedora-42", 2572, "fedora", "42", "Fedora 42 x64"),
        (
            "ubuntu-22.04",
            1743,
            "ubuntu",
            "22.04",
            "Ubuntu 22.04 LTS x64",
        ),
        (
            "ubuntu-24.04",
            2284,
            "ubuntu",
            "24.04",
            "Ubuntu 24.04 LTS x64",
        ),
        (
            "windows-2022",
            1764,
            "windows",
            "2022",
            "Windows Core 2022 Standard x64",
        ),
    ]
    .map(|(id, number, os, version, name)| Image::of(id, number, os, version, name))
    .into()
}

fn regions() -> Vec<Region> {
    [
        ("ams", "Amsterdam", "NL", "Europe"),
        ("atl", "Atlanta", "US", "North America"),
        ("cdg", "Paris", "FR", "Europe"),
        ("dfw", "Dallas", "US", "North America"),
        ("ewr", "New Jersey", "US", "North America"),
        ("fra", "Frankfurt", "DE", "Europe"),
        ("jnb", "Johannesburg", "ZA", "Africa"),
        ("lax", "Los Angeles", "US", "North America"),
        ("lhr", "London", "GB", "Europe"),
        ("mad", "Madrid", "ES", "Europe"),
        ("mia", "Miami", "US", "North America"),
        ("nrt", "Tokyo", "JP", "Asia"),
        ("ord", "Chicago", "US", "North America"),
        ("sao", "São Paulo", "BR", "South America"),
        ("sea", "Seattle", "US", "North America"),
        ("sgp", "Singapore", "SG", "Asia"),
        ("sjc", "Silicon Valley", "US", "North America"),
        ("sto", "Stockholm", "SE", "Europe"),
        ("syd", "Sydney", "AU", "Australia"),
        ("waw", "Warsaw", "PL", "Europe"),
        ("yto", "Toronto", "CA", "North America"),
    ]
    .map(|(id, city, country, continent)| Region {
        id: id.to_owned(),
        country: country.to_owned(),
        city: city.to_owned(),
        extra: map(&json!({"continent": continent})),
        ..Region::default()
    })
    .into()
}

fn map(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plan_is_sold_only_where_there_is_a_region() {
        let offer = offer();
        for plan in &offer.plans {
            for region in plan.regions.iter().chain(plan.regional_prices.keys()) {
                assert!(offer.region(region).is_some(), "{}: {region}", plan.id);
            }
        }
        assert_eq!(
            offer.plan("voc-g-1c-4gb-30s-amd").expect("there").extra["type"],
            "voc-g"
        );
        assert_eq!(
            offer.plan("vc2-1c-1gb").expect("there").extra["type"],
            "vc2"
        );
    }
}
