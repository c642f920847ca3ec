use std::sync::Arc;

use async_trait::async_trait;
use vps_docker_core::http::gone_is_success;
use vps_docker_core::model::{
    Catalog, DestroyOutcome, FirewallRules, Instance, InstanceFilter, InstanceId, InstanceSnapshot,
    InstanceSpec, PowerAction, SnapshotId, SshKey, SshKeyId, Tags,
};
use vps_docker_core::{Capabilities, Error, ErrorKind, Result, VpsClient};

use crate::api::{Api, at, check_id};
use crate::config::VultrConfig;
use crate::convert::{self, USER_DATA_LIMIT};
use crate::wire::{InstanceAnswer, InstanceChange, Instances};
use crate::{catalog, firewall, keys, power, snapshot, tags, watch};

/// The provider: instances at Vultr. Cheap to clone; clones share connections and the pace of calls.
#[derive(Clone, Debug)]
pub struct VultrProvider(Arc<Api>);

impl VultrProvider {
    /// A provider with the given settings. No I/O: a wrong API key is found out by the first call.
    ///
    /// # Errors
    /// [`ErrorKind::Auth`] for an API key that cannot be one, [`ErrorKind::Invalid`] for an unfit
    /// endpoint or rate limit, [`ErrorKind::Unreachable`] on a machine that trusts no certificate
    /// authority.
    pub fn new(config: VultrConfig) -> Result<Self> {
        let retry = config.retry.clone();
        Ok(Self(Arc::new(Api::new(config.client()?, retry))))
    }
}

#[async_trait]
impl VpsClient for VultrProvider {
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
        capabilities.firewall = true;
        capabilities.ssh_key_store = true;
        capabilities
    }

    /// *Create Instance*.
    async fn create_instance(&self, spec: &InstanceSpec) -> Result<Instance> {
        let operation = "create_instance";
        let order = convert::new_instance(spec).map_err(|error| error.with_operation(operation))?;
        let request = self.0.http.post(operation, ["instances"]).body(&order);
        // As it is sent, and as whoever decodes it would repeat it.
        let encoded = order.user_data.clone().into();
        let request = request.hiding(&spec.user_data).hiding(&encoded);
        let answer: InstanceAnswer = request.json().await?;
        let instance = convert::instance(&answer.instance);
        self.0.fresh.note(&instance.id);
        Ok(instance)
    }

    /// *Get Instance*. There are no actions to ask besides.
    async fn instance(&self, id: &InstanceId) -> Result<Instance> {
        let instance = self.0.instance("instance", id).await?;
        Ok(convert::instance(&instance))
    }

    /// *List Instances*. The API's own filter by tag is not used: it is deprecated, whether it reads
    /// all tags is not said, and an instance that it left out would be taken for gone. 500 fit on a
    /// page.
    async fn list_instances(&self, filter: &InstanceFilter) -> Result<Vec<Instance>> {
        let listed = self
            .0
            .list::<Instances>("list_instances", &["instances"])
            .await?;
        let instances = listed.iter().map(convert::instance);
        let instances = instances.inspect(|instance| self.0.fresh.forget(&instance.id));
        Ok(instances
            .filter(|instance| filter.matches(&instance.tags))
            .collect())
    }

    /// *Delete Instance*, and the firewall that was its own. Waits up to five minutes for a lock:
    /// Vultr refuses to destroy what it is installing.
    async fn destroy_instance(&self, id: &InstanceId) -> Result<DestroyOutcome> {
        if check_id(id.as_str()).is_err() {
            return Ok(DestroyOutcome::Gone);
        }
        let delete = || async {
            let request = self
                .0
                .http
                .delete("destroy_instance", ["instances", id.as_str()]);
            match request.done().await {
                // It may be there in a moment, and cost.
                Err(error) if error.kind() == ErrorKind::NotFound && self.0.fresh.has(id) => {
                    Err(Error::new(ErrorKind::Locked, "Vultr does not know it yet"))
                }
                done => gone_is_success(done),
            }
        };
        watch::when_unlocked(&self.0.retry, delete)
            .await
            .map_err(at(id))?;
        self.0.fresh.forget(id);
        firewall::remove(&self.0, id).await.map_err(at(id))?;
        Ok(DestroyOutcome::Gone)
    }

    /// *List SSH Keys*, *Create SSH key*.
    async fn ensure_ssh_key(&self, name: &str, public_key: &str) -> Result<SshKeyId> {
        keys::ensure(&self.0, name, public_key).await
    }

    /// *List Plans*, *List Regions*, *List OS*.
    async fn catalog(&self) -> Result<Catalog> {
        catalog::catalog(&self.0).await
    }

    /// *Update Instance*.
    async fn set_tags(&self, id: &InstanceId, tags: &Tags) -> Result<()> {
        let operation = "set_tags";
        let tags =
            tags::encode_tags(tags).map_err(|error| at(id)(error.with_operation(operation)))?;
        let change = InstanceChange {
            tags: Some(tags),
            ..InstanceChange::default()
        };
        self.0.change(operation, id, &change).await
    }

    /// *Update Instance*: its label. The host name inside stays.
    async fn rename_instance(&self, id: &InstanceId, name: &str) -> Result<()> {
        if name.is_empty() {
            let error = Error::new(ErrorKind::Invalid, "an instance needs a name");
            return Err(error.with_operation("rename_instance").with_instance(id));
        }
        let change = InstanceChange {
            label: Some(name.to_owned()),
            ..InstanceChange::default()
        };
        self.0.change("rename_instance", id, &change).await
    }

    /// *Start instance*, *Halt Instance*, *Reboot Instance*, then looks for up to five minutes. There
    /// is no orderly shutdown: `Off` cuts off.
    async fn power(&self, id: &InstanceId, action: PowerAction) -> Result<()> {
        power::switch(&self.0, id, action).await.map_err(at(id))
    }

    /// *Create Snapshot*, then looks for up to two hours.
    async fn create_snapshot(&self, id: &InstanceId, name: &str) -> Result<InstanceSnapshot> {
        snapshot::create(&self.0, id, name).await.map_err(at(id))
    }

    /// *List Snapshots*, those in the making included.
    async fn list_snapshots(&self) -> Result<Vec<InstanceSnapshot>> {
        snapshot::list(&self.0).await
    }

    /// *Delete Snapshot*.
    async fn delete_snapshot(&self, id: &SnapshotId) -> Result<()> {
        snapshot::delete(&self.0, id).await
    }

    /// A firewall group of the instance's own, 50 rules at most; see the pages about firewalls. An old
    /// rule goes after the new ones are there, and the instance is put behind the group last.
    async fn firewall(&self, id: &InstanceId, rules: &FirewallRules) -> Result<()> {
        firewall::apply(&self.0, id, rules).await.map_err(at(id))
    }

    /// *List SSH Keys*.
    async fn list_ssh_keys(&self) -> Result<Vec<SshKey>> {
        keys::list(&self.0).await
    }

    /// *Delete SSH Key*.
    async fn delete_ssh_key(&self, id: &SshKeyId) -> Result<()> {
        keys::delete(&self.0, id).await
    }
}
