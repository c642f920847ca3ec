use std::sync::Arc;

use super::engine::Engine;
use super::host_script::{ScriptEnd, no_snapshot};
use super::reconnecting::Reconnecting;
use super::{Host, find};
use crate::docker::{CHECK_SNAPSHOT, DockerOverSsh, FILL_FROM_SNAPSHOT, SEND_SNAPSHOT};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ContainerSpec, HostName, HostSnapshotId, HostSpec, ImageReference, StartArgs};
use crate::ssh::{Transport, join, pipe};
use crate::store::{HostRecord, HostSnapshot};

/// The snapshot of another host that a host begins with.
#[derive(Debug)]
pub(super) struct SnapshotSource {
    host: Host,
    snapshot: HostSnapshot,
    /// Of the other host, as it was then.
    pub(super) record: HostRecord,
}

impl SnapshotSource {
    /// Finds it and checks that it is whole, over a connection that is kept for the move.
    ///
    /// # Errors
    /// `NotFound` when there is no such host or no such snapshot; `State` when it is not what its
    /// digests say; `Unreachable`.
    pub(super) async fn find(
        engine: &Arc<Engine>,
        host: &HostName,
        id: &HostSnapshotId,
    ) -> Result<Self> {
        let host = find::host(engine, host).await?;
        match Self::read(&host, id).await {
            Ok((snapshot, record)) => Ok(Self {
                host,
                snapshot,
                record,
            }),
            Err(error) => {
                let error = error.with_host(&host.info().name);
                host.close().await;
                Err(error)
            }
        }
    }

    async fn read(host: &Host, id: &HostSnapshotId) -> Result<(HostSnapshot, HostRecord)> {
        let store = host.store().await?;
        let snapshot = store.snapshot(id).await?.ok_or_else(no_snapshot)?;
        let record = store.record_in_snapshot(id).await?.ok_or_else(|| {
            Error::new(
                ErrorKind::State,
                "the snapshot lacks the record of its host; take another one",
            )
        })?;
        let sums = snapshot.sums();
        let mut words = vec![id.as_str(), snapshot.image_id.as_str()];
        words.extend(sums.iter().map(String::as_str));
        host.run_script("check_snapshot", CHECK_SNAPSHOT, &words, b"")
            .await?
            .done("checking the snapshot")?;
        Ok((snapshot, record))
    }

    /// The container as it was run there, with the start args, resources and security of
    /// the specification, where it has any.
    pub(super) fn container(
        &self,
        spec: &HostSpec,
        container_ssh_port: u16,
    ) -> Result<ContainerSpec> {
        let mut container = self.record.container.clone();
        let asked = &spec.start_args;
        let start_args = if asked.is_empty() {
            container.start_args.as_slice()
        } else {
            asked
        };
        container.start_args = StartArgs::new(start_args.iter().cloned(), container_ssh_port)?;
        if let Some(resources) = &spec.resources {
            container.resources.clone_from(resources);
        }
        if let Some(security) = &spec.security {
            container.security.clone_from(security);
        }
        container.check()
    }

    /// Brings image and data to another VPS, through this side, and checks both against the digests of
    /// the snapshot's record. Returns the image's name there.
    pub(super) async fn move_to(
        &self,
        vps: &Arc<Reconnecting>,
        progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<String> {
        let docker = DockerOverSsh::new(vps.clone());
        let (image, ()) = tokio::try_join!(
            self.move_image(&docker, progress),
            self.move_data(vps, progress)
        )?;
        Ok(image)
    }

    async fn move_image(
        &self,
        docker: &DockerOverSsh,
        progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<String> {
        let name = self.snapshot.image();
        let there = self.host.docker().await?;
        let reference = ImageReference::new(&name)?;
        docker.ship_image_from(&there, &reference, progress).await?;
        let id = ["image", "inspect", "--format", "{{.Id}}", &name];
        let id = docker.run(id).await?;
        if id.trim() != self.snapshot.image_id {
            return Err(Error::new(
                ErrorKind::State,
                format!(
                    "the image of the snapshot arrived as {}, its record says {}: it is damaged",
                    id.trim(),
                    self.snapshot.image_id
                ),
            ));
        }
        // The host has no snapshot of that id.
        let restored = format!("vps-docker/restored:{}", HostSnapshotId::random());
        docker.run(["tag", &name, &restored]).await?;
        docker.run(["image", "rm", &name]).await?;
        Ok(restored)
    }

    async fn move_data(
        &self,
        vps: &Arc<Reconnecting>,
        progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<()> {
        let bytes: u64 = self.snapshot.files.iter().map(|file| file.size_bytes).sum();
        progress(format!("moving {:.1} MB of data", bytes as f64 / 1e6));
        let id = self.snapshot.id.as_str();
        let send = join(["sh", "-c", SEND_SNAPSHOT, "send", id]);
        let send = self.host.vps().await?.spawn(&send).await?;
        let mut fill: Vec<String> = ["sh", "-c", FILL_FROM_SNAPSHOT, "fill"]
            .map(String::from)
            .to_vec();
        fill.extend(self.snapshot.sums());
        let fill = vps.spawn(&join(fill)).await?;
        let what = (ErrorKind::State, "reading the snapshot on the other VPS");
        // What can be compressed is.
        let filled = pipe(send, fill, what).await?;
        ScriptEnd(filled).done("filling the data volume").map(drop)
    }
}
