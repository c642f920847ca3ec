//! The power switch. A file of its own because Hetzner's `shutdown` only asks the operating system,
//! and what comes of it has to be awaited, or forced.

use std::time::Duration;

use vps_docker_core::http::wait_until;
use vps_docker_core::model::PowerAction;
use vps_docker_core::{ErrorKind, Result};

use crate::client::Cloud;
use crate::wire::{ActionAnswer, ServerStatus};

/// How long the operating system may take to shut down before the power is cut.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(60);

/// How long Hetzner may take to turn the switch.
const SWITCH_PATIENCE: Duration = Duration::from_secs(180);

impl Cloud {
    /// Turns the switch and waits until the server has followed.
    pub(crate) async fn switch(&self, id: u64, action: PowerAction) -> Result<()> {
        let status = self.server("power", id).await?.status;
        match (action, status) {
            (PowerAction::On, ServerStatus::Running) | (PowerAction::Off, ServerStatus::Off) => {
                Ok(())
            }
            (PowerAction::On, _) | (PowerAction::Reboot, ServerStatus::Off) => self.on(id).await,
            (PowerAction::Off, _) => self.off(id).await,
            (PowerAction::Reboot, _) => {
                self.act(id, "reboot").await?;
                self.is_at(id, &ServerStatus::Running, SWITCH_PATIENCE)
                    .await
            }
        }
    }

    async fn on(&self, id: u64) -> Result<()> {
        self.act(id, "poweron").await?;
        self.is_at(id, &ServerStatus::Running, SWITCH_PATIENCE)
            .await
    }

    /// In order, else by force.
    async fn off(&self, id: u64) -> Result<()> {
        self.act(id, "shutdown").await?;
        match self.is_at(id, &ServerStatus::Off, SHUTDOWN_PATIENCE).await {
            Err(error) if error.kind() == ErrorKind::Timeout => {}
            other => return other,
        }
        self.act(id, "poweroff").await?;
        self.is_at(id, &ServerStatus::Off, SWITCH_PATIENCE).await
    }

    /// `POST /servers/{id}/actions/{what}`, and what comes of it.
    async fn act(&self, id: u64, what: &str) -> Result<()> {
        let path = ["servers", &id.to_string(), "actions", what];
        let call = || {
            let request = self.api.post("power", path);
            // All others come to the same when they are asked for twice.
            let request = if what == "reboot" {
                request
            } else {
                request.repeatable()
            };
            request.json::<ActionAnswer>()
        };
        let answer = self.unlocked("the power switch", call).await?;
        self.follow("power", vec![answer.action], SWITCH_PATIENCE)
            .await
    }

    async fn is_at(&self, id: u64, status: &ServerStatus, patience: Duration) -> Result<()> {
        let look = || async move {
            let server = self.server("power", id).await?;
            Ok((server.status == *status).then_some(()))
        };
        wait_until("the power switch", patience, &self.retry, look)
            .await
            .map_err(|error| error.with_operation("power"))
    }
}
