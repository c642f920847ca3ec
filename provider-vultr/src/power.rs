//! The power switch. A file of its own because Vultr answers 204 and nothing more, so that what
//! became of it has to be looked for.

use std::time::Duration;

use vps_docker_core::http::wait_until;
use vps_docker_core::model::{InstanceId, InstanceState, PowerAction};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::api::Api;
use crate::convert::state;
use crate::watch::{Seen, when_unlocked};
use crate::wire::Instance;

/// How long an instance may take to follow.
const PATIENCE: Duration = Duration::from_secs(300);

/// *Start instance*, *Halt Instance*, *Reboot Instance*; returns when the instance has followed.
/// Vultr has no orderly shutdown, so `Off` cuts off. Whether a reboot has begun cannot be seen: what
/// is awaited is that the instance runs.
pub(crate) async fn switch(api: &Api, id: &InstanceId, action: PowerAction) -> Result<()> {
    let (verb, wanted) = match action {
        PowerAction::On => ("start", InstanceState::Running),
        PowerAction::Off => ("halt", InstanceState::Stopped),
        PowerAction::Reboot => ("reboot", InstanceState::Running),
    };
    let is_switch = action != PowerAction::Reboot;
    let before = api.instance("power", id).await?;
    if is_switch && state_of(&before) == wanted {
        return Ok(());
    }
    let send = || async {
        let request = api.http.post("power", ["instances", id.as_str(), verb]);
        if is_switch {
            request.repeatable().done().await
        } else {
            request.done().await
        }
    };
    if is_switch {
        when_unlocked(&api.retry, send).await?;
    } else {
        send().await?;
    }
    follow(api, id, &wanted).await
}

async fn follow(api: &Api, id: &InstanceId, wanted: &InstanceState) -> Result<()> {
    let seen = &Seen::now();
    let look = || async move {
        let instance = api.look_at("power", id, seen).await?;
        match state_of(&instance) {
            state if state == *wanted => Ok(Some(())),
            InstanceState::AwaitsPerson => Err(suspended()),
            _ => Ok(None),
        }
    };
    wait_until("the power switch", PATIENCE, &api.retry, look)
        .await
        .map_err(|error| error.with_operation("power"))
}

fn state_of(instance: &Instance) -> InstanceState {
    state(&instance.status, &instance.power_status)
}

fn suspended() -> Error {
    Error::new(
        ErrorKind::Provider,
        "Vultr has suspended the instance, so that it cannot be switched; see the notices and the \
         bills at https://my.vultr.com",
    )
    .with_operation("power")
}
