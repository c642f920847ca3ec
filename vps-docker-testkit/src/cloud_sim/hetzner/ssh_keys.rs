//! SSH keys.

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::labels::{self, Labels, Selector};
use super::listing;
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::refusal::{Reason, Refusal};
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::Key;

#[derive(Debug, Deserialize)]
struct CreateKey {
    name: String,
    public_key: String,
    #[serde(default)]
    labels: Labels,
}

/// <https://docs.hetzner.cloud/#ssh-keys-get-all-ssh-keys>
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Reply {
    let selector = Selector::parse(call.query("label_selector").unwrap_or(""))?;
    let (name, fingerprint) = (call.query("name"), call.query("fingerprint"));
    let world = sim.world();
    let own = world.keys.values().filter(|key| {
        name.is_none_or(|name| key.name == name)
            && fingerprint.is_none_or(|fingerprint| key.fingerprint == fingerprint)
            && selector.selects(&key.labels)
    });
    let mut own: Vec<&Key> = own.collect();
    listing::sort(&call, &mut own, |key, field| match field {
        "name" => (key.name.clone(), key.id),
        _ => (String::new(), key.id),
    });
    Ok(listing::page(&sim, &call, "ssh_keys", own, show_key))
}

/// <https://docs.hetzner.cloud/#ssh-keys-create-an-ssh-key>
pub(super) async fn create(State(sim): State<Sim>, call: Call) -> Reply {
    let wanted: CreateKey = call.body()?;
    labels::check(&wanted.labels)?;
    let mut world = sim.world();
    let id = world.add_key(&wanted.name, &wanted.public_key)?;
    if let Some(key) = world.keys.get_mut(&id) {
        key.labels = wanted.labels;
    }
    Ok(Answer::created(
        json!({"ssh_key": show_key(world.key(id)?)}),
    ))
}

/// <https://docs.hetzner.cloud/#ssh-keys-get-a-ssh-key>
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    let world = sim.world();
    let key = world.key(call.id("id", "SSH key")?)?;
    Ok(Answer::ok(json!({"ssh_key": show_key(key)})))
}

/// <https://docs.hetzner.cloud/#ssh-keys-update-an-ssh-key>
pub(super) async fn update(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "SSH key")?;
    let body: Value = call.body()?;
    let wanted = labels::of_body(&body)?;
    let mut world = sim.world();
    world.key(id)?;
    let name = body["name"].as_str();
    let mut others = world.keys.values().filter(|key| key.id != id);
    if name.is_some_and(|name| others.any(|key| key.name == name)) {
        let why = "SSH key with the same name already exists";
        return Err(Refusal::new(Reason::NameTaken, why).at("name"));
    }
    if let Some(key) = world.keys.get_mut(&id) {
        if let Some(name) = name {
            name.clone_into(&mut key.name);
        }
        if let Some(wanted) = wanted {
            key.labels = wanted;
        }
    }
    Ok(Answer::ok(json!({"ssh_key": show_key(world.key(id)?)})))
}

/// <https://docs.hetzner.cloud/#ssh-keys-delete-an-ssh-key>
pub(super) async fn delete(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "SSH key")?;
    let mut world = sim.world();
    world.key(id)?;
    world.keys.remove(&id);
    Ok(Answer::no_content())
}

fn show_key(key: &Key) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "fingerprint": key.fingerprint,
        "public_key": key.line,
        "labels": key.labels,
        "created": key.created.to_string(),
    })
}
