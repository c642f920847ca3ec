//! What all operations share: the API, the settings, and who is at work on which machine. A file of its
//! own because machines are reused here, so that operations on one must not overlap.

use std::collections::HashMap;
use std::iter::successors;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, sleep_until};
use vps_docker_core::Result;
use vps_docker_core::http::{ApiClient, Auth, RateLimit};

use crate::api::Api;
use crate::config::ContaboConfig;
use crate::display_name::DisplayName;
use crate::wire::Machine;

/// Requests within a minute. Contabo states no number, only that there is one.
const REQUESTS_A_MINUTE: u32 = 100;
/// Of these as many at once.
const BURST: u32 = 20;
/// How long a listing of released machines serves all creates.
const LISTING_GOOD_FOR: Duration = Duration::from_secs(5);

/// What all operations share.
#[derive(Debug)]
pub(crate) struct Cloud {
    pub(crate) api: Api,
    pub(crate) config: ContaboConfig,
    /// One for each machine that was worked on.
    in_work: Mutex<HashMap<u64, Arc<tokio::sync::Mutex<()>>>>,
    released: tokio::sync::Mutex<Option<ReleasedListing>>,
}

#[derive(Debug)]
struct ReleasedListing {
    taken_at: Instant,
    machines: Arc<[Machine]>,
}

/// Held by whoever works on a machine.
pub(crate) type InWork = OwnedMutexGuard<()>;

impl Cloud {
    pub(crate) fn new(config: ContaboConfig) -> Result<Self> {
        config.check_period()?;
        let client = |url: &str| {
            ApiClient::builder(crate::NAME, url)
                .auth(Auth::password_grant(config.login.clone()))
                .rate_limit(RateLimit::window(
                    REQUESTS_A_MINUTE,
                    Duration::from_secs(60),
                    BURST,
                ))
                .rate_limit_factor(config.rate_limit_factor)
                .retry(config.retry.clone())
                .parse_error(crate::error::parse_error)
                .request_id_header("x-request-id")
                .build()
        };
        // The credentials go there, so it keeps the rules of every endpoint.
        client(&config.login.token_url)?;
        Ok(Self {
            api: Api(client(&config.endpoint)?),
            config,
            in_work: Mutex::default(),
            released: tokio::sync::Mutex::default(),
        })
    }

    /// Waits until nobody else in this process works on the machine.
    pub(crate) async fn work_on(&self, number: u64) -> InWork {
        self.place(number).lock_owned().await
    }

    /// Works on the machine, unless somebody else in this process does.
    pub(crate) fn try_work_on(&self, number: u64) -> Option<InWork> {
        self.place(number).try_lock_owned().ok()
    }

    fn place(&self, number: u64) -> Arc<tokio::sync::Mutex<()>> {
        let mut in_work = self.in_work.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(in_work.entry(number).or_default())
    }

    /// The released machines of the account. Many who create at once share a listing.
    pub(crate) async fn released(&self) -> Result<Arc<[Machine]>> {
        // Held while the listing is taken: the others want the same one.
        let mut held = self.released.lock().await;
        let fresh = |held: &&ReleasedListing| held.taken_at.elapsed() < LISTING_GOOD_FOR;
        if let Some(listing) = held.as_ref().filter(fresh) {
            return Ok(Arc::clone(&listing.machines));
        }
        let mut machines = self.api.machines().await?;
        machines.retain(|machine| {
            let display_name = DisplayName::parse(&machine.display_name);
            matches!(display_name, DisplayName::Released(_))
        });
        let listing = held.insert(ReleasedListing {
            taken_at: Instant::now(),
            machines: machines.into(),
        });
        Ok(Arc::clone(&listing.machines))
    }

    /// A machine was released or taken.
    pub(crate) async fn forget_released(&self) {
        *self.released.lock().await = None;
    }

    /// Looks until there is something to see; `None` at the deadline. The pauses grow.
    ///
    /// # Errors
    /// Those of `look`, which end the wait.
    pub(crate) async fn look_until<T, L>(
        &self,
        deadline: Instant,
        look: impl Fn() -> L,
    ) -> Result<Option<T>>
    where
        L: Future<Output = Result<Option<T>>>,
    {
        for pause in self.pauses() {
            if let Some(seen) = look().await? {
                return Ok(Some(seen));
            }
            let next = Instant::now() + pause;
            if next >= deadline {
                break;
            }
            sleep_until(next).await;
        }
        Ok(None)
    }

    /// Pauses between looks, each twice as long as the one before it, without an end.
    pub(crate) fn pauses(&self) -> impl Iterator<Item = Duration> + use<> {
        let longest = self.config.retry.longest_pause;
        let first = self.config.retry.first_pause.min(longest);
        successors(Some(first), move |pause| Some((*pause * 2).min(longest)))
    }
}
