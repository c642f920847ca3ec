//! Snapshots of droplets: <https://docs.digitalocean.com/reference/api/reference/snapshots/>. In a file of
//! its own, as the action that makes one does not say which it made.

use std::collections::HashSet;
use std::time::Duration;

use vps_docker_core::Result;
use vps_docker_core::http::lenient::Id;
use vps_docker_core::http::{gone_is_success, wait_until};
use vps_docker_core::model::{InstanceSnapshot, SnapshotId};

use crate::account::Account;
use crate::actions::{begin_once, finish};
use crate::convert;
use crate::wire::{DoAction, Snapshot, Snapshots};

/// A full disk of a large droplet takes most of it.
const PATIENCE: Duration = Duration::from_secs(3600);

/// For the listing, once the action is done.
const LISTING_PATIENCE: Duration = Duration::from_secs(60);

/// Makes one and waits until it can be used. Names need not be unique, so it is the one that was not
/// there before.
pub(crate) async fn create(account: &Account, id: u64, name: &str) -> Result<InstanceSnapshot> {
    let before = named(account, id, name).await?;
    let before: HashSet<Id> = before.into_iter().map(|snapshot| snapshot.id).collect();
    let errand = DoAction {
        kind: "snapshot",
        name: Some(name),
    };
    let action = begin_once(account, id, &errand).await?;
    finish(account, id, action, PATIENCE).await?;
    let before = &before;
    let ask = || async move {
        let mut now = named(account, id, name).await?;
        now.retain(|snapshot| !before.contains(&snapshot.id));
        Ok(now.pop())
    };
    let what = "the listing of the new snapshot";
    let made = wait_until(what, LISTING_PATIENCE, &account.retry, ask).await?;
    Ok(convert::snapshot(made, Some(id)))
}

async fn named(account: &Account, id: u64, name: &str) -> Result<Vec<Snapshot>> {
    let id = id.to_string();
    let request = || {
        account
            .api
            .get("create_snapshot", ["droplets", &id, "snapshots"])
    };
    let mut snapshots = account.all::<Snapshots>(request).await?;
    snapshots.retain(|snapshot| snapshot.name == name);
    Ok(snapshots)
}

/// All snapshots of droplets, of droplets that are gone too.
pub(crate) async fn list(account: &Account) -> Result<Vec<InstanceSnapshot>> {
    let request = || {
        account
            .api
            .get("list_snapshots", ["snapshots"])
            .query("resource_type", "droplet")
    };
    let snapshots = account.all::<Snapshots>(request).await?;
    let convert = |snapshot| convert::snapshot(snapshot, None);
    Ok(snapshots.into_iter().map(convert).collect())
}

/// Deletes one. Idempotent.
pub(crate) async fn delete(account: &Account, id: &SnapshotId) -> Result<()> {
    // Snapshots of volumes have ids of another kind, and are deleted by the same call.
    if id.as_str().parse::<u64>().is_err() {
        return Ok(());
    }
    let path = ["snapshots", id.as_str()];
    gone_is_success(account.api.delete("delete_snapshot", path).done().await)
}
