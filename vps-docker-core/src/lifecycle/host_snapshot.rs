//! Snapshots of a host, and of its instance.

use super::Host;
use super::host_script::no_snapshot;
use super::run_container;
use crate::docker::{DELETE_SNAPSHOT, RESTORE_SNAPSHOT, TAKE_SNAPSHOT};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{HostSnapshotId, InstanceSnapshot, InstanceSnapshotName, SnapshotName};
use crate::ssh::{TransportExt, join};
use crate::store::{HostRecord, HostSnapshot, parse_snapshot};

impl Host {
    /// Takes a snapshot: the container's file system as an image and the data volume, both of one moment,
    /// kept on the VPS. A container that runs is paused for the short part of it, some 0.2 s
    /// and what it takes to commit its layer and to pack what changes meanwhile; one that is stopped
    /// can be snapshotted as well. Other volumes, what runs, and sockets are not in it.
    ///
    /// Not idempotent. Dropped in the middle, or cut off, the VPS goes on with it, and the snapshot is
    /// there entirely or not at all. Start, stop and other snapshots wait for it, a minute at most.
    ///
    /// # Errors
    /// `Capacity` when the VPS's disk is too full: nothing is left of it then; `Locked` when
    /// another operation takes too long; `State` when there is no container; `Docker`; and those of
    /// [`vps`](Self::vps).
    #[tracing::instrument(skip_all, fields(host = %self.info.name))]
    pub async fn snapshot(&self, name: &SnapshotName) -> Result<HostSnapshot> {
        let id = HostSnapshotId::random();
        let (host, host_id) = (&self.info.name, &self.info.id);
        let words = [id.as_str(), name.as_str(), host.as_str(), host_id.as_str()];
        let taken = self
            .run_script("snapshot", TAKE_SNAPSHOT, &words, b"")
            .await;
        let taken = taken.map_err(|error| match error.kind() {
            ErrorKind::Unreachable => error.with_note(format!(
                "the VPS may have made the snapshot {id} all the same"
            )),
            _ => error,
        });
        taken?
            .done("taking a snapshot")
            .and_then(|text| parse_snapshot(&text))
            .map_err(|error| self.place(error, "snapshot"))
    }

    /// All snapshots of the host, the oldest first. Idempotent and cancel-safe.
    ///
    /// # Errors
    /// `State` when the record of one is corrupt, and those of [`vps`](Self::vps).
    pub async fn snapshots(&self) -> Result<Vec<HostSnapshot>> {
        self.store().await?.snapshots().await
    }

    /// Makes the host what it was when the snapshot was taken, and leaves it running: with the image, command, start args
    /// and limits of then, where the container has been [replaced](Self::replace) since. Its name,
    /// labels, environment, agents, keys and snapshots stay what they are. All is checked and prepared while the
    /// old container runs; the old state is kept until the new container's sshd answers, and comes
    /// back if it does not.
    ///
    /// Each restore adds a layer to what is snapshotted next; Docker's limit is some 120.
    ///
    /// Idempotent. Dropped in the middle, or cut off, the VPS goes on with it; killed there as well, the
    /// host has the old state or the new one, whole, as soon as anything else is done with it.
    ///
    /// # Errors
    /// `NotFound` when there is no such snapshot; `State` when its image or its data are not what
    /// their digests say, and nothing was touched; `Capacity` when the data does not fit onto the VPS's
    /// disk beside the old; `Docker` when the container does not come up, with what it said
    /// last; `Locked`; and those of [`vps`](Self::vps).
    #[tracing::instrument(skip_all, fields(host = %self.info.name, snapshot = %id))]
    pub async fn restore(&mut self, id: &HostSnapshotId) -> Result<()> {
        let restored = self.restore_there(id).await;
        let record = restored.map_err(|error| self.place(error, "restore"))?;
        self.take_record(record)?;
        self.refresh().await?;
        self.wait_for_door().await
    }

