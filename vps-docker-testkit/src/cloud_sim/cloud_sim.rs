use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vps_docker_core::{Error, ErrorKind, Result};

use super::clock::Clock;
use super::connection::{Connection, Door};
use super::control;
use super::credentials::Credentials;
use super::fault::{Fault, Faults};
use super::local::LocalMachines;
use super::openapi::{Document, api_specs_dir};
use super::pipeline::{pipeline, side_pipeline};
use super::provider::Provider;
use super::rate_limit::Limiter;
use super::records::{Records, Requests};
use super::seed::Seed;
use super::sim::{Parts, Sim};
use super::state::State;
use super::world::World;

/// A running simulator. It has a thread and a runtime of its own; dropped, it stops and removes what its backend
/// has made, which blocks for as long as that takes.
#[derive(Debug)]
pub struct CloudSim {
    sim: Sim,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

/// Where the machines of a simulator are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backend {
    /// Nowhere: instances are entries of a table.
    Memory,
    /// On this machine's Docker engine, as real VPSs.
    Local,
}

impl Backend {
    /// Nowhere: instances are entries of a table.
    #[must_use]
    pub fn memory() -> Self {
        Self::Memory
    }

    /// On this machine's Docker engine, as real VPSs.
    #[must_use]
    pub fn local() -> Self {
        Self::Local
    }
}

/// Settings of a simulator; [`start`](Self::start) makes one.
#[derive(Clone, Debug)]
pub struct CloudSimBuilder {
    provider: Provider,
    backend: Backend,
    seed: Seed,
    listen: SocketAddr,
    api_specs: Option<PathBuf>,
    validate_responses: bool,
}

impl CloudSimBuilder {
    /// Where the machines are. Default: in memory.
    #[must_use]
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// How account and provider are at the beginning.
    #[must_use]
    pub fn seed(mut self, seed: Seed) -> Self {
        self.seed = seed;
        self
    }

    /// Changes a part of the seed.
    #[must_use]
    pub fn seeded(mut self, change: impl FnOnce(&mut Seed)) -> Self {
        change(&mut self.seed);
        self
    }

    /// How many seconds of the provider pass in one of ours. Default: that of the seed, 1.
    #[must_use]
    pub fn time_scale(mut self, scale: f64) -> Self {
        self.seed.time_scale = scale;
        self
    }

    /// The address to listen on. Default: any free port of 127.0.0.1. There are no credentials that protect
    /// anything, so it should be one of this machine alone.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// The directory with the APIs' documents; `None` to do without. Default: [`api_specs_dir`].
    #[must_use]
    pub fn api_specs(mut self, dir: Option<PathBuf>) -> Self {
        self.api_specs = dir;
        self
    }

    /// Whether the simulator's own responses are checked against the document. Default: true. It costs more than
    /// all the rest.
    #[must_use]
    pub fn validate_responses(mut self, wanted: bool) -> Self {
        self.validate_responses = wanted;
        self
    }

    /// Starts the simulator; it answers when this returns.
    ///
    /// # Errors
    /// `Invalid` for a seed without sense or a document that cannot be read; `Unreachable` when nothing can be
    /// listened on, or when there is no Docker engine for the backend `local`, and those of preparing its images.
    pub async fn start(self) -> Result<CloudSim> {
        if !(self.seed.time_scale.is_finite() && self.seed.time_scale > 0.0) {
            let why = format!(
                "the time scale {} is unfit; use 1 or more",
                self.seed.time_scale
            );
            return Err(Error::new(ErrorKind::Invalid, why));
        }
        let (started, starting) = oneshot::channel();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let thread = std::thread::Builder::new()
            .name("cloud-sim".to_owned())
            .spawn(move || run(self, started, &stopped))
            .map_err(|error| {
                Error::new(ErrorKind::State, "no thread can be started here").with_source(error)
            })?;
        match starting.await {
            Ok(Ok(sim)) => Ok(CloudSim {
                sim,
                stop,
                thread: Some(thread),
            }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(Error::new(
                ErrorKind::State,
                "the simulator ended as it began",
            )),
        }
    }

    fn parts(self, origin: String, machines: Option<LocalMachines>) -> Result<Parts> {
        let cloud = self.provider.cloud(&self.seed);
        let clock = Clock::new(self.seed.time_scale);
        let document = self
            .api_specs
            .as_ref()
            .map(|dir| dir.join(cloud.document()));
        let document = document.filter(|path| path.exists());
        let document = document.map(|path| {
            Document::read(&path, cloud.exceptions())
                .map_err(|why| Error::new(ErrorKind::Invalid, why))
        });
        let limits = if self.seed.rate_limit {
            cloud.rate_rules()
        } else {
            Vec::new()
        };
        Ok(Parts {
            credentials: Credentials::drawn(),
            world: Mutex::new(World::new(cloud.offer(), cloud.rules(), self.seed, clock)),
            limiter: Limiter::new(limits, clock).by_source(cloud.limits_by_source()),
            faults: Faults::default(),
            records: Records::default(),
            document: document.transpose()?,
            validate_responses: self.validate_responses,
            machines,
            tasks: TaskTracker::new(),
            changed: Notify::new(),
            cloud,
            origin,
        })
    }
}

impl CloudSim {
    /// Begins a simulator of that provider.
    #[must_use]
    pub fn builder(provider: Provider) -> CloudSimBuilder {
        CloudSimBuilder {
            provider,
            backend: Backend::Memory,
            seed: Seed::default(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            api_specs: api_specs_dir(),
            validate_responses: true,
        }
    }

    /// Where clients find the API: with its path prefix, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}{}", self.origin(), self.sim.cloud().prefix())
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.sim.parts().origin
    }

