use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

/// How often and how long one request is tried.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Tries in all. Default 5. A provider that asks for patience (429) is asked again until the
    /// deadline instead.
    pub tries: usize,
    /// The first pause; each further one is twice as long, with jitter. Default 250 ms.
    pub first_pause: Duration,
    /// The longest pause. Default 8 s.
    pub longest_pause: Duration,
    /// For one try, answer included. Default 30 s.
    pub try_timeout: Duration,
    /// For all tries together. Default 120 s.
    pub total_timeout: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            tries: 5,
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(8),
            try_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(120),
        }
    }
}

impl RetryPolicy {
    /// The pauses between tries, without an end: the number of tries is counted elsewhere.
    pub(super) fn pauses(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        ExponentialBuilder::default()
            .with_min_delay(self.first_pause)
            .with_max_delay(self.longest_pause)
            .with_jitter()
            .without_max_times()
            .build()
    }
}
