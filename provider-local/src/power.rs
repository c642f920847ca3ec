//! The power switch.

use bollard::Docker;
use bollard::models::ContainerSummaryStateEnum as State;
use bollard::query_parameters::{RestartContainerOptionsBuilder, StopContainerOptionsBuilder};
use vps_docker_core::Result;
use vps_docker_core::model::{InstanceId, PowerAction};

use crate::engine::Engine;
use crate::error::during;
use crate::store::Store;

/// Seconds for an orderly shutdown before the machine is cut off.
const GRACE: i32 = 60;

/// Turns the switch; returns when the instance has followed.
pub(crate) async fn switch(
    engine: &Engine,
    store: &Store,
    id: &InstanceId,
    action: PowerAction,
) -> Result<()> {
    // Stopping takes as long as the machine takes to shut down.
    let docker = engine.patient();
    let container = store.container(id).await?;
    let name = container.id.unwrap_or_default();
    // A snapshot that was killed half-way leaves its instance frozen.
    let paused = container.state == Some(State::PAUSED);
    if paused {
        unpause(&docker, &name).await?;
    }
    let done = match action {
        PowerAction::On => docker.start_container(&name, None).await,
        PowerAction::Off => {
            let options = StopContainerOptionsBuilder::new().t(GRACE).build();
            docker.stop_container(&name, Some(options)).await
        }
        PowerAction::Reboot => {
            let options = RestartContainerOptionsBuilder::new().t(GRACE).build();
            docker.restart_container(&name, Some(options)).await
        }
    };
    done.map_err(|error| during("turn the power switch")(error).with_instance(id))
}

/// Lets a frozen machine run on.
pub(crate) async fn unpause(docker: &Docker, name: &str) -> Result<()> {
    docker
        .unpause_container(name)
        .await
        .map_err(during("unpause container"))
}
