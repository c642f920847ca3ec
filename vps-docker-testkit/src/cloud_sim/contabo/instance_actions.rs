//! What can be done with an instance, and what can be bought for it.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use serde_json::{Value, json};

use super::account::{Account, owned};
use super::instance_view::{ADD_ONS, RESCUE, add_ons as own_add_ons};
use super::{instances, internal_error, listing};
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::refusal::{Reason, Refusal};
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::Power;

/// What is bought by name, with the number that it is shown under.
const NAMED_ADD_ONS: [(&str, u64); 6] = [
    ("privateNetworking", 1477),
    ("additionalIps", 1044),
    ("backup", 1501),
    ("extraStorage", 1078),
    ("customImage", 1082),
    ("firewalling", 2134),
];

/// `POST /v1/compute/instances/{instanceId}/actions/…`: 201, and nothing that tells when it is done.
pub(super) async fn act(
    State(sim): State<Sim>,
    Extension(account): Extension<Arc<Account>>,
    call: Call,
) -> Reply {
    let id = call.id("id", "instance")?;
    let action = call.param("action");
    let turn = match action {
        "start" => Some(Power::On),
        "stop" => Some(Power::Off),
        "shutdown" => Some(Power::Shutdown),
        "restart" | "rescue" => Some(Power::Reboot),
        "resetPassword" => None,
        _ => return Err(Refusal::new(Reason::NoSuchOperation, "no such action")),
    };
    if turn.is_none() || action == "rescue" {
        check_password(&account, &call)?;
    }
    match turn {
        Some(turn) => {
            sim.power(&call, id, "instance", turn)?;
        }
        None => sim.world().instance(id, "instance").map(|_| ())?,
    }
    let mut world = sim.world();
    let instance = world.instance_mut(id, "instance")?;
    if turn.is_some() {
        let rescued = action == "rescue";
        instance.extra.insert(RESCUE.to_owned(), rescued.into());
    }
    let done = json!({"instanceId": id, "action": action});
    Ok(Answer::created(listing::one(&call, owned(done))))
}

fn check_password(account: &Account, call: &Call) -> Result<(), Refusal> {
    let wanted = call.json().and_then(|body| body["rootPassword"].as_u64());
    match wanted {
        Some(id) if !account.passwords().contains_key(&Id(id)) => Err(internal_error()),
        _ => Ok(()),
    }
}

/// `POST /v1/compute/instances/{instanceId}/upgrade`: add-ons.
pub(super) async fn upgrade(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "instance")?;
    let mut world = sim.world();
    let instance = world.instance_mut(id, "instance")?;
    let mut all = own_add_ons(instance);
    let new = add_ons(call.json());
    let is_new = |own: &&Value| !all.as_array().is_some_and(|all| all.contains(own));
    let new: Vec<Value> = new
        .as_array()
        .into_iter()
        .flatten()
        .filter(is_new)
        .cloned()
        .collect();
    if let Some(all) = all.as_array_mut() {
        all.extend(new);
    }
    instance.extra.insert(ADD_ONS.to_owned(), all);
    Ok(Answer::ok(listing::one(
        &call,
        instances::touched(instance),
    )))
}

/// The add-ons that a document asks for, as the API shows them.
pub(super) fn add_ons(wanted: Option<&Value>) -> Value {
    let has = |name: &str| wanted.is_some_and(|wanted| wanted[name].is_object());
    let named = NAMED_ADD_ONS.iter().filter(|(name, _)| has(name));
    let named = named.map(|(_, id)| json!({"id": id, "quantity": 1}));
    let numbered = wanted.and_then(|wanted| wanted["addonsIds"].as_array());
    named
        .chain(numbered.into_iter().flatten().cloned())
        .collect()
}
