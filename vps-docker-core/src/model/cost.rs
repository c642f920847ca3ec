use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;

use super::{
    Catalog, Instance, InstanceId, InstanceSnapshot, InstanceState, Money, OwnerId, Price,
    SnapshotId, Timestamp,
};

/// What is paid for at a provider, by its own prices, taxes left out: instances and their snapshots. What a provider
/// bills apart, such as traffic, addresses or backups, is not in it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Costs {
    /// The provider's registered name.
    pub provider: String,
    /// Every instance with our marker, whoever ordered it, by name. One that is stopped is billed all the same.
    pub instances: Vec<InstanceCost>,
    /// Snapshots of instances of this owner, by name.
    pub snapshots: Vec<SnapshotCost>,
}

/// What one instance costs.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct InstanceCost {
    /// The host's name, else that of the instance.
    pub name: String,
    /// The provider's id.
    pub instance_id: InstanceId,
    /// Who ordered it; `None` when its tags do not tell.
    pub owner: Option<OwnerId>,
    /// Whether there is a host on it.
    pub standing: Standing,
    /// What the provider says of it.
    pub state: InstanceState,
    /// Region id.
    pub region: String,
    /// Plan id.
    pub plan: String,
    /// As the catalogue has it now; empty for a plan that the provider does not offer any more.
    pub price: Price,
    /// Since when it is billed; `None` when the provider does not tell.
    pub since: Option<Timestamp>,
    /// What it has come to, by [`Price::so_far`].
    pub so_far: Option<Money>,
}

/// What one snapshot of an instance costs.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SnapshotCost {
    /// Its name at the provider.
    pub name: String,
    /// The provider's id.
    pub id: SnapshotId,
    /// Stored size in bytes, where known.
    pub size_bytes: Option<u64>,
    /// What a month costs; `None` when the provider does not state a price or a size.
    pub monthly: Option<Money>,
    /// Since when it is billed; `None` when the provider does not tell.
    pub since: Option<Timestamp>,
    /// What it has come to.
    pub so_far: Option<Money>,
}

/// Whether an instance is of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Standing {
    /// A host is on it, running or not.
    Host,
    /// A create is, or may be, under way.
    Unfinished,
    /// Interrupted work has left it: [`gc`](crate::VpsDockerProvider::gc) removes it.
    Leftover,
}

/// A sum in one currency. Currencies are never added together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CostTotal {
    /// ISO 4217.
    pub currency: String,
    /// What a month costs as it stands: of what has an hourly price only, 730 hours.
    pub monthly: Decimal,
    /// What all of it has come to.
    pub so_far: Decimal,
}

/// Hours of a month, on the average.
const HOURS: i64 = 730;

impl Costs {
    /// The sums of several providers, a currency each, in the order of their codes. What has no price is in none
    /// of them: see [`untold`](Self::untold).
    #[must_use]
    pub fn totals<'a>(costs: impl IntoIterator<Item = &'a Self>) -> Vec<CostTotal> {
        let mut totals: BTreeMap<&str, (Decimal, Decimal)> = BTreeMap::new();
        for costs in costs {
            let instances = costs.instances.iter();
            let instances = instances.map(|one| (one.price.a_month(), &one.so_far));
            let snapshots = costs.snapshots.iter();
            let snapshots = snapshots.map(|one| (one.monthly.as_ref().map(parts), &one.so_far));
            for (monthly, so_far) in instances.chain(snapshots) {
                if let Some((currency, amount)) = monthly {
                    totals.entry(currency).or_default().0 += amount;
                }
                if let Some((currency, amount)) = so_far.as_ref().map(parts) {
                    totals.entry(currency).or_default().1 += amount;
                }
            }
        }
        let totals = totals.into_iter();
        totals
            .map(|(currency, (monthly, so_far))| CostTotal {
                currency: currency.to_owned(),
                monthly: monthly.normalize(),
                so_far: so_far.normalize(),
            })
            .collect()
    }

    /// How many things are here whose price is not told.
    #[must_use]
    pub fn untold(&self) -> usize {
        let instances = self.instances.iter();
        let instances = instances.filter(|one| one.price.a_month().is_none());
        let snapshots = self.snapshots.iter().filter(|one| one.monthly.is_none());
        instances.count() + snapshots.count()
    }
}

