use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Money;
use super::near::near_matches;
use crate::error::{Error, ErrorKind, Result};

/// What a provider offers: regions, plans with their price, images.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Catalog {
    /// Places where an instance can stand.
    pub regions: Vec<Region>,
    /// Sizes an instance can have.
    pub plans: Vec<Plan>,
    /// Operating systems an instance can boot.
    pub images: Vec<Image>,
}

/// A place where an instance can stand.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Region {
    /// The provider's id, as it is written in a [`HostSpec`](super::HostSpec).
    pub id: String,
    /// For people.
    pub description: String,
}

/// A size an instance can have.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The provider's id, as it is written in a [`HostSpec`](super::HostSpec).
    pub id: String,
    /// For people.
    pub description: String,
    /// Virtual processors.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Disk in GiB; `None` when it is not limited.
    pub disk_gib: Option<u64>,
    /// Price where the region makes no difference, and the lowest one where it does.
    pub price: Price,
    /// Prices by region id, of those regions that have one of their own.
    #[serde(default)]
    pub regional_prices: BTreeMap<String, Price>,
    /// Ids of the regions that have it; empty when all have.
    pub regions: Vec<String>,
}

/// What a plan costs, taxes left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// An hour; `None` when the provider does not tell.
    pub hourly: Option<Money>,
    /// A month, which is also the most that the hours of a month cost, where the provider has such
    /// a limit; `None` when it does not tell.
    pub monthly: Option<Money>,
}

impl Plan {
    /// What it costs in a region.
    #[must_use]
    pub fn price_in(&self, region: &str) -> &Price {
        self.regional_prices.get(region).unwrap_or(&self.price)
    }
}

/// An operating system an instance can boot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Image {
    /// The provider's id, as it is written in a [`HostSpec`](super::HostSpec).
    pub id: String,
    /// For people.
    pub description: String,
    /// Whether Docker is in it already, so that the bootstrap need not install it.
    pub has_docker: bool,
}

impl Catalog {
    /// The region of that id, or the first one when none is asked for.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with near matches.
    pub fn region(&self, id: Option<&str>) -> Result<&Region> {
        pick("region", &self.regions, id, |region| &region.id)
    }

    /// The plan of that id, or the first one when none is asked for.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with near matches.
    pub fn plan(&self, id: Option<&str>) -> Result<&Plan> {
        pick("plan", &self.plans, id, |plan| &plan.id)
    }

    /// The image of that id, or the first one when none is asked for.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with near matches.
    pub fn image(&self, id: Option<&str>) -> Result<&Image> {
        pick("image", &self.images, id, |image| &image.id)
    }

    /// Checks that the plan is to be had in the region.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with the regions that have it.
    pub fn check_availability(&self, plan: &Plan, region: &Region) -> Result<()> {
        if plan.regions.is_empty() || plan.regions.contains(&region.id) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "the plan {:?} is not offered in the region {:?}; it is in {}",
                plan.id,
                region.id,
                plan.regions.join(", ")
            ),
        ))
    }
}

/// The entry with that id, or the first one: a provider lists its default first.
fn pick<'a, T>(
    what: &str,
    entries: &'a [T],
    id: Option<&str>,
    id_of: impl Fn(&T) -> &String,
) -> Result<&'a T> {
    let Some(id) = id else {
        return entries.first().ok_or_else(|| {
            Error::new(
                ErrorKind::Provider,
                format!("the provider offers no {what} at all"),
            )
        });
    };
    entries
        .iter()
        .find(|entry| id_of(entry) == id)
        .ok_or_else(|| {
            let known: Vec<&str> = entries.iter().map(|entry| id_of(entry).as_str()).collect();
            Error::new(
                ErrorKind::Invalid,
                format!("unknown {what} {id:?}{}", near_matches(id, &known)),
            )
        })
}
