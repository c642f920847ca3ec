use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::sleep;
use vps_docker_core::keys::PublicKey;
use vps_docker_core::model::{
    BootImage, Catalog, DestroyOutcome, FirewallRules, Image, Instance, InstanceFilter, InstanceId,
    InstanceSnapshot, InstanceSpec, InstanceState, Limits, Money, Plan, PowerAction, Price, Region,
    SnapshotId, SshKey, SshKeyId, Tags, Timestamp,
};
use vps_docker_core::{Capabilities, Error, ErrorKind, Result, VpsClient};

/// The token that it is opened with, to be seen nowhere.
pub(crate) const TOKEN: &str = "token-of-the-memory-client";

/// How long the way to the provider is, and back.
const WAY: Duration = Duration::from_millis(5);

/// A client that keeps all rules. Its instances are entries of a map, so it proves something of the suite
/// and nothing of the world.
#[derive(Clone)]
pub(crate) struct MemoryClient {
    world: Arc<Mutex<World>>,
    capabilities: Capabilities,
    token: SecretString,
}

#[derive(Default)]
struct World {
    instances: BTreeMap<InstanceId, Instance>,
    snapshots: BTreeMap<SnapshotId, InstanceSnapshot>,
    keys: BTreeMap<SshKeyId, (String, PublicKey)>,
    last_id: u64,
}

/// Everything that a provider can do but keep machines that were there before.
pub(crate) fn everything() -> Capabilities {
    let mut can = Capabilities::minimal(32 * 1024);
    can.set_tags = true;
    can.rename = true;
    can.power = true;
    can.snapshots = true;
    can.create_from_snapshot = true;
    can.firewall = true;
    can.limits = true;
    can.ssh_key_store = true;
    can
}

impl MemoryClient {
    pub(crate) fn new(capabilities: Capabilities) -> Self {
        Self {
            world: Arc::default(),
            capabilities,
            token: TOKEN.into(),
        }
    }

    /// The same provider, asked with a token that it does not know.
    pub(crate) fn with_a_wrong_token(&self) -> Self {
        Self {
            token: "wrong".into(),
            ..self.clone()
        }
    }

    /// How many instances, snapshots and keys there are.
    pub(crate) fn counts(&self) -> [usize; 3] {
        let world = self.world.lock().expect("whole");
        [
            world.instances.len(),
            world.snapshots.len(),
            world.keys.len(),
        ]
    }

    pub(crate) fn keeps_keys(&self) -> bool {
        self.capabilities.ssh_key_store
    }

    /// The provider's side of a call, where the token is looked at first.
    fn world(&self, operation: &str) -> Result<MutexGuard<'_, World>> {
        if self.token.expose_secret() != TOKEN {
            let advice = "the token is not known; make another one in the console";
            return Err(Error::new(ErrorKind::Auth, advice).with_operation(operation));
        }
        Ok(self.world.lock().expect("whole"))
    }

    fn promised(&self, can: bool, operation: &str) -> Result<MutexGuard<'_, World>> {
        if can {
            self.world(operation)
        } else {
            Err(Error::unsupported(self.provider_name(), operation))
        }
    }

    fn check(&self, spec: &InstanceSpec, world: &World) -> Result<()> {
        let refuse = |kind, text: &str| Err(Error::new(kind, text));
        let catalog = catalog();
        catalog.region(Some(&spec.region))?;
        catalog.plan(Some(&spec.plan))?;
        match &spec.image {
            BootImage::Catalog(id) => drop(catalog.image(Some(id))?),
            BootImage::Snapshot(_) if !self.capabilities.create_from_snapshot => {
                return refuse(ErrorKind::Unsupported, "snapshots cannot be booted here");
            }
            BootImage::Snapshot(id) if !world.snapshots.contains_key(id) => {
                return refuse(ErrorKind::NotFound, "there is no such snapshot");
            }
            BootImage::Snapshot(_) => {}
        }
        if spec
            .ssh_keys
            .iter()
            .any(|key| !world.keys.contains_key(key))
        {
            return refuse(ErrorKind::NotFound, "there is no such key");
        }
        let mut names = world.instances.values().map(|instance| &instance.name);
        if self.capabilities.unique_names && names.any(|name| *name == spec.name) {
            return refuse(ErrorKind::NameTaken, "there is an instance of that name");
        }
        Ok(())
    }
}

