use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;

use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::World;
use crate::cloud_sim::fault::Injected;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::refusal::{Counted, Reason, Refusal};

/// An instance, as its provider knows it.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    pub(crate) id: Id,
    pub(crate) name: String,
    pub(crate) phase: Phase,
    pub(crate) plan: String,
    pub(crate) region: String,
    pub(crate) boots: Boots,
    /// Secret.
    pub(crate) user_data: Option<SecretString>,
    pub(crate) keys: Vec<Id>,
    /// Of clouds with keys and values.
    pub(crate) labels: BTreeMap<String, String>,
    /// Of clouds with flat tags.
    pub(crate) tags: BTreeSet<String>,
    pub(crate) created: Timestamp,
    /// Whether it may not be removed.
    pub(crate) protected: bool,
    /// Whether it is somebody else's: of the seed.
    pub(crate) foreign: bool,
    /// What only this cloud says of its instances.
    pub(crate) extra: Map<String, Value>,
    /// Where it stands on the backend `local`, once it does.
    pub(crate) machine: Option<Machine>,
    /// The removal that waits for its machine to be made.
    pub(crate) removal: Option<Id>,
    /// What was and is being done with it, oldest first.
    pub(crate) actions: Vec<Id>,
    pub(super) listed_from: Instant,
    pub(super) address: Option<Ipv4Addr>,
    pub(super) address_from: Instant,
}

/// What an instance is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Ordered, not yet running.
    Ordered,
    Running,
    Starting,
    Stopping,
    Off,
    Rebuilding,
    Deleting,
    /// It could not be made.
    Failed,
}

/// What it boots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Boots {
    /// An image of the offer.
    Image(String),
    Snapshot(Id),
}

/// A real machine of the backend `local`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    pub(crate) handle: String,
    pub(crate) address: Ipv4Addr,
    /// The name that it has there.
    pub(crate) name: String,
}

/// A snapshot of an instance's disk.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) id: Id,
    /// What the client calls it.
    pub(crate) name: String,
    pub(crate) instance: Id,
    pub(crate) instance_name: String,
    pub(crate) region: String,
    /// The image that the instance booted at first.
    pub(crate) image: String,
    /// Disk that an instance made of it needs.
    pub(crate) disk_gb: u64,
    pub(crate) size_bytes: u64,
    pub(crate) ready: bool,
    pub(crate) created: Timestamp,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) tags: BTreeSet<String>,
    pub(crate) protected: bool,
    pub(crate) extra: Map<String, Value>,
    /// Where it is kept on the backend `local`.
    pub(crate) handle: Option<String>,
}

/// What a client orders, in no cloud's words.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) name: String,
    pub(crate) plan: String,
    pub(crate) region: String,
    pub(crate) boots: Boots,
    pub(crate) user_data: Option<String>,
    pub(crate) keys: Vec<Id>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) tags: BTreeSet<String>,
    pub(crate) extra: Map<String, Value>,
}

impl Order {
    /// The least that can be ordered.
    pub(crate) fn new(name: String, plan: String, region: String, boots: Boots) -> Self {
        Self {
            name,
            plan,
            region,
            boots,
            user_data: None,
            keys: Vec::new(),
            labels: BTreeMap::new(),
            tags: BTreeSet::new(),
            extra: Map::new(),
        }
    }
}

impl Instance {
    /// Where in `extra` the account stands that its keys open, at clouds where that is not always root.
    pub(crate) const LOGIN: &'static str = "login";

    /// Its address, once the cloud shows it.
    pub(crate) fn address(&self) -> Option<Ipv4Addr> {
        self.address.filter(|_| self.address_from <= Instant::now())
    }

    /// Stands on that machine from now on.
    pub(crate) fn settle_on(&mut self, machine: Machine) {
        self.address = Some(machine.address);
        self.machine = Some(machine);
    }
}

