use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use rust_decimal::Decimal;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::offer::Price;
use super::sim::Sim;
use super::world::{Instance, World};

/// What is in the account of a simulator: the answer of `_sim/state`. Ids are as the API shows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct State {
    /// The instances, those of somebody else included.
    pub instances: Vec<InstanceState>,
    /// The SSH keys.
    pub keys: Vec<KeyState>,
    /// The snapshots of instances.
    pub snapshots: Vec<SnapshotState>,
    /// What only some clouds have, by kind: firewalls, tags and so on.
    pub others: BTreeMap<String, Vec<Value>>,
    /// What it costs as it is; what is somebody else's is not counted.
    pub cost: Cost,
}

/// One instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InstanceState {
    /// As the API shows it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `ordered`, `running`, `starting`, `stopping`, `off`, `rebuilding`, `deleting` or `failed`.
    pub state: String,
    /// The address, once the API shows it.
    pub address: Option<Ipv4Addr>,
    /// The plan.
    pub plan: String,
    /// The region.
    pub region: String,
    /// Keys and values, at clouds that have such.
    pub labels: BTreeMap<String, String>,
    /// Flat tags, at clouds that have such.
    pub tags: BTreeSet<String>,
    /// Ids of the SSH keys it was given.
    pub ssh_keys: Vec<String>,
    /// Its `user_data`, which itself is secret.
    pub user_data: Option<UserDataState>,
    /// Whether it is somebody else's.
    pub foreign: bool,
    /// What only this cloud says of its instances.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub extra: serde_json::Map<String, Value>,
}

/// What is told of a `user_data`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UserDataState {
    /// In bytes.
    pub length: usize,
    /// In hexadecimal digits.
    pub sha256: String,
}

/// One SSH key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeyState {
    /// As the API shows it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The line as it was uploaded.
    pub public_key: String,
    /// Whether it is somebody else's.
    pub foreign: bool,
}

/// One snapshot of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SnapshotState {
    /// As the API shows it.
    pub id: String,
    /// Its name or description.
    pub name: String,
    /// Id of the instance it was made of.
    pub instance: String,
    /// Whether it can be used.
    pub ready: bool,
}

/// What an account costs as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cost {
    /// ISO 4217 code.
    pub currency: String,
    /// An hour; snapshots, which are paid by the month, left out.
    pub hourly: Decimal,
    /// A month.
    pub monthly: Decimal,
    /// What runs for a term, at clouds that sell such.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contracts: Vec<Contract>,
}

/// Something that is paid until its end, whatever is done with it meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Contract {
    /// Id of the instance it is about, as the API shows it.
    pub instance: String,
    /// Its term, by which it is prolonged until it is cancelled.
    pub months: i64,
    /// What a month costs.
    pub monthly: Decimal,
    /// Whether it is not prolonged any more.
    pub cancelled: bool,
    /// The day it ends or, unless it is cancelled, is prolonged: `YYYY-MM-DD`.
    pub ends: String,
}

impl State {
    /// The instances that are not somebody else's.
    pub fn own_instances(&self) -> impl Iterator<Item = &InstanceState> {
        self.instances.iter().filter(|instance| !instance.foreign)
    }

    /// The SSH keys that are not somebody else's.
    pub fn own_keys(&self) -> impl Iterator<Item = &KeyState> {
        self.keys.iter().filter(|key| !key.foreign)
    }
}

impl Sim {
    /// What is in the account.
    pub(crate) fn state(&self) -> State {
        let world = self.world();
        let id = |id| self.cloud().id_text(id);
        let instance = |instance: &Instance| InstanceState {
            id: id(instance.id),
            name: instance.name.clone(),
            state: instance.phase.to_string(),
            address: instance.address(),
            plan: instance.plan.clone(),
            region: instance.region.clone(),
            labels: instance.labels.clone(),
            tags: instance.tags.clone(),
            ssh_keys: instance.keys.iter().copied().map(id).collect(),
            user_data: instance.user_data.as_ref().map(|text| UserDataState {
                length: text.expose_secret().len(),
                sha256: sha256(text.expose_secret()),
            }),
            foreign: instance.foreign,
            extra: instance.extra.clone(),
        };
        State {
            instances: world.instances.values().map(instance).collect(),
            keys: world
                .keys
                .values()
                .map(|key| KeyState {
                    id: id(key.id),
                    name: key.name.clone(),
                    public_key: key.line.clone(),
                    foreign: key.foreign,
                })
                .collect(),
            snapshots: world
                .snapshots
                .values()
                .map(|snapshot| SnapshotState {
                    id: self.cloud().snapshot_id_text(snapshot.id),
                    name: snapshot.name.clone(),
                    instance: id(snapshot.instance),
                    ready: snapshot.ready,
                })
                .collect(),
            others: world
                .others
                .iter()
                .filter(|(_, things)| !things.is_empty())
                .map(|(kind, things)| ((*kind).to_owned(), things.values().cloned().collect()))
                .collect(),
            cost: Cost {
                contracts: self.cloud().contracts(&world),
                ..cost(&world, self.cloud().other_costs(&world))
            },
        }
    }
}

fn cost(world: &World, others: Price) -> Cost {
    let own = world
        .instances
        .values()
        .filter(|instance| !instance.foreign);
    let prices: Vec<Price> = own
        .filter_map(|instance| Some(world.offer.plan(&instance.plan)?.price_in(&instance.region)))
        .collect();
    let gigabytes = |snapshot: &super::world::Snapshot| {
        Decimal::from(snapshot.size_bytes) / Decimal::from(1_000_000_000_u64)
    };
    let kept: Decimal = world.snapshots.values().map(gigabytes).sum();
    let hourly: Decimal = prices.iter().map(|price| price.hourly).sum();
    let monthly: Decimal = prices.iter().map(|price| price.monthly).sum();
    let snapshots = kept * world.offer.snapshot_gb_month;
    Cost {
        currency: world.offer.currency.to_owned(),
        hourly: (hourly + others.hourly).normalize(),
        monthly: (monthly + others.monthly + snapshots).normalize(),
        contracts: Vec::new(),
    }
}

fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
