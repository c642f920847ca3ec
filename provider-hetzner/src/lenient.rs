//! Reading what others write: a field that is not what it should be counts as missing, unless nothing
//! works without it. A file of its own because half of `wire.rs` would be this.

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

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

/// For `deserialize_with`: labels. None at all is an empty map; values that are no text are written as
/// JSON. Anything but a map is an error, for labels say whose something is.
pub(crate) fn labels<'de, D>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error>
where
    D: Deserializer<'de>,
{
    let labels = Option::<Map<String, Value>>::deserialize(deserializer)?.unwrap_or_default();
    let text = |(key, value)| match value {
        Value::String(text) => (key, text),
        Value::Null => (key, String::new()),
        other => (key, other.to_string()),
    };
    Ok(labels.into_iter().map(text).collect())
}

/// Something that the API lists under a name of its own: `{"servers": […], "meta": …}`.
pub(crate) trait Listed: DeserializeOwned {
    /// That name.
    const KEY: &'static str;
}

/// A page of a listing. The list must be there and each of its items readable: half a listing is a
/// wrong one.
#[derive(Debug)]
pub(crate) struct Listing<T> {
    pub(crate) items: Vec<T>,
    /// What is told of the next page, if anything.
    pub(crate) pagination: Option<Pagination>,
}

#[derive(Default, Deserialize)]
struct Meta {
    #[serde(default, deserialize_with = "or_default")]
    pagination: Option<Pagination>,
}

/// <https://docs.hetzner.cloud/reference/cloud#pagination>
#[derive(Debug, Deserialize)]
pub(crate) struct Pagination {
    /// `None` on the last page.
    pub(crate) next_page: Option<u64>,
}

impl<'de, T: Listed> Deserialize<'de> for Listing<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::<String, Value>::deserialize(deserializer)?;
        let items = fields.remove(T::KEY);
        let items = items.ok_or_else(|| D::Error::missing_field(T::KEY))?;
        let meta = fields.remove("meta").unwrap_or_default();
        Ok(Self {
            items: Vec::deserialize(items).map_err(D::Error::custom)?,
            pagination: Meta::deserialize(meta).unwrap_or_default().pagination,
        })
    }
}

/// A word of the API's: an enum with an arm for each one known, and one for all others.
macro_rules! word {
    ($(#[$doc:meta])* $name:ident { $($arm:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) enum $name {
            $($arm,)+
            /// A word that we do not know, or none.
            Unknown(String),
        }

        impl Default for $name {
            fn default() -> Self {
                Self::Unknown(String::new())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = serde_json::Value::deserialize(deserializer)?;
                Ok(match value.as_str() {
                    $(Some($text) => Self::$arm,)+
                    Some(other) => Self::Unknown(other.to_owned()),
                    None => Self::default(),
                })
            }
        }
    };
}

pub(crate) use word;
