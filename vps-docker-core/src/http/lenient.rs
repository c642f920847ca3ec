//! How a provider's answer is read: what nothing works without must be there; anything else may be
//! missing, null or of another shape than its documentation says.

use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The field, or its default where it is null or of another shape. For `deserialize_with`, beside
/// `#[serde(default)]` for the field that is missing.
///
/// # Errors
/// None of its own: only those of a document that is broken off.
pub fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    let value = Value::deserialize(deserializer)?;
    Ok(T::deserialize(value).unwrap_or_default())
}

/// Those entries of a list that can be read. For lists to choose from; of one that must be whole, such
/// as of instances, an unreadable entry is an error: [`null_is_empty`].
///
/// # Errors
/// As [`or_default`].
pub fn readable<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let values: Vec<Value> = or_default(deserializer)?;
    let entries = values.into_iter().map(T::deserialize);
    Ok(entries.filter_map(Result::ok).collect())
}

/// A list, each entry of which must be readable; null is an empty one.
///
/// # Errors
/// For an entry that cannot be read.
pub fn null_is_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// An id, which some APIs write as a number here and as a text there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Id(String);

impl Id {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) if !text.is_empty() => Ok(Self(text)),
            Value::Number(number) if number.is_u64() => Ok(Self(number.to_string())),
            _ => Err(D::Error::custom("an id is a number or a text")),
        }
    }
}

/// A word of an API's: an enum with an arm for each that is known and a last one, `Unknown`, for all
/// others. Reading it never fails: null and what is no text are unknown too.
///
/// ```
/// vps_docker_core::http::words! {
///     /// What an instance is doing.
///     State { Running = "running", Off = "off" }
/// }
/// let new: State = serde_json::from_str("\"hibernating\"").unwrap();
/// assert_eq!(new, State::Unknown("hibernating".into()));
/// ```
#[macro_export]
macro_rules! __words {
    ($(#[$doc:meta])* $name:ident { $($(#[$arm_doc:meta])* $arm:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) enum $name {
            $($(#[$arm_doc])* $arm,)+
            /// A word that we do not know, or none.
            Unknown(String),
        }

        impl Default for $name {
            fn default() -> Self {
                Self::Unknown(String::new())
            }
        }

        impl<'de> $crate::http::serde::Deserialize<'de> for $name {
            fn deserialize<D>(deserializer: D) -> ::std::result::Result<Self, D::Error>
            where
                D: $crate::http::serde::Deserializer<'de>,
            {
                let word: String = $crate::http::lenient::or_default(deserializer)?;
                Ok(match word.as_str() {
                    $($word => Self::$arm,)+
                    _ => Self::Unknown(word),
                })
            }
        }
    };
}

pub use __words as words;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    struct Thing {
        #[serde(default, deserialize_with = "or_default")]
        size: u64,
        #[serde(default, deserialize_with = "readable")]
        tags: Vec<String>,
    }

    crate::http::words! {
        /// What it is doing.
        Word { On = "on" }
    }

    fn read<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
        serde_json::from_str(text)
    }

    #[test]
    fn what_is_of_another_shape_is_as_good_as_missing() {
        for text in [
            "{}",
            r#"{"size": null, "tags": null}"#,
            r#"{"size": "large", "tags": "none"}"#,
            r#"{"size": -1.5, "tags": {}, "more": []}"#,
        ] {
            assert_eq!(read::<Thing>(text).expect(text), Thing::default());
        }
        let mixed: Thing = read(r#"{"size": 3, "tags": ["a", null, 1, "b"]}"#).expect("read");
        assert_eq!(
            (mixed.size, mixed.tags),
            (3, vec!["a".to_owned(), "b".to_owned()])
        );
    }

    #[test]
    fn ids_are_numbers_or_texts_and_nothing_else() {
        let ids: Vec<Id> = read(r#"[17, "a-b"]"#).expect("read");
        assert_eq!((ids[0].as_str(), ids[1].as_str()), ("17", "a-b"));
        for bad in ["null", "\"\"", "-1", "1.5", "{}"] {
            read::<Id>(bad).expect_err(bad);
        }
    }

    #[test]
    fn words_that_nobody_knows_are_kept() {
        assert_eq!(read::<Word>("\"on\"").expect("read"), Word::On);
        assert_eq!(
            read::<Word>("\"new\"").expect("read"),
            Word::Unknown("new".into())
        );
        assert_eq!(read::<Word>("null").expect("read"), Word::default());
    }
}
