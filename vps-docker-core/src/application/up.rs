use std::fmt;
use std::future::{IntoFuture, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use secrecy::SecretString;
use serde::Serialize;

use super::hook::Told;
use super::{Application, token};
use crate::error::{Error, ErrorKind, Result};
use crate::lifecycle::{Host, VpsDockerProvider};
use crate::model::{CreateEvent, HostChanges, HostSpec, HostState, Phase, Timestamp};

type Sink = Arc<dyn Fn(CreateEvent) + Send + Sync>;

/// An application that is to be brought up. Await it to get it [`Running`].
///
/// Where its host is not there, it is [created](VpsDockerProvider::create_host). Where it is, only what differs is
/// changed: the container is [replaced](Host::replace) with its data kept, and the old one comes back if the new
/// one does not become healthy; a stopped one is started. Then it is waited for until it is healthy, its time to live begins anew, and its hook is called.
///
/// Idempotent. A host that was made stays, also if its application does not become healthy: mend it and bring it up again, or
/// destroy its host. Cancelled or dropped, a create is rolled back, a replacement undone.
///
/// # Errors
/// Those of [`CreateHost`](crate::CreateHost) and [`Host::replace`]; `Invalid` for a change that only a new VPS
/// brings; `Timeout` with the container's last words when it does not become healthy; `State` of the hook.
#[must_use = "nothing is brought up until it is awaited"]
pub struct Up<'a> {
    provider: &'a VpsDockerProvider,
    application: &'a Application,
    sink: Sink,
    cancelled: Shared<BoxFuture<'static, ()>>,
}

/// An application that runs.
#[derive(Debug)]
#[non_exhaustive]
pub struct Running {
    /// Its host.
    pub host: Host,
    /// What had to be done.
    pub change: UpChange,
    /// Where it is reached.
    pub urls: Vec<String>,
    /// What its container and its hook were given, by which the application proves who it is. Only with a hook.
    pub token: Option<SecretString>,
}

/// What was done to bring an application up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[non_exhaustive]
pub enum UpChange {
    /// Its host was made.
    Created,
    /// Its host was changed.
    Changed {
        /// What of it.
        changes: HostChanges,
    },
    /// Its container was stopped and runs again.
    Started,
    /// All was as it should be.
    Nothing,
}

impl VpsDockerProvider {
    /// Brings an application up, or up to date; see [`Up`].
    pub fn up<'a>(&'a self, application: &'a Application) -> Up<'a> {
        Up {
            provider: self,
            application,
            sink: Arc::new(|_| {}),
            cancelled: pending().boxed().shared(),
        }
    }
}

impl Up<'_> {
    /// Tells `sink` of the progress. It is called from the engine's tasks and should return soon.
    pub fn on_event(mut self, sink: impl Fn(CreateEvent) + Send + Sync + 'static) -> Self {
        self.sink = Arc::new(sink);
        self
    }

    /// Cancels when `signal` ends; awaiting it then ends with [`ErrorKind::Cancelled`] once all is taken back.
    pub fn cancel_when(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.cancelled = signal.boxed().shared();
        self
    }
}

impl fmt::Debug for Up<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Up")
            .field("application", &self.application)
            .finish_non_exhaustive()
    }
}

impl<'a> IntoFuture for Up<'a> {
    type Output = Result<Running>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Running>> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let run = self.run().await;
            run.map_err(|error| error.with_host(&self.application.spec.name))
        })
    }
}

impl Up<'_> {
    async fn run(&self) -> Result<Running> {
        let (provider, application) = (self.provider, self.application);
        let (spec, token) = token::with_token(provider, application)?;
        let (mut host, change) = match provider.host(&spec.name).await {
            Ok(host) => self.update(host, spec).await?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let sink = Arc::clone(&self.sink);
                let create = provider
                    .create_host(spec)
                    .on_event(move |event| sink(event))
                    .cancel_when(self.cancelled.clone());
                (create.await?, UpChange::Created)
            }
            Err(error) => return Err(error),
        };
        if let Some(token) = &token {
            token::keep(provider, application, token)?;
        }
        let finish = self.finish(&mut host, &change, token.as_ref());
        let urls = tokio::select! {
            urls = finish => urls?,
            () = self.cancelled.clone() => {
                return Err(Error::new(
                    ErrorKind::Cancelled,
                    "cancelled while it was waited for; its host stays, and the next `up` goes on",
                ));
            }
        };
        Ok(Running {
            host,
            change,
            urls,
            token,
        })
    }

    /// Makes of a host that is there what it should be.
    async fn update(&self, mut host: Host, spec: HostSpec) -> Result<(Host, UpChange)> {
        let sink = Arc::clone(&self.sink);
        let mut replace = host
            .replace(spec)
            .on_event(move |event| sink(event))
            .cancel_when(self.cancelled.clone());
        if let Some(check) = &self.application.health {
            replace = replace.health(check.clone());
        }
        let changes = replace.await?;
        let was_stopped = host.info().state != HostState::Running;
        if was_stopped {
            // Settings alone start nothing.
            host.start().await?;
        }
        let change = match (changes.is_empty(), was_stopped) {
            (false, _) => UpChange::Changed { changes },
            (true, true) => UpChange::Started,
            (true, false) => UpChange::Nothing,
        };
        Ok((host, change))
    }

    async fn finish(
        &self,
        host: &mut Host,
        change: &UpChange,
        token: Option<&SecretString>,
    ) -> Result<Vec<String>> {
        let application = self.application;
        // A container that was replaced has shown it already.
        let shown =
            matches!(change, UpChange::Changed { changes } if !changes.container.is_empty());
        if let Some(check) = application.health.as_ref().filter(|_| !shown) {
            self.phase(Phase::Health, host.await_healthy(check)).await?;
        }
        if let (Some(ttl), false) = (application.spec.ttl, *change == UpChange::Created) {
            let end = SystemTime::now() + ttl;
            host.set_expiry(Some(Timestamp::from(end))).await?;
        }
        let urls = application.urls(host.info());
        if let (Some(hook), Some(token)) = (&application.hook, token) {
            let told = Told {
                application: &application.name,
                environment: application.environment.as_deref(),
                host: host.info(),
                urls: &urls,
                token,
            };
            let tell = |line| (self.sink)(CreateEvent::Progress(Phase::Hook, line));
            self.phase(Phase::Hook, hook.call(told, &tell)).await?;
        }
        Ok(urls)
    }

    async fn phase(&self, phase: Phase, work: impl Future<Output = Result<()>>) -> Result<()> {
        let began = std::time::Instant::now();
        (self.sink)(CreateEvent::Started(phase));
        work.await
            .map_err(|error| error.with_operation(phase.name()))?;
        (self.sink)(CreateEvent::Finished(phase, began.elapsed()));
        Ok(())
    }
}
