//! What a cloud sells. Plain data; each cloud writes its own down, and a seed may replace it.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a cloud sells.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    /// ISO 4217 code of all prices.
    pub(crate) currency: &'static str,
    /// A GB of snapshot for a month.
    pub(crate) snapshot_gb_month: Decimal,
    pub(crate) regions: Vec<Region>,
    pub(crate) plans: Vec<Plan>,
    pub(crate) images: Vec<Image>,
}

/// A place where instances stand.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Region {
    /// What clients call it, such as `fsn1`.
    pub id: String,
    /// Its number, at clouds that number them.
    pub number: u64,
    /// For people.
    pub description: String,
    /// ISO 3166 code.
    pub country: String,
    /// The city.
    pub city: String,
    /// What only this cloud says of its regions.
    pub extra: Map<String, Value>,
}

/// A size of instances. Of the prices the net ones are meant.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Plan {
    /// What clients call it, such as `cx23`.
    pub id: String,
    /// Its number, at clouds that number them.
    pub number: u64,
    /// For people.
    pub description: String,
    /// Virtual processors.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Disk in GB.
    pub disk_gb: u64,
    /// `x86` or `arm`.
    pub architecture: String,
    /// Price where the region has none of its own.
    pub price: Price,
    /// Prices by region.
    pub regional_prices: BTreeMap<String, Price>,
    /// Where it is sold. Empty: nowhere any more.
    pub regions: Vec<String>,
    /// Whether it is on its way out.
    pub deprecated: bool,
    /// What only this cloud says of its plans.
    pub extra: Map<String, Value>,
}

/// What something costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// An hour.
    pub hourly: Decimal,
    /// A month, which also is the most that the hours of a month cost.
    pub monthly: Decimal,
}

/// A system that instances boot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Image {
    /// What clients call it, such as `debian-12`.
    pub(crate) id: String,
    /// Its number, at clouds that number them.
    pub(crate) number: u64,
    /// For people.
    pub(crate) description: String,
    /// The distribution in lower case.
    pub(crate) os: String,
    /// Its version, such as `12` or `24.04`.
    pub(crate) version: String,
    /// `x86` or `arm`.
    pub(crate) architecture: String,
    pub(crate) deprecated: bool,
}

impl Offer {
    pub(crate) fn region(&self, id: &str) -> Option<&Region> {
        self.regions.iter().find(|region| region.id == id)
    }

    pub(crate) fn plan(&self, id: &str) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.id == id)
    }

    pub(crate) fn image(&self, id: &str) -> Option<&Image> {
        self.images.iter().find(|image| image.id == id)
    }
}

impl Plan {
    pub(crate) fn price_in(&self, region: &str) -> Price {
        *self.regional_prices.get(region).unwrap_or(&self.price)
    }

    /// For tables: processors, memory in GiB, disk in GB.
    pub(crate) fn sized(id: &str, number: u64, cpus: u32, memory_gib: u64, disk_gb: u64) -> Self {
        Self {
            id: id.to_owned(),
            number,
            cpus,
            memory_mib: memory_gib * 1024,
            disk_gb,
            architecture: "x86".to_owned(),
            ..Self::default()
        }
    }

    /// For tables: prices as they are written, such as `"0.0056"` an hour and `"3.49"` a month.
    ///
    /// # Panics
    /// When one is no number.
    pub(crate) fn priced(mut self, hourly: &str, monthly: &str) -> Self {
        self.price = Price::of(hourly, monthly);
        self
    }

    pub(crate) fn sold_in(mut self, regions: &[&str]) -> Self {
        self.regions = regions.iter().copied().map(str::to_owned).collect();
        self
    }
}

impl Price {
    /// For tables.
    ///
    /// # Panics
    /// When one is no number.
    pub(crate) fn of(hourly: &str, monthly: &str) -> Self {
        Self {
            hourly: decimal(hourly),
            monthly: decimal(monthly),
        }
    }
}

impl Image {
    /// For tables: a system for x86.
    pub(crate) fn of(id: &str, number: u64, os: &str, version: &str, description: &str) -> Self {
        Self {
            id: id.to_owned(),
            number,
            description: description.to_owned(),
            os: os.to_owned(),
            version: version.to_owned(),
            architecture: "x86".to_owned(),
            deprecated: false,
        }
    }
}

/// For tables.
///
/// # Panics
/// When it is no number.
pub(crate) fn decimal(text: &str) -> Decimal {
    text.parse().expect("a number of a table of ours")
}
