//! Until when a machine is paid for. A file of its own because the API does not tell: it knows when a
//! machine was ordered and, once it is cancelled, until when it lasts.
//!
//! Of a machine that is not cancelled we take it that its contract began when it was created and is
//! renewed by as many months as it first had (`t-` in the display name, else 1). That is the end of the
//! term that is being paid for; without a cancellation another one follows.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Zoned};
use vps_docker_core::model::Timestamp;

use crate::wire::Machine;

/// Until when the machine is paid for, as far as can be told at that moment; without any date that can
/// be read a whole term from then on.
pub(crate) fn end(machine: &Machine, period: u32, now: Timestamp) -> Timestamp {
    cancel_date(machine)
        .or_else(|| term_end(&machine.created_date, period, now))
        .or_else(|| plus_months(&utc(now)?, period))
        .unwrap_or(now)
}

/// Whether its contract has been cancelled.
pub(crate) fn is_cancelled(machine: &Machine) -> bool {
    !machine.cancel_date.trim().is_empty()
}

/// The beginning of the day on which it ends.
fn cancel_date(machine: &Machine) -> Option<Timestamp> {
    let text = machine.cancel_date.trim();
    if let Ok(moment) = text.parse() {
        return Some(moment);
    }
    let date: Date = text.parse().ok()?;
    timestamp(&date.to_zoned(TimeZone::UTC).ok()?)
}

/// The first end of a term, counted from the order, that is not past.
fn term_end(created: &str, period: u32, now: Timestamp) -> Option<Timestamp> {
    let created = utc(created.trim().parse().ok()?)?;
    let here = utc(now)?;
    let years = u32::try_from(here.year() - created.year()).unwrap_or(0);
    // At most the terms before the one before this.
    let past = (years * 12 / period.max(1)).saturating_sub(12 / period.max(1) + 1);
    let ends = (past.max(1)..).map(|terms| plus_months(&created, terms.saturating_mul(period)));
    // Never without an end: a date beyond the calendar is None.
    ends.take(100).find(|end| end.is_none_or(|end| end > now))?
}

fn plus_months(moment: &Zoned, months: u32) -> Option<Timestamp> {
    let months = Span::new().try_months(i64::from(months)).ok()?;
    timestamp(&moment.checked_add(months).ok()?)
}

fn utc(moment: Timestamp) -> Option<Zoned> {
    let moment = jiff::Timestamp::from_second(moment.unix_seconds()).ok()?;
    Some(moment.to_zoned(TimeZone::UTC))
}

fn timestamp(moment: &Zoned) -> Option<Timestamp> {
    Timestamp::from_unix_seconds(moment.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn machine(created: &str, cancelled: &str) -> Machine {
        let fields = json!({"instanceId": 1, "createdDate": created, "cancelDate": cancelled});
        serde_json::from_value(fields).expect("a machine")
    }

    fn end_at(created: &str, cancelled: &str, period: u32, now: &str) -> String {
        let now = now.parse().expect("a time");
        end(&machine(created, cancelled), period, now).to_string()
    }

    #[test]
    fn the_term_that_is_being_paid_for_ends_on_the_day_of_the_order() {
        for (created, period, now, expected) in [
            (
                "2026-01-31T12:00:00Z",
                1,
                "2026-02-01T00:00:00Z",
                "2026-02-28T12:00:00Z",
            ),
            (
                "2026-01-31T12:00:00Z",
                1,
                "2026-02-28T12:00:00Z",
                "2026-03-31T12:00:00Z",
            ),
            (
                "2026-01-31T12:00:00.363Z",
                1,
                "2026-01-31T12:00:01Z",
                "2026-02-28T12:00:00Z",
            ),
            (
                "2021-06-02T12:32:03Z",
                1,
                "2026-11-21T00:00:00Z",
                "2026-12-02T12:32:03Z",
            ),
            (
                "2021-06-02T12:32:03Z",
                12,
                "2026-11-21T00:00:00Z",
                "2027-06-02T12:32:03Z",
            ),
            (
                "2021-06-02T12:32:03Z",
                24,
                "2026-11-21T00:00:00Z",
                "2027-06-02T12:32:03Z",
            ),
            (
                "2026-11-01T00:00:00Z",
                6,
                "2026-11-21T00:00:00Z",
                "2027-05-01T00:00:00Z",
            ),
            // A clock that is behind.
            (
                "2026-11-22T00:00:00Z",
                1,
                "2026-11-21T00:00:00Z",
                "2026-12-22T00:00:00Z",
            ),
        ] {
            assert_eq!(
                end_at(created, "", period, now),
                expected,
                "{created} {period} {now}"
            );
        }
    }

    #[test]
    fn a_cancelled_machine_ends_on_its_cancel_date() {
        let (created, now) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
        let end = |cancelled| end_at(created, cancelled, 1, now);
        assert_eq!(end("2026-03-04"), "2026-03-04T00:00:00Z");
        assert_eq!(end("2026-03-04T05:06:07Z"), "2026-03-04T05:06:07Z");
        // Cancelled, but nobody knows for when.
        assert_eq!(end("soon"), "2026-02-01T00:00:00Z");
        assert!(is_cancelled(&machine(created, "soon")));
        assert!(!is_cancelled(&machine(created, " ")));
    }

    #[test]
    fn without_a_date_it_is_a_whole_term_from_now() {
        let end = end_at("", "", 1, "2026-01-02T00:00:00Z");
        assert_eq!(end, "2026-02-02T00:00:00Z");
    }

    proptest! {
        #[test]
        fn the_end_is_ahead_and_no_more_than_a_term_away(
            created in 0_i64..2_000_000_000,
            age in 0_i64..1_000_000_000,
            period in prop_oneof![Just(1_u32), Just(6), Just(12), Just(24)],
        ) {
            let at = |seconds| Timestamp::from_unix_seconds(seconds).expect("in range");
            let now = at(created + age);
            let end = end(&machine(&at(created).to_string(), ""), period, now);
            let ahead = end.unix_seconds() - now.unix_seconds();
            prop_assert!(ahead > 0);
            prop_assert!(ahead <= i64::from(period) * 31 * 86_400, "{ahead}");
        }

        #[test]
        fn no_date_breaks_it(created in any::<String>(), cancelled in any::<String>(), period: u32) {
            let now = Timestamp::from_unix_seconds(1_790_000_000).expect("in range");
            end(&machine(&created, &cancelled), period, now);
        }
    }
}