    /// Returns the record that the host has then.
    async fn restore_there(&self, id: &HostSnapshotId) -> Result<HostRecord> {
        let store = self.store().await?;
        let snapshot = store.snapshot(id).await?.ok_or_else(no_snapshot)?;
        let before = store
            .read()
            .await?
            .ok_or_else(|| Error::new(ErrorKind::State, "the VPS holds no record of a host"))?;
        // The container may have been replaced since: it is to be run as it was.
        let then = store.record_in_snapshot(id).await?;
        let then = then.unwrap_or_else(|| before.clone());
        // Not the snapshot's own: that one can be deleted while its container runs.
        let tag = HostSnapshotId::random();
        let record = as_it_was(&before, then, format!("vps-docker/restored:{tag}"));
        let next = prepared(&before, &record);
        let mut input = join(run_container::arguments(&record)?);
        let length = input.len();
        input.push_str(&next);
        let seconds = |limit: std::time::Duration| limit.as_secs().max(1).to_string();
        let settings = &self.engine.settings;
        let mut words = vec![
            id.to_string(),
            snapshot.image_id.clone(),
            tag.to_string(),
            record.container_ssh_port.to_string(),
            seconds(settings.container_start_timeout),
            seconds(settings.container_stop_timeout),
            length.to_string(),
            next.len().to_string(),
        ];
        words.extend(snapshot.sums());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.run_script("restore", RESTORE_SNAPSHOT, &words, input.as_bytes())
            .await?
            .done("restoring the snapshot")?;
        if next.is_empty() {
            return Ok(record);
        }
        // Somebody may have changed the record meanwhile: then the VPS has changed no more than its image.
        let change = |there: &mut HostRecord| {
            if there.derived_image == record.derived_image {
                let image = record.derived_image.clone().unwrap_or_default();
                *there = as_it_was(there, record.clone(), image);
            }
        };
        let there = store.read().await?;
        match there {
            Some(there) if there.container == record.container => Ok(there),
            _ => store.update(change).await,
        }
    }

    /// Deletes a snapshot: first its record, then its image and its data. The snapshots that were taken
    /// after it stay whole.
    ///
    /// Not idempotent: a second time it is `NotFound`. Dropped in the middle, or cut off, the VPS goes
    /// on with it.
    ///
    /// # Errors
    /// `NotFound` when there is none of that id; `Locked`; and those of [`vps`](Self::vps).
    pub async fn delete_snapshot(&self, id: &HostSnapshotId) -> Result<()> {
        let words = [id.as_str()];
        self.run_script("delete_snapshot", DELETE_SNAPSHOT, &words, b"")
            .await?
            .done("deleting the snapshot")
            .map_err(|error| self.place(error, "delete_snapshot"))
            .map(drop)
    }

    /// Has the provider make a snapshot of the instance's whole disk, as it is at that moment: what
    /// programs have not written is not in it. It is called `vps-docker-OWNER-HOST-NAME` there
    /// (see [`InstanceSnapshotName`]), outlives the host and is billed by most providers.
    ///
    /// Not idempotent. Dropped in the middle, the provider may make it all the same.
    ///
    /// # Errors
    /// `Unsupported` where the provider has none, and those of the provider.
    pub async fn snapshot_instance(&self, name: &SnapshotName) -> Result<InstanceSnapshot> {
        let full_name = InstanceSnapshotName {
            owner: self.engine.data_dir.owner().clone(),
            host: self.info.id.clone(),
            name: name.clone(),
        };
        match self.vps().await {
            Ok(vps) => drop(vps.run("sync", b"").await?),
            Err(error) if error.kind() == ErrorKind::HostKeyMismatch => return Err(error),
            // A host that is off or does not answer can be snapshotted too.
            Err(_) => {}
        }
        let client = &self.engine.client;
        client
            .create_snapshot(&self.info.instance_id, &full_name.to_string())
            .await
            .map_err(|error| self.place(error, "snapshot_instance"))
    }

    fn place(&self, error: Error, operation: &str) -> Error {
        error.with_host(&self.info.name).with_operation(operation)
    }
}

/// The record of a host whose container is what it was then.
fn as_it_was(now: &HostRecord, then: HostRecord, image: String) -> HostRecord {
    HostRecord {
        container: then.container,
        container_command: then.container_command,
        login_user: then.login_user,
        base_image: then.base_image,
        build_digest: then.build_digest,
        derived_image: Some(image),
        ..now.clone()
    }
}

/// What the VPS is to write, where it is more than the image: that it can do by itself, whoever has changed the record.
fn prepared(before: &HostRecord, record: &HostRecord) -> String {
    let with_its_image = HostRecord {
        derived_image: record.derived_image.clone(),
        ..before.clone()
    };
    if *record == with_its_image {
        return String::new();
    }
    let next = HostRecord {
        generation: before.generation + 1,
        ..record.clone()
    };
    serde_json::to_string(&next).expect("a record is plain data")
}
