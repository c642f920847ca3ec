//! Startup scripts. They are kept and can be ordered; no machine runs them.

use axum::extract::State;
use data_encoding::BASE64;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::body;
use super::listing;
use super::show::date;
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::refusal::Refusal;
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::World;

const KIND: &str = "startup script";

#[derive(Debug, Deserialize)]
struct CreateScript {
    name: String,
    script: String,
    #[serde(rename = "type", default)]
    kind: String,
}

/// <https://www.vultr.com/api/#operation/list-startup-scripts>: without what is in them.
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Reply {
    let mut world = sim.world();
    let own = world.others(KIND).iter();
    let own = own.map(|(id, script)| (id.0, script.clone())).collect();
    listing::page(&call, "startup_scripts", own, |mut script| {
        if let Some(script) = script.as_object_mut() {
            script.remove("script");
        }
        script
    })
}

/// <https://www.vultr.com/api/#operation/create-startup-script>
pub(super) async fn create(State(sim): State<Sim>, call: Call) -> Reply {
    let wanted: CreateScript = body(&call)?;
    check_script(&wanted.script)?;
    let kind = match wanted.kind.as_str() {
        "" => "boot",
        own @ ("boot" | "pxe") => own,
        _ => return Err(Refusal::invalid("type", "Invalid type.")),
    };
    let mut world = sim.world();
    let id = world.next_id();
    let now = date(Timestamp::now());
    let script = json!({
        "id": id.uuid(),
        "date_created": now,
        "date_modified": now,
        "name": wanted.name,
        "type": kind,
        "script": wanted.script,
    });
    world.others(KIND).insert(id, script.clone());
    Ok(Answer::created(json!({"startup_script": script})))
}

/// <https://www.vultr.com/api/#operation/get-startup-script>
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    let script = by_path(&mut sim.world(), &call)?.clone();
    Ok(Answer::ok(json!({"startup_script": script})))
}

/// <https://www.vultr.com/api/#operation/update-startup-script>
pub(super) async fn update(State(sim): State<Sim>, call: Call) -> Reply {
    if let Some(script) = call.json_text("script") {
        check_script(script)?;
    }
    let mut world = sim.world();
    let script = by_path(&mut world, &call)?;
    for field in ["name", "script", "type"] {
        if let Some(wanted) = call.json_text(field) {
            script[field] = json!(wanted);
        }
    }
    script["date_modified"] = json!(date(Timestamp::now()));
    Ok(Answer::no_content())
}

/// <https://www.vultr.com/api/#operation/delete-startup-script>
pub(super) async fn delete(State(sim): State<Sim>, call: Call) -> Reply {
    let mut world = sim.world();
    by_path(&mut world, &call)?;
    if let Some(id) = Id::from_uuid(call.param("id")) {
        world.others(KIND).remove(&id);
    }
    Ok(Answer::no_content())
}

/// Refuses a script that there is not.
pub(super) fn check(world: &mut World, id: Id) -> Result<(), Refusal> {
    if world.others(KIND).contains_key(&id) {
        return Ok(());
    }
    Err(Refusal::invalid("script_id", "Invalid script_id."))
}

fn check_script(script: &str) -> Result<(), Refusal> {
    let dense: String = script.split_ascii_whitespace().collect();
    let decoded = BASE64.decode(dense.as_bytes());
    let why = "Invalid script. Must be base64 encoded.";
    decoded
        .map(|_| ())
        .map_err(|_| Refusal::invalid("script", why))
}

fn by_path<'a>(world: &'a mut World, call: &Call) -> Result<&'a mut Value, Refusal> {
    let id = call.uuid("id", KIND)?;
    let script = world.others(KIND).get_mut(&id);
    script.ok_or_else(|| Refusal::not_found(KIND))
}
