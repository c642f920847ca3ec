//! How an answer is read: what nothing works without must be there, anything else may be missing or of
//! another shape than documented. In a file of its own, as every wire type uses it.

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};
use serde_json::Value;

/// The field, or its default where it is null or of another shape. Use with `#[serde(default)]`.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    let value = Value::deserialize(deserializer)?;
    Ok(T::deserialize(value).unwrap_or_default())
}

/// Those entries of a list that can be read.
pub(crate) fn readable<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let values: Vec<Value> = or_default(deserializer)?;
    let entries = values.into_iter().map(T::deserialize);
    Ok(entries.filter_map(Result::ok).collect())
}

/// A list, each entry of which must be readable; null is an empty one, as some services write it.
pub(crate) fn null_is_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// An id that is a number in some answers and a text in others.
pub(crate) fn number_or_text<'de, D>(deserializer: D) -> Result<String, D::Error>
where
    D: Deserializer<'de>,
{
    let value = Value::deserialize(deserializer)?;
    id_text(&value).ok_or_else(|| {
        serde::de::Error::invalid_type(serde::de::Unexpected::Other("no id"), &"a number or a text")
    })
}

/// The same where it may be missing.
pub(crate) fn perhaps_number_or_text<'de, D>(deserializer: D) -> Result<Option<String>, D::Error>
where
    D: Deserializer<'de>,
{
    Ok(id_text(&Value::deserialize(deserializer)?))
}

fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) if number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

/// An enumeration of the API's, with a last arm `Unknown` for what it does not know (yet).
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$arm_doc:meta])* $arm:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
        #[serde(from = "String")]
        pub(crate) enum $name {
            $($(#[$arm_doc])* $arm,)+
            /// A word that we do not know.
            Unknown(String),
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                match word.as_str() {
                    $($word => Self::$arm,)+
                    _ => Self::Unknown(word),
                }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::Unknown(String::new())
            }
        }
    };
}

pub(crate) use words;
