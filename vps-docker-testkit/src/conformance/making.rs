//! What behaviours do with a subject over and over: order, look, wait.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use vps_docker_core::keys::KeyPair;
use vps_docker_core::model::{
    BootImage, HostId, HostName, HostTags, Instance, InstanceFilter, InstanceId, InstanceSnapshot,
    InstanceSnapshotName, InstanceSpec, InstanceState, OwnerId, SnapshotName, SshKeyId,
};
use vps_docker_core::{Result, VpsClientExt};

use super::expect::ok;
use super::subject::Subject;

/// How long what a test orders may live unfinished, as its tags say.
const LIFE: Duration = Duration::from_secs(3600);

/// What is ordered where nothing else is asked for.
#[derive(Clone, Debug)]
pub(super) struct Choices {
    region: String,
    plan: String,
    image: String,
}

/// An order with its answer.
#[derive(Debug)]
pub(super) struct Ordered {
    pub(super) spec: InstanceSpec,
    pub(super) tags: HostTags,
    pub(super) instance: Instance,
}

impl Ordered {
    pub(super) fn id(&self) -> &InstanceId {
        &self.instance.id
    }
}

/// Sixteen characters of `a-z` and `2-7` that nobody else has.
pub(super) fn random_text() -> String {
    OwnerId::random().to_string()
}

/// What looks like the pin of a key: 256 bits in 52 characters, so the last one is half empty.
fn pin() -> String {
    let random: String = (0..4).map(|_| random_text()).collect();
    format!("{}a", &random[..51])
}

/// The line of a public key that nobody else has.
pub(super) fn public_key(comment: &str) -> String {
    let pair = KeyPair::generate(comment).expect("a comment of one line");
    pair.public().openssh()
}

/// Instances that carry the owner's tag.
pub(super) fn owned_by(owner: &OwnerId) -> InstanceFilter {
    InstanceFilter::tagged(HostTags::OWNER, owner.as_str())
}

impl Subject {
    /// A name that nothing else has, legal wherever a host's name is.
    pub(super) fn unique_name(&self) -> String {
        format!("{}-{}", self.prefix, random_text())
    }

    /// The tags of a host of that name, complete.
    pub(super) fn tags_for(&self, name: &str, owner: &OwnerId) -> HostTags {
        let name = HostName::new(name).expect("the suite's names are legal");
        let mut tags = HostTags::unfinished(HostId::random(), name, owner.clone(), LIFE);
        tags.pin = Some(pin());
        tags
    }

    /// An order of an instance of that name.
    pub(super) async fn spec_named(&self, name: &str, tags: &HostTags) -> InstanceSpec {
        let Choices {
            region,
            plan,
            image,
        } = self.choices().await;
        InstanceSpec {
            name: name.to_owned(),
            region,
            plan,
            image: BootImage::Catalog(image),
            user_data: format!("{}# {}\n", self.user_data, self.mark).into(),
            ssh_keys: Vec::new(),
            tags: tags.to_tags(),
        }
    }

    /// An order like any other.
    pub(super) async fn spec(&self) -> InstanceSpec {
        let name = self.unique_name();
        let tags = self.tags_for(&name, &self.owner);
        self.spec_named(&name, &tags).await
    }

    async fn choices(&self) -> Choices {
        let look = async || {
            let catalog = ok("catalog", self.client.catalog().await);
            let region = ok(
                "the choice of a region",
                catalog.region(self.region.as_deref()),
            );
            let plan = ok("the choice of a plan", catalog.plan(self.plan.as_deref()));
            let image = ok(
                "the choice of an image",
                catalog.image(self.image.as_deref()),
            );
            Choices {
                region: region.id.clone(),
                plan: plan.id.clone(),
                image: image.id.clone(),
            }
        };
        self.choices.get_or_init(look).await.clone()
    }

    /// Sends an order; an instance that comes of it is removed at the end.
    pub(super) async fn try_order(&self, spec: &InstanceSpec) -> Result<Instance> {
        self.made().tried_instances = true;
        let answer = self.client.create_instance(spec).await;
        if let Ok(instance) = &answer {
            self.made().instances.push(instance.id.clone());
        }
        answer
    }

    /// Orders an instance, which must succeed.
    pub(super) async fn order(&self) -> Ordered {
        self.order_for(&self.owner).await
    }

    /// The same, for another owner.
    pub(super) async fn order_for(&self, owner: &OwnerId) -> Ordered {
        let name = self.unique_name();
        self.order_named(&name, owner).await
    }

    /// The same, with a name.
    pub(super) async fn order_named(&self, name: &str, owner: &OwnerId) -> Ordered {
        let tags = self.tags_for(name, owner);
        let spec = self.spec_named(name, &tags).await;
        let instance = ok("create_instance", self.try_order(&spec).await);
        Ordered {
            spec,
            tags,
            instance,
        }
    }

