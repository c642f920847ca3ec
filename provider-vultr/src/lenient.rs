//! How Vultr's own kinds of values are read, whatever they are: a file of its own because prices are
//! floating-point numbers there, and a list that is not told means another thing than an empty one.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Visitor};
use serde_json::Value;

/// An amount of money, exactly as it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Amount(pub(crate) Decimal);

/// The entries that can be read. PHP writes a map without entries as a list.
pub(crate) fn readable_entries<'de, D, T>(deserializer: D) -> Result<BTreeMap<String, T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let Value::Object(entries) = Value::deserialize(deserializer)? else {
        return Ok(BTreeMap::new());
    };
    let read = |(key, value)| Some((key, serde_json::from_value(value).ok()?));
    Ok(entries.into_iter().filter_map(read).collect())
}

/// The texts among the entries of a list. Something else than a list has none; null is no list.
pub(crate) fn readable_texts<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<String>>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => None,
        Value::Array(values) => {
            let text = |value| serde_json::from_value(value).ok();
            Some(values.into_iter().filter_map(text).collect())
        }
        _ => Some(Vec::new()),
    })
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor)
    }
}

struct AmountVisitor;

impl Visitor<'_> for AmountVisitor {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount of money")
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Amount, E> {
        Ok(Amount(value.into()))
    }

    fn visit_i64<E: serde::de::Error>(self, _value: i64) -> Result<Amount, E> {
        Err(E::custom("a price below nothing"))
    }

    /// A number of up to 15 digits comes out of the nearest f64 as the digits it was written with,
    /// as the shortest text that reads back is printed.
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Amount, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Amount, E> {
        let amount = Decimal::from_str(text).map_err(E::custom)?;
        if amount.is_sign_negative() {
            return Err(E::custom("a price below nothing"));
        }
        Ok(Amount(amount))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::Plan;

    fn amount(text: &str) -> Option<Decimal> {
        let plan: Plan =
            serde_json::from_str(&format!(r#"{{"monthly_cost":{text}}}"#)).expect(text);
        plan.monthly_cost.map(|amount| amount.0)
    }

    #[test]
    fn prices_are_the_digits_they_are_written_with() {
        for text in [
            "0.007",
            "0.3",
            "5",
            "2.5",
            "0.1",
            "1119.999",
            "0.029761904761904",
        ] {
            let exact = Decimal::from_str(text).expect("a number");
            assert_eq!(amount(text), Some(exact), "{text}");
            assert_eq!(amount(&format!("\"{text}\"")), Some(exact), "{text}");
        }
        for text in ["-1", "-0.5", "\"free\"", "null", "[]", "1e400"] {
            // 1e400 is no number of this format and is refused with the whole document.
            if text != "1e400" {
                assert_eq!(amount(text), None, "{text}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_price_of_fifteen_digits_is_exact(digits in 0_u64..1_000_000_000_000_000, scale in 0_u32..12) {
            let exact = Decimal::from_i128_with_scale(digits.into(), scale);
            prop_assert_eq!(amount(&exact.to_string()), Some(exact));
        }
    }

    #[test]
    fn a_map_without_entries_may_be_a_list() {
        let plan: Plan = serde_json::from_str(r#"{"location_cost":[]}"#).expect("read");
        assert!(plan.location_cost.is_empty());
    }

    #[test]
    fn where_a_plan_is_may_be_nowhere_or_untold() {
        for (text, locations) in [
            ("{}", None),
            (r#"{"locations":null}"#, None),
            (r#"{"locations":[]}"#, Some(vec![])),
            (r#"{"locations":["fra",1]}"#, Some(vec!["fra".to_owned()])),
            (r#"{"locations":"fra"}"#, Some(vec![])),
        ] {
            let plan: Plan = serde_json::from_str(text).expect("read");
            assert_eq!(plan.locations, locations, "{text}");
        }
    }
}
