//! Waiting. Vultr has no actions that tell how far something is, so whoever waits must look; and as
//! it counts requests by source address, what many wait for is looked at once for all of them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{MappedMutexGuard, Mutex as AsyncMutex, MutexGuard};
use tokio::time::Instant;
use vps_docker_core::http::{RetryPolicy, wait_until};
use vps_docker_core::{ErrorKind, Result};

/// A listing that is fetched once for all who want it at the same time.
#[derive(Debug)]
pub(crate) struct Shared<T>(AsyncMutex<Option<Look<T>>>);

/// What was seen, and when the look began.
#[derive(Debug)]
pub(crate) struct Look<T> {
    pub(crate) began: Instant,
    pub(crate) items: Vec<T>,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(AsyncMutex::new(None))
    }
}

impl<T> Shared<T> {
    /// A look that began at the moment or later: one that somebody else took, or the caller's own.
    /// While the answer is held, nobody else looks. Dropped in the middle, the next one looks.
    pub(crate) async fn since<A>(
        &self,
        moment: Instant,
        look: impl FnOnce() -> A,
    ) -> Result<MappedMutexGuard<'_, Look<T>>>
    where
        A: Future<Output = Result<Vec<T>>>,
    {
        let mut held = self.0.lock().await;
        if held.as_ref().is_none_or(|last| last.began < moment) {
            let began = Instant::now();
            let items = look().await?;
            *held = Some(Look { began, items });
        }
        Ok(MutexGuard::map(held, |held| {
            held.as_mut().expect("it was looked just now or before")
        }))
    }
}

/// Up to when somebody who waits has seen things: whatever is looked at next has to be newer. One for
/// each wait.
#[derive(Debug)]
pub(crate) struct Seen(Mutex<Instant>);

impl Seen {
    /// Nothing that began before this moment will do.
    pub(crate) fn now() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    /// When a look must have begun to show something new.
    pub(crate) fn until(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This look is seen now.
    pub(crate) fn note<T>(&self, look: &Look<T>) {
        let mut until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *until = look.began + Duration::from_nanos(1);
    }
}

/// How long something may be locked by Vultr's own work before that is an error: it installs an
/// instance for minutes, in which it refuses to destroy it.
const LOCK_PATIENCE: Duration = Duration::from_secs(300);

/// Does something that Vultr refuses while it is at work itself, until it does not. For what may be
/// done twice.
///
/// # Errors
/// [`ErrorKind::Locked`] after five minutes; any other at once.
pub(crate) async fn when_unlocked<A>(retry: &RetryPolicy, attempt: impl Fn() -> A) -> Result<()>
where
    A: Future<Output = Result<()>>,
{
    // Outside the wait, whose deadline would cut off a call that has to wait for its turn.
    let locked = match attempt().await {
        Err(error) if error.kind() == ErrorKind::Locked => error,
        done => return done,
    };
    let again = || async {
        match attempt().await {
            Err(error) if error.kind() == ErrorKind::Locked => Ok(None),
            done => Ok(Some(done)),
        }
    };
    match wait_until("the end of a lock", LOCK_PATIENCE, retry, again).await {
        Ok(done) => done,
        Err(_patience_is_over) => Err(locked),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use vps_docker_core::Error;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_who_wait_share_each_look() {
        let shared = Shared::<u32>::default();
        let looks = AtomicU32::new(0);
        let look = || async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(vec![looks.fetch_add(1, Relaxed)])
        };
        let waiting = (0..100).map(|_| async {
            let seen = Seen::now();
            for round in 0..3 {
                let look = shared.since(seen.until(), look).await.expect("seen");
                assert!(
                    look.items[0] >= round,
                    "nobody is shown the same look twice"
                );
                seen.note(&look);
            }
        });
        futures_util::future::join_all(waiting).await;
        assert_eq!(looks.load(Relaxed), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_began_too_early_will_not_do() {
        let shared = Shared::<u32>::default();
        let first = shared.since(Instant::now(), || async { Ok(vec![1]) }).await;
        assert_eq!(first.expect("seen").items, [1]);
        tokio::time::advance(Duration::from_secs(1)).await;
        let second = shared.since(Instant::now(), || async { Ok(vec![2]) }).await;
        assert_eq!(second.expect("seen").items, [2]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lock_is_waited_out_but_not_for_ever() {
        let tries = AtomicU32::new(0);
        let locked = || Error::new(ErrorKind::Locked, "at work").retryable();
        let retry = RetryPolicy::default();
        when_unlocked(&retry, || async {
            if tries.fetch_add(1, Relaxed) < 10 {
                Err(locked())
            } else {
                Ok(())
            }
        })
        .await
        .expect("unlocked in the end");
        let error = when_unlocked(&retry, || async { Err(locked()) })
            .await
            .expect_err("for ever");
        assert_eq!(error.kind(), ErrorKind::Locked);
        let other = || async { Err(Error::new(ErrorKind::Auth, "no")) };
        let error = when_unlocked(&retry, other).await.expect_err("at once");
        assert_eq!(error.kind(), ErrorKind::Auth);
    }
}
