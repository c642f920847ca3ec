use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::Host;
use super::engine::Engine;
use super::host::Doors;
use super::instance_spec::{instance_spec, tags};
use super::order::Order;
use super::plan::Planned;
use super::reconnecting::Reconnecting;
use super::run_container::{container_ended, run_container};
use super::timeline::Timeline;
use super::vps_setup::{Prepared, prepare_vps, wait_for_bootstrap};
use crate::client::VpsClientExt;
use crate::docker::{
    DerivedImage, DockerOverSsh, ImageConfig, bring_image, build_image, container_command, derive,
    look_up_locally,
};
use crate::error::{Error, ErrorKind, Result};
use crate::idle;
use crate::keys::KeyPair;
use crate::model::{
    HostId, HostName, HostSpec, HostTags, Instance, InstanceSpec, InstanceState, Phase, Timestamp,
};
use crate::ssh::{Connection, wait_for_banner};
use crate::store::{HostEntry, HostRecord, HostStore, KnownHost, OpenEntry, SCHEMA_VERSION};

/// How much longer than the bootstrap itself its report is waited for.
const REPORT_GRACE: Duration = Duration::from_secs(15);

/// The way of a create from the order to the host, one phase after another.
#[derive(Debug)]
pub(super) struct Provision {
    engine: Arc<Engine>,
    host_id: HostId,
    spec: HostSpec,
    planned: Planned,
    timeline: Timeline,
    began: Timestamp,
    host_key: KeyPair,
    tags: HostTags,
    instance_spec: InstanceSpec,
    entry: HostEntry,
    order: Order,
}

impl Provision {
    /// Makes the host key and the cloud-init document. Nothing is sent.
    pub(super) fn new(
        engine: Arc<Engine>,
        host_id: HostId,
        spec: HostSpec,
        planned: Planned,
        timeline: Timeline,
    ) -> Result<Self> {
        let host_key = KeyPair::generate(&format!("vps-docker-{}", spec.name))?;
        let tags = tags(&engine, &host_id, &spec, &host_key);
        let instance_spec = instance_spec(&engine, &spec, &planned, &host_key, &tags)?;
        let entry = engine.entry(&spec.name);
        Ok(Self {
            engine,
            host_id,
            spec,
            planned,
            timeline,
            began: Timestamp::now(),
            host_key,
            tags,
            instance_spec,
            entry,
            order: Order::default(),
        })
    }

    pub(super) fn host_id(&self) -> &HostId {
        &self.host_id
    }

    pub(super) fn name(&self) -> &HostName {
        &self.spec.name
    }

    /// All of it. Cancel-safe in so far as the caller then removes what was made, what was
    /// [ordered](Self::order) above all.
    pub(super) async fn run(&self, place: &mut OpenEntry) -> Result<Host> {
        let container = &self.planned.container;
        let settings = &self.engine.settings;
        // Needs no VPS: done while it boots.
        let local = look_up_locally(
            &settings.local_engine,
            &container.image,
            container.image_source,
        );
        let (local, (instance, address)) = tokio::try_join!(local, self.order_and_boot(place))?;

        let known = self.known(&instance, address);
        let doors = Doors::new(&self.engine, &self.entry, &known);
        let vps = self.connect(&doors).await?;
        // A connection that is lost while much is sent is made anew, once for all that follows.
        let vps = Arc::new(Reconnecting::new(&self.engine, vps));
        let docker = DockerOverSsh::new(vps.clone());
        let store = HostStore::new(vps.clone());

        let prepared = self.bootstrap(&vps).await?;
        let mut record = self.record(&instance, &prepared);
        // Record, idle watcher and the image's way do not depend on one another.
        let image = self.image(&docker, local, prepared.image.clone());
        let watcher = idle::install(&*vps, &self.planned.idle_policy);
        let ((), (), (base, derived)) = tokio::try_join!(store.write(&mut record), watcher, image)?;

        record.derived_image = Some(derived.reference.to_string());
        record.login_user = Some(self.container(&docker, &base, &mut record).await?);
        let doors = doors.with_record(&record);
        let container_door = self.door(&docker, &doors).await?;

        record.ready_at = Some(Timestamp::now());
        self.finish(&store, &mut record, &instance, place).await?;
        let vps = vps.connection().await?;
        let host = Host::created(&self.engine, record, known, doors, (vps, container_door));
        Ok(host.with_phases(self.timeline.timings()))
    }

    /// The order, which the rollback of a cancelled create must know of.
    pub(super) fn order(&self) -> &Order {
        &self.order
    }

    async fn order_and_boot(&self, place: &mut OpenEntry) -> Result<(Instance, IpAddr)> {
        let instance = self.timeline.phase(Phase::Order, self.send_order()).await?;
        place.update(|entry| entry.instance_id = Some(instance.id.clone()))?;
        let deadline = Instant::now() + self.engine.settings.vps_boot_timeout;
        let boot = async {
            let is_up = |instance: &Instance| {
                instance.state == InstanceState::Running && instance.address.is_some()
            };
            let instance = if is_up(&instance) {
                instance
            } else {
                let client = &self.engine.client;
                client
                    .wait_for_instance(&instance.id, "the VPS to run", deadline, &is_up)
                    .await?
            };
            let address = instance.address.expect("the wait is for it");
            // Where a later process finds it.
            self.entry.pin_vps(&self.known(&instance, address))?;
            wait_for_banner((address, 22).into(), deadline)
                .await
                .map_err(|error| error.with_note("vps_boot_timeout is the deadline"))?;
            Ok((instance, address))
        };
        self.timeline.phase(Phase::Boot, boot).await
    }

