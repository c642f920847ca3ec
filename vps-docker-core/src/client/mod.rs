//! What a provider can do.

mod ext;
mod watch;

use std::fmt::Debug;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::{
    Catalog, DestroyOutcome, FirewallRules, Instance, InstanceFilter, InstanceId, InstanceSnapshot,
    InstanceSpec, Limits, MachineSpec, PowerAction, SnapshotId, SshKey, SshKeyId, Tags,
};

pub use ext::VpsClientExt;
pub use watch::InstanceWatch;

/// A provider of VPSs: the one trait a provider crate implements.
///
/// It is narrow on purpose. Waiting, looking up by marker, rollback and everything that speaks SSH
/// or Docker is the engine's ([`VpsClientExt`], [`VpsDockerProvider`](crate::VpsDockerProvider)).
///
/// Rules that every implementation keeps:
/// * A call that fails says so; it never answers with an empty list or a made-up state.
/// * No call is repeated unless it was not sent or is idempotent.
///   [`create_instance`](Self::create_instance) is neither: the engine looks for the marker first.
/// * Dropping a future leaves nothing but what the provider had already accepted.
/// * Secrets (token, `user_data`) appear in no error, log or Debug output.
#[async_trait]
pub trait VpsClient: Debug + Send + Sync {
    /// The name under which the provider is registered, such as `local`.
    fn provider_name(&self) -> &str;

    /// What this provider can do and how much fits in.
    fn capabilities(&self) -> Capabilities;

    /// Orders an instance and returns as soon as the provider has accepted it; it need not run nor
    /// have an address yet. Not idempotent: an unclear outcome is resolved by looking for
    /// `spec.tags` before anything is sent again.
    ///
    /// # Errors
    /// `NameTaken`, `Invalid`, `Quota`, `Capacity`, `Payment`, and those of any call. A call that
    /// may have been carried out although it failed says so ([`Error::is_unclear`]); after any other
    /// error there is no instance.
    async fn create_instance(&self, spec: &InstanceSpec) -> Result<Instance>;

    /// Takes a machine that is there already for an instance from now on. The machine is not asked
    /// or changed: that is the engine's. Not idempotent.
    ///
    /// # Errors
    /// `Unsupported` unless [`Capabilities::machine_stays`]; `NameTaken` when it is known already.
    async fn adopt_machine(&self, machine: &MachineSpec) -> Result<Instance> {
        let _ = machine;
        Err(Error::unsupported(self.provider_name(), "adopt_machine"))
    }

    /// Describes one instance. It is the thorough look: of one that is not running yet, the provider's
    /// own actions are asked too where it has them, so that a create which failed there is
    /// [`Failed`](crate::model::InstanceState::Failed) and not awaited to the deadline.
    ///
    /// # Errors
    /// `NotFound` when there is none of that id.
    async fn instance(&self, id: &InstanceId) -> Result<Instance>;

    /// Lists all instances that pass the filter, of every page, in no particular order. One call a
    /// page: it is what many waiters share.
    ///
    /// # Errors
    /// Those of any call; a page that fails fails the listing.
    async fn list_instances(&self, filter: &InstanceFilter) -> Result<Vec<Instance>>;

    /// Destroys an instance with its disk and stops its bill, or says until when it runs on.
    /// Idempotent: an instance that is gone is [`DestroyOutcome::Gone`].
    ///
    /// # Errors
    /// Those of any call. After an error the instance must be taken to exist.
    async fn destroy_instance(&self, id: &InstanceId) -> Result<DestroyOutcome>;

    /// Makes a public key (one line, OpenSSH form) known to the provider and returns its id there.
    /// Idempotent: a key that is known already, under whatever name, is a success.
    ///
    /// # Errors
    /// Those of any call.
    async fn ensure_ssh_key(&self, name: &str, public_key: &str) -> Result<SshKeyId>;

    /// Lists regions, plans with their price, and images; the provider's default stands first.
    ///
    /// # Errors
    /// Those of any call.
    async fn catalog(&self) -> Result<Catalog>;

    /// Replaces all tags of an instance. Idempotent.
    ///
    /// # Errors
    /// `Unsupported` unless [`Capabilities::set_tags`].
    async fn set_tags(&self, id: &InstanceId, tags: &Tags) -> Result<()> {
        let _ = (id, tags);
        Err(Error::unsupported(self.provider_name(), "set_tags"))
    }

    /// Gives an instance another name at the provider. Idempotent.
    ///
    /// # Errors
    /// `Unsupported` unless [`Capabilities::rename`]; `NameTaken` where names are unique.
    async fn rename_instance(&self, id: &InstanceId, name: &str) -> Result<()> {
        let _ = (id, name);
        Err(Error::unsupported(self.provider_name(), "rename_instance"))
    }

