//! What is sold. The types are those of autumn 2026; the prices are near the real ones and not them: nobody must
//! rely on a price that is written down.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use crate::cloud_sim::offer::{Image, Offer, Plan, Price, Region, decimal};

const EUROPE: &[&str] = &["fsn1", "nbg1", "hel1"];
const EVERYWHERE: &[&str] = &["fsn1", "nbg1", "hel1", "ash", "hil", "sin"];

/// At the end of the id of an image for ARM; its name at the API is without it.
pub(super) const ARM: &str = "@arm";

pub(super) fn offer() -> Offer {
    Offer {
        currency: "EUR",
        snapshot_gb_month: decimal("0.0143"),
        regions: vec![
            region(
                1,
                "fsn1",
                "Falkenstein DC Park 1",
                "DE",
                "Falkenstein",
                "eu-central",
                (50.47612, 12.370071),
            ),
            region(
                2,
                "nbg1",
                "Nuremberg DC Park 1",
                "DE",
                "Nuremberg",
                "eu-central",
                (49.452102, 11.076665),
            ),
            region(
                3,
                "hel1",
                "Helsinki DC Park 1",
                "FI",
                "Helsinki",
                "eu-central",
                (60.169855, 24.938379),
            ),
            region(
                4,
                "ash",
                "Ashburn, VA",
                "US",
                "Ashburn, VA",
                "us-east",
                (39.045821, -77.487073),
            ),
            region(
                5,
                "hil",
                "Hillsboro, OR",
                "US",
                "Hillsboro, OR",
                "us-west",
                (45.54222, -122.951924),
            ),
            region(
                6,
                "sin",
                "Singapore",
                "SG",
                "Singapore",
                "ap-southeast",
                (1.283333, 103.833333),
            ),
        ],
        plans: vec![
            gone(Plan::sized("cx22", 104, 2, 4, 40).priced("0.0060", "3.79")),
            shared(
                Plan::sized("cx23", 114, 2, 4, 40)
                    .priced("0.0064", "3.99")
                    .sold_in(EUROPE),
            ),
            shared(
                Plan::sized("cx33", 115, 4, 8, 80)
                    .priced("0.0104", "6.49")
                    .sold_in(EUROPE),
            ),
            shared(
                Plan::sized("cx43", 116, 8, 16, 160)
                    .priced("0.0184", "11.49")
                    .sold_in(EUROPE),
            ),
            shared(
                Plan::sized("cpx12", 108, 1, 2, 40)
                    .priced("0.0112", "6.99")
                    .sold_in(&["sin"]),
            ),
            abroad(shared(
                Plan::sized("cpx22", 109, 2, 4, 80)
                    .priced("0.0128", "7.99")
                    .sold_in(EVERYWHERE),
            )),
            abroad(shared(
                Plan::sized("cpx32", 110, 4, 8, 160)
                    .priced("0.0224", "13.99")
                    .sold_in(EVERYWHERE),
            )),
            arm(shared(
                Plan::sized("cax11", 45, 2, 4, 40)
                    .priced("0.0072", "4.49")
                    .sold_in(EUROPE),
            )),
            arm(shared(
                Plan::sized("cax21", 93, 4, 8, 80)
                    .priced("0.0128", "7.99")
                    .sold_in(EUROPE),
            )),
            dedicated(
                Plan::sized("ccx13", 96, 2, 8, 80)
                    .priced("0.0256", "15.99")
                    .sold_in(EVERYWHERE),
            ),
        ],
        images: images(),
    }
}

fn images() -> Vec<Image> {
    let mut images = vec![
        Image::of("debian-11", 45_557_056, "debian", "11", "Debian 11"),
        Image::of("debian-12", 114_690_387, "debian", "12", "Debian 12"),
        Image::of("debian-13", 310_557_620, "debian", "13", "Debian 13"),
        Image::of(
            "ubuntu-22.04",
            67_794_396,
            "ubuntu",
            "22.04",
            "Ubuntu 22.04",
        ),
        Image::of(
            "ubuntu-24.04",
            161_547_269,
            "ubuntu",
            "24.04",
            "Ubuntu 24.04",
        ),
        Image::of("fedora-42", 232_895_681, "fedora", "42", "Fedora Linux 42"),
    ];
    images[0].deprecated = true;
    let for_arm: Vec<Image> = images
        .iter()
        .map(|image| Image {
            id: format!("{}{ARM}", image.id),
            number: image.number + 1,
            architecture: "arm".to_owned(),
            ..image.clone()
        })
        .collect();
    images.extend(for_arm);
    images
}

fn region(
    number: u64,
    id: &str,
    description: &str,
    country: &str,
    city: &str,
    zone: &str,
    (latitude, longitude): (f64, f64),
) -> Region {
    Region {
        id: id.to_owned(),
        number,
        description: description.to_owned(),
        country: country.to_owned(),
        city: city.to_owned(),
        extra: map(&json!({
            "network_zone": zone, "latitude": latitude, "longitude": longitude,
        })),
    }
}

fn shared(mut plan: Plan) -> Plan {
    plan.description = plan.id.to_uppercase();
    plan.extra = map(&json!({"cpu_type": "shared", "category": "Shared vCPU"}));
    plan
}

fn dedicated(mut plan: Plan) -> Plan {
    plan.description = plan.id.to_uppercase();
    plan.extra = map(&json!({"cpu_type": "dedicated", "category": "General Purpose"}));
    plan
}

fn arm(mut plan: Plan) -> Plan {
    plan.architecture = "arm".to_owned();
    plan
}

fn gone(plan: Plan) -> Plan {
    let mut plan = shared(plan);
    plan.deprecated = true;
    plan
}

/// Dearer outside Europe.
fn abroad(mut plan: Plan) -> Plan {
    let rise = Decimal::new(125, 2);
    for region in ["ash", "hil", "sin"] {
        let dearer = Price {
            hourly: (plan.price.hourly * rise).round_dp(4),
            monthly: (plan.price.monthly * rise).round_dp(2),
        };
        plan.regional_prices.insert(region.to_owned(), dearer);
    }
    plan
}

fn map(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
