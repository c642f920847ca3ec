//! How an instance is made: all of it or nothing.

use std::net::Ipv4Addr;
use std::sync::Arc;

use bollard::models::ContainerSummary;
use bollard::query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use rand_core::{OsRng, RngCore};
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;
use vps_docker_core::model::{BootImage, HostName, Instance, InstanceId, InstanceSpec};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::cloud::{Cloud, USER_DATA_LIMIT};
use crate::convert;
use crate::engine::{Engine, put_files};
use crate::error::{during, says};
use crate::machine::{Machine, container_name};
use crate::seed::Seed;
use crate::step::step;
use crate::store::Store;
use crate::uninterrupted::{check, uninterrupted};
use crate::wire::{self, Description};
use crate::{images, metadata, network, seed, snapshot};

/// Addresses that are drawn before we give up; a second one is hardly ever needed.
const DRAWS: u32 = 5;

/// Makes an instance. When the caller drops the future, or a step fails, what was made is removed.
pub(crate) async fn create(cloud: Arc<Cloud>, spec: InstanceSpec) -> Result<Instance> {
    check_spec(&spec)?;
    let made = uninterrupted(move |cancelled| async move {
        let store = cloud.store().await?;
        let id = InstanceId::new(format!("{:016x}", OsRng.next_u64()));
        match steps(&cloud, &store, &id, &spec, &cancelled).await {
            Ok(instance) => Ok(Made {
                instance: Some(instance),
                cloud,
            }),
            Err(error) => Err(roll_back(&cloud, &store, &id, error).await),
        }
    })
    .await?;
    Ok(made.keep())
}

async fn steps(
    cloud: &Cloud,
    store: &Store,
    id: &InstanceId,
    spec: &InstanceSpec,
    cancelled: &CancellationToken,
) -> Result<Instance> {
    let engine = cloud.engine().await?;
    let description = Description {
        name: spec.name.clone(),
        plan: spec.plan.clone(),
        tags: spec.tags.clone(),
    };
    let image = match &spec.image {
        BootImage::Catalog(image) => images::ensure(engine, &cloud.config, image, &|_| {}).await?,
        BootImage::Snapshot(snapshot) => snapshot::image(store, snapshot).await?,
    };
    check(cancelled)?;
    network::ensure(&store.docker, &cloud.config).await?;
    let metadata_lock = if cloud.config.metadata_service {
        metadata::lock(&cloud.config.scratch_dir).await?
    } else {
        None
    };
    store.begin(id, &description).await?;
    if let BootImage::Snapshot(snapshot) = &spec.image {
        snapshot::restore(engine, store, snapshot, id, cancelled).await?;
    }
    let machine = Machine {
        id,
        account: &store.account,
        description: &description,
        image: &image,
        size: convert::size(&spec.plan)?,
        metadata: cloud.config.metadata_service,
    };
    for draw in 1.. {
        check(cancelled)?;
        let address = draw_address(cloud, store).await?;
        let container = place(engine, store, &machine, address).await?;
        check(cancelled)?;
        deliver(store, &machine, address, &container, spec).await?;
        check(cancelled)?;
        match store.docker.start_container(&container, None).await {
            Ok(()) => {
                step("start container");
                break;
            }
            // Somebody else got hold of the address between our look and the start.
            Err(error) if says(&error, "Address already in use") && draw < DRAWS => {
                if machine.metadata {
                    metadata::forget(store, Some(address)).await?;
                }
                let options = RemoveContainerOptionsBuilder::new().force(true).build();
                store
                    .docker
                    .remove_container(&container, Some(options))
                    .await
                    .map_err(during("remove container"))?;
            }
            Err(error) => return Err(during("start container")(error)),
        }
    }
    drop(metadata_lock);
    check(cancelled)?;
    store.instance(id).await
}

async fn draw_address(cloud: &Cloud, store: &Store) -> Result<Ipv4Addr> {
    let subnet = cloud.config.subnet;
    subnet.draw(&store.taken_addresses().await?).ok_or_else(|| {
        Error::new(
            ErrorKind::Quota,
            format!("all addresses of {subnet} are taken; destroy an instance"),
        )
    })
}