    /// Turns the power switch and waits until the instance has followed. Idempotent but for
    /// `Reboot`.
    ///
    /// # Errors
    /// `Unsupported` unless [`Capabilities::power`].
    async fn power(&self, id: &InstanceId, action: PowerAction) -> Result<()> {
        let _ = (id, action);
        Err(Error::unsupported(self.provider_name(), "power"))
    }

    /// Makes a snapshot of an instance's disk and waits until it can be used. Not idempotent: one that
    /// was dropped or failed may be there, by its name.
    ///
    /// # Errors
    /// `Unsupported` unless [`Capabilities::snapshots`]; `Quota` where there may be no more.
    async fn create_snapshot(&self, id: &InstanceId, name: &str) -> Result<InstanceSnapshot> {
        let _ = (id, name);
        Err(Error::unsupported(self.provider_name(), "create_snapshot"))
    }

    /// Lists all instance snapshots of the account, of every page.
    ///
    /// # Errors
    /// `Unsupported` unless [`Capabilities::snapshots`].
    async fn list_snapshots(&self) -> Result<Vec<InstanceSnapshot>> {
        Err(Error::unsupported(self.provider_name(), "list_snapshots"))
    }

    /// Deletes an instance snapshot. Idempotent: one that is gone is a success.
    ///
    /// # Errors
    /// `Unsupported` unless [`Capabilities::snapshots`].
    async fn delete_snapshot(&self, id: &SnapshotId) -> Result<()> {
        let _ = id;
        Err(Error::unsupported(self.provider_name(), "delete_snapshot"))
    }

    /// Lets in what the rules name and nothing else, in the place of whatever rules the instance had.
    /// The firewall is the instance's own and goes with it. Idempotent.
    ///
    /// # Errors
    /// `Unsupported` unless [`Capabilities::firewall`].
    async fn firewall(&self, id: &InstanceId, rules: &FirewallRules) -> Result<()> {
        let _ = (id, rules);
        Err(Error::unsupported(self.provider_name(), "firewall"))
    }

    /// How much the account may have.
    ///
    /// # Errors
    /// `Unsupported` unless [`Capabilities::limits`].
    async fn limits(&self) -> Result<Limits> {
        Err(Error::unsupported(self.provider_name(), "limits"))
    }

    /// Lists the SSH public keys of the account, of every page.
    ///
    /// # Errors
    /// `Unsupported` unless [`Capabilities::ssh_key_store`].
    async fn list_ssh_keys(&self) -> Result<Vec<SshKey>> {
        Err(Error::unsupported(self.provider_name(), "list_ssh_keys"))
    }

    /// Forgets an SSH public key. Idempotent: one that is gone is a success.
    ///
    /// # Errors
    /// `Unsupported` unless [`Capabilities::ssh_key_store`].
    async fn delete_ssh_key(&self, id: &SshKeyId) -> Result<()> {
        let _ = id;
        Err(Error::unsupported(self.provider_name(), "delete_ssh_key"))
    }
}

/// What a provider can do and how much fits in. Data, so that tests and callers select by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Capabilities {
    /// Most bytes of `user_data`, as text before any encoding of the provider's.
    pub user_data_limit: usize,
    /// Whether [`VpsClient::set_tags`] works.
    pub set_tags: bool,
    /// Whether [`VpsClient::rename_instance`] works.
    pub rename: bool,
    /// Whether [`VpsClient::power`] works.
    pub power: bool,
    /// Whether instance snapshots work.
    pub snapshots: bool,
    /// Whether an instance can be created of a snapshot of another one.
    #[serde(default)]
    pub create_from_snapshot: bool,
    /// Whether [`VpsClient::firewall`] works.
    #[serde(default)]
    pub firewall: bool,
    /// Whether [`VpsClient::limits`] works.
    #[serde(default)]
    pub limits: bool,
    /// Whether two instances of one name are refused with
    /// [`NameTaken`](crate::ErrorKind::NameTaken).
    #[serde(default)]
    pub unique_names: bool,
    /// Whether an instance that is destroyed is paid for until its term ends
    /// ([`DestroyOutcome::EndsAt`]), so that ordering one wants the user's consent.
    #[serde(default)]
    pub term_contract: bool,
    /// Whether the provider keeps SSH keys, so that they can be left behind and be deleted.
    pub ssh_key_store: bool,
    /// Whether its instances are machines that were there before, [adopted](
    /// VpsClient::adopt_machine), and stay with their disks when they are destroyed: the engine then
    /// removes from them what is ours, first.
    #[serde(default)]
    pub machine_stays: bool,
}

impl Capabilities {
    /// A provider that can do only what the trait requires.
    #[must_use]
    pub fn minimal(user_data_limit: usize) -> Self {
        Self {
            user_data_limit,
            set_tags: false,
            rename: false,
            power: false,
            snapshots: false,
            create_from_snapshot: false,
            firewall: false,
            limits: false,
            unique_names: false,
            term_contract: false,
            ssh_key_store: false,
            machine_stays: false,
        }
    }
}
