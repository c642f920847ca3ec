//! Errands for a droplet: accepted at once, carried out later, and only then known to have succeeded:
//! <https://docs.digitalocean.com/reference/api/reference/droplet-actions/>. In a file of its own, as power,
//! names and snapshots are all changed by them.

use std::time::Duration;

use vps_docker_core::http::wait_until;
use vps_docker_core::{Error, ErrorKind, Result};

use crate::account::Account;
use crate::wire::{Action, ActionBody, ActionStatus, DoAction};

/// How long an errand other than a snapshot may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// Sends an errand that does the same when it is sent twice.
pub(crate) async fn begin(account: &Account, id: u64, errand: &DoAction<'_>) -> Result<Action> {
    let request = account.api.post(operation(errand), path(id)).body(errand);
    let body: ActionBody = request.repeatable().json().await?;
    Ok(body.action)
}

/// Sends an errand that must not be sent twice.
pub(crate) async fn begin_once(
    account: &Account,
    id: u64,
    errand: &DoAction<'_>,
) -> Result<Action> {
    let request = account.api.post(operation(errand), path(id)).body(errand);
    let body: ActionBody = request.json().await?;
    Ok(body.action)
}

/// Waits until an errand is carried out.
///
/// # Errors
/// [`ErrorKind::Provider`] when it failed there; [`ErrorKind::Timeout`] when `patience` is at its end.
pub(crate) async fn finish(
    account: &Account,
    id: u64,
    action: Action,
    patience: Duration,
) -> Result<()> {
    let Action {
        id: number,
        status,
        kind,
    } = action;
    let what = format!("the action {kind} (id {number})");
    let mut known = Some(status);
    let ask = || {
        let known = known.take();
        async move {
            let status = match known {
                Some(status) => status,
                None => self::status(account, id, number).await?,
            };
            Ok(match status {
                ActionStatus::Completed => Some(true),
                ActionStatus::Errored => Some(false),
                ActionStatus::InProgress | ActionStatus::Unknown(_) => None,
            })
        }
    };
    if wait_until(&what, patience, &account.retry, ask).await? {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Provider,
        format!("{what} failed at DigitalOcean; see the droplet's history in its control panel"),
    ))
}

/// How far an errand is.
pub(crate) async fn status(account: &Account, id: u64, action: u64) -> Result<ActionStatus> {
    let path = ["droplets", &id.to_string(), "actions", &action.to_string()];
    let body: ActionBody = account.api.get("wait_for_action", path).json().await?;
    Ok(body.action.status)
}

fn path(id: u64) -> [String; 3] {
    ["droplets".to_owned(), id.to_string(), "actions".to_owned()]
}

fn operation(errand: &DoAction<'_>) -> &'static str {
    match errand.kind {
        "rename" => "rename_instance",
        "snapshot" => "create_snapshot",
        _ => "power",
    }
}