impl InstanceCost {
    pub(crate) fn of(
        instance: Instance,
        name: String,
        owner: Option<OwnerId>,
        standing: Standing,
        catalog: &Catalog,
        now: Timestamp,
    ) -> Self {
        let mut plans = catalog.plans.iter();
        let plan = plans.find(|plan| plan.id == instance.plan);
        let price = plan.map(|plan| plan.price_in(&instance.region).clone());
        let price = price.unwrap_or_default();
        let since = instance.created_at;
        Self {
            so_far: since.and_then(|since| price.so_far(since, now)),
            name,
            instance_id: instance.id,
            owner,
            standing,
            state: instance.state,
            region: instance.region,
            plan: instance.plan,
            price,
            since,
        }
    }
}

impl SnapshotCost {
    pub(crate) fn of(snapshot: InstanceSnapshot, catalog: &Catalog, now: Timestamp) -> Self {
        let gigabyte = Decimal::from(1_000_000_000);
        let monthly = match (&catalog.snapshot_gb_month, snapshot.size_bytes) {
            (Some(price), Some(bytes)) => Some(Money {
                amount: (price.amount * Decimal::from(bytes) / gigabyte).round_dp(4),
                currency: price.currency.clone(),
            }),
            _ => None,
        };
        let an_hour = |money: &Money| Money {
            amount: money.amount / Decimal::from(HOURS),
            currency: money.currency.clone(),
        };
        let price = Price {
            hourly: monthly.as_ref().map(an_hour),
            monthly: None,
        };
        let since = snapshot.created_at;
        Self {
            so_far: since.and_then(|since| price.so_far(since, now)),
            name: snapshot.name,
            id: snapshot.id,
            size_bytes: snapshot.size_bytes,
            monthly,
            since,
        }
    }
}

impl Price {
    /// What it has come to from one moment to another: hours that were begun, and of a calendar month (UTC) no more
    /// than its price. Where no hourly price is told, months that were begun. To four places; the bill is the
    /// provider's. `None` when no price is told.
    #[must_use]
    pub fn so_far(&self, since: Timestamp, until: Timestamp) -> Option<Money> {
        let (amount, currency) = match (&self.hourly, &self.monthly) {
            (Some(hourly), monthly) => {
                // The limit is one only in the same currency.
                let limit = monthly.as_ref();
                let limit = limit.filter(|limit| limit.currency == hourly.currency);
                let limit = limit.map_or(Decimal::MAX, |limit| limit.amount);
                let (mut amount, mut from) = (Decimal::ZERO, since);
                while from < until {
                    let to = from.next_month().min(until);
                    let seconds = to.unix_seconds() - from.unix_seconds();
                    let hours = (seconds + 3599) / 3600;
                    amount += (hourly.amount * Decimal::from(hours)).min(limit);
                    from = to;
                }
                (amount, &hourly.currency)
            }
            (None, Some(monthly)) => {
                let mut months = 0;
                while since.plus_months(months) < until {
                    months += 1;
                }
                (monthly.amount * Decimal::from(months), &monthly.currency)
            }
            (None, None) => return None,
        };
        Some(Money {
            amount: amount.round_dp(4).normalize(),
            currency: currency.clone(),
        })
    }

    /// Currency and amount of a month.
    fn a_month(&self) -> Option<(&str, Decimal)> {
        match (&self.monthly, &self.hourly) {
            (Some(monthly), _) => Some(parts(monthly)),
            (None, Some(hourly)) => Some((&hourly.currency, hourly.amount * Decimal::from(HOURS))),
            (None, None) => None,
        }
    }
}

