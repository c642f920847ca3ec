//! What can be done with a server: `POST /servers/{id}/actions/…`.

use axum::extract::State;
use serde_json::{Value, json};

use super::actions::show_by_id;
use super::{IdOrName, images, labels};
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::credentials::draw;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::operations::Reinstallation;
use crate::cloud_sim::refusal::{Reason, Refusal};
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::Power;

/// <https://docs.hetzner.cloud/#server-actions>
pub(super) async fn act(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "server")?;
    let turn = |turn| {
        let begun = sim.power(&call, id, "server", turn)?;
        action(&sim, begun.action)
    };
    match call.param("action") {
        "poweron" => turn(Power::On),
        "poweroff" => turn(Power::Off),
        "shutdown" => turn(Power::Shutdown),
        "reboot" => turn(Power::Reboot),
        "reset" => turn(Power::Reset),
        "create_image" => create_image(&sim, &call, id),
        "rebuild" => rebuild(&sim, &call, id),
        "change_protection" => change_protection(&sim, &call, id),
        _ => {
            sim.world().instance(id, "server")?;
            let why = "the simulator does not have this action";
            Err(Refusal::new(Reason::Own(422, "unsupported_error"), why))
        }
    }
}

fn action(sim: &Sim, id: Id) -> Reply {
    Ok(Answer::created(
        json!({"action": show_by_id(&sim.world(), id)}),
    ))
}

/// <https://docs.hetzner.cloud/#server-actions-create-image-from-a-server>
fn create_image(sim: &Sim, call: &Call, id: Id) -> Reply {
    let body = call.json().cloned().unwrap_or(Value::Null);
    let kind = body["type"].as_str().unwrap_or("snapshot");
    if kind != "snapshot" {
        let why = "backups are not enabled for this server";
        return Err(Refusal::new(Reason::Own(422, "invalid_input"), why));
    }
    let wanted = labels::of_body(&body)?.unwrap_or_default();
    let name = body["description"].as_str().unwrap_or("");
    let begun = sim.create_snapshot(call, id, "server", name)?;
    let mut world = sim.world();
    let snapshot = world
        .snapshots
        .get_mut(&begun.id)
        .ok_or_else(|| Refusal::not_found("image"))?;
    snapshot.labels = wanted;
    let snapshot = snapshot.clone();
    Ok(Answer::created(json!({
        "image": images::show_snapshot(&world, &snapshot),
        "action": show_by_id(&world, begun.action),
    })))
}

/// <https://docs.hetzner.cloud/#server-actions-rebuild-a-server-from-an-image>
fn rebuild(sim: &Sim, call: &Call, id: Id) -> Reply {
    let body: Value = call.body()?;
    let image: IdOrName = serde_json::from_value(body["image"].clone())
        .map_err(|_| Refusal::invalid("image", "must be an id or a name"))?;
    let boots = {
        let world = sim.world();
        let server = world.instance(id, "server")?;
        if server.protected {
            return Err(Refusal::new(
                Reason::Protected,
                "server is protected from rebuilds",
            ));
        }
        let plan = world.offer.plan(&server.plan);
        images::find(
            &world,
            &image,
            plan.map_or("x86", |plan| &plan.architecture),
        )?
    };
    let wanted = Reinstallation {
        boots,
        user_data: body["user_data"].as_str().map(str::to_owned),
        keys: None,
    };
    let begun = sim.reinstall(call, id, "server", wanted)?;
    let world = sim.world();
    let has_keys = !world.instance(id, "server")?.keys.is_empty();
    Ok(Answer::created(json!({
        "action": show_by_id(&world, begun.action),
        "root_password": (!has_keys).then(|| draw(16)),
    })))
}

/// <https://docs.hetzner.cloud/#server-actions-change-server-protection>
fn change_protection(sim: &Sim, call: &Call, id: Id) -> Reply {
    let body: Value = call.body()?;
    let mut world = sim.world();
    let server = world.instance_mut(id, "server")?;
    if let Some(wanted) = body["delete"].as_bool() {
        server.protected = wanted;
    }
    let done = world.instantly("change_protection", id);
    Ok(Answer::created(json!({"action": show_by_id(&world, done)})))
}
