//! Instances: ordered, shown, renamed, installed anew.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::account::{Account, owned};
use super::instance_view::{self as view, HELD, IMAGE, RESCUE};
use super::seed::Hold;
use super::{contracts, internal_error, listing, offer};
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::operations::Reinstallation;
use crate::cloud_sim::refusal::{Reason, Refusal};
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::{Boots, Change, Due, Instance, Order, World};

const DISPLAY_NAME_LIMIT: usize = 255;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateInstance {
    image_id: Option<String>,
    product_id: Option<String>,
    region: Option<String>,
    period: i64,
    display_name: Option<String>,
    #[serde(flatten)]
    installed: Installed,
    add_ons: Option<Value>,
}

/// What an order and a reinstallation have in common.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Installed {
    ssh_keys: Option<Vec<u64>>,
    root_password: Option<u64>,
    user_data: Option<String>,
    default_user: Option<String>,
}

/// `GET /v1/compute/instances`. Whether the filters want the whole text is not stated; all but `search` do here.
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Reply {
    let world = sim.world();
    let mut own: Vec<&Instance> = world
        .listed()
        .filter(|own| is_wanted(&call, &world, own))
        .collect();
    listing::sort(&call, &mut own, |instance, field| match field {
        "displayName" => (instance.name.clone(), instance.id),
        "createdDate" => (instance.created.to_string(), instance.id),
        _ => (String::new(), instance.id),
    });
    Ok(Answer::ok(listing::page(&call, own, |own| {
        view::show(&world, own)
    })))
}

fn is_wanted(call: &Call, world: &World, own: &Instance) -> bool {
    let is = |name: &str, own: &str| call.query(name).is_none_or(|wanted| wanted == own);
    let is_among = |name: &str, own: &str| {
        listing::listed(call, name).is_none_or(|wanted| wanted.contains(&own))
    };
    let id = own.id.to_string();
    let data_center = world
        .offer
        .region(&own.region)
        .and_then(|region| region.extra.get("data_center"));
    let plan = world
        .offer
        .plan(&own.plan)
        .and_then(|plan| plan.extra.get("type"));
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("").to_owned();
    let address = own
        .address()
        .map_or_else(String::new, |address| address.to_string());
    let is_found = call.query("search").is_none_or(|wanted| {
        [own.name.as_str(), &view::name(own), &address]
            .iter()
            .any(|text| text.contains(wanted))
    });
    is("displayName", &own.name)
        && is("name", &view::name(own))
        && is("region", &own.region)
        && is("instanceId", &id)
        && is("dataCenter", &text(data_center))
        && is("customerId", super::account::CUSTOMER)
        && is("tenantId", super::account::TENANT)
        && is(
            "ipConfig",
            if address.is_empty() { "false" } else { "true" },
        )
        && is_among("instanceIds", &id)
        && is_among("status", view::status(own))
        && is_among("productIds", &own.plan)
        && is_among("productTypes", &text(plan))
        && call.query("addOnIds").is_none()
        && is_found
}

/// `POST /v1/compute/instances`: a contract.
pub(super) async fn create(
    State(sim): State<Sim>,
    Extension(account): Extension<Arc<Account>>,
    call: Call,
) -> Reply {
    let wanted: CreateInstance = call.body()?;
    contracts::check_period(wanted.period)?;
    let order = order(&sim.world(), &account, &wanted)?;
    let seeded = account.hold.map(Hold::status);
    let checked = sim.world().check_order(&order);
    let id = match (checked, seeded) {
        // It is taken all the same, and somebody will see to it.
        (Err(refusal), _) if refusal.reason == Reason::Capacity => {
            hold(&sim, &call, order, "product_not_available")
        }
        (Err(refusal), _) => return Err(refusal),
        (Ok(()), Some(status)) => hold(&sim, &call, order, status),
        (Ok(()), None) => sim.create_instance(&call, order)?.id,
    };
    let world = sim.world();
    let instance = world.instance(id, "instance")?;
    Ok(Answer::created(listing::one(
        &call,
        ordered(&world, instance),
    )))
}

/// Takes an order that waits for a person, for ever. There is an instance, a contract, and no machine.
fn hold(sim: &Sim, call: &Call, mut order: Order, status: &'static str) -> Id {
    order.extra.insert(HELD.to_owned(), status.into());
    let mut world = sim.world();
    let id = world.add_instance(order, call.injected, None);
    world.begin(Change::Create, id, Due::Never);
    id
}

