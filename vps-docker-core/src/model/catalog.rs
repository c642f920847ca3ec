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
    /// What a GB (10⁹ bytes) of an instance's snapshot costs a month, taxes left out; `None` when the provider does
    /// not state it.
    #[serde(default)]
    pub snapshot_gb_month: Option<Money>,
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

/// A plan in a region that has it.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The region.
    pub region: &'a Region,
}

impl Plan {
    /// Whether it is to be had in that region.
    #[must_use]
    pub fn is_in(&self, region: &Region) -> bool {
        self.regions.is_empty() || self.regions.contains(&region.id)
    }

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

    /// What can be ordered, in the order in which it is to be tried: each of the plans, the preferred
    /// first, in each of the regions. Both are ids separated by commas. A pair that is not offered is
    /// left out. Where no plan is asked for it is the first that a region has, and where no region is,
    /// the first one that has the plan.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with near matches for an unknown id; when nothing is left, with where
    /// the first plan is to be had.
    pub fn offers(&self, plans: Option<&str>, regions: Option<&str>) -> Result<Vec<Offer<'_>>> {
        let plans = plans.map(|ids| self.named_plans(ids)).transpose()?;
        let regions = regions.map(|ids| self.named_regions(ids)).transpose()?;
        let mut offers = Vec::new();
        match (&plans, &regions) {
            (Some(plans), regions) => {
                for plan in plans {
                    match regions {
                        Some(regions) => {
                            offers.extend(regions.iter().map(|region| Offer { plan, region }));
                        }
                        None => {
                            let mut having = self.regions.iter().filter(|one| plan.is_in(one));
                            offers.extend(having.next().map(|region| Offer { plan, region }));
                        }
                    }
                }
            }
            (None, Some(regions)) => {
                for region in regions {
                    let plan = self.plans.iter().find(|plan| plan.is_in(region));
                    offers.extend(plan.map(|plan| Offer { plan, region }));
                }
            }
            (None, None) => {
                let pairs = self.plans.iter().find_map(|plan| {
                    let region = self.regions.iter().find(|region| plan.is_in(region))?;
                    Some(Offer { plan, region })
                });
                offers.extend(pairs);
            }
        }
        offers.retain(|offer| offer.plan.is_in(offer.region));
        if offers.is_empty() {
            return Err(self.no_offer(plans.as_deref(), regions.as_deref()));
        }
        Ok(offers)
    }

    fn named_plans(&self, ids: &str) -> Result<Vec<&Plan>> {
        ids.split(',')
            .map(|id| self.plan(Some(id.trim())))
            .collect()
    }

    fn named_regions(&self, ids: &str) -> Result<Vec<&Region>> {
        ids.split(',')
            .map(|id| self.region(Some(id.trim())))
            .collect()
    }

    fn no_offer(&self, plans: Option<&[&Plan]>, regions: Option<&[&Region]>) -> Error {
        let invalid = |message| Error::new(ErrorKind::Invalid, message);
        match (plans.and_then(<[_]>::first), regions.and_then(<[_]>::first)) {
            (Some(plan), Some(region)) => match self.check_availability(plan, region) {
                Err(error) => error,
                Ok(()) => invalid("there is nothing to choose from".to_owned()),
            },
            (Some(plan), None) => invalid(format!(
                "the plan {:?} is offered in no region at present; choose another one",
                plan.id
            )),
            (None, Some(region)) => invalid(format!(
                "the region {:?} offers no plan at present; choose another one",
                region.id
            )),
            (None, None) => Error::new(ErrorKind::Provider, "the provider offers nothing at all"),
        }
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
        if plan.is_in(region) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        let region = |id: &str| Region {
            id: id.into(),
            description: String::new(),
        };
        let plan = |id: &str, regions: &[&str]| Plan {
            id: id.into(),
            description: String::new(),
            cpus: 1,
            memory_mib: 1024,
            disk_gib: None,
            price: Price::default(),
            regional_prices: BTreeMap::new(),
            regions: regions.iter().map(|&id| id.to_owned()).collect(),
        };
        Catalog {
            regions: vec![region("fsn1"), region("nbg1"), region("ash")],
            plans: vec![
                plan("cx23", &["nbg1", "fsn1"]),
                plan("cpx11", &["ash"]),
                plan("none", &["gone"]),
                plan("any", &[]),
            ],
            ..Catalog::default()
        }
    }

    fn offers(plans: Option<&str>, regions: Option<&str>) -> Result<Vec<String>> {
        let catalog = catalog();
        let offers = catalog.offers(plans, regions)?.into_iter();
        Ok(offers
            .map(|offer| format!("{}@{}", offer.plan.id, offer.region.id))
            .collect())
    }

    #[test]
    fn what_is_preferred_is_tried_first_and_what_is_not_offered_left_out() {
        for (plans, regions, expected) in [
            (None, None, &["cx23@fsn1"][..]),
            (Some("cx23"), None, &["cx23@fsn1"]),
            (Some("cpx11"), None, &["cpx11@ash"]),
            (None, Some("ash"), &["cpx11@ash"]),
            (None, Some("ash, nbg1"), &["cpx11@ash", "cx23@nbg1"]),
            (
                Some("cpx11,cx23"),
                Some("nbg1,ash,fsn1"),
                &["cpx11@ash", "cx23@nbg1", "cx23@fsn1"],
            ),
            (Some("cx23,any"), None, &["cx23@fsn1", "any@fsn1"]),
        ] {
            let offers = offers(plans, regions).expect("something");
            assert_eq!(offers, expected, "{plans:?} {regions:?}");
        }
    }

    #[test]
    fn a_choice_that_leads_nowhere_says_where_the_plan_is() {
        for (plans, regions, words) in [
            (Some("cx23"), Some("ash"), "it is in nbg1, fsn1"),
            (Some("cx32"), None, "did you mean cx23"),
            (Some("cx23,"), None, "unknown plan \"\""),
            (None, Some("fsn2"), "did you mean fsn1"),
            (Some("none"), None, "in no region at present"),
        ] {
            let error = offers(plans, regions).expect_err(words);
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
