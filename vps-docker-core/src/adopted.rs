//! The provider `adopted`: machines that were there already.
//!
//! It has no API. What it lists is what was adopted from one data directory, and it is kept there;
//! another machine of the user's does not see it. Everything that is done *on* a machine is the
//! engine's affair, as everywhere.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::ExposeSecret;

use crate::client::{Capabilities, VpsClient};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    Catalog, DestroyOutcome, Instance, InstanceFilter, InstanceId, InstanceSpec, InstanceState,
    MachineSpec, SshKeyId, Tags, Timestamp,
};
use crate::registry::{Linked, ProviderOption, ProviderOptions, Registration, Registry};
use crate::store::Machines;

/// The name under which it is registered.
const NAME: &str = "adopted";
/// Its one option: the data directory.
const DATA_DIR: &str = "data_dir";
const OPTIONS: &[ProviderOption] = &[ProviderOption::required(
    DATA_DIR,
    "where its machines are kept",
)];

/// The client of the provider `adopted`: machines of your own, taken by
/// [`VpsDockerProvider::adopt`](crate::VpsDockerProvider::adopt). To the registry its one option is
/// `data_dir`, that of the engine.
#[derive(Clone, Debug)]
pub struct AdoptedMachines {
    machines: Machines,
}

impl AdoptedMachines {
    /// The machines adopted from a data directory, which must be the engine's. No I/O.
    #[must_use]
    pub fn new(data_dir: &Path) -> Self {
        Self {
            machines: Machines::new(data_dir),
        }
    }

    fn change(&self, id: &InstanceId, change: impl FnOnce(&mut Instance)) -> Result<()> {
        self.machines.update(|machines| {
            let machine = machines.iter_mut().find(|machine| machine.id == *id);
            change(machine.ok_or_else(|| unknown(id))?);
            Ok(())
        })
    }
}

/// Makes the provider known to a registry.
///
/// # Errors
/// [`ErrorKind::Invalid`] when the name is taken.
pub fn register(registry: &mut Registry) -> Result<()> {
    registry.add(Registration {
        name: NAME,
        description: "machines of your own that you reach by SSH",
        options: OPTIONS,
        build,
    })
}

inventory::submit!(Linked(register));

fn build(options: &ProviderOptions) -> Result<Arc<dyn VpsClient>> {
    options.check_known(OPTIONS)?;
    options.check_complete(NAME, OPTIONS)?;
    let data_dir = options.value(DATA_DIR).expect("it was checked");
    Ok(Arc::new(AdoptedMachines::new(Path::new(
        data_dir.expose_secret(),
    ))))
}

#[async_trait]
impl VpsClient for AdoptedMachines {
    fn provider_name(&self) -> &str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::minimal(0);
        capabilities.set_tags = true;
        capabilities.rename = true;
        capabilities.machine_stays = true;
        capabilities
    }

    async fn create_instance(&self, _spec: &InstanceSpec) -> Result<Instance> {
        Err(nothing_to_order())
    }

    /// Its id is the machine's address and port, so that no machine is taken twice.
    async fn adopt_machine(&self, machine: &MachineSpec) -> Result<Instance> {
        let door = std::net::SocketAddr::from((machine.address, machine.ssh_port));
        let id = InstanceId::new(door.to_string());
        let mut instance = Instance::new(id, &machine.name, InstanceState::Running);
        instance.address = Some(machine.address);
        instance.ssh_port = machine.ssh_port;
        instance.tags = machine.tags.clone();
        instance.created_at = Some(Timestamp::now());
        self.machines.update(|machines| {
            if let Some(taken) = machines.iter().find(|taken| taken.id == instance.id) {
                return Err(Error::new(
                    ErrorKind::NameTaken,
                    format!(
                        "the machine is adopted already, as {}; destroy or forget that host first",
                        taken.name
                    ),
                )
                .with_instance(&taken.id));
            }
            machines.push(instance.clone());
            Ok(instance)
        })
    }

    async fn instance(&self, id: &InstanceId) -> Result<Instance> {
        let mut machines = self.machines.read()?;
        machines.retain(|machine| machine.id == *id);
        machines.pop().ok_or_else(|| unknown(id))
    }

    async fn list_instances(&self, filter: &InstanceFilter) -> Result<Vec<Instance>> {
        let mut machines = self.machines.read()?;
        machines.retain(|machine| filter.matches(&machine.tags));
        Ok(machines)
    }

    /// Forgets it; the machine stays.
    async fn destroy_instance(&self, id: &InstanceId) -> Result<DestroyOutcome> {
        self.machines.update(|machines| {
            machines.retain(|machine| machine.id != *id);
            Ok(DestroyOutcome::Gone)
        })
    }

    /// The line itself is its id: nobody keeps keys.
    async fn ensure_ssh_key(&self, _name: &str, public_key: &str) -> Result<SshKeyId> {
        Ok(SshKeyId::new(public_key))
    }

    async fn catalog(&self) -> Result<Catalog> {
        Err(nothing_to_order())
    }

    async fn set_tags(&self, id: &InstanceId, tags: &Tags) -> Result<()> {
        self.change(id, |machine| machine.tags.clone_from(tags))
    }

    async fn rename_instance(&self, id: &InstanceId, name: &str) -> Result<()> {
        self.change(id, |machine| name.clone_into(&mut machine.name))
    }
}

