use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::adopt::Machine;
use super::beginning::Beginning;
use super::destroy::way_out;
use super::engine::Engine;
use super::leftover::take_up_or_remove;
use super::plan::{check_name_free, plan};
use super::provision::Provision;
use super::timeline::{EventSink, Timeline};
use super::{Host, rollback};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CreateEvent, HostId, HostSpec, Phase, Timestamp};
use crate::store::{JournalEntry, OpenEntry};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A create, or the adoption of a machine, that has not begun. Await it to get the [`Host`].
///
/// A create that fails or is cancelled removes what it made before it returns; if that fails too,
/// the error names the instance, the journal keeps it, and the next create of the same name (or
/// `gc`) tries again. Dropping the future cancels as well: the removal then goes on in the
/// background, and [`VpsDockerProvider::settled`](super::VpsDockerProvider::settled) waits for it.
/// A process that is killed leaves the journal entry: the next create of that name takes up the host
/// if it was ready, or removes what there is.
///
/// Of a machine that is adopted all that holds for what is put on it: the machine itself stays, and
/// so does a Docker that was installed on it.
///
/// # Errors
/// `Invalid` and `NameTaken` before anything is ordered; `Quota`, `Capacity`, `Payment` from the
/// order; `Timeout` with the deadline's name; `Bootstrap` with the failing command's output;
/// `HostKeyMismatch`; `Docker`; `Cancelled`. Of an adoption also `Unsupported`, `Permission` and
/// `State` for a machine that is unfit, before anything on it is changed.
#[must_use = "a create begins when it is awaited"]
pub struct CreateHost {
    engine: Arc<Engine>,
    spec: HostSpec,
    machine: Option<Machine>,
    sink: EventSink,
    cancelled: BoxFuture<()>,
}

impl CreateHost {
    /// On a VPS that is ordered, or on the machine where one is given.
    pub(super) fn new(engine: Arc<Engine>, spec: HostSpec, machine: Option<Machine>) -> Self {
        Self {
            engine,
            spec,
            machine,
            sink: Arc::new(|_| {}),
            cancelled: Box::pin(std::future::pending()),
        }
    }

    /// Tells `sink` of the progress. It is called from the engine's tasks and should return soon.
    pub fn on_event(mut self, sink: impl Fn(CreateEvent) + Send + Sync + 'static) -> Self {
        self.sink = Arc::new(sink);
        self
    }

    /// Cancels when `signal` ends, such as `tokio::signal::ctrl_c()`. Awaiting the create then
    /// ends with [`ErrorKind::Cancelled`] once all is removed.
    pub fn cancel_when(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.cancelled = Box::pin(signal);
        self
    }
}

impl fmt::Debug for CreateHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateHost")
            .field("spec", &self.spec)
            .field("machine", &self.machine)
            .finish_non_exhaustive()
    }
}

impl IntoFuture for CreateHost {
    type Output = Result<Host>;
    type IntoFuture = BoxFuture<Result<Host>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let token = CancellationToken::new();
            // Dropping this future drops the guard, and the task rolls back.
            let guard = token.clone().drop_guard();
            let span = tracing::info_span!("create_host", host = %self.spec.name);
            let wanted = (self.spec, self.machine);
            let task = run(self.engine.clone(), wanted, self.sink, token.clone());
            let task = task.instrument(span);
            let mut task = self.engine.background.spawn(task);
            let mut cancelled = self.cancelled;
            let joined = tokio::select! {
                joined = &mut task => joined,
                () = &mut cancelled => {
                    token.cancel();
                    task.await
                }
            };
            guard.disarm();
            joined.unwrap_or_else(|error| {
                Err(
                    Error::new(ErrorKind::State, "the create broke off; run it again")
                        .with_source(error),
                )
            })
        })
    }
}

