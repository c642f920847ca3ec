//! The power switch. A file of its own because the API has no actions to follow: one looks until the
//! machine is so.

use std::time::Duration;

use vps_docker_core::http::wait_until;
use vps_docker_core::model::{InstanceId, PowerAction};
use vps_docker_core::{ErrorKind, Result};

use crate::cloud::Cloud;
use crate::wire::{Machine, Status};

/// How long a machine may take to start.
const START_DEADLINE: Duration = Duration::from_secs(180);
/// How long one may take to shut down in order before its power is cut.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(90);
/// How long one may take to stop whose power was cut.
const STOP_DEADLINE: Duration = Duration::from_secs(60);

/// Turns the switch of a machine that was just looked at, and waits.
pub(crate) async fn switch(
    cloud: &Cloud,
    machine: &Machine,
    id: &InstanceId,
    action: PowerAction,
) -> Result<()> {
    let number = machine.instance_id;
    let is_off = matches!(machine.status, Status::Stopped | Status::Uninstalled);
    match action {
        PowerAction::On if machine.status == Status::Running => Ok(()),
        PowerAction::Off if is_off => Ok(()),
        PowerAction::Reboot if !is_off => {
            cloud.api.act(number, "restart").await?;
            reach(cloud, number, &Status::Running, START_DEADLINE, id).await
        }
        PowerAction::On | PowerAction::Reboot => {
            cloud.api.act(number, "start").await?;
            reach(cloud, number, &Status::Running, START_DEADLINE, id).await
        }
        PowerAction::Off => {
            cloud.api.act(number, "shutdown").await?;
            match reach(cloud, number, &Status::Stopped, SHUTDOWN_DEADLINE, id).await {
                Err(error) if error.kind() == ErrorKind::Timeout => {}
                other => return other,
            }
            cloud.api.act(number, "stop").await?;
            reach(cloud, number, &Status::Stopped, STOP_DEADLINE, id).await
        }
    }
}

async fn reach(
    cloud: &Cloud,
    number: u64,
    status: &Status,
    within: Duration,
    id: &InstanceId,
) -> Result<()> {
    let what = if *status == Status::Running {
        "the start of the machine"
    } else {
        "the stop of the machine"
    };
    let reached = wait_until(what, within, &cloud.config.retry, || async {
        let machine = cloud.api.machine(number).await?;
        Ok((machine.status == *status).then_some(()))
    });
    reached.await.map_err(|error| error.with_instance(id))
}
