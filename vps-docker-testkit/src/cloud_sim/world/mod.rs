//! The one account of a simulator and all that is in it: the same for every cloud, in no cloud's words.
//!
//! Changes that take time are [`Action`]s. On the backend `memory` their end is known as they begin and stands
//! in an agenda, which [`World::settle`] works off whenever somebody looks; on `local` a task says when they are
//! done. A stuck one never is.

mod action;
mod instance;
mod key;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::clock::Clock;
use super::id::Id;
use super::offer::Offer;
use super::seed::Seed;

pub(crate) use action::{Action, Change, Due, Power, Status};
pub(crate) use instance::{Boots, Instance, Machine, Order, Phase, Snapshot};
pub(crate) use key::Key;

/// How long a real machine is there before it is called running.
const MACHINE_MOMENT_MS: u64 = 300;

/// How a cloud behaves, as far as one can say it in numbers. The times are the provider's and may be
/// overridden by the seed.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// Two instances of one name are refused.
    pub(crate) unique_names: bool,
    /// Two SSH keys of one name are refused.
    pub(crate) unique_key_names: bool,
    /// The same SSH key twice is refused.
    pub(crate) unique_keys: bool,
    /// Most bytes of `user_data`, before any encoding of the API's.
    pub(crate) user_data_limit: usize,
    /// A change is refused while another one works on the same instance.
    pub(crate) locks: bool,
    /// An instance is gone with the answer to its removal; else the removal is an action that takes time.
    pub(crate) delete_at_once: bool,
    /// From the order until it runs.
    pub(crate) boot_ms: u64,
    /// From the order until the address is shown.
    pub(crate) ip_delay_ms: u64,
    /// A turn of the power switch.
    pub(crate) power_ms: u64,
    /// A removal, unless it is done at once.
    pub(crate) delete_ms: u64,
    /// A snapshot.
    pub(crate) snapshot_ms: u64,
    /// Most snapshots: of the account, or of one instance.
    pub(crate) snapshot_quota: Option<SnapshotQuota>,
}

/// What a limit of snapshots is counted by.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SnapshotQuota {
    Account(usize),
    #[allow(
        dead_code,
        reason = "what clouds use whose snapshots belong to their instance"
    )]
    Instance(usize),
}

/// The account. Reached by [`Sim::world`](super::sim::Sim::world), which settles what is due.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) offer: Offer,
    pub(crate) seed: Seed,
    pub(crate) rules: Rules,
    pub(crate) instances: BTreeMap<Id, Instance>,
    pub(crate) keys: BTreeMap<Id, Key>,
    pub(crate) snapshots: BTreeMap<Id, Snapshot>,
    pub(crate) actions: BTreeMap<Id, Action>,
    /// What only some clouds have (firewalls, tags, projects, …), by kind, as JSON of the cloud's own making.
    pub(crate) others: BTreeMap<&'static str, BTreeMap<Id, Value>>,
    clock: Clock,
    last_id: u64,
    agenda: BinaryHeap<Reverse<(Instant, Id)>>,
}