impl World {
    fn new_id(&mut self) -> String {
        self.last_id += 1;
        format!("m-{}", self.last_id)
    }

    fn instance(&mut self, id: &InstanceId, operation: &str) -> Result<&mut Instance> {
        self.instances.get_mut(id).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "there is no such instance")
                .with_operation(operation)
                .with_instance(id)
        })
    }
}

impl fmt::Debug for MemoryClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryClient").finish_non_exhaustive()
    }
}

pub(crate) fn catalog() -> Catalog {
    let regions = ["north", "south"].map(|id| Region {
        id: id.into(),
        description: format!("the {id}"),
    });
    let price = |cents| {
        let amount = |scale| Money {
            amount: rust_decimal::Decimal::new(cents, scale),
            currency: "EUR".into(),
        };
        Price {
            hourly: Some(amount(4)),
            monthly: Some(amount(2)),
        }
    };
    let plan = |id: &str, size: u32, regions: &[&str]| Plan {
        id: id.into(),
        description: format!("{size} GiB"),
        cpus: size,
        memory_mib: u64::from(size) * 1024,
        disk_gib: Some(20),
        price: price(i64::from(size) * 400),
        regional_prices: BTreeMap::from([("south".to_owned(), price(i64::from(size) * 500))]),
        regions: regions.iter().map(|&region| region.into()).collect(),
    };
    Catalog {
        regions: regions.into(),
        plans: vec![plan("small", 2, &[]), plan("large", 8, &["north"])],
        images: vec![Image {
            id: "debian-13".into(),
            description: "Debian 13".into(),
            has_docker: false,
        }],
        snapshot_gb_month: None,
    }
}

