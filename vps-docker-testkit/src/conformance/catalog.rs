//! What can be ordered, and what it costs.

use std::collections::BTreeSet;

use vps_docker_core::model::{Catalog, Money, Price};

use super::expect::ok;
use super::subject::Subject;

/// There is something to choose from, and each entry tells what it is.
pub async fn the_catalogue_offers_regions_plans_and_images(subject: &Subject) {
    let catalog = catalog(subject).await;
    let counts = (
        catalog.regions.len(),
        catalog.plans.len(),
        catalog.images.len(),
    );
    assert!(
        counts.0 > 0 && counts.1 > 0 && counts.2 > 0,
        "something is missing among so many regions, plans and images: {counts:?}"
    );
    for plan in &catalog.plans {
        assert!(plan.cpus > 0, "the plan {:?} has no processor", plan.id);
        assert!(plan.memory_mib > 0, "the plan {:?} has no memory", plan.id);
        assert_ne!(plan.disk_gib, Some(0), "the plan {:?} has no disk", plan.id);
    }
}

/// An id says which one is meant.
pub async fn ids_of_the_catalogue_are_unique(subject: &Subject) {
    let catalog = catalog(subject).await;
    assert_unique("region", catalog.regions.iter().map(|region| &region.id));
    assert_unique("plan", catalog.plans.iter().map(|plan| &plan.id));
    assert_unique("image", catalog.images.iter().map(|image| &image.id));
}

fn assert_unique<'a>(what: &str, ids: impl Iterator<Item = &'a String>) {
    let mut seen = BTreeSet::new();
    for id in ids {
        assert_ne!(id, "", "a {what} has an empty id");
        assert!(seen.insert(id), "two {what}s have the id {id:?}");
    }
}

/// Who chooses nothing gets the first of each: they must go together.
pub async fn the_defaults_go_together(subject: &Subject) {
    let catalog = catalog(subject).await;
    let region = ok("the default region", catalog.region(None));
    let plan = ok("the default plan", catalog.plan(None));
    ok(
        "the default plan in the default region",
        catalog.check_availability(plan, region),
    );
}

/// Prices can be compared, and none is a slip of the pen.
pub async fn prices_are_of_one_currency_and_make_sense(subject: &Subject) {
    let catalog = catalog(subject).await;
    let mut currency: Option<&str> = None;
    for plan in &catalog.plans {
        let id = &plan.id;
        for price in plan.regional_prices.values().chain([&plan.price]) {
            for amount in amounts(price) {
                assert!(
                    !amount.amount.is_sign_negative(),
                    "the plan {id:?} costs {amount}"
                );
                assert!(
                    is_currency(&amount.currency),
                    "the plan {id:?} costs {amount}: no currency by ISO 4217"
                );
                let one = *currency.get_or_insert(&amount.currency);
                assert_eq!(
                    one, amount.currency,
                    "the plan {id:?} is priced in another currency than those before it"
                );
            }
            if let (Some(hour), Some(month)) = (&price.hourly, &price.monthly) {
                assert!(
                    hour.amount <= month.amount,
                    "an hour of the plan {id:?} costs more than a month: {hour}, {month}"
                );
            }
        }
    }
}

fn amounts(price: &Price) -> impl Iterator<Item = &Money> {
    price.hourly.iter().chain(&price.monthly)
}

fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.chars().all(|c| c.is_ascii_uppercase())
}

/// A plan is not offered, nor priced, in a region that is not in the catalogue.
pub async fn plans_name_only_regions_that_there_are(subject: &Subject) {
    let catalog = catalog(subject).await;
    let known: BTreeSet<&String> = catalog.regions.iter().map(|region| &region.id).collect();
    for plan in &catalog.plans {
        for region in plan.regions.iter().chain(plan.regional_prices.keys()) {
            assert!(
                known.contains(region),
                "the plan {:?} names the region {region:?}, which is not in the catalogue",
                plan.id
            );
        }
    }
}

async fn catalog(subject: &Subject) -> Catalog {
    ok("catalog", subject.client.catalog().await)
}
