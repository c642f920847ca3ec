//! Another container in the place of the one that is there.

mod changes;
mod swap;

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;

use tracing::Instrument;

use self::changes::Comparison;
use self::swap::{Order, Settled, Swap};
use super::Host;
use super::host::Doors;
use super::host_health::Patient;
use super::plan::Planned;
use super::reconnecting::Reconnecting;
use super::run_container::{LET_IN, container_ended, last_words};
use super::runnable::{Bringing, Runnable};
use super::timeline::{EventSink, Timeline};
use crate::docker::{DockerOverSsh, RECOVER, id_to_ship};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    CreateEvent, HealthCheck, HostChanges, HostId, HostSpec, HostState, Phase, PowerAction, Runtime,
};
use crate::ssh::Connection;
use crate::store::{HostRecord, HostStore};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the VPS may take beyond what is waited for by us, in seconds: for the record to be written, above all.
const MARGIN: u64 = 30;

impl Host {
    /// Makes the host what the specification says, but for its VPS. What differs is found out by
    /// [`changes`](Self::changes). The container is replaced only if it has to be, and settings are changed on the
    /// live host; where nothing differs nothing is done, and the [`HostChanges`] that come back are empty: so it is
    /// idempotent.
    ///
    /// The image is brought, or built, while the old container runs; the host is down from the stop of the old one to the
    /// start of the new one. The data volume, agents, snapshots, names and host keys stay; what was written to the old container's
    /// own layer goes with it. A host that was stopped runs then, and a VPS that is off is turned on first. See [`ReplaceContainer`] for health checks, events and
    /// cancelling, and for what a failure leaves: the old container.
    pub fn replace(&mut self, spec: HostSpec) -> ReplaceContainer<'_> {
        ReplaceContainer {
            host: self,
            spec,
            check: None,
            sink: Arc::new(|_| {}),
            cancelled: Box::pin(std::future::pending()),
        }
    }
}

/// A replace that has not begun. Await it to learn what was changed.
///
/// The new container has to come up, to let us in, and to pass the [`health`](Self::health) check if one is given. Only then
/// does the record name it, and the old one goes. If it does not, if this is cancelled or dropped, if the connection breaks or
/// this program is killed, the VPS itself puts the old container back, with its old environment; killed there as well, by
/// a reboot for instance, it is put in order by whatever is done with the host next. Other operations on the host wait
/// meanwhile, a minute at most, and the idle watcher stops nothing. The new container works on the same data: what it
/// has written there stays.
///
/// Settings follow once the container is kept. What of them fails is done by the next replace.
///
/// # Errors
/// Before anything is touched: those of [`Host::changes`]; `Unsupported` for another plan, region or operating system, and
/// for gVisor on a VPS that was set up without. `Docker` and `Timeout`, with what the new container said last, when it is
/// not well; `Cancelled`; `Locked` when somebody else changed the host meanwhile; in all of them the old container is back. Those
/// of [`Host::vps`]; `Unreachable` may leave open which one it is: look at the host again.
#[must_use = "a replace begins when it is awaited"]
pub struct ReplaceContainer<'a> {
    host: &'a mut Host,
    spec: HostSpec,
    check: Option<HealthCheck>,
    sink: EventSink,
    cancelled: BoxFuture<'static, ()>,
}

impl ReplaceContainer<'_> {
    /// Keeps the new container only if it is healthy. Default: if its sshd lets us in.
    pub fn health(mut self, check: HealthCheck) -> Self {
        self.check = Some(check);
        self
    }

    /// Tells `sink` of the progress. It should return soon.
    pub fn on_event(mut self, sink: impl Fn(CreateEvent) + Send + Sync + 'static) -> Self {
        self.sink = Arc::new(sink);
        self
    }

    /// Cancels when `signal` ends, such as `tokio::signal::ctrl_c()`. Awaiting the replace then ends with
    /// [`ErrorKind::Cancelled`] once the old container is back. From when the record names the new one it is too late.
    pub fn cancel_when(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.cancelled = Box::pin(signal);
        self
    }
}

impl fmt::Debug for ReplaceContainer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplaceContainer")
            .field("spec", &self.spec)
            .field("check", &self.check)
            .finish_non_exhaustive()
    }
}

impl<'a> IntoFuture for ReplaceContainer<'a> {
    type Output = Result<HostChanges>;
    type IntoFuture = BoxFuture<'a, Result<HostChanges>>;

    fn into_future(self) -> Self::IntoFuture {
        let name = self.host.info().name.clone();
        let span = tracing::info_span!("replace", host = %name);
        Box::pin(
            async move {
                let replacement = Replacement {
                    timeline: Timeline::new(self.sink),
                    host: self.host,
                    spec: self.spec,
                    check: self.check,
                };
                let replaced = replacement.run(self.cancelled).await;
                replaced.map_err(|error| error.with_host(&name))
            }
            .instrument(span),
        )
    }
}

