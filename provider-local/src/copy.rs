//! Copies of `/var/lib/docker`, made by a short-lived container as the engine has no call for it.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType, MountVolumeOptions};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
};
use futures_util::{StreamExt, TryStreamExt};
use tokio_util::sync::CancellationToken;
use vps_docker_core::model::InstanceId;
use vps_docker_core::{Error, ErrorKind, Result};

use crate::engine::Engine;
use crate::error::during;
use crate::uninterrupted::check;
use crate::wire::{self, Kind};

/// One volume to be copied into a new one.
pub(crate) struct Copy<'a> {
    pub(crate) account: &'a str,
    /// The instance for which it is done; one copy at a time.
    pub(crate) instance: &'a InstanceId,
    /// An image with `cp`.
    pub(crate) image: &'a str,
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
    pub(crate) to_labels: HashMap<String, String>,
}

/// `cp -a` would pass over attributes that it cannot copy, and overlay2 keeps its opaque
/// directories in them. Copies on write where the file system can.
const SCRIPT: &str = "set -e; cp -R -d --reflink=auto --sparse=always \
    --preserve=mode,ownership,timestamps,links,xattr /from/. /to/; du -s -B1 /to | cut -f1";

impl Copy<'_> {
    /// Copies, and returns the bytes written. The container and what is copied so far go when
    /// that fails or is cancelled; the caller removes the volume.
    pub(crate) async fn run(self, engine: &Engine, cancelled: &CancellationToken) -> Result<u64> {
        let docker = engine.patient();
        let name = format!("vps-docker-copy-{}", self.instance);
        let options = CreateContainerOptionsBuilder::new().name(&name).build();
        let container = docker
            .create_container(Some(options), self.body())
            .await
            .map_err(during("create the container that copies"))
            .map_err(|error| match error.kind() {
                ErrorKind::NameTaken => Error::new(
                    ErrorKind::Locked,
                    format!(
                        "a snapshot of this instance is being made just now; if not, an earlier \
                         one was killed: `docker rm -f {name}`"
                    ),
                )
                .retryable()
                .with_source(error),
                _ => error,
            })?
            .id;
        let copied = tokio::select! {
            copied = copy(&docker, &container) => copied,
            () = cancelled.cancelled() => check(cancelled).map(|()| 0),
        };
        let options = RemoveContainerOptionsBuilder::new().force(true).build();
        let removed = docker.remove_container(&container, Some(options)).await;
        let copied = copied?;
        removed.map_err(during("remove the container that copied"))?;
        Ok(copied)
    }

    fn body(&self) -> ContainerCreateBody {
        let volume = |source: &str, target: &str, labels| Mount {
            typ: Some(MountType::VOLUME),
            source: Some(source.to_owned()),
            target: Some(target.to_owned()),
            volume_options: Some(MountVolumeOptions {
                no_copy: Some(true),
                labels,
                ..MountVolumeOptions::default()
            }),
            ..Mount::default()
        };
        ContainerCreateBody {
            image: Some(self.image.to_owned()),
            entrypoint: Some(vec!["/bin/sh".into(), "-c".into(), SCRIPT.into()]),
            cmd: Some(Vec::new()),
            labels: Some(wire::labels(Kind::Copy, self.account, Some(self.instance))),
            network_disabled: Some(true),
            host_config: Some(HostConfig {
                mounts: Some(vec![
                    Mount {
                        read_only: Some(true),
                        ..volume(self.from, "/from", None)
                    },
                    volume(self.to, "/to", Some(self.to_labels.clone())),
                ]),
                // For the attributes named trusted.*.
                cap_add: Some(vec!["SYS_ADMIN".into()]),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        }
    }
}

async fn copy(docker: &bollard::Docker, container: &str) -> Result<u64> {
    docker
        .start_container(container, None)
        .await
        .map_err(during("start the container that copies"))?;
    let ended = docker
        .wait_container(container, None)
        .try_collect::<Vec<_>>()
        .await;
    let options = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
    let said: String = docker
        .logs(container, Some(options))
        .map(|line| line.map(|line| line.to_string()).unwrap_or_default())
        .collect()
        .await;
    match ended {
        Ok(_) => Ok(said.trim().parse().unwrap_or(0)),
        Err(error) => {
            let full = said.contains("No space left on device");
            let kind = if full {
                ErrorKind::Capacity
            } else {
                ErrorKind::Provider
            };
            Err(Error::new(
                kind,
                format!(
                    "the instance's Docker data could not be copied: {}",
                    said.trim()
                ),
            )
            .with_source(error))
        }
    }
}
