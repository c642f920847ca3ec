//! How an instance is made: all of it or nothing.

use std::sync::Arc;

use bollard::query_parameters::{
    CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use rand_core::{OsRng, RngCore};
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;
use vps_docker_core::model::{BootImage, HostName, Instance, InstanceId, InstanceSpec};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::client::{Inner, USER_DATA_LIMIT};
use crate::convert;
use crate::error::{during, says};
use crate::machine::{Machine, container_name};
use crate::store::Store;
use crate::uninterrupted::{check, uninterrupted};
use crate::wire::Description;
use crate::{images, network, seed};

/// Addresses that are drawn before we give up; a second one is hardly ever needed.
const DRAWS: u32 = 5;

/// Makes an instance. When the caller drops the future, or a step fails, what was made is removed.
pub(crate) async fn create(inner: Arc<Inner>, spec: InstanceSpec) -> Result<Instance> {
    check_spec(&spec)?;
    let made = uninterrupted(move |cancelled| async move {
        let store = inner.store().await?;
        let id = InstanceId::new(format!("{:016x}", OsRng.next_u64()));
        match steps(&inner, &store, &id, &spec, &cancelled).await {
            Ok(instance) => Ok(Made {
                instance: Some(instance),
                store,
            }),
            Err(error) => Err(roll_back(&store, &id, error).await),
        }
    })
    .await?;
    Ok(made.keep())
}

async fn steps(
    inner: &Inner,
    store: &Store,
    id: &InstanceId,
    spec: &InstanceSpec,
    cancelled: &CancellationToken,
) -> Result<Instance> {
    let engine = inner.engine().await?;
    let image = match &spec.image {
        BootImage::Catalog(image) => images::ensure(engine, &inner.config, image, &|_| {}).await?,
        BootImage::Snapshot(_) => {
            return Err(Error::unsupported(crate::NAME, "booting from a snapshot"));
        }
    };
    check(cancelled)?;
    network::ensure(&store.docker, &inner.config).await?;
    let description = Description {
        name: spec.name.clone(),
        plan: spec.plan.clone(),
        tags: spec.tags.clone(),
    };
    store.begin(id, &description).await?;
    for draw in 1.. {
        check(cancelled)?;
        let address = inner
            .config
            .subnet
            .draw(&store.taken_addresses().await?)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Quota,
                    format!("all addresses of {} are taken", inner.config.subnet),
                )
            })?;
        let machine = Machine {
            id,
            account: &store.account,
            description: &description,
            image: &image,
            size: convert::size(&spec.plan)?,
            address,
        };
        let name = container_name(&store.account, &spec.name);
        let container = store
            .docker
            .create_container(
                Some(CreateContainerOptionsBuilder::new().name(&name).build()),
                machine.body(engine),
            )
            .await
            .map_err(during("create container"))?
            .id;
        check(cancelled)?;
        let files = seed::archive(
            id,
            &spec.name,
            &spec.ssh_keys,
            spec.user_data.expose_secret(),
        );
        store
            .docker
            .upload_to_container(
                &container,
                Some(UploadToContainerOptionsBuilder::new().path("/").build()),
                bollard::body_full(files.into()),
            )
            .await
            .map_err(during("put the cloud-init seed into the container"))?;
        check(cancelled)?;
        match store.docker.start_container(&container, None).await {
            Ok(()) => break,
            // Somebody else got hold of the address between our look and the start.
            Err(error) if says(&error, "Address already in use") && draw < DRAWS => {
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
    check(cancelled)?;
    store.instance(id).await
}

async fn roll_back(store: &Store, id: &InstanceId, error: Error) -> Error {
    match store.remove(id).await {
        Ok(()) => error,
        Err(left) => error.with_instance(id).with_note(format!(
            "what had been made could not be removed ({left}); see \
             `docker ps -a --filter label={label}={id}` and `docker volume ls` with that filter",
            label = crate::wire::INSTANCE,
        )),
    }
}

/// An instance on its way to the caller. When nobody takes it, it is removed.
struct Made {
    instance: Option<Instance>,
    store: Store,
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
            let store = self.store.clone();
            runtime.spawn(async move {
                if let Err(error) = store.remove(&instance.id).await {
                    tracing::warn!(%error, "an instance that nobody waited for could not be removed");
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
