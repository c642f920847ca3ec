//! The backend `local`: every instance is a real VPS by `provider-local`.
//!
//! Each simulator has a network of its own on the engine, which for `provider-local` is an account of its own,
//! so two simulators know nothing of each other. All that was made is removed by [`LocalMachines::close`].

mod engine;
mod user_data;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;
use provider_local::{LocalConfig, LocalProvider};
use secrecy::SecretString;
use vps_docker_core::model::{
    BootImage, HostName, HostTags, InstanceFilter, InstanceId, InstanceSpec, PowerAction,
    SnapshotId, SshKeyId, Tags,
};
use vps_docker_core::{Error, ErrorKind, Result, VpsClient};

use super::credentials::draw;
use super::id::Id;
use super::world::{Machine, Power};

/// Real machines. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct LocalMachines(Arc<Account>);

#[derive(Debug)]
struct Account {
    provider: LocalProvider,
    network: String,
    image: String,
    names: Mutex<BTreeSet<String>>,
}

/// What a machine is to be.
#[derive(Clone, Debug)]
pub(crate) struct MachineOrder {
    pub(crate) id: Id,
    pub(crate) name: String,
    pub(crate) memory_mib: u64,
    pub(crate) source: MachineSource,
    pub(crate) user_data: SecretString,
    /// Public keys, each a line.
    pub(crate) keys: Vec<String>,
    /// The account that the keys open. `None`: root, and the image's own.
    pub(crate) login: Option<String>,
    pub(crate) wrong_host_key: bool,
}

/// What a machine boots.
#[derive(Clone, Debug)]
pub(crate) enum MachineSource {
    /// The one system there is.
    System,
    Snapshot(String),
}

/// Networks that are tried before we give up; the engine says which ranges are taken.
const DRAWS: u8 = 40;

impl LocalMachines {
    /// Makes the network, and the images if they are missing.
    ///
    /// # Errors
    /// `Unreachable` without an engine, and those of `LocalProvider::prepare_images`.
    pub(crate) async fn open(image: &str) -> Result<Self> {
        let network = format!("vps-docker-sim-{}", draw(8));
        let provider = Self::settle(&network).await?;
        let account = Account {
            provider,
            network,
            image: image.to_owned(),
            names: Mutex::default(),
        };
        let prepared = account.provider.prepare_images(|_| {}).await;
        let machines = Self(Arc::new(account));
        if let Err(error) = prepared {
            machines.close().await;
            return Err(error);
        }
        Ok(machines)
    }

    /// Draws a range that nobody has, and makes the network in it.
    async fn settle(network: &str) -> Result<LocalProvider> {
        let mut last = None;
        for _ in 0..DRAWS {
            let subnet = engine::draw_subnet();
            let config = LocalConfig::default().network(network)?.subnet(&subnet)?;
            match engine::create_network(network, &subnet).await {
                Ok(()) => return Ok(LocalProvider::new(config.metadata_service(true))),
                Err(error) if error.kind() == ErrorKind::Quota => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| Error::new(ErrorKind::Quota, "no range of addresses is free")))
    }

    /// The name of the network.
    pub(crate) fn account(&self) -> &str {
        &self.0.network
    }

    /// Makes a machine and starts it.
    ///
    /// # Errors
    /// A text for the action that fails.
    pub(crate) async fn create(&self, order: MachineOrder) -> Result<Machine, String> {
        let name = self.take_name(&order);
        let made = self.create_named(&name, order).await;
        if made.is_err() {
            self.free_name(&name);
        }
        made.map_err(|error| error.to_string())
    }

    async fn create_named(&self, name: &str, order: MachineOrder) -> Result<Machine> {
        let mut keys = order.keys;
        let login = order.login.filter(|login| login != "root");
        let user = login.map(|login| user_data::user(&login, std::mem::take(&mut keys)));
        let host_key = order.wrong_host_key.then(user_data::another_host_key);
        let user_data = user_data::between(user, order.user_data, host_key.transpose()?);
        let image = match order.source {
            MachineSource::System => BootImage::Catalog(self.0.image.clone()),
            MachineSource::Snapshot(id) => BootImage::Snapshot(SnapshotId::new(id)),
        };
        let spec = InstanceSpec {
            name: name.to_owned(),
            region: "local".to_owned(),
            plan: plan(order.memory_mib).to_owned(),
            image,
            user_data,
            ssh_keys: keys.into_iter().map(SshKeyId::new).collect(),
            tags: Tags::from([(HostTags::MARKER.to_owned(), String::new())]),
        };
        let instance = self.0.provider.create_instance(&spec).await?;
        match instance.address {
            Some(IpAddr::V4(address)) => Ok(Machine {
                handle: instance.id.to_string(),
                address,
                name: name.to_owned(),
            }),
            _ => Err(Error::new(
                ErrorKind::Provider,
                "the machine has no address",
            )),
        }
    }

