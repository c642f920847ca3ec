//! SSH keys, by id or fingerprint.

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::listing;
use super::refusals::unprocessable;
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::refusal::Refusal;
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::{Key, World};

#[derive(Debug, Deserialize)]
struct CreateKey {
    name: String,
    public_key: String,
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/sshKeys_list>
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Answer {
    let world = sim.world();
    let all = world.keys.values().collect();
    listing::page(&sim, &call, "ssh_keys", all, show_key)
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/sshKeys_create>: the same key twice is
/// refused, the same name is not.
pub(super) async fn create(State(sim): State<Sim>, call: Call) -> Reply {
    let wanted: CreateKey = call.body()?;
    check_name(&wanted.name)?;
    let mut world = sim.world();
    let id = world.add_key(&wanted.name, &wanted.public_key)?;
    Ok(Answer::created(
        json!({"ssh_key": show_key(world.key(id)?)}),
    ))
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/sshKeys_get>
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    let world = sim.world();
    let key = world.key(find(&world, &call)?)?;
    Ok(Answer::ok(json!({"ssh_key": show_key(key)})))
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/sshKeys_update>
pub(super) async fn update(State(sim): State<Sim>, call: Call) -> Reply {
    let name = call.json_text("name").unwrap_or("").to_owned();
    check_name(&name)?;
    let mut world = sim.world();
    let id = find(&world, &call)?;
    if let Some(key) = world.keys.get_mut(&id) {
        key.name = name;
    }
    Ok(Answer::ok(json!({"ssh_key": show_key(world.key(id)?)})))
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/sshKeys_delete>
pub(super) async fn delete(State(sim): State<Sim>, call: Call) -> Reply {
    let mut world = sim.world();
    let id = find(&world, &call)?;
    world.keys.remove(&id);
    Ok(Answer::no_content())
}

fn find(world: &World, call: &Call) -> Result<Id, Refusal> {
    let wanted = call.param("key");
    let mut keys = world.keys.values();
    let is_wanted =
        |key: &&Key| key.fingerprint == wanted || Id::from_number(wanted) == Some(key.id);
    let key = keys.find(is_wanted);
    key.map(|key| key.id)
        .ok_or_else(|| Refusal::not_found("SSH key"))
}

fn check_name(name: &str) -> Result<(), Refusal> {
    if name.is_empty() {
        return Err(unprocessable("Name can't be blank"));
    }
    Ok(())
}

fn show_key(key: &Key) -> Value {
    json!({
        "id": key.id,
        "fingerprint": key.fingerprint,
        "public_key": key.line,
        "name": key.name,
    })
}
