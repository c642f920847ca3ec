//! What makes, changes and removes machines: the same for all clouds. Each begins an action and returns at once;
//! clouds without actions ignore its id.

use std::net::Ipv4Addr;
use std::sync::MutexGuard;

use secrecy::{ExposeSecret, SecretString};

use super::call::Call;
use super::id::Id;
use super::local::{LocalMachines, MachineOrder, MachineSource};
use super::refusal::{Counted, Reason, Refusal};
use super::sim::Sim;
use super::world::{
    Boots, Change, Due, Instance, Machine, Order, Phase, Power, Snapshot, SnapshotQuota, World,
};

/// Something that was begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    /// The instance, or the snapshot, that it is about.
    pub(crate) id: Id,
    /// The action that goes on.
    pub(crate) action: Id,
}

/// What an instance is to be from now on.
#[derive(Clone, Debug)]
pub(crate) struct Reinstallation {
    pub(crate) boots: Boots,
    /// `None`: what it had.
    pub(crate) user_data: Option<String>,
    /// `None`: those that it had.
    pub(crate) keys: Option<Vec<Id>>,
}

impl Sim {
    /// Orders an instance. What `call` says of faults is obeyed.
    ///
    /// # Errors
    /// Those of [`World::check_order`].
    pub(crate) fn create_instance(&self, call: &Call, order: Order) -> Result<Begun, Refusal> {
        let mut world = self.world();
        world.check_order(&order)?;
        let machines = self.parts().machines.as_ref();
        let address: Option<fn(Id) -> Ipv4Addr> = match machines {
            None => Some(World::unused_address),
            Some(_) => None,
        };
        let id = world.add_instance(order, call.injected, address);
        let due = self.due(&world, Change::Create, call, true);
        let action = world.begin(Change::Create, id, due);
        let real = !call.injected.stuck && machines.is_some();
        let order = real.then(|| machine_order(&world, id, call.injected.wrong_host_key));
        if let Some(order) = order.flatten() {
            self.make_machine(id, action, order);
        }
        Ok(Begun { id, action })
    }

    /// Removes an instance: at once or by and by, as the cloud's rules say.
    ///
    /// # Errors
    /// Not found, protected, or locked by a change other than its making: one may always give up.
    pub(crate) fn delete_instance(
        &self,
        call: &Call,
        id: Id,
        what: &str,
    ) -> Result<Begun, Refusal> {
        let mut world = self.world();
        let instance = world.instance(id, what)?;
        if instance.protected {
            let why = format!("{what} is protected from being removed");
            return Err(Refusal::new(Reason::Protected, why));
        }
        let lock = world.lock(id).filter(|_| world.rules.locks);
        if lock.is_some_and(|action| action.change != Change::Create && !action.is_stuck()) {
            return Err(locked(what));
        }
        let machine = instance.machine.clone();
        let is_being_made = self.parts().machines.is_some()
            && machine.is_none()
            && world.lock(id).is_some_and(|action| !action.is_stuck());
        let real = machine.is_some() || is_being_made;
        let due = self.due(&world, Change::Delete, call, real);
        let action = world.begin(Change::Delete, id, due);
        if call.injected.stuck {
            return Ok(Begun { id, action });
        }
        let at_once = world.rules.delete_at_once;
        if is_being_made {
            // Whoever makes it finds this, or nothing at all, and takes the machine away again.
            world.instance_mut(id, what)?.removal = Some(action);
        }
        if at_once {
            world.finish(action, Ok(()));
        }
        drop(world);
        if let Some(machine) = machine {
            self.take_machine_away(machine, (!at_once).then_some(action));
        }
        Ok(Begun { id, action })
    }

    /// Turns the power switch.
    ///
    /// # Errors
    /// Not found, locked.
    pub(crate) fn power(
        &self,
        call: &Call,
        id: Id,
        what: &str,
        turn: Power,
    ) -> Result<Begun, Refusal> {
        let mut world = self.unlocked(id, what)?;
        let instance = world.instance(id, what)?;
        let machine = instance.machine.clone();
        let done_already = match turn {
            Power::On => instance.phase == Phase::Running,
            Power::Off | Power::Shutdown => instance.phase == Phase::Off,
            Power::Reboot | Power::Reset => false,
        };
        let change = Change::Power(turn);
        let due = self.due(&world, change, call, machine.is_some());
        let action = world.begin(change, id, due);
        if done_already {
            world.finish(action, Ok(()));
        } else if let (Some(machine), false) = (machine, call.injected.stuck) {
            self.with_machines(move |sim, machines| async move {
                let done = machines.power(&machine, turn).await;
                sim.finish(action, done);
            });
        }
        Ok(Begun { id, action })
    }

