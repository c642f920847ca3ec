use tokio::time::Instant;

use super::engine::Engine;
use super::instance_spec::{instance_spec, tags};
use super::order::Order;
use super::plan::{choose, firewall};
use super::provision::Provision;
use crate::error::{Error, ErrorKind, Result};
use crate::keys::{KeyPair, PublicKey};
use crate::model::{
    Firewall, HostId, HostSpec, HostTags, Instance, InstanceId, InstanceSpec, InstanceState, Phase,
    Plan, Region, Runtime,
};
use crate::ssh::wait_for_banner;
use crate::store::OpenEntry;

/// A VPS that is ordered and boots, with its cloud-init document.
#[derive(Debug)]
pub(super) struct NewInstance {
    host_key: KeyPair,
    tags: HostTags,
    spec: InstanceSpec,
    /// Plan and region, in the order in which they are tried.
    places: Vec<(Plan, Region)>,
    order: Order,
}

impl NewInstance {
    /// Chooses from what the provider offers; makes the host key and the cloud-init document.
    /// Nothing is ordered.
    pub(super) async fn plan(
        engine: &Engine,
        host_id: &HostId,
        spec: &HostSpec,
        runtime: Runtime,
    ) -> Result<Self> {
        let choices = choose(engine, spec).await?;
        let host_key = KeyPair::generate(&format!("vps-docker-{}", spec.name))?;
        let tags = tags(engine, host_id, spec, host_key.public());
        let spec = instance_spec(engine, spec, &choices, &host_key, &tags, runtime)?;
        Ok(Self {
            host_key,
            tags,
            spec,
            places: choices.places,
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
        let firewall = close_to_others(provision, instance.id.clone());
        let boot = async { tokio::try_join!(boot(provision, instance), firewall) };
        let (instance, ()) = provision.timeline.phase(Phase::Boot, boot).await?;
        Ok(instance)
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
        let mut refused = Vec::new();
        for (n, (plan, region)) in self.places.iter().enumerate() {
            let mut spec = self.spec.clone();
            spec.ssh_keys.push(key.clone());
            spec.plan.clone_from(&plan.id);
            spec.region.clone_from(&region.id);
            let order = self.order.send(engine, provision.host_id.clone(), spec);
            let error = match order.await {
                // It was refused for certain, so nothing is ordered twice.
                Err(error) if error.kind() == ErrorKind::Capacity && !error.is_unclear() => error,
                other => return other,
            };
            refused.push(format!("{} in {}", plan.id, region.id));
            match self.places.get(n + 1) {
                Some((plan, region)) => provision.timeline.progress(
                    Phase::Order,
                    format!("{error}; trying {} in {}", plan.id, region.id),
                ),
                None if n > 0 => {
                    return Err(error.with_note(format!("tried: {}", refused.join(", "))));
                }
                None => {
                    return Err(error.with_note(
                        "several plans and regions can be given, separated by commas, and are \
                         tried in that order",
                    ));
                }
            }
        }
        unreachable!("the last place returns")
    }
}

/// Lets in who was named, where anybody was.
async fn close_to_others(provision: &Provision, instance: InstanceId) -> Result<()> {
    let engine = &provision.engine;
    let port = engine.settings.container_ssh_port;
    let exposure = provision.spec.exposure.as_ref();
    match (exposure, firewall(engine, exposure)) {
        (Some(exposure), Firewall::Provider) => {
            let rules = exposure.rules(port);
            engine.client.firewall(&instance, &rules).await
        }
        (Some(_), _) => Ok(()),
        (None, _) => {
            provision.timeline.progress(
                Phase::Boot,
                format!(
                    "ports 22 and {port} are open to the world: nobody was named who may reach them"
                ),
            );
            Ok(())
        }
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
            .watch
            .wait(&instance.id, "the VPS to run", deadline, &is_up)
            .await
            .map_err(name_the_deadline)?
    };
    let known = provision.known(&instance);
    // Where a later process finds it.
    provision.entry.pin_vps(&known)?;
    wait_for_banner((known.address, known.ssh_port).into(), deadline)
        .await
        .map_err(name_the_deadline)?;
    Ok(instance)
}

/// Says which setting would give it longer.
fn name_the_deadline(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Timeout => error.with_note("vps_boot_timeout is the deadline"),
        _ => error,
    }
}
