use tokio::time::Instant;

use super::engine::Engine;
use super::instance_spec::{instance_spec, tags};
use super::order::Order;
use super::plan::choose;
use super::provision::Provision;
use crate::client::VpsClientExt;
use crate::error::Result;
use crate::keys::{KeyPair, PublicKey};
use crate::model::{
    HostId, HostSpec, HostTags, Instance, InstanceId, InstanceSpec, InstanceState, Phase,
};
use crate::ssh::wait_for_banner;
use crate::store::OpenEntry;

/// A VPS that is ordered and boots, with its cloud-init document.
#[derive(Debug)]
pub(super) struct NewInstance {
    host_key: KeyPair,
    tags: HostTags,
    spec: InstanceSpec,
    order: Order,
}

impl NewInstance {
    /// Chooses from what the provider offers; makes the host key and the cloud-init document.
    /// Nothing is ordered.
    pub(super) async fn plan(engine: &Engine, host_id: &HostId, spec: &HostSpec) -> Result<Self> {
        let choices = choose(engine, spec).await?;
        let host_key = KeyPair::generate(&format!("vps-docker-{}", spec.name))?;
        let tags = tags(engine, host_id, spec, host_key.public());
        let spec = instance_spec(engine, spec, &choices, &host_key, &tags)?;
        Ok(Self {
            host_key,
            tags,
            spec,
            order: Order::default(),
        })
    }

    /// The order, and the wait until sshd greets.
    pub(super) async fn order_and_boot(
        &self,
        provision: &Provision,
        place: &mut OpenEntry,
    ) -> Result<Instance> {
        let order = self.send_order(provision);
        let instance = provision.timeline.phase(Phase::Order, order).await?;
        place.update(|entry| entry.instance_id = Some(instance.id.clone()))?;
        let boot = boot(provision, instance);
        provision.timeline.phase(Phase::Boot, boot).await
    }

    pub(super) async fn settle(&self, engine: &Engine) -> Result<()> {
        self.order.settle(engine).await
    }

    pub(super) fn instance(&self) -> Option<&InstanceId> {
        self.order.instance()
    }

    pub(super) fn host_key(&self) -> &PublicKey {
        self.host_key.public()
    }

    pub(super) fn tags(&self) -> &HostTags {
        &self.tags
    }

    async fn send_order(&self, provision: &Provision) -> Result<Instance> {
        let engine = &provision.engine;
        let key = engine.data_dir.vps_key().public();
        let key = engine
            .client
            .ensure_ssh_key(&engine.key_name(), &key.openssh())
            .await?;
        let mut spec = self.spec.clone();
        spec.ssh_keys.push(key);
        self.order
            .send(engine, provision.host_id.clone(), spec)
            .await
    }
}

async fn boot(provision: &Provision, instance: Instance) -> Result<Instance> {
    let engine = &provision.engine;
    let deadline = Instant::now() + engine.settings.vps_boot_timeout;
    let is_up = |instance: &Instance| {
        instance.state == InstanceState::Running && instance.address.is_some()
    };
    let instance = if is_up(&instance) {
        instance
    } else {
        engine
            .client
            .wait_for_instance(&instance.id, "the VPS to run", deadline, &is_up)
            .await?
    };
    let known = provision.known(&instance);
    // Where a later process finds it.
    provision.entry.pin_vps(&known)?;
    wait_for_banner((known.address, known.ssh_port).into(), deadline)
        .await
        .map_err(|error| error.with_note("vps_boot_timeout is the deadline"))?;
    Ok(instance)
}
