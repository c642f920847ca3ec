use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use super::cloud::Cloud;
use super::credentials::Credentials;
use super::fault::Faults;
use super::id::Id;
use super::local::LocalMachines;
use super::openapi::Document;
use super::rate_limit::Limiter;
use super::records::{Records, Requests};
use super::world::World;

/// Everything of one running simulator: what handlers get as axum's state. Cheap to clone.
///
/// What takes time or makes machines (orders, removals, power, snapshots, reinstallations) goes through its
/// operations (`operations.rs`), which keep quotas, locks and faults; everything else is read and changed in
/// [`world`](Self::world) directly.
#[derive(Clone)]
pub(crate) struct Sim(Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) cloud: Box<dyn Cloud>,
    pub(crate) credentials: Credentials,
    pub(crate) world: Mutex<World>,
    pub(crate) limiter: Limiter,
    pub(crate) faults: Faults,
    pub(crate) records: Records,
    pub(crate) document: Option<Document>,
    pub(crate) validate_responses: bool,
    pub(crate) machines: Option<LocalMachines>,
    pub(crate) tasks: TaskTracker,
    pub(crate) changed: Notify,
    pub(crate) origin: String,
}

impl Sim {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0
    }

    pub(crate) fn cloud(&self) -> &dyn Cloud {
        self.0.cloud.as_ref()
    }

    /// The account, with all ended that is due. Not to be held over an `await`, which the compiler sees to.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.0.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.settle();
        world
    }

    /// `http://127.0.0.1:PORT`, for links in answers.
    #[allow(
        dead_code,
        reason = "what clouds use whose listings link to the next page"
    )]
    pub(crate) fn origin(&self) -> &str {
        &self.0.origin
    }

    /// What was asked so far.
    pub(crate) fn requests(&self) -> Requests {
        let mut requests = self.0.records.all();
        requests.validated = self.0.document.is_some();
        if let Some(document) = &self.0.document {
            requests.unchecked = document.unchecked();
        }
        requests
    }

    /// Waits until the backend `local` has made the machine of an order, some seconds at most: for clouds whose answer to an
    /// order has the address already. On `memory` there is nothing to wait for.
    pub(crate) async fn machine_work(&self, action: Id) {
        if self.0.machines.is_none() {
            return;
        }
        let ended = async {
            loop {
                let changed = self.0.changed.notified();
                tokio::pin!(changed);
                // From here on no change is missed.
                changed.as_mut().enable();
                if self.world().has_machine(action) {
                    return;
                }
                changed.await;
            }
        };
        let _the_answer_goes_without = tokio::time::timeout(LONGEST_WORK, ended).await;
    }

    /// Waits until nothing is under way any more but what is stuck.
    pub(crate) async fn settled(&self) {
        while self.world().is_anything_under_way() {
            // The agenda is worked off when somebody looks.
            tokio::time::sleep(LOOKS).await;
        }
    }
}

/// How long an answer may wait for a machine.
const LONGEST_WORK: Duration = Duration::from_secs(20);
/// How often is looked whether all is settled.
const LOOKS: Duration = Duration::from_millis(5);

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim")
            .field("cloud", &self.0.cloud)
            .field("origin", &self.0.origin)
            .finish_non_exhaustive()
    }
}
