//! Contracts: what an order really makes. They are prolonged by their term until they are cancelled, and the
//! machine goes on to the end that the cancellation names.

use std::time::Duration;

use axum::extract::State;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde_json::{Value, json};

use super::account::owned;
use super::listing;
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::refusal::{Reason, Refusal};
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::state::Contract;
use crate::cloud_sim::world::{Instance, World};

/// Where an instance keeps the months of its term, and the date it was cancelled to.
pub(super) const PERIOD: &str = "period";
const CANCEL_DATE: &str = "cancelDate";

/// Months that can be ordered, as the document's text has them; its example has another one.
const PERIODS: [i64; 3] = [1, 12, 24];
/// How long what ends waits when something else still works on it.
const PATIENCE: Duration = Duration::from_millis(1000);

/// Checks the months of an order.
///
/// # Errors
/// Invalid.
pub(super) fn check_period(months: i64) -> Result<(), Refusal> {
    if PERIODS.contains(&months) {
        return Ok(());
    }
    Err(Refusal::invalid("period", "must be 1, 12 or 24 months"))
}

/// `POST /v1/compute/instances/{instanceId}/cancel`
///
/// What it does is not stated. Here the contract ends with the term that runs, or with the one that runs at `cancelDate`.
/// A second cancellation is refused, and so is one of what was bought elsewhere: as 422.
pub(super) async fn cancel(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "instance")?;
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let wanted = wanted_date(&call)?;
    if wanted.is_some_and(|date| date < today) {
        return Err(Refusal::invalid(CANCEL_DATE, "lies in the past"));
    }
    let (ends, span) = {
        let mut world = sim.world();
        let clock = world.clock();
        let instance = world.instance_mut(id, "instance")?;
        if instance.foreign {
            let why = "the instance cannot be cancelled here, it was bought in the customer panel";
            return Err(Refusal::new(Reason::Own(422, "foreign"), why));
        }
        if instance.extra.contains_key(CANCEL_DATE) {
            let why = "the instance is already cancelled";
            return Err(Refusal::new(Reason::Own(422, "cancelled"), why));
        }
        let ends = end_of_term(instance, wanted.unwrap_or(today).max(today));
        let text = ends.to_string();
        instance.extra.insert(CANCEL_DATE.to_owned(), text.into());
        (ends, clock.ours(until(ends)))
    };
    if !call.injected.stuck {
        tokio::spawn(end(sim, call.clone(), id, span));
    }
    let cancelled = json!({"instanceId": id, "cancelDate": ends.to_string()});
    Ok(Answer::created(listing::one(&call, owned(cancelled))))
}

/// Takes the machine away when its contract is over. Nobody waits for it.
async fn end(sim: Sim, call: Call, id: Id, span: Duration) {
    tokio::time::sleep(span).await;
    loop {
        match sim.delete_instance(&call, id, "instance") {
            Err(refusal) if refusal.reason == Reason::Locked => {
                let patience = sim.world().clock().ours(PATIENCE);
                tokio::time::sleep(patience).await;
            }
            _done_or_gone => return,
        }
    }
}

/// All contracts that run.
pub(super) fn all(world: &World) -> Vec<Contract> {
    let own = world.instances.values().filter(|own| !own.foreign);
    own.map(|instance| {
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        let price = world.offer.plan(&instance.plan);
        let price = price.map(|plan| plan.price_in(&instance.region).monthly);
        let cancelled = cancel_date(instance).as_str().map(str::to_owned);
        Contract {
            instance: instance.id.to_string(),
            months: period(instance),
            monthly: price.unwrap_or_default(),
            cancelled: cancelled.is_some(),
            ends: cancelled.unwrap_or_else(|| end_of_term(instance, today).to_string()),
        }
    })
    .collect()
}

/// As the API shows it: null unless it was cancelled.
pub(super) fn cancel_date(instance: &Instance) -> Value {
    instance
        .extra
        .get(CANCEL_DATE)
        .cloned()
        .unwrap_or(Value::Null)
}

fn period(instance: &Instance) -> i64 {
    let months = instance.extra.get(PERIOD).and_then(Value::as_i64);
    months.unwrap_or(1)
}

/// The first end of a term that is behind that day.
fn end_of_term(instance: &Instance, day: Date) -> Date {
    let begun = instance.created.to_zoned(TimeZone::UTC).date();
    let terms =
        (1..).map(|number| begun.saturating_add(Span::new().months(number * period(instance))));
    terms
        .into_iter()
        .find(|end| *end > day)
        .unwrap_or(Date::MAX)
}

fn until(day: Date) -> Duration {
    let midnight = day.to_zoned(TimeZone::UTC);
    let left = midnight.map(|midnight| midnight.timestamp().duration_since(Timestamp::now()));
    left.ok()
        .and_then(|left| left.try_into().ok())
        .unwrap_or_default()
}

/// The date is asked for as a point in time and answered as a day.
fn wanted_date(call: &Call) -> Result<Option<Date>, Refusal> {
    let Some(text) = call.json_text(CANCEL_DATE) else {
        return Ok(None);
    };
    let time: Result<Timestamp, _> = text.parse();
    match time {
        Ok(time) => Ok(Some(time.to_zoned(TimeZone::UTC).date())),
        Err(_) => Err(Refusal::invalid(CANCEL_DATE, "is no date and time")),
    }
}
