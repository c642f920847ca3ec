//! Stop and start of the container, and the power switch of the VPS.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Host;
use super::look::Look;
use super::run_container::{LET_IN, container_ended, run_container};
use crate::docker::{START_CONTAINER, STOP_CONTAINER};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{HostState, InstanceState, PowerAction};
use crate::ssh::{TransportExt, wait_for_banner};

impl Host {
    /// Stops the container, in order, and after the settings' `container_stop_timeout` by force. The
    /// VPS goes on and goes on costing. The container stays stopped, also over a reboot, until it
    /// is [started](Self::start). Idempotent.
    ///
    /// Dropped in the middle, the VPS goes on with it.
    ///
    /// # Errors
    /// `Docker` with docker's words, `Locked` while a snapshot is taken, and those of
    /// [`vps`](Self::vps).
    pub async fn stop(&mut self) -> Result<()> {
        let seconds = self.engine.settings.container_stop_timeout.as_secs();
        let words = ["client", "asked for by a client", &seconds.to_string()];
        self.run_script("stop", STOP_CONTAINER, &words, b"")
            .await?
            .done("stopping the container")?;
        self.container_door.get_mut().take();
        self.refresh().await
    }

    /// Starts the container and waits until its pinned sshd lets us in. Turns the VPS on if it is
    /// off, and makes the container anew from the record if it is gone. Opens a fresh idle
    /// window. Idempotent.
    ///
    /// Dropped in the middle, the VPS goes on with it.
    ///
    /// # Errors
    /// `Docker` when the container does not stay up, with what it said last; `Timeout` with the
    /// deadline's name; `Unsupported` when the VPS is off and the provider has no power switch;
    /// and those of [`vps`](Self::vps).
    pub async fn start(&mut self) -> Result<()> {
        if self.info.state == HostState::Parked {
            self.power_on().await?;
        }
        let name = self.info.name.to_string();
        let started = self
            .run_script("start", START_CONTAINER, &[&name], b"")
            .await?;
        if started.lacks_container() {
            self.refresh().await?;
            let record = self.record.as_ref().ok_or_else(|| {
                Error::new(ErrorKind::State, "the VPS holds no record of a host").with_host(&name)
            })?;
            run_container(&self.docker().await?, record).await?;
        } else {
            started.done("starting the container")?;
        }
        self.wait_for_door().await?;
        self.refresh().await
    }

    /// Stops the container and starts it again. Idempotent.
    ///
    /// # Errors
    /// Those of [`stop`](Self::stop) and [`start`](Self::start).
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        self.start().await
    }

    /// Turns the power switch of the VPS. On and reboot wait until all is up again that ran before:
    /// the VPS's pinned sshd, and the container unless it had been stopped. Idempotent but for
    /// `Reboot`. A VPS that is off is billed on by most providers.
    ///
    /// Dropped in the middle, the provider goes on with it.
    ///
    /// # Errors
    /// `Unsupported` where the provider has no switch; `Timeout` with the deadline's name; those
    /// of the provider.
    pub async fn power(&mut self, action: PowerAction) -> Result<()> {
        let place = |error: Error, name: &str| error.with_host(name).with_operation("power");
        let name = self.info.name.to_string();
        let work = async {
            if action == PowerAction::On {
                return self.power_on().await;
            }
            self.hang_up().await;
            let client = self.engine.client.clone();
            client.power(&self.info.instance_id, action).await?;
            match action {
                PowerAction::Off => {
                    self.info.state = HostState::Parked;
                    Ok(())
                }
                _ => self.wait_until_up().await,
            }
        };
        work.await.map_err(|error| place(error, &name))
    }

    async fn power_on(&mut self) -> Result<()> {
        let client = self.engine.client.clone();
        let id = &self.info.instance_id;
        client.power(id, PowerAction::On).await?;
        self.wait_until_up().await
    }

    /// Waits for the VPS's sshd, and for the container unless it was stopped on purpose.
    async fn wait_until_up(&mut self) -> Result<()> {
        let deadline = Instant::now() + self.engine.settings.vps_boot_timeout;
        let is_up = |instance: &crate::model::Instance| {
            instance.state == InstanceState::Running && instance.address.is_some()
        };
        let engine = Arc::clone(&self.engine);
        let id = self.info.instance_id.clone();
        let wait = engine.watch.wait(&id, "the VPS to run", deadline, &is_up);
        let instance = wait.await?;
        self.moved_to(instance)?;
        let door = &self.info.vps_ssh;
        wait_for_banner((door.host, door.port).into(), deadline)
            .await
            .map_err(|error| error.with_note("vps_boot_timeout is the deadline"))?;
        let mut pause = Duration::from_millis(100);
        loop {
            // Docker comes up after sshd, and the container after Docker.
            let seen = self.refresh().await;
            if let Err(error) = &seen
                && error.kind() == ErrorKind::HostKeyMismatch
            {
                // Another machine; no wait makes it the right one.
                return seen;
            }
            let settled = matches!(self.info.state, HostState::Running | HostState::Stopped);
            if seen.is_ok() && settled && self.is_as_it_was_left() {
                break;
            }
            let next = Instant::now() + pause;
            if next >= deadline {
                seen?;
                // What it is doing now is what there is to say.
                return Ok(());
            }
            sleep_until(next).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
        if self.info.state == HostState::Running {
            self.wait_for_door().await?;
        }
        Ok(())
    }

    /// A container that nobody stopped comes up with the VPS; until then Docker says that it ended.
    fn is_as_it_was_left(&self) -> bool {
        self.info.state == HostState::Running || self.stop.is_some()
    }

    /// Waits until the container's sshd lets us in; a container that ends meanwhile ends the wait.
    pub(super) async fn wait_for_door(&mut self) -> Result<()> {
        self.container_door.get_mut().take();
        let limit = self.engine.settings.container_start_timeout;
        let docker = self.docker().await?;
        let door = tokio::select! {
            door = self.engine.connect(&self.info.container_ssh, limit, false) => door,
            error = container_ended(&docker, limit, LET_IN) => Err(error),
        };
        let door = door.map_err(|error| error.with_host(&self.info.name))?;
        *self.container_door.get_mut() = Some(door);
        Ok(())
    }

    /// Looks at the host again.
    ///
    /// # Errors
    /// Those of [`vps`](Self::vps); then [`info`](Self::info) is what it was.
    pub async fn refresh(&mut self) -> Result<()> {
        let vps = self.vps().await?;
        let look = Look::parse(vps.run(&Look::command(), b"").await?)?;
        let (state, problem) = look.state();
        self.info.state = state;
        self.problem = problem;
        self.stop = look.contents.stop;
        self.pressures = look.pressures;
        if let Some(record) = look.contents.record {
            self.info.labels.clone_from(&record.labels);
            self.record = Some(record);
        }
        Ok(())
    }
}
