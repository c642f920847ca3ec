use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use futures_util::FutureExt;
use vps_docker_core::Capabilities;

use super::BEHAVIOURS;
use super::subject::Subject;

/// One rule of the trait, as a test of any client.
#[derive(Debug)]
pub struct Behaviour {
    /// The name of its function and of the test that is made of it: a sentence.
    pub name: &'static str,
    /// What a subject must have to be held to it.
    pub needs: &'static [Need],
    pub(super) run: Run,
}

pub(super) type Run = for<'a> fn(&'a Subject) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

/// What a behaviour asks of a subject before it asks anything of its provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// Instances can be ordered: not of a provider whose
    /// [machines were there before](Capabilities::machine_stays).
    Orders,
    /// [`Capabilities::set_tags`].
    SetTags,
    /// [`Capabilities::rename`].
    Rename,
    /// [`Capabilities::power`].
    Power,
    /// [`Capabilities::snapshots`].
    Snapshots,
    /// [`Capabilities::create_from_snapshot`].
    CreateFromSnapshot,
    /// Snapshots, but no instance can be made of one.
    NoCreateFromSnapshot,
    /// [`Capabilities::firewall`].
    Firewall,
    /// [`Capabilities::limits`].
    Limits,
    /// [`Capabilities::unique_names`].
    UniqueNames,
    /// Two instances may have one name.
    NamesRepeat,
    /// [`Capabilities::ssh_key_store`].
    SshKeyStore,
    /// A second client whose credentials are wrong:
    /// [`wrong_credentials`](super::SubjectBuilder::wrong_credentials).
    WrongCredentials,
    /// That many instances cost little: [`many`](super::SubjectBuilder::many).
    Many,
}

/// What became of a behaviour.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// The rule is kept.
    Passed,
    /// The subject is not held to it, and why.
    Skipped(String),
    /// The rule is broken, or something could not be removed: the sentence that says how.
    Failed(String),
}

impl Behaviour {
    /// The behaviour of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        BEHAVIOURS.iter().find(|behaviour| behaviour.name == name)
    }

    /// Its place in [`BEHAVIOURS`], from 0 on: a number that no other one has, for networks, ports and the
    /// like of a test.
    #[must_use]
    pub fn number(&self) -> usize {
        BEHAVIOURS
            .iter()
            .position(|behaviour| behaviour.name == self.name)
            .unwrap_or(BEHAVIOURS.len())
    }

    /// Holds a subject to it and removes what was made, whatever the outcome. Dropped in the middle, it
    /// leaves instances that carry our marker.
    ///
    /// # Panics
    /// Never by itself: what a broken rule panics with is in the outcome (and has gone through the panic
    /// hook, as that of any test).
    pub async fn examine(&self, subject: &Subject) -> Outcome {
        if let Some(need) = self.needs.iter().find(|need| !need.is_met_by(subject)) {
            return Outcome::Skipped(need.unmet().to_owned());
        }
        let verdict = AssertUnwindSafe((self.run)(subject)).catch_unwind().await;
        let broken = verdict.err().map(|payload| words(payload.as_ref()));
        let left = subject.clean_up().await.err();
        match (broken, left) {
            (None, None) => Outcome::Passed,
            (Some(broken), None) => Outcome::Failed(broken),
            (None, Some(left)) => Outcome::Failed(left),
            (Some(broken), Some(left)) => Outcome::Failed(format!("{broken}; and besides, {left}")),
        }
    }
}

impl Need {
    fn is_met_by(self, subject: &Subject) -> bool {
        let can: Capabilities = subject.capabilities();
        match self {
            Self::Orders => !can.machine_stays,
            Self::SetTags => can.set_tags,
            Self::Rename => can.rename,
            Self::Power => can.power,
            Self::Snapshots => can.snapshots,
            Self::CreateFromSnapshot => can.create_from_snapshot,
            Self::NoCreateFromSnapshot => can.snapshots && !can.create_from_snapshot,
            Self::Firewall => can.firewall,
            Self::Limits => can.limits,
            Self::UniqueNames => can.unique_names,
            Self::NamesRepeat => !can.unique_names,
            Self::SshKeyStore => can.ssh_key_store,
            Self::WrongCredentials => subject.wrong_credentials.is_some(),
            Self::Many => subject.many.is_some(),
        }
    }

    fn unmet(self) -> &'static str {
        match self {
            Self::Orders => "its machines were there before and cannot be ordered",
            Self::SetTags => "it has no set_tags",
            Self::Rename => "it has no rename",
            Self::Power => "it has no power",
            Self::Snapshots => "it has no snapshots",
            Self::CreateFromSnapshot => "it has no create_from_snapshot",
            Self::NoCreateFromSnapshot => "it has no snapshots, or they can become instances",
            Self::Firewall => "it has no firewall",
            Self::Limits => "it has no limits",
            Self::UniqueNames => "its names need not be unique",
            Self::NamesRepeat => "its names are unique",
            Self::SshKeyStore => "it keeps no SSH keys",
            Self::WrongCredentials => "the subject has no client with wrong credentials",
            Self::Many => "the subject does not say that many instances cost little",
        }
    }
}

fn words(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it panicked without a word").to_owned()
}

/// The body of a test: makes the subject and examines it. Returns why it was skipped, if it was.
///
/// # Panics
/// When the rule is broken.
pub fn run<M, S>(name: &str, make: impl FnOnce(&'static Behaviour) -> M) -> Option<String>
where
    M: Future<Output = S>,
    S: Into<Option<Subject>>,
{
    let behaviour = Behaviour::find(name).expect("the macro names what is in the table");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a test may have two threads");
    runtime.block_on(async {
        let Some(subject) = make(behaviour).await.into() else {
            return Some("there is no subject here".to_owned());
        };
        match behaviour.examine(&subject).await {
            Outcome::Passed => None,
            Outcome::Skipped(why) => Some(why),
            Outcome::Failed(how) => panic!("{}: {how}", subject.client().provider_name()),
        }
    })
}
