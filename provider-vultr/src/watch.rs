//! Waiting. Vultr has no actions that tell how far something is, so whoever waits must look; and as
//! it counts requests by source address, what many wait for is looked at once for all of them.

use std::time::Duration;

use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};
use tokio::time::{Instant, sleep_until};
use vps_docker_core::{Error, ErrorKind, Result};

/// A listing that is fetched once for all who want it at the same time.
#[derive(Debug)]
pub(crate) struct Shared<T>(Mutex<Option<Look<T>>>);

/// What was seen, and when the look began.
#[derive(Debug)]
pub(crate) struct Look<T> {
    pub(crate) began: Instant,
    pub(crate) items: Vec<T>,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
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

impl<T> Look<T> {
    /// The moment from which a look is a newer one.
    pub(crate) fn next(&self) -> Instant {
        self.began + Duration::from_nanos(1)
    }
}

/// A wait that looks at first often, then less so, up to a deadline.
#[derive(Debug)]
pub(crate) struct Wait {
    what: String,
    patience: Duration,
    deadline: Instant,
    pause: Duration,
    /// Why the last look could not be had.
    fault: Option<Error>,
}

impl Wait {
    /// A wait of that length; `what` for people, such as `the snapshot to be complete`.
    pub(crate) fn new(what: impl Into<String>, patience: Duration) -> Self {
        Self {
            what: what.into(),
            patience,
            deadline: Instant::now() + patience,
            pause: Duration::from_millis(500),
            fault: None,
        }
    }

    /// Passes over a fault that may pass; it is told at the deadline.
    ///
    /// # Errors
    /// Any other.
    pub(crate) fn bear(&mut self, fault: Error) -> Result<()> {
        if !fault.is_retryable() {
            return Err(fault);
        }
        self.fault = Some(fault);
        Ok(())
    }

    /// Returns when it is time for the next look.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`] at the deadline, with the last fault.
    pub(crate) async fn pause(&mut self) -> Result<()> {
        let next = Instant::now() + self.pause;
        if next >= self.deadline {
            let error = Error::new(
                ErrorKind::Timeout,
                format!(
                    "{} was waited for and did not come within {} s",
                    self.what,
                    self.patience.as_secs()
                ),
            )
            .retryable();
            return Err(match self.fault.take() {
                Some(fault) => error.with_source(fault),
                None => error,
            });
        }
        sleep_until(next).await;
        self.pause = (self.pause * 3 / 2).min(Duration::from_secs(5));
        Ok(())
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
pub(crate) async fn when_unlocked<A>(attempt: impl Fn() -> A) -> Result<()>
where
    A: Future<Output = Result<()>>,
{
    let mut wait = Wait::new("the end of a lock", LOCK_PATIENCE);
    loop {
        match attempt().await {
            Err(error) if error.kind() == ErrorKind::Locked => {
                if wait.pause().await.is_err() {
                    return Err(error);
                }
            }
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

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
            let mut moment = Instant::now();
            for round in 0..3 {
                let seen = shared.since(moment, look).await.expect("seen");
                assert!(
                    seen.items[0] >= round,
                    "nobody is shown the same look twice"
                );
                moment = seen.next();
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
    async fn a_wait_ends_at_its_deadline_and_tells_the_last_fault() {
        let mut wait = Wait::new("spring", Duration::from_secs(60));
        let began = Instant::now();
        wait.bear(Error::new(ErrorKind::Unreachable, "cut off").retryable())
            .expect("it may pass");
        let mut looks = 0;
        let error = loop {
            looks += 1;
            if let Err(error) = wait.pause().await {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.to_string().contains("spring"), "{error}");
        assert!(std::error::Error::source(&error).is_some());
        assert!(began.elapsed() <= Duration::from_secs(60));
        assert!(
            (12..20).contains(&looks),
            "often at first, then less so: {looks}"
        );
        wait.bear(Error::new(ErrorKind::Auth, "no"))
            .expect_err("final");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lock_is_waited_out_but_not_for_ever() {
        let tries = AtomicU32::new(0);
        let locked = || Error::new(ErrorKind::Locked, "at work").retryable();
        when_unlocked(|| async {
            if tries.fetch_add(1, Relaxed) < 10 {
                Err(locked())
            } else {
                Ok(())
            }
        })
        .await
        .expect("unlocked in the end");
        let error = when_unlocked(|| async { Err(locked()) })
            .await
            .expect_err("for ever");
        assert_eq!(error.kind(), ErrorKind::Locked);
        let other = || async { Err(Error::new(ErrorKind::Auth, "no")) };
        let error = when_unlocked(other).await.expect_err("at once");
        assert_eq!(error.kind(), ErrorKind::Auth);
    }
}
