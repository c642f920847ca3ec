//! The power switch. In a file of its own, as an orderly shutdown is only asked for there: whether the
//! droplet follows has to be seen.

use std::time::Duration;

use vps_docker_core::http::wait_until;
use vps_docker_core::model::PowerAction;
use vps_docker_core::{ErrorKind, Result};

use crate::account::Account;
use crate::actions::{PATIENCE, begin, begin_once, finish};
use crate::wire::{DoAction, DropletStatus};

/// For an orderly shutdown before the power is cut.
const GRACE: Duration = Duration::from_secs(60);

/// Turns the switch; returns when the droplet has followed.
pub(crate) async fn switch(account: &Account, id: u64, action: PowerAction) -> Result<()> {
    let status = account.droplet(id).await?.status;
    let is_off = status == DropletStatus::Off;
    match action {
        PowerAction::On if status == DropletStatus::Active => Ok(()),
        PowerAction::Off if is_off => Ok(()),
        PowerAction::Off => off(account, id).await,
        PowerAction::Reboot if !is_off => reboot(account, id).await,
        PowerAction::On | PowerAction::Reboot => on(account, id).await,
    }
}

async fn on(account: &Account, id: u64) -> Result<()> {
    let action = begin(account, id, &errand("power_on")).await?;
    finish(account, id, action, PATIENCE).await?;
    until(account, id, DropletStatus::Active, PATIENCE).await
}

/// `shutdown` "guarantees that the command is issued, not that it succeeds".
async fn off(account: &Account, id: u64) -> Result<()> {
    begin(account, id, &errand("shutdown")).await?;
    match until(account, id, DropletStatus::Off, GRACE).await {
        Err(error) if error.kind() == ErrorKind::Timeout => {}
        other => return other,
    }
    tracing::info!(droplet = id, "it does not shut down and is cut off");
    // The shutdown may still be pending, which is a reason to refuse and to ask again.
    let what = "the order to cut the power";
    let cut = || async { begin(account, id, &errand("power_off")).await.map(Some) };
    let action = wait_until(what, PATIENCE, &account.retry, cut).await?;
    finish(account, id, action, PATIENCE).await?;
    until(account, id, DropletStatus::Off, PATIENCE).await
}

async fn reboot(account: &Account, id: u64) -> Result<()> {
    let action = begin_once(account, id, &errand("reboot")).await?;
    match finish(account, id, action, PATIENCE).await {
        Err(error) if error.kind() == ErrorKind::Provider => {
            tracing::info!(droplet = id, %error, "it does not reboot and is cut off");
            let action = begin_once(account, id, &errand("power_cycle")).await?;
            finish(account, id, action, PATIENCE).await?;
        }
        other => other?,
    }
    until(account, id, DropletStatus::Active, PATIENCE).await
}

async fn until(
    account: &Account,
    id: u64,
    wanted: DropletStatus,
    patience: Duration,
) -> Result<()> {
    let wanted = &wanted;
    let what = match wanted {
        DropletStatus::Off => "the droplet's way down",
        _ => "the droplet's way up",
    };
    let ask = || async move {
        let droplet = account.droplet(id).await?;
        Ok((droplet.status == *wanted).then_some(()))
    };
    wait_until(what, patience, &account.retry, ask).await
}

fn errand(kind: &'static str) -> DoAction<'static> {
    DoAction { kind, name: None }
}
