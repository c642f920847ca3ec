use super::config::render;
use super::why::Why;
use crate::docker::{PRESSURE, STOP_CONTAINER};
use crate::error::{ErrorKind, Result};
use crate::model::IdlePolicy;
use crate::ssh::{Transport, TransportExt, join};

const UNIT: &str = include_str!("assets/vps-docker-idle.service");
pub(super) const WATCH: &str = include_str!("assets/idle-watch.sh");
pub(super) const SIGNALS: &str = include_str!("assets/idle-signals.sh");
const INSTALL: &str = include_str!("assets/install-idle.sh");
const WHY: &str = include_str!("assets/why.sh");

/// Puts the watcher and the policy in place, in one session, and opens a new window. The bootstrap
/// has run on the VPS; the container may not exist yet. Idempotent; dropped in the middle, the old
/// policy or the new one holds.
///
/// # Errors
/// `State` with the script's own words, `Unreachable`.
pub(crate) async fn install(vps: &dyn Transport, policy: &IdlePolicy) -> Result<()> {
    let config = render(policy);
    let length = config.len().to_string();
    let words = ["sh", "-c", INSTALL, "install-idle"];
    let files = [UNIT, WATCH, SIGNALS, STOP_CONTAINER, &length];
    let command = join(words.into_iter().chain(files));
    vps.run(&command, config.as_bytes())
        .await?
        .success(ErrorKind::State, "installing the idle watcher")
        .map(drop)
}

/// Opens a new window at the watcher's next look, and starts a watcher that does not run; until
/// then nothing is stopped. `start-container.sh` does the same. Idempotent.
///
/// # Errors
/// `State` when there is no watcher on the VPS, `Unreachable`.
pub(crate) async fn open_window(vps: &dyn Transport) -> Result<()> {
    let command = ": >/run/vps-docker/idle-window && systemctl start vps-docker-idle.service";
    vps.run(command, b"")
        .await?
        .success(ErrorKind::State, "starting the idle watcher")
        .map(drop)
}

/// Reads what the watcher on the VPS has told, in one session. Changes nothing.
///
/// # Errors
/// `State` when there is no watcher on the VPS, `Unreachable`.
pub(crate) async fn why(vps: &dyn Transport) -> Result<Why> {
    let output = vps
        .run(
            &join(["sh", "-c", &format!("{PRESSURE}\n{WHY}"), "why"]),
            b"",
        )
        .await?;
    let lines = output.success(ErrorKind::State, "reading the idle watcher's log")?;
    Why::parse(&lines)
}
