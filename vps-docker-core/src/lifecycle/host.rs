use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::Destroyed;
use super::destroy;
use super::engine::Engine;
use crate::docker::DockerOverSsh;
use crate::error::Result;
use crate::model::{
    ContainerSpec, HostInfo, HostName, HostSpec, HostState, PhaseTiming, SshEndpoint,
};
use crate::ssh::{Connection, Output, TransportExt};
use crate::store::{HostEntry, HostRecord, KnownHost};

/// A host: a VPS, the container on it, and the two doors to them.
///
/// Holds at most two SSH connections, opened when they are first needed and kept. End them with
/// [`close`](Self::close); dropping the last host of a connection ends it too.
#[derive(Debug)]
pub struct Host {
    pub(super) engine: Arc<Engine>,
    pub(super) info: HostInfo,
    container: Option<ContainerSpec>,
    phases: Vec<PhaseTiming>,
    vps: Slot,
    container_door: Slot,
}

/// A connection that is made when it is needed, and anew when it has broken.
type Slot = Mutex<Option<Arc<Connection>>>;

impl Host {
    /// Who and where it is, and what it was doing when it was looked at.
    #[must_use]
    pub fn info(&self) -> &HostInfo {
        &self.info
    }

    /// How long the phases of its create took; empty for a host that was found.
    #[must_use]
    pub fn phases(&self) -> &[PhaseTiming] {
        &self.phases
    }

    /// The door to the container.
    #[must_use]
    pub fn ssh_endpoint(&self) -> &SshEndpoint {
        &self.info.container_ssh
    }

    /// Runs shell text in the container, as the image's own user in its own working directory and
    /// environment. Quote words with [`ssh::join`](crate::ssh::join). A command that fails is no
    /// error: look at the output's exit code.
    ///
    /// # Errors
    /// `Unreachable`, `HostKeyMismatch`, `Auth`, `Timeout`.
    pub async fn exec(&self, command: &str) -> Result<Output> {
        self.container().await?.run(command, b"").await
    }

    /// The connection to the container, opened if it is not, or not any more.
    ///
    /// # Errors
    /// `Unreachable`, `HostKeyMismatch`, `Auth`, `Timeout`.
    pub async fn container(&self) -> Result<Arc<Connection>> {
        self.connect(&self.container_door, &self.info.container_ssh)
            .await
    }

    /// The connection to the VPS, opened if it is not, or not any more.
    ///
    /// # Errors
    /// `Unreachable`, `HostKeyMismatch`, `Auth`, `Timeout`.
    pub async fn vps(&self) -> Result<Arc<Connection>> {
        self.connect(&self.vps, &self.info.vps_ssh).await
    }

    /// Docker on the VPS.
    ///
    /// # Errors
    /// Those of [`vps`](Self::vps).
    pub async fn docker(&self) -> Result<DockerOverSsh> {
        Ok(DockerOverSsh::new(self.vps().await?))
    }

    /// Destroys the host; see [`VpsDockerProvider::destroy`](super::VpsDockerProvider::destroy).
    ///
    /// # Errors
    /// When the provider refuses; then the instance must be taken to exist and to be billed.
    pub async fn destroy(self) -> Result<Destroyed> {
        let (engine, name) = (self.engine.clone(), self.info.name.clone());
        self.close().await;
        destroy::by_name(&engine, &name).await
    }

    /// Ends the connections in order.
    pub async fn close(self) {
        for slot in [self.container_door, self.vps] {
            if let Some(connection) = slot.into_inner().and_then(Arc::into_inner) {
                connection.close().await;
            }
        }
    }

    async fn connect(&self, slot: &Slot, endpoint: &SshEndpoint) -> Result<Arc<Connection>> {
        let mut slot = slot.lock().await;
        if let Some(open) = slot.as_ref().filter(|open| !open.has_ended()) {
            return Ok(Arc::clone(open));
        }
        let limit = self.engine.settings.ssh_connect_timeout;
        let connection = self.engine.connect(endpoint, limit, false).await;
        let connection = connection.map_err(|error| error.with_host(&self.info.name))?;
        Ok(Arc::clone(slot.insert(connection)))
    }

