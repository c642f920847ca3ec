use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{VpsClient, VpsClientExt};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Instance, InstanceId, InstanceState};

/// Waits for instances, for many with one listing instead of a call for each.
///
/// Up to [two](Self::ALONE) who wait ask for their own instance; from the third on they share
/// listings, so that a fleet that boots costs no more calls than its pages. Whoever is not in the listing, or has
/// waited long, has a look of its own now and then: only that one asks the provider's actions too.
#[derive(Debug)]
pub struct InstanceWatch {
    client: Arc<dyn VpsClient>,
    waiting: AtomicUsize,
    listing: Mutex<Option<Listing>>,
}

/// What an instance is awaited for.
pub(super) type Condition<'a> = dyn for<'b> Fn(&'b Instance) -> bool + Send + Sync + 'a;

#[derive(Debug)]
struct Listing {
    taken_at: Instant,
    /// Not taken anew before: a listing that took long, for its pages or for the rate limit, leaves
    /// room for other calls.
    good_until: Instant,
    instances: HashMap<InstanceId, Instance>,
}

/// The longest pause between two looks, and the shortest between two listings.
const PAUSE: Duration = Duration::from_secs(2);
/// Every so manieth look is one of its own, by the half minute; not that of all at the same time.
const THOROUGH_LOOK: u64 = 16;

impl InstanceWatch {
    /// How many may wait before they share listings.
    pub const ALONE: usize = 2;

    /// Watches the instances of that client's account.
    #[must_use]
    pub fn new(client: Arc<dyn VpsClient>) -> Self {
        Self {
            client,
            waiting: AtomicUsize::new(0),
            listing: Mutex::new(None),
        }
    }

    /// Waits until `condition` holds of the instance. Passing faults of the provider are asked over; a
    /// final one ends the wait. Cancel-safe.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`] at the deadline, with the last answer; [`ErrorKind::Provider`] when
    /// the instance has failed for good; [`ErrorKind::Payment`] when the provider waits for a person.
    pub async fn wait(
        &self,
        id: &InstanceId,
        what: &str,
        deadline: Instant,
        condition: &Condition<'_>,
    ) -> Result<Instance> {
        let _place = Waiting::new(&self.waiting);
        let look = |number| self.look(id, number);
        wait(id, what, deadline, condition, look).await
    }

    async fn look(&self, id: &InstanceId, number: u32) -> Result<Instance> {
        let is_crowded = self.waiting.load(Relaxed) > Self::ALONE;
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let turn = hasher.finish().wrapping_add(number.into());
        // The first ones come soon after one another: there is nothing to be thorough about yet.
        let is_thorough = number > 4 && turn.is_multiple_of(THOROUGH_LOOK);
        if is_crowded
            && !is_thorough
            && let Some(instance) = self.listed(id).await?
        {
            return Ok(instance);
        }
        self.client.instance(id).await
    }

    /// The instance in a listing that is fresh enough.
    async fn listed(&self, id: &InstanceId) -> Result<Option<Instance>> {
        // Held while the listing is taken: the others want the same one.
        let mut held = self.listing.lock().await;
        if let Some(listing) = held
            .as_ref()
            .filter(|held| Instant::now() < held.good_until)
        {
            return Ok(listing.instances.get(id).cloned());
        }
        let began = Instant::now();
        let listed = self.client.marked_instances().await?;
        let taken_at = Instant::now();
        let listing = held.insert(Listing {
            taken_at,
            good_until: taken_at + PAUSE.max(2 * (taken_at - began)),
            instances: listed
                .into_iter()
                .map(|instance| (instance.id.clone(), instance))
                .collect(),
        });
        tracing::debug!(
            instances = listing.instances.len(),
            seconds = (listing.taken_at - began).as_secs_f32(),
            "listed for all who wait"
        );
        Ok(listing.instances.get(id).cloned())
    }
}

/// Counts one who waits.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Looks until `condition` holds, at first often, then every two seconds.
pub(super) async fn wait<L>(
    id: &InstanceId,
    what: &str,
    deadline: Instant,
    condition: &Condition<'_>,
    look: impl Fn(u32) -> L,
) -> Result<Instance>
where
    L: Future<Output = Result<Instance>>,
{
    let mut pause = Duration::from_millis(50);
    let mut last = String::from("nothing heard yet");
    for number in 1.. {
        match timeout_at(deadline, look(number)).await {
            Ok(Ok(instance)) if condition(&instance) => return Ok(instance),
            Ok(Ok(instance)) => {
                if let Some(error) = in_vain(&instance, what) {
                    return Err(error.with_instance(id));
                }
                last = format!("last state {:?}", instance.state);
            }
            Ok(Err(error)) if error.is_retryable() => last = format!("last answer: {error}"),
            Ok(Err(error)) => return Err(error.with_instance(id)),
            Err(_elapsed) => {}
        }
        let next = Instant::now() + pause;
        if next >= deadline {
            return Err(Error::new(
                ErrorKind::Timeout,
                format!("the wait for {what} took longer than its deadline, {last}"),
            )
            .with_instance(id));
        }
        sleep_until(next).await;
        pause = (pause * 2).min(PAUSE);
    }
    unreachable!("the deadline comes first")
}

/// Of an instance that nobody needs to wait for, why.
fn in_vain(instance: &Instance, what: &str) -> Option<Error> {
    let note = instance.note.as_deref().unwrap_or("it does not say why");
    match instance.state {
        InstanceState::Failed => Some(Error::new(
            ErrorKind::Provider,
            format!("the provider reports a failed instance while waiting for {what}: {note}"),
        )),
        InstanceState::AwaitsPerson => Some(Error::new(
            ErrorKind::Payment,
            format!(
                "the provider waits for a person before {what}: {note}; see to it in the \
                 provider's console"
            ),
        )),
        _ => None,
    }
}