    /// Makes a snapshot; [`Begun::id`] is its id.
    ///
    /// # Errors
    /// Not found, locked, or there are as many as there may be.
    pub(crate) fn create_snapshot(
        &self,
        call: &Call,
        id: Id,
        what: &str,
        name: &str,
    ) -> Result<Begun, Refusal> {
        let mut world = self.unlocked(id, what)?;
        let instance = world.instance(id, what)?.clone();
        let (there, most) = match world.rules.snapshot_quota {
            None => (0, usize::MAX),
            Some(SnapshotQuota::Account(most)) => (world.snapshots.len(), most),
            Some(SnapshotQuota::Instance(most)) => {
                let own = world.snapshots.values().filter(|own| own.instance == id);
                (own.count(), most)
            }
        };
        if there >= most {
            let why = format!("the limit of {most} snapshots is reached");
            return Err(Refusal::new(Reason::Quota(Counted::Snapshots), why));
        }
        let snapshot = world.add_snapshot(&instance, name.to_owned());
        let change = Change::Snapshot(snapshot);
        let real = instance.machine.is_some();
        let due = self.due(&world, change, call, real);
        let action = world.begin(change, id, due);
        if let (Some(machine), false) = (instance.machine, call.injected.stuck) {
            self.with_machines(move |sim, machines| async move {
                let taken = machines.snapshot(&machine, &snapshot.to_string()).await;
                let taken = taken.map(|(handle, size_bytes)| {
                    if let Some(entry) = sim.world().snapshots.get_mut(&snapshot) {
                        entry.handle = Some(handle);
                        entry.size_bytes = size_bytes;
                    }
                });
                sim.finish(action, taken);
            });
        }
        Ok(Begun {
            id: snapshot,
            action,
        })
    }

    /// Deletes a snapshot, at once.
    ///
    /// # Errors
    /// Not found, protected.
    pub(crate) fn delete_snapshot(&self, id: Id, what: &str) -> Result<Snapshot, Refusal> {
        let mut world = self.world();
        let snapshot = world
            .snapshots
            .get(&id)
            .ok_or_else(|| Refusal::not_found(what))?;
        if snapshot.protected {
            let why = format!("{what} is protected from being removed");
            return Err(Refusal::new(Reason::Protected, why));
        }
        let snapshot = snapshot.clone();
        world.snapshots.remove(&id);
        drop(world);
        if let Some(handle) = snapshot.handle.clone() {
            self.with_machines(move |_, machines| async move {
                machines.delete_snapshot(&handle).await;
            });
        }
        Ok(snapshot)
    }

    /// Wipes an instance and installs it anew. On the backend `local` it has another address afterwards.
    ///
    /// # Errors
    /// Not found, locked, or what is to be installed is unfit.
    pub(crate) fn reinstall(
        &self,
        call: &Call,
        id: Id,
        what: &str,
        wanted: Reinstallation,
    ) -> Result<Begun, Refusal> {
        let mut world = self.unlocked(id, what)?;
        let instance = world.instance(id, what)?;
        world.check_reinstallation(instance, &wanted)?;
        let old = instance.machine.clone();
        let instance = world.instance_mut(id, what)?;
        instance.boots = wanted.boots;
        if let Some(user_data) = wanted.user_data {
            instance.user_data = Some(SecretString::from(user_data));
        }
        if let Some(keys) = wanted.keys {
            instance.keys = keys;
        }
        instance.machine = None;
        let real = self.parts().machines.is_some() && !instance.foreign;
        let due = self.due(&world, Change::Rebuild, call, real);
        let action = world.begin(Change::Rebuild, id, due);
        if real && !call.injected.stuck {
            let order = machine_order(&world, id, call.injected.wrong_host_key);
            drop(world);
            self.with_machines(move |sim, machines| async move {
                if let Some(old) = old {
                    // The name must be free before it is used again.
                    if let Err(why) = machines.destroy(&old).await {
                        sim.finish(action, Err(why));
                        return;
                    }
                }
                if let Some(order) = order {
                    sim.make_machine(id, action, order);
                }
            });
        }
        Ok(Begun { id, action })
    }

