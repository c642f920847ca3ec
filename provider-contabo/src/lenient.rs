//! Reading what others write, beside what core has for that: texts that must be texts, and numbers that the document
//! calls `integer` here and `number` there.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

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
