//! A whole provider in one file, registered like those that come along. `cargo run --example
//! custom_provider` shows what it offers, and makes and destroys an instance.
//!
//! It is a toy: its cloud is a map in this process, and its machines are entries that nobody can log in to.
//! Everything else is as it has to be, so it passes the conformance suite (`tests/custom_provider.rs`). The
//! chapter `docs/write-a-provider.md` goes on from here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use vps_docker::model::*;
use vps_docker::registry::{
    Linked, ProviderOption, ProviderOptions, Registration, Registry, inventory,
};
use vps_docker::secrecy::{ExposeSecret, SecretString};
use vps_docker::{Capabilities, Error, ErrorKind, Result, VpsClient};

const NAME: &str = "acme";
const USER_DATA_LIMIT: usize = 32 * 1024;
const TOKEN: ProviderOption =
    ProviderOption::credential("token", "anything that begins with acme-").variable("ACME_TOKEN");

/// Adds the provider to a registry.
pub fn register(registry: &mut Registry) -> Result<()> {
    registry.add(Registration {
        name: NAME,
        description: "a toy whose machines are entries of a map",
        options: &[TOKEN],
        build: |options| Ok(Arc::new(AcmeProvider::from_options(options)?)),
    })
}

// What puts it among `Registry::linked()`.
inventory::submit!(Linked(register));

/// The client. A real one has an `ApiClient` of `vps_docker::http` in the place of map and token.
#[derive(Debug)]
pub struct AcmeProvider {
    token: SecretString,
    cloud: Mutex<BTreeMap<InstanceId, Instance>>,
}

impl AcmeProvider {
    /// Reads the options. No I/O: a wrong token is found out by the first call.
    pub fn from_options(options: &ProviderOptions) -> Result<Self> {
        options.check_known(&[TOKEN])?;
        options.check_complete(NAME, &[TOKEN])?;
        Ok(Self {
            token: options.value("token").cloned().unwrap_or_default(),
            cloud: Mutex::default(),
        })
    }

    /// What every call begins with: the cloud looks at the token.
    fn cloud(&self, call: &str) -> Result<MutexGuard<'_, BTreeMap<InstanceId, Instance>>> {
        if self.token.expose_secret().starts_with("acme-") {
            return Ok(self.cloud.lock().expect("nobody panics with it"));
        }
        let advice = "acme does not know the token; ACME_TOKEN must begin with acme-";
        Err(Error::new(ErrorKind::Auth, advice).with_operation(call))
    }
}

#[async_trait::async_trait]
impl VpsClient for AcmeProvider {
    fn provider_name(&self) -> &str {
        NAME
    }

    /// Whatever is not promised here answers `Unsupported` by itself.
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::minimal(USER_DATA_LIMIT);
        capabilities.set_tags = true;
        capabilities
    }

    async fn create_instance(&self, spec: &InstanceSpec) -> Result<Instance> {
        // What is known to be wrong is refused before anything is made.
        let catalog = offer();
        let region = catalog.region(Some(&spec.region))?;
        catalog.check_availability(catalog.plan(Some(&spec.plan))?, region)?;
        match &spec.image {
            BootImage::Catalog(id) => drop(catalog.image(Some(id))?),
            BootImage::Snapshot(_) => return Err(Error::unsupported(NAME, "create_from_snapshot")),
        }
        if spec.user_data.expose_secret().len() > USER_DATA_LIMIT {
            let advice = "user_data is too long; shorten what cloud-init is to do";
            return Err(Error::new(ErrorKind::Invalid, advice));
        }
        let mut cloud = self.cloud("create_instance")?;
        let id = InstanceId::new(HostId::random().as_str());
        let mut instance = Instance::new(id, &spec.name, InstanceState::Running);
        instance.address = Some([192, 0, 2, 1].into());
        instance.region.clone_from(&spec.region);
        instance.plan.clone_from(&spec.plan);
        instance.tags.clone_from(&spec.tags);
        instance.created_at = Some(Timestamp::now());
        cloud.insert(instance.id.clone(), instance.clone());
        Ok(instance)
    }

    async fn instance(&self, id: &InstanceId) -> Result<Instance> {
        let found = self.cloud("instance")?.get(id).cloned();
        found.ok_or_else(|| unknown("instance", id))
    }

    async fn list_instances(&self, filter: &InstanceFilter) -> Result<Vec<Instance>> {
        let cloud = self.cloud("list_instances")?;
        let matching = cloud.values().filter(|known| filter.matches(&known.tags));
        Ok(matching.cloned().collect())
    }

    /// What is gone is gone: that is no error.
    async fn destroy_instance(&self, id: &InstanceId) -> Result<DestroyOutcome> {
        self.cloud("destroy_instance")?.remove(id);
        Ok(DestroyOutcome::Gone)
    }

    /// Acme keeps no keys: the line is its own id and travels with the order.
    async fn ensure_ssh_key(&self, _name: &str, public_key: &str) -> Result<SshKeyId> {
        Ok(SshKeyId::new(public_key))
    }

    async fn catalog(&self) -> Result<Catalog> {
        Ok(offer())
    }

    async fn set_tags(&self, id: &InstanceId, tags: &Tags) -> Result<()> {
        let mut cloud = self.cloud("set_tags")?;
        let instance = cloud.get_mut(id).ok_or_else(|| unknown("set_tags", id))?;
        instance.tags.clone_from(tags);
        Ok(())
    }
}

fn unknown(call: &str, id: &InstanceId) -> Error {
    Error::new(ErrorKind::NotFound, "acme has no such instance")
        .with_operation(call)
        .with_instance(id)
}

/// The defaults stand first.
fn offer() -> Catalog {
    let price = Price {
        monthly: Some(Money::zero("EUR")),
        ..Price::default()
    };
    let region = Region {
        id: "here".into(),
        description: "this process".into(),
    };
    let plan = Plan {
        id: "entry".into(),
        description: "an entry of a map".into(),
        cpus: 1,
        memory_mib: 1024,
        disk_gib: None,
        price,
        regional_prices: BTreeMap::new(),
        regions: Vec::new(),
    };
    let image = Image {
        id: "debian-13".into(),
        description: "Debian 13, or would be".into(),
        has_docker: false,
    };
    Catalog {
        regions: vec![region],
        plans: vec![plan],
        images: vec![image],
        snapshot_gb_month: None,
    }
}

/// Shows what it offers, and what it makes.
#[tokio::main]
pub async fn main() -> anyhow::Result<()> {
    let options = ProviderOptions::new().set("token", "acme-of-the-example");
    let client = Registry::linked()?.client(NAME, &options)?;
    let catalog = client.catalog().await?;
    let region = catalog.region(None)?;
    for plan in &catalog.plans {
        let price = plan.price_in(&region.id).monthly.as_ref();
        let price = price.map_or_else(|| "not told".into(), ToString::to_string);
        println!("{} in {}: {price} a month", plan.id, region.description);
    }
    let spec = InstanceSpec {
        name: "web1".into(),
        region: region.id.clone(),
        plan: catalog.plan(None)?.id.clone(),
        image: BootImage::Catalog(catalog.image(None)?.id.clone()),
        user_data: "#cloud-config\n{}\n".into(),
        ssh_keys: Vec::new(),
        tags: Tags::from([(HostTags::MARKER.into(), String::new())]),
    };
    let made = client.create_instance(&spec).await?;
    println!("made {}, {:?}", made.id, made.state);
    client.destroy_instance(&made.id).await?;
    Ok(())
}
