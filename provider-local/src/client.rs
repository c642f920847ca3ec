use std::sync::Arc;

use async_trait::async_trait;
use vps_docker_core::model::{
    Catalog, DestroyOutcome, HostName, Instance, InstanceFilter, InstanceId, InstanceSnapshot,
    InstanceSpec, PowerAction, SnapshotId, SshKeyId, Tags,
};
use vps_docker_core::{Capabilities, Result, VpsClient};

use crate::cloud::{Cloud, USER_DATA_LIMIT};
use crate::config::LocalConfig;
use crate::images::{self, ContainerBase, ImageEvent};
use crate::{convert, create, power, seed, snapshot};

/// The provider: VPSs on a Docker engine. Cheap to clone; clones share one connection.
#[derive(Clone, Debug)]
pub struct LocalProvider(Arc<Cloud>);

impl LocalProvider {
    /// A provider with the given settings. No I/O: the engine is asked by the first call.
    #[must_use]
    pub fn new(config: LocalConfig) -> Self {
        Self(Arc::new(Cloud::new(config)))
    }

    /// Builds the images of the catalogue that are missing: a minute or two the first time,
    /// nothing later. [`create_instance`](VpsClient::create_instance) builds the one it needs, but
    /// without a word meanwhile. Idempotent; a second process waits for the first. Cancel-safe:
    /// a build that is dropped stops, and what it had finished is used by the next.
    ///
    /// # Errors
    /// [`Unreachable`](vps_docker_core::ErrorKind::Unreachable) without an engine;
    /// [`Unsupported`](vps_docker_core::ErrorKind::Unsupported) when no registry answers and
    /// `debootstrap` or the right to run it is missing, with what to install;
    /// [`Provider`](vps_docker_core::ErrorKind::Provider) with the end of the build's output.
    pub async fn prepare_images(&self, on_event: impl Fn(ImageEvent) + Send + Sync) -> Result<()> {
        let engine = self.0.engine().await?;
        for image in images::CATALOG {
            images::ensure(engine, &self.0.config, image.id, &on_event).await?;
        }
        Ok(())
    }

    /// Makes sure that the engine has `debian:bookworm-slim`, from which containers are made:
    /// the registry's if it can be had, else one made by `debootstrap` under the same name, which
    /// the answer and an event say. Idempotent; cancel-safe as [`prepare_images`](Self::prepare_images).
    ///
    /// # Errors
    /// As [`prepare_images`](Self::prepare_images).
    pub async fn prepare_container_base(
        &self,
        on_event: impl Fn(ImageEvent) + Send + Sync,
    ) -> Result<ContainerBase> {
        let engine = self.0.engine().await?;
        images::container_base(engine, &self.0.config, &on_event).await
    }
}

#[async_trait]
impl VpsClient for LocalProvider {
    fn provider_name(&self) -> &str {
        crate::NAME
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::minimal(USER_DATA_LIMIT);
        capabilities.set_tags = true;
        capabilities.rename = true;
        capabilities.power = true;
        capabilities.snapshots = true;
        capabilities.create_from_snapshot = true;
        capabilities.unique_names = true;
        capabilities
    }

    async fn create_instance(&self, spec: &InstanceSpec) -> Result<Instance> {
        create::create(Arc::clone(&self.0), spec.clone()).await
    }

    async fn instance(&self, id: &InstanceId) -> Result<Instance> {
        self.0.store().await?.instance(id).await
    }

    async fn list_instances(&self, filter: &InstanceFilter) -> Result<Vec<Instance>> {
        let mut instances = self.0.store().await?.instances(None).await?;
        instances.retain(|instance| filter.matches(&instance.tags));
        Ok(instances)
    }

    async fn destroy_instance(&self, id: &InstanceId) -> Result<DestroyOutcome> {
        create::destroy(&self.0, &self.0.store().await?, id).await?;
        Ok(DestroyOutcome::Gone)
    }

    /// Checks the key and returns the line itself as its id: this provider keeps no keys.
    async fn ensure_ssh_key(&self, _name: &str, public_key: &str) -> Result<SshKeyId> {
        seed::public_key(public_key)
    }

    async fn catalog(&self) -> Result<Catalog> {
        Ok(convert::catalog(self.0.engine().await?.cpus))
    }

    async fn set_tags(&self, id: &InstanceId, tags: &Tags) -> Result<()> {
        self.0.store().await?.set_tags(id, tags).await
    }

    async fn rename_instance(&self, id: &InstanceId, name: &str) -> Result<()> {
        HostName::new(name)?;
        self.0.store().await?.rename(id, name).await
    }

    async fn power(&self, id: &InstanceId, action: PowerAction) -> Result<()> {
        let store = self.0.store().await?;
        power::switch(self.0.engine().await?, &store, id, action).await
    }

    async fn create_snapshot(&self, id: &InstanceId, name: &str) -> Result<InstanceSnapshot> {
        snapshot::create(Arc::clone(&self.0), id.clone(), name.to_owned()).await
    }

    async fn list_snapshots(&self) -> Result<Vec<InstanceSnapshot>> {
        snapshot::list(&self.0.store().await?).await
    }

    async fn delete_snapshot(&self, id: &SnapshotId) -> Result<()> {
        snapshot::delete(&self.0.store().await?, id).await
    }
}
