use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::call::Call;
use super::clock::Clock;

/// One limit of a cloud's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateRule {
    /// Which calls it counts.
    pub(crate) concerns: fn(&Call) -> bool,
    pub(crate) shape: Shape,
}

/// How a limit counts. Times are the provider's.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// So many at once, and more as time goes by.
    Bucket { capacity: u32, per_second: f64 },
    /// So many within any span of that length.
    #[allow(dead_code, reason = "what clouds with windows use")]
    Window { most: u32, length: Duration },
}

/// How a limit stands after a call. Times are ours: it is the client who reads them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateState {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// Until all of it is free again.
    pub(crate) until_full: Duration,
    /// Until there is room for one call.
    pub(crate) until_next: Duration,
    /// Until the oldest call that counts does so no more. Of a bucket: until it is full.
    pub(crate) until_oldest: Duration,
    /// Whether this is the one that refused.
    pub(crate) exceeded: bool,
}

/// All limits of a simulator.
#[derive(Debug)]
pub(crate) struct Limiter {
    clock: Clock,
    by_source: bool,
    gauges: Vec<(RateRule, Mutex<Gauges>)>,
}

/// One for each address that calls came from, or one for all.
type Gauges = BTreeMap<Option<IpAddr>, Gauge>;

#[derive(Debug)]
enum Gauge {
    Bucket { level: f64, at: Instant },
    Window { taken: VecDeque<Instant> },
}

impl Limiter {
    pub(crate) fn new(rules: Vec<RateRule>, clock: Clock) -> Self {
        let gauges = rules.into_iter().map(|rule| (rule, Mutex::default()));
        Self {
            clock,
            by_source: false,
            gauges: gauges.collect(),
        }
    }

    /// Whether each address that calls come from is counted by itself. Default: no.
    pub(crate) fn by_source(mut self, wanted: bool) -> Self {
        self.by_source = wanted;
        self
    }

    /// Counts a call. `Err` when one of the limits that concern it does not bear it; the others have
    /// counted it all the same.
    pub(crate) fn take(&self, call: &Call) -> Result<Vec<RateState>, Vec<RateState>> {
        let mut states = Vec::new();
        for (rule, gauges) in &self.gauges {
            if (rule.concerns)(call) {
                let source = call.source().filter(|_| self.by_source);
                let mut gauges = gauges.lock().unwrap_or_else(PoisonError::into_inner);
                let gauge = gauges
                    .entry(source)
                    .or_insert_with(|| Gauge::new(rule.shape));
                states.push(gauge.take(rule.shape, self.clock));
            }
        }
        if states.iter().any(|state| state.exceeded) {
            Err(states)
        } else {
            Ok(states)
        }
    }
}

impl Gauge {
    fn new(shape: Shape) -> Self {
        match shape {
            Shape::Bucket { capacity, .. } => Self::Bucket {
                level: capacity.into(),
                at: Instant::now(),
            },
            Shape::Window { .. } => Self::Window {
                taken: VecDeque::new(),
            },
        }
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn take(&mut self, shape: Shape, clock: Clock) -> RateState {
        let now = Instant::now();
        match (self, shape) {
            (
                Self::Bucket { level, at },
                Shape::Bucket {
                    capacity,
                    per_second,
                },
            ) => {
                let per_second = per_second * clock.scale();
                let full = f64::from(capacity);
                let flowed = now.duration_since(*at).as_secs_f64() * per_second;
                *level = (*level + flowed).min(full);
                *at = now;
                let exceeded = *level < 1.0;
                if !exceeded {
                    *level -= 1.0;
                }
                let until = |wanted: f64| {
                    Duration::from_secs_f64(((wanted - *level) / per_second).max(0.0))
                };
                RateState {
                    limit: capacity,
                    remaining: *level as u32,
                    until_full: until(full),
                    until_next: until(1.0),
                    until_oldest: until(full),
                    exceeded,
                }
            }
            (Self::Window { taken }, Shape::Window { most, length }) => {
                let length = clock.ours(length);
                while taken.front().is_some_and(|first| *first + length <= now) {
                    taken.pop_front();
                }
                let exceeded = taken.len() >= most as usize;
                if !exceeded {
                    taken.push_back(now);
                }
                let until_free = |of: Option<&Instant>| {
                    of.map_or(Duration::ZERO, |at| (*at + length).duration_since(now))
                };
                let remaining = most - u32::try_from(taken.len()).unwrap_or(most);
                RateState {
                    limit: most,
                    remaining,
                    until_full: until_free(taken.back()),
                    until_next: if remaining > 0 {
                        Duration::ZERO
                    } else {
                        until_free(taken.front())
                    },
                    until_oldest: until_free(taken.front()),
                    exceeded,
                }
            }
            _ => unreachable!("a gauge is made by its own rule"),
        }
    }
}

impl RateState {
    /// The Unix time at which all of it is free again, rounded up.
    pub(crate) fn full_at(&self) -> i64 {
        unix_in(self.until_full)
    }

    /// The Unix time at which the oldest call that counts does so no more, rounded up.
    pub(crate) fn oldest_ends_at(&self) -> i64 {
        unix_in(self.until_oldest)
    }
}

fn unix_in(span: Duration) -> i64 {
    let seconds = i64::try_from(whole_seconds(span)).unwrap_or(i64::MAX);
    jiff::Timestamp::now().as_second().saturating_add(seconds)
}

/// Rounded up, so that nobody comes back too early.
pub(crate) fn whole_seconds(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use axum::extract::Request;

    use super::*;

    fn rule(shape: Shape) -> Vec<RateRule> {
        let concerns = |_: &Call| true;
        vec![RateRule { concerns, shape }]
    }

    async fn borne(limiter: &Limiter, calls: usize) -> usize {
        let (call, _) = Call::read(Request::default()).await;
        (0..calls).filter(|_| limiter.take(&call).is_ok()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_bears_its_content_and_what_flows_in() {
        let shape = Shape::Bucket {
            capacity: 3600,
            per_second: 1.0,
        };
        let limiter = Limiter::new(rule(shape), Clock::new(1.0));
        assert_eq!(borne(&limiter, 4000).await, 3600);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(borne(&limiter, 100).await, 10);
        let (call, _) = Call::read(Request::default()).await;
        let refused = limiter.take(&call).expect_err("empty")[0];
        assert_eq!(whole_seconds(refused.until_next), 1);
        assert_eq!(whole_seconds(refused.until_full), 3600);
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_bears_no_more_in_any_span_and_time_can_be_compressed() {
        let shape = Shape::Window {
            most: 30,
            length: Duration::from_secs(10),
        };
        let limiter = Limiter::new(rule(shape), Clock::new(10.0));
        assert_eq!(borne(&limiter, 20).await, 20);
        tokio::time::advance(Duration::from_millis(600)).await;
        assert_eq!(borne(&limiter, 20).await, 10);
        tokio::time::advance(Duration::from_millis(401)).await;
        assert_eq!(
            borne(&limiter, 30).await,
            20,
            "the first ones have left the span"
        );
    }
}