    /// The account, of which one instance is to be changed.
    fn unlocked(&self, id: Id, what: &str) -> Result<MutexGuard<'_, World>, Refusal> {
        let world = self.world();
        world.instance(id, what)?;
        if world.rules.locks && world.lock(id).is_some() {
            return Err(locked(what));
        }
        Ok(world)
    }

    fn due(&self, world: &World, change: Change, call: &Call, real: bool) -> Due {
        if call.injected.stuck {
            Due::Never
        } else if real && self.parts().machines.is_some() {
            Due::WhenTold
        } else {
            Due::In(world.span_of(change))
        }
    }

    fn finish(&self, action: Id, outcome: Result<(), String>) {
        if let Err(why) = &outcome {
            tracing::warn!(%action, why, "an action of the simulator has failed");
        }
        self.world().finish(action, outcome);
        self.parts().changed.notify_waiters();
    }

    /// Runs something on the backend `local` beside the answer; it is waited for when the simulator stops.
    fn with_machines<F>(&self, work: impl FnOnce(Self, LocalMachines) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if let Some(machines) = &self.parts().machines {
            self.parts()
                .tasks
                .spawn(work(self.clone(), machines.clone()));
        }
    }

    fn make_machine(&self, id: Id, action: Id, order: MachineOrder) {
        self.with_machines(move |sim, machines| async move {
            match machines.create(order).await {
                Ok(machine) => sim.machine_is_made(id, action, machine).await,
                Err(why) => sim.machine_is_not_made(id, action, why),
            }
        });
    }

    async fn machine_is_made(&self, id: Id, action: Id, machine: Machine) {
        let (removal, runs_at) = {
            let mut world = self.world();
            let runs_at = world.runs_at(action);
            let removal = match world.instances.get_mut(&id) {
                None => Some(None),
                Some(instance) => {
                    instance.settle_on(machine.clone());
                    instance.removal.take().map(Some)
                }
            };
            (removal, runs_at)
        };
        self.parts().changed.notify_waiters();
        if let Some(removal) = removal {
            self.take_machine_away(machine, removal);
        } else {
            // It boots; clouds call it running some time after they know where it is.
            tokio::time::sleep_until(runs_at).await;
        }
        self.finish(action, Ok(()));
    }

    fn machine_is_not_made(&self, id: Id, action: Id, why: String) {
        let removal = {
            let mut world = self.world();
            let instance = world.instances.get_mut(&id);
            instance.and_then(|instance| instance.removal.take())
        };
        self.finish(action, Err(why));
        if let Some(removal) = removal {
            self.finish(removal, Ok(()));
        }
    }

    fn take_machine_away(&self, machine: Machine, then: Option<Id>) {
        self.with_machines(move |sim, machines| async move {
            let gone = machines.destroy(&machine).await;
            if let Some(action) = then {
                sim.finish(action, gone);
            }
        });
    }
}

impl World {
    fn check_reinstallation(
        &self,
        instance: &Instance,
        wanted: &Reinstallation,
    ) -> Result<(), Refusal> {
        let mut order = Order::new(
            instance.name.clone(),
            instance.plan.clone(),
            instance.region.clone(),
            wanted.boots.clone(),
        );
        order.user_data.clone_from(&wanted.user_data);
        order.keys = wanted.keys.clone().unwrap_or_default();
        self.check_content(&order)
    }
}

/// What the backend `local` is asked for; `None` when the instance is gone already.
fn machine_order(world: &World, id: Id, wrong_host_key: bool) -> Option<MachineOrder> {
    let instance = world.instances.get(&id)?;
    let source = match &instance.boots {
        Boots::Image(_) => MachineSource::System,
        Boots::Snapshot(snapshot) => match &world.snapshots.get(snapshot)?.handle {
            Some(handle) => MachineSource::Snapshot(handle.clone()),
            None => MachineSource::System,
        },
    };
    let user_data = instance
        .user_data
        .as_ref()
        .map_or("", |text| text.expose_secret());
    let keys = instance.keys.iter().filter_map(|key| world.keys.get(key));
    let login = instance.extra.get(Instance::LOGIN);
    let login = login.and_then(|login| login.as_str());
    Some(MachineOrder {
        id,
        name: instance.name.clone(),
        memory_mib: world
            .offer
            .plan(&instance.plan)
            .map_or(0, |plan| plan.memory_mib),
        source,
        user_data: SecretString::from(user_data),
        keys: keys.map(|key| key.line.clone()).collect(),
        login: login.map(str::to_owned),
        wrong_host_key,
    })
}

fn locked(what: &str) -> Refusal {
    Refusal::new(Reason::Locked, format!("{what} is locked"))
}