impl World {
    /// An account with what the seed puts into it.
    pub(crate) fn new(mut offer: Offer, mut rules: Rules, seed: Seed, clock: Clock) -> Self {
        if let Some(regions) = &seed.regions {
            offer.regions.clone_from(regions);
        }
        if let Some(plans) = &seed.plans {
            offer.plans.clone_from(plans);
        }
        rules.locks &= seed.locks;
        for (own, seeded) in [
            (&mut rules.boot_ms, seed.boot_ms),
            (&mut rules.ip_delay_ms, seed.ip_delay_ms),
            (&mut rules.power_ms, seed.power_ms),
            (&mut rules.snapshot_ms, seed.snapshot_ms),
        ] {
            *own = seeded.unwrap_or(*own);
        }
        if let Some(most) = seed.snapshot_quota {
            rules.snapshot_quota = Some(match rules.snapshot_quota {
                Some(SnapshotQuota::Instance(_)) => SnapshotQuota::Instance(most),
                _ => SnapshotQuota::Account(most),
            });
        }
        let mut world = Self {
            offer,
            seed,
            rules,
            instances: BTreeMap::new(),
            keys: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            actions: BTreeMap::new(),
            others: BTreeMap::new(),
            clock,
            last_id: 42_000_000,
            agenda: BinaryHeap::new(),
        };
        for number in 1..=world.seed.foreign_instances {
            world.add_foreign_instance(number);
        }
        for number in 1..=world.seed.foreign_keys {
            world.add_foreign_key(number);
        }
        world
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    /// A fresh id.
    pub(crate) fn next_id(&mut self) -> Id {
        self.last_id += 1;
        Id(self.last_id)
    }

    /// The things of a kind that only some clouds have.
    pub(crate) fn others(&mut self, kind: &'static str) -> &mut BTreeMap<Id, Value> {
        self.others.entry(kind).or_default()
    }

    /// Ends what is due.
    pub(crate) fn settle(&mut self) {
        let now = Instant::now();
        while let Some(Reverse((due, action))) = self.agenda.peek().copied() {
            if due > now {
                break;
            }
            self.agenda.pop();
            self.finish(action, Ok(()));
        }
    }

    /// Begins a change of an instance: a new action, and the phase that goes with it.
    pub(crate) fn begin(&mut self, change: Change, instance: Id, due: Due) -> Id {
        let id = self.add_action(change, instance, due);
        let instance = self.instances.get_mut(&instance);
        if let Some((instance, phase)) = instance.zip(change.phase_meanwhile()) {
            instance.phase = phase;
        }
        id
    }

    /// An action that says nothing of its own: it ends when, and as, another one does.
    pub(crate) fn accompany(&mut self, leader: Id, name: &'static str) -> Option<Id> {
        let instance = self.actions.get(&leader)?.instance;
        let id = self.add_action(Change::Other(name), instance, Due::WhenTold);
        let leader = self.actions.get_mut(&leader)?;
        leader.companions.push(id);
        Some(id)
    }

    /// An action that is over as it begins, for changes that take no time.
    pub(crate) fn instantly(&mut self, name: &'static str, resource: Id) -> Id {
        let id = self.add_action(Change::Other(name), resource, Due::WhenTold);
        self.finish(id, Ok(()));
        id
    }

    fn add_action(&mut self, change: Change, instance: Id, due: Due) -> Id {
        let id = self.next_id();
        let began = Instant::now();
        let stuck = matches!(due, Due::Never);
        let due = match due {
            Due::In(span) => Some(began + span),
            Due::WhenTold | Due::Never => None,
        };
        if let Some(due) = due {
            self.agenda.push(Reverse((due, id)));
        }
        let action = Action {
            id,
            change,
            instance,
            status: Status::Running,
            started: Timestamp::now(),
            finished: None,
            began,
            stuck,
            due,
            companions: Vec::new(),
        };
        self.actions.insert(id, action);
        if let Some(instance) = self.instances.get_mut(&instance) {
            instance.actions.push(id);
        }
        id
    }

    /// Ends an action, and does to the instance what it was for. Without effect on one that is over.
    pub(crate) fn finish(&mut self, id: Id, outcome: Result<(), String>) {
        let Some(action) = self.actions.get_mut(&id) else {
            return;
        };
        if action.status != Status::Running {
            return;
        }
        let late = action.due.map_or(Duration::ZERO, |due| due.elapsed());
        action.finished = Some(Timestamp::now() - late);
        action.status = match &outcome {
            Ok(()) => Status::Success,
            Err(why) => Status::Error(why.clone()),
        };
        let (change, instance) = (action.change, action.instance);
        let companions = std::mem::take(&mut action.companions);
        self.apply(change, instance, outcome.is_ok());
        for companion in companions {
            self.finish(companion, outcome.clone());
        }
    }

    fn apply(&mut self, change: Change, id: Id, done: bool) {
        match change {
            Change::Delete if done => self.forget_instance(id),
            Change::Snapshot(snapshot) => {
                if done {
                    if let Some(snapshot) = self.snapshots.get_mut(&snapshot) {
                        snapshot.ready = true;
                    }
                } else {
                    self.snapshots.remove(&snapshot);
                }
            }
            _ => {}
        }
        if let (Some(instance), Some(phase)) =
            (self.instances.get_mut(&id), change.phase_after(done))
        {
            // A removal goes on whatever else ends meanwhile.
            if instance.phase != Phase::Deleting || change == Change::Delete {
                instance.phase = phase;
            }
        }
    }

    /// Takes an instance out of the account, with what belongs to it alone: snapshots of clouds whose
    /// snapshots go with their instance.
    pub(crate) fn forget_instance(&mut self, id: Id) {
        self.instances.remove(&id);
        if matches!(self.rules.snapshot_quota, Some(SnapshotQuota::Instance(_))) {
            self.snapshots.retain(|_, snapshot| snapshot.instance != id);
        }
    }

    /// An action that still works on the instance, and keeps others from doing so.
    pub(crate) fn lock(&self, instance: Id) -> Option<&Action> {
        let own = self.instances.get(&instance)?.actions.iter();
        own.filter_map(|id| self.actions.get(id))
            .find(|action| action.is_running() && action.change.locks())
    }

    /// Whether the machine that an action makes is there, or will not be.
    pub(crate) fn has_machine(&self, action: Id) -> bool {
        let Some(action) = self.actions.get(&action) else {
            return true;
        };
        let instance = self.instances.get(&action.instance);
        let is_made = instance.is_none_or(|instance| instance.machine.is_some());
        is_made || !action.is_running() || action.is_stuck()
    }

    /// When an instance of the backend `local` is called running whose machine is there by now: as late as the
    /// seed says, and a moment later in any case.
    pub(crate) fn runs_at(&self, action: Id) -> Instant {
        let moment = Instant::now() + self.clock.ours_ms(MACHINE_MOMENT_MS);
        let began = self.actions.get(&action).map(|action| action.began);
        match (began, self.seed.boot_ms) {
            (Some(began), Some(boot)) => moment.max(began + self.clock.ours_ms(boot)),
            _ => moment,
        }
    }

    /// Whether an action still goes on, and will end.
    pub(crate) fn is_anything_under_way(&self) -> bool {
        // A companion of a stuck action is stuck with it.
        let mut actions = self.actions.values();
        actions.any(|own| {
            own.is_running() && !own.is_stuck() && !matches!(own.change, Change::Other(_))
        })
    }

    /// The instances that a listing shows by now.
    pub(crate) fn listed(&self) -> impl Iterator<Item = &Instance> {
        let now = Instant::now();
        let instances = self.instances.values();
        instances.filter(move |instance| instance.listed_from <= now)
    }

    /// An address of this machine (127.64.0.0/10): whoever tries it never leaves the machine, and meets nobody but
    /// what listens there on all addresses.
    pub(crate) fn unused_address(id: Id) -> Ipv4Addr {
        const RANGE: u32 = 0x7f40_0000;
        let offset = u32::try_from(id.0 % (1 << 22)).expect("22 bits");
        Ipv4Addr::from(RANGE + offset)
    }

    /// How long a change takes on the backend `memory`, in time of ours.
    pub(crate) fn span_of(&self, change: Change) -> Duration {
        self.clock.ours_ms(match change {
            Change::Create | Change::Rebuild => self.rules.boot_ms,
            Change::Snapshot(_) => self.rules.snapshot_ms,
            Change::Delete if self.rules.delete_at_once => 0,
            Change::Delete => self.rules.delete_ms,
            Change::Power(_) => self.rules.power_ms,
            Change::Other(_) => 0,
        })
    }
}
