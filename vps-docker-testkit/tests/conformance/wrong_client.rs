//! Clients that break one rule each: a correct client with a fault in front of it.

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::ExposeSecret;
use tokio::time::sleep;
use vps_docker_core::model::{
    BootImage, Catalog, DestroyOutcome, FirewallRules, HostTags, Instance, InstanceFilter,
    InstanceId, InstanceSnapshot, InstanceSpec, InstanceState, Limits, MachineSpec, PowerAction,
    SnapshotId, SshKey, SshKeyId, Tags, Timestamp,
};
use vps_docker_core::{Capabilities, Error, ErrorKind, Result, VpsClient};

use crate::fault::Fault;
use crate::memory_client::{MemoryClient, TOKEN, catalog, everything};

/// A correct client with a fault in front of it.
pub(crate) struct WrongClient {
    inner: MemoryClient,
    fault: Fault,
    promises: Capabilities,
    /// What some faults remember.
    past: Mutex<Past>,
}

#[derive(Default)]
struct Past {
    calls: Vec<String>,
    gone: Vec<Instance>,
    orders: Vec<(InstanceId, Tags)>,
    keys: Vec<(String, String, SshKeyId)>,
}

impl WrongClient {
    pub(crate) fn new(fault: Fault) -> Self {
        let (mut truth, mut promises) = (everything(), everything());
        match fault {
            Fault::PromisesTooMuch => truth = Capabilities::minimal(truth.user_data_limit),
            Fault::PromisesTooLittle => promises = Capabilities::minimal(truth.user_data_limit),
            Fault::ContradictsItself => promises.snapshots = false,
            Fault::BootsSnapshotsUnpromised => promises.create_from_snapshot = false,
            Fault::TakesANameTwice => promises.unique_names = true,
            Fault::RefusesANameInUse => truth.unique_names = true,
            Fault::AcceptsTooMuchUserData => truth.user_data_limit *= 2,
            Fault::AcceptsTooLittleUserData => truth.user_data_limit -= 1,
            Fault::TellsNoContract => promises.term_contract = true,
            _ => {}
        }
        Self::over(MemoryClient::new(truth), fault, promises)
    }

    fn over(inner: MemoryClient, fault: Fault, promises: Capabilities) -> Self {
        Self {
            inner,
            fault,
            promises,
            past: Mutex::default(),
        }
    }

    pub(crate) fn with_a_wrong_token(&self) -> Self {
        let inner = self.inner.with_a_wrong_token();
        Self::over(inner, self.fault, self.promises.clone())
    }

    /// Whether the same was asked for before.
    fn again(&self, call: String) -> bool {
        let calls = &mut self.past.lock().expect("whole").calls;
        let again = calls.contains(&call);
        calls.push(call);
        again
    }

    /// An error as this client tells of it.
    fn told<T>(&self, answer: Result<T>) -> Result<T> {
        answer.map_err(|error| match self.fault {
            Fault::SaysNotWhere => Error::new(error.kind(), "something went wrong"),
            Fault::SaysTooMuch => {
                Error::new(error.kind(), format!("sorry!\n{error}.")).with_operation("a call")
            }
            Fault::TellsItsTokenInErrors => error.with_note(format!("the token was {TOKEN}")),
            _ => error,
        })
    }

    /// Of what there is not, as if it were done.
    fn done<T>(&self, answer: Result<T>, done: T) -> Result<T> {
        match self.told(answer) {
            Err(error)
                if error.kind() == ErrorKind::NotFound && self.fault == Fault::CallsNothingDone =>
            {
                Ok(done)
            }
            other => other,
        }
    }

