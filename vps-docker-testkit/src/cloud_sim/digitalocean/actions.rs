//! Actions: records of what was and is being done. They stay when their droplet has gone.

use axum::extract::State;
use serde_json::{Value, json};

use super::catalog::show_region;
use super::{listing, moment};
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::refusal::Refusal;
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::{Action, Change, Power, Status, World};

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/actions_list>, the latest first.
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Answer {
    let world = sim.world();
    let all = world.actions.values().rev().collect();
    listed(&sim, &call, &world, all)
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/actions_get>
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    one(&sim, call.id("id", "action")?, None)
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/dropletActions_list>
pub(super) async fn of_droplet(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "droplet")?;
    let world = sim.world();
    let own = world.instance(id, "droplet")?.actions.iter().rev();
    let own = own.filter_map(|id| world.actions.get(id)).collect();
    Ok(listed(&sim, &call, &world, own))
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/dropletActions_get>
pub(super) async fn show_of_droplet(State(sim): State<Sim>, call: Call) -> Reply {
    let droplet = call.id("id", "droplet")?;
    sim.world().instance(droplet, "droplet")?;
    one(&sim, call.id("action", "action")?, Some(droplet))
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/imageActions_list>
pub(super) async fn of_image(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "image")?;
    let world = sim.world();
    let all = world.actions.values().rev();
    let own = all.filter(|action| action.instance == id).collect();
    Ok(listed(&sim, &call, &world, own))
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/imageActions_get>: wrapped, as everywhere
/// and other than in the document's schema.
pub(super) async fn show_of_image(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("action", "action")?;
    let world = sim.world();
    let action = world.actions.get(&id);
    let own = action.filter(|own| Some(own.instance) == Id::from_number(call.param("id")));
    let action = own.ok_or_else(|| Refusal::not_found("action"))?;
    Ok(Answer::ok(json!({"action": show_action(&world, action)})))
}

fn one(sim: &Sim, id: Id, droplet: Option<Id>) -> Reply {
    let world = sim.world();
    let action = world.actions.get(&id);
    let own = action.filter(|own| droplet.is_none_or(|droplet| own.instance == droplet));
    let action = own.ok_or_else(|| Refusal::not_found("action"))?;
    Ok(Answer::ok(json!({"action": show_action(&world, action)})))
}

fn listed(sim: &Sim, call: &Call, world: &World, actions: Vec<&Action>) -> Answer {
    listing::page(sim, call, "actions", actions, |action| {
        show_action(world, action)
    })
}

/// How an answer points to an action.
pub(super) fn link_to(sim: &Sim, action: Id, what: &str) -> Value {
    let href = format!("{}/v2/actions/{action}", sim.origin());
    json!({"id": action, "rel": what, "href": href})
}

/// An action of the account by its id, which it has.
pub(super) fn show_by_id(world: &World, id: Id) -> Value {
    let action = world.actions.get(&id);
    action.map_or(Value::Null, |action| show_action(world, action))
}

fn show_action(world: &World, action: &Action) -> Value {
    let snapshot = world.snapshots.get(&action.instance);
    let droplet = world.instances.get(&action.instance);
    let region = match (droplet, snapshot) {
        (Some(droplet), _) => world.offer.region(&droplet.region),
        (None, Some(snapshot)) => world.offer.region(&snapshot.region),
        (None, None) => None,
    };
    let is_image = snapshot.is_some() || matches!(action.change, Change::Other("transfer"));
    let is_sent = is_only_sent(action);
    let completed = action.finished.or(is_sent.then_some(action.started));
    let mut shown = json!({
        "id": action.id,
        "status": status(action),
        "type": kind(action.change),
        "started_at": moment(action.started),
        "completed_at": completed.map(moment),
        "resource_id": action.instance,
        "resource_type": if is_image { "image" } else { "droplet" },
        "region_slug": region.map(|region| &region.id),
    });
    if let Some(region) = region {
        shown["region"] = show_region(&world.offer, region);
    }
    shown
}

fn status(action: &Action) -> &'static str {
    match action.status {
        Status::Running if is_only_sent(action) => "completed",
        Status::Running => "in-progress",
        Status::Success => "completed",
        Status::Error(_) => "errored",
    }
}

/// A shutdown is completed when the system was asked; whether it goes down is another matter.
fn is_only_sent(action: &Action) -> bool {
    action.change == Change::Power(Power::Shutdown) && action.is_running()
}

fn kind(change: Change) -> &'static str {
    match change {
        Change::Create => "create",
        Change::Power(Power::On) => "power_on",
        Change::Power(Power::Off) => "power_off",
        Change::Power(Power::Shutdown) => "shutdown",
        Change::Power(Power::Reboot) => "reboot",
        Change::Power(Power::Reset) => "power_cycle",
        Change::Snapshot(_) => "snapshot",
        Change::Rebuild => "rebuild",
        Change::Delete => "destroy",
        Change::Other(name) => name,
    }
}
