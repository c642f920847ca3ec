use std::sync::Arc;
use std::time::Duration;

use super::Host;
use super::beginning::Beginning;
use super::engine::Engine;
use super::host::Doors;
use super::plan::{Planned, firewall};
use super::reconnecting::Reconnecting;
use super::run_container::{LET_IN, container_ended, run_container};
use super::runnable::{Bringing, Login, Runnable, within};
use super::timeline::Timeline;
use super::trust::{HandOver, Rotation, set_vps_firewall};
use super::vps_setup::{Prepared, forget_other_host, prepare_vps, wait_for_bootstrap};
use crate::docker::{ContainerEnv, DockerOverSsh, ImageConfig, LocalImages};
use crate::error::{ErrorKind, Result};
use crate::idle;
use crate::model::{Firewall, HostId, HostOrigin, HostSpec, HostTags, Instance, Phase, Timestamp};
use crate::ssh::Connection;
use crate::store::{HostEntry, HostRecord, HostStore, KnownHost, OpenEntry, SCHEMA_VERSION};

/// How much longer than the bootstrap itself its report is waited for.
const REPORT_GRACE: Duration = Duration::from_secs(15);

/// The way of a create from the VPS to the host, one phase after another, however the VPS is come by.
#[derive(Debug)]
pub(super) struct Provision {
    pub(super) engine: Arc<Engine>,
    pub(super) host_id: HostId,
    pub(super) spec: HostSpec,
    pub(super) planned: Planned,
    pub(super) beginning: Beginning,
    pub(super) timeline: Timeline,
    pub(super) began: Timestamp,
    pub(super) entry: HostEntry,
}

impl Provision {
    /// All of it. Cancel-safe in so far as the caller then removes what was made.
    pub(super) async fn run(&self, place: &mut OpenEntry) -> Result<Host> {
        // Needs no VPS: done while it boots.
        let vps = async {
            let instance = self.beginning.vps(self, place).await?;
            let known = self.known(&instance);
            let doors = Doors::new(&self.engine, &self.entry, &known);
            let vps = self.connect(&doors).await?;
            // A connection that is lost while much is sent is made anew, once for all that follows.
            let vps = Arc::new(Reconnecting::new(&self.engine, vps));
            let prepared = self.bootstrap(&vps).await?;
            Ok((instance, known, vps, prepared))
        };
        let (local, (instance, known, vps, prepared)) = tokio::try_join!(self.local_images(), vps)?;

        let docker = DockerOverSsh::new(vps.clone());
        let store = HostStore::new(vps.clone());
        let mut record = self.record(&instance, &prepared);
        // Record, idle watcher, host key and the image's way do not depend on one another.
        let image = self.image(&vps, local, prepared.image.clone());
        let watcher = idle::install(&*vps, &self.planned.idle_policy);
        let rotation = self.rotate(&vps, known);
        let firewall = self.close_to_others(&vps);
        let environment = self.environment(&vps);
        let ((), (), (), (), (known, tags), image) = tokio::try_join!(
            store.write(&mut record),
            watcher,
            firewall,
            environment,
            rotation,
            image
        )?;
        let doors = Doors::new(&self.engine, &self.entry, &known);

        record.derived_image = Some(image.reference);
        record.container_command = image.command;
        record.base_image = image.base_image;
        record.build_digest = image.build_digest;
        record.login_user = Some(self.container(&docker, image.login, &record).await?);
        let doors = doors.with_record(&record);
        let container_door = self.door(&docker, &doors).await?;

        let now = Timestamp::now();
        record.ready_at = Some(now);
        record.expires_at = self.spec.ttl.map(|ttl| now.plus(ttl));
        self.finish(&store, &mut record, (&instance, tags), place)
            .await?;
        let vps = vps.connection().await?;
        let host = Host::created(&self.engine, record, known, doors, (vps, container_door));
        Ok(host.with_phases(self.timeline.timings()))
    }

    /// What this side knows of the host, once its instance has an address.
    pub(super) fn known(&self, instance: &Instance) -> KnownHost {
        KnownHost {
            schema_version: SCHEMA_VERSION,
            id: self.host_id.clone(),
            instance_id: instance.id.clone(),
            address: instance.address.expect("it was waited for"),
            ssh_port: instance.ssh_port,
            vps_host_key: self.beginning.host_key().clone(),
            next_vps_host_key: None,
            created_at: self.began,
            labels: self.spec.labels.clone(),
        }
    }

    async fn connect(&self, doors: &Doors) -> Result<Arc<Connection>> {
        let limit = self.engine.settings.ssh_connect_timeout;
        let boots = matches!(self.beginning, Beginning::Order(_));
        let connect = async {
            let connection = self.engine.connect(&doors.vps, limit, boots).await;
            connection.map_err(|error| match error.kind() {
                ErrorKind::Auth if !boots => error.with_note(
                    "our key is in root's authorized_keys: do AllowUsers, AllowGroups or Match in \
                     the machine's sshd_config keep root out?",
                ),
                _ => error,
            })
        };
        self.timeline.phase(Phase::Connect, connect).await
    }

