//! SSH keys. Neither names nor keys need be unique.

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::body;
use super::listing;
use super::show::date;
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::refusal::Refusal;
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::Key;

#[derive(Debug, Deserialize)]
struct CreateKey {
    name: String,
    ssh_key: String,
}

#[derive(Debug, Deserialize)]
struct UpdateKey {
    name: Option<String>,
    ssh_key: Option<String>,
}

/// <https://www.vultr.com/api/#operation/list-ssh-keys>
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Reply {
    let world = sim.world();
    let own = world.keys.iter().map(|(id, key)| (id.0, key)).collect();
    listing::page(&call, "ssh_keys", own, show_key)
}

/// <https://www.vultr.com/api/#operation/create-ssh-key>
pub(super) async fn create(State(sim): State<Sim>, call: Call) -> Reply {
    let wanted: CreateKey = body(&call)?;
    if wanted.name.is_empty() {
        return Err(Refusal::invalid("name", "Name is required."));
    }
    let mut world = sim.world();
    let id = world
        .add_key(&wanted.name, &wanted.ssh_key)
        .map_err(unfit)?;
    Ok(Answer::created(
        json!({"ssh_key": show_key(world.key(id)?)}),
    ))
}

/// <https://www.vultr.com/api/#operation/get-ssh-key>
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    let world = sim.world();
    let key = world.key(call.uuid("id", "SSH key")?)?;
    Ok(Answer::ok(json!({"ssh_key": show_key(key)})))
}

/// <https://www.vultr.com/api/#operation/update-ssh-key>
pub(super) async fn update(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.uuid("id", "SSH key")?;
    let wanted: UpdateKey = body(&call)?;
    let mut world = sim.world();
    let mut key = world.key(id)?.clone();
    if let Some(line) = wanted.ssh_key {
        // Entered as another one, so that it is checked as that would be.
        let other = world.add_key(&key.name, &line).map_err(unfit)?;
        let other = world.keys.remove(&other);
        key = Key {
            id,
            created: key.created,
            foreign: key.foreign,
            ..other.unwrap_or(key)
        };
    }
    key.name = wanted.name.unwrap_or(key.name);
    world.keys.insert(id, key);
    Ok(Answer::no_content())
}

/// <https://www.vultr.com/api/#operation/delete-ssh-key>
pub(super) async fn delete(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.uuid("id", "SSH key")?;
    let mut world = sim.world();
    world.key(id)?;
    world.keys.remove(&id);
    Ok(Answer::no_content())
}

fn unfit(_: Refusal) -> Refusal {
    Refusal::invalid("ssh_key", "Invalid SSH key.")
}

fn show_key(key: &Key) -> Value {
    json!({
        "id": key.id.uuid(),
        "date_created": date(key.created),
        "name": key.name,
        "ssh_key": key.line,
    })
}
