//! The power switch, reinstallations and restorations.

use axum::extract::State;
use serde::Deserialize;
use serde_json::json;

use super::body::body;
use super::instances::{self, INSTANCE};
use super::show::show_charged;
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::operations::Reinstallation;
use crate::cloud_sim::refusal::Refusal;
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::{Boots, Power};

#[derive(Debug, Deserialize)]
struct Several {
    #[serde(default)]
    instance_ids: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Restore {
    backup_id: Option<String>,
    snapshot_id: Option<String>,
}

/// <https://www.vultr.com/api/#operation/start-instance>
pub(super) async fn start(State(sim): State<Sim>, call: Call) -> Reply {
    turn_one(&sim, &call, Power::On)
}

/// <https://www.vultr.com/api/#operation/halt-instance>: the plug is pulled, as nothing else is said.
pub(super) async fn halt(State(sim): State<Sim>, call: Call) -> Reply {
    turn_one(&sim, &call, Power::Off)
}

/// <https://www.vultr.com/api/#operation/reboot-instance>
pub(super) async fn reboot(State(sim): State<Sim>, call: Call) -> Reply {
    turn_one(&sim, &call, Power::Reset)
}

/// <https://www.vultr.com/api/#operation/start-instances>
pub(super) async fn start_all(State(sim): State<Sim>, call: Call) -> Reply {
    turn_all(&sim, &call, Power::On)
}

/// <https://www.vultr.com/api/#operation/halt-instances>
pub(super) async fn halt_all(State(sim): State<Sim>, call: Call) -> Reply {
    turn_all(&sim, &call, Power::Off)
}

/// <https://www.vultr.com/api/#operation/reboot-instances>
pub(super) async fn reboot_all(State(sim): State<Sim>, call: Call) -> Reply {
    turn_all(&sim, &call, Power::Reset)
}

/// <https://www.vultr.com/api/#operation/reinstall-instance>: the same system again, with the same `user_data` and keys.
pub(super) async fn reinstall(State(sim): State<Sim>, call: Call) -> Reply {
    let id = instances::by_path(&sim, &call)?;
    instances::check_unlocked(&sim, id, "reinstall server")?;
    let boots = sim.world().instance(id, INSTANCE)?.boots.clone();
    install(&sim, &call, id, boots)?;
    let mut world = sim.world();
    if let Some(hostname) = call.json_text("hostname") {
        let extra = &mut world.instance_mut(id, INSTANCE)?.extra;
        extra.insert("hostname".to_owned(), json!(hostname));
    }
    let instance = world.instance(id, INSTANCE)?;
    Ok(Answer::accepted(
        json!({"instance": show_charged(&world, instance)}),
    ))
}

/// <https://www.vultr.com/api/#operation/restore-instance>
pub(super) async fn restore(State(sim): State<Sim>, call: Call) -> Reply {
    let id = instances::by_path(&sim, &call)?;
    let wanted: Restore = body(&call)?;
    if wanted.backup_id.is_some() {
        return Err(Refusal::not_found("backup"));
    }
    let snapshot = wanted.snapshot_id.as_deref().unwrap_or("");
    let snapshot = Id::from_uuid(snapshot).ok_or_else(|| Refusal::not_found("snapshot"))?;
    if !sim.world().snapshots.contains_key(&snapshot) {
        return Err(Refusal::not_found("snapshot"));
    }
    instances::check_unlocked(&sim, id, "restore server")?;
    install(&sim, &call, id, Boots::Snapshot(snapshot))?;
    Ok(Answer::accepted(json!({"status": {
        "restore_type": "snapshot_id",
        "restore_id": snapshot.uuid(),
        "status": "inprogress",
    }})))
}

fn install(sim: &Sim, call: &Call, id: Id, boots: Boots) -> Result<(), Refusal> {
    let wanted = Reinstallation {
        boots,
        user_data: None,
        keys: None,
    };
    sim.reinstall(call, id, INSTANCE, wanted)?;
    Ok(())
}

fn turn_one(sim: &Sim, call: &Call, turn: Power) -> Reply {
    let id = instances::by_path(sim, call)?;
    turned(sim, call, id, turn)?;
    Ok(Answer::no_content())
}

/// All of them or, where one is not there or locked, those before it.
fn turn_all(sim: &Sim, call: &Call, turn: Power) -> Reply {
    let wanted: Several = body(call)?;
    for id in &wanted.instance_ids {
        let id = instances::by_text(sim, id)?;
        turned(sim, call, id, turn)?;
    }
    Ok(Answer::no_content())
}

fn turned(sim: &Sim, call: &Call, id: Id, turn: Power) -> Result<(), Refusal> {
    let what = match turn {
        Power::On => "start server",
        Power::Off | Power::Shutdown => "halt server",
        Power::Reboot | Power::Reset => "reboot server",
    };
    instances::check_unlocked(sim, id, what)?;
    sim.power(call, id, INSTANCE, turn)?;
    Ok(())
}