    async fn bootstrap(&self, vps: &Reconnecting) -> Result<Prepared> {
        let work = async {
            // The bootstrap stops itself at its deadline and says what it was at: hear that first.
            let limit = self.engine.settings.docker_install_timeout + REPORT_GRACE;
            let tell = |text: String| self.timeline.progress(Phase::Bootstrap, text);
            within(limit, "docker_install_timeout", async {
                wait_for_bootstrap(vps, limit, &tell).await?;
                if let HostOrigin::InstanceSnapshot(_) = self.spec.origin {
                    forget_other_host(vps).await?;
                }
                let image = &self.planned.container.image;
                prepare_vps(vps, self.engine.data_dir.container_key().public(), image).await
            })
            .await
        };
        self.timeline.phase(Phase::Bootstrap, work).await
    }

    /// Takes the worth from what was handed over in `user_data`; the machine of somebody else keeps its
    /// key. Says by what the VPS is known then, with the tags that say so too.
    async fn rotate(&self, vps: &Reconnecting, known: KnownHost) -> Result<(KnownHost, HostTags)> {
        let tags = self.beginning.tags().clone();
        if let Beginning::Take(_) = self.beginning {
            return Ok((known, tags));
        }
        let rotation = Rotation {
            engine: &self.engine,
            vps,
            entry: &self.entry,
            tags,
            hand_over: HandOver::Nothing,
        };
        self.timeline
            .phase(Phase::Rotate, rotation.run(known))
            .await
    }

    /// Lets in who was named, by the VPS's own firewall where the provider has none.
    async fn close_to_others(&self, vps: &Reconnecting) -> Result<()> {
        let exposure = self.spec.exposure.as_ref();
        match (exposure, firewall(&self.engine, exposure)) {
            (Some(exposure), Firewall::Vps) => {
                let port = self.engine.settings.container_ssh_port;
                set_vps_firewall(vps, &exposure.rules(port)).await
            }
            _ => Ok(()),
        }
    }

    /// Brings the container's environment, if it has one.
    async fn environment(&self, vps: &Reconnecting) -> Result<()> {
        if self.spec.env.is_empty() {
            return Ok(());
        }
        ContainerEnv::on(vps).write(&self.spec.env).await
    }

    /// What this side has of the image, unless it comes with a snapshot.
    async fn local_images(&self) -> Result<Option<LocalImages>> {
        match self.planned.source {
            Some(_) => Ok(None),
            None => self.bringing().local_images().await,
        }
    }

    fn bringing(&self) -> Bringing<'_> {
        Bringing {
            engine: &self.engine,
            container: &self.planned.container,
            build: self.planned.build.as_ref(),
            registry_logins: &self.spec.registry_logins,
            timeline: &self.timeline,
        }
    }

    /// The image with sshd in it, on the VPS; with a snapshot's comes its data.
    async fn image(
        &self,
        vps: &Arc<Reconnecting>,
        local: Option<LocalImages>,
        on_vps: Option<ImageConfig>,
    ) -> Result<Runnable> {
        let Some(source) = &self.planned.source else {
            return self.bringing().bring(vps, local, on_vps).await;
        };
        let tell = |text: String| self.timeline.progress(Phase::Image, text);
        let limit = self.engine.settings.image_transfer_timeout;
        let bring = within(limit, "image_transfer_timeout", source.move_to(vps, &tell));
        let reference = self.timeline.phase(Phase::Image, bring).await?;
        Ok(Runnable {
            reference,
            command: source.record.container_command.clone(),
            login: Login::Known(source.record.login_user.clone()),
            base_image: None,
            build_digest: None,
        })
    }

    /// Runs it, and says who logs in.
    async fn container(
        &self,
        docker: &DockerOverSsh,
        login: Login,
        record: &HostRecord,
    ) -> Result<String> {
        let work = async {
            run_container(docker, record).await?;
            login.user(docker, &record.host_dir).await
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
                error = container_ended(docker, limit, LET_IN) => Err(error),
            }
        };
        self.timeline.phase(Phase::Door, work).await
    }

    /// Record, tags and journal say that the host is ready. From the journal's word on it is
    /// taken up, not removed, when we are killed.
    async fn finish(
        &self,
        store: &HostStore,
        record: &mut HostRecord,
        (instance, tags): (&Instance, HostTags),
        place: &mut OpenEntry,
    ) -> Result<()> {
        let work = async {
            let client = &self.engine.client;
            let tags = HostTags {
                expires: record.expires_at,
                ready: true,
                ..tags
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
            expires_at: None,
            os: self.spec.os.clone(),
            labels: self.spec.labels.clone(),
            container: self.planned.container.clone(),
            host_dir: match &self.planned.source {
                Some(source) => source.record.host_dir.clone(),
                None => self.engine.settings.host_dir.clone(),
            },
            derived_image: None,
            container_command: Vec::new(),
            base_image: None,
            build_digest: None,
            deployment: None,
            login_user: None,
            container_host_key: Some(prepared.container_host_key.clone()),
            next_container_host_key: None,
            container_ssh_port: self.engine.settings.container_ssh_port,
            idle_policy: self.planned.idle_policy.clone(),
            exposure: self.spec.exposure.clone(),
            tls_endpoint: None,
        }
    }
}