fn nothing_to_order() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "the provider \"adopted\" has nothing to order: adopt a machine that is there, or choose \
         another provider",
    )
}

fn unknown(id: &InstanceId) -> Error {
    Error::new(
        ErrorKind::NotFound,
        "no machine of that id was adopted from this data directory",
    )
    .with_instance(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(port: u16) -> MachineSpec {
        MachineSpec {
            name: "web1".into(),
            address: "198.18.0.2".parse().expect("an address"),
            ssh_port: port,
            tags: Tags::from([("vps-docker".into(), String::new())]),
        }
    }

    #[tokio::test]
    async fn machines_are_kept_changed_and_forgotten() {
        let directory = tempfile::tempdir().expect("a directory");
        let client = AdoptedMachines::new(directory.path());
        let all = InstanceFilter::default();
        let none = client.list_instances(&all).await.expect("nothing yet");
        assert!(none.is_empty());

        let made = client.adopt_machine(&machine(2200)).await.expect("taken");
        assert_eq!(made.id.as_str(), "198.18.0.2:2200");
        let twice = client.adopt_machine(&machine(2200)).await;
        let twice = twice.expect_err("taken already");
        assert_eq!(twice.kind(), ErrorKind::NameTaken);
        assert!(twice.to_string().contains("web1"), "{twice}");
        client
            .adopt_machine(&machine(22))
            .await
            .expect("another one");

        let tags = Tags::from([("other".into(), "tag".into())]);
        client.set_tags(&made.id, &tags).await.expect("set");
        client
            .rename_instance(&made.id, "web2")
            .await
            .expect("named");
        // Another client over the same directory reads the same.
        let again = AdoptedMachines::new(directory.path());
        let read = again.instance(&made.id).await.expect("there");
        assert_eq!((read.name.as_str(), &read.tags), ("web2", &tags));
        assert_eq!(read.ssh_port, 2200);

        for _ in 0..2 {
            let outcome = client.destroy_instance(&made.id).await.expect("idempotent");
            assert_eq!(outcome, DestroyOutcome::Gone);
        }
        let gone = again.instance(&made.id).await.expect_err("forgotten");
        assert_eq!(gone.kind(), ErrorKind::NotFound);
        assert_eq!(again.list_instances(&all).await.expect("one").len(), 1);
    }

    #[tokio::test]
    async fn a_file_that_is_corrupt_is_told_and_left() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("adopted.json");
        std::fs::write(&file, "{half").expect("written");
        let client = AdoptedMachines::new(directory.path());
        let error = client.adopt_machine(&machine(22)).await;
        assert_eq!(error.expect_err("corrupt").kind(), ErrorKind::State);
        assert_eq!(std::fs::read_to_string(&file).expect("there"), "{half");
    }

    #[tokio::test]
    async fn an_order_is_refused_with_the_way_to_go() {
        let mut registry = Registry::empty();
        register(&mut registry).expect("free");
        let error = registry.client(NAME, &ProviderOptions::new());
        assert!(
            error
                .expect_err("no directory")
                .to_string()
                .contains("data_dir")
        );
        let options = ProviderOptions::new().set(DATA_DIR, "/nowhere");
        let client = registry.client(NAME, &options).expect("fit");
        let error = client.catalog().await.expect_err("nothing to order");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("adopt a machine"), "{error}");
    }
}
