use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// A moment. RFC 3339 in UTC when written (`2026-11-21T04:42:19Z`),
/// Unix seconds in tags.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// The current time of this machine's clock, fractions of a second dropped.
    #[must_use]
    pub fn now() -> Self {
        let now = jiff::Timestamp::now();
        Self(jiff::Timestamp::from_second(now.as_second()).unwrap_or(now))
    }

    /// The moment so many seconds after 1970-01-01T00:00:00Z; `None` beyond the year 9999.
    #[must_use]
    pub fn from_unix_seconds(seconds: i64) -> Option<Self> {
        jiff::Timestamp::from_second(seconds).ok().map(Self)
    }

    /// Seconds since 1970-01-01T00:00:00Z, fractions dropped.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        self.0.as_second()
    }

    /// This moment and `later`; the year 9999 at the latest.
    #[must_use]
    pub fn plus(self, later: Duration) -> Self {
        Self(self.0.checked_add(later).unwrap_or(jiff::Timestamp::MAX))
    }

    /// The same day and time so many months later, or the last day of that month where it has no such day.
    pub(crate) fn plus_months(self, months: i32) -> Self {
        let then = self.utc().checked_add(jiff::Span::new().months(months));
        Self(then.map_or(jiff::Timestamp::MAX, |then| then.timestamp()))
    }

    /// The moment when the next calendar month begins, in UTC.
    pub(crate) fn next_month(self) -> Self {
        let first = self
            .utc()
            .first_of_month()
            .and_then(|day| day.start_of_day());
        let next = first.and_then(|first| first.checked_add(jiff::Span::new().months(1)));
        Self(next.map_or(jiff::Timestamp::MAX, |next| next.timestamp()))
    }

    fn utc(self) -> jiff::Zoned {
        self.0.to_zoned(jiff::tz::TimeZone::UTC)
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self(jiff::Timestamp::try_from(time).unwrap_or(jiff::Timestamp::MAX))
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        time.0.into()
    }
}

impl std::str::FromStr for Timestamp {
    type Err = crate::Error;

    /// Reads RFC 3339.
    fn from_str(text: &str) -> crate::Result<Self> {
        text.parse().map(Self).map_err(|error: jiff::Error| {
            crate::Error::new(
                crate::ErrorKind::Invalid,
                format!("{text:?} is not an RFC 3339 time"),
            )
            .with_source(error)
        })
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
