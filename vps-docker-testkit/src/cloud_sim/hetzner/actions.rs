//! Actions: what takes time.

use axum::extract::State;
use serde_json::{Value, json};

use super::listing;
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::refusal::Refusal;
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::{Action, Change, Power, Status, World};

/// <https://docs.hetzner.cloud/#actions-get-an-action>, and that of one kind of thing.
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "action")?;
    one(&sim, id)
}

/// Deprecated, and answered still.
pub(super) async fn show_of_server(State(sim): State<Sim>, call: Call) -> Reply {
    one(&sim, call.id("action", "action")?)
}

fn one(sim: &Sim, id: Id) -> Reply {
    let world = sim.world();
    let action = world
        .actions
        .get(&id)
        .ok_or_else(|| Refusal::not_found("action"))?;
    Ok(Answer::ok(json!({"action": show_action(&world, action)})))
}

/// <https://docs.hetzner.cloud/#actions-get-multiple-actions>: those whose ids are given; others are passed over.
pub(super) async fn several(State(sim): State<Sim>, call: Call) -> Answer {
    let world = sim.world();
    let ids = call.queries("id").into_iter().filter_map(Id::from_number);
    let actions = ids.filter_map(|id| world.actions.get(&id));
    let actions: Vec<Value> = actions.map(|action| show_action(&world, action)).collect();
    Answer::ok(json!({"actions": actions}))
}

/// <https://docs.hetzner.cloud/#server-actions-get-all-actions>
pub(super) async fn all(State(sim): State<Sim>, call: Call) -> Answer {
    let world = sim.world();
    let of_servers = world
        .actions
        .values()
        .filter(|action| kind(&world, action) == "server");
    list(&sim, &call, &world, of_servers.collect())
}

/// <https://docs.hetzner.cloud/#server-actions-get-all-actions-for-a-server>
pub(super) async fn of_server(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "server")?;
    let world = sim.world();
    let server = world.instance(id, "server")?;
    let own = server.actions.iter().filter_map(|id| world.actions.get(id));
    Ok(list(&sim, &call, &world, own.collect()))
}

fn list(sim: &Sim, call: &Call, world: &World, mut actions: Vec<&Action>) -> Answer {
    let (ids, statuses) = (call.queries("id"), call.queries("status"));
    actions.retain(|action| {
        (ids.is_empty() || ids.contains(&action.id.to_string().as_str()))
            && (statuses.is_empty() || statuses.contains(&status(action)))
    });
    listing::sort(call, &mut actions, |action, field| match field {
        "command" => (command(action.change).to_owned(), action.id),
        "status" => (status(action).to_owned(), action.id),
        "started" => (action.started.to_string(), action.id),
        "finished" => (
            action
                .finished
                .map_or_else(String::new, |at| at.to_string()),
            action.id,
        ),
        _ => (String::new(), action.id),
    });
    listing::page(sim, call, "actions", actions, |action| {
        show_action(world, action)
    })
}

/// An action of the account by its id, which it has.
pub(super) fn show_by_id(world: &World, id: Id) -> Value {
    world
        .actions
        .get(&id)
        .map_or(Value::Null, |action| show_action(world, action))
}

pub(super) fn show_action(world: &World, action: &Action) -> Value {
    let mut resources = vec![json!({"id": action.instance, "type": kind(world, action)})];
    if let Change::Snapshot(image) = action.change {
        resources.push(json!({"id": image, "type": "image"}));
    }
    let is_sent = is_only_sent(action);
    json!({
        "id": action.id,
        "command": command(action.change),
        "status": status(action),
        "progress": if is_sent { 100 } else { action.progress() },
        "started": action.started.to_string(),
        "finished": action.finished.or(is_sent.then_some(action.started)).map(|at| at.to_string()),
        "resources": resources,
        "error": match &action.status {
            Status::Error(why) => json!({"code": "action_failed", "message": why}),
            _ => Value::Null,
        },
    })
}

fn status(action: &Action) -> &'static str {
    match action.status {
        Status::Running if is_only_sent(action) => "success",
        Status::Running => "running",
        Status::Success => "success",
        Status::Error(_) => "error",
    }
}

/// The success of a shutdown means that the system was asked; whether it goes down is another matter.
fn is_only_sent(action: &Action) -> bool {
    action.change == Change::Power(Power::Shutdown) && action.is_running()
}

fn kind(world: &World, action: &Action) -> &'static str {
    let kinds = ["firewall", "primary_ip"];
    let of = |kind: &&str| {
        let things = world.others.get(*kind);
        things.is_some_and(|things| things.contains_key(&action.instance))
    };
    match kinds.into_iter().find(of) {
        Some(kind) => kind,
        None if world.snapshots.contains_key(&action.instance) => "image",
        None => "server",
    }
}

fn command(change: Change) -> &'static str {
    match change {
        Change::Create => "create_server",
        Change::Power(Power::On) => "start_server",
        Change::Power(Power::Off) => "stop_server",
        Change::Power(Power::Shutdown) => "shutdown_server",
        Change::Power(Power::Reboot) => "reboot_server",
        Change::Power(Power::Reset) => "reset_server",
        Change::Snapshot(_) => "create_image",
        Change::Rebuild => "rebuild_server",
        Change::Delete => "delete_server",
        Change::Other(name) => name,
    }
}
