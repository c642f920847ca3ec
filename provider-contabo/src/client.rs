use std::sync::Arc;

use async_trait::async_trait;
use vps_docker_core::model::{
    Catalog, DestroyOutcome, FirewallRules, HostName, Instance, InstanceFilter, InstanceId,
    InstanceSnapshot, InstanceSpec, PowerAction, SnapshotId, SshKey, SshKeyId, Tags,
};
use vps_docker_core::{Capabilities, Error, ErrorKind, Result, VpsClient};

use crate::cloud::Cloud;
use crate::config::ContaboConfig;
use crate::convert::{self, Place};
use crate::display_name::{DisplayName, Ours};
use crate::wire::Machine;
use crate::{catalog, create, destroy, firewall, keys, power, snapshot};

/// The provider: Contabo's Cloud VPSs and VDSs. Cheap to clone; clones share connections, pace, token,
/// and the knowledge of who is at work on which machine, so use one for an account.
#[derive(Clone, Debug)]
pub struct ContaboProvider(Arc<Cloud>);

impl ContaboProvider {
    /// A provider with the given settings. No I/O: wrong credentials are found out by the first call.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for an unfit address; [`ErrorKind::Unreachable`] where this machine trusts
    /// no certificate authority.
    pub fn new(config: ContaboConfig) -> Result<Self> {
        Ok(Self(Arc::new(Cloud::new(config)?)))
    }

    /// The machine that still is the instance.
    async fn machine(&self, id: &InstanceId) -> Result<(Place, Machine, DisplayName)> {
        let place = Place::parse(id)?;
        let machine = self.0.api.machine(place.number).await;
        let machine = machine.map_err(|error| error.with_instance(id))?;
        let display_name = DisplayName::parse(&machine.display_name);
        if !place.is_still(&display_name) {
            return Err(convert::no_such_instance(id));
        }
        Ok((place, machine, display_name))
    }

    /// The machine that still is the instance, of which something is wanted that a released one does not
    /// do.
    async fn used_machine(&self, id: &InstanceId) -> Result<(Place, Machine)> {
        match self.machine(id).await? {
            (_, _, DisplayName::Released(_)) => Err(Error::new(
                ErrorKind::State,
                "the machine is released and waits for the next create",
            )
            .with_instance(id)),
            (place, machine, _) => Ok((place, machine)),
        }
    }

    /// Changes name or tags: one write, as both stand in the display name, after a look at the other
    /// half. Two who change the halves of one machine from two processes at once may undo each other.
    async fn change(&self, id: &InstanceId, change: impl FnOnce(&mut Ours)) -> Result<()> {
        let place = Place::parse(id)?;
        let _in_work = self.0.work_on(place.number).await;
        let (place, machine) = self.used_machine(id).await?;
        let mut ours = match DisplayName::parse(&machine.display_name) {
            DisplayName::Ours(ours) => ours,
            other => Ours {
                name: other.name().to_owned(),
                tags: Tags::new(),
                occupancy: place.occupancy,
                period: 1,
            },
        };
        change(&mut ours);
        let text = ours.encode()?;
        if text == machine.display_name {
            return Ok(());
        }
        let changed = self.0.api.set_display_name(place.number, &text).await;
        changed.map_err(|error| error.with_instance(id))
    }
}

#[async_trait]
impl VpsClient for ContaboProvider {
    fn provider_name(&self) -> &str {
        crate::NAME
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::minimal(create::USER_DATA_LIMIT);
        capabilities.set_tags = true;
        capabilities.rename = true;
        capabilities.power = true;
        capabilities.snapshots = true;
        capabilities.firewall = true;
        capabilities.term_contract = true;
        capabilities.ssh_key_store = true;
        capabilities
    }

    /// Reinstalls a released machine (*Reinstall specific instance*), else orders one (*Create a new
    /// instance*), which wants [`allow_order`](ContaboConfig::allow_order): without it the answer is
    /// `Payment`, before anything is ordered. An order is sent once. A machine that is still being wiped
    /// is waited for, five minutes at most. Dropped in the middle, what was taken or ordered bears the
    /// tags.
    async fn create_instance(&self, spec: &InstanceSpec) -> Result<Instance> {
        create::create(&self.0, spec).await
    }

    async fn instance(&self, id: &InstanceId) -> Result<Instance> {
        let (_, machine, _) = self.machine(id).await?;
        Ok(convert::instance(&machine))
    }

    /// *List instances*. The API's own filters are not used: whether that for display names finds parts
    /// of them is not stated, and an instance that is not found would be a leak.
    async fn list_instances(&self, filter: &InstanceFilter) -> Result<Vec<Instance>> {
        let machines = self.0.api.machines().await?;
        let mut instances: Vec<Instance> = machines.iter().map(convert::instance).collect();
        instances.retain(|instance| filter.matches(&instance.tags));
        Ok(instances)
    }

    /// Wipes the machine and marks it released; [`cancel_on_destroy`](ContaboConfig::cancel_on_destroy)
    /// cancels its contract, too. Either way it is paid for until the time in the answer. A machine
    /// whose display name does not say that it is ours is not wiped: `State`.
    async fn destroy_instance(&self, id: &InstanceId) -> Result<DestroyOutcome> {
        let destroyed = destroy::destroy(&self.0, id).await;
        destroyed.map_err(|error| error.with_instance(id))
    }

    async fn ensure_ssh_key(&self, name: &str, public_key: &str) -> Result<SshKeyId> {
        keys::ensure(&self.0, name, public_key).await
    }

    async fn catalog(&self) -> Result<Catalog> {
        let api = &self.0.api;
        let (data_centers, images) = tokio::try_join!(api.data_centers(), api.images())?;
        Ok(catalog::catalog(&data_centers, &images))
    }

    async fn set_tags(&self, id: &InstanceId, tags: &Tags) -> Result<()> {
        self.change(id, |ours| ours.tags = tags.clone()).await
    }

    async fn rename_instance(&self, id: &InstanceId, name: &str) -> Result<()> {
        HostName::new(name)?;
        self.change(id, |ours| ours.name = name.to_owned()).await
    }

    async fn power(&self, id: &InstanceId, action: PowerAction) -> Result<()> {
        let (_, machine) = self.used_machine(id).await?;
        power::switch(&self.0, &machine, id, action).await
    }

    async fn create_snapshot(&self, id: &InstanceId, name: &str) -> Result<InstanceSnapshot> {
        let (_, machine) = self.used_machine(id).await?;
        let taken = snapshot::create(&self.0, &machine, name).await;
        taken.map_err(|error| error.with_instance(id))
    }

    async fn list_snapshots(&self) -> Result<Vec<InstanceSnapshot>> {
        snapshot::list(&self.0).await
    }

    async fn delete_snapshot(&self, id: &SnapshotId) -> Result<()> {
        snapshot::delete(&self.0, id).await
    }

    async fn firewall(&self, id: &InstanceId, rules: &FirewallRules) -> Result<()> {
        let (place, _) = self.used_machine(id).await?;
        let set = firewall::set(&self.0, place, rules).await;
        set.map_err(|error| error.with_instance(id))
    }

    async fn list_ssh_keys(&self) -> Result<Vec<SshKey>> {
        keys::list(&self.0).await
    }

    async fn delete_ssh_key(&self, id: &SshKeyId) -> Result<()> {
        keys::delete(&self.0, id).await
    }
}
