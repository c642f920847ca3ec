//! Snapshots of instances: an image of the container's file system and a copy of its volume.
//!
//! The image is made last and removed first, and only the image is listed: a snapshot is there
//! entirely or not at all.

use std::collections::HashMap;
use std::sync::Arc;

use bollard::models::{ContainerConfig, ContainerSummaryStateEnum as State, ImageSummary};
use bollard::query_parameters::{
    CommitContainerOptionsBuilder, InspectContainerOptionsBuilder, ListImagesOptionsBuilder,
    RemoveImageOptionsBuilder,
};
use rand_core::{OsRng, RngCore};
use tokio_util::sync::CancellationToken;
use vps_docker_core::model::{InstanceId, InstanceSnapshot, SnapshotId, Timestamp};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::cloud::Cloud;
use crate::copy::Copy;
use crate::engine::Engine;
use crate::error::{during, is_not_found};
use crate::machine::data_volume;
use crate::power::unpause;
use crate::store::Store;
use crate::uninterrupted::{check, uninterrupted};
use crate::wire::{self, Kind, SnapshotDescription};

const REPOSITORY: &str = "vps-docker/snapshot";

/// Makes a snapshot; a running instance stands still meanwhile. All or nothing, also when the
/// caller drops the future.
pub(crate) async fn create(
    cloud: Arc<Cloud>,
    instance: InstanceId,
    name: String,
) -> Result<InstanceSnapshot> {
    uninterrupted(move |cancelled| async move {
        let store = cloud.store().await?;
        let engine = cloud.engine().await?;
        let id = SnapshotId::new(format!("{:016x}", OsRng.next_u64()));
        let container = store.container(&instance).await?;
        let frozen = container.state == Some(State::RUNNING);
        let container = container.id.unwrap_or_default();
        if frozen {
            store
                .docker
                .pause_container(&container)
                .await
                .map_err(during("pause container"))?;
        }
        let mut taken = take(
            engine, &store, &id, &instance, &name, &container, &cancelled,
        )
        .await;
        if taken.is_ok() {
            // From here on a caller that has gone away is like a failure.
            taken = check(&cancelled).and(taken);
        }
        if frozen {
            match unpause(&store.docker, &container).await {
                Ok(()) => {}
                // It was destroyed meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => taken = Err(error.with_instance(&instance)),
            }
        }
        match taken {
            Ok(taken) => Ok(taken),
            Err(error) => Err(match delete(&store, &id).await {
                Ok(()) => error,
                Err(left) => {
                    error.with_note(format!("parts of the snapshot {id} are left: {left}"))
                }
            }),
        }
    })
    .await
}

async fn take(
    engine: &Engine,
    store: &Store,
    id: &SnapshotId,
    instance: &InstanceId,
    name: &str,
    container: &str,
    cancelled: &CancellationToken,
) -> Result<InstanceSnapshot> {
    let options = InspectContainerOptionsBuilder::new().size(true).build();
    let inspected = store
        .docker
        .inspect_container(container, Some(options))
        .await
        .map_err(during("inspect container"))?;
    let volume_bytes = Copy {
        account: &store.account,
        instance,
        image: inspected.image.as_deref().unwrap_or_default(),
        from: &data_volume(instance),
        to: &snapshot_volume(id),
        to_labels: labels(Kind::SnapshotData, &store.account, id),
    }
    .run(engine, cancelled)
    .await?;
    check(cancelled)?;
    let root_bytes = inspected.size_rw.unwrap_or(0).unsigned_abs();
    let description = SnapshotDescription {
        name: name.to_owned(),
        instance: instance.clone(),
        size_bytes: Some(volume_bytes + root_bytes),
    };
    let mut labels = labels(Kind::Snapshot, &store.account, id);
    labels.insert(
        wire::DESCRIPTION.into(),
        serde_json::to_string(&description).expect("text maps to JSON"),
    );
    // The engine adds the container's own labels: this one would make the image part of the instance.
    labels.insert(wire::INSTANCE.into(), String::new());
    let options = CommitContainerOptionsBuilder::new()
        .container(container)
        .repo(REPOSITORY)
        .tag(id.as_str())
        .pause(false)
        .build();
    let config = ContainerConfig {
        labels: Some(labels),
        ..ContainerConfig::default()
    };
    engine
        .patient()
        .commit_container(options, config)
        .await
        .map_err(during("commit container"))?;
    Ok(describe_as(id.clone(), description, Some(Timestamp::now())))
}

