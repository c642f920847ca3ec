//! What is sold. The sizes are those of autumn 2026; the prices are near the real ones and not them: nobody must
//! rely on a price that is written down.

use serde_json::{Map, Value, json};

use crate::cloud_sim::offer::{Image, Offer, Plan, Region, decimal};

const EVERYWHERE: &[&str] = &[
    "nyc1", "nyc3", "ams3", "fra1", "lon1", "sfo3", "sgp1", "tor1", "blr1", "syd1",
];
const SMALLEST: &[&str] = &["nyc1", "ams3", "fra1", "sfo3", "sgp1", "blr1", "syd1"];

/// An image that comes with a program: such are listed among the others, unless one asks for distributions.
const APPLICATION: &str = "docker-22-04";

pub(super) fn offer() -> Offer {
    Offer {
        currency: "USD",
        snapshot_gb_month: decimal("0.06"),
        regions: vec![
            region("nyc1", "New York 1", "US", "New York"),
            region("nyc3", "New York 3", "US", "New York"),
            region("ams3", "Amsterdam 3", "NL", "Amsterdam"),
            region("fra1", "Frankfurt 1", "DE", "Frankfurt"),
            region("lon1", "London 1", "GB", "London"),
            region("sfo3", "San Francisco 3", "US", "San Francisco"),
            closed(region("sfo1", "San Francisco 1", "US", "San Francisco")),
            region("sgp1", "Singapore 1", "SG", "Singapore"),
            region("tor1", "Toronto 1", "CA", "Toronto"),
            region("blr1", "Bangalore 1", "IN", "Bangalore"),
            region("syd1", "Sydney 1", "AU", "Sydney"),
        ],
        plans: vec![
            half_a_gibibyte(),
            basic("s-1vcpu-1gb", 1, 1, 25, 1.0).priced("0.00893", "6"),
            basic("s-1vcpu-2gb", 1, 2, 50, 2.0).priced("0.01786", "12"),
            basic("s-2vcpu-2gb", 2, 2, 60, 3.0).priced("0.02679", "18"),
            gone(basic("s-3vcpu-1gb", 3, 1, 60, 3.0).priced("0.02232", "15")),
            basic("s-2vcpu-4gb", 2, 4, 80, 4.0).priced("0.03571", "24"),
            basic("s-4vcpu-8gb", 4, 8, 160, 5.0).priced("0.07143", "48"),
            basic("s-8vcpu-16gb", 8, 16, 320, 6.0).priced("0.14286", "96"),
            called(
                basic("c-2", 2, 4, 25, 4.0).priced("0.0625", "42"),
                "CPU-Optimized",
            ),
            called(
                basic("g-2vcpu-8gb", 2, 8, 25, 4.0).priced("0.09375", "63"),
                "General Purpose",
            ),
            gpu(),
        ],
        images: vec![
            image(
                "ubuntu-24-04-x64",
                155_133_621,
                "Ubuntu",
                "24.04",
                "24.04 (LTS) x64",
            ),
            image(
                "ubuntu-22-04-x64",
                129_211_873,
                "Ubuntu",
                "22.04",
                "22.04 (LTS) x64",
            ),
            image("debian-12-x64", 133_919_117, "Debian", "12", "12 x64"),
            image("debian-13-x64", 201_358_741, "Debian", "13", "13 x64"),
            image("fedora-42-x64", 184_610_207, "Fedora", "42", "42 x64"),
            image(
                "centos-stream-9-x64",
                124_617_398,
                "CentOS",
                "9",
                "9 Stream x64",
            ),
            image(
                APPLICATION,
                134_310_985,
                "Ubuntu",
                "22.04",
                "Docker on Ubuntu 22.04",
            ),
        ],
    }
}

/// Whether an image is not a bare distribution.
pub(super) fn is_application(image: &Image) -> bool {
    image.id == APPLICATION
}

fn region(id: &str, description: &str, country: &str, city: &str) -> Region {
    Region {
        id: id.to_owned(),
        description: description.to_owned(),
        country: country.to_owned(),
        city: city.to_owned(),
        ..Region::default()
    }
}

/// One that is listed and sells nothing any more.
fn closed(mut region: Region) -> Region {
    region.extra = map(&json!({"available": false}));
    region
}

fn basic(id: &str, cpus: u32, memory_gib: u64, disk_gb: u64, transfer: f64) -> Plan {
    let mut plan = Plan::sized(id, 0, cpus, memory_gib, disk_gb).sold_in(EVERYWHERE);
    plan.description = "Basic".to_owned();
    plan.extra = map(&json!({"transfer": transfer}));
    plan
}

fn half_a_gibibyte() -> Plan {
    let mut plan = basic("s-1vcpu-512mb-10gb", 1, 1, 10, 0.5)
        .priced("0.00595", "4")
        .sold_in(SMALLEST);
    plan.memory_mib = 512;
    plan
}

fn called(mut plan: Plan, description: &str) -> Plan {
    description.clone_into(&mut plan.description);
    plan
}

fn gone(mut plan: Plan) -> Plan {
    plan.deprecated = true;
    plan.sold_in(&[])
}

fn gpu() -> Plan {
    let plan = basic("gpu-h100x1-80gb", 20, 240, 720, 15.0)
        .priced("3.39", "2522.16")
        .sold_in(&["tor1", "nyc3"]);
    let mut plan = called(plan, "H100 GPU - 1X");
    let gpu = json!({"count": 1, "model": "nvidia_h100", "vram": {"amount": 80, "unit": "gib"}});
    plan.extra.insert("gpu_info".to_owned(), gpu);
    plan
}

fn image(id: &str, number: u64, distribution: &str, version: &str, name: &str) -> Image {
    Image::of(id, number, distribution, version, name)
}

fn map(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
