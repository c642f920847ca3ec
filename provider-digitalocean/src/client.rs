use std::sync::Arc;

use async_trait::async_trait;
use vps_docker_core::model::{
    Catalog, DestroyOutcome, FirewallRules, HostTags, Instance, InstanceFilter, InstanceId,
    InstanceSnapshot, InstanceSpec, Limits, PowerAction, SnapshotId, SshKey, SshKeyId, Tags,
};
use vps_docker_core::{Capabilities, Result, VpsClient};

use crate::account::{Account, droplet_id};
use crate::config::DigitalOceanConfig;
use crate::error::HOW_TO_RAISE;
use crate::wire::{AccountBody, DoAction, DropletStatus};
use crate::{actions, catalog, convert, create, destroy, firewall, keys, power, snapshot, tags};

/// The provider: droplets of an account at DigitalOcean. Cheap to clone; clones share connections and
/// pace.
#[derive(Clone, Debug)]
pub struct DigitalOceanProvider(Arc<Account>);

impl DigitalOceanProvider {
    /// A provider with the given settings. No I/O: a wrong token is found out by the first call.
    ///
    /// # Errors
    /// [`Invalid`](vps_docker_core::ErrorKind::Invalid) for an unfit endpoint or rate limit,
    /// [`Unreachable`](vps_docker_core::ErrorKind::Unreachable) when this machine has no certificate
    /// authorities to check the provider by.
    pub fn new(config: DigitalOceanConfig) -> Result<Self> {
        Account::new(config).map(|account| Self(Arc::new(account)))
    }
}

#[async_trait]
impl VpsClient for DigitalOceanProvider {
    fn provider_name(&self) -> &str {
        crate::NAME
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::minimal(convert::USER_DATA_LIMIT);
        capabilities.set_tags = true;
        capabilities.rename = true;
        capabilities.power = true;
        capabilities.snapshots = true;
        capabilities.create_from_snapshot = true;
        capabilities.firewall = true;
        capabilities.limits = true;
        capabilities.ssh_key_store = true;
        capabilities
    }

    /// Where a project is named, the droplet joins it by a second call; should that fail it stays in the
    /// default project.
    async fn create_instance(&self, spec: &InstanceSpec) -> Result<Instance> {
        create::create(&self.0, spec).await
    }

    async fn instance(&self, id: &InstanceId) -> Result<Instance> {
        create::look(&self.0, droplet_id(id)?)
            .await
            .map_err(|error| error.with_instance(id))
    }

    /// Filters by tag at the provider, but for a key with any value (other than the marker), which it
    /// cannot: then all droplets are listed.
    async fn list_instances(&self, filter: &InstanceFilter) -> Result<Vec<Instance>> {
        let tag = match &filter.tag {
            Some((key, Some(value))) => match convert::encode_tag(key, value) {
                Ok(tag) => Some(tag),
                // What no tag can be, no droplet has.
                Err(_) => return Ok(Vec::new()),
            },
            Some((key, None)) if key == HostTags::MARKER => Some(key.clone()),
            _ => None,
        };
        let mut droplets = self.0.droplets(tag.as_deref()).await?;
        for droplet in &mut droplets {
            if droplet.status != DropletStatus::New {
                self.0.orders.forget(droplet.id);
            }
            let is_untold = match &droplet.tags {
                None => filter.tag.is_some(),
                Some(tags) => tags.is_empty() && tag.is_some(),
            };
            if is_untold {
                return Err(tags::untold().with_operation("list_instances"));
            }
        }
        let mut instances: Vec<Instance> = droplets.iter().map(convert::instance).collect();
        instances.retain(|instance| filter.matches(&instance.tags));
        Ok(instances)
    }

    /// Also removes the tags and the firewall that were this droplet's alone.
    async fn destroy_instance(&self, id: &InstanceId) -> Result<DestroyOutcome> {
        // What is no id of a droplet is as gone as can be.
        if let Ok(number) = droplet_id(id) {
            let destroyed = destroy::destroy(&self.0, number).await;
            destroyed.map_err(|error| error.with_instance(id))?;
        }
        Ok(DestroyOutcome::Gone)
    }

    /// The keys of the account are listed once for many calls, and again when one was refused.
    async fn ensure_ssh_key(&self, name: &str, public_key: &str) -> Result<SshKeyId> {
        keys::ensure(&self.0, name, public_key).await
    }

    async fn catalog(&self) -> Result<Catalog> {
        catalog::read(&self.0).await
    }

    /// Changes only what differs; a tag that was this droplet's alone leaves the account too.
    async fn set_tags(&self, id: &InstanceId, tags: &Tags) -> Result<()> {
        tags::replace(&self.0, droplet_id(id)?, tags)
            .await
            .map_err(|error| error.with_instance(id))
    }

    async fn rename_instance(&self, id: &InstanceId, name: &str) -> Result<()> {
        convert::check_name(name)?;
        let number = droplet_id(id)?;
        let errand = DoAction {
            kind: "rename",
            name: Some(name),
        };
        let renamed = async {
            let action = actions::begin(&self.0, number, &errand).await?;
            actions::finish(&self.0, number, action, actions::PATIENCE).await
        };
        renamed.await.map_err(|error| error.with_instance(id))
    }

    async fn power(&self, id: &InstanceId, action: PowerAction) -> Result<()> {
        power::switch(&self.0, droplet_id(id)?, action)
            .await
            .map_err(|error| error.with_instance(id))
    }

    async fn create_snapshot(&self, id: &InstanceId, name: &str) -> Result<InstanceSnapshot> {
        snapshot::create(&self.0, droplet_id(id)?, name)
            .await
            .map_err(|error| error.with_instance(id))
    }

    async fn list_snapshots(&self) -> Result<Vec<InstanceSnapshot>> {
        snapshot::list(&self.0).await
    }

    async fn delete_snapshot(&self, id: &SnapshotId) -> Result<()> {
        snapshot::delete(&self.0, id).await
    }

    /// Firewalls that others put the droplet into add to it.
    async fn firewall(&self, id: &InstanceId, rules: &FirewallRules) -> Result<()> {
        firewall::put(&self.0, droplet_id(id)?, rules)
            .await
            .map_err(|error| error.with_instance(id))
    }

    async fn limits(&self) -> Result<Limits> {
        let body: AccountBody = self.0.api.get("limits", ["account"]).json().await?;
        let mut limits = Limits::default();
        limits.instances = body.account.droplet_limit;
        limits.how_to_raise = Some(HOW_TO_RAISE.to_owned());
        Ok(limits)
    }

    async fn list_ssh_keys(&self) -> Result<Vec<SshKey>> {
        keys::list_all(&self.0).await
    }

    async fn delete_ssh_key(&self, id: &SshKeyId) -> Result<()> {
        keys::delete(&self.0, id).await
    }
}
