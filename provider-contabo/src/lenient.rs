//! Reading what others write: a field that is not what it should be counts as missing, unless nothing
//! works without it. A file of its own because the document requires 27 fields of an instance, many of
//! which the API leaves empty.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// For `deserialize_with`: whatever cannot be read is the default.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    let value = Value::deserialize(deserializer)?;
    Ok(T::deserialize(value).unwrap_or_default())
}

/// For `deserialize_with`: what of a list can be read.
pub(crate) fn readable<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let items = match Value::deserialize(deserializer)? {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    let read = |item| T::deserialize(item).ok();
    Ok(items.into_iter().filter_map(read).collect())
}

/// For `deserialize_with`: a text that says whose something is. None at all is an empty one; anything
/// but a text is an error, for what is ours must not pass for somebody else's.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// For `deserialize_with`: an id, which the document calls an `integer` here and a `number` there.
pub(crate) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    number(&value).ok_or_else(|| D::Error::custom("an id is no number"))
}

/// For `deserialize_with`: a count, where there is one.
pub(crate) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(number(&Value::deserialize(deserializer)?))
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            let float = number.as_f64()?;
            // Up to there each whole number has a float of its own.
            let is_whole = float.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&float);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            is_whole.then_some(float as u64)
        }),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}
