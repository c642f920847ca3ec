use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How many requests a provider bears: a bucket of tokens that fills up again. Clones share it.
#[derive(Clone, Debug)]
pub struct RateLimit(Arc<Bucket>);

#[derive(Debug)]
struct Bucket {
    capacity: f64,
    per_second: f64,
    level: Mutex<Level>,
}

/// Tokens at a moment. They may be negative: those who wait have taken theirs already.
#[derive(Debug)]
struct Level {
    tokens: f64,
    at: Instant,
    held_until: Option<Instant>,
}

/// A year: longer waits come of limits that hardly let anything through, and clocks end somewhere.
const NEVER: f64 = 365.0 * 24.0 * 3600.0;

impl RateLimit {
    /// Up to `capacity` requests at once, and `per_second` more each second.
    ///
    /// # Panics
    /// When either is zero or negative: nothing could be sent.
    #[must_use]
    pub fn tokens(capacity: u32, per_second: f64) -> Self {
        assert!(capacity > 0 && per_second > 0.0, "nothing could be sent");
        Self(Arc::new(Bucket {
            capacity: capacity.into(),
            per_second,
            level: Mutex::new(Level {
                tokens: capacity.into(),
                at: Instant::now(),
                held_until: None,
            }),
        }))
    }

    /// At most `most` requests within any span of the given length, of which `burst` may come at once.
    ///
    /// # Panics
    /// Unless `burst` is at least 1 and below `most`.
    #[must_use]
    pub fn window(most: u32, length: Duration, burst: u32) -> Self {
        assert!(
            (1..most).contains(&burst),
            "the burst is a part of the whole"
        );
        // A span of that length sees a full bucket and what flows in meanwhile.
        Self::tokens(burst, f64::from(most - burst) / length.as_secs_f64())
    }

    /// The same limit, `factor` times as wide: less than 1 where other programs use the same account,
    /// more where the provider has granted more; then the flow is wider, and no more come at once. A
    /// bucket of its own. Those of a client are scaled by
    /// [`rate_limit_factor`](super::ApiClientBuilder::rate_limit_factor).
    ///
    /// # Panics
    /// Unless `factor` is more than 0.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        let capacity = (self.0.capacity * factor.min(1.0)).max(1.0);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Self::tokens(capacity as u32, self.0.per_second * factor)
    }

    /// Capacity, and tokens per second.
    #[cfg(test)]
    pub(super) fn width(&self) -> (f64, f64) {
        (self.0.capacity, self.0.per_second)
    }

    /// Waits for a token, in the order of asking. Dropped while it waits, the token is lost.
    pub(super) async fn take(&self) {
        loop {
            let turn = self.0.reserve();
            sleep_until(turn).await;
            if !self.0.is_held_after(turn) {
                return;
            }
        }
    }

    /// Nobody gets a token before that moment.
    pub(super) fn hold_until(&self, moment: Instant) {
        let mut level = self.0.level();
        level.held_until = level.held_until.max(Some(moment));
        level.tokens = level.tokens.min(1.0);
        level.at = level.at.max(moment);
    }

    /// The provider says how many it will still take: there may be others who use the account.
    pub(super) fn at_most(&self, remaining: f64) {
        let now = Instant::now();
        let mut level = self.0.level();
        self.0.refill(&mut level, now);
        level.tokens = level.tokens.min(remaining);
    }
}

impl Bucket {
    fn level(&self) -> std::sync::MutexGuard<'_, Level> {
        self.level.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refill(&self, level: &mut Level, now: Instant) {
        let passed = now.saturating_duration_since(level.at).as_secs_f64();
        level.tokens = (level.tokens + passed * self.per_second).min(self.capacity);
        level.at = level.at.max(now);
    }

    /// Takes a token and says when it may be used.
    fn reserve(&self) -> Instant {
        let now = Instant::now();
        let mut level = self.level();
        self.refill(&mut level, now);
        level.tokens -= 1.0;
        let missing = (-level.tokens).max(0.0) / self.per_second;
        level.at + Duration::from_secs_f64(missing.min(NEVER))
    }

    /// Whether the provider has asked for patience since that turn was given out.
    fn is_held_after(&self, turn: Instant) -> bool {
        self.level().held_until.is_some_and(|until| until > turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    async fn seconds_for(limit: &RateLimit, requests: u32) -> f64 {
        let began = Instant::now();
        for _ in 0..requests {
            limit.take().await;
        }
        began.elapsed().as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_in_its_turn() {
        let limit = RateLimit::tokens(10, 2.0);
        assert!(seconds_for(&limit, 10).await < 0.01);
        let rest = seconds_for(&limit, 10).await;
        assert!((4.9..5.1).contains(&rest), "{rest}");
    }

    #[tokio::test(start_paused = true)]
    async fn no_span_of_a_window_sees_more_than_it_bears() {
        let limit = RateLimit::window(30, SECOND, 5);
        let mut sent = Vec::new();
        for _ in 0..200 {
            limit.take().await;
            sent.push(Instant::now());
        }
        for (n, first) in sent.iter().enumerate() {
            let within = sent[n..].iter().take_while(|at| **at < *first + SECOND);
            assert!(within.count() <= 30);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_holds_those_who_wait_already() {
        let limit = RateLimit::tokens(1, 1.0);
        limit.take().await;
        let began = Instant::now();
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let limit = limit.clone();
                tokio::spawn(async move {
                    limit.take().await;
                    began.elapsed().as_secs_f64()
                })
            })
            .collect();
        tokio::task::yield_now().await;
        limit.hold_until(began + 10 * SECOND);
        let mut times = Vec::new();
        for one in waiting {
            times.push(one.await.expect("it ends"));
        }
        times.sort_by(f64::total_cmp);
        assert!(times[0] >= 10.0, "{times:?}");
        // Not all at once when it is over.
        assert!(times[2] - times[0] > 0.9, "{times:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_others_have_used_is_not_ours() {
        let limit = RateLimit::tokens(3600, 1.0);
        limit.at_most(0.0);
        let one = seconds_for(&limit, 1).await;
        assert!((0.9..1.1).contains(&one), "{one}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_scaled_limit_is_as_much_wider() {
        let limit = RateLimit::tokens(10, 2.0).scaled(0.5);
        assert!(seconds_for(&limit, 5).await < 0.01);
        let rest = seconds_for(&limit, 5).await;
        assert!((4.9..5.1).contains(&rest), "{rest}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_narrowest_limit_is_waited_for_and_not_a_crash() {
        let limit = RateLimit::tokens(10, 2.0).scaled(f64::MIN_POSITIVE);
        assert!(seconds_for(&limit, 1).await < 0.01);
        let hour = 3600 * SECOND;
        let second = tokio::time::timeout(hour, limit.take()).await;
        second.expect_err("its turn is far away");
    }
}
