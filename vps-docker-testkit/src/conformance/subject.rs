use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use secrecy::SecretString;
use tokio::sync::OnceCell;
use vps_docker_core::model::{Instance, InstanceId, OwnerId, SnapshotId, SshKeyId};
use vps_docker_core::{Capabilities, VpsClient};

use super::making::{Choices, random_text};

/// A client under test, with what the suite has to know of it. Made anew for every test.
pub struct Subject {
    pub(super) client: Arc<dyn VpsClient>,
    pub(super) wrong_credentials: Option<Arc<dyn VpsClient>>,
    pub(super) many: Option<usize>,
    pub(super) deadline: Duration,
    pub(super) settling: Duration,
    pub(super) region: Option<String>,
    pub(super) plan: Option<String>,
    pub(super) image: Option<String>,
    pub(super) user_data: String,
    pub(super) prefix: String,
    pub(super) secrets: Vec<SecretString>,
    /// Stands in every document that is sent, to be looked for where it must not be.
    pub(super) mark: String,
    pub(super) owner: OwnerId,
    /// Whose instances must not be taken for the owner's.
    pub(super) stranger: OwnerId,
    pub(super) choices: OnceCell<Choices>,
    pub(super) booted: Option<Booted>,
    made: Mutex<Made>,
    /// Dropped last.
    _kept: Vec<Mutex<Box<dyn Any + Send>>>,
}

/// Waits until a machine that runs has booted.
pub(super) type Booted = Box<dyn Fn(Instance) -> BoxFuture<'static, ()> + Send + Sync>;

/// What the test knows to have made, and whether it has tried to make more.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) tried_instances: bool,
    pub(super) tried_snapshots: bool,
    pub(super) instances: Vec<InstanceId>,
    pub(super) snapshots: Vec<SnapshotId>,
    pub(super) keys: Vec<SshKeyId>,
}

impl Subject {
    /// Begins a subject; all but the client has a default.
    #[must_use]
    pub fn builder(client: Arc<dyn VpsClient>) -> SubjectBuilder {
        SubjectBuilder(Self {
            client,
            wrong_credentials: None,
            many: None,
            deadline: Duration::from_secs(300),
            settling: Duration::from_secs(1),
            region: None,
            plan: None,
            image: None,
            user_data: "#cloud-config\n{}\n".to_owned(),
            prefix: "conformance".to_owned(),
            secrets: Vec::new(),
            mark: format!("secret-{}", random_text()),
            owner: OwnerId::random(),
            stranger: OwnerId::random(),
            choices: OnceCell::new(),
            booted: None,
            made: Mutex::default(),
            _kept: Vec::new(),
        })
    }

    /// The client under test.
    #[must_use]
    pub fn client(&self) -> &dyn VpsClient {
        self.client.as_ref()
    }

    /// Whose tag everything has that this subject's test makes.
    #[must_use]
    pub fn owner(&self) -> &OwnerId {
        &self.owner
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        self.client.capabilities()
    }

    pub(super) fn made(&self) -> MutexGuard<'_, Made> {
        // A test that panicked has still made what it made.
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("provider", &self.client.provider_name())
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

/// Builds a [`Subject`].
#[derive(Debug)]
pub struct SubjectBuilder(Subject);

impl SubjectBuilder {
    /// How long anything may take that takes its time: a boot, a removal, a late listing. Default: five
    /// minutes.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.0.deadline = deadline;
        self
    }

    /// How long it may take until an order that was dropped has come to something: that long a test looks
    /// for an instance without a marker. Default: one second.
    #[must_use]
    pub fn settling(mut self, time: Duration) -> Self {
        self.0.settling = time;
        self
    }

    /// A second client of the same provider whose credentials are well-formed and wrong. Default: none;
    /// then wrong credentials are not tried.
    #[must_use]
    pub fn wrong_credentials(mut self, client: Arc<dyn VpsClient>) -> Self {
        self.0.wrong_credentials = Some(client);
        self
    }

    /// That so many instances at a time cost little, and are more than a page of a listing holds. Default:
    /// none; then the reading of all pages is not tried.
    #[must_use]
    pub fn many(mut self, instances: usize) -> Self {
        self.0.many = Some(instances);
        self
    }

    /// Where to order. Default: the catalogue's first region.
    #[must_use]
    pub fn region(mut self, id: impl Into<String>) -> Self {
        self.0.region = Some(id.into());
        self
    }

    /// What to order. Default: the catalogue's first plan.
    #[must_use]
    pub fn plan(mut self, id: impl Into<String>) -> Self {
        self.0.plan = Some(id.into());
        self
    }

    /// What to boot. Default: the catalogue's first image.
    #[must_use]
    pub fn image(mut self, id: impl Into<String>) -> Self {
        self.0.image = Some(id.into());
        self
    }

    /// The cloud-init document of every order; the suite adds lines of comment. Default: an empty one.
    #[must_use]
    pub fn user_data(mut self, document: impl Into<String>) -> Self {
        self.0.user_data = document.into();
        self
    }

    /// What names at the provider begin with: at most 20 characters of `a-z`, `0-9` and `-`, beginning with
    /// a letter. Default: `conformance`.
    #[must_use]
    pub fn name_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.0.prefix = prefix.into();
        self
    }

    /// Adds a secret that the client was given: it must be seen nowhere. Name each of them.
    #[must_use]
    pub fn secret(mut self, secret: impl Into<SecretString>) -> Self {
        self.0.secrets.push(secret.into());
        self
    }

    /// How a test waits until the system of an instance that runs has come up, where it must have before it
    /// is switched off: one that still boots does not hear it, and is cut off when its time is over. Default:
    /// not at all.
    #[must_use]
    pub fn booted<W>(mut self, wait: impl Fn(Instance) -> W + Send + Sync + 'static) -> Self
    where
        W: Future<Output = ()> + Send + 'static,
    {
        self.0.booted = Some(Box::new(move |instance| Box::pin(wait(instance))));
        self
    }

    /// Keeps something until the test has ended and its things are removed, such as a simulator that stops
    /// when it is dropped.
    #[must_use]
    pub fn keeping(mut self, value: impl Any + Send) -> Self {
        self.0._kept.push(Mutex::new(Box::new(value)));
        self
    }

    /// The subject.
    ///
    /// # Panics
    /// When the prefix of names is not as [`name_prefix`](Self::name_prefix) says.
    #[must_use]
    pub fn build(self) -> Subject {
        let prefix = &self.0.prefix;
        let legal = prefix.len() <= 20
            && prefix.starts_with(|c: char| c.is_ascii_lowercase())
            && prefix
                .chars()
                .all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-'));
        assert!(
            legal,
            "the name prefix {prefix:?} is unfit; use 1 to 20 characters of a-z, 0-9 and '-', beginning \
             with a letter"
        );
        self.0
    }
}
