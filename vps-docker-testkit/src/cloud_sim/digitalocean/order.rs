//! The order of droplets.

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::actions::link_to;
use super::droplets::{self, show_droplet};
use super::refusals::unprocessable;
use super::{IdOrSlug, catalog, images, tags};
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::operations::Begun;
use crate::cloud_sim::refusal::{Counted, Reason, Refusal};
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::{Order, World};

/// Most droplets of one order.
const MOST: usize = 10;

#[derive(Debug, Deserialize)]
struct CreateDroplet {
    name: Option<String>,
    names: Option<Vec<String>>,
    region: Option<String>,
    size: String,
    image: IdOrSlug,
    ssh_keys: Option<Vec<IdOrSlug>>,
    #[serde(default)]
    backups: bool,
    #[serde(default)]
    ipv6: bool,
    #[serde(default)]
    monitoring: bool,
    tags: Option<Vec<String>>,
    user_data: Option<String>,
    volumes: Option<Vec<String>>,
    public_networking: Option<bool>,
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/droplets_create>: one or several, all or
/// none of them.
pub(super) async fn create(State(sim): State<Sim>, call: Call) -> Reply {
    let wanted: CreateDroplet = call.body()?;
    let names = names(&wanted)?;
    let orders = {
        let world = sim.world();
        let own = world.instances.values().filter(|own| !own.foreign).count();
        let most = world.seed.quota.unwrap_or(usize::MAX);
        if own + names.len() > most {
            let why = "the limit of droplets is reached";
            return Err(Refusal::new(Reason::Quota(Counted::Instances), why));
        }
        let orders = names.iter().map(|name| order(&world, &wanted, name));
        orders.collect::<Result<Vec<Order>, Refusal>>()?
    };
    let mut begun: Vec<Begun> = Vec::new();
    for order in orders {
        let (region, tags) = (order.region.clone(), order.tags.clone());
        match sim.create_instance(&call, order) {
            Ok(one) => {
                let mut world = sim.world();
                tags.iter().for_each(|tag| {
                    tags::enter(&mut world, tag);
                    tags::tagged(&mut world, tag, "droplets", one.id);
                });
                begun.push(one);
            }
            Err(refusal) => {
                for one in begun {
                    droplets::remove(&sim, &call, one.id)?;
                }
                return Err(in_words(&sim.world(), refusal, &region));
            }
        }
    }
    let world = sim.world();
    let shown = begun
        .iter()
        .map(|one| Ok(show_droplet(&world, world.instance(one.id, "droplet")?)));
    let mut shown = shown.collect::<Result<Vec<Value>, Refusal>>()?;
    let actions = begun.iter().map(|one| link_to(&sim, one.action, "create"));
    let links = json!({"actions": actions.collect::<Vec<Value>>()});
    Ok(Answer::accepted(match wanted.names {
        Some(_) => json!({"droplets": shown, "links": links}),
        None => json!({"droplet": shown.remove(0), "links": links}),
    }))
}

fn names(wanted: &CreateDroplet) -> Result<Vec<String>, Refusal> {
    let names = match (&wanted.name, &wanted.names) {
        (Some(name), None) => vec![name.clone()],
        (None, Some(names)) if (1..=MOST).contains(&names.len()) => names.clone(),
        (None, Some(_)) => return Err(unprocessable("You can create 1 to 10 droplets at a time.")),
        _ => return Err(unprocessable("Name can't be blank")),
    };
    for name in &names {
        check_name(name)?;
    }
    Ok(names)
}

/// As the API checks it, which is more than its document does.
pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    let ends = |c: char| c.is_ascii_alphanumeric();
    if (1..=255).contains(&name.len()) && name.chars().all(legal) && name.ends_with(ends) {
        Ok(())
    } else {
        let why = "Name Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)";
        Err(unprocessable(why))
    }
}

fn order(world: &World, wanted: &CreateDroplet, name: &str) -> Result<Order, Refusal> {
    if wanted.volumes.as_ref().is_some_and(|own| !own.is_empty()) {
        return Err(unprocessable("the simulator has no volumes"));
    }
    let region = region(world, wanted)?;
    let boots = images::find(world, &wanted.image, &region)?;
    let mut order = Order::new(name.to_owned(), wanted.size.clone(), region, boots);
    for wanted in wanted.ssh_keys.iter().flatten() {
        let key = world
            .keys
            .values()
            .find(|key| wanted.is(key.id.0, &key.fingerprint));
        let key = key.ok_or_else(|| {
            let shown = match wanted {
                IdOrSlug::Id(id) => id.to_string(),
                IdOrSlug::Slug(text) => text.clone(),
            };
            unprocessable(format!(
                "{shown} are invalid key identifiers for Droplet creation."
            ))
        })?;
        order.keys.push(key.id);
    }
    for tag in wanted.tags.iter().flatten() {
        tags::check(tag).map_err(unprocessable)?;
        order.tags.insert(tags::spelling(world, tag));
    }
    order.user_data.clone_from(&wanted.user_data);
    let private_only = wanted.public_networking == Some(false);
    if private_only && wanted.ipv6 {
        let why = "ipv6 must be false when public_networking is false";
        return Err(unprocessable(why));
    }
    for (feature, wanted) in [
        ("backups", wanted.backups),
        ("ipv6", wanted.ipv6),
        ("monitoring", wanted.monitoring),
        ("private_only", private_only),
    ] {
        order.extra.insert(feature.to_owned(), wanted.into());
    }
    Ok(order)
}

/// The region of that slug, else one whose slug begins so and that sells the size. None at all: any that does.
fn region(world: &World, wanted: &CreateDroplet) -> Result<String, Refusal> {
    let slug = wanted.region.as_deref().unwrap_or("");
    let regions = &world.offer.regions;
    if let Some(region) = regions.iter().find(|region| region.id == slug) {
        return if catalog::is_open(region) {
            Ok(region.id.clone())
        } else {
            Err(unprocessable("Region is not available"))
        };
    }
    let mut near = regions.iter().filter(|region| region.id.starts_with(slug));
    let sells = |region: &str| {
        let plan = world.offer.plan(&wanted.size);
        plan.is_some_and(|plan| plan.regions.iter().any(|own| own == region))
    };
    let first = near.clone().next();
    let region = near.find(|region| sells(&region.id)).or(first);
    match region {
        Some(region) => Ok(region.id.clone()),
        None => Err(Refusal::invalid("region", "unknown region")),
    }
}

/// A shortage is told as if the region had never had the size, or as if the region were shut.
fn in_words(world: &World, refusal: Refusal, region: &str) -> Refusal {
    if refusal.reason != Reason::Capacity {
        return refusal;
    }
    let mut shortages = world.seed.capacity.iter();
    let is_whole = shortages
        .any(|own| own.plan.is_none() && own.region.as_deref().is_none_or(|own| own == region));
    unprocessable(if is_whole {
        "Region is not available"
    } else {
        "Size is not available in this region."
    })
}