impl World {
    /// An instance of the account, one that is being removed included.
    ///
    /// # Errors
    /// Not found; `what` is what the cloud calls it.
    pub(crate) fn instance(&self, id: Id, what: &str) -> Result<&Instance, Refusal> {
        self.instances
            .get(&id)
            .ok_or_else(|| Refusal::not_found(what))
    }

    /// The same, to be changed.
    ///
    /// # Errors
    /// As [`instance`](Self::instance).
    pub(crate) fn instance_mut(&mut self, id: Id, what: &str) -> Result<&mut Instance, Refusal> {
        self.instances
            .get_mut(&id)
            .ok_or_else(|| Refusal::not_found(what))
    }

    /// Whether an instance other than `except` has the name.
    pub(crate) fn is_name_taken(&self, name: &str, except: Option<Id>) -> bool {
        let mut others = self.instances.values();
        others.any(|instance| instance.name == name && Some(instance.id) != except)
    }

    /// Whether the account would take the order: everything that can be said without making anything.
    ///
    /// # Errors
    /// What is wrong first.
    pub(crate) fn check_order(&self, order: &Order) -> Result<(), Refusal> {
        let Some(plan) = self.offer.plan(&order.plan) else {
            return Err(Refusal::invalid(
                "plan",
                format!("unknown plan {:?}", order.plan),
            ));
        };
        if self.offer.region(&order.region).is_none() {
            let why = format!("unknown region {:?}", order.region);
            return Err(Refusal::invalid("region", why));
        }
        self.check_content(order)?;
        if !plan.regions.contains(&order.region) {
            let why = "the plan is not sold in the region";
            return Err(Refusal::new(Reason::WrongPair, why));
        }
        if self.rules.unique_names && self.is_name_taken(&order.name, None) {
            return Err(Refusal::new(Reason::NameTaken, "the name is already used").at("name"));
        }
        let own = self.instances.values().filter(|instance| !instance.foreign);
        if self.seed.quota.is_some_and(|most| own.count() >= most) {
            let why = "the limit of instances is reached";
            return Err(Refusal::new(Reason::Quota(Counted::Instances), why));
        }
        self.check_capacity(&order.plan, &order.region)
    }

    /// Whether what is to be on the instance makes sense.
    pub(crate) fn check_content(&self, order: &Order) -> Result<(), Refusal> {
        let disk_gb = self.offer.plan(&order.plan).map_or(0, |plan| plan.disk_gb);
        self.check_boots(&order.boots, disk_gb)?;
        for key in &order.keys {
            if !self.keys.contains_key(key) {
                return Err(Refusal::invalid("keys", format!("unknown SSH key {key}")));
            }
        }
        let bytes = order.user_data.as_ref().map_or(0, String::len);
        if bytes > self.rules.user_data_limit {
            let why = format!("too long, at most {} bytes", self.rules.user_data_limit);
            return Err(Refusal::invalid("user_data", why));
        }
        Ok(())
    }

    fn check_boots(&self, boots: &Boots, disk_gb: u64) -> Result<(), Refusal> {
        match boots {
            Boots::Image(image) => {
                if self.offer.image(image).is_none() {
                    return Err(Refusal::invalid(
                        "image",
                        format!("unknown image {image:?}"),
                    ));
                }
            }
            Boots::Snapshot(id) => {
                let Some(snapshot) = self.snapshots.get(id) else {
                    return Err(Refusal::invalid("image", "unknown snapshot"));
                };
                if !snapshot.ready {
                    return Err(Refusal::invalid("image", "the snapshot is not ready"));
                }
                if snapshot.disk_gb > disk_gb {
                    let why = format!("the disk is too small, {} GB are needed", snapshot.disk_gb);
                    return Err(Refusal::invalid("image", why));
                }
            }
        }
        Ok(())
    }