#[async_trait]
impl VpsClient for MemoryClient {
    fn provider_name(&self) -> &str {
        "memory"
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    async fn create_instance(&self, spec: &InstanceSpec) -> Result<Instance> {
        if spec.user_data.expose_secret().len() > self.capabilities.user_data_limit {
            return Err(Error::new(
                ErrorKind::Invalid,
                "so much user_data does not fit in",
            ));
        }
        sleep(WAY).await;
        let instance = {
            let mut world = self.world("create_instance")?;
            self.check(spec, &world)?;
            let id = InstanceId::new(world.new_id());
            let mut instance = Instance::new(id, &spec.name, InstanceState::Provisioning);
            instance.region.clone_from(&spec.region);
            instance.plan.clone_from(&spec.plan);
            instance.tags.clone_from(&spec.tags);
            instance.created_at = Some(Timestamp::now());
            world
                .instances
                .insert(instance.id.clone(), instance.clone());
            instance
        };
        sleep(WAY).await;
        Ok(instance)
    }

    /// Its second look sees it run.
    async fn instance(&self, id: &InstanceId) -> Result<Instance> {
        let mut world = self.world("instance")?;
        let instance = world.instance(id, "instance")?;
        let seen = instance.clone();
        if instance.state == InstanceState::Provisioning {
            instance.state = InstanceState::Running;
            let number: u8 = id.as_str()[2..].parse().unwrap_or(255);
            instance.address = Some([192, 0, 2, number].into());
        }
        Ok(seen)
    }

    async fn list_instances(&self, filter: &InstanceFilter) -> Result<Vec<Instance>> {
        let world = self.world("list_instances")?;
        let matching = world.instances.values();
        let matching = matching.filter(|instance| filter.matches(&instance.tags));
        Ok(matching.cloned().collect())
    }

    async fn destroy_instance(&self, id: &InstanceId) -> Result<DestroyOutcome> {
        let there = self.world("destroy_instance")?.instances.remove(id);
        if there.is_some() && self.capabilities.term_contract {
            let month = Duration::from_secs(30 * 24 * 60 * 60);
            return Ok(DestroyOutcome::EndsAt(Timestamp::now().plus(month)));
        }
        Ok(DestroyOutcome::Gone)
    }

    async fn ensure_ssh_key(&self, name: &str, public_key: &str) -> Result<SshKeyId> {
        let key: PublicKey = public_key.parse()?;
        let mut world = self.world("ensure_ssh_key")?;
        let mut known = world.keys.iter();
        if let Some((id, _)) = known.find(|(_, (_, known))| *known == key) {
            return Ok(id.clone());
        }
        let id = SshKeyId::new(world.new_id());
        world.keys.insert(id.clone(), (name.to_owned(), key));
        Ok(id)
    }

    async fn catalog(&self) -> Result<Catalog> {
        drop(self.world("catalog")?);
        Ok(catalog())
    }

    async fn set_tags(&self, id: &InstanceId, tags: &Tags) -> Result<()> {
        let mut world = self.promised(self.capabilities.set_tags, "set_tags")?;
        world.instance(id, "set_tags")?.tags.clone_from(tags);
        Ok(())
    }

    async fn rename_instance(&self, id: &InstanceId, name: &str) -> Result<()> {
        let mut world = self.promised(self.capabilities.rename, "rename_instance")?;
        let mut others = world.instances.values().filter(|other| other.id != *id);
        if self.capabilities.unique_names && others.any(|other| other.name == name) {
            let taken = "there is an instance of that name";
            return Err(Error::new(ErrorKind::NameTaken, taken).with_operation("rename_instance"));
        }
        name.clone_into(&mut world.instance(id, "rename_instance")?.name);
        Ok(())
    }

    async fn power(&self, id: &InstanceId, action: PowerAction) -> Result<()> {
        let mut world = self.promised(self.capabilities.power, "power")?;
        world.instance(id, "power")?.state = match action {
            PowerAction::Off => InstanceState::Stopped,
            PowerAction::On | PowerAction::Reboot => InstanceState::Running,
        };
        Ok(())
    }

    async fn create_snapshot(&self, id: &InstanceId, name: &str) -> Result<InstanceSnapshot> {
        let mut world = self.promised(self.capabilities.snapshots, "create_snapshot")?;
        world.instance(id, "create_snapshot")?;
        let mut snapshot = InstanceSnapshot::new(SnapshotId::new(world.new_id()), name);
        snapshot.instance_id = Some(id.clone());
        world
            .snapshots
            .insert(snapshot.id.clone(), snapshot.clone());
        Ok(snapshot)
    }

    async fn list_snapshots(&self) -> Result<Vec<InstanceSnapshot>> {
        let world = self.promised(self.capabilities.snapshots, "list_snapshots")?;
        Ok(world.snapshots.values().cloned().collect())
    }

    async fn delete_snapshot(&self, id: &SnapshotId) -> Result<()> {
        let mut world = self.promised(self.capabilities.snapshots, "delete_snapshot")?;
        world.snapshots.remove(id);
        Ok(())
    }

    async fn firewall(&self, id: &InstanceId, _rules: &FirewallRules) -> Result<()> {
        let mut world = self.promised(self.capabilities.firewall, "firewall")?;
        world.instance(id, "firewall").map(drop)
    }

    async fn limits(&self) -> Result<Limits> {
        drop(self.promised(self.capabilities.limits, "limits")?);
        let mut limits = Limits::default();
        limits.instances = Some(1000);
        Ok(limits)
    }

    async fn list_ssh_keys(&self) -> Result<Vec<SshKey>> {
        let world = self.promised(self.capabilities.ssh_key_store, "list_ssh_keys")?;
        let key = |(id, (name, _)): (&SshKeyId, &(String, PublicKey))| SshKey {
            id: id.clone(),
            name: name.clone(),
        };
        Ok(world.keys.iter().map(key).collect())
    }

    async fn delete_ssh_key(&self, id: &SshKeyId) -> Result<()> {
        let mut world = self.promised(self.capabilities.ssh_key_store, "delete_ssh_key")?;
        world.keys.remove(id);
        Ok(())
    }
}