    /// A host that has just been created.
    pub(super) fn created(
        engine: &Arc<Engine>,
        record: HostRecord,
        doors: Doors,
        connections: (Arc<Connection>, Arc<Connection>),
    ) -> Self {
        let mut host = Self::found(engine, record, doors, HostState::Running, connections.0);
        host.container_door = Mutex::new(Some(connections.1));
        host
    }

    /// A host whose record was read.
    pub(super) fn found(
        engine: &Arc<Engine>,
        record: HostRecord,
        doors: Doors,
        state: HostState,
        vps: Arc<Connection>,
    ) -> Self {
        Self {
            info: HostInfo {
                id: record.id,
                name: record.name,
                provider: record.provider,
                instance_id: record.instance_id,
                address: doors.vps.host,
                state,
                created_at: record.created_at,
                labels: record.labels,
                vps_ssh: doors.vps,
                container_ssh: doors.container,
            },
            container: Some(record.container),
            engine: Arc::clone(engine),
            phases: Vec::new(),
            vps: Mutex::new(Some(vps)),
            container_door: Mutex::default(),
        }
    }

    /// A host that did not answer: what this side knows of it.
    pub(super) fn unreachable(
        engine: &Arc<Engine>,
        name: &HostName,
        known: &KnownHost,
        doors: Doors,
        state: HostState,
    ) -> Self {
        Self {
            info: HostInfo {
                id: known.id.clone(),
                name: name.clone(),
                provider: engine.client.provider_name().to_owned(),
                instance_id: known.instance_id.clone(),
                address: doors.vps.host,
                state,
                created_at: known.created_at,
                labels: known.labels.clone(),
                vps_ssh: doors.vps,
                container_ssh: doors.container,
            },
            container: None,
            engine: Arc::clone(engine),
            phases: Vec::new(),
            vps: Mutex::default(),
            container_door: Mutex::default(),
        }
    }

    pub(super) fn with_phases(mut self, phases: Vec<PhaseTiming>) -> Self {
        self.phases = phases;
        self
    }

    /// Whether an interrupted create made just this.
    pub(super) fn is_what_was_asked_for(&self, spec: &HostSpec, container: &ContainerSpec) -> bool {
        self.info.state == HostState::Running
            && self.container.as_ref() == Some(container)
            && self.info.labels == spec.labels
    }
}

/// The two SSH ends of a host.
#[derive(Clone, Debug)]
pub(super) struct Doors {
    pub(super) vps: SshEndpoint,
    pub(super) container: SshEndpoint,
}

impl Doors {
    /// The doors as far as this side knows them: the pins that are in files.
    pub(super) fn new(engine: &Engine, name: &HostName, address: IpAddr) -> Self {
        let entry = engine.entry(name);
        let pins = |file: &std::path::Path| std::fs::read_to_string(file).unwrap_or_default();
        Self {
            vps: SshEndpoint {
                user: "root".to_owned(),
                host: address,
                port: 22,
                identity_file: engine.data_dir.vps_key_file(),
                known_hosts: pins(&entry.vps_known_hosts()),
                known_hosts_file: entry.vps_known_hosts(),
            },
            container: SshEndpoint {
                user: "root".to_owned(),
                host: address,
                port: engine.settings.container_ssh_port,
                identity_file: engine.data_dir.container_key_file(),
                known_hosts: pins(&entry.container_known_hosts()),
                known_hosts_file: entry.container_known_hosts(),
            },
        }
    }

    /// What only the record knows of the container's door.
    pub(super) fn with_record(mut self, record: &HostRecord) -> Self {
        self.container.port = record.container_ssh_port;
        if let Some(user) = &record.login_user {
            self.container.user.clone_from(user);
        }
        if let Some(key) = &record.container_host_key {
            self.container.known_hosts =
                key.known_hosts_line(self.container.host, self.container.port);
        }
        self
    }

    /// Writes the container's pin, as the record on the pinned VPS has it, where `ssh` finds it.
    pub(super) fn pin_container(&self, entry: &HostEntry) -> Result<()> {
        entry.write_pins(
            &self.container.known_hosts_file,
            &self.container.known_hosts,
        )
    }
}