    async fn order(&self, spec: &InstanceSpec) -> Result<Instance> {
        let mut sent = spec.clone();
        let default_image = BootImage::Catalog("debian-13".into());
        let is_unknown = |id: &str| id.contains("no-such");
        match (self.fault, &spec.image) {
            (Fault::ForgetsTags, _) | (Fault::SetsTagsInASecondCall, _) => sent.tags.clear(),
            (Fault::LosesEmptyValues, _) => sent.tags.retain(|_, value| !value.is_empty()),
            (Fault::CutsNames, _) => sent.name.truncate(40),
            (Fault::OrdersAnotherPlan, _) if spec.plan == "small" => sent.plan = "large".into(),
            (Fault::AcceptsAnyRegion, _) => sent.region = "north".into(),
            (Fault::RefusesKeys, _) if !spec.ssh_keys.is_empty() => {
                return Err(Error::new(
                    ErrorKind::NotFound,
                    "there is no key of that name",
                ));
            }
            (Fault::BootsTheDefaultInstead, BootImage::Snapshot(id)) if is_unknown(id.as_str()) => {
                sent.image = default_image;
            }
            (Fault::LosesTheTagsOfCopies, BootImage::Snapshot(_)) => sent.tags.clear(),
            (Fault::MakesAndThenRefuses, BootImage::Catalog(id)) if is_unknown(id) => {
                sent.image = default_image;
                self.inner.create_instance(&sent).await?;
                return Err(Error::new(ErrorKind::Invalid, "there is no such image"));
            }
            (Fault::BlamesTheProvider, _) if is_unknown(&spec.plan) => {
                let error = Error::new(ErrorKind::Provider, "it failed").retryable();
                return Err(error.with_operation("create_instance"));
            }
            (Fault::LogsUserData, _) => {
                tracing::trace!(user_data = spec.user_data.expose_secret(), "ordering");
            }
            _ => {}
        }
        let made = self.inner.create_instance(&sent).await?;
        match self.fault {
            Fault::SetsTagsInASecondCall => {
                sleep(Duration::from_millis(30)).await;
                self.inner.set_tags(&made.id, &spec.tags).await?;
                return self.inner.instance(&made.id).await;
            }
            Fault::SendsACreateTwice => drop(self.inner.create_instance(&sent).await?),
            Fault::AnswersWithTheLast => {
                let all = self
                    .inner
                    .list_instances(&InstanceFilter::default())
                    .await?;
                let age = |instance: &Instance| instance.id.as_str()[2..].parse::<u64>().ok();
                return Ok(all.into_iter().max_by_key(age).expect("one was made"));
            }
            _ => {}
        }
        let order = (made.id.clone(), spec.tags.clone());
        self.past.lock().expect("whole").orders.push(order);
        Ok(made)
    }

    async fn list(&self, filter: &InstanceFilter) -> Result<Vec<Instance>> {
        let all = InstanceFilter::default();
        let mut listed = match self.inner.list_instances(&all).await {
            Err(_) if self.fault == Fault::TakesAnErrorForNothing => return Ok(Vec::new()),
            other => other?,
        };
        let first_tags = |instance: &Instance| {
            let past = self.past.lock().expect("whole");
            let mut orders = past.orders.iter().filter(|(id, _)| *id == instance.id);
            orders
                .next()
                .map_or_else(Tags::new, |(_, tags)| tags.clone())
        };
        let matches = |instance: &Instance| match (self.fault, &filter.tag) {
            (Fault::DoesNotFilter, _) => true,
            (Fault::FiltersByKeyAlone, Some((key, _))) => instance.tags.contains_key(key),
            (Fault::FiltersByBeginnings, Some((key, value))) => {
                instance.tags.iter().any(|(k, v)| {
                    k.starts_with(key.as_str())
                        && v.starts_with(value.as_deref().unwrap_or_default())
                })
            }
            (Fault::TakesNoValueForAnEmptyOne, Some((key, None))) => {
                instance.tag(key).is_some_and(str::is_empty)
            }
            (Fault::WantsAFilter, None) => false,
            (Fault::FiltersByOldTags, _) => filter.matches(&first_tags(instance)),
            _ => filter.matches(&instance.tags),
        };
        listed.retain(matches);
        match self.fault {
            Fault::ListsTheFirstPage => listed.truncate(20),
            Fault::ListsOldStates => listed
                .iter_mut()
                .for_each(|instance| instance.state = InstanceState::Provisioning),
            _ => {}
        }
        Ok(listed)
    }

    async fn look(&self, id: &InstanceId) -> Result<Instance> {
        let gone = |past: &Past| past.gone.iter().find(|gone| gone.id == *id).cloned();
        let gone = gone(&self.past.lock().expect("whole"));
        let seen = self.inner.instance(id).await;
        let mut seen = match (self.fault, seen, gone) {
            (Fault::RemembersWhatIsGone, Err(_), Some(gone)) => gone,
            (Fault::MakesUpAState, Err(error), _) if error.kind() == ErrorKind::NotFound => {
                Instance::new(id.clone(), "", InstanceState::Unknown("gone".into()))
            }
            (_, seen, _) => seen?,
        };
        match self.fault {
            Fault::RunsWithoutAddress => {
                seen.state = InstanceState::Running;
                seen.address = None;
            }
            Fault::TellsZerosForAnAddress => {
                seen.address.get_or_insert([0, 0, 0, 0].into());
            }
            _ => {}
        }
        Ok(seen)
    }

