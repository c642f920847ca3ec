//! A provider whose instances all stand behind a relay.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use vps_docker::keys::PublicKey;
use vps_docker::model::{
    Catalog, DestroyOutcome, FirewallRules, HostTags, Instance, InstanceFilter, InstanceId,
    InstanceSnapshot, InstanceSpec, Limits, MachineSpec, PowerAction, SnapshotId, SshKey, SshKeyId,
    Tags,
};
use vps_docker::provider_local::{LocalConfig, LocalProvider};
use vps_docker::{Capabilities, Result, VpsClient};

use super::relay::Relay;

/// The local provider, as it looks through the relay. Behind that stands the instance that was made last.
#[derive(Debug)]
pub(super) struct Between {
    inner: LocalProvider,
    relay: Arc<Relay>,
    orders: Mutex<Vec<InstanceSpec>>,
    /// One that is gone and that the provider has not noticed yet.
    ghost: Mutex<Option<Instance>>,
}

impl Between {
    pub(super) fn new(relay: &Arc<Relay>) -> Arc<Self> {
        Arc::new(Self {
            inner: LocalProvider::new(LocalConfig::default()),
            relay: Arc::clone(relay),
            orders: Mutex::default(),
            ghost: Mutex::default(),
        })
    }

    /// The fingerprint of the key with which the machine begins that was ordered last.
    pub(super) fn ordered_key(&self) -> String {
        let orders = self.orders.lock().expect("nobody panics while holding it");
        let tags = &orders.last().expect("something was ordered").tags;
        PublicKey::fingerprint_of_pin(&tags[HostTags::PIN]).expect("a pin")
    }

    /// Tells of an instance that is gone as if it were not.
    pub(super) fn haunt(&self, ghost: Option<Instance>) {
        *self.ghost.lock().expect("nobody panics while holding it") = ghost;
    }

    fn ordered(&self, spec: &InstanceSpec) {
        let mut orders = self.orders.lock().expect("nobody panics while holding it");
        orders.push(spec.clone());
    }

    fn ghost(&self) -> Option<Instance> {
        let ghost = self.ghost.lock().expect("nobody panics while holding it");
        ghost.clone()
    }

    fn seen(&self, mut instance: Instance) -> Instance {
        if instance.address.is_some() {
            instance.address = Some(self.relay.address());
            instance.ssh_port = self.relay.vps().port();
        }
        instance
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl VpsClient for Between {
    fn provider_name(&self) -> &str {
        self.inner.provider_name()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn create_instance(&self, spec: &InstanceSpec) -> Result<Instance> {
        self.ordered(spec);
        let made = self.inner.create_instance(spec).await?;
        self.relay
            .stand_before(made.address.expect("known at once"));
        Ok(self.seen(made))
    }

    async fn instance(&self, id: &InstanceId) -> Result<Instance> {
        match self.ghost() {
            Some(ghost) if ghost.id == *id => Ok(ghost),
            _ => self.inner.instance(id).await.map(|found| self.seen(found)),
        }
    }

    async fn list_instances(&self, filter: &InstanceFilter) -> Result<Vec<Instance>> {
        let listed = self.inner.list_instances(filter).await?;
        let listed = listed.into_iter().map(|instance| self.seen(instance));
        Ok(listed.chain(self.ghost()).collect())
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

    async fn set_tags(&self, id: &InstanceId, tags: &Tags) -> Result<()> {
        self.inner.set_tags(id, tags).await
    }

    async fn rename_instance(&self, id: &InstanceId, name: &str) -> Result<()> {
        self.inner.rename_instance(id, name).await
    }

    async fn power(&self, id: &InstanceId, action: PowerAction) -> Result<()> {
        self.inner.power(id, action).await
    }

    async fn create_snapshot(&self, id: &InstanceId, name: &str) -> Result<InstanceSnapshot> {
        self.inner.create_snapshot(id, name).await
    }

    async fn list_snapshots(&self) -> Result<Vec<InstanceSnapshot>> {
        self.inner.list_snapshots().await
    }

    async fn delete_snapshot(&self, id: &SnapshotId) -> Result<()> {
        self.inner.delete_snapshot(id).await
    }

    async fn list_ssh_keys(&self) -> Result<Vec<SshKey>> {
        self.inner.list_ssh_keys().await
    }

    async fn firewall(&self, id: &InstanceId, rules: &FirewallRules) -> Result<()> {
        self.inner.firewall(id, rules).await
    }

    async fn limits(&self) -> Result<Limits> {
        self.inner.limits().await
    }

    async fn adopt_machine(&self, machine: &MachineSpec) -> Result<Instance> {
        self.inner.adopt_machine(machine).await
    }

    async fn delete_ssh_key(&self, id: &SshKeyId) -> Result<()> {
        self.inner.delete_ssh_key(id).await
    }
}
