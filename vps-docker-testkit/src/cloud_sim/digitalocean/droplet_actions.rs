//! What can be done with a droplet: `POST /droplets/{id}/actions`.

use axum::extract::State;
use serde_json::{Value, json};

use super::actions::show_by_id;
use super::refusals::unprocessable;
use super::{IdOrSlug, droplets, images, order};
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::operations::Reinstallation;
use crate::cloud_sim::refusal::{Reason, Refusal};
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::{Change, Due, Power, World};

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/dropletActions_post>
pub(super) async fn act(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "droplet")?;
    sim.world().instance(id, "droplet")?;
    let action = begin(&sim, &call, id)?;
    let shown = show_by_id(&sim.world(), action);
    Ok(Answer::created(json!({"action": shown})))
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/dropletActions_post_byTag>: with all that
/// have the tag, whosoever they are.
pub(super) async fn act_on_tagged(State(sim): State<Sim>, call: Call) -> Reply {
    const KINDS: [&str; 8] = [
        "power_cycle",
        "power_on",
        "power_off",
        "shutdown",
        "enable_ipv6",
        "enable_backups",
        "disable_backups",
        "snapshot",
    ];
    if !call
        .json_text("type")
        .is_some_and(|kind| KINDS.contains(&kind))
    {
        return Err(unprocessable("the action cannot be done with a tag"));
    }
    let mut begun = Vec::new();
    for id in droplets::tagged(&sim, &call)? {
        begun.push(begin(&sim, &call, id)?);
    }
    let world = sim.world();
    let shown: Vec<Value> = begun.iter().map(|id| show_by_id(&world, *id)).collect();
    Ok(Answer::created(json!({"actions": shown})))
}

/// The turn of the switch that a kind of action is.
pub(super) fn turn(kind: &str) -> Option<Power> {
    Some(match kind {
        "power_on" => Power::On,
        "power_off" => Power::Off,
        "shutdown" => Power::Shutdown,
        "reboot" => Power::Reboot,
        "power_cycle" => Power::Reset,
        _ => return None,
    })
}

fn begin(sim: &Sim, call: &Call, id: Id) -> Result<Id, Refusal> {
    let kind = call.json_text("type").unwrap_or("");
    if let Some(turn) = turn(kind) {
        return Ok(sim.power(call, id, "droplet", turn)?.action);
    }
    match kind {
        "snapshot" => snapshot(sim, call, id),
        "rebuild" => rebuild(sim, call, id),
        "rename" => rename(sim, call, id),
        "enable_backups" => set(sim, id, "enable_backups", "backups", true),
        "disable_backups" => set(sim, id, "disable_backups", "backups", false),
        "enable_ipv6" => set(sim, id, "enable_ipv6", "ipv6", true),
        "restore" => Err(unprocessable(
            "the image must be a backup of the droplet, and the simulator takes none",
        )),
        _ => Err(unprocessable("the simulator does not have this action")),
    }
}

fn snapshot(sim: &Sim, call: &Call, id: Id) -> Result<Id, Refusal> {
    let name = match call.json_text("name") {
        Some(name) => name.to_owned(),
        None => {
            let now = jiff::Timestamp::now().as_millisecond();
            format!("{}-{now}", sim.world().instance(id, "droplet")?.name)
        }
    };
    let begun = sim.create_snapshot(call, id, "droplet", &name)?;
    droplets::keep_snapshot(&mut sim.world(), id, begun.id);
    Ok(begun.action)
}

fn rebuild(sim: &Sim, call: &Call, id: Id) -> Result<Id, Refusal> {
    let image = call.json().map(|body| body["image"].clone());
    let image: IdOrSlug = serde_json::from_value(image.unwrap_or_default())
        .map_err(|_| unprocessable("You specified an invalid image for Droplet creation."))?;
    let boots = {
        let world = sim.world();
        let droplet = world.instance(id, "droplet")?;
        images::find(&world, &image, &droplet.region)?
    };
    let wanted = Reinstallation {
        boots,
        user_data: None,
        keys: None,
    };
    Ok(sim.reinstall(call, id, "droplet", wanted)?.action)
}

/// The name is there at once; the action takes its time all the same.
fn rename(sim: &Sim, call: &Call, id: Id) -> Result<Id, Refusal> {
    let name = call.json_text("name").unwrap_or("");
    order::check_name(name)?;
    let mut world = sim.world();
    check_unlocked(&world, id)?;
    name.clone_into(&mut world.instance_mut(id, "droplet")?.name);
    let span = world.span_of(Change::Power(Power::On));
    Ok(world.begin(Change::Other("rename"), id, Due::In(span)))
}

fn set(sim: &Sim, id: Id, kind: &'static str, feature: &str, wanted: bool) -> Result<Id, Refusal> {
    let mut world = sim.world();
    check_unlocked(&world, id)?;
    let droplet = world.instance_mut(id, "droplet")?;
    droplet.extra.insert(feature.to_owned(), wanted.into());
    Ok(world.instantly(kind, id))
}

fn check_unlocked(world: &World, id: Id) -> Result<(), Refusal> {
    if world.rules.locks && world.lock(id).is_some() {
        return Err(Refusal::new(Reason::Locked, "droplet is locked"));
    }
    Ok(())
}