struct Replacement<'a> {
    host: &'a mut Host,
    spec: HostSpec,
    check: Option<HealthCheck>,
    timeline: Timeline,
}

/// A new container, and the way to it.
struct Proven {
    record: HostRecord,
    door: Arc<Connection>,
}

impl Replacement<'_> {
    async fn run(mut self, mut cancelled: BoxFuture<'static, ()>) -> Result<HostChanges> {
        if self.host.info.state == HostState::Parked {
            // What is there can be compared on a VPS that is on.
            self.host.power(PowerAction::On).await?;
        }
        let prepared = tokio::select! {
            prepared = self.prepare() => prepared,
            () = &mut cancelled => Err(was_cancelled()),
        };
        let (changes, runnable) = prepared?;
        if let Some((planned, runnable)) = runnable {
            self.put_in_place(planned, runnable, cancelled).await?;
        }
        self.apply_settings(&changes).await?;
        Ok(changes)
    }

    /// All that comes before the old container is touched: what differs, and the image.
    async fn prepare(&self) -> Result<(HostChanges, Option<(Planned, Runnable)>)> {
        let plan = async {
            if let Some(check) = &self.check {
                check.check()?;
            }
            // What another replace left that was killed is not what is to be compared.
            let recovered = self.host.run_script("recover", RECOVER, &[], b"").await?;
            recovered.done("putting the host in order")?;
            let compared = Comparison::of(self.host, &self.spec).await?;
            self.check_vps(&compared)?;
            Ok(compared)
        };
        let Comparison { changes, planned } = self.timeline.phase(Phase::Plan, plan).await?;
        if changes.container.is_empty() {
            return Ok((changes, None));
        }
        let runnable = self.bring(&planned).await?;
        Ok((changes, Some((planned, runnable))))
    }

    /// Refuses what a container cannot be given on this VPS.
    fn check_vps(&self, compared: &Comparison) -> Result<()> {
        let unsupported = |text: String| Err(Error::new(ErrorKind::Unsupported, text));
        if let Some(what) = compared.changes.vps.first() {
            return unsupported(format!(
                "another {what} takes a new VPS, and a replace changes the container alone: leave out \
                 the {what}, or take a snapshot and create another host from it"
            ));
        }
        let runtime = |record: &HostRecord| record.container.security.runtime;
        let there = self.host.record.as_ref().map(runtime);
        if compared.planned.container.security.runtime == Runtime::Gvisor
            && there != Some(Runtime::Gvisor)
        {
            return unsupported(
                "gVisor comes with the VPS when that is set up, and this one was set up without it; \
                 create another host"
                    .into(),
            );
        }
        Ok(())
    }

    async fn bring(&self, planned: &Planned) -> Result<Runnable> {
        let engine = &self.host.engine;
        let vps = Arc::new(Reconnecting::new(engine, self.host.vps().await?));
        let container = &planned.container;
        let bringing = Bringing {
            engine,
            container,
            build: planned.build.as_ref(),
            registry_logins: &self.spec.registry_logins,
            timeline: &self.timeline,
        };
        let docker = DockerOverSsh::new(vps.clone());
        let (source, local_engine) = (container.image_source, &engine.settings.local_engine);
        let (local, here, on_vps) = tokio::try_join!(
            bringing.local_images(),
            id_to_ship(local_engine, &container.image, source),
            docker.image(&container.image),
        )?;
        // One of that name may be what is to be replaced.
        let on_vps = on_vps.filter(|there| here.is_none_or(|here| here == there.id));
        bringing.bring(&vps, local, on_vps).await
    }

    /// Stops the old container and starts the new one; keeps what is well, and else what was.
    async fn put_in_place(
        &mut self,
        planned: Planned,
        runnable: Runnable,
        mut cancelled: BoxFuture<'static, ()>,
    ) -> Result<()> {
        let vps = self.host.vps().await?;
        let store = HostStore::new(vps.clone());
        // Nobody's but this generation's successor will name the new container: see `recover-replacement.sh`.
        let before = store.read().await?;
        let before = before
            .ok_or_else(|| Error::new(ErrorKind::State, "the VPS holds no record of a host"))?;
        let record = HostRecord {
            container: planned.container,
            derived_image: Some(runnable.reference.clone()),
            container_command: runnable.command.clone(),
            base_image: runnable.base_image.clone(),
            build_digest: runnable.build_digest.clone(),
            deployment: Some(HostId::random().to_string()),
            ..before.clone()
        };
        let order = self.order(&record, &before);
        let mut swap = Swap::begin(&*vps, &order).await?;
        let proven = tokio::select! {
            proven = self.prove(&mut swap, &vps, &record, &runnable) => proven,
            () = &mut cancelled => Err(was_cancelled()),
        };
        let mut proven = match proven {
            Ok(proven) => proven,
            Err(error) => {
                self.timeline.tell(CreateEvent::RollingBack);
                return Err(taken_back(error, swap.end().await));
            }
        };
        let work = async {
            let written = store.write(&mut proven.record).await;
            // From here on it is the VPS's affair, which has the last word.
            match (written, swap.end().await) {
                (_, Ok(Settled::Kept)) => Ok(()),
                (Err(error), ended) => Err(taken_back(error, ended)),
                (Ok(()), Ok(settled)) => Err(taken_back(
                    Error::new(ErrorKind::Timeout, "the VPS has not waited so long"),
                    Ok(settled),
                )),
                (Ok(()), Err(error)) => {
                    Err(error.with_note("the new container is kept, for the record names it"))
                }
            }
        };
        let kept = self.timeline.phase(Phase::Record, work).await;
        if let Err(error) = kept {
            self.timeline.tell(CreateEvent::RollingBack);
            return Err(error);
        }
        self.host.take_record(proven.record)?;
        *self.host.container_door.get_mut() = Some(proven.door);
        self.host.refresh().await
    }

    fn order<'o>(&'o self, record: &'o HostRecord, before: &'o HostRecord) -> Order<'o> {
        let settings = &self.host.engine.settings;
        let seconds = |limit: std::time::Duration| limit.as_secs().max(1);
        let start = seconds(settings.container_start_timeout);
        let health = self.check.as_ref();
        let health = health.map_or(0, |check| seconds(check.deadline + check.timeout));
        Order {
            record,
            environment: &self.spec.env,
            former: before.derived_image.as_deref(),
            start,
            stop: seconds(settings.container_stop_timeout),
            patience: 2 * start + health + MARGIN,
        }
    }

    /// Waits until the new container is what it is to be.
    async fn prove(
        &self,
        swap: &mut Swap,
        vps: &Arc<Connection>,
        record: &HostRecord,
        runnable: &Runnable,
    ) -> Result<Proven> {
        let docker = DockerOverSsh::new(vps.clone());
        let mut record = record.clone();
        let start = async {
            swap.up().await?;
            runnable.login.user(&docker, &record.host_dir).await
        };
        let login_user = self.timeline.phase(Phase::Container, start).await?;
        record.login_user = Some(login_user);

        let engine = &self.host.engine;
        let entry = engine.entry(&record.name);
        let doors = Doors::new(engine, &entry, self.host.known()).with_record(&record);
        let limit = engine.settings.container_start_timeout;
        let connect = async {
            tokio::select! {
                connection = engine.connect(&doors.container, limit, false) => match connection {
                    Ok(connection) => Ok(connection),
                    Err(error) => {
                        let said = last_words(&docker).await;
                        Err(error.with_note(format!("the container said: {said}")))
                    }
                },
                error = container_ended(&docker, limit, LET_IN) => Err(error),
            }
        };
        let door = self.timeline.phase(Phase::Door, connect).await?;

        if let Some(check) = &self.check {
            let patient = Patient {
                run_dir: engine.data_dir.run_dir(),
                vps: vps.clone(),
                container: Some(door.clone()),
            };
            let well = patient.until_healthy(check);
            self.timeline.phase(Phase::Health, well).await?;
        }
        Ok(Proven { record, door })
    }

    async fn apply_settings(&mut self, changes: &HostChanges) -> Result<()> {
        let differs = |what: &str| changes.settings.iter().any(|setting| setting == what);
        if let Some(exposure) = self.spec.exposure.as_ref().filter(|_| differs("exposure")) {
            self.host.set_exposure(exposure).await?;
        }
        let policy = self.spec.idle_policy.as_ref();
        if let Some(policy) = policy.filter(|_| differs("idle policy")) {
            self.host.set_idle_policy(policy).await?;
        }
        if differs("labels") {
            self.host.set_labels(&self.spec.labels).await?;
        }
        Ok(())
    }
}

fn was_cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the replace was cancelled")
}

/// The error, with what the VPS says has become of the host.
fn taken_back(error: Error, ended: Result<Settled>) -> Error {
    match ended {
        Ok(Settled::AsTold) => error,
        Ok(Settled::Undone) => error.with_note("the host is what it was before"),
        Ok(Settled::Kept) => error.with_note("the new container is kept, for the record names it"),
        Err(second) => error.with_note(format!(
            "what became of the host is not known ({second}): the VPS puts the old container back by itself; \
             look at the host again"
        )),
    }
}