/// Lists the snapshots of the account, with one call.
pub(crate) async fn list(store: &Store) -> Result<Vec<InstanceSnapshot>> {
    let options = ListImagesOptionsBuilder::new()
        .filters(&wire::filter(Some(Kind::Snapshot), &store.account, None))
        .build();
    store
        .docker
        .list_images(Some(options))
        .await
        .map_err(during("list images"))?
        .iter()
        .map(describe)
        .collect()
}

/// Deletes a snapshot. Idempotent. Instances made of it stay; the engine then keeps the
/// image's layers until the last of them is gone.
pub(crate) async fn delete(store: &Store, id: &SnapshotId) -> Result<()> {
    // What cannot be the id of a snapshot is that of none.
    let Ok(image) = image_name(id) else {
        return Ok(());
    };
    let options = RemoveImageOptionsBuilder::new().force(true).build();
    match store.docker.remove_image(&image, Some(options), None).await {
        Ok(_) => {}
        Err(error) if is_not_found(&error) => {}
        Err(error) => return Err(during("remove image")(error)),
    }
    remove_volume(store, id).await
}

/// The image that an instance made of a snapshot boots.
pub(crate) async fn image(store: &Store, id: &SnapshotId) -> Result<String> {
    let image = image_name(id)?;
    match store.docker.inspect_image(&image).await {
        Ok(_) => Ok(image),
        Err(error) if is_not_found(&error) => Err(Error::new(
            ErrorKind::NotFound,
            format!("there is no snapshot {id} on this Docker engine"),
        )
        .with_source(error)),
        Err(error) => Err(during("inspect image")(error)),
    }
}

/// Fills the disk of an instance that is made of a snapshot.
pub(crate) async fn restore(
    engine: &Engine,
    store: &Store,
    id: &SnapshotId,
    instance: &InstanceId,
    cancelled: &CancellationToken,
) -> Result<()> {
    let copy = Copy {
        account: &store.account,
        instance,
        image: &image_name(id)?,
        from: &snapshot_volume(id),
        to: &data_volume(instance),
        to_labels: wire::labels(Kind::Data, &store.account, Some(instance)),
    };
    copy.run(engine, cancelled).await.map(|_bytes| ())
}

fn describe(image: &ImageSummary) -> Result<InstanceSnapshot> {
    let label = |key| image.labels.get(key).map_or("", String::as_str);
    let description: SnapshotDescription =
        serde_json::from_str(label(wire::DESCRIPTION)).map_err(|error| {
            Error::new(
                ErrorKind::State,
                format!("the labels of the image {} are damaged", image.id),
            )
            .with_source(error)
        })?;
    let id = SnapshotId::new(label(wire::SNAPSHOT));
    let created_at = Timestamp::from_unix_seconds(image.created);
    Ok(describe_as(id, description, created_at))
}

fn describe_as(
    id: SnapshotId,
    description: SnapshotDescription,
    created_at: Option<Timestamp>,
) -> InstanceSnapshot {
    let mut snapshot = InstanceSnapshot::new(id, description.name);
    snapshot.instance_id = Some(description.instance);
    snapshot.created_at = created_at;
    snapshot.size_bytes = description.size_bytes;
    snapshot
}

async fn remove_volume(store: &Store, id: &SnapshotId) -> Result<()> {
    store.remove_volume(&snapshot_volume(id)).await
}

fn labels(kind: Kind, account: &str, id: &SnapshotId) -> HashMap<String, String> {
    let mut labels = wire::labels(kind, account, None);
    labels.insert(wire::SNAPSHOT.into(), id.to_string());
    labels
}

fn snapshot_volume(id: &SnapshotId) -> String {
    format!("vps-docker-snapshot-{id}")
}

/// An id from outside must not become another image's name.
fn image_name(id: &SnapshotId) -> Result<String> {
    let legal = id.as_str().len() == 16 && id.as_str().chars().all(|c| c.is_ascii_hexdigit());
    if legal {
        Ok(format!("{REPOSITORY}:{id}"))
    } else {
        Err(Error::new(
            ErrorKind::NotFound,
            format!("{:?} is no id of a snapshot of this provider", id.as_str()),
        ))
    }
}