    async fn destroy(&self, id: &InstanceId) -> Result<DestroyOutcome> {
        let there = self.inner.instance(id).await;
        match (self.fault, &there) {
            (Fault::FailsToDestroyTwice, Err(_)) => {
                return there.map(|_| DestroyOutcome::Gone);
            }
            (Fault::TakesAnErrorForGone, Err(_)) => return Ok(DestroyOutcome::Gone),
            (Fault::DestroysAllOfAnOwner, Ok(instance)) => {
                let owner = instance.tag(HostTags::OWNER).unwrap_or_default();
                let filter = InstanceFilter::tagged(HostTags::OWNER, owner);
                for instance in self.inner.list_instances(&filter).await? {
                    self.inner.destroy_instance(&instance.id).await?;
                }
            }
            (Fault::RemembersWhatIsGone, Ok(instance)) => {
                self.past.lock().expect("whole").gone.push(instance.clone());
            }
            (Fault::TakesSnapshotsAlong, Ok(_)) => {
                for snapshot in self.inner.list_snapshots().await? {
                    if snapshot.instance_id.as_ref() == Some(id) {
                        self.inner.delete_snapshot(&snapshot.id).await?;
                    }
                }
            }
            _ => {}
        }
        let outcome = self.inner.destroy_instance(id).await?;
        Ok(match self.fault {
            Fault::TellsOfAContract if there.is_ok() => {
                DestroyOutcome::EndsAt(Timestamp::now().plus(Duration::from_secs(3600)))
            }
            _ => outcome,
        })
    }

    async fn ensure_key(&self, name: &str, line: &str) -> Result<SshKeyId> {
        let known = |is_same: fn(&(String, String, SshKeyId), &str, &str) -> bool| {
            let past = self.past.lock().expect("whole");
            let mut keys = past.keys.iter().filter(|key| is_same(key, name, line));
            keys.next().map(|(_, _, id)| id.clone())
        };
        match self.fault {
            Fault::KnowsKeysByName => {
                if let Some(id) = known(|key, name, _| key.0 == name) {
                    return Ok(id);
                }
            }
            Fault::HasOneKey => {
                if let Some(id) = known(|_, _, _| true) {
                    return Ok(id);
                }
            }
            Fault::KnowsKeysByLine => {
                self.inner.ensure_ssh_key(name, line).await?;
                return Ok(SshKeyId::new(line));
            }
            Fault::RefusesKnownKeys => {
                let keys = self.inner.list_ssh_keys().await?.len();
                let id = self.inner.ensure_ssh_key(name, line).await?;
                if self.inner.list_ssh_keys().await?.len() == keys {
                    return Err(Error::new(ErrorKind::Invalid, "the key is in use already"));
                }
                return Ok(id);
            }
            Fault::AcceptsAnyKey if !line.contains("AAAAC3") => return Ok(SshKeyId::new("any")),
            _ => {}
        }
        let id = self.inner.ensure_ssh_key(name, line).await?;
        let key = (name.to_owned(), line.to_owned(), id.clone());
        self.past.lock().expect("whole").keys.push(key);
        Ok(id)
    }

    fn offer(&self) -> Catalog {
        let mut offer = catalog();
        match self.fault {
            Fault::OffersPlansWithoutMemory => offer.plans[1].memory_mib = 0,
            Fault::OffersTwoOfOneId => offer.plans.push(offer.plans[0].clone()),
            Fault::OffersADefaultThatIsElsewhere => offer.plans[0].regions = vec!["south".into()],
            Fault::NamesARegionThatIsNot => offer.plans[1].regions.push("moon".into()),
            Fault::CostsLessThanNothing => {
                let price = &mut offer.plans[1].price;
                let hourly = price.hourly.as_mut().expect("it is told");
                hourly.amount = -hourly.amount;
            }
            _ => {}
        }
        offer
    }
}