    /// Removes a machine. Idempotent.
    ///
    /// # Errors
    /// A text for the action that fails.
    pub(crate) async fn destroy(&self, machine: &Machine) -> Result<(), String> {
        let id = InstanceId::new(&machine.handle);
        let gone = self.0.provider.destroy_instance(&id).await;
        gone.map_err(|error| error.to_string())?;
        self.free_name(&machine.name);
        Ok(())
    }

    /// Turns the power switch and waits until the machine has followed.
    ///
    /// # Errors
    /// A text for the action that fails.
    pub(crate) async fn power(&self, machine: &Machine, turn: Power) -> Result<(), String> {
        let action = match turn {
            Power::On => PowerAction::On,
            // The engine cannot pull the plug and keep the machine, but it can be asked to hurry.
            Power::Off | Power::Shutdown => PowerAction::Off,
            Power::Reboot | Power::Reset => PowerAction::Reboot,
        };
        let id = InstanceId::new(&machine.handle);
        let done = self.0.provider.power(&id, action).await;
        done.map_err(|error| error.to_string())
    }

    /// Makes a snapshot; answers its handle and size.
    ///
    /// # Errors
    /// A text for the action that fails.
    pub(crate) async fn snapshot(
        &self,
        machine: &Machine,
        name: &str,
    ) -> Result<(String, u64), String> {
        let id = InstanceId::new(&machine.handle);
        let taken = self.0.provider.create_snapshot(&id, name).await;
        let taken = taken.map_err(|error| error.to_string())?;
        Ok((taken.id.to_string(), taken.size_bytes.unwrap_or(0)))
    }

    /// Deletes a snapshot. Idempotent.
    pub(crate) async fn delete_snapshot(&self, handle: &str) {
        let gone = self
            .0
            .provider
            .delete_snapshot(&SnapshotId::new(handle))
            .await;
        if let Err(error) = gone {
            tracing::warn!(%error, "a snapshot of the simulator is left for now");
        }
    }

    /// Removes all that is left: machines, snapshots, the network.
    pub(crate) async fn close(&self) {
        let provider = &self.0.provider;
        let warn = |error: Error| tracing::warn!(%error, "something of the simulator is left");
        match provider.list_instances(&InstanceFilter::default()).await {
            Ok(instances) => {
                let gone = instances
                    .iter()
                    .map(|own| provider.destroy_instance(&own.id));
                join_all(gone)
                    .await
                    .into_iter()
                    .filter_map(Result::err)
                    .for_each(warn);
            }
            Err(error) => warn(error),
        }
        match provider.list_snapshots().await {
            Ok(snapshots) => {
                let gone = snapshots
                    .iter()
                    .map(|own| provider.delete_snapshot(&own.id));
                join_all(gone)
                    .await
                    .into_iter()
                    .filter_map(Result::err)
                    .for_each(warn);
            }
            Err(error) => warn(error),
        }
        if let Err(error) = engine::remove_network(&self.0.network).await {
            warn(error);
        }
    }

    /// The name that the machine gets: that of the instance, where it is one of a host and free.
    fn take_name(&self, order: &MachineOrder) -> String {
        let mut names = self.0.names.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = order.name.clone();
        let name = if HostName::new(&wanted).is_ok() && !names.contains(&wanted) {
            wanted
        } else {
            format!("instance-{}-{}", order.id, draw(4))
        };
        names.insert(name.clone());
        name
    }

    fn free_name(&self, name: &str) {
        let mut names = self.0.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.remove(name);
    }
}

/// The plan of `provider-local` that is nearest.
fn plan(memory_mib: u64) -> &'static str {
    match memory_mib {
        0..=2048 => "small",
        2049..=4096 => "medium",
        _ => "large",
    }
}
