//! Many hosts on few VPSs, for discovery: each has an sshd of its own on its VPS, on a port of its
//! own and with a state directory of its own. All else about them is that of the host they stand on.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use vps_docker::model::{
    Catalog, DestroyOutcome, HostId, HostTags, Instance, InstanceFilter, InstanceId, InstanceSpec,
    SshKeyId,
};
use vps_docker::ssh::TransportExt;
use vps_docker::{Capabilities, DataDir, Error, ErrorKind, Host, HostName, Result, VpsClient};

/// A provider that lists these instances.
#[derive(Debug)]
pub(crate) struct Crowd {
    inner: Arc<dyn VpsClient>,
    instances: Vec<Instance>,
}

impl Crowd {
    pub(crate) fn new(inner: Arc<dyn VpsClient>) -> Self {
        Self {
            inner,
            instances: Vec::new(),
        }
    }

    /// Adds an instance as it is.
    pub(crate) fn add(&mut self, instance: Instance) {
        self.instances.push(instance);
    }

    /// Adds so many hosts that stand on the VPS of that one.
    pub(crate) async fn settle(
        &mut self,
        data_dir: &DataDir,
        host: &Host,
        count: u16,
    ) -> Result<()> {
        let vps = host.vps().await?;
        let record = host.store().await?.read().await?.expect("it is ready");
        let real = self.inner.instance(&host.info().instance_id).await?;
        for port in 2300..2300 + count {
            let id = HostId::random();
            let mut record = record.clone();
            record.name = HostName::new(format!("crowd-{id}"))?;
            record.id = id;
            record.instance_id = InstanceId::new(record.id.as_str());
            let text = serde_json::to_vec(&record).expect("plain data");
            let started = vps.run(&sshd(&record.name, port), &text).await?;
            started.success(ErrorKind::State, "starting another sshd")?;
            let entry = data_dir.host_entry(self.inner.provider_name(), &host.info().name);
            know(data_dir, entry.directory(), &record.name, &record.id, port);

            let mut instance = real.clone();
            instance.id = record.instance_id;
            instance.name = record.name.to_string();
            let mut tag = |key: &str, value: &str| instance.tags.insert(key.into(), value.into());
            tag(HostTags::NAME, record.name.as_str());
            tag(HostTags::HOST, record.id.as_str());
            self.instances.push(instance);
        }
        Ok(())
    }
}

/// Writes its standard input as the record and starts an sshd whose sessions find it.
fn sshd(name: &HostName, port: u16) -> String {
    format!(
        "mkdir -p /srv/{name} && cat >/srv/{name}/host.json &&
         /usr/sbin/sshd -p {port} -o PidFile=none -o SetEnv=VPS_DOCKER_STATE_DIR=/srv/{name}"
    )
}

/// Writes what this side would know of it: what it knows of the host it stands on, but for who it is.
fn know(data_dir: &DataDir, real: &Path, name: &HostName, id: &HostId, port: u16) {
    let entry = data_dir.host_entry("local", name);
    std::fs::create_dir_all(entry.directory()).expect("made");
    let text = std::fs::read_to_string(real.join("host.json")).expect("there");
    let mut known: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    known["id"] = id.as_str().into();
    known["instance_id"] = id.as_str().into();
    known["ssh_port"] = port.into();
    let file = entry.directory().join("host.json");
    std::fs::write(file, known.to_string()).expect("written");
    let pins = std::fs::read_to_string(real.join("known_hosts_vps")).expect("there");
    let (address, key) = pins.split_once(' ').expect("an address and a key");
    let pins = format!("[{address}]:{port} {key}");
    std::fs::write(entry.vps_known_hosts(), pins).expect("written");
}

#[async_trait]
impl VpsClient for Crowd {
    fn provider_name(&self) -> &str {
        self.inner.provider_name()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::minimal(0)
    }

    async fn create_instance(&self, spec: &InstanceSpec) -> Result<Instance> {
        self.inner.create_instance(spec).await
    }

    async fn instance(&self, id: &InstanceId) -> Result<Instance> {
        let mut listed = self.instances.iter();
        let found = listed.find(|instance| instance.id == *id).cloned();
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, "not in the crowd"))
    }

    async fn list_instances(&self, filter: &InstanceFilter) -> Result<Vec<Instance>> {
        let mut listed = self.instances.clone();
        listed.retain(|instance| filter.matches(&instance.tags));
        Ok(listed)
    }

    async fn destroy_instance(&self, id: &InstanceId) -> Result<DestroyOutcome> {
        self.inner.destroy_instance(id).await
    }

    async fn ensure_ssh_key(&self, name: &str, public_key: &str) -> Result<SshKeyId> {
        self.inner.ensure_ssh_key(name, public_key).await
    }

    async fn catalog(&self) -> Result<Catalog> {
        self.inner.catalog().await
    }
}
