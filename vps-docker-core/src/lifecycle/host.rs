use std::sync::Arc;

use tokio::sync::Mutex;

use super::engine::Engine;
use super::locate::Located;
use super::plan::Planned;
use super::{Destroyed, destroy, rename};
use crate::docker::DockerOverSsh;
use crate::error::{Error, Result};
use crate::model::{
    ContainerSpec, HostInfo, HostName, HostSpec, HostState, Instance, PhaseTiming, Pressure,
    SshEndpoint,
};
use crate::ssh::{Connection, Output, TransportExt};
use crate::store::{HostEntry, HostRecord, HostStore, KnownHost, StopMark};

/// A host: a VPS, the container on it, and the two doors to them.
///
/// Holds at most two SSH connections, opened when they are first needed and kept. End them with
/// [`close`](Self::close); dropping the last host of a connection ends it too.
#[derive(Debug)]
pub struct Host {
    pub(super) engine: Arc<Engine>,
    pub(super) info: HostInfo,
    /// As it was read last; `None` when the VPS did not answer.
    pub(super) record: Option<HostRecord>,
    pub(super) stop: Option<StopMark>,
    pub(super) problem: Option<Error>,
    pub(super) pressures: Vec<Pressure>,
    known: KnownHost,
    phases: Vec<PhaseTiming>,
    vps: Slot,
    pub(super) container_door: Slot,
}

/// A connection that is made when it is needed, and anew when it has broken.
type Slot = Mutex<Option<Arc<Connection>>>;

impl Host {
    /// Who and where it is, and what it was doing when it was looked at.
    #[must_use]
    pub fn info(&self) -> &HostInfo {
        &self.info
    }

    /// Who stopped the container, when and why; `None` for one that runs, and for one that ended
    /// otherwise.
    #[must_use]
    pub fn stopped(&self) -> Option<&StopMark> {
        self.stop
            .as_ref()
            .filter(|_| self.info.state == HostState::Stopped)
    }

    /// What is wrong with a host that is crashed or failed.
    #[must_use]
    pub fn problem(&self) -> Option<&Error> {
        self.problem.as_ref()
    }

    /// What its container has run out of since it was started, and whether a disk of the VPS is full, as
    /// it was when the host was looked at. A host that runs may have some.
    #[must_use]
    pub fn pressures(&self) -> &[Pressure] {
        &self.pressures
    }