fn parts(money: &Money) -> (&str, Decimal) {
    (&money.currency, money.amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str, currency: &str) -> Option<Money> {
        Some(Money {
            amount: text.parse().expect("a number"),
            currency: currency.into(),
        })
    }

    fn so_far(hourly: &str, monthly: &str, since: &str, until: &str) -> Option<String> {
        let told = |text: &str| (!text.is_empty()).then(|| money(text, "EUR")).flatten();
        let price = Price {
            hourly: told(hourly),
            monthly: told(monthly),
        };
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        let money = price.so_far(time(since), time(until));
        money.map(|money| money.to_string())
    }

    #[test]
    fn hours_that_were_begun_are_paid_and_no_month_costs_more_than_its_price() {
        for (hourly, monthly, since, until, expected) in [
            (
                "0.006",
                "3.79",
                "2026-11-03T10:30:00Z",
                "2026-11-03T10:30:01Z",
                "0.006 EUR",
            ),
            (
                "0.006",
                "3.79",
                "2026-11-03T10:30:00Z",
                "2026-11-03T12:30:00Z",
                "0.012 EUR",
            ),
            (
                "0.006",
                "3.79",
                "2026-11-03T10:30:00Z",
                "2026-11-03T12:30:01Z",
                "0.018 EUR",
            ),
            // 720 hours would cost 4.32.
            (
                "0.006",
                "3.79",
                "2026-11-01T00:00:00Z",
                "2026-12-01T00:00:00Z",
                "3.79 EUR",
            ),
            (
                "0.006",
                "3.79",
                "2026-11-01T00:00:00Z",
                "2026-12-01T01:00:00Z",
                "3.796 EUR",
            ),
            (
                "0.006",
                "3.79",
                "2025-12-31T23:00:00Z",
                "2026-02-01T00:00:00Z",
                "3.796 EUR",
            ),
            (
                "0.006",
                "",
                "2026-11-01T00:00:00Z",
                "2026-12-01T00:00:00Z",
                "4.32 EUR",
            ),
            (
                "",
                "4.50",
                "2026-11-30T00:00:00Z",
                "2026-11-30T01:00:00Z",
                "4.5 EUR",
            ),
            (
                "",
                "4.50",
                "2026-01-31T00:00:00Z",
                "2026-03-01T00:00:00Z",
                "9 EUR",
            ),
            // A clock that is behind costs nothing.
            (
                "0.006",
                "3.79",
                "2026-11-03T10:30:00Z",
                "2026-11-03T10:00:00Z",
                "0 EUR",
            ),
        ] {
            let told = so_far(hourly, monthly, since, until).expect("a price");
            assert_eq!(told, expected, "{since} {until}");
        }
        let (since, until) = ("2026-11-03T10:30:00Z", "2026-11-03T12:30:00Z");
        assert_eq!(so_far("", "", since, until), None);
    }

    #[test]
    fn currencies_are_not_added_together_and_what_is_not_told_is_counted() {
        let now = Timestamp::now();
        let instance = |price: Price, so_far| InstanceCost {
            price,
            so_far,
            ..InstanceCost::of(
                Instance::new(InstanceId::new("1"), "web", InstanceState::Stopped),
                "web".into(),
                None,
                Standing::Host,
                &Catalog::default(),
                now,
            )
        };
        let costs = |instances| Costs {
            provider: "p".into(),
            instances,
            snapshots: Vec::new(),
        };
        let price = |hourly, monthly| Price { hourly, monthly };
        let euros = costs(vec![
            instance(price(None, money("4.50", "EUR")), money("9", "EUR")),
            instance(Price::default(), None),
        ]);
        let both = costs(vec![
            instance(price(money("0.01", "USD"), None), money("0.5", "USD")),
            instance(price(None, money("1.50", "EUR")), money("1.5", "EUR")),
        ]);
        assert_eq!((euros.untold(), both.untold()), (1, 0));
        let totals = Costs::totals([&euros, &both]);
        let shown: Vec<String> = totals
            .iter()
            .map(|one| format!("{} {} {}", one.currency, one.monthly, one.so_far))
            .collect();
        assert_eq!(shown, ["EUR 6 10.5", "USD 7.3 0.5"]);
    }

    #[test]
    fn a_snapshot_costs_by_its_size_where_both_are_told() {
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        let mut snapshot = InstanceSnapshot::new(SnapshotId::new("7"), "golden");
        snapshot.created_at = Some(time("2026-11-01T00:00:00Z"));
        let now = time("2026-11-02T00:00:00Z");
        let catalog = Catalog {
            snapshot_gb_month: money("0.0143", "EUR"),
            ..Catalog::default()
        };
        let untold = SnapshotCost::of(snapshot.clone(), &catalog, now);
        assert_eq!((untold.monthly, untold.so_far), (None, None));
        snapshot.size_bytes = Some(10_000_000_000);
        let told = SnapshotCost::of(snapshot.clone(), &catalog, now);
        assert_eq!(told.monthly, money("0.1430", "EUR"));
        assert_eq!(told.so_far, money("0.0047", "EUR"));
        let none = SnapshotCost::of(snapshot, &Catalog::default(), now);
        assert_eq!(none.monthly, None);
    }
}
