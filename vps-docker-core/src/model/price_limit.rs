use rust_decimal::Decimal;

use super::{Catalog, Money, Offer, Plan, Price};
use crate::error::{Error, ErrorKind, Result};

/// The most that a VPS may cost, in the currency that the provider states. Taxes are left out, as they
/// are in the provider's prices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PriceLimit {
    /// An hour.
    pub hourly: Option<Decimal>,
    /// A month.
    pub monthly: Option<Decimal>,
}

impl PriceLimit {
    /// Whether it is no more than the limit. A price that the provider does not tell never fits.
    #[must_use]
    pub fn fits(&self, price: &Price) -> bool {
        let fits = |limit: Option<Decimal>, price: &Option<Money>| match (limit, price) {
            (None, _) => true,
            (Some(limit), Some(money)) => money.amount <= limit,
            (Some(_), None) => false,
        };
        fits(self.hourly, &price.hourly) && fits(self.monthly, &price.monthly)
    }

    /// Leaves the offers that fit.
    ///
    /// # Errors
    /// [`ErrorKind::Payment`] when none does, with what the cheapest of them costs and the cheapest plan of the
    /// catalogue that fits.
    pub(crate) fn retain(&self, offers: &mut Vec<Offer<'_>>, catalog: &Catalog) -> Result<()> {
        let cheapest = offers
            .iter()
            .min_by_key(|offer| order(offer.plan.price_in(&offer.region.id)));
        let costs = cheapest.map(|offer| {
            let price = offer.plan.price_in(&offer.region.id);
            format!(
                "{} in {} costs {}",
                offer.plan.id,
                offer.region.id,
                told(price)
            )
        });
        offers.retain(|offer| self.fits(offer.plan.price_in(&offer.region.id)));
        if !offers.is_empty() {
            return Ok(());
        }
        let text = format!(
            "nothing was ordered: {}, more than was allowed; {}",
            costs.unwrap_or_else(|| "what was asked for".to_owned()),
            self.way_out(catalog)
        );
        Err(Error::new(ErrorKind::Payment, text))
    }

    fn way_out(&self, catalog: &Catalog) -> String {
        let priced = |plan: &Plan| {
            catalog
                .regions
                .iter()
                .filter(|region| plan.is_in(region))
                .map(|region| {
                    let price = plan.price_in(&region.id).clone();
                    (plan.id.clone(), region.id.clone(), price)
                })
                .collect::<Vec<_>>()
        };
        let all: Vec<_> = catalog.plans.iter().flat_map(priced).collect();
        let fitting = all.iter().filter(|(_, _, price)| self.fits(price));
        match fitting.min_by_key(|(_, _, price)| order(price)) {
            Some((plan, region, price)) => {
                format!(
                    "the cheapest plan that fits is {plan} in {region}, at {}",
                    told(price)
                )
            }
            None => match all.iter().min_by_key(|(_, _, price)| order(price)) {
                Some((plan, region, price)) => format!(
                    "no plan fits: the cheapest is {plan} in {region}, at {}",
                    told(price)
                ),
                None => "the provider has no plans".to_owned(),
            },
        }
    }
}

/// What is not told comes last.
fn order(price: &Price) -> (Decimal, Decimal) {
    let amount = |money: &Option<Money>| money.as_ref().map_or(Decimal::MAX, |money| money.amount);
    (amount(&price.monthly), amount(&price.hourly))
}

fn told(price: &Price) -> String {
    match (&price.monthly, &price.hourly) {
        (Some(monthly), Some(hourly)) => format!("{monthly} a month, {hourly} an hour"),
        (Some(monthly), None) => format!("{monthly} a month"),
        (None, Some(hourly)) => format!("{hourly} an hour"),
        (None, None) => "what the provider does not tell".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Region;

    fn money(amount: i64) -> Option<Money> {
        Some(Money {
            amount: Decimal::new(amount, 2),
            currency: "EUR".into(),
        })
    }

    fn catalog() -> Catalog {
        let plan = |id: &str, hourly, monthly| Plan {
            id: id.into(),
            description: String::new(),
            cpus: 1,
            memory_mib: 1024,
            disk_gib: None,
            price: Price { hourly, monthly },
            regional_prices: std::collections::BTreeMap::new(),
            regions: Vec::new(),
        };
        Catalog {
            regions: vec![Region {
                id: "fsn1".into(),
                description: String::new(),
            }],
            plans: vec![
                plan("untold", None, None),
                plan("large", money(5), money(2000)),
                plan("small", money(1), money(400)),
            ],
            ..Catalog::default()
        }
    }

    fn limit(hourly: Option<i64>, monthly: Option<i64>) -> PriceLimit {
        let decimal = |cents: Option<i64>| cents.map(|cents| Decimal::new(cents, 2));
        PriceLimit {
            hourly: decimal(hourly),
            monthly: decimal(monthly),
        }
    }

    fn left(limit: &PriceLimit, plans: Option<&str>) -> Result<Vec<String>> {
        let catalog = catalog();
        let mut offers = catalog.offers(plans, None)?;
        limit.retain(&mut offers, &catalog)?;
        Ok(offers.iter().map(|offer| offer.plan.id.clone()).collect())
    }

    #[test]
    fn what_costs_more_or_is_not_told_is_left_out() {
        let several = Some("large,small,untold");
        assert_eq!(
            left(&limit(None, Some(2000)), several).expect("fits"),
            ["large", "small"]
        );
        assert_eq!(
            left(&limit(Some(4), None), several).expect("fits"),
            ["small"]
        );
        assert_eq!(
            left(&PriceLimit::default(), several)
                .expect("no limit")
                .len(),
            3
        );
    }

    #[test]
    fn the_refusal_names_the_cheapest_plan_that_fits() {
        let error = left(&limit(None, Some(500)), Some("large")).expect_err("too dear");
        assert_eq!(error.kind(), ErrorKind::Payment);
        for part in [
            "large in fsn1 costs 20.00 EUR a month",
            "small in fsn1, at 4.00 EUR a month",
        ] {
            assert!(error.to_string().contains(part), "{error}");
        }
        let error = left(&limit(None, Some(1)), Some("large")).expect_err("too dear");
        assert!(
            error
                .to_string()
                .contains("no plan fits: the cheapest is small"),
            "{error}"
        );
    }
}