/// Creates the container and returns its id.
async fn place(
    engine: &Engine,
    store: &Store,
    machine: &Machine<'_>,
    address: Ipv4Addr,
) -> Result<String> {
    let name = container_name(&store.account, &machine.description.name);
    let options = CreateContainerOptionsBuilder::new().name(&name).build();
    let created = store
        .docker
        .create_container(Some(options), machine.body(engine, address))
        .await
        .map_err(during("create container"))?;
    step("create container");
    Ok(created.id)
}

/// Hands cloud-init its input: onto the disk, or by way of the metadata service.
async fn deliver(
    store: &Store,
    machine: &Machine<'_>,
    address: Ipv4Addr,
    container: &str,
    spec: &InstanceSpec,
) -> Result<()> {
    let seed = Seed {
        id: machine.id,
        name: &spec.name,
        ssh_keys: &spec.ssh_keys,
        user_data: spec.user_data.expose_secret(),
    };
    let files = if machine.metadata {
        metadata::serve(store, machine.image, address, &seed).await?;
        seed.archive(Some(metadata::SEED_FROM))
    } else {
        seed.archive(None)
    };
    put_files(&store.docker, container, files)
        .await
        .map_err(during("put the cloud-init seed into the container"))?;
    step("put the seed");
    Ok(())
}

/// Removes an instance with all that belongs to it. Idempotent.
pub(crate) async fn destroy(cloud: &Cloud, store: &Store, id: &InstanceId) -> Result<()> {
    let removed = store.remove(id).await?;
    if removed.iter().any(with_metadata) {
        let _lock = metadata::lock(&cloud.config.scratch_dir).await?;
        metadata::forget(store, removed.iter().find_map(convert::address)).await?;
    }
    Ok(())
}

fn with_metadata(container: &ContainerSummary) -> bool {
    let labels = container.labels.as_ref();
    labels.is_some_and(|labels| labels.contains_key(wire::METADATA))
}

async fn roll_back(cloud: &Cloud, store: &Store, id: &InstanceId, error: Error) -> Error {
    match destroy(cloud, store, id).await {
        Ok(()) => error,
        Err(left) => error.with_instance(id).with_note(format!(
            "what had been made could not be removed ({left}); see \
             `docker ps -a --filter label={label}={id}` and `docker volume ls` with that filter",
            label = wire::INSTANCE,
        )),
    }
}

/// An instance on its way to the caller. When nobody takes it, it is removed.
struct Made {
    instance: Option<Instance>,
    cloud: Arc<Cloud>,
}

impl Made {
    fn keep(mut self) -> Instance {
        self.instance.take().expect("taken once, here")
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        if let (Some(instance), Ok(runtime)) =
            (self.instance.take(), tokio::runtime::Handle::try_current())
        {
            let cloud = Arc::clone(&self.cloud);
            runtime.spawn(async move {
                let removed = async { destroy(&cloud, &cloud.store().await?, &instance.id).await };
                if let Err(error) = removed.await {
                    tracing::warn!(%error, "an instance that nobody waited for is left");
                }
            });
        }
    }
}

fn check_spec(spec: &InstanceSpec) -> Result<()> {
    HostName::new(&spec.name)?;
    let unknown = |what: &str, id: &str, known: &str| {
        Err(Error::new(
            ErrorKind::Invalid,
            format!("unknown {what} {id:?}; known are {known}"),
        ))
    };
    if spec.region != convert::REGION {
        return unknown("region", &spec.region, convert::REGION);
    }
    convert::size(&spec.plan)?;
    for key in &spec.ssh_keys {
        seed::public_key(key.as_str())?;
    }
    let bytes = spec.user_data.expose_secret().len();
    if bytes > USER_DATA_LIMIT {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("user_data has {bytes} bytes; at most {USER_DATA_LIMIT} fit in"),
        ));
    }
    Ok(())
}
