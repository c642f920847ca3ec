//! Snapshots. A file of its own because a snapshot is ordered and then looked for until it is whole.

use std::time::Duration;

use vps_docker_core::http::{gone_is_success, wait_until};
use vps_docker_core::model::{InstanceId, InstanceSnapshot, SnapshotId};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::api::{Api, check_id};
use crate::convert;
use crate::watch::Seen;
use crate::wire::{NewSnapshot, Snapshot, SnapshotAnswer, SnapshotStatus, Snapshots};

/// How long a snapshot may take. Vultr copies the whole disk.
const PATIENCE: Duration = Duration::from_secs(2 * 60 * 60);

/// *Create Snapshot*; returns when it is complete.
pub(crate) async fn create(api: &Api, id: &InstanceId, name: &str) -> Result<InstanceSnapshot> {
    check_id(id.as_str()).map_err(|error| error.with_operation("create_snapshot"))?;
    let order = NewSnapshot {
        instance_id: id.as_str(),
        description: name,
    };
    let request = api.http.post("create_snapshot", ["snapshots"]).body(&order);
    let ordered: SnapshotAnswer = match request.json().await {
        // Which part of the order is wrong is told by the text alone, if at all.
        Err(refused) if refused.kind() == ErrorKind::Invalid => {
            return Err(match api.instance("create_snapshot", id).await {
                Err(error) if error.kind() == ErrorKind::NotFound => error,
                _ => refused,
            });
        }
        answer => answer?,
    };
    let ordered = ordered.snapshot.id;
    let whole = completed(api, ordered.as_str()).await.map_err(|error| {
        error
            .with_note(format!(
                "the snapshot {ordered} ({name:?}) may be there all the same"
            ))
            .with_operation("create_snapshot")
    })?;
    let mut snapshot = convert::snapshot(&whole).ok_or_else(lost)?;
    snapshot.instance_id = Some(id.clone());
    Ok(snapshot)
}

/// *List Snapshots*, those in the making included.
pub(crate) async fn list(api: &Api) -> Result<Vec<InstanceSnapshot>> {
    let listed = api
        .list::<Snapshots>("list_snapshots", &["snapshots"])
        .await?;
    Ok(listed.iter().filter_map(convert::snapshot).collect())
}

/// *Delete Snapshot*. Of an instance's disk that is just being copied it waits until it may.
pub(crate) async fn delete(api: &Api, id: &SnapshotId) -> Result<()> {
    if check_id(id.as_str()).is_err() {
        return Ok(());
    }
    let delete = || async {
        let request = api
            .http
            .delete("delete_snapshot", ["snapshots", id.as_str()]);
        gone_is_success(request.done().await)
    };
    crate::watch::when_unlocked(&api.retry, delete).await
}

/// All who wait share each look at the listing.
async fn completed(api: &Api, id: &str) -> Result<Snapshot> {
    let seen = &Seen::now();
    let look = || async move {
        let snapshot = match look_at(api, id, seen).await {
            Err(fault) if fault.kind() == ErrorKind::NotFound => return Err(lost()),
            snapshot => snapshot?,
        };
        match snapshot.status {
            SnapshotStatus::Complete => Ok(Some(snapshot)),
            SnapshotStatus::Deleted => Err(lost()),
            SnapshotStatus::Pending | SnapshotStatus::Unknown(_) => Ok(None),
        }
    };
    wait_until("the snapshot", PATIENCE, &api.retry, look).await
}

/// A listing may be late, so one that is missing there is asked for itself (*Get Snapshot*).
async fn look_at(api: &Api, id: &str, seen: &Seen) -> Result<Snapshot> {
    let list = || api.list::<Snapshots>("create_snapshot", &["snapshots"]);
    let look = api.snapshots.since(seen.until(), list).await?;
    seen.note(&look);
    let listed = look.items.iter().find(|listed| listed.id.as_str() == id);
    if let Some(listed) = listed.cloned() {
        return Ok(listed);
    }
    drop(look);
    let answer: SnapshotAnswer = api
        .http
        .get("create_snapshot", ["snapshots", id])
        .json()
        .await?;
    Ok(answer.snapshot)
}

fn lost() -> Error {
    Error::new(
        ErrorKind::Provider,
        "Vultr has given up the snapshot or somebody deleted it; take another one",
    )
}
