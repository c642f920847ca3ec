//! What is sold: the products that the document lists in the text of create, without those for storage, which the
//! API does not support. What they have and cost is near the real thing and not it.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use crate::cloud_sim::offer::{Image, Offer, Plan, Price, Region};

/// What the document has as default.
pub(super) const DEFAULT_IMAGE: &str = "afecbb85-e2fc-46f0-9684-b46b1faf00bb";
pub(super) const DEFAULT_PRODUCT: &str = "V153";
pub(super) const DEFAULT_REGION: &str = "EU";

const EVERYWHERE: &[&str] = &[
    "EU",
    "US-central",
    "US-east",
    "US-west",
    "SIN",
    "UK",
    "AUS",
    "JPN",
    "IND",
];

pub(super) fn offer() -> Offer {
    Offer {
        currency: "EUR",
        // Included, as many as there may be.
        snapshot_gb_month: Decimal::ZERO,
        regions: vec![
            region("EU", "European Union", "DE", "European Union 2", "EU2"),
            region(
                "US-central",
                "United States (Central)",
                "US",
                "United States Central 1",
                "US-C1",
            ),
            region(
                "US-east",
                "United States (East)",
                "US",
                "United States East 1",
                "US-E1",
            ),
            region(
                "US-west",
                "United States (West)",
                "US",
                "United States West 1",
                "US-W1",
            ),
            region("SIN", "Asia (Singapore)", "SG", "Singapore 1", "SIN1"),
            region("UK", "United Kingdom", "GB", "United Kingdom 1", "UK1"),
            region("AUS", "Australia (Sydney)", "AU", "Australia 1", "AUS1"),
            region("JPN", "Japan (Tokyo)", "JP", "Japan 1", "JPN1"),
            region("IND", "India", "IN", "India 1", "IND1"),
        ],
        plans: vec![
            product("V153", "Cloud VPS 4", "ssd", (4, 8, 100), "4.50"),
            product("V154", "Cloud VPS 6", "ssd", (6, 12, 200), "7.00"),
            product("V155", "Cloud VPS 8", "ssd", (8, 24, 300), "14.00"),
            product("V156", "Cloud VPS 12", "ssd", (12, 48, 400), "25.00"),
            product("V157", "Cloud VPS 16", "ssd", (16, 64, 500), "37.00"),
            product("V158", "Cloud VPS 18", "ssd", (18, 96, 600), "49.00"),
            product("V159", "Cloud VPS Plus 4", "nvme", (4, 8, 150), "6.50"),
            product("V160", "Cloud VPS Plus 6", "nvme", (6, 18, 300), "11.00"),
            product("V161", "Cloud VPS Plus 8", "nvme", (8, 36, 450), "20.00"),
            product("V162", "Cloud VPS Plus 12", "nvme", (12, 72, 600), "36.00"),
            product("V163", "Cloud VPS Plus 16", "nvme", (16, 96, 750), "52.00"),
            product("V164", "Cloud VPS Plus 18", "nvme", (18, 128, 900), "68.00"),
            product("V8", "VDS S", "vds", (3, 24, 180), "34.40"),
            product("V9", "VDS M", "vds", (4, 32, 240), "44.80"),
            product("V10", "VDS L", "vds", (6, 48, 360), "64.00"),
            product("V11", "VDS XL", "vds", (8, 64, 480), "82.40"),
            product("V16", "VDS XXL", "vds", (12, 96, 720), "119.20"),
        ],
        images: vec![
            image(DEFAULT_IMAGE, "ubuntu-22.04", "ubuntu", "22.04"),
            image(
                "d64d5c6c-9dda-4e38-8174-0ee282474d8a",
                "ubuntu-24.04",
                "ubuntu",
                "24.04",
            ),
            image(
                "66abf39a-ba8b-425e-a385-8eb347ceac10",
                "debian-11",
                "debian",
                "11",
            ),
            image(
                "1f0a9a5e-6d6c-4f5e-9f0e-4f2f5c3b8d12",
                "debian-12",
                "debian",
                "12",
            ),
            image(
                "7b3c2d41-08f5-4e61-b0a6-9a4d1e7f6c13",
                "debian-13",
                "debian",
                "13",
            ),
            image(
                "c6e5a8b2-3f1d-4c7a-8d92-5e0b7f4a1d41",
                "fedora-41",
                "fedora",
                "41",
            ),
            image(
                "3f184ab8-a600-4e7c-8c9b-3413e21a3752",
                "windows-server-2022-se",
                "windows",
                "2022",
            ),
        ],
    }
}

fn region(id: &str, name: &str, country: &str, data_center: &str, slug: &str) -> Region {
    Region {
        id: id.to_owned(),
        description: name.to_owned(),
        country: country.to_owned(),
        extra: map(&json!({"data_center": data_center, "slug": slug})),
        ..Region::default()
    }
}

fn product(
    id: &str,
    name: &str,
    kind: &str,
    (cpus, memory_gib, disk_gb): (u32, u64, u64),
    monthly: &str,
) -> Plan {
    let number = id[1..].parse().expect("a V and a number");
    let plan = Plan::sized(id, number, cpus, memory_gib, disk_gb);
    // A term is paid, hours are not counted.
    let mut plan = plan.priced("0", monthly).sold_in(EVERYWHERE);
    plan.description = name.to_owned();
    plan.extra = map(&json!({"type": kind}));
    // Elsewhere there is a fee for the place.
    let fee = Decimal::new(120, 2);
    for region in &EVERYWHERE[1..] {
        let dearer = Price {
            hourly: Decimal::ZERO,
            monthly: (plan.price.monthly * fee).round_dp(2),
        };
        plan.regional_prices.insert((*region).to_owned(), dearer);
    }
    plan
}

fn image(id: &str, name: &str, os: &str, version: &str) -> Image {
    Image::of(id, 0, os, version, name)
}

fn map(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