fn order(world: &World, account: &Account, wanted: &CreateInstance) -> Result<Order, Refusal> {
    let display_name = wanted.display_name.clone().unwrap_or_default();
    check_display_name(&display_name)?;
    let or =
        |own: &Option<String>, otherwise: &str| own.clone().unwrap_or_else(|| otherwise.to_owned());
    let image = or(&wanted.image_id, offer::DEFAULT_IMAGE);
    let mut order = Order::new(
        display_name,
        or(&wanted.product_id, offer::DEFAULT_PRODUCT),
        or(&wanted.region, offer::DEFAULT_REGION),
        Boots::Image(image.clone()),
    );
    order.keys = secrets(world, account, &wanted.installed)?;
    order.user_data.clone_from(&wanted.installed.user_data);
    let extra = [
        (Instance::LOGIN, json!(login(&wanted.installed))),
        (contracts::PERIOD, json!(wanted.period)),
        (IMAGE, json!(image)),
        (
            view::ADD_ONS,
            super::instance_actions::add_ons(wanted.add_ons.as_ref()),
        ),
    ];
    order
        .extra
        .extend(extra.map(|(name, value)| (name.to_owned(), value)));
    Ok(order)
}

/// Keys go to this account, and to no other one.
fn login(wanted: &Installed) -> &str {
    wanted.default_user.as_deref().unwrap_or("admin")
}

/// The ids of the keys. One that is unknown, or is a password, makes the API stumble instead of saying so.
fn secrets(world: &World, account: &Account, wanted: &Installed) -> Result<Vec<Id>, Refusal> {
    let keys: Vec<Id> = wanted.ssh_keys.iter().flatten().copied().map(Id).collect();
    let is_password = |id: u64| account.passwords().contains_key(&Id(id));
    if keys.iter().all(|id| world.keys.contains_key(id))
        && wanted.root_password.is_none_or(is_password)
    {
        return Ok(keys);
    }
    Err(internal_error())
}

/// What an order answers: less than a look at it.
fn ordered(world: &World, instance: &Instance) -> Value {
    let image = view::image_id(instance);
    owned(json!({
        "instanceId": instance.id,
        "createdDate": view::date_time(instance.created),
        "imageId": image,
        "productId": instance.plan,
        "region": instance.region,
        "addOns": view::add_ons(instance),
        "osType": view::os_type(world, image),
        "status": view::status(instance),
        "sshKeys": instance.keys,
    }))
}

/// `GET /v1/compute/instances/{instanceId}`
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "instance")?;
    let world = sim.world();
    let instance = world.instance(id, "instance")?;
    Ok(Answer::ok(listing::one(
        &call,
        view::show(&world, instance),
    )))
}

/// `PATCH /v1/compute/instances/{instanceId}`: the display name, the one thing that can be changed.
pub(super) async fn rename(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "instance")?;
    let mut world = sim.world();
    let instance = world.instance_mut(id, "instance")?;
    if let Some(name) = call.json_text("displayName") {
        check_display_name(name)?;
        name.clone_into(&mut instance.name);
    }
    Ok(Answer::ok(listing::one(&call, touched(instance))))
}

/// `PUT /v1/compute/instances/{instanceId}`: wipes the disk and installs it anew, with a new `userData` or none.
pub(super) async fn reinstall(
    State(sim): State<Sim>,
    Extension(account): Extension<Arc<Account>>,
    call: Call,
) -> Reply {
    let id = call.id("id", "instance")?;
    let body: Value = call.body()?;
    let image = body["imageId"].as_str().unwrap_or("").to_owned();
    let installed: Installed = call.body()?;
    let keys = secrets(&sim.world(), &account, &installed)?;
    let wanted = Reinstallation {
        boots: Boots::Image(image.clone()),
        user_data: Some(installed.user_data.clone().unwrap_or_default()),
        keys: Some(keys),
    };
    let before = sim.world().instance(id, "instance")?.extra.clone();
    set_login(&sim, id, login(&installed));
    if let Err(refusal) = sim.reinstall(&call, id, "instance", wanted) {
        if let Ok(instance) = sim.world().instance_mut(id, "instance") {
            instance.extra = before;
        }
        return Err(refusal);
    }
    let mut world = sim.world();
    let instance = world.instance_mut(id, "instance")?;
    instance.extra.insert(IMAGE.to_owned(), image.into());
    instance.extra.remove(RESCUE);
    Ok(Answer::ok(listing::one(&call, touched(instance))))
}

/// Before the machine is ordered, which goes by it.
fn set_login(sim: &Sim, id: Id, login: &str) {
    if let Ok(instance) = sim.world().instance_mut(id, "instance") {
        instance
            .extra
            .insert(Instance::LOGIN.to_owned(), login.into());
    }
}

/// What changes answer.
pub(super) fn touched(instance: &Instance) -> Value {
    owned(json!({
        "instanceId": instance.id,
        "createdDate": view::date_time(instance.created),
    }))
}

fn check_display_name(name: &str) -> Result<(), Refusal> {
    if name.chars().count() <= DISPLAY_NAME_LIMIT {
        return Ok(());
    }
    let why = format!("must have at most {DISPLAY_NAME_LIMIT} characters");
    Err(Refusal::invalid("displayName", why))
}
