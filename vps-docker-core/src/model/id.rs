use std::fmt;

use data_encoding::{Encoding, Specification};
use rand_core::{OsRng, RngCore};
use serde::{Deserialize, Serialize};

use super::text::text_conversions;
use crate::error::{Error, ErrorKind, Result};

/// Lower-case base32 without padding: legal in the tags of every provider.
pub(crate) fn base32() -> Encoding {
    let mut specification = Specification::new();
    specification
        .symbols
        .push_str("abcdefghijklmnopqrstuvwxyz234567");
    specification
        .encoding()
        .expect("32 distinct symbols make a base32 alphabet")
}

fn random_id() -> String {
    let mut bytes = [0_u8; 10];
    OsRng.fill_bytes(&mut bytes);
    base32().encode(&bytes)
}

fn parse_id(what: &str, text: String) -> Result<String> {
    let legal = text.len() == 16 && base32().decode(text.as_bytes()).is_ok();
    if legal {
        Ok(text)
    } else {
        Err(Error::new(
            ErrorKind::Invalid,
            format!("{text:?} is not a {what}: 16 characters of a-z and 2-7 are expected"),
        ))
    }
}

macro_rules! random_id_type {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Draws a new one: 80 random bits from the operating system.
            #[must_use]
            pub fn random() -> Self {
                Self(random_id())
            }

            /// Reads one back.
            ///
            /// # Errors
            /// [`ErrorKind::Invalid`] for anything but 16 characters of `a-z` and `2-7`.
            pub fn new(text: impl Into<String>) -> Result<Self> {
                parse_id($what, text.into()).map(Self)
            }
        }

        text_conversions!($name);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

random_id_type!(
    /// The identity of a host for its whole life. Chosen by us before anything is ordered, so that
    /// it can be looked for after an unclear outcome; a rename does not change it.
    HostId,
    "host id"
);

random_id_type!(
    /// Who ordered an instance: one id per data directory. Clean-up never touches what carries
    /// another owner's id.
    OwnerId,
    "owner id"
);

random_id_type!(
    /// The identity of a snapshot of a host. That of an instance's snapshot is the provider's, a
    /// [`SnapshotId`].
    HostSnapshotId,
    "snapshot id"
);

macro_rules! provider_id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps the provider's own text, unchanged.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The provider's own text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

provider_id_type!(
    /// The provider's id of an instance, kept as text whatever its form there.
    InstanceId
);
provider_id_type!(
    /// The provider's id of an SSH public key.
    SshKeyId
);
provider_id_type!(
    /// The provider's id of an instance snapshot.
    SnapshotId
);

/// The name of a host: a DNS label in lower case, 1 to 63 characters of `a-z`, `0-9` and `-`,
/// beginning and ending with a letter or digit. It becomes the instance's name and host name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostName(String);

impl HostName {
    /// Checks a name.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] says which rule the name breaks.
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        match broken_rule(&text) {
            None => Ok(Self(text)),
            Some(rule) => Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "the host name {text:?} {rule}; use 1 to 63 characters of a-z, 0-9 and '-', \
                     with a letter or digit at both ends"
                ),
            )),
        }
    }
}

text_conversions!(HostName);

macro_rules! file_name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks a name.
            ///
            /// # Errors
            /// [`ErrorKind::Invalid`] for a name that no file could have on every system.
            pub fn new(text: impl Into<String>) -> Result<Self> {
                let text = text.into();
                if is_file_name(&text) {
                    return Ok(Self(text));
                }
                Err(Error::new(
                    ErrorKind::Invalid,
                    format!(
                        "{text:?} is no name for {}; use 1 to 100 characters of a-z, A-Z, 0-9, \
                         '.', '_' and '-', with a letter or digit first",
                        $what
                    ),
                ))
            }
        }

        text_conversions!($name);
    };
}

file_name_type!(
    /// The name of an agent, a record that a client keeps under a host: 1 to 100 characters of
    /// `a-z`, `A-Z`, `0-9`, `.`, `_` and `-`, beginning with a letter or digit.
    AgentName,
    "an agent"
);

file_name_type!(
    /// What a user calls a snapshot, not necessarily once: 1 to 100 characters of `a-z`, `A-Z`,
    /// `0-9`, `.`, `_` and `-`, beginning with a letter or digit.
    SnapshotName,
    "a snapshot"
);

fn is_file_name(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

fn broken_rule(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("is empty".into());
    }
    if let Some(other) = text
        .chars()
        .find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-'))
    {
        return Some(if other.is_ascii() {
            format!("contains {other:?}")
        } else {
            // A lookalike is invisible when quoted: name its code point.
            format!("contains {other:?} (U+{:04X})", other as u32)
        });
    }
    if text.len() > 63 {
        return Some(format!("has {} characters", text.len()));
    }
    if text.starts_with('-') || text.ends_with('-') {
        return Some("has '-' at an end".into());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_are_dns_labels() {
        for good in ["a", "web1", "9lives", "a-b", &"x".repeat(63)] {
            HostName::new(good).expect(good);
        }
        for bad in [
            "",
            "-web",
            "web-",
            "Web",
            "web.1",
            "web_1",
            "web 1",
            "web\n",
            "wеb",
            "web\u{200b}",
            &"x".repeat(64),
        ] {
            let error = HostName::new(bad).expect_err(bad);
            assert_eq!(error.kind(), ErrorKind::Invalid, "{bad:?}");
        }
    }

    #[test]
    fn agent_names_are_file_names() {
        for good in ["a", "agent-1.x_Y", "9"] {
            AgentName::new(good).expect(good);
        }
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            "../a",
            "a b",
            "a\0",
            "é",
            &"x".repeat(101),
        ] {
            AgentName::new(bad).expect_err(bad);
        }
    }

    #[test]
    fn a_lookalike_is_named_by_its_code_point() {
        let error = HostName::new("wеb").expect_err("the e is Cyrillic");
        assert!(error.to_string().contains("U+0435"), "{error}");
    }

    #[test]
    fn ids_are_distinct_and_read_back() {
        let id = HostId::random();
        assert_ne!(id, HostId::random());
        assert_eq!(id.as_str().parse::<HostId>().expect("own text"), id);
        assert!("UPPERCASE2345678".parse::<HostId>().is_err());
    }
}