    /// The container: image, start args, resources and security, as the record said when it was read;
    /// `None` when the VPS did not answer.
    #[must_use]
    pub fn container_spec(&self) -> Option<&ContainerSpec> {
        Some(&self.record.as_ref()?.container)
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
    /// environment. Quote words with [`ssh::join`](crate::ssh::join); for variables, another user or
    /// directory, streams and terminals see [`command`](Self::command). A command that fails is no
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

    /// The documents in the state volume on the VPS: the record, and the agents.
    ///
    /// # Errors
    /// Those of [`vps`](Self::vps).
    pub async fn store(&self) -> Result<HostStore> {
        Ok(HostStore::new(self.vps().await?))
    }

    /// Gives the host another name; nothing else about it changes, and its processes go on. The host
    /// name that a prompt in the container shows follows, until a reboot of the VPS; from the
    /// next start on it is the new one again.
    ///
    /// Idempotent. Dropped in the middle, the host has the old name or the new one, and what is
    /// left to do is done by whoever looks at the host next.
    ///
    /// # Errors
    /// `NameTaken`; `Locked` when another client changes the host just now; those of
    /// [`vps`](Self::vps).
    pub async fn rename(&mut self, new: &HostName) -> Result<()> {
        let engine = Arc::clone(&self.engine);
        rename::rename(&engine, self, new)
            .await
            .map_err(|error| error.with_host(&self.info.name).with_operation("rename"))
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
    pub async fn close(mut self) {
        self.hang_up().await;
    }

    pub(super) async fn hang_up(&mut self) {
        for slot in [&mut self.container_door, &mut self.vps] {
            if let Some(connection) = slot.get_mut().take().and_then(Arc::into_inner) {
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
        known: KnownHost,
        doors: Doors,
        connections: (Arc<Connection>, Arc<Connection>),
    ) -> Self {
        let state = HostState::Running;
        let mut host = Self::found(engine, record, known, doors, state, connections.0);
        host.container_door = Mutex::new(Some(connections.1));
        host
    }

    /// A host whose record was read.
    pub(super) fn found(
        engine: &Arc<Engine>,
        record: HostRecord,
        known: KnownHost,
        doors: Doors,
        state: HostState,
        vps: Arc<Connection>,
    ) -> Self {
        let mut host = Self::unanswered(engine, &record.name, known, doors, state);
        host.record = Some(record);
        host.vps = Mutex::new(Some(vps));
        host
    }

    /// A host that was not asked, or did not answer: what this side knows of it.
    pub(super) fn unanswered(
        engine: &Arc<Engine>,
        name: &HostName,
        known: KnownHost,
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
            record: None,
            stop: None,
            problem: None,
            pressures: Vec::new(),
            known,
            engine: Arc::clone(engine),
            phases: Vec::new(),
            vps: Mutex::default(),
            container_door: Mutex::default(),
        }
    }

    pub(super) fn with_trouble(mut self, stop: Option<StopMark>, problem: Option<Error>) -> Self {
        self.stop = stop;
        self.problem = problem;
        self
    }

    /// Where it is, with the provider's newest word.
    pub(super) fn located(&self, instance: Instance) -> Located {
        Located {
            name: self.info.name.clone(),
            known: self.known.clone(),
            instance,
        }
    }

    /// After a rename or a change of keys: name, files and pins are the record's.
    pub(super) fn take_record(&mut self, record: HostRecord) -> Result<()> {
        self.info.name = record.name.clone();
        self.record = Some(record);
        self.take_doors()
    }

    /// What this side knows of it.
    pub(super) fn known(&self) -> &KnownHost {
        &self.known
    }

    /// By what it is known from now on.
    pub(super) fn take_known(&mut self, known: KnownHost) -> Result<()> {
        self.known = known;
        self.take_doors()
    }

    /// The machine is known by its key, wherever it stands.
    pub(super) fn moved_to(&mut self, instance: Instance) -> Result<()> {
        let address = instance.address.unwrap_or(self.known.address);
        if address != self.known.address {
            self.known.address = address;
            self.engine.entry(&self.info.name).pin_vps(&self.known)?;
        }
        self.info.address = address;
        self.take_doors()
    }

    fn take_doors(&mut self) -> Result<()> {
        let entry = self.engine.entry(&self.info.name);
        let mut doors = Doors::new(&self.engine, &entry, &self.known);
        if let Some(record) = &self.record {
            doors = doors.with_record(record);
            doors.pin_container(&entry)?;
        }
        self.info.vps_ssh = doors.vps;
        self.info.container_ssh = doors.container;
        Ok(())
    }

    pub(super) fn with_phases(mut self, phases: Vec<PhaseTiming>) -> Self {
        self.phases = phases;
        self
    }

    /// Whether an interrupted create made just this.
    pub(super) fn is_what_was_asked_for(&self, spec: &HostSpec, planned: &Planned) -> bool {
        let made = |record: &HostRecord| {
            record.container == planned.container
                && record.idle_policy == planned.idle_policy
                && record.exposure == spec.exposure
        };
        self.info.state == HostState::Running
            && self.record.as_ref().is_some_and(made)
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
    pub(super) fn new(engine: &Engine, entry: &HostEntry, known: &KnownHost) -> Self {
        let address = known.address;
        let pins = |file: &std::path::Path| std::fs::read_to_string(file).unwrap_or_default();
        Self {
            vps: SshEndpoint {
                user: "root".to_owned(),
                host: address,
                port: known.ssh_port,
                identity_file: engine.data_dir.vps_key_file(),
                identity_agent: engine.data_dir.vps_key().agent().map(Into::into),
                known_hosts: pins(&entry.vps_known_hosts()),
                known_hosts_file: entry.vps_known_hosts(),
            },
            container: SshEndpoint {
                user: "root".to_owned(),
                host: address,
                port: engine.settings.container_ssh_port,
                identity_file: engine.data_dir.container_key_file(),
                identity_agent: engine.data_dir.container_key().agent().map(Into::into),
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
        let keys = [&record.container_host_key, &record.next_container_host_key];
        let lines: String = keys
            .into_iter()
            .flatten()
            .map(|key| key.known_hosts_line(self.container.host, self.container.port))
            .collect();
        if !lines.is_empty() {
            self.container.known_hosts = lines;
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