    async fn send_order(&self) -> Result<Instance> {
        let key = self.engine.data_dir.vps_key().public();
        let key_name = self.engine.key_name();
        let key = self
            .engine
            .client
            .ensure_ssh_key(&key_name, &key.openssh())
            .await?;
        let mut spec = self.instance_spec.clone();
        spec.ssh_keys.push(key);
        self.order
            .send(&self.engine, self.host_id.clone(), spec)
            .await
    }

    /// What this side knows of the host.
    fn known(&self, instance: &Instance, address: IpAddr) -> KnownHost {
        KnownHost {
            schema_version: SCHEMA_VERSION,
            id: self.host_id.clone(),
            instance_id: instance.id.clone(),
            address,
            ssh_port: 22,
            vps_host_key: self.host_key.public().clone(),
            created_at: self.began,
            labels: self.spec.labels.clone(),
        }
    }

    async fn connect(&self, doors: &Doors) -> Result<Arc<Connection>> {
        let limit = self.engine.settings.ssh_connect_timeout;
        let connect = self.engine.connect(&doors.vps, limit, true);
        self.timeline.phase(Phase::Connect, connect).await
    }

    async fn bootstrap(&self, vps: &Reconnecting) -> Result<Prepared> {
        let work = async {
            // The bootstrap stops itself at its deadline and says what it was at: hear that first.
            let limit = self.engine.settings.docker_install_timeout + REPORT_GRACE;
            let tell = |text: String| self.timeline.progress(Phase::Bootstrap, text);
            within(limit, "docker_install_timeout", async {
                wait_for_bootstrap(vps, limit, &tell).await?;
                let image = &self.planned.container.image;
                prepare_vps(vps, self.engine.data_dir.container_key().public(), image).await
            })
            .await
        };
        self.timeline.phase(Phase::Bootstrap, work).await
    }

    async fn image(
        &self,
        docker: &DockerOverSsh,
        local: Option<ImageConfig>,
        on_vps: Option<ImageConfig>,
    ) -> Result<(ImageConfig, DerivedImage)> {
        let settings = &self.engine.settings;
        let container = &self.planned.container;
        let tell = |text: String| self.timeline.progress(Phase::Image, text);
        let bring = async {
            let engine = &settings.local_engine;
            let (image, source) = (&container.image, container.image_source);
            match &self.planned.build {
                Some(build) => build_image(docker, engine, build, image, &tell).await,
                None => bring_image(docker, engine, image, source, local, on_vps, &tell).await,
            }
        };
        let limit = settings.image_transfer_timeout;
        let bring = within(limit, "image_transfer_timeout", bring);
        let base = self.timeline.phase(Phase::Image, bring).await?;
        let build = derive(docker, &container.image, &base);
        let limit = settings.image_build_timeout;
        let build = within(limit, "image_build_timeout", build);
        let derived = self.timeline.phase(Phase::Sshd, build).await?;
        Ok((base, derived))
    }

    async fn container(
        &self,
        docker: &DockerOverSsh,
        base: &ImageConfig,
        record: &mut HostRecord,
    ) -> Result<String> {
        let work = async {
            record.container_command = container_command(&record.container, base)?;
            run_container(docker, record).await?;
            base.login_user(docker, &record.host_dir).await
        };
        let limit = self.engine.settings.container_start_timeout;
        let work = within(limit, "container_start_timeout", work);
        self.timeline.phase(Phase::Container, work).await
    }

    /// The pinned connection to the container; a container that ends meanwhile ends the wait.
    async fn door(&self, docker: &DockerOverSsh, doors: &Doors) -> Result<Arc<Connection>> {
        doors.pin_container(&self.entry)?;
        let limit = self.engine.settings.container_start_timeout;
        let work = async {
            tokio::select! {
                connection = self.engine.connect(&doors.container, limit, false) => connection,
                error = container_ended(docker, limit) => Err(error),
            }
        };
        self.timeline.phase(Phase::Door, work).await
    }

    /// Record, tags and journal say that the host is ready. From the journal's word on it is
    /// adopted, not removed, when we are killed.
    async fn finish(
        &self,
        store: &HostStore,
        record: &mut HostRecord,
        instance: &Instance,
        place: &mut OpenEntry,
    ) -> Result<()> {
        let work = async {
            let client = &self.engine.client;
            let tags = HostTags {
                expires: None,
                ..self.tags.clone()
            };
            let set_tags = async {
                if client.capabilities().set_tags {
                    client.set_tags(&instance.id, &tags.to_tags()).await
                } else {
                    Ok(())
                }
            };
            tokio::try_join!(store.write(record), set_tags)?;
            place.update(|entry| entry.ready = true)
        };
        self.timeline.phase(Phase::Record, work).await
    }

    fn record(&self, instance: &Instance, prepared: &Prepared) -> HostRecord {
        HostRecord {
            schema_version: SCHEMA_VERSION,
            generation: 0,
            id: self.host_id.clone(),
            name: self.spec.name.clone(),
            provider: self.engine.client.provider_name().to_owned(),
            owner: self.engine.data_dir.owner().clone(),
            instance_id: instance.id.clone(),
            created_at: self.began,
            ready_at: None,
            labels: self.spec.labels.clone(),
            container: self.planned.container.clone(),
            host_dir: self.engine.settings.host_dir.clone(),
            derived_image: None,
            container_command: Vec::new(),
            login_user: None,
            container_host_key: Some(prepared.container_host_key.clone()),
            container_ssh_port: self.engine.settings.container_ssh_port,
            idle_policy: self.planned.idle_policy.clone(),
        }
    }
}

async fn within<T>(
    limit: Duration,
    name: &str,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    timeout(limit, work).await.unwrap_or_else(|_elapsed| {
        Err(Error::new(
            ErrorKind::Timeout,
            format!("it took longer than {name} ({} s)", limit.as_secs_f32()),
        ))
    })
}
