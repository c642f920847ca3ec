use std::sync::Arc;

use async_trait::async_trait;
use vps_docker::model::{
    Catalog, DestroyOutcome, FirewallRules, Instance, InstanceFilter, InstanceId, InstanceSnapshot,
    InstanceSpec, Limits, MachineSpec, PowerAction, SnapshotId, SshKey, SshKeyId, Tags,
};
use vps_docker::provider_local::LocalProvider;
use vps_docker::{Capabilities, Error, ErrorKind, Result, VpsClient};

use super::child::Steps;

/// The local provider whose calls are steps: `ask X` before the call X is sent, and, of one that
/// changes something, `provider X` once the provider has done it.
#[derive(Debug)]
pub(super) struct SteppingClient {
    inner: LocalProvider,
    steps: Arc<Steps>,
}

impl SteppingClient {
    pub(super) fn new(inner: LocalProvider, steps: Arc<Steps>) -> Self {
        Self { inner, steps }
    }

    async fn look<T>(&self, call: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        if self.steps.reached(&format!("ask {call}")) {
            return Err(Error::new(ErrorKind::Provider, "not today"));
        }
        work.await
    }

    async fn change<T>(&self, call: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        let answer = self.look(call, work).await?;
        if self.steps.reached(&format!("provider {call}")) {
            return Err(Error::new(ErrorKind::Provider, "the answer got lost").retryable());
        }
        Ok(answer)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl VpsClient for SteppingClient {
    fn provider_name(&self) -> &str {
        self.inner.provider_name()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn create_instance(&self, spec: &InstanceSpec) -> Result<Instance> {
        self.change("create_instance", self.inner.create_instance(spec))
            .await
    }

    async fn instance(&self, id: &InstanceId) -> Result<Instance> {
        self.look("instance", self.inner.instance(id)).await
    }

    async fn list_instances(&self, filter: &InstanceFilter) -> Result<Vec<Instance>> {
        self.look("list_instances", self.inner.list_instances(filter))
            .await
    }

    async fn destroy_instance(&self, id: &InstanceId) -> Result<DestroyOutcome> {
        self.change("destroy_instance", self.inner.destroy_instance(id))
            .await
    }

    async fn ensure_ssh_key(&self, name: &str, public_key: &str) -> Result<SshKeyId> {
        self.change(
            "ensure_ssh_key",
            self.inner.ensure_ssh_key(name, public_key),
        )
        .await
    }

    async fn catalog(&self) -> Result<Catalog> {
        self.look("catalog", self.inner.catalog()).await
    }

    async fn set_tags(&self, id: &InstanceId, tags: &Tags) -> Result<()> {
        self.change("set_tags", self.inner.set_tags(id, tags)).await
    }

    async fn rename_instance(&self, id: &InstanceId, name: &str) -> Result<()> {
        self.change("rename_instance", self.inner.rename_instance(id, name))
            .await
    }

    async fn power(&self, id: &InstanceId, action: PowerAction) -> Result<()> {
        self.change("power", self.inner.power(id, action)).await
    }

    async fn create_snapshot(&self, id: &InstanceId, name: &str) -> Result<InstanceSnapshot> {
        self.change("create_snapshot", self.inner.create_snapshot(id, name))
            .await
    }

    async fn list_snapshots(&self) -> Result<Vec<InstanceSnapshot>> {
        self.look("list_snapshots", self.inner.list_snapshots())
            .await
    }

    async fn delete_snapshot(&self, id: &SnapshotId) -> Result<()> {
        self.change("delete_snapshot", self.inner.delete_snapshot(id))
            .await
    }

    async fn list_ssh_keys(&self) -> Result<Vec<SshKey>> {
        self.look("list_ssh_keys", self.inner.list_ssh_keys()).await
    }

    async fn firewall(&self, id: &InstanceId, rules: &FirewallRules) -> Result<()> {
        self.change("firewall", self.inner.firewall(id, rules))
            .await
    }

    async fn limits(&self) -> Result<Limits> {
        self.look("limits", self.inner.limits()).await
    }

    async fn adopt_machine(&self, machine: &MachineSpec) -> Result<Instance> {
        self.change("adopt_machine", self.inner.adopt_machine(machine))
            .await
    }

    async fn delete_ssh_key(&self, id: &SshKeyId) -> Result<()> {
        self.change("delete_ssh_key", self.inner.delete_ssh_key(id))
            .await
    }
}