    /// Orders an instance and waits until it runs and has an address.
    pub(super) async fn order_and_boot(&self) -> Ordered {
        let mut ordered = self.order().await;
        ordered.instance = self.wait_until_it_runs(ordered.id()).await;
        ordered
    }

    pub(super) async fn wait_until_it_runs(&self, id: &InstanceId) -> Instance {
        let runs = |instance: &Instance| {
            instance.state == InstanceState::Running && instance.address.is_some()
        };
        let deadline = Instant::now() + self.deadline;
        let what = "the instance to run with an address";
        let waited = self.client.wait_for_instance(id, what, deadline, &runs);
        ok("the wait for the instance to run", waited.await)
    }

    /// One look at an instance, which must be there.
    pub(super) async fn look(&self, id: &InstanceId) -> Instance {
        ok("instance", self.client.instance(id).await)
    }

    /// One listing, which must succeed.
    pub(super) async fn list(&self, filter: &InstanceFilter) -> Vec<Instance> {
        ok("list_instances", self.client.list_instances(filter).await)
    }

    /// The instance as the first listing tells of it that has it: a listing may be late.
    pub(super) async fn first_listing(&self, id: &InstanceId, filter: &InstanceFilter) -> Instance {
        let what = format!("the instance {id} to be listed by {filter:?}");
        self.eventually(&what, async || {
            let mut listed = self.list(filter).await;
            listed.retain(|instance| instance.id == *id);
            assert!(
                listed.len() < 2,
                "the listing by {filter:?} has the instance {id} more than once"
            );
            listed.pop()
        })
        .await
    }

    /// Looks again until there is an answer.
    pub(super) async fn eventually<T>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> Option<T>,
    ) -> T {
        let mut pauses = Pauses::until(Instant::now() + self.deadline);
        loop {
            if let Some(answer) = look().await {
                return answer;
            }
            let in_time = pauses.next().await;
            assert!(
                in_time,
                "the wait for {what} took longer than {:?}",
                self.deadline
            );
        }
    }

    /// Panics when an order that was refused has left something, by its name or its owner.
    pub(super) async fn assert_nothing_was_made(&self, spec: &InstanceSpec, what: &str) {
        self.assert_there_is_none(&spec.name, what).await;
        let owned = self.list(&owned_by(&self.owner)).await;
        assert!(
            owned.is_empty(),
            "{what} was refused, and yet there is an instance of its owner: {:?}",
            owned[0].id
        );
    }

    /// Panics when there is an instance of the name of an order that was refused.
    pub(super) async fn assert_there_is_none(&self, name: &str, what: &str) {
        let mut made = self.list(&InstanceFilter::default()).await;
        made.retain(|instance| instance.name == name);
        self.made()
            .instances
            .extend(made.iter().map(|instance| instance.id.clone()));
        assert!(
            made.is_empty(),
            "{what} was refused, and yet there is an instance of it: {:?}",
            made[0].id
        );
    }

    /// Makes a key known, which must succeed; it is forgotten at the end.
    pub(super) async fn key(&self, name: &str, line: &str) -> SshKeyId {
        let answer = self.client.ensure_ssh_key(name, line).await;
        let id = ok("ensure_ssh_key", answer);
        self.made().keys.push(id.clone());
        id
    }

    /// What the engine calls a snapshot.
    pub(super) fn snapshot_name(&self) -> String {
        let name = InstanceSnapshotName {
            owner: self.owner.clone(),
            host: HostId::random(),
            name: SnapshotName::new("before-the-upgrade").expect("legal"),
        };
        name.to_string()
    }

    /// Makes a snapshot, which must succeed; it is deleted at the end.
    pub(super) async fn snapshot(&self, id: &InstanceId, name: &str) -> InstanceSnapshot {
        self.made().tried_snapshots = true;
        let answer = self.client.create_snapshot(id, name).await;
        let snapshot = ok("create_snapshot", answer);
        self.made().snapshots.push(snapshot.id.clone());
        snapshot
    }
}

/// Pauses between looks, short at first, until a deadline.
#[derive(Debug)]
pub(super) struct Pauses {
    deadline: Instant,
    pause: Duration,
}

impl Pauses {
    pub(super) fn until(deadline: Instant) -> Self {
        Self {
            deadline,
            pause: Duration::from_millis(20),
        }
    }

    /// Waits for the next look; false when it would come after the deadline.
    pub(super) async fn next(&mut self) -> bool {
        let next = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(Duration::from_secs(2));
        if next >= self.deadline {
            return false;
        }
        sleep_until(next).await;
        true
    }
}