impl fmt::Debug for WrongClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            Fault::ShowsItsToken => write!(f, "WrongClient {{ token: {TOKEN:?} }}"),
            fault => write!(f, "WrongClient({fault:?})"),
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl VpsClient for WrongClient {
    fn provider_name(&self) -> &str {
        self.inner.provider_name()
    }

    fn capabilities(&self) -> Capabilities {
        self.promises.clone()
    }

    async fn create_instance(&self, spec: &InstanceSpec) -> Result<Instance> {
        self.told(self.order(spec).await)
    }

    async fn adopt_machine(&self, machine: &MachineSpec) -> Result<Instance> {
        if self.fault == Fault::PromisesTooLittle {
            let id = InstanceId::new("adopted");
            let mut adopted = Instance::new(id, &machine.name, InstanceState::Running);
            adopted.tags.clone_from(&machine.tags);
            return Ok(adopted);
        }
        self.told(self.inner.adopt_machine(machine).await)
    }

    async fn instance(&self, id: &InstanceId) -> Result<Instance> {
        self.told(self.look(id).await)
    }

    async fn list_instances(&self, filter: &InstanceFilter) -> Result<Vec<Instance>> {
        self.told(self.list(filter).await)
    }

    async fn destroy_instance(&self, id: &InstanceId) -> Result<DestroyOutcome> {
        self.told(self.destroy(id).await)
    }

    async fn ensure_ssh_key(&self, name: &str, public_key: &str) -> Result<SshKeyId> {
        self.told(self.ensure_key(name, public_key).await)
    }

    async fn catalog(&self) -> Result<Catalog> {
        self.told(self.inner.catalog().await.map(|_| self.offer()))
    }

    async fn set_tags(&self, id: &InstanceId, tags: &Tags) -> Result<()> {
        let mut tags = tags.clone();
        match self.fault {
            Fault::MergesTags => {
                let old = self.inner.instance(id).await?.tags;
                tags = old.into_iter().chain(tags).collect();
            }
            Fault::SetsTagsOnce if self.again(format!("set_tags {id} {tags:?}")) => {
                return Err(Error::new(ErrorKind::Invalid, "it has such a tag already"));
            }
            _ => {}
        }
        self.done(self.inner.set_tags(id, &tags).await, ())
    }

    async fn rename_instance(&self, id: &InstanceId, name: &str) -> Result<()> {
        let renamed = self.inner.rename_instance(id, name).await;
        if renamed.is_ok() && self.fault == Fault::DropsTagsOnRename {
            self.inner.set_tags(id, &Tags::new()).await?;
        }
        self.told(renamed)
    }

    async fn power(&self, id: &InstanceId, action: PowerAction) -> Result<()> {
        let action = match (self.fault, action) {
            (Fault::DoesNotSwitchOff, PowerAction::Off) => PowerAction::On,
            (Fault::EndsARebootStopped, PowerAction::Reboot) => PowerAction::Off,
            (_, action) => action,
        };
        self.told(self.inner.power(id, action).await)
    }

    async fn create_snapshot(&self, id: &InstanceId, name: &str) -> Result<InstanceSnapshot> {
        let name = match self.fault {
            Fault::CutsNamesOfSnapshots => &name[..name.len().min(30)],
            _ => name,
        };
        let nothing = InstanceSnapshot::new(SnapshotId::new("nothing"), name);
        self.done(self.inner.create_snapshot(id, name).await, nothing)
    }

    async fn list_snapshots(&self) -> Result<Vec<InstanceSnapshot>> {
        self.told(self.inner.list_snapshots().await)
    }

    async fn delete_snapshot(&self, id: &SnapshotId) -> Result<()> {
        let known = self.inner.list_snapshots().await.unwrap_or_default();
        if self.fault == Fault::FailsToDeleteTwice && known.iter().all(|known| known.id != *id) {
            return Err(Error::new(ErrorKind::NotFound, "there is no such snapshot"));
        }
        self.told(self.inner.delete_snapshot(id).await)
    }

    async fn firewall(&self, id: &InstanceId, rules: &FirewallRules) -> Result<()> {
        if self.fault == Fault::AddsToTheFirewall && self.again(format!("firewall {id} {rules:?}"))
        {
            return Err(Error::new(
                ErrorKind::Invalid,
                "there is such a rule already",
            ));
        }
        self.told(self.inner.firewall(id, rules).await)
    }

    async fn limits(&self) -> Result<Limits> {
        self.told(self.inner.limits().await)
    }

    async fn list_ssh_keys(&self) -> Result<Vec<SshKey>> {
        if self.fault == Fault::HidesKeys {
            return Ok(Vec::new());
        }
        self.told(self.inner.list_ssh_keys().await)
    }

    async fn delete_ssh_key(&self, id: &SshKeyId) -> Result<()> {
        if self.fault == Fault::FailsToDeleteTwice && self.again(format!("delete_ssh_key {id}")) {
            return Err(Error::new(ErrorKind::NotFound, "there is no such key"));
        }
        self.told(self.inner.delete_ssh_key(id).await)
    }
}