async fn run(
    engine: Arc<Engine>,
    (spec, machine): (HostSpec, Option<Machine>),
    sink: EventSink,
    token: CancellationToken,
) -> Result<Host> {
    let timeline = Timeline::new(sink);
    let name = spec.name.clone();
    let prepared = tokio::select! {
        prepared = prepare(&engine, &spec, machine.as_ref(), &timeline) => prepared,
        () = token.cancelled() => Err(cancelled()),
    };
    let (provision, mut place) = match prepared.map_err(|error| error.with_host(&name))? {
        Prepared::TakenUp(host) => return Ok(*host),
        Prepared::New(provision, place) => (provision, place),
    };
    let result = tokio::select! {
        result = provision.run(&mut place) => result,
        () = token.cancelled() => Err(cancelled()),
    };
    match result {
        Ok(host) => {
            place.close()?;
            Ok(host)
        }
        Err(error) => Err(roll_back(&engine, &timeline, place, &provision, error)
            .await
            .with_host(&name)),
    }
}

enum Prepared {
    TakenUp(Box<Host>),
    New(Box<Provision>, OpenEntry),
}

/// All that comes before money is spent or a machine changed. Ends with the intent in the journal.
async fn prepare(
    engine: &Arc<Engine>,
    spec: &HostSpec,
    machine: Option<&Machine>,
    timeline: &Timeline,
) -> Result<Prepared> {
    let provider = engine.client.provider_name().to_owned();
    let work = async {
        let host_id = HostId::random();
        engine.check_agents().await?;
        let planned = plan(engine, spec).await?;
        let runtime = planned.container.security.runtime;
        let beginning = Beginning::plan(engine, &host_id, spec, machine, runtime).await?;
        let mut place = engine.data_dir.journal().open(&provider, &spec.name)?;
        let login = beginning.login();
        if let Some(host) = take_up_or_remove(engine, &mut place, spec, &planned, login).await? {
            return Ok(Prepared::TakenUp(Box::new(host)));
        }
        check_name_free(engine, &spec.name).await?;
        beginning.check(engine).await?;
        place.write(JournalEntry::intent(
            host_id.clone(),
            spec.name.clone(),
            &provider,
        ))?;
        let provision = Provision {
            entry: engine.entry(&spec.name),
            engine: Arc::clone(engine),
            host_id,
            spec: spec.clone(),
            planned,
            beginning,
            timeline: timeline.clone(),
            began: Timestamp::now(),
        };
        Ok(Prepared::New(Box::new(provision), place))
    };
    timeline.phase(Phase::Plan, work).await
}

async fn roll_back(
    engine: &Engine,
    timeline: &Timeline,
    mut place: OpenEntry,
    provision: &Provision,
    error: Error,
) -> Error {
    // The order may have been under way when we were cancelled: what it made must be known before
    // it can be removed.
    let settled = provision.beginning.settle(engine).await;
    let instance = provision.beginning.instance();
    let error = match instance {
        Some(instance) => error.with_instance(instance),
        None => error,
    };
    let unfinished = place.update(|entry| {
        entry.instance_id = instance.cloned();
        // Cancelled at the very end: nobody has got the host, so nobody is to take it up.
        entry.ready = false;
    });
    if let Err(second) = unfinished {
        tracing::warn!(error = %second, "the journal cannot be written");
    }
    if engine.settings.keep_failed {
        return error.with_note(
            "what was made is kept as asked; create the same name again or destroy it to remove it",
        );
    }
    timeline.tell(CreateEvent::RollingBack);
    let left = place.entry().expect("the intent was written");
    let removed = match settled {
        Ok(()) => rollback::remove_all(engine, left, provision.beginning.login()).await,
        Err(unsettled) => Err(unsettled),
    };
    let second = match removed.and_then(|()| place.close()) {
        Ok(()) => return error,
        Err(second) => second,
    };
    if engine.client.capabilities().machine_stays {
        let left = way_out(engine);
        return error.with_note(format!("it could not be removed either ({second}): {left}"));
    }
    error.with_note(format!(
        "it could not be removed either ({second}): the instance {} of the provider {:?} may \
         still be billed; create {} again or destroy it to try once more, or remove it in the \
         provider's console (tag vps-docker-host={})",
        instance.map_or("(id unknown)", |id| id.as_str()),
        engine.client.provider_name(),
        provision.spec.name,
        provision.host_id,
    ))
}

fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the create was cancelled")
}