    fn check_capacity(&self, plan: &str, region: &str) -> Result<(), Refusal> {
        for shortage in &self.seed.capacity {
            if !shortage.concerns(plan, region) {
                continue;
            }
            let taken = self.instances.values().filter(|instance| {
                !instance.foreign && shortage.concerns(&instance.plan, &instance.region)
            });
            if taken.count() >= shortage.left {
                let why = "no machine of this plan is free in this region";
                return Err(Refusal::new(Reason::Capacity, why));
            }
        }
        Ok(())
    }

    /// Enters an instance; that the order is good was checked. Its machine is made by
    /// [`Sim::create_instance`](crate::cloud_sim::sim::Sim::create_instance).
    pub(crate) fn add_instance(
        &mut self,
        order: Order,
        injected: Injected,
        address: Option<fn(Id) -> Ipv4Addr>,
    ) -> Id {
        let id = self.next_id();
        let now = Instant::now();
        let clock = self.clock();
        let instance = Instance {
            id,
            name: order.name,
            phase: Phase::Ordered,
            plan: order.plan,
            region: order.region,
            boots: order.boots,
            user_data: order.user_data.map(SecretString::from),
            keys: order.keys,
            labels: order.labels,
            tags: order.tags,
            created: Timestamp::now(),
            protected: false,
            foreign: false,
            extra: order.extra,
            machine: None,
            removal: None,
            actions: Vec::new(),
            listed_from: now + clock.ours_ms(self.seed.listing_delay_ms),
            address: address.map(|address| address(id)),
            address_from: now + clock.ours_ms(self.rules.ip_delay_ms + injected.no_ip_ms),
        };
        self.instances.insert(id, instance);
        id
    }

    pub(super) fn add_foreign_instance(&mut self, number: usize) {
        let plan = self
            .offer
            .plans
            .iter()
            .find(|plan| !plan.regions.is_empty());
        let (Some(plan), Some(image)) = (plan, self.offer.images.first()) else {
            return;
        };
        let mut order = Order::new(
            format!("foreign-{number}"),
            plan.id.clone(),
            plan.regions[0].clone(),
            Boots::Image(image.id.clone()),
        );
        order.labels.insert("team".to_owned(), "other".to_owned());
        order.tags.insert("team:other".to_owned());
        let id = self.add_instance(order, Injected::default(), Some(Self::unused_address));
        if let Some(instance) = self.instances.get_mut(&id) {
            let now = Instant::now();
            instance.phase = Phase::Running;
            instance.foreign = true;
            instance.listed_from = now;
            instance.address_from = now;
        }
    }

    /// Enters a snapshot that is being made.
    pub(crate) fn add_snapshot(&mut self, instance: &Instance, name: String) -> Id {
        let id = self.next_id();
        let image = match &instance.boots {
            Boots::Image(image) => image.clone(),
            Boots::Snapshot(of) => self.snapshots.get(of).map_or_else(
                || {
                    self.offer
                        .images
                        .first()
                        .map_or_else(String::new, |image| image.id.clone())
                },
                |snapshot| snapshot.image.clone(),
            ),
        };
        let disk_gb = self
            .offer
            .plan(&instance.plan)
            .map_or(0, |plan| plan.disk_gb);
        let snapshot = Snapshot {
            id,
            name,
            instance: instance.id,
            instance_name: instance.name.clone(),
            region: instance.region.clone(),
            image,
            disk_gb,
            size_bytes: 1 << 30,
            ready: false,
            created: Timestamp::now(),
            labels: BTreeMap::new(),
            tags: BTreeSet::new(),
            protected: false,
            extra: Map::new(),
            handle: None,
        };
        self.snapshots.insert(id, snapshot);
        id
    }
}

impl Phase {
    /// In no cloud's words.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ordered => "ordered",
            Self::Running => "running",
            Self::Starting => "starting",
            Self::Stopping => "stopping",
            Self::Off => "off",
            Self::Rebuilding => "rebuilding",
            Self::Deleting => "deleting",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
