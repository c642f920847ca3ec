//! The metadata service: user-data at 169.254.169.254, as on the clouds.
//!
//! One container on the instances' own network, with the address on its interface; the instances
//! have a route to it on the link (`images/debian-12/vps-init`). Nothing of it is in the network of
//! this machine, which may stand in a cloud and need that address itself. The documents are put
//! into the container as files, so a restart of our own process changes nothing.

use std::net::Ipv4Addr;
use std::path::Path;

use bollard::models::{ContainerCreateBody, HostConfig, RestartPolicy, RestartPolicyNameEnum};
use bollard::query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use serde_json::json;
use vps_docker_core::Result;

use crate::archive::Archive;
use crate::engine::put_files;
use crate::error::{during, is_not_found};
use crate::lock::{self, FileLock};
use crate::seed::Seed;
use crate::store::Store;
use crate::wire::{self, Kind};

const SERVER: &str = include_str!("server.py");
const DOCUMENTS: &str = "srv/metadata/";

/// Where cloud-init is sent from the seed on the disk.
pub(crate) const SEED_FROM: &str = "http://169.254.169.254/nocloud/";

/// Keeps the service from being removed between the start of an instance's record and the moment
/// its document is in.
pub(crate) async fn lock(scratch_dir: &Path) -> Result<Option<FileLock>> {
    lock::acquire(scratch_dir, "metadata", || {}).await
}

/// Serves the document of an instance; starts the service if there is none. Idempotent.
pub(crate) async fn serve(
    store: &Store,
    image: &str,
    address: Ipv4Addr,
    seed: &Seed<'_>,
) -> Result<()> {
    let document = json!({
        "user_data": seed.user_data,
        "meta_data": seed.meta_data(None),
        "vendor_data": "",
        "instance_id": seed.id.as_str(),
        "hostname": seed.name,
    });
    start(store, image).await?;
    put(store, address, document.to_string().as_bytes()).await
}

/// Forgets the document of an instance, and removes the service when no instance is left.
pub(crate) async fn forget(store: &Store, address: Option<Ipv4Addr>) -> Result<()> {
    if store.instances(None).await?.is_empty() {
        let options = RemoveContainerOptionsBuilder::new().force(true).build();
        return match store
            .docker
            .remove_container(&container_name(store), Some(options))
            .await
        {
            Ok(()) => Ok(()),
            Err(error) if is_not_found(&error) => Ok(()),
            Err(error) => Err(during("remove the metadata service")(error)),
        };
    }
    let Some(address) = address else {
        return Ok(());
    };
    // The engine can put files but not take them away; empty is as good as gone.
    match put(store, address, b"").await {
        Err(error) if error.kind() == vps_docker_core::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

async fn start(store: &Store, image: &str) -> Result<()> {
    let name = container_name(store);
    match store.docker.inspect_container(&name, None).await {
        Ok(_) => {
            return store
                .docker
                .start_container(&name, None)
                .await
                .map_err(during("start the metadata service"));
        }
        Err(error) if is_not_found(&error) => {}
        Err(error) => return Err(during("inspect the metadata service")(error)),
    }
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        entrypoint: Some(vec!["python3".into(), "/srv/server.py".into()]),
        cmd: Some(Vec::new()),
        labels: Some(wire::labels(Kind::Metadata, &store.account, None)),
        stop_signal: Some("SIGKILL".into()),
        host_config: Some(HostConfig {
            network_mode: Some(store.account.clone()),
            // To put the address onto its own interface.
            cap_add: Some(vec!["NET_ADMIN".into()]),
            restart_policy: Some(RestartPolicy {
                name: Some(RestartPolicyNameEnum::UNLESS_STOPPED),
                ..RestartPolicy::default()
            }),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptionsBuilder::new().name(&name).build();
    store
        .docker
        .create_container(Some(options), body)
        .await
        .map_err(during("create the metadata service"))?;
    let files = Archive::new()
        .directory(DOCUMENTS, 0o700)
        .file("srv/server.py", 0o644, SERVER.as_bytes())
        .finish();
    upload(store, files).await?;
    store
        .docker
        .start_container(&name, None)
        .await
        .map_err(during("start the metadata service"))
}

async fn put(store: &Store, address: Ipv4Addr, document: &[u8]) -> Result<()> {
    let files = Archive::new()
        .file(&format!("{DOCUMENTS}{address}.json"), 0o600, document)
        .finish();
    upload(store, files).await
}

async fn upload(store: &Store, files: Vec<u8>) -> Result<()> {
    put_files(&store.docker, &container_name(store), files)
        .await
        .map_err(during("tell the metadata service"))
}

/// With a dot, which no instance's name has.
fn container_name(store: &Store) -> String {
    format!("{}.metadata", store.account)
}