    /// The token that may do everything. At Contabo programs obtain theirs by [`credentials`](Self::credentials);
    /// this one is taken too, and does not end.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.credentials().token
    }

    /// All credentials.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.sim.parts().credentials
    }

    /// What clients have to know, as JSON: what the program `cloud-sim` prints first.
    #[must_use]
    pub fn greeting(&self) -> Value {
        self.sim.cloud().greeting(self.origin(), self.credentials())
    }

    /// What is in the account.
    #[must_use]
    pub fn state(&self) -> State {
        self.sim.state()
    }

    /// What was asked so far.
    #[must_use]
    pub fn requests(&self) -> Requests {
        self.sim.requests()
    }

    /// Replaces all faults and counts calls from 1 again.
    ///
    /// # Panics
    /// When a fault lacks the number that its kind needs.
    pub fn faults(&self, faults: impl IntoIterator<Item = Fault>) {
        let faults: Vec<Fault> = faults.into_iter().collect();
        for fault in &faults {
            if let Some(flaw) = fault.flaw() {
                panic!("{fault:?}: {flaw}");
            }
        }
        self.sim.parts().faults.set(faults);
    }

    /// On the backend `local`, the network on the Docker engine, which for `provider-local` is an account: all
    /// that is made carries it in the label `vps-docker.account`.
    #[must_use]
    pub fn local_account(&self) -> Option<&str> {
        self.sim
            .parts()
            .machines
            .as_ref()
            .map(LocalMachines::account)
    }

    /// Waits until nothing is under way any more but what is stuck: no boot, no removal, no snapshot.
    pub async fn settled(&self) {
        self.sim.settled().await;
    }

    /// Asserts that every request so far fitted the API's document, and every response did.
    ///
    /// # Panics
    /// With all that did not, when one did not.
    pub fn assert_valid(&self) {
        let requests = self.requests();
        let flaws = requests.invalid + requests.bad_responses;
        assert_eq!(
            flaws, 0,
            "{:#?}, unchecked: {:?}",
            requests.faulty, requests.unchecked
        );
    }

    /// Stops it and waits until all that its backend had made is removed.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _panics_were_shown = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

impl Drop for CloudSim {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _panics_were_shown = thread.join();
        }
    }
}

/// How long work on the backend may go on when the simulator stops; what it still makes then is removed.
const LAST_WORK: Duration = Duration::from_secs(60);

/// The simulator's thread.
fn run(builder: CloudSimBuilder, started: oneshot::Sender<Result<Sim>>, stop: &CancellationToken) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("cloud-sim")
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = Error::new(ErrorKind::State, "no runtime can be made").with_source(error);
            let _nobody_waits = started.send(Err(error));
            return;
        }
    };
    runtime.block_on(async {
        let (sim, listener) = match open(builder).await {
            Ok(opened) => opened,
            Err(error) => {
                let _nobody_waits = started.send(Err(error));
                return;
            }
        };
        let service = router(&sim).into_make_service_with_connect_info::<Connection>();
        let serving = axum::serve(Door(listener), service);
        if started.send(Ok(sim.clone())).is_ok() {
            tokio::select! {
                () = stop.cancelled() => {}
                _ = async { serving.await } => {}
            }
        }
        close(&sim).await;
    });
    // Requests that hang on purpose are not waited for.
    runtime.shutdown_background();
}

async fn open(builder: CloudSimBuilder) -> Result<(Sim, TcpListener)> {
    let cannot_listen = |error: std::io::Error| {
        let why = format!(
            "{} cannot be listened on; choose another port",
            builder.listen
        );
        Error::new(ErrorKind::Unreachable, why).with_source(error)
    };
    let listener = TcpListener::bind(builder.listen)
        .await
        .map_err(cannot_listen)?;
    let address = listener.local_addr().map_err(cannot_listen)?;
    let machines = match builder.backend {
        Backend::Memory => None,
        Backend::Local => Some(LocalMachines::open(&builder.seed.local_image).await?),
    };
    let parts = builder.parts(format!("http://{address}"), machines.clone());
    match (parts, machines) {
        (Ok(parts), _) => Ok((Sim::new(parts), listener)),
        (Err(error), Some(machines)) => {
            machines.close().await;
            Err(error)
        }
        (Err(error), None) => Err(error),
    }
}

fn router(sim: &Sim) -> Router {
    let api = sim.cloud().routes();
    let api = api
        .fallback(control::no_such_operation)
        .method_not_allowed_fallback(control::method_not_allowed)
        .layer(from_fn_with_state(sim.clone(), pipeline));
    let side = sim.cloud().side_routes();
    let side = side.layer(from_fn_with_state(sim.clone(), side_pipeline));
    api.merge(side)
        .merge(control::routes())
        .with_state(sim.clone())
}

async fn close(sim: &Sim) {
    let parts = sim.parts();
    if let Some(machines) = &parts.machines {
        parts.tasks.close();
        let _what_is_left_is_listed = tokio::time::timeout(LAST_WORK, parts.tasks.wait()).await;
        machines.close().await;
    }
}
